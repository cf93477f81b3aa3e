"""A report's charts in HTML: the specification as data, a legend of the page's own, and a sentence that says it all."""

from __future__ import annotations

import json

from llmscope.render._page_tables import text_of
from llmscope.render._vega import spec
from llmscope.render._vega_theme import DASHES, MOST, PAGE
from llmscope.reported import Chart, Section


def charts(section: Section) -> str:
    """The section's charts beside each other."""
    alone = section.title if len(section.charts) == 1 else ""
    drawn = "".join(figure(chart, alone) for chart in section.charts)
    return f"<div class=charts>\n{drawn}</div>\n" if drawn else ""


def figure(chart: Chart, title: str) -> str:
    """One chart: until it is drawn, and where it cannot be, its sentence stands in its place."""
    said = text_of(chart.text)
    legend = "".join(key(chart, place, line.name) for place, line in enumerate(chart.series))
    keys = f"<ul class=legend>\n{legend}</ul>\n" if len(chart.series) > 1 and chart.form != "scatter" else ""
    repeated = " class=unseen" if chart.title.lower() == title.lower() else ""
    inside = f'<p>{said}</p><script type="application/json">{embedded(chart)}</script>'
    return (
        f"<figure class=picture>\n<figcaption{repeated}>{text_of(chart.title)}</figcaption>\n{keys}"
        f'<div class=plot role=img aria-label="{said}">{inside}</div>\n</figure>\n'
    )


def embedded(chart: Chart) -> str:
    """The specification as JSON in ASCII, which no sign of it can end."""
    text = json.dumps(spec(chart, PAGE), separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def key(chart: Chart, place: int, name: str) -> str:
    """A line of the legend: the colour, and the dashes where lines have them."""
    color = MOST - 1 if name == "other" else place % (MOST - 1)
    dash = " ".join(map(str, DASHES[place % len(DASHES)]))
    mark = (
        f'<line class="k{color}" x1="0" x2="22" y1="5" y2="5" stroke-width="2.5" stroke-dasharray="{dash}"/>'
        if chart.form == "line"
        else f'<rect class="k{color}" width="11" height="10" rx="2"/>'
    )
    width = 22 if chart.form == "line" else 11
    sign = f'<svg width="{width}" height="10" viewBox="0 0 {width} 10" aria-hidden="true">{mark}</svg>'
    return f"<li>{sign}{text_of(name)}</li>\n"
