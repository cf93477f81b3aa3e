"""Logs whose truth is known, for the simulations of drift: requests in sessions on days that wander.

What a session adds to its day is drawn at once where that is the same thing: the sum of m normal values is one normal
value of m times the variance, and the errors of m requests of one rate are one binomial. Quantiles need each request.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from llmscope.stats.daily import Day

Floats = np.ndarray[Any, np.dtype[np.float64]]
Whole = np.ndarray[Any, np.dtype[np.int64]]

FIRST = datetime.date(2026, 1, 5)  # a Monday
LOG_SD = 0.74
SESSION_SD = 0.35
# Errors come in worse days and in bad sessions more than latency does: on the log of the rate.
RATE_WANDER = 3.0
RATE_SESSION_SD = 1.0
WEEKDAY = np.array([0.0, 0.02, 0.04, 0.04, 0.02, -0.08, -0.08])
WEEKEND_VOLUME = 0.45


@dataclass(frozen=True, slots=True)
class World:
    """What a log is like when nothing changes.

    session: mean requests a session. weekday: whether levels follow the weekday. sd, rho: of the day's wander, AR(1).
    steps: mean days a level is held before it is drawn anew, in place of AR(1). incidents: share of days on which one
    to three bad days begin. huge: one day of ten times the traffic. gaps: share of days without traffic.
    """

    session: float = 8.0
    weekday: bool = True
    sd: float = 0.05
    rho: float = 0.5
    steps: float = 0.0
    incidents: float = 0.0
    huge: bool = False
    gaps: float = 0.0


WORLDS = {
    "A independent": World(session=1.0, weekday=False, sd=0.0),
    "B sessions of 8": World(weekday=False, sd=0.0),
    "C weekdays, days wander 5 %, rho .5": World(),
    "D days wander 10 %, rho .7": World(sd=0.10, rho=0.7),
    "C with incident days": World(incidents=0.05),
    "steps every 3 days, 7 %": World(sd=0.07, steps=3.0),
    "steps every 7 days, 7 %": World(sd=0.07, steps=7.0),
    "C with one huge day": World(huge=True),
    "C with 1 day in 5 missing": World(gaps=0.2),
    "E days wander 10 %, rho .9": World(sd=0.10, rho=0.9),
}


@dataclass(frozen=True, slots=True)
class Log:
    """One log in outline: sessions and level of each day of both windows; the later one begins at `split`."""

    sessions: Whole
    level: Floats
    split: int
    world: World

    @property
    def fewest_sessions(self) -> int:
        """Of the smaller window."""
        return int(min(self.sessions[: self.split].sum(), self.sessions[self.split :].sum()))

    @property
    def later(self) -> Floats:
        """1 on the later window's days."""
        return (np.arange(len(self.level)) >= self.split).astype(float)


def wander(rng: np.random.Generator, world: World, days: int) -> Floats:
    """The level of each day around its mean."""
    if world.steps:
        anew = np.cumsum(rng.random(days) < 1 / world.steps)
        found = rng.normal(0, world.sd, days + 1)[anew]
    else:
        noise, found = rng.normal(0, world.sd * np.sqrt(1 - world.rho**2), days), np.empty(days)
        last = rng.normal(0, world.sd)
        for i in range(days):
            found[i] = last = world.rho * last + noise[i]
    if world.incidents:
        for start in np.flatnonzero(rng.random(days) < world.incidents):
            found[start : start + rng.integers(1, 4)] += rng.uniform(0.2, 0.6)
    return found


def draw(
    rng: np.random.Generator,
    world: World,
    n: float,
    days: tuple[int, int] = (31, 28),
    part: float = 1,
    common: Floats | None = None,
) -> Log:
    """A log of about n requests in 31 days, and as many a day in those after.

    Args:
        part, common: for slices: how many times the days' wander is taken, and a wander that is 30 % of theirs.
    """
    total = sum(days)
    weekday = np.arange(total) % 7
    volume = np.where(weekday >= 5, WEEKEND_VOLUME, 1.0) * rng.lognormal(0, 0.1, total)
    volume *= n / 31 * 7 / (5 + 2 * WEEKEND_VOLUME)
    if world.huge:
        volume[rng.integers(total)] *= 10
    volume[rng.random(total) < world.gaps] = 0
    level = wander(rng, world, total)
    if common is not None:
        level = np.sqrt(0.7) * level + np.sqrt(0.3) * common
    level = level * part + (WEEKDAY[weekday] if world.weekday else 0.0)
    return Log(rng.poisson(volume / world.session), level, days[0], world)


def session_sizes(rng: np.random.Generator, log: Log) -> tuple[Whole, Whole]:
    """(day, requests) of each session."""
    day = np.repeat(np.arange(len(log.sessions)), log.sessions)
    single = log.world.session == 1
    return day, np.ones(len(day), dtype=np.int64) if single else rng.geometric(1 / log.world.session, len(day))


def sizes_a_day(rng: np.random.Generator, log: Log) -> tuple[Floats, Floats]:
    """(sum of m, sum of m squared) over each day's sessions of m requests, by how many have each size."""
    if log.world.session == 1:
        return log.sessions.astype(float), log.sessions.astype(float)
    size, p = np.arange(1, 40 * int(log.world.session)), 1 / log.world.session
    share = p * (1 - p) ** (size - 1)
    of_size = rng.multinomial(log.sessions, share / share.sum())
    return of_size @ size.astype(float), of_size @ (size.astype(float) ** 2)


def shared_sd(world: World) -> float:
    """The part of the log-sd that all requests of a session have in common."""
    return SESSION_SD if world.session > 1 else 0.0


def own_sd(world: World) -> float:
    """The rest of it."""
    return float(np.sqrt(LOG_SD**2 - shared_sd(world) ** 2))


def to_days(n: Floats, total: Floats, split: int) -> tuple[list[Day], list[Day]]:
    """Both windows' days."""
    dates = [FIRST + datetime.timedelta(days=i) for i in range(len(n))]
    days = [Day(d, int(c), float(t)) for d, c, t in zip(dates, n, total, strict=True)]
    return days[:split], days[split:]


def latency_days(rng: np.random.Generator, log: Log, change: float = 0) -> tuple[list[Day], list[Day]]:
    """Daily sums of ln latency; `change` is added to each request of the later window.

    Given the sessions' sizes the sum of a day is normal: n times the day's level, variance own^2 sum m + shared^2
    sum m^2. So one draw a day is the same as one a request.
    """
    n, squares = sizes_a_day(rng, log)
    spread = np.sqrt(own_sd(log.world) ** 2 * n + shared_sd(log.world) ** 2 * squares)
    return to_days(n, n * (log.level + change * log.later) + spread * rng.normal(0, 1, len(n)), log.split)


def error_days(
    rng: np.random.Generator, log: Log, rate: float, later: float | None = None
) -> tuple[list[Day], list[Day]]:
    """Daily counts of errors at a typical day's rate of `rate`, and of `later` in the later window."""
    base = np.where(log.later > 0, rate if later is None else later, rate) * np.exp(RATE_WANDER * log.level)
    if log.world.session == 1:
        hits = rng.binomial(log.sessions, np.minimum(base, 1))
        return to_days(log.sessions.astype(float), hits.astype(float), log.split)
    day, size = session_sizes(rng, log)
    luck = np.exp(RATE_SESSION_SD * rng.normal(0, 1, len(day)) - RATE_SESSION_SD**2 / 2)
    hits = rng.binomial(size, np.minimum(base[day] * luck, 1))
    length = len(log.level)
    return to_days(np.bincount(day, size, length), np.bincount(day, hits, length), log.split)


def requests(rng: np.random.Generator, log: Log, change: float = 0) -> tuple[Whole, Floats]:
    """(day, ln latency) of each request."""
    day, size = session_sizes(rng, log)
    each = (log.level + change * log.later)[day] + shared_sd(log.world) * rng.normal(0, 1, len(day))
    value = np.repeat(each, size)
    return np.repeat(day, size), value + own_sd(log.world) * rng.normal(0, 1, len(value))


def exceeding_days(log: Log, day: Whole, over: Floats) -> tuple[list[Day], list[Day]]:
    """Daily counts of requests that are over something."""
    length = len(log.level)
    return to_days(np.bincount(day, minlength=length).astype(float), np.bincount(day, over, length), log.split)


def slice_world(world: World, rng: np.random.Generator) -> World:
    """The same world with a day correlation of its own, as slices of one report differ."""
    return world if world.steps or not world.sd else replace(world, rho=float(rng.uniform(0.0, 0.7)))
