"""Tensor beside PyTorch's autograd."""

import numpy as np
import pytest
import torch

from nnlib.autograd import Tensor

UNARY = {
    "exp": (lambda x: x.exp(), torch.exp),
    "tanh": (lambda x: x.tanh(), torch.tanh),
    "sigmoid": (lambda x: x.sigmoid(), torch.sigmoid),
    "relu": (lambda x: x.relu(), torch.relu),
    "softplus": (lambda x: x.softplus(), torch.nn.functional.softplus),
    "softmax": (lambda x: x.softmax(-1), lambda x: x.softmax(-1)),
    "log_softmax": (lambda x: x.log_softmax(0), lambda x: x.log_softmax(0)),
    "logsumexp": (lambda x: x.logsumexp(-1), lambda x: x.logsumexp(-1)),
    "max": (lambda x: x.max(axis=0), lambda x: x.amax(0)),
    "max all": (lambda x: x.max(), lambda x: x.amax()),
    "sum": (lambda x: x.sum(axis=-1, keepdims=True), lambda x: x.sum(-1, keepdim=True)),
    "mean": (lambda x: x.mean(axis=0), lambda x: x.mean(0)),
    "cube": (lambda x: x**3, lambda x: x**3),
    "flat": (lambda x: x.reshape(-1)[::2], lambda x: x.reshape(-1)[::2]),
    "first twice": (lambda x: x[[0, 0]], lambda x: x[[0, 0]]),
}
BINARY = {
    "+": lambda x, y: x + y,
    "-": lambda x, y: x - y,
    "*": lambda x, y: x * y,
    "/": lambda x, y: x / (y * y + 1),
}


def compare(ours, theirs, arrays, dtype, rng):
    tensors = [Tensor(a, requires_grad=True) for a in arrays]
    others = [torch.tensor(a, requires_grad=True) for a in arrays]
    y, want = ours(*tensors), theirs(*others)
    assert y.shape == tuple(want.shape)
    limit = 2e-6 if dtype == np.float32 else 1e-13
    g = np.asarray(rng.normal(size=y.shape), dtype)
    for _ in range(2):
        y.backward(g)
        want.backward(torch.from_numpy(g), retain_graph=True)
    pairs = [(y.data, want.detach().numpy())]
    pairs += [(t.grad, o.grad.numpy()) for t, o in zip(tensors, others, strict=True)]
    for got, expected in pairs:
        assert got.dtype == expected.dtype == dtype
        scale = max(1, np.abs(expected).max(initial=0))
        np.testing.assert_allclose(got, expected, rtol=0, atol=limit * scale)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", UNARY)
def test_functions_agree(name, dtype):
    rng = np.random.default_rng(0)
    for _ in range(20):
        shape = tuple(rng.integers(1, 6, rng.integers(1, 4)))
        x = (rng.normal(size=shape) * rng.choice([0.1, 1, 3])).astype(dtype)
        if rng.random() < 0.3:
            x = x.round()  # ties and kinks
        compare(*UNARY[name], [x], dtype, rng)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", BINARY)
def test_broadcasting_agrees(name, dtype):
    rng = np.random.default_rng(1)
    for _ in range(30):
        whole = rng.integers(1, 5, rng.integers(1, 5))
        arrays = []
        for _ in range(2):
            shape = np.where(rng.random(len(whole)) < 0.4, 1, whole)
            shape = shape[rng.integers(0, len(whole) + 1) :]
            arrays.append(rng.normal(size=tuple(shape)).astype(dtype))
        compare(BINARY[name], BINARY[name], arrays, dtype, rng)


@pytest.mark.parametrize(
    "shapes",
    [
        ((3, 4), (4, 2)),
        ((4,), (4, 2)),
        ((3, 4), (4,)),
        ((4,), (4,)),
        ((5, 3, 4), (4, 2)),
        ((5, 1, 3, 4), (6, 4, 2)),
        ((5, 3, 4), (4,)),
        ((4,), (5, 4, 2)),
        ((1, 3, 4), (7, 4, 2)),
    ],
)
def test_matrix_products_agree(shapes):
    rng = np.random.default_rng(2)
    arrays = [rng.normal(size=shape) for shape in shapes]
    compare(lambda x, y: x @ y, lambda x, y: x @ y, arrays, np.float64, rng)


def test_a_training_run_agrees():
    rng = np.random.default_rng(3)
    x, labels = rng.normal(size=(20, 4)), rng.integers(0, 3, 20)
    start = [rng.normal(size=s) * 0.5 for s in ((4, 8), (8,), (8, 3), (3,))]
    ours = [Tensor(a, requires_grad=True) for a in start]
    theirs = [torch.tensor(a, requires_grad=True) for a in start]
    for _ in range(20):
        w, b, v, c = ours
        z = (x @ w + b).tanh() @ v + c
        loss = -z.log_softmax(axis=1)[np.arange(20), labels].mean()
        loss.backward()
        for t in ours:
            t.data = t.data - 0.5 * t.grad
            t.grad = None
        w, b, v, c = theirs
        z = (torch.from_numpy(x) @ w + b).tanh() @ v + c
        other = torch.nn.functional.cross_entropy(z, torch.from_numpy(labels))
        other.backward()
        assert abs(loss.item() - other.item()) < 1e-12
        with torch.no_grad():
            for t in theirs:
                t -= 0.5 * t.grad
                t.grad = None
    for t, o in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(t.data, o.detach().numpy(), rtol=0, atol=1e-11)


def test_what_pytorch_does_differently():
    """As chapter 09 says."""
    x = torch.tensor(20.0, dtype=torch.float64, requires_grad=True)
    x.tanh().backward()
    assert x.grad == 0
    ours = Tensor(20.0, requires_grad=True)
    ours.tanh().backward()
    assert abs(ours.grad / (4 * np.exp(-40)) - 1) < 1e-15
    y = (x * x).sum()
    y.backward()
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()
    a = torch.tensor([1.0, 1.0], requires_grad=True)
    a.max(0).values.backward()
    assert a.grad.tolist() == [1.0, 0.0]
    u = a * a
    v = u.sin()
    u.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        v.sum().backward()
