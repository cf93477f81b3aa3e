"""Do the scored answers look like the rest? By feature, model, length and outcome, beyond the noise of days.

The rest: all answers of the features that a rater scores at all, from its first scored day to its last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import TYPE_CHECKING, Any

from llmscope.analyses._errors_rows import GENERATED
from llmscope.analyses._quality_asked import LENGTH, LENGTHS, OUTCOME, OUTCOMES, Asked
from llmscope.analyses._scored import KEYS
from llmscope.result import TOO_FEW, Column, Part
from llmscope.stats.quantiles import FEWEST_DAYS, t_quantile

if TYPE_CHECKING:
    from llmscope.analyses._quality_rows import Row

ASPECTS = ("feature", "model", "length", "outcome")
OF_ANSWER = f"feature, model, {LENGTH} AS length, {OUTCOME} AS outcome, date_trunc('day', started_at) AS seen_day"
RATERS = ", ".join(KEYS)
MOST_RATERS, MOST_VALUES = 12, 20
BY_ASPECT = "\n    UNION ALL ".join(
    f"SELECT {{key}}'{aspect}' AS aspect, coalesce(cast({aspect} AS VARCHAR), '') AS value, {{rest}} FROM {{source}} "
    "GROUP BY ALL"
    for aspect in ASPECTS
)
# What was scored: u = b - p c over days (b of c scores have the value, p of all answers) is chance, or the sample.
SQL = f"""
WITH sampled AS (
    SELECT {RATERS}, met_feature AS feature, met_model AS model, met_length AS length, met_outcome AS outcome,
        met_day AS seen_day, count(*) AS n
    FROM {{once}} AS scored WHERE answered AND met_day IS NOT NULL GROUP BY ALL
), sizes AS (
    SELECT {RATERS}, sum(n) AS size FROM sampled GROUP BY ALL
), raters AS (
    SELECT {RATERS}, row_number() OVER (ORDER BY size DESC, {RATERS}) AS place FROM sizes
), placed AS (
    SELECT raters.place, sampled.feature, sampled.model, sampled.length, sampled.outcome, sampled.seen_day, sampled.n
    FROM sampled JOIN raters ON {" AND ".join(f"sampled.{key} IS NOT DISTINCT FROM raters.{key}" for key in KEYS)}
    WHERE raters.place <= $most_raters
), rater_days AS (
    SELECT place, seen_day, sum(n) AS n FROM placed GROUP BY ALL
), ranges AS (
    SELECT place, min(seen_day) AS first_day, max(seen_day) AS last_day, count(*) AS days, sum(n) AS n,
        sum(n * n) AS n_n
    FROM rater_days GROUP BY place
), hits AS (
    {BY_ASPECT.format(key="place, ", rest="seen_day, sum(n) AS n", source="placed")}
), seen AS (
    SELECT hits.place, hits.aspect, hits.value, sum(hits.n) AS hits, sum(hits.n * hits.n) AS squared,
        sum(hits.n * rater_days.n) AS by_count
    FROM hits JOIN rater_days ON hits.place = rater_days.place AND hits.seen_day = rater_days.seen_day GROUP BY ALL
), ranked AS (
    SELECT *, row_number() OVER (PARTITION BY place, aspect ORDER BY hits DESC, value) AS rank FROM seen
)
SELECT {", ".join(f"raters.{key}" for key in KEYS)}, ranked.place, ranked.aspect, ranked.value,
    cast(ranked.hits AS BIGINT) AS hits, cast(ranked.squared AS DOUBLE) AS squared,
    cast(ranked.by_count AS DOUBLE) AS by_count, ranges.days, cast(ranges.n AS BIGINT) AS n,
    cast(ranges.n_n AS DOUBLE) AS n_n, ranges.first_day, ranges.last_day
FROM ranked JOIN ranges ON ranked.place = ranges.place JOIN raters ON ranked.place = raters.place
WHERE ranked.rank <= $most_values
"""
# {answers}: those that each rater could have scored.
REST_SQL = f"""
WITH answers AS (
    SELECT {OF_ANSWER}, count(*) AS n FROM requests WHERE {GENERATED} AND started_at IS NOT NULL GROUP BY ALL
), every AS (
    {BY_ASPECT.format(key="", rest="{answers}, sum(n) AS n", source="answers")}
), ranked AS (
    SELECT *, row_number() OVER (PARTITION BY aspect ORDER BY n DESC, value) AS rank FROM every
)
SELECT * FROM ranked WHERE rank <= $most_values
"""
COLUMNS = (
    Column("score", "text", "dimension"),
    Column("rater_kind", "text", "dimension", optional=True),
    Column("rater", "text", "dimension"),
    Column("rater_version", "text", "dimension"),
    Column("aspect", "text", "dimension"),
    Column("value", "text", "dimension"),
    Column("scores", "count", "n"),
    Column("scored_ratio", "ratio"),
    Column("answers_ratio", "ratio"),
    Column("difference_ratio", "ratio"),
    Column("difference_low_ratio", "ratio", "low", "difference_ratio", optional=True),
    Column("difference_high_ratio", "ratio", "high", "difference_ratio", optional=True),
    Column("reading", "text"),
)
# A share that is nearer than this to that of all answers is as theirs, however sure the difference.
MARGIN = 0.02
AS_ALL, MORE, LESS = "as the rest", "more than its share", "less than its share"
FEWEST_SCORES = 30


def read(asked: Asked) -> list[Row]:
    """A row a rater and value of each aspect, with how many of the rest have it."""
    scored = asked.query(SQL, {"once": asked.once}, most_raters=MOST_RATERS, most_values=MOST_VALUES)
    raters = {row["place"]: row for row in scored}
    found = {(row["place"], row["aspect"], row["value"]): row for row in scored}
    for row in rest(asked, raters, features_of(scored)):
        for place, one in raters.items():
            answers = row[f"answers_{place}"]
            if not answers:
                continue
            # A rater's commonest values are read, and the commonest of all; what is in neither is not compared.
            none = {**one, "aspect": row["aspect"], "value": row["value"], "hits": 0, "squared": 0.0, "by_count": 0.0}
            found.setdefault((place, row["aspect"], row["value"]), none)["answers"] = answers
    rows = [named(row) for row in found.values() if row.get("answers")]
    for row in rows:
        row["every_answer"] = sum(
            r["answers"] for r in rows if (r["place"], r["aspect"]) == (row["place"], row["aspect"])
        )
    return sorted(rows, key=lambda r: (r["place"], ASPECTS.index(r["aspect"]), -r["answers"], str(r["value"])))


def rest(asked: Asked, raters: Mapping[int, Row], features: Mapping[tuple[Any, ...], tuple[str, ...]]) -> list[Row]:
    """A row a value: the answers with it that each rater could have scored."""
    listed: list[str] = []
    bound: Row = {}
    for place, row in raters.items():
        own = features.get(tuple(row[key] for key in KEYS), ())
        named = ", ".join(f"$feature_{place}_{i}" for i in range(len(own)))
        of = f" AND coalesce(feature, '') IN ({named})" if own else ""
        days = f"seen_day >= $from_{place} AND seen_day <= $to_{place}"
        listed.append(f"cast(coalesce(sum(n) FILTER (WHERE {days}{of}), 0) AS BIGINT) AS answers_{place}")
        bound |= {f"from_{place}": row["first_day"], f"to_{place}": row["last_day"]}
        bound |= {f"feature_{place}_{i}": name for i, name in enumerate(own)}
    if not listed:
        return []
    return asked.logs.query(REST_SQL, names={"answers": ", ".join(listed)}, most_values=MOST_VALUES, **bound)


def named(row: Row) -> Row:
    """A length or an outcome in words; no value for what is not logged."""
    names = {"length": LENGTHS, "outcome": OUTCOMES}.get(row["aspect"])
    value = row["value"]
    return {**row, "value": names[int(value)] if names and value else value or None}


def features_of(rows: Sequence[Row]) -> dict[tuple[Any, ...], tuple[str, ...]]:
    """The features that each rater scores at all; none named where they may be more than are read."""
    found: dict[tuple[Any, ...], set[str]] = {}
    for row in (r for r in rows if r["aspect"] == "feature" and r["hits"]):
        found.setdefault(tuple(row[name] for name in KEYS), set()).add(row["value"] or "")
    return {key: tuple(sorted(names)) for key, names in found.items() if len(names) < MOST_VALUES}


def like_the_rest(rows: Sequence[Row]) -> tuple[Part, list[str]]:
    """What the scored answers have more or less of than the rest, and a sentence a rater."""
    told: dict[tuple[int, str], int] = {}
    for row in rows:
        told[row["place"], row["aspect"]] = told.get((row["place"], row["aspect"]), 0) + 1
    rows = [row for row in rows if told[row["place"], row["aspect"]] > 1]
    tests = {place: sum(1 for r in rows if r["place"] == place) for place in {r["place"] for r in rows}}
    found = [{**row, **compared(row, tests[row["place"]])} for row in rows]
    names_of = [c.name for c in COLUMNS]
    shown = tuple({name: row[name] for name in names_of} for row in found if row["reading"] in (MORE, LESS))
    return Part(COLUMNS, shown), notes(found)


def compared(row: Row, tests: int) -> Row:
    """The share among the scored less the share among all answers of the rater's days.

    Method: all answers are known, so p has no error of its own; that of the scored share is linearised over days about
    p. Student's t, at 95 % for all values of one rater together (Bonferroni).
    """
    n, days = row["n"], row["days"]
    share, every = row["hits"] / n, row["answers"] / row["every_answer"]
    done: Row = {
        "scores": row["hits"], "scored_ratio": share, "answers_ratio": every, "difference_ratio": share - every,
        "difference_low_ratio": None, "difference_high_ratio": None, "reading": TOO_FEW,
    }  # fmt: skip
    if n < FEWEST_SCORES:
        return done
    if days >= FEWEST_DAYS:
        mean = share
        around = max(row["squared"] - 2 * mean * row["by_count"] + mean * mean * row["n_n"], 0.0)
        error = sqrt(days / (days - 1) * around) / n
        df = float(days - 1)
    else:
        error, df = 0.0, float(n - 1)
    # Never less than the noise of a sample of independent scores: a value seen in none of them has no spread at all.
    error = max(error, sqrt(every * (1 - every) / n))
    reach = t_quantile(1 - 0.025 / tests, df) * error
    low, high = share - every - reach, share - every + reach
    reading = MORE if low > 0 else LESS if high < 0 else AS_ALL
    if abs(share - every) < MARGIN:
        reading = AS_ALL
    elif reading == AS_ALL and reach > 5 * MARGIN:
        reading = TOO_FEW
    return done | {"difference_low_ratio": low, "difference_high_ratio": high, "reading": reading}


def notes(rows: Sequence[Row]) -> list[str]:
    """One sentence for the raters whose scored answers are not of the mix of the rest, and one for all others."""
    said: dict[tuple[str, str], list[str]] = {}
    alike: list[str] = []
    for place in sorted({row["place"] for row in rows}):
        own = [r for r in rows if r["place"] == place]
        odd = sorted((r for r in own if r["reading"] in (MORE, LESS)), key=lambda r: -abs(r["difference_ratio"]))
        if odd:
            said.setdefault((who(odd[0]), unlike(odd)), []).append(odd[0]["score"])
        elif all(r["reading"] == AS_ALL for r in own):
            alike.append(f"{own[0]['score']} by {who(own[0])}")
    found = [
        f"{', '.join(scores)} by {rater}: the scored answers are not like the rest ({text}): the mean over all of them "
        "is not that of all answers (part coverage; --by that dimension)"
        for (rater, text), scores in said.items()
    ]
    if alike:
        found.append(f"like the rest by feature, model, length and outcome: the answers scored for {', '.join(alike)}")
    return found


def unlike(odd: Sequence[Row]) -> str:
    """The largest differences in words."""
    each = "; ".join(
        f"{r['aspect']} {r['value'] or '(none)'} {100 * r['scored_ratio']:.0f} % of the scored, "
        f"{100 * r['answers_ratio']:.0f} % of all"
        for r in odd[:2]
    )
    return each + (f"; {len(odd) - 2} more" if len(odd) > 2 else "")


def who(row: Row) -> str:
    """A rater in words."""
    name = row["rater"] or {"user": "users", "human": "people"}.get(row["rater_kind"], row["rater_kind"])
    return f"{name} {row['rater_version']}" if row["rater_version"] else str(name)
