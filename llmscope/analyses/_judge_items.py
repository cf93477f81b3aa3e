"""The items that a judge and people both scored: each with what everyone said, and what the people together say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from llmscope.analyses._judge_asked import SAID, Chosen, named

if TYPE_CHECKING:
    from llmscope.logs import Logs
    from llmscope.schema import Dimension

Row = Mapping[str, Any]
# More items are a seeded sample of them: people label hundreds, and 20,000 narrow an interval as far as it helps.
MOST_ITEMS = 20_000
# Of one rater's (and version's) labels of one item, the latest so many.
MOST_REPEATS = 20
# {words}: what the bias is shown by.
LABELS = f"""
WITH people AS (
    SELECT l_item AS h_item FROM sided WHERE l_score = $score AND l_side = 'human' AND l_item IS NOT NULL
    GROUP BY l_item
), given AS (
    SELECT sided.* FROM sided JOIN people ON sided.l_item = h_item
    WHERE l_score = $score AND (l_side = 'human' OR l_rater = $judge_name)
), drawn AS (
    SELECT l_item AS d_item FROM given GROUP BY l_item HAVING count(DISTINCT l_rater) > 1
    ORDER BY md5(l_item), l_item LIMIT $most
), placed AS (
    SELECT given.*, row_number() OVER (
        PARTITION BY l_item, l_side, l_rater, l_version ORDER BY l_at DESC NULLS LAST, l_id
    ) AS l_place
    FROM given JOIN drawn ON l_item = d_item
)
SELECT {{words}} l_item, l_side, l_rater, l_version, {SAID} AS l_said, l_figure, l_at, l_place, l_known, l_weight,
    l_session, l_output_tokens, l_started_at
FROM placed
WHERE l_place <= $repeats
ORDER BY l_item, l_side, l_rater, l_place
"""


@dataclass(frozen=True, slots=True)
class Item:
    """One item: what the judge said, each person by name, and what they say together (None: no majority)."""

    name: str
    judge: str | None
    people: Mapping[str, str]
    reference: str | float | None
    cluster: str
    output_tokens: int | None
    slices: Mapping[str, Any]
    judge_version: str | None = None
    judged_at: datetime | None = None
    weight: float | None = None
    known: bool = False


@dataclass(frozen=True)
class Items:
    """The items, how the people's answers are put together, and what was counted on the way."""

    all: tuple[Item, ...]
    numeric: bool
    how: str
    clusters: str
    repeated: int = 0
    contradicted: int = 0
    without_majority: int = 0
    by: tuple[str, ...] = field(default=())
    strays: int = 0

    @property
    def paired(self) -> list[Item]:
        """Those that can be held against the judge."""
        return [i for i in self.all if i.judge is not None and i.reference is not None]

    def left_out(self, remedy: str) -> list[str]:
        """Small print: what is in no figure; the remedy is against people who are not of one mind."""
        found = []
        if self.strays:
            found.append(
                f"{self.strays:,} labels are words among figures and are left out; --equal WORD=FIGURE gives them one"
            )
        if self.without_majority:
            found.append(f"{self.without_majority:,} items have no majority among people and are left out; {remedy}")
        return found


def labelled(
    logs: Logs, chosen: Chosen, by: Sequence[Dimension] = (), how: str | None = None, each: bool = False
) -> Items:
    """The items both sides scored, at most MOST_ITEMS of them.

    Args:
        by: the dimensions that `offered` was asked for. how: majority or mean; None leaves it to the scale.
        each: an item stands once for every version of the judge that scored it; else only the latest counts.
    """
    rows = logs.query(
        LABELS, names={"words": named(by)}, score=chosen.score, judge_name=chosen.judge, most=MOST_ITEMS,
        repeats=MOST_REPEATS,
    )  # fmt: skip
    every: list[Row] = [r for r in rows if r["l_place"] == 1]
    latest = without_strays(every, chosen)
    strays = len(every) - len(latest)
    numeric = all(r["l_figure"] is not None for r in latest)
    how = how or default_reference(latest, numeric, chosen)
    words = [d.word for d in by]
    clusters, of = clustering(latest)
    found: dict[str, list[Row]] = {}
    for row in latest:
        found.setdefault(row["l_item"], []).append(row)
    items = tuple(
        item(name, some, numeric, how, of[name], words)
        for name, mine in found.items() for some in (versions_of(mine) if each else [mine])
    )  # fmt: skip
    repeated, contradicted = repeats(rows)
    torn = sum(1 for i in items if i.judge is not None and i.people and i.reference is None)
    return Items(items, numeric, how, clusters, repeated, contradicted, torn, tuple(words), strays)


def without_strays(rows: Sequence[Row], chosen: Chosen) -> list[Row]:
    """The labels, but a few words among figures (n/a, ?): on a scale of figures they say that there is no answer."""
    figures = [not s.labels or (s.figures and s.labels - s.figures == s.strays)
               for s in (chosen.judge_scale, chosen.human_scale)]  # fmt: skip
    return [r for r in rows if r["l_figure"] is not None] if all(figures) else list(rows)


def default_reference(rows: Sequence[Row], numeric: bool, chosen: Chosen) -> str:
    """The mean of figures on a scale; of words, of yes and no, and of three classes or fewer the majority."""
    people = {r["l_said"] for r in rows if r["l_side"] == "human"}
    return "mean" if numeric and len(people) > 3 and not chosen.human_scale.booleans else "majority"


def versions_of(rows: Sequence[Row]) -> list[list[Row]]:
    """An item's rows once for each version of the judge."""
    people = [r for r in rows if r["l_side"] == "human"]
    judged = [r for r in rows if r["l_side"] == "judge"]
    return [[r, *people] for r in judged] or [people]


def item(name: str, rows: Sequence[Row], numeric: bool, how: str, cluster: str, words: Sequence[str]) -> Item:
    judged = [r for r in rows if r["l_side"] == "judge"]
    judge = max(judged, key=lambda r: (str(r["l_at"] or ""), r["l_version"] or ""), default=None)
    people = {r["l_rater"]: r["l_said"] for r in rows if r["l_side"] == "human"}
    reference = (mean(people) if how == "mean" and numeric else majority(people)) if people else None
    first = rows[0]
    weights = [r["l_weight"] for r in rows if r["l_side"] == "human" and (r["l_weight"] or 0) > 0]
    return Item(
        name, judge["l_said"] if judge else None, people, reference, cluster, first["l_output_tokens"],
        {w: first[w] for w in words}, judge["l_version"] if judge else None,
        judge["l_at"] if judge else None, sum(weights) / len(weights) if weights else None,
        any(r["l_known"] for r in rows),
    )  # fmt: skip


def mean(people: Mapping[str, str]) -> float:
    return sum(float(said) for said in people.values()) / len(people)


def majority(people: Mapping[str, str]) -> str | None:
    """What most of them said; None where no answer is ahead."""
    (first, n), *rest = Counter(people.values()).most_common()
    return None if rest and rest[0][1] == n else first


def clustering(rows: Sequence[Row]) -> tuple[str, dict[str, str]]:
    """Which items resemble each other: those of a day (8 days or more), else of a session, else none; by item."""
    from llmscope.stats.agreement import FEWEST_CLUSTERS

    when = {r["l_item"]: str(r["l_started_at"] or r["l_at"] or "")[:10] for r in rows}
    days = {day for day in when.values() if day}
    if len(days) >= FEWEST_CLUSTERS and all(when.values()):
        return "day", when
    sessions = {r["l_item"]: r["l_session"] or f"item {r['l_item']}" for r in rows}
    if FEWEST_CLUSTERS <= len(set(sessions.values())) < len(sessions):
        return "session", sessions
    return "", {name: name for name in sessions}


def repeats(rows: Sequence[Row]) -> tuple[int, int]:
    """How many items a rater scored more than once, and on how many of them differently."""
    said: dict[tuple[str, str, str | None], set[str]] = {}
    more: set[tuple[str, str, str | None]] = set()
    for row in rows:
        key = (row["l_item"], row["l_rater"], row["l_version"])
        said.setdefault(key, set()).add(row["l_said"])
        if row["l_place"] > 1:
            more.add(key)
    return len(more), sum(len(said[key]) > 1 for key in more)
