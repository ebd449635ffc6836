"""SGD with momentum: invariants, fifty digits, the other convention, and refusals."""

import pickle
from copy import deepcopy

import mpmath as mp
import numpy as np
import pytest

from nnlib.optimizers import SGD


def rule(start, gradients, *, rates, mu=0.0, tau=0.0, ahead=False, decay=0.0):
    """One parameter in fifty digits, every velocity summed anew from its definition."""
    with mp.workdps(50):
        theta, places, seen = mp.mpf(start), [], []
        mu, tau, decay = mp.mpf(mu), mp.mpf(tau), mp.mpf(decay)
        for t, g in enumerate(gradients):
            seen.append(mp.mpf(float(g)) + decay * theta)
            weights = [
                mu ** (t - i) * (1 - tau if i and mu else 1) for i in range(t + 1)
            ]
            velocity = mp.fdot(weights, seen)
            move = seen[-1] + mu * velocity if ahead else velocity
            theta -= mp.mpf(rates[t]) * move
            places.append(float(theta))
    return np.array(places)


def path(optimizer, start, gradients, dtype=np.float64):
    theta, places = np.array([start], dtype), []
    for g in gradients:
        optimizer.step(theta, np.array([g], dtype))
        places.append(theta[0])
    return np.array(places)


OPTIONS = [
    ({}, {}),
    ({"momentum": 0.9}, {"mu": 0.9}),
    ({"momentum": 0.99, "dampening": 0.99}, {"mu": 0.99, "tau": 0.99}),
    ({"momentum": 0.5, "dampening": 0.25}, {"mu": 0.5, "tau": 0.25}),
    ({"dampening": 0.25}, {}),
    ({"momentum": 0.8, "nesterov": True}, {"mu": 0.8, "ahead": True}),
    ({"weight_decay": 0.3}, {"decay": 0.3}),
    ({"momentum": 0.9, "weight_decay": 0.3}, {"mu": 0.9, "decay": 0.3}),
    (
        {"momentum": 0.7, "nesterov": True, "weight_decay": 1.5},
        {"mu": 0.7, "ahead": True, "decay": 1.5},
    ),
    (
        {"momentum": 0.7, "dampening": 0.2, "weight_decay": 1.5},
        {"mu": 0.7, "tau": 0.2, "decay": 1.5},
    ),
]


@pytest.mark.parametrize(("ours", "theirs"), OPTIONS, ids=str)
def test_steps_are_the_definitions(ours, theirs):
    gradients = np.random.default_rng(1).normal(size=60)
    expected = rule(2.0, gradients, rates=[0.1] * 60, **theirs)
    found = path(SGD(0.1, **ours), 2.0, gradients)
    assert np.allclose(found, expected, rtol=1e-12, atol=1e-13)
    rates = 0.2 / np.arange(1, 61)
    expected = rule(2.0, gradients, rates=rates, **theirs)
    found = path(SGD(lambda step: rates[step], **ours), 2.0, gradients)
    assert np.allclose(found, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("mu", [0.5, 0.9, 0.99])
def test_the_steady_step_is_the_rate_over_one_minus_momentum(mu, nesterov, dtype):
    g = np.array([3.0, -1e-4, 1e6], dtype)
    theta, optimizer = np.zeros(3, dtype), SGD(0.5, momentum=mu, nesterov=nesterov)
    for _ in range(40 * round(1 / (1 - mu))):
        theta[...] = 0
        optimizer.step(theta, g)
    expected = -0.5 * g.astype(np.float64) / (1 - mu)
    tolerance = 8 / (1 - mu) * np.finfo(dtype).eps
    assert np.allclose(theta, expected, rtol=tolerance, atol=0)
    assert theta.dtype == optimizer.state()["slots"]["velocity"].dtype == dtype


def test_a_single_gradient_moves_by_the_window_in_all():
    for mu in (0.5, 0.9):
        for nesterov in (False, True):
            gradients = [1.0] + [0.0] * 500
            optimizer = SGD(0.1, momentum=mu, nesterov=nesterov)
            places = path(optimizer, 0.0, gradients)
            assert np.isclose(places[-1], -0.1 / (1 - mu), rtol=1e-12)
            steps = -np.diff(places, prepend=0.0) / 0.1
            first = 1 + mu if nesterov else 1
            assert np.isclose(steps[0], first, rtol=1e-13)
            later = mu ** np.arange(1.0, 30) * (mu if nesterov else 1)
            assert np.allclose(steps[1:30], later, rtol=1e-10)


def test_the_first_velocity_is_the_first_gradient_undamped():
    theta = np.zeros(2)
    optimizer = SGD(1.0, momentum=0.9, dampening=0.6)
    optimizer.step(theta, np.array([2.0, -4.0]))
    assert np.array_equal(theta, [-2.0, 4.0])
    optimizer.step(theta, np.array([0.0, 1.0]))
    assert np.allclose(theta, [-2 - 1.8, 4 + 3.6 - 0.4], rtol=1e-15)


def test_the_velocity_is_no_alias_of_the_gradient():
    theta, g = np.zeros(3), np.ones(3)
    optimizer = SGD(1.0, momentum=0.9)
    for _ in range(200):
        before = theta.copy()
        g[...] = 1  # as a model's gradient is overwritten in place
        optimizer.step(theta, g)
        assert np.array_equal(g, np.ones(3))
    assert np.allclose(before - theta, 10, rtol=1e-7)


def papers(start, gradient, rates, mu, nesterov):
    """The papers' velocity, which holds the rate, and their look-ahead."""
    theta, delta, ahead = start.copy(), np.zeros_like(start), []
    for rate in rates:
        at = theta + mu * delta if nesterov else theta
        delta = mu * delta - rate * gradient(at)
        theta = theta + delta
        ahead.append(theta + mu * delta if nesterov else theta)
    return np.array(ahead)


@pytest.mark.parametrize("nesterov", [False, True])
def test_the_papers_rule_at_a_constant_rate_gives_the_same_path(nesterov):
    rng = np.random.default_rng(2)
    start, scale = rng.normal(size=6), np.geomspace(0.1, 10, 6)

    def gradient(theta):
        return scale * theta + np.sin(3 * theta)

    expected = papers(start, gradient, [0.02] * 80, 0.9, nesterov)
    theta, optimizer = start.copy(), SGD(0.02, momentum=0.9, nesterov=nesterov)
    for place in expected:
        optimizer.step(theta, gradient(theta))
        assert np.allclose(theta, place, rtol=1e-9, atol=1e-11)


def test_a_new_rate_multiplies_the_whole_velocity_at_once():
    theta, optimizer = np.zeros(1), SGD(0.1, momentum=0.5)
    for _ in range(100):
        optimizer.step(theta, np.ones(1))
    optimizer.learning_rate = 0.01
    before = theta[0]
    optimizer.step(theta, np.ones(1))
    assert np.isclose(before - theta[0], 0.02, rtol=1e-12)


@pytest.mark.parametrize("nesterov", [False, True])
def test_stable_ranges(nesterov):
    for mu in (0.1, 0.5, 0.9):
        limit = (2 + 2 * mu) / (1 + 2 * mu) if nesterov else 2 + 2 * mu
        for share, shrinks in ((0.98, True), (1.02, False)):
            theta = np.array([1.0])
            optimizer = SGD(share * limit / 3.0, momentum=mu, nesterov=nesterov)
            for _ in range(3000):
                optimizer.step(theta, 3.0 * theta)
                if abs(theta[0]) > 1e9:
                    break
            assert (abs(theta[0]) < 1e-6) == shrinks


def test_weight_decay_is_the_gradient_of_a_penalty():
    rng = np.random.default_rng(3)
    for options in ({}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}):
        theta, other = np.ones(9), np.ones(9)
        one, two = SGD(0.01, weight_decay=0.3, **options), SGD(0.01, **options)
        for g in rng.normal(size=(20, 9)):
            kept = g.copy()
            one.step(theta, g)
            assert np.array_equal(g, kept)
            two.step(other, g + 0.3 * other)
        assert np.allclose(theta, other, rtol=1e-13)


ALL = [{"momentum": 0.9}, {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}, {}]


@pytest.mark.parametrize("options", ALL, ids=str)
def test_blocks_strides_and_axes_make_no_difference(options):
    rng = np.random.default_rng(4)
    start, gradients = rng.normal(size=70_000), rng.normal(size=(4, 70_000))
    whole, small = start.copy(), start[:1000].copy()
    matrix, strided = start.reshape(700, 100).copy(), np.repeat(start, 2)[::2]
    optimizers = [SGD(0.1, **options) for _ in range(4)]
    for g in gradients:
        cases = ((whole, g), (small, g[:1000]), (matrix, g.reshape(700, 100)))
        for optimizer, (theta, grad) in zip(
            optimizers, (*cases, (strided, g)), strict=True
        ):
            optimizer.step(theta, grad)
    assert np.array_equal(whole[:1000], small)
    assert np.array_equal(whole, matrix.ravel())
    assert np.array_equal(whole, strided)


@pytest.mark.parametrize("options", ALL, ids=str)
def test_a_state_a_pickle_and_a_copy_go_on_with_the_same_bits(options):
    gradients = np.random.default_rng(5).normal(size=(10, 4))
    theta, optimizer = np.ones(4), SGD(0.1, **options)
    for g in gradients[:5]:
        optimizer.step(theta, g)
    resumed = SGD(0.3, **options)
    resumed.set_state(optimizer.state())
    others = [resumed, deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))]
    places = [theta.copy() for _ in others]
    for g in gradients[5:]:
        optimizer.step(theta, g)
        for other, place in zip(others, places, strict=True):
            other.step(place, g)
    for place in places:
        assert np.array_equal(place, theta)
    assert set(optimizer.state()["slots"]) == ({"velocity"} if options else set())


def test_an_empty_vector_has_an_empty_step():
    theta = np.zeros(0)
    SGD(0.1, momentum=0.9).step(theta, np.zeros(0))
    assert theta.shape == (0,)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"learning_rate": 0.0}, "learning_rate must be a positive number"),
        (
            {"momentum": 1.0},
            "momentum must be a number of at least 0 and below 1, got 1",
        ),
        ({"momentum": -0.1}, "momentum must be a number of at least 0"),
        ({"momentum": True}, "momentum must be a number"),
        ({"momentum": float("nan")}, "momentum must be a number"),
        ({"dampening": 1.0}, "dampening must be a number of at least 0 and below 1"),
        ({"dampening": "0.1"}, "dampening must be a number"),
        ({"dampening": None}, "dampening must be a number"),
        (
            {"weight_decay": -1.0},
            "weight_decay must be a number of at least 0 and finite",
        ),
        ({"weight_decay": float("inf")}, "weight_decay must be a number"),
        ({"nesterov": 1, "momentum": 0.9}, "nesterov must be True or False, got 1"),
        ({"nesterov": True}, "nesterov needs momentum above 0 and dampening 0, got 0"),
        (
            {"nesterov": True, "momentum": 0.9, "dampening": 0.1},
            "nesterov needs momentum above 0 and dampening 0, got 0.9 and 0.1",
        ),
    ],
    ids=str,
)
def test_bad_arguments_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        SGD(**options)


def test_the_default_rate_is_pytorchs():
    assert SGD().learning_rate == 1e-3
