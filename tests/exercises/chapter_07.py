"""Answers to the exercises of chapter 07."""

import numpy as np

CHAPTER = "07_backward"


def summed(dy):
    return dy.sum(axis=tuple(range(dy.ndim - 1)))


def in_place(dy):
    dy *= 1.5
    return summed(dy) / 1.5


def with_keepdims(dy):
    return dy.sum(axis=tuple(range(dy.ndim - 1)), keepdims=True).reshape(1, -1)


def by_loop(dy):
    total = np.zeros(dy.shape[-1], dy.dtype)
    for row in dy.reshape(-1, dy.shape[-1]):
        total += row
    return total


def flat(dy):
    return dy.reshape(-1, dy.shape[-1]).sum(axis=0)


def two_layers(slope=lambda a, z: 1 - a**2, upstream=None, hidden=None, first=None):
    """The four gradients, with one step of the way back replaced."""

    def answer(X, T, W1, b1, W2, b2):  # noqa: N803
        z = X @ W1 + b1
        a = np.tanh(z)
        y = a @ W2 + b2
        dy = (upstream or (lambda y, t: (y - t) / len(y)))(y, T)
        dz = (dy @ W2.T) * slope(a, z)
        dw2 = (z if hidden else a).T @ dy
        dw1 = first(X, dz, W1) if first else X.T @ dz
        return dw1, dz.sum(axis=0), dw2, dy.sum(axis=0)

    return answer


def changes_weights(X, T, W1, b1, W2, b2):  # noqa: N803
    grads = two_layers()(X, T, W1, b1, W2, b2)
    W1[...] -= 0.1 * grads[0]
    return grads


def keeps_lists(X, T, W1, b1, W2, b2):  # noqa: N803
    return [g.tolist() for g in two_layers()(X, T, W1, b1, W2, b2)]


WRONG = [
    ("bias_gradient", lambda dy: None, "returned None"),
    ("bias_gradient", lambda dy: dy.mean(axis=0), r"mean over the batch.*eq\. 7\.5"),
    ("bias_gradient", lambda dy: dy, r"expected \(3,\): the samples share one bias"),
    ("bias_gradient", lambda dy: dy.sum(axis=1), "summed over the neurons"),
    ("bias_gradient", lambda dy: dy.sum(), r"got \(\): one number for each bias"),
    (
        "bias_gradient",
        lambda dy: dy.sum(axis=0) if len(dy) != dy.shape[-1] else dy.sum(axis=1),
        "summed over the neurons",
    ),
    ("bias_gradient", lambda dy: dy.sum(axis=0), "sum over all axes but the last"),
    ("bias_gradient", lambda dy: dy.sum(axis=(0, 1)), "got \\(\\)"),
    ("bias_gradient", with_keepdims, r"got \(1, 3\): b has shape \(3,\)"),
    ("bias_gradient", in_place, "dy was changed"),
    ("bias_gradient", lambda dy: -summed(dy), r"moving b\[0\] by 1 moves the loss by"),
    (
        "bias_gradient",
        lambda dy: dy[-1] if dy.ndim < 3 and len(dy) else summed(dy),
        "mo",
    ),
    ("bias_gradient", lambda dy: summed(dy).astype(float), "became another dtype"),
    ("bias_gradient", lambda dy: dy.sum(axis=2), "NumPy says|axis"),
    ("two_layer_gradients", lambda *args: None, "returned None"),
    ("two_layer_gradients", lambda *args: args[2:5], "expected four arrays"),
    (
        "two_layer_gradients",
        lambda *args: two_layers()(*args)[::-1],
        "W1 must have shape",
    ),
    ("two_layer_gradients", changes_weights, "an argument was changed"),
    (
        "two_layer_gradients",
        two_layers(upstream=lambda y, t: y - t),
        "N times too large",
    ),
    (
        "two_layer_gradients",
        two_layers(upstream=lambda y, t: 2 * (y - t) / len(y)),
        "twice too large",
    ),
    (
        "two_layer_gradients",
        two_layers(upstream=lambda y, t: (y - t) / y.size),
        "K times too small",
    ),
    (
        "two_layer_gradients",
        two_layers(upstream=lambda y, t: (t - y) / len(y)),
        "negative",
    ),
    (
        "two_layer_gradients",
        two_layers(upstream=lambda y, t: abs(y - t) / len(y)),
        r"the gradient of b2 is wrong.*eq\. 7\.5, 7\.19",
    ),
    (
        "two_layer_gradients",
        two_layers(hidden=True),
        r"tanh\(XW1 \+ b1\), not XW1 \+ b1",
    ),
    (
        "two_layer_gradients",
        two_layers(slope=lambda a, z: 1),
        r"slope of the tanh is missing: eq\. 7\.9",
    ),
    ("two_layer_gradients", two_layers(slope=lambda a, z: 1 - a), "not squared"),
    (
        "two_layer_gradients",
        two_layers(slope=lambda a, z: a * (1 - a)),
        r"slope of the sigmoid: eq\. 7\.7",
    ),
    (
        "two_layer_gradients",
        two_layers(slope=lambda a, z: 1 - np.tanh(a) ** 2),
        "not tanh of that",
    ),
    (
        "two_layer_gradients",
        two_layers(slope=lambda a, z: (1 - a**2) / 3),
        "W2 and b2 are right, b1 is not",
    ),
    (
        "two_layer_gradients",
        two_layers(first=lambda x, dz, w: np.ones_like(x).T @ dz),
        "only the gradient of W1 is wrong",
    ),
    ("two_layer_gradients", lambda X, T, *p: p[0] @ p[0] @ p[0], "NumPy says"),  # noqa: N803
]

RIGHT = [
    ("bias_gradient", summed),
    ("bias_gradient", by_loop),
    ("bias_gradient", flat),
    ("two_layer_gradients", two_layers()),
    ("two_layer_gradients", keeps_lists),
    (
        "two_layer_gradients",
        two_layers(slope=lambda a, z: 1 / np.cosh(z) ** 2),
    ),
]

NUMBERS = [
    (CHAPTER, "eq-dense-input", 3),
    (CHAPTER, "eq-dense-weights", 4),
    (CHAPTER, "eq-dense-bias", 5),
    (CHAPTER, "eq-relu-backward", 6),
    (CHAPTER, "eq-sigmoid-backward", 7),
    (CHAPTER, "eq-tanh-backward", 9),
    (CHAPTER, "eq-squared-error", 19),
]
