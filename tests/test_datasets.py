"""Data: made sets, the idx format, and files that are used only if their sum is right.

The network is a server of this process; no test leaves the machine.
"""

import functools
import gzip
import hashlib
import http.server
import importlib
import math
import os
import socket
import struct
import threading

import numpy as np
import pytest
import sklearn.datasets

from nnlib import datasets
from nnlib.datasets import (
    Images,
    load_digits,
    load_fashion_mnist,
    load_mnist,
    make_blobs,
    make_moons,
    make_spiral,
)

SETS = {
    "spiral": functools.partial(make_spiral, 20),
    "moons": functools.partial(make_moons, 41),
    "blobs": functools.partial(make_blobs, 20, centers=[[0, 0], [3, 1]]),
}


# Made data


@pytest.mark.parametrize("name", SETS)
def test_a_made_set_comes_again_from_its_seed_and_only_from_it(name):
    make = SETS[name]
    x, y = make(rng=1)
    assert (x.dtype, y.dtype) == (np.float64, np.int64)
    assert x.ndim == 2
    assert len(x) == len(y)
    again, _ = make(rng=np.random.default_rng(1))
    assert x.tobytes() == again.tobytes()
    assert not np.array_equal(x, make(rng=2)[0])
    generator = np.random.default_rng(1)
    assert not np.array_equal(make(rng=generator)[0], make(rng=generator)[0])


def test_the_spiral_is_that_of_the_published_run():
    """Written down as the book has it, with NumPy's older generator in its place."""
    rng = np.random.default_rng(3)
    points, labels = [], []
    for k in range(3):
        t = np.linspace(k * 4, (k + 1) * 4, 100) + rng.standard_normal(100) * 0.2
        r = np.linspace(0.0, 1, 100)
        points.append(np.c_[r * np.sin(t * 2.5), r * np.cos(t * 2.5)])
        labels += [k] * 100
    x, y = make_spiral(100, classes=3, noise=0.2, rng=3)
    assert np.allclose(x, np.concatenate(points), rtol=0, atol=1e-14)
    assert y.tolist() == labels


def test_without_noise_the_arms_of_the_spiral_do_not_touch():
    x, y = make_spiral(200, noise=0, rng=0)
    outside = np.hypot(*x.T) > 0.1
    for k in range(3):
        mine, others = x[outside & (y == k)], x[outside & (y != k)]
        gaps = np.linalg.norm(mine[:, None] - others[None], axis=2)
        assert gaps.min() > 0.02


@pytest.mark.parametrize("n", [2, 3, 100, 101])
def test_the_moons_are_those_of_scikit_learn(n):
    x, y = make_moons(n, noise=0, rng=0)
    wanted, labels = sklearn.datasets.make_moons(n, shuffle=False)
    assert np.allclose(x, wanted, rtol=0, atol=1e-15)
    assert np.array_equal(y, labels)


def test_noise_has_the_standard_deviation_asked_for():
    clean, _ = make_moons(20000, noise=0, rng=0)
    noise = make_moons(20000, noise=0.3, rng=5)[0] - clean
    assert abs(noise.std() - 0.3) < 4 * 0.3 / math.sqrt(2 * noise.size)
    assert abs(noise.mean()) < 4 * 0.3 / math.sqrt(noise.size)


def test_blobs_lie_around_their_centres():
    centers = np.array([[0.0, 10, -5], [3, 1, 2]])
    x, y = make_blobs(4000, centers=centers, std=0.5, rng=6)
    assert x.shape == (8000, 3)
    for k, center in enumerate(centers):
        cloud = x[y == k]
        assert len(cloud) == 4000
        assert np.abs(cloud.mean(axis=0) - center).max() < 4 * 0.5 / math.sqrt(4000)
        assert np.abs(cloud.std(axis=0) - 0.5).max() < 4 * 0.5 / math.sqrt(8000)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: make_spiral(1, rng=0), "samples_per_class must be an int of at least"),
        (lambda: make_spiral(2.0, rng=0), "samples_per_class .* got 2.0"),
        (lambda: make_spiral(True, rng=0), "samples_per_class .* got True"),
        (lambda: make_spiral(classes=0, rng=0), "classes must be an int of at least 1"),
        (lambda: make_spiral(noise=-1, rng=0), "noise must be a finite number, 0 or"),
        (lambda: make_spiral(noise="1", rng=0), "noise must be .* got '1'"),
        (lambda: make_spiral(noise=math.nan, rng=0), "noise must be .* got nan"),
        (lambda: make_spiral(noise=1j, rng=0), "noise must be .* got 1j"),
        (lambda: make_spiral(noise=np.complex128(1), rng=0), "noise must be a finite"),
        (lambda: make_spiral(rng="x"), "rng must be a seed or generator"),
        (lambda: make_moons(1, rng=0), "samples must be an int of at least 2, got 1"),
        (lambda: make_moons(noise=math.inf, rng=0), "noise must be .* got inf"),
        (lambda: make_blobs(0, centers=[[1]], rng=0), "samples_per_class must be"),
        (lambda: make_blobs(centers=[1, 2], rng=0), r"centers .* shape \(2,\)"),
        (lambda: make_blobs(centers=[["a"]], rng=0), "centers must hold real numbers"),
        (lambda: make_blobs(centers=np.zeros((0, 2)), rng=0), r"shape \(0, 2\)"),
        (lambda: make_blobs(centers=[[math.nan]], rng=0), "centers must be finite"),
        (lambda: make_blobs(centers=[[1]], std=None, rng=0), "std must be a finite"),
    ],
)
def test_a_wrong_argument_is_named(make, match):
    with pytest.raises(ValueError, match=match):
        make()


def test_the_digits_are_scikit_learn_s_in_new_arrays():
    x, y = load_digits()
    wanted = sklearn.datasets.load_digits()
    assert np.array_equal(x, wanted.data)
    assert np.array_equal(y, wanted.target)
    assert (x.dtype, y.dtype) == (np.float64, np.int64)
    x[...] = -1
    assert load_digits()[0].max() == 16


# The idx format, and files with sums


def idx(array):
    """Write an array of bytes as the idx format has it."""
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.astype(np.uint8).tobytes()


ARRAYS = (
    np.arange(5 * 28 * 28).reshape(5, 28, 28) % 251,
    np.array([3, 1, 4, 1, 5]),
    np.arange(2 * 28 * 28).reshape(2, 28, 28) % 241,
    np.array([9, 2]),
)
NAMES = tuple(name for name, _ in datasets._MNIST.sums)


@pytest.fixture
def files():
    """Four small files by name, as a data set has them."""
    packed = [gzip.compress(idx(array), mtime=0) for array in ARRAYS]
    return dict(zip(NAMES, packed, strict=True))


def registered(files, address):
    sums = tuple((n, hashlib.sha256(data).hexdigest()) for n, data in files.items())
    return datasets._Source("mnist", address, sums)


@pytest.fixture
def small(files, tmp_path, monkeypatch):
    """MNIST stands for the small files; the cache is empty; nothing is at the address.

    Whoever connects to it is refused at once, since no one listens there.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}/mnist/"
    monkeypatch.setattr(datasets, "_MNIST", registered(files, address))
    monkeypatch.setattr("pooch.os_cache", lambda project: tmp_path / "cache" / project)
    monkeypatch.delenv("NNLIB_DATA", raising=False)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "cache" / "dot-product-up" / "mnist"


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves files, or what a test has put into their place."""

    def do_GET(self):
        name = self.path.rpartition("/")[2]
        self.server.asked.append(name)
        self.server.answer(self, name)

    def send(self, data, length=None):
        self.send_response(200)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(files, small, monkeypatch):
    """A server of the small files at the address of MNIST."""
    del small

    class Server(http.server.ThreadingHTTPServer):
        asked: list = []  # noqa: RUF012
        files = {}  # noqa: RUF012

        def answer(self, handler, name):
            handler.send(self.files[name], len(self.files[name]))

    with Server(("127.0.0.1", 0), Handler) as made:
        made.asked, made.files = [], dict(files)
        monkeypatch.setattr(
            datasets,
            "_MNIST",
            registered(files, f"http://127.0.0.1:{made.server_port}/mnist/"),
        )
        thread = threading.Thread(target=made.serve_forever, args=(0.01,))
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def write(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)


def is_right(found):
    assert isinstance(found, Images)
    for array, wanted, dtype in zip(
        found, ARRAYS, (np.uint8, np.int64) * 2, strict=True
    ):
        assert array.dtype == dtype
        assert np.array_equal(array, wanted)
        array[...] = 0  # it is the caller's
    return True


def left(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_what_is_fetched_is_checked_kept_and_not_fetched_again(server, small, capfd):
    assert is_right(load_mnist())
    assert sorted(server.asked) == sorted(NAMES) == left(small)
    server.asked.clear()
    assert is_right(load_mnist())
    assert server.asked == []
    assert capfd.readouterr() == ("", "")


def test_the_cache_needs_no_network(small, files):
    write(small, files)
    assert is_right(load_mnist())


def test_the_folder_of_the_environment_comes_first(
    server, small, files, tmp_path, monkeypatch
):
    write(tmp_path / "data" / "mnist", files)
    monkeypatch.setenv("NNLIB_DATA", str(tmp_path / "data"))
    assert is_right(load_mnist())
    assert server.asked == left(tmp_path / "cache") == []
    write(small, dict.fromkeys(files, b"another file, which must not be looked at"))
    monkeypatch.setitem(importlib.sys.modules, "pooch", None)  # it is not even needed
    assert is_right(load_mnist())


def test_what_the_folder_lacks_is_looked_for_further_on(
    server, small, files, tmp_path, monkeypatch
):
    here, cached, *away = NAMES
    write(tmp_path / "data" / "mnist", {here: files[here]})
    write(small, {cached: files[cached]})
    monkeypatch.setenv("NNLIB_DATA", str(tmp_path / "data"))
    assert is_right(load_mnist())
    assert server.asked == away


def flipped(data):
    return bytes([data[0] ^ 1]) + data[1:]


@pytest.mark.parametrize(
    "spoil", [lambda d: d[:-1], lambda d: b"", flipped, lambda d: d + b"\0"]
)
@pytest.mark.parametrize("where", ["environment", "cache"])
def test_a_wrong_or_partial_file_loads_nothing_and_is_named(
    where, spoil, server, small, files, tmp_path, monkeypatch
):
    folder = tmp_path / "data" / "mnist" if where == "environment" else small
    bad = NAMES[2]
    spoiled = spoil(files[bad])
    write(folder, {**files, bad: spoiled})
    advice = "it will be fetched again"
    if where == "environment":
        monkeypatch.setenv("NNLIB_DATA", str(tmp_path / "data"))
        advice = "put the right file there"
    with pytest.raises(ValueError, match="must have the SHA-256 sum") as caught:
        load_mnist()
    message = str(caught.value)
    for part in (
        str(folder / bad),
        hashlib.sha256(files[bad]).hexdigest(),
        hashlib.sha256(spoiled).hexdigest(),
        f"{len(spoiled)} bytes",
        advice,
    ):
        assert part in message
    assert server.asked == []  # and is not quietly replaced
    assert (folder / bad).read_bytes() == spoiled


def test_what_arrives_with_another_sum_is_thrown_away(server, small, files):
    server.files[NAMES[1]] = flipped(files[NAMES[1]])
    with pytest.raises(ValueError, match="what arrived has another") as caught:
        load_mnist()
    assert f"/mnist/{NAMES[1]}" in str(caught.value)
    assert str(small) in str(caught.value)
    assert left(small) == [NAMES[0]]  # the one that was right
    server.files = files
    assert is_right(load_mnist())


def test_a_download_that_ends_too_soon_is_thrown_away(server, small, files):
    """The server says how long it is, or does not, and closes in the middle."""
    name = NAMES[0]
    half = files[name][: len(files[name]) // 2]
    server.answer = lambda handler, _: handler.send(half, len(files[name]))
    with pytest.raises(ConnectionError, match=f"{name} could not be fetched"):
        load_mnist()
    assert left(small) == []
    server.answer = lambda handler, _: handler.send(half)
    with pytest.raises(ValueError, match="what arrived has another"):
        load_mnist()
    assert left(small) == []


def test_a_connection_that_is_cut_leaves_nothing_behind(server, small, files):
    def cut(handler, name):
        handler.send(files[name][:50], len(files[name]))
        handler.wfile.flush()
        # A reset, as a network that breaks down sends.
        handler.connection.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        handler.connection.close()

    def handle_error(request, address):
        del request, address

    server.answer, server.handle_error = cut, handle_error
    with pytest.raises(ConnectionError, match="could not be fetched"):
        load_mnist()
    assert left(small) == []


def test_an_error_page_is_no_file(server, small):
    server.answer = lambda handler, _: handler.send_error(404)
    with pytest.raises(ConnectionError, match="404"):
        load_mnist()
    assert left(small) == []
    page = b"<html>Sign in to this network</html>"
    server.answer = lambda handler, _: handler.send(page, len(page))
    with pytest.raises(ValueError, match="what arrived has another"):
        load_mnist()
    assert left(small) == []


def test_without_a_network_all_ways_out_are_named(small):
    with pytest.raises(ConnectionError) as caught:
        load_mnist()
    message = str(caught.value)
    for part in (datasets._MNIST.address, str(small), "NNLIB_DATA", "mnist/train-im"):
        assert part in message
    assert left(small) == []


@pytest.mark.parametrize("missing", ["pooch", "tqdm", "sklearn.datasets"])
def test_a_package_that_is_missing_is_named(missing, server, monkeypatch):
    monkeypatch.setitem(importlib.sys.modules, missing, None)
    package = {"sklearn.datasets": "scikit-learn"}.get(missing, missing)
    with pytest.raises(ImportError, match=f"pip install {package}"):
        load_digits() if package == "scikit-learn" else load_mnist(progress=True)
    assert server.asked == []


@pytest.mark.parametrize(
    ("spoil", "match"),
    [
        (lambda d: d[:3], "it must begin with 00000803, got '000008'"),
        (lambda d: bytes([0, 0, 9, 3]) + d[4:], "got '00000903'"),
        (lambda d: bytes([0, 0, 8, 1]) + d[4:], "got '00000801'"),
        (lambda d: d[:12], "its header must have 16 bytes, got 12"),
        (lambda d: d[:-1], "2 × 28 × 28 values must follow its header, got 1567"),
        (lambda d: d + b"\0", "got 1569 bytes"),
        (lambda d: d[:4] + b"\xff" * 12 + d[16:], "4294967295 × 4294967295"),
    ],
)
def test_an_idx_file_is_read_to_the_byte(spoil, match, small, files):
    """Somebody could write the sum of a bad file into the code."""
    bad = NAMES[2]
    files[bad] = gzip.compress(spoil(idx(ARRAYS[2])))
    datasets._MNIST = registered(files, datasets._MNIST.address)
    write(small, files)
    with pytest.raises(ValueError, match=match) as caught:
        load_mnist()
    assert str(small / bad) in str(caught.value)


@pytest.mark.parametrize(
    "spoil", [lambda d: b"no gzip at all", lambda d: d[:-9], lambda d: d[:40] + d]
)
def test_a_broken_gzip_file_is_named(spoil, small, files):
    files[NAMES[0]] = spoil(files[NAMES[0]])
    datasets._MNIST = registered(files, datasets._MNIST.address)
    write(small, files)
    with pytest.raises(ValueError, match=f"{NAMES[0]} is no idx file"):
        load_mnist()


def test_each_image_needs_a_label(small, files):
    files[NAMES[3]] = gzip.compress(idx(np.array([1, 2, 3])))
    datasets._MNIST = registered(files, datasets._MNIST.address)
    write(small, files)
    with pytest.raises(ValueError, match="got 2 images and 3 labels"):
        load_mnist()


# The real ones


@pytest.mark.parametrize(
    ("load", "folder", "first", "mean", "std"),
    [
        # Mean and standard deviation as everybody who scales the pixels uses them.
        (load_mnist, "mnist", [5, 0, 4, 1, 9], 0.1307, 0.3081),
        (load_fashion_mnist, "fashion-mnist", [9, 0, 0, 3, 0], 0.2860, 0.3530),
    ],
)
def test_the_real_images_have_their_shapes_and_means(load, folder, first, mean, std):
    home = os.environ.get("NNLIB_DATA")
    if not home:
        pytest.skip(f"{folder}: NNLIB_DATA names no folder with its files")
    found = load()
    assert found.x_train.shape == (60000, 28, 28)
    assert found.x_test.shape == (10000, 28, 28)
    assert found.y_train[:5].tolist() == first
    parts, n = np.split(found.x_train, 60), found.x_train.size
    middle = sum(int(part.sum()) for part in parts) / n
    square = sum(int(np.square(part, dtype=np.uint32).sum()) for part in parts) / n
    assert round(middle / 255, 4) == mean
    assert round(math.sqrt(square - middle**2) / 255, 4) == std
    for y in (found.y_train, found.y_test):
        assert y.dtype == np.int64
        assert np.array_equal(np.unique(y), np.arange(10))
    if folder == "fashion-mnist":
        assert np.array_equal(np.bincount(found.y_train), [6000] * 10)
    else:
        # As LeCun's page and every table of MNIST has it.
        counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
        assert np.bincount(found.y_train).tolist() == counts
    again = load()
    assert not np.shares_memory(found.x_train, again.x_train)


def test_the_sums_in_the_code_are_those_of_torchvision():
    """Its md5 sums, of the same files: two sums that were taken by different people."""
    md5 = {
        "mnist": (
            "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "d53e105ee54ea40749a09fcbcd1e9432",
            "9fb629c4189551a2d022fa330f9573f3",
            "ec29112dd5afa0611ce80d1b7f02629c",
        ),
        "fashion-mnist": (
            "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "25c81989df183df01b3e8a0aad5dffbe",
            "bef4ecab320f06d8554ea6380940ec79",
            "bb300cfdad3c16e7a12a480ee83cd310",
        ),
    }
    home = os.environ.get("NNLIB_DATA")
    if not home:
        pytest.skip("mnist, fashion-mnist: NNLIB_DATA names no folder with their files")
    for source in (datasets._MNIST, datasets._FASHION_MNIST):
        assert source.address.startswith("http")
        for (name, wanted), old in zip(source.sums, md5[source.folder], strict=True):
            with open(os.path.join(home, source.folder, name), "rb") as file:
                data = file.read()
            assert hashlib.sha256(data).hexdigest() == wanted
            assert hashlib.md5(data, usedforsecurity=False).hexdigest() == old
