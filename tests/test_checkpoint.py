"""Keeping a run: stopping early, and going on as if nothing had happened."""

import copy
import math
import os
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from nnlib import models
from nnlib.activations import Tanh
from nnlib.callbacks import Callback, Checkpoint, EarlyStopping
from nnlib.layers import Arrays, Dense, Layer
from nnlib.losses import SoftmaxCrossEntropy
from nnlib.models import Sequential
from nnlib.optimizers import SGD, Adam
from nnlib.schedules import Cosine

RNG = np.random.default_rng(16)
X = RNG.normal(size=(22, 3))
Y = (X[:, 0] * X[:, 1] > 0).astype(np.int64)


class Run:
    """As much of a training run as these callbacks look at."""

    def __init__(self, scores=()):
        self.model = Sequential([Dense(1, 1, rng=0), Counter()])
        self.epoch, self.step, self.logs, self.reason = -1, 0, {}, None
        self.scores = iter(scores)

    def stop(self, reason):
        self.reason = reason

    def state(self):
        buffers = [dict(layer.buffers) for layer in self.model.layers]
        return {"theta": self.model.theta.copy(), "buffers": buffers}

    def go(self, callback):
        """Go through epochs until the scores or the patience end, and say how many."""
        callback.on_train_begin(self)
        for score in self.scores:
            self.epoch += 1
            self.logs = {"loss": 1.0, "val_loss": score}
            self.model.theta[...] = self.epoch
            self.model.layers[1].buffers["seen"][...] = self.epoch
            callback.on_epoch_end(self)
            if self.reason:
                break
        return self.epoch + 1


class Counter(Layer):
    """Counts the samples that it has seen while training, and adds a little noise."""

    def __init__(self, rng=0):
        super().__init__()
        self.noise = np.random.default_rng(rng)
        self.buffers = Arrays({"seen": np.zeros(())})

    def forward(self, x, *, training=False):
        if training:
            self.buffers["seen"][...] += len(x)
            return x + self.noise.normal(0, 0.1, x.shape)
        return x

    def backward(self, dy):
        return dy


class Tally(Callback):
    """A callback with a state: it has counted batches, and listed losses."""

    def __init__(self):
        self.batches, self.losses, self.order = 0, [], np.zeros(2)

    def on_batch_end(self, training):
        self.batches += 1
        self.losses = [*self.losses[-3:], training.batch_loss]
        self.order = self.order + training.batch_loss

    def state(self):
        return {"batches": self.batches, "losses": self.losses, "order": self.order}

    def set_state(self, state):
        self.__dict__.update(state)


# EarlyStopping, by hand


@pytest.mark.parametrize(
    ("scores", "options", "epochs", "best", "best_epoch"),
    [
        # The best is in epoch 2; epochs 3 and 4 do not improve, and that is enough.
        ([5, 4, 3, 4, 3, 2, 1], {"patience": 2}, 5, 3.0, 2),
        ([5, 4, 3, 4, 3, 2, 1], {"patience": 3}, 7, 1.0, 6),
        ([5, 4, 3, 4, 3, 2, 1], {"patience": 1}, 4, 3.0, 2),
        # As good is not better.
        ([3, 3, 3, 3], {"patience": 3}, 4, 3.0, 0),
        # Better by 1, but not by more than 1; then by 1.5 than the best.
        ([5, 4, 3.5, 2.9], {"patience": 1, "min_delta": 1}, 2, 5.0, 0),
        ([5, 4, 3.5, 2.9], {"patience": 2, "min_delta": 1}, 4, 3.5, 2),
        ([1, 2, 3, 2, 1, 0], {"patience": 2, "mode": "max"}, 5, 3.0, 2),
        ([-1, -2, -3, -2], {"patience": 9, "mode": "min"}, 4, -3.0, 2),
        # What is not finite is no improvement, and counts.
        ([math.nan, math.nan, 1], {"patience": 2}, 2, None, None),
        ([2, math.nan, -math.inf, 1], {"patience": 2}, 3, 2.0, 0),
        ([2, math.nan, 1, math.inf], {"patience": 2}, 4, 1.0, 2),
        ([1, 2, math.inf], {"patience": 2, "mode": "max"}, 3, 2.0, 1),
        ([1, 2, 3], {"monitor": "loss", "patience": 2}, 3, 1.0, 0),
        ([], {}, 0, None, None),
    ],
)
def test_early_stopping_by_hand(scores, options, epochs, best, best_epoch):
    callback, run = EarlyStopping(**options), Run(scores)
    assert run.go(callback) == epochs
    assert (callback.best, callback.best_epoch) == (best, best_epoch)
    patience = options.get("patience", 10)
    assert (run.reason is not None) == (callback.bad_epochs == patience)


def test_the_reason_says_what_was_waited_for():
    run = Run([0.5, 0.25, 1, 1])
    run.go(EarlyStopping(patience=2))
    assert run.reason == (
        "val_loss has not improved for 2 epochs (best 0.25 in epoch 1)"
    )
    run = Run([math.nan])
    run.go(EarlyStopping(patience=1))
    assert run.reason == "val_loss has not improved for 1 epochs (never finite)"


@pytest.mark.parametrize("restore", [True, False])
def test_the_best_epoch_comes_back_with_its_buffers(restore):
    callback = EarlyStopping(patience=2, restore_best=restore)
    run = Run([3, 1, 2, 2])
    theta = run.model.theta
    run.go(callback)
    callback.on_train_end(run)
    wanted = 1 if restore else 3
    assert theta.tolist() == [wanted] * 2  # in place
    assert run.model.layers[1].buffers["seen"] == wanted
    kept = callback.state()["theta"]
    if restore:
        kept[...] = 99
        theta += 5
        assert callback.state()["theta"].tolist() == [1, 1]
    else:
        assert kept is None


def test_a_run_that_was_not_stopped_gets_its_best_epoch_too():
    callback, run = EarlyStopping(patience=9), Run([3, 1, 2, 2])
    run.go(callback)
    assert run.reason is None
    callback.on_train_end(run)
    assert run.model.theta.tolist() == [1, 1]


def test_a_new_run_is_judged_on_its_own():
    callback = EarlyStopping(patience=2)
    Run([0.1, 1, 1]).go(callback)
    run = Run([5, 4, 3])
    assert run.go(callback) == 3
    assert (callback.best, callback.best_epoch, callback.bad_epochs) == (3.0, 2, 0)


def test_early_stopping_in_a_fit_ends_at_the_best_validation_loss():
    model = Sequential([Dense(3, 12, rng=0), Tanh(), Dense(12, 2, rng=1)])
    held = (X[::2], Y[::2])
    callback = EarlyStopping(patience=4)
    history = model.fit(
        X[1::2],
        Y[1::2],
        loss=SoftmaxCrossEntropy(),
        optimizer=SGD(0.3),
        epochs=200,
        batch_size=4,
        validation_data=held,
        callbacks=[callback],
        rng=0,
    )
    losses = history.metrics["val_loss"]
    assert callback.best_epoch == int(np.argmin(losses))
    assert history.epochs == callback.best_epoch + 1 + 4 < 200
    assert callback.best == min(losses)
    assert model.evaluate(*held, loss=SoftmaxCrossEntropy())["loss"] == min(losses)
    assert history.stopped.startswith("val_loss has not improved for 4 epochs")


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: EarlyStopping(3), "monitor must be the name of a score, got 3"),
        (lambda: EarlyStopping(patience=0), "patience must be at least 1, got 0"),
        (lambda: EarlyStopping(patience=1.5), "patience must be an integer"),
        (lambda: EarlyStopping(patience=True), "patience must be an integer"),
        (lambda: EarlyStopping(min_delta=-1), "min_delta must be a finite number"),
        (lambda: EarlyStopping(min_delta=math.nan), "min_delta must be a finite"),
        (lambda: EarlyStopping(mode="auto"), "mode must be 'min' or 'max', got 'auto'"),
        (lambda: Checkpoint("x", every=0), "every must be at least 1, got 0"),
        (lambda: Checkpoint("x", every=2.0), "every must be an integer"),
        (lambda: Checkpoint("x", every=2, monitor="loss"), "every must be None with a"),
        (lambda: Checkpoint("x", monitor=1), "monitor must be the name of a score"),
        (lambda: Checkpoint("x", mode="best"), "mode must be 'min' or 'max'"),
        (lambda: Checkpoint(None), "path must be the name of a file, got None"),
        (lambda: Checkpoint(""), "path must be the name of a file"),
        (
            lambda: Run([1]).go(EarlyStopping("accuracy")),
            "monitor must be one of loss, val_loss, got 'accuracy'",
        ),
    ],
)
def test_a_wrong_argument_is_named(make, match):
    with pytest.raises(ValueError, match=match):
        make()


@pytest.mark.parametrize(
    ("callback", "changes", "match"),
    [
        (EarlyStopping(), {"more": 1}, "state must hold best, best_epoch, bad_epochs"),
        (EarlyStopping(), {"best": math.nan}, "best must be a finite number or None"),
        (EarlyStopping(), {"best": True}, "best must be a finite number or None"),
        (EarlyStopping(), {"best_epoch": -1}, "best_epoch must be an integer, 0 or"),
        (EarlyStopping(), {"bad_epochs": "1"}, "bad_epochs must be an integer"),
        (EarlyStopping(), {"theta": [1.0]}, "theta must be an array"),
        (EarlyStopping(), {"theta": np.zeros((1, 1))}, "theta must be an array"),
        (EarlyStopping(), {"buffers": {}}, "buffers must be a list"),
        (EarlyStopping(), {"buffers": [{"a": 1}]}, "buffers must be a list of arrays"),
        (Checkpoint("x"), {"more": 1}, "state must hold best"),
        (Checkpoint("x"), {"best": "x"}, "best must be a finite number or None"),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(callback, changes, match):
    callback = copy.deepcopy(callback)
    before = callback.state()
    with pytest.raises(ValueError, match=match):
        callback.set_state({**before, **changes})
    with pytest.raises(ValueError, match="state must hold"):
        callback.set_state(None)
    assert callback.state() == before


# Checkpoint


def learner(dtype="float64"):
    return Sequential(
        [Dense(3, 5, rng=1), Tanh(), Counter(rng=2), Dense(5, 2, rng=3)], dtype=dtype
    )


def fit(model=None, *, epochs=3, optimizer=None, before=(), after=(), **options):
    """Fit a small net: 3 epochs of 6 batches, the last one smaller."""
    model = learner() if model is None else model
    optimizer = optimizer or SGD(Cosine(0.2, steps=18), momentum=0.9)
    callbacks = [Tally(), *before, EarlyStopping(patience=50), *after]
    history = model.fit(
        X,
        Y,
        loss=SoftmaxCrossEntropy(),
        optimizer=optimizer,
        epochs=epochs,
        batch_size=4,
        validation_data=(X[:5], Y[:5]),
        metrics=["accuracy"],
        callbacks=callbacks,
        rng=4,
        **options,
    )
    mine = (*before, *after)
    states = [c.state() for c in callbacks if c not in mine]
    return bits((model.theta, dict(model.layers[2].buffers), history.to_dict(), states))


def bits(value):
    """Everything in a value, exactly: floats by their digits, arrays by their bytes."""
    if isinstance(value, np.ndarray):
        return value.tobytes(), value.shape, value.dtype.str
    if isinstance(value, dict):
        return {name: bits(v) for name, v in value.items()}
    if isinstance(value, list | tuple):
        return [bits(v) for v in value]
    return type(value).__name__, repr(value)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.npz"


class Keeper(Callback):
    """Notes, after each batch and epoch, which step the file is of."""

    def __init__(self, path):
        self.path, self.steps = path, []

    def on_batch_end(self, training):
        del training
        self.note()

    on_epoch_end = on_batch_end

    def note(self):
        there = self.path.exists()
        self.steps.append(Checkpoint.load(self.path)["step"] if there else None)


@pytest.mark.parametrize(
    ("every", "wanted"),
    [
        # Six batches and an end of the epoch, three times.
        (None, [None] * 6 + [6] * 7 + [12] * 7 + [18]),
        (1, [1, 2, 3, 4, 5, 6, 6, 7, 8, 9, 10, 11, 12, 12, *range(13, 19), 18]),
        (4, [None] * 3 + [4] * 5 + [8] * 4 + [12] * 5 + [16] * 4),
        (100, [None] * 21),
    ],
)
def test_the_file_is_written_when_it_is_time_to(every, wanted, path):
    keeper = Keeper(path)
    fit(after=[Checkpoint(path, every=every), keeper])
    assert keeper.steps == wanted


def test_with_a_monitor_only_the_best_epoch_is_in_the_file(path, monkeypatch):
    written = []
    monkeypatch.setattr(
        Checkpoint, "_write", lambda self, training: written.append(training.epoch)
    )
    Run([3, 4, 2, 2, math.nan, 1, 5]).go(Checkpoint(path, monitor="val_loss"))
    assert written == [0, 2, 5]
    written.clear()
    Run([3, 4, 2, 9, math.inf]).go(Checkpoint(path, monitor="val_loss", mode="max"))
    assert written == [0, 1, 3]
    with pytest.raises(ValueError, match="monitor must be one of loss, val_loss"):
        Run([1]).go(Checkpoint(path, monitor="accuracy"))


def test_the_best_score_is_part_of_its_own_checkpoint(path):
    """A run that goes on from it must know how good the file is that it replaces."""
    callback = Checkpoint(path, monitor="loss")
    model = learner()
    fit(model, after=[callback])
    state = Checkpoint.load(path)
    assert state["callbacks"][2] == {"best": callback.best}
    assert callback.best == min(state["history"]["loss"])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_model_is_read_from_a_checkpoint(dtype, path):
    model = learner(dtype)
    fit(model, after=[Checkpoint(path)], optimizer=SGD(0.1))
    last = Checkpoint.load(path)
    loaded = Sequential.load(path, custom=[Counter])
    assert loaded.theta.tobytes() == last["theta"].tobytes()
    assert loaded.dtype == dtype
    assert loaded.layers[2].buffers == {"seen": 66.0}
    with np.load(path, allow_pickle=False) as file:
        assert "model-theta" in file.files
        assert "training-theta" not in file.files  # which is the same array


def test_what_is_loaded_is_what_was_kept(path):
    """All of a state with the types it had, among it integers of 128 bits."""
    states = []

    class Watch(Callback):
        def on_batch_end(self, training):
            states.append(training.state())

    fit(before=[Checkpoint(path, every=5)], after=[Watch()], epochs=1)
    state = Checkpoint.load(path)
    wanted = states[4]
    wanted["called"] = state["called"]  # the one looked on a little later
    assert bits(state) == bits(wanted)
    assert isinstance(state["batch_loss"], float)
    assert state["rng"]["state"]["state"] > 2**64


@pytest.mark.parametrize("every", [1, 4, None])
@pytest.mark.parametrize("optimizer", [None, "Adam"])
def test_a_run_goes_on_from_every_file_to_the_same_bits(every, optimizer, path):
    """Every file of a run is kept and gone on from, with all objects made anew.

    The callback stands once before and once behind one that changes.
    """

    def rule():
        return Adam(0.01, amsgrad=True) if optimizer else None

    whole = fit(optimizer=rule(), before=[Checkpoint(path, every=every)])
    for place in ("before", "after"):
        kept = []

        class Keep(Checkpoint):
            def _write(self, training):
                super()._write(training)
                kept.append(path.read_bytes())  # noqa: B023

        fit(optimizer=rule(), **{place: [Keep(path, every=every)]})
        assert len(kept) == {1: 18, 4: 4, None: 3}[every]
        for file in kept[:: 8 if every == 1 else 1]:
            path.write_bytes(file)
            again = fit(
                optimizer=rule(),
                resume=Checkpoint.load(path),
                **{place: [Checkpoint(path, every=every)]},
            )
            assert again == whole


def test_what_cannot_be_kept_is_refused_before_the_first_step(path):
    class Odd(Layer):
        def forward(self, x, *, training=False):
            del training
            return x

        def backward(self, dy):
            return dy

        def config(self):
            return {"when": object()}

    class Talker(Callback):
        def state(self):
            return {"file": object()}

    model = Sequential([Dense(3, 2, rng=0), Odd()])
    before = model.theta.tobytes()

    def start(model, path, *others):
        model.fit(
            X,
            Y,
            loss=SoftmaxCrossEntropy(),
            optimizer=SGD(0.1),
            callbacks=[Checkpoint(path), *others],
        )

    with pytest.raises(ValueError, match=r"layer 1 \(Odd\): config\(\)-when must hold"):
        start(model, path)
    assert model.theta.tobytes() == before
    with pytest.raises(ValueError, match="training-callbacks-1-file must hold plain"):
        start(learner(), path, Talker())
    for bad in (path.parent / "nowhere" / "run", path.parent):
        with pytest.raises(ValueError, match="a file in a folder that exists"):
            start(learner(), bad)
    assert os.listdir(path.parent) == []


def test_a_file_that_holds_no_run_is_refused(path):
    model = learner()
    model.save(path)
    with pytest.raises(ValueError, match="it holds no training, its kind is model"):
        Checkpoint.load(path)
    with pytest.raises(FileNotFoundError):
        Checkpoint.load(path.parent / "nowhere")
    data = path.read_bytes()
    path.write_bytes(data[:-1])
    with pytest.raises(ValueError, match=r"run\.npz cannot be loaded: it was not"):
        Checkpoint.load(path)
    models._write_archive(path, "checkpoint", {"training": [1, 2]})
    with pytest.raises(
        ValueError, match=r"run\.npz cannot be loaded: its training must"
    ):
        Checkpoint.load(path)


def test_a_run_that_was_stopped_stays_stopped(path):
    stop = types.SimpleNamespace(on_epoch_end=lambda training: training.stop("enough"))
    fit(before=[stop], after=[Checkpoint(path)])
    state = Checkpoint.load(path)
    assert state["history"]["stopped"] == "enough"
    model = learner()
    fit(model, before=[stop], after=[Checkpoint(path)], resume=state)
    assert model.theta.tobytes() == state["theta"].tobytes()


# Killed, by a real SIGKILL

KILLED = '''
"""Fit in children of this process, which kill themselves; print what differs."""
import os, pickle, signal, sys

import numpy as np

from nnlib import layers, models
from nnlib.activations import ReLU
from nnlib.callbacks import Callback, Checkpoint, EarlyStopping, ReduceLROnPlateau
from nnlib.layers import Dense, Layer
from nnlib.losses import SoftmaxCrossEntropy
from nnlib.models import Sequential
from nnlib.optimizers import SGD, Adam
from nnlib.schedules import Cosine

X = np.random.default_rng(0).normal(size=(30, 4))
Y = np.argmax(X[:, :3], axis=1)
EPOCHS, BATCHES, EVERY = 4, 8, 5  # the file is of a step in the middle of an epoch


class Dropout(Layer):
    """What chapter 19 exports; this one stands in where it is not there yet."""

    def __init__(self, p, *, rng):
        super().__init__()
        self.p, self.rng = p, np.random.default_rng(rng).spawn(1)[0]

    def forward(self, x, *, training=False):
        self.mask = np.ones(x.shape)
        if training:
            self.mask = (self.rng.random(x.shape) >= self.p) / (1 - self.p)
        return x * self.mask

    def backward(self, dy):
        return dy * self.mask

    def config(self):
        return {"p": self.p}


CUSTOM = [] if hasattr(layers, "Dropout") else [Dropout]
Dropout = getattr(layers, "Dropout", Dropout)


class Kill(Callback):
    def __init__(self, step):
        self.at = step

    def on_batch_end(self, training):
        if training.step == self.at:
            os.kill(os.getpid(), signal.SIGKILL)


def run(path, momentum, at=None, how=None):
    """Go on from the file if there is one, and die at a step, if told to."""
    if momentum:
        optimizer, more = SGD(Cosine(0.1, steps=EPOCHS * BATCHES), momentum=0.9), []
    else:
        optimizer, more = Adam(0.02), [ReduceLROnPlateau("val_loss", patience=0)]
    model = Sequential(
        [Dense(4, 6, rng=1), ReLU(), Dropout(0.3, rng=2), Dense(6, 3, rng=3)]
    )
    kept = Checkpoint(path, every=EVERY)
    first, last = Callback(), Callback()
    if how == "before":
        first = Kill(at)
    elif how == "after":
        last = Kill(at)
    elif how is not None:
        die_while_writing(kept, at, how)
    callbacks = [first, *more, kept, EarlyStopping("val_loss", patience=40), last]
    resume = Checkpoint.load(path) if os.path.exists(path) else None
    generator = np.random.default_rng(5)
    history = model.fit(
        X, Y, loss=SoftmaxCrossEntropy(), optimizer=optimizer, epochs=EPOCHS,
        batch_size=4, validation_data=(X[:9], Y[:9]), metrics=["accuracy"],
        callbacks=callbacks, rng=generator, resume=resume,
    )
    states = [c.state() for c in callbacks]
    return pickle.dumps(
        (model.theta.tobytes(), repr(history.to_dict()), repr(optimizer.state()),
         repr(states), repr(generator.bit_generator.state),
         repr(model.layers[2].rng.bit_generator.state), model.predict(X).tobytes())
    )


def die_while_writing(kept, at, how):
    """Let the first write at or after a step end in the middle."""
    write, real = kept._write, {"fsync": os.fsync, "replace": os.replace}

    def half(descriptor):
        os.ftruncate(descriptor, os.fstat(descriptor).st_size // 2)
        os.kill(os.getpid(), signal.SIGKILL)

    def unmoved(*_):
        os.kill(os.getpid(), signal.SIGKILL)

    def moved(*names):
        real["replace"](*names)
        os.kill(os.getpid(), signal.SIGKILL)

    def writing(training):
        if training.step >= at:
            if how == "half":
                os.fsync = half
            else:
                os.replace = {"unmoved": unmoved, "moved": moved}[how]
        write(training)

    kept._write = writing


def child(result, *arguments):
    """Run in a process of its own, and return the signal that ended it."""
    pid = os.fork()
    if not pid:
        try:
            data = run(*arguments)
            with open(result, "wb") as file:
                file.write(data)
            os._exit(0)
        except BaseException as error:
            print(type(error).__name__, error, flush=True)
            os._exit(1)
    status = os.waitpid(pid, 0)[1]
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else -os.WEXITSTATUS(status)


def main(folder):
    rng = np.random.default_rng(int(sys.argv[2]))
    ways = ["before", "after", "half", "unmoved", "moved"]
    path, result = f"{folder}/run.npz", f"{folder}/result"
    found = []

    def finish(wanted):
        assert child(result, path, momentum) == 0
        assert sorted(os.listdir(folder)) == ["result", "run.npz"]  # nothing is left
        with open(result, "rb") as file:
            return file.read() == wanted

    def forget():
        for name in os.listdir(folder):
            os.unlink(f"{folder}/{name}")

    for momentum in (True, False):
        assert child(result, path, momentum) == 0
        with open(result, "rb") as file:
            whole = file.read()
        # Killed once, at a random batch, and resumed: again and again.
        steps = rng.permutation(np.arange(1, EPOCHS * BATCHES - EVERY))
        for number, at in enumerate(map(int, steps[: 20 if momentum else 5])):
            forget()
            how = ways[number % 5]
            assert child(result, path, momentum, at, how) == signal.SIGKILL
            assert not os.path.exists(result)
            if os.path.exists(path):
                step = Checkpoint.load(path)["step"]
                assert step % EVERY == 0
                found.append((how, at - step))
                Sequential.load(path, custom=CUSTOM)
            if not finish(whole):
                print("differs:", momentum, how, at)
        # Killed ten times on the way.
        forget()
        for at in sorted(map(int, rng.choice(np.arange(1, 27), 10, replace=False))):
            child(result, path, momentum, at, ways[int(rng.integers(5))])
        if not finish(whole):
            print("differs after ten")
        forget()
    print(len(found) >= 15 and len({how for how, _ in found}), CUSTOM == [])


main(sys.argv[1])
'''


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_run_that_is_killed_and_resumed_ends_with_the_same_bits(tmp_path):
    """Dropout, shuffling, momentum or Adam, a schedule and callbacks are in play.

    A run is killed at 20 random batches, a second one at 5: before and after the
    checkpoint's turn, with half a file written, and right before and after the new file
    is moved into its place.
    """
    script, folder = tmp_path / "killed.py", tmp_path / "runs"
    script.write_text(KILLED, encoding="utf-8")
    folder.mkdir()
    run = subprocess.run(
        [sys.executable, "-W", "error", script, folder, "16"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={
            **os.environ,
            "PYTHONPATH": str(Path(models.__file__).parents[1]),
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
        },
    )
    assert run.stderr == ""
    assert run.stdout.split()[0] == "5", run.stdout  # ways to die, each with a file
