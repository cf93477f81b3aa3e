"""`--fail-if` of a report: `SECTION: condition`, `SECTION totals: …`, `SECTION PART: …` and `headlines: …`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from llmscope.errors import DataRefused, GateBreached, LlmscopeError, NothingMatched, UsageError, unknown_name
from llmscope.gates import breach, covered
from llmscope.report.headlines import rows_of
from llmscope.reported import Report, Section
from llmscope.result import Column, Coverage, Result

# `name:` or `name part:` at the beginning; a cast, x::int, is none.
OF_SECTION = re.compile(r"\s*(?P<section>[a-z0-9]+(?:-[a-z0-9]+)*)(?:\s+(?P<part>[\w\s]+?))?\s*:(?!:)", re.IGNORECASE)
HEADLINES = (
    Column("name", "text", "dimension"), Column("value", "rate"), Column("before", "rate"),
    Column("verdict", "text"), Column("better", "flag"), Column("change_ratio", "ratio"),
)  # fmt: skip
ORDER = (GateBreached, DataRefused, NothingMatched)
HOW = (
    "for example --fail-if \"budgets default budgets: verdict = 'missed'\", or 'cost-by-feature totals: cost_usd > 500'"
)


def judge(report: Report, conditions: Sequence[str], min_coverage: float | None) -> LlmscopeError | None:
    """The gravest gate that is not passed, as the error that ends the program; None when all are.

    Raises:
        UsageError: a condition is none, or names no section.
    """
    found = [one for one in (verdict(report, text) for text in conditions) if one is not None]
    if min_coverage is not None and (refused := covered(coverage_of(report), min_coverage)):
        found.append(refused)
    return min(found, key=lambda error: ORDER.index(type(error)), default=None)


def verdict(report: Report, text: str) -> LlmscopeError | None:
    """One condition of one section."""
    named = OF_SECTION.match(text)
    if not named:
        raise UsageError(f"--fail-if {text!r} names no section", hint=HOW)
    name, part, rest = named["section"].lower(), named["part"], text[named.end() :].strip()
    if name == "headlines":
        return renamed(breach(Result("report", HEADLINES, tuple(rows_of(report.headlines))), rest), rest, text)
    known = {section.name: section for section in report.sections}
    if name not in known:
        raise unknown_name("section", name, [*known, "headlines"])
    return of_section(known[name], part, rest, text)


def of_section(section: Section, part: str | None, rest: str, text: str) -> LlmscopeError | None:
    """One condition of a section's answer; one that could not be asked is passed by no gate."""
    if section.result is None:
        return NothingMatched(f"--fail-if {text!r}: {section.absent}; no gate passes on it")
    inner = f"{part}: {rest}" if part else rest
    if part and part.lower() != "totals" and part.lower() not in (name.lower() for name in section.result.parts):
        listed = ", ".join(section.result.parts)
        has = f"it has {listed}" if listed else "it has none"
        return NothingMatched(f"--fail-if {text!r}: this section has no part {part!r}; {has}; no gate passes on it")
    return renamed(breach(section.result, inner), inner, text)


def renamed(error: LlmscopeError | None, inner: str, text: str) -> LlmscopeError | None:
    """The error with the condition as it was asked."""
    return error and type(error)(error.message.replace(repr(inner), repr(text)), hint=error.hint)


def coverage_of(report: Report) -> Coverage | None:
    """What of the requests has a price: as the first section that knows says."""
    known = (s.result.coverage for s in report.sections if s.result and s.result.coverage)
    return next((c for c in known if c.ought_to_be_priced is not None), None)
