"""How it was worked out: the command that gives each section again, what it is of, and the prices' date."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from llmscope.reported import Section
from llmscope.result import Column, Part, Result, Row

if TYPE_CHECKING:
    from llmscope.logs import Logs

COLUMNS = (
    Column("section", "text", "dimension"),
    Column("rows", "count"),
    Column("requests", "count", "n"),
    Column("command", "text"),
)
PRICES = (Column("price", "text", "dimension"), Column("as_of", "text"), Column("from", "text"))
OWN = "worked out of the other sections, or of both windows, in this report"


def method(logs: Logs, sections: Sequence[Section]) -> Result:
    """A row a section."""
    rows = tuple(
        {"section": one.title, "rows": len(one.result.rows) if one.result else 0, "requests": n_of(one),
         "command": one.again or OWN}
        for one in sections
    )  # fmt: skip
    notes = (
        f"times are cut and shown in {logs.window.tz}; windows are half open",
        "a cost is at the price in force on the day of its request; as_of: when its latest was last known to hold",
        *logs.price_notes(),
    )
    priced = tuple(prices(logs))
    parts = {"prices": Part(PRICES, priced)} if priced else {}
    return Result("method", COLUMNS, rows, parts=parts, notes=tuple(dict.fromkeys(notes)))


def prices(logs: Logs) -> Iterator[Row]:
    """The prices of the log's models, each with the day it was last known to hold and where it stands."""
    found = {one.entry.key: one.entry for one in logs.rates.resolutions if one.entry}
    for key, entry in sorted(found.items()):
        as_of = entry.prices[-1].as_of
        yield {"price": key, "as_of": as_of.isoformat() if as_of else None, "from": entry.origin}


def n_of(section: Section) -> int | None:
    """How many requests an answer is of, where it says so."""
    return section.result.coverage.requests if section.result and section.result.coverage else None
