"""The same bytes when nothing changed; a failing cell is named, its file untouched."""

import json
from typing import Any

import nbformat
import pytest
from execute import execute, main, merged
from notebooks import BookError

CHECK = """
def check(label, test, right, wrong):
    test(right)
    for name, twin in wrong.items():
        try:
            test(twin)
        except AssertionError:
            continue
        raise AssertionError(f"{label}: the wrong twin {name!r} passed")
    print(f"{label} holds; refused: {', '.join(wrong)}")
"""
NOISY = """
import os, sys, uuid
from IPython.display import display
print("one", flush=True)
print("two")
view = {"application/vnd.jupyter.widget-view+json": {"model_id": uuid.uuid4().hex}}
display({"text/plain": "a picture"} | view, raw=True)
print("three")
os.path.basename(os.getcwd())
"""


@pytest.fixture(scope="module")
def executed(shared_book: Any) -> dict[str, Any]:
    """A chapter executed twice: the bytes, and the notebook."""
    code = shared_book.code
    path = shared_book.add(
        "00_verify",
        shared_book.md("title", "# How?"),
        code("noisy", NOISY),
        code(
            "measured",
            "import time\nassert time.time_ns()\nprint(time.time_ns())",
            "nbval-ignore-output",
        ),
        code(
            "stub",
            "def deep():\n    raise ValueError('two\\nlines')\ndeep()",
            "raises-exception",
        ),
        code("setting", "print(os.environ['OMP_NUM_THREADS'], hash('a') == hash('a'))"),
        code(
            "where",
            "import nnlib\nprint(os.path.relpath(nnlib.__file__))",
        ),
    )
    raw = json.loads(path.read_text("utf-8"))
    raw["metadata"] = {
        "widgets": {"state": 1},
        "language_info": {"name": "x", "version": "2.7"},
    }
    raw["cells"][1]["metadata"] = {"execution": {"iopub.status.busy": "now"}}
    path.write_text(json.dumps(raw), "utf-8")
    first = execute(shared_book.chapters()[0]), path.read_bytes()
    second = execute(shared_book.chapters()[0]), path.read_bytes()
    return {"first": first, "second": second, "cells": nbformat.read(path, 4)}


def test_executing_twice_gives_the_same_bytes(executed: dict[str, Any]) -> None:
    assert executed["first"][0] is True
    assert executed["second"][0] is False
    assert executed["first"][1] == executed["second"][1]
    assert executed["first"][1].endswith(b"}\n")


def test_stored_form(executed: dict[str, Any]) -> None:
    notebook = executed["cells"]
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert "version" not in notebook.metadata.language_info
    code = notebook.cells[1:]
    assert [cell.execution_count for cell in code] == [1, 2, 3, 4, 5]
    assert all(set(cell.metadata) <= {"executed", "tags"} for cell in code)
    streams = [output.get("text", output.get("data")) for output in code[0].outputs]
    assert streams == [
        "one\ntwo\n",
        {"text/plain": "a picture"},
        "three\n",
        {"text/plain": "'chapters'"},
    ]
    assert code[2].outputs[0].traceback == ["ValueError: two\nlines"]
    assert code[3].outputs[0].text == "1 True\n"
    assert code[4].outputs[0].text == "../nnlib/__init__.py\n"


def failing(
    book: Any, *sources: str, tags: tuple[str, ...] = (), timeout: float = 60
) -> str:
    """Execute a chapter whose last cell fails; return the message."""
    cells = [book.code(f"cell-{i}", source) for i, source in enumerate(sources, 1)]
    cells[-1].metadata["tags"] = list(tags)
    path = book.add("04_softmax", *cells)
    before = path.read_bytes()
    with pytest.raises(BookError) as caught:
        execute(book.chapters("04")[0], timeout)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir() if p.name.startswith(".")] == []
    return str(caught.value)


def test_wrong_twin_that_passes(book: Any) -> None:
    call = 'check("eq-shift", lambda f: None, max, wrong={"no max": min})'
    twin = f"#| check eq-shift\n{call}"
    message = failing(book, CHECK, twin)
    assert message.startswith(
        "chapters/04_softmax.ipynb, cell 3 (cell-2): AssertionError: eq-shift: "
        "the wrong twin 'no max' passed\n"
    )
    assert "\x1b" not in message


@pytest.mark.parametrize(
    ("source", "tags", "message"),
    [
        (
            "1 + 1",
            ("raises-exception",),
            "is tagged raises-exception, but raised nothing",
        ),
        ("import warnings\nwarnings.warn('careful')", (), "UserWarning: careful"),
        ("import time\ntime.sleep(20)", (), "took more than 1 s"),
        (" ", (), "the cell is empty"),
        ("import os\nos._exit(1)", (), "the kernel died"),
    ],
)
def test_refusals(book: Any, source: str, tags: tuple[str, ...], message: str) -> None:
    timeout = 1 if "sleep" in source else 60
    text = failing(book, source, tags=tags, timeout=timeout)
    assert text.startswith(f"chapters/04_softmax.ipynb, cell 2 (cell-1): {message}")


def test_command(book: Any, capsys: Any) -> None:
    book.add("04_softmax", book.code("good", "print(1)"))
    book.add("05_loss", book.code("bad", "1 / 0"))
    assert main(["04"], book.root) == 0
    assert "chapters/04_softmax.ipynb: written" in capsys.readouterr().out
    assert main(["05"], book.root) == 1
    assert "05_loss.ipynb, cell 2 (bad): ZeroDivisionError" in capsys.readouterr().err
    assert main(["06"], book.root) == 1
    assert "no chapter '06'" in capsys.readouterr().err


def test_only_neighbours_of_one_stream_are_joined() -> None:
    def out(name: str, text: str) -> Any:
        return nbformat.v4.new_output("stream", name=name, text=text)

    joined = merged(
        [out("stdout", "a"), out("stdout", "b"), out("stderr", "c"), out("stdout", "d")]
    )
    assert [output.text for output in joined] == ["ab", "c", "d"]
