"""The scan of the texts: a seeded sample (or all), read in bands of its hash so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from llmscope.analyses._safety_rates import Row, Tally
from llmscope.errors import UsageError
from llmscope.stats.quantiles import DaySums

if TYPE_CHECKING:
    from llmscope.logs import Logs
    from llmscope.scan import Scanner
    from llmscope.schema import Dimension

HELD = "(input_text IS NOT NULL OR output_text IS NOT NULL)"
SIDES = ("input", "output")
# Characters read at once.
BAND_CHARS = 16_000_000
DEFAULT_SAMPLE, EVERY = "10000", "all"
WHOLE = ""

# The edges of the bands: requests in the order of their hash, as many as are wanted, cut where enough text has come
# together. {wanted}: place <= $most, or true.
BANDS_SQL = f"""
WITH hashed AS (
    SELECT md5(concat(request_id, $seed)) AS drawn,
        coalesce(length(input_text), 0) + coalesce(length(output_text), 0) AS chars
    FROM requests WHERE {HELD}
), placed AS (
    SELECT drawn, row_number() OVER (ORDER BY drawn) AS place,
        sum(chars) OVER (ORDER BY drawn ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS upto
    FROM hashed
), cut AS (
    SELECT drawn, floor(upto / $band) AS band FROM placed WHERE {{wanted}}
)
SELECT band, min(drawn) AS first, max(drawn) AS last, count(*) AS requests FROM cut GROUP BY band ORDER BY band
"""
ROWS_SQL = f"""
SELECT {{dimensions}} request_id, trace_id, user_id, feature, template, started_at, input_text, output_text,
    md5(concat(request_id, $seed)) AS drawn
FROM requests
WHERE {HELD} AND md5(concat(request_id, $seed)) >= $first AND md5(concat(request_id, $seed)) <= $last
ORDER BY drawn, request_id
"""


@dataclass
class Days:
    """Flagged a day, and the first and last time."""

    hits: dict[date | None, int] = field(default_factory=dict)
    first: datetime | None = None
    last: datetime | None = None

    def add(self, at: datetime | None) -> None:
        day = at.date() if at else None
        self.hits[day] = self.hits.get(day, 0) + 1
        if at:
            self.first = min(self.first or at, at)
            self.last = max(self.last or at, at)


@dataclass
class Scanned:
    """What a scan found: by check and slice, by rule, and the first texts of each rule.

    A slice is (dimension, value): the dimension WHOLE is all of it, GROUPS those of --by together.
    """

    requests: int = 0
    judged: dict[tuple[str, Any, str], dict[date | None, int]] = field(default_factory=dict)
    found: dict[tuple[str, Any, str], Days] = field(default_factory=dict)
    rules: dict[tuple[str, str], Days] = field(default_factory=dict)
    examples: dict[tuple[str, str], dict[str, Row]] = field(default_factory=dict)

    def tallies(self, scope: str, words: Sequence[str], kinds: Sequence[tuple[str, str]]) -> list[Tally]:
        """Every kind in every slice of a scope; words: what the slice's values are called."""
        made = []
        for (of, value, side), days in self.judged.items():
            for kind, on in kinds:
                if of == scope and on == side:
                    hits = self.found.get((scope, value, kind), Days())
                    key = dict(zip(words, value if isinstance(value, tuple) else (value,), strict=False))
                    made.append(tally(kind, days, hits, key))
        return made


GROUPS = "(groups)"


def tally(kind: str, judged: Mapping[date | None, int], found: Days, key: Row, name: str = "") -> Tally:
    """Days as a tally."""
    sums = DaySums.of(list(judged.values()), [found.hits.get(day, 0) for day in judged])
    side = "answers" if kind.endswith("output") else "prompts"
    return Tally(kind, "scan", name or side, None, sums, key, found.first, found.last)


def wanted_sample(sample: str) -> int | None:
    """How many requests are scanned; None for all.

    Raises:
        UsageError: neither a number nor `all`.
    """
    if sample.strip().lower() == EVERY:
        return None
    text = sample.replace(",", "").replace("_", "").strip()
    if not text.isdecimal() or int(text) < 1:
        raise UsageError(f"--sample {sample}: takes a number of requests, or all")
    return int(text)


def scanned(
    logs: Logs, scanner: Scanner, most: int | None, seed: int, by: Sequence[Dimension], each: Sequence[Dimension],
    examples: int,
) -> Scanned:  # fmt: skip
    """Scans the sample.

    Args:
        by: the slices of the answer, all dimensions together; each: dimensions whose values may stand out.
        examples: how many texts are kept of each rule and side.
    """
    found = Scanned()
    dims = list({d.word: d for d in (*by, *each)}.values())
    last = None
    for row in drawn(logs, most, seed, dims):
        again, last = row["request_id"] == last, row["request_id"]
        at = row["started_at"]
        slices: list[tuple[str, Any]] = [(GROUPS, tuple(row[d.word] for d in by))] if by else []
        if not again:  # a request with several tags comes once for each
            found.requests += 1
            slices += [(WHOLE, ()), *((d.word, row[d.word]) for d in each)]
        for side in SIDES:
            text = row[f"{side}_text"]
            if text is not None:
                hits = scanner.scan(text, side)
                count(found, slices, side, at, {scanner.rules.by_name[name].kind_of(side) for name in hits})
                for name in () if again else hits:
                    found.rules.setdefault((name, side), Days()).add(at)
                    keep(found.examples.setdefault((name, side), {}), row, text, examples)
    return found


def count(found: Scanned, slices: Sequence[tuple[str, Any]], side: str, at: datetime | None, kinds: set[str]) -> None:
    """One text of one request, in every slice it belongs to."""
    day = at.date() if at else None
    for scope, value in slices:
        days = found.judged.setdefault((scope, value, side), {})
        days[day] = days.get(day, 0) + 1
        for kind in kinds:
            found.found.setdefault((scope, value, kind), Days()).add(at)


def keep(kept: dict[str, Row], row: Mapping[str, Any], text: str, most: int) -> None:
    """The first texts, each once."""
    if len(kept) < most and text not in kept:
        kept[text] = {name: row[name] for name in ("request_id", "trace_id", "user_id", "feature", "started_at")}


def drawn(logs: Logs, most: int | None, seed: int, by: Sequence[Dimension]) -> Iterator[Row]:
    """The rows of the sample, band after band."""
    wanted = {"wanted": "true" if most is None else "place <= $most"}
    values: dict[str, Any] = {"seed": str(seed), "band": BAND_CHARS}
    if most is not None:
        values["most"] = most
    bands = logs.query(BANDS_SQL, names=wanted, **values)
    for band in bands:
        yield from logs.query(ROWS_SQL, by=by, seed=str(seed), first=band["first"], last=band["last"])
