"""Losses: one number that says how wrong predictions are, safe for all floats.

Class losses are means over samples, the others means over all elements. Means are taken
in float64, as sums of terms already divided by their number, so a finite mean does not
overflow. Shares in the truth are kept in float64. Prediction and truth never broadcast,
and nan in any prediction gives nan.
"""

# Written by book/tools/export.py: edit the chapter, then run `make export`.

from typing import Any

import numpy as np
import numpy.typing as npt

from nnlib.functional import log_softmax

__all__ = [
    "BinaryCrossEntropy",
    "CategoricalCrossEntropy",
    "Huber",
    "Loss",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "SigmoidCrossEntropy",
    "SoftmaxCrossEntropy",
]


class Loss:
    """What every loss is: called with predictions and truth, it returns a number.

    A loss keeps what the derivative of its last value needs.

    Derived in chapter 05, "Why cross-entropy?".

    Parameters
    ----------
    y_pred : array_like
        Of the call: predictions, the sample first.
    y_true : array_like
        Of the call: what was right.

    Raises
    ------
    NotImplementedError
        If it is called and the class does not say how.

    Examples
    --------
    >>> class Wrong(Loss):
    ...     def __call__(self, y_pred, y_true):
    ...         return float(np.mean(np.asarray(y_pred) != np.asarray(y_true)))
    >>> Wrong()([1, 2], [1, 3])
    0.5
    """

    def __call__(self, y_pred: npt.ArrayLike, y_true: npt.ArrayLike) -> float:
        """Return the loss."""
        raise NotImplementedError(f"{type(self).__name__} does not define __call__")

    def backward(self) -> npt.NDArray[Any]:
        """Return the gradient of the value that was returned last.

        To be defined by each loss. A call that was refused changes nothing. Arrays
        given to the call are not copied: leave them alone until then.

        Derived in chapter 08, "Why is it simply p − y?".

        Returns
        -------
        ndarray of the shape of y_pred
            Slopes of the loss with respect to `y_pred`, in its precision (float32 for
            float16), as a new array.

        Raises
        ------
        RuntimeError
            If the loss was not called before.
        NotImplementedError
            If the class does not define it.

        Examples
        --------
        >>> loss = SigmoidCrossEntropy()
        >>> round(loss([0.0], [1.0]), 6)
        0.693147
        >>> loss.backward()
        array([-0.5])

        References
        ----------
        Equation eq-mean-gradient.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define backward")


class SoftmaxCrossEntropy(Loss):
    """Cross-entropy of one of K classes, from scores.

    Called, it returns the mean over samples of LSE(z) - z_t, finite for all scores
    whose differences are, and accurate also where it is tiny.

    Derived in chapter 05, "Why cross-entropy?".

    Parameters
    ----------
    y_pred : array_like of shape (N, K)
        Of the call: scores. float32 scores are computed in float32, their losses
        averaged in float64.
    y_true : array_like of int, shape (N,), or array_like of shape (N, K)
        Of the call: labels, or rows of probabilities, such as one-hot ones, with sum 1
        to within 0.001.

    Raises
    ------
    ValueError
        If there is no sample, or a shape, kind of number, label or row does not fit.

    Examples
    --------
    >>> loss = SoftmaxCrossEntropy()
    >>> round(loss([[0.0, 0.0], [0.0, 0.0]], [0, 1]), 6)
    0.693147
    >>> loss([[0.0, 1000.0]], [0])
    1000.0

    References
    ----------
    Equation eq-cce-logits.
    """

    def __call__(self, y_pred: npt.ArrayLike, y_true: npt.ArrayLike) -> float:
        """Return the loss."""
        z, self._y = _samples_and_classes(y_pred, y_true)
        self._log_p = log_softmax(z)
        return _class_mean(self._log_p, self._y)

    _log_p: npt.NDArray[Any] | None = None

    def backward(self) -> npt.NDArray[Any]:
        """Return (p - y) / N for the last call, p being the softmax of its scores.

        Of a probability near 1, the small difference keeps its digits.

        Derived in chapter 08, "Why is it simply p − y?".

        Returns
        -------
        ndarray of shape (N, K)
            The gradient with respect to the scores, in their precision (float32 for
            float16). If a row of the truth has another sum s than 1, (s p - y) / N.

        Raises
        ------
        RuntimeError
            If the loss was not called before.

        Examples
        --------
        >>> loss = SoftmaxCrossEntropy()
        >>> round(loss([[0.0, 0.0], [0.0, 1000.0]], [0, 0]), 6)
        500.346574
        >>> loss.backward()
        array([[-0.25,  0.25],
               [-0.5 ,  0.5 ]])

        References
        ----------
        Equations eq-joint-gradient and eq-mean-gradient; Bridle, "Probabilistic
        interpretation of feedforward classification network outputs", 1990.
        """
        log_p = _kept(self._log_p)
        y, n = self._y, len(log_p)
        p: npt.NDArray[Any] = np.exp(log_p)
        if y.ndim == 1:
            at = _label_places(log_p, y)
            p.put(at, np.expm1(log_p.take(at)))
            p /= n
            return p
        total = y.sum(axis=1, keepdims=True)
        # Of a sure answer p - 1 is known better than p.
        sure = total * np.expm1(log_p) + (total - y)
        gradient = np.where(p > 0.5, sure, total * p - y)
        return np.asarray(gradient / n, log_p.dtype)


class CategoricalCrossEntropy(Loss):
    """Cross-entropy of one of K classes, from probabilities, without clipping.

    Called, it returns the mean over samples of -ln p_t: inf where the truth was given
    probability 0. From scores, SoftmaxCrossEntropy is finite and more accurate.

    Derived in chapter 05, "Why cross-entropy?".

    Parameters
    ----------
    y_pred : array_like of shape (N, K)
        Of the call: rows of probabilities, with sum 1 to within 0.01.
    y_true : array_like of int, shape (N,), or array_like of shape (N, K)
        Of the call: labels, or rows of probabilities, such as one-hot ones, with sum 1
        to within 0.001.

    Raises
    ------
    ValueError
        If there is no sample, or a shape, kind of number, label or row does not fit.

    Examples
    --------
    >>> round(CategoricalCrossEntropy()([[0.5, 0.5], [0.0, 1.0]], [0, 1]), 6)
    0.346574
    >>> CategoricalCrossEntropy()([[0.0, 1.0]], [0])
    inf

    References
    ----------
    Equation eq-cce.
    """

    def __call__(self, y_pred: npt.ArrayLike, y_true: npt.ArrayLike) -> float:
        """Return the loss."""
        p, y = _samples_and_classes(y_pred, y_true)
        _check_rows("y_pred", p, 0.01, "; scores belong to SoftmaxCrossEntropy")
        self._p, self._y = p, y
        if np.isnan(p).any():
            return float("nan")
        with np.errstate(divide="ignore"):
            return _class_mean(np.log(p), y)

    _p: npt.NDArray[Any] | None = None

    def backward(self) -> npt.NDArray[Any]:
        """Return -y / (p N) for the last call, and 0 where y is 0.

        Derived in chapter 08, "Why is it simply p − y?".

        Returns
        -------
        ndarray of shape (N, K)
            The gradient with respect to the probabilities, in their precision (float32
            for float16); -inf where the truth was given probability 0,
            or one so small that 1 / (p N) overflows.

        Raises
        ------
        RuntimeError
            If the loss was not called before.

        Examples
        --------
        >>> loss = CategoricalCrossEntropy()
        >>> round(loss([[0.5, 0.5], [0.0, 1.0]], [0, 1]), 6)
        0.346574
        >>> loss.backward()
        array([[-1. ,  0. ],
               [ 0. , -0.5]])

        References
        ----------
        Equation eq-probability-gradient.
        """
        p = _kept(self._p) + 0.0  # also -0.0 is now 0.0
        y, n = self._y, len(p)
        gradient = 0 * p  # nan stays nan
        with np.errstate(divide="ignore", over="ignore"):
            if y.ndim == 1:
                at = _label_places(p, y)
                gradient.put(at, -1 / (p.take(at) * n))
            else:
                np.divide(-y, p * n, out=gradient, where=y != 0, casting="same_kind")
        return np.asarray(gradient)


class SigmoidCrossEntropy(Loss):
    """Binary cross-entropy of yes/no questions, from scores.

    Called, it returns the mean over all elements of softplus(z) - y z, finite for all
    finite scores, and accurate also where it is tiny.

    Derived in chapter 05, "Why cross-entropy?".

    Parameters
    ----------
    y_pred : array_like of shape (...)
        Of the call: scores, one a question. float32 scores are computed in float32,
        their losses averaged in float64.
    y_true : array_like of shape (...)
        Of the call: 1 for yes, 0 for no, or a share between; the shape of `y_pred`.

    Raises
    ------
    ValueError
        If there is no element, a shape or kind of number does not fit, or an element of
        `y_true` is not from 0 to 1.

    Examples
    --------
    >>> loss = SigmoidCrossEntropy()
    >>> round(loss([0.0, 0.0], [0, 1]), 6)
    0.693147
    >>> loss([-1000.0], [1])
    1000.0

    References
    ----------
    Equation eq-binary-logits.
    """

    def __call__(self, y_pred: npt.ArrayLike, y_true: npt.ArrayLike) -> float:
        """Return the loss."""
        self._z, self._y = z, y = _elements(y_pred, y_true)
        size = np.abs(z)
        denied = np.where(z >= 0, 1 - y, y)
        return _mean(np.log1p(np.exp(-size)) + _share_of(denied, size))

    _z: npt.NDArray[Any] | None = None

    def backward(self) -> npt.NDArray[Any]:
        """Return (p - y) / n for the last call, p being the sigmoid of its n scores.

        Where the answer is sure and right, the small difference keeps its digits.

        Derived in chapter 08, "Why is it simply p − y?".

        Returns
        -------
        ndarray of the shape of y_pred
            The gradient with respect to the scores, in their precision (float32 for
            float16).

        Raises
        ------
        RuntimeError
            If the loss was not called before.

        Examples
        --------
        >>> loss = SigmoidCrossEntropy()
        >>> round(loss([0.0, -1000.0], [0, 1]), 6)
        500.346574
        >>> loss.backward()
        array([ 0.25, -0.5 ])

        References
        ----------
        Equation eq-sigmoid-gradient.
        """
        z = _kept(self._z)
        y, e = self._y, np.exp(-np.abs(z))
        # The score says yes if it is positive; it denies the share of the other answer.
        says_yes = z >= 0
        denied = np.where(says_yes, 1 - y, y).astype(z.dtype, copy=False)
        size = (denied - (1 - denied) * e) / ((1 + e) * z.size)
        return np.asarray(np.where(says_yes, size, -size))


class BinaryCrossEntropy(Loss):
    """Binary cross-entropy of yes/no questions, from probabilities, without clipping.

    Called, it returns the mean over all elements of -y ln p - (1 - y) ln(1 - p): inf
    where the truth was given probability 0. From scores, SigmoidCrossEntropy is finite
    and more accurate.

    Derived in chapter 05, "Why cross-entropy?".

    Parameters
    ----------
    y_pred : array_like of shape (...)
        Of the call: probabilities of yes, from 0 to 1.
    y_true : array_like of shape (...)
        Of the call: 1 for yes, 0 for no, or a share between; the shape of `y_pred`.

    Raises
    ------
    ValueError
        If there is no element, a shape or kind of number does not fit, or an element is
        not from 0 to 1.

    Examples
    --------
    >>> round(BinaryCrossEntropy()([0.5, 1.0], [0, 1]), 6)
    0.346574
    >>> BinaryCrossEntropy()([0.0], [1])
    inf

    References
    ----------
    Equation eq-binary.
    """

    def __call__(self, y_pred: npt.ArrayLike, y_true: npt.ArrayLike) -> float:
        """Return the loss."""
        p, y = _elements(y_pred, y_true)
        _check_range("y_pred", p, "; scores belong to SigmoidCrossEntropy")
        self._p, self._y = p, y
        with np.errstate(divide="ignore"):
            yes, no = np.log(p), np.log1p(-p)
        return _mean(-_share_of(y, yes) - _share_of(1 - y, no))

    _p: npt.NDArray[Any] | None = None

    def backward(self) -> npt.NDArray[Any]:
        """Return (p - y) / (p (1 - p) n) for the last call, of n elements.

        Derived in chapter 08, "Why is it simply p − y?".

        Returns
        -------
        ndarray of the shape of y_pred
            The gradient with respect to the probabilities, in their precision (float32
            for float16); infinite where the truth was given probability
            0, or one so small that its inverse overflows.

        Raises
        ------
        RuntimeError
            If the loss was not called before.

        Examples
        --------
        >>> loss = BinaryCrossEntropy()
        >>> round(loss([0.5, 1.0], [0, 1]), 6)
        0.346574
        >>> loss.backward()
        array([ 1. , -0.5])

        References
        ----------
        Equation eq-sigmoid-gradient.
        """
        p = _kept(self._p) + 0.0  # also -0.0 is now 0.0
        y, n = self._y, p.size
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            # Where y is 0 or 1, a factor cancels; it may be 0.
            between = (p - y) / (p * (1 - p) * n)
            yes, no = -1 / (p * n), 1 / ((1 - p) * n)
            gradient = np.where(y == 0, no, np.where(y == 1, yes, between))
            return np.asarray(gradient, p.dtype)


def _samples_and_classes(
    y_pred: npt.ArrayLike, y_true: npt.ArrayLike
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Return predictions (N, K), and labels (N,) or probabilities (N, K), checked."""
    pred, true = _reals("y_pred", y_pred), np.asarray(y_true)
    if pred.ndim != 2:
        raise ValueError(f"y_pred must have shape (samples, classes), got {pred.shape}")
    if pred.size == 0:
        raise ValueError(
            f"y_pred must hold at least one sample and one class, got {pred.shape}"
        )
    n, k = pred.shape
    if true.shape == (n,):
        if true.dtype.kind not in "iu":
            raise ValueError(f"y_true must hold integer labels, got dtype {true.dtype}")
        # Read without a sign, a negative label is larger than any class.
        if np.maximum.reduce(true.view(true.dtype.str.replace("i", "u"))) >= k:
            worst = true.min() if true.min() < 0 else true.max()
            raise ValueError(f"y_true must hold labels from 0 to {k - 1}, got {worst}")
        return pred, true
    if true.shape != (n, k):
        raise ValueError(
            f"y_true must have shape ({n},) or ({n}, {k}), got {true.shape}"
        )
    true = _reals("y_true", true)
    _check_rows("y_true", true, 0.001, "")
    if np.isnan(true).any():
        raise ValueError("y_true must hold rows of probabilities, got nan")
    return pred, true.astype(np.result_type(true, np.float64), copy=False)


def _elements(
    y_pred: npt.ArrayLike, y_true: npt.ArrayLike
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Return predictions and answers from 0 to 1, of one shape, checked."""
    pred, true = _reals("y_pred", y_pred), _reals("y_true", y_true)
    if true.shape != pred.shape:
        raise ValueError(
            f"y_true must have the shape of y_pred, {pred.shape}, got {true.shape}"
        )
    if pred.size == 0:
        raise ValueError(f"y_pred must hold at least one element, got {pred.shape}")
    _check_range("y_true", true, "")
    if np.isnan(true).any():
        raise ValueError("y_true must lie from 0 to 1, got nan")
    return pred, true.astype(np.result_type(true, np.float64), copy=False)


def _reals(name: str, values: npt.ArrayLike) -> npt.NDArray[Any]:
    """Return an array of float32 or more; integers become float64."""
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} must hold real numbers, got dtype {array.dtype}")
    if array.dtype.kind != "f":
        return array.astype(np.float64)
    work = np.float32 if array.dtype.type is np.float16 else array.dtype
    return np.asarray(array, work)


def _check_rows(name: str, p: npt.NDArray[Any], tolerance: float, hint: str) -> None:
    """Refuse rows that are no probabilities; nan passes."""
    if (p < 0).any():
        raise ValueError(f"{name} must hold rows of probabilities, got {p.min()}{hint}")
    total = p.sum(axis=1, dtype=np.float64)
    off = np.abs(total - 1)
    if (off > tolerance).any():
        raise ValueError(
            f"{name} must hold rows of probabilities with sum 1, "
            f"got a row with sum {total[np.nanargmax(off)]:.4g}{hint}"
        )


def _check_range(name: str, p: npt.NDArray[Any], hint: str) -> None:
    """Refuse elements that are not from 0 to 1; nan passes."""
    outside = (p < 0) | (p > 1)
    if outside.any():
        raise ValueError(f"{name} must lie from 0 to 1, got {p[outside].flat[0]}{hint}")


def _share_of(share: npt.NDArray[Any], cost: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return share times cost, and 0 where the share is 0, also of inf."""
    product = np.zeros(cost.shape, np.result_type(share, cost))
    return np.asarray(np.multiply(share, cost, out=product, where=share != 0))


def _class_mean(log_p: npt.NDArray[Any], y: npt.NDArray[Any]) -> float:
    """Return the mean over samples of the cross-entropy, from logarithms."""
    if y.ndim == 1:
        return _mean(-log_p.take(_label_places(log_p, y)))
    return _mean(-_share_of(y, log_p).sum(axis=1, dtype=np.float64))


def _label_places(p: npt.NDArray[Any], labels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return where, in p read row by row, the label's entry of each row stands."""
    return np.arange(0, p.size, p.shape[1]) + labels.astype(np.intp, copy=False)


def _mean(terms: npt.NDArray[Any]) -> float:
    """Return the mean in float64; divided first, because the sum may overflow."""
    shares = terms.astype(np.float64, copy=False) / terms.size
    return float(np.add.reduce(shares, axis=None))


def _kept(array: npt.NDArray[Any] | None) -> npt.NDArray[Any]:
    """Return what a call has kept, if there was one."""
    if array is None:
        raise RuntimeError("call the loss before backward")
    return array


class MeanSquaredError(Loss):
    """Mean of the squares of prediction minus truth.

    Called, it returns the mean over all elements of (y_pred - y_true)². A constant
    prediction makes it smallest at the mean of y_true. It suits Gaussian noise.

    Derived in chapter 15, "What if the answer is a number?".

    Parameters
    ----------
    y_pred : array_like of shape (...)
        Of the call: predictions, real numbers.
    y_true : array_like of shape (...)
        Of the call: what was measured, finite; the shape of `y_pred`, exactly.

    Raises
    ------
    ValueError
        If there is no element, a shape or kind of number does not fit, or an element of
        `y_true` is not finite.

    Examples
    --------
    >>> loss = MeanSquaredError()
    >>> loss([[1.0], [2.0]], [[1.0], [5.0]])
    4.5
    >>> loss.backward()
    array([[ 0.],
           [-3.]])

    References
    ----------
    Equations eq-gaussian-mse and eq-mse-mean; PyTorch's MSELoss has the same value.
    """

    _d: npt.NDArray[Any] | None = None

    def __call__(self, y_pred: npt.ArrayLike, y_true: npt.ArrayLike) -> float:
        """Return the loss."""
        self._d, self._dtype = _difference(y_pred, y_true)
        d = self._d
        with np.errstate(over="ignore", under="ignore"):
            return float((d / d.size * d).sum())

    def backward(self) -> npt.NDArray[Any]:
        """Return 2 (y_pred - y_true) / n for the last call, of n elements.

        Returns
        -------
        ndarray of the shape of y_pred
            In its precision (float32 for float16), a new array.

        Raises
        ------
        RuntimeError
            If the loss was not called before.

        Examples
        --------
        >>> loss = MeanSquaredError()
        >>> loss([3.0, 0.0], [1, 0])
        2.0
        >>> loss.backward()
        array([2., 0.])

        References
        ----------
        Equation eq-number-gradients.
        """
        d = _kept(self._d)
        with np.errstate(over="ignore", under="ignore"):
            return np.asarray(d * (2 / d.size), self._dtype)


class MeanAbsoluteError(Loss):
    """Mean of the sizes of prediction minus truth.

    Called, it returns the mean over all elements of abs(y_pred - y_true). A constant
    prediction makes it smallest at the median of y_true. It suits Laplace noise.

    Derived in chapter 15, "What if the answer is a number?".

    Parameters
    ----------
    y_pred : array_like of shape (...)
        Of the call: predictions, real numbers.
    y_true : array_like of shape (...)
        Of the call: what was measured, finite; the shape of `y_pred`, exactly.

    Raises
    ------
    ValueError
        If there is no element, a shape or kind of number does not fit, or an element of
        `y_true` is not finite.

    Examples
    --------
    >>> loss = MeanAbsoluteError()
    >>> loss([[1.0], [2.0]], [[1.0], [5.0]])
    1.5
    >>> loss.backward()
    array([[ 0. ],
           [-0.5]])

    References
    ----------
    Equations eq-laplace-mae and eq-mae-median; PyTorch's L1Loss has the same value.
    """

    _d: npt.NDArray[Any] | None = None

    def __call__(self, y_pred: npt.ArrayLike, y_true: npt.ArrayLike) -> float:
        """Return the loss."""
        self._d, self._dtype = _difference(y_pred, y_true)
        return _mean(np.abs(self._d))

    def backward(self) -> npt.NDArray[Any]:
        """Return the sign of y_pred - y_true, over n, for the last call of n elements.

        Where prediction and truth are equal the loss has a corner; 0 is returned there.

        Returns
        -------
        ndarray of the shape of y_pred
            In its precision (float32 for float16), a new array.

        Raises
        ------
        RuntimeError
            If the loss was not called before.

        Examples
        --------
        >>> loss = MeanAbsoluteError()
        >>> loss([3.0, 0.0], [1, 0])
        1.0
        >>> loss.backward()
        array([0.5, 0. ])

        References
        ----------
        Equation eq-number-gradients.
        """
        d = _kept(self._d)
        return np.asarray(np.sign(d) / d.size, self._dtype)


class Huber(Loss):
    """Squares for small errors, sizes for large ones.

    Called, it returns the mean over all elements of d²/2 where d = y_pred - y_true is
    at most delta in size, and of delta abs(d) - delta²/2 where it is larger: value and
    slope fit together. Its slope is d, cut off at delta.

    Derived in chapter 15, "What if the answer is a number?".

    Parameters
    ----------
    delta : float
        Where squares end, in the unit of the truth. Positive. 1.345 standard deviations
        of Gaussian noise cost 5 % more data than squares do.
    y_pred : array_like of shape (...)
        Of the call: predictions, real numbers.
    y_true : array_like of shape (...)
        Of the call: what was measured, finite; the shape of `y_pred`, exactly.

    Raises
    ------
    ValueError
        If `delta` is not a positive, finite number; of the call, if there is no
        element, a shape or kind of number does not fit, or an element of `y_true` is
        not finite.

    Examples
    --------
    >>> loss = Huber(delta=1.0)
    >>> loss([[1.5], [2.0]], [[1.0], [5.0]])
    1.3125
    >>> loss.backward()
    array([[ 0.25],
           [-0.5 ]])

    References
    ----------
    Equations eq-huber-slope and eq-huber-variance; Huber, "Robust estimation of a
    location parameter", Annals of Mathematical Statistics 35(1), 1964. PyTorch's
    HuberLoss has the same value.
    """

    _d: npt.NDArray[Any] | None = None

    def __init__(self, delta: float = 1.0) -> None:
        if isinstance(delta, bool) or not isinstance(
            delta, int | float | np.integer | np.floating
        ):
            raise ValueError(f"delta must be a positive number, got {delta!r}")
        try:
            value = float(delta)
        except OverflowError:  # an integer beyond the largest float
            value = float("inf")
        if not 0 < value < float("inf"):
            raise ValueError(f"delta must be positive and finite, got {value}")
        self.delta = value

    def __call__(self, y_pred: npt.ArrayLike, y_true: npt.ArrayLike) -> float:
        """Return the loss."""
        self._d, self._dtype = _difference(y_pred, y_true)
        size = np.abs(self._d)
        near = np.minimum(size, self.delta)
        with np.errstate(over="ignore", under="ignore"):
            return float((near / near.size * (size - near / 2)).sum())

    def backward(self) -> npt.NDArray[Any]:
        """Return y_pred - y_true, cut off at delta, over n, for the last call.

        Returns
        -------
        ndarray of the shape of y_pred
            In its precision (float32 for float16), a new array.

        Raises
        ------
        RuntimeError
            If the loss was not called before.

        Examples
        --------
        >>> loss = Huber(delta=0.5)
        >>> loss([3.0, 0.25], [1, 0])
        0.453125
        >>> loss.backward()
        array([0.25 , 0.125])

        References
        ----------
        Equations eq-huber-slope and eq-number-gradients.
        """
        d = _kept(self._d)
        with np.errstate(under="ignore"):
            slope = np.clip(d, -self.delta, self.delta) / d.size
            return np.asarray(slope, self._dtype)


def _difference(
    y_pred: npt.ArrayLike, y_true: npt.ArrayLike
) -> tuple[npt.NDArray[Any], np.dtype[Any]]:
    """Return prediction minus truth in float64 or more, and the prediction's dtype."""
    pred, true = _reals("y_pred", y_pred), _reals("y_true", y_true)
    if true.shape != pred.shape:
        raise ValueError(
            f"y_true must have the shape of y_pred, {pred.shape}, got {true.shape}"
        )
    if pred.size == 0:
        raise ValueError(f"y_pred must hold at least one element, got {pred.shape}")
    if not np.isfinite(true).all():
        worst = true[~np.isfinite(true)].flat[0]
        raise ValueError(f"y_true must hold finite numbers, got {worst}")
    work = np.result_type(pred, true, np.float64)
    with np.errstate(over="ignore"):
        return np.asarray(np.subtract(pred, true, dtype=work)), pred.dtype
