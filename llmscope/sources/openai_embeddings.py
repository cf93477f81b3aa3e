"""OpenAI's embeddings: no id and no time of their own, so the logger's are all there is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmscope.sources import Reading, Sample
from llmscope.sources._pairs import NOTHING
from llmscope.sources._raw import Own, batch_failure, begin, finish, place_of

ABOUT = "OpenAI embeddings (and compatible servers), alone, as request/response pairs or as batch results"
RANK = 240
NEEDS = ("object", "response", "result", "response_body", "custom_id")

ANSWER = {"id": "id", "object": "object", "model": "model"}
QUESTION = {"q_user": "user"}


def mine(answer: Mapping[str, Any]) -> bool:
    """A list whose first item is an embedding; a list of anything else is another API's."""
    items = answer.get("data")
    first = items[0] if isinstance(items, list) and items else None
    embedding = isinstance(first, Mapping) and first.get("object") == "embedding"
    return answer.get("object") == "list" and "usage" in answer and embedding


def detect(sample: Sample) -> bool:
    """Most records are lists of embeddings, or hold one."""
    return place_of(sample, mine, batch_failure) is not None


def readings(sample: Sample, mapping: Mapping[str, str]) -> tuple[Reading, ...]:
    """A request a list of embeddings; the vectors stay in the file."""
    made = begin(sample, mine, ANSWER, QUESTION, failed=batch_failure)
    own = Own(
        usage=made.json("usage"),
        operation="'embeddings'",
        answered=f"{made.text('object')} = 'list'",
        prompt=made.asked("$.input[*]", "$.input"),
        said=NOTHING,
    )
    return (finish(made, sample, own),)
