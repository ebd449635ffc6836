"""Sequential: layers as one function of one vector."""

import copy
import io
import pickle

import numpy as np
import pytest

from nnlib.activations import ReLU, Sigmoid, Step, Tanh
from nnlib.gradcheck import check_gradients
from nnlib.layers import Arrays, Dense, Layer
from nnlib.models import Sequential


class Squares:
    def __call__(self, array):
        return float(np.sum(array**2)) / 2

    def gradient(self, array):
        return array


class Centred(Layer):
    """A layer with a buffer, and one of whole numbers."""

    def __init__(self):
        super().__init__()
        self.buffers = Arrays({"mean": [0.5, 0.5], "seen": [3]})

    def forward(self, x, *, training=False):
        self.training = training
        return x - self.buffers["mean"]

    def backward(self, dy):
        return dy


def network(dtype=np.float64, seed=0, **options):
    rng = np.random.default_rng(seed)
    layers = [Dense(2, 4, rng=rng, **options), Tanh(), Dense(4, 3, rng=rng, **options)]
    return Sequential(layers, dtype=dtype)


def arrays(model, which="params"):
    return [a for layer in model.layers for a in getattr(layer, which).values()]


def is_laid_out(model):
    """One memory, in order, seen from both sides, in one dtype."""
    for vector, which in ((model.theta, "params"), (model.grad, "grads")):
        found = arrays(model, which)
        assert vector.flags.c_contiguous
        assert vector.flags.owndata
        assert vector.shape == (sum(a.size for a in found),)
        assert vector.dtype == model.dtype
        kept = vector.copy()
        vector[...] = np.arange(vector.size)
        flat = [a.ravel() for a in found]
        np.testing.assert_array_equal(np.concatenate([*flat, []]), vector)
        for a in found:
            assert np.shares_memory(a, vector)
            assert a.dtype == model.dtype
            assert a.flags.c_contiguous
            a[...] = -1
        np.testing.assert_array_equal(vector, -1)
        vector[...] = kept
    return True


def test_theta_and_grad_are_the_layers_arrays():
    assert is_laid_out(network())
    model = network()
    model.theta += 1
    model.layers[2].params["W"][1, 2] = 7
    assert model.theta[2 * 4 + 4 + 1 * 3 + 2] == 7


def test_the_values_are_those_of_the_layers():
    first, last = Dense(2, 4, rng=0), Dense(4, 3, rng=1)
    before = [a.copy() for x in (first, last) for a in x.params.values()]
    first.grads["b"][...] = 5
    model = Sequential([first, last])
    np.testing.assert_array_equal(
        model.theta, np.concatenate([a.ravel() for a in before])
    )
    np.testing.assert_array_equal(model.grad[8:12], 5)
    assert model.grad.sum() == 20


@pytest.mark.parametrize("vector", ["theta", "grad"])
def test_assigning_copies_in(vector):
    model = network()
    held = getattr(model, vector)
    values = np.arange(held.size)
    setattr(model, vector, values)
    assert getattr(model, vector) is held
    np.testing.assert_array_equal(held, values)
    assert is_laid_out(model)
    setattr(model, vector, held[::-1])
    np.testing.assert_array_equal(held, values[::-1])
    setattr(model, vector, held)
    model.theta -= 0.5 * model.grad
    for wrong in (np.ones(3), np.ones((held.size, 1)), 1.0):
        with pytest.raises(ValueError, match=rf"{vector} must have shape \(27,\), got"):
            setattr(model, vector, wrong)
    for wrong in (["a"] * held.size, np.ones(held.size, complex)):
        with pytest.raises(ValueError, match=f"{vector} must hold real numbers"):
            setattr(model, vector, wrong)


def saved_with_joblib(model):
    joblib = pytest.importorskip("joblib")
    file = io.BytesIO()
    joblib.dump(model, file)
    file.seek(0)
    return joblib.load(file)


@pytest.mark.parametrize(
    "again",
    [
        copy.deepcopy,
        copy.copy,
        saved_with_joblib,
        *(
            lambda m, p=p: pickle.loads(pickle.dumps(m, protocol=p))
            for p in range(2, pickle.HIGHEST_PROTOCOL + 1)
        ),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_copies_lay_out_their_own_vectors(again, dtype):
    model = network(dtype)
    x, dy = np.ones((5, 2)), np.ones((5, 3))
    y, dx = model.forward(x), model.backward(dy)
    other = again(model)
    np.testing.assert_array_equal(other.theta, model.theta)
    np.testing.assert_array_equal(other.grad, model.grad)
    np.testing.assert_array_equal(other.backward(dy), dx)
    assert is_laid_out(other)
    assert is_laid_out(model)
    for mine in (model.theta, model.grad, *arrays(model), *arrays(model, "grads")):
        for theirs in (
            other.theta,
            other.grad,
            *arrays(other),
            *arrays(other, "grads"),
        ):
            assert not np.shares_memory(mine, theirs)
    other.theta += 1
    np.testing.assert_array_equal(model.forward(x), y)
    for layer in other.layers:
        with pytest.raises(ValueError, match="belongs to another model already"):
            Sequential([layer])


def test_a_layer_copied_out_of_a_model_is_free():
    model = network()
    for again in (copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))):
        layer = again(model.layers[0])
        other = Sequential([layer])
        other.theta[...] = 0
        assert is_laid_out(other)
        assert is_laid_out(model)
        assert model.theta.any()


def test_a_model_and_its_layer_copied_together_stay_together():
    for order in (lambda m: (m, m.layers[0]), lambda m: (m.layers[0], m)):
        pair = copy.deepcopy(order(network()))
        model = next(part for part in pair if isinstance(part, Sequential))
        layer = next(part for part in pair if isinstance(part, Dense))
        assert model.layers[0] is layer
        assert is_laid_out(model)


# Forward and backward


def test_forward_and_backward_are_the_layers_in_turn():
    model, x = network(), np.random.default_rng(1).normal(size=(5, 2))
    first, bend, last = (copy.deepcopy(layer) for layer in model.layers)
    y = last.forward(bend.forward(first.forward(x)))
    np.testing.assert_array_equal(model.forward(x), y)
    dy = np.random.default_rng(2).normal(size=(5, 3))
    dx = first.backward(bend.backward(last.backward(dy)))
    np.testing.assert_array_equal(model.backward(dy), dx)
    for mine, theirs in zip(
        arrays(model, "grads"),
        (*first.grads.values(), *last.grads.values()),
        strict=True,
    ):
        np.testing.assert_array_equal(mine, theirs)


FIRST = {
    "Dense": lambda: Dense(2, 4, rng=0),
    "Dense without bias": lambda: Dense(2, 4, rng=0, use_bias=False),
    "Dense with penalties": lambda: Dense(
        2, 4, rng=0, weight_regularizer=Squares(), bias_regularizer=Squares()
    ),
    "ReLU": ReLU,
    "Centred": Centred,
}


@pytest.mark.parametrize("first", FIRST)
@pytest.mark.parametrize("behind", [0, 1, 2])
@pytest.mark.parametrize("batch", [0, 1, 7])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_gradient_of_the_parameters_alone_is_the_same_to_the_last_bit(
    first, behind, batch, dtype
):
    rng = np.random.default_rng(12)
    layers = [FIRST[first]()]
    width = 4 if "Dense" in first else 2
    layers += [Tanh(), Dense(width, 3, rng=rng, weight_regularizer=Squares())][:behind]
    model = Sequential(layers, dtype=dtype)
    model.theta = rng.normal(size=model.theta.size)
    y = model.forward(rng.normal(size=(batch, 2)))
    dy = rng.normal(size=y.shape)
    model.backward(dy)
    expected = model.grad.copy()
    model.grad[...] = 7
    assert model._backward_params(dy) is None
    assert model.grad.tobytes() == expected.tobytes()
    assert is_laid_out(model)


def test_the_first_layers_input_gets_no_gradient():
    model = network()

    def never(_dy):
        raise AssertionError("the gradient of the input was asked for")

    model.forward(np.ones((5, 2)))
    model.backward(np.ones((5, 3)))
    expected = model.grad.copy()
    model.layers[0].backward = never
    model._backward_params(np.ones((5, 3)))
    np.testing.assert_array_equal(model.grad, expected)


def test_a_first_layer_with_a_backward_of_its_own_uses_it():
    class Frozen(Dense):
        def backward(self, dy):
            dx = super().backward(dy)
            for array in self.grads.values():
                array[...] = 0
            return dx

    class LikeALayer:
        def __init__(self):
            inner = Dense(2, 4, rng=0)
            self.params, self.grads, self.buffers = inner.params, inner.grads, {}
            self.forward, self.backward = inner.forward, inner.backward
            self.penalty = inner.penalty

    for first in (Frozen(2, 4, rng=0), LikeALayer()):
        model = Sequential([first, Tanh(), Dense(4, 3, rng=1)])
        model.forward(np.ones((5, 2)))
        model.backward(np.ones((5, 3)))
        expected = model.grad.copy()
        assert expected[:12].any() == isinstance(first, LikeALayer)
        model.grad[...] = 7
        model._backward_params(np.ones((5, 3)))
        np.testing.assert_array_equal(model.grad, expected)


def without_gradient(_array):
    return 0.0


@pytest.mark.parametrize(
    ("options", "x", "dy", "error", "reason"),
    [
        ({}, None, np.ones((5, 3)), RuntimeError, "^call forward before"),
        ({}, np.ones((5, 9)), np.ones((5, 3)), RuntimeError, "^call forward before"),
        ({}, np.ones((5, 2)), np.ones((4, 3)), ValueError, r"^layer 2 \(Dense\): dy"),
        ({}, np.ones((5, 2)), [["a"] * 3] * 5, ValueError, "^dy must hold real"),
        ({}, np.ones((5, 2)), np.ones((5, 3), complex), ValueError, "^dy must hold"),
        (
            {},
            np.ones((5, 2), complex),
            np.ones((5, 3)),
            ValueError,
            r"^layer 2 \(Dense\): x must have held",
        ),
        (
            {"weight_regularizer": without_gradient},
            np.ones((5, 2)),
            np.ones((5, 4)),
            ValueError,
            r"^layer 0 \(Dense\): weight_regularizer must have a gradient",
        ),
        (
            {"bias_regularizer": without_gradient},
            np.ones((5, 2)),
            np.ones((5, 4)),
            ValueError,
            r"^layer 0 \(Dense\): bias_regularizer must have a gradient",
        ),
        (
            {"use_bias": False},
            np.ones((5, 2), complex),
            np.ones((5, 4)),
            ValueError,
            r"^layer 0 \(Dense\): x must have held",
        ),
        (
            {"use_bias": False},
            np.ones((5, 2)),
            np.ones((5, 3)),
            ValueError,
            r"^layer 0 \(Dense\): dy must have shape \(5, 4\)",
        ),
    ],
)
def test_the_parameters_alone_are_refused_with_the_same_words(
    options, x, dy, error, reason
):
    said = []
    for name in ("backward", "_backward_params"):
        alone = Sequential([Dense(2, 4, rng=0, **options)])
        model = alone if options else network()
        if x is not None and x.shape == (5, 9):
            with pytest.raises(ValueError, match="layer 0"):
                model.forward(x)
        elif x is not None:
            model.forward(x)
        model.grad[...] = 7
        with pytest.raises(error, match=reason) as caught:
            getattr(model, name)(dy)
        said.append((str(caught.value), model.grad.tolist()))
    assert said[0] == said[1]


@pytest.mark.parametrize("bend", [ReLU, Sigmoid, Tanh])
@pytest.mark.parametrize("depth", [1, 3])
def test_gradients_by_central_differences(bend, depth):
    rng, layers = np.random.default_rng(3), [Dense(2, 3, rng=3)]
    for _ in range(depth):
        layers += [bend(), Dense(3, 3, rng=rng, weight_regularizer=Squares())]
    model = Sequential(layers)
    model.theta = rng.normal(size=model.theta.size)  # zero biases can mean kinks
    check_gradients(model, rng.normal(size=(6, 2)))


def test_the_gradient_of_the_parameters_by_the_complex_step():
    """By a forward written here: the package's parameters are real."""
    model = network()
    rng = np.random.default_rng(4)
    x, dy = rng.normal(size=(5, 2)), rng.normal(size=(5, 3))

    def total(theta):
        w1, b1 = theta[:8].reshape(2, 4), theta[8:12]
        w2, b2 = theta[12:24].reshape(4, 3), theta[24:]
        return np.sum(dy * (np.tanh(x @ w1 + b1) @ w2 + b2))

    model.forward(x)
    dx = model.backward(dy)
    theta = model.theta.astype(complex)
    slopes = []
    for i in range(theta.size):
        theta[i] += 1e-100j
        slopes.append(total(theta).imag / 1e-100)
        theta[i] = theta[i].real
    np.testing.assert_allclose(model.grad, slopes, rtol=1e-12, atol=1e-14)
    for place in np.ndindex(x.shape):
        moved = x.astype(complex)
        moved[place] += 1e-100j
        slope = np.sum(dy * model.forward(moved)).imag / 1e-100
        np.testing.assert_allclose(dx[place], slope, rtol=1e-12, atol=1e-14)


def test_penalties_are_added_up_and_so_are_their_gradients():
    model = network(weight_regularizer=Squares())
    expected = sum(
        float(np.sum(layer.params["W"] ** 2)) / 2 for layer in model.layers[::2]
    )
    assert model.penalty() == pytest.approx(expected, rel=1e-14)
    assert type(model.penalty()) is float
    assert network().penalty() == 0.0
    model.forward(np.ones((3, 2)))
    model.backward(np.zeros((3, 3)))
    np.testing.assert_array_equal(model.grad[:8], model.theta[:8])
    np.testing.assert_array_equal(model.grad[8:12], 0)
    np.testing.assert_array_equal(model.grad[12:24], model.theta[12:24])


@pytest.mark.parametrize("given", [np.float16, np.float32, np.float64, np.int64, bool])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("bend", [ReLU, Step, Sigmoid, Tanh])
def test_everything_is_computed_in_the_models_dtype(dtype, given, bend):
    model = Sequential([bend(), Dense(2, 4, rng=0), bend()], dtype=dtype)
    assert model.forward(np.ones((3, 2), given)).dtype == dtype
    assert model.backward(np.ones((3, 4), given)).dtype == dtype
    assert {a.dtype for a in (model.theta, model.grad)} == {np.dtype(dtype)}
    model.theta -= 0.5 * model.grad
    assert is_laid_out(model)


def test_the_input_is_not_copied_where_it_fits_and_never_changed():
    model = network()
    x = np.ones((3, 2))
    model.forward(x)
    assert model.layers[0]._x is x
    np.testing.assert_array_equal(x, 1)
    complex_input = model.forward(np.ones((3, 2), complex))
    assert complex_input.dtype == np.complex128
    assert network(np.float32).forward(np.ones((3, 2), complex)).dtype == np.complex64


def test_an_empty_batch():
    model = network()
    model.grad[...] = 7
    assert model.forward(np.empty((0, 2))).shape == (0, 3)
    assert model.backward(np.empty((0, 3))).shape == (0, 2)
    np.testing.assert_array_equal(model.grad, 0)


def test_training_is_handed_to_the_layers():
    model = Sequential([Centred()])
    model.forward(np.ones((1, 2)), training=True)
    assert model.layers[0].training is True
    model.forward(np.ones((1, 2)))
    assert model.layers[0].training is False


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_buffers_stay_in_the_layers_in_the_models_dtype(dtype):
    model = Sequential([Centred(), Dense(2, 1, rng=0)], dtype=dtype)
    for again in (model, copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        buffers = again.layers[0].buffers
        assert buffers["mean"].dtype == dtype
        assert buffers["seen"].dtype.kind == "i"
        assert again.theta.shape == (3,)
        assert again.forward(np.ones((1, 2))).dtype == dtype
    copied = copy.deepcopy(model)
    copied.layers[0].buffers["mean"][...] = 9
    assert model.layers[0].buffers["mean"][0] == 0.5


def test_without_parameters():
    model = Sequential([ReLU(), Step()])
    assert model.theta.shape == model.grad.shape == (0,)
    model.theta -= 0.1 * model.grad
    model.forward([[1.0, -1.0]])
    np.testing.assert_array_equal(model.backward([[1.0, 1.0]]), 0)
    assert repr(model) == "Sequential(ReLU, Step: 0 parameters, float64)"
    assert is_laid_out(copy.deepcopy(model))


def test_repr_and_attributes():
    model = network(np.float32)
    assert repr(model) == "Sequential(Dense, Tanh, Dense: 27 parameters, float32)"
    assert isinstance(model.layers, tuple)
    assert not hasattr(model, "params")
    assert Sequential(layer for layer in [ReLU()]).layers


# Refusals


def test_backward_needs_a_forward_that_went_through():
    model = network()
    with pytest.raises(RuntimeError, match="call forward before backward"):
        model.backward(np.ones((1, 3)))
    model.forward(np.ones((1, 2)))
    model.backward(np.ones((1, 3)))
    with pytest.raises(ValueError, match="layer 0"):
        model.forward(np.ones((1, 5)))
    with pytest.raises(RuntimeError, match="call forward before backward"):
        model.backward(np.ones((1, 3)))


def test_what_a_layer_refuses_is_said_with_its_place():
    model = Sequential([Dense(2, 4, rng=0), ReLU(), Dense(3, 1, rng=0)])
    message = r"^layer 2 \(Dense\): x must have shape \(batch, 3\), got \(5, 4\)$"
    with pytest.raises(ValueError, match=message):
        model.forward(np.ones((5, 2)))
    model = network()
    model.forward(np.ones((5, 2)))
    message = r"^layer 2 \(Dense\): dy must have shape \(5, 3\), got \(4, 3\)$"
    with pytest.raises(ValueError, match=message):
        model.backward(np.ones((4, 3)))


def test_numbers_are_needed():
    model = network()
    with pytest.raises(
        ValueError, match="x must hold real or complex numbers, got dtype"
    ):
        model.forward([["a", "b"]])
    model.forward(np.ones((1, 2)))
    for dy in ([["a"] * 3], np.ones((1, 3), complex)):
        with pytest.raises(ValueError, match="dy must hold real numbers, got dtype"):
            model.backward(dy)


@pytest.mark.parametrize(
    "dtype",
    [np.float16, np.longdouble, np.int64, complex, "nonsense", None, ">f4", "O"],
)
def test_other_dtypes_are_refused(dtype):
    with pytest.raises(ValueError, match="dtype must be float32 or float64, got"):
        Sequential([ReLU()], dtype=dtype)


@pytest.mark.parametrize("dtype", [np.float32, "float32", np.dtype("f4"), "f4"])
def test_a_dtype_may_be_written_in_many_ways(dtype):
    assert Sequential([ReLU()], dtype=dtype).dtype == np.float32


def test_what_is_no_layer_is_refused():
    relu = ReLU()
    for layers, reason in (
        (
            [relu, ReLU],
            r"layers\[1\] must be a layer, got the class ReLU: write ReLU\(…\)",
        ),
        ([relu, 3], r"layers\[1\] must be a layer, got 3"),
        ([relu, network()], r"layers\[1\] must be a layer, got Sequential\("),
        ([], "layers must hold at least one layer, got none"),
        (relu, "layers must be a list of layers, got <"),
        ([relu, Tanh(), relu], r"layer 2 \(ReLU\) stands at place 0 already"),
    ):
        with pytest.raises(ValueError, match=reason):
            Sequential(layers)
    Sequential([relu])


def test_a_layer_belongs_to_one_model():
    dense = Dense(2, 2, rng=0)
    model = Sequential([dense])
    message = r"layer 1 \(Dense\) belongs to another model already; copy.deepcopy"
    with pytest.raises(ValueError, match=message):
        Sequential([ReLU(), dense])
    assert is_laid_out(model)


def test_a_layer_with_odd_arrays_is_refused():
    odd = ReLU()
    odd.params = Arrays({"w": [1.0]})
    with pytest.raises(
        ValueError, match=r"layer 0 \(ReLU\) must have grads of the names"
    ):
        Sequential([odd])
    odd.grads = Arrays({"w": [1.0]})
    odd.params = Arrays({"w": [1]})
    with pytest.raises(
        ValueError, match="must hold floating-point numbers in w, got int"
    ):
        Sequential([odd])


@pytest.mark.parametrize("last", [3, ReLU, None])
def test_a_failed_constructor_changes_no_layer(last):
    dense, relu = Dense(2, 2, rng=0), ReLU()
    held = dense.params["W"], dense.grads["W"]
    with pytest.raises(ValueError, match="must be a layer"):
        Sequential([dense, relu, last], dtype=np.float32)
    with pytest.raises(ValueError, match="stands at place"):
        Sequential([dense, relu, dense], dtype=np.float32)
    with pytest.raises(ValueError, match="dtype"):
        Sequential([dense, relu], dtype=np.float16)
    assert dense.params["W"] is held[0]
    assert dense.grads["W"] is held[1]
    assert dense.params["W"].dtype == np.float64
    assert is_laid_out(Sequential([dense, relu]))


def test_steps_along_the_gradient_make_the_loss_smaller():
    rng = np.random.default_rng(11)
    x, t = rng.normal(size=(30, 2)), rng.normal(size=(30, 3))
    model = network()
    losses = []
    for _ in range(20):
        y = model.forward(x)
        losses.append(np.sum((y - t) ** 2) / 60)
        model.backward((y - t) / 30)
        model.theta -= 0.05 * model.grad
    assert np.all(np.diff(losses) < 0)


def test_without_an_order_the_way_back_goes_wrong():
    model = Sequential([Tanh(), ReLU(), Sigmoid()])
    x = np.array([[-2.0, -0.5, 0.3, 1.5]])
    model.forward(x)
    got = model.backward(np.ones((1, 4)))
    h = 1e-6
    chord = (model.forward(x + h) - model.forward(x - h)) / (2 * h)
    np.testing.assert_allclose(got, chord, atol=1e-9)
    seen = []

    class Noting(ReLU):
        def backward(self, dy):
            seen.append(self)
            return dy

    model = Sequential([Noting(), Noting(), Noting()])
    model.forward(x)
    model.backward(x)
    assert [model.layers.index(layer) for layer in seen] == [2, 1, 0]


def test_a_pickle_holds_the_values_once():
    model = Sequential([Dense(100, 100, rng=0)])
    assert len(pickle.dumps(model)) < 2.1 * model.theta.nbytes  # params and grads
    assert not {"_theta", "_grad"} & set(model.__getstate__())
