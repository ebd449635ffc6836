"""Answers to the exercises of chapter 17."""

import numpy as np
from scipy.stats import binom

from nnlib.preprocessing import MinMaxScaler, StandardScaler


def most_correlated(x, y, count=10):
    centred = x - x.mean(axis=0)
    strength = np.abs((y - y.mean()) @ centred) / np.sqrt((centred**2).sum(axis=0))
    return np.argsort(-strength)[:count]


def nearest_mean(x, y, new):
    means = np.stack([x[y == k].mean(axis=0) for k in (0, 1)])
    return (new @ means.T - (means**2).sum(axis=1) / 2).argmax(axis=1)


def protocol(scaler=StandardScaler, fitted="train", chosen="train", count=10):
    """Return a protocol with a leak, or without."""

    def answer(x, y, train, test):
        rows = {"train": train, "all": np.arange(len(x)), "both": [*train, *test]}
        fit = scaler().fit(x[rows[fitted]])
        z = fit.transform(x)
        used = most_correlated(z[rows[chosen]], y[rows[chosen]], count)
        return nearest_mean(z[train][:, used], y[train], z[test][:, used])

    return answer


def fits_the_test(x, y, train, test):
    known = StandardScaler().fit_transform(x[train])
    new = StandardScaler().fit_transform(x[test])
    used = most_correlated(known, y[train])
    return nearest_mean(known[:, used], y[train], new[:, used])


def unscaled(x, y, train, test):
    used = most_correlated(x[train], y[train])
    return nearest_mean(x[train][:, used], y[train], x[test][:, used])


def all_columns(x, y, train, test):
    scaler = StandardScaler().fit(x[train])
    known = scaler.transform(x[train])
    return nearest_mean(known, y[train], scaler.transform(x[test]))


def trains_on_both(x, y, train, test):
    return protocol()(x, y, np.concatenate([train, test]), test)


def sorts_the_test(x, y, train, test):
    return protocol()(x, y, train, np.sort(test))


def draws(x, y, train, test):
    rows = np.random.default_rng().permutation(train)[:20]
    return protocol()(x, y, rows, test)


def spoils(x, y, train, test):
    x -= x[train].mean(axis=0)
    return protocol()(x, y, train, test)


def one_column(x, y, train, test):
    return protocol()(x, y, train, test)[:, None]


def excess(m, n, p):
    return np.mean(1 - binom.cdf(np.arange(n), n, p) ** m) - p


def folded(w, b, mean, scale):
    raw = w / scale[:, None]
    return raw, b - mean @ raw


def folded_in_place(w, b, mean, scale):
    w /= scale[:, None]
    return w, b - mean @ w


WRONG = [
    ("no_leak", lambda x, y, train, test: None, "returned None"),
    ("no_leak", lambda x, y, train, test: y[test], "labels leak: on pure noise 100 %"),
    ("no_leak", protocol(fitted="all", chosen="all"), "labels leak"),
    ("no_leak", protocol(chosen="both"), "labels leak"),
    ("no_leak", trains_on_both, "labels leak"),
    ("no_leak", protocol(fitted="all"), "neither in train nor in test"),
    ("no_leak", protocol(MinMaxScaler, fitted="all"), "neither in train nor in test"),
    ("no_leak", protocol(fitted="both"), "fitted on the test part"),
    ("no_leak", fits_the_test, "fitted on the test part"),
    ("no_leak", unscaled, "nothing leaks, but .* scale and choose"),
    ("no_leak", all_columns, "nothing leaks, but .* scale and choose"),
    (
        "no_leak",
        lambda x, y, train, test: np.zeros(len(test)),
        "nothing leaks, but .* only",
    ),
    ("no_leak", draws, "called twice"),
    ("no_leak", spoils, "was changed"),
    ("no_leak", one_column, "expected as many labels"),
    ("no_leak", lambda x, y, train, test: x[test, 0], "labels are 0 and 1"),
    ("no_leak", lambda x, y, train, test: x[train] + x[test], "NumPy says"),
    ("excess", lambda m, n, p: None, "returned None"),
    ("excess", lambda m, n, p: excess(m, n, p) + p, "subtract the truth"),
    ("excess", lambda m, n, p: np.sqrt(np.log(m) / (2 * n)), "the bound"),
    (
        "excess",
        lambda m, n, p: np.sqrt(2 * np.log(m) * p * (1 - p) / n),
        "that is the root of 2 ln m|that is the bound",
    ),
    (
        "excess",
        lambda m, n, p: np.mean(1 - binom.cdf(np.arange(1, n + 1), n, p) ** m) - p,
        "one place off",
    ),
    (
        "excess",
        lambda m, n, p: np.mean(binom.sf(np.arange(n), n, p) ** m) - p,
        "the worst of m",
    ),
    ("excess", lambda m, n, p: n * excess(m, n, p), "divide by n"),
    (
        "excess",
        lambda m, n, p: n * (excess(m, n, p) + p) - p,
        "the sum is in right answers: divide it by n",
    ),
    ("excess", lambda m, n, p: 0.0, "expected 0.250000, got 0.000000"),
    ("excess", lambda m, n, p: np.zeros(2), "expected one number"),
    ("fold", lambda w, b, mean, scale: None, "returned None"),
    ("fold", lambda w, b, mean, scale: (w * scale[:, None], b), "multiplied"),
    ("fold", lambda w, b, mean, scale: (w / scale, b), "NumPy says|columns of W"),
    ("fold", lambda w, b, mean, scale: (w / scale[:, None], b), "bias was left alone"),
    (
        "fold",
        lambda w, b, mean, scale: (w / scale[:, None], b + mean / scale @ w),
        "sign of the bias",
    ),
    (
        "fold",
        lambda w, b, mean, scale: (w / scale[:, None], b - mean @ w),
        "through the new weights",
    ),
    ("fold", lambda w, b, mean, scale: (w / scale[:, None], b - 1), "bias is not"),
    ("fold", lambda w, b, mean, scale: (w, b), "expected 0|expected -?[0-9]"),
    ("fold", lambda w, b, mean, scale: (w.T, b), "expected weights"),
    ("fold", lambda w, b, mean, scale: w[:1], "expected two arrays"),
    ("fold", folded_in_place, "was changed"),
]

RIGHT = [
    ("no_leak", protocol()),
    ("no_leak", protocol(MinMaxScaler)),
    ("no_leak", protocol(count=5)),
    ("excess", excess),
    ("fold", folded),
]

NUMBERS = [
    ("17_trust", "eq-best-of-m", 2),
    ("17_trust", "eq-best-bound", 4),
    ("17_trust", "eq-same-layer", 11),
]
