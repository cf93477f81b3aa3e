"""Makes the daily rollups of a lake's data files: each file of requests has its own, committed with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from hashlib import sha256
from itertools import pairwise, zip_longest
from typing import TYPE_CHECKING, Any

from llmscope.engines.duckdb import execute
from llmscope.lake.files import Change, DataFile
from llmscope.lake.gather import gather
from llmscope.lake.lake import Lake
from llmscope.lake.views import rows_sql, types_of
from llmscope.lake.write import Writer, write_file
from llmscope.pricing import PriceBook, rate_table
from llmscope.pricing.rates import EVER, NEVER, Extent, Key, RateRow, rate_rows
from llmscope.rolled import BINS, DIGEST, ROLLED, SUMS, bins_sql, sums_sql

if TYPE_CHECKING:
    import duckdb

RATES, DIGESTS, NOW = "rollup_rates", "rate_digests", "rolled_now"
KEYS = ("provider", "model", "service_tier", "region")
DIGEST_COLUMNS = (
    *((name, "VARCHAR") for name in KEYS), ("starts", "TIMESTAMP"), ("ends", "TIMESTAMP"), ("digest", "VARCHAR"),
)  # fmt: skip
# What the prices of a row of `rollups` are told by: those its key has on its day.
SAME_PRICES = (
    "made.model = rate.model AND made.provider IS NOT DISTINCT FROM rate.provider"
    " AND made.service_tier IS NOT DISTINCT FROM rate.service_tier AND made.region IS NOT DISTINCT FROM rate.region"
    " AND made.started_at >= rate.starts AND made.started_at < rate.ends"
)
STALE_SQL = f"""
SELECT DISTINCT made.started_at
FROM {{view}} AS made LEFT JOIN {DIGESTS} AS rate ON {SAME_PRICES}
WHERE made.{DIGEST} IS DISTINCT FROM rate.digest
"""
ROWS_A_STATEMENT = 200
FILES_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Roller:
    """Rolls data files up in one connection, at the prices of one book."""

    con: duckdb.DuckDBPyConnection
    book: PriceBook

    def roll(self, to: Writer, files: Iterable[tuple[DataFile, str]], only: str = "true") -> None:
        """Writes the rollups of files of requests, each given with where it is to be read."""
        for some in batches([(file, url) for file, url in files if can_roll(file)]):
            rows = rows_sql("requests", [(file.columns, url) for file, url in some], types_of("requests"))
            execute(self.con, f"CREATE OR REPLACE TEMP VIEW to_roll AS SELECT * FROM ({rows}) WHERE {only}")
            sums = f"WITH priced AS ({self.put_rates()}) {sums_sql()}"
            digested = (
                f"SELECT made.*, rate.digest AS {DIGEST} FROM ({sums}) AS made"
                f" LEFT JOIN {DIGESTS} AS rate ON {SAME_PRICES}"
            )
            owners = [file for file, _ in some]
            self.write(to, SUMS, digested, owners)
            self.write(to, BINS, bins_sql("to_roll"), owners)

    def put_rates(self) -> str:
        """Makes the tables of rates and their digests for what is to be rolled up; the SELECT of `priced` over it."""
        keys = execute(self.con, f"SELECT DISTINCT {', '.join(KEYS)} FROM to_roll ORDER BY ALL")
        table = rate_table(self.book, keys, requests="to_roll", name=RATES)
        put(self.con, RATES, table.columns, table.rows)
        put(self.con, DIGESTS, DIGEST_COLUMNS, digests(self.book, keys))
        return table.priced_sql

    def write(self, to: Writer, table: str, rows: str, owners: Iterable[DataFile]) -> None:
        """Writes one rollup a file, all of other days, and whose each is."""
        execute(self.con, f"CREATE OR REPLACE TEMP TABLE {NOW} AS {rows}")
        for owner in owners:
            made = len(to.made)
            own = f"SELECT * FROM {NOW} WHERE started_at = TIMESTAMP '{owner.day} 00:00:00'"
            write_file(self.con, to, table, owner.day, own, list(ROLLED[table]))
            to.made[made:] = [(path, replace(file, of=owner.path)) for path, file in to.made[made:]]


def batches(files: Iterable[tuple[DataFile, str]]) -> Iterator[list[tuple[DataFile, str]]]:
    """Files to be rolled up together: no two of one day, as rows do not tell their file."""
    days: dict[str | None, list[tuple[DataFile, str]]] = {}
    for file, url in files:
        days.setdefault(file.day, []).append((file, url))
    for turn in zip_longest(*days.values()):
        found = [one for one in turn if one is not None]
        yield from (found[at : at + FILES_AT_ONCE] for at in range(0, len(found), FILES_AT_ONCE))


def can_roll(file: DataFile) -> bool:
    """Whether a file is of a day, and none of its rows stands for others."""
    return file.table == "requests" and file.day is not None and "sample_weight" not in file.columns


def roller(con: duckdb.DuckDBPyConnection, lake: Lake) -> Roller:
    """What rolls a lake's files up; the price book is read once."""
    if lake.prices is None:
        lake.prices = PriceBook.open(lake.pricing_file)
    return Roller(con, lake.prices)


def roll_made(con: duckdb.DuckDBPyConnection, to: Writer) -> None:
    """Rolls up what a commit writes, where the lake has rollups."""
    if to.lake.state.rollups:
        made = [(file, str(path)) for path, file in to.made]
        roller(con, to.lake).roll(to, made)


def of_removed(lake: Lake, removed: Iterable[DataFile]) -> tuple[str, ...]:
    """The rollups of files whose rows stand in others from now on."""
    gone = {file.path for file in removed if file.table == "requests"}
    return tuple(file.path for table in ROLLED for file in lake.state.of(table) if file.of in gone)


def forgotten(lake: Lake, file: DataFile) -> bool:
    """Whether a rollup is all that is left of its rows."""
    return file.table in ROLLED and file.of not in lake.state.files


def make_missing(lake: Lake, memory: str | None = None) -> tuple[Change, int]:
    """Switches rollups on and makes those that are missing or were priced otherwise; and how many cannot be made."""
    from llmscope.lake.tend import until_committed

    left = 0

    def attempt(con: duckdb.DuckDBPyConnection, to: Writer) -> Change:
        nonlocal left
        to.loader = lake.state.loader
        made = roller(con, lake)
        old = stale(made, lake)
        known = {file.of for file in lake.files(SUMS)} - old
        files = [file for file in lake.files("requests") if file.path not in known]
        left = sum(not can_roll(file) for file in files)
        made.roll(to, ((file, lake.url(file)) for file in files))
        gone = tuple(file.path for table in ROLLED for file in lake.files(table) if file.of in old)
        gone += gather(con, to, gone)
        return Change("rollup", to.place(), gone, rollups=True)

    return until_committed(lake, memory, attempt), left


def stale(made: Roller, lake: Lake) -> set[str]:
    """The data files that are there and whose rollups bear other prices than those of now."""
    held = [file for file in lake.files(SUMS) if file.of in lake.state.files]
    if not held:
        return set()
    rows = rows_sql(SUMS, [(file.columns, lake.url(file)) for file in held], ROLLED[SUMS])
    execute(made.con, f"CREATE OR REPLACE TEMP VIEW rolled_before AS {rows}")
    keys = execute(made.con, f"SELECT DISTINCT {', '.join(KEYS)} FROM rolled_before ORDER BY ALL")
    put(made.con, DIGESTS, DIGEST_COLUMNS, digests(made.book, keys))
    days = {str(day.date()) for (day,) in execute(made.con, STALE_SQL.format(view="rolled_before"))}
    return {file.of for file in held if file.day in days}


def digests(book: PriceBook, keys: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Each price key, the spans of days over which its rates are the same, and what tells these rates from others."""
    found = []
    for values in keys:
        key = Key(*values)
        rows = rate_rows(book, key, book.resolve(key.provider, key.model), Extent(), EVER)
        days = sorted({EVER.date(), NEVER.date(), *(day for row in rows for day in turns(row))})
        for first, last in pairwise(days):
            found.append((*values, midnight(first), midnight(last), digest(rows, first)))
    return found


def turns(row: RateRow) -> Iterable[date]:
    """The days on which a rate begins or ends to hold, for a part of the day or from its beginning."""
    for moment in (row.starts, row.ends, row.known_from or EVER):
        if EVER < moment < NEVER:
            yield moment.date()
            if moment.time() != time():
                yield moment.date() + timedelta(days=1)


def digest(rows: Iterable[RateRow], day: date) -> str:
    """What the rates of a day are, in few characters; what they were before or are after it does not matter."""
    begins, ends = midnight(day), midnight(day) + timedelta(days=1)

    def inside(moment: datetime | None) -> str:
        if moment is None or moment <= begins:
            return "before"
        return "after" if moment >= ends else moment.isoformat()

    said = sorted(
        repr((inside(r.starts), inside(r.ends), r.over, r.upto, r.schedule, r.peak, r.net, sorted(r.lacks), r.status,
              inside(r.known_from), r.price_id))
        for r in rows
        if r.starts < ends and r.ends > begins
    )  # fmt: skip
    return sha256("\n".join(said).encode()).hexdigest()[:16]


def midnight(day: date) -> datetime:
    return datetime.combine(day, time())


def put(con: duckdb.DuckDBPyConnection, name: str, columns: Iterable[tuple[str, str]], rows: Any) -> None:
    """Makes a temporary table of rows of our own."""
    listed = list(columns)
    execute(con, f"CREATE OR REPLACE TEMP TABLE {name} ({', '.join(f'{n} {kind}' for n, kind in listed)})")
    marks = f"({', '.join('?' * len(listed))})"
    for at in range(0, len(rows), ROWS_A_STATEMENT):
        part = rows[at : at + ROWS_A_STATEMENT]
        con.execute(f"INSERT INTO {name} VALUES {', '.join([marks] * len(part))}", [v for row in part for v in row])
