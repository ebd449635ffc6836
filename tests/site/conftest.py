"""A real browser on the built site, served on the loopback; no other host answers."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
]
SHIFTS = """
window.shifted = 0;
new PerformanceObserver((list) => {
  for (const e of list.getEntries()) shifted += e.hadRecentInput ? 0 : e.value;
}).observe({type: "layout-shift", buffered: true});
"""


@pytest.fixture(scope="session")
def site() -> Path:
    """Return the folder of the built site."""
    folder = Path(os.environ.get("BOOK_HTML", ROOT / "_build" / "html"))
    if not (folder / "index.html").exists():
        pytest.fail(f"no site in {folder}: run make book")
    return folder


@pytest.fixture(scope="session")
def pages(site: Path) -> list[str]:
    """Return the path of every page."""
    found = sorted(path.relative_to(site).as_posix() for path in site.rglob("*.html"))
    found = [path for path in found if not path.startswith("_static/")]
    assert {"index.html", "genindex.html", "search.html"} <= set(found)
    return found


@pytest.fixture(scope="session")
def chapters(pages: list[str]) -> list[str]:
    """Return the path of every chapter."""
    found = [path for path in pages if path.startswith("chapters/")]
    assert len(found) >= 3
    return found


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def copyfile(self, source: Any, outputfile: Any) -> None:
        """Send a page that is asked for with ?slow in pieces, as a slow line does."""
        slow = self.path.endswith("?slow")
        while piece := source.read(16_384 if slow else -1):
            outputfile.write(piece)
            time.sleep(0.01 if slow else 0)


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    """Serve the site and return its address."""
    handler = functools.partial(_Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Return the system's Chromium."""
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.fail("no browser: install Chromium (apt-get install chromium) or Chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@dataclass
class Visit:
    """One page in one window, and what went wrong there."""

    page: Page
    base: str
    foreign: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def guard(self, route: Route) -> None:
        url = route.request.url
        if url.startswith((self.base, "data:")):
            route.continue_()
        else:
            self.foreign.append(url)
            route.abort()

    def open(self, path: str) -> Page:
        self.page.goto(self.base + path, wait_until="load")
        return self.page


Visitor = Callable[..., AbstractContextManager[Visit]]


@pytest.fixture(scope="session")
def visit(browser: Browser, address: str, site: Path) -> Visitor:
    """Return a maker of windows: ``with visit(width=390) as window``."""

    @contextmanager
    def window(
        width: int = 1280, height: int = 900, from_file: bool = False, **options: Any
    ) -> Iterator[Visit]:
        base = f"{site.resolve().as_uri()}/" if from_file else address
        context = browser.new_context(
            viewport={"width": width, "height": height}, **options
        )
        context.add_init_script(SHIFTS)
        visit = Visit(context.new_page(), base)
        context.route("**/*", visit.guard)
        visit.page.on(
            "console",
            lambda m: (
                visit.complaints.append(m.text)
                if m.type in ("error", "warning")
                else None
            ),
        )
        visit.page.on("pageerror", lambda e: visit.complaints.append(str(e)))
        yield visit
        context.close()

    return window
