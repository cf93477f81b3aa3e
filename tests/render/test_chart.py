"""Lines in a terminal: which are drawn together, where their names stand, and that they keep to the width."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.cells import cell_len

from llmscope.render import View
from llmscope.render._chart import chart, groups, is_chart
from llmscope.render.table import render
from llmscope.result import Result, Series

DAYS = tuple(f"2026-09-{day:02d}" for day in range(1, 11))
FAST = Series("p50", DAYS, tuple(1000.0 + 10 * i for i in range(10)), "ms")
SLOW = Series("p99", DAYS, (9000.0, 9000.0, None, *([9000.0] * 7)), "ms")


def drawn(*lines: Series, width: int = 60, color: bool = False) -> list[str]:
    return [text.plain for text in chart(lines, width, color)]


def test_lines_of_one_axis_are_drawn_together() -> None:
    """The same unit, the same days, figures of like size; others are pictures of their own."""
    money, far = replace(FAST, kind="usd"), replace(FAST, y=tuple(1e6 for _ in DAYS))
    other_days = replace(FAST, x=DAYS[::-1])

    assert [[FAST, SLOW], [money], [far], [other_days]] == groups([FAST, SLOW, money, far, other_days])


@pytest.mark.parametrize("width", [40, 60, 80, 100])
def test_it_keeps_to_the_width(width: int) -> None:
    """Every row of it; the scale at the left, names at the right, the first and the last day below."""
    rows = drawn(FAST, SLOW, width=width)

    assert all(cell_len(row) <= width for row in rows)
    assert rows[0].startswith("9.00 s ┤")
    assert rows[0].endswith(" p99")
    assert [8] == [i for i, row in enumerate(rows) if row.endswith(" p50")]
    assert rows[9].startswith("  0 ms ┤")
    assert (DAYS[0], DAYS[-1]) == (rows[-1].split()[0], rows[-1].split()[-1])


def test_a_gap_stays_a_gap() -> None:
    """Nothing is drawn across a day without a figure."""
    top = drawn(replace(SLOW, y=(9.0, 9.0, 9.0, None, None, None, None, 9.0, 9.0, 9.0)))[1]

    assert " " * 10 in top.split("┤")[1].strip()


@pytest.mark.parametrize("figure", [9.0, 0.1, 1090.0, 1e7 / 3])
def test_the_largest_figure_is_drawn(figure: float) -> None:
    """Also at the edge of the picture, to its last point."""
    top = drawn(replace(FAST, y=(figure,) * 10), replace(FAST, name="b", y=(figure,) * 10))[0]

    assert " " not in top.split("┤")[1].removesuffix(" b").removesuffix(" p50")


def test_names_do_not_cover_each_other() -> None:
    """Three lines that end in one place have their names on three rows."""
    rows = drawn(*(replace(FAST, name=name) for name in ("a", "b", "c")))

    assert {"a", "b", "c"} == {row[-1] for row in rows[:10]} & {"a", "b", "c"}


def test_what_is_no_chart() -> None:
    """A few points alone, nothing known, negative figures, or no room: a row of blocks has to do."""
    assert is_chart([FAST], 80)
    assert not is_chart([replace(FAST, x=DAYS[:4], y=FAST.y[:4])], 80)
    assert not is_chart([replace(FAST, y=tuple(None for _ in DAYS))], 80)
    assert not is_chart([replace(FAST, y=(-1.0, *FAST.y[1:]))], 80)
    assert not is_chart([FAST], 30)


def test_colour_only_where_it_is_asked_for() -> None:
    """And hostile names do no harm."""
    named = replace(SLOW, name="\x1b]0;x\x07[red]\nz" * 9)
    plain = "".join(render(Result("latency", (), (), series=(FAST, named)), View(width=60)))
    colored = "".join(render(Result("latency", (), (), series=(FAST, named)), View(width=60, color=True)))

    assert "\x1b" not in plain
    assert "\x1b[36m" in colored
    assert "\x1b]" not in colored
