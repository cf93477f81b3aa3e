"""How often each label was given: the distribution of scores that are words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llmscope.analyses import _slices
from llmscope.analyses._quality_asked import Asked
from llmscope.analyses._quality_rows import OF, SCORE
from llmscope.analyses._scored import KEYS
from llmscope.identifiers import quoted
from llmscope.result import Column, Part
from llmscope.stats.proportions import clustered
from llmscope.stats.quantiles import DaySums

Row = dict[str, Any]
# A text of one's own is no label: of more classes than this only the commonest are shown.
MOST_LABELS = 20
# Days as clusters; n, n_n over all days of the rater, also those without the label. {inside}: the rater and slice.
SQL = f"""
WITH words AS (
    SELECT {{columns}} {OF}, label, scored_day, count(*) AS n
    FROM scored WHERE label IS NOT NULL AND (value IS NULL OR data_type = 'categorical') AND data_type <> 'boolean'
    GROUP BY ALL
), daily AS (
    SELECT {{columns}} {OF}, scored_day, sum(n) AS n FROM words GROUP BY ALL
), whole AS (
    SELECT {{columns}} {OF}, cast(sum(n) AS BIGINT) AS scores, count(DISTINCT scored_day) AS days,
        cast(sum(n * n) AS BIGINT) AS n_n
    FROM daily GROUP BY ALL
), spread AS (
    SELECT {{worded}} {", ".join(f"words.{key}" for key in KEYS)}, words.label, cast(sum(words.n) AS BIGINT) AS hits,
        cast(sum(words.n * words.n) AS BIGINT) AS squared, cast(sum(words.n * daily.n) AS BIGINT) AS by_count
    FROM words JOIN daily ON {{alike}} GROUP BY ALL
), ranked AS (
    SELECT spread.*, whole.scores, whole.days, whole.n_n, row_number() OVER (
        PARTITION BY {{inside}} ORDER BY spread.hits DESC, spread.label
    ) AS place, count(*) OVER (PARTITION BY {{inside}}) AS classes
    FROM spread JOIN whole ON {{same}}
)
SELECT * FROM ranked WHERE place <= $most
"""


def labels(asked: Asked) -> tuple[Part, list[str]]:
    """A row a label of each rater and slice, and what is left out."""
    inside = ", ".join([*(f"spread.{quoted(word)}" for word in asked.words), *(f"spread.{key}" for key in KEYS)])
    holes = {
        "worded": "".join(f"words.{quoted(word)}, " for word in asked.words),
        "alike": asked.same("words", "daily", (*KEYS, "scored_day")),
        "same": asked.same("whole", "spread"),
        "inside": inside,
    }
    rows = asked.query(SQL, holes, most=MOST_LABELS)
    found = [{**row, **share(row)} for row in rows]
    bucket = next((d.word for d in asked.groups if d.kind == "time"), None)
    order = (*((bucket,) if bucket else ()), *KEYS, *asked.words)
    found.sort(key=lambda r: (*((r[k] is None, str(r[k])) for k in order), r["place"]))
    cut = sum(row["classes"] - MOST_LABELS for row in rows if row["place"] == 1 and row["classes"] > MOST_LABELS)
    notes = [f"part labels: {cut:,} rarer labels are not shown"] if cut else []
    return Part((*SCORE, *_slices.columns_of(asked.groups), *COLUMNS), tuple(trimmed(found, asked))), notes


COLUMNS = (
    Column("label", "text", "dimension"),
    Column("scores", "count", "n"),
    Column("share_ratio", "ratio"),
    Column("share_low_ratio", "ratio", "low", "share_ratio"),
    Column("share_high_ratio", "ratio", "high", "share_ratio"),
)


def share(row: Row) -> Row:
    """Its share of the labels of its rater, clustered by day."""
    sums = DaySums(row["days"], row["scores"], row["hits"], row["squared"], row["by_count"], row["n_n"])
    low, high = clustered(sums) or (None, None)
    return {"share_ratio": sums.share, "share_low_ratio": low, "share_high_ratio": high, "scores": row["hits"]}


def trimmed(rows: Sequence[Row], asked: Asked) -> list[Row]:
    names = [*(c.name for c in SCORE), *asked.words, *(c.name for c in COLUMNS)]
    return [{name: row[name] for name in names} for row in rows]
