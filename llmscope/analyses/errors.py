"""What fails, how often, since when, and does trying again help? Failures by class, with the hours that stand out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from llmscope.analyses import _slices
from llmscope.analyses._errors_classes import classes
from llmscope.analyses._errors_findings import findings
from llmscope.analyses._errors_retries import repeated, retries
from llmscope.analyses._errors_rows import (
    ANY_SILENT,
    DROPPED,
    FAILED,
    GENERATED,
    JUDGED,
    rate,
    rate_columns,
    weighted_rate,
)  # fmt: skip
from llmscope.analyses._weights import PLAIN, WEIGHT, counting, tidy
from llmscope.errors import UsageError, unknown_name
from llmscope.result import Column, Coverage, Result, Series

if TYPE_CHECKING:
    from llmscope.logs import Logs
    from llmscope.schema import Dimension

# The tables it asks; of log files, only those that fill them are read.
TABLES = ("requests",)
# Columns it never looks at: of log files they are not read unless --by or --where names them.
UNREAD = (
    "response_id", "parent_span_id", "finish_reason_raw", "error_message", "error_type", "prefix_hashes", "embedding",
    "tags", "metadata", "ttft_ms", "queue_ms", "network_ms", "inference_ms", "postprocess_ms", "temperature",
    "input_chars", "sample_weight", "template_version", "service", "environment", "release", "language", "item_id",
    "stream", "max_tokens", "source_line",
)  # fmt: skip

SQL = f"""
SELECT {{dimensions}}
    {{count}} AS requests,
    {{count}} FILTER (WHERE {JUDGED}) AS judged,
    {{count}} FILTER (WHERE {FAILED}) AS errors,
    {{count}} FILTER (WHERE {DROPPED}) AS cancelled,
    {{count}} FILTER (WHERE status = 'unknown') AS unknown,
    {{count}} FILTER (WHERE {GENERATED}) AS answers,
    {{count}} FILTER (WHERE {ANY_SILENT}) AS silent_failures,
    {{squares}}
    min(started_at) AS first_at,
    max(started_at) AS last_at,
    count(*) FILTER (WHERE started_at IS NULL) AS timeless,
    count(finish_reason) AS finished,
    count(http_status) + count(error_type) AS told,
    count(error_class) FILTER (WHERE {FAILED}) AS classed
FROM requests
GROUP BY ALL
"""
# Of rows that carry weights: what their intervals rest on.
SQUARES = "".join(
    f"sum(power({WEIGHT}, 2)) FILTER (WHERE {which}) AS {name}_squares, "
    for name, which in (("judged", JUDGED), ("errors", FAILED), ("answers", GENERATED), ("silent_failures", ANY_SILENT))
)
MEASURES = (
    Column("requests", "count"),
    Column("errors", "count"),
    *rate_columns("error_rate"),
    Column("cancelled", "count", optional=True),
    Column("unknown", "count", optional=True),
)
SILENT = (Column("silent_failures", "count"), *rate_columns("silent_rate"))
COUNTS = ("requests", "judged", "errors", "cancelled", "unknown", "answers", "silent_failures")
SQUARED = ("judged_squares", "errors_squares", "answers_squares", "silent_failures_squares")
THINNED = (
    "classes, retries and what stands out are not told of a log that was thinned: they count its rows; "
    "llmscope errors --by error_class counts by weight, and the small print counts the rows kept"
)
Row = dict[str, Any]


def errors(
    logs: Logs,
    by: Annotated[str | None, "dimensions to group by, comma-separated"] = None,
    over: Annotated[str | None, "hour, day, week or month: a row a bucket"] = None,
    top: Annotated[int | None, "only the N slices with the most errors; the rest summed as (other)"] = None,
    sort: Annotated[str, "column to sort by"] = "errors",
    silent: Annotated[bool, "also answers that are none: truncated, refused, empty, filtered"] = False,
) -> Result:
    """Failures by dimension and by class, what became of them, and what stands out; see the module's words."""
    groups = _slices.grouping(by, over)
    measures = (*MEASURES, *SILENT) if silent else MEASURES
    columns = (*_slices.columns_of(groups), *measures)
    if top is not None and top < 1:
        raise UsageError("--top takes a number of 1 or more")
    if sort not in {c.name for c in columns}:
        raise unknown_name("column", sort, [c.name for c in columns])
    slices = [d for d in groups if d.word != over]
    whole = counted(logs)[0]
    rows = counted(logs, groups) if groups else [whole] if whole["requests"] else []
    if top is not None and slices:
        rows = with_others(rows, slices, top, over)
    finished = [finish(row, columns) for row in rows]
    if over:
        empty = {c.name: 0 if c.kind == "count" else None for c in measures}
        finished = _slices.with_empty_buckets(finished, groups, over, empty)
    finished = arranged(finished, groups, slices, sort, over)
    if logs.weights:
        kept = logs.query(SQL, names={**PLAIN, "squares": ""})[0]
        return Result(
            "errors", columns, tuple(finished), finish(whole, measures) if groups else None,
            series=series(finished, over) if over and not slices else (), notes=(*notes(kept, silent), THINNED),
            coverage=Coverage(requests=kept["requests"]), weighted=True,
        )  # fmt: skip
    of_classes = classes(logs, whole["first_at"], whole["last_at"], silent)
    tried, tried_notes = retries(logs, whole["errors"])
    again, again_notes = repeated(logs)
    parts = {**of_classes.parts, "retries": tried, "repeated": again}
    return Result(
        "errors",
        columns,
        tuple(finished),
        finish(whole, measures) if groups else None,
        parts={name: part for name, part in parts.items() if part.rows},
        series=series(finished, over) if over and not slices else (),
        findings=() if nothing_answered(whole) else findings(logs, slices, silent, again.rows),
        notes=(*notes(whole, silent), *of_classes.notes, *tried_notes, *again_notes),
        coverage=Coverage(requests=whole["requests"]),
    )


def counted(logs: Logs, groups: Sequence[Dimension] = ()) -> list[Row]:
    """One row a slice; of rows that carry weights, what they stand for."""
    squares = SQUARES if logs.weights else ""
    rows = logs.query(SQL, by=groups, names={**counting(logs), "squares": squares})
    return tidy(rows, (*COUNTS, *SQUARED)) if logs.weights else rows


def with_others(rows: Sequence[Row], slices: Sequence[Dimension], top: int, over: str | None) -> list[Row]:
    """The slices with the most errors, and one row (a bucket) for all others together."""
    kept = _slices.top_keys(rows, slices, top, "errors")
    inside = [row for row in rows if tuple(row[d.word] for d in slices) in kept]
    others: dict[Any, Row] = {}
    for row in (row for row in rows if tuple(row[d.word] for d in slices) not in kept):
        bucket = row[over] if over else None
        known = others.setdefault(bucket, {**dict.fromkeys((d.word for d in slices), _slices.OTHER)})
        added = {name: known.get(name, 0) + row[name] for name in (*COUNTS, *SQUARED) if name in row}
        known |= added | ({over: bucket} if over else {})
    return [*inside, *others.values()]


def finish(row: Row, columns: Sequence[Column]) -> Row:
    """Shares and their intervals."""
    of = weighted_rate if "judged_squares" in row else rate
    done = {**row, **of("error_rate", *shares(row, "errors", "judged")),
            **of("silent_rate", *shares(row, "silent_failures", "answers"))}  # fmt: skip
    done |= {name: round(done[name]) for name in COUNTS}
    return {column.name: done[column.name] for column in columns}


def shares(row: Row, hits: str, of: str) -> list[Any]:
    """What a share is made of; with weights, the sums of their squares too."""
    return [row[name] for name in (hits, of, f"{hits}_squares", f"{of}_squares") if name in row]


def arranged(
    rows: Sequence[Row], groups: Sequence[Dimension], slices: Sequence[Dimension], sort: str, over: str | None
) -> list[Row]:
    """In order, the rest of --top last, in each bucket."""
    last = [bool(slices) and all(row[d.word] == _slices.OTHER for d in slices) for row in rows]
    first = _slices.ordered([row for row, other in zip(rows, last, strict=True) if not other], groups, sort, over)
    others = _slices.ordered([row for row, other in zip(rows, last, strict=True) if other], groups, sort, over)
    together = [*first, *others]
    return sorted(together, key=lambda row: (row[over] is None, str(row[over]))) if over else together


def series(rows: Sequence[Row], over: str) -> tuple[Series, ...]:
    """The error rate over time, for a plot."""
    timed = [row for row in rows if row[over] is not None]
    xs, ys = tuple(row[over] for row in timed), tuple(row["error_rate_ratio"] for row in timed)
    return (Series("error rate", xs, ys, "ratio"),) if len(timed) > 1 else ()


def nothing_answered(whole: Row) -> bool:
    """A log without any answer: nothing is unusual in it."""
    return bool(whole["errors"] == whole["judged"])


def notes(whole: Row, silent: bool) -> list[str]:
    """The small print: what is not among the errors, what is not known, and what to do."""
    found = []
    if whole["judged"] and not (whole["errors"] or whole["cancelled"] or whole["finished"] or whole["told"]):
        found.append(
            "no request logs a failure, an HTTP status or a finish reason: the log may hold nothing but answers; "
            "--map status=KEY, --map http_status=KEY or --map error_type=KEY if it has them"
        )
    if whole["errors"] and nothing_answered(whole):
        found.append("the log holds nothing but failures: the rates do not say how often requests fail")
    if whole["cancelled"]:
        found.append(f"{whole['cancelled']:,} cancelled requests are no errors and are not in the rates")
    if whole["unknown"]:
        found.append(
            f"{whole['unknown']:,} requests do not say whether they failed and are not in the rates; "
            "--map status=KEY or --map http_status=KEY if the log has it"
        )
    if whole["errors"] > whole["classed"]:
        n = whole["errors"] - whole["classed"]
        found.append(f"{n:,} errors have no class (other); --map error_type=KEY, --map error_message=KEY may tell it")
    if whole["timeless"] and whole["errors"]:
        found.append(
            f"{whole['timeless']:,} requests have no time: no hour, trend or day of theirs; --map started_at=KEY"
        )
    if silent and whole["answers"] and not whole["finished"]:
        found.append("no request logs a finish reason: truncated and filtered answers cannot be told; "
                     "--map finish_reason=KEY")  # fmt: skip
    if not silent and whole["silent_failures"]:
        found.append(
            f"{whole['silent_failures']:,} of {whole['answers']:,} answers are truncated, refused, empty or filtered, "
            "under a status of ok: --silent shows them"
        )
    if whole["errors"]:
        found.append("llmscope runbook CLASS says what a class means and what to do")
    return found
