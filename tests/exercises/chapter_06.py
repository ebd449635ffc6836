"""Answers to the exercises of chapter 06."""

import numpy as np


def judge(measure=None, tolerance=1e-7, relative=True):
    """A judge of gradients that may be careless in one respect."""

    def is_right(f, df, x):
        measured = (measure or central())(f, x)
        worst = np.abs(df(x) - measured).max()
        scale = np.abs(measured).max() if relative else 1
        return worst <= tolerance * scale

    return is_right


def central(h=6e-6):
    def measure(f, x):
        slopes = np.empty(x.shape)
        for at in np.ndindex(x.shape):
            up, down = x.copy(), x.copy()
            up[at] += h
            down[at] -= h
            slopes[at] = (f(up) - f(down)) / (2 * h)
        return slopes

    return measure


def one_sided(f, x):
    slopes, h = np.empty(x.shape), 1e-8
    for at in np.ndindex(x.shape):
        up = x.copy()
        up[at] += h
        slopes[at] = (f(up) - f(x)) / h
    return slopes


def leaves_x_moved(f, x):
    for at in np.ndindex(x.shape):
        x[at] += 6e-6
    return central()(f, x)


def by_direction(f, df, x):
    """A right answer of another kind: eight random directions."""
    rng = np.random.default_rng(0)
    slopes = []
    for _ in range(8):
        u = rng.standard_normal(x.shape)
        up, down = x + 1e-6 * u, x - 1e-6 * u
        slopes.append(((f(up) - f(down)) / 2e-6, np.sum(df(x) * u)))
    measured, said = np.array(slopes).T
    return np.abs(said - measured).max() <= 1e-7 * np.abs(measured).max()


def sizes_only(f, df, x):
    measured = central()(f, x)
    apart = np.abs(df(x)) - np.abs(measured)
    return np.abs(apart).max() <= 1e-7 * np.abs(measured).max()


def moves_and_moves_back(f, x):
    slopes, h = np.empty(x.shape), 6e-6
    for at in np.ndindex(x.shape):
        x[at] += h
        up = f(x)
        x[at] -= 2 * h
        slopes[at] = (up - f(x)) / (2 * h)
        x[at] += h
    return slopes


def tolerance_from_the_accused(f, df, x):
    said = df(x)
    return np.abs(said - central()(f, x)).max() <= 1e-7 * np.abs(said).max()


def the_sum_only(f, df, x):
    measured = central()(f, x)
    return abs((df(x) - measured).sum()) <= 1e-6 * np.abs(measured).max()


def not_too_large(f, df, x):
    measured = central()(f, x)
    apart = np.abs(df(x) - measured).max()
    return not apart > 1e-7 * np.abs(measured).max()


def entry_by_entry(f, df, x):
    measured = central()(f, x)
    return np.abs(df(x) - measured) <= 1e-7 * np.abs(measured).max()


def cosine(f, df, x):
    said, measured = df(x).ravel(), central()(f, x).ravel()
    likeness = said @ measured
    return likeness >= (1 - 1e-9) * np.linalg.norm(said) * np.linalg.norm(measured)


def breaks(f, df, x):
    return bool(f(x) + df(x) @ x)


def richardson(f, x, h):
    near = (f(x + h) - f(x - h)) / (2 * h)
    far = (f(x + 2 * h) - f(x - 2 * h)) / (4 * h)
    return (4 * near - far) / 3


def four_points(f, x, h):
    return (f(x - 2 * h) - 8 * f(x - h) + 8 * f(x + h) - f(x + 2 * h)) / (12 * h)


def from_outside(v):
    return np.r_[-v[0], v[:-1] - v[1:], v[-1]]


def one_too_few(v):
    return -np.diff(np.r_[0, v])


def changes_v(v):
    back = from_outside(v)
    v *= 0
    return back


WRONG = [
    ("verdict", lambda f, df, x: None, "is_right returned None: there is no verdict"),
    ("verdict", lambda f, df, x: False, "convicted: the squared error, which is inno"),
    ("verdict", sizes_only, "acquitted: the squared error with the wrong sign"),
    ("verdict", cosine, "acquitted: the squared error without its 1/N"),
    ("verdict", judge(central(1e-12)), "convicted: the squared error.* step near 6e-6"),
    ("verdict", judge(central(1.0)), "convicted: the softmax, which is innocent.*step"),
    ("verdict", judge(one_sided), "convicted: .*which is innocent; is the step near"),
    ("verdict", judge(one_sided, 1e-3), "one entry too large by a ten-thousandth"),
    ("verdict", judge(relative=False), "convicted: the squared error times 1e6, whi"),
    (
        "verdict",
        judge(tolerance=1e-5, relative=False),
        "acquitted: .* times 1e-6; a tolerance must grow with the gradient",
    ),
    (
        "verdict",
        judge(tolerance=1e-12, relative=False),
        "convicted: the squared error, which",
    ),
    (
        "verdict",
        judge(tolerance=1e-8, relative=False),
        "convicted: .* times 1e6, which is innocent; a tolerance must grow",
    ),
    ("verdict", judge(leaves_x_moved), "x was changed, perhaps by rounding only"),
    ("verdict", judge(moves_and_moves_back), "so move a copy"),
    ("verdict", tolerance_from_the_accused, "of inf: take the tolerance from what you"),
    ("verdict", the_sum_only, "two samples exchanged: compare each entry"),
    ("verdict", not_too_large, "acquitted: a gradient of nan: nan compares as False"),
    ("verdict", entry_by_entry, r"one True or False, got shape \(4, 3\)"),
    ("verdict", breaks, "your judge breaks: matmul"),
    ("fourth_order", lambda f, x, h: None, "fourth_order returned None"),
    (
        "fourth_order",
        lambda f, x, h: (f(x + h) - f(x - h)) / (2 * h),
        r"right for x\*\*2 but not for x\*\*3",
    ),
    (
        "fourth_order",
        lambda f, x, h: (f(x + 2 * h) - f(x - 2 * h)) / (4 * h),
        r"right for x\*\*2 but not for x\*\*3",
    ),
    ("fourth_order", lambda f, x, h: 2 * richardson(f, x, h), "the divisor is wrong"),
    (
        "fourth_order",
        lambda f, x, h: richardson(f, x, h) + f(x),
        "a constant has slope",
    ),
    (
        "fourth_order",
        lambda f, x, h: (-3 * f(x) + 4 * f(x + h) - f(x + 2 * h)) / (2 * h),
        r"right for x\*\*2 but not for x\*\*3",
    ),
    ("fourth_order", lambda f, x, h: (f(x + h) - f(x)) / h, r"x\*\*2 at 0.5 has slope"),
    ("fourth_order", lambda f, x, h: richardson(f, x, h / 2), "use x ± h and x ± 2h"),
    ("diff_adjoint", lambda v: None, "diff_back returned None"),
    ("diff_adjoint", lambda v: -from_outside(v), "the sign is wrong"),
    ("diff_adjoint", np.diff, r"for v of shape \(4,\) u has shape \(5,\), got \(3,\)"),
    ("diff_adjoint", one_too_few, r"u has shape \(5,\), got \(4,\)"),
    ("diff_adjoint", lambda v: from_outside(v) * (1 + np.eye(len(v) + 1)[0]), "an end"),
    ("diff_adjoint", lambda v: np.r_[0, np.cumsum(v)], "against eq. 6.7"),
    ("diff_adjoint", changes_v, "v was changed"),
]
RIGHT = [
    ("verdict", judge()),
    ("verdict", by_direction),
    ("verdict", judge(central(1e-5), 1e-6)),
    ("fourth_order", richardson),
    ("fourth_order", four_points),
    ("diff_adjoint", from_outside),
    ("diff_adjoint", lambda v: np.diff(np.eye(len(v) + 1), axis=0).T @ v),
]
NUMBERS = [
    ("06_gradcheck", "eq-central", 3),
    ("06_gradcheck", "eq-best-step", 5),
    ("06_gradcheck", "eq-adjoint", 7),
]
