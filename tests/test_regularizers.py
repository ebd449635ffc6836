"""Penalties beside exact arithmetic, as parts of layers and models, and in training."""

import copy
import pickle
from fractions import Fraction

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import Lasso, LogisticRegression, Ridge

from nnlib.callbacks import Callback
from nnlib.gradcheck import check_gradients, complex_step, numerical_gradient
from nnlib.layers import Dense
from nnlib.losses import MeanSquaredError, SoftmaxCrossEntropy
from nnlib.models import Sequential
from nnlib.optimizers import SGD, Adam, AdamW
from nnlib.regularizers import L1, L2, soft_threshold

BOTH = [L1, L2]
RNG = np.random.default_rng(18)
W = RNG.normal(size=(5, 3))
WIDE = np.array([1e150, -1e-150, 0.0, -3.0, 1e-8, 1e100])


def exact(penalty, array):
    """The penalty with fifty digits."""
    with mp.workdps(400):
        entries = [mp.mpf(float(a)) for a in np.ravel(array)]
        terms = [abs(a) if type(penalty) is L1 else a * a for a in entries]
        return mp.mpf(penalty.strength) * mp.fsum(terms)


# Values


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_values_with_fifty_digits(kind, dtype):
    for strength in (0.0, 0.3, 1e-12, 1e6):
        for array in (W.astype(dtype), W[0, 0].astype(dtype), W[:0].astype(dtype)):
            penalty = kind(strength)
            value = penalty(array)
            assert type(value) is float
            want = exact(penalty, array)
            assert abs(value - want) <= 1e-14 * want


@pytest.mark.parametrize("kind", BOTH)
def test_values_of_wide_ranges(kind):
    penalty = kind(2.0)
    assert abs(penalty(WIDE) / exact(penalty, WIDE) - 1) < 1e-14


@pytest.mark.parametrize("kind", BOTH)
def test_single_precision_is_summed_in_double(kind):
    many = np.full(10_000, 0.1, np.float32)
    penalty = kind(1.0)
    assert penalty(many) == pytest.approx(float(exact(penalty, many)), rel=1e-12)
    large = np.array([1e30, 1.0], np.float32)  # its square is beyond float32
    assert penalty(large) == pytest.approx(float(exact(penalty, large)), rel=1e-12)


@pytest.mark.parametrize("kind", BOTH)
def test_what_is_beyond_floats_is_infinite_without_a_warning(kind):
    huge = np.array([1.5e308, 1.5e308])
    assert kind(1.0)(huge) == np.inf
    assert kind(10.0)(np.array([1e308])) == np.inf
    assert kind(1.0)(np.array([np.inf, 1.0])) == np.inf
    assert np.isnan(kind(1.0)(np.array([np.nan, 1.0])))
    gradient = kind(1e300).gradient(np.array([1.0, -1.0], np.float32))
    assert np.array_equal(gradient, [np.inf, -np.inf])


def test_penalties_by_hand():
    w = [3.0, -4.0, 0.0]
    assert L1(0.5)(w) == 3.5
    assert L2(0.5)(w) == 12.5
    assert L1(0.5).gradient(w).tolist() == [0.5, -0.5, 0.0]
    assert L2(0.5).gradient(w).tolist() == [3.0, -4.0, 0.0]


# Gradients


@pytest.mark.parametrize("kind", BOTH)
def test_gradients_are_slopes(kind):
    penalty = kind(0.7)
    slopes = numerical_gradient(penalty, W)
    gradient = penalty.gradient(W)
    assert np.abs(gradient - slopes).max() <= 1e-7 * np.abs(gradient).max()


def test_the_gradient_of_l2_by_the_complex_step():
    gradient = L2(0.7).gradient(W)
    slopes = complex_step(lambda w: 0.7 * (w * w).sum(), W)
    assert np.abs(gradient - slopes).max() <= 1e-14


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_gradients_keep_precision_and_shape_and_are_new(dtype):
    for array in (W.astype(dtype), W[:, 1].astype(dtype), W[:0].astype(dtype)):
        kept = array.copy()
        for penalty, want in (
            (L1(0.3), dtype(0.3) * np.sign(array)),
            (L2(0.3), dtype(0.6) * array),
        ):
            gradient = penalty.gradient(array)
            assert gradient.dtype == dtype
            assert np.array_equal(gradient, want)
            assert not np.shares_memory(gradient, array)
        assert np.array_equal(array, kept)


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_no_slope_at_0_however_strong(kind, dtype):
    strength = {np.float16: 1e6, np.float32: 1e39, np.float64: 1e308}[dtype]
    w = np.array([0.0, -0.0, 1.0, np.nan], dtype)
    gradient = kind(strength).gradient(w)
    assert gradient.dtype == dtype
    assert gradient[:2].tolist() == [0.0, 0.0]
    assert gradient[2] > 1e4
    assert np.isnan(gradient[3])
    lone = kind(0.5).gradient(dtype(0))
    assert type(lone) is np.ndarray
    assert lone.dtype == dtype
    assert lone.shape == ()


def test_gradients_far_out_are_those_of_exact_arithmetic():
    for penalty in (L1(0.3), L2(0.3)):
        found = penalty.gradient(WIDE).tolist()
        for a, got in zip(WIDE.tolist(), found, strict=True):
            sign = (a > 0) - (a < 0)
            want = Fraction(0.3) * (sign if type(penalty) is L1 else 2 * Fraction(a))
            assert abs(Fraction(got) - want) <= abs(want) * Fraction(1, 10**15)


@pytest.mark.parametrize("kind", BOTH)
def test_integers_become_float64(kind):
    assert kind(0.5)([1, -2]) == kind(0.5)([1.0, -2.0])
    gradient = kind(0.5).gradient(np.array([1, -2, 0], np.int8))
    assert gradient.dtype == np.float64
    assert np.array_equal(gradient, kind(0.5).gradient([1.0, -2.0, 0.0]))


# Kept, compared, refused


@pytest.mark.parametrize("kind", BOTH)
def test_config_repr_and_equality(kind):
    penalty = kind(np.float32(0.25))
    assert penalty.config() == {"class": kind.__name__, "strength": 0.25}
    assert type(penalty.config()["strength"]) is float
    assert repr(penalty) == f"{kind.__name__}(0.25)"
    assert penalty == kind(strength=0.25)
    assert hash(penalty) == hash(kind(0.25))
    assert penalty != kind(0.5)
    assert L1(0.25) != L2(0.25)
    for twin in (copy.deepcopy(penalty), pickle.loads(pickle.dumps(penalty))):
        assert twin == penalty
    with pytest.raises(AttributeError):
        penalty.strength = 1.0


BAD = [-1e-9, np.nan, np.inf, "1", None, True, [1.0], 1j, 10**400]


@pytest.mark.parametrize("strength", BAD)
@pytest.mark.parametrize("kind", BOTH)
def test_strength_must_be_a_number_of_at_least_zero(kind, strength):
    with pytest.raises(
        ValueError, match="strength must be a finite number of at least 0, got"
    ):
        kind(strength)


@pytest.mark.parametrize("kind", BOTH)
def test_arrays_must_be_real(kind):
    for call in (kind(1.0), kind(1.0).gradient):
        with pytest.raises(
            ValueError, match="array must hold real numbers, got dtype complex128"
        ):
            call(W + 1j)
        with pytest.raises(ValueError, match="array must hold real numbers"):
            call(["a"])


# The soft threshold


def test_soft_threshold_by_definition():
    w = [3.0, 1.0, 0.5, 0.0, -0.5, -1.0, -3.0]
    assert soft_threshold(w, 1.0).tolist() == [2, 0, 0, 0, 0, 0, -2]
    assert soft_threshold(w, 0.0).tolist() == w
    assert soft_threshold(np.float64(-3.0), 1.0) == -2.0
    assert soft_threshold([4, -1], 1).tolist() == [3, 0]
    assert soft_threshold(W[:0], 1.0).shape == (0, 3)


@given(st.floats(-50, 50), st.floats(0, 20), st.floats(-60, 60))
def test_soft_threshold_is_the_lowest_point(a, threshold, other):
    """No other place costs less, in exact arithmetic."""

    def cost(w):
        return (w - Fraction(a)) ** 2 / 2 + Fraction(threshold) * abs(w)

    best = Fraction(float(soft_threshold(a, threshold)))
    assert cost(best) <= cost(Fraction(other)) + Fraction(1, 10**12)
    if abs(a) <= threshold:
        assert best == 0


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(0, 1e6), st.floats(0, 1e6))
def test_soft_threshold_never_brings_numbers_apart(a, b, one, two):
    x, y = soft_threshold([a, b], one)
    assert abs(x - y) <= abs(a - b) * (1 + 1e-12) + 1e-9
    twice = soft_threshold(soft_threshold(a, one), two)
    assert twice == pytest.approx(soft_threshold(a, one + two), abs=1e-9)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_soft_threshold_keeps_precision_and_has_one_zero(dtype):
    w = np.array([0.5, -0.5, -0.0, 0.25, -2.0, np.inf], dtype)
    kept = w.copy()
    got = soft_threshold(w, 0.5)
    assert got.dtype == dtype
    assert np.array_equal(got, [0, 0, 0, 0, -1.5, np.inf])
    assert not np.signbit(got[:4]).any()
    assert np.array_equal(w, kept)
    assert np.isnan(soft_threshold(np.array([np.nan], dtype), 1.0))[0]


@pytest.mark.parametrize("threshold", BAD)
def test_threshold_must_be_a_number_of_at_least_zero(threshold):
    with pytest.raises(
        ValueError, match="threshold must be a finite number of at least 0, got"
    ):
        soft_threshold([1.0], threshold)


def test_what_is_thresholded_must_be_real():
    with pytest.raises(ValueError, match="w must hold real numbers, got dtype complex"):
        soft_threshold([1j], 1.0)


# In layers and models


@pytest.mark.parametrize("weights", [None, L1(0.3), L2(0.3)])
@pytest.mark.parametrize("biases", [None, L1(0.2), L2(0.2)])
def test_layers_go_backward_with_penalties(weights, biases):
    layer = Dense(4, 3, rng=0, weight_regularizer=weights, bias_regularizer=biases)
    layer.params["b"][...] = [0.5, -1.0, 2.0]
    x = RNG.normal(size=(6, 4))
    check_gradients(layer, x, directions=0, rtol=1e-7)
    want = sum(
        float(exact(p, layer.params[name]))
        for name, p in (("W", weights), ("b", biases))
        if p is not None
    )
    assert layer.penalty() == pytest.approx(want, rel=1e-14)
    described = layer.config()
    assert described["weight_regularizer"] == (weights and weights.config())
    assert described["bias_regularizer"] == (biases and biases.config())


def network(penalty, dtype=np.float64):
    return Sequential(
        [
            Dense(4, 5, rng=0, weight_regularizer=penalty),
            Dense(5, 2, rng=1, weight_regularizer=penalty),
        ],
        dtype=dtype,
    )


def test_a_model_checks_and_copies_with_penalties():
    model = network(L1(0.1))
    x = RNG.normal(size=(6, 4))
    check_gradients(model, x, directions=0, rtol=1e-7)
    twin = copy.deepcopy(model)
    twin.theta *= 2
    assert twin.penalty() == pytest.approx(2 * model.penalty())
    assert twin.layers[0].weight_regularizer == L1(0.1)


@pytest.mark.parametrize("kind", BOTH)
def test_single_precision_stays(kind):
    model = network(kind(0.1), np.float32)
    x = RNG.normal(size=(6, 4)).astype(np.float32)
    model.forward(x)
    assert model.backward(np.ones((6, 2))).dtype == np.float32
    assert model.grad.dtype == np.float32


def test_fit_notes_the_penalty_apart_and_minimises_both():
    x, y = RNG.normal(size=(64, 4)), RNG.integers(0, 2, 64)
    seen = []

    class Look(Callback):
        def on_epoch_begin(self, training):
            seen.append(training.model.penalty())

    def run(penalty):
        return network(penalty).fit(
            x,
            y,
            loss=SoftmaxCrossEntropy(),
            optimizer=SGD(0.1),
            epochs=3,
            batch_size=64,
            rng=0,
            callbacks=[Look()],
        )

    with_it, without = run(L2(0.05)), run(None)
    assert with_it.loss[0] == without.loss[0]  # the loss alone is noted
    assert with_it.loss[-1] != without.loss[-1]
    assert without.penalty == [0.0, 0.0, 0.0]
    assert with_it.penalty[0] == pytest.approx(seen[0])
    assert with_it.penalty[0] > with_it.penalty[1] > with_it.penalty[2] > 0


def test_evaluate_leaves_penalties_out():
    model = network(L2(3.0))
    x, y = RNG.normal(size=(8, 4)), RNG.integers(0, 2, 8)
    loss = SoftmaxCrossEntropy()
    value = loss(model.forward(x), y)
    assert model.evaluate(x, y, loss=loss)["loss"] == pytest.approx(value)


@pytest.mark.parametrize("penalty", [L1(0.01), L2(0.25)])
def test_saved_models_keep_their_penalties(tmp_path, penalty):
    model = network(penalty)
    path = tmp_path / "model.npz"
    model.save(path)
    loaded = Sequential.load(path)
    assert [layer.weight_regularizer for layer in loaded.layers] == [penalty] * 2
    assert [layer.bias_regularizer for layer in loaded.layers] == [None] * 2
    assert loaded.penalty() == model.penalty()
    x = RNG.normal(size=(3, 4))
    for one in (model, loaded):
        one.forward(x)
        one.backward(np.ones((3, 2)))
    assert np.array_equal(loaded.grad, model.grad)


# Weight decay


def trained(optimizer, penalty, bias=False):
    layer = Dense(4, 2, rng=3, use_bias=bias, weight_regularizer=penalty)
    model = Sequential([layer])
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(30, 4)), rng.normal(size=(30, 2))
    loss = MeanSquaredError()
    for _ in range(40):
        loss(model.forward(x), y)
        model.backward(loss.backward())
        optimizer.step(model.theta, model.grad)
    return model.theta


@pytest.mark.parametrize(
    "make",
    [
        lambda decay: SGD(0.05, weight_decay=decay),
        lambda decay: SGD(0.02, momentum=0.9, nesterov=True, weight_decay=decay),
        lambda decay: Adam(0.01, weight_decay=decay),
    ],
)
def test_l2_is_weight_decay_of_twice_the_strength(make):
    want = trained(make(0.6), None)
    np.testing.assert_allclose(trained(make(0.0), L2(0.3)), want, rtol=1e-9)


def test_l2_is_not_the_decay_of_adamw():
    gap = trained(AdamW(0.01, weight_decay=0.6), None) - trained(Adam(0.01), L2(0.3))
    assert np.abs(gap).max() > 0.01


def test_weight_decay_takes_biases_too_and_a_weight_regularizer_spares_them():
    one = trained(SGD(0.05), L2(0.3), bias=True)
    other = trained(SGD(0.05, weight_decay=0.6), None, bias=True)
    assert np.abs(one - other).max() > 1e-3


# Minima beside scikit-learn's


def regression(seed, samples=40, inputs=7):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(samples, inputs)) + rng.normal(size=(samples, 1))
    truth = np.where(rng.random(inputs) < 0.5, rng.normal(size=inputs), 0)
    return x, x @ truth + 0.5 * rng.normal(size=samples)


def gradients(x, t, penalty=None):
    """Return a step's gradient as a layer gives it, for weights as a vector."""
    layer = Dense(x.shape[1], 1, rng=0, use_bias=False, weight_regularizer=penalty)
    loss = MeanSquaredError()

    def at(w):
        layer.params["W"][:, 0] = w
        loss(layer.forward(x), t[:, None])
        layer.backward(loss.backward())
        return layer.grads["W"][:, 0].copy()

    return at


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("strength", [0.05, 0.5])
def test_descent_with_l2_ends_where_ridge_does(seed, strength):
    x, t = regression(seed)
    at, w = gradients(x, t, L2(strength)), np.zeros(x.shape[1])
    rate = 1 / (2 * np.linalg.eigvalsh(x.T @ x / len(x))[-1] + 2 * strength)
    for _ in range(4000):
        w -= rate * at(w)
    ridge = Ridge(alpha=strength * len(x), fit_intercept=False, tol=1e-12).fit(x, t)
    assert np.abs(w - ridge.coef_).max() < 1e-9


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("strength", [0.05, 0.5, 2.0])
def test_proximal_descent_ends_where_coordinate_descent_does(seed, strength):
    x, t = regression(seed)
    at, w = gradients(x, t), np.zeros(x.shape[1])
    rate = 1 / (2 * np.linalg.eigvalsh(x.T @ x / len(x))[-1])
    for _ in range(3000):
        w = soft_threshold(w - rate * at(w), rate * strength)
    lasso = Lasso(alpha=strength / 2, fit_intercept=False, tol=1e-13, max_iter=10**6)
    want = lasso.fit(x, t).coef_
    assert np.abs(w - want).max() < 1e-8
    assert np.array_equal(w == 0, want == 0)


def test_logistic_regression_of_scikit_learn_in_our_strength():
    rng = np.random.default_rng(5)
    x = rng.normal(size=(50, 3))
    y = (x[:, 0] + rng.normal(size=50) > 0).astype(int) + (x[:, 1] > 0.8)
    c = 0.3
    theirs = LogisticRegression(C=c, tol=1e-10, max_iter=10_000).fit(x, y)
    penalty = L2(1 / (2 * c * len(x)))
    model = Sequential([Dense(3, 3, rng=0, weight_regularizer=penalty)])
    loss = SoftmaxCrossEntropy()
    for _ in range(3000):
        loss(model.forward(x), y)
        model.backward(loss.backward())
        SGD(0.8).step(model.theta, model.grad)
    weights = model.layers[0].params["W"]
    assert np.abs(weights - theirs.coef_.T).max() < 1e-4
    assert np.abs(weights.sum(axis=1)).max() < 1e-6  # a common part costs, so it is 0


def test_a_gradient_step_with_l1_makes_no_zeros():
    x, t = regression(1)
    at, w = gradients(x, t, L1(0.5)), np.zeros(x.shape[1])
    for _ in range(500):
        w -= 0.01 * at(w)
    assert np.count_nonzero(w) == len(w)
