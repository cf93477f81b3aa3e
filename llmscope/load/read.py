"""The SQL that reads one file's raw records: a relation of the reading's columns, each VARCHAR or JSON."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from llmscope.load.logfile import LogFile
from llmscope.sources import Reading, json_path, literal, quote
from llmscope.sources._usage import prepared_sql

OBJECT_BYTES = 1 << 24
LONGEST_OBJECT_BYTES = 1 << 28
CSV_LINE_BYTES, CSV_BUFFER_BYTES = 1 << 25, 1 << 26


def records_sql(file: LogFile, columns: Mapping[str, str], path: Path, object_bytes: int = OBJECT_BYTES) -> str:
    """A SELECT of raw `columns` from the file at `path` (the log itself, or a copy of a part of it)."""
    if file.container == "parquet":
        return parquet_sql(file, columns, path)
    if file.container == "csv":
        return csv_sql(file, columns, path)
    if file.container == "json" and file.unwrap != "[]":
        return envelope_sql(file, columns, path)
    form = "array" if file.container == "json" else "newline_delimited"
    types = ", ".join(f"{literal(key)}: {literal(kind)}" for key, kind in columns.items())
    return (
        f"SELECT * FROM read_json({paths_sql(file, path)}, columns = {{{types}}}, format = '{form}', records = true,"
        f" ignore_errors = true, compression = '{packing(file, path)}', maximum_object_size = {object_bytes})"
    )


def paths_sql(file: LogFile, path: Path) -> str:
    """What a reader is pointed at: one path, or several, each row then with its own in column filename."""
    if not file.together:
        return literal(str(path))
    return f"[{', '.join(literal(str(p)) for p in file.together)}], filename = true"


def packing(file: LogFile, path: Path) -> str:
    """How the bytes at `path`, the log or a link to it, are compressed; copies of a part never are."""
    return file.compression if path == file.path or path.is_symlink() else "none"


def lines_sql(file: LogFile, path: Path, object_bytes: int = OBJECT_BYTES) -> str:
    """A SELECT of each non-blank line as `json`: NULL where it is malformed."""
    return (
        f"SELECT json FROM read_ndjson_objects({paths_sql(file, path)}, ignore_errors = true,"
        f" compression = '{packing(file, path)}', maximum_object_size = {object_bytes})"
    )


def values_sql(file: LogFile, path: Path, object_bytes: int = OBJECT_BYTES) -> str:
    """A SELECT of each value of a JSON array as `json`."""
    return (
        f"SELECT json FROM read_json({literal(str(path))}, columns = {{'json': 'JSON'}}, format = 'array',"
        f" records = false, ignore_errors = true, compression = '{packing(file, path)}',"
        f" maximum_object_size = {object_bytes})"
    )


def envelope_sql(file: LogFile, columns: Mapping[str, str], path: Path) -> str:
    """The records inside one JSON value, key by key."""
    inside = f"unnest(json_extract(json, {literal('$.' + quote(file.unwrap) + '[*]')}))" if file.unwrap else "json"
    keys = ", ".join(f"{inner(key, kind)} AS {quote(key)}" for key, kind in columns.items())
    named = ", filename" if file.together else ""
    return (
        f"SELECT {keys}{named} FROM (SELECT {inside} AS record{named} FROM read_json({paths_sql(file, path)},"
        f" columns = {{'json': 'JSON'}}, format = 'unstructured', records = false,"
        f" compression = '{packing(file, path)}', maximum_object_size = {max(OBJECT_BYTES, file.size + 1024)}))"
        " WHERE json_type(record) = 'OBJECT'"
    )


def inner(key: str, kind: str) -> str:
    """One key of a record inside an envelope, as the type that is wanted of it."""
    if kind == "VARCHAR":
        return f"json_extract_string(record, {json_path(key)})"
    found = f"json_extract(record, {json_path(key)})"
    return found if kind == "JSON" else f"try_cast({found} AS {kind})"


def csv_sql(file: LogFile, columns: Mapping[str, str], path: Path) -> str:
    """A CSV's columns as text; a column that the source knows and the file lacks is NULL."""
    present = {key: kind for key, kind in columns.items() if key in file.sample.columns}
    keys = ", ".join(
        f"try_cast({quote(key)} AS JSON) AS {quote(key)}" if kind == "JSON" else quote(key)
        for key, kind in present.items()
    )
    header = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in file.sample.columns)
    return (
        f"SELECT {keys}{absent(columns, present)} FROM read_csv({literal(str(path))}, columns = {{{header}}},"
        f" delim = {literal(file.delimiter)}, quote = '\"', escape = '\"', header = true, auto_detect = false,"
        f" store_rejects = true, rejects_limit = 0, null_padding = false, strict_mode = {not file.mixed_line_ends},"
        f" compression = '{packing(file, path)}',"
        f" max_line_size = {CSV_LINE_BYTES}, buffer_size = {CSV_BUFFER_BYTES})"
    )


def header_line(file: LogFile) -> bytes:
    """The line of column names that a copy of a CSV's part begins with."""
    names = ('"' + n.replace('"', '""') + '"' for n in file.sample.columns)
    return (file.delimiter.join(names) + "\n").encode()


def parquet_sql(file: LogFile, columns: Mapping[str, str], path: Path) -> str:
    """A Parquet file's columns as text, nested ones as JSON."""
    present = {key: kind for key, kind in columns.items() if key in file.sample.columns}
    keys = ", ".join(
        f"{parquet_cast(key, kind, file.sample.columns[key])} AS {quote(key)}" for key, kind in present.items()
    )
    return f"SELECT {keys}{absent(columns, present)} FROM read_parquet({literal(str(path))})"


def parquet_cast(key: str, kind: str, found: str) -> str:
    """One Parquet column as the text or JSON that a source expects."""
    name = quote(key)
    if kind.endswith("[]"):
        return f"{name}::{kind}"
    if kind == "JSON":
        return f"to_json({name})" if found != "VARCHAR" else f"try_cast({name} AS JSON)"
    nested = found.startswith(("STRUCT", "MAP")) or found.endswith("]")
    if nested:
        return f"to_json({name})::VARCHAR"
    return name if found == "VARCHAR" else f"{name}::VARCHAR"


def absent(columns: Mapping[str, str], present: Mapping[str, str]) -> str:
    """The columns a source knows and this file does not have."""
    lacking = [f"NULL::{columns[key]} AS {quote(key)}" for key in columns if key not in present]
    return "".join(", " * bool(i or present) + text for i, text in enumerate(lacking))


def raw_sql(file: LogFile, reading: Reading, path: Path, object_bytes: int = OBJECT_BYTES) -> str:
    """The reading's columns and what it prepares from them, one row a record."""
    return prepared_sql(records_sql(file, reading.columns, path, object_bytes), reading.prepare)


def empty_record(columns: Mapping[str, str]) -> str:
    """True for a record that has none of these keys; a malformed line looks the same."""
    keys = ", ".join(quote(key) for key in columns)
    return (
        f"coalesce({keys}) IS NULL"
        if len({*columns.values()}) == 1
        else " AND ".join(f"{quote(key)} IS NULL" for key in columns)
    )
