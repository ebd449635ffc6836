"""nnlib.layers.Dropout beside PyTorch's."""

import numpy as np
import pytest
import torch

from nnlib.layers import Dropout


@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_p_has_pytorchs_meaning_and_the_statistics_agree(p):
    torch.manual_seed(0)
    x = np.random.default_rng(1).normal(size=(500, 400))
    theirs = torch.nn.Dropout(p)(torch.from_numpy(x)).numpy()
    ours = Dropout(p, rng=2).forward(x, training=True)
    assert np.allclose(ours[ours != 0], (x / (1 - p))[ours != 0], rtol=1e-15, atol=0)
    assert np.allclose(theirs[theirs != 0], (x / (1 - p))[theirs != 0], rtol=1e-15)
    spread = np.sqrt(2 * p * (1 - p) / x.size)
    assert abs(np.mean(ours == 0) - np.mean(theirs == 0)) < 4.5 * spread
    change = 4.5 * np.sqrt(2 * p / (1 - p) / x.size)
    assert abs(ours.mean() - theirs.mean()) < change
    assert abs(ours.var() / theirs.var() - 1) < 0.05


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("p", [0.1, 0.3, 0.5, 0.9])
def test_forward_and_backward_agree_given_the_same_mask(dtype, p):
    rng = np.random.default_rng(3)
    x, dy = rng.normal(size=(2, 60, 50)).astype(dtype)
    layer = Dropout(p, rng=4)
    layer.rng = drawn = Drawn(rng.random((60, 50)), p)
    tensor = torch.from_numpy(x).requires_grad_()
    mask = torch.from_numpy(drawn.mask.astype(dtype))
    theirs = tensor * mask / (1 - p)
    theirs.backward(torch.from_numpy(dy))
    limit = 2 * np.finfo(dtype).eps
    got = layer.forward(x, training=True)
    np.testing.assert_allclose(got, theirs.detach().numpy(), rtol=limit, atol=0)
    got = layer.backward(dy)
    np.testing.assert_allclose(got, tensor.grad.numpy(), rtol=limit, atol=0)


@pytest.mark.parametrize("p", [0.2, 0.5])
def test_pytorchs_own_backward_is_ours_with_its_mask(p):
    torch.manual_seed(5)
    rng = np.random.default_rng(5)
    x, dy = rng.uniform(1, 2, size=(2, 60, 50))
    tensor = torch.from_numpy(x).requires_grad_()
    theirs = torch.nn.Dropout(p)(tensor)
    theirs.backward(torch.from_numpy(dy))
    layer = Dropout(p, rng=0)
    layer.forward(x, training=True)
    layer._mask = theirs.detach().numpy() != 0
    want = tensor.grad.numpy()
    np.testing.assert_allclose(layer.backward(dy), want, rtol=1e-15, atol=0)


def test_both_return_the_input_in_evaluation():
    x = np.random.default_rng(6).normal(size=(4, 3))
    theirs = torch.nn.Dropout(0.5).eval()(torch.from_numpy(x)).numpy()
    assert np.array_equal(Dropout(0.5, rng=0).forward(x), theirs)


class Drawn:
    """A generator that hands out numbers drawn before."""

    def __init__(self, numbers, p):
        self.numbers, self.mask = numbers, numbers >= p

    def random(self, shape):
        assert shape == self.numbers.shape
        return self.numbers
