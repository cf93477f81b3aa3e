"""stdout and stderr: what is shown where, in which format and colour, and what is said beside the answer."""

from __future__ import annotations

import inspect
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from llmscope.asked import ALL_TABLES, Asked
from llmscope.errors import LlmscopeError, PipeClosed, UsageError
from llmscope.reported import Report
from llmscope.result import Result
from llmscope.written import write

COLORS = ("auto", "always", "never")


def deliver(
    name: str, function: Callable[..., Any], mine: dict[str, Any], shared: Mapping[str, Any], paths: tuple[str, ...]
) -> None:
    """Runs a command, shows its result, and judges its gates.

    Raises:
        LlmscopeError: whatever went wrong, or the gate that was not passed.
    """
    quiet = bool(shared.get("quiet"))
    bar = Progress() if not quiet and sys.stderr.isatty() else None
    asked = Asked(paths, dict(shared), silent if quiet and name != "load" else say, bar)
    asked.keep_bounds()
    gates = asked.get("fail_if", ())
    least = asked.get("min_coverage")
    place(function, mine, asked)
    how = view_of(asked)
    plot = asked.options.get("plot")
    if plot:
        from llmscope.plot import checked, draw

        drawn_as = checked(plot, asked.options.get("output"))
    result, judged = answer(function, {n: v for n, v in mine.items() if n != "logs"}, asked, bool(gates))
    if bar:
        bar.close()
    if isinstance(result, Report):
        hand_over(result, mine, asked, how)
        return
    verdict = None
    if gates or least is not None:
        from llmscope.gates import judge

        verdict = judge(judged, list(gates), least)
    show(result, asked, how)
    if plot:
        try:
            draw(plot, drawn_as, result, how[1].columns, function)
        except LlmscopeError as problem:
            if verdict is None:
                raise
            error(problem)  # a gate that was not passed says so as the exit code
    if failed := next((f for f in result.findings if f.kind == "failed"), None):
        raise LlmscopeError(failed.text) if len(result.rows) == 1 else LlmscopeError("some files could not be read")
    if verdict:
        raise verdict


def hand_over(report: Report, mine: Mapping[str, Any], asked: Asked, how: tuple[str, Any]) -> None:
    """Shows a report, posts it where that was asked for, and judges its gates.

    Raises:
        LlmscopeError: it cannot be written, or a gate was not passed.
    """
    from llmscope.render import render_report
    from llmscope.report.judged import judge

    gates, least = asked.get("fail_if", ()), asked.get("min_coverage")
    verdict = judge(report, list(gates), least) if gates or least is not None else None
    path, (name, view) = asked.options.get("output"), how
    if mine.get("assets"):
        if name != "md":
            raise UsageError("--assets goes with Markdown (-o FILE.md): HTML holds its charts itself")
        view = replace(view, **with_pictures(report, mine, path))
    if mine.get("github"):
        from llmscope.commands import _github
        from llmscope.render._report_md import blocks_of

        if lost := _github.write_summary(blocks_of(report, replace(view, assets=None))):
            say(lost)
        put(_github.announced(report))
    if path:
        write(path, "".join(render_report(report, name, view)))
    elif not mine.get("github"):
        put(render_report(report, name, view))
    if verdict:
        raise verdict


def with_pictures(report: Report, mine: Mapping[str, Any], path: Path | None) -> dict[str, str]:
    """Writes the pictures of a report into their folder; what its links need to know.

    Raises:
        LlmscopeError: the folder cannot be made, or a file of it not be written.
    """
    from llmscope.render._report_assets import pictures

    folder = Path(mine["assets"])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, picture in pictures(report, mine["pictures"]):
            (folder / name).write_bytes(picture)
    except OSError as error:
        raise LlmscopeError(f"{folder}: cannot be written: {error.strerror or error}") from error
    beside = path.parent if path else Path.cwd()
    return {"assets": os.path.relpath(folder, beside).replace(os.sep, "/"), "pictures": mine["pictures"]}


def place(function: Callable[..., Result], mine: dict[str, Any], asked: Asked) -> None:
    """Where it goes: `--out` is another word for -o; a question that writes rows itself (WRITES) takes either.

    Raises:
        UsageError: they name two files.
    """
    if "out" not in inspect.signature(function).parameters:
        return
    own, shared = mine.get("out"), asked.options.get("output")
    if own and shared and Path(own) != shared:
        raise UsageError("--out and -o name two files: one is enough")
    target = Path(own) if own else shared
    rows = bool(mine.get(getattr(sys.modules[function.__module__], "WRITES", "")))
    mine["out"] = str(target) if rows and target else None
    asked.options["output"] = None if rows else target


def answer(function: Callable[..., Result], mine: dict[str, Any], asked: Asked, gated: bool) -> tuple[Result, Result]:
    """The result, and the result that gates are judged on: the same without --top."""
    wanted = inspect.signature(function).parameters
    if "pricing" in wanted:
        mine["pricing"] = asked.pricing_path
    if "asked" in wanted:
        given = {**mine, "asked": asked} | ({"logs": asked.paths} if "logs" in wanted else {})
        found = function(**given)
        return found, found
    if "logs" not in wanted:
        found = function(**mine)
        return found, found
    mine |= {
        n: asked.get(n) for n in ("by", "top", "cost_source") if n in wanted and unset(mine, n, wanted) and asked.get(n)
    }
    # What a question's own options name is read as well.
    asked.options["by"] = " ".join(str(mine[n]) for n in ("by", "where_a", "where_b", "adjust") if mine.get(n)) or None
    module = sys.modules[function.__module__]
    needs = getattr(module, "NEEDS_TEXT", False)  # or the option that asks for texts
    asked.raw_text = bool(mine.get(needs)) if isinstance(needs, str) else needs
    if mine.get(getattr(module, "KEEPS_TEXT", "")):
        asked.options["keep_text"] = True
    if engine := getattr(module, "ENGINE", None):  # whatever engine llmscope.toml names for questions
        asked.options["engine"] = engine
    with asked.open(*looked_at(module, mine)) as logs:
        if gated and logs.report and logs.report.failed and logs.report.failed[0].error:
            raise logs.report.failed[0].error  # a gate is not passed on half of the data
        found = logs.finish(function(logs=logs, **mine))
        judged = function(logs=logs, **{**mine, "top": None}) if gated and mine.get("top") else found
        return found, judged


def looked_at(module: Any, mine: Mapping[str, Any]) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """The tables a question asks and the columns it never looks at, with what its options bring besides."""
    tables, unread = getattr(module, "TABLES", None), getattr(module, "UNREAD", ())
    brought = [name for option, names in getattr(module, "BRINGS", {}).items() if mine.get(option) for name in names]
    more = tuple(name for name in brought if name in ALL_TABLES and name not in (tables or ALL_TABLES))
    return tables and (*tables, *more), tuple(column for column in unread if column not in brought)


def unset(mine: Mapping[str, Any], name: str, wanted: Mapping[str, inspect.Parameter]) -> bool:
    """Whether an option was left at its default, so that llmscope.toml may speak."""
    return bool(mine.get(name) == wanted[name].default)


def view_of(asked: Asked) -> tuple[str, Any]:
    """The format and how it is drawn.

    Raises:
        UsageError: no such format or colour.
    """
    from llmscope.errors import unknown_name
    from llmscope.render import FORMATS, View, format_of

    output: Path | None = asked.options.get("output")
    terminal = output is None and sys.stdout.isatty()
    name = asked.get("format") or (format_of(output) if output else "table" if terminal else "plain")
    if name not in FORMATS:
        raise unknown_name("format", name, FORMATS)
    color = asked.get("color", "auto")
    if color not in COLORS:
        raise unknown_name("colour", color, COLORS)
    columns = asked.options.get("columns")
    if (asked.options.get("width") or 1) < 1:
        raise UsageError("--width takes a number of 1 or more")
    width = asked.options.get("width") or (shutil.get_terminal_size().columns if terminal else None)
    return name, View(
        width=width,
        color=colored(color, bool(asked.options.get("no_color")), terminal),
        columns=tuple(c.strip() for c in columns.split(",")) if columns else None,
        show_sql=bool(asked.options.get("sql")),
        unicode=output is not None or "utf" in (sys.stdout.encoding or "").lower(),
    )


def colored(asked: str, refused: bool, terminal: bool) -> bool:
    """NO_COLOR and TERM=dumb are obeyed unless colour was asked for."""
    if refused or asked == "never":
        return False
    if asked == "always":
        return True
    return terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def show(result: Result, asked: Asked, how: tuple[str, Any]) -> None:
    """Writes the result to stdout, or to the file named, whole or not at all."""
    from llmscope.render import left_out, render

    name, view = how
    pieces = render(result, name, view)
    if path := asked.options.get("output"):
        write(path, "".join(pieces))
    else:
        put(pieces)
    lacking = left_out(result, name)
    if lacking and not asked.options.get("quiet"):
        say(lacking)


def put(pieces: Iterable[str]) -> None:
    """Writes to stdout.

    Raises:
        PipeClosed: its reader went away; Click would turn the system's own error into exit 1.
    """
    try:
        for piece in pieces:
            sys.stdout.write(piece)
        sys.stdout.flush()
    except BrokenPipeError:
        close_stdout()
        raise PipeClosed("") from None


def close_stdout() -> None:
    """Points stdout at nothing, so that the interpreter's own last flush cannot fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def say(text: str) -> None:
    """One line of talk."""
    from llmscope.render._safe import one_line

    unicode = "utf" in (sys.stderr.encoding or "").lower()
    print(one_line(text, unicode), file=sys.stderr, flush=True)


def silent(text: str) -> None:
    """Talk when --quiet was asked for."""


def error(problem: LlmscopeError) -> None:
    """What went wrong and what to do."""
    if not problem.message:
        return
    from llmscope.redact import redact

    say(f"llmscope: {redact(problem.message)}")
    for line in (problem.hint or "").splitlines()[:40]:
        say(f"  {redact(line)}")


def with_cause(problem: LlmscopeError) -> None:
    """Adds what lies behind an error to its hint: for --verbose."""
    causes, behind = [problem.hint or ""], problem.__cause__
    while behind is not None:
        causes.append(f"cause: {type(behind).__name__}: {behind}")
        behind = behind.__cause__
    problem.hint = "\n".join(filter(None, causes)) or None


def usage(problem: Exception) -> None:
    """A wrong command line, in Click's words, which name the nearest option."""
    text = getattr(problem, "format_message", problem.__str__)()
    error(UsageError(text, hint="see llmscope --help, or llmscope COMMAND --help"))


class Progress:
    """A bar on stderr, by bytes of the files read; drawn only where reading takes long enough to be seen."""

    def __init__(self) -> None:
        self.bar: Any = None
        self.task: Any = None

    def __call__(self, name: str, done: int, total: int) -> None:
        if self.bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

            shown = TextColumn("{task.description}", markup=False)
            self.bar = Progress(
                shown,
                BarColumn(),
                DownloadColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self.task = self.bar.add_task("", total=total)
            self.bar.start()
        from llmscope.render._safe import one_line

        self.bar.update(self.task, completed=done, description=one_line(Path(name).name)[-40:])
        if done >= total:
            self.close()

    def close(self) -> None:
        if self.bar is not None:
            self.bar.stop()
            self.bar = None
