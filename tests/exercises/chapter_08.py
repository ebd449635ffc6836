"""Answers to the exercises of chapter 08."""

import numpy as np

from nnlib.functional import log_softmax, softmax

RNG = np.random.default_rng(0)
P = RNG.dirichlet(np.ones(4), 3)
G = RNG.normal(size=(3, 4))
RIGHT_DX = P * (G - (P * G).sum(axis=1, keepdims=True))


def compares(p=P, g=G, want=RIGHT_DX, rtol=1e-9):
    """A test that compares with known slopes."""

    def test(backward):
        np.testing.assert_allclose(backward(p, g), want, rtol=rtol, atol=1e-12)

    return test


def rows_sum_to_zero(backward):
    assert np.abs(backward(P, G).sum(axis=1)).max() < 1e-12


def equal_gradients_give_zero(backward):
    assert np.abs(backward(P, np.ones_like(P))).max() < 1e-12


def both(backward):
    rows_sum_to_zero(backward)
    equal_gradients_give_zero(backward)


def all_properties(backward):
    both(backward)
    assert ((backward(P, G) * G).sum(axis=1) >= 0).all()


def one_sample(backward):
    compares(P[:1], G[:1], RIGHT_DX[:1])(backward)


def equal_rows(backward):
    p, g = np.tile(P[:1], (3, 1)), np.tile(G[:1], (3, 1))
    np.testing.assert_allclose(backward(p, g), np.tile(RIGHT_DX[:1], (3, 1)))


def one_hot_and_one_entry(backward):
    g = np.zeros((1, 4))
    g[0, 2] = -1 / P[0, 2]
    assert np.isclose(backward(P[:1], g)[0, 2], P[0, 2] - 1)


def uniform(backward):
    p = np.full((3, 4), 0.25)
    want = p * (G - G.mean(axis=1, keepdims=True))
    compares(p, G, want)(backward)


def first_column(backward):
    np.testing.assert_allclose(backward(P, G)[:, 0], RIGHT_DX[:, 0])


def all_but_the_first_column(backward):
    np.testing.assert_allclose(backward(P, G)[:, 1:], RIGHT_DX[:, 1:])


def passes_nan(backward):
    if np.abs(backward(P, G) - RIGHT_DX).max() > 1e-9:
        raise AssertionError


def refuses_all(_):
    raise AssertionError("no")


def too_strict(backward):
    assert (backward(P, G) == RIGHT_DX).all()


def vectors(backward):
    backward(P[0], G[0])


def returns_truth(backward):
    return bool(np.allclose(backward(P, G), RIGHT_DX))


def by_differences(backward):
    z, h = np.log(P), 1e-6
    for n in range(3):
        for k in range(4):
            step = np.zeros_like(P)
            step[n, k] = h
            slope = (G * (softmax(z + step) - softmax(z - step))).sum() / (2 * h)
            assert abs(backward(P, G)[n, k] - slope) < 1e-6


def by_loop(p, g):
    out = np.empty_like(p)
    for n in range(len(p)):
        out[n] = (np.diag(p[n]) - np.outer(p[n], p[n])) @ g[n]
    return out


def changes_g(p, g):
    g -= (p * g).sum(axis=1, keepdims=True)
    return p * g


def changes_p(p, g):
    g = g - (p * g).sum(axis=1, keepdims=True)
    p *= g
    return p


def joint(z, labels, scale=1.0):
    log_p = log_softmax(z)
    rows = np.arange(len(labels))
    out = np.exp(log_p)
    out[rows, labels] = np.expm1(log_p[rows, labels])
    return out / len(labels) * scale


def rounded(z, labels):
    p = softmax(z)
    p[np.arange(len(labels)), labels] -= 1
    return p / len(labels)


def by_the_formula(z, labels):
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    return (p - np.eye(z.shape[1])[labels]) / len(labels)


def separate(z, labels, smallest=0.0):
    p = softmax(z)
    g = -np.eye(z.shape[1])[labels] / np.maximum(p, smallest)
    return p * (g - (p * g).sum(axis=1, keepdims=True)) / len(z)


def columns(z, labels):
    p = softmax(z)
    p[:, labels] -= 1
    return p / len(labels)


def in_place(z, labels):
    z -= z.max(axis=1, keepdims=True)
    return joint(z, labels)


def hot(z, labels):
    return np.eye(z.shape[1])[labels]


def by_margin(z, labels):
    p = softmax(z)
    rows = np.arange(len(labels))
    p[rows, labels] = 0
    p[rows, labels] = -p.sum(axis=1)
    return p / len(labels)


WRONG = [
    ("exposure", lambda backward: None, "passes the diagonal alone: its rows"),
    (
        "exposure",
        one_hot_and_one_entry,
        "passes the diagonal alone: .*not only the true",
    ),
    ("exposure", rows_sum_to_zero, "alone, made to sum to 0: sums of rows are not en"),
    ("exposure", equal_gradients_give_zero, "passes a plain mean for the weighted one"),
    ("exposure", both, "passes a sign: .* but not eq. 8.5"),
    ("exposure", all_properties, "passes a factor 2: properties do not fix the size"),
    ("exposure", one_sample, "passes an average over the whole batch: .*try two"),
    ("exposure", equal_rows, "passes the first sample's average: right where"),
    ("exposure", uniform, "passes a plain mean for the weighted one: .*unequal"),
    ("exposure", first_column, "passes the first class alone right: compare all cl"),
    ("exposure", all_but_the_first_column, "passes all but the first class right: "),
    ("exposure", passes_nan, "passes nan everywhere: nan is not larger than any tol"),
    ("exposure", refuses_all, "refuses a right function, by the product: no"),
    ("exposure", too_strict, "refuses a right function, by matrices"),
    ("exposure", vectors, r"must both have one shape \(N, K\), got \(4,\) and \(4,\)"),
    ("exposure", returns_truth, "a test asserts and returns nothing, got True"),
    ("softmax_backward", lambda p, g: None, "nothing to check"),
    ("softmax_backward", lambda p, g: p * (1 - p) * g, "diagonal of the Jac.*eq. 8.3"),
    ("softmax_backward", lambda p, g: -by_loop(p, g), "the sign is wrong"),
    (
        "softmax_backward",
        lambda p, g: p * (g + (p * g).sum(axis=1, keepdims=True)),
        "off-diagonal entries are -p_k p_j",
    ),
    (
        "softmax_backward",
        lambda p, g: p * (g - g.mean(axis=1, keepdims=True)),
        "a plain mean was subtracted",
    ),
    (
        "softmax_backward",
        lambda p, g: p * (g - g.sum(axis=1, keepdims=True)),
        "one of P times G, eq. 8.6",
    ),
    (
        "softmax_backward",
        lambda p, g: p * (g - (p * g).sum(axis=0)),
        "over the samples",
    ),
    ("softmax_backward", lambda p, g: p * (g - (p * g).sum()), "over the whole batch"),
    (
        "softmax_backward",
        lambda p, g: g - (p * g).sum(axis=1, keepdims=True),
        "factor P in front is missing",
    ),
    ("softmax_backward", lambda p, g: by_loop(p, g) / len(p), "belongs to the loss"),
    ("softmax_backward", lambda p, g: p - g, "G is not a label"),
    (
        "softmax_backward",
        lambda p, g: p * (g - (p * g).sum(axis=1)),
        r"NumPy says: operands .* keepdims=True leaves it \(4, 1\)",
    ),
    (
        "softmax_backward",
        lambda p, g: (
            p * (g - (p * g).sum(axis=1)) if len(p) == p.shape[1] else by_loop(p, g)
        ),
        "went along the columns: keepdims=True",
    ),
    ("softmax_backward", lambda p, g: by_loop(p, g)[0], r"same shape, got \(3,\)"),
    ("softmax_backward", lambda p, g: 3 * by_loop(p, g), "entry ., . must be"),
    ("softmax_backward", changes_g, "G was changed"),
    ("softmax_backward", changes_p, "P was changed"),
    ("joint_gradient", lambda z, t: None, "nothing to check"),
    ("joint_gradient", lambda z, t: joint(z, t, len(t)), "1/N is missing"),
    ("joint_gradient", lambda z, t: joint(z, t, 1 / z.shape[1]), "divided by N K"),
    ("joint_gradient", lambda z, t: joint(z, t, len(t) / z.shape[1]), "divided by K"),
    ("joint_gradient", lambda z, t: -joint(z, t), "sign is wrong"),
    ("joint_gradient", lambda z, t: softmax(z) / len(t), "truth was not subtracted"),
    ("joint_gradient", columns, "takes these columns of every row"),
    ("joint_gradient", lambda z, t: (z - hot(z, t)) / len(t), "softmax is missing"),
    (
        "joint_gradient",
        lambda z, t: -hot(z, t) / softmax(z) / len(t),
        "slope in p, eq. 8.2",
    ),
    (
        "joint_gradient",
        lambda z, t: -hot(z, t) * (1 - softmax(z)) / len(t),
        "the diagonal alone",
    ),
    ("joint_gradient", by_the_formula, "a power overflowed, or 0 met infinity"),
    ("joint_gradient", separate, "for the scores 1000 .*0 met infinity"),
    (
        "joint_gradient",
        lambda z, t: separate(z, t, 1e-7),
        "a clipped probability has the wrong slope",
    ),
    ("joint_gradient", rounded, "rounded to 0; take expm1"),
    ("joint_gradient", in_place, "Z was changed"),
    ("joint_gradient", lambda z, t: joint(z, t)[0], r"same shape, got \(4,\)"),
    ("joint_gradient", lambda z, t: joint(z, t) - t, "NumPy says: operands"),
]

RIGHT = [
    ("exposure", compares()),
    ("exposure", by_differences),
    ("softmax_backward", by_loop),
    ("softmax_backward", lambda p, g: p * g - p * (p * g).sum(axis=1)[:, None]),
    ("joint_gradient", joint),
    ("joint_gradient", by_margin),
]

NUMBERS = [
    ("08_softmax_gradient", "eq-probability-gradient", 2),
    ("08_softmax_gradient", "eq-softmax-jacobian", 3),
    ("08_softmax_gradient", "eq-jacobian-ones", 4),
    ("08_softmax_gradient", "eq-jacobian-variance", 5),
    ("08_softmax_gradient", "eq-softmax-backward", 6),
    ("08_softmax_gradient", "eq-joint-gradient", 7),
    ("08_softmax_gradient", "eq-mean-gradient", 8),
]
