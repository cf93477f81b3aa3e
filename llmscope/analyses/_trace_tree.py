"""A trace as a tree: what stands under what, own time, and the chain of steps that decides when the whole ends.

Times are whole microseconds since the trace's first logged start. They are taken as logged: a child that starts before
its parent stands there, with a note. For own time and for the critical path, what lies outside of the parent does not
count as the parent's.

Method: own (self) time is the duration less the union of the children's times. The critical path goes from the end
backwards: at each point to the child that ended last before it, then on from that child's start (as in CRISP, Zhang et
al., USENIX ATC 2022).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

MICROSECOND = timedelta(microseconds=1)
Interval = tuple[int, int]


@dataclass(slots=True, eq=False)
class Step:
    """A span, or a request that no span stands for. `call`: it is a request without a place of its own in the tree."""

    key: str
    parent: str | None
    started_at: datetime | None
    ended_at: datetime | None
    row: dict[str, Any] = field(default_factory=dict)
    call: bool = False
    order: int = 0
    depth: int = 0
    start: int | None = None
    end: int | None = None
    reach: int = 0
    self_us: int | None = None
    visited: bool = False
    critical: list[Interval] = field(default_factory=list)
    above: Step | None = None
    children: list[Step] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def service(self) -> str | None:
        found = self.row.get("service")
        return str(found) if found is not None else None

    @property
    def critical_us(self) -> int:
        return sum(end - start for start, end in self.critical)


@dataclass(slots=True)
class Tree:
    """The steps in order, each followed by its children.

    start, end: the time the tops span, of which shares are taken; extent: from the first start to the last end logged.
    """

    steps: list[Step]
    tops: list[Step]
    started_at: datetime | None
    start: int = 0
    end: int = 0
    extent: int = 0
    remarks: list[str] = field(default_factory=list)
    gaps: list[Interval] = field(default_factory=list)

    @property
    def whole_us(self) -> int:
        return self.end - self.start


def tree_of(steps: Sequence[Step], tolerance_us: int = 1000) -> Tree:
    """The tree of one trace, whatever is wrong with it: what is wrong stands in notes and remarks."""
    starts = [s.started_at for s in steps if s.started_at]
    origin = min(starts, default=None)
    for step in steps:
        place(step, origin)
    tops = linked(steps)
    tree = Tree(walked(tops), tops, origin)
    for step in reversed(tree.steps):  # children first
        reach(step)
    tree.extent = max((s.end for s in steps if s.end is not None), default=0)
    timed = [top for top in tops if top.start is not None]
    tree.start = min((top.start for top in timed if top.start is not None), default=0)
    tree.end = max((top.reach for top in timed), default=0)
    for step in tree.steps:
        own_time(step)
        apart(step, tolerance_us)
    tree.gaps = critical_path(timed, tree.start, tree.end, tolerance_us)
    tree.remarks = remarks(tree)
    return tree


def place(step: Step, origin: datetime | None) -> None:
    """When it starts and ends; what is not known is said."""
    if step.started_at is None or origin is None:
        step.notes.append("no start logged")
        return
    step.start = (step.started_at - origin) // MICROSECOND
    if step.ended_at is None:
        step.notes.append("no end logged")
    elif step.ended_at < step.started_at:
        step.notes.append("ends before it starts")
    else:
        step.end = (step.ended_at - origin) // MICROSECOND


def linked(steps: Sequence[Step]) -> list[Step]:
    """Hangs each step under its parent; gives those that have none, those whose parent is not there among them."""
    by_key: dict[str, Step] = {}
    for step in steps:
        by_key.setdefault(step.key, step)
    for step in steps:
        if step.parent is not None and step.parent not in by_key:
            step.notes.append(f"its parent {step.parent} is not in the log")
        step.above = by_key.get(step.parent) if step.parent is not None else None
    cut_circles(steps)
    for step in steps:
        if step.above is not None:
            step.above.children.append(step)
    for step in steps:
        step.children.sort(key=in_time)
    return sorted((s for s in steps if s.above is None), key=in_time)


def in_time(step: Step) -> tuple[Any, ...]:
    return (step.start is None, step.start or 0, step.order, step.key)


def cut_circles(steps: Sequence[Step]) -> None:
    """A step that is above itself becomes a top: of each circle the one that starts first."""
    safe: set[int] = set()
    for first in steps:
        path: dict[int, Step] = {}
        step: Step | None = first
        while step is not None and id(step) not in safe and id(step) not in path:
            path[id(step)] = step
            step = step.above
        if step is not None and id(step) in path:
            chain = list(path.values())
            circle = chain[chain.index(step) :]
            opened = min(circle, key=in_time)
            opened.above = None
            opened.notes.append("its parents form a circle")
        safe |= path.keys()


def walked(tops: Iterable[Step]) -> list[Step]:
    """Each step followed by its children; no recursion, since a chain may be as long as the trace."""
    found: list[Step] = []
    waiting = list(reversed(list(tops)))
    while waiting:
        step = waiting.pop()
        step.depth = step.above.depth + 1 if step.above is not None else 0
        found.append(step)
        waiting.extend(reversed(step.children))
    return found


def reach(step: Step) -> None:
    """Where the step ends: as logged, else where the last of its children does."""
    if step.end is not None:
        step.reach = step.end
    else:
        step.reach = max([step.start or 0, *(c.reach for c in step.children if c.start is not None)])


def inside(step: Step, low: int, high: int) -> Interval | None:
    """The part of the step between two points; None where nothing of it is there."""
    if step.start is None:
        return None
    start, end = max(step.start, low), min(step.reach, high)
    return (start, end) if end > start else None


def own_time(step: Step) -> None:
    """The duration less the union of the children's times, each cut to the step's own."""
    if step.start is None or step.end is None:
        return
    parts = sorted(p for c in step.children if (p := inside(c, step.start, step.end)))
    covered, reached = 0, step.start
    for start, end in parts:
        covered += max(end - max(start, reached), 0)
        reached = max(reached, end)
    step.self_us = step.end - step.start - covered


def apart(step: Step, tolerance_us: int) -> None:
    """Says where a step does not lie within its parent: clocks that differ, or work that goes on after it."""
    above = step.above
    if above is None or above.start is None or step.start is None:
        return
    differing = step.service is not None and above.service is not None and step.service != above.service
    doubt = f" (clocks of {above.service} and {step.service} apart?)" if differing else ""
    early = above.start - step.start
    late = step.end - above.end if step.end is not None and above.end is not None else 0
    if early > tolerance_us:
        step.notes.append(f"starts {ms(early)} ms before its parent{doubt}")
    if late > tolerance_us:
        step.notes.append(f"ends {ms(late)} ms after its parent{doubt}")


def ms(us: int) -> str:
    """Microseconds as milliseconds, with no more digits than there are."""
    return f"{us / 1000:,.3f}".rstrip("0").rstrip(".")


def critical_path(tops: Sequence[Step], low: int, high: int, tolerance_us: int = 0) -> list[Interval]:
    """Marks the steps on the path, each with its own part of it; gives the parts in which no step ran.

    A child that runs on into the next one for no more than the tolerance still ended before it: clocks are rounded.
    """
    gaps: list[Interval] = []
    waiting: list[tuple[Step | None, Sequence[Step], int, int]] = [(None, tops, low, high)]
    while waiting:
        step, children, start, end = waiting.pop()
        own = gaps if step is None else step.critical
        point = end
        parts = [(part, child) for child in children if (part := inside(child, start, end))]
        # The last to end first; of those that end together the longest.
        for (first, last), child in sorted(parts, key=lambda p: (-p[0][1], p[0][0], p[1].key)):
            if last > point + tolerance_us or first >= point:
                continue
            last = min(last, point)
            if point > last:
                own.append((last, point))
            child.visited = True
            waiting.append((child, child.children, first, last))
            point = first
        if point > start:
            own.append((start, point))
    return gaps


def remarks(tree: Tree) -> list[str]:
    """What is to be said of the trace as a whole."""
    found = []
    roots = [t for t in tree.tops if t.parent is None and not t.call]
    lost = [t for t in tree.tops if any("not in the log" in note for note in t.notes)]
    spans = [s for s in tree.steps if not s.call]
    if len(roots) > 1:
        found.append(f"{len(roots)} roots")
    if spans and not roots:
        found.append("no root: the step above all others is not in the log")
    if lost:
        found.append(f"{counted(lost, 'step')} whose parent is not in the log")
    for words, said in (
        ("before its parent", "starting before the parent: clocks apart, or a parent logged late"),
        ("after its parent", "ending after the parent: clocks apart, or work that goes on"),
        ("circle", "in a circle of parents, cut at its first"),
        ("no end logged", "without a logged end; no bar and no own time"),
        ("no start logged", "without a logged start"),
        ("ends before", "ending before the start"),
    ):
        hits = [s for s in tree.steps if any(words in note for note in s.notes)]
        if hits:
            found.append(f"{counted(hits, 'step')} {said}")
    return found


def counted(steps: Sequence[Step], noun: str) -> str:
    return f"{len(steps):,} {noun}{'s' * (len(steps) != 1)}"


CELLS = 20
EMPTY, OFF_PATH, ON_PATH = "·", "▒", "█"


def bar(step: Step, extent: int, cells: int = CELLS) -> str | None:
    """When the step ran, in `cells` signs: full where the critical path runs through it and none of its children."""
    if step.start is None or step.end is None:
        return None
    if extent <= 0:
        return (ON_PATH if step.visited else OFF_PATH) * cells
    drawn = []
    for cell in range(cells):
        low, high = extent * cell // cells, extent * (cell + 1) // cells
        here = min(step.end, high) - max(step.start, low)
        own = sum(max(min(end, high) - max(start, low), 0) for start, end in step.critical)
        drawn.append(EMPTY if here <= 0 else ON_PATH if 2 * own >= here else OFF_PATH)
    if set(drawn) == {EMPTY}:  # no time at all is still a moment
        drawn[min(step.start * cells // extent, cells - 1)] = ON_PATH if step.visited else OFF_PATH
    return "".join(drawn)
