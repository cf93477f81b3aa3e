"""Whether prompts of two windows can be told apart by their vectors, and which are most unlike the past.

A classifier is taught on some days and asked about others. Prompts of one session are near each other: dealt at random
to teaching and asking, as is usual, it knows the session again and calls every month a drift.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from typing import TYPE_CHECKING, Any

from llmscope.stats.classifier import FOLDS, as_large, aucs, projected, scored
from llmscope.stats.daily import block_t
from llmscope.stats.quantiles import t_quantile

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

PERMUTATIONS = 499
# Days are the groups where each window has as many; under it sessions, which takes days to be alike.
FEWEST_DAYS = 5
FEWEST_WEEKS = 4
# Under as many groups (sessions) a side nothing is said.
FEWEST_GROUPS = 10
SHOWN = 10
# Cosines of vectors held in 32 bits are as exact.
ROUNDING = 1e-6
# A prompt is called new where its nearest past one is further than 99 of 100 past ones have theirs.
USUAL = 0.99


@dataclass(frozen=True, slots=True)
class Unlike:
    """A row of the later window, by its place, and the cosine distance to its nearest earlier row."""

    place: int
    distance: float


@dataclass(frozen=True, slots=True)
class EmbeddingDrift:
    """How well the windows can be told apart.

    auc: the chance that of a later and an earlier row the classifier ranks the later one higher, on groups it has not
    seen; .5 is guessing. low, high: its 95 % interval by groups. p: share of relabelled groups that do as well.
    p_weeks: of a t test between the weeks' mean scores, None on fewer than 4 a side. shift: cosine distance of both
    means. shift_noise: what relabelling (of weeks, where there are enough) stays under in 95 of 100. new_ratio: later
    rows further from the past than 99 % of the past is from itself (about .01 with nothing new). groups: "day" or
    "session".
    """

    n: tuple[int, int]
    groups: str
    group_counts: tuple[int, int]
    auc: float
    low: float
    high: float
    p: float
    p_weeks: float | None
    shift: float
    shift_noise: float
    new_ratio: float
    unlike: tuple[Unlike, ...]
    dropped: int

    @property
    def apart(self) -> bool:
        """Both keys turn: relabelled groups, and weeks where there are enough."""
        return self.p <= 0.05 and (self.p_weeks is None or self.p_weeks <= 0.05)


@dataclass(frozen=True, slots=True)
class Sample:
    """Unit vectors in the order of time, which window each is of (0, 1), and its day or session as a number."""

    place: Array
    vectors: Array
    window: Array
    group: Array
    week: Array
    kind: str

    @property
    def of_group(self) -> Array:
        """The window of each group."""
        import numpy as np

        found = np.zeros(int(self.group.max()) + 1, dtype=int)
        found[self.group] = self.window
        return found


def compare(
    vectors: Any,
    after: Sequence[bool],
    sessions: Sequence[str | None],
    days: Sequence[datetime.date],
    *,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> EmbeddingDrift | None:
    """Tells two windows apart by a sample of their vectors; None where a side has under 10 days or sessions in all.

    Args:
        vectors: a row a prompt, all of one length, none of them zero. after, sessions, days: of each row.

    Method: the first principal directions of all unit vectors (labels unseen), ridge regression on the label, taught
    on four fifths of the days (or sessions) of both windows and asked about the fifth left out, in runs of days; the
    area under the curve of each fold by ranks, averaged. p: labels of whole days (sessions) dealt anew. Simulated in
    tests/bench/simulate_embeddings.py.
    """
    import numpy as np

    sample = sampled(vectors, after, sessions, days)
    if sample is None:
        return None
    random = np.random.default_rng(seed)
    fold = folds(sample)
    labels = relabelled(sample, fold, permutations, random)
    low_dimensional = projected(sample.vectors)
    drawn = aucs(low_dimensional, fold, labels[:, sample.group])
    weeks = weekly_labels(sample, permutations, random)
    auc, error = clustered_auc(low_dimensional, fold, sample)
    counts = int((sample.of_group == 0).sum()), int((sample.of_group == 1).sum())
    reach = t_quantile(0.975, min(counts) - 1) * error
    apart = mean_shifts(sample, sample.group, labels) if weeks is None else mean_shifts(sample, sample.week, weeks)
    unlike, new = farthest(sample)
    return EmbeddingDrift(
        n=(int((sample.window == 0).sum()), int((sample.window == 1).sum())),
        groups=sample.kind,
        group_counts=counts,
        auc=auc,
        low=max(auc - reach, 0.0),
        high=min(auc + reach, 1.0),
        p=as_large(drawn),
        p_weeks=None if weeks is None else week_p(low_dimensional, fold, sample),
        shift=float(apart[0]),
        shift_noise=float(np.quantile(apart[1:], 0.95)),
        new_ratio=new,
        unlike=unlike,
        dropped=len(after) - len(sample.window),
    )


def sampled(
    vectors: Any, after: Sequence[bool], sessions: Sequence[str | None], days: Sequence[datetime.date]
) -> Sample | None:
    """The rows in groups; rows of a session that both windows have are left out, the classifier would know it again."""
    import numpy as np

    # A row without a session is one of its own.
    keys = [("row", i) if s is None else ("session", s) for i, s in enumerate(sessions)]
    seen: dict[Any, set[bool]] = {}
    first: dict[Any, datetime.date] = {}
    for key, late, day in zip(keys, after, days, strict=True):
        seen.setdefault(key, set()).add(bool(late))
        first[key] = min(first.get(key, day), day)
    kept = sorted((i for i, key in enumerate(keys) if len(seen[key]) == 1), key=lambda i: (first[keys[i]], i))
    of_day = [(bool(after[i]), first[keys[i]]) for i in kept]
    by_day = min(len({d for late, d in of_day if late == side}) for side in (False, True)) >= FEWEST_DAYS
    names: list[Any] = of_day if by_day else [(after[i], keys[i]) for i in kept]
    number = {name: i for i, name in enumerate(dict.fromkeys(names))}
    group = np.array([number[name] for name in names], dtype=int)
    window = np.array([int(after[i]) for i in kept], dtype=int)
    least = FEWEST_DAYS if by_day else FEWEST_GROUPS
    if min(len(set(group[window == side])) for side in (0, 1)) < least:
        return None
    x = np.asarray(vectors, dtype=np.float32)[kept]
    x = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
    return Sample(np.array(kept), x, window, group, weeks_of(of_day), "day" if by_day else "session")


def weeks_of(of_day: Sequence[tuple[bool, datetime.date]]) -> Array:
    """Nearly equal runs of about seven days within each window, numbered through."""
    import numpy as np

    found, runs = np.zeros(len(of_day), dtype=int), 0
    for side in (False, True):
        ordinals = np.array([day.toordinal() for late, day in of_day if late == side])
        span = int(ordinals.max() - ordinals.min()) + 1
        size = max(round(span / 7), 1)
        place = np.minimum((ordinals - ordinals.min()) * size // span, size - 1)
        found[np.array([late == side for late, _ in of_day])] = runs + np.unique(place, return_inverse=True)[1]
        runs = int(found.max()) + 1
    return found


def relabelled(sample: Sample, fold: Array, permutations: int, random: Any) -> Array:
    """The true labels of all groups in the first row, and as many dealt anew, within folds as the true ones are."""
    import numpy as np

    found = np.tile(sample.of_group, (permutations + 1, 1))
    fold_of = np.zeros(found.shape[1], dtype=int)
    fold_of[sample.group] = fold
    for one in range(FOLDS):
        own = np.flatnonzero(fold_of == one)
        found[1:, own] = random.permuted(found[1:, own], axis=1)
    return found


def weekly_labels(sample: Sample, permutations: int, random: Any) -> Array | None:
    """The same of whole weeks: every way to deal them, the true one first, or a draw where there are many."""
    from itertools import combinations

    import numpy as np

    windows = np.zeros(int(sample.week.max()) + 1, dtype=int)
    windows[sample.week] = sample.window
    late, count = int(windows.sum()), len(windows)
    if min(late, count - late) < FEWEST_WEEKS:
        return None
    if comb(count, late) > permutations:
        return np.array([windows, *(random.permutation(windows) for _ in range(permutations))])
    every = np.zeros((comb(count, late), count), dtype=int)
    for row, chosen in zip(every, combinations(range(count), late), strict=True):
        row[list(chosen)] = 1
    own = (every == windows).all(axis=1)
    return np.concatenate([every[own], every[~own]])


def folds(sample: Sample) -> Array:
    """Which fold each row is asked in: runs of days (sessions) of each window, in time."""
    import numpy as np

    fold = np.zeros(int(sample.group.max()) + 1, dtype=int)
    for side in (0, 1):
        own = np.flatnonzero(sample.of_group == side)
        fold[own] = np.arange(len(own)) * FOLDS // len(own)
    return np.asarray(fold[sample.group])


def clustered_auc(x: Array, fold: Array, sample: Sample) -> tuple[float, float]:
    """The area under the curve and its standard error by groups (Obuchowski, Biometrics 53, 1997), within folds."""
    import numpy as np

    share, pairs = np.zeros(len(x)), 0.0
    sums = 0.0
    for one in range(FOLDS):
        rows = np.flatnonzero(fold == one)
        score = scored(x, fold, sample.window[None, :], one)[0]
        late = sample.window[rows] == 1
        above = np.sign(score[late][:, None] - score[~late][None, :]) / 2 + 0.5
        share[rows[late]], share[rows[~late]] = above.sum(axis=1), above.sum(axis=0)
        sums += float(above.sum())
        pairs += above.size
    auc, error = sums / pairs, 0.0
    for side in (0, 1):
        own = sample.window == side
        opposite = np.bincount(fold[sample.window != side], minlength=FOLDS)[fold]
        left = np.bincount(sample.group[own], weights=(share - auc * opposite)[own])
        count = int((sample.of_group == side).sum())
        error += count / (count - 1) * float((left**2).sum()) / pairs**2
    return auc, error**0.5


def week_p(x: Array, fold: Array, sample: Sample) -> float:
    """Whether the later weeks' scores are higher than the earlier weeks': t of block means as in `daily`, one-sided."""
    import numpy as np

    score = np.zeros(len(x))
    for one in range(FOLDS):
        rows = fold == one
        own, late = scored(x, fold, sample.window[None, :], one)[0], sample.window[rows] == 1
        score[rows] = own - (own[late].mean() + own[~late].mean()) / 2
    means = np.bincount(sample.week, weights=score) / np.bincount(sample.week)
    late_weeks = np.zeros(len(means), dtype=bool)
    late_weeks[sample.week] = sample.window == 1
    key = block_t(means[~late_weeks].tolist(), means[late_weeks].tolist())
    return key.p if means[late_weeks].mean() > means[~late_weeks].mean() else 1.0


def mean_shifts(sample: Sample, group: Array, labels: Array) -> Array:
    """1 - cosine of both windows' mean vectors, for each labelling of the groups (or weeks)."""
    import numpy as np

    sums = np.zeros((int(group.max()) + 1, sample.vectors.shape[1]))
    np.add.at(sums, group, sample.vectors)
    late = labels.astype(float) @ sums
    early = sums.sum(axis=0) - late
    length = np.linalg.norm(late, axis=1) * np.linalg.norm(early, axis=1)
    return np.asarray(1 - (late * early).sum(axis=1) / np.maximum(length, 1e-12))


def farthest(sample: Sample) -> tuple[tuple[Unlike, ...], float]:
    """The later rows farthest from every earlier one, one a group at most, and how many are farther than is usual."""
    import numpy as np

    early, late = sample.window == 0, sample.window == 1
    past = sample.vectors[early]
    distance = 1 - (sample.vectors[late] @ past.T).max(axis=1)
    among = past @ past.T
    among[sample.group[early][:, None] == sample.group[early][None, :]] = -1
    usual = float(np.quantile(1 - among.max(axis=1), USUAL))
    shown: dict[int, Unlike] = {}
    for i in np.argsort(-distance, kind="stable"):
        row = np.flatnonzero(late)[i]
        shown.setdefault(int(sample.group[row]), Unlike(int(sample.place[row]), max(float(distance[i]), 0.0)))
    return tuple(shown.values())[:SHOWN], float((distance > usual + ROUNDING).mean())
