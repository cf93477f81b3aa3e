"""The one INSERT that brings a file's records into a table: raw columns, text fields, typed values, derived ones."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from llmscope.load.read import empty_record
from llmscope.load.typed import faults_sql, typed
from llmscope.schema import BY_NAME, KEYS
from llmscope.sources import Field, Reading, literal, quote
from llmscope.store import rows_table

TEXTS = ("input_text", "output_text", "explanation")
# Whether texts are kept: not, redacted, or as they are, which only a question that stores nothing may ask.
KeepText = bool | Literal["raw"]
REDACTED = ("error_message",)
MADE_ID = "row:"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where rows come from: goes into every row, and into the ids of rows that bring none of their own.

    together: rows of several files come at once; each knows its own in columns _load, _shown and _head.
    """

    load_id: int
    source: str
    shown: str
    head: str
    start: int
    keep_text: KeepText = False
    together: bool = False


@dataclass(frozen=True, slots=True)
class Insert:
    """One INSERT: its SQL, the table and columns it fills, and the fields held to be absent."""

    sql: str
    columns: tuple[str, ...]
    late: tuple[str, ...]


LATE_BIT = 1 << 62


def insert_of(raw: str, reading: Reading, origin: Origin, seen: Collection[str], surely: bool = False) -> Insert:
    """INSERT of every record that is a row of the reading's table.

    `raw` is a SELECT of the reading's columns and what it prepares from them. `surely`: what is not seen is not there.

    Fields none of whose keys are among those `seen` are not read into columns; a row that has one of them after all
    carries LATE_BIT in its faults, and load then reads the file again with them.
    """
    wanted = kept_fields(reading, origin.keep_text)
    late = {n: f for n, f in wanted.items() if f.keys and not any(is_seen(k, seen) for k in f.keys)}
    fields = {n: f for n, f in wanted.items() if n not in late}
    columns = typed(reading.table, fields, reading.columns)
    own = ["t_load", "t_shown"] if origin.together else []
    texts = ", ".join(
        [f"{quote('_' + name.removeprefix('t_'))} AS {name}" for name in own]
        + [f"{c.text} AS t_{c.name}" for c in columns]
        + [f"{content_sql(reading, origin)} AS t_content", f"{'false' if surely else late_sql(late)} AS t_late"]
    )
    faulty = [*own, *(f"t_{c.name}" for c in columns if c.fault)]
    casts = ", ".join(["t_content", "t_late", *faulty, *(f"{c.cast} AS n_{c.name}" for c in columns)])
    values = ", ".join(["t_content", "t_late", *faulty, *(f"{c.value} AS v_{c.name}" for c in columns)])
    inner = (
        f"SELECT {texts} FROM ({raw})"
        f" WHERE NOT ({empty_record(reading.columns)}) AND coalesce({reading.mine}, false) AND ({reading.keep})"
    )
    middle = f"SELECT {values} FROM (SELECT {casts} FROM ({inner}))"
    known = {c.name: f"v_{c.name}" for c in columns}
    final = row_columns(reading, known, origin)
    faults = faults_sql(columns, reading.table)
    pairs = ", ".join(f"{sql} AS {quote(name)}" for name, sql in final.items())
    faults = f"{faults} + CASE WHEN t_late THEN {LATE_BIT} ELSE 0 END"
    sql = f"INSERT INTO {rows_table(reading.table)} BY NAME SELECT {pairs}, {faults} AS faults FROM ({middle})"
    return Insert(sql, tuple(final), tuple(late))


def is_seen(key: str, seen: Collection[str]) -> bool:
    """Whether a key, or the top of its path, is among those seen."""
    return key in seen or key.split(".")[0] in seen


def late_sql(late: Mapping[str, Field]) -> str:
    """Whether a record has any of the fields that the first records lack."""
    texts = ", ".join(field.sql for field in late.values())
    return f"coalesce({texts}) IS NOT NULL" if texts else "false"


def kept_fields(reading: Reading, keep_text: KeepText) -> dict[str, Field]:
    """The fields that are stored: texts only when asked for."""
    known = BY_NAME[reading.table]
    return {n: f for n, f in reading.fields.items() if n in known and (keep_text or n not in TEXTS)}


def redacted_columns(keep_text: KeepText) -> tuple[str, ...]:
    """The columns out of which personal data is taken."""
    return (*REDACTED, *TEXTS) if keep_text is True else REDACTED


def content_sql(reading: Reading, origin: Origin) -> str:
    """The id of a record that has none: its content, the log it stands in, and where reading began.

    Equal records of one file get equal ids here; dedupe tells them apart by their ordinal.
    """
    head = quote("_head") if origin.together else literal(origin.head)
    content = ", ".join(f"coalesce({quote(k)}::VARCHAR, '')" for k in reading.columns)
    hashed = f"'{MADE_ID}' || md5(concat_ws(chr(31), {head}, '{origin.start}', {content}))"
    own = reading.fields.get(KEYS[reading.table])
    return f"CASE WHEN nullif({own.sql}, '') IS NULL THEN {hashed} END" if own else hashed


def row_columns(reading: Reading, known: Mapping[str, str], origin: Origin) -> dict[str, str]:
    """Every column of the row: what was read, what follows from it, and where it came from."""
    columns = dict(known)
    if reading.table == "requests":
        columns |= request_columns(known)
    elif reading.table == "spans":
        columns |= span_columns(known)
    elif reading.table == "scores":
        columns |= score_columns(known)
        if origin.source == "flat":  # a score in a request's own record: its id is made of the same content
            columns["request_id"] = f"coalesce({known.get('request_id', 'NULL')}, t_content)"
    key = KEYS[reading.table]
    columns[key] = f"coalesce({known[key]}, t_content)" if key in known else "t_content"
    for name in (n for n in redacted_columns(origin.keep_text) if n in columns):
        columns[name] = f"CASE WHEN {columns[name]} IS NOT NULL THEN redact({columns[name]}) END"
    columns["source_format"] = literal(origin.source)
    columns["source_file"] = "t_shown" if origin.together else literal(origin.shown)
    return columns | {"load_id": "t_load" if origin.together else str(origin.load_id)}


def request_columns(known: Mapping[str, str]) -> dict[str, str]:
    """What follows from a request's other fields: the rules that hold on every row, whatever the source."""
    names = ("cache_read_tokens", "cache_write_tokens", "input_tokens", "output_tokens", "reasoning_tokens")
    read, written, reads, outs, think = (known.get(name, "NULL") for name in names)
    parts = f"(coalesce({read}, 0) + coalesce({written}, 0))"
    has_cache = "cache_read_tokens" in known or "cache_write_tokens" in known
    columns = {
        "model": model_sql(known),
        "operation": f"coalesce({known.get('operation', 'NULL')}, 'chat')",
        "status": f"coalesce({known.get('status', 'NULL')}, {status_default(known)})",
        "usage_semantics": semantics_sql(known, parts if has_cache else "0"),
        "timing_quality": timing_sql(known),
    }
    if "input_tokens" in known and has_cache:
        columns["input_tokens"] = f"CASE WHEN {parts} > {reads} THEN {reads} + {parts} ELSE {reads} END"
    if "output_tokens" in known and "reasoning_tokens" in known:
        columns["output_tokens"] = f"CASE WHEN {think} > {outs} THEN {outs} + {think} ELSE {outs} END"
    if "started_at" in known and "ended_at" in known:
        columns["latency_ms"] = latency_sql(known)
    return columns


def model_sql(known: Mapping[str, str]) -> str:
    """The name used to price and group: what answered, else what was asked for, without its path of prefixes."""
    names = ", ".join(known[n] for n in ("response_model", "request_model", "model") if n in known)
    if not names:
        return "'unknown'"
    name = f"coalesce({names}, 'unknown')"
    last = f"coalesce(nullif(split_part({name}, '/', -1), ''), 'unknown')"
    return f"CASE WHEN contains({name}, '/') THEN {last} ELSE {name} END"


def status_default(known: Mapping[str, str]) -> str:
    """A record that logs no status: an error if it names one, else ok when an answer was counted, else unknown."""
    cases = []
    if "error_class" in known:
        cases.append(f"WHEN {known['error_class']} IS NOT NULL THEN 'error'")
    if "error_type" in known:
        cases.append(f"WHEN {known['error_type']} IS NOT NULL THEN 'error'")
    if "http_status" in known:
        code = known["http_status"]
        cases.append(f"WHEN {code} >= 400 THEN 'error' WHEN {code} BETWEEN 200 AND 299 THEN 'ok'")
    if "output_tokens" in known:
        cases.append(f"WHEN {known['output_tokens']} > 0 THEN 'ok'")
    return f"CASE {' '.join(cases)} ELSE 'unknown' END" if cases else "'unknown'"


def semantics_sql(known: Mapping[str, str], parts: str) -> str:
    """How the usage was meant. More cached than input is certain evidence that input excluded the cache."""
    tokens = [known[n] for n in ("input_tokens", "output_tokens") if n in known]
    if not tokens:
        return "'missing'"
    said = known.get("usage_semantics", "NULL")
    fixed = f" WHEN {parts} > {known['input_tokens']} THEN 'exclusive_fixed'" if "input_tokens" in known else ""
    return (
        f"CASE WHEN coalesce({', '.join(tokens)}) IS NULL THEN 'missing'{fixed} ELSE coalesce({said}, 'inclusive') END"
    )


def timing_sql(known: Mapping[str, str]) -> str:
    """Whether a duration was logged or measured from both ends."""
    said = known.get("timing_quality", "NULL")
    durations = [known[n] for n in ("latency_ms", "ended_at") if n in known]
    if not durations:
        return "'missing'"
    any_of = f"coalesce({', '.join(f'{d}::VARCHAR' for d in durations)})"
    return f"coalesce({said}, CASE WHEN {any_of} IS NOT NULL THEN 'measured' ELSE 'missing' END)"


def latency_sql(known: Mapping[str, str]) -> str:
    """end - start, else the source's own figure; an end before the start is no duration."""
    start, end, own = known["started_at"], known["ended_at"], known.get("latency_ms", "NULL")
    return f"CASE WHEN {end} >= {start} THEN date_diff('microsecond', {start}, {end}) / 1000.0 ELSE {own} END"


def span_columns(known: Mapping[str, str]) -> dict[str, str]:
    columns = {
        "kind": f"coalesce({known.get('kind', 'NULL')}, 'other')",
        "status": f"coalesce({known.get('status', 'NULL')}, 'unknown')",
    }
    if "started_at" in known and "ended_at" in known:
        start, end = known["started_at"], known["ended_at"]
        own = known.get("duration_ms", "NULL")
        columns["duration_ms"] = (
            f"CASE WHEN {end} >= {start} THEN date_diff('microsecond', {start}, {end}) / 1000.0 ELSE {own} END"
        )
    return columns


def score_columns(known: Mapping[str, str]) -> dict[str, str]:
    by_value = f"CASE WHEN {known.get('value', 'NULL')} IS NULL THEN 'categorical' ELSE 'numeric' END"
    return {
        "name": f"coalesce({known.get('name', 'NULL')}, 'score')",
        "data_type": f"coalesce({known.get('data_type', 'NULL')}, {by_value})",
        "rater_kind": f"coalesce({known.get('rater_kind', 'NULL')}, 'api')",
    }
