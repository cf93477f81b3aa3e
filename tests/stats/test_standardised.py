"""Two sides at one mix: the kidney stones of 1986, by hand, and what must hold of any standardisation."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmscope.stats.daily import Day
from llmscope.stats.standardised import Cell, standardised

DAY = date(2026, 9, 1)


def cells(*counts: tuple[str, int, float]) -> list[Cell]:
    return [Cell(DAY, kind, n, total) for kind, n, total in counts]


# Charig et al., BMJ 292, 1986: successes of open surgery (a) and of percutaneous nephrolithotomy (b), by stone.
OPEN = cells(("small", 87, 81), ("large", 263, 192))
CLOSED = cells(("small", 270, 234), ("large", 80, 55))


def test_simpson_directly_standardised() -> None:
    """In all b is better, 289 / 350 = .8257 against 273 / 350 = .78; in either kind of stone a is.

    At the mix of all 700 (357 small, 343 large):
    a = (357 x 81/87 + 343 x 192/263) / 700 = .51 x .931034 + .49 x .730038 = .832546
    b = (357 x 234/270 + 343 x 55/80) / 700 = .51 x .866667 + .49 x .6875 = .778875
    """
    found = standardised(OPEN, CLOSED)

    assert found is not None
    assert pytest.approx((0.832546, 0.778875), abs=1e-6) == (found.a, found.b)
    assert (2, (1.0, 1.0)) == (found.strata, found.kept)


def test_simpson_by_mantel_and_haenszel() -> None:
    """Weights 87 x 270 / 357 = 65.7983 and 263 x 80 / 343 = 61.3411.

    (65.7983 x (.866667 - .931034) + 61.3411 x (.6875 - .730038)) / 127.1394
    = (-4.235241 - 2.609329) / 127.1394 = -.053835
    """
    found = standardised(OPEN, CLOSED, mantel_haenszel=True)

    assert found is not None
    assert pytest.approx(-0.053835, abs=1e-5) == found.b - found.a


def test_kinds_of_one_side_are_left_out() -> None:
    """And it is said of how many rows: 100 of 110 and 100 of 104 are alike; five rows on each side are enough."""
    a = cells(("chat", 100, 50), ("search", 10, 9))
    b = cells(("chat", 100, 60), ("search", 4, 4))
    found = standardised(a, b)

    assert found is not None
    assert (0.5, 0.6) == pytest.approx((found.a, found.b))
    assert pytest.approx((100 / 110, 100 / 104)) == found.kept
    assert standardised(cells(("x", 9, 1)), cells(("y", 9, 1))) is None
    assert standardised([], []) is None


def test_days_add_up_to_the_levels() -> None:
    """Each side's days have the standardised level as their mean, and its rows."""
    a = [Cell(DAY + timedelta(days=i), kind, 10 + i, 3.0 * i + len(kind)) for i in range(5) for kind in ("x", "yy")]
    b = [Cell(DAY + timedelta(days=i), kind, 20 - i, 2.0 * i) for i in range(5) for kind in ("x", "yy")]
    found = standardised(a, b)

    assert found is not None
    for days, level in ((found.days_a, found.a), (found.days_b, found.b)):
        assert pytest.approx(level) == mean(days)
    assert 120 == sum(day.n for day in found.days_a)


def mean(days: tuple[Day, ...]) -> float:
    return sum(day.total for day in days) / sum(day.n for day in days)


counts = st.lists(st.tuples(st.integers(5, 50), st.floats(0, 100)), min_size=1, max_size=5)


@given(counts)
def test_the_same_mix_is_left_as_it_is(kinds: list[tuple[int, float]]) -> None:
    """Sides of the same mix keep their plain levels."""
    a = cells(*((str(i), n, total) for i, (n, total) in enumerate(kinds)))
    b = cells(*((str(i), 2 * n, total) for i, (n, total) in enumerate(kinds)))
    found = standardised(a, b)

    assert found is not None
    assert pytest.approx(sum(c.total for c in a) / sum(c.n for c in a)) == found.a
    assert pytest.approx(found.a / 2) == found.b


@given(counts, counts)
def test_names_of_kinds_do_not_matter(first: list[tuple[int, float]], second: list[tuple[int, float]]) -> None:
    """Relabelled, the figures are the same."""
    sides = [cells(*((str(i), n, t) for i, (n, t) in enumerate(one))) for one in (first, second)]
    other = [[Cell(c.date, f"kind {c.stratum}", c.n, c.total) for c in side] for side in sides]
    one, two = standardised(sides[0], sides[1]), standardised(other[0], other[1])

    assert one is not None
    assert two is not None
    assert pytest.approx((one.a, one.b)) == (two.a, two.b)
