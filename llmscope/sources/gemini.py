"""Google's Gemini, from its own API or Vertex AI: camel case from the wire, snake case from the Python SDK."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmscope.sources import Reading, Sample
from llmscope.sources._merge import gemini as merge
from llmscope.sources._raw import Own, begin, finish, place_of

ABOUT = "Google Gemini responses (AI Studio and Vertex AI), alone, as request/response pairs or as batch results"
RANK = 260
NEEDS = ("usageMetadata", "usage_metadata", "response", "result", "response_body", "key")

ANSWER = {
    "id": "responseId",
    "id_snake": "response_id",
    "model": "modelVersion",
    "model_snake": "model_version",
    "created": "createTime",
    "created_snake": "create_time",
    "finish": "candidates[0].finishReason",
    "finish_snake": "candidates[0].finish_reason",
    "blocked": "promptFeedback.blockReason",
    "blocked_snake": "prompt_feedback.block_reason",
}
# All that a line of the Gemini API's batch results has; Vertex AI's has the time it was processed.
BATCH = {"key", "response", "error"}
QUESTION = {
    "q_max": "generationConfig.maxOutputTokens",
    "q_max_2": "generation_config.max_output_tokens",
    "q_max_3": "config.max_output_tokens",
    "q_temperature": "generationConfig.temperature",
    "q_temperature_2": "config.temperature",
    "q_metadata": "labels",
    "q_feature": "labels.feature",
    "q_tag": "labels.tag",
}


def mine(answer: Mapping[str, Any]) -> bool:
    """Its usage, or the answer's parts with the model that gave them."""
    usage = "usageMetadata" in answer or "usage_metadata" in answer
    return usage and any(key in answer for key in ("candidates", "modelVersion", "model_version", "promptFeedback"))


def failed(record: Mapping[str, Any]) -> tuple[str, ...] | None:
    """A line of a batch that came to nothing: Google's error has a code and a message."""
    error = record.get("error")
    known = record.keys() <= BATCH and "key" in record and isinstance(error, Mapping) and "message" in error
    return ("response",) if known else None


def detect(sample: Sample) -> bool:
    """Most records are Gemini's answers, or hold one."""
    return place_of(sample, mine, failed) is not None


def readings(sample: Sample, mapping: Mapping[str, str]) -> tuple[Reading, ...]:
    """A request an answer; of a stream each chunk has the same id, and load keeps the most complete."""
    made = begin(sample, mine, ANSWER, QUESTION, merge, failed)
    made.words |= {
        "id": made.text("id", "id_snake"),
        "model": made.text("model", "model_snake"),
        "q_max": made.text("q_max", "q_max_2", "q_max_3"),
        "q_temperature": made.text("q_temperature", "q_temperature_2"),
        "finish": made.text("finish", "finish_snake", "blocked", "blocked_snake"),
    }
    keyed = "key" in sample.columns and sample.columns.keys() <= BATCH
    processed, state = made.beside("processed_time"), made.beside("status")
    # Vertex alone says of which kind the traffic was.
    usage = f"coalesce({made.json('usageMetadata')}, {made.json('usage_metadata')})"
    own = Own(
        usage=usage,
        operation="'generate_content'",
        answered=f"{usage} IS NOT NULL OR {made.text('finish')} IS NOT NULL",
        prompt=made.asked("$.systemInstruction.parts[*].text", "$.contents[*].parts[*].text", "$.contents"),
        said=made.lines("candidates", "[0].content.parts[*].text"),
        provider=f"CASE WHEN {processed} IS NOT NULL OR contains(CAST({usage} AS VARCHAR), 'raffic')"
        " THEN 'gcp.vertex_ai' ELSE 'gcp.gemini' END",
        started=f"coalesce({made.text('created', 'created_snake')}, {processed})",
        batch=f"{processed} IS NOT NULL" + (f" OR {made.beside('key')} IS NOT NULL" if keyed else ""),
        item="key" if keyed else "",
        # Vertex AI writes what went wrong into the status, which is empty otherwise.
        error=f"CASE WHEN {processed} IS NOT NULL AND {usage} IS NULL THEN to_json(nullif({state}, '')) END",
    )
    return (finish(made, sample, own),)
