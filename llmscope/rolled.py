"""Daily rollups: what a day of requests comes to by its common dimensions, and how long they took in bins of 2 %.

A row of `rollups` is a day, and a combination of DIMENSIONS in it; users and sessions are in none, for there are too
many of them a day. A row of `rollup_bins` counts the requests of one bin of latency. A value differs from the middle
of its bin (in the logarithm) by less than 1 %, and so does a quantile interpolated between two such middles.
"""

from __future__ import annotations

from math import exp, log

SUMS, BINS = "rollups", "rollup_bins"
DIMENSIONS: dict[str, str] = {
    **dict.fromkeys(
        ("feature", "model", "provider", "template", "service", "environment", "release", "region", "operation",
         "status", "error_class", "service_tier", "timing_quality", "price_status", "price_id"),
        "VARCHAR",
    ),
    "cache_hit": "BOOLEAN",
}  # fmt: skip
BIN_DIMENSIONS = (
    "feature", "model", "provider", "environment", "operation", "status", "cache_hit", "timing_quality",
)  # fmt: skip
BUCKETS = ("day", "week", "month")
TOKENS = "(coalesce(input_tokens, 0) + coalesce(output_tokens, 0))"
# A logged 0 for a request that used tokens may mean free, local or price unknown: it says nothing.
LOGGED = f"CASE WHEN cost_logged_usd > 0 OR {TOKENS} = 0 THEN cost_logged_usd END"
SOURCES = {
    "auto": f"coalesce(cost_usd, ({LOGGED})::DECIMAL(18, 12))",
    "computed": "cost_usd",
    "logged": "cost_logged_usd::DECIMAL(18, 12)",
}
# Requests that ought to have a cost and have none.
UNPRICED = {
    "auto": "chosen_usd IS NULL AND price_status <> 'no_usage'",
    "computed": "cost_usd IS NULL AND price_status <> 'no_usage'",
    "logged": "cost_logged_usd IS NULL AND price_status <> 'no_usage'",
}
KINDS = (
    "input", "output", "cache_read", "cache_write", "cache_write_5m", "cache_write_30m", "cache_write_1h",
    "cache_write_12h", "reasoning", "audio_input", "image_input", "audio_output", "image_output",
)  # fmt: skip
MONEY = "DECIMAL(38, 15)"
# By the prefix of its columns: the figure, and the budget by default that is counted with it.
TIMES = {"latency": ("latency_ms", 5000), "ttft": ("ttft_ms", 500)}
METRICS = {"total": "latency", "ttft": "ttft"}
# The bin of 1 ms is ONE_MS, that of 0 is 0; below 0 they count down.
WIDTH, ONE_MS, MOST_MS = 1.02, 100_000, "1e300"
DIGEST = "price_digest"


def measures() -> dict[str, tuple[str, str]]:
    """Each figure of `rollups`: its SQL over `priced`, and its type."""
    found = {"requests": ("count(*)", "BIGINT")}
    found |= {f"{kind}_tokens": (f"sum({kind}_tokens)", "BIGINT") for kind in KINDS}
    found |= {"web_searches": ("sum(web_searches)", "BIGINT"), "tokens": (f"sum({TOKENS})", "BIGINT")}
    lacking = f"count(*) FILTER (WHERE cost_usd IS NULL AND ({LOGGED}) IS NOT NULL)"
    zero = f"count(*) FILTER (WHERE cost_usd IS NULL AND cost_logged_usd = 0 AND {TOKENS} > 0)"
    found |= {"only_logged": (lacking, "BIGINT"), "logged_zero": (zero, "BIGINT")}
    for name, chosen in SOURCES.items():
        unpriced = UNPRICED[name].replace("chosen_usd", f"({chosen})")
        found |= {
            f"{name}_usd": (f"sum({chosen})", MONEY),
            f"{name}_requests": (f"count({chosen})", "BIGINT"),
            f"{name}_token_usd": (f"sum({chosen}) FILTER (WHERE {TOKENS} > 0)", MONEY),
            f"{name}_tokens": (f"sum({TOKENS}) FILTER (WHERE ({chosen}) IS NOT NULL)", "BIGINT"),
            f"{name}_unpriced": (f"count(*) FILTER (WHERE {unpriced})", "BIGINT"),
        }
    for name, (column, limit) in TIMES.items():
        found |= {
            f"{name}_requests": (f"count({column})", "BIGINT"),
            f"{name}_negative": (f"count(*) FILTER (WHERE {column} < 0)", "BIGINT"),
            f"{name}_within_{limit}_ms": (f"count(*) FILTER (WHERE {column} <= {limit})", "BIGINT"),
            f"{name}_sum_ms": (f"sum({column})", "DOUBLE"),
            f"{name}_squares": (f"var_pop({column}) * count({column})", "DOUBLE"),
            f"{name}_max_ms": (f"max({column})", "DOUBLE"),
        }
    return found


MEASURES = measures()
SUM_TYPES = {
    "started_at": "TIMESTAMP", **DIMENSIONS, **{n: kind for n, (_, kind) in MEASURES.items()}, DIGEST: "VARCHAR",
}  # fmt: skip
BIN_TYPES = {
    "started_at": "TIMESTAMP", **{n: DIMENSIONS[n] for n in BIN_DIMENSIONS}, "metric": "VARCHAR", "bin": "BIGINT",
    "requests": "BIGINT",
}  # fmt: skip
ROLLED = {SUMS: SUM_TYPES, BINS: BIN_TYPES}
DAY = "date_trunc('day', started_at)::TIMESTAMP AS started_at"


def sums_sql() -> str:
    """The rows of `rollups`, but for the digest of their prices, from relation `priced`."""
    figures = ", ".join(f"({sql})::{kind} AS {name}" for name, (sql, kind) in MEASURES.items())
    return f"SELECT {DAY}, {', '.join(DIMENSIONS)}, {figures} FROM priced GROUP BY ALL"


def bin_sql(column: str) -> str:
    """The bin of a time in ms."""
    size = f"floor(ln(least(abs({column}), {MOST_MS})) / ln({WIDTH}))::BIGINT + {ONE_MS}"
    return f"CASE WHEN {column} = 0 THEN 0 WHEN {column} > 0 THEN {size} ELSE -({size}) END"


def bins_sql(requests: str = "requests") -> str:
    """The rows of `rollup_bins`, from relation `requests`."""
    listed = ", ".join(BIN_DIMENSIONS)
    each = (
        f"SELECT {DAY}, {listed}, '{metric}' AS metric, {bin_sql(TIMES[name][0])} AS bin, count(*) AS requests"
        f" FROM {requests} WHERE {TIMES[name][0]} IS NOT NULL GROUP BY ALL"
        for metric, name in METRICS.items()
    )
    return " UNION ALL ".join(each)


def middle_ms(number: int) -> float:
    """The time that stands for a bin."""
    if number == 0:
        return 0.0
    size = exp((abs(number) - ONE_MS + 0.5) * log(WIDTH))
    return size if number > 0 else -size
