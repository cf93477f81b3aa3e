"""Chat messages as logs hold them: their texts, what OpenAI's format adds, and which part of a prompt each text is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Part = Literal["system", "history", "context", "tools", "user"]
PARTS: tuple[Part, ...] = ("system", "history", "context", "tools", "user")

# openai-cookbook, How_to_count_tokens_with_tiktoken: tokens a message, a name, and before the reply. The role is
# counted as text.
A_MESSAGE, A_NAME, REPLY = 3, 1, 3

# Where a body keeps its messages, its instructions and its tools.
HOLDING = ("messages", "input", "contents", "prompt")
INSTRUCTIONS = ("system", "instructions", "systemInstruction", "system_instruction")
OF_SYSTEM = ("system", "developer")
OF_TOOLS = ("tool", "function", "tool_result", "ipython")
OF_CONTEXT = ("context", "document", "documents", "retrieval", "data")
# What is brought into a prompt stands between tags, or under a word of its own up to the question.
OPENED = re.compile(
    r"<(contexts?|documents?|docs?|sources?|passages?|search_results?|retrieved\w{0,40}|knowledge|excerpts?|chunks?)"
    r"(?:\s[^<>]{0,200})?>",
    re.IGNORECASE,
)
HEADED = re.compile(
    r"^[#* ]{0,6}(?:context|documents?|sources|search results|retrieved \w+|passages|excerpts)[* ]{0,4}:[^\S\n]*.*?"
    r"(?=^[#* ]{0,6}(?:question|query|user question|user|task|instructions?|answer)[* ]{0,4}:|\Z)",
    re.DOTALL | re.IGNORECASE | re.MULTILINE,
)
TEXT_KEYS = ("text", "input_text", "output_text", "content", "output", "thinking")
TOOL_TYPES = ("tool_use", "tool_result", "tool_call", "function_call", "function_call_output", "server_tool_use")
DOCUMENT_TYPES = ("document", "search_result", "file", "web_search_tool_result")
MEDIA_TYPES = ("image", "image_url", "input_image", "input_audio", "audio", "video", "input_file")
MOST_DEEP = 20


@dataclass(frozen=True, slots=True)
class Message:
    """One message: who speaks, its name, its texts with the part each is of, and whether it holds more than text."""

    role: str
    texts: tuple[tuple[Part | None, str], ...] = ()
    name: str | None = None
    media: bool = False


def messages_of(text: str) -> list[Message] | None:
    """The chat messages that a text spells out in JSON: a list of them, or a request's body; None of any other text."""
    head = text[:200].lstrip("\ufeff \t\r\n")[:1]
    if head not in ("[", "{"):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    before: list[Message] = []
    if isinstance(found, dict):
        body = found
        before = [*instructions(body), *definitions(body.get("tools") or body.get("functions"))]
        found = next((body[k] for k in HOLDING if isinstance(body.get(k), list)), None)
    if not isinstance(found, list) or not found or not all(is_message(m) for m in found):
        return None
    return [*before, *(message(m) for m in found)]


def is_message(item: Any) -> bool:
    """Whether this is a chat message: it says who speaks, or is one of the steps of OpenAI's Responses."""
    if not isinstance(item, dict):
        return False
    if isinstance(item.get("role"), str):
        return any(key in item for key in ("content", "parts", "tool_calls", "function_call", "message"))
    return item.get("type") in TOOL_TYPES


def instructions(body: Mapping[str, Any]) -> Iterator[Message]:
    """The system prompt of a body that keeps it beside its messages."""
    for key in INSTRUCTIONS:
        if body.get(key):
            yield Message("system", tuple(texts_in(body[key], None)))


def definitions(tools: Any) -> Iterator[Message]:
    """The tools a request offers, as JSON: how a provider writes them into the prompt is its own affair."""
    if isinstance(tools, list) and tools:
        yield Message("tools", (("tools", json.dumps(tools, ensure_ascii=False, separators=(",", ":"))),))


def message(item: Mapping[str, Any]) -> Message:
    """One message of a list."""
    role = str(item.get("role") or item.get("type") or "user").lower()
    content = next((item[k] for k in ("content", "parts", "message") if item.get(k) is not None), None)
    texts = list(texts_in(content, None))
    for key in ("tool_calls", "function_call", "arguments"):
        if item.get(key):
            texts += [("tools", text) for _, text in texts_in(called(item[key]), "tools")]
    if role in TOOL_TYPES and "output" in item:
        texts += texts_in(item["output"], "tools")
    name = item.get("name")
    return Message(role, tuple(texts), name if isinstance(name, str) else None, has_media(content))


def called(calls: Any) -> list[str]:
    """The names and arguments of tool calls."""
    found = []
    for call in calls if isinstance(calls, list) else [calls]:
        inner = call.get("function", call) if isinstance(call, dict) else call
        if isinstance(inner, dict):
            said = [inner[key] for key in ("name", "arguments") if inner.get(key)]
            found += [text if isinstance(text, str) else json.dumps(text) for text in said]
        else:
            found.append(str(inner))
    return found


def texts_in(content: Any, part: Part | None, deep: int = 0) -> Iterator[tuple[Part | None, str]]:
    """The texts of a message's content, whether it is one text or a list of blocks."""
    if isinstance(content, str):
        if content:
            yield part, content
    elif deep > MOST_DEEP:
        return
    elif isinstance(content, list):
        for block in content:
            yield from texts_in(block, part, deep + 1)
    elif isinstance(content, dict):
        kind = str(content.get("type", ""))
        inner: Part | None = "tools" if kind in TOOL_TYPES else "context" if kind in DOCUMENT_TYPES else part
        if isinstance(content.get("input"), dict):
            yield inner or "tools", json.dumps(content["input"], ensure_ascii=False)
        for key in (*TEXT_KEYS, "parts", "source", "data" if inner == "context" else "parts"):
            if kind not in MEDIA_TYPES and key in content:
                yield from texts_in(content[key], inner, deep + 1)


def has_media(content: Any) -> bool:
    """Whether a message has blocks whose tokens no text tells."""
    return isinstance(content, list) and any(
        isinstance(b, dict) and (b.get("type") in MEDIA_TYPES or "inline_data" in b or "inlineData" in b)
        for b in content
    )


def strings(of: Message) -> list[str]:
    """What of a message is counted as text: its role, its name, its texts."""
    return [of.role, *([of.name] if of.name else []), *(text for _, text in of.texts)]


def framing(of: Message) -> int:
    """The tokens that the format adds to a message."""
    return A_MESSAGE + (A_NAME if of.name else 0)


def parts_of(messages: Sequence[Message]) -> list[tuple[Part, Message, str]]:
    """Every text of a prompt and the part it is of, in order.

    The last message of the user is `user`, unless tools have answered since; what went before it is `history`. What is
    brought in (a document block, a passage between tags, text under "Context:") is `context` wherever it stands.
    """
    last = max((i for i, m in enumerate(messages) if m.role in ("user", "human")), default=-1)
    return [
        (part, m, text)
        for i, m in enumerate(messages)
        for given, whole in m.texts
        for part, text in split(whole, given or own_part(m.role, i == last))
    ]


def own_part(role: str, last: bool) -> Part:
    """The part that a message of this role is of."""
    if role in OF_SYSTEM:
        return "system"
    if role in OF_TOOLS or role in TOOL_TYPES or role == "tools":
        return "tools"
    if role in OF_CONTEXT:
        return "context"
    return "user" if last else "history"


def split(text: str, part: Part) -> list[tuple[Part, str]]:
    """A text of the system or the user without what is brought into it, and that by itself."""
    if part not in ("system", "user"):
        return [(part, text)]
    pieces: list[tuple[Part, str]] = []
    at = 0
    for start, end in tagged(text) or [found.span() for found in HEADED.finditer(text)]:
        pieces += [(part, text[at:start]), ("context", text[start:end])]
        at = end
    return [(p, t) for p, t in [*pieces, (part, text[at:])] if t]


def tagged(text: str) -> list[tuple[int, int]]:
    """Where passages stand between tags; a tag that is never closed is looked for once."""
    spans: list[tuple[int, int]] = []
    unclosed: set[str] = set()
    at = 0
    while opened := OPENED.search(text, at):
        name, at = opened[1].lower(), opened.end()
        if name in unclosed:
            continue
        closed = re.compile(rf"</{re.escape(name)}\s?>", re.IGNORECASE).search(text, at)
        if closed:
            spans.append((opened.start(), closed.end()))
            at = closed.end()
        else:
            unclosed.add(name)
    return spans
