"""ReduceLROnPlateau: sequences worked out by hand, its state, and refusals."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from nnlib.callbacks import ReduceLROnPlateau
from nnlib.layers import Dense
from nnlib.losses import SoftmaxCrossEntropy
from nnlib.models import Sequential
from nnlib.optimizers import Optimizer
from nnlib.schedules import Exponential


class Plain(Optimizer):
    def update(self, theta, grad, *, rate, t):  # noqa: ARG002
        theta -= rate * grad


def rates(callback, scores, rate=1.0, name="val_loss"):
    """The learning rate after each epoch with these scores."""
    training = SimpleNamespace(optimizer=Plain(rate), logs={})
    seen = []
    for score in scores:
        training.logs = {"loss": 0.0, name: score}
        callback.on_epoch_end(training)
        seen.append(training.optimizer.learning_rate)
    return seen


def test_more_than_patience_epochs_must_fail():
    callback = ReduceLROnPlateau(factor=0.5, patience=2)
    assert rates(callback, [3, 2, 2, 2, 2, 2, 2, 2]) == [
        1,
        1,
        1,
        1,
        0.5,
        0.5,
        0.5,
        0.25,
    ]


def test_an_improvement_starts_the_count_again():
    callback = ReduceLROnPlateau(factor=0.5, patience=2)
    assert rates(callback, [3, 3, 3, 2, 3, 3, 1.9, 5, 5]) == [1] * 9


def test_patience_0_reduces_at_the_first_failure():
    assert rates(ReduceLROnPlateau(patience=0), [1, 0.5, 0.5]) == [1, 1, 0.1]


def test_the_threshold_is_a_part_of_the_best_or_a_number():
    scores = [10, 9.2, 9.2]
    part = ReduceLROnPlateau(patience=0, threshold=0.1, factor=0.5)
    assert rates(part, scores) == [1, 0.5, 0.25]  # below 9 would be better
    number = ReduceLROnPlateau(
        patience=0, threshold=0.5, threshold_mode="abs", factor=0.5
    )
    assert rates(number, scores) == [1, 1, 0.5]


@pytest.mark.parametrize("mode", ["abs", "rel"])
def test_the_threshold_itself_is_no_improvement(mode):
    callback = ReduceLROnPlateau(patience=0, threshold=0.5, threshold_mode=mode)
    assert rates(callback, [1.0, 0.5]) == [1, 0.1]


def test_a_negative_score_improves_by_getting_more_so():
    callback = ReduceLROnPlateau(patience=0, threshold=0.1, factor=0.5)
    assert rates(callback, [-10, -9.5, -10.5, -11.5]) == [1, 0.5, 0.25, 0.25]


def test_mode_max_asks_for_more():
    callback = ReduceLROnPlateau("val_accuracy", mode="max", patience=1, factor=0.5)
    assert rates(callback, [0.5, 0.6, 0.6, 0.6, 0.7], name="val_accuracy") == [
        *(1, 1, 1, 0.5, 0.5)
    ]


def test_cooldown_forgives_failures():
    callback = ReduceLROnPlateau(patience=0, cooldown=2, factor=0.5)
    assert rates(callback, [1] * 8) == [1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125]


def test_the_rate_stops_at_the_lowest_and_is_never_raised():
    callback = ReduceLROnPlateau(patience=0, min_learning_rate=0.3, factor=0.5)
    assert rates(callback, [1] * 4) == [1, 0.5, 0.3, 0.3]
    callback = ReduceLROnPlateau(patience=0, min_learning_rate=0.3, factor=0.5)
    assert rates(callback, [1] * 3, rate=0.1) == [0.1] * 3


@pytest.mark.parametrize(("mode", "sign"), [("min", -1), ("max", 1)])
def test_an_infinite_score_is_no_improvement(mode, sign):
    callback = ReduceLROnPlateau(patience=1, factor=0.5, mode=mode)
    scores = [sign * score for score in (math.inf, 1, math.inf, math.inf)]
    assert rates(callback, scores) == [1, 1, 1, 0.5]
    again = ReduceLROnPlateau()
    again.set_state(callback.state())
    assert again.state() == callback.state()


def test_nan_is_no_improvement():
    callback = ReduceLROnPlateau(patience=1)
    assert rates(callback, [math.nan, 2, math.nan, math.nan]) == [1, 1, 1, 0.1]
    assert callback.best == 2


def test_the_state_goes_on_where_it_was():
    scores = list(np.random.default_rng(0).integers(0, 4, 60) / 4.0)
    whole = rates(ReduceLROnPlateau(patience=2, cooldown=1, factor=0.5), scores)
    first = ReduceLROnPlateau(patience=2, cooldown=1, factor=0.5)
    begin = rates(first, scores[:31])
    second = ReduceLROnPlateau(patience=2, cooldown=1, factor=0.5)
    second.set_state(first.state())
    assert begin + rates(second, scores[31:], rate=begin[-1]) == whole


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ({}, "state must hold best, bad_epochs, cooldown_left"),
        ({"best": math.nan, "bad_epochs": 0, "cooldown_left": 0}, "best must be"),
        ({"best": 1.0, "bad_epochs": -1, "cooldown_left": 0}, "bad_epochs must be"),
        ({"best": 1.0, "bad_epochs": 0, "cooldown_left": 0.5}, "cooldown_left must be"),
        ("best", "state must hold"),
    ],
)
def test_a_bad_state_changes_nothing(state, reason):
    callback = ReduceLROnPlateau()
    rates(callback, [3, 4])
    before = callback.state()
    with pytest.raises(ValueError, match=reason):
        callback.set_state(state)
    assert (
        callback.state() == before == {"best": 3, "bad_epochs": 1, "cooldown_left": 0}
    )


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"monitor": 3}, "monitor must be"),
        ({"factor": 1.0}, "factor must be above 0 and below 1, got 1.0"),
        ({"factor": 0}, "factor must be above 0"),
        ({"factor": math.nan}, "factor must be a finite number"),
        ({"patience": -1}, "patience must be an integer, 0 or more, got -1"),
        ({"patience": 1.5}, "patience must be"),
        ({"patience": True}, "patience must be"),
        ({"patience": np.array(2.5)}, "patience must be"),
        ({"patience": np.array([1, 2])}, "patience must be"),
        ({"threshold": -1e-4}, "threshold must be"),
        ({"threshold_mode": "relative"}, "threshold_mode must be 'rel' or 'abs'"),
        ({"cooldown": None}, "cooldown must be"),
        ({"min_learning_rate": math.inf}, "min_learning_rate must be"),
        ({"mode": "best"}, "mode must be 'min' or 'max', got 'best'"),
    ],
)
def test_bad_arguments_are_refused(given, reason):
    with pytest.raises(ValueError, match=reason):
        ReduceLROnPlateau(**given)


def fit(callback, rate=0.1, epochs=6, **more):
    x = np.random.default_rng(0).normal(size=(40, 3))
    model = Sequential([Dense(3, 2, rng=0)])
    options = {"loss": SoftmaxCrossEntropy(), "callbacks": [callback], "rng": 1, **more}
    optimizer = Plain(rate)
    return model, model.fit(
        x, (x[:, 0] > 0).astype(int), optimizer=optimizer, epochs=epochs, **options
    )


def test_in_a_fit_the_next_epoch_has_the_lower_rate():
    callback = ReduceLROnPlateau("loss", patience=1, factor=0.5, threshold=10.0)
    _, history = fit(callback)
    assert history.learning_rate == [0.1, 0.1, 0.1, 0.05, 0.05, 0.025]


def test_a_score_that_is_not_there_is_named():
    with pytest.raises(
        ValueError, match=r"monitor must be one of loss, .*validation_data"
    ):
        fit(ReduceLROnPlateau())


def test_a_schedule_is_refused_before_the_first_step():
    model = Sequential([Dense(3, 2, rng=0)])
    before = model.theta.copy()
    with pytest.raises(ValueError, match="optimizer must have a float as its learning"):
        model.fit(
            np.ones((4, 3)),
            np.zeros(4, int),
            loss=SoftmaxCrossEntropy(),
            optimizer=Plain(Exponential(0.1, gamma=0.9)),
            callbacks=[ReduceLROnPlateau("loss")],
        )
    np.testing.assert_array_equal(model.theta, before)


def test_a_resumed_fit_reduces_when_the_whole_one_does():
    kept = []

    class Keep:
        def on_epoch_end(self, training):
            if training.epoch == 3:
                kept.append(training.state())

    def callback():
        return ReduceLROnPlateau("loss", patience=1, factor=0.5, threshold=10.0)

    whole, history = fit(callback(), epochs=8, callbacks=[callback(), Keep()])
    again, later = fit(
        callback(), epochs=8, callbacks=[callback(), Keep()], resume=kept[0]
    )
    assert later == history
    np.testing.assert_array_equal(again.theta, whole.theta)
