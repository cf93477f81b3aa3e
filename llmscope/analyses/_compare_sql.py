"""What `compare` asks of the requests: which side each is on, what is measured of it, sums by day and by kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from llmscope.analyses import _daily
from llmscope.analyses._compare_sides import Sides
from llmscope.analyses._compare_sides import among as among
from llmscope.identifiers import local_time

if TYPE_CHECKING:
    from llmscope.logs import Logs

Row = dict[str, Any]
Scale = Literal["log", "ratio", "points"]
# How the answers of one value are told from those of many: the largest of a dimension by name, the others together.
MOST_KINDS, OTHER = 20, "(other)"
QUANTILES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure of a request: its SQL over `priced` (NULL where unknown, or where the request does not count).

    scale: what is compared: the mean of a logarithm (log), the logarithm of the mean (ratio), or the mean itself.
    margin: which of the margins holds. better: which way is better, -1 lower, 1 higher, 0 neither. told: what shows
    that the log knows a flag at all. quantile: a share of rows over a bound value. sized: the size of the prompt is no
    kind to be held equal, as it is the figure itself, or is known of answers and not of failures.
    """

    word: str
    said: str
    sql: str
    scale: Scale
    unit: str
    margin: str
    better: int
    told: str = ""
    quantile: str | None = None
    sized: bool = False

    @property
    def column(self) -> str:
        return f"{self.word}_value"


# Rates of failures too, whose prompts are often not counted.
WITH_FAILURES = ("error_rate", "fallback_rate")
MEASURED = {metric.word: metric for metric in _daily.metrics_of(frozenset())}
LATENCY = MEASURED["latency"].sql


def figure(sql: str) -> str:
    """What has a logarithm."""
    return f"CASE WHEN {sql} > 0 AND {sql} < {_daily.HUGE} THEN {sql} END"


def metric(word: str) -> Metric:
    """A figure of `drift`, as two sides are compared by it."""
    of = MEASURED[word]
    if of.kind == "rate":
        return Metric(word, of.said, of.sql, "points", "ratio", "rate", -1, of.told, sized=word in WITH_FAILURES)
    if word in ("latency", "ttft"):
        sql = f"cast(ln({figure(of.sql)}) AS DECIMAL(18, 9))"
        return Metric(word, of.said, sql, "log", "ms", "latency", -1)
    if word == "cost_per_request":
        return Metric(word, of.said, "cast(cost_usd AS DOUBLE)", "ratio", "usd", "cost", -1)
    sized = word == "input_tokens"
    return Metric(word, of.said, of.sql, "ratio", "tokens", "tokens", 0, sized=sized)


def over(quantile: str) -> Metric:
    """A quantile of latency, as the share of requests that take longer than A's."""
    sql = f"CASE WHEN {figure(LATENCY)} > ${quantile} THEN 1 WHEN {figure(LATENCY)} <= ${quantile} THEN 0 END"
    return Metric(f"{quantile}_latency", f"{quantile} latency", sql, "points", "ms", "latency", -1, quantile=quantile)


METRICS: tuple[Metric, ...] = (
    metric("cost_per_request"),
    metric("latency"),
    *(over(quantile) for quantile in QUANTILES),
    *(metric(word) for word in MEASURED if word not in ("cost_per_request", "latency")),
)
RATES = tuple(metric for metric in METRICS if metric.margin == "rate")

# {a}, {b}: the sides' conditions. {relation}: priced, or requests. {day}: the day in the zone asked for.
SIDED = """
WITH judged AS (
    SELECT *, coalesce(({a}), false) AS in_a, coalesce(({b}), false) AS in_b, {day} AS day FROM {relation}
),
sided AS (
    SELECT *,
        CASE WHEN in_a AND in_b THEN 'both' WHEN in_a THEN 'a' WHEN in_b THEN 'b' ELSE 'neither' END AS side
    FROM judged
)"""
DAYS_SQL = (
    SIDED
    + """
SELECT side, day, count(*) AS requests
FROM sided
GROUP BY ALL
"""
)
# {within}: true, or the days that count. One look at each side as a whole.
WHOLE_SQL = (
    SIDED
    + """,
valued AS (
    SELECT *, {latency} AS slow FROM sided WHERE side IN ('a', 'b') AND {within}
)
SELECT side,
    count(*) AS requests,
    count(DISTINCT coalesce(session_id, request_id)) AS sessions,
    count(session_id) AS in_sessions,
    count(prompt_hash) AS prompts,
    count(item_id) AS items,
    min(started_at) AS first_at,
    max(started_at) AS last_at,
    count(slow) AS timed,
    quantile_cont(slow, 0.50) AS p50,
    quantile_cont(slow, 0.95) AS p95,
    quantile_cont(slow, 0.99) AS p99,
    {events}
FROM valued
GROUP BY side
"""
)
# {kinds}: the strata, a column each. {sums}: of every metric its rows and its sum.
SUMS_SQL = (
    SIDED
    + """,
valued AS (
    SELECT side, day, {kinds} {values} FROM sided WHERE side IN ('a', 'b') AND {within}
)
SELECT side, day, {kind_names} {sums}
FROM valued
GROUP BY ALL
"""
)
# The same by session, and the sessions' sums by day; {unit_day}: the day, or none where days are not held apart.
SESSIONS_SQL = (
    SIDED
    + """,
valued AS (
    SELECT side, {unit_day} AS unit_day, coalesce(session_id, request_id) AS unit, {values}
    FROM sided WHERE side IN ('a', 'b') AND {within}
),
by_session AS (
    SELECT side, unit_day, unit, {sums} FROM valued GROUP BY ALL
)
SELECT side, unit_day AS day, {squares}
FROM by_session
GROUP BY ALL
"""
)
# Scores of the requests of both sides; ratings of users are one rater's together.
SCORED = (
    SIDED
    + """,
keyed AS (
    SELECT request_id, side, day, {kinds} coalesce(session_id, request_id) AS unit, {item} AS item
    FROM sided WHERE side IN ('a', 'b') AND {within}
),
scored AS (
    SELECT keyed.*, scores.name AS name, scores.rater_kind AS rater_kind, scores.data_type AS data_type,
        CASE WHEN scores.rater_kind <> 'user' THEN scores.rater END AS rater,
        CASE WHEN scores.rater_kind <> 'user' THEN scores.rater_version END AS rater_version, scores.value AS value
    FROM scores JOIN keyed ON scores.request_id = keyed.request_id
    WHERE scores.value IS NOT NULL
)"""
)
SCORES_SQL = (
    SCORED
    + """
SELECT name, rater_kind, rater, rater_version, max(data_type) AS data_type, side, day, {kind_names}
    count(value) AS value_n, sum(value) AS value_s, min(value) AS least, max(value) AS most
FROM scored
GROUP BY name, rater_kind, rater, rater_version, side, {kind_names} day
"""
)
SCORE_SESSIONS_SQL = (
    SCORED
    + """,
by_session AS (
    SELECT name, rater_kind, rater, rater_version, side, {unit_day} AS unit_day, unit,
        count(value) AS value_n, sum(value) AS value_s
    FROM scored GROUP BY ALL
)
SELECT name, rater_kind, rater, rater_version, side, unit_day AS day, {squares}
FROM by_session
GROUP BY ALL
"""
)
KINDS_SQL = """
SELECT {kind} AS kind, count(*) AS requests
FROM {relation}
GROUP BY ALL
ORDER BY requests DESC, kind
LIMIT $most
"""
ENDS_SQL = (
    SIDED
    + """
SELECT {ends}
FROM (SELECT {latency} AS slow FROM sided WHERE side = 'b' AND {within}) AS timed
"""
)
SIZE = """CASE WHEN input_tokens < 256 THEN 0 WHEN input_tokens < 1024 THEN 1 WHEN input_tokens < 4096 THEN 2
        WHEN input_tokens < 16384 THEN 3 WHEN input_tokens < 65536 THEN 4 WHEN input_tokens >= 65536 THEN 5 END"""


@dataclass(frozen=True)
class Asked:
    """The log, its two sides, and which days count (None: all)."""

    logs: Logs
    sides: Sides
    days: tuple[str, ...] | None = None

    @property
    def day(self) -> str:
        return f"cast({local_time(self.logs.window.tz)} AS DATE)"

    @property
    def within(self) -> str:
        if self.days is None:
            return "true"
        return among("cast(day AS VARCHAR)", [f"day_{i}" for i in range(len(self.days))])

    def query(self, sql: str, names: Mapping[str, str] | None = None, priced: bool = True, **values: Any) -> list[Row]:
        """Rows of one of the statements above."""
        holes = {
            "a": self.sides.a, "b": self.sides.b, "day": self.day, "within": self.within, "latency": figure(LATENCY),
            "item": "cast(NULL AS VARCHAR)", "kinds": "", "kind_names": "",
            "relation": "priced" if priced else self.sides.relation, **(names or {}),
        }  # fmt: skip
        bound: Row = {f"day_{i}": day for i, day in enumerate(self.days or ())}
        return self.logs.query(sql, names=holes, **{**self.sides.values, **bound, **values})


def values_sql(metrics: Sequence[Metric]) -> str:
    """Each metric as a column of its own name."""
    return ",\n        ".join(f"{metric.sql} AS {metric.column}" for metric in metrics)


def sums_sql(metrics: Sequence[Metric]) -> str:
    return ", ".join(f"count({m.column}) AS {m.word}_n, sum({m.column}) AS {m.word}_s" for m in metrics)


def squares_sql(words: Sequence[str]) -> str:
    """What the variance by sessions needs."""
    return ",\n    ".join(
        f"count(*) FILTER (WHERE {w}_n > 0) AS {w}_m, sum({w}_n) AS {w}_n, sum({w}_s) AS {w}_s, "
        f"sum({w}_n * {w}_n) AS {w}_nn, sum({w}_n * {w}_s) AS {w}_ns, sum({w}_s * {w}_s) AS {w}_ss"
        for w in words
    )


def events_sql() -> str:
    """Sessions in which each rate hit, and whether its flag is known at all."""
    unit = "coalesce(session_id, request_id)"
    found = [f"count(DISTINCT CASE WHEN ({m.sql}) = 1 THEN {unit} END) AS {m.word}_hits" for m in RATES]
    return ",\n    ".join([*found, *(f"count({m.told}) AS {m.word}_told" for m in RATES if m.told)])
