"""Activations: the functions between the layers, each a layer without parameters."""

# Written by book/tools/export.py: edit the chapter, then run `make export`.

from typing import Any

import numpy as np
import numpy.typing as npt

from nnlib.functional import (
    _numbers,
    _values_and_dtype,
    relu,
    sigmoid,
    softmax,
    step,
    tanh,
)
from nnlib.layers import Layer, _arriving

__all__ = ["ReLU", "Sigmoid", "Softmax", "Step", "Tanh"]


class Step(Layer):
    """Let each neuron fire or not: 1 where its number is positive, and 0 elsewhere.

    It has no parameters. Through its slopes, which are 0, nothing learns.

    Derived in chapter 03, "Why must it be nonlinear?".

    Examples
    --------
    >>> Step().forward([[-2.0, 0.5]])
    array([[0., 1.]])

    References
    ----------
    Equations def-step and eq-step-flat.
    """

    _shape: tuple[int, ...] | None = None
    _dtype: np.dtype[Any] | None = None

    def forward(self, x: npt.ArrayLike, *, training: bool = False) -> npt.NDArray[Any]:
        """Apply `nnlib.functional.step`, and keep the shape for the way back.

        Parameters
        ----------
        x : array_like of shape (batch, ...)
            What the layer before computed.
        training : bool
            Makes no difference here.

        Returns
        -------
        ndarray of the shape of x

        Raises
        ------
        ValueError
            If `x` is not numeric.
        """
        del training  # a step is the same in both cases
        y = step(x)
        self._shape, self._dtype = y.shape, y.dtype
        return y

    def backward(self, dy: npt.ArrayLike) -> npt.NDArray[Any]:
        """Return zeros: the slope of a step is 0, wherever it has one.

        Derived in chapter 07, "How does error flow through a layer?".

        Parameters
        ----------
        dy : array_like of the shape of the last output
            Gradient with respect to it.

        Returns
        -------
        ndarray of the shape of dy
            In the precision of the output.

        Raises
        ------
        RuntimeError
            Before any forward.
        ValueError
            If `dy` has another shape than the output, or is not real where the output
            was.

        References
        ----------
        Equation eq-step-slope.
        """
        return np.zeros_like(_arriving(dy, self._shape, self._dtype))


class ReLU(Layer):
    """Let what is positive through, and put 0 in place of the rest.

    It has no parameters.

    Derived in chapter 03, "Why must it be nonlinear?".

    Examples
    --------
    >>> ReLU().forward([[-2.0, 0.5]])
    array([[0. , 0.5]])

    References
    ----------
    Equations def-relu and eq-relu-kinks; Glorot, Bordes and Bengio, "Deep sparse
    rectifier neural networks", 2011.
    """

    _on: npt.NDArray[Any] | None = None
    _dtype: np.dtype[Any] | None = None

    def forward(self, x: npt.ArrayLike, *, training: bool = False) -> npt.NDArray[Any]:
        """Apply `nnlib.functional.relu`, and keep which numbers were positive.

        Parameters
        ----------
        x : array_like of shape (batch, ...)
            What the layer before computed.
        training : bool
            Makes no difference here.

        Returns
        -------
        ndarray of the shape of x

        Raises
        ------
        ValueError
            If `x` is not numeric.
        """
        del training  # a ReLU is the same in both cases
        y = relu(x)
        self._on, self._dtype = y.real > 0, y.dtype
        return y

    def backward(self, dy: npt.ArrayLike) -> npt.NDArray[Any]:
        """Let the gradient pass where the neuron was on, and put 0 elsewhere.

        Derived in chapter 07, "How does error flow through a layer?".

        Parameters
        ----------
        dy : array_like of the shape of the last output
            Gradient with respect to it.

        Returns
        -------
        ndarray of the shape of dy
            In the precision of the output.

        Raises
        ------
        RuntimeError
            Before any forward.
        ValueError
            If `dy` has another shape than the output, or is not real where the output
            was.

        References
        ----------
        Equation eq-relu-backward.
        """
        on = self._on
        gradient = _arriving(dy, None if on is None else on.shape, self._dtype)
        return _where(on, gradient)


class Sigmoid(Layer):
    """Squash every number into the range from 0 to 1.

    It has no parameters.

    Derived in chapter 07, "How does error flow through a layer?".

    Examples
    --------
    >>> layer = Sigmoid()
    >>> layer.forward([[0.0, 1000.0]])
    array([[0.5, 1. ]])
    >>> layer.backward([[1.0, 1.0]])
    array([[0.25, 0.  ]])

    References
    ----------
    Equation eq-sigmoid-backward.
    """

    _x: npt.NDArray[Any] | None = None

    def forward(self, x: npt.ArrayLike, *, training: bool = False) -> npt.NDArray[Any]:
        """Apply `nnlib.functional.sigmoid`, and keep x itself for the way back.

        The output would not do: where it is rounded to 1, y(1 - y) is 0.

        Parameters
        ----------
        x : array_like of shape (batch, ...)
            What the layer before computed.
        training : bool
            Makes no difference here.

        Returns
        -------
        ndarray of the shape of x

        Raises
        ------
        ValueError
            If `x` is not numeric.
        """
        del training  # a sigmoid is the same in both cases
        self._x = _numbers("x", x)
        return sigmoid(self._x)

    def backward(self, dy: npt.ArrayLike) -> npt.NDArray[Any]:
        """Multiply the gradient by the slope of the sigmoid.

        Parameters
        ----------
        dy : array_like of the shape of the last output
            Gradient with respect to it.

        Returns
        -------
        ndarray of the shape of dy
            In the precision of the output.

        Raises
        ------
        RuntimeError
            Before any forward.
        ValueError
            If `dy` has another shape than the output, or is not real where the output
            was.

        References
        ----------
        Equations eq-sigmoid-backward and eq-slope-safe.
        """
        return _through_slope(dy, self._x, tanh=False)


class Tanh(Layer):
    """Squash every number into the range from -1 to 1.

    It has no parameters.

    Derived in chapter 07, "How does error flow through a layer?".

    Examples
    --------
    >>> layer = Tanh()
    >>> layer.forward([[0.0, 1000.0]])
    array([[0., 1.]])
    >>> layer.backward([[1.0, 1.0]])
    array([[1., 0.]])

    References
    ----------
    Equation eq-tanh-backward.
    """

    _x: npt.NDArray[Any] | None = None

    def forward(self, x: npt.ArrayLike, *, training: bool = False) -> npt.NDArray[Any]:
        """Apply `nnlib.functional.tanh`, and keep x itself for the way back.

        The output would not do: where it is rounded to 1, 1 - y² is 0.

        Parameters
        ----------
        x : array_like of shape (batch, ...)
            What the layer before computed.
        training : bool
            Makes no difference here.

        Returns
        -------
        ndarray of the shape of x

        Raises
        ------
        ValueError
            If `x` is not numeric.
        """
        del training  # a tanh is the same in both cases
        self._x = _numbers("x", x)
        return tanh(self._x)

    def backward(self, dy: npt.ArrayLike) -> npt.NDArray[Any]:
        """Multiply the gradient by the slope of the tanh.

        Parameters
        ----------
        dy : array_like of the shape of the last output
            Gradient with respect to it.

        Returns
        -------
        ndarray of the shape of dy
            In the precision of the output.

        Raises
        ------
        RuntimeError
            Before any forward.
        ValueError
            If `dy` has another shape than the output, or is not real where the output
            was.

        References
        ----------
        Equations eq-tanh-backward and eq-slope-safe.
        """
        return _through_slope(dy, self._x, tanh=True)


def _where(on: Any, gradient: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the gradient where on and 0 elsewhere, several times faster than np.where.

    An entry that is off keeps none of its bits, which makes it 0 even if it was inf.
    """
    if gradient.dtype.kind == "c" or gradient.dtype.itemsize not in (2, 4, 8):
        return np.where(on, gradient, gradient.dtype.type(0))
    bits = np.dtype(f"i{gradient.dtype.itemsize}")
    kept: npt.NDArray[Any] = np.array(on, bits)
    np.negative(kept, out=kept)  # of 0 no bit is set, of -1 all are
    kept &= gradient.view(bits)
    return kept.view(gradient.dtype)


def _through_slope(
    dy: npt.ArrayLike, x: npt.NDArray[Any] | None, *, tanh: bool
) -> npt.NDArray[Any]:
    """Multiply dy by the slope of the sigmoid or the tanh at x, to a few last digits.

    Both slopes are even functions, so that only powers of numbers up to 0 are needed.
    """
    if x is None:
        raise RuntimeError("call forward before backward")
    gradient = _arriving(dy, x.shape, x.dtype)
    values, dtype = _values_and_dtype(x)
    e = np.exp(np.where(values.real < 0, values, -values))
    slope = 4 * (e / (1 + e * e)) ** 2 if tanh else e / (1 + e) ** 2
    return np.asarray(gradient * slope).astype(dtype, copy=False)


class Softmax(Layer):
    """Turn the scores of each sample into probabilities, along the last axis.

    It has no parameters. To train a classifier, leave this layer out and hand the
    scores to `nnlib.losses.SoftmaxCrossEntropy`, which is faster and safe.

    Derived in chapter 08, "Why is it simply p − y?".

    Examples
    --------
    >>> layer = Softmax()
    >>> layer.forward([[0.0, 0.0]])
    array([[0.5, 0.5]])
    >>> layer.backward([[1.0, 0.0]])
    array([[ 0.25, -0.25]])

    References
    ----------
    Equations eq-softmax-jacobian and eq-softmax-backward.
    """

    _p: npt.NDArray[Any] | None = None

    def forward(self, x: npt.ArrayLike, *, training: bool = False) -> npt.NDArray[Any]:
        """Apply `nnlib.functional.softmax`, and keep the probabilities.

        Parameters
        ----------
        x : array_like of shape (batch, ..., classes)
            Scores; one class or more.
        training : bool
            Makes no difference here.

        Returns
        -------
        ndarray of the shape of x

        Raises
        ------
        ValueError
            If `x` is not numeric or has another shape.
        """
        del training  # a softmax is the same in both cases
        scores = _numbers("x", x)
        if scores.ndim < 2 or scores.shape[-1] == 0:
            raise ValueError(
                "x must have shape (batch, ..., classes) with at least one class, "
                f"got {scores.shape}"
            )
        self._p = softmax(scores)
        return self._p.copy()

    def backward(self, dy: npt.ArrayLike) -> npt.NDArray[Any]:
        """Multiply the gradient by the Jacobian of softmax, without building it.

        A number that is added to the gradients of all classes changes nothing, so that
        of the likeliest class is subtracted first: no digits are lost where it is sure.

        Parameters
        ----------
        dy : array_like of the shape of the last output
            Gradient with respect to it.

        Returns
        -------
        ndarray of the shape of dy
            In the precision of the output.

        Raises
        ------
        RuntimeError
            Before any forward.
        ValueError
            If `dy` has another shape than the output, or is not real where the output
            was.

        References
        ----------
        Equations eq-softmax-backward and eq-jacobian-ones.
        """
        if self._p is None:
            raise RuntimeError("call forward before backward")
        p, dtype = _values_and_dtype(self._p)
        kept = _arriving(dy, p.shape, p.dtype)  # float32 for float16
        rows = p.reshape(-1, p.shape[-1])
        at = np.arange(0, p.size, p.shape[-1]) + rows.real.argmax(axis=1)
        kept = kept - kept.take(at).reshape(*p.shape[:-1], 1)
        dx = p * (kept - (p * kept).sum(axis=-1, keepdims=True))
        return np.asarray(dx).astype(dtype, copy=False)
