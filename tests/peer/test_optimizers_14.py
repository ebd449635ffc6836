"""nnlib.schedules and ReduceLROnPlateau beside PyTorch's."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler as peer

from nnlib.callbacks import ReduceLROnPlateau
from nnlib.optimizers import Optimizer
from nnlib.schedules import Cosine, Exponential, InverseTime, Step, WarmUp

RATE, STEPS = 0.3, 120


def theirs(make):
    """The rates of a scheduler of PyTorch, step by step."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=RATE)
    scheduler = make(optimizer)
    seen = []
    for _ in range(STEPS):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return seen


PAIRS = [
    (
        InverseTime(RATE, decay=0.2),
        lambda o: peer.LambdaLR(o, lambda t: 1 / (1 + 0.2 * t)),
    ),
    (
        InverseTime(RATE, decay=1.0, power=0.5),
        lambda o: peer.LambdaLR(o, lambda t: (1 + t) ** -0.5),
    ),
    (Exponential(RATE, gamma=0.97), lambda o: peer.ExponentialLR(o, 0.97)),
    (Step(RATE, every=13), lambda o: peer.StepLR(o, 13)),
    (Step(RATE, every=7, gamma=0.6), lambda o: peer.StepLR(o, 7, 0.6)),
    # PyTorch's cosine rises again after T_max; until then they are one.
    (Cosine(RATE, steps=STEPS), lambda o: peer.CosineAnnealingLR(o, STEPS)),
    (
        Cosine(RATE, steps=STEPS, minimum=0.02),
        lambda o: peer.CosineAnnealingLR(o, STEPS, eta_min=0.02),
    ),
    (WarmUp(RATE, steps=5), lambda o: peer.LinearLR(o)),
    (
        WarmUp(RATE, steps=9, start_factor=0.1),
        lambda o: peer.LinearLR(o, 0.1, total_iters=9),
    ),
    (
        WarmUp(Exponential(RATE, gamma=0.9), steps=10, start_factor=0.2),
        lambda o: peer.SequentialLR(
            o,
            [peer.LinearLR(o, 0.2, total_iters=10), peer.ExponentialLR(o, 0.9)],
            milestones=[10],
        ),
    ),
]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(("ours", "make"), PAIRS, ids=lambda p: repr(p)[:40])
def test_the_same_rates(ours, make):
    got = [ours(t) for t in range(STEPS)]
    np.testing.assert_allclose(got, theirs(make), rtol=1e-12, atol=1e-13)


def random_options(rng):
    return {
        "factor": float(rng.choice([0.1, 0.5, 0.9])),
        "patience": int(rng.integers(0, 5)),
        "threshold": float(rng.choice([0.0, 1e-4, 0.05, 0.3])),
        "threshold_mode": str(rng.choice(["rel", "abs"])),
        "cooldown": int(rng.integers(0, 4)),
        "mode": str(rng.choice(["min", "max"])),
    }


@pytest.mark.parametrize("seed", range(60))
def test_the_same_reductions(seed):
    rng = np.random.default_rng(seed)
    options, lowest = random_options(rng), float(rng.choice([0.0, 0.01]))
    noise = rng.uniform(0, 1, 80)
    scores = [noise, noise + 5 / (1 + np.arange(80)), np.round(noise, 1)][seed % 3]

    class Plain(Optimizer):
        def update(self, theta, grad, *, rate, t):  # noqa: ARG002
            theta -= rate * grad

    training = SimpleNamespace(optimizer=Plain(RATE), logs={})
    ours = ReduceLROnPlateau("score", min_learning_rate=lowest, **options)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=RATE)
    scheduler = peer.ReduceLROnPlateau(optimizer, min_lr=lowest, eps=0.0, **options)
    for score in scores.tolist():
        training.logs = {"score": score}
        ours.on_epoch_end(training)
        scheduler.step(score)
        want = optimizer.param_groups[0]["lr"]
        assert training.optimizer.learning_rate == pytest.approx(want, rel=1e-12)


def test_the_defaults_are_the_same():
    theirs = peer.ReduceLROnPlateau(
        torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=RATE)
    )
    ours = ReduceLROnPlateau()
    for name in (
        "factor",
        "patience",
        "threshold",
        "threshold_mode",
        "cooldown",
        "mode",
    ):
        assert getattr(ours, name) == getattr(theirs, name)
    assert ours.min_learning_rate == theirs.min_lrs[0] == 0
