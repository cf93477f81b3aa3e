"""Writes a folder of Claude Code sessions of about MB megabytes: long tool results, a message on one to three lines.

By hand: python tests/bench/make_claude_code.py MB FOLDER.
"""

from __future__ import annotations

import json
import random
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

FILES = 20
WORDS = (
    "def",
    "return",
    "import",
    "class",
    "None",
    "self",
    "value",
    "error",
    "path",
    "store",
    "query",
    "table",
    "column",
)
MODELS = ("claude-sonnet-4-5-20250929", "claude-opus-4-5-20251101", "claude-haiku-4-5-20251001")


def session(number: int, size: int) -> str:
    """One session of at least `size` characters."""
    rng = random.Random(number)
    own = f"{number:08x}-0000-4000-8000-{rng.getrandbits(48):012x}"
    clock = datetime(2026, 9, 1, 8, tzinfo=UTC) + timedelta(days=number)
    shared = {"sessionId": own, "cwd": f"/home/dev/project-{number % 5}", "gitBranch": "main", "version": "2.1.0",
              "userType": "external", "isSidechain": False}  # fmt: skip
    lines: list[str] = []
    written, turn = 0, 0
    parent: str | None = None

    def add(kind: str, seconds: float, **more: Any) -> None:
        nonlocal clock, parent, written
        clock += timedelta(seconds=seconds)
        uuid = f"{rng.getrandbits(128):032x}"
        stamp = clock.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        lines.append(
            json.dumps({"parentUuid": parent, **shared, "type": kind, **more, "uuid": uuid, "timestamp": stamp})
        )
        written += len(lines[-1])
        parent = uuid

    while written < size:
        turn += 1
        text = " ".join(rng.choices(WORDS, k=rng.randint(150, 3000)))
        add(
            "user",
            1 + rng.random(),
            toolUseResult={"stdout": text, "stderr": "", "interrupted": False},
            message={"role": "user", "content": [{"type": "tool_result", "tool_use_id": f"t{turn}", "content": text}]},
        )
        message = {"id": f"msg_{number:04d}{turn:08d}", "type": "message", "role": "assistant",
                   "model": MODELS[turn % 3], "stop_reason": None, "stop_sequence": None}  # fmt: skip
        output, copies = rng.randint(20, 900), rng.randint(1, 3)
        for copy in range(copies):
            usage = {"input_tokens": rng.randint(1, 20), "cache_creation_input_tokens": 500 + turn,
                     "cache_read_input_tokens": 20_000 + turn, "service_tier": "standard",
                     "cache_creation": {"ephemeral_5m_input_tokens": 500 + turn, "ephemeral_1h_input_tokens": 0},
                     "output_tokens": output if copy == copies - 1 else 1}  # fmt: skip
            said = " ".join(rng.choices(WORDS, k=rng.randint(20, 300)))
            add(
                "assistant",
                rng.random() * 4,
                requestId=f"req_{number:04d}{turn:08d}",
                message=message | {"content": [{"type": "text", "text": said}], "usage": usage},
            )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    folder = Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    for each in range(FILES):
        log = session(each, int(float(sys.argv[1]) * 1e6 / FILES))
        (folder / f"session-{each:02d}.jsonl").write_text(log, encoding="utf-8")
