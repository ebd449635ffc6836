"""The way back through the losses and Softmax, against mpmath and differences."""

import copy
import pickle

import mpmath as mp
import numpy as np
import pytest

from nnlib import gradcheck
from nnlib.activations import Softmax
from nnlib.functional import one_hot, softmax
from nnlib.losses import (
    BinaryCrossEntropy,
    CategoricalCrossEntropy,
    Loss,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
)
from nnlib.models import Sequential

LOSSES = {
    SoftmaxCrossEntropy: ([[0.5, -1.0, 2.0], [3.0, 0.0, 1.0]], [0, 2]),
    CategoricalCrossEntropy: ([[0.5, 0.25, 0.25], [0.1, 0.2, 0.7]], [0, 2]),
    SigmoidCrossEntropy: ([[0.5, -1.0], [3.0, 0.0]], [[0.0, 1.0], [0.3, 1.0]]),
    BinaryCrossEntropy: ([[0.5, 0.125], [0.7, 0.2]], [[0.0, 1.0], [0.3, 1.0]]),
}
SIZES = {
    np.float32: (1e-3, 1.0, 50.0, 1e3, 1e10, 1e38),
    np.float64: (1e-3, 1.0, 50.0, 1e3, 1e100, 1e300),
}
CASES = [(dtype, size) for dtype, sizes in SIZES.items() for size in sizes]


def exact_softmax(z):
    """Softmax of one row and, of each probability, 1 - p, with 60 digits."""
    with mp.workdps(60):
        z = [mp.mpf(float(s)) for s in z]
        powers = [mp.exp(s - max(z)) for s in z]
        total = mp.fsum(powers)
        rest = [mp.fsum(powers[:k] + powers[k + 1 :]) / total for k in range(len(z))]
        return [power / total for power in powers], rest


def scores(dtype, size, classes):
    rng = np.random.default_rng([classes, int(np.log10(size)) + 500])
    z = rng.uniform(-size, size, (12, classes)).astype(dtype)
    z[0] = size  # all tied
    if classes > 1:
        z[1], z[1, 0] = -size, size  # as far apart as can be
    labels = rng.integers(0, classes, 12)
    labels[1:3] = z[1:3].argmax(axis=1)  # sure and right
    return z, labels


def close(got, want, units, floor=0.0):
    """Compare digit by digit, up to some machine epsilons."""
    eps = float(np.finfo(got.dtype).eps)
    for g, w in zip(got.ravel(), want, strict=True):
        assert abs(mp.mpf(float(g)) - w) <= units * eps * abs(w) + floor


@pytest.mark.parametrize("classes", [1, 2, 10])
@pytest.mark.parametrize(("dtype", "size"), CASES)
def test_softmax_cross_entropy_entry_by_entry(dtype, size, classes):
    z, labels = scores(dtype, size, classes)
    loss = SoftmaxCrossEntropy()
    loss(z, labels)
    got = loss.backward()
    assert got.dtype == dtype
    want = []
    for row, label in zip(z, labels, strict=True):
        p, rest = exact_softmax(row)
        want += [(-rest[k] if k == label else p[k]) / 12 for k in range(classes)]
    # A power is off by as many halves of epsilon as its exponent, at most 104 or 745.
    units = 8 + min(2 * size, 745)
    floor = 4 * float(np.finfo(dtype).smallest_subnormal)
    close(got, want, units, floor)
    loss(z, one_hot(labels, classes))
    close(loss.backward(), want, units, floor)


def test_a_sure_answer_keeps_its_digits():
    loss, z = SoftmaxCrossEntropy(), np.array([[40.0, 0.0]])
    for truth in ([0], [[1.0, 0.0]]):
        loss(z, truth)
        np.testing.assert_allclose(
            loss.backward(), [[-np.exp(-40), np.exp(-40)]], rtol=1e-14
        )
    loss = SigmoidCrossEntropy()
    loss([40.0, -40.0], [1.0, 0.0])
    want = [-np.exp(-40.0) / 2, np.exp(-40.0) / 2]
    np.testing.assert_allclose(loss.backward(), want, rtol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_shares_also_where_their_sum_is_not_quite_one(dtype):
    rng = np.random.default_rng(0)
    z = rng.normal(0, 4, (8, 5)).astype(dtype)
    y = rng.dirichlet(np.ones(5), 8) * rng.uniform(0.9991, 1.0009, (8, 1))
    y[0] = [0, 0.9995, 0, 0, 0]
    loss = SoftmaxCrossEntropy()
    loss(z, y)
    for row, shares, got in zip(z, y, loss.backward(), strict=True):
        p, _ = exact_softmax(row)
        total = mp.fsum(shares)
        for k in range(5):
            want = (total * p[k] - float(shares[k])) / 8
            assert abs(float(got[k]) - want) <= 4 * np.finfo(dtype).eps


@pytest.mark.parametrize(("dtype", "size"), CASES)
def test_sigmoid_cross_entropy_entry_by_entry(dtype, size):
    z = scores(dtype, size, 10)[0]
    y = np.random.default_rng(1).choice([0.0, 1.0, 0.25], z.shape)
    loss = SigmoidCrossEntropy()
    loss(z, y)
    want = []
    with mp.workdps(60):
        for s, share in zip(z.ravel().tolist(), y.ravel().tolist(), strict=True):
            if abs(s) > 1e5:
                yes, no = (1, 0) if s > 0 else (0, 1)
            else:
                yes, no = 1 / (1 + mp.exp(-s)), 1 / (1 + mp.exp(s))
            want.append(((1 - share) * yes - share * no) / 120)
    got = loss.backward()
    assert got.dtype == dtype
    eps, tiny = float(np.finfo(dtype).eps), float(np.finfo(dtype).smallest_subnormal)
    for g, w, share in zip(got.ravel(), want, y.ravel(), strict=True):
        near = eps / 120 if share == 0.25 else 0  # p - 0.25 cancels
        allowed = 6 * eps * abs(w) + 2 * near + 2 * tiny
        assert abs(mp.mpf(float(g)) - w) <= allowed


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_from_probabilities_entry_by_entry(dtype):
    rng = np.random.default_rng(2)
    tiny = np.finfo(dtype).tiny
    p = rng.dirichlet(np.ones(4), 6).astype(dtype)
    p[0] = [1 - 64 * tiny, 64 * tiny, 0, 0]
    labels = np.array([1, 0, 1, 2, 3, 3])
    loss = CategoricalCrossEntropy()
    loss(p, labels)
    got = loss.backward()
    assert got.dtype == dtype
    want = [
        -1 / (mp.mpf(float(p[i, k])) * 6) if k == labels[i] else mp.mpf(0)
        for i in range(6)
        for k in range(4)
    ]
    close(got, want, 2)
    y = rng.dirichlet(np.ones(4), 6)
    y[0] = [0.5, 0.5, 0, 0]
    loss(p, y)
    want = [
        -mp.mpf(y[i, k]) / (mp.mpf(float(p[i, k])) * 6) if y[i, k] else mp.mpf(0)
        for i in range(6)
        for k in range(4)
    ]
    close(loss.backward(), want, 3)
    q, t = p[1:].ravel(), rng.uniform(0, 1, 20)
    t[:6] = [0, 1, 0, 1, 0, 1]
    loss = BinaryCrossEntropy()
    loss(q, t)
    want = [
        (mp.mpf(float(a)) - b) / (mp.mpf(float(a)) * (1 - mp.mpf(float(a))) * 20)
        for a, b in zip(q, t, strict=True)
    ]
    close(loss.backward(), want, 6)


def test_infinite_where_the_truth_had_no_probability_and_no_warning():
    loss = CategoricalCrossEntropy()
    for truth in ([1, 1], [[0, 1], [0, 1]]):
        for nothing in (0.0, -0.0):
            assert loss([[1.0, nothing], [0.5, 0.5]], truth) == np.inf
            np.testing.assert_array_equal(loss.backward(), [[0, -np.inf], [0, -1]])
    loss([[1.0, 0.0]], [[1.0, 0.0]])
    np.testing.assert_array_equal(loss.backward(), [[-1, 0]])
    loss = BinaryCrossEntropy()
    loss([0.0, -0.0, 1.0, 1.0, 0.0, 1.0], [1, 1, 0, 1, 0, 0.5])
    want = np.array([-np.inf, -np.inf, np.inf, -1, 1, np.inf]) / 6
    np.testing.assert_array_equal(loss.backward(), want)
    loss = SoftmaxCrossEntropy()
    assert loss([[-np.inf, 0.0]], [0]) == np.inf
    np.testing.assert_array_equal(loss.backward(), [[-1, 1]])


def test_nan_stays_with_its_row_or_element():
    for kind, row in ((SoftmaxCrossEntropy, 9.0), (CategoricalCrossEntropy, 0.5)):
        for truth in ([0, 0], [[1.0, 0], [1, 0]]):
            loss = kind()
            loss([[np.nan, row], [0.5, 0.5]], truth)
            got = loss.backward()
            assert np.isnan(got[0]).any()
            assert np.isfinite(got[1]).all()
    loss = CategoricalCrossEntropy()
    for truth in ([0], [[1.0, 0.0]]):
        assert np.isnan(loss([[0.5, np.nan]], truth))
        np.testing.assert_array_equal(loss.backward(), [[-2, np.nan]])
    for kind in (SigmoidCrossEntropy, BinaryCrossEntropy):
        loss = kind()
        loss([np.nan, 0.5, np.nan], [0, 0, 1])
        np.testing.assert_array_equal(np.isnan(loss.backward()), [1, 0, 1])


@pytest.mark.parametrize("kind", LOSSES)
def test_order_precision_and_copies(kind):
    pred, true = LOSSES[kind]
    loss = kind()
    with pytest.raises(RuntimeError, match=r"^call the loss before backward$"):
        loss.backward()
    with pytest.raises(ValueError, match="y_true must"):
        loss(pred, [[7.0]])
    with pytest.raises(RuntimeError, match=r"^call the loss before backward$"):
        loss.backward()
    loss(pred, true)
    first = loss.backward()
    with pytest.raises(ValueError, match="y_true must"):
        loss(np.ones((3, 1)), [[7.0]])
    second = loss.backward()  # of the value that was returned last
    assert first is not second
    np.testing.assert_array_equal(first, second)
    first[...] = 0
    np.testing.assert_array_equal(loss.backward(), second)
    for twin in (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        np.testing.assert_array_equal(twin.backward(), second)
    for dtype, result in (
        (np.float16, np.float32),
        (np.float32, np.float32),
        (np.float64, np.float64),
        (np.longdouble, np.longdouble),
    ):
        given, truth = np.array(pred, dtype), np.array(true)
        kept = given.copy(), truth.copy()
        loss(given, truth)
        assert loss.backward().dtype == result
        np.testing.assert_allclose(loss.backward(), second, rtol=3e-3)
        np.testing.assert_array_equal(given, kept[0])
        np.testing.assert_array_equal(truth, kept[1])
    if kind in (SoftmaxCrossEntropy, CategoricalCrossEntropy):
        for label in (np.uint8, np.uint64, np.int16):
            loss(pred, np.array(true, label))
            np.testing.assert_array_equal(loss.backward(), second)
        loss(pred, one_hot(true, 3))
        np.testing.assert_allclose(loss.backward(), second, rtol=1e-15, atol=1e-16)
        loss(np.asfortranarray(pred), true)
        np.testing.assert_array_equal(loss.backward(), second)
    else:
        one = kind()
        one(0.5, 0.0)
        assert one.backward().shape == ()


def test_a_loss_without_backward_says_so():
    class Mine(Loss):
        pass

    with pytest.raises(NotImplementedError, match=r"^Mine does not define backward$"):
        Mine().backward()


@pytest.mark.parametrize("kind", LOSSES)
def test_against_differences(kind):
    pred, true = map(np.array, LOSSES[kind])
    if kind is CategoricalCrossEntropy:
        # Differences leave the rows of sum 1 by less than the loss allows.
        gradcheck.check_loss(kind(), pred, true, rtol=1e-6)
        gradcheck.check_loss(kind(), pred, np.array([[0.2, 0.8, 0], [0, 0.5, 0.5]]))
    else:
        gradcheck.check_loss(kind(), pred, true)
    if kind is SoftmaxCrossEntropy:
        rng = np.random.default_rng(3)
        z, labels = rng.normal(0, 3, (40, 17)), rng.integers(0, 17, 40)
        gradcheck.check_loss(kind(), z, labels)
        gradcheck.check_loss(kind(), z, rng.dirichlet(np.ones(17), 40))


def test_a_mean_over_samples_and_over_elements():
    """Twice the batch, half the slope; and the slopes of a row sum to 0."""
    for kind, (pred, true) in LOSSES.items():
        loss = kind()
        loss(pred, true)
        once = loss.backward()
        loss(np.concatenate([pred, pred]), np.concatenate([true, true]))
        np.testing.assert_allclose(
            2 * loss.backward(), np.concatenate([once] * 2), rtol=1e-15
        )
        if kind is SoftmaxCrossEntropy:
            assert np.abs(once.sum(axis=1)).max() < 1e-16


# The layer


@pytest.mark.parametrize("classes", [1, 2, 10])
@pytest.mark.parametrize(("dtype", "size"), CASES)
def test_softmax_backward_against_mpmath(dtype, size, classes):
    z, _ = scores(dtype, size, classes)
    dy = np.random.default_rng(5).normal(0, 1, z.shape).astype(dtype)
    layer = Softmax()
    np.testing.assert_array_equal(layer.forward(z), softmax(z))
    got = layer.backward(dy)
    assert got.dtype == dtype
    eps, tiny = float(np.finfo(dtype).eps), float(np.finfo(dtype).smallest_subnormal)
    for row, upstream, answer in zip(z, dy, got, strict=True):
        p, _ = exact_softmax(row)
        with mp.workdps(60):
            g = [mp.mpf(float(a)) for a in upstream]
            for k in range(classes):
                terms = [p[k] * p[j] * (g[k] - g[j]) for j in range(classes)]
                allowed = (12 + min(4 * size, 1490)) * eps * mp.fsum(map(abs, terms))
                error = abs(mp.mpf(float(answer[k])) - mp.fsum(terms))
                assert error <= allowed + 8 * tiny


def test_softmax_keeps_the_digits_of_a_sure_answer():
    layer = Softmax()
    layer.forward([[40.0, 0.0]])
    e = np.exp(-40.0)
    np.testing.assert_allclose(layer.backward([[3.0, 1.0]]), [[2 * e, -2 * e]], 1e-14)


def test_softmax_backward_is_the_jacobian_of_the_row():
    rng = np.random.default_rng(6)
    x, dy = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 3, 4))
    layer = Softmax()
    p = layer.forward(x, training=True)
    jacobian = np.einsum("abi,ij->abij", p, np.eye(4)) - p[..., None] * p[..., None, :]
    want = np.einsum("abij,abi->abj", jacobian, dy)
    np.testing.assert_allclose(layer.backward(dy), want, rtol=1e-12, atol=1e-15)
    np.testing.assert_array_equal(layer.backward(np.full(x.shape, 7.3)), 0)
    p[...] = 0  # the caller's own
    np.testing.assert_allclose(layer.backward(dy), want, rtol=1e-12, atol=1e-15)


def test_softmax_layer_contract():
    layer = Softmax()
    with pytest.raises(RuntimeError, match=r"^call forward before backward$"):
        layer.backward([[1.0]])
    for shape in ((), (3,), (2, 0)):
        with pytest.raises(ValueError, match=r"^x must have shape \(batch, ..., clas"):
            layer.forward(np.zeros(shape))
    with pytest.raises(ValueError, match=r"^x must "):
        layer.forward([["a"]])
    layer.forward(np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"^dy must have shape \(2, 3\), got \(3, 2\)"):
        layer.backward(np.zeros((3, 2)))
    with pytest.raises(ValueError, match=r"^dy must hold real numbers, got dtype comp"):
        layer.backward(np.zeros((2, 3), complex))
    for dtype in (np.float16, np.float32, np.float64, np.complex128):
        for shape in ((0, 3), (2, 3), (2, 3, 4)):
            assert layer.forward(np.ones(shape, dtype)).dtype == dtype
            dx = layer.backward(np.ones(shape))
            assert (dx.dtype, dx.shape) == (dtype, shape)
    assert layer.forward([[1, 2]]).dtype == layer.backward([[1, 2]]).dtype == float
    assert layer.penalty() == 0.0
    assert layer.config() == dict(layer.params) == dict(layer.buffers) == {}
    dy = np.ones((1, 2))
    layer.backward(dy)
    np.testing.assert_array_equal(dy, 1)


def test_softmax_against_differences_and_the_complex_step():
    x = np.random.default_rng(7).normal(0, 2, (5, 6))
    gradcheck.check_gradients(Softmax(), x)
    gradcheck.check_gradients(Sequential([Softmax()]), x)
    dy = np.random.default_rng(8).normal(size=x.shape)
    layer = Softmax()
    layer.forward(x)
    got = layer.backward(dy)
    want = gradcheck.complex_step(lambda z: (dy * Softmax().forward(z)).sum(), x)
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-15)


def test_the_separate_path_agrees_with_the_joint_one():
    rng = np.random.default_rng(9)
    z, labels = rng.normal(0, 3, (20, 5)), rng.integers(0, 5, 20)
    layer, separate, joint = Softmax(), CategoricalCrossEntropy(), SoftmaxCrossEntropy()
    assert separate(layer.forward(z), labels) == pytest.approx(joint(z, labels))
    np.testing.assert_allclose(
        layer.backward(separate.backward()), joint.backward(), rtol=1e-11, atol=1e-17
    )


def test_the_separate_path_stays_finite_in_float16():
    """The slope in p is 1.6e5, beyond float16; that in the scores is -1."""
    layer, loss = Softmax(), CategoricalCrossEntropy()
    loss(layer.forward(np.array([[0, 12]], np.float16)), [0])
    np.testing.assert_allclose(layer.backward(loss.backward()), [[-1, 1]], rtol=2e-3)
