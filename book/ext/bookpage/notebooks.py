"""Where a node of the document tree comes from, in the author's words."""

from __future__ import annotations

import json
import logging as pylogging
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

log = logging.getLogger(__name__)


@lru_cache(maxsize=256)
def _cells(path: str, _mtime: float) -> tuple[tuple[str, str], ...]:
    cells = json.loads(Path(path).read_text("utf-8"))["cells"]
    return tuple((cell.get("id", ""), "".join(cell["source"])) for cell in cells)


def cells(env: BuildEnvironment, docname: str) -> tuple[tuple[str, str], ...]:
    """Return the (id, source) of every cell; nothing for a page that is no notebook."""
    path = Path(env.doc2path(docname))
    return _cells(str(path), path.stat().st_mtime) if path.suffix == ".ipynb" else ()


def code_cells(tree: nodes.Element) -> Iterator[nodes.container]:
    """Yield the code cells of a page."""
    for node in list(tree.findall(nodes.container)):
        if node.get("nb_element") == "cell_code":
            yield node


def source_of(cell: nodes.container) -> nodes.literal_block | None:
    """Return the block that shows the cell's code."""
    for part in cell.children:
        if part.get("nb_element") == "cell_code_source":
            return next(iter(part.findall(nodes.literal_block)), None)
    return None


def output_of(cell: nodes.container) -> nodes.container | None:
    """Return the container of the cell's outputs."""
    for part in cell.children:
        if part.get("nb_element") == "cell_code_output":
            return part
    return None


def set_code(block: nodes.literal_block, code: str) -> None:
    """Replace what a block shows, and so what is highlighted and copied."""
    block.rawsource = code
    block.clear()
    block += nodes.Text(code)


class Locate(pylogging.Filter):
    """Say where a warning arose: chapter, cell, the cell's name."""

    def __init__(self, app: Sphinx) -> None:
        super().__init__()
        self.app = app

    def filter(self, record: pylogging.LogRecord) -> bool:
        """Rewrite MyST-NB's locations: the lines of cell i count from 10,000 i."""
        found = re.fullmatch(r"(.*\.ipynb):(\d+)", str(getattr(record, "location", "")))
        if found:
            docname = self.app.env.path2doc(found[1])
            known = cells(self.app.env, docname) if docname else ()
            number = int(found[2]) // 10_000
            if 0 < number <= len(known):
                record.location = (
                    f"{docname}.ipynb, cell {number} ({known[number - 1][0]})"
                )
        return True


def warn(node: nodes.Node, message: str) -> None:
    """Warn about a node; under ``-W`` the build fails."""
    log.warning(message, location=node)


def setup(app: Sphinx) -> None:
    """Let every warning of the build pass by `Locate`."""
    for handler in pylogging.getLogger(logging.NAMESPACE).handlers:
        handler.addFilter(Locate(app))
