"""Accounts for the lines that did not become rows: blank, malformed (with line, byte and reason), or other records."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmscope.engines.duckdb import execute
from llmscope.load.content import Compression, opened, skip
from llmscope.load.logfile import LogFile
from llmscope.load.read import lines_sql, values_sql

if TYPE_CHECKING:
    import duckdb

MOST_HEADS = 10_000
KEEP_BYTES = 1 << 12


@dataclass(frozen=True, slots=True)
class Reject:
    """One refused line: where it stands, why it was refused, and its redacted head."""

    line: int | None
    byte: int | None
    reason: str
    head: str


@dataclass(frozen=True, slots=True)
class Account:
    """What the lines of [start, end) are: blank, malformed, or objects (`records`)."""

    blank: int
    malformed: int
    records: int
    rejects: tuple[Reject, ...]


def account(
    con: duckdb.DuckDBPyConnection,
    file: LogFile,
    path: Path,
    start: int,
    end: int,
    line: int,
    object_bytes: int,
    unfinished: bool,
) -> Account:
    """Re-reads the lines of a file that has bad, blank or other ones; a clean file never comes here.

    The engine says how many lines are malformed; a cheap look at each line's two ends finds most of them, and only
    when the numbers differ is every line numbered by the engine itself. `unfinished`: the engine also saw a
    half-written line after `end`, which is nobody's yet.
    """
    with ThreadPoolExecutor(1) as beside:
        counting = beside.submit(count_lines, con, file, path, object_bytes)
        blank, suspects = look(file, start, end, line, unlikely)
        rows, malformed = counting.result()
    rows, malformed = rows - unfinished, malformed - unfinished
    refused = [r for r in suspects if r.reason]
    if len(refused) != malformed:
        wanted = set(ordinals(con, file, path, object_bytes))
        blank, refused = look(file, start, end, line, lambda text, ordinal: ordinal in wanted)
    return Account(blank, len(refused), rows - len(refused), tuple(refused[:MOST_HEADS]))


NOT_AN_OBJECT = "json IS NULL OR NOT starts_with(ltrim(json::VARCHAR), '{')"


def count_lines(con: duckdb.DuckDBPyConnection, file: LogFile, path: Path, object_bytes: int) -> tuple[int, int]:
    """The non-blank lines, and those that are no JSON object, as the engine's own parser sees them."""
    lines = lines_sql(file, path, object_bytes)
    rows = execute(con, f"SELECT count(*), count(*) FILTER (WHERE {NOT_AN_OBJECT}) FROM ({lines})")
    return int(rows[0][0]), int(rows[0][1])


def count_others(con: duckdb.DuckDBPyConnection, file: LogFile, path: Path, object_bytes: int) -> int:
    """The values of a JSON array that are no objects."""
    values = values_sql(file, path, object_bytes)
    return int(execute(con, f"SELECT count(*) FROM ({values}) WHERE {NOT_AN_OBJECT}")[0][0])


def ordinals(con: duckdb.DuckDBPyConnection, file: LogFile, path: Path, object_bytes: int) -> list[int]:
    """The places, counted from 0 over the non-blank lines, of the malformed ones."""
    execute(con, "SET preserve_insertion_order = true")
    try:
        numbered = f"SELECT json, row_number() OVER () - 1 AS place FROM ({lines_sql(file, path, object_bytes)})"
        bad = f"SELECT place FROM ({numbered}) WHERE {NOT_AN_OBJECT}"
        return [int(row[0]) for row in execute(con, bad)]
    finally:
        execute(con, "SET preserve_insertion_order = false")


def unlikely(text: bytes, ordinal: int) -> bool:
    """A line that does not look like an object from both ends."""
    return not (text.startswith(b"{") and text.endswith(b"}"))


def look(
    file: LogFile, start: int, end: int, line: int, suspect: Callable[[bytes, int], bool]
) -> tuple[int, list[Reject]]:
    """Counts the blank lines of [start, end) and collects the suspects, with the reason JSON gives, if it gives one."""
    blank, ordinal, found = 0, -1, []
    quick = suspect is unlikely
    for number, byte, raw in numbered_lines(file.path, file.compression, start, end, line):
        if quick and raw.startswith(b"{") and raw.endswith(b"}\n"):
            continue
        text = raw.strip(b" \t\r\n\xef\xbb\xbf" if byte == 0 else b" \t\r\n")
        if not text:
            blank += 1
            continue
        ordinal += 1
        if suspect(text, ordinal):
            found.append(Reject(number, byte, reason_of(text), redacted(text)))
    return blank, found


def redacted(text: bytes) -> str:
    """The head of a line as it may be kept."""
    from llmscope.redact import redact_head

    return redact_head(text[:KEEP_BYTES])


def numbered_lines(
    path: Path, compression: Compression, start: int, end: int, line: int
) -> Iterator[tuple[int, int, bytes]]:
    """(line number, byte offset, bytes) of every line of [start, end)."""
    with opened(path, compression) as stream:
        skip(stream, start)
        byte = start
        for raw in stream:
            if byte >= end:
                return
            yield line, byte, raw
            line, byte = line + 1, byte + len(raw)


def reason_of(text: bytes) -> str:
    """Why a line is no record; empty when it is one after all."""
    try:
        value: Any = json.loads(text, strict=False)
    except UnicodeDecodeError:
        return "not valid UTF-8"
    except json.JSONDecodeError as error:
        return f"malformed JSON: {error.msg} at column {error.colno}"
    except RecursionError:
        return "malformed JSON: nested too deeply"
    except ValueError as error:
        return f"malformed JSON: {error}"
    return "" if isinstance(value, dict) else f"not an object but {kind_of(value)}"


def kind_of(value: Any) -> str:
    """What a JSON value is, as people say it."""
    names = {list: "an array", str: "a string", bool: "a truth value", int: "a number", float: "a number"}
    return names.get(type(value), "null")


def forget_csv_rejects(con: duckdb.DuckDBPyConnection) -> None:
    """The reader keeps what it refused for as long as the connection lasts: another file's are not this one's."""
    for table in ("reject_errors", "reject_scans"):
        execute(con, f"DROP TABLE IF EXISTS {table}")


def csv_rejects(con: duckdb.DuckDBPyConnection) -> tuple[Reject, ...]:
    """The lines the CSV reader refused: a line once, with its first fault."""
    rows = execute(
        con,
        "SELECT line, min(line_byte_position), min(error_message), min(csv_line) FROM reject_errors"
        " GROUP BY line ORDER BY line",
    )
    return tuple(
        Reject(line, byte, f"malformed CSV: {why}", redacted((text or "").encode())) for line, byte, why, text in rows
    )


def keep(con: duckdb.DuckDBPyConnection, load_id: int, shown: str, rejects: Sequence[Reject]) -> None:
    """Writes the rejects to the store."""
    if rejects:
        con.executemany(
            "INSERT INTO rejects VALUES (?, ?, ?, ?, ?, ?)",
            [(load_id, shown, r.line, r.byte, r.reason or "refused by the JSON reader", r.head) for r in rejects],
        )
