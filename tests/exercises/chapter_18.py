"""Answers to the exercises of chapter 18."""

import numpy as np

from nnlib.regularizers import soft_threshold

RIGHT_STRENGTHS = {
    "keras": lambda s, n: s,
    "half": lambda s, n: s / 2,
    "pytorch": lambda s, n: s / 2,
    "sum": lambda s, n: s / n,
    "C": lambda s, n: 1 / (2 * s * n),
}


def but(**changed):
    """Right strengths, but for these ways."""
    ways = {**RIGHT_STRENGTHS, **changed}
    return lambda way, s, n: ways[way](s, n)


def unknown(way, s, n):
    return {"keras": s, "sum": s / n}[way]


def measured(way, s, n):
    """Return the strength by comparing slopes of a penalty beside a mean loss."""
    w = np.array([0.5, -2.0])
    pull = {
        "keras": 2 * s * w,
        "half": s * w,
        "pytorch": s * w,
        "sum": 2 * s * w / n,
        "C": w / (s * n),
    }[way]
    return (pull / (2 * w))[0]


def by_the_gradient(w, g, rate, s):
    return w - rate * (g + s * np.sign(w))


def in_place(w, g, rate, s):
    w -= rate * g
    return soft_threshold(w, rate * s)


def threshold_first(w, g, rate, s):
    return soft_threshold(w, rate * s) - rate * g


def hard(w, g, rate, s):
    ahead = w - rate * g
    return np.where(np.abs(ahead) > rate * s, ahead, 0.0)


def one_sided(w, g, rate, s):
    return np.maximum(w - rate * g - rate * s, 0)


def past_zero(w, g, rate, s):
    ahead = w - rate * g
    return ahead - rate * s * np.sign(ahead)


def nearly_zero(w, g, rate, s):
    right = soft_threshold(w - rate * g, rate * s)
    return np.where(right == 0, 1e-14, right)


def spares_new_zeros(w, g, rate, s):
    return np.where(w == 0, 0.0, soft_threshold(w - rate * g, rate * s))


def by_class(w, g, rate, s):
    return soft_threshold(w - rate * g, rate * s)


def in_words(w, g, rate, s):
    far = rate * s
    ahead = (w - rate * g).tolist()
    return [a - far if a > far else a + far if a < -far else 0 for a in ahead]


WRONG = [
    ("strength", lambda way, s, n: None, "returned None"),
    ("strength", lambda way, s, n: s, r"half: L2\(s\) has the gradient.* eq\. 18\.2"),
    ("strength", unknown, "'half' it stops with KeyError"),
    ("strength", but(keras=lambda s, n: s / 2), "neither has a half"),
    ("strength", but(keras=lambda s, n: s / n), "its loss is a mean, too"),
    ("strength", but(half=lambda s, n: 2 * s), "half: the other way round"),
    ("strength", but(pytorch=lambda s, n: s), r"pytorch: what is added.* eq\. 18\.13"),
    ("strength", but(pytorch=lambda s, n: 2 * s), "pytorch: the other way round"),
    ("strength", but(sum=lambda s, n: s), r"a sum is N times a mean.* eq\. 18\.12"),
    ("strength", but(sum=lambda s, n: s * n), "sum: the other way round"),
    ("strength", but(sum=lambda s, n: s / (2 * n)), "sum: there is no half"),
    ("strength", but(C=lambda s, n: s), "a larger s is a weaker penalty"),
    ("strength", but(C=lambda s, n: 1 / s), "divide by s, by N and by the 2"),
    ("strength", but(C=lambda s, n: 1 / (2 * s)), r"the losses are summed.*18\.12"),
    ("strength", but(C=lambda s, n: 1 / (s * n)), r"its penalty has a half.* 18\.2"),
    ("strength", but(C=lambda s, n: n / (2 * s)), "C: the sum is N times the mean"),
    ("strength", but(C=lambda s, n: s / (2 * n)), "C: for s = 0.3 and N = 60 expected"),
    ("strength", but(sum=lambda s, n: [s / n]), "expected one number"),
    ("proximal_step", lambda w, g, rate, s: None, "returned None"),
    ("proximal_step", by_the_gradient, r"no weight lands on 0, eq\. 18\.8"),
    ("proximal_step", lambda w, g, rate, s: w - rate * g, "the penalty is missing"),
    (
        "proximal_step",
        lambda w, g, rate, s: soft_threshold(w - rate * g, s),
        r"not the strength, eq\. 18\.7",
    ),
    (
        "proximal_step",
        lambda w, g, rate, s: soft_threshold(w - rate * g, rate),
        r"not the rate, eq\. 18\.7",
    ),
    (
        "proximal_step",
        lambda w, g, rate, s: soft_threshold(w - rate * g, 2 * rate),
        r"goes to 0\.15625, got 0\.125, eq\. 18\.7",
    ),
    (
        "proximal_step",
        lambda w, g, rate, s: soft_threshold(w - rate * g, 2 * rate * s),
        r"no factor 2 in L1, eq\. 18\.3",
    ),
    (
        "proximal_step",
        lambda w, g, rate, s: soft_threshold(w, rate * s),
        "the gradient of the loss is missing",
    ),
    (
        "proximal_step",
        lambda w, g, rate, s: soft_threshold(w + rate * g, rate * s),
        "goes uphill",
    ),
    (
        "proximal_step",
        lambda w, g, rate, s: (w - rate * g) / (1 + 2 * rate * s),
        r"L2's proximal step.* eq\. 18\.4",
    ),
    ("proximal_step", threshold_first, "first the step, then the threshold"),
    ("proximal_step", hard, r"must move towards 0 as well, eq\. 18\.5"),
    ("proximal_step", one_sided, "negative weights"),
    ("proximal_step", past_zero, "stops at 0"),
    ("proximal_step", in_place, "was changed"),
    ("proximal_step", nearly_zero, "expected exact zeros, got 1e-14"),
    ("proximal_step", spares_new_zeros, r"a weight of 0 with the slope -8"),
    ("proximal_step", lambda w, g, rate, s: 0.0, r"expected shape \(10,\)"),
    ("proximal_step", lambda w, g, rate, s: w @ np.zeros(3), "it stops with"),
]
RIGHT = [
    ("strength", but()),
    ("strength", measured),
    ("proximal_step", by_class),
    ("proximal_step", in_words),
]
NUMBERS = [
    ("18_penalties", "eq-l2-gradient", 2),
    ("18_penalties", "eq-l1-slopes", 3),
    ("18_penalties", "eq-l2-one", 4),
    ("18_penalties", "eq-soft-threshold", 5),
    ("18_penalties", "eq-proximal", 7),
    ("18_penalties", "eq-l1-band", 8),
    ("18_penalties", "eq-mean-sum", 12),
    ("18_penalties", "eq-l2-decay", 13),
]
