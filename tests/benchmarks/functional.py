"""Speed of nnlib.functional as a ratio to PyTorch's, measured in one run: make bench.

Each line gives PyTorch's time divided by ours: more than 1 is faster than PyTorch.
"""

import timeit

import numpy as np
import torch

from nnlib import functional

PAIRS = {
    "softmax": (functional.softmax, torch.softmax),
    "log_softmax": (functional.log_softmax, torch.log_softmax),
    "logsumexp": (functional.logsumexp, torch.logsumexp),
}
SHAPES = [(32, 10), (128, 10), (128, 100), (1024, 10), (1024, 1000)]


def best(function, *arguments):
    """Return the shortest time of a call, in seconds."""
    timer = timeit.Timer(lambda: function(*arguments))
    calls, _ = timer.autorange()
    return min(timer.repeat(5, calls)) / calls


def main():
    """Print the ratios."""
    torch.set_num_threads(2)
    print(f"torch {torch.__version__}, numpy {np.__version__}, float32, two threads")
    for name, (ours, theirs) in PAIRS.items():
        for shape in SHAPES:
            z = np.random.default_rng(0).normal(0, 5, shape).astype(np.float32)
            tensor = torch.from_numpy(z)
            with torch.inference_mode():
                ratio = best(theirs, tensor, -1) / best(ours, z)
            print(f"{name:12} {shape!s:12} {ratio:5.2f} x")


if __name__ == "__main__":
    main()
