"""Numbers, tables and figures read from the result files of ``make published``.

``{result}`nielsen results.best median .2%``` is the number itself: a file's name, where
in the file, a statistic if a list stands there, and a format if its plain form will not
do. A file or a place that is missing fails the build, so that no page can say a number
that was not measured.
"""

from __future__ import annotations

import importlib
import json
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole

from bookpage.figures import _mark_notice, inline_svg, picture

log = logging.getLogger(__name__)
FOLDER = "book/published/results"
SPACE = "\N{NO-BREAK SPACE}"
STATISTICS: dict[str, Callable[[list[Any]], Any]] = {
    "median": statistics.median,
    "mean": statistics.fmean,
    "min": min,
    "max": max,
    "count": len,
}


class Missing(Exception):  # noqa: N818 (it is no fault of the code)
    """What a page asks for is not there; the message says what is."""


def read(env: BuildEnvironment, row: str) -> dict[str, Any]:
    """Return the content of a result file, on which the page then depends."""
    path = Path(env.srcdir) / FOLDER / f"{row}.json"
    env.note_dependency(f"{FOLDER}/{row}.json")
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in path.parent.glob("*.json"))) or "none"
        raise Missing(
            f"no result file {row}.json, there are: {known} (make published ROW={row})"
        )
    try:
        return dict(json.loads(path.read_text("utf-8")))
    except (ValueError, TypeError) as error:
        raise Missing(
            f"{row}.json is damaged ({error}): make published ROW={row}"
        ) from None


def look_up(result: Any, row: str, place: str) -> Any:
    """Return what stands at a dotted place.

    >>> look_up({"results": {"best": [0.5, 0.7]}}, "nielsen", "results.best.1")
    0.7
    >>> look_up({"results": {"best": []}}, "nielsen", "results.bets")
    Traceback (most recent call last):
    bookpage.results.Missing: nielsen.json has no results.bets, there are: best
    """
    for name in place.split("."):
        known = range(len(result)) if isinstance(result, list) else result
        if not isinstance(result, list | dict) or name not in map(str, known):
            known = known if isinstance(result, list | dict) else [repr(result)]
            raise Missing(
                f"{row}.json has no {place}, there are: {', '.join(map(str, known))}"
            )
        result = result[int(name)] if isinstance(result, list) else result[name]
    return result


def show(value: Any, spec: str = "") -> str:
    r"""Return a number as a reader is shown it.

    >>> show(10000), show(0.95416, ".2%"), show(-0.5), show("Adam")
    ('10,000', '95.42\xa0%', '−0.5', 'Adam')
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise Missing(f"{value!r} is no number; a list needs {', '.join(STATISTICS)}")
    if not spec and not isinstance(value, str):
        spec = "," if isinstance(value, int) else "g"
    try:
        text = format(value, spec)
    except ValueError as error:
        raise Missing(f"{value!r} does not take the format {spec!r}: {error}") from None
    return text.replace("%", f"{SPACE}%").replace("-", "\N{MINUS SIGN}", 1)


def say(words: str, reader: Callable[[str], Any]) -> str:
    """Return the number that the words of a role ask for.

    >>> say("a results.x max .1f", lambda _: {"results": {"x": [1, 2.25, 2]}})
    '2.2'
    """
    if not 2 <= len(words.split()) <= 4:
        raise Missing(f"{words!r} must be: file place [statistic] [format]")
    row, place, *rest = words.split()
    value = look_up(reader(row), row, place)
    if rest and rest[0] in STATISTICS:
        name = rest.pop(0)
        if not isinstance(value, list) or not value:
            raise Missing(
                f"{row}.json: {place} is no list, of which to take the {name}"
            )
        value = STATISTICS[name](value)
    return show(value, *rest)


class Result(SphinxRole):
    """A number from a result file."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the number, or warn: under ``-W`` the build fails."""
        try:
            said = say(self.text, lambda row: read(self.env, row))
        except Missing as missing:
            log.warning("result: %s", missing, location=self.get_location())
            said = "missing"
        return [nodes.Text(said)], []


def compare(result: dict[str, Any], row: str) -> tuple[str, str, str, bool]:
    r"""Return published, median, range, and whether the published lies in the range.

    What is compared is rounded as the published figure is.

    >>> compare({"published": {"value": 0.95, "key": "k", "spec": ".0%"},
    ...     "results": {"k": [0.91, 0.946]}, "seeds": [0, 1]}, "x")
    ('95\xa0%', '93\xa0%', '91 to 95\xa0%', True)
    """
    spec, value, key = (
        look_up(result, row, f"published.{name}") for name in ("spec", "value", "key")
    )
    if look_up(result, row, "seeds"):
        scores = look_up(result, row, f"results.{key}")
        low, high = show(min(scores), spec), show(max(scores), spec)
        spread = f"{low.removesuffix(f'{SPACE}%')} to {high}"
    else:
        scores = [look_up(result, row, f"once.{key}")]
        spread = "no seeds"
    digits = int(spec.strip(".%f")) + 2 * spec.endswith("%")
    low, high, wanted = (round(v, digits) for v in (min(scores), max(scores), value))
    median = show(statistics.median(scores), spec)
    return show(value, spec), median, spread, low <= wanted <= high


class Table(SphinxDirective):
    """Published figures and ours; a line is ``name``, or ``name: why not inside``."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        group = nodes.tgroup("", cols=4)
        group += [nodes.colspec("", colwidth=width) for width in (4, 2, 3, 1)]
        group += nodes.thead("", _cells("Experiment", "Published", "Ours", "Inside"))
        body = nodes.tbody()
        for line in filter(None, self.content):
            row, _, why = (part.strip() for part in line.partition(":"))
            try:
                body += self._rows(row, why)
            except Missing as missing:
                log.warning("result: %s", missing, location=self.get_location())
        group += body
        table = nodes.table("", group, classes=["nn-results"])
        return [table]

    def _rows(self, row: str, why: str) -> list[nodes.row]:
        result = read(self.env, row)
        published, median, spread, inside = compare(result, row)
        if inside == bool(why):
            place = "inside" if inside else "outside"
            needs = "needs no reason" if inside else "needs a reason (name: why)"
            raise Missing(f"{row}: {published} lies {place} of {spread} and {needs}")
        rows = [
            _cells(
                result["title"], published, [median, spread], "yes" if inside else "no"
            )
        ]
        if why:
            entry = nodes.entry(morecols=3, classes=["nn-why"])
            paragraph = nodes.paragraph()
            parsed, messages = self.state.inline_text(why, self.lineno)
            entry += paragraph
            paragraph += [*parsed, *messages]
            rows.append(nodes.row("", entry))
        return rows


def _cells(*texts: str | list[str]) -> nodes.row:
    row = nodes.row()
    for text in texts:
        lines = [text] if isinstance(text, str) else text
        row += nodes.entry("", *(nodes.paragraph(line, line) for line in lines))
    return row


def show_field(entry: Any, row: str, words: str) -> str:
    """Return a field of an entry: its name, and a format if it needs one.

    >>> show_field({"sure": 0.5}, "mnist", "sure .0%").split()
    ['50', '%']
    """
    name, *spec = words.split()
    return show(look_up(entry, row, name), *spec)


class Listing(SphinxDirective):
    """A list as a table, an entry a row; a line is ``heading: field [format]``."""

    has_content = True
    required_arguments = 2

    def run(self) -> list[nodes.Node]:
        """Return the table of the list at a place of a file."""
        row, place = self.arguments
        columns = [
            [part.strip() for part in line.partition(":")[::2]]
            for line in filter(None, self.content)
        ]
        group = nodes.tgroup("", cols=len(columns))
        group += [nodes.colspec("", colwidth=1) for _ in columns]
        group += nodes.thead("", _cells(*(heading for heading, _ in columns)))
        body = nodes.tbody()
        try:
            for entry in look_up(read(self.env, row), row, place):
                fields = [show_field(entry, row, what) for _, what in columns]
                body += _cells(*fields)
        except Missing as missing:
            log.warning("result: %s", missing, location=self.get_location())
        group += body
        return [nodes.table("", group, classes=["nn-results"])]


class Setup(SphinxDirective):
    """All settings of a row, and the commit that it was run at."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return a paragraph of names and values."""
        row = self.arguments[0]
        try:
            result = read(self.env, row)
            settings = flat(look_up(result, row, "settings"))
            # None where there was no git, as in a copy of the book from an archive.
            commit = show(look_up(result, row, "commit") or "unknown", ".7")
            clean = look_up(result, row, "clean")
        except Missing as missing:
            log.warning("result: %s", missing, location=self.get_location())
            return []
        line = nodes.paragraph(classes=["nn-settings"])
        for i, (name, value) in enumerate(settings):
            line += [nodes.Text("; ")] if i else []
            line += [nodes.literal(name, name), nodes.Text(f"{SPACE}{value}")]
        line += [nodes.Text(". Run at commit "), nodes.literal(commit, commit)]
        line += nodes.Text("." if clean else ", with changes that are not in it.")
        return [line]


def flat(settings: dict[str, Any], above: str = "") -> list[tuple[str, str]]:
    """Return settings and settings of settings, as names and values in words.

    >>> flat({"batch": 10, "optimizer": {"class": "SGD"}, "layers": [2, 3]})
    [('batch', '10'), ('optimizer.class', 'SGD'), ('layers', '2, 3')]
    """
    found: list[tuple[str, str]] = []
    for name, value in settings.items():
        if isinstance(value, dict):
            found += flat(value, f"{above}{name}.")
        elif isinstance(value, list):
            found.append((above + name, ", ".join(map(str, value))))
        elif isinstance(value, bool):
            found.append((above + name, "yes" if value else "no"))
        else:
            found.append((above + name, show(value)))
    return found


class Drawing(SphinxDirective):
    """A figure that a function of ``published.figures`` draws, above its caption."""

    has_content = True
    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the figure and its caption."""
        name = self.arguments[0]
        draw = getattr(importlib.import_module("published.figures"), name, None)
        if draw is None:
            log.warning("no figure %s", name, location=self.get_location())
            return []
        self.env.note_dependency("book/published/figures.py")
        try:
            svg = draw(lambda row: read(self.env, row)).svg
        except Missing as missing:
            log.warning("result: %s", missing, location=self.get_location())
            return []
        except KeyError as missing:
            said = "figure %s: a result file has no %s; make published again"
            log.warning(said, name, missing, location=self.get_location())
            return []
        found = nodes.container(classes=["nn-result"])
        number = self.env.new_serialno("result-figure")
        found += picture(markup=inline_svg(svg, f"r{number}-"))
        self.state.nested_parse(self.content, self.content_offset, found)
        for paragraph in found.findall(nodes.paragraph):
            paragraph["classes"].append("nn-caption")
            _mark_notice(paragraph)
        return [found]


def setup(app: Sphinx) -> None:
    """Register the role and the directives."""
    sys.path.insert(0, str(Path(app.confdir) / "book"))
    app.add_role("result", Result())
    app.add_directive("result-table", Table)
    app.add_directive("result-list", Listing)
    app.add_directive("result-setup", Setup)
    app.add_directive("result-figure", Drawing)
