"""`--map COLUMN=KEY[:UNIT]`: the person's own word on which key is which column, laid over what a source knows."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from llmscope.errors import UsageError, nearest, unknown_name
from llmscope.schema import BY_NAME
from llmscope.sources import Field, Reading, Sample, json_path, literal, quote

UNITS = ("s", "ms", "us", "ns", "offset_s", "offset_ms", "ticks", "cents", "nano_usd", "min")
SHORT = {"model": "request_model", "user": "user_id", "session": "session_id", "cost": "cost_logged_usd"}
STEP = re.compile(r"\.?([^.\[\]\"]+)|\[\"((?:[^\"\\]|\\.)*)\"\]|\[(\d+)\]|\.\"((?:[^\"\\]|\\.)*)\"")


@dataclass(frozen=True, slots=True)
class Map:
    """One mapping: `column` of requests (or `metadata.X`) is read from `key`, a literal key or a path."""

    column: str
    key: str
    unit: str | None = None

    def __str__(self) -> str:
        return f"{self.column}={self.key}" + (f":{self.unit}" if self.unit else "")


def parse(texts: Iterable[str]) -> tuple[Map, ...]:
    """Parses the `--map` options.

    Raises:
        UsageError: not COLUMN=KEY, or no such column; the nearest one is in the hint.
    """
    return tuple(parse_one(text) for text in texts)


def parse_one(text: str) -> Map:
    word, equals, key = text.partition("=")
    if not equals or not word.strip() or not key.strip():
        raise UsageError(f"--map {text!r} is not COLUMN=KEY", hint="for example --map model=properties.main_model")
    column = SHORT.get(word.strip(), word.strip())
    known = BY_NAME["requests"]
    if column not in known and not column.startswith("metadata."):
        raise unknown_name("column", column, [*known, *SHORT, "metadata.NAME"])
    head, colon, unit = key.strip().rpartition(":")
    if colon and unit in UNITS:
        return Map(column, head, unit)
    return Map(column, key.strip())


def steps(key: str, sample: Sample) -> list[str]:
    """The keys a path walks through; a key that exists literally is one step, dots and all."""
    if key in sample.columns:
        return [key]
    if key.startswith("$"):
        found = [a or b or c or d for a, b, c, d in STEP.findall(key.removeprefix("$"))]
        if not found:
            raise UsageError(f"--map: {key!r} is not a JSON path", hint='for example $.properties["main.model"]')
        return found
    if not all(key.split(".")):
        raise UsageError(f"--map: {key!r} is not a path of keys", hint="for example properties.model")
    return key.split(".")


def apply(reading: Reading, maps: Iterable[Map], sample: Sample, evidence: Collection[str] = ()) -> Reading:
    """The reading with the mapped columns read from where the person said.

    `evidence`: columns that show a record to be a request, where the source goes by them; a mapped one shows it too.
    """
    columns, fields, maps = dict(reading.columns), dict(reading.fields), list(maps)
    extra: dict[str, str] = {}
    for one in maps:
        path = steps(one.key, sample)
        field = Field(step_sql(path, columns, sample), one.unit, (one.key,))
        if one.column.startswith("metadata."):
            extra[one.column.removeprefix("metadata.")] = field.sql
        else:
            fields[one.column] = field
    if "request_model" in {m.column for m in maps}:
        fields.pop("response_model", None)
    if extra:
        pairs = ", ".join(f"{literal(name)}, {sql}" for name, sql in extra.items())
        own = fields.get("metadata")
        merged = f"json_merge_patch({own.sql}::JSON, json_object({pairs}))" if own else f"json_object({pairs})"
        fields["metadata"] = Field(f"({merged})::VARCHAR", keys=tuple(extra))
    shown = [f"{fields[m.column].sql} IS NOT NULL" for m in maps if m.column in evidence and reading.keep != "true"]
    return replace(reading, columns=columns, fields=fields, keep=" OR ".join([f"({reading.keep})", *shown]))


def step_sql(path: list[str], columns: dict[str, str], sample: Sample) -> str:
    """SQL of the text at a path, adding its top-level key to the columns read."""
    top, rest = path[0], path[1:]
    same = next((known for known in columns if known.casefold() == top.casefold()), None)
    if same is not None and same != top and top in sample.columns:
        columns.pop(same)
    if not rest:
        columns.setdefault(top, "VARCHAR")
        return text_of(top, columns)
    if columns.get(top) == "VARCHAR":
        return f"json_extract_string(try_cast({quote(top)} AS JSON), {json_path(*rest)})"
    columns[top] = "JSON"
    return f"json_extract_string({quote(top)}, {json_path(*rest)})"


def text_of(key: str, columns: Mapping[str, str]) -> str:
    """A column's own text, without the quotes that JSON puts round a string."""
    return quote(key) if columns[key] == "VARCHAR" else f"json_extract_string({quote(key)}, '$')"


def unseen(maps: Iterable[Map], sample: Sample) -> list[str]:
    """A note for each mapped key that none of the first records has."""
    notes = []
    for one in maps:
        path = steps(one.key, sample)
        if any(has(record, path) for record in sample.records):
            continue
        close = nearest(one.key, flat_keys(sample))
        meant = f"; did you mean {close[0]}?" if close else ""
        notes.append(f"--map {one}: no such key in the first records{meant}")
    return notes


def has(record: object, path: list[str]) -> bool:
    """Whether a record has a value at this path."""
    for step in path:
        if not isinstance(record, Mapping) or step not in record:
            return False
        record = record[step]
    return True


def flat_keys(sample: Sample) -> list[str]:
    """Every key of the first records, nested ones dotted."""
    found: dict[str, None] = {}

    def walk(value: object, prefix: str) -> None:
        if isinstance(value, Mapping):
            for key, inner in value.items():
                found[f"{prefix}{key}"] = None
                walk(inner, f"{prefix}{key}.")

    for record in sample.records:
        walk(record, "")
    return list(found)
