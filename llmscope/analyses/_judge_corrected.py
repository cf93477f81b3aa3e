"""The judge's mean and pass rate of one version, beside what people's labels make of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from llmscope.analyses._judge_asked import Chosen
from llmscope.analyses._judge_items import Item
from llmscope.stats.agreement import Estimate, design_of, share
from llmscope.stats.corrected import (
    Cluster,
    Labelled,
    Unlabelled,
    apart,
    clustered_mean,
    labels_mean,
    ppi_mean,
    rogan_gladen,
)

if TYPE_CHECKING:
    from llmscope.logs import Logs

Row = Mapping[str, Any]
# A row a version, day and whether people labelled the item; an item judged twice under one version counts by its mean.
JUDGED = """
WITH human_items AS (
    SELECT l_item AS h_item FROM sided WHERE l_side = 'human' AND l_score = $score AND l_item IS NOT NULL
        AND l_figure IS NOT NULL
    GROUP BY l_item
), judged AS (
    SELECT l_version, coalesce(l_item, l_id) AS l_item, avg(l_figure) AS l_figure, min(l_at) AS l_at
    FROM sided
    WHERE l_side = 'judge' AND l_rater = $judge_name AND l_score = $score AND l_figure IS NOT NULL
    GROUP BY l_version, coalesce(l_item, l_id)
)
SELECT l_version AS version, date_trunc('day', l_at) AS day, h_item IS NOT NULL AS labelled, count(*) AS n,
    sum(l_figure) AS total, sum(l_figure * l_figure) AS squares,
    count(*) FILTER (WHERE l_figure >= $passing) AS passes
FROM judged LEFT JOIN human_items ON l_item = h_item
GROUP BY l_version, date_trunc('day', l_at), h_item IS NOT NULL
"""
NAIVE, LABELS, PPI, ROGAN = "judge alone (naive)", "labels alone", "PPI++", "Rogan-Gladen"


def judged(logs: Logs, chosen: Chosen, passing: float) -> list[Row]:
    """What the judge gave, by version, day and whether people labelled it too."""
    rows = logs.query(JUDGED, score=chosen.score, passing=passing, judge_name=chosen.judge)
    return sorted(rows, key=lambda r: (str(r["version"]), str(r["day"]), r["labelled"]))


@dataclass(frozen=True)
class Stratum:
    """One version of the judge: what it gave, by day, and the items of it that people labelled."""

    version: str | None
    rows: tuple[Row, ...]
    items: tuple[Item, ...]
    passing: float | None
    weighted: bool

    def figure(self, said: str | float | None) -> float:
        """What counts of an answer: its figure, or whether it passes."""
        value = float(said or 0)
        return value if self.passing is None else float(value >= self.passing)

    @property
    def n(self) -> int:
        return int(sum(r["n"] for r in self.rows))

    def sums(self, rows: Sequence[Row]) -> tuple[float, float, float]:
        """Count, sum and sum of squares of the judge's figures."""
        n = sum(r["n"] for r in rows)
        if self.passing is not None:
            passes = float(sum(r["passes"] for r in rows))
            return n, passes, passes
        return n, float(sum(r["total"] for r in rows)), float(sum(r["squares"] for r in rows))

    def labelled(self, items: Sequence[Item]) -> list[float]:
        """The sums that `Labelled` holds, of these items."""
        found = [0.0] * 10
        for one in items:
            w = (one.weight or 1.0) if self.weighted else 1.0
            y, f = self.figure(one.reference), self.figure(one.judge)
            parts = (1, w, w * y, w * f, w * w, w * w * y, w * w * f, w * w * y * y, w * w * f * f, w * w * y * f)
            found = [a + b for a, b in zip(found, parts, strict=True)]
        return found

    def naive(self) -> Estimate:
        """The judge's own mean of all it judged."""
        by_day: dict[str, list[Row]] = {}
        for row in self.rows:
            by_day.setdefault(str(row["day"]), []).append(row)
        clusters = [Cluster(*self.sums(of)[:2]) for of in by_day.values()]
        return clustered_mean(clusters, self.sums(self.rows)[2])

    def alone(self) -> Estimate:
        """The mean of the labels."""
        if not self.items:
            return Estimate(None, why="no labels")
        days: dict[str, list[Item]] = {}
        for each in self.items:
            days.setdefault(str(each.judged_at or "")[:10], []).append(each)
        parts = [self.labelled(of) for of in days.values()]

        def one(numbers: Sequence[float], design: float = 1.0) -> Estimate:
            return labels_mean(made([float(v) for v in numbers]), design)

        whole, design = [sum(column) for column in zip(*parts, strict=True)], design_of(parts, one)
        return one(whole, design) if self.passing is None else of_share(made(whole), design)

    def corrected(self) -> Estimate:
        """PPI++, its interval by days where items of one day resemble each other."""
        days: dict[str, tuple[list[Row], list[Item]]] = {}
        for row in self.rows:
            # Labels drawn by weight leave other items behind than there were: the judge's mean is then of all of them.
            if self.weighted or not row["labelled"]:
                days.setdefault(str(row["day"])[:10], ([], []))[0].append(row)
        for each in self.items:
            days.setdefault(str(each.judged_at or "")[:10], ([], []))[1].append(each)

        def one(numbers: Sequence[float], design: float = 1.0) -> Estimate:
            known = [float(v) for v in numbers]
            return ppi_mean(made(known[:10]), Unlabelled(int(known[10]), known[11], known[12]), design).estimate

        parts = [[*self.labelled(items), *self.sums(rows)] for rows, items in days.values()]
        if not parts:
            return Estimate(None, why="no labels")
        whole = [sum(column) for column in zip(*parts, strict=True)]
        found = one(whole, design_of(parts, one) if len(parts) > 1 else 1.0)
        return found if self.passing is None else self.inside(found)

    def inside(self, found: Estimate) -> Estimate:
        """A corrected pass rate stays a share; where no label differs from the others it is that of the labels."""
        if found.low is None or found.high is None or found.value is None or not self.sums(self.rows)[0]:
            return found if found.value is None else replace(self.alone(), why=found.why)
        low, high = max(found.low, 0.0), min(found.high, 1.0)
        return Estimate(min(max(found.value, 0.0), 1.0), low, high, found.error, found.why)

    def rogan(self) -> Estimate:
        """Rogan-Gladen: the judge's pass rate, corrected by how often it is right of passes and of failures."""
        if not self.items:
            return Estimate(None, why="no labels")
        cells = {(y, f): 0.0 for y in (0.0, 1.0) for f in (0.0, 1.0)}
        weights = [(one.weight or 1.0) if self.weighted else 1.0 for one in self.items]
        worth = sum(weights) / sum(w * w for w in weights) if weights else 1.0
        for one, w in zip(self.items, weights, strict=True):
            cells[self.figure(one.reference), self.figure(one.judge)] += w * worth
        n, passes, _ = self.sums(self.rows)
        return rogan_gladen((passes, n), (cells[1, 1], cells[1, 1] + cells[1, 0]),
                            (cells[0, 0], cells[0, 0] + cells[0, 1]))  # fmt: skip

    def unlike(self) -> Estimate:
        """The judge's mean of the labelled items less that of the others: 0 where the labels are a random sample."""
        both = []
        for flag in (False, True):
            mine = [r for r in self.rows if r["labelled"] is flag]
            clusters = [Cluster(*self.sums([r])[:2]) for r in mine]
            both.append(clustered_mean(clusters, self.sums(mine)[2]))
        return apart(both[0], both[1])

    def methods(self) -> dict[str, Estimate]:
        """Every estimate by its name; a pass rate has one more, and an interval that stays a share."""
        naive = self.naive()
        if self.passing is not None and len({str(r["day"]) for r in self.rows}) < 8:
            n, passes, _ = self.sums(self.rows)
            naive = share(passes, n)
        found = {NAIVE: naive, LABELS: self.alone(), PPI: self.corrected()}
        return found if self.passing is None else {**found, ROGAN: self.rogan()}


def of_share(labelled: Labelled, design: float) -> Estimate:
    """The pass rate of the labels, with Wilson's interval on as many as they are worth."""
    return share(labelled.y / labelled.w * labelled.worth, labelled.worth, design)


def made(sums: Sequence[float]) -> Labelled:
    return Labelled(int(sums[0]), *sums[1:])
