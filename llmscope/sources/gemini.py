"""Google's Gemini, from its own API or Vertex AI: camel case from the wire, snake case from the Python SDK."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmscope.sources import Reading, Sample
from llmscope.sources._raw import Own, begin, finish, place_of

ABOUT = "Google Gemini responses (AI Studio and Vertex AI), alone or as request/response pairs"
RANK = 260

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


def detect(sample: Sample) -> bool:
    """Most records are Gemini's answers, or hold one."""
    return place_of(sample, mine) is not None


def readings(sample: Sample, mapping: Mapping[str, str]) -> tuple[Reading, ...]:
    """A request an answer; of a stream each chunk has the same id, and load keeps the most complete."""
    made = begin(sample, mine, ANSWER, QUESTION)
    made.words |= {
        "id": made.text("id", "id_snake"),
        "model": made.text("model", "model_snake"),
        "q_max": made.text("q_max", "q_max_2", "q_max_3"),
        "q_temperature": made.text("q_temperature", "q_temperature_2"),
        "finish": made.text("finish", "finish_snake", "blocked", "blocked_snake"),
    }
    # Vertex alone says of which kind the traffic was.
    usage = f"coalesce({made.json('usageMetadata')}, {made.json('usage_metadata')})"
    own = Own(
        usage=usage,
        operation="'generate_content'",
        answered=f"{usage} IS NOT NULL OR {made.text('finish')} IS NOT NULL",
        prompt=made.asked("$.systemInstruction.parts[*].text", "$.contents[*].parts[*].text", "$.contents"),
        said=made.lines("candidates", "[0].content.parts[*].text"),
        provider=f"CASE WHEN contains(CAST({usage} AS VARCHAR), 'raffic') THEN 'gcp.vertex_ai'"
        f" WHEN {usage} IS NOT NULL THEN 'gcp.gemini' END",
        started=made.text("created", "created_snake"),
    )
    return (finish(made, sample, own),)
