"""The small print of quality: what the scores are of, what is too little, where a judge changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llmscope.analyses._quality_asked import Asked
from llmscope.analyses._quality_like import who
from llmscope.analyses._quality_rows import FEWEST
from llmscope.analyses._quality_weighted import small_print

Row = dict[str, Any]
MOST_NAMED = 3


def notes(asked: Asked, rows: Sequence[Row], slices: Sequence[Row]) -> list[str]:
    """The small print."""
    if not rows:
        return [nothing(asked, slices)]
    found = [*judge_changes(rows), *scales(rows), *bars(asked, rows), *few(asked, rows), *about(asked, rows)]
    found += small_print(rows)
    users = sum(1 for row in rows if row["rater_kind"] == "user")
    if users:
        found.append("users are taken together as one rater")
    if any(row["interval_by"] == "session" for row in rows):
        n = sum(row["interval_by"] == "session" for row in rows)
        found.append(f"intervals of {n:,} row{'s' * (n != 1)} are by session, not by day: fewer than 8 days")
    if "tag" in asked.words:
        found.append("a request with several tags stands under each")
    return found


def nothing(asked: Asked, slices: Sequence[Row]) -> str:
    """Why there is no score, and what to do."""
    if asked.logs.where or asked.logs.window.since or asked.logs.window.until or asked.scores or asked.raters:
        return "no score of what is asked for; without --since, --until, --where, --score and --rater there may be some"
    some = any(row["requests"] for row in slices)
    return (
        f"the {'log has' if some else 'log has no requests and'} no scores; llmscope load FILE reads a CSV or JSONL "
        "of labels: request_id (or response_id, trace_id), name, value or label, rater_kind, rater"
    )


def judge_changes(rows: Sequence[Row]) -> list[str]:
    """Raters that became another version while they scored."""
    spans: dict[Any, dict[Any, list[Any]]] = {}
    scores: dict[Any, dict[str, set[Any]]] = {}
    for row in (row for row in rows if row["rater_kind"] not in ("user", "human")):
        who_is, version = (row["rater_kind"], row["rater"]), row["rater_version"]
        scores.setdefault(who_is, {}).setdefault(row["score"], set()).add(version)
        times = [t for t in (row["first_at"], row["last_at"]) if t is not None]
        spans.setdefault(who_is, {}).setdefault(version, []).extend(times)
    found = []
    for (kind, rater), of in scores.items():
        changed = sorted(name for name, versions in of.items() if len(versions) > 1)
        if changed:
            ordered = sorted(
                spans[kind, rater].items(), key=lambda item: (not item[1], min(item[1], default=None) or 0)
            )
            each = ", ".join(f"{version or '(none)'}{when(times)}" for version, times in ordered)
            found.append(
                f"{rater or kind} changed while it scored {', '.join(changed)}: version {each}; another version is "
                "another judge, in lines of its own and never averaged (llmscope judge drift: the judge, or quality?)"
            )
    return found


def when(times: Sequence[Any]) -> str:
    """The days on which a version scored."""
    return f" ({min(times):%Y-%m-%d} to {max(times):%Y-%m-%d})" if times else ""


def scales(rows: Sequence[Row]) -> list[str]:
    """One name on several scales; numbers that were taken for yes and no; words that have no mean."""
    found = []
    for score in sorted({row["score"] for row in rows}):
        seen: dict[str, list[Row]] = {}
        for row in (row for row in rows if row["score"] == score and row["scores"]):
            seen.setdefault(what_scale(row, [r for r in rows if r["score"] == score]), []).append(row)
        if len(seen) > 1:
            each = [f"{scale} by {', '.join(sorted({who(r) for r in of})[:MOST_NAMED])}" for scale, of in seen.items()]
            found.append(f"{score} stands on several scales, each by itself: {'; '.join(sorted(each))}")
    taken = sorted({row["score"] for row in rows if row["share"] and row["data_type"] == "numeric"})
    if taken:
        found.append(f"numbers that are never but 0 and 1 are taken for no and yes: {', '.join(taken)}")
    if any(row["share"] for row in rows):
        found.append("the mean of a yes or no is its share of yes")
    unread = sum(row["scores"] - row["valued"] for row in rows if row["data_type"] in ("boolean", "numeric"))
    if unread:
        found.append(
            f"{unread:,} scores have no figure and are in no mean: a label that is neither yes nor no, or nothing"
        )
    return found


def what_scale(row: Row, others: Sequence[Row]) -> str:
    """A rater's scale: numbers are of one scale where their largest are within half as much again of each other."""
    if row["share"] or not row["valued"]:
        return "yes or no" if row["share"] else str(row["data_type"])
    highest = max(abs(r["highest"]) for r in others if r["rater"] == row["rater"] and r["valued"] and not r["share"])
    largest = max(abs(r["highest"]) for r in others if r["valued"] and not r["share"])
    return f"up to {largest:g}" if largest <= 1.5 * highest else f"up to {highest:g}"


def bars(asked: Asked, rows: Sequence[Row]) -> list[str]:
    """A bar that lies outside of a scale."""
    outside = sorted({
        f"{row['score']} by {who(row)} ({row['scale']})" for row in rows
        if row["valued"] and not row["share"] and (bar := asked.bar_of(row["score"])) is not None
        and not row["lowest"] <= bar <= row["highest"]
    })  # fmt: skip
    if not outside:
        return []
    more = f" and {len(outside) - MOST_NAMED} more" if len(outside) > MOST_NAMED else ""
    return [f"the bar of --below lies outside of the scores of {', '.join(outside[:MOST_NAMED])}{more}; "
            "--below NAME=BAR for each score"]  # fmt: skip


def few(asked: Asked, rows: Sequence[Row]) -> list[str]:
    """Rows of too few scores."""
    small = [row for row in rows if row["scores"] < FEWEST]
    if not small:
        return []
    named = [" ".join(str(v) for v in (row["score"], *(row[w] for w in asked.words), who(row)) if v is not None)
             + f" ({row['scores']:,})" for row in sorted(small, key=lambda r: -r["scores"])[:MOST_NAMED]]  # fmt: skip
    more = f" and {len(small) - MOST_NAMED} more" if len(small) > MOST_NAMED else ""
    return [f"too few to say: rows of fewer than {FEWEST} scores: {', '.join(named)}{more}"]


def about(asked: Asked, rows: Sequence[Row]) -> list[str]:
    """What the scores are of where they do not name a request, or name one that is not there."""
    found = []
    traces, sessions = (sum(row[name] for row in rows) for name in ("of_traces", "of_sessions"))
    if traces or sessions:
        each = " and ".join(f"{n:,} of a {what}" for n, what in ((traces, "trace"), (sessions, "session")) if n)
        found.append(f"scores of no single request ({each} as a whole) stand with its last answer")
    unmet = sum(row["unmet"] for row in rows)
    if unmet:
        found.append(
            f"{unmet:,} scores are of requests that are not there: in no slice, coverage or cost; load their log too"
        )
    again = [row for row in rows if row["rater_kind"] != "user" and row["scores"] - row["unmet"] > row["requests"] > 0]
    if again and "tag" not in asked.words:
        n = sum(row["scores"] - row["unmet"] - row["requests"] for row in again)
        names = sorted({f"{row['score']} by {who(row)}" for row in again})
        found.append(
            f"{n:,} scores are of requests that the same rater scored before "
            f"({', '.join(names[:MOST_NAMED])}); all of them count"
        )
    return found
