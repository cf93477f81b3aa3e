"""Logs of one's own making: one object a request, its keys recognised by what people usually call them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from llmscope.sources import Field, Reading, Sample, json_path, quote
from llmscope.sources._alias import ALIASES, BY_LEAF, DURATIONS, meant
from llmscope.sources._errors import error_class_sql, status_sql
from llmscope.sources._failures import failure_fields, failures
from llmscope.sources._flat_units import duration_unit, values, varies
from llmscope.sources._reasons import finish_reason_sql, provider_sql
from llmscope.sources._usage import token_fields, usage_fields

ABOUT = "any flat JSONL, JSON, CSV or Parquet of one's own making, by an alias table; the rest with --map"
RANK = 300
DEPTH = 3
# A record that has none of these says nothing of a call to a model: where the file logs any of them, it is set aside.
EVIDENCE = (
    "input_tokens", "output_tokens", "cost_logged_usd", "latency_ms", "ended_at", "status", "http_status",
    "error_type", "error_message", "finish_reason",
)  # fmt: skip
PARTS = {
    "input_tokens": "input", "output_tokens": "output", "cache_read_tokens": "cache_read",
    "cache_write_tokens": "cache_write", "reasoning_tokens": "reasoning",
}  # fmt: skip
# Columns that an object may fill.
OBJECTS = ("metadata", "tags", "input_text", "output_text")
EXCLUSIVE_NAMES = ("cache_read_input_tokens", "cache_creation_input_tokens")


@dataclass(frozen=True, slots=True)
class Found:
    """A key of the log taken for a canonical column: its path from the top, and its unit where the name tells."""

    path: tuple[str, ...]
    unit: str | None = None

    @property
    def key(self) -> str:
        return ".".join(self.path)


def detect(sample: Sample) -> bool:
    """It names a model or tokens, and something else about a request."""
    found = guess(sample)
    telling = {"request_model", "response_model", "input_tokens", "output_tokens"} & found.keys()
    return has_usage(sample) or (bool(telling) and len(found) >= 2) or failures(sample) is not None


def has_usage(sample: Sample) -> bool:
    """A provider's own usage object."""
    return usage_path(sample) is not None


def usage_path(sample: Sample) -> tuple[str, ...] | None:
    """Where the usage object stands: at the top, or one level down, as in `message.usage` or `response.usage`."""
    for record in sample.records:
        if isinstance(record.get("usage"), Mapping):
            return ("usage",)
        inside = (k for k, v in record.items() if isinstance(v, Mapping) and isinstance(v.get("usage"), Mapping))
        for key in inside:
            return (key, "usage")
    return None


def guess(sample: Sample) -> dict[str, Found]:
    """Which key is taken for which column: the surest alias, top-level keys before nested ones."""
    best: dict[str, tuple[int, int, Found]] = {}
    for path in paths(sample):
        for column, rank, unit in candidates(path):
            if column not in OBJECTS and holds_objects(sample, path):
                continue
            offer = (len(path), rank, Found(path, unit))
            if column not in best or offer[:2] < best[column][:2]:
                best[column] = offer
    found = {column: offer[2] for column, offer in best.items()}
    if "request_id" in found and not varies(sample, found["request_id"].path):
        del found["request_id"]
    return found


def holds_objects(sample: Sample, path: tuple[str, ...]) -> bool:
    """Whether a key only ever holds objects: `llm: {...}` is no model's name."""
    found = values(sample, path)
    return bool(found) and all(isinstance(value, Mapping) for value in found)


def candidates(path: tuple[str, ...]) -> Iterator[tuple[str, int, str | None]]:
    """What a key may stand for, by its whole path or, for what means the same everywhere, by its last step."""
    whole = meant("_".join(path))
    yield from whole
    if len(path) > 1 and not whole:
        yield from (m for m in meant(path[-1]) if m[0] in BY_LEAF)


def paths(sample: Sample) -> list[tuple[str, ...]]:
    """Every key of the first records, nested ones too; `usage` and messages have a meaning of their own."""
    found: dict[tuple[str, ...], None] = {(key,): None for key in sample.columns}

    def walk(value: Mapping[str, object], path: tuple[str, ...]) -> None:
        for key, inner in value.items():
            found[(*path, key)] = None
            if isinstance(inner, Mapping) and len(path) + 1 < DEPTH and key not in ("usage", "messages"):
                walk(inner, (*path, key))

    for record in sample.records:
        walk(record, ())
    return list(found)


def readings(sample: Sample, mapping: Mapping[str, str]) -> tuple[Reading, ...]:
    """The requests, and the scores where a record carries one."""
    found = {c: f for c, f in guess(sample).items() if c not in mapping}
    columns = raw_columns(sample, found)
    texts = {column: text_sql(f.path, columns) for column, f in found.items()}
    fields = {c: Field(texts[c], f.unit, (f.key,)) for c, f in found.items() if c != "score"}
    notes = unit_notes(sample, found, fields)
    late = late_columns(columns, found)
    columns |= dict.fromkeys(late, "VARCHAR")
    fields |= {column: Field(quote(key), keys=(key,)) for key, column in late.items()}
    prepare = usage_of(sample, columns, fields)
    refine(fields)
    if failed := failures(sample):
        more, prepared, known = failure_fields(sample, *failed)
        columns, prepare, fields = columns | more, prepare | prepared, fields | known
        fields.pop("output_text", None)
    shown = [f"{fields[c].sql} IS NOT NULL" for c in EVIDENCE if c in found or c in prepare_columns(prepare, fields)]
    if by_answer := answered_sql(sample, found, fields):
        shown.append(by_answer)
        fields |= lengths(found, fields)
    keep = " OR ".join(shown)
    request = Reading("requests", columns, fields, prepare, keep or "true", tuple(notes))
    return (request, score_reading(request, texts["score"], found["score"])) if "score" in found else (request,)


def answered_sql(sample: Sample, found: Mapping[str, Found], fields: Mapping[str, Field]) -> str:
    """That a model answered, where some of the first records say nothing else of a request.

    Elsewhere answers are not asked after: they are long, and reading them would cost more than all other columns.
    """
    if not {"output_text", "request_model"} <= found.keys() or "output_text" not in fields:
        return ""
    others = [found[c].path for c in EVIDENCE if c in found]
    usage = usage_path(sample)
    paths = [*others, usage] if usage else others
    both = [found[c].path for c in ("output_text", "request_model")]
    for record in sample.records:
        if all(present(record, path) for path in both) and not any(present(record, path) for path in paths):
            return f"({fields['output_text'].sql} IS NOT NULL AND {fields['request_model'].sql} IS NOT NULL)"
    return ""


def lengths(found: Mapping[str, Found], fields: Mapping[str, Field]) -> dict[str, Field]:
    """How long the texts are, by which the tokens of requests without usage can be estimated."""
    texts = {f"{side}_chars": f"{side}_text" for side in ("input", "output")}
    return {
        column: Field(f"length({fields[text].sql})::VARCHAR", keys=(found[text].key,))
        for column, text in texts.items() if column not in found and text in found and text in fields
    }  # fmt: skip


def present(record: Mapping[str, object], path: tuple[str, ...]) -> bool:
    """Whether a record has something at a path."""
    value: object = record
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value is not None


def prepare_columns(prepare: Mapping[str, str], fields: Mapping[str, Field]) -> set[str]:
    """Evidence that a usage object gives."""
    return {c for c in ("input_tokens", "output_tokens") if prepare and c in fields}


def raw_columns(sample: Sample, found: Mapping[str, Found]) -> dict[str, str]:
    """The top-level keys to read: JSON where something inside is wanted, else text."""
    columns: dict[str, str] = {}
    for f in found.values():
        deep = len(f.path) > 1 or f.path[0] in ("metadata",)
        columns[f.path[0]] = "JSON" if deep or columns.get(f.path[0]) == "JSON" else "VARCHAR"
    usage = usage_path(sample)
    if usage:
        columns[usage[0]] = "JSON"
    return columns


def text_sql(path: tuple[str, ...], columns: Mapping[str, str]) -> str:
    """The text at a path."""
    if len(path) > 1:
        return f"json_extract_string({quote(path[0])}, {json_path(*path[1:])})"
    return f"{quote(path[0])}::VARCHAR" if columns[path[0]] == "JSON" else quote(path[0])


def late_columns(columns: Mapping[str, str], found: Mapping[str, Found]) -> dict[str, str]:
    """The surest name of each column not seen in the first records: a key may first appear late."""
    taken = {key.casefold() for key in columns}
    skip = {"score", "input_text", "output_text", "metadata", "tags", "request_id", *found}
    late = {names[0]: column for column, names in ALIASES.items() if column not in skip}
    late |= {f"{c.removesuffix('_ms')}_ms": c for c in DURATIONS if c not in found}
    for column in DURATIONS:
        late.pop(ALIASES[column][0], None)
    return {key: column for key, column in late.items() if key.casefold() not in taken}


def unit_notes(sample: Sample, found: Mapping[str, Found], fields: dict[str, Field]) -> list[str]:
    """Durations whose name has no unit: told by their size, and said so."""
    notes = []
    for column in (c for c in DURATIONS if c in found and found[c].unit is None):
        unit = duration_unit(sample, found, column)
        fields[column] = Field(fields[column].sql, unit, fields[column].keys)
        notes.append(f"{found[column].key} taken as {'seconds' if unit == 's' else 'milliseconds'}; "
                     f"--map {column}={found[column].key}:{'ms' if unit == 's' else 's'} if not")  # fmt: skip
    return notes


def usage_of(sample: Sample, columns: Mapping[str, str], fields: dict[str, Field]) -> dict[str, str]:
    """What tokens mean: a usage object by its provider's rules, flat foreign names by proof and by name."""
    path = usage_path(sample)
    if path:
        place = quote(path[0]) if len(path) == 1 else f"json_extract({quote(path[0])}, {json_path(*path[1:])})"
        prepare, given = usage_fields(place, raw_keys=(".".join(path),))
        under = [c for c, f in fields.items() if f.keys and f.keys[0].startswith(".".join(path) + ".")]
        fields |= {c: given[c] for c in under if c in given}
        deep = {c for c in PARTS if c in fields and c in given and c not in under and "." in fields[c].keys[0]}
        # A count somewhere else below the top stands in for the usage object's where that is absent, not the other way.
        fields |= {c: both(given[c], fields[c]) for c in deep}
        fields |= {c: f for c, f in given.items() if c not in fields or not sample_has(sample, fields[c])}
        return prepare
    foreign = any(
        fields[c].keys[0] != c
        for c in ("cache_read_tokens", "cache_write_tokens")
        if c in fields and sample_has(sample, fields[c])
    )
    if not foreign:
        return {}
    parts = {part: fields[c].sql for c, part in PARTS.items() if c in fields}
    claude = any(fields[c].keys[0] in EXCLUSIVE_NAMES for c in PARTS if c in fields)
    parts["names"] = "'exclusive'" if claude and fields["input_tokens"].keys[0] == "input_tokens" else "'unclear'"
    prepare, given = token_fields(parts)
    fields |= {c: Field(given[c].sql, given[c].unit, fields[c].keys) for c in PARTS if c in fields}
    fields["usage_semantics"] = given["usage_semantics"]
    return prepare


def both(first: Field, second: Field) -> Field:
    """The first of two readings of a column that says anything."""
    return Field(f"coalesce({first.sql}, {second.sql})", first.unit, (*first.keys, *second.keys))


def sample_has(sample: Sample, field: Field) -> bool:
    """Whether the first records name the key this field reads."""
    return any(key.split(".")[0] in sample.columns for key in field.keys)


def refine(fields: dict[str, Field]) -> None:
    """Reasons, classes and providers in our words; the raw ones kept beside."""
    texts = {name: field.sql for name, field in fields.items()}
    null = "NULL::VARCHAR"
    if "finish_reason" in fields:
        fields["finish_reason_raw"] = fields["finish_reason"]
        fields["finish_reason"] = Field(finish_reason_sql(texts["finish_reason"]), keys=fields["finish_reason"].keys)
    model = texts.get("response_model") or texts.get("request_model") or null
    if "response_model" in texts and "request_model" in texts:
        model = f"coalesce({texts['response_model']}, {texts['request_model']})"
    fields["provider"] = Field(provider_sql(texts.get("provider", null), model), keys=("provider", "model"))
    code, kind, words = (texts.get(c, null) for c in ("http_status", "error_type", "error_message"))
    fields["error_class"] = Field(error_class_sql(code, kind, words), keys=("http_status", "error_type"))
    fields["status"] = Field(status_sql(texts.get("status", null), code, kind), keys=("status", "http_status"))


def score_reading(request: Reading, score: str, found: Found) -> Reading:
    """One row of scores for every record that carries a score of its own request."""
    named = {c: request.fields[c] for c in ("request_id", "trace_id", "session_id") if c in request.fields}
    word = found.path[-1].lower()
    rater = "'user'" if word in ("rating", "feedback", "thumbs") else "'api'"
    fields = {
        **named,
        "name": Field(f"'{'user_rating' if rater == chr(39) + 'user' + chr(39) else 'score'}'"),
        "value": Field(thumb_sql(score), keys=(found.key,)),
        "label": Field(f"CASE WHEN try_cast({score} AS DOUBLE) IS NULL THEN {score} END", keys=(found.key,)),
        "rater_kind": Field(rater),
    }
    if "started_at" in request.fields:
        fields["created_at"] = request.fields["started_at"]
    return Reading("scores", request.columns, fields, request.prepare, f"{score} IS NOT NULL")


def thumb_sql(score: str) -> str:
    """A number as it is; a thumb or a truth value as 1 or 0; else no number, and the words are the label."""
    return (
        f"coalesce(try_cast({score} AS DOUBLE)::VARCHAR, CASE lower({score}) WHEN 'up' THEN '1' WHEN 'true' THEN '1'"
        f" WHEN 'good' THEN '1' WHEN 'down' THEN '0' WHEN 'false' THEN '0' WHEN 'bad' THEN '0' END)"
    )
