"""Writes the logs that tools of the field read. By hand: python tests/bench/growth/made.py KIND SIZE FOLDER.

claude-code: sessions of SIZE MB, written without spaces as Claude Code does (ccusage takes no other); openai: SIZE
chat completions, a line each with its request beside it, which is what frugon and llm-usage-report read; otlp: a
Collector's export with SIZE calls.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).parents[1]
OPENAI = """
COPY (SELECT
    'chatcmpl-' || md5('r' || i::VARCHAR) AS id, 'chat.completion' AS object,
    epoch(TIMESTAMP '2026-08-01' + INTERVAL (i * {step}) MICROSECOND)::BIGINT AS created,
    ['gpt-4o-2024-08-06', 'gpt-4o-mini-2024-07-18', 'gpt-4.1-2025-04-14'][1 + i % 3] AS model,
    {{'messages': [{{'role': 'user', 'content': 'Where is order ' || i || '?'}}]}} AS request,
    [{{'index': 0, 'message': {{'role': 'assistant', 'content': 'On its way.'}}, 'finish_reason': 'stop'}}] AS choices,
    {{'choices': [{{'message': {{'content': 'On its way.'}}}}]}} AS response,
    {{'prompt_tokens': 500 + i * 611953 % 4000, 'completion_tokens': 50 + i * 15485863 % 600,
      'total_tokens': 550 + i * 611953 % 4000 + i * 15485863 % 600,
      'prompt_tokens_details': {{'cached_tokens': 0}}}} AS usage,
    strftime(TIMESTAMP '2026-08-01' + INTERVAL (i * {step}) MICROSECOND, '%Y-%m-%dT%H:%M:%SZ') AS timestamp
FROM range({rows}) AS t(i)) TO '{path}' (FORMAT json)
"""


def openai(size: int, folder: Path) -> int:
    import duckdb

    duckdb.execute(OPENAI.format(rows=size, step=92 * 86_400_000_000 // size, path=folder / "calls.jsonl"))
    return size


def otlp(size: int, folder: Path) -> int:
    """Half of the spans are calls."""
    subprocess.run([sys.executable, BENCH / "make_otlp.py", str(2 * size), folder / "spans.jsonl"], check=True)
    return size


def claude_code(size: int, folder: Path) -> int:
    sessions = folder / "projects" / "bench"
    subprocess.run([sys.executable, BENCH / "make_claude_code.py", str(size), sessions], check=True)
    calls = set()
    for file in sorted(sessions.iterdir()):
        short = file.with_suffix(".short")
        with file.open() as spaced, short.open("w") as tight:
            for line in spaced:
                record = json.loads(line)
                calls.add(record.get("requestId"))
                tight.write(json.dumps(record, separators=(",", ":")) + "\n")
        short.rename(file)
    return len(calls - {None})


def main() -> None:
    kind, size, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    folder.mkdir(parents=True)
    calls = {"openai": openai, "otlp": otlp, "claude-code": claude_code}[kind](size, folder)
    (folder / "made.json").write_text(json.dumps({"calls": calls}))


if __name__ == "__main__":
    main()
