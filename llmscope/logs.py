"""Logs: files or a store, opened once, with the shared options applied; the one door to every analysis."""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from llmscope import left_out
from llmscope.config import Config
from llmscope.engines import Engine, duckdb
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
    from llmscope.lake.rollup_answers import Rollups
    from llmscope.pricing import PriceBook

T = TypeVar("T")
# An engine's words for values of --where that do not fit their columns.
UNFIT = ("Could not convert", "Cannot compare", "Binder", "CAST_INVALID_INPUT", "DATATYPE_MISMATCH")


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
    asked_engine: Engine | None = None
    exact: bool = False
    shown: frozenset[str] | None = None
    _opening: Future[PriceBook] | None = field(default=None, repr=False)
    _folder: tempfile.TemporaryDirectory[str] | None = field(default=None, repr=False)

    def query(
        self, sql: str, by: Sequence[Dimension] = (), names: Mapping[str, str] | None = None,
        window: Window | None = None, **values: Any,
    ) -> list[dict[str, Any]]:  # fmt: skip
        """Runs an analysis's SQL over `requests`, `priced`, `spans`, `scores` of this window, and `vectors`.

        Args:
            by: what the hole {dimensions} lists, each under the word asked for.
            names: for further holes, from schema.py or the analysis's own constants.
            window: another than the one asked for; values: bound as $name.
        """
        if window is not None:
            asked, self.window = self.window, window
            try:
                return self.query(sql, by, names, **values)
            finally:
                self.window = asked
        whole, every = self.whole(sql, by, names, values)
        columns, rows = self._asking(self.engine.rows, whole, every)
        return [dict(zip(columns, row, strict=True)) for row in rows]

    def shows(self, part: str) -> bool:
        """Whether whoever asks shows this table of an answer."""
        return self.shown is None or part in self.shown

    def remember(self) -> None:
        """From here on a statement that ran before is not run again."""
        from llmscope.engines.remembering import Remembering

        self.engine = Remembering(self.engine)

    def keep(
        self, name: str, sql: str, by: Sequence[Dimension] = (), names: Mapping[str, str] | None = None, **values: Any
    ) -> None:
        """Makes the temporary table `name` of what an analysis's SQL gives, for further statements of its answer."""
        whole, every = self.whole(sql, by, names, values)
        self._asking(partial(self.engine.keep, name), whole, every)

    def _asking(self, ask: Callable[[str, Mapping[str, Any]], T], whole: str, values: Mapping[str, Any]) -> T:
        """Runs one whole statement; what --where made impossible is said to be its fault."""
        try:
            return ask(whole, values)
        except LlmscopeError as error:
            if self.where and any(words in error.message for words in UNFIT):
                raise UsageError(f"--where {self.where.text!r}: {error.message}") from error
            raise

    def whole(
        self, sql: str, by: Sequence[Dimension], names: Mapping[str, str] | None, values: Mapping[str, Any]
    ) -> tuple[str, dict[str, Any]]:
        """An analysis's SQL with its holes filled and its relations in front, and all that is bound in it."""
        bound = {f"key{i}": key_path(d.value) for i, d in enumerate(by) if d.value}
        listed = "".join(f"{self.dimension_sql(d, i)} AS {quoted(d.word)}, " for i, d in enumerate(by))
        text = sql.format(dimensions=listed, **(names or {}))
        whole = relations(text, self, tagged=any(d.unnests for d in by))
        if whole not in self.ran:
            self.ran.append(whole)
        return whole, {"tz": self.window.tz, **self.where_values, **bound, **values}

    def write(self, path: Path, sql: str, names: Mapping[str, str], **values: Any) -> None:
        """Writes the rows of an analysis's SQL to a file, without their coming by here; see `rowfiles.write`."""
        from llmscope import rowfiles

        whole, every = self.whole(sql, (), names, values)
        rowfiles.write(self.engine, whole, path, every)

    def put_ids(self, paths: Iterable[Path]) -> int:
        """Makes the temporary table `listed_ids` of the requests that earlier answers list; gives their number.

        Raises:
            LlmscopeError: a file cannot be read, or names no request.
        """
        from llmscope.rowfiles import ids_of

        found = sorted({name for path in paths for name in ids_of(path)})
        self.engine.put("listed_ids", [("request_id", "VARCHAR")], [(name,) for name in found])
        return len(found)

    def view(self, table: str, window: Window) -> str:
        """The relation to read for a table's rows of a window."""
        return self.engine.view(table, window.since, window.until)

    @cached_property
    def rollups(self) -> Rollups | None:
        """The daily rollups of the lake asked, if it is one and has any."""
        from llmscope.lake.session import LakeStore

        if not isinstance(self.store, LakeStore):
            return None
        from llmscope.lake.rollup_answers import Rollups

        found = Rollups(self.store, self.engine.show, self._priced_book)
        return found if found.files(Window()).used else None

    def rolled(self, groups: Sequence[Dimension], *, bins: bool = False, priced: bool = False) -> bool:
        """Whether `rollups` (and with `bins` also `rollup_bins`) stand for the requests in a question by dimensions."""
        if self.exact or self.rollups is None or self.where_is_priced:
            return False
        columns = self.where.columns if self.where else ()
        return self.rollups.answer(self.window, groups, columns, bins=bins, priced=priced)

    def rolled_steps(self, name: str, conditions: str) -> list[tuple[str, str]]:
        """The relation of rollups and what it rests on."""
        assert self.rollups is not None  # noqa: S101
        return self.rollups.steps(name, conditions, lambda: self.priced_sql)

    def _priced_book(self) -> PriceBook:
        """The price book, once the rates of it are at hand."""
        _ = self.priced_sql
        return self.book

    def dimension_sql(self, dimension: Dimension, place: int) -> str:
        return dimension_sql(dimension, place, self.window.tz)

    def pair(self, baseline: str | None = None) -> tuple[Window, Window]:
        """The windows before and after of a question about change; see llmscope.windows.pair."""
        ends = self.engine.rows("SELECT min(started_at), max(started_at) FROM main.requests", {})[1][0]
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
        """DuckDB's connection: whatever engine is asked, what was loaded and refused is told here."""
        return self.store.con

    @cached_property
    def engine(self) -> Engine:
        """What the questions' SQL is put to."""
        return self.asked_engine or duckdb.DuckDB(self.store)

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
        keys = duckdb.execute(self.con, "SELECT provider, model, service_tier, region FROM price_keys ORDER BY ALL")
        present = self.present or frozenset(present_columns(self.con, "requests"))
        held = Extent(cache_hits="cache_hit" in present, columns=present)
        base = BASE if self.where_is_priced else "requests"
        table = rate_table(book, keys, extent=held, requests=base, name=name, rates=each)
        self.rates = table
        self.engine.put(name, table.columns, table.rows)
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
        from llmscope.pricing.what_if import COLUMNS, NAME, what_if_rows

        self.engine.put(NAME, COLUMNS, what_if_rows(self.book, keys, fits))

    def join(self, name: str) -> None:
        """Reads the store or the lake of that name beside the logs.

        Raises:
            LlmscopeError: there is none.
        """
        from llmscope.joined import add_store, attach_file
        from llmscope.lake import is_lake

        if is_lake(name):
            from llmscope.lake.session import attach_lake

            attach_lake(self.con, name)
        elif Path(name).exists():
            attach_file(self.con, Path(name))
        else:
            raise no_store(Path(name))
        self.present = add_store(self.store)
        self.notes.append(f"with the rows of {name}; a request that stands in both is the store's")

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
        rolled = self.rollups.notes(self.window) if self.rollups else ()
        notes = (*result.notes, *rolled, *left_out.notes(self, result.weighted), *self.notes)
        notes = tuple(map(in_number, notes))
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
        sql = (
            "SELECT count(*) FILTER (WHERE sample_weight <> 1), count(*), sum(coalesce(sample_weight, 1))"
            f" FROM ({requests_sql(self, tagged=False)})"
        )
        weighted, kept, of = self.engine.rows(sql, self.where_values)[1][0]
        return {"weighted": weighted, "kept": kept, "of": float(of)} if weighted else {}

    def close(self) -> None:
        """Lets go of the store, and of what was loaded for one question only."""
        self.engine.close()
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
