"""Writes rows as JSON lines (only the keys that have a value) or as Parquet: the same bytes every time."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

LISTS = ("tags", "prefix_hashes")
TIMES = ("started_at", "ended_at")
FLOATS = ("temperature", "cost_logged_usd")
# Parquet's columns, in the order of the canonical record.
COLUMN_NAMES = """
request_id trace_id span_id parent_span_id session_id user_id feature template template_version service environment
release region language item_id operation provider request_model response_model finish_reason finish_reason_raw
status error_class error_type error_message service_tier input_text output_text prompt_hash started_at ended_at
latency_ms ttft_ms queue_ms network_ms inference_ms postprocess_ms input_tokens output_tokens cache_read_tokens
cache_write_tokens cache_write_5m_tokens reasoning_tokens max_tokens input_chars output_chars http_status attempt
stream fallback refusal cache_hit temperature cost_logged_usd tags prefix_hashes metadata
"""
COLUMNS = tuple(COLUMN_NAMES.split())


def write_jsonl(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """JSON lines; gzipped when the name says so, without name or time in the header."""
    text = "".join(_line(row) for row in rows).encode()
    if path.suffix == ".gz":
        text = gzip.compress(text, 9, mtime=0)
    path.write_bytes(text)


def _line(row: Mapping[str, Any]) -> str:
    kept = {key: _plain(value) for key, value in row.items() if value is not None}
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":")) + "\n"


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return value


def write_parquet(path: Path, rows: list[dict[str, Any]]) -> None:
    """Parquet (zstd): times as UTC timestamps without a zone, metadata as JSON text."""
    fields = [pa.field(name, _type(name, rows)) for name in COLUMNS]
    columns = [[_cell(row.get(name)) for row in rows] for name in COLUMNS]
    arrays = [pa.array(values, f.type) for values, f in zip(columns, fields, strict=True)]
    table = pa.Table.from_arrays(arrays, schema=pa.schema(fields))
    pq.write_table(table, path, compression="zstd", compression_level=19)


def _type(name: str, rows: list[dict[str, Any]]) -> pa.DataType:
    if name in LISTS:
        return pa.list_(pa.string())
    if name in TIMES:
        return pa.timestamp("ms")
    if name in FLOATS:
        return pa.float64()
    sample = next((row[name] for row in rows if row.get(name) is not None), "")
    return {bool: pa.bool_(), int: pa.int64()}.get(type(sample), pa.string())


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    return json.dumps(value) if isinstance(value, dict) else value
