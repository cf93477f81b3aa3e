"""The runbook: an entry for every class of failure, and every command line in it runs."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from llmscope.commands._runbook import ENTRIES
from llmscope.commands.runbook import lines, wrap_command
from tests.commands.conftest import Run

# The classes of schema.py's error_class, and the silent ones of `llmscope errors --silent`.
CLASSES = {
    "input_validation", "authentication", "rate_limit", "quota", "context_length", "content_safety", "timeout",
    "overloaded", "inference", "network", "server", "cancelled", "other",
    "truncated", "refused", "empty", "content_filter",
}  # fmt: skip


def test_every_class_has_an_entry(run: Run) -> None:
    """Without a class all are listed, each with what it means."""
    rows = run("runbook", "-f", "json").rows

    assert {row["class"] for row in rows} == CLASSES
    assert all(row["meaning"] for row in rows)


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_an_entry_is_whole(name: str, run: Run) -> None:
    """Meaning, at least two checks each with its command, what to do now and later; nothing is cut on 80 columns."""
    done = run("runbook", name, "-f", "table", "--width", "80")
    sections = [section for section, _ in lines(ENTRIES[name])]

    assert done.code == 0
    assert "…" not in done.out
    assert {"meaning", "check", "run", "now", "later"} == set(sections)
    assert len(ENTRIES[name].check) >= 2


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_its_commands_run(name: str, run: Run, store: Path) -> None:
    """As printed, line ends and all, over a store."""
    for _, command in ENTRIES[name].check:
        # A shell takes a backslash at an end of line for nothing; shlex does not.
        words = shlex.split("\n".join(wrap_command(command)).replace("\\\n", ""))
        assert [word.split() for word in words] == [word.split() for word in shlex.split(command)]
        done = run(*words[1:], "-q")
        assert (words[0], done.code) == ("llmscope", 0), (command, done.err)


def test_an_unknown_class_names_the_nearest(run: Run) -> None:
    """Exit 2; other spellings of a known one are understood."""
    done = run("runbook", "rate_limt")

    assert done.code == 2
    assert "did you mean rate_limit" in done.err
    assert run("runbook", "Rate-Limit").code == 0


@pytest.mark.parametrize("format", ["table", "plain", "json", "jsonl", "csv", "md", "html"])
def test_every_format(format: str, run: Run) -> None:
    """Rows of section and text."""
    done = run("runbook", "quota", "-f", format)

    assert done.code == 0
    assert "credits" in done.out
    if format == "json":
        assert list(json.loads(done.out)["rows"][0]) == ["section", "text"]
