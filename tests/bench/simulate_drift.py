"""How often the rules of drift cry wolf and how often they sleep: simulated, printed, and kept in simulated/.

    nice python -m tests.bench.simulate_drift [null power tails ladder report] [--reps 1000]

About twenty minutes in all on one core. Monte-Carlo error at 1000 repetitions: +-1.4 points around 5 %.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from math import exp, log
from pathlib import Path
from typing import Any

import numpy as np

from llmscope.stats.daily import Shift, day_correlation, shift
from llmscope.stats.families import benjamini_hochberg
from llmscope.stats.verdicts import DRIFT, SMALL, STABLE, Margins, verdict
from llmscope.stats.woodruff import quantile_bounds
from tests.bench.simulated_logs import (
    WORLDS,
    World,
    draw,
    error_days,
    exceeding_days,
    latency_days,
    requests,
    slice_world,
    wander,
)

FOLDER = Path(__file__).parent / "simulated"
MARGINS = Margins()
RATIO = MARGINS.ratio("latency")
Row = dict[str, Any]


def tally(found: list[tuple[Shift | None, str]]) -> Row:
    """Shares of comparisons: each key alone at 5 %, and the verdicts."""
    n = len(found)
    shifts = [s for s, _ in found if s is not None]
    words = [word for _, word in found]
    return {
        "reps": n,
        "key_days": sum(s.p <= 0.05 for s in shifts) / n,
        "key_weeks": sum((s.p_weeks or 0) <= 0.05 for s in shifts) / n,
        "real": sum(w in (DRIFT, SMALL) for w in words) / n,
        "drift": words.count(DRIFT) / n,
        "stable": words.count(STABLE) / n,
        "rho": float(np.mean([s.rho for s in shifts])) if shifts else None,
    }


def latency(rng: np.random.Generator, world: World, n: float, days: tuple[int, int], change: float = 0) -> Any:
    """One comparison of the typical level."""
    made = draw(rng, world, n, days)
    moved = shift(*latency_days(rng, made, change))
    return moved, verdict(moved, moved and moved.p, RATIO, made.fewest_sessions)


def errors(rng: np.random.Generator, world: World, n: float, days: tuple[int, int], rates: tuple[float, float]) -> Any:
    """One comparison of an error rate."""
    made = draw(rng, world, n, days)
    moved = shift(*error_days(rng, made, *rates))
    margin = MARGINS.rate(moved.before if moved else rates[0])
    return moved, verdict(moved, moved and moved.p, margin, made.fewest_sessions)


def tails(rng: np.random.Generator, world: World, n: float, days: tuple[int, int], change: float = 0) -> Any:
    """One comparison of p95 by the share over the earlier p95: (shift, verdict) and whether the interval holds."""
    made = draw(rng, world, n, days)
    day, value = requests(rng, made, change)
    early = day < days[0]
    reference = float(np.quantile(value[early], 0.95))
    moved = shift(*exceeding_days(made, day, value > reference))
    if moved is None:
        return (None, verdict(None, None, RATIO)), None
    later = value[~early]
    bottom, top = quantile_bounds(0.95, moved)
    low = -np.inf if bottom is None else float(np.quantile(later, bottom)) - reference
    high = np.inf if top is None else float(np.quantile(later, top)) - reference
    return (moved, verdict(moved, moved.p, (-1, 1), made.fewest_sessions)), low <= change <= high


def repeat(once: Callable[[np.random.Generator], Any], reps: int, seed: int) -> list[Any]:
    """The same thing again with one stream of chance."""
    rng = np.random.default_rng(seed)
    return [once(rng) for _ in range(reps)]


def sizes(reps: int) -> list[tuple[float, int]]:
    """(requests, repetitions): fewer of the million."""
    return [(1e3, reps), (1e4, reps), (1e5, reps), (1e6, max(reps // 4, 20))]


def null(reps: int) -> list[Row]:
    """Nothing changed."""
    rows = []
    for name, world in WORLDS.items():
        for n, some in sizes(reps):
            found = repeat(lambda rng, w=world, n=n: latency(rng, w, n, (31, 28)), some, 1)
            rows.append({"metric": "latency", "world": name, "n": int(n), **tally(found)})
            if n >= 1e4:
                found = repeat(lambda rng, w=world, n=n: errors(rng, w, n, (31, 28), (0.02, 0.02)), some, 2)
                rows.append({"metric": "errors 2 %", "world": name, "n": int(n), **tally(found)})
    return rows


def power(reps: int) -> list[Row]:
    """Something changed."""
    rows = []
    for name, world in WORLDS.items():
        for share, n in ((0.25, 1e3), (0.25, 1e4), (0.25, 1e5), (0.10, 1e4), (0.10, 1e5), (-0.5, 1e3), (0.02, 1e5)):
            found = repeat(lambda rng, w=world, n=n, s=share: latency(rng, w, n, (31, 28), log(1 + s)), reps // 2, 3)
            rows.append({"metric": f"latency {share:+.0%}", "world": name, "n": int(n), **tally(found)})
        for rates, n in (((0.01, 0.02), 1e4), ((0.01, 0.02), 2e5), ((0.02, 0.028), 1e5)):
            found = repeat(lambda rng, w=world, n=n, r=rates: errors(rng, w, n, (31, 28), r), reps // 2, 4)
            rows.append(
                {"metric": f"errors {rates[0]:.1%} to {rates[1]:.1%}", "world": name, "n": int(n), **tally(found)}
            )
    return rows


def quantiles(reps: int) -> list[Row]:
    """p95 by the share over last month's, and what its interval covers."""
    rows = []
    for name, world in WORLDS.items():
        for n, some in ((1e3, reps), (1e4, reps), (1e5, max(reps // 3, 20))):
            for share in (0.0, 0.10, 0.25):
                found = repeat(lambda rng, w=world, n=n, s=share: tails(rng, w, n, (31, 28), log(1 + s)), some, 5)
                held = [ok for _, ok in found if ok is not None]
                row = tally([pair for pair, _ in found])
                row = {key: row[key] for key in ("reps", "key_days", "key_weeks", "real", "rho")}
                rows.append(
                    {"metric": f"p95 {share:+.0%}", "world": name, "n": int(n), **row, "covered": float(np.mean(held))}
                )
    return rows


def ladder(reps: int) -> list[Row]:
    """Histories of other lengths."""
    rows = []
    for name in (
        "B sessions of 8",
        "C weekdays, days wander 5 %, rho .5",
        "D days wander 10 %, rho .7",
        "C with incident days",
    ):
        for days in ((7, 7), (14, 14), (21, 21), (28, 14), (28, 28), (84, 28), (84, 14), (28, 84)):
            for share in (0.0, 0.25):
                once = lambda rng, w=WORLDS[name], d=days, s=share: latency(rng, w, 1e4, d, log(1 + s))  # noqa: E731
                row = tally(repeat(once, reps if not share else reps // 2, 6))
                label = f"{days[0] / 7:.0f} v {days[1] / 7:.0f} weeks"
                rows.append({"metric": f"latency {share:+.0%}", "world": name, "days": label, "n": 10_000, **row})
    return rows


def one_report(rng: np.random.Generator, world: World, n: float, slices: int, moved: int, change: float) -> Row:
    """One report of many slices: BH over all, the day correlation no smaller than the median of the slices."""
    weights = rng.permutation(1 / np.arange(1, slices + 1) ** 0.7)
    pairs, counts, common = [], [], wander(rng, world, 59)
    for i, weight in enumerate(weights / weights.sum()):
        own = slice_world(world, rng)
        made = draw(rng, own, n * weight, part=float(rng.lognormal(0, 0.6)), common=common)
        pairs.append(latency_days(rng, made, change if i < moved else 0.0))
        counts.append(made.fewest_sessions)
    rhos = [rho for pair in pairs if (rho := day_correlation(*pair)) is not None]
    shifts = [shift(*pair, rho=float(np.median(rhos))) for pair in pairs]
    qs = iter(benjamini_hochberg([s.p for s in shifts if s is not None]))
    words = [verdict(s, next(qs) if s is not None else None, RATIO, c) for s, c in zip(shifts, counts, strict=True)]
    real = [word in (DRIFT, SMALL) for word in words]
    alone = [s is not None and s.p <= 0.05 for s in shifts]
    return {
        "false": sum(real[moved:]), "true": sum(real[:moved]), "drift_true": words[:moved].count(DRIFT),
        "any_false": any(real[moved:]), "alone": float(np.mean(alone[moved:])),
    }  # fmt: skip


def report(reps: int) -> list[Row]:
    """Whole reports of 48 slices."""
    rows = []
    for name, world in WORLDS.items():
        for n in (1e5, 1e6):
            for moved, change in ((0, 0.0), (6, log(1.25))):
                some = max(reps // (10 if n < 1e6 else 25), 10)
                found = repeat(lambda rng, w=world, n=n, m=moved, c=change: one_report(rng, w, n, 48, m, c), some, 7)
                alarms, hits = sum(r["false"] for r in found), sum(r["true"] for r in found)
                row = {"metric": f"48 slices, {moved} moved by {exp(change) - 1:.0%}", "world": name, "n": int(n)}
                rows.append({
                    **row, "reps": some,
                    "false_lines": alarms / some / (48 - moved),
                    "any_false": float(np.mean([r["any_false"] for r in found])),
                    "unadjusted_false_lines": float(np.mean([r["alone"] for r in found])),
                    "false_of_real": alarms / max(alarms + hits, 1) if moved else None,
                    "found": hits / some / moved if moved else None,
                })  # fmt: skip
    return rows


PARTS = {"null": null, "power": power, "tails": quantiles, "ladder": ladder, "report": report}


def table(rows: list[Row]) -> str:
    """A Markdown table of one part."""
    heads = list(rows[0])
    cell = lambda v: "" if v is None else f"{v:.3f}" if isinstance(v, float) else f"{v:,}" if isinstance(v, int) else v  # noqa: E731
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return "\n".join([*lines, *("| " + " | ".join(str(cell(row[h])) for h in heads) + " |" for row in rows)])


def main() -> None:
    """Runs the parts asked for."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("parts", nargs="*", default=list(PARTS))
    asked.add_argument("--reps", type=int, default=1000)
    asked.add_argument("--to", type=Path, default=FOLDER)
    given = asked.parse_args()
    for part in given.parts or PARTS:
        began = time.perf_counter()
        rows = PARTS[part](given.reps)
        text = table(rows)
        print(f"## {part}, {time.perf_counter() - began:.0f} s\n\n{text}\n", flush=True)
        (given.to / f"drift_{part}.json").write_text(json.dumps(rows, indent=1) + "\n")
        (given.to / f"drift_{part}.md").write_text(text + "\n")


if __name__ == "__main__":
    main()
