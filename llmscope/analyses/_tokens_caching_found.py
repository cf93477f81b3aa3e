"""What the looks at the cache share: the money of a read and of a write, what one of them found, names, months."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from llmscope.result import Finding, Part

# What a write costs beyond fresh input, by how long it is kept; as `cost` bills it.
PREMIUM = """(coalesce(cache_write_tokens, 0) * (cache_write_rate_usd - input_rate_usd)
        + coalesce(cache_write_30m_tokens, 0) * (cache_write_30m_rate_usd - cache_write_rate_usd)
        + coalesce(cache_write_1h_tokens, 0) * (cache_write_1h_rate_usd - cache_write_rate_usd)
        + coalesce(cache_write_12h_tokens, 0) * (cache_write_12h_rate_usd - cache_write_rate_usd))"""
SAVED = "(cache_read_tokens * (input_rate_usd - cache_read_rate_usd))"
# The average month of the Gregorian calendar.
DAYS_A_MONTH = 365.2425 / 12
FEWEST_DAYS = 1.0


@dataclass(frozen=True)
class Found:
    """Part of the answer."""

    parts: Mapping[str, Part] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()


def named(row: Mapping[str, Any]) -> str:
    """`template agent-act on claude-sonnet-4-5`."""
    template = f"template {row['template']}" if row["template"] is not None else "requests without a template"
    return f"{template} on {row['model']}"


def days_of(whole: Mapping[str, Any]) -> float | None:
    """Days from the first request to the last; None without times."""
    first, last = whole["first_at"], whole["last_at"]
    if not isinstance(first, datetime) or not isinstance(last, datetime):
        return None
    return (last - first).total_seconds() / 86400


def a_month(usd: float, days: float | None) -> float | None:
    """Money of the log's days carried to a month; None where the log is shorter than a day."""
    return usd / days * DAYS_A_MONTH if days is not None and days >= FEWEST_DAYS else None
