"""The sentences under `errors`: outages, retry storms, slices that fail more than the rest, failures that never end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from llmscope.analyses._errors_rows import FAILED, JUDGED, SILENT, TOLD, share_text
from llmscope.analyses._errors_scan import (
    MOST_FOUND,
    Found,
    hour_text,
    hours,
    inside,
    made_of,
    named,
    of_class,
    shares,
    slices,
)
from llmscope.result import Finding
from llmscope.stats.proportions import wilson

if TYPE_CHECKING:
    from llmscope.logs import Logs
    from llmscope.schema import Dimension

RETRIED, COUNTED = "(attempt > 1)", "(attempt IS NOT NULL)"
# Always wrong: surely more than half of what is asked fails, on several days.
PERSISTENT_RATIO, PERSISTENT_DAYS = 0.5, 3
# What came of a request says nothing of where it failed, and time is looked at by the hour anyway.
OUTCOMES = (
    "status", "error_class", "error_type", "http_status", "finish_reason", "refusal", "fallback", "attempt",
    "hour", "day", "week", "month",
)  # fmt: skip
SAID = {
    "truncated": "answers were cut off by their length",
    "refused": "answers were refusals",
    "empty": "answers were empty",
    "content_filter": "answers were stopped by a content filter",
}


def findings(
    logs: Logs, slices_by: Sequence[Dimension], silent: bool, repeated: Sequence[Mapping[str, Any]]
) -> tuple[Finding, ...]:
    """What deserves a sentence, gravest first."""
    from llmscope.schema import dimension, dimensions

    slices_by = tuple(d for d in slices_by if d.word not in OUTCOMES)
    provider = (dimension("provider"),)
    shown = tuple(d for d in slices_by if not d.unnests) or dimensions("feature,model")
    outages = hours(logs, provider, FAILED, JUDGED)
    found = [outage(logs, one, provider, shown) for one in outages[:MOST_FOUND]]
    if slices_by:
        own = [o for o in hours(logs, slices_by, FAILED, JUDGED) if not any(overlap(o, p) for p in outages)]
        found += [outage(logs, one, slices_by, shown) for one in own[:MOST_FOUND]]
    found += [storm(logs, one, shown) for one in hours(logs, (), RETRIED, COUNTED)[:MOST_FOUND]]
    found += [Finding("persistent", "warning", lasting(row)) for row in repeated if is_lasting(row)][:MOST_FOUND]
    if slices_by:
        found += [
            Finding(
                "slice",
                "warning",
                f"{named(one.key, slices_by)}: failed {shares(one, 'elsewhere')}",
                (row_of(one, slices_by, failure="failed"),),
            )
            for one in slices(logs, slices_by, FAILED, JUDGED)[:MOST_FOUND]
        ]
    if silent:
        by = tuple(slices_by) or dimensions("feature,template")
        found += [
            Finding(
                "silent",
                "warning",
                f"{named(one.key, by)}: {SAID[kind]}, {shares(one, 'elsewhere')}",
                (row_of(one, by, failure=kind),),
            )
            for kind in SILENT
            for one in slices(logs, by, SILENT[kind], TOLD[kind])[:MOST_FOUND]
        ]
    return tuple(found)


def overlap(one: Found, other: Found) -> bool:
    """Whether two stretches of hours meet."""
    return str(one.first) <= str(other.last) and str(other.first) <= str(one.last)


def row_of(found: Found, by: Sequence[Dimension], **more: Any) -> dict[str, Any]:
    """A slice and its hours as figures."""
    hours_of = {"first_hour": found.first, "last_hour": found.last} if found.first else {}
    where = {d.word: value for d, value in zip(by, found.key, strict=True)}
    return {**where, **hours_of, "requests": found.n, "hits": found.hits, "usual_ratio": found.usual_ratio, **more}


def outage(logs: Logs, found: Found, scanned: Sequence[Dimension], shown: Sequence[Dimension]) -> Finding:
    """An hour, who failed, how much of what, and where it was felt."""
    rows = inside(logs, found, scanned, shown, FAILED, JUDGED)
    more = [d for d in shown if d.word not in {s.word for s in scanned}]
    where = f": {made_of(rows, more)}" if more else ""
    when = hour_text(str(found.first), str(found.last))
    text = f"{when}, {named(found.key, scanned)}: failed {shares(found)}; {of_class(rows)}{where}"
    return Finding("outage", "warning", text, (row_of(found, scanned),))


def storm(logs: Logs, found: Found, shown: Sequence[Dimension]) -> Finding:
    """An hour of retries: how many, of what, and how far they went."""
    rows = inside(logs, found, (), shown, RETRIED, COUNTED)
    attempts, fallbacks = max((r["attempts"] or 0 for r in rows), default=0), sum(r["fallbacks"] for r in rows)
    errors = sum(r["errors"] for r in rows)
    when = hour_text(str(found.first), str(found.last))
    ended = f", {fallbacks:,} answered by a fallback" if fallbacks else ""
    text = (
        f"{when}: a storm of retries, {shares(found)}; up to {attempts} attempts a call, {errors:,} failed"
        f"{ended}: {made_of(rows, shown)}"
    )
    row = row_of(found, (), attempts=attempts, errors=errors, fallbacks=fallbacks)
    return Finding("retry_storm", "warning", text, (row,))


def is_lasting(row: Mapping[str, Any]) -> bool:
    """Surely more than half fails, on three days or more."""
    interval = wilson(row["errors"], row["requests"])
    return bool(interval and interval[0] > PERSISTENT_RATIO and row["days_failed"] >= PERSISTENT_DAYS)


def lasting(row: Mapping[str, Any]) -> str:
    """What never works."""
    return (
        f"feature {row['feature'] or '(none)'}, template {row['template'] or '(none)'}, model {row['model']}: "
        f"{row['class']} in {share_text(row['errors'], row['requests'])}, on {row['days_failed']} days up to "
        f"{row['last_seen']:%Y-%m-%d}: trying again does not help (llmscope runbook {row['class']})"
    )
