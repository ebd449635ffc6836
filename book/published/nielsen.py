"""Nielsen's first network, and his baseline that only sees how dark an image is."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from nnlib.activations import Sigmoid
from nnlib.functional import one_hot
from nnlib.initializers import normal
from nnlib.layers import Dense
from nnlib.losses import MeanSquaredError
from nnlib.models import Sequential
from published.row import Published, Row, mnist, optimizer

SETTINGS = {
    "layers": [784, 30, 10],
    "activation": "Sigmoid",
    "weight_std": 1.0,
    "bias_std": 1.0,
    "loss": "MeanSquaredError",  # a fifth of his quadratic cost, so five times his rate
    "optimizer": {"class": "SGD", "learning_rate": 15.0},
    "batch": 10,
    "epochs": 30,
    "training_images": 50_000,
    "pixels_divided_by": 256,
    "dtype": "float64",
}
DARKNESS = {"training_images": 50_000}


def run(seed: int, data: Any, **settings: Any) -> dict[str, Any]:
    """Return the share of the test images that is right: the best epoch, and others."""
    s, rng = settings, np.random.default_rng(seed)
    first = slice(s["training_images"])
    width = s["layers"]
    x, x_test = (
        images.reshape(len(images), -1) / s["pixels_divided_by"]
        for images in (data.x_train[first], data.x_test)
    )
    y, y_test = (one_hot(y, width[-1]) for y in (data.y_train[first], data.y_test))
    layers = []
    for before, after in itertools.pairwise(width):
        dense = Dense(before, after, rng=rng, weight_init=normal, bias_init=normal)
        layers += [dense, Sigmoid()]
    model = Sequential(layers, dtype=s["dtype"])
    at_start = model.predict(x_test)
    history = model.fit(
        x,
        y,
        loss=MeanSquaredError(),
        optimizer=optimizer(s["optimizer"]),
        epochs=s["epochs"],
        batch_size=s["batch"],
        validation_data=(x_test, y_test),
        metrics=["accuracy"],
        rng=rng,
    )
    scores = [round(score, 4) for score in history.metrics["val_accuracy"]]
    outputs = model.predict(x_test)
    right = outputs.argmax(axis=1) == data.y_test
    shares = [right[data.y_test == digit].mean() for digit in range(width[-1])]
    worst = int(np.argmin(shares))
    before, after = (
        np.median(out[data.y_test == worst, worst]) for out in (at_start, outputs)
    )
    return {
        "worst_digit": round(float(min(shares)), 4),
        # What its unit gives for its images, in the median.
        "worst_digit_output": float(f"{after:.1e}"),
        "worst_digit_output_at_start": float(f"{before:.1e}"),
        "best": max(scores),
        "best_epoch": scores.index(max(scores)) + 1,
        "first": scores[0],
        "last": scores[-1],
    }


def darkness(data: Any, **settings: Any) -> dict[str, Any]:
    """Return how many test images are right by their darkness, and by one answer."""
    first = slice(settings["training_images"])
    dark, dark_test = (
        images.sum(axis=(1, 2), dtype=np.int64)
        for images in (data.x_train[first], data.x_test)
    )
    labels = data.y_train[first]
    means = np.array([dark[labels == digit].mean() for digit in range(10)])
    answers = np.abs(dark_test[:, None] - means).argmin(axis=1)
    right = int((answers == data.y_test).sum())
    often = int(np.bincount(labels).argmax())
    same = int((data.y_test == often).sum())
    total = len(data.y_test)
    return {
        "right": right,
        "share": round(right / total, 4),
        "most_frequent": often,
        "most_frequent_right": same,
        "most_frequent_share": round(same / total, 4),
        "test_images": total,
    }


ROWS = (
    Row(
        name="darkness",
        title="Darkness alone",
        settings=DARKNESS,
        once=darkness,
        load=mnist,
        seeds=(),
        published=Published(
            value=0.2225,
            key="share",
            spec=".2%",
            source="nielsen2015",
            said="2,225 of 10,000 test images",
        ),
    ),
    Row(
        name="nielsen",
        title="Nielsen, 784-30-10",
        settings=SETTINGS,
        run=run,
        load=mnist,
        published=Published(
            value=0.9542,
            key="best",
            spec=".2%",
            source="nielsen2015",
            said="9,542 of 10,000 test images in the best of 30 epochs, "
            "in the best of three runs",
        ),
    ),
)
