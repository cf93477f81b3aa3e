"""A row a day of two sides of a log: counts, sums and exceedances of many metrics at once, of the whole and of slices.

What moved is judged from days, not from requests, so that ten requests or a hundred million come to Python as the same
few rows. Two sides are whatever `side` says: two windows, two models, two versions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from llmscope.analyses import _counted
from llmscope.analyses._errors_rows import FAILED, GENERATED, JUDGED, SILENT, TOLD
from llmscope.identifiers import local_time, quoted
from llmscope.result import Window

if TYPE_CHECKING:
    from llmscope.logs import Logs
    from llmscope.schema import Dimension

Row = dict[str, Any]
Kind = Literal["level", "mean", "rate"]
BEFORE, AFTER = "before", "after"
# No figure of a request is as large; infinity and NaN are, and have no logarithm.
HUGE = "1e18"
# Quantiles of these probabilities are looked up, the ends of intervals found between them.
GRID = (
    0.25, 0.3, 0.35, 0.4, 0.425, 0.45, 0.475, 0.5, 0.525, 0.55, 0.575, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.875, 0.9,
    0.91, 0.92, 0.93, 0.94, 0.95, 0.96, 0.97, 0.975, 0.98, 0.985, 0.99, 0.9925, 0.995, 0.9975, 0.999,
)  # fmt: skip
TAILS: dict[str, float] = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure of a request: its SQL over `requests` or `priced`, NULL where it is not known or does not count.

    kind: level, of positive figures, by their logarithms; mean, of dollars; rate, of 0 and 1. told: for a flag, what
    shows that the log knows it at all. tails: its quantiles are judged too.
    """

    word: str
    said: str
    kind: Kind
    unit: str
    sql: str
    told: str = ""
    tails: bool = False
    priced: bool = False
    remedy: str = ""

    @property
    def column(self) -> str:
        return f"{self.word}_value"


def rate_sql(hit: str, of: str) -> str:
    """1 where something happened, 0 where it did not, NULL for requests that cannot tell."""
    return f"CASE WHEN {of} THEN CASE WHEN {hit} THEN 1 ELSE 0 END END"


def metrics_of(include: frozenset[str]) -> tuple[Metric, ...]:
    """What is measured of a request; `include`: the words of --include.

    Times count what `latency` counts. Tokens are those of answers that a model gave. Costs are of all that has a price.
    """
    timed = _counted.condition(include)
    answered = _counted.condition(include, ("failed", "cached", "embeddings"))
    return (
        Metric("latency", "latency", "level", "ms", f"CASE WHEN {timed} THEN latency_ms END", tails=True,
               remedy="--map latency_ms=KEY or ended_at=KEY"),
        Metric("ttft", "time to first token", "level", "ms", f"CASE WHEN {timed} THEN ttft_ms END", tails=True,
               remedy="only streams have one; --map ttft_ms=KEY"),
        Metric("input_tokens", "input tokens", "level", "tokens", f"CASE WHEN {answered} THEN input_tokens END",
               remedy="--map input_tokens=KEY"),
        Metric("output_tokens", "output tokens", "level", "tokens", f"CASE WHEN {answered} THEN output_tokens END",
               remedy="--map output_tokens=KEY"),
        Metric("cost_per_request", "cost per request", "mean", "usd", "cost_usd", priced=True,
               remedy="llmscope pricing unpriced names models without a price"),
        Metric("error_rate", "error rate", "rate", "share", rate_sql(FAILED, JUDGED)),
        Metric("truncation_rate", "truncation rate", "rate", "share", rate_sql(SILENT["truncated"], TOLD["truncated"]),
               remedy="--map finish_reason=KEY"),
        Metric("refusal_rate", "refusal rate", "rate", "share", rate_sql(SILENT["refused"], GENERATED),
               told="refusal", remedy="--map refusal=KEY"),
        Metric("fallback_rate", "fallback rate", "rate", "share", rate_sql("coalesce(fallback, false)", "true"),
               told="fallback", remedy="--map fallback=KEY"),
    )  # fmt: skip


# {side}: 'before', 'after' or NULL. {day}: the day of a request, in the zone asked for.
SIDED = """
WITH sided AS (
    SELECT *, {side} AS side, {day} AS day_of FROM {relation}
), measured AS (
    SELECT {dimensions} side, day_of, {values} FROM sided WHERE side IS NOT NULL
)"""
# The largest slices, and how many there are.
SLICES_SQL = (
    SIDED
    + """, counted AS (
    SELECT {columns} count(*) AS requests FROM measured GROUP BY ALL
), ranked AS (
    SELECT *, row_number() OVER (ORDER BY requests DESC, {order}) AS place, count(*) OVER () AS slices,
        sum(requests) OVER () AS every_request
    FROM counted
)
SELECT * FROM ranked WHERE place <= {most} ORDER BY place
"""
)
# {kept}: a row a slice that is looked at, with its place and its limits; {alike}: which slice a request belongs to.
PLACED = (
    SIDED
    + """, kept AS (
    {kept}
), placed AS (
    SELECT measured.*, kept.slot AS slot, kept.bit AS bit, {limits} FROM measured LEFT JOIN kept ON {alike}
)"""
)
QUANTILES_SQL = (
    PLACED
    + """
SELECT side, {slot} AS slot, {quantiles}
FROM placed
WHERE {inside}
GROUP BY ALL
"""
)
DAYS_SQL = (
    PLACED
    + """
SELECT side, day_of, slot, count(*) AS requests, count(session_id) AS in_sessions, {aggregates}
FROM placed
GROUP BY ALL
"""
)
# The sessions of each side, of the whole and of each slice: which slices a session is in, a bit each.
SESSIONS_SQL = (
    PLACED
    + """, one AS (
    SELECT side, session_id, bit_or(coalesce(bit, 0)) AS slots FROM placed WHERE session_id IS NOT NULL GROUP BY ALL
)
SELECT side, count(*) AS sessions{slots} FROM one GROUP BY side
"""
)
# In how many sessions, and in how many requests that belong to none, something rare happened.
EVENTS_SQL = (
    PLACED
    + """
SELECT side, {slot} AS slot, {events} FROM placed WHERE {inside} GROUP BY ALL
"""
)
Slot = int | None


@dataclass(frozen=True)
class Sides:
    """Two sides of a log: what tells them apart, the metrics, the slices looked at.

    side: SQL over the relation giving 'before', 'after' or NULL. window: what holds both. values: bound in `side`.
    keys: the slices, in order; a slot is a place in it, None the whole.
    """

    logs: Logs
    side: str
    window: Window
    metrics: tuple[Metric, ...]
    values: Mapping[str, Any] = field(default_factory=dict)
    by: tuple[Dimension, ...] = ()
    keys: tuple[tuple[Any, ...], ...] = ()

    @property
    def relation(self) -> str:
        """`priced` only where something asks for a price: it costs a join."""
        return "priced" if any(m.priced for m in self.metrics) or any(d.priced for d in self.by) else "requests"

    def query(self, sql: str, names: Mapping[str, str], limits: Mapping[str, float | None] | None = None) -> list[Row]:
        """One of this file's statements, its shared holes filled."""
        tests = " AND ".join(f"CAST(measured.{quoted(d.word)} AS VARCHAR) IS NOT DISTINCT FROM kept.key_{j}"
                             for j, d in enumerate(self.by))  # fmt: skip
        at = limits or {}
        shared = {
            "side": self.side,
            "day": f"date_trunc('day', {local_time(self.window.tz)})",
            "relation": self.relation,
            "values": ", ".join(["session_id", *(f"{m.sql} AS {m.column}" for m in self.metrics)]),
            "columns": "".join(f"{quoted(d.word)}, " for d in self.by),
            "kept": self.kept_sql(at),
            "alike": tests if self.keys else "false",
            "limits": ", ".join([f"kept.{name} AS {name}" for name in limit_names(self.metrics, at)] or ["1 AS free"]),
        }  # fmt: skip
        bound = {f"kept_{i}_{j}": value for i, key in enumerate(self.keys) for j, value in enumerate(key)}
        every = {**self.values, **bound, **at}
        return self.logs.query(sql, by=self.by, names={**shared, **names}, window=self.window, **every)

    def kept_sql(self, limits: Mapping[str, float | None]) -> str:
        """A row a slice: its place, its values as text, and the limits its own requests are held against."""
        rows = []
        for i in range(max(len(self.keys), 1)):
            cells = [f"{i} AS slot", f"CAST({2**i} AS BIGINT) AS bit"]
            cells += [f"CAST({f'$kept_{i}_{j}' if self.keys else 'NULL'} AS VARCHAR) AS key_{j}"
                      for j in range(len(self.by))]  # fmt: skip
            cells += [f"CAST($own_{i}_{name} AS DOUBLE) AS {name}" if f"own_{i}_{name}" in limits
                      else f"CAST(NULL AS DOUBLE) AS {name}" for name in limit_names(self.metrics, limits)]  # fmt: skip
            rows.append("SELECT " + ", ".join(cells))
        return " UNION ALL ".join(rows)


def limit_names(metrics: Sequence[Metric], limits: Mapping[str, float | None]) -> list[str]:
    """The columns of a slice's limits: latency_p95 and so on; none where nothing is limited."""
    return [f"{m.word}_{tail}" for m in metrics if m.tails for tail in TAILS] if limits else []


def largest(sides: Sides, most: int) -> tuple[tuple[tuple[Any, ...], ...], int, int]:
    """The keys of the slices with the most requests on both sides, how many slices there are, requests of the rest."""
    order = ", ".join(f"CAST({quoted(d.word)} AS VARCHAR) NULLS LAST" for d in sides.by)
    rows = replace(sides, metrics=()).query(SLICES_SQL, {"most": str(most), "order": order})
    keys = tuple(tuple(row[d.word] for d in sides.by) for row in rows)
    rest = int(rows[0]["every_request"]) - sum(row["requests"] for row in rows) if rows else 0
    return keys, (rows[0]["slices"] if rows else 0), rest


def quantiles(sides: Sides) -> dict[tuple[str, Slot, str], tuple[float, ...] | None]:
    """By (side, slot, metric) the quantiles of GRID; None without a figure. Exact, type 7."""
    tailed = tuple(m for m in sides.metrics if m.tails)
    if not tailed:
        return {}
    sides = replace(sides, metrics=tailed)
    listed = ", ".join(f"quantile_cont({m.column}, {p!r}) AS {m.word}_at_{i}"
                       for m in tailed for i, p in enumerate(GRID))  # fmt: skip
    whole = replace(sides, by=(), keys=())
    rows = whole.query(QUANTILES_SQL, {"quantiles": listed, "slot": "CAST(NULL AS BIGINT)", "inside": "true"})
    if sides.keys:
        rows += sides.query(QUANTILES_SQL, {"quantiles": listed, "slot": "slot", "inside": "slot IS NOT NULL"})
    found: dict[tuple[str, Slot, str], tuple[float, ...] | None] = {}
    for row in rows:
        for m in tailed:
            figures = tuple(row[f"{m.word}_at_{i}"] for i in range(len(GRID)))
            found[row["side"], row["slot"], m.word] = None if figures[0] is None else figures
    return found


def limits_of(sides: Sides, found: Mapping[tuple[str, Slot, str], tuple[float, ...] | None]) -> dict[str, float | None]:
    """The earlier side's quantiles, which the later side's requests are held against: bound values by name."""
    limits: dict[str, float | None] = {}
    for m in (m for m in sides.metrics if m.tails):
        for slot in (None, *range(len(sides.keys))):
            figures = found.get((BEFORE, slot, m.word))
            for tail, q in TAILS.items():
                name = f"all_{m.word}_{tail}" if slot is None else f"own_{slot}_{m.word}_{tail}"
                limits[name] = figures[GRID.index(q)] if figures else None
    return limits


def days(sides: Sides, limits: Mapping[str, float | None]) -> list[Row]:
    """A row for each side, day and slot; slot None holds the requests of no slice that is looked at.

    Of each metric: WORD_n, WORD_total (the sum of the logarithms of a level, of dollars, of 0 and 1), WORD_off (a
    level's figures that have no logarithm), WORD_told (whether a flag is known at all), and for tails WORD_p95_all and
    WORD_p95_own, the requests over the earlier side's quantile of the whole and of their own slice.
    """
    listed = []
    for m in sides.metrics:
        of = m.column
        if m.kind == "level":
            listed += [
                f"count(*) FILTER (WHERE {of} > 0 AND {of} < {HUGE}) AS {m.word}_n",
                f"sum(CAST(ln(CASE WHEN {of} > 0 AND {of} < {HUGE} THEN {of} END) AS DECIMAL(18, 9)))"
                f" AS {m.word}_total",
                f"count(*) FILTER (WHERE {of} <= 0 OR {of} >= {HUGE}) AS {m.word}_off",
            ]
        else:
            listed += [f"count({of}) AS {m.word}_n", f"sum({of}) AS {m.word}_total"]
        if m.told:
            listed.append(f"count({m.word}_known) AS {m.word}_told")
        for tail in TAILS if m.tails and limits else ():
            whole = f"$all_{m.word}_{tail}"
            listed += [
                f"count(*) FILTER (WHERE {of} > CAST({whole} AS DOUBLE)) AS {m.word}_{tail}_all",
                f"count(*) FILTER (WHERE {of} > {m.word}_{tail}) AS {m.word}_{tail}_own",
            ]
    known = [f"{m.told} AS {m.word}_known" for m in sides.metrics if m.told]
    values = ", ".join(["session_id", *(f"{m.sql} AS {m.column}" for m in sides.metrics), *known])
    return sides.query(DAYS_SQL, {"aggregates": ", ".join(listed) or "1 AS one", "values": values}, limits)


def whole_days(rows: Sequence[Row]) -> list[Row]:
    """The same of all requests together, from the days of the slices and of the rest: sums add up exactly."""
    found: dict[tuple[str, Any], Row] = {}
    for row in rows:
        key = (row["side"], row["day_of"])
        if key not in found:
            found[key] = {**row, "slot": None}
            continue
        known = found[key]
        for name, value in row.items():
            if name not in ("side", "day_of", "slot") and value is not None:
                known[name] = value if known[name] is None else known[name] + value
    return list(found.values())


def sessions(sides: Sides) -> dict[tuple[str, Slot], int]:
    """By (side, slot) how many sessions there are."""
    slots = "".join(f", count(*) FILTER (WHERE (slots & {2**i}) <> 0) AS slot_{i}" for i in range(len(sides.keys)))
    rows = replace(sides, metrics=()).query(SESSIONS_SQL, {"slots": slots})
    found: dict[tuple[str, Slot], int] = {(row["side"], None): row["sessions"] for row in rows}
    return found | {(row["side"], i): row[f"slot_{i}"] for row in rows for i in range(len(sides.keys))}


def events(sides: Sides) -> dict[tuple[str, Slot, str], int]:
    """By (side, slot, rate) in how many sessions something happened, and requests that belong to no session."""
    rates = [m for m in sides.metrics if m.kind == "rate"]
    listed = ", ".join(
        f"count(DISTINCT session_id) FILTER (WHERE {m.column} = 1)"
        f" + count(*) FILTER (WHERE session_id IS NULL AND {m.column} = 1) AS {m.word}_units"
        for m in rates
    )
    any_of = "(" + " OR ".join(f"{m.column} = 1" for m in rates) + ")"
    holes = {"events": listed, "slot": "CAST(NULL AS BIGINT)", "inside": any_of}
    rows = replace(sides, by=(), keys=()).query(EVENTS_SQL, holes)
    if sides.keys:
        rows += sides.query(EVENTS_SQL, {**holes, "slot": "slot", "inside": f"slot IS NOT NULL AND {any_of}"})
    return {(row["side"], row["slot"], m.word): row[f"{m.word}_units"] for row in rows for m in rates}
