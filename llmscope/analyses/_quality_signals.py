"""What users and the log say without being asked: thumbs, fallbacks, refusals, empty and cut answers, a row a slice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from llmscope.analyses import _slices
from llmscope.analyses._errors_rows import GENERATED, SILENT, TOLD, rate_columns
from llmscope.analyses._quality_asked import Asked
from llmscope.analyses._quality_rows import interval
from llmscope.result import Column, Part
from llmscope.stats.proportions import clustered
from llmscope.stats.quantiles import DaySums

Row = dict[str, Any]
SIGNALS = ("fallback", "refused", "empty", "truncated")
HITS = {**SILENT, "fallback": f"({GENERATED} AND coalesce(fallback, false))"}
OF = {**TOLD, "fallback": GENERATED}
# Without any of these in the log, a share of none would be made up.
LOGGED = {"fallback": "fallback", "refused": "refusal"}
COUNTED = ", ".join(
    f"count(*) FILTER (WHERE {s}_hit) AS {s}_hits, count(*) FILTER (WHERE {s}_told) AS {s}_of" for s in SIGNALS
)
SUMMED = ",\n    ".join(
    f"cast(sum({s}_hits) AS BIGINT) AS {s}_hits, cast(sum({s}_of) AS BIGINT) AS {s}_of, "
    f"cast(sum({s}_hits * {s}_hits) AS BIGINT) AS {s}_squared, cast(sum({s}_hits * {s}_of) AS BIGINT) AS {s}_by_count, "
    f"cast(sum({s}_of * {s}_of) AS BIGINT) AS {s}_of_squared"
    for s in SIGNALS
)
# {within}: the answers that each rater ought to have scored: those of its features, on its days.
SQL = f"""
WITH told AS (
    SELECT {{dimensions}} date_trunc('day', started_at) AS asked_day, feature AS of_feature,
        {GENERATED} AS answered, {", ".join(f"{LOGGED[s]} AS {s}_known" for s in LOGGED)},
        {", ".join(f"{HITS[s]} AS {s}_hit, {OF[s]} AS {s}_told" for s in SIGNALS)}
    FROM requests
), cells AS (
    SELECT {{columns}} asked_day, of_feature, count(*) AS requests, count(*) FILTER (WHERE answered) AS answers,
        {", ".join(f"count({s}_known) AS {s}_logged" for s in LOGGED)},
        {COUNTED}
    FROM told GROUP BY ALL
), daily AS (
    SELECT {{columns}} asked_day, sum(requests) AS requests, sum(answers) AS answers, {{within}}
        {", ".join(f"sum({s}_logged) AS {s}_logged" for s in LOGGED)},
        {", ".join(f"sum({s}_hits) AS {s}_hits, sum({s}_of) AS {s}_of" for s in SIGNALS)}
    FROM cells GROUP BY ALL
)
SELECT {{columns}} cast(sum(requests) AS BIGINT) AS requests, cast(sum(answers) AS BIGINT) AS answers, {{summed}}
    {", ".join(f"cast(sum({s}_logged) AS BIGINT) AS {s}_logged" for s in LOGGED)},
    count(asked_day) AS days,
    {SUMMED}
FROM daily GROUP BY ALL
"""
MOST_SPANS = 24


@dataclass(frozen=True)
class Span:
    """What a rater ought to have scored: the answers of its features (all where none are named) on its days."""

    first: datetime
    last: datetime
    features: tuple[str, ...] = ()


def asked_of(asked: Asked, spans: Sequence[Span]) -> list[Row]:
    """A row a slice of all requests: signals, and the answers within each span."""
    within, summed = [], []
    bound: Row = {}
    for i, span in enumerate(spans[:MOST_SPANS]):
        named = ", ".join(f"$feature_{i}_{j}" for j in range(len(span.features)))
        of = f" AND coalesce(of_feature, '') IN ({named})" if named else ""
        days = f"(asked_day IS NULL OR (asked_day >= $from_{i} AND asked_day <= $to_{i}))"
        within.append(f"sum(answers) FILTER (WHERE {days}{of}) AS span_{i}, ")
        summed.append(f"cast(coalesce(sum(span_{i}), 0) AS BIGINT) AS span_{i}, ")
        bound |= {f"from_{i}": span.first, f"to_{i}": span.last}
        bound |= {f"feature_{i}_{j}": name for j, name in enumerate(span.features)}
    names = {"columns": asked.columns, "within": "".join(within), "summed": "".join(summed)}
    rows = asked.logs.query(SQL, by=asked.groups, names=names, **bound)
    return [row for row in rows if row["requests"]]


def signals(asked: Asked, slices: Sequence[Row], rows: Sequence[Row]) -> Part:
    """A row a slice, with what users said of it."""
    logged = {s: sum(row[f"{s}_logged"] for row in slices) for s in LOGGED}
    thumbs = thumbs_of(asked, rows)
    found = []
    for row in slices:
        done = {**{word: row[word] for word in asked.words}, "requests": row["requests"], "answers": row["answers"]}
        done |= thumbs.get(tuple(row[word] for word in asked.words), NO_THUMBS)
        for name in SIGNALS:
            done |= rate(name, row if logged.get(name, 1) else {**row, f"{name}_of": 0})
        found.append(done)
    bucket = next((d.word for d in asked.groups if d.kind == "time"), None)
    ordered = _slices.ordered(found, asked.groups, "answers", bucket)
    ends = (c if c.role == "measure" else replace(c, optional=True) for s in SIGNALS for c in rate_columns(s))
    measures = (Column("answers", "count", "n"), *THUMBS, *ends)
    return Part((*_slices.columns_of(asked.groups), *measures), tuple(ordered))


THUMBS = (Column("thumbs", "count", "n"), *rate_columns("thumbs_up"))
NO_THUMBS: Row = {"thumbs": 0, "thumbs_up_ratio": None, "thumbs_up_low_ratio": None, "thumbs_up_high_ratio": None}


def thumbs_of(asked: Asked, rows: Sequence[Row]) -> dict[tuple[Any, ...], Row]:
    """The users' yes and no of each slice: of the score they gave most."""
    given = [row for row in rows if row["rater_kind"] == "user" and row["share"]]
    totals: dict[str, int] = {}
    for row in given:
        totals[row["score"]] = totals.get(row["score"], 0) + row["valued"]
    most = min(totals, key=lambda name: (-totals[name], name), default=None)
    found = {}
    for row in (row for row in given if row["score"] == most):
        low, high = interval(row)
        found[tuple(row[word] for word in asked.words)] = {
            "thumbs": row["valued"], "thumbs_up_ratio": row["mean"],
            "thumbs_up_low_ratio": low, "thumbs_up_high_ratio": high,
        }  # fmt: skip
    return found


def rate(name: str, row: Mapping[str, Any]) -> Row:
    """The share of one signal, clustered by day."""
    n, hits = row[f"{name}_of"], row[f"{name}_hits"]
    low, high = None, None
    if n:
        sums = DaySums(row["days"], n, hits, row[f"{name}_squared"], row[f"{name}_by_count"], row[f"{name}_of_squared"])
        low, high = clustered(sums) or (None, None)
    return {f"{name}_ratio": hits / n if n else None, f"{name}_low_ratio": low, f"{name}_high_ratio": high}
