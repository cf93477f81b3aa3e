"""Which users, features and templates stand out: a check's share in a slice against all others, many tried at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llmscope.analyses._safety_rates import Row, Tally, check_text, share_text
from llmscope.result import Column, Finding, Part
from llmscope.stats.exact import risk_ratio, two_rates
from llmscope.stats.families import benjamini_hochberg

# Of the slices tested, one stands out at this q.
FALSE_ALARMS, MOST_SAID = 0.05, 5
COLUMNS = (
    Column("dimension", "text", "dimension"),
    Column("value", "text", "dimension"),
    Column("kind", "text", "dimension"),
    Column("source", "text", "dimension"),
    Column("name", "text", "dimension", optional=True),
    Column("flagged", "count"),
    Column("judged", "count", "n"),
    Column("rate_ratio", "ratio"),
    Column("times", "rate"),
    Column("elsewhere_ratio", "ratio"),
    Column("times_low", "rate", "low", "times"),
    Column("times_high", "rate", "high", "times"),
    Column("q", "rate"),
    Column("first_seen", "time", optional=True),
    Column("last_seen", "time", optional=True),
)


@dataclass(frozen=True)
class Sliced:
    """One slice of a check, and the check as a whole."""

    dimension: str
    slice: Tally
    whole: Tally

    @property
    def rest(self) -> tuple[int, int]:
        """Flagged and judged elsewhere."""
        return self.whole.sums.hits - self.slice.sums.hits, self.whole.sums.n - self.slice.sums.n

    @property
    def counts(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """(flagged), (judged) elsewhere and here, as many as they are worth: those of one day resemble each other."""
        hits, n = self.rest
        here = self.slice.worth
        return (
            (int(hits * self.whole.worth), int(self.slice.sums.hits * here)),
            (round(n * self.whole.worth), round(self.slice.sums.n * here)),
        )

    @property
    def p(self) -> float:
        return two_rates(*self.counts).p

    @property
    def more(self) -> bool:
        """Whether it has more of it than the rest."""
        hits, n = self.rest
        return n > 0 and self.slice.sums.share > hits / n


def standing_out(sliced: Sequence[Sliced], tests: int, fewest: int = 3, least: int = 20) -> Part:
    """The slices that surely have more than the rest, the most flagged first.

    Args:
        sliced: slices; tests: how many slices were looked at in all, those with too few flagged included.
        fewest, least: with fewer flagged or judged one is not tested.

    Method: Fisher's (Boschloo's, under 200 rows) exact test of a slice against the rest, counts scaled down to what
    they are worth where days are clusters; Benjamini & Hochberg's q over all slices of all checks looked at.
    """
    able = [one for one in sliced if one.slice.sums.hits >= fewest and one.slice.sums.n >= least and one.rest[1] > 0]
    qs = benjamini_hochberg([one.p for one in able], max(tests, len(able)))
    found = [(one, q) for one, q in zip(able, qs, strict=True) if q <= FALSE_ALARMS and one.more]
    found.sort(key=lambda pair: (-pair[0].slice.sums.hits, pair[1], pair[0].dimension, str(pair[0].slice.key)))
    return Part(COLUMNS, tuple(row_of(one, q) for one, q in found))


def row_of(one: Sliced, q: float) -> Row:
    """The cells of COLUMNS."""
    hits, n = one.rest
    times = risk_ratio(*one.counts)
    tally = one.slice
    return {
        "dimension": one.dimension,
        "value": tally.key[one.dimension],
        "kind": tally.kind,
        "source": tally.source,
        "name": tally.name,
        "flagged": tally.sums.hits,
        "judged": tally.sums.n,
        "rate_ratio": tally.sums.share,
        "elsewhere_ratio": hits / n,
        "times": tally.sums.share / (hits / n) if hits else None,
        "times_low": times.low,
        "times_high": times.high,
        "q": q,
        "first_seen": tally.first,
        "last_seen": tally.last,
    }


def findings(sliced: Sequence[Sliced], part: Part) -> list[Finding]:
    """A sentence for each of the first."""
    by_row = {(one.dimension, one.slice.key[one.dimension], *one.slice.check[:3]): one for one in sliced}
    found: list[Finding] = []
    said: set[tuple[object, ...]] = set()
    for row in part.rows:
        same = (row["kind"], row["source"], row["name"], row["flagged"], row["judged"])
        if same in said or len(found) == MOST_SAID:  # a feature of one template is said once
            continue
        said.add(same)
        one = by_row[(row["dimension"], row["value"], row["kind"], row["source"], row["name"])]
        value = "(none)" if row["value"] is None else row["value"]
        hits, n = one.rest
        times = f", {row['times']:.1f} times" if row["times"] else ", against"
        when = f"; first {one.slice.first:%Y-%m-%d}, last {one.slice.last:%Y-%m-%d}" if one.slice.first else ""
        text = (
            f"{row['dimension']} {value}: {check_text(one.slice)} in {share_text(one.slice)}{times} the share "
            f"elsewhere ({hits:,} of {n:,}){when}"
        )
        found.append(Finding("slice", "warning", text, (row,)))
    return found
