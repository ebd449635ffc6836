"""All rows, in the order in which they are run: the quick ones first."""

from __future__ import annotations

from published import fashion, keras_mlp, linear, mnist, nielsen, spiral
from published.row import Row

FAMILIES = (spiral, linear, mnist, nielsen, keras_mlp, fashion)
ROWS: dict[str, Row] = {row.name: row for family in FAMILIES for row in family.ROWS}
