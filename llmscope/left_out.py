"""What no question can count: requests that the window or a condition cannot judge, lines that could not be read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from llmscope.engines import duckdb as engine

if TYPE_CHECKING:
    from llmscope.logs import Logs


def lost(con: Any) -> dict[str, int]:
    """Lines refused and rows dropped as duplicates, over all that was loaded."""
    rows = engine.execute(con, "SELECT coalesce(sum(rejected), 0), coalesce(sum(duplicates), 0) FROM loads")
    return {"rejected": int(rows[0][0]), "duplicates": int(rows[0][1])}


def notes(logs: Logs, weighted: bool = False) -> list[str]:
    """How many there are of each, and what to do; `weighted`: whether the answer counts rows by their weights."""
    found = weight_notes(logs.weights, weighted)
    if logs.window.since or logs.window.until:
        known = logs.store.undated()
        n = count(logs, "started_at IS NULL") if known is None else known
        if n:
            found.append(
                f"{n:,} requests without a time are left out of the window; --map started_at=KEY if they have one"
            )
    if logs.where and not logs.where_is_priced:
        n = count(logs, f"({logs.where.sql}) IS NULL")
        if n:
            found.append(f"{n:,} requests are left out because --where meets an unknown value in them")
    rejected = lost(logs.con)["rejected"]
    if rejected:
        where = "llmscope store rejects shows them" if logs.store.name and not logs._folder else first_reject(logs)
        found.append(f"{rejected:,} line{'s' * (rejected != 1)} could not be read; {where}")
    return found


def count(logs: Logs, condition: str) -> int:
    """How many requests of all there are meet a condition."""
    _, rows = logs.engine.rows(f"SELECT count(*) FROM main.requests WHERE {condition}", logs.where_values)
    return int(rows[0][0])


def weight_notes(found: Mapping[str, float], weighted: bool) -> list[str]:
    """What of a thinned log the figures are."""
    if not found:
        return []
    told = f"{found['weighted']:,} of {found['kept']:,} requests carry a sample_weight: the log was thinned. "
    if weighted:
        return [f"{told}Figures are estimates of all {found['of']:,.0f}, rows counted by their weight"]
    return [
        f"{told}Figures here are of the rows kept, not of the about {found['of']:,.0f} they stand for; "
        "llmscope cost and llmscope errors weigh them"
    ]


def first_reject(logs: Logs) -> str:
    rows = engine.execute(logs.con, "SELECT file, line, reason FROM rejects ORDER BY load_id, line LIMIT 1")
    return f"first: {rows[0][0]}:{rows[0][1]}: {rows[0][2]}" if rows else "see llmscope load"
