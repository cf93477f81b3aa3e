"""How each provider spells the parts of a `usage` object: the table that `_usage` reads."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import cast

from llmscope.sources import literal, quote

Shape = dict[str, "str | Shape | list[Shape]"]

# Part of a usage object -> where it may stand, the most telling spelling first.
SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "input": (
        "prompt_tokens", "input_tokens", "promptTokenCount", "prompt_token_count", "inputTokens", "inputTokenCount",
        "promptTokens", "total_input_tokens", "tokens.input_tokens", "billed_units.input_tokens",
    ),
    "output": (
        "completion_tokens", "output_tokens", "candidatesTokenCount", "candidates_token_count", "responseTokenCount",
        "response_token_count", "outputTokens", "outputTokenCount", "completionTokens", "total_output_tokens",
        "tokens.output_tokens", "billed_units.output_tokens",
    ),
    "total": ("total_tokens", "totalTokenCount", "total_token_count", "totalTokens"),
    "cache_read": (
        "prompt_tokens_details.cached_tokens", "input_tokens_details.cached_tokens",
        "prompt_token_details.cached_tokens", "input_token_details.cached_tokens", "input_token_details.cache_read",
        "prompt_token_details.cache_read", "cache_read_input_tokens", "cachedContentTokenCount",
        "cached_content_token_count", "cacheReadInputTokens", "cacheReadInputTokenCount", "cachedInputTokens",
        "cached_input_tokens", "cached_tokens", "num_cached_tokens", "prompt_cache_hit_tokens", "total_cached_tokens",
        "cache_read_tokens",
    ),
    "cache_write": (
        "prompt_tokens_details.cache_write_tokens", "input_tokens_details.cache_write_tokens",
        "prompt_tokens_details.cache_creation_tokens", "input_token_details.cache_creation",
        "prompt_token_details.cache_creation", "cache_creation_input_tokens", "cacheWriteInputTokens",
        "cacheWriteInputTokenCount", "cache_write_input_tokens", "cache_write_tokens",
    ),
    "ttl_5m": (
        "cache_creation.ephemeral_5m_input_tokens", "input_token_details.ephemeral_5m_input_tokens",
        "prompt_token_details.ephemeral_5m_input_tokens",
        "prompt_tokens_details.cache_creation_token_details.ephemeral_5m_input_tokens",
    ),
    "ttl_30m": (
        "input_tokens_details.cache_write_tokens_details.ttl_30m_tokens",
        "prompt_tokens_details.cache_write_tokens_details.ttl_30m_tokens",
        "prompt_tokens_details.cache_creation_token_details.ephemeral_30m_input_tokens",
    ),
    "ttl_1h": (
        "cache_creation.ephemeral_1h_input_tokens", "input_token_details.ephemeral_1h_input_tokens",
        "prompt_token_details.ephemeral_1h_input_tokens",
        "prompt_tokens_details.cache_creation_token_details.ephemeral_1h_input_tokens",
    ),
    "ttl_12h": (
        "input_tokens_details.cache_write_tokens_details.ttl_12h_tokens",
        "prompt_tokens_details.cache_write_tokens_details.ttl_12h_tokens",
        "prompt_tokens_details.cache_creation_token_details.ephemeral_12h_input_tokens",
    ),
    "reasoning": (
        "completion_tokens_details.reasoning_tokens", "output_tokens_details.reasoning_tokens",
        "output_tokens_details.thinking_tokens", "output_token_details.reasoning", "reasoning_tokens",
        "reasoningTokens", "reasoning_output_tokens",
    ),
    "thoughts": ("thoughtsTokenCount", "thoughts_token_count", "total_thought_tokens"),
    "tool_input": ("toolUsePromptTokenCount", "tool_use_prompt_token_count", "total_tool_use_tokens"),
    "audio_input": (
        "prompt_tokens_details.audio_tokens", "input_tokens_details.audio_tokens", "input_token_details.audio_tokens",
        "input_token_details.audio",
    ),
    "image_input": (
        "prompt_tokens_details.image_tokens", "input_tokens_details.image_tokens", "input_token_details.image_tokens",
        "billed_units.image_tokens",
    ),
    "audio_output": (
        "completion_tokens_details.audio_tokens", "output_tokens_details.audio_tokens",
        "output_token_details.audio_tokens", "output_token_details.audio",
    ),
    "image_output": (
        "completion_tokens_details.image_tokens", "output_tokens_details.image_tokens",
        "output_token_details.image_tokens",
    ),
    "searches": (
        "server_tool_use.web_search_requests", "server_tool_use_details.web_search_requests", "num_search_queries",
    ),
    "tier": ("service_tier", "serviceTier", "trafficType", "traffic_type"),
    "speed": ("speed",),
    "cost": ("cost", "pydantic_ai_gateway.cost_estimate"),
    "queue_s": ("queue_time",),
    "inference_s": ("total_time",),
}  # fmt: skip

COUNTS: tuple[str, ...] = tuple(list(SPELLINGS)[: list(SPELLINGS).index("tier")])

# What the keys promise of cache. Anthropic and Bedrock count it beside the input, unless a key of OpenAI's says inside.
NAMES = """CASE
  WHEN coalesce(U.prompt_tokens, U.promptTokenCount, U.prompt_token_count, U.promptTokens,
                U.total_input_tokens, U.prompt_tokens_details.cached_tokens, U.input_tokens_details.cached_tokens,
                U.input_token_details.cached_tokens, U.input_token_details.cache_read,
                U.cachedInputTokens, U.cached_input_tokens, U.tokens.input_tokens) IS NOT NULL THEN 'inclusive'
  WHEN coalesce(U.cache_creation_input_tokens, U.cache_read_input_tokens, U.cacheReadInputTokens,
                U.cacheWriteInputTokens, U.cacheReadInputTokenCount, U.cacheWriteInputTokenCount) IS NOT NULL
    OR U.iterations IS NOT NULL OR U.cache_creation IS NOT NULL THEN 'exclusive'
  WHEN coalesce(U.cache_read_tokens, U.cache_write_tokens) IS NOT NULL THEN 'unclear'
  ELSE 'inclusive' END"""

# Own key at OpenRouter: `cost` is its fee alone, the model is paid upstream. Perplexity makes an object of `cost`.
COST = """CASE
  WHEN U.is_byok = 'true' AND try_cast(U.cost_details.upstream_inference_cost AS DOUBLE) IS NOT NULL
    AND try_cast(U.cost AS DOUBLE) IS NOT NULL
  THEN CAST(CAST(U.cost AS DOUBLE) + CAST(U.cost_details.upstream_inference_cost AS DOUBLE) AS VARCHAR)
  WHEN starts_with(U.cost, '{') THEN json_extract_string(try_cast(U.cost AS JSON), '$.total_cost')
  ELSE coalesce(U.cost, U.pydantic_ai_gateway.cost_estimate) END"""

# Cohere bills the images of an embedding beside its text.
BILLED_IMAGES = "CASE WHEN U.tokens.input_tokens IS NULL THEN U.billed_units.image_tokens END"

# Lists of {modality, count}: the part they belong to is `<modality>_<side>`.
MODALITIES: Mapping[str, tuple[str, ...]] = {
    "input": ("promptTokensDetails", "promptTokenDetails", "toolUsePromptTokensDetails", "input_tokens_by_modality"),
    "output": ("candidatesTokensDetails", "responseTokensDetails", "output_tokens_by_modality"),
}  # fmt: skip
SNAKE_MODALITIES: Mapping[str, tuple[str, ...]] = {
    "input": ("prompt_tokens_details", "tool_use_prompt_tokens_details"),
    "output": ("candidates_tokens_details", "response_tokens_details"),
}
# As text, and as the number that Google's enum gives it. A document is counted, and billed, as pictures of its pages.
MODALITY_NAMES: Mapping[str, tuple[str, ...]] = {"audio": ("AUDIO", "4"), "image": ("IMAGE", "2", "DOCUMENT", "5")}

# Anthropic: what was billed at this model's price. Advisor calls are billed at another model's.
BILLED = "t.type IN ('message', 'compaction')"

_ITERATION: Shape = {
    "type": "VARCHAR",
    "input_tokens": "VARCHAR",
    "output_tokens": "VARCHAR",
    "cache_read_input_tokens": "VARCHAR",
    "cache_creation_input_tokens": "VARCHAR",
    "cache_creation": {"ephemeral_5m_input_tokens": "VARCHAR", "ephemeral_1h_input_tokens": "VARCHAR"},
}
ITERATION_PARTS: Mapping[str, str] = {
    "input": "input_tokens",
    "output": "output_tokens",
    "cache_read": "cache_read_input_tokens",
    "cache_write": "cache_creation_input_tokens",
    "ttl_5m": "cache_creation.ephemeral_5m_input_tokens",
    "ttl_1h": "cache_creation.ephemeral_1h_input_tokens",
}


def parsed(usage: str) -> dict[str, str]:
    """The object as structs: U, and G for Google's lists in snake case, whose names clash with OpenAI's objects."""
    google = f"from_json({usage}, {literal(_snake_shape())})"
    return {
        "U": f"from_json({usage}, {literal(_shape())})",
        "G": f"CASE WHEN contains({usage}, 'prompt_token_count') THEN {google} END",
    }


def parts_of_usage(cache: str, structs: Mapping[str, str]) -> dict[str, str]:
    """Each part as SQL of a text; `structs` says which columns U and G are."""
    parts = {part: _first(f"U.{place}" for place in places) for part, places in SPELLINGS.items()}
    for side in MODALITIES:
        for modality, words in MODALITY_NAMES.items():
            parts[f"{modality}_{side}"] = _first([parts[f"{modality}_{side}"], _modality(side, words)])
    for part, place in ITERATION_PARTS.items():
        parts[part] = _first([_sum(["U.iterations"], BILLED, f"t.{place}"), parts[part]])
    for part, ttl in {"ttl_5m": "5m", "ttl_1h": "1h"}.items():
        parts[part] = _first([parts[part], _sum(["U.cacheDetails"], f"t.ttl = {literal(ttl)}", "t.inputTokens")])
    parts["tool_input"] = _first([parts["tool_input"], BILLED_IMAGES])
    parts["cost"] = COST
    parts["names"] = literal(cache) if cache != "by_key" else NAMES
    parts["google"] = "CASE WHEN U.promptTokenCount IS NOT NULL OR U.prompt_token_count IS NOT NULL THEN 'true' END"
    return {part: _bound(sql, structs) for part, sql in parts.items()}


def _bound(sql: str, structs: Mapping[str, str]) -> str:
    """Writes U.a.b as DuckDB takes it where U is itself a name given in the same SELECT."""

    def extract(match: re.Match[str]) -> str:
        found = quote(structs[match[1]])
        for step in match[2].split(".")[1:]:
            found = f"struct_extract({found}, {literal(step)})"
        return found

    return re.sub(r"\b([UG])((?:\.\w+)+)", extract, sql)


def _first(places: Iterable[str]) -> str:
    return f"coalesce({', '.join(places)})"


def _sum(lists: list[str], where: str, value: str) -> str:
    """The sum, as text, over those items `t` of some lists that count; NULL when there are none."""
    sums = [f"list_sum([try_cast({value} AS BIGINT) FOR t IN {one} IF {where}])" for one in lists]
    total = sums[0] if len(sums) == 1 else f"list_sum([{', '.join(sums)}])"
    # The lists are rare, and a list comprehension costs as much over NULLs.
    return f"CASE WHEN {' OR '.join(f'{one} IS NOT NULL' for one in lists)} THEN CAST({total} AS VARCHAR) END"


def _modality(side: str, words: tuple[str, ...]) -> str:
    """A modality's tokens over all of Google's lists of one side, which do not overlap."""
    where = f"upper(t.modality) IN {words}"
    camel = _sum([f"U.{name}" for name in MODALITIES[side]], where, "coalesce(t.tokenCount, t.tokens)")
    snake = _sum([f"G.{name}" for name in SNAKE_MODALITIES[side]], where, "t.token_count")
    return f"CASE WHEN U.prompt_token_count IS NULL THEN {camel} ELSE {snake} END"


def _place(shape: Shape, path: str) -> None:
    """Adds one dotted path to a shape, making the objects on the way."""
    *parents, last = path.split(".")
    for parent in parents:
        shape = cast("Shape", shape.setdefault(parent, {}))
    shape[last] = "VARCHAR"


def _shape() -> str:
    """What from_json is to read out of a usage object."""
    found: Shape = {}
    for places in SPELLINGS.values():
        for path in places:
            _place(found, path)
    for lists in MODALITIES.values():
        for name in lists:
            found[name] = [{"modality": "VARCHAR", "tokenCount": "VARCHAR", "tokens": "VARCHAR"}]
    found["iterations"] = [_ITERATION]
    found["cacheDetails"] = [{"ttl": "VARCHAR", "inputTokens": "VARCHAR"}]
    found["is_byok"] = "VARCHAR"
    found["cost_details"] = {"upstream_inference_cost": "VARCHAR"}
    return json.dumps(found)


def _snake_shape() -> str:
    names = [name for lists in SNAKE_MODALITIES.values() for name in lists]
    return json.dumps({name: [{"modality": "VARCHAR", "token_count": "VARCHAR"}] for name in names})
