"""How far does the judge agree with people? Kappas, AC1, alpha, correlations and bias on the items both scored.

Each statistic has a 95 % interval and its n, and says why where it is undefined. Several people are put together:
the majority of classes, the mean of figures (--reference). --bar 0.85 --statistic kappa asks for a verdict in three
words, above, below or cannot tell; with --fail-if "gate: verdict <> 'above'" it ends a build. Words and figures, or
1-5 and 1-10, are not compared: --equal 'good=1,bad=0' says what stands for what.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Annotated

from llmscope.analyses import _judge_bias as biases
from llmscope.analyses import _judge_gate as gates
from llmscope.analyses import _judge_statistics as statistics
from llmscope.analyses._judge_asked import UNREAD as UNREAD
from llmscope.analyses._judge_asked import Chosen, Sides, check_score, choose, offered, unlike
from llmscope.analyses._judge_items import MOST_ITEMS, Items, labelled
from llmscope.analyses._judge_orders import position
from llmscope.errors import UsageError, unknown_name
from llmscope.result import Coverage, Finding, Part, Result
from llmscope.stats.agreement import Estimate

if TYPE_CHECKING:
    from llmscope.logs import Logs

# The tables it asks; of log files, only those that fill them are read.
TABLES = ("requests", "scores")
REFERENCES = ("majority", "mean")


def calibrate(
    logs: Logs,
    judge: Annotated[str | None, "the judge: NAME or NAME@VERSION (default: of kind judge, with most items)"] = None,
    human: Annotated[str | None, "the people, comma-separated (default: every rater of kind human)"] = None,
    score: Annotated[str | None, "the score's name (default: the one with most items both scored)"] = None,
    by: Annotated[str | None, "dimensions to show the bias by, comma-separated (default feature)"] = None,
    bar: Annotated[float | None, "ask for a verdict at this bar, 0.85 say"] = None,
    statistic: Annotated[str | None, "of --bar: agreement (default), kappa, kappa_quadratic, ac1, alpha, …"] = None,
    reference: Annotated[str | None, "several people as one: majority or mean"] = None,
    tolerance: Annotated[float | None, "figures this far apart agree (default: same class, else half a point)"] = None,
    equal: Annotated[str | None, "what stands for what: 'good=1,bad=0'"] = None,
    same_scale: Annotated[bool, "judge and people use one scale, whatever they gave"] = False,
    swapped: Annotated[str | None, "the score of the same comparisons judged in the other order"] = None,
    top: Annotated[int | None, "how many of the worst disagreements"] = 10,
) -> Result:
    """Every statistic of agreement on the items that judge and people both scored; see the module's words."""
    from llmscope.schema import dimensions

    gates.checked(bar, statistic)
    if reference is not None and reference not in REFERENCES:
        raise unknown_name("--reference", reference, REFERENCES)
    if tolerance is not None and not 0 <= tolerance < inf:
        raise UsageError("--tolerance takes a number of 0 or more")
    if top is not None and top < 1:
        raise UsageError("--top takes a number of 1 or more")
    sides = Sides.of(judge, human, equal)
    groups = dimensions(by or "feature")
    if any(d.unnests for d in groups):
        raise UsageError("--by tag: an item has several tags and would stand under one of them", hint="use --where")
    rows = offered(logs, sides, groups)
    check_score(rows, swapped)
    chosen = choose(rows, score)
    parts, notes = position(logs, chosen, swapped)
    if isinstance(chosen, str):
        return nothing(chosen, parts, notes, bar, statistic or gates.DEFAULT)
    why = None if same_scale else unlike(chosen.judge_scale, chosen.human_scale)
    if not chosen.people or not chosen.both or why:
        return nothing(why or no_overlap(chosen), parts, (*chosen.notes, *notes), bar, statistic or gates.DEFAULT)
    items = labelled(logs, chosen, groups, reference)
    return answer(chosen, items, (bar, statistic or gates.DEFAULT), tolerance, top, parts, notes)


def answer(
    chosen: Chosen,
    items: Items,
    asked: tuple[float | None, str],
    tolerance: float | None,
    top: int | None,
    orders: dict[str, Part],
    notes: tuple[str, ...],
) -> Result:
    """The tables, the verdict and the sentences."""
    found = statistics.measured(items, tolerance)
    classes = found.classes
    by_reach = items.numeric and (tolerance is not None or not classes.names)
    near = statistics.tolerance_of(items, tolerance) if by_reach else None
    parts: dict[str, Part] = {}
    said = [Finding("judge", "info", summary(chosen, items, found))]
    if asked[0] is not None:
        parts["gate"], sentence = gates.gate(found, asked[0], asked[1])
        above = parts["gate"].rows[0]["verdict"] == "above"
        said.insert(0, Finding("gate", "info" if above else "warning", sentence, parts["gate"].rows))
    if classes.names:
        parts["confusion"] = biases.confusion(found.table, classes)
    if len(chosen.people) > 1:
        pairs = statistics.every_pair(items, chosen.judge, chosen.people)
        parts["raters"] = Part(statistics.PAIR_COLUMNS, tuple(pairs))
    parts["bias"] = biases.bias(items, classes, near)
    parts["disagreements"] = biases.disagreements(items, top, chosen.people)
    said += lean(chosen, found.found.get("mean_difference")) if items.how == "mean" else []
    return Result(
        "judge calibrate",
        statistics.COLUMNS,
        tuple(statistics.rows_of(found)),
        title=f"{chosen.score}: {named(chosen)} against {', '.join(chosen.people)}",
        parts={name: part for name, part in {**parts, **orders}.items() if part.rows},
        findings=tuple(said),
        notes=(*small_print(chosen, items), *chosen.notes, *notes),
        coverage=Coverage(requests=sum(i.known for i in items.paired)),
    )


def named(chosen: Chosen) -> str:
    """The judge with its versions."""
    versions = [v for v in chosen.versions if v is not None]
    return f"{chosen.judge} {', '.join(versions)}" if versions else chosen.judge


def summary(chosen: Chosen, items: Items, found: statistics.Measured) -> str:
    """Agreement and kappa with their intervals, and how the people agree among themselves."""
    n = len(items.paired)

    def figure(name: str) -> str:
        one = found.found.get(name, Estimate(None))
        if one.value is None:
            return f"{name.replace('_', ' ')} is undefined ({one.why or found.about.get(name, '')})"
        interval = f" [{one.low:.2f}, {one.high:.2f}]" if one.low is not None and one.high is not None else ""
        return f"{name.replace('_', ' ')} {one.value:.2f}{interval}"

    kappa = "kappa_quadratic" if items.how == "mean" and found.classes.names else "kappa"
    names = ("agreement", kappa) if found.classes.names else ("agreement", "pearson")
    listed = ", ".join(figure(name) for name in names)
    people = found.found.get("alpha_people")
    among = f"; people among themselves: alpha {people.value:.2f} ({found.n['alpha_people']:,} items)" if (
        people and people.value is not None) else ""  # fmt: skip
    return f"{named(chosen)} on the {n:,} items of {chosen.score} that people scored too: {listed}{among}"


def lean(chosen: Chosen, gap: Estimate | None) -> list[Finding]:
    """That the judge scores higher or lower than people, where its interval says so."""
    if gap is None or gap.value is None or gap.low is None or gap.high is None or gap.low <= 0 <= gap.high:
        return []
    word = "higher" if gap.value > 0 else "lower"
    low, high = sorted((abs(gap.low), abs(gap.high)))
    text = (
        f"{chosen.judge} scores {abs(gap.value):.2f} points {word} than people [{low:.2f}, {high:.2f}]; "
        "llmscope judge estimate takes it off, judge drift says since when"
    )
    row = {"judge": chosen.judge, "mean_difference": gap.value, "difference_low": gap.low, "difference_high": gap.high}
    return [Finding("bias", "warning", text, (row,))]


def small_print(chosen: Chosen, items: Items) -> list[str]:
    """What was taken for what, and what was left out."""
    people = len(chosen.people)
    together = f", put together as their {items.how}" if people > 1 else ""
    found = [f"people: {', '.join(chosen.people)}{together}; the judge gave {chosen.judge_scale.span}, "
             f"people {chosen.human_scale.span}"]  # fmt: skip
    if len(chosen.versions) > 1:
        versions = ", ".join(v or "(none)" for v in chosen.versions)
        found.append(f"versions {versions} of the judge together; --judge {chosen.judge}@{chosen.versions[-1]} takes "
                     "one, llmscope judge drift tells them apart")  # fmt: skip
    if items.how == "mean" and people > 1 and items.numeric:
        found.append("a mean of people between two classes is counted in the nearer one, the upper in the middle")
    if items.clusters:
        found.append(
            f"intervals: items of one {items.clusters} resemble each other, and widen them where they do; those of "
            "bias and raters take items for independent"
        )
    else:
        found.append("intervals take the items for independent of each other")
    found += items.left_out("--reference mean counts them if they are figures")
    if items.repeated:
        found.append(f"{items.repeated:,} items were scored more than once by one rater, "
                     f"{items.contradicted:,} of them differently; the latest counts")  # fmt: skip
    if len(items.all) >= MOST_ITEMS:
        found.append(f"a seeded sample of {MOST_ITEMS:,} of the items both scored; the intervals are of the sample")
    unknown = sum(r["unknown_items"] for r in chosen.rows)
    if unknown:
        found.append(f"{unknown:,} labels are about requests that are not in these logs: no feature or length is known")
    return found


def no_overlap(chosen: Chosen) -> str:
    """Why there is nothing to compare."""
    if not chosen.people:
        return f"nobody but judges scored {chosen.score}; llmscope sample draws items for people to label"
    labels = sum(r["labels"] for r in chosen.rows if r["side"] == "human")
    return (f"no item of {chosen.score} was scored by both {chosen.judge} and {', '.join(chosen.people)} "
            f"({chosen.judge_scale.labels:,} and {labels:,} labels); do they name the same ids?")  # fmt: skip


def nothing(why: str, parts: dict[str, Part], notes: tuple[str, ...], bar: float | None, statistic: str) -> Result:
    """Every statistic as unknown, and why."""
    rows = [
        {"statistic": s, "value": None, "value_low": None, "value_high": None, "items": 0, "about": why}
        for s in statistics.STATISTICS if s != "alpha_people"
    ]  # fmt: skip
    if bar is not None:
        row = {"statistic": statistic, "bar": bar, "value": None, "value_low": None, "value_high": None, "items": 0,
               "verdict": None, "more_items": None}  # fmt: skip
        parts = {"gate": Part(gates.COLUMNS, (row,)), **parts}
    return Result("judge calibrate", statistics.COLUMNS, tuple(rows), parts=parts,
                  findings=(Finding("judge", "warning", f"nothing to compare: {why}"),), notes=notes)  # fmt: skip
