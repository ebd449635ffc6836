"""Models: layers that follow one another, with all parameters in one vector."""

# Written by book/tools/export.py: edit the chapter, then run `make export`.

from collections.abc import Iterable
from copy import deepcopy
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from nnlib.layers import Layer

__all__ = ["Sequential"]


class Sequential:
    """Layers one after the other, as a function of one vector of parameters.

    All parameters stand in `theta`, all gradients in `grad`, in the order of the
    layers; each layer's ``params["W"]`` and ``grads["W"]`` are views of a part of them.

    Derived in chapter 07, "How does error flow through a layer?".

    Parameters
    ----------
    layers : iterable of Layer
        One or more. A layer belongs to one model, once.
    dtype : dtype
        float64 or float32, of parameters, gradients and all that is computed.

    Attributes
    ----------
    layers : tuple of Layer
    dtype : numpy.dtype

    Raises
    ------
    ValueError
        If something in `layers` is no layer, stands there twice or belongs to a model,
        or on another dtype. Then no layer is changed.

    Examples
    --------
    >>> from nnlib.activations import ReLU
    >>> from nnlib.layers import Dense
    >>> model = Sequential([Dense(2, 3, rng=0), ReLU(), Dense(3, 1, rng=1)])
    >>> model
    Sequential(Dense, ReLU, Dense: 13 parameters, float64)
    >>> model.theta[...] = 1
    >>> model.layers[0].params["b"]
    array([1., 1., 1.])
    >>> model.forward([[2.0, 3.0]])
    array([[19.]])
    >>> model.backward([[1.0]])
    array([[3., 3.]])
    >>> model.grad
    array([2., 2., 2., 3., 3., 3., 1., 1., 1., 6., 6., 6., 1.])

    References
    ----------
    Equations eq-stack-backward and def-theta.
    """

    def __init__(
        self, layers: Iterable[Layer], *, dtype: npt.DTypeLike = np.float64
    ) -> None:
        try:
            wanted = np.dtype(dtype)
        except TypeError as error:
            raise ValueError(
                f"dtype must be float32 or float64, got {dtype!r}"
            ) from error
        if dtype is None or wanted not in (np.float32, np.float64):
            raise ValueError(f"dtype must be float32 or float64, got {dtype!r}")
        if not isinstance(layers, Iterable):
            raise ValueError(f"layers must be a list of layers, got {layers!r}")
        given = tuple(layers)
        if not given:
            raise ValueError("layers must hold at least one layer, got none")
        for number, layer in enumerate(given):
            _check_layer(number, layer, given[:number])
        self.layers = given
        self.dtype: np.dtype[Any] = wanted
        self._ready = False
        self._lay_out()

    def _lay_out(self) -> None:
        """Make theta and grad of the layers' arrays, and these views into them."""
        size = sum(a.size for layer in self.layers for a in layer.params.values())
        self._theta = np.zeros(size, self.dtype)
        self._grad = np.zeros(size, self.dtype)
        start = 0
        for layer in self.layers:
            for name, array in list(layer.params.items()):
                part = slice(start, start + array.size)
                for vector, arrays in (
                    (self._theta, layer.params),
                    (self._grad, layer.grads),
                ):
                    view = vector[part].reshape(array.shape)
                    view[...] = arrays[name]
                    arrays._bind(name, view)
                start += array.size
            for name, array in list(layer.buffers.items()):
                if array.dtype.kind == "f":
                    layer.buffers._bind(name, array.astype(self.dtype))
            layer._owned = True

    @property
    def theta(self) -> npt.NDArray[Any]:
        """All parameters, of shape (P,). Write in place; assigning copies in."""
        return self._theta

    @theta.setter
    def theta(self, values: npt.ArrayLike) -> None:
        _copy_in("theta", self._theta, values)

    @property
    def grad(self) -> npt.NDArray[Any]:
        """All gradients, of shape (P,). Write in place; assigning copies in."""
        return self._grad

    @grad.setter
    def grad(self, values: npt.ArrayLike) -> None:
        _copy_in("grad", self._grad, values)

    def forward(self, x: npt.ArrayLike, *, training: bool = False) -> npt.NDArray[Any]:
        """Send a batch through all layers, from the first to the last.

        Parameters
        ----------
        x : array_like of shape (batch, ...)
            Inputs, which are cast to the model's dtype, if they have another.
        training : bool
            Handed to each layer.

        Returns
        -------
        ndarray of shape (batch, ...)
            The output of the last layer.

        Raises
        ------
        ValueError
            If `x` is not numeric, or if a layer refuses what it is given; the message
            begins with the layer's place, counted from 0, and its class.
        """
        self._ready = False  # until every layer has seen this batch
        y = _cast("x", x, self.dtype, complex_too=True)
        for number, layer in enumerate(self.layers):
            try:
                y = layer.forward(y, training=training)
            except ValueError as error:
                raise ValueError(f"{_place(number, layer)}: {error}") from error
        self._ready = True
        return y

    def backward(self, dy: npt.ArrayLike) -> npt.NDArray[Any]:
        """Send a gradient through all layers, from the last to the first.

        Overwrites `grad` with the gradient of sum(dy * y) + penalty(), where y is the
        output of the last forward.

        Parameters
        ----------
        dy : array_like of shape (batch, ...)
            Gradient of the loss with respect to the output of the last forward.

        Returns
        -------
        ndarray of shape (batch, ...)
            Gradient with respect to the input of the last forward.

        Raises
        ------
        RuntimeError
            Before any forward, and after one that failed.
        ValueError
            If `dy` does not hold real numbers of the output's shape, or if a layer
            refuses to go backward.

        References
        ----------
        Equation eq-stack-backward.
        """
        return self._send_back(dy, to_input=True)

    def _backward_params(self, dy: npt.ArrayLike) -> None:
        """Write `grad` as backward does, without the gradient of the input."""
        self._send_back(dy, to_input=False)

    def _send_back(self, dy: npt.ArrayLike, *, to_input: bool) -> npt.NDArray[Any]:
        """Go from the last layer to the first, which need not give a gradient."""
        if not self._ready:
            raise RuntimeError("call forward before backward")
        gradient = _cast("dy", dy, self.dtype, complex_too=False)
        for number, layer in reversed(list(enumerate(self.layers))):
            try:
                if number or to_input:
                    gradient = layer.backward(gradient)
                else:  # what has a layer's methods, and is none, may lack this one
                    getattr(layer, "_backward_first", layer.backward)(gradient)
            except ValueError as error:
                raise ValueError(f"{_place(number, layer)}: {error}") from error
        return gradient

    def penalty(self) -> float:
        """Return the sum of the layers' penalties."""
        return float(sum(layer.penalty() for layer in self.layers))

    def __repr__(self) -> str:
        names = ", ".join(type(layer).__name__ for layer in self.layers)
        return f"Sequential({names}: {self._theta.size} parameters, {self.dtype})"

    def __copy__(self) -> Self:
        return deepcopy(self)  # two models never share layers

    def __getstate__(self) -> dict[str, Any]:
        """Return all but the vectors: what they hold stands in the layers' arrays."""
        return {k: v for k, v in self.__dict__.items() if k not in ("_theta", "_grad")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the layers, and lay out their arrays as views of new vectors."""
        self.__dict__.update(state)
        self._lay_out()


def _check_layer(number: int, layer: Any, before: tuple[Any, ...]) -> None:
    """Refuse what is no layer, or no longer free."""
    if isinstance(layer, type):
        raise ValueError(
            f"layers[{number}] must be a layer, got the class {layer.__name__}: "
            f"write {layer.__name__}(…)"
        )
    needed = ("forward", "backward", "penalty", "params", "grads", "buffers")
    if not all(hasattr(layer, name) for name in needed):
        raise ValueError(f"layers[{number}] must be a layer, got {layer!r}")
    place = _place(number, layer)
    for earlier, other in enumerate(before):
        if other is layer:
            raise ValueError(
                f"{place} stands at place {earlier} already: a layer belongs to one "
                "model, once"
            )
    if getattr(layer, "_owned", False):
        raise ValueError(
            f"{place} belongs to another model already; copy.deepcopy makes a layer "
            "that is free"
        )
    params, grads = layer.params, layer.grads
    shapes = [{k: a.shape for k, a in arrays.items()} for arrays in (params, grads)]
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"{place} must have grads of the names and shapes of its params, "
            f"{shapes[0]}, got {shapes[1]}"
        )
    for name, array in (*params.items(), *grads.items()):
        if array.dtype.kind != "f":
            raise ValueError(
                f"{place} must hold floating-point numbers in {name}, got {array.dtype}"
            )


def _place(number: int, layer: Any) -> str:
    """Name a layer in a message."""
    return f"layer {number} ({type(layer).__name__})"


def _cast(
    name: str, value: npt.ArrayLike, dtype: np.dtype[Any], *, complex_too: bool
) -> npt.NDArray[Any]:
    """Return numbers in a precision; complex ones, where allowed, in its complex."""
    array = np.asarray(value)
    if array.dtype.kind == "c" and complex_too:
        return array.astype(np.result_type(dtype, 1j), copy=False)
    if array.dtype.kind not in "biuf":
        kinds = "real or complex" if complex_too else "real"
        raise ValueError(f"{name} must hold {kinds} numbers, got dtype {array.dtype}")
    return array.astype(dtype, copy=False)


def _copy_in(name: str, vector: npt.NDArray[Any], values: npt.ArrayLike) -> None:
    """Write values into a vector, if there are as many."""
    array = _cast(name, values, vector.dtype, complex_too=False)
    if array.shape != vector.shape:
        raise ValueError(f"{name} must have shape {vector.shape}, got {array.shape}")
    vector[...] = array
