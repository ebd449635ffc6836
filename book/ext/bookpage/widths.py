"""A figure that is wider than the text column may use the margin beside it."""

from __future__ import annotations

import re

from docutils import nodes
from sphinx.application import Sphinx

from bookpage.figures import COLUMN, picture
from bookpage.notebooks import code_cells

UNITS = {"": 1.0, "px": 1.0, "pt": 4 / 3, "in": 96.0}


def width(svg: str) -> float:
    """Return the width of an SVG in px; 0 where it has none.

    >>> width('<svg width="468pt">')
    624.0
    """
    found = re.search(r'<svg[^>]*\swidth="([\d.]+)([a-z]*)"', svg)
    return float(found[1]) * UNITS.get(found[2], 0.0) if found else 0.0


def _mark(_app: Sphinx, tree: nodes.document) -> None:
    for cell in code_cells(tree):
        figures = [width(figure["markup"]) for figure in cell.findall(picture)]
        if max(figures, default=0.0) > COLUMN:
            cell["classes"].append("nn-wide")


def setup(app: Sphinx) -> None:
    """Register after the figures, before cells are folded."""
    app.connect("doctree-read", _mark, priority=405)
