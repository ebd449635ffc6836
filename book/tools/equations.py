"""Results, definitions and steps; every result has a check that can fail."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from figures import speechless
from notebooks import Chapter, tags

_DISPLAY = re.compile(r"\$\$(.+?)\$\$(?:[ \t]*\(([^()\n]+)\))?", re.DOTALL)
_OTHER_DISPLAY = re.compile(r"\\begin\{(align|equation|gather|multline)\*?\}")


@dataclass
class Equations:
    """What the displays and the check cells of a chapter hold, and what is wrong."""

    chapter: Chapter
    labels: dict[str, str] = field(default_factory=dict)  # label, cell
    steps: list[str] = field(default_factory=list)
    twins: dict[str, int] = field(default_factory=dict)  # label, how many were refused
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.problems += _displays(self)
        self.problems += _checks(self)


def prose(source: str) -> str:
    """Blank the code in a piece of Markdown; what stands in directives is kept."""
    kept: list[str] = []
    fences: list[tuple[str, bool]] = []  # its marks, and whether it is a directive
    for line in source.splitlines():
        fence = re.match(
            r"\s*(`{3,}|~{3,}|:{3,})\s*(\{(?!code|raw|literal)|[^`]*)", line
        )
        inside = bool(fences) and not fences[-1][1]
        if fence and fences and fence[1].startswith(fences[-1][0]) and not fence[2]:
            fences.pop()
        elif fence and not inside:
            fences.append((fence[1], fence[2] == "{" or fence[1][0] == ":"))
        elif not inside:
            kept.append(re.sub(r"(`+).+?\1", "", line))
    return "\n".join(kept)


def _displays(found: Equations) -> Iterator[str]:
    """Note every display, labelled or not; look at pictures in Markdown too."""
    chapter = found.chapter
    for index, cell in enumerate(chapter.notebook.cells):
        if cell.cell_type != "markdown":
            continue
        where, text = chapter.where(index), prose(cell.source)
        if text.count("$$") % 2:
            yield f"{where}: a $$ is not closed"
        if _OTHER_DISPLAY.search(text) or "{math}\n" in cell.source:
            yield f"{where}: write a display as `$$ … $$ (label)`, lines in aligned"
        for tex, label in _DISPLAY.findall(text):
            if not label:
                found.steps.append(f"{where}: {' '.join(tex.split())[:60]}")
            elif not re.fullmatch(r"(eq|def)-[a-z0-9-]+", label):
                yield f"{where}: the label {label} must begin eq- (a result) or def-"
            elif label in found.labels:
                yield f"{where}: {label} is already in {found.labels[label]}"
            else:
                found.labels[label] = where
        for alt in re.findall(r"!\[([^\]]*)\]\(", text):
            if why := speechless(alt):
                yield f"{where}: the picture {why}"


def _checks(found: Equations) -> Iterator[str]:
    """Every result has one check, which passed here and refused a wrong twin."""
    seen: dict[str, str] = {}
    for where, cell, label in found.chapter.directives("check"):
        if label in seen:
            yield f"{where}: {label} is already checked in {seen[label]}"
            continue
        seen[label] = where
        if label not in found.labels:
            yield f"{where}: checks {label}, but no equation has this label"
        if hiding := tags(cell) & {
            "nbval-ignore-output",
            "remove-cell",
            "remove-output",
        }:
            yield f"{where}: a check is shown and compared; no {sorted(hiding)[0]}"
        if repr(label) not in _checked(cell.source):
            yield f"{where}: does not call check({label!r}, …)"
        text = "\n".join(o.text for o in cell.outputs if o.get("name") == "stdout")
        lines = re.findall(rf"^{label} holds; refused:(.*)$", text, re.MULTILINE)
        twins = [twin for line in lines for twin in line.split(",") if twin.strip()]
        if len(lines) != 1:
            yield f"{where}: the output must say once `{label} holds; refused: …`"
        elif not twins:
            yield f"{where}: the check of {label} refused no wrong twin"
        found.twins[label] = len(twins)
    for label, where in found.labels.items():
        if label.startswith("eq-") and label not in seen:
            yield f"{where}: the result {label} has no check"


def _checked(source: str) -> set[str]:
    """Return the first argument of every call of ``check``, as it is written."""
    try:
        calls = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Call)]
    except SyntaxError:
        return set()
    checks = [
        call for call in calls if ast.unparse(call.func).split(".")[-1] == "check"
    ]
    return {ast.unparse(call.args[0]) for call in checks if call.args}
