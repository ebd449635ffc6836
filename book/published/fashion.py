"""A perceptron of three hidden layers, from the list of Fashion-MNIST's makers."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from nnlib.activations import Sigmoid, Tanh
from nnlib.layers import Dense, Dropout, Layer
from nnlib.losses import CategoricalCrossEntropy
from nnlib.models import Sequential
from published.row import Published, Row, optimizer
from published.row import fashion as load

SETTINGS = {
    "layers": [784, 256, 128, 100, 10],
    "activation": "Tanh",
    "last_activation": "Sigmoid",  # divided by its sum, as Keras' cross-entropy does
    "dropout": 0.4,
    "weights": "He normal",
    "bias": 0.0,
    "loss": "CategoricalCrossEntropy",
    "optimizer": {
        "class": "SGD",
        "learning_rate": 0.01,
        "decay": 2e-6,
        "momentum": 0.975,
        "nesterov": True,
    },
    "batch": 100,
    "epochs": 100,
    "training_images": 48_000,
    "pixels_divided_by": 255,
    "dtype": "float32",
}


class Shares(Layer):
    """Divide positive numbers by their sum, for each sample."""

    def forward(self, x: Any, *, training: bool = False) -> Any:  # noqa: ARG002
        """Return the shares, of the shape of x."""
        self._sum = x.sum(axis=-1, keepdims=True)
        self._y = x / self._sum
        return self._y

    def backward(self, dy: Any) -> Any:
        """Return the gradient with respect to x: (dy - Σ dy·y) / sum."""
        return (dy - (dy * self._y).sum(axis=-1, keepdims=True)) / self._sum


def run(seed: int, data: Any, **settings: Any) -> dict[str, Any]:
    """Return the test accuracy after the last epoch."""
    s, rng = settings, np.random.default_rng(seed)
    kept = rng.permutation(len(data.x_train))[: s["training_images"]]
    x, x_test = (
        images.reshape(len(images), -1).astype(s["dtype"]) / s["pixels_divided_by"]
        for images in (data.x_train[kept], data.x_test)
    )
    *width, classes = s["layers"]
    layers: list[Any] = []
    for before, after in itertools.pairwise(width):
        dense = Dense(before, after, rng=rng)
        layers += [dense, Tanh(), Dropout(s["dropout"], rng=rng)]
    layers += [Dense(width[-1], classes, rng=rng), Sigmoid(), Shares()]
    model = Sequential(layers, dtype=s["dtype"])
    model.fit(
        x,
        data.y_train[kept],
        loss=CategoricalCrossEntropy(),
        optimizer=optimizer(s["optimizer"]),
        epochs=s["epochs"],
        batch_size=s["batch"],
        rng=rng,
    )
    right = model.predict(x_test).argmax(axis=1) == data.y_test
    return {"accuracy": round(float(right.mean()), 4)}


ROWS = (
    Row(
        name="fashion-mlp",
        title="Fashion, 256-128-100",
        settings=SETTINGS,
        run=run,
        load=load,
        published=Published(
            value=0.8833,
            key="accuracy",
            spec=".2%",
            source="fashionmlp",
            said="test accuracy 0.8833, the best of 30 runs",
        ),
    ),
)
