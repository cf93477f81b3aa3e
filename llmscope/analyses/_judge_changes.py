"""From one version of a judge to the next: did the judge change, or the answers it scores?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from llmscope.analyses._judge_items import Item
from llmscope.analyses._judge_periods import together
from llmscope.analyses._judge_statistics import difference
from llmscope.result import Column, Finding
from llmscope.stats.agreement import Estimate
from llmscope.stats.corrected import Cluster, apart, clustered_mean

Row = Mapping[str, Any]
COLUMNS = (
    Column("from_version", "text", "dimension"),
    Column("to_version", "text", "dimension"),
    Column("of", "text", "dimension"),
    Column("before_n", "count", "n"),
    Column("after_n", "count", "n"),
    Column("before_mean", "rate"),
    Column("after_mean", "rate"),
    Column("change", "rate"),
    Column("change_low", "rate", "low", "change"),
    Column("change_high", "rate", "high", "change"),
)
JUDGE, PEOPLE, GAP = "judge, all it scored", "people, items both scored", "judge less people, the same items"


def by_days(figures: Sequence[tuple[str, float]]) -> Estimate:
    """The mean of figures that each have a day."""
    days: dict[str, list[float]] = {}
    for day, figure in figures:
        days.setdefault(day, []).append(figure)
    clusters = [Cluster(len(of), sum(of)) for of in days.values()]
    return clustered_mean(clusters, sum(figure**2 for _, figure in figures))


def changes(versions: Sequence[str | None], daily: Sequence[Row], items: Sequence[Item]) -> list[dict[str, Any]]:
    """Three rows a step from version to version: the judge's mean, the people's, and what lies between them."""
    found = []
    for before, after in pairwise(versions):
        given = [[r for r in daily if r["version"] == v] for v in (before, after)]
        mine = [[i for i in items if i.judge_version == v] for v in (before, after)]
        sides = (
            (JUDGE, [(sum(r["n"] for r in rows), together(rows)) for rows in given]),
            (PEOPLE, [(len(some), by_days([(i.cluster, float(i.reference or 0)) for i in some])) for some in mine]),
            (GAP, [(len(some), by_days([(i.cluster, difference(i)) for i in some])) for some in mine]),
        )
        for of, ((n1, one), (n2, other)) in sides:
            moved = apart(one, other)
            found.append({
                "from_version": before, "to_version": after, "of": of, "before_n": n1, "after_n": n2,
                "before_mean": one.value, "after_mean": other.value, "change": moved.value, "change_low": moved.low,
                "change_high": moved.high,
            })  # fmt: skip
    return found


def story(judge: str, score: str, steps: Sequence[Row], fixed: Sequence[Row]) -> list[Finding]:
    """One sentence a step: who moved, by how much, and what the fixed set says."""
    found = []
    for place in range(0, len(steps), 3):
        of_judge, of_people, gap = steps[place : place + 3]
        if not surely(of_judge) and not surely(gap):
            continue
        again = [r for r in fixed if r["before_version"] == of_judge["from_version"]
                 and r["after_version"] == of_judge["to_version"]]  # fmt: skip
        found.append(sentence(judge, score, (of_judge, of_people, gap), again))
    return found


def sentence(judge: str, score: str, step: Sequence[Row], again: Sequence[Row]) -> Finding:
    """The three rows of one step, and the fixed set judged by both versions."""
    of_judge, of_people, gap = step
    new, old = said(of_judge["to_version"]), said(of_judge["from_version"])
    moved = of_judge["change"]
    text = f"{judge} {new} scores {score} {abs(moved):.2f} points {'higher' if moved > 0 else 'lower'} than {old}"
    text += interval(of_judge) + people(of_people)
    confirmed = [r for r in again if surely(r) and (r["change"] > 0) == (moved > 0)]
    for row in again:
        word = "higher" if row["change"] > 0 else "lower"
        text += (f"; on the fixed set {row['score']} the same {row['items']:,} answers score {abs(row['change']):.2f} "
                 f"{word}{interval(row)}")  # fmt: skip
    judges = (surely(gap) and (gap["change"] > 0) == (moved > 0)) or bool(confirmed)
    if judges and not surely(of_people):
        text += ": the judge changed, not the answers"
    elif judges:
        text += ": the judge changed, and so did what people say of the answers"
    elif gap["change_low"] is None:
        text += ": too few labels to say whether the judge changed or the answers"
    elif surely(of_people):
        text += ": the answers changed, and the judge saw it as people did"
    else:
        text += ": not enough labels to tell the judge from the answers"
    rows = (of_judge, of_people, gap, *again)
    return Finding("judge drift", "warning" if judges else "info", text, tuple({"judge": judge, **r} for r in rows))


def people(row: Row) -> str:
    """What became of the people's labels."""
    if row["change"] is None or row["change_low"] is None:
        return ", and people labelled too few answers of both to compare"
    move = f"{row['change']:+.2f}{interval(row, signed=True)}"
    if surely(row):
        return f", while people's labels moved by {move}"
    return f", while people's labels show no move ({move}, on {row['before_n']:,} and {row['after_n']:,} items)"


def surely(row: Row) -> bool:
    """The interval leaves 0 out."""
    return row["change_low"] is not None and not row["change_low"] <= 0 <= row["change_high"]


def interval(row: Row, signed: bool = False) -> str:
    if row["change_low"] is None:
        return ""
    low, high = row["change_low"], row["change_high"]
    if signed or low <= 0 <= high:
        return f" [{low:+.2f}, {high:+.2f}]"
    low, high = sorted((abs(low), abs(high)))
    return f" [{low:.2f}, {high:.2f}]"


def said(version: str | None) -> str:
    return f"version {version}" if version is not None else "without a version"
