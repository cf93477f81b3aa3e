"""Whether the prompts of two windows can be told apart by their vectors, from a bounded sample of what is logged."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any

from llmscope.result import Column, Finding, Part, Window

if TYPE_CHECKING:
    from llmscope.logs import Logs
    from llmscope.stats.embeddings import EmbeddingDrift

Row = dict[str, Any]
# Prompts a window, and numbers in all: 4,000 vectors of 1,536 numbers take half a gigabyte on their way.
MOST_ROWS, MOST_NUMBERS = 2_000, 3_000_000
# An area as large is no change of what people ask.
OTHER_EMBEDDER = 0.99
NAMED = 3
NONE_HERE = "vectors came beside the log, none of a request of these windows: embeddings are not compared"
SIDE = """CASE WHEN started_at >= $after_since AND started_at < $after_until THEN 'after'
    WHEN started_at >= $before_since AND started_at < $before_until THEN 'before' END"""
# Vectors stand in the log or in a file beside it; the log's own counts, and of two of one request the first by name.
HELD_SQL = """held AS (
    SELECT request_id, started_at, array_length(embedding) AS numbers, NULL AS vector_id
    FROM requests WHERE embedding IS NOT NULL
    UNION ALL
    SELECT requests.request_id, requests.started_at, array_length(vectors.embedding), vectors.vector_id
    FROM (
        SELECT coalesce(request_id, vector_id) AS request_id, min(vector_id) AS vector_id FROM vectors
        WHERE array_length(embedding) > 0
        GROUP BY coalesce(request_id, vector_id)
    ) AS beside
    JOIN vectors ON vectors.vector_id = beside.vector_id
    JOIN requests ON requests.request_id = beside.request_id
    WHERE requests.embedding IS NULL
)"""
LENGTHS_SQL = """
WITH {held}, sided AS (
    SELECT {side} AS side, numbers FROM held
)
SELECT side, numbers, count(*) AS requests FROM sided WHERE side IS NOT NULL AND numbers > 0 GROUP BY side, numbers
"""
# The same requests each time it is asked: those whose names' digests come first.
SAMPLE_SQL = """
WITH {held}, sided AS (
    SELECT request_id, vector_id, {side} AS side FROM held WHERE numbers = $numbers
), ranked AS (
    SELECT request_id, vector_id, side,
        row_number() OVER (PARTITION BY side ORDER BY md5(request_id), request_id) AS place
    FROM sided
    WHERE side IS NOT NULL
), chosen AS (
    SELECT request_id, vector_id, side FROM ranked WHERE place <= $most
)
SELECT requests.request_id AS request_id, chosen.side AS side, session_id, model, started_at,
    date_trunc('day', {local}) AS day_of, coalesce(requests.embedding, vectors.embedding) AS embedding
FROM requests JOIN chosen ON requests.request_id = chosen.request_id
LEFT JOIN vectors ON vectors.vector_id = chosen.vector_id
ORDER BY started_at, requests.request_id
"""
BESIDE_SQL = "SELECT count(*) AS vectors_beside FROM vectors"
COLUMNS = (
    Column("auc", "rate"),
    Column("auc_low", "rate", "low", "auc"),
    Column("auc_high", "rate", "high", "auc"),
    Column("p_value", "rate"),
    Column("p_weeks_value", "rate", optional=True),
    Column("mean_shift", "rate"),
    Column("mean_shift_noise", "rate", optional=True),
    Column("new_ratio", "ratio"),
    Column("requests_before", "count", "n"),
    Column("requests_after", "count", "n"),
    Column("groups", "text", optional=True),
    Column("groups_before", "count", optional=True),
    Column("groups_after", "count", optional=True),
)
Answer = tuple[Part, tuple[Finding, ...], tuple[str, ...]]


def answer(logs: Logs, before: Window, after: Window) -> Answer | None:
    """The figures, what is to be said, and the small print; None where no vector is logged in these windows.

    The rows of the finding are the requests most unlike the past. Nothing here is a verdict: which area under the curve
    matters is not known.
    """
    ends: dict[str, Any] = {"before_since": before.since, "before_until": before.until,
            "after_since": after.since, "after_until": after.until}  # fmt: skip
    if None in ends.values():
        return None
    both = Window(before.since, after.until, before.tz)
    names = {"side": SIDE, "held": HELD_SQL}
    lengths = logs.query(LENGTHS_SQL, names=names, window=both, **ends)
    if not lengths:
        beside = logs.query(BESIDE_SQL)[0]["vectors_beside"]
        return (empty(), (), (f"{beside:,} {NONE_HERE}",)) if beside else None
    numbers, left_out = common_length(lengths)
    if numbers is None:
        return empty(), (), (told_lengths(lengths),)
    most = max(min(MOST_ROWS, MOST_NUMBERS // 2 // numbers), 1)
    local = "started_at" if before.tz == "UTC" else "timezone($tz, timezone('UTC', started_at))"
    rows = logs.query(SAMPLE_SQL, names=names | {"local": local}, window=both, numbers=numbers, most=most, **ends)
    usable = [row for row in rows if is_direction(row["embedding"])]
    notes = [*left_out, *([f"{len(rows) - len(usable):,} vectors have no direction (zero, or not a number)"]
                          if len(usable) < len(rows) else [])]  # fmt: skip
    found = compared(usable)
    if found is None:
        counts = [sum(row["side"] == side for row in usable) for side in ("before", "after")]
        notes.append(
            f"vectors of {counts[0]:,} requests before and {counts[1]:,} after: too few days and sessions to say"
        )
        return empty(), (), tuple(notes)
    every = {row["side"]: row["requests"] for row in lengths if row["numbers"] == numbers}
    part = Part(COLUMNS, (figures(found),))
    return part, (finding(found, usable),), (*notes, *small_print(found, every))


def compared(rows: Sequence[Row]) -> EmbeddingDrift | None:
    """What stats make of the sample."""
    from llmscope.stats.embeddings import compare

    return compare(
        [row["embedding"] for row in rows],
        [row["side"] == "after" for row in rows],
        [row["session_id"] for row in rows],
        [row["day_of"].date() for row in rows],
    )


def common_length(lengths: Sequence[Row]) -> tuple[int | None, list[str]]:
    """The length of vector that most requests of both windows have, and how many have another."""
    sides: dict[int, dict[str, int]] = {}
    for row in lengths:
        sides.setdefault(row["numbers"], {})[row["side"]] = row["requests"]
    shared = {n: sum(counts.values()) for n, counts in sides.items() if len(counts) == 2}
    if not shared:
        return None, []
    best = max(shared, key=lambda n: (shared[n], n))
    others = sum(row["requests"] for row in lengths if row["numbers"] != best)
    said = f"{others:,} requests have vectors of another length than {best:,} numbers and are not compared"
    return best, [said] if others else []


def told_lengths(lengths: Sequence[Row]) -> str:
    """Why nothing can be compared."""
    seen = {side: max((row for row in lengths if row["side"] == side), key=lambda row: row["requests"], default=None)
            for side in ("before", "after")}  # fmt: skip
    for side, row in seen.items():
        if row is None:
            return f"no request of the window {side} has a vector: embeddings are not compared"
    return (
        f"vectors have {seen['before']['numbers']:,} numbers before and {seen['after']['numbers']:,} after: "  # type: ignore[index]
        "another embedder, nothing can be compared"
    )


def is_direction(vector: Sequence[float | None]) -> bool:
    """Numbers alone, and not all of them zero."""
    return all(x is not None and isfinite(x) for x in vector) and any(vector)


def empty() -> Part:
    """No figures."""
    return Part(COLUMNS, ())


def figures(found: EmbeddingDrift) -> Row:
    """The one row."""
    return {
        "auc": found.auc,
        "auc_low": found.low,
        "auc_high": found.high,
        "p_value": found.p,
        "p_weeks_value": found.p_weeks,
        "mean_shift": found.shift,
        "mean_shift_noise": found.shift_noise,
        "new_ratio": found.new_ratio,
        "requests_before": found.n[0],
        "requests_after": found.n[1],
        "groups": found.groups,
        "groups_before": found.group_counts[0],
        "groups_after": found.group_counts[1],
    }


def finding(found: EmbeddingDrift, rows: Sequence[Row]) -> Finding:
    """Whether prompts can be told apart, how far they moved, and which are new."""
    unlike = tuple(
        {name: rows[one.place][name] for name in ("request_id", "session_id", "model", "started_at")}
        | {"distance": one.distance}
        for one in found.unlike
    )
    area = f"area under the curve {found.auc:.2f} [{found.low:.2f}, {found.high:.2f}], .5 is guessing"
    word = "can" if found.apart else "cannot surely"
    text = f"prompts of the two windows {word} be told apart by their vectors ({area}, p {p_text(found.p)})"
    if found.shift > found.shift_noise:
        text += f"; their mean moved by {found.shift:.3g} (noise alone: up to {found.shift_noise:.2g})"
    named = ", ".join(str(row["request_id"]) for row in unlike[:NAMED])
    text += f"; {100 * found.new_ratio:.1f} % are unlike any before (1 % with nothing new), most of all {named}"
    return Finding("embeddings", "info", text, unlike)


def p_text(p: float) -> str:
    """A share of relabellings."""
    return f"{p:.3f}" if p >= 0.001 else "< .001"


def small_print(found: EmbeddingDrift, every: dict[str, int]) -> list[str]:
    """What was sampled and how it was judged."""
    first, last = (f"{n:,} of {every.get(side, n):,}" for n, side in zip(found.n, ("before", "after"), strict=True))
    weeks = "" if found.p_weeks is None else f", and a t test of weeks (p {p_text(found.p_weeks)})"
    said = [
        f"embeddings: vectors of {first} requests before and {last} after, whole {found.groups}s kept together "
        f"({found.group_counts[0]:,} and {found.group_counts[1]:,}) and relabelled for p{weeks}; no verdict: that a "
        "tenth of the prompts is of a new topic is often missed, read the requests named"
    ]
    if found.dropped:
        said.append(f"{found.dropped:,} vectors of sessions that lie in both windows are not compared")
    if found.auc >= OTHER_EMBEDDER:
        said.append("vectors told apart as well as this may come from another embedder rather than from other prompts")
    return said
