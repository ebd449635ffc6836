"""Run chapters and store their outputs: an unchanged chapter gives the same bytes."""

from __future__ import annotations

import argparse
import copy
import hashlib
import re
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import nbformat
from environment import environment
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from notebooks import ROOT, BookError, Chapter, read_chapters, tags, write_text

TIMEOUT = 120
_WIDGET = "application/vnd.jupyter.widget-view+json"
_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "pygments_lexer": "ipython3",
    },
}


def fingerprint(source: str) -> str:
    """Return what is noted in each executed cell, to see whether it changed since."""
    return hashlib.sha256(source.encode()).hexdigest()[:16]


def run(chapter: Chapter, *packages: Path, timeout: float = TIMEOUT) -> None:
    """Run a chapter in a fresh kernel that finds `packages` before all others.

    Outputs are stored in ``chapter.notebook``; the first failing cell raises BookError.
    """
    client = NotebookClient(
        chapter.notebook,
        kernel_name="python3",
        timeout=timeout,
        record_timing=False,
        store_widget_state=False,
        extra_arguments=["--IPKernelApp.log_level=40"],
        resources={"metadata": {"path": str(chapter.path.parent)}},
    )
    client.reset_execution_trackers()
    count = 0
    with client.setup_kernel(env=environment(*packages), cwd=str(chapter.path.parent)):
        for index, cell in enumerate(chapter.notebook.cells):
            if cell.cell_type != "code":
                continue
            where = chapter.where(index)
            if not cell.source.strip():
                raise BookError(f"{where}: the cell is empty")
            try:
                client.execute_cell(cell, index)
            except CellExecutionError as error:
                trace = "\n".join(cell.outputs[-1].get("traceback", ()))
                trace = re.sub(r"\x1b\[[0-9;]*m", "", trace)
                what = f"{error.ename}: {error.evalue}\n{trace}"
                raise BookError(f"{where}: {what}") from None
            except CellTimeoutError:
                raise BookError(f"{where}: took more than {timeout:g} s") from None
            except DeadKernelError:
                raise BookError(f"{where}: the kernel died") from None
            failed = any(output.output_type == "error" for output in cell.outputs)
            if "raises-exception" in tags(cell) and not failed:
                raise BookError(
                    f"{where}: is tagged raises-exception, but raised nothing"
                )
            count += 1
            cell.execution_count = count
            cell.metadata["executed"] = fingerprint(cell.source)


def merged(outputs: Iterable[Any]) -> list[Any]:
    """Join neighbouring pieces of a stream: how they arrive differs between runs."""
    result: list[Any] = []
    for output in outputs:
        last = result[-1] if result else None
        if (
            last
            and output.output_type == "stream" == last.output_type
            and output.name == last.name
        ):
            last.text += output.text
        else:
            result.append(output)
    return result


def dumps(notebook: Any) -> str:
    """Return the stored form, in which nothing depends on when and where it ran."""
    notebook = copy.deepcopy(notebook)
    notebook.metadata = copy.deepcopy(_METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = merged(cell.outputs)
        for output in cell.get("outputs", ()):
            if output.output_type == "execute_result":
                output.execution_count = cell.execution_count
            if "data" in output:
                output.data.pop(_WIDGET, None)
            if output.output_type == "error":
                output.traceback = [f"{output.ename}: {output.evalue}"]
    text = nbformat.writes(notebook)  # type: ignore[no-untyped-call]
    return f"{text}\n"


def execute(chapter: Chapter, timeout: float = TIMEOUT) -> bool:
    """Run a chapter and write it back; return whether its file changed.

    What differs from run to run (``nbval-ignore-output``) is kept as it was while no
    cell of the chapter has changed: the cell runs, its assertion holds, the bytes stay.
    """
    cells = [cell for _, cell in chapter.code()]
    unchanged = all(c.metadata.get("executed") == fingerprint(c.source) for c in cells)
    earlier = {
        cell.id: copy.deepcopy(cell.outputs)
        for cell in cells
        if "nbval-ignore-output" in tags(cell)
    }
    old = chapter.path.read_text("utf-8")
    run(chapter, chapter.root, timeout=timeout)
    for cell in cells:
        if unchanged and earlier.get(cell.id):
            cell.outputs = earlier[cell.id]
    new = dumps(chapter.notebook)
    if new != old:
        write_text(chapter.path, new)
    return new != old


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(
        description="Run chapters in place, in a fresh kernel with one thread, and "
        "store their outputs. An unchanged chapter gives the same bytes. A cell that "
        "fails without the tag raises-exception leaves the file as it was; so does a "
        "tagged cell that does not fail."
    )
    parser.add_argument(
        "chapter", nargs="*", help="numbers, such as 04; all by default"
    )
    parser.add_argument(
        "--timeout", type=float, default=TIMEOUT, help="seconds a cell may take"
    )
    options = parser.parse_args(arguments)
    try:
        for chapter in read_chapters(root, options.chapter):
            start = time.perf_counter()
            word = "written" if execute(chapter, options.timeout) else "unchanged"
            print(
                f"{chapter.file}: {word}, {time.perf_counter() - start:.1f} s",
                flush=True,
            )
    except BookError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
