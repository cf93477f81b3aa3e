"""What moved and why: the findings of all sections as stories, worst first, each with the sections that show it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from llmscope.report.stories import stories
from llmscope.report.story_words import RANKS, one_of
from llmscope.report.template import Wanted
from llmscope.reported import Section, Told
from llmscope.result import Finding

# A first page is read in a minute: so many items, and of one kind and section no more than these.
MOST, MOST_OF_A_KIND = 15, 6


def told(pairs: Iterable[tuple[Wanted, Section]], of_template: Mapping[str, str]) -> tuple[Told, ...]:
    """The first page's findings; `of_template`: the feature of each template."""
    found = list(pairs)
    every = [
        (finding, one.name)
        for one, section in found
        if section.result and one.news != "none"
        for finding in section.result.findings
        if RANKS[finding.severity] <= RANKS[one.news if one.news in RANKS else "warning"]
    ]
    items = [one_of(story) for story in stories(deduplicated(every), of_template)]
    return limited(sorted(items, key=rank), {one.name: s.title for one, s in found})


def rank(one: Told) -> tuple[int, bool]:
    """The gravest first; of those that are to be known only, what has no figures last, such as that no more moved."""
    return RANKS[one.severity], one.severity == "info" and not one.rows


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


def limited(found: Sequence[Told], titles: Mapping[str, str]) -> tuple[Told, ...]:
    """The first of them, a few of each kind and section; how many more there are, and where, is said."""
    kept: list[Told] = []
    seen: Counter[tuple[str, str]] = Counter()
    left: Counter[str] = Counter()
    for one in found:
        seen[one.section, one.kind] += 1
        if len(kept) < MOST and seen[one.section, one.kind] <= MOST_OF_A_KIND:
            kept.append(one)
        else:
            left[one.section] += 1
    if left:
        where = ", ".join(f"{titles.get(name, name)} ({n:,})" for name, n in left.items())
        text = f"{left.total():,} more stand in their sections: {where}"
        names = tuple(left)
        kept.append(Told("more", "info", text, (), names[0], names[1:]))
    return tuple(kept)
