"""How many provider bodies we price exactly as genai-prices does, and every other one with both figures and why.

Run by hand:  python tests/bench/genai_parity.py ../shared/data/provider_usages [ISO time]

Each body is priced once for every provider whose reading of it genai-prices can price, from our own reading of its
usage (llmscope/sources/_usage.py), by the SQL of relation `priced`, and by genai-prices' calc_price of the same counts.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
from genai_prices import Usage, calc_price

from llmscope.pricing import PriceBook, rate_table
from llmscope.schema import REQUESTS
from llmscope.sources._usage import normalise

GENAI_COUNT = {
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "cache_read_tokens": "cache_read_tokens",
    "cache_write_tokens": "cache_write_tokens",
    "cache_write_5m_tokens": "cache_write_5m_tokens",
    "cache_write_1h_tokens": "cache_write_1h_tokens",
    "output_reasoning_tokens": "reasoning_tokens",
    "input_audio_tokens": "audio_input_tokens",
    "input_image_tokens": "image_input_tokens",
    "output_audio_tokens": "audio_output_tokens",
    "output_image_tokens": "image_output_tokens",
    "web_searches": "web_searches",
}
TOLERANCE = Decimal("1e-9")


def main() -> None:
    """Prints the counts, then the rest."""
    folder = Path(sys.argv[1])
    at = datetime.fromisoformat(sys.argv[2]) if len(sys.argv) > 2 else datetime(2026, 11, 21, 12)
    bodies = json.loads(gzip.decompress((folder / "usages.json.gz").read_bytes()))
    cases, reasons = _cases(bodies, at)
    costs = _ours(cases, at)
    outcome: Counter[str] = Counter()
    rest: list[str] = []
    for case, (cost, status, source) in zip(cases, costs, strict=True):
        verdict = _verdict(case, cost, source)
        outcome[verdict] += 1
        if verdict != "equal":
            rest.append(
                f"{case['provider']:22} {case['model']:42} ours {cost}  genai {case['expected']}  {status}: {verdict}"
            )
    print(f"{len(bodies)} bodies, {len({c['body'] for c in cases})} priced by genai-prices, {len(cases)} with provider")
    print("not priced by genai-prices:", dict(reasons))
    for verdict, count in outcome.most_common():
        print(f"{count:6}  {verdict}")
    for line, count in sorted(Counter(rest).items()):
        print(f"{count:5} x {line}")


def _cases(bodies: list[dict[str, Any]], at: datetime) -> tuple[list[dict[str, Any]], Counter[str]]:
    """One case for each body and provider that genai-prices can price it by."""
    found: list[dict[str, Any]] = []
    reasons: Counter[str] = Counter()
    tokens = normalise([body["body"].get("usage") or body["body"].get("usageMetadata") for body in bodies])
    for number, (body, counts) in enumerate(zip(bodies, tokens, strict=True)):
        model = body.get("model")
        if not model:
            reasons["names no model"] += 1
            continue
        usage = {key: counts[column] for key, column in GENAI_COUNT.items() if counts.get(column) is not None}
        providers = sorted({x["provider_id"] for reading in body["extracted"] for x in reading["extractors"]})
        priced = [c for p in providers if (c := _case(number, p, model, counts, usage, at))]
        if not priced:
            reasons["no provider lists the model"] += 1
        found += priced
    return found, reasons


def _case(
    number: int, provider: str, model: str, counts: dict[str, Any], usage: dict[str, int], at: datetime
) -> dict[str, Any] | None:
    try:
        price = calc_price(Usage(**usage), model, provider_id=provider, genai_request_timestamp=at.replace(tzinfo=UTC))
    except (LookupError, ValueError):
        return None
    return {
        "body": number, "provider": provider, "model": model, "counts": counts, "expected": price.total_price,
        "genai_key": f"{price.provider.id}/{price.model.id}",
    }  # fmt: skip


def _ours(cases: list[dict[str, Any]], at: datetime) -> list[tuple[Decimal | None, str, str]]:
    """(cost, status, source of the price) of each case, by the SQL of `priced`."""
    book = PriceBook.open(start=Path("/"))
    con = duckdb.connect()
    con.execute(f"create table requests ({', '.join(f'{c.name} {c.sql_type}' for c in REQUESTS)})")
    names = ["request_id", "provider", "model", "started_at", "status", *sorted(set(GENAI_COUNT.values()))]
    rows = [
        [str(i), case["provider"], case["model"], at, "ok", *(case["counts"].get(name) for name in names[5:])]
        for i, case in enumerate(cases)
    ]
    con.executemany(f"insert into requests ({', '.join(names)}) values ({', '.join('?' * len(names))})", rows)
    table = rate_table(book, [(case["provider"], case["model"], None, None) for case in cases])
    con.execute(table.create_sql)
    if table.insert_sql:
        con.execute(table.insert_sql, table.parameters)
    query = f"select cost_usd, price_status from ({table.priced_sql}) order by cast(request_id as bigint)"
    priced = con.execute(query).fetchall()
    assert len(priced) == len(cases)
    resolved = [book.resolve(case["provider"], case["model"]) for case in cases]
    return [
        (cost, status, (r.entry.price_at(at).source or r.entry.origin) if r.entry else r.reason)
        for (cost, status), r in zip(priced, resolved, strict=True)
    ]


def _verdict(case: dict[str, Any], cost: Decimal | None, source: str) -> str:
    if cost is None:
        return f"unpriced here ({source}); genai-prices takes the name for {case['genai_key']}"
    if abs(cost - case["expected"]) <= TOLERANCE:
        return "equal"
    if not source.startswith("genai-prices"):
        return f"priced from {source}"
    return f"DIFFERS; genai-prices used {case['genai_key']}"


if __name__ == "__main__":
    main()
