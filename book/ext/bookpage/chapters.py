"""A chapter's number is in its file's name: ``04_softmax.ipynb`` is chapter 4."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment


def chapter_of(docname: str) -> str | None:
    """Return the number that a page shows, or None for a page that is no chapter.

    >>> chapter_of("chapters/04_softmax"), chapter_of("chapters/00_verify")
    ('4', '0')
    >>> chapter_of("chapters/A1_figures"), chapter_of("book/notation")
    ('A1', None)
    """
    found = re.match(r"chapters/(\d\d|A\d+)_", docname)
    return found and (str(int(found[1])) if found[1].isdigit() else found[1])


def _assign_numbers(_app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Put numbers by file name in place of Sphinx's, which go by order."""
    equations: dict[str, dict[str, tuple[Any, ...]]] = {}
    for label, (docname, number) in env.get_domain("math").data["objects"].items():
        name = nodes.make_id(f"equation-{label}")
        equations.setdefault(docname, {})[name] = (chapter_of(docname) or "", number)
    for docname in env.found_docs:
        chapter = chapter_of(docname)
        if chapter is None:
            continue
        env.toc_fignumbers.setdefault(docname, {})["displaymath"] = equations.get(
            docname, {}
        )
        if (
            chapter.isdigit() and chapter != "0"
        ):  # front matter and appendices: no number shown
            sections = list(env.tocs[docname].findall(nodes.reference))
            env.toc_secnumbers[docname] = {s["anchorname"]: () for s in sections}
            env.toc_secnumbers[docname][""] = (int(chapter),)
            sections[0]["secnumber"] = env.titles[docname]["secnumber"] = [int(chapter)]
    return []


def setup(app: Sphinx) -> None:
    """Register after Sphinx's own collector (priority 500)."""
    app.connect("env-get-updated", _assign_numbers, priority=900)
