"""What nbval compares, by ``nbval.cfg``, and where, by ``chapters/conftest.py``."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from execute import execute
from notebooks import ROOT

FIGURE = """
import os, uuid
from IPython.display import display
svg = f'<svg class="nn-figure"><g>{uuid.uuid4()}</g></svg>'
prolog = '<?xml version="1.0"?>\\n'
display({"image/svg+xml": prolog + svg, "text/plain": "Figure"}, raw=True)
"""
EXPLORER = """
frames = "".join(f'<div class="nn-frame" data-at="{i}">{svg}</div>' for i in range(2))
bundle = {"text/html": f'<div class="nn-explorer" data-start="0">{frames}</div>'}
view = {"application/vnd.jupyter.widget-view+json": {"model_id": "live"}}
display(bundle | view, raw=True)
"""
#: What is changed in the stored outputs of each cell, and whether nbval must refuse it.
CHANGES = {
    "figure": ("<g>", "<g>another drawing", False),
    "explorer": ('data-at="1"', 'data-at="2"', True),
    "number": ("1.25", "1.26", True),
    "stub": ("rows sum to 1", "rows sum to 2", True),
    "setting": ("nothing", "nothing", False),
}


def changed(value: Any, old: str, new: str) -> Any:
    """Replace text everywhere in a part of a notebook."""
    if isinstance(value, str):
        return value.replace(old, new)
    if isinstance(value, list):
        return [changed(item, old, new) for item in value]
    if isinstance(value, dict):
        return {key: changed(item, old, new) for key, item in value.items()}
    return value


@pytest.fixture(scope="module")
def outcome(shared_book: Any) -> dict[str, dict[str, str]]:
    """Run plain pytest over a chapter and a doctored copy of it."""
    code = shared_book.code
    path = shared_book.add(
        "04_softmax",
        code("figure", FIGURE),
        code("explorer", EXPLORER),
        code("number", "print('the mean is', 1.25)"),
        code(
            "stub",
            "raise ValueError('rows sum to 1, but shifting gives nan')",
            "raises-exception",
        ),
        code(
            "setting",
            "print(os.environ['OMP_NUM_THREADS'], os.environ['PYTHONHASHSEED'])",
        ),
    )
    execute(shared_book.chapters()[0])
    notebook = json.loads(path.read_text("utf-8"))
    for cell in notebook["cells"][1:]:
        old, new, _ = CHANGES[cell["id"]]
        cell["outputs"] = changed(before := cell["outputs"], old, new)
        assert (cell["outputs"] == before) == (old == new)
    (path.parent / "05_changed.ipynb").write_text(json.dumps(notebook), "utf-8")
    shutil.copy(ROOT / "chapters" / "conftest.py", path.parent)
    outside = {
        k: v for k, v in os.environ.items() if not re.match("OMP|PYTHON|PYTEST", k)
    }
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-c",
        f"{ROOT}/pyproject.toml",
        f"--rootdir={ROOT}",
    ]
    options = [
        "--nbval",
        "-q",
        "-rA",
        "--color=no",
        "-pno:cacheprovider",
        str(path.parent),
    ]
    run = subprocess.run(
        [*command, *options],
        cwd=ROOT,
        env=outside,
        capture_output=True,
        text=True,
        check=False,
    )
    found: dict[str, dict[str, str]] = {"04_softmax": {}, "05_changed": {}}
    report = r"^(PASSED|FAILED) \S*?(\w+)\.ipynb::Cell (\d)"
    for state, name, cell in re.findall(report, run.stdout, re.MULTILINE):
        found[name][list(CHANGES)[int(cell)]] = state
    return found


def test_an_executed_chapter_passes(outcome: dict[str, dict[str, str]]) -> None:
    assert outcome["04_softmax"] == dict.fromkeys(CHANGES, "PASSED")


@pytest.mark.parametrize("cell", CHANGES)
def test_a_changed_output(outcome: dict[str, dict[str, str]], cell: str) -> None:
    assert outcome["05_changed"][cell] == ("FAILED" if CHANGES[cell][2] else "PASSED")


def test_only_svgs_are_replaced() -> None:
    config = Path(ROOT, "book/tools/nbval.cfg").read_text("utf-8")
    rules = re.findall(r"^regex: (.*)$\n^replace: (.*)$", config, re.M)
    assert len(rules) == 1
    pattern, replacement = rules[0]
    text = (
        '<?xml version="1.0"?>\n<svg a="1">\n<g/></svg> 0.97 <svg>2</svg> <svgx> 0x7f'
    )
    assert re.sub(pattern, replacement, text) == "SVG 0.97 SVG <svgx> 0x7f"
    plain = json.dumps({"accuracy": 0.97, "at": "0x7f3a12345678", "date": "2026-01-31"})
    assert re.sub(pattern, replacement, plain) == plain
