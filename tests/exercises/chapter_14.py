"""Answers to the exercises of chapter 14."""

import math

RIGHT_SUMS = {
    "1/t": (True, True),
    "1/√t": (True, False),
    "1/t²": (False, True),
    "constant": (True, False),
    "0.99^t": (False, True),
}


def but(**changes):
    """The right answers with some of them changed."""
    names = {"inverse": "1/t", "root": "1/√t", "square": "1/t²", "power": "0.99^t"}
    return RIGHT_SUMS | {names.get(k, k): pair for k, pair in changes.items()}


def moments(rates, start, curvature, noise):
    mean, variance = start, 0
    for rate in rates:
        mean = (1 - rate * curvature) * mean
        variance = (1 - rate * curvature) ** 2 * variance + rate**2 * noise**2
    return mean, variance


def floats(rates, start, curvature, noise):
    mean, variance = float(start), 0.0
    for rate in rates:
        factor = 1 - float(rate) * float(curvature)
        mean *= factor
        variance = factor**2 * variance + (float(rate) * float(noise)) ** 2
    return [mean, variance]


def varied(step):
    """The recursion with another variance."""

    def answer(rates, start, curvature, noise):
        mean, variance = start, 0
        for rate in rates:
            mean = (1 - rate * curvature) * mean
            variance = step(variance, rate, 1 - rate * curvature, noise)
        return mean, variance

    return answer


def backwards(rates, start, curvature, noise):
    return moments(rates[::-1], start, curvature, noise)


def empties(rates, start, curvature, noise):
    mean, variance = start, 0
    while rates:
        rate = rates.pop(0)
        mean = (1 - rate * curvature) * mean
        variance = (1 - rate * curvature) ** 2 * variance + rate**2 * noise**2
    return mean, variance


def curvature_1(rates, start, curvature, noise):
    return moments(rates, start, 1 if curvature else 0, noise)


def mean_square(rates, start, curvature, noise):
    mean, variance = moments(rates, start, curvature, noise)
    return mean, variance + mean**2


def no_noise_on_the_flat(rates, start, curvature, noise):
    return moments(rates, start, curvature, noise if curvature else 0)


WRONG = [
    ("two_sums", {}, "1/t: there is no answer yet"),
    ("two_sums", None, "expected a dictionary"),
    ("two_sums", but(inverse=True), "1/t: expected a pair such as"),
    ("two_sums", but(inverse=(1, 1)), "1/t: expected True or False, got 1"),
    (
        "two_sums",
        but(inverse=(False, True)),
        "1/t: the sum of the rates is infinite: each block .* at least 1/2",
    ),
    ("two_sums", but(inverse=(True, False)), "1/t: the sum of the squares is finite"),
    ("two_sums", but(root=(True, True)), "the sum of the squares is infinite: the squ"),
    ("two_sums", but(root=(False, False)), "1/√t: the sum of the rates is infinite"),
    ("two_sums", but(square=(True, True)), "1/t²: the sum of the rates is finite"),
    ("two_sums", but(constant=(True, True)), "constant: the sum of the squares is inf"),
    ("two_sums", but(power=(True, True)), r"adds up to 0.99 / \(1 - 0.99\) = 99"),
    ("two_sums", but(power=(False, False)), "0.99.t: the sum of the squares is finite"),
    ("two_sums", but(other=(True, True)), "no question about other"),
    (
        "two_sums",
        RIGHT_SUMS | {1: (True, True), "a": (True, True)},
        "no question about 1, a",
    ),
    ("moments", lambda *_: None, "moments returned None"),
    ("moments", lambda *_: 1.0, "expected mean and variance"),
    ("moments", lambda *_: (None, None), "expected mean and variance"),
    ("moments", lambda *_: (5, [1, 2]), "expected mean and variance"),
    ("moments", empties, "list of rates was changed"),
    ("moments", varied(lambda v, e, f, s: f**2 * v + e * s**2), "by the square"),
    ("moments", varied(lambda v, e, f, s: f**2 * v + e**2 * s), "is a standard deviat"),
    ("moments", varied(lambda v, e, f, s: f * v + e**2 * s**2), "1 - ηλ, so its var"),
    ("moments", varied(lambda v, e, f, s: v + e**2 * s**2), "only added up"),
    (
        "moments",
        varied(lambda v, e, f, s: f**2 * (v + e**2 * s**2)),
        "after one step with rate 1/3 the variance is 4/9",
    ),
    ("moments", backwards, "after steps with rates 1/3 and 1/2 the variance"),
    ("moments", curvature_1, "with curvature 1/2, after three steps the mean"),
    ("moments", mean_square, "before the first step the variance is 0"),
    ("moments", no_noise_on_the_flat, "on the flat, after three steps the variance"),
    ("gamma", lambda *_: None, "gamma_for returned None"),
    ("gamma", lambda a, b, n: [0.5], "expected one number"),
    ("gamma", lambda a, b, n: (b / a) ** (1 / n), "the factor works 1 times"),
    ("gamma", lambda a, b, n: (a / b) ** (1 / (n - 1)), "it must fall"),
    ("gamma", lambda a, b, n: 1 - (1 - b / a) / (n - 1), "a straight line from 0.5"),
    (
        "gamma",
        lambda a, b, n: (b / a) ** (1 / (n - 1)) * (1 + 1e-7),
        "the last rate should be",
    ),
    ("gamma", lambda a, b, n: b / a, "after 50 steps from 0.5 the last rate"),
]

RIGHT = [
    ("two_sums", RIGHT_SUMS),
    ("two_sums", {name: list(pair) for name, pair in RIGHT_SUMS.items()}),
    ("moments", moments),
    ("moments", floats),
    ("gamma", lambda a, b, n: (b / a) ** (1 / (n - 1))),
    ("gamma", lambda a, b, n: math.exp((math.log(b) - math.log(a)) / (n - 1))),
]

NUMBERS = [
    ("14_schedules", "eq-noisy-moments", 1),
    ("14_schedules", "eq-exponential", 11),
]
