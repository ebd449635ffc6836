"""Metrics: numbers that people read, of which no gradient is asked."""

# Written by book/tools/export.py: edit the chapter, then run `make export`.

import math
import numbers
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "accuracy",
    "confusion_matrix",
    "precision",
    "r2",
    "recall",
    "standard_error",
]


def accuracy(y_pred: npt.ArrayLike, y_true: npt.ArrayLike) -> float:
    """Return the share of samples whose largest score is that of the true class.

    Derived in chapter 10, "How big a step? full, stochastic, mini-batch".

    Parameters
    ----------
    y_pred : array_like of shape (N, K)
        Scores or probabilities of K classes, K at least 2. Of equal ones the first
        counts as the largest. A row that holds nan is never right.
    y_true : array_like of int, shape (N,), or array_like of shape (N, K)
        Labels, or one-hot rows.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    ValueError
        If there is no sample, or a shape, kind of number, label or row does not fit.
        Scores of one question, of shape (N,) or (N, 1), are refused too: whether 0 or
        0.5 divides yes from no, only their owner knows.

    Examples
    --------
    >>> accuracy([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]], [1, 0, 0])
    0.6666666666666666

    References
    ----------
    Equation def-accuracy.
    """
    scores, true = np.asarray(y_pred), np.asarray(y_true)
    for name, array in (("y_pred", scores), ("y_true", true)):
        if array.dtype.kind not in "biuf":
            raise ValueError(f"{name} must hold real numbers, got dtype {array.dtype}")
    if scores.ndim != 2 or scores.shape[1] < 2:
        raise ValueError(
            "y_pred must have shape (samples, classes) with two classes or more, "
            f"got {scores.shape}"
        )
    n, k = scores.shape
    if not n:
        raise ValueError(f"y_pred must hold at least one sample, got {scores.shape}")
    if true.shape == (n, k):
        if not (np.isin(true, (0, 1)).all() and (true.sum(axis=1) == 1).all()):
            raise ValueError("y_true must hold one-hot rows: a single 1, the others 0")
        labels = true.argmax(axis=1)
    elif true.shape == (n,):
        if true.dtype.kind not in "iu":
            raise ValueError(f"y_true must hold integer labels, got dtype {true.dtype}")
        for worst in (true.min(), true.max()):
            if not 0 <= worst < k:
                raise ValueError(
                    f"y_true must hold labels from 0 to {k - 1}, got {worst}"
                )
        labels = true
    else:
        raise ValueError(
            f"y_true must have shape ({n},) or ({n}, {k}), got {true.shape}"
        )
    best = scores.argmax(axis=1)  # of a row with nan, the place of the nan
    right = (best == labels) & ~np.isnan(scores[np.arange(n), best])
    return float(right.mean())


def r2(y_pred: npt.ArrayLike, y_true: npt.ArrayLike) -> float:
    """Compare the squared errors of predictions with those of the truth's own mean.

    Predictions first, as everywhere in nnlib; scikit-learn's r2_score takes the truth
    first.

    Derived in chapter 15, "What if the answer is a number?".

    Parameters
    ----------
    y_pred : array_like of shape (N,) or (N, K)
        Predictions of N samples.
    y_true : array_like of shape (N,) or (N, K)
        What was measured, finite; the shape of `y_pred`, exactly.

    Returns
    -------
    float
        1 for predictions without error, 0 for those as wrong as the mean of `y_true`,
        negative for worse ones. Of K columns, the mean of their scores. If a column of
        `y_true` is constant, there is no variation to explain: -inf, or nan if the
        predictions are right.

    Raises
    ------
    ValueError
        If there is no sample, a shape or kind of number does not fit, or an element of
        `y_true` is not finite.

    Examples
    --------
    >>> r2([1.0, 2.0, 4.0], [1.0, 2.0, 3.0])
    0.5
    >>> r2([2.0, 2.0, 2.0], [1.0, 2.0, 3.0])
    0.0
    >>> r2([3.0, 2.0, 1.0], [1.0, 2.0, 3.0])
    -3.0

    References
    ----------
    Equations def-r2 and eq-r2-constant.
    """
    pred, true = np.asarray(y_pred), np.asarray(y_true)
    for name, array in (("y_pred", pred), ("y_true", true)):
        if array.dtype.kind not in "biuf":
            raise ValueError(f"{name} must hold real numbers, got dtype {array.dtype}")
    if pred.ndim not in (1, 2) or pred.size == 0:
        raise ValueError(
            "y_pred must have shape (N,) or (N, K) with at least one element, "
            f"got {pred.shape}"
        )
    if true.shape != pred.shape:
        raise ValueError(
            f"y_true must have the shape of y_pred, {pred.shape}, got {true.shape}"
        )
    t = true.reshape(len(true), -1).astype(np.float64)
    if not np.isfinite(t).all():
        worst = t[~np.isfinite(t)].flat[0]
        raise ValueError(f"y_true must hold finite numbers, got {worst}")
    with np.errstate(all="ignore"):
        error = pred.reshape(t.shape) - t
        spread = t - (t / len(t)).sum(axis=0)
        spread[:, t.max(axis=0) == t.min(axis=0)] = 0  # whatever was rounded
        unit = np.abs(spread).max(axis=0)
        unit[unit == 0] = 1  # squares of very large or small numbers stay finite
        lost = np.square(error / unit).sum(axis=0)
        total = np.square(spread / unit).sum(axis=0)
        return float((1 - lost / total).mean())


def confusion_matrix(
    y_pred: npt.ArrayLike, y_true: npt.ArrayLike
) -> npt.NDArray[np.int64]:
    """Count, for each class of the truth, which classes were predicted.

    Predictions first, as everywhere in nnlib; scikit-learn's confusion_matrix takes the
    truth first, and labels instead of scores. It is a table and not a number, so `fit`
    and `evaluate` do not take it as a metric: give it what `predict` returned.

    Derived in chapter 16, "Can it read real digits?".

    Parameters
    ----------
    y_pred : array_like of shape (N, K)
        Scores or probabilities of K classes, K at least 2. The largest is the
        prediction, of equal ones the first.
    y_true : array_like of int, shape (N,), or array_like of shape (N, K)
        Labels, or one-hot rows.

    Returns
    -------
    ndarray of int64, shape (K, K)
        In row i and column j the number of samples of class i that were predicted as
        class j: what is right stands on the diagonal.

    Raises
    ------
    ValueError
        If there is no sample, a shape, kind of number, label or row does not fit, or
        if a row of scores holds nan and so predicts nothing.

    Examples
    --------
    >>> confusion_matrix([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]], [1, 0, 0])
    array([[1, 1],
           [0, 1]])

    References
    ----------
    Equation def-confusion.
    """
    counts, unnamed = _confusion(y_pred, y_true)
    if unnamed.any():
        raise ValueError(f"y_pred must not hold nan, got it in {unnamed.sum()} rows")
    return counts


def recall(y_pred: npt.ArrayLike, y_true: npt.ArrayLike) -> float:
    """Return the share of a class that was found, as a mean over the classes.

    Also called balanced accuracy, if every class occurs. Each class weighs the same,
    however often it occurs, so whoever always predicts the same class, one that
    occurs, scores 1/K.

    Derived in chapter 16, "Can it read real digits?".

    Parameters
    ----------
    y_pred : array_like of shape (N, K)
        Scores or probabilities of K classes, K at least 2. A row that holds nan
        predicts nothing.
    y_true : array_like of int, shape (N,), or array_like of shape (N, K)
        Labels, or one-hot rows.

    Returns
    -------
    float
        From 0 to 1. All K classes enter the mean. One that never occurs enters as 0, as
        in scikit-learn's recall_score with ``labels=range(K)``, ``average="macro"`` and
        ``zero_division=0``.

    Raises
    ------
    ValueError
        If there is no sample, or a shape, kind of number, label or row does not fit.

    Examples
    --------
    >>> recall([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]], [1, 0, 0])
    0.75

    References
    ----------
    Equations def-recall and eq-accuracy-recall.
    """
    counts, unnamed = _confusion(y_pred, y_true)
    occur = counts.sum(axis=1) + unnamed
    return float((np.diag(counts) / np.maximum(occur, 1)).mean())


def precision(y_pred: npt.ArrayLike, y_true: npt.ArrayLike) -> float:
    """Return the share of a class's predictions that is right, as a mean over classes.

    Derived in chapter 16, "Can it read real digits?".

    Parameters
    ----------
    y_pred : array_like of shape (N, K)
        Scores or probabilities of K classes, K at least 2. A row that holds nan
        predicts nothing.
    y_true : array_like of int, shape (N,), or array_like of shape (N, K)
        Labels, or one-hot rows.

    Returns
    -------
    float
        From 0 to 1. All K classes enter the mean. One that is never predicted enters as
        0, as in scikit-learn's precision_score with ``labels=range(K)``,
        ``average="macro"`` and ``zero_division=0``.

    Raises
    ------
    ValueError
        If there is no sample, or a shape, kind of number, label or row does not fit.

    Examples
    --------
    >>> precision([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]], [1, 0, 0])
    0.75

    References
    ----------
    Equation def-recall.
    """
    counts, _ = _confusion(y_pred, y_true)
    return float((np.diag(counts) / np.maximum(counts.sum(axis=0), 1)).mean())


def standard_error(score: float, n: int) -> float:
    """Return the standard error of a share, such as an accuracy, of n samples.

    About how far the share of n independent samples lies from what it would be of very
    many. At a share of 0 or 1 it is 0, which is not to be trusted, and neither is it
    where fewer than ten of the n are right, or fewer than ten wrong: see the chapter.

    Derived in chapter 16, "Can it read real digits?".

    Parameters
    ----------
    score : float
        The share, from 0 to 1.
    n : int
        How many samples it was measured on, at least 1.

    Returns
    -------
    float
        The root of score (1 - score) / n.

    Raises
    ------
    ValueError
        If `score` is not from 0 to 1, or `n` is no whole number of at least 1.

    Examples
    --------
    >>> standard_error(0.5, 400)
    0.025

    References
    ----------
    Equations def-standard-error and eq-score-variance.
    """
    if np.ndim(score):
        raise ValueError(
            f"score must be a share from 0 to 1, got shape {np.shape(score)}"
        )
    given: Any = score
    real = isinstance(given, numbers.Real) and not isinstance(given, bool)
    if isinstance(given, np.ndarray):
        real = given.dtype.kind in "iuf"
    if not real:
        raise ValueError(f"score must be a share from 0 to 1, got {score!r}")
    share = float(score)
    if not 0 <= share <= 1:
        raise ValueError(f"score must be a share from 0 to 1, got {share}")
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
        raise ValueError(f"n must be a whole number of at least 1, got {n!r}")
    return math.sqrt(share * (1 - share) / int(n))


def _confusion(
    y_pred: npt.ArrayLike, y_true: npt.ArrayLike
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the table, and for each class how many rows of scores hold nan."""
    accuracy(y_pred, y_true)  # refuses what does not fit
    scores, true = np.asarray(y_pred), np.asarray(y_true)
    labels = true.argmax(axis=1) if true.ndim == 2 else true.astype(np.int64)
    k = scores.shape[1]
    best = scores.argmax(axis=1)
    lost = np.isnan(scores[np.arange(len(scores)), best])
    cells = np.bincount(labels[~lost] * k + best[~lost], minlength=k * k)
    unnamed = np.bincount(labels[lost], minlength=k)
    return cells.reshape(k, k).astype(np.int64), unnamed.astype(np.int64)
