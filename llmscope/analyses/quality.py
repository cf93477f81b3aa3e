"""Are the answers good? Scores by rater, dimension and time with intervals; what users do; quality against cost.

A row is one scale of one rater: score, rater kind, rater and version. Scores of two raters, of two versions of a judge
or of two scales are never averaged together; users are one rater. Part `signals` holds what is said without being asked
(thumbs, fallbacks, refusals, empty and cut answers), `coverage` what the scored answers have more or less of than the
rest, `labels` the distribution of labels, `value` quality, cost and latency of the same answers by template, version
and model: what costs more without scoring better is said.

A score belongs to the answer it is about: --since, --until, --over and --by go by the request's time and columns. One
of a trace or a session stands with its last answer. Coverage: how many of the answers that ought to be scored are;
ought: those of the features that the rater scores at all, from the day of its first scored answer to that of the last.

Intervals are 95 %, by days drawn as a whole; by sessions where there are fewer than 8 days. Of a mean Student's t, of a
share of yes (thumbs, flags) and of the share below a bar Wilson's on as many scores as they are worth.

    --below 7                every numeric score's share below 7 (--below quality=7,tone=3 of those named)
    --score quality          only these scores; --rater gpt-judge,human only these raters or kinds
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

from llmscope.analyses import _quality_like, _slices
from llmscope.analyses._quality_asked import Asked, bars_of, check_names, listed
from llmscope.analyses._quality_labels import labels
from llmscope.analyses._quality_rows import BELOW, LAST, MEASURES, SCORE, finish, measured
from llmscope.analyses._quality_said import notes
from llmscope.analyses._quality_signals import MOST_SPANS, Span, asked_of, signals
from llmscope.analyses._quality_value import value
from llmscope.analyses._scored import KEYS
from llmscope.errors import UsageError, unknown_name
from llmscope.result import Column, Coverage, Finding, Part, Result, Series
from llmscope.stats.ready import make_ready

if TYPE_CHECKING:
    from llmscope.logs import Logs

# The tables it asks; of log files, only those that fill them are read.
TABLES = ("requests", "scores")
# Columns it never looks at: of log files they are not read unless --by or --where names them.
UNREAD = (
    "parent_span_id", "finish_reason_raw", "error_message", "error_type", "prefix_hashes", "embedding", "tags",
    "metadata", "ttft_ms", "queue_ms", "network_ms", "inference_ms", "postprocess_ms", "temperature", "input_chars",
    "sample_weight", "service", "environment", "release", "language", "item_id", "stream", "max_tokens", "source_line",
    "user_id", "attempt", "http_status",
)  # fmt: skip
MOST_LINES = 8
Row = dict[str, Any]


def quality(
    logs: Logs,
    by: Annotated[str | None, "dimensions to group by, comma-separated"] = None,
    over: Annotated[str | None, "hour, day, week or month: a row a bucket, and a line a rater over time"] = None,
    below: Annotated[str | None, "the share of scores below a bar: 7, or quality=7,tone=3"] = None,
    score: Annotated[str | None, "only these scores, comma-separated"] = None,
    rater: Annotated[str | None, "only these raters or kinds (human, judge, code, user, api), comma-separated"] = None,
    top: Annotated[int | None, "only the N slices with the most scores"] = None,
    sort: Annotated[str, "column to sort by"] = "score",
) -> Result:
    """Scores by rater and slice, and what they may be worth; see the module's words."""
    groups = _slices.grouping(by, over)
    asked = Asked(logs, groups, bars_of(below), listed(score), listed(rater))
    columns = columns_of(asked)
    if top is not None and top < 1:
        raise UsageError("--top takes a number of 1 or more")
    if sort not in {c.name for c in columns}:
        raise unknown_name("column", sort, [c.name for c in columns])
    make_ready()
    check_names(asked)
    rows = measured(asked)
    mix = _quality_like.read(asked) if any(row["answered"] for row in rows) else []
    of_rater = spans_of(rows, _quality_like.features_of(mix))
    spans = list(dict.fromkeys(of_rater.values()))
    slices = asked_of(asked, spans)
    finished = with_coverage(rows, slices, of_rater, asked)
    shown, cut = topmost(finished, asked, top, over)
    parts, found, small = parts_of(asked, rows, slices, mix)
    names = [c.name for c in columns]
    ordered = arranged(shown, asked, sort, over)
    return Result(
        "quality",
        columns,
        tuple({name: row[name] for name in names} for row in ordered),
        parts=parts,
        series=lines(ordered, asked, over) if over else (),
        findings=found,
        notes=(*notes(asked, rows, slices), *cut, *small),
        coverage=Coverage(requests=sum(row["requests"] for row in slices)),
    )


def columns_of(asked: Asked) -> tuple[Column, ...]:
    """The bucket, who scored what, the slice, the figures."""
    own = _slices.columns_of(asked.groups)
    time, rest = tuple(c for c in own if c.role == "time"), tuple(c for c in own if c.role != "time")
    return (*time, *SCORE, *rest, *MEASURES, *(BELOW if asked.bars else ()), *LAST)


def rater_of(row: Row) -> tuple[Any, ...]:
    return tuple(row[key] for key in KEYS)


def spans_of(rows: Sequence[Row], features: Mapping[tuple[Any, ...], tuple[str, ...]]) -> dict[tuple[Any, ...], Span]:
    """From which day to which each rater scored, over all slices, and which features."""
    found: dict[tuple[Any, ...], Span] = {}
    for row in rows:
        if row["first_day"] is not None:
            key, first, last = rater_of(row), row["first_day"], row["last_day"]
            known = found.get(key, Span(first, last, features.get(key, ())))
            found[key] = replace(known, first=min(known.first, first), last=max(known.last, last))
    return found


def with_coverage(
    rows: Sequence[Row], slices: Sequence[Row], of_rater: Mapping[tuple[Any, ...], Span], asked: Asked
) -> list[Row]:
    """The rows finished, each with the answers of its slice that its rater ought to have scored."""
    places = {span: i for i, span in enumerate(list(dict.fromkeys(of_rater.values()))[:MOST_SPANS])}
    answers = {tuple(row[word] for word in asked.words): row for row in slices}
    found = []
    for row in rows:
        span = of_rater.get(rater_of(row))
        place = places.get(span) if span is not None else None
        own = answers.get(tuple(row[word] for word in asked.words))
        found.append(finish(row, asked, own[f"span_{place}"] if own is not None and place is not None else None))
    return found


def topmost(rows: list[Row], asked: Asked, top: int | None, over: str | None) -> tuple[list[Row], list[str]]:
    """The slices with the most scores; quantiles and intervals of the others cannot be added up."""
    slices = [d for d in asked.groups if d.word != over]
    if top is None or not slices:
        return rows, []
    kept = _slices.top_keys(rows, slices, top, "scores")
    inside = [row for row in rows if tuple(row[d.word] for d in slices) in kept]
    n = len({tuple(row[d.word] for d in slices) for row in rows}) - len(kept)
    left = sum(row["scores"] for row in rows) - sum(row["scores"] for row in inside)
    return inside, [f"{n:,} more slices with {left:,} scores are not shown (--top {top})"] if n > 0 else []


def arranged(rows: Sequence[Row], asked: Asked, sort: str, over: str | None) -> list[Row]:
    """By bucket, then by `sort`, then by score and rater: the same every time."""
    first = sorted(rows, key=lambda r: tuple((r[key] is None, str(r[key])) for key in KEYS))
    if sort in {c.name for c in SCORE} | set(asked.words):
        slices = [d.word for d in asked.groups]
        first.sort(key=lambda r: tuple((r[w] is None, str(r[w])) for w in (*slices, *KEYS) if w != over))
        first.sort(key=lambda r: (r[sort] is None, str(r[sort])))
    else:
        first.sort(key=lambda r: (r[sort] is None, -r[sort] if isinstance(r[sort], (int, float)) else 0, str(r[sort])))
    return sorted(first, key=lambda r: (r[over] is None, str(r[over]))) if over else first


def parts_of(
    asked: Asked, rows: Sequence[Row], slices: Sequence[Row], mix: Sequence[Row]
) -> tuple[dict[str, Part], tuple[Finding, ...], list[str]]:
    """The other tables, each where there is something to show."""
    parts: dict[str, Part] = {}
    found: tuple[Finding, ...] = ()
    small: list[str] = []
    if any((row["labels"] and not row["valued"]) or row["data_type"] == "categorical" for row in rows):
        parts["labels"], more = labels(asked)
        small += more
    if any(row["answered"] for row in rows):
        weighed, found, more = value(asked, rows)
        if weighed is not None:
            parts["value"] = weighed
        unlike, odd = _quality_like.like_the_rest(mix)
        if unlike.rows:
            parts["coverage"] = unlike
        small += [*odd, *more]
    if any(row["answers"] for row in slices):
        parts["signals"] = signals(asked, slices, rows)
    return parts, found, small


def lines(rows: Sequence[Row], asked: Asked, over: str) -> tuple[Series, ...]:
    """The mean over time, a line a rater, version and slice; a version begins where the one before it ends."""
    words = [*KEYS, *(word for word in asked.words if word != over)]
    buckets = tuple(dict.fromkeys(row[over] for row in rows if row[over] is not None))
    found: dict[tuple[Any, ...], dict[Any, Row]] = {}
    for row in rows:
        if row["mean"] is not None and row[over] is not None:
            found.setdefault(tuple(row[word] for word in words), {})[row[over]] = row
    most = sorted(found, key=lambda key: (-sum(r["scores"] for r in found[key].values()), str(key)))[:MOST_LINES]
    return tuple(
        Series(
            " ".join(str(part) for part in (key[0], key[3] or key[2], *key[4:]) if part is not None),
            buckets, tuple(found[key][b]["mean"] if b in found[key] else None for b in buckets), "rate",
        )
        for key in most if len(buckets) > 1
    )  # fmt: skip
