"""What may be said of a change: real and large, real and small, ruled out, or not to be told from this data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import exp, log
from typing import Any

from llmscope.errors import UsageError, unknown_name
from llmscope.result import TOO_FEW
from llmscope.stats.daily import FEWEST_ROWS, Shift

DRIFT = "DRIFT"
SMALL = "SMALL"
STABLE = "STABLE"
INCONCLUSIVE = "INCONCLUSIVE"
VERDICTS = (DRIFT, SMALL, STABLE, INCONCLUSIVE, TOO_FEW)

LEVEL = 0.05
FEWEST_SESSIONS = 100

# From and to: a change inside is too small to matter, on the scale of the effect it is held against.
Margin = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Margins:
    """The least change of each metric worth a word, from [drift] of llmscope.toml; every default is a judgement.

    latency, tokens, cost: relative, of the level. score: points; of a score from 0 to 1 a tenth of them. rate_points
    and rate_relative: of error and other rates, the larger of both counts; a share of rows, and a share of the earlier
    rate, or of its complement where that is smaller (90 % passed is 10 % failed). mix: share of all rows that changed
    category (half the sum of the differences). category: share of rows, for one category.
    """

    latency: float = 0.10
    tokens: float = 0.05
    cost: float = 0.05
    volume: float = 0.10
    score: float = 0.3
    rate_points: float = 0.005
    rate_relative: float = 0.20
    mix: float = 0.05
    category: float = 0.02

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Margins:
        """The settings of [drift] over the defaults.

        Raises:
            UsageError: a key is unknown (the nearest is named), or its value is no positive number; a relative margin
                and a share are under 1.
        """
        known = [field.name for field in fields(cls)]
        given = {key.replace("-", "_"): value for key, value in settings.items()}
        for key, value in given.items():
            if key not in known:
                unknown = unknown_name("margin", key, known)
                raise UsageError(f"llmscope.toml, [drift]: {unknown.message}", hint=unknown.hint)
            checked(key, value)
        return cls(**{key: float(value) for key, value in given.items()})

    def ratio(self, metric: str) -> Margin:
        """Of a metric whose effect is a difference of logarithms: latency, tokens, cost or volume."""
        share = float(getattr(self, metric))
        return log(1 - share), log(1 + share)

    def points(self, metric: str) -> Margin:
        """Of a metric whose effect is a plain difference: score, mix or category."""
        reach = float(getattr(self, metric))
        return -reach, reach

    def scored(self, unit: bool) -> Margin:
        """Of a score; a tenth of its points where it lies from 0 to 1."""
        low, high = self.points("score")
        return (low / 10, high / 10) if unit else (low, high)

    def rate(self, before: float) -> Margin:
        """Of a share of rows, given the earlier one; relative to what is rarer, what has it or what has it not."""
        reach = max(self.rate_points, self.rate_relative * min(before, 1 - before))
        return -reach, reach


def checked(key: str, value: Any) -> None:
    """Refuses a margin that is no positive number, or a share of 1 or more."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not 0 < value < float("inf") or (key != "score" and value >= 1):
        wanted = "a number over 0" if key == "score" else "a share between 0 and 1, such as 0.1 for 10 %"
        raise UsageError(f"llmscope.toml, [drift]: {key} = {value!r} is not {wanted}")


def verdict(shift: Shift | None, q: float | None, margin: Margin, sessions: int | None = None) -> str:
    """One of the four verdicts, by both keys; fewer words on less data.

    Args:
        q: the day key's p (Shift.p) among all tests of the report; Shift.p itself for a single comparison.
        margin: on the scale of the effect. sessions: of the smaller window, where the log has them; else its rows.

    Under 30 rows a side nothing is said; under 100 sessions nothing but INCONCLUSIVE, since the shares of false alarms
    were found for no fewer.
    """
    if shift is None or min(shift.n) < FEWEST_ROWS:
        return TOO_FEW
    fewest = min(shift.n) if sessions is None else min(sessions, *shift.n)
    if fewest < FEWEST_SESSIONS:
        return INCONCLUSIVE
    real = q is not None and q <= LEVEL and shift.p_weeks is not None and shift.p_weeks <= LEVEL
    return judged(real, shift.effect, (shift.equivalence_low, shift.equivalence_high), margin)


def judged(real: bool, effect: float, equivalence: tuple[float, float], margin: Margin) -> str:
    """The verdict on any test's outcome: whether it is real, how large, and what its 90 % interval rules out.

    A change at the margin counts as large. STABLE is two one-sided tests at 5 %, never the mere want of proof.
    """
    low, high = margin
    if real:
        return SMALL if low < effect < high else DRIFT
    return STABLE if low < equivalence[0] and equivalence[1] < high else INCONCLUSIVE


def relative(difference: float) -> float:
    """A difference of logarithms as a relative change: 0.0953 is 0.1, or +10 %."""
    return exp(difference) - 1
