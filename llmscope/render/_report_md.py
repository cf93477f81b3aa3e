"""A report as Markdown: GitHub's flavour, aligned so that it reads well raw, the same bytes for the same answers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import tzinfo

from llmscope.render import View
from llmscope.render._cells import Style, grid, is_number
from llmscope.render._figures import figure, with_units
from llmscope.render._markdown import fenced, readable
from llmscope.render._plot import blocks
from llmscope.render._print import NOTHING_MATCHED, label
from llmscope.render._report_assets import picture_name
from llmscope.render._report_tables import LEGEND, Shown, changed, figures, more_text, pages, tables, verdict
from llmscope.render._safe import cells_wide, is_bar, one_line
from llmscope.render._times import zone_of
from llmscope.reported import Chart, Headline, Line, Report, Section
from llmscope.result import Result

# A name of 10 kB would be as wide as all others together.
LONGEST = 120
LONGEST_TEXT = 1000
MOST_SPARKS, SPARK_WIDTH = 6, 60
HEADLINES = ("Figure", "Now", "Before", "Change", "Is it real?", "")


def render(report: Report, view: View) -> Iterator[str]:
    """The first page, then a heading a page and a smaller one a section."""
    for block in blocks_of(report, view):
        yield from block


def blocks_of(report: Report, view: View) -> Iterator[list[str]]:
    """The report in pieces that may be left out from the end: the first page, then one a section, then the rest."""
    anchors = anchors_of(report)
    yield list(first_page(report, anchors))
    for page, sections in pages(report):
        for place, section in enumerate(sections):
            heading = [f"\n## {readable(page)}\n"] if place == 0 else []
            yield [*heading, *section_of(section, view, zone_of(Result("report", (), (), window=report.window)))]
    if report.notes[1:]:
        yield ["\n## Small print\n\n", *(f"- {shortened(note)}\n" for note in report.notes[1:])]


def first_page(report: Report, anchors: dict[str, str]) -> Iterator[str]:
    """The title, the figures, what moved and why, and where the rest stands."""
    yield f"# {readable(report.title)}\n"
    if report.notes:
        yield f"\n{shortened(report.notes[0])}\n"
    if report.headlines:
        yield "\n"
        yield from aligned(HEADLINES, [cells_of(one) for one in report.headlines], (False, True, True))
        yield f"\n{LEGEND}\n" if any(one.possible for one in report.headlines) else ""
    yield "\n## What moved, and why\n\n"
    titles = {s.name: s.title for s in report.sections}
    for finding in report.findings:
        shown_by = [name for name in (finding.section, *finding.also) if name in titles]
        links = ", ".join(f"[{readable(titles[name])}](#{anchors[name]})" for name in shown_by)
        yield f"- **{label(finding)}:** {shortened(finding.text)}{f' ({links})' if links else ''}\n"
    yield "" if report.findings else "Nothing to say: no section found anything.\n"
    yield "\n## Contents\n\n"
    for page, sections in pages(report):
        listed = ", ".join(f"[{readable(s.title)}](#{anchors[s.name]})" for s in sections)
        yield f"- {readable(page)}: {listed}\n"


def cells_of(one: Headline) -> list[str]:
    now, before = figures(one)
    return [readable(text) for text in (one.name, now, before, changed(one), verdict(one), one.note)]


def anchors_of(report: Report) -> dict[str, str]:
    """GitHub's own anchor of each section's heading: by its words, numbered where two are alike."""
    seen: dict[str, int] = {}
    found: dict[str, str] = {}
    headings = [("", text) for text in (report.title, "What moved, and why", "Contents")]
    for page, sections in pages(report):
        headings += [("", page), *((s.name, s.title) for s in sections)]
    for name, text in headings:
        slug = re.sub(r"[^\w\- ]", "", one_line(text).lower()).replace(" ", "-")
        found[name] = f"{slug}-{seen[slug]}" if seen.get(slug) else slug
        seen[slug] = seen.get(slug, 0) + 1
    return found


def section_of(section: Section, view: View, zone: tzinfo) -> Iterator[str]:
    """Heading, caption, tables, charts, what was found, small print."""
    yield f"\n### {readable(section.title)}\n"
    if section.caption:
        yield f"\n{readable(section.caption, begins=True)}\n"
    if section.result is None:
        yield f"\nNot here: {shortened(section.absent)}\n"
        return
    if section.result.findings:
        yield "\n"
        yield from (f"- **{label(one)}:** {shortened(one.text)}\n" for one in section.result.findings)
    for table in tables(section):
        yield from table_of(table, section, Style(zone))
    yield from charts(section, view)
    if section.result.notes:
        yield "\n"
        yield from (f"- {shortened(note)}\n" for note in section.result.notes)
    for sql in section.result.sql if view.show_sql else ():
        yield fenced(sql)


def table_of(table: Shown, section: Section, style: Style) -> Iterator[str]:
    """One table under its name; what is cut or left out of it is said."""
    sheet = table.sheet
    if sheet.name:
        yield f"\n#### {readable(sheet.name[:1].upper() + sheet.name[1:])}\n"
    if not sheet.rows:
        yield f"\n{NOTHING_MATCHED}\n"
    if not (sheet.rows or sheet.totals):
        return
    cells = grid(sheet, style)
    yield "\n"
    lines = [*cells.rows, *([cells.totals] if cells.totals else [])]
    written = [[written_cell(text) for text in line] for line in lines]
    if cells.totals:
        written[-1] = [f"**{text}**" if text else "" for text in written[-1]]
    yield from aligned([readable(h) for h in cells.headings], written, [is_number(c) for c in sheet.columns])
    cut = sum(len(text) > LONGEST and not is_command(text) for line in lines for text in line)
    if table.more:
        again = f": {code(section.again)}" if section.again else "; JSON has them all"
        yield f"\n{more_text(table)}{again}\n"
    if cut:
        yield f"\n{cut:,} long text{'s' * (cut != 1)} cut at {LONGEST} characters, marked …; -f json has them whole.\n"


def written_cell(text: str) -> str:
    """A cell: a bar and a command as code, all else harmless; cut where it is long."""
    if is_bar(text) or is_command(text):
        return code(text).replace("|", "\\|")
    return readable(text if len(text) <= LONGEST else text[: LONGEST - 1].rstrip() + "…")


def is_command(text: str) -> bool:
    return text.startswith("llmscope ") and len(text) <= LONGEST_TEXT


def shortened(text: str) -> str:
    """A sentence; one of 10 kB is cut."""
    return readable(text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1].rstrip() + "…", begins=True)


def code(text: str) -> str:
    """Text in a span of code, behind more backticks than it holds."""
    flat = one_line(text)
    fence = "`" * (1 + max(map(len, re.findall("`+", flat)), default=0))
    space = " " if len(fence) > 1 else ""
    return f"{fence}{space}{flat}{space}{fence}"


def aligned(headings: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool]) -> Iterator[str]:
    """GitHub's table, padded so that its columns stand under each other in any fixed-width font."""
    sides = [*right, *([False] * (len(headings) - len(right)))]
    widths = [max(3, *(cells_wide(line[i]) for line in (headings, *rows))) for i in range(len(headings))]
    yield line_of([padded(*cell) for cell in zip(headings, widths, sides, strict=True)])
    yield line_of(["-" * (width - 1) + ":" if side else "-" * width for width, side in zip(widths, sides, strict=True)])
    for row in rows:
        yield line_of([padded(*cell) for cell in zip(row, widths, sides, strict=True)])


def line_of(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def padded(text: str, width: int, right: bool) -> str:
    space = " " * (width - cells_wide(text))
    return space + text if right else text + space


def charts(section: Section, view: View) -> Iterator[str]:
    """The section's charts: pictures where a folder for them was named, else a line of blocks for what is over time."""
    if view.assets is not None:
        for place, chart in enumerate(section.charts):
            name = picture_name(section, place, view.pictures)
            target = "/".join(filter(None, (view.assets.replace("\\", "/"), name)))
            yield f"\n![{readable(chart.text or chart.title)}](<{target}>)\n"
        return
    lines = [text for chart in section.charts if is_over_time(chart) for text in sparklines(chart)]
    if lines:
        yield "\n"
        yield from lines


def is_over_time(chart: Chart) -> bool:
    """Whether its figures follow each other in time."""
    return chart.form in ("line", "stacked") or chart.x.kind == "time"


def sparklines(chart: Chart) -> Iterator[str]:
    """`- p95 latency: ▁▃▂ 3.10 s to 9.20 s, 2026-10-01 to 2026-10-31`; a gap stays a gap."""
    for line in chart.series[:MOST_SPARKS]:
        ys = [figure(y) for y in line.y]
        known = [y for y in ys if y is not None]
        if not known:
            continue
        write = with_units(chart.y.kind, known)
        name = line.name if line.name in chart.title and len(chart.series) > 1 else chart.title
        name = name if len(chart.series) == 1 or name == line.name else f"{chart.title}, {line.name}"
        span = f"{write(min(known))} to {write(max(known))}{reach(line)}"
        yield f"- {shortened(name)}: {code(blocks(ys, SPARK_WIDTH))} {span}\n"
    if (more := len(chart.series) - MOST_SPARKS) > 0:
        yield f"- {more:,} more line{'s' * (more != 1)} of {shortened(chart.title)}\n"


def reach(line: Line) -> str:
    """From where to where a line goes."""
    return f", {readable(str(line.x[0]))} to {readable(str(line.x[-1]))}" if len(line.x) > 1 else ""
