"""Lines in a terminal: several figures of one unit over the same axis, drawn by plotille and labelled by us."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise
from operator import itemgetter

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from llmscope.render._figures import Figure, with_units
from llmscope.render._plot import figures
from llmscope.render._safe import one_line
from llmscope.result import Series

HEIGHT, WIDEST, NARROWEST = 10, 100, 40
# A line alone is a chart only where there is more to see than a row of blocks shows.
POINTS_ALONE, POINTS_TOGETHER = 8, 3
# Lines whose largest figures are further apart than this would lie flat on the axis of one another.
FURTHEST = 50
# The empty cell of braille, from which dots are counted as bits.
BLANK = 0x2800
COLORS = ("cyan", "yellow", "magenta", "green", "red")


def groups(lines: Sequence[Series]) -> list[list[Series]]:
    """Lines that share an axis together: one unit, the same x, figures of like size; in the order given."""
    found: list[list[Series]] = []
    for line in lines:
        fitting = next((g for g in found if len(g) < len(COLORS) and _alike(g[0], line)), None)
        if fitting is None:
            found.append([line])
        else:
            fitting.append(line)
    return found


def _alike(one: Series, other: Series) -> bool:
    tops = [max((abs(y) for y in figures(s) if y is not None), default=0) for s in (one, other)]
    return one.kind == other.kind and one.x == other.x and max(tops) <= FURTHEST * min(tops)


def is_chart(group: Sequence[Series], room: int) -> bool:
    """Whether there is enough to see, and room to see it."""
    known = [y for series in group for y in figures(series) if y is not None]
    least = POINTS_ALONE if len(group) == 1 else POINTS_TOGETHER
    return len(group[0].x) >= least and max(known, default=0) > 0 <= min(known, default=0) and room >= NARROWEST


def chart(group: Sequence[Series], room: int, color: bool) -> list[Text]:
    """A frame of figures at the left, the lines, their names where they end, and the axis below."""
    ys = [figures(series) for series in group]
    top = max(y for line in ys for y in line if y is not None)
    write = with_units(group[0].kind, [top])
    scale = {0: write(top), HEIGHT // 2: write(top / 2), HEIGHT - 1: write(0)}
    left = max(map(len, scale.values()))
    names = [one_line(series.name) for series in group]
    right = min(max(map(cell_len, names)), max(room // 4, 8)) if len(group) > 1 else 0
    width = min(room, WIDEST) - left - right - 3
    layers = [_dots(line, width, top) for line in ys]
    ends = _ends(ys, names, top) if len(group) > 1 else {}
    drawn = [] if len(group) > 1 else [Text(names[0])]
    for row in range(HEIGHT):
        text = Text(f"{scale.get(row, ''):>{left}} ┤" if row in scale else f"{'':>{left}} │")
        cells = (_joined(cells, color) for cells in zip(*(layer[row] for layer in layers), strict=True))
        for style, run in groupby(cells, key=itemgetter(1)):
            text.append("".join(dots for dots, _ in run), style=style)
        if row in ends:
            style = COLORS[ends[row]] if color else ""
            text.append(" " + set_cell_size(names[ends[row]], min(right, cell_len(names[ends[row]]))), style=style)
        drawn.append(text)
    return [*drawn, Text(f"{'':>{left}} └{'─' * width}"), Text(" " * (left + 2) + _axis(group[0], width))]


def _dots(line: Sequence[Figure | None], width: int, top: Figure) -> list[str]:
    """One line as rows of braille: neighbours joined; a point between two gaps is a dot."""
    import plotille

    # The canvas counts in dots, 2 by 4 to a character, so that the first and the last of each are on it.
    across, up = 2 * width, 4 * HEIGHT
    canvas = plotille.Canvas(width, HEIGHT, xmin=0, ymin=0, xmax=across, ymax=up)
    at = [
        None if y is None else (place * (across - 1) / (len(line) - 1), y * (up - 1) / top)
        for place, y in enumerate(line)
    ]
    for point in at:
        if point is not None:
            canvas.point(*point)
    for point, after in pairwise(at):
        if point is not None and after is not None:
            canvas.line(*point, *after)
    return str(canvas.plot(linesep="\n")).split("\n")


def _joined(cells: Sequence[str], color: bool) -> tuple[str, str]:
    """What several lines draw in one cell, in the colour of the first that draws there."""
    bits = [ord(cell) - BLANK for cell in cells]
    together = 0
    for one in bits:
        together |= one
    first = next((i for i, one in enumerate(bits) if one), None)
    return (chr(BLANK + together), COLORS[first] if color else "") if first is not None else (" ", "")


def _ends(ys: Sequence[Sequence[Figure | None]], names: Sequence[str], top: Figure) -> dict[int, int]:
    """The row in which each line's name stands: beside its last figure, or the nearest that is free."""
    taken: dict[int, int] = {}
    lasts = [next((y for y in reversed(line) if y is not None), 0) for line in ys]
    for i in sorted(range(len(names)), key=lambda i: (-lasts[i], i)):
        wanted = round((HEIGHT - 1) * (1 - lasts[i] / top))
        row = min((r for r in range(HEIGHT) if r not in taken), key=lambda r: (abs(r - wanted), -r))
        taken[row] = i
    return taken


def _axis(series: Series, width: int) -> str:
    """The first place on the axis, the last, and as many between as there is room for."""
    labels = [one_line(str(x)) for x in series.x]
    last = len(labels) - 1
    count = max(min(width // (max(map(cell_len, labels)) + 3), 5, len(labels)), 2)
    wanted = sorted({round(i * last / (count - 1)) for i in range(count)}, key=lambda place: (place % last != 0, place))
    shown: dict[int, str] = {}
    for place in wanted:
        label = labels[place]
        at = round(place * (width - 1) / last) - cell_len(label) // 2
        at = max(0, min(at, width - cell_len(label)))
        if all(at >= start + cell_len(text) + 2 or at + cell_len(label) + 2 <= start for start, text in shown.items()):
            shown[at] = label
    text = ""
    for at, label in sorted(shown.items()):
        text += " " * (at - cell_len(text)) + label
    return text
