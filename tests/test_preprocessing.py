"""Splitters and scalers, against scikit-learn and against their own promises."""

import warnings

import numpy as np
import pytest
from sklearn import model_selection as peers
from sklearn import preprocessing as peer_scalers

from nnlib.preprocessing import (
    KFold,
    MinMaxScaler,
    StandardScaler,
    StratifiedKFold,
    train_test_split,
)

SCALERS = [
    (StandardScaler(), peer_scalers.StandardScaler()),
    (MinMaxScaler(), peer_scalers.MinMaxScaler()),
    (MinMaxScaler((-1, 1)), peer_scalers.MinMaxScaler((-1, 1))),
    (MinMaxScaler((-2, 5), clip=True), peer_scalers.MinMaxScaler((-2, 5), clip=True)),
]


# ---- train_test_split


@pytest.mark.parametrize("n", [2, 3, 7, 10, 100, 101])
@pytest.mark.parametrize("size", [1, 0.1, 0.25, 0.33, 0.07, 0.5])
def test_sizes_are_those_of_scikit_learn(n, size):
    ours = train_test_split(np.arange(n), test_size=size, rng=0)
    theirs = peers.train_test_split(np.arange(n), test_size=size, random_state=0)
    assert [len(part) for part in ours] == [len(part) for part in theirs]


def test_every_sample_is_in_one_part_and_arrays_stay_together():
    x, y = np.arange(30.0).reshape(15, 2), np.arange(15)
    names = [f"s{i}" for i in range(15)]
    parts = train_test_split(x, y, names, test_size=4, rng=3)
    x_train, x_test, y_train, y_test, n_train, n_test = parts
    assert sorted([*y_train, *y_test]) == list(range(15))
    np.testing.assert_array_equal(x_train, x[y_train])
    np.testing.assert_array_equal(x_test, x[y_test])
    assert [*n_train, *n_test] == [names[i] for i in (*y_train, *y_test)]
    assert not np.shares_memory(x_train, x)
    assert not np.shares_memory(x_test, x)


def test_a_split_is_random_and_repeats_with_its_seed():
    draws = [tuple(train_test_split(np.arange(20), rng=s)[1]) for s in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2]
    generator = np.random.default_rng(0)
    again = [tuple(train_test_split(np.arange(20), rng=generator)[1]) for _ in "ab"]
    assert again[0] == draws[0] != again[1]
    counts = np.zeros(6)
    for seed in range(3000):
        counts[train_test_split(np.arange(6), test_size=2, rng=seed)[1]] += 1
    assert (abs(counts - 1000) < 5 * np.sqrt(3000 * 2 / 9)).all()


@pytest.mark.parametrize("size", [0.2, 0.33, 17, 0.45])
@pytest.mark.parametrize("counts", [(40, 30, 13), (50, 7), (11, 9, 5, 31)])
def test_stratified_class_counts_are_those_of_scikit_learn(counts, size):
    y = np.random.default_rng(1).permutation(np.repeat(np.arange(len(counts)), counts))
    ours = train_test_split(y, test_size=size, stratify=y, rng=0)
    theirs = peers.train_test_split(y, test_size=size, stratify=y, random_state=0)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(np.bincount(a), np.bincount(b))


def test_ties_between_classes_are_broken_at_random():
    y = np.repeat(np.arange(3), 3)
    odd = [
        int(
            np.bincount(train_test_split(y, test_size=4, stratify=y, rng=s)[1]).argmax()
        )
        for s in range(60)
    ]
    assert set(odd) == {0, 1, 2}


def test_stratified_takes_names_and_shuffles():
    y = np.array(["b", "a"] * 20)
    train, test, order, _ = train_test_split(
        y, np.arange(40), test_size=10, stratify=y, rng=0
    )
    assert (test == "a").sum() == (test == "b").sum() == 5
    assert (train == "a").sum() == 15
    assert (np.diff(order) < 0).any()


@pytest.mark.parametrize(
    ("arrays", "options", "message"),
    [
        ((), {}, "arrays must hold at least one array"),
        ((np.arange(4), np.arange(5)), {}, r"arrays\[1\] must have 4 rows"),
        ((3.0,), {}, r"arrays\[0\] must have a row for each sample"),
        ((np.arange(4),), {"test_size": 4}, "from 1 to 3 of 4 samples, got 4"),
        ((np.arange(4),), {"test_size": 0}, "from 1 to 3 of 4 samples, got 0"),
        ((np.arange(4),), {"test_size": 1.0}, "between 0 and 1"),
        ((np.arange(4),), {"test_size": 0.9}, "must leave samples in both"),
        ((np.arange(4),), {"test_size": float("nan")}, "between 0 and 1"),
        ((np.arange(4),), {"test_size": True}, "test_size must be a share"),
        ((np.arange(0),), {}, "must leave samples in both"),
        ((np.arange(4),), {"stratify": [0, 1]}, r"stratify must have shape \(4,\)"),
        ((np.arange(4),), {"stratify": [0, 0, 0, 1]}, "at least two samples of each"),
        ((np.arange(4),), {"stratify": [0, 0, 1, 1]}, "one of each of 2 classes"),
        ((np.arange(4),), {"stratify": [0.5, 1, 1, 1]}, "labels, not measurements"),
        ((np.arange(4),), {"stratify": [1j, 1, 1, 1]}, "must hold labels, got dtype"),
    ],
)
def test_split_says_what_does_not_fit(arrays, options, message):
    with pytest.raises(ValueError, match=message):
        train_test_split(*arrays, **options, rng=0)


# ---- KFold, StratifiedKFold


@pytest.mark.parametrize("n", [5, 6, 23, 100])
@pytest.mark.parametrize("splits", [2, 3, 5])
def test_folds_are_those_of_scikit_learn(n, splits):
    x = np.zeros((n, 2))
    ours, theirs = KFold(splits).split(x), peers.KFold(splits).split(x)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a[0], b[0])
        np.testing.assert_array_equal(a[1], b[1])


@pytest.mark.parametrize("counts", [(20, 13, 7), (6, 30), (5, 5, 5, 5)])
@pytest.mark.parametrize("splits", [2, 4, 5])
@pytest.mark.parametrize("named", [False, True])
def test_stratified_folds_are_those_of_scikit_learn(counts, splits, named):
    y = np.random.default_rng(2).permutation(np.repeat(np.arange(len(counts)), counts))
    y = np.array(["d", "b", "c", "a"])[y] if named else y
    ours = list(StratifiedKFold(splits).split(y, y))
    theirs = list(peers.StratifiedKFold(splits).split(y, y))
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a[0], b[0])
        np.testing.assert_array_equal(a[1], b[1])
    mixed = StratifiedKFold(splits, shuffle=True, rng=0).split(y, y)
    for a, b in zip(mixed, theirs, strict=True):
        ours_counts = np.unique(y[a[1]], return_counts=True)
        peer_counts = np.unique(y[b[1]], return_counts=True)
        for got, expected in zip(ours_counts, peer_counts, strict=True):
            np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("kind", [KFold, StratifiedKFold])
def test_shuffled_folds_are_a_partition_and_repeat(kind):
    y = np.arange(23) % 2
    folds = kind(4, shuffle=True, rng=7)
    first, second = list(folds.split(y, y)), list(folds.split(y, y))
    for (train, test), (_, again) in zip(first, second, strict=True):
        np.testing.assert_array_equal(test, again)
        np.testing.assert_array_equal(test, np.sort(test))
        np.testing.assert_array_equal(np.sort([*train, *test]), np.arange(23))
    np.testing.assert_array_equal(
        np.sort(np.concatenate([test for _, test in first])), np.arange(23)
    )
    assert not np.array_equal(first[0][1], next(kind(4).split(y, y))[1])
    moving = kind(4, shuffle=True, rng=np.random.default_rng(7))
    draws = [next(moving.split(y, y))[1] for _ in "ab"]
    assert not np.array_equal(*draws)


def test_folds_say_what_does_not_fit():
    for bad in (1, 0, 2.5, "3", True):
        with pytest.raises(ValueError, match="n_splits must be a whole number from 2"):
            KFold(bad)
    with pytest.raises(ValueError, match="rng must be None without shuffle"):
        KFold(3, rng=0)
    with pytest.raises(ValueError, match="shuffle must be True or False"):
        StratifiedKFold(3, shuffle=1)
    with pytest.raises(ValueError, match="at least one sample for each of 5 parts"):
        KFold().split(np.zeros((4, 2)))
    with pytest.raises(ValueError, match="y must have 6 rows as x"):
        KFold().split(np.zeros((6, 2)), np.zeros(5))
    with pytest.raises(ValueError, match="row for each sample"):
        KFold().split(3.0)
    with pytest.raises(ValueError, match="y must hold the labels, got None"):
        StratifiedKFold(2).split(np.zeros((6, 2)))
    with pytest.raises(ValueError, match="class with 4 samples or more"):
        StratifiedKFold(4).split(np.zeros(6), [0, 0, 0, 1, 1, 1])
    with pytest.raises(ValueError, match="labels, not measurements"):
        StratifiedKFold(2).split(np.zeros(3), [0.5, 1, 1])
    with pytest.raises(ValueError, match=r"y must have shape \(4,\)"):
        StratifiedKFold(2).split(np.zeros(4), np.eye(4))
    with pytest.warns(UserWarning, match="smallest class has 1 samples"):
        StratifiedKFold(2).split(np.zeros(4), [0, 0, 0, 1])
    assert repr(KFold(3)) == "KFold(3, shuffle=False)"


# ---- scalers


def columns(rng, n=50):
    x = rng.normal(size=(n, 7)) * [1, 1e-6, 1e6, 3, 1, 1, 1] + [0, 0, 5, 1e3, 0, 0, 0]
    x[:, 4] = 2.5  # constant
    x[:, 5] = 0.1  # constant, and not exactly representable
    return x


@pytest.mark.parametrize(("ours", "theirs"), SCALERS)
@pytest.mark.parametrize("n", [1, 2, 50])
def test_scalers_are_those_of_scikit_learn(ours, theirs, n):
    rng = np.random.default_rng(n)
    x, new = columns(rng, n), 3 * columns(rng)
    kept = x.copy()
    np.testing.assert_allclose(
        ours.fit(x).transform(new), theirs.fit(x).transform(new), rtol=1e-12, atol=1e-9
    )
    inside = ours.transform(x)
    np.testing.assert_allclose(inside, theirs.transform(x), rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(inside, ours.fit_transform(x))
    np.testing.assert_array_equal(x, kept)
    for name in ours.state():
        expected = getattr(theirs, name)
        np.testing.assert_allclose(
            getattr(ours, name), expected, rtol=1e-12, atol=1e-12
        )
    np.testing.assert_allclose(ours.inverse_transform(inside), x, rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(
        ours.inverse_transform(new),
        theirs.inverse_transform(new),
        rtol=1e-12,
        atol=1e-6,
    )


def test_what_scaling_is_for():
    x = columns(np.random.default_rng(0))[:, :4]
    z = StandardScaler().fit_transform(x)
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(z.std(axis=0), 1, atol=1e-12)
    for low, high in ((0, 1), (-1, 1)):
        z = MinMaxScaler((low, high)).fit_transform(x)
        np.testing.assert_array_equal(z.min(axis=0), low)  # exactly
        np.testing.assert_array_equal(z.max(axis=0), high)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("ends", [(0, 1), (-1, 1)])
def test_the_ends_of_the_range_are_reached_in_every_dtype(dtype, ends):
    x = np.random.default_rng(1).normal(3, 1, (50, 500)).astype(dtype)
    z = MinMaxScaler(ends).fit_transform(x)
    assert z.dtype == dtype
    np.testing.assert_array_equal(z.min(axis=0), ends[0])
    np.testing.assert_array_equal(z.max(axis=0), ends[1])


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler((-1, 1))])
def test_float32_is_rounded_once(scaler):
    x = np.random.default_rng(1).normal(3, 1, (50, 500)).astype(np.float32)
    z = scaler.fit(x).transform(x)
    wide = x.astype(float)
    np.testing.assert_array_equal(z, scaler.transform(wide).astype(np.float32))
    back = scaler.inverse_transform(z.astype(float)).astype(np.float32)
    np.testing.assert_array_equal(scaler.inverse_transform(z), back)


def test_only_the_fitted_samples_decide():
    scaler = MinMaxScaler(clip=True).fit([[0.0], [10.0]])
    np.testing.assert_array_equal(
        scaler.transform([[-5.0], [5.0], [20.0]]).T, [[0, 0.5, 1]]
    )
    scaler = MinMaxScaler().fit([[0.0], [10.0]])
    np.testing.assert_array_equal(scaler.transform([[-5.0], [20.0]]).T, [[-0.5, 2]])
    standard = StandardScaler().fit([[0.0], [2.0]])
    np.testing.assert_array_equal(standard.transform([[11.0]]), [[10.0]])
    assert standard.fit([[5.0], [5.0]]).transform([[6.0]]) == 1  # fit forgets


@pytest.mark.parametrize(("ours", "theirs"), SCALERS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_floats_keep_their_precision(ours, theirs, dtype):
    x = np.random.default_rng(0).normal(3, 1, (40, 3)).astype(dtype)
    z = ours.fit(x).transform(x)
    assert z.dtype == ours.inverse_transform(z).dtype == dtype
    if dtype == np.float32:
        assert theirs.fit_transform(x).dtype == dtype
    exact = theirs.fit(x.astype(float)).transform(x.astype(float))
    np.testing.assert_allclose(z, exact, atol=8 * np.finfo(dtype).eps)
    assert all(v.dtype == float for k, v in ours.state().items() if k[0] != "n")


@pytest.mark.parametrize(("ours", "theirs"), SCALERS)
def test_integers_and_bools_become_float64(ours, theirs):
    for x in (np.arange(8, dtype=np.uint8).reshape(4, 2), [[True], [False]]):
        z = ours.fit_transform(x)
        assert z.dtype == np.float64
        np.testing.assert_allclose(
            z, theirs.fit_transform(np.asarray(x, float)), atol=1e-12
        )


def test_float32_far_from_zero_keeps_its_digits():
    x = np.array([[2000.0], [2000.5], [2001.0]], dtype=np.float32)
    np.testing.assert_array_equal(MinMaxScaler().fit_transform(x).T, [[0, 0.5, 1]])
    z = StandardScaler().fit(x.astype(float) + 1 / 3).transform(x)
    exact = (x.astype(float) - (2000.5 + 1 / 3)) / np.sqrt(1 / 6)
    np.testing.assert_allclose(z, exact, rtol=3e-7)


@pytest.mark.parametrize(("ours", "theirs"), SCALERS)
def test_nan_is_left_out_and_stays(ours, theirs):
    x = np.random.default_rng(0).normal(size=(20, 3))
    x[3, 0] = x[5, 1] = x[6, 1] = np.nan
    np.testing.assert_allclose(
        ours.fit_transform(x), theirs.fit_transform(x), atol=1e-12
    )
    if hasattr(ours, "mean_"):
        np.testing.assert_array_equal(ours.n_samples_seen_, theirs.n_samples_seen_)
    x[:, 2] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(ours.fit_transform(x)[:, 2]).all()


@pytest.mark.parametrize("base", [1.0, 1e8, -1e-8, 0.1])
@pytest.mark.parametrize("n", [3, 100, 1000])
def test_what_rounding_makes_of_a_constant_is_constant(base, n):
    x = np.full((n, 1), base)
    ours, theirs = StandardScaler().fit(x), peer_scalers.StandardScaler().fit(x)
    np.testing.assert_array_equal(ours.scale_, 1)
    np.testing.assert_array_equal(theirs.scale_, 1)
    almost = x.copy()
    almost[0] = np.nextafter(base, np.inf)
    peer = peer_scalers.StandardScaler().fit(almost)
    np.testing.assert_array_equal(
        StandardScaler().fit(almost).scale_ == 1, peer.scale_ == 1
    )
    tiny = np.linspace(0, 1e-16, n)[:, None]
    ours, theirs = MinMaxScaler().fit(tiny), peer_scalers.MinMaxScaler().fit(tiny)
    np.testing.assert_array_equal(ours.scale_, theirs.scale_)


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler()])
def test_scalers_say_what_does_not_fit(scaler):
    for call in (scaler.transform, scaler.inverse_transform):
        with pytest.raises(RuntimeError, match="call fit before"):
            call([[1.0]])
    with pytest.raises(RuntimeError, match="call fit before"):
        scaler.state()
    for x in ([1.0, 2.0], np.zeros((0, 3)), np.zeros((3, 0)), np.zeros((2, 2, 2)), 3.0):
        with pytest.raises(ValueError, match="x must have shape"):
            scaler.fit(x)
    for x in ([["a"]], [[1j]], [[None]]):
        with pytest.raises(ValueError, match="x must hold real numbers"):
            scaler.fit(x)
    with pytest.raises(ValueError, match="finite numbers or nan, got infinity"):
        scaler.fit([[1.0], [np.inf]])
    fitted = type(scaler)().fit([[1.0, 2.0], [3.0, 4.0]])
    with pytest.raises(ValueError, match=r"shape \(samples, 2\), as in fit"):
        fitted.transform([[1.0]])
    with pytest.raises(ValueError, match="x must have shape"):
        fitted.transform(np.zeros((0, 2)))


def test_min_max_says_what_does_not_fit():
    for bad in ((1, 0), (0, 0), (0, np.inf), (np.nan, 1), 3, (0, 1, 2), ("a", "b")):
        with pytest.raises(ValueError, match="feature_range must hold two finite"):
            MinMaxScaler(bad)
    with pytest.raises(ValueError, match="clip must be True or False"):
        MinMaxScaler(clip="no")
    assert repr(MinMaxScaler((-1, 1))) == "MinMaxScaler((-1.0, 1.0), clip=False)"
    assert repr(StandardScaler()) == "StandardScaler()"


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler((-1, 1))])
@pytest.mark.parametrize("holes", [False, True])
def test_state_goes_through_a_file(scaler, holes, tmp_path):
    x = columns(np.random.default_rng(0))
    if holes:
        x[0, 0] = np.nan
    scaler.fit(x)
    np.savez(tmp_path / "scaler.npz", **scaler.state())
    other = MinMaxScaler((-1, 1)) if hasattr(scaler, "min_") else StandardScaler()
    with np.load(tmp_path / "scaler.npz", allow_pickle=False) as kept:
        other.set_state(kept)
    np.testing.assert_array_equal(other.transform(x), scaler.transform(x))
    scaler.state()[next(iter(scaler.state()))][:] = 0  # a copy
    np.testing.assert_array_equal(other.transform(x), scaler.transform(x))
    state = scaler.state()
    for change, message in (
        ({"extra": 1}, "state must hold"),
        ({"scale_": np.ones(3)}, "must be float64 of shape"),
        ({"scale_": np.ones(7, dtype=int)}, "must be float64 of shape"),
        ({"n_samples_seen_": 1.5}, "must be one whole number"),
    ):
        before = other.transform(x)
        with pytest.raises(ValueError, match=message):
            other.set_state({**state, **change})
        np.testing.assert_array_equal(other.transform(x), before)
    with pytest.raises(ValueError, match="got nothing"):
        other.set_state({})


def test_a_state_learnt_for_another_range_is_refused():
    x = [[0.0, 5, np.nan, 1], [16, 5, np.nan, 1.5]]
    state = MinMaxScaler((-1, 1)).fit(x).state()
    other = MinMaxScaler().fit(np.eye(4))
    for ends in ((0, 1), (-1, 2), (-2, 0)):
        with pytest.raises(ValueError, match="state must be learnt for feature_range"):
            MinMaxScaler(ends).set_state(state)
    with pytest.raises(ValueError, match="which it is not"):
        other.set_state(state)
    np.testing.assert_array_equal(other.transform(np.eye(4)), np.eye(4))  # unchanged
    for ends in ((0, 1), (-1, 1), (-2, 5), (0.1, 0.3)):
        scaler, copy = MinMaxScaler(ends).fit(x), MinMaxScaler(ends)
        copy.set_state(scaler.state())
        np.testing.assert_array_equal(copy.transform(x), scaler.transform(x))
