"""Run a row over its seeds, and write what came out and what it takes to repeat it."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from published.row import Row
from published.rows import ROWS

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).resolve().parent / "results"
THREADS = ("OMP_NUM", "OPENBLAS_NUM", "MKL_NUM", "VECLIB_MAXIMUM")


def one(name: str, seed: int | None) -> dict[str, Any]:
    """Run one seed of a row, or with None what has no seed."""
    row = ROWS[name]
    data = row.load()
    if seed is None:
        return row.once(data, **row.settings) if row.once else {}
    if row.run is None:
        raise ValueError(f"{name} has seeds and nothing to run with them")
    return row.run(seed, data, **row.settings)


def gather(
    row: Row, runs: list[dict[str, Any]], once: dict[str, Any]
) -> dict[str, Any]:
    """Return the content of a result file but for what is said of the run itself."""
    found: dict[str, Any] = {
        "row": row.name,
        "title": row.title,
        "command": f"make published ROW={row.name}",
        "settings": dict(row.settings),
        "seeds": list(row.seeds),
        "results": {
            key: [run[key] for run in runs]
            for key in (runs[0] if runs else ())
            if not key.startswith("_")
        },
        "once": dict(once),
    }
    if row.summarise:
        found["summary"] = row.summarise(runs)
    if row.published:
        found["published"] = vars(row.published).copy()
    return found


def surroundings() -> dict[str, Any]:
    """Return the commit, whether the tree was as committed, and versions."""

    def git(*words: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", *words], cwd=ROOT, capture_output=True, text=True, check=True
            )
        except (OSError, subprocess.CalledProcessError):
            return None
        return done.stdout.strip()

    # What earlier rows of the same command have written is no change of what runs.
    changed = git("status", "--porcelain", "--", ".", f":!{RESULTS.relative_to(ROOT)}")
    return {
        "commit": git("rev-parse", "HEAD"),
        "clean": changed == "",
        "versions": {"python": platform.python_version(), "numpy": np.__version__},
        "threads": 1,
    }


def text_of(result: dict[str, Any]) -> str:
    """Return sorted JSON with each list of plain values on one line."""
    text = json.dumps(result, indent=1, sort_keys=True, ensure_ascii=False)
    flat = re.compile(r'\[\s+((?:"(?:[^"\\]|\\.)*"|[^\[\]{}"])*?)\s+\]')
    return flat.sub(lambda m: "[" + re.sub(r",\n\s+", ", ", m[1]) + "]", text) + "\n"


def write(result: dict[str, Any], folder: Path = RESULTS) -> Path:
    """Write a result file, whole or not at all."""
    target = folder / f"{result['row']}.json"
    folder.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=folder, prefix=".", suffix=".json")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text_of(result))
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return target


def record(rows: Iterable[Row]) -> Iterator[Path]:
    """Run rows, several seeds at the same time, and yield the files written."""
    chosen, where = list(rows), surroundings()
    # Before a process of the pool imports NumPy.
    os.environ.update({f"{name}_THREADS": "1" for name in THREADS})
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        waiting: list[tuple[Row, list[Future[Any]]]] = [
            (row, [pool.submit(one, row.name, seed) for seed in (None, *row.seeds)])
            for row in chosen
        ]
        try:
            for row, futures in waiting:
                once, *runs = (future.result() for future in futures)
                yield write({**gather(row, runs, once), **where})
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
