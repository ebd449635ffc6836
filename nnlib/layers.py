"""Layers: parameters, and what is computed with them.

A layer is given a batch, samples along the first axis, and returns a batch.
"""

# Written by book/tools/export.py: edit the chapter, then run `make export`.

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from nnlib.functional import _numbers, affine
from nnlib.initializers import he_normal, zeros

__all__ = ["Arrays", "Dense", "Dropout", "Layer"]


class Arrays(Mapping[str, npt.NDArray[Any]]):
    """Arrays by name, which can be written into but not replaced.

    Who holds one of them, such as an optimiser, sees every change.

    Derived in chapter 02, "Why a bias, why batches?".

    Parameters
    ----------
    arrays : mapping of str to array_like, optional
        The arrays, in order. They are copied.

    Raises
    ------
    ValueError
        On ``arrays["W"] = w``: write in place, ``arrays["W"][...] = w``.

    Examples
    --------
    >>> params = Arrays({"W": [[1.0, 2.0]]})
    >>> params["W"][...] = 3
    >>> params["W"] += 1
    >>> params["W"]
    array([[4., 4.]])

    References
    ----------
    Equation eq-dense names the arrays of a dense layer.
    """

    def __init__(self, arrays: Mapping[str, npt.ArrayLike] | None = None) -> None:
        self._arrays: dict[str, npt.NDArray[Any]] = {
            name: np.array(array, order="C") for name, array in (arrays or {}).items()
        }

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def __setitem__(self, name: str, array: npt.ArrayLike) -> None:
        # params["W"] += g changes the array, and then hands the same one in here.
        if name not in self._arrays or array is not self._arrays[name]:
            raise ValueError(f"write in place: params[{name!r}][...] = …")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mapping):
            return NotImplemented
        return self.keys() == other.keys() and all(
            np.array_equal(array, other[name]) for name, array in self.items()
        )

    def __repr__(self) -> str:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in self.items())
        return f"Arrays({shapes})"

    def _bind(self, name: str, array: npt.NDArray[Any]) -> None:
        """Replace an array by a view of the same shape, such as a part of a vector."""
        old = self._arrays[name]
        if array.shape != old.shape or array.dtype.kind != old.dtype.kind:
            raise ValueError(
                f"array must have shape {old.shape} and a dtype of kind "
                f"{old.dtype.kind!r} for {name}, got {array.shape} and {array.dtype}"
            )
        self._arrays[name] = array


class Layer:
    """A part of a network: what all layers have in common.

    A layer of your own calls ``super().__init__()`` and defines `forward`.

    Derived in chapter 02, "Why a bias, why batches?".

    Attributes
    ----------
    params : Arrays
        Parameters that are trained. Write in place: ``layer.params["W"][...] = w``.
    grads : Arrays
        Their gradients, of the same names, shapes and dtypes.
    buffers : Arrays
        Other arrays that belong to the layer and are saved with it.

    Examples
    --------
    >>> class Double(Layer):
    ...     def forward(self, x, *, training=False):
    ...         return 2 * x
    >>> Double().forward(np.array([[1.0, 2.0]]))
    array([[2., 4.]])

    References
    ----------
    Equation eq-batch-same: a sample's answer does not depend on the batch around it,
    unless a layer says otherwise.
    """

    def __init__(self) -> None:
        self.params = Arrays()
        self.grads = Arrays()
        self.buffers = Arrays()

    def forward(self, x: npt.ArrayLike, *, training: bool = False) -> npt.NDArray[Any]:
        """Compute the layer's output; to be defined by each layer.

        Parameters
        ----------
        x : array_like of shape (batch, ...)
            Inputs, one sample after the other.
        training : bool
            Whether the network is being trained, which some layers behave upon.

        Returns
        -------
        ndarray of shape (batch, ...)

        Raises
        ------
        NotImplementedError
            If the layer does not define it.
        """
        raise NotImplementedError(f"{type(self).__name__} must define forward")

    def penalty(self) -> float:
        """Return what the layer's regularisers add to the loss, 0 without them."""
        return 0.0

    def config(self) -> dict[str, Any]:
        """Return plain values from which the layer is rebuilt, without its arrays."""
        return {}

    _owned: bool = False  # whether a model has laid out its arrays

    def backward(self, dy: npt.ArrayLike) -> npt.NDArray[Any]:
        """Send a gradient back through the last forward; to be defined by each layer.

        Overwrites `grads` with the gradients of sum(dy * y) + penalty(), where y is the
        output of the last forward.

        Derived in chapter 07, "How does error flow through a layer?".

        Parameters
        ----------
        dy : array_like of shape (batch, ...)
            Gradient of the loss with respect to the output of the last forward.

        Returns
        -------
        ndarray of shape (batch, ...)
            Gradient of the loss with respect to the input of the last forward.

        Raises
        ------
        NotImplementedError
            If the layer does not define it.

        References
        ----------
        Equation eq-vjp.
        """
        raise NotImplementedError(f"{type(self).__name__} must define backward")

    def _backward_first(self, dy: npt.ArrayLike) -> None:
        """Go backward where no layer stands before: only the parameters' gradients.

        Derived in chapter 07, "How does error flow through a layer?".
        """
        self.backward(dy)

    def __copy__(self) -> Self:
        return deepcopy(self)  # two layers never share arrays

    def __getstate__(self) -> dict[str, Any]:
        """Return all but the mark of the model, which a copy does not belong to.

        Derived in chapter 07, "How does error flow through a layer?".
        """
        return {k: value for k, value in self.__dict__.items() if k != "_owned"}


_Initializer = Callable[[Any, Any, Any], npt.NDArray[Any]]

_Regularizer = Callable[[npt.NDArray[Any]], float]


class Dense(Layer):
    """A dense layer: every neuron sees every input, Y = XW + b.

    Derived in chapter 02, "Why a bias, why batches?".

    Parameters
    ----------
    in_features, out_features : int
        Number of inputs D and of neurons K, 1 or more.
    rng : object
        A seed or generator, as `numpy.random.default_rng` takes. A generator advances,
        so that two layers given the same one differ.
    weight_init, bias_init : callable
        ``init(rng, shape, dtype)`` returns the first values; float64 is asked for.
    use_bias : bool
        Without it, the output at the input 0 is 0.
    weight_regularizer, bias_regularizer : callable, optional
        ``regularizer(array)`` returns a penalty.

    Attributes
    ----------
    params : Arrays
        "W" of shape (in_features, out_features), and "b" of shape (out_features,) if
        `use_bias`.
    grads : Arrays
        Zeros of the same shapes, until a backward pass writes into them.

    Raises
    ------
    ValueError
        If an argument is not of that kind, or an initialiser returns another shape or
        no floating-point numbers.

    Examples
    --------
    >>> layer = Dense(3, 2, rng=0)
    >>> layer.params
    Arrays(W (3, 2), b (2,))
    >>> layer.params["W"][...] = [[1, 0], [0, 1], [1, 1]]
    >>> layer.forward([[1, 2, 3]])
    array([[4., 5.]])

    References
    ----------
    Equation eq-dense. Keras' Dense has the same W; PyTorch's Linear, its transpose.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        rng: Any,
        weight_init: _Initializer = he_normal,
        bias_init: _Initializer = zeros,
        use_bias: bool = True,
        weight_regularizer: _Regularizer | None = None,
        bias_regularizer: _Regularizer | None = None,
    ) -> None:
        super().__init__()
        self.in_features = _positive("in_features", in_features)
        self.out_features = _positive("out_features", out_features)
        self.use_bias = bool(use_bias)
        self.weight_regularizer = weight_regularizer
        self.bias_regularizer = bias_regularizer
        for name, function in (
            ("weight_init", weight_init),
            ("bias_init", bias_init),
            ("weight_regularizer", weight_regularizer),
            ("bias_regularizer", bias_regularizer),
        ):
            optional = name.endswith("regularizer")
            if not callable(function) and not (optional and function is None):
                wanted = "a callable or None" if optional else "a callable"
                raise ValueError(f"{name} must be {wanted}, got {function!r}")
        if bias_regularizer is not None and not self.use_bias:
            raise ValueError(
                "bias_regularizer must be None where use_bias is False, "
                f"got {bias_regularizer!r}"
            )
        try:
            generator = np.random.default_rng(rng)
        except (TypeError, ValueError) as error:
            raise ValueError(
                "rng must be a seed or generator for numpy.random.default_rng, "
                f"got {rng!r}"
            ) from error
        shape = (self.in_features, self.out_features)
        arrays = {"W": _drawn("weight_init", weight_init, generator, shape)}
        if self.use_bias:
            arrays["b"] = _drawn("bias_init", bias_init, generator, shape[1:])
        self.params = Arrays(arrays)
        self.grads = Arrays({name: np.zeros_like(a) for name, a in arrays.items()})
        self._x: npt.NDArray[Any] | None = None

    def forward(self, x: npt.ArrayLike, *, training: bool = False) -> npt.NDArray[Any]:
        """Compute XW + b, and keep x itself, not a copy, for the backward pass.

        Parameters
        ----------
        x : array_like of shape (batch, in_features)
            Inputs; integers become float64. An empty batch gives an empty output.
        training : bool
            Makes no difference here.

        Returns
        -------
        ndarray of shape (batch, out_features)
            In the common precision of `x` and the parameters.

        Raises
        ------
        ValueError
            If `x` has another shape or is not numeric.
        """
        del training  # a dense layer does the same in both cases
        array = np.asarray(x)
        if array.dtype.kind in "biu":
            array = array.astype(np.float64)
        if array.dtype.kind not in "fc":
            raise ValueError(
                f"x must hold real or complex numbers, got dtype {array.dtype}"
            )
        if array.ndim != 2 or array.shape[1] != self.in_features:
            raise ValueError(
                f"x must have shape (batch, {self.in_features}), got {array.shape}"
            )
        self._x = array
        if self.use_bias:
            return affine(array, self.params["W"], self.params["b"])
        return affine(array, self.params["W"])

    def penalty(self) -> float:
        """Return the sum of what the regularisers give for W and b."""
        total = 0.0
        if self.weight_regularizer is not None:
            total += float(self.weight_regularizer(self.params["W"]))
        if self.bias_regularizer is not None:
            total += float(self.bias_regularizer(self.params["b"]))
        return total

    def config(self) -> dict[str, Any]:
        """Return sizes, use_bias, and each regulariser's own ``config()`` or None.

        Raises
        ------
        ValueError
            If a regulariser has no ``config()``, as a plain function has not.
        """
        return {
            "in_features": self.in_features,
            "out_features": self.out_features,
            "use_bias": self.use_bias,
            "weight_regularizer": _config(
                "weight_regularizer", self.weight_regularizer
            ),
            "bias_regularizer": _config("bias_regularizer", self.bias_regularizer),
        }

    def backward(self, dy: npt.ArrayLike) -> npt.NDArray[Any]:
        """Write the gradients of W and b into `grads`, and return that of the input.

        Derived in chapter 07, "How does error flow through a layer?".

        Parameters
        ----------
        dy : array_like of shape (batch, out_features)
            Gradient with respect to the output of the last forward. For an empty
            batch the gradients are those of the penalty, 0 without one.

        Returns
        -------
        ndarray of shape (batch, in_features)
            Gradient with respect to the input, in the precision of the output.

        Raises
        ------
        RuntimeError
            Before any forward.
        ValueError
            If `dy` has another shape than the output or holds no real numbers, if the
            input was complex, or if a regulariser has no ``gradient(array)`` of the
            array's shape. Then nothing is written.

        References
        ----------
        Equations eq-dense-weights, eq-dense-bias and eq-dense-input.
        """
        gradient, dtype = self._write_gradients(dy)
        weights = self.params["W"]
        dx: npt.NDArray[Any] = gradient @ weights.T.astype(gradient.dtype, copy=False)
        return dx.astype(dtype, copy=False)

    def _backward_first(self, dy: npt.ArrayLike) -> None:
        """Write the gradients of W and b, without the product for the input's.

        Derived in chapter 07, "How does error flow through a layer?".
        """
        if type(self).backward is Dense.backward:
            self._write_gradients(dy)
        else:
            self.backward(dy)  # a subclass may have a way of its own

    def _write_gradients(
        self, dy: npt.ArrayLike
    ) -> tuple[npt.NDArray[Any], np.dtype[Any]]:
        """Write the gradients of W and b, and return dy as used and the output's dtype.

        What is used is in single precision where the output is in half.

        Derived in chapter 07, "How does error flow through a layer?".
        """
        x = self._x
        if x is None:
            raise RuntimeError("call forward before backward")
        if x.dtype.kind == "c":
            raise ValueError(f"x must have held real numbers, got dtype {x.dtype}")
        dtype = np.result_type(x, *self.params._arrays.values())
        gradient = _arriving(dy, (len(x), self.out_features), dtype)
        work = np.dtype(np.float32) if dtype == np.float16 else dtype
        gradient = gradient.astype(work, copy=False)
        penalties = {
            name: _penalty_gradient(name, regularizer, self.params[name])
            for name, regularizer in (
                ("W", self.weight_regularizer),
                ("b", self.bias_regularizer),
            )
            if regularizer is not None
        }
        np.matmul(
            x.T.astype(work, copy=False),
            gradient,
            out=self.grads["W"],
            casting="same_kind",
        )
        if self.use_bias:
            np.add.reduce(gradient, axis=0, out=self.grads["b"])
        for name, penalty in penalties.items():
            self.grads[name][...] += penalty
        return gradient, dtype


def _positive(name: str, value: Any) -> int:
    """Return an int of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(f"{name} must be an int of at least 1, got {value!r}")
    return int(value)


def _drawn(
    name: str, init: _Initializer, rng: np.random.Generator, shape: tuple[int, ...]
) -> npt.NDArray[Any]:
    """Return an initialiser's array, if it is one of that shape."""
    array = np.asarray(init(rng, shape, np.float64))
    if array.shape != shape or array.dtype.kind != "f":
        raise ValueError(
            f"{name} must return floating-point numbers of shape {shape}, "
            f"got {array.dtype} of shape {array.shape}"
        )
    return array


def _config(name: str, regularizer: _Regularizer | None) -> Any:
    """Return a regulariser's config."""
    if regularizer is None:
        return None
    config = getattr(regularizer, "config", None)
    if config is None:
        raise ValueError(
            f"{name} must have a config() to be described, got {regularizer!r}"
        )
    return config()


def _arriving(
    dy: npt.ArrayLike,
    shape: tuple[int, ...] | None,
    dtype: np.dtype[Any] | None = None,
) -> npt.NDArray[Any]:
    """Return the gradient that arrives at an output of that shape and dtype.

    Without a dtype it keeps its own precision; integers become float64.
    """
    if shape is None:
        raise RuntimeError("call forward before backward")
    array = np.asarray(dy)
    if array.dtype.kind in "biu":
        array = array.astype(np.float64)
    real = dtype is not None and dtype.kind != "c"
    if array.dtype.kind not in ("f" if real else "fc"):
        kind = "real" if real else "real or complex"
        raise ValueError(f"dy must hold {kind} numbers, got dtype {array.dtype}")
    if array.shape != shape:
        raise ValueError(f"dy must have shape {shape}, got {array.shape}")
    return array if dtype is None else array.astype(dtype, copy=False)


def _penalty_gradient(
    name: str, regularizer: Any, array: npt.NDArray[Any]
) -> npt.NDArray[Any]:
    """Return the gradient of a regulariser, if it has one of the array's shape."""
    which = "weight_regularizer" if name == "W" else "bias_regularizer"
    if not callable(getattr(regularizer, "gradient", None)):
        raise ValueError(
            f"{which} must have a gradient(array) to go backward, got {regularizer!r}"
        )
    gradient = np.asarray(regularizer.gradient(array))
    if gradient.shape != array.shape or gradient.dtype.kind not in "biuf":
        raise ValueError(
            f"the gradient of {which} must hold real numbers of shape {array.shape}, "
            f"got {gradient.dtype} of shape {gradient.shape}"
        )
    return gradient


class Dropout(Layer):
    """While training, drop numbers at random, and enlarge the rest to keep the mean.

    Each number is put to 0 with the probability p, and divided by 1 - p otherwise. In
    evaluation nothing is dropped and nothing divided.

    Derived in chapter 19, "Why divide by 1 − p?".

    Parameters
    ----------
    p : float
        The probability of dropping, 0 or more and less than 1. PyTorch and Keras mean
        the same by it; Srivastava and others, the probability of keeping.
    rng : object
        A seed or generator, as `numpy.random.default_rng` takes. The layer draws from a
        child of it: two layers that are given the same generator drop independently,
        but two that are given the same seed drop the same.

    Attributes
    ----------
    p : float
        As given.
    rng : numpy.random.Generator
        The child. Its state is part of what a run needs to be resumed.

    Raises
    ------
    ValueError
        If an argument is not of that kind.

    Examples
    --------
    >>> layer = Dropout(0.5, rng=0)
    >>> x = np.array([[1.0, 2.0, 3.0, 4.0]])
    >>> layer.forward(x, training=True)
    array([[2., 0., 6., 0.]])
    >>> layer.backward(np.ones((1, 4)))
    array([[2., 0., 2., 0.]])
    >>> layer.forward(x)
    array([[1., 2., 3., 4.]])

    References
    ----------
    Equations def-dropout, eq-dropout-mean and eq-dropout-backward; Srivastava and
    others, "Dropout: a simple way to prevent neural networks from overfitting", 2014.
    """

    _shape: tuple[int, ...] | None = None
    _dtype: np.dtype[Any] | None = None
    _mask: npt.NDArray[np.bool_] | None = None

    def __init__(self, p: float, *, rng: Any) -> None:
        super().__init__()
        kinds = int | float | np.integer | np.floating
        if not isinstance(p, kinds) or isinstance(p, bool) or not 0 <= p < 1:
            raise ValueError(f"p must be a number from 0 to below 1, got {p!r}")
        self.p = float(p)
        try:
            self.rng = np.random.default_rng(rng).spawn(1)[0]
        except (TypeError, ValueError) as error:
            raise ValueError(
                "rng must be a seed or generator for numpy.random.default_rng, "
                f"got {rng!r}"
            ) from error

    def forward(self, x: npt.ArrayLike, *, training: bool = False) -> npt.NDArray[Any]:
        """Drop and enlarge with a new mask, and keep the mask for the way back.

        Parameters
        ----------
        x : array_like of shape (batch, ...)
            What the layer before computed, real or complex; integers become float64.
        training : bool
            Without it, x is returned as it is, itself and not a copy. So it is with a
            p of 0.

        Returns
        -------
        ndarray of the shape of x
            In the precision of `x`. What is dropped is 0, even where x was inf or nan.

        Raises
        ------
        ValueError
            If `x` is not numeric or has no axis. Then nothing is drawn.
        """
        array = _numbers("x", x)
        if not array.ndim:
            raise ValueError("x must have shape (batch, ...), got ()")
        self._shape, self._dtype, self._mask = array.shape, array.dtype, None
        if not training or not self.p:
            return array
        # The numbers drawn are multiples of 2**-53: p is rounded up to one of them.
        self._mask = self.rng.random(array.shape) >= self.p
        return _masked(array, self._mask, 1 - self.p)

    def backward(self, dy: npt.ArrayLike) -> npt.NDArray[Any]:
        """Send the gradient back through the same mask, divided by the same 1 - p.

        Parameters
        ----------
        dy : array_like of the shape of the last output
            Gradient with respect to it.

        Returns
        -------
        ndarray of the shape of dy
            In the precision of the output. After a forward in which nothing was
            dropped, dy as it is.

        Raises
        ------
        RuntimeError
            Before any forward.
        ValueError
            If `dy` has another shape than the output, or is not real where the output
            was.

        References
        ----------
        Equation eq-dropout-backward.
        """
        gradient = _arriving(dy, self._shape, self._dtype)
        if self._mask is None:
            return gradient
        return _masked(gradient, self._mask, 1 - self.p)

    def config(self) -> dict[str, Any]:
        """Return p. The generator's state is kept by whoever keeps the layer."""
        return {"p": self.p}


def _masked(
    values: npt.NDArray[Any], mask: npt.NDArray[np.bool_], share: float
) -> npt.NDArray[Any]:
    """Return values / share where the mask is on, and 0 elsewhere, without a branch."""
    half = values.dtype == np.float16  # in which a small share would be 0
    scaled: npt.NDArray[Any] = values.astype(np.float32) if half else values / share
    if half:
        scaled = (scaled / share).astype(np.float16)
    if scaled.dtype.kind == "c" or scaled.dtype.itemsize not in (2, 4, 8):
        return np.where(mask, scaled, scaled.dtype.type(0))
    bits = scaled.view(np.dtype(f"u{scaled.dtype.itemsize}"))
    np.multiply(bits, mask, out=bits)  # of what is off, no bit stays
    return scaled
