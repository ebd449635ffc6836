"""AdaGrad, RMSProp and AdaDelta: invariants, fifty digits, states and refusals."""

import pickle
from copy import deepcopy

import mpmath as mp
import numpy as np
import pytest

from nnlib.optimizers import AdaDelta, AdaGrad, RMSProp

KINDS = [
    (AdaGrad, {}),
    (AdaGrad, {"learning_rate_decay": 0.5, "initial_accumulator": 0.25}),
    (RMSProp, {}),
    (RMSProp, {"centered": True}),
    (RMSProp, {"momentum": 0.75, "rho": 0.5}),
    (RMSProp, {"momentum": 0.5, "centered": True, "epsilon": 0.125}),
    (AdaDelta, {}),
    (AdaDelta, {"rho": 0.5, "epsilon": 0.25, "learning_rate": 0.5}),
]
EACH = pytest.mark.parametrize(("kind", "options"), KINDS, ids=str)


def steps(optimizer, gradients, start=0.0):
    """The steps of one parameter, one by one."""
    theta, taken = np.array([start]), []
    for g in gradients:
        before = theta.copy()
        optimizer.step(theta, np.array([float(g)]))
        taken.append((theta - before)[0])
    return np.array(taken)


def by_definition(kind, options, gradients, start):
    """The rule from the whole history of gradients, without running sums."""
    with mp.workdps(50):
        get = {"learning_rate": 0.01, "rho": 0.99, "epsilon": 1e-8, "momentum": 0}
        if kind is AdaGrad:
            get["epsilon"] = 1e-10
        if kind is AdaDelta:
            get |= {"learning_rate": 1.0, "rho": 0.9, "epsilon": 1e-6}
        get = {k: mp.mpf(v) for k, v in (get | options).items()}
        rate, rho, eps, mu = (
            get[k] for k in ("learning_rate", "rho", "epsilon", "momentum")
        )
        strength = get.get("weight_decay", mp.mpf(0))
        theta, seen, divided, moves, places = mp.mpf(start), [], [], [], []

        def average(values):
            n = len(values)
            return (1 - rho) * mp.fsum(
                v * rho ** (n - 1 - i) for i, v in enumerate(values)
            )

        for t, g in enumerate(gradients, start=1):
            g = mp.mpf(float(g)) + strength * theta
            seen.append(g)
            square = [s * s for s in seen]
            if kind is AdaGrad:
                total = get.get("initial_accumulator", 0) + mp.fsum(square)
                falls = 1 + get.get("learning_rate_decay", 0) * (t - 1)
                theta -= rate / falls * g / (mp.sqrt(total) + eps)
            elif kind is RMSProp:
                size = average(square)
                if options.get("centered"):
                    size -= average(seen) ** 2
                divided.append(g / (mp.sqrt(size) + eps))
                n = len(divided)
                theta -= rate * mp.fsum(
                    d * mu ** (n - 1 - i) for i, d in enumerate(divided)
                )
            else:
                above = mp.sqrt(average([m * m for m in moves]) + eps)
                moves.append(above / mp.sqrt(average(square) + eps) * g)
                theta -= rate * moves[-1]
            places.append(float(theta))
        return np.array(places)


@EACH
@pytest.mark.parametrize("strength", [0.0, 0.5])
def test_steps_are_those_of_the_whole_history_in_fifty_digits(kind, options, strength):
    if strength:
        options = options | {"weight_decay": strength}
    rng = np.random.default_rng(1)
    gradients = rng.normal(size=40) * 10.0 ** np.linspace(1, -2, 40)
    theta, places = np.array([2.0]), []
    optimizer = kind(**options)
    for g in gradients:
        optimizer.step(theta, np.array([g]))
        places.append(theta[0])
    expected = by_definition(kind, options, gradients, 2.0)
    assert np.abs(np.array(places) - expected).max() < 1e-13 * np.abs(expected).max()


@pytest.mark.parametrize("g", [3.0, -0.02, 1e6])
def test_adagrads_steps_fall_with_the_root_of_their_number(g):
    taken = steps(AdaGrad(0.5, epsilon=0.0), [g] * 100)
    expected = -np.sign(g) * 0.5 / np.sqrt(np.arange(1, 101))
    assert np.allclose(taken, expected, rtol=1e-11)


def test_adagrads_planned_decay_divides_its_steps():
    plain = steps(AdaGrad(0.5), [2.0] * 30)
    both = steps(AdaGrad(0.5, learning_rate_decay=0.25), [2.0] * 30)
    assert np.allclose(both, plain / (1 + 0.25 * np.arange(30)), rtol=1e-11)


def test_adagrads_sums_start_where_they_are_told():
    (first,) = steps(AdaGrad(1.0, initial_accumulator=16.0, epsilon=0.0), [3.0])
    assert np.isclose(first, -3 / 5, rtol=1e-15)
    optimizer = AdaGrad(initial_accumulator=16.0)
    optimizer.step(np.zeros(2, np.float32), np.zeros(2, np.float32))
    assert optimizer.state()["slots"]["squares"].dtype == np.float32
    assert (optimizer.state()["slots"]["squares"] == 16).all()


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9, 0.99])
def test_rmsprops_steps_fall_from_the_uncorrected_first_to_the_rate(rho):
    taken = steps(RMSProp(0.5, rho=rho, epsilon=0.0), [-7.0] * 60)
    expected = 0.5 / np.sqrt(1 - rho ** np.arange(1, 61))
    assert np.allclose(taken, expected, rtol=1e-11)


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.95])
@pytest.mark.parametrize("epsilon", [1e-6, 0.25])
@pytest.mark.parametrize("rate", [1.0, 0.1])
def test_adadeltas_first_step(rho, epsilon, rate):
    g = np.array([3.0, -0.02, 1e6, -1e-4, 0.0])
    theta = np.zeros(5)
    AdaDelta(rate, rho=rho, epsilon=epsilon).step(theta, g)
    expected = -rate * g * np.sqrt(epsilon / ((1 - rho) * g**2 + epsilon))
    assert np.allclose(theta, expected, rtol=1e-14, atol=0)


def test_adadeltas_squared_steps_grow_by_the_same_amount_each_step():
    taken = steps(AdaDelta(rho=0.9, epsilon=1e-6), [1e3] * 600)
    growth = np.diff(taken[300:] ** 2)
    assert np.allclose(growth, 0.1 * 1e-6, rtol=1e-4)


def test_adadeltas_rate_scales_the_step_but_not_what_it_remembers():
    gradients = np.random.default_rng(3).normal(size=30)
    one, other = AdaDelta(1.0), AdaDelta(0.25)
    assert np.allclose(steps(other, gradients), 0.25 * steps(one, gradients))
    kept = [rule.state()["slots"]["steps"] for rule in (one, other)]
    assert np.array_equal(*kept)


@pytest.mark.parametrize(
    ("kind", "options"),
    [(k, o) for k, o in KINDS[:6] if not {"initial_accumulator", "epsilon"} & set(o)],
    ids=str,
)
def test_the_scale_of_each_entrys_gradient_does_not_count(kind, options):
    rng = np.random.default_rng(2)
    scales = 10.0 ** rng.uniform(-6, 6, 20)  # one for each entry
    plain, scaled = np.zeros(20), np.zeros(20)
    one, other = (kind(0.1, **options | {"epsilon": 0.0}) for _ in "12")
    for g in rng.normal(size=(50, 20)):
        one.step(plain, g)
        other.step(scaled, scales * g)
    assert np.allclose(scaled, plain, rtol=1e-9, atol=1e-12)


@EACH
def test_each_entry_goes_its_own_way(kind, options):
    gradients = np.random.default_rng(4).normal(size=(20, 7))
    together, optimizer = np.ones(7), kind(**options)
    for g in gradients:
        optimizer.step(together, g)
    alone = [steps(kind(**options), column, 1.0).sum() + 1 for column in gradients.T]
    assert np.allclose(together, alone, rtol=1e-13)


@EACH
def test_blocks_and_axes_change_nothing(kind, options):
    options = options | {"weight_decay": 0.25}
    gradients = np.random.default_rng(5).normal(size=(6, 5, 9))
    whole, cut, strided = np.ones(45), np.ones(45), np.ones((9, 10))[:, ::2].T
    one, two, three = (kind(**options) for _ in "123")
    two.block = 7
    for g in gradients:
        kept = g.copy()
        one.step(whole, g.ravel())
        two.step(cut, g.ravel())
        three.step(strided, g)
        assert np.array_equal(g, kept)
    assert np.array_equal(whole, cut)
    assert np.array_equal(whole.reshape(5, 9), strided)


@EACH
def test_float32_stays_float32_and_close(kind, options):
    gradients = np.random.default_rng(6).normal(size=(50, 30)).astype(np.float32)
    single, exact = np.ones(30, np.float32), np.ones(30)
    one, other = kind(**options), kind(**options)
    for g in gradients:
        one.step(single, g)
        other.step(exact, g.astype(np.float64))
    assert single.dtype == np.float32
    assert all(a.dtype == np.float32 for a in one.state()["slots"].values())
    assert np.abs(single - exact).max() < 3e-5 * np.abs(exact).max()


@EACH
@pytest.mark.parametrize(
    "copied",
    [deepcopy, lambda o: pickle.loads(pickle.dumps(o))],
    ids=["deepcopy", "pickle"],
)
def test_copies_and_states_go_on_with_the_same_bits(kind, options, copied):
    gradients = np.random.default_rng(7).normal(size=(10, 4))
    theta, optimizer = np.ones(4), kind(**options)
    for g in gradients[:5]:
        optimizer.step(theta, g)
    other, third = theta.copy(), theta.copy()
    twin, fresh = copied(optimizer), kind(**options)
    fresh.set_state(optimizer.state())
    for g in gradients[5:]:
        for rule, place in ((optimizer, theta), (twin, other), (fresh, third)):
            rule.step(place, g)
    assert np.array_equal(theta, other)
    assert np.array_equal(theta, third)


def test_a_centred_variance_stays_positive_under_a_constant_gradient():
    for dtype in (np.float32, np.float64):
        optimizer, theta = RMSProp(rho=0.9, centered=True), np.zeros(3, dtype)
        for _ in range(2000):
            optimizer.step(theta, np.array([0.1, -3.7, 1e3], dtype))
            assert (optimizer.state()["slots"]["variances"] >= 0).all()
        assert np.isfinite(theta).all()


@pytest.mark.parametrize("kind", [AdaGrad, RMSProp])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("epsilon", [0.0, 1e-60, 1e-8])
def test_what_never_had_a_gradient_stays(kind, dtype, epsilon):
    theta, optimizer = np.ones(3, dtype), kind(0.1, epsilon=epsilon)
    for g in ([0, 0, 1], [0, 2, 0]):
        optimizer.step(theta, np.array(g, dtype))
    assert theta[0] == 1
    assert (theta[1:] < 1).all()


def test_adadelta_stays_where_there_is_no_gradient():
    theta = np.ones(2)
    AdaDelta().step(theta, np.array([0.0, 1.0]))
    assert theta[0] == 1 > theta[1]


def test_a_schedule_gives_the_rate_of_each_step():
    for kind in (AdaGrad, RMSProp, AdaDelta):
        scheduled = steps(kind(lambda step: 0.5 * 2.0**-step), [1.0] * 6)
        constant = steps(kind(0.5), [1.0] * 6)
        assert np.allclose(scheduled, constant * 2.0 ** -np.arange(6), rtol=1e-12)


def test_a_new_rate_applies_to_the_whole_velocity():
    optimizer, theta = RMSProp(1.0, rho=0.0, momentum=0.5, epsilon=0.0), np.zeros(1)
    optimizer.step(theta, np.ones(1))  # velocity 1
    optimizer.learning_rate = 0.25
    optimizer.step(theta, np.ones(1))  # velocity 1.5
    assert theta[0] == -1 - 0.25 * 1.5


def test_slots_are_those_that_the_options_need():
    assert AdaGrad().slots == RMSProp().slots == ("squares",)
    assert AdaDelta().slots == ("squares", "steps")
    assert RMSProp(momentum=0.5).slots == ("squares", "velocity")
    assert RMSProp(centered=True).slots == ("variances", "means")
    both = RMSProp(momentum=0.5, centered=True)
    assert both.slots == ("variances", "means", "velocity")
    both.step(np.zeros(2), np.ones(2))
    with pytest.raises(ValueError, match="state must hold the slots"):
        RMSProp().set_state(both.state())


BAD = [
    (kind, name, value)
    for kind, names in (
        (AdaGrad, "learning_rate_decay initial_accumulator epsilon weight_decay"),
        (RMSProp, "rho epsilon momentum weight_decay"),
        (AdaDelta, "rho epsilon weight_decay"),
    )
    for name in names.split()
    for value in (-0.1, np.nan, np.inf, 10**400, "0.5", b"0.5", None, np.True_, [0.1])
]


@pytest.mark.parametrize(("kind", "name", "value"), BAD)
def test_options_are_numbers_of_at_least_0(kind, name, value):
    with pytest.raises(ValueError, match=f"{name} must be a number of at least 0"):
        kind(**{name: value})


@pytest.mark.parametrize(
    ("kind", "name"), [(RMSProp, "rho"), (RMSProp, "momentum"), (AdaDelta, "rho")]
)
def test_memories_are_below_1(kind, name):
    with pytest.raises(ValueError, match=f"{name} must be .* below 1, got 1.0"):
        kind(**{name: 1.0})


@pytest.mark.parametrize("value", [None, 1, "yes"])
def test_centered_is_a_truth_value(value):
    with pytest.raises(ValueError, match="centered must be True or False, got"):
        RMSProp(centered=value)


def test_one_value_has_no_variance():
    with pytest.raises(ValueError, match="rho must be positive if centered"):
        RMSProp(rho=0.0, centered=True)


@EACH
def test_a_gradient_whose_square_overflows_stops_its_entry_alone(kind, options):
    theta, optimizer = np.zeros(2, np.float32), kind(**options | {"epsilon": 1e-6})
    with np.errstate(over="ignore"):
        for first in (1e30, 1, 1, 1):
            before = theta.copy()
            optimizer.step(theta, np.array([first, 1], np.float32))
            assert theta[0] == 0
            assert theta[1] < before[1]


@pytest.mark.parametrize("value", [0.0, 1e-60])
def test_adadelta_needs_an_epsilon(value):
    with pytest.raises(ValueError, match=r"must be positive, at least 1\.18e-38"):
        AdaDelta(epsilon=value)


@pytest.mark.parametrize("kind", [AdaGrad, RMSProp, AdaDelta])
@pytest.mark.parametrize("value", [0.0, -1, None, "1"])
def test_a_learning_rate_is_positive(kind, value):
    with pytest.raises(ValueError, match="learning_rate must be a positive number"):
        kind(value)
