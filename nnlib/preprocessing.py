"""Splitters and scalers, under scikit-learn's names and with its results.

Whatever a scaler learns it must learn from training data alone: chapter 17 says why.
"""

# Written by book/tools/export.py: edit the chapter, then run `make export`.

import math
import operator
import warnings
from collections.abc import Iterator
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

__all__ = [
    "KFold",
    "MinMaxScaler",
    "StandardScaler",
    "StratifiedKFold",
    "train_test_split",
]


def train_test_split(
    *arrays: npt.ArrayLike,
    test_size: float = 0.25,
    stratify: npt.ArrayLike | None = None,
    rng: Any,
) -> list[npt.NDArray[Any]]:
    """Split arrays at random into a part to learn from and a part to be tested on.

    Derived in chapter 17, "Can I trust my score?".

    Parameters
    ----------
    *arrays : array_like of shape (N, ...)
        One or more arrays, of any kind, with one row for each of N samples.
    test_size : float or int, default 0.25
        The share of the samples that is kept for the test, between 0 and 1, rounded up
        to whole samples; or, as an integer, their number. Both parts hold at least one.
    stratify : array_like of shape (N,), optional
        Labels. Both parts then have every class in the proportion of the whole, to
        within one sample.
    rng : int, Generator or None
        What `numpy.random.default_rng` takes; None draws a split that cannot be
        repeated.

    Returns
    -------
    list of ndarray
        For each array its training rows and its test rows, copied: two arrays give
        ``[x_train, x_test, y_train, y_test]``. The rows are shuffled, all arrays alike.

    Raises
    ------
    ValueError
        If there is no array, the numbers of rows differ, `test_size` leaves a part
        without samples, or a class is too small to be in both parts.

    Notes
    -----
    Sizes, and with `stratify` the numbers of each class, are those of scikit-learn's
    `train_test_split`, except that ties between classes are broken by `rng`. Which
    samples are drawn differs: the generators differ.

    Examples
    --------
    >>> x, y = np.arange(8).reshape(4, 2), np.array([0, 1, 0, 1])
    >>> x_train, x_test, y_train, y_test = train_test_split(x, y, rng=0)
    >>> x_train.shape, x_test.shape
    ((3, 2), (1, 2))

    References
    ----------
    Equation eq-honest-score.
    """
    if not arrays:
        raise ValueError("arrays must hold at least one array, got none")
    whole = [np.asarray(array) for array in arrays]
    for place, array in enumerate(whole):
        if array.ndim == 0:
            raise ValueError(f"arrays[{place}] must have a row for each sample, got ()")
    n = len(whole[0])
    for place, array in enumerate(whole):
        if len(array) != n:
            raise ValueError(
                f"arrays[{place}] must have {n} rows as arrays[0], got {len(array)}"
            )
    test = _test_count(test_size, n)
    generator = np.random.default_rng(rng)
    if stratify is None:
        order = generator.permutation(n)
        chosen = [order[test:], order[:test]]
    else:
        chosen = _stratified(_codes(stratify, n, "stratify"), n - test, generator)
    return [array[rows] for array in whole for rows in chosen]


def _test_count(test_size: float, n: int) -> int:
    """Return how many of n samples are tested on."""
    if isinstance(test_size, (bool, np.bool_)):
        raise ValueError(f"test_size must be a share or a number, got {test_size}")
    if isinstance(test_size, (int, np.integer)):
        count = int(test_size)
        if not 0 < count < n:
            raise ValueError(
                f"test_size must be from 1 to {n - 1} of {n} samples, got {test_size}"
            )
        return count
    share = float(test_size)
    if not 0 < share < 1:
        raise ValueError(
            f"test_size must be a share between 0 and 1 or a whole number, got {share}"
        )
    count = math.ceil(share * n)
    if not 0 < count < n:
        raise ValueError(
            f"test_size must leave samples in both parts, got {share} of {n}"
        )
    return count


def _codes(labels: npt.ArrayLike, n: int, name: str) -> npt.NDArray[np.intp]:
    """Return the labels as numbers from 0 on, in order of their first appearance."""
    y = np.asarray(labels)
    if y.shape != (n,):
        raise ValueError(f"{name} must have shape ({n},), got {y.shape}")
    if y.dtype.kind == "f" and not (np.isfinite(y) & (y == np.round(y))).all():
        raise ValueError(
            f"{name} must hold labels, not measurements, got dtype {y.dtype}"
        )
    if y.dtype.kind not in "biufUSO":
        raise ValueError(f"{name} must hold labels, got dtype {y.dtype}")
    _, first, inverse = np.unique(y, return_index=True, return_inverse=True)
    place = np.empty(len(first), dtype=np.intp)
    place[np.argsort(first)] = np.arange(len(first))
    codes: npt.NDArray[np.intp] = place[inverse]
    return codes


def _stratified(
    codes: npt.NDArray[np.intp], train: int, generator: np.random.Generator
) -> list[npt.NDArray[np.intp]]:
    """Return training and test rows with the classes in proportion."""
    counts, n = np.bincount(codes), len(codes)
    if counts.min() < 2:
        raise ValueError(
            "stratify must hold at least two samples of each class, got one"
        )
    for part, size in (("train", train), ("test", n - train)):
        if size < len(counts):
            raise ValueError(
                f"test_size must leave one of each of {len(counts)} classes in both "
                f"parts, got {size} samples to {part} on"
            )
    share = counts / n * train
    wanted = np.floor(share).astype(np.intp)
    # What is missing goes where most was cut off; of equals, where the dice say.
    order = np.lexsort((generator.random(len(counts)), wanted - share))
    wanted[order[: train - wanted.sum()]] += 1
    parts: list[list[npt.NDArray[np.intp]]] = [[], []]
    for k, count in enumerate(wanted):
        rows = generator.permutation(np.flatnonzero(codes == k))
        parts[0].append(rows[:count])
        parts[1].append(rows[count:])
    return [generator.permutation(np.concatenate(part)) for part in parts]


class KFold:
    """Deal N samples into parts, each of which is the test set once.

    Derived in chapter 17, "Can I trust my score?".

    Parameters
    ----------
    n_splits : int, default 5
        The number of parts, 2 or more. The first ``N % n_splits`` of them have one
        sample more.
    shuffle : bool, default False
        Whether samples are dealt at random; otherwise parts are stretches of the data
        as they stand, which is wrong for data that are sorted.
    rng : int, Generator or None
        For `shuffle`, what `numpy.random.default_rng` takes. A number gives the same
        parts at every call of `split`, a generator new ones.

    Raises
    ------
    ValueError
        If `n_splits` is not a whole number from 2 on, or `rng` is given without
        `shuffle`, where it would do nothing.

    Notes
    -----
    Without `shuffle` the indices are those of scikit-learn's `KFold`.

    Examples
    --------
    >>> for train, test in KFold(2).split(np.zeros((5, 3))):
    ...     print(train, test)
    [3 4] [0 1 2]
    [0 1 2] [3 4]

    References
    ----------
    Equations eq-kfold-mean and eq-kfold-variance.
    """

    def __init__(
        self, n_splits: int = 5, *, shuffle: bool = False, rng: Any = None
    ) -> None:
        try:
            count = operator.index(n_splits)
        except TypeError:
            count = 0
        if count < 2 or isinstance(n_splits, (bool, np.bool_)):
            raise ValueError(
                f"n_splits must be a whole number from 2 on, got {n_splits}"
            )
        if not isinstance(shuffle, (bool, np.bool_)):
            raise ValueError(f"shuffle must be True or False, got {shuffle!r}")
        if rng is not None and not shuffle:
            raise ValueError("rng must be None without shuffle=True: nothing is drawn")
        self.n_splits, self.shuffle, self.rng = count, bool(shuffle), rng

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.n_splits}, shuffle={self.shuffle})"

    def split(
        self, x: npt.ArrayLike, y: npt.ArrayLike | None = None
    ) -> Iterator[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
        """Yield the indices of the training and of the test samples, part by part.

        Parameters
        ----------
        x : array_like of shape (N, ...)
            The samples, of which only their number is used.
        y : array_like of shape (N,), optional
            Labels, which `StratifiedKFold` needs.

        Yields
        ------
        tuple of ndarray
            Both sorted. Every sample is in exactly one test set.

        Raises
        ------
        ValueError
            If there are fewer samples than parts, or labels do not fit.
        """
        if np.ndim(x) == 0:
            raise ValueError("x must have a row for each sample, got shape ()")
        n = len(np.asarray(x))
        if y is not None and np.shape(y)[:1] != (n,):
            raise ValueError(f"y must have {n} rows as x, got shape {np.shape(y)}")
        if n < self.n_splits:
            raise ValueError(
                f"x must have at least one sample for each of {self.n_splits} parts, "
                f"got {n}"
            )
        part = self._parts(n, y)
        everyone = np.arange(n)
        return (
            (everyone[part != k], everyone[part == k]) for k in range(self.n_splits)
        )

    def _parts(self, n: int, y: npt.ArrayLike | None) -> npt.NDArray[np.intp]:
        """Return the part in which each sample is tested."""
        del y
        sizes = np.full(self.n_splits, n // self.n_splits)
        sizes[: n % self.n_splits] += 1
        part = np.arange(self.n_splits).repeat(sizes)
        if self.shuffle:
            part = np.random.default_rng(self.rng).permutation(part)
        return part


class StratifiedKFold(KFold):
    """Deal samples into parts that have the classes in the proportion of the whole.

    Derived in chapter 17, "Can I trust my score?".

    Parameters
    ----------
    n_splits : int, default 5
        The number of parts, 2 or more.
    shuffle : bool, default False
        Whether the samples of each class are dealt at random.
    rng : int, Generator or None
        For `shuffle`, what `numpy.random.default_rng` takes.

    Raises
    ------
    ValueError
        As for `KFold`. `split` asks for labels (N,), and refuses them if no class has
        as many samples as there are parts; it warns if some class has fewer.

    Notes
    -----
    Without `shuffle` the indices are those of scikit-learn's `StratifiedKFold`.

    Examples
    --------
    >>> y = ["a", "a", "a", "a", "b", "b"]
    >>> for train, test in StratifiedKFold(2).split(y, y):
    ...     print(test)
    [0 1 4]
    [2 3 5]

    References
    ----------
    Equation eq-honest-half and the section after it.
    """

    def _parts(self, n: int, y: npt.ArrayLike | None) -> npt.NDArray[np.intp]:
        if y is None:
            raise ValueError("y must hold the labels, got None")
        codes = _codes(y, n, "y")
        counts = np.bincount(codes)
        if counts.max() < self.n_splits:
            raise ValueError(
                f"y must have a class with {self.n_splits} samples or more, one for "
                f"each part, got at most {counts.max()}"
            )
        if counts.min() < self.n_splits:
            warnings.warn(
                f"the smallest class has {counts.min()} samples: not each of "
                f"{self.n_splits} parts has one",
                UserWarning,
                stacklevel=3,
            )
        generator = np.random.default_rng(self.rng) if self.shuffle else None
        in_order = np.sort(codes)
        places = np.arange(self.n_splits)
        part = np.empty(n, dtype=np.intp)
        shares = np.stack(
            [
                np.bincount(in_order[k :: self.n_splits], minlength=len(counts))
                for k in places
            ]
        )  # (n_splits, classes): dealt like cards, class after class
        for k in range(len(counts)):
            own = places.repeat(shares[:, k])
            part[codes == k] = own if generator is None else generator.permutation(own)
        return part


class _Scaler:
    """What both scalers share: an affine map of each column, learnt by `fit`."""

    #: The arrays that `fit` learns, each of shape (D,).
    _learnt: ClassVar[tuple[str, ...]] = ()

    n_samples_seen_: int | npt.NDArray[np.int64]

    def fit(self, x: npt.ArrayLike, y: object = None) -> Self:
        """Learn the map from samples, forgetting what was learnt before.

        Parameters
        ----------
        x : array_like of shape (N, D)
            The training samples, at least one. nan is left out of all statistics.
        y : object, optional
            Not looked at.

        Returns
        -------
        object
            The scaler itself.

        Raises
        ------
        ValueError
            If `x` is empty, has another shape, or holds infinity or no real numbers.
        """
        del y
        data = _samples(x)
        self._learn(data)
        return self

    def fit_transform(self, x: npt.ArrayLike, y: object = None) -> npt.NDArray[Any]:
        """Learn the map from samples, and return them mapped.

        Parameters
        ----------
        x : array_like of shape (N, D)
            The training samples.
        y : object, optional
            Not looked at.

        Returns
        -------
        ndarray of shape (N, D)
            New; float32 stays float32, integers become float64.

        Raises
        ------
        ValueError
            As `fit`.
        """
        return self.fit(x, y).transform(x)

    def transform(self, x: npt.ArrayLike) -> npt.NDArray[Any]:
        """Return samples mapped as `fit` has learnt it.

        Parameters
        ----------
        x : array_like of shape (N, D)
            Any samples with the columns of those seen by `fit`. nan stays nan.

        Returns
        -------
        ndarray of shape (N, D)
            New; float32 stays float32, integers become float64.

        Raises
        ------
        RuntimeError
            Before `fit`.
        ValueError
            As `fit`, and if the number of columns differs.
        """
        return self._forward(self._fitting(x))

    def inverse_transform(self, x: npt.ArrayLike) -> npt.NDArray[Any]:
        """Return mapped samples as they were before.

        Parameters
        ----------
        x : array_like of shape (N, D)
            What `transform` returned, or other numbers on its scale. What was clipped
            does not come back.

        Returns
        -------
        ndarray of shape (N, D)
            New; float32 stays float32, integers become float64.

        Raises
        ------
        RuntimeError
            Before `fit`.
        ValueError
            As `transform`.
        """
        return self._backward(self._fitting(x))

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return what was learnt, as plain arrays that `numpy.savez` can keep.

        Returns
        -------
        dict of str to ndarray
            Copies, by the names of the attributes.

        Raises
        ------
        RuntimeError
            Before `fit`.
        """
        self._require_fit()
        names = (*self._learnt, "n_samples_seen_")
        return {name: np.array(getattr(self, name)) for name in names}

    def set_state(self, state: Any) -> None:
        """Take over what another scaler has learnt.

        Parameters
        ----------
        state : mapping of str to array_like
            What `state` returned, perhaps read back by `numpy.load`.

        Raises
        ------
        ValueError
            If an entry is missing, unknown, of another shape than the others, or, for
            `MinMaxScaler`, learnt for another range. Nothing is changed then.
        """
        names = {*self._learnt, "n_samples_seen_"}
        if set(state) != names:
            raise ValueError(
                f"state must hold {', '.join(sorted(names))}, "
                f"got {', '.join(sorted(state)) or 'nothing'}"
            )
        arrays = {name: np.array(state[name]) for name in self._learnt}
        seen = np.array(state["n_samples_seen_"])
        shape = arrays[self._learnt[0]].shape
        for name, array in arrays.items():
            if array.dtype != np.float64 or array.ndim != 1 or array.shape != shape:
                raise ValueError(
                    f"state[{name!r}] must be float64 of shape (D,), the same for all, "
                    f"got {array.dtype} {array.shape}"
                )
        if seen.dtype.kind not in "iu" or seen.shape not in ((), shape):
            raise ValueError(
                "state['n_samples_seen_'] must be one whole number, or one a column, "
                f"got {seen.dtype} {seen.shape}"
            )
        self._check_state(arrays)
        for name, array in arrays.items():
            setattr(self, name, array)
        self.n_samples_seen_ = seen.astype(np.int64) if seen.ndim else int(seen)

    def _check_state(self, learnt: dict[str, npt.NDArray[Any]]) -> None:
        """Refuse arrays that a scaler with these settings cannot have learnt."""

    def _count(self, x: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """Keep and return how many numbers each column has."""
        counts: npt.NDArray[np.int64] = (~np.isnan(x)).sum(axis=0, dtype=np.int64)
        same = counts.size and counts.min() == counts.max()
        self.n_samples_seen_ = int(counts[0]) if same else counts
        return counts

    def _require_fit(self) -> None:
        if not hasattr(self, self._learnt[0]):
            raise RuntimeError(f"call fit before using this {type(self).__name__}")

    def _fitting(self, x: npt.ArrayLike) -> npt.NDArray[Any]:
        self._require_fit()
        data, columns = _samples(x), len(getattr(self, self._learnt[0]))
        if data.shape[1] != columns:
            raise ValueError(
                f"x must have shape (samples, {columns}), as in fit, got {data.shape}"
            )
        return data

    def _learn(self, x: npt.NDArray[Any]) -> None:
        raise NotImplementedError

    def _forward(self, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
        raise NotImplementedError

    def _backward(self, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
        raise NotImplementedError


def _samples(x: npt.ArrayLike) -> npt.NDArray[Any]:
    """Return samples (N, D) as floats that are finite or nan."""
    data = np.asarray(x)
    if data.dtype.kind not in "biuf":
        raise ValueError(f"x must hold real numbers, got dtype {data.dtype}")
    if data.ndim != 2 or 0 in data.shape:
        raise ValueError(
            "x must have shape (samples, columns) with at least one of each, "
            f"got {data.shape}"
        )
    if data.dtype not in (np.float16, np.float32, np.float64):
        data = data.astype(np.float64)
    if np.isinf(data).any():
        raise ValueError("x must hold finite numbers or nan, got infinity")
    return data


class StandardScaler(_Scaler):
    """Give each column mean 0 and standard deviation 1 on the samples seen by `fit`.

    Derived in chapter 17, "Can I trust my score?".

    Attributes
    ----------
    mean_, var_, scale_ : numpy.ndarray
        Shape (D,), float64. Of each column mean, variance (over N) and its root; the
        scale of a column without spread is 1.
    n_samples_seen_ : int or numpy.ndarray
        How many numbers each column had; an array (D,) if they differ.

    Notes
    -----
    The results are those of scikit-learn's `StandardScaler`. As there, a column is
    constant if its variance is not larger than what rounding can make of one; nan is
    left out by `fit` and stays nan, infinity and empty arrays are refused. Unlike
    there, float32 is mapped with the statistics in float64 and rounded afterwards.

    Examples
    --------
    >>> scaler = StandardScaler().fit([[0.0, 5.0], [4.0, 5.0]])
    >>> scaler.mean_, scaler.scale_
    (array([2., 5.]), array([2., 1.]))
    >>> scaler.transform([[6.0, 6.0]])
    array([[2., 1.]])

    References
    ----------
    Equations def-standard and eq-same-layer.
    """

    _learnt = ("mean_", "var_", "scale_")

    mean_: npt.NDArray[np.float64]
    var_: npt.NDArray[np.float64]
    scale_: npt.NDArray[np.float64]

    def __repr__(self) -> str:
        return "StandardScaler()"

    def _learn(self, x: npt.NDArray[Any]) -> None:
        data = x.astype(np.float64)
        counts = self._count(data)
        known = ~np.isnan(data)
        with np.errstate(invalid="ignore"):  # a column of nothing but nan: 0 / 0
            mean = data.sum(axis=0, where=known) / counts
            data -= mean
            # The mean was rounded; what is left of the sum takes that back.
            rest = data.sum(axis=0, where=known) / counts
            np.square(data, out=data)
            var = np.maximum(data.sum(axis=0, where=known) / counts - rest**2, 0)
        scale, eps = np.sqrt(var), np.finfo(np.float64).eps
        scale[var <= counts * eps * var + (counts * mean * eps) ** 2] = 1
        self.mean_, self.var_, self.scale_ = mean, var, scale

    def _forward(self, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
        y: npt.NDArray[Any] = np.subtract(x, self.mean_, dtype=np.float64)
        y /= self.scale_
        return y.astype(x.dtype, copy=False)  # the only rounding to a shorter dtype

    def _backward(self, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
        y: npt.NDArray[Any] = np.multiply(x, self.scale_, dtype=np.float64)
        y += self.mean_
        return y.astype(x.dtype, copy=False)


class MinMaxScaler(_Scaler):
    """Stretch each column so that the samples seen by `fit` fill a range.

    Derived in chapter 17, "Can I trust my score?".

    Parameters
    ----------
    feature_range : tuple of float, default (0, 1)
        Where the smallest and the largest number of each column go.
    clip : bool, default False
        Whether `transform` puts numbers outside the range onto its nearer end.

    Attributes
    ----------
    data_min_, data_max_, data_range_ : numpy.ndarray
        Shape (D,). Of each column smallest and largest number, and their difference.
    scale_, min_ : numpy.ndarray
        The map is ``x * scale_ + min_``; the range of a column without spread counts
        as 1. All are float64.
    n_samples_seen_ : int
        How many samples `fit` saw.

    Raises
    ------
    ValueError
        If the two ends of the range are not finite numbers in order.

    Notes
    -----
    The results are those of scikit-learn's `MinMaxScaler`. As there, a column counts as
    constant if its range is below ten times the machine epsilon of its dtype, whatever
    its unit; nan is left out by `fit` and stays nan, infinity and empty arrays are
    refused. Unlike there the smallest number is subtracted first, which loses no digits
    where numbers are much larger than their range, and puts the ends of 0 to 1 and of
    -1 to 1 there exactly.

    Examples
    --------
    >>> scaler = MinMaxScaler((-1, 1)).fit([[0.0], [16.0]])
    >>> scaler.transform([[4.0], [20.0]])
    array([[-0.5],
           [ 1.5]])

    References
    ----------
    Equations def-minmax and eq-same-layer.
    """

    _learnt = ("data_min_", "data_max_", "data_range_", "scale_", "min_")

    data_min_: npt.NDArray[np.float64]
    data_max_: npt.NDArray[np.float64]
    data_range_: npt.NDArray[np.float64]
    scale_: npt.NDArray[np.float64]
    min_: npt.NDArray[np.float64]

    def __init__(
        self, feature_range: tuple[float, float] = (0, 1), *, clip: bool = False
    ) -> None:
        try:
            low, high = (float(end) for end in feature_range)
        except (TypeError, ValueError):
            low = high = math.nan
        if not -math.inf < low < high < math.inf:
            raise ValueError(
                "feature_range must hold two finite numbers, the smaller first, "
                f"got {feature_range}"
            )
        if not isinstance(clip, (bool, np.bool_)):
            raise ValueError(f"clip must be True or False, got {clip!r}")
        self.feature_range = (low, high)
        self.clip = bool(clip)

    def __repr__(self) -> str:
        return f"MinMaxScaler({self.feature_range}, clip={self.clip})"

    def _learn(self, x: npt.NDArray[Any]) -> None:
        self.n_samples_seen_ = len(x)
        low, high = self.feature_range
        # fmin and fmax prefer a number to nan, and give nan if there is none.
        self.data_min_ = np.fmin.reduce(x, axis=0).astype(np.float64)
        self.data_max_ = np.fmax.reduce(x, axis=0).astype(np.float64)
        self.data_range_ = self.data_max_ - self.data_min_
        divisor = self.data_range_.copy()
        divisor[divisor < 10 * np.finfo(x.dtype).eps] = 1
        self.scale_ = (high - low) / divisor
        self.min_ = low - self.data_min_ * self.scale_

    def _check_state(self, learnt: dict[str, npt.NDArray[Any]]) -> None:
        low, high = self.feature_range
        scale, span = learnt["scale_"], learnt["data_range_"]
        with np.errstate(all="ignore"):
            expected = (high - low) / np.where(scale == high - low, 1.0, span)
            shift = low - learnt["data_min_"] * expected
        if not (
            np.array_equal(scale, expected, equal_nan=True)
            and np.array_equal(learnt["min_"], shift, equal_nan=True)
        ):
            raise ValueError(
                f"state must be learnt for feature_range {self.feature_range}, "
                "which it is not"
            )

    def _divisor(self) -> npt.NDArray[np.float64]:
        """Return the range of each column, 1 for constant ones."""
        low, high = self.feature_range
        return np.where(self.scale_ == high - low, 1.0, self.data_range_)

    def _forward(self, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
        low, high = self.feature_range
        y: npt.NDArray[Any] = np.subtract(x, self.data_min_, dtype=np.float64)
        y /= self._divisor() / (high - low)
        y += low
        if self.clip:
            np.clip(y, low, high, out=y)
        return y.astype(x.dtype, copy=False)

    def _backward(self, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
        low, high = self.feature_range
        y: npt.NDArray[Any] = np.subtract(x, low, dtype=np.float64)
        y *= self._divisor() / (high - low)
        y += self.data_min_
        return y.astype(x.dtype, copy=False)
