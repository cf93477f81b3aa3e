"""Langfuse's usageDetails: a map of buckets that do not overlap, on either side, and a total of them all.

`input` leaves out what was read from a cache or written to it, `output` leaves out reasoning. Older rows that came by
OpenTelemetry also have keys with a dot (`prompt_details.cache_read`), which are parts of input and output; a total that
fits one reading only decides, as for every provider.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from llmscope.sources import Field, literal, quote
from llmscope.sources._usage import token_fields

# Class of bucket -> the keys it is known by. Those of one class are added up.
BUCKETS: Mapping[str, tuple[str, ...]] = {
    "input": ("input", "input_tokens", "prompt_tokens", "prompt_token_count", "promptTokenCount", "input_text"),
    "audio_in": ("input_audio", "input_audio_tokens"),
    "image_in": ("input_image", "input_image_tokens"),
    "read": ("input_cached_tokens", "input_cache_read", "cache_read_input_tokens", "input_cached"),
    "written": ("input_cache_creation", "input_cache_write"),
    # Anthropic's own key counts all that was written, whatever it says of the times to live beside it.
    "all_written": ("cache_creation_input_tokens",),
    "written_5m": ("input_cache_creation_5m",),
    "written_30m": ("input_cache_creation_30m",),
    "written_1h": ("input_cache_creation_1h",),
    "written_12h": ("input_cache_creation_12h",),
    "output": (
        "output", "output_tokens", "completion_tokens", "candidates_token_count", "candidatesTokenCount",
        "output_text", "output_accepted_prediction_tokens", "output_rejected_prediction_tokens",
    ),
    "audio_out": ("output_audio", "output_audio_tokens"),
    "image_out": ("output_image", "output_image_tokens"),
    "thought": ("output_reasoning", "output_reasoning_tokens", "thoughts_token_count", "thoughtsTokenCount"),
    "total": ("total",),
    "searches": ("web_search_requests",),
    # Parts of input and output, not to be added.
    "part_read": ("prompt_details.cache_read", "cached_content_token_count"),
    "part_written": ("prompt_details.cache_write", "prompt_details.cache_creation"),
    "part_thought": ("completion_details.reasoning",),
    "part_audio_in": ("prompt_details.audio",),
    "part_audio_out": ("completion_details.audio",),
}  # fmt: skip
KNOWN: tuple[str, ...] = tuple(key for keys in BUCKETS.values() for key in keys)
# What else a key may be, told by its words; the first that fits. Keys with a dot are parts, other keys are no tokens.
WORDS: Mapping[str, str] = {
    "part": "contains(e.key, '.')",
    "written": "contains(e.key, 'cache') AND (contains(e.key, 'creation') OR contains(e.key, 'write'))",
    "read": "contains(e.key, 'cache')",
    "thought": "contains(e.key, 'reasoning') OR contains(e.key, 'thought')",
    "input": "starts_with(e.key, 'input') OR starts_with(e.key, 'prompt')",
    "output": "starts_with(e.key, 'output') OR starts_with(e.key, 'completion')",
}
# Units of an older Langfuse in which a usage may be counted instead of tokens.
OTHER_UNITS = "('CHARACTERS', 'MILLISECONDS', 'SECONDS', 'IMAGES', 'REQUESTS')"
COLUMNS = ("usageDetails", "usage", "inputUsage", "outputUsage", "totalUsage")


def langfuse_usage() -> tuple[dict[str, str], dict[str, Field]]:
    """The prepare and the token fields of an observation, from the columns named in COLUMNS."""
    prepare = {
        "_old": "json_extract_string(try_cast(\"usage\" AS JSON), ['$.input', '$.output', '$.total', '$.unit'])",
        "_u": f'CASE WHEN {quote("_old")}[4] IN {OTHER_UNITS} THEN NULL ELSE try_cast("usageDetails" AS JSON) END',
        "_k": f"json_extract_string({quote('_u')}, [{', '.join(_path(key) for key in KNOWN)}])",
        "_n": f"try_cast({quote('_k')} AS UINTEGER[])",
        "_more": f"CASE WHEN len(json_keys({quote('_u')})) > list_count({quote('_k')}) THEN {_more()} END",
    }
    prepare |= {f"_b_{name}": _sum(name) for name in BUCKETS}
    prepare |= {
        "_others": f"coalesce({_extra('other')}, 0) + coalesce({_b('searches')}, 0)",
        "_in": _added("input", "audio_in", "image_in"),
        "_out": _added("output", "audio_out", "image_out"),
        "_ttl": _zero("written_5m", "written_30m", "written_1h", "written_12h"),
        "_cw": f"CASE WHEN coalesce({_b('written')}, {_b('all_written')}, nullif({quote('_ttl')}, 0)) IS NOT NULL THEN"
        f" coalesce({_b('written')}, 0) + greatest(coalesce({_b('all_written')}, 0), {quote('_ttl')}) END",
        "_cached": f"coalesce({_b('read')}, 0) + coalesce({quote('_cw')}, 0)",
        "_sum": f"coalesce({quote('_in')}, 0) + {quote('_cached')} + coalesce({quote('_out')}, 0)",
        "_all": f"{quote('_sum')} + coalesce({_b('thought')}, 0)",
        # A total that also counts what are no tokens.
        "_total": f"CASE WHEN {_b('total')} = {quote('_all')} + {quote('_others')} THEN {quote('_all')}"
        f" ELSE {_b('total')} END",
        # Reasoning named beside the output, but a total that has room for one of them only.
        "_inside": f"coalesce({_b('thought')} > 0 AND {quote('_total')} <> {quote('_all')}"
        f" AND {quote('_total')} IN ({quote('_sum')}, {quote('_sum')} - {quote('_cached')}), false)",
        # All zero is how an unknown usage is kept: a call to a model has some input.
        "_none": f"{quote('_all')} + coalesce({quote('_total')}, 0) = 0",
    }
    thought, given = _b("thought"), f"coalesce({quote('_in')}, {quote('_out')}, {quote('_cw')}, {_b('read')})"
    parts = {
        "input": _counted(f"coalesce({quote('_in')}, CASE WHEN {given} IS NOT NULL THEN 0 END)", "input", "inputUsage"),
        "output": _counted(quote("_out"), "output", "outputUsage"),
        "total": _counted(quote("_total"), "total", "totalUsage"),
        "cache_read": _text(f"coalesce({_b('read')}, {_b('part_read')})"),
        "cache_write": _text(f"coalesce({quote('_cw')}, {_b('part_written')})"),
        "reasoning": _text(f"coalesce({_b('part_thought')}, CASE WHEN {quote('_inside')} THEN {thought} END)"),
        "thoughts": _text(f"CASE WHEN NOT {quote('_inside')} THEN {thought} END"),
        "ttl_5m": _text(_b("written_5m")),
        "ttl_30m": _text(_b("written_30m")),
        "ttl_1h": _text(_b("written_1h")),
        "ttl_12h": _text(_b("written_12h")),
        "audio_input": _text(f"coalesce({_b('audio_in')}, {_b('part_audio_in')})"),
        "image_input": _text(_b("image_in")),
        "audio_output": _text(f"coalesce({_b('audio_out')}, {_b('part_audio_out')})"),
        "image_output": _text(_b("image_out")),
        "searches": f"CAST({_b('searches')} AS VARCHAR)",
        "names": f"CASE WHEN {quote('_cached')} > 0 THEN 'exclusive' ELSE 'inclusive' END",
    }
    made, fields = token_fields(parts, name="_t", raw_keys=COLUMNS)
    wanted = {c: f for c, f in fields.items() if c not in ("service_tier", "cost_logged_usd", "queue_ms")}
    wanted.pop("inference_ms")
    return prepare | made, wanted


def _path(key: str) -> str:
    return literal(f'$."{key}"')


def _more() -> str:
    """The buckets we have no name for: their class, by the words in the key, and their count."""
    known = ", ".join(literal(key) for key in KNOWN)
    words = " ".join(f"WHEN {told} THEN {literal(name)}" for name, told in WORDS.items())
    one = f"struct_pack(c := CASE {words} ELSE 'other' END, n := try_cast(e.value AS UINTEGER))"
    entries = f"map_entries(try_cast({quote('_u')} AS MAP(VARCHAR, VARCHAR)))"
    return f"[{one} FOR e IN {entries} IF NOT list_contains([{known}], e.key)]"


def _extra(name: str) -> str:
    """What the nameless buckets of one class come to; NULL for most rows at once."""
    counts = f"[e.n FOR e IN {quote('_more')} IF e.c = {literal(name)}]"
    return f"CASE WHEN {quote('_more')} IS NOT NULL THEN CAST(list_sum({counts}) AS BIGINT) END"


def _sum(name: str) -> str:
    """All the counts of one class of bucket; NULL where there are none."""
    start = 1 + KNOWN.index(BUCKETS[name][0])
    items = [f"CAST({quote('_n')}[{start + i}] AS BIGINT)" for i in range(len(BUCKETS[name]))]
    if name in WORDS:
        items.append(_extra(name))
    return _plus(items)


def _plus(items: Sequence[str]) -> str:
    """The sum of what is there; NULL where nothing is."""
    if len(items) == 1:
        return items[0]
    summed = " + ".join(f"coalesce({item}, 0)" for item in items)
    return f"CASE WHEN coalesce({', '.join(items)}) IS NOT NULL THEN {summed} END"


def _b(name: str) -> str:
    return quote(f"_b_{name}")


def _added(*names: str) -> str:
    return _plus([_b(name) for name in names])


def _zero(*names: str) -> str:
    return " + ".join(f"coalesce({_b(name)}, 0)" for name in names)


def _text(sql: str) -> str:
    """A count as text, unless the whole usage is zeros."""
    return f"CASE WHEN NOT {quote('_none')} THEN CAST({sql} AS VARCHAR) END"


def _counted(sql: str, key: str, reduced: str) -> str:
    """A count as text; else what stands there that is no count; else the older columns, which know only the sums."""
    raw = f"{quote('_k')}[{1 + KNOWN.index(key)}]"
    old = f"{quote('_old')}[{('input', 'output', 'total').index(key) + 1}]"
    tokens = f"NOT coalesce({quote('_old')}[4] IN {OTHER_UNITS}, false)"
    older = f"CASE WHEN {tokens} THEN coalesce({quote(reduced)}, {old}) END"
    nothing = f"CASE WHEN {quote('_u')} IS NULL OR {quote('_all')} = 0 THEN nullif(nullif({older}, '0'), '0.0') END"
    return f"coalesce({_text(sql)}, CASE WHEN try_cast({raw} AS UINTEGER) IS NULL THEN {raw} END, {nothing})"
