"""What quality costs: mean score, cost and latency of the same scored answers, a row a template, version and model."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import combinations, pairwise
from math import sqrt
from typing import TYPE_CHECKING, Any

from llmscope.analyses._quality_like import who
from llmscope.analyses._quality_pairs import Daily, compared, mean_and_error
from llmscope.analyses._scored import KEYS
from llmscope.identifiers import quoted
from llmscope.result import Column, Finding, Part
from llmscope.stats.quantiles import FEWEST_DAYS, t_quantile

if TYPE_CHECKING:
    from llmscope.analyses._quality_asked import Asked
    from llmscope.schema import Dimension

Row = dict[str, Any]
# Dimensions that are chosen by those who run the program, and so can be weighed against their cost.
CHOSEN = ("request_model", "provider", "release", "service_tier", "language", "environment")
MOST_SLICES, FEWEST_SCORES, MOST_FINDINGS = 40, 10, 5
# A day a row: n, the sums of score, its square and cost; the slices with the most scores only.
SQL = """
WITH asked AS (
    SELECT {dimensions} request_id, date_trunc('day', started_at) AS seen_day, latency_ms, cost_usd FROM priced
), valued AS (
    SELECT {worded} scored.rater_version AS rater_version, scored.value AS value, asked.seen_day,
        asked.latency_ms, asked.cost_usd
    FROM {once} AS scored JOIN asked ON scored.about_id = asked.request_id
    WHERE {primary} AND scored.value IS NOT NULL
), slices AS (
    SELECT {columns} rater_version, count(*) AS scores, min(seen_day) AS first_day,
        quantile_cont(latency_ms, 0.5) AS p50_ms FROM valued GROUP BY ALL
), placed AS (
    SELECT *, row_number() OVER (ORDER BY scores DESC, {columns} rater_version) AS place, count(*) OVER () AS slices
    FROM slices
), daily AS (
    SELECT {columns} rater_version, seen_day, count(*) AS n, sum(value) AS total, sum(value * value) AS squares,
        count(cost_usd) AS costed, cast(sum(cost_usd) AS DOUBLE) AS cost
    FROM valued GROUP BY ALL
)
SELECT daily.*, placed.scores, placed.first_day, placed.p50_ms, placed.place, placed.slices
FROM daily JOIN placed ON {same} WHERE placed.place <= $most
"""
ANY_SQL = (
    "SELECT count(template) AS template, count(template_version) AS template_version, count(feature) AS feature "
    "FROM requests"
)
MEASURES = (
    Column("rater", "text", "dimension", optional=True),
    Column("rater_version", "text", "dimension"),
    Column("scores", "count", "n"),
    Column("mean", "rate"),
    Column("mean_low", "rate", "low", "mean"),
    Column("mean_high", "rate", "high", "mean"),
    Column("cost_per_request_usd", "usd"),
    Column("p50_ms", "ms"),
    Column("costs_more_than", "text"),
)


def primary(rows: Sequence[Row]) -> Row | None:
    """The scores to weigh against cost: numbers before thumbs, then those of the rater who gave the most.

    A rater's versions are of one scale only each by itself; they stand apart all the same.
    """
    totals: dict[tuple[Any, ...], int] = {}
    for row in rows:
        thumbs = row["rater_kind"] == "user" and row["share"]
        if row["valued"] and (thumbs or not row["share"]):
            key = (bool(thumbs), row["score"], row["data_type"], row["rater_kind"], row["rater"])
            totals[key] = totals.get(key, 0) + row["valued"]
    best = min(totals, key=lambda key: (key[0], -totals[key], str(key)), default=None)
    return dict(zip(("thumbs", *KEYS[:4]), best, strict=True)) if best else None


def dimensions_of(asked: Asked) -> tuple[Dimension, ...]:
    """Template (feature where no template is logged), its version, model, and what was asked for that can be chosen."""
    from llmscope.schema import dimension

    logged = asked.logs.query(ANY_SQL)[0]
    words = ["template" if logged["template"] else "feature"] if logged["template"] or logged["feature"] else []
    words += ["template_version"] if logged["template_version"] else []
    words += ["model", *(w for w in asked.words if w in CHOSEN or w.startswith("metadata."))]
    return tuple(dimension(word) for word in words)


def value(asked: Asked, rows: Sequence[Row]) -> tuple[Part | None, tuple[Finding, ...], list[str]]:
    """The table, what costs more without scoring better, and what was taken for quality."""
    of = primary(rows)
    if of is None:
        return None, (), []
    by = dimensions_of(asked)
    daily = read(asked, by, of)
    slices = [one for one in sliced(daily, by) if one.n >= FEWEST_SCORES]
    if not slices:
        return None, (), []
    found, beaten = findings(slices, [d.word for d in by], of)
    shown = sorted(slices, key=lambda one: order(one, by))
    columns = (*(Column(d.word, "text", "dimension") for d in by), *MEASURES)
    part = Part(columns, tuple({**one.names, **figures(one), "costs_more_than": beaten.get(id(one))} for one in shown))
    said = (
        f"part value: score {of['score']} by {who({**of, 'rater_version': None})}, higher taken for better, with cost "
        f"and latency of the same requests; slices of {FEWEST_SCORES} scores or more (--score and --rater choose)"
    )
    cut = max((row["slices"] for row in daily), default=0) - MOST_SLICES
    more = [f"part value: the {MOST_SLICES} slices with the most scores; {cut:,} more are not shown"] if cut > 0 else []
    return part, found, [said, *more]


def read(asked: Asked, by: Sequence[Dimension], of: Row) -> list[Row]:
    """The daily sums of the scores to be weighed."""
    names = [quoted(d.word) for d in by]
    holes = {
        "worded": "".join(f"asked.{name} AS {name}, " for name in names),
        "columns": "".join(f"{name}, " for name in names),
        "once": asked.once,
        "primary": " AND ".join(f"scored.{key} IS NOT DISTINCT FROM $of_{key}" for key in KEYS[:4]),
        "same": " AND ".join(f"daily.{name} IS NOT DISTINCT FROM placed.{name}" for name in (*names, "rater_version")),
    }
    bound = {f"of_{key}": of[key] for key in KEYS[:4]}
    rows = asked.logs.query(SQL, by=by, names=holes, most=MOST_SLICES, **bound)
    return [{**row, "rater": of["rater"]} for row in rows]


def sliced(rows: Sequence[Row], by: Sequence[Dimension]) -> list[Daily]:
    """A slice's days together."""
    words = [*(d.word for d in by), "rater", "rater_version"]
    found: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        found.setdefault(tuple(row[word] for word in words), []).append(row)
    return [Daily.of(dict(zip(words, key, strict=True)), of) for key, of in found.items()]


def order(one: Daily, by: Sequence[Dimension]) -> tuple[Any, ...]:
    names = tuple((one.names[d.word] is None, str(one.names[d.word])) for d in by)
    return (names[:1], one.first_day or datetime.max, names, str(one.names["rater_version"]))


def figures(one: Daily) -> Row:
    """The cells of one row."""
    mean, error, days = mean_and_error(one.score)
    if days < FEWEST_DAYS:
        # Too few days to see how they differ: every score for itself.
        error, days = sqrt(max(one.squares - one.n * mean**2, 0.0) / max(one.n - 1, 1) / one.n), one.n
    reach = t_quantile(0.975, days - 1) * error if error else None
    cost = mean_and_error(one.cost)[0] if one.cost else None
    ends = (mean - reach, mean + reach) if reach is not None else (None, None)
    return {
        "scores": one.n, "mean": mean, "mean_low": ends[0], "mean_high": ends[1],
        "cost_per_request_usd": cost, "p50_ms": one.p50_ms,
    }  # fmt: skip


def findings(slices: Sequence[Daily], words: Sequence[str], of: Row) -> tuple[tuple[Finding, ...], dict[int, str]]:
    """Pairs that differ in one thing only, of which one costs surely more and does not surely score better."""
    told: dict[tuple[Any, ...], tuple[Any, Row]] = {}
    beaten: dict[int, str] = {}
    for cheap, dear, word in pairs(slices, words):
        seen = compared(cheap, dear)
        if seen is None:
            continue
        cheap, dear = seen.cheap, seen.dear
        beaten[id(dear)] = str(cheap.names[word])
        key = (tuple(dear.names[w] for w in words), word)
        rank = min(cheap.n, dear.n)
        if key not in told or rank > told[key][0]:
            told[key] = (rank, seen.row(word, words, of))
    rows = sorted((row for _, row in told.values()), key=lambda row: (row["rank"], -row["cost_ratio"], row["text"]))
    found = [finding(row) for row in rows[:MOST_FINDINGS]]
    if len(rows) > MOST_FINDINGS:
        text = f"{len(rows) - MOST_FINDINGS:,} more slices cost more, not shown to be better: part value names them"
        found.append(Finding("costlier", "info", text))
    return tuple(found), beaten


def finding(row: Row) -> Finding:
    """The sentence of one pair, and its figures."""
    kept = {name: value for name, value in row.items() if name not in ("rank", "text", "severity")}
    return Finding("costlier", row["severity"], row["text"], (kept,))


def pairs(slices: Sequence[Daily], words: Sequence[str]) -> list[tuple[Daily, Daily, str]]:
    """Slices of one rater version that differ in one dimension: versions in a row, models each with each."""
    found = []
    first = words[0] if words and words[0] in ("template", "feature") else None
    for word in (w for w in words if w != first):
        groups: dict[tuple[Any, ...], list[Daily]] = {}
        for one in slices:
            rest = tuple(one.names[w] for w in (*words, "rater", "rater_version") if w != word)
            groups.setdefault(rest, []).append(one)
        for group in groups.values():
            ordered = sorted(group, key=lambda one: (one.first_day or datetime.max, str(one.names[word])))
            both = pairwise(ordered) if word == "template_version" else combinations(ordered, 2)
            found += [(a, b, word) for a, b in both]
    return found
