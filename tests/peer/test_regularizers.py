"""Penalties beside PyTorch's gradients, its weight_decay and its soft shrinkage."""

import numpy as np
import pytest
import torch

from nnlib.layers import Dense
from nnlib.losses import MeanSquaredError, SoftmaxCrossEntropy
from nnlib.models import Sequential
from nnlib.optimizers import SGD, Adam
from nnlib.regularizers import L1, L2, soft_threshold


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-13), (np.float32, 1e-6)])
def test_values_and_gradients(dtype, rtol):
    rng = np.random.default_rng(0)
    for _ in range(40):
        shape = tuple(rng.integers(1, 30, rng.integers(1, 4)))
        w = (10.0 ** rng.integers(-4, 5) * rng.normal(size=shape)).astype(dtype)
        w.flat[0] = 0  # where L1 has its kink
        strength = float(rng.uniform(0, 2))
        for penalty, theirs in (
            (L1(strength), lambda x, s=strength: s * x.abs().sum()),
            (L2(strength), lambda x, s=strength: s * (x * x).sum()),
        ):
            tensor = torch.from_numpy(w.copy()).requires_grad_()
            value = theirs(tensor)
            value.backward()
            assert penalty(w) == pytest.approx(value.item(), rel=10 * rtol)
            gradient = penalty.gradient(w)
            assert gradient.dtype == dtype
            np.testing.assert_allclose(gradient, tensor.grad.numpy(), rtol=rtol, atol=0)
        shrunk = torch.nn.functional.softshrink(torch.from_numpy(w), strength).numpy()
        np.testing.assert_allclose(soft_threshold(w, strength), shrunk, rtol=rtol)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (lambda: SGD(0.05), lambda p, d: torch.optim.SGD(p, 0.05, weight_decay=d)),
        (
            lambda: SGD(0.02, momentum=0.9),
            lambda p, d: torch.optim.SGD(p, 0.02, momentum=0.9, weight_decay=d),
        ),
        (lambda: Adam(0.01), lambda p, d: torch.optim.Adam(p, 0.01, weight_decay=d)),
    ],
)
@pytest.mark.parametrize("strength", [0.05, 1.0])
def test_l2_of_weights_is_torchs_weight_decay_of_twice_the_strength(
    ours, theirs, strength
):
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(20, 5)), rng.integers(0, 3, 20)
    layer = Dense(5, 3, rng=2, weight_regularizer=L2(strength))
    model, loss, optimizer = Sequential([layer]), SoftmaxCrossEntropy(), ours()
    weights = torch.tensor(layer.params["W"].copy(), requires_grad=True)
    biases = torch.tensor(layer.params["b"].copy(), requires_grad=True)
    groups = [
        {"params": [weights], "weight_decay": 2 * strength},
        {"params": [biases], "weight_decay": 0.0},
    ]
    reference = theirs(groups, 0.0)
    for _ in range(100):
        loss(model.forward(x), y)
        model.backward(loss.backward())
        optimizer.step(model.theta, model.grad)
        reference.zero_grad()
        scores = torch.from_numpy(x) @ weights + biases
        torch.nn.functional.cross_entropy(scores, torch.from_numpy(y)).backward()
        reference.step()
    for name, tensor in (("W", weights), ("b", biases)):
        want = tensor.detach().numpy()
        assert np.abs(layer.params[name] - want).max() <= 1e-10 * np.abs(want).max()


def test_l1_in_training_follows_torchs_subgradient():
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(20, 5)), rng.normal(size=(20, 1))
    layer = Dense(5, 1, rng=4, use_bias=False, weight_regularizer=L1(0.3))
    layer.params["W"][2] = 0
    weights = torch.tensor(layer.params["W"].copy(), requires_grad=True)
    loss = MeanSquaredError()
    loss(layer.forward(x), y)
    layer.backward(loss.backward())
    error = torch.nn.functional.mse_loss(
        torch.from_numpy(x) @ weights, torch.from_numpy(y)
    )
    (error + 0.3 * weights.abs().sum()).backward()
    np.testing.assert_allclose(layer.grads["W"], weights.grad.numpy(), rtol=1e-12)
