"""What moves without being a story: weekdays, hours, and the slow wander of every level from day to day."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from math import exp, sqrt
from random import Random

from generator import plan

WEEKDAY_SHARE = (1.0, 1.06, 1.04, 1.02, 0.92, 0.46, 0.44)
HOUR_SHARE = (1, 1, 1, 1, 2, 4, 9, 18, 30, 38, 38, 34, 30, 36, 42, 40, 34, 27, 20, 14, 9, 6, 3, 2)
RHO = 0.5


def wander(name: str, sd: float) -> dict[date, float]:
    """A factor a day: exp of an AR(1) series with correlation .5 from day to day and standard deviation `sd`."""
    rng = plan.stream("wander", name)
    level = rng.gauss(0, sd)
    factors = {}
    for day in plan.days():
        factors[day] = exp(level)
        level = RHO * level + sqrt(1 - RHO**2) * rng.gauss(0, sd)
    return factors


LATENCY = {provider: wander(f"latency {provider}", 0.05) for provider in {m.provider for m in plan.MODELS.values()}}
VOLUME = wander("volume", 0.05)
LENGTH = wander("length", 0.015)
QUALITY = wander("quality", 0.01)


def slowness(provider: str, day: date) -> float:
    """How slow a provider is on a day, 1 being usual; the slow day is in here."""
    story = plan.SLOW_FACTOR if (provider, day) == (plan.SLOW_PROVIDER, plan.SLOW_DAY) else 1.0
    return LATENCY[provider][day] * story


def count(feature: str, day: date, rng: Random) -> int:
    """How many requests of a feature a day sees."""
    mean = plan.WEEKDAY_VOLUME[feature] * WEEKDAY_SHARE[day.weekday()] * VOLUME[day]
    return max(0, round(rng.gauss(mean, sqrt(mean))))


def moment(day: date, rng: Random) -> datetime:
    """A moment of the day, most of them in working hours."""
    hour = rng.choices(range(24), HOUR_SHARE)[0]
    start = datetime.combine(day, time(hour), UTC)
    return start + timedelta(milliseconds=rng.randrange(3_600_000))
