"""The figures of the two pages, drawn from result files when the site is built."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable
from typing import Any

from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from nnlib.plots import Figure, colour, subplots

Read = Callable[[str], dict[str, Any]]
SPIRALS = [
    f"spiral-{name}" for name in ("sgd", "momentum", "adagrad", "rmsprop", "adam")
]
IMAGES = ["nielsen", "keras-mlp", "fashion-mlp"]


def _strip(axes: Any, results: list[dict[str, Any]], shift: bool) -> None:
    """Draw a line a row: seeds as dots, their median, the published figure."""
    for at, result in enumerate(results):
        known = result["published"]
        zero = known["value"] if shift else 0
        scores = [100 * (s - zero) for s in result["results"][known["key"]]]
        axes.plot(
            scores,
            [at] * len(scores),
            "o",
            color=colour("output"),
            alpha=0.45,
            markersize=6,
            markeredgewidth=0,
        )
        axes.plot(
            [statistics.median(scores)] * 2,
            [at - 0.28, at + 0.28],
            color=colour("output"),
        )
        axes.plot(
            100 * (known["value"] - zero),
            at,
            "D",
            markersize=7,
            color=colour("ink"),
            markerfacecolor="none",
        )
    names = [result["title"].removeprefix("Spiral, ") for result in results]
    axes.set_yticks(range(len(results)), names)
    axes.set_ylim(len(results) - 0.5, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    axes.set_axisbelow(True)


def strips(read: Read) -> Figure:
    """Draw every seed beside the published figure."""
    spirals, images = ([read(row) for row in rows] for rows in (SPIRALS, IMAGES))
    figure, (above, below) = subplots(
        2, 1, width=5.2, height=4.4, height_ratios=[len(SPIRALS), len(IMAGES) + 0.4]
    )
    _strip(above, spirals, shift=False)
    above.set_title("Spiral: training accuracy in %")
    _strip(below, images, shift=True)
    below.set_title("Images: points above the published figure")
    below.set_xlim(-1, 0.1)
    for at, result in enumerate(images):
        known = result["published"]
        for score in result["results"][known["key"]]:
            if (away := 100 * (score - known["value"])) < -1:
                said = f"\N{LEFTWARDS ARROW} one at \N{MINUS SIGN}{-away:.1f}"
                below.text(-0.98, at, said, ha="left", va="center", size=8)
    words = []
    for result in spirals + images:
        key = result["published"]["key"]
        scores = result["results"][key]
        words.append(
            f"{result['title']} from {min(scores):.1%} to {max(scores):.1%}, published "
            f"{result['published']['value']:.1%}"
        )
    alt = "Dots, one a seed, beside the published figure. " + "; ".join(words) + "."
    return Figure(figure, alt=alt)


def curves(read: Read) -> Figure:
    """Draw the accuracy after each epoch: the middle of the seeds and their band."""
    found = read("mnist")
    figure, axes = subplots(height=2.9)
    words = []
    for name, style, label in (
        ("train", "--", "while training"),
        ("held_out", "-", "on images held out"),
    ):
        by_epoch = list(zip(*found["results"][name], strict=True))
        epochs = range(1, len(by_epoch) + 1)
        middle = [100 * statistics.median(scores) for scores in by_epoch]
        low, high = ([100 * f(scores) for scores in by_epoch] for f in (min, max))
        axes.fill_between(epochs, low, high, color=colour("output"), alpha=0.25, lw=0)
        axes.plot(epochs, middle, style, color=colour("output"), label=label)
        words.append(f"{label} from {middle[0]:.1f} % to {middle[-1]:.1f} %")
    axes.set_xlabel("epoch")
    axes.set_title("Accuracy in %: median of the seeds, and their range")
    axes.set_xticks(range(1, len(found["results"]["train"][0]) + 1))
    axes.legend(loc="lower right", frameon=False)
    axes.grid(axis="y")
    return Figure(figure, alt=f"Two rising curves: {', '.join(words)}.")


def confusion(read: Read) -> Figure:
    """Draw how often each digit was taken for each."""
    table = read("mnist")["summary"]["confusion"]
    most = max(n for i, row in enumerate(table) for j, n in enumerate(row) if i != j)
    figure, axes = subplots(width=5.2, height=4.6)
    for i, row in enumerate(table):
        for j, count in enumerate(row):
            if count and i != j:
                shade, alpha = colour("loss"), 0.12 + 0.5 * count / most
                cell = Rectangle(
                    (j - 0.5, i - 0.5), 1, 1, color=shade, alpha=alpha, lw=0
                )
                axes.add_patch(cell)
            if count:
                weight = "bold" if i == j else "normal"
                axes.text(
                    j, i, str(count), ha="center", va="center", size=8, weight=weight
                )
    axes.set_xlim(-0.5, 9.5)
    axes.set_ylim(9.5, -0.5)
    axes.set_xticks(range(10))
    axes.set_yticks(range(10))
    axes.tick_params(length=0)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.set_xlabel("answer")
    axes.set_ylabel("truth")
    wrong = [
        (n, i, j) for i, row in enumerate(table) for j, n in enumerate(row) if i != j
    ]
    pairs = " and ".join(f"{i} read as {j}" for n, i, j in wrong if n == most)
    right = sum(table[k][k] for k in range(10))
    alt = (
        f"A table of 10 truths by 10 answers. {right:,} test images stand on the "
        f"diagonal; the most frequent mistakes, {most} times each, are: {pairs}."
    )
    return Figure(figure, alt=alt)


def weights(read: Read) -> Figure:
    """Draw what the first units multiply each pixel by."""
    found = read("mnist")["summary"]
    levels, units = found["levels"], found["weights"]
    figure, panels = subplots(2, len(units) // 2, width=5.2, height=2.75)
    for axes, unit in zip(panels.flat, units, strict=True):
        for level in range(2 * levels + 1):
            if level == levels:
                continue
            vertices: list[tuple[float, float]] = []
            codes: list[int] = []
            for y, row in enumerate(unit):
                for x, width in _runs(row, str(level)):
                    vertices += [(x, y), (x + width, y), (x + width, y + 1), (x, y + 1)]
                    vertices += [(x, y)]
                    codes += [Path.MOVETO, *[Path.LINETO] * 3, Path.CLOSEPOLY]
            if vertices:
                shade = colour("weight" if level > levels else "ink")
                alpha = abs(level - levels) / levels
                patch = PathPatch(
                    Path(vertices, codes), facecolor=shade, alpha=alpha, lw=0
                )
                axes.add_patch(patch)
        axes.set_xlim(0, 28)
        axes.set_ylim(28, 0)
        axes.set_aspect("equal")
        axes.set_xticks([])
        axes.set_yticks([])
        for spine in axes.spines.values():
            spine.set(visible=True, color=colour("grid"))
    alt = (
        f"{len(units)} squares of 28 by 28 weights. In the middle of each, smooth "
        "strokes of positive and negative weights; near the edges, fine noise."
    )
    return Figure(figure, alt=alt)


def _runs(row: str, level: str) -> list[tuple[int, int]]:
    """Return where equal characters begin and how many they are.

    >>> _runs("1221", "2")
    [(1, 2)]
    """
    found, at = [], 0
    for character, group in itertools.groupby(row):
        length = len(list(group))
        if character == level:
            found.append((at, length))
        at += length
    return found
