"""Tests by Student's t: a standard error, its degrees of freedom, and what follows from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llmscope.stats.quantiles import t_quantile

POWER = 0.8


@dataclass(frozen=True, slots=True)
class Key:
    """One test of the effect: its standard error, degrees of freedom and two-sided p."""

    se: float
    df: float
    p: float

    def reach(self, confidence: float) -> float:
        """Half the width of the interval."""
        return t_quantile((1 + confidence) / 2, self.df) * self.se

    @property
    def detectable(self) -> float:
        """The effect found with 80 % power at the 5 % level."""
        return (t_quantile(0.975, self.df) + t_quantile(POWER, self.df)) * self.se


def welch_df(errors: Sequence[float], free: Sequence[float]) -> float:
    """Welch & Satterthwaite's degrees of freedom of a sum of variances, 2 at the least."""
    return max(sum(errors) ** 2 / sum(e**2 / max(f, 1.0) for e, f in zip(errors, free, strict=True)), 2.0)


def two_sided(t: float, df: float) -> float:
    """P(|T| >= |t|) of Student's t."""
    from scipy.special import stdtr

    return float(2 * stdtr(df, -abs(t)))
