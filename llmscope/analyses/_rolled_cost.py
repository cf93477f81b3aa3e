"""Cost from daily rollups: the same figures as from the rows, but for people and conversations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llmscope.logs import Logs
    from llmscope.schema import Dimension

Row = dict[str, Any]
# What can only be told from the rows.
LACKING = ("users", "sessions", "cost_per_session_usd")

# {source}: one of rolled.SOURCES.
SQL = """
SELECT {dimensions}
    coalesce(sum(requests), 0)::BIGINT AS requests,
    sum(input_tokens)::BIGINT AS input_tokens,
    sum(output_tokens)::BIGINT AS output_tokens,
    sum(cache_read_tokens)::BIGINT AS cache_read_tokens,
    sum({source}_usd) AS cost_usd,
    coalesce(sum({source}_requests), 0)::BIGINT AS costed_requests,
    sum({source}_token_usd) AS token_cost_usd,
    sum({source}_tokens)::BIGINT AS costed_tokens,
    sum(logged_usd) AS cost_logged_usd,
    coalesce(sum({source}_unpriced), 0)::BIGINT AS unpriced_requests
FROM rollups
GROUP BY ALL
"""
STATUS_SQL = """
WITH named AS (
    SELECT *,
        CASE WHEN price_status = 'unpriced' THEN model END AS unpriced_model,
        CASE WHEN price_status = 'unpriced' THEN provider END AS unpriced_provider
    FROM rollups
)
SELECT price_status, unpriced_model AS model, unpriced_provider AS provider,
    sum(requests)::BIGINT AS requests,
    sum(computed_requests)::BIGINT AS computed,
    sum(logged_requests)::BIGINT AS logged,
    sum(only_logged)::BIGINT AS only_logged,
    sum(logged_zero)::BIGINT AS logged_zero,
    sum(tokens)::BIGINT AS tokens,
    coalesce(sum(requests) FILTER (WHERE started_at IS NULL), 0)::BIGINT AS timeless
FROM named
GROUP BY ALL
"""
DAILY_SQL = """
SELECT {{dimensions}} sum({source}_usd) AS cost_usd
FROM rollups
WHERE started_at IS NOT NULL
GROUP BY ALL
"""


def measured(logs: Logs, groups: Sequence[Dimension], source: str) -> list[Row]:
    """One row a slice, sums exact; users and sessions unknown."""
    rows = logs.query(SQL, by=groups, names={"source": source})
    return [row | {"users": None, "sessions": None, "session_cost_usd": None} for row in rows]


def daily_sql(source: str) -> str:
    """What each day cost."""
    return DAILY_SQL.format(source=source)
