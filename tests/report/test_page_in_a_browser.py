"""The HTML report in a real browser: quiet, alone, and usable by keyboard, at 400 px, in the dark and without sight."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, sync_playwright

from lameduck.report.html import render_html
from tests.report import sample_answers

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
)
HOW = "no chromium found, so nobody looked at the HTML report: apt-get install chromium"
if CHROMIUM is None and os.environ.get("CI") == "true":
    pytest.fail(HOW, pytrace=False)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=HOW)

Scheme = Literal["light", "dark"]
PAGES = {
    "one": [sample_answers.no_pre_stop()],
    "rollout": [sample_answers.rollout()],
    "several": list(sample_answers.everything()),
    "hostile": [sample_answers.hostile()],
}


@dataclass
class Visit:
    """A page that was opened, and all it said and asked for since."""

    page: Page
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    @property
    def focused(self) -> str:
        """The focused element as tag#id.class."""
        return str(
            self.page.evaluate(
                "(e => e.localName + (e.id ? '#' + e.id : '') + (e.classList.length ? '.' + e.classList[0] : ''))"
                "(document.activeElement)"
            )
        )

    def style(self, selector: str, name: str) -> str:
        return str(self.page.evaluate("([s, n]) => getComputedStyle(document.querySelector(s))[n]", [selector, name]))


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("profile"), executable_path=CHROMIUM, args=FLAGS
        )
        yield context
        context.close()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    for name, answers in PAGES.items():
        (folder / f"{name}.html").write_text(render_html(answers), encoding="utf-8")
    return folder


def visit(browser: BrowserContext, written: Path, name: str, *, width: int = 1100, scheme: Scheme = "light") -> Visit:
    page = browser.new_page()
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    seen = Visit(page)
    page.on("console", lambda message: seen.said.append(message.text))
    page.on("pageerror", lambda error: seen.said.append(str(error)))
    page.on("request", lambda request: seen.asked.append(request.url))
    page.goto((written / f"{name}.html").as_uri())
    return seen


@pytest.mark.parametrize("name", PAGES)
def test_the_page_complains_about_nothing_and_loads_nothing(browser: BrowserContext, written: Path, name: str) -> None:
    seen = visit(browser, written, name)
    for chart in seen.page.locator(".stage").all():
        chart.hover()
    assert (seen.said, seen.asked) == ([], [(written / f"{name}.html").as_uri()])
    seen.page.close()


@pytest.mark.parametrize("width", [320, 400, 1100])
@pytest.mark.parametrize("name", PAGES)
def test_the_page_never_scrolls_sideways(browser: BrowserContext, written: Path, name: str, width: int) -> None:
    seen = visit(browser, written, name, width=width)
    seen.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert int(seen.page.evaluate("document.scrollingElement.scrollWidth")) <= width
    seen.page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1100])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_no_barrier(browser: BrowserContext, written: Path, name: str, width: int, scheme: Scheme) -> None:
    seen = visit(browser, written, name, width=width, scheme=scheme)
    seen.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    found = Axe().run(seen.page)
    barriers = [
        (violation["id"], violation["impact"], [node["target"] for node in violation["nodes"]][:5])
        for violation in found.response["violations"]
    ]
    assert barriers == []
    seen.page.close()


def test_the_system_chooses_light_or_dark_and_the_button_overrules_it(browser: BrowserContext, written: Path) -> None:
    seen = visit(browser, written, "one")
    light = seen.style("body", "backgroundColor")
    seen.page.emulate_media(color_scheme="dark")
    dark = seen.style("body", "backgroundColor")
    assert light != dark
    button = seen.page.get_by_role("button", name="Dark")
    assert button.get_attribute("aria-pressed") == "true"
    button.click()
    assert (seen.style("body", "backgroundColor"), button.get_attribute("aria-pressed")) == (light, "false")
    seen.page.close()


def test_on_paper_the_page_is_light(browser: BrowserContext, written: Path) -> None:
    seen = visit(browser, written, "one", scheme="dark")
    seen.page.emulate_media(media="print", color_scheme="dark")
    assert seen.style("h1", "color") == "rgb(26, 32, 41)"
    assert seen.style("button", "display") == "none"
    seen.page.close()


def test_the_tab_key_reaches_all_that_can_be_used(browser: BrowserContext, written: Path) -> None:
    seen = visit(browser, written, "one")
    reached: list[str] = []
    for _ in range(40):
        seen.page.keyboard.press("Tab")
        if seen.focused in ("body", *reached[:1]):
            break
        reached.append(seen.focused)
        assert seen.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
        if seen.focused == "summary":
            seen.page.keyboard.press("Enter")
    assert reached[:3] == ["a.skip", "button#theme", "div.stage"]
    assert {"summary", "div.scroll", "input#a0-q"} <= set(reached)
    assert seen.page.evaluate("[...document.querySelectorAll('details')].every(d => d.open)")
    seen.page.close()


def test_the_skip_link_leads_to_the_report(browser: BrowserContext, written: Path) -> None:
    seen = visit(browser, written, "one")
    seen.page.keyboard.press("Tab")
    assert seen.page.locator(".skip").bounding_box() is not None
    seen.page.keyboard.press("Enter")
    assert seen.focused == "main#report"
    seen.page.close()


def test_arrow_keys_walk_through_a_chart_and_say_what_is_there(browser: BrowserContext, written: Path) -> None:
    seen = visit(browser, written, "one")
    says = seen.page.locator(".says").first
    resting = says.inner_text()
    seen.page.locator(".stage").first.focus()
    seen.page.keyboard.press("End")
    seen.page.keyboard.press("Home")
    first = says.inner_text()
    seen.page.keyboard.press("ArrowRight")
    assert {"app: running, until 0.01 s"} <= {first, says.inner_text()}
    assert first != says.inner_text()
    assert seen.page.locator(".reached").count() == 1
    seen.page.keyboard.press("Escape")
    assert says.inner_text() == resting
    seen.page.close()


def test_pointing_at_a_piece_says_what_it_is(browser: BrowserContext, written: Path) -> None:
    seen = visit(browser, written, "one")
    seen.page.locator(".piece.starting").hover()
    assert seen.page.locator(".says").first.inner_text() == "replacement: starting (web-2), from 0.00 s until 1.20 s"
    seen.page.close()


def test_typing_filters_the_events(browser: BrowserContext, written: Path) -> None:
    seen = visit(browser, written, "one")
    seen.page.get_by_text("events", exact=False).first.click()
    every = seen.page.locator("#a0-rows tr").count()
    seen.page.get_by_label("Show events with").fill("SIGTERM")
    assert seen.page.locator("#a0-rows tr:visible").count() == 1
    assert seen.page.get_by_role("status").inner_text() == f"1 of {every} events"
    seen.page.get_by_label("Show events with").fill("")
    assert seen.page.locator("#a0-rows tr:visible").count() == every
    seen.page.close()


def test_a_lost_request_among_ten_thousand_is_seen_on_the_screen(browser: BrowserContext, tmp_path: Path) -> None:
    (tmp_path / "huge.html").write_text(render_html([sample_answers.huge()]), encoding="utf-8")
    seen = visit(browser, tmp_path, "huge")
    box = seen.page.locator("rect.piece.fate-refused").bounding_box()
    assert box is not None
    assert box["height"] >= 4
    assert box["width"] >= 4
    seen.page.close()
