"""Checks that what backward says is the slope of what forward computes.

Central differences for anything, the complex step for analytic functions, the adjoint
test for linear ones, and all of a layer, model or loss at once.
"""

# Written by book/tools/export.py: edit the chapter, then run `make export`.

import copy
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "adjoint_test",
    "check_gradients",
    "check_loss",
    "complex_step",
    "numerical_gradient",
]


def numerical_gradient(
    f: Callable[[npt.NDArray[Any]], Any],
    x: npt.ArrayLike,
    *,
    h: npt.ArrayLike | None = None,
) -> npt.NDArray[Any]:
    """Measure a gradient by central differences, one entry at a time.

    Derived in chapter 06, "How do we know that a gradient is right?".

    Parameters
    ----------
    f : callable
        ``f(x)`` returns one real number. It is called twice for every entry, each time
        with a copy of `x` of its own.
    x : array_like of any shape
        Where to measure; float32 stays, all else becomes float64.
    h : float or array_like, optional
        The step, positive; by default the cube root of the dtype's epsilon, times
        max(1, abs(x)), for each entry. The step that is divided by is the one that x
        really moved.

    Returns
    -------
    ndarray of the shape of x
        In the precision of `x`. Its relative error is some 1e-10 in float64, 1e-4 in
        float32, for a function that is smooth and of moderate size.

    Raises
    ------
    ValueError
        If `x` is not real and finite, `h` is not positive or too small to move `x`, or
        `f` does not return one finite real number.

    Examples
    --------
    >>> numerical_gradient(lambda x: (x**2).sum(), [1.0, -3.0]).round(6)
    array([ 2., -6.])

    References
    ----------
    Equations eq-central and eq-best-step; Press et al., "Numerical Recipes", section
    5.7.
    """
    array = _real("x", x)
    steps = _steps(array) if h is None else np.asarray(h, dtype=np.float64)
    if not (np.isfinite(steps).all() and (steps > 0).all()):
        raise ValueError(f"h must be positive, got {h!r}")
    try:
        steps = np.broadcast_to(steps, array.shape)
    except ValueError as error:
        raise ValueError(
            f"h must be one number or have shape {array.shape}, got {steps.shape}"
        ) from error

    def value(at: tuple[int, ...], entry: Any) -> float:
        moved = array.copy()
        moved[at] = entry
        number = np.asarray(f(moved))
        if number.size != 1 or number.dtype.kind not in "biuf":
            raise ValueError(
                "f must return one real number, "
                f"got {number.dtype} of shape {number.shape}"
            )
        if not np.isfinite(number).all():
            raise ValueError(f"f must be finite near x, got {number.item()}")
        return float(number.item())

    gradient = np.empty_like(array)
    for at in np.ndindex(array.shape):
        up = array.dtype.type(array[at] + steps[at])
        down = array.dtype.type(array[at] - steps[at])
        width = float(up) - float(down)
        if width == 0:
            raise ValueError(
                f"h must be large enough to move x, got {steps[at]:g} at {array[at]:g}"
            )
        gradient[at] = (value(at, up) - value(at, down)) / width
    return gradient


def _real(name: str, value: npt.ArrayLike) -> npt.NDArray[Any]:
    """Return an array of its own, float32 or float64, of finite numbers."""
    array = np.array(value, order="C")
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} must hold real numbers, got dtype {array.dtype}")
    if array.dtype != np.float32:
        array = array.astype(np.float64, copy=False)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must hold finite numbers, got nan or inf")
    return array


def _steps(array: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Return the best step for each entry of an array, eq-best-step."""
    size = np.maximum(np.abs(array.astype(np.float64)), 1)
    return np.asarray(np.cbrt(float(np.finfo(array.dtype).eps)) * size)


def complex_step(
    f: Callable[[npt.NDArray[Any]], Any], x: npt.ArrayLike, *, h: float = 1e-20
) -> npt.NDArray[Any]:
    """Measure a gradient by a step in the imaginary direction, to all digits.

    Nothing is subtracted, so the step may be as small as one likes. `f` must be written
    in operations that are analytic and kept for complex numbers: no abs, conjugate,
    comparison by size, `numpy.linalg.norm`, or float(...) of a part of it.

    Derived in chapter 06, "How do we know that a gradient is right?".

    Parameters
    ----------
    f : callable
        ``f(x)`` for a complex array returns one complex number. It is called once for
        every entry, each time with a copy of its own.
    x : array_like of any shape
        Where to measure, real.
    h : float
        The step, positive.

    Returns
    -------
    ndarray of the shape of x
        In the precision of `x`, float32 or else float64; computed in float64.

    Raises
    ------
    ValueError
        If `x` is not real and finite, `h` is not positive, or `f` does not return one
        finite number, or returns a real one: then it has dropped the imaginary part.

    Examples
    --------
    >>> complex_step(lambda x: np.exp(x).sum(), [0.0, 1.0])
    array([1.        , 2.71828183])

    References
    ----------
    Equation eq-complex-step; Squire and Trapp, "Using complex variables to estimate
    derivatives of real functions", SIAM Review 40(1), 1998.
    """
    array = _real("x", x)
    if not (np.isfinite(h) and h > 0):
        raise ValueError(f"h must be positive, got {h!r}")
    gradient = np.empty_like(array)
    for at in np.ndindex(array.shape):
        moved = array.astype(np.complex128)
        moved[at] += 1j * h
        number = np.asarray(f(moved))
        if number.size != 1 or number.dtype.kind not in "biufc":
            raise ValueError(
                f"f must return one number, got {number.dtype} of shape {number.shape}"
            )
        if number.dtype.kind != "c":
            raise ValueError(
                "f must return a complex number for complex x, "
                f"got {number.dtype}: it drops the imaginary part"
            )
        if not np.isfinite(number).all():
            raise ValueError(f"f must be finite near x, got {number.item()}")
        gradient[at] = number.item().imag / h
    return gradient


def adjoint_test(
    apply: Callable[[npt.NDArray[Any]], npt.ArrayLike],
    adjoint: Callable[[npt.NDArray[Any]], npt.ArrayLike],
    shape: tuple[int, ...],
    *,
    rng: Any = 0,
    trials: int = 5,
    rtol: float = 1e-12,
) -> None:
    """Test whether one linear function is the adjoint of another, at random vectors.

    The dot product of ``apply(u)`` with v must be that of u with ``adjoint(v)``. No
    step and no difference is involved, so the test is exact to rounding.

    Derived in chapter 06, "How do we know that a gradient is right?".

    Parameters
    ----------
    apply : callable
        ``apply(u)`` for an array of `shape` returns an array, linear in u.
    adjoint : callable
        ``adjoint(v)`` for an array of the shape of ``apply(u)`` returns one of `shape`.
    shape : tuple of int
        The shape of u.
    rng : object
        A seed or generator, as `numpy.random.default_rng` takes.
    trials : int
        How many pairs u, v are drawn, 1 or more.
    rtol : float
        Tolerance, relative to the product of the lengths of ``apply(u)`` and v, or of u
        and ``adjoint(v)`` if that is larger.

    Raises
    ------
    AssertionError
        If the two values differ, with both; if shapes do not fit; or if `apply` is not
        linear.
    ValueError
        If an argument is not of that kind.

    Examples
    --------
    >>> A = np.array([[1.0, 2.0, 0.0], [0.0, 1.0, -1.0]])
    >>> adjoint_test(lambda u: A @ u, lambda v: A.T @ v, (3,))
    >>> adjoint_test(lambda u: A @ u, lambda v: -A.T @ v, (3,))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    AssertionError: adjoint is not that of apply: apply(u) . v = ..., u . adjoint(v) ...

    References
    ----------
    Equation eq-adjoint; Claerbout, "Earth Soundings Analysis", 1992.
    """
    if trials < 1:
        raise ValueError(f"trials must be 1 or more, got {trials!r}")
    _tolerance(rtol)
    generator = _generator(rng)

    def applied(u: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        given = u.copy()
        y = np.asarray(apply(given))
        assert np.array_equal(given, u), "apply changed its argument"
        assert y.dtype.kind in "biuf", f"apply must be real, got dtype {y.dtype}"
        return y.astype(np.float64)

    for _ in range(trials):
        u, w = generator.standard_normal((2, *shape))
        y, other = applied(u), applied(w)
        bend = _norm(applied(u - 3 * w) - y + 3 * other)
        assert bend <= 10 * rtol * (_norm(y) + 3 * _norm(other)), (
            "apply is not linear: apply(u - 3 w) differs from apply(u) - 3 apply(w) "
            f"by {bend:.3g}"
            + ("; apply(0) is not 0" if np.any(applied(np.zeros(shape))) else "")
        )
    for _ in range(trials):
        u = generator.standard_normal(shape)
        y = applied(u)
        v = generator.standard_normal(y.shape)
        given = v.copy()
        back = np.asarray(adjoint(given))
        assert np.array_equal(given, v), "adjoint changed its argument"
        assert back.dtype.kind in "biuf", f"adjoint must be real, got {back.dtype}"
        assert back.shape == tuple(shape), (
            f"adjoint must return the shape of u, {tuple(shape)}, got {back.shape}"
        )
        there, here = float(np.sum(y * v)), float(np.sum(u * back))
        size = max(_norm(y) * _norm(v), _norm(u) * _norm(back))
        assert abs(there - here) <= rtol * size, (
            "adjoint is not that of apply: "
            f"apply(u) . v = {there:.6g}, u . adjoint(v) = {here:.6g}"
        )


def _norm(array: npt.NDArray[Any]) -> float:
    """Return the length of an array taken as one vector, however small."""
    entries = np.abs(array.astype(np.float64))
    largest = float(entries.max(initial=0.0))
    return largest * float(np.sqrt(np.sum((entries / (largest or 1.0)) ** 2)))


def _generator(rng: Any) -> np.random.Generator:
    """Return a generator of its own: with the caller's seed, x might equal G."""
    try:
        return np.random.default_rng(rng).spawn(1)[0]
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"rng must be a seed or generator for numpy.random.default_rng, got {rng!r}"
        ) from error


def _tolerance(rtol: float) -> float:
    """Return a tolerance, if it is one."""
    if not 0 < rtol < 1:
        raise ValueError(f"rtol must lie between 0 and 1, got {rtol!r}")
    return float(rtol)


def check_gradients(
    part: Any,
    x: npt.ArrayLike,
    *,
    training: bool = False,
    rng: Any = 0,
    directions: int | None = None,
    rtol: float | None = None,
) -> None:
    """Compare the backward pass of a layer or model with central differences.

    The scalar is the sum of G times ``part.forward(x)``, with G drawn at random, plus
    ``part.penalty()``. Its slope by every parameter and every entry of `x` is measured
    and compared with what ``part.backward(G)`` writes and returns. All of this happens
    to a deep copy: `part` itself is untouched.

    Derived in chapter 06, "How do we know that a gradient is right?".

    Parameters
    ----------
    part : object
        A layer (``params``, ``grads``) or a model (``theta``, ``grad``, ``layers``),
        with ``forward(x, training=...)``, ``backward(dy)`` and perhaps ``penalty()``.
    x : array_like of shape (batch, ...)
        Inputs at which to check. Inputs at a kink, such as a ReLU's 0, are no use.
    training : bool
        Passed on to ``forward``. Before each forward, buffers and all generators of the
        part are put back, so that dropout draws one mask.
    rng : object
        A seed or generator, as `numpy.random.default_rng` takes.
    directions : int, optional
        0 measures every entry. Otherwise, all arrays are moved at once along so many
        random directions, and then each array along one, so that the cost does not
        grow with the size. By default 0 up to 500 entries and 16 above.
    rtol : float, optional
        Tolerance relative to the largest entry of an array, or along directions to the
        length of the gradient; by default 1e-7 if all is float64, and
        100 epsilon ** (2/3) = 2.4e-3 if something is float32. What
        rounding of the outputs can do to a difference is added. In float32 the step is
        5e-3, which often reaches a kink: check networks with ReLUs in float64.

    Raises
    ------
    AssertionError
        If a gradient is wrong: with the array, its worst entry, both values, and what
        the errors look like, such as a sign or a factor. Also if forward or backward
        changes its argument, or a gradient is missing, complex, nan, inf, or
        added to what was there.
    ValueError
        If an argument is not of that kind, or the outputs are not finite.

    Examples
    --------
    >>> class Square:
    ...     params, grads = {}, {}
    ...     def forward(self, x, *, training=False):
    ...         self.x = x
    ...         return x**2
    ...     def backward(self, dy):
    ...         return dy * self.x
    >>> check_gradients(Square(), [[1.0, 2.0]])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    AssertionError: dx[0, 1]: backward says ...; all entries are 2 times too small

    References
    ----------
    Equations eq-central, eq-best-step and eq-projection-size.
    """
    for name in ("forward", "backward"):
        if not callable(getattr(part, name, None)):
            raise ValueError(f"part must have a method {name}, got {part!r}")
    inputs, generator = _real("x", x), _generator(rng)
    if inputs.ndim == 0 or inputs.size == 0:
        raise ValueError(f"x must hold at least one sample, got shape {inputs.shape}")
    twin = copy.deepcopy(part)
    pieces = list(_pieces(twin))
    for name, values, _ in pieces:
        if values.dtype not in (np.float32, np.float64):
            raise ValueError(f"{name} must be float32 or float64, got {values.dtype}")
    if hasattr(twin, "theta"):
        inputs = inputs.astype(twin.theta.dtype)
    restore = _memory(twin)

    def forward() -> npt.NDArray[Any]:
        restore()
        given = inputs.copy()
        y = np.asarray(twin.forward(given, training=training))
        assert np.array_equal(given, inputs), "forward changed x"
        if y.dtype.kind != "f" or not np.isfinite(y).all():
            raise ValueError(
                "part must give real, finite outputs, "
                f"got {'nan or inf' if y.dtype.kind == 'f' else y.dtype}"
            )
        return y

    y = forward()
    g = generator.standard_normal(y.shape).astype(y.dtype)
    for _, _, gradient in pieces:
        gradient[...] = np.nan  # so that what is not overwritten is seen
    dy = g.copy()
    dx = twin.backward(dy)
    assert dx is not None, "backward returned None: it returns the gradient of x"
    assert np.array_equal(dy, g), "backward changed dy"
    arrays = [(name, values, gradient.copy()) for name, values, gradient in pieces]
    arrays.append(("dx", inputs, np.array(dx)))
    for name, values, said in arrays:
        assert said.shape == values.shape, (
            f"{name} must have shape {values.shape}, got {said.shape}"
        )
        _assert_numbers(name, said, " after backward")
    penalty = getattr(twin, "penalty", float)

    def terms() -> npt.NDArray[np.float64]:
        weighted = forward().astype(np.float64) * g
        return np.append(weighted.ravel(), float(penalty()))

    _compare(arrays, terms, y.dtype, generator, directions, rtol, len(inputs))


def check_loss(
    loss: Any,
    y_pred: npt.ArrayLike,
    y_true: npt.ArrayLike,
    *,
    directions: int | None = None,
    rng: Any = 0,
    rtol: float | None = None,
) -> None:
    """Compare a loss's backward with central differences.

    Derived in chapter 06, "How do we know that a gradient is right?".

    Parameters
    ----------
    loss : object
        ``loss(y_pred, y_true)`` returns a number, then ``loss.backward()`` its gradient
        with respect to `y_pred`. A deep copy is used.
    y_pred : array_like
        Predictions at which to check, inside the domain of the loss by more than a
        step of 6e-6.
    y_true : array_like
        What was right.
    directions, rng, rtol
        As in `check_gradients`.

    Raises
    ------
    AssertionError
        If the gradient is wrong, with its worst entry, both values, and what the errors
        look like; or if the loss changes its arguments.
    ValueError
        If an argument is not of that kind, or the loss is not finite.

    Examples
    --------
    >>> class Mean:
    ...     def __call__(self, y_pred, y_true):
    ...         self.size = y_pred.size
    ...         return float(np.mean(y_pred - y_true))
    ...     def backward(self):
    ...         return np.ones(self.size)
    >>> check_loss(Mean(), [1.0, 2.0], [0.0, 0.0])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    AssertionError: gradient[0]: backward says 1, central differences say 0.5; all ...

    References
    ----------
    Equations eq-central and eq-best-step.
    """
    if not callable(loss) or not callable(getattr(loss, "backward", None)):
        raise ValueError(f"loss must be callable and have a backward, got {loss!r}")
    pred, true = _real("y_pred", y_pred), np.array(y_true)
    if pred.size == 0:
        raise ValueError(f"y_pred must hold at least one number, got {pred.shape}")
    twin, generator = copy.deepcopy(loss), _generator(rng)

    def terms() -> npt.NDArray[np.float64]:
        given, truth = pred.copy(), true.copy()
        value = float(twin(given, truth))
        assert np.array_equal(given, pred), "the loss changed y_pred"
        assert np.array_equal(truth, true), "the loss changed y_true"
        if not np.isfinite(value):
            raise ValueError(f"loss must be finite, got {value}")
        return np.array([value])

    terms()
    said = twin.backward()
    assert said is not None, "backward returned None: it returns the gradient of y_pred"
    said = np.array(said)
    assert said.shape == pred.shape, (
        f"gradient must have shape {pred.shape}, got {said.shape}"
    )
    _assert_numbers("gradient", said)
    _compare(
        [("gradient", pred, said)],
        terms,
        pred.dtype,
        generator,
        directions,
        rtol,
        len(pred) if pred.ndim else 1,
    )


_Array = tuple[str, npt.NDArray[Any], npt.NDArray[Any]]  # name, values, gradient

_FEW = 500


def _assert_numbers(name: str, said: npt.NDArray[Any], when: str = "") -> None:
    """Refuse a gradient that is complex, or nan or inf anywhere."""
    assert said.dtype.kind in "biuf", f"{name} must be real, got dtype {said.dtype}"
    assert not np.isinf(said).any(), f"{name} holds inf{when}"
    hint = ": overwrite the gradient, do not add to it, and fill all of it"
    hint = when + hint if when and name != "dx" else when
    assert not np.isnan(said).any(), f"{name} holds nan{hint}"


def _pieces(part: Any) -> Iterator[_Array]:
    """Yield name, values and gradient of every parameter array, all in place."""
    if not hasattr(part, "theta"):
        params, grads = getattr(part, "params", {}), getattr(part, "grads", {})
        assert set(params) == set(grads), (
            "grads must have the names of params, "
            f"{sorted(params)}, got {sorted(grads)}"
        )
        for name in params:
            assert grads[name].shape == params[name].shape, (
                f"grads[{name!r}] must have shape {params[name].shape}, "
                f"got {grads[name].shape}"
            )
            yield f"grads[{name!r}]", params[name], grads[name]
        return
    theta, grad = part.theta, part.grad
    assert grad.shape == theta.shape, (
        f"grad must have the shape of theta, {theta.shape}, got {grad.shape}"
    )
    end, pieces = 0, []
    for number, layer in enumerate(getattr(part, "layers", ())):
        for name, values in layer.params.items():
            start = (
                values.__array_interface__["data"][0]
                - theta.__array_interface__["data"][0]
            ) // theta.itemsize
            if start != end:
                break
            end += values.size
            label = f"layers[{number}] ({type(layer).__name__}) grads[{name!r}]"
            pieces.append(
                (
                    label,
                    theta[start:end].reshape(values.shape),
                    grad[start:end].reshape(values.shape),
                )
            )
    yield from pieces if end == theta.size else [("grad", theta, grad)]


def _memory(part: Any) -> Callable[[], None]:
    """Return a function that puts buffers and generators back as they are now."""
    kept: list[tuple[Any, Any]] = []
    seen: set[int] = set()

    def visit(thing: Any) -> None:
        if id(thing) in seen:
            return
        seen.add(id(thing))
        if isinstance(thing, np.random.Generator):
            kept.append((thing, copy.deepcopy(thing.bit_generator.state)))
        elif isinstance(thing, list | tuple | set):
            for item in thing:
                visit(item)
        elif isinstance(thing, dict):
            for value in thing.values():  # a new list may share an id seen before
                visit(value)
        elif hasattr(thing, "forward") or thing is part:
            for array in getattr(thing, "buffers", {}).values():
                kept.append((array, array.copy()))
            visit(getattr(thing, "__dict__", {}))

    visit(part)

    def restore() -> None:
        for thing, state in kept:
            if isinstance(thing, np.random.Generator):
                thing.bit_generator.state = copy.deepcopy(state)
            else:
                thing[...] = state

    return restore


@dataclass
class _Slope:
    """A measured slope along a direction, what backward says, and the tolerance."""

    said: float
    measured: float
    allowed: float
    width: float  # how far a single entry really moved

    @property
    def excess(self) -> float:
        """How many times the tolerance both are apart."""
        apart = abs(self.said - self.measured)
        return apart / self.allowed if self.allowed else (np.inf if apart else 0.0)


class _Ruler:
    """Measures slopes of the sum of `terms()`, whose arrays are moved in place."""

    def __init__(
        self, terms: Callable[[], npt.NDArray[np.float64]], eps: float, rtol: float
    ):
        self.terms, self.eps, self.rtol = terms, eps, rtol
        # Rounding moves each term by about eps: together by eps times their length.
        self.noise = 8 * eps * _norm(terms())

    def slope(
        self,
        moves: Iterable[
            tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[np.float64]]
        ],
        size: float,
        *,
        shrink: float = 1.0,
        sides: tuple[int, int] = (1, -1),
    ) -> _Slope:
        """Compare along one direction; moves hold values, what was said, and a step."""
        moves = list(moves)
        start = [values.copy() for values, _, _ in moves]
        ends, totals = [], []
        for side in sides:
            for (values, _, step), old in zip(moves, start, strict=True):
                values[...] = old + side * shrink * step
            ends.append([values.astype(np.float64) for values, _, _ in moves])
            totals.append(self.terms())
        for (values, _, _), old in zip(moves, start, strict=True):
            values[...] = old
        # A slope is told for a step of the length of the first one.
        scale = shrink * (sides[0] - sides[1])
        said = sum(
            float(np.sum(gradient * (up - down)))
            for (_, gradient, _), up, down in zip(moves, *ends, strict=True)
        )
        width = sum(float(np.sum(up - down)) for up, down in zip(*ends, strict=True))
        measured = float(np.sum(totals[0] - totals[1]))
        allowed = self.rtol * size + self.noise / scale
        return _Slope(said / scale, measured / scale, allowed, width / scale)

    def best(self, moves: Any, size: float) -> _Slope:
        """Compare with ever smaller steps until they agree: one may reach a kink."""
        moves = list(moves)
        first = self.slope(moves, size)
        for shrink in (1 / 8, 1 / 64):
            if first.excess <= 1:
                break
            again = self.slope(moves, size, shrink=shrink)
            # Where rounding hides the slope itself, agreement says nothing. In float32
            # it often does, but there the first step often reaches a kink.
            hidden = again.allowed > 0.1 * max(abs(again.said), abs(again.measured))
            if again.excess <= 1 and (not hidden or self.eps > 1e-10):
                return again
        return first


def _compare(
    arrays: list[_Array],
    terms: Callable[[], npt.NDArray[np.float64]],
    dtype: Any,
    rng: np.random.Generator,
    directions: int | None,
    rtol: float | None,
    batch: int,
) -> None:
    """Compare what was said of each array with differences of the sum of the terms."""
    kinds = [values.dtype for _, values, _ in arrays] + [np.dtype(dtype)]
    eps = max(float(np.finfo(kind).eps) for kind in kinds)
    rtol = max(1e-7, 100 * eps ** (2 / 3)) if rtol is None else _tolerance(rtol)
    ruler = _Ruler(terms, eps, rtol)
    if directions is None:
        directions = 0 if sum(a.size for _, a, _ in arrays) <= _FEW else 16
    if isinstance(directions, bool) or int(directions) != directions or directions < 0:
        raise ValueError(f"directions must be an integer from 0 on, got {directions!r}")
    if directions == 0:
        _all_entries(arrays, ruler, eps, batch)
        return
    for number in range(directions + len(arrays)):
        chosen = arrays if number < directions else [arrays[number - directions]]
        slope = _projection(chosen, ruler, eps, rng)
        if not slope.excess <= 1:  # nan, too
            _find(arrays, ruler, eps, rng, batch)
            raise AssertionError(
                f"along a random direction in {', '.join(a[0] for a in chosen)}: "
                f"{_both(slope.said, slope.measured)}; no single entry stands out"
                + ("; in float32 a step may reach a kink" if eps > 1e-10 else "")
            )


def _projection(
    arrays: list[_Array],
    ruler: _Ruler,
    eps: float,
    rng: np.random.Generator,
    only: npt.NDArray[Any] | None = None,
) -> _Slope:
    """Compare along one random direction in these arrays, of length 1 in each."""
    moves, size = [], 0.0
    for _, values, said in arrays:
        if not values.size:
            continue
        u = rng.standard_normal(values.shape) / np.sqrt(values.size)
        if only is not None:
            u.ravel()[~only] = 0
        u *= np.cbrt(eps) * max(1.0, _norm(values) / np.sqrt(values.size))
        moves.append((values, said, u))
        size = float(np.hypot(size, _norm(said * u)))
    return ruler.best(moves, size)


def _find(
    arrays: list[_Array],
    ruler: _Ruler,
    eps: float,
    rng: np.random.Generator,
    batch: int,
) -> None:
    """Go looking for wrong entries, in the array that is furthest off, by halving."""
    slopes = [_projection([array], ruler, eps, rng).excess for array in arrays]
    name, values, said = arrays[int(np.argmax(slopes))]
    where = np.arange(values.size)
    while len(where) > _FEW:
        halves = np.array_split(where, 2)
        off = []
        for half in halves:
            only = np.zeros(values.size, bool)
            only[half] = True
            slope = _projection([(name, values, said)], ruler, eps, rng, only)
            off.append(abs(slope.said - slope.measured))
        where = halves[int(np.argmax(off))]
    _all_entries([(name, values, said)], ruler, eps, batch, where)


def _all_entries(
    arrays: list[_Array],
    ruler: _Ruler,
    eps: float,
    batch: int,
    where: npt.NDArray[Any] | None = None,
) -> None:
    """Compare entry by entry, and raise with the worst of the array furthest off."""
    worst, message = 1 / 1.1, ""
    for name, values, said in arrays:
        if not values.size:
            continue
        places = np.arange(values.size) if where is None else where
        steps = np.cbrt(eps) * np.maximum(1, np.abs(values.astype(np.float64)))
        told = said.astype(np.float64).ravel()[places]

        def move(
            place: Any, values: Any = values, said: Any = said, steps: Any = steps
        ) -> Any:
            at = np.unravel_index(place, values.shape)
            window = tuple(slice(i, i + 1) for i in at) or ...
            return [(values[window], said[window], steps[window])]

        slopes = [ruler.slope(move(place), 0.0) for place in places]
        length = steps.ravel()[places]
        measured = np.array([slope.measured / slope.width for slope in slopes])
        size = float(np.abs(measured).max())
        for i, place in enumerate(places):
            if (
                abs(told[i] - measured[i])
                <= ruler.rtol * size + ruler.noise / length[i]
            ):
                continue
            again = ruler.best(move(place), size * length[i])
            measured[i] = again.measured / again.width
        allowed = ruler.rtol * size + ruler.noise / length
        excess = np.abs(told - measured) / np.where(allowed, allowed, 1e-300)
        off = np.where(excess > 1, np.abs(told - measured), 0)
        i = int(np.argmax(off >= 0.999 * off.max()))  # the first of equals
        if excess[i] <= 1.1 * worst:
            continue
        worst = float(excess[i])
        at = np.unravel_index(places[i], values.shape)
        index = ", ".join(map(str, at))
        message = f"{name}[{index}]: {_both(told[i], measured[i])}"
        message += _kink(ruler, move(places[i]), size * length[i]) or (
            _pattern(told, measured, allowed, excess, batch, values.shape)
        )
    if message:
        hint = "; in float32 a step may reach a kink" if eps > 1e-10 else ""
        raise AssertionError(message + hint)


def _both(said: float, measured: float) -> str:
    """Return both values, with as many digits as tell them apart."""
    said, measured = said + 0.0, measured + 0.0  # no negative zeros
    for digits in (6, 9, 12, 17):
        one, other = f"{said:.{digits}g}", f"{measured:.{digits}g}"
        if one != other:
            break
    return f"backward says {one}, central differences say {other}"


def _kink(ruler: _Ruler, move: Any, size: float) -> str:
    """Say so if the slopes on both sides differ, however small the step."""
    left = ruler.slope(move, size, shrink=1 / 64, sides=(0, -1))
    right = ruler.slope(move, size, shrink=1 / 64, sides=(1, 0))
    gap = abs(left.measured - right.measured)
    larger = max(abs(left.measured), abs(right.measured))
    if gap <= max(1e-3 * larger, 2 * left.allowed + 2 * right.allowed):
        return ""
    a, b = left.measured / left.width, right.measured / right.width
    return (
        f"; the slope is {a:.4g} on the left and {b:.4g} on the right: a kink, such as "
        "a ReLU's at 0, where no gradient can be checked. Try other inputs"
    )


def _pattern(
    said: npt.NDArray[Any],
    measured: npt.NDArray[Any],
    allowed: npt.NDArray[Any],
    excess: npt.NDArray[Any],
    batch: int,
    shape: tuple[int, ...],
) -> str:
    """Say what the errors look like, where it is plain."""

    def near(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> bool:
        return bool((np.abs(one - other) <= 10 * allowed).all())

    wrong = excess > 1
    if not said.any():
        return "; backward says 0 everywhere"
    if said.size > 1:
        if near(said, -measured):
            return "; all entries have the wrong sign"
        square = len(shape) == 2 and shape[0] == shape[1] and said.size == shape[0] ** 2
        if square and near(said, measured.reshape(shape).T.ravel()):
            return "; it is the transpose"
        ratio = float(said @ measured) / (float(measured @ measured) or 1.0)
        if (
            abs(ratio - 1) > 1e-3
            and ratio
            and bool(
                (np.abs(said - ratio * measured) <= 10 * allowed * abs(ratio)).all()
            )
        ):
            times, word = abs(ratio), "large"
            if times < 1:
                times, word = 1 / times, "small"
            sign = " and have the wrong sign" if ratio < 0 else ""
            what = (
                f", and the batch holds {batch} samples"
                if (batch > 1 and np.isclose(times, batch, rtol=1e-3))
                else ""
            )
            return f"; all entries are {times:.4g} times too {word}{sign}{what}"
    count = f"; {wrong.sum()} of {said.size} entries are wrong"
    if (np.abs(measured[wrong]) <= allowed[wrong]).all():
        return f"{count}, where central differences say 0: a mask forgotten?"
    if not said[wrong].any():
        return f"{count}, where backward says 0"
    return count
