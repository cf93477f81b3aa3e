"""Logged tokens over counted ones: the median by model, its interval and spread, and the rows far from it."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import log
from typing import Any

from llmscope.analyses._recount_sample import SIDES, Row, Sampled
from llmscope.result import Column, Finding, Part
from llmscope.stats.quantiles import order_bounds, places
from llmscope.tokens.ratios import MEASURED

# A text of fewer tokens says little: one token more or less is 5 % of it.
FEWEST_TOKENS = 20
# Below it a median is not spoken of.
FEWEST_ROWS = 10
# What is said of a model that counts otherwise than its name: rows, distance from 1, and spread (IQR over the median).
FEWEST_TO_ACCUSE, FAR, TIGHT = 20, 0.10, 0.15
OUTLIERS = 10
OUTLYING = 1.5
# The family of a Claude without a version: no tokenizer of its own.
ANY = "Claude"

MEASURES = (
    Column("model", "text", "dimension"),
    Column("side", "text", "dimension"),
    Column("requests", "count", "n", "ratio"),
    Column("ratio", "rate"),
    Column("low_ratio", "rate", "low", "ratio"),
    Column("high_ratio", "rate", "high", "ratio"),
    Column("method", "text"),
    Column("p25_ratio", "rate", optional=True),
    Column("p75_ratio", "rate", optional=True),
    Column("logged_tokens", "tokens"),
    Column("counted_tokens", "tokens"),
    Column("outliers", "count", optional=True),
    Column("encoding", "text", optional=True),
)
OUTLIER_COLUMNS = (
    Column("request_id", "text", "dimension"),
    Column("model", "text", "dimension"),
    Column("side", "text", "dimension"),
    Column("logged_tokens", "tokens"),
    Column("counted_tokens", "tokens"),
    Column("ratio", "rate"),
    Column("median_ratio", "rate", optional=True),
)


@dataclass(frozen=True)
class Compared:
    """One text: what was logged for it, and what was counted."""

    of: Sampled
    side: str
    logged: int
    counted: int

    @property
    def ratio(self) -> float:
        return self.logged / self.counted


@dataclass(frozen=True)
class Spread:
    """The middle of some ratios: quartiles of type 7, and the median's 95 % interval by order statistics."""

    n: int
    median: float
    p25: float
    p75: float
    low: float | None
    high: float | None

    @property
    def tight(self) -> bool:
        return (self.p75 - self.p25) <= TIGHT * self.median


def compared(rows: Iterable[Sampled]) -> tuple[list[Compared], Tally[str]]:
    """The texts that can be compared, and how many cannot, by why."""
    found, flaws = [], Tally[str]()
    for row in rows:
        for side in SIDES:
            counted, logged = row.base(side), row.logged(side)
            if counted is None or logged is None:
                continue
            flaw = row.flaw(side) or ("short" if min(counted, logged) < FEWEST_TOKENS else None)
            if flaw:
                flaws[flaw] += 1
            else:
                found.append(Compared(row, side, logged, counted))
    return found, flaws


def spread_of(values: Sequence[float]) -> Spread | None:
    """None of no values; no interval where they are too few for one."""
    if not values:
        return None
    ordered = sorted(values)
    ends = order_bounds(len(ordered), 0.5)
    low, high = (None if p is None else quantile(ordered, p) for p in (ends.low, ends.high))
    p25, median, p75 = (quantile(ordered, p) for p in (0.25, 0.5, 0.75))
    return Spread(len(ordered), median, p25, p75, low, high)


def quantile(ordered: Sequence[float], p: float) -> float:
    """Type 7, of ordered values."""
    low, high, along = places(p, len(ordered))
    return ordered[low] + along * (ordered[high] - ordered[low])


def grouped(texts: Iterable[Compared]) -> dict[tuple[Any, ...], list[Compared]]:
    """By slice, model and side."""
    groups: dict[tuple[Any, ...], list[Compared]] = {}
    for text in texts:
        groups.setdefault((*text.of.slice, text.of.model, text.side), []).append(text)
    return groups


def by_model(texts: Iterable[Compared]) -> dict[tuple[str, str], Spread]:
    """The spread of each model and side, whatever the slice."""
    values: dict[tuple[str, str], dict[str, float]] = {}
    for text in texts:  # one request stands in several slices of --by tag
        values.setdefault((text.of.model, text.side), {})[text.of.row["request_id"]] = text.ratio
    return {key: found for key, v in values.items() if (found := spread_of(list(v.values())))}


def row_of(cells: Row, texts: Sequence[Compared]) -> Row:
    """The figures of one slice, model and side."""
    found = spread_of([t.ratio for t in texts])
    own = texts[0].of.tokenizer
    enough = found if found and found.n >= FEWEST_ROWS else None
    return {
        **cells, "model": texts[0].of.model, "side": texts[0].side, "requests": len(texts),
        "ratio": found.median if found else None,
        "low_ratio": enough.low if enough else None, "high_ratio": enough.high if enough else None,
        "p25_ratio": enough.p25 if enough else None, "p75_ratio": enough.p75 if enough else None,
        "logged_tokens": sum(t.logged for t in texts), "counted_tokens": sum(t.counted for t in texts),
        "outliers": sum(is_outlier(t, enough) for t in texts) if enough else None,
        "method": own.method, "encoding": own.encoding,
    }  # fmt: skip


def is_outlier(text: Compared, usual: Spread | None) -> bool:
    """Half as many again as usual, or two thirds of it, and beyond three times the usual spread."""
    if usual is None:
        return False
    far = abs(log(max(text.ratio, 1e-9) / usual.median))
    return far > log(OUTLYING) and far > 3 * log(max(usual.p75, 1e-9) / max(usual.p25, 1e-9))


def outliers(texts: Sequence[Compared], usual: dict[tuple[str, str], Spread]) -> Part:
    """The requests farthest from what is usual of their model."""
    known = {key: s for key, s in usual.items() if s.n >= FEWEST_ROWS}
    far = {
        (t.of.row["request_id"], t.side): t
        for t in texts
        if is_outlier(t, known.get((t.of.model, t.side)))
    }  # fmt: skip
    ranked = sorted(far.values(), key=lambda t: (-distance(t, known), t.of.row["request_id"], t.side))
    rows = tuple(
        {"request_id": t.of.row["request_id"], "model": t.of.model, "side": t.side, "logged_tokens": t.logged,
         "counted_tokens": t.counted, "ratio": t.ratio, "median_ratio": known[t.of.model, t.side].median}
        for t in ranked[:OUTLIERS]
    )  # fmt: skip
    return Part(OUTLIER_COLUMNS, rows)


def distance(text: Compared, usual: dict[tuple[str, str], Spread]) -> float:
    return abs(log(max(text.ratio, 1e-9) / usual[text.of.model, text.side].median))


def findings(texts: Sequence[Compared], usual: dict[tuple[str, str], Spread]) -> Iterator[Finding]:
    """Models whose answers are counted otherwise than their name says: by their output, which nothing is added to."""
    exact = {t.of.model for t in texts if t.of.tokenizer.method == "exact"}
    for (model, side), found in sorted(usual.items()):
        if side != "output" or model not in exact or found.n < FEWEST_TO_ACCUSE or not found.tight:
            continue
        low, high = found.low, found.high
        if low is not None and high is not None and (low > 1 + FAR or high < 1 - FAR):
            cells = {"model": model, "side": side, "requests": found.n, "ratio": found.median}
            yield Finding("other_tokenizer", "warning", accusation(model, found), (cells,))


def accusation(model: str, found: Spread) -> str:
    """What does not fit, and what may be behind it."""
    english = {family: (by_script["english"], error) for family, (error, by_script) in MEASURED.items()}
    near = [
        f
        for f, (ratio, error) in english.items()
        if f != ANY and ratio > 1 + FAR and abs(found.median / ratio - 1) <= error
    ]
    like = f", as {' or '.join(near)} counts English" if near else ""
    return (
        f"{model} is not counted as {model}: its answers were logged with {found.median:.2f} times the tokens of its "
        f"own tokenizer (95 % interval {found.low:.2f} to {found.high:.2f}, n = {found.n:,}){like}: another model may "
        "answer under this name, a proxy may rewrite the answers, or reasoning that is not logged may be in the count"
    )
