"""Opening logs: files for one question, or a store; the one way in for cli, reports and `llmscope.open`."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from llmscope.bounds import keep_to, kept, machine_bytes
from llmscope.config import STORE, Config, read_config
from llmscope.engines import Engine
from llmscope.errors import UsageError, unknown_name
from llmscope.lake import is_lake
from llmscope.lake.session import LakeStore, lake_store
from llmscope.load import LoadOptions, LoadReport, Progress, load
from llmscope.load.find import size_of, spool
from llmscope.load.notes import load_notes
from llmscope.load.room import room_to_spill
from llmscope.logs import Logs, no_store, open_book
from llmscope.predicate import parse
from llmscope.relations import where_columns
from llmscope.result import Window
from llmscope.store import Store

ENGINES = ("duckdb", "spark")
ON_DISK_BYTES = 256 << 20
LOAD_MEMORY = "320MB"


def open_logs(
    paths: Sequence[str] = (),
    *,
    store: Path | str | None = None,
    window: Window = Window(),  # noqa: B008
    where: str | None = None,
    config: Config | None = None,
    pricing: Path | None = None,
    options: LoadOptions | None = None,
    with_store: bool = False,
    wait_s: float = 30.0,
    progress: Progress | None = None,
    on_wait: Callable[[str], None] | None = None,
    engine: str | None = None,
    spark_url: str | None = None,
    exact: bool = False,
) -> Logs:
    """Opens log files (nothing is stored) or, without paths, the store.

    Raises:
        LlmscopeError: a path or the store does not exist; a file cannot be read; Spark is asked for and not there.
        UsageError: --where is no plain condition.
    """
    settings = config or Config()
    predicate = parse(where, where_columns(), "--where") if where else None
    from_rows = exact or bool(settings.exact)
    asked = {"window": window, "where": predicate, "config": settings, "pricing_file": pricing, "exact": from_rows}
    lasting = str(store or settings.store or STORE)
    chosen = engine or settings.engine or "duckdb"
    if chosen not in ENGINES:
        raise unknown_name("engine", chosen, ENGINES)
    if chosen == "spark" and (paths or not is_lake(lasting)):
        raise not_a_lake(lasting, bool(paths))
    if not paths:
        logs = Logs(existing(lasting, wait_s, on_wait, settings.memory), **asked)  # type: ignore[arg-type]
        if chosen == "spark":
            with closing_on_failure(logs):
                logs.asked_engine = spark_over(logs.store, spark_url or settings.spark_url, wait_s)
            if kept().memory_bytes or kept().threads:
                logs.notes.append("--memory and --threads do not hold for Spark: it has settings of its own")
        return logs
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
            logs.join(lasting)
    return logs


def existing(name: str, wait_s: float, on_wait: Callable[[str], None] | None, memory: str | None) -> Store:
    """The store or the lake of that name, to be read.

    Raises:
        LlmscopeError: there is none.
    """
    if is_lake(name):
        return lake_store(name, memory)
    if not Path(name).exists():
        raise no_store(Path(name))
    said = room_to_spill(Path(name), kept().memory_bytes or machine_bytes() // 2)
    if said and on_wait:
        on_wait(said)
    return Store(Path(name), wait_s=wait_s, read_only=True, on_wait=on_wait)


def spark_over(store: Store, url: str | None, wait_s: float) -> Engine:
    """Spark over the files of a lake."""
    from llmscope.engines.spark import Spark

    assert isinstance(store, LakeStore)  # noqa: S101
    lake = store.held
    return Spark(lambda *asked: [lake.url(file) for file in lake.files(*asked)], url, wait_s, store.kinds_inside)


def not_a_lake(store: str, of_files: bool) -> UsageError:
    """Spark asked of what its workers cannot read."""
    what = "log files were named" if of_files else f"{store} is none"
    return UsageError(
        f"--engine spark reads a lake, and {what}",
        hint="llmscope export --to DIR makes one; then --store DIR",
    )


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
    pricing, settings = options.pop("pricing", None), read_config()
    keep_to(*(options.pop(name, None) or getattr(settings, name) for name in ("memory", "threads", "temp")))
    return open_logs(
        [str(p) for p in paths],
        store=store,
        window=window_of(since, until, tz or "UTC"),
        config=settings,
        pricing=Path(pricing) if pricing else None,
        **options,
    )
