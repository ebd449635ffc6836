"""Speed of the losses' gradients: the study of chapter 08, and ratios to PyTorch's.

Run ``python tests/benchmarks/losses.py``. All numbers are ratios, measured in one run.
"""

import runpy
import timeit
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from nnlib.functional import softmax
from nnlib.losses import SigmoidCrossEntropy, SoftmaxCrossEntropy

best = runpy.run_path(str(Path(__file__).with_name("functional.py")))["best"]
SHAPES = [(128, 10), (128, 100)]


def joint(p, labels):
    """Return (p - y) / N."""
    gradient = p.copy()
    gradient[np.arange(len(labels)), labels] -= 1
    return gradient / len(labels)


def from_loss(p, labels):
    """Return -y / (p N)."""
    gradient, sample = np.zeros_like(p), np.arange(len(labels))
    gradient[sample, labels] = -1 / (p[sample, labels] * len(labels))
    return gradient


def loop(p, labels):
    """Build one Jacobian after the other."""
    upstream, gradient = from_loss(p, labels), np.empty_like(p)
    for n, row in enumerate(p):
        gradient[n] = (np.diag(row) - np.outer(row, row)) @ upstream[n]
    return gradient


def batched(p, labels):
    """Build all Jacobians at once."""
    upstream = from_loss(p, labels)
    jacobian = p[:, :, None] * (np.eye(p.shape[1]) - p[:, None, :])
    return (jacobian @ upstream[:, :, None])[:, :, 0]


def product(p, labels):
    """Build no Jacobian."""
    upstream = from_loss(p, labels)
    return p * (upstream - (p * upstream).sum(axis=1, keepdims=True))


def study():
    """Print how many times faster the joint derivative is than three others."""
    print("joint backward is faster by, against: a loop, all Jacobians, the product")
    for k in (3, 10, 100):
        for n in (3, 10, 32, 128, 512):
            rng = np.random.default_rng(0)
            p, labels = softmax(rng.normal(0, 2, (n, k))), rng.integers(0, k, n)
            base = best(joint, p, labels)
            ratios = [best(way, p, labels) / base for way in (loop, batched, product)]
            print(f"{n:4} x {k:3}", *(f"{ratio:8.1f}" for ratio in ratios))


def shortest(function):
    """Return the shortest time of a call, in seconds, each of 30 rounds a short one."""
    timer = timeit.Timer(function)
    calls = max(1, timer.autorange()[0] // 20)
    return min(timer.repeat(30, calls)) / calls


def peers(dtype):
    """Print PyTorch's time divided by ours: more than 1 is faster than PyTorch."""
    rng = np.random.default_rng(0)
    for n, k in SHAPES:
        z = rng.normal(0, 5, (n, k)).astype(dtype)
        labels, answers = rng.integers(0, k, n), rng.uniform(0, 1, (n, k)).astype(dtype)
        for ours, theirs, truth in (
            (SoftmaxCrossEntropy(), cross_entropy, labels),
            (SigmoidCrossEntropy(), binary_cross_entropy_with_logits, answers),
        ):
            tensor, true = torch.from_numpy(z), torch.from_numpy(truth)
            tensor.requires_grad_()
            kept = theirs(tensor, true)
            ours(z, truth)

            def their_backward(kept=kept, tensor=tensor):
                tensor.grad = None
                kept.backward(retain_graph=True)

            def their_both(theirs=theirs, tensor=tensor, true=true):
                tensor.grad = None
                theirs(tensor, true).backward()

            def our_both(ours=ours, z=z, truth=truth):
                ours(z, truth)
                ours.backward()

            back = shortest(their_backward) / shortest(ours.backward)
            both = shortest(their_both) / shortest(our_both)
            print(
                f"{type(ours).__name__:19} {dtype.__name__:7} {(n, k)!s:10} "
                f"backward {back:5.2f} x, forward and backward {both:5.2f} x"
            )


def main():
    """Print both tables."""
    torch.set_num_threads(2)
    print(f"torch {torch.__version__}, numpy {np.__version__}, two threads")
    study()
    for dtype in (np.float32, np.float64):
        peers(dtype)


if __name__ == "__main__":
    main()
