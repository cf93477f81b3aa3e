"""Ideal reuse of prompts: which blocks a perfect cache would have had, counted by hand and by a loop."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

import llmscope
from llmscope.analyses import _tokens_reuse as of_reuse
from tests.load.writing import Record, lines, put

MAPS = ("started_at=timestamp:offset_ms", "input_tokens=input_length", "output_tokens=output_length",
        "prefix_hashes=hash_ids", "prompt_hash=prompt")  # fmt: skip
MINUTE_MS, EPOCH = 60_000, datetime(1970, 1, 1)
LIVES_MS = {"unlimited": float("inf"), "1 hour": 60 * MINUTE_MS, "5 minutes": 5 * MINUTE_MS}


def sent(minute: float, *blocks: int, **more: Any) -> Record:
    """A request in the shape of Mooncake's trace: milliseconds from zero, and a list of whole numbers."""
    tokens = 512 * len(blocks)
    return {
        "timestamp": round(minute * MINUTE_MS), "input_length": tokens, "output_length": 1, "hash_ids": blocks, **more
    }  # fmt: skip


def reuse(here: Path, records: list[Record], of: str = "prefix blocks") -> dict[str, tuple[int, int]]:
    """Blocks and reused blocks by the cache's life."""
    path = put(here / "log.jsonl", lines(records))
    with llmscope.open(str(path), map=MAPS) as logs:
        part = logs.tokens(caching=True).parts.get("reuse")
    return {r["cache_life"]: (r["blocks"], r["reused_blocks"]) for r in part.rows if r["of"] == of} if part else {}


def walked(records: list[Record], life_ms: float, chained: bool) -> tuple[int, int]:
    """Block by block from the front, up to the first that the cache does not have; a use renews."""
    used: dict[Any, int] = {}
    blocks = reused = 0
    for record in sorted(records, key=lambda r: r["timestamp"]):
        now, warm, ids = record["timestamp"], True, tuple(record["hash_ids"])
        for place, block in enumerate(ids):
            key = block if chained else ids[: place + 1]
            warm = warm and key in used and now - used[key] <= life_ms
            blocks, reused = blocks + 1, reused + warm
            used[key] = now
    return blocks, reused


CON = duckdb.connect(config={"threads": 1})


class Requests:
    """Stands for the logs: these requests in a table, and SQL over them; opening a log a time takes half a second."""

    def __init__(self, records: list[Record]) -> None:
        self.con = CON.cursor()
        self.con.execute("""CREATE OR REPLACE TABLE requests (model VARCHAR, request_id VARCHAR, started_at TIMESTAMP,
            prefix_hashes VARCHAR[], prompt_hash VARCHAR, input_tokens BIGINT, cache_read_tokens BIGINT)""")
        rows = [
            (str(i), EPOCH + timedelta(milliseconds=r["timestamp"]), [str(block) for block in r["hash_ids"]])
            for i, r in enumerate(records)
        ]
        self.con.executemany("INSERT INTO requests VALUES ('m', ?, ?, ?, NULL, 1, NULL)", rows)

    def query(self, sql: str, names: dict[str, str], **values: Any) -> list[Record]:
        found = self.con.execute(sql.format(**names), values)
        columns = [column[0] for column in found.description or ()]
        return [dict(zip(columns, row, strict=True)) for row in found.fetchall()]

    def reuse(self) -> dict[str, tuple[int, int]]:
        """Blocks and reused blocks by the cache's life."""
        whole = {"hashed": 1, "prompts": 0, "first_at": 0}
        rows = of_reuse.reuse(self, "true", whole).parts["reuse"].rows  # type: ignore[arg-type]
        return {row["cache_life"]: (row["blocks"], row["reused_blocks"]) for row in rows}


def test_chained_blocks_by_hand(tmp_path: Path) -> None:
    """0-1-2 at 0, 0-1-3 four minutes later, 0-1-2 after ten more, 0 two hours later: 10 blocks.

    Ever: 2 + 3 + 1 = 6. In an hour: 2 + 3 = 5, the last comes too late. In 5 minutes: 0 and 1 of the second, 2.
    """
    records = [sent(0, 0, 1, 2), sent(4, 0, 1, 3), sent(14, 0, 1, 2), sent(134, 0)]

    assert {"unlimited": (10, 6), "1 hour": (10, 5), "5 minutes": (10, 2)} == reuse(tmp_path, records)


def test_a_use_renews(tmp_path: Path) -> None:
    """Every 4 minutes for 20: all but the first are warm, though the first write is long past."""
    assert (6, 5) == reuse(tmp_path, [sent(4 * i, 7) for i in range(6)])["5 minutes"]


def test_ids_that_name_the_block_alone(tmp_path: Path) -> None:
    """5 follows 1 here and 2 there: seen before, but not after the same blocks. Only 1-5 again is reuse."""
    records = [sent(0, 1, 5), sent(1, 2, 5), sent(2, 1, 5, 5)]

    assert (7, 2) == reuse(tmp_path, records)["unlimited"]


def test_another_model_has_another_cache(tmp_path: Path) -> None:
    """The same blocks sent to two models are two firsts."""
    assert (2, 0) == reuse(tmp_path, [sent(0, 1, model="a"), sent(1, 1, model="b")])["unlimited"]


def test_whole_prompts_where_only_they_are_known(tmp_path: Path) -> None:
    """Three prompts, two of them equal, ten minutes apart."""
    records = [sent(10 * i, prompt=h, hash_ids=None, input_length=9) for i, h in enumerate("xyx")]

    assert {"unlimited": (3, 1), "1 hour": (3, 1), "5 minutes": (3, 0)} == reuse(tmp_path, records, "whole prompts")


def test_without_times_only_the_unlimited_cache_can_be_told(tmp_path: Path) -> None:
    """No life can be compared with a time that is not there."""
    records = [{**sent(0, 1), "timestamp": None, "output_length": i} for i in range(2)]

    assert {"unlimited": (2, 1)} == reuse(tmp_path, records)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 90), st.lists(st.integers(0, 3), min_size=1, max_size=4)), min_size=1))
def test_equals_a_loop(asked: list[tuple[int, list[int]]]) -> None:
    """Whatever was sent, in SQL and by a walk; ids here name the block alone unless they happen to chain."""
    records = [sent(minute, *blocks) for minute, blocks in asked]

    assert {life: walked(records, ms, chained=False) for life, ms in LIVES_MS.items()} == Requests(records).reuse()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 90), st.lists(st.integers(0, 2), min_size=1, max_size=4)), min_size=1))
def test_chained_ids_equal_a_loop(asked: list[tuple[int, list[int]]]) -> None:
    """The id of a block made of all blocks up to it."""
    records = []
    for minute, blocks in asked:
        chained = [int("1" + "".join(map(str, blocks[: n + 1]))) for n in range(len(blocks))]
        records.append(sent(minute, *chained))

    assert {life: walked(records, ms, chained=True) for life, ms in LIVES_MS.items()} == Requests(records).reuse()


def test_the_rule_used_is_said(tmp_path: Path) -> None:
    """Chained or not is told from the log, and said in the small print."""
    path = put(tmp_path / "log.jsonl", lines([sent(0, 1, 5), sent(1, 2, 5)]))
    with llmscope.open(str(path), map=MAPS) as logs:
        notes = logs.tokens(caching=True).notes

    assert any("name the block alone" in note for note in notes)
