"""Which scored items are worth a person's look: where judge and people differ, or where the judge is in doubt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from llmscope.analyses._sample_draw import Plan
from llmscope.analyses._sample_sql import NAMES
from llmscope.analyses._scored import put_wholes
from llmscope.errors import UsageError, unknown_name

if TYPE_CHECKING:
    from llmscope.logs import Logs

Row = dict[str, Any]
# The ends that scales usually have: what is scored up to 4 is of a scale to 5.
USUAL_ENDS = (1.0, 5.0, 10.0, 100.0)


def plan_of_scores(logs: Logs, how: str, score: str | None, bar: float | None) -> Plan:
    """The strata of a sample that looks at scores.

    Raises:
        UsageError: no judge scored anything, or not under that name.
    """
    put_wholes(logs)
    known = logs.query(NAMES)
    if not known:
        raise UsageError(
            f"--how {how} asks what a judge scored, and no request has a score of a judge",
            hint="load the judge's scores beside the requests; llmscope sources says how",
        )
    chosen = next((row for row in known if row["score"] == score), None) if score else best(known, how)
    if chosen is None:
        raise unknown_name("score", score or "", [row["score"] for row in known])
    told = [] if score or len(known) == 1 else [f"score {chosen['score']}; --score names another of {named(known)}"]
    only = "the sample stands for the requests with such scores, not for those without"
    if how == "uncertain" and bar is not None:
        told.append(f"nearest to {bar:g} first, by the judge's mean of an item; {only}")
        values = of(chosen, bar=bar)
        return Plan("priority", "nearest the bar", chosen["score"], items="bar", bound=values, notes=(*told,))
    if how == "uncertain":
        told.append(f"where the judge's own scores of one item lie widest apart (--bar 7: those nearest to 7); {only}")
        return Plan("priority", "widest apart", chosen["score"], items="spread", bound=of(chosen), notes=(*told,))
    scale, shift = onto(chosen)
    if (scale, shift) != (1.0, 0.0):
        told.append(
            f"the people's scores ({chosen['human_low']:g} to {chosen['human_high']:g}) are stretched to the judge's "
            f"({chosen['judge_low']:g} to {chosen['judge_high']:g}): the scales differ"
        )
    told.append(f"judge and people, or else the judge's own scores, furthest apart first; {only}")
    values = of(chosen, scale=scale, shift=shift)
    return Plan("priority", "furthest apart", chosen["score"], items="apart", bound=values, notes=(*told,))


def best(known: Sequence[Row], how: str) -> Row:
    """The score with the most to look at: of a disagreement, the one that people scored too."""
    return max(known, key=lambda row: (row["labelled"] if how == "disagreement" else 0, row["judged"]))


def named(known: Sequence[Row]) -> str:
    """The names of the scores there are."""
    return ", ".join(row["score"] for row in known[:5]) + (f" and {len(known) - 5} more" if len(known) > 5 else "")


def of(chosen: Row, **values: float) -> dict[str, Any]:
    """What the SQL binds."""
    return {"score": chosen["score"], **values}


def onto(row: Row) -> tuple[float, float]:
    """The factor and what is added to take people's figures to the judge's scale; 1 and 0 where they share one."""
    ends = [row[name] for name in ("judge_low", "judge_high", "human_low", "human_high")]
    if None in ends:
        return 1.0, 0.0
    low, high, own_low, own_high = ends
    if end_of(high) == end_of(own_high) or high == low or own_high == own_low:
        return 1.0, 0.0
    factor = (high - low) / (own_high - own_low)
    return factor, low - factor * own_low


def end_of(highest: float) -> float:
    """The end of the scale that a highest score is of."""
    return next((end for end in USUAL_ENDS if highest <= end), highest)
