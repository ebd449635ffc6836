"""The built site as a reader meets it."""

from __future__ import annotations

import gzip
import re
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin

import pytest
from playwright.sync_api import Locator, Page

Visitor = Callable[..., AbstractContextManager[Any]]
MODEL = "chapters/04_softmax.html"
MISSING_WORDS = """
() => [...document.querySelectorAll("img:not([alt]), svg")]
  .filter((e) => e.tagName === "IMG" || !e.parentElement.closest("svg"))
  .filter((e) => e.tagName === "IMG" || !e.closest("[aria-hidden=true]"))
  .filter((e) => !(e.role === "img" && e.ariaLabel?.trim()))
  .map((e) => e.outerHTML.slice(0, 200))
"""


EM = """
(svg) => {
  const text = [...svg.querySelectorAll("text[style*='font-size: 10px']")][0];
  const turned = text?.getScreenCTM(); // by 90 degrees beside an axis
  return text && 10 * Math.hypot(turned.a, turned.b);
}
"""
UNFOLD = """
(mark) => {
  const above = (element) => element.closest("details");
  for (let fold = above(mark); fold; fold = above(fold.parentElement)) fold.open = true;
}
"""


class Links(HTMLParser):
    """The links, ids and files of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: Counter[str] = Counter()
        self.files: list[str] = []
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if found.get("id"):
            self.ids[str(found["id"])] += 1
        if tag in ("a", "use") and found.get("href") is not None:
            self.links.append(str(found["href"]))
        source = found.get("src") if tag in ("img", "script") else None
        if tag == "link" and found.get("rel") in ("stylesheet", "icon"):
            source = found.get("href")
        if source and not source.startswith("data:"):
            self.files.append(source)


@pytest.fixture(scope="session")
def parsed(site: Path, pages: list[str]) -> dict[str, Links]:
    """Return the links of every page."""
    return {path: Links(site / path) for path in pages}


def frame(explorer: Locator) -> str:
    """Return where the one frame stands that is seen."""
    seen = explorer.locator(".nn-frame:visible")
    assert seen.count() == 1
    return str(seen.get_attribute("data-at"))


@pytest.mark.parametrize("from_file", [False, True], ids=["served", "from a file"])
def test_no_page_asks_another_host_or_complains(
    visit: Visitor, pages: list[str], from_file: bool
) -> None:
    with visit(from_file=from_file) as window:
        for path in pages:
            window.open(path)
    assert window.foreign == []
    assert window.complaints == []


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_overflows_or_shifts(
    visit: Visitor, pages: list[str], width: int
) -> None:
    for path in pages:
        with visit(width=width, height=844) as window:
            page = window.open(f"{path}?slow")
            page.wait_for_timeout(200)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
            assert page.evaluate("shifted") <= 0.05, path


def test_links_lead_somewhere(site: Path, parsed: dict[str, Links]) -> None:
    count = 0
    for path, page in parsed.items():
        for link in page.links:
            if re.match(r"[a-z]+:", link):
                continue
            target, fragment = urldefrag(urljoin(f"/{path}", link))
            count += 1
            target = unquote(target).lstrip("/")
            assert (site / target).is_file(), f"{path}: {link}"
            if fragment and target in parsed:
                assert unquote(fragment) in parsed[target].ids, f"{path}: {link}"
    assert count > 500


def test_ids_are_unique(parsed: dict[str, Links]) -> None:
    for path, page in parsed.items():
        assert not [name for name, n in page.ids.items() if n > 1], path


def test_every_page_is_light(site: Path, parsed: dict[str, Links]) -> None:
    for path, page in parsed.items():
        files = {(site / path).resolve()}
        files |= {(site / path).parent.joinpath(name).resolve() for name in page.files}
        weight = sum(len(gzip.compress(file.read_bytes())) for file in files)
        assert weight <= 300_000, f"{path}: {weight / 1000:.0f} kB"


def test_every_page_has_words_for_machines(visit: Visitor, pages: list[str]) -> None:
    descriptions: Counter[str] = Counter()
    figures = 0
    with visit() as window:
        for path in pages:
            page = window.open(path)
            assert page.evaluate(MISSING_WORDS) == [], path
            figures += page.locator("svg.nn-figure").count()
            assert page.locator("html").get_attribute("lang") == "en"
            assert page.locator("h1").count() == 1, path
            meta = page.locator("meta[name=description]").get_attribute("content")
            assert meta, path
            assert len(meta) >= 20, path
            descriptions[meta] += 1
            assert "nnlib" in page.locator("main > footer").inner_text()
    assert descriptions.most_common(1)[0][1] == 1
    assert figures > 3


@pytest.mark.parametrize("size", [(1280, 900), (390, 844)], ids=["desktop", "phone"])
def test_the_first_screen_shows_question_and_answer(
    visit: Visitor, chapters: list[str], size: tuple[int, int]
) -> None:
    with visit(*size) as window:
        for path in chapters:
            page = window.open(path)
            title = page.locator("h1").bounding_box()
            answer = page.locator("h1 + p").bounding_box()
            assert title, path
            assert answer, path
            assert title["y"] <= 90, path
            assert answer["y"] + answer["height"] <= size[1], path


def test_controls_answer_mouse_and_keyboard(
    visit: Visitor, chapters: list[str]
) -> None:
    moved = chosen = 0
    with visit() as window:
        for path in chapters:
            page = window.open(path)
            for explorer in page.locator(".nn-explorer").all():
                start = explorer.get_attribute("data-start")
                assert frame(explorer) == start
                for slider in explorer.locator("input[type=range]").all():
                    move(explorer, slider)
                    moved += 1
                for choice in explorer.locator("fieldset").all():
                    choose(explorer, choice)
                    chosen += 1
    assert moved >= 2
    assert chosen >= 1


def choose(explorer: Locator, choice: Locator) -> None:
    """Choose each word, by key and by mouse, and see the figure follow."""
    radios = choice.locator("input[type=radio]").all()
    radios[0].check()
    seen = [frame(explorer)]
    for radio in radios[1:]:
        choice.locator("input:checked").press("ArrowRight")
        assert radio.is_checked()
        seen.append(frame(explorer))
    assert len(set(seen)) == len(radios)
    label = choice.locator("label").first
    box = label.bounding_box()
    assert box
    assert box["height"] >= 38
    label.click()
    assert frame(explorer) == seen[0]


def test_on_a_phone_the_controls_stand_under_the_picture(visit: Visitor) -> None:
    with visit(width=390, height=844) as window:
        explorer = window.open(MODEL).locator(".nn-explorer").first
        picture = explorer.locator(".nn-frame:visible svg").bounding_box()
        controls = explorer.locator(".nn-controls").bounding_box()
        assert picture
        assert controls
        assert picture["width"] > 370
        assert picture["y"] + picture["height"] <= controls["y"]
        assert controls["x"] + controls["width"] <= 390


def test_words_in_figures_are_of_one_size(visit: Visitor, chapters: list[str]) -> None:
    """Their em is 13.5 to 14.5 px on a desktop where matplotlib says 10 points."""
    with visit() as window:
        for path in chapters:
            page = window.open(path)
            for figure in page.locator("svg.nn-figure:visible").all():
                size = figure.evaluate(EM)
                assert size is None or 13.5 <= size <= 14.5, f"{path}: {size}"


def test_the_section_that_is_read_is_marked(visit: Visitor) -> None:
    with visit(reduced_motion="reduce") as window:
        page = window.open(f"{MODEL}#the-cure")
        marked = page.locator("nav#contents [aria-current]")
        marked.filter(has_text="The cure").wait_for()
        assert marked.count() == 1
        page.locator("#exercises > h2").evaluate("(e) => e.scrollIntoView()")
        marked.filter(has_text="Exercises").wait_for()
        assert marked.count() == 1


def move(explorer: Locator, slider: Locator) -> None:
    """Move a slider to its ends, by key and by mouse, and see the figure follow."""
    slider.focus()
    slider.press("Home")
    first, value = frame(explorer), slider.get_attribute("aria-valuetext")
    drawn = explorer.locator(".nn-frame:visible").inner_html()
    slider.press("ArrowRight")
    assert frame(explorer) != first
    assert explorer.locator(".nn-frame:visible").inner_html() != drawn
    assert slider.get_attribute("aria-valuetext") != value
    box = slider.bounding_box()
    assert box
    assert box["height"] >= 44
    slider.click(position={"x": box["width"] - 2, "y": box["height"] / 2})
    last = slider.get_attribute("max")
    assert slider.input_value() == last
    assert last in frame(explorer).split(",")
    shown = slider.locator("xpath=following-sibling::output").inner_text()
    assert shown == slider.get_attribute("aria-valuetext") != value
    slider.click(position={"x": 2, "y": box["height"] / 2})
    assert frame(explorer) == first


def test_every_mark_opens_its_check(visit: Visitor, chapters: list[str]) -> None:
    followed = 0
    with visit() as window:
        for path in chapters:
            page = window.open(path)
            for mark in page.locator("a.nn-mark").all():
                mark.evaluate(UNFOLD)
                number = mark.locator("xpath=..").inner_text().split("(")[1].strip(") ")
                name = f"Checked: see how eq. {number} is tested"
                assert mark.get_attribute("aria-label") == name
                strip = page.locator(str(mark.get_attribute("href")))
                assert strip.get_attribute("open") is None
                mark.click()
                strip.locator("pre").first.wait_for(state="visible", timeout=2000)
                assert strip.get_attribute("open") is not None
                said = strip.locator("summary").inner_text()
                assert re.fullmatch(
                    rf"✓ \({re.escape(number)}\) holds; \d+ wrong versions? refused",
                    said.strip(),
                )
                names = strip.locator(".nn-twins").inner_text()
                assert names.startswith("refused: ")
                assert len(names.split(", ")) == int(said.split()[3])
                back = strip.locator("summary a").get_attribute("href")
                assert page.locator(str(back)).locator("a.nn-mark").count() == 1
                followed += 1
    assert followed >= 5


def test_a_link_from_outside_opens_its_check(visit: Visitor) -> None:
    with visit() as window:
        page = window.open(MODEL)
        name = page.locator("details.nn-check").last.get_attribute("id")
        page.goto("about:blank")
        page = window.open(f"{MODEL}#{name}")
        page.locator(f"#{name} pre").first.wait_for(state="visible", timeout=2000)


def test_solutions_are_closed_and_open(visit: Visitor, chapters: list[str]) -> None:
    opened = 0
    with visit() as window:
        for path in chapters:
            page = window.open(path)
            for solution in page.locator("details.nn-solution").all():
                inside = solution.locator(":scope > :not(summary)").first
                assert not inside.is_visible()
                solution.locator("> summary").click()
                assert inside.is_visible()
                opened += 1
    assert opened >= 3


def colours(page: Page) -> tuple[str, str, str]:
    """Return what a theme changes: paper, text, and the text of a figure."""
    return tuple(
        page.locator(selector).first.evaluate(f"(e) => getComputedStyle(e).{name}")
        for selector, name in (
            ("html", "backgroundColor"),
            ("article p", "color"),
            (".nn-figure:visible text[style*=--nn-], .nn-figure:visible text", "fill"),
        )
    )


def test_figures_follow_the_theme(visit: Visitor) -> None:
    with visit(color_scheme="light") as window:
        page = window.open(MODEL)
        light = colours(page)
        page.locator("button.theme").click()
        dark = colours(page)
        page = window.open("index.html")
        assert page.locator("html").get_attribute("data-theme") == "dark"
    assert all(a != b for a, b in zip(light, dark, strict=True)), (light, dark)
    with visit(color_scheme="dark") as window:
        assert colours(window.open(MODEL)) == dark
    with visit(color_scheme="dark", java_script_enabled=False) as window:
        assert window.open(MODEL).locator("html").get_attribute("data-theme") is None
        css = window.page.locator("link[href*=palette]").count()
        assert css == 1


def test_without_script_the_page_is_whole(visit: Visitor, chapters: list[str]) -> None:
    explorers = formulas = 0
    with visit(java_script_enabled=False) as window:
        for path in chapters:
            page = window.open(path)
            for explorer in page.locator(".nn-explorer").all():
                seen = explorer.locator(".nn-frame:visible")
                assert seen.count() == 1
                assert seen.get_attribute("data-at") == explorer.get_attribute(
                    "data-start"
                )
                assert not explorer.locator(".nn-controls").is_visible()
                explorers += 1
            for formula in page.locator(".nn-scroll > svg").all():
                box = formula.bounding_box()
                if formula.is_visible():
                    assert box
                    assert box["width"] > 5
                    assert box["height"] > 5
                    formulas += 1
            assert not page.locator("button.theme").is_visible()
    assert explorers >= 1
    assert formulas > 10


def test_every_glyph_of_a_formula_is_on_its_page(site: Path, pages: list[str]) -> None:
    glyphs = 0
    for path in pages:
        html = (site / path).read_text("utf-8")
        used = set(re.findall(r'<use [^>]*href="#(mj-[^"]+)"', html))
        held = re.findall(r'<path id="(mj-[^"]+)" d="([^"]*)"', html)
        assert used == {name for name, _ in held}, path
        glyphs += len(held)
    assert glyphs > 50


def test_on_paper_there_is_the_first_frame_and_no_chrome(visit: Visitor) -> None:
    with visit(color_scheme="light") as window:
        light = colours(window.open(MODEL))
    with visit(color_scheme="dark") as window:
        page = window.open(MODEL)
        explorer = page.locator(".nn-explorer").first
        slider = explorer.locator("input[type=range]").first
        slider.focus()
        slider.press("Home")
        slider.press("ArrowRight")
        start = explorer.get_attribute("data-start")
        page.emulate_media(media="print")
        assert frame(explorer) == start
        assert colours(page) == light
        for chrome in (
            ".nn-controls",
            ".contents",
            ".turn",
            ".copy",
            ".headerlink",
            ".bar",
        ):
            assert page.locator(chrome).count() > 0, chrome
            assert not page.locator(chrome).first.is_visible(), chrome
        assert page.locator(".nn-check summary").first.is_visible()
        assert page.locator(".nn-exported pre").first.is_visible()
        assert not page.locator(".nn-source:not(.nn-exported)").first.is_visible()
        inside = page.locator(".nn-solution > :not(summary)").first
        assert inside.is_visible()


def test_code_can_be_copied(visit: Visitor) -> None:
    with visit(permissions=["clipboard-read", "clipboard-write"]) as window:
        page = window.open(MODEL)
        block = page.locator(".cell_input .highlight:visible").first
        block.hover()
        block.locator("button.copy").click()
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied.strip() == block.locator("pre").inner_text().strip()
        assert "Copy" not in copied
        assert "#|" not in page.locator("article").inner_text()


@pytest.mark.parametrize("from_file", [False, True], ids=["served", "from a file"])
def test_search_finds_a_formula_by_name(visit: Visitor, from_file: bool) -> None:
    with visit(from_file=from_file) as window:
        page = window.open("index.html")
        page.locator("nav input[type=search]").fill("softmax")
        page.keyboard.press("Enter")
        page.locator("#search-results a[href*='04_softmax']").first.wait_for()
    assert window.complaints == []


def test_the_notebook_can_be_downloaded(visit: Visitor, chapters: list[str]) -> None:
    with visit() as window:
        for path in chapters:
            page = window.open(path)
            with page.expect_download() as download:
                page.get_by_text("Download this notebook").click()
            name = download.value.suggested_filename
            assert name == Path(path).with_suffix(".ipynb").name


def test_on_a_phone_the_contents_come_on_demand(visit: Visitor) -> None:
    with visit(width=390, height=844) as window:
        page = window.open(MODEL)
        contents = page.locator("nav#contents")
        assert not contents.is_visible()
        page.get_by_role("button", name="Contents").click()
        assert contents.is_visible()
        page.keyboard.press("Escape")
        assert not contents.is_visible()
        page.get_by_role("button", name="Contents").click()
        contents.locator("a", has_text="Exercises").click()
        assert not contents.is_visible()
        assert page.url.endswith("#exercises")
        page.get_by_role("button", name="Contents").click()
        for reachable in ("button.theme", "a.tools"):
            box = contents.locator(reachable).bounding_box()
            assert box
            assert box["y"] + box["height"] <= 300
        page.get_by_role("button", name="Close the contents").click()
        assert not contents.is_visible()


def test_focus_is_seen(visit: Visitor) -> None:
    with visit() as window:
        page = window.open(MODEL)
        style = "(e) => getComputedStyle(e).outlineStyle"
        for selector in (".nn-controls input", "a.nn-mark", "details > summary"):
            element = page.locator(selector).first
            element.focus()
            page.keyboard.press("Shift+Tab")
            page.keyboard.press("Tab")
            assert element.evaluate(style) != "none", selector
