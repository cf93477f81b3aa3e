"""Codex: a session's rollout file, in which a call to a model is an event that counts its tokens.

`token_count` is written twice for some calls: an event whose running total has not moved is no call. Where only the
running total is logged, a call is what it grew by; a total that fell began anew. A sub-agent's or forked file begins
with its parent's events, written again within a second of each other: those calls are in the parent's own file. The
running total is part of a call's id, so that the same session among the archived ones counts once. A call is taken to
begin with the last thing written that the model was given, and to end when it was counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from llmscope.sources import Field, Reading, Sample, require
from llmscope.sources._agents import counts, folder_name, metadata_sql, text
from llmscope.sources._reasons import provider_sql
from llmscope.sources._usage import usage_fields

ABOUT = "Codex's session files (~/.codex/sessions/**/rollout-*.jsonl)"
RANK = 180
NEEDS = ("payload",)
WHOLE = True

KINDS = ("session_meta", "turn_context", "response_item", "event_msg", "compacted")
# What the model is given, and what it gives.
ASKED = ("user_message", "task_started", "turn_started", "function_call_output", "custom_tool_call_output")
SAID = ("agent_message", "agent_reasoning", "reasoning", "function_call", "custom_tool_call", "web_search_call")
PARTS = ("input_tokens", "cached_input_tokens", "cache_write_input_tokens", "output_tokens", "reasoning_output_tokens")
REPLAY_SECONDS = 1.0


def detect(sample: Sample) -> bool:
    """Most records are lines of a rollout; those that unfold made of them are, too."""
    return 2 * sum(is_line(record) for record in sample.records) >= max(len(sample.records), 1)


def is_line(record: Mapping[str, Any]) -> bool:
    return record.get("type") in KINDS and isinstance(record.get("payload"), dict) and "timestamp" in record


@dataclass
class Session:
    """What is known so far of one file. asked: when what the model was given last was written; said: it has begun to
    answer. replayed: when the parent's last event was written again; None where there is no parent, or it is over."""

    known: dict[str, Any] = field(default_factory=dict)
    total: dict[str, int] | None = None
    asked: str | None = None
    said: bool = False
    replayed: datetime | None = None
    resets: int = 0


def unfold(values: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """One record a call."""
    session = Session()
    for value in values:
        if not isinstance(value, dict) or not isinstance(value.get("payload"), dict):
            continue
        kind, payload, at = value.get("type"), value["payload"], text(value.get("timestamp"))
        if kind == "session_meta":
            begin(session, payload, at)
        elif kind == "turn_context":
            turn(session, payload, at)
        elif kind == "event_msg" and payload.get("type") == "token_count":
            yield from call(session, payload.get("info"), at)
        else:
            follow(session, payload, at)


def begin(session: Session, payload: Mapping[str, Any], at: str | None) -> None:
    """Who the session is; a second head is its parent's."""
    if "thread" in session.known:
        session.replayed = session.replayed or when(session.known["began"])
        return
    source = payload.get("source")
    spawned = isinstance(source, dict) and "subagent" in source
    git = payload.get("git")
    session.known |= {
        "thread": text(payload.get("id")), "session": text(payload.get("session_id")) or text(payload.get("id")),
        "project": folder_name(payload.get("cwd")), "version": text(payload.get("cli_version")),
        "provider": text(payload.get("model_provider")), "began": at, "sidechain": "true" if spawned else "false",
        "git_branch": text(git.get("branch")) if isinstance(git, dict) else None,
    }  # fmt: skip
    if spawned or payload.get("forked_from_id"):
        session.replayed = when(at)


def turn(session: Session, payload: Mapping[str, Any], at: str | None) -> None:
    """What the calls of a turn have in common."""
    session.known |= {key: said for key in ("model", "effort") if (said := text(payload.get(key)))}
    session.known.setdefault("project", folder_name(payload.get("cwd")))
    if not session.said:
        session.asked = at


def follow(session: Session, payload: Mapping[str, Any], at: str | None) -> None:
    """What was given to the model before it answered is when the call began."""
    kind = payload.get("type")
    if kind in SAID or (kind == "message" and payload.get("role") == "assistant"):
        session.said = True
    elif not session.said and (kind in ASKED or kind == "message"):
        session.asked = at


def call(session: Session, info: Any, at: str | None) -> Iterator[dict[str, Any]]:
    """The call that a count is of, if it is one that is not known yet."""
    if not isinstance(info, dict):
        return
    last, total = counts(info.get("last_token_usage")), counts(info.get("total_token_usage"))
    before, replay = session.total, replaying(session, at)
    if total is not None:
        session.total = total
        if total == before:
            return
        fell = before is not None and any(total.get(key, 0) < count for key, count in before.items())
        session.resets += fell
        last = last or (total if before is None or fell else {k: n - before.get(k, 0) for k, n in total.items()})
    used = {key: count for key, count in (last or {}).items() if key in PARTS}
    if replay or not any(used.values()):
        return
    model = text(info.get("model")) or session.known.get("model")
    known = {k: v for k, v in session.known.items() if k not in ("thread", "began")}
    yield known | {
        "id": identity(session), "model": model, "started": session.asked, "ended": at, "usage": used,
        "timing": "inferred" if session.asked else None,
    }  # fmt: skip
    session.asked, session.said = at, False


def identity(session: Session) -> str | None:
    """The session's id and what it had used; the engine makes an id where one of them is unknown."""
    thread = session.known.get("thread")
    if not thread or session.total is None:
        return None
    used = sum(session.total.get(key, 0) for key in ("input_tokens", "output_tokens"))
    return f"{thread}:{used}" + (f":{session.resets}" if session.resets else "")


def replaying(session: Session, at: str | None) -> bool:
    """Whether a count is still the parent's: less than a second after the one before."""
    if session.replayed is None:
        return False
    now = when(at)
    if now is not None and abs((now - session.replayed).total_seconds()) < REPLAY_SECONDS:
        session.replayed = now
        return True
    session.replayed = None
    return False


def when(at: str | None) -> datetime | None:
    """A time, if it is one."""
    try:
        return datetime.fromisoformat(at) if at else None
    except ValueError:
        return None


def readings(sample: Sample, mapping: Mapping[str, str]) -> tuple[Reading, ...]:
    """A request a call."""
    require(sample, "a Codex rollout", "payload|usage")
    columns = dict.fromkeys([*PLAIN.values(), "git_branch", "sidechain", "effort", "provider"], "VARCHAR")
    prepare, fields = usage_fields('"usage"', name="_u", cache="inclusive")
    fields |= {name: Field(f'"{key}"', keys=(key,)) for name, key in PLAIN.items()}
    more = {key: f'"{key}"' for key in ("git_branch", "version", "sidechain", "effort")}
    fields |= {
        "provider": Field(provider_sql('"provider"', '"model"'), keys=("provider", "model")),
        "metadata": Field(metadata_sql(more), keys=tuple(more)),
        "operation": Field("'chat'"), "service": Field("'codex'"), "status": Field("'ok'"),
    }  # fmt: skip
    aside = "not the count of a call's tokens"
    return (Reading("requests", columns | {"usage": "JSON"}, fields, prepare, '"usage" IS NOT NULL', aside=aside),)


PLAIN: Mapping[str, str] = {
    "request_id": "id", "session_id": "session", "response_model": "model", "started_at": "started",
    "ended_at": "ended", "timing_quality": "timing", "feature": "project", "release": "version",
}  # fmt: skip
