"""Where a judge errs: by class, by slice, by length of the answer; and the items it and people see most differently."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llmscope.analyses._judge_items import Item, Items
from llmscope.analyses._judge_statistics import Classes, difference, shown, tabled, valued
from llmscope.result import Column, Part
from llmscope.stats import agreement as stats
from llmscope.stats.agreement import Estimate, Pairs

Row = Mapping[str, Any]
MOST_SLICES = 30
LENGTH = "output length"
BIAS = (
    Column("by", "text", "dimension"),
    Column("slice", "text", "dimension"),
    Column("items", "count", "n"),
    Column("mean_difference", "rate"),
    Column("difference_low", "rate", "low", "mean_difference"),
    Column("difference_high", "rate", "high", "mean_difference"),
    Column("agreement", "rate"),
    Column("agreement_low", "rate", "low", "agreement", optional=True),
    Column("agreement_high", "rate", "high", "agreement", optional=True),
)


def confusion(table: Sequence[Sequence[int]], classes: Classes) -> Part:
    """A row what the people said, a column what the judge said."""
    names = [f"judge_{name}" for name in classes.names]
    counts_of = (Column(name, "count") for name in names)
    columns = (Column("people", "text", "dimension"), *counts_of, Column("items", "count"))
    rows = [
        {"people": said, **dict(zip(names, counts, strict=True)), "items": sum(counts)}
        for said, counts in zip(classes.names, table, strict=True)
    ]
    totals = {"people": None, **dict(zip(names, map(sum, zip(*table, strict=True)), strict=True)),
              "items": sum(map(sum, table))}  # fmt: skip
    return Part(columns, tuple(rows), totals)


def bias(items: Items, classes: Classes, reach: float | None) -> Part:
    """Mean difference and agreement by class of the people, by each dimension asked for, by length in quarters."""
    rows = []
    if classes.names:
        classed = {id(i): classes.names[classes.place(i.reference)] for i in items.paired}
        rows += sliced(items, "people's class", classed, classes, reach, order=classes.names)
    for word in items.by:
        named = {id(i): None if (v := i.slices[word]) is None else str(v) for i in items.paired}
        if any(named.values()):
            rows += sliced(items, word, named, classes, reach)
    quarters, names = lengths(items)
    return Part(BIAS, (*rows, *sliced(items, LENGTH, quarters, classes, reach, order=names)))


def lengths(items: Items) -> tuple[dict[int, str | None], Sequence[str]]:
    """Quarters of the items by output tokens; none where all are of one length or none is logged."""
    known = sorted(i.output_tokens for i in items.paired if i.output_tokens is not None)
    if not known or known[0] == known[-1]:
        return {}, ()
    cuts = sorted({known[len(known) * q // 4] for q in (1, 2, 3)} - {known[0]})
    ends = [known[0], *cuts]
    names = [f"{a:,} to {(ends[i + 1] - 1 if i + 1 < len(ends) else known[-1]):,} tokens" for i, a in enumerate(ends)]
    found: dict[int, str | None] = {
        id(i): None if i.output_tokens is None else names[sum(i.output_tokens >= c for c in cuts)] for i in items.paired
    }
    return found, names


def sliced(
    items: Items, by: str, named: Mapping[int, str | None], classes: Classes, reach: float | None,
    order: Sequence[str] = (),
) -> list[dict[str, Any]]:  # fmt: skip
    """A row a slice, the largest first where they have no order of their own."""
    groups: dict[str | None, list[Item]] = {}
    for one in items.paired if named else ():
        groups.setdefault(named[id(one)], []).append(one)
    ranked = sorted(groups, key=lambda g: (g is None, order.index(g) if g in order else -len(groups[g]), str(g)))
    return [
        {"by": by, "slice": name, "items": len(groups[name]), **figures(groups[name], items.numeric, classes, reach)}
        for name in ranked[:MOST_SLICES]
    ]


def figures(some: Sequence[Item], numeric: bool, classes: Classes, reach: float | None) -> dict[str, Any]:
    """Mean difference and agreement of some items."""
    theirs = [float(i.reference or 0) for i in some] if numeric else []
    ours = [float(i.judge or 0) for i in some] if numeric else []
    gap = stats.mean_difference(Pairs.of(theirs, ours)) if numeric else Estimate(None)
    if reach is not None:
        hits = sum(abs(difference(i)) <= reach + 1e-9 for i in some)
        same = stats.share(hits, len(some))
    else:
        same = stats.agreement(tabled(classes, some)) if classes.names else Estimate(None)
    return {"mean_difference": gap.value, "difference_low": gap.low, "difference_high": gap.high,
            **valued(same, "agreement")}  # fmt: skip


def disagreements(items: Items, top: int | None, people: Sequence[str]) -> Part:
    """The items they see most differently, the worst first; of words, those on which the people are of one mind."""
    unlike = [i for i in items.paired if (difference(i) if items.numeric else i.judge != i.reference)]
    worst = sorted(
        unlike, key=lambda i: (-abs(difference(i)) if items.numeric else -one_mind(i), i.name, i.judge_version or "")
    )[:top]
    kind: Any = "rate" if items.numeric else "text"
    columns = (
        Column("item", "text", "dimension"), Column("judge", kind), Column("people", kind),
        *((Column("difference", "rate"),) if items.numeric else ()),
        *(Column(f"person_{p}", kind, optional=True) for p in (people if len(people) <= 6 else ())),
        *(Column(w, "text", optional=True) for w in items.by), Column("output_tokens", "tokens", optional=True),
    )  # fmt: skip
    rows = []
    for i in worst:
        cell = figure_of if items.numeric else word_of
        row = {"item": i.name, "judge": cell(i.judge), "people": cell(i.reference),
               "difference": difference(i) if items.numeric else None, "output_tokens": i.output_tokens}  # fmt: skip
        row |= {f"person_{p}": cell(i.people.get(p)) for p in people} | {w: text(i.slices[w]) for w in items.by}
        rows.append({c.name: row[c.name] for c in columns})
    return Part(columns, tuple(rows))


def figure_of(said: str | float | None) -> float | None:
    return None if said is None else float(said)


def word_of(said: str | float | None) -> str | None:
    return None if said is None else shown(str(said))


def one_mind(item: Item) -> float:
    """How many people said what they together say, less those who said what the judge did."""
    said = list(item.people.values())
    return said.count(str(item.reference)) - said.count(str(item.judge))


def text(value: Any) -> str | None:
    return None if value is None else str(value)
