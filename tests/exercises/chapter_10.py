"""Answers to the exercises of chapter 10."""

# ruff: noqa: ARG001 (a rule is handed what it may not need)

import numpy as np


def top(x):
    return np.linalg.eigvalsh(x.T @ x / len(x))[-1]


def changes_x(x):
    x -= 1
    return 2 / top(x + 1)


def cut(order, size):
    return [order[i : i + size] for i in range(0, len(order), size)]


def with_replacement(n, size, rng):
    return cut(rng.integers(0, n, n), size)


def without_the_rest(n, size, rng):
    return rng.permutation(n)[: n // size * size].reshape(-1, size)


def always_the_same(n, size, rng):
    return cut(np.random.default_rng(0).permutation(n), size)


def counted_from_one(n, size, rng):
    return cut(rng.permutation(n) + 1, size)


def from_the_global_generator(n, size, rng):
    return cut(np.random.permutation(n), size)  # noqa: NPY002


def from_fresh_entropy(n, size, rng):
    return cut(np.random.default_rng().permutation(n), size)


def only_turned(n, size, rng):
    return cut(np.roll(np.arange(n), rng.integers(n)), size)


def only_the_first_drawn(n, size, rng):
    first = rng.choice(n, min(n, size), replace=False)
    return [first, *cut(np.setdiff1d(np.arange(n), first), size)]


def in_place(n, size, rng):
    order = np.arange(n)
    rng.shuffle(order)
    return np.split(order, range(size, n, size))


def power_iteration(x):
    v = np.random.default_rng(0).normal(size=x.shape[1])
    for _ in range(200):
        v = x.T @ (x @ v) / len(x)
        v = v / np.sqrt(v @ v)
    return 2 / (v @ (x.T @ (x @ v)) / len(x))


def ratio_of_lengths(x):
    v, length = np.random.default_rng(1).normal(size=x.shape[1]), 1.0
    for _ in range(500):
        v = v / length
        v = x.T @ (x @ v) / len(x)
        length = np.sqrt(v @ v)
    return 2 / length


def too_few_powers(x):
    v = np.ones(x.shape[1])
    return 2 * np.sqrt(v @ v) / np.sqrt(((x.T @ (x @ v) / len(x)) ** 2).sum())


def split_evenly(n, size, rng):
    return np.array_split(rng.permutation(n), -(-n // size))


WRONG = [
    ("largest_rate", lambda x: None, "nothing to check"),
    ("largest_rate", lambda x: 1 / top(x), "twice it no more"),
    (
        "largest_rate",
        lambda x: 2 / np.linalg.eigvalsh(x.T @ x)[-1],
        "mean over the samples, eq. 10.3",
    ),
    (
        "largest_rate",
        lambda x: 2 / np.linalg.eigvalsh(x.T @ x / len(x))[0],
        "diverges already; the steepest direction",
    ),
    (
        "largest_rate",
        lambda x: 2 / np.trace(x.T @ x / len(x)),
        "more is stable: see eq. 10.5",
    ),
    (
        "largest_rate",
        lambda x: 2 / top(x) * len(x),
        "for N = 40 it is N times too large",
    ),
    (
        "largest_rate",
        lambda x: 2 / np.linalg.norm(x, 2),
        "diverges already|still converges",
    ),
    ("largest_rate", lambda x: -2 / top(x), "positive number"),
    (
        "largest_rate",
        lambda x: 2 / np.linalg.eigvalsh(x.T @ x / len(x)),
        "expected one number",
    ),
    ("largest_rate", changes_x, "your function changed X"),
    ("largest_rate", too_few_powers, "diverges already; the steepest direction"),
    ("batches", lambda n, size, rng: None, "nothing to check"),
    (
        "batches",
        lambda n, size, rng: cut(np.arange(n), size),
        "same order: shuffle each time",
    ),
    ("batches", always_the_same, "same order: shuffle each time"),
    ("batches", with_replacement, "used twice: draw without replacement"),
    ("batches", without_the_rest, "were never used"),
    ("batches", counted_from_one, r"\[0\] were never used"),
    ("batches", from_the_global_generator, "one seed gave two different epochs"),
    ("batches", from_fresh_entropy, "one seed gave two different epochs"),
    ("batches", only_turned, "only 4 of the 24 orders came"),
    ("batches", only_the_first_drawn, "only 12 of the 24 orders came"),
    (
        "batches",
        lambda n, size, rng: cut(rng.permutation(n).astype(float), size),
        "whole numbers",
    ),
    ("batches", split_evenly, r"expected sizes \[4, 4, 2\], got \[4, 3, 3\]"),
    (
        "batches",
        lambda n, size, rng: rng.permutation(n).reshape(-1, size),
        "the last may be smaller",
    ),
]
RIGHT = [
    ("largest_rate", lambda x: 2 / top(x)),
    ("largest_rate", lambda x: 2 * len(x) / np.linalg.norm(x, 2) ** 2),
    ("largest_rate", power_iteration),
    ("largest_rate", ratio_of_lengths),
    ("batches", lambda n, size, rng: cut(rng.permutation(n), size)),
    ("batches", in_place),
    (
        "batches",
        lambda n, size, rng: iter(
            [b.tolist() for b in cut(np.argsort(rng.random(n)), size)]
        ),
    ),
]
NUMBERS = [
    ("10_step_size", "eq-hessian", 3),
    ("10_step_size", "eq-stable", 5),
    ("10_step_size", "eq-minibatch-variance", 9),
]
