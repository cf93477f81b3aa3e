"""Draws the items of a sample: in strata, by lot, with the probability of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, sqrt
from typing import TYPE_CHECKING, Any

from llmscope.analyses import _sample_sql as sql
from llmscope.identifiers import quoted

if TYPE_CHECKING:
    from llmscope.logs import Logs
    from llmscope.schema import Dimension

Row = dict[str, Any]
OTHERS = "(others)"
# Of each stratum at least so many, that its spread can be told.
FLOOR = 2
# How much of a sample are the items wanted most; the rest stands for all others.
WANTED_SHARE = 0.75
HEX_DIGITS = 12
# Greater than every md5 sum.
EVERY_LOT = "g"


@dataclass(frozen=True)
class Plan:
    """How the items are put into strata: all in `one`, by `keys`, or by `priority`.

    wanted: the name of the stratum of those wanted most. items: HOW_FAR's word where only scored items can be drawn.
    """

    strata: str
    wanted: str
    score: str | None = None
    failures: bool = False
    items: str | None = None
    bound: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Drawn:
    """The rows drawn, the strata they come from, how many requests these hold, and how many they stand for."""

    rows: tuple[Row, ...]
    strata: tuple[Row, ...]
    every: int
    stand_for: float


def draw(
    logs: Logs, plan: Plan, groups: Sequence[Dimension], eligible: Sequence[str], *, seed: str, n: int, texts: bool
) -> Drawn:
    """Draws n of the requests that meet the conditions `eligible`."""
    names, values = holes(plan, groups, eligible, texts), bound(plan, n, seed)
    head = sql.POOL + (sql.BY_PRIORITY if plan.strata == "priority" else sql.BY_KEY)
    sizes = logs.query(head + sql.SIZES, by=groups, names=names, **values)
    rows: list[Row] = []
    for lots in (cut(sizes), EVERY_LOT) if sizes else ():
        rows = logs.query(head + sql.DRAW, by=groups, names=names, cut=lots, **values)
        if len(rows) == sum(s["taken"] for s in sizes):
            break  # else the lowest lots are those of an earlier sample that is left out, and the next ones are drawn
    strata = tuple(
        {
            "stratum": s["stratum"], "requests": s["size"], "drawn": s["taken"],
            "weight": s["size"] / s["taken"] if s["taken"] else None,
        }
        for s in sizes
    )  # fmt: skip
    return Drawn(tuple(rows), strata, sum(s["size"] for s in sizes), float(sum(s["stands"] for s in sizes)))


def cut(sizes: Sequence[Row]) -> str:
    """The lot below which enough of every large stratum lie: so many and five standard deviations more.

    Lots are md5 sums, as good as uniform; 20 more for the small numbers.
    """
    shares = [(s["taken"] + 5 * sqrt(s["taken"]) + 20) / s["size"] for s in sizes if s["size"] > sql.SORTED_WHOLE]
    return below(max(shares, default=0.0))


def below(share: float) -> str:
    """The text that this share of all md5 sums is less than; above 1 all are."""
    return EVERY_LOT if share >= 1 else f"{ceil(share * 16**HEX_DIGITS):0{HEX_DIGITS}x}"


def holes(plan: Plan, groups: Sequence[Dimension], eligible: Sequence[str], texts: bool) -> dict[str, str]:
    """The SQL of a plan's strata."""
    words = [f"coalesce({quoted(d.word)}::VARCHAR, '(none)')" for d in groups]
    return {
        "relation": "priced" if any(d.priced for d in groups) else "requests",
        "stratum": f"concat_ws(' · ', {', '.join(words)})" if plan.strata == "keys" else "'all'",
        "priority": sql.ERRORS if plan.failures else "how_far" if plan.items else "0.0",
        "scored": sql.ITEMS.format(how_far=sql.HOW_FAR[plan.items]) if plan.items else "",
        "joined": sql.SCORED if plan.items else "",
        "eligible": " AND ".join(eligible) or "true",
        "texts": "requests_of.input_text, requests_of.output_text, " if texts else "",
    }


def bound(plan: Plan, n: int, seed: str) -> dict[str, Any]:
    """The values of a plan."""
    if plan.strata == "priority":
        first = min(n - 1, ceil(WANTED_SHARE * n))
        return {**plan.bound, "seed": seed, "n": n, "first": first, "wanted": plan.wanted, "others": OTHERS}
    return {"seed": seed, "n": n, "most": max(n // FLOOR, 1), "floor": min(n, FLOOR), "others": OTHERS}
