"""OpenAI's Responses API: the answer echoes what was asked, and says when it was begun and done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmscope.sources import Reading, Sample
from llmscope.sources._merge import response
from llmscope.sources._raw import Own, batch_failure, begin, finish, place_of

ABOUT = "OpenAI Responses API, alone, as request/response pairs or as batch results"
RANK = 230
NEEDS = ("object", "response", "result", "response_body", "custom_id")

ANSWER = {
    "id": "id",
    "object": "object",
    "model": "model",
    "created": "created_at",
    "completed": "completed_at",
    "status": "status",
    "incomplete": "incomplete_details.reason",
    "tier": "service_tier",
    "max": "max_output_tokens",
    "temperature": "temperature",
    "user": "user",
    "safety_user": "safety_identifier",
    "metadata": "metadata",
    "searches": "tool_usage.web_search.num_requests",
}
QUESTION = {"q_max": "max_output_tokens", "q_user": "user", "q_user_2": "safety_identifier"}


def mine(answer: Mapping[str, Any]) -> bool:
    return answer.get("object") == "response" and "output" in answer


def detect(sample: Sample) -> bool:
    """Most records are responses, or hold one."""
    return place_of(sample, mine, batch_failure) is not None


def readings(sample: Sample, mapping: Mapping[str, str]) -> tuple[Reading, ...]:
    """A request a response."""
    made = begin(sample, mine, ANSWER, QUESTION, response, batch_failure)
    made.words |= {"user": made.text("user", "safety_user"), "q_user": made.text("q_user", "q_user_2")}
    state = made.text("status")
    refused = made.lines("output", "[*].content[*].refusal")
    # The status says that it ended; only an unfinished answer, or one that calls tools, says how.
    called = f"coalesce(contains({made.lines('output', '[*].type')}, 'function_call'), false)"
    made.words["finish"] = (
        f"CASE WHEN {made.text('incomplete')} IS NOT NULL THEN {made.text('incomplete')}"
        f" WHEN {state} = 'completed' AND {called} THEN 'tool_calls'"
        f" WHEN {state} IN ('queued', 'in_progress') THEN NULL"
        f" WHEN {refused} IS NOT NULL THEN 'refusal' ELSE {state} END"
    )
    own = Own(
        usage=made.json("usage"),
        operation="'chat'",
        answered=f"{made.text('object')} = 'response'",
        prompt=made.asked("$.instructions", "$.input[*].content", "$.input"),
        said=made.lines("output", "[*].content[*].text"),
        status=state,
        started=made.text("created"),
        ended=made.text("completed"),
        refusal=f"CASE WHEN {refused} IS NOT NULL THEN 'true' END",
        tier=made.text("tier"),
        searches=made.text("searches"),
    )
    return (finish(made, sample, own),)
