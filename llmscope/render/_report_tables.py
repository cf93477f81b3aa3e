"""A report's tables and figures as every format shows them, so that all read the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from llmscope.render._figures import figure, with_units
from llmscope.render._sheets import Sheet
from llmscope.reported import Headline, Report, Section
from llmscope.result import Column, Part, Result

VERDICTS = {
    "DRIFT": "real", "SMALL": "real, but small", "STABLE": "no real change",
    "INCONCLUSIVE": "cannot be told", "inconclusive": "cannot be told",
}  # fmt: skip
# What the column of verdicts means, for who knows no statistics.
LEGEND = (
    "Now and before are counted, not estimated. Cannot be told: days differ so much among themselves that the change "
    "may be chance. The range is what the usual level may have changed by (95 % sure)."
)


@dataclass(frozen=True, slots=True)
class Shown:
    """One table of a section: the rows shown, and how many more there are."""

    sheet: Sheet
    more: int = 0


def pages(report: Report) -> list[tuple[str, list[Section]]]:
    """The pages in order, each with its sections."""
    found: dict[str, list[Section]] = {}
    for section in report.sections:
        found.setdefault(section.page, []).append(section)
    return list(found.items())


def tables(section: Section) -> list[Shown]:
    """The tables of a section that it asks for: the columns asked for of each, and its first rows."""
    if section.result is None:
        return []
    return [shown(name, part, section) for name, part in parts(section.result, section.parts) if part.columns]


def parts(result: Result, wanted: tuple[str, ...] | None) -> Iterator[tuple[str, Part]]:
    """The main table, whose name is "", and the parts; in the order they were asked for."""
    every = {"": Part(result.columns, result.rows, result.totals), **result.parts}
    for name in every if wanted is None else wanted:
        if name in every:
            yield name, every[name]


def shown(name: str, part: Part, section: Section) -> Shown:
    most = len(part.rows) if section.top is None else section.top
    several = section.parts is not None and len(section.parts) > 1
    sheet = Sheet(name or None, columns(part.columns, section.columns, several), part.rows[:most], part.totals)
    return Shown(sheet, max(len(part.rows) - most, 0))


def columns(of: tuple[Column, ...], wanted: tuple[str, ...] | None, several: bool) -> tuple[Column, ...]:
    """The columns asked for, in that order; a table that has none of them shows what it shows by itself.

    Where one list names the columns of several tables, each keeps its own order.
    """
    by_name = {column.name: column for column in of}
    if several and wanted:
        wanted = tuple(name for name in by_name if name in wanted)
    chosen = tuple(by_name[name] for name in dict.fromkeys(wanted or ()) if name in by_name)
    return chosen or tuple(column for column in of if not column.detail)


def figures(headline: Headline) -> tuple[str, str]:
    """A headline's figure and the one before, with as many digits."""
    known = [value for value in map(figure, (headline.value, headline.before)) if value is not None]
    write = with_units(headline.kind, known)
    now, before = (figure(value) for value in (headline.value, headline.before))
    return "–" if now is None else write(now), "–" if before is None else write(before)


def verdict(headline: Headline) -> str:
    """Whether the change is real, in words, and what else is possible."""
    said = judged(headline)
    if not headline.possible:
        return said
    return f"{said}: {headline.possible}{' is possible' if headline.verdict == 'INCONCLUSIVE' else ''}"


def judged(headline: Headline) -> str:
    """Whether the change is real, in a word or two."""
    said = VERDICTS.get(headline.verdict, headline.verdict)
    direction = {True: "better", False: "worse", None: ""}[headline.better]
    return said if not direction or said == direction else f"{said}, {direction}"


def changed(headline: Headline) -> str:
    """What is known of the change: of totals the difference, and that of the usual level."""
    both = headline.total and headline.change
    return f"{headline.total} ({headline.change})" if both else headline.total or headline.change


def more_text(table: Shown) -> str:
    """`9,990 more`."""
    return f"{table.more:,} more row{'s' * (table.more != 1)}"
