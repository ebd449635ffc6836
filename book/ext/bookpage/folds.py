"""What opens and closes is a native ``<details>``: solutions, drawing code, checks."""

from __future__ import annotations

import re

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

from bookpage.notebooks import code_cells, output_of, source_of


class fold(nodes.General, nodes.Element):  # noqa: N801
    """A ``<details>`` whose first child is its summary."""


class fold_summary(nodes.General, nodes.TextElement):  # noqa: N801
    """The line that opens a fold."""


def make(kind: str, summary: list[nodes.Node], *body: nodes.Node) -> fold:
    """Return a fold of the class ``nn-KIND``."""
    return fold(
        "", fold_summary("", "", *summary), *body, classes=["nn-fold", f"nn-{kind}"]
    )


def _fold_cells(_app: Sphinx, tree: nodes.document) -> None:
    """Fold what the tags hide-input, hide-output and hide-cell name."""
    for cell in code_cells(tree):
        mode, cell["hide_mode"] = (
            cell.get("hide_mode"),
            None,
        )  # MyST-NB's own toggles stay away
        source, output = source_of(cell), output_of(cell)
        own = cell.get("cell_metadata", {}).get("mystnb", {}).get("code_prompt_show")
        if mode == "all":
            parts = cell.children
            cell.clear()
            cell += make("solution", [nodes.Text(own or "Solution")], *parts)
        elif mode == "input" and source is not None:
            drawn = output is not None and output.get("nn_figure")
            hidden = source.parent
            text = own or ("How this figure is drawn" if drawn else "The code")
            # A figure is looked at first; how it was made stands under it.
            at = len(cell) - 1 if drawn else cell.index(hidden)
            cell.remove(hidden)
            folded = make("source", [nodes.Text(text)], hidden)
            if cell.get("nn_export"):  # the text leads up to this code, on paper too
                folded["classes"].append("nn-exported")
            cell.insert(at, folded)


def _fold_dropdowns(_app: Sphinx, tree: nodes.document) -> None:
    """Turn sphinx-design's dropdowns into folds, so that all look and work alike."""
    for box in list(tree.findall(nodes.container)):
        if box.get("design_component") != "dropdown":
            continue
        titled = box["has_title"]
        title = box[0].children if titled else [nodes.Text("More")]
        text = "".join(part.astext() for part in title)
        kind = "solution" if re.match(r"solution|answer", text, re.I) else "aside"
        folded = make(kind, list(title), *box.children[titled:])
        folded["ids"] = box["ids"] + (box[0]["ids"] if titled else [])
        folded["open"] = box["opened"]
        box.replace_self(folded)


def _visit_fold(self: HTML5Translator, node: fold) -> None:
    attributes = {"open": "open"} if node.get("open") else {}
    self.body.append(self.starttag(node, "details", **attributes))


def _depart_fold(self: HTML5Translator, _node: fold) -> None:
    self.body.append("</details>\n")


def _visit_summary(self: HTML5Translator, node: fold_summary) -> None:
    self.body.append(self.starttag(node, "summary", ""))


def _depart_summary(self: HTML5Translator, _node: fold_summary) -> None:
    self.body.append("</summary>\n")


def setup(app: Sphinx) -> None:
    """Register; folds are made after figures and checks have had their cells."""
    app.add_node(fold, html=(_visit_fold, _depart_fold))
    app.add_node(fold_summary, html=(_visit_summary, _depart_summary))
    app.connect("doctree-read", _fold_cells, priority=450)
    app.connect("doctree-read", _fold_dropdowns, priority=451)
