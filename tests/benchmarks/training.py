"""Speed of a training step beside PyTorch's, and of an epoch beside scikit-learn's.

Each line gives three figures; above 1 a ratio says that ours is faster. Measured in one
run, in turn, taking the least time of each: make bench.

- PyTorch's time divided by ours, for bare steps on the same batches: forward, loss,
  backward, Adam, PyTorch's eager.
- How much longer an epoch of fit takes than its bare steps: shuffling, taking batches,
  adding up the loss.
- The time of an epoch of scikit-learn's MLPClassifier divided by that of our fit: the
  same layers, data in float32, batch size and rate of Adam, shuffled in both, without
  penalty.

What either fit does once, such as its checks, is no part of an epoch. Ours says by a
callback when each epoch ends; of scikit-learn's, the time of one epoch is subtracted
from that of five.
"""

# ruff: noqa: ARG002 (a callback is handed what it may not need)

import itertools
import time
import warnings

import numpy as np
import sklearn
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from nnlib.activations import ReLU
from nnlib.layers import Dense
from nnlib.losses import SoftmaxCrossEntropy
from nnlib.models import Sequential
from nnlib.optimizers import Adam

SIZES = [
    ((784, 128, 128, 10), 128),
    ((64, 64, 64, 10), 32),
    ((2, 64, 3), 300),
    ((784, 512, 512, 10), 128),
]


class Clock:
    """A callback that notes how long each epoch took, but for the first."""

    def __init__(self):
        self.seconds, self.last = [], None

    def on_epoch_end(self, training):
        """Note the time since the epoch before."""
        now = time.perf_counter()
        if self.last is not None:
            self.seconds.append(now - self.last)
        self.last = now


def compare(widths, batch, batches=20, rounds=5):
    """Return PyTorch's time over ours, what fit adds, scikit-learn's, and a step's."""
    rng = np.random.default_rng(0)
    n = batch * batches
    x = rng.normal(size=(n, widths[0])).astype(np.float32)
    y = rng.integers(0, widths[-1], n)
    layers, modules = [], []
    for i, o in itertools.pairwise(widths):
        layers += [Dense(i, o, rng=rng), ReLU()]
        modules += [torch.nn.Linear(i, o), torch.nn.ReLU()]
    ours = Sequential(layers[:-1], dtype=np.float32)
    theirs = torch.nn.Sequential(*modules[:-1])
    loss, criterion = SoftmaxCrossEntropy(), torch.nn.CrossEntropyLoss()
    optimizer = Adam(1e-4)
    torch_optimizer = torch.optim.Adam(theirs.parameters(), lr=1e-4)
    parts = [slice(i, i + batch) for i in range(0, n, batch)]
    arrays = [(x[part], y[part]) for part in parts]
    tensors = [(torch.from_numpy(a), torch.from_numpy(b)) for a, b in arrays]

    def bare():
        for a, b in arrays:
            loss(ours.forward(a, training=True), b)
            ours._backward_params(loss.backward())
            optimizer.step(ours.theta, ours.grad)

    def epoch_of_fit():
        clock = Clock()
        ours.fit(
            x,
            y,
            loss=loss,
            optimizer=optimizer,
            epochs=5,
            batch_size=batch,
            callbacks=[clock],
            rng=0,
        )
        return min(clock.seconds)

    def torch_steps():
        for a, b in tensors:
            torch_optimizer.zero_grad()
            criterion(theirs(a), b).backward()
            torch_optimizer.step()

    def timed(function):
        start = time.perf_counter()
        function()
        return time.perf_counter() - start

    def scikit_fit(epochs=1):
        MLPClassifier(
            widths[1:-1],
            batch_size=batch,
            learning_rate_init=1e-4,
            alpha=0.0,
            max_iter=epochs,
            random_state=0,
        ).fit(x, y)

    def least(measure):
        measure()  # the threads of the one before may still be waiting for work
        return min(measure() for _ in range(5))

    measures = [
        lambda: timed(bare),
        epoch_of_fit,
        lambda: timed(torch_steps),
        lambda: timed(scikit_fit),
        lambda: timed(lambda: scikit_fit(5)),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # five epochs are few
        times = [[least(measure) for measure in measures] for _ in range(rounds)]
    steps, epoch, torch_time, one, five = map(min, zip(*times, strict=True))
    scikit_epoch = (five - one) / 4
    return torch_time / steps, epoch / steps - 1, scikit_epoch / epoch, steps / batches


def main():
    """Print the ratios."""
    torch.set_num_threads(2)
    print(
        f"numpy {np.__version__}, float32, two threads; per step or epoch of 20 steps"
    )
    print(
        f"step: torch {torch.__version__} / nnlib; fit: epoch of fit over bare steps;"
    )
    print(f"epoch: MLPClassifier of scikit-learn {sklearn.__version__} / nnlib's fit")
    for widths, batch in SIZES:
        ratio, more, scikit, step = compare(widths, batch)
        sizes = "-".join(map(str, widths))
        print(
            f"Adam {sizes:16} batch {batch:3}  step {ratio:5.2f} x  "
            f"fit {more:+6.1%}  epoch {scikit:5.2f} x  ({step * 1e6:.0f} µs a step)"
        )


if __name__ == "__main__":
    main()
