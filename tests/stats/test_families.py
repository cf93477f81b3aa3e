"""Families of tests: known answers, and what holds for any family."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from llmscope.stats.families import benjamini_hochberg, benjamini_yekutieli, holm

PS = [0.01, 0.02, 0.03, 0.04, 0.05, 0.0002, 0.5, 0.9, 0.0001, 0.2]
METHODS = [benjamini_hochberg, benjamini_yekutieli, holm]
families = st.lists(st.floats(0, 1), min_size=1, max_size=40)


def test_benjamini_hochberg() -> None:
    """D9: R's p.adjust(method = "BH")."""
    known = [0.0333333, 0.05, 0.06, 0.0666667, 0.0714286, 0.001, 0.5555556, 0.9, 0.001, 0.25]

    assert known == [round(q, 7) for q in benjamini_hochberg(PS)]


def test_benjamini_yekutieli() -> None:
    """D9: R's p.adjust(method = "BY")."""
    known = [0.0976323, 0.1464484, 0.1757381, 0.1952646, 0.2092120, 0.0029290, 1, 1, 0.0029290, 0.7322421]

    assert known == [round(q, 7) for q in benjamini_yekutieli(PS)]


def test_holm() -> None:
    """Smallest p times 4, the next times 3, and so on, never falling."""
    # .005 x 4 = .02; .01 x 3 = .03; .02 x 2 = .04; .03 x 1 = .03, but no smaller than the .04 before it
    assert [0.03, 0.04, 0.04, 0.02] == pytest.approx(holm([0.01, 0.02, 0.03, 0.005]))


def test_tests_that_found_nothing_count() -> None:
    """A p of .01 among 360 tests is what it is among .01 and 359 ones."""
    for method in METHODS:
        assert method([0.01] + [1.0] * 359)[0] == pytest.approx(method([0.01], tests=360)[0])


def test_nothing_tried() -> None:
    """No test, no q."""
    assert [[], [], []] == [method([]) for method in METHODS]


@given(families)
def test_scipy_agrees(ps: Sequence[float]) -> None:
    """scipy's false_discovery_control says the same."""
    assert benjamini_hochberg(ps) == pytest.approx(list(false_discovery_control(ps, method="bh")))
    assert benjamini_yekutieli(ps) == pytest.approx(list(false_discovery_control(ps, method="by")))


@pytest.mark.parametrize("method", METHODS)
@given(ps=families, data=st.data())
def test_order_is_of_no_matter(method: Callable[..., list[float]], ps: list[float], data: st.DataObject) -> None:
    """Each p keeps its q wherever it stands; q is no smaller than p, and no larger for a smaller p."""
    order = data.draw(st.permutations(range(len(ps))))
    found = method(ps)

    assert method([ps[i] for i in order]) == pytest.approx([found[i] for i in order])
    assert all(p * (1 - 1e-9) <= q <= 1 for p, q in zip(ps, found, strict=True))
    assert [q for _, q in sorted(zip(ps, found, strict=True))] == sorted(found)
