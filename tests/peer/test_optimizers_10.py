"""Training by fit beside the same steps taken by PyTorch."""

# ruff: noqa: ARG002 (a rule is handed what it may not need)

import numpy as np
import pytest
import torch

from nnlib.activations import ReLU
from nnlib.layers import Dense
from nnlib.losses import SoftmaxCrossEntropy
from nnlib.models import Sequential
from nnlib.optimizers import Optimizer


class Plain(Optimizer):
    def update(self, theta, grad, *, rate, t):
        theta -= rate * grad


@pytest.mark.parametrize(("dtype", "limit"), [(np.float32, 2e-5), (np.float64, 1e-12)])
@pytest.mark.parametrize("batch_size", [7, 32, 100])
def test_fit_is_pytorchs_loop_on_the_same_batches(dtype, limit, batch_size):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(100, 6)), rng.integers(0, 4, 100)
    ours = Sequential([Dense(6, 8, rng=1), ReLU(), Dense(8, 4, rng=2)], dtype=dtype)
    theirs = torch.nn.Sequential(
        torch.nn.Linear(6, 8), torch.nn.ReLU(), torch.nn.Linear(8, 4)
    ).to(torch.float32 if dtype == np.float32 else torch.float64)
    with torch.no_grad():
        for place in (0, 2):
            params = ours.layers[place].params
            theirs[place].weight.copy_(torch.from_numpy(params["W"].T.copy()))
            theirs[place].bias.copy_(torch.from_numpy(params["b"].copy()))
    history = ours.fit(
        x,
        y,
        loss=SoftmaxCrossEntropy(),
        optimizer=Plain(0.1),
        epochs=4,
        batch_size=batch_size,
        rng=3,
    )
    order_rng, optimizer = (
        np.random.default_rng(3),
        torch.optim.SGD(theirs.parameters(), lr=0.1),
    )
    inputs, labels, losses = torch.from_numpy(x.astype(dtype)), torch.from_numpy(y), []
    for _ in range(4):
        total = 0.0
        for rows in torch.from_numpy(order_rng.permutation(100)).split(batch_size):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(theirs(inputs[rows]), labels[rows])
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        losses.append(total / 100)
    np.testing.assert_allclose(history.loss, losses, rtol=10 * limit)
    for place in (0, 2):
        for name, tensor in (("W", theirs[place].weight.T), ("b", theirs[place].bias)):
            got, want = ours.layers[place].params[name], tensor.detach().numpy()
            np.testing.assert_allclose(
                got, want, rtol=0, atol=limit * np.abs(want).max()
            )
