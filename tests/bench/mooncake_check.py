"""Ideal prefix reuse of Mooncake's conversation trace, by the command and by a loop of plain Python.

By hand: python tests/bench/mooncake_check.py FOLDER, the folder that holds conversation_trace.jsonl.gz. The loop walks
each request's blocks from the first, and stops at the first that is not in the cache; the published figure is 105,710
of 288,500 blocks. Ends with 1 where the two, or the published figure, differ.
"""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from typing import Any

import llmscope

MAPS = [
    "started_at=timestamp:offset_ms",
    "input_tokens=input_length",
    "output_tokens=output_length",
    "prefix_hashes=hash_ids",
]
LIVES_MS = {"unlimited": float("inf"), "1 hour": 3_600_000, "5 minutes": 300_000}
PUBLISHED = (288_500, 105_710)


def ours(path: Path) -> dict[str, tuple[int, int]]:
    """Blocks and reused blocks by the life of the cache, as `tokens --caching` has them."""
    with llmscope.open(str(path), map=MAPS) as logs:
        rows: Any = logs.tokens(caching=True).parts["reuse"].rows
        return {row["cache_life"]: (row["blocks"], row["reused_blocks"]) for row in rows}


def walked(requests: list[dict[str, Any]], life_ms: float) -> tuple[int, int]:
    """Blocks and reused blocks of a cache in which a use renews an entry, one request after the other."""
    used: dict[int, int] = {}
    blocks = reused = 0
    for request in requests:
        now, warm = request["timestamp"], True
        for block in request["hash_ids"]:
            warm = warm and block in used and now - used[block] <= life_ms
            blocks, reused = blocks + 1, reused + warm
            used[block] = now
    return blocks, reused


def main() -> int:
    path = Path(sys.argv[1]) / "conversation_trace.jsonl.gz"
    with gzip.open(path, "rt") as file:
        requests = [json.loads(line) for line in file]
    found, wrong = ours(path), 0
    for life, ms in LIVES_MS.items():
        expected = walked(requests, ms)
        print(f"{life}: {found[life][1]:,} of {found[life][0]:,} blocks by the command, {expected[1]:,} by the loop")
        wrong += found[life] != expected
    return int(bool(wrong) or found["unlimited"] != PUBLISHED)


if __name__ == "__main__":
    sys.exit(main())
