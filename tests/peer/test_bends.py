"""step, relu and their layers beside PyTorch."""

import numpy as np
import pytest
import torch

from nnlib import activations, functional


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_agrees(dtype):
    rng = np.random.default_rng(0)
    for _ in range(50):
        shape = tuple(rng.integers(1, 12, rng.integers(1, 4)))
        x = (rng.normal(size=shape) * 10.0 ** rng.integers(-30, 30)).astype(dtype)
        x.flat[0] = rng.choice([0.0, -0.0, np.inf, -np.inf, np.nan])
        given = torch.from_numpy(x)
        want = torch.relu(given).numpy()
        for got in (functional.relu(x), activations.ReLU().forward(x)):
            assert got.dtype == want.dtype
            np.testing.assert_array_equal(got, want)
        known = ~np.isnan(x)  # of nan, PyTorch's heaviside makes 0
        want = torch.heaviside(given, torch.zeros((), dtype=given.dtype)).numpy()
        for got in (functional.step(x), activations.Step().forward(x)):
            np.testing.assert_array_equal(got[known], want[known])
            assert np.isnan(got[~known]).all()


def test_the_neurons_that_are_on_are_those_that_pass_a_gradient():
    x = torch.tensor([[-1.0, -0.0, 0.0, 1e-30, 2.0]], requires_grad=True)
    torch.relu(x).sum().backward()
    layer = activations.ReLU()
    layer.forward(x.detach().numpy())
    np.testing.assert_array_equal(layer._on, x.grad.numpy())
