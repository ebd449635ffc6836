"""The book's Sphinx extension: what the pages need that Sphinx and MyST-NB do not do.

One concern a module: ``notebooks`` (where a node comes from), ``folds`` (what opens and
closes), ``formulas``, ``figures``, ``widths``, ``refusals`` (tracebacks), ``chapters``
(numbers), ``checks``, ``exports``, ``names`` (links out of the book), ``results``
(measured numbers), ``page`` (the template's context).
"""

from __future__ import annotations

import sys
from typing import Any

from sphinx.application import Sphinx

from bookpage import (
    chapters,
    checks,
    exports,
    figures,
    folds,
    formulas,
    names,
    notebooks,
    page,
    refusals,
    results,
    widths,
)

MODULES = (
    notebooks,
    folds,
    formulas,
    figures,
    widths,
    refusals,
    chapters,
    checks,
    exports,
    names,
    results,
    page,
)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register every concern."""
    # The API page and the palette show this checkout, whatever else is installed.
    sys.path.insert(0, str(app.confdir))
    for module in MODULES:
        module.setup(app)
    return {
        "version": "1",
        "env_version": 2,
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
