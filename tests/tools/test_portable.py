"""Each setting is proved or not run; one failing run fails the command."""

import platform
import re
from typing import Any

import nbformat
import portable
import pytest
from environment import environment
from packaging.requirements import Requirement
from portable import (
    NotRunError,
    Setting,
    blas,
    facts,
    main,
    other_numpy,
    settings,
    without_avx512,
)


def nothing(_: Any) -> str:
    return "nothing changes"


@pytest.mark.skipif(
    platform.machine() != "x86_64", reason="kernels of one processor family"
)
def test_blas_kernel_is_proved(book: Any) -> None:
    assert blas("Nehalem").prove(book.root) == "OpenBLAS runs as Nehalem"


def test_blas_kernel_that_is_not_used_is_not_run(book: Any) -> None:
    with pytest.raises(NotRunError, match="OpenBLAS runs as"):
        blas("Nonsense").prove(book.root)
    with pytest.raises(NotRunError, match="the processor has no AVX9000"):
        blas("Haswell", needs="AVX9000").prove(book.root)


def test_numpy_features(book: Any) -> None:
    setting = without_avx512()
    if not {"AVX512_SKX", "X86_V4"} & {*facts(environment())["features"]}:
        with pytest.raises(NotRunError, match="NumPy uses no AVX-512"):
            setting.prove(book.root)
        return
    assert setting.prove(book.root).startswith("NumPy runs without ")
    names = setting.variables["NPY_DISABLE_CPU_FEATURES"].split()
    with pytest.raises(NotRunError, match=f"NumPy still uses {names[0]}"):
        setting.proof({"features": names[:1]})


def test_numpy_version(tmp_path: Any) -> None:
    setting = other_numpy("oldest", Requirement("numpy==2.1.*"), tmp_path)
    assert setting.packages == (tmp_path,)
    assert setting.proof({"numpy": "2.1.3"}) == "NumPy is 2.1.3"
    with pytest.raises(NotRunError, match=r"NumPy is 2\.4\.6"):
        setting.proof({"numpy": "2.4.6"})
    with pytest.raises(NotRunError, match=r" needs numpy"):
        other_numpy("old", Requirement("numpy<1"), tmp_path).proof({"numpy": "0.9"})


def test_pip_that_fails_is_a_reason(tmp_path: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    setting = other_numpy("newest", Requirement("numpy>=2.1,<3"), tmp_path / "numpy")
    with pytest.raises(NotRunError, match="No matching distribution"):
        setting.prove(tmp_path)


def test_all_settings(book: Any) -> None:
    names = [setting.name for setting in settings(book.root)]
    assert names[:3] == ["Haswell", "SkylakeX", "Nehalem"]
    assert names[3:] == ["no AVX-512 in NumPy", "oldest NumPy", "newest NumPy"]


def test_table_and_failure(book: Any, monkeypatch: Any, capsys: Any) -> None:
    cell = book.code("mark", "import os\nprint(os.environ['MARK'])")
    cell.execution_count = 1
    cell.outputs = [nbformat.v4.new_output("stream", text="1\n")]
    book.add("04_softmax", cell)

    def absent() -> None:
        raise NotRunError("there is none")

    good, bad = (Setting(f"mark {i}", nothing, {"MARK": str(i)}) for i in (1, 2))
    none = Setting("no machine", nothing, prepare=absent)
    monkeypatch.setattr(portable, "WORKERS", 0)
    monkeypatch.setattr(portable, "settings", lambda _: iter([good, none, bad]))
    assert main([], book.root) == 1
    out = capsys.readouterr().out
    assert "Cell outputs differ" in out
    table = out.split("\n\n")[-1].splitlines()
    assert re.fullmatch(r"mark 1      nothing changes +1 passed.*", table[0])
    assert table[1] == "no machine  not run: there is none"
    assert re.fullmatch(r"mark 2      nothing changes +1 failed.*", table[2])

    monkeypatch.setattr(portable, "settings", lambda _: iter([none]))
    assert main([], book.root) == 0
