"""A report in a GitHub workflow: the step's summary, cut below its limit, and annotations, worst first."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from llmscope.errors import LlmscopeError, UsageError
from llmscope.reported import Report, Told

SUMMARY = "GITHUB_STEP_SUMMARY"
# What GitHub takes of a step's summary, in bytes of UTF-8; annotations of a step, of all kinds.
LIMIT = 1 << 20
MOST_ANNOTATIONS = 10
WORDS = {"breach": "error", "warning": "warning", "info": "notice"}
LONGEST = 4_000


def summary_path() -> Path:
    """Where a step's summary goes.

    Raises:
        UsageError: this is no step of a workflow.
    """
    path = os.environ.get(SUMMARY)
    if not path:
        raise UsageError(
            f"--github writes to ${SUMMARY}, which is not set",
            hint="it is set in a workflow's step; elsewhere: -o FILE.md",
        )
    return Path(path)


def write_summary(blocks: Iterator[list[str]]) -> str | None:
    """Appends the report to the step's summary, cut below its limit; says so where it was cut.

    Raises:
        LlmscopeError: the file cannot be written.
    """
    path = summary_path()
    try:
        there = path.stat().st_size if path.exists() else 0
        pieces = list(blocks)
        kept = cut(pieces, LIMIT - there)
        with path.open("ab") as out:
            out.write(kept.encode())
    except OSError as error:
        raise LlmscopeError(f"{path}: cannot be written: {error.strerror or error}") from error
    whole = sum(size(block) for block in pieces)
    return (
        None if len(kept.encode()) == whole else f"{path}: cut at 1 MiB, which is what GitHub takes of a step's summary"
    )


def cut(pieces: Sequence[list[str]], room: int) -> str:
    """As much of the report as there is room for: whole sections, of the first that is too large whole lines."""
    if sum(size(block) for block in pieces) <= room:
        return "".join(text for block in pieces for text in block)
    kept: list[str] = []
    left, places = room - len(note(len(pieces), len(pieces)).encode()), len(pieces)
    for place, block in enumerate(pieces):
        if size(block) <= left:
            kept += block
            left -= size(block)
            continue
        fitting = list(lines_within(block, left))
        kept += fitting
        return "".join(kept) + note(places - place, places) if room > len(note(places, places).encode()) else ""
    return "".join(kept)


def lines_within(block: Sequence[str], room: int) -> Iterator[str]:
    """The lines of a block that fit; code that was begun is ended."""
    lines = "".join(block).splitlines(keepends=True)
    used, fence = 0, ""
    for line in lines:
        used += len(line.encode())
        if used > room - 16:
            yield f"{fence}\n" if fence else ""
            return
        if line.startswith("```"):
            fence = "" if fence else line[: len(line) - len(line.lstrip("`"))]
        yield line


def note(lost: int, of: int) -> str:
    """What was cut, and where the whole is."""
    return (
        f"\nCut here: GitHub takes 1 MiB of a step's summary; the last {lost:,} of {of:,} pieces are left out, or cut. "
        "The whole report: llmscope report -o report.md (or .html), uploaded as an artifact.\n"
    )


def size(block: Sequence[str]) -> int:
    return sum(len(text.encode()) for text in block)


def announced(report: Report) -> Iterator[str]:
    """At most ten, worst first: each of them one line that GitHub reads."""
    for finding in report.findings[:MOST_ANNOTATIONS]:
        title = next((s.title for s in report.sections if s.name == finding.section), report.title)
        yield annotation(finding, title)


def annotation(finding: Told, title: str) -> str:
    """`::warning title=Errors::text`, with what would end a property or the line escaped as GitHub has it."""
    text = finding.text if len(finding.text) <= LONGEST else finding.text[: LONGEST - 1] + "…"
    named = escaped(title).replace(":", "%3A").replace(",", "%2C")
    return f"::{WORDS[finding.severity]} title={named}::{escaped(text)}\n"


def escaped(text: str) -> str:
    """GitHub's own escapes; other signs that a terminal would obey are made visible."""
    from llmscope.render._safe import one_line

    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "%0A".join(one_line(line).replace("%", "%25") for line in lines)
