"""Activations: the functions between the layers, each a layer without parameters."""

# Written by book/tools/export.py: edit the chapter, then run `make export`.

from typing import Any

import numpy.typing as npt

from nnlib.functional import relu, step
from nnlib.layers import Layer

__all__ = ["ReLU", "Step"]


class Step(Layer):
    """Let each neuron fire or not: 1 where its number is positive, and 0 elsewhere.

    Parameters are none. Through its slopes, which are 0, nothing learns.

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
        self._shape = y.shape
        return y


class ReLU(Layer):
    """Let what is positive through, and put 0 in place of the rest.

    Parameters are none.

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
        self._on = y.real > 0
        return y
