"""What moved and why: the findings of all sections, worst first, each once, with the section that shows it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from llmscope.report.template import Wanted
from llmscope.reported import Section, Told
from llmscope.result import Finding

RANKS = {"breach": 0, "warning": 1, "info": 2}
MOST_OF_A_KIND, MOST = 12, 60


def told(pairs: Iterable[tuple[Wanted, Section]]) -> tuple[Told, ...]:
    """The first page's findings."""
    found = list(pairs)
    every = [
        (finding, one.name)
        for one, section in found
        if section.result and one.news != "none"
        for finding in section.result.findings
        if RANKS[finding.severity] <= RANKS[one.news if one.news in RANKS else "warning"]
    ]
    kept = limited(deduplicated(every))
    ordered = sorted(kept, key=lambda one: RANKS[one.severity])
    return tuple(ordered)


def deduplicated(every: Sequence[tuple[Finding, str]]) -> list[Told]:
    """Each fact once: of two findings of one kind that begin alike, the longer."""
    best: dict[tuple[str, str], Told] = {}
    for finding, section in every:
        key = (finding.kind, opening(finding.text))
        if key not in best or len(finding.text) > len(best[key].text):
            best[key] = Told(finding.kind, finding.severity, finding.text, finding.rows, section)
    return list(best.values())


def opening(text: str) -> str:
    """A finding up to its first semicolon: what follows tells it by slices."""
    return text.split(";")[0].rstrip(".")


def limited(found: Sequence[Told]) -> list[Told]:
    """A few of each kind and section; how many more there are is said."""
    kept: list[Told] = []
    more: dict[str, int] = {}
    seen: dict[tuple[str, str], int] = {}
    for one in found:
        key = (one.section, one.kind)
        seen[key] = seen.get(key, 0) + 1
        grave = one.severity != "info"
        if seen[key] <= MOST_OF_A_KIND * (1 + grave) and len(kept) < MOST * (1 + grave):
            kept.append(one)
        else:
            more[one.section] = more.get(one.section, 0) + 1
    kept += [Told("more", "info", f"{n:,} more stand in their section.", (), name) for name, n in more.items()]
    return kept
