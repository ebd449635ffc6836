"""The activations as layers: their values, and what they keep for the way back."""

import copy
import pickle

import numpy as np
import pytest

from nnlib.activations import ReLU, Step
from nnlib.layers import Layer

LAYERS = (Step, ReLU)
X = np.array([[-2.0, -0.0, 0.5], [np.inf, -np.inf, 3.0]])


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Step, [[0, 0, 1], [1, 0, 1]]),
        (ReLU, [[0, 0, 0.5], [np.inf, 0, 3]]),
    ],
)
def test_values(kind, expected):
    for training in (False, True):
        np.testing.assert_array_equal(kind().forward(X, training=training), expected)


@pytest.mark.parametrize("kind", LAYERS)
def test_they_have_nothing_to_learn_and_nothing_to_save(kind):
    layer = kind()
    assert isinstance(layer, Layer)
    assert dict(layer.params) == dict(layer.grads) == dict(layer.buffers) == {}
    assert layer.penalty() == 0.0
    assert layer.config() == {}
    assert type(layer)(**layer.config()).forward(X).shape == X.shape


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_an_empty_batch_and_the_precision(kind, dtype):
    for shape in ((0, 3), (2, 3), (2, 3, 4, 4)):
        answer = kind().forward(np.ones(shape, dtype))
        assert answer.shape == shape
        assert answer.dtype == dtype


def test_what_is_kept():
    layer, other = ReLU(), ReLU()
    assert layer._on is None
    layer.forward(X)
    np.testing.assert_array_equal(layer._on, [[0, 0, 1], [1, 0, 1]])
    assert layer._on.dtype == bool
    assert other._on is None
    layer.forward(np.array([[1j - 1, 1j + 1]]))
    np.testing.assert_array_equal(layer._on, [[0, 1]])
    steps = Step()
    assert steps._shape is None
    steps.forward(X)
    assert steps._shape == (2, 3)


@pytest.mark.parametrize("kind", LAYERS)
def test_what_is_kept_does_not_change_with_the_input_or_the_output(kind):
    layer, x = kind(), X.copy()
    y = layer.forward(x)
    kept = copy.deepcopy(vars(layer))
    x[...] = 0
    y[...] = 0
    assert str(vars(layer)) == str(kept) or kind is ReLU
    if kind is ReLU:
        np.testing.assert_array_equal(layer._on, kept["_on"])


@pytest.mark.parametrize("kind", LAYERS)
def test_a_batch_is_its_samples_one_by_one(kind):
    x = np.random.default_rng(0).normal(size=(20, 7))
    alone = [kind().forward(x[k : k + 1])[0] for k in range(20)]
    np.testing.assert_array_equal(kind().forward(x), alone)


@pytest.mark.parametrize("kind", LAYERS)
def test_copies_and_pickles(kind):
    layer = kind()
    layer.forward(X)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        np.testing.assert_array_equal(other.forward(X), layer.forward(X))


@pytest.mark.parametrize("kind", LAYERS)
def test_what_is_not_a_number_is_named(kind):
    with pytest.raises(ValueError, match="x must hold real or complex numbers"):
        kind().forward([["a"]])
