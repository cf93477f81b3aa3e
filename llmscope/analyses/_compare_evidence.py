"""What there is to tell two sides apart by: days both had, sessions within a day, or two times."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from llmscope.analyses import _compare_sql as sql
from llmscope.analyses._compare_sql import Asked, Metric
from llmscope.stats.daily import Day
from llmscope.stats.paired import Clusters
from llmscope.stats.standardised import Cell

if TYPE_CHECKING:
    from llmscope.schema import Dimension

Row = dict[str, Any]
# days: both sides on the same days, eight or more; sessions: on fewer; apart: at different times, or without any.
Design = Literal["days", "sessions", "apart"]
FEWEST_DAYS, LEAST_SHARED = 8, 0.5
NO_DAY = datetime.date.min
SIZE = "size"
ScoreKey = tuple[Any, ...]


@dataclass
class Evidence:
    """Both sides as the log has them: counts, levels, sums by day and by kind; by session where asked for."""

    asked: Asked
    design: Design
    counts: Mapping[str, int]
    left_out: Mapping[str, int]
    kinds: tuple[Dimension, ...] = ()
    sized: bool = False
    whole: Mapping[str, Row] = field(default_factory=dict)
    sums: Sequence[Row] = ()

    @property
    def timeless(self) -> bool:
        return all(row["day"] is None for row in self.sums)

    @property
    def limits(self) -> Row:
        """A's quantiles of latency, which B's requests are held against."""
        return {name: self.whole.get("a", {}).get(name) for name in sql.QUANTILES}

    @cached_property
    def sessions(self) -> dict[tuple[str, Any], Row]:
        """Sums by session, of each side and day (None where days are not held apart)."""
        names = {
            "values": sql.values_sql(sql.METRICS), "sums": sql.sums_sql(sql.METRICS), "unit_day": self.unit_day,
            "squares": sql.squares_sql([metric.word for metric in sql.METRICS]),
        }  # fmt: skip
        rows = self.asked.query(sql.SESSIONS_SQL, names, **self.limits)
        return {(row["side"], row["day"]): row for row in rows}

    @property
    def unit_day(self) -> str:
        return "day" if self.design != "apart" else "cast(NULL AS DATE)"

    @cached_property
    def scores(self) -> dict[ScoreKey, list[Row]]:
        """Sums of every score by name and rater."""
        kinds, names, bound = self.kind_holes
        holes = {"kinds": kinds, "kind_names": names}
        found: dict[ScoreKey, list[Row]] = {}
        for row in self.asked.query(sql.SCORES_SQL, holes, priced=False, **bound):
            found.setdefault(score_key(row), []).append(row)
        return found

    @cached_property
    def score_sessions(self) -> dict[ScoreKey, dict[tuple[str, Any], Row]]:
        """The same by session."""
        holes = {"unit_day": self.unit_day, "squares": sql.squares_sql(["value"])}
        found: dict[ScoreKey, dict[tuple[str, Any], Row]] = {}
        for row in self.asked.query(sql.SCORE_SESSIONS_SQL, holes, priced=False):
            found.setdefault(score_key(row), {})[row["side"], row["day"]] = row
        return found

    @cached_property
    def kind_holes(self) -> tuple[str, str, dict[str, Any]]:
        """The kinds of requests as SQL, their columns' names, and the values kept apart."""
        listed, names, bound = [], [], dict[str, Any]()
        for i, dimension in enumerate(self.kinds):
            if dimension.value:
                bound[f"kind_key_{i}"] = dimension.value
            text = f"cast({dimension.sql.format(value=f'$kind_key_{i}')} AS VARCHAR)"
            holes = {"kind": text, "relation": "priced" if dimension.priced else "requests"}
            key: Row = {f"kind_key_{i}": dimension.value} if dimension.value else {}
            largest = self.asked.logs.query(sql.KINDS_SQL, names=holes, most=sql.MOST_KINDS, **key)
            kept = {f"kind_{i}_{j}": row["kind"] for j, row in enumerate(largest) if row["kind"] is not None}
            bound |= kept
            inside = f"WHEN {sql.among(text, list(kept))} THEN {text} " if kept else ""
            listed.append(f"CASE {inside}WHEN {text} IS NULL THEN NULL ELSE '{sql.OTHER}' END AS kind_{i}")
            names.append(f"kind_{i}")
        if self.sized:
            listed.append(f"{sql.SIZE} AS kind_size")
            names.append("kind_size")
        return "".join(f"{one}, " for one in listed), "".join(f"{name}, " for name in names), bound

    def cells(self, metric: Metric, rows: Sequence[Row] | None = None, word: str = "") -> dict[str, list[Cell]]:
        """One metric's rows of each side by day and kind."""
        found: dict[str, list[Cell]] = {"a": [], "b": []}
        name, kept = word or metric.word, [n.strip() for n in self.kind_holes[1].split(",") if n.strip()]
        if metric.sized:
            kept = [n for n in kept if n != "kind_size"]
        for row in self.sums if rows is None else rows:
            if row[f"{name}_n"]:
                stratum = tuple(row[n] for n in kept)
                total = float(row[f"{name}_s"])
                found[row["side"]].append(Cell(row["day"] or NO_DAY, stratum, int(row[f"{name}_n"]), total))
        return found


def score_key(row: Row) -> ScoreKey:
    return row["name"], row["rater_kind"], row["rater"], row["rater_version"]


def days_of(cells: Sequence[Cell]) -> list[Day]:
    """A row a day."""
    found: dict[datetime.date, Day] = {}
    for cell in cells:
        known = found.get(cell.date)
        n, total = (known.n, known.total) if known else (0, 0.0)
        found[cell.date] = Day(cell.date, n + cell.n, total + cell.total)
    return [found[date] for date in sorted(found)]


def strata_of(rows: Mapping[tuple[str, Any], Row], word: str) -> list[tuple[Clusters, Clusters]]:
    """The sessions of both sides, a pair a day."""
    days = {day for _, day in rows}
    pairs = []
    for day in sorted(days, key=str):
        sides = [clusters_in(rows.get((side, day)), word) for side in "ab"]
        if sides[0] and sides[1]:
            pairs.append((sides[0], sides[1]))
    return pairs


def clusters_in(row: Row | None, word: str) -> Clusters | None:
    """One side and day's sums by session; None without rows."""
    if row is None or not row[f"{word}_n"]:
        return None
    sums = (float(row[f"{word}_{name}"] or 0) for name in ("s", "nn", "ns", "ss"))
    return Clusters(int(row[f"{word}_m"]), int(row[f"{word}_n"]), *sums)


def evidence_of(asked: Asked, kinds: tuple[Dimension, ...], sized: bool) -> Evidence:
    """Looks at the days first, and then at what the days allow."""
    rows = asked.query(sql.DAYS_SQL, priced=False)
    counts: dict[str, int] = {}
    for row in rows:
        counts[row["side"]] = counts.get(row["side"], 0) + row["requests"]
    design, shared = design_of(rows)
    left: dict[str, int] = {}
    if design != "apart":
        asked = Asked(asked.logs, asked.sides, tuple(str(day) for day in shared))
        for row in rows:
            if row["side"] in ("a", "b") and row["day"] not in shared:
                left[row["side"]] = left.get(row["side"], 0) + row["requests"]
    found = Evidence(asked, design, counts, left, kinds, sized)
    if not (counts.get("a") and counts.get("b")):
        return found
    whole = {row["side"]: row for row in asked.query(sql.WHOLE_SQL, {"events": sql.events_sql()}, priced=False)}
    found.whole = whole
    listed, names, bound = found.kind_holes
    holes = {
        "kinds": listed, "kind_names": names, "values": sql.values_sql(sql.METRICS), "sums": sql.sums_sql(sql.METRICS),
    }  # fmt: skip
    found.sums = asked.query(sql.SUMS_SQL, holes, **bound, **found.limits)
    return found


def design_of(rows: Sequence[Row]) -> tuple[Design, list[datetime.date]]:
    """How the sides can be told apart, and the days that both have."""
    days: dict[str, dict[Any, int]] = {"a": {}, "b": {}}
    for row in rows:
        if row["side"] in days:
            days[row["side"]][row["day"]] = row["requests"]
    shared = sorted(day for day in days["a"] if day is not None and day in days["b"])
    shares = [sum(side[day] for day in shared) / max(sum(side.values()), 1) for side in days.values()]
    if not shared or min(shares) < LEAST_SHARED:
        return "apart", shared
    return ("days" if len(shared) >= FEWEST_DAYS else "sessions"), shared


def score_metric(key: ScoreKey, rows: Sequence[Row]) -> Metric:
    """A score as a metric: points where it is a figure, a rate where it is a flag."""
    name, kind, rater, version = key
    word = f"{name}{f' v{version}' if version else ''}, {rater or kind}"
    if rows[0]["data_type"] == "boolean":
        return Metric(word, word, "value", "points", "ratio", "rate", 0)
    return Metric(word, word, "value", "points", "points", "score", 1)


def is_share(rows: Sequence[Row]) -> bool:
    """A score that lies between 0 and 1."""
    return all(row["least"] >= 0 and row["most"] <= 1 for row in rows)
