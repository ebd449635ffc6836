"""The losses of numbers beside PyTorch's, forward and backward."""

from functools import partial

import numpy as np
import pytest
import torch
from torch.nn import functional as peer

from nnlib.losses import Huber, MeanAbsoluteError, MeanSquaredError


def cases(dtype):
    rng = np.random.default_rng(0)
    for _ in range(60):
        shape = tuple(rng.integers(1, 9, rng.integers(1, 4)))
        size = 10.0 ** rng.integers(-4, 5)
        y, t = (size * rng.normal(size=(2, *shape))).astype(dtype)
        t.flat[0] = y.flat[0]  # once without error, where the size has its corner
        yield y, t, size * rng.uniform(0.1, 3)


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-12), (np.float32, 2e-6)])
def test_values_and_gradients(dtype, rtol):
    for y, t, delta in cases(dtype):
        for ours, theirs in (
            (MeanSquaredError(), peer.mse_loss),
            (MeanAbsoluteError(), peer.l1_loss),
            (Huber(delta), partial(peer.huber_loss, delta=delta)),
        ):
            pred = torch.from_numpy(y.copy()).requires_grad_()
            value = theirs(pred, torch.from_numpy(t))
            value.backward()
            assert ours(y, t) == pytest.approx(value.item(), rel=rtol, abs=0)
            gradient = pred.grad.numpy()
            floor = rtol * np.abs(gradient).max()
            got = ours.backward()
            assert got.dtype == dtype
            np.testing.assert_allclose(got, gradient, rtol=rtol, atol=floor)
