"""Callbacks: what is done between the steps of a training run."""

# Written by book/tools/export.py: edit the chapter, then run `make export`.

import math
import operator
from collections.abc import Mapping
from typing import Any

from nnlib.models import Training

__all__ = ["Callback", "ReduceLROnPlateau"]


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
