"""Adam and AdamW: invariants, a literal transcription, fifty digits, and refusals."""

import pickle
from copy import deepcopy

import mpmath as mp
import numpy as np
import pytest

from nnlib.activations import ReLU
from nnlib.layers import Dense
from nnlib.models import Sequential
from nnlib.optimizers import Adam, AdamW

BOTH = pytest.mark.parametrize("kind", [Adam, AdamW])


def paper(
    start,
    gradients,
    *,
    rate=0.001,
    b1=0.9,
    b2=0.999,
    eps=1e-8,
    amsgrad=False,
    decay=0.0,
):
    """The paper's algorithm 1 line by line, for one parameter, in fifty digits."""
    with mp.workdps(50):
        theta, m, v, largest = mp.mpf(start), mp.mpf(0), mp.mpf(0), mp.mpf(0)
        places = []
        for t, gradient in enumerate(gradients, start=1):
            g = mp.mpf(float(gradient))
            m = mp.mpf(b1) * m + (1 - mp.mpf(b1)) * g
            v = mp.mpf(b2) * v + (1 - mp.mpf(b2)) * g * g
            largest = max(largest, v)
            m_hat = m / (1 - mp.mpf(b1) ** t)
            v_hat = (largest if amsgrad else v) / (1 - mp.mpf(b2) ** t)
            theta -= mp.mpf(rate) * mp.mpf(decay) * theta
            theta -= mp.mpf(rate) * m_hat / (mp.sqrt(v_hat) + mp.mpf(eps))
            places.append(float(theta))
    return np.array(places)


def path(optimizer, start, gradients):
    theta, places = np.array([start]), []
    for g in gradients:
        optimizer.step(theta, np.array([g]))
        places.append(theta[0])
    return np.array(places)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({}, {}),
        ({"learning_rate": 0.1}, {"rate": 0.1}),
        ({"beta1": 0.5, "beta2": 0.75}, {"b1": 0.5, "b2": 0.75}),
        ({"beta1": 0.0, "beta2": 0.0}, {"b1": 0.0, "b2": 0.0}),
        ({"epsilon": 0.25}, {"eps": 0.25}),
        ({"epsilon": 0.0}, {"eps": 0.0}),
        ({"amsgrad": True, "beta2": 0.5}, {"amsgrad": True, "b2": 0.5}),
    ],
    ids=str,
)
def test_steps_are_the_papers(ours, theirs):
    gradients = np.random.default_rng(1).normal(size=60) * 10.0 ** np.linspace(
        1, -2, 60
    )
    expected = paper(2.0, gradients, **theirs)
    assert np.allclose(path(Adam(**ours), 2.0, gradients), expected, rtol=1e-13)
    decayed = paper(2.0, gradients, decay=0.4, **theirs)
    assert np.allclose(
        path(AdamW(weight_decay=0.4, **ours), 2.0, gradients), decayed, rtol=1e-13
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_constant_gradient_moves_by_its_share_of_the_rate_from_the_first_step(dtype):
    g = np.array([1e6, 3.0, -1e-4, 1e-8, -2e-9], dtype)
    expected = -0.5 * g.astype(np.float64) / (np.abs(g.astype(np.float64)) + 1e-8)
    theta, optimizer = np.zeros(5, dtype), Adam(0.5)
    for t in range(1, 200):
        optimizer.step(theta, g)
        if t in (1, 2, 10, 199):
            assert np.allclose(theta, t * expected, rtol=40 * np.finfo(dtype).eps), t


def test_the_first_step_is_corrected():
    theta = np.zeros(3)
    Adam(1.0, beta1=0.99, beta2=0.9999).step(theta, np.array([7.0, -0.02, 1e-8]))
    assert np.allclose(theta, [-1.0, 1.0, -0.5], rtol=1e-6)


@pytest.mark.parametrize("amsgrad", [False, True])
def test_steps_do_not_depend_on_the_scale_of_gradients(amsgrad):
    gradients = np.random.default_rng(2).normal(size=(50, 20))
    for scale in (1e-6, 1e5):
        plain, scaled, both = np.zeros(20), np.zeros(20), np.zeros(20)
        one, other = (Adam(0.1, epsilon=0.0, amsgrad=amsgrad) for _ in "12")
        third, fourth = Adam(0.1, epsilon=0.5), Adam(0.1, epsilon=0.5 * scale)
        together = np.zeros(20)
        for g in gradients:
            one.step(plain, g)
            other.step(scaled, scale * g)
            third.step(both, g)
            fourth.step(together, scale * g)
        assert np.allclose(scaled, plain, rtol=1e-11, atol=1e-14)
        assert np.allclose(together, both, rtol=1e-11, atol=1e-14)


def test_without_epsilon_what_never_had_a_gradient_stays():
    for dtype in (np.float32, np.float64):
        for epsilon in (0.0, 1e-60):
            theta, optimizer = np.ones(3, dtype), Adam(0.1, epsilon=epsilon)
            for g in ([0, 0, 1], [0, 2, 0]):
                optimizer.step(theta, np.array(g, dtype))
            assert theta[0] == 1
            assert np.isfinite(theta).all()
            assert (theta[1:] < 1).all()


def test_l2_enters_the_averages_and_decay_does_not():
    start = np.array([0.01, 100.0])
    theta = start.copy()
    Adam(0.001, weight_decay=0.5).step(theta, np.zeros(2))
    assert np.allclose(start - theta, 0.001, rtol=1e-5)
    theta = start.copy()
    optimizer = AdamW(0.001, weight_decay=0.5)
    for _ in range(10):
        optimizer.step(theta, np.zeros(2))
    assert np.allclose(theta, start * (1 - 0.0005) ** 10, rtol=1e-14)


def test_l2_is_the_gradient_of_a_penalty():
    rng = np.random.default_rng(3)
    theta, other = np.ones(9), np.ones(9)
    one, two = Adam(0.01, weight_decay=0.3), Adam(0.01)
    for g in rng.normal(size=(20, 9)):
        kept = g.copy()
        one.step(theta, g)
        assert np.array_equal(g, kept)
        two.step(other, g + 0.3 * other)
    assert np.allclose(theta, other, rtol=1e-13)


def test_decay_in_float32_is_not_rounded_to_a_coarse_factor():
    # 1 - 2.1e-6 rounded to float32 would be 1 - 2.086e-6.
    theta = np.random.default_rng(4).uniform(1, 2, 20000).astype(np.float32)
    start, optimizer = theta.astype(np.float64), AdamW(1e-3, weight_decay=2.1e-3)
    for _ in range(100):
        optimizer.step(theta, np.zeros_like(theta))
    assert np.log(start / theta).mean() == pytest.approx(100 * 2.1e-6, rel=0.003)


def test_the_mask_spares():
    mask = np.array([[True, False], [False, True]])
    for dtype in (np.float32, np.float64):
        theta = np.ones((2, 2), dtype)
        optimizer = AdamW(0.1, weight_decay=1.0, decay_mask=mask)
        optimizer.step(theta, np.zeros((2, 2), dtype))
        assert np.allclose(theta, [[0.9, 1.0], [1.0, 0.9]])
        assert theta.dtype == dtype


def test_the_mask_is_a_copy():
    mask = np.array([True, False])
    optimizer, theta = AdamW(0.1, weight_decay=1.0, decay_mask=mask), np.ones(2)
    mask[...] = True
    optimizer.step(theta, np.zeros(2))
    assert np.allclose(theta, [0.9, 1.0])


@BOTH
@pytest.mark.parametrize(
    "options", [{}, {"amsgrad": True}, {"weight_decay": 0.1}], ids=str
)
def test_blocks_and_strides_change_nothing(kind, options):
    rng = np.random.default_rng(5)
    mask = {"decay_mask": rng.random(1001) < 0.5} if kind is AdamW else {}
    whole, pieces, strided = (kind(0.1, **options, **mask) for _ in "123")
    pieces.block = 64
    start = rng.normal(size=1001)
    one, two, three = start.copy(), start.copy(), np.repeat(start, 2)[::2]
    for g in rng.normal(size=(5, 1001)):
        whole.step(one, g)
        pieces.step(two, g)
        strided.step(three, np.repeat(g, 2)[::2])
    assert np.array_equal(one, two)
    assert np.array_equal(one, three)


@BOTH
def test_a_run_goes_on_from_its_state_with_the_same_bits(kind):
    gradients = np.random.default_rng(6).normal(size=(10, 4))
    mask = {"decay_mask": [True, False, True, True]} if kind is AdamW else {}
    for amsgrad in (False, True):
        options = {"amsgrad": amsgrad, "weight_decay": 0.1, **mask}
        theta, optimizer = np.ones(4), kind(0.1, **options)
        for g in gradients[:5]:
            optimizer.step(theta, g)
        resumed = kind(0.1, **options)
        resumed.set_state(optimizer.state())
        others = [resumed, deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))]
        places = [theta.copy() for _ in others]
        for g in gradients[5:]:
            optimizer.step(theta, g)
            for other, place in zip(others, places, strict=True):
                other.step(place, g)
        for place in places:
            assert np.array_equal(place, theta)
        other = kind(0.1, **{**options, "amsgrad": not amsgrad})
        with pytest.raises(ValueError, match="state must hold the slots"):
            other.set_state(optimizer.state())


@BOTH
def test_defaults(kind):
    optimizer = kind()
    assert (optimizer.learning_rate, optimizer.beta1, optimizer.beta2) == (
        0.001,
        0.9,
        0.999,
    )
    assert (optimizer.epsilon, optimizer.amsgrad) == (1e-8, False)
    assert optimizer.weight_decay == (0.01 if kind is AdamW else 0.0)


@BOTH
def test_schedules_count_from_0_and_the_correction_from_1(kind):
    seen = []
    optimizer = kind(
        lambda step: seen.append(step) or 0.1 * (step == 1), weight_decay=0.0
    )
    theta = np.zeros(1)
    for expected in (0.0, -0.1, -0.1):
        optimizer.step(theta, np.ones(1))
        assert theta[0] == pytest.approx(expected, rel=1e-7)
    assert seen == [0, 1, 2]


@BOTH
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beta1": 1.0}, "beta1 must be a number of at least 0 and below 1, got 1.0"),
        ({"beta2": -0.1}, "beta2 must be a number of at least 0 and below 1, got -0.1"),
        (
            {"beta2": "0.9"},
            "beta2 must be a number of at least 0 and below 1, got '0.9'",
        ),
        ({"beta1": True}, "beta1 must be a number .*, got True"),
        (
            {"epsilon": -1e-8},
            "epsilon must be a number of at least 0 and finite, got -1e-08",
        ),
        (
            {"epsilon": np.inf},
            "epsilon must be a number of at least 0 and finite, got inf",
        ),
        ({"weight_decay": np.nan}, "weight_decay must be a number .* got nan"),
        ({"weight_decay": None}, "weight_decay must be a number .* got None"),
        ({"amsgrad": 1}, "amsgrad must be True or False, got 1"),
        ({"learning_rate": 0.0}, "learning_rate must be a positive number"),
    ],
    ids=str,
)
def test_bad_options_are_refused(kind, options, message):
    with pytest.raises(ValueError, match=message):
        kind(**options)


def test_bad_masks_are_refused():
    with pytest.raises(
        ValueError, match="decay_mask must hold booleans, got dtype int64"
    ):
        AdamW(decay_mask=np.array([0, 1]))
    optimizer, theta = AdamW(decay_mask=[True, False, True]), np.ones(4)
    with pytest.raises(ValueError, match=r"shape of theta, \(4,\), got \(3,\)"):
        optimizer.step(theta, np.ones(4))
    assert optimizer.t == 0
    assert (theta == 1).all()


def test_masks_of_a_model():
    model = Sequential([Dense(3, 2, rng=0), ReLU(), Dense(2, 4, rng=1, use_bias=False)])
    mask = model.mask("W")
    assert mask.dtype == np.bool_
    assert mask.shape == model.theta.shape
    model.theta[...] = mask
    assert all((layer.params["W"] == 1).all() for layer in model.layers[::2])
    assert (model.layers[0].params["b"] == 0).all()
    assert np.array_equal(model.mask("b"), ~mask)
    assert model.mask("b", "W").all()


def test_unknown_names_of_masks_are_refused():
    model = Sequential([Dense(3, 2, rng=0), ReLU()])
    with pytest.raises(ValueError, match="names must be among W, b, got 'kernel'"):
        model.mask("W", "kernel")
    with pytest.raises(ValueError, match="names must be among W, b, got none"):
        model.mask()


def test_steps_allocate_no_arrays():
    import tracemalloc

    theta, g = np.ones(200_000, np.float32), np.ones(200_000, np.float32)
    optimizer = AdamW(decay_mask=np.ones(200_000, bool))
    optimizer.step(theta, g)
    tracemalloc.start()
    optimizer.step(theta, g)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000
