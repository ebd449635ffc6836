"""Callbacks: what is done between the steps of a training run."""

# Written by book/tools/export.py: edit the chapter, then run `make export`.

import math
import operator
import os
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import numpy as np
import numpy.typing as npt

from nnlib.models import (
    Training,
    _archive,
    _describe,
    _file_name,
    _read_archive,
    _write_archive,
)

__all__ = ["Callback", "Checkpoint", "EarlyStopping", "ReduceLROnPlateau"]


class Callback:
    """What every callback may do; here each method does nothing.

    `Sequential.fit` calls those methods that an object has, at the time that the name
    says, and hands over the run: model, optimizer, history, logs, and ``stop(reason)``.

    It has no parameters.

    Derived in chapter 10, "How big a step? full, stochastic, mini-batch".

    Examples
    --------
    >>> class Halve(Callback):
    ...     def on_epoch_end(self, training):
    ...         training.optimizer.learning_rate /= 2

    References
    ----------
    Equation eq-epoch-mean.
    """

    def on_train_begin(self, training: Training) -> None:
        """Before the first step, also of a run that is resumed."""

    def on_epoch_begin(self, training: Training) -> None:
        """Before the first batch of an epoch."""

    def on_batch_end(self, training: Training) -> None:
        """After each step."""

    def on_epoch_end(self, training: Training) -> None:
        """After the last step of an epoch, when the history has noted it."""

    def on_train_end(self, training: Training) -> None:
        """After the last epoch, or when the run was stopped."""

    def state(self) -> dict[str, Any]:
        """Return what must be saved to go on later: here nothing."""
        return {}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned.

        Parameters
        ----------
        state : mapping
        """


class ReduceLROnPlateau(Callback):
    """Lower the learning rate when a score has stopped improving.

    An epoch improves if its score is better than the best so far by more than the
    threshold. After more than `patience` epochs in a row that do not, the rate is
    multiplied by `factor`. The optimiser must have a float as its learning rate: a
    schedule and this callback would both set it.

    The best score and the counts are kept from one fit to the next; a new run takes a
    new callback.

    Derived in chapter 14, "When to slow down?".

    Parameters
    ----------
    monitor : str
        Name of the score in the epoch's logs, such as ``"val_loss"`` or ``"loss"``.
    factor : float
        What the rate is multiplied by, above 0 and below 1.
    patience : int
        How many epochs in a row may fail to improve without consequence, at least 0.
    threshold : float
        How much better counts as better, at least 0.
    threshold_mode : {"rel", "abs"}
        Whether `threshold` is a part of the size of the best score, or a number.
    cooldown : int
        For how many epochs after a reduction no failure is counted, at least 0.
    min_learning_rate : float
        The rate is not reduced below this, at least 0.
    mode : {"min", "max"}
        Whether a smaller or a larger score is better.

    Attributes
    ----------
    best : float or None
        The best score so far.
    bad_epochs : int
        How many epochs in a row have not improved on it.
    cooldown_left : int
        For how many epochs to come no failure is counted.

    Raises
    ------
    ValueError
        If an argument is out of its range; in a fit, if the optimiser has no float as
        its learning rate or the logs hold no such score.

    Examples
    --------
    >>> callback = ReduceLROnPlateau("val_loss", factor=0.5, patience=2)
    >>> callback.state()
    {'best': None, 'bad_epochs': 0, 'cooldown_left': 0}

    References
    ----------
    Equation eq-plateau-wait; PyTorch's ReduceLROnPlateau, from which it differs in
    three places: a relative threshold is a part of the size of the best score, so that
    it also works for a negative one, reductions of less than 1e-8 are carried out, and
    an infinite score is never an improvement.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        *,
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_learning_rate: float = 0.0,
        mode: str = "min",
    ) -> None:
        if not isinstance(monitor, str):
            raise ValueError(f"monitor must be the name of a score, got {monitor!r}")
        self.monitor = monitor
        self.factor = _finite("factor", factor)
        if not 0 < self.factor < 1:
            raise ValueError(f"factor must be above 0 and below 1, got {factor!r}")
        self.threshold = _finite("threshold", threshold)
        self.min_learning_rate = _finite("min_learning_rate", min_learning_rate)
        self.patience = _count("patience", patience)
        self.cooldown = _count("cooldown", cooldown)
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(
                f"threshold_mode must be 'rel' or 'abs', got {threshold_mode!r}"
            )
        if mode not in ("min", "max"):
            raise ValueError(f"mode must be 'min' or 'max', got {mode!r}")
        self.threshold_mode, self.mode = threshold_mode, mode
        self.best: float | None = None
        self.bad_epochs = 0
        self.cooldown_left = 0

    def on_train_begin(self, training: Training) -> None:
        """Refuse an optimiser whose learning rate is a schedule.

        Parameters
        ----------
        training : Training
            The run that begins.

        Raises
        ------
        ValueError
            If the optimiser's learning rate is a schedule.
        """
        rate = training.optimizer.learning_rate
        if callable(rate):
            raise ValueError(
                "optimizer must have a float as its learning rate for "
                f"ReduceLROnPlateau to reduce, got {rate!r}"
            )

    def on_epoch_end(self, training: Training) -> None:
        """Look at the epoch's score, and reduce the rate if it is time to.

        Parameters
        ----------
        training : Training
            The run, with the epoch's `logs` and its `optimizer`.

        Raises
        ------
        ValueError
            If the logs hold no such score.
        """
        if self.monitor not in training.logs:
            raise ValueError(
                f"monitor must be one of {', '.join(training.logs)}, got "
                f"{self.monitor!r} (scores on validation data need validation_data)"
            )
        score = float(training.logs[self.monitor])
        if self._improves(score):
            self.best, self.bad_epochs = score, 0
        else:
            self.bad_epochs += 1
        if self.cooldown_left > 0:
            self.cooldown_left -= 1
            self.bad_epochs = 0
        if self.bad_epochs > self.patience:
            rate = training.optimizer.learning_rate
            lower = max(rate * self.factor, self.min_learning_rate)
            if lower < rate:
                training.optimizer.learning_rate = lower
            self.bad_epochs, self.cooldown_left = 0, self.cooldown

    def _improves(self, score: float) -> bool:
        """Return whether a score is finite and enough better than the best."""
        if self.best is None or not math.isfinite(score):
            return math.isfinite(score)
        margin = self.threshold * (
            abs(self.best) if self.threshold_mode == "rel" else 1
        )
        if self.mode == "min":
            return score < self.best - margin
        return score > self.best + margin

    def state(self) -> dict[str, Any]:
        """Return the best score and the counts, as plain values.

        Returns
        -------
        dict
            With the keys ``best``, ``bad_epochs`` and ``cooldown_left``.
        """
        return {
            "best": self.best,
            "bad_epochs": self.bad_epochs,
            "cooldown_left": self.cooldown_left,
        }

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` returned.

        Parameters
        ----------
        state : dict
            Of the form that `state` returns.

        Raises
        ------
        ValueError
            If it has other keys or values; then nothing is changed.
        """
        expected = ("best", "bad_epochs", "cooldown_left")
        if not isinstance(state, Mapping) or set(state) != set(expected):
            raise ValueError(f"state must hold {', '.join(expected)}, got {state!r}")
        best = state["best"]
        if best is not None and (
            isinstance(best, bool)
            or not isinstance(best, int | float)
            or not math.isfinite(best)
        ):
            raise ValueError(f"best must be a finite number or None, got {best!r}")
        bad = _count("bad_epochs", state["bad_epochs"])
        left = _count("cooldown_left", state["cooldown_left"])
        self.best = None if best is None else float(best)
        self.bad_epochs, self.cooldown_left = bad, left


def _finite(name: str, value: Any) -> float:
    """Return a finite number that is not negative."""
    try:
        number = math.nan if isinstance(value, bool | str) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not 0 <= number < math.inf:
        raise ValueError(f"{name} must be a finite number, 0 or more, got {value!r}")
    return number


def _count(name: str, value: Any) -> int:
    """Return an integer that is not negative."""
    try:
        number = -1 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = -1
    if number < 0:
        raise ValueError(f"{name} must be an integer, 0 or more, got {value!r}")
    return number


class EarlyStopping(Callback):
    """Stop a run whose score no longer improves, and go back to its best epoch.

    An epoch improves if its score is better than the best so far by more than
    `min_delta`; nan and inf never are. The run ends after `patience` epochs in a row
    that do not improve, as in Keras; `ReduceLROnPlateau`, as in PyTorch, waits for one
    more.

    Derived in chapter 16, "Can it read real digits?".

    Parameters
    ----------
    monitor : str
        Name of the score in the epoch's logs, such as ``"val_loss"`` or ``"loss"``.
    patience : int
        After how many epochs in a row without improvement the run ends, at least 1.
    min_delta : float
        How much better counts as better, at least 0.
    mode : {"min", "max"}
        Whether a smaller or a larger score is better.
    restore_best : bool
        Whether the model gets the parameters and buffers of the best epoch when the run
        is over, also if it was not stopped.

    Attributes
    ----------
    best : float or None
        The best score of this run.
    best_epoch : int or None
        The epoch that it belongs to, counted from 0.
    bad_epochs : int
        How many epochs in a row have not improved on it.

    Raises
    ------
    ValueError
        If an argument is out of its range; in a fit, if the logs hold no such score.

    Examples
    --------
    >>> callback = EarlyStopping("val_loss", patience=3)
    >>> callback.best, callback.best_epoch, callback.bad_epochs
    (None, None, 0)

    References
    ----------
    Prechelt, "Early stopping, but when?", in Neural networks: tricks of the trade,
    1998.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        *,
        patience: int = 10,
        min_delta: float = 0.0,
        mode: str = "min",
        restore_best: bool = True,
    ) -> None:
        self.monitor, self.mode = _monitor(monitor), _mode(mode)
        self.patience = _count("patience", patience)
        if not self.patience:
            raise ValueError(f"patience must be at least 1, got {patience!r}")
        self.min_delta = _finite("min_delta", min_delta)
        self.restore_best = bool(restore_best)
        self._forget()

    def _forget(self) -> None:
        self.best: float | None = None
        self.best_epoch: int | None = None
        self.bad_epochs = 0
        self._theta: npt.NDArray[Any] | None = None
        self._buffers: list[dict[str, npt.NDArray[Any]]] = []

    def on_train_begin(self, training: Training) -> None:
        """Forget an earlier run; one that is resumed puts its own state back.

        Parameters
        ----------
        training : Training
            The run that begins.
        """
        del training
        self._forget()

    def on_epoch_end(self, training: Training) -> None:
        """Look at the epoch's score: keep the parameters, or lose patience.

        Parameters
        ----------
        training : Training
            The run, with the epoch's `logs` and its `model`.

        Raises
        ------
        ValueError
            If the logs hold no such score.
        """
        score = _score(training, self.monitor)
        if _better(score, self.best, self.mode, self.min_delta):
            self.best, self.best_epoch, self.bad_epochs = score, training.epoch, 0
            if self.restore_best:
                self._theta = training.model.theta.copy()
                self._buffers = [
                    {name: array.copy() for name, array in layer.buffers.items()}
                    for layer in training.model.layers
                ]
            return
        self.bad_epochs += 1
        if self.bad_epochs >= self.patience:
            best = "never finite"
            if self.best is not None:
                best = f"best {self.best:.4g} in epoch {self.best_epoch}"
            training.stop(
                f"{self.monitor} has not improved for {self.bad_epochs} epochs ({best})"
            )

    def on_train_end(self, training: Training) -> None:
        """Give the model back the parameters and buffers of its best epoch.

        Parameters
        ----------
        training : Training
            The run that is over.
        """
        if self._theta is None:
            return
        training.model.theta = self._theta
        for layer, kept in zip(training.model.layers, self._buffers, strict=True):
            for name, array in kept.items():
                layer.buffers[name][...] = array

    def state(self) -> dict[str, Any]:
        """Return the best score, when it was, the count, and what is kept of it.

        Returns
        -------
        dict
            With the keys ``best``, ``best_epoch``, ``bad_epochs``, ``theta`` and
            ``buffers``; arrays are copies.
        """
        return {
            "best": self.best,
            "best_epoch": self.best_epoch,
            "bad_epochs": self.bad_epochs,
            "theta": deepcopy(self._theta),
            "buffers": deepcopy(self._buffers),
        }

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` returned.

        Parameters
        ----------
        state : dict
            Of the form that `state` returns.

        Raises
        ------
        ValueError
            If it has other keys or values; then nothing is changed.
        """
        names = ("best", "best_epoch", "bad_epochs", "theta", "buffers")
        if not isinstance(state, Mapping) or set(state) != set(names):
            raise ValueError(f"state must hold {', '.join(names)}, got {state!r}")
        best, epoch = _best(state["best"]), state["best_epoch"]
        if epoch is not None:
            epoch = _count("best_epoch", epoch)
        bad = _count("bad_epochs", state["bad_epochs"])
        theta, buffers = state["theta"], state["buffers"]
        if theta is not None and (not isinstance(theta, np.ndarray) or theta.ndim != 1):
            raise ValueError("theta must be an array of shape (P,) or None")
        if not isinstance(buffers, list) or not all(
            isinstance(kept, Mapping)
            and all(isinstance(array, np.ndarray) for array in kept.values())
            for kept in buffers
        ):
            raise ValueError("buffers must be a list of arrays by name")
        self.best, self.best_epoch, self.bad_epochs = best, epoch, bad
        self._theta = deepcopy(theta)
        self._buffers = [deepcopy(dict(kept)) for kept in buffers]


def _monitor(monitor: Any) -> str:
    """Return the name of a score."""
    if not isinstance(monitor, str):
        raise ValueError(f"monitor must be the name of a score, got {monitor!r}")
    return monitor


def _mode(mode: Any) -> str:
    """Return which scores are better."""
    if mode not in ("min", "max"):
        raise ValueError(f"mode must be 'min' or 'max', got {mode!r}")
    return str(mode)


def _score(training: Training, monitor: str) -> float:
    """Return a score of the epoch that is over."""
    if monitor not in training.logs:
        raise ValueError(
            f"monitor must be one of {', '.join(training.logs)}, got {monitor!r} "
            "(scores on validation data need validation_data)"
        )
    return float(training.logs[monitor])


def _better(score: float, best: float | None, mode: str, margin: float) -> bool:
    """Return whether a score is finite and enough better than the best."""
    if best is None or not math.isfinite(score):
        return math.isfinite(score)
    return score < best - margin if mode == "min" else score > best + margin


def _best(value: Any) -> float | None:
    """Return the best score of a state."""
    if value is None:
        return None
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    if not plain or not math.isfinite(value):
        raise ValueError(f"best must be a finite number or None, got {value!r}")
    return float(value)


class Checkpoint(Callback):
    """Write a run into a file from which it can go on, however it ends.

    The file is always whole: a new one takes its place in one move, so that a run that
    is killed while it writes leaves the one before. It holds the model, which
    `Sequential.load` reads, and the state of the run, which `Checkpoint.load` reads.

    Derived in chapter 16, "Can it read real digits?".

    Parameters
    ----------
    path : str or PathLike
        The file. Its folder must exist.
    every : int, optional
        After how many batches the file is written; counted over the whole run. None
        means at the end of each epoch.
    monitor : str, optional
        Name of a score in the epoch's logs. The file is then written only at the end
        of those epochs in which it is better than in all before. Not with `every`.
    mode : {"min", "max"}
        Whether a smaller or a larger score is better.

    Attributes
    ----------
    best : float or None
        The best score of this run, if one is watched.

    Raises
    ------
    ValueError
        If an argument is out of its range; when a run begins, if the folder does not
        exist or the model cannot be saved; at the end of an epoch, if the logs hold no
        such score.

    Examples
    --------
    >>> import tempfile
    >>> from nnlib.layers import Dense
    >>> from nnlib.losses import SoftmaxCrossEntropy
    >>> from nnlib.models import Sequential
    >>> from nnlib.optimizers import SGD
    >>> def run(**options):
    ...     model = Sequential([Dense(1, 2, rng=0)])
    ...     return model.fit(
    ...         [[-1.0], [1.0]], [0, 1], loss=SoftmaxCrossEntropy(), rng=0,
    ...         optimizer=SGD(0.5), batch_size=1, **options
    ...     )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = folder + "/run.npz"
    ...     first = run(epochs=2, callbacks=[Checkpoint(path)])
    ...     state = Checkpoint.load(path)
    ...     second = run(epochs=5, callbacks=[Checkpoint(path)], resume=state)
    >>> second.loss == run(epochs=5).loss
    True

    References
    ----------
    Equation def-minibatch: what a step depends on.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        every: int | None = None,
        monitor: str | None = None,
        mode: str = "min",
    ) -> None:
        self.path = _file_name(path)
        self.every = None if every is None else _count("every", every)
        if self.every == 0:
            raise ValueError(f"every must be at least 1, got {every!r}")
        if every is not None and monitor is not None:
            raise ValueError(
                "every must be None with a monitor, whose score is known only at the "
                f"end of an epoch, got {every!r}"
            )
        self.monitor = None if monitor is None else _monitor(monitor)
        self.mode = _mode(mode)
        self.best: float | None = None

    def on_train_begin(self, training: Training) -> None:
        """Refuse now what could not be written later, and forget an earlier run.

        Parameters
        ----------
        training : Training
            The run that begins.

        Raises
        ------
        ValueError
            If the folder does not exist, or the model or the state of another callback
            cannot be saved.
        """
        folder = os.path.dirname(os.path.realpath(self.path))
        if not os.path.isdir(folder) or os.path.isdir(self.path):
            raise ValueError(
                f"path must be the name of a file in a folder that exists, got "
                f"{self.path}"
            )
        self.best = None
        _archive("checkpoint", self._parts(training))

    def on_batch_end(self, training: Training) -> None:
        """Write the file if it is time to.

        Parameters
        ----------
        training : Training
            The run.
        """
        if self.every is not None and training.step % self.every == 0:
            self._write(training)

    def on_epoch_end(self, training: Training) -> None:
        """Write the file, unless a score is watched and was better before.

        Parameters
        ----------
        training : Training
            The run, with the epoch's `logs`.

        Raises
        ------
        ValueError
            If the logs hold no such score.
        """
        if self.every is not None:
            return
        if self.monitor is not None:
            score = _score(training, self.monitor)
            if not _better(score, self.best, self.mode, 0.0):
                return
            self.best = score  # before the state is taken: it is part of it
        self._write(training)

    def _write(self, training: Training) -> None:
        _write_archive(self.path, "checkpoint", self._parts(training))

    def _parts(self, training: Training) -> dict[str, Any]:
        """Return model and state as the file holds them."""
        state = training.state()
        model = _describe(training.model)
        model["theta"] = state["theta"]  # one array, which the file holds once
        for entry, buffers in zip(model["layers"], state["buffers"], strict=True):
            entry["buffers"] = buffers
        return {"model": model, "training": state}

    @staticmethod
    def load(path: str | os.PathLike[str]) -> dict[str, Any]:
        """Return the state of a run from a file, for ``fit(resume=…)``.

        Parameters
        ----------
        path : str or PathLike
            A file that a Checkpoint has written.

        Returns
        -------
        dict
            What `Training.state` returned.

        Raises
        ------
        ValueError
            If the file is damaged, or holds no run. Nothing is loaded then.
        FileNotFoundError
            If there is no such file.
        """
        state = _read_archive(path, "training")
        if not isinstance(state, dict):
            raise ValueError(f"{path} cannot be loaded: its training must be a dict")
        return state

    def state(self) -> dict[str, Any]:
        """Return the best score so far.

        Returns
        -------
        dict
            With the key ``best``.
        """
        return {"best": self.best}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` returned.

        Parameters
        ----------
        state : dict
            Of the form that `state` returns.

        Raises
        ------
        ValueError
            If it has other keys or values; then nothing is changed.
        """
        if not isinstance(state, Mapping) or set(state) != {"best"}:
            raise ValueError(f"state must hold best, got {state!r}")
        self.best = _best(state["best"])
