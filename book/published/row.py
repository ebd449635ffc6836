"""One line of the table: a published figure, and the experiment that is held to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from nnlib import datasets, optimizers
from nnlib.schedules import InverseTime

SEEDS = (0, 1, 2, 3, 4)


@dataclass(frozen=True)
class Published:
    """What somebody has published: a number, and how it came about."""

    value: float
    key: str  # of the result that is held to it
    spec: str  # the digits that it was published with, as a format
    source: str  # a key of references.bib
    said: str  # the figure in the source's own terms


@dataclass(frozen=True)
class Row:
    """An experiment.

    `run` is called as ``run(seed, data, **settings)`` for each seed, for numbers;
    `once` as ``once(data, **settings)``, for what no seed changes; `summarise` is given
    the list of what `run` returned. What `run` returns under a name that begins with _
    is for `summarise` alone and is not kept.
    """

    name: str
    title: str
    settings: Mapping[str, Any]
    run: Callable[..., dict[str, Any]] | None = None
    once: Callable[..., dict[str, Any]] | None = None
    summarise: Callable[..., dict[str, Any]] | None = None
    load: Callable[[], Any] = field(default=lambda: None)
    published: Published | None = None
    seeds: tuple[int, ...] = SEEDS


@cache
def mnist() -> datasets.Images:
    """Return MNIST, read once a process."""
    return datasets.load_mnist()


@cache
def fashion() -> datasets.Images:
    """Return Fashion-MNIST, read once a process."""
    return datasets.load_fashion_mnist()


def optimizer(config: Mapping[str, Any]) -> optimizers.Optimizer:
    """Return an optimiser of nnlib from plain values.

    >>> optimizer({"class": "SGD", "learning_rate": 1.0, "decay": 0.1}).rate_at(10)
    0.5
    """
    options = dict(config)
    made = getattr(optimizers, options.pop("class"))
    rate = options.pop("learning_rate")
    if decay := options.pop("decay", 0.0):
        rate = InverseTime(rate, decay=decay)
    return made(rate, **options)
