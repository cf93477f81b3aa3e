"""How often methods for a mix say it moved when nothing did, and how often they see what did.

python tests/bench/simulate_categories.py [repeats]

Sessions of 8 on average (geometric), 7 in 10 of one category throughout, volume .45 at weekends; every category's log
share wanders from day to day (sd, AR(1) rho); 31 days against 28. `incident`: two days on which a third of the traffic
goes to one category; `steps`: the mix jumps by sd .1 at random, on average every 15 days, and stays: a change of
a kind. The last figures (200 repeats a cell, 60 at 200,000 rows: two standard errors are 3 points and 6) are in
tests/bench/simulated/categories.txt.
"""

from __future__ import annotations

import datetime
import sys
import time
from collections.abc import Sequence

import numpy as np

from llmscope.stats.categories import Mix, by_sessions, by_weeks, chi_square, mix

START = datetime.date(2026, 1, 1)
Rows = list[tuple[datetime.date, str, int]]
CALM, WANDER, SLOW = (0.0, 0.0), (0.15, 0.5), (0.15, 0.7)


def wander(random: np.random.Generator, days: int, columns: int, sd: float, rho: float) -> np.ndarray:
    """AR(1) over days, one column a category."""
    found = np.empty((days, columns))
    found[0] = sd * random.standard_normal(columns)
    for day in range(1, days):
        found[day] = rho * found[day - 1] + sd * (1 - rho**2) ** 0.5 * random.standard_normal(columns)
    return found


def shares_a_day(
    random: np.random.Generator, days: int, base: np.ndarray, kind: tuple[float, float], odd: str = ""
) -> np.ndarray:
    """The chance of each category, a row a day."""
    logs = np.log(base) + wander(random, days, len(base), *kind)
    if odd == "steps":
        logs += np.cumsum((random.random((days, 1)) < 1 / 15) * 0.1 * random.standard_normal((days, len(base))), axis=0)
    found = np.exp(logs)
    found /= found.sum(axis=1, keepdims=True)
    if odd == "incident":
        for day in random.choice(days, 2, replace=False):
            found[day] *= 2 / 3
            found[day, -1] += 1 / 3
    return found


def sessions(random: np.random.Generator, shares: np.ndarray, first: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """About n rows: the day and the category counts of each session."""
    weekday = np.array([(START + datetime.timedelta(days=first + day)).weekday() for day in range(len(shares))])
    volume = np.where(weekday > 4, 0.45, 1.0)
    count = max(n // 8, 2)
    day = random.choice(len(shares), count, p=volume / volume.sum())
    size = random.geometric(1 / 8, count)
    upto = np.cumsum(shares[day], axis=1)
    own = np.minimum((random.random((count, 1)) > upto).sum(axis=1), shares.shape[1] - 1)
    mixed = random.random(count) >= 0.7
    found = np.zeros((count, shares.shape[1]))
    found[np.arange(count), own] = size
    found[mixed] = random.multinomial(size[mixed], shares[day[mixed]])
    return day, found


def counted(day: np.ndarray, counts: np.ndarray, first: int) -> Rows:
    """A row a day and category."""
    found = []
    for one in np.unique(day):
        date = START + datetime.timedelta(days=int(first + one))
        found += [(date, f"c{i}", int(n)) for i, n in enumerate(counts[day == one].sum(axis=0)) if n]
    return found


def windows(
    random: np.random.Generator, n: tuple[int, int], base: Sequence[float], kind: tuple[float, float],
    odd: str = "", moved: float = 0.0,
) -> tuple[Rows, Rows]:  # fmt: skip
    """Two months; `moved`: points of share that the second has less of the first category and more of the last."""
    shares = shares_a_day(random, 59, np.asarray(base) / np.sum(base), kind, odd)
    shares[31:, 0] -= moved
    shares[31:, -1] += moved
    shares = np.maximum(shares, 1e-6)
    shares /= shares.sum(axis=1, keepdims=True)
    before = counted(*sessions(random, shares[:31], 0, n[0]), 0)
    return before, counted(*sessions(random, shares[31:], 31, n[1]), 31)


def flagged(found: Mix) -> bool:
    """Both keys: a q and the weeks."""
    return any(
        one.q is not None and one.q <= 0.05 and one.shift is not None and (one.shift.p_weeks or 0) <= 0.05
        for one in found.movers
    )


def rates(
    n: tuple[int, int], base: Sequence[float], kind: tuple[float, float], repeats: int,
    odd: str = "", moved: float = 0.0, seed: int = 0,
) -> dict[str, float]:  # fmt: skip
    """The share of repeats in which each method says that the mix moved."""
    random, said = np.random.default_rng(seed), dict.fromkeys(("chi2", "noise", "q", "keys", "weeks"), 0)
    for repeat in range(repeats):
        before, after = windows(random, n, base, kind, odd, moved)
        found = mix(before, after, seed=repeat)
        assert found is not None
        whole = by_weeks(before, after)
        names = sorted({c for _, c, _ in (*before, *after)})
        table = [[sum(k for _, c, k in side if c == name) for name in names] for side in (before, after)]
        said["chi2"] += chi_square(table).p <= 0.05
        said["noise"] += found.beyond_noise
        said["q"] += any(one.q is not None and one.q <= 0.05 for one in found.movers)
        said["keys"] += flagged(found)
        said["weeks"] += whole is not None and whole.p <= 0.05
    return {name: round(count / repeats, 3) for name, count in said.items()}


def permuted(sessions_a_side: int, kind: tuple[float, float], repeats: int, days: int = 5, seed: int = 0) -> float:
    """How often relabelled sessions of `days` days against `days` reject at 5 % with nothing changed."""
    random, said = np.random.default_rng(seed), 0
    for repeat in range(repeats):
        shares = shares_a_day(random, 2 * days, np.array([0.4, 0.3, 0.15, 0.1, 0.05]), kind)
        sides = []
        for first in (0, days):
            _, counts = sessions(random, shares[first : first + days], first, 8 * sessions_a_side)
            sides.append([{str(i): int(n) for i, n in enumerate(row) if n} for row in counts])
        found = by_sessions(*sides, permutations=499, seed=repeat)
        said += found is not None and found.p <= 0.05
    return said / repeats


def main() -> None:
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    five, twenty = [0.4, 0.3, 0.15, 0.1, 0.05], [1 / (i + 1) for i in range(20)]
    hundred = [1 / (i + 1) for i in range(100)]
    cells = [
        (f"{k} categories, {n[0]:,} v {n[1]:,}, {name} {odd}".strip(), n, base, kind, odd, moved, reps)
        for k, base in ((5, five), (2, [0.98, 0.02]), (20, twenty))
        for name, kind, odd, moved in (
            ("calm", CALM, "", 0.0), ("wander", WANDER, "", 0.0), ("slow", SLOW, "", 0.0),
            ("wander", WANDER, "incident", 0.0), ("wander", WANDER, "steps", 0.0),
            ("wander, 3 points moved", WANDER, "", 0.03), ("wander, 10 points moved", WANDER, "", 0.10),
        )
        for n, reps in (((2_000, 2_000), repeats), ((20_000, 20_000), repeats), ((200_000, 200_000), repeats * 3 // 10))
        if k == 5 or (n[0] == 20_000 and (moved < 0.1))
    ]  # fmt: skip
    cells.append(("100 categories, 100,000 v 1,000, calm", (100_000, 1_000), hundred, CALM, "", 0.0, repeats // 2))
    cells.append(("100 categories, 100,000 v 1,000, wander", (100_000, 1_000), hundred, WANDER, "", 0.0, repeats // 2))
    for name, n, base, kind, odd, moved, reps in cells:
        began = time.perf_counter()
        print(f"{name:55}", rates(n, base, kind, reps, odd, moved), f"{time.perf_counter() - began:.0f} s", flush=True)
    for name, kind in (("calm", CALM), ("wander", WANDER)):
        for count in (20, 60):
            said = permuted(count, kind, 2 * repeats)
            print(f"sessions relabelled, {count} a side, 5 days v 5, {name}: {said:.3f}", flush=True)


if __name__ == "__main__":
    main()
