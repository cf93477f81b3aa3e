"""Anthropic's Messages API: the answer has no time of its own, and its input leaves the cache out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmscope.sources import Reading, Sample
from llmscope.sources._raw import Own, begin, finish, place_of

ABOUT = "Anthropic messages, alone, as request/response pairs or as batch results"
RANK = 250

ANSWER = {
    "id": "id",
    "type": "type",
    "role": "role",
    "model": "model",
    "finish": "stop_reason",
    "failed": "request_id",
}
QUESTION = {"q_user": "metadata.user_id"}


def mine(answer: Mapping[str, Any]) -> bool:
    usage = answer.get("usage")
    return answer.get("type") == "message" and "role" in answer and isinstance(usage, dict) and "input_tokens" in usage


def detect(sample: Sample) -> bool:
    """Most records are messages, or hold one."""
    return place_of(sample, mine) is not None


def readings(sample: Sample, mapping: Mapping[str, str]) -> tuple[Reading, ...]:
    """A request a message."""
    made = begin(sample, mine, ANSWER, QUESTION)
    made.words["id"] = made.text("id", "failed")
    name = made.text("id")
    own = Own(
        usage=made.json("usage"),
        operation="'chat'",
        answered=f"{made.text('type')} = 'message' AND {made.text('role')} = 'assistant'",
        prompt=made.asked("$.system", "$.messages[*].content"),
        said=made.lines("content", "[*].text"),
        provider=f"CASE WHEN starts_with({name}, 'msg_bdrk_') THEN 'aws.bedrock'"
        f" WHEN starts_with({name}, 'msg_vrtx_') THEN 'gcp.vertex_ai'"
        f" WHEN {made.text('model')} IS NULL THEN 'anthropic' END",
    )
    return (finish(made, sample, own),)
