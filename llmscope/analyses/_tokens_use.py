"""How many tokens of each kind: in all, a request, and by any dimension.

Every operation is counted, embeddings too: they use tokens and are charged by them. What failed and what the gateway's
own cache answered is not; rows without usage stand apart, with an estimate from their characters where these are known.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from llmscope.analyses import _counted, _slices, _tokens_counted, _tokens_expect
from llmscope.analyses._errors_rows import SILENT, TOLD, share_text
from llmscope.analyses._tokens_asked import Asked
from llmscope.analyses._tokens_counted import WITH_USAGE, many
from llmscope.analyses._tokens_slices import Slice, arranged, cut, shown, sorted_by
from llmscope.result import Column, Coverage, Finding, Kind, Result, Series

if TYPE_CHECKING:
    from llmscope.schema import Dimension

Row = dict[str, Any]
# Why a request is not counted here; an embedding is.
ONLY = ("failed", "cached")
# The parts of a prompt and of an answer, and the share of which each is.
PARTS = {
    "cache_read": "input", "cache_write": "input", "reasoning": "output", "audio_input": "input",
    "image_input": "input", "audio_output": "output", "image_output": "output",
}  # fmt: skip
SHARES = {"cache_read": "cached_ratio", "cache_write": "cache_write_ratio", "reasoning": "reasoning_ratio"}
# A model's tokens per character are had from so many of its own rows at least.
FEWEST = 30
# A share of answers cut off from which on it is a warning.
MANY_CUT = 0.01

# {sums}: of each part, its tokens and those it is a part of. {cut}, {told}: answers ended by length, of which known.
SQL = f"""
WITH counted AS (
    SELECT *, {WITH_USAGE} AS used FROM {{relation}} WHERE {{counts}}
), sliced AS (
    SELECT {{dimensions}} used, operation = 'embeddings' AS embedding, input_tokens, output_tokens, {{parts}}
        coalesce({TOLD["truncated"]}, false) AS told, coalesce({SILENT["truncated"]}, false) AS cut
    FROM counted
)
SELECT {{columns}}
    count(*) FILTER (WHERE used) AS requests,
    count(*) FILTER (WHERE NOT used) AS without_usage,
    sum(input_tokens)::BIGINT AS input_tokens,
    sum(output_tokens)::BIGINT AS output_tokens,
    {{sums}}
    avg(input_tokens) AS input_mean_tokens,
    quantile_cont(input_tokens, 0.5) AS input_p50_tokens,
    quantile_cont(input_tokens, 0.95) AS input_p95_tokens,
    avg(output_tokens) AS output_mean_tokens,
    quantile_cont(output_tokens, 0.5) AS output_p50_tokens,
    quantile_cont(output_tokens, 0.95) AS output_p95_tokens,
    count(*) FILTER (WHERE embedding AND used) AS embeddings,
    count(*) FILTER (WHERE told) AS told,
    count(*) FILTER (WHERE cut) AS cut
FROM sliced
WHERE {{others}}
GROUP BY ALL
"""
# Tokens of the rows that report none: their characters times the median tokens a character of the same model's own
# rows that have both, where there are enough of them. {once}: by tag a request is a row a tag; the first stands for it.
ESTIMATED_SQL = f"""
WITH counted AS (
    SELECT *, {WITH_USAGE} AS used FROM {{relation}} WHERE {{counts}}
), ratios AS (
    SELECT provider AS of_provider, model AS of_model,
        quantile_cont(input_tokens / nullif(input_chars, 0)::DOUBLE, 0.5) AS input_ratio,
        count(input_tokens / nullif(input_chars, 0)::DOUBLE) AS input_n,
        quantile_cont(output_tokens / nullif(output_chars, 0)::DOUBLE, 0.5) AS output_ratio,
        count(output_tokens / nullif(output_chars, 0)::DOUBLE) AS output_n
    FROM counted
    WHERE used AND {{once}}
    GROUP BY ALL
), lacking AS (
    SELECT {{dimensions}} provider AS of_provider, model AS of_model, input_chars, output_chars
    FROM counted
    WHERE NOT used
), estimated AS (
    SELECT lacking.*,
        CASE WHEN input_n >= {FEWEST} THEN input_chars * input_ratio END AS estimated_input,
        CASE WHEN output_n >= {FEWEST} THEN output_chars * output_ratio END AS estimated_output
    FROM lacking
    LEFT JOIN ratios
        ON lacking.of_model = ratios.of_model AND lacking.of_provider IS NOT DISTINCT FROM ratios.of_provider
)
SELECT {{columns}}
    round(sum(estimated_input))::BIGINT AS estimated_input_tokens,
    round(sum(estimated_output))::BIGINT AS estimated_output_tokens,
    count(*) FILTER (WHERE estimated_input IS NOT NULL OR estimated_output IS NOT NULL) AS estimated_requests
FROM estimated
WHERE {{others}}
GROUP BY ALL
"""
ESTIMATED = ("estimated_input_tokens", "estimated_output_tokens", "estimated_requests")
COUNTS = ("requests", "without_usage", "estimated_requests")


def answer(asked: Asked) -> Result:
    """Tokens by dimension, and in all."""
    include = _counted.included(asked.include)
    groups = _slices.grouping(asked.by, asked.over)
    every = Slice(asked.logs, (), _counted.condition(include, ONLY))
    seen = _tokens_counted.overview(asked.logs, include, ONLY)
    whole = measured(every)[0]
    columns = (*_slices.columns_of(groups), *measures(whole))
    order = sorted_by(asked, columns, "input_tokens")
    rows = cut(replace(every, groups=groups), asked, order, measured) if groups else []
    if asked.over:
        rows = _slices.with_empty_buckets(rows, groups, asked.over, dict.fromkeys(COUNTS, 0))
    rows = arranged(rows, groups, asked.over, order)
    totals = whole if seen.get(None) else None
    if not groups:
        rows, totals = [totals] if totals else [], None
    expected = _tokens_expect.judged(asked.logs, include)
    return Result(
        "tokens",
        columns,
        shown(rows, columns),
        shown([totals], columns[len(groups) :])[0] if totals else None,
        parts={"expectations": expected.part} if expected.part.rows else {},
        series=series(rows, asked.over) if asked.over and len(groups) == 1 else (),
        findings=(*expected.findings, *findings(whole)),
        notes=(*_tokens_counted.notes(seen), *notes(whole, seen, include, groups), *expected.notes),
        coverage=Coverage(requests=_tokens_counted.requests_of(seen)),
    )


def measured(of: Slice) -> list[Row]:
    """One row a slice: exact figures, shares, and the estimate of the rows that have none."""
    sums = "".join(
        f"sum({name}_tokens)::BIGINT AS {name}_tokens, "
        f"sum({whole}_tokens) FILTER (WHERE {name}_tokens IS NOT NULL)::BIGINT AS {name}_of, "
        for name, whole in PARTS.items()
    )
    parts = "".join(f"{name}_tokens, " for name in PARTS)
    rows = of.query(SQL, {"sums": sums, "parts": parts})
    guessed = estimates(of) if any(row["without_usage"] for row in rows) else {}
    for row in rows:
        row |= guessed.get(of.key(row), {})
        for name, share in SHARES.items():
            row[share] = row[f"{name}_tokens"] / row[f"{name}_of"] if row[f"{name}_of"] else None
    return rows


def estimates(of: Slice) -> dict[tuple[Any, ...], Row]:
    """By slice, the estimated tokens of its rows without usage."""
    once = "tag IS NOT DISTINCT FROM tags[1]" if any(d.unnests for d in of.groups) else "true"
    rows = of.query(ESTIMATED_SQL, {"once": once})
    return {of.key(row): {name: row[name] for name in ESTIMATED} for row in rows}


def measures(whole: Row) -> tuple[Column, ...]:
    """The columns: kinds of tokens that the log never names are left away, but for cached and reasoning."""
    audio = [name for name in PARTS if name not in SHARES and whole[f"{name}_tokens"]]
    figures: list[tuple[str, Kind, bool]] = [("input_tokens", "tokens", False), ("output_tokens", "tokens", False)]
    figures += [(f"{name}_tokens", "tokens", True) for name in (*SHARES, *audio)]
    figures += [(share, "ratio", share != "cached_ratio") for share in SHARES.values()]
    for side in ("input", "output"):
        figures += [(f"{side}_{name}_tokens", "tokens", name == "mean") for name in ("mean", "p50", "p95")]
    found = [Column("requests", "count", "n"), *(Column(name, kind, optional=last) for name, kind, last in figures)]
    if whole["without_usage"]:
        found.append(Column("without_usage", "count", optional=True))
    if whole.get("estimated_requests"):
        found += [Column(name, "tokens", optional=True) for name in ESTIMATED[:2]]
        found.append(Column(ESTIMATED[2], "count", optional=True))
    return tuple(found)


def series(rows: Sequence[Row], over: str) -> tuple[Series, ...]:
    """Median tokens in and out over time, for a plot."""
    timed = [row for row in rows if row[over] is not None]
    xs = tuple(row[over] for row in timed)
    lines = {"input p50": "input_p50_tokens", "output p50": "output_p50_tokens"}
    found = [Series(name, xs, tuple(row.get(column) for row in timed), "tokens") for name, column in lines.items()]
    return tuple(found) if len(xs) > 1 else ()


def findings(whole: Row) -> tuple[Finding, ...]:
    """What the other flags have more to say about."""
    found = []
    if whole["cut"]:
        grave = whole["cut"] >= MANY_CUT * whole["told"]
        text = f"answers ended by their length: {share_text(whole['cut'], whole['told'])}; --truncation says where"
        found.append(Finding("truncation", "warning" if grave else "info", text))
    if whole["cached_ratio"]:
        text = (
            f"{100 * whole['cached_ratio']:.1f} % of {whole['cache_read_of']:,} input tokens were read from the "
            "provider's cache; --caching says what it saved"
        )
        found.append(Finding("caching", "info", text))
    return tuple(found)


def notes(
    whole: Row, seen: Mapping[str | None, Row], include: Collection[str], groups: Sequence[Dimension]
) -> list[str]:
    """The small print of this answer."""
    found = [f"{many(whole['embeddings'])} for embeddings counted: they use tokens too"] * bool(whole["embeddings"])
    counted = seen.get(None)
    if counted:
        for side in ("input", "output"):
            lacking = counted["with_usage"] - counted[f"with_{side}"]
            if lacking:
                found.append(f"no {side} tokens are reported by {many(lacking)}: in no figure of {side}")
    if whole["cache_read_of"] and whole["input_tokens"] and whole["cache_read_of"] < whole["input_tokens"]:
        found.append("cached_ratio is of the input of the requests that report cached tokens")
    if whole.get("estimated_requests"):
        found.append(
            f"estimated_*: of {many(whole['estimated_requests'])} without usage, their characters times the median "
            f"tokens per character of the same model's own requests (n >= {FEWEST}); in no other figure"
        )
    if any(d.unnests for d in groups):
        found.append("a request with several tags stands under each: the rows add up to more than the total")
    return found
