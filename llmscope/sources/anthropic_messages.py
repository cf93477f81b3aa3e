"""Anthropic's Messages API: the answer has no time of its own, and its input leaves the cache out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmscope.sources import Reading, Sample, quote
from llmscope.sources._merge import message
from llmscope.sources._pairs import NOTHING
from llmscope.sources._raw import Own, begin, finish, place_of

ABOUT = "Anthropic messages, alone, as request/response pairs or as batch results"
RANK = 250
NEEDS = ("type", "response", "result", "response_body", "custom_id")

ANSWER = {
    "id": "id",
    "type": "type",
    "role": "role",
    "model": "model",
    "finish": "stop_reason",
    "failed": "request_id",
}
# How a batch's result says that there is no message; the last two have no error beside.
ENDS = ("errored", "canceled", "expired")
NEVER_RUN = ('"canceled"', '"expired"')
QUESTION = {"q_user": "metadata.user_id"}


def mine(answer: Mapping[str, Any]) -> bool:
    usage = answer.get("usage")
    return answer.get("type") == "message" and "role" in answer and isinstance(usage, dict) and "input_tokens" in usage


def failed(record: Mapping[str, Any]) -> tuple[str, ...] | None:
    """An error as the API gives it, or a line of a batch that came to nothing."""
    result, error = record.get("result"), record.get("error")
    if "custom_id" in record and isinstance(result, Mapping) and result.get("type") in ENDS:
        return ("result", "message")
    return () if record.get("type") == "error" and isinstance(error, Mapping) and "type" in error else None


def detect(sample: Sample) -> bool:
    """Most records are messages, or hold one."""
    return place_of(sample, mine, failed) is not None


def readings(sample: Sample, mapping: Mapping[str, str]) -> tuple[Reading, ...]:
    """A request a message."""
    made = begin(sample, mine, ANSWER, QUESTION, message, failed)
    made.words["id"] = made.text("id", "failed")
    name = made.text("id")
    ended = f"json_extract({quote('_answer_outer')}, '$.type')" if "_answer_outer" in made.prepare else "NULL"
    own = Own(
        usage=made.json("usage"),
        operation="'chat'",
        answered=f"{made.text('type')} = 'message' AND {made.text('role')} = 'assistant'",
        prompt=made.asked("$.system", "$.messages[*].content"),
        said=made.lines("content", "[*].text"),
        provider=f"CASE WHEN starts_with({name}, 'msg_bdrk_') THEN 'aws.bedrock'"
        f" WHEN starts_with({name}, 'msg_vrtx_') THEN 'gcp.vertex_ai'"
        f" WHEN {made.text('model')} IS NULL THEN 'anthropic' END",
        error=f"CASE WHEN CAST({ended} AS VARCHAR) IN {NEVER_RUN} THEN {ended} END" if ended != "NULL" else NOTHING,
    )
    return (finish(made, sample, own),)
