"""Series as small pictures: a line of blocks for a terminal, the points of a line for SVG."""

from __future__ import annotations

from itertools import pairwise

from llmscope.render._figures import Figure, figure
from llmscope.result import Series

_BLOCKS = "▁▂▃▄▅▆▇█"


def figures(series: Series) -> list[Figure | None]:
    return [figure(value) for value in series.y]


def blocks(figures: list[Figure | None], width: int) -> str:
    """One block a figure, from nothing to the largest; gaps stay gaps, and neighbours are averaged when too many."""
    points = _averaged(figures, width)
    known = [y for y in points if y is not None]
    low, high = min([0, *known]), max([0, *known])
    return "".join(" " if y is None else _block(y, low, high) for y in points)


def _block(y: Figure, low: Figure, high: Figure) -> str:
    return _BLOCKS[round((y - low) / (high - low) * (len(_BLOCKS) - 1))] if high > low else _BLOCKS[0]


def _averaged(figures: list[Figure | None], width: int) -> list[Figure | None]:
    if len(figures) <= width:
        return figures
    edges = [len(figures) * i // width for i in range(width + 1)]
    return [_mean(figures[a:b]) for a, b in pairwise(edges)]


def _mean(figures: list[Figure | None]) -> Figure | None:
    known = [y for y in figures if y is not None]
    return sum(known) / len(known) if known else None


def strokes(figures: list[Figure | None], width: float, height: float) -> list[list[tuple[float, float]]]:
    """The points of each unbroken stretch, y downwards from the largest figure, with zero always in sight."""
    known = [y for y in figures if y is not None]
    low, high = min([0, *known]), max([0, *known])
    step = width / max(len(figures) - 1, 1)
    drawn: list[list[tuple[float, float]]] = [[]]
    for place, y in enumerate(figures):
        if y is None:
            drawn.append([])
        else:
            drawn[-1].append((place * step, height - height * (y - low) / ((high - low) or 1)))
    return [stroke for stroke in drawn if stroke]
