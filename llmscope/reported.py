"""Report: many answers as one neutral document, and the pictures it asks for, which every renderer draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from llmscope.result import Finding, Kind, Result, Value, Window

# A scatter's lines are one point each.
Form = Literal["line", "bar", "stacked", "interval", "scatter"]


@dataclass(frozen=True)
class Axis:
    """One side of a picture; its unit follows from its kind, and `zero` says that it begins at zero."""

    title: str
    kind: Kind | Literal["category"]
    zero: bool = True


@dataclass(frozen=True)
class Line:
    """One series of a picture: a y of None is a gap; `low` and `high` are its interval, empty where there is none."""

    name: str
    x: tuple[Value, ...]
    y: tuple[Value, ...]
    low: tuple[Value, ...] = ()
    high: tuple[Value, ...] = ()
    told: tuple[str, ...] = ()  # the figures in the table's own words, where it has them


@dataclass(frozen=True)
class Chart:
    """A picture of a result's rows or series; `text` says in one sentence what it shows to who cannot see it."""

    title: str
    form: Form
    x: Axis
    series: tuple[Line, ...]
    y: Axis
    text: str


@dataclass(frozen=True)
class Headline:
    """One big figure of the first page, with the window before and whether its change is real.

    `verdict` is DRIFT, SMALL, STABLE, INCONCLUSIVE or "", and `better` the direction, None where neither is. `total` is
    by how much two totals differ, a fact; `change` that of the usual level, and `possible` the ends of its interval.
    """

    name: str
    kind: Kind
    value: float | int | None
    before: float | int | None = None
    change: str = ""
    verdict: str = ""
    better: bool | None = None
    note: str = ""
    total: str = ""
    possible: str = ""


@dataclass(frozen=True)
class Section:
    """One answer of a report under its heading; without a result, `absent` says why there is none.

    `name` is its anchor, `page` the heading it stands under, `parts` the tables shown ("" is the main one; None: all),
    `top` the rows shown of each.
    """

    name: str
    title: str
    caption: str
    result: Result | None
    absent: str = ""
    parts: tuple[str, ...] | None = None
    columns: tuple[str, ...] | None = None
    top: int | None = None
    page: str = ""
    charts: tuple[Chart, ...] = ()
    again: str = ""  # the command that asks this again


@dataclass(frozen=True)
class Told(Finding):
    """An item of the first page, with the name of the section that shows it ("": none does) and of others that do."""

    section: str = ""
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """A whole report: its first page (headlines and findings, worst first), its sections, its small print."""

    title: str
    template: str
    window: Window
    baseline: Window | None
    headlines: tuple[Headline, ...]
    findings: tuple[Told, ...]
    sections: tuple[Section, ...]
    notes: tuple[str, ...]
    command: str = "report"
