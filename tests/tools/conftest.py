"""Small books, made in a temporary folder."""

from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml
from notebooks import ROOT, Chapter, read_chapters


def md(name: str, source: str) -> Any:
    return nbformat.v4.new_markdown_cell(source, id=name)


def code(name: str, source: str, *tags: str) -> Any:
    metadata = {"tags": list(tags)} if tags else {}
    return nbformat.v4.new_code_cell(source, id=name, metadata=metadata)


class Book:
    """A book whose chapters are added in the order of its table of contents."""

    md = staticmethod(md)
    code = staticmethod(code)

    def __init__(self, root: Path) -> None:
        self.root = root
        self.names: list[str] = []
        for name in ("__init__.py", "py.typed"):
            self.write(f"nnlib/{name}", "")
        self.write("pyproject.toml", (ROOT / "pyproject.toml").read_text("utf-8"))

    def write(self, path: str, text: str) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
        return file

    def add(self, name: str, *cells: Any) -> Path:
        """Add a chapter; a title is put first if there is none."""
        if not cells or cells[0].cell_type != "markdown":
            cells = (md("title", f"# What is {name}?"), *cells)
        notebook = nbformat.v4.new_notebook(cells=list(cells))
        if name not in self.names:
            self.names.append(name)
        entries = [{"file": f"chapters/{n}"} for n in self.names]
        toc = {"format": "jb-book", "root": "index", "chapters": entries}
        self.write("_toc.yml", yaml.safe_dump(toc))
        return self.write(f"chapters/{name}.ipynb", nbformat.writes(notebook) + "\n")

    def export(self, name: str, *sources: str, module: str = "functional") -> Path:
        """Add a chapter of exported cells, ``cell-1``, ``cell-2``, …"""
        cells = [
            code(f"cell-{i}", f"#| export {module}\n{source}")
            for i, source in enumerate(sources, 1)
        ]
        return self.add(name, *cells)

    def chapters(self, *wanted: str) -> list[Chapter]:
        return read_chapters(self.root, wanted)


@pytest.fixture
def book(tmp_path: Path) -> Book:
    return Book(tmp_path)


@pytest.fixture(scope="module")
def shared_book(tmp_path_factory: pytest.TempPathFactory) -> Book:
    return Book(tmp_path_factory.mktemp("book"))
