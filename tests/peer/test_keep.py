"""Beside PyTorch: it reads what is kept without nnlib, and has the same patience."""

import json

import numpy as np
import pytest
import torch

from nnlib.activations import ReLU, Sigmoid, Softmax, Tanh
from nnlib.callbacks import EarlyStopping
from nnlib.layers import Dense
from nnlib.models import Sequential


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_pytorch_builds_the_model_from_the_file_alone(dtype, tmp_path):
    """With numpy.load and json, as a program that has never heard of nnlib would."""
    ours = Sequential(
        [
            Dense(6, 9, rng=0),
            ReLU(),
            Dense(9, 8, rng=1, use_bias=False),
            Tanh(),
            Dense(8, 7, rng=2),
            Sigmoid(),
            Dense(7, 3, rng=3),
            Softmax(),
        ],
        dtype=dtype,
    )
    ours.save(tmp_path / "model")
    with np.load(tmp_path / "model", allow_pickle=False) as file:
        tree, theta = json.loads(file["nnlib.json"])["model"], file["model-theta"]
    made, start = [], 0
    for layer in tree["layers"]:
        if layer["class"] != "Dense":
            options = {"dim": -1} if layer["class"] == "Softmax" else {}
            made.append(getattr(torch.nn, layer["class"])(**options))
            continue
        linear = torch.nn.Linear(
            layer["config"]["in_features"],
            layer["config"]["out_features"],
            bias=layer["config"]["use_bias"],
            dtype=getattr(torch, tree["dtype"]),
        )
        with torch.no_grad():
            for name, shape in layer["params"].items():
                end = start + int(np.prod(shape))
                values = torch.from_numpy(theta[start:end].reshape(shape).T.copy())
                (linear.weight if name == "W" else linear.bias).copy_(values)
                start = end
        made.append(linear)
    x = np.random.default_rng(4).normal(size=(20, 6)).astype(dtype)
    with torch.no_grad():
        theirs = torch.nn.Sequential(*made)(torch.from_numpy(x)).numpy()
    assert np.abs(ours.forward(x) - theirs).max() < 8 * np.finfo(dtype).eps


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("seed", range(20))
def test_patience_ends_where_pytorch_s_plateau_does(seed, mode):
    """PyTorch's waits for more bad epochs than its patience, ours for as many."""
    rng = np.random.default_rng(seed)
    patience, delta = int(rng.integers(1, 5)), float(rng.choice([0.0, 0.1]))
    scores = np.cumsum(rng.normal(-0.02, 0.2, 60)).round(1)
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer,
        mode=mode,
        patience=patience - 1,
        threshold=delta,
        threshold_mode="abs",
    )
    ours = EarlyStopping("score", patience=patience, min_delta=delta, mode=mode)

    class Run:
        model = Sequential([Dense(1, 1, rng=0)])
        stopped = False

        def stop(self, reason):
            del reason
            self.stopped = True

    run = Run()
    for run.epoch, score in enumerate(map(float, scores)):
        run.logs = {"score": score}
        ours.on_epoch_end(run)
        theirs.step(score)
        reduced = optimizer.param_groups[0]["lr"] < 1
        assert run.stopped == reduced
        if reduced:
            return
        assert ours.best == theirs.best
        assert ours.bad_epochs == theirs.num_bad_epochs
