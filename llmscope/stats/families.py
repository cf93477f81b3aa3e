"""Many tests at once: how small a p must be when many were tried."""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum


def benjamini_hochberg(ps: Sequence[float], tests: int | None = None) -> list[float]:
    """Each p's q (JRSS B 57, 1995): of the tests with q <= .05, at most 5 % are false in the mean.

    Args:
        tests: how many were tried in all, where some are not in `ps` because they found nothing; these count as p 1.

    Holds for independent tests and for those that go up and down together, such as slices of one log.
    """
    return stepped_up(ps, max(tests or 0, len(ps)))


def benjamini_yekutieli(ps: Sequence[float], tests: int | None = None) -> list[float]:
    """The same under any dependence (Annals of Statistics 29, 2001): q times 1 + 1/2 + ... + 1/n."""
    n = max(tests or 0, len(ps))
    return stepped_up(ps, n, fsum(1 / rank for rank in range(1, n + 1)))


def holm(ps: Sequence[float], tests: int | None = None) -> list[float]:
    """Adjusted p for no false alarm at all among n (Scandinavian Journal of Statistics 6, 1979), under any dependence.

    For the few tests of a headline, where BH would let one false line through for every nineteen true.
    """
    n = max(tests or 0, len(ps))
    found, most = [1.0] * len(ps), 0.0
    for rank, place in enumerate(sorted(range(len(ps)), key=lambda i: ps[i])):
        most = max(most, ps[place] * (n - rank))
        found[place] = min(most, 1.0)
    return found


def stepped_up(ps: Sequence[float], n: int, factor: float = 1.0) -> list[float]:
    """min over all p at least as large of factor p n / rank, at most 1, in the order given."""
    found, least = [1.0] * len(ps), 1.0
    order = sorted(range(len(ps)), key=lambda i: ps[i], reverse=True)
    for above, place in enumerate(order):
        least = min(least, factor * ps[place] * n / (len(ps) - above))
        found[place] = least
    return found
