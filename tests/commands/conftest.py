"""Runs the real command line in this process, in an empty folder with a tiny log in it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

HOSTILE = "\x1b[31m[red]\u202e|<script>=1+1"
RECORDS: tuple[dict[str, Any], ...] = (
    {"model": "gpt-4o-2024-08-06", "prompt_tokens": 1000, "completion_tokens": 100, "feature": "chat",
     "timestamp": "2026-09-30T23:59:59Z", "id": "a"},
    {"model": "gpt-4o-2024-08-06", "prompt_tokens": 2000, "completion_tokens": 200, "feature": HOSTILE,
     "timestamp": "2026-10-01T00:00:00Z", "id": "b"},
    {"model": "in-house-7b", "prompt_tokens": 30, "completion_tokens": 3, "feature": "chat",
     "timestamp": "2026-10-02T00:00:00Z", "id": "c", "cost": 0},
    {"model": "in-house-7b", "prompt_tokens": 50, "completion_tokens": 5, "feature": "chat", "id": "d"},
)  # fmt: skip


@dataclass(frozen=True)
class Ran:
    """What a command line came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)
        return found

    @property
    def rows(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.json["rows"]
        return found


Run = Callable[..., Ran]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`run("store", "info")`: the code it ends with, stdout, stderr."""
    from llmscope.cli import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in [name for name in os.environ if name.startswith("LLMSCOPE_")]:
        monkeypatch.delenv(name)

    def go(*arguments: str) -> Ran:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        out, err = capsys.readouterr()
        return Ran(int(ended.value.code or 0), out, err)

    return go


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Four requests: one in September, two in October, one without a time; two of a model nobody has a price for."""
    return write_log(tmp_path)


def write_log(folder: Path, more: str = "") -> Path:
    path = folder / "tiny.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in RECORDS) + more)
    return path


@pytest.fixture(scope="session")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny log and two lines that cannot be read, loaded once for all tests."""
    from llmscope.load import LoadOptions, load
    from llmscope.store import Store

    folder = tmp_path_factory.mktemp("loaded")
    write_log(folder, '{broken user@example.com\n["\\u001b[31m"]\n')
    store = Store(folder / "llmscope.duckdb")
    with contextlib.chdir(folder):
        load(store, ["tiny.jsonl"], LoadOptions())
    store.close()
    return folder


@pytest.fixture
def store(run: Run, loaded: Path, tmp_path: Path) -> Path:
    """A store of one's own, with the log it was loaded from."""
    shutil.copytree(loaded, tmp_path, dirs_exist_ok=True)
    return tmp_path / "llmscope.duckdb"
