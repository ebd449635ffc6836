"""What every optimiser is: blocks, slots, states, and what it refuses."""

# ruff: noqa: ARG002 (a rule is handed what it may not need)

import copy
import pickle

import numpy as np
import pytest

from nnlib.optimizers import Optimizer


class Plain(Optimizer):
    def update(self, theta, grad, *, rate, t):
        theta -= rate * grad


class Heavy(Optimizer):
    """Remembers a sum, and how often it was asked."""

    slots = ("v", "n")

    def start(self, slot, theta):
        return (
            np.full(theta.shape, 3, theta.dtype)
            if slot == "n"
            else super().start(slot, theta)
        )

    def update(self, theta, grad, v, n, *, rate, t):
        step = self.scratch(theta)
        v *= 0.9
        v += grad
        n += t
        np.multiply(v, rate, out=step)
        theta -= step


class Masked(Optimizer):
    def __init__(self, rate, mask):
        super().__init__(rate)
        self.mask = mask

    def beside(self, theta):
        return (self.mask,)

    def update(self, theta, grad, mask, *, rate, t):
        theta -= rate * grad * mask


def reference(theta, grads, rate):
    """Heavy's rule, entry by entry, in plain Python floats."""
    out = []
    for i, start in enumerate(theta.ravel().tolist()):
        v = 0.0
        for grad in grads:
            v = 0.9 * v + float(grad.ravel()[i])
            start -= rate * v
        out.append(start)
    return np.array(out).reshape(theta.shape)


@pytest.mark.parametrize("shape", [(), (0,), (7,), (3, 5), (2, 1, 4)])
def test_a_step_is_the_rule_entry_by_entry(shape):
    rng = np.random.default_rng(0)
    theta, grads = rng.normal(size=shape), [rng.normal(size=shape) for _ in range(5)]
    kept = [g.copy() for g in grads]
    want, optimizer = reference(theta, grads, 0.1), Heavy(0.1)
    for grad in grads:
        assert optimizer.step(theta, grad) is None
    np.testing.assert_allclose(theta, want, rtol=0, atol=1e-14)
    assert all(np.array_equal(a, b) for a, b in zip(grads, kept, strict=True))
    assert optimizer.t == 5
    np.testing.assert_array_equal(optimizer.state()["slots"]["n"], np.full(shape, 18.0))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("block", [1, 10, 99, 100, 101, 10**6])
def test_blocks_change_nothing(dtype, block):
    rng = np.random.default_rng(1)
    theta = rng.normal(size=300).astype(dtype)
    grads = [rng.normal(size=300).astype(dtype) for _ in range(3)]
    whole, cut = theta.copy(), theta.copy()
    one, other = Heavy(0.1), Heavy(0.1)
    one.block, other.block = 10**9, block
    for grad in grads:
        one.step(whole, grad)
        other.step(cut, grad)
    np.testing.assert_array_equal(cut, whole)
    assert cut.dtype == dtype
    assert all(a.dtype == dtype for a in other.state()["slots"].values())


def test_no_piece_is_longer_than_a_block_and_none_is_left_out():
    class Count(Optimizer):
        seen = ()

        def update(self, theta, grad, *, rate, t):
            self.seen = (*self.seen, theta.size)
            assert t == 1

    optimizer = Count(0.1)
    optimizer.step(np.zeros(2 * optimizer.block + 5), np.ones(2 * optimizer.block + 5))
    assert optimizer.seen == (optimizer.block, optimizer.block, 5)


@pytest.mark.parametrize(
    "make",
    [
        lambda a: a[::2],
        lambda a: a.reshape(30, 20)[:, ::3],
        lambda a: a.reshape(30, 20).T,
    ],
)
def test_arrays_that_are_not_contiguous(make):
    rng = np.random.default_rng(2)
    theta, grad = make(rng.normal(size=600)), make(rng.normal(size=600))
    want = reference(theta, [grad, grad], 0.1)
    optimizer = Heavy(0.1)
    optimizer.block = 16
    for _ in range(2):
        optimizer.step(theta, grad)
    np.testing.assert_allclose(theta, want, rtol=0, atol=1e-14)


def test_arrays_beside_the_slots_are_cut_alike():
    theta, grad, mask = np.zeros(50), np.ones(50), np.arange(50) % 3 == 0
    optimizer = Masked(1.0, mask)
    optimizer.block = 7
    optimizer.step(theta, grad)
    np.testing.assert_array_equal(theta, -1.0 * mask)
    assert optimizer.state()["slots"] == {}


def test_scratch_is_kept_and_fits():
    optimizer = Plain(0.1)
    first = optimizer.scratch(np.zeros(10))
    assert first.shape == (10,)
    assert np.shares_memory(first, optimizer.scratch(np.zeros((2, 3))))
    assert optimizer.scratch(np.zeros((2, 3))).shape == (2, 3)
    assert not np.shares_memory(first, optimizer.scratch(np.zeros(10), 1))
    assert optimizer.scratch(np.zeros(4, np.float32)).dtype == np.float32


def test_schedules_are_asked_for_the_step_counted_from_0():
    asked = []

    def schedule(step):
        asked.append(step)
        return 1 / (1 + step)

    theta = np.zeros(1)
    optimizer = Plain(schedule)
    for _ in range(4):
        optimizer.step(theta, np.ones(1))
    assert asked == [0, 1, 2, 3]
    np.testing.assert_allclose(theta, -(1 + 1 / 2 + 1 / 3 + 1 / 4))
    assert optimizer.rate_at(9) == 0.1
    assert Plain(0.3).rate_at(5) == 0.3


def test_float32_stays_float32_whatever_the_schedule_returns():
    theta = np.zeros(3, np.float32)
    optimizer = Plain(lambda step: np.float64(0.1))
    optimizer.step(theta, np.ones(3, np.float32))
    assert theta.dtype == np.float32
    assert type(optimizer.rate_at(0)) is float


NO_RATES = ["0.1", b"0.1", True, np.True_, 10**400, None, [0.1, 0.2]]
BAD_RATES = [-1.0, np.nan, np.inf, "x", *NO_RATES]


@pytest.mark.parametrize("bad", BAD_RATES)
def test_a_bad_rate_of_a_schedule_is_refused_before_anything_changes(bad):
    theta, optimizer = np.zeros(2), Heavy(lambda step: 0.1 if step == 0 else bad)
    optimizer.step(theta, np.ones(2))
    before, state = theta.copy(), optimizer.state()
    with pytest.raises(
        ValueError, match=r"finite number of at least 0 at every step, got .* at step 1"
    ):
        optimizer.step(theta, np.ones(2))
    np.testing.assert_array_equal(theta, before)
    assert optimizer.t == state["t"] == 1
    np.testing.assert_array_equal(optimizer.state()["slots"]["v"], state["slots"]["v"])


@pytest.mark.parametrize("bad", [0, -0.1, np.nan, np.inf, [0.1], *NO_RATES])
def test_learning_rates_are_positive(bad):
    match = "learning_rate must be a positive number or a callable"
    with pytest.raises(ValueError, match=match):
        Plain(bad)
    optimizer = Plain(0.1)
    with pytest.raises(ValueError, match=match):
        optimizer.learning_rate = bad
    assert optimizer.learning_rate == 0.1


def test_the_learning_rate_may_be_set():
    optimizer = Plain(np.float32(0.5))
    assert type(optimizer.learning_rate) is float
    optimizer.learning_rate /= 2
    assert optimizer.rate_at(0) == 0.25


BAD_STEPS = [
    ([1.0], np.ones(1), "theta must be a float32 or float64 array, got a list"),
    (
        np.ones(2, int),
        np.ones(2, int),
        "theta must be a float32 or float64 array, got an array of int64",
    ),
    (np.ones(2, np.float16), np.ones(2), "got an array of float16"),
    (np.ones(2), [1.0, 1.0], "grad must be an array of float64, got a list"),
    (
        np.ones(2),
        np.ones(2, np.float32),
        "grad must be an array of float64, got an array of float32",
    ),
    (np.ones((2, 1)), np.ones(2), r"grad must have shape \(2, 1\), got \(2,\)"),
    (np.ones(2), np.ones(1), r"grad must have shape \(2,\), got \(1,\)"),
]


@pytest.mark.parametrize(("theta", "grad", "match"), BAD_STEPS)
def test_steps_refuse_what_does_not_fit(theta, grad, match):
    optimizer = Plain(0.1)
    with pytest.raises(ValueError, match=match):
        optimizer.step(theta, grad)
    assert optimizer.t == 0


def test_steps_refuse_shared_and_read_only_memory():
    theta = np.ones(4)
    for grad in (theta, theta[::-1]):
        with pytest.raises(ValueError, match="must not share memory"):
            Plain(0.1).step(theta, grad)
    both = np.ones((4, 2))
    Plain(0.5).step(both[:, 0], both[:, 1])  # beside each other is no sharing
    np.testing.assert_array_equal(both, [[0.5, 1]] * 4)
    theta.flags.writeable = False
    with pytest.raises(ValueError, match="theta must be writeable"):
        Plain(0.1).step(theta, np.ones(4))


def test_later_steps_keep_shape_and_dtype():
    optimizer = Plain(0.1)
    optimizer.step(np.ones(3), np.ones(3))
    for bad in (np.ones(4), np.ones((3, 1)), np.ones(3, np.float32)):
        with pytest.raises(
            ValueError, match=r"theta must have shape \(3,\) and dtype float64, as at"
        ):
            optimizer.step(bad, np.ones_like(bad))
    assert optimizer.t == 1


def steps(optimizer, theta, count, seed=3):
    rng = np.random.default_rng(seed)
    for _ in range(count):
        optimizer.step(theta, rng.normal(size=theta.shape))


@pytest.mark.parametrize("way", ["state", "deepcopy", "pickle"])
def test_a_saved_optimizer_goes_on_to_the_same_bits(way):
    one, theta = Heavy(0.1), np.ones(5)
    steps(one, theta, 4)
    if way == "state":
        other = Heavy(0.7)
        other.set_state(one.state())
    else:
        other = (
            copy.deepcopy(one) if way == "deepcopy" else pickle.loads(pickle.dumps(one))
        )
    there = theta.copy()
    steps(one, theta, 3, seed=5)
    before = there.copy()
    steps(other, there, 3, seed=5)
    np.testing.assert_array_equal(there, theta)
    assert not np.array_equal(there, before)
    assert other.t == 7
    assert other.learning_rate == 0.1


def test_a_state_is_a_copy():
    optimizer, theta = Heavy(0.1), np.ones(5)
    steps(optimizer, theta, 2)
    state = optimizer.state()
    kept = copy.deepcopy(state)
    steps(optimizer, theta, 2)
    np.testing.assert_array_equal(state["slots"]["v"], kept["slots"]["v"])
    other = Heavy(0.1)
    other.set_state(state)
    steps(other, theta, 1)
    np.testing.assert_array_equal(state["slots"]["v"], kept["slots"]["v"])
    assert state["t"] == 2
    assert Heavy(0.1).state() == {
        "t": 0,
        "learning_rate": 0.1,
        "shape": None,
        "dtype": None,
        "slots": {},
    }


def test_scratch_is_no_part_of_a_pickle():
    small, large = Heavy(0.1), Heavy(0.1)
    for optimizer in (small, large):
        steps(optimizer, np.ones(5), 1)
    large.scratch(np.ones(100_000))
    assert len(pickle.dumps(large)) == len(pickle.dumps(small))


def changed(**values):
    optimizer = Heavy(0.1)
    steps(optimizer, np.ones(5), 1)
    return {**optimizer.state(), **values}


BAD_STATES = [
    (None, "state must hold t, learning_rate"),
    ({"t": 1}, r"state must hold t, learning_rate.*got \['t'\]"),
    (changed(t=-1), "an int of at least 0, got -1"),
    (changed(t=1.5), "an int of at least 0"),
    (changed(learning_rate=-1), "learning_rate must be a positive number"),
    (
        changed(learning_rate=None),
        "this optimizer has a learning rate, the state is of a schedule",
    ),
    (changed(slots={"v": np.ones(5)}), r"the slots \['v', 'n'\], got \['v'\]"),
    (changed(slots={"v": np.ones(5), "m": np.ones(5)}), "must hold the slots"),
    (
        changed(slots={"v": np.ones(4), "n": np.ones(5)}),
        r"slot v must have shape \(5,\)",
    ),
    (
        changed(slots={"v": np.ones(5), "n": np.ones(5, np.float32)}),
        "slot n must have shape",
    ),
    (changed(dtype="int64"), "a dtype, got 'int64'"),
    (changed(shape=None, slots={}), "shape and dtype after a step"),
    (changed(shape=5), "a shape, got 5"),
    (changed(shape="ab"), "a shape, got 'ab'"),
    (changed(shape=[2.5]), r"a shape, got \[2.5\]"),
    (changed(shape=[-3]), r"a shape, got \[-3\]"),
]


@pytest.mark.parametrize(("state", "match"), BAD_STATES)
def test_bad_states_change_nothing(state, match):
    optimizer = Heavy(0.3)
    steps(optimizer, np.ones(5), 2)
    before = optimizer.state()
    with pytest.raises(ValueError, match=match):
        optimizer.set_state(state)
    after = optimizer.state()
    assert after["t"] == 2
    assert after["learning_rate"] == 0.3
    np.testing.assert_array_equal(after["slots"]["v"], before["slots"]["v"])


def test_a_schedule_refuses_the_state_of_a_rate():
    with pytest.raises(
        ValueError,
        match="this optimizer has a schedule, the state is of a learning rate",
    ):
        Heavy(lambda step: 0.1).set_state(changed())


def test_the_base_class_has_no_rule():
    with pytest.raises(NotImplementedError, match="Optimizer must define update"):
        Optimizer(0.1).step(np.ones(1), np.ones(1))


@pytest.mark.parametrize("shape", [5, "ab", [2.5], [-3], [True], {5: 5}])
def test_a_bad_shape_is_refused_also_where_there_are_no_slots(shape):
    theta, optimizer = np.ones(5), Plain(0.1)
    optimizer.step(theta, np.ones(5))
    with pytest.raises(ValueError, match="state must hold a shape, got"):
        optimizer.set_state({**optimizer.state(), "shape": shape})
    optimizer.step(theta, np.ones(5))
    assert optimizer.t == 2
