"""Gathers the rollups of a month in one file more: a question of a year opens twelve instead of a thousand.

Each row says which rollup it is of, so what a gathered file holds of rollups that count no more is passed over.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from llmscope.engines.duckdb import text_literal
from llmscope.lake.files import GATHERED, DataFile, State
from llmscope.lake.lake import Lake
from llmscope.lake.views import ROLLUP, rows_sql, types_of
from llmscope.lake.write import Writer, write_file
from llmscope.rolled import ROLLED

if TYPE_CHECKING:
    import duckdb

# A load leaves so many rollups of a month for themselves: each is opened by every question.
FEW = 8
Placed = tuple[DataFile, str]


def gather(con: duckdb.DuckDBPyConnection, to: Writer, gone: Collection[str], few: int = 0) -> tuple[str, ...]:
    """Writes the gathered files of the months that have more than `few` rollups for themselves; gives those that go.

    Args:
        gone: the paths that the commit takes out.
    """
    removed: list[str] = []
    made = [(file, str(path)) for path, file in to.made]
    for table, name in GATHERED.items():
        state, lake = to.lake.state, to.lake
        held = [(file, lake.url(file)) for file in state.of(table) if file.path not in gone]
        months = by_month([*held, *(one for one in made if one[0].table == table)])
        for month, rollups in months.items():
            before = [file for file in state.of(name) if file.day == f"{month}-01"]
            known = {path for file in before for path in file.holds}
            if len(rollups) > 1 and sum(file.path not in known for file, _ in rollups) > few:
                write(con, to, table, f"{month}-01", rollups, before)
                removed += [file.path for file in before]
        removed += [file.path for file in state.of(name) if (file.day or "")[:7] not in months]
    return tuple(removed)


def loose(lake: Lake) -> bool:
    """Whether a rollup lies for itself in a month that has others."""
    for table, name in GATHERED.items():
        known = {path for file in lake.state.of(name) for path in file.holds}
        for files in by_month((file, "") for file in lake.state.of(table)).values():
            if len(files) > 1 and any(file.path not in known for file, _ in files):
                return True
    return False


def by_month(files: Iterable[Placed]) -> dict[str, list[Placed]]:
    """Files by the month of their day."""
    found: dict[str, list[Placed]] = {}
    for file, url in files:
        found.setdefault((file.day or "")[:7], []).append((file, url))
    return found


def write(
    con: duckdb.DuckDBPyConnection, to: Writer, table: str, day: str, rollups: Sequence[Placed], before: list[DataFile]
) -> None:
    """Writes one gathered file, from those before it and the rollups that are in none."""
    name, lake, made = GATHERED[table], to.lake, len(to.made)
    names = list(types_of(name))
    known = {path for file in before for path in file.holds}
    kept = ", ".join(text_literal(file.path) for file, _ in rollups if file.path in known)
    fresh = [(file, url) for file, url in rollups if file.path not in known]
    parts = []
    if fresh:
        rows = rows_sql(table, [(file.columns, url) for file, url in fresh], ROLLED[table], "filename")
        paths = ", ".join(f"({text_literal(url)}, {text_literal(file.path)})" for file, url in fresh)
        parts.append(
            f"SELECT * EXCLUDE (filename) FROM ({rows}) JOIN (VALUES {paths}) AS p(filename, {ROLLUP}) USING (filename)"
        )
    if kept:
        old = rows_sql(name, [(file.columns, lake.url(file)) for file in before], names)
        parts.append(f"SELECT {', '.join(names)} FROM ({old}) WHERE {ROLLUP} IN ({kept})")
    write_file(con, to, name, day, " UNION ALL BY NAME ".join(parts), names)
    holds = tuple(file.path for file, _ in rollups)
    to.made[made:] = [(path, replace(file, holds=holds)) for path, file in to.made[made:]]


def rolled_sql(
    state: State, table: str, files: Sequence[DataFile], place: Mapping[str, tuple[Collection[str], str]]
) -> str:
    """The SELECT of the rows of chosen rollups, from gathered files where they are in some.

    Args:
        place: of each file that may be read its columns, and what an engine opens.
    """
    name, left = GATHERED[table], {file.path for file in files}
    whole, parts = [], []
    for gathered in state.of(name):
        inside = left.intersection(gathered.holds)
        if len(inside) == len(gathered.holds):
            whole.append(gathered)
        elif inside:
            listed = ", ".join(text_literal(path) for path in sorted(inside))
            rows = rows_sql(name, [place[gathered.path]], types_of(name))
            parts.append(f"SELECT * EXCLUDE ({ROLLUP}) FROM ({rows}) WHERE {ROLLUP} IN ({listed})")
        left -= inside
    if whole:
        parts.append(rows_sql(table, [place[file.path] for file in whole], ROLLED[table]))
    if left or not parts:
        parts.append(rows_sql(table, [place[file.path] for file in files if file.path in left], ROLLED[table]))
    return "\nUNION ALL\n".join(parts)
