"""What LiteLLM's two logs share: its call types, whom spend is attributed to, what its zeros mean."""

from __future__ import annotations

import json
from collections.abc import Mapping

from llmscope.sources import Field, literal, quote
from llmscope.sources._errors import error_class_sql, lookup, status_sql
from llmscope.sources._reasons import NOTHING, PROVIDERS, provider_sql
from llmscope.sources._usage import token_fields
from llmscope.sources._usage_keys import Shape

# Operation -> call types, without the `a` that an asynchronous call begins with.
OPERATIONS: Mapping[str, tuple[str, ...]] = {
    "chat": ("completion", "responses", "anthropic_messages", "responses_websocket"),
    "text_completion": ("text_completion",),
    "generate_content": ("generate_content", "generate_content_stream"),
    "embeddings": ("embedding",),
    "rerank": ("rerank",),
    "image": ("image_generation", "image_edit", "image_variation"),
    "audio": ("transcription", "speech"),
}
# What the gateway also logs and no model answers: tools, files, stores, threads, containers, the upkeep of batches.
NOT_CALLS = (
    "call_mcp_tool", "list_mcp_tools", "search", "run_code", "code_interpreter_tool", "create_batch", "cancel_batch",
    "get_assistants", "create_assistants", "delete_assistant", "create_thread", "get_thread", "add_message",
    "get_messages", "file_retrieve", "file_delete", "file_list", "create_file", "file_content", "get_responses",
    "delete_responses", "cancel_responses", "list_input_items", "video_list", "video_retrieve", "video_content",
    "video_delete", "ingest", "query",
)  # fmt: skip
NOT_CALL_WORDS = ("vector_store", "container", "sandbox", "fine_tuning_job", "_skill")

# Keys of a caller's metadata, and words before the colon of a tag, that name a feature.
FEATURE_KEYS = ("feature", "use_case", "usecase", "app", "application", "workflow", "task", "component", "taskName")
# Whom the virtual key belongs to, kept under LiteLLM's own names.
OWNERS = (
    "user_api_key_alias", "user_api_key_team_alias", "user_api_key_team_id", "user_api_key_org_id",
    "user_api_key_project_id", "user_api_key_project_alias", "user_api_key_user_id",
)  # fmt: skip
CALLERS = ("requester_metadata", "spend_logs_metadata")
_TIMES_TO_LIVE: Shape = {f"ephemeral_{ttl}_input_tokens": "VARCHAR" for ttl in ("5m", "30m", "1h", "12h")}
_MODALITIES: Shape = {"audio_tokens": "VARCHAR", "image_tokens": "VARCHAR"}
# Every provider's usage in OpenAI's words, with Anthropic's beside them; a pass-through may leave it as it came.
USAGE: Shape = {
    **dict.fromkeys(("prompt_tokens", "completion_tokens", "total_tokens", "input_tokens", "output_tokens"), "VARCHAR"),
    **dict.fromkeys(("cache_read_input_tokens", "cache_creation_input_tokens", "service_tier", "speed"), "VARCHAR"),
    "prompt_tokens_details": {
        **dict.fromkeys(("cached_tokens", "cache_write_tokens", "cache_creation_tokens"), "VARCHAR"),
        "web_search_requests": "VARCHAR", "cache_creation_token_details": _TIMES_TO_LIVE, **_MODALITIES,
    },
    "completion_tokens_details": {"reasoning_tokens": "VARCHAR", **_MODALITIES},
    "server_tool_use": {"web_search_requests": "VARCHAR"},
}  # fmt: skip
_IN, _OUT = "prompt_tokens_details", "completion_tokens_details"
# Part of a usage -> where it stands, the surest place first.
PARTS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "input": (("prompt_tokens",), ("input_tokens",)),
    "output": (("completion_tokens",), ("output_tokens",)),
    "cache_read": ((_IN, "cached_tokens"), ("cache_read_input_tokens",)),
    "cache_write": ((_IN, "cache_write_tokens"), (_IN, "cache_creation_tokens"), ("cache_creation_input_tokens",)),
    **{
        f"ttl_{ttl}": ((_IN, "cache_creation_token_details", f"ephemeral_{ttl}_input_tokens"),)
        for ttl in ("5m", "30m", "1h", "12h")
    },
    "reasoning": ((_OUT, "reasoning_tokens"),),
    **{f"{kind}_input": ((_IN, f"{kind}_tokens"),) for kind in ("audio", "image")},
    **{f"{kind}_output": ((_OUT, f"{kind}_tokens"),) for kind in ("audio", "image")},
    "searches": (("server_tool_use", "web_search_requests"), (_IN, "web_search_requests")),
    "tier": (("service_tier",),),
    "speed": (("speed",),),
}
# The same counts at the top of a row. The total proves nothing: it is LiteLLM's own sum of the two.
TOP = {"input": "prompt_tokens", "output": "completion_tokens"}
METADATA: Shape = {
    **dict.fromkeys(OWNERS, "VARCHAR"),
    **dict.fromkeys(CALLERS, "JSON"),
    "user_api_key_end_user_id": "VARCHAR",
    "usage_object": USAGE,
    "prompt_management_metadata": {"prompt_id": "VARCHAR"},
    # What only a row of SpendLogs has there.
    "status": "VARCHAR",
    "additional_usage_values": USAGE,
    "error_information": {"error_code": "VARCHAR", "error_class": "VARCHAR", "error_message": "VARCHAR"},
    "attempted_retries": "VARCHAR",
    "attempted_fallbacks": "VARCHAR",
}
STATE_KEYS = ("status", "metadata", "error_information", "error_str")


def struct(column: str, shape: Shape | list[Shape]) -> str:
    """A JSON column as a struct: parsed once for all that is wanted of it, and what has another shape is NULL."""
    return f"from_json({column}, {literal(json.dumps(shape))})"


def struct_type(shape: Shape | list[Shape] | str) -> str:
    """The same as a type that the reader of JSON lines fills by itself."""
    if isinstance(shape, str):
        return shape
    if isinstance(shape, list):
        return f"{struct_type(shape[0])}[]"
    return f"STRUCT({', '.join(f'{quote(name)} {struct_type(inner)}' for name, inner in shape.items())})"


def raw_part(name: str, *path: str) -> str:
    """A place in a prepared struct."""
    found = quote(name)
    for step in path:
        found = f"struct_extract({found}, {literal(step)})"
    return found


def part(name: str, *path: str) -> str:
    """A text in a prepared struct; an empty one is none."""
    return f"nullif({raw_part(name, *path)}, '')"


def meta(*path: str) -> str:
    """A text in the prepared metadata."""
    return part("_m", *path)


def opened(column: str) -> str:
    """A JSON column that may be a string holding JSON, as an export of the database writes it."""
    inside = f"try_cast(json_extract_string({column}, '$') AS JSON)"
    return f"CASE WHEN starts_with(CAST({column} AS VARCHAR), '\"') THEN {inside} ELSE {column} END"


def metadata_prepare() -> dict[str, str]:
    """Of the prepared `_m`: `_own`, the caller's part of it, and `_f`, the texts of its keys that name a feature."""
    first, second = (raw_part("_m", name) for name in CALLERS)
    keys = ", ".join(literal(f"$.{key}") for key in FEATURE_KEYS)
    objects = {f"_own{i}": f"CASE WHEN starts_with(CAST({sql} AS VARCHAR), '{{') THEN {sql} END"
               for i, sql in enumerate((first, second))}  # fmt: skip
    one, two = (quote(name) for name in objects)
    both = f"CASE WHEN {one} IS NOT NULL AND {two} IS NOT NULL THEN json_merge_patch({one}, {two})"
    return {
        **objects,
        "_own": f"{both} ELSE coalesce({one}, {two}) END",
        "_f": f"json_extract_string({quote('_own')}, [{keys}])",
    }


def attribution(tags: str, asker: str) -> dict[str, Field]:
    """Feature, user, tags and metadata, from what metadata_prepare gives and the prepared `_user`.

    A feature is one that the caller named, in metadata or as a tag `feature:NAME`. Where none is named it is the team
    of the virtual key, else the key: LiteLLM itself keeps budgets and reports spend by these.
    """
    named = ", ".join(f"nullif({quote('_f')}[{i}], '')" for i in range(1, len(FEATURE_KEYS) + 1))
    text, words = f"CAST({tags} AS VARCHAR)", "|".join(FEATURE_KEYS)
    tagged = f"nullif(regexp_extract({text}, '\"(?:{words})[:=] ?([^\"\\\\]+)\"', 1), '')"
    tagged = f"CASE WHEN contains({text}, ':') OR contains({text}, '=') THEN {tagged} END"
    owner = f"{meta('user_api_key_team_alias')}, {meta('user_api_key_alias')}"
    user = f"nullif({asker}, ''), {meta('user_api_key_end_user_id')}, {quote('_user')}, {meta('user_api_key_user_id')}"
    own = ", ".join(f"{literal(name)}, {meta(name)}" for name in OWNERS)
    kept = f"json_merge_patch(coalesce({quote('_own')}, '{{}}'), json_object({own}))"
    return {
        "feature": Field(f"coalesce({named}, {tagged}, {owner})", keys=("metadata", "request_tags")),
        "user_id": Field(f"coalesce({user})", keys=("end_user", "metadata", "model_parameters", "user")),
        "template": Field(meta("prompt_management_metadata", "prompt_id"), keys=("metadata",)),
        "tags": Field(f"CASE WHEN starts_with({text}, '[\"') THEN {text} END", keys=("request_tags",)),
        "metadata": Field(f"nullif(CAST({kept} AS VARCHAR), '{{}}')", keys=("metadata",)),
    }


def kind_sql(call_type: str) -> str:
    """The call type without the `a` of an asynchronous call."""
    known = {name for names in OPERATIONS.values() for name in names} | set(NOT_CALLS)
    listed = ", ".join(literal(f"a{name}") for name in sorted(known))
    return f"CASE WHEN {call_type} IN ({listed}) THEN substr({call_type}, 2) ELSE ltrim({call_type}, '_') END"


def operation_field(kind: str) -> Field:
    """Our name of a prepared call type."""
    arms = " ".join(
        f"WHEN {kind} IN ({', '.join(literal(n) for n in names)}) THEN {literal(ours)}"
        for ours, names in OPERATIONS.items()
    )
    return Field(f"CASE {arms} WHEN {kind} <> '' THEN 'other' END", keys=("call_type",))


def is_call(kind: str) -> str:
    """Whether a model was asked at all; where the call type is not known, one may have been."""
    words = "".join(f" OR contains({kind}, {literal(word)})" for word in NOT_CALL_WORDS)
    return f"coalesce(NOT ({kind} IN ({', '.join(literal(n) for n in NOT_CALLS)}){words}), true)"


def usage(failed: str) -> tuple[dict[str, str], dict[str, Field]]:
    """Tokens, of the prepared `_m`; and `_uncounted`.

    LiteLLM brings every provider to OpenAI's convention. It writes 0/0/0 where it counted nothing: of streams that
    report no usage, and of failures. Of an embedding it is a figure.
    """
    sums = (*TOP.values(), "total_tokens")
    zero = " AND ".join(f"coalesce(try_cast({quote(name)} AS DOUBLE), 0) = 0" for name in sums)
    taken = {}
    for name, places in PARTS.items():
        found = [raw_part(held, *place) for place in places for held in ("_counted", "_more")]
        found += [f"CASE WHEN NOT {quote('_uncounted')} THEN {quote(TOP[name])} END"] if name in TOP else []
        taken[name] = f"coalesce({', '.join(found)})"
    prepare, fields = token_fields({**taken, "names": "'inclusive'"}, raw_keys=("metadata", *TOP.values()))
    prepare["_uncounted"] = f"({zero}) AND ({failed} OR coalesce({quote('_kind')} <> 'embedding', true))"
    for name, key in (("_counted", "usage_object"), ("_more", "additional_usage_values")):
        prepare[name] = f"CASE WHEN NOT {quote('_uncounted')} THEN {raw_part('_m', key)} END"
    return prepare, {c: f for c, f in fields.items() if c not in ("queue_ms", "inference_ms", "cost_logged_usd")}


def outcome_prepare(code: str, kind: str, message: str) -> dict[str, str]:
    """`_http`, `_type` and `_message` of an error; what is no HTTP status is no code."""
    number = f"CASE WHEN length({code}) = 3 AND try_cast({code} AS USMALLINT) IS NOT NULL THEN {code} END"
    return {"_http": number, "_type": kind, "_message": message}


def outcome() -> dict[str, Field]:
    """Status and error, from what outcome_prepare gives and the prepared `_state`."""
    http, kind, message, state = quote("_http"), quote("_type"), quote("_message"), quote("_state")
    left = f"{http} = '499' OR {kind} IN ('CancelledError', 'ClientDisconnected')"
    judged = f"CASE WHEN {state} = 'success' THEN 'ok' WHEN {left} THEN 'cancelled' ELSE {status_sql(state)} END"
    return {
        "status": Field(judged, keys=STATE_KEYS),
        "http_status": Field(http, keys=STATE_KEYS),
        "error_type": Field(kind, keys=STATE_KEYS),
        "error_message": Field(message, keys=STATE_KEYS),
        "error_class": Field(error_class_sql(http, kind, message), keys=STATE_KEYS),
    }


def models(asked: str, answered: str) -> dict[str, Field]:
    """The alias asked for, the model of the deployment that answered, and whose it is."""
    keys = ("model", "model_group")
    named = f"lower(nullif({quote('custom_llm_provider')}, ''))"
    whose = f"coalesce({lookup(named, PROVIDERS)}, {named}, {provider_sql(NOTHING, answered)})"
    return {
        "request_model": Field(asked, keys=keys),
        "response_model": Field(answered, keys=keys),
        "provider": Field(whose, keys=("custom_llm_provider", "model")),
    }


def tries(retries: str, hops: str) -> dict[str, Field]:
    """What a row itself says of the tries before it: how often its own alias was tried, whether another one failed.

    Rows that say nothing have NULL, and so has the count after a change of alias, where LiteLLM begins anew: the tries
    of one request stand in several rows, often in several files, and are told by their trace, prompt and order.
    """
    before, others = (f"try_cast({sql} AS UINTEGER)" for sql in (retries, hops))
    keys = ("hidden_params", "metadata")
    return {
        "attempt": Field(f"CASE WHEN coalesce({others}, 0) = 0 THEN CAST({before} + 1 AS VARCHAR) END", keys=keys),
        "fallback": Field(f"CAST({others} > 0 AS VARCHAR)", keys=keys),
    }
