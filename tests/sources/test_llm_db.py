"""simonw/llm's database; how SQLite databases are read; where agents keep their sessions."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from llmscope.errors import LlmscopeError, UsageError
from llmscope.load import LoadOptions
from llmscope.load.agents import AGENTS, sessions
from llmscope.load.sqlite import rows, tables
from llmscope.sources import Sample, detect, llm_db
from tests.sources.loading import Loaded, Row, loaded, write_lines

ROWS = json.loads((Path(__file__).parent / "fixtures" / "llm_db" / "responses.json").read_text(encoding="utf-8"))


def database(path: Path, records: list[dict[str, Any]]) -> Path:
    """A logs.db of these responses, as llm's migrations make it."""
    with closing(sqlite3.connect(path)) as con:
        con.execute(f"CREATE TABLE responses ({', '.join(f'{name} {kind(name)}' for name in records[0])})")
        con.execute("CREATE TABLE conversations (id TEXT PRIMARY KEY, name TEXT, model TEXT)")
        places = ", ".join("?" * len(records[0]))
        con.executemany(f"INSERT INTO responses VALUES ({places})", [list(r.values()) for r in records])
        con.commit()
    return path


def kind(name: str) -> str:
    return "INTEGER" if name.endswith(("_tokens", "_ms")) else "TEXT"


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return loaded(database(tmp_path_factory.mktemp("llm") / "logs.db", ROWS))


def row(found: Loaded, request_id: str) -> Row:
    (only,) = [r for r in found.requests if r["request_id"] == request_id]
    return only


def test_every_row_is_a_request(logs: Loaded) -> None:
    """Five rows; "yesterday" is no time."""
    assert (logs.file.source, logs.file.lines, logs.file.loaded, logs.file.faults) == ("llm_db", 5, 5, 1)


def test_tokens_by_kind(logs: Loaded) -> None:
    """OpenAI's input of 120 holds its cache, Anthropic's is 10 + 500 + 70. Gemini's output of 100 is 20 + 80 of
    thoughts, an older plug-in's 20 is beside its 80."""
    assert logs.total("input_tokens") == 120 + 580 + 50 + 50
    assert logs.total("output_tokens") == 30 + 40 + 100 + 100
    assert logs.total("cache_read_tokens") == 100 + 500
    assert logs.total("cache_write_tokens") == 70
    assert logs.total("reasoning_tokens") == 10 + 80 + 80


def test_a_call(logs: Loaded) -> None:
    """datetime_utc is its begin: 10:00:00.25 + 1500 ms."""
    found = row(logs, "01a")

    assert {k: v for k, v in found.items() if k != "prompt_hash"} == {
        "request_id": "01a", "response_id": "chatcmpl-1", "session_id": "c1", "service": "llm", "operation": "chat",
        "provider": "openai", "request_model": "gpt-4o", "response_model": "gpt-4o-2024-08-06",
        "model": "gpt-4o-2024-08-06", "finish_reason": "stop", "finish_reason_raw": "stop", "status": "ok",
        "started_at": datetime(2026, 9, 4, 10, 0, 0, 250000), "ended_at": datetime(2026, 9, 4, 10, 0, 1, 750000),
        "latency_ms": 1500.0, "timing_quality": "measured", "max_tokens": 200, "temperature": 0.5,
        "input_tokens": 120, "output_tokens": 30, "cache_read_tokens": 100, "reasoning_tokens": 10,
        "input_chars": 10, "output_chars": 3, "usage_semantics": "inclusive", "source_format": "llm_db",
    }  # fmt: skip


def test_times_are_utc_whatever_the_zone(tmp_path: Path) -> None:
    """`datetime_utc` says so itself; older rows write no zone."""
    found = loaded(database(tmp_path / "logs.db", ROWS), options=LoadOptions(source_tz="Asia/Tokyo"))

    assert row(found, "01b")["started_at"] == datetime(2026, 9, 4, 10, 1)
    assert row(found, "01b")["ended_at"] == datetime(2026, 9, 4, 10, 1, 0, 900000)


def test_texts_only_when_asked_for(tmp_path: Path) -> None:
    path = database(tmp_path / "logs.db", ROWS)

    kept = loaded(path, options=LoadOptions(keep_text=True))

    assert (row(kept, "01b")["input_text"], row(kept, "01b")["output_text"]) == ("be brief\nb", "three")
    assert not any("input_text" in r for r in loaded(path).requests)


def test_a_row_of_which_nothing_is_known(logs: Loaded) -> None:
    """NULLs and broken JSON are unknown, and no error."""
    found = row(logs, "01e")

    assert (found["status"], found["usage_semantics"], found["timing_quality"]) == ("unknown", "missing", "missing")
    assert not {"input_tokens", "started_at", "temperature", "response_id"} & found.keys()


def test_rows_written_out_are_read_too(logs: Loaded, tmp_path: Path) -> None:
    """`llm logs --json` of old, or sqlite3 -json: an array of the same rows."""
    path = tmp_path / "responses.json"
    path.write_text(json.dumps(ROWS), encoding="utf-8")

    assert loaded(path).requests == logs.requests


def test_hostile_values(tmp_path: Path) -> None:
    """SQLite lets any value stand anywhere."""
    wrong: list[Any] = ["x", 5, None, 1.5, b"\xff\x00", "[1]", "{", -1]
    keys = [key for key in ROWS[0] if key != "id"]
    made = [{**ROWS[0], "id": f"{key}{i}", key: v} for key in keys for i, v in enumerate(wrong)]

    found = loaded(database(tmp_path / "logs.db", made))

    assert found.file.lines == len(made) == found.file.loaded + found.file.set_aside


def test_detect() -> None:
    assert detect(Sample("x", "jsonl", tuple(ROWS), dict.fromkeys(ROWS[0], "JSON"))) == "llm_db"
    plain = {"model": "gpt-4o", "input_tokens": 1, "duration_ms": 5}
    assert not llm_db.detect(Sample("x", "jsonl", (plain,), dict.fromkeys(plain, "JSON")))


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "log.jsonl", [{"model": "gpt-4o"}])

    with pytest.raises(LlmscopeError, match="a log of simonw/llm without 'datetime_utc'"):
        loaded(path, options=LoadOptions(source="llm_db")).file.check()


def test_a_database_in_use_is_read_with_its_journal_and_left_alone(tmp_path: Path) -> None:
    """What is only in the write-ahead log counts; the reader waits for nobody and writes nothing."""
    path = database(tmp_path / "logs.db", ROWS[:2])
    with closing(sqlite3.connect(path)) as con:
        con.execute("PRAGMA journal_mode = wal")
        con.execute("UPDATE responses SET model = 'other' WHERE id = '01b'")
        con.commit()
        con.execute("BEGIN IMMEDIATE")
        before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}

        found = [r["model"] for r in rows(path)]

        assert found == ["gpt-4o", "other"]
        assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before
        con.execute("UPDATE responses SET model = 'mine'")


def test_databases_that_cannot_be_read(tmp_path: Path) -> None:
    """Damaged, of something else, changed meanwhile."""
    good = database(tmp_path / "logs.db", ROWS * 200)
    broken = tmp_path / "broken.db"
    data = good.read_bytes()
    broken.write_bytes(data[:4096] + b"\xa5" * (len(data) - 4096))
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as con:
        con.execute("CREATE TABLE responses (id, text)")

    assert set(tables(good)) == {"conversations", "responses"}
    with pytest.raises(LlmscopeError, match="cannot be read"):
        list(rows(broken))
    with pytest.raises(LlmscopeError, match="without a table of requests"):
        list(rows(other))
    reading = rows(good)
    next(reading)
    good.write_bytes(data + b"\0" * 4096)
    with pytest.raises(LlmscopeError, match="changed while it was read"):
        list(reading)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, with no agent in it."""
    for name in ("CLAUDE_CONFIG_DIR", "CODEX_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "LLM_USER_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("sys.platform", "linux")
    return tmp_path


def place(path: Path) -> Path:
    """A folder with something in it."""
    path.mkdir(parents=True)
    (path / "session.jsonl").write_text("{}\n", encoding="utf-8")
    return path


def test_where_agents_keep_their_sessions(home: Path) -> None:
    """The folders of each that exist."""
    claude = [place(home / ".config/claude/projects"), place(home / ".claude/projects")]
    codex = [place(home / ".codex/sessions"), place(home / ".codex/archived_sessions")]
    gemini = [place(home / ".gemini/tmp" / name / "chats") for name in ("aa", "bb")]
    opencode = [place(home / ".local/share/opencode/storage/message")]
    place(home / ".config/io.datasette.llm")
    logs = database(home / ".config/io.datasette.llm/logs.db", ROWS)

    assert {name: sessions(name) for name in AGENTS} == {
        "claude-code": claude, "codex": codex, "gemini-cli": gemini, "opencode": opencode, "llm": [logs],
    }  # fmt: skip


def test_variables_say_where_else(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two, codex = place(home / "a/projects"), place(home / "b/projects"), place(home / "c/sessions")
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", f"{home / 'a'}, {two}")
    monkeypatch.setenv("CODEX_HOME", str(home / "c"))

    assert sessions("claude-code") == [one, two]
    assert sessions("codex") == [codex]


def test_macos_keeps_them_elsewhere(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    folder = place(home / "Library/Application Support/io.datasette.llm")

    logs = database(folder / "logs.db", ROWS)

    assert sessions("llm") == [logs]


def test_no_sessions_and_no_agent(home: Path) -> None:
    """It says where it looked; an unknown agent's name has a nearest one."""
    (home / ".codex" / "sessions").mkdir(parents=True)

    with pytest.raises(LlmscopeError, match=r"no sessions of codex.*\.codex/sessions"):
        sessions("codex")
    with pytest.raises(UsageError) as caught:
        sessions("claude_code")
    assert caught.value.hint == "did you mean claude-code?"
