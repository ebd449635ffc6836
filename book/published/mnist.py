"""MNIST with one hidden layer: the companion page of chapter 16."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnlib.activations import ReLU
from nnlib.functional import softmax
from nnlib.layers import Dense
from nnlib.losses import SoftmaxCrossEntropy
from nnlib.metrics import confusion_matrix, standard_error
from nnlib.models import Sequential
from nnlib.optimizers import Adam
from published.row import Row
from published.row import mnist as load

SETTINGS = {
    "layers": [784, 128, 10],
    "activation": "ReLU",
    "weights": "He normal",
    "bias": 0.0,
    "loss": "SoftmaxCrossEntropy",
    "optimizer": "Adam",
    "learning_rate": 0.002,
    "batch": 64,
    "early": 3,
    "epochs": 10,
    "held_out": 5_000,
    "pixels_divided_by": 255,
    "dtype": "float32",
}
WORST, UNITS, LEVELS = 10, 8, 4  # mistakes listed; units drawn; shades each side of 0


def prepare(images, held_out):
    """Return what is trained on, what is held out, and the test set, as pairs."""
    x = images.x_train.reshape(-1, 784) / np.float32(255)
    x_test = images.x_test.reshape(-1, 784) / np.float32(255)
    return (
        (x[:-held_out], images.y_train[:-held_out]),
        (x[-held_out:], images.y_train[-held_out:]),
        (x_test, images.y_test),
    )


def build(rng):
    """Return a network of 784, 128 and 10."""
    layers = [Dense(784, 128, rng=rng), ReLU(), Dense(128, 10, rng=rng)]
    return Sequential(layers, dtype=np.float32)


def learn(model, optimizer, train, held_out, rng, epochs):
    """Train for some epochs and return the history."""
    return model.fit(
        *train,
        loss=SoftmaxCrossEntropy(),
        optimizer=optimizer,
        epochs=epochs,
        batch_size=64,
        validation_data=held_out,
        metrics=["accuracy"],
        rng=rng,
    )


def accuracy(model, test):
    """Return the share of the test images that is right."""
    x, y = test
    return float((model.predict(x).argmax(axis=1) == y).mean())


def run(seed: int, data: Any, **settings: Any) -> dict[str, Any]:
    """Train twice, for a few epochs and then on; look at the test set after each."""
    s, rng = settings, np.random.default_rng(seed)
    train, held_out, test = prepare(data, s["held_out"])
    model, optimizer = build(rng), Adam(s["learning_rate"])
    weights = model.layers[0].params["W"]
    start = weights.copy()
    first = learn(model, optimizer, train, held_out, rng, s["early"])
    early = accuracy(model, test)
    more = learn(model, optimizer, train, held_out, rng, s["epochs"] - s["early"])
    late = accuracy(model, test)
    curves = {
        name: [round(v, 4) for v in first.metrics[key] + more.metrics[key]]
        for name, key in (("train", "accuracy"), ("held_out", "val_accuracy"))
    }
    p = softmax(model.predict(test[0]).astype(np.float64))
    return {
        "early_accuracy": round(early, 4),
        "accuracy": round(late, 4),
        "standard_error": round(standard_error(late, len(p)), 5),
        "parameters": model.theta.size,
        **curves,
        "_p": p,
        "_y": test[1],
        "_weights": weights.copy(),
        "_moved": np.abs(weights - start),
        "_seen": train[0].any(axis=0),
    }


def summarise(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what one network looks like, and what all of them get wrong."""
    p, y, weights, moved, seen = (
        runs[0][name] for name in ("_p", "_y", "_weights", "_moved", "_seen")
    )
    answer, given = p.argmax(axis=1), p[np.arange(len(y)), y]
    wrong = [set(np.flatnonzero(r["_p"].argmax(axis=1) != y)) for r in runs]
    worst = np.argsort(given, kind="stable")[:WORST]
    table = confusion_matrix(p, y)
    mistakes = table * (1 - np.eye(len(table), dtype=int))
    most = int(mistakes.max())
    units = np.sort(np.argsort(-np.linalg.norm(moved, axis=0))[:UNITS])
    strongest = float(np.quantile(np.abs(weights[:, units]), 0.99))
    shades = np.rint(np.clip(weights.T[units] / strongest, -1, 1) * LEVELS) + LEVELS
    return {
        "confusion": table.tolist(),
        "most_frequent_mistakes": [
            {"truth": int(truth), "answer": int(taken_for), "times": most}
            for truth, taken_for in np.argwhere(mistakes == most)
        ],
        "wrong": len(wrong[0]),
        "wrong_by_vote": int((sum(r["_p"] for r in runs).argmax(axis=1) != y).sum()),
        "wrong_in_all": len(set.intersection(*wrong)),
        "wrong_in_any": len(set.union(*wrong)),
        "worst": [
            {
                "image": int(i),
                "truth": int(y[i]),
                "answer": int(answer[i]),
                "sure": round(float(p[i, answer[i]]), 6),
                "given_truth": float(f"{given[i]:.1e}"),
            }
            for i in worst
        ],
        "pixels_never_seen": int((~seen).sum()),
        "moved_where_never_seen": float(moved[~seen].max(initial=0)),
        "moved_where_seen": round(float(np.median(moved[seen])), 3),
        "strongest_shade": round(strongest, 3),
        "levels": LEVELS,
        "units": units.tolist(),
        "weights": [
            ["".join(map(str, row)) for row in unit.reshape(28, 28)]
            for unit in shades.astype(int)
        ],
    }


ROWS = (
    Row(
        name="mnist",
        title="MNIST, 784-128-10",
        settings=SETTINGS,
        run=run,
        summarise=summarise,
        load=load,
    ),
)
