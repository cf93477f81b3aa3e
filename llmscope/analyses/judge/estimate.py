"""What would people have said of everything the judge scored? Its mean or pass rate, corrected by their labels.

A judge that scores half a point too high does so on a million answers as on two hundred: its own interval is narrow and
wrong. The labels tell by how much it errs (PPI++ for a mean; for pass and fail Rogan-Gladen beside it). They must be a
random sample of what was judged, or bear the weights they were drawn with (llmscope sample writes them).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import TYPE_CHECKING, Annotated, Any

from llmscope.analyses import _judge_corrected as corrected
from llmscope.analyses._judge_asked import UNREAD as UNREAD
from llmscope.analyses._judge_asked import Chosen, Sides, choose, offered, unlike
from llmscope.analyses._judge_corrected import Stratum
from llmscope.analyses._judge_items import MOST_ITEMS, Items, labelled
from llmscope.analyses._judge_statistics import valued
from llmscope.errors import UsageError
from llmscope.result import Column, Coverage, Finding, Part, Result
from llmscope.stats.agreement import Estimate
from llmscope.stats.corrected import FEWEST_LABELS, stratified

if TYPE_CHECKING:
    from llmscope.logs import Logs

# The tables it asks; of log files, only those that fill them are read.
TABLES = ("requests", "scores")
# Fewer errors of the judge than this among the labels, and PPI++ of a pass rate holds less than it says.
FEWEST_ERRORS = 5
COLUMNS = (
    Column("method", "text", "dimension"),
    Column("value", "rate"),
    Column("value_low", "rate", "low", "value"),
    Column("value_high", "rate", "high", "value"),
    Column("judged", "count", "n"),
    Column("labelled", "count", "n"),
    Column("about", "text"),
)
BY_VERSION = (Column("judge_version", "text", "dimension"), *COLUMNS)
ABOUT = {
    corrected.NAIVE: "what the judge gave, its errors with it",
    corrected.LABELS: "what people gave, of the labelled alone",
    corrected.PPI: "the judge's mean, less its mean error on the labelled",
    corrected.ROGAN: "the judge's pass rate, by how often it is right of passes and failures",
}


def estimate(
    logs: Logs,
    judge: Annotated[str | None, "the judge: NAME or NAME@VERSION (default: of kind judge, with most items)"] = None,
    human: Annotated[str | None, "the people, comma-separated (default: every rater of kind human)"] = None,
    score: Annotated[str | None, "the score's name (default: the one with most items both scored)"] = None,
    passing: Annotated[float | None, "a pass is a figure of this and more: the pass rate instead of the mean"] = None,
    equal: Annotated[str | None, "what stands for what: 'good=1,bad=0'"] = None,
    same_scale: Annotated[bool, "judge and people use one scale, whatever they gave"] = False,
) -> Result:
    """The mean or pass rate of all that was judged: naive, of the labels, and corrected; see the module's words."""
    if passing is not None and not isfinite(passing):
        raise UsageError("--passing takes a number")
    sides = Sides.of(judge, human, equal)
    chosen = choose(offered(logs, sides), score)
    if isinstance(chosen, str):
        return nothing(chosen)
    why = None if same_scale or not chosen.people else unlike(chosen.judge_scale, chosen.human_scale)
    items = labelled(logs, chosen, each=True)
    if why or chosen.judge_scale.words or not items.numeric:
        return nothing(why or "the answers are words; --equal 'good=1,bad=0' gives them figures")
    if passing is None and chosen.judge_scale.least == 0 and chosen.judge_scale.most == 1 and (
        chosen.judge_scale.booleans or chosen.judge_scale.answers <= 2
    ):  # fmt: skip
        passing = 0.5
    rows = corrected.judged(logs, chosen, 0.5 if passing is None else passing)
    return answer(chosen, items, rows, passing)


def answer(chosen: Chosen, items: Items, rows: Sequence[Any], passing: float | None) -> Result:
    """Every method over all versions, each of them corrected by its own labels."""
    paired = items.paired
    weighted = bool(paired) and all(i.weight is not None for i in paired)
    strata = [
        Stratum(v, tuple(r for r in rows if r["version"] == v), tuple(i for i in paired if i.judge_version == v),
                passing, weighted)
        for v in dict.fromkeys(r["version"] for r in rows)
    ]  # fmt: skip
    one = Stratum(None, tuple(rows), tuple(paired), passing, weighted)
    found = [s.methods() for s in strata]
    whole = one.methods()
    # A judge errs otherwise in another version: each is corrected by its own labels, and they are put together by size.
    for method in (corrected.PPI, corrected.ROGAN) if len(strata) > 1 else ():
        if method in whole:
            apart = stratified([(s.n, f[method]) for s, f in zip(strata, found, strict=True)])
            whole[method] = apart if apart.value is not None else whole[method]
    versions = [
        {"judge_version": s.version, **cells} for s, f in zip(strata, found, strict=True) for cells in table(f, s)
    ]
    parts = {"versions": Part(BY_VERSION, tuple(versions))} if len(strata) > 1 else {}
    what = "mean" if passing is None else f"pass rate ({passing:g} and more)"
    return Result(
        "judge estimate",
        COLUMNS,
        tuple(table(whole, one)),
        title=f"{chosen.score}: {what} of all that {chosen.judge} scored",
        parts=parts,
        findings=findings(chosen, whole, one, what, strata),
        notes=(*small_print(chosen, items, one, weighted), *chosen.notes),
        coverage=Coverage(requests=one.n),
    )


def table(found: dict[str, Estimate], of: Stratum) -> list[dict[str, Any]]:
    """A row a method."""
    return [
        {"method": name, **valued(e), "judged": of.n, "labelled": len(of.items), "about": e.why or ABOUT[name]}
        for name, e in found.items()
    ]


def findings(
    chosen: Chosen, found: dict[str, Estimate], of: Stratum, what: str, strata: Sequence[Stratum]
) -> tuple[Finding, ...]:
    """The corrected figure beside the naive one, and whether the labels look like a random sample."""
    naive, better = found[corrected.NAIVE], found[corrected.PPI]
    if naive.value is None or better.value is None or better.low is None or better.high is None:
        few = f"{len(of.items):,} labels are too few to correct {chosen.judge}: {FEWEST_LABELS} are the least"
        none = f"no labels by people: {chosen.judge} is not corrected; llmscope sample draws items to label"
        return (Finding("judge estimate", "warning", few if of.items else none),)
    held = naive.low is not None and naive.high is not None and naive.low <= better.value <= naive.high
    text = (
        f"{what} of {chosen.score}: {chosen.judge} says {figure(naive)} on {of.n:,}; corrected by {len(of.items):,} "
        f"labels it is {figure(better)}"
    )
    text += "" if held else ": the judge's own interval leaves that out"
    said = [Finding("judge estimate", "info" if held else "warning", text)]
    for one in strata:
        gap = one.unlike()
        if not of.weighted and gap.low is not None and gap.high is not None and not gap.low <= 0 <= gap.high:
            version = f" (version {one.version})" if one.version else ""
            text = (
                f"the labelled items are no random sample{version}: the judge gives them {gap.value:+.2f} "
                f"[{gap.low:+.2f}, {gap.high:+.2f}] against the others; llmscope sample draws one, with its weights"
            )
            said.append(Finding("labels", "warning", text))
    return tuple(said)


def figure(one: Estimate) -> str:
    interval = f" [{one.low:.2f}, {one.high:.2f}]" if one.low is not None and one.high is not None else ""
    return f"{one.value:.2f}{interval}"


def small_print(chosen: Chosen, items: Items, of: Stratum, weighted: bool) -> list[str]:
    """What the correction takes for granted."""
    found = []
    if chosen.people:
        found.append(f"people: {', '.join(chosen.people)}, put together as their {items.how}")
    found += items.left_out("--human NAME takes the word of one")
    if weighted:
        found.append("labels weighted by sample_weight, 1 over the chance each was drawn with")
    elif any(i.weight is not None for i in items.paired):
        found.append("some labels bear a sample_weight and some do not: none is weighted")
    elif of.items:
        found.append("labels taken for a random sample of what was judged: they bear no sample_weight")
    errors = sum(of.figure(i.reference) != of.figure(i.judge) for i in of.items) if of.passing is not None else None
    if of.items and errors is not None and errors < FEWEST_ERRORS:
        found.append(f"the judge errs on {errors} of the labelled only: of so few PPI++'s interval is too narrow, and "
                     "Rogan-Gladen's is the one to go by; more labels mend it")  # fmt: skip
    if len({r["version"] for r in of.rows}) > 1:
        found.append("each version of the judge is corrected by its own labels, and counts by what it judged")
    if len(items.all) >= MOST_ITEMS:
        found.append(f"of the labelled items a seeded sample of {MOST_ITEMS:,}")
    return found


def nothing(why: str) -> Result:
    """No estimate, and why."""
    return Result("judge estimate", COLUMNS, (), findings=(Finding("judge", "warning", f"nothing to estimate: {why}"),))
