"""One hostile corpus through every command in every format: nothing of it is obeyed on any way out."""

from __future__ import annotations

import base64
import csv
import hashlib
import importlib
import io
import json
import re
import shutil
import unicodedata
from pathlib import Path

import pytest

from llmscope import commands
from llmscope.questions import analyses
from llmscope.render import FORMATS
from tests.conftest import Ran, Run
from tests.load.writing import put

TEXTS = [
    "\x1b[31mred\x1b[0m",
    "\x1b]0;x\x07",
    "\x9b31mC1\x9c",
    "\x7f\x08",
    "a\u202efdp.exe",
    "\u2066iso\u2069",
    "[red]x[/red]",
    "[/]",
    "a|b",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "=1+1",
    "+1",
    "-1+cmd|' /C calc'!A0",
    "@SUM(A1)",
    "\t=1",
    "two\nlines\r\n",
    "nul\x00byte",
    "\ud800",
    "x" * 10_000,
    "`code` **b** [x](javascript:alert(1))",
    "'; DROP TABLE requests; --",
    '"quoted"',
    "{0} %s {dimensions} $value",
    "ünï ☃ 漢字",
]
NAME = "\x1b]0;x\x07[red]|<b>=1.jsonl"


@pytest.fixture
def log(here: Path) -> Path:
    """A log whose every text is hostile, under a hostile name; one line is broken and hostile."""
    records = [
        {
            "request_id": f"r{i}",
            "started_at": "2026-09-01T10:00:00Z",
            "request_model": text if i % 2 else "gpt-4-turbo",
            "provider": text,
            "feature": text,
            "user_id": text,
            "session_id": text,
            "error_type": text,
            "error_message": text,
            "template": text,
            "status": "ok",
            "service_tier": text,
            "region": text,
            "tags": [text],
            "metadata": {"k": text, text: text},
            "input_tokens": 10,
            "output_tokens": 5,
            "cost_logged_usd": 0.5,
        }
        for i, text in enumerate(TEXTS)
    ]
    data = b"".join(json.dumps(r).encode() + b"\n" for r in records) + b'{"\x1b]0;x\x07[red]<script>|=1\n'
    return put(here / NAME, data)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the store of the hostile log is kept, made by the first test that needs it."""
    return tmp_path_factory.mktemp("hostile") / "llmscope.duckdb"


def leaves() -> list[tuple[str, ...]]:
    """Every command and subcommand there is."""
    found: list[tuple[str, ...]] = [(name,) for name in analyses()]
    for name in commands.names():
        module = importlib.import_module(f"llmscope.commands.{name}")
        subs = getattr(module, "COMMANDS", None)
        found += [(name, sub) for sub in subs] if subs else [(name,)]
    return found


NOT_RUN = {("pricing", "sync"), ("store", "vacuum"), ("store", "forget")}
# What follows the command's name; LOG is the hostile log, others are asked of a store that holds it.
ARGUMENTS: dict[tuple[str, ...], list[list[str]]] = {
    ("cost",): [
        ["--by", by]
        for by in (
            "feature",
            "user,session",
            "model,provider",
            "tag",
            "metadata.k",
            "metadata.<b>|=1",
            "source_file",
            "error_type",
        )
    ]
    + [
        ["LOG", "--by", "feature"],
        ["--by", "feature,user", "--over", "month", "--top", "3", "--sql"],
        ["--where", "feature = '<script>|=1'", "--sql"],
    ],
    ("load",): [["LOG"]],
    ("reconcile",): [[]],
    ("sql",): [["select feature, user_id, metadata, tags from requests"], ['select 1 as "<script>|=1\x1b[31m"']],
    ("sources", "detect"): [["LOG"]],
    ("pricing", "show"): [["\x1b[31m<script>|=1"], ["gpt-4-turbo"]],
    ("store", "rejects"): [[]],
}
CASES = [(leaf, rest) for leaf in leaves() if leaf not in NOT_RUN for rest in ARGUMENTS.get(leaf, [[]])]


def obeyed(text: str) -> set[str]:
    """Characters that a terminal obeys or an eye cannot see, other than line ends."""
    return {c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") and c != "\n"}


def less_own_scripts(page: str) -> str:
    """A page without the scripts that its policy allows by their hash, and the data of its charts."""

    def own(match: re.Match[str]) -> str:
        digest = base64.b64encode(hashlib.sha256(match["body"].encode()).digest()).decode()
        is_data = match["kind"] and isinstance(json.loads(match["body"]), dict)
        return "" if is_data or f"'sha256-{digest}'" in page[:2000] else match.group()

    return re.sub(r'<script(?P<kind> type="application/json")?>(?P<body>.*?)</script>', own, page, flags=re.DOTALL)


def check(done: Ran, format: str) -> None:
    """Nothing of it is live on stdout or stderr."""
    assert done.code in (0, 1, 2), done.err
    assert "Traceback" not in done.err
    assert set() == obeyed(done.err)
    assert set() == obeyed(done.out) - ({"\t"} if format == "csv" else set())
    if format == "html":
        assert set() == {t.lower() for t in re.findall(r"<(script|img|b)\b", less_own_scripts(done.out))}
    if format == "md":
        assert [] == re.findall(r"(?<!\\)<(?:script|img|b)\b", done.out)
    if format == "csv" and done.out:
        cells = [cell for row in csv.reader(io.StringIO(done.out)) for cell in row]
        assert [] == [
            c for c in cells if c.lstrip().startswith(("=", "+", "-", "@")) and not re.fullmatch(r"[+-][\d.e+-]+", c)
        ]
    if format == "json" and done.out:
        assert done.out.isascii()
        json.loads(done.out)
    if format == "jsonl":
        assert [] == [line for line in done.out.splitlines() if not isinstance(json.loads(line), dict)]


@pytest.mark.parametrize(
    ("leaf", "rest"), CASES, ids=[" ".join((*leaf, *map(ascii, rest)))[:60] for leaf, rest in CASES]
)
def test_nothing_is_obeyed(here: Path, run: Run, log: Path, kept: Path, leaf: tuple[str, ...], rest: list[str]) -> None:
    """The command answers, in every format, and no answer does anything."""
    if leaf != ("load",):
        if not kept.exists():
            run("load", log, "--store", kept)
        shutil.copy(kept, here)
    for format in FORMATS if rest in ARGUMENTS.get(leaf, [[]])[:1] else ("table", "csv", "html"):
        arguments = [str(log) if a == "LOG" else a for a in rest]
        check(run(*leaf, *arguments, "-f", format), format)


def test_rich_markup_is_text(here: Path, run: Run, log: Path) -> None:
    """Square brackets are shown as they are."""
    out = run("cost", log, "--by", "feature", "-f", "table", "--width", "200").out

    assert "[red]x[/red]" in out


def test_the_texts_come_back(here: Path, run: Run, log: Path) -> None:
    """In JSON every text is the log's own, but for the lone surrogate, whose line is refused or marked."""
    found = json.loads(run("cost", log, "--by", "feature", "-f", "json").out)
    kept = {r["feature"] for r in found["rows"]}

    assert [] == [t for t in TEXTS if t not in kept and "\x00" not in t and t != "\ud800"]
    assert len(TEXTS) + 1 == found["coverage"]["requests"] + found["coverage"]["rejected_lines"]


@pytest.mark.parametrize(
    "text", ["\x1b]0;x\x07", "\x9b31m\u202e[/]", "two\nlines\r", "x" * 200, "<b>|=1"], ids=range(5)
)
@pytest.mark.parametrize(
    "place", ["path", "--by", "--where", "--map", "--format", "--source", "--since", "--fail-if", "--tz"]
)
def test_messages_are_harmless_too(here: Path, run: Run, place: str, text: str) -> None:
    """Whatever is asked, wrongly or as a condition that holds, is said back without being obeyed."""
    put(here / "log.jsonl", b'{"started_at":"2026-09-01","input_tokens":1}\n')
    done = run("cost", text) if place == "path" else run("cost", "log.jsonl", place, text)

    assert done.code in (0, 1, 2, 3, 5)
    assert set() == obeyed(done.err + done.out)
    assert "Traceback" not in done.err
