"""What the template needs beside the text, and the palette's style sheet."""

from __future__ import annotations

import html
import importlib
import re
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.parsers.rst.directives.body import Sidebar
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from bookpage.chapters import chapter_of
from bookpage.exports import PACKAGE
from bookpage.figures import has_explorer

NAMES = {"genindex": "Index", "search": "Search"}  # pages without a source


class Margin(SphinxDirective, Sidebar):
    """A note beside the text: shapes, definitions, asides."""

    required_arguments = 0
    optional_arguments = 1
    option_spec: ClassVar[dict[str, Any]] = {"class": directives.class_option}

    def run(self) -> list[nodes.Node]:
        """Return a sidebar of the class ``nn-margin``."""
        if not self.arguments:
            self.arguments = [""]
        (note,) = super().run()
        if not note[0].astext():
            note.pop(0)
        note["classes"] = ["nn-margin", *self.options.get("class", [])]
        return [note]


def describe(tree: nodes.document | None, title: str, book: str) -> str:
    """Return the first real paragraph, after the title if that asks something."""
    for paragraph in tree.findall(nodes.paragraph) if tree else ():
        text = " ".join(paragraph.astext().split())
        if isinstance(paragraph.parent, nodes.section) and len(text) >= 30:
            text = f"{title} {text}" if title.endswith("?") else text
            return text if len(text) <= 155 else f"{text[:155].rpartition(' ')[0]} …"
    return f"{title}: a page of the book {book}."


def palette_css(palette: dict[str, tuple[str, str]]) -> str:
    """Return the roles of the palette as CSS variables; paper is always light.

    >>> print(palette_css({"ink": ("#111", "#eee")}))
    :root{--nn-paper:transparent;--nn-ink:#111}
    @media screen{html[data-theme=dark]{--nn-ink:#eee}}
    @media screen and (prefers-color-scheme:dark){html:not([data-theme]){--nn-ink:#eee}}
    """
    light, dark = (
        ";".join(f"--nn-{role}:{pair[i]}" for role, pair in palette.items())
        for i in (0, 1)
    )
    return (
        f":root{{--nn-paper:transparent;{light}}}\n"
        f"@media screen{{html[data-theme=dark]{{{dark}}}}}\n"
        "@media screen and (prefers-color-scheme:dark)"
        f"{{html:not([data-theme]){{{dark}}}}}"
    )


def contents(tree: str, sections: str) -> str:
    """Put a page's own sections under its line in the table of contents."""
    here = re.search(r'<a class="current [^>]* href="#">.*?</a>', tree, re.S)
    inner = re.search(r"<ul>.*?(<ul>.*</ul>).*</ul>", sections, re.S)
    if here is None or inner is None:
        return tree
    return tree[: here.end()] + inner[1] + tree[here.end() :]


def _context(
    app: Sphinx,
    page: str,
    _template: str,
    context: dict[str, Any],
    tree: nodes.document | None,
) -> None:
    title = html.unescape(re.sub("<[^>]+>", "", context.get("title") or ""))
    title = title.removeprefix(f"{chapter_of(page)}. ") or NAMES.get(page, page)
    links = context["toctree"](collapse=True, titles_only=True, includehidden=True)
    # Sphinx calls captions headings, without the level that a heading must have.
    caption = '<p class="caption" role="heading">'
    links = links.replace(caption, '<p class="caption">')
    context |= {
        "body": (context.get("body") or "").replace(caption, '<p class="caption">'),
        "contents": contents(links, context.get("toc") or ""),
        "description": describe(tree, title, app.config.html_title),
        "notebook": chapter_of(page) and context.get("sourcename"),
        "explorer": tree is not None and has_explorer(app.env, page),
        "nnlib_version": importlib.import_module(PACKAGE).__version__,
    }


def _write_palette(app: Sphinx, error: Exception | None) -> None:
    if error is None and app.builder.format == "html":
        palette = importlib.import_module(f"{PACKAGE}.plots").PALETTE
        target = Path(app.outdir) / "_static" / "palette.css"
        target.write_text(palette_css(palette) + "\n", "utf-8")


def setup(app: Sphinx) -> None:
    """Register the margin notes and the context."""
    app.add_directive("margin", Margin)
    app.connect("html-page-context", _context)
    app.connect("build-finished", _write_palette)
    # Jupyter Book passes these on for extensions that this book does not load.
    app.add_config_value("comments_config", {}, "html")
