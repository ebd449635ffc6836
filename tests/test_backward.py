"""The way back through Dense, ReLU, Step, Sigmoid, Tanh, and functional.tanh."""

import copy
import pickle

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnlib.activations import ReLU, Sigmoid, Step, Tanh
from nnlib.functional import sigmoid, tanh
from nnlib.gradcheck import check_gradients
from nnlib.layers import Dense, Layer

ACTIVATIONS = (ReLU, Step, Sigmoid, Tanh)
SMOOTH = (Sigmoid, Tanh)
PARTS = {"ReLU": ReLU, "Step": Step, "Sigmoid": Sigmoid, "Tanh": Tanh}
PARTS["Dense"] = lambda: Dense(3, 3, rng=0)


class Squares:
    """A regulariser with a gradient: half the sum of the squares, times a factor."""

    def __init__(self, factor):
        self.factor = factor

    def __call__(self, array):
        return self.factor * float(np.sum(array**2)) / 2

    def gradient(self, array):
        return self.factor * array


def whole(rng, *shape):
    return rng.integers(-9, 10, shape).astype(float)


# Dense


def dense(rng, inputs, outputs, **options):
    layer = Dense(inputs, outputs, rng=0, **options)
    for array in layer.params.values():
        array[...] = whole(rng, *array.shape)
    return layer


def exact_differences(layer, x, dy, array):
    """Slopes of the sum of dy * y, linear in each entry: exact in whole numbers."""
    slopes = np.empty(array.shape)
    before = np.sum(dy * layer.forward(x))
    for place in np.ndindex(array.shape):
        array[place] += 1
        slopes[place] = np.sum(dy * layer.forward(x)) - before
        array[place] -= 1
    return slopes


SHAPES = [(3, 3, 3), (5, 4, 2), (1, 2, 3), (2, 1, 1), (4, 3, 3)]


@pytest.mark.parametrize("what", ["W", "b", "x"])
@pytest.mark.parametrize(("batch", "inputs", "outputs"), SHAPES)
def test_dense_gradients_are_exact_differences(batch, inputs, outputs, what):
    rng = np.random.default_rng(batch)
    layer = dense(rng, inputs, outputs)
    x, dy = whole(rng, batch, inputs), whole(rng, batch, outputs)
    slopes = exact_differences(layer, x, dy, x if what == "x" else layer.params[what])
    layer.forward(x)
    dx = layer.backward(dy)
    np.testing.assert_array_equal(dx if what == "x" else layer.grads[what], slopes)


def test_dense_without_bias():
    rng = np.random.default_rng(0)
    layer = dense(rng, 4, 2, use_bias=False)
    x, dy = whole(rng, 3, 4), whole(rng, 3, 2)
    slopes = exact_differences(layer, x, dy, layer.params["W"])
    layer.forward(x)
    layer.backward(dy)
    assert list(layer.grads) == ["W"]
    np.testing.assert_array_equal(layer.grads["W"], slopes)


def test_gradients_are_overwritten_in_place():
    rng = np.random.default_rng(1)
    layer = dense(rng, 3, 2)
    held = dict(layer.grads)
    x, dy = whole(rng, 4, 3), whole(rng, 4, 2)
    layer.forward(x)
    layer.backward(dy)
    once = {name: array.copy() for name, array in held.items()}
    layer.backward(dy)
    for name, array in held.items():
        assert layer.grads[name] is array
        np.testing.assert_array_equal(array, once[name])
        assert array.any()


def test_the_penalty_is_added_to_the_gradients():
    rng = np.random.default_rng(2)
    options = {"weight_regularizer": Squares(0.5), "bias_regularizer": Squares(0.25)}
    layer = dense(rng, 3, 2, **options)
    x = rng.normal(size=(5, 3))
    layer.forward(x)
    layer.backward(np.zeros((5, 2)))
    np.testing.assert_array_equal(layer.grads["W"], 0.5 * layer.params["W"])
    np.testing.assert_array_equal(layer.grads["b"], 0.25 * layer.params["b"])
    check_gradients(layer, x)
    plain = dense(np.random.default_rng(2), 3, 2)
    dy = rng.normal(size=(5, 2))
    for each in (plain, layer):
        each.forward(x)
        each.backward(dy)
    for name, factor in (("W", 0.5), ("b", 0.25)):
        extra = layer.grads[name] - plain.grads[name]
        np.testing.assert_allclose(extra, factor * layer.params[name], atol=1e-13)


def test_a_regulariser_without_a_usable_gradient_is_refused_and_nothing_written():
    class Flat(Squares):
        def gradient(self, array):
            return array.sum(axis=0)

    message = r"weight_regularizer must have a gradient\(array\) to go backward, got <f"
    cases = [
        ({"weight_regularizer": lambda a: 0.0}, message),
        ({"bias_regularizer": lambda a: 0.0}, r"bias_regularizer must have a gradient"),
        (
            {"weight_regularizer": Flat(1.0)},
            r"the gradient of weight_regularizer must hold real numbers of shape "
            r"\(3, 2\), got float64 of shape \(2,\)",
        ),
    ]
    for options, reason in cases:
        layer = Dense(3, 2, rng=0, **options)
        layer.forward(np.ones((4, 3)))
        with pytest.raises(ValueError, match=reason):
            layer.backward(np.ones((4, 2)))
        assert not any(array.any() for array in layer.grads.values())


def test_an_empty_batch_gives_zeros_and_the_penalty():
    layer = Dense(3, 2, rng=0, weight_regularizer=Squares(2.0))
    for array in layer.grads.values():
        array[...] = 7
    layer.forward(np.empty((0, 3)))
    assert layer.backward(np.empty((0, 2))).shape == (0, 3)
    np.testing.assert_array_equal(layer.grads["W"], 2 * layer.params["W"])
    np.testing.assert_array_equal(layer.grads["b"], 0)


@pytest.mark.parametrize("x_type", [np.float32, np.float64])
@pytest.mark.parametrize(
    "dy_type", [np.float16, np.float32, np.float64, np.int64, bool]
)
def test_dense_precision_is_that_of_the_output(x_type, dy_type):
    layer = Dense(
        3, 2, rng=0, weight_init=lambda r, s, d: r.normal(size=s).astype("f4")
    )
    layer.params._bind("b", layer.params["b"].astype(np.float32))
    for name in ("W", "b"):
        layer.grads._bind(name, layer.grads[name].astype(np.float32))
    y = layer.forward(np.ones((4, 3), x_type))
    dx = layer.backward(np.ones((4, 2), dy_type))
    assert dx.dtype == y.dtype == x_type
    assert {array.dtype for array in layer.grads.values()} == {np.dtype(np.float32)}
    np.testing.assert_array_equal(layer.grads["b"], 4)


def test_half_precision_is_summed_in_single():
    half = np.float16
    layer = Dense(1, 2, rng=0, weight_init=lambda r, s, d: np.ones(s, half))
    layer.params._bind("b", layer.params["b"].astype(half))
    for name in ("W", "b"):
        layer.grads._bind(name, layer.grads[name].astype(half))
    layer.forward(np.ones((4096, 1), half))
    dx = layer.backward(np.full((4096, 2), 1.25, half))
    assert dx.dtype == half
    for array in layer.grads.values():  # one by one, 4096 + 1.25 would stay 4096
        np.testing.assert_array_equal(array, 5120)


def test_complex_inputs_do_not_go_backward_through_dense():
    layer = Dense(3, 2, rng=0)
    layer.forward(np.ones((1, 3), complex))
    with pytest.raises(ValueError, match="x must have held real numbers, got dtype c"):
        layer.backward(np.ones((1, 2)))


def test_backward_follows_the_last_forward():
    rng = np.random.default_rng(3)
    layer = dense(rng, 3, 2)
    first, second, dy = whole(rng, 4, 3), whole(rng, 4, 3), whole(rng, 4, 2)
    layer.forward(first)
    layer.forward(second)
    layer.backward(dy)
    np.testing.assert_array_equal(layer.grads["W"], second.T @ dy)


# What all have in common


@pytest.mark.parametrize("name", PARTS)
def test_before_any_forward(name):
    with pytest.raises(RuntimeError, match="call forward before backward"):
        PARTS[name]().backward(np.ones((2, 3)))


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("shape", [(5, 4), (4, 5), (3,), (), (1, 3), (4, 1)])
def test_a_gradient_of_another_shape_is_refused(name, shape):
    part = PARTS[name]()
    part.forward(np.ones((4, 3)))
    wanted = rf"dy must have shape \(4, 3\), got \({', '.join(map(str, shape))}"
    with pytest.raises(ValueError, match=wanted):
        part.backward(np.ones(shape))


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("dy", [[["a"] * 3] * 4, [[None] * 3] * 4])
def test_a_gradient_that_is_not_numeric_is_refused(name, dy):
    part = PARTS[name]()
    part.forward(np.ones((4, 3)))
    with pytest.raises(ValueError, match=r"dy must hold real .*numbers, got dtype"):
        part.backward(dy)


@pytest.mark.parametrize("name", PARTS)
def test_a_complex_gradient_of_a_real_output_is_refused(name):
    part = PARTS[name]()
    part.forward(np.ones((4, 3)))
    with pytest.raises(
        ValueError, match="dy must hold real numbers, got dtype complex"
    ):
        part.backward(np.ones((4, 3), complex))


@pytest.mark.parametrize("name", PARTS)
def test_lists_and_integers_are_gradients_too_and_nothing_given_is_changed(name):
    part = PARTS[name]()
    x = np.array([[-1.0, 0.5, 2.0], [3.0, -0.25, 0.0]])
    dy = np.array([[1, 2, 3], [-4, 5, 6]])
    kept = x.copy(), dy.copy()
    part.forward(x)
    dx = part.backward(dy)
    assert dx.dtype == np.float64
    assert not np.shares_memory(dx, dy)
    np.testing.assert_array_equal(x, kept[0])
    np.testing.assert_array_equal(dy, kept[1])
    np.testing.assert_array_equal(part.backward(dy.tolist()), dx)


@pytest.mark.parametrize("name", PARTS)
def test_a_result_is_not_used_again(name):
    part = PARTS[name]()
    part.forward(np.random.default_rng(0).normal(size=(4, 3)))
    dy = np.ones((4, 3))
    first = part.backward(dy)
    kept = first.copy()
    first[...] = 7
    np.testing.assert_array_equal(part.backward(dy), kept)
    np.testing.assert_array_equal(dy, 1)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (4,), (2, 3, 4, 5)])
def test_activations_take_any_shape(activation, shape):
    part = activation()
    part.forward(np.full(shape, 0.5))
    assert part.backward(np.ones(shape)).shape == shape


@pytest.mark.parametrize("name", ["Dense", "ReLU", "Sigmoid", "Tanh"])
def test_backward_is_linear_in_what_arrives(name):
    rng = np.random.default_rng(5)
    part = PARTS[name]()
    part.forward(rng.normal(size=(6, 3)))
    one, two = rng.normal(size=(2, 6, 3))
    together = part.backward(2 * one - 3 * two)
    apart = 2 * part.backward(one) - 3 * part.backward(two)
    np.testing.assert_allclose(together, apart, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", ["Dense", "ReLU", "Sigmoid", "Tanh"])
def test_gradients_by_central_differences(name):
    check_gradients(PARTS[name](), np.random.default_rng(6).normal(size=(5, 3)))


def test_a_layer_of_ones_own_must_define_backward():
    class Mine(Layer):
        pass

    with pytest.raises(NotImplementedError, match="Mine must define backward"):
        Mine().backward(np.ones((1, 1)))


@pytest.mark.parametrize("name", PARTS)
def test_copies_share_nothing_and_are_free(name):
    part = PARTS[name]()
    part._owned = True
    part.forward(np.ones((4, 3)))
    for again in (
        copy.copy(part),
        copy.deepcopy(part),
        pickle.loads(pickle.dumps(part)),
    ):
        assert not again._owned
        np.testing.assert_array_equal(
            again.backward(np.ones((4, 3))), part.backward(np.ones((4, 3)))
        )
        for mine, theirs in ((part.params, again.params), (part.grads, again.grads)):
            assert mine == theirs
            for key in mine:
                assert not np.shares_memory(mine[key], theirs[key])
    assert part._owned


# ReLU and Step


def test_relu_passes_where_it_was_on():
    part = ReLU()
    part.forward([[-2.0, -0.0, 0.0, 5e-324, 3.0]])
    dy = np.array([[1.0, 2.0, 3.0, -4.0, 5.0]])
    np.testing.assert_array_equal(part.backward(dy), [[0, 0, 0, -4, 5]])
    wild = np.array([[np.inf, np.nan, -np.inf, np.inf, np.nan]])
    np.testing.assert_array_equal(part.backward(wild), [[0, 0, 0, np.inf, np.nan]])


def test_step_passes_nothing():
    part = Step()
    part.forward([[-2.0, 0.5]])
    np.testing.assert_array_equal(part.backward([[np.inf, np.nan]]), 0)


@pytest.mark.parametrize("activation", [ReLU, Step])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.complex64])
@pytest.mark.parametrize(
    "dy_type", [np.float16, np.float32, np.float64, np.int64, bool]
)
def test_masks_return_the_precision_of_the_output(activation, dtype, dy_type):
    part = activation()
    y = part.forward(np.ones((2, 2), dtype))
    assert part.backward(np.ones((2, 2), dy_type)).dtype == y.dtype == dtype


# Sigmoid and Tanh


def exact_slope(activation, x):
    """With 50 digits, of the functions' definitions."""
    with mp.workdps(800):
        e = mp.exp(-abs(mp.mpf(float(x))) * (2 if activation is Tanh else 1))
        return e / (1 + e) ** 2 * (4 if activation is Tanh else 1)


@pytest.mark.parametrize("activation", SMOOTH)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_slopes_are_right_to_a_few_units_also_where_saturated(activation, dtype):
    info = np.finfo(dtype)
    end = -np.log(float(info.tiny)) / (2 if activation is Tanh else 1)
    rng = np.random.default_rng(7)
    x = np.concatenate(
        [rng.uniform(-end, end, 300), rng.uniform(-5, 5, 300), [0.0, 1e-8, -1e-30]]
    ).astype(dtype)
    part = activation()
    part.forward(x)
    got = part.backward(np.ones_like(x))
    assert got.dtype == dtype
    for place, slope in zip(x, got, strict=True):
        exact = exact_slope(activation, place)
        assert abs(mp.mpf(float(slope)) - exact) <= 6 * float(info.eps) * exact, place


@pytest.mark.parametrize("activation", SMOOTH)
def test_slopes_at_the_ends(activation):
    part = activation()
    part.forward([0.0, 1e4, -1e4, 1e308, -1e308, np.inf, -np.inf, np.nan])
    got = part.backward(np.ones(8))
    np.testing.assert_array_equal(got[1:], [0, 0, 0, 0, 0, 0, np.nan])
    assert got[0] == (0.25 if activation is Sigmoid else 1)


@given(st.floats(-300, 300))
def test_slopes_are_even(x):
    for activation in SMOOTH:
        part = activation()
        part.forward([x, -x])
        one, other = part.backward([1.0, 1.0])
        assert one == other


@pytest.mark.parametrize("activation", SMOOTH)
def test_the_complex_step_through_forward_gives_backward(activation):
    x = np.linspace(-6, 6, 49)
    part = activation()
    slope = part.forward(x + 1e-200j).imag / 1e-200
    part.forward(x)
    np.testing.assert_allclose(part.backward(np.ones(49)), slope, rtol=1e-13)


@pytest.mark.parametrize("activation", SMOOTH)
def test_the_complex_step_through_backward_gives_the_curvature(activation):
    x, h = np.linspace(-4, 4, 33), 1e-6
    part = activation()
    part.forward(x + 1e-200j)
    bend = part.backward(np.ones(33, complex)).imag / 1e-200
    slopes = []
    for moved in (x + h, x - h):
        part.forward(moved)
        slopes.append(part.backward(np.ones(33)))
    np.testing.assert_allclose(bend, (slopes[0] - slopes[1]) / (2 * h), atol=1e-9)


@pytest.mark.parametrize("activation", SMOOTH)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
@pytest.mark.parametrize("dy_type", [np.float16, np.float32, np.float64])
def test_smooth_precision_is_that_of_the_output(activation, dtype, dy_type):
    part = activation()
    y = part.forward(np.ones((2, 2), dtype))
    assert part.backward(np.ones((2, 2), dy_type)).dtype == y.dtype == dtype


@pytest.mark.parametrize(("activation", "function"), [(Sigmoid, sigmoid), (Tanh, tanh)])
def test_forward_is_the_function(activation, function):
    x = np.random.default_rng(8).normal(size=(4, 3))
    np.testing.assert_array_equal(activation().forward(x), function(x))
    np.testing.assert_array_equal(activation().forward(x, training=True), function(x))
    with pytest.raises(ValueError, match="x must hold real or complex numbers"):
        activation().forward(["a"])


# tanh


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tanh_is_right_to_a_few_units(dtype):
    rng = np.random.default_rng(9)
    sizes = 10.0 ** rng.uniform(-20, 2, 400) * rng.choice([-1, 1], 400)
    for x, y in zip(sizes.astype(dtype), tanh(sizes.astype(dtype)), strict=True):
        with mp.workdps(50):
            exact = mp.tanh(mp.mpf(float(x)))
            assert abs(mp.mpf(float(y)) - exact) <= 4 * float(
                np.finfo(dtype).eps
            ) * abs(exact)


def test_tanh_is_a_sigmoid_stretched():
    x = np.linspace(-30, 30, 601)
    np.testing.assert_allclose(tanh(x), 2 * sigmoid(2 * x) - 1, atol=4e-16)
    np.testing.assert_array_equal(tanh(-x), -tanh(x))


def test_tanh_at_the_ends_and_of_other_kinds():
    np.testing.assert_array_equal(
        tanh([np.inf, -np.inf, np.nan, 0]), [1, -1, np.nan, 0]
    )
    assert np.signbit(tanh(-0.0))
    assert tanh([1, 2]).dtype == np.float64
    assert tanh(np.float16(1)).dtype == np.float16
    assert isinstance(tanh(1.0), np.ndarray)
    assert tanh(np.empty((0, 3))).shape == (0, 3)
    np.testing.assert_allclose(tanh(0.3 + 1e-200j).imag / 1e-200, 1 / np.cosh(0.3) ** 2)
    with pytest.raises(
        ValueError, match="x must hold real or complex numbers, got dtyp"
    ):
        tanh(["a"])
