"""The function affine against exact sums, its shapes, and what it refuses."""

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnlib.functional import affine

SIZES = {np.float32: (1e-30, 1.0, 1e15), np.float64: (1e-150, 1.0, 1e150)}
CASES = [(dtype, size) for dtype, sizes in SIZES.items() for size in sizes]


def exact(x, w, b):
    """A score with 60 digits, and the sum of the sizes of its terms."""
    with mp.workdps(60):
        terms = [mp.mpf(float(p)) * mp.mpf(float(q)) for p, q in zip(x, w, strict=True)]
        terms.append(mp.mpf(float(b)))
        return mp.fsum(terms), mp.fsum(abs(term) for term in terms)


@pytest.mark.parametrize("inputs", [1, 2, 64])
@pytest.mark.parametrize(("dtype", "size"), CASES)
def test_scores_are_exact_sums_up_to_rounding(dtype, size, inputs):
    rng = np.random.default_rng([inputs, 7])
    x = (size * rng.normal(size=(8, inputs))).astype(dtype)
    w = rng.normal(size=(inputs, 3)).astype(dtype)
    b = (size * rng.normal(size=3)).astype(dtype)
    z = affine(x, w, b)
    assert z.dtype == dtype
    assert z.shape == (8, 3)
    unit = float(np.finfo(dtype).eps) / 2
    for i, row in enumerate(x):
        for k in range(3):
            want, terms = exact(row, w[:, k], b[k])
            # Each of the terms takes part in at most D + 1 roundings.
            assert (
                abs(mp.mpf(float(z[i, k])) - want) <= 1.01 * (inputs + 1) * unit * terms
            )


def test_terms_that_cancel_leave_nothing():
    assert affine([[1.0, 1.0]], [1e16, -1e16], 0.5)[0] == 0.5


def test_one_neuron_is_a_column_of_several():
    rng = np.random.default_rng(0)
    x, w, b = rng.normal(size=(5, 4)), rng.normal(size=(4, 3)), rng.normal(size=3)
    together = affine(x, w, b)
    for k in range(3):
        alone = affine(x, w[:, k], b[k])
        assert alone.shape == (5,)
        np.testing.assert_allclose(together[:, k], alone, rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    ("x", "w", "b", "shape"),
    [
        ((4,), (4,), (), ()),
        ((4,), (4, 3), (3,), (3,)),
        ((4,), (4, 3), (), (3,)),
        ((5, 4), (4,), (), (5,)),
        ((5, 4), (4, 3), (3,), (5, 3)),
        ((2, 5, 4), (4,), (), (2, 5)),
        ((2, 5, 4), (4, 3), (3,), (2, 5, 3)),
        ((5, 1), (1, 1), (1,), (5, 1)),
        ((0, 4), (4,), (), (0,)),
        ((0, 4), (4, 3), (3,), (0, 3)),
        ((5, 0), (0, 3), (3,), (5, 3)),
        ((5, 4), (4, 0), (0,), (5, 0)),
    ],
)
def test_shapes(x, w, b, shape):
    rng = np.random.default_rng(1)
    x, w, b = (rng.normal(size=size) for size in (x, w, b))
    z = affine(x, w, b)
    assert isinstance(z, np.ndarray)
    assert z.shape == shape
    want = np.einsum("...d,dk->...k", x, w if w.ndim == 2 else w[:, None]) + b
    np.testing.assert_allclose(z, want.reshape(shape), rtol=0, atol=1e-14)


def test_the_bias_is_zero_if_it_is_not_given():
    np.testing.assert_array_equal(affine([[1.0, 2.0]], [3.0, 5.0]), [13.0])


@given(
    st.lists(st.integers(-99, 99), min_size=1, max_size=6),
    st.integers(-99, 99),
    st.integers(-9, 9),
    st.integers(0, 2**32 - 1),
)
def test_it_is_affine(weights, bias, factor, seed):
    """Exact on small integers: linear in x up to the bias, and in (w, b)."""
    rng = np.random.default_rng(seed)
    w = np.array(weights)
    x, y = rng.integers(-99, 100, (2, 3, len(w)))
    zx, zy = affine(x, w, bias), affine(y, w, bias)
    np.testing.assert_array_equal(affine(x + y, w, bias) + bias, zx + zy)
    np.testing.assert_array_equal(affine(x, factor * w, factor * bias), factor * zx)
    np.testing.assert_array_equal(affine(0 * x, w, bias), np.full(3, bias))


@pytest.mark.parametrize(
    "dtype", [np.float16, np.float32, np.float64, np.longdouble, np.complex64]
)
def test_the_precision_is_kept(dtype):
    x, w = np.ones((2, 3), dtype), np.ones((3, 4), dtype)
    for b in (
        0.0,
        1,
        True,
        np.float64(0.5),
        np.ones((), np.float64),
        np.ones(4, dtype),
    ):
        assert affine(x, w, b).dtype == dtype
        assert affine(x[0], w[:, 0], b if np.ndim(b) == 0 else 0).dtype == dtype


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64, bool])
def test_integers_become_float64(dtype):
    x = np.array([[0, 1, 1]], dtype)
    z = affine(x, np.array([1, 1, 1], dtype), 0)
    assert z.dtype == np.float64
    assert z[0] == 2
    assert affine(x, np.ones(3, np.float32)).dtype == np.float64


def test_small_integers_do_not_wrap_around():
    x = np.full((1, 64), 255, np.uint8)
    assert affine(x, x[0])[0] == 64 * 255**2


def test_the_highest_precision_wins():
    x, w = np.ones((2, 3), np.float32), np.ones((3, 4))
    assert affine(x, w).dtype == np.float64
    assert affine(x, w.astype(np.float32), np.ones(4)).dtype == np.float64
    assert affine(x, w.astype(np.float32), 1j).dtype == np.complex64


def test_float16_sums_neither_stagnate_nor_overflow_on_the_way():
    many = np.ones(4096, np.float16)
    assert affine(many, many) == 4096
    large = np.array([60000.0, 60000.0], np.float16)
    assert affine(large, np.array([1.0, 1.0], np.float16), -6e4) == np.float16(6e4)


@pytest.mark.parametrize("columns", [(), (3,)])
def test_complex_step_gives_the_slopes(columns):
    """The slope in x_i is w_i, in w_i it is x_i, in b it is 1: analytic in all."""
    rng = np.random.default_rng(2)
    x, w, b = (
        rng.normal(size=5),
        rng.normal(size=(5, *columns)),
        rng.normal(size=columns),
    )
    h = 1e-200
    for i in range(5):
        step = 1j * h * (np.arange(5) == i)
        slope = affine(x + step, w, b).imag / h
        np.testing.assert_allclose(slope, w[i], rtol=1e-15)
        bent = w + step.reshape(5, *[1] * len(columns))
        np.testing.assert_allclose(affine(x, bent, b).imag / h, x[i], rtol=1e-15)
    np.testing.assert_allclose(affine(x, w, b + 1j * h).imag / h, 1, rtol=1e-15)


def test_complex_numbers_are_not_conjugated():
    assert affine(np.array([1j]), np.array([1j])) == -1


def test_nothing_that_is_given_changes_or_is_returned():
    x, w, b = np.ones((2, 1)), np.ones((1, 1)), np.ones(1)
    kept = x.copy(), w.copy(), b.copy()
    z = affine(x, w, b)
    z[...] = 7
    for given_array, copy in zip((x, w, b), kept, strict=True):
        assert not np.shares_memory(z, given_array)
        np.testing.assert_array_equal(given_array, copy)


def test_strided_and_readonly_arrays():
    x = np.arange(24.0).reshape(4, 6)[::2, ::-2]
    x.flags.writeable = False
    w = np.asfortranarray(np.arange(6.0).reshape(3, 2))
    np.testing.assert_array_equal(affine(x, w), np.ascontiguousarray(x) @ w.copy())


def test_nan_and_inf_pass_through():
    x = np.array([[np.nan, 1.0], [np.inf, 1.0], [1.0, 1.0]])
    z = affine(x, [1.0, 1.0])
    assert np.isnan(z[0])
    assert z[1] == np.inf
    assert z[2] == 2


@pytest.mark.parametrize(
    ("x", "w", "b", "message"),
    [
        ((5, 4), (3,), (), r"x must have shape \(\.\.\., 3\), got \(5, 4\)"),
        ((5, 4), (3, 4), (), r"x must have shape \(\.\.\., 3\), got \(5, 4\)"),
        ((), (1,), (), r"x must have shape \(\.\.\., 1\), got \(\)"),
        ((4,), (), (), r"w must have shape \(D,\) or \(D, K\), got \(\)"),
        ((4,), (1, 4, 3), (), r"w must have shape \(D,\) or \(D, K\), got \(1, 4, 3\)"),
        ((5, 4), (4,), (5,), r"b must be one number, got shape \(5,\)"),
        ((5, 4), (4,), (1,), r"b must be one number, got shape \(1,\)"),
        ((5, 4), (4,), (5, 1), r"b must be one number, got shape \(5, 1\)"),
        (
            (5, 4),
            (4, 3),
            (5, 1),
            r"b must be one number or have shape \(3,\), got shape \(5, 1\)",
        ),
        ((5, 4), (4, 3), (1, 3), r"or have shape \(3,\), got shape \(1, 3\)"),
        ((5, 4), (4, 3), (1,), r"or have shape \(3,\), got shape \(1,\)"),
        ((5, 4), (4, 1), (5,), r"or have shape \(1,\), got shape \(5,\)"),
    ],
)
def test_shapes_that_do_not_fit_are_named(x, w, b, message):
    with pytest.raises(ValueError, match=message):
        affine(np.ones(x), np.ones(w), np.ones(b))


@pytest.mark.parametrize(("place", "name"), [(0, "x"), (1, "w"), (2, "b")])
@pytest.mark.parametrize(("value", "kind"), [("a", "<U1"), (None, "object")])
def test_what_is_not_a_number_is_named(place, name, value, kind):
    arguments = [np.ones(1), np.ones(1), 0.0]
    arguments[place] = [value] if place < 2 else value
    message = f"{name} must hold real or complex numbers, got dtype {kind}"
    with pytest.raises(ValueError, match=message):
        affine(*arguments)
