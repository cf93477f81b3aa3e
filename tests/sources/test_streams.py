"""Stored streams: as server-sent events, as lists of events beside the request, as chunks a line each. By hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmscope.load import LoadOptions
from llmscope.load.sse import Seen, bodies, is_stream
from llmscope.sources import _merge
from llmscope.sources._events import merged, payloads
from tests.sources.loading import Loaded, loaded, write_lines

FIXTURES = Path(__file__).parent / "fixtures" / "streams"
KEYS = ("request_id", "input_tokens", "output_tokens", "finish_reason", "status", "output_text")


@cache
def fixture(name: str) -> Loaded:
    return loaded(FIXTURES / name, options=LoadOptions(keep_text=True))


def told(got: Loaded) -> list[tuple[Any, ...]]:
    """What matters of each row."""
    assert all(row["stream"] for row in got.requests)
    return [tuple(row.get(key) for key in KEYS) for row in got.requests]


# The same three streams, as events and as lines: with usage, without, and cut off.
CHATS = [
    ("chatcmpl-1", 12, 2, "stop", "ok", "Hello"),
    ("chatcmpl-2", None, None, "length", "ok", "No usage"),
    ("chatcmpl-3", None, None, None, "unknown", "cut o"),
]


def test_chat_streams_one_after_the_other() -> None:
    """CRLF and LF, a comment, two ends marked and one not, a last line cut short. Of the first, 8 of 12 were cached."""
    got = fixture("openai_chat.sse")

    assert ("openai_chat", 3) == (got.file.source, got.file.loaded)
    assert CHATS == told(got)
    assert 8 == got.total("cache_read_tokens")
    assert datetime(2026, 3, 1, 10, 0, 1) == got.requests[0]["started_at"]


def test_chunks_a_line_each() -> None:
    """Two streams one within the other and the start of a third: eight lines, three requests, the rest set aside."""
    got = fixture("chunks.jsonl")

    assert (8, 3, 5) == (got.file.lines, got.file.loaded, got.file.set_aside)
    assert CHATS == told(got)


def test_chunks_and_the_whole_answer_are_one_request(tmp_path: Path) -> None:
    """A log that holds both, and lines of the wrong types; a stream without an id cannot be told from another."""
    chunks = [json.loads(line) for line in (FIXTURES / "chunks.jsonl").read_text().splitlines()]
    whole = {**chunks[0], "object": "chat.completion", "usage": {"prompt_tokens": 12, "completion_tokens": 2}}
    odd = [{**chunks[0], "id": None}, {**chunks[0], "id": "x", "choices": "none", "usage": [1], "x_groq": 7}]
    got = loaded(write_lines(tmp_path / "log.jsonl", [*chunks, whole, *odd]))

    assert ["chatcmpl-1", "chatcmpl-2", "chatcmpl-3", "x"] == [row["request_id"] for row in got.requests]
    assert (12, 2, 1) == (got.total("input_tokens"), got.total("output_tokens"), got.file.duplicates)


def test_messages() -> None:
    """Usage is a total: 121 and neither 1 + 90 + 121 nor 122; input 25 + 300 + 10. A cut stream's 1 was no count."""
    got = fixture("anthropic.sse")
    expected = [
        ("msg_s1", 335, 121, "stop", "ok", "Good day"),
        ("msg_s2", 335, None, None, "error", "Goo"),
    ]

    assert expected == told(got)
    assert [("anthropic_messages", 300, 10)] * 2 == [
        (row["source_format"], row["cache_read_tokens"], row["cache_write_5m_tokens"]) for row in got.requests
    ]
    assert "overloaded" == got.requests[1]["error_class"]


def test_responses() -> None:
    """The last event has it all; where it is missing the first says at least that there was a call."""
    got = fixture("openai_responses.sse")

    assert [("resp_s1", 40, 9, "stop", "ok", "Yes"), ("resp_s2", None, None, None, "unknown", None)] == told(got)
    assert (16, 4) == (got.total("cache_read_tokens"), got.total("reasoning_tokens"))


def test_gemini() -> None:
    """Each chunk has a usage, and the last holds: 7,168 and not 10,103; 2 and 30 thoughts."""
    got = fixture("gemini.sse")

    assert [("g-s1", 7168, 32, "stop", "ok", "One")] == told(got)


@pytest.mark.parametrize(
    ("name", "source", "expected"),
    [
        ("pairs_anthropic.jsonl", "anthropic_messages", [
            ("msg_s1", 335, 121, "stop", "ok", "Good day"), ("msg_s2", 335, None, None, "error", "Goo"),
            ("msg_s3", 335, 121, "stop", "ok", "Good day"),
        ]),
        ("pairs_openai.jsonl", "openai_chat", [*CHATS[:2], ("chatcmpl-9", 4, 1, "stop", "ok", "ok")]),
        ("pairs_gemini.jsonl", "gemini", [("g-s1", 7168, 32, "stop", "ok", "One")]),
    ],
)  # fmt: skip
def test_beside_the_request(name: str, source: str, expected: list[tuple[Any, ...]]) -> None:
    """Lists of events, and the text of the stream in a string; an answer in one piece among them."""
    got = fixture(name)

    assert (source, len(expected)) == (got.file.source, got.file.loaded)
    assert expected == [tuple(row.get(key) for key in KEYS) for row in got.requests]


def lines(*events: Any) -> Iterator[bytes]:
    """Events as a stream's lines."""
    yield from (f"data: {json.dumps(event)}\n".encode() for event in events)


def test_what_is_counted() -> None:
    """Events in all, and those no answer could take; a value over two data lines is one event."""
    seen = Seen()
    text = [b"\xef\xbb\xbf: hello\n", b"event: x\n", b'data: {"type":\n', b'data:  "ping"}\n', b"\n", b"data: 7\n",
            b"HTTP/1.1 200 OK\r\n", b"data: {bad\n", b"\n", b"data: [DONE]\n"]  # fmt: skip
    found = list(bodies([*text, *lines({"object": "chat.completion.chunk", "id": "a", "choices": []})], seen))

    assert [("a", "chat.completion", True)] == [(b["id"], b["object"], b["stream"]) for b in found]
    assert (5, 3, 1) == (seen.events, seen.strange, seen.streams)


def test_a_broken_event_takes_no_other_with_it() -> None:
    """Without blank lines between them a value cut short and the next are told apart by the next being an event."""
    chunk = {"object": "chat.completion.chunk", "id": "a", "choices": [{"delta": {"content": "x"}}]}
    seen = Seen()
    [body] = bodies([b'data: {"id": "cut\n', *lines(chunk, chunk)], seen)

    assert "xx" == body["choices"][0]["message"]["content"]
    assert (3, 1) == (seen.events, seen.strange)


def test_an_error_alone_is_an_answer_too() -> None:
    """A stream that only says what went wrong."""
    assert [{"error": {"message": "no"}, "stream": True}] == list(bodies(lines({"error": {"message": "no"}})))


@pytest.mark.parametrize(
    ("head", "known"),
    [
        (b'data: {"id": 1}\n\n', True), (b": ping\r\n\r\nevent: a\r\ndata: {\r\n", True), (b"data: [DONE]\n", True),
        (b'\xef\xbb\xbfid: 7\ndata: {"a":1}', True), (b"data:,b\n1,2\n", False), (b'{"data: ": 1}', False),
        (b"time,data: x\n", False), (b"event: a\n", False), (b"", False),
    ],
)  # fmt: skip
def test_streams_are_known(head: bytes, known: bool) -> None:
    """By the first line, and by data that is JSON."""
    assert known == is_stream(head)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 500) | st.sampled_from(["", "x", "message_start", "response.created"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "message", "usage", "delta", "choices", "candidates", "content", "parts", "text", "error",
                 "object", "response", "finish_reason", "usageMetadata", "metadata", "messageStart", "output_tokens"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)  # fmt: skip
MERGES = (_merge.message, _merge.completion, _merge.response, _merge.gemini, _merge.converse)


@settings(max_examples=30, deadline=None)
@given(events=st.lists(JSON, max_size=5))
def test_no_event_breaks_a_merge(events: list[Any]) -> None:
    """Any JSON at all, in Python and in SQL."""
    list(bodies(lines(*events)))
    merged(events)
    list(payloads(["data: " + str(events), "x"]))
    calls = ", ".join(f"{merge('x')}" for merge in MERGES)

    with duckdb.connect() as con:
        assert con.execute(f"SELECT {calls} FROM (SELECT $1::JSON AS x)", [json.dumps(events)]).fetchall()
