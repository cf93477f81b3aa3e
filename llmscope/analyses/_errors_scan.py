"""Where and when far more fails than usual: slices and hours against the rest, corrected for how many there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import exp, log
from typing import TYPE_CHECKING, Any

from llmscope.analyses import _slices
from llmscope.analyses._errors_rows import FAILED, Row, percent, share_text
from llmscope.stats.proportions import wilson

if TYPE_CHECKING:
    from llmscope.logs import Logs
    from llmscope.schema import Dimension

# What is worth a sentence: at least so many failures, surely more than so many times the usual share, and so much more.
FEWEST_ERRORS, TIMES_USUAL, MARGIN_RATIO = 10, 2.0, 0.01
FALSE_ALARMS = 0.05
MOST_LOOKED_AT, MOST_FOUND = 1000, 5

# {hit}, {of}: one of the conditions of this program. Under so few requests a slice is not looked at, nor counted.
SQL = """
WITH counted AS (
    SELECT {dimensions}
        count(*) FILTER (WHERE {of}) AS n,
        count(*) FILTER (WHERE {hit}) AS hits
    FROM requests
    GROUP BY ALL
),
weighed AS (
    SELECT *, sum(CASE WHEN n >= $fewest THEN 1 ELSE 0 END) OVER () AS looked_at FROM counted
)
SELECT * FROM weighed WHERE hits >= $fewest ORDER BY hits * 1.0 / n DESC, hits DESC LIMIT {most}
"""
TOTALS_SQL = """
SELECT {dimensions} count(*) FILTER (WHERE {of}) AS n, count(*) FILTER (WHERE {hit}) AS hits FROM requests GROUP BY ALL
"""
# What an hour that stands out is made of. $since and $until are a day wider: they only keep the rest from being read.
INSIDE_SQL = f"""
WITH counted AS (
    SELECT {{dimensions}}
        coalesce(error_class, 'other') AS failed_of,
        count(*) FILTER (WHERE {{of}}) AS n,
        count(*) FILTER (WHERE {{hit}}) AS hits,
        count(*) FILTER (WHERE {FAILED}) AS errors,
        count(*) FILTER (WHERE fallback) AS fallbacks,
        max(attempt) AS attempts
    FROM requests
    WHERE started_at >= $since AND started_at < $until
    GROUP BY ALL
)
SELECT * FROM counted WHERE hour >= $first AND hour <= $last
"""


@dataclass(frozen=True)
class Found:
    """A slice, in one hour or several that follow on each other, or over all the time; and what is usual elsewhere."""

    key: tuple[Any, ...]
    n: int
    hits: int
    usual_n: int
    usual_hits: int
    first: str | None = None
    last: str | None = None

    @property
    def usual_ratio(self) -> float:
        return self.usual_hits / self.usual_n


def stands_out(hits: int, n: int, rest_hits: int, rest_n: int, looked_at: int) -> bool:
    """Whether a share is surely more than twice what is usual in the rest, and by its interval a point above it.

    Method: the chance of so many hits at twice the upper end of the rest's interval is at most
    exp(-n KL(hits / n, 2 p)) (Chernoff's bound, Hoeffding 1963, theorem 1), and that times the number of slices looked
    at is below 5 % (Bonferroni). A bound, not an approximation: it holds for few requests and for rare failures.
    """
    usual = wilson(rest_hits, rest_n)
    if hits < FEWEST_ERRORS or usual is None:
        return False
    p, share = TIMES_USUAL * usual[1], hits / n
    low = (wilson(hits, n) or (0.0, 1.0))[0]
    if p >= 1 or share <= p or low - rest_hits / rest_n < MARGIN_RATIO:
        return False
    distance = share * log(share / p) + ((1 - share) * log((1 - share) / (1 - p)) if share < 1 else 0.0)
    return exp(-n * distance) * max(looked_at, 1) < FALSE_ALARMS


def slices(logs: Logs, by: Sequence[Dimension], hit: str, of: str) -> list[Found]:
    """The slices of a dimension in which more goes wrong than in all others together."""
    whole = logs.query(TOTALS_SQL, names={"hit": hit, "of": of})
    if sum(row["hits"] for row in whole) < FEWEST_ERRORS:
        return []
    rows = logs.query(SQL, by=by, names={"hit": hit, "of": of, "most": str(MOST_LOOKED_AT)}, fewest=FEWEST_ERRORS)
    found = []
    for row in rows:
        rest_hits, rest_n = whole[0]["hits"] - row["hits"], whole[0]["n"] - row["n"]
        if stands_out(row["hits"], row["n"], rest_hits, rest_n, row["looked_at"]):
            found.append(Found(key_of(row, by), row["n"], row["hits"], rest_n, rest_hits))
    return sorted(found, key=lambda f: (-f.hits, str(f.key)))


def hours(logs: Logs, by: Sequence[Dimension], hit: str, of: str) -> list[Found]:
    """The hours in which more goes wrong in a slice than in the same slice at other times, neighbours put together."""
    from llmscope.schema import dimension

    wholes = {key_of(row, by): row for row in logs.query(TOTALS_SQL, by=by, names={"hit": hit, "of": of})}
    if sum(whole["hits"] for whole in wholes.values()) < FEWEST_ERRORS:
        return []
    dims = (dimension("hour"), *by)
    rows = logs.query(SQL, by=dims, names={"hit": hit, "of": of, "most": str(MOST_LOOKED_AT)}, fewest=FEWEST_ERRORS)
    found = []
    for row in (row for row in rows if row["hour"] is not None):
        whole = wholes[key_of(row, by)]
        rest_hits, rest_n = whole["hits"] - row["hits"], whole["n"] - row["n"]
        if stands_out(row["hits"], row["n"], rest_hits, rest_n, row["looked_at"]):
            found.append(Found(key_of(row, by), row["n"], row["hits"], rest_n, rest_hits, row["hour"], row["hour"]))
    return sorted(joined(found), key=lambda f: (-f.hits, str(f.first), str(f.key)))


def joined(found: Sequence[Found]) -> Iterator[Found]:
    """Hours of one slice that follow on each other as one; the rest is what remains without all of them."""
    last: Found | None = None
    for one in sorted(found, key=lambda f: (str(f.key), str(f.first))):
        if (
            last
            and last.key == one.key
            and _slices.buckets_between(str(last.last), str(one.first), "hour")[1:] == [one.first]
        ):
            last = Found(
                one.key, last.n + one.n, last.hits + one.hits, last.usual_n - one.n, last.usual_hits - one.hits,
                last.first, one.last,
            )  # fmt: skip
            continue
        if last:
            yield last
        last = one
    if last:
        yield last


def key_of(row: Mapping[str, Any], by: Sequence[Dimension]) -> tuple[Any, ...]:
    return tuple(row[d.word] for d in by)


def hour_text(first: str, last: str) -> str:
    """`2026-10-20 14:00 to 15:00`, in the zone asked for."""
    day, start = first.split("T")
    end_day, end_hour = next_hour(last).split("T")
    midnight = end_hour == "00:00" and last.startswith(day)
    until = end_hour if end_day == day else "24:00" if midnight else f"{end_day} {end_hour}"
    return f"{day} {start} to {until}"


def next_hour(hour: str) -> str:
    """The hour after one, as people write it."""
    return _slices.written(_slices.start_of(hour, "hour") + timedelta(hours=1), "hour")


def named(key: Sequence[Any], by: Sequence[Dimension]) -> str:
    """`feature chat, model gpt-4o`; what is not logged is said to be none."""
    return ", ".join(f"{d.word} {'(none)' if value is None else value}" for d, value in zip(by, key, strict=True))


def inside(
    logs: Logs, found: Found, scanned: Sequence[Dimension], by: Sequence[Dimension], hit: str, of: str
) -> list[Row]:
    """What an hour's slice is made of: a row for each combination of `by` and class."""
    from llmscope.schema import dimension

    extra = [d for d in by if d.word not in {s.word for s in scanned}]
    dims = (dimension("hour"), *scanned, *extra)
    first, last = str(found.first), str(found.last)
    around: Row = {
        "since": _slices.start_of(first, "hour") - timedelta(days=1),
        "until": _slices.start_of(last, "hour") + timedelta(days=1),
    }
    rows = logs.query(INSIDE_SQL, by=dims, names={"hit": hit, "of": of}, first=first, last=last, **around)
    return [row for row in rows if key_of(row, scanned) == found.key]


def made_of(rows: Sequence[Row], by: Sequence[Dimension], most: int = 3) -> str:
    """`summarise, claude-haiku 28 of 33; …`: the slices with the most hits."""
    sums: dict[tuple[Any, ...], tuple[int, int]] = {}
    for row in rows:
        hits, n = sums.get(key_of(row, by), (0, 0))
        sums[key_of(row, by)] = (hits + row["hits"], n + row["n"])
    ranked = sorted(((k, v) for k, v in sums.items() if v[0]), key=lambda pair: (-pair[1][0], str(pair[0])))
    texts = [f"{named(key, by)} {hits:,} of {n:,}" for key, (hits, n) in ranked[:most]]
    more = len(ranked) - most
    return "; ".join(texts) + (f"; and {more} more" if more > 0 else "")


def of_class(rows: Sequence[Row], column: str = "hits") -> str:
    """`all overloaded`, `mostly timeout (12 of 15)`."""
    sums: dict[str, int] = {}
    for row in rows:
        if row[column]:
            sums[row["failed_of"]] = sums.get(row["failed_of"], 0) + row[column]
    if not sums:
        return ""
    name, most = max(sums.items(), key=lambda pair: (pair[1], pair[0]))
    total = sum(sums.values())
    return f"all {name}" if most == total else f"most of them {name} ({most:,} of {total:,})"


def shares(found: Found, rest: str = "usually") -> str:
    """What failed, of how many, and what is usual."""
    return f"{share_text(found.hits, found.n)}, {rest} {percent(found.usual_ratio)}"
