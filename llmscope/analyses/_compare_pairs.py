"""The same item asked of both sides: one figure an item and side, and the sums that a paired test needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llmscope.analyses._compare_sql import METRICS, SCORED, SIDED, Asked
from llmscope.errors import unknown_name
from llmscope.stats.paired import Pairs

Row = dict[str, Any]
# The columns that say that two requests asked the same; a prompt is looked up in so many rows unasked.
ITEMS = ("item_id", "prompt_hash")
WAYS = ("auto", *ITEMS, "none")
MOST_PROMPTS = 2_000_000
FEWEST = 30

# {item}: item_id or prompt_hash. A side's figure of an item is the mean of its requests.
PAIRS_SQL = (
    SIDED
    + """,
valued AS (
    SELECT side, {item} AS item, {values} FROM sided WHERE side IN ('a', 'b') AND {item} IS NOT NULL
),
by_item AS (
    SELECT side, item, count(*) AS requests, {means} FROM valued GROUP BY ALL
),
paired AS (
    SELECT one.requests AS requests_a, other.requests AS requests_b, {both}
    FROM by_item AS one JOIN by_item AS other ON one.item = other.item
    WHERE one.side = 'a' AND other.side = 'b'
)
SELECT count(*) AS pairs, sum(requests_a) AS requests_a, sum(requests_b) AS requests_b, {sums}
FROM paired
"""
)
SCORE_PAIRS_SQL = (
    SCORED
    + """,
by_item AS (
    SELECT name, rater_kind, rater, rater_version, side, item, avg(value) AS value
    FROM scored WHERE item IS NOT NULL GROUP BY ALL
),
paired AS (
    SELECT one.name AS name, one.rater_kind AS rater_kind, one.rater AS rater, one.rater_version AS rater_version,
        one.value AS value_a, other.value AS value_b
    FROM by_item AS one JOIN by_item AS other ON one.item = other.item AND one.name = other.name
        AND one.rater_kind IS NOT DISTINCT FROM other.rater_kind AND one.rater IS NOT DISTINCT FROM other.rater
        AND one.rater_version IS NOT DISTINCT FROM other.rater_version
    WHERE one.side = 'a' AND other.side = 'b'
)
SELECT name, rater_kind, rater, rater_version, {sums}
FROM paired
GROUP BY ALL
ORDER BY value_pairs DESC, name, rater_kind, rater, rater_version
"""
)
LEVELS = tuple(metric for metric in METRICS if not metric.quantile)


def item_of(way: str, whole: Mapping[str, Row]) -> str | None:
    """The column that both sides know items by; None where there is none, or it is not to be looked for.

    Raises:
        UsageError: an unknown way.
    """
    if way not in WAYS:
        raise unknown_name("--pairs", way, WAYS)
    if way in ITEMS:
        return way
    if way == "none" or len(whole) < 2:
        return None
    if all(row["items"] >= FEWEST for row in whole.values()):
        return "item_id"
    prompts = [row["prompts"] for row in whole.values()]
    return "prompt_hash" if min(prompts) >= FEWEST and sum(prompts) <= MOST_PROMPTS else None


def pairs_of(asked: Asked, item: str) -> Row:
    """The sums of every metric over the items both sides answered."""
    words = [metric.word for metric in LEVELS]
    return asked.query(
        PAIRS_SQL,
        {
            "item": item,
            "values": ", ".join(f"{m.sql} AS {m.column}" for m in LEVELS),
            "means": ", ".join(f"avg({m.column}) AS {m.word}" for m in LEVELS),
            "both": ", ".join(f"one.{word} AS {word}_a, other.{word} AS {word}_b" for word in words),
            "sums": sums_of(words),
        },
    )[0]


def score_pairs(asked: Asked, item: str) -> list[Row]:
    """The same of every score."""
    return asked.query(SCORE_PAIRS_SQL, {"item": item, "sums": sums_of(["value"])}, priced=False)


def sums_of(words: Sequence[str]) -> str:
    """n, a, b, a^2, b^2 and ab of the items of which both sides have the figure."""
    found = []
    for w in words:
        both = f"FILTER (WHERE {w}_a IS NOT NULL AND {w}_b IS NOT NULL)"
        named = {"a": f"{w}_a", "b": f"{w}_b", "aa": f"{w}_a * {w}_a", "bb": f"{w}_b * {w}_b", "ab": f"{w}_a * {w}_b"}
        found.append(f"count(*) {both} AS {w}_pairs")
        found += [f"sum({sql}) {both} AS {w}_sum_{name}" for name, sql in named.items()]
    return ",\n    ".join(found)


def pairs_in(row: Row, word: str) -> Pairs | None:
    """One metric's sums; None where no item has it on both sides."""
    n = int(row[f"{word}_pairs"])
    sums = [row[f"{word}_sum_{name}"] for name in ("a", "b", "aa", "bb", "ab")]
    return Pairs(n, *(float(value) for value in sums)) if n else None
