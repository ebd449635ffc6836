"""Answers to the exercises of chapter 13."""

import numpy as np


def variant(
    *,
    mean=lambda m, b1, t: m / (1 - b1**t),
    square=lambda v, b2, t: v / (1 - b2**t),
    root=lambda v, eps, b2, t: v**0.5 + eps,
    sign=-1.0,
    first=1,
    remember=lambda old, new, b: b * old + (1 - b) * new,
    centre=False,
):
    """Adam with one thing changed."""

    def adam_path(gradients, rate, b1, b2, eps):
        theta, m, v, places = 0.0, 0.0, 0.0, []
        for t, g in enumerate(gradients, start=first):
            m = remember(m, g, b1)
            v = remember(v, (g - m) ** 2 if centre else g**2, b2)
            v_hat = square(v, b2, t)
            theta += sign * rate * mean(m, b1, t) / root(v_hat, eps, b2, t)
            places.append(theta)
        return np.array(places)

    return adam_path


right = variant()


def literal_sums(gradients, rate, b1, b2, eps):
    """Weighted means, written out, as a list."""
    places, theta = [], 0.0
    for t in range(1, len(gradients) + 1):
        g = np.asarray(gradients[:t])
        m = np.average(g, weights=b1 ** np.arange(t)[::-1])
        v = np.average(g * g, weights=b2 ** np.arange(t)[::-1])
        theta -= rate * m / (v**0.5 + eps)
        places.append(theta)
    return places


def with_start(*arguments):
    return np.concatenate([[0.0], right(*arguments)])


def one_too_few(*arguments):
    return right(*arguments)[:-1]


def steps_only(*arguments):
    return np.diff(right(*arguments), prepend=0.0)


def does_not_move(gradients, *_):
    return np.zeros(len(gradients))


def a_generator(*arguments):
    return (place for place in right(*arguments))


def adds_to_a_list(gradients, *_):
    return gradients + 1


def skips_zeros(gradients, *arguments):
    """Neither t nor the averages go on where a gradient is 0."""
    gradients = np.array(gradients)
    some = gradients != 0
    places = np.concatenate([[0.0], right(gradients[some], *arguments)])
    return places[np.cumsum(some)]


def rests_at_zeros(gradients, *arguments):
    """The averages go on where a gradient is 0, but the parameter does not move."""
    steps = np.diff(right(gradients, *arguments), prepend=0.0)
    return np.cumsum(np.where(np.array(gradients) == 0, 0.0, steps))


def nothing(*_):
    return None


def eats_its_input(gradients, *arguments):
    places = right(gradients, *arguments)
    gradients.clear()
    return places


def momentum(gradients, rate, b1, *_):
    m, theta, places = 0.0, 0.0, []
    for g in gradients:
        m = b1 * m + (1 - b1) * g
        theta -= rate * m
        places.append(theta)
    return np.array(places)


def descent(gradients, rate, *_):
    return -rate * np.cumsum(gradients)


def swapped(gradients, rate, b1, b2, eps):
    return right(gradients, rate, b2, b1, eps)


def sign_descent(gradients, rate, _b1, _b2, eps):
    return -rate * np.cumsum(np.array(gradients) / (np.abs(gradients) + eps))


def plain(average, *_):
    return average


WRONG = [
    ("adam_path", nothing, "nothing to check"),
    ("adam_path", eats_its_input, "gradients were changed"),
    ("adam_path", with_start, "leave the start out"),
    ("adam_path", one_too_few, "expected 8 positions for 8 gradients"),
    ("adam_path", a_generator, "expected numbers, the positions, got generator"),
    ("adam_path", adds_to_a_list, "it stops with can only concatenate list"),
    ("adam_path", does_not_move, "the parameter does not move"),
    ("adam_path", steps_only, "these are the steps, not the positions"),
    ("adam_path", skips_zeros, "a gradient of 0 counts"),
    ("adam_path", rests_at_zeros, "a gradient of 0 counts"),
    ("adam_path", variant(sign=1.0), "the sign of a step is minus"),
    ("adam_path", descent, "divide by the root, eq. 13.5"),
    ("adam_path", momentum, "divide by the root, eq. 13.5"),
    ("adam_path", variant(mean=plain, square=plain), "no correction"),
    ("adam_path", variant(mean=plain), "the average gradient is not corrected"),
    ("adam_path", variant(square=plain), "the squares are not corrected"),
    ("adam_path", variant(first=0), "is t counted from 1"),
    ("adam_path", variant(first=2), "a step too many in the correction"),
    ("adam_path", variant(root=lambda v, eps, b2, t: v + eps), "not its root"),
    (
        "adam_path",
        variant(root=lambda v, eps, b2, t: (v + eps) ** 0.5),
        "epsilon stands under the root",
    ),
    (
        "adam_path",
        variant(root=lambda v, eps, b2, t: v**0.5 + eps / (1 - b2**t) ** 0.5),
        "epsilon hat, eq. 13.9",
    ),
    ("adam_path", variant(root=lambda v, eps, b2, t: v**0.5), "epsilon is left out"),
    (
        "adam_path",
        variant(remember=lambda old, new, b: (1 - b) * old + b * new),
        "b1 and b2 weigh what is kept",
    ),
    (
        "adam_path",
        variant(centre=True),
        r"constant gradient 2: step \d should be -0.444444",
    ),
    ("adam_path", swapped, "older gradients count less, eq. 13.4"),
    ("adam_path", sign_descent, "older gradients count less, eq. 13.4"),
]

RIGHT = [("adam_path", right), ("adam_path", literal_sums)]

NUMBERS = [
    ("13_adam", "def-adam-averages", 1),
    ("13_adam", "def-adam-correction", 3),
    ("13_adam", "eq-adam-weighted", 4),
    ("13_adam", "def-adam", 5),
    ("13_adam", "eq-adam-uncorrected", 6),
    ("13_adam", "eq-adam-step", 7),
    ("13_adam", "eq-adam-epsilon", 9),
]
