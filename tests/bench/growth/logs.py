"""The logs that are measured: generated rows in pieces, Claude Code sessions, OTLP spans, provider answers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import make_log

DAYS = 92  # August, September and October 2026, whatever the number of rows
PIECE = 5_000_000
QUIETLY = "import duckdb, sys; duckdb.execute('SET enable_progress_bar = false'); duckdb.execute(sys.argv[1])"
HELPER = Path(__file__).parent / "made.py"
CHANGED = {
    "range({rows})": "range({first}, {last})",
    "INTERVAL (i * 7) SECOND": "INTERVAL (i * {step}) MICROSECOND",
    "INTERVAL (i * 7 + 2) SECOND": "INTERVAL (i * {step} + 2000000) MICROSECOND",
}


def pieces(rows: int) -> list[tuple[int, int]]:
    """First and last row of each file that a log is written in."""
    return [(first, min(first + PIECE, rows)) for first in range(0, rows, PIECE)]


def sql(first: int, last: int, rows: int, path: Path) -> str:
    """The statement that writes rows `first` to `last` of a log of `rows` rows spread over the same three months."""
    text = make_log.SQL
    for old, new in CHANGED.items():
        if old not in text:
            raise SystemExit(f"make_log.py has no {old!r} any more: CHANGED in tests/bench/growth/logs.py follows it")
        text = text.replace(old, new)
    return text.format(first=first, last=last, step=DAYS * 86_400_000_000 // rows, path=path)


def write(first: int, last: int, rows: int, path: Path) -> Path:
    """One piece of a log, written by another process so that this one stays small."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        half = path.with_suffix(".half")
        statement = sql(first, last, rows, half)
        subprocess.run([sys.executable, "-c", QUIETLY, statement], check=True)
        half.rename(path)
    return path


def whole(rows: int, folder: Path) -> Path:
    """A log in one file."""
    return write(0, rows, rows, folder / f"log-{rows}.jsonl")


def made(kind: str, size: int, folder: Path) -> Path:
    """The log of another format: claude-code of `size` MB, openai or otlp of `size` calls."""
    path = folder / f"{kind}-{size}"
    if not path.exists():
        subprocess.run([sys.executable, HELPER, kind, str(size), path], check=True)
    return path


def calls_in(path: Path) -> int:
    """How many calls the maker wrote."""
    return int(json.loads((path / "made.json").read_text())["calls"])
