"""What any model's answer on Amazon Bedrock says, whichever of a dozen shapes it has; also a list of its events.

The answer is read into structs once, as a list: of the events of a stream, or of one. What stands in several places
is taken from the last event that has it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from llmscope.sources import literal, quote
from llmscope.sources._merge import laid_over
from llmscope.sources._pairs import Raw
from llmscope.sources._reasons import finish_reason_sql

METRICS = "amazon-bedrock-invocationMetrics"
EVENTS = "_b"
# Word -> where it may stand in an answer or an event; of two the first goes before. [0] is the first of a list.
WORDS: Mapping[str, tuple[str, ...]] = {
    "id": ("message.id", "id"),
    "model": ("message.model", "model"),
    "finish": (
        "delta.stop_reason", "stop_reason", "stopReason", "messageStop.stopReason", "completionReason",
        "finish_reason", "results[0].completionReason", "choices[0].finish_reason", "choices[0].stop_reason",
        "outputs[0].stop_reason", "generations[0].finish_reason",
    ),
    "latency": (f"{METRICS}.invocationLatency", "metrics.latencyMs", "metadata.metrics.latencyMs"),
    "ttft": (f"{METRICS}.firstByteLatency",),
    "m_input": (f"{METRICS}.inputTokenCount",),
    "m_output": (f"{METRICS}.outputTokenCount",),
    "m_read": (f"{METRICS}.cacheReadInputTokenCount",),
    "m_write": (f"{METRICS}.cacheWriteInputTokenCount",),
    "input": ("inputTextTokenCount", "prompt_token_count"),
    "output": ("totalOutputTextTokenCount", "results[0].tokenCount", "generation_token_count"),
    "tier": ("serviceTier.type", "service_tier"),
    "told": ("usage", "metadata.usage"),
    "start": ("message.usage",),
}  # fmt: skip
# Pieces of the answer's text, those of one event in this order.
PIECES = ("delta.text", "contentBlockDelta.delta.text", "generation", "outputText", "text", "choices[0].delta.content")
LISTS = ("output.message.content[*].text", "content[*].text", "results[*].outputText", "outputs[*].text",
         "choices[*].message.content", "generations[*].text")  # fmt: skip
JSON_WORDS = ("told", "start")
PROMPTS = ("$.system", "$.messages[*].content", "$.inputText", "$.prompt", "$.texts[*]", "$.query")
LIMITS = ("inferenceConfig.maxTokens", "max_tokens", "max_completion_tokens", "max_tokens_to_sample", "max_gen_len",
          "textGenerationConfig.maxTokenCount", "inferenceConfig.max_new_tokens")  # fmt: skip
TEMPERATURES = ("inferenceConfig.temperature", "temperature", "textGenerationConfig.temperature")
# A part of the model's name -> what it does.
OPERATIONS: Mapping[str, str] = {
    "embed": "embeddings", "rerank": "rerank", "image": "image", "canvas": "image", "stability.": "image",
    "stable-": "image", "sonic": "audio", "reel": "other",
}  # fmt: skip


def read_answer(made: Raw, answer: str) -> None:
    """Prepares all the words of the answers in a JSON column, named as in WORDS, and "said", its text."""
    events = f"CASE WHEN starts_with(CAST({answer} AS VARCHAR), '[') THEN {answer} ELSE json_array({answer}) END"
    made.prepare[EVENTS] = f"CASE WHEN {answer} IS NOT NULL THEN from_json({events}, {literal(shape())}) END"
    for word, places in WORDS.items():
        made.prepare[f"{EVENTS}_{word}"] = last_of(places)
        made.words[word] = quote(f"{EVENTS}_{word}")
    pieces = f"[coalesce({', '.join(map(step, PIECES))}) FOR e IN {quote(EVENTS)}]"
    lists = [whole(path) for path in LISTS]
    made.words["said"] = (
        f"coalesce(nullif(array_to_string({pieces}, ''), ''),"
        f" nullif(array_to_string(list_concat({', '.join(lists)}), chr(10)), ''))"
    )
    embedded = ("embedding", "embeddings", "embeddingsByType")
    made.words["embedded"] = " OR ".join(f"json_type({answer}, '$.{key}') IS NOT NULL" for key in embedded)


def usage_sql(made: Raw) -> str:
    """The usage object of the answer; where there is none, one of the counts that some models give instead."""
    told, start, sent, got = (made.words[word] for word in ("told", "start", "input", "output"))
    counts = f"json_object('inputTokenCount', {sent}, 'outputTokenCount', {got})"
    return (
        f"CASE WHEN {start} IS NOT NULL THEN {laid_over(start, told)} WHEN {told} IS NOT NULL THEN {told}"
        f" WHEN {sent} IS NOT NULL THEN {counts} END"
    )


def operation_sql(model: str, embedded: str) -> str:
    """By the model's name, or because the answer is a vector."""
    arms = " ".join(
        f"WHEN contains(lower({model}), {literal(part)}) THEN {literal(ours)}" for part, ours in OPERATIONS.items()
    )
    return f"CASE {arms} WHEN {embedded} THEN 'embeddings' ELSE 'chat' END"


def finish_sql(raw: str) -> str:
    """Our word for how an answer ended; FINISH is Titan's."""
    return finish_reason_sql(f"CASE {raw} WHEN 'FINISH' THEN 'stop' ELSE {raw} END")


def first_of(column: str, paths: Sequence[str]) -> str:
    """The first of these paths that a JSON column has, read in one go."""
    found = f"json_extract_string({column}, [{', '.join(literal('$.' + path) for path in paths)}])"
    return f"[c FOR c IN {found} IF c IS NOT NULL][1]"


def last_of(places: Sequence[str]) -> str:
    """What the last event says that says it, the first place before the second."""
    value = ", ".join(step(place) for place in places)
    value = f"coalesce({value})" if len(places) > 1 else value
    return f"[{value} FOR e IN {quote(EVENTS)} IF {value} IS NOT NULL][-1]"


def step(place: str) -> str:
    """A place in an event, as a struct's field; [0] is a list's first."""
    sql = "e"
    for name in place.split("."):
        sql = f"struct_extract({sql}, {literal(name.removesuffix('[0]'))})"
        sql += "[1]" if name.endswith("[0]") else ""
    return sql


def whole(path: str) -> str:
    """The texts of a list in an answer given in one piece."""
    before, after = path.split("[*].")
    inner = "struct_extract({}, {})"
    item = "i"
    for name in after.split("."):
        item = inner.format(item, literal(name))
    return f"[{item} FOR i IN {step(before).replace('(e,', f'({quote(EVENTS)}[1],')}]"


def shape() -> str:
    """What is read out of each event."""
    found: dict[str, Any] = {}
    for word, places in WORDS.items():
        for place in places:
            set_kind(found, place, "JSON" if word in JSON_WORDS else "VARCHAR")
    for place in (*PIECES, *(path.replace("[*]", "[0]") for path in LISTS)):
        set_kind(found, place, "VARCHAR")
    return json.dumps([found])


def set_kind(shape: dict[str, Any], place: str, kind: str) -> None:
    """Adds one place to a shape, making the objects and lists on the way."""
    *above, name = place.split(".")
    for key in above:
        inner = shape.setdefault(key.removesuffix("[0]"), [{}] if key.endswith("[0]") else {})
        shape = inner[0] if isinstance(inner, list) else inner
    shape[name] = kind
