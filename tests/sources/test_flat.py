"""Logs of one's own making: keys recognised by what people call them, and what is never guessed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import llmscope
from llmscope.load import LoadOptions, load
from llmscope.load.mapping import parse
from llmscope.sources import Sample, detect
from llmscope.sources._alias import ALIASES, fold, meant
from llmscope.store import Store
from tests.load.writing import Record, lines, load_bytes

BASE: Record = {"ts": "2026-09-01T10:00:00Z", "model": "gpt-4-turbo", "prompt_tokens": 10, "completion_tokens": 2}
# What sources.md lists for the flat source.
NAMES = {
    "request_id": "id request_id req_id call_id uuid log_id",
    "trace_id": "trace trace_id correlation_id",
    "session_id": "session_id session conversation_id thread_id chat_id",
    "user_id": "user user_id uid end_user customer_id account_id",
    "feature": "feature app use_case endpoint route task workflow component tag",
    "template": "template template_id prompt_template prompt_name prompt_id",
    "request_model": "model model_name model_id engine deployment",
    "provider": "provider vendor api system",
    "input_tokens": "input_tokens prompt_tokens tokens_in n_prompt",
    "output_tokens": "output_tokens completion_tokens tokens_out generated_tokens",
    "cache_read_tokens": "cached_tokens cache_read_tokens cache_read_input_tokens cached_input_tokens",
    "cache_write_tokens": "cache_write_tokens cache_creation_input_tokens",
    "started_at": "timestamp ts time @timestamp created_at created start_time start datetime date request_time",
    "latency_ms": "latency latency_ms duration duration_ms elapsed response_time total_time e2e",
    "ttft_ms": "ttft ttft_ms time_to_first_token time_to_first_token_ms",
    "status": "status success ok outcome state",
    "error_type": "error_type exception",
    "error_message": "error error_message",
    "http_status": "status_code http_status code",
    "cost_logged_usd": "cost cost_usd price spend total_cost",
}


def load_one(folder: Path, record: Record, **options: Any) -> Record:
    """The one row that a record becomes."""
    report, rows = load_bytes(folder, lines([record]), source="flat", **options)
    assert 1 == report.loaded
    return rows[0]


@pytest.mark.parametrize(("column", "name"), [(c, n) for c, names in NAMES.items() for n in names.split()])
def test_every_name_of_the_list_is_known(column: str, name: str) -> None:
    """As sources.md has it."""
    assert column in [found for found, _, _ in meant(name)]


@pytest.mark.parametrize(
    ("key", "folded"),
    [
        ("promptTokens", "prompt_tokens"),
        ("prompt-tokens", "prompt_tokens"),
        ("Prompt Tokens", "prompt_tokens"),
        ("PROMPT_TOKENS", "prompt_tokens"),
        ("@timestamp", "timestamp"),
        ("user.id", "user_id"),
        ("modelID", "model_id"),
        ("HTTPStatus", "http_status"),
    ],
)
def test_keys_are_folded(key: str, folded: str) -> None:
    """Case, hyphens, dots and camels make no difference."""
    assert folded == fold(key)


def test_an_alias_belongs_to_one_column() -> None:
    """No name stands for two things."""
    every = [name for names in ALIASES.values() for name in names]

    assert sorted(set(every)) == sorted(every)


def test_a_flat_record(tmp_path: Path) -> None:
    """One of each kind of field."""
    row = load_one(tmp_path, {**BASE, "user": "u1", "app": "chat", "cost_usd": 0.5, "latency_ms": 120, "status": "ok"})
    shown = (
        "request_model",
        "model",
        "input_tokens",
        "output_tokens",
        "user_id",
        "feature",
        "cost_logged_usd",
        "latency_ms",
        "status",
    )

    assert ["gpt-4-turbo", "gpt-4-turbo", 10, 2, "u1", "chat", 0.5, 120.0, "ok"] == [row[n] for n in shown]
    assert ("openai", "flat", "chat") == (row["provider"], row["source_format"], row["operation"])


def test_nested_keys(tmp_path: Path) -> None:
    """`llm.tokens.prompt_tokens` and `context.user_id` mean what they mean at the top."""
    record = {
        "time": "2026-09-01T10:00:00Z",
        "llm": {"model": "gpt-4-turbo", "tokens": {"prompt_tokens": 10, "completion_tokens": 2}},
        "context": {"user_id": "u1"},
    }
    row = load_one(tmp_path, record)

    assert ("gpt-4-turbo", 10, 2, "u1") == tuple(row[n] for n in ("model", "input_tokens", "output_tokens", "user_id"))


def test_an_upper_key_beats_a_nested_one(tmp_path: Path) -> None:
    """What stands at the top is the record's own."""
    row = load_one(tmp_path, {"child": {"prompt_tokens": 99}, **BASE})

    assert 10 == row["input_tokens"]


def test_a_provider_usage_object(tmp_path: Path) -> None:
    """Anthropic's input excludes its cache: 10 + 90 + 5."""
    usage = {"input_tokens": 10, "output_tokens": 2, "cache_read_input_tokens": 90, "cache_creation_input_tokens": 5}
    row = load_one(tmp_path, {"ts": BASE["ts"], "model": "claude-3-opus-20240229", "usage": usage})

    assert (105, 90, 5, 2) == tuple(
        row[n] for n in ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens")
    )


@pytest.mark.parametrize(
    ("maps", "expected"),
    [
        (["model=properties.main_model"], {"request_model": "o1"}),
        (["model=$.properties.main_model"], {"request_model": "o1"}),
        (['model=$.properties["dotted.key"]'], {"request_model": "o2"}),
        (["model=literal.dot"], {"request_model": "o3"}),
        (["feature=properties.main_model", "user=literal.dot"], {"feature": "o1", "user_id": "o3"}),
        (["cost=cents:cents"], {"cost_logged_usd": 0.12}),
        (["latency_ms=took:s"], {"latency_ms": 3000.0}),
        (["latency_ms=took:us"], {"latency_ms": 0.003}),
    ],
)
def test_map(tmp_path: Path, maps: list[str], expected: Record) -> None:
    """A path, a JSON path, a literal key, which beats a path; a unit behind a colon."""
    record = {
        **BASE,
        "properties": {"main_model": "o1", "dotted.key": "o2"},
        "literal.dot": "o3",
        "literal": {"dot": "o4"},
        "cents": 12,
        "took": 3,
    }
    row = load_one(tmp_path, record, maps=maps)

    assert expected == {n: pytest.approx(row[n]) if isinstance(row[n], float) else row[n] for n in expected}


def test_map_into_metadata(tmp_path: Path) -> None:
    """`--map metadata.team=org.team` is there for --by metadata.team, beside the log's own metadata."""
    row = load_one(tmp_path, {**BASE, "metadata": {"a": 1}, "org": {"team": "red"}}, maps=["metadata.team=org.team"])

    assert '"team":"red"' in row["metadata"].replace(" ", "")
    assert '"a":1' in row["metadata"].replace(" ", "")


def test_map_to_a_key_that_is_not_there_is_said(tmp_path: Path) -> None:
    """With the nearest key there is."""
    report, _ = load_bytes(tmp_path, lines([{**BASE, "main_model": "x"}]), maps=["model=main_modle"])

    assert any("main_modle" in n and "main_model" in n.split("did you mean")[-1] for n in report.notes)


def test_unknown_keys_are_not_kept(tmp_path: Path) -> None:
    """Prompts hide there."""
    row = load_one(tmp_path, {**BASE, "secret_sauce": "xyzzy"})

    assert "xyzzy" not in str(row)


@pytest.mark.parametrize(
    ("record", "status"),
    [
        ({"status": "success"}, "ok"),
        ({"success": False}, "error"),
        ({"status_code": 500}, "error"),
        ({"status_code": 200}, "ok"),
        ({"ok": True}, "ok"),
        ({"error_type": "RateLimitError", "completion_tokens": None}, "error"),
    ],
)
def test_status(tmp_path: Path, record: Record, status: str) -> None:
    """By its own word, its code, or the error it names."""
    assert status == load_one(tmp_path, {**BASE, **record})["status"]


@pytest.mark.parametrize(
    ("keys", "known"),
    [
        ({"model": "m", "prompt_tokens": 1}, True),
        ({"ts": 1, "tokens_in": 1}, True),
        ({"ts": 1, "level": "info", "msg": "x"}, False),
        ({"name": "x", "version": "1", "dependencies": {}}, False),
        ({"model": "sedan"}, False),
    ],
)
def test_detection(keys: Record, known: bool) -> None:
    """It names a model or tokens, and something else about a request."""
    sample = Sample("log", "jsonl", (keys,), dict.fromkeys(keys, "JSON"))

    assert known == (detect(sample) is not None)


def test_what_is_mapped_shows_a_request_as_well_as_what_is_guessed(tmp_path: Path) -> None:
    """`finish_reason` is known by its name and always empty: only the mapped duration tells of requests."""
    records = [{"at": BASE["ts"], "took": took, "finish_reason": None} for took in (1.5, 2.5)]
    maps = parse(["started_at=at", "latency_ms=took:s"])
    (path := tmp_path / "log.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
    store = Store(None)
    (report,) = load(store, [str(path)], LoadOptions(maps=maps)).files
    found = store.execute("SELECT latency_ms FROM requests ORDER BY 1")
    store.close()
    assert (report.lines, report.loaded) == (2, 2)
    assert found == [(1500.0,), (2500.0,)]


def test_a_model_and_its_answer_are_a_request(tmp_path: Path) -> None:
    """Half of the records log no usage, status or time taken: their answers show them to be requests, an event is none.

    "hello there" has 11 characters, "hi you" 6.
    """
    record = {"model": "gpt-4o", "time": "2026-10-01T10:00:00Z", "prompt": "hello there", "completion": "hi you"}
    known = {**record, "usage": {"prompt_tokens": 10, "completion_tokens": 5}}
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in (known, record, {"model": "gpt-4o", "event": "warmed up"})))
    with llmscope.open(str(path)) as logs:
        rows = logs.con.execute("SELECT input_tokens, input_chars, output_chars FROM requests ORDER BY ALL").fetchall()

    assert [(10, 11, 6), (None, 11, 6)] == rows
