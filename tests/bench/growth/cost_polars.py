"""Cost by feature with Polars, streaming. By hand: …/cost_polars.py LOG.jsonl, or a folder of a lake's Parquet."""

import json
import sys
from pathlib import Path

import polars as pl

PRICES = pl.LazyFrame(
    {  # USD per 1,000,000 tokens
        "response_model": ["gpt-4o-2024-08-06", "claude-3-5-haiku-20241022", "gemini-2.0-flash"],
        "input_usd": [2.50, 0.80, 0.10],
        "cache_read_usd": [1.25, 0.08, 0.025],
        "output_usd": [10.00, 4.00, 0.40],
    }
)
NEEDED = {"feature": pl.String, "response_model": pl.String, "input_tokens": pl.Int64,
          "cache_read_tokens": pl.Int64, "output_tokens": pl.Int64}  # fmt: skip


def scan(path: Path) -> pl.LazyFrame:
    """The log's five columns that cost needs; only these are parsed."""
    if path.is_dir():
        return pl.scan_parquet(path / "**/*.parquet", hive_partitioning=True).select(*NEEDED)
    return pl.scan_ndjson(path, schema=NEEDED)


if __name__ == "__main__":
    uncached = pl.col("input_tokens") - pl.col("cache_read_tokens")
    cost = uncached * pl.col("input_usd") + pl.col("cache_read_tokens") * pl.col("cache_read_usd")
    answer = (
        scan(Path(sys.argv[1]))
        .group_by("feature", "response_model")
        .agg(pl.col("input_tokens", "cache_read_tokens", "output_tokens").sum())
        .join(PRICES, on="response_model", how="left")
        .group_by("feature")
        .agg(((cost + pl.col("output_tokens") * pl.col("output_usd")) / 1e6).sum().alias("cost_usd"))
        .collect(engine="streaming")
    )
    print(json.dumps(dict(answer.iter_rows())))
