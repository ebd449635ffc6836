"""The order of the chapters, and what a message calls a cell."""

import json
from typing import Any

import pytest
from notebooks import BookError, before, directive, read_chapters, write_text


def test_order_is_that_of_the_table_of_contents(book: Any) -> None:
    for name in ("04_softmax", "00_verify", "A1_figures"):
        book.add(name)
    chapters = book.chapters()
    assert [c.number for c in chapters] == ["04", "00", "A1"]
    assert [c.shown for c in chapters] == ["4", "0", "A1"]
    assert [c.number for c in before(chapters, "00")] == ["04", "A1"]
    assert [c.number for c in before(chapters, "04")] == ["A1"]
    assert [c.number for c in before(chapters, "A1")] == ["04", "00", "A1"]
    assert [c.number for c in book.chapters("00")] == ["00"]


def test_message_names_chapter_and_cell(book: Any) -> None:
    book.add("04_softmax", book.md("top", "# Why?"), book.code("shift-check", "1"))
    assert (
        book.chapters()[0].where(1) == "chapters/04_softmax.ipynb, cell 2 (shift-check)"
    )
    assert book.chapters()[0].title == "Why?"


def test_unknown_number(book: Any) -> None:
    book.add("04_softmax")
    with pytest.raises(BookError, match="no chapter '05'; the book has 04"):
        book.chapters("05")
    with pytest.raises(BookError, match="no chapter '05'"):
        before(book.chapters(), "05")


def test_missing_and_misnamed_files(book: Any) -> None:
    path = book.add("04_softmax")
    path.unlink()
    with pytest.raises(
        BookError, match=r"chapters/04_softmax\.ipynb: listed in _toc.yml"
    ):
        book.chapters()
    book.add("softmax")
    book.names.remove("04_softmax")
    book.add("softmax")
    with pytest.raises(BookError, match="must be named like"):
        book.chapters()


def test_number_taken_twice(book: Any) -> None:
    book.add("04_softmax")
    book.add("04_hardmax")
    with pytest.raises(
        BookError, match=r"04_hardmax\.ipynb: its number is already taken"
    ):
        book.chapters()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda cells: cells[1].pop("id"), "cell 2: has no id"),
        (
            lambda cells: cells[1].update(id="title"),
            r"cell 2 \(title\): the id is already",
        ),
        (lambda cells: cells[1].pop("source"), "not a notebook"),
    ],
)
def test_ids(book: Any, change: Any, message: str) -> None:
    path = book.add("04_softmax", book.code("one", "1"))
    raw = json.loads(path.read_text("utf-8"))
    change(raw["cells"])
    path.write_text(json.dumps(raw), "utf-8")
    with pytest.raises(BookError, match=r"chapters/04_softmax\.ipynb.*" + message):
        read_chapters(book.root)


@pytest.mark.parametrize(
    "source",
    [
        "#|export functional",
        "# | export x",
        "#| exports x",
        "x = 1\n#| export y",
        "#| check x",
    ],
)
def test_near_miss_of_a_directive_is_refused(source: str) -> None:
    with pytest.raises(BookError, match=r"here: .* is no directive"):
        directive(source, "here")


def test_directives() -> None:
    assert directive("#| export functional\nx = 1", "here") == "export functional"
    assert directive("#| check eq-shift\n", "here") == "check eq-shift"
    assert directive("# plain", "here") == ""


def test_whole_file_or_nothing(tmp_path: Any) -> None:
    path = tmp_path / "file"
    path.write_text("old", "utf-8")
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "half \udc00")
    assert path.read_text("utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]
