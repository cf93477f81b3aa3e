"""Numbers for people keep the digits that matter."""

from __future__ import annotations

from decimal import Decimal

import pytest

from llmscope.render._figures import bare, duration, figure, storage, with_units
from llmscope.render._words import headings
from llmscope.result import Column


@pytest.mark.parametrize(
    ("figures", "shown"),
    [
        ([1234.56], ["$1,234.56"]),
        ([0.000216], ["$0.000216"]),
        ([3.2, 0.05], ["$3.20", "$0.05"]),
        ([3.21771, 0.0534], ["$3.2177", "$0.0534"]),
        ([1234.5, 0.000216, 0.0], ["$1,234.50", "<$0.01", "$0.00"]),
        ([-1.25, -0.000001, 500], ["-$1.25", ">-$0.01", "$500.00"]),
    ],
)
def test_money_never_shows_a_cost_as_nothing(figures: list[float], shown: list[str]) -> None:
    """A small cost gets more digits, or is said to be less than the last one."""
    assert shown == [with_units("usd", figures)(x) for x in figures]


@pytest.mark.parametrize(
    ("ms", "shown"),
    [(0, "0 ms"), (0.25, "0.25 ms"), (4.26, "4.26 ms"), (123.4, "123 ms"), (999.6, "1.00 s"), (4210, "4.21 s"),
     (-1500, "-1.50 s"), (59_990, "60.0 s"), (600_000, "10.0 min"), (7_200_000, "2.0 h")],
)  # fmt: skip
def test_durations_take_the_unit_that_fits(ms: float, shown: str) -> None:
    """Three digits, whatever the size."""
    assert shown == duration(ms)


@pytest.mark.parametrize(
    ("kind", "figures", "shown"),
    [
        ("ratio", [0.123, 1.0], ["12.3 %", "100.0 %"]),
        ("ratio", [0.0004], ["0.04 %"]),
        ("ratio", [0.5, 0.0004], ["50.0 %", "<0.1 %"]),
        ("tokens", [1234567, 12], ["1,234,567", "12"]),
        ("tokens", [812.44, 99.0], ["812.4", "99.0"]),
        ("count", [3, 10**30], ["3", "1" + ",000" * 10]),
        ("rate", [1e300, 1.5], ["1e+300", "1.5"]),
        ("bytes", [999, 1_500_000], ["999 B", "1.5 MB"]),
    ],
)
def test_units_of_the_other_kinds(kind: str, figures: list[float], shown: list[str]) -> None:
    """Separators for counts, per cent for ratios."""
    assert shown == [with_units(kind, figures)(x) for x in figures]


def test_bare_numbers_keep_six_digits_of_the_smallest() -> None:
    """What awk adds up is not rounded to what the eye needs."""
    assert [bare("usd", [1834.2213, 0.5])(x) for x in (1834.2213, 0.5)] == ["1834.2213", "0.5000"]


@pytest.mark.parametrize("value", [None, True, "5", float("nan"), float("inf"), Decimal("sNaN"), Decimal("Infinity")])
def test_what_is_no_figure(value: object) -> None:
    """Not a number is unknown."""
    assert figure(value) is None


def test_storage_ends_at_terabytes() -> None:
    """A bigger unit is not needed."""
    assert storage(5 * 10**15) == "5,000.0 TB"


def test_headings_are_short_and_differ() -> None:
    """Units go where the cells show them; where two would be alike, the longer wording stands for both."""
    names = [("cost_usd", "usd"), ("cost_ratio", "ratio"), ("p99_9_ms", "ms"), ("cost_share_ratio", "ratio"),
             ("ttft_p50_ms", "ms"), ("metadata.my_team", "text"), ("p50_tokens_per_second", "rate")]  # fmt: skip
    columns = [Column(name, kind) for name, kind in names]

    assert headings(columns) == [
        "cost usd",
        "cost ratio",
        "p99.9",
        "share",
        "ttft p50",
        "metadata.my_team",
        "p50 tokens/s",
    ]
