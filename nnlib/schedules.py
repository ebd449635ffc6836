"""Learning-rate schedules: the step size as a function of the step number.

Each is called with a step number, counted from 0, and returns a float. An optimiser
takes one wherever it takes a learning rate. They hold no state: a schedule that is
called twice with one number returns the same rate twice.
"""

# Written by book/tools/export.py: edit the chapter, then run `make export`.

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, fields
from typing import Any

__all__ = ["Cosine", "Exponential", "InverseTime", "Step", "WarmUp"]


class _Schedule:
    """What all schedules share: the step number checked, and plain values out."""

    def __call__(self, step: int) -> float:
        """Return the learning rate of a step.

        Parameters
        ----------
        step : int
            Number of the step, counted from 0.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            If `step` is no integer or is negative.
        """
        return self._rate(_whole("step", step, least=0))

    def _rate(self, t: int) -> float:
        raise NotImplementedError

    def config(self) -> dict[str, Any]:
        """Return the arguments, as plain values, from which an equal one is made.

        Returns
        -------
        dict
            ``type(schedule)(**schedule.config()) == schedule``.
        """
        return {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]

    def _set(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)  # the class is frozen for all others


@dataclass(frozen=True)
class InverseTime(_Schedule):
    """A rate that falls like one over the time: rate / (1 + decay * t) ** power.

    Derived in chapter 14, "When to slow down?".

    Parameters
    ----------
    learning_rate : float
        The rate of step 0, positive.
    decay : float
        Positive; with power 1, the rate has halved at step 1 / decay.
    power : float
        Positive. With 0.5 < power <= 1 the rates have an infinite sum, and their
        squares a finite one.

    Raises
    ------
    ValueError
        If an argument is not a finite positive number.

    Examples
    --------
    >>> schedule = InverseTime(0.5, decay=0.1)
    >>> schedule(0), schedule(10), schedule(90)
    (0.5, 0.25, 0.05)

    References
    ----------
    Equations eq-inverse-time and eq-fastest-rate; Robbins and Monro, "A stochastic
    approximation method", Annals of Mathematical Statistics 22(3), 1951. Keras'
    InverseTimeDecay has decay_rate / decay_steps for `decay`.
    """

    learning_rate: float
    _: KW_ONLY
    decay: float
    power: float = 1.0

    def __post_init__(self) -> None:
        self._set(
            learning_rate=_real("learning_rate", self.learning_rate, above=0.0),
            decay=_real("decay", self.decay, above=0.0),
            power=_real("power", self.power, above=0.0),
        )

    def _rate(self, t: int) -> float:
        slower = 1 + self.decay * t
        if self.power == 1:
            return self.learning_rate / slower
        return float(self.learning_rate * slower**-self.power)


@dataclass(frozen=True)
class Exponential(_Schedule):
    """A rate that falls by the same factor at every step: rate * gamma ** t.

    Derived in chapter 14, "When to slow down?".

    Parameters
    ----------
    learning_rate : float
        The rate of step 0, positive.
    gamma : float
        The factor, above 0 and at most 1.

    Raises
    ------
    ValueError
        If an argument is out of its range.

    Examples
    --------
    >>> schedule = Exponential(0.5, gamma=0.5)
    >>> schedule(0), schedule(1), schedule(3)
    (0.5, 0.25, 0.0625)

    References
    ----------
    Equation eq-exponential; PyTorch's ExponentialLR, stepped once a batch.
    """

    learning_rate: float
    _: KW_ONLY
    gamma: float

    def __post_init__(self) -> None:
        self._set(
            learning_rate=_real("learning_rate", self.learning_rate, above=0.0),
            gamma=_real("gamma", self.gamma, above=0.0, most=1.0),
        )

    def _rate(self, t: int) -> float:
        return float(self.learning_rate * self.gamma**t)


@dataclass(frozen=True)
class Step(_Schedule):
    """A rate that falls in stairs: rate * gamma ** (t // every).

    Derived in chapter 14, "When to slow down?".

    Parameters
    ----------
    learning_rate : float
        The rate of the first `every` steps, positive.
    every : int
        Length of a stair in steps, at least 1.
    gamma : float
        The factor from one stair to the next, above 0 and at most 1.

    Raises
    ------
    ValueError
        If an argument is out of its range.

    Examples
    --------
    >>> schedule = Step(0.5, every=100, gamma=0.5)
    >>> schedule(99), schedule(100), schedule(250)
    (0.5, 0.25, 0.125)

    References
    ----------
    Equation eq-stairs; PyTorch's StepLR, with `every` for its step_size.
    """

    learning_rate: float
    _: KW_ONLY
    every: int
    gamma: float = 0.1

    def __post_init__(self) -> None:
        self._set(
            learning_rate=_real("learning_rate", self.learning_rate, above=0.0),
            every=_whole("every", self.every, least=1),
            gamma=_real("gamma", self.gamma, above=0.0, most=1.0),
        )

    def _rate(self, t: int) -> float:
        return float(self.learning_rate * self.gamma ** (t // self.every))


@dataclass(frozen=True)
class Cosine(_Schedule):
    """A rate that falls along half a wave of the cosine, and then stays.

    Derived in chapter 14, "When to slow down?".

    Parameters
    ----------
    learning_rate : float
        The rate of step 0, positive.
    steps : int
        The step at which `minimum` is reached, at least 1.
    minimum : float
        The last rate, from 0 to `learning_rate`.

    Raises
    ------
    ValueError
        If an argument is out of its range.

    Examples
    --------
    >>> schedule = Cosine(0.5, steps=100)
    >>> schedule(0), round(schedule(50), 12), schedule(100), schedule(1000)
    (0.5, 0.25, 0.0, 0.0)

    References
    ----------
    Equation eq-cosine; Loshchilov and Hutter, "SGDR: Stochastic gradient descent with
    warm restarts", 2017, without the restarts. PyTorch's CosineAnnealingLR, with
    `steps` for T_max and `minimum` for eta_min, rises again after its T_max.
    """

    learning_rate: float
    _: KW_ONLY
    steps: int
    minimum: float = 0.0

    def __post_init__(self) -> None:
        rate = _real("learning_rate", self.learning_rate, above=0.0)
        self._set(
            learning_rate=rate,
            steps=_whole("steps", self.steps, least=1),
            minimum=_real("minimum", self.minimum, least=0.0, most=rate),
        )

    def _rate(self, t: int) -> float:
        if t >= self.steps:
            return self.minimum
        # (1 + cos a) / 2 is sin² of half of π - a, which keeps its digits near the end
        share = math.sin(math.pi / 2 * ((self.steps - t) / self.steps)) ** 2
        return self.minimum + (self.learning_rate - self.minimum) * share


@dataclass(frozen=True)
class WarmUp(_Schedule):
    """A rate that rises in a straight line, and then follows another schedule.

    The other schedule begins, with its step 0, when the rise has ended.

    Derived in chapter 14, "When to slow down?".

    Parameters
    ----------
    schedule : float, callable or mapping
        The rate to rise to, or the schedule to whose first rate to rise; a mapping is
        what `config` returned for one, with its ``"type"``.
    steps : int
        Length of the rise, at least 1: step number `steps` is the first at full rate.
    start_factor : float
        The first rate, in parts of the full one, from 0 to 1.

    Raises
    ------
    ValueError
        If an argument is out of its range.

    Examples
    --------
    >>> schedule = WarmUp(Exponential(0.5, gamma=0.5), steps=4, start_factor=0.0)
    >>> [schedule(t) for t in range(7)]
    [0.0, 0.125, 0.25, 0.375, 0.5, 0.25, 0.125]

    References
    ----------
    Equation eq-warm-up; Goyal et al., "Accurate, large minibatch SGD: Training ImageNet
    in 1 hour", 2017. PyTorch's LinearLR with `steps` for total_iters, followed by the
    other schedule in a SequentialLR.
    """

    schedule: float | Callable[[int], float] | Mapping[str, Any]
    _: KW_ONLY
    steps: int
    start_factor: float = 1 / 3

    def __post_init__(self) -> None:
        then = self.schedule
        if isinstance(then, Mapping):
            then = _made(then)
        elif not callable(then):
            then = _real("schedule", then, above=0.0)
        self._set(
            schedule=then,
            steps=_whole("steps", self.steps, least=1),
            start_factor=_real("start_factor", self.start_factor, least=0.0, most=1.0),
        )

    def _then(self, t: int) -> float:
        then = self.schedule
        return float(then(t) if callable(then) else then)  # type: ignore[arg-type]

    def _rate(self, t: int) -> float:
        if t >= self.steps:
            return self._then(t - self.steps)
        part = self.start_factor + (1 - self.start_factor) * (t / self.steps)
        return self._then(0) * part

    def config(self) -> dict[str, Any]:
        """Return the arguments, as plain values, from which an equal one is made.

        Returns
        -------
        dict
            As for the others, with another schedule as a dict of its own.

        Raises
        ------
        ValueError
            If the other schedule is none of this module.
        """
        then = self.schedule
        if isinstance(then, _Schedule):
            then = {"type": type(then).__name__, **then.config()}
        elif callable(then):
            raise ValueError(f"schedule must be of nnlib.schedules, got {then!r}")
        return {
            "schedule": then,
            "steps": self.steps,
            "start_factor": self.start_factor,
        }


def _made(config: Mapping[str, Any]) -> _Schedule:
    """Return the schedule that a mapping with its type and arguments describes."""
    kinds = {k.__name__: k for k in (InverseTime, Exponential, Step, Cosine, WarmUp)}
    values = dict(config)
    kind = kinds.get(str(values.pop("type", None)))
    if kind is None:
        raise ValueError(
            f"schedule must name its type, one of {', '.join(kinds)}, got {config!r}"
        )
    try:
        made: _Schedule = kind(**values)
    except TypeError as error:
        raise ValueError(
            f"schedule must hold the arguments of {kind.__name__}, got {values}"
        ) from error
    return made


def _whole(name: str, value: Any, *, least: int) -> int:
    """Return an integer that is large enough."""
    try:
        number = operator.index(value)
    except TypeError:
        number = least - 1
    if number < least or isinstance(value, bool):
        raise ValueError(f"{name} must be an integer, {least} or more, got {value!r}")
    return number


def _real(
    name: str,
    value: Any,
    *,
    above: float = -math.inf,
    least: float = -math.inf,
    most: float = math.inf,
) -> float:
    """Return a finite number in its range as a float."""
    limits = [f"above {above:g}"] * (above > -math.inf)
    limits += [f"at least {least:g}"] * (least > -math.inf)
    limits += [f"at most {most:g}"] * (most < math.inf)
    try:
        number = math.nan if isinstance(value, bool | str) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not (math.isfinite(number) and above < number and least <= number <= most):
        raise ValueError(
            f"{name} must be a finite number {' and '.join(limits)}, got {value!r}"
        )
    return number
