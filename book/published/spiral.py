"""The spiral of the from-scratch book, once for each of its optimisers."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from nnlib.activations import ReLU
from nnlib.datasets import make_spiral
from nnlib.initializers import normal
from nnlib.layers import Dense
from nnlib.losses import SoftmaxCrossEntropy
from nnlib.models import Sequential
from published.row import Published, Row, optimizer

SETTINGS = {
    "samples_per_class": 100,
    "classes": 3,
    "noise": 0.2,
    "hidden": 64,
    "weight_std": 0.01,
    "bias": 0.0,
    "dtype": "float32",
    "epochs": 10_000,  # the book's last line is printed before its 10,001st step
    "batch": "all",
}


def network(weights: Any, *, hidden: int, classes: int, dtype: str) -> Sequential:
    """Return the two layers, with the weights that a function of the shape gives."""

    def drawn(_rng: Any, shape: tuple[int, ...], dtype: Any) -> Any:
        return weights(shape).astype(dtype)

    layers = [
        Dense(2, hidden, rng=0, weight_init=drawn),
        ReLU(),
        Dense(hidden, classes, rng=0, weight_init=drawn),
    ]
    return Sequential(layers, dtype=dtype)


def train(
    model: Sequential, x: Any, y: Any, rng: Any, *, config: Any, epochs: int
) -> dict[str, float]:
    """Train on all points at once; return accuracy and loss on the same points."""
    loss = SoftmaxCrossEntropy()
    model.fit(
        x,
        y,
        loss=loss,
        optimizer=optimizer(config),
        epochs=epochs,
        batch_size=len(x),
        rng=rng,
    )
    scores = model.evaluate(x, y, loss=loss, metrics=["accuracy"], batch_size=len(x))
    return {"accuracy": round(scores["accuracy"], 4), "loss": round(scores["loss"], 4)}


def run(seed: int, _data: None = None, **settings: Any) -> dict[str, float]:
    """Return the accuracy on the training points, with points and weights of a seed."""
    rng = np.random.default_rng(seed)
    s = settings
    x, y = make_spiral(
        s["samples_per_class"], classes=s["classes"], noise=s["noise"], rng=rng
    )
    draw = partial(normal, rng, std=s["weight_std"])
    sizes = {k: s[k] for k in ("hidden", "classes", "dtype")}
    model = network(draw, **sizes)
    return train(model, x, y, rng, config=s["optimizer"], epochs=s["epochs"])


def replay(_data: None = None, **settings: Any) -> dict[str, float]:
    """Return what the book's own points and weights give, in two precisions.

    The book seeds NumPy's old generator with 0 and draws from it in a known order.
    """
    found: dict[str, float] = {}
    for dtype in ("float32", "float64"):
        s = settings
        rng = np.random.RandomState(0)
        x, y = book_points(rng, s["samples_per_class"], s["classes"], s["noise"])

        def draw(shape: tuple[int, ...], rng: Any = rng) -> Any:
            return np.float32(settings["weight_std"]) * rng.randn(*shape).astype(
                np.float32
            )

        sizes = {k: s[k] for k in ("hidden", "classes")}
        model = network(draw, **sizes, dtype=dtype)
        start = model.evaluate(x, y, loss=SoftmaxCrossEntropy(), metrics=["accuracy"])
        found["replay_start"] = round(start["accuracy"], 4)
        done = train(model, x, y, 0, config=s["optimizer"], epochs=s["epochs"])
        found[f"replay_{dtype}"] = done["accuracy"]
    return found


def book_points(rng: Any, samples: int, classes: int, noise: float) -> Any:
    """Return the points as the book's package draws them: noise rounded to 32 bits."""
    radius = np.linspace(0, 1, samples)
    x, y = [], []
    for k in range(classes):
        drawn = rng.randn(samples).astype(np.float32)
        turn = np.linspace(4 * k, 4 * (k + 1), samples) + drawn * noise
        x.append(np.c_[radius * np.sin(2.5 * turn), radius * np.cos(2.5 * turn)])
        y.append(np.full(samples, k))
    return np.concatenate(x).astype(np.float32), np.concatenate(y)


def _row(name: str, title: str, value: float, config: dict[str, Any]) -> Row:
    return Row(
        name=f"spiral-{name}",
        title=f"Spiral, {title}",
        settings={**SETTINGS, "optimizer": config},
        run=run,
        once=replay,
        seeds=tuple(range(20)),
        published=Published(
            value=value,
            key="accuracy",
            spec=".1%",
            source="kinsley2020",
            said=f"training accuracy {value:.3f} at epoch 10,000",
        ),
    )


ROWS = (
    _row("sgd", "plain SGD", 0.647, {"class": "SGD", "learning_rate": 1.0}),
    _row(
        "momentum",
        "SGD, momentum 0.9",
        0.957,
        {"class": "SGD", "learning_rate": 1.0, "decay": 1e-3, "momentum": 0.9},
    ),
    _row(
        "adagrad",
        "AdaGrad",
        0.840,
        {"class": "AdaGrad", "learning_rate": 1.0, "decay": 1e-4, "epsilon": 1e-7},
    ),
    _row(
        "rmsprop",
        "RMSProp",
        0.900,
        {
            "class": "RMSProp",
            "learning_rate": 0.02,
            "decay": 1e-5,
            "rho": 0.999,
            "epsilon": 1e-7,
        },
    ),
    _row(
        "adam",
        "Adam",
        0.967,
        {
            "class": "Adam",
            "learning_rate": 0.05,
            "decay": 5e-7,
            "beta1": 0.9,
            "beta2": 0.999,
            "epsilon": 1e-7,
        },
    ),
)
