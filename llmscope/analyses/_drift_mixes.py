"""What the traffic is made of: models, features, templates, finish reasons, languages, as shares a day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from llmscope.analyses._daily import AFTER, BEFORE, PLACED, Row, Sides, Slot
from llmscope.analyses._drift_lines import BY_DAYS, Line, Windows
from llmscope.stats.categories import Mix, mix
from llmscope.stats.daily import Day, Shift, shift
from llmscope.stats.families import benjamini_hochberg
from llmscope.stats.verdicts import LEVEL

# What of a request, and how it is named in the report.
MIXES: dict[str, str] = {
    "model_mix": "model",
    "feature_mix": "feature",
    "template_mix": "template",
    "finish_reason_mix": "finish_reason",
    "language_mix": "language",
}
# Categories of one mix that are told apart; all others are one.
MOST_CATEGORIES, OTHER = 40, "(other)"
# A category that only one window has is tested where the other window would be expected to hold as many of it.
EXPECTED = 30
MOST_MOVERS, MOST_LISTED = 3, 10
Day_rows = Mapping[str, Sequence[tuple[Any, Any, int]]]

# {mixes}: the columns. Categories beyond the most common are counted together.
SQL = (
    PLACED
    + """, counted AS (
    SELECT side, day_of, slot, {mixes}, count(*) AS requests FROM placed GROUP BY ALL
), named AS (
    {listed}
), ranked AS (
    SELECT mix, category, row_number() OVER (PARTITION BY mix ORDER BY sum(requests) DESC, category) AS place
    FROM named
    GROUP BY mix, category
)
SELECT named.mix AS mix, side, day_of, slot,
    CASE WHEN place <= {most} THEN named.category ELSE $other END AS category, sum(requests)::BIGINT AS requests
FROM named JOIN ranked ON named.mix = ranked.mix AND named.category IS NOT DISTINCT FROM ranked.category
GROUP BY ALL
"""
)


def counts(sides: Sides, words: Sequence[str]) -> dict[tuple[str, Slot], dict[str, list[tuple[Any, Any, int]]]]:
    """By (mix, slot) the (day, category, requests) of each window; the whole under slot None."""
    columns = [MIXES[word] for word in words]
    sides = replace(sides, metrics=(), values={**sides.values, "other": OTHER})
    holes = {
        "values": ", ".join(["session_id", *(f"CAST({c} AS VARCHAR) AS {c}_is" for c in columns)]),
        "mixes": ", ".join(f"{c}_is" for c in columns),
        "listed": " UNION ALL ".join(
            f"SELECT '{word}' AS mix, side, day_of, slot, {MIXES[word]}_is AS category, requests FROM counted"
            for word in words
        ),
        "most": str(MOST_CATEGORIES),
    }
    found: dict[tuple[str, Slot], dict[str, list[tuple[Any, Any, int]]]] = defaultdict(lambda: {BEFORE: [], AFTER: []})
    whole: dict[tuple[str, str, Any, Any], int] = defaultdict(int)
    for row in sides.query(SQL, holes):
        day, slot = row["day_of"].date(), row["slot"]
        whole[row["mix"], row["side"], day, row["category"]] += row["requests"]
        if slot is not None:
            found[row["mix"], slot][row["side"]].append((day, row["category"], row["requests"]))
    for (word, side, day, category), n in whole.items():
        found[word, None][side].append((day, category, n))
    return dict(found)


def line_of(
    line: Line, sides: Mapping[str, Sequence[tuple[Any, Any, int]]], windows: Windows, rho: float | None
) -> Line | None:
    """How one mix moved; None where it is of one category only, or not logged."""
    names = {category for side in sides.values() for _, category, _ in side}
    if len(names) < 2:
        return None
    before, after = sides[BEFORE], sides[AFTER]
    found = mix(before, after, rho=rho)
    if found is None:
        n = sum(r for _, _, r in before), sum(r for _, _, r in after)
        return replace(line, n=n, days=(len({d for d, *_ in before}), len({d for d, *_ in after})))
    rows, shifts = categories(found, sides, rho)
    tested = [row for row in rows if row["p"] is not None]
    real = [row for row in tested if row["q"] <= LEVEL and (shifts[row["category"]].p_weeks or 0) <= LEVEL]
    lead = max(real or tested or rows, key=lambda row: abs(row["change"]))
    line = replace(line, n=found.n, days=found.days, change=found.tvd, change_unit="moved", details=tuple(rows),
                   told=movers(real or rows))  # fmt: skip
    if not tested:
        return line
    margin = windows.margins.category
    large = found.tvd >= windows.margins.mix or any(abs(row["change"]) >= margin for row in real)
    lead_shift = shifts[lead["category"]]
    edges = [edge for one in shifts.values() for edge in (one.equivalence_low, one.equivalence_high)]
    untested = sum(row["before"] + row["after"] for row in rows if row["p"] is None)
    still = found.tvd < windows.margins.mix and untested < margin
    # On the scale of the category that moved most, so that both keys and the margin speak of the same figure.
    scaled = replace(
        lead_shift, effect=max(abs(lead_shift.effect), margin) if large else min(abs(lead_shift.effect), margin * 0.99),
        equivalence_low=min(edges) if still else -1.0, equivalence_high=max(edges) if still else 1.0,
        p_weeks=lead_shift.p_weeks if real or not tested else 1.0,
    )  # fmt: skip
    return replace(
        line, shift=scaled, p=min(row["q"] for row in tested), method=BY_DAYS, margin=(-margin, margin),
        detectable=lead_shift.mde, series=days_of(sides, lead["category"]), kind="mix",
    )  # fmt: skip


def categories(
    found: Mix, sides: Mapping[str, Sequence[tuple[Any, Any, int]]], rho: float | None
) -> tuple[list[Row], dict[Any, Shift]]:
    """A row a category, and the shift of each that could be tested; q within the mix."""
    shifts = {one.category: one.shift for one in found.movers if one.shift is not None}
    rows: list[Row] = [
        {"category": one.category, "before": one.before, "after": one.after, "change": one.change,
         "low": one.low, "high": one.high, "n": one.n, "p": one.p, "q": None, "status": None}
        for one in found.movers
    ]  # fmt: skip
    for status, listed, place in (("new", found.new, 1), ("vanished", found.vanished, 0)):
        for category, n in listed:
            share = n / found.n[place]
            moved = shift(*days_of(sides, category), rho=rho) if share * found.n[1 - place] >= EXPECTED else None
            if moved:
                shifts[category] = moved
            both = (0, n) if place else (n, 0)
            rows.append({
                "category": category, "before": both[0] / found.n[0], "after": both[1] / found.n[1],
                "change": both[1] / found.n[1] - both[0] / found.n[0], "low": moved.low if moved else None,
                "high": moved.high if moved else None, "n": both, "p": moved.p if moved else None, "q": None,
                "status": status,
            })  # fmt: skip
    tested = [row for row in rows if row["p"] is not None]
    pair = len(tested) == 2 and len(rows) == 2  # the one mirrors the other: one test
    qs = [row["p"] for row in tested] if pair else benjamini_hochberg([row["p"] for row in tested])
    for row, q in zip(tested, qs, strict=True):
        row["q"] = q
    rows.sort(key=lambda row: (-abs(row["change"]), row["category"] is None, str(row["category"])))
    return rows, shifts


def days_of(sides: Mapping[str, Sequence[tuple[Any, Any, int]]], category: Any) -> tuple[list[Day], list[Day]]:
    """All requests a day, those of one category being what counts."""
    pair = []
    for side in (BEFORE, AFTER):
        every: dict[Any, list[int]] = defaultdict(lambda: [0, 0])
        for day, name, n in sides[side]:
            every[day][0] += n
            every[day][1] += n if name == category else 0
        pair.append([Day(day, n, float(hits)) for day, (n, hits) in sorted(every.items())])
    return pair[0], pair[1]


def movers(rows: Sequence[Row]) -> str:
    """`gemini-2.5-flash 3.1 % to 100 % (new), gpt-4o 96.9 % to 0 %`: the categories that moved most."""
    texts = []
    for row in rows[:MOST_MOVERS]:
        name = "(none)" if row["category"] is None else row["category"]
        end = f" ({row['status']}, {max(row['n']):,} requests)" if row["status"] else ""
        texts.append(f"{name} {percent(row['before'])} to {percent(row['after'])}{end}")
    return ", ".join(texts)


def percent(share: float) -> str:
    """A share in words, with as many digits as small ones need."""
    size = 100 * share
    return f"{size:.0f} %" if size in (0, 100) else f"{size:.2f} %" if abs(size) < 1 else f"{size:.1f} %"
