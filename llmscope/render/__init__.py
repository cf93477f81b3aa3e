"""Draws a Result: one file an output, found by its name; a format's module is imported when it is asked for."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from llmscope.errors import UsageError, unknown_name
from llmscope.reported import Report
from llmscope.result import Result

FORMATS: tuple[str, ...] = tuple(sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_")))

# Other endings of a file's name; a format's own name is always one, save for those that are meant for a screen.
_OTHER_SUFFIXES = {"txt": "plain", "text": "plain", "ndjson": "jsonl", "markdown": "md", "htm": "html"}
_FOR_SCREENS = ("table", "plain")
_ONE_TABLE = ("csv", "jsonl")
# A report's formats, and the private file that draws each.
_OF_REPORTS = {"md": "md", "json": "json", "html": "html", "table": "text", "plain": "text"}


@dataclass(frozen=True, slots=True)
class View:
    """How the answer is to be shown: `width` None is as wide as it needs, `columns` None is all of them."""

    width: int | None = None
    color: bool = False
    columns: tuple[str, ...] | None = None
    show_sql: bool = False
    unicode: bool = True
    assets: str | None = None  # where a report's pictures lie, as its own file would name the folder
    pictures: str = "svg"


def render(result: Result, format: str, view: View) -> Iterator[str]:
    """The text of `result` in `format`, piece by piece.

    Raises:
        UsageError: there is no such format, or `view.columns` names a column the result does not have.
    """
    if format not in FORMATS:
        raise unknown_name("format", format, FORMATS)
    pieces: Iterator[str] = importlib.import_module(f"{__name__}.{format}").render(result, view)
    return pieces


def render_report(report: Report, format: str, view: View) -> Iterator[str]:
    """The text of a whole report in `format`, piece by piece.

    Raises:
        UsageError: a report has no such format.
    """
    if format not in _OF_REPORTS:
        raise (
            UsageError(f"a report is no {format}", hint="md, html or json; or one answer of it: llmscope cost -f csv")
            if format in FORMATS
            else unknown_name("format", format, _OF_REPORTS)
        )
    drawing = importlib.import_module(f"{__name__}._report_{_OF_REPORTS[format]}")
    pieces: Iterator[str] = drawing.render(report, view)
    return pieces


def format_of(path: Path) -> str:
    """The format that a file's suffix asks for.

    Raises:
        UsageError: the suffix is no format's.
    """
    known = {name: name for name in FORMATS if name not in _FOR_SCREENS} | _OTHER_SUFFIXES
    suffix = path.suffix.removeprefix(".").lower()
    if suffix not in known:
        listed = ", ".join(f".{name}" for name in sorted(known))
        raise UsageError(
            f"no output format is known for {str(path)!r}", hint=f"end its name in {listed}, or say --format"
        )
    return known[suffix]


def left_out(result: Result, format: str) -> str | None:
    """What `format` has no place for in this result, in a sentence for stderr; None when it holds the whole answer."""
    if format not in _ONE_TABLE or not result.columns or not result.parts:
        return None
    return f"{format} holds the first table only; {', '.join(result.parts)} stand in --format json"
