"""A cell that is shown being refused says why, not where in the library."""

from __future__ import annotations

import re

from docutils import nodes
from sphinx.application import Sphinx

from bookpage.notebooks import code_cells, output_of


def reason(traceback: str) -> str:
    r"""Return the exception's own words, which end a traceback.

    >>> reason("Cell In[1], line 1\n----> 1 f(0)\nValueError: x\nand y")
    'ValueError: x\nand y'
    """
    lines = traceback.rstrip().splitlines()
    for start in range(len(lines) - 1, -1, -1):
        if re.match(r"\w+(\.\w+)*(Error|Exception|Warning|Exit)\b", lines[start]):
            return "\n".join(lines[start:])
    return traceback


def _in_exercise(node: nodes.Node | None) -> bool:
    while node is not None and not isinstance(node, nodes.section):
        node = node.parent
    if node is None:
        return False
    return node[0].astext().startswith("Exercise") or _in_exercise(node.parent)


def _shorten(_app: Sphinx, tree: nodes.document) -> None:
    for cell in code_cells(tree):
        output = output_of(cell)
        for block in (
            list(output.findall(nodes.literal_block)) if output is not None else ()
        ):
            if block.get("language") != "ipythontb":
                continue
            said = reason(block.astext())
            name = re.match(r"[\w.]+:", said)
            end = name.end() if name else 0
            block.clear()
            block.rawsource = ""  # so that Sphinx keeps the parts, unhighlighted
            block += nodes.inline("", said[:end], classes=["nn-exception"])
            block += nodes.Text(said[end:])
            block["classes"].append("nn-refusal")
            if _in_exercise(cell):
                label = nodes.paragraph("", "The checker says:", classes=["nn-says"])
                block.parent.insert(block.parent.index(block), label)


def setup(app: Sphinx) -> None:
    """Register."""
    app.connect("doctree-read", _shorten, priority=410)
