"""`llmscope pricing unpriced`: the models no price is known for, and what to write into pricing.toml."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

from llmscope.errors import UsageError
from llmscope.pricing.names import host_of
from llmscope.result import Column, Coverage, Part, Result

if TYPE_CHECKING:
    from llmscope.logs import Logs

MOST_STANZAS = 10

UNPRICED_SQL = """
SELECT model, provider, count(*) AS requests,
    sum(input_tokens)::BIGINT AS input_tokens, sum(output_tokens)::BIGINT AS output_tokens,
    sum(cost_logged_usd) AS cost_logged_usd, min(started_at) AS first_seen, max(started_at) AS last_seen
FROM priced
WHERE price_status = 'unpriced'
GROUP BY model, provider
ORDER BY requests DESC, model, provider
"""
COVERAGE_SQL = """
WITH counted AS (
    SELECT price_status, cost_usd, coalesce(input_tokens, 0) + coalesce(output_tokens, 0) AS tokens FROM priced
)
SELECT count(*) AS requests,
    count(*) FILTER (WHERE price_status <> 'no_usage') AS ought,
    count(cost_usd) FILTER (WHERE price_status <> 'no_usage') AS priced,
    sum(tokens)::BIGINT AS tokens,
    (sum(tokens) FILTER (WHERE price_status <> 'unpriced'))::BIGINT AS priced_tokens
FROM counted
"""
COLUMNS = (
    Column("model", "text", "dimension"),
    Column("provider", "text", "dimension"),
    Column("requests", "count"),
    Column("input_tokens", "tokens"),
    Column("output_tokens", "tokens"),
    Column("near", "list"),
    Column("reason", "text", optional=True),
    Column("cost_logged_usd", "usd", optional=True),
    Column("first_seen", "time", optional=True),
    Column("last_seen", "time", optional=True),
)
STANZA = (
    '[models."{key}"]',
    "input  = FILL_IN  # USD per 1,000,000 tokens (your own machine: free = true)",
    "output = FILL_IN",
    'source = "FILL_IN"',
    "as_of  = {today}",
)
ALIAS = ("# or, if it is {near} under another name:", "# [[alias]]", '# match = "{model}"', '# use = "{near}"')
UNNAMED = ("unknown", "none", "null", "", "redacted")


def unpriced(
    logs: Logs,
    top: Annotated[int | None, "only the N models with the most requests"] = None,
) -> Result:
    """The models no price is known for, the nearest known names, and what to write into pricing.toml."""
    if top is not None and top < 1:
        raise UsageError("--top takes a number of 1 or more")
    found = logs.query(UNPRICED_SQL)
    rows = tuple(row_of(logs, row) for row in found[:top])
    named = [row for row in rows if row["model"].lower() not in UNNAMED]
    lines = tuple({"pricing.toml": line} for line in stanzas(named[:MOST_STANZAS]))
    parts = {"to paste": Part((Column("pricing.toml", "text"),), lines)} if lines else {}
    notes = tuple(notes_of(rows, named, len(found)))
    return Result("pricing unpriced", COLUMNS, rows, parts=parts, notes=notes, coverage=coverage(logs))


def row_of(logs: Logs, row: dict[str, Any]) -> dict[str, Any]:
    """A model, why it has no price, and which priced names are like it."""
    why = logs.book.resolve(row["provider"], row["model"])
    return {**row, "near": logs.book.suggest(row["model"]) or None, "reason": why.reason}


def stanzas(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Lines for pricing.toml; no TOML until the figures are filled in, so that none is forgotten at zero."""
    today = datetime.now(UTC).date().isoformat()
    for row in rows:
        host, model = host_of(row["provider"]), toml_text(row["model"])
        key = f"{toml_text(host)}/{model}" if host else model
        yield from (line.format(key=key, today=today) for line in STANZA)
        for near in (row["near"] or [])[:1]:
            yield from (line.format(model=model, near=toml_text(near)) for line in ALIAS)


def toml_text(text: str) -> str:
    """A name as it stands between TOML's double quotes; what is not plain ASCII is written by number."""
    return "".join(toml_letter(letter) for letter in text)


def toml_letter(letter: str) -> str:
    if letter in '\\"':
        return "\\" + letter
    return letter if " " <= letter <= "~" else f"\\U{ord(letter):08X}"


def notes_of(rows: Sequence[dict[str, Any]], named: Sequence[dict[str, Any]], models: int) -> Iterator[str]:
    """What was found, and the remedy."""
    if not rows:
        yield "every request that used tokens has a price"
        return
    if len(rows) < models:
        yield f"{len(rows)} of {models} models shown"
    if named:
        yield "put the figures into pricing.toml: the past is priced anew at once (llmscope pricing check reads it)"
    if len(named) > MOST_STANZAS:
        yield f"lines to paste are shown for the first {MOST_STANZAS} models"
    if len(named) < len(rows):
        yield "requests that name no model, or hide it, have no price: --map model=KEY if another key has it"


def coverage(logs: Logs) -> Coverage:
    """How many requests, and how much of their tokens, have a price."""
    row = logs.query(COVERAGE_SQL)[0]
    return Coverage(
        requests=row["requests"],
        priced_requests=row["priced"],
        priced_tokens_ratio=(row["priced_tokens"] or 0) / row["tokens"] if row["tokens"] else None,
        ought_to_be_priced=row["ought"],
    )
