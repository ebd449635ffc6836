"""step and relu of nnlib.functional, value by value, for all kinds of floats."""

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from nnlib.functional import relu, step

FUNCTIONS = (step, relu)
FLOATS = (np.float16, np.float32, np.float64, np.longdouble)
ANY = st.floats(allow_nan=False, width=64)


@given(arrays.arrays(np.float64, st.integers(0, 40), elements=ANY))
def test_values_are_those_of_plain_python(x):
    np.testing.assert_array_equal(relu(x), [max(value, 0.0) for value in x.tolist()])
    np.testing.assert_array_equal(step(x), [float(value > 0) for value in x.tolist()])
    np.testing.assert_array_equal(step(x), np.heaviside(x, 0))


@given(ANY, ANY)
def test_relu_is_subadditive_and_gives_back_the_number(x, y):
    assert relu(x) - relu(-x) == x
    assert relu(x) + relu(-x) == abs(x)
    with mp.workdps(700):  # the sum of two floats, unrounded
        larger = max(mp.mpf(x) + mp.mpf(y), mp.mpf(0)) if np.isfinite(x + y) else 0
        if np.isfinite([x, y]).all():
            assert larger <= mp.mpf(float(relu(x))) + mp.mpf(float(relu(y)))


@given(st.floats(-1e150, 1e150), st.floats(0, 1e150))
def test_relu_keeps_factors_that_are_not_negative(x, a):
    assert relu(a * x) == a * relu(x)


@pytest.mark.parametrize("length", [1, 2, 3, 7, 8, 15, 16, 33, 100])
@pytest.mark.parametrize("dtype", FLOATS)
def test_no_zero_is_negative_whatever_the_vector_unit(length, dtype):
    for value in (-0.0, -1.0, -np.inf, np.finfo(dtype).smallest_subnormal * -1):
        x = np.full(length, value, dtype)
        for function in FUNCTIONS:
            assert not np.signbit(function(x)).any()
            np.testing.assert_array_equal(function(x), 0)
            assert not np.signbit(function(np.stack([x, x], axis=1)[:, 0])).any()


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("dtype", FLOATS)
def test_no_zero_is_negative_whichever_zero_is_taken(monkeypatch, first, dtype):
    def larger(x, y, *, out):
        out[...] = np.where(x >= y, x, y) if first else np.where(y >= x, y, x)
        return out

    monkeypatch.setattr("numpy.maximum", larger)
    for zero in (-0.0, 0.0):
        assert not np.signbit(relu(np.full(9, zero, dtype))).any()


@pytest.mark.parametrize("dtype", FLOATS)
def test_the_smallest_positive_number_is_positive(dtype):
    tiny = np.finfo(dtype).smallest_subnormal
    assert relu(tiny) == tiny
    assert step(tiny) == 1


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("dtype", [*FLOATS, np.complex64, np.complex128])
@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (4,), (2, 3), (2, 1, 3)])
def test_shape_and_precision_are_kept(function, dtype, shape):
    answer = function(np.ones(shape, dtype))
    assert isinstance(answer, np.ndarray)
    assert answer.shape == shape
    assert answer.dtype == dtype
    np.testing.assert_array_equal(answer, 1)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint8, np.int64, np.uint64])
def test_integers_become_float64(function, dtype):
    answer = function(np.array([0, 1, 1], dtype))
    assert answer.dtype == np.float64
    np.testing.assert_array_equal(answer, [0, 1, 1])


@pytest.mark.parametrize("function", FUNCTIONS)
def test_nan_passes_through_and_infinities_have_a_value(function):
    for dtype in (*FLOATS, np.complex64, np.complex128):
        answer = function(np.array([np.nan, -np.inf, np.inf, -1, 2], dtype))
        np.testing.assert_array_equal(np.isnan(answer), [1, 0, 0, 0, 0])
        top = {step: [0, 1, 0, 1], relu: [0, np.inf, 0, 2]}[function]
        np.testing.assert_array_equal(answer[1:].real, top)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("dtype", [np.float64, np.complex128, np.int64])
def test_what_is_given_is_left_alone_and_what_is_returned_is_new(function, dtype):
    x = np.array([-1, 0, 2], dtype)
    kept = x.copy()
    answer = function(x)
    np.testing.assert_array_equal(x, kept)
    assert not np.shares_memory(answer, x)
    answer[...] = 7
    np.testing.assert_array_equal(function(x), function(kept))


def test_the_complex_step_gives_the_slopes():
    x, h = np.array([-1e3, -2.0, -1e-9, 1e-9, 0.5, 1e3]), 1e-200
    np.testing.assert_array_equal(relu(x + 1j * h).imag / h, np.heaviside(x, 0))
    np.testing.assert_array_equal(step(x + 1j * h).imag / h, 0)
    np.testing.assert_array_equal(relu(x + 1j * h).real, relu(x))
    np.testing.assert_array_equal(step(x + 1j * h).real, step(x))


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_a_nan_in_either_part_is_kept(dtype):
    for x in (complex(-1, np.nan), complex(0, np.nan), complex(np.nan, 1)):
        for function in FUNCTIONS:
            assert np.isnan(function(np.array([x], dtype))).all()
    np.testing.assert_array_equal(relu(np.array([-1 + 2j, 3 - 1j], dtype)), [0, 3 - 1j])


def test_at_the_kink_the_slope_is_taken_as_zero():
    assert relu(1e-200j) == 0
    assert step(1e-200j) == 0


def test_slopes_by_central_differences():
    x, h = (
        np.concatenate([-np.geomspace(1e-3, 1e3, 20), np.geomspace(1e-3, 1e3, 20)]),
        1e-6,
    )
    for function, slope in ((relu, np.heaviside(x, 0)), (step, 0 * x)):
        chord = (function(x + h) - function(x - h)) / (2 * h)
        np.testing.assert_allclose(chord, slope, rtol=1e-7, atol=1e-7)


def test_big_endian_and_read_only_arrays():
    x = np.array([-1.5, 2.5], ">f4")
    x.flags.writeable = False
    np.testing.assert_array_equal(relu(x), [0, 2.5])
    np.testing.assert_array_equal(step(x), [0, 1])


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(("x", "dtype"), [(["a"], "<U1"), ([None], "object")])
def test_what_is_not_a_number_is_named(function, x, dtype):
    message = f"x must hold real or complex numbers, got dtype {dtype}"
    with pytest.raises(ValueError, match=message):
        function(x)
