"""From an id, or the beginning of one, to the one trace, request or session that it means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from llmscope.errors import LlmscopeError, UsageError

if TYPE_CHECKING:
    from llmscope.logs import Logs

Row = dict[str, Any]
What = Literal["trace", "request", "session"]
# The narrower first: of what an id names exactly, the first of these is meant.
KINDS = ("trace", "request", "span", "response", "session")
MOST_NAMED, MOST_FOUND = 8, 50

# One look at each table; what was found is small. target: the trace shown, else (no trace id) the request.
SQL = """
WITH calls AS (
    SELECT request_id, trace_id, span_id, response_id, session_id
    FROM requests
    WHERE starts_with(request_id, $id) OR starts_with(trace_id, $id) OR starts_with(span_id, $id)
        OR starts_with(response_id, $id) OR starts_with(session_id, $id)
),
steps AS (
    SELECT span_id, trace_id FROM spans WHERE starts_with(span_id, $id) OR starts_with(trace_id, $id)
),
named AS (
    SELECT 'trace' AS kind, trace_id AS id, trace_id AS target, session_id, true AS of_trace FROM calls
    UNION ALL
    SELECT 'trace', trace_id, trace_id, cast(NULL AS VARCHAR), true FROM steps
    UNION ALL
    SELECT 'request', request_id, coalesce(trace_id, request_id), session_id, trace_id IS NOT NULL FROM calls
    UNION ALL
    SELECT 'span', span_id, coalesce(trace_id, request_id), session_id, trace_id IS NOT NULL FROM calls
    UNION ALL
    SELECT 'span', span_id, trace_id, cast(NULL AS VARCHAR), true FROM steps
    UNION ALL
    SELECT 'response', response_id, coalesce(trace_id, request_id), session_id, trace_id IS NOT NULL FROM calls
    UNION ALL
    SELECT 'session', session_id, session_id, session_id, false FROM calls
),
hits AS (
    SELECT kind, id, target, of_trace, max(session_id) AS session_id, id = $id AS exact
    FROM named
    WHERE starts_with(id, $id) AND target IS NOT NULL
    GROUP BY kind, id, target, of_trace
)
SELECT kind, id, target, of_trace, session_id, exact
FROM hits
ORDER BY exact DESC, kind, id, target
LIMIT $most
"""


@dataclass(frozen=True, slots=True)
class Found:
    """What an id means: its kind in the store, its whole id, and how it was named."""

    what: What
    id: str
    named: str


def find(logs: Logs, given: str) -> Found:
    """What the id, or a beginning of it, means.

    Raises:
        UsageError: nothing is called that (the nearest are in the hint), or several things are.
    """
    if not given.strip().removesuffix("…"):
        raise UsageError("an empty id", hint="llmscope trace list names traces")
    hits: list[Row] = []
    bare = given.strip().removesuffix("…")  # as a table cuts it
    for text in dict.fromkeys((given, bare, bare.lower())):  # hex ids are stored in lower case
        hits = logs.query(SQL, id=text, most=MOST_FOUND)
        if hits:
            break
    if not hits:
        raise unknown(logs, given.strip())
    hit = meant(hits)
    if hit is None:
        raise ambiguous(given, hits)
    if hit["kind"] == "session":
        return Found("session", hit["target"], f"session {hit['id']}")
    return Found("trace" if hit["of_trace"] else "request", hit["target"], f"{hit['kind']} {hit['id']}")


def meant(hits: list[Row]) -> Row | None:
    """The one thing meant: an exact id before a beginning, a session before the traces that are all its own."""
    exact = [hit for hit in hits if hit["exact"]]
    if exact:
        first = min(exact, key=lambda hit: KINDS.index(hit["kind"]))
        rivals = {hit["target"] for hit in exact if hit["kind"] == first["kind"]}
        return first if len(rivals) == 1 else None
    sessions = {hit["target"] for hit in hits if hit["kind"] == "session"}
    others = [hit for hit in hits if hit["kind"] != "session"]
    if len(sessions) == 1 and all(hit["session_id"] in sessions for hit in others):
        return next(hit for hit in hits if hit["kind"] == "session")
    if sessions:
        return None
    narrowest = min(others, key=lambda hit: KINDS.index(hit["kind"]))
    return narrowest if len({hit["target"] for hit in others}) == 1 else None


def ambiguous(given: str, hits: list[Row]) -> UsageError:
    """The candidates, a line each."""
    exact = [hit for hit in hits if hit["exact"]]
    rivals = sorted(exact or hits, key=lambda hit: (KINDS.index(hit["kind"]), hit["id"], hit["target"]))
    seen: dict[tuple[str, str], str] = {}
    for hit in rivals:
        of = "" if hit["id"] == hit["target"] else f" of {hit['target']}"
        seen.setdefault((hit["kind"], hit["target"]), f"{hit['kind']} {hit['id']}{of}")
    named = list(dict.fromkeys(seen.values()))
    more = [f"and {len(named) - MOST_NAMED} more" + " or so" * (len(hits) >= MOST_FOUND)] * (len(named) > MOST_NAMED)
    return UsageError(f"{given!r} may mean several; give more of the id", hint="\n".join([*named[:MOST_NAMED], *more]))


def unknown(logs: Logs, given: str) -> LlmscopeError:
    """What begins most like it."""
    narrowed = logs.where or logs.window.since or logs.window.until
    said = " in the requests that --since, --until and --where leave" if narrowed else ""
    for length in sorted({len(given) * share // 4 for share in (1, 2, 3)} - {0}, reverse=True):
        near = logs.query(SQL, id=given[:length], most=MOST_FOUND)
        if near:
            names = list(dict.fromkeys(f"{hit['kind']} {hit['id']}" for hit in closest(given, near)))[:3]
            return UsageError(f"no id begins with {given!r}{said}", hint=f"nearest: {', '.join(names)}")
    return UsageError(f"no id begins with {given!r}{said}", hint="llmscope trace list names traces")


def closest(given: str, near: list[Row]) -> list[Row]:
    """Those that share the most with what was given first."""
    from difflib import SequenceMatcher

    def likeness(hit: Row) -> float:
        return SequenceMatcher(None, given, hit["id"], autojunk=False).ratio()

    return sorted(near, key=lambda hit: (-likeness(hit), KINDS.index(hit["kind"]), hit["id"]))
