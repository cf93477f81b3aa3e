"""Which columns stand in a width, and how wide each may be: text gives way, numbers never do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

_COMFORTABLE = 20
_CRAMPED = 8

Measure = Callable[[str], int]


@dataclass(frozen=True, slots=True)
class Lane:
    """What one column asks for: its cells' width, its heading's, that of the heading's longest word.

    `interval` names the measure whose low or high it is: the two ends come and go together.
    """

    cells: int
    heading: int
    word: int
    cuttable: bool
    optional: bool
    interval: str | None = None

    @property
    def wanted(self) -> int:
        return max(self.cells, self.heading)

    def least(self, text_width: int) -> int:
        """The narrowest it can be when long text is cut to `text_width`; headings break between words."""
        needed = max(self.cells, self.word)
        return min(needed, text_width) if self.cuttable else needed


@dataclass(frozen=True, slots=True)
class Fit:
    """The columns that stay, by place, and their widths."""

    kept: list[int]
    widths: list[int]


def lane(heading: str, cells: Sequence[str], measure: Measure, **traits: Any) -> Lane:
    """What a column with these texts asks for."""
    word = max(map(measure, heading.split(" ")))
    return Lane(max(map(measure, cells), default=0), measure(heading), word, **traits)


def fit(lanes: Sequence[Lane], room: int | None, gap: int) -> Fit:
    """Optional columns go first, the last of them first; then text is cut; then the last columns go."""
    kept = list(range(len(lanes)))
    if room is None:
        return Fit(kept, [one.wanted for one in lanes])

    def overfull(text_width: int) -> bool:
        return sum(lanes[i].least(text_width) for i in kept) + gap * (len(kept) - 1) > room

    for place in reversed([i for i in kept if lanes[i].optional]):
        if place in kept and overfull(_COMFORTABLE):
            kept = [i for i in kept if i != place and not _ends_of_one(lanes[i], lanes[place])]
    text_width = next((width for width in (_COMFORTABLE, _CRAMPED) if not overfull(width)), _CRAMPED)
    while overfull(text_width) and len(kept) > 2:
        kept.pop()
    while overfull(text_width) and text_width > 1:
        text_width -= 1
    if overfull(text_width):
        del kept[1:]
    chosen = [lanes[i] for i in kept]
    return Fit(kept, _shared_out([one.least(text_width) for one in chosen], chosen, room - gap * (len(kept) - 1)))


def _ends_of_one(one: Lane, other: Lane) -> bool:
    """The two are the low and the high of one measure, or one of them is."""
    return one.optional and one.interval is not None and one.interval == other.interval


def _shared_out(widths: list[int], lanes: Sequence[Lane], room: int) -> list[int]:
    """Gives what is left over a cell at a time to whoever still wants it, text first."""
    widths = [min(width, room) for width in widths]
    for texts_only in (True, False):
        while sum(widths) < room:
            wanting = [i for i, w in enumerate(widths) if w < lanes[i].wanted and (lanes[i].cuttable or not texts_only)]
            if not wanting:
                break
            widths[min(wanting, key=lambda i: widths[i])] += 1
    return widths
