"""The gradients of the losses and of Softmax beside PyTorch's."""

import numpy as np
import pytest
import torch
from torch.nn import functional as peer

from nnlib.activations import Softmax
from nnlib.functional import one_hot, softmax
from nnlib.losses import (
    BinaryCrossEntropy,
    CategoricalCrossEntropy,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
)

TOLERANCE = {np.float32: 1e-5, np.float64: 1e-12}


def cases(dtype):
    rng = np.random.default_rng(1)
    for _ in range(60):
        n, k = rng.integers(1, 40), rng.integers(1, 12)
        z = (rng.normal(size=(n, k)) * 10.0 ** rng.integers(-3, 5)).astype(dtype)
        yield z, rng.integers(0, k, n), rng.dirichlet(np.ones(k), n).astype(dtype)


def theirs(function, pred, true):
    """Return PyTorch's value and gradient."""
    tensor = torch.from_numpy(pred.copy()).requires_grad_()
    value = function(tensor, torch.from_numpy(true))
    value.backward()
    return value.item(), tensor.grad.numpy()


def agree(loss, pred, true, want, limit):
    """Compare value and gradient, relative to the gradient's largest entry."""
    value, gradient = want
    assert loss(pred, true) == pytest.approx(value, rel=limit, abs=limit)
    scale = max(np.abs(gradient).max(), np.finfo(gradient.dtype).tiny)
    assert loss.backward().dtype == gradient.dtype
    assert np.abs(loss.backward() - gradient).max() <= limit * scale


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_from_scores(dtype):
    limit, eps = TOLERANCE[dtype], float(np.finfo(dtype).eps)
    for z, labels, shares in cases(dtype):
        n, k = z.shape
        loss, want = SoftmaxCrossEntropy(), theirs(peer.cross_entropy, z, labels)
        if k > 1 and np.abs(want[1]).max() > 1e-3 / n:
            agree(loss, z, labels, want, limit)
            agree(loss, z, one_hot(labels, k), want, limit)
        else:  # PyTorch's p - 1 has lost its digits
            loss(z, labels)
            assert np.abs(loss.backward() - want[1]).max() <= 4 * eps
        want = theirs(peer.cross_entropy, z, shares)
        loss(z, shares)
        assert np.abs(loss.backward() - want[1]).max() <= 4 * eps + limit / n
        want = theirs(peer.binary_cross_entropy_with_logits, z, shares)
        agree(SigmoidCrossEntropy(), z, shares, want, limit)


def test_from_probabilities():
    for z, labels, shares in cases(np.float64):
        p = softmax(np.clip(z, -20, 20))
        value, gradient = theirs(lambda p, t: peer.nll_loss(p.log(), t), p, labels)
        agree(CategoricalCrossEntropy(), p, labels, (value, gradient), 1e-12)
        p = np.clip(p, 1e-9, 1 - 1e-9)
        want = theirs(peer.binary_cross_entropy, p, shares)
        agree(BinaryCrossEntropy(), p, shares, want, 1e-12)


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_softmax(dtype):
    rng = np.random.default_rng(2)
    for z, *_ in cases(dtype):
        dy = rng.normal(size=z.shape).astype(dtype)
        tensor = torch.from_numpy(z.copy()).requires_grad_()
        torch.softmax(tensor, -1).backward(torch.from_numpy(dy))
        layer = Softmax()
        layer.forward(z)
        limit = TOLERANCE[dtype]
        np.testing.assert_allclose(layer.backward(dy), tensor.grad, rtol=0, atol=limit)


def test_pytorch_rounds_a_sure_answers_gradient_to_zero():
    z, labels = np.array([[40.0, 0.0]]), np.array([0])
    assert theirs(peer.cross_entropy, z, labels)[1][0, 0] == 0
    loss = SoftmaxCrossEntropy()
    loss(z, labels)
    assert loss.backward()[0, 0] == pytest.approx(-np.exp(-40.0), rel=1e-12)


def test_the_separate_path_in_pytorch_gives_nan_too():
    z, labels = np.array([[1000.0, 0.0]]), np.array([1])
    _, gradient = theirs(
        lambda s, t: peer.nll_loss(torch.softmax(s, -1).log(), t), z, labels
    )
    assert np.isnan(gradient).any()
    _, gradient = theirs(peer.cross_entropy, z, labels)
    np.testing.assert_array_equal(gradient, [[1, -1]])
