"""Intervals of quantiles by slice: days are summed up in SQL, bounds worked out in stats, values looked up by rank."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llmscope.analyses._latency_sql import Asked, quantile_sql
from llmscope.identifiers import quoted
from llmscope.stats.quantiles import FEWEST_DAYS, Bounds, DaySums, bounds, fewest, places

Row = dict[str, Any]
Key = tuple[Any, ...]
# Slices with intervals, the largest first: each end of an interval is two looked-up places.
MOST_SLICES = 200
TOO_SMALL = "n too small"

# {keys}: the dimensions, for the order. {same}: the same slice. {tallies}: what DaySums asks, by quantile.
DAYS_SQL = """
WITH counted AS (
    SELECT *, {value} AS measured FROM {relation} WHERE ({counts}) AND {only}
), sliced AS (
    SELECT {dimensions} measured, date_trunc('day', started_at) AS day_of FROM counted WHERE measured IS NOT NULL
), slices AS (
    SELECT {columns} {quantiles} count(*) AS requests FROM sliced GROUP BY ALL
), numbered AS (
    SELECT slices.*, row_number() OVER (ORDER BY requests DESC{keys}) AS slice_number FROM slices
), daily AS (
    SELECT slice_number, day_of, {hits} count(*) AS of_day
    FROM sliced JOIN numbered ON {same}
    WHERE slice_number <= $most
    GROUP BY slice_number, day_of
)
SELECT {columns} slice_number, {tallies}
    count(*) AS days, sum(of_day) AS n, sum(of_day * of_day) AS count_squared
FROM daily JOIN numbered USING (slice_number)
GROUP BY ALL
"""
PLACES_SQL = """
WITH counted AS (
    SELECT *, {value} AS measured FROM {relation} WHERE ({counts}) AND {only}
), sliced AS (
    SELECT {dimensions} measured FROM counted WHERE measured IS NOT NULL
), slices AS (
    SELECT {columns} count(*) AS requests FROM sliced GROUP BY ALL
), numbered AS (
    SELECT slices.*, row_number() OVER (ORDER BY requests DESC{keys}) AS slice_number FROM slices
), tallied AS (
    SELECT slice_number, measured, count(*) AS alike
    FROM sliced JOIN numbered ON {same}
    WHERE slice_number <= $most
    GROUP BY slice_number, measured
), ranked AS (
    SELECT slice_number, measured, alike, sum(alike) OVER (
        PARTITION BY slice_number ORDER BY measured ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS place_after
    FROM tallied
), wanted(slice_number, place) AS (
    VALUES {wanted}
)
SELECT wanted.slice_number, wanted.place, ranked.measured
FROM ranked JOIN wanted ON ranked.slice_number = wanted.slice_number
    AND wanted.place >= ranked.place_after - ranked.alike AND wanted.place < ranked.place_after
"""
HITS = "count(*) FILTER (WHERE measured <= {name}) AS {name}_hits,"
TALLIES = (
    "sum({name}_hits) AS {name}_b, sum({name}_hits * {name}_hits) AS {name}_bb, sum({name}_hits * of_day) AS {name}_bc,"
)


@dataclass(frozen=True, slots=True)
class Intervals:
    """Interval ends by slice and quantile, and how they were made."""

    ends: Mapping[Key, Mapping[str, tuple[float | None, float | None]]]
    methods: frozenset[str]

    def of(self, key: Key, name: str) -> tuple[float | None, float | None]:
        return self.ends.get(key, {}).get(name, (None, None))


def intervals(asked: Asked, quantiles: Mapping[str, float]) -> Intervals:
    """A 95 % interval of each quantile of each slice; no end where the sample is too small for one."""
    names = {**holes(asked), "quantiles": quantile_sql(quantiles, "measured")}
    names["hits"] = "\n        ".join(HITS.format(name=name) for name in quantiles)
    names["tallies"] = "\n    ".join(TALLIES.format(name=name) for name in quantiles)
    days = {row["slice_number"]: row for row in asked.query(DAYS_SQL, names, most=MOST_SLICES)}
    keys = {number: tuple(row[d.word] for d in asked.groups) for number, row in days.items()}
    found = {
        number: {name: bounds(q, sums_of(row, name)) for name, q in quantiles.items()} for number, row in days.items()
    }
    sizes = {number: int(row["n"]) for number, row in days.items()}
    values = looked_up(asked, found, sizes, names)
    ends = {
        keys[number]: {
            name: (value_at(number, b.low, sizes, values), value_at(number, b.high, sizes, values))
            for name, b in of_slice.items()
        }
        for number, of_slice in found.items()
    }
    return Intervals(ends, frozenset(b.method for of_slice in found.values() for b in of_slice.values()))


def holes(asked: Asked) -> dict[str, str]:
    """How slices are numbered, the largest first, and told apart."""
    words = [quoted(d.word) for d in asked.groups]
    return {
        "keys": "".join(f", {word}" for word in words),
        "same": " AND ".join(f"sliced.{word} IS NOT DISTINCT FROM numbered.{word}" for word in words) or "true",
    }


def sums_of(row: Row, name: str) -> DaySums:
    """One quantile's daily sums of one slice."""
    sums = (row["n"], row[f"{name}_b"], row[f"{name}_bb"], row[f"{name}_bc"], row["count_squared"])
    return DaySums(int(row["days"]), *(int(value) for value in sums))


def looked_up(
    asked: Asked, found: Mapping[int, Mapping[str, Bounds]], sizes: Mapping[int, int], names: Mapping[str, str]
) -> dict[tuple[int, int], float]:
    """The values at every place that some end needs, by slice number and place."""
    wanted = sorted(
        {
            (number, place)
            for number, of_slice in found.items()
            for b in of_slice.values()
            for end in (b.low, b.high)
            if end is not None
            for place in places(end, sizes[number])[:2]
        }
    )
    if not wanted:
        return {}
    rows = ", ".join(f"(cast($slice_{i} AS BIGINT), cast($place_{i} AS BIGINT))" for i in range(len(wanted)))
    bound = {f"slice_{i}": number for i, (number, _) in enumerate(wanted)}
    bound |= {f"place_{i}": place for i, (_, place) in enumerate(wanted)}
    rows_found = asked.query(PLACES_SQL, {**names, "wanted": rows}, most=MOST_SLICES, **bound)
    return {(row["slice_number"], row["place"]): row["measured"] for row in rows_found}


def value_at(
    number: int, p: float | None, sizes: Mapping[int, int], values: Mapping[tuple[int, int], float]
) -> float | None:
    """The type 7 quantile p of a slice, from the two values it lies between."""
    if p is None:
        return None
    low, high, along = places(p, sizes[number])
    left, right = values[number, low], values[number, high]
    return left + (right - left) * along


def notes(found: Intervals, quantiles: Mapping[str, float], slices: int, rows: Sequence[Row]) -> list[str]:
    """How the intervals were made, and what is missing among them."""
    said = []
    if "days" in found.methods:
        said.append("95 % intervals: Woodruff's by days, as requests of one day resemble each other")
    if "order statistics" in found.methods:
        said.append(
            f"95 % intervals of slices on fewer than {FEWEST_DAYS} days: order statistics, as if requests were "
            "independent of each other"
        )
    least = ", ".join(f"{fewest(q):,} for {name.replace('_', '.')}" for name, q in quantiles.items())
    if any(None in found.of(key, name) for key in found.ends for name in quantiles) and rows:
        said.append(f"{TOO_SMALL} where an end is missing: the sample ends before it (at least {least})")
    if slices > MOST_SLICES:
        said.append(f"intervals for the {MOST_SLICES:,} largest of {slices:,} slices; --where narrows the question")
    return said
