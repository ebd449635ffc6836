"""The way back beside PyTorch's autograd."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from nnlib.activations import ReLU, Sigmoid, Tanh
from nnlib.functional import tanh
from nnlib.layers import Dense
from nnlib.models import Sequential

BENDS = {ReLU: torch.relu, Sigmoid: torch.sigmoid, Tanh: torch.tanh}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("bend", BENDS)
def test_gradients_of_networks(bend, dtype):
    rng, eps = np.random.default_rng(0), float(np.finfo(dtype).eps)
    for _ in range(20):
        batch, *widths = (int(k) for k in rng.integers(1, 20, rng.integers(3, 6)))
        layers = []
        for inputs, outputs in pairwise(widths):
            layers += [Dense(inputs, outputs, rng=rng), bend()]
        model = Sequential(layers, dtype=dtype)
        model.theta = rng.normal(size=model.theta.size)
        x = rng.normal(size=(batch, widths[0])).astype(dtype)
        dy = rng.normal(size=(batch, widths[-1])).astype(dtype)
        given = torch.from_numpy(x).requires_grad_()
        leaves, value = [], given
        for layer in layers[::2]:
            w, b = (torch.from_numpy(a.copy()) for a in layer.params.values())
            leaves += [w.requires_grad_(), b.requires_grad_()]
            value = BENDS[bend](value @ w + b)
        value.backward(torch.from_numpy(dy))
        y, dx = model.forward(x), model.backward(dy)
        assert y.dtype == dx.dtype == model.grad.dtype == dtype
        want = np.concatenate([leaf.grad.numpy().ravel() for leaf in leaves])
        pairs = (
            (y, value.detach().numpy()),
            (dx, given.grad.numpy()),
            (model.grad, want),
        )
        for mine, theirs in pairs:
            size = max(float(np.abs(theirs).max()), 1e-30)
            np.testing.assert_allclose(mine, theirs, rtol=0, atol=4000 * eps * size)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tanh(dtype):
    x = np.linspace(-30, 30, 2001).astype(dtype)
    want = torch.tanh(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(tanh(x), want, rtol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("bend", [Sigmoid, Tanh])
def test_pytorch_loses_the_slope_where_ours_is_right(bend):
    x = torch.tensor([40.0], dtype=torch.float64, requires_grad=True)
    BENDS[bend](x).sum().backward()
    assert x.grad.item() == 0
    part = bend()
    part.forward([40.0])
    e = np.exp(-40.0 * (2 if bend is Tanh else 1))
    slope = e * (4 if bend is Tanh else 1)
    np.testing.assert_allclose(part.backward([1.0]), slope, rtol=1e-14)
