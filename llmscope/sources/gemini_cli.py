"""Gemini CLI: a session's messages, of which those of type `gemini` are calls to a model.

A message is written again when its tokens are known: the last of an id counts, and what was rewound was billed too.
Older versions write one object with all messages in it. No duration is logged: a call is taken to begin with the
message, or the end of the tools, that it answers. The project is known by a hash of its folder alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from llmscope.sources import Field, Reading, Sample, require
from llmscope.sources._agents import metadata_sql, text
from llmscope.sources._reasons import NOTHING, provider_sql
from llmscope.sources._usage import token_fields

ABOUT = "Gemini CLI's session files (~/.gemini/tmp/*/chats)"
RANK = 200
NEEDS = ("projectHash", "$set", "$rewindTo", "content")
WHOLE = True

KINDS = ("user", "gemini", "info", "error", "warning")
# Part of the usage -> its key in `tokens`: input leaves out what tools added, output leaves out the thoughts.
TOKENS: Mapping[str, str] = {
    "input": "input", "output": "output", "cache_read": "cached", "thoughts": "thoughts", "tool_input": "tool",
    "total": "total",
}  # fmt: skip


def detect(sample: Sample) -> bool:
    """A session's head, an answer or a change stands among records that may all be a session's."""
    telling = sum(tells(record) for record in sample.records)
    plain = sum(is_message(record) for record in sample.records if not tells(record))
    return bool(telling) and 2 * (telling + plain) >= len(sample.records)


def tells(record: Mapping[str, Any]) -> bool:
    """What no other log has."""
    if "sessionId" in record and "projectHash" in record:
        return True
    if "$set" in record or "$rewindTo" in record:
        return len(record) == 1
    return record.get("type") == "gemini" and is_message(record)


def is_message(record: Mapping[str, Any]) -> bool:
    """A message of any kind."""
    return record.get("type") in KINDS and {"id", "timestamp", "content"} <= record.keys()


def unfold(values: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """One record a message, as it was last written, in the order in which they were first written."""
    head: dict[str, Any] = {}
    messages: dict[tuple[Any, str], dict[str, Any]] = {}
    for value in values:
        if not isinstance(value, dict):
            continue
        if "projectHash" in value:
            head = value
        change = value.get("$set")
        holder = change if isinstance(change, dict) else value
        inside = holder.get("messages")
        for message in inside if isinstance(inside, list) else [value]:
            note(messages, head, message)
    yield from calls(messages.values())


def note(messages: dict[tuple[Any, str], dict[str, Any]], head: Mapping[str, Any], message: Any) -> None:
    """Keeps of a message what is needed; the last one of an id wins, but for what only an earlier one says."""
    if not isinstance(message, dict) or message.get("type") not in KINDS or not text(message.get("id")):
        return
    session = text(head.get("sessionId"))
    tools = message.get("toolCalls")
    tools = tools if isinstance(tools, list) else []
    done = [at for tool in tools if isinstance(tool, dict) and (at := text(tool.get("timestamp")))]
    said = {
        "session": session, "id": f"{session}:{message['id']}" if session else message["id"],
        "project": text(head.get("projectHash")), "sidechain": "true" if head.get("kind") == "subagent" else "false",
        "type": message["type"], "ended": text(message.get("timestamp")), "model": text(message.get("model")),
        "tokens": message.get("tokens"), "done": max(done, default=None),
    }  # fmt: skip
    known = messages.setdefault((session, message["id"]), {})
    known |= {key: value for key, value in said.items() if value is not None}


def calls(messages: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """The answers, each with when the message before it was done."""
    asked: str | None = None
    for message in messages:
        if message["type"] == "gemini":
            yield {**message, "started": asked or message.get("ended"), "timing": "inferred" if asked else None}
        if message["type"] in ("user", "gemini"):
            asked = message.get("done") or message.get("ended")


def readings(sample: Sample, mapping: Mapping[str, str]) -> tuple[Reading, ...]:
    """A request an answer."""
    require(sample, "a session of Gemini CLI", "sessionId|session|tokens|type|$set|$rewindTo")
    columns = dict.fromkeys([*PLAIN.values(), "type", "sidechain"], "VARCHAR") | {"tokens": "JSON"}
    paths = ", ".join(f"'$.{key}'" for key in TOKENS.values())
    parts = {part: f'"_t"[{place}]' for place, part in enumerate(TOKENS, start=1)}
    prepare, fields = token_fields({**parts, "names": "'inclusive'"}, raw_keys=("tokens",))
    fields |= {name: Field(f'"{key}"', keys=(key,)) for name, key in PLAIN.items()}
    fields |= {
        "ended_at": Field("CASE WHEN \"timing\" IS NOT NULL THEN \"ended\" END", keys=("ended",)),
        "provider": Field(provider_sql(NOTHING, '"model"'), keys=("model",)),
        "metadata": Field(metadata_sql({"sidechain": '"sidechain"'}), keys=("sidechain",)),
        "operation": Field("'chat'"), "service": Field("'gemini-cli'"),
    }  # fmt: skip
    prepare = {"_t": f'json_extract_string("tokens", [{paths}])', **prepare}
    aside = "no call, or written again later"
    return (Reading("requests", columns, fields, prepare, "\"type\" = 'gemini'", aside=aside),)


PLAIN: Mapping[str, str] = {
    "request_id": "id", "session_id": "session", "response_model": "model", "started_at": "started",
    "ended_at": "ended", "timing_quality": "timing", "feature": "project",
}  # fmt: skip
