"""Data to learn from: made by a generator, small and at hand, or fetched and checked.

Every function returns new arrays at each call.
"""

# Written by book/tools/export.py: edit the chapter, then run `make export`.

import gzip
import hashlib
import importlib
import math
import os
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nnlib.initializers import _generator

__all__ = [
    "Images",
    "load_digits",
    "load_fashion_mnist",
    "load_mnist",
    "make_blobs",
    "make_moons",
    "make_spiral",
]


class Images(NamedTuple):
    """Images and their labels, in two parts that nobody may mix.

    Derived in chapter 16, "Can it read real digits?".

    Parameters
    ----------
    x_train : ndarray of uint8, shape (60000, 28, 28)
        Images to learn from: 0 where nothing is drawn, up to 255.
    y_train : ndarray of int64, shape (60000,)
        Their classes, 0 to 9.
    x_test : ndarray of uint8, shape (10000, 28, 28)
        Images for the last measurement.
    y_test : ndarray of int64, shape (10000,)
        Their classes.

    Examples
    --------
    >>> few = Images(*(np.zeros(3, np.uint8) for _ in range(4)))
    >>> few.x_test
    array([0, 0, 0], dtype=uint8)
    """

    x_train: npt.NDArray[np.uint8]
    y_train: npt.NDArray[np.int64]
    x_test: npt.NDArray[np.uint8]
    y_test: npt.NDArray[np.int64]


_Points = tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]


def make_spiral(
    samples_per_class: int = 100, *, classes: int = 3, noise: float = 0.2, rng: Any
) -> _Points:
    """Return points along the arms of a spiral, one arm a class.

    Point number i of n lies at the distance r = i / (n - 1) from the middle, and in
    the direction 2.5 (4 (k + r) + noise), an angle in radians from the second axis,
    for the arm of class k.

    Derived in chapter 16, "Can it read real digits?".

    Parameters
    ----------
    samples_per_class : int
        Points n of each arm, 2 or more.
    classes : int
        Number of arms, 1 or more. Without noise they meet in the middle only.
    noise : float
        Standard deviation of what is added to the direction before it is multiplied
        by 2.5, 0 or more.
    rng : object
        A seed or generator, as `numpy.random.default_rng` takes.

    Returns
    -------
    x : ndarray of float64, shape (samples_per_class * classes, 2)
        Class after class, each from the middle outwards.
    y : ndarray of int64, shape (samples_per_class * classes,)

    Raises
    ------
    ValueError
        If an argument is not of that kind.

    Examples
    --------
    >>> x, y = make_spiral(3, classes=2, noise=0, rng=0)
    >>> np.hypot(*x.T)
    array([0. , 0.5, 1. , 0. , 0.5, 1. ])
    >>> y
    array([0, 0, 0, 1, 1, 1])

    References
    ----------
    Kinsley and Kukieła, "Neural networks from scratch in Python", 2020, after the notes
    of Stanford's course CS231n, where the direction is not multiplied.
    """
    n = _at_least("samples_per_class", samples_per_class, 2)
    k = _at_least("classes", classes, 1)
    spread, generator = _spread("noise", noise), _generator(rng)
    r = np.linspace(0.0, 1.0, n)
    t = np.linspace(4.0 * np.arange(k), 4.0 * np.arange(1, k + 1), n, axis=1)
    angle = 2.5 * (t + spread * generator.standard_normal((k, n)))
    x = np.stack([r * np.sin(angle), r * np.cos(angle)], axis=-1)
    return x.reshape(-1, 2), np.repeat(np.arange(k, dtype=np.int64), n)


def make_moons(samples: int = 100, *, noise: float = 0.1, rng: Any) -> _Points:
    """Return points on two half circles that reach into each other.

    Derived in chapter 16, "Can it read real digits?".

    Parameters
    ----------
    samples : int
        Points in all, 2 or more; of an odd number, the second moon has one more.
    noise : float
        Standard deviation of what is added to both coordinates, 0 or more.
    rng : object
        A seed or generator, as `numpy.random.default_rng` takes.

    Returns
    -------
    x : ndarray of float64, shape (samples, 2)
        The upper moon, around (0, 0), then the lower one, around (1, 0.5).
    y : ndarray of int64, shape (samples,)
        0 for the upper moon, 1 for the lower.

    Raises
    ------
    ValueError
        If an argument is not of that kind.

    Examples
    --------
    >>> x, y = make_moons(4, noise=0, rng=0)
    >>> x.round(1) + 0.0
    array([[ 1. ,  0. ],
           [-1. ,  0. ],
           [ 0. ,  0.5],
           [ 2. ,  0.5]])

    References
    ----------
    scikit-learn's make_moons gives the same points without noise and shuffling.
    """
    n = _at_least("samples", samples, 2)
    spread, generator = _spread("noise", noise), _generator(rng)
    upper = np.linspace(0.0, math.pi, n // 2)
    lower = np.linspace(0.0, math.pi, n - n // 2)
    x = np.concatenate(
        [
            np.stack([np.cos(upper), np.sin(upper)], axis=1),
            np.stack([1 - np.cos(lower), 0.5 - np.sin(lower)], axis=1),
        ]
    )
    x += spread * generator.standard_normal(x.shape)
    return x, np.repeat(np.arange(2, dtype=np.int64), [n // 2, n - n // 2])


def make_blobs(
    samples_per_class: int = 50,
    *,
    centers: npt.ArrayLike,
    std: float = 1.0,
    rng: Any,
) -> _Points:
    """Return clouds of normally distributed points, one cloud a class.

    Derived in chapter 16, "Can it read real digits?".

    Parameters
    ----------
    samples_per_class : int
        Points of each cloud, 1 or more.
    centers : array_like of shape (classes, features)
        Where the clouds lie, in the plane or in any other number of dimensions.
    std : float
        Standard deviation in every direction, 0 or more.
    rng : object
        A seed or generator, as `numpy.random.default_rng` takes.

    Returns
    -------
    x : ndarray of float64, shape (samples_per_class * classes, features)
        Class after class.
    y : ndarray of int64, shape (samples_per_class * classes,)

    Raises
    ------
    ValueError
        If an argument is not of that kind.

    Examples
    --------
    >>> x, y = make_blobs(2, centers=[[0, 0], [9, 1]], std=0, rng=0)
    >>> x
    array([[0., 0.],
           [0., 0.],
           [9., 1.],
           [9., 1.]])
    """
    n = _at_least("samples_per_class", samples_per_class, 1)
    spread, generator = _spread("std", std), _generator(rng)
    middle = np.asarray(centers)
    if middle.dtype.kind not in "biuf" or middle.ndim != 2 or 0 in middle.shape:
        raise ValueError(
            "centers must hold real numbers of shape (classes, features), got dtype "
            f"{middle.dtype} and shape {middle.shape}"
        )
    if not np.isfinite(middle).all():
        raise ValueError("centers must be finite, got nan or inf")
    k, features = middle.shape
    x = spread * generator.standard_normal((k, n, features)) + middle[:, None, :]
    return x.reshape(-1, features), np.repeat(np.arange(k, dtype=np.int64), n)


def load_digits() -> _Points:
    """Return the 1,797 handwritten digits of 8 × 8 pixels that scikit-learn ships.

    Derived in chapter 16, "Can it read real digits?".

    Returns
    -------
    x : ndarray of float64, shape (1797, 64)
        Pixels, row after row, whole numbers from 0 (paper) to 16 (ink).
    y : ndarray of int64, shape (1797,)
        Which digit it is.

    Raises
    ------
    ImportError
        If scikit-learn is not installed.

    Examples
    --------
    >>> x, y = load_digits()
    >>> x.shape, y[:5]
    ((1797, 64), array([0, 1, 2, 3, 4]))

    References
    ----------
    Alpaydin and Kaynak, "Optical recognition of handwritten digits", UCI Machine
    Learning Repository, 1998: its 1,797 test digits.
    """
    try:
        source = importlib.import_module("sklearn.datasets")
    except ImportError as error:
        raise ImportError(
            "load_digits needs scikit-learn: pip install scikit-learn"
        ) from error
    x, y = source.load_digits(return_X_y=True)
    return np.array(x, np.float64), np.array(y, np.int64)


class _Source(NamedTuple):
    """Files that belong together: their folder, their address, and their sums."""

    folder: str
    address: str
    sums: tuple[tuple[str, str], ...]


_MNIST = _Source(
    "mnist",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    (
        (
            "train-images-idx3-ubyte.gz",
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        ),
        (
            "train-labels-idx1-ubyte.gz",
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        ),
        (
            "t10k-images-idx3-ubyte.gz",
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        ),
        (
            "t10k-labels-idx1-ubyte.gz",
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
    ),
)

_FASHION_MNIST = _Source(
    "fashion-mnist",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    (
        (
            "train-images-idx3-ubyte.gz",
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        ),
        (
            "train-labels-idx1-ubyte.gz",
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        ),
        (
            "t10k-images-idx3-ubyte.gz",
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        ),
        (
            "t10k-labels-idx1-ubyte.gz",
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
    ),
)


def load_mnist(*, progress: bool = False) -> Images:
    """Return MNIST: 70,000 handwritten digits of 28 × 28 pixels.

    Its four files are looked for in the folder ``mnist`` of the folder that the
    environment variable NNLIB_DATA names, then in the cache, and are else fetched from
    the network, 11.6 MB, once. Only files with the right SHA-256 sums are used.

    Derived in chapter 16, "Can it read real digits?".

    Parameters
    ----------
    progress : bool
        Whether to show a bar while a file is fetched, for which tqdm must be installed.

    Returns
    -------
    Images
        60,000 images to learn from and 10,000 for the last measurement.

    Raises
    ------
    ValueError
        If a file has another sum, wherever it was found. Nothing is loaded then.
    ConnectionError
        If a file has to be fetched and cannot be. No part of it is left behind.
    ImportError
        If a package that is needed is not installed: pooch unless the files are found
        in NNLIB_DATA, and tqdm for a bar.

    Examples
    --------
    >>> digits = load_mnist()  # doctest: +SKIP
    >>> digits.x_train.shape, digits.y_train[:5]  # doctest: +SKIP
    ((60000, 28, 28), array([5, 0, 4, 1, 9]))

    References
    ----------
    LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document
    recognition", Proceedings of the IEEE 86(11), 1998.
    """
    return _load(_MNIST, progress)


def load_fashion_mnist(*, progress: bool = False) -> Images:
    """Return Fashion-MNIST: 70,000 pieces of clothing of 28 × 28 pixels.

    Its four files are looked for in the folder ``fashion-mnist`` of the folder that the
    environment variable NNLIB_DATA names, then in the cache, and are else fetched from
    the network, 31 MB, once. Only files with the right SHA-256 sums are used. The ten
    classes are T-shirt, trouser, pullover, dress, coat, sandal, shirt, sneaker, bag and
    ankle boot.

    Derived in chapter 16, "Can it read real digits?".

    Parameters
    ----------
    progress : bool
        Whether to show a bar while a file is fetched, for which tqdm must be installed.

    Returns
    -------
    Images
        60,000 images to learn from and 10,000 for the last measurement.

    Raises
    ------
    ValueError
        If a file has another sum, wherever it was found. Nothing is loaded then.
    ConnectionError
        If a file has to be fetched and cannot be. No part of it is left behind.
    ImportError
        If a package that is needed is not installed: pooch unless the files are found
        in NNLIB_DATA, and tqdm for a bar.

    Examples
    --------
    >>> clothes = load_fashion_mnist()  # doctest: +SKIP
    >>> clothes.x_test.shape, clothes.y_test[:5]  # doctest: +SKIP
    ((10000, 28, 28), array([9, 2, 1, 1, 6]))

    References
    ----------
    Xiao, Rasul and Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking
    machine learning algorithms", arXiv:1708.07747, 2017.
    """
    return _load(_FASHION_MNIST, progress)


def _load(source: _Source, progress: bool) -> Images:
    """Return the images and labels of four idx files, in their order."""
    parts = []
    for file, wanted in source.sums:
        data, where = _find(source, file, wanted, progress)
        try:
            parts.append(_read_idx(gzip.decompress(data), 3 if "idx3" in file else 1))
        except (EOFError, OSError, ValueError, zlib.error) as error:
            raise ValueError(f"{where} is no idx file: {error}") from error
    x_train, y_train, x_test, y_test = parts
    for x, y in ((x_train, y_train), (x_test, y_test)):
        if len(x) != len(y):
            raise ValueError(
                f"{source.folder} must hold a label for each image, got {len(x)} "
                f"images and {len(y)} labels"
            )
    return Images(x_train, y_train.astype(np.int64), x_test, y_test.astype(np.int64))


def _find(source: _Source, file: str, wanted: str, progress: bool) -> tuple[bytes, str]:
    """Return the bytes of a file whose sum is right, and where they were found."""
    home = os.environ.get("NNLIB_DATA")
    if home:
        path = Path(home).expanduser() / source.folder / file
        if path.is_file():
            return _checked(path, wanted, "put the right file there, or remove it")
    needs = f"{file} has to be fetched or found in a cache, which needs pooch: "
    try:
        pooch = importlib.import_module("pooch")
    except ImportError as error:
        raise ImportError(
            f"{needs}pip install pooch (or set NNLIB_DATA to a folder with "
            f"{source.folder}/{file})"
        ) from error
    cache = Path(pooch.os_cache("dot-product-up")) / source.folder
    path = cache / file
    if not path.is_file():
        _fetch(pooch, source, file, wanted, cache, progress)
    return _checked(path, wanted, "remove it, and it will be fetched again")


def _checked(path: Path, wanted: str, advice: str) -> tuple[bytes, str]:
    """Return the bytes of a file, if they have the right sum, and its name."""
    data = path.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != wanted:
        raise ValueError(
            f"{path} must have the SHA-256 sum {wanted}, got {found} of {len(data)} "
            f"bytes: it is damaged or another file; {advice}"
        )
    return data, str(path)


def _fetch(
    pooch: Any, source: _Source, file: str, wanted: str, cache: Path, progress: bool
) -> None:
    """Put a file from the network into the cache, if its sum is right."""
    if progress:
        try:
            importlib.import_module("tqdm")
        except ImportError as error:
            raise ImportError("progress=True needs tqdm: pip install tqdm") from error
    broken = importlib.import_module("requests").exceptions.RequestException
    address = source.address + file
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel("ERROR")  # nnlib prints nothing by itself
    try:
        pooch.retrieve(
            address,
            known_hash=f"sha256:{wanted}",
            fname=file,
            path=cache,
            downloader=pooch.HTTPDownloader(progressbar=progress),
        )
    except broken as error:
        raise ConnectionError(
            f"{address} could not be fetched ({error}). It would be kept in {cache}. "
            "Try again when there is a network, or set the environment variable "
            f"NNLIB_DATA to a folder with {source.folder}/{file}"
        ) from error
    except ValueError as error:  # pooch has removed what it fetched
        raise ValueError(
            f"{address} must have the SHA-256 sum {wanted}; what arrived has another, "
            f"and was thrown away. Try again, or put the right file into {cache}"
        ) from error
    finally:
        logger.setLevel(level)


def _read_idx(data: bytes, axes: int) -> npt.NDArray[np.uint8]:
    """Return the array of bytes in the idx format: a magic number, sizes, values."""
    start = 4 + 4 * axes
    magic = bytes([0, 0, 8, axes])  # 8 means unsigned bytes
    if data[:4] != magic:
        raise ValueError(f"it must begin with {magic.hex()}, got {data[:4].hex()!r}")
    if len(data) < start:
        raise ValueError(f"its header must have {start} bytes, got {len(data)}")
    sizes = [int.from_bytes(data[at : at + 4], "big") for at in range(4, start, 4)]
    if len(data) != start + math.prod(sizes):
        raise ValueError(
            f"{' × '.join(map(str, sizes))} values must follow its header, got "
            f"{len(data) - start} bytes"
        )
    return np.frombuffer(data, np.uint8, offset=start).reshape(sizes).copy()


def _at_least(name: str, value: Any, least: int) -> int:
    """Return an int that is not too small."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < least:
        raise ValueError(f"{name} must be an int of at least {least}, got {value!r}")
    return int(value)


def _spread(name: str, value: Any) -> float:
    """Return a finite number that is not negative."""
    try:
        other = isinstance(value, bool | str) or np.iscomplexobj(value)
        number = math.nan if other else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not 0 <= number < math.inf:
        raise ValueError(f"{name} must be a finite number, 0 or more, got {value!r}")
    return number
