"""Options in, Result out: the only file that knows Typer."""

from __future__ import annotations

import inspect
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer
from typer.core import TyperGroup

from llmscope import commands
from llmscope.errors import LlmscopeError, unknown_name
from llmscope.result import Result

HERE = Path(__file__).parent
# Typer brings a Click of its own from 0.28 on and uses the installed one before: these are whichever it uses.
ClickException: type[Exception] = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")
Command = Any
Opt = tuple[Any, str, tuple[str, ...]]
TEXT, PATH, FLAG = str | None, Path | None, bool | None

# Shared options, once: name -> (type, help, flags). Each is also LLMSCOPE_NAME in the environment.
READING: dict[str, Opt] = {
    "map": (list[str] | None, "COLUMN=KEY[:UNIT], which key is which column (repeatable)", ("--map",)),
    "source": (TEXT, "the log format, where it is not to be guessed", ("--source",)),
    "source_tz": (TEXT, "zone of times that have none (default UTC)", ("--source-tz",)),
    "strict": (FLAG, "refuse a file with any bad line or value", ("--strict",)),
    "max_bad": (float | None, "refuse a file with more than this per cent of bad lines", ("--max-bad",)),
}
WINDOW: dict[str, Opt] = {
    "since": (TEXT, "2026-09-14, 2026-09, 7d, 12h, yesterday", ("--since",)),
    "until": (TEXT, "the same; a day or month to its end", ("--until",)),
    "tz": (TEXT, "IANA zone of buckets and dates shown (default UTC)", ("--tz",)),
    "where": (TEXT, "only requests for which this holds: feature = 'chat' and input_tokens > 1000", ("--where",)),
    "with_store": (FLAG, "read the store beside the logs named", ("--with-store",)),
}
STORE: dict[str, Opt] = {
    "store": (TEXT, "the store: a file (default llmscope.duckdb), or the folder or URL of a lake", ("--store",)),
    "wait": (float | None, "seconds to wait for a locked store (default 30)", ("--wait",)),
}
MACHINE: dict[str, Opt] = {
    "memory": (TEXT, "the most memory the process may take: 1GB, 512MiB, 50%; the rest is spilled", ("--memory",)),
    "threads": (int | None, "threads that compute (default: one a core)", ("--threads",)),
    "temp": (PATH, "folder for what is spilled or unpacked (default: the store's, else the system's)", ("--temp",)),
}
ENGINE: dict[str, Opt] = {
    "engine": (TEXT, "duckdb (default), or spark over a lake", ("--engine",)),
    "exact": (FLAG, "read the rows of a lake where its daily rollups would answer", ("--exact",)),
    "spark_url": (TEXT, "sc://HOST:15002, spark://HOST:7077 or local[*] (default)", ("--spark-url",)),
}
SHOWING: dict[str, Opt] = {
    "pricing": (TEXT, "a price file over all others", ("--pricing",)),
    "format": (TEXT, "table, plain, json, jsonl, csv, md or html", ("-f", "--format")),
    "output": (PATH, "write to this file; the format from its suffix", ("-o", "--output")),
    "columns": (TEXT, "columns to show, comma-separated", ("--columns",)),
    "fail_if": (list[str] | None, "exit 3 when a row breaches this; 'totals: …' or 'PART: …'", ("--fail-if",)),
    "min_coverage": (float | None, "exit 4 when fewer per cent of requests have a price", ("--min-coverage",)),
    "sql": (FLAG, "show the SQL that ran", ("--sql",)),
    "config": (PATH, "a configuration file instead of llmscope.toml", ("--config",)),
    "color": (TEXT, "auto, always or never", ("--color",)),
    "no_color": (FLAG, "no colour", ("--no-color",)),
    "width": (int | None, "columns of the terminal", ("--width",)),
    "quiet": (FLAG, "say nothing beside the answer", ("-q", "--quiet")),
    "verbose": (FLAG, "say more, errors with their cause", ("-v", "--verbose")),
}
PLOT: dict[str, Opt] = {"plot": (PATH, "draw it as well: FILE.png or FILE.svg", ("--plot",))}
KEEP: dict[str, Opt] = {"keep_text": (FLAG, "store prompts and answers, personal data redacted", ("--keep-text",))}
ABOUT_ONE = "Answers questions about LLM request logs."


class Commands(TyperGroup):
    """The commands by file name: a file is imported only when its command is used."""

    def list_commands(self, ctx: Any) -> list[str]:
        return command_names()

    def get_command(self, ctx: Any, cmd_name: str) -> Command | None:
        return make(cmd_name) if cmd_name in command_names() else None

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Command | None, list[str]]:
        if args and args[0] not in command_names() and not args[0].startswith("-"):
            raise unknown_name("command", args[0], command_names())
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, headline(name)) for name in command_names()])


def command_names() -> list[str]:
    """Questions first, then the tool's own tables."""
    from llmscope.questions import analyses

    return [*dict.fromkeys(name.split(" ")[0] for name in analyses()), *commands.names()]


def headline(name: str) -> str:
    """The first sentence of a command's file, read without importing it."""
    places = (f"analyses/{name}.py", f"analyses/{name}/__init__.py", f"commands/{name}.py")
    path = next((HERE / place for place in places if (HERE / place).exists()), None)
    if path is None:
        return "a plug-in"
    with path.open(encoding="utf-8") as file:
        return file.readline().strip().strip('"').strip()


def make(name: str) -> Command:
    """The command of one analysis or one file in commands/."""
    if name not in commands.names():
        from llmscope.questions import analyses, analysis, groups

        if name not in groups():
            return as_question(name, analysis(name), headline(name))
        made = group_of(name)
        for question in (q for q in analyses() if q.startswith(f"{name} ")):
            sub, function = question.split(" ")[-1], analysis(question)
            made.add_command(as_question(sub, function, first_line(sys.modules[function.__module__])), sub)
        return made
    module = import_module(f"llmscope.commands.{name}")
    if not hasattr(module, "COMMANDS"):
        more = KEEP if name == "load" else WINDOW if getattr(module, "ASKS_REQUESTS", False) else {}
        function = getattr(module, name)
        return as_command(name, function, {**more, **own_options(function)}, headline(name))
    made = group_of(name)
    for sub, function in module.COMMANDS.items():
        made.add_command(as_command(sub, function, own_options(function), first_line(function)), sub)
    return made


def group_of(name: str) -> Any:
    """A command that is nothing but its subcommands."""
    group = typer.Typer(help=headline(name), no_args_is_help=True, rich_markup_mode=None)
    group.callback()(lambda: None)
    return typer.main.get_group(group)


def as_question(name: str, function: Callable[..., Result], help_text: str) -> Command:
    """An analysis as a command, with the options that all share."""
    return as_command(name, function, {**WINDOW, **READING, **STORE, **MACHINE, **ENGINE, **SHOWING, **PLOT}, help_text)


def own_options(function: Callable[..., Result]) -> dict[str, Opt]:
    """The shared options that make sense for a command about the tool's own tables."""
    wanted = inspect.signature(function).parameters
    window = WINDOW if "logs" in wanted and "asked" not in wanted else {}
    reading = READING if {"logs", "files"} & wanted.keys() else {}
    store = STORE if {"logs", "asked"} & wanted.keys() and "files" not in wanted else {}
    machine = MACHINE if reading or store else {}
    return {**window, **reading, **store, **machine, **SHOWING}


def first_line(of: object) -> str:
    return (inspect.getdoc(of) or "").splitlines()[0] if of.__doc__ else ""


def as_command(name: str, function: Callable[..., Result], shared: Mapping[str, Opt], help_text: str) -> Command:
    """A function as a command: its own parameters become options, the shared ones are added."""
    own = dict(own_parameters(function))
    added = {n: option(n, *o) for n, o in shared.items() if n not in own}

    def run(**given: Any) -> None:
        context = given.pop("context")
        mine = {n: v for n, v in given.items() if n in own}
        rest = {n: v for n, v in given.items() if n not in own}
        paths = tuple(given.get("logs") or given.get("files") or ())
        if "-" in paths and sys.stdin.isatty():
            typer.echo(context.get_help())
            return
        from llmscope import talk

        try:
            talk.deliver(name, function, mine, rest, paths)
        except LlmscopeError as error:
            if rest.get("verbose"):
                talk.with_cause(error)
            raise

    run.__signature__ = inspect.Signature([CONTEXT, *own.values(), *added.values()])  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in (CONTEXT, *own.values(), *added.values())}
    app = typer.Typer(rich_markup_mode=None, add_completion=False)
    app.command(name, help=help_text)(run)
    return typer.main.get_command(app)


def own_parameters(function: Callable[..., Any]) -> Iterator[tuple[str, inspect.Parameter]]:
    """A function's parameters as Typer's: one without default is an argument, `logs` the LOGS."""
    hints = get_type_hints(function, localns={"Logs": Any}, include_extras=True)
    given = inspect.signature(function).parameters
    # LOGS are any number of words, so what is one word stands before them.
    for name, parameter in sorted(given.items(), key=lambda pair: pair[0] == "logs"):
        if name == "asked":
            continue
        if name == "logs":
            metavar = typer.Argument(help="files, folders, globs or -; without them the store", show_default=False)
            yield name, keyword(name, Annotated[list[str] | None, metavar], None)
        else:
            yield name, own_parameter(name, hints[name], parameter.default)


def own_parameter(name: str, hint: Any, default: Any) -> inspect.Parameter:
    """One parameter of a question."""
    kind, said = (get_args(hint)[0], list(get_args(hint)[1:])) if get_origin(hint) is Annotated else (hint, [""])
    if default is inspect.Parameter.empty:
        return keyword(name, Annotated[kind, typer.Argument(help=said[0])], inspect.Parameter.empty)
    if "argument" in said:
        return keyword(name, Annotated[kind, typer.Argument(help=said[0])], default)
    flag = "--" + name.rstrip("_").replace("_", "-")
    shown = typer.Option(flag, help=said[0], envvar=f"LLMSCOPE_{name.upper()}", show_envvar=False)
    return keyword(name, Annotated[kind, shown], default)


def option(name: str, kind: Any, said: str, flags: tuple[str, ...]) -> inspect.Parameter:
    """One shared option."""
    # A repeatable option's environment is read in asked.py: Click would split it at every space.
    variable = None if kind == list[str] | None else f"LLMSCOPE_{name.upper()}"
    shown = typer.Option(*flags, help=said, envvar=variable, show_envvar=False, show_default=False)
    return keyword(name, Annotated[kind, shown], None)


def keyword(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


CONTEXT = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)


def version(asked: bool) -> None:
    """Prints the version and ends."""
    if asked:
        from importlib.metadata import version as installed

        typer.echo(f"llmscope {installed('llmscope-toolkit')}")
        raise typer.Exit


app = typer.Typer(
    cls=Commands, help=ABOUT_ONE, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False,
    epilog="Every option also as LLMSCOPE_NAME in the environment, and in llmscope.toml.",
)  # fmt: skip


@app.callback()
def root(
    show: Annotated[bool, typer.Option("--version", callback=version, is_eager=True, help="the version")] = False,
) -> None:
    pass


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command line and ends the process with its exit code."""
    with heeding_termination() as heard:
        code = ran(arguments)
    sys.exit(flushed(143 if heard else code))


def ran(arguments: Sequence[str] | None) -> int:
    """Runs one command line; gives its exit code."""
    try:
        command = typer.main.get_command(app)
        given = list(arguments) if arguments is not None else None
        # An Exit comes back as its code: 130 for an interrupt, 0 for --help.
        return command.main(args=given, prog_name="llmscope", standalone_mode=False) or 0
    except LlmscopeError as error:
        from llmscope import talk

        talk.error(error)
        return error.exit_code
    except typer.Abort:
        return 130
    except ClickException as error:
        code = 0 if type(error).__name__ == "NoArgsIsHelpError" else 2
        from llmscope import talk

        print(error) if code == 0 else talk.usage(error)
        return code
    except KeyboardInterrupt:
        return 130


@contextmanager
def heeding_termination() -> Iterator[list[int]]:
    """Lets SIGTERM end a command as Ctrl-C does, with what it put aside taken away; the list then holds it."""
    heard: list[int] = []

    def end(number: int, _: object) -> None:
        signal.signal(number, signal.SIG_DFL)  # whoever asks twice does not want to wait
        heard.append(number)
        raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGTERM)
    if before is not signal.SIG_DFL or threading.current_thread() is not threading.main_thread():
        yield heard
        return
    signal.signal(signal.SIGTERM, end)
    try:
        yield heard
    finally:
        signal.signal(signal.SIGTERM, before)


def flushed(code: int) -> int:
    """The exit code, once the last bytes have reached the reader of our pipe; 141 when it went away."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return code
