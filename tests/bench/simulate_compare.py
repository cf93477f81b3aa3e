"""How often two sides on the same days are told apart: false alarms and power of the test by days of `compare`.

By hand: python tests/bench/simulate_compare.py [DRAWS]. Both sides share the weather of a day (10 %, day correlation as
given), each wanders besides by OWN (the same correlation), weekends see .45 of the traffic, requests come in sessions
of 8 (log-sd .74 a request, of which .35 is the session's). `days` is the day key alone, `both` what compare goes by;
power is of +10 %.
"""

from __future__ import annotations

import sys
from datetime import date, timedelta
from math import log, sqrt

import numpy as np

from llmscope.stats.daily import Day
from llmscope.stats.paired import by_days

SETTINGS = ((0.0, 0.0), (0.03, 0.5), (0.05, 0.7))
TRAFFIC = ((10_000, 0.5), (100_000, 0.05))
LENGTHS = (8, 10, 14, 20, 28, 59)
MONDAY = date(2026, 8, 3)
REQUEST_SD, SESSION_SD, SESSION = 0.74, 0.35, 8


def wander(rng: np.random.Generator, days: int, sd: float, rho: float) -> np.ndarray:
    """A stationary AR(1) series."""
    found = np.empty(days)
    found[0] = rng.normal() * sd
    for t in range(1, days):
        found[t] = rho * found[t - 1] + rng.normal() * sd * sqrt(1 - rho * rho)
    return found


def sides(
    rng: np.random.Generator, days: int, n: int, share: float, own: float, rho: float, effect: float
) -> list[list[Day]]:
    """A and B's days: B gets `share` of n requests and is slower by `effect` (a logarithm)."""
    volume = np.array([0.45 if day % 7 >= 5 else 1.0 for day in range(days)])
    volume *= n / volume.sum()
    weather = wander(rng, days, 0.1, rho)
    found = []
    for part, more in ((1 - share, 0.0), (share, effect)):
        counts = np.maximum(rng.poisson(volume * part), 1)
        noise = np.sqrt((REQUEST_SD**2 - SESSION_SD**2 + SESSION_SD**2 * SESSION) / counts)
        level = weather + wander(rng, days, own, rho) + more + rng.normal(size=days) * noise
        pairs = zip(counts, level, strict=True)
        found.append([Day(MONDAY + timedelta(days=t), int(c), float(y * c)) for t, (c, y) in enumerate(pairs)])
    return found


def main() -> None:
    draws = int(sys.argv[1]) if len(sys.argv) > 1 else 600
    rng = np.random.default_rng(1)
    print("days  own  rho  requests  share_b   days   both  power")
    for days in LENGTHS:
        for own, rho in SETTINGS:
            for n, share in TRAFFIC:
                alarms = by_key = seen = 0
                for _ in range(draws):
                    found = by_days(*sides(rng, days, n, share, own, rho, 0.0))
                    alarms, by_key = alarms + found.real(found.p), by_key + (found.p <= 0.05)
                    found = by_days(*sides(rng, days, n, share, own, rho, log(1.1)))
                    seen += found.real(found.p)
                figures = (by_key / draws, alarms / draws, seen / draws)
                print(
                    f"{days:4} {own:4} {rho:4} {n:9,} {share:8} " + " ".join(f"{x:6.3f}" for x in figures), flush=True
                )


if __name__ == "__main__":
    main()
