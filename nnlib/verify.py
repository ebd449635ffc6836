"""Checks that are shown refusing a wrong statement.

Every result of the book is passed through `check`, derived in chapter 00.
"""

# Written by book/tools/export.py: edit the chapter, then run `make export`.

import re
from collections.abc import Callable, Mapping
from typing import TypeVar

__all__ = ["check"]

_T = TypeVar("_T")


def check(
    label: str, test: Callable[[_T], None], right: _T, *, wrong: Mapping[str, _T]
) -> None:
    """Run a test on the right statement, which must pass, and on wrong ones.

    Each wrong one must be refused.

    Derived in chapter 00, "How does this book check itself?".

    Parameters
    ----------
    label : str
        The equation's label on the page, such as ``"eq-sine-slope"``.
    test : callable
        ``test(statement)`` raises AssertionError, and nothing else, when it finds the
        statement wrong, and returns None when it does not.
    right : object
        What the page states, usually a function.
    wrong : mapping of str to object
        One or more wrong twins, by the name of the mistake.

    Raises
    ------
    AssertionError
        If the right statement is refused, or if a wrong twin passes.
    ValueError
        If the label is not ``eq-`` and lower-case words, or if `wrong` is empty or a
        name in it is not plain words.
    TypeError
        If the test returns something: a test asserts.

    Examples
    --------
    >>> def doubles(statement):
    ...     for x in (1, 2, 5):
    ...         assert statement(x) == x + x
    >>> check("eq-double", doubles, lambda x: 2 * x, wrong={"square": lambda x: x**2})
    eq-double holds; refused: square

    References
    ----------
    DeMillo, Lipton and Sayward, "Hints on test data selection", Computer 11(4), 1978:
    a test is worth what the wrong programs are that it tells from the right one.
    """
    if not re.fullmatch(r"eq-[a-z0-9-]+", label):
        raise ValueError(
            f"label must read eq- and then lower-case words, got {label!r}"
        )
    if not wrong:
        raise ValueError(
            f"wrong must hold at least one wrong twin for {label}, got none"
        )
    for name in wrong:
        if not re.fullmatch(r"[^\s,;][^,;\n]*", name):
            raise ValueError(f"wrong must name its twins in plain words, got {name!r}")

    try:
        _run(test, right)
    except AssertionError as error:
        raise AssertionError(f"{label} does not hold: {error}") from error
    for name, twin in wrong.items():
        try:
            _run(test, twin)
        except AssertionError:
            continue
        except Exception as error:
            error.add_note(f"{label}: the wrong twin '{name}' broke the test")
            raise
        raise AssertionError(
            f"{label}: the wrong twin '{name}' passes, so this check proves nothing"
        )
    print(f"{label} holds; refused: {', '.join(wrong)}")


def _run(test: Callable[[_T], None], statement: _T) -> None:
    outcome: object = test(statement)  # type: ignore[func-returns-value]
    if outcome is not None:
        raise TypeError(f"test must assert and return None, got {outcome!r}")
