"""A report's HTML in a browser: nothing is fetched, charts are drawn, tables sort, everybody can read it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from llmscope.render import View, render_report
from llmscope.render._vega_theme import DARK, LIGHT
from llmscope.reported import Report
from tests.pictures.reports import hostile, plain

api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (the dev extra brings it)")
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium, or set CHROMIUM")
READY = "html[data-ready]"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One Chromium for all tests."""
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM)
        yield started
        started.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two reports as files: one of plain figures, one of texts that mean harm."""
    folder = tmp_path_factory.mktemp("reports")
    return {name: written(folder / f"{name}.html", made()) for name, made in (("plain", plain), ("hostile", hostile))}


def written(path: Path, report: Report) -> Path:
    path.write_text("".join(render_report(report, "html", View())), encoding="utf-8")
    return path


class Opened:
    """A page, what it said on the console, and what it asked of the network."""

    def __init__(
        self, browser: Any, path: Path, width: int = 1400, scheme: str = "light", scripts: bool = True
    ) -> None:
        self.said: list[str] = []
        self.asked: list[str] = []
        options = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme, "java_script_enabled": scripts}
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri())
        if scripts:
            self.page.wait_for_selector(READY, state="attached", timeout=20_000)

    def __enter__(self) -> Opened:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()

    def __call__(self, script: str) -> Any:
        return self.page.evaluate(script)


SIZES = [(360, "dark"), (800, "light"), (1400, "light"), (1400, "dark"), (360, "light")]


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_it_is_whole_and_quiet_at_every_width(browser: Any, files: dict[str, Path], width: int, scheme: str) -> None:
    """Nothing on the console, nothing fetched but the file, every chart with marks, and no sideways scrolling."""
    with Opened(browser, files["plain"], width, scheme) as page:
        marks = page(
            "[...document.querySelectorAll('.plot')].map(p => p.querySelectorAll('svg [class^=mark] path').length)"
        )

        assert [] == page.said
        assert [files["plain"].as_uri()] == page.asked
        assert len(marks) == len(re.findall("<div class=plot", files["plain"].read_text())) > 3
        assert min(marks) > 0
        assert page("document.documentElement.scrollWidth <= window.innerWidth")
        assert page(
            "[...document.querySelectorAll('.plot svg')].every(s => s.getBoundingClientRect().right <= innerWidth)"
        )


@pytest.mark.parametrize(("scheme", "colors"), [("light", LIGHT), ("dark", DARK)])
def test_charts_follow_the_scheme_and_paper_is_light(
    browser: Any, files: dict[str, Path], scheme: str, colors: tuple[str, ...]
) -> None:
    """Bars in the scheme's own colour; when it changes, or goes to print, they change with it."""
    fill = "getComputedStyle(document.querySelector('.plot .mark-rect path')).fill"
    rgb = ["rgb({}, {}, {})".format(*(int(c[0][i : i + 2], 16) for i in (1, 3, 5))) for c in (colors, LIGHT, DARK)]
    with Opened(browser, files["plain"], scheme=scheme) as page:
        assert rgb[0] == page(fill)
        page.page.emulate_media(color_scheme="light" if scheme == "dark" else "dark")
        assert rgb[1 if scheme == "dark" else 2] == page(fill)
        page.page.emulate_media(media="print")
        assert rgb[1] == page(fill)


def column(page: Opened, place: int) -> list[str]:
    """One column of the first table, as it stands."""
    return page(f"[...document.querySelector('table').tBodies[0].rows].map(r => r.cells[{place}].textContent)")


def test_tables_sort_by_the_figure_behind_the_text(browser: Any, files: dict[str, Path]) -> None:
    """$1,234.50 is more than $20.00, 61 s more than 950 ms, b9 comes before b10, and the unknown is last either way."""
    expected = {
        1: [["$1,234.50", "$20.00", "$0.25", "–"], ["$0.25", "$20.00", "$1,234.50", "–"]],
        2: [["61.0 s", "1.20 s", "950 ms", "8.0 ms"], ["8.0 ms", "950 ms", "1.20 s", "61.0 s"]],
        3: [["a", "b9", "b10", "–"], ["b10", "b9", "a", "–"]],
    }
    with Opened(browser, files["plain"]) as page:
        heading = page.page.locator("table").first.locator("thead th")
        for place, orders in expected.items():
            for order in orders:
                heading.nth(place).locator("button").press("Enter")
                assert order == column(page, place)
        assert [None, None, None, "descending"] == [heading.nth(i).get_attribute("aria-sort") for i in range(4)]


def test_a_long_table_is_filtered(browser: Any, files: dict[str, Path]) -> None:
    """A field with a label, rows that hold the words, and their number said aloud; none of it for a short table."""
    with Opened(browser, files["plain"]) as page:
        field = page.page.get_by_label("Filter rows of Days")
        field.fill("2026-10-07")
        rows = page("[...document.querySelectorAll('#days tbody tr')].filter(r => !r.hidden).map(r => r.textContent)")

        assert 2 == len(rows)
        assert all("2026-10-07" in row for row in rows)
        assert "2 of 40 rows" == page.page.locator("#days output").text_content()
        assert "polite" == page.page.locator("#days output").get_attribute("aria-live")
        assert 0 == page.page.locator("#spend input").count()


@pytest.mark.parametrize(
    ("name", "width", "scheme"), [("plain", 1400, "light"), ("plain", 360, "dark"), ("hostile", 800, "light")]
)
def test_axe_finds_nothing_serious(browser: Any, files: dict[str, Path], name: str, width: int, scheme: str) -> None:
    """The accessibility engine axe-core, all of its rules."""
    axe = pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed (the dev extra)")
    engine = (Path(axe.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
    with Opened(browser, files[name], width, scheme) as page:
        page(engine)
        found = page("axe.run(document, {resultTypes: ['violations']})")["violations"]

        grave = [(v["id"], v["nodes"][0]["html"]) for v in found if v["impact"] in ("serious", "critical")]
        assert [] == grave


def test_headings_charts_and_tables_are_named(browser: Any, files: dict[str, Path]) -> None:
    """One h1, no level left out, a way past the contents, charts with their sentence, cells with their headings."""
    with Opened(browser, files["plain"]) as page:
        levels = page("[...document.querySelectorAll('h1,h2,h3,h4')].map(h => Number(h.tagName[1]))")
        page.page.keyboard.press("Tab")

        assert 1 == levels.count(1)
        assert all(after - before <= 1 for before, after in pairwise(levels))
        assert "Skip to the report" == page("document.activeElement.textContent")
        assert page("[...document.querySelectorAll('.plot')].every(p => p.getAttribute('aria-label').length > 40)")
        assert page("[...document.querySelectorAll('thead th')].every(h => h.scope === 'col')")
        assert page("[...document.querySelectorAll('table')].every(t => t.caption.textContent.length > 3)")
        assert ["Money", "Quality"] == page("[...document.querySelectorAll('main h2')].map(h => h.textContent)")[1:3]


def test_without_scripts_the_tables_and_the_sentences_stand(browser: Any, files: dict[str, Path]) -> None:
    """A mail program's view of it: figures, findings, and in words what each chart would show."""
    with Opened(browser, files["plain"], scripts=False) as page:
        text = page.page.locator("main").inner_text()

        assert "$1,234.50" in text
        assert "Cost by feature: highest $1,234.50 (agent)" in text
        assert "cost rose 12 %" in text
        assert 0 == page.page.locator("th button").count()


def test_hostile_texts_stay_texts(browser: Any, files: dict[str, Path]) -> None:
    """No script of a log's runs, no element of it is made, and what it says can be read."""
    with Opened(browser, files["hostile"], 360) as page:
        page.page.locator(".plot svg path").first.hover(force=True)

        assert [] == page.said
        assert page("window.harmed === undefined")
        assert 0 == page("document.querySelectorAll('img').length")
        assert 2 == page("document.querySelectorAll('script:not([type])').length")
        assert "<img src=x onerror=" in page("document.querySelector('#spend tbody').textContent")
        assert page("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_pointer_is_told_the_tables_figure(browser: Any, files: dict[str, Path]) -> None:
    """The tip over a bar says what the table says, as text."""
    with Opened(browser, files["plain"]) as page:
        page.page.locator("#spend .plot .mark-rect path").nth(1).hover()

        assert "agent: $1,234.50" == page("document.querySelector('.tip').textContent")


def test_it_prints(browser: Any, files: dict[str, Path]) -> None:
    """On paper the small print is open and what one clicks is gone."""
    with Opened(browser, files["plain"]) as page:
        page("window.dispatchEvent(new Event('beforeprint'))")
        page.page.emulate_media(media="print")

        assert page("[...document.querySelectorAll('details')].every(d => d.open)")
        assert not page.page.locator(".toc").is_visible()
        assert not page.page.locator(".tools").first.is_visible()
        assert page.page.pdf().startswith(b"%PDF")
