"""One reading of a file of providers' answers: what all of them share, around what each source adds."""

from __future__ import annotations

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
from llmscope.sources._pairs import NOTHING, Raw, answers, raw
from llmscope.sources._reasons import finish_reason_sql, provider_sql, refusal_sql
from llmscope.sources._usage import usage_fields

Mine = Callable[[Mapping[str, Any]], bool]


@dataclass(frozen=True, slots=True)
class Own:
    """What a source alone knows, as SQL. answered: a predicate that tells its answers from other records.

    status, started, ended, refusal, tier and searches are the answer's own words for what else a logger may say.
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


def place_of(sample: Sample, mine: Mine) -> tuple[str, ...] | None:
    """Where the answers stand in most of the first records that hold one; None when the file is not of my answers."""
    places = [place for record in sample.records if (place := _place(record, mine)) is not None]
    failed = sum(_failed(record) for record in sample.records)
    return max(places, key=places.count) if places and 2 * (len(places) + failed) >= len(sample.records) else None


def begin(sample: Sample, mine: Mine, answer: Mapping[str, str], question: Mapping[str, str]) -> Raw:
    """The texts of the file's answers and requests, by the words and paths a source gives."""
    return raw(sample, place_of(sample, mine) or (), answer, {**ASKED, **question})


def finish(made: Raw, sample: Sample, own: Own, notes: tuple[str, ...] = ()) -> Reading:
    """The reading: usage, what stands beside, what was asked, what failed, and what the source alone knows."""
    # What many arms of a CASE ask for is prepared: DuckDB plans each mention anew.
    made.prepare["_usage"], made.prepare["_finish"] = own.usage, made.text("finish")
    made.prepare["_model"] = f"coalesce({made.text('model')}, {made.text('q_model')})"
    model, raw_finish = quote("_model"), quote("_finish")
    prepare, fields = usage_fields(quote("_usage"), name="_u")
    fields |= beside_fields(made, sample) | id_fields(made) | request_fields(made)
    fields |= text_fields(made, own.prompt, own.said) | error_fields(made, own.answered, own.status)
    fields |= {
        "operation": Field(own.operation, keys=("object",)),
        "provider": provider_field(made, f"coalesce({own.provider}, {provider_sql(NOTHING, model)})"),
        "finish_reason": Field(finish_reason_sql(raw_finish), keys=("finish_reason",)),
        "finish_reason_raw": Field(raw_finish, keys=("finish_reason",)),
        "refusal": Field(f"coalesce({own.refusal}, {refusal_sql(raw_finish)})", keys=("finish_reason",)),
        "started_at": _after(fields["started_at"], own.started),
        "ended_at": _after(fields["ended_at"], own.ended),
        "service_tier": _tier(made, fields["service_tier"], own.tier),
        "web_searches": _after(fields["web_searches"], own.searches),
    }
    keep = f"({own.answered}) OR {quote('_error')} IS NOT NULL"
    return Reading("requests", made.columns, fields, made.prepare | prepare, keep, notes)


def _place(record: Mapping[str, Any], mine: Mine) -> tuple[str, ...] | None:
    return next((place for place, answer in answers(record) if mine(answer)), None)


def _failed(record: Mapping[str, Any]) -> bool:
    """The record holds an error instead of an answer."""
    return any(answer.get("error") for _, answer in answers(record))


def _after(field: Field, sql: str) -> Field:
    """A field that falls back on the answer's own word."""
    return field if sql == NOTHING else replace(field, sql=f"coalesce({field.sql}, {sql})")


def _tier(made: Raw, field: Field, own: str) -> Field:
    """A batch's results are priced as a batch, whatever they say themselves."""
    word = f"lower({own})"
    own = f"CASE {word} WHEN 'standard' THEN 'default' WHEN 'auto' THEN NULL ELSE {word} END"
    batch = f"CASE WHEN {made.beside('custom_id')} IS NOT NULL THEN 'batch' END"
    return replace(field, sql=f"coalesce({batch}, {field.sql}, {own})")
