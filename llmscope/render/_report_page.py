"""The head and the foot of a report's file: its policy, its one stylesheet, and the scripts that draw and sort."""

from __future__ import annotations

import base64
import gzip
import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from llmscope.render._page import STYLESHEET
from llmscope.render._page_tables import text_of
from llmscope.render._vega_theme import DARK, LIGHT

LIBRARY = "vega.js.gz"


def top(title: str) -> str:
    """Everything is refused that is not in the file: scripts and style are known by their hashes, no eval."""
    allowed = " ".join(map(digest, (library(), script())))
    policy = (
        f"default-src 'none'; script-src {allowed}; style-src {digest(stylesheet())}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<meta name="referrer" content="no-referrer">\n'
        f"<title>{text_of(title)}</title>\n<style>{stylesheet()}</style>\n</head>\n<body>\n"
    )


def bottom(drawn: bool) -> Iterator[str]:
    """The library only where there is a chart; the tables' own script always."""
    if drawn:
        yield f"<script>{library()}</script>\n"
    yield f"<script>{script()}</script>\n</body>\n</html>\n"


def digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def stylesheet() -> str:
    """The look of every page, what a report has besides, and the colours of its charts by number."""
    variables = [" ".join(f"--c{i}: {color};" for i, color in enumerate(colors)) for colors in (LIGHT, DARK)]
    light, dark = variables
    hues = f":root {{ {light} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"
    hues += f"@media print {{ :root {{ {light} }} }}\n"
    keys = "".join(
        f"line.k{i} {{ stroke: var(--c{i}); }} rect.k{i} {{ fill: var(--c{i}); }}\n" for i in range(len(LIGHT))
    )
    return STYLESHEET + hues + keys + asset("report.css").decode()


@cache
def script() -> str:
    return asset("report.js").decode()


@cache
def library() -> str:
    """Vega, Vega-Lite and Vega-Embed as vl-convert bundles them; LICENSE.vega names who wrote them."""
    return gzip.decompress(asset(LIBRARY)).decode()


def asset(name: str) -> bytes:
    return (files("llmscope") / "data" / name).read_bytes()
