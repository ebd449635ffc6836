"""Automatic differentiation: arrays that remember how they were made."""

# Written by book/tools/export.py: edit the chapter, then run `make export`.

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from nnlib.functional import log_softmax, logsumexp, relu, sigmoid, softmax, softplus

__all__ = ["Tensor"]

#: From the gradient that arrives at a result, what it hands to one of its operands.
_Pull = Callable[[npt.NDArray[Any]], npt.NDArray[Any]]

_Axis = int | tuple[int, ...] | None


class Tensor:
    """An array that remembers how it was made, so that it can be differentiated.

    ``+ - * / @``, ``**`` with a number, indexing and the methods make new tensors;
    operands are tensors, arrays and numbers. `backward` of a result fills the `grad` of
    the tensors that it was made from. Names and meanings are PyTorch's, with NumPy's
    ``axis`` and ``keepdims``.

    Derived in chapter 09, "Can the machine do this for us?".

    Parameters
    ----------
    data : array_like of any shape
        Real numbers, which are copied. Floats keep their precision, integers become
        float64.
    requires_grad : bool
        Whether `backward` shall give this tensor a gradient.

    Attributes
    ----------
    grad
        The sum of what all calls of `backward` have brought, in the shape and dtype of
        `data`; None before the first one, and for ever in a result that was computed
        from others, unless it was told to `retain_grad`. Set it to None to start anew.
    requires_grad : bool
        As given; of a result, whether one of its operands requires a gradient.

    Raises
    ------
    ValueError
        If `data` is not real numbers, or shapes do not fit.

    Examples
    --------
    >>> w = Tensor([1.0, 2.0], requires_grad=True)
    >>> loss = (w * w * [3.0, 4.0]).sum()
    >>> loss.backward()
    >>> w.grad
    array([ 6., 16.])

    References
    ----------
    Equations eq-reverse and eq-unbroadcast; Griewank and Walther, "Evaluating
    Derivatives", 2nd edition, 2008; Paszke et al., "PyTorch: an imperative style,
    high-performance deep learning library", 2019.
    """

    __slots__ = ("__weakref__", "_data", "_edges", "_keep", "grad", "requires_grad")

    #: Tells NumPy to leave ``array + tensor`` to the tensor.
    __array_ufunc__: None = None

    _data: npt.NDArray[Any]
    _edges: "tuple[tuple[Tensor, _Pull], ...]"
    _keep: bool
    grad: npt.NDArray[Any] | None
    requires_grad: bool

    def __init__(self, data: npt.ArrayLike, *, requires_grad: bool = False) -> None:
        self._data = _frozen("data", np.array(data))
        self._edges = ()
        self._keep = False
        self.grad = None
        self.requires_grad = bool(requires_grad)

    @property
    def data(self) -> npt.NDArray[Any]:
        """The array; read-only, so that no graph is made wrong by accident.

        A new one of the same shape can be assigned to a tensor that was not computed
        from others: ``w.data = w.data - rate * w.grad``. It is copied, in the dtype of
        the old one. Results computed before keep the old one, and their gradients too.
        """
        return self._data

    @data.setter
    def data(self, data: npt.ArrayLike) -> None:
        if self._edges:
            raise ValueError(
                "data of a computed tensor cannot be assigned: detach() it"
            )
        array = np.array(data)
        if array.shape != self.shape:
            raise ValueError(f"data must have shape {self.shape}, got {array.shape}")
        self._data = _frozen("data", _frozen("data", array).astype(self.dtype))

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of the axes."""
        return self._data.shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self._data.ndim

    @property
    def dtype(self) -> np.dtype[Any]:
        """The precision."""
        return self._data.dtype

    def item(self) -> float:
        """Return the value of a tensor with one element, as a number of Python."""
        return float(self._data.item())

    def detach(self) -> "Tensor":
        """Return a tensor with the same values that remembers nothing."""
        return _result(self._data)

    def retain_grad(self) -> None:
        """Ask `backward` to fill `grad` here as well, in a result on the way."""
        self._keep = True

    def backward(self, grad: npt.ArrayLike | None = None) -> None:
        """Add the gradient of this tensor to `grad` of all that it was made from.

        It may be called again: every call adds the same. Nothing recurses, so that a
        graph may be a million steps deep.

        Parameters
        ----------
        grad : array_like of the shape of this tensor, optional
            The gradient that arrives here, dL/dy for this tensor y; 1 by default, which
            is allowed where there is one element, the loss L itself.

        Raises
        ------
        RuntimeError
            If nothing that this tensor was made from requires a gradient.
        ValueError
            If `grad` does not fit, or is missing where there are several elements.

        Examples
        --------
        >>> x = Tensor(3.0, requires_grad=True)
        >>> y = x * x + x
        >>> y.backward()
        >>> y.backward()
        >>> x.grad
        array(14.)

        References
        ----------
        Equation eq-reverse.
        """
        if not self.requires_grad:
            raise RuntimeError(
                "there is nothing to go back to: this tensor was not made from one "
                "with requires_grad=True"
            )
        if grad is None:
            if self._data.size != 1:
                raise ValueError(
                    f"grad must be given, with shape {self.shape}: only a tensor with "
                    "one element goes back from 1"
                )
            seed = np.ones(self.shape, self.dtype)
        else:
            seed = _frozen("grad", np.array(grad)).astype(self.dtype, copy=False)
            if seed.shape != self.shape:
                raise ValueError(f"grad must have shape {self.shape}, got {seed.shape}")

        # How often is each tensor used, on the way to this one?
        uses, found = {self: 0}, [self]
        for tensor in found:  # which grows
            for parent, _ in tensor._edges:
                if parent not in uses:
                    uses[parent] = 0
                    found.append(parent)
                uses[parent] += 1
        # A tensor's turn comes when all its uses have reported: its gradient is whole.
        arrived, ready, wanted = {self: seed}, [self], []
        while ready:
            tensor = ready.pop()
            g = arrived.pop(tensor)
            if tensor._keep or not tensor._edges:
                wanted.append((tensor, g))
            for parent, pull in tensor._edges:
                part = _unbroadcast(np.asarray(pull(g)), parent.shape)
                part = part.astype(parent.dtype, copy=False)
                total = arrived[parent] + part if parent in arrived else part
                arrived[parent] = np.asarray(total)
                uses[parent] -= 1
                if uses[parent] == 0:
                    ready.append(parent)
        # Always a new array: an old one may have been handed on, or be shared.
        for tensor, g in wanted:
            old = tensor.grad
            tensor.grad = g.copy() if old is None else np.asarray(old + g)

    def __add__(self, other: Any) -> "Tensor":
        if (b := _operand(other, self.dtype)) is None:
            return NotImplemented
        return _result(self._data + b._data, (self, lambda g: g), (b, lambda g: g))

    def __sub__(self, other: Any) -> "Tensor":
        if (b := _operand(other, self.dtype)) is None:
            return NotImplemented
        return _result(self._data - b._data, (self, lambda g: g), (b, lambda g: -g))

    def __mul__(self, other: Any) -> "Tensor":
        if (b := _operand(other, self.dtype)) is None:
            return NotImplemented
        x, y = self._data, b._data
        return _result(x * y, (self, lambda g: g * y), (b, lambda g: g * x))

    def __truediv__(self, other: Any) -> "Tensor":
        if (b := _operand(other, self.dtype)) is None:
            return NotImplemented
        y = b._data
        q = self._data / y
        return _result(q, (self, lambda g: g / y), (b, lambda g: -g * q / y))

    def __radd__(self, other: Any) -> "Tensor":
        b = _operand(other, self.dtype)
        return NotImplemented if b is None else b + self

    def __rsub__(self, other: Any) -> "Tensor":
        b = _operand(other, self.dtype)
        return NotImplemented if b is None else b - self

    def __rmul__(self, other: Any) -> "Tensor":
        b = _operand(other, self.dtype)
        return NotImplemented if b is None else b * self

    def __rtruediv__(self, other: Any) -> "Tensor":
        b = _operand(other, self.dtype)
        return NotImplemented if b is None else b / self

    def __rmatmul__(self, other: Any) -> "Tensor":
        b = _operand(other, self.dtype)
        return NotImplemented if b is None else b @ self

    def __neg__(self) -> "Tensor":
        return _result(-self._data, (self, lambda g: -g))

    def __pow__(self, exponent: Any) -> "Tensor":
        if isinstance(exponent, Tensor | str) or np.ndim(exponent):
            return NotImplemented
        x, k = self._data, float(exponent)
        # The power 0 is 1 everywhere, also at 0, where 0 * x**-1 would be nan.
        slope = (lambda: np.zeros_like(x)) if k == 0 else (lambda: k * x ** (k - 1))
        return _result(x**k, (self, lambda g: g * slope()))

    def __matmul__(self, other: Any) -> "Tensor":
        if (b := _operand(other, self.dtype)) is None:
            return NotImplemented
        # A vector on the left is one row, on the right one column.
        x, y = self._data, b._data
        left, right = x.ndim == 1, y.ndim == 1
        rows = x[np.newaxis, :] if left else x
        columns = y[:, np.newaxis] if right else y

        def whole(g: npt.NDArray[Any]) -> npt.NDArray[Any]:
            g = g[..., np.newaxis] if right else g
            return np.expand_dims(g, -2) if left else g

        def pull_x(g: npt.NDArray[Any]) -> npt.NDArray[Any]:
            gx = whole(g) @ columns.swapaxes(-1, -2)
            return _unbroadcast(gx, rows.shape).reshape(x.shape)

        def pull_y(g: npt.NDArray[Any]) -> npt.NDArray[Any]:
            gy = rows.swapaxes(-1, -2) @ whole(g)
            return _unbroadcast(gy, columns.shape).reshape(y.shape)

        return _result(x @ y, (self, pull_x), (b, pull_y))

    def __array__(self, *_: Any, **__: Any) -> npt.NDArray[Any]:
        raise TypeError(
            "a Tensor is not an array: t.data is one, which leaves the graph"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        if self._edges:
            raise ValueError(
                "only a tensor that was not computed can be copied: detach()"
            )
        return _leaf, (self._data, self.requires_grad, self.grad)

    def __repr__(self) -> str:
        numbers = np.array2string(self._data, separator=", ", prefix="Tensor(")
        tail = "" if self.dtype == np.float64 else f", dtype={self.dtype}"
        tail += ", requires_grad=True" if self.requires_grad else ""
        return f"Tensor({numbers}{tail})"

    def exp(self) -> "Tensor":
        """Return the powers of e.

        Derived in chapter 09, "Can the machine do this for us?".
        """
        y = np.exp(self._data)
        return _result(y, (self, lambda g: g * y))

    def log(self) -> "Tensor":
        """Return the natural logarithms.

        Derived in chapter 09, "Can the machine do this for us?".
        """
        x = self._data
        return _result(np.log(x), (self, lambda g: g / x))

    def tanh(self) -> "Tensor":
        """Return the hyperbolic tangents, with slopes exact also where they are tiny.

        Derived in chapter 09, "Can the machine do this for us?".
        """
        x = self._data

        def pull(g: npt.NDArray[Any]) -> npt.NDArray[Any]:
            e = np.exp(-2 * np.abs(x))  # 1 - tanh(x)**2 would round to 0
            return np.asarray(g * (4 * e / (1 + e) ** 2))

        return _result(np.tanh(x), (self, pull))

    def sigmoid(self) -> "Tensor":
        """Return 1 / (1 + exp(-x)), with slopes exact also where they are tiny.

        Derived in chapter 09, "Can the machine do this for us?".
        """
        x = self._data

        def pull(g: npt.NDArray[Any]) -> npt.NDArray[Any]:
            e = np.exp(-np.abs(x))
            return np.asarray(g * (e / (1 + e) ** 2))

        return _result(sigmoid(x), (self, pull))

    def relu(self) -> "Tensor":
        """Return what is positive and 0 for the rest, with slope 0 at 0.

        Derived in chapter 09, "Can the machine do this for us?".
        """
        x = self._data
        return _result(relu(x), (self, lambda g: np.where(x > 0, g, 0)))

    def softplus(self) -> "Tensor":
        """Return ln(1 + exp(x)).

        Derived in chapter 09, "Can the machine do this for us?".
        """
        x = self._data
        return _result(softplus(x), (self, lambda g: g * sigmoid(x)))

    def logsumexp(self, axis: int, keepdims: bool = False) -> "Tensor":
        """Return ln of the sum of exp(x) along an axis, safe for all finite floats.

        Derived in chapter 09, "Can the machine do this for us?".
        """
        x = self._data

        def pull(g: npt.NDArray[Any]) -> npt.NDArray[Any]:
            p = softmax(x, axis=axis)
            return np.asarray(_stretched(g, axis, keepdims, x.shape) * p)

        return _result(logsumexp(x, axis=axis, keepdims=keepdims), (self, pull))

    def softmax(self, axis: int) -> "Tensor":
        """Return the softmax along an axis, safe for all finite floats.

        Derived in chapter 09, "Can the machine do this for us?".
        """
        p = softmax(self._data, axis=axis)

        def pull(g: npt.NDArray[Any]) -> npt.NDArray[Any]:
            return np.asarray(p * (g - (g * p).sum(axis=axis, keepdims=True)))

        return _result(p, (self, pull))

    def log_softmax(self, axis: int) -> "Tensor":
        """Return ln of the softmax along an axis, safe for all finite floats.

        Derived in chapter 09, "Can the machine do this for us?".
        """
        log_p = log_softmax(self._data, axis=axis)

        def pull(g: npt.NDArray[Any]) -> npt.NDArray[Any]:
            # g - p * sum(g); 1 - p is -expm1(log p), so sure answers keep their digits.
            others = g.sum(axis=axis, keepdims=True) - g
            return np.asarray(-g * np.expm1(log_p) - np.exp(log_p) * others)

        return _result(log_p, (self, pull))

    def sum(self, axis: _Axis = None, keepdims: bool = False) -> "Tensor":
        """Return the sum of all elements, or along one axis or several.

        Derived in chapter 09, "Can the machine do this for us?".
        """
        x = self._data
        return _result(
            x.sum(axis=axis, keepdims=keepdims),
            (self, lambda g: _stretched(g, axis, keepdims, x.shape)),
        )

    def mean(self, axis: _Axis = None, keepdims: bool = False) -> "Tensor":
        """Return the mean of all elements, or along one axis or several.

        Derived in chapter 09, "Can the machine do this for us?".
        """
        x = self._data
        y = x.mean(axis=axis, keepdims=keepdims)
        copies = np.float64(x.size // max(y.size, 1))
        return _result(
            y, (self, lambda g: _stretched(g, axis, keepdims, x.shape) / copies)
        )

    def max(self, axis: _Axis = None, keepdims: bool = False) -> "Tensor":
        """Return the largest element; ties share its gradient, as in PyTorch's amax.

        Derived in chapter 09, "Can the machine do this for us?".
        """
        x = self._data
        top = x.max(axis=axis, keepdims=True)

        def pull(g: npt.NDArray[Any]) -> npt.NDArray[Any]:
            at = (x == top) | (np.isnan(x) & np.isnan(top))
            share = _stretched(g, axis, keepdims, x.shape) / at.sum(axis, keepdims=True)
            return np.where(at, share, 0)

        return _result(x.max(axis=axis, keepdims=keepdims), (self, pull))

    def reshape(self, *shape: int | tuple[int, ...]) -> "Tensor":
        """Return the same elements in another shape, given as numbers or a tuple.

        Derived in chapter 09, "Can the machine do this for us?".
        """
        old = self.shape
        new = _numbers_or_tuple(shape)
        return _result(self._data.reshape(new), (self, lambda g: g.reshape(old)))

    def transpose(self, *axes: int | tuple[int, ...]) -> "Tensor":
        """Return the axes in another order, reversed by default, as NumPy does.

        Derived in chapter 09, "Can the machine do this for us?".
        """
        order = _numbers_or_tuple(axes) or tuple(range(self.ndim))[::-1]
        y = self._data.transpose(order)  # refuses an order that is none
        back = tuple(np.argsort([axis % self.ndim for axis in order]).tolist())
        return _result(y, (self, lambda g: g.transpose(back)))

    @property
    def T(self) -> "Tensor":  # noqa: N802
        """The transpose.

        Derived in chapter 09, "Can the machine do this for us?".
        """
        return self.transpose()

    def __getitem__(self, key: Any) -> "Tensor":
        keys = key if isinstance(key, tuple) else (key,)
        plain = all(
            k is None or k is Ellipsis or isinstance(k, slice | int | np.integer)
            for k in keys
        )
        # Other keys are arrays, which their owner might change later.
        at = keys if plain else tuple(_kept(k) for k in keys)
        shape, dtype = self.shape, self.dtype

        def pull(g: npt.NDArray[Any]) -> npt.NDArray[Any]:
            whole = np.zeros(shape, dtype)
            if plain:
                whole[at] = g
            else:
                np.add.at(whole, at, g)  # an element taken twice gets both
            return whole

        return _result(self._data[at], (self, pull))


def _frozen(name: str, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return real floats that nobody can write into; integers become float64."""
    if array.dtype.kind in "biu":
        array = array.astype(np.float64)
    if array.dtype.kind != "f":
        raise ValueError(f"{name} must hold real numbers, got dtype {array.dtype}")
    array.flags.writeable = False
    return array


def _leaf(
    data: npt.NDArray[Any], requires_grad: bool, grad: npt.NDArray[Any] | None
) -> Tensor:
    """Make a tensor again from what a copy or a pickle holds."""
    tensor = Tensor(data, requires_grad=requires_grad)
    tensor.grad = None if grad is None else np.array(grad)
    return tensor


def _result(data: npt.ArrayLike, *edges: tuple[Tensor, _Pull]) -> Tensor:
    """Make a tensor with its edges to those operands that require a gradient.

    The functions on the edges hold arrays, never tensors: so there are no circles, and
    a graph is freed as soon as its last result is.
    """
    tensor = Tensor.__new__(Tensor)
    tensor._data = _frozen("data", np.asarray(data))
    tensor._edges = tuple(edge for edge in edges if edge[0].requires_grad)
    tensor._keep = False
    tensor.grad = None
    tensor.requires_grad = bool(tensor._edges)
    return tensor


def _operand(value: Any, dtype: np.dtype[Any]) -> Tensor | None:
    """Return an operand as a tensor, None if it cannot be; numbers take `dtype`."""
    if isinstance(value, Tensor):
        return value
    if type(value) in (bool, int, float):
        return _result(np.array(value, dtype))
    if isinstance(value, np.ndarray | np.generic | list | tuple):
        return Tensor(value)
    return None


def _unbroadcast(g: npt.NDArray[Any], shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """Sum a gradient over the axes along which an array of `shape` was repeated."""
    if g.shape == shape:
        return g
    new = g.ndim - len(shape)
    stretched = [new + k for k, length in enumerate(shape) if length == 1]
    return np.asarray(g.sum(axis=(*range(new), *stretched))).reshape(shape)


def _kept(key: Any) -> Any:
    """Return a copy of a key that is an array or a list."""
    if key is None or key is Ellipsis or isinstance(key, slice):
        return key
    return np.array(key, np.intp if isinstance(key, list) and not key else None)


def _numbers_or_tuple(given: tuple[Any, ...]) -> tuple[int, ...]:
    """Return (2, 3) for the arguments (2, 3) and for the argument ((2, 3),)."""
    return tuple(given[0]) if len(given) == 1 and np.ndim(given[0]) else given


def _stretched(
    g: npt.NDArray[Any], axis: _Axis, keepdims: bool, shape: tuple[int, ...]
) -> npt.NDArray[Any]:
    """Repeat the gradient of a reduction along the axes that it removed."""
    if not keepdims:
        gone = tuple(range(len(shape))) if axis is None else axis
        g = np.expand_dims(g, gone)
    return np.broadcast_to(g, shape)
