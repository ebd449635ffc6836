"""Answers to the exercises of chapter 15."""

import numpy as np

from nnlib.losses import MeanAbsoluteError
from nnlib.metrics import r2


def by_class(c, t):
    return MeanAbsoluteError()(np.full(t.shape, c), t)


def huber_cost(c, t):
    size = np.abs(t - c)
    near = np.minimum(size, 1.0)
    return np.mean(near * (size - near / 2))


def pinball(c, t):
    return np.mean(np.where(t > c, 0.75 * (t - c), 0.25 * (c - t)))


def nearly_even(c, t):
    return np.mean(np.where(t > c, 0.51 * (t - c), 0.49 * (c - t)))


def round_corner(c, t):
    return np.mean(np.sqrt((t - c) ** 2 + 0.01))


def narrow_huber(c, t):
    size = np.abs(t - c)
    near = np.minimum(size, 0.1)
    return np.mean(near * (size - near / 2))


def size_of_the_slope(c, t):
    return abs(np.sum(t < c) - np.sum(t > c)) / len(t)


def sorts_its_input(c, t):
    t -= c
    return np.mean(np.abs(t))


def distance_to_the_median(c, t):
    return abs(c - np.median(t))


def total_squares(y, t):
    return 1 - np.sum((t - y) ** 2) / np.sum(t**2)


def against_predictions(y, t):
    return 1 - np.sum((t - y) ** 2) / np.sum((y - y.mean()) ** 2)


def clipped(y, t):
    return max(by_definition(y, t), 0.0)


def by_definition(y, t):
    return 1 - np.sum((t - y) ** 2) / np.sum((t - t.mean()) ** 2)


def rooted(y, t):
    return 1 - np.sqrt(1 - by_definition(y, t))


def columns_refused(y, t):
    if y.ndim != 1 or t.ndim != 1:
        raise ValueError("one row of numbers, please")
    return by_definition(y, t)


def asserts(y, t):
    assert y.shape == t.shape
    return by_definition(y, t)


def explained(y, t):
    return np.sum((y - t.mean()) ** 2) / np.sum((t - t.mean()) ** 2)


def mixed(y, t):
    return 1 - np.mean((t - y) ** 2) / np.var(t, ddof=1)


def sizes(y, t):
    return 1 - np.abs(t - y).sum() / np.abs(t - t.mean()).sum()


def fixed(y, t):
    t[0] += 0.0
    y[1] += 1.0
    return r2(y, t)


WRONG = [
    ("median_loss", lambda c, t: None, "returned None"),
    ("median_loss", lambda c, t: np.abs(t - c), r"one number, got shape \(5,\)"),
    (
        "median_loss",
        lambda c, t: np.mean((t - c) ** 2),
        r"the mean: squares, eq\. 15\.9",
    ),
    ("median_loss", lambda c, t: np.max(np.abs(t - c)), "midway between the ends"),
    ("median_loss", lambda c, t: np.mean(t - c), "goes on falling"),
    ("median_loss", lambda c, t: np.mean(t != c), "the most frequent"),
    ("median_loss", huber_cost, r"must not depend on how far it is, eq\. 15\.10"),
    ("median_loss", pinball, "too high and too low by as much"),
    ("median_loss", sorts_its_input, "t was changed"),
    ("median_loss", distance_to_the_median, "one number for each"),
    ("median_loss", lambda c, t: np.sum(np.abs(t - c)), "that is a sum"),
    ("median_loss", lambda c, t: 0.0, "the same for every c"),
    ("median_loss", lambda c, t: np.mean(np.abs(t - c) ** 1.1), "15.10"),
    (
        "median_loss",
        lambda c, t: np.mean(np.log(np.abs(t - c) + 1e-300)),
        "must cost twice",
    ),
    ("median_loss", lambda c, t: t @ np.zeros((1, 2)), "NumPy says"),
    ("median_loss", lambda c, t: np.nan, "the loss is nan"),
    ("median_loss", nearly_even, r"too high by 1 .* eq\. 15\.10"),
    ("median_loss", round_corner, r"not always cost twice as much.* eq\. 15\.10"),
    ("median_loss", narrow_huber, "not always cost twice as much"),
    ("median_loss", lambda c, t: np.mean(np.abs(t - c) ** 1.01), "not always"),
    ("median_loss", size_of_the_slope, "not always cost twice as much"),
    ("median_loss", lambda c, t: np.median(np.abs(t - c)), "one number for each"),
    ("median_loss", lambda c, t: abs(np.mean(t - c)), "one number for each"),
    ("r2", lambda y, t: None, "returned None"),
    ("r2", lambda y, t: np.corrcoef(y, t)[0, 1] ** 2, "squared correlation"),
    ("r2", lambda y, t: 1 - by_definition(y, t), r"1 minus it.* eq\. 15\.14"),
    ("r2", lambda y, t: by_definition(t, y), "not of the predictions"),
    ("r2", against_predictions, "not of the predictions"),
    ("r2", total_squares, "the mean was not subtracted"),
    ("r2", sizes, "those are sizes"),
    ("r2", mixed, "N - 1 below"),
    ("r2", explained, "variation of the predictions"),
    ("r2", clipped, "must give a negative score"),
    ("r2", lambda y, t: np.mean((t - y) ** 2), "mean squared error"),
    ("r2", fixed, "was changed"),
    ("r2", by_definition, r"\(4, 1\) and \(4,\) .* broadcasts them.* eq\. 2\.7"),
    ("r2", columns_refused, r"\(1,\) and \(4,\) .* broadcasts them"),
    ("r2", asserts, "raises AssertionError: raise a ValueError"),
    ("r2", lambda y, t: max(by_definition(y, t), -2.0), "expected -"),
    ("r2", lambda y, t: 1 - np.var(t - y) / np.var(t), "forgives a wrong height"),
    ("r2", rooted, "square roots"),
    ("r2", lambda y, t: np.ones(4), r"one number, got shape \(4,\)"),
]
RIGHT = [
    ("median_loss", by_class),
    ("median_loss", lambda c, t: np.mean(np.abs(t - c) - np.abs(t))),
    ("median_loss", lambda c, t: np.mean(np.abs(t - c), dtype=np.float32)),
    ("median_loss", lambda c, t: 3 * np.mean(np.abs(t - c)) + 1),
    ("r2", r2),
]
NUMBERS = [
    ("15_regression", "eq-huber-slope", 6),
    ("15_regression", "eq-mse-mean", 9),
    ("15_regression", "eq-mae-median", 10),
    ("15_regression", "eq-huber-weights", 11),
    ("15_regression", "eq-huber-variance", 12),
    ("15_regression", "def-r2", 14),
    ("15_regression", "def-sir", 16),
    ("02_dense", "eq-broadcast-trap", 7),
]
