"""Cost by feature with pandas, 100,000 lines at a time. By hand: …/cost_pandas_chunks.py LOG.jsonl."""

import json
import sys

import pandas as pd
from cost_pandas import PRICES, TOKENS

if __name__ == "__main__":
    keys = ["feature", "response_model"]
    chunks = pd.read_json(sys.argv[1], lines=True, dtype=False, chunksize=100_000)
    sums = pd.concat([chunk.groupby(keys)[TOKENS].sum() for chunk in chunks]).groupby(keys).sum().reset_index()
    prices = sums["response_model"].map(PRICES)
    sums["cost_usd"] = (
        (sums["input_tokens"] - sums["cache_read_tokens"]) * prices.str[0]
        + sums["cache_read_tokens"] * prices.str[1]
        + sums["output_tokens"] * prices.str[2]
    ) / 1e6
    print(json.dumps(sums.groupby("feature")["cost_usd"].sum().to_dict()))
