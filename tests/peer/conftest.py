"""What the tests of optimisers beside PyTorch share."""

import numpy as np
import pytest
import torch


def noisy_slope(seed, size):
    """A gradient with noise, on a slope whose curvatures differ by a factor 10^6."""
    rng = np.random.default_rng(seed)
    scale = 10 ** rng.uniform(-3, 3, size)
    target, noise = rng.normal(size=size), rng.normal(size=(100, size))
    start = rng.normal(size=size)
    return start, lambda theta, t: scale * (theta - target + 0.3 * noise[t])


@pytest.fixture
def problem():
    """Make a start and a gradient from a seed and a size."""
    return noisy_slope


@pytest.fixture
def follows():
    """Compare 100 steps of ours with those of PyTorch's, made for a tensor."""

    def compare(ours, make_theirs, seed, size):
        start, gradient = noisy_slope(seed, size)
        theta, tensor = start.copy(), torch.tensor(start, requires_grad=True)
        theirs = make_theirs(tensor)
        for t in range(100):
            # Both see one gradient, so that rounding is not amplified by the problem.
            grad = gradient(theta, t)
            tensor.grad = torch.from_numpy(grad.copy())
            ours.step(theta, grad)
            theirs.step()
            expected = tensor.detach().numpy()
            assert np.abs(theta - expected).max() <= 1e-10 * np.abs(expected).max()
            if not t:
                first = expected - start
                assert np.allclose(theta - start, first, rtol=1e-10, atol=1e-13)

    return compare
