"""Each checker passes right answers and refuses wrong ones, with the reason.

The answers stand in tests/exercises: WRONG holds the name of a checker, an answer and
the reason that it must give; RIGHT, a name and an answer; NUMBERS, a chapter, a label
and the number under which messages name that equation.
"""

import re
import runpy
from pathlib import Path

import nbformat
import pytest

from nnlib import exercises

HERE = Path(__file__).parent
CHAPTERS = HERE.parent / "chapters"
ANSWERS = [runpy.run_path(str(path)) for path in sorted(HERE.glob("exercises/*.py"))]
WRONG, RIGHT, NUMBERS = (
    [row for answers in ANSWERS for row in answers[name]]
    for name in ("WRONG", "RIGHT", "NUMBERS")
)


def ask(name, answer):
    getattr(exercises, f"check_{name}")(*getattr(answer, "given", (answer,)))


@pytest.mark.parametrize(("name", "answer", "reason"), WRONG)
def test_wrong_answers_are_refused_with_the_reason(name, answer, reason):
    with pytest.raises(AssertionError, match=reason):
        ask(name, answer)


@pytest.mark.parametrize(("name", "answer"), RIGHT)
def test_right_answers_pass(name, answer):
    ask(name, answer)


def test_every_checker_is_tested():
    tested = {f"check_{name}" for name, *_ in WRONG} & {
        f"check_{name}" for name, _ in RIGHT
    }
    assert set(exercises.__all__) == tested
    for checker in exercises.__all__:
        assert sum(f"check_{name}" == checker for name, *_ in WRONG) >= 3


@pytest.mark.parametrize(("chapter", "label", "number"), NUMBERS)
def test_the_equation_numbers_in_messages_are_those_of_the_page(chapter, label, number):
    notebook = nbformat.read(CHAPTERS / f"{chapter}.ipynb", as_version=4)
    text = "\n".join(
        cell.source for cell in notebook.cells if cell.cell_type == "markdown"
    )
    labels = re.findall(r"^\$\$ \(((?:eq|def)-[a-z0-9-]+)\)", text, flags=re.MULTILINE)
    assert labels.index(label) + 1 == number
