"""The losses of numbers and R², against mpmath, SciPy and scikit-learn."""

import copy
import pickle

import mpmath as mp
import numpy as np
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import r2_score

from nnlib.gradcheck import check_loss
from nnlib.losses import Huber, MeanAbsoluteError, MeanSquaredError
from nnlib.metrics import r2

LOSSES = (MeanSquaredError(), MeanAbsoluteError(), Huber(0.7))
SHAPES = ((1,), (5,), (4, 1), (3, 4), (2, 3, 2))


def pairs(shape, dtype=np.float64, size=1.0, seed=0):
    rng = np.random.default_rng(seed)
    return (size * rng.normal(size=(2, *shape))).astype(dtype)


def exact(loss, y, t):
    """Value and gradient with 50 digits, number by number."""
    with mp.workdps(50):
        n, total, slopes = y.size, mp.mpf(0), []
        for a, b in zip(y.ravel().tolist(), t.ravel().tolist(), strict=True):
            d = mp.mpf(a) - mp.mpf(b)
            if isinstance(loss, MeanSquaredError):
                total, slope = total + d * d, 2 * d
            elif isinstance(loss, MeanAbsoluteError):
                total, slope = total + abs(d), mp.sign(d)
            elif abs(d) <= loss.delta:
                total, slope = total + d * d / 2, d
            else:
                delta = mp.mpf(loss.delta)
                total, slope = total + delta * (abs(d) - delta / 2), delta * mp.sign(d)
            slopes.append(slope / n)
        return total / n, np.array(slopes).reshape(y.shape)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1e-6, 1.0, 1e3, 1e15])
def test_values_and_gradients_with_fifty_digits(loss, dtype, size):
    for shape in SHAPES:
        y, t = pairs(shape, dtype, size)
        value, gradient = exact(loss, y, t)
        assert abs(loss(y, t) - value) <= 1e-14 * value
        got = loss.backward()
        assert got.dtype == dtype
        assert got.shape == y.shape
        room = 4 * float(np.finfo(dtype).eps)
        for a, b in zip(got.ravel().tolist(), gradient.ravel(), strict=True):
            assert abs(a - b) <= room * abs(b)


@pytest.mark.parametrize("loss", LOSSES)
def test_nearly_equal_numbers_lose_no_digits(loss):
    t = np.array([1e8, 3.0, -7.0])
    y = np.nextafter(t, np.inf)
    value, gradient = exact(loss, y, t)
    assert abs(loss(y, t) - value) <= 1e-15 * value
    assert np.abs(loss.backward() - gradient.astype(float)).max() <= 1e-16


def test_values_are_those_of_scipy():
    y, t = pairs((50, 2), size=3.0)
    for delta in (0.01, 0.5, 2.0, 100.0):
        want = scipy.special.huber(delta, y - t).mean()
        assert Huber(delta)(y, t) == pytest.approx(want, rel=1e-13)


@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_are_slopes(loss):
    for shape in SHAPES:
        y, t = pairs(shape, size=2.0, seed=1)
        check_loss(loss, y, t)


@given(st.floats(0.01, 50), st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=9))
def test_huber_is_joined_without_jump_and_corner(delta, errors):
    loss, d = Huber(delta), np.array(errors)
    zeros = np.zeros_like(d)
    value = loss(d, zeros)
    assert value == pytest.approx(loss(-d, zeros), rel=1e-14)
    assert value <= MeanSquaredError()(d, zeros) / 2 * (1 + 1e-12)
    assert value <= delta * MeanAbsoluteError()(d, zeros) * (1 + 1e-12)
    assert abs(loss.backward()).max() <= delta / d.size * (1 + 1e-12)
    edge = np.array([delta])
    at = loss(edge, [0.0]), loss.backward()[0]
    for near in (delta * (1 - 1e-9), delta * (1 + 1e-9)):
        assert loss([near], [0.0]) == pytest.approx(at[0], rel=1e-8)
        assert loss.backward()[0] == pytest.approx(at[1], rel=1e-8)


def test_huber_goes_from_sizes_to_half_squares():
    y, t = pairs((30,), size=5.0)
    wide = Huber(1e6)
    assert wide(y, t) == pytest.approx(MeanSquaredError()(y, t) / 2, rel=1e-14)
    narrow = Huber(1e-9)
    assert narrow(y, t) / 1e-9 == pytest.approx(MeanAbsoluteError()(y, t), rel=1e-8)


def test_the_best_constant_is_mean_median_or_between_the_ends():
    t = np.array([2.0, 3, 3, 4, 6, 7, 15])
    c = np.linspace(0, 16, 1601)
    for loss, want in (
        (MeanSquaredError(), t.mean()),
        (MeanAbsoluteError(), 4.0),
        (Huber(1.0), 4.0),
        (Huber(13.0), t.mean()),
    ):
        costs = [loss(np.full(7, place), t) for place in c]
        assert abs(c[np.argmin(costs)] - want) <= 0.005 + 1e-9


def test_the_mean_is_over_elements_not_samples():
    y, t = np.full((4, 3), 2.0), np.zeros((4, 3))
    assert MeanSquaredError()(y, t) == 4.0
    assert MeanAbsoluteError()(y, t) == 2.0
    assert Huber(1.0)(y, t) == 1.5


@pytest.mark.parametrize("loss", LOSSES)
def test_sizes_at_the_edge_of_floats(loss):
    t = np.zeros(4)
    big = np.array([1e308, -1e308, 0.0, 0.0])
    value = loss(big, t)
    assert value == np.inf if isinstance(loss, MeanSquaredError) else value < 1e308
    assert np.isfinite(loss.backward()).all()
    far = np.array([1e200] * 4, np.float64)
    assert not np.isnan(loss(far, -far))
    single = np.array([3e38, 1.0], np.float32)  # the difference exceeds float32
    assert np.isfinite(loss(single, -single))
    assert loss(np.array([np.inf]), [0.0]) == np.inf
    assert np.isnan(loss([np.nan, 1.0], [0.0, 1.0]))
    got = loss.backward()
    assert np.isnan(got[0])
    assert got[1] == 0


def test_a_mean_that_is_finite_does_not_overflow():
    d = np.full(100, 1.2e154)  # of squares the sum overflows, not the mean
    assert MeanSquaredError()(d, np.zeros(100)) == pytest.approx(1.44e308)


@pytest.mark.parametrize("loss", LOSSES)
def test_kinds_of_numbers(loss):
    value = loss([1, 4], [3, 4])
    assert isinstance(value, float)
    assert loss.backward().dtype == np.float64
    assert loss(np.array([1.0, 4.0], np.float32), np.array([3, 4])) == value
    assert loss.backward().dtype == np.float32
    assert loss(np.array([1.0, 4.0], np.float16), [3, 4]) == value
    assert loss.backward().dtype == np.float32
    assert loss([True, False], [1, 0]) == 0


@pytest.mark.parametrize("loss", LOSSES)
def test_arguments_stay_and_results_are_new(loss):
    y, t = pairs((3, 2))
    given_y, given_t = y.copy(), t.copy()
    loss(y, t)
    first, second = loss.backward(), loss.backward()
    assert np.array_equal(y, given_y)
    assert np.array_equal(t, given_t)
    assert not np.shares_memory(first, second)
    kept = second.copy()
    first[...] = 0
    y[...] = 9  # the loss keeps the difference, not the argument
    assert np.array_equal(loss.backward(), kept)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(
    ("y", "t", "message"),
    [
        (np.zeros((3, 1)), np.zeros(3), r"shape of y_pred, \(3, 1\), got \(3,\)"),
        (np.zeros(3), np.zeros((3, 1)), r"shape of y_pred, \(3,\), got \(3, 1\)"),
        (np.zeros((1, 3)), np.zeros((2, 3)), r"\(1, 3\), got \(2, 3\)"),
        (np.zeros(3), 1.0, r"\(3,\), got \(\)"),
        (np.zeros((0, 1)), np.zeros((0, 1)), r"at least one element, got \(0, 1\)"),
        ([1j], [1.0], "y_pred must hold real numbers, got dtype complex128"),
        ([1.0], ["a"], "y_true must hold real numbers"),
        ([1.0, 2.0], [1.0, np.nan], "y_true must hold finite numbers, got nan"),
        ([1.0, 2.0], [np.inf, 1.0], "y_true must hold finite numbers, got inf"),
    ],
)
def test_bad_input_is_refused_and_changes_nothing(loss, y, t, message):
    loss([1.0, 2.0], [0.0, 2.5])
    before = loss.backward()
    with pytest.raises(ValueError, match=message):
        loss(y, t)
    assert np.array_equal(loss.backward(), before)


@pytest.mark.parametrize("make", [MeanSquaredError, MeanAbsoluteError, Huber])
def test_backward_needs_a_call(make):
    with pytest.raises(RuntimeError, match="call the loss before backward"):
        make().backward()


DELTAS = [0, -1.0, np.nan, np.inf, "1", None, True, [1.0], 10**400]
if np.finfo(np.longdouble).maxexp > 1024:  # beyond float64 at both ends
    DELTAS += [np.longdouble("1e4000"), np.longdouble("1e-4000")]


@pytest.mark.parametrize("delta", DELTAS)
def test_delta_must_be_a_positive_number(delta):
    with pytest.raises(ValueError, match="delta must be"):
        Huber(delta)


def test_delta_is_one_by_default_and_copies_keep_it():
    assert Huber().delta == 1.0
    loss = Huber(np.float32(2.0))
    loss([5.0], [0.0])
    for twin in (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        assert twin.delta == 2.0
        assert twin.backward() == [2.0]


# R²


def test_r2_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    for shape in ((2,), (9,), (9, 1), (30, 3)):
        for size in (1e-3, 1.0, 1e6):
            t = size * (rng.normal(size=shape) + 5)
            for y in (t + size * rng.normal(size=shape), np.roll(t, 1, axis=0)):
                assert r2(y, t) == pytest.approx(r2_score(t, y), rel=1e-10)


def test_r2_at_its_marks():
    t = np.array([1.0, 5.0, 6.0, 8.0])
    assert r2(t, t) == 1.0
    assert r2(np.full(4, 5.0), t) == 0.0
    assert r2(np.full(4, 9.0), t) == pytest.approx(-(4**2) / t.var())
    assert r2(2 * t, t) < 0  # the correlation is 1


@given(st.floats(-50, 50), st.floats(0.1, 50))
def test_r2_does_not_depend_on_unit_and_origin(shift, scale):
    y, t = pairs((12,))
    want = r2(y, t)
    assert r2(scale * y + shift, scale * t + shift) == pytest.approx(want, rel=1e-9)


@pytest.mark.parametrize("size", [1e-200, 1e200, 1e300])
def test_r2_of_very_large_and_small_numbers(size):
    y, t = pairs((12,))
    assert r2(size * y, size * t) == pytest.approx(r2(y, t), rel=1e-12)


def test_r2_of_constant_truth_as_scikit_learn_has_it_unforced():
    for t in (np.full(7, 0.1), np.array([3.0])):
        assert np.isnan(r2(t, t))
        assert r2(t + 1, t) == -np.inf
        with np.errstate(divide="ignore"):
            assert r2_score([0.5] * 7, [1.5] * 7, force_finite=False) == -np.inf
    assert r2([np.nan, 1.0], [0.0, 1.0]) != r2([np.nan, 1.0], [0.0, 1.0])
    assert r2([np.inf, 1.0], [0.0, 1.0]) == -np.inf


def test_r2_of_float32_and_integers():
    y, t = pairs((40,), np.float32)
    want = r2_score(t.astype(float), y.astype(float))
    assert r2(y, t) == pytest.approx(want, rel=1e-12)
    assert isinstance(r2([1, 2, 4], [1, 2, 3]), float)
    big = np.array([2**24, 2**24 + 1, 2**24 + 2])
    assert r2(big.astype(np.float32), big) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("y", "t", "message"),
    [
        (np.zeros((3, 1)), np.zeros(3), r"shape of y_pred, \(3, 1\), got \(3,\)"),
        (np.zeros(3), np.zeros((3, 1)), r"shape of y_pred, \(3,\), got \(3, 1\)"),
        (np.zeros(0), np.zeros(0), r"at least one element, got \(0,\)"),
        (1.0, 1.0, r"\(N,\) or \(N, K\) with at least one element, got \(\)"),
        (np.zeros((2, 2, 2)), np.zeros((2, 2, 2)), r"got \(2, 2, 2\)"),
        (["a"], [1.0], "y_pred must hold real numbers"),
        ([1.0], [1j], "y_true must hold real numbers"),
        ([1.0, 2.0], [1.0, np.nan], "y_true must hold finite numbers, got nan"),
    ],
)
def test_r2_refuses(y, t, message):
    with pytest.raises(ValueError, match=message):
        r2(y, t)
