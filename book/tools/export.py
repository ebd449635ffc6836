"""Write nnlib from the cells of the chapters that begin ``#| export module``."""

from __future__ import annotations

import argparse
import ast
import difflib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from assemble import FLOORS, NOTE, PACKAGE, Module, statements
from notebooks import (
    APPENDIX,
    ROOT,
    BookError,
    Chapter,
    before,
    read_chapters,
    write_text,
)

KEPT = (
    "__init__.py",
    "py.typed",
)  # the only files of the package that no chapter writes


@dataclass
class Written:
    """A module as it is written, and the cells behind each of its definitions."""

    text: str
    cells: dict[str, list[str]]


def build(chapters: Sequence[Chapter]) -> dict[str, Written]:
    """Return every module that the chapters export, by its name."""
    modules: dict[str, Module] = {}
    # The appendix of the figures comes first: every chapter may add to what it begins.
    for chapter in sorted(chapters, key=lambda chapter: chapter.number != APPENDIX):
        for where, cell, name in chapter.directives("export"):
            if name not in FLOORS:
                raise BookError(
                    f"{where}: no module {name!r}; there are {', '.join(FLOORS)}"
                )
            module = modules.setdefault(name, Module(name))
            for statement in statements(cell.source, where, chapter):
                module.add(statement)
    for module in modules.values():
        for statement, other, name in module.wanted:
            if FLOORS.index(module.name) < (
                FLOORS.index(other) if other in FLOORS else -1
            ):
                raise statement.refuse(
                    f"{module.name} may not import from {other}, which stands above it"
                )
            if other not in modules or name not in modules[other].names:
                raise statement.refuse(f"no chapter exports {PACKAGE}.{other}.{name}")
    texts = _linted(modules)
    return {
        name: Written(
            texts[name],
            {n: [w for _, w in block.pieces] for n, block in module.names.items()},
        )
        for name, module in modules.items()
    }


def _linted(modules: Mapping[str, Module]) -> dict[str, str]:
    """Refuse undefined and unused names, sort the imports, and format.

    A name that the same chapter exports to a lower module is imported from there: the
    chapter cannot import it, because it runs on the package of those before it.
    """
    if not modules:
        return {}
    with tempfile.TemporaryDirectory() as folder:
        files = {name: Path(folder) / f"{name}.py" for name in modules}
        for attempt in (1, 2):
            cells = {}
            for name, module in modules.items():
                text, cells[name] = module.source()
                files[name].write_text(text, "utf-8")
            options = ("--select=F", "--output-format=json", "--exit-zero")
            report = _ruff("check", *options, *files.values())
            problems = []
            for finding in json.loads(report):
                name, row = Path(finding["filename"]).stem, finding["location"]["row"]
                where = cells[name][row - 1] or name
                undefined = re.fullmatch(r"Undefined name `(\w+)`", finding["message"])
                symbol = undefined[1] if undefined else ""
                lower = _lower(modules, name, symbol, where)
                if lower and attempt == 1:
                    statement = f"from {PACKAGE}.{lower} import {symbol}"
                    modules[name].imports[statement] = statement, where
                else:
                    problems.append(f"{where}: {finding['message']} (in {name})")
            if problems:
                raise BookError("\n".join(problems))
        _ruff("check", "--select=I,RUF022", "--fix", "--quiet", *files.values())
        _ruff("format", "--quiet", *files.values())
        return {name: path.read_text("utf-8") for name, path in files.items()}


def _lower(
    modules: Mapping[str, Module], module: str, name: str, where: str
) -> str | None:
    """Find the module below `module` to which the same chapter exports `name`."""
    for other in FLOORS[: FLOORS.index(module)]:
        block = modules[other].names.get(name) if other in modules else None
        if block and block.pieces[0][1].split(",")[0] == where.split(",")[0]:
            return other
    return None


def _ruff(*arguments: object) -> str:
    """Run the ruff of this interpreter's environment with the repository's settings."""
    command, *rest = map(str, arguments)
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "ruff",
            command,
            "--no-cache",
            f"--config={ROOT}/pyproject.toml",
            *rest,
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    if run.returncode:
        raise BookError(f"ruff {command} failed: {run.stderr or run.stdout}")
    return run.stdout


def _pieces(text: str) -> dict[str, str]:
    """Return the source of each top-level definition, by its name."""
    try:
        body = ast.parse(text).body
    except SyntaxError:
        return {}
    found = {}
    for node in body:
        target = (
            node.targets[0]
            if isinstance(node, ast.Assign)
            else getattr(node, "target", node)
        )
        if name := getattr(node, "name", getattr(target, "id", "")):
            found[name] = ast.get_source_segment(text, node) or ""
    return found


def compare(root: Path, files: Mapping[str, Written]) -> list[str]:
    """Say where the package in `root` differs from what the chapters export."""
    problems = []
    package = root / PACKAGE
    for name, written in files.items():
        path = package / f"{name}.py"
        old = path.read_text("utf-8") if path.is_file() else ""
        if old == written.text:
            continue
        file = f"{PACKAGE}/{name}.py"
        have, want = _pieces(old), _pieces(written.text)
        for symbol, cells in written.cells.items():
            if have.get(symbol) != want.get(symbol):
                verb = "differs from" if symbol in have else "is missing; it is in"
                problems.append(
                    f"{file}: {symbol} {verb} {', '.join(dict.fromkeys(cells))}"
                )
        for symbol in have.keys() - want.keys():
            problems.append(f"{file}: {symbol} is in no chapter")
        if have == want:
            problems.append(
                f"{file}: its imports or comments differ from the chapters'"
            )
        diff = difflib.unified_diff(
            old.splitlines(True), written.text.splitlines(True), file, "the chapters"
        )
        problems.append("".join(diff).rstrip("\n"))
    return problems + [
        f"{PACKAGE}/{path}: no chapter produces it" for path in _strays(root, files)
    ]


def _strays(root: Path, files: Mapping[str, Written]) -> list[str]:
    """Files of the package that neither a chapter nor the house produces."""
    package, known = root / PACKAGE, {*KEPT, *(f"{name}.py" for name in files)}
    found = (
        path.relative_to(package).as_posix()
        for path in package.rglob("*")
        if path.is_file()
    )
    return sorted(f for f in found if f not in known and "__pycache__" not in f)


def write(root: Path, files: Mapping[str, Written]) -> None:
    """Write the package into `root`; what an earlier export left behind is removed."""
    strays = [root / PACKAGE / path for path in _strays(root, files)]
    for path in strays:
        if NOTE not in path.read_text("utf-8", errors="replace"):
            raise BookError(
                f"{path.relative_to(root).as_posix()}: no chapter produces it; move it"
            )
    for name, written in files.items():
        write_text(root / PACKAGE / f"{name}.py", written.text)
    for path in strays:
        path.unlink()


def write_before(chapters: Sequence[Chapter], number: str, to: Path) -> None:
    """Write the package that chapter `number` may use into the folder `to`."""
    if (to / PACKAGE).exists():
        raise BookError(f"{to / PACKAGE} is already there")
    files = build(before(chapters, number))
    (to / PACKAGE).mkdir(parents=True)
    for name in KEPT:
        shutil.copy(chapters[0].root / PACKAGE / name, to / PACKAGE)
    write(to, files)


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(
        description="Rebuild every module of nnlib from the cells of the chapters that "
        "begin `#| export module`, in the order of the table of contents. Either all "
        "of it is written or, when a cell is refused, nothing."
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 if out of step"
    )
    parser.add_argument(
        "--before", metavar="NN", help="take the chapters before NN, and A1, only"
    )
    parser.add_argument(
        "--to", metavar="DIR", type=Path, help="with --before: write to DIR/nnlib"
    )
    options = parser.parse_args(arguments)
    if (options.before is None) != (options.to is None) or (
        options.check and options.to
    ):
        parser.error("--before and --to go together, and without --check")
    try:
        chapters = read_chapters(root)
        if options.to:
            write_before(chapters, options.before, options.to)
            return 0
        files = build(chapters)
        if options.check:
            problems = compare(root, files)
            print("\n".join(problems) or f"{PACKAGE} is in step with the chapters")
            return 1 if problems else 0
        write(root, files)
    except BookError as error:
        print(error, file=sys.stderr)
        return 1
    print(", ".join(f"{name}.py" for name in files) or "no chapter exports anything")
    return 0


if __name__ == "__main__":
    sys.exit(main())
