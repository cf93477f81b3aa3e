"""How often a distance lies beyond its band of noise when nothing changed; 5 of 100 is what the band promises.

python tests/bench/simulate_distances.py [repeats]

Latency in bins of 2 %: lognormal (log-sd .74), 31 days against 28, volume .45 at weekends. A: independent rows; B:
sessions of 8 (log-sd .35); C: B with a pattern of weekdays and days that wander by 5 % (AR(1), rho .5); D: 10 %, .7.
The last figures: tests/bench/simulated/distances.txt.
"""

from __future__ import annotations

import datetime
import sys

import numpy as np

from llmscope.stats.distances import bin_middle, distances

START = datetime.date(2026, 1, 1)
# log-sd of sessions, sd of days, their correlation, height of the weekdays' pattern
SCENARIOS = {"A": (0.0, 0.0, 0.0, 0.0), "B": (0.35, 0.0, 0.0, 0.0), "C": (0.35, 0.05, 0.5, 0.06),
             "D": (0.35, 0.10, 0.7, 0.06)}  # fmt: skip
ACCURACY = 0.02
Rows = list[tuple[datetime.date, float, int]]


def wander(random: np.random.Generator, days: int, sd: float, rho: float) -> np.ndarray:
    """AR(1) over days."""
    found = np.empty(days)
    found[0] = sd * random.standard_normal()
    for day in range(1, days):
        found[day] = rho * found[day - 1] + sd * (1 - rho**2) ** 0.5 * random.standard_normal()
    return found


def window(
    random: np.random.Generator, scenario: str, n: int, level: np.ndarray, first: int, shift: float = 0.0
) -> Rows:
    """About n latencies of one window, as rows a day and bin."""
    of_session, _, _, height = SCENARIOS[scenario]
    dates = [START + datetime.timedelta(days=first + i) for i in range(len(level))]
    weekday = np.array([date.weekday() for date in dates])
    volume = np.where(weekday > 4, 0.45, 1.0)
    count = max(n // 8, 1) if of_session else n
    day = random.choice(len(dates), count, p=volume / volume.sum())
    size = random.geometric(1 / 8, count) if of_session else np.ones(count, dtype=int)
    of_day = np.repeat(day, size)
    logs = np.repeat(of_session * random.standard_normal(count), size) + level[of_day] + shift
    logs += height * np.sin(weekday)[of_day] + (0.74**2 - of_session**2) ** 0.5 * random.standard_normal(len(of_day))
    place = np.ceil(logs / np.log((1 + ACCURACY) / (1 - ACCURACY))).astype(int)
    cells, counts = np.unique(np.stack([of_day, place]), axis=1, return_counts=True)
    return [(dates[d], bin_middle(int(b), ACCURACY), int(k)) for (d, b), k in zip(cells.T, counts, strict=True)]


def beyond(scenario: str, n: int, repeats: int, shift: float = 0.0, seed: int = 0) -> dict[str, float]:
    """The share of repeats in which each distance is beyond its noise."""
    random, said = np.random.default_rng(seed), {}
    for repeat in range(repeats):
        level = wander(random, 59, *SCENARIOS[scenario][1:3])
        before = window(random, scenario, n, level[:31], 0)
        found = distances(before, window(random, scenario, n, level[31:], 31, shift), seed=repeat)
        assert found is not None
        for one in found.found:
            said[one.name] = said.get(one.name, 0) + one.beyond_noise
    return {name: round(count / repeats, 3) for name, count in said.items()}


def main() -> None:
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    for scenario in SCENARIOS:
        for n, part in ((1_000, 1.0), (10_000, 1.0), (100_000, 0.25)):
            print(scenario, f"{n:,}", beyond(scenario, n, int(repeats * part)), flush=True)
    print("C 10,000, 10 % slower:", beyond("C", 10_000, repeats // 4, shift=np.log(1.1)))
    print("C 10,000, 25 % slower:", beyond("C", 10_000, repeats // 4, shift=np.log(1.25)))


if __name__ == "__main__":
    main()
