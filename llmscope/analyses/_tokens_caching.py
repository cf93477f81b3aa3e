"""`tokens --caching`: what the provider's prompt cache read and wrote, what that saved, and what it leaves unsaved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from llmscope.analyses import _counted, _slices
from llmscope.analyses import _tokens_counted as counted
from llmscope.analyses._tokens_caching_found import PREMIUM, SAVED
from llmscope.analyses._tokens_caching_hours import hours
from llmscope.analyses._tokens_caching_writes import writes
from llmscope.analyses._tokens_prefix import prefixes
from llmscope.analyses._tokens_reuse import reuse
from llmscope.errors import unknown_name
from llmscope.result import Column, Coverage, Finding, Result, Series

if TYPE_CHECKING:
    from llmscope.analyses._tokens_asked import Asked
    from llmscope.schema import Dimension

BY = "feature,template,model"
# Rates are those in force at each request's date. A request that does not report reads is in no share of them.
SQL = f"""
SELECT {{dimensions}}
    count(*) AS requests,
    sum(input_tokens)::BIGINT AS input_tokens,
    sum(cache_read_tokens)::BIGINT AS cache_read_tokens,
    sum(cache_write_tokens)::BIGINT AS cache_write_tokens,
    sum(input_tokens) FILTER (WHERE cache_read_tokens IS NOT NULL)::BIGINT AS judged_tokens,
    count(cache_read_tokens) AS judged_requests,
    count(*) FILTER (WHERE cache_read_tokens > 0) AS reading_requests,
    sum({SAVED}) AS saved_usd,
    sum({PREMIUM}) FILTER (WHERE cache_write_tokens IS NOT NULL) AS write_premium_usd,
    count(*) FILTER (WHERE cache_read_tokens > 0 AND cache_read_rate_usd IS NULL
        OR cache_write_tokens > 0 AND cache_write_rate_usd IS NULL) AS unpriced_requests,
    min(started_at) AS first_at,
    max(started_at) AS last_at,
    count(prefix_hashes) AS hashed,
    count(prompt_hash) AS prompts
FROM priced
WHERE {{counts}}
GROUP BY ALL
"""
MEASURES = (
    Column("requests", "count"),
    Column("input_tokens", "tokens"),
    Column("cache_read_tokens", "tokens"),
    Column("cache_write_tokens", "tokens", optional=True),
    Column("hit_ratio", "ratio"),
    Column("reading_requests_ratio", "ratio", optional=True),
    Column("saved_usd", "usd", optional=True),
    Column("write_premium_usd", "usd", optional=True),
    Column("net_usd", "usd"),
    Column("unpriced_requests", "count", optional=True),
)
EMPTY = {c.name: 0 if c.kind == "count" else None for c in MEASURES}
SUMS = ("requests", "input_tokens", "cache_read_tokens", "cache_write_tokens", "judged_tokens", "judged_requests",
        "reading_requests", "saved_usd", "write_premium_usd", "unpriced_requests")  # fmt: skip
MOST_LOSSES = 3
Row = dict[str, Any]


def answer(asked: Asked) -> Result:
    """Reads, writes, their share and money by dimension; hours, constant prefixes, unread writes and ideal reuse."""
    logs, include = asked.logs, _counted.included(asked.include)
    groups = _slices.grouping(asked.by or (None if asked.over else BY), asked.over)
    columns, sort = (*_slices.columns_of(groups), *MEASURES), asked.sort or "input_tokens"
    if sort not in {c.name for c in columns}:
        raise unknown_name("column", sort, [c.name for c in columns])
    seen = counted.overview(logs, include)
    names = {"counts": counted.condition(include)}
    rows = logs.query(SQL, by=groups, names=names)
    tagged = any(d.unnests for d in groups)  # a request of two tags is in two rows
    whole = logs.query(SQL, names=names)[0] if tagged or not rows else together(rows)
    slices = [d for d in groups if d.word != asked.over]
    shown = arranged(rows, groups, slices, asked, sort)
    found = [
        prefixes(logs, names["counts"], whole),
        hours(logs, names["counts"], whole),
        writes(logs, names["counts"], whole),
        reuse(logs, names["counts"], whole),
    ]
    return Result(
        "tokens",
        columns,
        tuple(shown),
        finish(whole),
        parts={name: part for one in found for name, part in one.parts.items() if part.rows},
        series=series(shown, asked.over) if asked.over and not slices else (),
        findings=(*(f for one in found for f in one.findings), *losses(shown, slices)),
        notes=(*small_print(whole, groups), *(n for one in found for n in one.notes), *counted.notes(seen),
               *(logs.price_notes() if whole["requests"] else ())),
        coverage=Coverage(requests=counted.requests_of(seen)),
    )  # fmt: skip


def arranged(
    rows: Sequence[Row], groups: Sequence[Dimension], slices: Sequence[Dimension], asked: Asked, sort: str
) -> list[Row]:
    """The slices in order, the rest of --top last, buckets in which nothing happened too."""
    others: list[Row] = []
    if asked.top is not None and slices:
        kept = first(rows, slices, asked.top, sort)
        left = [r for r in rows if tuple(r[d.word] for d in slices) not in kept]
        others = summed(left, [asked.over] if asked.over else [], [d.word for d in slices])
        rows = [r for r in rows if tuple(r[d.word] for d in slices) in kept]
    keys = [d.word for d in groups]
    done = [{**{k: r[k] for k in keys}, **finish(r)} for r in rows]
    if asked.over:
        done = _slices.with_empty_buckets(done, groups, asked.over, EMPTY)
    last = [{**{k: r[k] for k in keys}, **finish(r)} for r in others]
    together = [*_slices.ordered(done, groups, sort, asked.over), *_slices.ordered(last, groups, sort, asked.over)]
    over = asked.over
    return sorted(together, key=lambda row: (row[over] is None, str(row[over]))) if over else together


def first(rows: Sequence[Row], slices: Sequence[Dimension], top: int, sort: str) -> set[tuple[Any, ...]]:
    """The first slices in the order of --sort, over all buckets together."""
    words = [d.word for d in slices]
    whole = [{**{word: row[word] for word in words}, **finish(row)} for row in summed(rows, words)]
    return {tuple(row[word] for word in words) for row in _slices.ordered(whole, slices, sort, None)[:top]}


def summed(rows: Sequence[Row], words: Sequence[str], others: Sequence[str] = ()) -> list[Row]:
    """The rows added up by these words; under the others all is one."""
    merged: dict[Any, Row] = {}
    for row in rows:
        one = merged.setdefault(
            tuple(row[word] for word in words),
            {**{word: row[word] for word in words}, **dict.fromkeys(others, _slices.OTHER)},
        )
        for name in SUMS:
            known = [v for v in (one.get(name), row[name]) if v is not None]
            one[name] = sum(known) if known else None
    return list(merged.values())


def together(rows: Sequence[Row]) -> Row:
    """What all slices have together: each request is in one of them."""
    times = {name: [row[name] for row in rows if row[name] is not None] for name in ("first_at", "last_at")}
    counts = {name: sum(row[name] for row in rows) for name in ("hashed", "prompts")}
    first, last = times["first_at"], times["last_at"]
    return {
        **summed(rows, [])[0], **counts, "first_at": min(first, default=None), "last_at": max(last, default=None)
    }  # fmt: skip


def finish(row: Mapping[str, Any]) -> Row:
    """Shares and net; money leaves its exact decimals here, and what is not known stays unknown."""
    saved, premium = row["saved_usd"], row["write_premium_usd"]
    done = {
        **row,
        "hit_ratio": quotient(row["cache_read_tokens"], row["judged_tokens"]),
        "reading_requests_ratio": quotient(row["reading_requests"], row["judged_requests"]),
        "saved_usd": None if saved is None else float(saved),
        "write_premium_usd": None if premium is None else float(premium),
        "net_usd": None if saved is None else float(saved - (premium or 0)),
    }
    return {c.name: done[c.name] for c in MEASURES}


def quotient(part: Any, whole: Any) -> float | None:
    """part / whole, unknown where there is nothing to be a share of."""
    return float(part / whole) if part is not None and whole else None


def series(rows: Sequence[Row], over: str) -> tuple[Series, ...]:
    """The hit share over time, for a plot."""
    timed = [row for row in rows if row[over] is not None]
    xs, ys = tuple(row[over] for row in timed), tuple(row["hit_ratio"] for row in timed)
    return (Series("hit share", xs, ys, "ratio"),) if len(timed) > 1 else ()


def losses(rows: Sequence[Row], slices: Sequence[Dimension]) -> list[Finding]:
    """Slices whose cache costs more in writes than it saves in reads."""
    lost = sorted((r for r in rows if slices and (r["net_usd"] or 0) < 0), key=lambda r: r["net_usd"])
    return [
        Finding("cache_loss", "warning", loss(row, slices)) for row in lost[:MOST_LOSSES] if row["net_usd"] <= -0.01
    ]


def loss(row: Row, slices: Sequence[Dimension]) -> str:
    """Where, and what was paid for what."""
    return (
        f"{', '.join(f'{d.word} {text(row[d.word])}' for d in slices)}: caching costs more than it saves: writes cost "
        f"{row['write_premium_usd']:,.2f} USD above fresh input, reads saved {row['saved_usd']:,.2f} USD "
        f"(n = {row['requests']:,})"
    )


def text(value: Any) -> str:
    """A dimension's value in a sentence."""
    return "(none)" if value is None else str(value)


def small_print(whole: Row, groups: Sequence[Dimension]) -> list[str]:
    """What the figures mean, and what is not in them."""
    if not whole["requests"]:
        return []
    if not whole["judged_requests"]:
        return ["no request reports tokens read from a cache: hit shares are unknown, not 0; "
                "--map cache_read_tokens=KEY if the log has them"]  # fmt: skip
    found = [
        "hit_ratio is cache_read_tokens of input_tokens; saved_usd: reads against fresh input, write_premium_usd: "
        "writes above it, both at the prices of each request's date",
        "OpenAI, Gemini (implicit) and DeepSeek cache by themselves and most charge nothing for it; Anthropic caches "
        "what is marked with cache_control and charges for writing",
    ]
    silent = whole["requests"] - whole["judged_requests"]
    if silent:
        found.append(
            f"{counted.many(silent)} do not report cached tokens and are in no hit share (unknown, not 0), nor among "
            "the prefixes where others of their template and model report them"
        )
    if whole["unpriced_requests"]:
        found.append(
            f"{counted.many(whole['unpriced_requests'])} read or wrote cached tokens without a known price for it: "
            "what they saved is not in the figures; add one to pricing.toml (llmscope pricing unpriced)"
        )
    if any(d.unnests for d in groups):
        found.append("a request with several tags stands under each: the rows add up to more than the total")
    return found
