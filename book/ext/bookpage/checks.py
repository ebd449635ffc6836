"""A mark at each checked equation, and the check itself as a strip that opens.

A cell ``#| check eq-LABEL`` printed ``eq-LABEL holds; refused: name, name``. The strip
says so in one line; the names, the code and what else it printed are inside.
"""

from __future__ import annotations

import re

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

from bookpage.chapters import chapter_of
from bookpage.folds import fold, make
from bookpage.notebooks import code_cells, output_of, set_code, source_of, warn

DIRECTIVE = re.compile(r"\A#\|\s*check\s+(\S+)[ \t]*\n*")


def _equation(label: str, docname: str) -> addnodes.pending_xref:
    return addnodes.pending_xref(
        "",
        nodes.inline("", label),
        refdomain="math",
        reftype="eq",
        reftarget=label,
        refdoc=docname,
        refexplicit=False,
        refwarn=True,
    )


def _strip(source: nodes.literal_block, label: str, twins: str, docname: str) -> fold:
    count = len(twins.split(", "))
    versions = "wrong version" if count == 1 else "wrong versions"
    summary: list[nodes.Node] = [
        nodes.inline("", "✓", classes=["nn-tick"]),
        nodes.Text(" "),
        _equation(label, docname),
        nodes.Text(f" holds; {count} {versions} refused"),
    ]
    names = nodes.paragraph("", "", classes=["nn-twins"])
    names += [
        nodes.inline("", "refused", classes=["nn-refused"]),
        nodes.Text(f": {twins}"),
    ]
    strip = make("check", summary, names, source.parent)
    strip["ids"].append(f"check-{label}")
    return strip


def _make_checks(app: Sphinx, tree: nodes.document) -> None:
    docname = app.env.docname
    displays = tree.findall(nodes.math_block)
    equations = {node["label"]: node for node in displays if node.get("label")}
    checked: set[str] = set()
    for cell in code_cells(tree):
        source, output = source_of(cell), output_of(cell)
        directive = DIRECTIVE.match(source.astext()) if source is not None else None
        if source is None or directive is None:
            continue
        label = directive[1]
        printed = output.astext().strip() if output is not None else ""
        line = re.search(rf"^{re.escape(label)} holds; refused: (\S.*)$", printed, re.M)
        if label not in equations:
            warn(cell, f"a check of {label}, which no equation of this page is called")
        elif label in checked:
            warn(cell, f"a second check of {label}")
        elif line is None:
            warn(cell, f"the stored output does not say '{label} holds; refused: …'")
        else:
            set_code(source, source.astext()[directive.end() :])
            rest = [output] if printed != line[0] else []  # what else the check printed
            cell.clear()
            cell += _strip(source, label, line[1], docname)
            cell.children[0].extend(rest)
            equations[label]["check"] = f"check-{label}"
        checked.add(label)
    for label, equation in equations.items():
        if label.startswith("eq-") and label not in checked and chapter_of(docname):
            warn(equation, f"{label} is a result without a check on this page")


def setup(app: Sphinx) -> None:
    """Register after the figures, before the folds."""
    app.connect("doctree-read", _make_checks, priority=420)
