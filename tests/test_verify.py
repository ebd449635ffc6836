"""`check` passes the right, refuses the wrong, and refuses a check that cannot fail."""

import subprocess
import sys

import pytest

from nnlib.verify import check


def is_square(claim):
    for x in (0, 1, 2, 3):
        assert claim(x) == x * x, f"at {x}"


def square(x):
    return x**2


def double(x):
    return 2 * x


def test_prints_what_holds_and_what_was_refused(capsys):
    check(
        "eq-square",
        is_square,
        square,
        wrong={"double": double, "sign": lambda x: -x * x},
    )
    assert capsys.readouterr().out == "eq-square holds; refused: double, sign\n"


def test_refuses_a_wrong_statement(capsys):
    with pytest.raises(AssertionError, match="eq-square does not hold: at 1"):
        check("eq-square", is_square, double, wrong={"sign": lambda x: -x * x})
    assert capsys.readouterr().out == ""


def test_refuses_a_check_whose_wrong_twin_passes():
    def lazy(claim):
        assert claim(2) == 4

    with pytest.raises(
        AssertionError, match="eq-square: the wrong twin 'double' passes"
    ):
        check("eq-square", lazy, square, wrong={"double": double})


def test_a_twin_that_breaks_the_test_is_not_refused_by_it():
    with pytest.raises(ZeroDivisionError) as caught:
        check("eq-square", is_square, square, wrong={"broken": lambda x: 1 / x})
    assert "the wrong twin 'broken' broke the test" in caught.value.__notes__[0]


def test_an_error_in_the_right_statement_is_not_swallowed():
    with pytest.raises(ZeroDivisionError):
        check("eq-square", is_square, lambda x: 1 / x, wrong={"double": double})


@pytest.mark.parametrize("outcome", [True, False, 1.0])
def test_refuses_a_test_that_returns_its_verdict(outcome):
    with pytest.raises(TypeError, match=f"must assert and return None, got {outcome}"):
        check("eq-square", lambda claim: outcome, square, wrong={"double": double})


def test_refuses_to_check_without_a_wrong_twin():
    with pytest.raises(
        ValueError, match="at least one wrong twin for eq-square, got none"
    ):
        check("eq-square", is_square, square, wrong={})


@pytest.mark.parametrize(
    "label", ["square", "eq-", "eq-Square", "def-square", "eq square"]
)
def test_refuses_a_label_that_is_none(label):
    with pytest.raises(ValueError, match="label must read eq-"):
        check(label, is_square, square, wrong={"double": double})


@pytest.mark.parametrize("name", ["", " double", "a, b", "a; b", "two\nlines"])
def test_refuses_names_that_would_garble_the_printed_line(name):
    with pytest.raises(ValueError, match="name its twins in plain words"):
        check("eq-square", is_square, square, wrong={name: double})


def test_without_assertions_nothing_holds():
    """Under -O Python drops assertions; a check must then fail rather than pass."""
    program = (
        "from nnlib.verify import check\n"
        "def test(claim): assert claim(3) == 9\n"
        "check('eq-square', test, lambda x: x * x, wrong={'double': lambda x: 2 * x})\n"
    )
    run = subprocess.run(
        [sys.executable, "-O", "-c", program],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode != 0
    assert "proves nothing" in run.stderr
