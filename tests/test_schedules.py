"""The schedules: values worked out by hand or with 50 digits, sums, and refusals."""

import copy
import json
import math
import pickle
from fractions import Fraction

import mpmath as mp
import numpy as np
import pytest

from nnlib.optimizers import Optimizer
from nnlib.schedules import Cosine, Exponential, InverseTime, Step, WarmUp

ALL = [
    InverseTime(0.5, decay=0.1),
    InverseTime(0.5, decay=0.1, power=0.5),
    Exponential(0.3, gamma=0.9),
    Step(0.3, every=7),
    Cosine(0.3, steps=50, minimum=0.01),
    WarmUp(0.3, steps=5),
    WarmUp(Cosine(0.3, steps=20), steps=5, start_factor=0.1),
    WarmUp(WarmUp(Step(0.3, every=3, gamma=0.5), steps=2), steps=4, start_factor=0.0),
]


def test_inverse_time_is_exact_in_fractions():
    for t in (0, 1, 7, 90, 10**9):
        want = Fraction(1, 2) / (1 + Fraction(1, 8) * t)
        assert InverseTime(0.5, decay=0.125)(t) == pytest.approx(float(want), rel=4e-16)


@pytest.mark.parametrize("power", [0.5, 0.75, 1.0, 2.0, 40.0])
def test_inverse_time_has_the_power_that_is_asked_for(power):
    mp.mp.dps = 30
    schedule = InverseTime(0.3, decay=0.7, power=power)
    for t in (0, 1, 10, 1000):
        want = mp.mpf(0.3) / (1 + mp.mpf(0.7) * t) ** mp.mpf(power)
        assert schedule(t) == pytest.approx(float(want), rel=3e-14)


def test_inverse_time_halves_at_the_reciprocal_of_decay():
    assert InverseTime(0.8, decay=0.01)(100) == 0.4


def test_exponential_falls_by_one_factor():
    rate, want = Exponential(0.75, gamma=0.5), Fraction(3, 4)
    for t in range(40):
        assert rate(t) == want
        want /= 2
    assert Exponential(0.1, gamma=0.9)(10**7) == 0.0  # underflows without a word
    assert Exponential(0.1, gamma=1)(10**7) == 0.1


def test_step_falls_at_the_first_step_of_each_stair():
    rate = Step(8.0, every=3, gamma=0.5)
    assert [rate(t) for t in range(10)] == [8, 8, 8, 4, 4, 4, 2, 2, 2, 1]
    assert Step(1.0, every=2)(2) == 0.1


def test_cosine_is_half_a_wave_and_then_stays():
    mp.mp.dps = 30
    rate = Cosine(0.3, steps=9, minimum=0.1)
    for t in range(10):
        want = 0.1 + mp.mpf("0.2") * (1 + mp.cos(mp.pi * t / 9)) / 2
        assert rate(t) == pytest.approx(float(want), rel=1e-14)
    assert rate(0) == pytest.approx(0.3, rel=1e-15)
    assert rate(9) == rate(10) == rate(10**9) == 0.1
    assert sum(rate(t) for t in range(9)) == pytest.approx(9 * 0.2 + 0.1, rel=1e-14)


def test_cosine_keeps_its_digits_near_the_end():
    mp.mp.dps = 60
    rate, steps = Cosine(1.0, steps=10**9), 10**9
    want = (1 + mp.cos(mp.pi * mp.mpf(steps - 3) / steps)) / 2
    assert rate(steps - 3) == pytest.approx(float(want), rel=1e-14)


def test_warm_up_rises_and_hands_over():
    rate = WarmUp(Step(8.0, every=2, gamma=0.5), steps=4, start_factor=0.25)
    assert [rate(t) for t in range(9)] == [2, 3.5, 5, 6.5, 8, 8, 4, 4, 2]
    assert WarmUp(3.0, steps=2)(0) == pytest.approx(1.0)
    assert WarmUp(3.0, steps=2)(77) == 3.0
    assert WarmUp(lambda t: 1 / (t + 1), steps=2, start_factor=0)(3) == 0.5
    flat = WarmUp(2.0, steps=3, start_factor=1)
    assert [flat(t) for t in range(5)] == [2.0] * 5


@pytest.mark.parametrize("schedule", ALL, ids=repr)
def test_config_copies_pickles_and_repr_make_an_equal_one(schedule):
    others = [
        type(schedule)(**schedule.config()),
        type(schedule)(**json.loads(json.dumps(schedule.config()))),
        copy.deepcopy(schedule),
        pickle.loads(pickle.dumps(schedule)),
        eval(repr(schedule)),
    ]
    for other in others:
        assert (other, hash(other)) == (schedule, hash(schedule))
        assert [other(t) for t in range(60)] == [schedule(t) for t in range(60)]


@pytest.mark.parametrize("schedule", ALL, ids=repr)
def test_a_call_returns_a_float_and_leaves_no_trace(schedule):
    rates = [schedule(t) for t in range(60)]
    assert all(
        type(rate) is float and math.isfinite(rate) and rate >= 0 for rate in rates
    )
    assert [schedule(t) for t in reversed(range(60))] == rates[::-1]
    assert schedule(np.int64(7)) == schedule(7)
    with pytest.raises(AttributeError):
        schedule.steps = 3


def test_numbers_of_any_kind_are_kept_as_floats():
    schedule = Cosine(np.float32(0.5), steps=np.int32(4), minimum=0)
    assert repr(schedule) == "Cosine(learning_rate=0.5, steps=4, minimum=0.0)"


@pytest.mark.parametrize("step", [-1, 1.5, 2.0, None, True, "3"])
def test_a_step_that_is_none_is_refused(step):
    with pytest.raises(ValueError, match="step must be an integer, 0 or more, got"):
        ALL[0](step)


REFUSED = [
    (InverseTime, {"decay": 0}, "decay must be a finite number above 0, got 0"),
    (InverseTime, {"decay": math.nan}, "decay must be"),
    (InverseTime, {"decay": 1, "power": -1}, "power must be"),
    (InverseTime, {"decay": 1, "learning_rate": 0}, "learning_rate must be"),
    (Exponential, {"gamma": 1.1}, "gamma must be .* above 0 and at most 1, got 1.1"),
    (Exponential, {"gamma": 0}, "gamma must be"),
    (Exponential, {"gamma": 0.5, "learning_rate": math.inf}, "learning_rate must be"),
    (Exponential, {"gamma": 0.5, "learning_rate": True}, "learning_rate must be"),
    (Step, {"every": 0}, "every must be an integer, 1 or more, got 0"),
    (Step, {"every": 2.5}, "every must be"),
    (Step, {"every": 2, "gamma": "0.1"}, "gamma must be"),
    (Cosine, {"steps": 0}, "steps must be an integer, 1 or more"),
    (Cosine, {"steps": 9, "minimum": 0.7}, "minimum must be .* at most 0.5, got 0.7"),
    (Cosine, {"steps": 9, "minimum": -1}, "minimum must be .* at least 0"),
    (WarmUp, {"steps": 0}, "steps must be"),
    (WarmUp, {"steps": 3, "start_factor": 1.5}, "start_factor must be"),
    (WarmUp, {"steps": 3, "schedule": "fast"}, "schedule must be a finite number"),
    (WarmUp, {"steps": 3, "schedule": {"type": "Sine"}}, "schedule must name its type"),
    (WarmUp, {"steps": 3, "schedule": {"type": "Step"}}, "the arguments of Step"),
]


@pytest.mark.parametrize(("kind", "given", "reason"), REFUSED)
def test_bad_arguments_are_refused(kind, given, reason):
    first = given.get("learning_rate", given.get("schedule", 0.5))
    rest = {k: v for k, v in given.items() if k not in ("learning_rate", "schedule")}
    with pytest.raises(ValueError, match=reason):
        kind(first, **rest)


def test_a_schedule_of_ones_own_has_no_config():
    with pytest.raises(ValueError, match=r"schedule must be of nnlib\.schedules"):
        WarmUp(lambda t: 0.1, steps=3).config()


def test_an_optimizer_asks_for_each_step():
    class Plain(Optimizer):
        def update(self, theta, grad, *, rate, t):  # noqa: ARG002
            theta -= rate * grad

    theta, optimizer = np.zeros(1), Plain(Step(1.0, every=2, gamma=0.5))
    for _ in range(5):
        optimizer.step(theta, -np.ones(1))
    assert theta[0] == 1 + 1 + 0.5 + 0.5 + 0.25
