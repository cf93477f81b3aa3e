"""OpenCode: a message a file, or many in one list; an assistant's message is a call.

Its `input` leaves out what is cached, whoever answered. Whether `output` holds the reasoning changed with its versions
and is told by the total where there is one; the older ones left it out for Google's models alone. A message that was
never finished counts zero tokens: they are not known. Its time includes the tools that it called.

There are thousands of files, each planned by itself, so the counts are put together here and not by `_usage`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmscope.sources import Field, Reading, Sample, quote, require
from llmscope.sources._agents import counted_sql, folder_name_sql, metadata_sql, number_sql
from llmscope.sources._reasons import error_class_sql, finish_reason_sql, provider_sql, refusal_sql

ABOUT = "OpenCode's messages (~/.local/share/opencode/storage/message)"
RANK = 210
NEEDS = ("sessionID",)

COLUMNS: Mapping[str, str] = {
    "id": "VARCHAR", "sessionID": "VARCHAR", "parentID": "VARCHAR", "role": "VARCHAR", "modelID": "VARCHAR",
    "providerID": "VARCHAR", "agent": "VARCHAR", "mode": "VARCHAR", "finish": "VARCHAR", "cost": "VARCHAR",
    "tokens": "JSON", "time": "JSON", "path": "JSON", "error": "JSON",
}  # fmt: skip
COUNTED: Mapping[str, str] = {
    "i": "input", "o": "output", "think": "reasoning", "r": "cache.read", "w": "cache.write", "total": "total",
}  # fmt: skip
PATHS = ", ".join(f"'$.{key}'" for key in COUNTED.values())
KEYS = ("tokens",)
TEXTS = {name: f'"_n"[{place}]' for place, name in enumerate(COUNTED, start=1)}
USED = 'coalesce("_i", 0) + coalesce("_o", 0) + coalesce("_think", 0) + coalesce("_r", 0) + coalesce("_w", 0) > 0'

PREPARE: Mapping[str, str] = {
    "_n": f'json_extract_string("tokens", [{PATHS}])',
    **{f"_{name}": number_sql(text) for name, text in TEXTS.items()},
    "_used": USED,
    "_cached": 'coalesce("_r", 0) + coalesce("_w", 0)',
    "_google": "starts_with(lower(\"providerID\"), 'google')",
    # Whether reasoning stands beside the output: where the total has room for it, else by who answered.
    "_beside": 'CASE WHEN "_total" > 0 THEN "_total" - "_i" - "_o" - "_cached" = "_think" ELSE "_google" END',
    "_said": 'CASE WHEN "_beside" THEN "_o" + "_think" ELSE "_o" END',
    "_t": "json_extract_string(\"time\", ['$.created', '$.completed'])",
    "_p": "json_extract_string(\"path\", ['$.root', '$.cwd'])",
    "_e": "json_extract_string(\"error\", ['$.name', '$.data.statusCode', '$.data.message', '$.message'])",
    "_message": 'coalesce("_e"[3], "_e"[4])',
    # models.dev's name of Google's own API.
    "_host": "CASE WHEN \"providerID\" = 'google' THEN 'gemini' ELSE \"providerID\" END",
}  # fmt: skip


def detect(sample: Sample) -> bool:
    """Most records are messages."""
    return 2 * sum(is_message(record) for record in sample.records) >= max(len(sample.records), 1)


def is_message(record: Mapping[str, Any]) -> bool:
    """An assistant's message, or a user's, which has no tokens."""
    if not isinstance(record.get("sessionID"), str):
        return False
    if record.get("role") == "user":
        return isinstance(record.get("time"), dict)
    return {"modelID", "providerID"} <= record.keys() and "tokens" in record


def readings(sample: Sample, mapping: Mapping[str, str]) -> tuple[Reading, ...]:
    """A request an assistant's message."""
    require(sample, "a message of OpenCode", "sessionID", "role|modelID")
    keep = "coalesce(\"role\", 'assistant') = 'assistant' AND \"modelID\" IS NOT NULL"
    mine, aside = '"sessionID" IS NOT NULL', "said by the user"
    return (Reading("requests", COLUMNS, counts() | own(), PREPARE, keep, mine=mine, aside=aside),)


def counts() -> dict[str, Field]:
    """The tokens; where all are zero, none is known."""
    sums = {
        "input_tokens": ("i", '"_i" + "_cached"'), "output_tokens": ("o", '"_said"'),
        "reasoning_tokens": ("think", '"_think"'), "cache_read_tokens": ("r", '"_r"'),
        "cache_write_tokens": ("w", '"_w"'),
    }  # fmt: skip
    fields = {
        column: Field(f'CASE WHEN "_used" OR "_{name}" IS NULL THEN {counted_sql(count, TEXTS[name])} END', None, KEYS)
        for column, (name, count) in sums.items()
    }
    semantics = "CASE WHEN \"_used\" THEN 'exclusive_fixed' ELSE 'missing' END"
    return fields | {"usage_semantics": Field(semantics, None, KEYS)}


def own() -> dict[str, Field]:
    """What is not tokens."""
    name, code, message = '"_e"[1]', '"_e"[2]', quote("_message")
    status = (
        f"CASE WHEN {name} = 'MessageAbortedError' THEN 'cancelled' WHEN json_type(\"error\") = 'OBJECT' THEN 'error'"
        " WHEN \"_t\"[2] IS NOT NULL THEN 'ok' END"
    )
    project = f"coalesce({', '.join(folder_name_sql(f'_p[{place}]') for place in (1, 2))})"
    # An "APIError" may be anything: its status says which.
    kind = f"nullif({name}, 'APIError')"
    failed = f"CASE WHEN {name} <> 'MessageAbortedError' THEN {error_class_sql(code, kind, message)} END"
    fields = {
        "request_id": Field('"id"', keys=("id",)),
        "session_id": Field('"sessionID"', keys=("sessionID",)),
        "trace_id": Field('"parentID"', keys=("parentID",)),
        "response_model": Field('"modelID"', keys=("modelID",)),
        "provider": Field(provider_sql(quote("_host"), '"modelID"'), keys=("providerID",)),
        "feature": Field(project, keys=("path",)),
        "metadata": Field(metadata_sql({"agent": 'coalesce("agent", "mode")'}), keys=("agent", "mode")),
        "started_at": Field('"_t"[1]', "ms", ("time",)),
        "ended_at": Field('"_t"[2]', "ms", ("time",)),
        "timing_quality": Field("CASE WHEN \"_t\"[2] IS NOT NULL THEN 'inferred' END", keys=("time",)),
        "cost_logged_usd": Field('"cost"', keys=("cost",)),
        "finish_reason": Field(finish_reason_sql('"finish"'), keys=("finish",)),
        "finish_reason_raw": Field('"finish"', keys=("finish",)),
        "refusal": Field(refusal_sql('"finish"'), keys=("finish",)),
        "status": Field(status, keys=("error", "time")),
        "http_status": Field(code, keys=("error",)),
        "error_type": Field(name, keys=("error",)),
        "error_message": Field(message, keys=("error",)),
        "error_class": Field(failed, keys=("error",)),
    }
    return fields | {"operation": Field("'chat'"), "service": Field("'opencode'")}
