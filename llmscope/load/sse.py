"""A stored stream of server-sent events as the answers it carried: one response body a stream.

The bodies have the shape of the provider's answer in one piece, so that the raw sources read them, with
`"stream": true` on them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from llmscope.sources._events import kind_of, payloads, streams

FIELDS = (b"data:", b"event:", b"id:", b"retry:", b":")
MARK = b"\xef\xbb\xbf"


@dataclass(slots=True)
class Seen:
    """What was read: events in all, and how many of them no answer could take. Complete once all bodies are given."""

    events: int = 0
    strange: int = 0
    streams: int = 0


def is_stream(head: bytes) -> bool:
    """Whether a file that begins so is a stream: its first line is a field of one, its first data JSON or the end."""
    lines = [line.strip() for line in head.removeprefix(MARK).splitlines() if line.strip()]
    data = next((line.removeprefix(b"data:").strip() for line in lines if line.startswith(b"data:")), None)
    if data is None or not lines[0].startswith(FIELDS):
        return False
    return data.startswith((b"{", b"[DONE]"))


def bodies(lines: Iterable[bytes], seen: Seen | None = None) -> Iterator[dict[str, Any]]:
    """The answers of a stored stream, or of several one after the other; one is held in memory at a time."""
    counts = seen if seen is not None else Seen()
    for stream in streams(counted(payloads(texts(lines)), counts)):
        counts.streams += 1
        yield stream.body()


def texts(lines: Iterable[bytes]) -> Iterator[str]:
    """Lines as text, without the byte-order mark; of CRLF and lone CR each ends one."""
    for i, line in enumerate(lines):
        yield from (line if i else line.removeprefix(MARK)).decode("utf-8", "replace").split("\r")


def counted(values: Iterable[Any], seen: Seen) -> Iterator[Any]:
    """The values that are events; a "[DONE]" is none."""
    for value in values:
        if value != "[DONE]":
            seen.events += 1
            seen.strange += kind_of(value) is None
        yield value
