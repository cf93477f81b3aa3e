"""Two well-known tools with their defaults, and ours, on the same simulated logs: who cries wolf, who sleeps.

    python -m venv /tmp/anchors && /tmp/anchors/bin/pip install evidently nannyml 'pandas<3'
    /tmp/anchors/bin/python -m tests.bench.anchors_drift

By hand; neither is a dependency. Evidently: DataDriftPreset, one column. NannyML: UnivariateDriftCalculator, its
default of ten chunks and Jensen-Shannon; a month counts as alarmed when any chunk of it alarms, and the share of chunks
is given beside. Both can be set up otherwise: these are the defaults.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable
from importlib.metadata import version
from math import log
from pathlib import Path
from typing import Any

warnings.filterwarnings("ignore")
# Both report their use to their makers unless told not to.
os.environ |= {"NML_DISABLE_USAGE_LOGGING": "1", "DO_NOT_TRACK": "1", "ITERATIVE_DO_NOT_TRACK": "1"}

import nannyml  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from evidently import Report  # noqa: E402
from evidently.presets import DataDriftPreset  # noqa: E402

from llmscope.stats.categories import mix  # noqa: E402
from llmscope.stats.daily import shift  # noqa: E402
from llmscope.stats.verdicts import DRIFT, SMALL, Margins, verdict  # noqa: E402
from tests.bench.simulated_logs import (  # noqa: E402
    FIRST,
    RATE_SESSION_SD,
    RATE_WANDER,
    WORLDS,
    draw,
    exceeding_days,
    requests,
    session_sizes,
    to_days,
)

WORLD = WORLDS["C weekdays, days wander 5 %, rho .5"]
MARGINS = Margins()
FILE = Path(__file__).parent / "simulated" / "anchors_drift"
Case = tuple[Any, Any, str]


def evidently_says(before: Any, after: Any) -> float:
    """1 where the column is counted as drifted."""
    report = Report([DataDriftPreset()]).run(pd.DataFrame({"x": after}), pd.DataFrame({"x": before}))
    return float(report.dict()["metrics"][0]["value"]["count"] > 0)


def nannyml_says(before: Any, after: Any) -> tuple[float, float]:
    """(1 where any chunk alarms, share of chunks that do)."""
    found = nannyml.UnivariateDriftCalculator(column_names=["x"]).fit(pd.DataFrame({"x": before}))
    alerts = found.calculate(pd.DataFrame({"x": after})).filter(period="analysis").to_df()
    shares = alerts[("x", "jensen_shannon", "alert")].astype(float)
    return float(shares.max()), float(shares.mean())


def latency(rng: np.random.Generator, n: float, change: float) -> Case:
    """Latencies in ms of both windows, and our verdict."""
    made = draw(rng, WORLD, n)
    day, value = requests(rng, made, change)
    n_day, totals = np.bincount(day, minlength=59).astype(float), np.bincount(day, value, 59)
    moved = shift(*to_days(n_day, totals, 31))
    word = verdict(moved, moved and moved.p, MARGINS.ratio("latency"), made.fewest_sessions)
    return 1000 * np.exp(value[day < 31]), 1000 * np.exp(value[day >= 31]), word


def errors(rng: np.random.Generator, n: float, rates: tuple[float, float]) -> Case:
    """Statuses of both windows, and our verdict."""
    made = draw(rng, WORLD, n)
    day, size = session_sizes(rng, made)
    luck = np.exp(RATE_SESSION_SD * rng.normal(0, 1, len(day)) - RATE_SESSION_SD**2 / 2)
    chance = np.where(day < 31, *rates) * np.exp(RATE_WANDER * made.level[day]) * luck
    of = np.repeat(day, size)
    failed = rng.random(len(of)) < np.repeat(np.minimum(chance, 1), size)
    moved = shift(*exceeding_days(made, of, failed.astype(float)))
    word = verdict(moved, moved and moved.p, MARGINS.rate(moved.before if moved else 0), made.fewest_sessions)
    names = np.where(failed, "error", "ok")
    return names[of < 31], names[of >= 31], word


def categories(rng: np.random.Generator, n: tuple[int, int], kinds: int, extra: int = 0) -> Case:
    """A mix that did not change, rows independent, with `extra` rows of a category never seen; and our verdict."""
    sides, counted = [], []
    for window, size in enumerate(n):
        day = np.sort(rng.integers(0, 28, size))
        kind = np.char.add("kind ", rng.integers(0, kinds, size).astype(str))
        if window:
            kind[rng.choice(size, extra, replace=False)] = "new"
        sides.append(kind)
        found = pd.Series(1, index=[day, kind]).groupby(level=[0, 1]).sum()
        counted.append([(FIRST + pd.Timedelta(days=int(d) + 28 * window), k, int(c)) for (d, k), c in found.items()])
    moved = mix(*counted)
    words = [verdict(m.shift, m.q, MARGINS.points("category")) for m in moved.movers] if moved else []
    return *sides, next((w for w in words if w in (DRIFT, SMALL)), "none")


CASES: list[tuple[str, int, Callable[[np.random.Generator], Case]]] = [
    *((f"latency, nothing changed, n {n:,.0f}", reps, lambda rng, n=n: latency(rng, n, 0))
      for n, reps in ((1e3, 200), (1e4, 200), (1e5, 60))),
    *((f"latency +25 %, n {n:,.0f}", reps, lambda rng, n=n: latency(rng, n, log(1.25)))
      for n, reps in ((1e3, 200), (1e4, 200), (1e5, 60))),
    ("error rate 2 %, nothing changed, n 200,000", 40, lambda rng: errors(rng, 2e5, (0.02, 0.02))),
    ("error rate 1 % to 2 %, n 200,000", 40, lambda rng: errors(rng, 2e5, (0.01, 0.02))),
    ("100 categories, 100,000 v 1,000, nothing changed", 60, lambda rng: categories(rng, (100_000, 1000), 100)),
    ("7 categories, 900 v 900, one row of a new one", 200, lambda rng: categories(rng, (900, 900), 7, extra=1)),
    ("7 categories, 900 v 900, nothing changed", 200, lambda rng: categories(rng, (900, 900), 7)),
]  # fmt: skip


def main() -> None:
    """Runs all cases and keeps the table."""
    tools = {name: version(name) for name in ("evidently", "nannyml", "pandas", "numpy", "scipy")}
    rows = []
    for name, reps, once in CASES:
        rng, found = np.random.default_rng(9), []
        for _ in range(reps):
            before, after, word = once(rng)
            found.append(
                (evidently_says(before, after), *nannyml_says(before, after), word == DRIFT, word in (DRIFT, SMALL))
            )
        columns = ("evidently", "nannyml_any_chunk", "nannyml_chunks", "llmscope_drift", "llmscope_drift_or_small")
        rows.append({"case": name, "reps": reps, **dict(zip(columns, np.mean(found, axis=0).tolist(), strict=True))})
        print(rows[-1], flush=True)
    heads = list(rows[0])
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += [
        "| " + " | ".join(f"{v:.3f}" if isinstance(v, float) else str(v) for v in row.values()) + " |" for row in rows
    ]
    said = ", ".join(f"{name} {v}" for name, v in tools.items())
    FILE.with_suffix(".md").write_text("\n".join([*lines, "", said, ""]))
    FILE.with_suffix(".json").write_text(json.dumps({"versions": tools, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
