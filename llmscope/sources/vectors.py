"""Vectors beside a log: an id of the request and its embedding, as whoever embeds the prompts writes them to a file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from numbers import Real
from typing import Any

from llmscope.sources import Field, Reading, Sample, quote, require

ABOUT = "vectors of requests in a file beside the log: an id and a list of numbers"
RANK = 280
NEEDS = ("embedding", "vector", "prompt_embedding", "input_embedding", "query_embedding", "embeddings", "vectors")

# What names the request, the surest first; an `id` beside one of the others is the vector's own.
IDS = ("request_id", "response_id", "span_id", "id")
# What may stand beside: the trace of the span, and what is said of the vector rather than of the request.
BESIDE = frozenset({
    "trace_id", "dim", "dims", "dimension", "dimensions", "norm", "embedder", "embedding_model", "__index_level_0__",
})  # fmt: skip

# A Parquet column's type, of lists or of arrays.
NUMBERS = re.compile(r"(FLOAT|DOUBLE|U?(TINY|SMALL|BIG)?INT(EGER)?|DECIMAL\(.*\))\[\d*\]")


def detect(sample: Sample) -> bool:
    """An id, numbers, and nothing else of a request; of half of the records at least."""
    keys = sample.columns.keys()
    if not any(key in keys for key in IDS) or keys - {*NEEDS, *IDS, *BESIDE}:
        return False
    found = sum(any(is_vector(record.get(key)) for key in NEEDS) for record in sample.records)
    return found > 0 and 2 * found >= len(sample.records)


def is_vector(value: Any) -> bool:
    """A list of numbers, or its JSON text, as in CSV."""
    if isinstance(value, str) and value.startswith("["):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return False
    if not isinstance(value, list | tuple) or not value:
        return False
    return all(isinstance(one, Real) and not isinstance(one, bool) for one in value)


def readings(sample: Sample, mapping: Mapping[str, str]) -> tuple[Reading, ...]:
    """A row of `vectors` a record; which request it is of is found when both are there."""
    require(sample, "a file of vectors", "|".join(NEEDS), "|".join(IDS))
    key = next(name for name in NEEDS if name in sample.columns)
    kind = "FLOAT[]" if is_list(sample, key) else "VARCHAR"
    spans = f"CASE WHEN {filled('span_id')} IS NOT NULL THEN concat_ws('/', {filled('trace_id')}, \"span_id\") END"
    named = f"coalesce({filled('request_id')}, {filled('response_id')}, {spans}, {filled('id')})"
    fields = {
        "vector_id": Field(named, keys=IDS),
        # Only where the span is what names it.
        "trace_id": Field(alone("trace_id"), keys=("trace_id",)),
        "span_id": Field(alone("span_id"), keys=("span_id",)),
        "embedding": Field(quote(key), keys=(key,)),
    }
    there = f"array_length({quote(key)}) > 0" if kind == "FLOAT[]" else f"nullif({quote(key)}, '') <> '[]'"
    columns = dict.fromkeys((*IDS, "trace_id"), "VARCHAR") | {key: kind}
    aside = "without a vector, or without an id of a request"
    return (Reading("vectors", columns, fields, keep=f"{named} IS NOT NULL AND {there}", aside=aside),)


def is_list(sample: Sample, key: str) -> bool:
    """Whether the reader can give the numbers as they are: text of them takes ten times the memory."""
    if sample.container == "parquet":
        return NUMBERS.fullmatch(sample.columns[key]) is not None
    values = [record.get(key) for record in sample.records]
    return not any(isinstance(value, str) for value in values)


def filled(key: str) -> str:
    """A key's text; an empty one names nothing."""
    return f"nullif({quote(key)}, '')"


def alone(key: str) -> str:
    """A key of a record that names its request by the span."""
    return f"CASE WHEN coalesce({filled('request_id')}, {filled('response_id')}) IS NULL THEN {quote(key)} END"
