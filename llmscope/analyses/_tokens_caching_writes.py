"""Cache writes after which no read came within their time to live: paid for, and never used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from llmscope.analyses._tokens_caching_found import PREMIUM, Found, named
from llmscope.result import Column, Finding, Part

if TYPE_CHECKING:
    from llmscope.logs import Logs

# A write lives as long as the longest life the log gives for it, else 5 minutes; a read renews it, so that the first
# read after it tells. One whose life goes beyond the end of the log ($last) may still be read: it is not judged.
# A read of the same moment as a write goes before it: it cannot have found it.
# {premium}: what the write cost above fresh input.
SQL = """
WITH touched AS (
    SELECT template, model, session_id, started_at,
        cache_write_tokens AS written,
        CASE WHEN cache_read_tokens > 0 THEN started_at END AS read_at,
        CASE WHEN cache_write_12h_tokens > 0 THEN started_at + INTERVAL 12 HOUR
            WHEN cache_write_1h_tokens > 0 THEN started_at + INTERVAL 1 HOUR
            WHEN cache_write_30m_tokens > 0 THEN started_at + INTERVAL 30 MINUTE
            ELSE started_at + INTERVAL 5 MINUTE END AS expires_at,
        {premium} AS premium_usd
    FROM priced
    WHERE {counts} AND started_at IS NOT NULL
        AND coalesce(cache_read_tokens, 0) + coalesce(cache_write_tokens, 0) > 0
), followed AS (
    SELECT *,
        lead(read_at IGNORE NULLS) OVER (
            PARTITION BY template, model ORDER BY started_at, read_at, written, expires_at, premium_usd
        ) AS next_at,
        lead(read_at IGNORE NULLS) OVER (
            PARTITION BY template, model, session_id ORDER BY started_at, read_at, written, expires_at, premium_usd
        ) AS next_own_at
    FROM touched
), judged AS (
    SELECT *, coalesce(next_at > expires_at, true) AS unread,
        session_id IS NOT NULL AND coalesce(next_own_at > expires_at, true) AS own_unread
    FROM followed
    WHERE written > 0 AND expires_at <= $last
)
SELECT template, model,
    count(*) AS writes,
    sum(written)::BIGINT AS write_tokens,
    sum(premium_usd) AS premium_usd,
    count(*) FILTER (WHERE unread) AS unread_writes,
    coalesce(sum(written) FILTER (WHERE unread), 0)::BIGINT AS unread_tokens,
    sum(premium_usd) FILTER (WHERE unread) AS unread_premium_usd,
    count(session_id) AS own_writes,
    coalesce(sum(written) FILTER (WHERE session_id IS NOT NULL), 0)::BIGINT AS own_write_tokens,
    count(*) FILTER (WHERE own_unread) AS own_unread_writes,
    coalesce(sum(written) FILTER (WHERE own_unread), 0)::BIGINT AS own_unread_tokens,
    sum(premium_usd) FILTER (WHERE own_unread) AS own_unread_premium_usd
FROM judged
GROUP BY ALL
"""
COLUMNS = (
    Column("template", "text", "dimension"),
    Column("model", "text", "dimension"),
    Column("same", "text", "dimension"),
    Column("writes", "count"),
    Column("write_tokens", "tokens", optional=True),
    Column("unread_writes", "count"),
    Column("unread_tokens", "tokens"),
    Column("unread_ratio", "ratio"),
    Column("unread_premium_usd", "usd"),
)
ANY, OWN = "template and model", "session"
# Worth a sentence: so many writes judged, so large a share of what was written for nothing.
FEWEST, WORTH_RATIO, MOST_FOUND = 20, 0.2, 3
Row = dict[str, Any]


def writes(logs: Logs, counts: str, whole: Row) -> Found:
    """Of each template and model, what was written and never read, by two ways to tell who may read it."""
    if not whole["cache_write_tokens"] or whole["last_at"] is None:
        return Found()
    rows = logs.query(SQL, names={"counts": counts, "premium": PREMIUM}, last=whole["last_at"])
    rows.sort(key=lambda r: (-r["write_tokens"], str(r["template"]), r["model"]))
    shown = [line for row in rows for line in lines(row)]
    return Found({"writes": Part(COLUMNS, tuple(shown))}, findings(rows), notes(shown))


def lines(row: Row) -> list[Row]:
    """One line for reads by any request of the template and model, one for reads by the same session."""
    keys = {"template": row["template"], "model": row["model"]}
    found = [{**keys, "same": ANY, **judged(row, "")}]
    if row["own_writes"]:
        found.append({**keys, "same": OWN, **judged(row, "own_")})
    return found


def judged(row: Row, prefix: str) -> Row:
    """The figures of one line."""
    tokens, unread, premium = (row[f"{prefix}{n}"] for n in ("write_tokens", "unread_tokens", "unread_premium_usd"))
    nothing = None if row["premium_usd"] is None or row[f"{prefix}unread_writes"] else 0.0
    return {
        "writes": row[f"{prefix}writes"],
        "write_tokens": tokens,
        "unread_writes": row[f"{prefix}unread_writes"],
        "unread_tokens": unread,
        "unread_ratio": unread / tokens if tokens else None,
        "unread_premium_usd": float(premium) if premium is not None else nothing,
    }


def findings(rows: Sequence[Row]) -> tuple[Finding, ...]:
    """Templates of whose writes a good part was surely read by nobody."""
    found = []
    for row in rows:
        one = judged(row, "")
        if one["writes"] >= FEWEST and (one["unread_ratio"] or 0) >= WORTH_RATIO and one["unread_premium_usd"]:
            found.append(Finding(
                "unread_writes", "info",
                f"{named(row)}: {one['unread_writes']:,} of {one['writes']:,} cache writes ({one['unread_tokens']:,} "
                f"tokens, {100 * one['unread_ratio']:.0f} %) were read by no later request within their time to live: "
                f"{one['unread_premium_usd']:,.2f} USD above fresh input for nothing",
            ))  # fmt: skip
    return tuple(found[:MOST_FOUND])


def notes(rows: Sequence[Row]) -> tuple[str, ...]:
    """By what a read is taken to be of a write."""
    if not rows:
        return ()
    more = ""
    if any(row["same"] == OWN for row in rows):
        more = "; under session, unless its own session did (another may have read what they open with in common)"
    return (
        "writes: unread when no request of the same template and model read anything within the write's life "
        f"(5 minutes where none is logged), so at least so many were in vain{more}",
    )
