"""One reading of a file of providers' answers: what all of them share, around what each source adds."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from llmscope.sources import Field, Reading, Sample, quote
from llmscope.sources._beside import (
    ASKED,
    beside_fields,
    error_fields,
    id_fields,
    provider_field,
    request_fields,
    text_fields,
)
from llmscope.sources._merge import Merge, last_item
from llmscope.sources._pairs import NOTHING, Raw, answers, raw
from llmscope.sources._reasons import finish_reason_sql, provider_sql, refusal_sql
from llmscope.sources._usage import usage_fields

NAME = re.compile(r'"((?:[^"]|"")+)"')
Mine = Callable[[Mapping[str, Any]], bool]
# Where the answer would stand in a record that holds an error in its stead; None for any other record.
Failed = Callable[[Mapping[str, Any]], tuple[str, ...] | None]


@dataclass(frozen=True, slots=True)
class Own:
    """What a source alone knows, as SQL. answered: a predicate that tells its answers from other records.

    status, started, ended, refusal, tier, searches and latency (in ms) are the answer's own words for what else a
    logger may say. batch: a predicate that tells what came out of a batch. error: JSON of one in a place of its own.
    item: the key of the id of what was asked in a batch. aside: what records are that hold no answer.
    """

    usage: str
    operation: str
    answered: str
    prompt: str
    said: str
    provider: str = NOTHING
    status: str = NOTHING
    started: str = NOTHING
    ended: str = NOTHING
    refusal: str = NOTHING
    tier: str = NOTHING
    searches: str = NOTHING
    latency: str = NOTHING
    batch: str = "false"
    error: str = NOTHING
    item: str = ""
    aside: str = ""


def place_of(sample: Sample, mine: Mine, failed: Failed | None = None) -> tuple[str, ...] | None:
    """Where the answers stand in most of the first records that hold one; None when the file is not of my answers.

    Where none is answered, by whomever, most records are failures as `failed` knows them.
    """
    places = [place for record in sample.records if (place := _place(record, mine)) is not None]
    if not places and failed:
        errors = [place for record in sample.records if (place := failed(record)) is not None]
        most = errors and 2 * len(errors) >= len(sample.records)
        return errors[0] if most and not any(map(_answered, sample.records)) else None
    failures = sum(_failed(record) or bool(failed and failed(record)) for record in sample.records)
    return max(places, key=places.count) if places and 2 * (len(places) + failures) >= len(sample.records) else None


def begin(
    sample: Sample,
    mine: Mine,
    answer: Mapping[str, str],
    question: Mapping[str, str],
    merge: Merge = last_item,
    failed: Failed | None = None,
) -> Raw:
    """The texts of the file's answers and requests, by the words and paths a source gives."""
    place = place_of(sample, mine, failed) or ()
    return raw(sample, place, {"streamed": "stream", **answer}, {**ASKED, **question}, merge)


def finish(made: Raw, sample: Sample, own: Own, notes: tuple[str, ...] = ()) -> Reading:
    """The reading: usage, what stands beside, what was asked, what failed, and what the source alone knows."""
    # What many arms of a CASE ask for is prepared: DuckDB plans each mention anew.
    made.prepare["_usage"], made.prepare["_finish"] = own.usage, made.text("finish")
    made.prepare["_model"] = f"coalesce({made.text('model')}, {made.text('q_model')})"
    model, raw_finish = quote("_model"), quote("_finish")
    prepare, fields = usage_fields(quote("_usage"), name="_u")
    fields |= beside_fields(made, sample) | id_fields(made) | request_fields(made)
    # A stream that ends without saying why was cut off, and nobody knows how it went.
    cut = f"{made.text('streamed')} = 'true' AND {raw_finish} IS NULL"
    went = f"CASE WHEN {own.answered} THEN CASE WHEN {cut} THEN 'unknown' ELSE 'ok' END END"
    fields |= text_fields(made, own.prompt, own.said) | error_fields(made, went, own.status, own.error)
    fields |= {
        "operation": Field(own.operation, keys=("object",)),
        "provider": provider_field(made, f"coalesce({own.provider}, {provider_sql(NOTHING, model)})"),
        "finish_reason": Field(finish_reason_sql(raw_finish), keys=("finish_reason",)),
        "finish_reason_raw": Field(raw_finish, keys=("finish_reason",)),
        "refusal": Field(f"coalesce({own.refusal}, {refusal_sql(raw_finish)})", keys=("finish_reason",)),
        "started_at": _after(fields["started_at"], own.started),
        "ended_at": _after(fields["ended_at"], own.ended),
        "service_tier": _tier(made, fields["service_tier"], own),
        "item_id": fields["item_id"] if not own.item else Field(made.beside(own.item), keys=(own.item,)),
        "latency_ms": _after(fields["latency_ms"], own.latency if fields["latency_ms"].unit == "ms" else NOTHING),
        "web_searches": _after(fields["web_searches"], own.searches),
    }
    keep = f"({own.answered}) OR {quote('_error')} IS NOT NULL"
    prepare = made.prepare | prepare
    fields = {column: with_keys(field, made.columns, prepare) for column, field in fields.items()}
    return Reading("requests", made.columns, fields, prepare, keep, notes, keep, own.aside)


def with_keys(field: Field, columns: Mapping[str, str], prepare: Mapping[str, str]) -> Field:
    """The field with every raw key that its SQL comes to in the end: load skips one whose keys are not in the file."""
    found: dict[str, None] = dict.fromkeys(field.keys)
    done: set[str] = set()
    texts = [field.sql]
    while texts:
        names = set(NAME.findall(texts.pop())) - done
        done |= names
        found |= dict.fromkeys(sorted(names & columns.keys()))
        texts += [prepare[name] for name in names & prepare.keys()]
    return replace(field, keys=tuple(found) if found.keys() & columns.keys() else ())


def batch_failure(record: Mapping[str, Any]) -> tuple[str, ...] | None:
    """A line of an OpenAI batch that came to nothing: an error, or an answer that is one; of whatever endpoint."""
    answer = record.get("response")
    body = answer.get("body") if isinstance(answer, Mapping) else None
    error = record.get("error") or (body.get("error") if isinstance(body, Mapping) else None)
    return ("response", "body") if "custom_id" in record and "response" in record and error else None


def _place(record: Mapping[str, Any], mine: Mine) -> tuple[str, ...] | None:
    return next((place for place, answer in answers(record) if mine(answer)), None)


def _answered(record: Mapping[str, Any]) -> bool:
    """The record holds what an API gives, which says what object it is, or of what type."""
    return any("object" in answer or "type" in answer for place, answer in answers(record) if place)


def _failed(record: Mapping[str, Any]) -> bool:
    """The record holds an error instead of an answer."""
    return any(answer.get("error") for _, answer in answers(record))


def _after(field: Field, sql: str) -> Field:
    """A field that falls back on the answer's own word."""
    return field if sql == NOTHING else replace(field, sql=f"coalesce({field.sql}, {sql})")


def _tier(made: Raw, field: Field, own: Own) -> Field:
    """A batch's results are priced as a batch, whatever they say themselves."""
    word = f"lower({own.tier})"
    said = f"CASE {word} WHEN 'standard' THEN 'default' WHEN 'auto' THEN NULL ELSE {word} END"
    batch = f"CASE WHEN {made.beside('custom_id')} IS NOT NULL OR {own.batch} THEN 'batch' END"
    return replace(field, sql=f"coalesce({batch}, {field.sql}, {said})", keys=(*field.keys, "custom_id"))
