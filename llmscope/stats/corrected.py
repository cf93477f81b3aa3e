"""What a judge's scores are worth as a measure of people's: its mean and its pass rate, corrected by some labels."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from llmscope.stats.agreement import Estimate, normal, z
from llmscope.stats.quantiles import t_quantile

# Fewer labels say nothing of the judge's error.
FEWEST_LABELS = 10
ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Labelled:
    """Items that a person and the judge scored, weighted: sums of w, w y, w f, and of w^2 times 1, y, f, yy, ff, yf.

    y is the person's figure, f the judge's; w is 1 over the chance with which the item was picked for labelling, or 1
    throughout for a plain random sample.
    """

    n: int
    w: float
    y: float
    f: float
    w2: float
    w2y: float
    w2f: float
    w2yy: float
    w2ff: float
    w2yf: float

    @property
    def worth(self) -> float:
        """As many items of equal weight (Kish): (sum w)^2 / sum w^2."""
        return self.w**2 / self.w2

    def error_squared(self, part: float) -> float:
        """Of the weighted mean of y - part x f: the sum of w^2 (z - mean)^2 over (sum w)^2, times n / (n - 1)."""
        mean = (self.y - part * self.f) / self.w
        squares = self.w2yy - 2 * part * self.w2yf + part**2 * self.w2ff
        left = squares - 2 * mean * (self.w2y - part * self.w2f) + mean**2 * self.w2
        return max(left, 0.0) / self.w**2 * self.n / max(self.n - 1, 1)

    @property
    def judge_spread(self) -> tuple[float, float]:
        """Of the labelled items: the variance of f, and the covariance of y and f."""
        my, mf = self.y / self.w, self.f / self.w
        variance = self.w2ff - 2 * mf * self.w2f + mf**2 * self.w2
        together = self.w2yf - my * self.w2f - mf * self.w2y + my * mf * self.w2
        return max(variance, 0.0) / self.w2, together / self.w2


@dataclass(frozen=True, slots=True)
class Unlabelled:
    """Items that only the judge scored: how many, sum and sum of squares of its figures."""

    n: int
    total: float
    squares: float

    @property
    def mean(self) -> float:
        return self.total / self.n

    @property
    def variance(self) -> float:
        return max(self.squares - self.total * self.mean, 0.0) / (self.n - 1) if self.n > 1 else 0.0


@dataclass(frozen=True, slots=True)
class Corrected:
    """A corrected mean, and how much of the judge it uses: 0 is labels alone, 1 all of the judge."""

    estimate: Estimate
    part: float


def labels_mean(labelled: Labelled, design: float = 1.0) -> Estimate:
    """The mean of the labels alone."""
    if labelled.n < 2:
        return Estimate(labelled.y / labelled.w if labelled.n else None, why="too few labels")
    mean, error = labelled.y / labelled.w, sqrt(labelled.error_squared(0.0) * design)
    if error <= ROUNDING * abs(mean):
        return Estimate(mean, why="all labels are alike: no interval")
    reach = t_quantile(0.975, labelled.n - 1) * error
    return Estimate(mean, mean - reach, mean + reach, error)


def ppi_mean(labelled: Labelled, unlabelled: Unlabelled, design: float = 1.0) -> Corrected:
    """PPI++ for a mean (Angelopoulos, Duchi & Zrnic, arXiv 2311.01453): mean of y - l f on the labels, plus l mean f.

    l = cov(y, f) / ((1 + n / N) var f), within [0, 1]; variance l^2 var(f) / N + var(y - l f) / n; Student's t on the
    labels. The labels must be a random sample of the items judged, or carry the weights they were drawn with.
    """
    if labelled.n < FEWEST_LABELS or unlabelled.n < 2:
        few = labelled.n < FEWEST_LABELS
        why = f"{labelled.n} labels; {FEWEST_LABELS} are the least" if few else "all are labelled: the labels alone"
        alone = Estimate(None) if few else labels_mean(labelled, design)
        return Corrected(Estimate(alone.value, alone.low, alone.high, alone.error, why), 0.0)
    variance, together = labelled.judge_spread
    worth = labelled.worth
    part = together / ((1 + worth / unlabelled.n) * variance) if variance > 0 else 0.0
    part = min(max(part, 0.0), 1.0)
    value = part * unlabelled.mean + (labelled.y - part * labelled.f) / labelled.w
    square = part**2 * unlabelled.variance / unlabelled.n + labelled.error_squared(part)
    error = sqrt(square * design)
    if error <= ROUNDING * abs(value):
        return Corrected(Estimate(value, why="all labels are alike: no interval"), part)
    reach = t_quantile(0.975, labelled.n - 1) * error
    return Corrected(Estimate(value, value - reach, value + reach, error), part)


def stratified(parts: list[tuple[float, Estimate]]) -> Estimate:
    """The mean over strata of so many items each, every one corrected by its own labels."""
    total = sum(n for n, _ in parts)
    if not total or any(e.value is None or e.error is None for _, e in parts):
        return Estimate(None, why="a stratum has too few labels")
    value = sum(n * (e.value or 0.0) for n, e in parts) / total
    error = sqrt(sum((n / total * (e.error or 0.0)) ** 2 for n, e in parts))
    # Student's t of the strata has made its way into their intervals: the widest of them stands for all.
    few = max(((e.high or 0.0) - (e.value or 0.0)) / e.error if e.error else z() for _, e in parts)
    return Estimate(value, value - few * error, value + few * error, error)


def rogan_gladen(
    judged: tuple[float, float], passes: tuple[float, float], fails: tuple[float, float], least: float = 1e-9
) -> Estimate:
    """The true pass rate behind a judge that errs: (q + specificity - 1) / (sensitivity + specificity - 1).

    Args:
        judged: passed by the judge, and all it judged.
        passes: of items that people passed, those the judge passed too, and all. fails: of those that people failed,
            the ones the judge failed too, and all.

    Rogan & Gladen, Am. J. Epidemiol. 107, 1978; interval of Lang & Reiczigel, Prev. Vet. Med. 113, 2014, which adds to
    the counts what keeps its level where sensitivity or specificity are near 1 and counted on few.
    """
    (q_hits, q_n), (se_hits, se_n), (sp_hits, sp_n) = judged, passes, fails
    if not q_n or not se_n or not sp_n:
        return Estimate(None, why="people passed all of them" if se_n and not sp_n else "people failed all of them")
    sharp = se_hits / se_n + sp_hits / sp_n - 1
    if sharp <= least:
        return Estimate(None, why="the judge tells passes from failures no better than chance")
    value = min(max((q_hits / q_n + sp_hits / sp_n - 1) / sharp, 0.0), 1.0)
    square = z() ** 2
    n, q = q_n + square, (q_hits + square / 2) / (q_n + square)
    m, se = se_n + 2, (se_hits + 1) / (se_n + 2)
    k, sp = sp_n + 2, (sp_hits + 1) / (sp_n + 2)
    if se + sp - 1 <= least:
        return Estimate(value, why="too few labels of one kind for an interval")
    rate = (q + sp - 1) / (se + sp - 1)
    of_se, of_sp = se * (1 - se) / m, sp * (1 - sp) / k
    error = sqrt(q * (1 - q) / n + rate**2 * of_se + (1 - rate) ** 2 * of_sp) / (se + sp - 1)
    middle = rate + 2 * square * (rate * of_se - (1 - rate) * of_sp)
    found = normal(middle, error, 0.0, 1.0)
    return Estimate(value, min(found.low or 0.0, value), max(found.high or 0.0, value), error)


@dataclass(frozen=True, slots=True)
class Cluster:
    """A day's (or session's) items: how many, and the sum of their figures."""

    n: float
    total: float


def clustered_mean(clusters: list[Cluster], squares: float | None = None) -> Estimate:
    """A mean whose items of one day resemble each other: the ratio of daily sums, linearised; Student's t on days - 1.

    Args:
        squares: the sum of squares of all figures; with fewer than 8 days, items are then taken for independent.
    """
    n, total = sum(c.n for c in clusters), sum(c.total for c in clusters)
    if n <= 0:
        return Estimate(None, why="none")
    mean, days = total / n, len(clusters)
    plain = sqrt(max(squares - n * mean * mean, 0.0) / (n - 1) / n) if squares is not None and n > 1 else 0.0
    if days >= 8:
        left = sum((c.total - mean * c.n) ** 2 for c in clusters)
        error, df = max(sqrt(days / (days - 1) * left) / n, plain), float(days - 1)
    elif n > 1 and squares is not None:
        error, df = plain, n - 1
    else:
        return Estimate(mean, why="too few for an interval")
    reach = t_quantile(0.975, df) * error
    return Estimate(mean, mean - reach, mean + reach, error)


def apart(before: Estimate, after: Estimate) -> Estimate:
    """The difference of two independent means; each brings the Student's t of its own interval."""
    if before.value is None or after.value is None:
        return Estimate(None, why="one side has none")
    value = after.value - before.value
    if before.high is None or after.high is None:
        return Estimate(value, why="too few for an interval")
    reach = sqrt((before.high - before.value) ** 2 + (after.high - after.value) ** 2)
    error = sqrt((before.error or 0.0) ** 2 + (after.error or 0.0) ** 2)
    return Estimate(value, value - reach, value + reach, error)
