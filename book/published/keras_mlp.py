"""The multilayer perceptron among Keras' examples."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from nnlib.activations import ReLU
from nnlib.layers import Dense, Dropout
from nnlib.losses import SoftmaxCrossEntropy
from nnlib.models import Sequential
from published.row import Published, Row, mnist, optimizer

SETTINGS = {
    "layers": [784, 512, 512, 10],
    "activation": "ReLU",
    "dropout": 0.2,
    "weights": "Glorot uniform",
    "bias": 0.0,
    "loss": "SoftmaxCrossEntropy",
    "optimizer": {
        "class": "RMSProp",
        "learning_rate": 0.001,
        "rho": 0.9,
        "epsilon": 1e-8,
    },
    "batch": 128,
    "epochs": 20,
    "training_images": 60_000,
    "pixels_divided_by": 255,
    "dtype": "float32",
}


def glorot_uniform(rng: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """Return weights drawn evenly within ±sqrt(6 / (inputs + outputs))."""
    limit = math.sqrt(6 / sum(shape))
    return rng.uniform(-limit, limit, shape).astype(dtype)


def run(seed: int, data: Any, **settings: Any) -> dict[str, Any]:
    """Return the test accuracy after each epoch and after the last."""
    s, rng = settings, np.random.default_rng(seed)
    first = slice(s["training_images"])
    x, x_test = (
        images.reshape(len(images), -1).astype(s["dtype"]) / s["pixels_divided_by"]
        for images in (data.x_train[first], data.x_test)
    )
    layers: list[Any] = []
    width = s["layers"]
    for before, after in itertools.pairwise(width):
        dense = Dense(before, after, rng=rng, weight_init=glorot_uniform)
        layers += [dense, ReLU(), Dropout(s["dropout"], rng=rng)]
    model = Sequential(layers[:-2], dtype=s["dtype"])
    history = model.fit(
        x,
        data.y_train[first],
        loss=SoftmaxCrossEntropy(),
        optimizer=optimizer(s["optimizer"]),
        epochs=s["epochs"],
        batch_size=s["batch"],
        validation_data=(x_test, data.y_test),
        metrics=["accuracy"],
        rng=rng,
    )
    scores = [round(score, 4) for score in history.metrics["val_accuracy"]]
    return {"accuracy": scores[-1], "best": max(scores), "epochs": scores}


ROWS = (
    Row(
        name="keras-mlp",
        title="Keras, 784-512-512-10",
        settings=SETTINGS,
        run=run,
        load=mnist,
        published=Published(
            value=0.9840,
            key="accuracy",
            spec=".2%",
            source="kerasmlp",
            said="98.40 % test accuracy after 20 epochs",
        ),
    ),
)
