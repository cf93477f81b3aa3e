"""Ideal reuse: how much of what was sent had been sent before, had the cache been perfect and kept everything.

Method: a block counts as reused when the same block, after the same blocks, stood in an earlier request of the model
at any time before, or within the cache's life since its last use.
Every block counts, the last and perhaps partial one too: its id says what of it is the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from llmscope.analyses._tokens_caching_found import Found
from llmscope.result import Column, Part

if TYPE_CHECKING:
    from llmscope.logs import Logs

# Whether an id stands for its block alone or for everything up to it: in the latter case it always follows the same
# one. Looked at in a sample of the requests, for it is a habit of whoever writes the log.
CHAIN_SQL = """
WITH sampled AS (
    SELECT prefix_hashes, generate_series(1, array_length(prefix_hashes)) AS places
    FROM requests
    WHERE {counts} AND array_length(prefix_hashes) > 0 AND md5(request_id) < $below
), placed AS (
    SELECT prefix_hashes, unnest(places) AS place FROM sampled
), paired AS (
    SELECT list_extract(prefix_hashes, place) AS block,
        CASE WHEN place > 1 THEN list_extract(prefix_hashes, place - 1) END AS before
    FROM placed
), blocks AS (
    SELECT block, count(*) AS times, count(before) AS preceded, min(before) AS low, max(before) AS high
    FROM paired
    GROUP BY block
)
SELECT count(*) FILTER (WHERE times > 1) AS repeated,
    count(*) FILTER (WHERE low <> high OR (preceded > 0 AND preceded < times)) AS astray
FROM blocks
"""
# One row a block of a request: {sent} is one of SENT. Of uses at one and the same time it does not matter which comes
# first: one of them counts from the use before, the others from it. So the window's rows are an id and a time.
SQL = """
WITH sent AS (
    {sent}
), met AS (
    SELECT started_at,
        row_number() OVER (PARTITION BY model, block ORDER BY started_at) > 1 AS seen,
        lag(started_at) OVER (PARTITION BY model, block ORDER BY started_at) AS last_at
    FROM sent
)
SELECT count(*) AS blocks,
    count(*) FILTER (WHERE seen) AS ever,
    count(*) FILTER (WHERE started_at <= last_at + INTERVAL 1 HOUR) AS hour,
    count(*) FILTER (WHERE started_at <= last_at + INTERVAL 5 MINUTE) AS minutes
FROM met
"""
SENT = {
    "chained": """SELECT model, started_at, unnest(prefix_hashes) AS block
    FROM requests
    WHERE {counts} AND array_length(prefix_hashes) > 0""",
    "alone": """SELECT model, started_at,
        md5(array_to_string(list_slice(prefix_hashes, 1, place), chr(31))) AS block
    FROM (
        SELECT *, unnest(places) AS place
        FROM (
            SELECT model, started_at, prefix_hashes,
                generate_series(1, array_length(prefix_hashes)) AS places
            FROM requests
            WHERE {counts} AND array_length(prefix_hashes) > 0
        )
    )""",
    "prompts": """SELECT model, started_at, prompt_hash AS block
    FROM requests
    WHERE {counts} AND prompt_hash IS NOT NULL""",
}
REAL_SQL = """
SELECT count(*) AS requests,
    sum(cache_read_tokens) * 1.0
        / nullif(sum(input_tokens) FILTER (WHERE cache_read_tokens IS NOT NULL), 0) AS hit_ratio
FROM requests
WHERE {counts} AND {known}
"""
KNOWN = {"blocks": "array_length(prefix_hashes) > 0", "prompts": "prompt_hash IS NOT NULL"}
LIVES = {"unlimited": "ever", "1 hour": "hour", "5 minutes": "minutes"}
COLUMNS = (
    Column("of", "text", "dimension"),
    Column("cache_life", "text", "dimension"),
    Column("requests", "count", optional=True),
    Column("blocks", "count"),
    Column("reused_blocks", "count"),
    Column("reuse_ratio", "ratio"),
    Column("hit_ratio", "ratio"),
)
MOST_SAMPLED = 20_000
EVERY = "g"  # sorts after every hexadecimal digit
Row = dict[str, Any]


def reuse(logs: Logs, counts: str, whole: Mapping[str, Any]) -> Found:
    """What a perfect cache would have read, by prefix blocks and by whole prompts, beside what was read."""
    rows: list[Row] = []
    notes: list[str] = []
    if whole["hashed"]:
        sampled = chain(logs, counts, whole["hashed"])
        chained = not sampled["astray"]
        rows += measured(logs, counts, "prefix blocks", "chained" if chained else "alone", KNOWN["blocks"], whole)
        notes.append(block_note(chained, sampled))
    if whole["prompts"]:
        rows += measured(logs, counts, "whole prompts", "prompts", KNOWN["prompts"], whole)
        notes.append("reuse of whole prompts (by prompt_hash) is the least there is: prompts that only open alike "
                     "are not in it")  # fmt: skip
    if rows and whole["first_at"] is None:
        notes.append("no request has a time: reuse with a limited cache cannot be told; --map started_at=KEY")
    return Found({"reuse": Part(COLUMNS, tuple(rows))}, notes=tuple(notes))


def chain(logs: Logs, counts: str, hashed: int) -> Row:
    """Blocks seen twice in the sample, and those that did not always follow the same block."""
    below = EVERY if hashed <= MOST_SAMPLED else f"{int(MOST_SAMPLED / hashed * 16**8):08x}"
    return logs.query(CHAIN_SQL, names={"counts": counts}, below=below)[0]


def measured(logs: Logs, counts: str, of: str, how: str, known: str, whole: Mapping[str, Any]) -> list[Row]:
    """A row a life of the cache; without times only the unlimited one."""
    found = logs.query(SQL, names={"sent": SENT[how].format(counts=counts)})[0]
    real = logs.query(REAL_SQL, names={"counts": counts, "known": known})[0]
    lives = LIVES if whole["first_at"] is not None else {"unlimited": "ever"}
    return [
        {
            "of": of,
            "cache_life": life,
            "requests": real["requests"],
            "blocks": found["blocks"],
            "reused_blocks": found[name],
            "reuse_ratio": found[name] / found["blocks"] if found["blocks"] else None,
            "hit_ratio": None if real["hit_ratio"] is None else float(real["hit_ratio"]),
        }
        for life, name in lives.items()
        if found["blocks"]
    ]


def block_note(chained: bool, sampled: Mapping[str, Any]) -> str:
    """Which rule was used, and on what ground."""
    if chained:
        return (
            "reuse: each block id follows the same id wherever it stands, so it stands for the whole prefix up to it "
            f"({sampled['repeated']:,} repeated ids looked at); a block seen before is reusable"
        )
    return (
        "reuse: block ids stand after different blocks, so they name the block alone; a block is reusable when the "
        "whole prefix up to it was seen before"
    )
