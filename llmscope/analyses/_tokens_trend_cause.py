"""Where a change of tokens a request comes from: the feature and template that carry it, and what changed in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from math import isfinite
from typing import Any

from llmscope.analyses._tokens_mix import Cell, Effect, cells, change, effects
from llmscope.analyses._tokens_quality import COLUMNS as QUALITY_COLUMNS
from llmscope.analyses._tokens_quality import quality
from llmscope.analyses._tokens_trend_days import Days, Step, steps
from llmscope.analyses._tokens_trend_read import Key, Reading, by_key
from llmscope.analyses._tokens_trend_words import effect_words, finding_of, slice_name
from llmscope.result import Column, Finding, Part

Row = dict[str, Any]
WORDS = ("feature", "template", "model", "template_version")
# Changes whose causes are told, and parts of each.
MOST_CHANGES, MOST_EFFECTS, LEAST_SHOWN = 5, 8, 0.005
# Two dates this near are one: the change of a template shows in its feature a few days sooner or later.
NEAR_DAYS = 7
# A change of many is that of one of them which makes this part of it.
MOST_OF_IT = 0.5
# What takes another's place has a day on which it did, if no more of the requests than these are on the wrong side.
TURNED = 0.05
OTHER = "(other)"
# The same slice again, of its own rows only; all requests where nothing is named.
SAME = ("feature IS NOT DISTINCT FROM $feature", "template IS NOT DISTINCT FROM $template")
CHANGES = (
    Column("slice", "text", "dimension"),
    Column("changed_on", "time"),
    Column("before_tokens", "tokens"),
    Column("after_tokens", "tokens"),
    Column("change_ratio", "ratio"),
    Column("change_low_ratio", "ratio", "low", "change_ratio", optional=True),
    Column("change_high_ratio", "ratio", "high", "change_ratio", optional=True),
    Column("part_of", "text"),
    Column("changed_on_low", "time", optional=True),
    Column("changed_on_high", "time", optional=True),
    Column("change_q", "rate", optional=True),
)
CAUSE = (
    Column("slice", "text", "dimension"),
    Column("changed_on", "time"),
    Column("effect", "text", "dimension"),
    Column("feature", "text", "dimension", optional=True),
    Column("template", "text", "dimension"),
    Column("model", "text", "dimension", optional=True),
    Column("cause", "text", "dimension"),
    Column("before_tokens", "tokens", optional=True),
    Column("after_tokens", "tokens", optional=True),
    Column("change_tokens", "tokens"),
    Column("share_of_change_ratio", "ratio"),
)


@dataclass(frozen=True)
class Candidate:
    """A change of level of one slice: all requests (), a feature, or a feature's template."""

    key: Key
    step: Step
    q: float


@dataclass(frozen=True)
class Search:
    """The changes of every feature and template, and the daily cells they are made of."""

    rows: Sequence[Row] = ()
    words: tuple[str, ...] = WORDS
    steps: Mapping[Key, tuple[Step, ...]] = field(default_factory=dict)
    searched: int = 0
    beyond: int = 0


@dataclass(frozen=True)
class Told:
    """What is said of the changes found."""

    parts: Mapping[str, Part]
    findings: tuple[Finding, ...]


def search(reading: Reading, whole: Days) -> Search:
    """Every feature, and every template of a feature, looked through for changes of level.

    A slice that is all of its feature, or of the log, is looked at once.
    """
    from llmscope.schema import dimension

    words = (*WORDS, "max_tokens") if reading.metric.word == "output" else WORDS
    rows, beyond = reading.rows([dimension(word) for word in words], "day")
    templates, features = by_key(rows, WORDS[:2]), by_key(rows, WORDS[:1])
    found = {key: days for key, days in features.items() if sum(k[0] == key[0] for k in templates) > 1}
    found |= templates
    found = {key: days for key, days in found.items() if days.n < whole.n}
    rest = rest_of(rows, whole) if beyond else []
    return Search(
        [*rows, *rest], words, {key: steps(days) for key, days in found.items()},
        sum(days.enough for days in found.values()), beyond,
    )  # fmt: skip


def rest_of(rows: Sequence[Row], whole: Days) -> list[Row]:
    """The requests of a day that are in none of the largest cells, as one more."""
    left = {day: [n, tokens] for day, n, tokens in zip(whole.days, whole.requests, whole.tokens, strict=True)}
    for row in rows:
        left[row["day"]][0] -= row["requests"]
        left[row["day"]][1] -= int(row["tokens"])
    names = {**dict.fromkeys((*WORDS, "max_tokens")), "feature": OTHER}
    return [{**names, "day": day, "requests": n, "tokens": t} for day, (n, t) in left.items() if n > 0]


def told(reading: Reading, found: Search, candidates: Sequence[Candidate]) -> Told:
    """The changes with their causes and the quality beside; a wider one that a narrower explains is part of it."""
    candidates = [dated(found, c) for c in candidates]
    causes = {id(c): effects(cells_of(found, c)) for c in candidates}
    inner = {id(c): next((n for n in candidates if explains(n, c, causes[id(c)])), None) for c in candidates}
    own = sorted((c for c in candidates if inner[id(c)] is None), key=lambda c: -weight(found, c))[:MOST_CHANGES]
    scores = {id(c): scored(reading, c) for c in own} if own and reading.metric.judged and has_scores(reading) else {}
    rows = [change_row(c, inner[id(c)]) for c in sorted(candidates, key=lambda c: (c.step.since, repr(c.key)))]
    cause = [row for c in own for row in cause_rows(c, causes[id(c)])]
    beside = [row for c in own for row in scores.get(id(c), [])]
    parts = {"changes": Part(CHANGES, tuple(rows)), "cause": Part(CAUSE, tuple(cause)),
             "quality": Part(QUALITY_COLUMNS, tuple(beside))}  # fmt: skip
    findings = [
        finding_of(slice_name(c.key), reading.metric, c.step, dict(zip(WORDS, c.key, strict=False)), causes[id(c)],
                   scores.get(id(c), []))
        for c in own
    ]  # fmt: skip
    return Told({name: part for name, part in parts.items() if part.rows}, tuple(findings))


def cells_of(found: Search, candidate: Candidate) -> list[Cell]:
    """The cells of a candidate's slice before and after its change."""
    key = candidate.key
    rows = [row for row in found.rows if tuple(row[word] for word in WORDS[: len(key)]) == key]
    return cells(rows, found.words, candidate.step.before, candidate.step.after)


def dated(found: Search, candidate: Candidate) -> Candidate:
    """The change on the very day on which what caused it took over, where that is among the likely days.

    Only where one of versions, models or limits makes most of the change and takes another's place between two days.
    """
    parts = effects(cells_of(found, candidate))
    main = max(parts, key=lambda e: abs(e.tokens), default=None)
    if main is None or not main.came or abs(main.tokens) < MOST_OF_IT * abs(sum(e.tokens for e in parts)):
        return candidate
    step, n = candidate.step, len(main.key)
    new: dict[str, list[int]] = {}
    for row in found.rows:
        if tuple(row[word] for word in found.words[:n]) == main.key:
            counts = new.setdefault(row["day"], [0, 0])
            counts[0] += row["requests"]
            counts[1] += row["requests"] * (row[found.words[n]] in main.came)
    days = (*step.before, *step.after)
    day = next((d for d in days if d in new and new[d][1] > new[d][0] / 2), None)
    if day is None or not step.first <= day <= step.last or day == days[0]:
        return candidate
    wrong = sum(c[1] if d < day else c[0] - c[1] for d, c in new.items() if d in set(days))
    if wrong > TURNED * sum(c[0] for d, c in new.items() if d in set(days)):
        return candidate
    before, after = tuple(d for d in days if d < day), tuple(d for d in days if d >= day)
    first, last = change(cells_of(found, replace(candidate, step=replace(step, before=before, after=after))))
    moved = replace(step, since=day, first=day, last=day, before=before, after=after,
                    before_tokens=first or 0.0, after_tokens=last or 0.0)  # fmt: skip
    return replace(candidate, step=moved)


def weight(found: Search, candidate: Candidate) -> float:
    """How many tokens a change made, over the days after it."""
    after = sum(cell.after_requests for cell in cells_of(found, candidate))
    return float(abs(candidate.step.after_tokens - candidate.step.before_tokens) * after)


def explains(narrow: Candidate, wide: Candidate, parts: Sequence[Effect]) -> bool:
    """Whether a wider slice's change is that of a narrower one: at the same time, and most of it by what is in it."""
    n, w = narrow.key, wide.key
    if len(n) <= len(w) or n[: len(w)] != w:
        return False
    apart = abs((date.fromisoformat(narrow.step.since) - date.fromisoformat(wide.step.since)).days)
    if apart > NEAR_DAYS and not (narrow.step.first <= wide.step.last and wide.step.first <= narrow.step.last):
        return False
    total = sum(effect.tokens for effect in parts)
    own = sum(effect.tokens for effect in parts if effect.kind != "mix" and effect.key[: len(n)] == n)
    return bool(total) and own / total >= MOST_OF_IT


def has_scores(reading: Reading) -> bool:
    """Whether there is any figure of quality."""
    return bool(reading.logs.query("SELECT count(*) AS n FROM scores WHERE data_type = 'numeric'")[0]["n"])


def scored(reading: Reading, candidate: Candidate) -> list[Row]:
    """Scores of the slice's answers before and after."""
    from llmscope.schema import dimension

    n = len(candidate.key)
    values = dict(zip(WORDS[:n], candidate.key, strict=True))
    same = " AND ".join(SAME[:n]) or "true"
    return quality(
        reading.logs, dimension("day"), reading.counts, same, values, slice_name(candidate.key), candidate.step
    )


def change_row(candidate: Candidate, inner: Candidate | None) -> Row:
    """A row of `changes`."""
    return {
        "slice": slice_name(candidate.key), **step_cells(candidate.step), "change_q": candidate.q,
        "part_of": slice_name(inner.key) if inner else None,
    }  # fmt: skip


def step_cells(step: Step | None) -> Row:
    """A change in the columns every table of changes has; all unknown without one, the share of a level of 0 too."""
    ratio, low, high = (step.ratio, step.low, step.high) if step and isfinite(step.ratio) else (None, None, None)
    return {
        "changed_on": step and step.since, "changed_on_low": step and step.first, "changed_on_high": step and step.last,
        "before_tokens": step and step.before_tokens, "after_tokens": step and step.after_tokens,
        "change_ratio": ratio, "change_low_ratio": low, "change_high_ratio": high,
    }  # fmt: skip


def cause_rows(candidate: Candidate, found: Sequence[Effect]) -> list[Row]:
    """The largest parts of a change, and all others as one, so that they add up to it."""
    total = sum(effect.tokens for effect in found)
    order = sorted(found, key=lambda e: (-abs(e.tokens), repr(e.key)))
    shown = [e for e in order[:MOST_EFFECTS] if abs(e.tokens) >= LEAST_SHOWN * abs(total)]
    rest = order[len(shown) :]
    start = {"slice": slice_name(candidate.key), "changed_on": candidate.step.since}

    def parted(tokens: float) -> Row:
        return {"change_tokens": tokens, "share_of_change_ratio": tokens / total if total else None}

    rows = [
        {
            **start,
            "effect": e.kind,
            **{word: e.key[i] if len(e.key) > i else None for i, word in enumerate(WORDS[:3])},
            "cause": effect_words(e),
            "before_tokens": e.before_mean,
            "after_tokens": e.after_mean,
            **parted(e.tokens),
        }
        for e in shown
    ]
    if any(e.tokens for e in rest):
        none = {c.name: None for c in CAUSE}
        text = "1 smaller part" if len(rest) == 1 else f"{len(rest):,} smaller parts"
        rows.append({**none, **start, "effect": OTHER, "cause": text, **parted(sum(e.tokens for e in rest))})
    return rows
