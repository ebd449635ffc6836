"""The environment of every notebook: one thread, one hash seed, warnings are errors."""

from __future__ import annotations

import os
from pathlib import Path

from notebooks import ROOT

#: The same for the executor, for nbval and for the runs on partial packages.
ENVIRONMENT: dict[str, str] = {
    # The order of a sum, and with it the last digit, depends on the threads.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    # The kernel triggers pending deprecations when it stops; a deprecation inside a
    # library is not the chapter's doing. Both stay silent, as they are by default.
    "PYTHONWARNINGS": ",".join(
        [
            "error",
            "ignore::PendingDeprecationWarning",
            "ignore::DeprecationWarning",
            "ignore::ResourceWarning",
            "error::DeprecationWarning:__main__",
        ]
    ),
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}


def environment(*packages: Path) -> dict[str, str]:
    """Return a kernel's whole environment; `packages` are found before all others.

    IPython gets a folder of its own: nobody's profile changes what a chapter prints.
    """
    ipython = ROOT / "_build" / "ipython"
    ipython.mkdir(parents=True, exist_ok=True)
    paths = [*map(str, packages), *filter(None, [os.environ.get("PYTHONPATH")])]
    own = {"IPYTHONDIR": str(ipython), "PYTHONPATH": os.pathsep.join(paths)}
    return {**os.environ, **ENVIRONMENT, **own}
