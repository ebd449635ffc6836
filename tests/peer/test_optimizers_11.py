"""SGD against PyTorch's, step by step."""

import itertools

import numpy as np
import pytest
import torch

from nnlib.optimizers import SGD

OPTIONS = [
    {"momentum": mu, "dampening": tau, "nesterov": ahead, "weight_decay": decay}
    for mu, tau, ahead, decay in itertools.product(
        (0.0, 0.5, 0.9, 0.999), (0.0, 0.3, 0.9), (False, True), (0.0, 0.1)
    )
    if not ahead or (mu and not tau)
]


def problem(seed, size):
    """A gradient with noise, on a slope whose curvatures differ by a factor 10^4."""
    rng = np.random.default_rng(seed)
    scale = 10 ** rng.uniform(-3, 1, size)
    target, start = rng.normal(size=(2, size))
    noise = rng.normal(size=(100, size))
    return start, lambda theta, t: scale * (theta - target + 0.3 * noise[t])


def close(theta, tensor):
    expected = tensor.detach().numpy()
    return np.abs(theta - expected).max() <= 1e-10 * np.abs(expected).max()


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_trajectories_are_torchs(options):
    for seed, size in enumerate((7, 40) if options["momentum"] != 0.9 else (7, 33000)):
        start, gradient = problem(seed, size)
        theta, tensor = start.copy(), torch.tensor(start, requires_grad=True)
        optimizer = SGD(0.01, **options)
        reference = torch.optim.SGD([tensor], lr=0.01, **options)
        for t in range(100):
            optimizer.step(theta, gradient(theta, t))
            # Each follows its own gradient.
            tensor.grad = torch.from_numpy(gradient(tensor.detach().numpy(), t))
            reference.step()
            assert close(theta, tensor), t


@pytest.mark.parametrize("nesterov", [False, True])
def test_a_rate_that_changes_is_torchs(nesterov):
    start, gradient = problem(3, 20)
    rates = 0.02 * 0.9 ** np.arange(100)
    theta, tensor = start.copy(), torch.tensor(start, requires_grad=True)
    optimizer = SGD(lambda step: rates[step], momentum=0.9, nesterov=nesterov)
    reference = torch.optim.SGD([tensor], lr=0.02, momentum=0.9, nesterov=nesterov)
    schedule = torch.optim.lr_scheduler.ExponentialLR(reference, 0.9)
    for t in range(100):
        optimizer.step(theta, gradient(theta, t))
        tensor.grad = torch.from_numpy(gradient(tensor.detach().numpy(), t))
        reference.step()
        schedule.step()
        assert close(theta, tensor), t


def test_the_velocity_is_torchs_buffer():
    start, gradient = problem(4, 9)
    theta, tensor = start.copy(), torch.tensor(start, requires_grad=True)
    optimizer = SGD(0.01, momentum=0.9, weight_decay=0.2)
    reference = torch.optim.SGD([tensor], lr=0.01, momentum=0.9, weight_decay=0.2)
    for t in range(50):
        grad = gradient(theta, t)
        optimizer.step(theta, grad)
        tensor.grad = torch.from_numpy(grad)
        reference.step()
    buffer = reference.state[tensor]["momentum_buffer"].numpy()
    assert np.allclose(optimizer.state()["slots"]["velocity"], buffer, rtol=1e-11)


@pytest.mark.parametrize("options", [{}, {"momentum": 0.9}], ids=str)
def test_float32_is_as_close_to_float64_as_torchs(options):
    start, gradient = problem(5, 2000)
    single, tensor = start.astype(np.float32), torch.tensor(start, dtype=torch.float32)
    exact = single.astype(np.float64)
    tensor.requires_grad_()
    single_rule, exact_rule = SGD(0.01, **options), SGD(0.01, **options)
    reference = torch.optim.SGD([tensor], lr=0.01, **options)
    for t in range(100):
        grad = gradient(exact, t).astype(np.float32)
        exact_rule.step(exact, grad.astype(np.float64))
        single_rule.step(single, grad)
        tensor.grad = torch.from_numpy(grad)
        reference.step()
    assert single.dtype == np.float32
    error = np.abs(single - exact).max()
    assert error <= 1.5 * np.abs(tensor.detach().numpy() - exact).max()
