"""The functions against mpmath, over the whole range of floats."""

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnlib.functional import (
    log_softmax,
    logsumexp,
    one_hot,
    sigmoid,
    softmax,
    softplus,
)

FUNCTIONS = (softmax, log_softmax, logsumexp)
SIZES = {
    np.float32: (1e-3, 1.0, 50.0, 1e3, 1e10, 1e38),
    np.float64: (1e-3, 1.0, 50.0, 1e3, 1e100, 1e300),
}
CASES = [(dtype, size) for dtype, sizes in SIZES.items() for size in sizes]


def exact(z):
    """softmax, log-softmax and log-sum-exp of one row, with 60 digits."""
    with mp.workdps(60):
        z = [mp.mpmathify(complex(s) if np.iscomplexobj(z) else float(s)) for s in z]
        top = max(z, key=lambda s: mp.re(s))
        at = z.index(top)
        rest = mp.fsum(mp.exp(s - top) for k, s in enumerate(z) if k != at)
        lse = top + mp.log1p(rest)
        logs = [(s - top) - mp.log1p(rest) for s in z]
        return [mp.exp(s) for s in logs], logs, lse


def rows(dtype, size, classes):
    rng = np.random.default_rng([classes, int(np.log10(size)) + 500])
    z = rng.uniform(-size, size, (20, classes)).astype(dtype)
    z[0] = size  # all tied
    if classes > 1:
        z[1], z[1, 0] = -size, size  # as far apart as can be
    return z


@pytest.mark.parametrize("classes", [1, 2, 10])
@pytest.mark.parametrize(("dtype", "size"), CASES)
def test_log_softmax_is_right_to_a_few_units_in_the_last_place(dtype, size, classes):
    z = rows(dtype, size, classes)
    eps, tiny = float(np.finfo(dtype).eps), float(np.finfo(dtype).smallest_subnormal)
    answer = log_softmax(z)
    assert answer.dtype == dtype
    for row, scores in zip(answer, z, strict=True):
        # A leader's value is a sum of powers of rounded leads; each power is off by
        # lead * eps / 2 of itself.
        lead = np.sort(scores.max() - scores.astype(float))[1:]
        powers = np.exp(-lead) + 1e-300
        average = (lead * powers).sum() / powers.sum() if classes > 1 else 0
        for got, want, score in zip(row, exact(scores)[1], scores, strict=True):
            units = 4 + (average / 2 if score == scores.max() else 0)
            assert (
                abs(mp.mpf(float(got)) - want)
                <= units * eps * abs(want) + classes * tiny
            )


@pytest.mark.parametrize("classes", [1, 2, 10])
@pytest.mark.parametrize(("dtype", "size"), CASES)
def test_softmax_is_as_right_as_the_rounded_difference_of_scores_allows(
    dtype, size, classes
):
    z = rows(dtype, size, classes)
    eps, tiny = float(np.finfo(dtype).eps), float(np.finfo(dtype).smallest_subnormal)
    answer = softmax(z)
    assert answer.dtype == dtype
    for row, scores in zip(answer, z, strict=True):
        for got, want, score in zip(row, exact(scores)[0], scores, strict=True):
            # The difference is rounded by eps/2 of itself, which its power multiplies.
            lead = abs(float(score) - float(scores.max()))
            allowed = (lead / 2 + 8) * eps * want + 2 * tiny
            assert abs(mp.mpf(float(got)) - want) <= allowed


@pytest.mark.parametrize("classes", [1, 2, 10])
@pytest.mark.parametrize(("dtype", "size"), CASES)
def test_logsumexp_is_right_relative_to_the_larger_of_itself_and_the_top(
    dtype, size, classes
):
    z = rows(dtype, size, classes)
    eps = float(np.finfo(dtype).eps)
    answer = logsumexp(z)
    assert answer.dtype == dtype
    for got, row in zip(answer, z, strict=True):
        want = exact(row)[2]
        assert abs(mp.mpf(float(got)) - want) <= 4 * eps * max(
            abs(want), abs(float(row.max()))
        )


@pytest.mark.parametrize("margin", [1.0, 36.0, 37.0, 100.0, 700.0])
def test_a_sure_answer_is_not_rounded_to_certainty(margin):
    got = log_softmax(np.array([margin, 0.0]))[0]
    want = exact(np.array([margin, 0.0]))[1][0]
    assert got < 0
    assert abs(mp.mpf(float(got)) / want - 1) < 1e-15


@given(
    st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=8),
    st.floats(-100, 100),
)
def test_invariants(z, shift):
    z = np.array(z)
    p, logs, lse = softmax(z), log_softmax(z), logsumexp(z)
    assert abs(p.sum() - 1) < 1e-14
    assert (p >= 0).all()
    assert (logs <= 0).all()
    assert p[z.argmax()] == p.max()
    slack = 4 * np.finfo(float).eps * max(1, abs(z.max()))
    assert z.max() - slack <= lse <= z.max() + np.log(len(z)) + slack
    moderate = np.clip(z, -1e3, 1e3)
    np.testing.assert_allclose(
        softmax(moderate + shift), softmax(moderate), rtol=1e-11, atol=1e-300
    )


def test_float16_stays_float16_and_is_right():
    z = np.array([[1000.0, 999.0, -60000.0], [11.0, 11.0, 11.0]], dtype=np.float16)
    for function in FUNCTIONS:
        assert function(z).dtype == np.float16
    np.testing.assert_allclose(softmax(z)[0], [0.7311, 0.2689, 0.0], atol=1e-3)
    np.testing.assert_allclose(logsumexp(z)[1], 11 + np.log(3), atol=1e-2)


def test_float16_sums_neither_overflow_nor_stagnate():
    many = np.zeros(70000, np.float16)
    assert logsumexp(many) == np.float16(np.log(70000))
    assert log_softmax(many)[0] == np.float16(-np.log(70000))
    assert softmax(many)[0] == np.float16(1 / 70000)
    tall = softmax(np.zeros((5000, 3), np.float16), axis=0)
    assert tall[0, 0] == np.float16(1 / 5000)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sums_are_as_exact_along_any_axis(dtype):
    """NumPy adds pairwise only along contiguous memory; elsewhere errors grow."""
    z = np.random.default_rng(5).normal(0, 1, (100_000, 2)).astype(dtype)
    z[0] = 11.8
    eps = np.finfo(dtype).eps
    assert abs(softmax(z, axis=0).sum(axis=0, dtype=np.longdouble) - 1).max() < 8 * eps
    want = log_softmax(np.ascontiguousarray(z.T).astype(np.longdouble))[:, 0]
    got = log_softmax(z, axis=0)[0]
    assert (abs(got - want) <= 12 * eps * abs(want)).all()


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64, bool])
def test_integers_become_float64(dtype):
    z = np.array([[0, 1, 1]], dtype=dtype)
    for function in FUNCTIONS:
        assert function(z).dtype == np.float64
        np.testing.assert_array_equal(function(z), function(z.astype(float)))


def test_small_unsigned_integers_do_not_wrap_around():
    z = np.array([200, 0], dtype=np.uint8)
    np.testing.assert_allclose(log_softmax(z), [0, -200], atol=1e-12)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_an_empty_batch_gives_an_empty_array(function, dtype):
    answer = function(np.empty((0, 3), dtype=dtype))
    assert answer.shape == ((0,) if function is logsumexp else (0, 3))
    assert answer.dtype == dtype


@pytest.mark.parametrize("function", FUNCTIONS)
def test_one_class_is_certain(function):
    z = np.array([[5.0], [-1e300]])
    expected = {softmax: [[1], [1]], log_softmax: [[0], [0]], logsumexp: [5, -1e300]}[
        function
    ]
    np.testing.assert_array_equal(function(z), expected)


def test_complex_scores_agree_with_mpmath():
    rng = np.random.default_rng(0)
    for size in (1.0, 30.0, 300.0):
        z = rng.uniform(-size, size, (10, 4)) + 1j * rng.uniform(-1, 1, (10, 4))
        for row in z:
            p, logs, lse = exact(row)
            np.testing.assert_allclose(
                softmax(row), np.array(p, complex), rtol=1e-12, atol=1e-300
            )
            np.testing.assert_allclose(logsumexp(row), complex(lse), rtol=1e-14)
            np.testing.assert_allclose(
                log_softmax(row), np.array(logs, complex), rtol=1e-12
            )


def test_complex_scores_that_nearly_cancel():
    with mp.workdps(60):
        for gap in (3.14, 3.1415926, np.pi):
            z = np.array([0, 1j * gap])
            want = complex(mp.log(mp.fsum(mp.exp(mp.mpmathify(complex(s))) for s in z)))
            # The power is rounded once; its sum with 1 has lost that many digits.
            assert abs(logsumexp(z) - want) <= 2e-16 / abs(np.exp(want)) + 1e-14


def test_big_endian_float16_is_float16():
    z = np.zeros(70000, ">f2")
    assert logsumexp(z) == np.float16(np.log(70000))


@pytest.mark.parametrize("size", [1.0, 30.0, 1e4])
def test_complex_step_gives_the_gradient_of_logsumexp(size):
    z = np.random.default_rng(1).uniform(-size, size, 6)
    step = 1e-200
    slope = [
        logsumexp(z + 1j * step * (np.arange(6) == k)).imag / step for k in range(6)
    ]
    np.testing.assert_allclose(slope, softmax(z), rtol=1e-13, atol=1e-300)


def test_jacobian_by_central_differences():
    """Rows of diag(p) - p pᵀ, which chapter 08 derives."""
    z, h = np.random.default_rng(2).normal(size=5), 1e-6
    p = softmax(z)
    for function, jacobian in (
        (softmax, np.diag(p) - np.outer(p, p)),
        (log_softmax, np.eye(5) - p),
    ):
        measured = [
            (
                function(z + h * (np.arange(5) == k))
                - function(z - h * (np.arange(5) == k))
            )
            / (2 * h)
            for k in range(5)
        ]
        np.testing.assert_allclose(np.transpose(measured), jacobian, atol=1e-9)


def test_axis_and_keepdims():
    z = np.random.default_rng(3).normal(0, 100, (3, 4, 5))
    for axis in (0, 1, 2, -1, -3):
        last = np.moveaxis(z, axis, -1)
        for function in (softmax, log_softmax):
            np.testing.assert_array_equal(
                np.moveaxis(function(z, axis=axis), axis, -1),
                function(np.ascontiguousarray(last)),
            )
        np.testing.assert_allclose(logsumexp(z, axis=axis), logsumexp(last), rtol=1e-15)
        assert logsumexp(z, axis=axis, keepdims=True).shape == tuple(
            1 if k == axis % 3 else n for k, n in enumerate(z.shape)
        )


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_scores_are_left_alone(function):
    z = np.array([[1.0, 2.0], [3.0, 3.0]])
    kept = z.copy()
    answer = function(z)
    np.testing.assert_array_equal(z, kept)
    assert not np.shares_memory(answer, z)


def test_impossible_classes_have_probability_zero():
    z = np.array([[-np.inf, 0.0, 0.0], [-np.inf, -np.inf, 7.0]])
    np.testing.assert_array_equal(softmax(z), [[0, 0.5, 0.5], [0, 0, 1]])
    np.testing.assert_allclose(logsumexp(z), [np.log(2), 7], rtol=1e-15)
    np.testing.assert_allclose(log_softmax(z)[1], [-np.inf, -np.inf, 0])


def test_infinite_scores_pass_through_logsumexp():
    z = np.array(
        [[np.inf, 0, -5], [np.inf, np.inf, 1], [-np.inf] * 3, [np.inf, -np.inf, 0]]
    )
    np.testing.assert_array_equal(logsumexp(z), [np.inf, np.inf, -np.inf, np.inf])


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("classes", [1, 2, 3, 4, 10])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_a_row_among_many_is_what_it_is_alone(function, classes, dtype):
    rng = np.random.default_rng(classes)
    z = rng.normal(0, 5, (200, classes)).astype(dtype)
    if dtype is np.complex128:
        z += 1j * rng.choice([0, 1e-30, 1], z.shape)
    else:
        values = [-np.inf, 0, 1, np.inf, np.nan]
        z[:100] = rng.choice(values, (100, classes), p=[0.3, 0.2, 0.2, 0.2, 0.1])
    alone = np.array([function(row) for row in z])
    # The parts of a complex number one by one: a tiny imaginary part counts too.
    rtol = 20 * float(np.finfo(dtype).eps)
    for part in (np.real, np.imag):
        np.testing.assert_allclose(
            part(function(z)), part(alone), rtol=rtol, atol=rtol * 1e-30
        )


@pytest.mark.parametrize("function", FUNCTIONS)
def test_nan_passes_through(function):
    answer = function(np.array([[np.nan, 1.0], [0.0, 0.0]]))
    assert np.isnan(answer[0]).all()
    assert np.isfinite(answer[1]).all()


def test_inf_without_an_answer_is_nan_with_a_warning():
    z = np.array([np.inf, 0.0])
    with pytest.warns(RuntimeWarning, match="invalid value"):
        assert np.isnan(softmax(z)).all()
    with pytest.warns(RuntimeWarning, match="invalid value"):
        np.testing.assert_array_equal(log_softmax(z), [np.nan, -np.inf])
    with pytest.warns(RuntimeWarning, match="invalid value"):
        assert np.isnan(log_softmax(np.array([-np.inf, -np.inf]))).all()


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(
    ("z", "axis", "message"),
    [
        (3.0, -1, r"axis must be an axis of z, got -1 for z of shape \(\)"),
        ([1.0, 2.0], 1, r"axis must be an axis of z, got 1 for z of shape \(2,\)"),
        (np.empty((3, 0)), -1, r"at least one class along axis -1, got shape \(3, 0\)"),
        (["a", "b"], -1, "z must hold real or complex numbers, got dtype <U1"),
        (
            np.array([1, None]),
            -1,
            "z must hold real or complex numbers, got dtype object",
        ),
    ],
)
def test_bad_input_is_named(function, z, axis, message):
    with pytest.raises(ValueError, match=message):
        function(z, axis=axis)


# Chapter 05: one_hot, sigmoid, softplus.


def exact_sigmoid_and_softplus(x):
    """Both with 60 digits, for a real or complex number."""
    with mp.workdps(60):
        x = mp.mpmathify(complex(x) if np.iscomplexobj(x) else float(x))
        if mp.re(x) < 0:
            power = mp.exp(x)
            return power / (1 + power), mp.log1p(power)
        power = mp.exp(-x)
        return 1 / (1 + power), x + mp.log1p(power)


@pytest.mark.parametrize(("dtype", "size"), CASES)
def test_sigmoid_and_softplus_are_right_to_a_few_units(dtype, size):
    x = np.random.default_rng(7).uniform(-size, size, 200).astype(dtype)
    x[:4] = size, -size, 0, -0.0
    eps, tiny = float(np.finfo(dtype).eps), float(np.finfo(dtype).smallest_subnormal)
    for position, function in enumerate((sigmoid, softplus)):
        answer = function(x)
        assert answer.dtype == dtype
        for got, value in zip(answer, x, strict=True):
            want = exact_sigmoid_and_softplus(value)[position]
            assert abs(mp.mpf(float(got)) - want) <= 4 * eps * abs(want) + 2 * tiny


def test_sigmoid_and_softplus_of_complex_numbers():
    rng = np.random.default_rng(8)
    for size in (1.0, 30.0, 700.0):
        x = rng.uniform(-size, size, 50) + 1j * rng.uniform(-1, 1, 50)
        want = np.array([exact_sigmoid_and_softplus(value) for value in x], complex)
        np.testing.assert_allclose(sigmoid(x), want[:, 0], rtol=1e-13)
        np.testing.assert_allclose(softplus(x), want[:, 1], rtol=1e-13)


@pytest.mark.parametrize("size", [1.0, 30.0, 1e4, 1e300])
def test_complex_step_gives_the_slopes_of_sigmoid_and_softplus(size):
    x = np.random.default_rng(9).uniform(-size, size, 100)
    step = 1e-200
    slope = sigmoid(x) * sigmoid(-x)
    np.testing.assert_allclose(
        sigmoid(x + 1j * step).imag / step, slope, rtol=1e-12, atol=1e-100
    )
    np.testing.assert_allclose(
        softplus(x + 1j * step).imag / step, sigmoid(x), rtol=1e-12, atol=1e-100
    )


@given(st.floats(-1e300, 1e300))
def test_symmetries_of_sigmoid_and_softplus(x):
    assert sigmoid(x) + sigmoid(-x) == pytest.approx(1, abs=3e-16)
    assert softplus(x) - softplus(-x) == pytest.approx(x, rel=1e-15, abs=1e-15)
    np.testing.assert_allclose(
        softmax([x, 0.0])[0], sigmoid(x), rtol=1e-12, atol=1e-320
    )
    np.testing.assert_allclose(logsumexp([x, 0.0]), softplus(x), rtol=1e-15)


def test_limits_and_nan():
    x = np.array([np.inf, -np.inf, np.nan])
    np.testing.assert_array_equal(sigmoid(x), [1, 0, np.nan])
    np.testing.assert_array_equal(softplus(x), [np.inf, 0, np.nan])


@pytest.mark.parametrize("function", [sigmoid, softplus])
def test_shapes_and_kinds(function):
    assert function(np.array([[1, -1]], np.int8)).dtype == np.float64
    assert function(np.array([1, -1], np.float16)).dtype == np.float16
    assert function(np.ones((0, 3), np.float32)).shape == (0, 3)
    assert function(2.0).shape == ()
    assert isinstance(function(2.0), np.ndarray)
    x = np.array([1.0, -2.0])
    assert not np.shares_memory(function(x), x)
    np.testing.assert_array_equal(x, [1, -2])
    for bad in ("a", None):
        with pytest.raises(
            ValueError, match="x must hold real or complex numbers, got"
        ):
            function(bad)


def test_one_hot():
    labels = np.random.default_rng(0).integers(0, 7, (4, 5))
    hot = one_hot(labels, 7)
    assert hot.dtype == np.float64
    np.testing.assert_array_equal(hot, labels[..., None] == np.arange(7))
    np.testing.assert_array_equal(one_hot(np.uint8(2), 3), [0, 0, 1])
    assert one_hot([], 3).shape == (0, 3)
    assert one_hot(np.zeros((0, 2), int), np.int64(3)).shape == (0, 2, 3)


@pytest.mark.parametrize(
    ("labels", "classes", "message"),
    [
        ([0, 3], 3, "labels must lie from 0 to 2, got 3"),
        ([0, -1], 3, "labels must lie from 0 to 2, got -1"),
        ([0.0, 1.0], 3, "labels must be integers, got dtype float64"),
        ([True], 3, "labels must be integers, got dtype bool"),
        ([0], 0, "classes must be a positive integer, got 0"),
        ([0], 2.0, "classes must be a positive integer, got 2.0"),
        ([0], True, "classes must be a positive integer, got True"),
    ],
)
def test_one_hot_names_what_is_wrong(labels, classes, message):
    with pytest.raises(ValueError, match=message):
        one_hot(labels, classes)
