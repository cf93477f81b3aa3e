"""One Langfuse trace as JSON: downloaded in the UI ({trace, observations}) or fetched by its id from the API."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from llmscope.sources import FIRST, Reading, Sample, Unfolding, literal, quote, require
from llmscope.sources._langfuse import observation_readings
from llmscope.sources._langfuse_about import SCORE_KEYS, TRACE_KEYS, score_reading, spellings, trace_reading
from llmscope.sources._langfuse_rows import is_observation, leaves_sql, raw_columns, spelt

ABOUT = "one Langfuse trace with its observations and scores, from the UI or the API"
RANK = 50
NEEDS = ("observations",)
WHOLE = True

TRACE, SCORE = "trace.", "score."
# Keys of the API's trace, which holds its observations itself.
OWN: tuple[str, ...] = (*spellings(TRACE_KEYS), "scores")


def detect(sample: Sample) -> bool:
    """Half of the records at least are a trace with its observations."""
    found = sum(is_whole_trace(record) for record in sample.records)
    return found > 0 and 2 * found >= len(sample.records)


def is_whole_trace(record: Mapping[str, Any]) -> bool:
    """By the shape: the lists of the API's table of traces hold ids instead of observations."""
    trace, observations = record.get("trace"), record.get("observations")
    if isinstance(trace, Mapping) and isinstance(observations, list):
        return "id" in trace and ("timestamp" in trace or "projectId" in trace)
    if not isinstance(observations, list) or not {"id", "timestamp"} <= record.keys():
        return False
    if not observations:
        return "htmlPath" in record or "sessionId" in record
    first = observations[0]
    return isinstance(first, Mapping) and is_observation(first)


def unfolding(sample: Sample) -> Unfolding:
    """A row for the trace, which stands for the value, and one for each of its observations and scores."""
    columns = {"trace": "JSON", "observations": "JSON", **dict.fromkeys(OWN, "VARCHAR")}
    api = ", ".join(f"{literal(key)}, {quote(key)}" for key in OWN)
    before = f"""whole AS MATERIALIZED (
    SELECT coalesce("trace", json_object({api})) AS t,
           CASE WHEN json_array_length("observations") > 0 OR "trace" IS NULL THEN "observations"
                ELSE json_extract("trace", '$.observations') END AS o,
           CASE WHEN "trace" IS NULL THEN try_cast("scores" AS JSON) ELSE json_extract("trace", '$.scores') END AS s
    FROM {{values}}
),"""
    one = f"SELECT from_json(unnest(json_extract(o, '$[*]')), {_shape(raw_columns())}) AS r FROM whole"
    also = f"""
UNION ALL BY NAME
SELECT {_named(TRACE_KEYS, TRACE)}, true AS {quote(FIRST)}
FROM (SELECT from_json(t, {_shape(spellings(TRACE_KEYS))}) AS r FROM whole)
UNION ALL BY NAME
SELECT {_named(SCORE_KEYS, SCORE)}, false AS {quote(FIRST)}
FROM (SELECT from_json(unnest(json_extract(s, '$[*]')), {_shape(spellings(SCORE_KEYS))}) AS r FROM whole)"""
    return Unfolding(columns, leaves_sql(f"SELECT {spelt('r')} FROM ({one})", before, also, first="false"))


def readings(sample: Sample, mapping: Mapping[str, str]) -> tuple[Reading, ...]:
    """The observations, what is said of the trace, and its scores."""
    require(sample, "a Langfuse trace", "observations")
    trace, score = f"{TRACE}id", f"{SCORE}name"
    requests, spans = observation_readings(trace, score)
    requests = replace(requests, aside=f"{requests.aside}, or what is said of a whole trace")
    of_trace = trace_reading(f"{quote(trace)} IS NOT NULL", TRACE)
    return requests, spans, of_trace, score_reading(f"{quote(score)} IS NOT NULL", SCORE)


def _shape(columns: Mapping[str, str]) -> str:
    """What from_json reads of an object, its braces doubled."""
    return literal(json.dumps(dict(columns))).replace("{", "{{").replace("}", "}}")


def _named(keys: Mapping[str, tuple[str, ...]], prefix: str) -> str:
    """The select list of a trace's or a score's columns, under names of their own."""
    return ", ".join(f"r.{quote(key)} AS {quote(prefix + key)}" for spelt in keys.values() for key in spelt)
