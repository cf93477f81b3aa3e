# Cost by feature with jq, one record at a time: jq -n -c -f cost.jq LOG.jsonl. USD per 1,000,000 tokens.
def prices: {
  "gpt-4o-2024-08-06": [2.50, 1.25, 10.00],
  "claude-3-5-haiku-20241022": [0.80, 0.08, 4.00],
  "gemini-2.0-flash": [0.10, 0.025, 0.40]
};
prices as $prices
| reduce inputs as $r ({};
    $prices[$r.response_model] as $p
    | .[$r.feature] += (($r.input_tokens - $r.cache_read_tokens) * $p[0]
        + $r.cache_read_tokens * $p[1] + $r.output_tokens * $p[2]))
| map_values(. / 1e6)
