"""Speed of an epoch on MNIST as a ratio to PyTorch's own loop: make bench.

The network is 784-128-10, in float32, with batches of 128. Both loops shuffle by a
permutation; PyTorch's indexes its tensors by parts of it, as loops do that keep data
in memory. Each line gives PyTorch's time divided by ours, more than 1 being faster than
PyTorch, measured in one run, in turn, taking the least time of each.
"""

import sys
import time

import numpy as np
import torch

from nnlib.activations import ReLU
from nnlib.datasets import load_mnist
from nnlib.layers import Dense
from nnlib.losses import SoftmaxCrossEntropy
from nnlib.models import Sequential
from nnlib.optimizers import SGD, Adam

BATCH = 128
PAIRS = {
    "Adam": (lambda: Adam(0.001), lambda p: torch.optim.Adam(p, lr=0.001)),
    "SGD, momentum 0.9": (
        lambda: SGD(0.1, momentum=0.9),
        lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    ),
}


def epoch_of_ours(make):
    """Return a function that fits for one epoch."""
    rng = np.random.default_rng(0)
    model = Sequential(
        [Dense(784, 128, rng=rng), ReLU(), Dense(128, 10, rng=rng)], dtype=np.float32
    )
    loss, optimizer = SoftmaxCrossEntropy(), make()

    def epoch(x, y):
        model.fit(x, y, loss=loss, optimizer=optimizer, batch_size=BATCH, rng=rng)

    return epoch


def epoch_of_theirs(make):
    """Return a function that runs PyTorch's loop for one epoch."""
    model = torch.nn.Sequential(
        torch.nn.Linear(784, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10)
    )
    criterion, optimizer = torch.nn.CrossEntropyLoss(), make(model.parameters())

    def epoch(x, y):
        order = torch.randperm(len(x))
        for part in order.split(BATCH):
            optimizer.zero_grad()
            criterion(model(x[part]), y[part]).backward()
            optimizer.step()

    return epoch


def seconds(epoch, x, y):
    """Return how long an epoch takes."""
    start = time.perf_counter()
    epoch(x, y)
    return time.perf_counter() - start


def main(rounds=5):
    """Print the ratios, or why there are none."""
    try:
        images = load_mnist()
    except (ImportError, OSError, ValueError) as error:
        print(f"mnist: skipped, since MNIST cannot be had: {error}")
        return
    x = images.x_train.reshape(-1, 784) / np.float32(255)
    y = images.y_train
    tensors = torch.from_numpy(x), torch.from_numpy(y)
    torch.set_num_threads(2)
    print(f"torch {torch.__version__}, numpy {np.__version__}, float32, two threads")
    for name, (make, make_theirs) in PAIRS.items():
        ours, theirs = epoch_of_ours(make), epoch_of_theirs(make_theirs)
        times = [
            (seconds(ours, x, y), seconds(theirs, *tensors)) for _ in range(rounds + 1)
        ]
        mine, other = map(min, zip(*times[1:], strict=True))  # the first warms up
        print(
            f"MNIST 784-128-10, {name:17}  {other / mine:5.2f} x  "
            f"({mine:.2f} s an epoch of fit)"
        )


if __name__ == "__main__":
    sys.exit(main())
