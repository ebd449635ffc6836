"""Pages that read result files: what they show, and how they fail."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from bookpage import results

ROOT = Path(__file__).resolve().parents[2]
CONF = 'extensions = ["myst_parser", "bookpage.figures", "bookpage.results"]\n'
SPHINX = "-m sphinx -q -W -n --keep-going -b html"
NIELSEN = {
    "row": "nielsen",
    "title": "Nielsen, 784-30-10",
    "seeds": [0, 1, 2],
    "published": {"value": 0.9542, "key": "best", "spec": ".2%"},
    "results": {"best": [0.9531, 0.9549, 0.9502]},
    "settings": {"batch": 10, "optimizer": {"class": "SGD", "learning_rate": 15.0}},
    "commit": "0123456789abcdef",
    "clean": False,
    "summary": {"worst": [{"image": 1247, "sure": 0.9871}]},
}
DARKNESS = {
    "row": "darkness",
    "title": "Darkness alone",
    "seeds": [],
    "published": {"value": 0.2225, "key": "share", "spec": ".2%"},
    "once": {"share": 0.22, "right": 2200},
}
DRAWING = """
class Drawn:
    svg = (
        '<svg class="nn-figure" role="img" aria-label="A dot for each of {n} seeds." '
        'width="520" style=""><g id="axes_1"/></svg>'
    )

def gaps(read):
    return read("nielsen")["gaps"]

def dots(read):
    figure = Drawn()
    figure.svg = figure.svg.replace("{n}", str(len(read("nielsen")["seeds"])))
    return figure
"""


def build(folder: Path, page: str, **changed: Any) -> tuple[int, str, str]:
    """Build a book of one page; return status, warnings and the page."""
    written = folder / "book/published/results"
    written.mkdir(parents=True)
    (folder / "conf.py").write_text(CONF)
    (folder / "index.md").write_text(f"# Results\n\n{page}\n")
    (folder / "book/published/__init__.py").write_text("")
    (folder / "book/published/figures.py").write_text(DRAWING)
    for result in ({**NIELSEN, **changed}, DARKNESS):
        (written / f"{result['row']}.json").write_text(json.dumps(result))
    done = subprocess.run(
        [sys.executable, *SPHINX.split(), str(folder), str(folder / "_out")],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT / "book/ext"), "NO_COLOR": "1"},
    )
    html = folder / "_out/index.html"
    return done.returncode, done.stderr, html.read_text("utf-8")


RIGHT = """
Best {result}`nielsen results.best max .2%` of {result}`nielsen seeds count` seeds,
then {result}`darkness once.right` and {result}`nielsen settings.optimizer.class`.

```{result-table}
nielsen
darkness: Not *ours*.
```

```{result-list} nielsen summary.worst
image: image d
sure of it: sure .1%
```

```{result-setup} nielsen
```

```{result-figure} dots
**Dots.** What to notice: there are {result}`nielsen seeds count`.
```
"""


def test_numbers_tables_and_figures_are_read_from_the_files(tmp_path: Any) -> None:
    status, said, page = build(tmp_path, RIGHT)
    assert (status, said) == (0, "")
    text = " ".join(re.sub("<[^>]+>", " ", page).split())
    assert "Best 95.49 % of 3 seeds, then 2,200 and SGD." in text.replace("\xa0", " ")
    rows = re.findall("<tr.*?</tr>", page, re.S)
    cells = [re.sub(r"\s*<[^>]+>\s*", "|", row).strip("|") for row in rows]
    cells = [re.sub(r"\|+", "|", c).replace("\xa0", " ") for c in cells]
    assert cells == [
        "Experiment|Published|Ours|Inside",
        "Nielsen, 784-30-10|95.42 %|95.31 %|95.02 to 95.49 %|yes",
        "Darkness alone|22.25 %|22.00 %|no seeds|no",
        "Not|ours|.",
        "image|sure of it",
        "1247|98.7 %",
    ]
    assert "optimizer.learning_rate 15" in text.replace("\xa0", " ")
    assert "Run at commit 0123456 , with changes that are not in it." in text
    assert 'aria-label="A dot for each of 3 seeds."' in page
    assert re.search(r'<p class="nn-caption">.*nn-notice', page)


def test_without_git_the_commit_is_unknown_and_the_page_is_built(tmp_path: Any) -> None:
    page = "```{result-setup} nielsen\n```"
    status, said, html = build(tmp_path, page, commit=None)
    assert (status, said) == (0, "")
    assert "unknown" in html


@pytest.mark.parametrize("text", ['{"row": "nie', "", "[1]", "3"])
def test_a_damaged_file_is_named(tmp_path: Any, text: str) -> None:
    folder = tmp_path / results.FOLDER
    folder.mkdir(parents=True)
    (folder / "nielsen.json").write_text(text)
    env: Any = SimpleNamespace(srcdir=tmp_path, note_dependency=lambda _: None)
    with pytest.raises(results.Missing, match=r"^nielsen\.json is damaged .*make pub"):
        results.read(env, "nielsen")


def test_a_file_without_what_the_table_needs_is_named() -> None:
    whole = json.loads(json.dumps(NIELSEN))
    assert results.compare(whole, "nielsen")[-1]
    for place in ("seeds", "published.spec", "published.key", "results.best"):
        broken = json.loads(json.dumps(NIELSEN))
        *above, last = place.split(".")
        at = broken[above[0]] if above else broken
        del at[last]
        with pytest.raises(results.Missing, match=rf"nielsen\.json has no {place}"):
            results.compare(broken, "nielsen")


WRONG = {
    "{result}`nilesen results.best max`": (
        "no result file nilesen.json, there are: darkness, nielsen "
        "(make published ROW=nilesen)"
    ),
    "{result}`nielsen results.bets max`": (
        "nielsen.json has no results.bets, there are: best"
    ),
    "{result}`nielsen results.best.7`": "nielsen.json has no results.best.7",
    "{result}`nielsen results.best`": "is no number; a list needs median, mean, min",
    "{result}`nielsen title max`": "nielsen.json: title is no list",
    "{result}`darkness seeds max`": "darkness.json: seeds is no list, of which to",
    "{result}`nielsen`": "'nielsen' must be: file place [statistic] [format]",
    "{result}`darkness once.share .2q`": "0.22 does not take the format '.2q'",
    "```{result-table}\nnielsen: Bad luck.\n```": (
        "95.42 % lies inside of 95.02 to 95.49 % and needs no reason"
    ),
    "```{result-table}\ndarkness\n```": (
        "22.25 % lies outside of no seeds and needs a reason"
    ),
    "```{result-list} nielsen summary.best\na: b\n```": "no summary.best",
    "```{result-setup} darkness\n```": "darkness.json has no settings",
    "```{result-figure} stars\nStars.\n```": "no figure stars",
    "```{result-figure} gaps\nGaps.\n```": (
        "figure gaps: a result file has no 'gaps'; make published again"
    ),
}


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, str]:
    """Return status and warnings of a page with every mistake."""
    page = "\n\n".join(WRONG)
    return build(tmp_path_factory.mktemp("book"), page)[:2]


@pytest.mark.parametrize("reason", WRONG.values(), ids=range(len(WRONG)))
def test_what_is_missing_fails_the_build(wrong: tuple[int, str], reason: str) -> None:
    status, said = wrong
    assert status != 0
    assert reason in said.replace("\xa0", " ")
    assert said.count("WARNING") == len(WRONG)
    assert re.search(r"index\.md:\d+", said)
