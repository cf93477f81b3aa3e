"""`--fail-if` and `--min-coverage`: what makes a build fail, judged on a result."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from llmscope.errors import DataRefused, GateBreached, LlmscopeError, NothingMatched, nearest, unknown_name
from llmscope.predicate import parse, rows_matching
from llmscope.result import TOO_FEW, Column, Coverage, Result

TOTALS = "totals:"
# `PART: condition`; a cast, x::int, is none.
OF_PART = re.compile(r"\s*([a-z]\w*)\s*:(?!:)", re.IGNORECASE)
TYPES = {"flag": "BOOLEAN", "text": "VARCHAR", "time": "VARCHAR", "list": "VARCHAR", "json": "VARCHAR"}
MOST_NAMED = 5
# What a row of statistics says that cannot be judged: no gate passes on it.


def judge(result: Result, conditions: Sequence[str], min_coverage: float | None) -> LlmscopeError | None:
    """The first gate that is not passed, as the error that ends the program; None when all are.

    Raises:
        UsageError: a condition is none, or names an unknown column.
    """
    verdicts = [breach(result, text) for text in conditions]
    refused = covered(result.coverage, min_coverage) if min_coverage is not None else None
    order = (GateBreached, DataRefused, NothingMatched)
    found = [v for v in (*verdicts, refused) if v is not None]
    return min(found, key=lambda error: order.index(type(error)), default=None)


def breach(result: Result, text: str) -> LlmscopeError | None:
    """One condition: breached when any row breaches it; of the totals, or of a named part, where it asks them."""
    asked_totals = text.strip().lower().startswith(TOTALS)
    part = next((name for name in result.parts if text.strip().lower().startswith(f"{name}:")), None)
    named = OF_PART.match(text)
    if named and not asked_totals and part is None:
        return lacking(named[1], result, text)
    asked = result.parts[part] if part else result
    prefix = TOTALS if asked_totals else f"{part}:" if part else ""
    condition = text.strip()[len(prefix) :].strip() if prefix else text
    columns = {c.name: '"' + c.name.replace('"', '""') + '"' for c in asked.columns}
    predicate = parse(condition, columns, "--fail-if", "f")
    rows: list[Mapping[str, Any]] = list(asked.rows)
    if asked_totals:
        rows = [result.totals] if result.totals is not None else rows if len(rows) == 1 else []
    types = {c.name: TYPES.get(c.kind, "DOUBLE") for c in asked.columns}
    matched = rows_matching(predicate, types, rows) if rows else []
    pairs = zip(rows, matched, strict=True)
    verdicts = [None if not hit and row.get("verdict") == TOO_FEW else hit for row, hit in pairs]
    hits = [row for row, hit in zip(rows, verdicts, strict=True) if hit]
    if hits:
        names = [] if asked_totals else [name_of(row, asked.columns) for row in hits[:MOST_NAMED]]
        more = f" and {len(hits) - MOST_NAMED} more" if len(hits) > MOST_NAMED else ""
        where = f" by {', '.join(filter(None, names))}{more}" if any(names) else ""
        return GateBreached(f"--fail-if {text!r} is breached{where}")
    if all(v is None for v in verdicts):
        what = "too little" if rows else "nothing"
        return NothingMatched(f"--fail-if {text!r}: {what} to judge; no gate passes on it")
    return None


def lacking(name: str, result: Result, text: str) -> LlmscopeError:
    """A part that this answer does not have: empty this time, or never heard of.

    Raises:
        UsageError: it is nearly one of those there are.
    """
    if nearest(name.lower(), result.parts):
        raise unknown_name("part", name, result.parts)
    parts = f"; it has {', '.join(result.parts)}" if result.parts else ""
    return NothingMatched(
        f"--fail-if {text!r}: this answer has no part {name!r}{parts}; a gate on no data does not pass"
    )


def name_of(row: Mapping[str, Any], columns: Sequence[Column]) -> str:
    """A row by its dimensions."""
    words = [c for c in columns if c.role in ("dimension", "time")]
    return " ".join(f"{c.name}={'(none)' if row.get(c.name) is None else row[c.name]}" for c in words)


def covered(coverage: Coverage | None, least: float) -> LlmscopeError | None:
    """Priced requests over the requests that ought to have a price, in per cent."""
    ought = coverage.ought_to_be_priced if coverage else None
    if not coverage or not ought:
        return NothingMatched("--min-coverage: no request that ought to have a price")
    share = 100 * (coverage.priced_requests or 0) / ought
    if share < least:
        return DataRefused(
            f"{share:.1f} % of the requests that ought to have a price have one; --min-coverage asks {least:g} %",
            hint="llmscope pricing unpriced names the models",
        )
    return None
