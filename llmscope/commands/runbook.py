"""What a failure means, what to look at in the log, and what to do: runbook CLASS."""

from __future__ import annotations

import textwrap
from typing import Annotated

from llmscope.commands._runbook import ENTRIES, Entry
from llmscope.errors import unknown_name
from llmscope.result import Column, Result

# Beside the section's name on 80 columns; and what tells the shell that a line goes on.
ROOM, GOES_ON = 70, " \\"


def runbook(
    failure: Annotated[
        str | None, "a class of failure, as `llmscope errors` names it; without it, all", "argument"
    ] = None,
) -> Result:
    """The entry of one class, or what every class means."""
    if failure is None:
        columns = (Column("class", "text", "dimension"), Column("meaning", "text"))
        rows = tuple({"class": name, "meaning": entry.meaning} for name, entry in ENTRIES.items())
        notes = ("llmscope runbook CLASS says what to look at and what to do", "llmscope errors counts them in a log")
        return Result("runbook", columns, rows, title="Runbook", notes=notes)
    name = failure.strip().lower().replace("-", "_").replace(" ", "_")
    if name not in ENTRIES:
        raise unknown_name("class of failure", failure, ENTRIES)
    columns = (Column("section", "text", "dimension"), Column("text", "text"))
    rows = tuple({"section": section, "text": text} for section, text in lines(ENTRIES[name]))
    note = "the commands ask the store; name log files at their end to ask those, --since 7d for the last week"
    return Result("runbook", columns, rows, title=f"Runbook: {name}", notes=(note,))


def lines(entry: Entry) -> list[tuple[str, str]]:
    """An entry as it is read from top to bottom, in lines that a terminal of 80 columns shows whole."""
    checks = [pair for why, command in entry.check for pair in (("check", wrap(why)), ("run", wrap_command(command)))]
    said = [("now", wrap(text)) for text in entry.now] + [("later", wrap(text)) for text in entry.later]
    return [(section, line) for section, texts in (("meaning", wrap(entry.meaning)), *checks, *said) for line in texts]


def wrap_command(command: str) -> list[str]:
    """A command line for the shell in several lines: an end of line between quotes is a space to SQL as well."""
    texts = wrap(command, ROOM - len(GOES_ON))
    ends = ["" if odd else GOES_ON for odd in (" ".join(texts[: i + 1]).count('"') % 2 for i in range(len(texts)))]
    return [f"{text}{end}" for text, end in zip(texts, [*ends[:-1], ""], strict=True)]


def wrap(text: str, room: int = ROOM) -> list[str]:
    """Broken at spaces alone."""
    return textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False)
