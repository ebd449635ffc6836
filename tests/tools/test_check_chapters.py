"""What the checker counts, and everything that it refuses, by chapter and cell."""

from collections.abc import Callable
from typing import Any

import nbformat
import pytest
from check_chapters import main
from equations import prose
from execute import dumps, fingerprint

ALT = "A straight line that rises from left to right."
SVG = f'<svg class="nn-figure" role="img" aria-label="{ALT}"><g>%s</g></svg>'
EXPLORER = (
    '<div class="nn-explorer" data-start="1">\n<div class="nn-controls" hidden><label>'
    '<span>shift</span><input type="range" min="0" max="2" value="1"></label></div>\n'
    + "\n".join(
        f'<div class="nn-frame" data-at="{at}"{hidden}>{SVG % at}</div>'
        for at, hidden in enumerate((" hidden", "", " hidden"))
    )
    + "\n</div>"
)
RADIO = '<input type="radio" name="a" value="0"><input type="radio" name="a" value="1">'
STEP = "$$\ny = \\frac{1}{2}\n$$\n"


def stream(text: str, name: str = "stdout") -> Any:
    return nbformat.v4.new_output("stream", name=name, text=text)


def result(**data: str) -> Any:
    kinds = {
        "svg": "image/svg+xml",
        "html": "text/html",
        "plain": "text/plain",
        "png": "image/png",
    }
    data = {kinds[k]: v for k, v in data.items()}
    return nbformat.v4.new_output("execute_result", data=data, execution_count=1)


def error(evalue: str = "not yet") -> Any:
    return nbformat.v4.new_output(
        "error", ename="NotImplementedError", evalue=evalue, traceback=[]
    )


class Draft:
    """A chapter that passes, to be spoilt by a test."""

    def __init__(self, book: Any) -> None:
        md, code = book.md, book.code
        self.book = book
        self.derive = (
            '"04":\n  eq-shift: softmax does not change\n"05":\n  eq-later: not yet\n'
        )
        self.name = "04_softmax"
        self.cells = [
            md(
                "title",
                "# Why does softmax overflow?\n\nBecause exp does. `$$` is a mark.",
            ),
            code("setup", "import numpy as np", "remove-cell"),
            md("shift", f"$$ a = b $$ (eq-shift)\n\n{STEP}\n$$\nc := d\n$$ (def-c)"),
            code(
                "shift-check", '#| check eq-shift\ncheck("eq-shift", test, a, wrong={})'
            ),
            code("line", "Figure(fig)", "hide-input"),
            md("line-caption", "**Figure 4.1. A line.** What to notice: it rises."),
            code("slider", "Explorer(draw)"),
            md(
                "slider-caption",
                "**Figure 4.2. Three lines.** What to notice: they differ.",
            ),
            code(
                "softmax", '#| export functional\n"""Functions."""\ndef softmax(z): ...'
            ),
            code("ratio", "assert r > 5\nprint(r)", "nbval-ignore-output"),
            md("exercise-one", "## Exercise 4.1\n\n```python\n# no title\n$$\n```"),
            code("stub", "check_it(f)", "raises-exception"),
            md("exercises", "## Exercise 4.2\n\n## Exercise 4.3"),
        ]
        self["shift-check"].outputs = [
            stream("eq-shift holds; refused: sign, no max\n")
        ]
        self["line"].outputs = [result(svg=SVG % "1", plain="Figure: a line")]
        self["slider"].outputs = [
            result(html=EXPLORER, svg=SVG % "1", plain="Explorer")
        ]
        self["ratio"].outputs = [stream("7.3 ms\n")]
        self["stub"].outputs = [error()]

    def __getitem__(self, name: str) -> Any:
        return next(cell for cell in self.cells if cell.id == name)

    def execute(self) -> None:
        code = [cell for cell in self.cells if cell.cell_type == "code"]
        for count, cell in enumerate(code, 1):
            cell.execution_count = count
            cell.metadata["executed"] = fingerprint(cell.source)

    def text(self, old: str, new: str, cell: str) -> None:
        """Replace text in the source of a cell, as an author would."""
        assert old in self[cell].source
        self[cell].source = self[cell].source.replace(old, new)

    def html(self, old: str, new: str) -> None:
        """Replace text in the explorer, once."""
        data = self["slider"].outputs[0].data
        assert old in data["text/html"]
        data["text/html"] = data["text/html"].replace(old, new, 1)

    def add(self, before: str, cell: Any) -> None:
        self.cells.insert(self.cells.index(self[before]), cell)

    def save(self) -> None:
        path = self.book.add(self.name, *self.cells)
        path.write_text(dumps(nbformat.v4.new_notebook(cells=self.cells)), "utf-8")
        self.book.write("book/derive.yml", self.derive)


@pytest.fixture
def draft(book: Any) -> Draft:
    return Draft(book)


def test_counts(draft: Draft, capsys: Any) -> None:
    draft.execute()
    draft.save()
    assert main([], draft.book.root) == 0
    out = capsys.readouterr().out
    assert out == (
        "04_softmax: 1 result checked, 2 wrong twins refused, 1 definition, "
        "1 step unlabelled, "
        "1 figure, 1 explorer (3 frames), 1 export, 3 exercises\n"
        "Displays without a label:\n"
        "  chapters/04_softmax.ipynb, cell 3 (shift): y = \\frac{1}{2}\n"
    )


def drop(cell: str) -> Callable[[Draft], None]:
    return lambda d: d.cells.remove(d[cell])


def put(cell: str, *outputs: Any) -> Callable[[Draft], None]:
    return lambda d: setattr(d[cell], "outputs", list(outputs))


def edit(cell: str, old: str, new: str) -> Callable[[Draft], None]:
    return lambda d: d.text(old, new, cell)


def tag(cell: str, *names: str) -> Callable[[Draft], None]:
    return lambda d: d[cell].metadata.update(tags=list(names))


def html(old: str, new: str) -> Callable[[Draft], None]:
    return lambda d: d.html(old, new)


def rename(cell: str, name: str) -> Callable[[Draft], None]:
    return lambda d: setattr(d[cell], "id", name)


def line(svg: str) -> Callable[[Draft], None]:
    return put("line", result(svg=svg, plain="Figure: a line"))


def says(text: str) -> Callable[[Draft], None]:
    return put("setup", stream(text + "\n"))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        # results and their checks
        (drop("shift-check"), "cell 3 (shift): the result eq-shift has no check"),
        (
            edit("shift", "eq-shift", "eq-other"),
            "cell 4 (shift-check): checks eq-shift, but no",
        ),
        (
            edit("shift", "eq-shift", "shift"),
            "cell 3 (shift): the label shift must begin eq-",
        ),
        (edit("shift", "def-c", "eq-shift"), "cell 3 (shift): eq-shift is already in"),
        (edit("shift", "(def-c)", "$$"), "cell 3 (shift): a $$ is not closed"),
        (edit("shift", "a = b", "\\begin{align}a\\end{align}"), "lines in aligned"),
        (
            edit("shift-check", '("eq-shift', '("eq-other'),
            "does not call check('eq-shift'",
        ),
        (put("shift-check"), "cell 4 (shift-check): the output must say once"),
        (
            put("shift-check", stream("eq-shift holds; refused: \n")),
            "refused no wrong twin",
        ),
        (
            put("shift-check", error()),
            "cell 4 (shift-check): stored NotImplementedError",
        ),
        (tag("shift-check", "remove-cell"), "cell 4 (shift-check): a check is shown"),
        (
            tag("shift-check", "nbval-ignore-output"),
            "cell 4 (shift-check): a check is shown",
        ),
        (
            edit("shift-check", "#| check", "#|check"),
            "cell 4 (shift-check): `#|check eq-shift`",
        ),
        (
            lambda d: d.add("line", d.book.code("again", d["shift-check"].source)),
            "cell 5 (again): eq-shift is already checked in chapters/04_softmax.ipynb",
        ),
        (
            lambda d: setattr(d, "derive", '"04":\n  eq-bound: max <= lse\n'),
            "04_softmax.ipynb: no equation eq-bound, as derive.yml asks",
        ),
        # figures
        (line(SVG.replace(ALT, "") % 1), "cell 5 (line): the figure has no alt text"),
        (
            line(SVG.replace("aria-label", "x") % 1),
            "cell 5 (line): the figure has no alt text",
        ),
        (
            line(SVG.replace(ALT, "A line.") % 1),
            "alt text of fewer than 20 characters: 'A line.'",
        ),
        (
            line(SVG.replace(ALT, "chapters/figures/line_04.svg") % 1),
            "a file's name as alt text",
        ),
        (
            line(SVG.replace('role="img"', "") % 1),
            "cell 5 (line): the figure's <svg> has no role",
        ),
        (
            put("line", result(png="iVBO", plain="")),
            "cell 5 (line): shows an image/png output",
        ),
        (put("line", result(html="<img src='x'>")), "cell 5 (line): shows an <img>"),
        (
            edit("title", "Because", "![](x.svg)"),
            "cell 1 (title): the picture has no alt text",
        ),
        (
            drop("line-caption"),
            "cell 5 (line): the next cell must begin `**Figure 4.1.",
        ),
        (
            edit("slider-caption", "4.2", "4.3"),
            "(slider-caption): Figure 4.3 must be Figure 4.2",
        ),
        (edit("slider-caption", "4.2", "04.2"), "Figure 04.2 must be Figure 4.2"),
        (
            edit("exercises", "## Exercise 4.2", "**Figure 4.3. x.**"),
            "a caption that no figure",
        ),
        (
            lambda d: d["line"].outputs.append(d["line"].outputs[0]),
            "cell 5 (line): shows 2 figures; a cell shows one",
        ),
        # explorers
        (
            html("<g>2</g>", "<g>0</g>"),
            "cell 7 (slider): the frames at 0 and 2 are equal",
        ),
        (
            html('data-start="1"', 'data-start="7"'),
            "cell 7 (slider): the start frame 7 is not",
        ),
        (
            html('data-at="0" hidden', 'data-at="0"'),
            "only the start frame 1 may be visible",
        ),
        (
            html('<input type="range" min="0" max="2" value="1">', RADIO),
            "have 2 positions",
        ),
        (html('max="2"', 'max="3"'), "cell 7 (slider): the controls have 4 positions"),
        (html('data-at="0"', 'data-at="2"'), "two frames have one place"),
        (
            html(f'aria-label="{ALT}"', 'aria-label=""'),
            "cell 7 (slider): the figure has no alt",
        ),
        # outputs that cannot stand
        (
            put("setup", stream("careful\n", "stderr")),
            "cell 2 (setup): writes to stderr: careful",
        ),
        (
            put("stub"),
            "cell 12 (stub): is tagged raises-exception, but stored no error",
        ),
        (says("see /home/me/x"), "cell 2 (setup): the output holds a path: /home/"),
        (
            says("<f at 0x7f12>"),
            "cell 2 (setup): the output holds a memory address: at 0x7f12",
        ),
        (says("0x7f3a12345678"), "the output holds a memory address: 0x7f3a12345678"),
        (says("on 2026-01-31"), "cell 2 (setup): the output holds a date: 2026-01-31"),
        (says("at 12:30:01"), "cell 2 (setup): the output holds a time: 12:30:01"),
        (says("took 7.3 ms"), "cell 2 (setup): the output holds a time: 7.3 ms"),
        (says("True"), "cell 2 (setup): a bare True"),
        (put("setup", result(plain="np.False_")), "cell 2 (setup): a bare np.False_"),
        (
            put("stub", error("in /tmp/x")),
            "cell 12 (stub): the output holds a path: /tmp/",
        ),
        (
            edit("ratio", "assert r > 5\n", ""),
            "cell 10 (ratio): its output is not compared",
        ),
        (
            edit("setup", "import", "# NBVAL_SKIP\nimport"),
            "cell 2 (setup): use the tag",
        ),
        (tag("setup", "nbval-skip"), "cell 2 (setup): the tag nbval-skip"),
        (tag("setup", "skip-execution"), "cell 2 (setup): the tag skip-execution"),
        # cells
        (rename("setup", "1a2b3c4d"), "cell 2 (1a2b3c4d): the id is a random one"),
        (
            rename("setup", "1a2b3c4d-0000-4000-8000-0123456789ab"),
            "the id is a random one",
        ),
        (
            drop("title"),
            "cell 1 (setup): the first cell must be markdown with the title",
        ),
        (
            edit("title", "# Why", "## Why"),
            "cell 1 (title): the title, `# …`, stands once",
        ),
        (
            edit("exercises", "## Exercise 4.3", "# Again"),
            "cell 13 (exercises): the title",
        ),
        (
            edit("softmax", "def", "print(1)\ndef x(:"),
            "cell 9 (softmax): is not plain Python",
        ),
        # exercises
        (edit("exercises", "4.3", "4.4"), "cell 13 (exercises): Exercise 4.4 must be"),
        (edit("exercises", "## Exercise 4.3", ""), "has 2 exercises, and needs 3"),
        (drop("stub"), "04_softmax.ipynb: no exercise refuses a stub"),
    ],
)
def test_refusals(draft: Draft, spoil: Any, message: str, capsys: Any) -> None:
    spoil(draft)
    draft.execute()
    draft.save()
    assert main([], draft.book.root) == 1
    err = capsys.readouterr().err
    assert message in err
    assert all("chapters/04_softmax.ipynb" in row for row in err.splitlines()[:-1])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda d: d["line"].update(source="Figure(other)"),
            "was changed after it was executed",
        ),
        (lambda d: d["line"].update(execution_count=None), "was never executed"),
        (
            lambda d: d["line"].update(execution_count=9),
            "was executed as number 9, not 3",
        ),
        (
            lambda d: d["line"].metadata.pop("executed"),
            "was not executed by `make execute`",
        ),
    ],
)
def test_a_cell_changed_and_not_executed(
    draft: Draft, spoil: Any, message: str, capsys: Any
) -> None:
    draft.execute()
    spoil(draft)
    draft.save()
    assert main(["04"], draft.book.root) == 1
    assert (
        f"chapters/04_softmax.ipynb, cell 5 (line): {message}"
        in capsys.readouterr().err
    )


def test_not_as_the_executor_writes_it(draft: Draft, capsys: Any) -> None:
    draft.execute()
    draft.save()
    path = draft.book.root / "chapters/04_softmax.ipynb"
    notebook = nbformat.read(path, 4)
    notebook.cells[1].metadata["execution"] = {"iopub.status.busy": "now"}
    nbformat.write(notebook, path)
    assert main([], draft.book.root) == 1
    assert "04_softmax.ipynb: not as the executor writes it" in capsys.readouterr().err


def test_front_matter_and_appendix_need_fewer_exercises(
    draft: Draft, capsys: Any
) -> None:
    for name in ("exercise-one", "exercises", "stub", "line", "slider"):
        draft.cells.remove(draft[name])
    for name in ("line-caption", "slider-caption"):
        draft.cells.remove(draft[name])
    draft.execute()
    draft.name = "A1_figures"
    draft.save()
    assert main(["A1"], draft.book.root) == 0
    draft.name = "00_verify"
    draft.save()
    assert main(["00"], draft.book.root) == 1
    assert "00_verify.ipynb: has 0 exercises, and needs 1" in capsys.readouterr().err


def test_label_of_another_chapter_and_stray_notebook(draft: Draft, capsys: Any) -> None:
    draft.execute()
    draft.save()
    draft.derive = "{}"
    draft.name = "A1_figures"
    for name in ("line", "line-caption", "slider", "slider-caption"):
        draft.cells.remove(draft[name])
    draft.execute()
    draft.save()
    draft.book.write("chapters/old.ipynb", "{}")
    assert main([], draft.book.root) == 1
    err = capsys.readouterr().err
    assert (
        "A1_figures.ipynb, cell 3 (shift): eq-shift is already in chapters/04_softmax"
        in err
    )
    assert "chapters/old.ipynb: is not in _toc.yml" in err


def test_prose_keeps_directives_and_drops_code() -> None:
    source = "````{note}\n$$a$$\n```python\n$$b$$\n```\n$$c$$\n````\n`$$d$$`\n"
    source += ":::{tip}\n$$e$$\n:::\n```{code-block} python\n$$f$$\n```\n$$g$$"
    text = prose(source)
    assert [letter for letter in "abcdefg" if f"$${letter}$$" in text] == list("aceg")
