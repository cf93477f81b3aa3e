"""How far a judge and the people agree, by every statistic that is asked of such tables, each with its interval."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations
from typing import Any

from llmscope.analyses._judge_items import Item, Items
from llmscope.result import Column
from llmscope.stats import agreement as stats
from llmscope.stats.agreement import Disagreement, Estimate, Pairs

Row = Mapping[str, Any]
MOST_CLASSES = 10
MOST_WORDS = 30
MOST_CLUSTERS = 100
# The default tolerance: half a point on scales of 4 points and more, else this part of the scale.
HALF_A_POINT, POINTS, PART = 0.5, 4.0, 0.05
STATISTICS = ("agreement", "kappa", "kappa_linear", "kappa_quadratic", "ac1", "alpha", "alpha_people", "pearson",
              "spearman", "mean_difference")  # fmt: skip
COLUMNS = (
    Column("statistic", "text", "dimension"),
    Column("value", "rate"),
    Column("value_low", "rate", "low", "value"),
    Column("value_high", "rate", "high", "value"),
    Column("items", "count", "n"),
    Column("about", "text"),
)
WORDS = "labels are words: no figures to compare"
NO_ORDER = "labels are words without an order; --equal gives them figures"


@dataclass(frozen=True)
class Classes:
    """What is counted as the same answer: the classes in order, and where they stand on the scale; none where there
    are too many different answers."""

    names: tuple[str, ...]
    places: tuple[float, ...] | None
    why: str = ""
    _found: dict[str | float | None, int] = field(default_factory=dict, repr=False, compare=False)

    def place(self, said: str | float | None) -> int:
        """Which class an answer is in; answers are many and alike, so that each is looked up once."""
        if said not in self._found:
            self._found[said] = self.nearest(said)
        return self._found[said]

    def nearest(self, said: str | float | None) -> int:
        """The class of one answer; a figure between two is in the nearer, the upper one in the middle."""
        if self.places is None:
            return self.names.index(shown(str(said)))
        figure = float(said)  # type: ignore[arg-type]
        return min(range(len(self.places)), key=lambda i: (abs((self.places or ())[i] - figure), -i))


def classes_of(items: Items) -> Classes:
    """The classes of a scale: what anyone gave."""
    said = {i.judge for i in items.paired} | {s for i in items.paired for s in i.people.values()}
    if items.numeric:
        figures = sorted({float(s) for s in said if s is not None})
        if len(figures) > MOST_CLASSES:
            return Classes((), None, f"{len(figures):,} different values are no classes")
        return Classes(tuple(f"{f:g}" for f in figures), tuple(figures))
    names = sorted({shown(str(s)) for s in said})
    if len(names) > MOST_WORDS:
        return Classes((), None, f"{len(names):,} different labels are no classes")
    return Classes(tuple(names), None)


def tolerance_of(items: Items, asked: float | None) -> float:
    """Up to which difference two figures agree."""
    if asked is not None:
        return asked
    figures = [float(i.judge) for i in items.paired if i.judge] + [float(i.reference or 0) for i in items.paired]
    span = max(figures, default=0.0) - min(figures, default=0.0)
    return HALF_A_POINT if span >= POINTS else PART * span


@dataclass(frozen=True)
class Measured:
    """Every statistic by name, the table of classes, and the classes."""

    found: Mapping[str, Estimate]
    about: Mapping[str, str]
    n: Mapping[str, int]
    table: tuple[tuple[int, ...], ...]
    classes: Classes


def measured(items: Items, asked_tolerance: float | None = None) -> Measured:
    """All statistics of the judge against the people together."""
    paired, classes = items.paired, classes_of(items)
    tables = by_cluster(items, paired, partial(tabled, classes)) if classes.names else []
    table = tuple(tuple(int(sum(cell)) for cell in zip(*rows, strict=True)) for rows in zip(*tables, strict=True))
    found, about = of_table(table, tables, classes, bool(items.clusters)) if classes.names else ({}, {})
    if not classes.names:
        words = f"{classes.why}; " if classes.why else ""
        about = dict.fromkeys(STATISTICS[1:5], f"{words}no kappa")
        if items.numeric:
            found["agreement"], about["agreement"] = near(items, paired, asked_tolerance)
    elif asked_tolerance is not None and items.numeric:
        found["agreement"], about["agreement"] = near(items, paired, asked_tolerance)
    if items.numeric:
        figures = of_figures(items, paired)
        found |= figures
        about |= {"mean_difference": "judge less people, in points", "pearson": "of the figures",
                  "spearman": "of their ranks"}  # fmt: skip
    else:
        about |= dict.fromkeys(("mean_difference", "pearson", "spearman"), WORDS)
    counted = dict.fromkeys(STATISTICS, len(paired))
    for name, kind in (("alpha", True), ("alpha_people", False)):
        found[name], counted[name] = alpha(items, kind)
        metric = "squared distances" if items.how == "mean" and items.numeric else "same class or not"
        about[name] = f"{'judge and every person' if kind else 'people among themselves'}, gaps allowed; {metric}"
    return Measured(found, about, counted, table, classes)


def of_table(
    table: Sequence[Sequence[float]], tables: Sequence[Any], classes: Classes, clustered: bool
) -> tuple[dict[str, Estimate], dict[str, str]]:
    """What the table of classes gives."""
    weighed = {w: partial(stats.kappa, weights=w, places=classes.places) for w in stats.WEIGHTS}
    asked: dict[str, Callable[..., Estimate]] = {
        "agreement": stats.agreement, "kappa": weighed["none"], "ac1": stats.ac1,
    }  # fmt: skip
    if classes.places is not None:
        asked |= {"kappa_linear": weighed["linear"], "kappa_quadratic": weighed["quadratic"]}
    found = {name: clusterwise(tables, function, table, clustered) for name, function in asked.items()}
    chance = "above chance"
    about = {"agreement": "share in the same class", "kappa": f"{chance}: Cohen",
             "kappa_linear": f"{chance}, near misses count: weights 1 - distance",
             "kappa_quadratic": f"{chance}, near misses count more: weights 1 - distance squared",
             "ac1": f"{chance}: Gwet, steady where one class is rare"}  # fmt: skip
    if classes.places is None:
        about |= dict.fromkeys(("kappa_linear", "kappa_quadratic"), NO_ORDER)
    return found, about


def clusterwise(clusters: Sequence[Any], function: Callable[..., Estimate], whole: Any, clustered: bool) -> Estimate:
    """A statistic of all, its interval as wide as days or sessions that resemble themselves make it."""
    return function(whole, design=stats.design_of(clusters, function) if clustered else 1.0)


def near(items: Items, paired: Sequence[Item], asked: float | None) -> tuple[Estimate, str]:
    """The share of items on which the two are at most so far apart."""
    reach = tolerance_of(items, asked)

    def counted(some: Sequence[Item]) -> list[list[int]]:
        hits = sum(abs(difference(i)) <= reach + 1e-9 for i in some)
        return [[hits, len(some) - hits], [0, 0]]

    tables = by_cluster(items, paired, counted)
    found = clusterwise(tables, stats.agreement, counted(paired), bool(items.clusters))
    return found, f"share at most {reach:g} apart"


def difference(item: Item) -> float:
    """Judge less people."""
    return float(item.judge or 0) - float(item.reference or 0)


def of_figures(items: Items, paired: Sequence[Item]) -> dict[str, Estimate]:
    """Pearson, Spearman and the mean difference."""
    ours, theirs = [float(i.judge or 0) for i in paired], [float(i.reference or 0) for i in paired]
    ranks = dict(zip([id(i) for i in paired], zip(stats.mid_ranks(theirs), stats.mid_ranks(ours), strict=True),
                     strict=True))  # fmt: skip

    def sums(some: Sequence[Item]) -> list[float]:
        return plain(Pairs.of([float(i.reference or 0) for i in some], [float(i.judge or 0) for i in some]))

    def rank_sums(some: Sequence[Item]) -> list[float]:
        return plain(Pairs.of([ranks[id(i)][0] for i in some], [ranks[id(i)][1] for i in some]))

    def of(statistic: Callable[..., Estimate], made: Callable[[Sequence[Item]], list[float]]) -> Estimate:
        def one(numbers: Sequence[float], design: float = 1.0) -> Estimate:
            return statistic(Pairs(*(float(v) for v in numbers)), design=design)

        return clusterwise(by_cluster(items, paired, made), one, made(paired), bool(items.clusters))

    return {"pearson": of(stats.correlation, sums), "spearman": of(partial(stats.correlation, ranks=True), rank_sums),
            "mean_difference": of(stats.mean_difference, sums)}  # fmt: skip


def plain(one: Pairs) -> list[float]:
    return [one.n, one.x, one.y, one.xx, one.yy, one.xy]


def tabled(classes: Classes, some: Sequence[Item]) -> list[list[int]]:
    """Counts: a row the people's class, a column the judge's."""
    k = len(classes.names)
    table = [[0] * k for _ in range(k)]
    for one in some:
        table[classes.place(one.reference)][classes.place(one.judge)] += 1
    return table


def by_cluster(items: Items, some: Sequence[Item], made: Callable[[Sequence[Item]], Any]) -> list[Any]:
    """What is made of each day's or session's items, many sessions in 100 groups; of all, where nothing clusters."""
    return [made(group) for group in grouped(items, some)] if items.clusters else [made(some)]


def grouped(items: Items, some: Sequence[Item]) -> list[list[Item]]:
    groups: dict[str, list[Item]] = {}
    for one in some:
        groups.setdefault(one.cluster, []).append(one)
    ordered = [groups[key] for key in sorted(groups)]
    return [
        [one for group in ordered[i::MOST_CLUSTERS] for one in group] for i in range(min(MOST_CLUSTERS, len(ordered)))
    ]


def alpha(items: Items, with_judge: bool) -> tuple[Estimate, int]:
    """Krippendorff's alpha of everybody, or of the people alone; and how many items have two labels or more."""
    labels = {
        id(i): [*i.people.values(), *([i.judge] if with_judge and i.judge is not None else [])] for i in items.all
    }
    several = [i for i in items.all if len(labels[id(i)]) >= 2]
    classes = sorted({said for i in several for said in labels[id(i)]})
    groups = [
        spread([labels[id(i)] for i in group], classes, items.numeric and items.how == "mean")
        for group in grouped(items, several)
    ]
    return stats.alpha(groups), len(several)


def spread(units: Sequence[Sequence[str]], classes: Sequence[str], numeric: bool) -> Disagreement:
    """What some items bring to alpha."""
    labels = sum(map(len, units))
    if numeric:
        figures = [[float(said) for said in unit] for unit in units]
        apart = sum(2 * (len(f) * sum(x * x for x in f) - sum(f) ** 2) / (len(f) - 1) for f in figures)
        return Disagreement(labels, apart, (), sum(map(sum, figures)), sum(x * x for f in figures for x in f))
    counts = [[unit.count(c) for c in classes] for unit in units]
    unlike = sum((sum(c) ** 2 - sum(x * x for x in c)) / (sum(c) - 1) for c in counts)
    return Disagreement(labels, unlike, tuple(map(sum, zip(*counts, strict=True))))


def rows_of(found: Measured) -> list[dict[str, Any]]:
    """A row a statistic; where there is none, `about` says why."""
    rows = []
    for name in STATISTICS:
        one = found.found.get(name, Estimate(None))
        if name == "alpha_people" and not found.n[name]:
            continue
        rows.append({"statistic": name, **valued(one), "items": found.n[name],
                     "about": one.why or found.about.get(name, "")})  # fmt: skip
    return rows


def valued(one: Estimate, name: str = "value") -> dict[str, float | None]:
    """A figure and its interval as cells."""
    return {name: one.value, f"{name}_low": one.low, f"{name}_high": one.high}


PAIR_COLUMNS = (
    Column("rater", "text", "dimension"),
    Column("other_rater", "text", "dimension"),
    Column("items", "count", "n"),
    Column("agreement", "rate"),
    Column("agreement_low", "rate", "low", "agreement", optional=True),
    Column("agreement_high", "rate", "high", "agreement", optional=True),
    Column("kappa", "rate"),
    Column("kappa_low", "rate", "low", "kappa"),
    Column("kappa_high", "rate", "high", "kappa"),
    Column("mean_difference", "rate", optional=True),
)


def every_pair(items: Items, judge: str, people: Sequence[str]) -> list[dict[str, Any]]:
    """Each against each: the people among themselves, and the judge against each of them."""
    classes, rows = classes_of(items), []
    for one, other in [*combinations(people, 2), *((judge, person) for person in people)]:
        both = [(a, b) for i in items.all if (a := said_by(i, one, judge)) and (b := said_by(i, other, judge))]
        if not both:
            continue
        row: dict[str, Any] = {"rater": one, "other_rater": other, "items": len(both)}
        named = {shown(s) for pair in both for s in pair} <= set(classes.names)
        known = bool(classes.names) and (items.numeric or named)
        table = pair_table(classes, both) if known else []
        row |= valued(stats.agreement(table) if known else Estimate(None), "agreement")
        row |= valued(stats.kappa(table) if known else Estimate(None), "kappa")
        gap = sum(float(a) - float(b) for a, b in both) / len(both) if items.numeric else None
        rows.append({**row, "mean_difference": gap})
    return rows


def shown(said: str) -> str:
    """A figure as classes are named."""
    try:
        return f"{float(said):g}"
    except ValueError:
        return said


def pair_table(classes: Classes, both: Sequence[tuple[str, str]]) -> list[list[int]]:
    table = [[0] * len(classes.names) for _ in classes.names]
    for a, b in both:
        table[classes.place(a)][classes.place(b)] += 1
    return table


def said_by(item: Item, rater: str, judge: str) -> str | None:
    return item.judge if rater == judge else item.people.get(rater)
