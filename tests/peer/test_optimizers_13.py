"""Adam and AdamW against PyTorch's, step by step."""

import numpy as np
import pytest
import torch

from nnlib.optimizers import Adam, AdamW

RULES = [(Adam, torch.optim.Adam), (AdamW, torch.optim.AdamW)]

OPTIONS = [
    {},
    {"amsgrad": True},
    {"weight_decay": 0.1},
    {"weight_decay": 0.3, "amsgrad": True},
    {"beta1": 0.0},
    {"beta2": 0.0},
    {"beta1": 0.0, "beta2": 0.0},
    {"beta1": 0.99, "beta2": 0.9},
    {"beta1": 0.9999, "beta2": 0.99999},
    {"epsilon": 0.0},
    {"epsilon": 0.5},
    {"learning_rate": 0.3, "beta2": 0.5, "epsilon": 1e-3, "weight_decay": 1.5},
]


def torch_options(options):
    """The same options under PyTorch's names."""
    names = {"learning_rate": "lr", "epsilon": "eps"}
    renamed = {names.get(k, k): v for k, v in options.items() if k[:4] != "beta"}
    return renamed | {"betas": (options.get("beta1", 0.9), options.get("beta2", 0.999))}


@pytest.mark.parametrize(("ours", "theirs"), RULES)
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_trajectories_are_torchs(follows, ours, theirs, options):
    sizes = (7, 40) if options else (7, 66_000)  # the last is cut into blocks
    for seed, size in enumerate(sizes):
        follows(
            ours(**options),
            lambda tensor: theirs([tensor], **torch_options(options)),
            seed,
            size,
        )


@pytest.mark.parametrize(("ours", "theirs"), RULES)
def test_trajectories_are_torchs_when_each_follows_its_own_gradient(
    problem, ours, theirs
):
    for seed in range(5):
        start, gradient = problem(seed, 12)
        theta, tensor = start.copy(), torch.tensor(start, requires_grad=True)
        optimizer, reference = ours(1e-2), theirs([tensor], lr=1e-2)
        for t in range(100):
            optimizer.step(theta, gradient(theta, t))
            tensor.grad = torch.from_numpy(gradient(tensor.detach().numpy(), t))
            reference.step()
        expected = tensor.detach().numpy()
        assert np.abs(theta - expected).max() <= 1e-10 * np.abs(expected).max()


@pytest.mark.parametrize(("ours", "theirs"), RULES)
def test_float32_is_as_close_to_float64_as_torchs(problem, ours, theirs):
    start, gradient = problem(4, 2000)
    exact = start.copy()
    single, tensor = start.astype(np.float32), torch.tensor(start, dtype=torch.float32)
    tensor.requires_grad_()
    single_rule, exact_rule, reference = ours(), ours(), theirs([tensor])
    exact[...] = single
    for t in range(100):
        grad = gradient(exact, t).astype(np.float32)
        exact_rule.step(exact, grad.astype(np.float64))
        single_rule.step(single, grad)
        tensor.grad = torch.from_numpy(grad)
        reference.step()
    error = np.abs(single - exact).max()
    assert single.dtype == np.float32
    assert error <= 1.2 * np.abs(tensor.detach().numpy() - exact).max()


def test_a_mask_is_torchs_second_parameter_group(problem):
    start, gradient = problem(6, 20)
    mask = np.arange(20) < 13
    theta = start.copy()
    groups = [torch.tensor(start[part], requires_grad=True) for part in (mask, ~mask)]
    decays = [
        {"params": [group], "weight_decay": decay}
        for group, decay in zip(groups, (0.4, 0.0), strict=True)
    ]
    reference = torch.optim.AdamW(decays)
    optimizer = AdamW(weight_decay=0.4, decay_mask=mask)
    for t in range(100):
        grad = gradient(theta, t)
        for tensor, part in zip(groups, (mask, ~mask), strict=True):
            tensor.grad = torch.from_numpy(grad[part])
        optimizer.step(theta, grad)
        reference.step()
    for tensor, part in zip(groups, (mask, ~mask), strict=True):
        assert np.allclose(theta[part], tensor.detach().numpy(), rtol=1e-10, atol=1e-13)
