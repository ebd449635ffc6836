"""The page's extension on a book of a few cells: what it makes, and what it refuses."""

from __future__ import annotations

import doctest
import importlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(
    f"bookpage.{path.stem}"
    for path in (ROOT / "book/ext/bookpage").glob("*.py")
    if path.stem != "__init__"
)
CONF = """
extensions = ["myst_nb", "sphinx_design", "sphinx.ext.autodoc", "bookpage"]
nb_execution_mode = "off"
nb_merge_streams = True
myst_enable_extensions = ["dollarmath"]
html_math_renderer = "mathsvg"
html_theme = "basic"
numfig = True
exclude_patterns = ["_out"]
formula_macros = {"softmax": r"\\operatorname{softmax}"}
"""
SVG = (
    '<svg class="nn-figure" role="img" aria-label="A line that rises." '
    'width="1292" style="">'
    '<defs><clipPath id="clip"><path d="M0 0"/></clipPath></defs>'
    '<g id="axes_1" clip-path="url(#clip)"/></svg>'
)
EXPLORER = (
    '<div class="nn-explorer" data-start="1"><div class="nn-controls" hidden></div>'
    f'<div class="nn-frame" data-at="0" hidden>{SVG}</div>'
    f'<div class="nn-frame" data-at="1">{SVG}</div></div>'
)


def text(name: str, source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": name, "metadata": {}, "source": source}


def code(
    name: str, source: str, *outputs: dict[str, Any], tag: str = ""
) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "id": name,
        "metadata": {"tags": [tag] if tag else []},
        "execution_count": 1,
        "source": source,
        "outputs": list(outputs),
    }


def printed(line: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": line + "\n"}


def shown(**data: str) -> dict[str, Any]:
    bundle = {
        name.replace("_", "/").replace("XML", "+xml"): x for name, x in data.items()
    }
    return {
        "output_type": "execute_result",
        "execution_count": 1,
        "metadata": {},
        "data": bundle,
    }


TITLE = text(
    "title", "# Why?\n\nBecause of the range of the numbers, see {eq}`eq-one`."
)
RESULT = text("result", "Hence\n\n$$ \\softmax(z) = 1 $$ (eq-one)")
CHECK = code(
    "one-check",
    "#| check eq-one\ncheck(1)",
    printed("eq-one holds; refused: sign, half"),
)
EXPORT = code(
    "one-code",
    "#| export functional\ndef softmax(z):\n    return z",
    tag="hide-input",
)


@dataclass
class Book:
    """A built book: where it stands and what the builder said."""

    folder: Path
    status: int
    said: str

    def page(self, name: str) -> str:
        return (self.folder / "_out" / f"{name}.html").read_text("utf-8")


Build = Callable[..., Book]


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    def run(cells: list[dict[str, Any]], **others: list[dict[str, Any]]) -> Book:
        folder = tmp_path_factory.mktemp("book")
        (folder / "conf.py").write_text(CONF)
        (folder / "chapters").mkdir()
        chapters = {"04_softmax": cells, **{name[1:]: x for name, x in others.items()}}
        listed = "\n".join(f"chapters/{name}" for name in chapters)
        (folder / "index.md").write_text(
            f"# Book\n\n```{{toctree}}\n{listed}\napi\n```\n"
        )
        (folder / "api.md").write_text(
            "# API\n\n```{eval-rst}\n"
            ".. automodule:: nnlib.functional\n   :members:\n```\n"
        )
        for name, own in chapters.items():
            notebook = {"nbformat": 4, "nbformat_minor": 5, "cells": own}
            notebook["metadata"] = {"language_info": {"name": "python"}}
            (folder / "chapters" / f"{name}.ipynb").write_text(json.dumps(notebook))
        (folder / "chapters" / "line.svg").write_text(SVG)
        package = folder / "nnlib"
        package.mkdir()
        (package / "__init__.py").write_text('__version__ = "1.2.3"\n')
        (package / "functional.py").write_text(
            'def softmax(z):\n    """Return it.\n\n'
            '    Derived in chapter 04, "Why?".\n    """\n'
        )
        (package / "plots.py").write_text('PALETTE = {"ink": ("#111111", "#eeeeee")}\n')
        command = [
            sys.executable,
            "-m",
            "sphinx",
            "-q",
            "-j",
            "2",
            "-W",
            "-n",
            "--keep-going",
        ]
        done = subprocess.run(
            [*command, "-b", "html", str(folder), str(folder / "_out")],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": str(ROOT / "book/ext"), "NO_COLOR": "1"},
        )
        return Book(folder, done.returncode, done.stderr)

    return run


@pytest.fixture(scope="module")
def book(build: Build) -> Book:
    """Return a book in which everything is right."""
    chapter = [
        TITLE,
        code("line", "draw()", shown(image_svgXML=SVG), tag="hide-input"),
        text("words", "**Figure 4.1. A line.** What to notice: [it](#figure-4-1)."),
        code("moving", "move()", shown(text_html=EXPLORER, image_svgXML=SVG)),
        RESULT,
        CHECK,
        EXPORT,
        text("exercise", "## Exercises\n\n### Exercise 4.1"),
        code("stub", "f()", {
            "output_type": "error",
            "ename": "ValueError",
            "evalue": "eq. 4.1",
            "traceback": ["---", "Cell In[1], line 1", "ValueError: eq. 4.1"],
        }),
        code("answer", "1 + 1", tag="hide-cell"),
        text("tied", "The $k$-th, ($z$). See $x$ $(64,)$ and $(N, K-1)$ and $(N, K)$:"),
        text("side", "```{margin}\nA side note.\n```"),
        text("guess", "```{dropdown} Guess\nYes.\n```"),
    ]  # fmt: skip
    front = [
        text("front", "# Front matter\n\n$$ a $$ (def-a)"),
        text("stored", "[![A stored line.](line.svg)](04_softmax.ipynb)"),
    ]
    appendix = [text("back", "# Appendix\n\n$$ b $$ (def-b)\n\n{eq}`eq-one`")]
    return build(chapter, _00_front=front, _A1_back=appendix)


def test_the_right_book_builds_without_a_warning(book: Book) -> None:
    assert (book.status, book.said) == (0, "")


def test_numbers_come_from_file_names(book: Book) -> None:
    page = book.page("chapters/04_softmax")
    assert re.search(r'<h1>\s*<span class="section-number">4\. </span>Why', page)
    assert ">(4.1)</a></span>" in page
    front, appendix = book.page("chapters/00_front"), book.page("chapters/A1_back")
    assert "<h1>Front matter" in front
    assert "<h1>Appendix" in appendix
    assert ">(0.1)</a></span>" in front
    assert ">(A1.1)</a></span>" in appendix
    assert re.search(r'href="04_softmax.html#equation-eq-one">\(4\.1\)</a>', appendix)


def test_a_formula_is_svg_with_mathml_and_no_script(book: Book) -> None:
    page = book.page("chapters/04_softmax")
    display = page[page.index('id="equation-eq-one"') :]
    assert re.search(r'<svg [^>]*aria-hidden="true"', display)
    assert "<mi>softmax</mi>" in display
    assert re.search(r'<svg [^>]*width="[\d.]+em"', display)
    assert not re.search(r'<svg [^>]*[\d.]+ex[;"]', page)
    assert not re.search("<script[^>]*mathjax", page, re.I)
    used = set(re.findall(r'<use href="#(mj-[^"]+)"', page))
    assert used
    assert used == set(re.findall(r'<path id="(mj-[^"]+)"', page))


def test_punctuation_stays_with_its_formula(book: Book) -> None:
    page = book.page("chapters/04_softmax")
    tied = re.findall(
        r'<span class="nn-tied">([^<]*)<.*?</math></span></span>([^<]*)</span>', page
    )
    assert tied == [("", "-th,"), ("(", ")."), ("", ":")]


def test_the_shape_of_an_array_is_set_back(book: Book) -> None:
    page = book.page("chapters/04_softmax")
    assert page.count('class="nn-math nn-shape"') == 2


def test_mark_and_strip_point_to_each_other(book: Book) -> None:
    page = book.page("chapters/04_softmax")
    assert (
        '<a class="nn-mark" href="#check-eq-one" '
        'aria-label="Checked: see how eq. 4.1 is tested">✓</a>'
    ) in page
    strip = re.search(r'<details[^>]*id="check-eq-one">(.*?)</details>', page, re.S)
    assert strip
    summary, _, inside = strip[1].partition("</summary>")
    assert 'href="#equation-eq-one">(4.1)</a>' in summary
    assert re.sub("<[^>]+>", "", summary).split() == [
        "✓",
        "(4.1)",
        "holds;",
        "2",
        "wrong",
        "versions",
        "refused",
    ]
    names, _, rest = inside.partition("</p>")
    assert re.sub("<[^>]+>", "", names).strip() == "refused: sign, half"
    assert "check" in rest
    assert "#|" not in re.sub("<[^>]+>", "", page)


def test_export_and_api_point_to_each_other(book: Book) -> None:
    page, api = book.page("chapters/04_softmax"), book.page("api")
    badge = page[page.index('class="nn-badge"') :]
    assert 'href="../api.html#nnlib.functional.softmax"' in badge
    assert 'href="chapters/04_softmax.html#cell-one-code"' in api
    assert 'id="cell-one-code"' in page
    derived = api[api.index('<p class="nn-derived">') :].partition("</p>")[0]
    assert re.sub("<[^>]+>", "", derived) == "Derived in chapter 4, Why?"
    assert api.count("Derived in") == 1
    assert re.search(r'<details class="[^"]*nn-source nn-exported', page)


def test_figures_are_inline_with_ids_of_their_own(book: Book) -> None:
    page = book.page("chapters/04_softmax")
    assert page.count('aria-label="A line that rises."') == 3
    ids = re.findall(r'<clipPath id="([^"]+)"', page)
    assert len(ids) == len(set(ids)) == 3
    assert set(re.findall(r'clip-path="url\(#([^)]+)\)"', page)) == set(ids)
    assert "axes_1" not in page
    assert 'aria-label="A stored line."' in book.page("chapters/00_front")
    assert not list((book.folder / "_out").glob("_images/*"))
    assert page.count("nn-start") == 1
    assert '<div class="nn-frame nn-start" data-at="1">' in page
    assert re.search(r'<p class="nn-caption" id="figure-4-1"><strong>Figure 4.1', page)
    assert '<span class="nn-notice">What to notice:</span> <a' in page
    assert page.count("--nn-text:1;") == 3
    assert 'href="#figure-4-1"' in page
    assert re.search(r'<div class="cell [^"]*nn-wide', page)


def test_what_opens_is_native_and_says_what_is_inside(book: Book) -> None:
    page = book.page("chapters/04_softmax")
    summaries = re.findall(r"<summary>(.*?)</summary>", page, re.S)
    assert summaries[0] == "How this figure is drawn"
    assert "Solution" in summaries
    assert "Guess" in summaries
    assert "Toggle" not in page


def test_a_refusal_shows_its_reason_only(book: Book) -> None:
    html = book.page("chapters/04_softmax")
    assert '<span class="nn-exception">ValueError:</span> eq. 4.1' in html
    page = re.sub("<[^>]+>", "", html)
    assert "Cell In" not in page
    assert page.count("The checker says:") == 1


def test_the_palette_is_written_for_both_themes(book: Book) -> None:
    css = (book.folder / "_out/_static/palette.css").read_text()
    assert ":root{--nn-paper:transparent;--nn-ink:#111111}" in css
    assert "html[data-theme=dark]{--nn-ink:#eeeeee}" in css


LINE = "eq-one holds; refused: sign"
RIGHT = [TITLE, RESULT, CHECK]
BROKEN = {
    "undefined macro": (
        [*RIGHT, text("claim", "Hence $\\undefinedmacro$.")],
        r"cell 4 \(claim\): .*formula refused \(Undefined control sequence",
    ),
    "wrong TeX": (
        [*RIGHT, text("claim", "$$ \\frac{1} $$")],
        r"cell 4 \(claim\): .*formula refused",
    ),
    "missing from nnlib": (
        [*RIGHT, code("own", "#| export functional\ndef sofmax(z): ...")],
        r"cell 4 \(own\): .*nnlib\.functional\.sofmax",
    ),
    "result without a check": (
        [TITLE, RESULT],
        r"cell 2 \(result\): .*eq-one is a result without a check",
    ),
    "check without a stored line": (
        [TITLE, RESULT, code("own", "#| check eq-one\ncheck(1)")],
        r"cell 3 \(own\): .*stored output does not say 'eq-one holds",
    ),
    "check that refuses nothing": (
        [TITLE, RESULT, code("own", "#| check eq-one\n1", printed(LINE[:-4]))],
        r"cell 3 \(own\): .*stored output does not say 'eq-one holds",
    ),
    "check of another equation": (
        [*RIGHT, code("own", "#| check eq-one-b\n1", printed("eq-one-b holds"))],
        r"cell 4 \(own\): .*check of eq-one-b, which no equation",
    ),
    "two checks of one": (
        [*RIGHT, {**CHECK, "id": "again"}],
        r"cell 4 \(again\): .*second check of eq-one",
    ),
    "figure without words": (
        [*RIGHT, code("line", "1", shown(image_svgXML="<svg></svg>"))],
        r"cell 4 \(line\): .*figure without alternative text",
    ),
    "caption of another chapter": (
        [*RIGHT, text("caption", "**Figure 3.1. A line.** Words.")],
        r"cell 4 \(caption\): .*Figure 3\.1, the chapter is \d+",
    ),
    "two figures of one number": (
        [*RIGHT, text("a", "**Figure 0.1. A.**"), text("b", "**Figure 0.1. B.**")],
        r"cell 5 \(b\): .*second Figure 0\.1",
    ),
    "reference to no equation": (
        [*RIGHT, text("see", "See {eq}`eq-nowhere`.")],
        r"cell 4 \(see\): .*eq-nowhere",
    ),
}


@pytest.fixture(scope="module")
def broken(build: Build) -> Book:
    """Return a book of which every chapter has one mistake, and labels of its own."""
    chapters = {}
    for number, (cells, _) in enumerate(BROKEN.values()):
        own = json.dumps(cells).replace("eq-one", f"eq-one{number}")
        own = own.replace("Figure 0", f"Figure {number + 10}")
        chapters[f"_{number + 10}_broken"] = json.loads(own)
    return build([text("title", "# Nothing wrong here")], **chapters)


@pytest.mark.parametrize("mistake", BROKEN)
def test_a_mistake_fails_the_build_and_names_its_cell(
    broken: Book, mistake: str
) -> None:
    number = list(BROKEN).index(mistake)
    said = [x for x in broken.said.splitlines() if f"chapters/{number + 10}_" in x]
    message = BROKEN[mistake][1].replace("eq-one", f"eq-one{number}")
    message = message.replace("Figure 0", f"Figure {number + 10}")
    assert broken.status != 0
    assert len(said) == 1, broken.said
    assert re.match(rf"chapters/{number + 10}_broken\.ipynb, {message}", said[0])


def test_nothing_else_is_complained_about(broken: Book) -> None:
    assert broken.said.count("WARNING") == len(BROKEN), broken.said


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_the_extension(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
