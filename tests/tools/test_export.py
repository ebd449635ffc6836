"""What the exporter writes, and what it refuses."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from assemble import NOTE
from export import build, main, write_before
from notebooks import ROOT, BookError

HEAD = '"""Functions of arrays."""\n'
F = 'def f(x):\n    """Return x."""\n    return x\n'
CLASS = '''class Dense:
    """A dense layer."""

    def __init__(self):
        self.w = 1

    def forward(self, x):
        """Return the output."""
        return self.w * x
'''


def text(book: Any, module: str = "functional") -> str:
    return build(book.chapters())[module].text


def test_a_module(book: Any) -> None:
    book.export(
        "04_softmax",
        HEAD + "import numpy as np  # for exp\n\n#: The limit.\nLIMIT = 88.7\n" + F,
        "import numpy as np\nfrom nnlib.functional import f\nfrom math import pi, e\n\n"
        "# A comment.\ndef g(x):\n"
        '    r"""Return $\\alpha x$.\n\n    More of it.\n\n'
        "    Parameters\n    ----------\n    x : float\n"
        '    """\n    return np.exp(f(x)) * pi * e  # kept\n# last words',
        "@staticmethod\ndef _hidden():\n    return 2",
    )
    assert text(book) == (
        '"""Functions of arrays."""\n\n'
        f"{NOTE}\n\n"
        "from math import e, pi\n\n"
        "import numpy as np  # for exp\n\n"
        '__all__ = ["LIMIT", "f", "g"]\n\n'
        '#: The limit.\n#: Derived in chapter 04, "What is 04_softmax?".\n'
        "LIMIT = 88.7\n\n\n"
        "def f(x):\n"
        '    """Return x.\n\n'
        '    Derived in chapter 04, "What is 04_softmax?".\n    """\n'
        "    return x\n\n\n"
        "# A comment.\ndef g(x):\n"
        '    r"""Return $\\alpha x$.\n\n    More of it.\n\n'
        '    Derived in chapter 04, "What is 04_softmax?".\n\n'
        '    Parameters\n    ----------\n    x : float\n    """\n'
        "    return np.exp(f(x)) * pi * e  # kept\n\n\n"
        "# last words\n\n\n"
        "@staticmethod\ndef _hidden():\n    return 2\n"
    )


def test_reopened_class_is_folded(book: Any) -> None:
    book.export("02_dense", '"""Layers."""\n' + CLASS, module="layers")
    book.export(
        "07_backward",
        "# its other half\nclass Dense(Dense):\n    @property\n    def back(self):\n"
        '        """Return the gradient."""\n        return 1\n\n'
        "    @back.setter\n    def back(self, g):\n        self.g = g",
        'def h(x):\n    """Return h."""\n    return x',
        module="layers",
    )
    layers = text(book, "layers")
    assert layers.count("class Dense") == 1
    assert 'class Dense:\n    """A dense layer.\n\n    Derived in chapter 02' in layers
    assert '"""Return the gradient.\n\n        Derived in chapter 07' in layers
    assert layers.index("return self.w * x") < layers.index("# its other half")
    assert layers.index("def back(self, g)") < layers.index("def h")
    space: dict[str, Any] = {}
    exec(layers, space)
    assert space["Dense"]().back == 1


def test_typing_imports_stay_out_of_the_run(book: Any) -> None:
    book.export(
        "04_softmax",
        HEAD + "from __future__ import annotations\nfrom typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from decimal import Decimal\n"
        + F.replace("(x)", "(x: Decimal)"),
    )
    assert "\nif TYPE_CHECKING:\n    from decimal import Decimal\n" in text(book)


def test_name_of_the_same_chapter_is_imported_from_the_lower_module(book: Any) -> None:
    book.add(
        "05_loss",
        book.code("f", f"#| export functional\n{HEAD}{F}"),
        book.code(
            "loss",
            '#| export losses\n"""Losses."""\n'
            'def loss(x):\n    """Return it."""\n    return f(x)',
        ),
    )
    assert "from nnlib.functional import f\n" in text(book, "losses")


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("%matplotlib inline", "is not plain Python"),
        ("!ls", "is not plain Python"),
        ("", "exports nothing"),
        ("from .layers import x", "write `from nnlib.module import name`"),
        ("import nnlib", "write `from nnlib.module import name`"),
        ("from nnlib import functional", "write `from nnlib.module import name`"),
        ("from nnlib.functional import f as g", "f of functional keeps its name"),
        ("from nnlib.layers import Dense", "functional may not import from layers"),
        (
            "def _g():\n    from nnlib.models import x",
            "functional may not import from models",
        ),
        (
            "from nnlib.verify import check\nprint(1)",
            r"`print\(1\)` cannot be exported",
        ),
        ("from nnlib.verify import check", "no chapter exports nnlib.verify.check"),
        (
            "from nnlib.functional import nope",
            "no chapter exports nnlib.functional.nope",
        ),
        ("f(1)", r"`f\(1\)` cannot be exported"),
        ("for i in []:\n    pass", "cannot be exported"),
        ("if TYPE_CHECKING:\n    x = 1", "may hold imports and nothing else"),
        ("f.x = 1", "assign to names only"),
        ("__all__ = []", "assign to names only"),
        ("_a = 1; _b = 2", "holds two statements"),
        (
            F,
            r"f is already exported to functional by chapters/03_a\.ipynb, cell 2",
        ),
        ("_hidden = 1\n_hidden = 2", "_hidden is already exported"),
        ("def g():\n    return 1", "g is public and has no docstring"),
        (
            'class G:\n    """G."""\n    def m(self):\n        return 1',
            "m is public and has no",
        ),
        ("G = 1", "G needs a comment `#: …`"),
        ("def g():\n    'Return 1.'\n    return 1", "must stand alone between"),
        ("def _g():\n    return np.exp(1)", "Undefined name `np`"),
        ("import numpy as np", "imported but unused"),
        (
            "class Z(Z):\n    _a = 1",
            "class Z is re-opened, but functional does not define it",
        ),
        (
            "class _C(_C):\n    def m(self):\n        return 2",
            "_C.m is already defined by",
        ),
        (
            "class _C(_C):\n    def n(self):\n        super().n()",
            r"super\(\) in the re-opened",
        ),
        ("class _C(_C, int):\n    _a = 1", "re-open it with the plain line"),
        ("class _C(_C): _a = 1", "re-open it with the plain line"),
        ("class _C(_C):\n    'Again.'", "may add methods and attributes only"),
    ],
)
def test_refusals(book: Any, cell: str, message: str) -> None:
    first = HEAD + F + "class _C:\n    def m(self):\n        return 1\n"
    book.export("03_a", first)
    book.export("04_b", cell)
    with pytest.raises(
        BookError, match=r"^chapters/04_b\.ipynb, cell 2 \(cell-1\): .*" + message
    ):
        build(book.chapters())


def test_unknown_module_and_missing_docstring(book: Any) -> None:
    book.export("04_b", F, module="funktional")
    with pytest.raises(
        BookError, match=r"cell 2 \(cell-1\): no module 'funktional'; there"
    ):
        build(book.chapters())
    book.export("04_b", F)
    with pytest.raises(
        BookError, match=r"cell 2 \(cell-1\): the first cell of functional must"
    ):
        build(book.chapters())


def test_check_names_symbol_chapter_and_cell(book: Any, capsys: Any) -> None:
    book.export("04_b", HEAD + F, 'def g():\n    """Return 1."""\n    return 1')
    assert main([], book.root) == 0
    assert main(["--check"], book.root) == 0
    assert "in step" in capsys.readouterr().out

    path = book.root / "nnlib/functional.py"
    good = path.read_text("utf-8")
    path.write_text(good.replace("return 1", "return 2"), "utf-8")
    assert main(["--check"], book.root) == 1
    out = capsys.readouterr().out
    assert "functional.py: g differs from chapters/04_b.ipynb, cell 3 (cell-2)" in out
    assert "f differs" not in out
    assert "-    return 2\n+    return 1" in out

    path.write_text(good + "\n\ndef h(): ...\n", "utf-8")
    assert main(["--check"], book.root) == 1
    assert "functional.py: h is in no chapter" in capsys.readouterr().out

    path.write_text(good.replace("# Written", "# Not written"), "utf-8")
    assert main(["--check"], book.root) == 1
    assert "its imports or comments differ" in capsys.readouterr().out

    path.unlink()
    assert main(["--check"], book.root) == 1
    assert (
        "f is missing; it is in chapters/04_b.ipynb, cell 2" in capsys.readouterr().out
    )


def test_files_that_no_chapter_produces(book: Any, capsys: Any) -> None:
    book.export("04_b", HEAD + F)
    assert main([], book.root) == 0
    path = book.root / "nnlib/functional.py"
    left = book.write("nnlib/losses.py", path.read_text("utf-8"))
    assert main(["--check"], book.root) == 1
    assert "nnlib/losses.py: no chapter produces it" in capsys.readouterr().out
    assert main([], book.root) == 0
    assert not left.exists()

    mine = book.write("nnlib/sub/mine.py", "x = 1\n")
    before = path.stat().st_mtime_ns
    assert main([], book.root) == 1
    assert (
        "nnlib/sub/mine.py: no chapter produces it; move it" in capsys.readouterr().err
    )
    assert mine.exists()
    assert path.stat().st_mtime_ns == before


def test_nothing_is_written_when_a_cell_is_refused(book: Any, capsys: Any) -> None:
    book.export("03_a", HEAD + F)
    book.export("04_b", "print(1)", module="functional")
    assert main([], book.root) == 1
    assert "04_b.ipynb, cell 2 (cell-1)" in capsys.readouterr().err
    assert not (book.root / "nnlib/functional.py").exists()


def test_before(book: Any, tmp_path: Path) -> None:
    book.export("03_a", HEAD + F)
    book.export("04_b", 'def g():\n    """Return 1."""\n    return 1')
    book.export("A1_figures", '"""Figures."""\n#: Size.\nSIZE = 1', module="plots")
    to = tmp_path / "partial"
    assert main(["--before", "04", "--to", str(to)], book.root) == 0
    names = {p.name for p in (to / "nnlib").iterdir()}
    assert names == {"__init__.py", "py.typed", "functional.py", "plots.py"}
    assert "def g" not in (to / "nnlib/functional.py").read_text("utf-8")
    with pytest.raises(BookError, match="already there"):
        write_before(book.chapters(), "04", to)
    with pytest.raises(BookError, match="no chapter '07'"):
        write_before(book.chapters(), "07", tmp_path / "other")


def test_result_is_clean_under_the_repository_settings(book: Any) -> None:
    book.export("04_b", HEAD + F + '\n\n#: One.\nONE = 1\n\nclass A:\n    """A."""\n')
    main([], book.root)
    file = str(book.root / "nnlib/functional.py")
    config = f"--config={ROOT}/pyproject.toml"
    for command in (["check", "--no-cache"], ["format", "--check", "--no-cache"]):
        run = subprocess.run(
            [sys.executable, "-m", "ruff", *command, config, file], check=False
        )
        assert run.returncode == 0


def test_the_figures_come_first(book: Any) -> None:
    """A chapter may add to what the appendix begins, though it stands before it."""
    book.export(
        "10_step_size", "def f(x):\n    return x\n".replace("f(", "_f("), module="plots"
    )
    book.export(
        "A1_figures",
        '"""Figures."""\n\nWIDTH = 5\n'.replace("WIDTH", "_WIDTH"),
        module="plots",
    )
    assert text(book, "plots").index("_WIDTH") < text(book, "plots").index("def _f")
