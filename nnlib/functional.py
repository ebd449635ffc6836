"""Functions of arrays, without state: the chapters' formulas, safe for all floats.

Each takes real arrays, and complex ones for derivatives by the complex step; integers
become float64. A result has the precision of its input.
"""

# Written by book/tools/export.py: edit the chapter, then run `make export`.

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["log_softmax", "logsumexp", "softmax"]


def softmax(z: npt.ArrayLike, *, axis: int = -1) -> npt.NDArray[Any]:
    """Turn scores into probabilities.

    Every power is taken of a score minus the largest one, so that none overflows.

    Derived in chapter 04, "Why does softmax overflow?".

    Parameters
    ----------
    z : array_like of shape (..., K)
        Scores, of any size; K >= 1 classes along `axis`; -inf means impossible.
    axis : int
        The axis of the classes.

    Returns
    -------
    ndarray of the shape of z
        Numbers from 0 to 1 with sum 1 along `axis`, in the precision of `z`; nan where
        a row holds nan or inf, or nothing but -inf.

    Raises
    ------
    ValueError
        If `z` is not numeric, has no such axis, or has no class along it.

    Examples
    --------
    >>> import numpy as np
    >>> softmax(np.log([1.0, 2.0, 5.0])).round(3)
    array([0.125, 0.25 , 0.625])
    >>> softmax([1000, 1000])
    array([0.5, 0.5])

    References
    ----------
    Equation eq-softmax-safe; Bridle, "Probabilistic interpretation of feedforward
    classification network outputs", 1990.
    """
    scores, dtype = _classes_last(z, axis)
    # A difference beyond the largest float becomes -inf, and its power 0: as it should.
    with np.errstate(over="ignore"):
        p: npt.NDArray[Any] = np.exp(scores - scores.real.max(axis=-1, keepdims=True))
    p /= p.sum(axis=-1, keepdims=True)
    return np.moveaxis(p, -1, axis).astype(dtype, copy=False)


def _classes_last(
    z: npt.ArrayLike, axis: int
) -> tuple[npt.NDArray[Any], np.dtype[Any]]:
    """Return z as numbers to compute with, classes last, and the dtype of the result.

    Sums along contiguous memory are exact to a few units, since NumPy adds pairs of
    pairs there; along other axes, and in float16, their errors grow with K.
    """
    array = np.asarray(z)
    if array.dtype.kind in "biu":
        array = array.astype(np.float64)
    if array.dtype.kind not in "fc":
        raise ValueError(
            f"z must hold real or complex numbers, got dtype {array.dtype}"
        )
    if not -array.ndim <= axis < array.ndim:
        raise ValueError(
            f"axis must be an axis of z, got {axis} for z of shape {array.shape}"
        )
    if array.shape[axis] == 0:
        raise ValueError(
            f"z must have at least one class along axis {axis}, got shape {array.shape}"
        )
    work = np.float32 if array.dtype.type is np.float16 else array.dtype
    return np.ascontiguousarray(np.moveaxis(array, axis, -1), work), array.dtype


def logsumexp(
    z: npt.ArrayLike, *, axis: int = -1, keepdims: bool = False
) -> npt.NDArray[Any]:
    """Compute the logarithm of the sum of the powers of e, a smooth maximum.

    Derived in chapter 04, "Why does softmax overflow?".

    Parameters
    ----------
    z : array_like of shape (..., K)
        Scores, of any size; K >= 1 classes along `axis`.
    axis : int
        The axis of the classes.
    keepdims : bool
        Keep that axis, with length 1.

    Returns
    -------
    ndarray of shape (...) or (..., 1)
        Between max(z) and max(z) + ln K, in the precision of `z`; for complex scores,
        up to a multiple of 2πi. A row of -inf gives -inf, a row with inf and without
        nan gives inf.

    Raises
    ------
    ValueError
        If `z` is not numeric, has no such axis, or has no class along it.

    Examples
    --------
    >>> import numpy as np
    >>> float(logsumexp(np.log([1.0, 2.0, 5.0])).round(6)) == float(np.log(8).round(6))
    True
    >>> float(logsumexp([1000, -1000]))
    1000.0

    References
    ----------
    Equation eq-lse-shift; Blanchard, Higham and Higham, "Accurately computing the
    log-sum-exp and softmax functions", IMA Journal of Numerical Analysis 41(4), 2021.
    """
    scores, dtype = _classes_last(z, axis)
    top, rest = _top_and_rest(scores)
    lse: npt.NDArray[Any] = top + _log1p(rest)
    result = np.moveaxis(lse, -1, axis).astype(dtype, copy=False)
    return result if keepdims else result.squeeze(axis=axis)


def log_softmax(z: npt.ArrayLike, *, axis: int = -1) -> npt.NDArray[Any]:
    """Compute the logarithms of the softmax, without the softmax.

    Derived in chapter 04, "Why does softmax overflow?".

    Parameters
    ----------
    z : array_like of shape (..., K)
        Scores, of any size; K >= 1 classes along `axis`.
    axis : int
        The axis of the classes.

    Returns
    -------
    ndarray of the shape of z
        Logarithms of probabilities, in the precision of `z`: correct to a few units in
        the last place, and -inf beyond the largest float. The exception is a clear
        leader's, about minus the sum of exp(-gap) over the others: its relative error
        grows to gap / 2 machine epsilons, and it is 0 once it underflows. nan in place
        of inf, and throughout a row that holds nan or nothing but -inf.

    Raises
    ------
    ValueError
        If `z` is not numeric, has no such axis, or has no class along it.

    Examples
    --------
    >>> log_softmax([0, 1000])
    array([-1000.,     0.])
    >>> bool(log_softmax([0.0, 40.0])[1] < 0)
    True

    References
    ----------
    Equation eq-log-softmax; Blanchard, Higham and Higham, "Accurately computing the
    log-sum-exp and softmax functions", IMA Journal of Numerical Analysis 41(4), 2021.
    """
    scores, dtype = _classes_last(z, axis)
    top, rest = _top_and_rest(scores)
    logarithms: npt.NDArray[Any] = (scores - top) - _log1p(rest)
    return np.moveaxis(logarithms, -1, axis).astype(dtype, copy=False)


def _top_and_rest(z: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Return the largest score m and the sum of exp(z - m) over the other classes."""
    at = np.expand_dims(z.real.argmax(axis=-1), -1)
    top = np.take_along_axis(z, at, -1)
    # An infinite largest score is not subtracted: inf - inf would be nan.
    with np.errstate(over="ignore"):
        powers = np.exp(z - np.where(np.isfinite(top), top, 0))
    np.put_along_axis(powers, at, 0, -1)
    return top, powers.sum(axis=-1, keepdims=True)


def _log1p(s: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return ln(1 + s), to full precision also for complex s, as NumPy's is not."""
    if s.dtype.kind != "c":
        return np.asarray(np.log1p(s))
    x, y = s.real, s.imag
    with np.errstate(divide="ignore"):
        near = 0.5 * np.log1p(x * (2 + x) + y * y)
        far = np.log(np.hypot(1 + x, y))
    return np.asarray(np.where(abs(x) < 0.5, near, far) + 1j * np.arctan2(y, 1 + x))
