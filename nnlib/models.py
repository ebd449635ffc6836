"""Models: layers that follow one another, with all parameters in one vector."""

# Written by book/tools/export.py: edit the chapter, then run `make export`.

import hashlib
import importlib
import inspect
import io
import json
import math
import os
import re
import reprlib
import stat
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from nnlib.layers import Layer
from nnlib.losses import Loss
from nnlib.optimizers import Optimizer

__all__ = ["History", "Sequential", "Training"]


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
        return float(sum([layer.penalty() for layer in self.layers]))

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

    def predict(self, x: npt.ArrayLike, *, batch_size: int = 256) -> npt.NDArray[Any]:
        """Return the output of the last layer, without training.

        Derived in chapter 10, "How big a step? full, stochastic, mini-batch".

        Parameters
        ----------
        x : array_like of shape (N, ...)
            Inputs; N may be 0.
        batch_size : int
            How many samples are sent through the layers at once.

        Returns
        -------
        ndarray of shape (N, ...)

        Raises
        ------
        ValueError
            If `x` does not fit the first layer or holds no real numbers, or if
            `batch_size` is no int of at least 1.
        """
        array = _samples("x", x)
        size = _whole("batch_size", batch_size, 1)
        first = self.forward(array[:size])
        if len(array) <= size:
            return first
        y = np.empty((len(array), *first.shape[1:]), first.dtype)
        y[:size] = first
        for start in range(size, len(array), size):
            y[start : start + size] = self.forward(array[start : start + size])
        return y

    def evaluate(
        self,
        x: npt.ArrayLike,
        y: npt.ArrayLike,
        *,
        loss: Loss,
        metrics: Iterable["_Metric"] = (),
        batch_size: int = 256,
    ) -> dict[str, float]:
        """Return the loss and the metrics of some data, without training.

        Derived in chapter 10, "How big a step? full, stochastic, mini-batch".

        Parameters
        ----------
        x : array_like of shape (N, ...)
            Inputs, at least one sample.
        y : array_like of shape (N, ...)
            What is right.
        loss : Loss
        metrics : iterable of str or callable
            Names of functions in `nnlib.metrics`, or ``metric(y_pred, y_true)``. Each
            sees all predictions at once.
        batch_size : int
            How many samples are sent through the layers at once.

        Returns
        -------
        dict of str to float
            "loss", the mean over the samples without penalties, and each metric.

        Raises
        ------
        ValueError
            If the data do not fit each other, the model or the loss, if there are none,
            or if a metric is unknown.
        """
        found = _named_metrics(metrics)
        size = _whole("batch_size", batch_size, 1)
        inputs, truth = _pair("", x, y, self.dtype)
        return _evaluate(self, inputs, truth, _checked_loss(loss), found, size)

    def fit(
        self,
        x: npt.ArrayLike,
        y: npt.ArrayLike,
        *,
        loss: Loss,
        optimizer: Optimizer,
        epochs: int = 1,
        batch_size: int = 32,
        validation_data: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
        metrics: Iterable["_Metric"] = (),
        callbacks: Iterable[Any] = (),
        rng: Any = None,
        resume: Mapping[str, Any] | None = None,
        progress: bool = False,
    ) -> "History":
        """Train: in each epoch use every sample once, in batches drawn anew.

        What is minimised is the loss plus the layers' penalties.

        Derived in chapter 10, "How big a step? full, stochastic, mini-batch".

        Parameters
        ----------
        x : array_like of shape (N, ...)
            Inputs, finite; cast once to the model's dtype.
        y : array_like of shape (N, ...)
            What is right, finite; floats are cast as well, integers stay.
        loss : Loss
        optimizer : Optimizer
        epochs : int
            How many epochs the run has in all, those before a `resume` included.
        batch_size : int
            Samples a step. The last batch of an epoch may be smaller; more than N
            means N.
        validation_data : pair of array_like, optional
            Inputs and answers that are evaluated after each epoch.
        metrics : iterable of str or callable
            Names of functions in `nnlib.metrics`, or ``metric(y_pred, y_true)``. Each
            sees all predictions of an epoch at once, those that were made while
            training. Before the first step each is tried once, on one prediction
            repeated.
        callbacks : iterable
            Objects with some of the methods of `nnlib.callbacks.Callback`, called in
            this order. If the loss turns nan or inf, ``on_train_end`` is not called.
        rng : optional
            Shuffles the batches: what `numpy.random.default_rng` takes. None draws
            fresh entropy, so that no run is like another; a generator advances.
        resume : mapping, optional
            What `Training.state` returned in an earlier run on the same data. The
            state of a run that was stopped stays stopped.
        progress : bool
            Whether to show a progress bar, for which tqdm must be installed.

        Returns
        -------
        History

        Raises
        ------
        ValueError
            If data are empty, not finite, or do not fit each other, the model or the
            loss; if there is no such metric; or on any other bad argument. Then
            nothing is changed.
        FloatingPointError
            If the loss or a penalty turns nan or inf, or a parameter at the end of an
            epoch. The parameters are left as they are then. A "val_loss" of nan or inf
            is noted, and the run goes on.
        ImportError
            If `progress` is asked for and tqdm is not installed.

        Examples
        --------
        >>> from nnlib.layers import Dense
        >>> from nnlib.losses import SoftmaxCrossEntropy
        >>> from nnlib.optimizers import Optimizer
        >>> class Plain(Optimizer):
        ...     def update(self, theta, grad, *, rate, t):
        ...         theta -= rate * grad
        >>> model = Sequential([Dense(1, 2, rng=0)])
        >>> history = model.fit(
        ...     [[-1.0], [1.0]], [0, 1], loss=SoftmaxCrossEntropy(),
        ...     optimizer=Plain(1.0), epochs=50, metrics=["accuracy"], rng=0,
        ... )
        >>> history.epochs, history.metrics["accuracy"][-1]
        (50, 1.0)

        References
        ----------
        Equations def-minibatch and eq-minibatch-variance.
        """
        run = self._training(
            x,
            y,
            loss,
            optimizer,
            epochs,
            batch_size,
            validation_data,
            metrics,
            callbacks,
            rng,
        )
        with _progress(run, progress):
            return run.run(resume)

    def _training(
        self,
        x: npt.ArrayLike,
        y: npt.ArrayLike,
        loss: Any,
        optimizer: Any,
        epochs: Any,
        batch_size: Any,
        validation_data: Any,
        metrics: Any,
        callbacks: Any,
        rng: Any,
    ) -> "Training":
        """Return a run with arguments that have been checked, none of them changed.

        Derived in chapter 10, "How big a step? full, stochastic, mini-batch".
        """
        size = _whole("batch_size", batch_size, 1)
        count = _whole("epochs", epochs, 0)
        found = _named_metrics(metrics)
        _checked_loss(loss)
        if isinstance(optimizer, type) or not callable(
            getattr(optimizer, "step", None)
        ):
            raise ValueError(f"optimizer must be an optimizer, got {optimizer!r}")
        called = _checked_callbacks(callbacks)
        try:
            generator = np.random.default_rng(rng)
        except (TypeError, ValueError) as error:
            raise ValueError(
                "rng must be a seed or generator for numpy.random.default_rng, "
                f"got {rng!r}"
            ) from error
        if not np.isfinite(self.theta).all():
            raise ValueError("theta must be finite before training")
        inputs, truth = _pair("", x, y, self.dtype, finite=True)
        _rehearse(self, inputs, truth, loss, found)
        validation = None
        if validation_data is not None:
            if (
                not isinstance(validation_data, tuple | list)
                or len(validation_data) != 2
            ):
                raise ValueError("validation_data must be a pair (x, y)")
            x_val, y_val = validation_data
            validation = _pair("validation ", x_val, y_val, self.dtype, finite=True)
            _rehearse(self, *validation, loss, found)
        return Training(
            self,
            inputs,
            truth,
            loss=loss,
            optimizer=optimizer,
            epochs=count,
            batch_size=min(size, len(inputs)),
            validation=validation,
            metrics=found,
            callbacks=called,
            rng=generator,
        )

    def mask(self, *names: str) -> npt.NDArray[np.bool_]:
        """Return where the parameters of these names stand in `theta`.

        Derived in chapter 13, "Why does Adam correct its averages?".

        Parameters
        ----------
        *names : str
            Names of arrays in the layers' `params`, such as "W". One is enough.

        Returns
        -------
        ndarray of bool, shape (P,)
            True for each parameter in an array of one of these names.

        Raises
        ------
        ValueError
            If no name is given, or one that no layer has.

        Examples
        --------
        >>> from nnlib.layers import Dense
        >>> Sequential([Dense(2, 1, rng=0)]).mask("W")
        array([ True,  True, False])

        References
        ----------
        Equation eq-adamw, and def-theta for the order.
        """
        arrays = [item for layer in self.layers for item in layer.params.items()]
        known = list(dict.fromkeys(name for name, _ in arrays))
        if not names:
            raise ValueError(f"names must be among {', '.join(known)}, got none")
        for name in names:
            if name not in known:
                raise ValueError(
                    f"names must be among {', '.join(known)}, got {name!r}"
                )
        mask = np.zeros(self.theta.size, np.bool_)
        start = 0
        for name, array in arrays:
            mask[start : start + array.size] = name in names
            start += array.size
        return mask

    def summary(self) -> str:
        """Return a table of the layers: place, class, output and parameters.

        The output of a sample is found by sending an empty batch through copies of the
        layers, from the first one that has `in_features`. Where that is not possible
        stands a question mark.

        Derived in chapter 16, "Can it read real digits?".

        Returns
        -------
        str
            A line for each layer, below a headline and above the total.

        Examples
        --------
        >>> from nnlib.activations import ReLU
        >>> from nnlib.layers import Dense
        >>> model = Sequential([Dense(64, 32, rng=0), ReLU(), Dense(32, 10, rng=1)])
        >>> print(model.summary())
           layer  output  parameters
        0  Dense      32       2,080
        1  ReLU       32           0
        2  Dense      10         330
           total               2,410

        References
        ----------
        Equation def-theta.
        """
        rows = [("", "layer", "output", "parameters")]
        outputs = _output_shapes(self.layers, self.dtype)
        for number, (layer, shape) in enumerate(zip(self.layers, outputs, strict=True)):
            size = "?" if shape is None else "×".join(map(str, shape)) or "1"
            count = sum(array.size for array in layer.params.values())
            rows.append((str(number), type(layer).__name__, size, f"{count:,}"))
        rows.append(("", "total", "", f"{self.theta.size:,}"))
        a, b, c, d = (max(map(len, column)) for column in zip(*rows, strict=True))
        return "\n".join(
            f"{place:>{a}}  {name:<{b}}  {size:>{c}}  {count:>{d}}"
            for place, name, size, count in rows
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model into a file, from which `load` builds it again.

        Kept are dtype, parameters, buffers, the layers' classes and configs, and the
        states of their generators; not what the last forward and backward left.

        Derived in chapter 16, "Can it read real digits?".

        Parameters
        ----------
        path : str or PathLike
            The file, whose name is used as given. What stood there is replaced when
            the new file is complete and on the disk, and stays if anything fails.

        Raises
        ------
        ValueError
            If the `config()` of a layer holds anything but plain values, or not the
            arguments of its constructor; if a layer of your own has the name of one of
            nnlib's; or if `path` is a folder. Then nothing is written.
        OSError
            If the file cannot be written. Then nothing of it is left.

        Examples
        --------
        >>> import tempfile
        >>> from nnlib.layers import Dense
        >>> model = Sequential([Dense(2, 1, rng=0)])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model.save(folder + "/model.npz")
        ...     again = Sequential.load(folder + "/model.npz")
        >>> np.array_equal(again.theta, model.theta)
        True

        References
        ----------
        Equation def-theta.
        """
        _write_archive(path, "model", {"model": _describe(self)})

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, custom: Iterable[type] = ()) -> Self:
        """Build a model from a file that `save` or a Checkpoint has written.

        A layer is made by its class with its config; only classes that
        `nnlib.layers`, `nnlib.activations` and `nnlib.regularizers` export are used,
        and those handed in.

        Derived in chapter 16, "Can it read real digits?".

        Parameters
        ----------
        path : str or PathLike
            The file.
        custom : iterable of class
            Classes of your own that the model was made of, known by their names.

        Returns
        -------
        Sequential
            With the same bits in `theta` and in every buffer.

        Raises
        ------
        ValueError
            If the file is damaged, is of another kind, holds something that does not
            fit together, or names a class that is not known. Nothing is loaded then.
        FileNotFoundError
            If there is no such file.

        References
        ----------
        Equation def-theta.
        """
        classes = _classes(custom)
        name = _file_name(path)
        tree = _read_archive(name, "model")
        with _named(name):
            return cls._from_tree(tree, classes)

    @classmethod
    def _from_tree(cls, tree: Any, classes: Mapping[str, Mapping[str, Any]]) -> Self:
        """Build a model from what `_describe` returned.

        Derived in chapter 16, "Can it read real digits?".
        """
        dtype, theta, entries = _entries("model", tree, ("dtype", "theta", "layers"))
        if dtype not in ("float32", "float64"):
            raise ValueError(f"dtype must be float32 or float64, got {_short(dtype)}")
        if not isinstance(theta, np.ndarray) or theta.ndim != 1:
            raise ValueError("theta must be an array of shape (P,)")
        if theta.dtype != dtype:
            raise ValueError(f"theta must be of dtype {dtype}, got {theta.dtype}")
        if not isinstance(entries, list) or not entries:
            raise ValueError(f"layers must be a list of layers, got {_short(entries)}")
        plans, start = [], 0
        for number, entry in enumerate(entries):
            parts = _entries(
                f"layer {number}",
                entry,
                ("class", "config", "params", "buffers", "generators"),
            )
            shapes = _shapes(f"params of layer {number}", parts[2])
            arrays = {}
            for name, shape in shapes.items():
                end = start + math.prod(shape)
                if end > theta.size:
                    raise ValueError(
                        f"layer {number} needs {end} numbers in theta up to {name} of "
                        f"shape {shape}, the file holds {theta.size}"
                    )
                arrays[name] = theta[start:end].reshape(shape)
                start = end
            plans.append((*parts[:2], arrays, *parts[3:]))
        if start != theta.size:
            raise ValueError(f"the layers use {start} of {theta.size} numbers in theta")
        layers = []
        for number, (kind, config, arrays, buffers, generators) in enumerate(plans):
            place = f"layer {number} ({_short(kind)})"
            layer = _rebuild_layer(
                place, kind, config, arrays, buffers, generators, classes
            )
            layers.append(layer)
        model = cls(layers, dtype=np.dtype(dtype))
        for number, (layer, plan) in enumerate(zip(layers, plans, strict=True)):
            for name, array in plan[3].items():
                own = layer.buffers[name]
                kept = isinstance(array, np.ndarray)
                if not kept or (array.shape, array.dtype) != (own.shape, own.dtype):
                    raise ValueError(
                        f"layer {number}: buffer {name} must be of shape {own.shape} "
                        f"and dtype {own.dtype}, got {_short(array)}"
                    )
                own[...] = array
        model.theta = theta
        return model


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


_HOOKS = (
    "on_train_begin",
    "on_epoch_begin",
    "on_batch_end",
    "on_epoch_end",
    "on_train_end",
)

_Metric = str | Callable[[npt.NDArray[Any], npt.NDArray[Any]], float]


@dataclass
class History:
    """What a training run has noted, one number an epoch.

    Derived in chapter 10, "How big a step? full, stochastic, mini-batch".

    Parameters
    ----------
    loss : list of float
        Means over the samples of each epoch, every one taken when its batch was used,
        without penalties.
    penalty : list of float
        Means over the same batches of the layers' penalties.
    learning_rate : list of float
        What `rate_at` says of the last step of each epoch, when the epoch is over; nan
        if the optimiser has no `rate_at`.
    metrics : dict of str to list of float
        The metrics of all predictions made while training, by name. Under the name
        with ``val_`` before it, and under ``val_loss``, those of the validation data
        after the epoch.
    stopped : str or None
        Why the run stopped before its last epoch, if it did.

    Raises
    ------
    ValueError
        If the lists are not of one length.

    Examples
    --------
    >>> history = History(loss=[2.3, 1.1], penalty=[0.0, 0.0], learning_rate=[0.1, 0.1])
    >>> history.epochs
    2
    >>> History.from_dict(history.to_dict()) == history
    True

    References
    ----------
    Equation eq-epoch-mean.
    """

    loss: list[float] = field(default_factory=list)
    penalty: list[float] = field(default_factory=list)
    learning_rate: list[float] = field(default_factory=list)
    metrics: dict[str, list[float]] = field(default_factory=dict)
    stopped: str | None = None

    def __post_init__(self) -> None:
        lists = {"penalty": self.penalty, "learning_rate": self.learning_rate}
        for name, values in {**lists, **self.metrics}.items():
            if len(values) != len(self.loss):
                raise ValueError(
                    f"{name} must hold as many numbers as loss, {len(self.loss)}, "
                    f"got {len(values)}"
                )

    @property
    def epochs(self) -> int:
        """How many epochs are noted."""
        return len(self.loss)

    def to_dict(self) -> dict[str, Any]:
        """Return copies of everything, by name, as JSON can hold them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return a history from what `to_dict` returned.

        Parameters
        ----------
        values : mapping

        Returns
        -------
        History

        Raises
        ------
        ValueError
            If `values` is anything else.
        """
        names = ("loss", "penalty", "learning_rate", "metrics", "stopped")
        if not isinstance(values, Mapping) or set(values) != set(names):
            raise ValueError(f"values must hold {', '.join(names)}, got {values!r}")
        stopped = values["stopped"]
        if stopped is not None and not isinstance(stopped, str):
            raise ValueError(f"stopped must be a str or None, got {stopped!r}")
        try:
            loss, penalty, rate = ([float(v) for v in values[n]] for n in names[:3])
            metrics = {
                str(n): [float(v) for v in column]
                for n, column in values["metrics"].items()
            }
        except (AttributeError, TypeError, ValueError) as error:
            raise ValueError(f"values must hold lists of numbers: {error}") from error
        return cls(loss, penalty, rate, metrics, stopped)


class Training:
    """A training run, as callbacks see it: made and run by `Sequential.fit`.

    Derived in chapter 10, "How big a step? full, stochastic, mini-batch".

    Parameters
    ----------
    model : Sequential
    x, y : ndarray of shape (N, ...)
        What to learn from, checked and cast.
    loss : Loss
    optimizer : Optimizer
    epochs, batch_size : int
    validation : pair of ndarray, or None
    metrics : mapping of str to callable
    callbacks : sequence
    rng : numpy.random.Generator

    Attributes
    ----------
    epoch : int
        The current epoch, counted from 0.
    batch : int
        How many batches of this epoch have been used.
    step : int
        How many steps have been taken in all.
    batch_loss : float
        The loss of the last batch.
    history : History

    Examples
    --------
    >>> class Patience:
    ...     def on_epoch_end(self, training):
    ...         if training.logs["loss"] < 0.1:
    ...             training.stop("the loss is below 0.1")
    """

    def __init__(
        self,
        model: Any,
        x: npt.NDArray[Any],
        y: npt.NDArray[Any],
        *,
        loss: Any,
        optimizer: Any,
        epochs: int,
        batch_size: int,
        validation: tuple[npt.NDArray[Any], npt.NDArray[Any]] | None = None,
        metrics: Mapping[str, Callable[..., float]],
        callbacks: Sequence[Any] = (),
        rng: np.random.Generator,
    ) -> None:
        self.model, self.loss, self.optimizer = model, loss, optimizer
        self.epochs, self.batch_size = epochs, batch_size
        # A step needs no gradient of the inputs; a model may know how to leave it out.
        self._backward = getattr(model, "_backward_params", None) or model.backward
        self.history = History()
        self.epoch = self.batch = self.step = 0
        self.batch_loss = math.nan
        self._x, self._y, self._validation = x, y, validation
        self._metrics, self._callbacks, self._rng = metrics, callbacks, rng
        self._batches = -(-len(x) // batch_size)
        self._hooks = {
            hook: [getattr(callback, hook, None) for callback in callbacks]
            for hook in _HOOKS
        }
        self._at, self._called = "on_train_begin", 0  # the last hook, and how far
        self._order: npt.NDArray[np.intp] | None = None
        self._sums = [0.0, 0.0]  # of loss and penalty, over the samples so far
        self._predictions: npt.NDArray[Any] | None = None
        self._logs: dict[str, float] = {}

    @property
    def logs(self) -> dict[str, float]:
        """All that is known of the current epoch, by name.

        At the end of an epoch what the history has noted; during one, means of loss
        and penalty over the batches so far.
        """
        seen = min(self.batch * self.batch_size, len(self._x))
        if self._at == "on_batch_end" and seen:
            return {"loss": self._sums[0] / seen, "penalty": self._sums[1] / seen}
        return dict(self._logs)

    def stop(self, reason: str) -> None:
        """End the run when all callbacks have had their turn at this point.

        An epoch that is not finished is not noted in the history.

        Parameters
        ----------
        reason : str
            What `history.stopped` will say.
        """
        self.history.stopped = str(reason)

    def run(self, resume: Mapping[str, Any] | None = None) -> History:
        """Train to the end, from the start or from a state.

        Parameters
        ----------
        resume : mapping, optional
            What `state` returned. It is put back when all callbacks have had their
            ``on_train_begin``.

        Returns
        -------
        History
        """
        if resume is not None:
            self._read(resume)  # refused before anything changes
        self._call("on_train_begin")
        if resume is not None:
            stopped = self.history.stopped
            self.set_state(resume)
            if stopped is not None:  # by a callback, at the beginning of this run
                self.history.stopped = stopped
            self._go_on()
        while not self._over():
            if self._at in ("on_train_begin", "on_epoch_end"):
                self._begin_epoch()
                self._call("on_epoch_begin")
            elif self.batch < self._batches:
                self._use_batches()
                self._call("on_batch_end")
            else:
                self._end_epoch()
                self._call("on_epoch_end")
        self._call("on_train_end")
        return self.history

    def _over(self) -> bool:
        """Return whether someone stopped the run, or the last epoch is behind us."""
        between = self._at in ("on_train_begin", "on_epoch_end", "on_train_end")
        return self.history.stopped is not None or (
            between and self.history.epochs >= self.epochs
        )

    def _call(self, hook: str) -> None:
        """Give every callback its turn."""
        self._at, self._called = hook, 0
        self._go_on()

    def _go_on(self) -> None:
        """Give the callbacks that have not had it their turn at this point."""
        for function in self._hooks[self._at][self._called :]:
            self._called += 1
            if function is not None:
                function(self)

    def _begin_epoch(self) -> None:
        self.epoch, self.batch = self.history.epochs, 0
        self._order = self._rng.permutation(len(self._x))
        self._sums, self._logs = [0.0, 0.0], {}

    def _use_batches(self) -> None:
        """Take one step, or, if no callback waits for it, all steps of the epoch."""
        waiting = any(self._hooks["on_batch_end"])
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            while self.batch < self._batches:
                self._use_batch()
                if waiting:
                    break

    def _use_batch(self) -> None:
        """Take one step."""
        assert self._order is not None
        model, start = self.model, self.batch * self.batch_size
        rows = self._order[start : start + self.batch_size]
        x, y = self._x.take(rows, axis=0), self._y.take(rows, axis=0)
        y_pred = model.forward(x, training=True)
        loss, penalty = self.loss(y_pred, y), model.penalty()
        if not math.isfinite(loss + penalty):
            raise FloatingPointError(self._diverged(loss, penalty))
        self._backward(self.loss.backward())
        self.optimizer.step(model.theta, model.grad)
        if self._metrics:
            if self._predictions is None:
                shape = (len(self._x), *y_pred.shape[1:])
                self._predictions = np.empty(shape, y_pred.dtype)
            self._predictions[start : start + len(rows)] = y_pred
        self.batch_loss = loss
        self._sums[0] += loss * len(rows)
        self._sums[1] += penalty * len(rows)
        self.batch += 1
        self.step += 1

    def _diverged(self, loss: float, penalty: float) -> str:
        """Say what happened, where, and what to try."""
        what = "penalty" if math.isfinite(loss) else "loss"
        value = penalty if math.isfinite(loss) else loss
        # Of the step that led here; the optimiser may have been used before.
        rate = self._rate(max(getattr(self.optimizer, "t", self.step) - 1, 0))
        used = "" if math.isnan(rate) else f", with learning rate {rate:g}"
        return (
            f"the {what} is {value} in epoch {self.epoch}, batch {self.batch} "
            f"(step {self.step}){used}: try a learning rate ten times smaller, smaller "
            "initial weights, or inputs of about size 1"
        )

    def _rate(self, step: int) -> float:
        """Return the learning rate of a step, nan if the optimiser does not say."""
        rate_at = getattr(self.optimizer, "rate_at", None)
        return math.nan if rate_at is None else float(rate_at(step))

    def _end_epoch(self) -> None:
        """Note the epoch in the history."""
        assert self._order is not None
        if not np.isfinite(self.model.theta).all():
            raise FloatingPointError(
                f"theta is no longer finite at the end of epoch {self.epoch} "
                f"(step {self.step}): try a learning rate ten times smaller"
            )
        n, history = len(self._x), self.history
        logs = {"loss": self._sums[0] / n, "penalty": self._sums[1] / n}
        logs["learning_rate"] = self._rate(getattr(self.optimizer, "t", self.step) - 1)
        if self._metrics:
            truth = self._y.take(self._order, axis=0)
            for name, metric in self._metrics.items():
                logs[name] = _measure(name, metric, self._predictions, truth)
        if self._validation is not None:
            found = _evaluate(
                self.model, *self._validation, self.loss, self._metrics, 256
            )
            logs |= {f"val_{name}": value for name, value in found.items()}
        for name, value in logs.items():
            if name in ("loss", "penalty", "learning_rate"):
                getattr(history, name).append(value)
            else:
                history.metrics.setdefault(name, []).append(value)
        self._logs, self._predictions = logs, None

    def state(self) -> dict[str, Any]:
        """Return all that the rest of the run depends on, except the data.

        Called from a callback, it remembers which callbacks have had their turn at
        this point, the calling one among them. A run that is resumed from it goes on
        with the next one, and ends, on the same machine, with the same bits as a run
        that was never interrupted. A callback that wants to be in it as it is after
        this turn changes itself first.

        Returns
        -------
        dict
            Arrays that are copies, and what JSON can hold.
        """
        done = self.batch * self.batch_size
        running = self._order is not None and self._at in (
            "on_epoch_begin",
            "on_batch_end",
        )
        seen = self._predictions[:done] if self._predictions is not None else None
        layers = self.model.layers
        return {
            "theta": self.model.theta.copy(),
            "buffers": [{k: a.copy() for k, a in la.buffers.items()} for la in layers],
            "generators": [
                {k: _generator_state(g) for k, g in _generators(la)} for la in layers
            ],
            "rng": _generator_state(self._rng),
            "optimizer": self.optimizer.state(),
            "history": self.history.to_dict(),
            "logs": dict(self._logs),
            "epoch": self.epoch,
            "batch": self.batch,
            "step": self.step,
            "batch_loss": self.batch_loss,
            "batch_size": self.batch_size,
            "samples": len(self._x),
            "at": self._at,
            "called": self._called,
            "order": self._order.copy()
            if running and self._order is not None
            else None,
            "sums": list(self._sums),
            "predictions": seen.copy() if running and seen is not None else None,
            "callbacks": [
                deepcopy(callback.state()) if hasattr(callback, "state") else {}
                for callback in self._callbacks
            ],
        }

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Put the model, the optimiser, the callbacks and the run into a state.

        Parameters
        ----------
        state : mapping
            What `state` of a run with the same sizes and callbacks returned.

        Raises
        ------
        ValueError
            If it is anything else. Then nothing is changed, unless it is a callback
            that refuses its part.
        """
        history, order, predictions = self._read(state)
        self.optimizer.set_state(state["optimizer"])
        for callback, part in zip(self._callbacks, state["callbacks"], strict=True):
            if hasattr(callback, "set_state"):
                callback.set_state(deepcopy(part))
        model = self.model
        model.theta = state["theta"]
        for layer, arrays, generators in zip(
            model.layers, state["buffers"], state["generators"], strict=True
        ):
            for name, array in arrays.items():
                layer.buffers[name][...] = array
            for name, generator in _generators(layer):
                generator.bit_generator.state = deepcopy(generators[name])
        self._rng.bit_generator.state = deepcopy(state["rng"])
        vars(self.history).update(vars(history))
        self.epoch, self.batch, self.step = (
            state[name] for name in ("epoch", "batch", "step")
        )
        self.batch_loss = float(state["batch_loss"])
        self._logs = {str(k): float(v) for k, v in dict(state["logs"]).items()}
        self._at, self._called = state["at"], state["called"]
        if self._at == "on_train_end":  # to go on with more epochs
            self._at, self._called = "on_epoch_end", len(self._callbacks)
        self._order, self._sums = order, [float(s) for s in state["sums"]]
        self._predictions = None
        if predictions is not None:
            self._predictions = np.empty(
                (len(self._x), *predictions.shape[1:]), predictions.dtype
            )
            self._predictions[: len(predictions)] = predictions

    def _read(self, state: Any) -> tuple[History, Any, Any]:
        """Return history, order and predictions of a state, all of it checked."""
        names = set(self.state())
        if not isinstance(state, Mapping) or set(state) != names:
            got = sorted(map(str, state)) if isinstance(state, Mapping) else repr(state)
            raise ValueError(
                f"resume must be a state with {', '.join(sorted(names))}, got {got}"
            )
        for name in ("epoch", "batch", "step", "called"):
            value = state[name]
            if not isinstance(value, int) or isinstance(value, bool) or value < 0:
                raise ValueError(
                    f"resume must hold {name}, an int of at least 0, got {value!r}"
                )
        if state["called"] > len(self._callbacks) + 1:  # a progress bar may be one more
            raise ValueError(
                f"resume must hold called, at most {len(self._callbacks)}, "
                f"got {state['called']}"
            )
        for name in ("buffers", "generators", "callbacks"):
            parts = state[name]
            if not isinstance(parts, list | tuple) or (
                name != "callbacks" and not all(isinstance(p, Mapping) for p in parts)
            ):
                raise ValueError(f"resume must hold a list, {name}, got {parts!r}")
        try:
            logs = dict(state["logs"])
            for value in (*state["sums"], state["batch_loss"], *logs.values()):
                float(value)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"resume must hold numbers in sums, batch_loss and logs: {error}"
            ) from error
        if len(state["sums"]) != 2:
            raise ValueError(f"resume must hold two sums, got {state['sums']!r}")
        model, n = self.model, len(self._x)
        for name, want in (("samples", n), ("batch_size", self.batch_size)):
            if state[name] != want:
                raise ValueError(
                    f"resume must be of a run with the same {name}, {want}, "
                    f"got {state[name]!r}"
                )
        theta = np.asarray(state["theta"])
        if theta.shape != model.theta.shape or theta.dtype != model.theta.dtype:
            raise ValueError(
                f"resume must hold theta of shape {model.theta.shape} and dtype "
                f"{model.theta.dtype}, got {theta.shape} and {theta.dtype}"
            )
        if not np.isfinite(theta).all():
            raise ValueError("resume must hold a finite theta")
        layouts = {
            "buffers": [
                {k: a.shape for k, a in layer.buffers.items()} for layer in model.layers
            ],
            "generators": [
                [k for k, _ in _generators(layer)] for layer in model.layers
            ],
        }
        for part, layout in layouts.items():
            held: list[Any] = [
                {k: np.shape(a) for k, a in kept.items()}
                if part == "buffers"
                else sorted(kept)
                for kept in state[part]
            ]
            if held != layout:
                raise ValueError(f"resume must hold {part} {layout}, got {held}")
        generators = [(self._rng, state["rng"])]
        for layer, kept in zip(model.layers, state["generators"], strict=True):
            generators += [(g, kept[name]) for name, g in _generators(layer)]
        for generator, value in generators:
            try:
                deepcopy(generator).bit_generator.state = deepcopy(value)
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                raise ValueError(
                    f"resume must hold states of generators like {generator}: {error}"
                ) from error
        if len(state["callbacks"]) != len(self._callbacks):
            raise ValueError(
                f"resume must hold the states of {len(self._callbacks)} callbacks, "
                f"got {len(state['callbacks'])}"
            )
        history = History.from_dict(state["history"])
        noted = list(self._metrics)
        if self._validation is not None:
            noted += ["val_loss", *(f"val_{name}" for name in self._metrics)]
        if history.epochs and set(history.metrics) != set(noted):
            raise ValueError(
                f"resume must be of a run that noted {sorted(noted)}, as this one "
                f"does, got {sorted(history.metrics)}"
            )
        if state["at"] not in _HOOKS or not 0 <= state["batch"] <= self._batches:
            raise ValueError(
                f"resume must stand at a hook and at batch 0 to {self._batches}, "
                f"got {state['at']!r} and {state['batch']!r}"
            )
        order, predictions = state["order"], state["predictions"]
        if order is not None:
            order = np.asarray(order)
            whole = order.dtype.kind in "iu" and order.shape == (n,)
            if not whole or not np.array_equal(np.sort(order), np.arange(n)):
                raise ValueError(f"resume must hold a permutation of {n} samples")
            order = order.astype(np.intp)
        elif state["at"] in ("on_epoch_begin", "on_batch_end"):
            raise ValueError("resume must hold the order of the samples in this epoch")
        seen = min(state["batch"] * self.batch_size, n)
        if predictions is not None:
            predictions = np.asarray(predictions)
            if not predictions.ndim or len(predictions) != seen:
                raise ValueError(
                    f"resume must hold {seen} predictions, "
                    f"got {len(predictions) if predictions.ndim else predictions}"
                )
            shape = (seen, *model.forward(self._x[:1]).shape[1:])
            if predictions.shape != shape or predictions.dtype.kind != "f":
                raise ValueError(
                    f"resume must hold predictions of shape {shape}, "
                    f"got {predictions.shape} and {predictions.dtype}"
                )
        elif self._metrics and order is not None and seen:
            raise ValueError("resume must hold predictions, since there are metrics")
        return history, order, predictions


def _samples(name: str, values: npt.ArrayLike) -> npt.NDArray[Any]:
    """Return real numbers with the samples along the first axis."""
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} must hold real numbers, got dtype {array.dtype}")
    if not array.ndim:
        raise ValueError(f"{name} must have shape (samples, ...), got ()")
    return array


def _pair(
    which: str,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    dtype: np.dtype[Any],
    *,
    finite: bool = False,
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Return inputs and answers, cast, as many of the one as of the other."""
    inputs, truth = _samples(f"{which}x", x), _samples(f"{which}y", y)
    if len(inputs) != len(truth):
        raise ValueError(
            f"{which}x and y must hold as many samples, got {len(inputs)} and "
            f"{len(truth)}"
        )
    if not len(inputs):
        raise ValueError(f"{which}x must hold at least one sample, got {inputs.shape}")
    with np.errstate(over="ignore"):
        inputs = inputs.astype(dtype, copy=False)
        if truth.dtype.kind == "f":
            truth = truth.astype(dtype, copy=False)
    if finite:
        for name, array in (("x", inputs), ("y", truth)):
            if array.dtype.kind == "f" and not all(
                np.isfinite(array[at : at + 1024]).all()
                for at in range(0, len(array), 1024)
            ):
                raise ValueError(
                    f"{which}{name} must be finite in {array.dtype}, got nan or inf"
                )
    return inputs, truth


def _whole(name: str, value: Any, least: int) -> int:
    """Return an int that is not too small."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < least:
        raise ValueError(f"{name} must be an int of at least {least}, got {value!r}")
    return int(value)


def _checked_loss(loss: Any) -> Any:
    """Return a loss, if it can be called and go backward."""
    if isinstance(loss, type) or not (
        callable(loss) and callable(getattr(loss, "backward", None))
    ):
        hint = f": write {loss.__name__}()" if isinstance(loss, type) else ""
        raise ValueError(f"loss must be a Loss, got {loss!r}{hint}")
    return loss


def _checked_callbacks(callbacks: Any) -> list[Any]:
    """Return callbacks, each with at least one of the methods that are called."""
    if isinstance(callbacks, str) or not isinstance(callbacks, Iterable):
        raise ValueError(f"callbacks must be a list of callbacks, got {callbacks!r}")
    given = list(callbacks)
    for callback in given:
        if isinstance(callback, type) or not any(
            callable(getattr(callback, hook, None)) for hook in _HOOKS
        ):
            raise ValueError(
                f"a callback must have one of the methods {', '.join(_HOOKS)}, "
                f"got {callback!r}"
            )
    return given


def _named_metrics(metrics: Any) -> dict[str, Callable[..., float]]:
    """Return metrics by their names, looked up where only a name is given."""
    if isinstance(metrics, str) or not isinstance(metrics, Iterable):
        raise ValueError(f"metrics must be a list of metrics, got {metrics!r}")
    found: dict[str, Callable[..., float]] = {}
    for metric in metrics:
        if isinstance(metric, str):
            known = importlib.import_module("nnlib.metrics")
            if metric not in known.__all__:
                raise ValueError(
                    f"metrics must be callables or among {', '.join(known.__all__)}, "
                    f"got {metric!r}"
                )
            name, function = metric, getattr(known, metric)
        elif callable(metric):
            name, function = getattr(metric, "__name__", type(metric).__name__), metric
        else:
            raise ValueError(f"metrics must be names or callables, got {metric!r}")
        if name in found or name in ("loss", "penalty", "learning_rate"):
            raise ValueError(
                f"metrics must have names of their own, got {name!r} again"
            )
        found[name] = function
    return found


def _rehearse(
    model: Any,
    x: npt.NDArray[Any],
    y: npt.NDArray[Any],
    loss: Any,
    metrics: Mapping[str, Callable[..., float]],
) -> None:
    """Let model, loss and metrics refuse what does not fit, before anything changes.

    One sample goes through the model. The loss then meets every answer, as if this one
    prediction had been made for all samples.
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        one = model.forward(x[:1])
        for start in range(0, len(y), 1024):
            part = y[start : start + 1024]
            predictions = np.broadcast_to(one, (len(part), *one.shape[1:]))
            loss(predictions, part)
            if not start:
                for name, metric in metrics.items():
                    _measure(name, metric, predictions, part)


def _evaluate(
    model: Any,
    x: npt.NDArray[Any],
    y: npt.NDArray[Any],
    loss: Any,
    metrics: Mapping[str, Callable[..., float]],
    size: int,
) -> dict[str, float]:
    """Return loss and metrics of data that have been checked."""
    total, outputs = 0.0, []
    for start in range(0, len(x), size):
        part = y[start : start + size]
        y_pred = model.forward(x[start : start + size])
        total += loss(y_pred, part) * len(part)
        if metrics:
            outputs.append(y_pred)
    logs = {"loss": total / len(x)}
    if metrics:
        predictions = np.concatenate(outputs)
        logs |= {n: _measure(n, m, predictions, y) for n, m in metrics.items()}
    return logs


def _measure(
    name: str, metric: Callable[..., float], y_pred: Any, y_true: npt.NDArray[Any]
) -> float:
    """Return what a metric says, which must be one number."""
    value: Any = metric(y_pred, y_true)
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"metrics must return one number each, got {type(value).__name__} of shape "
            f"{np.shape(value)} from {name}"
        ) from error


def _generators(layer: Any) -> list[tuple[str, np.random.Generator]]:
    """Return the generators that a layer keeps, by name."""
    kept = sorted(vars(layer).items())
    return [(k, value) for k, value in kept if isinstance(value, np.random.Generator)]


def _generator_state(generator: np.random.Generator) -> dict[str, Any]:
    """Return a generator's state, as JSON can hold it or with arrays."""
    return deepcopy(dict(generator.bit_generator.state))


@contextmanager
def _progress(run: Training, wanted: bool) -> Iterator[None]:
    """Show a bar while a run goes on, if it is wanted."""
    if not wanted:
        yield
        return
    try:
        tqdm = importlib.import_module("tqdm").tqdm
    except ImportError as error:
        raise ImportError("progress=True needs tqdm: pip install tqdm") from error
    with tqdm(total=run.epochs * run._batches, unit="step") as bar:

        def show(training: Training) -> None:
            bar.update(training.step - bar.n)

        run._hooks["on_batch_end"].append(show)
        yield


_FORMAT = "nnlib archive 1"

_MARK = b"nnlib archive 1, sha256 of all before it: "

_DESCRIPTION = "nnlib.json"

_DESCRIPTION_LIMIT = 2**24  # bytes

_DTYPES = frozenset(np.dtype(code).name for code in "?bhilqBHILQefdFD")

_BIT_GENERATORS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")


def _output_shapes(
    layers: Iterable[Layer], dtype: np.dtype[Any]
) -> list[tuple[int, ...] | None]:
    """Return the shape of one sample behind each layer, None where it is not known."""
    shapes: list[tuple[int, ...] | None] = []
    batch: npt.NDArray[Any] | None = None
    for layer in layers:
        features = getattr(layer, "in_features", None)
        if batch is None and isinstance(features, int):
            batch = np.empty((0, features), dtype)
        if batch is not None:
            try:
                batch = np.asarray(deepcopy(layer).forward(batch))
            except Exception:  # a layer that cannot do it does not know its output
                batch = None
        shapes.append(None if batch is None else batch.shape[1:])
    return shapes


def _describe(model: Any) -> dict[str, Any]:
    """Return a model as plain values and arrays, or refuse what could not be built."""
    known = _classes(())
    entries = []
    for number, layer in enumerate(model.layers):
        place, kind = _place(number, layer), type(layer)
        if known["layer"].get(kind.__name__, kind) is not kind:
            raise ValueError(
                f"{place} is not nnlib's {kind.__name__}: a layer of your own needs a "
                "name of its own to be saved"
            )
        try:
            config = layer.config()
        except ValueError as error:
            raise ValueError(f"{place}: {error}") from error
        if not isinstance(config, Mapping):
            raise ValueError(f"{place}: config() must return a dict, got {config!r}")
        arrays: dict[str, Any] = {}
        _pack(config, f"{place}: config()", arrays, {})
        if arrays:
            raise ValueError(
                f"{place}: config() must hold plain values, got an array: what a layer "
                "learns or counts belongs into its params and buffers"
            )
        for name, value in config.items():
            if isinstance(value, Mapping) and "class" in value:
                own = getattr(layer, name, None)
                listed = known["regularizer"].get(str(value["class"]))
                if listed is not None and own is not None and type(own) is not listed:
                    raise ValueError(
                        f"{place}: {name} is not nnlib's {value['class']}: a class of "
                        "your own needs a name of its own to be saved"
                    )
        try:
            inspect.signature(kind).bind(**_with_drawing(kind, config, None, None))
        except TypeError as error:
            raise ValueError(
                f"{place}: config() must return the arguments of {kind.__name__}: "
                f"{error}"
            ) from error
        entries.append(
            {
                "class": kind.__name__,
                "config": dict(config),
                "params": {name: list(a.shape) for name, a in layer.params.items()},
                "buffers": dict(layer.buffers),
                "generators": {k: _generator_state(g) for k, g in _generators(layer)},
            }
        )
    return {"dtype": model.dtype.name, "theta": model.theta, "layers": entries}


def _with_drawing(
    kind: type, config: Mapping[str, Any], rng: Any, init: Any
) -> dict[str, Any]:
    """Return a config with a generator and initialisers, where a class takes them."""
    arguments = dict(config)
    for name in inspect.signature(kind).parameters:
        if name == "rng" or name.endswith("_init"):
            if name in arguments:
                raise TypeError(f"{name} cannot be part of a config")
            arguments[name] = rng if name == "rng" else init
    return arguments


def _classes(custom: Any) -> dict[str, dict[str, Any]]:
    """Return the classes that a file may name, those handed in among them."""
    found: dict[str, dict[str, Any]] = {"layer": {}, "regularizer": {}}
    for module, what in (
        ("layers", "layer"),
        ("activations", "layer"),
        ("regularizers", "regularizer"),
    ):
        try:
            source = importlib.import_module(f"nnlib.{module}")
        except ModuleNotFoundError:
            continue
        for name in source.__all__:
            kind = getattr(source, name)
            fits = isinstance(kind, type) and kind is not Layer
            if fits and issubclass(kind, Layer) == (what == "layer"):
                found[what][name] = kind
    if isinstance(custom, str | type) or not isinstance(custom, Iterable):
        raise ValueError(f"custom must be a list of classes, got {custom!r}")
    for kind in custom:
        if not isinstance(kind, type):
            raise ValueError(f"custom must hold classes, got {kind!r}")
        what = "layer" if hasattr(kind, "forward") else "regularizer"
        if found[what].setdefault(kind.__name__, kind) is not kind:
            raise ValueError(
                f"custom must hold names that are free, got {kind.__name__} again"
            )
    return found


def _rebuild_layer(
    place: str,
    kind: Any,
    config: Any,
    arrays: Mapping[str, npt.NDArray[Any]],
    buffers: Any,
    generators: Any,
    classes: Mapping[str, Mapping[str, Any]],
) -> Layer:
    """Make a layer of its class, config, parameters and generators."""
    made = _class(place, kind, classes["layer"])
    if not isinstance(config, dict):
        raise ValueError(f"{place}: config must be a dict, got {_short(config)}")
    arguments = dict(config)
    for name, value in config.items():
        if isinstance(value, dict) and "class" in value:
            where = f"{place}: {name}"
            options = {k: v for k, v in value.items() if k != "class"}
            rule = _class(where, value["class"], classes["regularizer"])
            arguments[name] = _made(where, rule, options)
    held = [*arrays.values(), *(buffers.values() if isinstance(buffers, dict) else ())]
    waiting = [array.shape for array in held if isinstance(array, np.ndarray)]

    def hand_out(
        rng: Any, shape: Any, dtype: npt.DTypeLike = np.float64
    ) -> npt.NDArray[Any]:
        """Give room, to be filled from the file, for an array that the file holds."""
        del rng
        wanted = tuple(shape) if isinstance(shape, tuple | list) else (shape,)
        if wanted in waiting:
            waiting.remove(wanted)
            return np.zeros(wanted, dtype)
        raise ValueError(
            f"config asks for an array of shape {wanted}, the file holds "
            f"{', '.join(str(a.shape) for a in arrays.values()) or 'none'}"
        )

    rng = _like(place, generators)
    layer: Layer = _made(place, made, _with_drawing(made, arguments, rng, hand_out))
    _check_names(f"{place}: params", arrays, layer.params)
    for name, array in arrays.items():
        if layer.params[name].shape != array.shape:
            raise ValueError(
                f"{place}: {name} must have shape {layer.params[name].shape}, "
                f"got {array.shape}"
            )
    _check_names(f"{place}: buffers", buffers, layer.buffers)
    own = dict(_generators(layer))
    _check_names(f"{place}: generators", generators, own)
    for name, generator in own.items():
        try:
            generator.bit_generator.state = deepcopy(generators[name])
        except (
            AttributeError,
            KeyError,
            OverflowError,
            TypeError,
            ValueError,
        ) as error:
            raise ValueError(f"{place}: {name} is no such state: {error}") from error
    return layer


def _like(place: str, generators: Any) -> np.random.Generator:
    """Return a generator of the kind whose states are kept."""
    if not isinstance(generators, dict):
        raise ValueError(
            f"{place}: generators must be a dict, got {_short(generators)}"
        )
    kind = _BIT_GENERATORS[0]
    for state in generators.values():
        named = state.get("bit_generator") if isinstance(state, dict) else None
        if not isinstance(named, str) or named not in _BIT_GENERATORS:
            raise ValueError(
                f"{place}: a generator must be one of {', '.join(_BIT_GENERATORS)}, "
                f"got {_short(named)}"
            )
        kind = named
    return np.random.Generator(getattr(np.random, kind)(0))


def _class(place: str, name: Any, known: Mapping[str, Any]) -> Any:
    """Return the class of a name, if it is one of those that are known."""
    if not isinstance(name, str) or name not in known:
        raise ValueError(
            f"{place}: the class must be one of {', '.join(sorted(known)) or 'none'}, "
            f"got {_short(name)}; hand in a class of your own as custom=[…]"
        )
    return known[name]


def _made(place: str, kind: Any, arguments: Mapping[str, Any]) -> Any:
    """Return what a constructor makes, or say that it refused."""
    try:
        return kind(**arguments)
    except Exception as error:  # whatever a class does with what a file holds
        raise ValueError(f"{place}: {error}") from error


def _entries(what: str, value: Any, names: tuple[str, ...]) -> tuple[Any, ...]:
    """Return the values of a dict with exactly these names."""
    if not isinstance(value, dict) or set(value) != set(names):
        got = sorted(value) if isinstance(value, dict) else value
        raise ValueError(f"{what} must hold {', '.join(names)}, got {_short(got)}")
    return tuple(value[name] for name in names)


def _check_names(what: str, given: Any, own: Iterable[str]) -> None:
    """Refuse a mapping with other names."""
    names = list(own)
    if not isinstance(given, Mapping) or set(given) != set(names):
        got = sorted(given) if isinstance(given, Mapping) else given
        raise ValueError(
            f"{what} must be {', '.join(names) or 'none'}, got {_short(got)}"
        )


def _shapes(what: str, value: Any) -> dict[str, tuple[int, ...]]:
    """Return shapes by name, each a list of ints of at least 0 in the file."""
    if not isinstance(value, dict):
        raise ValueError(f"{what} must be shapes by name, got {_short(value)}")
    for shape in value.values():
        if not isinstance(shape, list) or not all(
            type(size) is int and size >= 0 for size in shape
        ):
            raise ValueError(f"{what} must be lists of sizes, got {_short(shape)}")
    return {name: tuple(shape) for name, shape in value.items()}


def _short(value: Any) -> str:
    """Return a value as a message can hold it, whatever a file may have put there."""
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} and dtype {value.dtype}"
    plain = isinstance(value, str) and value.isidentifier() and len(value) < 40
    return str(value) if plain else reprlib.repr(value)


@contextmanager
def _named(name: str) -> Iterator[None]:
    """Turn whatever goes wrong with what a file holds into an error that names it."""
    try:
        yield
    except Exception as error:  # a hostile file may go wrong in any way
        detail = str(error)[:500] or type(error).__name__
        raise ValueError(f"{name} cannot be loaded: {detail}") from error


def _file_name(path: Any) -> str:
    """Return the name of a file."""
    name = os.fspath(path) if isinstance(path, str | os.PathLike) else None
    if not isinstance(name, str) or not name:
        raise ValueError(f"path must be the name of a file, got {path!r}")
    return name


def _pack(value: Any, where: str, arrays: dict[str, Any], ids: dict[int, str]) -> Any:
    """Return a value as JSON can hold it, its arrays replaced by their names."""
    try:
        return _packed(value, where, arrays, ids)
    except RecursionError as error:
        raise ValueError(f"{where} is nested too deeply to be saved") from error


def _packed(value: Any, where: str, arrays: dict[str, Any], ids: dict[int, str]) -> Any:
    """Return a value as JSON can hold it, part by part."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"$float": repr(float(value))}
    if isinstance(value, np.ndarray):
        if value.dtype.name not in _DTYPES:
            raise ValueError(f"{where} must hold numbers, got dtype {value.dtype}")
        if id(value) not in ids:
            name = plain = re.sub(r"[^A-Za-z0-9_-]", "_", where)[:80]
            while name in arrays:
                name = f"{plain}-{len(arrays)}"
            arrays[name], ids[id(value)] = value, name
        return {"$array": ids[id(value)]}
    if isinstance(value, tuple):
        parts = [_packed(v, f"{where}-{i}", arrays, ids) for i, v in enumerate(value)]
        return {"$tuple": parts}
    if isinstance(value, list):
        return [_packed(v, f"{where}-{i}", arrays, ids) for i, v in enumerate(value)]
    if isinstance(value, Mapping):
        for name in value:
            if not isinstance(name, str) or name.startswith("$"):
                raise ValueError(
                    f"{where} must have names that are str and do not begin with $, "
                    f"got {name!r}"
                )
        return {
            str(k): _packed(v, f"{where}-{k}", arrays, ids) for k, v in value.items()
        }
    raise ValueError(
        f"{where} must hold plain values (None, bool, int, float, str, and lists, "
        f"tuples and dicts of them) or arrays, got {reprlib.repr(value)}"
    )


def _unpack(value: Any, array: Callable[[Any], npt.NDArray[Any]]) -> Any:
    """Return what was packed, with arrays by their names."""
    if isinstance(value, list):
        return [_unpack(v, array) for v in value]
    if not isinstance(value, dict):
        return value
    marks = [name for name in value if name.startswith("$")]
    if not marks:
        found = {name: _unpack(v, array) for name, v in value.items()}
        _check_position(found)
        return found
    (mark, held), *more = value.items()
    if not more and mark == "$array":
        return array(held)
    if not more and mark == "$float" and held in ("nan", "inf", "-inf"):
        return float(held)
    if not more and mark == "$tuple" and isinstance(held, list):
        parts = tuple(_unpack(v, array) for v in held)
        _check_position(parts)
        return parts
    raise ValueError(f"{_DESCRIPTION} must not hold {_short(value)}")


def _check_position(state: Mapping[str, Any] | tuple[Any, ...]) -> None:
    """Refuse a generator's state that would read beside its memory.

    NumPy takes over the place of the next number as it is and does not check it.
    """
    if isinstance(state, Mapping):
        kind, inner = state.get("bit_generator"), state.get("state")
    elif len(state) > 2:  # NumPy's older form: kind, key, place and more
        kind, inner = state[0], {"pos": state[2]}
    else:
        return
    if not isinstance(kind, str):
        return
    if kind == "MT19937":
        place, last = inner.get("pos") if isinstance(inner, dict) else None, 624
    elif kind == "Philox" and isinstance(state, Mapping):
        place, last = state.get("buffer_pos"), 4
    else:
        return
    if type(place) is not int or not 0 <= place <= last:
        raise ValueError(
            f"the place in a state of {kind} must be an int from 0 to {last}, got "
            f"{_short(place)}"
        )


def _archive(kind: str, parts: Mapping[str, Any]) -> memoryview:
    """Return the bytes of a file: a zip of arrays and JSON that ends in its own sum."""
    arrays: dict[str, npt.NDArray[Any]] = {}
    ids: dict[int, str] = {}
    tree: dict[str, Any] = {"format": _FORMAT, "kind": kind}
    for name, part in parts.items():
        tree[name] = _pack(part, name, arrays, ids)
    text = json.dumps(tree, allow_nan=False, indent=1).encode()
    if len(text) > _DESCRIPTION_LIMIT:
        raise ValueError(
            f"what is saved must fit into {_DESCRIPTION_LIMIT} bytes of JSON beside "
            f"its arrays, got {len(text)}"
        )
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_STORED) as archive:
        # A ZipInfo has no date of its own: the same model makes the same bytes.
        archive.writestr(zipfile.ZipInfo(_DESCRIPTION), text)
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(
                member, np.asarray(array, order="C"), (1, 0), allow_pickle=False
            )
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), member.getbuffer())
        archive.comment = _MARK + b"0" * 64
    data = whole.getbuffer()
    data[-64:] = hashlib.sha256(data[:-64]).hexdigest().encode()
    return data


def _write_archive(path: Any, kind: str, parts: Mapping[str, Any]) -> None:
    """Write a file so that either the old or the new one stands, whatever happens."""
    name = os.path.realpath(_file_name(path))  # of a link, what it points to
    if os.path.isdir(name):
        raise ValueError(f"path must be the name of a file, got the folder {path}")
    if os.path.exists(name) and not os.path.isfile(name):  # a pipe, a device
        raise ValueError(f"path must be the name of a file, got {path}")
    data = _archive(kind, parts)
    folder, file = os.path.split(name)
    # A run that was killed while it wrote leaves this; the next writing removes it.
    part = os.path.join(folder, f".{file}.part")
    with suppress(FileNotFoundError):
        os.unlink(part)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    descriptor = os.open(part, flags, 0o666)
    mine = os.fstat(descriptor)
    try:
        with open(descriptor, "wb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(descriptor)
        if not os.path.samestat(mine, os.stat(part)):
            raise FileExistsError(f"another process writes {name} at the same time")
        with suppress(FileNotFoundError):  # who may read it stays as it was
            os.chmod(part, stat.S_IMODE(os.stat(name).st_mode))
        os.replace(part, name)
    except BaseException:
        with suppress(OSError):
            if os.path.samestat(mine, os.stat(part)):
                os.unlink(part)
        raise
    if hasattr(os, "O_DIRECTORY"):  # the move itself, too, has to reach the disk
        entry = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(entry)
        finally:
            os.close(entry)


def _read_archive(path: Any, part: str) -> Any:
    """Return a part of a file that `_write_archive` has written, or refuse the file."""
    name = _file_name(path)
    if not stat.S_ISREG(os.stat(name).st_mode):
        raise ValueError(f"path must be the name of a file, got {name}")
    with open(name, "rb") as handle, _named(name):
        tail = 22 + len(_MARK) + 64  # where the zip's last record begins, from the end
        size = os.fstat(handle.fileno()).st_size
        handle.seek(max(size - tail, 0))
        end = handle.read(tail)
        comment = (len(_MARK) + 64).to_bytes(2, "little")
        if not (end.startswith(b"PK\5\6") and end[20:-64] == comment + _MARK):
            raise ValueError(
                "it was not written by nnlib, or its end is missing: it does not end "
                "in nnlib's mark"
            )
        handle.seek(0)
        data = handle.read(size)
        if hashlib.sha256(memoryview(data)[:-64]).hexdigest().encode() != end[-64:]:
            raise ValueError("it is damaged: its SHA-256 sum is not the one it ends in")
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _read_part(archive, size, part)


def _read_part(archive: zipfile.ZipFile, size: int, part: str) -> Any:
    """Return a part of an archive whose bytes are those that somebody wrote."""
    members = {member.filename: member for member in archive.infolist()}
    if len(members) != len(archive.infolist()):
        raise ValueError("two of its members have the same name")
    for member in members.values():
        stored = member.compress_type == zipfile.ZIP_STORED
        plain = member.file_size == member.compress_size and not member.flag_bits & 1
        if not stored or not plain:
            raise ValueError(
                f"its member {_short(member.filename)} must be stored, neither "
                "compressed nor encrypted"
            )
    declared = sum(member.file_size for member in members.values())
    if declared > size:
        raise ValueError(f"its members declare {declared} bytes, the file has {size}")
    if _DESCRIPTION not in members:
        raise ValueError(f"it holds no {_DESCRIPTION}")
    if members[_DESCRIPTION].file_size > _DESCRIPTION_LIMIT:
        raise ValueError(
            f"its {_DESCRIPTION} must have at most {_DESCRIPTION_LIMIT} bytes, "
            f"got {members[_DESCRIPTION].file_size}"
        )
    try:
        tree = json.loads(
            archive.read(_DESCRIPTION).decode(),
            parse_constant=_no_number,
            parse_float=_finite_number,
        )
        if not isinstance(tree, dict) or tree.get("format") != _FORMAT:
            got = tree.get("format") if isinstance(tree, dict) else tree
            raise ValueError(f"its format must be {_FORMAT!r}, got {_short(got)}")
        if part not in tree or tree.get("kind") not in ("model", "checkpoint"):
            raise ValueError(
                f"it holds no {part}, its kind is {_short(tree.get('kind'))}"
            )
        read: dict[str, npt.NDArray[Any]] = {}

        def array(held: Any) -> npt.NDArray[Any]:
            if not isinstance(held, str) or f"{held}.npy" not in members:
                raise ValueError(f"it holds no array {_short(held)}")
            if held not in read:  # one that is named twice takes no more memory
                read[held] = _read_array(held, archive.read(f"{held}.npy"))
            return read[held]

        return _unpack(tree[part], array)
    except RecursionError as error:
        raise ValueError(f"its {_DESCRIPTION} is nested too deeply") from error


def _no_number(text: str) -> Any:
    """Refuse NaN and Infinity, which are no JSON."""
    raise ValueError(f"{_DESCRIPTION} must hold finite numbers, got {text}")


def _finite_number(text: str) -> float:
    """Return a number of JSON, if it is not too large for one."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{_DESCRIPTION} must hold finite numbers, got {text[:20]}")
    return number


def _read_array(name: str, data: bytes) -> npt.NDArray[Any]:
    """Return an array in NumPy's format, if its bytes are those that it declares."""
    member = io.BytesIO(data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # of headers that only old versions wrote
        version = np.lib.format.read_magic(member)
        if version != (1, 0):
            raise ValueError(f"array {name} must be of format 1.0, got {version}")
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(
            member, max_header_size=2000
        )
    if dtype.name not in _DTYPES or dtype.subdtype is not None or fortran:
        raise ValueError(f"array {name} must hold numbers in C order, got {dtype}")
    start, count = member.tell(), math.prod(shape)
    if min(shape, default=0) < 0 or start + count * dtype.itemsize != len(data):
        raise ValueError(
            f"array {name} of shape {shape} and dtype {dtype} must have "
            f"{count * dtype.itemsize} bytes, got {len(data) - start}"
        )
    values = np.frombuffer(data, dtype, offset=start, count=count)
    return values.reshape(shape).astype(dtype.newbyteorder("="))
