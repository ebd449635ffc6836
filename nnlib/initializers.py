"""Rules for the first values of weights and biases.

Each takes a generator or seed, a shape and a dtype, and returns a new array. To fix an
option, use ``functools.partial(normal, std=0.1)``.
"""

# Written by book/tools/export.py: edit the chapter, then run `make export`.

import math
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["he_normal", "normal", "zeros"]


def zeros(
    rng: Any, shape: int | tuple[int, ...], dtype: npt.DTypeLike = np.float64
) -> npt.NDArray[Any]:
    """Return zeros: the usual start of a bias.

    Derived in chapter 02, "Why a bias, why batches?".

    Parameters
    ----------
    rng : object
        Anything; nothing is drawn.
    shape : int or tuple of int
        Shape of the array.
    dtype : dtype
        A floating-point type.

    Returns
    -------
    ndarray of that shape and type

    Raises
    ------
    ValueError
        If `shape` or `dtype` is not of that kind.

    Examples
    --------
    >>> zeros(0, 3)
    array([0., 0., 0.])

    References
    ----------
    Equation eq-dense.
    """
    del rng
    return np.zeros(_shape(shape), _floating(dtype))


def normal(
    rng: Any,
    shape: int | tuple[int, ...],
    dtype: npt.DTypeLike = np.float64,
    *,
    std: float = 1.0,
) -> npt.NDArray[Any]:
    """Draw from the normal distribution around 0.

    Derived in chapter 02, "Why a bias, why batches?".

    Parameters
    ----------
    rng : object
        A seed or generator, as `numpy.random.default_rng` takes. A generator advances.
    shape : int or tuple of int
        Shape of the array.
    dtype : dtype
        A floating-point type. All types get the same numbers, rounded.
    std : float
        Standard deviation, at least 0.

    Returns
    -------
    ndarray of that shape and type

    Raises
    ------
    ValueError
        If an argument is not of that kind.

    Examples
    --------
    >>> normal(0, (1000,), std=0.1).std().round(2)
    np.float64(0.1)

    References
    ----------
    Equation eq-he-variance, for which std is chosen by `he_normal`.
    """
    try:
        number = isinstance(std, int | float | np.integer | np.floating)
        fits = number and math.isfinite(float(std)) and std >= 0
    except OverflowError:  # an int beyond the largest float
        fits = False
    if not fits:
        raise ValueError(f"std must be a finite number of at least 0, got {std!r}")
    size, kind = _shape(shape), _floating(dtype)
    values = _generator(rng).normal(0.0, float(std), size)
    return np.asarray(values).astype(kind, copy=False)


def he_normal(
    rng: Any, shape: tuple[int, ...], dtype: npt.DTypeLike = np.float64
) -> npt.NDArray[Any]:
    """Draw weights from the normal distribution with standard deviation √(2 / fan-in).

    Derived in chapter 02, "Why a bias, why batches?".

    Parameters
    ----------
    rng : object
        A seed or generator, as `numpy.random.default_rng` takes. A generator advances.
    shape : tuple of int
        (in, out) of a dense layer, whose fan-in is `in`; or (out, in, height, width) of
        a convolution, whose fan-in is in * height * width.
    dtype : dtype
        A floating-point type. All types get the same numbers, rounded.

    Returns
    -------
    ndarray of that shape and type

    Raises
    ------
    ValueError
        If `shape` has fewer than two axes or a fan-in of 0, or an argument is not of
        that kind.

    Examples
    --------
    >>> he_normal(0, (200, 500)).std().round(2)
    np.float64(0.1)

    References
    ----------
    Equation eq-he-variance; He, Zhang, Ren and Sun, "Delving deep into rectifiers",
    ICCV 2015. PyTorch's ``kaiming_normal_`` and Keras' ``HeNormal`` follow the same
    rule; Keras cuts the distribution off at two standard deviations.
    """
    size = _shape(shape)
    fan_in = size[0] if len(size) == 2 else math.prod(size[1:])
    if len(size) < 2 or fan_in == 0:
        raise ValueError(
            "shape must be (in, out) or (out, in, height, width) with a fan-in of 1 or "
            f"more, got {size}"
        )
    return normal(rng, size, dtype, std=math.sqrt(2 / fan_in))


def _generator(rng: Any) -> np.random.Generator:
    """Return what default_rng makes of it, or say that it makes nothing."""
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"rng must be a seed or generator for numpy.random.default_rng, got {rng!r}"
        ) from error


def _shape(shape: int | tuple[int, ...]) -> tuple[int, ...]:
    """Return a shape as a tuple of ints of at least 0."""
    sizes = tuple(shape) if isinstance(shape, tuple | list) else (shape,)
    for size in sizes:
        if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 0:
            raise ValueError(
                f"shape must be ints of at least 0, one for each axis, got {shape!r}"
            )
    return tuple(int(size) for size in sizes)


def _floating(dtype: npt.DTypeLike) -> np.dtype[Any]:
    """Return a dtype, if it is a floating-point one."""
    try:
        kind = np.dtype(dtype)
    except TypeError as error:
        raise ValueError(
            f"dtype must be a floating-point type, got {dtype!r}"
        ) from error
    if kind.kind != "f":
        raise ValueError(f"dtype must be a floating-point type, got {kind}")
    return kind
