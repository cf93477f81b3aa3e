"""Data health: what was read, left out or has no price, and what could not be judged or asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from llmscope.analyses.cost import STATUS_SQL, coverage, unpriced_notes
from llmscope.engines import duckdb as engine
from llmscope.reported import Section
from llmscope.result import TOO_FEW, Column, Finding, Part, Result
from llmscope.rolled import LOGGED, TOKENS

if TYPE_CHECKING:
    from llmscope.logs import Logs

Row = dict[str, Any]
LOADS_SQL = """
SELECT coalesce(sum(lines), 0), coalesce(sum(loaded), 0), coalesce(sum(set_aside), 0), coalesce(sum(duplicates), 0),
    coalesce(sum(rejected), 0), coalesce(sum(blank), 0), count(DISTINCT path)
FROM loads
"""
TIMELESS_SQL = "SELECT count(*) FROM requests WHERE started_at IS NULL"
COLUMNS = (
    Column("what", "text", "dimension"),
    Column("number", "count"),
    Column("share_ratio", "ratio"),
    Column("of", "text"),
    Column("remedy", "text"),
)
UNPRICED = (
    Column("model", "text", "dimension"),
    Column("provider", "text", "dimension"),
    Column("requests", "count"),
    Column("tokens", "tokens"),
)
JUDGED = (
    Column("section", "text", "dimension"),
    Column("rows", "count"),
    Column("judged", "count"),
    Column("too_few", "count"),
    Column("inconclusive", "count"),
)
ABSENT = (Column("section", "text", "dimension"), Column("why", "text"))


def health(logs: Logs, sections: Sequence[Section]) -> Result:
    """What all figures of the report rest on."""
    statuses = logs.query(STATUS_SQL, names={"tokens": TOKENS, "logged": LOGGED})
    rows = [*read(logs), *priced(statuses)]
    unpriced = [
        {"model": s["model"], "provider": s["provider"], "requests": s["requests"], "tokens": s["tokens"]}
        for s in sorted(statuses, key=lambda s: (-s["requests"], str(s["model"])))
        if s["price_status"] == "unpriced"
    ]
    parts = {
        "without a price": Part(UNPRICED, tuple(unpriced)),
        "judged": Part(JUDGED, tuple(judged(sections))),
        "not asked": Part(ABSENT, tuple({"section": s.title, "why": s.absent} for s in sections if s.absent)),
    }
    lost = engine.execute(logs.con, LOADS_SQL)[0]
    said = [
        Finding("unpriced", "warning", f"{note}: spend is at least what is shown") for note in notes_of(logs, statuses)
    ]
    said += rejected(lost)
    return Result(
        "health", COLUMNS, tuple(rows), parts={name: part for name, part in parts.items() if part.rows},
        findings=tuple(said), coverage=coverage(statuses),
    )  # fmt: skip


def notes_of(logs: Logs, statuses: Sequence[Row]) -> list[str]:
    """The models nobody has a price for, as `cost` names them."""
    return unpriced_notes(logs, statuses)


def read(logs: Logs) -> Iterator[Row]:
    """All that was loaded, of every window."""
    lines, loaded, aside, duplicates, bad, blank, files = engine.execute(logs.con, LOADS_SQL)[0]
    of = "lines read, of all times"
    yield row("lines read", lines, None, f"from {files:,} file{'s' * (files != 1)}, of all times", None)
    yield row("loaded", loaded, lines, of, None)
    yield row("set aside: no requests", aside, lines, of, None)
    yield row("duplicates left out", duplicates, lines, of, None)
    yield row("rejected: cannot be read", bad, lines, of, "llmscope store rejects" if bad else None)
    if blank:
        yield row("blank", blank, lines, of, None)
    if timeless := engine.execute(logs.con, TIMELESS_SQL)[0][0]:
        yield row("without a time: in no window", timeless, None, "requests, of all times", "--map started_at=KEY")


def priced(statuses: Sequence[Row]) -> Iterator[Row]:
    """The requests of the window by how they came by a cost."""
    every = sum(s["requests"] for s in statuses)
    of = "requests in this window"
    yield row("requests in this window", every, None, None, None)
    yield row("priced", sum(s["computed"] for s in statuses), every, of, None)
    without = sum(s["requests"] for s in statuses if s["price_status"] == "unpriced")
    yield row("model without a known price", without, every, of, "llmscope pricing unpriced" if without else None)
    silent = sum(s["requests"] for s in statuses if s["price_status"] == "no_usage")
    yield row("no usage reported (failed, cancelled, or not logged)", silent, every, of, None)


def row(what: str, number: int, every: int | None, of: str | None, remedy: str | None) -> Row:
    return {"what": what, "number": int(number), "share_ratio": number / every if every else None, "of": of,
            "remedy": remedy}  # fmt: skip


def judged(sections: Sequence[Section]) -> Iterator[Row]:
    """Of each section that gives verdicts, how many rows have one."""
    for section in sections:
        found = [r["verdict"] for r in section.result.rows if "verdict" in r] if section.result else []
        if found:
            few = sum(verdict == TOO_FEW for verdict in found)
            unsure = sum(str(verdict).upper() == "INCONCLUSIVE" for verdict in found)
            yield {"section": section.title, "rows": len(found), "judged": len(found) - few - unsure,
                   "too_few": few, "inconclusive": unsure}  # fmt: skip


def rejected(lost: Sequence[int]) -> list[Finding]:
    """Lines that could not be read are worth a sentence."""
    bad, lines = lost[4], lost[0]
    if not bad:
        return []
    text = f"{bad:,} of {lines:,} lines could not be read and are in no figure; llmscope store rejects shows them"
    return [Finding("rejected", "warning", text)]
