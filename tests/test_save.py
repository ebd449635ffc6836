"""Keeping a model: the same bits come back, and nothing from a file that is not whole.

A file that is damaged by chance is refused by its sum. One that is forged has the right
sum: whatever it says is compared with what is there.
"""

import errno
import importlib
import inspect
import io
import json
import os
import pickle
import stat
import threading
import tracemalloc
import warnings
import zipfile

import numpy as np
import pytest

from nnlib import models
from nnlib.activations import ReLU, Tanh
from nnlib.initializers import normal, zeros
from nnlib.layers import Arrays, Dense, Layer
from nnlib.losses import SoftmaxCrossEntropy
from nnlib.models import Sequential
from nnlib.optimizers import SGD

# What the constructors of exported layers are given, by the name of the argument.
ARGUMENTS = {"in_features": 4, "out_features": 4, "p": 0.25}


def exported(*modules):
    found = {}
    for name in modules:
        try:
            module = importlib.import_module(f"nnlib.{name}")
        except ModuleNotFoundError:
            continue
        for symbol in module.__all__:
            value = getattr(module, symbol)
            if isinstance(value, type) and value not in (Layer, Arrays):
                found[symbol] = value
    return found


LAYERS = exported("layers", "activations")
REGULARIZERS = exported("regularizers")


def made(kind, seed):
    """Make a layer of any class, with what its constructor asks for."""
    arguments = {}
    for name, parameter in inspect.signature(kind).parameters.items():
        if name == "rng":
            arguments[name] = seed
        elif parameter.default is parameter.empty:
            assert name in ARGUMENTS, f"give ARGUMENTS a value for {name} of {kind}"
            arguments[name] = ARGUMENTS[name]
    return kind(**arguments)


class Noise(Layer):
    """Adds noise while training, and counts the samples: a layer of one's own."""

    def __init__(self, scale, *, shape=(1,), rng=None):
        super().__init__()
        self.scale, self.shape = scale, shape
        self.noise = np.random.default_rng(rng)
        self.params = Arrays({"gain": np.ones(())})
        self.grads = Arrays({"gain": np.zeros(())})
        self.buffers = Arrays(
            {"mean": np.zeros(shape), "seen": np.zeros((), np.int64), "none": []}
        )

    def forward(self, x, *, training=False):
        if training:
            self.buffers["seen"][...] += len(x)
            self.buffers["mean"][...] += x.mean() / 3
            x = x + self.scale * self.noise.normal(0, 1, x.shape).astype(x.dtype)
        return self.params["gain"] * x

    def backward(self, dy):
        return self.params["gain"] * dy

    def config(self):
        return {"scale": self.scale, "shape": self.shape}


class Scale(Layer):
    """Draws its arrays by initialisers, and names their shapes in other ways."""

    def __init__(self, size, *, gain_init=normal, shift_init=zeros, mean_init=zeros):
        super().__init__()
        self.size = size
        self.params = Arrays(
            {"shift": shift_init(0, [1, size]), "gain": gain_init(1, size, np.float32)}
        )
        self.grads = Arrays({k: np.zeros_like(a) for k, a in self.params.items()})
        self.buffers = Arrays({"mean": mean_init(0, size)})

    def forward(self, x, *, training=False):
        del training
        return x * self.params["gain"] + self.params["shift"]

    backward = forward

    def config(self):
        return {"size": self.size}


class Cubes:
    """A regulariser of one's own."""

    def __init__(self, strength):
        self.strength = strength

    def __call__(self, array):
        return self.strength * float((abs(array) ** 3).sum())

    def gradient(self, array):
        return 3 * self.strength * array * abs(array)

    def config(self):
        return {"class": "Cubes", "strength": self.strength}


def state_of(model):
    """All bits that are kept."""
    return (
        model.theta.tobytes(),
        model.theta.dtype,
        [type(layer) for layer in model.layers],
        [layer.config() for layer in model.layers],
        [
            {k: (a.tobytes(), a.shape, a.dtype) for k, a in layer.buffers.items()}
            for layer in model.layers
        ],
        [
            {k: str(g.bit_generator.state) for k, g in models._generators(layer)}
            for layer in model.layers
        ],
    )


def small():
    return Sequential([Dense(2, 3, rng=0), ReLU(), Dense(3, 2, rng=1)])


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model"


# What comes back


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", LAYERS)
def test_every_exported_layer_comes_back_with_its_bits(name, dtype, path):
    kind = LAYERS[name]
    layers = [Dense(4, 4, rng=7), made(kind, 1), made(kind, 2), Dense(4, 4, rng=8)]
    model = Sequential(layers, dtype=dtype)
    x = np.random.default_rng(3).normal(size=(5, 4))
    model.forward(x, training=True)  # generators and buffers are on their way
    model.save(path)
    again = Sequential.load(path)
    assert state_of(again) == state_of(model)
    assert again.dtype == dtype
    assert again.forward(x).tobytes() == model.forward(x).tobytes()
    for one in (model, again):
        one.forward(x, training=True)
        one.backward(np.ones((5, 4)))
    assert again.grad.tobytes() == model.grad.tobytes()


@pytest.mark.parametrize("name", REGULARIZERS or ["none is exported yet"])
def test_every_exported_regularizer_comes_back(name, path):
    if name not in REGULARIZERS:
        pytest.skip(name)
    rule = REGULARIZERS[name](0.3)
    model = Sequential(
        [Dense(2, 3, rng=0, weight_regularizer=rule, bias_regularizer=rule)]
    )
    model.save(path)
    again = Sequential.load(path)
    assert state_of(again) == state_of(model)
    assert type(again.layers[0].weight_regularizer) is REGULARIZERS[name]
    assert again.penalty() == model.penalty() > 0


@pytest.mark.parametrize(
    "kind", [np.random.PCG64, np.random.MT19937, np.random.Philox, np.random.SFC64]
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_layer_of_ones_own_comes_back_by_custom(dtype, kind, path):
    noise = Noise(0.5, shape=(2, 1), rng=np.random.Generator(kind(5)))
    noise.noise.integers(0, 9, 3, np.int32)  # leaves half a number behind
    rule = Cubes(0.1)
    model = Sequential(
        [Dense(3, 2, rng=0, use_bias=False, weight_regularizer=rule), noise],
        dtype=dtype,
    )
    model.forward(np.ones((4, 3)), training=True)
    model.save(path)
    again = Sequential.load(path, custom=[Noise, Cubes])
    assert state_of(again) == state_of(model)
    assert again.layers[1].shape == (2, 1)  # a tuple, not a list
    assert again.penalty() == model.penalty() > 0
    x = np.ones((4, 3))
    one, two = (m.forward(x, training=True) for m in (model, again))
    assert one.tobytes() == two.tobytes()
    with pytest.raises(
        ValueError, match=r"layer 1 \(Noise\): the class must be .*custom"
    ):
        Sequential.load(path, custom=[Cubes])
    with pytest.raises(ValueError, match="weight_regularizer: the class must be"):
        Sequential.load(path, custom=[Noise])


def test_initialisers_may_be_asked_in_any_way(path):
    model = Sequential([Dense(2, 3, rng=0), Scale(3)])
    model.layers[1].buffers["mean"][...] = [1, 2, 3]
    model.save(path)
    assert state_of(Sequential.load(path, custom=[Scale])) == state_of(model)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_bit_pattern_of_a_number_survives(dtype, path):
    model = Sequential([Dense(50, 40, rng=0)], dtype=dtype)
    raw = np.random.default_rng(1).bytes(model.theta.nbytes)
    bits = np.frombuffer(raw, f"u{model.theta.itemsize}").copy()
    special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, -np.nan], dtype)
    bits[: special.size] = special.view(bits.dtype)
    model.theta.view(bits.dtype)[...] = bits
    model.save(path)
    again = Sequential.load(path).theta.view(bits.dtype)
    quiet = ~np.isnan(model.theta)
    assert np.array_equal(again, model.theta.view(bits.dtype))
    assert quiet.sum() > 1000


def test_the_same_model_makes_the_same_bytes(path):
    model = small()
    model.save(path)
    first = path.read_bytes()
    model.forward(np.ones((5, 2)))
    model.backward(np.ones((5, 2)))  # what these leave behind is not kept
    model.save(path)
    assert path.read_bytes() == first
    Sequential.load(path).save(path)
    assert path.read_bytes() == first


def test_a_model_that_was_loaded_learns_on(path):
    x = np.random.default_rng(0).normal(size=(20, 2))
    y = (x[:, 0] > 0).astype(int)
    model = small()
    model.save(path)
    again = Sequential.load(path)
    for one in (model, again):
        one.fit(x, y, loss=SoftmaxCrossEntropy(), optimizer=SGD(0.1), epochs=3, rng=0)
    assert again.theta.tobytes() == model.theta.tobytes()
    again.theta += 1
    assert again.layers[0].params["W"][0, 0] == again.theta[0]


def test_numpy_reads_the_file_without_pickle(path):
    model = small()
    model.save(path)
    with np.load(path, allow_pickle=False) as file:
        assert file.files == ["nnlib.json", "model-theta"]
        assert file["model-theta"].tobytes() == model.theta.tobytes()
        tree = json.loads(file["nnlib.json"])
    assert tree["kind"] == "model"
    assert [layer["class"] for layer in tree["model"]["layers"]] == [
        "Dense",
        "ReLU",
        "Dense",
    ]
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None


def test_the_name_is_used_as_it_is_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = small()
    for name in ("plain", "with.npz", tmp_path / "dots.in.it", "ünï cödé"):
        model.save(name)
        assert Sequential.load(name).theta.tobytes() == model.theta.tobytes()
    assert sorted(os.listdir()) == ["dots.in.it", "plain", "with.npz", "ünï cödé"]


def test_a_subclass_loads_as_itself(path):
    class Mine(Sequential):
        pass

    small().save(path)
    assert type(Mine.load(path)) is Mine


# What is refused when it is saved


class Plain(Layer):
    """A layer whose config is set by the test."""

    def __init__(self, **options):
        super().__init__()
        self.options = options

    def forward(self, x, *, training=False):
        del training
        return x

    backward = forward

    def config(self):
        return self.options


class Sized(Plain):
    def __init__(self, size):
        super().__init__()
        self.size = size


def cyclic():
    value = []
    value.append(value)
    return value


def named_dense():
    return type("Dense", (Plain,), {})()


def with_rule_named_l2():
    rules = exported("regularizers")
    if "L2" not in rules:
        pytest.skip("no L2 is exported yet")
    rule = Cubes(1)
    rule.config = lambda: {"class": "L2", "strength": 1}
    return Dense(2, 2, rng=0, weight_regularizer=rule)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: Plain(a=object()), r"layer 1 \(Plain\): config\(\)-a must hold plain"),
        (lambda: Plain(a=[1, {"b": {1, 2}}]), r"config\(\)-a-1-b must hold plain"),
        (lambda: Plain(a=b"x"), "must hold plain values"),
        (lambda: Plain(a=1j), "must hold plain values"),
        (lambda: Plain(a={1: 2}), "names that are str .* got 1"),
        (lambda: Plain(**{"$array": "x"}), r"do not begin with \$"),
        (lambda: Plain(a=np.zeros(2)), r"must hold plain values, got an array"),
        (lambda: Plain(a=np.array([None])), "must hold numbers, got dtype object"),
        (cyclic, "nested too deeply"),
        (lambda: Plain(rng=1, x=2), "config"),
        (lambda: Sized(3), r"must return the arguments of Sized: missing .* 'size'"),
        (named_dense, "is not nnlib's Dense: a layer of your own needs a name of its"),
        (with_rule_named_l2, "weight_regularizer is not nnlib's L2"),
        (
            lambda: Dense(2, 2, rng=0, weight_regularizer=np.sum),
            r"layer 1 \(Dense\): weight_regularizer must have a config",
        ),
    ],
)
def test_what_could_not_be_loaded_is_not_saved(make, match, path):
    layer = make()
    if isinstance(layer, list):
        layer = Plain(a=layer)
    elif getattr(layer, "options", {}).get("rng"):
        layer.config = lambda: ["no", "dict"]
    model = Sequential([Dense(2, 2, rng=0), layer])
    with pytest.raises(ValueError, match=match):
        model.save(path)
    assert os.listdir(path.parent) == []


@pytest.mark.parametrize("bad", [None, 3, b"bytes", "", ["model"]])
def test_a_path_is_the_name_of_a_file(bad):
    for use in (small().save, Sequential.load):
        with pytest.raises(ValueError, match="path must be the name of a file"):
            use(bad)


def test_a_folder_is_no_file(tmp_path):
    for use in (small().save, Sequential.load):
        with pytest.raises(ValueError, match="path must be the name of a file"):
            use(tmp_path)
    assert os.listdir(tmp_path) == []
    with pytest.raises(FileNotFoundError, match="nowhere"):
        Sequential.load(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        small().save(tmp_path / "nowhere" / "model")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_is_no_file(path):
    os.mkfifo(path)
    with pytest.raises(ValueError, match="path must be the name of a file"):
        Sequential.load(path)
    with pytest.raises(ValueError, match="path must be the name of a file"):
        small().save(path)
    assert stat.S_ISFIFO(os.stat(path).st_mode)


@pytest.mark.parametrize(
    ("custom", "match"),
    [
        (Noise, "custom must be a list of classes"),
        ("Noise", "custom must be a list of classes"),
        (3, "custom must be a list of classes"),
        ([Noise(1)], "custom must hold classes"),
        ([type("Dense", (Layer,), {})], "names that are free, got Dense again"),
        ([Noise, type("Noise", (Layer,), {})], "got Noise again"),
    ],
)
def test_custom_holds_classes_with_names_of_their_own(custom, match, path):
    small().save(path)
    with pytest.raises(ValueError, match=match):
        Sequential.load(path, custom=custom)
    assert Sequential.load(path, custom=[Noise, Noise, Dense]).theta.size == 17


# Writing that fails


def full(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def interrupted(*_):
    raise KeyboardInterrupt


@pytest.mark.parametrize("failure", [full, interrupted])
@pytest.mark.parametrize(
    ("what", "before"),
    # A new file has nobody's permissions to keep: then chmod is not called.
    [
        ("fsync", True),
        ("fsync", False),
        ("replace", True),
        ("replace", False),
        ("chmod", True),
    ],
)
def test_when_writing_fails_the_old_file_stands(
    what, failure, before, path, monkeypatch
):
    if before:
        small().save(path)
    old = path.read_bytes() if before else None
    model = small()
    model.theta += 1
    monkeypatch.setattr(os, what, failure)
    with pytest.raises((OSError, KeyboardInterrupt)):
        model.save(path)
    monkeypatch.undo()
    assert os.listdir(path.parent) == (["model"] if before else [])
    assert not before or path.read_bytes() == old
    model.save(path)
    assert Sequential.load(path).theta.tobytes() == model.theta.tobytes()


def test_a_disk_that_is_full_in_the_middle_leaves_the_old_file(path):
    """The system itself refuses to write more than a thousand bytes into a file."""
    resource = pytest.importorskip("resource")
    small().save(path)
    old = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    large = Sequential([Dense(40, 40, rng=0)])
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            large.save(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == old
    assert os.listdir(path.parent) == ["model"]


def test_what_a_killed_run_left_is_removed_by_the_next(path):
    part = path.parent / ".model.part"
    part.write_bytes(b"half a model")
    small().save(path)
    assert os.listdir(path.parent) == ["model"]


def test_two_that_write_at_once_do_not_mix(path, monkeypatch):
    """The second begins while the first is at its last byte."""
    one, two, real = small(), small(), os.fsync
    two.theta += 1

    def meanwhile(descriptor):
        monkeypatch.setattr(os, "fsync", real)
        real(descriptor)
        part.unlink()  # as the second writer does, which now has half a file there
        part.write_bytes(b"half")

    part = path.parent / ".model.part"
    monkeypatch.setattr(os, "fsync", meanwhile)
    with pytest.raises(FileExistsError, match="another process writes"):
        one.save(path)
    assert part.read_bytes() == b"half"  # it is not ours to remove
    two.save(path)
    assert Sequential.load(path).theta.tobytes() == two.theta.tobytes()


def test_threads_that_write_and_read_one_file_see_whole_ones(path):
    small().save(path)
    errors, stop = [], threading.Event()

    def read():
        while not stop.is_set():
            try:
                Sequential.load(path)
            except Exception as error:
                errors.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(30):
        small().save(path)
    stop.set()
    reader.join()
    assert not errors


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
def test_permissions_and_links_stay(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    small().save(target)
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(target.stat().st_mode) == 0o666 & ~umask
    target.chmod(0o600)
    link.symlink_to("target")
    model = small()
    model.theta += 1
    model.save(link)
    assert link.is_symlink()
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert Sequential.load(target).theta.tobytes() == model.theta.tobytes()


# Files that are damaged


def refusal(path):
    """Return with what message a file is refused."""
    try:
        Sequential.load(path)
    except ValueError as error:
        return str(error)
    return "it was loaded"


@pytest.fixture
def whole(path):
    """The bytes of a small file, and a way to try others in its place."""
    Sequential([Dense(1, 1, rng=0, use_bias=False)]).save(path)
    data = path.read_bytes()
    assert Sequential.load(path).theta.size == 1

    with open(path, "r+b", buffering=0) as file:

        def refused(other):
            assert other != data
            file.seek(0)
            file.write(other)
            file.truncate()
            assert refusal(path).startswith(f"{path} cannot be loaded: ")

        yield data, refused


def test_a_file_of_any_other_length_is_refused(whole):
    data, refused = whole
    for length in range(len(data)):
        refused(data[:length])
        if length % 7 == 0:
            refused(data[length + 1 :])
    for more in (b"\0", b"\n", data):
        refused(data + more)
        refused(more + data)


def test_every_flipped_bit_is_found(whole):
    data, refused = whole
    for at, byte in enumerate(data):
        for bit in range(8):
            refused(data[:at] + bytes([byte ^ 1 << bit]) + data[at + 1 :])


def test_damage_of_other_kinds_is_refused(whole):
    data, refused = whole
    rng = np.random.default_rng(0)
    for _ in range(300):
        a, b, c = np.sort(rng.integers(0, len(data), 3))
        for other in (
            data[:a] + bytes(b - a) + data[b:],  # a hole of zeros
            data[:a] + data[b:],
            data[:a] + data[b:c] + data[a:b] + data[c:],
        ):
            if other != data:
                refused(other)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK",
        b"PK\5\6" + bytes(18),
        bytes(1000),
        b"not a model at all" * 50,
        pickle.dumps({"theta": [1.0]}),
    ],
)
def test_other_files_are_refused(content, path):
    path.write_bytes(content)
    with pytest.raises(ValueError, match="not written by nnlib, or its end is missing"):
        Sequential.load(path)


def test_a_zip_of_numpy_is_no_model(path):
    with open(path, "wb") as file:
        np.savez(file, theta=np.zeros(3))
    with pytest.raises(ValueError, match="not written by nnlib"):
        Sequential.load(path)


# Files that lie: everything below has the right sum


def npy(array, **options):
    member = io.BytesIO()
    np.lib.format.write_array(member, np.asarray(array), **options)
    return member.getvalue()


def header(descr, shape, data=b"", fortran=False):
    """An array's member that says what it likes."""
    text = repr({"descr": descr, "fortran_order": fortran, "shape": shape}).encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\1\0" + len(text).to_bytes(2, "little") + text + data


def dense(**changes):
    layer = {
        "class": "Dense",
        "config": {
            "in_features": 2,
            "out_features": 1,
            "use_bias": True,
            "weight_regularizer": None,
            "bias_regularizer": None,
        },
        "params": {"W": [2, 1], "b": [1]},
        "buffers": {},
        "generators": {},
    }
    return layer | changes


def tree(**changes):
    model = {
        "dtype": "float64",
        "theta": {"$array": "model-theta"},
        "layers": [dense()],
    }
    return {
        "format": "nnlib archive 1",
        "kind": "model",
        "model": model | changes,
    }


THETA = npy(np.array([1.0, 2.0, 3.0]))


def forged(path, text, members=None, *, compress=zipfile.ZIP_STORED, change=bytes):
    """Write a file with the right sum, whatever stands in it."""
    if not isinstance(text, str | bytes):
        text = json.dumps(text)
    members = {"model-theta.npy": THETA} if members is None else members
    whole = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile's, of names that come twice
        with zipfile.ZipFile(whole, "w", compress) as archive:
            if text is not None:
                archive.writestr("nnlib.json", text)
            pairs = members.items() if isinstance(members, dict) else members
            for name, data in pairs:
                archive.writestr(name, data)
            archive.comment = models._MARK + b"0" * 64
    data = change(whole.getvalue())[:-64]
    digest = models.hashlib.sha256(data).hexdigest().encode()
    path.write_bytes(data + digest)
    return path


def refuse(path, match):
    """Load, and see that it is refused without much memory, and by name."""
    size = path.stat().st_size
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=match) as caught:
            Sequential.load(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert str(caught.value).startswith(f"{path} cannot be loaded: ")
    assert len(str(caught.value)) < 1000
    assert peak < 16 * size + 2_000_000  # objects of JSON are larger than its text


def test_the_forger_can_write_a_file_that_is_loaded(path):
    model = Sequential.load(forged(path, tree()))
    assert model.forward([[1.0, 1.0]]).tolist() == [[6.0]]


def test_a_member_that_is_compressed_is_refused_unopened(path):
    """Ten thousand times larger than the file: it would fill the memory."""
    bomb = npy(np.zeros(2**24))
    forged(path, tree(), {"model-theta.npy": bomb}, compress=zipfile.ZIP_BZIP2)
    assert path.stat().st_size < 10_000
    refuse(path, "must be stored, neither compressed nor encrypted")
    forged(path, tree(), compress=zipfile.ZIP_DEFLATED)
    refuse(path, "must be stored")


def central(field, size, value):
    """Change a field of the last entry in the directory at the end."""

    def change(data):
        at = data.rindex(b"PK\1\2") + field
        return data[:at] + value.to_bytes(size, "little") + data[at + size :]

    return change


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (central(20, 4, 2**31), "must be stored"),  # sizes that contradict each other
        (
            lambda d: central(24, 4, 2**31)(central(20, 4, 2**31)(d)),
            "its members declare 2147483",
        ),
        (central(8, 2, 1), "neither compressed nor encrypted"),
        (central(42, 4, 2**30), "cannot be loaded"),  # where it begins
        (central(16, 4, 0), "cannot be loaded"),  # the CRC
        (central(28, 2, 3), "cannot be loaded"),  # the length of its name
    ],
)
def test_a_directory_that_lies_about_sizes_is_refused(change, match, path):
    refuse(forged(path, tree(), change=change), match)


def test_names_that_come_twice_and_members_that_lack_are_refused(path):
    refuse(
        forged(path, tree(), [("model-theta.npy", THETA)] * 2),
        "two of its members have the same name",
    )
    refuse(forged(path, tree(), {}), "it holds no array 'model-theta'")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model-theta.npy", THETA)
        archive.comment = models._MARK + b"0" * 64
    data = path.read_bytes()[:-64]
    path.write_bytes(data + models.hashlib.sha256(data).hexdigest().encode())
    refuse(path, "it holds no nnlib.json")


class Trap:
    """Sprung by whoever unpickles it."""

    sprung = False

    def __reduce__(self):
        return setattr, (Trap, "sprung", True)


def test_no_pickle_is_opened(path):
    trap = npy(np.array([Trap()] * 3, dtype=object), allow_pickle=True)
    refuse(forged(path, tree(), {"model-theta.npy": trap}), "got object")
    refuse(
        forged(path, tree(), {"model-theta.npy": pickle.dumps(Trap())}),
        "magic string",
    )
    assert not Trap.sprung
    pickle.loads(pickle.dumps(Trap()))
    assert Trap.sprung


EIGHT = np.arange(3.0).tobytes()


@pytest.mark.parametrize(
    ("member", "match"),
    [
        (header("<f8", (10**12,), EIGHT), "must have 8000000000000 bytes, got 24"),
        (header("<f8", (10**9, 10**9, 10**9), EIGHT), "bytes, got 24"),
        (header("<f8", (2,), EIGHT), "must have 16 bytes, got 24"),
        (header("<f8", (3,), EIGHT[:-1]), "must have 24 bytes, got 23"),
        (header("<f8", (-3,), EIGHT), "must have -24 bytes"),
        (header("<f8", (-1, -3), EIGHT), "must have 24 bytes, got 24"),
        (header("<f8", (0, 10**30), b""), "cannot be loaded"),
        (header("<f8", [3], EIGHT), "shape"),
        (header("<f8", (3.0,), EIGHT), "shape"),
        (header("<f8", (3,), EIGHT, fortran=True), "in C order"),
        (header("<f8", (1,) * 100 + (3,), EIGHT), "cannot be loaded"),
        (header("|O", (3,), EIGHT), "got object"),
        (header("<U2", (3,), EIGHT), "must hold numbers"),
        (header("<M8[s]", (3,), EIGHT), "must hold numbers"),
        (header([("a", "<f8")], (3,), EIGHT), "must hold numbers"),
        (header(("<f8", (3,)), (1,), EIGHT), "cannot be loaded"),
        (header("<c16", (3,), EIGHT * 2), "theta must be of dtype float64"),
        (header("<f4", (6,), EIGHT), "theta must be of dtype float64"),
        (header("<f8", (3, 1), EIGHT), r"theta must be an array of shape \(P,\)"),
        (header("<f8", (), EIGHT[:8]), r"theta must be an array of shape \(P,\)"),
        (b"\x93NUMPY\2\0" + THETA[8:], "format 1.0"),
        (b"\x93NUMPY\1\0\xff\xff" + b" " * 65535, "cannot be loaded"),
        (b"\x93NUMPY\1\0\xff\xff", "cannot be loaded"),
        (header("<f8", "(" * 5000, EIGHT), "cannot be loaded"),
        (b"\x93NUMPY\1\0\x20\0" + b"(" * 32, "cannot be loaded"),
        (b"", "magic"),
    ],
)
def test_an_array_that_lies_is_refused(member, match, path):
    refuse(forged(path, tree(), {"model-theta.npy": member}), match)


def test_bytes_in_the_other_order_are_numbers_too(path):
    swapped = header(">f8", (3,), np.array([1.0, 2.0, 3.0], ">f8").tobytes())
    model = Sequential.load(forged(path, tree(), {"model-theta.npy": swapped}))
    assert model.theta.tolist() == [1, 2, 3]
    assert model.theta.dtype.isnative


HUGE = dense(
    config={**dense()["config"], "in_features": 10**6, "out_features": 10**6},
    params={"W": [10**6, 10**6], "b": [10**6]},
)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "cannot be loaded"),
        ("null", "its format must be"),
        ("[]", "its format must be"),
        ("{}", "its format must be"),
        ("{" * 3, "cannot be loaded"),
        ("\ufeff{}", "cannot be loaded"),
        (b"\xff\xfe", "cannot be loaded"),
        ("[" * 200_000, "cannot be loaded"),
        ('{"a":' * 50_000, "cannot be loaded"),
        ({"format": "nnlib archive 2", "kind": "model", "model": {}}, "archive 2"),
        ({"format": ["x"], "kind": "model", "model": {}}, "its format must be"),
        ({"format": "nnlib archive 1", "kind": "model"}, "it holds no model"),
        ({"format": "nnlib archive 1", "kind": 1, "model": {}}, "its kind is 1"),
        (json.dumps(tree()).replace("null", "NaN", 1), "finite numbers, got NaN"),
        (json.dumps(tree()).replace("null", "-Infinity", 1), "got -Infinity"),
        (json.dumps(tree()).replace("null", "1e999", 1), "got 1e999"),
        (json.dumps(tree()).replace("null", "9" * 5000, 1), "cannot be loaded"),
        (tree(dtype="float16"), "dtype must be float32 or float64, got float16"),
        (tree(dtype=None), "dtype must be float32 or float64, got None"),
        (tree(dtype="float32"), "theta must be of dtype float32, got float64"),
        (tree(theta=[1, 2, 3]), "theta must be an array"),
        (tree(theta={"$array": "no"}), "it holds no array no"),
        (tree(theta={"$array": ["no"]}), "it holds no array"),
        (tree(theta={"$array": "../../etc/passwd"}), "it holds no array"),
        (tree(theta={"$array": "model-theta", "x": 1}), "must not hold"),
        (tree(theta={"$pickle": "x"}), "must not hold"),
        (tree(theta={"$float": "1"}), "must not hold"),
        (tree(theta={"$tuple": 3}), "must not hold"),
        (tree(layers=[]), "layers must be a list of layers"),
        (tree(layers={"0": dense()}), "layers must be a list of layers"),
        (tree(layers=[3]), "layer 0 must hold class, config"),
        (tree(layers=[{}]), "layer 0 must hold class, config"),
        (tree(layers=[dense(more=1)]), "layer 0 must hold class, config"),
        (tree(more=1), "model must hold dtype, theta, layers"),
        ({**tree(), "model": None}, "model must hold dtype, theta, layers"),
        (tree(layers=[dense(**{"class": "system"})]), "the class must be one of"),
        (tree(layers=[dense(**{"class": "os.system"})]), "the class must be one of"),
        (tree(layers=[dense(**{"class": "Layer"})]), "the class must be one of"),
        (tree(layers=[dense(**{"class": "Arrays"})]), "the class must be one of"),
        (tree(layers=[dense(**{"class": "he_normal"})]), "the class must be one of"),
        (tree(layers=[dense(**{"class": "__class__"})]), "the class must be one of"),
        (tree(layers=[dense(**{"class": ["Dense"]})]), "the class must be one of"),
        (tree(layers=[dense(**{"class": "x" * 100_000})]), "the class must be one of"),
        (tree(layers=[dense(config=None)]), "config must be a dict"),
        (tree(layers=[dense(config=[])]), "config must be a dict"),
        (tree(layers=[dense(config={})]), "missing 2 required"),
        (tree(layers=[dense(config={"rng": 3})]), "rng cannot be part of a config"),
        (
            tree(layers=[dense(config={**dense()["config"], "weight_init": 3})]),
            "weight_init cannot be part of a config",
        ),
        (tree(layers=[dense(config={"self": 3})]), "cannot be loaded"),
        (tree(layers=[dense(config={"in_features": "x" * 10**6})]), "cannot be loaded"),
        (tree(layers=[dense(config={**dense()["config"], "a": 1})]), "unexpected"),
        (
            tree(layers=[dense(config={**dense()["config"], "in_features": 2.0})]),
            r"layer 0 \(Dense\): in_features must be an int of at least 1, got 2.0",
        ),
        (
            tree(layers=[dense(config={**dense()["config"], "in_features": 10**6})]),
            r"asks for an array of shape \(1000000, 1\), the file holds \(2, 1\)",
        ),
        (
            tree(layers=[dense(config={**dense()["config"], "use_bias": False})]),
            r"layer 0 \(Dense\): params must be W, got",
        ),
        (tree(layers=[HUGE]), "needs 1000000000000 numbers in theta up to W"),
        (tree(layers=[dense(params={"W": [2, 1]})]), "use 2 of 3 numbers in theta"),
        (tree(layers=[dense(params={"W": [3, 1], "b": [1]})]), "needs 4 numbers"),
        (tree(layers=[dense(params={"W": [1, 2], "b": [1]})]), "asks for an array"),
        (tree(layers=[dense(params={"b": [1], "V": [2, 1]})]), "params must be W, b"),
        (tree(layers=[dense(params={"W": [2, -1], "b": [5]})]), "lists of sizes"),
        (tree(layers=[dense(params={"W": [2.0, 1], "b": [1]})]), "lists of sizes"),
        (tree(layers=[dense(params={"W": [True, 2], "b": [1]})]), "lists of sizes"),
        (tree(layers=[dense(params={"W": 2, "b": 1})]), "lists of sizes"),
        (tree(layers=[dense(params=[2, 1])]), "must be shapes by name"),
        (tree(layers=[dense(buffers={"a": 1})]), "buffers must be none, got"),
        (tree(layers=[dense(buffers=3)]), "buffers must be none, got 3"),
        (tree(layers=[dense(generators={"a": 1})]), "a generator must be one of"),
        (tree(layers=[dense(generators=[])]), "generators must be a dict"),
        (
            tree(layers=[dense(generators={"a": {"bit_generator": "PCG64"}})]),
            "generators must be none, got",
        ),
        (
            tree(
                layers=[
                    dense(
                        config={
                            **dense()["config"],
                            "weight_regularizer": {"class": "Popen", "args": "ls"},
                        }
                    )
                ]
            ),
            "weight_regularizer: the class must be one of",
        ),
        (
            tree(
                layers=[
                    dense(
                        config={
                            **dense()["config"],
                            "weight_regularizer": {"class": {"class": 1}},
                        }
                    )
                ]
            ),
            "weight_regularizer: the class must be one of",
        ),
        (
            tree(layers=[dense(config={**dense()["config"], "weight_regularizer": 7})]),
            "weight_regularizer must be a callable or None, got 7",
        ),
    ],
)
def test_a_description_that_lies_is_refused(text, match, path):
    refuse(forged(path, text), match)


def test_a_description_may_have_some_megabytes_and_not_more(path, monkeypatch):
    text = json.dumps(tree())
    limit = models._DESCRIPTION_LIMIT
    assert limit == 2**24
    monkeypatch.setattr(models, "_DESCRIPTION_LIMIT", len(text) + 100)
    Sequential.load(forged(path, text + " " * 100))
    refuse(forged(path, text + " " * 101), r"must have at most \d+ bytes, got")
    with pytest.raises(ValueError, match=r"must fit into \d+ bytes of JSON"):
        Sequential([Dense(1, 1, rng=0) for _ in range(20)]).save(path.parent / "b")
    assert os.listdir(path.parent) == ["model"]


def test_an_array_that_is_named_often_is_there_once(path):
    """A file of a megabyte that asks for a terabyte."""
    many = tree(layers=[dense(config={"x": [{"$array": "model-theta"}] * 30_000})])
    data = {"model-theta.npy": npy(np.zeros(10_000))}
    refuse(forged(path, many, data), "use 3 of 10000 numbers")


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"buffers": {}}, "buffers must be mean, seen, none, got"),
        (
            {"buffers": {"mean": 1, "seen": 2, "none": 3}},
            "buffer mean must be of shape",
        ),
        ({"generators": {}}, "generators must be noise, got"),
        ({"generators": {"noise": {"bit_generator": "PCG64"}}}, "noise is no such"),
        ({"generators": {"noise": {"bit_generator": "RandomDevice"}}}, "one of PCG64"),
        (
            {"generators": {"noise": {"bit_generator": "PCG64", "state": 3}}},
            "noise is no such state",
        ),
        (
            {
                "generators": {
                    "noise": {
                        "bit_generator": "PCG64",
                        "state": {"state": -1, "inc": 2**200},
                        "has_uint32": "x",
                        "uinteger": 1.5,
                    }
                }
            },
            "noise is no such state",
        ),
        ({"params": {"gain": [1]}}, r"gain must have shape \(\), got \(1,\)"),
    ],
)
def test_buffers_and_generators_that_lie_are_refused(changes, match, path):
    Sequential([Noise(1.0, rng=0)]).save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    text = json.loads(members.pop("nnlib.json"))
    text["model"]["layers"][0].update(changes)
    forged(path, text, members)
    with pytest.raises(ValueError, match=match) as caught:
        Sequential.load(path, custom=[Noise])
    assert str(caught.value).startswith(f"{path} cannot be loaded: ")


def said(load, *arguments, **options):
    try:
        load(*arguments, **options)
    except ValueError as error:
        return str(error)
    return "it was loaded"


def placed(kind, place):
    """A layer with a generator of a kind, and the state that has it at a place."""
    layer = Noise(1.0)
    layer.noise = np.random.Generator(getattr(np.random, kind)(3))
    state = layer.noise.bit_generator.state
    inner, name = (
        (state["state"], "pos") if kind == "MT19937" else (state, "buffer_pos")
    )
    inner[name] = place
    return layer, state


PLACES = [
    ("MT19937", 624, [-(10**9), -1, 625, 10**8, 2.0, True, None, "3"]),
    ("Philox", 4, [-(10**8), -3, -1, 5, 10**8, 2.0, None]),
]


@pytest.mark.parametrize(
    ("kind", "place"), [(kind, bad) for kind, _, places in PLACES for bad in places]
)
def test_a_place_beside_the_memory_of_a_generator_is_refused(kind, place, path):
    """NumPy takes it over, and reads there at the next draw."""
    _, state = placed(kind, place)
    states = [state]
    if kind == "MT19937":  # an older form, which NumPy takes, too
        states.append((kind, state["state"]["key"], place, 0, 0.0))
    for one in states:
        models._write_archive(path, "checkpoint", {"training": {"rng": one}})
        assert "the place in a state of" in said(models._read_archive, path, "training")
    forged_layer(path, state)
    message = said(Sequential.load, path, custom=[Noise])
    assert message.startswith(f"{path} cannot be loaded: the place in a state of")


@pytest.mark.parametrize(
    ("kind", "place"), [(kind, good) for kind, last, _ in PLACES for good in (0, last)]
)
def test_each_place_that_a_generator_has_is_loaded(kind, place, path):
    layer, state = placed(kind, place)
    forged_layer(path, state)
    again = Sequential.load(path, custom=[Noise]).layers[0].noise
    layer.noise.bit_generator.state = state
    assert again.random(9).tolist() == layer.noise.random(9).tolist()


def test_other_things_than_generators_keep_their_names(path):
    """A state of one's own may say bit_generator, and a tuple begin with anything."""
    key = np.arange(3)
    given = {
        "bit_generator": key,
        "one": (key, 1, 2),
        "two": ("Philox", 1, -2),
        "three": ("MT19937", 1),
        "four": {"bit_generator": "PCG64", "state": -1},
    }
    models._write_archive(path, "checkpoint", {"training": given})
    assert repr(models._read_archive(path, "training")) == repr(given)


def forged_layer(path, state):
    """A file with the right sum whose layer draws from a generator in this state."""
    Sequential([Noise(1.0, rng=0)]).save(path)
    parts = {"model": models._read_archive(path, "model")}
    parts["model"]["layers"][0]["generators"] = {"noise": state}
    models._write_archive(path, "model", parts)


def test_hundreds_of_forgeries_are_loaded_or_refused_and_nothing_else(path):
    """Bytes of the description and of an array's header are changed at random."""
    rng = np.random.default_rng(4)
    model = Sequential([Dense(2, 1, rng=0), Tanh()])
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    text, theta = members["nnlib.json"], members["model-theta.npy"]
    messages = []
    alphabet = np.frombuffer(
        b'0123456789-+.eE"{}[],:truefalsnNI\\u$ abcxyz\0\xff', "u1"
    )
    tracemalloc.start()
    for number in range(700):
        spoiled = [bytearray(text), bytearray(theta[:128])]
        which = spoiled[number % 2]
        for _ in range(rng.integers(1, 4)):
            which[rng.integers(len(which))] = rng.choice(alphabet)
        forged(path, bytes(spoiled[0]), {"model-theta.npy": spoiled[1] + theta[128:]})
        messages.append(refusal(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    refused = [message for message in messages if message != "it was loaded"]
    assert len(refused) > 500  # others have changed a space
    assert all(message.startswith(str(path)) for message in refused)
    assert peak < 5_000_000


# The table


def test_the_summary_of_a_usual_net_is_narrow():
    model = Sequential(
        [Dense(784, 512, rng=0), ReLU(), Dense(512, 10, rng=1, use_bias=False)]
    )
    assert model.summary() == (
        "   layer  output  parameters\n"
        "0  Dense     512     401,920\n"
        "1  ReLU      512           0\n"
        "2  Dense      10       5,120\n"
        "   total             407,040"
    )
    assert max(map(len, model.summary().split("\n"))) <= 40


class Fold(Layer):
    """Makes pictures of rows."""

    def forward(self, x, *, training=False):
        del training
        return x.reshape(-1, 2, 2)

    backward = forward


class Picky(Fold):
    def forward(self, x, *, training=False):
        del x, training
        raise RuntimeError("not now")


def test_the_summary_says_what_it_knows():
    model = Sequential([Tanh(), Dense(3, 4, rng=0), Fold(), Picky(), Tanh()])
    rows = [line.split() for line in model.summary().split("\n")]
    assert [row[2] for row in rows[1:-1]] == ["?", "4", "2×2", "?", "?"]
    assert rows[-1] == ["total", "16"]


def test_the_summary_changes_nothing():
    model = Sequential([Dense(2, 2, rng=0), Noise(1.0, rng=1), Tanh()])
    x = np.ones((3, 2))
    model.forward(x, training=True)
    before = state_of(model)
    model.summary()
    model.backward(np.ones((3, 2)))  # of the last forward still
    assert state_of(model) == before
