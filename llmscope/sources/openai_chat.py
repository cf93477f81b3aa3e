"""OpenAI's chat completions, and the many servers that answer in their shape; also the older text completions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmscope.sources import Reading, Sample, Unfolding
from llmscope.sources._merge import completion
from llmscope.sources._raw import Own, batch_failure, begin, finish, place_of

ABOUT = "OpenAI chat and text completions (and compatible servers), alone, in pairs with requests, streams, batches"
RANK = 220
NEEDS = ("object", "choices", "response", "result", "response_body", "custom_id")

OBJECTS = ("chat.completion", "text_completion")
ANSWER = {
    "id": "id",
    "object": "object",
    "model": "model",
    "created": "created",
    "tier": "service_tier",
    "finish": "choices[0].finish_reason",
    "text": "choices[0].message.content",
    "text_2": "choices[0].text",
    "refused": "choices[0].message.refusal",
    "metadata": "metadata",
    # Marks that only these hosts leave on an answer.
    "azure": "prompt_filter_results",
    "groq": "x_groq",
}
QUESTION = {"q_max_2": "max_completion_tokens", "q_user": "user"}
CHUNK = "chat.completion.chunk"
ASIDE = "no completion, or not the last chunk of one"

# A stream's chunks have one id, and stand in order. A chunk that is not made the answer stays one, and is set aside.
STREAMS = """
WITH numbered AS (
    SELECT *, row_number() OVER () AS _line, coalesce("id", '') AS _id FROM {values}
), read AS (
    SELECT *,
        json_extract_string("choices", '$[0].finish_reason') AS _finish,
        json_extract_string("choices", '$[0].delta.content') AS _text,
        CASE WHEN json_type("usage") = 'OBJECT' THEN "usage"
             WHEN json_type("x_groq", '$.usage') = 'OBJECT' THEN json_extract("x_groq", '$.usage') END AS _used
    FROM numbered
), seen AS (
    SELECT *,
        "object" = 'chat.completion.chunk' AND _id <> '' AND _line = max(_line) OVER stream AS _last,
        last_value(_used IGNORE NULLS) OVER stream AS _usage,
        last_value(_finish IGNORE NULLS) OVER stream AS _end,
        string_agg(_text, '') OVER stream AS _said
    FROM read
    WINDOW stream AS (
        PARTITION BY "object", _id ORDER BY _line ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    )
)
SELECT * EXCLUDE (_line, _id, _finish, _text, _used, _last, _usage, _end, _said) REPLACE (
    CASE WHEN _last THEN 'chat.completion' ELSE "object" END AS "object",
    CASE WHEN _last THEN _usage ELSE "usage" END AS "usage",
    CASE WHEN _last THEN 'true' ELSE "stream" END AS "stream",
    CASE WHEN _last THEN json_array(json_object('finish_reason', _end, 'message', json_object('content', _said)))
         ELSE "choices" END AS "choices"
), true AS "_first"
FROM seen
"""


def mine(answer: Mapping[str, Any]) -> bool:
    """A completion, or a chunk of one; or, of a server that leaves `object` out, choices with their usage."""
    if "object" in answer:
        return answer["object"] in (*OBJECTS, CHUNK)
    return isinstance(answer.get("choices"), list) and isinstance(answer.get("usage"), dict)


def detect(sample: Sample) -> bool:
    """Most records are completions, or hold one."""
    return place_of(sample, mine, batch_failure) is not None


def readings(sample: Sample, mapping: Mapping[str, str]) -> tuple[Reading, ...]:
    """A request a completion."""
    made = begin(sample, mine, ANSWER, QUESTION, completion, batch_failure)
    kind, ended, refused = made.text("object"), made.text("finish"), made.text("refused")
    own = Own(
        usage=made.json("usage"),
        operation=f"CASE WHEN {kind} = 'text_completion' THEN 'text_completion' ELSE 'chat' END",
        answered=f"{kind} IN {OBJECTS} OR ({kind} IS NULL AND {ended} IS NOT NULL)",
        prompt=made.asked("$.messages[*].content", "$.prompt"),
        said=made.text("text", "text_2"),
        provider=f"CASE WHEN starts_with({made.text('id')}, 'gen-') THEN 'openrouter'"
        f" WHEN {made.text('groq')} IS NOT NULL THEN 'groq'"
        f" WHEN {made.text('azure')} IS NOT NULL THEN 'azure.ai.openai' END",
        started=made.text("created"),
        refusal=f"CASE WHEN {refused} IS NOT NULL THEN 'true' END",
        tier=made.text("tier"),
        aside=ASIDE,
    )
    return (finish(made, sample, own),)


def unfolding(sample: Sample) -> Unfolding | None:
    """Of chunks a line each, the last of a stream becomes its answer: the usage, the end and the text of all."""
    if not any(record.get("object") == CHUNK for record in sample.records) or place_of(sample, mine) != ():
        return None
    columns = {
        **readings(sample, {})[0].columns,
        "usage": "JSON",
        "choices": "JSON",
        "object": "VARCHAR",
        "id": "VARCHAR",
    }
    return Unfolding(columns, STREAMS)
