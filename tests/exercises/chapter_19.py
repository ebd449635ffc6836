"""Answers to the exercises of chapter 19."""

from math import ceil

import numpy as np

from nnlib.layers import Dropout


def changes_dy(dy, mask, p):
    dy *= mask / (1 - p)
    return dy


def changes_the_mask(dy, mask, p):
    mask[0] = True
    return dy * mask / (1 - p)


def draws(dy, mask, p):
    return dy * (np.random.default_rng().random(mask.shape) >= p) / (1 - p)


def doubles(dy, mask, p):
    return (dy * mask / (1 - p)).astype(np.float64)


def transposes(dy, mask, p):
    return dy * mask.T / (1 - p)


class Forgetful(Dropout):
    def backward(self, dy):
        return dy if self._mask is None else dy * self._mask


class TwoMasks(Dropout):
    def backward(self, dy):
        if self._mask is None:
            return dy
        return dy * (self.rng.random(dy.shape) >= self.p) / (1 - self.p)


class FirstMask(Dropout):
    def forward(self, x, *, training=False):
        if training and self._mask is not None:
            return x * self._mask / (1 - self.p)
        return super().forward(x, training=training)


class OneMask(Dropout):
    """One mask for all samples of a batch."""

    def forward(self, x, *, training=False):
        super().forward(x, training=training)
        if not training:
            return x
        row = self.rng.random(x.shape[1:]) >= self.p
        self._mask = np.broadcast_to(row, x.shape)
        return x * self._mask / x.dtype.type(1 - self.p)


class AlwaysDrops(Dropout):
    def forward(self, x, *, training=False):
        del training
        return super().forward(x, training=True)


class Keeps(Dropout):
    """p as the probability of keeping."""

    def __init__(self, p, *, rng):
        super().__init__(1 - p, rng=rng)


class NotDivided(Dropout):
    def forward(self, x, *, training=False):
        y = super().forward(x, training=training)
        return y * (1 - self.p) if training else y


class ScaledInTheTest(Dropout):
    def forward(self, x, *, training=False):
        y = super().forward(x, training=training)
        return y if training else y * (1 - self.p)


class Remembers(Dropout):
    def backward(self, dy):
        self._mask = self._mask if self._mask is not None else self.kept
        self.kept = self._mask
        return super().backward(dy)

    def forward(self, x, *, training=False):
        y = super().forward(x, training=training)
        self.kept = self._mask if training else self.kept
        return y


class Nothing(Dropout):
    def backward(self, dy):
        del dy


class NoForward(Dropout):
    def forward(self, x, *, training=False):
        del x, training


def masks_needed(x, p, error):
    return max(1, ceil(p / (1 - p) * np.sum(x**2) / error**2))


def needed(count):
    return lambda x, p, error: max(1, ceil(count(x, p, error)))


def fit_with(penalty):
    def fit(x, t, p):
        products = x.T @ x
        squares = np.diag(np.diag(products))
        extra = penalty(squares, p / (1 - p), len(x), products)
        return np.linalg.solve(products + extra, x.T @ t)

    return fit


def by_rows(x, t, p):
    """The same by least squares: a row more for each weight."""
    more = np.diag(np.sqrt(p / (1 - p) * np.sum(x**2, axis=0)))
    rows = np.concatenate([x, more])
    return np.linalg.lstsq(rows, np.concatenate([t, np.zeros(len(more))]))[0]


def centres(x, t, p):
    x -= x.mean(axis=0)
    return by_rows(x, t, p)


WRONG = [
    ("dropout_backward", lambda dy, mask, p: None, "returned None"),
    ("dropout_backward", lambda dy, mask, p: dy * mask, "division by 1 - p is missing"),
    ("dropout_backward", lambda dy, mask, p: dy / (1 - p), "divided but not masked"),
    ("dropout_backward", lambda dy, mask, p: dy, "that is dy as it came"),
    ("dropout_backward", lambda dy, mask, p: dy * mask / p, "divided by p: what is"),
    (
        "dropout_backward",
        lambda dy, mask, p: dy * mask * (1 - p),
        "multiplied by 1 - p",
    ),
    ("dropout_backward", lambda dy, mask, p: dy * mask / (1 - p) ** 2, "p twice"),
    ("dropout_backward", lambda dy, mask, p: dy * ~mask / (1 - p), "mask is inverted"),
    ("dropout_backward", lambda dy, mask, p: dy * mask[::-1] / (1 - p), "another mask"),
    ("dropout_backward", lambda dy, mask, p: dy * mask / (1 - p) * 1.1, "times 1.375"),
    ("dropout_backward", lambda dy, mask, p: (dy * mask).sum(0), "the same shape, got"),
    ("dropout_backward", draws, "two calls with one mask differ"),
    ("dropout_backward", changes_dy, "dy was changed"),
    ("dropout_backward", changes_the_mask, "the mask was changed"),
    ("dropout_backward", doubles, "dy of dtype float32 came back as float64"),
    ("dropout_backward", transposes, "NumPy says"),
    ("dropout_backward", Forgetful, "division by 1 - p is missing"),
    ("dropout_backward", TwoMasks, "another mask than that of the forward pass"),
    ("dropout_backward", FirstMask, "the same mask again"),
    ("dropout_backward", OneMask, "one mask for all samples"),
    ("dropout_backward", AlwaysDrops, "in evaluation nothing is dropped"),
    ("dropout_backward", ScaledInTheTest, "in evaluation nothing is dropped"),
    ("dropout_backward", Keeps, "a share of 0.2. was kept"),
    ("dropout_backward", NotDivided, "what is kept must be divided by 1 - p, eq. 19.1"),
    ("dropout_backward", Remembers, "dy must come back as it is"),
    ("dropout_backward", Nothing, "backward returned None"),
    ("dropout_backward", NoForward, "forward returned None"),
    ("masks_needed", lambda x, p, error: None, "returned None"),
    ("masks_needed", lambda x, p, error: x, "expected one number"),
    ("masks_needed", needed(lambda x, p, e: np.sum(x**2) / e**2), r"without p/\(1 - p"),
    (
        "masks_needed",
        needed(lambda x, p, e: np.sqrt(p / (1 - p) * np.sum(x**2)) / e),
        "with the square of 1/error",
    ),
    (
        "masks_needed",
        needed(lambda x, p, e: p * (1 - p) * np.sum(x**2) / e**2),
        "not divided by 1 - p",
    ),
    (
        "masks_needed",
        needed(lambda x, p, e: (1 - p) / p * np.sum(x**2) / e**2),
        "are exchanged",
    ),
    (
        "masks_needed",
        needed(lambda x, p, e: p / (1 - p) * np.sum(x) ** 2 / e**2),
        "not the sum of the squares",
    ),
    (
        "masks_needed",
        needed(lambda x, p, e: p / (1 - p) * np.sum(x**2) / e),
        "expected 834, got 250",
    ),
    (
        "masks_needed",
        lambda x, p, e: max(1, int(p / (1 - p) * np.sum(x**2) / e**2)),
        "round up",
    ),
    (
        "masks_needed",
        lambda x, p, e: float(masks_needed(x, p, e)),
        "expected an int",
    ),
    (
        "masks_needed",
        lambda x, p, e: int(p / (1 - p) * np.sum(x**2) / e**2) + 1,
        "expected 100, got 101",
    ),
    (
        "masks_needed",
        lambda x, p, e: ceil(p / (1 - p) * np.sum(x**2) / e**2),
        "M is at least 1, got 0",
    ),
    ("dropout_fit", lambda x, t, p: None, "returned None"),
    ("dropout_fit", lambda x, t, p: x, "expected w of shape"),
    ("dropout_fit", fit_with(lambda s, o, n, m: 0), "the fit without dropout"),
    ("dropout_fit", fit_with(lambda s, o, n, m: o * np.eye(len(s))), "plain L2"),
    (
        "dropout_fit",
        fit_with(lambda s, o, n, m: o * n * np.eye(len(s))),
        "has its own strength",
    ),
    (
        "dropout_fit",
        fit_with(lambda s, o, n, m: o * s / n),
        "divided by N, the squared",
    ),
    ("dropout_fit", fit_with(lambda s, o, n, m: o * s / 2), "half the penalty"),
    ("dropout_fit", fit_with(lambda s, o, n, m: s / o), "exchanged"),
    ("dropout_fit", fit_with(lambda s, o, n, m: o / (1 + o) * s), "strength p"),
    (
        "dropout_fit",
        lambda x, t, p: np.linalg.lstsq((1 + p / (1 - p)) * (x.T @ x), x.T @ t)[0],
        "all products are punished",
    ),
    ("dropout_fit", fit_with(lambda s, o, n, m: 3 * o * s), "is smallest at"),
    ("dropout_fit", lambda x, t, p: np.linalg.solve(x, t), "NumPy says"),
    ("dropout_fit", centres, "X was changed"),
]

RIGHT = [
    ("dropout_backward", lambda dy, mask, p: dy * mask / (1 - p)),
    ("dropout_backward", lambda dy, mask, p: np.where(mask, dy / (1 - p), 0)),
    ("dropout_backward", lambda dy, mask, p: dy * (mask / dy.dtype.type(1 - p))),
    ("dropout_backward", Dropout),
    ("masks_needed", masks_needed),
    ("masks_needed", needed(lambda x, p, e: p * np.sum(x**2) / (e**2 * (1 - p)))),
    ("dropout_fit", fit_with(lambda s, o, n, m: o * s)),
    ("dropout_fit", by_rows),
]

NUMBERS = [
    ("19_dropout", "def-dropout", 1),
    ("19_dropout", "eq-dropout-variance", 3),
    ("19_dropout", "eq-dropout-sum", 4),
    ("19_dropout", "eq-dropout-error", 5),
    ("19_dropout", "eq-dropout-backward", 6),
    ("19_dropout", "eq-dropout-penalty", 8),
]
