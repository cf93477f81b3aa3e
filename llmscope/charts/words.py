"""What a picture shows, in one sentence for who cannot see it."""

from __future__ import annotations

from llmscope.render._figures import Figure, figure, with_units
from llmscope.reported import Chart, Line

MOST_SAID = 4
NO_FIGURES = "no figures"


def sentence(chart: Chart) -> str:
    """First, last, lowest and highest of every line, of a few of them."""
    if chart.form == "scatter":
        return f"{chart.title}: {points(chart)}."
    if chart.form == "interval":
        return f"{chart.title}: {intervals(chart)}."
    said = [line_said(line, chart) for line in chart.series[:MOST_SAID]]
    more = len(chart.series) - len(said)
    return f"{chart.title}: {'; '.join(said)}{f'; and {more} more' if more else ''}."


def line_said(line: Line, chart: Chart) -> str:
    """`p95 from 4.10 s (2026-10-01) to 5.00 s (2026-10-31), lowest 3.90 s (2026-10-07), highest …`."""
    pairs = known(line)
    name = f"{line.name} " if len(chart.series) > 1 else ""
    if not pairs:
        return f"{name}{NO_FIGURES}"
    write = with_units(chart.y.kind, figures(chart))
    (first, at_first), (last, at_last) = pairs[0], pairs[-1]
    low, at_low = min(pairs, key=lambda pair: pair[0])
    high, at_high = max(pairs, key=lambda pair: pair[0])
    if chart.x.kind == "category" and len(pairs) > 1:
        return f"{name}highest {write(high)} ({at_high}), lowest {write(low)} ({at_low}), of {len(pairs):,}"
    told = f"{name}from {write(first)} ({at_first}) to {write(last)} ({at_last})" if len(pairs) > 1 else ""
    if not told:
        return f"{name}{write(first)} ({at_first})"
    return f"{told}, lowest {write(low)} ({at_low}), highest {write(high)} ({at_high})"


def intervals(chart: Chart) -> str:
    """The first rows with their intervals."""
    write = with_units(chart.y.kind, figures(chart))
    said = []
    for line in chart.series:
        for place, (x, y) in enumerate(zip(line.x, line.y, strict=True)):
            if figure(y) is None:
                continue
            ends = [figure(side[place]) if side else None for side in (line.low, line.high)]
            between = f" [{', '.join('?' if e is None else write(e) for e in ends)}]" if any(line.low) else ""
            value = line.told[place] if line.told else write(y) + between
            said.append(f"{f'{line.name} ' if len(chart.series) > 1 else ''}{x} {value}")
    more = len(said) - MOST_SAID
    return "; ".join(said[:MOST_SAID]) + (f"; and {more} more" if more > 0 else "") or NO_FIGURES


def points(chart: Chart) -> str:
    """The first points with both of their figures."""
    across = with_units(chart.x.kind, [x for line in chart.series for x in line.x])
    up = with_units(chart.y.kind, figures(chart))
    said = [f"{line.name} {across(line.x[0])}, {up(line.y[0])}" for line in chart.series]
    more = len(said) - MOST_SAID
    return "; ".join(said[:MOST_SAID]) + (f"; and {more} more" if more > 0 else "") or NO_FIGURES


def known(line: Line) -> list[tuple[Figure, str]]:
    """The figures that are there, with their places."""
    pairs = ((figure(y), str(x)) for x, y in zip(line.x, line.y, strict=True))
    return [(y, x) for y, x in pairs if y is not None]


def figures(chart: Chart) -> list[Figure]:
    """All figures of a picture, which set the digits of each."""
    return [y for line in chart.series for y, _ in known(line)]
