"""Figures stand in the page itself, so that the theme's colours reach them."""

from __future__ import annotations

import re
from html import escape
from itertools import count
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.writers.html5 import HTML5Translator

from bookpage.chapters import chapter_of
from bookpage.notebooks import code_cells, output_of, warn

EXPLORER = '<div class="nn-explorer"'
NOTICE = "What to notice:"
COLUMN = 646  # px, book.css's --column
CAPTION = re.compile(r"Figure ((?:\d+|A\d+)\.(\d+))\.")


class picture(nodes.General, nodes.Element):  # noqa: N801
    """Markup for the page as it is; search does not read the numbers on axes."""


def prefix_ids(svg: str, prefix: str) -> str:
    """Give the ids that an SVG refers to a prefix of their own, and drop the others.

    >>> prefix_ids('<svg id="a"><path id="b"/><use href="#b"/></svg>', "f1-")
    '<svg><path id="f1-b"/><use href="#f1-b"/></svg>'
    """
    used = set(re.findall(r'href="#([^"]+)"', svg)) | set(
        re.findall(r"url\(#([^)]+)\)", svg)
    )
    used |= {
        name
        for names in re.findall(r'aria-[a-z]+by="([^"]+)"', svg)
        for name in names.split()
    }
    svg = re.sub(
        r' id="([^"]*)"', lambda m: f' id="{prefix}{m[1]}"' if m[1] in used else "", svg
    )
    svg = re.sub(r'href="#', f'href="#{prefix}', svg)
    svg = re.sub(r"url\(#", f"url(#{prefix}", svg)
    return re.sub(
        r'(aria-[a-z]+by)="([^"]+)"',
        lambda m: m[1] + '="' + " ".join(prefix + name for name in m[2].split()) + '"',
        svg,
    )


def inline_svg(svg: str, prefix: str) -> str:
    """Return an SVG as it stands inside HTML, with ids of its own."""
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r' xmlns(?::xlink)?="[^"]*"', "", svg).replace("xlink:href=", "href=")
    return prefix_ids(scalable(svg), prefix)


def scalable(svg: str) -> str:
    """Let a figure fill the column without its words growing with it.

    book.css scales a text about its own middle or end; a transform would be in the way.

    >>> scalable('<svg class="nn-figure" width="520" style=""><text>a</text></svg>')
    '<svg class="nn-figure" width="520" style="--nn-text:0.805;"><text>a</text></svg>'
    >>> scalable('<text x="1" transform="rotate(-90 1 2)">a</text>')
    '<g transform="rotate(-90 1 2)"><text x="1">a</text></g>'
    """
    svg = re.sub(
        r'(<text[^>]*?) transform="([^"]*)"([^>]*>.*?</text>)',
        lambda m: (
            m[1] + m[3]
            if re.match(r"rotate\(-?0 ", m[2])
            else f'<g transform="{m[2]}">{m[1]}{m[3]}</g>'
        ),
        svg,
        flags=re.S,
    )
    return re.sub(
        r'(<svg class="nn-figure"[^>]* width="([\d.]+)"[^>]* style=")',
        lambda m: f"{m[1]}--nn-text:{min(1.0, float(m[2]) / COLUMN):.3g};",
        svg,
    )


def play(html: str, prefix: str) -> str:
    """Return an explorer's markup: ids unique by frame, the start frame marked."""
    frame = count()
    html = re.sub(
        r"<svg.*?</svg>",
        lambda m: inline_svg(m[0], f"{prefix}{next(frame)}-"),
        html,
        flags=re.S,
    )
    start = re.search(r'data-start="([^"]*)"', html)
    at = f'data-at="{start[1] if start else ""}"'
    return html.replace(f'class="nn-frame" {at}', f'class="nn-frame nn-start" {at}', 1)


def _inline_outputs(app: Sphinx, tree: nodes.document) -> None:
    """Put the SVG and the explorers that a notebook stored into the page."""
    figure = count()
    for cell in code_cells(tree):
        output = output_of(cell)
        if output is None:
            continue
        for part in list(output.findall(nodes.container)):
            mime = part.get("mime_type")
            image = next(iter(part.findall(nodes.image)), None)
            raw = next(iter(part.findall(nodes.raw)), None)
            if mime == "image/svg+xml" and image is not None:
                # MyST-NB wrote the SVG to a file and says where, from the sources.
                file = Path(app.srcdir) / image["uri"].lstrip("/")
                markup = inline_svg(file.read_text("utf-8"), f"f{next(figure)}-")
            elif mime == "text/html" and raw is not None and EXPLORER in raw.astext():
                markup = play(raw.astext(), f"f{next(figure)}-")
            else:
                continue
            if re.search(r'<svg\b(?![^>]*aria-label="[^"])', markup):
                warn(cell, "figure without alternative text")
            part.clear()
            part += picture(markup=markup)
            output["nn_figure"] = True


def _inline_images(app: Sphinx, tree: nodes.document) -> None:
    """Do the same with a stored figure that a text shows."""
    for number, image in enumerate(list(tree.findall(nodes.image))):
        relative, name = app.env.relfn2path(image["uri"], app.env.docname)
        file = Path(name)
        svg = (
            file.read_text("utf-8") if file.suffix == ".svg" and file.is_file() else ""
        )
        if 'class="nn-figure"' not in svg:
            continue
        app.env.note_dependency(relative)
        before, _, after = inline_svg(svg, f"i{number}-").partition(' aria-label="')
        label = f' aria-label="{escape(image.get("alt", ""))}"'
        markup = before + label + after.partition('"')[2]
        link = image.parent
        if isinstance(link, nodes.reference):  # Sphinx wants an image in a bare link
            around = nodes.inline()
            link.replace_self(around)
            around += link
        image.replace_self(picture(markup=markup))


def _mark_captions(app: Sphinx, tree: nodes.document) -> None:
    """Make captions of the paragraphs that begin with a bold ``Figure N.k.``."""
    chapter = chapter_of(app.env.docname)
    for paragraph in list(tree.findall(nodes.paragraph)):
        first = next((part for part in paragraph.children if part.astext()), None)
        found = (
            CAPTION.match(first.astext()) if isinstance(first, nodes.strong) else None
        )
        if not found:
            continue
        paragraph["classes"].append("nn-caption")
        _mark_notice(paragraph)
        name = f"figure-{found[1].replace('.', '-').lower()}"
        if name in tree.ids:
            warn(paragraph, f"a second Figure {found[1]}")
        if chapter and found[1] != f"{chapter}.{found[2]}":
            message = f"the caption says Figure {found[1]}, the chapter is {chapter}"
            warn(paragraph, message)
        paragraph["ids"].append(name)
        tree.ids[name] = paragraph
        labels = app.env.get_domain("std").data
        labels["anonlabels"][name] = app.env.docname, name
        labels["labels"][name] = app.env.docname, name, f"Figure {found[1]}"
        before = paragraph.parent.index(paragraph) - 1
        cell = paragraph.parent[before] if before >= 0 else None
        output = output_of(cell) if isinstance(cell, nodes.container) else None
        if cell is not None and output is not None and output.get("nn_figure"):
            paragraph.parent.remove(paragraph)  # the caption belongs to its figure
            cell.insert(cell.index(output) + 1, paragraph)


def _mark_notice(caption: nodes.paragraph) -> None:
    """Set apart the words that say where to look."""
    for text in list(caption.findall(nodes.Text)):
        before, found, after = text.partition(NOTICE)
        if found:
            parts = [nodes.Text(before)] if before else []
            parts.append(nodes.inline("", NOTICE, classes=["nn-notice"]))
            text.parent.replace(text, [*parts, nodes.Text(after)])


def _visit_picture(self: HTML5Translator, node: picture) -> None:
    self.body.append(node["markup"] + "\n")
    raise nodes.SkipNode


def has_explorer(env: BuildEnvironment, docname: str) -> bool:
    """Say whether a page has something to play."""
    return any(
        EXPLORER in p["markup"] for p in env.get_doctree(docname).findall(picture)
    )


def setup(app: Sphinx) -> None:
    """Register before the collector that copies image files (priority 500)."""
    app.add_node(picture, html=(_visit_picture, None))
    app.connect("doctree-read", _inline_outputs, priority=400)
    app.connect("doctree-read", _inline_images, priority=401)
    app.connect("doctree-read", _mark_captions, priority=402)
