"""Answers to the exercises of chapter 12."""

import math

import numpy as np

CHAPTER = "12_rates_of_their_own"


def right(g, rho, epsilon):
    return -np.sqrt(epsilon / ((1 - rho) * g**2 + epsilon)) * g


def by_the_rule(g, rho, epsilon):
    u, v = np.zeros_like(g), np.zeros_like(g)
    v += (1 - rho) * (g**2 - v)
    return -(np.sqrt(u + epsilon) / np.sqrt(v + epsilon) * g)


def by_loop(g, rho, epsilon):
    return [float(right(x, rho, epsilon)) for x in g]


def climbs(g, rho, epsilon):
    return -right(g, rho, epsilon)


def plain(g, rho, epsilon):  # noqa: ARG001
    return -g


def without_epsilon(g, rho, epsilon):  # noqa: ARG001
    return -0.0 * g / np.sqrt((1 - rho) * g**2)


def no_epsilon_on_top(g, rho, epsilon):
    return -np.sqrt(0 / ((1 - rho) * g**2 + epsilon)) * g


def corrected(g, rho, epsilon):  # noqa: ARG001
    return -np.sqrt(epsilon / (g**2 + epsilon)) * g


def exchanged(g, rho, epsilon):
    return right(g, 1 - rho, epsilon)


def beside(g, rho, epsilon):
    return -np.sqrt(epsilon) / (np.sqrt((1 - rho) * g**2) + epsilon) * g


def beside_both(g, rho, epsilon):
    return -epsilon / (np.sqrt((1 - rho) * g**2) + epsilon) * g


def no_root(g, rho, epsilon):
    return -epsilon / ((1 - rho) * g**2 + epsilon) * g


def rmsprop(g, rho, epsilon):
    return -g / np.sqrt((1 - rho) * g**2 + epsilon)


def no_gradient(g, rho, epsilon):
    return -np.sqrt(epsilon / ((1 - rho) * g**2 + epsilon))


def too_new(g, rho, epsilon):
    step = right(g, rho, epsilon)
    u = (1 - rho) * step**2
    return -np.sqrt((u + epsilon) / ((1 - rho) * g**2 + epsilon)) * g


def shared(g, rho, epsilon):
    return -np.sqrt(epsilon / ((1 - rho) * np.mean(g**2) + epsilon)) * g


def in_place(g, rho, epsilon):
    step = right(g, rho, epsilon)
    g *= 0
    return step


def summed(g, rho, epsilon):
    return right(g, rho, epsilon).sum()


def for_this_rho(g, rho, epsilon):  # noqa: ARG001
    return right(g, 0.8, epsilon)


def for_this_epsilon(g, rho, epsilon):  # noqa: ARG001
    return right(g, rho, 0.25)


def no_numbers(g, rho, epsilon):  # noqa: ARG001
    return [None] * len(g)


def no_real_numbers(g, rho, epsilon):
    return right(g, rho, epsilon) + 1j


def for_single_numbers(g, rho, epsilon):
    return -math.sqrt(epsilon / ((1 - rho) * g**2 + epsilon)) * g


def infinite_for_large(g, rho, epsilon):
    return np.where(g == 40.0, np.inf, right(g, rho, epsilon))


def stops(g, rho, epsilon):  # noqa: ARG001
    return 1 / 0


WRONG = [
    ("first_step", lambda g, rho, epsilon: None, "returned None"),
    ("first_step", stops, "stops with ZeroDivisionError"),
    ("first_step", no_numbers, "the change must be real numbers"),
    ("first_step", no_real_numbers, "the change must be real numbers"),
    ("first_step", for_single_numbers, "stops with TypeError"),
    ("first_step", infinite_for_large, r"got inf, eq\. 12\.12"),
    ("first_step", climbs, r"it climbs.*eq\. 12\.10"),
    ("first_step", plain, r"not divided by the root.*eq\. 12\.10"),
    ("first_step", without_epsilon, r"gradient is 0 it is not finite.*eq\. 12\.10"),
    ("first_step", no_epsilon_on_top, r"nothing moves.*eq\. 12\.12"),
    ("first_step", corrected, r"\(1 - rho\) g², not g².*eq\. 12\.12"),
    ("first_step", exchanged, r"rho weighs the old average.*eq\. 12\.12"),
    ("first_step", beside, r"under the roots.*eq\. 12\.10"),
    ("first_step", beside_both, r"under the roots.*eq\. 12\.10"),
    ("first_step", no_root, r"root is missing.*eq\. 12\.10"),
    ("first_step", rmsprop, r"numerator is missing.*eq\. 12\.12"),
    ("first_step", no_gradient, r"gradient itself is missing.*eq\. 12\.12"),
    ("first_step", too_new, r"must hold the past alone.*eq\. 12\.10"),
    ("first_step", shared, r"one rate for all.*eq\. 12\.10"),
    ("first_step", in_place, "your function changed g"),
    ("first_step", summed, r"expected one change per parameter, shape \(4,\)"),
    ("first_step", for_this_rho, r"rho = 0\.9.*eq\. 12\.12"),
    ("first_step", for_this_epsilon, r"epsilon = 1e-06 the change is.*eq\. 12\.12"),
]

RIGHT = [
    ("first_step", right),
    ("first_step", by_the_rule),
    ("first_step", by_loop),
]

NUMBERS = [
    (CHAPTER, "def-adadelta", 10),
    (CHAPTER, "eq-adadelta-first", 12),
]
