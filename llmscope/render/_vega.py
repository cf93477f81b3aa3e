"""Pictures: a neutral chart as a Vega-Lite specification, in which text of a log is only ever a value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llmscope.errors import LlmscopeError
from llmscope.render._figures import figure, with_units
from llmscope.render._vega_labels import beside
from llmscope.render._vega_marks import MARKS
from llmscope.render._vega_theme import FILE, Theme, config
from llmscope.render._vega_units import Scale, scale
from llmscope.reported import Chart

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
SUFFIXES = ("png", "svg")
# Twice the pixels, for screens of today and for print.
SHARPNESS = 2
VERSION = "6.4"
Spec = dict[str, Any]


def spec(chart: Chart, theme: Theme = FILE) -> Spec:
    """One chart, whole."""
    return {"$schema": SCHEMA, "config": config(theme), **body(chart, theme)}


def stacked(charts: Sequence[Chart], theme: Theme = FILE) -> Spec:
    """Several charts, one under another."""
    if len(charts) == 1:
        return spec(charts[0], theme)
    apart = {"scale": {"color": "independent", "x": "independent", "y": "independent", "strokeDash": "independent"}}
    bodies = [body(chart, theme) for chart in charts]
    return {"$schema": SCHEMA, "config": config(theme), "spacing": 36, "vconcat": bodies, "resolve": apart}


def body(chart: Chart, theme: Theme) -> Spec:
    """A chart's figures, its marks and its size."""
    ups = [v for line in chart.series for v in map(figure, (*line.y, *line.low, *line.high)) if v is not None]
    up = scale(chart.y, ups)
    across = scale(chart.x, [x for line in chart.series for x in map(figure, line.x) if x is not None])
    drawn: Spec = MARKS[chart.form](chart, up, across, theme)
    rows = values(chart, up, across)
    if "layer" in drawn:
        drawn["layer"] = [layer for layer in drawn["layer"] if has_rows(layer, rows)]
    if theme.titled:
        return {"title": {"text": chart.title, "limit": 680}, "data": {"values": rows}, "width": theme.width, **drawn}
    return {
        "autosize": {"type": "fit-x", "contains": "padding"},
        "data": {"values": rows},
        "width": theme.width,
        **drawn,
    }


def has_rows(layer: Spec, rows: Sequence[Spec]) -> bool:
    """A layer for some of the points is drawn only where there are such points."""
    wanted = [step["filter"] for step in layer.get("transform", ())]
    return all(any(row.get(one["field"]) == one["equal"] for row in rows) for one in wanted)


def values(chart: Chart, up: Scale, across: Scale) -> list[dict[str, Any]]:
    """A row a point: `x`, `y`, `low`, `high` as drawn, `s` the line, `i` its place, `t` what a pointer shows."""
    write = with_units(chart.y.kind, [y for line in chart.series for y in map(figure, line.y) if y is not None])
    found = []
    for place, line in enumerate(chart.series):
        for at, (x, y) in enumerate(zip(line.x, line.y, strict=True)):
            value = figure(y)
            ends = [scaled(side[at] if side else None, up) for side in (line.low, line.high)]
            told = line.told[at] if line.told else words(value, write, line, at, bool(line.low))
            row = {"x": x, "y": scaled(value, up), "s": line.name, "i": place, "t": said(chart, line.name, x, told)}
            if chart.form == "scatter":
                row["x"] = scaled(x, across)
            if line.low:
                row |= {"low": ends[0] if ends[0] is not None else row["y"],
                        "high": ends[1] if ends[1] is not None else row["y"]}  # fmt: skip
            if value is not None and alone(line.y, at):
                row["alone"] = True
            found.append(row)
    return beside(found) if chart.form == "scatter" else found


def scaled(value: Any, by: Scale) -> float | None:
    """A figure in the unit of its axis, without the noise of floats."""
    number = figure(value)
    return None if number is None else float(f"{number * by.factor:.12g}")


def alone(ys: tuple[Any, ...], at: int) -> bool:
    """A point between two gaps, which no line shows."""
    beside = ys[max(at - 1, 0) : at] + ys[at + 1 : at + 2]
    return all(figure(y) is None for y in beside)


def words(value: Any, write: Any, line: Any, at: int, ranged: bool) -> str:
    """The figure as the table writes it, with its interval."""
    if value is None:
        return "no figure"
    if not ranged:
        return str(write(value))
    ends = ("?" if figure(side[at]) is None else write(side[at]) for side in (line.low, line.high))
    return f"{write(value)} [{', '.join(ends)}]"


def said(chart: Chart, name: str, x: Any, told: str) -> str:
    """Where, whose, and the figure."""
    if chart.form == "scatter":
        across = with_units(chart.x.kind, [v for line in chart.series for v in map(figure, line.x) if v is not None])
        return f"{name}: {chart.y.title} {told}, {chart.x.title} {across(x)}"
    return f"{x}, {name}: {told}" if len(chart.series) > 1 else f"{x}: {told}"


def picture(charts: Chart | Sequence[Chart], format: str) -> bytes:
    """A file's bytes, PNG or SVG.

    Raises:
        LlmscopeError: the library that draws is not installed.
    """
    drawer = library()
    wanted = stacked([charts] if isinstance(charts, Chart) else charts)
    if format == "svg":
        return str(drawer.vegalite_to_svg(wanted, vl_version=VERSION, allowed_base_urls=[])).encode()
    png: bytes = drawer.vegalite_to_png(wanted, vl_version=VERSION, scale=SHARPNESS, allowed_base_urls=[])
    return png


def library() -> Any:
    """What draws without a browser.

    Raises:
        LlmscopeError: it is not installed.
    """
    try:
        import vl_convert
    except ImportError as missing:
        hint = "pip install 'llmscope-toolkit[plot]' brings it; -f html draws charts without it"
        raise LlmscopeError("pictures are drawn by vl-convert-python, which is not installed", hint=hint) from missing
    return vl_convert
