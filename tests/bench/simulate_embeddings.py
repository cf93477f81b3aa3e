"""How often prompts are said to be told apart by their vectors when nothing changed, and when something did.

python tests/bench/simulate_embeddings.py [repeats]

128 numbers: the centre of one of 20 topics, a session's own place around it (sd 1 a number) and a row's (sd .5).
56 days, the later 28 against the earlier; the log shares of topics wander from day to day (sd, AR(1) rho).
The last figures: tests/bench/simulated/embeddings.txt.
"""

from __future__ import annotations

import datetime
import sys
from typing import Any

import numpy as np

from llmscope.stats.classifier import FOLDS, projected, scored
from llmscope.stats.embeddings import EmbeddingDrift, compare

START = datetime.date(2026, 1, 1)


def sample(
    random: np.random.Generator, sessions: int, size: float, days: int = 56, sd: float = 0.0, rho: float = 0.0,
    doubled: int = 0, new: float = 0.0, numbers: int = 128, topics: int = 20,
) -> tuple[np.ndarray, list[bool], list[str], list[datetime.date]]:  # fmt: skip
    """Vectors, whether later, sessions and days. doubled: topics twice as frequent later; new: share of a new topic."""
    centres = random.standard_normal((topics + 1, numbers))
    logs = np.zeros((days, topics))
    logs[0] = sd * random.standard_normal(topics)
    for day in range(1, days):
        logs[day] = rho * logs[day - 1] + sd * (1 - rho**2) ** 0.5 * random.standard_normal(topics)
    logs[days // 2 :, :doubled] += np.log(2)
    vectors: list[np.ndarray] = []
    rows: list[tuple[bool, str, datetime.date]] = []
    for number, day in enumerate(np.sort(random.integers(0, days, 2 * sessions))):
        share = np.exp(logs[day]) / np.exp(logs[day]).sum()
        topic = topics if day >= days // 2 and random.random() < new else random.choice(topics, p=share)
        count = int(random.geometric(1 / size)) if size > 1 else 1
        place = centres[topic] + random.standard_normal(numbers)
        vectors.append(place + 0.5 * random.standard_normal((count, numbers)))
        rows += [(bool(day >= days // 2), f"s{number}", START + datetime.timedelta(days=int(day)))] * count
    return np.concatenate(vectors), [r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows]


def random_split(vectors: np.ndarray, after: list[bool], random: np.random.Generator) -> float:
    """The area under the curve as usual: rows dealt to folds at random, whatever session they are of."""
    x, late = projected(vectors / np.linalg.norm(vectors, axis=1, keepdims=True)), np.array(after, dtype=int)
    fold, above, pairs = random.integers(0, FOLDS, len(late)), 0.0, 0
    for one in range(FOLDS):
        score, asked = scored(x, fold, late[None, :], one)[0], late[fold == one] == 1
        above += float((score[asked][:, None] > score[~asked][None, :]).sum())
        pairs += int(asked.sum() * (~asked).sum())
    return above / pairs


def rates(repeats: int, permutations: int = 199, seed: int = 0, **options: Any) -> dict[str, float]:
    """Shares of repeats: p <= .05 by groups, by weeks, both; interval over .5; shift beyond noise; mean AUC, new."""
    random, said = np.random.default_rng(seed), []
    for repeat in range(repeats):
        drawn = sample(random, **options)
        found: EmbeddingDrift | None = compare(*drawn, permutations=permutations, seed=repeat)
        assert found is not None
        said.append((
            found.p <= 0.05, found.p_weeks is not None and found.p_weeks <= 0.05, found.apart, found.low > 0.5,
            found.shift > found.shift_noise, found.auc, found.new_ratio,
            random_split(drawn[0], drawn[1], random) > 0.55,
        ))  # fmt: skip
    names = ("p", "weeks", "apart", "interval", "shift", "auc", "new", "random split, AUC over .55")
    return dict(zip(names, (round(float(x), 3) for x in np.mean(said, axis=0)), strict=True))


def main() -> None:
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    cells: dict[str, dict[str, Any]] = {
        "nothing, sessions of 10": {"sessions": 200, "size": 10},
        "nothing, sessions of 10, 6 days": {"sessions": 200, "size": 10, "days": 6},
        "nothing, days wander .5": {"sessions": 200, "size": 10, "sd": 0.5},
        "nothing, days wander .5, rho .5": {"sessions": 200, "size": 10, "sd": 0.5, "rho": 0.5},
        "nothing, days wander .5, rho .7": {"sessions": 800, "size": 2, "sd": 0.5, "rho": 0.7},
        "4 of 20 topics doubled, 500 sessions": {"sessions": 500, "size": 1, "doubled": 4},
        "4 of 20 topics doubled, 2,000 sessions": {"sessions": 2000, "size": 1, "doubled": 4},
        "4 of 20 doubled, 2,000, days wander .2, rho .5": {
            "sessions": 2000, "size": 1, "doubled": 4, "sd": 0.2, "rho": 0.5},
        "a new topic, 3 %": {"sessions": 500, "size": 2, "new": 0.03},
        "a new topic, 10 %": {"sessions": 500, "size": 2, "new": 0.10},
        "a new topic, 10 %, 2,000 sessions": {"sessions": 2000, "size": 1, "new": 0.10},
        "a new topic, 25 %": {"sessions": 500, "size": 2, "new": 0.25},
    }  # fmt: skip
    for name, options in cells.items():
        count = repeats if options["sessions"] < 2000 else repeats // 4
        print(f"{name:48}", rates(count, **options), flush=True)


if __name__ == "__main__":
    main()
