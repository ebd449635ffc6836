"""Tensor against differences, mpmath, chapters 07 and 08, and its own promises."""

import copy
import gc
import pickle
import sys
import weakref

import mpmath as mp
import numpy as np
import pytest

from nnlib.activations import ReLU, Sigmoid, Softmax, Tanh
from nnlib.autograd import Tensor
from nnlib.gradcheck import adjoint_test, numerical_gradient
from nnlib.layers import Dense
from nnlib.losses import (
    BinaryCrossEntropy,
    CategoricalCrossEntropy,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
)
from nnlib.models import Sequential

A = np.random.default_rng(0).normal(size=(3, 4))
B = np.random.default_rng(1).normal(size=(4, 3))
ROW, COLUMN, POSITIVE = A[:1], A[:, :1], np.abs(A) + 0.5


def leaf(values):
    return Tensor(values, requires_grad=True)


#: A name, a program of tensors, the same in NumPy, and arguments.
PROGRAMS = {
    "add": (lambda x, y: x + y, (A, A[::-1])),
    "add rows": (lambda x, y: x + y, (A, A[0])),
    "add columns": (lambda x, y: x + y, (COLUMN, A)),
    "add outer": (lambda x, y: x + y, (COLUMN, ROW)),
    "add number": (lambda x, y: x + y, (A, np.array(0.5))),
    "subtract": (lambda x, y: x - y, (A, COLUMN)),
    "multiply": (lambda x, y: x * y, (A, ROW)),
    "multiply deep": (lambda x, y: x * y, (np.stack([A, -A]), COLUMN)),
    "divide": (lambda x, y: x / y, (ROW, POSITIVE)),
    "power": (lambda x: x**3, (A,)),
    "power -1": (lambda x: x**-1, (POSITIVE,)),
    "root": (lambda x: x**0.5, (POSITIVE,)),
    "negative": (lambda x: -x, (A,)),
    "numbers": (lambda x: 2 - 3 * x + 1 / (x * x + 1) - x / 4 + 7, (A,)),
    "matmul": (lambda x, y: x @ y, (A, B)),
    "matmul matrix vector": (lambda x, y: x @ y, (A, A[0])),
    "matmul vector matrix": (lambda x, y: x @ y, (A[:, 0], A)),
    "matmul vectors": (lambda x, y: x @ y, (A[0], A[1])),
    "matmul stacks": (lambda x, y: x @ y, (np.stack([A, -A]), B)),
    "matmul broadcast stacks": (
        lambda x, y: x @ y,
        (np.stack([A, -A])[:, np.newaxis], np.stack([B, 2 * B, -B])),
    ),
    "matmul stack vector": (lambda x, y: x @ y, (np.stack([A, -A]), A[0])),
    "matmul vector stack": (lambda x, y: x @ y, (A[0], np.stack([B, -B]))),
    "array first": (lambda x: A - (A * x + A / (x * x + 1)) + B[:3, :3] @ x, (A,)),
    "exp": (lambda x: x.exp(), (A,)),
    "log": (lambda x: x.log(), (POSITIVE,)),
    "tanh": (lambda x: x.tanh(), (A,)),
    "sigmoid": (lambda x: x.sigmoid(), (A,)),
    "relu": (lambda x: x.relu(), (A,)),
    "softplus": (lambda x: x.softplus(), (A,)),
    "logsumexp": (lambda x: x.logsumexp(1), (A,)),
    "logsumexp kept": (lambda x: x.logsumexp(0, keepdims=True), (A,)),
    "softmax": (lambda x: x.softmax(-1), (A,)),
    "softmax 0": (lambda x: x.softmax(0), (A,)),
    "log_softmax": (lambda x: x.log_softmax(1), (A,)),
    "log_softmax 0": (lambda x: x.log_softmax(axis=0), (A,)),
    "sum": (lambda x: x.sum() * x, (A,)),
    "sum 0": (lambda x: x.sum(axis=0), (A,)),
    "sum -1 kept": (lambda x: x.sum(axis=-1, keepdims=True) * x, (A,)),
    "sum two": (lambda x: x.sum(axis=(0, 2)), (np.stack([A, -A]),)),
    "mean": (lambda x: x.mean(), (A,)),
    "mean 1": (lambda x: x.mean(axis=1), (A,)),
    "mean two": (lambda x: x.mean(axis=(0, -1), keepdims=True), (np.stack([A, A]),)),
    "max": (lambda x: x.max(), (A,)),
    "max 0": (lambda x: x.max(axis=0), (A,)),
    "max kept": (lambda x: x.max(axis=1, keepdims=True) * x, (A,)),
    "max two": (lambda x: x.max(axis=(0, 1)), (np.stack([A, -A]),)),
    "reshape": (lambda x: x.reshape(2, 6) * np.arange(6.0), (A,)),
    "reshape tuple": (lambda x: x.reshape((4, -1)) * np.arange(3.0), (A,)),
    "transpose": (lambda x: x.T @ x, (A,)),
    "transpose order": (
        lambda x: x.transpose(1, 2, 0) * np.arange(2.0),
        (np.stack([A, -A]),),
    ),
    "transpose negative": (
        lambda x: x.transpose((-1, 0, 1)) * np.arange(3.0),
        (np.stack([A, -A]),),
    ),
    "row": (lambda x: x[1], (A,)),
    "slice": (lambda x: x[1:, ::2], (A,)),
    "new axis": (lambda x: x[..., np.newaxis, 0] * np.arange(2.0), (A,)),
    "pairs": (lambda x: x[np.arange(3), [0, 3, 3]], (A,)),
    "repeated": (lambda x: x[[0, 0, 2]] * np.arange(1.0, 4)[:, np.newaxis], (A,)),
    "mask": (lambda x: x[A > 0], (A,)),
    "array and slice": (lambda x: x[:, [1, 1, 2]] * np.arange(3.0), (A,)),
    "diamond": (lambda x: (x * 2 + (x * x).exp()) * (x * 2), (A,)),
    "same twice": (lambda x: x * x, (A,)),
    "same product": (lambda x: x @ x.T @ x, (A,)),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_gradients_are_those_of_central_differences(name):
    program, arguments = PROGRAMS[name]
    tensors = [leaf(a) for a in arguments]
    y = program(*tensors)
    g = np.random.default_rng(2).normal(size=y.shape)
    y.backward(g)
    for place, tensor in enumerate(tensors):

        def loss(values, place=place):
            given = [Tensor(a) for a in arguments]
            given[place] = Tensor(values)
            return float((program(*given).data * g).sum())

        want = numerical_gradient(loss, arguments[place])
        limit = 1e-7 * max(1, np.abs(want).max())
        np.testing.assert_allclose(tensor.grad, want, rtol=0, atol=limit)
        assert tensor.grad.shape == tensor.shape
        assert tensor.grad.dtype == tensor.dtype


STACK = np.stack([A, -2 * A])
#: What a method returns, from NumPy and from functions that chapters 04 and 05 test.
VALUES = {
    "sum": (lambda x: x.sum(), lambda x: np.sum(x)),
    "sum axes": (lambda x: x.sum(axis=(0, 2)), lambda x: np.sum(x, axis=(0, 2))),
    "mean": (lambda x: x.mean(), lambda x: np.mean(x)),
    "mean axis": (lambda x: x.mean(axis=1), lambda x: np.mean(x, axis=1)),
    "mean kept": (
        lambda x: x.mean(axis=(0, -1), keepdims=True),
        lambda x: np.mean(x, axis=(0, -1), keepdims=True),
    ),
    "max": (lambda x: x.max(), lambda x: np.max(x)),
    "max axis": (lambda x: x.max(axis=-1), lambda x: np.max(x, axis=-1)),
    "max kept": (
        lambda x: x.max(axis=0, keepdims=True),
        lambda x: np.max(x, axis=0, keepdims=True),
    ),
    "cube": (lambda x: x**3, lambda x: x * x * x),
    "operators": (
        lambda x: 1 - (2 * x - x / 4) * (3 + x) / (1 + x * x) + 1 / (x - 9) - -x,
        lambda x: 1 - (2 * x - x / 4) * (3 + x) / (1 + x * x) + 1 / (x - 9) + x,
    ),
    "exp": (lambda x: x.exp(), np.exp),
    "log": (lambda x: (x * x).log(), lambda x: 2 * np.log(np.abs(x))),
    "tanh": (lambda x: x.tanh(), lambda x: 2 / (1 + np.exp(-2 * x)) - 1),
    "sigmoid": (lambda x: x.sigmoid(), lambda x: 1 / (1 + np.exp(-x))),
    "softplus": (lambda x: x.softplus(), lambda x: np.log(1 + np.exp(x))),
    "relu": (lambda x: x.relu(), lambda x: np.where(x > 0, x, 0)),
    "logsumexp": (
        lambda x: x.logsumexp(1),
        lambda x: np.log(np.exp(x).sum(axis=1)),
    ),
    "softmax": (
        lambda x: x.softmax(axis=1),
        lambda x: np.exp(x) / np.exp(x).sum(axis=1, keepdims=True),
    ),
    "log_softmax": (
        lambda x: x.log_softmax(0),
        lambda x: x - np.log(np.exp(x).sum(axis=0, keepdims=True)),
    ),
    "matmul": (lambda x: x @ x.transpose(0, 2, 1), lambda x: x @ x.swapaxes(1, 2)),
    "reshape": (lambda x: x.reshape(4, -1), lambda x: x.reshape(4, 6)),
    "transpose": (lambda x: x.T, lambda x: np.moveaxis(x, (0, 1, 2), (2, 1, 0))),
    "index": (lambda x: x[:, [2, 0], 1:], lambda x: x[:, [2, 0], 1:]),
}


@pytest.mark.parametrize("name", VALUES)
def test_values_are_numpys(name):
    ours, numpys = VALUES[name]
    got, want = ours(Tensor(STACK)).data, np.asarray(numpys(STACK))
    assert got.shape == want.shape
    np.testing.assert_allclose(got, want, rtol=1e-13, atol=1e-13)


LINEAR = {
    "rows": (lambda x: x + np.zeros((5, 4)), (4,)),
    "columns": (lambda x: x * np.ones((3, 4)), (3, 1)),
    "both": (lambda x: x + np.zeros((2, 3, 4)), (1, 4)),
    "sum": (lambda x: x.sum(axis=0), (3, 4)),
    "mean": (lambda x: x.mean(axis=(0, 1)), (3, 4)),
    "taken twice": (lambda x: x[[0, 0, 1]], (2, 3)),
    "order": (lambda x: x.transpose(1, 2, 0), (2, 3, 4)),
    "matrix": (lambda x: x @ B, (5, 4)),
}


@pytest.mark.parametrize("name", LINEAR)
def test_pulls_of_linear_steps_are_adjoints(name):
    program, shape = LINEAR[name]

    def adjoint(g):
        x = leaf(np.zeros(shape))
        program(x).backward(g)
        return x.grad

    adjoint_test(lambda x: program(Tensor(x)).data, adjoint, shape)


def test_micrograds_expression():
    """Value and slopes are those that its page gives."""
    a, b = leaf(-4.0), leaf(2.0)
    c = a + b
    d = a * b + b**3
    c = c + c + 1
    c = c + 1 + c + (-a)
    d = d + d * 2 + (b + a).relu()
    d = d + 3 * d + (b - a).relu()
    f = (c - d) ** 2
    g = f / 2.0 + 10.0 / f
    g.backward()
    assert round(g.item(), 4) == 24.7041
    assert round(float(a.grad), 4) == 138.8338
    assert round(float(b.grad), 4) == 645.5773


@pytest.mark.parametrize("calls", [1, 2, 3])
def test_every_call_adds_the_same_to_the_leaves_and_nothing_more(calls):
    x = leaf(3.0)
    u = x * x
    y = u + u * u  # a diamond behind a diamond
    for _ in range(calls):
        y.backward()
    assert x.grad == calls * (6 + 4 * 27)
    assert u.grad is None
    assert y.grad is None


def test_order_waits_for_all_uses():
    for turned in (False, True):
        x = leaf(2.0)
        u = x * 3.0
        v = u * 5.0
        y = v + u if turned else u + v
        y.backward()
        assert x.grad == 18


@pytest.mark.parametrize("steps", [5_000, 100_000])
def test_long_chains_are_walked_and_freed(steps):
    """Nothing recurses: neither the walk nor the end of the graph."""
    assert steps > sys.getrecursionlimit()
    x = leaf(1.0)
    y = x
    for _ in range(steps):
        y = y + 1.0
    middle = weakref.ref(y._edges[0][0])
    y.backward()
    assert x.grad == 1
    del y
    assert middle() is None


def test_a_chain_of_doublings_takes_each_edge_once():
    x = leaf(1.0)
    y = x
    for _ in range(50):
        y = y + y
    y.backward()
    assert x.grad == 2.0**50


def test_a_graph_has_no_circles():
    x = leaf(A)
    y = ((x @ B).softmax(1).log() * x[:, :3]).max(axis=0).sum()
    y.backward()
    seen = weakref.ref(y)
    gc.disable()
    try:
        del y
        assert seen() is None
    finally:
        gc.enable()


def test_gradients_share_no_memory():
    x, y = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    g = np.ones(2)
    (x + y).backward(g)
    assert not np.shares_memory(x.grad, y.grad)
    assert not np.shares_memory(x.grad, g)
    first = x.grad
    (x + y).backward(g)
    first += 100
    assert x.grad.tolist() == [2.0, 2.0]
    total = leaf([1.0, 2.0])
    total.sum().backward()
    total.grad += 1  # writable, though a sum repeats without copying


def test_results_on_the_way_keep_gradients_only_when_told():
    x = leaf(A)
    u = x * 2
    u.retain_grad()
    y = (u * u).sum()
    y.backward()
    np.testing.assert_array_equal(u.grad, 4 * A)
    y.backward()
    np.testing.assert_array_equal(u.grad, 8 * A)
    np.testing.assert_array_equal(x.grad, 16 * A)


def test_only_what_requires_a_gradient_is_recorded():
    x, c = leaf(A), Tensor(A)
    y = c * c
    assert not y.requires_grad
    assert not y._edges
    z = x * y
    assert z.requires_grad
    assert [parent for parent, _ in z._edges] == [x]
    z.sum().backward()
    assert c.grad is None
    with pytest.raises(RuntimeError, match="nothing to go back to"):
        y.sum().backward()
    with pytest.raises(RuntimeError, match="requires_grad=True"):
        z.detach().backward()
    assert z.detach().data is z.data


def test_backward_asks_for_a_gradient_that_fits():
    y = leaf(A) * 2
    with pytest.raises(ValueError, match=r"grad must be given, with shape \(3, 4\)"):
        y.backward()
    with pytest.raises(ValueError, match=r"must have shape \(3, 4\), got \(4,\)"):
        y.backward(np.ones(4))
    with pytest.raises(ValueError, match="grad must hold real numbers"):
        y.backward(np.ones((3, 4), complex))
    x = leaf([[2.0]])
    (x * x).backward()  # one element, whatever its shape
    assert x.grad.tolist() == [[4.0]]
    x.backward()
    assert x.grad.tolist() == [[5.0]]


def test_a_failed_walk_changes_nothing():
    x = leaf([1.0, 0.0])
    y = x * 2

    def fails(g):
        raise FloatingPointError(g)

    y._edges = ((x, lambda g: g), (x, fails))
    with pytest.raises(FloatingPointError):
        y.backward([1.0, 1.0])
    assert x.grad is None


def test_data_is_read_only_and_assigned_anew():
    values = np.array([1.0, 2.0])
    w = leaf(values)
    values[0] = 100  # copied
    assert w.data.tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match="read-only"):
        w.data[0] = 5
    with pytest.raises(ValueError, match="read-only"):
        w.data -= 1
    y = w * w
    with pytest.raises(ValueError, match="read-only"):
        y.data[0] = 5
    with pytest.raises(ValueError, match="read-only"):
        y[:1].data[0] = 5
    w.data = w.data - 0.5
    assert w.data.tolist() == [0.5, 1.5]
    y.sum().backward()
    assert w.grad.tolist() == [2.0, 4.0]  # of the values that y has seen
    with pytest.raises(ValueError, match=r"data must have shape \(2,\), got \(3,\)"):
        w.data = np.ones(3)
    with pytest.raises(ValueError, match="data of a computed tensor"):
        y.data = np.ones(2)
    with pytest.raises(ValueError, match="data must hold real numbers"):
        w.data = [1j, 2]
    small = leaf(np.ones(2, np.float32))
    small.data = np.full(2, 3.0)
    assert small.dtype == np.float32


def test_an_index_array_may_be_changed_after_it_was_used():
    x, at = leaf([1.0, 2.0, 3.0]), np.array([0, 0])
    y = x[at]
    at[:] = 2
    y.sum().backward()
    assert x.grad.tolist() == [2.0, 0.0, 0.0]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_precision_is_kept(dtype):
    x = leaf(np.array([[0.5, 2.0], [1.0, 3.0]], dtype))
    y = 1 + 2.5 * x - x / 3 + (x @ x).tanh() ** 2 + x.sigmoid().log()
    y = y + x.softmax(1) * x.log_softmax(1) + x.softplus().exp() - x.relu()
    y = y.mean(axis=0) + x.max(axis=0) + x.logsumexp(0) + x[[0, 0]].sum(axis=0)
    assert y.dtype == dtype
    y.sum().backward()
    assert x.grad.dtype == dtype


def test_mixed_precisions_give_each_tensor_its_own():
    x, w = leaf(np.ones(3, np.float32)), leaf(np.ones(3))
    y = x * w
    assert y.dtype == np.float64
    y.sum().backward()
    assert x.grad.dtype == np.float32
    assert w.grad.dtype == np.float64
    assert leaf([1, 2]).dtype == np.float64
    assert (leaf(np.ones(2, np.float32)) * np.float64(2)).dtype == np.float64


def test_numpy_leaves_the_operators_to_the_tensor():
    x = leaf([1.0, 2.0])
    for y in (A[:2, :2] + x, np.float64(2) * x, np.ones(2) - x, np.ones((1, 2)) @ x):
        assert isinstance(y, Tensor)
        assert y.requires_grad
    with pytest.raises(TypeError):
        np.exp(x)
    with pytest.raises(TypeError, match="a Tensor is not an array"):
        np.asarray(x)
    for operation in (
        lambda: x + "1",
        lambda: None * x,
        lambda: x - {},
        lambda: {} / x,
        lambda: {} - x,
        lambda: {} + x,
        lambda: {} @ x,
        lambda: x @ None,
        lambda: x / None,
        lambda: x * None,
        lambda: x**x,
        lambda: x ** np.ones(2),
        lambda: 2**x,
        lambda: x < 1,
    ):
        with pytest.raises(TypeError):
            operation()
    with pytest.raises(ValueError, match="data must hold real numbers, got dtype"):
        Tensor([1j])
    with pytest.raises(ValueError, match="data must hold real numbers"):
        Tensor("x")
    with pytest.raises(TypeError, match="a Tensor is not an array"):
        Tensor(x)


def test_shapes_that_do_not_fit_are_refused_by_numpy():
    x = leaf(A)
    for operation in (
        lambda: x + np.ones(3),
        lambda: x @ x,
        lambda: x.reshape(5, 2),
        lambda: x.transpose(0, 0),
        lambda: x.sum(axis=2),
        lambda: x.logsumexp(5),
    ):
        with pytest.raises(ValueError):  # noqa: PT011
            operation()
    with pytest.raises(IndexError):
        x[7]


def test_empty_batches():
    x, w = leaf(np.ones((0, 3))), leaf(np.ones((3, 2)))
    (x @ w + leaf(np.ones(2))).relu().sum().backward()
    assert x.grad.shape == (0, 3)
    np.testing.assert_array_equal(w.grad, np.zeros((3, 2)))


def test_ties_share_and_kinks_are_flat():
    x = leaf([[2.0, 2.0, 1.0], [0.0, 3.0, 3.0]])
    x.max(axis=1).sum().backward()
    assert x.grad.tolist() == [[0.5, 0.5, 0.0], [0.0, 0.5, 0.5]]
    x = leaf([-1.0, -0.0, 0.0, 2.0])
    x.relu().sum().backward()
    assert x.grad.tolist() == [0.0, 0.0, 0.0, 1.0]
    x = leaf([np.nan, 1.0])
    x.max().backward()
    assert x.grad.tolist() == [1.0, 0.0]
    x = leaf([0.0, 2.0])
    (x**0).sum().backward()
    assert x.grad.tolist() == [0.0, 0.0]
    x = leaf([0.0, -2.0])
    (x**2 + x**1).sum().backward()
    assert x.grad.tolist() == [1.0, -3.0]


SLOPES = {
    "tanh": (lambda x: x.tanh(), lambda z: 1 / mp.cosh(z) ** 2),
    "sigmoid": (lambda x: x.sigmoid(), lambda z: 1 / (2 + mp.exp(z) + mp.exp(-z))),
    "softplus": (lambda x: x.softplus(), lambda z: 1 / (1 + mp.exp(-z))),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", SLOPES)
def test_slopes_at_saturated_inputs(name, dtype):
    program, exact = SLOPES[name]
    z = np.array([-700, -80, -20, -1, -1e-9, 0, 1e-3, 0.5, 9, 37, 300, 1e30], dtype)
    x = leaf(z)
    program(x).sum().backward()
    info = np.finfo(dtype)
    for got, at in zip(x.grad, z, strict=True):
        with mp.workdps(60):
            want = exact(mp.mpf(float(at)))
            allowed = 8 * float(info.eps) * want + float(info.tiny)
            assert abs(mp.mpf(float(got)) - want) <= allowed


@pytest.mark.parametrize("margin", [1.0, 20.0, 40.0, 300.0])
def test_a_sure_answer_keeps_its_gradient(margin):
    z = np.array([[margin, 0.0, -1.0], [0.0, margin, 2.0]])
    x = leaf(z)
    (-x.log_softmax(axis=1)[np.arange(2), [0, 1]].mean()).backward()
    for row, grad, label in zip(z, x.grad, (0, 1), strict=True):
        with mp.workdps(60):
            powers = [mp.exp(mp.mpf(float(score))) for score in row]
            for k in range(3):
                others = mp.fsum(q for j, q in enumerate(powers) if j != k)
                top = -others if k == label else powers[k]
                want = top / mp.fsum(powers) / 2
                assert abs(mp.mpf(float(grad[k])) / want - 1) < 1e-12


def agree(hand, machine):
    np.testing.assert_allclose(machine, hand, rtol=0, atol=1e-13 * np.abs(hand).max())


@pytest.mark.parametrize(
    ("layer", "program"),
    [
        (Dense(4, 3, rng=0), lambda x, **p: x @ p["W"] + p["b"]),
        (ReLU(), lambda x: x.relu()),
        (Sigmoid(), lambda x: x.sigmoid()),
        (Sigmoid(), lambda x: 1 / (1 + (-x).exp())),
        (Tanh(), lambda x: x.tanh()),
        (Tanh(), lambda x: (x.exp() - (-x).exp()) / (x.exp() + (-x).exp())),
        (Softmax(), lambda x: x.softmax(1)),
        (Softmax(), lambda x: x.exp() / x.exp().sum(axis=1, keepdims=True)),
    ],
)
def test_agrees_with_the_layers_of_chapter_07_and_08(layer, program):
    g = np.random.default_rng(3).normal(size=layer.forward(A).shape)
    hand = {"x": layer.backward(g), **layer.grads}
    tensors = {name: leaf(a) for name, a in {"x": A, **layer.params}.items()}
    program(**tensors).backward(g)
    for name, tensor in tensors.items():
        agree(hand[name], tensor.grad)


LABELS = np.array([0, 3, 3])
SHARES = np.random.default_rng(4).dirichlet(np.ones(4), 3)
ANSWERS = SHARES[:, ::-1].copy()


@pytest.mark.parametrize("size", [1.0, 30.0, 1e4])
def test_agrees_with_the_losses_of_chapter_08(size):
    z = A * size
    cases = [
        (SoftmaxCrossEntropy(), z, LABELS,
         lambda z: -z.log_softmax(1)[np.arange(3), LABELS].mean()),
        (SoftmaxCrossEntropy(), z, LABELS,
         lambda z: (z.logsumexp(1) - z[np.arange(3), LABELS]).mean()),
        (SoftmaxCrossEntropy(), z, SHARES,
         lambda z: -(z.log_softmax(1) * SHARES).sum() / 3),
        (SigmoidCrossEntropy(), z, SHARES,
         lambda z: ((-z).softplus() * SHARES + z.softplus() * (1 - SHARES)).mean()),
        (CategoricalCrossEntropy(), SHARES, LABELS,
         lambda p: -p[np.arange(3), LABELS].log().mean()),
        (BinaryCrossEntropy(), SHARES, ANSWERS,
         lambda p: -(p.log() * ANSWERS + (1 - p).log() * (1 - ANSWERS)).mean()),
    ]  # fmt: skip
    for loss, pred, true, program in cases:
        value = loss(pred, true)
        x = leaf(pred)
        result = program(x)
        assert abs(result.item() - value) <= 1e-13 * max(1, abs(value))
        result.backward()
        agree(loss.backward(), x.grad)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_agrees_with_a_whole_network(dtype):
    layers = [Dense(4, 5, rng=0), Tanh(), Dense(5, 3, rng=1), ReLU()]
    model = Sequential([*layers, Dense(3, 4, rng=2)], dtype=dtype)
    loss, x = SoftmaxCrossEntropy(), A.astype(dtype)
    loss(model.forward(x), LABELS)
    by_hand = model.backward(loss.backward())
    tensors = [
        leaf(layer.params[name]) for layer in model.layers for name in layer.params
    ]
    W1, b1, W2, b2, W3, b3 = tensors  # noqa: N806
    inputs = leaf(x)
    z = (((inputs @ W1 + b1).tanh() @ W2 + b2).relu()) @ W3 + b3
    (-z.log_softmax(axis=1)[np.arange(3), LABELS].mean()).backward()
    limit = 50 * np.finfo(dtype).eps
    grad = np.concatenate([t.grad.ravel() for t in tensors])
    assert grad.dtype == dtype
    for hand, machine in ((model.grad, grad), (by_hand, inputs.grad)):
        assert np.abs(hand - machine).max() <= limit * np.abs(hand).max()


def test_copies_and_what_is_shown():
    x = leaf([[1.0, 2.0]])
    (x * x).sum().backward()
    for other in (copy.copy(x), copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert repr(other) == "Tensor([[1., 2.]], requires_grad=True)"
        assert other.grad.tolist() == [[2.0, 4.0]]
        assert other.grad is not x.grad
        assert not other.data.flags.writeable
    with pytest.raises(ValueError, match="can be copied"):
        copy.deepcopy(x * 2)
    assert repr(Tensor(np.float32(1))) == "Tensor(1., dtype=float32)"
    assert (x.shape, x.ndim, x.dtype, x.T.shape) == ((1, 2), 2, np.float64, (2, 1))
    assert x.sum().item() == 3.0
    assert [row.item() for row in x[0]] == [1.0, 2.0]
    with pytest.raises(ValueError, match="size 1"):
        x.item()
