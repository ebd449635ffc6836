"""nnlib.functional beside PyTorch, over random shapes and magnitudes."""

import numpy as np
import pytest
import torch

from nnlib import functional

PAIRS = {
    "softmax": (functional.softmax, torch.softmax),
    "log_softmax": (functional.log_softmax, torch.log_softmax),
    "logsumexp": (functional.logsumexp, torch.logsumexp),
}
TOLERANCE = {np.float32: 1e-6, np.float64: 1e-14}


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", PAIRS)
def test_agrees(name, dtype):
    ours, theirs = PAIRS[name]
    rng = np.random.default_rng(0)
    for _ in range(50):
        shape = tuple(rng.integers(1, 12, rng.integers(1, 4)))
        axis = int(rng.integers(-len(shape), len(shape)))
        z = (rng.normal(size=shape) * 10.0 ** rng.integers(-3, 5)).astype(dtype)
        got, want = ours(z, axis=axis), theirs(torch.from_numpy(z), axis).numpy()
        assert got.dtype == want.dtype
        assert got.shape == want.shape
        # softmax itself is of order 1; the logarithms are as large as the scores.
        scale = 1 if name == "softmax" else max(1, np.abs(want).max())
        spread = np.ptp(z, axis=axis).max() if name == "softmax" else 1
        limit = TOLERANCE[dtype] * scale * max(1, min(spread, 100))
        np.testing.assert_allclose(got, want, rtol=0, atol=limit)


def test_agrees_on_impossible_classes():
    z = np.array([[-np.inf, 0.0, 1.0]])
    for ours, theirs in PAIRS.values():
        np.testing.assert_allclose(
            ours(z), theirs(torch.from_numpy(z), -1).numpy(), rtol=1e-15
        )


def test_keeps_what_pytorch_rounds_away():
    """A sure answer costs e^-40, not zero: see chapter 04."""
    z = np.array([40.0, 0.0])
    assert torch.log_softmax(torch.from_numpy(z), -1)[0] == 0
    assert functional.log_softmax(z)[0] == pytest.approx(-np.exp(-40.0), rel=1e-14)


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_affine_agrees_with_linear(dtype):
    rng = np.random.default_rng(1)
    for _ in range(50):
        inputs, outputs = (int(n) for n in rng.integers(1, 40, 2))
        batch = tuple(rng.integers(0, 9, rng.integers(0, 3)))
        x = rng.normal(size=(*batch, inputs)).astype(dtype)
        w = rng.normal(size=(inputs, outputs)).astype(dtype)
        b = rng.normal(size=outputs).astype(dtype)
        got = functional.affine(x, w, b)
        # PyTorch keeps the weights of a neuron in a row.
        want = torch.nn.functional.linear(*map(torch.from_numpy, (x, w.T.copy(), b)))
        assert got.shape == tuple(want.shape)
        assert got.dtype == dtype
        limit = TOLERANCE[dtype] * (inputs + 1)
        np.testing.assert_allclose(got, want.numpy(), rtol=0, atol=limit)
