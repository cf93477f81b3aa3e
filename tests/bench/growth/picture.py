"""growth.svg and growth.png: rows against seconds, both by powers of ten, a line a command, engine or peer.

The seconds are those of the processor: on a machine that others use too, they are what repeats.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from growth.results import Entry, middle

# Okabe and Ito's colours, told apart by most eyes; shapes and dashes tell the lines apart without colour.
COLOURS = ["#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F"]
SHAPES = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right", "stroke"]
FIRST = ("llmscope", "DuckDB file", "lake, DuckDB", "lake, Spark")
TITLES = {"load": "load", "cost": "cost --by feature", "latency": "latency --by feature", "drift": "drift",
          "report": "report", "peers": "cost by feature, straight from the JSONL"}  # fmt: skip


def points(entries: list[Entry]) -> list[dict[str, Any]]:
    """A point an entry that ended well: its panel, its line, rows and median seconds."""
    made = []
    for e in entries:
        if e["part"] not in ("load", "ask", "peers") or e["end"] != "ok":
            continue
        panel, _, line = e["name"].partition(", ")
        if e["part"] == "load":
            panel, line = "load", "export, file to lake" if e["name"] == "export" else e["name"]
        elif e["part"] == "peers":
            if not e["name"].endswith(", JSONL"):
                continue
            panel, line = "peers", e["name"].removesuffix(", JSONL")
        line = {"file": "DuckDB file", "lake": "lake, DuckDB", "spark": "lake, Spark"}.get(line, line)
        made.append({"panel": panel, "line": line, "rows": e["size"], "seconds": middle(e, "cpu_s")})
    return made


def panel(name: str, shown: list[dict[str, Any]]) -> dict[str, Any]:
    """One chart."""
    there = {p["line"] for p in shown}
    lines = [line for line in FIRST if line in there] + sorted(there - set(FIRST))
    scale = {"domain": lines, "range": COLOURS[: len(lines)]}
    return {
        "title": TITLES[name], "width": 300, "height": 220, "data": {"values": shown},
        "mark": {"type": "line", "point": {"size": 50, "filled": True}, "strokeWidth": 1.5},
        "encoding": {
            "x": {"field": "rows", "type": "quantitative", "scale": {"type": "log", "domain": [1e4, 1e8]},
                  "axis": {"title": "requests (rows)", "values": [1e4, 1e5, 1e6, 1e7, 1e8], "format": "~s"}},
            "y": {"field": "seconds", "type": "quantitative", "scale": {"type": "log", "domain": [0.1, 1000]},
                  "axis": {"title": "processor seconds", "values": [0.1, 1, 10, 100, 1000], "format": "~g"}},
            "color": {"field": "line", "type": "nominal", "scale": scale, "legend": {"title": None}},
            "shape": {"field": "line", "type": "nominal", "scale": {"domain": lines, "range": SHAPES[: len(lines)]}},
        },
    }  # fmt: skip


def chart(entries: list[Entry]) -> dict[str, Any]:
    """All panels, two in a row."""
    every = points(entries)
    panels = [panel(name, [p for p in every if p["panel"] == name]) for name in TITLES]
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "background": "white",
        "concat": [p for p in panels if p["data"]["values"]],
        "columns": 2,
        "resolve": {"scale": {"color": "independent", "shape": "independent"}},
        "config": {"axis": {"gridColor": "#E5E5E5"}, "view": {"stroke": "#BBBBBB"}},
    }


def write(folder: Path) -> None:
    """Both pictures."""
    import vl_convert

    spec = chart(json.loads((folder / "results.json").read_text())["entries"])
    if spec["concat"]:
        (folder / "growth.svg").write_text(vl_convert.vegalite_to_svg(spec))
        (folder / "growth.png").write_bytes(vl_convert.vegalite_to_png(spec, scale=2))
