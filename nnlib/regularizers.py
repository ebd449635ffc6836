"""Regularisers: what parameters cost, beside the loss, by their size.

A layer takes one for its weights or its bias. `fit` minimises the loss, a mean over the
samples, plus all penalties.
"""

# Written by book/tools/export.py: edit the chapter, then run `make export`.

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["L1", "L2", "soft_threshold"]


def _number(name: str, value: Any) -> float:
    """Return a finite float of at least 0."""
    try:
        odd = isinstance(value, bool | np.bool_ | str | bytes)
        number = math.nan if odd else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not 0 <= number < math.inf:
        raise ValueError(f"{name} must be a finite number of at least 0, got {value!r}")
    return number


def _real(name: str, values: npt.ArrayLike) -> npt.NDArray[Any]:
    """Return an array of real numbers, integers as float64."""
    array = np.asarray(values)
    if array.dtype.kind in "biu":
        array = array.astype(np.float64)
    if array.dtype.kind != "f":
        raise ValueError(f"{name} must hold real numbers, got dtype {array.dtype}")
    return array


@dataclass(frozen=True)
class _Penalty:
    """What both penalties share: a strength, checked, and plain values out."""

    strength: float

    def __post_init__(self) -> None:
        # The class is frozen for all others.
        object.__setattr__(self, "strength", _number("strength", self.strength))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.strength!r})"

    def config(self) -> dict[str, Any]:
        """Return the name of the class and the strength, as plain values."""
        return {"class": type(self).__name__, "strength": self.strength}


@dataclass(frozen=True, repr=False)
class L1(_Penalty):
    """Strength times the sum of the sizes, which makes small weights exactly 0.

    Its gradient alone does not: see `soft_threshold`.

    Derived in chapter 18, "What do L1 and L2 do?".

    Parameters
    ----------
    strength : float
        The factor, at least 0.

    Raises
    ------
    ValueError
        If `strength` is no such number.

    Examples
    --------
    >>> penalty = L1(0.5)
    >>> penalty([1.0, -2.0, 0.0])
    1.5
    >>> penalty.gradient([1.0, -2.0, 0.0])
    array([ 0.5, -0.5,  0. ])

    References
    ----------
    Equations def-penalties and eq-l1-slopes. Keras' L1 is the same.
    """

    def __call__(self, array: npt.ArrayLike) -> float:
        """Return the penalty, summed in float64.

        Parameters
        ----------
        array : array_like of shape (...)
            Weights.

        Returns
        -------
        float
            inf, without a warning, where the sum overflows (nan if the strength is 0).

        Raises
        ------
        ValueError
            If `array` does not hold real numbers.
        """
        w = _real("array", array)
        with np.errstate(over="ignore"):
            return self.strength * float(np.abs(w).sum(dtype=np.float64))

    def gradient(self, array: npt.ArrayLike) -> npt.NDArray[Any]:
        """Return the slope in each weight; at 0, where there is none, 0.

        Parameters
        ----------
        array : array_like of shape (...)
            Weights.

        Returns
        -------
        ndarray of shape (...)
            The strength with the sign of each weight, in their precision.

        Raises
        ------
        ValueError
            If `array` does not hold real numbers.
        """
        w = _real("array", array)
        with np.errstate(over="ignore", invalid="ignore"):
            return np.where(w == 0, 0, np.sign(w) * w.dtype.type(self.strength))


@dataclass(frozen=True, repr=False)
class L2(_Penalty):
    """Strength times the sum of the squares, which shrinks large weights most.

    Derived in chapter 18, "What do L1 and L2 do?".

    Parameters
    ----------
    strength : float
        The factor, at least 0. Without a half: the gradient is 2 * strength * w, and an
        optimiser's ``weight_decay`` of 2 * strength does the same, to biases too.

    Raises
    ------
    ValueError
        If `strength` is no such number.

    Examples
    --------
    >>> penalty = L2(0.5)
    >>> penalty([1.0, -2.0, 0.0])
    2.5
    >>> penalty.gradient([1.0, -2.0, 0.0])
    array([ 1., -2.,  0.])
    >>> from nnlib.layers import Dense
    >>> Dense(3, 2, rng=0, weight_regularizer=penalty).config()["weight_regularizer"]
    {'class': 'L2', 'strength': 0.5}

    References
    ----------
    Equations def-penalties, eq-l2-gradient and eq-l2-decay. Keras' L2 is the same;
    PyTorch's weight_decay is twice the strength.
    """

    def __call__(self, array: npt.ArrayLike) -> float:
        """Return the penalty, summed in float64.

        Parameters
        ----------
        array : array_like of shape (...)
            Weights.

        Returns
        -------
        float
            inf, without a warning, where the sum overflows (nan if the strength is 0).

        Raises
        ------
        ValueError
            If `array` does not hold real numbers.
        """
        w = _real("array", array).astype(np.float64, copy=False).ravel()
        with np.errstate(over="ignore", under="ignore"):
            return self.strength * float(np.dot(w, w))

    def gradient(self, array: npt.ArrayLike) -> npt.NDArray[Any]:
        """Return the slope in each weight, twice the strength times it.

        Parameters
        ----------
        array : array_like of shape (...)
            Weights.

        Returns
        -------
        ndarray of shape (...)
            In the precision of the weights.

        Raises
        ------
        ValueError
            If `array` does not hold real numbers.
        """
        w = _real("array", array)
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            return np.where(w == 0, 0, w * w.dtype.type(2 * self.strength))


def soft_threshold(w: npt.ArrayLike, threshold: float) -> npt.NDArray[Any]:
    """Move every number towards 0 by the threshold, and not beyond 0.

    It is what an L1 penalty makes of a weight. After a step of gradient descent on the
    loss alone, with the rate eta, a threshold of eta * strength makes it a proximal
    step, whose zeros are exact.

    Derived in chapter 18, "What do L1 and L2 do?".

    Parameters
    ----------
    w : array_like of shape (...)
        Numbers; integers become float64.
    threshold : float
        How far, at least 0.

    Returns
    -------
    ndarray of shape (...)
        sign(w) * max(abs(w) - threshold, 0), in the precision of `w`; never -0.0.

    Raises
    ------
    ValueError
        If `w` does not hold real numbers, or `threshold` is no finite number of at
        least 0.

    Examples
    --------
    >>> soft_threshold([3.0, -0.5, -2.0], 1.0)
    array([ 2.,  0., -1.])

    References
    ----------
    Equations eq-soft-threshold and eq-proximal.
    """
    array = _real("w", w)
    with np.errstate(over="ignore"):
        far = array.dtype.type(_number("threshold", threshold))
    with np.errstate(invalid="ignore"):
        return np.asarray(array - np.clip(array, -far, far))
