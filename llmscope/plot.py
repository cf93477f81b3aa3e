"""--plot: an answer's pictures in one file, one under another, PNG or SVG by its suffix."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from llmscope.errors import LlmscopeError, UsageError
from llmscope.result import Result
from llmscope.written import write

# What makes a figure into a picture, for the questions that have such an option.
WAYS = (("over", "--over day draws it over time"), ("by", "--by feature beside each other"))


def checked(path: Path, output: Path | None) -> str:
    """The format a file's suffix asks for, known to be drawable before the question is asked.

    Raises:
        LlmscopeError: no such format, the answer's own file, or nothing that draws is installed.
    """
    from llmscope.render import _vega

    suffix = path.suffix.removeprefix(".").lower()
    if suffix not in _vega.SUFFIXES:
        raise UsageError(f"--plot draws no {str(path)!r}", hint="end its name in .png or .svg")
    if output is not None and path.absolute() == output.absolute():
        raise UsageError("--plot and -o name one file: the picture would take the answer's place")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"{path.parent}: there is no such folder for --plot")
    _vega.library()
    return suffix


def draw(
    path: Path, suffix: str, result: Result, columns: tuple[str, ...] | None, function: Callable[..., Any]
) -> None:
    """Writes the picture.

    Raises:
        LlmscopeError: the answer has nothing that could be drawn, or the file cannot be written.
    """
    from llmscope.charts import charts_of
    from llmscope.render._vega import picture

    charts = charts_of(result, None, columns)
    if not charts:
        options = inspect.signature(function).parameters
        ways = [said for name, said in WAYS if name in options]
        lacking = "no rows" if not result.rows else "nothing over time and no two rows to compare"
        raise LlmscopeError(f"nothing to draw: this answer has {lacking}", hint=", ".join(ways) or None)
    write(path, picture([replace(chart, title=titled(chart.title, result.command)) for chart in charts], suffix))


def titled(title: str, command: str) -> str:
    """A title that says of what it is where the picture stands alone: `Latency: p50, p95 by feature`."""
    if command.lower() in title.lower():
        return title
    inner = title[:1].lower() + title[1:] if title[1:2].islower() else title
    return f"{command[:1].upper()}{command[1:]}: {inner}"
