"""Files of rows that a question reads or writes beside logs: the items of earlier samples, what is kept of a log."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from llmscope.engines import Engine
from llmscope.engines.duckdb import WRITTEN
from llmscope.errors import LlmscopeError, UsageError

ID = "request_id"
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "＝", "＋", "－", "＠")


def ids_of(path: Path) -> list[str]:
    """The request ids of an earlier answer: CSV, JSON lines, or llmscope's JSON.

    Raises:
        LlmscopeError: it cannot be read, or names no request.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            found = {plain(text) for text in values(file, path) if text}
    except OSError as error:
        raise LlmscopeError(f"{path}: {error.strerror or error}") from error
    except (UnicodeDecodeError, ValueError, csv.Error) as error:
        raise LlmscopeError(f"{path}: neither CSV nor JSON", hint="name a file that llmscope sample wrote") from error
    if found == {""} or not found:
        raise LlmscopeError(f"{path}: no {ID} in it", hint="name a file that llmscope sample wrote")
    return sorted(found)


def values(file: Any, path: Path) -> Iterator[str | None]:
    """The ids as written."""
    if path.suffix == ".json":
        found = json.load(file)
        rows = found.get("rows", []) if isinstance(found, dict) else found
        yield from (row.get(ID) for row in rows if isinstance(row, dict))
    elif path.suffix in (".jsonl", ".ndjson"):
        for line in filter(str.strip, file):
            row = json.loads(line)
            yield row.get(ID) if isinstance(row, dict) else None
    else:
        head = file.readline()
        file.seek(0)
        delimiter = max(",;\t", key=head.count)
        yield from (row.get(ID) for row in csv.DictReader(file, delimiter=delimiter))


def plain(text: object) -> str:
    """An id without the apostrophe that guards a spreadsheet against it."""
    found = str(text).strip()
    return found[1:] if found.startswith("'") and found[1:].lstrip(" ").startswith(FORMULA_STARTS) else found


def suffix_of(path: Path) -> str:
    """The end of a file's name that says how rows are written to it.

    Raises:
        UsageError: none of those known.
    """
    found = next((suffix for suffix in sorted(WRITTEN, key=len, reverse=True) if path.name.endswith(suffix)), None)
    if found is None:
        raise UsageError(f"{path}: rows are written as {', '.join(WRITTEN)}", hint="-o kept.parquet or -o kept.jsonl")
    return found


def write(engine: Engine, sql: str, path: Path, bound: Mapping[str, Any]) -> None:
    """Writes what a SELECT gives to a file; the engine streams it.

    Raises:
        LlmscopeError: it cannot be written.
    """
    suffix = suffix_of(path)
    if not path.parent.is_dir():
        raise LlmscopeError(f"{path}: no such folder")
    engine.write(path, suffix, sql, bound)
