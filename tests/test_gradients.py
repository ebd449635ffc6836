"""Every export that has a gradient is found here, and must have a case.

At ordinary inputs, gradients agree with central differences to 1e-7 of the largest
entry; at saturated and large ones, with arithmetic of hundreds of digits.
"""

import importlib
import inspect
import pkgutil

import mpmath as mp
import numpy as np
import pytest

import nnlib
from nnlib import autograd, functional
from nnlib.activations import ReLU, Sigmoid, Softmax, Step, Tanh
from nnlib.gradcheck import (
    check_gradients,
    check_loss,
    complex_step,
    numerical_gradient,
)
from nnlib.layers import Dense, Dropout, Layer
from nnlib.losses import (
    BinaryCrossEntropy,
    CategoricalCrossEntropy,
    Huber,
    Loss,
    MeanAbsoluteError,
    MeanSquaredError,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
)
from nnlib.models import Sequential

RNG = np.random.default_rng(20)
X = RNG.normal(0, 2, (6, 4))
P = RNG.dirichlet(np.ones(4), 6)
LABELS = RNG.integers(0, 4, 6)
YES = RNG.integers(0, 2, (6, 4)).astype(float)
# Saturated and large, each sample with a likeliest class.
FAR = np.array(
    [
        [40.0, 0.0, -3.0, 1.0],
        [700.0, -700.0, 20.0, 36.0],
        [-745.0, 30.0, -30.0, -36.5],
        [1e4, -1e4, 1.0, 0.0],
    ]
)
FAR_LABELS = np.array([0, 1, 1, 3])
TINY = np.array([[1e-300, 0.5, 0.25, 0.25], [1e-17, 1e-9, 0.9, 0.1 - 1e-9]])
NUMBERS = RNG.normal(0, 2, (6, 4))
# Errors from a denormal float and a last digit to the largest sizes, and none at all.
WIDE = np.array([[1e300, -1e150, 5e-324, -1e-300], [1 + 2**-52, -1e8, 0.1, 1e-9]])
WIDE_NUMBERS = np.array([[0.0, 1e150, 0.0, 1e-300], [1.0, -1e8 - 2**-26, 0.1, 0.75]])
LARGE = np.array([[1e150, -1e-150, 3.0, -1e100], [1e-12, 1e12, -1e120, 2.0]])


def exact_sigmoid_slope(x):
    return 1 / (4 * mp.cosh(x / 2) ** 2)


def exact_softmax(row):
    powers = [mp.exp(z) for z in row]
    return [power / mp.fsum(powers) for power in powers]


def elementwise(slope):
    """Return the exact gradient of sum(G * y) for a function of each number alone."""
    return lambda row, g: [b * slope(a) for a, b in zip(row, g, strict=True)]


def through_softmax(row, g):
    p = exact_softmax(row)
    mean = mp.fsum(a * b for a, b in zip(p, g, strict=True))
    return [a * (b - mean) for a, b in zip(p, g, strict=True)]


def through_dense(_, g):
    weights = Dense(4, 4, rng=3).params["W"]
    return [
        mp.fsum(mp.mpf(w) * b for w, b in zip(line, g, strict=True)) for line in weights
    ]


# Layer: one of it, ordinary inputs, extreme ones, the exact gradient of a sample there.
LAYERS = {
    "Dense": (lambda: Dense(4, 4, rng=3), X, LARGE, through_dense),
    "Step": (Step, X, FAR, elementwise(lambda x: mp.mpf(0))),
    "ReLU": (ReLU, X, FAR[:, :3], elementwise(lambda x: mp.mpf(int(x > 0)))),
    "Sigmoid": (Sigmoid, X, FAR, elementwise(exact_sigmoid_slope)),
    "Tanh": (Tanh, X, FAR, elementwise(lambda x: 1 / mp.cosh(x) ** 2)),
    "Softmax": (Softmax, X, FAR, through_softmax),
    # In evaluation; with a mask: tests/test_dropout.py.
    "Dropout": (
        lambda: Dropout(0.5, rng=0),
        X,
        LARGE,
        elementwise(lambda x: mp.mpf(1)),
    ),
}


def in_scores(row, y):
    """The exact gradient of one sample's cross-entropy, y the label's number."""
    return [p - int(k == y) for k, p in enumerate(exact_softmax(row))]


def in_questions(row, y):
    return [1 / (1 + mp.exp(-z)) - int(a) for z, a in zip(row, y, strict=True)]


def in_probabilities(row, y):
    return [-int(k == y) / p for k, p in enumerate(row)]


def in_one_probability(row, y):
    return [
        1 / (1 - p) - int(a) * (1 / (1 - p) + 1 / p)
        for p, a in zip(row, y, strict=True)
    ]


def in_numbers(slope):
    """The exact gradient of a mean of the slopes of each error alone."""
    return lambda row, y: [slope(a - mp.mpf(b)) for a, b in zip(row, y, strict=True)]


# Loss: ordinary predictions and truth, extreme ones, a sample's exact gradient, and
# what the mean divides by.
LOSSES = {
    "SoftmaxCrossEntropy": (X, LABELS, FAR, FAR_LABELS, in_scores, len),
    "SigmoidCrossEntropy": (X, YES, FAR, YES[:4], in_questions, np.size),
    "CategoricalCrossEntropy": (
        P,
        LABELS,
        TINY,
        np.array([0, 1]),
        in_probabilities,
        len,
    ),
    "BinaryCrossEntropy": (P, YES, TINY, YES[:2], in_one_probability, np.size),
    "MeanSquaredError": (
        X,
        NUMBERS,
        WIDE,
        WIDE_NUMBERS,
        in_numbers(lambda d: 2 * d),
        np.size,
    ),
    "MeanAbsoluteError": (X, NUMBERS, WIDE, WIDE_NUMBERS, in_numbers(mp.sign), np.size),
    "Huber": (
        X,
        NUMBERS,
        WIDE,
        WIDE_NUMBERS,
        in_numbers(lambda d: max(-1, min(d, 1))),
        np.size,
    ),
}

WEIGHTS = RNG.normal(size=4)
# Function: a number made with it, an array to move, an extreme one, exact slopes there.
FUNCTIONS = {
    "affine": (
        lambda w: functional.affine(X, w, 0.5).sum(),
        WEIGHTS,
        1e150 * WEIGHTS,
        lambda w: [mp.fsum(map(mp.mpf, column)) for column in X.T],
    ),
    "step": (
        lambda x: functional.step(x).sum(),
        X,
        FAR,
        lambda x: [mp.mpf(0)] * x.size,
    ),
    "relu": (
        lambda x: functional.relu(x).sum(),
        X,
        FAR[:, :3],
        lambda x: [mp.mpf(int(a > 0)) for a in x.ravel()],
    ),
    "sigmoid": (
        lambda x: functional.sigmoid(x).sum(),
        X,
        FAR,
        lambda x: [exact_sigmoid_slope(mp.mpf(a)) for a in x.ravel()],
    ),
    "tanh": (
        lambda x: functional.tanh(x).sum(),
        X,
        FAR[[0, 2]] / 40,
        lambda x: [1 / mp.cosh(mp.mpf(a)) ** 2 for a in x.ravel()],
    ),
    "softplus": (
        lambda x: functional.softplus(x).sum(),
        X,
        FAR,
        lambda x: [1 / (1 + mp.exp(-mp.mpf(a))) for a in x.ravel()],
    ),
    "logsumexp": (
        lambda z: functional.logsumexp(z).sum(),
        X,
        FAR,
        lambda z: [p for row in z for p in exact_softmax(map(mp.mpf, row))],
    ),
    "softmax": (
        lambda z: (functional.softmax(z) @ WEIGHTS).sum(),
        X,
        FAR,
        lambda z: [
            d for row in z for d in through_softmax(list(map(mp.mpf, row)), WEIGHTS)
        ],
    ),
    "log_softmax": (
        lambda z: functional.log_softmax(z)[:, 0].sum(),
        X,
        FAR,
        lambda z: [-d for row in z for d in in_scores(list(map(mp.mpf, row)), 0)],
    ),
}
WITHOUT_GRADIENT = {"one_hot": "it takes labels, which do not move"}


def exported(base):
    """Return the names of all exported subclasses of a class, itself left out."""
    names = set()
    for module in pkgutil.iter_modules(nnlib.__path__):
        exports = importlib.import_module(f"nnlib.{module.name}")
        for name in exports.__all__:
            value = getattr(exports, name)
            if inspect.isclass(value) and issubclass(value, base) and value is not base:
                names.add(name)
    return names


def close(got, want, size=None):
    """Compare with exact numbers, to 1e-12 of each, or of the largest in a sample."""
    for a, b in zip(np.ravel(got), want, strict=True):
        scale = abs(b) if size is None else size
        assert abs(mp.mpf(float(a)) - b) <= 1e-12 * scale + mp.mpf(5e-324)


def test_every_layer_loss_and_function_has_a_case():
    assert set(LAYERS) == exported(Layer)
    assert set(LOSSES) == exported(Loss)
    assert set(FUNCTIONS) | set(WITHOUT_GRADIENT) == set(functional.__all__)


def test_whatever_else_goes_backward_is_known():
    """Classes with a backward that are neither layers nor losses."""
    others = set()
    for module in pkgutil.iter_modules(nnlib.__path__):
        exports = importlib.import_module(f"nnlib.{module.name}")
        for name in exports.__all__:
            value = getattr(exports, name)
            if inspect.isclass(value) and hasattr(value, "backward"):
                others.add(value)
    known = {
        Sequential,
        autograd.Tensor,
    }  # tests/test_models.py, tests/test_autograd.py
    assert {c for c in others if not issubclass(c, Layer | Loss)} == known


@pytest.mark.parametrize("name", LAYERS)
def test_layers_by_central_differences(name):
    make, x, _, _ = LAYERS[name]
    check_gradients(make(), x, directions=0, rtol=1e-7)


@pytest.mark.parametrize("name", LAYERS)
def test_layers_far_out(name):
    make, _, x, exact = LAYERS[name]
    layer = make()
    y = layer.forward(x)
    dy = np.random.default_rng(21).normal(size=y.shape)
    got = layer.backward(dy)
    with mp.workdps(400):
        for row, g, found in zip(x, dy, got, strict=True):
            want = exact([mp.mpf(a) for a in row], [mp.mpf(b) for b in g])
            close(
                found,
                want,
                max(map(abs, want)) if name in ("Dense", "Softmax") else None,
            )


def test_the_weights_of_a_dense_layer_far_out():
    layer = Dense(4, 4, rng=3)
    layer.forward(LARGE)
    dy = np.random.default_rng(22).normal(size=(2, 4))
    layer.backward(dy)
    for i in range(4):
        want = [
            mp.fsum(mp.mpf(LARGE[n, i]) * mp.mpf(dy[n, k]) for n in (0, 1))
            for k in range(4)
        ]
        close(layer.grads["W"][i], want, max(map(abs, want)))
    close(layer.grads["b"], [mp.mpf(dy[0, k]) + mp.mpf(dy[1, k]) for k in range(4)], 1)


@pytest.mark.parametrize("name", LOSSES)
def test_losses_by_central_differences(name):
    loss = getattr(importlib.import_module("nnlib.losses"), name)()
    y_pred, y_true, *_ = LOSSES[name]
    check_loss(loss, y_pred, y_true, directions=0, rtol=1e-7)


@pytest.mark.parametrize("name", LOSSES)
def test_losses_far_out(name):
    loss = getattr(importlib.import_module("nnlib.losses"), name)()
    _, _, y_pred, y_true, exact, divisor = LOSSES[name]
    loss(y_pred, y_true)
    got = loss.backward()
    with mp.workdps(20_000 if name.startswith("S") else 400):
        for row, y, found in zip(y_pred, y_true, got, strict=True):
            want = [d / divisor(y_pred) for d in exact([mp.mpf(a) for a in row], y)]
            close(found, want)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_by_central_differences_and_the_complex_step(name):
    f, x, _, _ = FUNCTIONS[name]
    measured = numerical_gradient(f, x)
    exact = complex_step(f, x)
    assert np.abs(measured - exact).max() <= 1e-7 * np.abs(exact).max()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_far_out(name):
    f, _, x, exact = FUNCTIONS[name]
    with mp.workdps(400):
        want = exact(x)
        close(complex_step(f, x), want, max(map(abs, want)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_network_keeps_its_precision_through_forward_loss_and_backward(dtype):
    model = Sequential([Dense(4, 5, rng=0), Tanh(), Dense(5, 4, rng=1)], dtype=dtype)
    loss = SoftmaxCrossEntropy()
    y = model.forward(X)
    assert type(loss(y, LABELS)) is float
    dy = loss.backward()
    dx = model.backward(dy)
    assert {y.dtype, dy.dtype, dx.dtype, model.grad.dtype, model.theta.dtype} == {
        np.dtype(dtype)
    }


@pytest.mark.parametrize(
    "loss",
    [
        SigmoidCrossEntropy,
        CategoricalCrossEntropy,
        BinaryCrossEntropy,
        MeanSquaredError,
        MeanAbsoluteError,
        Huber,
    ],
)
def test_every_loss_returns_the_precision_of_its_predictions(loss):
    y = LABELS if loss is CategoricalCrossEntropy else YES
    judge = loss()
    judge(P.astype(np.float32), y)
    assert judge.backward().dtype == np.float32
