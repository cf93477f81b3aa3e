"""JSON that is not lines: an array of records, an envelope round them, one record, or several one after another."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from llmscope.errors import LlmscopeError
from llmscope.load.content import Compression, opened
from llmscope.load.logfile import LogFile
from llmscope.sources import Sample, detect

ENVELOPES = (
    "data", "observations", "spans", "traces", "calls", "events", "results", "result", "value", "records", "logs",
    "rows", "items",
)  # fmt: skip
# An object that has one of these is a record, whatever lists it holds.
RECORD_KEYS = {"model", "request_model", "usage", "request_id", "timestamp", "started_at", "messages", "response"}
TRAILING_COMMA = re.compile(rb",\s*\]\s*$")
RECORDS_FOR_KEYS = 200
# What is one JSON value is read whole, so there is an end to its size; arrays and lines have none.
LONGEST_BYTES = 1 << 29


def array_head(text: bytes, whole: bool) -> list[Any]:
    """The first values of a JSON array too long to be parsed whole; empty when they all fit in the peek."""
    decoder = json.JSONDecoder()
    found: list[Any] = []
    rest = text.decode("utf-8", "replace").lstrip()[1:]
    while not whole and len(found) < RECORDS_FOR_KEYS:
        try:
            value, end = decoder.raw_decode(rest.lstrip(" \t\r\n,"))
        except (ValueError, RecursionError):
            break
        found.append(value)
        rest = rest.lstrip(" \t\r\n,")[end:]
    return found


def document(path: Path, shown: str, compression: Compression, text: bytes, bom: bool) -> LogFile:
    """A file that is one JSON value: an array of records, an envelope round them, or one record; or several such."""
    data = whole_text(path, shown, compression)
    try:
        tidy = closed(data)
        value = json.loads(tidy)
    except (ValueError, RecursionError) as error:
        several = one_after_another(data)
        if several:
            return of_records(path, shown, compression, several, "", bom)
        where = place_of(error) if isinstance(error, json.JSONDecodeError) else ""
        raise LlmscopeError(
            f"{shown}: neither JSON lines nor one JSON value{where}", hint="is the file cut short?"
        ) from error
    unwrap = "[]" if isinstance(value, list) else "" if is_record(shown, value) else envelope_key(value) or ""
    records = value if unwrap == "[]" else value[unwrap] if unwrap else [value]
    found = of_records(path, shown, compression, records, unwrap, bom)
    return replace(found, size=len(data), loose=len(tidy) < len(data), single=isinstance(value, dict))


def whole_text(path: Path, shown: str, compression: Compression) -> bytes:
    """All of a file that is one JSON value, without a byte-order mark.

    Raises:
        LlmscopeError: it is larger than may be read whole.
    """
    with opened(path, compression) as stream:
        data = stream.read(LONGEST_BYTES + 1)
    if len(data) > LONGEST_BYTES:
        raise LlmscopeError(
            f"{shown}: one JSON value of more than {LONGEST_BYTES >> 20} MB, which is read whole",
            hint="write a record a line: jq -c '.[]' FILE > FILE.jsonl",
        )
    return data.removeprefix(b"\xef\xbb\xbf")


def place_of(error: json.JSONDecodeError) -> str:
    """What is wrong with a JSON text, and where."""
    return f" ({error.msg.removesuffix(' starting at')} at line {error.lineno}, column {error.colno})"


def closed(data: bytes) -> bytes:
    """An array without the comma too many that an exporter may leave at its end."""
    return data[:-64] + TRAILING_COMMA.sub(b"]", data[-64:])


def is_record(shown: str, value: Any) -> bool:
    """Whether an object with a list in it is a record of some source, as a trace with its observations is."""
    if not isinstance(value, dict):
        return False
    return detect(Sample(shown, "json", (value,), dict.fromkeys(value, "JSON")), general=False) is not None


def one_after_another(data: bytes) -> list[Any]:
    """The first values of a file that holds several JSON objects over many lines each; empty when it does not."""
    decoder, place = json.JSONDecoder(), 0
    found: list[Any] = []
    text = data.decode("utf-8-sig", "replace").strip()
    while place < len(text) and len(found) < RECORDS_FOR_KEYS:
        try:
            value, place = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            return []
        found.append(value)
        place = len(text) - len(text[place:].lstrip())
    return found


def of_records(
    path: Path, shown: str, compression: Compression, records: Sequence[Any], unwrap: str, bom: bool
) -> LogFile:
    """A JSON file of these records.

    Raises:
        LlmscopeError: none of them is an object.
    """
    objects = [r for r in records if isinstance(r, dict)]
    if not objects:
        raise LlmscopeError(f"{shown}: JSON with no object in it, so no record of a request")
    keys = dict.fromkeys((key for record in objects[:RECORDS_FOR_KEYS] for key in record), "JSON")
    return LogFile(
        path,
        shown,
        compression,
        "json",
        Sample(shown, "json", tuple(objects[:RECORDS_FOR_KEYS]), keys),
        unwrap,
        bom=bom,
    )


def envelope_key(value: Mapping[str, Any]) -> str | None:
    """The key under which an envelope holds its records; None for what is itself a record."""
    if RECORD_KEYS & value.keys():
        return None
    keys = (k for k in ENVELOPES if isinstance(value.get(k), list))
    return next((k for k in keys if any(isinstance(r, dict) for r in value[k])), None)
