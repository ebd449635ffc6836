"""Functions of arrays, without state: the formulas of the chapters.

Each takes real arrays, and complex ones for derivatives by the complex step; integers
become float64. A result has the precision of its input.
"""

# Written by book/tools/export.py: edit the chapter, then run `make export`.

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "affine",
    "log_softmax",
    "logsumexp",
    "one_hot",
    "relu",
    "sigmoid",
    "softmax",
    "softplus",
    "step",
    "tanh",
]


def affine(
    x: npt.ArrayLike, w: npt.ArrayLike, b: npt.ArrayLike = 0.0
) -> npt.NDArray[Any]:
    """Compute the scores of neurons, dot products with their weights plus biases.

    Derived in chapter 01, "What does one neuron compute?".

    Parameters
    ----------
    x : array_like of shape (..., D)
        Inputs, such as a batch of shape (N, D).
    w : array_like of shape (D,) or (D, K)
        The weights of one neuron, or of K neurons, one a column.
    b : array_like of shape () or (K,)
        The bias, or one for each neuron. It is never stretched over the batch.

    Returns
    -------
    ndarray of shape (...) or (..., K)
        Scores, in the highest precision among the arguments; a single number `b` takes
        that of the others. Complex numbers are not conjugated. What exceeds the largest
        float becomes inf, and inf - inf and 0 * inf nan, as in NumPy; float16 is summed
        in float32.

    Raises
    ------
    ValueError
        If an argument is not numeric, or if the shapes do not fit as above.

    Examples
    --------
    >>> affine([[2.6, 1.8], [0.0, 0.0]], [1.5, 2.0], -2.5)
    array([ 5. , -2.5])
    >>> affine([1, 2], [[1, 0, -1], [0, 1, -1]], [0, 0, 5])
    array([1., 2., 2.])

    References
    ----------
    Equation def-neuron; eq-signed-distance says what it measures.
    """
    inputs, weights, bias = _numbers("x", x), _numbers("w", w), _numbers("b", b)
    if weights.ndim not in (1, 2):
        raise ValueError(f"w must have shape (D,) or (D, K), got {weights.shape}")
    if inputs.ndim == 0 or inputs.shape[-1] != len(weights):
        raise ValueError(f"x must have shape (..., {len(weights)}), got {inputs.shape}")
    if bias.shape not in ((), weights.shape[1:]):
        shape = f" or have shape {weights.shape[1:]}" if weights.ndim == 2 else ""
        raise ValueError(f"b must be one number{shape}, got shape {bias.shape}")

    one = 1j if bias.dtype.kind == "c" else 1.0  # of any precision
    dtype = np.result_type(inputs, weights, bias if bias.ndim else one)
    work = np.dtype(np.float32) if dtype == np.float16 else dtype
    scores = np.asarray(
        inputs.astype(work, copy=False) @ weights.astype(work, copy=False)
    )
    scores += bias.astype(work, copy=False)
    return scores.astype(dtype, copy=False)


def _numbers(name: str, value: npt.ArrayLike) -> npt.NDArray[Any]:
    """Return an array of floats or complex numbers; integers become float64."""
    array = np.asarray(value)
    if array.dtype.kind in "biu":
        array = array.astype(np.float64)
    if array.dtype.kind not in "fc":
        raise ValueError(
            f"{name} must hold real or complex numbers, got dtype {array.dtype}"
        )
    return array


def step(x: npt.ArrayLike) -> npt.NDArray[Any]:
    """Return 1 where a number is positive, and 0 elsewhere.

    Its slope is 0 wherever it has one, so it cannot be trained through.

    Derived in chapter 03, "Why must it be nonlinear?".

    Parameters
    ----------
    x : array_like of any shape
        Real numbers, or complex ones, of which the real part decides.

    Returns
    -------
    ndarray of the shape of x
        In the precision of `x`; nan where `x` is nan.

    Raises
    ------
    ValueError
        If `x` is not numeric.

    Examples
    --------
    >>> step([-2, 0, 3])
    array([0., 0., 1.])

    References
    ----------
    Equations def-step and eq-step-slope; McCulloch and Pitts, "A logical calculus of
    the ideas immanent in nervous activity", 1943.
    """
    array = _numbers("x", x)
    on = np.greater(array.real, 0).astype(array.dtype)
    return np.where(np.isnan(array), array, on)


def relu(x: npt.ArrayLike) -> npt.NDArray[Any]:
    """Return what is positive as it is, and 0 elsewhere.

    Derived in chapter 03, "Why must it be nonlinear?".

    Parameters
    ----------
    x : array_like of any shape
        Real numbers, or complex ones, of which the real part decides.

    Returns
    -------
    ndarray of the shape of x
        In the precision of `x`; nan where `x` is nan, and never a negative zero in a
        real result.

    Raises
    ------
    ValueError
        If `x` is not numeric.

    Examples
    --------
    >>> relu([-2, 0, 3])
    array([0., 0., 3.])

    References
    ----------
    Equations def-relu, eq-relu-homogeneous and eq-relu-kinks; Fukushima, "Visual
    feature extraction by a multilayered network of analog threshold elements", 1969.
    """
    array = _numbers("x", x)
    if array.dtype.kind == "c":
        # A nan in either part stays: nothing is known of that number.
        off = (array.real <= 0) & ~np.isnan(array)
        return np.where(off, array.dtype.type(0), array)
    y: npt.NDArray[Any] = np.zeros_like(array)
    np.maximum(array, y, out=y)  # several times faster than with the number 0
    y += 0.0  # the larger of -0 and 0 may be either, but -0 + 0 is 0
    return y


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
    _, top = _largest(scores)
    # A difference beyond the largest float becomes -inf, and its power 0: as it should.
    with np.errstate(over="ignore"):
        p = scores - top
    np.exp(p, out=p)
    p /= _sums(p)
    return _classes_back(p, axis, dtype)


def _classes_last(
    z: npt.ArrayLike, axis: int
) -> tuple[npt.NDArray[Any], np.dtype[Any]]:
    """Return z as numbers to compute with, classes last, and the dtype of the result.

    Sums along contiguous memory are exact to a few units, since NumPy adds pairs of
    pairs there; along other axes, and in float16, their errors grow with K.
    """
    array = _numbers("z", z)
    if not -array.ndim <= axis < array.ndim:
        raise ValueError(
            f"axis must be an axis of z, got {axis} for z of shape {array.shape}"
        )
    if array.shape[axis] == 0:
        raise ValueError(
            f"z must have at least one class along axis {axis}, got shape {array.shape}"
        )
    work = np.float32 if array.dtype.type is np.float16 else array.dtype
    if axis not in (-1, array.ndim - 1):
        array = np.moveaxis(array, axis, -1)
    return np.ascontiguousarray(array, work), array.dtype


def _classes_back(
    result: npt.NDArray[Any], axis: int, dtype: np.dtype[Any]
) -> npt.NDArray[Any]:
    """Return a result with its last axis moved back, in the dtype that is due."""
    if axis not in (-1, result.ndim - 1):
        result = np.moveaxis(result, -1, axis)
    return result.astype(dtype, copy=False)


def _sums(p: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return sums over the classes, (..., 1).

    In many rows, a few classes are added side by side, which is faster there.
    """
    classes = p.shape[-1]
    if classes > 16 or p.size < 64 * classes:
        return np.asarray(np.add.reduce(p, axis=-1, keepdims=True))
    columns = np.ascontiguousarray(p.reshape(-1, classes).T)
    return np.asarray(np.add.reduce(columns, axis=0)).reshape(*p.shape[:-1], 1)


def _largest(z: npt.NDArray[Any]) -> tuple[npt.NDArray[np.intp], npt.NDArray[Any]]:
    """Return where each row's largest score stands in z.ravel(), and these scores.

    To look for a place and fetch from it is faster than to ask for the largest number.
    """
    at = z.real.argmax(axis=-1)
    places = np.arange(0, z.size, z.shape[-1])
    places += at.ravel()
    return places, z.take(places).reshape(*at.shape, 1)


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
    with np.errstate(over="ignore", invalid="ignore"):
        top, _, rest = _top_gaps_rest(scores)
    lse: npt.NDArray[Any] = top + _log1p(rest)
    result = _classes_back(lse, axis, dtype)
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
    _, logarithms, rest = _top_gaps_rest(scores)
    logarithms -= _log1p(rest)
    return _classes_back(logarithms, axis, dtype)


def _top_gaps_rest(
    z: npt.NDArray[Any],
) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]:
    """Return the largest score m, z - m, and the sum of exp(z - m) over the others."""
    classes = z.shape[-1]
    if classes in (2, 3) and z.size >= 64 * classes:
        # In many rows side by side: of two scores the larger goes on.
        top, *others = z.reshape(-1, classes).T.copy()
        for k, score in enumerate(others):
            others[k] = np.minimum(top, score)
            top = np.maximum(top, score)
        rest = sum(np.exp(other - top) for other in others)
        top, rest = (a.reshape(*z.shape[:-1], 1) for a in (top, rest))
        gaps = z - top
    else:
        places, top = _largest(z)
        gaps = z - top
        powers = np.exp(gaps)
        powers.put(places, 0)
        rest = _sums(powers)
    rest[np.isnan(rest)] = 0  # beside an infinite or missing m nothing else counts
    return top, gaps, rest


def _log1p(s: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return ln(1 + s), to full precision also for complex s, as NumPy's is not."""
    if s.dtype.kind != "c":
        return np.asarray(np.log1p(s))
    x, y = s.real, s.imag
    with np.errstate(divide="ignore"):
        near = 0.5 * np.log1p(x * (2 + x) + y * y)
        far = np.log(np.hypot(1 + x, y))
    return np.asarray(np.where(abs(x) < 0.5, near, far) + 1j * np.arctan2(y, 1 + x))


def one_hot(labels: npt.ArrayLike, classes: int) -> npt.NDArray[np.float64]:
    """Write labels as vectors with a single 1.

    Derived in chapter 05, "Why cross-entropy?".

    Parameters
    ----------
    labels : array_like of int, shape (...)
        Numbers of classes, from 0 to classes - 1.
    classes : int
        The number K >= 1 of classes.

    Returns
    -------
    ndarray of shape (..., K)
        float64, 1 at the label and 0 elsewhere along the last axis.

    Raises
    ------
    ValueError
        If `labels` are not integers or not from 0 to K - 1, or if `classes` is not a
        positive integer.

    Examples
    --------
    >>> one_hot([2, 0], 3)
    array([[0., 0., 1.],
           [1., 0., 0.]])

    References
    ----------
    Equation eq-cce.
    """
    if isinstance(classes, bool) or not isinstance(classes, int | np.integer):
        raise ValueError(f"classes must be a positive integer, got {classes!r}")
    if classes < 1:
        raise ValueError(f"classes must be a positive integer, got {classes}")
    array = np.asarray(labels)
    if array.size and array.dtype.kind not in "iu":
        raise ValueError(f"labels must be integers, got dtype {array.dtype}")
    for worst in (array.min(), array.max()) if array.size else ():
        if not 0 <= worst < classes:
            raise ValueError(f"labels must lie from 0 to {classes - 1}, got {worst}")
    hot = np.zeros((*array.shape, classes))
    np.put_along_axis(hot, array.astype(np.intp)[..., np.newaxis], 1, -1)
    return hot


def sigmoid(x: npt.ArrayLike) -> npt.NDArray[Any]:
    """Compute the probability of yes from its score, 1 / (1 + exp(-x)).

    Derived in chapter 05, "Why cross-entropy?".

    Parameters
    ----------
    x : array_like of shape (...)
        Scores, of any size.

    Returns
    -------
    ndarray of the shape of x
        For real `x`, numbers from 0 to 1, in the precision of `x`, correct to a few
        units in the last place.

    Raises
    ------
    ValueError
        If `x` is not numeric.

    Examples
    --------
    >>> sigmoid([0.0, -1000.0, 1000.0])
    array([0.5, 0. , 1. ])

    References
    ----------
    Equation eq-sigmoid-softmax.
    """
    values, dtype = _values_and_dtype(x)
    negative = values.real < 0
    e = np.exp(np.where(negative, values, -values))
    return np.asarray(np.where(negative, e, 1) / (1 + e)).astype(dtype, copy=False)


def softplus(x: npt.ArrayLike) -> npt.NDArray[Any]:
    """Compute ln(1 + exp(x)), the log-sum-exp of x and 0.

    Derived in chapter 05, "Why cross-entropy?".

    Parameters
    ----------
    x : array_like of shape (...)
        Scores, of any size.

    Returns
    -------
    ndarray of the shape of x
        In the precision of `x`. For real `x`, between max(x, 0) and max(x, 0) + ln 2,
        correct to a few units in the last place; for complex `x`, up to a multiple of
        2πi.

    Raises
    ------
    ValueError
        If `x` is not numeric.

    Examples
    --------
    >>> softplus([-1000.0, 0.0, 1000.0]).round(6).tolist()
    [0.0, 0.693147, 1000.0]

    References
    ----------
    Equation eq-binary-logits; Dugas et al., "Incorporating second-order functional
    knowledge for better option pricing", 2001, who named it.
    """
    values, dtype = _values_and_dtype(x)
    positive = values.real > 0
    rest = _log1p(np.asarray(np.exp(np.where(positive, -values, values))))
    return np.asarray(np.where(positive, values, 0) + rest).astype(dtype, copy=False)


def _values_and_dtype(x: npt.ArrayLike) -> tuple[npt.NDArray[Any], np.dtype[Any]]:
    """Return x as numbers to compute with, and the dtype of the result."""
    array = _numbers("x", x)
    work = np.float32 if array.dtype.type is np.float16 else array.dtype
    return array.astype(work, copy=False), array.dtype


def tanh(x: npt.ArrayLike) -> npt.NDArray[Any]:
    """Compute the hyperbolic tangent, a sigmoid that runs from -1 to 1.

    Derived in chapter 07, "How does error flow through a layer?".

    Parameters
    ----------
    x : array_like of shape (...)
        Numbers of any size.

    Returns
    -------
    ndarray of the shape of x
        For real `x`, numbers from -1 to 1, in the precision of `x`, correct to a few
        units in the last place.

    Raises
    ------
    ValueError
        If `x` is not numeric.

    Examples
    --------
    >>> tanh([0.0, -1000.0, 1000.0])
    array([ 0., -1.,  1.])

    References
    ----------
    Equations def-tanh and eq-tanh-backward; LeCun, Bottou, Orr and Müller, "Efficient
    BackProp", 1998.
    """
    return np.asarray(np.tanh(_numbers("x", x)))
