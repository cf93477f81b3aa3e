"""Tells a file in which records of several formats stand one under another."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from llmscope.sources import GENERAL, Sample, in_order, load_source

# Beside its keys, what tells one record from another of the same keys.
HOLDING = ("response", "response_body", "result", "modelOutput")
ANSWERED = frozenset({"choices", "candidates", "usageMetadata", "content", "output", "usage", "data", "error"})
TELLING = ("type", "object", "category", "schemaType", "run_type")


def mixture(sample: Sample, primary: str) -> set[str]:
    """The other sources that claim a record which the file's own source does not; empty for nearly every file."""
    if sample.container != "jsonl":
        return set()
    return strangers(sample, sample.records, primary)


def strangers(sample: Sample, records: Iterable[Mapping[str, Any]], primary: str) -> set[str]:
    """The other sources that claim one of these records."""
    kinds = {signature(record): record for record in records}
    if len(kinds) < 2 and kinds.keys() == {signature(r) for r in sample.records[:1]}:
        return set()
    return {name for record in kinds.values() if (name := whose(sample, record, primary)) != primary}


def signature(record: Mapping[str, Any]) -> tuple[Any, ...]:
    """What records of one shape have in common; of an answer beside its request, the answer's shape too."""
    said = (record.get(key) for key in TELLING)
    answers = (inside(record.get(key)) for key in HOLDING)
    return (frozenset(record), *(word if isinstance(word, str) else None for word in said), *answers)


def inside(value: Any) -> tuple[Any, ...]:
    """What tells a provider's answer from another's, wherever it stands in a record."""
    if isinstance(value, str) and value[:1] in "{[":
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return ()
    if isinstance(value, list):
        value = value[-1] if value else None
    if not isinstance(value, Mapping):
        return ()
    deeper = (inside(value.get(key)) for key in ("body", "message"))
    words = (value.get(key) for key in ("type", "object"))
    return (frozenset(value) & ANSWERED, *(w if isinstance(w, str) else None for w in words), *deeper)


def whose(sample: Sample, record: Mapping[str, Any], primary: str) -> str:
    """The source of one record of a file that is `primary`'s for the most part."""
    alone = replace(sample, records=(record,), columns=dict.fromkeys(record, "JSON"))
    if primary not in GENERAL and load_source(primary).detect(alone):
        return primary
    claims = (name for name, module in in_order(alone) if name not in GENERAL and module.detect(alone))
    return next(claims, primary)
