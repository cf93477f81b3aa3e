"""Logs: files or a store, opened once, with the shared options applied; the one door to every analysis."""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmscope import left_out
from llmscope.config import STORE, Config, read_config
from llmscope.engines import duckdb as engine
from llmscope.errors import LlmscopeError, UsageError, unknown_name
from llmscope.load import LoadOptions, LoadReport, Progress, load
from llmscope.load.find import shown_behind, size_of, spool
from llmscope.load.notes import load_notes
from llmscope.predicate import Predicate, parse
from llmscope.questions import analyses, analysis
from llmscope.relations import BASE, key_path, local_time, quoted, relations
from llmscope.result import Coverage, Result, Window, in_number
from llmscope.schema import BY_NAME, DIMENSION_COLUMNS, Dimension
from llmscope.store import Store, present_columns
from llmscope.windows import pair

if TYPE_CHECKING:
    from llmscope.pricing import PriceBook

ON_DISK_BYTES = 256 << 20
LOAD_MEMORY = "320MB"


@dataclass
class Logs:
    """Requests of one window of one store, under one price book."""

    store: Store
    window: Window = field(default_factory=Window)
    where: Predicate | None = None
    config: Config = field(default_factory=Config)
    pricing_file: Path | None = None
    report: LoadReport | None = None
    notes: list[str] = field(default_factory=list)
    paths: tuple[str, ...] = ()
    ran: list[str] = field(default_factory=list)
    present: frozenset[str] = frozenset()
    _opening: Future[PriceBook] | None = field(default=None, repr=False)
    _folder: tempfile.TemporaryDirectory[str] | None = field(default=None, repr=False)

    def query(
        self, sql: str, by: Sequence[Dimension] = (), names: Mapping[str, str] | None = None,
        window: Window | None = None, **values: Any,
    ) -> list[dict[str, Any]]:  # fmt: skip
        """Runs an analysis's SQL over `requests`, `priced`, `spans` and `scores` of this window.

        Args:
            by: what the hole {dimensions} lists, each under the word asked for.
            names: identifiers for further holes, from schema.py or the analysis's own constants.
            window: another than the one asked for, such as `before` or one that holds both.
            values: bound as $name.
        """
        if window is not None:
            asked, self.window = self.window, window
            try:
                return self.query(sql, by, names, **values)
            finally:
                self.window = asked
        bound = {f"key{i}": key_path(d.value) for i, d in enumerate(by) if d.value}
        listed = "".join(f"{self.dimension_sql(d, i)} AS {quoted(d.word)}, " for i, d in enumerate(by))
        text = sql.format(dimensions=listed, **(names or {}))
        tagged = any(d.unnests for d in by)
        whole = relations(text, self, tagged=tagged)
        if whole not in self.ran:
            self.ran.append(whole)
        every = {"tz": self.window.tz, **self.where_values, **bound, **values}
        try:
            rows = engine.execute(self.con, engine.sharing_quantiles(whole), every)
        except LlmscopeError as error:
            if self.where and any(word in error.message for word in ("Could not convert", "Cannot compare", "Binder")):
                raise UsageError(f"--where {self.where.text!r}: {error.message}") from error
            raise
        columns = engine.columns_of(self.con)
        return [dict(zip(columns, row, strict=True)) for row in rows]

    def dimension_sql(self, dimension: Dimension, place: int) -> str:
        """A dimension's SQL; a bucket becomes the text people write, in the zone asked for."""
        if dimension.kind == "time" and dimension.word in BUCKET_FORMATS:
            local = local_time(self.window.tz)
            return f"strftime(date_trunc('{dimension.word}', {local}), '{BUCKET_FORMATS[dimension.word]}')"
        return dimension.sql.format(value=f"$key{place}")

    def pair(self, baseline: str | None = None) -> tuple[Window, Window]:
        """The windows before and after of a question about change; see llmscope.windows.pair."""
        ends = engine.execute(self.con, "SELECT min(started_at), max(started_at) FROM requests")[0]
        return pair(self.window, baseline, *ends)

    @property
    def before(self) -> Window:
        """The window before the one asked for."""
        return self.pair()[0]

    @property
    def con(self) -> Any:
        return self.store.con

    @property
    def where_values(self) -> dict[str, Any]:
        return dict(self.where.values) if self.where else {}

    @property
    def where_is_priced(self) -> bool:
        """Whether --where names a column that only `priced` has."""
        return bool(self.where and self.where.columns & {"cost_usd", "price_status", "price_id"})

    @cached_property
    def priced_sql(self) -> str:
        """The SELECT of relation `priced` over `requests`; its rates are put into a temporary table first."""
        from llmscope.pricing import Extent, rate_table

        book = self._opening.result() if self._opening else open_book(self.pricing_file)
        self.book = book
        keys = engine.execute(self.con, "SELECT provider, model, service_tier, region FROM price_keys ORDER BY ALL")
        present = self.present or frozenset(present_columns(self.con, "requests"))
        held = Extent(cache_hits="cache_hit" in present, columns=present)
        table = rate_table(book, keys, extent=held, requests=BASE if self.where_is_priced else "requests")
        self.rates = table
        engine.execute(self.con, table.create_sql)
        if table.insert_sql:
            self.con.execute(table.insert_sql, table.parameters)
        return table.priced_sql

    def price_notes(self) -> list[str]:
        """What is to be doubted of the prices used: stale ones, fallbacks."""
        from llmscope.pricing import price_notes

        return list(price_notes(self.book, self.rates.resolutions)) if self.rates.rows else []

    def condition(self, text: str, option: str, prefix: str) -> Predicate:
        """A further condition over the columns that --where may name; its values are bound as $<prefix>0, ..."""
        return parse(text, where_columns(), option, prefix)

    def files_of(self, path: str) -> list[str]:
        """The source_file of every row that came from behind one of the LOGS given."""
        return shown_behind(path, [file.path for file in self.report.files] if self.report else [])

    def put_what_if(self, keys: Sequence[Any], fits: Mapping[str, Sequence[tuple[float, float]]]) -> None:
        """Makes the temporary table `what_if`: the rates that other readings of the same usage would have had."""
        from llmscope.pricing.what_if import what_if_table

        table = what_if_table(self.book, keys, fits)
        self.con.execute(table.create_sql)
        for statement, values in table.inserts:
            self.con.execute(statement, values)

    def join(self, path: Path) -> None:
        """Reads the store at `path` beside the logs.

        Raises:
            LlmscopeError: there is none.
        """
        from llmscope.joined import add_store

        if not path.exists():
            raise no_store(path)
        self.present = add_store(self.store, path)
        self.notes.append(f"with the rows of {path}; a request that stands in both is the store's")

    def run(self, name: str, **options: Any) -> Result:
        """Runs one analysis with its own options and adds what holds for all: window, SQL, what was left out."""
        function = analysis(name)
        known = {p: v for p, v in inspect.signature(function).parameters.items() if p != "logs"}
        for option in options:
            if option not in known:
                raise unknown_name("option", option, known)
        result = function(self, **options)
        return self.finish(result)

    def finish(self, result: Result) -> Result:
        """The shared small print and coverage."""
        own = result.coverage or Coverage()
        lost = left_out.lost(self.con)
        coverage = replace(own, rejected_lines=lost["rejected"], duplicates=lost["duplicates"])
        notes = tuple(in_number(note) for note in (*result.notes, *left_out.notes(self), *self.notes))
        findings = tuple(replace(one, text=in_number(one.text)) for one in result.findings)
        return replace(
            result, window=self.window, coverage=coverage, findings=findings, notes=notes, sql=tuple(self.ran)
        )

    def close(self) -> None:
        """Lets go of the store, and of what was loaded for one question only."""
        self.store.close()
        if self._folder:
            self._folder.cleanup()

    def __enter__(self) -> Logs:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __getattr__(self, name: str) -> Callable[..., Result]:
        known = {question.replace(" ", "_"): question for question in analyses()}
        if name.startswith("_") or name in ("book", "rates") or name not in known:
            raise AttributeError(name)
        return lambda **options: self.run(known[name], **options)


BUCKET_FORMATS = {"hour": "%Y-%m-%dT%H:00", "day": "%Y-%m-%d", "week": "%G-W%V", "month": "%Y-%m"}


def open_book(pricing_file: Path | None) -> PriceBook:
    """The price book; see llmscope.pricing."""
    from llmscope.pricing import PriceBook

    return PriceBook.open(pricing_file)


def where_columns() -> dict[str, str]:
    """What --where may name: canonical columns, what prices add, and the words of --by."""
    columns = {name: name for name in BY_NAME["requests"]} | {n: n for n in ("cost_usd", "price_status", "price_id")}
    return columns | {word: column for word, column in DIMENSION_COLUMNS.items() if word not in columns}


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
        if reading.unread and logs.report and (logs.report.total("duplicates") or logs.report.may_overlap):
            # Which of two records is the more complete is told by all their columns, as the store tells it.
            logs.close()
            logs = of_files(paths, asked, replace(reading, unread=frozenset()), stdin, progress)
    if with_store:
        with closing_on_failure(logs):
            logs.join(kept)
    return logs


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


def no_store(path: Path) -> LlmscopeError:
    """Neither logs nor a store: the two ways to go on."""
    return LlmscopeError(
        f"no logs given, and no store at {path}",
        hint="name log files (llmscope cost logs/), or load them first (llmscope load logs/)",
    )


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
