"""llmscope count: texts and chats, several models, and what is no text."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from tests.commands.conftest import Run
from tests.test_tokens import COOKBOOK


def put(folder: Path, **files: str | bytes) -> None:
    for name, text in files.items():
        (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)


def test_both_encodings_without_a_model(run: Run, tmp_path: Path) -> None:
    """hello world is 2 in both."""
    put(tmp_path, a="hello world")
    rows = run("count", "a", "-f", "json").rows

    assert [("cl100k_base", 2, 11, 11), ("o200k_base", 2, 11, 11)] == [
        (r["encoding"], r["tokens"], r["characters"], r["bytes"]) for r in rows
    ]


def test_a_row_a_file_and_model(run: Run, tmp_path: Path) -> None:
    """Nine tokens of cl100k, eight of o200k; an empty file is 0."""
    put(tmp_path, a="お誕生日おめでとう", b="")
    rows = run("count", "a", "b", "--model", "gpt-4", "--model", "gpt-4o", "-f", "json").rows

    assert [("a", "gpt-4", 9), ("a", "gpt-4o", 8), ("b", "gpt-4", 0), ("b", "gpt-4o", 0)] == [
        (r["file"], r["model"], r["tokens"]) for r in rows
    ]
    assert (9, 27) == (rows[0]["characters"], rows[0]["bytes"])


def test_totals_of_one_model(run: Run, tmp_path: Path) -> None:
    """2 + 6 = 8."""
    put(tmp_path, a="hello world", b="tiktoken is great!")

    assert 8 == run("count", "a", "b", "--model", "gpt-4", "-f", "json").json["totals"]["tokens"]


def test_chat_messages(run: Run, tmp_path: Path) -> None:
    """A JSON list of messages is counted as a prompt, and that is said."""
    put(tmp_path, chat=json.dumps(COOKBOOK))
    ran = run("count", "chat", "--model", "gpt-4-0613", "-f", "json")

    assert (129, 6) == (ran.rows[0]["tokens"], ran.rows[0]["messages"])
    assert "chat messages" in ran.json["notes"][0]


def test_estimates_have_bounds_and_a_note(run: Run, tmp_path: Path) -> None:
    """2 x 1.2 = 2.4, 2 to 3 (2.256 and 2.544)."""
    put(tmp_path, a="hello world")
    ran = run("count", "a", "--model", "claude-sonnet-4-5", "-f", "json")
    row = ran.rows[0]

    assert (2, 2, 3, "ratio") == (row["tokens"], row["low_tokens"], row["high_tokens"], row["method"])
    assert "Claude 3 to 4.6" in ran.json["notes"][0]


def test_standard_input(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """- is what is piped in."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"hello world")))
    rows = run("count", "-", "--model", "gpt-4o", "-f", "json").rows

    assert [("standard input", 2)] == [(r["file"], r["tokens"]) for r in rows]


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("latin", "Grüße".encode("latin1"), "byte 0xfc at offset 2 is no UTF-8"),
        ("binary", b"\x7fELF\0\0", "NUL"),
        ("packed", b"\x1f\x8b\x08\0", "compressed"),
        ("missing", None, "No such file"),
    ],
)
def test_no_text(run: Run, tmp_path: Path, name: str, data: bytes | None, said: str) -> None:
    """What cannot be read as text ends with 1 and says why."""
    if data is not None:
        put(tmp_path, **{name: data})
    ran = run("count", name)

    assert 1 == ran.code
    assert said in ran.err


def test_images_are_said_not_to_be_counted(run: Run, tmp_path: Path) -> None:
    """3 + user 1 + hi 1 + 3 = 8; what an image adds is not known, and that is said."""
    blocks = [{"type": "text", "text": "hi"}, {"type": "image_url", "image_url": {"url": "data:,x"}}]
    put(tmp_path, chat=json.dumps([{"role": "user", "content": blocks}]))
    ran = run("count", "chat", "--model", "gpt-4o", "-f", "json")

    assert 8 == ran.rows[0]["tokens"]
    assert "chat: images or sound are in no count" in ran.json["notes"][1]


def test_standard_input_is_read_once(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Named twice it is one text, not a second empty one."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"hello world")))

    assert [2] == [r["tokens"] for r in run("count", "-", "-", "--model", "gpt-4o", "-f", "json").rows]


def test_a_file_without_a_name(run: Run) -> None:
    """An empty variable in a script is a usage error, not a folder."""
    ran = run("count", "")

    assert (2, True) == (ran.code, "without a name" in ran.err)


def test_a_folder(run: Run, tmp_path: Path) -> None:
    """A folder is no text."""
    ran = run("count", str(tmp_path))

    assert (1, True) == (ran.code, "is a folder" in ran.err)


def test_utf16_by_its_mark(run: Run, tmp_path: Path) -> None:
    """A file with the mark of UTF-16 is read as that."""
    put(tmp_path, a="hello world".encode("utf-16"))

    assert 2 == run("count", "a", "--model", "gpt-4o", "-f", "json").rows[0]["tokens"]


def test_gate(run: Run, tmp_path: Path) -> None:
    """A prompt that is too long for one's limit ends with 3."""
    put(tmp_path, a="hello world")

    assert [3, 0] == [run("count", "a", "--fail-if", f"tokens > {n}").code for n in (1, 2)]
