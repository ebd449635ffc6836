"""Metrics: numbers that people read, of which no gradient is asked."""

# Written by book/tools/export.py: edit the chapter, then run `make export`.

import numpy as np
import numpy.typing as npt

__all__ = ["accuracy", "r2"]


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
