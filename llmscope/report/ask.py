"""Asks the sections' questions of logs that were opened once; what was asked before is not asked again."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from llmscope.asked import ALL_TABLES
from llmscope.errors import LlmscopeError
from llmscope.questions import analysis
from llmscope.report.template import OWN, Template, Wanted
from llmscope.reported import Chart, Section
from llmscope.result import Result, Window

if TYPE_CHECKING:
    from llmscope.logs import Logs

# Pictures of one section.
MOST_CHARTS = 3
# What `needs` and the headlines look at, whatever the sections leave unread.
ALWAYS = (
    "user_id", "session_id", "feature", "template", "latency_ms", "ended_at", "ttft_ms", "input_tokens",
    "output_tokens", "cost_logged_usd", "embedding", "status", "error_class", "operation", "cache_hit",
)  # fmt: skip


@dataclass
class Asking:
    """One opening of the logs, the windows, and every answer so far."""

    logs: Logs
    windows: tuple[Window, Window]
    said: tuple[str, ...]  # the words of the command line that every answer's own command repeats
    sections: Sequence[Wanted] = ()
    lacking: Mapping[str, str] = field(default_factory=dict)
    results: dict[str, Result | LlmscopeError] = field(default_factory=dict)
    tell: Callable[[str], None] = lambda text: None

    def ask(self, name: str, options: Mapping[str, Any], both: bool = False) -> Result | LlmscopeError:
        """One analysis with these options, from before where it was asked before; or why it cannot be answered."""
        key = f"{name} {sorted(options.items())} {both}"
        if key not in self.results:
            self.results[key] = self.fresh(name, options, both)
        return self.results[key]

    def fresh(self, name: str, options: Mapping[str, Any], both: bool) -> Result | LlmscopeError:
        asked, self.logs.ran, self.logs.shown = self.logs.window, [], self.shown(name, options)
        try:
            if both:
                self.logs.window = Window(self.windows[0].since or asked.since, asked.until, asked.tz)
            return self.logs.run(name, **options)
        except LlmscopeError as error:
            return error
        finally:
            self.logs.window, self.logs.shown = asked, None

    def shown(self, name: str, options: Mapping[str, Any]) -> frozenset[str] | None:
        """The tables that the sections show of one answer; None for all."""
        asking = [one.parts for one in self.sections if one.analysis == name and one.options == options]
        if not asking or None in asking:
            return None
        return frozenset(part for parts in asking for part in parts or ())


def section_of(asking: Asking, one: Wanted, found: Result | LlmscopeError) -> Section:
    """The answer under its heading, or why there is none."""
    blank = Section(
        one.name, one.title, one.caption, None, parts=one.parts, columns=one.columns, top=one.top, page=one.page,
        again=again(asking, one),
    )  # fmt: skip
    if isinstance(found, LlmscopeError):
        return replace(blank, absent=why(found))
    if one.parts is not None and not held(found, one.parts):
        return replace(blank, result=replace(found, columns=(), rows=(), totals=None, parts={}))
    charts: tuple[Chart, ...] = ()
    if one.charts:
        from llmscope.charts import charts_of

        charts = charts_of(found, one.parts, one.columns)[:MOST_CHARTS]
    return replace(blank, result=found, charts=charts)


def why(error: LlmscopeError) -> str:
    """What is wrong and what to do, in a sentence; not the SQL behind it."""
    hint = error.hint if error.hint and not error.hint.startswith("SQL:") else ""
    return f"{error.message} ({hint})" if hint else error.message


def held(result: Result, parts: Sequence[str]) -> bool:
    """Whether the answer has one of the tables asked for."""
    return any(name in result.parts or (name == "" and result.columns) for name in parts)


def answer(asking: Asking, one: Wanted) -> Section:
    """A section of an analysis."""
    unmet = next((asking.lacking[need] for need in one.needs if need in asking.lacking), None)
    if unmet:
        return section_of(asking, one, LlmscopeError(unmet))
    # (other) is a row: a report shows the first rows and says how many more there are.
    both = one.window == "both"
    return section_of(asking, one, asking.ask(one.analysis, one.options, both))


def again(asking: Asking, one: Wanted) -> str:
    """The command line that gives this answer again."""
    if one.analysis in OWN:
        return ""
    return shlex.join(["llmscope", *one.analysis.split(" "), *flags(one.options), *span(asking, one), *asking.said])


def flags(options: Mapping[str, Any]) -> list[str]:
    """Options as a command line has them."""
    said: list[str] = []
    for name, value in options.items():
        flag = "--" + name.rstrip("_").replace("_", "-")
        if value is True:
            said.append(flag)
        elif value is not None and value is not False:
            said += [word for item in (value if isinstance(value, list) else [value]) for word in (flag, str(item))]
    return said


def span(asking: Asking, one: Wanted) -> list[str]:
    """--since and --until of a section's window."""
    before, after = asking.windows
    since = before.since if one.window == "both" and before.since else after.since
    return ends(Window(since, after.until, after.tz))


def ends(window: Window) -> list[str]:
    """A window as --since and --until say it: months where it is whole months, days where it is whole days."""
    from llmscope.windows import here, zone

    place = zone(window.tz)
    said = []
    since, until = (here(moment, place) if moment else None for moment in (window.since, window.until))
    monthly = all(m is None or (m.day == 1 and m.hour == m.minute == m.second == 0) for m in (since, until))
    daily = all(m is None or m.hour == m.minute == m.second == m.microsecond == 0 for m in (since, until))
    form = "%Y-%m" if monthly else "%Y-%m-%d" if daily else "%Y-%m-%dT%H:%M:%S"
    if since:
        said += ["--since", f"{since:{form}}"]
    if until:
        from datetime import timedelta

        said += ["--until", f"{until - timedelta(days=1) if daily else until:{form}}"]
    return said


def looked_at(template: Template) -> tuple[tuple[str, ...], tuple[str, ...], str, bool]:
    """The tables all sections ask, the columns none looks at, the dimensions they name, and whether texts are read."""
    tables: dict[str, None] = {"requests": None, "scores": None, "spans": None}
    unread: set[str] | None = None
    words, texts = [], False
    for one in (s for s in template.sections if s.analysis not in OWN):
        module = sys.modules[analysis(one.analysis).__module__]
        brought = [n for o, names in getattr(module, "BRINGS", {}).items() if one.options.get(o) for n in names]
        tables |= dict.fromkeys(getattr(module, "TABLES", None) or ALL_TABLES)
        left = set(getattr(module, "UNREAD", ())) - set(brought)
        unread = left if unread is None else unread & left
        words += [str(one.options[n]) for n in ("by", "where_a", "where_b", "adjust") if one.options.get(n)]
        needs = getattr(module, "NEEDS_TEXT", False)
        texts |= bool(one.options.get(needs)) if isinstance(needs, str) else bool(needs)
    return tuple(tables), tuple(sorted((unread or set()) - set(ALWAYS))), " ".join(words), texts
