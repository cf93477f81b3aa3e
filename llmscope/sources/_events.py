"""The events of a streamed answer, merged into the answer the provider would have given in one piece.

Usage is a running total in every provider's stream: what is said last holds, nothing is added up. A stream that ends
early still gives its answer: without how it ended, and without an output count that was only a placeholder.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

Kind = Literal["chat", "response", "message", "gemini", "converse", "error", "ping"]
Event = Mapping[str, Any]

OF_A_MESSAGE = ("message_start", "message_delta", "message_stop")
DONE = "[DONE]"
# Text that is still no JSON by then never will be.
LONGEST = 1 << 22
CHUNKS = ("chat.completion.chunk", "text_completion")
CONVERSE = {"messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop"}
RESPONSE_ENDS = ("response.completed", "response.failed", "response.incomplete", "response.cancelled")


def payloads(lines: Iterable[str]) -> Iterator[Any]:
    """What the `data:` lines of server-sent events hold: JSON, "[DONE]", or None for what is neither.

    A value over several data lines is one; values that no blank line parts are each their own.
    """
    held = ""
    for line in (raw.rstrip("\r\n") for raw in lines):
        if line.startswith("data:"):
            piece = line.removeprefix("data:").strip()
            value = parsed(held + piece)
            if value is None and held and (len(held) > LONGEST or kind_of(parsed(piece))):
                yield None
                held, value = "", parsed(piece)
            held = "" if value is not None else f"{held}{piece}\n"
            if value is not None:
                yield value
        elif held:
            held = ""
            yield None
        elif line.strip() and not line.startswith((":", "event:", "id:", "retry:")):
            yield None
    if held:
        yield None


def parsed(text: str) -> Any:
    """JSON, the word that ends a stream, or None."""
    if text == DONE:
        return DONE
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def kind_of(event: Any) -> Kind | None:
    """Whose event this is; None for what is no event of a model's answer."""
    if not isinstance(event, Mapping):
        return None
    word = event.get("type")
    if isinstance(word, str):
        if word in OF_A_MESSAGE or word.startswith("content_block_"):
            return "message"
        if word.startswith("response."):
            return "response"
        if word in ("ping", "error"):
            return word  # type: ignore[return-value]
    if event.get("object") in CHUNKS or isinstance(event.get("choices"), list):
        return "chat"
    if "candidates" in event or "usageMetadata" in event or "usage_metadata" in event:
        return "gemini"
    if CONVERSE & event.keys() or "usage" in obj(event.get("metadata")):
        return "converse"
    return "error" if event.get("error") else None


class Stream:
    """One streamed answer as its events come in."""

    def __init__(self) -> None:
        self.kind: Kind | None = None
        self.events: list[Event] = []
        self.error: Any = None
        self.ended = False

    def takes(self, event: Event, kind: Kind) -> bool:
        """Whether the event is of this answer and not the first of the next."""
        if kind in ("ping", "error") or self.kind is None:
            return not self.ended or kind == "ping"
        if kind != self.kind or self.ended:
            return False
        if kind == "message":
            return event.get("type") != "message_start"
        if kind == "response":
            return event.get("type") != "response.created"
        if kind == "converse":
            return "messageStart" not in event
        ids = [one.get("id", one.get("responseId")) for one in (self.events[0], event)]
        return None in ids or "" in ids or ids[0] == ids[1]

    def add(self, event: Event, kind: Kind) -> None:
        """Takes the event in."""
        if kind == "error":
            self.error = event.get("error") or {key: event.get(key) for key in ("code", "message")}
            self.events += [] if self.events else [event]
        elif kind != "ping":
            self.kind = kind
            self.events.append(event)
            self.ended = event.get("type") in ("message_stop", *RESPONSE_ENDS)

    def body(self) -> dict[str, Any]:
        """The answer in one piece, marked as streamed."""
        match self.kind:
            case "chat":
                made = completion(self.events)
            case "response":
                made = response(self.events)
            case "message":
                made = message(self.events)
            case "gemini":
                made = gemini(self.events)
            case "converse":
                made = converse(self.events)
            case _:
                made = dict(self.events[0]) if self.events else {}
        return {**made, "stream": True} | ({"error": self.error} if self.error else {})


def streams(values: Iterable[Any]) -> Iterator[Stream]:
    """The answers that follow each other in a file's events. "[DONE]" ends one."""
    current = Stream()
    for value in values:
        kind = kind_of(value)
        if value == DONE or (kind and not current.takes(value, kind)):
            if current.events:
                yield current
            current = Stream()
        if kind:
            current.add(value, kind)
    if current.events:
        yield current


def merged(events: Sequence[Any]) -> dict[str, Any] | None:
    """The answer that a list of events makes; None where it is no such list."""
    stream = next(streams(events), None)
    return stream.body() if stream and stream.kind and chunked(stream) else None


def chunked(stream: Stream) -> bool:
    """Whether these are pieces of an answer: whole answers too have choices."""
    first = stream.events[0]
    return stream.kind != "chat" or first.get("object") == CHUNKS[0] or "delta" in choice(first)


def completion(events: Sequence[Event]) -> dict[str, Any]:
    """OpenAI's chunks, and those of servers that answer in their shape."""
    first = dict(events[0])
    choices = [choice(event) for event in events]
    whole = first.get("object") == "text_completion"
    said = [c.get("text") if whole else obj(c.get("delta")).get("content") for c in choices]
    text = "".join(piece for piece in said if isinstance(piece, str))
    ended = last(c.get("finish_reason") for c in choices)
    one = {"index": 0, "finish_reason": ended} | ({"text": text} if whole else {"message": {"content": text}})
    usage = last(e.get("usage") or obj(e.get("x_groq")).get("usage") for e in events)
    tier = last(e.get("service_tier") for e in events)
    return {**first, "object": CHUNKS[1] if whole else "chat.completion", "choices": [one]} | some(
        usage=usage, service_tier=tier
    )


def response(events: Sequence[Event]) -> dict[str, Any]:
    """The Responses API repeats the whole answer in its last event."""
    found = last(obj(event.get("response")) or None for event in events)
    return dict(found) if found else {"object": "response", "output": []}


def message(events: Sequence[Event]) -> dict[str, Any]:
    """Anthropic's: the start has the input, each delta the totals so far."""
    start = obj(events[0].get("message"))
    deltas = [obj(e.get("usage")) for e in events if e.get("type") == "message_delta"]
    usage = {key: value for key, value in obj(start.get("usage")).items() if deltas or key != "output_tokens"}
    for delta in deltas:
        usage |= {key: value for key, value in delta.items() if value not in (None, 0) or not usage.get(key)}
    pieces = [obj(event.get("delta")) for event in events]
    text = "".join(p["text"] for p in pieces if isinstance(p.get("text"), str))
    ended = last(piece.get("stop_reason") for piece in pieces)
    return {"type": "message", "role": "assistant", **start, "usage": usage, "stop_reason": ended,
            "content": [{"type": "text", "text": text}] if text else []} | last_metrics(events)  # fmt: skip


def last_metrics(events: Sequence[Event]) -> dict[str, Any]:
    """Bedrock puts its own counts and times on the last event."""
    name = "amazon-bedrock-invocationMetrics"
    return some(**{name: last(obj(event.get(name)) or None for event in events)})


def gemini(events: Sequence[Event]) -> dict[str, Any]:
    """Google's chunks are whole answers each with a piece of the text."""
    ends = [first_of(event.get("candidates")) for event in events]
    parts = [part for end in ends for part in items(obj(end.get("content")).get("parts"))]
    text = "".join(p["text"] for p in parts if isinstance(obj(p).get("text"), str) and not obj(p).get("thought"))
    ended = last(end.get("finishReason", end.get("finish_reason")) for end in ends)
    candidate = {"content": {"parts": [{"text": text}]}} | some(finishReason=ended)
    body: dict[str, Any] = {}
    for event in events:
        body |= {key: value for key, value in event.items() if value is not None}
    return body | {"candidates": [candidate]}


def converse(events: Sequence[Event]) -> dict[str, Any]:
    """Bedrock's Converse: the usage and the latency come last, as metadata."""
    pieces = [obj(obj(event.get("contentBlockDelta")).get("delta")).get("text") for event in events]
    text = "".join(piece for piece in pieces if isinstance(piece, str))
    told = [obj(event.get("metadata")) for event in events]
    return {"output": {"message": {"role": "assistant", "content": [{"text": text}]}}} | some(
        usage=last(one.get("usage") for one in told),
        metrics=last(one.get("metrics") for one in told),
        stopReason=last(obj(event.get("messageStop")).get("stopReason") for event in events),
    )


def choice(event: Event) -> Event:
    """The first of a chunk's choices; the chunk with the usage has none."""
    return first_of(event.get("choices"))


def first_of(value: Any) -> Event:
    found = items(value)
    return obj(found[0]) if found else {}


def items(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def obj(value: Any) -> Event:
    return value if isinstance(value, Mapping) else {}


def last(values: Iterable[Any]) -> Any:
    """The last that is something."""
    return next((value for value in reversed(list(values)) if value is not None), None)


def some(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}
