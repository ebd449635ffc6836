"""The losses against mpmath over the whole range of floats, and what they refuse."""

import mpmath as mp
import numpy as np
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss

from nnlib.functional import one_hot, sigmoid, softmax
from nnlib.losses import (
    BinaryCrossEntropy,
    CategoricalCrossEntropy,
    Loss,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
)

CLASS_LOSSES = (SoftmaxCrossEntropy, CategoricalCrossEntropy)
ELEMENT_LOSSES = (SigmoidCrossEntropy, BinaryCrossEntropy)
SIZES = {
    np.float32: (1e-3, 1.0, 50.0, 1e3, 1e10, 1e38),
    np.float64: (1e-3, 1.0, 50.0, 1e3, 1e100, 1e300),
}
CASES = [(dtype, size) for dtype, sizes in SIZES.items() for size in sizes]


def exact_class_loss(z, y):
    """Cross-entropy of one row of scores and one of probabilities, with 60 digits."""
    with mp.workdps(60):
        z = [mp.mpf(float(s)) for s in z]
        top = max(z)
        at = z.index(top)
        rest = mp.fsum(mp.exp(s - top) for k, s in enumerate(z) if k != at)
        logs = [(s - top) - mp.log1p(rest) for s in z]
        return -mp.fsum(mp.mpf(float(a)) * b for a, b in zip(y, logs, strict=True) if a)


def exact_binary_loss(z, y):
    """Binary cross-entropy from one score, with 60 digits."""
    with mp.workdps(60):
        z, y = mp.mpf(float(z)), mp.mpf(float(y))
        return mp.log1p(mp.exp(-abs(z))) + abs(z) * (1 - y if z > 0 else y)


def scores(dtype, size, classes):
    rng = np.random.default_rng([classes, int(np.log10(size)) + 500])
    z = rng.uniform(-size, size, (12, classes)).astype(dtype)
    z[0] = size  # all tied
    if classes > 1:
        z[1], z[1, 0] = -size, size  # as far apart as can be
    return z, rng.integers(0, classes, 12)


def close(got, want, units, dtype, floor=0):
    eps = float(np.finfo(dtype).eps)
    assert abs(mp.mpf(got) - want) <= units * eps * abs(want) + floor


@pytest.mark.parametrize("classes", [1, 2, 10])
@pytest.mark.parametrize(("dtype", "size"), CASES)
def test_softmax_cross_entropy_sample_by_sample(dtype, size, classes):
    z, labels = scores(dtype, size, classes)
    tiny = float(np.finfo(dtype).smallest_subnormal)
    for row, label in zip(z, labels, strict=True):
        got = SoftmaxCrossEntropy()(row[np.newaxis], [label])
        assert type(got) is float
        want = exact_class_loss(row, np.arange(classes) == label)
        # A leader's loss is a sum of powers, each off by lead * eps / 2 of itself.
        units = 4 + (60 if 0 < want < 1 else 0)
        close(got, want, units, dtype, classes * tiny)


@pytest.mark.parametrize(("dtype", "size"), CASES)
def test_softmax_cross_entropy_is_the_mean(dtype, size):
    z, labels = scores(dtype, size, 10)
    want = mp.fsum(
        exact_class_loss(row, np.arange(10) == label)
        for row, label in zip(z, labels, strict=True)
    )
    close(SoftmaxCrossEntropy()(z, labels), want / 12, 8, dtype)


@pytest.mark.parametrize("y", [0, 1, 0.25])
@pytest.mark.parametrize(("dtype", "size"), CASES)
def test_sigmoid_cross_entropy_element_by_element(dtype, size, y):
    z = np.concatenate([scores(dtype, size, 3)[0].ravel(), [0, 40, -40, 700]])
    z = z.astype(dtype)
    tiny = float(np.finfo(dtype).smallest_subnormal)
    for score in z:
        got = SigmoidCrossEntropy()(score, y)
        assert type(got) is float
        close(got, exact_binary_loss(score, y), 6, dtype, tiny)
    want = mp.fsum(exact_binary_loss(score, y) for score in z) / len(z)
    close(SigmoidCrossEntropy()(z, np.full(len(z), y)), want, 6, dtype, tiny)


@pytest.mark.parametrize("margin", [1.0, 30.0, 37.0, 100.0, 700.0])
def test_a_tiny_loss_keeps_its_digits(margin):
    want = mp.log1p(mp.exp(-mp.mpf(margin)))
    got = SoftmaxCrossEntropy()([[margin, 0.0]], [0])
    close(got, want, 4, np.float64)
    close(SigmoidCrossEntropy()([margin, -margin], [1, 0]), want, 4, np.float64)


def test_a_sum_in_float64_does_not_lose_small_losses():
    """70,000 float32 losses of ln 2 each: a float32 sum would drift."""
    z = np.zeros((70_000, 2), np.float32)
    want = float(np.float32(np.log(2)))
    assert SoftmaxCrossEntropy()(z, np.zeros(70_000, int)) == pytest.approx(want, 1e-12)
    assert SigmoidCrossEntropy()(z, z) == pytest.approx(want, 1e-12)


def test_float32_scores_are_computed_in_float32():
    z = np.random.default_rng(0).normal(0, 3, (50, 4)).astype(np.float32)
    labels = np.arange(50) % 4
    terms = [SoftmaxCrossEntropy()(z[i : i + 1], labels[i : i + 1]) for i in range(50)]
    assert all(float(np.float32(term)) == term for term in terms)
    assert SoftmaxCrossEntropy()(z, labels) == pytest.approx(np.mean(terms), rel=1e-14)


def test_a_finite_mean_does_not_overflow():
    huge = 1.5e308
    assert SoftmaxCrossEntropy()([[0, huge]] * 3, [0] * 3) == pytest.approx(huge)
    one_hot_rows = [[1, 0]] * 3
    assert SoftmaxCrossEntropy()([[0, huge]] * 3, one_hot_rows) == pytest.approx(huge)
    assert SigmoidCrossEntropy()([huge] * 3, [0] * 3) == pytest.approx(huge)
    z = np.full(3, 3e38, np.float32)
    assert SigmoidCrossEntropy()(z, [0] * 3) == float(z[0])


def test_shares_are_not_rounded_to_the_precision_of_the_scores():
    z = np.array([[2.0**20, 0.0]], np.float32)
    y = 1e-9  # 1 - y is 1 in float32
    assert SigmoidCrossEntropy()(z[0, :1], [1 - y]) == pytest.approx(y * 2**20, 1e-6)
    assert SoftmaxCrossEntropy()(z, [[1 - y, y]]) == pytest.approx(y * 2**20, 1e-15)
    assert SigmoidCrossEntropy()(z[0, :1], [1 / 3]) == 2**20 * (1 - 1 / 3)
    p = np.array([[0.0, 1.0]], np.float32)
    assert BinaryCrossEntropy()(p[:, 0], [1e-60]) == np.inf
    assert CategoricalCrossEntropy()(p, [[1e-60, 1]]) == np.inf  # 1e-60 is not 0


def test_float16_is_computed_in_float32():
    z = np.array([[60000, -60000, 0]], np.float16)
    assert SoftmaxCrossEntropy()(z, [1]) == 2 * float(z[0, 0])
    assert SigmoidCrossEntropy()(z, [[0, 1, 1]]) == pytest.approx(40000.23, abs=0.01)


def test_integers_become_float64():
    assert SoftmaxCrossEntropy()(np.array([[0, 200]], np.uint8), [0]) == 200
    assert SoftmaxCrossEntropy()([[2**24 + 1, 0]], [1]) == 2**24 + 1
    assert SigmoidCrossEntropy()(np.array([-100], np.int8), [True]) == 100
    assert CategoricalCrossEntropy()(np.array([[0, 1]]), np.array([1], np.uint8)) == 0


@given(
    st.lists(
        st.lists(st.floats(-1e300, 1e300), min_size=3, max_size=3),
        min_size=1,
        max_size=5,
    ),
    st.data(),
)
def test_invariants(z, data):
    z = np.array(z)
    labels = np.array(
        data.draw(st.lists(st.integers(0, 2), min_size=len(z), max_size=len(z)))
    )
    loss = SoftmaxCrossEntropy()
    value = loss(z, labels)
    assert 0 <= value < np.inf
    assert loss(z, one_hot(labels, 3)) == pytest.approx(value, rel=1e-14)
    order = np.array([2, 0, 1])  # naming the classes otherwise changes nothing
    assert loss(z[:, order], np.argsort(order)[labels]) == pytest.approx(
        value, rel=1e-9
    )
    twice = loss(np.concatenate([z, z]), np.concatenate([labels, labels]))
    assert twice == pytest.approx(value, rel=1e-14)
    binary = SigmoidCrossEntropy()
    y = one_hot(labels, 3)
    assert 0 <= binary(z, y) < np.inf
    assert binary(-z, 1 - y) == pytest.approx(binary(z, y), rel=1e-14)


def test_two_classes_are_one_question():
    rng = np.random.default_rng(1)
    z, labels = rng.normal(0, 20, (30, 2)), rng.integers(0, 2, 30)
    both = SoftmaxCrossEntropy()(z, labels)
    assert SigmoidCrossEntropy()(z[:, 1] - z[:, 0], labels) == pytest.approx(
        both, 1e-13
    )


def test_from_probabilities_agrees_with_from_scores_and_with_scikit_learn():
    rng = np.random.default_rng(2)
    z, labels = rng.normal(0, 3, (40, 5)), rng.integers(0, 5, 40)
    want = log_loss(labels, softmax(z), labels=range(5))
    assert CategoricalCrossEntropy()(softmax(z), labels) == pytest.approx(want, 1e-12)
    assert SoftmaxCrossEntropy()(z, labels) == pytest.approx(want, 1e-12)
    y = rng.integers(0, 2, (40, 5))
    want = np.mean(
        [
            -scipy.special.xlogy(y, sigmoid(z))
            - scipy.special.xlog1py(1 - y, -sigmoid(z))
        ]
    )
    assert BinaryCrossEntropy()(sigmoid(z), y) == pytest.approx(want, 1e-12)
    assert SigmoidCrossEntropy()(z, y) == pytest.approx(want, 1e-12)


def test_a_tiny_probability_keeps_its_digits():
    assert BinaryCrossEntropy()([1e-20], [0]) == pytest.approx(1e-20, rel=1e-15, abs=0)
    assert BinaryCrossEntropy()([5e-324], [1]) == pytest.approx(744.44, abs=0.01)
    p = [[5e-324, 1.0]]
    assert CategoricalCrossEntropy()(p, [0]) == pytest.approx(744.44, abs=0.01)


def test_soft_truth():
    rng = np.random.default_rng(3)
    z, y = rng.normal(0, 3, (20, 4)), rng.dirichlet(np.ones(4), 20)
    want = mp.fsum(map(exact_class_loss, z, y)) / 20
    close(SoftmaxCrossEntropy()(z, y), want, 8, np.float64)
    close(CategoricalCrossEntropy()(softmax(z), y), want, 16, np.float64)
    entropy = scipy.special.entr(y).sum(axis=1).mean()
    assert CategoricalCrossEntropy()(y, y) == pytest.approx(entropy, 1e-13)


@pytest.mark.parametrize("classes", [1, 2, 10])
def test_equal_scores_cost_the_logarithm_of_the_number_of_classes(classes):
    z, labels = np.full((7, classes), 3.0), np.arange(7) % classes
    assert SoftmaxCrossEntropy()(z, labels) == pytest.approx(np.log(classes), abs=1e-15)
    p = np.full((7, classes), 1 / classes)
    want = pytest.approx(np.log(classes), abs=1e-15)
    assert CategoricalCrossEntropy()(p, labels) == want


def test_one_class_costs_nothing_and_zero_is_not_negative():
    for value in (
        SoftmaxCrossEntropy()([[5.0], [-1e300]], [0, 0]),
        CategoricalCrossEntropy()([[1.0, 0.0]], [[1, 0]]),
        BinaryCrossEntropy()([1.0, 0.0], [1, 0]),
        SigmoidCrossEntropy()([1e300, -1e300], [1, 0]),
    ):
        assert value == 0
        assert np.copysign(1, value) == 1


def test_probability_zero_for_the_truth_is_infinite_without_a_warning():
    assert CategoricalCrossEntropy()([[0.0, 1.0]], [0]) == np.inf
    assert CategoricalCrossEntropy()([[0.0, 1.0]], [[0.5, 0.5]]) == np.inf
    assert BinaryCrossEntropy()([0.0, 0.5], [1, 1]) == np.inf
    assert BinaryCrossEntropy()([1.0], [0]) == np.inf
    assert SoftmaxCrossEntropy()([[-np.inf, 0.0]], [0]) == np.inf
    assert SoftmaxCrossEntropy()([[-np.inf, 0.0]], [1]) == 0


def test_infinite_scores_of_sure_answers():
    assert SigmoidCrossEntropy()([np.inf, -np.inf], [1, 0]) == 0
    assert SigmoidCrossEntropy()([np.inf], [0]) == np.inf


def test_nan_passes_through():
    assert np.isnan(SoftmaxCrossEntropy()([[np.nan, 0.0]], [1]))
    assert np.isnan(CategoricalCrossEntropy()([[np.nan, 0.0]], [0]))
    for loss in CLASS_LOSSES:  # also of another class, or another sample
        for truth in ([1, 0], [[0, 1], [1, 0]]):
            assert np.isnan(loss()([[np.nan, 0.5], [0.5, 0.5]], truth))
    assert np.isnan(SigmoidCrossEntropy()([np.nan, 0.0], [1, 1]))
    assert np.isnan(BinaryCrossEntropy()([np.nan, 0.5], [0, 1]))
    assert np.isnan(BinaryCrossEntropy()([np.nan, 0.5], [1, 1]))


@pytest.mark.parametrize("loss", [*CLASS_LOSSES, *ELEMENT_LOSSES])
def test_arguments_are_left_alone(loss):
    p, y = np.array([[0.25, 0.75], [0.5, 0.5]]), np.array([[0.0, 1.0], [1.0, 0.0]])
    kept = p.copy(), y.copy()
    loss()(p, y)
    np.testing.assert_array_equal(p, kept[0])
    np.testing.assert_array_equal(y, kept[1])


@pytest.mark.parametrize("loss", CLASS_LOSSES)
@pytest.mark.parametrize(
    ("y_pred", "y_true", "message"),
    [
        (np.ones((0, 2)), np.ones(0, int), r"at least one sample.*\(0, 2\)"),
        (np.ones((2, 0)), [0, 0], r"at least one sample and one class, got \(2, 0\)"),
        ([0.5, 0.5], [0, 1], r"must have shape \(samples, classes\), got \(2,\)"),
        (np.full((3, 2), 0.5), [0, 1], r"must have shape \(3,\) or \(3, 2\), got"),
        (np.full((3, 2), 0.5), [[0], [1], [0]], r"or \(3, 2\), got \(3, 1\)"),
        (np.full((1, 2), 0.5), 0, r"must have shape \(1,\) or \(1, 2\), got \(\)"),
        (np.full((1, 2), 0.5), [2], "y_true must hold labels from 0 to 1, got 2"),
        (np.full((2, 2), 0.5), [0, -1], "y_true must hold labels from 0 to 1, got -1"),
        (np.full((1, 2), 0.5), [1.0], "must hold integer labels, got dtype float64"),
        (np.full((1, 2), 0.5), [True], "must hold integer labels, got dtype bool"),
        (np.full((1, 2), 0.5), [[0, 0]], "y_true must hold rows .* row with sum 0"),
        (np.full((1, 2), 0.5), [[2.0, -1.0]], "y_true must hold rows .*got -1.0"),
        (np.full((1, 2), 0.5), [[np.nan, 1.0]], "y_true must hold rows .*got nan"),
        (np.full((1, 2), 0.5j), [0], "must hold real numbers, got dtype complex128"),
        ([["a", "b"]], [0], "y_pred must hold real numbers, got dtype <U1"),
    ],
)  # fmt: skip
def test_class_losses_name_what_is_wrong(loss, y_pred, y_true, message):
    with pytest.raises(ValueError, match=message):
        loss()(y_pred, y_true)


@pytest.mark.parametrize("loss", ELEMENT_LOSSES)
@pytest.mark.parametrize(
    ("y_pred", "y_true", "message"),
    [
        ([], [], r"y_pred must hold at least one element, got \(0,\)"),
        (np.full(3, 0.5), np.ones((3, 1)), r"shape of y_pred, \(3,\), got \(3, 1\)"),
        (np.full((3, 1), 0.5), np.ones(3), r"shape of y_pred, \(3, 1\), got \(3,\)"),
        (np.full((2, 3), 0.5), np.ones(3), r"shape of y_pred, \(2, 3\), got \(3,\)"),
        ([0.5], [-1], "y_true must lie from 0 to 1, got -1"),
        ([0.5], [2], "y_true must lie from 0 to 1, got 2"),
        ([0.5], [np.nan], "y_true must lie from 0 to 1, got nan"),
        ([0.5j], [1], "y_pred must hold real numbers, got dtype complex128"),
        ([0.5], ["yes"], "y_true must hold real numbers, got dtype <U3"),
    ],
)  # fmt: skip
def test_element_losses_name_what_is_wrong(loss, y_pred, y_true, message):
    with pytest.raises(ValueError, match=message):
        loss()(y_pred, y_true)


def test_the_tolerances_of_row_sums_are_those_of_the_docstrings():
    p = [[0.5, 0.5]]
    for loss in CLASS_LOSSES:
        loss()(p, [[0.5, 0.5009]])
        with pytest.raises(ValueError, match=r"row with sum 1\.001"):
            loss()(p, [[0.5, 0.5011]])
    CategoricalCrossEntropy()([[0.5, 0.509]], [0])
    with pytest.raises(ValueError, match=r"row with sum 1\.011"):
        CategoricalCrossEntropy()([[0.5, 0.511]], [0])


def test_scores_in_place_of_probabilities_are_refused():
    with pytest.raises(ValueError, match="sum 4; scores belong to SoftmaxCrossEntropy"):
        CategoricalCrossEntropy()([[1.0, 3.0]], [0])
    with pytest.raises(ValueError, match=r"got -1\.0; scores belong to SoftmaxCross"):
        CategoricalCrossEntropy()([[2.0, -1.0]], [0])
    with pytest.raises(
        ValueError, match=r"got 3\.0; scores belong to SigmoidCrossEntropy"
    ):
        BinaryCrossEntropy()([0.5, 3.0], [1, 1])


def test_a_loss_without_a_formula_says_so():
    with pytest.raises(NotImplementedError, match="Loss does not define __call__"):
        Loss()([1.0], [1.0])
    assert all(issubclass(loss, Loss) for loss in (*CLASS_LOSSES, *ELEMENT_LOSSES))


def test_the_slope_of_the_exact_loss_is_1_where_the_clipped_one_is_flat():
    """Central differences, in the true class's score, see eq-clipped-flat."""
    for behind in (17.0, 100.0, 1e4):
        z, h = np.array([[0.0, behind]]), 2.0**-10
        loss = SoftmaxCrossEntropy()
        slope = (
            loss(z + np.array([[h, 0]]), [0]) - loss(z - np.array([[h, 0]]), [0])
        ) / (2 * h)
        assert slope == pytest.approx(-1, abs=1e-7)
