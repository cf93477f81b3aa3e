"""What a drift report says: the table, the sentences above it, and the small print."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import exp, isinf
from statistics import median
from typing import Any

from llmscope.analyses import _counted, _drift_scores
from llmscope.analyses._daily import AFTER, BEFORE
from llmscope.analyses._drift_asked import NAMES, Asked, Row, Seen
from llmscope.analyses._drift_lines import EXACT, Line
from llmscope.analyses._drift_series import series
from llmscope.analyses._drift_verdicts import Judged, direction, judge, odd_days
from llmscope.analyses._drift_words import change, detectable, figure, interval, local, points, sentence, window_text
from llmscope.result import TOO_FEW, Column, Coverage, Finding, Part, Result
from llmscope.stats.daily import Day
from llmscope.stats.verdicts import DRIFT, INCONCLUSIVE, SMALL, VERDICTS

ALL = "(all)"
# Figures a day, which a part of a day has not.
DAILY = ("cost", "requests")
# A change dated so near to days that are in neither window may lie in these.
EDGE = datetime.timedelta(days=3)
MOST_SENTENCES, MOST_CATEGORIES, MOST_INCIDENTS = 12, 10, 4
MEASURES = (
    Column("verdict", "text"),
    Column("before", "text"),
    Column("after", "text"),
    Column("change", "text"),
    Column("interval", "text", optional=True),
    Column("began", "text", optional=True),
    Column("direction", "text", optional=True),
    Column("smallest_change", "text", optional=True),
    Column("requests_before", "count", "n", optional=True),
    Column("requests_after", "count", "n", optional=True),
    Column("days_before", "count", detail=True),
    Column("days_after", "count", detail=True),
    Column("sessions_before", "count", detail=True),
    Column("sessions_after", "count", detail=True),
    Column("q_value", "rate", detail=True),
    Column("p_value", "rate", detail=True),
    Column("p_weeks_value", "rate", detail=True),
    Column("tests", "count", detail=True),
    Column("day_correlation", "rate", detail=True),
    Column("method", "text", detail=True),
    Column("unit", "text", detail=True),
    Column("before_value", "rate", detail=True),
    Column("after_value", "rate", detail=True),
    Column("change_unit", "text", detail=True),
    Column("change_value", "rate", detail=True),
    Column("change_low_value", "rate", "low", "change_value", detail=True),
    Column("change_high_value", "rate", "high", "change_value", detail=True),
    Column("crude_change_value", "rate", detail=True),
    Column("smallest_change_value", "rate", detail=True),
)
CATEGORIES = (
    Column("before_ratio", "ratio"),
    Column("after_ratio", "ratio"),
    Column("change", "text"),
    Column("change_ratio", "ratio", detail=True),
    Column("change_low_ratio", "ratio", "low", "change_ratio", detail=True),
    Column("change_high_ratio", "ratio", "high", "change_ratio", detail=True),
    Column("requests_before", "count", "n", optional=True),
    Column("requests_after", "count", "n", optional=True),
    Column("status", "text", optional=True),
    Column("q_value", "rate", optional=True),
)
WINDOWS = (
    Column("window", "text", "dimension"),
    Column("since", "time"),
    Column("until", "time"),
    Column("requests", "count", "n"),
    Column("sessions", "count", optional=True),
    Column("days", "count", optional=True),
)


def columns_of(asked: Asked) -> tuple[Column, ...]:
    """The metric, the slice, and what is said of it."""
    dims = (Column(d.word, "text", "dimension") for d in asked.groups)
    return (Column("metric", "text", "dimension"), *dims, *MEASURES)


def nothing(asked: Asked, extent: Row) -> Result:
    """The answer for a log without a request that has a time."""
    why = "no request has a time" if extent["timeless"] else "no requests"
    notes = (f"{why}: there are no two windows to compare; --map started_at=KEY if one is logged",)
    said = Finding("drift", "info", f"Too few to say: {why}.")
    return Result("drift", columns_of(asked), (), findings=(said,), notes=notes if extent["timeless"] else ())


def result(
    asked: Asked, seen: Seen, lines: Sequence[Line], scored: _drift_scores.Found, left: Mapping[str | None, int]
) -> Result:
    """The table, the mixes' categories, the windows, sentences and small print."""
    every_line, tests = judge([line for line in lines if any(line.n)], asked.dependent)
    found = sorted(every_line, key=rank)
    rows = [row_of(one, tests, asked, seen) for one in found]
    parts = {"categories": categories(found, asked, seen), "windows": windows(asked, seen)}
    every = seen.requests(BEFORE) + seen.requests(AFTER)
    return Result(
        "drift", columns_of(asked), tuple(rows), parts={name: part for name, part in parts.items() if part.rows},
        findings=tuple(sentences(found, rows, seen, scored)), notes=tuple(notes(asked, seen, found, tests, left)),
        coverage=Coverage(requests=every), series=series(found, seen),
    )  # fmt: skip


def rank(one: Judged) -> tuple[Any, ...]:
    """DRIFT first, the largest in margins on top; then in the order of the metrics, the whole before its slices."""
    line, said = one.line, one.said
    name = line.metric.split(":")[0]
    size = 0.0
    if said in (DRIFT, SMALL) and line.change is not None:
        reach = max(abs(line.margin[0]), abs(line.margin[1])) or 1.0
        effect = line.effect if line.effect is not None else line.shift.effect if line.shift else line.change
        moved = line.change / 0.05 if line.change_unit == "moved" else (9.9 if isinf(effect) else effect) / reach
        size = -abs(moved)
    return (VERDICTS.index(said), size, NAMES.index(name), line.metric, -1 if line.slot is None else line.slot)


def row_of(one: Judged, tests: int, asked: Asked, seen: Seen) -> Row:
    """One line's cells."""
    line, said, start = one.line, one.said, one.began
    key, shift = seen.key(line.slot), line.shift
    row: Row = {"metric": line.metric}
    row |= {d.word: ALL if key is None else key[i] for i, d in enumerate(asked.groups)}
    counts = line.n if line.shown is None else line.shown
    sessions = [seen.windows.sessions.get((side, line.slot)) or None for side in (BEFORE, AFTER)]
    row |= {
        "verdict": said, "before": figure(line.before, line.unit), "after": figure(line.after, line.unit),
        "began": since(start, seen), "direction": direction(line, said),
        "requests_before": counts[0], "requests_after": counts[1],
        "days_before": line.days[0], "days_after": line.days[1],
        "sessions_before": sessions[0], "sessions_after": sessions[1],
        "q_value": one.q, "p_value": line.p, "p_weeks_value": shift.p_weeks if shift else None,
        "tests": tests or None,
        "day_correlation": shift.rho if shift else None, "method": line.method, "unit": line.unit,
        "before_value": line.before, "after_value": line.after, "change_unit": line.change_unit,
        "change_value": finite(line.change), "change_low_value": finite(line.low),
        "change_high_value": finite(line.high), "crude_change_value": finite(line.crude),
        "smallest_change_value": finite(line.detectable),
    }  # fmt: skip
    row["change"], row["interval"] = change(row), interval(row)
    row["smallest_change"] = detectable(row) if said == INCONCLUSIVE else None
    return {column.name: row[column.name] for column in columns_of(asked)}


def since(start: datetime.date | None, seen: Seen) -> str | None:
    """When it began; between two windows that leave days out nobody looked, so that it is known by when only."""
    if start is None:
        return None
    before, after = seen.windows.dates
    if before and after and (after[0] - before[-1]).days > 1 and before[-1] - EDGE < start <= after[0] + EDGE:
        return f"by {after[0]:%Y-%m-%d}"
    return f"{start:%Y-%m-%d}"


def finite(value: float | None) -> float | None:
    return None if value is None or isinf(value) else value


def categories(found: Sequence[Judged], asked: Asked, seen: Seen) -> Part:
    """Of every mix that moved, the categories that moved most; of the others what is new and what is gone."""
    rows = []
    for line, said in ((one.line, one.said) for one in found):
        listed = [d for d in line.details if said in (DRIFT, SMALL) or (d["status"] and line.slot is None)]
        key = seen.key(line.slot)
        for detail in listed[:MOST_CATEGORIES]:
            row: Row = {"metric": line.metric, "category": detail["category"]}
            row |= {d.word: ALL if key is None else key[i] for i, d in enumerate(asked.groups)}
            row |= {"before_ratio": detail["before"], "after_ratio": detail["after"],
                    "change": points(detail["change"]), "change_ratio": detail["change"],
                    "change_low_ratio": detail["low"], "change_high_ratio": detail["high"],
                    "requests_before": detail["n"][0], "requests_after": detail["n"][1],
                    "status": detail["status"], "q_value": detail["q"]}  # fmt: skip
            rows.append(row)
    dims = (Column("metric", "text", "dimension"), *(Column(d.word, "text", "dimension") for d in asked.groups))
    return Part((*dims, Column("category", "text", "dimension"), *CATEGORIES), tuple(rows))


def windows(asked: Asked, seen: Seen) -> Part:
    """Which times were compared."""
    rows = []
    for side, window, dates in zip((BEFORE, AFTER), asked.windows, seen.windows.dates, strict=True):
        rows.append({"window": side, "since": window.since, "until": window.until, "requests": seen.requests(side),
                     "sessions": seen.windows.sessions.get((side, None)) or None, "days": len(dates)})  # fmt: skip
    return Part(WINDOWS, tuple(rows))


def sentences(found: Sequence[Judged], rows: Sequence[Row], seen: Seen, scored: _drift_scores.Found) -> list[Finding]:
    """What moved, in words, the largest first; then what else there is to know."""
    made, told = [], set()
    moved = [
        (line, row)
        for line, said, row in zip((j.line for j in found), (j.said for j in found), rows, strict=True)
        if said == DRIFT
    ]
    for line, row in sorted(moved, key=lambda pair: "_p" in pair[0].metric and pair[0].metric[-2:].isdigit()):
        base = line.metric.rsplit("_p", 1)[0] if line.metric[-2:].isdigit() else line.metric
        if (base, line.slot) not in told:
            told.add((base, line.slot))
            text = sentence(row, line.said, line.told, seen.key(line.slot))
            made.append((rows.index(row), Finding("drift", severity(row), text, (in_words(row, line),))))
    said = [finding for _, finding in sorted(made, key=lambda pair: pair[0])]
    more = len(said) - MOST_SENTENCES
    said = said[:MOST_SENTENCES] + ([Finding("drift", "info", f"And {more} more rows of DRIFT.")] if more > 0 else [])
    return [*said, *successions(scored, seen), *incidents(found, seen), rest(found)]


def in_words(row: Row, line: Line) -> Row:
    """A row with the name of its metric as people say it, and of a mix what moved."""
    return {**row, "said": line.said, "told": line.told or None}


def severity(row: Row) -> Any:
    """A change for the worse is a warning; what has no good end is to be known."""
    return "warning" if row["direction"] == "worse" else "info"


def rest(found: Sequence[Judged]) -> Finding:
    """What did not move, and what could not be judged."""
    counts = {verdict: sum(one.said == verdict for one in found) for verdict in VERDICTS}
    open_ = counts[INCONCLUSIVE] + counts[TOO_FEW]
    every = f"{len(found):,} {'row' if len(found) == 1 else 'rows'}"
    if not found:
        return Finding("drift", "info", "Too few to say: no request in either window.")
    if counts[TOO_FEW] == len(found):
        return Finding("drift", "info", f"Too few to say: none of {every} could be judged.")
    if open_ == len(found):
        few = f" and {counts[TOO_FEW]:,} too few to say" if counts[TOO_FEW] else ""
        return Finding("drift", "info", f"None of {every} could be judged: {counts[INCONCLUSIVE]:,} inconclusive{few}.")
    small = f"; {counts[SMALL]:,} moved within it" if counts[SMALL] else ""
    unsure = f"; {open_:,} of {every} could not be judged" if open_ else ""
    what = "Nothing else" if counts[DRIFT] else "Nothing"
    return Finding("drift", "info", f"{what} moved beyond its margin{small}{unsure}.")


def successions(scored: _drift_scores.Found, seen: Seen) -> list[Finding]:
    """Scores whose rater changed between the windows: two raters have no common scale."""
    changed: dict[tuple[_drift_scores.Rater, _drift_scores.Rater, str], list[str]] = {}
    for old, new, day in _drift_scores.successions(scored):
        when = since(datetime.date.fromisoformat(day), seen) or day
        alike = [replace(rater, name="", data_type="") for rater in (old, new)]
        key = (alike[0], alike[1], when if when.startswith("by ") else f"on {day}")
        changed.setdefault(key, []).append(new.name)
    return [
        Finding("rater", "warning", f"{old.who} gave way to {new.who} {day} ({', '.join(names)}): scores of two raters "
                "are not compared, and no row says how what they rate has moved.",
                ({"rater_kind": new.kind, "rater": new.rater, "from_version": old.version, "to_version": new.version,
                  "scores": names},))
        for (old, new, day), names in changed.items()
    ]  # fmt: skip


def incidents(found: Sequence[Judged], seen: Seen) -> list[Finding]:
    """Days of the later window far off those around them: an incident, not a new level."""
    made = []
    for line in (one.line for one in found if one.said != TOO_FEW):
        if line.slot is None and line.metric in ("requests", "latency"):
            level = line.metric == "latency"
            days = [day for side in line.series for day in side if day.n]
            series = [Day(day.date, 1, exp(day.total / day.n)) for day in days] if level else days
            odd = [one for one in odd_days(series) if one[0] in seen.windows.dates[1]]
            for day, value, usual in odd[:MOST_INCIDENTS]:
                text = (f"{day:%Y-%m-%d}: {line.said} {figure(value, line.unit)} against {figure(usual, line.unit)} "
                        "on such days around it: a day that stands out, no change of level.")  # fmt: skip
                row = {"day": f"{day:%Y-%m-%d}", "metric": line.metric, "value": value, "usual_value": usual,
                       "said": line.said, "unit": line.unit}  # fmt: skip
                made.append(Finding("incident", "info", text, (row,)))
    return made


def notes(asked: Asked, seen: Seen, found: Sequence[Judged], tests: int, left: Mapping[str | None, int]) -> list[str]:
    """The small print: windows, tests, what was left out, and what the verdicts mean."""
    before, after = asked.windows
    made = [f"compared: {window_text(after)} ({seen.requests(AFTER):,} requests) with {window_text(before)} "
            f"({seen.requests(BEFORE):,} requests)"]  # fmt: skip
    shifts = [one.line.shift for one in found if one.line.shift is not None]
    rhos = [shift.rho for shift in shifts if shift.rho is not None]
    if tests:
        how = "Benjamini-Yekutieli" if asked.dependent else "Benjamini-Hochberg"
        rho = f"; a day resembles the next by {median(rhos):.2f} (median)" if rhos else ""
        made.append(f"{tests:,} tests, q over all of them ({how}); levels at one mix of weekdays{rho}")
        made.append(
            "DRIFT: real and beyond the margin; SMALL: real, within it; STABLE: more than the margin is ruled out; "
            "--fail-if \"verdict == 'DRIFT'\" fails a build"
        )
    made += [*reach(asked, seen), *doubts(found), *absent(asked, found)]
    if seen.slices > len(seen.sides.keys):
        made.append(f"the {len(seen.sides.keys)} largest of {seen.slices:,} slices; the other {seen.rest:,} requests "
                    "are in the whole only; --top N takes more")  # fmt: skip
    timed = [name for name in asked.wanted if name.startswith(("latency", "ttft", "input", "output"))]
    made += _counted.notes(left) if timed else []
    if seen.extent["timeless"]:
        made.append(f"in no window: {seen.extent['timeless']:,} requests without a time; --map started_at=KEY")
    if found:
        more = ", ".join(column.name for column in MEASURES if column.detail)
        made.append(f"more of each row in --format json and csv, and with --columns: {more}")
    return made


def reach(asked: Asked, seen: Seen) -> list[str]:
    """Windows that the log does not fill."""
    made = []
    for window in asked.windows:
        first, last = (local(seen.extent[name], window.tz) for name in ("first_at", "last_at"))
        since, until = local(window.since, window.tz), local(window.until, window.tz)  # type: ignore[arg-type]
        if first.date() > since.date():
            made.append(f"the log begins on {first:%Y-%m-%d}, after {window_text(window)} does")
        if last < until and last.date() < until.date() and (until - last).days >= 1:
            made.append(f"the log ends on {last:%Y-%m-%d}, before {window_text(window)} does")
    return list(dict.fromkeys(made))


def doubts(found: Sequence[Judged]) -> list[str]:
    """Figures that rest on less than the others."""
    made = []
    exact = sum(one.line.method == EXACT for one in found)
    if exact:
        made.append(f"exact tests, which take days to be alike, judge {exact:,} rows of rare events or short windows")
    slow = sum(bool(one.line.shift and one.line.shift.slow) for one in found)
    if slow:
        made.append(f"weeks decide about {slow:,} rows of slow series (a day resembles the next by more than 0.7)")
    lines = [one.line for one in found]
    crude = sum(line.crude is not None and line.change is not None and line.shift is not None
                and abs(line.crude - line.change) > max(map(abs, line.margin)) / 4 for line in lines)  # fmt: skip
    if crude:
        made.append(f"that the windows have other weekdays makes over a quarter of the margin in {crude:,} rows: "
                    "crude_change_value is the plain change")  # fmt: skip
    return made


def absent(asked: Asked, found: Sequence[Judged]) -> list[str]:
    """Metrics that no request carries, and those of whole days where there are none; nothing where nothing is."""
    seen = {one.line.metric.split(":")[0] for one in found}
    missing = [name for name in asked.wanted if name not in seen and not name[-2:].isdigit()] if found else []
    daily = [name for name in missing if name in DAILY and not asked.of_days]
    missing = [name for name in missing if name not in daily]
    made = [f"not judged in windows of less than a day: {', '.join(daily)}"] if daily else []
    return [*made, f"not logged in either window: {', '.join(missing)}"] if missing else made
