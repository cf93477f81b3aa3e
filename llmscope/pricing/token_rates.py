"""Columns of `priced` that stand in it only when asked for: what one token of a kind costs at the request's date."""

from __future__ import annotations

from collections.abc import Collection

# Net, in USD; each is the sum of the rates of its line, as rates.py has them. NULL where the model, or reading from
# its cache, has no price; a write without a price of its own is billed as what it is part of.
RATES = {
    "input_rate_usd": ("input",),
    "cache_read_rate_usd": ("input", "cache_read"),
    "cache_write_rate_usd": ("input", "cache_write"),
    "cache_write_30m_rate_usd": ("input", "cache_write", "cache_write_30m"),
    "cache_write_1h_rate_usd": ("input", "cache_write", "cache_write_1h"),
    "cache_write_12h_rate_usd": ("input", "cache_write", "cache_write_12h"),
}
RATED = frozenset(bucket for buckets in RATES.values() for bucket in buckets)


def token_rates(terms: Collection[str], lacks: Collection[str], cache_hits: bool, kind: str) -> str:
    """The columns of RATES; what the gateway's own cache answered costs nothing a token.

    Args:
        terms: kinds of tokens that the rate table has a column for.
        lacks: kinds that some model of the rate table has no price for.
        kind: the SQL type of a rate.
    """
    found = []
    for column, buckets in RATES.items():
        total = " + ".join(f"p.net_{bucket}" for bucket in buckets if bucket in terms)
        cases = [f"when r.cache_hit then cast(0 as {kind})"] if cache_hits else []
        cases += [f"when p.lacks_{bucket} then null" for bucket in buckets[1:] if bucket in lacks]
        text = f"case {' '.join(cases)} else {total} end" if cases else total
        found.append(f",\n  {text} as {column}")
    return "".join(found)
