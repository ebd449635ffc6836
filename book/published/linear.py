"""The one-layer classifier that LeCun and others begin their comparison with."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnlib.activations import Sigmoid
from nnlib.functional import one_hot
from nnlib.initializers import zeros
from nnlib.layers import Dense
from nnlib.losses import MeanSquaredError, SoftmaxCrossEntropy
from nnlib.models import Sequential
from published.row import Published, Row, mnist, optimizer

SETTINGS = {
    "layers": [784, 10],
    "weights": "zeros",
    "bias": 0.0,
    "batch": 32,
    "epochs": 20,
    "training_images": 60_000,
    "pixels_divided_by": 255,
    "dtype": "float32",
}


def pixels(data: Any, s: dict[str, Any], dtype: str) -> tuple[Any, Any]:
    """Return the training and the test images, a row each."""
    x, x_test = (
        images.reshape(len(images), -1).astype(dtype) / s["pixels_divided_by"]
        for images in (data.x_train[: s["training_images"]], data.x_test)
    )
    return x, x_test


def direct(data: Any, **settings: Any) -> dict[str, float]:
    """Return the test accuracy of linear units with the least squared error.

    It is the solution of a linear system, one equation a weight and one for the bias;
    of several, that with the smallest weights.
    """
    x, x_test = (
        np.column_stack([images, np.ones(len(images))])
        for images in pixels(data, settings, "float64")
    )
    y = one_hot(data.y_train[: len(x)], settings["layers"][-1])
    weights, *_ = np.linalg.lstsq(x.T @ x, x.T @ y)
    right = (x_test @ weights).argmax(axis=1) == data.y_test
    return {"direct": round(float(right.mean()), 4), "equations": len(weights)}


def run(seed: int, data: Any, **settings: Any) -> dict[str, Any]:
    """Return the test accuracy of one layer after the last epoch."""
    s, rng = settings, np.random.default_rng(seed)
    x, x_test = pixels(data, s, s["dtype"])
    labels, (inputs, classes) = data.y_train[: len(x)], s["layers"]
    layers: list[Any] = [Dense(inputs, classes, rng=rng, weight_init=zeros)]
    if s["units"] == "sigmoid":
        layers.append(Sigmoid())
    softmax = s["units"] == "softmax"
    model = Sequential(layers, dtype=s["dtype"])
    model.fit(
        x,
        labels if softmax else one_hot(labels, classes),
        loss=SoftmaxCrossEntropy() if softmax else MeanSquaredError(),
        optimizer=optimizer(s["optimizer"]),
        epochs=s["epochs"],
        batch_size=s["batch"],
        rng=rng,
    )
    right = model.predict(x_test).argmax(axis=1) == data.y_test
    return {"accuracy": round(float(right.mean()), 4)}


def _row(units: str, loss: str, rate: float) -> Row:
    title = "softmax" if units == "softmax" else f"{units} units"
    return Row(
        name=f"linear-{units}",
        title=f"One layer, {title}",
        settings={
            **SETTINGS,
            "units": units,
            "loss": loss,
            "optimizer": {"class": "SGD", "learning_rate": rate},
        },
        run=run,
        once=direct if units == "linear" else None,
        load=mnist,
        published=Published(
            value=0.88,
            key="accuracy",
            spec=".1%",
            source="lecun1998",
            said="12.0 % error on the test set, nothing done to the images",
        ),
    )


ROWS = (
    _row("linear", "MeanSquaredError", 0.05),
    _row("sigmoid", "MeanSquaredError", 1.0),
    _row("softmax", "SoftmaxCrossEntropy", 0.1),
)
