"""Headroom against a stated limit: `openai=10000rpm,2000000tpm` against the most used in any 60 seconds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llmscope.analyses import _sweep
from llmscope.errors import UsageError, unknown_name
from llmscope.result import Column, Finding, Part

if TYPE_CHECKING:
    from llmscope.logs import Logs

Row = dict[str, Any]
SHAPE = re.compile(r"(?P<number>\d[\d_]*(?:\.\d+)?)(?P<times>[kKM]?)(?P<unit>[a-zA-Z]+)")
TIMES = {"": 1, "k": 1000, "K": 1000, "M": 1_000_000}
EXAMPLE = "for example openai=10000rpm,2000000tpm or gpt-4o=50rps; rpm, rps, tpm, itpm, otpm, concurrent"
# What counts against a limit, and over how many microseconds: a window is open at its old end, (at - 60 s, at].
MEASURES = {
    "rpm": ("1", 60_000_000),
    "rps": ("1", 1_000_000),
    "tpm": ("coalesce(input_tokens, 0) + coalesce(output_tokens, 0)", 60_000_000),
    "itpm": ("coalesce(input_tokens, 0)", 60_000_000),
    "otpm": ("coalesce(output_tokens, 0)", 60_000_000),
}
CONCURRENT = "concurrent"
NEAR, MOST_NAMED = 0.8, 50
NAMES_SQL = """
SELECT {subject} AS subject, count(*) AS requests FROM requests GROUP BY ALL
ORDER BY requests DESC, subject LIMIT 1000
"""
# {subject}: provider or model. {measure}, {width}: of MEASURES. Minutes are those in which the limit was passed.
# A sliding window lies in two calendar cells of its own width. Only where two neighbours hold as much as the fullest
# cell does, or as the limit, can the most used or a use above the limit be: the rest need not be sorted.
SQL = f"""
WITH counted AS (
    SELECT {_sweep.START} AS at_us, CAST({{measure}} AS BIGINT) AS amount
    FROM requests
    WHERE started_at IS NOT NULL AND {_sweep.REACHED} AND {{subject}} = $subject
), cells AS (
    SELECT at_us // {{width}} AS cell, sum(amount) AS amount FROM counted GROUP BY at_us // {{width}}
), paired AS (
    SELECT cell, amount + CASE WHEN lag(cell) OVER (ORDER BY cell) = cell - 1
        THEN lag(amount) OVER (ORDER BY cell) ELSE 0 END AS within
    FROM cells
), least_wanted AS (
    SELECT least(max(amount), $most) AS amount FROM cells
), busy AS (
    SELECT paired.cell FROM paired CROSS JOIN least_wanted WHERE paired.within >= least_wanted.amount
), wanted AS (
    SELECT cell FROM busy UNION SELECT cell - 1 AS cell FROM busy
), sliding AS (
    SELECT counted.at_us,
        sum(counted.amount) OVER (ORDER BY counted.at_us RANGE BETWEEN {{back}} PRECEDING AND CURRENT ROW) AS used
    FROM counted JOIN wanted ON counted.at_us // {{width}} = wanted.cell
), passed AS (
    SELECT count(DISTINCT CASE WHEN used > $most THEN at_us // 60000000 END) AS minutes_over,
        max(used) AS used
    FROM sliding
)
SELECT passed.used, passed.minutes_over, min(sliding.at_us) AS at_us
FROM passed JOIN sliding ON sliding.used = passed.used
GROUP BY passed.used, passed.minutes_over
"""
CONCURRENT_SQL = (
    _sweep.MOMENTS.replace("WHERE started_at IS NOT NULL", "WHERE {subject} = $subject AND started_at IS NOT NULL")
    + """, counted AS (
    SELECT at_us, level + still AS used FROM levels
), passed AS (
    SELECT count(DISTINCT CASE WHEN used > $most THEN at_us // 60000000 END) AS minutes_over, max(used) AS used
    FROM counted
)
SELECT passed.used, passed.minutes_over, min(counted.at_us) AS at_us
FROM passed JOIN counted ON counted.used = passed.used
GROUP BY passed.used, passed.minutes_over
"""
)
COLUMNS = (
    Column("limit_of", "text", "dimension"),
    Column("limit_unit", "text", "dimension"),
    Column("limit", "count"),
    Column("peak_used", "count"),
    Column("used_ratio", "ratio"),
    Column("headroom", "count"),
    Column("minutes_over", "count"),
    Column("peak_at", "time"),
)


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit as it was written: of a provider or a model, so much of a unit."""

    subject: str
    most: float
    unit: str


def parse(texts: Sequence[str]) -> list[Limit]:
    """The limits of `openai=10000rpm,2000000tpm,gpt-4o=50rps`; each text starts with a name.

    Raises:
        UsageError: no number, no known unit, or no name.
    """
    found: list[Limit] = []
    for text in texts:
        subject = ""
        for piece in text.split(","):
            name, equals, figure = piece.rpartition("=")
            subject = name.strip() if equals else subject
            if not subject:
                raise UsageError(f"--limit {text!r} names no provider or model", hint=EXAMPLE)
            found.append(limit_of(text, subject, figure.strip()))
    if len({(one.subject, one.unit) for one in found}) < len(found):
        raise UsageError("--limit states one limit twice")
    return found


def limit_of(text: str, subject: str, figure: str) -> Limit:
    """One limit's number and unit."""
    match = SHAPE.fullmatch(figure)
    if match is None:
        raise UsageError(f"--limit {text!r}: {figure!r} is no limit", hint=EXAMPLE)
    unit = match["unit"].lower()
    if unit not in (*MEASURES, CONCURRENT):
        raise unknown_name("unit of a limit", match["unit"], [*MEASURES, CONCURRENT])
    most = float(match["number"].replace("_", "")) * TIMES[match["times"]]
    if not 0 < most < 1e15:
        raise UsageError(f"--limit {text!r}: a limit is more than 0", hint=EXAMPLE)
    return Limit(subject, most, unit)


def subjects(logs: Logs) -> dict[str, list[str]]:
    """The providers and the models of the log, those with most requests first."""
    return {
        word: [
            str(row["subject"]) for row in logs.query(NAMES_SQL, names={"subject": word}) if row["subject"] is not None
        ]
        for word in ("provider", "model")
    }


def place_of(subject: str, known: dict[str, list[str]]) -> tuple[str, str]:
    """Whether a name is a provider's or a model's, and how the log writes it: as it is given, else in other letters.

    Raises:
        UsageError: the log has neither; the nearest is named.
    """
    for alike in (str, str.casefold):
        for word, names in known.items():
            for name in names:
                if alike(name) == alike(subject):
                    return word, name
    every = [name for names in known.values() for name in names[:MOST_NAMED]]
    raise unknown_name("provider or model in --limit", subject, every)


def used(logs: Logs, limits: Sequence[Limit]) -> tuple[Part, tuple[Finding, ...]]:
    """What was used of each limit, and a finding where it was nearly all or more."""
    known = subjects(logs)
    if not any(known.values()):
        return Part(COLUMNS, ()), ()
    # Every name is looked up before anything is measured.
    places = [(limit, *place_of(limit.subject, known)) for limit in limits]
    rows = [measured(logs, limit, word, name) for limit, word, name in places]
    return Part(COLUMNS, tuple(rows)), tuple(filter(None, map(finding, rows)))


def measured(logs: Logs, limit: Limit, word: str, name: str) -> Row:
    """One limit against the log."""
    bound: dict[str, Any] = {"subject": name, "most": limit.most}
    if limit.unit == CONCURRENT:
        names = {**_sweep.holes(()), "subject": word}
        found = logs.query(CONCURRENT_SQL, names=names, until_us=_sweep.until_us(logs), **bound)
    else:
        measure, width = MEASURES[limit.unit]
        found = logs.query(
            SQL, names={"subject": word, "measure": measure, "width": str(width), "back": str(width - 1)}, **bound
        )
    most = int(limit.most) if limit.most.is_integer() else limit.most
    peak = int(found[0]["used"]) if found else 0
    return {
        "limit_of": name, "limit_unit": limit.unit, "limit": most, "peak_used": peak,
        "used_ratio": peak / limit.most, "headroom": most - peak,
        "minutes_over": found[0]["minutes_over"] if found else 0,
        "peak_at": _sweep.moment_of(found[0]["at_us"]) if found else None,
    }  # fmt: skip


def finding(row: Row) -> Finding | None:
    """A sentence where more than 80 % of a limit was used."""
    if row["used_ratio"] <= NEAR or row["peak_at"] is None:
        return None
    over = row["used_ratio"] > 1
    said = (
        f"{row['limit_of']}: {row['peak_used']:,} of {row['limit']:,} {row['limit_unit']} "
        f"({100 * row['used_ratio']:.0f} %) at {row['peak_at']:%Y-%m-%d %H:%M:%S} UTC"
    )
    minutes = row["minutes_over"]
    more = f"; over the limit in {minutes:,} minute{'s' * (minutes != 1)}" if over else ""
    return Finding("limit", "breach" if over else "warning", said + more, (row,))
