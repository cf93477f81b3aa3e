"""Accounts for every recorded usage body: run by hand as `account_usages.py usages.json.gz [calls.jsonl.gz]`.

Our reading of each body is held against every reading genai-prices' extractors made of it. An extractor of another
dialect may read less than there is, or another thing; each difference is given a reason, or counted as unexplained.
"""

from __future__ import annotations

import collections
import gzip
import json
import sys
from pathlib import Path
from typing import Any

from llmscope.sources._usage import normalise

Usage = dict[str, Any]

SAME = {
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "cache_read_tokens": "cache_read_tokens",
    "cache_write_tokens": "cache_write_tokens",
    "cache_write_5m_tokens": "cache_write_5m_tokens",
    "output_reasoning_tokens": "reasoning_tokens",
    "input_audio_tokens": "audio_input_tokens",
    "input_image_tokens": "image_input_tokens",
    "output_audio_tokens": "audio_output_tokens",
    "output_image_tokens": "image_output_tokens",
    "web_searches": "web_searches",
}


def body_usage(body: dict[str, Any]) -> Usage:
    return body.get("usage") or body.get("usageMetadata") or body.get("meta") or {}


def listed(usage: Usage, *path: str) -> int:
    """A count anywhere in a usage object, 0 when absent."""
    found: Any = usage
    for key in path:
        found = (found or {}).get(key)
    return found or 0


def dialect(usage: Usage) -> str:
    """The family a body's key names show."""
    if "promptTokenCount" in usage:
        return "gemini"
    if "inputTokens" in usage:
        return "bedrock converse"
    if "billed_units" in usage:
        return "cohere"
    if "prompt_tokens" in usage:
        return "openai chat" if "completion_tokens" in usage else "openai embeddings"
    if "cache_creation_input_tokens" in usage:
        return "anthropic" + (", iterations" if len(usage.get("iterations", [])) > 1 else "")
    return "openai responses" if "input_tokens" in usage else "other"


def reason(usage: Usage, flavours: set[str], key: str, ours: int, theirs: int) -> str | None:
    """Why an extractor's figure differs from ours; None when nothing known explains it."""
    thought = listed(usage, "completion_tokens_details", "reasoning_tokens")
    cached = listed(usage, "cache_creation_input_tokens") + listed(usage, "cache_read_input_tokens")
    if theirs == 0 and key not in ("input_tokens", "output_tokens"):
        return "the extractor does not read this key"
    if key == "output_tokens" and theirs == 0 and all("embeddings" in f for f in flavours):
        return "an embeddings extractor reads no output"
    if "iterations" in usage and len(usage["iterations"]) > 1:
        return "ours: compaction is billed and not in the top-level counts; genai leaves it out"
    if flavours == {"cohere/tokens"} and theirs == 0:
        return "the Cohere extractor knows only cached_tokens of an OpenAI body"
    if "billed_units" in usage and usage["billed_units"].get(key) == theirs:
        return "genai cohere/default reads what was billed, ours the tokens there were"
    if key == "input_tokens" and cached and theirs == usage.get("input_tokens") == ours - cached:
        return "a responses extractor on an Anthropic body: leaves the cache out"
    if key == "output_tokens" and thought and theirs == ours + thought and flavours <= {"x-ai/default", "x-ai/chat"}:
        return "the xAI extractor adds reasoning; the body's total says it is in the output"
    total = usage.get("total_tokens")
    if key == "output_tokens" and total and not thought and ours == total - usage["prompt_tokens"]:
        return "ours: Gemini's OpenAI endpoint shows reasoning only in the total; genai leaves it out"
    return None


def differences(usage: Usage, ours: Usage, extracted: list[dict[str, Any]]) -> collections.Counter[str]:
    """The reasons for all differences between our reading and each of genai's."""
    found: collections.Counter[str] = collections.Counter()
    for reading in extracted:
        flavours = {f"{e['provider_id']}/{e['api_flavor']}" for e in reading["extractors"]}
        for theirs_key, ours_key in SAME.items():
            theirs, mine = reading["usage"].get(theirs_key) or 0, ours.get(ours_key) or 0
            if theirs != mine:
                why = reason(usage, flavours, theirs_key, mine, theirs)
                found[why or f"UNEXPLAINED {theirs_key}: ours {mine}, genai {theirs} {sorted(flavours)[:2]}"] += 1
    return found


def broken_rules(row: Usage) -> list[str]:
    """The rules of schema.md that a reading breaks."""
    get = lambda key: row.get(key) or 0  # noqa: E731
    ttl = sum(get(f"cache_write_{t}_tokens") for t in ("5m", "30m", "1h", "12h"))
    rules = {
        "cache <= input": row.get("input_tokens") is None
        or get("cache_read_tokens") + get("cache_write_tokens") <= row["input_tokens"],
        "reasoning <= output": row.get("output_tokens") is None or get("reasoning_tokens") <= row["output_tokens"],
        "ttl <= cache_write": ttl <= get("cache_write_tokens"),
    }
    return [rule for rule, holds in rules.items() if not holds]


def kind_of(by_reading: list[collections.Counter[str]]) -> str:
    """How a body stands: all of some extractor's figures are ours, or ours say more, or other than all of genai's."""
    if not by_reading:
        return "no extraction"
    if not all(by_reading):
        return "equal"
    unread = "the extractor does not read this key"
    return "ours reads more keys" if any(set(found) == {unread} for found in by_reading) else "ours differs"


def account_bodies(path: Path) -> int:
    """Prints the account of genai-prices' recorded bodies; the number left unexplained."""
    with gzip.open(path) as file:
        bodies = json.load(file)
    usages = [body_usage(b["body"]) for b in bodies]
    shapes: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    reasons: collections.Counter[str] = collections.Counter()
    for body, usage, ours in zip(bodies, usages, normalise(usages), strict=True):
        found = differences(usage, ours, body["extracted"])
        kind = kind_of([differences(usage, ours, [reading]) for reading in body["extracted"]])
        shape = shapes[dialect(usage)]
        shape.update(["bodies", kind, ours["usage_semantics"], *broken_rules(ours)])
        reasons.update(found)
    print(f"{len(bodies)} bodies; equal = one of genai's extractors reads all we read, and the same")
    for name, counts in sorted(shapes.items()):
        print(f"  {name:24}", dict(counts))
    print("differences between our reading and each of genai's, by reason")
    for why, count in reasons.most_common():
        print(f"  {count:6}  {why}")
    return sum(count for why, count in reasons.items() if why.startswith("UNEXPLAINED"))


def account_calls(path: Path) -> None:
    """Prints how the recorded calls' usage objects were read, by host."""
    with gzip.open(path, "rt") as file:
        calls = [json.loads(line) for line in file]
    hosts: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for call, ours in zip(calls, normalise([c["usage"] for c in calls]), strict=True):
        kind = "no usage" if call["usage"] is None else ours["usage_semantics"]
        hosts[call["host"]].update([kind, *broken_rules(ours)])
        if call["usage"] and ours["usage_semantics"] in ("missing", "guessed"):
            print("  ", ours["usage_semantics"], call["host"], json.dumps(call["usage"])[:150], ours)
    print(f"{len(calls)} calls")
    for host, counts in sorted(hosts.items(), key=lambda pair: -pair[1].total()):
        print(f"  {host[:50]:50}", dict(counts))


if __name__ == "__main__":
    left = account_bodies(Path(sys.argv[1]))
    print("unexplained:", left)
    for more in sys.argv[2:]:
        account_calls(Path(more))
    sys.exit(bool(left))
