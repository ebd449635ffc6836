"""AdaGrad, RMSProp and AdaDelta against PyTorch's, step by step."""

import inspect

import numpy as np
import pytest
import torch

from nnlib.optimizers import AdaDelta, AdaGrad, RMSProp

THEIRS = {
    AdaGrad: torch.optim.Adagrad,
    RMSProp: torch.optim.RMSprop,
    AdaDelta: torch.optim.Adadelta,
}
NAMES = {
    "learning_rate": "lr",
    "epsilon": "eps",
    "learning_rate_decay": "lr_decay",
    "initial_accumulator": "initial_accumulator_value",
}
OPTIONS = {
    AdaGrad: [
        {},
        {"learning_rate": 0.5},
        {"learning_rate_decay": 0.1},
        {"initial_accumulator": 0.1},
        {"epsilon": 0.0},
        {"epsilon": 0.5},
        {"weight_decay": 0.3},
        {
            "learning_rate": 0.3,
            "learning_rate_decay": 0.01,
            "initial_accumulator": 2.0,
            "epsilon": 1e-3,
            "weight_decay": 1.5,
        },
    ],
    RMSProp: [
        {},
        {"learning_rate": 0.3},
        {"rho": 0.5},
        {"rho": 0.0},
        {"epsilon": 0.0},
        {"epsilon": 0.5},
        {"momentum": 0.9},
        {"centered": True},
        {"weight_decay": 0.3},
        {"momentum": 0.5, "centered": True, "rho": 0.9},
        {
            "learning_rate": 0.1,
            "rho": 0.9,
            "epsilon": 1e-3,
            "momentum": 0.9,
            "centered": True,
            "weight_decay": 1.5,
        },
    ],
    AdaDelta: [
        {},
        {"learning_rate": 0.3},
        {"rho": 0.5},
        {"rho": 0.0},
        {"epsilon": 0.5},
        {"weight_decay": 0.3},
        {"learning_rate": 2.0, "rho": 0.95, "epsilon": 1e-3, "weight_decay": 1.5},
    ],
}
ROWS = [(kind, options) for kind, rows in OPTIONS.items() for options in rows]


def theirs(kind, tensor, options):
    """PyTorch's optimiser with the same options under its own names."""
    names = NAMES | {"rho": "alpha" if kind is RMSProp else "rho"}
    return THEIRS[kind]([tensor], **{names.get(k, k): v for k, v in options.items()})


@pytest.mark.parametrize(("kind", "options"), ROWS, ids=str)
def test_trajectories_are_torchs(follows, kind, options):
    sizes = (7, 40) if options else (7, 33000)  # the last is cut into blocks
    for seed, size in enumerate(sizes):
        follows(
            kind(**options), lambda tensor: theirs(kind, tensor, options), seed, size
        )


@pytest.mark.parametrize("kind", THEIRS)
def test_trajectories_are_torchs_when_each_follows_its_own_gradient(problem, kind):
    for seed in range(5):
        start, gradient = problem(seed, 12)
        theta, tensor = start.copy(), torch.tensor(start, requires_grad=True)
        optimizer, reference = kind(), theirs(kind, tensor, {})
        for t in range(100):
            optimizer.step(theta, gradient(theta, t))
            tensor.grad = torch.from_numpy(gradient(tensor.detach().numpy(), t))
            reference.step()
        expected = tensor.detach().numpy()
        assert np.abs(theta - expected).max() <= 1e-10 * np.abs(expected).max()


@pytest.mark.parametrize("kind", THEIRS)
def test_defaults_are_torchs(kind):
    names = NAMES | {"rho": "alpha" if kind is RMSProp else "rho"}
    given = inspect.signature(THEIRS[kind].__init__).parameters
    ours = inspect.signature(kind.__init__).parameters
    for name, parameter in ours.items():
        if name != "self":
            assert parameter.default == given[names.get(name, name)].default, name


@pytest.mark.parametrize("kind", THEIRS)
def test_float32_is_as_close_to_float64_as_torchs(problem, kind):
    start, gradient = problem(4, 2000)
    single, tensor = start.astype(np.float32), torch.tensor(start, dtype=torch.float32)
    exact = single.astype(np.float64)
    tensor.requires_grad_()
    single_rule, exact_rule, reference = kind(), kind(), theirs(kind, tensor, {})
    for t in range(100):
        grad = gradient(exact, t).astype(np.float32)
        exact_rule.step(exact, grad.astype(np.float64))
        single_rule.step(single, grad)
        tensor.grad = torch.from_numpy(grad)
        reference.step()
    error = np.abs(single - exact).max()
    assert single.dtype == np.float32
    assert error <= 1.5 * np.abs(tensor.detach().numpy() - exact).max()
