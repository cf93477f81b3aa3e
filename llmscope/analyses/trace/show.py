"""One request's story: the tree of its steps, when each ran, what it cost, and the path that decided the end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from llmscope.analyses._trace_find import Found, find
from llmscope.analyses._trace_steps import grouped, steps_of
from llmscope.analyses._trace_tree import Step, Tree, bar, tree_of
from llmscope.errors import UsageError
from llmscope.result import Column, Coverage, Part, Result

if TYPE_CHECKING:
    from llmscope.logs import Logs

# The tables it asks; of log files, only those that fill them are read.
TABLES = ("requests", "spans")

# {chosen}: one of CHOSEN. All that comes to Python is one trace or one session, its first steps by start.
SPANS_SQL = """
SELECT trace_id, span_id, parent_span_id, name, kind, service, started_at, ended_at, duration_ms, status, error_type,
    request_id, count(*) OVER () AS every
FROM spans
WHERE {chosen}
ORDER BY started_at, span_id
LIMIT $most
"""
SQL = """
SELECT request_id, trace_id, span_id, parent_span_id, session_id, user_id, feature, service, operation, model, status,
    error_class, error_type, started_at, ended_at, latency_ms, ttft_ms, attempt, input_tokens, output_tokens,
    cost_usd, price_status, {texts} count(*) OVER () AS every
FROM priced
WHERE {chosen}
ORDER BY started_at, attempt, request_id
LIMIT $most
"""
TEXTS = "input_text, output_text,"
CHOSEN = {"trace": "trace_id = $id", "request": "request_id = $id", "session": "session_id = $id"}
SPANS_CHOSEN = {
    "trace": "trace_id = $id",
    "request": "request_id = $id",
    "session": "trace_id IN (SELECT trace_id FROM requests WHERE session_id = $id)",
}
# Requests that spans stand for although they do not name the trace themselves.
NAMED = "list_contains($ids, request_id)"
MOST_STEPS = 2_000
MOST_TITLE = 60

COLUMNS = (
    Column("span", "text", "dimension"),
    Column("offset_ms", "ms"),
    Column("duration_ms", "ms"),
    Column("waterfall", "text", optional=True),
    Column("self_share_ratio", "ratio", optional=True),
    Column("cost_usd", "usd", optional=True),
    Column("status", "text", optional=True),
    Column("note", "text", optional=True),
    Column("input_tokens", "tokens", optional=True),
    Column("output_tokens", "tokens", optional=True),
    Column("critical", "flag", optional=True),
    Column("critical_ms", "ms", optional=True),
    Column("self_ms", "ms", optional=True),
    Column("ttft_ms", "ms", optional=True),
    Column("kind", "text", optional=True),
    Column("model", "text", optional=True),
    Column("attempt", "count", optional=True),
    Column("service", "text", optional=True),
    Column("trace_id", "text", optional=True),
    Column("span_id", "text", optional=True),
    Column("parent_span_id", "text", optional=True),
    Column("request_id", "text", optional=True),
    Column("depth", "count", optional=True),
)
TEXT_COLUMNS = (Column("input_text", "text"), Column("output_text", "text"))
KIND_COLUMNS = (
    Column("work", "text", "dimension"),
    Column("spans", "count"),
    Column("self_ms", "ms"),
    Column("self_share_ratio", "ratio"),
    Column("critical_ms", "ms"),
    Column("critical_share_ratio", "ratio"),
)
# What the kinds of spans do, in words; what other steps do is told by their names.
WORK = {
    "llm": "inference", "retriever": "retrieval", "reranker": "reranking", "embedding": "embedding", "tool": "tool",
    "guardrail": "guardrail", "prompt": "prompt assembly", "evaluator": "evaluation", "agent": "orchestration",
    "chain": "orchestration",
}  # fmt: skip
NAMED_WORK = (
    ("parsing", ("pars",)),
    ("prompt assembly", ("prompt", "template")),
    ("retrieval", ("retriev",)),
    ("guardrail", ("guardrail", "moderat")),
)
IDLE = "(no step running)"
Row = dict[str, Any]


def show(
    logs: Logs,
    id: Annotated[str, "a trace, request, span, response or session, or the beginning of its id"],
    text: Annotated[bool, "the prompts and answers, where they are stored"] = False,
    tolerance_ms: Annotated[float, "a child may lie this far outside of its parent before it is said"] = 1.0,
) -> Result:
    """The tree of one trace, or of a session's traces one after the other; see the module's words."""
    if not 0 <= tolerance_ms < 86_400_000:
        raise UsageError(f"--tolerance-ms {tolerance_ms:g} is no number of milliseconds of a day")
    found = find(logs, id)
    spans, requests = fetched(logs, found, text)
    every = max([row["every"] for row in spans], default=0), max([row["every"] for row in requests], default=0)
    trees = trees_of(found, spans, requests, round(tolerance_ms * 1000))
    columns = (*shown(trees), *(TEXT_COLUMNS if text else ()))
    return Result(
        "trace show",
        columns,
        tuple(rows(trees, as_session=found.what == "session")),
        totals(trees, requests),
        title=f"{found.what.capitalize()} {shortened(found.id)}",
        parts={"by kind of work": Part(KIND_COLUMNS, tuple(by_work([tree for _, tree in trees])))},
        notes=tuple(notes(logs, found, trees, requests, every, text)),
        coverage=coverage(requests),
    )


def shortened(id: str) -> str:
    """An id as a title bears it: one that would fill lines is cut, and stands whole in the rows' data."""
    return id if len(id) <= MOST_TITLE else f"{id[: MOST_TITLE - 1]}…"


def fetched(logs: Logs, found: Found, text: bool) -> tuple[list[Row], list[Row]]:
    """The spans and the requests, no more than MOST_STEPS of each."""
    names = {"texts": TEXTS if text else ""}
    chosen = {"chosen": SPANS_CHOSEN[found.what]}
    spans = logs.query(SPANS_SQL, names=chosen, id=found.id, most=MOST_STEPS)
    requests = logs.query(SQL, names={**names, "chosen": CHOSEN[found.what]}, id=found.id, most=MOST_STEPS)
    known = {row["request_id"] for row in requests}
    of_trace = {row["request_id"]: row["trace_id"] for row in spans}
    lacking = sorted(set(of_trace) - known - {None})
    if lacking and found.what != "session":
        more = logs.query(SQL, names={**names, "chosen": NAMED}, ids=lacking, most=MOST_STEPS)
        requests += [row | {"trace_id": of_trace[row["request_id"]], "every": len(requests)} for row in more]
    return spans, requests


def trees_of(
    found: Found, spans: Sequence[Row], requests: Sequence[Row], tolerance_us: int
) -> list[tuple[str | None, Tree]]:
    """The trees by trace, in time; a request without a trace stands for itself."""
    by_trace, calls = grouped(spans, "trace_id"), grouped(requests, "trace_id")
    alone = calls.pop(None, []) if found.what == "session" else []
    names = list(dict.fromkeys([*by_trace, *calls]))
    made = [(name, tree_of(steps_of(by_trace.get(name, ()), calls.get(name, ())), tolerance_us)) for name in names]
    made += [(None, tree_of(steps_of((), [row]), tolerance_us)) for row in alone]
    return sorted(made, key=lambda one: (one[1].started_at is None, str(one[1].started_at), str(one[0])))


def shown(trees: Sequence[tuple[str | None, Tree]]) -> tuple[Column, ...]:
    """What failed or is wrong with a trace is never hidden for want of room."""
    wrong = any(note_of(step) for _, tree in trees for step in tree.steps)
    return tuple(Column(c.name, c.kind, c.role) if wrong and c.name == "note" else c for c in COLUMNS)


def rows(trees: Sequence[tuple[str | None, Tree]], as_session: bool) -> list[Row]:
    """A row a step; in a session a row above each trace, and offsets within the trace."""
    first = min((tree.started_at for _, tree in trees if tree.started_at), default=None)
    found: list[Row] = []
    for trace_id, tree in trees:
        if as_session:
            since = (tree.started_at - first).total_seconds() * 1000 if first and tree.started_at else None
            name = f"trace {trace_id}" if trace_id else "a request without a trace"
            line = {"span": name, "kind": "trace", "offset_ms": since, "duration_ms": ms(tree.extent), "depth": 0}
            found.append(dict.fromkeys(c.name for c in COLUMNS) | line | {"trace_id": trace_id})
        found += [row_of(step, tree) | {"trace_id": trace_id, "depth": step.depth + as_session} for step in tree.steps]
    return found


def row_of(step: Step, tree: Tree) -> Row:
    """One step as it is shown."""
    known = step.row
    return {
        "span": known["name"],
        "offset_ms": ms(step.start),
        "duration_ms": None if step.end is None or step.start is None else ms(step.end - step.start),
        "waterfall": bar(step, tree.extent),
        "self_share_ratio": share(step.self_us, tree.whole_us),
        "note": note_of(step),
        "critical": step.visited,
        "critical_ms": ms(step.critical_us),
        "self_ms": ms(step.self_us),
        "cost_usd": money(known.get("cost_usd")),
    } | {
        name: known.get(name)
        for name in ("status", "input_tokens", "output_tokens", "ttft_ms", "kind", "model", "attempt", "service",
                     "span_id", "parent_span_id", "request_id", "input_text", "output_text")
    }  # fmt: skip


def note_of(step: Step) -> str | None:
    """Why it failed, and what is wrong with its place or its times."""
    known = step.row
    failed = [str(known["error_class"])] if known.get("status") == "error" and known.get("error_class") else []
    return "; ".join([*failed, *step.notes]) or None


def ms(us: int | None) -> float | None:
    return None if us is None else us / 1000


def share(part: int | None, whole: int) -> float | None:
    return part / whole if part is not None and whole > 0 else None


def money(value: Any) -> float | None:
    return None if value is None else float(value)


def work_of(step: Step) -> str:
    """What a step does: by its kind, else by its name."""
    kind, name = str(step.row.get("kind")), str(step.row["name"]).lower()
    if kind in WORK and kind != "chain":
        return WORK[kind]
    return next((word for word, parts in NAMED_WORK if any(p in name for p in parts)), WORK.get(kind, "other"))


def by_work(trees: Sequence[Tree]) -> list[Row]:
    """Own time and time on the critical path by kind of work; the parts of the path add up to the whole."""
    whole = sum(tree.whole_us for tree in trees)
    steps: dict[str, list[Step]] = defaultdict(list)
    for tree in trees:
        for step in tree.steps:
            steps[work_of(step)].append(step)
    found = [
        work_row(word, len(of), sum(s.self_us or 0 for s in of), sum(s.critical_us for s in of), whole)
        for word, of in steps.items()
    ]
    idle = sum(end - start for tree in trees for start, end in tree.gaps)
    found += [work_row(IDLE, None, None, idle, whole)] if idle else []
    return sorted(found, key=lambda row: (-row["critical_ms"], -(row["self_ms"] or 0), row["work"]))


def work_row(word: str, spans: int | None, own: int | None, critical: int, whole: int) -> Row:
    return {
        "work": word,
        "spans": spans,
        "self_ms": ms(own),
        "self_share_ratio": share(own, whole),
        "critical_ms": ms(critical),
        "critical_share_ratio": share(critical, whole),
    }


def totals(trees: Sequence[tuple[str | None, Tree]], requests: Sequence[Row]) -> Row:
    """The time from the first start to the last end, added up over a session's traces, and what it took."""
    costs = [row["cost_usd"] for row in requests if row["cost_usd"] is not None]
    return {
        "duration_ms": ms(sum(tree.extent for _, tree in trees)),
        "critical_ms": ms(sum(step.critical_us for _, tree in trees for step in tree.steps)),
        "cost_usd": money(sum(costs)) if costs else None,
        "input_tokens": total(requests, "input_tokens"),
        "output_tokens": total(requests, "output_tokens"),
    }


def total(requests: Sequence[Row], name: str) -> int | None:
    known = [row[name] for row in requests if row[name] is not None]
    return sum(known) if known else None


def coverage(requests: Sequence[Row]) -> Coverage:
    """Priced requests against those that ought to have a price."""
    ought = [row for row in requests if row["price_status"] != "no_usage"]
    priced = sum(row["cost_usd"] is not None for row in ought)
    return Coverage(requests=len(requests), priced_requests=priced, ought_to_be_priced=len(ought))


def notes(
    logs: Logs,
    found: Found,
    trees: Sequence[tuple[str | None, Tree]],
    requests: Sequence[Row],
    every: tuple[int, int],
    text: bool,
) -> list[str]:
    """The small print: whose it is, what is wrong with it, how shares are taken, what is not shown."""
    said = [*about(found, trees, requests), *wrong(trees)]
    said.append(
        "share: the step's own time (less the union of its children's) of the time that the top steps span; waterfall: "
        "darkest where the step itself is on the critical path, the chain of steps that determines the end"
    )
    if any(tree.extent > tree.end for _, tree in trees):
        said.append("some steps end after the top ones: that time is in the duration, not in the shares")
    for n, noun in zip(every, ("spans", "requests"), strict=True):
        if n > MOST_STEPS:
            said.append(f"{n:,} {noun}: only the first {MOST_STEPS:,} by start are shown and counted")
    lacking = sum(row["cost_usd"] is None and row["price_status"] != "no_usage" for row in requests)
    if lacking:
        said.append(f"{lacking:,} of {len(requests):,} requests have no known price; llmscope pricing unpriced")
    if text and not any(row["input_text"] or row["output_text"] for row in requests):
        said.append("no text is stored of it: llmscope load --keep-text keeps it, redacted")
    if requests and logs.where:
        said.append("requests that --where does not let through are not shown; their spans are")
    return said + logs.price_notes()


def about(found: Found, trees: Sequence[tuple[str | None, Tree]], requests: Sequence[Row]) -> list[str]:
    """When it was and whose."""
    starts = [tree.started_at for _, tree in trees if tree.started_at]
    whose = [
        f"{word} {', '.join(values[:3])}{', ...' if len(values) > 3 else ''}"
        for word, column in (("user", "user_id"), ("feature", "feature"), ("session", "session_id"))
        if (values := sorted({str(row[column]) for row in requests if row[column] is not None}))
    ]
    when = [f"started {min(starts):%Y-%m-%d %H:%M:%S} UTC"] if starts else []
    named = [f"found by {found.named}"] if found.id not in found.named.split() else []
    said = "; ".join([*named, *when, *whose])
    return [said] if said else []


def wrong(trees: Sequence[tuple[str | None, Tree]]) -> list[str]:
    """What is wrong with each trace, named where there are several."""
    several = len(trees) > 1
    return [
        f"trace {name}: {remark}" if several and name else remark for name, tree in trees for remark in tree.remarks
    ]
