"""Prompts told apart by their vectors: sessions and days kept together, and what is unlike the past."""

from __future__ import annotations

import datetime

import numpy as np
from scipy import stats

from llmscope.stats.classifier import FOLDS, aucs, middle_ranks
from llmscope.stats.embeddings import compare, folds, sampled, weeks_of
from tests.bench.simulate_embeddings import rates, sample

FIRST = datetime.date(2026, 3, 2)


def test_sessions_are_not_known_again() -> None:
    """Sessions of 10, nothing changed: few of 40 months are told apart; dealt at random to folds, all of them are."""
    found = rates(40, permutations=99, seed=3, sessions=150, size=10)

    assert 0.15 >= found["p"]
    assert 0.1 >= found["apart"]
    assert 1.0 == found["random split, AUC over .55"]
    assert 0.47 <= found["auc"] <= 0.53


def test_a_new_topic_is_found_and_named() -> None:
    """A quarter of the later prompts is of a topic that was never seen: both keys turn, and its rows are named."""
    random = np.random.default_rng(4)
    vectors, after, sessions, days = sample(random, 400, 2, new=0.25)
    found = compare(vectors, after, sessions, days, permutations=99)

    assert found is not None
    assert found.apart
    assert found.low > 0.5
    assert found.shift > found.shift_noise
    assert 0.15 <= found.new_ratio <= 0.35
    assert all(after[one.place] for one in found.unlike)
    assert 10 == len({days[one.place] for one in found.unlike})


def test_the_same_answer_each_time() -> None:
    """Seeded; and the length of a vector does not matter, only where it points."""
    vectors, after, sessions, days = sample(np.random.default_rng(5), 100, 3)
    first = compare(vectors, after, sessions, days, permutations=49)

    assert first == compare(vectors, after, sessions, days, permutations=49)
    scaled = compare(vectors * 7, after, sessions, days, permutations=49)
    assert first is not None
    assert scaled is not None
    assert abs(first.auc - scaled.auc) < 1e-3


def test_a_session_of_both_windows_is_left_out() -> None:
    """The classifier would know it again."""
    random = np.random.default_rng(6)
    days = [FIRST + datetime.timedelta(days=i // 2) for i in range(40)]
    sessions = [f"s{i}" for i in range(40)]
    sessions[19] = sessions[20] = "over midnight"
    found = compare(random.standard_normal((40, 8)), [i >= 20 for i in range(40)], sessions, days, permutations=19)

    assert found is not None
    assert (2, (19, 19), "day") == (found.dropped, found.n, found.groups)


def test_too_little() -> None:
    """Two days and nine sessions a side, or one side alone: nothing."""
    vectors = np.random.default_rng(7).standard_normal((18, 4))
    days = [FIRST + datetime.timedelta(days=i // 9) for i in range(18)]

    assert compare(vectors, [i >= 9 for i in range(18)], [None] * 18, days) is None
    assert compare(vectors, [True] * 18, [None] * 18, days) is None


def test_equal_vectors() -> None:
    """Nothing to tell apart by: .5, no shift, nothing new."""
    days = [FIRST + datetime.timedelta(days=i) for i in range(40)]
    found = compare(np.ones((40, 4)), [i >= 20 for i in range(40)], [None] * 40, days, permutations=19)

    assert found is not None
    assert not found.apart
    assert 0.0 == found.new_ratio
    assert abs(found.shift) < 1e-6


def test_the_same_prompts_again() -> None:
    """Three prompts sent over and over, in both windows alike: ties are halves, whichever window comes first."""
    days = [FIRST + datetime.timedelta(days=i // 6) for i in range(240)]
    vectors = np.eye(3)[np.arange(240) % 3]
    found = compare(vectors, [i >= 120 for i in range(240)], [None] * 240, days, permutations=99)

    assert found is not None
    assert abs(found.auc - 0.5) < 1e-9
    assert not found.apart


def test_ranks_are_scipys() -> None:
    """Mid-ranks along rows."""
    scores = np.random.default_rng(2).integers(0, 5, (20, 12)).astype(float)

    assert stats.rankdata(scores, axis=1).tolist() == middle_ranks(scores).tolist()


def test_area_by_hand() -> None:
    """One number that is the label itself: 1 in every fold; its opposite label: the classifier learns that too."""
    days = [FIRST + datetime.timedelta(days=i) for i in range(40)]
    late = np.array([i >= 20 for i in range(40)])
    whole = sampled(np.column_stack([np.where(late, 1.0, -1.0), np.ones(40)]), late.tolist(), [None] * 40, days)

    assert whole is not None
    fold = folds(whole)
    assert list(range(FOLDS)) == sorted(set(fold))
    x = np.where(late, 1.0, -1.0)[:, None] + np.arange(40)[:, None] / 1000
    assert [1.0, 1.0] == aucs(x, fold, np.array([late, ~late]).astype(int)).tolist()


def test_weeks_within_windows() -> None:
    """14 days before and 21 after are two weeks and three, numbered through."""
    days = [FIRST + datetime.timedelta(days=i) for i in range(35)]

    assert [0] * 7 + [1] * 7 + [2] * 7 + [3] * 7 + [4] * 7 == weeks_of(
        [(i >= 14, d) for i, d in enumerate(days)]
    ).tolist()
