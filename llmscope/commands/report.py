"""Many answers in one Markdown, HTML or JSON file: what moved and why, money, speed, errors, tokens, quality."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from llmscope.asked import Asked
from llmscope.errors import UsageError
from llmscope.reported import Report

# It is about requests: --since, --until, --tz and --where hold for it.
ASKS_REQUESTS = True


def report(
    asked: Asked,
    logs: tuple[str, ...] = (),
    month: Annotated[str | None, "2026-10; the last whole month of the log by default"] = None,
    template: Annotated[str | None, "monthly, weekly, incident, finance, pr, or a TOML file"] = None,
    baseline: Annotated[str | None, "the window before: 12w, 2026-09 or 2026-08-01..2026-08-31"] = None,
    against: Annotated[str | None, "with --template pr: the log to compare with (main's)"] = None,
    assets: Annotated[Path | None, "of Markdown: a folder for its charts as pictures"] = None,
    pictures: Annotated[str, "of --assets: svg or png"] = "svg",
    github: Annotated[bool, "write to $GITHUB_STEP_SUMMARY, and annotations to stdout"] = False,
) -> Report:
    """Many answers in one file; see the module's words."""
    from llmscope.report.ask import looked_at
    from llmscope.report.compose import compose
    from llmscope.report.template import template_of
    from llmscope.report.times import asked_window

    if pictures not in ("svg", "png"):
        raise UsageError(f"--pictures {pictures!r} is none", hint="svg or png")
    if github:
        from llmscope.commands._github import summary_path

        summary_path()
    chosen = template_of(template, asked.config.report, asked.config.path)
    if against:
        if len(logs) != 1:
            raise UsageError(
                "--against compares one log with another", hint="llmscope report B.jsonl --against A.jsonl"
            )
        asked.paths = (against, *logs)
    window = asked_window(month, asked.get("since"), asked.get("until"), asked.get("tz", "UTC"))
    tables, unread, words, texts = looked_at(chosen)
    asked.options["by"], asked.raw_text = words, texts
    with asked.open(tables, unread) as opened:
        if asked.get("fail_if", ()) and opened.report and opened.report.failed and opened.report.failed[0].error:
            raise opened.report.failed[0].error  # a gate is not passed on half of the data
        opened.window = window
        source = asked.get("cost_source", "auto")
        return compose(opened, chosen, baseline, repeated(asked), source, bool(asked.options.get("sql")))


def repeated(asked: Asked) -> list[str]:
    """What of the command line every section's own command repeats."""
    words = [] if asked.get("tz", "UTC") == "UTC" else ["--tz", str(asked.get("tz"))]
    words += ["--where", str(asked.options["where"])] if asked.options.get("where") else []
    for name in ("store", "pricing", "source", "source_tz", "config"):
        words += [f"--{name.replace('_', '-')}", str(asked.options[name])] if asked.options.get(name) else []
    words += ["--with-store"] if asked.options.get("with_store") else []
    words += [word for one in asked.options.get("map") or () for word in ("--map", str(one))]
    return [*words, *asked.paths]
