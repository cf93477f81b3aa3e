"""Which requests a question about time counts: not the failed, the gateway's cache hits, embeddings, guessed times."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from llmscope.errors import unknown_name

if TYPE_CHECKING:
    from llmscope.logs import Logs

# What each word of --include stands for, in the order in which a request with several reasons is put under one.
REASONS: dict[str, str] = {
    "failed": "status IN ('error', 'cancelled')",
    "cached": "coalesce(cache_hit, false)",
    "embeddings": "operation = 'embeddings'",
    "inferred": "timing_quality = 'inferred'",
}
SAID: dict[str, str] = {
    "failed": "failed or cancelled requests",
    "cached": "answers of the gateway's own cache",
    "embeddings": "embeddings",
    "inferred": "requests whose times are guesses",
}
EVERY = "all"
# {reason}: why a request is left out, NULL for one that counts.
SQL = """
WITH judged AS (
    SELECT {reason} AS reason FROM requests
)
SELECT reason, count(*) AS requests FROM judged GROUP BY reason
"""


def included(words: str | None) -> frozenset[str]:
    """The words of --include, comma-separated; `all` stands for every one.

    Raises:
        UsageError: an unknown word; the nearest is named.
    """
    found = {word.strip() for word in (words or "").split(",") if word.strip()}
    for word in sorted(found):
        if word != EVERY and word not in REASONS:
            raise unknown_name("--include", word, [*REASONS, EVERY])
    return frozenset(REASONS if EVERY in found else found)


def condition(include: Collection[str], only: Collection[str] = tuple(REASONS)) -> str:
    """Whether a row of `requests` (or `priced`) counts, as SQL that is never NULL.

    Args:
        include: what --include asked back.
        only: the reasons that hold for the question, where some do not (throughput counts failures, say).
    """
    out = [f"NOT ({sql})" for word, sql in REASONS.items() if word in only and word not in include]
    return " AND ".join(out) or "true"


def reason_sql(include: Collection[str], only: Collection[str] = tuple(REASONS)) -> str:
    """Why a row is left out, as a word of --include; NULL for one that counts."""
    whens = [f"WHEN {sql} THEN '{word}'" for word, sql in REASONS.items() if word in only and word not in include]
    return f"CASE {' '.join(whens)} END" if whens else "cast(NULL AS VARCHAR)"


def left_out(logs: Logs, include: Collection[str], only: Collection[str] = tuple(REASONS)) -> dict[str | None, int]:
    """How many requests are left out by each reason, each request under its first; None: those that count."""
    rows = logs.query(SQL, names={"reason": reason_sql(include, only)})
    return {row["reason"]: row["requests"] for row in rows}


def notes(counts: Mapping[str | None, int]) -> list[str]:
    """What is left out and how to have it back, for the small print."""
    found = [(word, counts[word]) for word in REASONS if counts.get(word)]
    if not found:
        return []
    listed = ", ".join(f"{n:,} {SAID[word]}" for word, n in found)
    return [f"left out: {listed} (--include {','.join(word for word, _ in found)})"]
