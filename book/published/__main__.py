"""``python -m published [ROW …]``: run these rows, or all, and write their results."""

from __future__ import annotations

import sys
import time

from published.record import record
from published.rows import ROWS


def main(names: list[str]) -> int:
    """Run, and say what came out; return the exit status."""
    if unknown := [name for name in names if name not in ROWS]:
        print(f"No row {', '.join(unknown)}. There are: {', '.join(ROWS)}")
        return 2
    start = time.monotonic()
    for path in record(ROWS[name] for name in names or ROWS):
        said = f"{path.name}: {time.monotonic() - start:.0f} s"
        row = ROWS[path.stem]
        print(said, f"({len(row.seeds)} seeds)", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
