"""Data files that another tool wrote anew: their own columns, and whether these can be read as ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from llmscope.engines import duckdb as engine
from llmscope.errors import LlmscopeError
from llmscope.lake.files import DataFile
from llmscope.lake.views import reading, types_of
from llmscope.sources import quote

if TYPE_CHECKING:
    import duckdb


def kinds_inside(
    con: duckdb.DuckDBPyConnection, files: Mapping[str, tuple[DataFile, str]]
) -> dict[str, dict[str, str]]:
    """Path -> the columns that are in the file, and their types.

    Raises:
        LlmscopeError: a column is of a type, or has a value, that cannot be read as the column's own.
    """
    cursor = con.cursor()  # what fails in here is not to be mended again
    found = {}
    for path, (file, url) in files.items():
        rows = engine.execute(cursor, f"DESCRIBE SELECT * FROM {reading([url])}")
        found[path] = kinds = {name: kind for name, kind, *_ in rows}
        for name, wanted in types_of(file.table).items():
            if name in kinds and kinds[name] != wanted:
                check(cursor, url, name, kinds[name], wanted)
    return found


def check(con: duckdb.DuckDBPyConnection, url: str, name: str, kind: str, wanted: str) -> None:
    """Whether every value of a file's column can be read as the type wanted.

    Raises:
        LlmscopeError: one cannot.
    """
    column = quote(name)
    lost = f"{column} IS NOT NULL AND try_cast({column} AS {wanted}) IS NULL"
    try:
        rows = engine.execute(con, f"SELECT {column}::VARCHAR FROM {reading([url])} WHERE {lost} LIMIT 1")
        said = f" and holds {rows[0][0][:60]!r}" if rows else ""
    except LlmscopeError:
        said = ""
        rows = [("",)]
    if rows:
        raise LlmscopeError(
            f"{url}: column {name} is {kind}{said}, which is no {wanted}",
            hint="another tool wrote this file: write the column in its own type, or put the file back from a backup",
        )
