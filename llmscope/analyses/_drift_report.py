"""A drift report put together: what is asked of the log, the lines, and what is said of them."""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import Any

from llmscope.analyses import _counted, _drift_mixes, _drift_scores
from llmscope.analyses._daily import (
    AFTER,
    BEFORE,
    TAILS,
    Metric,
    Slot,
    days,
    events,
    largest,
    limits_of,
    quantiles,
    sessions,
    whole_days,
)
from llmscope.analyses._drift_asked import EXTENT_SQL, LEFT_SQL, NAMES, REACH_SQL, SIDE, Asked, Seen
from llmscope.analyses._drift_lines import (
    RARE_EVENTS,
    Line,
    Windows,
    both,
    level_line,
    mean_line,
    rate_line,
    tail_line,
    units_of,
    usual_rho,
)
from llmscope.analyses._drift_words import local
from llmscope.result import Result, Window
from llmscope.stats.daily import Day
from llmscope.stats.verdicts import Margins

Row = dict[str, Any]
NO_MARGIN = (0.0, 0.0)


def answer(asked: Asked) -> Result:
    """The whole report."""
    from llmscope.analyses import _drift_said

    extent = asked.logs.query(EXTENT_SQL, window=Window(tz=asked.windows[0].tz))[0]
    if asked.windows[0].since is None:
        return _drift_said.nothing(asked, extent)
    seen = look(asked, extent)
    lines = [*figures(asked, seen), *mixes(asked, seen)]
    scored: _drift_scores.Found = {}
    if "score" in asked.wanted:
        scored = _drift_scores.days(seen.sides)
        lines += scores(scored, seen)
    left = asked.logs.query(
        LEFT_SQL,
        names={"side": SIDE, "reason": _counted.reason_sql(asked.back)},
        window=asked.both,
        **seen.sides.values,
    )
    answered = _drift_said.result(asked, seen, lines, scored, {row["reason"]: row["requests"] for row in left})
    return with_parts(answered, asked, seen)


def with_parts(answered: Result, asked: Asked, seen: Seen) -> Result:
    """What is asked for beside the table: distances, and what vectors say where the log has them."""
    if asked.distances:
        from llmscope.analyses import _drift_distances

        part = _drift_distances.part(seen.sides, [word for word in _drift_mixes.MIXES if word in asked.wanted])
        answered = replace(answered, parts={**answered.parts, **({"distances": part} if part.rows else {})})
        answered = answered.with_notes(_drift_distances.NOTE)
    if asked.wanted != NAMES:
        return answered
    from llmscope.analyses import _drift_embeddings

    vectors = _drift_embeddings.answer(asked.logs, *asked.windows)
    if vectors is None:
        return answered
    part, said, noted = vectors
    parts = {**answered.parts, **({"embeddings": part} if part.rows else {})}
    return replace(answered, parts=parts, findings=(*answered.findings, *said), notes=(*answered.notes, *noted))


def look(asked: Asked, extent: Row) -> Seen:
    """All that is asked of the requests: the slices, the quantiles, the days, the sessions."""
    sides, slices, rest = asked.sides, 0, 0
    if asked.groups and extent["first_at"] < asked.windows[0].until:  # else no slice has anything to be held against
        keys, slices, rest = largest(sides, asked.most)
        sides = replace(sides, keys=keys)
    found = quantiles(sides)
    limits = limits_of(sides, found)
    rows = days(sides, limits)
    by_slot: dict[Slot, list[Row]] = {slot: [] for slot in range(len(sides.keys))}
    for row in rows:
        if row["slot"] is not None:
            by_slot[row["slot"]].append(row)
    unnests = any(d.unnests for d in asked.groups)
    by_slot[None] = whole_days(days(replace(sides, by=(), keys=()), limits) if unnests else rows)
    reach = asked.logs.query(REACH_SQL)[0]
    windows = Windows(dates_of(asked.windows, reach), Margins.of(asked.logs.config.drift), sessions(sides))
    return Seen(sides, slices, rest, by_slot, found, windows, extent)


def dates_of(
    windows: tuple[Window, Window], extent: Row
) -> tuple[tuple[datetime.date, ...], tuple[datetime.date, ...]]:
    """Every day of both windows that the log reaches."""
    sides = []
    for window in windows:
        since, until = max(window.since, extent["first_at"]), min(window.until, extent["last_at"])
        first, last = local(since, window.tz).date(), local(until, window.tz)
        end = last.date() - datetime.timedelta(days=until == window.until and last.time() == datetime.time())
        sides.append(tuple(first + datetime.timedelta(days=i) for i in range((end - first).days + 1)))
    return sides[0], sides[1]


def figures(asked: Asked, seen: Seen) -> list[Line]:
    """A line for each metric, of the whole and of each slice."""
    made: list[Line] = []
    for metric in seen.sides.metrics:
        if metric.kind == "rate":
            made += rates(metric, seen)
            continue
        if metric.word in asked.wanted:
            of = level_line if metric.kind == "level" else mean_line
            margin = seen.windows.margins.ratio("latency" if metric.tails else "cost" if metric.priced else "tokens")
            pairs = {slot: both(seen.days[slot], f"{metric.word}_n", f"{metric.word}_total") for slot in seen.slots}
            rho = usual_rho([pairs[slot] for slot in seen.slots if slot is not None])
            blank = Line(
                metric.word,
                metric.said,
                metric.unit,
                None,
                margin,
                (0, 0),
                (0, 0),
                better=-1 * (metric.unit != "tokens"),
            )
            made += [of(placed(blank, seen, slot), pairs[slot], rho) for slot in seen.slots]
        if metric.tails:
            made += tails(metric, asked, seen)
    for name, n, said, unit, kind in (
        ("cost", "cost_per_request_total", "total cost", "usd_per_day", "cost"),
        ("requests", "requests", "volume", "requests_per_day", "volume"),
    ):
        if name in asked.wanted and asked.of_days and any(row[n] is not None for row in seen.days[None]):
            blank = Line(name, said, unit, None, seen.windows.margins.ratio(kind), (0, 0), (0, 0),
                         better=-1 if name == "cost" else 0)  # fmt: skip
            made += sums(blank, n, "cost_per_request_n" if name == "cost" else "requests", seen)
    return made


def placed(line: Line, seen: Seen, slot: Slot) -> Line:
    """The line of one slice, with its sessions."""
    units = units_of(seen.days[slot], slot, seen.windows)
    return replace(line, slot=slot, units=min(units) if units else None)


def tails(metric: Metric, asked: Asked, seen: Seen) -> list[Line]:
    """The quantiles of one metric."""
    made = []
    for tail in (t for t in TAILS if f"{metric.word}_{t}" in asked.wanted):
        pairs = {
            slot: both(seen.days[slot], f"{metric.word}_n", f"{metric.word}_{tail}_{'all' if slot is None else 'own'}")
            for slot in seen.slots
        }
        rho = usual_rho([pairs[slot] for slot in seen.slots if slot is not None])
        blank = Line(f"{metric.word}_{tail}", f"{tail} {metric.said}", metric.unit, None,
                     seen.windows.margins.ratio("latency"), (0, 0), (0, 0), better=-1)  # fmt: skip
        made += [tail_line(placed(blank, seen, s), tail, pairs[s], rho, seen.quantiles, metric.word)
                 for s in seen.slots]  # fmt: skip
    return made


def rates(metric: Metric, seen: Seen) -> list[Line]:
    """A rate, of the whole and of each slice; none where the log does not know the flag."""
    if metric.told and not sum(row[f"{metric.word}_told"] for row in seen.days[None]):
        return []
    pairs = {slot: both(seen.days[slot], f"{metric.word}_n", f"{metric.word}_total") for slot in seen.slots}
    rho = usual_rho([pairs[slot] for slot in seen.slots if slot is not None])
    rare = any(0 < sum(day.total for day in side) < RARE_EVENTS for pair in pairs.values() for side in pair)
    hits = events(replace(seen.sides, metrics=(metric,))) if rare else {}
    blank = Line(metric.word, metric.said, "share", None, NO_MARGIN, (0, 0), (0, 0), change_unit="share", better=-1)
    made = []
    for slot in seen.slots:
        every, units = units_of(seen.days[slot], slot, seen.windows), None
        if every:
            # Of the sessions, as many as of the requests are known to have or not to have had it.
            known = [sum(d.n for d in side) / max(seen.requests(name, slot), 1)
                     for name, side in zip((BEFORE, AFTER), pairs[slot], strict=True)]  # fmt: skip
            units = round(every[0] * known[0]), round(every[1] * known[1])
        hit = hits.get((BEFORE, slot, metric.word), 0), hits.get((AFTER, slot, metric.word), 0)
        line = placed(blank, seen, slot)
        made.append(rate_line(line, pairs[slot], rho, seen.windows.margins, units, hit if units else None))
    return made


def sums(blank: Line, total: str, n: str, seen: Seen) -> list[Line]:
    """A total as a figure a day, days without a request counted as 0.

    Each day is worth the same, and as many rows as a day has in the mean of the busier window: what there is to say of
    a volume rests on what it was as much as on what it became, which may be nothing.
    """
    pairs = {slot: totals_a_day(seen, slot, total, n) for slot in seen.slots}
    rho = usual_rho([pairs[slot] for slot in seen.slots if slot is not None])
    made = []
    for slot in seen.slots:
        units = units_of(seen.days[slot], slot, seen.windows)
        shown = counted_in(seen, slot, n, BEFORE), counted_in(seen, slot, n, AFTER)
        line = replace(placed(blank, seen, slot), units=max(units) if units else None, shown=shown)
        made.append(with_zero(mean_line(line, pairs[slot], rho), seen))
    return made


def counted_in(seen: Seen, slot: Slot, n: str, side: str) -> int:
    """Requests of one window that a figure is of."""
    return int(sum(row[n] for row in seen.days[slot] if row["side"] == side))


def totals_a_day(seen: Seen, slot: Slot, total: str, n: str) -> tuple[list[Day], list[Day]]:
    """Every day of both windows, each worth what a day of the busier one has."""
    before, after = seen.windows.dates
    found = {(row["side"], row["day_of"].date()): float(row[total] or 0) for row in seen.days[slot]}
    worth = max(
        round(counted_in(seen, slot, n, side) / max(len(of), 1)) for side, of in ((BEFORE, before), (AFTER, after))
    )
    worth = worth or int(any(found.values()))
    return (
        [Day(date, worth, worth * found.get((BEFORE, date), 0.0)) for date in before],
        [Day(date, worth, worth * found.get((AFTER, date), 0.0)) for date in after],
    )


def with_zero(line: Line, seen: Seen) -> Line:
    """A slice that made no request in days the log reaches made 0 of them."""
    before, after = (
        0.0 if figure is None and dates else figure
        for figure, dates in zip((line.before, line.after), seen.windows.dates, strict=True)
    )
    return replace(line, before=before, after=after)


def mixes(asked: Asked, seen: Seen) -> list[Line]:
    """What the traffic is made of; a mix of what the slices are is asked of the whole only."""
    words = [word for word in _drift_mixes.MIXES if word in asked.wanted]
    if not words:
        return []
    unnests = any(d.unnests for d in asked.groups)
    counts = _drift_mixes.counts(seen.sides, words)
    if unnests:
        whole = _drift_mixes.counts(replace(seen.sides, by=(), keys=()), words)
        counts = {key: value for key, value in counts.items() if key[1] is not None} | whole
    sliced = {d.word for d in asked.groups}
    made = []
    for (word, slot), sides in sorted(
        counts.items(), key=lambda item: (item[0][0], -1 if item[0][1] is None else item[0][1])
    ):
        if slot is not None and _drift_mixes.MIXES[word] in sliced:
            continue
        blank = Line(word, word.replace("_", " "), "moved", slot, NO_MARGIN, (0, 0), (0, 0), change_unit="moved")
        line = _drift_mixes.line_of(placed(blank, seen, slot), sides, seen.windows, None)
        made += [line] if line else []
    return made


def scores(found: _drift_scores.Found, seen: Seen) -> list[Line]:
    """A line for each rater, of the whole and of each slice."""
    raters = {rater for rater, _ in found}
    rhos = {}
    for rater in raters:
        pairs = [
            (_drift_scores.days_of(rows, BEFORE), _drift_scores.days_of(rows, AFTER))
            for (one, slot), rows in found.items()
            if one == rater and slot is not None
        ]
        rhos[rater] = usual_rho(pairs)
    blank = Line("score", "score", "points", None, NO_MARGIN, (0, 0), (0, 0))
    return _drift_scores.lines(found, seen.windows, blank, rhos)
