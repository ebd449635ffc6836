"""Give nbval's kernels the executor's environment, so that plain pytest is right."""

import os
from collections.abc import Generator
from pathlib import Path

import pytest
from environment import environment


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    """Start the kernel in that environment; leave this process's own as it was."""
    outside = dict(os.environ)
    os.environ.update(environment(Path(item.config.rootpath)))
    try:
        return (yield)
    finally:
        os.environ.clear()
        os.environ.update(outside)
