"""What an HTML page looks like: its one stylesheet, and a small chart for a series."""

from __future__ import annotations

from datetime import date, datetime, tzinfo
from html import escape
from typing import Any

from llmscope.render._figures import with_units
from llmscope.render._plot import figures, strokes
from llmscope.render._safe import one_line
from llmscope.render._times import local
from llmscope.result import Series

STYLESHEET = """
:root { --ink: #16202c; --soft: #5a6775; --line: #dfe4ea; --paper: #ffffff; --wash: #f5f7f9; --accent: #1f5fa8;
  --breach: #b3261e; --warning: #8a5a00; --info: #1f5fa8; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6eaef; --soft: #9aa7b4; --line: #303a45; --paper: #14191f; --wash: #1b222a; --accent: #6fa8e8;
    --breach: #ff8a80; --warning: #f2b84b; --info: #6fa8e8; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
main { max-width: 76rem; margin: 0 auto; padding: 2.5rem 1.5rem 4rem; }
.brand { margin: 0; color: var(--soft); font-size: .8rem; letter-spacing: .02em; }
h1 { margin: .1rem 0 1.5rem; font-size: 1.75rem; line-height: 1.25; font-weight: 650; text-wrap: balance;
  overflow-wrap: anywhere; }
h2 { margin: 2.25rem 0 .6rem; font-size: 1.05rem; font-weight: 650; overflow-wrap: anywhere; }
.tiles { display: flex; flex-wrap: wrap; gap: .5rem 3rem; margin: 0 0 1.75rem; }
.tiles div { min-width: 7rem; }
.tiles dt { color: var(--soft); font-size: .85rem; }
.tiles dd { margin: 0; font-size: 1.6rem; font-weight: 600; line-height: 1.25; font-variant-numeric: tabular-nums; }
.findings { list-style: none; margin: 0 0 1.75rem; padding: 0; display: grid; gap: .5rem; }
.findings li { display: flex; gap: .75rem; padding: .6rem .9rem; background: var(--wash); border-radius: 6px;
  border-left: 4px solid var(--tone); }
.findings strong { color: var(--tone); flex: 0 0 5rem; }
.findings span { overflow-wrap: anywhere; }
.breach { --tone: var(--breach); } .warning { --tone: var(--warning); } .info { --tone: var(--info); }
.frame { overflow-x: auto; }
.frame:focus-visible { outline: 2px solid var(--accent); outline-offset: 4px; }
table { border-collapse: collapse; min-width: min(100%, 44rem); font-variant-numeric: tabular-nums; }
caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
th, td { padding: .5rem .75rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { padding-left: .25rem; }
th:last-child, td:last-child { padding-right: .25rem; }
thead th { color: var(--soft); font-size: .82rem; font-weight: 600; vertical-align: bottom;
  border-bottom: 2px solid var(--line); }
thead th:not(.n) { overflow-wrap: anywhere; min-width: 5rem; max-width: 26rem; }
tbody th { font-weight: 500; }
tbody th, tbody td { overflow-wrap: anywhere; min-width: 9rem; max-width: 26rem; }
tbody tr:hover { background: var(--wash); }
tbody tr:last-child > * { border-bottom: 0; }
tfoot th, tfoot td { font-weight: 650; border-top: 2px solid var(--ink); border-bottom: 0; }
th.n, td.n { text-align: right; }
tbody td.n, tfoot td.n { white-space: nowrap; min-width: 0; }
[data-unknown] { color: var(--soft); }
.bar { display: block; width: 100%; min-width: 3.5rem; height: 3px; margin-top: .2rem; background: var(--line); }
.bar rect { fill: var(--accent); }
.run { color: var(--accent); font: .8rem/1 ui-monospace, Menlo, Consolas, monospace; white-space: nowrap; }
.empty { padding: 1.25rem; background: var(--wash); border-radius: 6px; color: var(--soft); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(22rem, 100%), 1fr)); gap: 1.5rem 2.5rem;
  margin-top: 2.25rem; }
figure { margin: 0; }
figcaption { display: flex; justify-content: space-between; gap: 1rem; font-weight: 600; overflow-wrap: anywhere; }
figcaption span, .ends { color: var(--soft); font-size: .82rem; font-weight: 400; font-variant-numeric: tabular-nums; }
.chart { display: block; width: 100%; height: 7rem; margin-top: .4rem; overflow: visible; }
.chart path { fill: none; stroke: var(--accent); stroke-width: 2; stroke-linejoin: round; stroke-linecap: round;
  vector-effect: non-scaling-stroke; }
.chart line { stroke: var(--line); vector-effect: non-scaling-stroke; }
.ends { display: flex; justify-content: space-between; gap: 1rem; }
footer { margin-top: 2.5rem; border-top: 1px solid var(--line); color: var(--soft); font-size: .85rem; }
footer h2 { margin: 1rem 0 .35rem; font-size: .85rem; color: var(--ink); }
footer ul { margin: 0; padding-left: 1.1rem; }
footer li { margin: .2rem 0; max-width: 60rem; overflow-wrap: anywhere; }
pre { overflow-x: auto; padding: 1rem; background: var(--wash); border-radius: 6px;
  font-size: .82rem; line-height: 1.45; }
@media (max-width: 40rem) { main { padding: 1.25rem 1rem 3rem; } .findings li { display: block; } }
@page { size: landscape; margin: 14mm; }
@media print {
  :root { --ink: #000; --soft: #444; --line: #bbb; --paper: #fff; --wash: #fff; --accent: #1f5fa8;
    --breach: #b3261e; --warning: #8a5a00; --info: #1f5fa8; }
  body { font-size: 10pt; } main { max-width: none; padding: 0; }
  .frame { overflow: visible; } tr, li, figure { break-inside: avoid; } thead { display: table-header-group; }
  tfoot { display: table-row-group; } pre { white-space: pre-wrap; }
}
"""

_WIDTH = 400
_HEIGHT = 100


def chart(series: Series, zone: tzinfo) -> str:
    """A line over time, its range in words beside its name; what is unknown is a gap."""
    ys = figures(series)
    known = [y for y in ys if y is not None]
    name = escape(one_line(series.name))
    if not known:
        return f"<figure><figcaption>{name}<span>no figures</span></figcaption></figure>\n"
    write = with_units(series.kind, known)
    span = f"{escape(write(min(known)))} to {escape(write(max(known)))}"
    ends = [escape(_at(x, zone)) for x in (series.x[0], series.x[-1])] if series.x else ["", ""]
    lines = "".join(f'<path d="{_path(stroke)}"/>' for stroke in strokes(ys, _WIDTH, _HEIGHT))
    return (
        f"<figure>\n<figcaption>{name}<span>{span}</span></figcaption>\n"
        f'<svg class=chart viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{name}: {span}, {ends[0]} to {ends[1]}">'
        f'<line x1="0" x2="{_WIDTH}" y1="{_HEIGHT}" y2="{_HEIGHT}"/>{lines}</svg>\n'
        f"<div class=ends><span>{ends[0]}</span><span>{ends[1]}</span></div>\n</figure>\n"
    )


def _path(stroke: list[tuple[float, float]]) -> str:
    """A point alone is drawn as a dot: a line of no length with round ends."""
    points = " L".join(f"{x:.1f} {y:.1f}" for x, y in stroke)
    return f"M{points}" if len(stroke) > 1 else f"M{points} h0"


def _at(x: Any, zone: tzinfo) -> str:
    """Where on the axis, in the zone shown."""
    if isinstance(x, datetime):
        return f"{local(x, zone):%Y-%m-%d %H:%M}".removesuffix(" 00:00")
    return x.isoformat() if isinstance(x, date) else one_line(str(x))
