"""Run each chapter on what the chapters before it export, and on no more."""

from __future__ import annotations

import argparse
import copy
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import nbformat.v4
from assemble import PACKAGE
from execute import TIMEOUT, run
from export import write_before
from notebooks import APPENDIX, ROOT, BookError, Chapter, read_chapters

_PROOF = """
import sys
import {package}

for name, module in list(sys.modules.items()):
    if name.split(".")[0] == "{package}" and not module.__file__.startswith({folder!r}):
        raise ImportError(f"{{name}} comes from {{module.__file__}}")
"""


def run_before(chapters: Sequence[Chapter], chapter: Chapter) -> None:
    """Run a chapter on those before it and appendix A1, and prove that it did."""
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder).resolve()
        write_before(chapters, chapter.number, package)
        proof = nbformat.v4.new_code_cell(  # type: ignore[no-untyped-call]
            _PROOF.format(package=PACKAGE, folder=f"{package}/"), id="progressive-proof"
        )
        notebook = copy.deepcopy(chapter.notebook)
        notebook.cells.append(proof)
        try:
            run(Chapter(chapter.root, chapter.path, notebook), package, timeout=TIMEOUT)
        except BookError as error:
            raise BookError(
                f"{error}\nOnly what the chapters before {chapter.number} export, and "
                f"appendix {APPENDIX}, may be used here."
            ) from None


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(
        description="For each chapter, export the chapters before it and appendix A1 "
        "to an empty folder, and run the chapter on that package alone: at each point "
        "the reader holds exactly what they have built. Nothing is stored."
    )
    parser.add_argument(
        "chapter", nargs="*", help="numbers, such as 04; all by default"
    )
    options = parser.parse_args(arguments)
    failures = 0
    try:
        chapters = read_chapters(root)
        for chapter in read_chapters(root, options.chapter):
            start = time.perf_counter()
            try:
                run_before(chapters, chapter)
            except BookError as error:
                failures += 1
                print(error, file=sys.stderr)
            else:
                seconds = time.perf_counter() - start
                print(f"{chapter.file}: runs on what comes before it, {seconds:.1f} s")
    except BookError as error:
        print(error, file=sys.stderr)
        return 1
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
