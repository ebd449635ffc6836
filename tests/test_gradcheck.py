# ruff: noqa: ARG002, N803, N806
"""Measured slopes against mpmath, and the judge against the guilty and the innocent."""

import copy
import pickle
import re

import mpmath as mp
import numpy as np
import pytest

from nnlib.functional import log_softmax, sigmoid, softplus
from nnlib.gradcheck import (
    adjoint_test,
    check_gradients,
    check_loss,
    complex_step,
    numerical_gradient,
)
from nnlib.layers import Dense, Layer

mp.mp.dps = 50


def told(judge, *arguments, **settings):
    """What a judge says of the guilty; of the innocent, that they pass."""
    try:
        judge(*arguments, **settings)
    except AssertionError as error:
        return str(error)
    return "passes"


PLACES = np.array([[-3.0, -0.4, 0.0], [0.3, 1.0, 2.5]])
SLOPES = {
    "softplus": (softplus, lambda x: 1 / (1 + mp.exp(-x))),
    "sigmoid": (sigmoid, lambda x: mp.diff(lambda t: 1 / (1 + mp.exp(-t)), x)),
    "cube": (lambda x: x**3, lambda x: 3 * x**2),
    "exp": (np.exp, mp.exp),
}


def by_mpmath(slope):
    flat = [float(slope(mp.mpf(float(x)))) for x in PLACES.ravel()]
    return np.reshape(flat, PLACES.shape)


# ---------------------------------------------------------------- numerical_gradient


@pytest.mark.parametrize("name", SLOPES)
def test_central_differences_agree_with_mpmath(name):
    f, slope = SLOPES[name]
    measured = numerical_gradient(lambda x: f(x).sum(), PLACES)
    np.testing.assert_allclose(measured, by_mpmath(slope), rtol=1e-9, atol=3e-10)


def test_central_differences_are_exact_for_squares_whatever_the_step():
    measured = numerical_gradient(lambda x: float(x @ x), [1.0, -2.0], h=0.5)
    np.testing.assert_allclose(measured, [2.0, -4.0], rtol=1e-15)
    measured = numerical_gradient(lambda x: float((x**3).sum()), [0.0], h=0.5)
    assert measured[0] == 0.25  # h²/6 times f''' = 6


def test_the_step_may_differ_between_entries():
    measured = numerical_gradient(lambda x: (x**3).sum(), [0.0, 0.0], h=[0.5, 0.25])
    np.testing.assert_array_equal(measured, [0.25, 0.0625])


def test_the_step_that_is_divided_by_is_the_one_that_was_made():
    x = np.array([1e5])
    assert abs(numerical_gradient(lambda x: 2 * x[0], x, h=1e-10)[0] - 2) < 1e-15


def test_the_step_grows_with_an_entry():
    seen = []
    numerical_gradient(lambda x: seen.append(x.copy()) or 0.0, [0.0, 1e6])
    assert np.isclose(seen[0][0], 2.0 ** (-52 / 3))
    assert np.isclose(seen[2][1] - 1e6, 1e6 * 2.0 ** (-52 / 3), rtol=1e-6)


def test_float32_stays_and_integers_become_float64():
    measured = numerical_gradient(lambda x: (x**2).sum(), np.float32([1, 2]))
    assert measured.dtype == np.float32
    np.testing.assert_allclose(measured, [2, 4], rtol=1e-4)
    assert numerical_gradient(lambda x: (x**2).sum(), [1, 2]).dtype == np.float64
    half = numerical_gradient(lambda x: (x**2).sum(), np.float16([1]))
    assert half.dtype == np.float64


def test_shapes_of_all_kinds():
    assert numerical_gradient(lambda x: x**2, 3.0).shape == ()
    assert numerical_gradient(lambda x: x.sum(), np.ones((2, 0))).shape == (2, 0)
    assert numerical_gradient(lambda x: x.sum(), np.ones((2, 1, 3))).shape == (2, 1, 3)
    transposed = np.arange(6.0).reshape(2, 3).T
    measured = numerical_gradient(lambda x: (x * [1, 2]).sum(), transposed)
    np.testing.assert_allclose(measured, [[1, 2]] * 3, rtol=1e-9)


def test_x_is_never_changed_even_by_a_function_that_tries():
    x = np.array([1.0, 2.0])

    def f(x):
        x *= 2
        return x.sum()

    np.testing.assert_allclose(numerical_gradient(f, x), [2, 2], rtol=1e-9)
    np.testing.assert_array_equal(x, [1, 2])
    complex_step(f, x)
    np.testing.assert_array_equal(x, [1, 2])


@pytest.mark.parametrize(
    ("f", "x", "h", "message"),
    [
        (np.sum, [1j], None, "x must hold real numbers, got dtype complex128"),
        (np.sum, ["a"], None, "x must hold real numbers, got dtype <U1"),
        (np.sum, [np.nan], None, "x must hold finite numbers, got nan or inf"),
        (np.sum, [1.0], 0.0, "h must be positive, got 0.0"),
        (np.sum, [1.0], -1e-5, "h must be positive, got -1e-05"),
        (np.sum, [1.0], np.nan, "h must be positive, got nan"),
        (np.sum, [1.0], 1e-17, "h must be large enough to move x, got 1e-17 at 1"),
        (np.sum, [1.0], [1e-5, 1e-5], r"h must be one number or have shape \(1,\)"),
        (lambda x: x, [1.0, 2.0], None, r"f must return one real number, got float64"),
        (lambda x: x[0] + 0j, [1.0], None, "f must return one real number, got comp"),
        (lambda x: None, [1.0], None, "f must return one real number, got object"),
        (lambda x: np.inf, [1.0], None, "f must be finite near x, got inf"),
    ],
)
def test_numerical_gradient_refuses(f, x, h, message):
    with pytest.raises(ValueError, match=message):
        numerical_gradient(f, x, h=h)


# ---------------------------------------------------------------------- complex_step


@pytest.mark.parametrize("name", SLOPES)
def test_the_complex_step_agrees_with_mpmath_to_all_digits(name):
    f, slope = SLOPES[name]
    measured = complex_step(lambda x: f(x).sum(), PLACES)
    np.testing.assert_allclose(measured, by_mpmath(slope), rtol=1e-14, atol=1e-16)


def test_the_complex_step_of_a_large_step_has_the_error_of_the_equation():
    assert complex_step(lambda x: x[0] ** 3, [0.0], h=0.5)[0] == -0.25  # minus h²


def test_the_complex_step_keeps_precision_and_shape():
    measured = complex_step(lambda x: (x**2).sum(), np.float32([[1], [2]]))
    assert measured.dtype == np.float32
    np.testing.assert_array_equal(measured, [[2], [4]])
    assert complex_step(lambda x: x**2, 3).dtype == np.float64


def test_the_complex_step_through_a_saturated_sigmoid():
    right = [float(mp.diff(lambda t: 1 / (1 + mp.exp(-t)), x)) for x in (-40, 40)]
    measured = complex_step(lambda x: sigmoid(x).sum(), [-40.0, 40.0])
    np.testing.assert_allclose(measured, right, rtol=1e-13)


@pytest.mark.parametrize(
    ("f", "x", "h", "message"),
    [
        (lambda x: np.abs(x).sum(), [1.0], 1e-20, "it drops the imaginary part"),
        (lambda x: x.real.sum(), [1.0], 1e-20, "f must return a complex number"),
        (np.sum, [1j], 1e-20, "x must hold real numbers"),
        (np.sum, [np.inf], 1e-20, "x must hold finite numbers"),
        (np.sum, [1.0], 0.0, "h must be positive, got 0.0"),
        (lambda x: x, [1.0, 2.0], 1e-20, r"f must return one number, got complex128"),
        (lambda x: x[0] * np.nan, [1.0], 1e-20, "f must be finite near x"),
    ],
)
def test_complex_step_refuses(f, x, h, message):
    with pytest.raises(ValueError, match=message):
        complex_step(f, x, h=h)


# ---------------------------------------------------------------------- adjoint_test

A = np.random.default_rng(0).standard_normal((4, 3))


def test_adjoints_pass():
    adjoint_test(lambda u: A @ u, lambda v: A.T @ v, (3,))
    adjoint_test(lambda x: x @ A.T, lambda g: g @ A, (5, 3))
    adjoint_test(np.cumsum, lambda v: np.cumsum(v[::-1])[::-1], (50,))
    adjoint_test(lambda u: 0 * u, lambda v: 0 * v, (3,))
    adjoint_test(lambda u: u.sum(), lambda v: np.full(7, v), (7,))
    adjoint_test(lambda u: 1e-200 * u, lambda v: 1e-200 * v, (3,))
    adjoint_test(lambda u: u[:, :0], lambda v: np.zeros((2, 3)), (2, 3))


@pytest.mark.parametrize(
    ("apply", "adjoint", "message"),
    [
        (lambda u: A @ u, lambda v: -A.T @ v, "adjoint is not that of apply"),
        (lambda u: A @ u, lambda v: A.T @ v * (1 + 1e-9), "adjoint is not that of app"),
        (lambda u: A @ u, lambda v: A.T @ v * [1, 1, 1 + 1e-9], "adjoint is not that"),
        (lambda u: A @ u + 1, lambda v: A.T @ v, r"not linear.*apply\(0\) is not 0"),
        (lambda u: np.abs(u), lambda v: v, r"not linear: apply\(u - 3 w\)"),
        (lambda u: A @ u, lambda v: v, r"the shape of u, \(3,\), got \(4,\)"),
    ],
)
def test_what_is_no_adjoint_is_refused_with_the_reason(apply, adjoint, message):
    assert re.search(message, told(adjoint_test, apply, adjoint, (3,)))


def test_a_nonlinear_function_through_0_is_not_said_to_have_a_bias():
    with pytest.raises(AssertionError) as error:
        adjoint_test(np.abs, lambda v: v, (3,))
    assert "is not 0" not in str(error.value)


def test_both_values_are_told_and_draws_can_be_repeated():
    def message(rng):
        with pytest.raises(AssertionError) as error:
            adjoint_test(lambda u: u, lambda v: 2 * v, (3,), rng=rng)
        return str(error.value)

    assert message(5) == message(5) == message(np.random.default_rng(5)) != message(6)
    one, other = (float(part.split(",")[0]) for part in message(5).split(" = ")[1:])
    assert np.isclose(other, 2 * one, rtol=1e-4)


def test_functions_that_change_their_argument_are_refused():
    def double(u):
        u *= 2
        return u

    with pytest.raises(AssertionError, match="apply changed its argument"):
        adjoint_test(double, lambda v: 2 * v, (3,))
    with pytest.raises(AssertionError, match="adjoint changed its argument"):
        adjoint_test(lambda u: 2 * u, double, (3,))


def test_adjoint_test_refuses_bad_settings():
    for settings, message in (
        ({"trials": 0}, "trials must be 1 or more, got 0"),
        ({"rtol": 0}, "rtol must lie between 0 and 1, got 0"),
        ({"rng": "seed"}, "rng must be a seed or generator.*'seed'"),
    ):
        with pytest.raises(ValueError, match=message):
            adjoint_test(lambda u: u, lambda v: v, (3,), **settings)


# ------------------------------------------------------------------- check_gradients


class Affine(Dense):
    """A dense layer with a backward pass, right unless `mistake` says otherwise."""

    mistake = staticmethod(lambda dW, db, dx: (dW, db, dx))
    calls = 0

    def forward(self, x, *, training=False):
        type(self).calls += 1
        return super().forward(x, training=training)

    def backward(self, dy):
        W = self.params["W"]
        dW, db, dx = self.mistake(self._x.T @ dy, dy.sum(axis=0), dy @ W.T)
        if self.weight_regularizer is not None:
            dW = dW + self.weight_regularizer.gradient(W)
        self.grads["W"][...], self.grads["b"][...] = dW, db
        return dx


class Decay:
    def __call__(self, w):
        return 0.3 * float((w**2).sum())

    def gradient(self, w):
        return 0.6 * w


class Tanh(Layer):
    def forward(self, x, *, training=False):
        self.y = np.tanh(x)
        return self.y

    def backward(self, dy):
        return dy * (1 - self.y**2)


class Relu(Layer):
    def forward(self, x, *, training=False):
        self.on = x > 0
        return np.maximum(x, 0)

    def backward(self, dy):
        return dy * self.on


class Drop(Layer):
    """Dropout with a buffer that counts, in training only."""

    right = True

    def __init__(self, seed):
        super().__init__()
        self.rng = np.random.default_rng(seed)
        self.buffers = type(self.params)({"count": np.zeros(1)})

    def forward(self, x, *, training=False):
        self.mask = np.ones(x.shape)
        if training:
            self.buffers["count"] += 1
            self.mask = self.rng.integers(0, 2, x.shape) * 2.0
            self.mask += self.buffers["count"]
        return x * self.mask

    def backward(self, dy):
        return dy * self.mask if self.right else dy


class Model:
    """Layers whose parameters lie in one vector."""

    def __init__(self, *layers, dtype=np.float64):
        self.layers = layers
        size = sum(a.size for layer in layers for a in layer.params.values())
        self.theta, self.grad = np.zeros((2, size), dtype)
        values = np.concatenate(
            [a.ravel() for layer in layers for a in layer.params.values()] or [[]]
        )
        self._lay_out()
        self.theta[...] = values

    def _lay_out(self):
        end = 0
        for layer in self.layers:
            for name, a in layer.params.items():
                start, end = end, end + a.size
                layer.params._bind(name, self.theta[start:end].reshape(a.shape))
                layer.grads._bind(name, self.grad[start:end].reshape(a.shape))

    def __deepcopy__(self, memo):
        twin = copy.copy(self)
        twin.layers = copy.deepcopy(self.layers, memo)
        twin.theta, twin.grad = self.theta.copy(), self.grad.copy()
        twin._lay_out()
        return twin

    def forward(self, x, *, training=False):
        for layer in self.layers:
            x = layer.forward(x, training=training)
        return x

    def backward(self, dy):
        for layer in reversed(self.layers):
            dy = layer.backward(dy)
        return dy

    def penalty(self):
        return sum(layer.penalty() for layer in self.layers)


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def accused(mistake, size=3):
    layer = Affine(size, size, rng=1)
    layer.mistake = mistake
    return layer


def reason(part, x, **settings):
    text = told(check_gradients, part, x, **settings)
    assert text != "passes"
    return text


def network(dtype=np.float64, hidden=7, seed=0, act=Tanh):
    rng = np.random.default_rng(seed)
    return Model(
        Affine(4, hidden, rng=rng, bias_init=noise),
        act(),
        Affine(hidden, hidden, rng=rng, bias_init=noise),
        act(),
        Affine(hidden, 3, rng=rng, bias_init=noise),
        dtype=dtype,
    )


def noise(rng, shape, dtype):
    return rng.standard_normal(shape).astype(dtype)


def test_right_layers_and_models_pass_entry_by_entry_and_along_directions():
    for directions in (None, 0, 3):
        for part in (Affine(4, 3, rng=1), Tanh(), network(), Model(Tanh())):
            check_gradients(part, drawn(6, 4), directions=directions)
    check_gradients(Affine(4, 3, rng=1), np.ones((2, 4), dtype=int))
    check_gradients(Affine(4, 3, rng=1, weight_regularizer=Decay()), drawn(6, 4))


@pytest.mark.parametrize("act", [Tanh, Relu])
@pytest.mark.parametrize("size", [0.01, 1.0, 100.0])
def test_no_false_alarms(act, size):
    for seed in range(10):
        for directions in (0, 4):
            x = size * drawn(5, 4, seed=seed + 100)
            check_gradients(
                network(seed=seed, act=act), x, rng=seed, directions=directions
            )


def test_no_false_alarms_in_float32():
    for seed in range(10):
        x = drawn(5, 4, seed=seed)
        for directions in (0, 4):
            check_gradients(network(np.float32, seed=seed), x, directions=directions)
    layer = Affine(4, 3, rng=1)
    check_gradients(layer, drawn(5, 4).astype(np.float32))


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        (lambda W, b, x: (-W, b, x), r"^grads\['W'\].*all entries have the wrong sign"),
        (lambda W, b, x: (W, -b, x), r"^grads\['b'\].*all entries have the wrong sign"),
        (lambda W, b, x: (W, b, -x), r"^dx\[.*all entries have the wrong sign"),
        (lambda W, b, x: (2 * W, b, x), "all entries are 2 times too large"),
        (lambda W, b, x: (W, b / 2, x), "all entries are 2 times too small"),
        (lambda W, b, x: (W, b, -x / 4), "4 times too small and have the wrong sign"),
        (lambda W, b, x: (W, b * 6, x), "6 times too large, and the batch holds 6 sa"),
        (lambda W, b, x: (W / 6, b, x), "6 times too small, and the batch holds 6 sa"),
        (lambda W, b, x: (W.T, b, x), "it is the transpose"),
        (lambda W, b, x: (0 * W, b, x), "backward says 0 everywhere"),
        (lambda W, b, x: (W, b[::-1], x), "2 of 3 entries are wrong"),
        (lambda W, b, x: (W * np.tri(3), b, x), "3 of 9.*where backward says 0"),
        (lambda W, b, x: (W, b, x[:, :2]), r"dx must have shape \(6, 3\), got \(6, 2"),
        (lambda W, b, x: (W, b, None), "backward returned None"),
        (lambda W, b, x: (W, b, x * np.nan), "dx holds nan after backward$"),
        (lambda W, b, x: (W * np.nan, b, x), r"grads\['W'\] holds nan.*overwrite"),
    ],
)
def test_the_guilty_are_named_with_what_their_errors_look_like(mistake, words):
    assert re.search(words, told(check_gradients, accused(mistake), drawn(6, 3)))


def test_the_message_has_the_worst_entry_and_both_values():
    def mistake(dW, db, dx):
        dW[0, 1] += 1
        dW[2, 1] -= 5
        return dW, db, dx

    text = reason(accused(mistake), drawn(6, 3))
    place, said, measured = text.partition(":")[0], *text.split(" say")[1:]
    assert place == "grads['W'][2, 1]"
    said, measured = float(said.split(",")[0][1:]), float(measured.split(";")[0])
    assert np.isclose(said + 5, measured)
    assert "2 of 9 entries are wrong" in text


@pytest.mark.parametrize("where", ["W", "b", "dx"])
def test_one_entry_slightly_wrong_is_seen(where):
    def mistake(dW, db, dx):
        {"W": dW, "b": db, "dx": dx}[where].ravel()[-1] *= 1 + 1e-4
        return dW, db, dx

    assert "1 of" in reason(accused(mistake), drawn(6, 3))


@pytest.mark.parametrize("size", [3, 30])
@pytest.mark.parametrize("where", ["W", "b", "dx"])
@pytest.mark.parametrize(("value", "words"), [(np.inf, "holds inf"), (1e200, "1 of ")])
def test_one_enormous_entry_is_refused(size, where, value, words):
    def mistake(dW, db, dx):
        {"W": dW, "b": db, "dx": dx}[where].ravel()[-1] = value
        return dW, db, dx

    text = reason(accused(mistake, size), drawn(6, size))
    assert text.startswith("dx" if where == "dx" else f"grads['{where}']")
    assert words in text


@pytest.mark.parametrize("size", [3, 30])
@pytest.mark.parametrize("part", [1e-3j, 0j])
def test_complex_gradients_are_refused(size, part):
    layer = accused(lambda W, b, x: (W, b, x + part), size)
    text = reason(layer, drawn(6, size))
    assert text == "dx must be real, got dtype complex128"
    layer = accused(lambda W, b, x: (W + part, b, x), size)
    layer.grads = {name: array.astype(complex) for name, array in layer.grads.items()}
    text = reason(layer, drawn(6, size))
    assert text == "grads['W'] must be real, got dtype complex128"


def test_gradients_that_are_added_to_what_was_there_are_refused():
    class Adds(Affine):
        def backward(self, dy):
            self.grads["W"] += self._x.T @ dy
            self.grads["b"][...] = dy.sum(axis=0)
            return dy @ self.params["W"].T

    assert "overwrite the gradient, do not add" in reason(
        Adds(3, 2, rng=0), drawn(4, 3)
    )


def test_a_penalty_belongs_to_the_gradient():
    class Forgets(Affine):
        def backward(self, dy):
            dx = super().backward(dy)
            self.grads["W"] -= self.weight_regularizer.gradient(self.params["W"])
            return dx

    text = reason(Forgets(3, 3, rng=0, weight_regularizer=Decay()), drawn(4, 3))
    assert text.startswith("grads['W']")


def test_a_forgotten_mask_is_suspected():
    class NoMask(Relu):
        def backward(self, dy):
            return dy

    text = reason(NoMask(), [[1.0, -1.0, -2.0]])
    assert "2 of 3 entries are wrong, where central differences say 0: a mask" in text


def test_the_kink_is_recognised():
    for x in ([[0.0, 1.0, -2.0]], np.zeros((2, 3))):
        assert "a kink, such as a ReLU's at 0" in reason(Relu(), x)
    check_gradients(Relu(), [[1e-7, 1.0, -2.0]])  # nearer than a step of 6e-6
    check_gradients(Relu(), [[1e-6, 1.0, -2.0]], directions=4)


def test_a_wrong_entry_is_found_in_a_large_layer_by_halving():
    def mistake(dW, db, dx):
        dW[57, 31] += 3
        return dW, db, dx

    layer = Affine(80, 60, rng=0)
    layer.mistake = mistake
    text = reason(layer, drawn(9, 80))
    assert text.startswith("grads['W'][57, 31]")
    assert "1 of" in text


def test_directions_see_each_array_by_itself():
    """A wrong bias whose slopes are 30 million times smaller than those of x."""

    class Small(Affine):
        def forward(self, x, *, training=False):
            return 3e7 * x @ self.params["W"] + self.params["b"]

        def backward(self, dy):
            self._x = drawn(8, 30)
            super().backward(dy)
            self.grads["W"] *= 3e7
            self.grads["b"] *= 1.5
            return 3e7 * dy @ self.params["W"].T

    assert reason(Small(30, 30, rng=0), drawn(8, 30)).startswith("grads['b']")


def test_the_number_of_passes_does_not_grow_with_the_size():
    def passes(size):
        layer, before = Affine(size, size, rng=0), Affine.calls
        check_gradients(layer, drawn(4, size))
        return Affine.calls - before

    assert passes(30) == passes(90) <= 2 * (16 + 3) + 2
    assert passes(3) == 2 * (9 + 3 + 12) + 2


def test_models_name_the_layer():
    model = network()
    model.layers[2].mistake = lambda W, b, x: (W, -b, x)
    text = reason(model, drawn(5, 4))
    assert text.startswith("layers[2] (Affine) grads['b'][")
    assert "all entries have the wrong sign" in text
    text = reason(model, drawn(5, 4), directions=3)
    assert text.startswith("layers[2] (Affine) grads['b'][")


def test_a_model_whose_layers_lie_elsewhere_is_checked_as_one_vector():
    class Line:
        def __init__(self, factor):
            self.theta, self.grad, self.factor = np.ones(3), np.zeros(3), factor

        def forward(self, x, *, training=False):
            self.x = x
            return (x @ self.theta)[:, np.newaxis]

        def backward(self, dy):
            self.grad[...] = self.factor * (dy * self.x).sum(axis=0)
            return dy * self.theta

    check_gradients(Line(1), drawn(5, 3))
    text = reason(Line(3), drawn(5, 3))
    assert text.startswith("grad[")
    assert "3 times too large" in text


def test_layers_that_draw_or_count_are_put_back_before_each_pass():
    for part in (Drop(3), Model(Affine(4, 4, rng=0), Drop(3), Tanh())):
        for directions in (0, 3):
            check_gradients(part, drawn(6, 4), training=True, directions=directions)
            check_gradients(part, drawn(6, 4), directions=directions)
    wrong = Drop(3)
    wrong.right = False
    check_gradients(wrong, drawn(6, 4))
    reason(wrong, drawn(6, 4), training=True)


def test_generators_in_lists_of_inner_layers_are_found():
    class Block(Layer):
        def __init__(self):
            super().__init__()
            self.inner = {"all": [Drop(1), (Drop(2),)]}

        def forward(self, x, *, training=False):
            for layer in (self.inner["all"][0], self.inner["all"][1][0]):
                x = layer.forward(x, training=training)
            return x

        def backward(self, dy):
            for layer in (self.inner["all"][1][0], self.inner["all"][0]):
                dy = layer.backward(dy)
            return dy

    check_gradients(Block(), drawn(6, 4), training=True)


@pytest.mark.parametrize("right", [True, False])
def test_the_part_is_untouched(right):
    part = Model(Affine(4, 4, rng=0), Drop(3), Tanh())
    part.layers[1].right = right
    part.grad[...] = 7
    before = pickle.dumps((part.theta, part.grad, part.layers[1].buffers._arrays))
    state, x = copy.deepcopy(part.layers[1].rng.bit_generator.state), drawn(6, 4)
    given = x.copy()
    if right:
        check_gradients(part, x, training=True)
    else:
        reason(part, x, training=True)
    after = pickle.dumps((part.theta, part.grad, part.layers[1].buffers._arrays))
    assert before == after
    assert state == part.layers[1].rng.bit_generator.state
    assert not hasattr(part.layers[2], "y")
    np.testing.assert_array_equal(x, given)


def test_parts_that_change_what_they_are_given_are_refused():
    class Forward(Tanh):
        def forward(self, x, *, training=False):
            x *= 2
            return super().forward(x)

    class Backward(Tanh):
        def backward(self, dy):
            dy *= 1 - self.y**2
            return dy

    assert reason(Forward(), drawn(2, 3)) == "forward changed x"
    assert reason(Backward(), drawn(2, 3)) == "backward changed dy"


def test_names_and_shapes_of_gradients():
    layer = Affine(3, 2, rng=0)
    layer.grads = type(layer.params)({"W": np.zeros((3, 2))})
    assert "grads must have the names of params, ['W', 'b']" in reason(
        layer, drawn(4, 3)
    )
    layer.grads = type(layer.params)({"W": np.zeros((2, 3)), "b": np.zeros(2)})
    assert "grads['W'] must have shape (3, 2), got (2, 3)" in reason(layer, drawn(4, 3))
    model = network()
    model.__class__ = type("Flat", (Model,), {"__deepcopy__": lambda self, _: self})
    model.grad = np.zeros(3)
    assert "grad must have the shape of theta" in reason(model, drawn(5, 4))


@pytest.mark.parametrize(
    ("part", "x", "settings", "message"),
    [
        (object(), [[1.0]], {}, "part must have a method forward, got <object"),
        (Dense(1, 1, rng=0), [[1.0, 2]], {}, "x must have shape"),
        (Tanh(), np.zeros((0, 3)), {}, r"at least one sample, got shape \(0, 3\)"),
        (Tanh(), 3.0, {}, r"at least one sample, got shape \(\)"),
        (Tanh(), [[1j]], {}, "x must hold real numbers"),
        (Tanh(), [[np.nan]], {}, "x must hold finite numbers"),
        (Tanh(), [[1.0]], {"rtol": 1.5}, "rtol must lie between 0 and 1, got 1.5"),
        (Tanh(), [[1.0]], {"directions": -1}, "directions must be an integer.*got -1"),
        (Tanh(), [[1.0]], {"directions": 1.5}, "directions must be an integer"),
        (Tanh(), [[1.0]], {"rng": "x"}, "rng must be a seed or generator"),
    ],
)
def test_check_gradients_refuses(part, x, settings, message):
    if type(part) is Dense:
        part = Affine(1, 1, rng=0)
    with pytest.raises(ValueError, match=message):
        check_gradients(part, x, **settings)


def test_outputs_and_parameters_must_be_real_and_finite():
    class Gives(Tanh):
        def forward(self, x, *, training=False):
            return x * self.factor

    for factor, message in ((np.inf, "got nan or inf"), (1j, "got complex128")):
        part = Gives()
        part.factor = factor
        with pytest.raises(ValueError, match=f"real, finite outputs, {message}"):
            check_gradients(part, [[1.0]])
    layer = Affine(2, 2, rng=0)
    layer.params._bind("W", layer.params["W"].astype(np.float16))
    with pytest.raises(ValueError, match="must be float32 or float64, got float16"):
        check_gradients(layer, [[1.0, 2.0]])


def test_a_slope_of_zero_through_noise_is_no_alarm():
    """A bias in front of a subtracted mean has slope 0, and rounding noise."""

    class Centred(Affine):
        def forward(self, x, *, training=False):
            y = super().forward(x)
            return y - y.mean(axis=0)

        def backward(self, dy):
            return super().backward(dy - dy.mean(axis=0))

    for directions in (0, 4):
        check_gradients(Centred(5, 4, rng=0), 50 * drawn(8, 5), directions=directions)


def test_the_same_seed_gives_the_same_verdict():
    layer = accused(lambda W, b, x: (W * 1.1, b, x))
    x = drawn(6, 3)
    assert reason(layer, x, rng=4) == reason(layer, x, rng=4) != reason(layer, x, rng=5)


# ------------------------------------------------------------------------ check_loss


class CrossEntropy:
    """Of labels, from scores; right unless `mistake` says otherwise."""

    mistake = staticmethod(lambda g, n: g)

    def __call__(self, y_pred, y_true):
        self.log_p, self.y = log_softmax(y_pred), np.eye(y_pred.shape[1])[y_true]
        return -float((self.y * self.log_p).sum() / len(y_pred))

    def backward(self):
        p_minus_y = np.where(self.y, np.expm1(self.log_p), np.exp(self.log_p))
        return self.mistake(p_minus_y / len(self.y), len(self.y))


@pytest.mark.parametrize("size", [0.01, 1.0, 100.0])
@pytest.mark.parametrize("shape", [(1, 2), (7, 3), (90, 10)])
def test_a_right_loss_passes(shape, size):
    labels = np.arange(shape[0]) % shape[1]
    check_loss(CrossEntropy(), size * drawn(*shape), labels)
    check_loss(CrossEntropy(), size * drawn(*shape), labels, directions=5)
    check_loss(CrossEntropy(), drawn(*shape).astype(np.float32), labels)


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        (
            lambda g, n: n * g,
            "all entries are 7 times too large, and the batch holds 7",
        ),
        (lambda g, n: -g, "all entries have the wrong sign"),
        (lambda g, n: g.ravel(), r"gradient must have shape \(7, 3\), got \(21,\)"),
        (lambda g, n: None, "backward returned None"),
        (lambda g, n: g * np.nan, "gradient holds nan"),
        (lambda g, n: g + 1e-5, r"gradient\[\d, \d\]: .*21 of 21 entries are wrong"),
    ],
)
def test_a_wrong_loss_is_refused_with_the_reason(mistake, words):
    loss = CrossEntropy()
    loss.mistake = mistake
    for directions in (0, 4):
        with pytest.raises(AssertionError, match=words):
            check_loss(loss, drawn(7, 3), np.arange(7) % 3, directions=directions)


@pytest.mark.parametrize("shape", [(7, 3), (20, 30)])
@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.inf, "gradient holds inf"),
        (1e200, r"gradient\[4, 2\]: backward says 1e\+200.*; 1 of \d+ entries"),
        (1e-3j, "gradient must be real, got dtype complex128"),
    ],
)
def test_one_impossible_entry_of_a_loss_is_refused(shape, value, words):
    def mistake(g, _):
        g = g.astype(np.result_type(g, value))
        g[4, 2] = value
        return g

    loss = CrossEntropy()
    loss.mistake = mistake
    labels = np.arange(shape[0]) % shape[1]
    assert re.match(words, told(check_loss, loss, drawn(*shape), labels))


def test_the_loss_and_its_arguments_are_untouched():
    loss, z, labels = CrossEntropy(), drawn(7, 3), np.arange(7) % 3
    given = z.copy()
    check_loss(loss, z, labels)
    assert not hasattr(loss, "log_p")
    np.testing.assert_array_equal(z, given)

    class Changes(CrossEntropy):
        def __call__(self, y_pred, y_true):
            y_pred -= y_pred.max()
            return super().__call__(y_pred, y_true)

    with pytest.raises(AssertionError, match="the loss changed y_pred"):
        check_loss(Changes(), z, labels)


def test_check_loss_refuses():
    class Endless(CrossEntropy):
        def __call__(self, y_pred, y_true):
            return np.inf

    for loss, z, settings, message in (
        (object(), [[1.0]], {}, "loss must be callable and have a backward"),
        (CrossEntropy(), np.zeros((0, 3)), {}, "y_pred must hold at least one number"),
        (CrossEntropy(), [[np.nan]], {}, "y_pred must hold finite numbers"),
        (Endless(), [[1.0]], {}, "loss must be finite, got inf"),
        (CrossEntropy(), [[1.0]], {"rtol": 0}, "rtol must lie between 0 and 1"),
        (
            CrossEntropy(),
            [[1.0]],
            {"directions": True},
            "directions must be an integer",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            check_loss(loss, z, [0], **settings)
