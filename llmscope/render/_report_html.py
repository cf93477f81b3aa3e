"""A report as one HTML file: nothing is fetched, no text of a log is markup, and without scripts the tables stand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from llmscope.render import View
from llmscope.render._cells import Style
from llmscope.render._page_tables import table, text_of
from llmscope.render._print import NOTHING_MATCHED, label, small_print, window_words
from llmscope.render._report_charts import charts
from llmscope.render._report_page import bottom, top
from llmscope.render._report_tables import LEGEND, Shown, changed, figures, more_text, pages, tables, verdict
from llmscope.render._safe import many_lines
from llmscope.render._times import zone_of
from llmscope.reported import Headline, Report, Section, Told
from llmscope.result import Finding

# More rows of one table than a browser sorts at once; the rest stands in JSON.
MOST_ROWS = 1000
# Rows of one table on paper; report.css hides the others there.
MOST_PRINTED = 30
# A sentence is cut to so many letters; JSON has it whole.
LONGEST = 1000
ARROWS = {1: "▲", -1: "▼", 0: "■"}


def render(report: Report, view: View) -> Iterator[str]:
    """The first page, the pages with their sections, the small print, and what draws and sorts."""
    drawn = any(section.charts for section in report.sections)
    yield top(report.title)
    yield "<a class=skip href=#main>Skip to the report</a>\n"
    yield f'<div class="layout{" paged" if report.sections else ""}">\n'
    yield _contents(report)
    yield "<main id=main>\n"
    yield from _first(report)
    for name, sections in pages(report):
        yield f'<section id="{_anchor(name)}">\n<h2>{text_of(name)}</h2>\n' if name else "<section>\n"
        for section in sections:
            yield from _section(section, view)
        yield "</section>\n"
    notes = "".join(f"<li>{text_of(note)}</li>\n" for note in report.notes)
    yield f"<footer>\n<h2>Small print</h2>\n<ul>\n{notes}</ul>\n</footer>\n" if notes else ""
    yield "</main>\n</div>\n"
    yield from bottom(drawn)


def _anchor(page: str) -> str:
    """A page's name as an address in the file; a section's own cannot be the same."""
    return "page-" + re.sub(r"[^a-z0-9]+", "-", page.lower()).strip("-")


def _contents(report: Report) -> str:
    """Where the pages and their sections are."""
    found = '<li><a href="#first">First page</a></li>\n'
    for name, sections in pages(report):
        if name:
            inner = "".join(f'<li><a href="#{s.name}">{text_of(s.title)}</a></li>\n' for s in sections)
            found += f'<li><a href="#{_anchor(name)}">{text_of(name)}</a>\n<ul>\n{inner}</ul></li>\n'
    return f'<nav class=toc aria-label="Contents">\n<ul>\n{found}</ul>\n</nav>\n' if report.sections else ""


def _first(report: Report) -> Iterator[str]:
    """What a reader came for: the window, the figures, and what moved."""
    against = f"; the window before: {window_words(report.baseline)}" if report.baseline else ""
    yield f"<section id=first>\n<p class=brand>llmscope report</p>\n<h1>{text_of(report.title)}</h1>\n"
    yield f"<p class=when>{text_of(begun_with(window_words(report.window)))}{text_of(against)}</p>\n"
    tiles = "".join(map(_tile, report.headlines))
    yield f"<dl class=tiles>\n{tiles}</dl>\n" if tiles else ""
    yield f"<p class=caption>{LEGEND}</p>\n" if any(one.possible for one in report.headlines) else ""
    titles = {section.name: section.title for section in report.sections}
    said = "".join(_told(finding, titles) for finding in report.findings)
    yield f"<h2>What moved and why</h2>\n<ul class=findings>\n{said}</ul>\n" if said else ""
    yield "</section>\n"


def begun_with(text: str) -> str:
    return text[:1].upper() + text[1:]


def _tile(headline: Headline) -> str:
    """A figure, its change in words with a sign, and what it was before."""
    now, before = figures(headline)
    tone = {True: "better", False: "worse", None: "neither"}[headline.better]
    said = re.sub(r"(?<=\d) (?=%|pt)", "\u00a0", verdict(headline))
    parts = [f"<dt>{text_of(headline.name)}</dt><dd class=value>{text_of(now)}</dd>"]
    if headline.before is not None:
        parts.append(f"<dd class=before>before {text_of(before)}</dd>")
    sign = f'<span aria-hidden="true">{_arrow(headline)}</span> ' if headline.before is not None else ""
    parts.append(f"<dd class=change>{text_of(changed(headline))}</dd>" if headline.change else "")
    parts.append(f'<dd class="verdict {tone}">{sign}{text_of(begun_with(said))}</dd>' if said else "")
    parts.append(f"<dd class=note>{text_of(headline.note)}</dd>" if headline.note else "")
    return f"<div>{''.join(parts)}</div>\n"


def _arrow(headline: Headline) -> str:
    """Up, down or neither, beside the words for it."""
    moved = (headline.value or 0) - (headline.before or 0)
    real = headline.verdict in ("DRIFT", "SMALL") or headline.better is not None
    return ARROWS[(moved > 0) - (moved < 0) if real else 0]


def _told(finding: Told, titles: dict[str, str]) -> str:
    """A finding, and the sections that show it."""
    listed = [name for name in (finding.section, *finding.also) if name in titles]
    links = ", ".join(f'<a href="#{name}">{text_of(titles[name])}</a>' for name in listed)
    return _line(finding, f" {links}" if links else "")


def _line(finding: Finding, link: str = "") -> str:
    text = finding.text if len(finding.text) <= LONGEST else finding.text[: LONGEST - 1].rstrip() + "…"
    said = f"<strong>{label(finding)}</strong> <span>{text_of(text)}{link}</span>"
    return f'<li class="{finding.severity}">{said}</li>\n'


def _section(section: Section, view: View) -> Iterator[str]:
    """An answer: what it shows, its findings, its charts, its tables, and how it was asked."""
    yield f'<section id="{section.name}">\n<h3>{text_of(section.title)}</h3>\n'
    yield f"<p class=caption>{text_of(section.caption)}</p>\n" if section.caption else ""
    if section.result is None:
        yield f"<p class=absent>{text_of(section.absent)}</p>\n"
    else:
        said = "".join(map(_line, section.result.findings))
        yield f'<ul class="findings found">\n{said}</ul>\n' if said else ""
        yield charts(section)
        style = Style(zone_of(section.result))
        for one in tables(section):
            yield from _table(one, section, style)
        yield _asked(section, small_print(section.result), view)
    yield "</section>\n"


def _table(shown: Shown, section: Section, style: Style) -> Iterator[str]:
    """One table under its name, and how many rows more there are."""
    sheet, cut = shown.sheet, max(len(shown.sheet.rows) - MOST_ROWS, 0)
    if cut:
        shown = Shown(type(sheet)(sheet.name, sheet.columns, sheet.rows[:MOST_ROWS], sheet.totals), shown.more + cut)
    name = shown.sheet.name
    yield f"<h4>{text_of(begun_with(name))}</h4>\n" if name else ""
    if not sheet.rows:
        yield f"<p class=absent>{NOTHING_MATCHED}</p>\n"
    if sheet.rows or sheet.totals:
        yield from table(shown.sheet, style, f"{section.title}: {name}" if name else section.title, sortable=True)
    if len(shown.sheet.rows) > MOST_PRINTED:
        yield (
            f"<p class=printed>On paper the first {MOST_PRINTED} of {len(shown.sheet.rows):,} rows as they stood; "
            "the file has them all.</p>\n"
        )
    if shown.more:
        again = f": <code>{text_of(section.again)}</code>" if section.again else ""
        yield f"<p class=more>{more_text(shown)}{again}</p>\n"


def _asked(section: Section, notes: Sequence[str], view: View) -> str:
    """The small print, the command that gives this again, and its SQL when asked for."""
    lines = "".join(f"<li>{text_of(note)}</li>\n" for note in notes)
    lines += f"<li>Again: <code>{text_of(section.again)}</code></li>\n" if section.again else ""
    name = text_of(section.title)
    found = f"<details class=notes>\n<summary>Small print: {name}</summary>\n<ul>\n{lines}</ul>\n</details>\n"
    if not view.show_sql or section.result is None:
        return found if lines else ""
    blocks = "".join(f"<pre><code>{_code(sql)}</code></pre>\n" for sql in section.result.sql)
    return found + f"<details class=sql>\n<summary>SQL: {name}</summary>\n{blocks}</details>\n"


def _code(sql: str) -> str:
    return "\n".join(map(text_of, many_lines(sql)))
