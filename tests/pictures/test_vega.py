"""Pictures: every specification is one that Vega-Lite draws, axes bear units, and no text of a log is code."""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from importlib.resources import files
from itertools import combinations
from typing import Any

import pytest

from llmscope.charts import charts_of
from llmscope.render._vega import picture, spec, stacked
from llmscope.render._vega_theme import DARK, LIGHT, PAGE
from llmscope.reported import Chart
from tests.pictures.reports import HOSTILE, changes, days, hostile, spend, value

vl_convert = pytest.importorskip("vl_convert")

CHARTS = [chart for made in (spend(), days(), changes(), value()) for chart in charts_of(made)]
HOSTILE_CHARTS = [chart for section in hostile().sections for chart in section.charts]
GROUNDS = {"light": (LIGHT, ("#ffffff", "#f8fafb")), "dark": (DARK, ("#14191f", "#191f27"))}


def names(chart: Chart) -> str:
    return f"{chart.form} {chart.y.kind}"


@pytest.mark.parametrize("chart", CHARTS, ids=names)
def test_svg_has_its_axes_and_figures(chart: Chart) -> None:
    """The axis bears its measure and its unit, and every row its name."""
    svg = picture(chart, "svg").decode()
    unit = {"usd": "(US$)", "ratio": "(%)", "ms": "(s)"}.get(chart.y.kind, "")

    assert svg.startswith("<svg")
    assert chart.title in svg
    assert f"{chart.y.title[1:]} {unit}".strip() in svg
    if chart.x.kind == "category":
        assert all(x in svg for x in chart.series[0].x)


def test_png_is_no_blank_sheet() -> None:
    """PNG's signature, twice the pixels, and more than a few shades."""
    png = picture(CHARTS, "png")
    shades = set(zlib.decompress(chunks(png)["IDAT"]))

    assert b"\x89PNG\r\n\x1a\n" == png[:8]
    assert int.from_bytes(png[16:20], "big") > 2 * 600
    assert len(shades) > 60


def chunks(png: bytes) -> dict[str, bytes]:
    """A PNG's chunks by their names, those of one name together."""
    found: dict[str, bytes] = {}
    at = 8
    while at < len(png):
        size, name = int.from_bytes(png[at : at + 4], "big"), png[at + 4 : at + 8].decode()
        found[name] = found.get(name, b"") + png[at + 8 : at + 8 + size]
        at += size + 12
    return found


def code_of(node: Any) -> list[str]:
    """Every text of a Vega specification that Vega reads as an expression."""
    if isinstance(node, dict):
        own = [node[key] for key in ("signal", "expr", "update", "init", "test") if isinstance(node.get(key), str)]
        return own + [text for value in node.values() for text in code_of(value)]
    return [text for value in node for text in code_of(value)] if isinstance(node, list) else []


@pytest.mark.parametrize("chart", HOSTILE_CHARTS, ids=names)
def test_no_text_of_a_log_is_an_expression(chart: Chart) -> None:
    """Compiled to Vega, what is read as code holds nothing of the log; in SVG it is escaped text."""
    for theme in (spec(chart), spec(chart, PAGE)):
        compiled = vl_convert.vegalite_to_vega(theme, vl_version="6.4")
        code = " ".join(code_of({k: v for k, v in compiled.items() if k != "data"}))
        code += " ".join(code_of([one.get("transform", []) for one in compiled["data"]]))
        assert "harmed" not in code
    svg = picture(chart, "svg").decode()

    assert "<script" not in svg
    assert "<img" not in svg
    assert not set(map(chr, range(32))) & set(svg) - {"\n"}


def test_bars_begin_at_zero() -> None:
    """Lengths are compared, so nothing is cut off below them."""
    for chart in CHARTS:
        drawn = json.dumps(spec(chart))
        if chart.form in ("bar", "stacked"):
            assert '"zero": false' not in drawn


def test_a_gap_breaks_the_line_and_a_point_between_gaps_is_a_dot() -> None:
    """Days without a figure are null in the data, and the line is told to break there."""
    made = spec(next(chart for chart in CHARTS if chart.form == "line"))
    ys = [row["y"] for row in made["data"]["values"] if row["x"] == "2026-10-04"]

    assert [None, None] == ys
    assert "break-paths-show-domains" == made["config"]["line"]["invalid"]


def test_figures_are_told_as_the_table_writes_them() -> None:
    """What a pointer shows is the table's own text; the axis is in seconds where the table says s."""
    rows = spec(next(c for c in CHARTS if c.form == "line"))["data"]["values"]

    assert "2026-10-02, agent: 1.10 s" in [row["t"] for row in rows]
    assert 1.1 in [row["y"] for row in rows]


def test_several_charts_stand_under_one_another() -> None:
    """Each with its own scales."""
    assert len(CHARTS) == len(stacked(CHARTS)["vconcat"])


def luminance(color: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


# Machado, Oliveira and Fernandes 2009, severity 1: how red-blind, green-blind and blue-blind eyes see linear RGB.
BLIND = {
    "protan": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deutan": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritan": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}


def seen(color: str, eye: str | None) -> tuple[float, float, float]:
    """A colour in CIELAB, as an eye sees it."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    rgb = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    if eye:
        rgb = [min(max(sum(m * c for m, c in zip(row, rgb, strict=True)), 0), 1) for row in BLIND[eye]]
    r, g, b = rgb
    xyz = (
        (0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047,
        0.2126729 * r + 0.7151522 * g + 0.0721750 * b,
        (0.0193339 * r + 0.1191920 * g + 0.9503041 * b) / 1.08883,
    )
    x, y, z = (v ** (1 / 3) if v > 0.008856 else 7.787 * v + 16 / 116 for v in xyz)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


@pytest.mark.parametrize("scheme", GROUNDS)
def test_colours_stand_out_from_their_ground(scheme: str) -> None:
    """3 to 1 at least, as WCAG asks of graphics."""
    colors, grounds = GROUNDS[scheme]
    for ground in grounds:
        for color in colors:
            light, dark = sorted((luminance(color), luminance(ground)), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 3, (color, ground)


@pytest.mark.parametrize("eye", [None, *BLIND])
@pytest.mark.parametrize("scheme", GROUNDS)
def test_the_first_colours_stay_apart_for_every_eye(scheme: str, eye: str | None) -> None:
    """The first four, by a distance of 10 and more in CIELAB; most charts have no more, and lines have dashes too."""
    colors = GROUNDS[scheme][0][:4]
    for one, other in combinations(colors, 2):
        pairs = zip(seen(one, eye), seen(other, eye), strict=True)
        assert sum((a - b) ** 2 for a, b in pairs) ** 0.5 > 10, (one, other)


def test_the_library_in_the_wheel_is_the_one_that_was_bundled() -> None:
    """The script of every report is byte for byte what vl-convert makes of Vega's packages; tabs are written as \\t."""
    kept = gzip.decompress((files("llmscope") / "data" / "vega.js.gz").read_bytes()).decode()

    assert KEPT == hashlib.sha256(kept.encode()).hexdigest()
    assert "</script" not in kept.lower()
    assert "<!--" not in kept
    if (vl_convert.get_vega_version(), vl_convert.get_vega_embed_version()) != ("6.2.0", "7.0.2"):
        pytest.skip("another release of vl-convert bundles another Vega")
    assert kept == vl_convert.javascript_bundle(vl_version="6.4").replace("\t", "\\t")


KEPT = "c67b8023c7c6694212366dfae4cad4a14ce07f3d31a23217ac5d3149a66144fd"


def test_whose_work_it_is() -> None:
    """The licences of the packages stand beside the bundle."""
    notice = (files("llmscope") / "data" / "LICENSE.vega").read_text()

    assert all(f"{name}" in notice for name in ("vega-embed", "vega-lite", "vega-interpreter", "d3-array", "semver"))
    assert "Redistributions in binary form must reproduce the above copyright" in notice


def test_hostile_names_reach_the_data_only_as_values() -> None:
    """Cut, on one line, and with their controls made visible."""
    texts = {row["x"] for row in spec(HOSTILE_CHARTS[0])["data"]["values"]}

    assert len(HOSTILE) == len(texts)
    assert all(len(text) <= 60 for text in texts)
