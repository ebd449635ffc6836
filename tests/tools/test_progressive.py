"""A chapter runs on what the chapters before it export, and is refused more."""

from typing import Any

from progressive import main

HEAD = '#| export functional\n"""Functions."""\n'
F = HEAD + 'def f(x):\n    """Return x."""\n    return x'
G = '#| export functional\ndef g(x):\n    """Return x."""\n    return x'
PLOTS = '#| export plots\n"""Figures."""\n#: Size.\nSIZE = 1'


def test_what_a_later_chapter_exports(book: Any, capsys: Any) -> None:
    code = book.code
    book.add("03_a", code("f", F), code("size", "from nnlib.plots import SIZE"))
    book.add("05_c", code("too-soon", "from nnlib.functional import f, g"))
    book.add("06_d", code("g", G))
    book.add("A1_figures", code("plots", PLOTS), code("all", "import nnlib.functional"))
    assert main(["03", "05", "A1"], book.root) == 1
    printed = capsys.readouterr()
    for name in ("03_a", "A1_figures"):
        assert f"chapters/{name}.ipynb: runs on what comes before it" in printed.out
    place = "chapters/05_c.ipynb, cell 2 (too-soon)"
    assert f"{place}: ImportError: cannot import name 'g'" in printed.err
    assert "Only what the chapters before 05 export, and appendix A1" in printed.err


def test_proof_that_no_other_package_was_used(book: Any, capsys: Any) -> None:
    aside = "import sys\nsys.path.insert(0, '..')\nimport nnlib"
    book.add("03_a", book.code("aside", aside))
    assert main(["03"], book.root) == 1
    assert (
        "(progressive-proof): ImportError: nnlib comes from" in capsys.readouterr().err
    )


def test_a_chapter_that_cannot_be_exported(book: Any, capsys: Any) -> None:
    book.add("03_a", book.code("f", F + "\nf(1)"))
    book.add("04_b", book.code("one", "1"))
    assert main(["04"], book.root) == 1
    assert (
        "chapters/03_a.ipynb, cell 2 (f): `f(1)` cannot be" in capsys.readouterr().err
    )
