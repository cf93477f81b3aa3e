"""The bytes of every format are golden; WRITE_GOLDEN=1 writes them anew, for a person to read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from llmscope.render import FORMATS, View, render
from llmscope.result import Result

GOLDEN = Path(__file__).parent / "golden"
VIEWS = {
    "table_60": ("table", View(width=60)),
    "table_80": ("table", View(width=80, show_sql=True)),
    "table_120": ("table", View(width=120)),
    "table_ascii": ("table", View(width=80, unicode=False)),
    "table_color": ("table", View(width=80, color=True, columns=("feature", "cost_usd"))),
    "plain": ("plain", View(show_sql=True)),
    "json": ("json", View()),
    "jsonl": ("jsonl", View()),
    "csv": ("csv", View()),
    "md": ("md", View(show_sql=True)),
    "html": ("html", View(show_sql=True)),
}


@pytest.mark.parametrize("name", VIEWS)
def test_the_bytes_are_golden(name: str, answer: Result) -> None:
    """A format's output changes only when somebody means it to."""
    format, view = VIEWS[name]
    expected = GOLDEN / f"{name}.txt"
    actual = "".join(render(answer, format, view))
    if os.environ.get("WRITE_GOLDEN"):
        expected.write_bytes(actual.encode())

    assert expected.read_bytes() == actual.encode()


def test_every_format_has_golden_bytes() -> None:
    """A new output is not done before its bytes are held."""
    assert set(FORMATS) == {format for format, _ in VIEWS.values()}
