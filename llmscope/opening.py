"""Opening logs: files for one question, or a store; the one way in for cli, reports and `llmscope.open`."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from llmscope.config import STORE, Config, read_config
from llmscope.load import LoadOptions, LoadReport, Progress, load
from llmscope.load.find import size_of, spool
from llmscope.load.notes import load_notes
from llmscope.logs import Logs, no_store, open_book
from llmscope.predicate import parse
from llmscope.relations import where_columns
from llmscope.result import Window
from llmscope.store import Store

ON_DISK_BYTES = 256 << 20
LOAD_MEMORY = "320MB"


def open_logs(
    paths: Sequence[str] = (),
    *,
    store: Path | None = None,
    window: Window = Window(),  # noqa: B008
    where: str | None = None,
    config: Config | None = None,
    pricing: Path | None = None,
    options: LoadOptions | None = None,
    with_store: bool = False,
    wait_s: float = 30.0,
    progress: Progress | None = None,
    on_wait: Callable[[str], None] | None = None,
) -> Logs:
    """Opens log files (nothing is stored) or, without paths, the store.

    Raises:
        LlmscopeError: a path or the store does not exist; a file cannot be read.
        UsageError: --where is no plain condition.
    """
    settings = config or Config()
    predicate = parse(where, where_columns(), "--where") if where else None
    asked = {"window": window, "where": predicate, "config": settings, "pricing_file": pricing}
    kept = store or Path(settings.store or STORE)
    if not paths:
        if not kept.exists():
            raise no_store(kept)
        return Logs(Store(kept, wait_s=wait_s, read_only=True, on_wait=on_wait), **asked)  # type: ignore[arg-type]
    reading = options or LoadOptions()
    with tempfile.TemporaryDirectory(prefix="llmscope-") as folder:
        # What comes through a pipe comes once, and may have to be read twice.
        stdin = spool(Path(folder)) if "-" in paths else None
        logs = of_files(paths, asked, reading, stdin, progress)
        if reading.unread and logs.report and needs_all(logs.report):
            logs.close()
            logs = of_files(paths, asked, replace(reading, unread=frozenset()), stdin, progress)
    if with_store:
        with closing_on_failure(logs):
            logs.join(kept)
    return logs


def needs_all(report: LoadReport) -> bool:
    """Whether columns matter that the question never looks at.

    Which of two records is the more complete is told by all of them, as the store tells it; and what a vector names,
    a request may have under any of its ids.
    """
    return bool(report.total("duplicates") or report.may_overlap or report.total("waiting"))


def of_files(
    paths: Sequence[str],
    asked: Mapping[str, Any],
    options: LoadOptions,
    stdin: Path | None,
    progress: Progress | None,
) -> Logs:
    """Log files in a store that lasts as long as the question.

    Raises:
        LlmscopeError: a path does not exist, or what was asked for by name cannot be read.
    """
    folder = tempfile.TemporaryDirectory(prefix="llmscope-")
    large = sum(size_of(str(stdin) if p == "-" else p) for p in paths) > ON_DISK_BYTES
    memory = asked["config"].memory
    target = Store(
        Path(folder.name) / STORE if large else None,
        spill=Path(folder.name),
        memory=memory or (LOAD_MEMORY if large else None),
        elastic=memory is None,
    )
    logs = Logs(target, **asked, paths=tuple(paths), _folder=folder)
    beside = ThreadPoolExecutor(1)  # the engine is made ready while files are looked at, prices while it parses them
    beside.submit(lambda: target.con)
    logs._opening = beside.submit(open_book, asked["pricing_file"])
    beside.shutdown(wait=False)
    with closing_on_failure(logs):
        logs.report = load(target, paths, options, progress, stdin)
        logs.notes += load_notes(logs.report)
        failed = [f for f in logs.report.failed if f.asked or len(logs.report.failed) == len(logs.report.files)]
        if failed and failed[0].error:
            raise failed[0].error
    return logs


@contextmanager
def closing_on_failure(logs: Logs) -> Iterator[None]:
    """Lets go of the logs if what is done with them fails."""
    try:
        yield
    except BaseException:
        logs.close()
        raise


def open(*paths: str, store: str | None = None, **options: Any) -> Logs:
    """Logs from files, folders and globs, or a store: `llmscope.open("logs/").cost(by="feature")`.

    Options are those of `open_logs`; `since` and `until` take what the command line takes.
    """
    from llmscope.windows import window_of

    since, until, tz = (options.pop(name, None) for name in ("since", "until", "tz"))
    maps = options.pop("map", ())
    if maps:
        from llmscope.load.mapping import parse as parse_maps

        options["options"] = LoadOptions(maps=parse_maps([maps] if isinstance(maps, str) else maps))
    reading = {name: options.pop(name) for name in ("source", "source_tz", "keep_text") if name in options}
    if reading:
        options["options"] = replace(options.get("options") or LoadOptions(), **reading)
    pricing = options.pop("pricing", None)
    return open_logs(
        [str(p) for p in paths],
        store=Path(store) if store else None,
        window=window_of(since, until, tz or "UTC"),
        config=read_config(),
        pricing=Path(pricing) if pricing else None,
        **options,
    )
