"""Which requests a question about tokens counts, and what is said of the others."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from llmscope.analyses import _counted

if TYPE_CHECKING:
    from llmscope.logs import Logs

Row = dict[str, Any]
# Whose tokens are no answer's: failures, the gateway's own answers, embeddings. Guessed times do not matter here.
ONLY = ("failed", "cached", "embeddings")
# What was reported of a request's usage; 0 is reported, NULL is not.
WITH_USAGE = "(input_tokens IS NOT NULL OR output_tokens IS NOT NULL)"
# {reason}: why a request is left out, NULL for one that counts.
SQL = f"""
WITH judged AS (
    SELECT {{reason}} AS reason, input_tokens, output_tokens, usage_semantics, started_at FROM requests
)
SELECT reason,
    count(*) AS requests,
    count(*) FILTER (WHERE {WITH_USAGE}) AS with_usage,
    count(input_tokens) AS with_input,
    count(output_tokens) AS with_output,
    count(*) FILTER (WHERE {WITH_USAGE} AND usage_semantics = 'guessed') AS guessed,
    count(*) FILTER (WHERE {WITH_USAGE} AND usage_semantics = 'estimated') AS estimated,
    count(*) FILTER (WHERE started_at IS NULL) AS timeless
FROM judged GROUP BY reason
"""
REMEDY = "--map input_tokens=KEY, --map output_tokens=KEY if the log has it"


def condition(include: Collection[str], only: Collection[str] = ONLY) -> str:
    """Whether a row of `requests` (or `priced`) counts: answered, with reported usage; SQL that is never NULL.

    Args:
        include: the words of --include, from `_counted.included`.
        only: the reasons that hold for the question.
    """
    return f"{_counted.condition(include, only)} AND {WITH_USAGE}"


def overview(logs: Logs, include: Collection[str], only: Collection[str] = ONLY) -> dict[str | None, Row]:
    """What there is, by why it is left out; under None what counts, with usage or without."""
    rows = logs.query(SQL, names={"reason": _counted.reason_sql(include, only)})
    return {row["reason"]: row for row in rows}


def requests_of(seen: Mapping[str | None, Row]) -> int:
    """All requests there are, for the coverage of a Result."""
    return sum(row["requests"] for row in seen.values())


def notes(seen: Mapping[str | None, Row]) -> list[str]:
    """What is left out and how to have it back; rows without usage; usage that is not the provider's own figure."""
    found = _counted.notes({reason: row["requests"] for reason, row in seen.items()})
    counted = seen.get(None)
    if not counted:
        return found
    lacking = counted["requests"] - counted["with_usage"]
    if lacking:
        found.append(
            f"{lacking:,} of {many(counted['requests'])} report no usage and are in no figure of tokens: "
            f"unknown, not 0; {REMEDY}"
        )
    if counted["guessed"]:
        found.append(
            f"whether cached tokens are part of the input is not said by {many(counted['guessed'])}: taken as is "
            "likeliest (usage_semantics guessed)"
        )
    if counted["estimated"]:
        found.append(
            f"tokens of {many(counted['estimated'])} are an estimate of whoever wrote the log, not the provider's "
            "(usage_semantics estimated): --where \"usage_semantics <> 'estimated'\" leaves them out"
        )
    return found


def many(n: int, noun: str = "request") -> str:
    """`1 request`, `1,200 requests`."""
    return f"{n:,} {noun}{'s' * (n != 1)}"
