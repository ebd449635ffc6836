"""Links to the manuals of Python and NumPy, without fetching an inventory.

The list is short and explicit, so that a misspelt name still fails under ``-n``.
"""

from __future__ import annotations

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

NUMPY = "https://numpy.org/doc/stable/reference/"
MANUALS = {
    "https://docs.python.org/3/library/exceptions.html#{}": (
        "AssertionError AttributeError IndexError KeyError NotImplementedError "
        "RuntimeError TypeError ValueError"
    ),
    f"{NUMPY}generated/{{}}.html": "numpy.ndarray numpy.dtype",
    f"{NUMPY}random/generator.html#{{}}": "numpy.random.Generator",
}


def address(name: str) -> str | None:
    """Return where a name is documented.

    >>> address("ValueError")
    'https://docs.python.org/3/library/exceptions.html#ValueError'
    >>> address("ValueErorr") is None
    True
    """
    return next(
        (page.format(name) for page, known in MANUALS.items() if name in known.split()),
        None,
    )


def _resolve(
    _app: Sphinx, _env: BuildEnvironment, node: pending_xref, content: nodes.TextElement
) -> nodes.reference | None:
    if node.get("refdomain") != "py":
        return None
    target = address(node["reftarget"])
    if target is None:
        return None
    return nodes.reference("", "", content, internal=False, refuri=target)


def setup(app: Sphinx) -> None:
    """Register the resolver."""
    app.connect("missing-reference", _resolve)
