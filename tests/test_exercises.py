"""Each checker passes right answers and refuses wrong ones, with the reason."""

import re
from pathlib import Path

import nbformat
import numpy as np
import pytest

from nnlib import exercises
from nnlib.functional import logsumexp, softmax

CHAPTERS = Path(__file__).parents[1] / "chapters"


def rowwise(shift):
    """Softmax over the last axis after subtracting what `shift` says."""

    def answer(z):
        e = np.exp(z - shift(z))
        return e / e.sum(axis=1, keepdims=True)

    return answer


def changes_its_input(z):
    z -= z.max(axis=1, keepdims=True)
    return softmax(z)


def over_samples(z):
    return softmax(z, axis=0)


def not_normalised(z):
    return np.exp(z - z.max(axis=1, keepdims=True))


def squares(z):
    z = z - z.min(axis=1, keepdims=True) + 1
    return z**2 / (z**2).sum(axis=1, keepdims=True)


def shifted_log(z):
    return np.log(np.exp(z - z.max()).sum())


def shifted_by_size(z):
    m = np.abs(z).max()
    return m + np.log(np.exp(z - m).sum())


def without_keepdims(z):
    return np.exp(z - z.max(axis=1))


def columnwise_if_square(z):
    if z.shape[0] == z.shape[1]:
        e = np.exp(z - z.max(axis=1))
        return e / e.sum(axis=1)
    return softmax(z)


def with_epsilon(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / (e.sum(axis=1, keepdims=True) + 1e-6)


def with_floor(z):
    return softmax(np.clip(z - z.max(axis=1, keepdims=True), -20, 0))


def first_subtracted(z):
    return z[0] + np.log1p(np.exp(z[1:] - z[0]).sum())


def in_place(z):
    m = z.max()
    z -= m
    return m + np.log(np.exp(z).sum())


def hottest(gap, classes, p):
    return gap / np.log((classes - 1) * p / (1 - p))


def ties_left_out(z):
    return z.max() + np.log1p(np.exp(z[z < z.max()] - z.max()).sum())


def without_log1p(z):
    return z.max() + np.log(np.exp(z - z.max()).sum())


WRONG = [
    ("cosine_slope", lambda x: None, "returned None"),
    ("cosine_slope", lambda x: 0.0, r"expected as many slopes, got \(\)"),
    ("cosine_slope", np.sin, "the sign is wrong"),
    ("cosine_slope", lambda x: -np.radians(np.sin(x)), "per degree"),
    ("cosine_slope", lambda x: -0.9 * np.sin(x), r"at x = -?\d\.\d a chord has slope"),
    ("deceiver", lambda x: None, "returned None"),
    ("deceiver", lambda x: 1.0, "at π/2 it expects 0, got 1"),
    ("deceiver", lambda x: 1 - x**2, "at π/2 it expects 0"),
    ("deceiver", lambda x: np.cos(x) + 5e-4 * np.sin(2 * x), "nobody is deceived"),
    ("softmax", lambda z: None, "returned None"),
    ("softmax", lambda z: softmax(z)[0], r"expected the same shape, got \(3,\)"),
    ("softmax", over_samples, "columns sum to 1, not rows"),
    ("softmax", not_normalised, "each row must sum to 1"),
    ("softmax", squares, r"not e to the difference of their scores: eq\. 4\.3"),
    (
        "softmax",
        rowwise(lambda z: 0.0),
        r"shifting z by 1000 gives nan, against eq\. 4\.4",
    ),
    (
        "softmax",
        rowwise(lambda z: np.abs(z).max(axis=1, keepdims=True)),
        "shifting z by -1000 gives nan",
    ),
    ("softmax", rowwise(lambda z: z.max()), "each row's own largest score"),
    (
        "softmax",
        rowwise(lambda z: z.mean(axis=1, keepdims=True)),
        "for scores of 1e300, -1e300 and 0",
    ),
    ("softmax", rowwise(lambda z: z[:, :1]), "for scores of 1e300, -1e300 and 0"),
    ("softmax", rowwise(lambda z: z[:, -1:]), "for scores of 1e300, -1e300 and 0"),
    ("softmax", changes_its_input, "z was changed"),
    ("softmax", without_keepdims, r"keepdims=True leaves it \(4, 1\)"),
    ("softmax", columnwise_if_square, "wrong for 3 of 3"),
    ("softmax", with_epsilon, r"row \d sums to 0\.9999"),
    ("softmax", with_floor, "for scores of 0, -30 and -600"),
    (
        "softmax",
        lambda z: softmax(z.astype(np.float32)),
        "row . sums to|odds of two classes",
    ),
    ("logsumexp", lambda z: None, "returned None"),
    ("logsumexp", lambda z: np.exp(z), r"expected one number, got shape \(2,\)"),
    ("logsumexp", lambda z: np.exp(z).sum(), "its logarithm is missing"),
    ("logsumexp", shifted_log, r"the shift was not taken back.* eq\. 4\.9"),
    ("logsumexp", lambda z: z.max(), r"expected ln 4 = 1\.3863, got 1\.0986"),
    ("logsumexp", lambda z: np.log(np.exp(z).sum()), "for scores of 1000 it gives inf"),
    ("logsumexp", first_subtracted, "for scores of -1000, 1000, 999 it gives inf"),
    ("logsumexp", lambda z: np.logaddexp(z[0], z[-1]), "for three scores of 0"),
    ("logsumexp", in_place, "z was changed"),
    ("logsumexp", ties_left_out, "all tied largest scores"),
    ("logsumexp", shifted_by_size, "subtract the largest, not its size"),
    ("logsumexp", without_log1p, r"the value is 4\.2e-18, got 0"),
    ("temperature", lambda gap, classes, p: None, "returned None"),
    ("temperature", lambda gap, classes, p: -1.0, "a temperature is positive"),
    (
        "temperature",
        lambda gap, classes, p: 0.9 * hottest(gap, classes, p),
        "colder than necessary",
    ),
    (
        "temperature",
        lambda gap, classes, p: gap / np.log(p / (1 - p)),
        "10 classes.*has only",
    ),
    (
        "temperature",
        lambda gap, classes, p: gap / np.log((classes - 1) / (1 - p)),
        r"solves the bound, eq\. 4\.13",
    ),
]

RIGHT = [
    ("cosine_slope", lambda x: -np.sin(x)),
    ("deceiver", lambda x: 1 - 2 * x / np.pi),
    ("deceiver", lambda x: np.cos(x) + np.sin(2 * x)),
    ("softmax", softmax),
    ("logsumexp", logsumexp),
    ("temperature", hottest),
]


@pytest.mark.parametrize(("name", "answer", "reason"), WRONG)
def test_wrong_answers_are_refused_with_the_reason(name, answer, reason):
    with pytest.raises(AssertionError, match=reason):
        getattr(exercises, f"check_{name}")(answer)


@pytest.mark.parametrize(("name", "answer"), RIGHT)
def test_right_answers_pass(name, answer):
    getattr(exercises, f"check_{name}")(answer)


def test_every_checker_is_tested():
    tested = {f"check_{name}" for name, *_ in WRONG} & {
        f"check_{name}" for name, _ in RIGHT
    }
    assert set(exercises.__all__) == tested
    for checker in exercises.__all__:
        assert sum(f"check_{name}" == checker for name, *_ in WRONG) >= 3


@pytest.mark.parametrize(
    ("chapter", "label", "number"),
    [
        ("00_verify", "eq-sine-slope", 2),
        ("04_softmax", "eq-softmax-odds", 3),
        ("04_softmax", "eq-softmax-shift", 4),
        ("04_softmax", "eq-lse-shift", 9),
        ("04_softmax", "eq-softmax-cold", 13),
    ],
)
def test_the_equation_numbers_in_messages_are_those_of_the_page(chapter, label, number):
    notebook = nbformat.read(CHAPTERS / f"{chapter}.ipynb", as_version=4)
    text = "\n".join(
        cell.source for cell in notebook.cells if cell.cell_type == "markdown"
    )
    labels = re.findall(r"^\$\$ \(((?:eq|def)-[a-z0-9-]+)\)", text, flags=re.MULTILINE)
    assert labels.index(label) + 1 == number
