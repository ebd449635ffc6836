"""Answers to the exercises of chapter 16."""

import math

import numpy as np

from nnlib.datasets import load_digits

PIXELS, DIGITS = load_digits()


def neighbour(x, y):
    half = (x**2).sum(axis=1) / 2
    return lambda new: y[(new @ x.T - half).argmax(axis=1)]


def average(x, y):
    means = np.array([x[y == k].mean(axis=0) for k in range(10)])
    return neighbour(means, np.arange(10))


def six_averages(x, y):
    """The nearest of six averages a digit."""
    rng = np.random.default_rng(0)
    means, names = [], []
    for k in range(10):
        own = x[y == k]
        centres = own[rng.permutation(len(own))[:6]]
        for _ in range(10):
            at = ((own[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
            centres = np.array([own[at == j].mean(axis=0) for j in range(6)])
        means.append(centres)
        names += [k] * 6
    return neighbour(np.concatenate(means), np.array(names))


def knows_the_file(_x, _y):
    return lambda new: neighbour(PIXELS / 16, DIGITS)(new)


def finds_again(_x, _y):
    """Looks every image up by a number that does not depend on the pixels' order."""

    def read(new):
        known = (PIXELS**3).sum(axis=1)
        gaps = np.abs(((16 * new) ** 3).sum(axis=1)[:, None] - known)
        return DIGITS[gaps.argmin(axis=1)]

    return read


def standardises_the_new(x, y):
    read = neighbour(x - x.mean(axis=0), y)
    return lambda new: read(new - new.mean(axis=0))


def changes_x(x, y):
    x /= x.max()
    x -= x.mean(axis=0)
    return neighbour(x, y)


def sorts_what_it_reads(x, y):
    read = neighbour(x, y)

    def changing(new):
        named = read(new)
        new[:] = 0
        return named

    return changing


def gives_scores(x, y):
    means = np.array([x[y == k].mean(axis=0) for k in range(10)])
    return lambda new: new @ means.T - (means**2).sum(axis=1) / 2


def gives_floats(x, y):
    read = neighbour(x, y)
    return lambda new: read(new).astype(float)


def gives_a_column(x, y):
    read = neighbour(x, y)
    return lambda new: read(new)[:, None]


def counts_on_64(x, y):
    read = neighbour(x, y)
    return lambda new: read(new.reshape(-1, 8, 8).reshape(-1, 64))


def gives_answers(_x, y):
    return y


def constant(_x, y):
    return lambda new: np.full(len(new), np.bincount(y).argmax())


def by_chance(_x, _y):
    rng = np.random.default_rng(0)
    return lambda new: rng.integers(0, 10, len(new))


def reads_nothing(_x, _y):
    return lambda new: None


def hardly_better(x, y):
    """The nearest average, with the first twenty images remembered besides."""
    means = np.array([x[y == k].mean(axis=0) for k in range(10)])
    return neighbour(np.concatenate([means, x[:20]]), np.append(np.arange(10), y[:20]))


def differences(a, b):
    return a.astype(float) - b


def right_error(a, b):
    return differences(a, b).std() / math.sqrt(len(a))


def with_n_minus_1(a, b):
    return differences(a, b).std(ddof=1) / math.sqrt(len(a))


def independent(a, b):
    return math.hypot(a.std(), b.std()) / math.sqrt(len(a))


def without_the_square(a, b):
    return math.sqrt((a ^ b).sum()) / len(a)


def of_one_image(a, b):
    return differences(a, b).std()


def variance(a, b):
    return differences(a, b).var() / len(a)


def only_a(a, _b):
    return a.std() / math.sqrt(len(a))


def subtracts_the_counts(a, b):
    return math.sqrt(abs(int(a.sum()) - int(b.sum()))) / len(a)


def array_of_errors(a, b):
    return np.abs(differences(a, b)) / len(a)


def subtracts_bools(a, b):
    return np.std(np.subtract(a, b)) / math.sqrt(len(a))


def overwrites(a, b):
    a ^= b
    return right_error(a, b)


WRONG = [
    ("unseen", lambda x, y: None, "train returned None"),
    ("unseen", gives_answers, "train must return a function .* got ndarray"),
    ("unseen", reads_nothing, "read returned None"),
    ("unseen", constant, r"right for 8.5 % of 400 unseen images, the nearest average"),
    ("unseen", average, "the nearest average for"),
    ("unseen", hardly_better, "not better by two standard errors.*eq. 16.10"),
    (
        "unseen",
        knows_the_file,
        "take all sizes from x and y, and no data from elsewhere",
    ),
    ("unseen", finds_again, "it uses data besides x and y"),
    ("unseen", standardises_the_new, "depends on the other images"),
    ("unseen", by_chance, "depends on the other images, or on chance"),
    ("unseen", changes_x, "train changed what it was given"),
    ("unseen", sorts_what_it_reads, "read changed what it was given"),
    ("unseen", gives_scores, r"scores \(400, 10\)"),
    ("unseen", gives_floats, "whole numbers, got dtype float64"),
    ("unseen", gives_a_column, r"must return shape \(400,\), got \(400, 1\)"),
    ("unseen", counts_on_64, "take all sizes from x and y"),
    ("difference_error", lambda a, b: None, "nothing to check"),
    ("difference_error", independent, "two independent scores"),
    ("difference_error", without_the_square, "subtract its square, eq. 16.10"),
    ("difference_error", of_one_image, "the scatter of one image"),
    ("difference_error", variance, "that is the variance: its root is missing"),
    ("difference_error", only_a, "the standard error of A alone"),
    ("difference_error", subtracts_the_counts, "added, not subtracted"),
    ("difference_error", array_of_errors, r"one number, got shape \(100,\)"),
    ("difference_error", subtracts_bools, "NumPy says: numpy boolean subtract"),
    ("difference_error", overwrites, "an argument was changed"),
    ("difference_error", lambda a, b: 0.03, "expected 0.05099, got 0.03000"),
    ("difference_error", lambda a, b: "0.05", "a finite number, got '0.05'"),
    ("difference_error", lambda a, b: math.nan, "a finite number, got nan"),
    ("images_needed", lambda p, m: None, "nothing to check"),
    ("images_needed", lambda p, m: 4 * p * (1 - p) / m**2, "images come whole"),
    ("images_needed", lambda p, m: int(4 * p * (1 - p) / m**2), "round up"),
    ("images_needed", lambda p, m: math.ceil(p * (1 - p) / m**2), "one standard error"),
    ("images_needed", lambda p, m: math.ceil(2 * p * (1 - p) / m**2), "2 is squared"),
    ("images_needed", lambda p, m: math.ceil(4 * p * (1 - p) / m), "margin is squared"),
    ("images_needed", lambda p, m: math.ceil(1 / m**2), "the worst case"),
    (
        "images_needed",
        lambda p, m: math.ceil(4 * p / m**2),
        r"p \(1 - p\), not p, eq. 16.6",
    ),
    ("images_needed", lambda p, m: 1000, "it gives 1000, expected 809"),
    ("images_needed", lambda p, m: math.inf, "a finite number, got inf"),
    ("images_needed", lambda p, m: math.nan, "a finite number, got nan"),
    ("images_needed", lambda p, m: "809", "a finite number, got '809'"),
    ("images_needed", lambda p, m: [809], r"one number, got shape \(1,\)"),
]
RIGHT = [
    ("unseen", neighbour),
    ("unseen", six_averages),
    ("difference_error", right_error),
    ("difference_error", with_n_minus_1),
    ("images_needed", lambda p, m: math.ceil(4 * p * (1 - p) / m**2)),
    ("images_needed", lambda p, m: np.ceil(4 * p * (1 - p) / m**2)),
]
NUMBERS = [
    ("16_digits", "eq-paired", 10),
    ("16_digits", "eq-score-variance", 6),
]
