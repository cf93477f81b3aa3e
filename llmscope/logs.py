"""Logs: files or a store, opened once, with the shared options applied; the one door to every analysis."""

from __future__ import annotations

import inspect
import re
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmscope import left_out
from llmscope.config import Config
from llmscope.engines import duckdb as engine
from llmscope.errors import LlmscopeError, UsageError, unknown_name
from llmscope.identifiers import quoted
from llmscope.load import LoadReport
from llmscope.load.find import shown_behind
from llmscope.predicate import Predicate, parse
from llmscope.questions import analyses, analysis
from llmscope.relations import BASE, dimension_sql, key_path, relations, requests_sql, where_columns
from llmscope.result import Coverage, Result, Window, in_number
from llmscope.schema import BY_NAME, Dimension
from llmscope.store import Store, lacking, present_columns
from llmscope.windows import pair

if TYPE_CHECKING:
    from llmscope.pricing import PriceBook


# Temporary tables that a question makes anew each time it is asked.
OWN_TABLES = re.compile(r"\b(listed_ids|what_if)\b")


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
    _known: dict[Any, list[dict[str, Any]]] | None = field(default=None, repr=False)
    _kept: dict[str, Any] = field(default_factory=dict, repr=False)
    _opening: Future[PriceBook] | None = field(default=None, repr=False)
    _folder: tempfile.TemporaryDirectory[str] | None = field(default=None, repr=False)

    def query(
        self, sql: str, by: Sequence[Dimension] = (), names: Mapping[str, str] | None = None,
        window: Window | None = None, **values: Any,
    ) -> list[dict[str, Any]]:  # fmt: skip
        """Runs an analysis's SQL over `requests`, `priced`, `spans`, `scores` of this window, and `vectors`.

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
        whole, every = self.whole(sql, by, names, values)
        if self._known is None or OWN_TABLES.search(whole):
            return self._rows(whole, every)
        key = self._identity(whole, every)
        if key not in self._known:
            self._known[key] = self._rows(whole, every)
        return [dict(row) for row in self._known[key]]

    def remember(self) -> None:
        """From here on a statement that ran before is not run again: many questions of one opening share some."""
        self._known = {}

    def _identity(self, whole: str, values: Mapping[str, Any]) -> Any:
        """What tells a statement from all others: its text, its values, and what the tables kept for it hold."""
        kept = [(name, made) for name, made in self._kept.items() if re.search(rf"\b{name}\b", whole)]
        return whole, tuple(sorted((name, repr(value)) for name, value in values.items())), tuple(kept)

    def _rows(self, whole: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows of a statement with all its values."""
        rows = self._execute(whole, values)
        columns = engine.columns_of(self.con)
        return [dict(zip(columns, row, strict=True)) for row in rows]

    def keep(
        self, name: str, sql: str, by: Sequence[Dimension] = (), names: Mapping[str, str] | None = None, **values: Any
    ) -> None:
        """Makes the temporary table `name` of what an analysis's SQL gives, for further statements of its answer."""
        whole, every = self.whole(sql, by, names, values, f"CREATE OR REPLACE TEMP TABLE {name} AS\n")
        self._kept.pop(name, None)
        self._execute(whole, every)
        self._kept[name] = self._identity(whole, every)

    def _execute(self, whole: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Runs one whole statement; what --where made impossible is said to be its fault."""
        try:
            return engine.execute(self.con, engine.sharing_quantiles(whole), values)
        except LlmscopeError as error:
            if self.where and any(word in error.message for word in ("Could not convert", "Cannot compare", "Binder")):
                raise UsageError(f"--where {self.where.text!r}: {error.message}") from error
            raise

    def whole(
        self, sql: str, by: Sequence[Dimension], names: Mapping[str, str] | None, values: Mapping[str, Any],
        head: str = "",
    ) -> tuple[str, dict[str, Any]]:  # fmt: skip
        """An analysis's SQL with its holes filled, its relations and `head` in front, and all that is bound in it."""
        bound = {f"key{i}": key_path(d.value) for i, d in enumerate(by) if d.value}
        listed = "".join(f"{self.dimension_sql(d, i)} AS {quoted(d.word)}, " for i, d in enumerate(by))
        text = sql.format(dimensions=listed, **(names or {}))
        whole = head + relations(text, self, tagged=any(d.unnests for d in by))
        if whole not in self.ran:
            self.ran.append(whole)
        return whole, {"tz": self.window.tz, **self.where_values, **bound, **values}

    def write(self, path: Path, sql: str, names: Mapping[str, str], **values: Any) -> None:
        """Writes the rows of an analysis's SQL to a file, without their coming by here; see `rowfiles.write`."""
        from llmscope import rowfiles

        whole, every = self.whole(sql, (), names, values)
        rowfiles.write(self.con, whole, path, every)

    def put_ids(self, paths: Iterable[Path]) -> int:
        """Makes the temporary table `listed_ids` of the requests that earlier answers list; gives their number.

        Raises:
            LlmscopeError: a file cannot be read, or names no request.
        """
        from llmscope.rowfiles import ids_of

        found = sorted({name for path in paths for name in ids_of(path)})
        engine.execute(self.con, "CREATE OR REPLACE TEMP TABLE listed_ids (request_id VARCHAR)")
        if found:
            engine.execute(self.con, "INSERT INTO listed_ids SELECT unnest($ids)", {"ids": found})
        return len(found)

    def dimension_sql(self, dimension: Dimension, place: int) -> str:
        return dimension_sql(dimension, place, self.window.tz)

    def pair(self, baseline: str | None = None) -> tuple[Window, Window]:
        """The windows before and after of a question about change; see llmscope.windows.pair."""
        ends = engine.execute(self.con, "SELECT min(started_at), max(started_at) FROM requests")[0]
        return pair(self.window, baseline, *ends)

    @property
    def before(self) -> Window:
        """The window before the one asked for."""
        return self.pair()[0]

    @property
    def columns(self) -> list[str]:
        """The columns of `requests` that some log has brought, in the order of schema.py."""
        present = self.present or present_columns(self.con, "requests")
        return [name for name in BY_NAME["requests"] if name in present]

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
        return self._put_rates("rates")

    @cached_property
    def rated_sql(self) -> str:
        """`priced` with what one token of each kind costs, for SQL that names those columns."""
        return self._put_rates("token_rates", each=True)

    def _put_rates(self, name: str, each: bool = False) -> str:
        """Makes the temporary table of rates, and the SELECT over it."""
        from llmscope.pricing import Extent, rate_table

        book = self._opening.result() if self._opening else open_book(self.pricing_file)
        self.book = book
        keys = engine.execute(self.con, "SELECT provider, model, service_tier, region FROM price_keys ORDER BY ALL")
        present = self.present or frozenset(present_columns(self.con, "requests"))
        held = Extent(cache_hits="cache_hit" in present, columns=present)
        base = BASE if self.where_is_priced else "requests"
        table = rate_table(book, keys, extent=held, requests=base, name=name, rates=each)
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

    def context_windows(self, pairs: Iterable[tuple[str | None, str]]) -> dict[tuple[str | None, str], int | None]:
        """Each (provider, model) as logged, and how many tokens it can hold; None where the catalogue does not say."""
        from llmscope.pricing import context

        return context.context_windows(self._opening.result() if self._opening else open_book(self.pricing_file), pairs)

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
        notes = tuple(in_number(note) for note in (*result.notes, *left_out.notes(self, result.weighted), *self.notes))
        findings = tuple(replace(one, text=in_number(one.text)) for one in result.findings)
        return replace(
            result, window=self.window, coverage=coverage, findings=findings, notes=notes, sql=tuple(self.ran)
        )

    @cached_property
    def lacking(self) -> Mapping[str, frozenset[str]]:
        """By table, the columns that a store of an older version has not, where it is only read."""
        return lacking(self.con) if self.store.read_only else {}

    @cached_property
    def weights(self) -> dict[str, float]:
        """Requests of the window, how many carry a weight other than 1, and how many requests they all stand for."""
        if "sample_weight" not in self.columns:
            return {}
        rows = engine.execute(
            self.con,
            "SELECT count(*) FILTER (WHERE sample_weight <> 1), count(*), sum(coalesce(sample_weight, 1))"
            f" FROM ({requests_sql(self, tagged=False)})",
            self.where_values,
        )
        weighted, kept, of = rows[0]
        return {"weighted": weighted, "kept": kept, "of": float(of)} if weighted else {}

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


def open_book(pricing_file: Path | None) -> PriceBook:
    """The price book; see llmscope.pricing."""
    from llmscope.pricing import PriceBook

    return PriceBook.open(pricing_file)


def no_store(path: Path) -> LlmscopeError:
    """Neither logs nor a store: the two ways to go on."""
    return LlmscopeError(
        f"no logs given, and no store at {path}",
        hint="name log files (llmscope cost logs/), or load them first (llmscope load logs/)",
    )
