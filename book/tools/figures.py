"""What a stored figure must be: described in words, numbered, able to move."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from itertools import product
from typing import Any

from notebooks import Chapter

CAPTION = re.compile(r"^\*\*Figure (\w+)\.(\d+)\. ", re.MULTILINE)
_FRAME = re.compile(
    r'<div class="nn-frame" data-at="([\d,]+)"( hidden)?>\s*(<svg\b.*?</svg>)\s*</div>',
    re.DOTALL,
)
_ATTRIBUTE = re.compile(r'([\w:-]+)="([^"]*)"')


def attributes(tag: str) -> dict[str, str]:
    """Return the attributes of an HTML tag."""
    return {name: html.unescape(value) for name, value in _ATTRIBUTE.findall(tag)}


def speechless(alt: str) -> str:
    """Say why a text does not describe a figure, or nothing if it may."""
    if not alt.strip():
        return "has no alt text"
    if re.search(r"[/\\]\S*\.\w+$|\.(svg|png|jpe?g|gif|pdf)$", alt.strip()):
        return f"has a file's name as alt text: {alt!r}"
    if len(alt.strip()) < 20:
        return f"has alt text of fewer than 20 characters: {alt!r}"
    return ""


def figures(cell: Any) -> list[str]:
    """Return each figure of a cell: its SVG or, if it is interactive, its HTML."""
    found = []
    for output in cell.outputs:
        data = output.get("data", {})
        moving = "nn-explorer" in data.get("text/html", "")
        found.append(data.get("text/html" if moving else "image/svg+xml", ""))
    return [figure for figure in found if figure]


def drawing_problems(cell: Any) -> Iterator[str]:
    """Look at everything in a cell's outputs that shows a picture."""
    for output in cell.outputs:
        for kind, content in output.get("data", {}).items():
            if kind.startswith("image/") and kind != "image/svg+xml":
                yield f"shows an {kind} output; figures are SVG (nnlib.plots.Figure)"
            if kind not in ("image/svg+xml", "text/html"):
                continue
            if "<img" in content:
                yield "shows an <img>; figures are SVG (nnlib.plots.Figure)"
            for tag in re.findall(r"<svg\b[^>]*>", content):
                given = attributes(tag)
                if why := speechless(given.get("aria-label", "")):
                    yield f"the figure {why}"
                if given.get("role") != "img":
                    yield 'the figure\'s <svg> has no role="img"'
            if "nn-explorer" in content:
                yield from _explorer_problems(content)


def frames(content: str) -> dict[str, tuple[bool, str]]:
    """Return the frames of an interactive figure: whether it is hidden, and its SVG."""
    return {at: (bool(hidden), svg) for at, hidden, svg in _FRAME.findall(content)}


def _explorer_problems(content: str) -> Iterator[str]:
    shown = frames(content)
    if len(shown) != content.count('class="nn-frame"'):
        yield "two frames have one place, or a frame is not of the agreed form"
    positions: dict[str, int] = {}  # of each slider, and of each group of buttons
    for number, tag in enumerate(re.findall(r"<input\b[^>]*>", content)):
        given = attributes(tag)
        if given.get("type") == "radio":
            positions[given["name"]] = positions.get(given["name"], 0) + 1
        else:
            positions[str(number)] = int(given.get("max", 0)) + 1
    places = product(*map(range, positions.values()))
    wanted = {",".join(map(str, place)) for place in places}
    if set(shown) != wanted:
        yield f"the controls have {len(wanted)} positions; frames: {len(shown)}"
    root = re.search(r'<div class="nn-explorer"[^>]*>', content)
    start = attributes(root[0]).get("data-start", "") if root else ""
    if start not in shown:
        yield f"the start frame {start} is not among the frames"
    visible = [at for at, (hidden, _) in shown.items() if not hidden]
    if visible != [start]:
        yield f"only the start frame {start} may be visible, not {visible}"
    drawn: dict[str, str] = {}
    for at, (_, svg) in shown.items():
        picture = svg.partition(">")[2]  # without the root, whose alt text may differ
        if picture in drawn:
            yield f"the frames at {drawn[picture]} and {at} are equal"
        drawn.setdefault(picture, at)


def caption_problems(chapter: Chapter) -> Iterator[str]:
    """Each figure is followed by its caption; captions count 1, 2, … in a chapter."""
    cells, count, captions = chapter.notebook.cells, 0, set()
    for index, cell in enumerate(cells):
        where = chapter.where(index)
        found = figures(cell) if cell.cell_type == "code" else []
        if len(found) > 1:
            yield f"{where}: shows {len(found)} figures; a cell shows one"
        if found:
            count += 1
            after = cells[index + 1] if index + 1 < len(cells) else None
            match = (
                after and after.cell_type == "markdown" and CAPTION.match(after.source)
            )
            number = f"{chapter.shown}.{count}"
            if not match:
                yield f"{where}: the next cell must begin `**Figure {number}. …**`"
                continue
            captions.add(index + 1)
            if (has := f"{match[1]}.{match[2]}") != number:
                at = chapter.where(index + 1)
                yield f"{at}: Figure {has} must be Figure {number}"
        if cell.cell_type == "markdown":
            extra = len(CAPTION.findall(cell.source)) - (index in captions)
            if extra > 0:
                yield f"{where}: a caption that no figure stands before"
