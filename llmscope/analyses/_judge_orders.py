"""Whether a judge of pairs says the same when the two answers change places."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from llmscope.analyses._judge_asked import SAID, Chosen
from llmscope.analyses._judge_statistics import valued
from llmscope.result import Column, Part
from llmscope.stats.agreement import share

if TYPE_CHECKING:
    from llmscope.logs import Logs

Row = Mapping[str, Any]
NOT_LOGGED = (
    "position consistency is not measured: a score has no field for the order in which answers were shown; log the "
    "other order under a name of its own, and --swapped NAME compares the two"
)
SQL = f"""
WITH ordered AS (
    SELECT l_item, l_score, max({SAID}) AS l_said, count(DISTINCT {SAID}) AS l_answers FROM sided
    WHERE l_side = 'judge' AND l_rater = $judge_name AND l_score IN ($one, $other) AND l_item IS NOT NULL
    GROUP BY l_item, l_score
)
SELECT count(*) AS items, count(*) FILTER (WHERE a.l_said = b.l_said) AS same
FROM ordered AS a JOIN ordered AS b ON a.l_item = b.l_item
WHERE a.l_score = $one AND b.l_score = $other AND a.l_answers = 1 AND b.l_answers = 1
"""
COLUMNS = (
    Column("score", "text", "dimension"),
    Column("other_order", "text", "dimension"),
    Column("items", "count", "n"),
    Column("consistent", "rate"),
    Column("consistent_low", "rate", "low", "consistent"),
    Column("consistent_high", "rate", "high", "consistent"),
)


def position(logs: Logs, chosen: Chosen | str, swapped: str | None) -> tuple[dict[str, Part], tuple[str, ...]]:
    """The share of comparisons with the same winner in both orders; a note where the other order is not logged."""
    if isinstance(chosen, str):
        return {}, ()  # without a judge nobody asks in which order it was asked
    if swapped is None:
        return {}, (NOT_LOGGED,)
    found = logs.query(SQL, one=chosen.score, other=swapped, judge_name=chosen.judge)[0]
    row = {"score": chosen.score, "other_order": swapped, "items": found["items"],
           **valued(share(found["same"], found["items"]), "consistent")}  # fmt: skip
    return {"position": Part(COLUMNS, (row,))}, (
        f"position: {swapped} must name the winner, not its place, as {chosen.score} does",
    )
