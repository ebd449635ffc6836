"""Confusion, recall, precision, standard error, against scikit-learn and SciPy."""

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as peer

from nnlib.callbacks import Callback
from nnlib.functional import one_hot
from nnlib.layers import Dense
from nnlib.losses import SoftmaxCrossEntropy
from nnlib.metrics import (
    accuracy,
    confusion_matrix,
    precision,
    recall,
    standard_error,
)
from nnlib.models import Sequential
from nnlib.optimizers import SGD

ALL = (confusion_matrix, recall, precision)


@st.composite
def cases(draw):
    """Scores (N, K), few of them equal, and labels; some classes may be missing."""
    n, k = draw(st.integers(1, 30)), draw(st.integers(2, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    scores = rng.integers(-3, 4, (n, k)).astype(
        draw(st.sampled_from(["f4", "f8", "i8"]))
    )
    labels = rng.integers(0, draw(st.integers(1, k)), n)
    return scores, labels.astype(draw(st.sampled_from(["u1", "i4", "i8"])))


@given(cases())
def test_all_three_are_those_of_scikit_learn(case):
    scores, labels = case
    k = scores.shape[1]
    named = scores.argmax(axis=1)
    names = {"labels": range(k), "average": "macro", "zero_division": 0}
    np.testing.assert_array_equal(
        confusion_matrix(scores, labels),
        peer.confusion_matrix(labels, named, labels=range(k)),
    )
    assert recall(scores, labels) == pytest.approx(
        peer.recall_score(labels, named, **names), abs=1e-14
    )
    assert precision(scores, labels) == pytest.approx(
        peer.precision_score(labels, named, **names), abs=1e-14
    )


@given(cases())
def test_the_matrix_holds_the_counts(case):
    scores, labels = case
    table = confusion_matrix(scores, labels)
    n, k = scores.shape
    assert table.dtype == np.int64
    assert table.shape == (k, k)
    assert table.sum() == n
    np.testing.assert_array_equal(table.sum(axis=1), np.bincount(labels, minlength=k))
    assert np.trace(table) / n == pytest.approx(accuracy(scores, labels))


@given(cases())
def test_one_hot_rows_and_labels_are_the_same_truth(case):
    scores, labels = case
    rows = one_hot(labels.astype(int), scores.shape[1])
    for metric in ALL:
        np.testing.assert_array_equal(metric(scores, labels), metric(scores, rows))


def test_rows_are_the_truth_and_columns_what_was_named():
    scores = one_hot(np.array([2, 2, 2, 0]), 3)
    np.testing.assert_array_equal(
        confusion_matrix(scores, [1, 1, 2, 0]), [[1, 0, 0], [0, 0, 2], [0, 0, 1]]
    )
    assert recall(scores, [1, 1, 2, 0]) == pytest.approx((1 + 0 + 1) / 3)
    assert precision(scores, [1, 1, 2, 0]) == pytest.approx((1 + 0 + 1 / 3) / 3)


def test_of_equal_scores_the_first_counts():
    np.testing.assert_array_equal(confusion_matrix([[1, 1]], [1]), [[0, 0], [1, 0]])


def test_saying_always_the_same_has_a_mean_recall_of_one_over_k():
    labels = np.array([0] * 90 + [1] * 7 + [2] * 3)
    always = np.tile([1.0, 0.0, 0.0], (100, 1))
    assert accuracy(always, labels) == 0.9
    assert recall(always, labels) == pytest.approx(1 / 3)
    assert precision(always, labels) == pytest.approx(0.9 / 3)


def test_a_row_of_nan_names_nothing():
    scores = np.array([[1.0, 0.0], [np.nan, 2.0], [0.0, 1.0], [np.nan, np.nan]])
    labels = [0, 1, 1, 0]
    assert recall(scores, labels) == pytest.approx((1 / 2 + 1 / 2) / 2)
    assert precision(scores, labels) == 1.0
    with pytest.raises(ValueError, match="y_pred must not hold nan, got it in 2 rows"):
        confusion_matrix(scores, labels)


@pytest.mark.parametrize("metric", ALL)
@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        (np.zeros((0, 3)), [], "y_pred must hold at least one sample"),
        (np.zeros((2, 1)), [0, 0], "two classes or more"),
        (np.zeros(3), [0, 0, 0], "y_pred must have shape"),
        (np.zeros((2, 3)), [0, 3], "labels from 0 to 2, got 3"),
        (np.zeros((2, 3)), [0, -1], "labels from 0 to 2, got -1"),
        (np.zeros((2, 3)), [0.0, 1.0], "integer labels"),
        (np.zeros((2, 3)), [0, 1, 2], "y_true must have shape"),
        (np.zeros((2, 3)), np.ones((2, 3)), "one-hot rows"),
        (np.array([["a", "b"]]), [0], "real numbers"),
    ],
)
def test_what_does_not_fit_is_refused(metric, scores, labels, message):
    with pytest.raises(ValueError, match=message):
        metric(scores, labels)


def test_nothing_is_changed():
    rng = np.random.default_rng(0)
    scores, labels = rng.normal(size=(9, 3)), rng.integers(0, 3, 9)
    before = scores.copy(), labels.copy()
    for metric in ALL:
        metric(scores, labels)
    np.testing.assert_array_equal(scores, before[0])
    np.testing.assert_array_equal(labels, before[1])


def test_two_classes_stand_apart_however_many_samples_there_are():
    labels = np.zeros(300_000, np.uint8)  # labels * K must not overflow their type
    scores = np.tile(np.arange(200.0), (1000, 1))
    table = confusion_matrix(scores, np.full(1000, 150, np.uint8))
    assert table[150, 199] == 1000
    assert confusion_matrix(np.tile([1, 0], (300_000, 1)), labels)[0, 0] == 300_000


def test_recall_and_precision_are_metrics_of_fit():
    class Seen(Callback):
        def on_epoch_end(self, training):
            logs = training.logs
            self.names = {n for n in logs if n.endswith(("recall", "precision"))}

    rng, seen = np.random.default_rng(0), Seen()
    x, y = rng.normal(size=(40, 3)), rng.integers(0, 3, 40)
    model = Sequential([Dense(3, 3, rng=0)])
    history = model.fit(
        x, y, loss=SoftmaxCrossEntropy(), optimizer=SGD(0.1), epochs=2, rng=0,
        metrics=["recall", precision], validation_data=(x, y), callbacks=[seen],
    )  # fmt: skip
    assert seen.names == {"recall", "precision", "val_recall", "val_precision"}
    assert history.metrics["val_recall"][-1] == recall(model.predict(x), y)


@pytest.mark.parametrize("n", [1, 7, 400, np.int64(10_000)])
@pytest.mark.parametrize("share", [0, 0.25, np.float32(0.5), 0.97, 1, np.array(0.5)])
def test_the_standard_error_is_the_binomials(share, n):
    expected = scipy.stats.binom.std(n, float(share)) / n
    error = standard_error(share, n)
    assert type(error) is float
    assert math.isclose(error, expected, rel_tol=1e-12, abs_tol=1e-300)


def test_the_standard_error_is_what_scores_scatter_by():
    rng = np.random.default_rng(1)
    scores = (rng.random((4000, 400)) < 0.9).mean(axis=1)
    # of 4,000 scores, the scatter has a relative standard error of 1/sqrt(8000)
    assert scores.std() / standard_error(0.9, 400) == pytest.approx(1, abs=4 / 89)


@pytest.mark.parametrize(
    "score",
    [-0.1, 1.1, np.nan, "0.5", None, [0.5], 1j, True]
    + [np.array(other) for other in (1j, None, "x", True)],
)
def test_a_score_that_is_no_share_is_refused(score):
    with pytest.raises(ValueError, match="score must be a share from 0 to 1"):
        standard_error(score, 10)


@pytest.mark.parametrize("n", [0, -1, 10.0, True, None, "10"])
def test_a_number_of_samples_that_is_none_is_refused(n):
    with pytest.raises(ValueError, match="n must be a whole number of at least 1"):
        standard_error(0.5, n)


@pytest.mark.parametrize("metric", [confusion_matrix, "confusion_matrix"])
def test_a_metric_that_gives_no_number_is_refused_before_anything_changes(metric):
    model = Sequential([Dense(2, 3, rng=0)])
    x, y = np.zeros((5, 2)), np.array([0, 1, 2, 0, 1])
    before = model.theta.copy()
    message = r"one number each, got ndarray of shape \(3, 3\) from confusion_matrix"
    with pytest.raises(ValueError, match=message):
        model.fit(
            x, y, loss=SoftmaxCrossEntropy(), optimizer=SGD(0.1), metrics=[metric]
        )
    with pytest.raises(ValueError, match=message):
        model.evaluate(x, y, loss=SoftmaxCrossEntropy(), metrics=[metric])
    np.testing.assert_array_equal(model.theta, before)
