"""Every source has a log of its own here, is told from all others, and loads among them as it does alone."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from llmscope.load import LoadOptions, load
from llmscope.load.discover import inspect
from llmscope.schema import TABLES
from llmscope.sources import detect, names
from llmscope.store import Store

FIXTURES = Path(__file__).parent / "fixtures"
README = Path(__file__).parents[2] / "README.md"
LOGS = {
    "anthropic_messages": "streams/anthropic.sse", "azure_openai": "azure_openai/records.jsonl",
    "bedrock": "bedrock/records.jsonl", "bedrock_converse": "bedrock/converse.jsonl",
    "claude_code": "claude_code/session.jsonl", "codex": "codex/rollout.jsonl", "codex_exec": "codex/exec.jsonl",
    "gemini": "streams/gemini.sse", "gemini_cli": "gemini_cli/session.jsonl", "helicone": "helicone/requests.jsonl",
    "labels": "labels/filled.csv", "langfuse": "langfuse/observations.jsonl",
    "langfuse_scores": "langfuse/scores.jsonl",
    "langfuse_trace": "langfuse/trace.json", "langfuse_traces": "langfuse/bucket_traces.jsonl",
    "langsmith": "langsmith/runs.jsonl", "langsmith_feedback": "langsmith/feedback.jsonl",
    "litellm": "litellm/payloads.jsonl", "litellm_spend": "litellm/spend_logs.csv", "llm_db": "llm_db/responses.json",
    "mlflow": "mlflow/traces.jsonl", "openai_chat": "batches/openai_chat.jsonl",
    "openai_embeddings": "batches/openai_embeddings.jsonl", "openai_responses": "batches/openai_responses.jsonl",
    "opencode": "opencode/messages.jsonl", "openrouter": "openrouter/activity.csv",
    "otel_console": "otel_console/spans.jsonl", "otlp": "otlp/genai.jsonl", "otlp_logs": "otlp_logs/genai.jsonl",
    "phoenix": "phoenix/spans.jsonl", "phoenix_annotations": "phoenix/annotations.jsonl",
    "portkey": "portkey/logs.jsonl", "vectors": "vectors/vectors.jsonl",
    "weave": "weave/calls.jsonl", "weave_feedback": "weave/feedback.jsonl",
    "wide_labels": "wide_labels/annotators.jsonl",
}  # fmt: skip
OTHERWISE_TESTED = {"canonical", "flat", "otlp_metrics"}


def test_no_source_is_without_a_log() -> None:
    assert set(names()) == LOGS.keys() | OTHERWISE_TESTED


@pytest.mark.parametrize("name", sorted(LOGS))
def test_it_is_told_from_all_others_whatever_its_name(name: str, tmp_path: Path) -> None:
    path = tmp_path / "nothing-says-what-this-is.log"
    shutil.copy(FIXTURES / LOGS[name], path)
    file = inspect(path, str(path))
    assert file is not None
    assert detect(file.sample) == name


def test_readme_says_of_each_how_to_get_it() -> None:
    rows = re.findall(r"^\| ([a-z_, ]+) \|.*\|.*\|.*\|$", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert {name.strip() for row in rows for name in row.split(",")} >= set(names())


def tables(*paths: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of a store after these loads, without the ids of the loads."""
    store = Store(None)
    try:
        for path in paths:
            for one in load(store, [str(path)], LoadOptions()).files:
                assert one.error is None
                one.check()
        return {t: store.execute(f"SELECT * EXCLUDE (load_id) FROM {t} ORDER BY ALL") for t in TABLES}
    finally:
        store.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that holds a log of every format."""
    made = tmp_path / "logs"
    made.mkdir()
    for name, path in LOGS.items():
        shutil.copy(FIXTURES / path, made / f"{name}{Path(path).suffix}")
    return made


def test_a_folder_of_every_format_is_its_files_one_by_one(folder: Path) -> None:
    together, apart = tables(folder), tables(*sorted(folder.iterdir()))
    for table, rows in apart.items():
        assert together[table] == rows
    assert {len(together[t]) for t in TABLES} != {0}
