"""Figures over time: lines, stacks of what adds up, and the series that an answer brings itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile

from llmscope.charts.tables import KINDS, MOST_LINES, OTHER, Table, text_of, unlike
from llmscope.charts.words import sentence
from llmscope.render._figures import figure
from llmscope.render._words import begun
from llmscope.reported import Axis, Chart, Form, Line
from llmscope.result import Column, Kind, Series, Value

# A table gives so many pictures at most; --columns chooses others.
MOST_CHARTS = 3
MOST_TOGETHER = 3
# Lines whose largest figures are further apart than this lie flat beside one another.
FURTHEST = 50
NOUNS = {"usd": "cost", "ms": "duration", "tokens": "tokens", "count": "count", "ratio": "share", "rate": "rate"}
TOGETHER = ("ms", "tokens")


def drawn(title: str, form: Form, x: Axis, lines: Sequence[Line], y: Axis) -> Chart:
    """A picture with its sentence."""
    named = unlike([line.name for line in lines])
    renamed = tuple(replace(line, name=name) for line, name in zip(lines, named, strict=True))
    chart = Chart(title, form, x, renamed, y, "")
    return replace(chart, text=sentence(chart))


def of_series(table: Table) -> list[Chart]:
    """The answer's own series, those of one unit and size together."""
    kinds = {c.kind for c in table.columns} & set(KINDS)
    wanted = kinds if table.chosen and kinds else set(KINDS)
    own = [s for s in table.series if len(s.x) > 1 and s.kind in wanted and any(figure(y) is not None for y in s.y)]
    return [of_group(group, table) for group in alike(own)]


def alike(series: Sequence[Series]) -> list[list[Series]]:
    """Series that share both axes and are of like size."""
    found: list[list[Series]] = []
    for one in series:
        fitting = next((g for g in found if len(g) < MOST_LINES and fits(g[0], one)), None)
        if fitting is None:
            found.append([one])
        else:
            fitting.append(one)
    return found


def fits(one: Series, other: Series) -> bool:
    tops = [max(abs(y or 0) for y in map(figure, s.y)) for s in (one, other)]
    return one.kind == other.kind and one.x == other.x and max(tops) <= FURTHEST * min(tops)


def of_group(group: Sequence[Series], table: Table) -> Chart:
    """One picture of several series."""
    over = table.heading(table.over) if table.over else ""
    texts = unlike([text_of(x, table.zone) for x in group[0].x])
    lines = [Line(text_of(s.name, table.zone), tuple(texts), tuple(figure(y) for y in s.y)) for s in group]
    what = spoken([s.name for s in group], group[0].kind)
    title = f"{what} per {over}" if over else what
    y = Axis(text_of(axis_of([s.name for s in group], group[0].kind), table.zone), group[0].kind)
    return drawn(text_of(begun(title), table.zone), "line", Axis(over, "time" if over else "category"), lines, y)


def spoken(names: Sequence[str], kind: Kind) -> str:
    """What several lines are together: their names, or the words they begin with, or what their unit measures."""
    if len(names) == 1 or (len(names) <= MOST_TOGETHER and all(len(name) <= 20 for name in names)):
        return ", ".join(names)
    places = zip(*(name.split(" ") for name in names), strict=False)
    alike = takewhile(lambda words: len(set(words)) == 1, places)
    return " ".join(words[0] for words in alike) or NOUNS.get(kind, kind)


def axis_of(names: Sequence[str], kind: Kind) -> str:
    """What an axis measures: the one figure by its name, several by what they have in common."""
    return names[0] if len(names) == 1 else NOUNS.get(kind, kind)


def over_time(table: Table, over: Column, shown: set[str]) -> list[Chart]:
    """A picture a kind of figure: the first of its kind, or those of one size together where there are no slices."""
    found: list[Chart] = []
    lead = next((c for kind in KINDS for c in table.measures if c.kind == kind), None)
    for kind in (k for k in KINDS if k not in shown):
        of_kind = [c for c in table.measures if c.kind == kind]
        if not of_kind:
            continue
        if table.groups and lead:
            found.append(sliced(table, over, of_kind[0], lead))
        else:
            found.append(whole(table, over, together(table, of_kind)))
    return found[: MOST_CHARTS - len(shown)]


def together(table: Table, columns: Sequence[Column]) -> list[Column]:
    """The first measure, and those after it that are of its nature and like size."""
    first = columns[0]
    if first.kind not in TOGETHER or table.ends(first):
        return [first]
    tops = {c.name: max((abs(figure(row.get(c.name)) or 0) for row in table.rows), default=0) for c in columns}
    near = [c for c in columns if max(tops[c.name], tops[first.name]) <= FURTHEST * min(tops[c.name], tops[first.name])]
    return [c for c in near if table.is_sum(c) == table.is_sum(first)][:MOST_TOGETHER]


def whole(table: Table, over: Column, columns: Sequence[Column]) -> Chart:
    """Lines of the whole; what adds up is bars."""
    timed = (row for row in table.rows if row.get(over.name) is not None)
    rows = sorted(timed, key=lambda row: str(row[over.name]))
    texts = tuple(unlike([text_of(row[over.name], table.zone) for row in rows]))
    lines = []
    for column in columns:
        ys = tuple(figure(row.get(column.name)) for row in rows)
        ends = table.ends(column)
        sides = [tuple(figure(row.get(end.name)) for row in rows) for end in ends] if ends else [(), ()]
        lines.append(Line(table.heading(column), texts, ys, *sides))
    what = spoken([line.name for line in lines], columns[0].kind)
    form: Form = "bar" if len(columns) == 1 and table.is_sum(columns[0]) else "line"
    x, y = (
        Axis(table.heading(over), "time"),
        Axis(axis_of([line.name for line in lines], columns[0].kind), columns[0].kind),
    )
    return drawn(table.titled(what), form, x, lines, y)


def sliced(table: Table, over: Column, column: Column, lead: Column) -> Chart:
    """A line a slice, or the slices upon each other where they add up; those that lead by themselves."""
    times = sorted(
        {str(row[over.name]): row[over.name] for row in table.rows if row.get(over.name) is not None}.items()
    )
    slices = by_slice(table, over, column, lead)
    kept, rest = slices[:MOST_LINES], slices[MOST_LINES:]
    texts = tuple(unlike([text_of(value, table.zone) for _, value in times]))
    lines = [Line(name, texts, tuple(found.get(key) for key, _ in times)) for name, found in kept]
    stacked = table.is_sum(column)
    if stacked and rest:
        lines.append(Line(OTHER, texts, tuple(sum(f.get(key) or 0 for _, f in rest) for key, _ in times)))
    heading = table.heading(column)
    title = table.titled(heading)
    if rest and not stacked:
        title += f", {len(kept)} of {len(slices)}"
    x, y = Axis(table.heading(over), "time"), Axis(heading, column.kind)
    return drawn(title, "stacked" if stacked else "line", x, lines, y)


def by_slice(table: Table, over: Column, column: Column, lead: Column) -> list[tuple[str, dict[str, Value]]]:
    """Each slice's figures by time: in the same order, so the same colour, in every picture of a table.

    The slice with the most requests comes first, or the most of the leading figure; the rest of --top last.
    """
    counted = next((c for c in table.columns if c.role == "n" and c.of is None), lead)
    found: dict[tuple[str, ...], dict[str, Value]] = {}
    weight: dict[tuple[str, ...], float] = {}
    labels: dict[tuple[str, ...], str] = {}
    for row in table.rows:
        key = tuple(repr(row.get(c.name)) for c in table.groups)
        if row.get(over.name) is None:
            continue
        labels[key] = table.label(row)
        found.setdefault(key, {})[str(row[over.name])] = figure(row.get(column.name))
        weight[key] = weight.get(key, 0) + (figure(row.get(counted.name)) or 0)
    order = sorted(found, key=lambda key: (labels[key] == "(other)", -weight[key], key))
    return list(zip(unlike([labels[key] for key in order]), (found[key] for key in order), strict=True))
