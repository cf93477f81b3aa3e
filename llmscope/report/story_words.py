"""A story as one sentence: who tells it best in full, the others by their figures, or by a pointer alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from llmscope.report.stories import ALL, Fact, Row, sections_of
from llmscope.reported import Told

RANKS = {"breach": 0, "warning": 1, "info": 2}
# A name of 10 kB would leave no room for what is said of it.
LONGEST_NAME = 60
PLACES = ("metric", "feature", "template", "model", "user", "provider", "environment", "release")


def one_of(story: Sequence[Fact]) -> Told:
    """The item of the first page that a story becomes."""
    first = story[0].told
    sections = sections_of(story)
    gravest = min((fact.told.severity for fact in story), key=RANKS.__getitem__)
    rows = tuple(row for fact in story for row in fact.told.rows)
    return Told(first.kind, gravest, text_of(story), rows, sections[0] if sections else "", sections[1:])


def text_of(story: Sequence[Fact]) -> str:
    """The sentence."""
    first, others = story[0], story[1:]
    if not others:
        return first.told.text
    if first.kind == "drift":
        moved = [fact for fact in story if fact.kind == "drift"]
        return "; ".join([together(moved), *tails([fact for fact in others if fact.kind != "drift"])])
    told = "; ".join([first.told.text.rstrip("."), *tails([fact for fact in others if fact.kind != "drift"])])
    moved = [fact for fact in others if fact.kind == "drift"]
    return f"{told}; with it {'; '.join(figures(moved, named=True))}" if moved else told


def together(moved: Sequence[Fact]) -> str:
    """`search, since about 2026-10-05: model mix moved (…); cost per request fell 85 % [-92, -77], …`."""
    dates = sorted(str(fact.row["began"]) for fact in moved if fact.row.get("began") and fact.about == moved[0].about)
    since = (f", {dates[0]}" if dates[0].startswith("by ") else f", since about {dates[0]}") if dates else ""
    return f"{place(moved[0].row) or 'all requests'}{since}: {'; '.join(figures(moved))}"


def figures(moved: Sequence[Fact], named: bool = False) -> Iterator[str]:
    """What moved of the slice, mixes first since they are causes, then of all requests."""
    own = sorted((fact for fact in moved if not fact.whole), key=lambda fact: fact.row["change_unit"] != "moved")
    if not own:
        own, whole = list(moved), []
    else:
        whole = [fact for fact in moved if fact.whole]
    for fact in own:
        of = f" of {place(fact.row)}" if named and place(fact.row) else ""
        yield figure(fact.row, of)
    if whole:
        yield "of all requests " + ", ".join(figure(fact.row, "", brief=True) for fact in whole)


def figure(row: Row, of: str, brief: bool = False) -> str:
    """`cost per request fell 85 % [-92, -77], $0.00867 to $0.00137`; a mix with what moved in it."""
    said = f"{clipped(row['said'])}{of}"
    if row["change_unit"] == "moved":
        size = str(row["change"]).removesuffix(" moved")
        told = "" if brief or not row.get("told") else f" ({clipped(row['told'], 4)})"
        return f"{said} moved{told}" if told else f"{said} moved by {size}"
    verb = "rose" if row["change_value"] > 0 else "fell"
    interval = f" {row['interval']}" if row["interval"] and not brief else ""
    return f"{said} {verb} {str(row['change']).lstrip('+-')}{interval}, {row['before']} to {row['after']}"


def place(row: Row) -> str:
    """The slice of a row of drift: `search`, `search, gpt-4o`; nothing for the whole."""
    names = list(row)
    named = names[names.index("metric") + 1 : names.index("verdict")]
    return ", ".join("(none)" if row[n] is None else clipped(row[n]) for n in named if row[n] != ALL)


def clipped(value: object, times: int = 1) -> str:
    text = str(value)
    most = LONGEST_NAME * times
    return text if len(text) <= most else text[: most - 1] + "…"


def tails(others: Sequence[Fact]) -> list[str]:
    """What each adds, once; what adds nothing is a pointer to its section only."""
    said = [TAILS[fact.kind](fact) if fact.kind in TAILS else fact.told.text.rstrip(".") for fact in others]
    return list(dict.fromkeys(text for text in said if text))


def nothing(fact: Fact) -> str:
    """Its section is named, and that is enough."""
    return ""


def storm(fact: Fact) -> str:
    row = fact.row
    ended = f", {row['fallbacks']:,} answered by a fallback" if row["fallbacks"] else ""
    return (
        f"a storm of retries, {row['hits']:,} of {row['requests']:,} requests, up to {row['attempts']} attempts a call"
        f"{ended}"
    )


def incident(fact: Fact) -> str:
    from llmscope.analyses._drift_words import figure as level

    row = fact.row
    now, usual = (level(row[name], row["unit"]) for name in ("value", "usual_value"))
    return f"{row['day']} stands out: {row['said']} {now} against {usual}"


def bias(fact: Fact) -> str:
    row = fact.row
    word = "higher" if row["mean_difference"] > 0 else "lower"
    low, high = sorted(abs(row[name]) for name in ("difference_low", "difference_high"))
    return (
        f"in all it scores {abs(row['mean_difference']):.2f} points {word} than people [{low:.2f}, {high:.2f}], which "
        "llmscope judge estimate takes off"
    )


def flagged(fact: Fact) -> str:
    """What else a slice has more of than the rest."""
    row = fact.row
    if "flagged" not in row:
        return fact.told.text
    return f"{clipped(row['kind'])} in {row['flagged']:,} of {row['judged']:,} ({100 * row['rate_ratio']:.1f} %)"


TAILS: Mapping[str, Callable[[Fact], str]] = {
    "silent": nothing,
    "rater": nothing,
    "costlier": nothing,
    "retry_storm": storm,
    "incident": incident,
    "bias": bias,
    "slice": flagged,
}
