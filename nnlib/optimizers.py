"""Optimisers: rules that turn a gradient into a step of the parameters.

Each sees one vector of parameters and one of gradients, whatever they belong to.
"""

# Written by book/tools/export.py: edit the chapter, then run `make export`.

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["SGD", "AdaDelta", "AdaGrad", "Adam", "AdamW", "Optimizer", "RMSProp"]


class Optimizer:
    """What every optimiser is: it moves parameters against their gradient, in place.

    A subclass writes `update`, one step as its paper has it, and names in `slots` the
    arrays that it remembers from step to step. `step` checks what it is given, makes
    the slots at the first step, and hands everything to `update` in pieces that fit
    into the processor's cache; each rule therefore treats each entry on its own.

    Derived in chapter 10, "How big a step? full, stochastic, mini-batch".

    Parameters
    ----------
    learning_rate : float or callable
        A positive number, or a schedule: a callable from the number of the step,
        counted from 0, to a number of at least 0. May be set again at any time.

    Attributes
    ----------
    slots : tuple of str
        Names of the arrays that the rule remembers; of the class.
    block : int
        How many entries `update` is given at once at most; arrays that are not
        contiguous are given whole. Of the class.
    t : int
        How many steps have been taken.

    Raises
    ------
    ValueError
        If `learning_rate` is neither a positive number nor callable.

    Examples
    --------
    >>> class Plain(Optimizer):
    ...     def update(self, theta, grad, *, rate, t):
    ...         theta -= rate * grad
    >>> theta = np.array([1.0, 2.0])
    >>> Plain(0.1).step(theta, np.array([5.0, -5.0]))
    >>> theta
    array([0.5, 2.5])

    References
    ----------
    Equation def-descent.
    """

    slots: tuple[str, ...] = ()
    block: int = 2**15

    def __init__(self, learning_rate: float | Callable[[int], float]) -> None:
        self.learning_rate = learning_rate
        self.t = 0
        self._slots: tuple[npt.NDArray[Any], ...] = ()
        self._layout: tuple[tuple[int, ...], np.dtype[Any]] | None = None
        self._scratch: dict[int, npt.NDArray[Any]] = {}

    @property
    def learning_rate(self) -> float | Callable[[int], float]:
        """The learning rate, or the schedule that gives it."""
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float | Callable[[int], float]) -> None:
        self._learning_rate = value if callable(value) else _positive(value)

    def rate_at(self, step: int) -> float:
        """Return the learning rate of a step.

        Parameters
        ----------
        step : int
            The number of the step, counted from 0.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            If a schedule returns anything but a finite number of at least 0.
        """
        rate = self._learning_rate
        if not callable(rate):
            return rate
        given = rate(step)
        try:
            value = math.nan if isinstance(given, _NO_RATES) else float(given)
        except (OverflowError, TypeError, ValueError):
            value = math.nan
        if not 0 <= value < math.inf:
            raise ValueError(
                "learning_rate must be a finite number of at least 0 at every step, "
                f"got {given!r} at step {step}"
            )
        return value

    def start(self, slot: str, theta: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return what a slot holds before the first step: zeros, unless overridden.

        Parameters
        ----------
        slot : str
            One of `slots`.
        theta : ndarray of shape (...)
            The parameters.

        Returns
        -------
        ndarray of the shape and dtype of theta
            A new array.
        """
        del slot
        return np.zeros(theta.shape, theta.dtype)

    def beside(self, theta: npt.NDArray[Any]) -> Sequence[npt.NDArray[Any]]:
        """Return arrays that `update` is given behind the slots: none by default.

        They are cut into the same pieces, and are no part of the state: a mask, say.

        Parameters
        ----------
        theta : ndarray of shape (...)
            The parameters.

        Returns
        -------
        sequence of ndarray of the shape of theta
        """
        del theta
        return ()

    def update(
        self,
        theta: npt.NDArray[Any],
        grad: npt.NDArray[Any],
        *slots: Any,  # Any: a subclass names them
        rate: float,
        t: int,
    ) -> None:
        """Take one step with a piece of the parameters; to be defined by subclasses.

        Parameters
        ----------
        theta : ndarray of shape (...)
            A piece of the parameters, to be changed in place.
        grad : ndarray of the shape of theta
            Its gradient, which must not be changed.
        *slots : ndarray of the shape of theta
            The pieces of the slots, to be changed in place, and of what is `beside`.
        rate : float
            The learning rate of this step.
        t : int
            The number of the step, counted from 1 as in the papers.

        Raises
        ------
        NotImplementedError
            If the class does not define it.
        """
        raise NotImplementedError(f"{type(self).__name__} must define update")

    def scratch(self, like: npt.NDArray[Any], number: int = 0) -> npt.NDArray[Any]:
        """Return an array to work in, which is kept and holds leftovers.

        Parameters
        ----------
        like : ndarray of shape (...)
            The piece that `update` was given.
        number : int
            Which array, if one is not enough.

        Returns
        -------
        ndarray of the shape and dtype of like
        """
        kept = self._scratch.get(number)
        if kept is None or kept.size < like.size or kept.dtype != like.dtype:
            kept = self._scratch[number] = np.empty(like.size, like.dtype)
        if kept.shape == like.shape:
            return kept
        return kept[: like.size].reshape(like.shape)

    def step(self, theta: npt.NDArray[Any], grad: npt.NDArray[Any]) -> None:
        """Take one step: change the parameters in place.

        Parameters
        ----------
        theta : ndarray of shape (...)
            Parameters in float32 or float64, of any number of axes.
        grad : ndarray of the shape and dtype of theta
            The gradient there. It is not changed.

        Raises
        ------
        ValueError
            If `theta` or `grad` is not such an array, if they share memory or `theta`
            cannot be written, if shape or dtype are not those of the first step, or
            if a schedule returns no learning rate. Then nothing is changed.

        References
        ----------
        Equation def-descent.
        """
        _check_vectors(theta, grad)
        if self._layout is None:
            slots = tuple(self.start(name, theta) for name in self.slots)
            layout = (theta.shape, theta.dtype)
        else:
            slots, layout = self._slots, self._layout
            if theta.shape != layout[0] or theta.dtype != layout[1]:
                raise ValueError(
                    f"theta must have shape {layout[0]} and dtype {layout[1]}, as at "
                    f"the first step, got {theta.shape} and {theta.dtype}"
                )
        rate = self.rate_at(self.t)
        arrays = (theta, grad, *slots, *self.beside(theta))
        self._slots, self._layout = slots, layout
        self.t += 1
        size, block = theta.size, self.block
        if size <= block or not all(a.flags.c_contiguous for a in arrays):
            self.update(*arrays, rate=rate, t=self.t)
            return
        flat = [a.reshape(-1) for a in arrays]
        for at in range(0, size, block):
            self.update(*[a[at : at + block] for a in flat], rate=rate, t=self.t)

    def state(self) -> dict[str, Any]:
        """Return what steps change, and the learning rate, as plain values and copies.

        Returns
        -------
        dict
            The number of steps "t"; "learning_rate", or None for a schedule; "shape"
            and "dtype" of the parameters, or None before the first step; and "slots",
            the arrays by name. What the class was made with beside the rate, such as a
            momentum or a schedule, is not among it.
        """
        rate, layout = self._learning_rate, self._layout
        names = self.slots if layout else ()
        return {
            "t": self.t,
            "learning_rate": None if callable(rate) else rate,
            "shape": list(layout[0]) if layout else None,
            "dtype": layout[1].name if layout else None,
            "slots": {n: a.copy() for n, a in zip(names, self._slots, strict=True)},
        }

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned.

        Parameters
        ----------
        state : mapping
            What `state` of an optimiser with the same slots returned.

        Raises
        ------
        ValueError
            If it is anything else, or holds a learning rate where this optimiser has a
            schedule, or the other way round. Then nothing is changed.
        """
        t, rate, layout, slots = self._read(state)
        self.t, self._layout, self._slots = t, layout, slots
        if rate is not None:
            self.learning_rate = rate

    def _read(
        self, state: Any
    ) -> tuple[int, float | None, tuple[Any, Any] | None, tuple[Any, ...]]:
        """Return steps, rate, layout and slots of a state, all of it checked."""
        keys = ("t", "learning_rate", "shape", "dtype", "slots")
        if not isinstance(state, Mapping) or set(state) != set(keys):
            got = sorted(map(str, state)) if isinstance(state, Mapping) else repr(state)
            raise ValueError(f"state must hold {', '.join(keys)}, got {got}")
        t, rate, slots = state["t"], state["learning_rate"], state["slots"]
        if not isinstance(t, int) or isinstance(t, bool) or t < 0:
            raise ValueError(f"state must hold t, an int of at least 0, got {t!r}")
        if (rate is None) != callable(self._learning_rate):
            kinds = ("a learning rate", "a schedule")
            want, got = kinds if rate is None else kinds[::-1]
            raise ValueError(f"this optimizer has {want}, the state is of {got}")
        if rate is not None:
            rate = _positive(rate)
        names = self.slots if state["shape"] is not None else ()
        if not isinstance(slots, Mapping) or set(slots) != set(names):
            got = sorted(map(str, slots)) if isinstance(slots, Mapping) else repr(slots)
            raise ValueError(f"state must hold the slots {list(names)}, got {got}")
        if state["shape"] is None:
            if t or state["dtype"] is not None:
                raise ValueError("state must hold shape and dtype after a step")
            return t, rate, None, ()
        if state["dtype"] not in ("float32", "float64"):
            raise ValueError(f"state must hold a dtype, got {state['dtype']!r}")
        given = state["shape"]
        shape = tuple(given) if isinstance(given, list | tuple) else None
        if shape is None or not all(type(n) is int and n >= 0 for n in shape):
            raise ValueError(f"state must hold a shape, got {given!r}")
        dtype = np.dtype(state["dtype"])
        arrays = tuple(np.asarray(slots[name]) for name in names)
        for name, array in zip(names, arrays, strict=True):
            if array.shape != shape or array.dtype != dtype:
                raise ValueError(
                    f"slot {name} must have shape {shape} and dtype {dtype}, "
                    f"got {array.shape} and {array.dtype}"
                )
        copies = tuple(np.array(array, order="C") for array in arrays)
        return t, rate, (shape, dtype), copies

    def __getstate__(self) -> dict[str, Any]:
        """Return all but what the scratch arrays hold."""
        return {**self.__dict__, "_scratch": {}}


_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))

_NO_RATES = (bool, np.bool_, str, bytes)  # though float() takes them


def _positive(value: Any) -> float:
    """Return a learning rate as a float."""
    try:
        rate = math.nan if isinstance(value, _NO_RATES) else float(value)
    except (OverflowError, TypeError, ValueError):
        rate = math.nan
    if not 0 < rate < math.inf:
        raise ValueError(
            "learning_rate must be a positive number or a callable from the step "
            f"number, got {value!r}"
        )
    return rate


def _check_vectors(theta: Any, grad: Any) -> None:
    """Refuse anything but two arrays of floats that fit together."""
    if not isinstance(theta, np.ndarray) or theta.dtype not in _FLOATS:
        raise ValueError(
            f"theta must be a float32 or float64 array, got {_kind(theta)}"
        )
    if not isinstance(grad, np.ndarray) or grad.dtype != theta.dtype:
        raise ValueError(f"grad must be an array of {theta.dtype}, got {_kind(grad)}")
    if grad.shape != theta.shape:
        raise ValueError(f"grad must have shape {theta.shape}, got {grad.shape}")
    if not theta.flags.writeable:
        raise ValueError("theta must be writeable: it is changed in place")
    if np.may_share_memory(theta, grad) and np.shares_memory(theta, grad):
        raise ValueError("theta and grad must not share memory")


def _kind(value: Any) -> str:
    """Say what something is, in a message."""
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype}"
    return f"a {type(value).__name__}"


class SGD(Optimizer):
    """Descend along the gradient, or along a fading sum of all gradients so far.

    The rule is PyTorch's: the sum, called velocity, holds gradients, and the learning
    rate of the moment multiplies all of it.

    Derived in chapter 11, "What does momentum buy?".

    Parameters
    ----------
    learning_rate : float or callable
        With momentum and no dampening, a gradient that stays moves the parameters in
        the end by learning_rate / (1 - momentum) times itself in each step.
    momentum : float
        What is kept of the velocity at each step, at least 0 and below 1. With 0
        nothing is remembered, and no velocity is stored. Fixed when the optimiser is
        made.
    dampening : float
        The share of each gradient that is left out of the velocity, at least 0 and
        below 1; not of the first, which is the first velocity. With
        dampening = momentum, the velocity is an average. Without momentum it has no
        effect.
    nesterov : bool
        Whether to take the gradient ahead, where the velocity leads. The parameters
        are then those ahead. Needs momentum, and no dampening.
    weight_decay : float
        This times the parameters is added to the gradient, at least 0.

    Raises
    ------
    ValueError
        If an argument is none of these.

    Examples
    --------
    >>> theta, optimizer = np.array([0.0]), SGD(0.1, momentum=0.9)
    >>> for _ in range(3):
    ...     optimizer.step(theta, np.array([1.0]))
    ...     print(theta.round(3))
    [-0.1]
    [-0.29]
    [-0.561]

    References
    ----------
    Equations def-momentum, eq-nesterov-pytorch and eq-dampening; Polyak, "Some methods
    of speeding up the convergence of iteration methods", 1964; Sutskever, Martens,
    Dahl and Hinton, "On the importance of initialization and momentum in deep
    learning", 2013, where the velocity holds the learning rate: eq-conventions.
    """

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = 0.001,
        *,
        momentum: float = 0.0,
        dampening: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(learning_rate)
        self.momentum = _option("momentum", momentum, below=1.0)
        self.dampening = _option("dampening", dampening, below=1.0)
        self.weight_decay = _option("weight_decay", weight_decay)
        if not isinstance(nesterov, bool | np.bool_):
            raise ValueError(f"nesterov must be True or False, got {nesterov!r}")
        if nesterov and not (self.momentum and not self.dampening):
            raise ValueError(
                "nesterov needs momentum above 0 and dampening 0, "
                f"got {self.momentum:g} and {self.dampening:g}"
            )
        self.nesterov = bool(nesterov)
        if self.momentum:
            self.slots = ("velocity",)

    def update(
        self,
        theta: npt.NDArray[Any],
        grad: npt.NDArray[Any],
        *slots: npt.NDArray[Any],
        rate: float,
        t: int,
    ) -> None:
        """Take one step with a piece of the parameters.

        Parameters
        ----------
        theta : ndarray of shape (...)
            A piece of the parameters, to be changed in place.
        grad : ndarray of the shape of theta
            Its gradient.
        *slots : ndarray of the shape of theta
            The velocity, if there is momentum.
        rate : float
            The learning rate of this step.
        t : int
            The number of the step, counted from 1.
        """
        work = self.scratch(theta)
        grad = _with_l2(self, theta, grad, self.weight_decay)
        for velocity in slots:
            if t == 1:
                velocity[...] = grad
            else:
                velocity *= self.momentum
                if self.dampening:
                    velocity += np.multiply(grad, 1 - self.dampening, out=work)
                else:
                    velocity += grad
            if self.nesterov:
                np.multiply(velocity, self.momentum, out=work)
                grad = np.add(work, grad, out=work)
            else:
                grad = velocity
        np.multiply(grad, rate, out=work)
        theta -= work


def _option(name: str, value: Any, *, below: float = math.inf) -> float:
    """Return an option as a float of at least 0 and below something."""
    try:
        odd = isinstance(value, bool | np.bool_ | str | bytes)
        number = math.nan if odd else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not 0 <= number < below:
        limit = "finite" if below == math.inf else f"below {below:g}"
        raise ValueError(
            f"{name} must be a number of at least 0 and {limit}, got {value!r}"
        )
    return number


def _with_l2(
    optimizer: Optimizer,
    theta: npt.NDArray[Any],
    grad: npt.NDArray[Any],
    strength: float,
) -> npt.NDArray[Any]:
    """Return the gradient with that of an L2 penalty added, in a scratch array."""
    if not strength:
        return grad
    pull = optimizer.scratch(theta, 1)
    np.multiply(theta, strength, out=pull)
    pull += grad
    return pull


class AdaGrad(Optimizer):
    """Divide each entry's gradient by the root of the sum of its squares so far.

    Derived in chapter 12, "One rate for every weight?".

    Parameters
    ----------
    learning_rate : float or callable
        The length of an entry's first step, where the sum starts at 0 and epsilon is
        small beside the gradient.
    learning_rate_decay : float
        Before step t, counted from 1, the rate is divided by
        1 + learning_rate_decay * (t - 1); at least 0. It falls by plan, whatever the
        gradients are, and on top of what the sums do.
    initial_accumulator : float
        Where the sums start; at least 0. Keras starts at 0.1, which makes the first
        steps of small gradients shorter; the paper and PyTorch start at 0.
    epsilon : float
        Added to the root, as in the paper and in PyTorch; at least 0. Keras has 1e-7
        under the root. An entry that never had a gradient stays where it is, also
        with 0.
    weight_decay : float
        This times the parameters is added to the gradient: L2, as in PyTorch; at
        least 0. Keras shrinks the parameters beside the step instead.

    Raises
    ------
    ValueError
        If an argument is none of these.

    Notes
    -----
    The defaults are PyTorch's; the default rate of Keras is 0.001. The paper also has
    a version with a whole matrix of products of gradients, and a projection onto a
    set of allowed parameters; this is its diagonal version without a projection.
    A gradient whose square overflows, above 1.8e19 in float32, stops its entry for
    good.

    Examples
    --------
    >>> theta, optimizer = np.array([0.0, 0.0]), AdaGrad(1.0)
    >>> for _ in range(4):
    ...     optimizer.step(theta, np.array([100.0, -0.01]))
    >>> theta.round(4)  # 1 + 1/√2 + 1/√3 + 1/√4 = 2.7845
    array([-2.7845,  2.7845])

    References
    ----------
    Equations def-adagrad, eq-adagrad-sqrt and eq-rates-scale; Duchi, Hazan and Singer,
    "Adaptive subgradient methods for online learning and stochastic optimization",
    2011.
    """

    slots: tuple[str, ...] = ("squares",)

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = 0.01,
        *,
        learning_rate_decay: float = 0.0,
        initial_accumulator: float = 0.0,
        epsilon: float = 1e-10,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(learning_rate)
        self.learning_rate_decay = _option("learning_rate_decay", learning_rate_decay)
        self.initial_accumulator = _option("initial_accumulator", initial_accumulator)
        self.epsilon = _option("epsilon", epsilon)
        self.weight_decay = _option("weight_decay", weight_decay)

    def start(self, slot: str, theta: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return what the sums of squares hold before the first step.

        Parameters
        ----------
        slot : str
            One of `slots`.
        theta : ndarray of shape (...)
            The parameters.

        Returns
        -------
        ndarray of the shape and dtype of theta
            Filled with `initial_accumulator`.
        """
        del slot
        return np.full(theta.shape, self.initial_accumulator, theta.dtype)

    def update(
        self,
        theta: npt.NDArray[Any],
        grad: npt.NDArray[Any],
        *slots: Any,
        rate: float,
        t: int,
    ) -> None:
        """Take one step with a piece of the parameters.

        Parameters
        ----------
        theta : ndarray of shape (...)
            A piece of the parameters, to be changed in place.
        grad : ndarray of the shape of theta
            Its gradient.
        *slots : ndarray of the shape of theta
            The sums of squares.
        rate : float
            The learning rate of this step.
        t : int
            The number of the step, counted from 1.
        """
        (squares,) = slots
        work = self.scratch(theta)
        grad = _with_l2(self, theta, grad, self.weight_decay)
        squares += np.multiply(grad, grad, out=work)
        _root(squares, self.epsilon, out=work)
        np.divide(grad, work, out=work)
        work *= rate / (1 + self.learning_rate_decay * (t - 1))
        theta -= work


class RMSProp(Optimizer):
    """Divide each entry's gradient by the root of a moving average of its squares.

    Derived in chapter 12, "One rate for every weight?".

    Parameters
    ----------
    learning_rate : float or callable
        About how far an entry moves in a step while its gradient keeps its size,
        after the first steps, without momentum and not centred. Momentum makes that
        up to 1 / (1 - momentum) times as far.
    rho : float
        Memory of the average, at least 0 and below 1: about 1 / (1 - rho) steps.
        PyTorch calls it alpha, with this default 0.99; Hinton's lecture and Keras
        have 0.9. It is no decay of the learning rate. (TensorFlow 1 called it decay,
        and Keras once had a parameter decay that was one of the rate.)
    epsilon : float
        Added to the root, as in PyTorch; at least 0. Keras has 1e-7 under the root,
        Graves' paper 1e-4. An entry that never had a gradient stays where it is, also
        with 0.
    momentum : float
        At least 0 and below 1. The divided gradients v are summed as
        velocity = momentum * velocity + v, and the step is learning_rate * velocity,
        as in PyTorch. (Keras multiplies by the rate before it sums, which differs
        when the rate changes.)
    centered : bool
        Whether to divide by the root of the variance, the average of squares minus
        the square of the average. It is updated in a form that cannot turn negative;
        PyTorch subtracts, and gives nan where rounding makes that negative. Needs a
        positive rho. Where a gradient never changes its variance falls to 0, and
        steps grow until epsilon or rounding stops them.
    weight_decay : float
        This times the parameters is added to the gradient: L2, as in PyTorch; at
        least 0. Keras shrinks the parameters beside the step instead.

    Raises
    ------
    ValueError
        If an argument is none of these.

    Notes
    -----
    The averages start at 0 and are not corrected, so the first step has the length
    learning_rate / sqrt(1 - rho), ten times the rate by default. The default rate of
    Keras is 0.001. A gradient whose square overflows, above 1.8e19 in float32, leaves
    an infinite average, with which its entry stops for good (it becomes nan if rho is
    0).

    Examples
    --------
    >>> theta, optimizer = np.array([0.0, 0.0]), RMSProp(0.1, rho=0.75)
    >>> optimizer.step(theta, np.array([100.0, -0.01]))
    >>> theta.round(4)
    array([-0.2,  0.2])

    References
    ----------
    Equations def-rms, eq-rms-step and eq-rms-variance; Tieleman and Hinton, "Lecture
    6.5: rmsprop", 2012; for `centered`, Graves, "Generating sequences with recurrent
    neural networks", 2013.
    """

    slots: tuple[str, ...] = ("squares",)

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = 0.01,
        *,
        rho: float = 0.99,
        epsilon: float = 1e-8,
        momentum: float = 0.0,
        centered: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(learning_rate)
        self.rho = _option("rho", rho, below=1.0)
        self.epsilon = _option("epsilon", epsilon)
        self.momentum = _option("momentum", momentum, below=1.0)
        self.weight_decay = _option("weight_decay", weight_decay)
        if not isinstance(centered, bool | np.bool_):
            raise ValueError(f"centered must be True or False, got {centered!r}")
        self.centered = bool(centered)
        if self.centered and not self.rho:
            raise ValueError(
                "rho must be positive if centered: one value has no variance"
            )
        averages = ("variances", "means") if self.centered else ("squares",)
        self.slots = averages + (("velocity",) if self.momentum else ())

    def update(
        self,
        theta: npt.NDArray[Any],
        grad: npt.NDArray[Any],
        *slots: Any,
        rate: float,
        t: int,
    ) -> None:
        """Take one step with a piece of the parameters.

        Parameters
        ----------
        theta : ndarray of shape (...)
            A piece of the parameters, to be changed in place.
        grad : ndarray of the shape of theta
            Its gradient.
        *slots : ndarray of the shape of theta
            The average squares, or variances and means; with momentum, the velocity.
        rate : float
            The learning rate of this step.
        t : int
            The number of the step, which this rule does not need.
        """
        del t
        squares, work, new = slots[0], self.scratch(theta), 1 - self.rho
        grad = _with_l2(self, theta, grad, self.weight_decay)
        if self.centered:
            gap = np.subtract(grad, slots[1], out=self.scratch(theta, 2))
            slots[1][...] += np.multiply(gap, new, out=work)
            work *= gap
            squares += work  # old variance + (1 - rho) gap²
            squares *= self.rho
        else:
            np.multiply(grad, grad, out=work)
            work *= new
            squares *= self.rho
            squares += work
        _root(squares, self.epsilon, out=work)
        np.divide(grad, work, out=work)
        if self.momentum:
            velocity = slots[-1]
            velocity *= self.momentum
            velocity += work
            np.multiply(velocity, rate, out=work)
        else:
            work *= rate
        theta -= work


class AdaDelta(Optimizer):
    """Measure a step by past steps, and a gradient by past gradients.

    The gradient is divided by the root of a moving average of its squares, and
    multiplied by that of the squares of the steps before it, which gives a step the
    unit of the parameters.

    Derived in chapter 12, "One rate for every weight?".

    Parameters
    ----------
    learning_rate : float or callable
        A factor of the step, 1 in the paper, which has no such parameter. The average
        is of steps without this factor.
    rho : float
        Memory of both averages, at least 0 and below 1. The paper and Keras use 0.95,
        PyTorch 0.9.
    epsilon : float
        Added under both roots, as in the paper, in PyTorch and in Keras, where it is
        1e-7. It decides how long the first steps are, and must be positive: at 0
        nothing would ever move.
    weight_decay : float
        This times the parameters is added to the gradient: L2, as in PyTorch; at
        least 0. Keras shrinks the parameters beside the step instead.

    Raises
    ------
    ValueError
        If an argument is none of these.

    Notes
    -----
    The default rate of Keras is 0.001, with which this rule hardly moves. A gradient
    whose square overflows, above 1.8e19 in float32, leaves an infinite average, with
    which its entry stops for good (it becomes nan if rho is 0).

    Examples
    --------
    >>> theta, optimizer = np.array([0.0, 0.0]), AdaDelta(rho=0.75, epsilon=1e-4)
    >>> optimizer.step(theta, np.array([100.0, -100.0]))
    >>> theta.round(4)
    array([-0.02,  0.02])

    References
    ----------
    Equations def-adadelta and eq-adadelta-first; Zeiler, "ADADELTA: an adaptive
    learning rate method", 2012.
    """

    slots: tuple[str, ...] = ("squares", "steps")

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = 1.0,
        *,
        rho: float = 0.9,
        epsilon: float = 1e-6,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(learning_rate)
        self.rho = _option("rho", rho, below=1.0)
        self.epsilon = _option("epsilon", epsilon)
        tiny = float(np.finfo(np.float32).tiny)
        if self.epsilon < tiny:
            raise ValueError(
                f"epsilon must be positive, at least {tiny:.3g}, got {epsilon!r}: "
                "without it nothing moves"
            )
        self.weight_decay = _option("weight_decay", weight_decay)

    def update(
        self,
        theta: npt.NDArray[Any],
        grad: npt.NDArray[Any],
        *slots: Any,
        rate: float,
        t: int,
    ) -> None:
        """Take one step with a piece of the parameters.

        Parameters
        ----------
        theta : ndarray of shape (...)
            A piece of the parameters, to be changed in place.
        grad : ndarray of the shape of theta
            Its gradient.
        *slots : ndarray of the shape of theta
            The average squares of gradients and of steps.
        rate : float
            The learning rate of this step.
        t : int
            The number of the step, which this rule does not need.
        """
        del t
        squares, steps = slots
        work, delta, new = self.scratch(theta), self.scratch(theta, 2), 1 - self.rho
        grad = _with_l2(self, theta, grad, self.weight_decay)
        np.multiply(grad, grad, out=work)
        work *= new
        squares *= self.rho
        squares += work
        np.add(squares, self.epsilon, out=work)
        np.sqrt(work, out=work)
        np.add(steps, self.epsilon, out=delta)
        np.sqrt(delta, out=delta)
        delta /= work
        delta *= grad
        np.multiply(delta, delta, out=work)
        work *= new
        steps *= self.rho
        steps += work
        delta *= rate
        theta -= delta


def _root(
    squares: npt.NDArray[Any], epsilon: float, *, out: npt.NDArray[Any]
) -> npt.NDArray[Any]:
    """Return the roots plus epsilon, without a zero to divide by."""
    np.sqrt(squares, out=out)
    if out.dtype.type(epsilon):
        out += epsilon
    else:  # where no gradient ever was, 0 / 1 instead of 0 / 0
        out[out == 0] = 1
    return out


class Adam(Optimizer):
    """Divide an average of the gradients by the root of an average of their squares.

    Both averages are weighted, an older gradient counting less, and each is divided by
    the sum of its weights, so that from the first step on their expectations are right
    where gradients are stationary.

    Derived in chapter 13, "Why does Adam correct its averages?".

    Parameters
    ----------
    learning_rate : float or callable
        About how far an entry moves in a step while its gradient stays as it is.
    beta1, beta2 : float
        Memory of the average gradient and of the average square, at least 0 and below
        1. Both stay as they are given.
    epsilon : float
        Added to the root, after the correction, as the paper's algorithm 1 and PyTorch
        have it; at least 0. Keras, with 1e-7, adds it before the correction: the
        paper's "epsilon hat", which counts up to 32 times as much at first. An entry
        that never had a gradient stays where it is, also with 0. Gradients whose
        squares underflow (below 3e-23 in float32) then count as none.
    amsgrad : bool
        Whether to divide by the root of the largest average square so far. The largest
        is taken before the correction, as in PyTorch's code: while 1 - beta2**t grows,
        the root may still fall.
    weight_decay : float
        This times the parameters is added to the gradient: L2, as in PyTorch's Adam;
        at least 0. It is divided by the root too, so it is not weight decay: see AdamW.

    Raises
    ------
    ValueError
        If an argument is none of these.

    Examples
    --------
    >>> theta = np.array([1.0, 1.0, 1.0])
    >>> Adam(0.1).step(theta, np.array([1000.0, -0.001, 0.0]))
    >>> theta.round(6)
    array([0.9     , 1.099999, 1.      ])

    References
    ----------
    Equations eq-adam-weighted and eq-adam-scalars; Kingma and Ba, "Adam: a method for
    stochastic optimization", 2015, in an order of operations like that just before its
    section 2.1; Reddi, Kale and Kumar, "On the convergence of Adam and beyond", 2018.
    """

    slots: tuple[str, ...] = ("sums", "squares")
    block: int = 2**16  # measured: up to a tenth faster than in smaller pieces

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = 0.001,
        *,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        amsgrad: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(learning_rate)
        self.beta1 = _option("beta1", beta1, below=1.0)
        self.beta2 = _option("beta2", beta2, below=1.0)
        self.epsilon = _option("epsilon", epsilon)
        self.weight_decay = _option("weight_decay", weight_decay)
        if not isinstance(amsgrad, bool | np.bool_):
            raise ValueError(f"amsgrad must be True or False, got {amsgrad!r}")
        self.amsgrad = bool(amsgrad)
        if self.amsgrad:
            self.slots = ("sums", "squares", "largest")

    def update(
        self,
        theta: npt.NDArray[Any],
        grad: npt.NDArray[Any],
        *slots: Any,
        rate: float,
        t: int,
    ) -> None:
        """Take one step with a piece of the parameters.

        Parameters
        ----------
        theta : ndarray of shape (...)
            A piece of the parameters, to be changed in place.
        grad : ndarray of the shape of theta
            Its gradient.
        *slots : ndarray of the shape of theta
            The weighted sums of gradients and of their squares, which are the paper's
            m / (1 - beta1) and v / (1 - beta2), and for AMSGrad the largest of these.
        rate : float
            The learning rate of this step.
        t : int
            The number of the step, counted from 1.
        """
        grad = _with_l2(self, theta, grad, self.weight_decay)
        self._move(theta, grad, *slots, rate=rate, t=t)

    def _move(
        self,
        theta: npt.NDArray[Any],
        grad: npt.NDArray[Any],
        sums: npt.NDArray[Any],
        squares: npt.NDArray[Any],
        *largest: npt.NDArray[Any],
        rate: float,
        t: int,
    ) -> None:
        """Move as the averages say: ten passes; new arrays at epsilon 0 only."""
        work = self.scratch(theta)
        sums *= self.beta1
        sums += grad
        squares *= self.beta2
        squares += np.multiply(grad, grad, out=work)
        for kept in largest:
            squares = np.maximum(kept, squares, out=kept)
        # The sums of the weights; of the second, the root.
        first = (1 - self.beta1**t) / (1 - self.beta1)
        second = math.sqrt((1 - self.beta2**t) / (1 - self.beta2))
        _root(squares, self.epsilon * second, out=work)
        np.divide(sums, work, out=work)
        work *= rate * second / first
        theta -= work


class AdamW(Adam):
    """Adam with weight decay: parameters shrink by a factor, apart from the gradient.

    Derived in chapter 13, "Why does Adam correct its averages?".

    Parameters
    ----------
    learning_rate : float or callable
    beta1, beta2 : float
    epsilon : float
    amsgrad : bool
        As for Adam.
    weight_decay : float
        In each step, learning_rate * weight_decay of each parameter is taken away; at
        least 0. In the paper it is multiplied by the schedule alone, not by the
        learning rate that the schedule scales.
    decay_mask : array_like of bool, of the shape of theta, optional
        Where parameters decay; by default everywhere. ``model.mask("W")`` spares
        biases.

    Raises
    ------
    ValueError
        If an argument is none of these; and in `step`, if the mask has another shape
        than the parameters.

    Examples
    --------
    >>> theta = np.array([1.0, 1.0])
    >>> optimizer = AdamW(0.1, weight_decay=0.5, decay_mask=[True, False])
    >>> optimizer.step(theta, np.zeros(2))
    >>> theta
    array([0.95, 1.  ])

    References
    ----------
    Equation eq-adamw; Loshchilov and Hutter, "Decoupled weight decay regularization",
    2019.
    """

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = 0.001,
        *,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        amsgrad: bool = False,
        weight_decay: float = 0.01,
        decay_mask: npt.ArrayLike | None = None,
    ) -> None:
        super().__init__(
            learning_rate,
            beta1=beta1,
            beta2=beta2,
            epsilon=epsilon,
            amsgrad=amsgrad,
            weight_decay=weight_decay,
        )
        self._mask: npt.NDArray[Any] | None = None
        if decay_mask is not None:
            mask = np.array(decay_mask, order="C")
            if mask.dtype != np.bool_:
                raise ValueError(
                    f"decay_mask must hold booleans, got dtype {mask.dtype}"
                )
            self._mask = mask

    def beside(self, theta: npt.NDArray[Any]) -> Sequence[npt.NDArray[Any]]:
        """Return the mask, as zeros and ones, if there is one.

        Parameters
        ----------
        theta : ndarray of shape (...)
            The parameters.

        Returns
        -------
        sequence of ndarray of the shape of theta

        Raises
        ------
        ValueError
            If the mask has another shape.
        """
        if self._mask is None:
            return ()
        if self._mask.shape != theta.shape:
            raise ValueError(
                f"decay_mask must have the shape of theta, {theta.shape}, "
                f"got {self._mask.shape}"
            )
        if self._mask.dtype != theta.dtype:
            self._mask = self._mask.astype(theta.dtype)
        return (self._mask,)

    def update(
        self,
        theta: npt.NDArray[Any],
        grad: npt.NDArray[Any],
        *slots: Any,
        rate: float,
        t: int,
    ) -> None:
        """Take one step with a piece of the parameters: shrink it, then move it.

        Parameters
        ----------
        theta : ndarray of shape (...)
            A piece of the parameters, to be changed in place.
        grad : ndarray of the shape of theta
            Its gradient.
        *slots : ndarray of the shape of theta
            As for Adam, and the mask, if there is one.
        rate : float
            The learning rate of this step.
        t : int
            The number of the step, counted from 1.
        """
        count = len(self.slots)
        if self.weight_decay:
            part = self.scratch(theta)
            np.multiply(theta, rate * self.weight_decay, out=part)
            for mask in slots[count:]:
                part *= mask
            theta -= part
        self._move(theta, grad, *slots[:count], rate=rate, t=t)
