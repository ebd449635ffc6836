"""Checkers of the book's exercises: each says what is wrong with the reader's answer.

They look at no solution. A failed check is an AssertionError in the chapter's terms.
"""

# Written by book/tools/export.py: edit the chapter, then run `make export`.

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np

__all__ = [
    "check_angle",
    "check_collapse",
    "check_cosine_slope",
    "check_cross_entropy",
    "check_deceiver",
    "check_dense",
    "check_inverted",
    "check_logsumexp",
    "check_mean_squared_difference",
    "check_relu",
    "check_shapes",
    "check_sigmoid_cross_entropy",
    "check_signed_distance",
    "check_softmax",
    "check_temperature",
    "check_untrained_loss",
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
        assert shape is not None and shape is not ..., f"{name}: nothing to check yet"
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
        f"for scores -2e300 and -3e300 and the label 1 the loss is 1e300, got {low:.6g}: "
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
