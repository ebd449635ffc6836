"""The README shows a figure of the book as it is, and its examples run."""

import doctest
from pathlib import Path

import nbformat

ROOT = Path(__file__).parents[1]


def test_the_picture_is_a_frame_of_chapter_04():
    picture = (ROOT / "book/_static/readme.svg").read_text(encoding="utf-8").strip()
    notebook = nbformat.read(ROOT / "chapters/04_softmax.ipynb", as_version=4)
    (cell,) = [cell for cell in notebook.cells if cell.id == "shift-figure"]
    assert picture in cell.outputs[0].data["text/html"]


def test_the_examples_run():
    failed, tried = doctest.testfile(str(ROOT / "README.md"), module_relative=False)
    assert tried >= 3
    assert failed == 0
