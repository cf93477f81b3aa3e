"""Colours of pictures: eight that stay apart for colour-blind eyes, each at least 3 to 1 against its ground."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# Okabe and Ito's hues, darkened for a light ground and lightened for a dark one; the last is for what is left over.
LIGHT = ("#0072b2", "#d55e00", "#00876c", "#a94786", "#8a6d00", "#2f8fc4", "#5b4fb5", "#7a4a2b", "#7d8793")
DARK = ("#56b4e9", "#f0883e", "#2fc49b", "#e08cc0", "#e0c040", "#9bd0f5", "#a99cf5", "#d0a07c", "#8c97a3")
DASHES = ([1, 0], [7, 3], [2, 2], [9, 3, 2, 3], [1, 0], [7, 3], [2, 2], [9, 3, 2, 3], [1, 0])
FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif'
# A ninth line has no colour of its own.
MOST = len(LIGHT)


@dataclass(frozen=True, slots=True)
class Theme:
    """What a picture is drawn with: literal colours in a file, the page's own variables in HTML."""

    ink: str
    soft: str
    grid: str
    ground: str | None
    colors: tuple[str, ...]
    width: int | str
    labels: int  # pixels that a row's name may take
    titled: bool  # in a page, title and legend are the page's own


FILE = Theme("#16202c", "#5a6775", "#dfe4ea", "#ffffff", LIGHT, 680, 260, True)
PAGE = Theme(
    "var(--ink)",
    "var(--soft)",
    "var(--line)",
    None,
    tuple(f"var(--c{i})" for i in range(MOST)),
    "container",
    150,
    False,
)


def color(place: int, name: str, theme: Theme) -> str:
    """The colour of a line; what is left over is grey."""
    return theme.colors[-1] if name == "other" else theme.colors[place % (MOST - 1)]


def config(theme: Theme) -> dict[str, Any]:
    """How axes, titles and legends look."""
    text = {"labelColor": theme.soft, "titleColor": theme.soft, "labelFontSize": 11, "titleFontSize": 11}
    axis = {
        **text, "titleFontWeight": 400, "domainColor": theme.grid, "tickColor": theme.grid, "gridColor": theme.grid,
        "labelPadding": 6, "titlePadding": 10,
    }  # fmt: skip
    return {
        "font": FONT, "background": theme.ground, "view": {"stroke": None}, "aria": False, "axis": axis,
        "title": {"color": theme.ink, "fontSize": 14, "fontWeight": 600, "anchor": "start", "offset": 12,
                  "frame": "group"},
        "legend": {**text, "orient": "bottom", "labelLimit": 220, "symbolSize": 90, "title": None},
        "line": {"invalid": "break-paths-show-domains"}, "area": {"invalid": "break-paths-show-domains"},
        "locale": {"number": {"decimal": ".", "thousands": ",", "grouping": [3], "currency": ["$", ""], "minus": "-"}},
    }  # fmt: skip
