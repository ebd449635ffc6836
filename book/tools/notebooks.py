"""Read the chapters in the order of the book, and name their cells in messages.

The module is not called ``chapters``: pytest registers the folder of that name as a
package when it loads ``chapters/conftest.py``, and the two would hide each other.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import yaml

ROOT = Path(__file__).resolve().parents[2]
APPENDIX = "A1"  # holds the figure code, which every chapter may use
_NAME = re.compile(r"(\d\d|A\d)_[a-z0-9_]+\.ipynb")
_DIRECTIVE = re.compile(r"#\| (export [a-z_]+|check eq-[a-z0-9-]+)")


class BookError(Exception):
    """Something that the book refuses; the message names the chapter and the cell."""


@dataclass(frozen=True)
class Chapter:
    """One notebook and its place in the book."""

    root: Path
    path: Path
    notebook: Any

    @property
    def file(self) -> str:
        """Path relative to the book, as messages write it."""
        return self.path.relative_to(self.root).as_posix()

    @property
    def number(self) -> str:
        """The number in the file name: ``04``, ``A1``."""
        return self.path.name.split("_")[0]

    @property
    def shown(self) -> str:
        """The number that the page shows: ``4``, ``A1``."""
        return str(int(self.number)) if self.number.isdigit() else self.number

    @property
    def title(self) -> str:
        """The heading of the first cell."""
        first = next(iter(self.notebook.cells), {"cell_type": "", "source": ""})
        heading = re.search(r"^# +(.+?) *$", first["source"], re.MULTILINE)
        if not heading or first["cell_type"] != "markdown":
            raise BookError(
                f"{self.file}, cell 1: must be markdown with the title, `# …`"
            )
        return str(heading[1])

    def where(self, index: int) -> str:
        """Name the cell at `index` (from 0) as messages do, counting from 1."""
        return f"{self.file}, cell {index + 1} ({self.notebook.cells[index].id})"

    def code(self) -> Iterator[tuple[str, Any]]:
        """Code cells, each with its name for messages."""
        for index, cell in enumerate(self.notebook.cells):
            if cell.cell_type == "code":
                yield self.where(index), cell

    def directives(self, kind: str) -> Iterator[tuple[str, Any, str]]:
        """Cells whose first line is ``#| kind argument``: name, cell, argument."""
        for where, cell in self.code():
            word, _, argument = directive(cell.source, where).partition(" ")
            if word == kind:
                yield where, cell, argument


def directive(source: str, where: str) -> str:
    """Return ``export module``, ``check label`` or nothing; refuse a near miss."""
    lines = source.splitlines()
    for number, line in enumerate(lines):
        resembles = re.match(r"\s*#\s*\|", line)
        if resembles and (number or not _DIRECTIVE.fullmatch(line)):
            raise BookError(
                f"{where}: `{line.strip()}` is no directive; the first line may be "
                "`#| export module` or `#| check eq-label`"
            )
    found = lines and _DIRECTIVE.fullmatch(lines[0])
    return found[1] if found else ""


def tags(cell: Any) -> set[str]:
    """Return the tags of a cell."""
    return set(cell.metadata.get("tags", ()))


def chapter_paths(root: Path = ROOT) -> list[Path]:
    """Notebooks in the order of ``_toc.yml``: the teaching and the export order."""

    def entries(node: Any) -> Iterator[str]:
        if isinstance(node, list):
            for item in node:
                yield from entries(item)
        elif isinstance(node, dict):
            if isinstance(node.get("file"), str):
                yield node["file"]
            for value in node.values():
                yield from entries(value)

    found: list[Path] = []
    for entry in entries(yaml.safe_load((root / "_toc.yml").read_text("utf-8"))):
        if entry.startswith("chapters/"):
            path = root / f"{entry}.ipynb"
            if not path.is_file():
                raise BookError(
                    f"{entry}.ipynb: listed in _toc.yml, but there is no such file"
                )
            if not _NAME.fullmatch(path.name):
                raise BookError(f"{entry}.ipynb: must be named like 04_softmax.ipynb")
            if path.name.split("_")[0] in {p.name.split("_")[0] for p in found}:
                raise BookError(f"{entry}.ipynb: its number is already taken")
            found.append(path)
    return found


def read_chapter(path: Path, root: Path = ROOT) -> Chapter:
    """Read one notebook; its cells must have ids, each a different one."""
    file, text = path.relative_to(root).as_posix(), path.read_text("utf-8")
    seen: set[str] = set()
    try:
        for number, cell in enumerate(json.loads(text)["cells"], 1):
            if not cell.get("id"):
                raise BookError(
                    f"{file}, cell {number}: has no id; give it a readable name"
                )
            if cell["id"] in seen:
                raise BookError(
                    f"{file}, cell {number} ({cell['id']}): the id is already taken"
                )
            seen.add(cell["id"])
        notebook = nbformat.reads(text, 4)  # type: ignore[no-untyped-call]
        nbformat.validate(notebook)
    except (ValueError, KeyError, nbformat.ValidationError) as error:
        raise BookError(
            f"{file}: not a notebook ({type(error).__name__}: {error})"
        ) from None
    return Chapter(root, path, notebook)


def read_chapters(root: Path = ROOT, wanted: Sequence[str] = ()) -> list[Chapter]:
    """Read the chapters `wanted` (``04``), or all, in the order of the book."""
    return [read_chapter(path, root) for path in choose(chapter_paths(root), wanted)]


def choose(paths: Iterable[Path], wanted: Sequence[str]) -> list[Path]:
    """Keep the paths of the chapters `wanted`, or all if none is named."""
    paths = list(paths)
    known = [path.name.split("_")[0] for path in paths]
    for number in wanted:
        if number not in known:
            raise BookError(f"no chapter {number!r}; the book has {', '.join(known)}")
    return [
        path for path, n in zip(paths, known, strict=True) if not wanted or n in wanted
    ]


def before(chapters: Sequence[Chapter], number: str) -> list[Chapter]:
    """Return what chapter `number` may build on: those before it, and appendix A1."""
    numbers = [chapter.number for chapter in chapters]
    if number not in numbers:
        raise BookError(f"no chapter {number!r}; the book has {', '.join(numbers)}")
    at = numbers.index(number)
    return [c for i, c in enumerate(chapters) if i < at or c.number == APPENDIX]


def write_text(path: Path, text: str) -> None:
    """Write a whole file or nothing of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        half.write_text(text, "utf-8", newline="\n")
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)
