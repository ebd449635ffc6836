"""fit, evaluate and predict: what is trained, noted, resumed, stopped and refused."""

# ruff: noqa: ARG002 (a rule is handed what it may not need)

import copy
import json
import math
import sys
import types

import numpy as np
import pytest

from nnlib.activations import ReLU
from nnlib.callbacks import Callback
from nnlib.layers import Dense, Layer
from nnlib.losses import Loss, SoftmaxCrossEntropy
from nnlib.metrics import accuracy
from nnlib.models import History, Sequential
from nnlib.optimizers import Optimizer


class Plain(Optimizer):
    def update(self, theta, grad, *, rate, t):
        theta -= rate * grad


class Heavy(Optimizer):
    slots = ("v",)

    def update(self, theta, grad, v, *, rate, t):
        v *= 0.9
        v += grad
        theta -= rate * v


class HalfSquare(Loss):
    def __call__(self, y_pred, y_true):
        self.gap = y_pred - y_true
        return float((self.gap**2).sum() / (2 * len(y_pred)))

    def backward(self):
        return self.gap / len(self.gap)


class Noise(Layer):
    """Adds noise of its own while training, and counts in a buffer."""

    def __init__(self, seed):
        super().__init__()
        self.noise = np.random.default_rng(seed)
        self.buffers = type(self.buffers)({"seen": np.zeros(1)})

    def forward(self, x, *, training=False):
        if training:
            self.buffers["seen"][...] += len(x)
            return x + self.noise.normal(0, 0.1, x.shape).astype(x.dtype)
        return x

    def backward(self, dy):
        return dy


class Square:
    def __call__(self, array):
        return 0.05 * float((array**2).sum())

    def gradient(self, array):
        return 0.1 * array


RNG = np.random.default_rng(0)
X = RNG.normal(size=(53, 4))
Y = RNG.integers(0, 3, 53)


def network(dtype=np.float64, noise=False, regularizer=None):
    layers = [
        Dense(4, 6, rng=1, weight_regularizer=regularizer),
        ReLU(),
        Dense(6, 3, rng=2),
    ]
    return Sequential([Noise(3), *layers] if noise else layers, dtype=dtype)


def fit(model, **options):
    given = {
        "loss": SoftmaxCrossEntropy(),
        "optimizer": Heavy(0.05),
        "epochs": 3,
        "batch_size": 8,
        "rng": 5,
    }
    return model.fit(X, Y, **{**given, **options})


def by_hand(model, epochs, batch_size, rate, x=X, y=Y):
    """Momentum in the plainest words, with the same order of samples."""
    rng, loss, v, notes = np.random.default_rng(5), SoftmaxCrossEntropy(), 0, []
    for _ in range(epochs):
        order, total, penalty = rng.permutation(len(x)), 0.0, 0.0
        for start in range(0, len(x), batch_size):
            rows = order[start : start + batch_size]
            total += loss(model.forward(x[rows], training=True), y[rows]) * len(rows)
            penalty += model.penalty() * len(rows)
            model.backward(loss.backward())
            v = 0.9 * v + model.grad
            model.theta = model.theta - rate * v
        notes.append((total / len(x), penalty / len(x)))
    return notes


@pytest.mark.parametrize("batch_size", [1, 8, 53, 100])
def test_fit_takes_the_steps_of_the_plain_loop(batch_size):
    model, other = network(regularizer=Square()), network(regularizer=Square())
    history = fit(model, batch_size=batch_size)
    notes = by_hand(other, 3, min(batch_size, 53), 0.05)
    np.testing.assert_allclose(model.theta, other.theta, rtol=0, atol=1e-12)
    np.testing.assert_allclose(history.loss, [a for a, _ in notes], rtol=1e-12)
    np.testing.assert_allclose(history.penalty, [b for _, b in notes], rtol=1e-12)
    assert history.penalty[0] > 0
    assert history.learning_rate == [0.05] * 3
    assert history.stopped is None


def test_training_asks_for_no_gradient_of_the_inputs(monkeypatch):
    asked = []

    def note(name):
        right = getattr(Dense, name)

        def noted(layer, dy):
            asked.append((name, layer.params["W"].shape))
            return right(layer, dy)

        monkeypatch.setattr(Dense, name, noted)

    note("backward")
    note("_backward_first")
    model = network()
    fit(model, epochs=1, batch_size=53)
    assert asked == [("backward", (6, 3)), ("_backward_first", (4, 6))]

    class Plainer(Sequential):
        _backward_params = None  # a model that does not know how

    other = Plainer(copy.deepcopy(network().layers))
    fit(other, epochs=1, batch_size=53)
    assert asked[2:] == [("backward", (6, 3)), ("backward", (4, 6))]
    np.testing.assert_array_equal(other.theta, model.theta)


def test_the_epoch_loss_is_a_mean_over_samples_not_over_batches():
    model = network()
    history = fit(model, epochs=1, batch_size=50, optimizer=Plain(1e-300))
    assert math.isclose(
        history.loss[0],
        model.evaluate(X, Y, loss=SoftmaxCrossEntropy())["loss"],
        rel_tol=1e-12,
    )


def test_metrics_see_all_predictions_of_an_epoch_with_their_truth():
    seen = []

    def record(y_pred, y_true):
        seen.append((y_pred.copy(), y_true.copy()))
        return 0.25

    model = network()
    still = Plain(1e-300)
    history = fit(model, metrics=[record, "accuracy"], optimizer=still, epochs=2)
    calls = [pair for pair in seen if len(pair[0]) == len(X)]
    assert history.metrics["record"] == [0.25, 0.25]
    for y_pred, y_true in calls[-2:]:
        order = np.random.default_rng(5).permutation(53)
        assert sorted(y_true) == sorted(Y)
        if y_pred is calls[-2][0]:
            np.testing.assert_array_equal(y_true, Y[order])
            np.testing.assert_allclose(y_pred, model.predict(X)[order], rtol=1e-12)
    assert math.isclose(history.metrics["accuracy"][0], accuracy(model.predict(X), Y))


def test_validation_is_that_of_evaluate_after_the_epoch():
    notes = []

    class Look:
        def on_epoch_end(self, training):
            notes.append(
                training.model.evaluate(
                    X[:20], Y[:20], loss=SoftmaxCrossEntropy(), metrics=["accuracy"]
                )
            )
            assert training.logs["val_loss"] == notes[-1]["loss"]

    history = fit(
        network(),
        validation_data=(X[:20], Y[:20]),
        metrics=["accuracy"],
        callbacks=[Look()],
    )
    assert history.metrics["val_loss"] == [n["loss"] for n in notes]
    assert history.metrics["val_accuracy"] == [n["accuracy"] for n in notes]
    assert list(history.metrics) == ["accuracy", "val_loss", "val_accuracy"]


def test_float32_stays_float32():
    model = network(np.float32)
    seen = []

    class Watch(SoftmaxCrossEntropy):
        def __call__(self, y_pred, y_true):
            seen.append((y_pred.dtype, y_true.dtype))
            return super().__call__(y_pred, y_true)

    fit(model, loss=Watch())
    assert model.theta.dtype == np.float32
    assert set(seen) == {(np.dtype(np.float32), Y.dtype)}
    seen.clear()
    model.fit(X, np.eye(3)[Y], loss=Watch(), optimizer=Plain(0.1), rng=0)
    assert set(seen) == {(np.dtype(np.float32), np.dtype(np.float32))}


def test_inputs_are_not_changed_and_lists_are_taken():
    x, y = X.copy(), Y.copy()
    model = network()
    model.fit(
        x.tolist(),
        y.tolist(),
        loss=SoftmaxCrossEntropy(),
        optimizer=Heavy(0.05),
        epochs=3,
        batch_size=8,
        rng=5,
    )
    other = network()
    other.fit(
        x,
        y,
        loss=SoftmaxCrossEntropy(),
        optimizer=Heavy(0.05),
        epochs=3,
        batch_size=8,
        rng=5,
    )
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(y, Y)
    np.testing.assert_array_equal(model.theta, other.theta)


def test_a_seed_repeats_and_no_seed_does_not():
    runs = [network() for _ in range(4)]
    for model, rng in zip(runs, (5, np.random.default_rng(5), None, None), strict=True):
        fit(model, rng=rng)
    np.testing.assert_array_equal(runs[0].theta, runs[1].theta)
    assert not np.array_equal(runs[2].theta, runs[3].theta)


def test_every_epoch_has_an_order_of_its_own():
    orders = []

    class Look:
        def on_epoch_begin(self, training):
            orders.append(training.state()["order"])

    fit(network(), callbacks=[Look()])
    assert [sorted(order) for order in orders] == [list(range(53))] * 3
    assert len({tuple(order) for order in orders}) == 3


def test_no_epochs_change_nothing():
    model = network()
    before = model.theta.copy()
    assert fit(model, epochs=0) == History()
    np.testing.assert_array_equal(model.theta, before)


# --- predict and evaluate ------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [1, 7, 53, 1000])
def test_predict_is_forward(batch_size):
    model = network(noise=True)
    got = model.predict(X, batch_size=batch_size)
    np.testing.assert_allclose(got, model.forward(X), rtol=1e-13, atol=1e-15)
    assert model.predict(X[:0]).shape == (0, 3)
    assert network(np.float32).predict(X).dtype == np.float32


@pytest.mark.parametrize("batch_size", [1, 7, 53, 1000])
def test_evaluate_is_the_loss_of_all_samples_without_penalties(batch_size):
    model = network(regularizer=Square())
    got = model.evaluate(
        X, Y, loss=SoftmaxCrossEntropy(), metrics=["accuracy"], batch_size=batch_size
    )
    want = SoftmaxCrossEntropy()(model.forward(X), Y)
    assert list(got) == ["loss", "accuracy"]
    assert math.isclose(got["loss"], want, rel_tol=1e-12)
    assert got["accuracy"] == accuracy(model.forward(X), Y)


def test_predict_and_evaluate_leave_buffers_generators_and_parameters_alone():
    model = network(noise=True)
    before = copy.deepcopy(model)
    model.predict(X)
    model.evaluate(X, Y, loss=SoftmaxCrossEntropy())
    np.testing.assert_array_equal(model.theta, before.theta)
    np.testing.assert_array_equal(
        model.layers[0].buffers["seen"], before.layers[0].buffers["seen"]
    )
    assert (
        model.layers[0].noise.bit_generator.state
        == before.layers[0].noise.bit_generator.state
    )


# --- callbacks ---


class Log:
    def __init__(self):
        self.calls = []

    def __getattr__(self, name):
        if not name.startswith("on_"):
            raise AttributeError(name)
        return lambda training: self.calls.append(
            (name, training.epoch, training.batch, training.step)
        )


def test_callbacks_are_called_in_order():
    log = Log()
    fit(network(), epochs=2, batch_size=30, callbacks=[log])
    assert log.calls == [
        ("on_train_begin", 0, 0, 0),
        ("on_epoch_begin", 0, 0, 0),
        ("on_batch_end", 0, 1, 1),
        ("on_batch_end", 0, 2, 2),
        ("on_epoch_end", 0, 2, 2),
        ("on_epoch_begin", 1, 0, 2),
        ("on_batch_end", 1, 1, 3),
        ("on_batch_end", 1, 2, 4),
        ("on_epoch_end", 1, 2, 4),
        ("on_train_end", 1, 2, 4),
    ]


def test_the_base_class_does_nothing_and_looking_on_changes_nothing():
    one, other = network(), network()
    fit(one)
    fit(other, callbacks=[Callback(), Log()])
    np.testing.assert_array_equal(one.theta, other.theta)
    assert Callback().state() == {}
    Callback().set_state({})


def test_logs_of_batches_are_means_over_the_epoch_so_far():
    class Look:
        losses = ()

        def on_batch_end(self, training):
            self.losses = (*self.losses, training.batch_loss)
            sizes = [8] * len(self.losses) if len(self.losses) < 7 else [8] * 6 + [5]
            want = np.dot(self.losses, sizes) / sum(sizes)
            assert math.isclose(training.logs["loss"], want, rel_tol=1e-12)

        def on_epoch_end(self, training):
            self.end = training.logs

    look = Look()
    history = fit(network(), epochs=1, callbacks=[look])
    assert len(look.losses) == 7
    assert look.end == {"loss": history.loss[0], "penalty": 0.0, "learning_rate": 0.05}


@pytest.mark.parametrize(
    ("hook", "steps", "epochs"),
    [
        ("on_train_begin", 0, 0),
        ("on_epoch_begin", 0, 0),
        ("on_batch_end", 1, 0),
        ("on_epoch_end", 7, 1),
    ],
)
def test_stop_ends_the_run_there(hook, steps, epochs):
    log = Log()
    stopper = types.SimpleNamespace(**{hook: lambda training: training.stop("enough")})
    optimizer = Plain(0.1)
    history = fit(network(), callbacks=[stopper, log], optimizer=optimizer)
    assert history.stopped == "enough"
    assert history.epochs == epochs
    assert optimizer.t == steps
    assert [call[0] for call in log.calls][-2:] == [hook, "on_train_end"]


def test_a_callback_may_set_the_learning_rate():
    class Halve(Callback):
        def on_epoch_end(self, training):
            training.optimizer.learning_rate /= 2

    history = fit(network(), callbacks=[Halve()])
    assert history.learning_rate == [0.05, 0.025, 0.0125]


def test_the_history_notes_the_rate_of_a_schedule():
    history = fit(network(), optimizer=Plain(lambda step: 1 / (10 + step)))
    np.testing.assert_allclose(history.learning_rate, [1 / 16, 1 / 23, 1 / 30])


# --- resuming ---


class Count(Callback):
    """Counts what it has seen, forgets it at a beginning, and keeps one state."""

    def __init__(self, hook=None, at=0):
        self.hook, self.at, self.seen, self.kept = hook, at, [], None

    def note(self, hook, training):
        self.seen.append((hook, training.epoch, training.batch))
        if hook == self.hook and (training.step == self.at):
            self.kept = copy.deepcopy(training.state())

    def on_train_begin(self, training):
        self.seen = []

    def on_epoch_begin(self, training):
        self.note("on_epoch_begin", training)

    def on_batch_end(self, training):
        self.note("on_batch_end", training)

    def on_epoch_end(self, training):
        self.note("on_epoch_end", training)

    def state(self):
        return {"seen": list(self.seen)}

    def set_state(self, state):
        self.seen = list(state["seen"])


PLACES = [
    ("on_epoch_begin", 0),
    ("on_batch_end", 1),
    ("on_batch_end", 10),
    ("on_batch_end", 14),
    ("on_epoch_end", 7),
    ("on_epoch_begin", 7),
    ("on_epoch_end", 21),
]


@pytest.mark.parametrize(("hook", "at"), PLACES)
def test_a_resumed_run_ends_with_the_same_bits(hook, at):
    def run(callbacks, resume=None):
        model, optimizer = network(noise=True), Heavy(lambda step: 0.1 / (1 + step))
        history = fit(
            model,
            optimizer=optimizer,
            callbacks=callbacks,
            resume=resume,
            metrics=["accuracy"],
            validation_data=(X[:9], Y[:9]),
            rng=5 if resume is None else 99,
        )
        return model, optimizer, history

    keeper = Count(hook, at)
    first = [Count(), keeper, Count()]
    model, optimizer, history = run(first)
    assert keeper.kept is not None
    again = [Count(), Count(), Count()]
    other, other_optimizer, other_history = run(again, keeper.kept)
    np.testing.assert_array_equal(other.theta, model.theta)
    np.testing.assert_array_equal(
        other.layers[0].buffers["seen"], model.layers[0].buffers["seen"]
    )
    assert (
        other.layers[0].noise.bit_generator.state
        == model.layers[0].noise.bit_generator.state
    )
    assert other_history == history
    np.testing.assert_array_equal(
        other_optimizer.state()["slots"]["v"], optimizer.state()["slots"]["v"]
    )
    # Each callback has seen everything once, whichever of them kept the state.
    assert [callback.seen for callback in again] == [
        callback.seen for callback in first
    ]


def test_more_epochs_go_on_from_the_end():
    class End:
        def on_train_end(self, training):
            self.kept = training.state()

    end, whole, part = End(), network(), network()
    history = fit(whole, epochs=5)
    fit(part, epochs=2, callbacks=[end])
    rest = network()
    assert fit(rest, epochs=5, callbacks=[End()], resume=end.kept, rng=1) == history
    np.testing.assert_array_equal(rest.theta, whole.theta)


def test_a_state_is_a_copy_and_all_but_its_arrays_are_json():
    keeper = Count("on_batch_end", 10)
    model = network(noise=True)
    fit(model, callbacks=[keeper], metrics=["accuracy"])
    state = keeper.kept
    assert not np.array_equal(state["theta"], model.theta)

    def plain(value):
        return value.tolist() if isinstance(value, np.ndarray) else value

    back = json.loads(json.dumps(state, default=plain))
    assert back["step"] == 10
    assert back["rng"] == state["rng"]
    assert len(state["predictions"]) == 3 * 8


def test_a_stopped_run_stays_stopped():
    class Stop(Count):
        def on_epoch_end(self, training):
            training.stop("enough")
            super().on_epoch_end(training)

    stop = Stop("on_epoch_end", 7)
    model, other = network(), network()
    history = fit(model, callbacks=[stop])
    assert fit(other, callbacks=[Stop()], resume=stop.kept) == history
    np.testing.assert_array_equal(other.theta, model.theta)


def kept_state():
    keeper = Count("on_batch_end", 10)
    fit(network(noise=True), callbacks=[keeper], metrics=["accuracy"])
    return keeper.kept


STATE = kept_state()
BAD_STATES = [
    ("a state", "resume must be a state with at, batch"),
    ({k: v for k, v in STATE.items() if k != "theta"}, "resume must be a state with"),
    (
        {**STATE, "theta": np.zeros(3)},
        r"theta of shape \(51,\) and dtype float64, got \(3,\)",
    ),
    ({**STATE, "theta": STATE["theta"].astype(np.float32)}, "got .* and float32"),
    ({**STATE, "samples": 52}, "the same samples, 53, got 52"),
    ({**STATE, "batch_size": 9}, "the same batch_size, 8, got 9"),
    ({**STATE, "callbacks": []}, "states of 1 callbacks, got 0"),
    ({**STATE, "buffers": [{}, {}, {}, {}]}, "must hold buffers"),
    ({**STATE, "generators": [{}, {}, {}, {}]}, "must hold generators"),
    ({**STATE, "rng": {"bit_generator": "MT19937"}}, "states of generators like"),
    ({**STATE, "order": np.zeros(53, int)}, "a permutation of 53 samples"),
    ({**STATE, "order": None}, "the order of the samples"),
    ({**STATE, "batch": 8}, "at batch 0 to 7, got .* and 8"),
    ({**STATE, "at": "somewhere"}, "stand at a hook"),
    ({**STATE, "predictions": None}, "since there are metrics"),
    ({**STATE, "predictions": np.zeros((5, 3))}, "24 predictions, got 5"),
    ({**STATE, "history": {}}, "values must hold loss"),
    ({**STATE, "optimizer": {}}, "state must hold t"),
    ({**STATE, "theta": STATE["theta"] * np.nan}, "must hold a finite theta"),
    ({**STATE, "epoch": "1"}, "epoch, an int of at least 0, got '1'"),
    ({**STATE, "epoch": True}, "epoch, an int of at least 0, got True"),
    ({**STATE, "batch": "x"}, "batch, an int of at least 0, got 'x'"),
    ({**STATE, "batch": -1}, "batch, an int of at least 0, got -1"),
    ({**STATE, "step": None}, "step, an int of at least 0, got None"),
    ({**STATE, "step": -5}, "step, an int of at least 0, got -5"),
    ({**STATE, "step": 10.0}, "step, an int of at least 0, got 10.0"),
    ({**STATE, "called": "a"}, "called, an int of at least 0, got 'a'"),
    ({**STATE, "called": -1}, "called, an int of at least 0, got -1"),
    ({**STATE, "called": 99}, "called, at most 1, got 99"),
    ({**STATE, "sums": None}, "numbers in sums, batch_loss and logs"),
    ({**STATE, "sums": ["x", 0.0]}, "numbers in sums, batch_loss and logs"),
    ({**STATE, "sums": [1.0]}, r"two sums, got \[1.0\]"),
    ({**STATE, "batch_loss": "q"}, "numbers in sums, batch_loss and logs"),
    ({**STATE, "batch_loss": None}, "numbers in sums, batch_loss and logs"),
    ({**STATE, "logs": 5}, "numbers in sums, batch_loss and logs"),
    ({**STATE, "logs": {"loss": "low"}}, "numbers in sums, batch_loss and logs"),
    ({**STATE, "buffers": None}, "a list, buffers, got None"),
    ({**STATE, "buffers": [3, 3, 3, 3]}, "a list, buffers"),
    ({**STATE, "generators": None}, "a list, generators, got None"),
    ({**STATE, "callbacks": None}, "a list, callbacks, got None"),
    ({**STATE, "order": "shuffled"}, "a permutation of 53 samples"),
    ({**STATE, "order": [None] * 53}, "a permutation of 53 samples"),
    ({**STATE, "order": np.arange(53) + 0.5}, "a permutation of 53 samples"),
    ({**STATE, "predictions": 5.0}, "24 predictions, got 5.0"),
    ({**STATE, "predictions": np.zeros((24, 2))}, r"shape \(24, 3\), got \(24, 2\)"),
    ({**STATE, "predictions": np.zeros((24, 3), bool)}, r"got \(24, 3\) and bool"),
]


@pytest.mark.parametrize(("state", "match"), BAD_STATES)
def test_bad_states_are_refused_and_change_nothing(state, match):
    model, optimizer = network(noise=True), Heavy(0.3)
    before = copy.deepcopy(model)
    with pytest.raises(ValueError, match=match):
        fit(
            model,
            optimizer=optimizer,
            callbacks=[Count()],
            metrics=["accuracy"],
            resume=state,
        )
    np.testing.assert_array_equal(model.theta, before.theta)
    assert (
        model.layers[0].noise.bit_generator.state
        == before.layers[0].noise.bit_generator.state
    )
    assert optimizer.t == 0


@pytest.mark.parametrize("epoch", [1, 2])
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({}, {"metrics": ["accuracy"]}),
        ({"metrics": ["accuracy"]}, {}),
        ({}, {"validation_data": (X[:9], Y[:9])}),
        ({"validation_data": (X[:9], Y[:9])}, {}),
        (
            {"metrics": ["accuracy"]},
            {"metrics": ["accuracy"], "validation_data": (X, Y)},
        ),
    ],
)
def test_a_run_that_notes_something_else_is_not_resumed(first, second, epoch):
    """Or its history would hold columns of different lengths."""
    keeper, model = Count("on_epoch_end", 7 * epoch), network()
    fit(network(), callbacks=[keeper], **first)
    before = model.theta.copy()
    with pytest.raises(ValueError, match="resume must be of a run that noted"):
        fit(model, callbacks=[Count()], resume=keeper.kept, **second)
    np.testing.assert_array_equal(model.theta, before)


def test_a_resumed_run_can_be_stopped_at_its_beginning():
    class Stop(Count):
        def on_train_begin(self, training):
            super().on_train_begin(training)
            training.stop("not today")

    keeper, log, optimizer = Count("on_epoch_end", 7), Log(), Heavy(0.05)
    fit(network(), callbacks=[keeper, Callback()])
    kept = {**keeper.kept, "called": 2}
    history = fit(network(), callbacks=[Stop(), log], optimizer=optimizer, resume=kept)
    assert history.stopped == "not today"
    assert history.epochs == 1
    assert optimizer.t == 7
    assert [call[0] for call in log.calls] == ["on_train_begin", "on_train_end"]


# --- what is refused ------------------------------------------------------------------

NAN = X.copy()
NAN[52, 3] = np.nan
LATE = Y.copy()
LATE[52] = 3
BAD = [
    (
        {"x": X[:, :3]},
        r"layer 0 \(Dense\): x must have shape \(batch, 4\), got \(1, 3\)",
    ),
    ({"x": X[:52]}, "x and y must hold as many samples, got 52 and 53"),
    ({"x": X[:0], "y": Y[:0]}, r"x must hold at least one sample, got \(0, 4\)"),
    ({"x": 3.0}, r"x must have shape \(samples, ...\), got \(\)"),
    ({"x": X + 1j}, "x must hold real numbers, got dtype complex128"),
    ({"x": X.astype(str)}, "x must hold real numbers, got dtype"),
    ({"y": None}, "y must hold real numbers, got dtype object"),
    ({"x": NAN}, "x must be finite in float64, got nan or inf"),
    ({"y": np.full(53, np.inf)}, "y must be finite"),
    ({"y": LATE}, "y_true must hold labels from 0 to 2, got 3"),
    ({"y": Y[:, None]}, r"y_true must have shape"),
    ({"batch_size": 0}, "batch_size must be an int of at least 1, got 0"),
    ({"batch_size": 8.0}, "batch_size must be an int"),
    ({"batch_size": True}, "batch_size must be an int"),
    ({"epochs": -1}, "epochs must be an int of at least 0, got -1"),
    (
        {"metrics": ["accurcy"]},
        "metrics must be callables or among .*accuracy.*, got 'accurcy'",
    ),
    ({"metrics": "accuracy"}, "metrics must be a list of metrics, got 'accuracy'"),
    ({"metrics": ["accuracy", accuracy]}, "names of their own, got 'accuracy' again"),
    ({"metrics": [3]}, "metrics must be names or callables, got 3"),
    (
        {"callbacks": [Callback]},
        "a callback must have one of the methods on_train_begin",
    ),
    ({"callbacks": [object()]}, "a callback must have one of the methods"),
    ({"callbacks": 3}, "callbacks must be a list of callbacks, got 3"),
    (
        {"loss": SoftmaxCrossEntropy},
        r"loss must be a Loss, got .*: write SoftmaxCrossEntropy\(\)",
    ),
    ({"loss": "cce"}, "loss must be a Loss, got 'cce'"),
    ({"optimizer": Plain}, "optimizer must be an optimizer"),
    ({"optimizer": 0.1}, "optimizer must be an optimizer, got 0.1"),
    ({"rng": "seed"}, "rng must be a seed or generator"),
    ({"validation_data": X}, r"validation_data must be a pair \(x, y\)"),
    (
        {"validation_data": (X[:3], Y[:2])},
        "validation x and y must hold as many samples",
    ),
    ({"validation_data": (NAN, Y)}, "validation x must be finite"),
    ({"validation_data": (X, LATE)}, "labels from 0 to 2, got 3"),
    ({"validation_data": (X[:, :2], Y)}, r"layer 0 \(Dense\)"),
]


@pytest.mark.parametrize(("bad", "match"), BAD)
def test_bad_arguments_change_nothing(bad, match):
    model, log = network(), Log()
    before, rng = model.theta.copy(), np.random.default_rng(5)
    given = {
        "x": X,
        "y": Y,
        "loss": SoftmaxCrossEntropy(),
        "optimizer": Plain(0.1),
        "rng": rng,
        "callbacks": [log],
    }
    with pytest.raises(ValueError, match=match):
        model.fit(**{**given, **bad})
    np.testing.assert_array_equal(model.theta, before)
    assert log.calls == []
    assert rng.random() == np.random.default_rng(5).random()


def test_numbers_that_overflow_the_models_precision_are_not_finite():
    with pytest.raises(ValueError, match="x must be finite in float32"):
        network(np.float32).fit(
            X * 1e300, Y, loss=SoftmaxCrossEntropy(), optimizer=Plain(0.1)
        )


def test_parameters_must_be_finite():
    model = network()
    model.theta[3] = np.inf
    with pytest.raises(ValueError, match="theta must be finite before training"):
        fit(model)


def test_evaluate_and_predict_refuse_what_does_not_fit():
    model, loss = network(), SoftmaxCrossEntropy()
    with pytest.raises(ValueError, match="at least one sample"):
        model.evaluate(X[:0], Y[:0], loss=loss)
    with pytest.raises(ValueError, match="as many samples"):
        model.evaluate(X, Y[:5], loss=loss)
    with pytest.raises(ValueError, match="batch_size"):
        model.evaluate(X, Y, loss=loss, batch_size=0)
    with pytest.raises(ValueError, match="loss must be a Loss"):
        model.evaluate(X, Y, loss=None)
    with pytest.raises(ValueError, match="callables or among"):
        model.evaluate(X, Y, loss=loss, metrics=["loss?"])
    with pytest.raises(ValueError, match="batch_size"):
        model.predict(X, batch_size=-1)
    with pytest.raises(ValueError, match="x must have shape"):
        model.predict(1.0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_loss_that_is_not_finite_stops_the_run(dtype):
    """On a quadratic it grows by the predicted factor, at a rate beyond 2/λ."""
    model = Sequential([Dense(4, 1, rng=0)], dtype=dtype)
    ones = np.hstack([X, np.ones((53, 1))])
    limit = 2 / np.linalg.eigvalsh(ones.T @ ones / 53)[-1]
    options = {"loss": HalfSquare(), "epochs": 2000, "batch_size": 53, "rng": 0}
    history = model.fit(
        X, Y[:, None].astype(float), optimizer=Plain(0.97 * limit), **options
    )
    assert history.loss[-1] <= history.loss[0]
    with pytest.raises(
        FloatingPointError,
        match=r"is (inf|nan) in epoch \d+, batch 0 .*, with learning rate [\d.]+: try",
    ):
        model.fit(X, Y[:, None].astype(float), optimizer=Plain(1.5 * limit), **options)


@pytest.mark.parametrize("epochs", [1, 2])
def test_a_last_step_that_diverges_stops_the_run(epochs):
    """No loss is taken after it that could tell."""

    class Leap(Plain):
        def update(self, theta, grad, *, rate, t):
            theta -= (1e39 if t == epochs else rate) * grad

    model, log = network(np.float32), Log()
    with pytest.raises(
        FloatingPointError,
        match=rf"no longer finite at the end of epoch {epochs - 1} \(step {epochs}\)",
    ):
        fit(
            model,
            epochs=epochs,
            batch_size=53,
            optimizer=Leap(0.1),
            callbacks=[log],
            validation_data=(X, Y),
        )
    assert not np.isfinite(model.theta).all()
    assert [call[0] for call in log.calls[-2:]] == ["on_epoch_begin", "on_batch_end"]


def test_the_message_names_the_rate_of_the_step_that_led_there():
    """Also if the optimiser has taken steps in another run before."""
    optimizer = Plain(lambda step: 0.125 if step < 21 else 1e200)
    fit(network(), optimizer=optimizer)
    with pytest.raises(FloatingPointError, match=r"with learning rate 1e\+200: try"):
        fit(network(), optimizer=optimizer)


def test_a_penalty_that_is_not_finite_stops_the_run():
    class Broken(Square):
        def __call__(self, array):
            return math.inf

    with pytest.raises(
        FloatingPointError, match=r"the penalty is inf in epoch 0, batch 0 \(step 0\)"
    ):
        fit(network(regularizer=Broken()))


def test_progress_without_tqdm_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    with pytest.raises(ImportError, match="pip install tqdm"):
        fit(network(), progress=True)


def test_progress_with_tqdm_counts_the_steps(monkeypatch):
    bars = []

    class Bar:
        def __init__(self, total, unit):
            self.total, self.n = total, 0
            bars.append(self)

        def update(self, steps):
            self.n += steps

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.closed = True

    monkeypatch.setitem(sys.modules, "tqdm", types.SimpleNamespace(tqdm=Bar))
    one, other = network(), network()
    fit(one, progress=True)
    fit(other)
    assert bars[0].n == bars[0].total == 21
    assert bars[0].closed
    np.testing.assert_array_equal(one.theta, other.theta)


# --- History ---


def test_history_to_a_dict_and_back():
    history = fit(network(), metrics=["accuracy"], validation_data=(X, Y))
    values = json.loads(json.dumps(history.to_dict()))
    assert History.from_dict(values) == history
    values["loss"][0] = 7.0
    assert history.loss[0] != 7.0
    assert history.epochs == 3
    assert History().epochs == 0


@pytest.mark.parametrize(
    ("values", "match"),
    [
        (None, "values must hold loss"),
        ({"loss": []}, "values must hold loss, penalty"),
        ({**History().to_dict(), "stopped": 3}, "stopped must be a str or None"),
        ({**History().to_dict(), "loss": ["x"]}, "lists of numbers"),
        ({**History().to_dict(), "loss": 3}, "lists of numbers"),
        ({**History().to_dict(), "metrics": []}, "lists of numbers"),
        (
            {**History().to_dict(), "loss": [1.0]},
            "penalty must hold as many numbers as loss, 1, got 0",
        ),
        ({**History().to_dict(), "metrics": {"a": [1]}}, "a must hold as many"),
    ],
)
def test_bad_histories_are_refused(values, match):
    with pytest.raises(ValueError, match=match):
        History.from_dict(values)


# --- accuracy ---


def test_accuracy_is_that_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    for n, k in ((1, 2), (50, 3), (1000, 10)):
        scores, labels = rng.normal(size=(n, k)), rng.integers(0, k, n)
        want = metrics.accuracy_score(labels, scores.argmax(axis=1))
        assert math.isclose(accuracy(scores, labels), want)
        assert math.isclose(
            accuracy(scores.astype(np.float32), np.eye(k)[labels]), want
        )


def test_accuracy_at_the_edges():
    assert accuracy([[1.0, 1.0]], [0]) == 1.0
    assert accuracy([[1.0, 1.0]], [1]) == 0.0
    assert accuracy([[np.nan, 1.0], [0.0, 1.0]], [0, 1]) == 0.5
    assert accuracy([[np.inf, -np.inf]], [0]) == 1.0
    assert type(accuracy([[0, 1]], [1])) is float


@pytest.mark.parametrize(
    ("y_pred", "y_true", "match"),
    [
        ([0.2, 0.7], [0, 1], r"two classes or more, got \(2,\)"),
        ([[0.2], [0.7]], [0, 1], r"two classes or more, got \(2, 1\)"),
        (np.zeros((0, 3)), [], "at least one sample"),
        ([["a", "b"]], [0], "y_pred must hold real numbers"),
        ([[0.0, 1.0]], ["a"], "y_true must hold real numbers"),
        ([[0.0, 1.0]], [2], "labels from 0 to 1, got 2"),
        ([[0.0, 1.0]], [-1], "labels from 0 to 1, got -1"),
        ([[0.0, 1.0]], [1.0], "integer labels, got dtype float64"),
        ([[0.0, 1.0]], [0, 1], r"shape \(1,\) or \(1, 2\), got \(2,\)"),
        ([[0.0, 1.0]], [[0.5, 0.5]], "one-hot rows"),
        ([[0.0, 1.0]], [[1, 1]], "one-hot rows"),
    ],
)
def test_accuracy_refuses_what_does_not_fit(y_pred, y_true, match):
    with pytest.raises(ValueError, match=match):
        accuracy(y_pred, y_true)


# --- plot_history ---


def test_plot_history_draws_every_line():
    plots = pytest.importorskip("nnlib.plots")
    history = fit(network(), metrics=["accuracy"], validation_data=(X, Y))
    figure = plots.plot_history(history)
    assert "accuracy" in figure.svg
    assert "validation" in figure.svg
    assert figure.alt.startswith("Loss over 3 epochs, from ")
    assert "validation from" in figure.alt
    one = plots.plot_history(fit(network(), epochs=1))
    assert "1 epoch," in one.alt
    assert (
        plots.plot_history(history, alt="Two panels with falling lines.").alt
        == "Two panels with falling lines."
    )
    with pytest.raises(ValueError, match="at least one epoch"):
        plots.plot_history(History())
