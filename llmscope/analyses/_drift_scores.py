"""Scores a day: by what is scored, by whom and in which version, as two raters or two scales have no common mean."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from llmscope.analyses._daily import AFTER, BEFORE, Row, Sides, Slot
from llmscope.analyses._drift_lines import Line, Windows, points_line, rate_line
from llmscope.identifiers import local_time, quoted
from llmscope.stats.daily import Day

# Raters that are looked at, those with the most scores.
MOST = 50
SQL = """
WITH about AS (
    SELECT {dimensions} request_id AS about_id FROM requests
), sided AS (
    SELECT *, {side} AS side, {day} AS day_of FROM scores WHERE value IS NOT NULL
), kept AS (
    {kept}
), placed AS (
    SELECT sided.*, kept.slot AS slot
    FROM sided {join} about ON sided.request_id = about.about_id LEFT JOIN kept ON {alike}
)
SELECT side, day_of, slot, name, data_type, rater_kind,
    CASE WHEN rater_kind IN ('judge', 'code', 'api') THEN rater END AS rater, rater_version,
    count(DISTINCT score_id) AS n, sum(value) AS total, min(value) AS least, max(value) AS most
FROM placed
WHERE side IS NOT NULL
GROUP BY ALL
"""


@dataclass(frozen=True, slots=True)
class Rater:
    """What is scored on which kind of scale, by whom, in which version."""

    name: str
    data_type: str
    kind: str
    rater: str | None
    version: str | None

    @property
    def said(self) -> str:
        """`quality by judge gpt-judge, version 2`."""
        return f"{self.name} by {self.who}"

    @property
    def who(self) -> str:
        """`judge gpt-judge, version 2`."""
        named = f"{self.kind} {self.rater}" if self.rater else self.kind
        return named + (f", version {self.version}" if self.version else "")


Found = dict[tuple[Rater, Slot], list[Row]]


def days(sides: Sides) -> Found:
    """A row for each rater, window, day and slot; by the time of the score."""
    alike = " AND ".join(f"CAST(about.{quoted(d.word)} AS VARCHAR) IS NOT DISTINCT FROM kept.key_{j}"
                         for j, d in enumerate(sides.by))  # fmt: skip
    holes = {
        "side": sides.side.replace("started_at", "created_at"),
        "day": f"date_trunc('day', {local_time(sides.window.tz).replace('started_at', 'created_at')})",
        # Of requests that --where keeps out, the scores are kept out too.
        "join": "JOIN" if sides.logs.where else "LEFT JOIN",
        "alike": f"{alike} AND about.about_id IS NOT NULL" if sides.keys else "false",
    }
    whole = replace(sides, by=(), keys=())
    rows = whole.query(SQL, {**holes, "alike": "false"})
    rows += [row for row in sides.query(SQL, holes) if row["slot"] is not None] if sides.keys else []
    found: Found = defaultdict(list)
    for row in rows:
        rater = Rater(row["name"], row["data_type"], row["rater_kind"], row["rater"], row["rater_version"])
        found[rater, row["slot"]].append(row)
    return most_common(dict(found))


def most_common(found: Found) -> Found:
    """The raters with the most scores; a log that names a rater a request has no use for a line each."""
    n: dict[Rater, int] = defaultdict(int)
    for (rater, slot), rows in found.items():
        n[rater] += sum(row["n"] for row in rows) if slot is None else 0
    kept = set(sorted(n, key=lambda rater: (-n[rater], rater.said))[:MOST])
    return {key: rows for key, rows in found.items() if key[0] in kept}


def lines(found: Found, windows: Windows, blank: Line, rhos: dict[Rater, float | None]) -> list[Line]:
    """A line for each rater and slice."""
    made = []
    for (rater, slot), rows in sorted(found.items(), key=order):
        pair = days_of(rows, BEFORE), days_of(rows, AFTER)
        line = replace(blank, metric=f"score: {rater.said}", said=f"score {rater.said}", slot=slot, better=1)
        if rater.data_type == "boolean":
            better = -1 if rater.name.startswith("safety") else 0 if rater.kind == "code" else 1
            line = replace(line, unit="share", change_unit="share", better=better)
            line = rate_line(line, pair, rhos.get(rater), windows.margins, None, None)
        else:
            top = max(row["most"] for row in rows)
            margin = windows.margins.scored(top <= 1)
            line = replace(line, unit="points", change_unit="points", margin=margin)
            if scale_changed(rows):
                line = replace(line, told="scale changed", n=(sum(d.n for d in pair[0]), sum(d.n for d in pair[1])))
            else:
                line = points_line(line, pair, rhos.get(rater))
        made.append(line)
    return made


def order(item: tuple[tuple[Rater, Slot], list[Row]]) -> tuple[Any, ...]:
    (rater, slot), _ = item
    return (rater.said, rater.data_type, -1 if slot is None else slot)


def days_of(rows: Sequence[Row], side: str) -> list[Day]:
    return [Day(row["day_of"].date(), int(row["n"]), round(float(row["total"]), 9)) for row in rows
            if row["side"] == side]  # fmt: skip


def scale_changed(rows: Sequence[Row]) -> bool:
    """One window's scores all lie from 0 to 1, the other's reach beyond: they are not on one scale."""
    tops = {side: max((row["most"] for row in rows if row["side"] == side), default=None) for side in (BEFORE, AFTER)}
    known = [top for top in tops.values() if top is not None]
    return len(known) == 2 and min(known) <= 1 < max(known)


def successions(found: Found) -> list[tuple[Rater, Rater, str]]:
    """Raters that took over from another version or rater of the same score: old, new, and the first day of the new."""
    seen: dict[Rater, dict[str, list[Any]]] = defaultdict(lambda: {BEFORE: [], AFTER: []})
    for (rater, slot), rows in found.items():
        if slot is None:
            for row in rows:
                seen[rater][row["side"]].append(row["day_of"].date())
    gone = [rater for rater, days in seen.items() if days[BEFORE]]
    news = [rater for rater, days in seen.items() if days[AFTER] and not days[BEFORE]]
    made = []
    for new in sorted(news, key=lambda r: r.said):
        same = [old for old in gone if (old.name, old.kind, old.data_type) == (new.name, new.kind, new.data_type)]
        for old in sorted(same, key=lambda r: r.said):
            made.append((old, new, f"{min(seen[new][AFTER]):%Y-%m-%d}"))
    return made
