"""Under an exported cell its names in nnlib; in the API the chapter that has it."""

from __future__ import annotations

import ast
import re
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from bookpage.chapters import chapter_of
from bookpage.notebooks import cells, code_cells, set_code, source_of

DIRECTIVE = re.compile(r"\A#\|\s*export\s+([\w.]+)[ \t]*\n*")
DERIVED = re.compile(r'\s*\bDerived in (?:chapter|appendix) \w+(,\s"[^"]*")?\.')
PACKAGE = "nnlib"


def exported(code: str) -> list[str]:
    r"""Return the public names that a cell defines; a type variable is none.

    >>> exported("_k = 1\nT = TypeVar('T')\nK: int = 2\nclass A(A): ...")
    ['K', 'A']
    """
    found: list[str] = []
    for node in ast.parse(code).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.append(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            made_by = node.value.func if isinstance(node.value, ast.Call) else None
            if isinstance(made_by, ast.Name) and made_by.id == "TypeVar":
                continue
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found += [target.id for target in targets if isinstance(target, ast.Name)]
    return [name for name in found if not name.startswith("_")]


def _badge(module: str, names: list[str], docname: str) -> nodes.paragraph:
    badge = nodes.paragraph("", "→ ", classes=["nn-badge"])
    for i, name in enumerate(names):
        badge += [nodes.Text(", ")] if i else []
        badge += addnodes.pending_xref(
            "",
            nodes.literal("", f"{module}.{name}"),
            refdomain="py",
            reftype="obj",
            reftarget=f"{module}.{name}",
            refdoc=docname,
            refexplicit=True,
            refwarn=True,
        )
    return badge


def _add_badges(app: Sphinx, tree: nodes.document) -> None:
    derived: dict[str, dict[str, str]] = app.env.__dict__.setdefault("nn_derived", {})
    docname = app.env.docname
    derived[docname] = {}
    known = cells(app.env, docname)
    for cell in code_cells(tree):
        source = source_of(cell)
        directive = DIRECTIVE.match(source.astext()) if source is not None else None
        if source is None or directive is None:
            continue
        names = exported(source.astext())
        module = f"{PACKAGE}.{directive[1]}"
        anchor = f"cell-{known[cell['cell_index']][0]}"
        set_code(source, source.astext()[directive.end() :])
        cell["ids"].append(anchor)
        cell["nn_export"] = True
        if names:
            badge = _badge(module, names, docname)
            badge.line = cell.line
            badge.source = cell.source
            cell.insert(cell.index(source.parent) + 1, badge)
        for name in names:
            derived[docname].setdefault(f"{module}.{name}", anchor)


def _link_api(app: Sphinx, tree: nodes.document, docname: str) -> None:
    where = {
        name: (page, anchor)
        for page, names in app.env.__dict__.get("nn_derived", {}).items()
        for name, anchor in names.items()
    }
    for entry in tree.findall(addnodes.desc):
        signature = next(iter(entry.findall(addnodes.desc_signature)), None)
        found = (
            where.get(next(iter(signature["ids"]), ""))
            if signature is not None
            else None
        )
        if found is None:
            continue
        page, anchor = found
        chapter = chapter_of(page)
        title = app.env.titles[page].astext()
        kind = "chapter" if chapter and chapter.isdigit() else "appendix"
        link = nodes.reference("", f"{kind} {chapter}, {title}", internal=True)
        link["refuri"] = f"{app.builder.get_relative_uri(docname, page)}#{anchor}"
        line = nodes.paragraph("", "Derived in ", link, classes=["nn-derived"])
        next(iter(entry.findall(addnodes.desc_content))).append(line)


def _drop_derived(
    _app: Sphinx, _what: str, _name: str, _object: Any, _options: Any, lines: list[str]
) -> None:
    """Drop the docstring's own "Derived in": the page says it with a link."""
    text = DERIVED.sub("", "\n".join(lines))
    # The page counts chapters without the zero of the file's name.
    text = re.sub(r"\bchapter 0(\d)\b", r"chapter \1", text)
    lines[:] = [*text.splitlines(), ""]


def _purge(_app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    env.__dict__.get("nn_derived", {}).pop(docname, None)


def _merge(
    _app: Sphinx, env: BuildEnvironment, docs: set[str], other: BuildEnvironment
) -> None:
    theirs = other.__dict__.get("nn_derived", {})
    env.__dict__.setdefault("nn_derived", {}).update(
        {d: theirs[d] for d in docs if d in theirs}
    )


def _api_pages(_app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Write the API anew with every chapter: its back links may have moved."""
    return sorted(
        {entry.docname for entry in env.get_domain("py").data["objects"].values()}
    )


def setup(app: Sphinx) -> None:
    """Register the two directions."""
    app.connect("doctree-read", _add_badges, priority=430)
    app.connect("doctree-resolved", _link_api)
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-docstring", _drop_derived)
    app.connect("env-purge-doc", _purge)
    app.connect("env-merge-info", _merge)
    app.connect("env-updated", _api_pages)
