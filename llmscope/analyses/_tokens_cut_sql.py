"""SQL of `tokens --truncation`: answers cut off, by slice and by max_tokens; and how long they would have been.

An answer is cut off where its finish reason is length, or, where none is logged, where it is as long as max_tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import log
from typing import Any

from llmscope.stats.quantiles import DaySums

Row = dict[str, Any]
ANSWERED = "operation NOT IN ('embeddings', 'rerank', 'image', 'audio')"
AT_LIMIT = "coalesce(output_tokens >= max_tokens, false)"
CUT = f"({ANSWERED} AND (coalesce(finish_reason = 'length', false) OR (finish_reason IS NULL AND {AT_LIMIT})))"
TOLD = f"({ANSWERED} AND (finish_reason IS NOT NULL OR (output_tokens IS NOT NULL AND max_tokens IS NOT NULL)))"
# An answer that a filter or an error stopped might have gone on too: how long is not known of it either.
ENDED = f"(NOT {CUT} AND coalesce(finish_reason IN ('stop', 'tool_calls'), true))"
# A request is near its model's limit from this share of the window on.
NEAR = 0.9
# The share of answers cut off that a wanted limit leaves, and how many answers that takes.
LEFT, FEWEST = 0.01, 100
Z = 1.959963984540054
MOST_LIMITS, MOST_MODELS = 20, 200

# {windows}: each model's context window, a row a model as logged.
COUNTED = f"""
WITH windows AS (
    {{windows}}
), counted AS (
    SELECT asked.*, {TOLD} AS told, {CUT} AS cut, {ENDED} AS ended, {AT_LIMIT} AS at_limit,
        (input_tokens + coalesce(output_tokens, 0)) / windows.window_tokens::DOUBLE AS held
    FROM {{relation}} AS asked
    LEFT JOIN windows ON asked.model = windows.of_model AND asked.provider IS NOT DISTINCT FROM windows.of_provider
    WHERE {{counts}} AND {ANSWERED}
), sliced AS (
    SELECT {{dimensions}} told, cut, ended, at_limit, held, output_tokens AS length, max_tokens AS of_limit,
        output_tokens / nullif(max_tokens, 0)::DOUBLE AS used,
        finish_reason IS NULL AS unsaid, started_at AS asked_at, date_trunc('day', started_at) AS day_of
    FROM counted
)"""
SQL = f"""{COUNTED}
SELECT {{columns}}
    count(*) AS requests,
    count(*) FILTER (WHERE told) AS answers,
    count(*) FILTER (WHERE cut) AS truncated,
    count(*) FILTER (WHERE cut AND at_limit) AS at_limit,
    count(*) FILTER (WHERE told AND unsaid) AS unsaid,
    count(of_limit) AS limited,
    count(length) AS measured,
    quantile_cont(length, 0.5) AS output_p50_tokens,
    quantile_cont(length, 0.95) AS output_p95_tokens,
    quantile_cont(used, 0.5) AS used_p50_ratio,
    quantile_cont(used, 0.95) AS used_p95_ratio,
    quantile_cont(held, 0.95) AS context_p95_ratio,
    max(held) AS context_max_ratio,
    count(held) AS held_requests,
    count(*) FILTER (WHERE held >= {NEAR}) AS near_context
FROM sliced
WHERE {{others}}
GROUP BY ALL
"""
# How full the models' windows are.
CONTEXT_SQL = f"""{COUNTED}
SELECT {{columns}}
    count(held) AS requests,
    quantile_cont(held, 0.95) AS context_p95_ratio,
    max(held) AS context_max_ratio,
    count(*) FILTER (WHERE held >= {NEAR}) AS near_context
FROM sliced
WHERE held IS NOT NULL
GROUP BY ALL
"""
# What the shares and the limits wanted are worked out from, kept while the answer is made: answers by max_tokens and
# day, and by their length. A few rows, of which coarser slices are sums.
KEPT_DAYS, KEPT_LENGTHS = "kept_cut_days", "kept_cut_lengths"
EACH_DAY = f"""{COUNTED}
SELECT {{columns}} of_limit, day_of, count(*) AS n, count(*) FILTER (WHERE cut) AS hits, min(asked_at) AS first_at,
    max(asked_at) AS last_at
FROM sliced
WHERE told
GROUP BY ALL
"""
EACH_LENGTH = f"""{COUNTED}
SELECT {{columns}} length, count(*) AS n, count(*) FILTER (WHERE ended) AS ends
FROM sliced
WHERE told AND length > 0
GROUP BY ALL
"""
# Daily counts summed over days, of each slice (whole) and of each max_tokens in it, the commonest first.
DAYS_SQL = f"""
WITH daily AS (
    SELECT {{columns}} of_limit, day_of, sum(n) AS n, sum(hits) AS hits, min(first_at) AS first_at,
        max(last_at) AS last_at
    FROM {KEPT_DAYS}
    WHERE {{others}}
    GROUP BY ALL
), slice_daily AS (
    SELECT {{columns}} day_of, sum(n) AS n, sum(hits) AS hits, min(first_at) AS first_at, max(last_at) AS last_at
    FROM daily
    GROUP BY ALL
), together AS (
    SELECT {{columns}} true AS whole, cast(NULL AS BIGINT) AS of_limit, day_of, n, hits, first_at, last_at
    FROM slice_daily
    UNION ALL
    SELECT {{columns}} false AS whole, of_limit, day_of, n, hits, first_at, last_at FROM daily
), summed AS (
    SELECT {{columns}} whole, of_limit, count(*) AS days, sum(n)::BIGINT AS n, sum(hits)::BIGINT AS hits,
        sum(hits * hits)::BIGINT AS hits_squared, sum(hits * n)::BIGINT AS hits_by_count,
        sum(n * n)::BIGINT AS count_squared, min(first_at) AS first_at, max(last_at) AS last_at
    FROM together
    GROUP BY ALL
), ranked AS (
    SELECT *, row_number() OVER (PARTITION BY {{columns}} whole ORDER BY n DESC, of_limit) AS place
    FROM summed
)
SELECT * FROM ranked WHERE place <= {MOST_LIMITS}
"""
# How long answers would be without a limit: Kaplan and Meier's estimate (JASA 53, 1958) of the share longer than each
# length, answers cut off being censored at the length they reached. Its ends by Greenwood's variance on the scale of
# log(-log S), so that they stay between 0 and 1 (Brookmeyer and Crowley, Biometrics 38, 1982).
LENGTHS_SQL = f"""
WITH lengths AS (
    SELECT {{columns}} length, sum(n) AS n, sum(ends) AS ends
    FROM {KEPT_LENGTHS}
    WHERE {{others}}
    GROUP BY ALL
), risk AS (
    SELECT *, sum(n) OVER (PARTITION BY {{columns}} true ORDER BY length DESC) AS at_risk FROM lengths
), survival AS (
    SELECT *,
        sum(CASE WHEN ends < at_risk THEN ln(1 - ends / at_risk::DOUBLE) ELSE -1000 END)
            OVER (PARTITION BY {{columns}} true ORDER BY length) AS log_left,
        sum(CASE WHEN ends < at_risk THEN ends / (at_risk::DOUBLE * (at_risk - ends)) END)
            OVER (PARTITION BY {{columns}} true ORDER BY length) AS variance
    FROM risk
), ends AS (
    SELECT *, CASE WHEN log_left < 0 THEN exp({Z} * sqrt(coalesce(variance, 0)) / -log_left) ELSE 1 END AS spread
    FROM survival
)
SELECT {{columns}}
    sum(n)::BIGINT AS lengths,
    max(length) AS longest,
    min(length) FILTER (WHERE log_left <= {log(LEFT)!r}) AS wanted_max_tokens,
    min(length) FILTER (WHERE log_left * spread <= {log(LEFT)!r}) AS wanted_max_low_tokens,
    min(length) FILTER (WHERE log_left / spread <= {log(LEFT)!r} AND log_left > -1000) AS wanted_max_high_tokens
FROM ends
GROUP BY ALL
"""
# The models there are: the commonest, for their windows.
MODELS_SQL = f"""
SELECT provider, model, count(*) AS requests
FROM requests
WHERE {{counts}} AND {ANSWERED}
GROUP BY ALL
ORDER BY requests DESC, provider, model
LIMIT {MOST_MODELS}
"""
NO_WINDOWS = (
    "SELECT cast(NULL AS VARCHAR) AS of_provider, cast(NULL AS VARCHAR) AS of_model, "
    "cast(NULL AS BIGINT) AS window_tokens WHERE false"
)
SUMS = ("days", "n", "hits", "hits_squared", "hits_by_count", "count_squared")


def windows_sql(windows: Mapping[tuple[str | None, str], int | None]) -> tuple[str, dict[str, Any]]:
    """The relation of context windows, each value bound."""
    known = [(*pair, tokens) for pair, tokens in windows.items() if tokens]
    values: dict[str, Any] = {}
    rows = []
    for i, (provider, model, tokens) in enumerate(known):
        values |= {f"of_provider_{i}": provider, f"of_model_{i}": model, f"window_{i}": tokens}
        rows.append(
            f"SELECT cast($of_provider_{i} AS VARCHAR) AS of_provider, cast($of_model_{i} AS VARCHAR) AS of_model, "
            f"cast($window_{i} AS BIGINT) AS window_tokens"
        )
    return (" UNION ALL ".join(rows) or NO_WINDOWS), values


def sums_of(row: Row) -> DaySums:
    """A row's daily counts, for the error of its share."""
    return DaySums(*(int(row[name]) for name in SUMS))
