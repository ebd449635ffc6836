"""Checkers of the book's exercises: each says what is wrong with the reader's answer.

They look at no solution. A failed check is an AssertionError in the chapter's terms.
"""

# Written by book/tools/export.py: edit the chapter, then run `make export`.

import math
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from itertools import pairwise, product
from math import ceil
from typing import Any

import numpy as np

from nnlib.datasets import load_digits

__all__ = [
    "check_adam_path",
    "check_angle",
    "check_backward",
    "check_batches",
    "check_bias_gradient",
    "check_collapse",
    "check_cosine_slope",
    "check_cross_entropy",
    "check_deceiver",
    "check_dense",
    "check_diff_adjoint",
    "check_difference_error",
    "check_dropout_backward",
    "check_dropout_fit",
    "check_excess",
    "check_exposure",
    "check_first_step",
    "check_fold",
    "check_fourth_order",
    "check_gamma",
    "check_images_needed",
    "check_inverted",
    "check_joint_gradient",
    "check_largest_rate",
    "check_logsumexp",
    "check_masks_needed",
    "check_mean_squared_difference",
    "check_median_loss",
    "check_moments",
    "check_no_leak",
    "check_proximal_step",
    "check_r2",
    "check_relu",
    "check_shapes",
    "check_sigmoid_cross_entropy",
    "check_signed_distance",
    "check_softmax",
    "check_softmax_backward",
    "check_strength",
    "check_temperature",
    "check_to_pytorch",
    "check_two_layer_gradients",
    "check_two_sums",
    "check_unbroadcast",
    "check_unseen",
    "check_untrained_loss",
    "check_verdict",
    "check_xor",
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


def check_signed_distance(signed_distance: Callable[[Any, Any, float], Any]) -> None:
    """Check exercise 1.1, signed distances from a line.

    Derived in chapter 01, "What does one neuron compute?".

    Parameters
    ----------
    signed_distance : callable
        ``signed_distance(points, w, b)`` for points of shape (N, 2), weights of shape
        (2,) and a number returns distances of shape (N,).

    Raises
    ------
    AssertionError
        If an answer is wrong, with the likely mistake.

    Examples
    --------
    >>> check_signed_distance(lambda points, w, b: points @ w + b)
    Traceback (most recent call last):
        ...
    AssertionError: that is the score w·x + b: divide by the length of w, eq. 1.8
    """
    # Each point is made at a known distance: from a point of the line, so many steps of
    # length 1 straight across, and some along.
    lines = (
        ((3.0, 4.0), -10.0, (2.0, 1.0), 5.0),
        ((-5.0, 12.0), 26.0, (10.0, 2.0), 13.0),
        ((0.0, -0.5), 1.0, (7.0, 2.0), 0.5),
    )
    steps = np.array([2.0, -1.5, 0.0, 0.25, -4.0])
    for weights, b, start, length in lines:
        w = np.array(weights)
        across, along = w / length, np.array([-w[1], w[0]]) / length
        for count in (5, 2, 1):
            s = steps[:count]
            points = (
                start + s[:, None] * across + np.arange(1.0, count + 1)[:, None] * along
            )
            given = points.copy(), w.copy()
            try:
                with np.errstate(all="ignore"):
                    answer = signed_distance(points, w, b)
            except ValueError as error:
                raise AssertionError(
                    f"for points of shape {points.shape} and w of shape (2,) NumPy "
                    f"says: {error}. points @ w has shape ({count},)"
                ) from error
            assert answer is not None, (
                "signed_distance returned None: there is nothing to check"
            )
            unchanged = np.array_equal(points, given[0]) and np.array_equal(w, given[1])
            assert unchanged, "points or w were changed: the caller needs them"
            assert np.shape(answer) == (count,), (
                f"for points of shape {points.shape} expected shape ({count},), "
                f"got {np.shape(answer)}"
            )
            if count == 5:
                _name_distance_mistake(np.asarray(answer), s, b, length)
            worst = int(np.argmax(np.abs(answer - s)))
            assert np.allclose(answer, s, rtol=0, atol=1e-9), (
                f"w = {weights}, b = {b:g}: the point ({points[worst, 0]:.2f}, "
                f"{points[worst, 1]:.2f}) has signed distance {s[worst]:g}, "
                f"not {np.asarray(answer)[worst]:.6g}"
            )


def _name_distance_mistake(answer: Any, s: Any, b: float, length: float) -> None:
    """Recognise the usual mistakes about the signed distances s."""
    mistakes = (
        (s * length, "that is the score w·x + b: divide by the length of w, eq. 1.8"),
        (s / length, "divided by the square of the length of w: its root is missing"),
        (abs(s), "the sign is missing: which side of the line is it, eq. 1.8"),
        (-s, "the sign is wrong: positive is the side to which w points"),
        (
            s - b / length,
            "b is missing: that is the distance if the line went through 0",
        ),
        (s - 2 * b / length, "the sign of b is wrong: the line is w·x + b = 0"),
        (s - b / length + b, "b must be divided by the length of w as well, eq. 1.8"),
        (s * length - b + b / length, "divide the whole score: brackets are missing"),
    )
    for wrong, reason in mistakes:
        assert not np.allclose(answer, wrong, rtol=0, atol=1e-9), reason


def check_angle(angle: Callable[[Any, Any], Any]) -> None:
    """Check exercise 1.2, the angle between two vectors.

    Derived in chapter 01, "What does one neuron compute?".

    Parameters
    ----------
    angle : callable
        ``angle(x, y)`` for vectors of shape (D,) returns degrees from 0 to 180.

    Raises
    ------
    AssertionError
        If an answer is wrong, with the likely mistake.

    Examples
    --------
    >>> check_angle(
    ...     lambda x, y: np.degrees(np.arccos(x @ y))
    ... )  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    AssertionError: (3, 0) and (2, 2) are 45 degrees apart, got nan: are both ...
    """

    def answer(x: Any, y: Any) -> float:
        given = x.copy(), y.copy()
        try:
            with np.errstate(all="ignore"):
                value = angle(x, y)
        except ValueError as error:
            if "domain" in str(error) or "-1 up to 1" in str(error):
                raise AssertionError(
                    "math domain error: rounding brought the cosine beyond 1 or -1; "
                    "np.clip brings it back"
                ) from error
            raise AssertionError(
                f"for two vectors of shape {x.shape} NumPy says: {error}"
            ) from error
        assert value is not None, "angle returned None: there is nothing to check"
        unchanged = np.array_equal(x, given[0]) and np.array_equal(y, given[1])
        assert unchanged, "x or y was changed: the caller needs them"
        assert np.ndim(value) == 0, f"expected one number, got shape {np.shape(value)}"
        return float(value)

    def is_near(value: float, wanted: float) -> bool:
        return abs(value - wanted) < 1e-5

    east, up = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    square = answer(east, up)
    assert not is_near(square, np.pi / 2), "that is in radians; np.degrees converts"
    assert not is_near(square, 0.0), (
        "at a right angle it gives 0: that is the cosine, whose arccos is the angle"
    )
    assert is_near(square, 90.0), (
        f"(1, 0) and (0, 1) are 90 degrees apart, got {square:g}"
    )
    slanted = answer(3 * east, 2 * (east + up))
    assert not is_near(slanted, 135.0), "that is the angle to -y: is a sign wrong?"
    assert is_near(slanted, 45.0), (
        f"(3, 0) and (2, 2) are 45 degrees apart, got {slanted:.8g}: are both lengths "
        "divided by, eq. 1.4?"
    )
    wide = answer(east, np.array([-1.0, np.sqrt(3.0)]))
    assert not is_near(wide, 60.0), (
        "for 120 degrees it gives 60: a negative dot product means more than 90"
    )
    assert is_near(wide, 120.0), f"for 120 degrees it gives {wide:.6g}"
    below = answer(up, -east - up)
    assert is_near(below, 135.0), (
        f"(0, 1) and (-1, -1) are 135 degrees apart, got {below:g}"
    )
    far = answer(np.ones(64), np.repeat([1.0, 0.0], 32))
    assert is_near(far, 45.0), (
        f"64 ones, and 32 ones and 32 zeros, are 45 degrees apart, got {far:.6g}"
    )
    # Whether rounding exceeds 1 depends on the vector and on the formula: so try many.
    for count in range(3, 65):
        x = np.arange(1.0, count) % 17 / 16 if count > 3 else np.ones(3)
        for other, wanted in ((x, 0.0), (-x, 180.0), (x / 3, 0.0), (-0.7 * x, 180.0)):
            same = answer(x, other)
            assert not np.isnan(same), (
                f"at {wanted:g} degrees it gives nan: rounding brought the cosine "
                "beyond 1 or -1; np.clip brings it back"
            )
            assert is_near(same, wanted), f"at {wanted:g} degrees it gives {same:.6g}"


def check_mean_squared_difference(difference: Callable[[Any, Any], Any]) -> None:
    """Check exercise 2.1, a mean squared difference that never broadcasts.

    Derived in chapter 02, "Why a bias, why batches?".

    Parameters
    ----------
    difference : callable
        ``difference(prediction, target)`` returns a number; also for shapes (N, 1) and
        (N,), either way round. For other shapes that differ it raises ValueError.

    Raises
    ------
    AssertionError
        If an answer is wrong, with the likely mistake.

    Examples
    --------
    >>> check_mean_squared_difference(lambda p, t: np.mean((p - t) ** 2))
    Traceback (most recent call last):
        ...
    AssertionError: (5, 1) and (5,) were broadcast to (5, 5): that is eq. 2.7
    """
    rng = np.random.default_rng(2)

    def answer(p: Any, t: Any) -> float:
        given = p.copy(), t.copy()
        try:
            value = difference(p, t)
        except AssertionError as error:
            raise AssertionError(
                f"for {p.shape} and {t.shape} it says: {error}; where shapes do not "
                "fit, raise ValueError, not AssertionError"
            ) from error
        assert np.array_equal(p, given[0]), "the prediction was changed: work on a copy"
        assert np.array_equal(t, given[1]), "the target was changed: work on a copy"
        assert value is not None, "it returned None: there is nothing to check yet"
        assert np.ndim(value) == 0, f"expected one number, got shape {np.shape(value)}"
        return float(value)

    for shape in ((5,), (5, 1), (4, 3)):
        p, t = rng.normal(size=(2, *shape))
        try:
            got = answer(p, t)
        except ValueError as error:
            raise AssertionError(
                f"two arrays of shape {shape} fit, but it says: {error}"
            ) from error
        right = sum((a - c) ** 2 for a, c in zip(p.flat, t.flat, strict=True)) / p.size
        assert not np.isclose(got, right * p.size), (
            "that is the sum: divide by the size"
        )
        assert not np.isclose(got**2, right), "that is the root of the mean square"
        assert np.isclose(got, right), (
            f"for two arrays of shape {shape} expected {right:.6g}, got {got:.6g}"
        )

    for size in (5, 1):
        p, t = rng.normal(size=(2, size))
        right = sum((a - c) ** 2 for a, c in zip(p, t, strict=True)) / size
        for one, other in ((p[:, None], t), (p, t[:, None])):
            try:
                got = answer(one, other)
            except ValueError as error:
                raise AssertionError(
                    f"{one.shape} and {other.shape} hold the same samples: return the "
                    f"right value, {right:.6g}; but it says: {error}"
                ) from error
            trapped = p.var() + t.var() + (p.mean() - t.mean()) ** 2
            assert size == 1 or not np.isclose(got, trapped), (
                f"{one.shape} and {other.shape} were broadcast to (5, 5): "
                "that is eq. 2.7"
            )
            assert np.isclose(got, right), (
                f"for {one.shape} and {other.shape} expected {right:.6g}, got {got:.6g}"
            )

    p, t = rng.normal(size=(2, 5))
    wide = rng.normal(size=(2, 3))
    long = rng.normal(size=(2, 6))
    for one, other, why in (
        (p, t[:1], "one target was repeated for every prediction"),
        (p[:1], t, "one prediction was repeated for every target"),
        (p[:, None], t[:1], "one target was repeated for every prediction"),
        (p, t[:4], "some predictions have no target"),
        (p[:, None], t[:4], "some predictions have no target"),
        (p, np.array(1.0), "a single number was repeated for every prediction"),
        (wide, wide[0], "one row of targets was repeated"),
        (wide, wide[:, :1], "one target was repeated along each row"),
        (wide[:, :1], wide, "one prediction was repeated along each row"),
        (wide, wide.T.copy(), "as many numbers, but paired across samples"),
        (long, long.reshape(2, 2, 3), "as many numbers, in another shape"),
        (p[:, None, None], t, "only (N, 1) may lose its last axis"),
        (wide[:, :, None], wide, "only (N, 1) may lose its last axis"),
        (p[:, None], t[None, :], "a column against a row"),
        (p[None, :], t, "a row is one sample, not five"),
    ):
        try:
            answer(one, other)
        except ValueError:
            continue
        except (IndexError, TypeError) as error:
            raise AssertionError(
                f"{one.shape} and {other.shape} must raise ValueError, not "
                f"{type(error).__name__} ({error}): {why}"
            ) from error
        raise AssertionError(
            f"{one.shape} and {other.shape} must raise ValueError: {why}"
        )


def check_shapes(shapes: Mapping[str, Any]) -> None:
    """Check exercise 2.2, the shapes around a dense layer.

    Derived in chapter 02, "Why a bias, why batches?".

    Parameters
    ----------
    shapes : mapping of str to tuple of int
        The shape of each expression of the exercise.

    Raises
    ------
    AssertionError
        If one is missing or wrong, with the likely mistake.

    Examples
    --------
    >>> check_shapes({"X": (64, 32)})
    Traceback (most recent call last):
        ...
    AssertionError: X: samples come first, then their 64 pixels
    """
    x, w, b = np.zeros((32, 8, 8)).reshape(32, -1), np.zeros((64, 10)), np.zeros(10)
    y, t = x @ w + b, np.zeros(32)
    hints = {
        "X": (x, "samples come first, then their 64 pixels"),
        "W": (w, "in XW the inner sizes agree: inputs first, then neurons, eq. 2.4"),
        "b": (b, "one number for each neuron, not for each sample, eq. 2.4"),
        "Y": (y, "the outer sizes of (N, D)(D, K) remain, eq. 2.4"),
        "Y[0]": (y[0], "an index takes its axis away: what is left is one sample"),
        "Y.mean(axis=0)": (
            y.mean(axis=0),
            "axis 0, the samples, is averaged away; the neurons remain",
        ),
        "Y[:, :1] - t": (
            y[:, :1] - t,
            "a slice keeps its axis: (32, 1), which broadcasts with (32,), eq. 2.7",
        ),
    }
    for name, (array, hint) in hints.items():
        assert name in shapes, f"no shape is given for {name}"
        shape = shapes[name]
        given = shape is not None and shape is not ...
        assert given, f"{name}: nothing to check yet"
        assert isinstance(shape, tuple | list), (
            f"{name}: a shape is a tuple, such as (3,) or (3, 2), got {shape!r}"
        )
        assert tuple(shape) == array.shape, f"{name}: {hint}"


def check_dense(dense: Callable[[Any, Any, Any], Any]) -> None:
    """Check exercise 2.3, the forward pass of a dense layer.

    Derived in chapter 02, "Why a bias, why batches?".

    Parameters
    ----------
    dense : callable
        ``dense(X, W, b)`` for shapes (N, D), (D, K) and (K,) returns shape (N, K).

    Raises
    ------
    AssertionError
        If an answer is wrong, with the likely mistake.

    Examples
    --------
    >>> check_dense(lambda X, W, b: X @ W.T + b)
    Traceback (most recent call last):
        ...
    AssertionError: W was transposed: it is (D, K) already, a neuron a column, eq. 2.4
    """
    rng = np.random.default_rng(3)
    # Where all sizes agree, every mistake has an answer that can be recognised.
    for n, d, k in ((3, 3, 3), (4, 3, 2), (1, 5, 2), (2, 1, 3), (0, 3, 2)):
        x, w, b = rng.normal(size=(n, d)), rng.normal(size=(d, k)), rng.normal(size=k)
        given = x.copy(), w.copy(), b.copy()
        shapes = f"for shapes {x.shape}, {w.shape} and {b.shape}"
        try:
            y = dense(x, w, b)
        except ValueError as error:
            raise AssertionError(f"{shapes} NumPy says: {error}") from error
        assert y is not None, "dense returned None: there is nothing to check yet"
        for name, now, before in zip("XWb", (x, w, b), given, strict=True):
            assert np.array_equal(now, before), f"{name} was changed: work on a copy"
        assert np.shape(y) == (n, k), (
            f"{shapes} the outer sizes remain, ({n}, {k}): got {np.shape(y)}"
        )
        right = np.array(
            [[sum(x[i] * w[:, j]) + b[j] for j in range(k)] for i in range(n)]
        ).reshape(n, k)

        def equals(candidate: Any, answer: Any = y) -> bool:
            return bool(np.allclose(answer, candidate, rtol=1e-9, atol=1e-12))

        if n == d == k:
            assert not equals(x @ w.T + b), (
                "W was transposed: it is (D, K) already, a neuron a column, eq. 2.4"
            )
            assert not equals(x @ w + b[:, None]), (
                "b was added by sample, down the columns: it holds one number a neuron"
            )
            assert not equals(x @ w), "the bias is missing: at x = 0 the answer is b"
            assert not equals(x * w + b), "* multiplies entry by entry: use @"
            assert not equals(w @ x + b), "the factors are swapped: X comes first"
        assert equals(right), f"{shapes} an entry differs from w_k · x_n + b_k, eq. 2.4"


def check_inverted(inverted: Callable[[Any, float], Any]) -> None:
    """Check exercise 2.4, the neuron for inverted images.

    Derived in chapter 02, "Why a bias, why batches?".

    Parameters
    ----------
    inverted : callable
        ``inverted(w, b)`` for w of shape (D,) returns new weights (D,) and a new bias.

    Raises
    ------
    AssertionError
        If an answer is wrong, with the likely mistake.

    Examples
    --------
    >>> check_inverted(lambda w, b: (-w, b))
    Traceback (most recent call last):
        ...
    AssertionError: these weights are right; at x' = 0 the bias alone answers
    """
    rng = np.random.default_rng(4)
    for size in (1, 3, 64):
        w, b = rng.normal(size=size), float(rng.normal())
        given = w.copy()
        result = inverted(w, b)
        assert result is not None, (
            "inverted returned None: there is nothing to check yet"
        )
        assert np.array_equal(w, given), "w was changed: work on a copy"
        assert isinstance(result, tuple | list), "expected weights and a bias: w, b"
        assert len(result) == 2, (
            f"expected weights and a bias, got {len(result)} things"
        )
        new_w, new_b = result
        assert np.shape(new_w) == (size,), (
            f"expected weights of shape ({size},), got {np.shape(new_w)}"
        )
        assert np.ndim(new_b) == 0, f"expected one bias, got shape {np.shape(new_b)}"
        assert not np.allclose(new_w, w), (
            "these are the old weights: a pixel that is darker in x is lighter in x'"
        )
        x = rng.uniform(size=(20, size))
        before, after = x @ w + b, (1 - x) @ np.asarray(new_w) + new_b
        assert not np.allclose(before, -after), "the answers have the wrong sign"
        gap = after - before
        assert np.ptp(gap) > 1e-9 or np.allclose(gap, 0, atol=1e-9), (
            "these weights are right; at x' = 0 the bias alone answers"
        )
        assert np.allclose(gap, 0, atol=1e-9), (
            f"{size} inputs: an answer changes from {before[0]:.4f} to {after[0]:.4f}"
        )


def check_xor(W1: Any, b1: Any, W2: Any, b2: Any) -> None:  # noqa: N803
    """Check exercise 3.1, weights that solve XOR.

    Derived in chapter 03, "Why must it be nonlinear?".

    Parameters
    ----------
    W1 : array_like of shape (2, H)
        Weights from the two inputs to H ReLUs.
    b1 : array_like of shape (H,)
        Biases of the ReLUs.
    W2 : array_like of shape (H,) or (H, 1)
        Weights from the ReLUs to the output.
    b2 : float, or array_like of shape (1,)
        Bias of the output. Above 1/2, the output means 1.

    Raises
    ------
    AssertionError
        If a point is answered wrongly, with the likely mistake, or if two hidden
        neurons do at the four points, up to a factor, what those of eq. 3.5 do.

    Examples
    --------
    >>> check_xor([[1, 1], [1, 1]], [0, -0.5], [1, -2], 0)
    Traceback (most recent call last):
        ...
    AssertionError: right at 2 of 4 points; at (0, 1) the output is 0, at (1, 0) it is 0
    """
    given = {"W1": W1, "b1": b1, "W2": W2, "b2": b2}
    for name, value in given.items():
        unset = value is None or value is ...
        assert not unset, f"{name} is not set yet"
    try:
        w, b, v, last = (np.asarray(value, dtype=float) for value in given.values())
    except (TypeError, ValueError) as error:
        raise AssertionError(f"the weights must be numbers: {error}") from error
    assert w.ndim == 2 == len(w), (
        f"W1 must have shape (2, H), a row for each input, got {w.shape} "
        "(a neuron's weights are a column of W1)"
    )
    neurons = w.shape[1]
    assert b.shape == (neurons,), f"b1 must have shape ({neurons},), got {b.shape}"
    assert v.shape in ((neurons,), (neurons, 1)), (
        f"W2 must have shape ({neurons},) or ({neurons}, 1), got {v.shape}"
    )
    assert last.size == 1, f"b2 must be one number, got shape {last.shape}"
    for name, array in (("W1", w), ("b1", b), ("W2", v), ("b2", last)):
        assert np.isfinite(array).all(), f"{name} must be finite"

    points = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    wanted = np.array([0, 1, 1, 0])
    z = points @ w + b
    hidden = np.maximum(z, 0)
    y = hidden @ v.reshape(neurons) + last.reshape(())
    bends = (z.max(axis=0) > 0) & (z.min(axis=0) < 0)
    straight = not (bends & (v.reshape(neurons) != 0)).any()
    right = (y > 0.5) == wanted
    if not right.all():
        if w.shape == (2, 2):
            turned = np.maximum(points @ w.T + b, 0) @ v.reshape(2) + last.reshape(())
            assert not np.array_equal(turned > 0.5, wanted), (
                f"right at {right.sum()} of 4 points, and at all 4 with W1 transposed "
                "(a neuron's weights are a column of W1)"
            )
        assert not straight, (
            "no ReLU that counts has values of both signs before it, so at the four "
            "points the network is affine, and eq. 3.2 forbids it: move a threshold "
            "-b1 between the values that the neuron sees"
        )
        assert right.any(), "wrong at all four points: 0 and 1 are exchanged"
        where = [
            f"at ({p[0]:.0f}, {p[1]:.0f}) {'it' if k else 'the output'} is {value:.3g}"
            for k, (p, value) in enumerate(
                zip(points[~right].tolist(), y[~right].tolist(), strict=True)
            )
        ]
        raise AssertionError(f"right at {right.sum()} of 4 points; {', '.join(where)}")
    page = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 0.0], [2.0, 1.0]])
    size = hidden.max(axis=0)
    same = neurons == 2 and all(
        any(
            np.allclose(hidden[:, n], s * page[:, k], atol=1e-8 * s)
            for n, s in ((0, f), (1, g))
        )
        for k, (f, g) in ((0, size / 2), (1, size))
    )
    assert not same, (
        "right, but these neurons do at the four points what those of eq. 3.5 do: "
        "find others"
    )


def check_relu(relu: Callable[[Any], Any]) -> None:
    """Check exercise 3.2, a ReLU for all floats.

    Derived in chapter 03, "Why must it be nonlinear?".

    Parameters
    ----------
    relu : callable
        ``relu(x)`` for an array of floats returns an array of that shape and precision.

    Raises
    ------
    AssertionError
        If an answer is wrong, with the likely mistake.

    Examples
    --------
    >>> check_relu(lambda x: x * (x > 0))
    Traceback (most recent call last):
        ...
    AssertionError: for x = -inf expected 0, got nan: 0·∞ and ∞ - ∞ have no value
    """

    def answer(x: Any) -> Any:
        given = x.copy()
        try:
            with np.errstate(all="ignore"):
                y = relu(x)
        except ValueError as error:
            raise AssertionError(
                f"for x of shape {x.shape} NumPy says: {error}. Python's max and if "
                "compare one number; np.where goes through an array"
            ) from error
        assert y is not None, "my_relu returned None: there is nothing to check"
        assert isinstance(y, np.ndarray | np.generic | float | list | tuple), (
            f"my_relu must return an array of floats, got {type(y).__name__}"
        )
        try:
            y = np.asarray(y)
        except ValueError as error:
            raise AssertionError(f"that is not an array of floats: {error}") from error
        assert y.dtype.kind == "f", (
            f"my_relu must return an array of floats, got dtype {y.dtype}"
        )
        assert y.shape == x.shape, (
            f"for x of shape {x.shape} expected the same shape, got {y.shape}"
        )
        assert np.array_equal(x, given, equal_nan=True), (
            "x was changed: the caller needs it, for the way back"
        )
        return y

    x = np.array([[-2.0, -0.25], [0.25, 1.0], [3.0, 40.0]])
    y = answer(x)
    assert not np.array_equal(y, np.abs(x)), "that is |x|: negative numbers become 0"
    assert not np.array_equal(y, (x > 0) * 1.0), (
        "that is the step, eq. 3.3, not eq. 3.4"
    )
    assert not np.array_equal(y, np.clip(x, 0, 1)), (
        "large numbers must pass: clipped at 1"
    )
    assert not np.array_equal(y, np.minimum(x, 0)), "min for max: eq. 3.4"
    wanted = [[0.0, 0.0], [0.25, 1.0], [3.0, 40.0]]
    worst = np.unravel_index(np.argmax(np.abs(y - wanted)), x.shape)
    assert np.array_equal(y, wanted), (
        f"for x = {x[worst]:g} expected {max(x[worst], 0):g}, got {y[worst]:g}"
    )
    ends = answer(np.array([-np.inf, np.inf]))
    assert ends[0] == 0, (
        f"for x = -inf expected 0, got {ends[0]:g}: 0·∞ and ∞ - ∞ have no value"
    )
    assert ends[1] == np.inf, f"for x = inf expected inf, got {ends[1]:g}"
    lost = answer(np.array([1.0, np.nan, -1.0]))
    assert np.isnan(lost[1]), (
        f"nan became {lost[1]:g}: every comparison with nan is false, so ask which "
        "numbers to replace, not which to keep"
    )
    assert lost[[0, 2]].tolist() == [1.0, 0.0], "a nan must not spread to other entries"
    zeros = answer(np.array([0.0, -0.0, -1.0, -1e-320]))
    assert np.array_equal(zeros, [0.0, 0.0, 0.0, 0.0]), (
        f"for x = 0, -0, -1, -1e-320 expected four zeros, got {zeros}"
    )
    assert not np.signbit(zeros).any(), (
        "a negative zero: 1 divided by it is -inf, where 1 / 0 is inf"
    )
    for precision in (np.float64, np.float32, np.float16, np.longdouble):
        name, tiny = np.dtype(precision), np.finfo(precision).smallest_subnormal
        largest = np.finfo(precision).max
        off = [-np.inf, -largest, -2.5, -tiny, -0.0, 0.0]
        on = [tiny, 1.5, largest, np.inf, np.nan, -np.nan]
        values = np.array(off + on, precision)
        right = np.array([0.0] * len(off) + on, precision)
        for shape in ((), (2, 1, 3)):
            size = int(np.prod(shape))
            for k in range(len(values) - size + 1):
                y = answer(values[k : k + size].reshape(shape))
                assert y.dtype == precision, f"{name} became {y.dtype}"
                for value, expected, got in zip(
                    values[k : k + size], right[k : k + size], y.ravel(), strict=True
                ):
                    same = np.array_equal(got, expected, equal_nan=True)
                    good = same and not (got == 0 and np.signbit(got))
                    assert good, (
                        f"for x = {value} in {name}, shape {shape}: expected "
                        f"{expected}, got {got}"
                    )
    assert answer(np.empty((0, 3))).shape == (0, 3)


def check_collapse(collapse: Callable[[Any], Any]) -> None:
    """Check exercise 3.3, affine layers as one.

    Derived in chapter 03, "Why must it be nonlinear?".

    Parameters
    ----------
    collapse : callable
        ``collapse(layers)`` for a list of one or more pairs (W, b), the first layer
        first, returns a pair W, b for the one layer that computes the same.

    Raises
    ------
    AssertionError
        If an answer is wrong, with the likely mistake.

    Examples
    --------
    >>> from functools import reduce
    >>> check_collapse(
    ...     lambda layers: reduce(lambda f, g: (f[0] @ g[0], f[1] + g[1]), layers)
    ... )
    Traceback (most recent call last):
        ...
    AssertionError: b sums all biases, but each passes through later layers: eq. 3.1
    """
    rng = np.random.default_rng(3)
    for sizes in ((3, 3, 3), (3, 3, 3, 3), (4, 2), (4, 2, 3), (1, 5, 2, 3, 4, 2)):
        pairs = list(pairwise(sizes))
        layers = [(rng.normal(size=pair), rng.normal(size=pair[1])) for pair in pairs]
        given = [(w.copy(), b.copy()) for w, b in layers]
        shapes = f"weights of shapes {', '.join(map(str, pairs))}"
        try:
            answer = collapse(layers)
        except (ValueError, IndexError) as error:
            raise AssertionError(f"for {shapes} Python says: {error}") from error
        assert answer is not None, "collapse returned None: there is nothing to check"
        assert len(layers) == len(given), "the list of layers was changed"
        for number, (layer, kept) in enumerate(zip(layers, given, strict=True), 1):
            for name, array, before in zip("Wb", layer, kept, strict=True):
                same = np.array_equal(array, before)
                assert same, f"{name} of layer {number} was changed"
        pair = isinstance(answer, tuple | list) and len(answer) == 2
        assert pair, "expected a pair: the weights W and the biases b"

        weights, biases = [w for w, _ in layers], [b for _, b in layers]
        wanted, shift = layers[0]
        for w, b in layers[1:]:
            wanted, shift = wanted @ w, shift @ w + b
        w, b = map(np.asarray, answer)
        several, square = len(layers) > 1, len(set(sizes)) == 1
        if square and w.shape == wanted.shape:
            reverse = weights[-1]
            for earlier in weights[-2::-1]:
                reverse = reverse @ earlier
            assert not np.allclose(w, reverse), (
                "W is the product the other way round: the first layer comes first, so "
                "with samples as rows it stands on the left, eq. 3.1"
            )
        if len(layers) > 2:
            two = weights[0] @ weights[1]
            assert w.shape != two.shape or not np.allclose(w, two), (
                f"W is that of the first two layers, but there are {len(layers)}"
            )
        assert w.shape == wanted.shape, (
            f"for {shapes} W must have shape {wanted.shape}, got {w.shape}"
        )
        assert b.shape == shift.shape, (
            f"for {shapes} b must have shape {shift.shape}, got {b.shape}"
        )
        assert np.allclose(w, wanted), "W does not take x where the layers do: eq. 3.1"
        if several:
            assert not square or not np.allclose(b, np.sum(biases, axis=0)), (
                "b sums all biases, but each passes through later layers: eq. 3.1"
            )
            assert not np.allclose(b, biases[-1]), (
                "b is that of the last layer alone: the biases before it are forgotten"
            )
            assert not np.allclose(b + biases[-1], shift), (
                "the bias of the last layer has been forgotten"
            )
        assert np.allclose(b, shift), (
            "at x = 0 the layers give what their biases become on the way, and your b "
            "is something else"
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


def check_untrained_loss(bound: Callable[[Any, int], Any]) -> None:
    """Check exercise 5.1, the loss an untrained network shows.

    Derived in chapter 05, "Why cross-entropy?".

    Parameters
    ----------
    bound : callable
        ``bound(x, classes)`` for images of shape (N, D) returns one number.

    Raises
    ------
    AssertionError
        If an answer is wrong, with the likely mistake.

    Examples
    --------
    >>> check_untrained_loss(lambda x, classes: np.log(classes))
    Traceback (most recent call last):
        ...
    AssertionError: that is ln K, right for scores of 0 only: the excess is missing
    """
    rng = np.random.default_rng(0)
    for shape, classes in (((5, 8), 10), ((40, 64), 3), ((1, 2), 2)):
        x = rng.uniform(0, 1, shape)
        given = x.copy()
        answer = bound(x, classes)
        assert answer is not None, "untrained_bound returned None: nothing to check yet"
        assert np.ndim(answer) == 0, (
            f"expected one number, got shape {np.shape(answer)}: average over images"
        )
        assert np.array_equal(x, given), "x was changed: the caller needs its images"
        dark = float(bound(np.zeros(shape), classes))
        assert np.isclose(dark, np.log(classes)), (
            f"for black images all scores are 0 and the loss is ln {classes} = "
            f"{np.log(classes):.4f}, got {dark:.4f}"
        )
        excess = float(answer) - np.log(classes)
        v = 2 / shape[1] * (x**2).sum(axis=1).mean()
        right = v / 2 * (1 - 1 / classes)
        mistakes = {
            "that is ln K, right for scores of 0 only: the excess is missing": 0.0,
            "the excess is twice too large: it is half of v (1 - 1/K)": 2 * right,
            "the factor 1 - 1/K is missing, eq. 5.15": v / 2,
            "He's variance is 2 / D: the 2 is missing": right / 2,
            "He's variance is 2 / D, for D inputs: the D is missing": right * shape[1],
            "v is the variance, 2/D times ‖x‖²: a root was taken": (
                np.sqrt(v) / 2 * (1 - 1 / classes)
            ),
            "average the squared lengths of the images, not the images": (
                (x.mean(axis=0) ** 2).sum() / shape[1] * (1 - 1 / classes)
            ),
            "D and N exchanged: the length of an image runs over its pixels": (
                right * shape[1] / shape[0]
            ),
        }
        if np.isclose(excess, right, rtol=1e-6, atol=1e-6):
            continue
        for reason, value in mistakes.items():
            assert not np.isclose(excess, value, rtol=1e-6, atol=1e-6), reason
        raise AssertionError(
            f"for {shape[0]} images of {shape[1]} pixels and {classes} classes "
            f"expected {np.log(classes) + right:.4f}, got {float(answer):.4f}"
        )


def check_sigmoid_cross_entropy(loss: Callable[[Any, Any], Any]) -> None:
    """Check exercise 5.2, binary cross-entropy from scores.

    Derived in chapter 05, "Why cross-entropy?".

    Parameters
    ----------
    loss : callable
        ``loss(z, y)`` for scores and answers of one shape returns one number.

    Raises
    ------
    AssertionError
        If an answer is wrong, with the likely mistake.

    Examples
    --------
    >>> check_sigmoid_cross_entropy(lambda z, y: (np.logaddexp(0, z) - y * z).sum())
    Traceback (most recent call last):
        ...
    AssertionError: that is the sum over the elements: divide by their number
    """

    def answer(z: Any, y: Any) -> float:
        scores, truth = np.array(z, dtype=float), np.array(y, dtype=float)
        kept = scores.copy(), truth.copy()
        try:
            with np.errstate(all="ignore"):
                value = loss(scores, truth)
        except ValueError as error:
            raise AssertionError(
                f"for z and y of shape {scores.shape} it raises: {error}"
            ) from error
        assert value is not None, "it returned None: there is nothing to check"
        assert np.ndim(value) == 0, (
            f"expected one number, got shape {np.shape(value)}: take the mean"
        )
        assert np.array_equal(scores, kept[0]), "z was changed: the caller needs it"
        assert np.array_equal(truth, kept[1]), "y was changed: the caller needs it"
        return float(value)

    z = np.array([[0.3, -1.2, 2.0], [-0.7, 1.1, 0.4]])
    y = np.array([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    right = float((np.logaddexp(0, z) - y * z).mean())
    given = answer(z, y)
    for reason, value in (
        ("that is the sum over the elements: divide by their number", 6 * right),
        ("that is the sum over questions: divide by all elements", 3 * right),
        ("the sign is wrong: a loss is positive here", -right),
        ("yes and no are exchanged", float((np.logaddexp(0, z) - (1 - y) * z).mean())),
        (
            "only the yes answers are counted: eq. 5.8 has two terms",
            float((y * np.logaddexp(0, -z)).mean()),
        ),
    ):
        assert not np.isclose(given, value, rtol=1e-6), reason
    assert np.isclose(given, right, rtol=1e-6), (
        f"for six moderate scores expected {right:.6f}, got {given:.6f}"
    )
    zero, ln2 = answer([0.0], [1.0]), float(np.log(2.0))
    assert np.isclose(zero, ln2, rtol=1e-6), (
        f"for the score 0 the loss is ln 2 = {ln2:.4f}, got {zero:.4f}"
    )
    among = answer([0.0, 1.5, -0.5], [0.0, 1.0, 1.0])
    wanted = float(
        (np.logaddexp(0, [0.0, 1.5, -0.5]) - np.array([0, 1.5, -0.5])).mean()
    )
    assert np.isclose(among, wanted, rtol=1e-6), (
        f"with the score 0 among others expected {wanted:.6f}, got {among:.6f}"
    )
    shares = answer([0.5, -2.0], [0.7, 0.2])
    wanted = float((np.logaddexp(0, [0.5, -2.0]) - np.array([0.35, -0.4])).mean())
    assert np.isclose(shares, wanted, rtol=1e-6), (
        f"right for y = 0 and 1, but not for shares between: expected {wanted:.6f}, "
        f"got {shares:.6f}"
    )
    for score, truth in ((-1000.0, 1.0), (1000.0, 0.0)):
        far = answer([score], [truth])
        assert np.isclose(far, 1000.0), (
            f"for the score {score:.0f} and the answer {truth:.0f} the loss is 1000, "
            f"got {far:.6g}: "
            + (
                "a logarithm of 0, or a power that overflows"
                if not np.isfinite(far)
                else "a clipped probability is flat there, eq. 5.13"
            )
        )
    for score, truth in ((40.0, 1.0), (-40.0, 0.0)):
        tiny = answer([score], [truth])
        assert np.isclose(tiny, np.exp(-40.0), rtol=1e-6, atol=0), (
            f"for the score {score:.0f} and the answer {truth:.0f} the loss is "
            f"4.2e-18, got {tiny:.3g}: do not subtract y z from a large softplus"
        )
    for one, other in (
        ((3,), (3, 1)),
        ((2, 1), (2,)),
        ((2, 3), (3,)),
        ((2, 3), (1, 3)),
        ((2, 3), (2, 1)),
    ):
        try:
            with np.errstate(all="ignore"):
                value = loss(np.zeros(one), np.zeros(other))
        except ValueError:
            continue
        except AssertionError as error:
            raise AssertionError(
                f"z of shape {one} and y of shape {other} are refused by an "
                "AssertionError: raise ValueError, not assert"
            ) from error
        raise AssertionError(
            f"z of shape {one} and y of shape {other} must be refused with a "
            f"ValueError; NumPy stretched them against each other, got {value}"
        )


def check_cross_entropy(loss: Callable[[Any, Any], Any]) -> None:
    """Check exercise 5.3, cross-entropy from integer labels.

    Derived in chapter 05, "Why cross-entropy?".

    Parameters
    ----------
    loss : callable
        ``loss(z, labels)`` for scores (N, K) and labels (N,) returns one number.

    Raises
    ------
    AssertionError
        If an answer is wrong, with the likely mistake.

    Examples
    --------
    >>> check_cross_entropy(lambda z, labels: z[0, labels[0]])
    Traceback (most recent call last):
        ...
    AssertionError: for two samples of three classes expected 0.7142, got 2.0000
    """

    def answer(z: Any, labels: Any) -> float:
        scores, truth = np.array(z, dtype=float), np.array(labels)
        kept = scores.copy(), truth.copy()
        try:
            with np.errstate(all="ignore"):
                value = loss(scores, truth)
        except (ValueError, IndexError) as error:
            raise AssertionError(
                f"for z of shape {scores.shape} and labels of shape {truth.shape} "
                f"NumPy says: {error}"
            ) from error
        assert value is not None, "my_cross_entropy returned None: nothing to check yet"
        assert np.ndim(value) == 0, (
            f"expected one number, got shape {np.shape(value)}: take the mean"
        )
        assert np.array_equal(scores, kept[0]), "z was changed: the caller needs it"
        assert np.array_equal(truth, kept[1]), "labels were changed"
        return float(value)

    z, labels = np.array([[2.0, 1.0, 0.0], [0.5, 1.0, 0.9]]), np.array([0, 2])
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    p, right = np.exp(log_p), -float(log_p[[0, 1], labels].mean())
    again = p - np.log(np.exp(p).sum(axis=1, keepdims=True))
    given = answer(z, labels)
    for reason, value in (
        ("that is the sum over samples: divide by N, eq. 5.1", 2 * right),
        ("the mean over all N K entries: the classes are summed, eq. 5.3", right / 3),
        ("the sign is wrong: ln p is negative, the loss is not", -right),
        (
            "z[:, labels] takes these columns of every row, not one of each row",
            -float(log_p[:, labels].mean()),
        ),
        ("softmax was taken twice: z are scores", -float(again[[0, 1], labels].mean())),
        ("logarithms to base 2: divide by ln 2 no more", right / float(np.log(2.0))),
        (
            "that is 1 - p: its logarithm is missing",
            float(1 - p[[0, 1], labels].mean()),
        ),
    ):
        assert not np.isclose(given, value, rtol=1e-6), reason
    assert np.isclose(given, right, rtol=1e-6), (
        f"for two samples of three classes expected {right:.4f}, got {given:.4f}"
    )
    assert np.isclose(
        answer(z[[0, 1, 1]], [0, 2, 0]), -(log_p[[0, 1, 1], [0, 2, 0]]).mean()
    ), "right for two samples, but wrong for three"
    for shift in (1000.0, -1000.0):
        moved = answer(z + shift, labels)
        assert np.isclose(moved, right, rtol=1e-4), (
            f"shifting all scores by {shift:.0f} must change nothing, got {moved:.6g}"
        )
    for scores, label, size in (
        ([-1000.0, 1000.0, 0.0], 0, 2000.0),
        ([1e300, -1e300], 1, 2e300),
    ):
        far = answer([scores], [label])
        assert np.isclose(far, size), (
            f"for scores {scores} and the label {label} the loss is {size:g}, "
            f"got {far:.6g}: "
            + (
                "take it from the scores, not from p, eq. 5.11"
                if not np.isfinite(far)
                else "a clipped probability is flat there, eq. 5.13"
            )
        )
    low = answer([[-2e300, -3e300]], [1])
    assert np.isclose(low, 1e300), (
        f"for scores -2e300, -3e300 and the label 1 the loss is 1e300, got {low:.6g}: "
        "no finite number takes the true score out of log-sum-exp, only -inf does"
    )
    rows = answer([[2000.0, 0.0], [0.0, 1.0]], [0, 1])
    wanted = float(np.log1p(np.exp(-1.0))) / 2
    assert np.isclose(rows, wanted, rtol=1e-6), (
        f"for the rows [2000, 0] and [0, 1] and the labels 0 and 1 the loss is "
        f"{wanted:.4f}, got {rows:.4g}: subtract each row's own largest score"
    )
    tiny = answer([[40.0, 0.0]], [0])
    early = answer([[1e9 + 20.0, 1e9]], [0])  # right, if z_t is subtracted first
    assert np.isclose(tiny, np.exp(-40.0), rtol=1e-6, atol=0), (
        f"for scores 40 and 0 and the label 0 the loss is 4.2e-18, got {tiny:.3g}: "
        + (
            "1 + s was rounded to 1, use log1p"
            if np.isclose(early, np.exp(-20.0), rtol=1e-3, atol=0)
            else "LSE was rounded to 40 before z_t was subtracted: subtract first, as "
            "log_softmax does, or use the margin"
        )
    )


def check_verdict(is_right: Callable[[Any, Any, Any], Any]) -> None:
    """Check exercise 6.1, a judge of gradients.

    Derived in chapter 06, "How do we know that a gradient is right?".

    Parameters
    ----------
    is_right : callable
        ``is_right(f, df, x)`` returns whether ``df(x)`` is the gradient of f at x.

    Raises
    ------
    AssertionError
        If a culprit is acquitted or an innocent convicted, with the likely mistake.

    Examples
    --------
    >>> check_verdict(lambda f, df, x: True)
    Traceback (most recent call last):
        ...
    AssertionError: acquitted: the squared error with the wrong sign
    """
    rng = np.random.default_rng(6)
    x, g, t = rng.standard_normal((3, 4, 3))
    w = rng.standard_normal((3, 3))

    def softmax(z: Any) -> Any:
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def through_softmax(z: Any) -> Any:
        p = softmax(z)
        return p * (g - (g * p).sum(axis=1, keepdims=True))

    def diagonal(z: Any) -> Any:
        p = softmax(z)
        return g * p * (1 - p)

    squared, product = "the squared error", "the product with a weight"
    rectified, normalised = "the ReLU", "the softmax"
    cases: dict[str, tuple[Any, Any, dict[str, Any]]] = {
        squared: (
            lambda z: ((z - t) ** 2).sum() / (2 * len(z)),
            lambda z: (z - t) / len(z),
            {
                "with the wrong sign": lambda z: (t - z) / len(z),
                "without its 1/N": lambda z: z - t,
            },
        ),
        product: (
            lambda z: (g * (z @ w)).sum(),
            lambda z: g @ w.T,
            {"not transposed": lambda z: g @ w},
        ),
        normalised: (
            lambda z: (g * softmax(z)).sum(),
            through_softmax,
            {"with its diagonal only": diagonal},
        ),
        rectified: (
            lambda z: (g * np.maximum(z, 0)).sum(),
            lambda z: g * (z > 0),
            {"without its mask": lambda z: g},
        ),
        "the cube": (lambda z: (z**3).sum(), lambda z: 3 * z**2, {}),
    }

    def ask(f: Any, df: Any, at: Any) -> bool:
        given = at.copy()
        try:
            with np.errstate(all="ignore"):
                answer = is_right(f, df, at)
        except (ValueError, IndexError, TypeError) as error:
            raise AssertionError(
                f"for x of shape {at.shape} your judge breaks: {error}"
            ) from error
        assert np.array_equal(at, given), (
            "x was changed, perhaps by rounding only: x + h - h need not be x, "
            "so move a copy"
        )
        assert answer is not None, "is_right returned None: there is no verdict"
        assert np.shape(answer) == (), (
            f"a verdict is one True or False, got shape {np.shape(answer)}: "
            "let the worst entry decide"
        )
        return bool(answer)

    def scaled(f: Any, factor: float) -> Any:
        return lambda z: factor * f(z)

    for factor, size in ((1.0, ""), (1e-6, " times 1e-6"), (1e6, " times 1e6")):
        for name, (f, df, wrong) in cases.items():
            for mistake, other in wrong.items():
                assert not ask(scaled(f, factor), scaled(other, factor), x), (
                    f"acquitted: {name} {mistake}{size}"
                    + ("; a tolerance must grow with the gradient" if size else "")
                )
            assert ask(scaled(f, factor), scaled(df, factor), x), (
                f"convicted: {name}{size}, which is innocent"
                + (
                    "; a tolerance must grow with the gradient"
                    if size
                    else "; is the step near 6e-6, eq. 6.5?"
                )
            )

    f, df, _ = cases[squared]

    def one_off(z: Any) -> Any:
        answer = df(z).copy()
        answer[3, 2] *= 1.0001
        return answer

    for factor, size in ((1.0, ""), (1e-6, " times 1e-6"), (1e6, " times 1e6")):
        assert not ask(scaled(f, factor), scaled(one_off, factor), x), (
            f"acquitted: the squared error{size} with one entry too large by a "
            "ten-thousandth; central differences are good to 1e-10, eq. 6.5, so a "
            "tolerance of 1e-7 of the largest entry will do"
        )

    def swapped(z: Any) -> Any:
        answer = df(z).copy()
        answer[0], answer[1] = answer[1].copy(), answer[0].copy()
        return answer

    assert not ask(f, swapped, x), (
        "acquitted: the squared error with two samples exchanged: compare each entry, "
        "or use random directions, not the sum"
    )
    for value, hint in (
        (np.inf, "take the tolerance from what you measured, not from df(x)"),
        (np.nan, "nan compares as False with everything"),
    ):
        assert not ask(f, lambda z, value=value: np.full(z.shape, value), x), (
            f"acquitted: a gradient of {value}: {hint}"
        )


def check_fourth_order(slope: Callable[[Any, float, float], Any]) -> None:
    """Check exercise 6.2, a difference whose error falls like the fourth power of h.

    Derived in chapter 06, "How do we know that a gradient is right?".

    Parameters
    ----------
    slope : callable
        ``slope(f, x, h)`` returns the slope of f at x, from four values of f.

    Raises
    ------
    AssertionError
        If the error is not of fourth order, with the likely mistake.

    Examples
    --------
    >>> check_fourth_order(lambda f, x, h: (f(x + h) - f(x - h)) / (2 * h))
    Traceback (most recent call last):
        ...
    AssertionError: that is right for x**2 but not for x**3: the h**2 term is left
    """
    asked: list[float] = []

    def power(n: int) -> Any:
        def f(x: float) -> float:
            asked.append(float(x))
            return float(x) ** n

        return f

    for n in (0, 1, 2, 3, 4):
        for x, h in ((0.5, 0.25), (-1.0, 0.5)):
            asked.clear()
            answer = slope(power(n), x, h)
            assert answer is not None, "fourth_order returned None: nothing to check"
            right = n * x ** (n - 1) if n else 0.0
            if np.isclose(answer, right, rtol=1e-9, atol=1e-9):
                continue
            assert n, f"a constant has slope 0, got {answer:.4g}: the weights sum to 0"
            assert n > 1, (
                f"the line f(x) = x has slope 1, got {answer:.4g}: the divisor is wrong"
            )
            assert n != 3, (
                "that is right for x**2 but not for x**3: the h**2 term is left"
            )
            raise AssertionError(
                f"x**{n} at {x} has slope {right:.4g}, got {answer:.4g}"
            )
    asked.clear()
    slope(power(1), 0.0, 0.125)
    places = sorted(set(asked) - {0.0})
    assert places == [-0.25, -0.125, 0.125, 0.25], (
        f"f was asked at {places} for x = 0 and h = 0.125: use x ± h and x ± 2h"
    )


def check_diff_adjoint(adjoint: Callable[[Any], Any]) -> None:
    """Check exercise 6.3, the adjoint of numpy.diff.

    Derived in chapter 06, "How do we know that a gradient is right?".

    Parameters
    ----------
    adjoint : callable
        ``adjoint(v)`` for v of shape (D - 1,) returns an array of shape (D,).

    Raises
    ------
    AssertionError
        If it is another function, with the likely mistake.

    Examples
    --------
    >>> check_diff_adjoint(np.cumsum)
    Traceback (most recent call last):
        ...
    AssertionError: for v of shape (4,) u has shape (5,), got (4,)
    """
    rng = np.random.default_rng(3)
    for size in (5, 2, 9):
        u, v = rng.standard_normal(size), rng.standard_normal(size - 1)
        given = v.copy()
        back = adjoint(v)
        assert back is not None, "diff_back returned None: there is nothing to check"
        assert np.array_equal(v, given), "v was changed: the caller needs it"
        assert np.shape(back) == (size,), (
            f"for v of shape ({size - 1},) u has shape ({size},), got {np.shape(back)}"
        )
        there, here = float(np.diff(u) @ v), float(u @ np.asarray(back))
        assert not np.isclose(here, -there, rtol=1e-9), (
            "the sign is wrong: u[0] enters the first difference with a minus"
        )
        if not np.isclose(here, there, rtol=1e-9, atol=1e-12):
            matrix = np.diff(np.eye(size), axis=0).T
            wrong = np.flatnonzero(~np.isclose(back, matrix @ v))
            ends = {0, size - 1}
            raise AssertionError(
                f"diff(u) . v = {there:.6f} but u . diff_back(v) = {here:.6f}"
                + (
                    "; only an end is wrong: each of them is in one difference"
                    if set(wrong.tolist()) <= ends
                    else ", against eq. 6.7"
                )
            )


def check_bias_gradient(bias_gradient: Callable[[Any], Any]) -> None:
    """Check exercise 7.1, the gradient of the biases.

    Derived in chapter 07, "How does error flow through a layer?".

    Parameters
    ----------
    bias_gradient : callable
        ``bias_gradient(dy)`` for an upstream gradient of shape (N, K) or (N, S, K)
        returns the gradient of the biases, of shape (K,).

    Raises
    ------
    AssertionError
        If an answer is wrong, with the likely mistake.

    Examples
    --------
    >>> check_bias_gradient(lambda dy: dy.mean(axis=0))
    Traceback (most recent call last):
        ...
    AssertionError: that is the mean over the batch: a 1/N is in dy already, eq. 7.5
    """
    rng = np.random.default_rng(7)

    def answer(dy: Any) -> Any:
        given = dy.copy()
        try:
            db = bias_gradient(dy)
        except (ValueError, IndexError) as error:
            raise AssertionError(
                f"for dy of shape {dy.shape} NumPy says: {error}"
            ) from error
        assert db is not None, "bias_gradient returned None: there is nothing to check"
        assert np.array_equal(dy, given), "dy was changed: the weights still need it"
        return np.asarray(db)

    for shape in ((5, 3), (3, 3), (1, 4), (4, 1), (4, 2, 3), (3, 3, 3), (0, 2)):
        dy = rng.integers(-9, 10, shape).astype(np.float64)
        if shape[0] > 1:
            dy[-1] += 20.0  # so that no sums agree by chance
        db, classes = answer(dy), shape[-1]
        # The loss sum(dy * (y + b)) is linear in b: its slope is an exact difference.
        slope = np.array(
            [
                float(np.sum(dy * (np.arange(classes) == k), dtype=np.float64))
                for k in range(classes)
            ]
        )
        size = f"for dy of shape {shape}"
        if len(shape) == 2 and classes > 1:
            across = db.shape == (shape[0],) and np.allclose(db, dy.sum(axis=1))
            agrees = db.shape == slope.shape and np.allclose(db, slope)
            assert not across or agrees, (
                "summed over the neurons: each neuron has its own bias, and all "
                "samples share it, eq. 7.5"
            )
        assert db.shape != dy.shape, (
            f"{size} expected ({classes},): the samples share one bias, so their "
            "gradients are added up, eq. 7.5"
        )
        if len(shape) == 3 and db.shape in (shape[1:], shape[::2]):
            raise AssertionError(
                f"{size} expected ({classes},), got {db.shape}: the bias is shared "
                "over samples and places, so sum over all axes but the last"
            )
        assert db.shape != (1, classes) or classes == 1, (
            f"{size} got (1, {classes}): b has shape ({classes},), without keepdims"
        )
        assert db.shape == (classes,), (
            f"{size} expected ({classes},), got {db.shape}: one number for each bias"
        )
        if shape[0] > 1:
            count = dy.size // classes
            assert not np.allclose(db, slope / count), (
                "that is the mean over the batch: a 1/N is in dy already, eq. 7.5"
            )
        assert np.allclose(db, slope, rtol=0, atol=1e-9), (
            f"{size}: moving b[0] by 1 moves the loss by {slope[0]:g}, got {db[0]:g}"
        )
    single = np.ones((4, 2), np.float32)
    assert answer(single).dtype == np.float32, "a float32 gradient became another dtype"


def check_two_layer_gradients(gradients: Callable[..., Any]) -> None:
    """Check exercise 7.2, the gradients of a network with one hidden layer of tanh.

    Derived in chapter 07, "How does error flow through a layer?".

    Parameters
    ----------
    gradients : callable
        ``gradients(X, T, W1, b1, W2, b2)`` for X (N, D), T (N, K), W1 (D, H), b1 (H,),
        W2 (H, K), b2 (K,) returns the gradients of W1, b1, W2 and b2 of the squared
        error, summed over outputs, divided by 2N.

    Raises
    ------
    AssertionError
        If an answer is wrong, with the likely mistake.

    Examples
    --------
    >>> check_two_layer_gradients(lambda X, T, W1, b1, W2, b2: (W1, b1, W2, b2))
    Traceback (most recent call last):
        ...
    AssertionError: the gradient of b2 is wrong, first on the way back: eq. 7.5, 7.19
    """
    names = ("W1", "b1", "W2", "b2")
    rng = np.random.default_rng(11)
    for n, d, h, k in ((5, 2, 4, 3), (3, 3, 3, 3), (1, 2, 1, 2)):
        x, t = rng.normal(size=(n, d)), rng.normal(size=(n, k))
        params = [rng.normal(size=s) for s in ((d, h), (h,), (h, k), (k,))]
        given = [a.copy() for a in (x, t, *params)]
        try:
            answer = gradients(x, t, *params)
        except ValueError as error:
            raise AssertionError(
                f"for X of shape {x.shape}, W1 {params[0].shape}, W2 {params[2].shape} "
                f"NumPy says: {error}"
            ) from error
        assert answer is not None, "it returned None: there is nothing to check"
        four = isinstance(answer, tuple | list) and len(answer) == 4
        assert four, "expected four arrays: the gradients of W1, b1, W2 and b2"
        for before, after in zip(given, (x, t, *params), strict=True):
            assert np.array_equal(before, after), "an argument was changed"

        def loss(at: list[Any], x: Any = x, t: Any = t) -> Any:
            w1, b1, w2, b2 = at
            y = np.tanh(x @ w1 + b1) @ w2 + b2
            return np.sum((y - t) ** 2) / (2 * len(x))

        slopes = []  # by the complex step: the derivation is not asked
        for number, p in enumerate(params):
            slope = np.empty(p.shape)
            for place in np.ndindex(p.shape):
                moved = [a.astype(complex) for a in params]
                moved[number][place] += 1e-20j
                slope[place] = loss(moved).imag / 1e-20
            slopes.append(slope)
        got = [np.asarray(a) for a in answer]
        for name, a, slope in zip(names, got, slopes, strict=True):
            assert a.shape == slope.shape, (
                f"the gradient of {name} must have shape {slope.shape}, got {a.shape}"
            )
        for factor, why in (
            (n, "N times too large: the loss is a mean, eq. 7.19"),
            (2, "twice too large: the 2 of the square cancels the ½, eq. 7.19"),
            (1 / k, "K times too small: the mean is over samples only, eq. 7.19"),
            (-1, "negative: G is (Y - T)/N, eq. 7.19"),
        ):
            if factor != 1:
                scaled = all(
                    np.allclose(a, factor * s) for a, s in zip(got, slopes, strict=True)
                )
                assert not scaled, f"all four are {why}"
        _name_two_layer_mistake(got, slopes, x, t, params)


def _name_two_layer_mistake(
    got: list[Any], slopes: list[Any], x: Any, t: Any, params: list[Any]
) -> None:
    """Go through the four gradients in the order of the way back."""
    right = [np.allclose(a, s, rtol=1e-9) for a, s in zip(got, slopes, strict=True)]
    w1, b1, w2, b2 = params
    z = x @ w1 + b1
    a = np.tanh(z)
    arrives = (a @ w2 + b2 - t) / len(x)
    assert right[3], "the gradient of b2 is wrong, first on the way back: eq. 7.5, 7.19"
    assert not np.allclose(got[2], z.T @ arrives) or right[2], (
        "the gradient of W2 needs what came in, tanh(XW1 + b1), not XW1 + b1: eq. 7.4"
    )
    assert right[2], "the gradient of W2 is wrong, while that of b2 is right: eq. 7.4"
    back = arrives @ w2.T
    for hidden, why in (
        (back, "the slope of the tanh is missing: eq. 7.9"),
        (back * (1 - a), "the tanh is not squared: eq. 7.9"),
        (back * a * (1 - a), "that is the slope of the sigmoid: eq. 7.7 for eq. 7.9"),
        (
            back * (1 - np.tanh(a) ** 2),
            "the slope is 1 - y² with y = tanh(XW1 + b1), not tanh of that: eq. 7.9",
        ),
    ):
        if not right[1]:
            assert not np.allclose(got[1], hidden.sum(axis=0)), (
                f"W2 and b2 are right; in those of W1 and b1 {why}"
            )
    assert right[1], "W2 and b2 are right, b1 is not: G W2ᵀ times the slope, eq. 7.9"
    assert right[0], "only the gradient of W1 is wrong: eq. 7.4, with X as what came in"


def check_exposure(test: Callable[[Any], Any]) -> None:
    """Check exercise 8.1, a test that exposes wrong derivatives of softmax.

    Derived in chapter 08, "Why is it simply p − y?".

    Parameters
    ----------
    test : callable
        ``test(backward)`` for ``backward(P, G)``, which takes probabilities and an
        upstream gradient of shape (N, K): raises AssertionError if it is wrong.

    Raises
    ------
    AssertionError
        If the test refuses a right function or passes a wrong one.

    Examples
    --------
    >>> check_exposure(lambda backward: None)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    AssertionError: your test passes the diagonal alone: ...
    """

    def recentred(p: Any, g: Any) -> Any:
        own = p * (1 - p) * g
        return own - own.mean(axis=1, keepdims=True)

    def product(p: Any, g: Any) -> Any:
        return p * (g - (p * g).sum(axis=1, keepdims=True))

    def matrices(p: Any, g: Any) -> Any:
        jacobian = p[:, :, None] * (np.eye(p.shape[1]) - p[:, None, :])
        return np.einsum("nkj,nk->nj", jacobian, g)

    wrong: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
        "the diagonal alone": (
            lambda p, g: p * (1 - p) * g,
            "its rows do not sum to 0, eq. 8.4; compare all entries, not only the true "
            "class's",
        ),
        "the diagonal alone, made to sum to 0": (
            recentred,
            "sums of rows are not enough; a gradient that is the same for all classes "
            "must give 0, eq. 8.4, and every entry can be compared with eq. 8.6",
        ),
        "a plain mean for the weighted one": (
            lambda p, g: p * (g - g.mean(axis=1, keepdims=True)),
            "it gives 0 for equal gradients; take unequal probabilities, eq. 8.6",
        ),
        "an average over the whole batch": (
            lambda p, g: p * (g - (p * g).sum()),
            "right for one sample; try two",
        ),
        "an average over the samples": (
            lambda p, g: p * (g - (p * g).sum(axis=0)),
            "the sum runs along the wrong axis; try samples that differ",
        ),
        "the first sample's average": (
            lambda p, g: p * (g - (p * g)[:1].sum(axis=1, keepdims=True)),
            "right where all samples are alike; try samples that differ",
        ),
        "the first class alone right": (
            lambda p, g: np.where(np.arange(p.shape[1]) == 0, product(p, g), 0 * g),
            "compare all classes",
        ),
        "all but the first class right": (
            lambda p, g: np.where(np.arange(p.shape[1]) == 0, 0 * g, product(p, g)),
            "compare all classes",
        ),
        "nan everywhere": (
            lambda p, g: np.full(p.shape, np.nan),
            "nan is not larger than any tolerance: assert that the error is small, not "
            "that it is not large",
        ),
        "a sign": (
            lambda p, g: -product(p, g),
            "all properties of eq. 8.4 hold, but not eq. 8.5",
        ),
        "a factor 2": (
            lambda p, g: 2 * product(p, g),
            "properties do not fix the size; compare with eq. 8.6 or with differences",
        ),
        "the Jacobian twice": (
            lambda p, g: product(p, product(p, g)),
            "properties do not fix the size; compare with eq. 8.6 or with differences",
        ),
    }

    def ask(backward: Callable[[Any, Any], Any]) -> None:
        def copied(p: Any, g: Any) -> Any:
            p, g = np.array(p, dtype=float), np.array(g, dtype=float)
            assert (p.ndim, p.shape) == (2, g.shape), (
                f"P and G must both have one shape (N, K), got {p.shape} and {g.shape}"
            )
            return backward(p, g)

        outcome = test(copied)
        if outcome is not None:
            raise TypeError(f"a test asserts and returns nothing, got {outcome!r}")

    for name, backward in (("the product", product), ("matrices", matrices)):
        try:
            ask(backward)
        except (AssertionError, TypeError, ValueError) as error:
            raise AssertionError(
                f"your test refuses a right function, by {name}: {error}"
            ) from error
    for name, (impostor, hint) in wrong.items():
        try:
            ask(impostor)
        except AssertionError:
            continue
        except (TypeError, ValueError) as error:
            raise AssertionError(f"for {name} your test breaks: {error}") from error
        raise AssertionError(f"your test passes {name}: {hint}")


def check_softmax_backward(backward: Callable[[Any, Any], Any]) -> None:
    """Check exercise 8.2, an upstream gradient sent back through softmax.

    Derived in chapter 08, "Why is it simply p − y?".

    Parameters
    ----------
    backward : callable
        ``backward(P, G)`` for arrays of shape (N, K) returns one of that shape.

    Raises
    ------
    AssertionError
        If an answer is wrong, with the likely mistake.

    Examples
    --------
    >>> check_softmax_backward(lambda P, G: P * (1 - P) * G)
    Traceback (most recent call last):
        ...
    AssertionError: that is the diagonal of the Jacobian alone: eq. 8.3 has more
    """

    def answer(p: Any, g: Any) -> Any:
        given = p.copy(), g.copy()
        try:
            slopes = backward(p, g)
        except (ValueError, IndexError) as error:
            raise AssertionError(
                f"for arrays of shape {p.shape} NumPy says: {error}. A sum over axis 1 "
                f"has shape ({len(p)},); keepdims=True leaves it ({len(p)}, 1)"
            ) from error
        assert slopes is not None, "it returned None: there is nothing to check"
        assert np.shape(slopes) == p.shape, (
            f"for P of shape {p.shape} expected the same shape, got {np.shape(slopes)}"
        )
        assert np.array_equal(p, given[0]), "P was changed: the layer needs it again"
        assert np.array_equal(g, given[1]), "G was changed: the caller needs it"
        return np.asarray(slopes)

    rng = np.random.default_rng(0)
    for n, k in ((4, 3), (3, 3), (1, 4), (2, 1)):
        p, g = rng.dirichlet(np.ones(k), n), rng.normal(size=(n, k))
        weighted = p * g
        right = weighted - p * weighted.sum(axis=1, keepdims=True)
        slopes = answer(p, g)

        def equals(candidate: Any, slopes: Any = slopes) -> bool:
            return bool(np.allclose(slopes, candidate, rtol=1e-9, atol=1e-12))

        if equals(right):
            continue
        row = weighted.sum(axis=1)
        for reason, candidate in (
            (
                "that is the diagonal of the Jacobian alone: eq. 8.3 has more",
                p * (1 - p) * g,
            ),
            ("the sign is wrong: a score raises its own probability", -right),
            ("the off-diagonal entries are -p_k p_j, eq. 8.3", 2 * weighted - right),
            (
                "a plain mean was subtracted: the average is weighted by P, eq. 8.6",
                p * (g - g.mean(axis=1, keepdims=True)),
            ),
            (
                "the sum that is subtracted is one of P times G, eq. 8.6",
                p * (g - g.sum(axis=1, keepdims=True)),
            ),
            (
                "the sum ran over the samples: the classes are the last axis",
                p * (g - weighted.sum(axis=0)),
            ),
            (
                "the sum ran over the whole batch: each sample has its own average",
                p * (g - weighted.sum()),
            ),
            ("the factor P in front is missing, eq. 8.6", g - row[:, None]),
            ("divided by N: that 1/N belongs to the loss, eq. 8.8", right / n),
            ("that is p - y's shape, but for G: G is not a label", p - g),
            (
                "the averages of the samples went along the columns: keepdims=True",
                p * (g - row) if n == k else np.full(p.shape, np.nan),
            ),
        ):
            assert not equals(candidate), reason
        worst = np.unravel_index(np.argmax(np.abs(slopes - right)), right.shape)
        raise AssertionError(
            f"for {n} samples of {k} classes, entry {worst[0]}, {worst[1]} must be "
            f"{right[worst]:.6f}, got {slopes[worst]:.6f}"
        )


def check_joint_gradient(gradient: Callable[[Any, Any], Any]) -> None:
    """Check exercise 8.3, the gradient of the mean cross-entropy in the scores.

    Derived in chapter 08, "Why is it simply p − y?".

    Parameters
    ----------
    gradient : callable
        ``gradient(Z, labels)`` for scores (N, K) and labels (N,) returns slopes (N, K).

    Raises
    ------
    AssertionError
        If an answer is wrong, with the likely mistake.

    Examples
    --------
    >>> check_joint_gradient(lambda Z, labels: (Z - np.eye(4)[labels]) / len(Z))
    Traceback (most recent call last):
        ...
    AssertionError: the scores less the truth: their softmax is missing
    """

    def answer(z: Any, labels: Any) -> Any:
        scores, truth = np.array(z, dtype=float), np.array(labels)
        kept = scores.copy(), truth.copy()
        try:
            with np.errstate(all="ignore"):
                slopes = gradient(scores, truth)
        except (ValueError, IndexError) as error:
            raise AssertionError(
                f"for Z of shape {scores.shape} and labels of shape {truth.shape} "
                f"NumPy says: {error}"
            ) from error
        assert slopes is not None, "it returned None: there is nothing to check"
        assert np.shape(slopes) == scores.shape, (
            f"for Z of shape {scores.shape} expected the same shape, got "
            f"{np.shape(slopes)}"
        )
        assert np.array_equal(scores, kept[0]), "Z was changed: the caller needs it"
        assert np.array_equal(truth, kept[1]), "labels were changed"
        return np.asarray(slopes)

    z = np.array([[2.0, 1.0, 0.0, 0.3], [0.5, 1.0, 0.9, -2.0], [0.1, 0.0, 3.0, 1.0]])
    labels = np.array([0, 2, 1])
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    y = np.eye(4)[labels]
    columns = p.copy()
    columns[:, labels] -= 1
    right = (p - y) / 3
    slopes = answer(z, labels)

    def equals(candidate: Any) -> bool:
        return bool(np.allclose(slopes, candidate, rtol=1e-7, atol=1e-12))

    for reason, candidate in (
        ("1/N is missing: the loss is a mean over samples, eq. 8.8", p - y),
        ("divided by N K: the loss is a mean over samples, not entries", right / 4),
        ("divided by K: the loss is a mean over the N samples", (p - y) / 4),
        ("the sign is wrong: the true score's slope is negative, eq. 8.7", -right),
        ("the truth was not subtracted: that is p / N", p / 3),
        ("Z[:, labels] takes these columns of every row, not one of each", columns / 3),
        ("the scores less the truth: their softmax is missing", (z - y) / 3),
        ("that is the slope in p, eq. 8.2: softmax is still to come", -y / p / 3),
        ("the diagonal alone: the other classes must fall, eq. 8.3", -y * (1 - p) / 3),
    ):
        assert not equals(candidate), reason
    worst = np.unravel_index(np.argmax(np.abs(slopes - right)), right.shape)
    assert equals(right), (
        f"sample {worst[0]}, class {worst[1]} must have the slope {right[worst]:.6f}, "
        f"got {slopes[worst]:.6f}"
    )
    for size in (1000.0, 1e300):
        far = answer([[size, 0.0], [0.0, -size]], [1, 0])
        assert np.allclose(far, [[0.5, -0.5], [0.0, 0.0]], atol=1e-12), (
            f"for the scores {size:g} and 0 with the label 1, and 0 and -{size:g} with "
            f"the label 0, expected 0.5, -0.5 and 0, 0, got {far.tolist()}: "
            + (
                "a power overflowed, or 0 met infinity"
                if not np.isfinite(far).all()
                else "a clipped probability has the wrong slope"
            )
        )
    sure = answer([[40.0, 0.0]], [0])[0]
    assert np.allclose(sure, [-np.exp(-40.0), np.exp(-40.0)], rtol=1e-6, atol=0), (
        f"for the scores 40 and 0 with the label 0 expected -4.2e-18 and 4.2e-18, got "
        f"{sure[0]:.2g} and {sure[1]:.2g}: p - 1 was rounded to 0; "
        "take expm1 of the logarithm"
    )


class _Node:
    """A node of a graph: pairs of an operand and a slope, and a gradient."""

    def __init__(self, *edges: "tuple[_Node, float]") -> None:
        self.edges = edges
        self.grad = 0.0


class _CountedSlope(float):
    """A slope that counts how often it is a factor."""

    count = 0
    __array_ufunc__: None = None  # a number of NumPy on the left leaves it to us

    def __mul__(self, other: Any) -> Any:
        _CountedSlope.count += 1
        return float(self) * other

    __rmul__ = __mul__


def check_backward(backward: Callable[[Any], Any]) -> None:
    """Check exercise 9.1, the walk back through a graph.

    Derived in chapter 09, "Can the machine do this for us?".

    Parameters
    ----------
    backward : callable
        ``backward(result)`` adds to ``grad`` of the result and of every node that it
        was made from. A node has ``edges``, a tuple of pairs (operand, slope), and
        ``grad``.

    Raises
    ------
    AssertionError
        If a gradient is wrong, with the likely mistake.

    Examples
    --------
    >>> def last_use_wins(result):
    ...     result.grad, nodes = 1.0, [result]
    ...     for node in nodes:
    ...         for operand, slope in node.edges:
    ...             operand.grad = slope * node.grad
    ...             nodes.append(operand)
    >>> check_backward(last_use_wins)
    Traceback (most recent call last):
        ...
    AssertionError: x * x at x = 3 has slope 6, got 3: a second use must add, eq. 9.6
    """

    def back(result: _Node, what: str) -> None:
        try:
            backward(result)
        except RecursionError:
            raise AssertionError(
                f"{what} ends in a RecursionError: find the order with a list, "
                "not with a function that calls itself"
            ) from None

    def near(got: Any, want: float) -> bool:
        return bool(np.ndim(got) == 0 and abs(got - want) < 1e-9)

    x, other = _Node(), _Node()
    result = _Node((_Node((x, 2.0)), 3.0))
    back(result, "a chain of two steps")
    assert x.grad or result.grad, "no gradient arrived: there is nothing to check yet"
    assert near(result.grad, 1.0), (
        f"the slope of the result in itself is 1, got {result.grad:g}"
    )
    assert near(x.grad, 6.0), (
        f"along a chain with slopes 2 and 3 expected 6, got {x.grad:g}"
    )
    assert other.grad == 0, "a node that the result was not made from got a gradient"
    x = _Node()
    back(_Node((x, 3.0), (x, 3.0)), "x * x")
    assert near(x.grad, 6.0), (
        f"x * x at x = 3 has slope 6, got {x.grad:g}: a second use must add, eq. 9.6"
    )
    x = _Node()
    back(_Node((_Node((x, 2.0)), 3.0), (_Node((x, 5.0)), 7.0)), "a diamond")
    assert near(x.grad, 41.0), (
        f"a diamond with 2 * 3 on one side and 5 * 7 on the other expected 41, got "
        f"{x.grad:g}"
    )
    for turned in (False, True):
        x = _Node()
        u = _Node((x, 2.0))
        edges = [(u, 1.0), (_Node((u, 5.0)), 1.0)]
        back(_Node(*(edges[::-1] if turned else edges)), "a triangle")
        assert near(u.grad, 6.0), (
            f"used with slopes 1 and 5, expected 6, got {u.grad:g}"
        )
        assert near(x.grad, 12.0), (
            f"expected 12 before a value that is used twice, got {x.grad:g}: it handed "
            "its gradient on before it was whole; its turn comes after all its uses"
        )
    x = _Node()
    way = _Node((x, 2.0))
    result = _Node((_Node((way, 1.0)), 1.0))
    back(result, "a chain")
    back(result, "a second call")
    assert not near(x.grad, 2.0), (
        "after two calls the gradient is that of one: add to grad, do not replace it"
    )
    assert near(x.grad, 4.0), (
        f"after two calls expected twice 2, got {x.grad:g}: nodes on the way handed on "
        "gradients of the first call, eq. 9.7"
    )
    for node in (way, result):
        assert near(node.grad, 2.0), (
            "after two calls expected 2 in the result and on the way, got "
            f"{node.grad:g}: add in every node, not only in those without edges"
        )
    x = _Node()
    node = x
    for _ in range(16):
        node = _Node((node, _CountedSlope(0.5)), (node, _CountedSlope(0.5)))
    _CountedSlope.count = 0
    back(node, "a chain of 16 steps that use a value twice")
    assert near(x.grad, 1.0), f"16 times half and half make slope 1, got {x.grad:g}"
    assert _CountedSlope.count <= 32, (
        f"16 steps with 32 edges took {_CountedSlope.count} multiplications: that is "
        "a walk along paths, eq. 9.5; gather the gradient of a node first"
    )
    x = _Node()
    node = x
    for _ in range(5000):
        node = _Node((node, 1.0))
    back(node, "a chain of 5,000 steps")
    assert near(x.grad, 1.0), f"5,000 steps with slope 1 make 1, got {x.grad:g}"


def check_unbroadcast(unbroadcast: Callable[[Any, tuple[int, ...]], Any]) -> None:
    """Check exercise 9.2, undoing broadcasting.

    Derived in chapter 09, "Can the machine do this for us?".

    Parameters
    ----------
    unbroadcast : callable
        ``unbroadcast(g, shape)`` returns an array of that shape.

    Raises
    ------
    AssertionError
        If an answer is wrong, with the likely mistake.

    Examples
    --------
    >>> check_unbroadcast(lambda g, shape: g.mean(axis=0))
    Traceback (most recent call last):
        ...
    AssertionError: (4, 3) to (3,): that is a mean over the copies, eq. 9.9 is a sum
    """
    rng = np.random.default_rng(7)
    cases: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
        ((4, 3), (3,)),
        ((4, 3), (4, 1)),
        ((4, 3), (1, 3)),
        ((3, 3), (3,)),
        ((3, 3), (3, 1)),
        ((4, 3), (4, 3)),
        ((4, 3), ()),
        ((5, 2, 4, 3), (2, 1, 3)),
        ((2, 1, 3), (1, 1, 3)),
        ((0, 3), (3,)),
        ((0, 3), (1, 3)),
    ]
    for whole, shape in cases:
        case = f"{whole} to {shape}"
        g = rng.normal(size=whole)
        given = g.copy()
        try:
            answer = unbroadcast(g, shape)
        except (ValueError, IndexError) as error:
            raise AssertionError(f"{case}: NumPy says: {error}") from error
        assert answer is not None, "my_unbroadcast returned None: nothing to check yet"
        assert np.array_equal(g, given), f"{case}: g was changed"
        got = np.asarray(answer)
        assert got.shape == shape, (
            f"{case}: expected shape {shape}, got {got.shape}: sum over the axes put "
            "in front and over those of length 1, then reshape"
        )
        want = np.zeros(shape)
        np.add.at(
            want.reshape(-1),
            np.broadcast_to(np.arange(want.size).reshape(shape), whole).reshape(-1),
            g.reshape(-1),
        )
        copies = g.size / want.size
        assert copies == 1 or not np.allclose(got * copies, want) or not g.size, (
            f"{case}: that is a mean over the copies, eq. 9.9 is a sum"
        )
        assert np.allclose(got, want), (
            f"{case}: the shape is right, but each entry must be the sum over the "
            "places of g that hold a copy of it, eq. 9.9"
        )


def check_largest_rate(largest_rate: Callable[[Any], Any]) -> None:
    """Check exercise 10.1, the rate at which gradient descent diverges.

    Derived in chapter 10, "How big a step? full, stochastic, mini-batch".

    Parameters
    ----------
    largest_rate : callable
        ``largest_rate(X)`` for inputs of shape (N, P) returns a number.

    Raises
    ------
    AssertionError
        If gradient descent 3 % below the answer does not shrink, or 3 % above it does,
        with the likely mistake.

    Examples
    --------
    >>> check_largest_rate(lambda X: 2 / np.linalg.eigvalsh(X.T @ X / len(X)))
    Traceback (most recent call last):
        ...
    AssertionError: expected one number, got (3,)
    """
    rng = np.random.default_rng(0)

    def grows(x: Any, rate: float) -> bool:
        """Run from a random start, and see whether the gradient grows."""
        e, sizes = rng.normal(size=x.shape[1]), []
        for _ in range(1200):
            g = x.T @ (x @ e) / len(x)
            e = e - rate * g
            sizes.append(float(np.abs(g).max()))
            if sizes[-1] > 1e8 * sizes[0]:
                return True
        return sizes[-1] > sizes[600]

    for n, p, scale in ((40, 3, 1.0), (10, 2, 3.0), (60, 5, 0.2), (8, 8, 1.0)):
        x = scale * (rng.normal(size=(n, p)) + 0.5)
        given = x.copy()
        answer = largest_rate(given)
        assert answer is not None, (
            "largest_rate returned None: there is nothing to check"
        )
        assert np.array_equal(given, x), "your function changed X"
        assert np.shape(answer) == (), f"expected one number, got {np.shape(answer)}"
        rate = float(answer)
        assert 0 < rate < np.inf, f"a learning rate is a positive number, got {rate}"
        if grows(x, 0.97 * rate):
            assert grows(x, 0.97 * rate / n) or not grows(x, 1.03 * rate / n), (
                f"for N = {n} it is N times too large"
            )
            raise AssertionError(
                "at 0.97 times your rate it diverges already; "
                "the steepest direction sets the limit, eq. 10.5"
            )
        if not grows(x, 1.03 * rate):
            if not grows(x, 0.97 * rate * n) and grows(x, 1.03 * rate * n):
                hint = "N times it no more: H is a mean over the samples, eq. 10.3"
            elif not grows(x, 1.94 * rate) and grows(x, 2.06 * rate):
                hint = "twice it no more: factors from 0 to -1 shrink too, eq. 10.5"
            else:
                hint = "more is stable: see eq. 10.5"
            raise AssertionError(f"at 1.03 times your rate it still converges; {hint}")


def check_batches(batches: Callable[[int, int, Any], Iterable[Any]]) -> None:
    """Check exercise 10.2, the batches of an epoch.

    Derived in chapter 10, "How big a step? full, stochastic, mini-batch".

    Parameters
    ----------
    batches : callable
        ``batches(n, size, rng)`` returns arrays of indices.

    Raises
    ------
    AssertionError
        If they are no epoch in random order, with the likely mistake.

    Examples
    --------
    >>> check_batches(lambda n, size, rng: np.arange(n).reshape(-1, size))
    Traceback (most recent call last):
        ...
    AssertionError: two epochs used the samples in the same order: shuffle each time
    """
    for n, size in ((12, 4), (10, 4), (5, 8), (7, 1), (30, 7)):
        rng, orders = np.random.default_rng(n), []
        for _ in range(3):
            try:
                answer = batches(n, size, rng)
            except ValueError as error:
                raise AssertionError(
                    f"{n} samples in batches of {size}: {error}; "
                    "the last may be smaller"
                ) from error
            assert answer is not None, (
                "batches returned None: there is nothing to check"
            )
            parts = [np.asarray(part) for part in answer]
            assert all(part.dtype.kind in "iu" for part in parts), (
                "the indices must be whole numbers"
            )
            orders.append(np.concatenate(parts).tolist() if parts else [])
            used, case = sorted(orders[-1]), f"of {n} samples in batches of {size}"
            assert len(set(used)) == len(used), (
                f"{case}, some were used twice: draw without replacement, eq. 10.9"
            )
            missing = sorted(set(range(n)) - set(used))
            assert not missing, f"{case}, {missing} were never used"
            assert used == list(range(n)), f"{case}: indices go from 0 to {n - 1}"
            sizes = [len(part) for part in parts]
            wanted = [size] * (n // size) + ([n % size] if n % size else [])
            assert sizes == wanted, f"{case}: expected sizes {wanted}, got {sizes}"
        assert not orders[0] == orders[1] == orders[2], (
            "two epochs used the samples in the same order: shuffle each time"
        )
    first, again = (
        [np.asarray(part).tolist() for part in batches(9, 4, np.random.default_rng(1))]
        for _ in range(2)
    )
    assert first == again, (
        "one seed gave two different epochs: draw from rng and from nothing else"
    )
    rng = np.random.default_rng(0)
    seen = {
        tuple(
            np.concatenate([np.asarray(part) for part in batches(4, 2, rng)]).tolist()
        )
        for _ in range(600)
    }
    assert len(seen) == 24, (
        f"in 600 epochs of 4 samples only {len(seen)} of the 24 orders came: "
        "every order must be possible"
    )


def check_to_pytorch(to_pytorch: Callable[[Any, float, float], Any]) -> None:
    """Check exercise 11.1, a velocity of the papers as one of PyTorch's rule.

    Derived in chapter 11, "What does momentum buy?".

    Parameters
    ----------
    to_pytorch : callable
        ``to_pytorch(delta, last_rate, next_rate)`` for a velocity of shape (P,)
        returns a velocity of the same shape.

    Raises
    ------
    AssertionError
        If the run does not go on as the papers' rule would, with the likely mistake.

    Examples
    --------
    >>> check_to_pytorch(lambda delta, last_rate, next_rate: -delta / last_rate)
    Traceback (most recent call last):
        ...
    AssertionError: divided by the last rate: the next one multiplies v, eq. 11.12
    """
    rng, mu = np.random.default_rng(11), 0.8
    for size, last, new in ((3, 0.5, 0.05), (4, 0.5, 0.5), (1, 0.1, 0.4), (6, 0.01, 2)):
        delta, gradients = rng.normal(size=size), rng.normal(size=(5, size))
        given = delta.copy()
        try:
            answer = to_pytorch(given, last, new)
        except ValueError as error:
            raise AssertionError(
                f"for a velocity of shape {delta.shape} it stops with {error}"
            ) from error
        assert answer is not None, "to_pytorch returned None: there is nothing to check"
        assert np.array_equal(given, delta), (
            "your function changed delta: return a new array"
        )
        try:
            found = np.asarray(answer)
            if found.dtype.kind == "c":
                raise TypeError
            found = found.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise AssertionError("return an array of real numbers") from error
        assert found.shape == delta.shape, (
            f"expected the shape of delta, {delta.shape}, got {found.shape}"
        )
        guesses = {
            "the sign: PyTorch's velocity points along the gradient, the papers' "
            "against it, eq. 11.11": (delta / new, delta / last, delta, delta * new),
            "divided by the last rate: the next one multiplies v, eq. 11.12": (
                -delta / last,
            ),
            "multiplied by a rate: the papers' velocity holds it already, divide by "
            "it, eq. 11.11": (-delta * new, -delta * last),
            "only the sign was turned: the papers' velocity holds the rate, divide by "
            "it, eq. 11.11": (-delta,),
            "scaled by the ratio of the rates: PyTorch's velocity holds no rate at "
            "all, eq. 11.12": (-delta * new / last, -delta * last / new),
        }
        papers, ours, u, v = 0.0 * delta, 0.0 * delta, delta.copy(), found.copy()
        for step, g in enumerate(gradients, start=1):
            u, v = mu * u - new * g, mu * v + g
            papers, ours = papers + u, ours - new * v
            if np.allclose(papers, ours, rtol=1e-6, atol=1e-6):
                continue
            for reason, values in guesses.items():
                if any(np.allclose(found, value) for value in values):
                    raise AssertionError(reason)
            raise AssertionError(
                f"rates {last:g} and then {new:g}: after step {step} the papers' rule "
                f"has moved by {papers[0]:.4f}, PyTorch's with your velocity by "
                f"{ours[0]:.4f}, eqs. 11.1 and 11.10"
            )


def check_first_step(first_step: Callable[[Any, float, float], Any]) -> None:
    """Check exercise 12.1, the first step of AdaDelta.

    Derived in chapter 12, "One rate for every weight?".

    Parameters
    ----------
    first_step : callable
        ``first_step(g, rho, epsilon)`` for gradients of shape (P,) returns the change
        of the parameters, of shape (P,).

    Raises
    ------
    AssertionError
        If an answer is wrong, with the likely mistake.

    Examples
    --------
    >>> check_first_step(lambda g, rho, epsilon: -g)
    Traceback (most recent call last):
        ...
    AssertionError: g is not divided by the root of the average square, eq. 12.10
    """

    def answer(g: Any, rho: float, epsilon: float) -> Any:
        given = g.copy()
        try:
            with np.errstate(all="ignore"):
                change = first_step(given, rho, epsilon)
        except (TypeError, ValueError, ZeroDivisionError) as error:
            raise AssertionError(
                f"it stops with {type(error).__name__}: {error}"
            ) from error
        assert change is not None, "first_step returned None: there is nothing to check"
        assert np.array_equal(given, g), "your function changed g"
        try:
            found = np.asarray(change).astype(np.float64, casting="same_kind")
        except (TypeError, ValueError) as error:
            raise AssertionError(f"the change must be real numbers: {error}") from error
        assert found.shape == g.shape, (
            f"expected one change per parameter, shape {g.shape}, got {found.shape}"
        )
        return found

    g, rho, epsilon = np.array([3.0, -0.5, 40.0, 0.0]), 0.8, 0.25
    found, square = answer(g, rho, epsilon), g**2

    def is_one_of(*guesses: Any) -> bool:
        return any(
            np.allclose(found, guess, rtol=1e-9, atol=1e-12) for guess in guesses
        )

    down = -(0.5 / np.hypot(np.sqrt(0.2) * g, 0.5)) * g
    assert not is_one_of(-down), (
        "it climbs: the change is minus the step, since parameters go against the "
        "gradient, eq. 12.10"
    )
    assert not is_one_of(-g), (
        "g is not divided by the root of the average square, eq. 12.10"
    )
    assert np.isfinite(found[g == 0]).all(), (
        "where the gradient is 0 it is not finite: epsilon belongs under both roots, "
        "eq. 12.10"
    )
    assert found.any(), (
        "nothing moves: before the first step the average of squared steps is 0, but "
        "epsilon is added to it, eq. 12.12"
    )
    with np.errstate(all="ignore"):
        signs = {
            "the average square is (1 - rho) g², not g²: it starts at 0 and is not "
            "corrected, eq. 12.12": (-np.sqrt(epsilon / (square + epsilon)) * g,),
            "rho weighs the old average, which is 0, and 1 - rho the new square, "
            "eq. 12.12": (-np.sqrt(epsilon / (rho * square + epsilon)) * g,),
            "epsilon stands under the roots and not beside them, eq. 12.10": (
                -epsilon / (np.sqrt(0.2 * square) + epsilon) * g,
                -np.sqrt(epsilon) / (np.sqrt(0.2 * square) + epsilon) * g,
                -np.sqrt(epsilon) / (np.sqrt(0.2 * square) + np.sqrt(epsilon)) * g,
            ),
            "the root is missing: a root mean square is a root, eq. 12.10": (
                -epsilon / (0.2 * square + epsilon) * g,
                -np.sqrt(epsilon) / (0.2 * square + epsilon) * g,
                -epsilon / np.sqrt(0.2 * square + epsilon) * g,
            ),
            "the numerator is missing: on top stands the root of epsilon, eq. 12.12": (
                -g / np.sqrt(0.2 * square + epsilon),
            ),
            "the gradient itself is missing: the step is the quotient times g, "
            "eq. 12.12": (
                -np.sqrt(epsilon / (0.2 * square + epsilon)),
                np.sqrt(epsilon / (0.2 * square + epsilon)),
            ),
            "the numerator holds this step already; it must hold the past alone, "
            "eq. 12.10": (down * np.sqrt((0.2 * down**2 + epsilon) / epsilon),),
            "one rate for all: each entry is divided by its own root, eq. 12.10": (
                -np.sqrt(epsilon / (0.2 * square.mean() + epsilon)) * g,
                -np.sqrt(epsilon / (0.2 * square.sum() + epsilon)) * g,
            ),
        }
    for reason, guesses in signs.items():
        assert not is_one_of(*guesses), reason
    rng = np.random.default_rng(12)
    for rho, epsilon in ((0.8, 0.25), (0.9, 1e-6), (0.95, 1e-3), (0.0, 2.0)):
        g = rng.normal(size=7) * 10.0 ** rng.integers(-4, 5, size=7)
        g = np.append(g, [3.0, -0.5, 40.0, 0.0])
        found = answer(g, rho, epsilon)
        quotient = 1 / np.sqrt(1 + (1 - rho) * (g / np.sqrt(epsilon)) ** 2)
        wrong = ~np.isclose(found, -quotient * g, rtol=1e-9, atol=0)
        if wrong.any():
            i = int(np.argmax(wrong))
            raise AssertionError(
                f"for g = {g[i]:.4g}, rho = {rho}, epsilon = {epsilon:g} the change is "
                f"{-quotient[i] * g[i]:.10g}, got {found[i]:.10g}, eq. 12.12"
            )


def check_adam_path(path: Callable[..., Any]) -> None:
    """Check exercise 13.1, the path of one parameter under Adam.

    Derived in chapter 13, "Why does Adam correct its averages?".

    Parameters
    ----------
    path : callable
        ``path(gradients, rate, b1, b2, eps)`` for a list of T gradients returns the T
        positions after each step, from the start 0.

    Raises
    ------
    AssertionError
        If an answer is wrong, with the likely mistake.

    Examples
    --------
    >>> check_adam_path(lambda g, rate, b1, b2, eps: -rate * np.cumsum(g))
    Traceback (most recent call last):
        ...
    AssertionError: steps grow with the gradient: divide by the root, eq. 13.5
    """

    def answer(gradients: Any, rate: float, b1: float, b2: float, eps: float) -> Any:
        given = list(gradients)
        try:
            places = path(given, rate, b1, b2, eps)
        except (ValueError, TypeError, IndexError, ZeroDivisionError) as error:
            hint = ""
            if isinstance(error, ZeroDivisionError):
                hint = ": is t counted from 1? 1 - b1**0 is 0, eq. 13.3"
            raise AssertionError(f"it stops with {error}{hint}") from error
        assert places is not None, "adam_path returned None: there is nothing to check"
        assert given == list(gradients), "the gradients were changed"
        try:
            found = np.asarray(places, np.float64)
        except (TypeError, ValueError) as error:
            raise AssertionError(
                f"expected numbers, the positions, got {type(places).__name__}"
            ) from error
        count = len(given)
        assert found.shape != (count + 1,), (
            f"expected {count} positions, those after each step: leave the start out"
        )
        assert found.shape == (count,), (
            f"expected {count} positions for {count} gradients, got shape {found.shape}"
        )
        assert np.isfinite(found).all(), (
            "positions are not finite: is t counted from 1? 1 - b1**0 is 0, eq. 13.3"
        )
        return found

    def close(one: Any, other: Any) -> bool:
        return bool(np.allclose(one, other, rtol=1e-9, atol=1e-15))

    # A constant gradient, where every step is known: eq. 13.7.
    g, rate, b1, b2, eps, steps = 2.0, 0.5, 0.8, 0.97, 0.25, np.arange(1, 9)
    places = answer([g] * 8, rate, b1, b2, eps)
    assert places.any(), (
        "the parameter does not move; if that is because of adam_step: += changes an "
        "array in place, but not a number that was handed to a function"
    )
    found = np.diff(places, prepend=0.0)
    length = rate * g / (g + eps)
    assert not close(places, -length), (
        "these are the steps, not the positions: add them up"
    )
    mean, square = 1 - b1**steps, 1 - b2**steps
    root = g * np.sqrt(square)
    assert not close(found, length), (
        "it climbs: Adam steps against the gradient, so the sign of a step is minus"
    )
    guesses = {
        "steps grow with the gradient: divide by the root, eq. 13.5": (
            rate * g,
            rate * g * mean,
        ),
        "no correction: under a constant gradient the steps differ, eq. 13.6": (
            rate * g * mean / (root + eps),
        ),
        "the average gradient is not corrected: first steps are short, eq. 13.3": (
            rate * mean * g / (g + eps),
        ),
        "the squares are not corrected: the first steps are long, eq. 13.3": (
            rate * g / (root + eps),
        ),
        "b1 and b2 weigh what is kept, 1 - b1 and 1 - b2 what is new, eq. 13.1": (
            (1 - (1 - b1) ** steps)
            / mean
            * rate
            * g
            / (g * np.sqrt((1 - (1 - b2) ** steps) / square) + eps),
        ),
        "the average square is divided by, not its root, eq. 13.5": (
            rate * g / (g**2 + eps),
        ),
        "epsilon stands under the root; it is added to the root, eq. 13.5": (
            rate * g / np.sqrt(g**2 + eps),
            rate * g / np.sqrt(g**2 + eps**2),
        ),
        "epsilon is added before the correction: that is epsilon hat, eq. 13.9": (
            rate * g * np.sqrt(square) / (root + eps),
        ),
        "epsilon is left out: a step is rate * |g| / (|g| + eps), eq. 13.7": (rate,),
        "a step too many in the correction: the first t is 1, eq. 13.3": (
            rate
            * (mean * g / (1 - b1 ** (steps + 1)))
            / (np.sqrt(square / (1 - b2 ** (steps + 1))) * g + eps),
        ),
    }
    for reason, lengths in guesses.items():
        assert not any(close(found, -np.asarray(one)) for one in lengths), reason
    worst = int(np.argmax(np.abs(found + length)))
    assert close(found, -length), (
        f"constant gradient {g:g}: step {worst + 1} should be {-length:.6f}, "
        f"got {found[worst]:.6f}, eq. 13.7"
    )
    rng = np.random.default_rng(13)
    for memories in ((0.9, 0.999), (0.5, 0.6), (0.999, 0.9)):
        gradients = rng.normal(size=12)
        powers = [b ** np.arange(12.0)[::-1] for b in memories]
        mean, square = (
            np.array([np.average(x[:t], weights=w[-t:]) for t in range(1, 13)])
            for x, w in zip((gradients, gradients**2), powers, strict=True)
        )
        expected = -np.cumsum(0.1 * mean / (np.sqrt(square) + 1e-8))
        found = answer(gradients.tolist(), 0.1, *memories, 1e-8)
        first = int(np.argmax(~np.isclose(found, expected, rtol=1e-9, atol=1e-12)))
        assert close(found, expected), (
            f"right for a constant gradient, wrong for one that changes: after step "
            f"{first + 1} with b1 = {memories[0]}, b2 = {memories[1]} expected "
            f"{expected[first]:.6f}, got {found[first]:.6f}; older gradients count "
            "less, eq. 13.4"
        )
    found = answer([0.0, 0.0, 1.0, 0.0], 1.0, 0.5, 0.75, 0.0625)
    assert found[0] == found[1] == 0, "a gradient of 0 from the start moves nothing"
    third = -(4 / 7) / (math.sqrt(16 / 37) + 0.0625)
    fourth = third - (4 / 15) / (math.sqrt(48 / 175) + 0.0625)
    assert close(found[2:], [third, fourth]), (
        "a gradient of 0 counts: t goes on, and both averages take it in, eq. 13.1"
    )


def check_two_sums(answers: Mapping[str, tuple[bool, bool]]) -> None:
    """Check exercise 14.1, five rates against the two sums of Robbins and Monro.

    Derived in chapter 14, "When to slow down?".

    Parameters
    ----------
    answers : mapping of str to pair of bool
        For "1/t", "1/√t", "1/t²", "constant" and "0.99^t": whether the rates have an
        infinite sum, and whether their squares have a finite one.

    Raises
    ------
    AssertionError
        If an answer is missing or wrong, with the reason.

    Examples
    --------
    >>> check_two_sums(dict.fromkeys(["1/t", "1/√t", "1/t²", "constant", "0.99^t"]))
    Traceback (most recent call last):
        ...
    AssertionError: 1/t: expected a pair such as (True, False), got None
    """
    reasons = {
        "1/t": (
            "each block from 2^j to 2^(j+1) - 1 adds at least 1/2, and there is no "
            "last block",
            "the blocks of 1/t² are at most 1, 1/2, 1/4 and so on, together at most 2",
        ),
        "1/√t": (
            "each rate is at least 1/t, whose sum is infinite already",
            "the squares are 1/t, whose sum is infinite",
        ),
        "1/t²": (
            "the blocks are at most 1, 1/2, 1/4 and so on, together at most 2",
            "each square is at most 1/t², whose sum is finite already",
        ),
        "constant": (
            "the same number, added for ever, passes every bound",
            "the square is a number too, and it is added for ever",
        ),
        "0.99^t": (
            "a geometric series: it adds up to 0.99 / (1 - 0.99) = 99, eq. 14.11",
            "the squares are a geometric series with 0.9801",
        ),
    }
    right = {
        "1/t": (True, True),
        "1/√t": (True, False),
        "1/t²": (False, True),
        "constant": (True, False),
        "0.99^t": (False, True),
    }
    assert isinstance(answers, Mapping), f"expected a dictionary, got {answers!r}"
    for name, pair in right.items():
        assert name in answers, f"{name}: there is no answer yet"
        given = answers[name]
        message = f"{name}: expected a pair such as (True, False), got {given!r}"
        assert isinstance(given, tuple | list), message
        assert len(given) == 2, message
        for said in given:
            assert isinstance(said, bool | np.bool_), (
                f"{name}: expected True or False, got {said!r}"
            )
        what = ("the sum of the rates", "the sum of the squares")
        for said, is_so, sum_, why, infinite in zip(
            given, pair, what, reasons[name], (pair[0], not pair[1]), strict=True
        ):
            word = "infinite" if infinite else "finite"
            assert said == is_so, f"{name}: {sum_} is {word}: {why}"
    extra = sorted(str(name) for name in set(answers) - set(right))
    assert not extra, f"there is no question about {', '.join(extra)}"


def check_moments(moments: Callable[[Any, Any, Any, Any], Any]) -> None:
    """Check exercise 14.2, mean and variance after noisy steps on a parabola.

    Derived in chapter 14, "When to slow down?".

    Parameters
    ----------
    moments : callable
        ``moments(rates, start, curvature, noise)`` for a list of rates and three
        numbers, all exact fractions, returns mean and variance; `noise` is a standard
        deviation.

    Raises
    ------
    AssertionError
        If they are not those over all sequences of errors, with the likely mistake.

    Examples
    --------
    >>> check_moments(lambda rates, start, curvature, noise: (start, 0))
    Traceback (most recent call last):
        ...
    AssertionError: after one step with rate 1/3 the mean is 10/3, got 5
    """

    def runs(rates: list[Fraction], curvature: Fraction, noise: Fraction) -> Any:
        ends = []
        for errors in product((-noise, noise), repeat=len(rates)):
            theta = Fraction(5)
            for rate, error in zip(rates, errors, strict=True):
                theta -= rate * (curvature * theta + error)
            ends.append(theta)
        mean = sum(ends) / len(ends)
        return mean, sum((end - mean) ** 2 for end in ends) / len(ends)

    def answer(rates: list[Fraction], curvature: Fraction, noise: Fraction) -> Any:
        given = list(rates)
        pair = moments(given, Fraction(5), curvature, noise)
        assert given == rates, "the list of rates was changed: the caller needs it"
        assert pair is not None, "moments returned None: there is nothing to check"
        if isinstance(pair, np.ndarray):
            pair = pair.tolist()
        message = f"expected mean and variance, got {pair!r}"
        assert isinstance(pair, tuple | list), message
        assert len(pair) == 2, message
        kinds = Fraction | int | float | np.number
        assert all(isinstance(part, kinds) for part in pair), message
        return pair

    def near(a: Any, b: Any) -> bool:
        return bool(abs(float(a) - float(b)) <= 1e-9 * abs(float(b)))

    rate, lam, s = Fraction(1, 3), Fraction(1), Fraction(2)
    third = [rate]
    for rates, lam_, s_, when in (
        ([], lam, s, "before the first step"),
        (third, lam, s, "after one step with rate 1/3"),
        ([rate, Fraction(1, 2)], lam, s, "after steps with rates 1/3 and 1/2"),
        ([Fraction(1, 2), rate], lam, s, "after steps with rates 1/2 and 1/3"),
        ([rate] * 3, Fraction(1, 2), s, "with curvature 1/2, after three steps"),
        ([rate] * 3, Fraction(0), s, "on the flat, after three steps"),
    ):
        mean, variance = answer(rates, lam_, s_)
        right = runs(rates, lam_, s_)
        assert near(mean, right[0]), f"{when} the mean is {right[0]}, got {mean}"
        if rates == third:
            assert not near(variance, rate * s**2), (
                "the noise is multiplied by the rate, so its variance by the square"
            )
            assert not near(variance, rate**2 * s), (
                "noise is a standard deviation: the variance has its square"
            )
        if len(rates) == 2:
            first, last = rates
            wrong = (1 - last) * first**2 * s**2 + last**2 * s**2
            assert not near(variance, wrong), (
                "a step multiplies the old error by 1 - ηλ, so its variance by the "
                "square: eq. 14.1"
            )
            wrong = first**2 * s**2 + last**2 * s**2
            assert not near(variance, wrong), (
                "the variances are only added up: a later step also shrinks the old one"
            )
        assert near(variance, right[1]), (
            f"{when} the variance is {right[1]}, got {variance}"
        )


def check_gamma(gamma: Callable[[float, float, int], Any]) -> None:
    """Check exercise 14.3, the factor that leads from a first rate to a last.

    Derived in chapter 14, "When to slow down?".

    Parameters
    ----------
    gamma : callable
        ``gamma(first, last, steps)`` returns the factor.

    Raises
    ------
    AssertionError
        If the last rate of so many steps is another, with the likely mistake.

    Examples
    --------
    >>> answer = lambda first, last, steps: (last / first) ** (1 / steps)
    >>> check_gamma(answer)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    AssertionError: 2 steps from 0.1 have the rates 0.1, 0.0316: between ...
    """
    for first, last, steps in ((0.1, 0.01, 2), (0.5, 0.001, 50), (1.0, 0.25, 3)):
        factor = gamma(first, last, steps)
        assert factor is not None, "gamma_for returned None: there is nothing to check"
        assert np.ndim(factor) == 0, f"expected one number, got {factor!r}"
        rates = first * float(factor) ** np.arange(steps)
        shown = ", ".join(f"{rate:.3g}" for rate in rates[:3])
        assert not np.isclose(factor, (last / first) ** (1 / steps)), (
            f"{steps} steps from {first:g} have the rates {shown}: between {steps} "
            f"rates the factor works {steps - 1} times"
        )
        assert not np.isclose(factor, (first / last) ** (1 / (steps - 1))), (
            f"{steps} steps from {first:g} have the rates {shown}: it must fall"
        )
        line = 1 - (1 - last / first) / (steps - 1)
        assert steps == 2 or not np.isclose(factor, line), (
            f"a straight line from {first:g} to {last:g} does not fall by one factor"
        )
        assert np.isclose(rates[-1], last, rtol=1e-9, atol=0), (
            f"after {steps} steps from {first:g} the last rate should be {last:g}, "
            f"got {rates[-1]:.6g}"
        )


def check_median_loss(loss: Callable[[float, Any], Any]) -> None:
    """Check exercise 15.1, a loss that is smallest at the median.

    Derived in chapter 15, "What if the answer is a number?".

    Parameters
    ----------
    loss : callable
        ``loss(c, t)`` for a number and measurements of shape (N,) returns a number.

    Raises
    ------
    AssertionError
        If the loss is smallest elsewhere, with the likely mistake.

    Examples
    --------
    >>> check_median_loss(lambda c, t: np.mean((t - c) ** 2))
    Traceback (most recent call last):
        ...
    AssertionError: for 17, 1, 7, 1, 4 it is smallest at 6, the mean: squares, eq. 15.9
    """

    def cost(c: float, t: Any) -> float:
        given = t.copy()
        try:
            value = loss(c, t)
        except ValueError as error:
            raise AssertionError(
                f"for a number c and t of shape {t.shape} NumPy says: {error}"
            ) from error
        assert np.array_equal(t, given), "t was changed: the caller needs it"
        assert value is not None, "my_loss returned None: there is nothing to check"
        assert np.ndim(value) == 0, f"expected one number, got shape {np.shape(value)}"
        assert np.isfinite(value), f"at c = {c:g} the loss is {value}"
        return float(value)

    for numbers in (
        (17, 1, 7, 1, 4),
        (1, 2, 3, 4, 20),
        (-30, 1, 1.25, 2, 2.25),
        (0, 0.25, 1, 1.25, 9),
        (-7, -6, 40, 41, 60, 61, 62),
        (5, 5, 5, 100, 7, 300, 9),
        (3,),
        (1, 2, 8, 20),
    ):
        t = np.array(numbers, dtype=np.float64)
        # A quarter is exact, and all the numbers above are multiples of it.
        places = np.arange(4 * t.min() - 8, 4 * t.max() + 9) / 4
        costs = np.array([cost(float(c), t) for c in places])
        best = places[costs <= costs.min() + 1e-9 * (1 + abs(costs.min()))]
        in_order = np.sort(t)
        low, high = in_order[(len(t) - 1) // 2], in_order[len(t) // 2]
        data = ", ".join(f"{number:g}" for number in numbers)
        said = f"for {data} it is smallest at {best[np.argmax(abs(best - low))]:g}"
        if low <= best[0] and best[-1] <= high:
            alone = [cost(places[1], t[i : i + 1]) for i in range(len(t))]
            whole, mean = cost(places[1], t), float(np.mean(alone))
            assert not np.isclose(whole, np.sum(alone)) or len(t) == 1, (
                "that is a sum: of ten times the data it would be ten times larger"
            )
            assert np.isclose(whole, mean), (
                f"for {data} and c = {places[1]:g} it gives {whole:.4g}, but the mean "
                f"over the single measurements is {mean:.4g}: one number for each"
            )
            continue
        assert len(best) < len(places), "it is the same for every c"
        inside = best[0] > places[0] and best[-1] < places[-1]
        assert inside, (
            f"for {data} it goes on falling beyond the measurements: an error counts "
            "on either side, so take its size"
        )
        assert abs(best - (t.min() + t.max()) / 2).min() > 0.13, (
            f"{said}, midway between the ends: only the largest error counts there"
        )
        middle = float(places[len(places) // 2])  # errors of both signs
        whole = cost(middle, t)
        alone = [cost(middle, t[i : i + 1]) for i in range(len(t))]
        single = np.isclose(whole, np.mean(alone)) or np.isclose(whole, np.sum(alone))
        assert single, (
            f"for {data} and c = {middle:g} it gives {whole:.4g}, but the mean over "
            f"the single measurements is {np.mean(alone):.4g}: one number for each, "
            "then their mean"
        )
        assert abs(best - t.mean()).min() > 0.13, f"{said}, the mean: squares, eq. 15.9"
        values, counts = np.unique(t, return_counts=True)
        assert counts.max() == 1 or best[0] != values[counts.argmax()], (
            f"{said}, the most frequent: twice the error must cost twice as much"
        )
        mirrored = np.array([cost(float(-c), -t) for c in places])
        assert np.allclose(mirrored, costs), (
            f"{said}, the median is {low:g}: too high and too low by as much must cost "
            "the same, eq. 15.10"
        )
        raise AssertionError(
            f"{said}, the median is {low:g}: the slope of the cost of a measurement "
            "must not depend on how far it is, eq. 15.10"
        )
    near, low, high, far = (
        cost(c, np.zeros(1)) - cost(0.0, np.zeros(1))
        for c in (2.0**-12, -1.0, 1.0, 512.0)
    )
    assert np.isclose(low, high, rtol=1e-3), (
        "too high by 1 costs more or less than too low by 1: with more measurements it "
        "is smallest elsewhere, eq. 15.10"
    )
    rises = np.array([near * 2**12, far / 512])
    assert np.allclose(rises, high, rtol=1e-3), (
        "twice the error does not always cost twice as much: with measurements closer "
        "together or farther apart it is smallest elsewhere, eq. 15.10"
    )


def check_r2(score: Callable[[Any, Any], Any]) -> None:
    """Check exercise 15.2, the coefficient of determination.

    Derived in chapter 15, "What if the answer is a number?".

    Parameters
    ----------
    score : callable
        ``score(y, t)`` for predictions and measurements of shape (N,) returns a number,
        and raises ValueError if their shapes differ.

    Raises
    ------
    AssertionError
        If a score is wrong, with the likely mistake.

    Examples
    --------
    >>> check_r2(lambda y, t: np.corrcoef(y, t)[0, 1] ** 2)
    Traceback (most recent call last):
        ...
    AssertionError: that is the squared correlation, which forgives a wrong scale
    """
    t = np.array([1.0, 2.0, 4.0, 9.0])
    for y in (
        np.array([2.0, 4.0, 7.0, 18.0]),
        np.array([1.5, 2.0, 3.0, 8.0]),
        np.array([60.0, -30.0, 15.0, 2.0]),
    ):
        given = y.copy(), t.copy()
        try:
            value = score(y, t)
        except ValueError as error:
            raise AssertionError(
                f"y and t both have shape (4,), and NumPy says: {error}"
            ) from error
        unchanged = np.array_equal(y, given[0]) and np.array_equal(t, given[1])
        assert unchanged, "y or t was changed: the caller needs them"
        assert value is not None, "my_r2 returned None: there is nothing to check"
        assert np.ndim(value) == 0, f"expected one number, got shape {np.shape(value)}"
        lost, total = np.sum((t - y) ** 2), np.sum((t - t.mean()) ** 2)
        mistakes = (
            (
                np.corrcoef(y, t)[0, 1] ** 2,
                "that is the squared correlation, which forgives a wrong scale",
            ),
            (
                lost / total,
                "that is the part that is left: 1 minus it is the part "
                "removed, eq. 15.14",
            ),
            (lost / 4, "that is the mean squared error: compare it with the variance"),
            (
                1 - np.var(t - y) / np.var(t),
                "the variance of the errors forgives a "
                "wrong height: take the mean of their squares",
            ),
            (1 - np.sqrt(lost / total), "those are square roots: R² compares squares"),
            (
                1 - lost / np.sum((y - y.mean()) ** 2),
                "below the line stands the "
                "variation of the measurements, not of the predictions",
            ),
            (
                1 - lost / np.sum((t - y.mean()) ** 2),
                "the mean is that of the measurements, not of the predictions",
            ),
            (1 - lost / np.sum(t**2), "below the line, the mean was not subtracted"),
            (
                1 - np.abs(t - y).sum() / np.abs(t - t.mean()).sum(),
                "those are sizes: R² compares squares, eq. 15.14",
            ),
            (
                1 - lost / 4 / (total / 3),
                "a mean over N above and over N - 1 below: take the same for both",
            ),
            (
                np.sum((y - t.mean()) ** 2) / total,
                "that is the variation of the "
                "predictions: equal to R² only for a fit by squares on its own data",
            ),
        )
        for wrong, reason in mistakes:
            assert not np.isclose(value, wrong), reason
        right = 1 - lost / total
        assert right > 0 or value != 0, (
            f"errors larger than the mean's must give a negative score, {right:.3f}"
        )
        assert np.isclose(value, right), f"expected {right:.4f}, got {value:.4f}"
    for y, u in ((t[:, None], t), (t[:1], t), (t, t[:, None])):
        try:
            value = score(y, u)
        except ValueError:
            continue
        except Exception as error:
            raise AssertionError(
                f"for shapes {y.shape} and {u.shape} it raises "
                f"{type(error).__name__}: raise a ValueError"
            ) from error
        raise AssertionError(
            f"for shapes {y.shape} and {u.shape} it gives "
            f"{np.asarray(value).ravel()[0]:.3g}: NumPy broadcasts them, so refuse "
            "them with a ValueError, eq. 2.7"
        )


def check_unseen(train: Callable[[Any, Any], Any]) -> None:
    """Check exercise 16.1, a reader of digits that has seen only what it was given.

    Derived in chapter 16, "Can it read real digits?".

    Parameters
    ----------
    train : callable
        ``train(x, y)`` for images of shape (N, D) and digits of shape (N,) returns a
        function ``read(x)`` from images of shape (M, D) to digits of shape (M,).

    Raises
    ------
    AssertionError
        If the reader is not better than the nearest average, or uses other data than it
        was given, with the likely mistake.

    Examples
    --------
    >>> check_unseen(lambda x, y: lambda new: np.full(len(new), y[0]))
    Traceback (most recent call last):
        ...
    AssertionError: right for 9.5 % of 400 unseen images, the nearest average for 90.2 %
    """
    score, baseline, error = _examine(train, disguised=True)
    if score - baseline > 2 * error:
        return
    said = f"right for {100 * score:.1f} % of 400 unseen images"
    plain = _examine(train, disguised=False)[0] if score < 0.8 else score
    assert plain < score + 0.2, (
        f"{said} in disguise, and for {100 * plain:.1f} % of the same images as they "
        "are: it uses data besides x and y"
    )
    assert score > baseline, f"{said}, the nearest average for {100 * baseline:.1f} %"
    raise AssertionError(
        f"{said}, the nearest average for {100 * baseline:.1f} %: that is not better "
        f"by two standard errors of the difference, {100 * error:.1f} % each, eq. 16.10"
    )


def _examine(train: Any, *, disguised: bool) -> tuple[float, float, float]:
    """Return the scores of a reader and of the nearest average, and their s_d."""
    pixels, digits = load_digits()
    rows = np.random.default_rng(1604).permutation(len(pixels))[:1000]
    images, names = pixels[rows] / 16, digits[rows]
    if disguised:
        columns = np.random.default_rng(1605).permutation(64)
        images = images[:, columns[pixels.max(axis=0)[columns] > 0]]
        names = np.array([7, 4, 9, 0, 8, 2, 1, 3, 5, 6])[names]
    x, y, new, truth = images[:600], names[:600], images[600:], names[600:]
    means = np.array([x[y == k].mean(axis=0) for k in range(10)])
    simple = (new @ means.T - (means**2).sum(axis=1) / 2).argmax(axis=1) == truth

    def ask(what: str, function: Any, *given: Any) -> Any:
        copies = [array.copy() for array in given]
        try:
            answer = function(*copies)
        except (ValueError, IndexError) as error:
            raise AssertionError(
                f"for x of shape {given[0].shape} {what} fails: {error}; take all "
                "sizes from x and y, and no data from elsewhere"
            ) from error
        same = all(map(np.array_equal, copies, given))
        assert same, f"{what} changed what it was given: the caller needs it"
        assert answer is not None, f"{what} returned None: there is nothing to check"
        return answer

    read = ask("train", train, x, y)
    assert callable(read), (
        f"train must return a function that reads images, got {type(read).__name__}"
    )
    answer = np.asarray(ask("read", read, new))
    assert answer.shape != (400, 10), (
        "read returned scores (400, 10): name the class of the largest in each row"
    )
    assert answer.shape == (400,), (
        f"for 400 images read must return shape (400,), got {answer.shape}"
    )
    assert answer.dtype.kind in "iu", (
        f"read must return whole numbers, got dtype {answer.dtype}"
    )
    for part in (slice(0, 1), slice(7, 8), slice(390, 400)):
        alone = np.asarray(ask("read", read, new[part]))
        assert np.array_equal(alone, answer[part]), (
            "what is read in an image depends on the other images, or on chance: an "
            "image may come alone"
        )
    right = answer == truth
    difference = right.astype(float) - simple
    error = difference.std() / math.sqrt(len(new))
    return float(right.mean()), float(simple.mean()), float(error)


def check_difference_error(error: Callable[[Any, Any], Any]) -> None:
    """Check exercise 16.2, the standard error of a difference on the same images.

    Derived in chapter 16, "Can it read real digits?".

    Parameters
    ----------
    error : callable
        ``error(right_a, right_b)`` for two bool arrays of shape (N,) returns a number.

    Raises
    ------
    AssertionError
        If the number is wrong, with the likely mistake.

    Examples
    --------
    >>> check_difference_error(
    ...     lambda a, b: np.sqrt(a.var() / len(a) + b.var() / len(b))
    ... )
    Traceback (most recent call last):
        ...
    AssertionError: those are two independent scores; here the images are the same
    """
    for both, only_a, only_b, neither in (
        (60, 25, 5, 10),
        (5, 12, 3, 5),
        (300, 2, 38, 60),
        (85, 4, 4, 7),
    ):
        counts = (both, only_a, only_b, neither)
        a = np.repeat([True, True, False, False], counts)
        b = np.repeat([True, False, True, False], counts)
        order = np.random.default_rng(sum(counts)).permutation(len(a))
        a, b = a[order], b[order]
        given = a.copy(), b.copy()
        try:
            value = error(a, b)
        except (ValueError, TypeError) as problem:
            raise AssertionError(
                f"for two bool arrays of shape {a.shape} NumPy says: {problem}"
            ) from problem
        unchanged = np.array_equal(a, given[0]) and np.array_equal(b, given[1])
        assert unchanged, "an argument was changed: the caller needs it"
        assert value is not None, (
            "difference_error returned None: there is nothing to check"
        )
        assert np.ndim(value) == 0, f"expected one number, got shape {np.shape(value)}"
        answer = np.asarray(value)
        finite = answer.dtype.kind in "iuf" and bool(np.isfinite(answer))
        assert finite, f"expected a finite number, got {value!r}"
        n, apart = len(a), only_a + only_b
        square = apart / n - ((only_a - only_b) / n) ** 2
        right = math.sqrt(square / n)
        mistakes = (
            (
                math.sqrt(a.var() / n + b.var() / n),
                "those are two independent scores; here the images are the same",
            ),
            (
                math.sqrt(apart) / n,
                "the mean difference is not 0: subtract its square, eq. 16.10",
            ),
            (square / n, "that is the variance: its root is missing"),
            (
                math.sqrt(square),
                "that is the scatter of one image: the score is a mean of N",
            ),
            (square, "that is the variance of one image: the score is a mean of N"),
            (
                math.sqrt(square) / n,
                "the variance of a mean is that of one, divided by "
                "N: the root of N, not N, stands under the standard error",
            ),
            (math.sqrt(a.var() / n), "that is the standard error of A alone"),
            (math.sqrt(b.var() / n), "that is the standard error of B alone"),
            (abs(only_a - only_b) / n, "that is the difference itself"),
            (
                math.sqrt(abs(only_a - only_b) / n / n),
                "A's and B's images are to be "
                "added, not subtracted: each of them makes the difference uncertain",
            ),
        )
        for wrong, reason in mistakes:
            close = math.isclose(wrong, right, rel_tol=0.02)
            assert close or not np.isclose(value, wrong, rtol=1e-6), reason
        among = (right, right * math.sqrt(n / (n - 1)))  # N - 1 is a custom, too
        assert any(np.isclose(value, one, rtol=1e-9) for one in among), (
            f"A alone is right on {only_a} of {n} images and B alone on {only_b}: "
            f"expected {right:.5f}, got {float(value):.5f}, eq. 16.10"
        )


def check_images_needed(needed: Callable[[float, float], Any]) -> None:
    """Check exercise 16.3, how many test images a margin needs.

    Derived in chapter 16, "Can it read real digits?".

    Parameters
    ----------
    needed : callable
        ``needed(p, margin)`` returns the smallest N for which two standard errors of a
        score near p are at most the margin.

    Raises
    ------
    AssertionError
        If the number is wrong, with the likely mistake.

    Examples
    --------
    >>> check_images_needed(lambda p, margin: 1 / margin**2)
    Traceback (most recent call last):
        ...
    AssertionError: that is for p = 0.5, the worst case; p = 0.97 needs fewer
    """
    for p, margin in ((0.97, 0.012), (0.9, 0.017), (0.998, 0.0007), (0.5, 0.03)):
        value = needed(p, margin)
        assert value is not None, (
            "images_needed returned None: there is nothing to check"
        )
        assert np.ndim(value) == 0, f"expected one number, got shape {np.shape(value)}"
        answer = np.asarray(value)
        finite = answer.dtype.kind in "iuf" and bool(np.isfinite(answer))
        assert finite, f"expected a finite number, got {value!r}"
        number, exact = float(value), 4 * p * (1 - p) / margin**2
        mistakes = (
            (
                1 / margin**2,
                f"that is for p = 0.5, the worst case; p = {p} needs fewer",
            ),
            (exact / 4, "that is for one standard error; the margin is two"),
            (exact / 2, "the 2 is squared with the standard error"),
            (exact * margin, "the margin is squared with the standard error, eq. 16.6"),
            (
                4 * p / margin**2,
                "the variance of one image is p (1 - p), not p, eq. 16.6",
            ),
            (
                4 * (1 - p) / margin**2,
                "the variance of one image is p (1 - p), not 1 - p, eq. 16.6",
            ),
        )
        for wrong, reason in mistakes:
            assert abs(number - wrong) >= 1 or abs(exact - wrong) < 2, reason
        assert number == round(number), (
            f"for p = {p} and a margin of {margin} it gives {number:.2f}: images come "
            "whole"
        )
        assert number != math.floor(exact), (
            f"with {number:.0f} images two standard errors are just more than "
            f"{margin}: round up"
        )
        assert number == math.ceil(exact), (
            f"for p = {p} and a margin of {margin} it gives {number:.0f}, expected "
            f"{math.ceil(exact)}, eq. 16.6"
        )


def check_no_leak(protocol: Callable[[Any, Any, Any, Any], Any]) -> None:
    """Check exercise 17.1: answers know no test label and no other test row.

    Derived in chapter 17, "Can I trust my score?".

    Parameters
    ----------
    protocol : callable
        ``protocol(x, y, train, test)`` for samples of shape (N, D), labels 0 and 1 of
        shape (N,) and two arrays of row numbers returns a label for each row of `test`.

    Raises
    ------
    AssertionError
        If something leaks, named, or if the answers are no good where there is
        something to find.

    Examples
    --------
    >>> check_no_leak(lambda x, y, train, test: y[test])
    Traceback (most recent call last):
        ...
    AssertionError: labels leak: on pure noise 100 % are right, and an answer changes \
when only the labels of the test rows do
    """

    def answer(x: Any, y: Any, train: Any, test: Any) -> Any:
        given = [array.copy() for array in (x, y, train, test)]
        try:
            labels = protocol(x, y, train, test)
        except ValueError as error:
            raise AssertionError(
                f"for x {x.shape}, y {y.shape}, {len(train)} training and {len(test)} "
                f"test rows NumPy says: {error}"
            ) from error
        now = (x, y, train, test)
        same = (np.array_equal(a, b) for a, b in zip(given, now, strict=True))
        assert all(same), "x, y, train or test was changed: the caller needs them"
        assert labels is not None, "my_protocol returned None: nothing to check yet"
        assert np.shape(labels) == (len(test),), (
            f"for {len(test)} test rows expected as many labels, got shape "
            f"{np.shape(labels)}"
        )
        assert np.isin(labels, (0, 1)).all(), "the labels are 0 and 1, as in y"
        return np.asarray(labels).copy()

    def draw(seed: int, *, signal: float) -> tuple[Any, Any, Any, Any]:
        rng = np.random.default_rng(seed)
        y = rng.permutation(np.arange(48) % 2)
        x = rng.normal(size=(48, 150))
        x[:, 60:63] += signal * (2 * y[:, None] - 1)
        order = rng.permutation(48)
        return x, y, order[:36], order[36:44]  # four rows stand in neither part

    right = []
    labels_leak = False
    for seed in range(20):
        x, y, train, test = draw(seed, signal=0.0)
        before = answer(x, y, train, test)
        assert np.array_equal(answer(x, y, train, test), before), (
            "called twice with the same data it gives different answers"
        )
        right.append(np.mean(before == y[test]))
        for rows in (test, np.setdiff1d(np.arange(48), train)):
            marked = y.copy()
            marked[rows] = 1 - marked[rows]
            labels_leak |= not np.array_equal(answer(x, marked, train, test), before)
    assert not labels_leak, (
        f"labels leak: on pure noise {np.mean(right):.0%} are right, and an answer "
        "changes when only the labels of the test rows do"
    ).replace("%", " %")

    for seed in range(20):
        x, y, train, test = draw(seed, signal=0.0)
        before, rng = answer(x, y, train, test), np.random.default_rng(seed)
        neither = np.setdiff1d(np.arange(48), [*train, *test])
        marked = x.copy()
        marked[neither] = 1e3 * rng.normal(size=(len(neither), x.shape[1]))
        assert np.array_equal(answer(marked, y, train, test), before), (
            "inputs leak: an answer changes with rows that are neither in train nor in "
            "test, so a mean, a scale or a choice was made from all rows of x"
        )
        alone = np.array([answer(x, y, train, test[i : i + 1])[0] for i in range(8)])
        marked = x.copy()
        marked[test[1:]] = 1e3 * rng.normal(size=(7, x.shape[1]))
        moved = answer(marked, y, train, test)[0] != before[0]
        companions = moved or not np.array_equal(alone, before)
        assert not companions, (
            "inputs leak: an answer changes with the other test rows, so a mean or a "
            "scale was fitted on the test part; fit on train, transform both"
        )

    good = []
    for seed in range(20):
        x, y, train, test = draw(seed, signal=2.0)
        x *= 10.0 ** np.random.default_rng(seed).uniform(-3, 3, x.shape[1])
        labels = answer(x, y, train, test)
        turned = answer(x, y, train, test[::-1])[::-1]
        assert np.array_equal(turned, labels), (
            "with test in another order the answers are in no matching order"
        )
        good.append(np.mean(labels == y[test]))
    assert np.mean(good) > 0.95, (
        "nothing leaks, but where three columns of 150 tell the classes apart, in "
        f"units from 0.001 to 1000, only {np.mean(good):.0%} are right: scale and "
        "choose, with the training rows"
    ).replace("%", " %")


def check_excess(excess: Callable[[int, int, float], Any]) -> None:
    """Check exercise 17.2, the selection bias of the best of m scores.

    Derived in chapter 17, "Can I trust my score?".

    Parameters
    ----------
    excess : callable
        ``excess(m, n, p)`` returns the average of the best of m shares of n, minus p.

    Raises
    ------
    AssertionError
        If a number is wrong, with the likely mistake.

    Examples
    --------
    >>> check_excess(lambda m, n, p: np.sqrt(np.log(m) / (2 * n)))
    Traceback (most recent call last):
        ...
    AssertionError: m = 2, n = 1, p = 0.5: that is the bound, eq. 17.4
    """
    for m, n, p in (
        (1, 7, 0.3),
        (2, 1, 0.5),
        (2, 3, 0.7),
        (20, 100, 0.5),
        (50, 1000, 0.9),
    ):
        value, case = excess(m, n, p), f"m = {m}, n = {n}, p = {p:g}"
        assert value is not None, "my_excess returned None: there is nothing to check"
        assert np.ndim(value) == 0, f"expected one number, got shape {np.shape(value)}"
        # The probabilities of k right answers, one after the other.
        log_p = np.cumsum(
            [n * np.log(1 - p)]
            + [np.log((n - k + 1) / k * p / (1 - p)) for k in range(1, n + 1)]
        )
        at_most = np.minimum(np.cumsum(np.exp(log_p)), 1.0)
        right = float(np.mean(1 - at_most[:-1] ** m) - p)
        spread = np.sqrt(p * (1 - p) / n)
        mistakes = (
            (right + p, "that is the best score itself: subtract the truth"),
            (np.sqrt(np.log(m) / (2 * n)), "that is the bound, eq. 17.4"),
            (
                np.sqrt(2 * np.log(m)) * spread,
                "that is the root of 2 ln m times the "
                "standard error, an approximation for many samples",
            ),
            (n * right, "that is in right answers: divide by n"),
            (n * (right + p) - p, "the sum is in right answers: divide it by n"),
            (
                np.mean(1 - at_most[1:] ** m) - p,
                "that is one place off: F(k - 1) "
                "belongs to the probability of k or more, eq. 17.2",
            ),
            (np.mean((1 - at_most[:-1]) ** m) - p, "that is the worst of m"),
        )
        for wrong, reason in mistakes:
            close = np.isclose(value, wrong, rtol=1e-6, atol=1e-12)
            assert np.isclose(wrong, right) or not close, f"{case}: {reason}"
        assert np.isclose(value, right, rtol=1e-7, atol=1e-11), (
            f"{case}: expected {right:.6f}, got {float(value):.6f}"
        )


def check_fold(fold: Callable[[Any, Any, Any, Any], Any]) -> None:
    """Check exercise 17.3, a scaler folded into the first layer.

    Derived in chapter 17, "Can I trust my score?".

    Parameters
    ----------
    fold : callable
        ``fold(W, b, mean, scale)`` for arrays of shapes (D, H), (H,), (D,) and (D,)
        returns weights (D, H) and a bias (H,).

    Raises
    ------
    AssertionError
        If the layer is another function, with the likely mistake.

    Examples
    --------
    >>> check_fold(lambda W, b, mean, scale: (W * scale[:, None], b + mean @ W))
    Traceback (most recent call last):
        ...
    AssertionError: the weights are multiplied by the scale: eq. 17.11 goes from raw \
to scaled, this is the way back
    """
    rng = np.random.default_rng(17)
    for d, h in ((4, 2), (3, 3), (1, 5)):
        weights, b = rng.normal(size=(d, h)), rng.normal(size=h)
        mean, scale = rng.normal(3, 1, d), rng.uniform(0.3, 3, d)
        given = [array.copy() for array in (weights, b, mean, scale)]
        try:
            result = fold(weights, b, mean, scale)
        except ValueError as error:
            raise AssertionError(
                f"for W of shape {weights.shape} and a scale of shape {scale.shape} "
                f"NumPy says: {error}; each row of W belongs to one input"
            ) from error
        now = (weights, b, mean, scale)
        same = (np.array_equal(a, c) for a, c in zip(given, now, strict=True))
        assert all(same), "an argument was changed: the caller needs it"
        assert result is not None, "my_fold returned None: there is nothing to check"
        assert len(result) == 2, "expected two arrays, the weights and the bias"
        w, c = (np.asarray(part) for part in result)
        assert (w.shape, c.shape) == (weights.shape, b.shape), (
            f"expected weights {weights.shape} and bias {b.shape}, got {w.shape} and "
            f"{c.shape}"
        )
        right = weights / scale[:, None]
        assert not np.allclose(w, weights * scale[:, None]), (
            "the weights are multiplied by the scale: eq. 17.11 goes from raw to "
            "scaled, this is the way back"
        )
        if d == h:
            assert not np.allclose(w, weights / scale), (
                "the scale divides columns of W, which belong to neurons; each row of "
                "W belongs to one input"
            )
        assert np.allclose(w, right), (
            f"the weights are {w[0, 0]:.4f} at [0, 0], expected {right[0, 0]:.4f}"
        )
        assert not np.allclose(c, b), (
            "the bias was left alone: at the mean the layer must give b"
        )
        assert not np.allclose(c, b + mean @ right), "the sign of the bias's change"
        assert not np.allclose(c, b - mean @ weights), (
            "the bias takes the mean through the new weights, not through the old"
        )
        x = rng.normal(3, 1, (6, d))
        assert np.allclose(x @ w + c, (x - mean) / scale @ weights + b), (
            "the weights are right, the bias is not: at the mean the layer must give b"
        )


def check_strength(strength_here: Callable[[str, float, int], Any]) -> None:
    """Check exercise 18.1, one strength of L2 in the conventions of several libraries.

    Derived in chapter 18, "What do L1 and L2 do?".

    Parameters
    ----------
    strength_here : callable
        ``strength_here(way, s, N)`` for a way among "keras", "half", "pytorch", "sum"
        and "C" returns the strength of nnlib's L2 beside a mean loss.

    Raises
    ------
    AssertionError
        If an answer is wrong, with the likely mistake.

    Examples
    --------
    >>> check_strength(lambda way, s, N: s)
    Traceback (most recent call last):
        ...
    AssertionError: half: L2(s) has the gradient 2 s w, a half has s w, eq. 18.2
    """
    ways: dict[str, Callable[[float, int], tuple[float, dict[float, str]]]] = {
        "keras": lambda s, n: (
            s,
            {
                s / 2: "keras: neither has a half, so the number is the same",
                2 * s: "keras: neither has a half, so the number is the same",
                s / n: "keras: its loss is a mean, too",
            },
        ),
        "half": lambda s, n: (
            s / 2,
            {
                s: "half: L2(s) has the gradient 2 s w, a half has s w, eq. 18.2",
                2 * s: "half: the other way round, a penalty with a half is the weaker",
            },
        ),
        "pytorch": lambda s, n: (
            s / 2,
            {
                s: "pytorch: what is added to the gradient is s w; nnlib's L2(s) adds "
                "2 s w, eq. 18.13",
                2 * s: "pytorch: the other way round: L2 with the strength s is decay "
                "with 2 s, eq. 18.13",
            },
        ),
        "sum": lambda s, n: (
            s / n,
            {
                s: "sum: a sum is N times a mean, so divide all by N, eq. 18.12",
                s * n: "sum: the other way round, a sum outweighs a penalty, eq. 18.12",
                s / (2 * n): "sum: there is no half on either side",
            },
        ),
        "C": lambda s, n: (
            1 / (2 * s * n),
            {
                s: "C: s multiplies the loss, so a larger s is a weaker penalty",
                1 / s: "C: divide by s, by N and by the 2 of the half",
                1 / (2 * s): "C: the losses are summed, so divide by N, eq. 18.12",
                1 / (s * n): "C: its penalty has a half, eq. 18.2",
                n / (2 * s): "C: the sum is N times the mean: divide by N, eq. 18.12",
            },
        ),
    }
    for way, wanted in ways.items():
        for s, n in ((0.3, 60), (0.02, 7)):
            try:
                value = strength_here(way, s, n)
            except (ValueError, KeyError, TypeError) as error:
                raise AssertionError(
                    f"for {way!r} it stops with {type(error).__name__}: {error}"
                ) from error
            assert value is not None, (
                f"for {way!r} strength_here returned None: there is nothing to check"
            )
            assert np.ndim(value) == 0, f"expected one number, got {value!r}"
            right, mistakes = wanted(s, n)
            for wrong, reason in mistakes.items():
                assert not np.isclose(value, wrong, rtol=1e-9, atol=0), reason
            assert np.isclose(value, right, rtol=1e-9, atol=0), (
                f"{way}: for s = {s:g} and N = {n} expected {right:.6g}, "
                f"got {float(value):.6g}"
            )


def check_proximal_step(step: Callable[[Any, Any, float, float], Any]) -> None:
    """Check exercise 18.2, a proximal step for L1.

    Derived in chapter 18, "What do L1 and L2 do?".

    Parameters
    ----------
    step : callable
        ``step(w, g, rate, strength)`` for weights and a gradient of shape (D,) returns
        the new weights.

    Raises
    ------
    AssertionError
        If an answer is wrong, with the likely mistake.

    Examples
    --------
    >>> check_proximal_step(lambda w, g, rate, s: w - rate * (g + s * np.sign(w)))
    Traceback (most recent call last):
        ...
    AssertionError: that is a step along L1's gradient: no weight lands on 0, eq. 18.8
    """
    w = np.array([0.5, -0.5, 0.0, 0.125, -0.125, 0.0, 2.0, 0.25, 0.0, -0.0625])
    g = np.array([1.0, -3.0, 0.5, 0.25, 0.0, -8.0, 24.0, -0.5, 6.0, -1.0])
    rate, s = 0.125, 1.75
    given = w.copy(), g.copy()
    try:
        value = step(w, g, rate, s)
    except (ValueError, TypeError) as error:
        raise AssertionError(
            f"for w and g of shape (10,) it stops with {error}"
        ) from error
    assert value is not None, "my_step returned None: there is nothing to check"
    unchanged = np.array_equal(w, given[0]) and np.array_equal(g, given[1])
    assert unchanged, "w or g was changed: return new weights"
    assert np.shape(value) == (10,), f"expected shape (10,), got {np.shape(value)}"
    found = np.asarray(value, np.float64)

    def soft(a: Any, by: float) -> Any:
        return a - np.clip(a, -by, by)

    ahead = w - rate * g
    mistakes = (
        (ahead, "the penalty is missing: that is a step along the loss alone"),
        (
            w - rate * (g + s * np.sign(w)),
            "that is a step along L1's gradient: no weight lands on 0, eq. 18.8",
        ),
        (
            soft(ahead, s),
            "the threshold is rate * strength, not the strength, eq. 18.7",
        ),
        (soft(ahead, rate), "the threshold is rate * strength, not the rate, eq. 18.7"),
        (soft(ahead, 2 * rate * s), "there is no factor 2 in L1, eq. 18.3"),
        (
            soft(w, rate * s) - rate * g,
            "first the step, then the threshold: what is moved after it is not 0, "
            "eq. 18.7",
        ),
        (soft(w, rate * s), "the gradient of the loss is missing"),
        (soft(w + rate * g, rate * s), "that goes uphill: subtract rate * g"),
        (
            ahead / (1 + 2 * rate * s),
            "that is L2's proximal step, which shrinks by a share, eq. 18.4",
        ),
        (
            np.where(abs(ahead) > rate * s, ahead, 0),
            "what is beyond the threshold must move towards 0 as well, eq. 18.5",
        ),
        (
            np.maximum(ahead - rate * s, 0),
            "negative weights are moved towards 0 from the other side, eq. 18.5",
        ),
        (
            ahead - rate * s * np.sign(ahead),
            "a weight that has less to go than the threshold stops at 0, eq. 18.5",
        ),
    )
    for wrong, reason in mistakes:
        assert not np.allclose(found, wrong, rtol=1e-9, atol=1e-12), reason
    right = soft(ahead, rate * s)
    worst = int(np.argmax(np.abs(found - right)))
    assert np.allclose(found, right, rtol=1e-9, atol=1e-12), (
        f"a weight of {w[worst]:g} with the slope {g[worst]:g}, rate {rate:g} and "
        f"strength {s:g} goes to {right[worst]:g}, got {found[worst]:g}, eq. 18.7"
    )
    near = found[(right == 0) & (found != 0)]
    assert not near.size, (
        f"expected exact zeros, got {near[0]:.3g}: take what np.clip leaves, or a "
        "maximum with 0"
    )


def check_dropout_backward(backward: Any) -> None:
    """Check exercise 19.1, dropout on the way back.

    Derived in chapter 19, "Why divide by 1 − p?".

    Parameters
    ----------
    backward : callable or type
        ``backward(dy, mask, p)`` returns the gradient of the input; or a layer, a class
        made by ``Layer(p, rng=rng)`` with ``forward(x, training=True)`` and
        ``backward(dy)``.

    Raises
    ------
    AssertionError
        If an answer is wrong, with the likely mistake.

    Examples
    --------
    >>> check_dropout_backward(lambda dy, mask, p: dy * mask)
    Traceback (most recent call last):
        ...
    AssertionError: the mask is right, but the division by 1 - p is missing: eq. 19.6
    """
    rng = np.random.default_rng(19)
    for p, shape in ((0.2, (8, 5)), (0.75, (40, 3)), (0.5, (6, 2, 3, 3))):
        dy = rng.uniform(1.0, 2.0, shape) * rng.choice([-1.0, 1.0], shape)
        for dtype in (np.float64, np.float32):
            given = dy.astype(dtype)
            if isinstance(backward, type):
                dx, mask = _through_layer(backward, given, p)
            else:
                mask = rng.random(shape) >= p
                dx = _through_function(backward, given, mask, p)
            _check_dropped(dx, given, mask, p)


def _through_function(backward: Any, dy: Any, mask: Any, p: float) -> Any:
    """Return the answer of a function, which must leave what it is given."""
    gradient, kept = dy.copy(), mask.copy()
    try:
        dx = backward(gradient, kept, p)
        again = backward(gradient, kept, p)
    except (TypeError, ValueError) as error:
        raise AssertionError(
            f"for dy and mask of shape {dy.shape} NumPy says: {error}"
        ) from error
    assert dx is not None, "backward returned None: there is nothing to check"
    assert np.array_equal(gradient, dy), "dy was changed: return a new array"
    assert np.array_equal(kept, mask), "the mask was changed"
    assert np.array_equal(dx, again), (
        "two calls with one mask differ: nothing is drawn on the way back, eq. 19.6"
    )
    return dx


def _through_layer(layer: Any, dy: Any, p: float) -> tuple[Any, Any]:
    """Return what a layer sends back, and the mask that its forward shows."""
    dropout = layer(p, rng=np.random.default_rng(1))
    x = np.abs(dy) + 1
    given = x.copy()
    y = dropout.forward(x, training=True)
    assert y is not None, "forward returned None: there is nothing to check"
    assert np.shape(y) == x.shape, f"forward: expected {x.shape}, got {np.shape(y)}"
    mask = np.asarray(y) != 0
    kept = mask.mean()
    spread = 5 * np.sqrt(p * (1 - p) / mask.size)
    assert abs(kept - (1 - p)) < spread, (
        f"forward: p = {p} is the probability of dropping, but a share of "
        f"{kept:.2f} was kept"
    )
    assert np.allclose(y, np.where(mask, x / (1 - p), 0)), (
        "forward: what is kept must be divided by 1 - p, eq. 19.1"
    )
    other = dropout.forward(x, training=True)
    assert not np.array_equal(np.asarray(other) != 0, mask), (
        "forward: the same mask again; each forward draws a new one"
    )
    rows = np.asarray(dropout.forward(np.ones((64, 3), x.dtype), training=True)) != 0
    assert (rows != rows[:1]).any(), (
        "forward: one mask for all samples; each sample has one of its own"
    )
    mask = np.asarray(dropout.forward(x, training=True)) != 0
    dx = dropout.backward(dy.copy())
    assert dx is not None, "backward returned None: there is nothing to check"
    plain = dropout.forward(x)
    assert np.array_equal(plain, given), (
        "forward: in evaluation nothing is dropped and nothing divided"
    )
    assert np.array_equal(x, given), "forward: x was changed"
    assert np.array_equal(dropout.backward(dy.copy()), dy), (
        "after a forward in evaluation dy must come back as it is"
    )
    return dx, mask


def _check_dropped(dx: Any, dy: Any, mask: Any, p: float) -> None:
    """Say what is wrong with a gradient."""
    assert np.shape(dx) == dy.shape, (
        f"for dy of shape {dy.shape} expected the same shape, got {np.shape(dx)}"
    )
    keep = 1 - p
    mistakes = [
        (
            dy * mask,
            "the mask is right, but the division by 1 - p is missing: eq. 19.6",
        ),
        (
            dy / keep,
            "divided but not masked: what was dropped has no part in the loss, and "
            "its gradient is 0, eq. 19.6",
        ),
        (dy, "that is dy as it came: forward masked and divided, so backward must too"),
        (dy * ~mask / keep, "the mask is inverted: the gradient goes where r is 1"),
        (dy * mask * keep, "multiplied by 1 - p: backward divides as forward does"),
        (dy * mask / keep**2, "divided by 1 - p twice"),
    ]
    if p != 0.5:
        mistakes.append((dy * mask / p, "divided by p: what is kept has 1 - p"))
    for wrong, reason in mistakes:
        assert not np.allclose(dx, wrong, rtol=1e-5, atol=0), reason
    hit = np.asarray(dx) != 0
    assert np.array_equal(hit, mask), (
        "another mask than that of the forward pass: keep the one that was drawn, "
        "eq. 19.6"
    )
    assert np.allclose(dx, dy * mask / keep, rtol=1e-5, atol=0), (
        f"p = {p:g}: where kept, dy is multiplied by {1 / keep:.4g}, eq. 19.6; "
        f"the first entry there came back times {(dx[mask] / dy[mask])[0]:.4g}"
    )
    assert np.asarray(dx).dtype == dy.dtype, (
        f"dy of dtype {dy.dtype} came back as {np.asarray(dx).dtype}"
    )


def check_masks_needed(masks_needed: Callable[[Any, float, float], Any]) -> None:
    """Check exercise 19.2, how many masks a mean needs.

    Derived in chapter 19, "Why divide by 1 − p?".

    Parameters
    ----------
    masks_needed : callable
        ``masks_needed(x, p, error)`` for numbers x (D,) returns an int.

    Raises
    ------
    AssertionError
        If an answer is wrong, with the likely mistake.

    Examples
    --------
    >>> check_masks_needed(lambda x, p, error: int((x**2).sum() / error**2))
    Traceback (most recent call last):
        ...
    AssertionError: x = [3. 4.], p = 0.75: that is without p/(1 - p), eq. 19.3
    """
    ten = [0.27, -1.03, 0.67, 0.99, 0.05, -0.37, -2.01, 1.13, -0.07, 0.73]
    for numbers, p, error in (
        ([3.0, 4.0], 0.75, 0.3),
        (ten, 0.9, 0.04),
        (ten, 0.2, 0.03),
        ([1.0, -1.0], 0.25, 0.015625),
        ([3.0, 4.0], 0.5, 0.5),
    ):
        x = np.array(numbers)
        case = f"x = {x if len(x) == 2 else 'the ten numbers'}, p = {p}"
        answer = masks_needed(x, p, error)
        assert answer is not None, "masks_needed returned None: nothing to check yet"
        assert np.array_equal(x, numbers), "x was changed"
        assert np.ndim(answer) == 0, f"{case}: expected one number, got {answer!r}"
        squares, allowed = float(np.sum(x**2)), error**2
        odds = p / (1 - p)
        for wrong, reason in (
            (squares / allowed, "that is without p/(1 - p), eq. 19.3"),
            (
                np.sqrt(odds * squares) / error,
                "the error falls with the root of M, so M goes with the square of "
                "1/error, eq. 19.5",
            ),
            (
                p * (1 - p) * squares / allowed,
                "that is for sums that are not divided by 1 - p",
            ),
            (squares / odds / allowed, "p and 1 - p are exchanged, eq. 19.3"),
            (
                odds * float(np.sum(x)) ** 2 / allowed,
                "that is the square of the sum, not the sum of the squares, eq. 19.4",
            ),
        ):
            near = abs(float(answer) - max(wrong, 1)) <= 1
            right = abs(float(answer) - odds * squares / allowed) <= 1
            assert right or not near, f"{case}: {reason}"
        q = Fraction(p).limit_denominator(100)
        exact = sum(Fraction(a).limit_denominator(100) ** 2 for a in numbers)
        unit = Fraction(error).limit_denominator(10_000)
        want = max(1, ceil(q / (1 - q) * exact / unit**2))
        assert answer != want - 1, (
            f"{case}: with {want - 1} masks the error is still above {error}: round up"
        )
        assert answer == want, f"{case}, error {error}: expected {want}, got {answer}"
        assert isinstance(answer, int | np.integer), f"{case}: expected an int"
    loose = masks_needed(np.array([1.0]), 0.5, 10.0)
    assert loose == 1, f"a large error is met by one mask, got {loose}"
    none = masks_needed(np.array([1.0]), 0.0, 0.5)
    assert none == 1, f"p = 0: nothing varies, and M is at least 1, got {none}"


def check_dropout_fit(dropout_fit: Callable[[Any, Any, float], Any]) -> None:
    """Check exercise 19.3, the best linear neuron under dropout.

    Derived in chapter 19, "Why divide by 1 − p?".

    Parameters
    ----------
    dropout_fit : callable
        ``dropout_fit(X, t, p)`` for X (N, D) and t (N,) returns the weights (D,).

    Raises
    ------
    AssertionError
        If an answer is wrong, with the likely mistake.

    Examples
    --------
    >>> check_dropout_fit(lambda X, t, p: np.linalg.lstsq(X, t)[0])
    Traceback (most recent call last):
        ...
    AssertionError: that is the fit without dropout: without the penalty of eq. 19.8
    """
    rng = np.random.default_rng(3)
    for p, samples, size in ((0.25, 20, 3), (0.8, 7, 4), (0.5, 3, 5)):
        x = rng.normal(size=(samples, size)) * np.arange(1.0, size + 1)
        t = rng.normal(size=samples)
        given, targets = x.copy(), t.copy()
        try:
            w = dropout_fit(x, t, p)
        except (ValueError, np.linalg.LinAlgError) as error:
            raise AssertionError(
                f"for X of shape {x.shape} NumPy says: {error}"
            ) from error
        assert w is not None, "dropout_fit returned None: there is nothing to check"
        assert np.array_equal(x, given), "X was changed"
        assert np.array_equal(t, targets), "t was changed"
        assert np.shape(w) == (size,), (
            f"expected w of shape ({size},), got {np.shape(w)}"
        )
        odds, products = p / (1 - p), x.T @ x
        squares = np.diag(np.diag(products))
        mistakes = [
            (
                odds * np.eye(size),
                "plain L2: the mean squares of the inputs are missing",
            ),
            (
                odds * samples * np.eye(size),
                "plain L2: each weight has its own strength",
            ),
            (
                odds * squares / samples,
                "the penalty is divided by N, the squared error not",
            ),
            (odds * squares / 2, "half the penalty: its slope has the factor 2 too"),
            (p * squares, "strength p: what is kept was not divided by 1 - p"),
            (odds * products, "all products are punished, not the squares alone"),
        ]
        if samples >= size:
            mistakes.append(
                (
                    np.zeros((size, size)),
                    "that is the fit without dropout: without the penalty of eq. 19.8",
                )
            )
        if p != 0.5:
            mistakes.append((squares / odds, "p and 1 - p are exchanged"))
        best = np.linalg.solve(products + odds * squares, x.T @ t)
        if np.allclose(w, best, rtol=1e-7, atol=1e-10):
            continue
        for extra, reason in mistakes:
            wrong = np.linalg.lstsq(products + extra, x.T @ t)[0]
            assert not np.allclose(w, wrong, rtol=1e-6, atol=1e-9), reason
        raise AssertionError(
            f"p = {p}: the expected error is smallest at {np.round(best, 3)}, "
            f"got {np.round(w, 3)}: see eq. 19.8"
        )
