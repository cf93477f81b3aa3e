"""A report put together: the logs opened once, every section asked, and the first page written from the answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from llmscope.analyses import _movers
from llmscope.analyses._drift_words import window_text
from llmscope.engines import duckdb as engine
from llmscope.errors import LlmscopeError
from llmscope.report import ask, first, headlines, health, method, stories
from llmscope.report.needs import lacking
from llmscope.report.side_by_side import side_by_side
from llmscope.report.template import Template, Wanted
from llmscope.report.times import whole
from llmscope.reported import Report, Section
from llmscope.result import Result, Window, in_number
from llmscope.rolled import SOURCES, UNPRICED
from llmscope.stats.ready import make_ready

if TYPE_CHECKING:
    from llmscope.logs import Logs

Row = Mapping[str, Any]


def compose(
    logs: Logs, template: Template, baseline: str | None, said: Sequence[str], source: str, sql: bool = False
) -> Report:
    """The whole report of logs that are open; their window is set where none was asked for.

    Args:
        said: words of the command line that every section's own command repeats.
        source: how a cost is chosen, as `llmscope cost --cost-source` has it.
    """
    if logs.window.since is None or logs.window.until is None:
        logs.window = framed(logs, template)
    windows = logs.pair(baseline)
    logs.remember()
    make_ready()
    totals = _movers.totals(logs, windows, SOURCES[source], UNPRICED[source])
    before = int(totals.get("before", {}).get("requests") or 0)
    answered = with_baseline(template.sections, baseline)
    asking = ask.Asking(logs, windows, tuple(said), answered, lacking(logs, before, len(logs.paths)))
    sections = sections_of(asking, answered, totals, source)
    pairs = list(zip(answered, sections, strict=True))
    small, sections = notes_together(sections)
    if not sql:
        sections = [replace(s, result=replace(s.result, sql=())) if s.result else s for s in sections]
    compare = result_of(pairs, "compare")
    drift = result_of(pairs, "drift") or (None if compare else judged(asking, baseline))
    return Report(
        title=f"{template.title}, {window_text(logs.window)}",
        template=template.name,
        window=logs.window,
        baseline=windows[0] if windows[0].since is not None and not compare else None,
        headlines=headlines.headlines(totals, drift, compare),
        findings=first.told(pairs, stories.homes(logs)),
        sections=tuple(sections),
        notes=(standing(totals, windows, compare) + only(logs), *small),
    )


def framed(logs: Logs, template: Template) -> Window:
    """The window of a template where none, or only one end, was asked for."""
    asked = logs.window
    first_at, last_at = engine.execute(logs.con, "SELECT min(started_at), max(started_at) FROM requests")[0]
    if asked.since or asked.until:
        every = whole("all", first_at, last_at, asked.tz)
        return Window(asked.since or every.since, asked.until or every.until, asked.tz)
    return whole(template.window, first_at, last_at, asked.tz)


def with_baseline(sections: Sequence[Wanted], baseline: str | None) -> tuple[Wanted, ...]:
    """The sections, those about change with the baseline that was asked for."""
    if baseline is None:
        return tuple(sections)
    return tuple(
        replace(one, options={"baseline": baseline, **one.options}) if one.analysis == "drift" else one
        for one in sections
    )


def sections_of(asking: ask.Asking, wanted: Sequence[Wanted], totals: Mapping[str, Row], source: str) -> list[Section]:
    """Every section answered; those about the others last."""

    def answered(asking: ask.Asking, one: Wanted) -> Section:
        if one.analysis == "movers":
            return ask.section_of(asking, one, moved(asking, totals, source))
        return ask.answer(asking, one)

    of_requests = [one for one in wanted if one.analysis not in ("health", "method")]
    made = dict(zip((one.name for one in of_requests), side_by_side(asking, of_requests, answered), strict=True))
    for one in (one for one in wanted if one.analysis in ("health", "method")):
        about = health.health if one.analysis == "health" else method.method
        made[one.name] = ask.section_of(asking, one, about(asking.logs, list(made.values())))
    return [made[one.name] for one in wanted]


def moved(asking: ask.Asking, totals: Mapping[str, Row], source: str) -> Result | LlmscopeError:
    """The cost movers; none where there is nothing to hold this window against."""
    if "before" in asking.lacking:
        return LlmscopeError(asking.lacking["before"])
    bills = [float(row["cost_usd"] or 0) for row in totals.values()]
    return _movers.movers(asking.logs, asking.windows, SOURCES[source], max(bills, default=0.0))


def judged(asking: ask.Asking, baseline: str | None) -> Result | None:
    """Whether the headlines' changes are real, where no section asks it."""
    found = asking.ask("drift", {"baseline": baseline} if baseline else {})
    return found if isinstance(found, Result) else None


def result_of(pairs: Sequence[tuple[Wanted, Section]], analysis: str) -> Result | None:
    """The answer of the first section that asks this."""
    return next((s.result for one, s in pairs if one.analysis == analysis and s.result), None)


def notes_together(sections: Sequence[Section]) -> tuple[list[str], list[Section]]:
    """The small print that several sections share, said once; each section keeps its own."""
    counts = Counter(note for s in sections if s.result for note in dict.fromkeys(s.result.notes))
    shared = [note for note, n in counts.items() if n > 1]
    kept = [
        replace(s, result=replace(s.result, notes=tuple(n for n in s.result.notes if counts[n] == 1)))
        if s.result
        else s
        for s in sections
    ]
    return shared, kept


def only(logs: Logs) -> str:
    """What --where left of the log."""
    return f"; only requests where {logs.where.text}" if logs.where else ""


def standing(totals: Mapping[str, Row], windows: tuple[Window, Window], compare: Result | None) -> str:
    """What the report is of, and what it is held against."""
    if compare is not None:
        return "before is the log named with --against (A); now is the log reported on (B)"
    now, before = (int(totals.get(side, {}).get("requests") or 0) for side in ("after", "before"))
    if windows[0].since is None:
        return (
            in_number(f"{now:,} requests, none of them with a time: there is no window before")
            if now
            else "no requests"
        )
    if not before:
        against = f"none in the window before ({window_text(windows[0])}): nothing can be said of change"
    else:
        against = f"held against {before:,} in {window_text(windows[0])}; times in {windows[1].tz}"
    return in_number(f"{now:,} requests in {window_text(windows[1])}, {against}")
