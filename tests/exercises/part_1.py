"""Answers to the exercises of chapters 00 to 05."""

import math

import numpy as np

from nnlib.functional import log_softmax, logsumexp, relu, softmax, softplus


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


def length(w):
    return np.sqrt(w @ w)


def distance(points, w, b):
    return (points @ w + b) / length(w)


def shifts_points(points, w, b):
    points += b * w / (w @ w)
    return points @ w / length(w)


def normalises_weights(points, w, b):
    divisor = length(w)
    w /= divisor
    return points @ w + b / divisor


def cosine(x, y):
    return x @ y / (length(x) * length(y))


def degrees(x, y):
    return np.degrees(np.arccos(np.clip(cosine(x, y), -1, 1)))


def scales_in_place(x, y):
    x /= length(x)
    return degrees(x, y)


def by_entry(x, y):
    """Angles of the plane, by arctan2, which takes the first two entries alone."""
    turn = np.degrees(np.arctan2(y[1], y[0]) - np.arctan2(x[1], x[0]))
    return abs((turn + 180) % 360 - 180)


def untrained(factor=1.0, rows=2, half=0.5, shrink=True):
    """The bound of eq-untrained, with room for mistakes."""

    def answer(x, classes):
        v = factor * rows / x.shape[1] * (x**2).sum(axis=1).mean()
        return np.log(classes) + half * v * (1 - 1 / classes if shrink else 1)

    return answer


def untrained_in_place(x, classes):
    x **= 2
    return np.log(classes) + x.sum(axis=1).mean() / x.shape[1] * (1 - 1 / classes)


def binary_sorted(z, y):
    if z.shape != y.shape:
        raise ValueError("shapes differ")
    denied = np.where(z > 0, 1 - y, y)
    return (np.log1p(np.exp(-np.abs(z))) + denied * np.abs(z)).mean()


def binary_of_p(clip=0.0):
    def answer(z, y):
        p = np.clip(1 / (1 + np.exp(-z)), clip, 1 - clip)
        return -np.where(y == 0, 0, y * np.log(p)).mean() - (
            np.where(y == 1, 0, (1 - y) * np.log(1 - p)).mean()
        )

    return answer


def binary_in_place(z, y):
    np.clip(z, -1, 1, out=z)
    return binary_sorted(z, y)


def binary_by_sign(z, y):
    return np.logaddexp(0, np.where(y > 0.5, -z, z)).mean()


def class_loss(z, labels):
    return -log_softmax(z)[np.arange(len(labels)), labels].mean()


def class_loss_of_p(clip=0.0):
    def answer(z, labels):
        p = softmax(z)[np.arange(len(labels)), labels]
        return -np.log(np.maximum(p, clip)).mean()

    return answer


def class_loss_without_log1p(z, labels):
    m = z.max(axis=1)
    lse = np.log(np.exp(z - m[:, None]).sum(axis=1))
    return (lse - (z[np.arange(len(z)), labels] - m)).mean()


def class_loss_naive(z, labels):
    lse = np.log(np.exp(z).sum(axis=1))
    return (lse - z[np.arange(len(z)), labels]).mean()


def class_loss_late(z, labels):
    return (logsumexp(z) - z[np.arange(len(labels)), labels]).mean()


def class_loss_by_margin(z, labels):
    sample = np.arange(len(labels))
    others = z.copy()
    others[sample, labels] = -np.inf
    return softplus(logsumexp(others) - z[sample, labels]).mean()


def binary_by_softplus(z, y):
    if z.shape != y.shape:
        raise ValueError("shapes")
    return (y * softplus(-z) + (1 - y) * softplus(z)).mean()


def binary_comparing_dimensions(z, y):
    if z.ndim != y.ndim:
        raise ValueError("dimensions")
    return (y * softplus(-z) + (1 - y) * softplus(z)).mean()


def binary_asserting(z, y):
    assert z.shape == y.shape
    return binary_by_softplus(z, y)


def class_loss_global_max(z, labels):
    sample, shifted = np.arange(len(labels)), z - z.max()
    lse = np.log(np.exp(shifted).sum(axis=1))
    return (lse - shifted[sample, labels]).mean()


def class_loss_in_place(z, labels):
    z -= z.max(axis=1, keepdims=True)
    return class_loss(z, labels)


WRONG = [
    ("signed_distance", lambda p, w, b: None, "returned None"),
    ("signed_distance", lambda p, w, b: p @ w + b, r"divide by the length of w.*1\.8"),
    ("signed_distance", lambda p, w, b: (p @ w + b) / (w @ w), "its root is missing"),
    (
        "signed_distance",
        lambda p, w, b: abs(distance(p, w, b)),
        "the sign is missing: which side",
    ),
    (
        "signed_distance",
        lambda p, w, b: -distance(p, w, b),
        "positive is the side to which w points",
    ),
    ("signed_distance", lambda p, w, b: p @ w / length(w), "b is missing"),
    ("signed_distance", lambda p, w, b: p @ w / length(w) + b, "b must be divided"),
    ("signed_distance", lambda p, w, b: p @ w + b / length(w), "brackets are missing"),
    (
        "signed_distance",
        lambda p, w, b: (p @ w - b) / length(w),
        "the sign of b is wrong",
    ),
    (
        "signed_distance",
        lambda p, w, b: (p @ w + b) / abs(w).sum(),
        r"the point \(.*\) has signed distance .*, not",
    ),
    (
        "signed_distance",
        lambda p, w, b: (p @ w + b) / np.sqrt(w @ w + b * b),
        "has signed distance",
    ),
    ("signed_distance", lambda p, w, b: (p @ w + b) / 5, "has signed distance"),
    (
        "signed_distance",
        lambda p, w, b: (p * w).sum() / length(w),
        r"expected shape \(5,\), got \(\)",
    ),
    (
        "signed_distance",
        lambda p, w, b: (p * w).sum(axis=0) / length(w),
        r"expected shape \(5,\), got \(2,\)",
    ),
    (
        "signed_distance",
        lambda p, w, b: distance(p, w, b)[:, None],
        r"expected shape \(5,\), got \(5, 1\)",
    ),
    ("signed_distance", lambda p, w, b: w @ p + b, r"points @ w has shape \(5,\)"),
    (
        "signed_distance",
        lambda p, w, b: distance(p if len(p) != 2 else p.T, w, b),
        r"the point \(.*\) has signed distance",
    ),
    ("signed_distance", shifts_points, "points or w were changed"),
    ("signed_distance", normalises_weights, "points or w were changed"),
    ("angle", lambda x, y: None, "returned None"),
    ("angle", lambda x, y: np.radians(degrees(x, y)), "that is in radians"),
    ("angle", cosine, "that is the cosine"),
    (
        "angle",
        lambda x, y: np.degrees(np.arccos(np.clip(x @ y, -1, 1))),
        "are both lengths",
    ),
    ("angle", lambda x, y: np.degrees(np.arccos(x @ y / length(x))), "both lengths"),
    ("angle", lambda x, y: min(degrees(x, y), 180 - degrees(x, y)), "it gives 60"),
    ("angle", by_entry, "64 ones, and 32 ones and 32 zeros"),
    ("angle", lambda x, y: np.degrees(np.arccos(cosine(x, y))), "gives nan.*np.clip"),
    (
        "angle",
        lambda x, y: np.degrees(np.arccos(x @ y / np.sqrt((x @ x) * (y @ y)))),
        "gives nan.*np.clip",
    ),
    (
        "angle",
        lambda x, y: np.degrees(np.arccos((x / length(x)) @ (y / length(y)))),
        "gives nan.*np.clip",
    ),
    (
        "angle",
        lambda x, y: math.degrees(math.acos(cosine(x, y))),
        "math domain error.*np.clip",
    ),
    (
        "angle",
        lambda x, y: np.degrees(np.arccos(min(1, cosine(x, y)))),
        "at 180 degrees it gives nan",
    ),
    (
        "angle",
        lambda x, y: np.degrees(np.arcsin(np.clip(cosine(x, y), -1, 1))),
        "at a right angle it gives 0|90 degrees apart",
    ),
    ("angle", scales_in_place, "x or y was changed"),
    (
        "angle",
        lambda x, y: x.reshape(-1, 1) @ y,
        r"for two vectors of shape \(2,\) NumPy says",
    ),
    ("angle", lambda x, y: degrees(x, y) * np.ones(2), r"one number, got shape \(2,\)"),
]


def refuses_shapes(answer):
    """Guard an answer to exercise 2.1: only a column against a list passes."""

    def guarded(p, t):
        if p.ndim == 1 and t.shape == (len(p), 1):
            t = t[:, 0]
        elif t.ndim == 1 and p.shape == (len(t), 1):
            p = p[:, 0]
        if p.shape != t.shape:
            raise ValueError("shapes differ")
        return answer(p, t)

    return guarded


def flattened(p, t):
    return np.mean((p.ravel() - t.ravel()) ** 2)


def column_accepted(p, t):
    if {p.shape, t.shape} == {(p.size,), (p.size, 1)}:
        p, t = p.ravel(), t.ravel()
    if p.shape != t.shape:
        raise ValueError("shapes differ")
    return np.mean((p - t) ** 2)


def same_length_only(p, t):
    if len(p) != len(np.atleast_1d(t)):
        raise ValueError("lengths differ")
    return np.mean((p.reshape(len(p), -1) - t.reshape(len(t), -1)) ** 2)


def one_dimension_only(p, t):
    if p.ndim != 1 or t.ndim != 1:
        raise ValueError("one axis only")
    return refuses_shapes(lambda p, t: np.mean((p - t) ** 2))(p, t)


def row_accepted(p, t):
    if p.size == t.size and sorted((p.ndim, t.ndim)) == [1, 2]:
        p, t = p.ravel(), t.ravel()
    return column_accepted(p, t)


def all_shapes_refused(p, t):
    if p.shape != t.shape:
        raise ValueError("shapes differ")
    return np.mean((p - t) ** 2)


def rows_repeated(p, t):
    if p.ndim == t.ndim == 2 and len(p) == len(t):
        return np.mean((p - t) ** 2)
    return column_accepted(p, t)


def lengths_compared(p, t):
    if p.ndim and t.ndim and p.ndim + t.ndim == 5 and len(p) == len(t):
        return flattened(p, t)
    return column_accepted(p, t)


def asserts_shapes(p, t):
    assert p.shape == t.shape, "shapes differ"
    return np.mean((p - t) ** 2)


def difference_in_place(p, t):
    p -= t
    return np.mean(p**2)


def scalar_allowed(p, t):
    if np.ndim(t) == 0:
        return np.mean((p - t) ** 2)
    return column_accepted(p, t)


SHAPES = {
    "X": (32, 64),
    "W": (64, 10),
    "b": (10,),
    "Y": (32, 10),
    "Y[0]": (10,),
    "Y.mean(axis=0)": (10,),
    "Y[:, :1] - t": (32, 32),
}


def rows_in_a_loop(x, w, b):
    return np.array([row[None] @ w + b for row in x])


def adds_in_place(x, w, b):
    w *= 1.5
    return x @ w / 1.5 + b


def bias_by_sample(x, w, b):
    return x @ w + (b[:, None] if len(x) == len(b) else b)


def inverted(w, b):
    return -w, b + w.sum()


WRONG += [
    ("mean_squared_difference", lambda p, t: None, "returned None"),
    ("mean_squared_difference", lambda p, t: (p - t) ** 2, "expected one number"),
    (
        "mean_squared_difference",
        lambda p, t: np.mean((p - t) ** 2),
        r"\(5, 1\) and \(5,\) were broadcast to \(5, 5\): that is eq\. 2\.7",
    ),
    (
        "mean_squared_difference",
        refuses_shapes(lambda p, t: np.sum((p - t) ** 2)),
        "that is the sum",
    ),
    (
        "mean_squared_difference",
        refuses_shapes(lambda p, t: np.mean((p - t) ** 2) ** 0.5),
        "that is the root",
    ),
    (
        "mean_squared_difference",
        refuses_shapes(lambda p, t: np.mean(abs(p - t))),
        r"for two arrays of shape \(5,\) expected",
    ),
    (
        "mean_squared_difference",
        refuses_shapes(difference_in_place),
        "the prediction was changed",
    ),
    (
        "mean_squared_difference",
        flattened,
        r"\(5,\) and \(1,\) must raise ValueError: one target was repeated",
    ),
    (
        "mean_squared_difference",
        refuses_shapes(one_dimension_only),
        r"two arrays of shape \(5, 1\) fit, but it says",
    ),
    ("mean_squared_difference", scalar_allowed, "a single number was repeated"),
    (
        "mean_squared_difference",
        all_shapes_refused,
        r"\(5, 1\) and \(5,\) hold the same samples: return the right value",
    ),
    ("mean_squared_difference", row_accepted, "a row is one sample, not five"),
    (
        "mean_squared_difference",
        rows_repeated,
        r"\(2, 3\) and \(2, 1\) must raise.*: one target was repeated along each row",
    ),
    (
        "mean_squared_difference",
        lengths_compared,
        r"\(2, 6\) and \(2, 2, 3\) must raise.*: as many numbers, in another shape",
    ),
    (
        "mean_squared_difference",
        asserts_shapes,
        "raise ValueError, not AssertionError",
    ),
    (
        "mean_squared_difference",
        lambda p, t: flattened(p, t) if p.size == t.size else column_accepted(p, t),
        "as many numbers, but paired across samples",
    ),
    ("shapes", {}, "no shape is given for X"),
    ("shapes", SHAPES | {"W": ...}, "W: nothing to check yet"),
    ("shapes", SHAPES | {"b": 10}, r"a shape is a tuple, such as .*, got 10"),
    ("shapes", SHAPES | {"X": (32, 8, 8)}, "samples come first, then their 64"),
    ("shapes", SHAPES | {"W": (10, 64)}, r"the inner sizes agree.*eq\. 2\.4"),
    ("shapes", SHAPES | {"b": (32,)}, "not for each sample"),
    ("shapes", SHAPES | {"Y": (10, 32)}, "the outer sizes"),
    ("shapes", SHAPES | {"Y[0]": (1, 10)}, "an index takes its axis away"),
    ("shapes", SHAPES | {"Y.mean(axis=0)": (32,)}, "the neurons remain"),
    ("shapes", SHAPES | {"Y[:, :1] - t": (32,)}, r"a slice keeps its axis.*eq\. 2\.7"),
    ("shapes", SHAPES | {"Y[:, :1] - t": (32, 1)}, "a slice keeps its axis"),
    ("dense", lambda x, w, b: None, "returned None"),
    ("dense", lambda x, w, b: x @ w.T + b, r"W was transposed.*eq\. 2\.4"),
    ("dense", lambda x, w, b: x @ w + b[:, None], "it holds one number a neuron"),
    ("dense", lambda x, w, b: x @ w, "the bias is missing"),
    ("dense", lambda x, w, b: x * w + b, "use @"),
    ("dense", lambda x, w, b: w @ x + b, "the factors are swapped"),
    ("dense", rows_in_a_loop, r"the outer sizes remain, \(3, 3\): got \(3, 1, 3\)"),
    ("dense", adds_in_place, "W was changed"),
    ("dense", lambda x, w, b: (x @ w + b).ravel(), "the outer sizes remain"),
    (
        "dense",
        lambda x, w, b: np.stack([row @ w + b for row in x]),
        "NumPy says: need at",
    ),
    ("dense", lambda x, w, b: x @ w - b, "an entry differs"),
    ("dense", bias_by_sample, "it holds one number a neuron"),
    ("inverted", lambda w, b: None, "returned None"),
    ("inverted", lambda w, b: -w, "expected weights and a bias|got 1 things"),
    ("inverted", lambda w, b: (-w, b), "at x' = 0 the bias alone answers"),
    ("inverted", lambda w, b: (-w, -b), "at x' = 0 the bias alone answers"),
    ("inverted", lambda w, b: (-w, b - w.sum()), "the bias alone answers"),
    ("inverted", lambda w, b: (-w, b + w), r"expected one bias, got shape \(1,\)"),
    ("inverted", lambda w, b: (w, b + w.sum()), "these are the old weights"),
    ("inverted", lambda w, b: (w, -b - w.sum()), "these are the old weights"),
    ("inverted", lambda w, b: (1 - w, b), "an answer changes|the bias alone"),
    ("inverted", lambda w, b: (-w.sum(), b), r"weights of shape \(1,\), got \(\)"),
]


def relu_in_place(x):
    x[x < 0] = 0
    return x


def relu_of_one_number(x):
    return max(x, 0)


def relu_without_nan(x):
    return np.where(x > 0, x, 0)


def relu_with_negative_zero(x):
    return np.where(x < 0, -0.0, x).astype(x.dtype)


def relu_that_spreads_nan(x):
    return np.full_like(x, np.nan) if np.isnan(x).any() else np.where(x <= 0, 0, x)


def relu_in_float64(x):
    return np.where(x <= 0, 0, x).astype(np.float64)


def relu_right_in_float64_only(x):
    return relu(x) if x.dtype == np.float64 else np.abs(x)


def relu_of_rows(x):
    if x.ndim == 0:
        raise ValueError("iteration over a 0-d array")
    return relu(x)


def relu_without_subnormals(x):
    return np.where(x < np.finfo(x.dtype).smallest_normal, 0, x)


def folded(layers):
    w, b = layers[0]
    for after, shift in layers[1:]:
        w, b = w @ after, b @ after + shift
    return w, b


def folded_from_the_end(layers):
    w, b = layers[-1]
    for before, shift in layers[-2::-1]:
        w, b = before @ w, shift @ w + b
    return w, b


def two_at_least(layers):
    return folded([folded([layers[0], layers[1]]), *layers[2:]])


def changes_a_bias(layers):
    w, b = folded(layers)
    layers[1][1][:] = b
    return w, b


def empties_the_list(layers):
    answer = folded(layers)
    layers.clear()
    return answer


class Weights:
    """Arguments of check_xor, as one answer."""

    def __init__(self, *given):
        self.given = given


ONES = [[1, 1], [1, 1]]
WRONG += [
    ("xor", Weights(..., ..., ..., ...), "W1 is not set yet"),
    ("xor", Weights(ONES, None, [1, -2], 0), "b1 is not set yet"),
    ("xor", Weights(ONES, [0, "a"], [1, -2], 0), "the weights must be numbers"),
    ("xor", Weights([1, 1], [0], [1], 0), r"W1 must have shape \(2, H\).*got \(2,\)"),
    ("xor", Weights(ONES, 0, [1, -2], 0), r"b1 must have shape \(2,\), got \(\)"),
    (
        "xor",
        Weights(ONES, [0, -1], [[1, -2]], 0),
        r"W2 must have shape \(2,\) or \(2, 1\)",
    ),
    ("xor", Weights(ONES, [0, -1], [1, -2], [0, 0]), "b2 must be one number"),
    ("xor", Weights(ONES, [0, np.nan], [1, -2], 0), "b1 must be finite"),
    ("xor", Weights(ONES, [0, 0], [1, -2], 0), "values of both signs before it"),
    ("xor", Weights(ONES, [9, 9], [1, 1], -20), "the network is affine, and eq. 3.2"),
    ("xor", Weights(ONES, [-3, -3], [1, -2], 0), "the network is affine, and eq. 3.2"),
    (
        "xor",
        Weights(ONES, [0, -1.8], [1, -2], 0),
        r"right at 3 of 4 points; at \(1, 1\) the output is 1.6",
    ),
    (
        "xor",
        Weights(ONES, [0, -0.5], [1, -2], 0),
        r"right at 2 of 4 points; at \(0, 1\) the output is 0, at \(1, 0\) it is 0",
    ),
    ("xor", Weights(ONES, [0, -1], [-1, 2], 1), "0 and 1 are exchanged"),
    (
        "xor",
        Weights([[1, -1], [-2, 2]], [0, 0], [2, 1], 0),
        r"at 3 of 4 points, and at all 4 with W1 transposed \(a neuron's weights are a",
    ),
    (
        "xor",
        Weights(ONES, [0, -1], [1, -2], 0),
        "what those of eq. 3.5 do: find others",
    ),
    (
        "xor",
        Weights(ONES, [-1, 0], [-2, 1], 0),
        "what those of eq. 3.5 do: find others",
    ),
    (
        "xor",
        Weights([[2, 0.5], [2, 0.5]], [-2, 0], [[-1], [2]], [0.1]),
        "what those of eq. 3.5 do: find others",
    ),
    ("relu", lambda x: None, "returned None"),
    ("relu", lambda x: x.ravel(), r"expected the same shape, got \(6,\)"),
    ("relu", relu_of_one_number, "Python's max and if compare one number"),
    ("relu", np.abs, "negative numbers become 0"),
    ("relu", lambda x: (x > 0) * 1.0, "that is the step, eq. 3.3"),
    ("relu", lambda x: np.clip(x, 0, 1), "clipped at 1"),
    ("relu", lambda x: np.minimum(x, 0), "min for max"),
    ("relu", lambda x: np.where(x > 0, x, 0.1 * x), "for x = -2 expected 0, got -0.2"),
    ("relu", lambda x: np.maximum(x, 0.5), "expected 0, got 0.5"),
    ("relu", lambda x: np.logaddexp(0, x), "for x = .* expected"),
    ("relu", lambda x: x * (x > 0), "0·∞ and ∞ - ∞ have no value"),
    ("relu", lambda x: (x + np.abs(x)) / 2, "0·∞ and ∞ - ∞ have no value"),
    ("relu", lambda x: np.clip(x, 0, 1e300), "for x = inf expected inf"),
    ("relu", relu_in_place, "x was changed"),
    ("relu", relu_without_nan, "nan became 0"),
    ("relu", relu_that_spreads_nan, "must not spread"),
    ("relu", lambda x: np.where(x < -1e-9, 0, x), "expected four zeros"),
    ("relu", relu_with_negative_zero, "a negative zero"),
    ("relu", relu_in_float64, "float32 became float64"),
    ("relu", lambda x: "relu", "an array of floats, got str"),
    ("relu", lambda x: x.astype(str), "an array of floats, got dtype <U"),
    ("relu", lambda x: [[0.0], [0.0, 1.0]], "not an array of floats"),
    ("relu", lambda x: relu(x) + 0j, "an array of floats, got dtype complex128"),
    ("relu", relu_right_in_float64_only, "in float32, shape .*expected 0.0, got"),
    ("relu", relu_of_rows, r"for x of shape \(\) NumPy says"),
    ("relu", relu_without_subnormals, r"for x = .*e-.* in float.*expected .*e-"),
    ("collapse", lambda layers: None, "returned None"),
    ("collapse", lambda layers: folded(layers)[0], "expected a pair"),
    (
        "collapse",
        lambda layers: (folded(layers)[0].T, folded(layers)[1]),
        "not take x where",
    ),
    (
        "collapse",
        lambda layers: (sum(w for w, _ in layers), folded(layers)[1]),
        "not take x where",
    ),
    (
        "collapse",
        lambda layers: (
            np.linalg.multi_dot([w for w, _ in layers[::-1]]),
            folded(layers)[1],
        ),
        "the product the other way round",
    ),
    (
        "collapse",
        lambda layers: (folded(layers)[0], sum(b for _, b in layers)),
        r"b sums all biases.* eq\. 3\.1",
    ),
    ("collapse", lambda layers: (folded(layers)[0], layers[-1][1]), "last layer alone"),
    ("collapse", lambda layers: layers[-1], "not take x where"),
    (
        "collapse",
        lambda layers: (folded(layers)[0], folded(layers)[1] - layers[-1][1]),
        "bias of the last layer has been forgotten",
    ),
    (
        "collapse",
        lambda layers: (folded(layers)[0], folded(layers)[1] + 1),
        "your b is something else",
    ),
    (
        "collapse",
        lambda layers: (folded(layers)[0], folded(layers)[1][None]),
        r"b must have shape \(3,\), got \(1, 3\)",
    ),
    (
        "collapse",
        lambda layers: folded(layers) if len(layers[0][1]) == 3 else (np.eye(5), 0),
        r"for weights of shapes \(4, 2\) W must have shape \(4, 2\), got \(5, 5\)",
    ),
    ("collapse", lambda layers: folded(layers[:2]), "first two layers, but"),
    (
        "collapse",
        lambda layers: folded([folded(layers[:2]), *layers[2:], layers[1]]),
        "not take x where",
    ),
    ("collapse", two_at_least, "for weights of shapes .4, 2. Python says: list index"),
    (
        "collapse",
        lambda layers: folded(layers if len(layers[0][0]) == 3 else layers[::-1]),
        "Python says: matmul",
    ),
    ("collapse", changes_a_bias, "b of layer 2 was changed"),
    ("collapse", empties_the_list, "the list of layers was changed"),
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
    ("untrained_loss", lambda x, classes: None, "returned None"),
    ("untrained_loss", lambda x, classes: np.ones(len(x)), "expected one number"),
    ("untrained_loss", lambda x, classes: np.log(classes), "excess is missing"),
    ("untrained_loss", lambda x, classes: 1.0, "black images all scores are 0"),
    ("untrained_loss", untrained(half=1.0), "twice too large"),
    ("untrained_loss", untrained(shrink=False), r"1 - 1/K is missing, eq\. 5\.15"),
    ("untrained_loss", untrained(rows=1), "the 2 is missing"),
    ("untrained_loss", untrained(factor=1.01), "expected .*, got"),
    ("untrained_loss", lambda x, c: untrained(factor=x.shape[1])(x, c), "D is missing"),
    (
        "untrained_loss",
        lambda x, c: untrained(factor=x.shape[1] / len(x))(x, c),
        "D and N",
    ),
    (
        "untrained_loss",
        lambda x, c: untrained()(x.mean(0, keepdims=True), c),
        "squared",
    ),
    ("untrained_loss", untrained_in_place, "x was changed"),
    ("sigmoid_cross_entropy", lambda z, y: None, "returned None"),
    ("sigmoid_cross_entropy", lambda z, y: z, "expected one number"),
    (
        "sigmoid_cross_entropy",
        lambda z, y: binary_sorted(z, y) * z.size,
        "the sum over",
    ),
    ("sigmoid_cross_entropy", lambda z, y: binary_sorted(z, y) * 3, "over questions"),
    ("sigmoid_cross_entropy", lambda z, y: -binary_sorted(z, y), "sign is wrong"),
    ("sigmoid_cross_entropy", lambda z, y: binary_sorted(-z, y), "exchanged"),
    (
        "sigmoid_cross_entropy",
        lambda z, y: (y * np.logaddexp(0, -z)).mean(),
        r"only the yes .*eq\. 5\.8",
    ),
    ("sigmoid_cross_entropy", lambda z, y: binary_sorted(2 * z, y), "six moderate"),
    ("sigmoid_cross_entropy", binary_by_sign, "not for shares between"),
    ("sigmoid_cross_entropy", binary_of_p(), "a logarithm of 0"),
    ("sigmoid_cross_entropy", binary_of_p(1e-7), r"flat there, eq\. 5\.13"),
    (
        "sigmoid_cross_entropy",
        lambda z, y: (np.log(1 + np.exp(z)) - y * z).mean(),
        "a power that overflows",
    ),
    (
        "sigmoid_cross_entropy",
        lambda z, y: (np.logaddexp(0, z) - y * z).mean(),
        "do not subtract y z",
    ),
    (
        "sigmoid_cross_entropy",
        lambda z, y: binary_sorted(*np.broadcast_arrays(z, y)),
        r"z of shape \(3,\) and y of shape \(3, 1\) must be refused",
    ),
    (
        "sigmoid_cross_entropy",
        lambda z, y: (np.where(z == 0, 0, softplus(z) - y * z)).mean(),
        "for the score 0 the loss is ln 2",
    ),
    (
        "sigmoid_cross_entropy",
        lambda z, y: binary_sorted(z, y) if z.size == 1 or z.all() else 0.0,
        "with the score 0 among others",
    ),
    (
        "sigmoid_cross_entropy",
        binary_comparing_dimensions,
        r"z of shape \(2, 3\) and y of shape \(1, 3\) must be refused",
    ),
    ("sigmoid_cross_entropy", binary_asserting, "raise ValueError, not assert"),
    ("sigmoid_cross_entropy", binary_in_place, "z was changed"),
    ("cross_entropy", lambda z, labels: None, "returned None"),
    ("cross_entropy", lambda z, labels: z, "expected one number"),
    ("cross_entropy", lambda z, labels: z[labels + 5], "NumPy says"),
    ("cross_entropy", lambda z, labels: class_loss(z, labels) * len(z), "divide by N"),
    ("cross_entropy", lambda z, labels: class_loss(z, labels) / 3, "N K entries"),
    ("cross_entropy", lambda z, labels: -class_loss(z, labels), "sign is wrong"),
    (
        "cross_entropy",
        lambda z, labels: -log_softmax(z)[:, labels].mean(),
        "these columns of every row",
    ),
    ("cross_entropy", lambda z, labels: class_loss(softmax(z), labels), "taken twice"),
    ("cross_entropy", lambda z, labels: class_loss(z, labels) / np.log(2), "base 2"),
    (
        "cross_entropy",
        lambda z, labels: 1 - softmax(z)[np.arange(len(z)), labels].mean(),
        "its logarithm is missing",
    ),
    (
        "cross_entropy",
        lambda z, labels: class_loss(z[:2], labels[:2]),
        "wrong for three",
    ),
    ("cross_entropy", class_loss_naive, "shifting all scores by 1000"),
    ("cross_entropy", class_loss_global_max, "subtract each row's own largest"),
    ("cross_entropy", class_loss_of_p(), r"from the scores, not from p, eq\. 5\.11"),
    ("cross_entropy", class_loss_of_p(1e-7), r"flat there, eq\. 5\.13"),
    ("cross_entropy", class_loss_without_log1p, r"1 \+ s was rounded to 1"),
    ("cross_entropy", class_loss_late, "subtract first, as log_softmax does"),
    ("cross_entropy", class_loss_in_place, "z was changed"),
]

RIGHT = [
    ("signed_distance", distance),
    ("signed_distance", lambda p, w, b: distance(p, w, b).tolist()),
    ("signed_distance", lambda p, w, b: (p + b * w / (w @ w)) @ w / np.linalg.norm(w)),
    ("angle", degrees),
    (
        "angle",
        lambda x, y: (
            2
            * np.degrees(
                np.arctan2(
                    length(x / length(x) - y / length(y)),
                    length(x / length(x) + y / length(y)),
                )
            )
        ),
    ),
    ("mean_squared_difference", refuses_shapes(flattened)),
    ("mean_squared_difference", column_accepted),
    ("shapes", SHAPES),
    ("shapes", {name: list(shape) for name, shape in SHAPES.items()}),
    ("dense", lambda x, w, b: x @ w + b),
    ("dense", lambda x, w, b: (w.T @ x.T + b[:, None]).T),
    ("dense", lambda x, w, b: np.einsum("nd,dk->nk", x, w) + b),
    ("inverted", inverted),
    ("inverted", lambda w, b: [-w, b + w @ np.ones(len(w))]),
    ("xor", Weights([[1, -1], [-1, 1]], [0, 0], [1, 1], 0)),
    ("xor", Weights([[1, -1], [-1, 1]], [0, 0], [[1.0], [1.0]], [0.1])),
    ("xor", Weights([[-2, 1, 0], [-2, 1, 0]], [1, -1, 1], [-1, -1, 1], 0)),
    ("relu", lambda x: np.where(x <= 0, 0, x)),
    ("relu", lambda x: np.maximum(x, 0) + x.dtype.type(0)),
    ("relu", relu),
    ("collapse", folded),
    ("collapse", lambda layers: list(folded(layers))),
    ("collapse", folded_from_the_end),
    ("cosine_slope", lambda x: -np.sin(x)),
    ("deceiver", lambda x: 1 - 2 * x / np.pi),
    ("deceiver", lambda x: np.cos(x) + np.sin(2 * x)),
    ("softmax", softmax),
    ("logsumexp", logsumexp),
    ("temperature", hottest),
    ("untrained_loss", untrained()),
    ("sigmoid_cross_entropy", binary_sorted),
    ("sigmoid_cross_entropy", binary_by_softplus),
    ("cross_entropy", class_loss),
    ("cross_entropy", class_loss_by_margin),
    ("untrained_loss", lambda x, c: np.float32(untrained()(x, c))),
    ("sigmoid_cross_entropy", lambda z, y: np.float32(binary_sorted(z, y))),
    ("sigmoid_cross_entropy", lambda z, y: binary_by_softplus(np.float32(z), y)),
]


def class_loss_with_a_low_score(z, labels):
    rows = np.arange(len(z))
    others = z.copy()
    others[rows, labels] = -1e6
    return softplus(logsumexp(others) - z[rows, labels]).mean()


def loses_any_last_axis(p, t):
    if p.shape == (*t.shape, 1):
        p = p[..., 0]
    if t.shape == (*p.shape, 1):
        t = t[..., 0]
    if p.shape != t.shape:
        raise ValueError("shapes")
    return ((p - t) ** 2).mean()


def relu_by_halves(x):
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where(x == -np.inf, 0, (x + abs(x)) / 2).astype(x.dtype)


WRONG += [
    ("mean_squared_difference", loses_any_last_axis, "must raise ValueError"),
    ("relu", relu_by_halves, "got inf"),
    ("cross_entropy", class_loss_with_a_low_score, "only -inf does"),
]

# The number that a message gives to an equation.
NUMBERS = [
    ("00_verify", "eq-sine-slope", 2),
    ("01_neuron", "eq-dot-cosine", 4),
    ("01_neuron", "eq-signed-distance", 8),
    ("02_dense", "eq-dense", 4),
    ("02_dense", "eq-broadcast-trap", 7),
    ("03_nonlinear", "eq-linear-stack", 1),
    ("03_nonlinear", "eq-xor-impossible", 2),
    ("03_nonlinear", "def-step", 3),
    ("03_nonlinear", "def-relu", 4),
    ("03_nonlinear", "eq-xor-relu", 5),
    ("04_softmax", "eq-softmax-odds", 3),
    ("04_softmax", "eq-softmax-shift", 4),
    ("04_softmax", "eq-lse-shift", 9),
    ("04_softmax", "eq-softmax-cold", 13),
    ("05_cross_entropy", "eq-likelihood-nll", 1),
    ("05_cross_entropy", "eq-cce", 3),
    ("05_cross_entropy", "eq-binary", 8),
    ("05_cross_entropy", "eq-cce-logits", 11),
    ("05_cross_entropy", "eq-clipped-flat", 13),
    ("05_cross_entropy", "eq-untrained", 15),
]
