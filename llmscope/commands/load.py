"""Read logs into the store: incremental, idempotent, each file in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from llmscope.asked import Asked
from llmscope.errors import LlmscopeError, UsageError
from llmscope.result import Column, Coverage, Finding, Result

if TYPE_CHECKING:
    from llmscope.load import FileReport, LoadReport

MEMORY = "320MB"
COLUMNS = (
    Column("file", "text", "dimension"),
    Column("source", "text"),
    Column("outcome", "text"),
    Column("lines", "count"),
    Column("loaded", "count"),
    Column("set_aside", "count", optional=True),
    Column("duplicates", "count", optional=True),
    Column("rejected", "count", optional=True),
    Column("blank", "count", optional=True),
)
COUNTED = tuple(c.name for c in COLUMNS if c.kind == "count")


def load(
    asked: Asked,
    logs: tuple[str, ...] = (),
    agent: Annotated[
        list[str] | None,
        "sessions of a coding agent on this machine (repeatable): claude-code, codex, gemini-cli, opencode or llm",
    ] = None,
) -> Result:
    """Read logs into the store: incremental, idempotent, each file in one transaction."""
    if agent:
        from llmscope.load.agents import sessions

        logs = (*logs, *(str(path) for name in agent for path in sessions(name)))
    if not logs:
        raise UsageError("load what?", hint="llmscope load FILE, FOLDER, - for standard input, or --agent claude-code")
    report = loaded(asked, logs)
    asked.say(summary(report, asked.store_name))
    return result_of(report)


def loaded(asked: Asked, logs: tuple[str, ...]) -> LoadReport:
    """The files in the store, or in the lake."""
    from llmscope.lake import is_lake
    from llmscope.load import load as load_files

    if is_lake(asked.store_name):
        from llmscope.lake.lake import Lake
        from llmscope.lake.loading import load_into

        lake = Lake.open(asked.store_name, create=True)
        lake.pricing_file = asked.pricing_path
        return load_into(lake, logs, asked.load_options, asked.progress, asked.get("memory"), asked.say)
    store = asked.store(read_only=False)
    if store.memory is None:
        store.memory, store.elastic = MEMORY, True
    try:
        return load_files(store, logs, asked.load_options, asked.progress)
    finally:
        store.close()


def summary(report: LoadReport, store: str) -> str:
    """The one line that is always said."""
    counts = {name: report.total(name) for name in COUNTED}
    skipped = sum(f.outcome == "skipped" for f in report.files)
    files = f"{len(report.files):,} file{'s' * (len(report.files) != 1)}"
    parts = [f"{counts['loaded']:,} row{'s' * (counts['loaded'] != 1)} loaded from {files} into {store}"]
    parts += [
        f"{counts[n]:,} {n.replace('_', ' ').removesuffix('s' * (counts[n] == 1))}"
        for n in ("duplicates", "set_aside", "rejected", "blank")
        if counts[n]
    ]
    parts += [f"{skipped} file{'s' * (skipped != 1)} already loaded"] if skipped else []
    parts += [f"{len(report.failed)} failed"] if report.failed else []
    return "; ".join(parts)


def result_of(report: LoadReport) -> Result:
    """A row a file, and what each has to say."""
    from llmscope.load.notes import gathered

    rows = tuple(row_of(f) for f in report.files)
    totals = {c.name: report.total(c.name) if c.name in COUNTED else None for c in COLUMNS}
    notes = tuple(gathered(report.files))
    errors = tuple(Finding("failed", "warning", message(f.error)) for f in report.failed if f.error)
    if report.total("rejected"):
        notes += ("llmscope store rejects shows the lines that could not be read",)
    requests = sum(f.loaded for f in report.files if f.of_requests)
    coverage = Coverage(requests, None, None, report.total("rejected"), report.total("duplicates"))
    return Result("load", COLUMNS, rows, totals, findings=errors, notes=notes, coverage=coverage)


def message(error: LlmscopeError) -> str:
    from llmscope.redact import redact

    return redact(f"{error.message} ({error.hint})" if error.hint else error.message)


def row_of(file: FileReport) -> dict[str, object]:
    return {"file": file.path, "source": file.source, "outcome": file.outcome, **{n: getattr(file, n) for n in COUNTED}}
