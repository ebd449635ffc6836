"""Run nbval over the chapters as if on other machines."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from environment import environment
from execute import TIMEOUT
from notebooks import ROOT
from packaging.requirements import Requirement

WORKERS = 2
CONFIG = Path(__file__).resolve().with_name("nbval.cfg")
_FACTS = """
import json, numpy, scipy.linalg
from numpy._core import _multiarray_umath as core
from threadpoolctl import threadpool_info
print(json.dumps({
    "numpy": numpy.__version__,
    "blas": sorted({p.get("architecture") for p in threadpool_info()} - {None}),
    "features": [name for name, on in core.__cpu_features__.items() if on],
    "dispatched": list(core.__cpu_dispatch__),
}))
"""
Facts = dict[str, Any]


class NotRunError(Exception):
    """A setting that this machine cannot have; the message says why."""


@dataclass
class Setting:
    """What one run changes, and `proof`: what then holds, or NotRunError."""

    name: str
    proof: Callable[[Facts], str]
    variables: dict[str, str] = field(default_factory=dict)
    packages: tuple[Path, ...] = ()
    prepare: Callable[[], None] = lambda: None

    def environment(self, root: Path) -> dict[str, str]:
        """Return the environment of pytest and of its kernels."""
        return {**environment(*self.packages, root), **self.variables}

    def prove(self, root: Path) -> str:
        """Prepare the setting; prove it by what an interpreter says about itself."""
        self.prepare()
        return self.proof(facts(self.environment(root)))


def facts(variables: dict[str, str]) -> Facts:
    """Ask an interpreter in this environment about NumPy, BLAS and the processor."""
    command = [sys.executable, "-c", _FACTS]
    run = subprocess.run(
        command, env=variables, capture_output=True, text=True, check=False
    )
    if run.returncode:
        raise NotRunError((run.stderr.strip() or "python failed").splitlines()[-1])
    found: Facts = json.loads(run.stdout)
    return found


def blas(kernel: str, needs: str = "") -> Setting:
    """OpenBLAS with the kernels of another processor."""

    def proof(found: Facts) -> str:
        if found["blas"] != [kernel]:
            raise NotRunError(f"OpenBLAS runs as {found['blas']}")
        return f"OpenBLAS runs as {kernel}"

    def prepare() -> None:
        if needs and needs not in facts(environment())["features"]:
            raise NotRunError(f"the processor has no {needs}")

    return Setting(kernel, proof, {"OPENBLAS_CORETYPE": kernel}, prepare=prepare)


def without_avx512() -> Setting:
    """NumPy without its AVX-512 kernels, whose names differ between releases."""
    groups: list[str] = []
    variables: dict[str, str] = {}

    def prepare() -> None:
        found = facts(environment())
        avx512 = re.compile(r"AVX512\w*|X86_V4")
        groups.extend(filter(avx512.fullmatch, found["dispatched"]))
        groups[:] = [group for group in groups if group in found["features"]]
        if not groups:
            raise NotRunError("NumPy uses no AVX-512 on this processor")
        variables["NPY_DISABLE_CPU_FEATURES"] = " ".join(groups)

    def proof(found: Facts) -> str:
        if still := sorted({*groups} & {*found["features"]}):
            raise NotRunError(f"NumPy still uses {' '.join(still)}")
        return f"NumPy runs without {' '.join(groups)}"

    return Setting("no AVX-512 in NumPy", proof, variables, prepare=prepare)


def other_numpy(name: str, wanted: Requirement, folder: Path) -> Setting:
    """Another NumPy, laid over the installed packages; nothing else changes."""

    def prepare() -> None:
        options = ["--quiet", "--no-deps", "--upgrade", "--only-binary=:all:"]
        command = [
            sys.executable,
            "-m",
            "pip",
            "install",
            *options,
            f"--target={folder}",
        ]
        run = subprocess.run(
            [*command, str(wanted)], capture_output=True, text=True, check=False
        )
        if run.returncode:
            raise NotRunError((run.stderr.strip() or "pip failed").splitlines()[-1])

    def proof(found: Facts) -> str:
        version = found["numpy"]
        if not wanted.specifier.contains(version):
            raise NotRunError(f"NumPy is {version}")
        for package in importlib.metadata.distributions():
            for need in map(Requirement, package.requires or ()):
                applies = need.marker is None or need.marker.evaluate({"extra": ""})
                if need.name == "numpy" and applies and version not in need.specifier:
                    raise NotRunError(f"{package.name} {package.version} needs {need}")
        return f"NumPy is {version}"

    return Setting(name, proof, packages=(folder,), prepare=prepare)


def settings(root: Path) -> Iterator[Setting]:
    """Yield all settings; the oldest NumPy is the one that pyproject.toml claims."""
    yield blas("Haswell")
    yield blas("SkylakeX", needs="AVX512_SKX")
    yield blas("Nehalem")
    yield without_avx512()
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    (claimed,) = (
        r for r in map(Requirement, project["dependencies"]) if r.name == "numpy"
    )
    oldest = min(spec.version for spec in claimed.specifier if spec.operator == ">=")
    folder = ROOT / "_build"
    yield other_numpy(
        "oldest NumPy", Requirement(f"numpy=={oldest}.*"), folder / "numpy-oldest"
    )
    yield other_numpy(
        "newest NumPy", Requirement(f"numpy>={oldest},<3"), folder / "numpy-newest"
    )


def nbval(root: Path, variables: dict[str, str]) -> tuple[bool, str]:
    """Run nbval over all chapters; return whether they passed, and the last line."""
    options = ["--nbval", "--nbval-current-env", f"--nbval-sanitize-with={CONFIG}"]
    options += [f"--nbval-cell-timeout={TIMEOUT}", f"-n{WORKERS}", "--dist=loadscope"]
    options += ["--quiet", "--color=no", "-pno:cacheprovider", "chapters"]
    command = [sys.executable, "-m", "pytest", *options]
    run = subprocess.run(
        command, cwd=root, env=variables, capture_output=True, text=True, check=False
    )
    if run.returncode:
        print(run.stdout, run.stderr, sep="\n")
    return not run.returncode, (run.stdout.strip() or "no output").splitlines()[-1]


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(
        description="Compare every output of every chapter under other BLAS kernels, "
        "without AVX-512 in NumPy, and with the oldest and the newest NumPy. Each run "
        "proves its setting or says why it is not run; none widens a comparison."
    )
    parser.parse_args(arguments)
    rows, failed = [], False
    for setting in settings(root):
        try:
            proved = setting.prove(root)
        except NotRunError as why:
            rows.append((setting.name, f"not run: {why}", ""))
        else:
            passed, result = nbval(root, setting.environment(root))
            failed |= not passed
            rows.append((setting.name, proved, result))
        print(*rows[-1], sep=": ", flush=True)
    print()
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for row in rows:
        print(
            "  ".join(
                [row[0].ljust(widths[0]), row[1].ljust(widths[1]), row[2]]
            ).rstrip()
        )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
