"""The package as a stranger gets it: light, typed, complete, and under its own name."""

import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import nnlib

ROOT = Path(__file__).parents[1]
MODULES = sorted(module.name for module in pkgutil.iter_modules(nnlib.__path__))


def python(program):
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return run.stdout.strip()


def test_importing_nnlib_adds_almost_nothing_to_numpy():
    """Measured in imported modules, which do not depend on the machine's load."""
    added = python(
        "import sys, numpy; before = set(sys.modules); import nnlib; "
        "print(*sorted(set(sys.modules) - before))"
    )
    assert added == "nnlib"


def test_functional_needs_nothing_but_numpy():
    added = python(
        "import sys, numpy; before = set(sys.modules); import nnlib.functional; "
        "print(*sorted({m.split('.')[0] for m in set(sys.modules) - before}))"
    )
    assert set(added.split()) <= {"nnlib"} | set(sys.stdlib_module_names) | {"numpy"}


@pytest.mark.parametrize("name", MODULES)
def test_every_public_name_is_documented_and_says_where_it_is_derived(name):
    module = importlib.import_module(f"nnlib.{name}")
    assert module.__doc__
    for symbol in module.__all__:
        value = getattr(module, symbol)
        if callable(value):
            sections = ["Examples"]
            if inspect.signature(value).parameters:
                sections.append("Parameters\n")
            for section in sections:
                assert section in value.__doc__, (
                    f"{name}.{symbol} has no section {section}"
                )
            assert re.search(r"(chapter \d|appendix A\d)", value.__doc__), (
                f"{name}.{symbol}"
            )


def test_the_wheel_holds_the_package_and_nothing_else(tmp_path):
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--no-deps",
            "--wheel-dir",
            tmp_path,
            ROOT,
        ],
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name == f"dot_product_up-{nnlib.__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = archive.read(
            next(n for n in names if n.endswith("METADATA"))
        ).decode()
    shipped = {n for n in names if ".dist-info/" not in n}
    assert shipped == {f"nnlib/{m}.py" for m in ["__init__", *MODULES]} | {
        "nnlib/py.typed"
    }
    needed = re.findall(r"^Requires-Dist: (.*)$", metadata, flags=re.MULTILINE)
    assert [n for n in needed if "extra ==" not in n] == ["numpy>=2.1"]


def test_nobody_is_told_to_install_somebody_elses_package():
    """Another project owns the name nnlib on the package index."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.split():
        text = (ROOT / name).read_text(encoding="utf-8", errors="ignore")
        found = re.search(
            r"(pip|uv|piplite)[\w. ]*\binstall\(?[\"' ]+(-\S+ )*nnlib\b", text
        )
        assert not found, f"{name}: {found and found[0]}"
