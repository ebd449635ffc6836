"""Checkers of the book's exercises: each says what is wrong with the reader's answer.

They look at no solution. A failed check is an AssertionError in the chapter's terms.
"""

# Written by book/tools/export.py: edit the chapter, then run `make export`.

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = [
    "check_cosine_slope",
    "check_deceiver",
    "check_logsumexp",
    "check_softmax",
    "check_temperature",
]


def check_cosine_slope(slope: Callable[[Any], Any]) -> None:
    """Check exercise 0.1, the slope of the cosine.

    Derived in chapter 00, "How does this book check itself?".

    Parameters
    ----------
    slope : callable
        ``slope(x)`` for an array of shape (n,) returns the slopes, of the same shape.

    Raises
    ------
    AssertionError
        If the slopes are not those of chords of the cosine, with the likely mistake.

    Examples
    --------
    >>> check_cosine_slope(lambda x: np.cos(x))
    Traceback (most recent call last):
        ...
    AssertionError: that is the cosine, which is 1 at x = 0, where the curve is flat
    """
    x, h = np.linspace(-3.0, 3.0, 61), 1e-5
    chord = (np.cos(x + h) - np.cos(x - h)) / (2 * h)
    answer = slope(x)
    assert answer is not None, "slope_of_cos returned None: there is nothing to check"
    assert np.shape(answer) == x.shape, (
        f"for x of shape {x.shape} expected as many slopes, got {np.shape(answer)}"
    )

    def equals(candidate: Any) -> bool:
        return bool(np.allclose(answer, candidate, rtol=0, atol=1e-8))

    assert not equals(np.cos(x)), (
        "that is the cosine, which is 1 at x = 0, where the curve is flat"
    )
    assert not equals(-chord), (
        "the sign is wrong: right of x = 0 the cosine falls, its slope is negative"
    )
    assert not equals(np.radians(chord)), (
        "that is the slope per degree; eq. 0.2 holds for angles in radians"
    )
    worst = int(np.argmax(np.abs(answer - chord)))
    assert equals(chord), (
        f"at x = {x[worst]:.1f} a chord has slope {chord[worst]:.9f}, "
        f"not {np.asarray(answer)[worst]:.9f}"
    )


def check_deceiver(claim: Callable[[Any], Any]) -> None:
    """Check exercise 0.2, a function that deceives a test at three places.

    Derived in chapter 00, "How does this book check itself?".

    Parameters
    ----------
    claim : callable
        ``claim(x)`` for a float returns a float.

    Raises
    ------
    AssertionError
        If the test at 0, π/2 and π refuses the function, or if it is more than 0.001
        away from the cosine at none of 20,001 places.

    Examples
    --------
    >>> check_deceiver(np.cos)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    AssertionError: at none of 20,001 places more than 0.001 from the cosine: ...
    """
    for place, name, value in (
        (0.0, "0", 1.0),
        (np.pi / 2, "π/2", 0.0),
        (np.pi, "π", -1.0),
    ):
        answer = claim(place)
        assert answer is not None, "deceiver returned None: there is nothing to check"
        assert abs(answer - value) < 1e-9, (
            f"the test would notice: at {name} it expects {value:g}, got {answer:.3g}"
        )
    elsewhere = np.linspace(-10.0, 10.0, 20001)
    apart = max(abs(float(claim(x)) - float(np.cos(x))) for x in elsewhere)
    assert apart > 1e-3, (
        "at none of 20,001 places more than 0.001 from the cosine: nobody is deceived"
    )


def check_softmax(softmax: Callable[[Any], Any]) -> None:
    """Check exercise 4.1, softmax for a batch.

    Derived in chapter 04, "Why does softmax overflow?".

    Parameters
    ----------
    softmax : callable
        ``softmax(z)`` for scores of shape (N, K) returns probabilities of that shape.

    Raises
    ------
    AssertionError
        If an answer is wrong, with the likely mistake.

    Examples
    --------
    >>> check_softmax(lambda z: np.exp(z) / np.exp(z).sum(axis=1, keepdims=True))
    Traceback (most recent call last):
        ...
    AssertionError: rows sum to 1, but shifting z by 1000 gives nan, against eq. 4.4
    """

    def answer(z: Any) -> Any:
        given = z.copy()
        try:
            with np.errstate(all="ignore"):
                p = softmax(z)
        except ValueError as error:
            raise AssertionError(
                f"for z of shape {z.shape} NumPy says: {error}. A maximum or sum over "
                f"axis 1 has shape ({len(z)},); keepdims=True leaves it ({len(z)}, 1)"
            ) from error
        assert p is not None, "my_softmax returned None: there is nothing to check"
        assert np.shape(p) == z.shape, (
            f"for z of shape {z.shape} expected the same shape, got {np.shape(p)}"
        )
        assert np.array_equal(z, given), "z was changed: the caller needs its scores"
        return np.asarray(p)

    z = np.array([[0.0, 1.0, 3.0], [2.0, -1.0, 2.5], [0.5, 0.0, -4.0], [1.0, 1.0, 1.0]])
    p = answer(z)
    across = np.allclose(p.sum(axis=0), 1)
    assert not across, "columns sum to 1, not rows: the classes are the last axis"
    total = p.sum(axis=1)
    worst = int(np.argmax(np.abs(total - 1)))
    assert np.allclose(total, 1, rtol=0, atol=1e-12), (
        f"each row must sum to 1, row {worst} sums to {total[worst]:.15g}"
    )
    with np.errstate(all="ignore"):
        odds = p[:, :1] / p
    assert np.allclose(odds, np.exp(z[:, :1] - z), rtol=1e-12, atol=0), (
        "rows sum to 1, but the odds of two classes are not e to the difference "
        "of their scores: eq. 4.3"
    )
    for shift in (1000.0, -1000.0):
        moved = answer(z + shift)
        what = "nan" if np.isnan(moved).any() else "something else"
        assert np.allclose(moved, p), (
            f"rows sum to 1, but shifting z by {shift:.0f} gives {what}, "
            "against eq. 4.4"
        )
    together = answer(np.concatenate([z, z + 2000.0]))
    assert np.allclose(together, np.concatenate([p, p])), (
        "right row by row, but wrong for rows 2000 apart in one batch: "
        "subtract each row's own largest score, not the batch's"
    )
    square = np.concatenate([z[:2], z[:1] - 3.0])
    assert np.allclose(answer(square), p[[0, 1, 0]]), (
        "right for 4 samples of 3 classes, but wrong for 3 of 3: "
        "a row's largest score was subtracted along a column"
    )
    assert np.array_equal(answer(z[:, :1]), np.ones((4, 1))), (
        "one class alone is certain"
    )
    far = answer(np.array([[0.0, -30.0, -600.0]]))[0]
    assert np.allclose(far[1:], np.exp([-30.0, -600.0]), rtol=1e-10, atol=0), (
        f"for scores of 0, -30 and -600 expected 1, 9.4e-14, 2.7e-261, got {far}"
    )
    size = np.array([[1e300, -1e300, 0.0], [0.0, 1e300, -1e300], [-1e300, 0.0, 1e300]])
    wide = answer(size)
    assert np.allclose(wide, np.eye(3)), (
        "for scores of 1e300, -1e300 and 0, in any order, expected 1 for the largest "
        f"and 0 for the others, got\n{wide}"
    )


def check_logsumexp(logsumexp: Callable[[Any], Any]) -> None:
    """Check exercise 4.2, a stable log-sum-exp.

    Derived in chapter 04, "Why does softmax overflow?".

    Parameters
    ----------
    logsumexp : callable
        ``logsumexp(z)`` for scores of shape (K,) returns one number.

    Raises
    ------
    AssertionError
        If an answer is wrong, with the likely mistake.

    Examples
    --------
    >>> check_logsumexp(lambda z: np.log(np.exp(z).sum()))
    Traceback (most recent call last):
        ...
    AssertionError: for scores of 1000 it gives inf: subtract before the powers
    """

    def answer(*z: float) -> float:
        given = np.array(z)
        with np.errstate(all="ignore"):
            value = logsumexp(given)
        assert np.array_equal(given, z), "z was changed: the caller needs its scores"
        assert value is not None, "my_logsumexp returned None: nothing to check yet"
        assert np.ndim(value) == 0, f"expected one number, got shape {np.shape(value)}"
        return float(value)

    small = answer(0.0, float(np.log(3.0)))
    assert not np.isclose(small, np.log(4.0 / 3.0)), (
        "the shift was not taken back: after the logarithm the largest score "
        "must be added again, eq. 4.9"
    )
    assert not np.isclose(small, 4.0), "that is the sum: its logarithm is missing"
    assert np.isclose(small, np.log(4.0)), (
        f"for the scores 0 and ln 3 expected ln 4 = 1.3863, got {small:.4f}"
    )
    three = answer(0.0, 0.0, 0.0)
    assert three != 0, "all tied largest scores were left out of the sum: leave out one"
    assert np.isclose(three, np.log(3.0)), (
        f"for three scores of 0 expected ln 3 = 1.0986, got {three:.4f}"
    )
    large = answer(1000.0, 1001.0)
    assert np.isclose(large, 1001.0 + np.log1p(np.exp(-1.0)), rtol=0, atol=1e-6), (
        f"for scores of 1000 it gives {large:.6g}: subtract before the powers"
    )
    apart = answer(-1000.0, 1000.0, 999.0)
    assert np.isclose(apart, 1000.0 + np.log1p(np.exp(-1.0)), rtol=0, atol=1e-6), (
        f"for scores of -1000, 1000, 999 it gives {apart:.6g}: subtract the largest"
    )
    low = answer(-1000.0, -1000.0)
    assert np.isclose(low, -1000.0 + np.log(2.0)), (
        f"for scores of -1000 it gives {low:.6g}: subtract the largest, not its size"
    )
    one = answer(5.0)
    assert one == 5.0, f"for the single score 5 expected 5, got {one}"
    for scores in ((0.0, -40.0), (-40.0, 0.0)):
        tiny = answer(*scores)
        assert np.isclose(tiny, np.exp(-40.0), atol=0), (
            f"for the scores {scores} the value is 4.2e-18, got {tiny:.3g}: 1 + s was "
            "rounded to 1; leave a largest term out before summing, then use log1p"
        )


def check_temperature(temperature: Callable[[float, int, float], Any]) -> None:
    """Check exercise 4.3, the highest temperature that guarantees a probability.

    Derived in chapter 04, "Why does softmax overflow?".

    Parameters
    ----------
    temperature : callable
        ``temperature(gap, classes, q)`` returns the temperature T > 0.

    Raises
    ------
    AssertionError
        If the guarantee does not hold at T, or still holds at a higher temperature.

    Examples
    --------
    >>> check_temperature(lambda gap, classes, q: gap)
    Traceback (most recent call last):
        ...
    AssertionError: gap 1, 2 classes, q = 0.9: at T = 1 the leader has only 0.7311
    """

    def leader(gap: float, classes: int, t: float) -> float:
        return float(1 / (1 + (classes - 1) * np.exp(-gap / t)))

    for gap, classes, q in ((1.0, 2, 0.9), (2.0, 10, 0.99), (0.5, 1000, 0.5)):
        t = temperature(gap, classes, q)
        assert t is not None, "hottest returned None: there is nothing to check yet"
        case = f"gap {gap:g}, {classes} classes, q = {q:g}"
        assert t > 0, f"{case}: a temperature is positive, got {t:.4g}"
        assert not np.isclose(t, gap / np.log((classes - 1) / (1 - q))), (
            f"{case}: T = {t:.4g} solves the bound, eq. 4.13; the probability itself "
            "is a little larger"
        )
        has = leader(gap, classes, t)
        assert has >= q - 1e-9, f"{case}: at T = {t:.4g} the leader has only {has:.4f}"
        has = leader(gap, classes, 1.001 * t)
        assert has < q, f"{case}: T = {t:.4g} is colder than necessary"
