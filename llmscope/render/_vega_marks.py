"""The marks of each form of chart: lines, bars, stacks, intervals and points."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llmscope.render._vega_theme import DASHES, Theme, color
from llmscope.render._vega_units import Scale
from llmscope.reported import Chart

Spec = dict[str, Any]
TALL, STEP, BETWEEN = 220, 24, 8
# More points than these are a line without dots.
DOTTED = 45
FORMAT = ",.12~g"
TOLD: Spec = {"field": "t", "type": "nominal"}
NAME_WIDTH = 190
SIDES: dict[str, Spec] = {
    "right": {"align": "left", "dx": 8, "baseline": "middle"},
    "left": {"align": "right", "dx": -8, "baseline": "middle"},
    "above": {"align": "center", "dy": -10, "baseline": "bottom"},
    "below": {"align": "center", "dy": 10, "baseline": "top"},
}  # fmt: skip


def line(chart: Chart, up: Scale, across: Scale, theme: Theme) -> Spec:
    """Lines over time, with bands of uncertainty; a gap stays a gap, and a point between gaps is a dot."""
    ranged = any(one.low for one in chart.series)
    shared = {"x": along(chart, "point"), "color": colors(chart, theme, "stroke")}
    y = upward(chart, up)
    layers = []
    if ranged:
        band = {"y": {**y, "field": "low"}, "y2": {"field": "high"}}
        layers.append({"mark": {"type": "area", "opacity": 0.18}, "encoding": band})
    dashes = {"strokeDash": dashed(chart)} if len(chart.series) > 1 else {}
    layers.append({"mark": {"type": "line", "strokeWidth": 2}, "encoding": {"y": y, **dashes}})
    dots: Spec = {"mark": dot(26), "encoding": {"y": y}}
    if max(len(one.x) for one in chart.series) > DOTTED:
        dots["transform"] = [{"filter": {"field": "alone", "equal": True}}]
    touched = {"mark": dot(260, 0), "encoding": {"y": y, "tooltip": TOLD}}
    return {"height": TALL, "encoding": shared, "layer": [*layers, dots, touched]}


def bar(chart: Chart, up: Scale, across: Scale, theme: Theme) -> Spec:
    """Bars from zero: upright over time, lying where rows have names; whiskers where there are intervals."""
    if chart.x.kind == "time":
        return stack(chart, up, across, theme)
    offset = {"yOffset": offset_of(chart)} if len(chart.series) > 1 else {}
    shared = {"y": names(chart, theme), **offset, "color": colors(chart, theme)}
    x = sideways(chart, up)
    bars = {"mark": {"type": "bar", "cornerRadiusEnd": 2},
            "encoding": {"x": x, "tooltip": TOLD}}  # fmt: skip
    return {"height": tall(chart), "encoding": shared, "layer": [bars, *whiskers(chart, x, theme)]}


def stack(chart: Chart, up: Scale, across: Scale, theme: Theme) -> Spec:
    """Bars over time that stand upon each other, the largest at the bottom."""
    y = {**upward(chart, up), "stack": "zero"}
    order = {"field": "i", "type": "quantitative"}
    shared = {"x": along(chart, "band"), "y": y, "color": colors(chart, theme), "order": order, "tooltip": TOLD}
    return {"height": TALL, "mark": {"type": "bar"}, "encoding": shared}


def interval(chart: Chart, up: Scale, across: Scale, theme: Theme) -> Spec:
    """A point and its interval a row, with a line where nothing has changed."""
    offset = {"yOffset": offset_of(chart)} if len(chart.series) > 1 else {}
    row = {"y": names(chart, theme), **offset}
    x, hue = sideways(chart, up), colors(chart, theme)
    nothing = {"x": {"datum": 0, "type": "quantitative", **{k: x[k] for k in ("axis", "scale", "title")}}}
    layers = []
    if chart.y.zero:
        layers.append({"mark": {"type": "rule", "color": theme.soft, "strokeDash": [4, 3]}, "encoding": nothing})
    if any(one.low for one in chart.series):
        ends = {**row, "x": {**x, "field": "low"}, "x2": {"field": "high"}, "color": hue}
        layers.append({"mark": {"type": "rule", "strokeWidth": 2}, "encoding": ends})
    layers.append({"mark": dot(70), "encoding": {**row, "x": x, "color": hue}})
    layers.append({"mark": dot(400, 0), "encoding": {**row, "x": x, "tooltip": TOLD}})
    return {"height": tall(chart), "layer": layers}


def scatter(chart: Chart, up: Scale, across: Scale, theme: Theme) -> Spec:
    """A point for each row, one figure against another; few enough bear their names."""
    x = {"field": "x", "type": "quantitative", "title": across.title, "axis": {"format": FORMAT, "tickCount": 6}}
    y = upward(chart, up)
    paint = {"value": theme.colors[0]}
    layers = []
    if any(one.low for one in chart.series):
        layers.append({"mark": {"type": "rule", "strokeWidth": 1.5, "opacity": 0.55},
                       "encoding": {"y": {**y, "field": "low"}, "y2": {"field": "high"}, "color": paint}})  # fmt: skip
    layers.append({"mark": dot(80), "encoding": {"y": y, "color": paint, "tooltip": TOLD}})
    for side in SIDES:
        layers.append(named(side, y, theme))
    return {"height": 1.6 * TALL, "encoding": {"x": x}, "layer": layers}


def named(side: str, y: Spec, theme: Theme) -> Spec:
    """The names that stand on one side of their points; in a narrow page they would cover each other."""
    mark = {"type": "text", "fontSize": 10, "limit": NAME_WIDTH, "color": theme.ink, **SIDES[side]}
    seen = {"condition": {"test": "width > 540", "value": 1}, "value": 0}
    shown = {"y": y, "text": {"field": "s", "type": "nominal"}, "opacity": seen}
    return {"transform": [{"filter": {"field": "side", "equal": side}}], "mark": mark, "encoding": shown}


def dot(size: int, opacity: float = 1) -> Spec:
    """A filled point; one that is not seen is larger, to be found by a finger."""
    return {"type": "point", "filled": True, "size": size, "opacity": opacity}


MARKS: dict[str, Callable[[Chart, Scale, Scale, Theme], Spec]] = {
    "line": line, "bar": bar, "stacked": stack, "interval": interval, "scatter": scatter,
}  # fmt: skip


def along(chart: Chart, kind: str) -> Spec:
    """The places on a time axis, in the order given; as many are named as there is room for."""
    places = list(dict.fromkeys(x for one in chart.series for x in one.x))
    axis = {"labelAngle": 0, "labelOverlap": True, "labelSeparation": 12, "labelFlush": True, "ticks": False,
            "grid": False, "domain": True}  # fmt: skip
    padding = {"paddingInner": 0.15} if kind == "band" else {}
    scale = {"type": kind, "domain": places, **padding}
    return {"field": "x", "type": "ordinal", "title": None, "axis": axis, "scale": scale}


def names(chart: Chart, theme: Theme) -> Spec:
    """The rows' names, in the order given."""
    places = list(dict.fromkeys(x for one in chart.series for x in one.x))
    axis = {"labelLimit": theme.labels, "ticks": False, "domain": False, "grid": False, "labelColor": theme.ink}
    return {"field": "x", "type": "ordinal", "title": None, "axis": axis, "scale": {"domain": places}}


def upward(chart: Chart, up: Scale) -> Spec:
    axis = {"format": FORMAT, "domain": False, "ticks": False, "tickCount": 5, "titleAngle": 0, "titleAlign": "left",
            "titleAnchor": "end", "titleBaseline": "bottom", "titleX": 0, "titleY": -8}  # fmt: skip
    scale = {"zero": chart.y.zero, "nice": True}
    return {"field": "y", "type": "quantitative", "title": up.title, "axis": axis, "scale": scale}


def sideways(chart: Chart, up: Scale) -> Spec:
    axis = {"format": FORMAT, "domain": False, "ticks": False, "tickCount": 5, "labelFlush": True,
            "grid": True}  # fmt: skip
    scale = {"zero": chart.y.zero, "nice": True}
    return {"field": "y", "type": "quantitative", "title": up.title, "axis": axis, "scale": scale}


def colors(chart: Chart, theme: Theme, symbol: str = "square") -> Spec:
    """A colour a line; a legend in a file only, for a page writes its own."""
    lines = [one.name for one in chart.series]
    scale = {"domain": lines, "range": [color(i, name, theme) for i, name in enumerate(lines)]}
    legend = {"columns": 4, "symbolType": symbol, "symbolStrokeWidth": 2} if theme.titled and len(lines) > 1 else None
    return {"field": "s", "type": "nominal", "scale": scale, "legend": legend}


def dashed(chart: Chart) -> Spec:
    """Lines differ in more than colour."""
    lines = [one.name for one in chart.series]
    scale = {"domain": lines, "range": [DASHES[i % len(DASHES)] for i in range(len(lines))]}
    return {"field": "s", "type": "nominal", "scale": scale, "legend": None}


def offset_of(chart: Chart) -> Spec:
    return {"field": "s", "type": "nominal", "scale": {"domain": [one.name for one in chart.series]}}


def tall(chart: Chart) -> int:
    """Pixels for all rows, each shared by its lines."""
    rows = len({x for one in chart.series for x in one.x})
    return rows * (STEP if len(chart.series) == 1 else 13 * len(chart.series) + BETWEEN)


def whiskers(chart: Chart, x: Spec, theme: Theme) -> list[Spec]:
    """Where each figure may lie."""
    if not any(one.low for one in chart.series):
        return []
    ends = {"x": {**x, "field": "low"}, "x2": {"field": "high"}, "color": {"value": theme.ink}}
    return [{"mark": {"type": "rule", "strokeWidth": 1.5}, "encoding": ends}]
