"""OpenAI's chat completions, and the many servers that answer in their shape; also the older text completions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmscope.sources import Reading, Sample
from llmscope.sources._raw import Own, begin, finish, place_of

ABOUT = "OpenAI chat and text completions (and compatible servers), alone or as request/response pairs"
RANK = 220

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
NOTE = "chunks of streamed answers are set aside: what can be counted is the whole answer, with its usage"


def mine(answer: Mapping[str, Any]) -> bool:
    """A completion, or a chunk of one; or, of a server that leaves `object` out, choices with their usage."""
    if "object" in answer:
        return answer["object"] in (*OBJECTS, "chat.completion.chunk")
    return isinstance(answer.get("choices"), list) and isinstance(answer.get("usage"), dict)


def detect(sample: Sample) -> bool:
    """Most records are completions, or hold one."""
    return place_of(sample, mine) is not None


def readings(sample: Sample, mapping: Mapping[str, str]) -> tuple[Reading, ...]:
    """A request a completion."""
    made = begin(sample, mine, ANSWER, QUESTION)
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
    )
    return (finish(made, sample, own, (NOTE,)),)
