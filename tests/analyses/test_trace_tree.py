"""A trace as a tree: offsets, own time and the critical path by hand, and what holds of any trace whatever."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from llmscope.analyses._trace_tree import Step, Tree, bar, tree_of

START = datetime(2026, 9, 1, 10)


def step(
    key: str, parent: str | None, start: float | None, end: float | None, service: str = "web", call: bool = False
) -> Step:
    """A step between two moments in milliseconds."""
    first, last = (None if at is None else START + timedelta(milliseconds=at) for at in (start, end))
    return Step(key, parent, first, last, {"name": key, "service": service}, call)


def broken() -> Tree:
    """Two roots (a, f), a missing parent (e's), a child whose clock is early (c) and one that goes on too long (d)."""
    return tree_of(
        [
            step("a", None, 0, 100),
            step("b", "a", 10, 60, "api"),
            step("c", "b", 5, 40, "gpu"),
            step("d", "a", 60, 110),
            step("e", "zz", 120, 150),
            step("f", None, 160, 200),
        ]
    )


def by_key(tree: Tree) -> dict[str, Step]:
    return {s.key: s for s in tree.steps}


def test_the_order_and_depth_of_a_broken_trace() -> None:
    """Tops by start, each followed by its children; offsets are as logged, c's before its parent's."""
    found = [(s.key, s.depth, (s.start or 0) / 1000) for s in broken().steps]

    assert [("a", 0, 0), ("b", 1, 10), ("c", 2, 5), ("d", 1, 60), ("e", 0, 120), ("f", 0, 160)] == found


def test_own_time_of_a_broken_trace() -> None:
    """a: 100 - (10..60 and 60..100) = 10; b: 50 - (10..40) = 20; the others have no children: as long as they are."""
    found = {s.key: (s.self_us or 0) / 1000 for s in broken().steps}

    assert {"a": 10, "b": 20, "c": 35, "d": 50, "e": 30, "f": 40} == found


def test_the_critical_path_of_a_broken_trace() -> None:
    """From 200 back: f 160..200, nothing, e 120..150, nothing, in a: d 60..100, b 40..60, in b: c 10..40, a 0..10."""
    tree = broken()
    found = {s.key: [(low / 1000, high / 1000) for low, high in s.critical] for s in tree.steps}

    assert {
        "a": [(0, 10)], "b": [(40, 60)], "c": [(10, 40)], "d": [(60, 100)], "e": [(120, 150)], "f": [(160, 200)],
    } == found  # fmt: skip
    assert [(150_000, 160_000), (100_000, 120_000)] == tree.gaps
    assert (200_000, 200_000) == (tree.whole_us, tree.extent)


def test_what_is_wrong_is_said_at_the_step_and_of_the_trace() -> None:
    """Each fault once, with its size; services that differ may have clocks that differ."""
    tree = broken()
    notes = {s.key: s.notes for s in tree.steps if s.notes}

    assert {
        "c": ["starts 5 ms before its parent (clocks of api and gpu apart?)"],
        "d": ["ends 10 ms after its parent"],
        "e": ["its parent zz is not in the log"],
    } == notes
    assert [
        "2 roots",
        "1 step whose parent is not in the log",
        "1 step starting before the parent: clocks apart, or a parent logged late",
        "1 step ending after the parent: clocks apart, or work that goes on",
    ] == tree.remarks


def test_bars_are_full_where_the_step_itself_is_on_the_path() -> None:
    """20 cells of 10 ms; c runs 5..40 and is on the path from 10 on, d 60..110 up to 100."""
    tree = broken()
    found = {s.key: bar(s, tree.extent) for s in tree.steps}

    assert {
        "a": "█▒▒▒▒▒▒▒▒▒··········",
        "b": "·▒▒▒██··············",
        "c": "▒███················",
        "d": "······████▒·········",
        "e": "············███·····",
        "f": "················████",
    } == found


def test_parallel_children_are_counted_once_and_the_last_one_decides() -> None:
    """p 0..100, x 10..50 beside y 20..80: own time 100 - 70 = 30; the path is p 80..100, y 20..80, p 0..20."""
    tree = tree_of([step("p", None, 0, 100), step("x", "p", 10, 50), step("y", "p", 20, 80)])
    steps = by_key(tree)

    assert 30_000 == steps["p"].self_us
    assert [(80_000, 100_000), (0, 20_000)] == steps["p"].critical
    assert (False, True) == (steps["x"].visited, steps["y"].visited)


def test_an_overlap_within_the_tolerance_still_follows() -> None:
    """x ends 1 ms into y: with 1 ms allowed x was before y, with none the parent waited."""
    spans = [("p", None, 0, 100), ("x", "p", 0, 51), ("y", "p", 50, 100)]
    near = by_key(tree_of([step(*s) for s in spans], 1000))
    exact = by_key(tree_of([step(*s) for s in spans], 0))

    assert (50_000, 0) == (near["x"].critical_us, near["p"].critical_us)
    assert (0, 50_000) == (exact["x"].critical_us, exact["p"].critical_us)


def test_circles_are_cut_at_their_first() -> None:
    """x above y above x: x starts first and becomes the top; one that is its own parent too."""
    tree = tree_of([step("y", "x", 20, 30), step("x", "y", 10, 40), step("z", "z", 50, 60)])

    assert [("x", 0), ("y", 1), ("z", 0)] == [(s.key, s.depth) for s in tree.steps]
    assert "2 steps in a circle of parents, cut at its first" in tree.remarks


def test_a_step_without_an_end_reaches_to_its_last_child() -> None:
    """The path goes through it to the child; its own time and its bar are unknown."""
    tree = tree_of([step("p", None, 0, None), step("x", "p", 10, 50), step("n", "p", None, None)])
    steps = by_key(tree)

    assert (None, None) == (steps["p"].self_us, bar(steps["p"], tree.extent))
    assert [(0, 10_000)] == steps["p"].critical
    assert (["no end logged"], ["no start logged"]) == (steps["p"].notes, steps["n"].notes)


def test_flat_requests_are_no_roots() -> None:
    """Three calls that name no place in a tree: one after the other, and nothing is wrong with that."""
    calls = [step(str(i), None, 100 * i, 100 * i + 50, call=True) for i in range(3)]
    tree = tree_of(calls)

    assert ([], 100_000) == (tree.remarks, sum(high - low for low, high in tree.gaps))


def test_a_chain_of_thousands_is_no_trouble() -> None:
    """Depth 4,999, and the last of them takes all the time but its parents' millisecond each."""
    tree = tree_of([step(str(i), str(i - 1) if i else None, i, 10_000) for i in range(5000)])

    assert (4999, 5_001_000) == (tree.steps[-1].depth, tree.steps[-1].critical_us)


TIMES = st.one_of(st.none(), st.integers(0, 1000))
SPANS = st.lists(st.tuples(st.one_of(st.none(), st.integers(0, 12)), TIMES, TIMES), min_size=1, max_size=12)


@settings(max_examples=200, deadline=None)
@given(spans=SPANS, tolerance=st.integers(0, 5000))
def test_the_parts_of_the_path_fill_the_whole_once(
    spans: list[tuple[int | None, int | None, int | None]], tolerance: int
) -> None:
    """Whatever the parents and the times: each step stands once, and steps and gaps of the path tile its time."""
    steps = [step(str(i), None if p is None else str(p), a, b) for i, (p, a, b) in enumerate(spans)]
    tree = tree_of(steps, tolerance)
    parts = sorted([*tree.gaps, *(part for s in tree.steps for part in s.critical)])

    assert sorted(s.key for s in steps) == sorted(s.key for s in tree.steps)
    assert tree.whole_us == sum(high - low for low, high in parts)
    assert all(before[1] == after[0] for before, after in pairwise(parts))
    assert all(0 <= s.self_us <= s.end - s.start for s in steps if None not in (s.self_us, s.start, s.end))  # type: ignore[operator]
