"""Many tests at once: how small a p must be when many were tried."""

from __future__ import annotations

from collections.abc import Sequence


def false_discovery(ps: Sequence[float], tests: int | None = None) -> list[float]:
    """Benjamini & Hochberg's q of each p (JRSS B 57, 1995): of those with q <= .05, at most 5 % are false.

    Args:
        tests: how many were tried in all, where some are not in `ps` because they found nothing; these count as p 1.
    """
    n = max(tests or 0, len(ps))
    order = sorted(range(len(ps)), key=lambda i: ps[i], reverse=True)
    found, least = [1.0] * len(ps), 1.0
    for rank, place in enumerate(order):
        least = min(least, ps[place] * n / (len(ps) - rank))
        found[place] = least
    return found
