"""codex exec --json: a run's events, in which a finished turn says what its calls used together, and no times.

The usage is what the thread has used since it began, so a turn's own is what it grew by; where it did not grow in every
count, it was logged a turn at a time. The same run is also among Codex's session files, call by call.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from llmscope.sources import Field, Reading, Sample, require
from llmscope.sources._agents import counts, text
from llmscope.sources._reasons import error_class_sql
from llmscope.sources._usage import usage_fields

ABOUT = "the events of codex exec --json"
RANK = 190
NEEDS = ("type",)
WHOLE = True

RUN = ("thread.started", "turn.started", "turn.completed", "turn.failed")
ITEMS = ("item.started", "item.updated", "item.completed")
NOTE = "a turn is one request: codex exec logs what its calls used together, neither model nor times"


def detect(sample: Sample) -> bool:
    """Most records are events of a run."""
    return 2 * sum(is_event(record) for record in sample.records) >= max(len(sample.records), 1)


def is_event(record: Mapping[str, Any]) -> bool:
    """An event: with the thread's id, the usage, the error or the item that its kind has."""
    kind = record.get("type")
    if kind in ITEMS:
        return isinstance(record.get("item"), dict)
    holds = {"thread.started": "thread_id", "turn.completed": "usage", "turn.failed": "error"}
    return kind in RUN and (kind == "turn.started" or holds[kind] in record)


def unfold(values: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """One record a turn that ended."""
    thread: str | None = None
    before: dict[str, int] = {}
    for value in values:
        kind = value.get("type") if isinstance(value, dict) else None
        if kind == "thread.started":
            begun = text(value.get("thread_id"))
            thread, before = begun, before if begun == thread else {}
        elif kind == "turn.completed":
            used = counts(value.get("usage"))
            yield {"thread": thread, "id": identity(thread, used), "usage": own(used, before), "ended": "ok"}
            before = used or before
        elif kind == "turn.failed":
            error = value.get("error")
            said = text(error.get("message")) if isinstance(error, dict) else text(error)
            yield {"thread": thread, "error": said, "ended": "error"}


def own(used: dict[str, int] | None, before: Mapping[str, int]) -> dict[str, int] | None:
    """What a turn used itself."""
    if used and before and all(used.get(key, 0) >= count for key, count in before.items()):
        return {key: count - before.get(key, 0) for key, count in used.items()}
    return used


def identity(thread: str | None, used: Mapping[str, int] | None) -> str | None:
    """The thread and what it had used: the same turn in two copies of a run has the same id."""
    if not thread or not used:
        return None
    return f"{thread}:turn:{used.get('input_tokens', 0) + used.get('output_tokens', 0)}"


def readings(sample: Sample, mapping: Mapping[str, str]) -> tuple[Reading, ...]:
    """A request a turn."""
    require(sample, "a run of codex exec", "type|thread")
    columns = {"id": "VARCHAR", "thread": "VARCHAR", "usage": "JSON", "ended": "VARCHAR", "error": "VARCHAR"}
    prepare, fields = usage_fields('"usage"', name="_u", cache="inclusive")
    fields |= {
        "request_id": Field('"id"', keys=("id",)),
        "session_id": Field('"thread"', keys=("thread",)),
        "status": Field('"ended"', keys=("ended",)),
        "error_message": Field('"error"', keys=("error",)),
        "error_class": Field(error_class_sql("NULL::VARCHAR", "NULL::VARCHAR", '"error"'), keys=("error",)),
        "provider": Field("'openai'"), "operation": Field("'chat'"), "service": Field("'codex'"),
    }  # fmt: skip
    aside = "not the end of a turn"
    return (Reading("requests", columns, fields, prepare, '"ended" IS NOT NULL', (NOTE,), aside=aside),)
