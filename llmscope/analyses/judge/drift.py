"""Has the judge changed? Agreement with people by month and version, and what it gives the same items again.

A judge that scores higher is no proof of better answers. Three things are held side by side: what the judge gave, what
people gave the same answers, and the judge's scores of a fixed set it judges again and again (items with several scores
of one judge under one name). The bar (0.80) is for a re-check every quarter: --over quarter.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

from llmscope.analyses import _judge_changes as steps
from llmscope.analyses import _judge_gate as gates
from llmscope.analyses import _judge_periods as periods
from llmscope.analyses import _judge_statistics as statistics
from llmscope.analyses._judge_asked import UNREAD as UNREAD
from llmscope.analyses._judge_asked import Chosen, Sides, check_score, choose, offered, unlike
from llmscope.analyses._judge_items import Item, Items, labelled
from llmscope.errors import unknown_name
from llmscope.result import TOO_FEW, Column, Coverage, Finding, Part, Result, Series
from llmscope.stats import agreement as stats
from llmscope.stats.agreement import Estimate

if TYPE_CHECKING:
    from llmscope.logs import Logs

# The tables it asks; of log files, only those that fill them are read.
TABLES = ("requests", "scores")
BAR = 0.80
FEWEST_ITEMS = 30


def columns(over: str) -> tuple[Column, ...]:
    """A row a period and version."""
    return (
        Column(over, "time", "time"),
        Column("judge_version", "text", "dimension"),
        Column("judged", "count", "n"),
        Column("judge_mean", "rate"),
        Column("judge_mean_low", "rate", "low", "judge_mean", optional=True),
        Column("judge_mean_high", "rate", "high", "judge_mean", optional=True),
        Column("items", "count", "n"),
        Column("people_mean", "rate"),
        Column("mean_difference", "rate"),
        Column("difference_low", "rate", "low", "mean_difference"),
        Column("difference_high", "rate", "high", "mean_difference"),
        Column("statistic", "text", optional=True),
        Column("value", "rate"),
        Column("value_low", "rate", "low", "value"),
        Column("value_high", "rate", "high", "value"),
        Column("verdict", "text"),
    )


def drift(
    logs: Logs,
    judge: Annotated[str | None, "the judge: NAME or NAME@VERSION (default: of kind judge, with most items)"] = None,
    human: Annotated[str | None, "the people, comma-separated (default: every rater of kind human)"] = None,
    score: Annotated[str | None, "the score's name (default: the one with most items both scored)"] = None,
    over: Annotated[str, "month, quarter or week: a row a period and version"] = "month",
    anchor: Annotated[str | None, "the score of the fixed set (default: every one judged more than once)"] = None,
    bar: Annotated[float, "agreement that a judge ought to keep"] = BAR,
    statistic: Annotated[str | None, "held against the bar: agreement, kappa_quadratic, … (default by scale)"] = None,
    equal: Annotated[str | None, "what stands for what: 'good=1,bad=0'"] = None,
    same_scale: Annotated[bool, "judge and people use one scale, whatever they gave"] = False,
) -> Result:
    """Agreement by period and version, the changes between versions, and the fixed set; see the module's words."""
    gates.checked(bar, statistic)
    if over not in periods.PERIODS:
        raise unknown_name("--over", over, periods.PERIODS)
    sides = Sides.of(judge, human, equal)
    offers = offered(logs, sides)
    check_score(offers, anchor)
    chosen = choose(offers, score)
    if isinstance(chosen, str):
        return Result("judge drift", columns(over), (), findings=(Finding("judge", "warning", chosen),))
    why = None if same_scale else unlike(chosen.judge_scale, chosen.human_scale) if chosen.people else None
    items = labelled(logs, chosen, each=True)
    if why:
        items = replace(items, all=())
    daily = periods.daily(logs, chosen, over)
    fixed = periods.again(logs, chosen.judge, over, anchor)
    rows = by_period(items, daily, over, logs.window.tz, statistic, bar)
    moved = steps.changes(chosen.versions, daily, items.paired) if items.numeric else []
    parts = parts_of(chosen, items, moved, fixed, (statistic, bar))
    return Result(
        "judge drift",
        columns(over),
        tuple(rows),
        title=f"{chosen.score}: {chosen.judge} over time",
        parts={name: part for name, part in parts.items() if part.rows},
        series=series(rows, over),
        findings=(*steps.story(chosen.judge, chosen.score, moved, fixed), *held(chosen, fixed)),
        notes=(*small_print(chosen, items, why, fixed, rows), *chosen.notes),
        coverage=Coverage(requests=sum(i.known for i in items.paired)),
    )


def parts_of(
    chosen: Chosen,
    items: Items,
    moved: list[dict[str, Any]],
    fixed: list[dict[str, Any]],
    asked: tuple[str | None, float],
) -> dict[str, Part]:
    """By version, from version to version, and the fixed set."""
    versions = [
        {"judge_version": v, **agreed(items, [i for i in items.paired if i.judge_version == v], *asked)}
        for v in chosen.versions
    ]
    kept = [c for c in columns("month") if c.name in ("judge_version", *agreed(items, [], *asked))]
    return {
        "versions": Part(tuple(kept), tuple(versions if any(v["items"] for v in versions) else ())),
        "changes": Part(steps.COLUMNS, tuple(moved)),
        "fixed_set": Part(periods.FIXED, tuple(fixed)),
    }


def by_period(
    items: Items, daily: list[Any], over: str, tz: str, statistic: str | None, bar: float
) -> list[dict[str, Any]]:
    """A row for each period in which a version judged or was labelled."""
    given: dict[tuple[str, str | None], list[Any]] = {}
    mine: dict[tuple[str, str | None], list[Item]] = {}
    for row in daily:
        given.setdefault((periods.label(row["period"], over), row["version"]), []).append(row)
    for one in items.paired:
        mine.setdefault((periods.period_of(one.judged_at, over, tz), one.judge_version), []).append(one)
    rows = []
    for key in sorted({*given, *mine}, key=lambda k: (k[0], str(k[1]))):
        mean = periods.together(given.get(key, [])) if key in given else Estimate(None)
        judged = sum(r["n"] for r in given.get(key, [])) or len(mine.get(key, []))
        rows.append({
            over: key[0] or None, "judge_version": key[1], "judged": judged, **statistics.valued(mean, "judge_mean"),
            **agreed(items, mine.get(key, []), statistic, bar),
        })  # fmt: skip
    return rows


def agreed(items: Items, some: list[Item], statistic: str | None, bar: float) -> dict[str, Any]:
    """How far judge and people agree on some of the items, held against the bar."""
    asked = statistic or ("kappa_quadratic" if items.numeric and items.how == "mean" else "agreement")
    unknown = dict.fromkeys(("people_mean", "mean_difference", "difference_low", "difference_high"))
    empty = {"items": len(some), **unknown, "statistic": asked, **statistics.valued(Estimate(None)), "verdict": None}
    if not some:
        return empty
    found = statistics.measured(replace(items, all=tuple(some)))
    gap, one = (found.found.get(name, Estimate(None)) for name in ("mean_difference", asked))
    people = sum(float(i.reference or 0) for i in some) / len(some) if items.numeric else None
    verdict = TOO_FEW if len(some) < FEWEST_ITEMS else stats.verdict(one, bar)
    return {**empty, "people_mean": people, "mean_difference": gap.value, "difference_low": gap.low,
            "difference_high": gap.high, **statistics.valued(one), "verdict": verdict}  # fmt: skip


def held(chosen: Chosen, fixed: list[dict[str, Any]]) -> list[Finding]:
    """That the fixed set moved under one and the same version, which nobody would look for."""
    found = []
    for row in fixed:
        if row["before_version"] == row["after_version"] and steps.surely(row):
            text = (
                f"{chosen.judge} moved by {row['change']:+.2f}{steps.interval(row, signed=True)} on the same "
                f"{row['items']:,} answers of {row['score']} from {row['before']} to {row['after']} under one version"
            )
            found.append(Finding("judge drift", "warning", text, (row,)))
    return found


def series(rows: list[dict[str, Any]], over: str) -> tuple[Series, ...]:
    """The judge's mean and the people's, for a plot."""
    found = []
    for name, column in (("judge", "judge_mean"), ("people", "people_mean")):
        known = [r for r in rows if r[over] is not None and r[column] is not None]
        if len(known) > 1 and len({r[over] for r in known}) == len(known):
            found.append(Series(name, tuple(r[over] for r in known), tuple(r[column] for r in known), "rate"))
    return tuple(found)


def small_print(
    chosen: Chosen, items: Items, why: str | None, fixed: list[dict[str, Any]], rows: list[dict[str, Any]]
) -> list[str]:
    """What the figures rest on, and what is missing."""
    found = []
    if why:
        found.append(f"not held against people: {why}; --equal or --same-scale")
    elif not chosen.people:
        found.append("no labels by people: only the judge's own figures; llmscope sample draws items to label")
    else:
        people = ", ".join(chosen.people)
        found.append(f"people: {people}, put together as their {items.how}; a period is that of the judging")
    found += items.left_out("--human NAME takes the word of one")
    if chosen.versions == (None,):
        found.append("the judge logs no version (rater_version): a change of it shows only in time")
    if not fixed:
        found.append("no fixed set: nothing was scored by this judge more than once; score the same 50 to 100 answers "
                     "every month under a name of their own to tell a changed judge from changed answers")  # fmt: skip
    else:
        found.append("the fixed set's interval is of paired differences, its items taken for independent")
    if any(r["verdict"] == TOO_FEW for r in rows):
        found.append(f"fewer than {FEWEST_ITEMS} items that both scored are too few for a verdict")
    return found
