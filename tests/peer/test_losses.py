"""nnlib.losses beside PyTorch, over random shapes and magnitudes."""

import numpy as np
import pytest
import torch
from torch.nn import functional as peer

from nnlib.functional import one_hot, sigmoid, softmax, softplus
from nnlib.losses import (
    BinaryCrossEntropy,
    CategoricalCrossEntropy,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
)

TOLERANCE = {np.float32: 3e-6, np.float64: 1e-13}


def cases(dtype):
    rng = np.random.default_rng(0)
    for _ in range(50):
        n, k = rng.integers(1, 40), rng.integers(1, 12)
        z = (rng.normal(size=(n, k)) * 10.0 ** rng.integers(-3, 5)).astype(dtype)
        yield z, rng.integers(0, k, n), rng.dirichlet(np.ones(k), n).astype(dtype)


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_from_scores(dtype):
    close = {"rel": TOLERANCE[dtype], "abs": TOLERANCE[dtype]}
    for z, labels, shares in cases(dtype):
        theirs = torch.from_numpy(z)
        ours = SoftmaxCrossEntropy()
        want = peer.cross_entropy(theirs, torch.from_numpy(labels)).item()
        assert ours(z, labels) == pytest.approx(want, **close)
        assert ours(z, one_hot(labels, z.shape[1])) == pytest.approx(want, **close)
        want = peer.cross_entropy(theirs, torch.from_numpy(shares)).item()
        assert ours(z, shares) == pytest.approx(want, **close)
        want = peer.binary_cross_entropy_with_logits(theirs, torch.from_numpy(shares))
        assert SigmoidCrossEntropy()(z, shares) == pytest.approx(want.item(), **close)


def test_from_probabilities():
    for z, labels, shares in cases(np.float64):
        p = softmax(np.clip(z, -20, 20))
        want = peer.nll_loss(torch.from_numpy(p).log(), torch.from_numpy(labels)).item()
        assert CategoricalCrossEntropy()(p, labels) == pytest.approx(want, rel=1e-12)
        p = sigmoid(np.clip(z, -20, 20))
        want = peer.binary_cross_entropy(torch.from_numpy(p), torch.from_numpy(shares))
        assert BinaryCrossEntropy()(p, shares) == pytest.approx(want.item(), rel=1e-12)


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_functions(dtype):
    for z, labels, _ in cases(dtype):
        theirs, limit = torch.from_numpy(z), TOLERANCE[dtype]
        np.testing.assert_allclose(
            sigmoid(z), torch.sigmoid(theirs), rtol=limit, atol=limit
        )
        want = torch.logaddexp(theirs, torch.zeros_like(theirs))
        np.testing.assert_allclose(softplus(z), want, rtol=limit, atol=limit)
        hot = peer.one_hot(torch.from_numpy(labels), z.shape[1])
        np.testing.assert_array_equal(one_hot(labels, z.shape[1]), hot)


def test_pytorch_caps_where_we_are_infinite():
    """It limits the logarithm of a probability to -100."""
    p, y = np.array([0.0]), np.array([1.0])
    want = peer.binary_cross_entropy(torch.from_numpy(p), torch.from_numpy(y)).item()
    assert want == 100
    assert BinaryCrossEntropy()(p, y) == np.inf
