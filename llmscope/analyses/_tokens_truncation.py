"""Are answers cut off by their length, by which limit, and what limit would not cut them?

A row a slice (feature, template and model unless --by says otherwise): the share of answers cut off, how near answers
come to max_tokens, the limit that would cut 1 % of them, and how full the model's context window is. Tables beside it:
limits, by max_tokens; context, by model.

The limit wanted is where 1 % of answers would be longer. An answer cut off is known to be at least as long as it is:
Kaplan and Meier's estimate takes it so. Where even the longest answers were cut off, it is said to be at least theirs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from llmscope.analyses import _counted, _slices, _tokens_counted
from llmscope.analyses._errors_rows import percent, rate_columns
from llmscope.analyses._tokens_asked import Asked
from llmscope.analyses._tokens_counted import many
from llmscope.analyses._tokens_cut_sql import (
    ANSWERED,
    CONTEXT_SQL,
    DAYS_SQL,
    EACH_DAY,
    EACH_LENGTH,
    FEWEST,
    KEPT_DAYS,
    KEPT_LENGTHS,
    LEFT,
    LENGTHS_SQL,
    MODELS_SQL,
    NEAR,
    SQL,
    sums_of,
    windows_sql,
)  # fmt: skip
from llmscope.analyses._tokens_slices import Slice, arranged, cut, named, shown, sorted_by
from llmscope.result import Column, Coverage, Finding, Part, Result
from llmscope.stats.proportions import clustered

if TYPE_CHECKING:
    from llmscope.schema import Dimension

Row = dict[str, Any]
DEFAULT_BY = ("feature", "template", "model")
WANTED = ("wanted_max_tokens", "wanted_max_low_tokens", "wanted_max_high_tokens", "wanted_at_least_tokens")
MEASURES = (
    Column("answers", "count", "n"),
    Column("truncated", "count"),
    *rate_columns("truncated"),
    Column("output_p50_tokens", "tokens", optional=True),
    Column("output_p95_tokens", "tokens", optional=True),
    Column("used_p50_ratio", "ratio", optional=True),
    Column("used_p95_ratio", "ratio"),
    Column("wanted_max_tokens", "tokens"),
    Column("wanted_max_low_tokens", "tokens", "low", "wanted_max_tokens", optional=True),
    Column("wanted_max_high_tokens", "tokens", "high", "wanted_max_tokens", optional=True),
    Column("wanted_at_least_tokens", "tokens", optional=True),
    Column("context_p95_ratio", "ratio", optional=True),
    Column("near_context", "count", optional=True),
)
LIMITS = (
    Column("max_tokens", "tokens", "dimension"),
    Column("answers", "count", "n"),
    Column("truncated", "count"),
    *rate_columns("truncated"),
    Column("first_at", "time", "measure"),
    Column("last_at", "time", "measure"),
)
CONTEXT = (
    Column("provider", "text", "dimension"),
    Column("model", "text", "dimension"),
    Column("requests", "count", "n"),
    Column("window_tokens", "tokens"),
    Column("context_p95_ratio", "ratio"),
    Column("context_max_ratio", "ratio"),
    Column("near_context", "count"),
)
MOST_FOUND, MOST_NAMED = 5, 5
TAGGED = "a request with several tags stands under each: the rows add up to more than the total"


@dataclass(frozen=True, slots=True)
class Windows:
    """The context windows of the log's models, and how SQL has them."""

    of: Mapping[tuple[str | None, str], int | None]
    requests: Mapping[tuple[str | None, str], int]
    sql: str
    values: Mapping[str, Any]


def answer(asked: Asked) -> Result:
    """The answer to --truncation."""
    include = _counted.included(asked.include)
    every = Slice(asked.logs, (), _counted.condition(include, _tokens_counted.ONLY))
    seen = _tokens_counted.overview(asked.logs, include)
    windows = windows_of(every)
    groups = _slices.grouping(asked.by, asked.over) or default_groups(every)
    slices = tuple(d for d in groups if d.word != asked.over) or default_groups(every)
    columns = (*_slices.columns_of(groups), *MEASURES)
    order = sorted_by(asked, columns, "truncated")

    every = replace(every, values=windows.values)
    of_slices, of_groups = replace(every, groups=slices), replace(every, groups=groups)
    keep(every if any(d.unnests for d in slices) else of_slices, windows)  # a request of two tags is in two slices
    whole = next((row for row in figures(every, windows) if row["requests"]), None)
    if any(d.unnests for d in slices):
        keep(of_slices, windows)
    by_limit = limits(of_slices)
    judged = figures(of_slices, windows) if whole else []
    if groups != slices:
        keep(of_groups, windows)
    measured = partial(figures, windows=windows)
    again = whole and (groups != slices or asked.top is not None)
    rows = cut(of_groups, asked, order, measured) if again else judged
    if asked.over:
        rows = _slices.with_empty_buckets(rows, groups, asked.over, {"answers": 0, "truncated": 0, "near_context": 0})
    parts = {
        "limits": Part((*_slices.columns_of(slices), *LIMITS), by_limit),
        "context": context(every, windows) if asked.logs.shows("context") else Part((), ()),
    }
    return Result(
        "tokens",
        columns,
        shown(arranged(rows, groups, asked.over, order), columns),
        shown([whole], MEASURES)[0] if whole and groups else None,
        parts={name: part for name, part in parts.items() if part.rows},
        findings=findings(judged, by_limit, slices),
        notes=(*notes(seen, whole, windows), *([TAGGED] * any(d.unnests for d in groups))),
        coverage=Coverage(requests=_tokens_counted.requests_of(seen)),
    )


def windows_of(every: Slice) -> Windows:
    """Every model's window, from the catalogue."""
    rows = every.query(MODELS_SQL)
    requests = {(row["provider"], row["model"]): int(row["requests"]) for row in rows}
    found = every.logs.context_windows(requests)
    return Windows(found, requests, *windows_sql(found))


def default_groups(every: Slice) -> tuple[Dimension, ...]:
    """Feature, template and model, of which the log has any."""
    from llmscope.schema import dimension

    names = {word: f"count({dimension(word).sql})" for word in DEFAULT_BY}
    sql = f"SELECT {', '.join(f'{n} AS {w}' for w, n in names.items())} FROM requests WHERE {{counts}} AND {ANSWERED}"
    row = every.query(sql)[0]
    return tuple(dimension(word) for word in DEFAULT_BY if row[word])


def keep(of: Slice, windows: Windows) -> None:
    """Counts the answers of each slice by day and by length, for what is asked of it next."""
    of.keep(KEPT_DAYS, EACH_DAY, {"windows": windows.sql})
    of.keep(KEPT_LENGTHS, EACH_LENGTH, {"windows": windows.sql})


def figures(of: Slice, windows: Windows) -> list[Row]:
    """One row a slice: shares by days, nearness to the limits, the limit wanted."""
    rows = of.query(SQL, {"windows": windows.sql})
    days = {of.key(row): row for row in of.query(DAYS_SQL) if row["whole"]}
    lengths = {of.key(row): row for row in of.query(LENGTHS_SQL)}
    for row in rows:
        row |= share_of(days.get(of.key(row))) | wanted(lengths.get(of.key(row)))
        if not row["held_requests"]:
            row["near_context"] = None
    return rows


def share_of(row: Row | None) -> Row:
    """The share cut off and its interval, by days where there are enough."""
    if row is None:
        return dict.fromkeys(("truncated_ratio", "truncated_low_ratio", "truncated_high_ratio"))
    sums = sums_of(row)
    low, high = clustered(sums) or (None, None)
    return {"truncated_ratio": sums.share, "truncated_low_ratio": low, "truncated_high_ratio": high}


def wanted(row: Row | None) -> Row:
    """The limit that would cut off 1 %; where all of the longest were cut, the least that it could be."""
    unknown: Row = dict.fromkeys(WANTED)
    if row is None or (row["lengths"] or 0) < FEWEST:
        return unknown
    if row["wanted_max_tokens"] is None:
        return unknown | {"wanted_at_least_tokens": row["longest"]}
    return unknown | {name: row[name] for name in WANTED[:3]}


def limits(of: Slice) -> tuple[Row, ...]:
    """By slice and max_tokens: the share cut off, and when that setting was used; the commonest settings of each."""
    rows = of.query(DAYS_SQL)
    found: list[Row] = [
        {**{d.word: row[d.word] for d in of.groups}, "max_tokens": row["of_limit"], "answers": row["n"],
         "truncated": row["hits"], "first_at": row["first_at"], "last_at": row["last_at"], **share_of(row)}
        for row in rows if not row["whole"] and row["of_limit"] is not None
    ]  # fmt: skip

    def key(row: Row) -> tuple[Any, ...]:
        names = tuple((row[d.word] is None, str(row[d.word])) for d in of.groups)
        return (names, -row["answers"], row["max_tokens"])

    return tuple(sorted(found, key=key))


def context(every: Slice, windows: Windows) -> Part:
    """By model: how full its window is."""
    from llmscope.schema import dimensions

    if not any(windows.of.values()):
        return Part(CONTEXT, ())
    known = replace(every, groups=dimensions("provider,model")).query(CONTEXT_SQL, {"windows": windows.sql})
    for row in known:
        row["window_tokens"] = windows.of.get((row["provider"], row["model"]))
    known.sort(key=lambda row: (-row["context_p95_ratio"], str(row["provider"]), row["model"]))
    return Part(CONTEXT, shown(known, CONTEXT))


def findings(rows: Sequence[Row], by_limit: Sequence[Row], slices: Sequence[Dimension]) -> tuple[Finding, ...]:
    """The slices that surely lose more than 1 % of their answers, most answers first; requests near the window."""
    words = [d.word for d in slices]
    lost = [row for row in rows if (row["truncated_low_ratio"] or 0) > LEFT]
    lost.sort(key=lambda row: (-row["truncated"], [str(row[w]) for w in words]))
    found = []
    for row in lost[:MOST_FOUND]:
        key = [row[w] for w in words]
        settings = [limit for limit in by_limit if [limit[w] for w in words] == key]
        found.append(Finding("truncation", "warning", sentence(named(key, words), row, settings), (row,)))
    if more := len(lost) - len(found):
        found.append(Finding("truncation", "warning", f"{more:,} more slices lose over 1 % of their answers"))
    near = [row for row in rows if row["near_context"]]
    for row in sorted(near, key=lambda row: -row["near_context"])[:MOST_FOUND]:
        text = (
            f"{named([row[w] for w in words], words)}: {row['near_context']:,} of {many(row['held_requests'])} fill "
            f"{100 * NEAR:.0f} % or more of the model's context window"
        )
        found.append(Finding("context", "warning", text, (row,)))
    return tuple(found)


def sentence(name: str, row: Row, settings: Sequence[Row]) -> str:
    """How many answers are cut off, since when and by what, and what limit would cut 1 %."""
    worst = max(settings, key=lambda s: (s["truncated"], -s["max_tokens"]), default=None)
    by_a_limit = bool(worst and worst["truncated"] and 2 * row["at_limit"] >= row["truncated"])
    told = worst if by_a_limit and worst else row
    share = (
        f"{percent(told['truncated_ratio'])} [{percent(told['truncated_low_ratio'])}, "
        f"{percent(told['truncated_high_ratio'])}] of {many(told['answers'], 'answer')} end by their length"
    )
    cause = since(told, settings) if by_a_limit else f", {row['at_limit']:,} of {row['truncated']:,} at max_tokens"
    return f"{name}: {share}{cause}{remedy(row)}"


def since(worst: Row, settings: Sequence[Row]) -> str:
    """What changed: the setting that came before this one, or those used beside it."""
    gentler = [s for s in settings if s["max_tokens"] > worst["max_tokens"] and s["first_at"] and worst["first_at"]]
    before = [s for s in gentler if s["last_at"] <= worst["first_at"]]
    if before:
        last = max(before, key=lambda s: (s["last_at"], s["answers"]))
        return (
            f" since {worst['first_at']:%Y-%m-%d}, when max_tokens went from {last['max_tokens']:,} to "
            f"{worst['max_tokens']:,} (before: {percent(last['truncated_ratio'])} of {last['answers']:,})"
        )
    text = f" at max_tokens {worst['max_tokens']:,}"
    beside = max(gentler, key=lambda s: (s["answers"], s["max_tokens"]), default=None)
    return text + (f" ({percent(beside['truncated_ratio'])} at {beside['max_tokens']:,})" if beside else "")


def remedy(row: Row) -> str:
    """The limit wanted, in words."""
    if row["wanted_max_tokens"] is not None:
        low, high = row["wanted_max_low_tokens"], row["wanted_max_high_tokens"]
        ends = f" [{low:,}, {high:,}]" if low and high else f" [{low:,} or more]" if low else ""
        return f"; a limit of about {row['wanted_max_tokens']:,}{ends} tokens would cut it to 1 %"
    if row["wanted_at_least_tokens"] is not None:
        least = row["wanted_at_least_tokens"]
        return f"; the limit wanted is over {least:,} tokens: how far is not known, as answers that long were cut too"
    return "; too few answers to say what limit would do"


def notes(seen: Mapping[str | None, Row], whole: Row | None, windows: Windows) -> list[str]:
    """The small print: what is not known, and what to do."""
    found = _tokens_counted.notes(seen)
    if not whole:
        return found
    lacking = whole["requests"] - whole["answers"]
    if lacking:
        found.append(
            f"whether it was cut off is not known of {many(lacking)} without finish reason; --map finish_reason=KEY"
        )
    if whole["unsaid"]:
        found.append(
            f"no finish reason is logged by {many(whole['unsaid'], 'answer')}: cut off where as long as max_tokens"
        )
    if whole["limited"] < whole["requests"]:
        n = whole["requests"] - whole["limited"]
        found.append(f"no max_tokens is logged by {many(n)}: in no ratio to it; --map max_tokens=KEY")
    if whole["answers"] >= FEWEST:
        found.append(
            "wanted_max_tokens: 1 % of answers would be longer (Kaplan-Meier: an answer cut off is at least as long as "
            f"it is); from {FEWEST} answers on; it takes answers under another limit to have been alike"
        )
    unknown = [pair for pair, tokens in windows.of.items() if not tokens]
    if unknown:
        names = list(dict.fromkeys(model for _, model in unknown))
        listed = ", ".join(names[:MOST_NAMED]) + (", …" if len(names) > MOST_NAMED else "")
        n = sum(windows.requests[pair] for pair in unknown)
        found.append(f"the catalogue knows no context window of {listed}: {many(n)} in no ratio to it")
    return found
