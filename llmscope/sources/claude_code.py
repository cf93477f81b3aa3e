"""Claude Code: a session's lines, of which several may be one call, copied and replayed in other files.

The several lines of a call all have its id, and so have a sub-agent's replay and the copy in a resumed session: load
keeps the one with the most output. A failed call is one too: a line marked as an API error, and each retry's own line.
Claude Code logs no duration: a call is taken to begin when the line was written that it answers. The project, which
the money is attributed to, is the last folder of where the session began.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmscope.sources import Field, Reading, Sample, Unfolding, quote, require
from llmscope.sources._agents import folder_name_sql, metadata_sql
from llmscope.sources._claude import COLUMNS, SQL
from llmscope.sources._reasons import NOTHING, error_class_sql, finish_reason_sql, provider_sql, refusal_sql

ABOUT = "Claude Code's session files (~/.claude/projects)"
RANK = 170
NEEDS = ("sessionId", "leafUuid", "messageId")
WHOLE = True

TALK = ("user", "assistant", "system", "progress", "attachment")
# Lines that are notes of the session: each has its own keys, and some name no session.
NOTES = ("summary", "file-history-snapshot", "queue-operation", "custom-title", "ai-title", "last-prompt", "tag")


def detect(sample: Sample) -> bool:
    """Most records are lines of a session."""
    return 2 * sum(is_line(record) for record in sample.records) >= max(len(sample.records), 1)


def is_line(record: Mapping[str, Any]) -> bool:
    """One line of a session; the oldest ones say no type."""
    kind, session = record.get("type"), isinstance(record.get("sessionId"), str)
    message = record.get("message")
    if kind in TALK:
        return session and ("uuid" in record or isinstance(message, dict))
    if kind in NOTES:
        return session or "leafUuid" in record or "messageId" in record
    return kind is None and session and isinstance(message, dict) and isinstance(message.get("usage"), dict)


def unfolding(sample: Sample) -> Unfolding:
    """A record a line, beside the line that it answers."""
    return Unfolding(COLUMNS, SQL, carries=True)


def readings(sample: Sample, mapping: Mapping[str, str]) -> tuple[Reading, ...]:
    """A request a call, once for each line it stands on."""
    require(sample, "a Claude Code session", "message|sessionId|leafUuid|messageId")
    columns = dict.fromkeys(["kind", "mine", "home", "gitBranch", "sidechain", *PLAIN.values()], "VARCHAR")
    fields = {name: Field(f'"{key}"', keys=(key,)) for name, key in PLAIN.items()} | derived()
    aside = "no call: what the user or a tool said, or a note"
    return (Reading("requests", columns, fields, {}, '"kind" IS NOT NULL', mine="\"mine\" = 'true'", aside=aside),)


PLAIN: Mapping[str, str] = {
    "request_id": "id", "response_id": "response_id", "session_id": "sessionId", "response_model": "model",
    "started_at": "started", "ended_at": "ended", "timing_quality": "timing", "finish_reason_raw": "stop_reason",
    "cost_logged_usd": "costUSD", "service_tier": "tier", "usage_semantics": "semantics",
    "web_searches": "web_searches", "input_tokens": "input_tokens", "output_tokens": "output_tokens",
    "reasoning_tokens": "reasoning_tokens",
    "cache_read_tokens": "cache_read_tokens", "cache_write_tokens": "cache_write_tokens",
    "cache_write_5m_tokens": "cache_write_5m_tokens", "cache_write_1h_tokens": "cache_write_1h_tokens",
    "release": "version", "attempt": "attempt", "http_status": "error_status", "error_type": "error_type",
    "error_message": "error_message",
}  # fmt: skip


def derived() -> dict[str, Field]:
    """What takes more than a column."""
    more = {"git_branch": '"gitBranch"', "version": '"version"', "sidechain": '"sidechain"'}
    host = (
        "CASE WHEN starts_with(\"id\", 'msg_bdrk_') THEN 'aws.bedrock'"
        " WHEN starts_with(\"id\", 'msg_vrtx_') THEN 'gcp.vertex_ai' END"
    )
    wrong = ('"error_status"', '"error_type"', '"error_message"')
    return {
        "provider": Field(f"coalesce({host}, {provider_sql(NOTHING, quote('model'))})", keys=("model",)),
        "operation": Field("'chat'"),
        "service": Field("'claude-code'"),
        "feature": Field(folder_name_sql('"home"'), keys=("home",)),
        "metadata": Field(metadata_sql(more), keys=("sidechain",)),
        "finish_reason": Field(finish_reason_sql('"stop_reason"'), keys=("stop_reason",)),
        "refusal": Field(refusal_sql('"stop_reason"'), keys=("stop_reason",)),
        "status": Field("CASE WHEN \"kind\" = 'call' THEN 'ok' ELSE 'error' END", keys=("kind",)),
        "error_class": Field(error_class_sql(*wrong), keys=("error_status", "error_type", "error_message")),
    }
