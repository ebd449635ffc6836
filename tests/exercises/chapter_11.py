"""Answers to the exercises of chapter 11."""

import numpy as np


def right(delta, *rates):
    return -delta / rates[1]


def as_a_list(delta, *rates):
    return [-d / rates[1] for d in delta]


def nothing(*_):
    return None


def in_place(delta, *rates):
    delta /= -rates[1]
    return delta


def column(delta, *rates):
    return -delta[:, None] / rates[1]


def mismatched(delta, *rates):
    return -delta / (rates[1] * np.ones(3))


def last(delta, *rates):
    return -delta / rates[0]


def no_sign(delta, *rates):
    return delta / rates[1]


def multiplied(delta, *rates):
    return -delta * rates[1]


def sign_only(delta, *_):
    return -delta


def ratio(delta, *rates):
    return -delta * rates[0] / rates[1]


def averaged(delta, *rates):
    return -delta / rates[1] * (1 - 0.8)


def one_step_on(delta, *rates):
    return -0.8 * delta / rates[1]


def forgotten(delta, *_):
    return np.zeros_like(delta)


def broken(delta, *_):
    return np.full_like(delta, np.nan)


def text(*_):
    return "x"


def turned(delta, *rates):
    return -delta / rates[1] + 1j


def single(delta, *rates):
    return (-delta / rates[1]).astype(np.float32)


WRONG = [
    ("to_pytorch", nothing, "nothing to check"),
    ("to_pytorch", in_place, "changed delta"),
    ("to_pytorch", column, r"expected the shape of delta, \(3,\), got \(3, 1\)"),
    ("to_pytorch", mismatched, r"for a velocity of shape \(4,\) it stops with"),
    ("to_pytorch", last, "divided by the last rate.*eq. 11.12"),
    ("to_pytorch", no_sign, "the sign: PyTorch's velocity points along the gradient"),
    ("to_pytorch", multiplied, "multiplied by a rate.*eq. 11.11"),
    ("to_pytorch", sign_only, "only the sign was turned"),
    ("to_pytorch", ratio, "PyTorch's velocity holds no rate at all"),
    ("to_pytorch", averaged, "after step 1 the papers' rule has moved by"),
    ("to_pytorch", one_step_on, "after step 1 the papers' rule has moved by"),
    ("to_pytorch", forgotten, "eqs. 11.1 and 11.10"),
    ("to_pytorch", broken, "eqs. 11.1 and 11.10"),
    ("to_pytorch", text, "an array of real numbers"),
    ("to_pytorch", turned, "an array of real numbers"),
]

RIGHT = [("to_pytorch", right), ("to_pytorch", as_a_list), ("to_pytorch", single)]

NUMBERS = [
    ("11_momentum", "def-momentum", 1),
    ("11_momentum", "def-papers-momentum", 10),
    ("11_momentum", "eq-conventions", 11),
    ("11_momentum", "eq-changing-rate", 12),
]
