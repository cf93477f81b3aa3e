"""What changed with a mean: the same prompts longer, a new version or model of them, or other requests than before.

A mean of requests is the sum over cells of share times length. Its change is cut in two as Das Gupta does (Shapley's
values of two factors): length = mean of the two shares x change of length, mix = change of share x mean of the two
lengths; both add up to the change exactly. The cut is made again inside each cell: features and templates first, then
the models of a template, its versions, and (of outputs) its max_tokens; what is left is length.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]
# What a request is told apart by; the first two make one level, since a template belongs to a feature.
LEVELS = (("feature", "template"), ("model",), ("template_version",), ("max_tokens",))
NAMES = ("mix", "model", "version", "max_tokens")
LENGTH = "length"


@dataclass(frozen=True, slots=True)
class Cell:
    """Requests that are told apart by nothing, before and after."""

    key: tuple[Any, ...]
    before_requests: int
    after_requests: int
    before_tokens: int
    after_tokens: int


@dataclass(frozen=True, slots=True)
class Effect:
    """One part of the change of the mean, in tokens a request.

    key: the feature, template, model, version it is of, as far as it goes. gone, came: what of the next level lost and
    what gained share.
    """

    kind: str
    key: tuple[Any, ...]
    tokens: float
    gone: tuple[Any, ...]
    came: tuple[Any, ...]
    before_share: float
    after_share: float
    before_mean: float | None
    after_mean: float | None


def cells(rows: Iterable[Row], words: Sequence[str], before: Iterable[str], after: Iterable[str]) -> list[Cell]:
    """Daily rows added up over the days before and after."""
    sides = {**dict.fromkeys(before, 0), **dict.fromkeys(after, 1)}
    found: dict[tuple[Any, ...], list[int]] = {}
    for row in rows:
        if (side := sides.get(row["day"])) is None:
            continue
        sums = found.setdefault(tuple(row.get(word) for word in words), [0, 0, 0, 0])
        sums[side] += row["requests"]
        sums[2 + side] += int(row["tokens"])
    return [Cell(key, *sums) for key, sums in sorted(found.items(), key=lambda item: repr(item[0]))]


def change(found: Sequence[Cell]) -> tuple[float | None, float | None]:
    """The mean before and after; None where there was nothing."""
    before, after = sum(c.before_requests for c in found), sum(c.after_requests for c in found)
    return (
        sum(c.before_tokens for c in found) / before if before else None,
        sum(c.after_tokens for c in found) / after if after else None,
    )


def effects(found: Sequence[Cell], level: int = 0, share: float = 1.0) -> list[Effect]:
    """The parts of the change of the mean, times `share`; they add up to it.

    A cell that stands on one side only has the same length on both, so that all it does is mix.
    """
    first, last = change(found)
    if first is None or last is None:
        return []
    ends = ends_of(level)
    if level == len(LEVELS) or len(found[0].key) < ends:
        return [Effect(LENGTH, found[0].key, share * (last - first), (), (), 1.0, 1.0, first, last)]
    groups: dict[tuple[Any, ...], list[Cell]] = {}
    for cell in found:
        groups.setdefault(cell.key[:ends], []).append(cell)
    before, after = sum(c.before_requests for c in found), sum(c.after_requests for c in found)
    parts, inner, middle = [], [], (first + last) / 2
    for key, group in groups.items():
        s1, s2 = (sum(c.before_requests for c in group) / before, sum(c.after_requests for c in group) / after)
        m1, m2 = change(group)
        length = ((m1 if m1 is not None else m2) or 0.0) / 2 + ((m2 if m2 is not None else m1) or 0.0) / 2
        parts.append(Effect(NAMES[level], key, share * (s2 - s1) * (length - middle), (), (), s1, s2, m1, m2))
        inner += effects(group, level + 1, share * (s1 + s2) / 2)
    if len(groups) == 1:
        return inner
    return [*(parts if level == 0 else [together(parts, first, last)]), *inner]


def ends_of(level: int) -> int:
    """How many words of a key tell this level and those above it."""
    return sum(len(words) for words in LEVELS[: level + 1])


def together(parts: Sequence[Effect], first: float, last: float) -> Effect:
    """What models, versions or limits of one template make together, taking each other's place."""
    gone = sorted((p for p in parts if p.after_share < p.before_share), key=lambda p: p.after_share - p.before_share)
    came = sorted((p for p in parts if p.after_share > p.before_share), key=lambda p: p.before_share - p.after_share)
    return Effect(
        parts[0].kind, parts[0].key[:-1], sum(p.tokens for p in parts),
        tuple(p.key[-1] for p in gone), tuple(p.key[-1] for p in came), 1.0, 1.0, first, last,
    )  # fmt: skip
