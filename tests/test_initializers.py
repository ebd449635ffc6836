"""The rules for first values against the distributions that they promise."""

import functools
import pickle

import numpy as np
import pytest
from scipy import stats

from nnlib.initializers import he_normal, normal, zeros

RULES = (zeros, normal, he_normal)
DTYPES = (np.float16, np.float32, np.float64)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_shape_and_dtype_are_as_asked(rule, dtype):
    values = rule(np.random.default_rng(0), (3, 4), dtype)
    assert values.shape == (3, 4)
    assert values.dtype == dtype
    assert values.flags.c_contiguous
    assert values.flags.writeable


@pytest.mark.parametrize("rule", RULES)
def test_the_default_is_float64(rule):
    assert rule(0, (2, 2)).dtype == np.float64


def test_zeros_are_zeros_and_draw_nothing():
    rng, untouched = np.random.default_rng(1), np.random.default_rng(1)
    assert not zeros(rng, (5,)).any()
    assert rng.random() == untouched.random()


@pytest.mark.parametrize("std", [0.0, 0.01, 1.0, 30.0])
def test_normal_has_its_standard_deviation(std):
    values = normal(2, (40_000,), std=std)
    assert abs(values.mean()) <= 5 * std / 200
    assert abs(values.std() - std) <= 5 * std / np.sqrt(2 * 40_000)
    if std:
        assert stats.kstest(values / std, "norm").pvalue > 1e-3


@pytest.mark.parametrize(
    ("shape", "fan_in"),
    [
        ((1, 40_000), 1),
        ((100, 400), 100),
        ((400, 100), 400),
        ((64, 16, 5, 5), 400),
        ((300, 20, 7), 140),
    ],
)
def test_he_normal_follows_the_fan_in(shape, fan_in):
    values = he_normal(3, shape).ravel()
    want = np.sqrt(2 / fan_in)
    assert abs(values.std() / want - 1) <= 5 / np.sqrt(2 * values.size)
    assert abs(values.mean()) <= 5 * want / np.sqrt(values.size)
    assert stats.kstest(values / want, "norm").pvalue > 1e-3


@pytest.mark.parametrize("fan_in", [1, 10, 100, 10_000])
def test_outputs_keep_their_size_whatever_the_fan_in(fan_in):
    x = np.random.default_rng(4).uniform(-1, 1, fan_in)
    z = x @ he_normal(5, (fan_in, 2000))
    assert abs(np.mean(z**2) / np.mean(x**2) / 2 - 1) < 5 * np.sqrt(2 / 2000)


@pytest.mark.parametrize("rule", [normal, he_normal])
def test_a_generator_advances_and_a_seed_repeats(rule):
    rng = np.random.default_rng(6)
    first, second = rule(rng, (8, 8)), rule(rng, (8, 8))
    assert not np.any(first == second)
    np.testing.assert_array_equal(first, rule(6, (8, 8)))
    np.testing.assert_array_equal(first, rule(np.random.default_rng(6), (8, 8)))
    np.testing.assert_array_equal(first, rule(np.random.SeedSequence(6), (8, 8)))


@pytest.mark.parametrize("rule", [normal, he_normal])
def test_all_precisions_get_the_same_numbers_rounded(rule):
    exact = rule(7, (20, 20))
    for dtype in DTYPES:
        np.testing.assert_array_equal(rule(7, (20, 20), dtype), exact.astype(dtype))


@pytest.mark.parametrize("rule", [zeros, normal])
def test_one_axis_may_be_an_int_and_may_be_empty(rule):
    assert rule(0, 3).shape == (3,)
    assert rule(0, np.int64(3)).shape == (3,)
    assert rule(0, (0, 4)).shape == (0, 4)
    assert rule(0, ()).shape == ()


def test_a_partial_fixes_an_option_and_pickles():
    rule = pickle.loads(pickle.dumps(functools.partial(normal, std=0.5)))
    np.testing.assert_array_equal(rule(8, (3,), np.float64), normal(8, (3,), std=0.5))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("shape", [(-1, 2), (2.0, 2), (True, 2), "ab", None, (2, None)])
def test_a_shape_that_is_none_is_named(rule, shape):
    with pytest.raises(ValueError, match="shape must be ints of at least 0"):
        rule(0, shape)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("dtype", [np.int64, bool, np.complex128, "nonsense", str])
def test_a_dtype_that_is_not_floating_is_named(rule, dtype):
    with pytest.raises(ValueError, match="dtype must be a floating-point type, got"):
        rule(0, (2, 2), dtype)


@pytest.mark.parametrize(
    "std", [-1.0, np.nan, np.inf, "1", None, 1j, np.complex128(1), 10**400]
)
def test_a_wrong_std_is_named(std):
    with pytest.raises(ValueError, match="std must be a finite number of at least 0"):
        normal(0, (2,), std=std)


@pytest.mark.parametrize("shape", [(), (4,), 4, (0, 3), (3, 0, 2, 2)])
def test_he_normal_needs_a_fan_in(shape):
    with pytest.raises(ValueError, match=r"shape must be \(in, out\) or .*, got \("):
        he_normal(0, shape)


@pytest.mark.parametrize("rule", [normal, he_normal])
@pytest.mark.parametrize("rng", ["seed", -1, 1.5])
def test_a_wrong_rng_is_named(rule, rng):
    with pytest.raises(ValueError, match="rng must be a seed or generator"):
        rule(rng, (2, 2))
