"""Which questions daily rollups answer, from which files of a lake, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import time
from typing import TYPE_CHECKING

from llmscope.engines.duckdb import execute
from llmscope.lake.files import DataFile, between
from llmscope.lake.rollup import DIGEST_COLUMNS, DIGESTS, KEYS, STALE_SQL, digests, put
from llmscope.lake.session import LakeStore
from llmscope.result import Window
from llmscope.rolled import BIN_DIMENSIONS, BINS, BUCKETS, DIGEST, DIMENSIONS, ROLLED, SUMS, bins_sql, sums_sql
from llmscope.schema import Dimension

if TYPE_CHECKING:
    from llmscope.pricing import PriceBook

Show = Callable[[str, str, list[tuple[DataFile, str]]], None]
UNROLLED = "requests_unrolled"
# Of rows without rollups, at most this share is rolled up on the way; where there are more, the rows answer.
FEW = 0.1


@dataclass
class Found:
    """The files of a window: rollups that count, those that are all that is left, and rows that have none."""

    used: list[DataFile] = field(default_factory=list)
    forgotten: list[DataFile] = field(default_factory=list)
    unrolled: list[DataFile] = field(default_factory=list)
    old_prices: bool = False


@dataclass
class Rollups:
    """The rollups of one lake for one question after another."""

    store: LakeStore
    show: Show
    book: Callable[[], PriceBook]
    used: Found | None = None
    said: list[str] = field(default_factory=list)

    def answer(
        self, window: Window, groups: Iterable[Dimension], columns: Collection[str], *, bins: bool, priced: bool
    ) -> bool:
        """Whether rollups answer a question by these dimensions, under a condition on these columns."""
        self.used, self.said = None, []
        if not whole_days(window) or not can_tell(groups, columns, BIN_DIMENSIONS if bins else tuple(DIMENSIONS)):
            return False
        found = self.files(window)
        if not found.used or any("sample_weight" in file.columns for file in found.unrolled):
            return False
        if priced:
            self.without_old_prices(found)
        rows = sum(f.rows for f in self.requests(window))
        if not found.forgotten and sum(f.rows for f in found.unrolled) > FEW * rows:
            return False
        self.make_views(found, bins)
        self.used, self.said = found, said_of(found, bins, priced)
        return True

    def files(self, window: Window) -> Found:
        """The files of a window, whatever their prices."""
        state = self.store.snapshot
        requests = self.requests(window)
        there = {file.path for file in requests}
        rolled = between(state.of(SUMS), window.since, window.until)
        known = {file.of for file in rolled}
        return Found(
            [file for file in rolled if file.of in there or file.of not in state.files],
            [file for file in rolled if file.of not in state.files],
            [file for file in requests if file.path not in known],
        )

    def requests(self, window: Window) -> list[DataFile]:
        """The files of requests of a window."""
        return between(self.store.snapshot.of("requests"), window.since, window.until)

    def without_old_prices(self, found: Found) -> None:
        """Takes out what was priced otherwise than now, where there are rows to be priced anew."""
        con = self.store.con
        self.view(SUMS, found.used)
        keys = execute(con, f"SELECT DISTINCT {', '.join(KEYS)} FROM main.{SUMS} ORDER BY ALL")
        put(con, DIGESTS, DIGEST_COLUMNS, digests(self.book(), keys))
        days = {str(day.date()) for (day,) in execute(con, STALE_SQL.format(view=f"main.{SUMS}"))}
        gone = {file.path for file in found.forgotten}
        files = self.store.snapshot.files
        old = [file for file in found.used if file.day in days]
        found.old_prices = any(file.path in gone for file in old)
        again = dict.fromkeys(file.of for file in old if file.path not in gone)
        found.used = [file for file in found.used if file.path in gone or file.of not in again]
        found.unrolled += [files[path] for path in again]

    def make_views(self, found: Found, with_bins: bool) -> None:
        """Lets the engine read what was found."""
        kept = {file.of for file in found.used}
        gone = {file.day for file in found.forgotten}
        files = self.store.snapshot.files
        bins = [
            file for file in self.store.snapshot.of(BINS)
            if (file.of in kept and file.of in files) or (file.of not in files and file.day in gone)
        ]  # fmt: skip
        shown = [(SUMS, SUMS, found.used)]
        shown += [(BINS, BINS, bins)] * with_bins
        shown += [(UNROLLED, "requests", found.unrolled)] * bool(found.unrolled)
        for name, table, chosen in shown:
            self.show(name, table, [(file, self.store.held.url(file)) for file in chosen])

    def view(self, table: str, files: list[DataFile]) -> None:
        """A view in the store's own engine over listed files."""
        self.store.put_files(table, table, files)

    def steps(self, name: str, conditions: str, priced_sql: Callable[[], str]) -> list[tuple[str, str]]:
        """The relation of that name, and what it rests on: rollups, and rows that are rolled up on the way."""
        assert self.used is not None  # noqa: S101
        columns = ", ".join(column for column in ROLLED[name] if column != DIGEST)
        stored = f"SELECT {columns} FROM main.{name}{conditions}"
        if not self.used.unrolled:
            return [(name, stored)]
        requests = ("requests", f"SELECT * FROM main.{UNROLLED}{conditions}")
        if name == BINS:
            return [requests, (name, f"{stored} UNION ALL SELECT {columns} FROM ({bins_sql()})")]
        priced = ("priced", priced_sql())
        return [requests, priced, (name, f"{stored} UNION ALL SELECT {columns} FROM ({sums_sql()})")]

    def notes(self, window: Window) -> list[str]:
        """What is said of the last answer; of one from the rows, which days are missing in it."""
        if self.used is not None:
            found, self.used = self.said, None
            return found
        gone = self.files(window).forgotten
        if not gone:
            return []
        return [
            f"not in these figures: {days_of(gone)} whose requests are forgotten. Only their daily rollups are left, "
            "which answer llmscope cost and latency by whole UTC days and common dimensions"
        ]


def said_of(found: Found, bins: bool, priced: bool) -> list[str]:
    """The small print of an answer from rollups."""
    says = ["quantiles within 1 %"] * bins + ["users and sessions are not counted in them"] * priced
    notes = [f"from daily rollups ({days_of(found.used)}); {'; '.join(says)}: --exact reads the rows"]
    if found.forgotten:
        at = ", at the prices of when they were made" if priced and found.old_prices else ""
        notes.append(f"requests of {days_of(found.forgotten)} are forgotten: only their rollups remain{at}")
    if found.unrolled:
        rows = sum(file.rows for file in found.unrolled)
        notes.append(
            f"{rows:,} requests without rollups at these prices were rolled up for this answer; "
            "llmscope store rollup keeps them"
        )
    return notes


def days_of(files: Iterable[DataFile]) -> str:
    """How many days files are of."""
    n = len({file.day for file in files})
    return f"{n:,} day{'s' * (n != 1)}"


def whole_days(window: Window) -> bool:
    """Whether a window and its buckets begin and end with days of UTC."""
    ends = (end for end in (window.since, window.until) if end is not None)
    return window.tz == "UTC" and all(end.time() == time() for end in ends)


def can_tell(groups: Iterable[Dimension], columns: Collection[str], known: Collection[str]) -> bool:
    """Whether rollups know every dimension and every column of --where."""
    alike = all(d.word in BUCKETS or (d.sql in known and d.value is None and not d.unnests) for d in groups)
    return alike and all(column in known for column in columns)
