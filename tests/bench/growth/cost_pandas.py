"""Cost by feature with pandas. By hand: python tests/bench/growth/cost_pandas.py LOG.jsonl."""

import json
import sys

import pandas as pd

PRICES = {  # USD per 1,000,000 tokens: input, cache read, output
    "gpt-4o-2024-08-06": (2.50, 1.25, 10.00),
    "claude-3-5-haiku-20241022": (0.80, 0.08, 4.00),
    "gemini-2.0-flash": (0.10, 0.025, 0.40),
}
TOKENS = ["input_tokens", "cache_read_tokens", "output_tokens"]

if __name__ == "__main__":
    log = pd.read_json(sys.argv[1], lines=True, dtype=False)
    sums = log.groupby(["feature", "response_model"], as_index=False)[TOKENS].sum()
    prices = sums["response_model"].map(PRICES)
    sums["cost_usd"] = (
        (sums["input_tokens"] - sums["cache_read_tokens"]) * prices.str[0]
        + sums["cache_read_tokens"] * prices.str[1]
        + sums["output_tokens"] * prices.str[2]
    ) / 1e6
    print(json.dumps(sums.groupby("feature")["cost_usd"].sum().to_dict()))
