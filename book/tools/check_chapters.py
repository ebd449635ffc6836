"""Refuse a chapter that does not keep what the book promises; count what it holds."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from assemble import names, statements
from equations import Equations, prose
from execute import dumps, fingerprint
from figures import caption_problems, drawing_problems, figures, frames
from notebooks import (
    ROOT,
    BookError,
    Chapter,
    chapter_paths,
    choose,
    read_chapter,
    tags,
)

_ANONYMOUS = re.compile(r"[0-9a-f]{8}|[0-9a-f]{8}-[0-9a-f]{4}-.*")
#: What would differ on another machine or another day.
_FOREIGN = {
    "a path": re.compile(r"(?<![\w.])/(?:home|root|Users|tmp|usr|opt|var)/|\b[A-Z]:\\"),
    "a memory address": re.compile(r"\bat 0x[0-9a-fA-F]+|\b0x[0-9a-fA-F]{9,12}\b"),
    "a date": re.compile(r"\b(?:19|20)\d\d-\d\d-\d\d\b"),
    "a time": re.compile(r"\b\d{1,2}:\d\d:\d\d\b|\b\d[\d.]* ?(?:ms|µs|ns|seconds)\b"),
}
_BARE = {"True", "False", "np.True_", "np.False_"}


@dataclass
class Report:
    """What a chapter holds, and what is wrong with it."""

    chapter: Chapter
    equations: Equations
    problems: list[str] = field(default_factory=list)

    def line(self) -> str:
        """Return the counts."""
        code = [cell for _, cell in self.chapter.code()]
        shown = [figure for cell in code for figure in figures(cell)]
        moving = [len(frames(figure)) for figure in shown if "nn-explorer" in figure]
        explorers = _count(len(moving), "explorer")
        if moving:
            explorers += f" ({' + '.join(map(str, moving))} frames)"
        definitions = sum(label.startswith("def-") for label in self.equations.labels)
        counts = [
            f"{_count(len(self.equations.twins), 'result')} checked",
            f"{_count(sum(self.equations.twins.values()), 'wrong twin')} refused",
            _count(definitions, "definition"),
            f"{_count(len(self.equations.steps), 'step')} unlabelled",
            _count(len(shown) - len(moving), "figure"),
            explorers,
            _count(len(_exports(self.chapter)), "export"),
            _count(len(list(_exercises(self.chapter))), "exercise"),
        ]
        return f"{self.chapter.path.stem}: {', '.join(counts)}"


def check(chapter: Chapter, derive: Mapping[str, Mapping[str, str]]) -> Report:
    """Look at one chapter."""
    report = Report(chapter, equations := Equations(chapter))
    for part in (_cells, _outputs, caption_problems, _exercise_problems):
        report.problems += part(chapter)
    report.problems += equations.problems
    for label in derive.get(chapter.number, {}):
        if label not in equations.labels:
            report.problems.append(
                f"{chapter.file}: no equation {label}, as derive.yml asks"
            )
    try:
        _exports(chapter)
    except BookError as error:
        report.problems.append(str(error))
    if not report.problems and dumps(chapter.notebook) != chapter.path.read_text(
        "utf-8"
    ):
        report.problems.append(
            f"{chapter.file}: not as the executor writes it: `make execute`"
        )
    return report


def _cells(chapter: Chapter) -> Iterator[str]:
    """Look at names, order and tags, and whether cells were executed as they stand."""
    for index, cell in enumerate(chapter.notebook.cells):
        where = chapter.where(index)
        if _ANONYMOUS.fullmatch(cell.id):
            yield f"{where}: the id is a random one; give it a readable name"
        if cell.cell_type == "markdown":
            headings = re.findall(r"^# ", prose(cell.source), re.MULTILINE)
            if len(headings) != (index == 0):
                yield f"{where}: the title, `# …`, stands once, in the first cell"
        elif index == 0:
            yield f"{where}: the first cell must be markdown with the title, `# …`"
        for tag in sorted(tags(cell)):
            if tag == "skip-execution" or re.fullmatch(
                r"nbval-(?!ignore-output$).*", tag
            ):
                yield f"{where}: the tag {tag} would leave the cell unchecked"
    for count, (where, cell) in enumerate(chapter.code(), 1):
        if cell.execution_count is None:
            yield f"{where}: was never executed"
        elif cell.execution_count != count:
            yield f"{where}: was executed as number {cell.execution_count}, not {count}"
        elif "executed" not in cell.metadata:
            yield f"{where}: was not executed by `make execute`"
        elif cell.metadata["executed"] != fingerprint(cell.source):
            yield f"{where}: was changed after it was executed"
        if re.search(r"^\s*#\s*(NBVAL|PYTEST_VALIDATE)_", cell.source, re.MULTILINE):
            yield f"{where}: use the tag nbval-ignore-output, not a comment"
        if "nbval-ignore-output" in tags(cell) and "assert" not in cell.source:
            yield f"{where}: its output is not compared, so it must assert something"


def _outputs(chapter: Chapter) -> Iterator[str]:
    """Look for outputs that are errors, noise, or would differ on another machine."""
    for where, cell in chapter.code():
        failed = False
        for output in cell.outputs:
            if output.output_type == "error":
                failed = True
                if "raises-exception" not in tags(cell):
                    yield f"{where}: stored {output.ename}: {output.evalue}"
            if output.get("name") == "stderr":
                first = output.text.strip().partition("\n")[0]
                yield f"{where}: writes to stderr: {first}"
            text = _text(output)
            for what, pattern in _FOREIGN.items():
                found = pattern.search(text)
                compared = "nbval-ignore-output" not in tags(cell) or what == "a path"
                if found and compared:
                    yield f"{where}: the output holds {what}: {found[0]}"
            for line in text.splitlines():
                if line.strip() in _BARE:
                    yield f"{where}: a bare {line.strip()}; say what holds"
        if "raises-exception" in tags(cell) and not failed:
            yield f"{where}: is tagged raises-exception, but stored no error"
        yield from (f"{where}: {problem}" for problem in drawing_problems(cell))


def _text(output: Any) -> str:
    """Return everything in an output that is read as text, without the SVGs."""
    data = output.get("data", {})
    parts = [output.get("text", ""), output.get("ename", ""), output.get("evalue", "")]
    parts += [
        v for k, v in data.items() if k.startswith("text/") and isinstance(v, str)
    ]
    return re.sub(r"<svg\b.*?</svg>", "", "\n".join(parts), flags=re.DOTALL)


def _exports(chapter: Chapter) -> set[str]:
    """Public names that a chapter exports, with their modules."""
    found = set()
    for where, cell, module in chapter.directives("export"):
        for statement in statements(cell.source, where, chapter):
            bound = names(statement.node)
            found |= {f"{module}.{name}" for name in bound if not name.startswith("_")}
    return found


def _exercises(chapter: Chapter) -> Iterator[tuple[int, str]]:
    """Return the cell and the number of each exercise."""
    for index, cell in enumerate(chapter.notebook.cells):
        if cell.cell_type == "markdown":
            for number in re.findall(
                r"^#+ Exercise ([\w.]*\w)", prose(cell.source), re.M
            ):
                yield index, number


def _exercise_problems(chapter: Chapter) -> Iterator[str]:
    """Exercises are numbered, enough, and at least one is checked by code."""
    found = list(_exercises(chapter))
    for count, (index, number) in enumerate(found, 1):
        if number != f"{chapter.shown}.{count}":
            wanted = f"{chapter.shown}.{count}"
            yield f"{chapter.where(index)}: Exercise {number} must be Exercise {wanted}"
    least = 0 if not chapter.number.isdigit() else 1 if chapter.number == "00" else 3
    if len(found) < least:
        yield f"{chapter.file}: has {_count(len(found), 'exercise')}, and needs {least}"
    if found and least:
        later = chapter.notebook.cells[found[0][0] :]
        if not any("raises-exception" in tags(cell) for cell in later):
            yield f"{chapter.file}: no exercise refuses a stub (raises-exception)"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(
        description="Refuse chapters that break a promise of the book: a cell changed "
        "and not executed, a result without a check, a check that refuses no twin, "
        "a figure without words, an output that another machine would not give. Each "
        "problem is a line that names chapter and cell. Without one, the counts are "
        "printed, and the displays that have no label."
    )
    parser.add_argument(
        "chapter", nargs="*", help="numbers, such as 04; all by default"
    )
    options = parser.parse_args(arguments)
    derive_file = root / "book" / "derive.yml"
    derive = (
        yaml.safe_load(derive_file.read_text("utf-8")) if derive_file.is_file() else {}
    )
    problems, reports, labels = [], [], dict[str, str]()
    try:
        paths = chapter_paths(root)
        for stray in sorted(set((root / "chapters").glob("*.ipynb")) - set(paths)):
            problems.append(f"chapters/{stray.name}: is not in _toc.yml")
        paths = choose(paths, options.chapter)
    except BookError as error:
        paths = []
        problems.append(str(error))
    for path in paths:
        try:
            report = check(read_chapter(path, root), derive)
        except BookError as error:
            problems.append(str(error))
            continue
        reports.append(report)
        problems += report.problems
        for label, where in report.equations.labels.items():
            if label in labels:
                problems.append(f"{where}: {label} is already in {labels[label]}")
            labels.setdefault(label, where)
    if problems:
        print("\n".join(problems), file=sys.stderr)
        print(_count(len(problems), "problem"), file=sys.stderr)
        return 1
    for report in reports:
        print(report.line())
    if steps := [step for report in reports for step in report.equations.steps]:
        print("Displays without a label:", *steps, sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
