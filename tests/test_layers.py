"""Arrays, Layer and Dense against sums in Python's fractions, and their contract."""

import copy
import functools
import operator
import pickle
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnlib.initializers import he_normal, normal, zeros
from nnlib.layers import Arrays, Dense, Layer


class Halves:
    """A regulariser as chapter 18 makes them: callable, with a config."""

    def __call__(self, array):
        return 0.5 * np.sum(array**2)

    def config(self):
        return {"kind": "halves", "strength": 0.5}


# --- Arrays


def test_arrays_are_a_mapping_in_order():
    arrays = Arrays({"W": np.ones((2, 3)), "b": [1.0, 2.0]})
    assert list(arrays) == ["W", "b"]
    assert len(arrays) == 2
    assert "W" in arrays
    assert "x" not in arrays
    assert dict(arrays).keys() == {"W", "b"}
    assert repr(arrays) == "Arrays(W (2, 3), b (2,))"
    assert len(Arrays()) == 0
    with pytest.raises(KeyError, match="x"):
        arrays["x"]


def test_what_is_given_is_copied():
    given = np.ones(3)
    arrays = Arrays({"b": given})
    arrays["b"][...] = 5
    np.testing.assert_array_equal(given, 1)


def test_writing_in_place_is_seen_by_who_holds_the_array():
    arrays = Arrays({"W": np.zeros((2, 2))})
    held = arrays["W"]
    arrays["W"][...] = [[1, 2], [3, 4]]
    arrays["W"][0, 0] = 9
    arrays["W"] += 1
    arrays["W"] *= 2
    np.testing.assert_array_equal(held, [[20, 6], [8, 10]])
    assert arrays["W"] is held


@pytest.mark.parametrize("name", ["W", "new"])
def test_replacing_is_refused(name):
    arrays = Arrays({"W": np.zeros(2)})
    with pytest.raises(ValueError, match=rf"write in place: params\['{name}'\]"):
        arrays[name] = np.zeros(2)
    assert list(arrays) == ["W"]


def test_an_equal_array_is_a_replacement_too():
    arrays = Arrays({"W": np.zeros(2)})
    with pytest.raises(ValueError, match="write in place"):
        arrays["W"] = arrays["W"][:]


def test_nothing_can_be_deleted():
    arrays = Arrays({"W": np.zeros(2)})
    with pytest.raises((AttributeError, TypeError), match=r"delitem|deletion"):
        operator.delitem(arrays, "W")


def test_equality_compares_values():
    one, other = Arrays({"W": np.zeros(2)}), Arrays({"W": np.zeros(2)})
    assert one == other
    assert one == {"W": np.zeros(2)}
    other["W"][0] = 1
    assert one != other
    assert one != Arrays({"b": np.zeros(2)})
    assert one != 3


def test_bind_makes_an_array_a_view():
    theta = np.arange(6.0, dtype=np.float32)
    arrays = Arrays({"W": np.zeros((2, 3))})
    arrays._bind("W", theta.reshape(2, 3))
    theta += 1
    np.testing.assert_array_equal(arrays["W"], [[1, 2, 3], [4, 5, 6]])
    arrays["W"][...] = 0
    assert not theta.any()


@pytest.mark.parametrize(
    "array",
    [np.zeros((3, 2)), np.zeros(6), np.zeros((2, 3), int), np.zeros((2, 3), "c16")],
)
def test_bind_refuses_another_shape_or_kind(array):
    arrays = Arrays({"W": np.zeros((2, 3))})
    with pytest.raises(ValueError, match=r"array must have shape \(2, 3\).*for W, got"):
        arrays._bind("W", array)
    with pytest.raises(KeyError, match="b"):
        arrays._bind("b", np.zeros(2))


# --- Layer


def test_a_bare_layer_has_nothing():
    layer = Layer()
    assert len(layer.params) == len(layer.grads) == len(layer.buffers) == 0
    assert layer.penalty() == 0.0
    assert layer.config() == {}
    with pytest.raises(NotImplementedError, match="Layer must define forward"):
        layer.forward(np.zeros((2, 2)))


# --- Dense


def dense(**options):
    return Dense(3, 2, rng=0, **options)


@given(st.integers(0, 5), st.integers(1, 6), st.integers(1, 4), st.booleans())
def test_forward_is_the_sum_entry_by_entry(N, D, K, use_bias):  # noqa: N803
    rng = np.random.default_rng([N, D, K])
    layer = Dense(D, K, rng=rng, use_bias=use_bias, bias_init=normal)
    x = rng.normal(size=(N, D))
    y = layer.forward(x)
    assert y.shape == (N, K)
    weights = layer.params["W"]
    biases = layer.params["b"] if use_bias else np.zeros(K)
    for n in range(N):
        for k in range(K):
            terms = [Fraction(x[n, i]) * Fraction(weights[i, k]) for i in range(D)]
            want = sum(terms, Fraction(biases[k]))
            size = sum(map(abs, terms), abs(Fraction(biases[k])))
            error = abs(Fraction(y[n, k]) - want)
            assert error <= (D + 1) * Fraction(2) ** -53 * size


def test_shapes_and_first_values():
    layer = Dense(400, 100, rng=1)
    assert list(layer.params) == ["W", "b"]
    assert layer.params["W"].shape == (400, 100)
    assert layer.params["b"].shape == (100,)
    assert not layer.params["b"].any()
    np.testing.assert_array_equal(layer.params["W"], he_normal(1, (400, 100)))
    for name in layer.params:
        assert layer.grads[name].shape == layer.params[name].shape
        assert layer.grads[name].dtype == layer.params[name].dtype
        assert not layer.grads[name].any()
    assert len(layer.buffers) == 0


def test_without_bias_the_output_at_0_is_0():
    layer = dense(use_bias=False)
    assert list(layer.params) == list(layer.grads) == ["W"]
    assert not layer.forward(np.zeros((4, 3))).any()


def test_a_batch_gives_the_same_as_one_at_a_time_and_permutes():
    rng = np.random.default_rng(2)
    layer = Dense(64, 10, rng=rng, bias_init=normal)
    x, order = rng.normal(size=(50, 64)), rng.permutation(50)
    y = layer.forward(x)
    alone = np.concatenate([layer.forward(row[None]) for row in x])
    np.testing.assert_allclose(y, alone, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(
        layer.forward(x[order]), y[order], rtol=1e-12, atol=1e-13
    )


def test_two_layers_of_one_generator_differ_and_a_seed_repeats():
    rng = np.random.default_rng(3)
    first, second = Dense(8, 8, rng=rng), Dense(8, 8, rng=rng)
    assert not np.any(first.params["W"] == second.params["W"])
    assert Dense(8, 8, rng=3).params == first.params
    assert Dense(8, 8, rng=np.random.default_rng(3)).params == first.params


def test_the_bias_is_drawn_after_the_weights_from_the_same_generator():
    layer = dense(weight_init=normal, bias_init=normal)
    assert len(np.unique(np.append(layer.params["W"], layer.params["b"]))) == 8


def test_initialisers_get_generator_shape_and_dtype():
    seen = []

    def record(rng, shape, dtype):
        seen.append((type(rng), shape, np.dtype(dtype)))
        return np.ones(shape, dtype)

    dense(weight_init=record, bias_init=record)
    kind, double = np.random.Generator, np.dtype(np.float64)
    assert seen == [(kind, (3, 2), double), (kind, (2,), double)]


def test_layers_do_not_share_the_array_of_an_initialiser():
    constant = np.ones((3, 2))
    one, other = (dense(weight_init=lambda *_: constant) for _ in range(2))
    one.params["W"][...] = 7
    np.testing.assert_array_equal(other.params["W"], 1)
    np.testing.assert_array_equal(constant, 1)


def test_float32_stays_float32_and_complex_is_accepted():
    layer = dense(
        weight_init=lambda rng, shape, dtype: he_normal(rng, shape, np.float32),
        bias_init=lambda rng, shape, dtype: zeros(rng, shape, np.float32),
    )
    assert layer.grads["W"].dtype == np.float32
    x = np.ones((5, 3))
    assert layer.forward(x.astype(np.float32)).dtype == np.float32
    assert layer.forward(x).dtype == np.float64
    assert dense().forward(x.astype(np.float32)).dtype == np.float64
    assert dense().forward(x + 1j).dtype == np.complex128


def test_complex_step_gives_the_weights():
    """The slope of output k in input i is W[i, k], by a step without cancellation."""
    layer, h = dense(bias_init=normal), 1e-30
    for i in range(3):
        x = np.array([[0.3, -2.0, 1e5]], dtype=complex)
        x[0, i] += 1j * h
        slope = layer.forward(x).imag[0] / h
        np.testing.assert_allclose(slope, layer.params["W"][i], rtol=1e-15)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64])
def test_integers_become_float64(dtype):
    x = np.array([[0, 1, 1], [1, 1, 0]], dtype)
    layer = dense()
    y = layer.forward(x)
    assert y.dtype == np.float64
    np.testing.assert_array_equal(y, layer.forward(x.astype(float)))
    np.testing.assert_array_equal(layer.forward(x.tolist()), y)


def test_an_empty_batch_is_fine():
    assert dense().forward(np.empty((0, 3))).shape == (0, 2)


def test_the_input_is_kept_and_not_changed():
    layer, x = dense(), np.arange(6.0).reshape(2, 3)
    layer.forward(x, training=True)
    np.testing.assert_array_equal(layer._x, np.arange(6.0).reshape(2, 3))
    np.testing.assert_array_equal(x, np.arange(6.0).reshape(2, 3))


def test_no_output_is_reused():
    layer, x = dense(), np.ones((2, 3))
    first = layer.forward(x)
    before = first.copy()
    layer.forward(2 * x)
    np.testing.assert_array_equal(first, before)


def test_huge_nan_and_inf_pass_as_numpy_has_it():
    layer = dense()
    layer.params["W"][...] = [[1, 0], [0, 1], [0, 0]]
    y = layer.forward([[1e308, -1e308, 0.0], [np.nan, 0.0, 0.0]])
    np.testing.assert_array_equal(y[0], [1e308, -1e308])
    assert np.isnan(y[1]).all()


def test_penalty_adds_what_the_regularisers_give():
    assert dense().penalty() == 0.0
    layer = dense(
        weight_regularizer=Halves(), bias_regularizer=np.sum, bias_init=normal
    )
    weights, biases = layer.params.values()
    penalty = layer.penalty()
    assert type(penalty) is float
    want = sum(w * w for w in weights.flat) / 2 + sum(biases.tolist())
    assert penalty == pytest.approx(want, rel=1e-14)
    assert dense(weight_regularizer=Halves(), use_bias=False).penalty() > 0


def test_config_rebuilds_the_layer_without_drawing():
    layer = Dense(np.int64(3), 2, rng=0, use_bias=False, weight_regularizer=Halves())
    config = layer.config()
    assert config == {
        "in_features": 3,
        "out_features": 2,
        "use_bias": False,
        "weight_regularizer": {"kind": "halves", "strength": 0.5},
        "bias_regularizer": None,
    }
    assert type(config["in_features"]) is int
    again = Dense(**{**config, "weight_regularizer": None}, rng=0, weight_init=zeros)
    assert not again.params["W"].any()
    with pytest.raises(ValueError, match=r"bias_regularizer must have a config\(\)"):
        dense(bias_regularizer=np.sum).config()


def test_copies_and_pickles_are_independent():
    layer = dense(weight_init=functools.partial(normal, std=0.1))
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert twin.params == layer.params
        twin.params["W"] += 1
        assert twin.params != layer.params


@pytest.mark.parametrize(
    ("x", "got"),
    [
        (np.zeros((4, 2)), r"\(4, 2\)"),
        (np.zeros(3), r"\(3,\)"),
        (np.zeros((2, 2, 3)), r"\(2, 2, 3\)"),
        (1.0, r"\(\)"),
    ],
)
def test_another_shape_is_named(x, got):
    with pytest.raises(ValueError, match=rf"x must have shape \(batch, 3\), got {got}"):
        dense().forward(x)


def test_what_is_not_a_number_is_named():
    with pytest.raises(ValueError, match="x must hold real or complex numbers, got"):
        dense().forward([["a", "b", "c"]])


@pytest.mark.parametrize("size", [0, -1, 2.0, "3", None, True])
def test_sizes_are_positive_ints(size):
    with pytest.raises(ValueError, match="in_features must be an int of at least 1"):
        Dense(size, 2, rng=0)
    with pytest.raises(ValueError, match="out_features must be an int of at least 1"):
        Dense(2, size, rng=0)


@pytest.mark.parametrize("name", ["weight_init", "bias_init"])
def test_an_initialiser_must_be_callable_and_return_the_shape(name):
    for wrong in ("he_normal", None, np.zeros((3, 2))):
        with pytest.raises(ValueError, match=f"{name} must be a callable, got"):
            dense(**{name: wrong})
    for wrong in (
        lambda rng, shape, dtype: np.zeros((*shape[::-1], 1)),
        lambda rng, shape, dtype: np.zeros(shape, int),
        lambda rng, shape, dtype: np.zeros(shape, complex),
        lambda rng, shape, dtype: 0.0,
        lambda rng, shape, dtype: None,
    ):
        with pytest.raises(ValueError, match=f"{name} must return floating-point"):
            dense(**{name: wrong})


@pytest.mark.parametrize("name", ["weight_regularizer", "bias_regularizer"])
def test_a_regulariser_must_be_callable_or_none(name):
    with pytest.raises(ValueError, match=f"{name} must be a callable or None, got 0.1"):
        dense(**{name: 0.1})


def test_a_bias_regulariser_needs_a_bias():
    with pytest.raises(
        ValueError, match="bias_regularizer must be None where use_bias"
    ):
        dense(use_bias=False, bias_regularizer=np.sum)


@pytest.mark.parametrize("rng", ["seed", -1, 1.5])
def test_a_wrong_rng_is_named(rng):
    with pytest.raises(ValueError, match="rng must be a seed or generator"):
        Dense(3, 2, rng=rng)
