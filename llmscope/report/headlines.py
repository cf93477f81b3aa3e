"""The figures of the first page: each with the window before, its change, and whether the change is real."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from llmscope.analyses._drift_words import scale, signed
from llmscope.analyses._movers import dollars
from llmscope.reported import Headline
from llmscope.result import Kind, Result

Row = Mapping[str, Any]
ALL = "(all)"
UNKNOWN = "no window before"
STEP = "since the day it began"
# Which rows of a comparison of two logs are headlines, and what kind of figure each is.
COMPARED: dict[str, tuple[str, Kind]] = {
    "cost per request": ("Cost per request", "usd"),
    "p95 latency": ("p95 latency", "ms"),
    "error rate": ("Error rate", "ratio"),
    "input tokens": ("Input tokens per request", "tokens"),
    "output tokens": ("Output tokens per request", "tokens"),
}


def headlines(totals: Mapping[str, Row], drift: Result | None, compare: Result | None) -> tuple[Headline, ...]:
    """The headlines of a window, or of two logs that are compared."""
    if compare is not None:
        return tuple(of_logs(compare))
    now, before = totals.get("after", {}), totals.get("before", {})
    lines = of_whole(drift) if drift else {}
    return (*counted(now, before, lines), *timed(lines), *rated(now, before, lines), *scored(drift, lines))


def of_whole(drift: Result) -> dict[str, Row]:
    """The lines of the whole, by metric."""
    words = [c.name for c in drift.columns if c.role == "dimension" and c.name != "metric"]
    return {row["metric"]: row for row in drift.rows if all(row[word] == ALL for word in words)}


def counted(now: Row, before: Row, lines: Mapping[str, Row]) -> Iterator[Headline]:
    """Money and requests: totals of the windows, and the change of a day."""
    lacking = now.get("unpriced_requests") or 0
    note = f"at least: {lacking:,} requests have no price" if lacking else ""
    yield of_line("Spend", "usd", money(now), money(before), lines.get("cost"), note=note, daily=True)
    requests = [row.get("requests") for row in (now, before)]
    yield of_line("Requests", "count", requests[0] or 0, requests[1], lines.get("requests"), daily=True)


def money(row: Row) -> float | None:
    """What a window cost; unknown where nothing but free requests has a price beside some that have none."""
    cost = row.get("cost_usd")
    return None if cost is None or (not cost and row["unpriced_requests"]) else float(cost)


def timed(lines: Mapping[str, Row]) -> Iterator[Headline]:
    """The latency of the slowest twentieth."""
    if line := lines.get("latency_p95"):
        yield of_line("p95 latency", "ms", line["after_value"], line["before_value"], line)


def rated(now: Row, before: Row, lines: Mapping[str, Row]) -> Iterator[Headline]:
    """The share of failures, and tokens a request."""
    rates = [share(row.get("failed_requests"), row.get("judged_requests")) for row in (now, before)]
    yield of_line("Error rate", "ratio", rates[0], rates[1], lines.get("error_rate"))
    for side in ("input", "output"):
        name, line = f"{side}_tokens", lines.get(f"{side}_tokens")
        values = [None if row.get(name) is None else round(row[name]) for row in (now, before)]
        if values != [None, None]:
            note = (
                "of the average request; the change is the typical (geometric mean) request's"
                if line and values[1] is not None
                else ""
            )
            title = f"{side.capitalize()} tokens per request"
            yield of_line(title, "tokens", values[0], values[1], line, note=note)


def share(part: int | None, whole: int | None) -> float | None:
    return part / whole if whole and part is not None else None


def scored(drift: Result | None, lines: Mapping[str, Row]) -> Iterator[Headline]:
    """The score with most items of those on a scale: by a rater of both windows first."""
    rows = [row for name, row in lines.items() if name.startswith("score: ") and row["unit"] == "points"]
    named = [row for row in rows if row["after_value"] is not None and not row["metric"].startswith("score: quality.")]
    if not drift or not named:
        return
    best = max(named, key=lambda row: (row["before_value"] is not None, row["requests_after"] or 0))
    name, _, rater = str(best["metric"]).removeprefix("score: ").partition(" by ")
    fresh = max(named, key=lambda row: row["requests_after"] or 0)
    note = f"by {rater}"
    if fresh is not best:
        newer = str(fresh["metric"]).partition(" by ")[2]
        note += f"; {newer}, {fresh['after']} now, did not score the window before: not compared"
    elif best["before_value"] is None:
        note += ": did not score the window before"
    yield of_line(name.capitalize(), "rate", best["after_value"], best["before_value"], best, note=note)


def of_line(
    name: str, kind: Kind, value: float | int | None, before: float | int | None, line: Row | None,
    note: str = "", daily: bool = False,
) -> Headline:  # fmt: skip
    """A headline with what drift says of its metric."""
    if before is None:
        return Headline(name, kind, value, None, UNKNOWN, note=note)
    total = difference(kind, value, before) if daily else ""
    if line is None or line["change"] is None:
        why = "not judged" if line is None else ""
        return Headline(name, kind, value, before, why, said(line), note=note, total=total)
    began = f", since about {line['began']}" if line["began"] and STEP in (line["method"] or "") else ""
    change = f"{line['change']}{' a day' if daily else ''}{began}"
    better = {"better": True, "worse": False}.get(line["direction"] or "")
    return Headline(name, kind, value, before, change, said(line), better, note, total, ends(line))


def difference(kind: Kind, value: float | int | None, before: float | int) -> str:
    """`$31.56 less`, `1,251 fewer`: by how much two totals differ."""
    if value is None or value == before:
        return ""
    size = abs(value - before)
    few = "less" if kind == "usd" else "fewer"
    return f"{dollars(size) if kind == 'usd' else f'{size:,}'} {few if value < before else 'more'}"


def ends(line: Row) -> str:
    """`-100 % to +55 %`: what the level may have changed by; nothing where an end is not known."""
    known = [line["change_low_value"], line["change_high_value"]]
    if None in known or line["change_unit"] == "moved":
        return ""
    factor, sign, places = scale(dict(line))
    low, high = (signed(factor * end, places) for end in known)
    return f"{low}{sign} to {high}{sign}"


def said(line: Row | None) -> str:
    """The verdict, where there is one; too few to say is no verdict, but has to be said."""
    return str(line["verdict"]) if line else ""


def of_logs(compare: Result) -> Iterator[Headline]:
    """The headlines of two logs: B, and A before it."""
    for row in compare.rows:
        if (known := COMPARED.get(row["metric"])) and row["b_value"] is not None:
            name, kind = known
            change = " ".join(filter(None, (row["change"], row["interval"]))) or "not judged"
            better = {"better": True, "worse": False}.get(row["verdict"])
            yield Headline(name, kind, row["b_value"], row["a_value"], change, row["verdict"], better)


def rows_of(found: Sequence[Headline]) -> list[dict[str, Any]]:
    """Headlines as rows, for `--fail-if 'headlines: …'`."""
    return [
        {"name": one.name, "value": one.value, "before": one.before, "verdict": one.verdict or None,
         "better": one.better, "change_ratio": relative(one)}
        for one in found
    ]  # fmt: skip


def relative(one: Headline) -> float | None:
    """The plain change against the window before."""
    return one.value / one.before - 1 if one.before and one.value is not None else None
