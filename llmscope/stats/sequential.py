"""Comparisons that may be looked at at any time, and stopped then: a fixed-size test looked at daily is not one."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log, sqrt

from llmscope.stats.welch import Moments

# The size a side at which the interval is tightest; and the fewest rows a side at which it is valid at all.
CARED_FOR = 500
FEWEST = 50


@dataclass(frozen=True, slots=True)
class Evidence:
    """How many times likelier the errors are under two rates than under one; `stop` where that is 1 / alpha."""

    log_e: float
    stop: bool

    @property
    def e(self) -> float:
        return exp(min(self.log_e, 700.0))

    @property
    def p(self) -> float:
        """An always-valid p: 1 / e, at most 1."""
        return min(1.0, exp(-self.log_e))


@dataclass(frozen=True, slots=True)
class Peek:
    """The difference of two means with an interval that holds at all times at once."""

    difference: float
    low: float
    high: float

    @property
    def stop(self) -> bool:
        """Nothing lies on the other side of 0."""
        return self.low > 0 or self.high < 0


def error_evidence(errors: tuple[int, int], share: float = 0.5, alpha: float = 0.05) -> Evidence:
    """E-value that errors fall on B other than its share of the traffic would have it.

    Args:
        errors: of A and B so far; sessions with an error where requests of a session fail together. share: the part
            of the traffic that B gets, in (0, 1), fixed beforehand.

    Method: each error is B's with probability `share` if both fail alike; the beta(1/2, 1/2) mixture of all other
    probabilities over that, E = B(b + 1/2, a + 1/2) / B(1/2, 1/2) / (share^b (1 - share)^a). By Ville's inequality
    E ever reaches 1 / alpha with probability at most alpha. Holds for errors independent of each other.
    """
    from scipy.special import betaln

    if not 0 < share < 1:
        return Evidence(0.0, False)
    a, b = errors
    under_one = a * log(1 - share) + b * log(share)
    log_e = float(betaln(b + 0.5, a + 0.5) - betaln(0.5, 0.5)) - under_one
    return Evidence(log_e, log_e >= -log(alpha))


def sequence_reach(n: float, sd: float, alpha: float = 0.05, cared_for: float = CARED_FOR) -> float:
    """Half the width of the asymptotic confidence sequence of a mean after n rows.

    sd sqrt(2 (n r^2 + 1) / (n^2 r^2) ln(sqrt(n r^2 + 1) / alpha)), r^2 = 1 / cared_for (Waudby-Smith, Arbour, Sinha,
    Kennedy & Ramdas, Annals of Statistics 52, 2024).
    """
    square = 1 / cared_for
    return sd * sqrt(2 * (n * square + 1) / (n * n * square) * log(sqrt(n * square + 1) / alpha))


def difference_sequence(
    before: Moments, after: Moments, alpha: float = 0.05, cared_for: float = CARED_FOR
) -> Peek | None:
    """The difference of means (after - before), valid whenever it is looked at; None under 50 rows a side.

    Rows are independent of each other: give means a session where requests of one resemble each other. Both sides are
    taken as one stream of n1 + n2 rows whose variance over n is s1^2 / n1 + s2^2 / n2.
    """
    if min(before.n, after.n) < FEWEST:
        return None
    n = before.n + after.n
    sd = sqrt(n * (before.variance / before.n + after.variance / after.n))
    reach = sequence_reach(n, sd, alpha, 2 * cared_for)
    difference = after.mean - before.mean
    return Peek(difference, difference - reach, difference + reach)
