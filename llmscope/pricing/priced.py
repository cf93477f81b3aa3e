"""Relation `priced`: `requests` LEFT JOIN a small table of rates, in one pass, exact and free of order.

The text is written for the store at hand: a condition or a term stands in it only where some rate needs it, so a
store of plainly priced models is one equality join and two products a row.

`price_status`, the first that holds:
  free             the gateway's own cache answered (cost 0), or every figure of the price is 0, or a failed request
                   of an unpriced model reported zero tokens
  no_usage         neither input nor output tokens were reported; cost NULL; outside the minimum coverage
  unpriced         tokens were reported and no price is known for the model; cost NULL, never 0
  local            priced 0 by a rule for one's own machines
  partial          some tokens are of a kind the price has no figure for; they are billed at the rate of the kind they
                   are part of (cached as input, audio as text), searches without a fee at nothing
  variant_missing  batch, flex, priority or fast was asked for, and only the standard price is known at that time; it
                   is charged in full, also when a price for that tier is known from later on
  extrapolated     the request is older than the price is known to be, or has no time and the price has a date
  fallback_host    priced as the model's maker does, since its host lists no price
  stripped         found by respelling the name; alias: by another name of the model; exact: by its own
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from typing import Any

from llmscope.pricing.book import PriceBook, Resolution
from llmscope.pricing.entry import Schedule
from llmscope.pricing.figures import BUCKETS
from llmscope.pricing.rates import EVER, NEEDS_OWN, NEVER, Extent, Key, RateRow, rate_rows
from llmscope.pricing.token_rates import RATED, RATES, token_rates

TOKENS = {
    "input": "input_tokens",
    "output": "output_tokens",
    "cache_read": "cache_read_tokens",
    "cache_write": "cache_write_tokens",
    "cache_write_30m": "cache_write_30m_tokens",
    "cache_write_1h": "cache_write_1h_tokens",
    "cache_write_12h": "cache_write_12h_tokens",
    "input_audio": "audio_input_tokens",
    "input_image": "image_input_tokens",
    "reasoning": "reasoning_tokens",
    "output_audio": "audio_output_tokens",
    "output_image": "image_output_tokens",
    "web_search": "web_searches",
    "request": "",
}
RATE_TYPE = "DECIMAL(19,15)"
NOTHING = "cast(0 as decimal(38, 15))"
NO_USAGE = "r.input_tokens is null and r.output_tokens is null"


# What `extent_of` takes, as one row; run it over the whole store.
EXTENT_SQL = (
    "select min(started_at), max(started_at), count(started_at) < count(*), max(input_tokens), bool_or(cache_hit), "
    + ", ".join(f"max({column})" for column in TOKENS.values() if column)
    + " from requests"
)
KEYS_SQL = "select distinct provider, model, service_tier, region from requests"


def extent_of(row: Sequence[Any]) -> Extent:
    """The extent in a row of EXTENT_SQL; of an empty store, the default."""
    first, last, undated, largest, hits, *most = row
    columns = (column for column in TOKENS.values() if column)
    return Extent(
        first=first or EVER,
        last=last or NEVER,
        undated=bool(undated),
        largest_input=largest or 0,
        cache_hits=bool(hits),
        columns=frozenset(column for column, value in zip(columns, most, strict=True) if value),
    )


@dataclass(frozen=True, slots=True)
class RateTable:
    """What to insert, and the relation over it. `resolutions` says how each key was priced."""

    name: str
    columns: tuple[tuple[str, str], ...]
    rows: tuple[tuple[Any, ...], ...]
    priced_sql: str
    resolutions: tuple[Resolution, ...]
    priced_columns: tuple[str, ...]

    @property
    def create_sql(self) -> str:
        """Makes the temporary table."""
        columns = ", ".join(f"{name} {kind}" for name, kind in self.columns)
        return f"create or replace temp table {self.name} ({columns})"

    @property
    def insert_sql(self) -> str | None:
        """One INSERT of every row, to be run with `parameters`; None when nothing has a price."""
        row = f"({', '.join('?' * len(self.columns))})"
        return f"insert into {self.name} values {', '.join([row] * len(self.rows))}" if self.rows else None

    @property
    def parameters(self) -> list[Any]:
        """The values of `insert_sql`, row by row."""
        return [value for row in self.rows for value in row]


@dataclass(frozen=True, slots=True)
class _Shape:
    """Which conditions and terms this store needs."""

    keys: tuple[str, ...]
    dated: bool
    banded: bool
    schedules: tuple[Schedule, ...]
    terms: tuple[str, ...]
    lacks: tuple[str, ...]
    discounted: bool
    extrapolated: bool
    undated: bool
    unpriced: bool
    states: frozenset[str]


def rate_table(
    book: PriceBook,
    keys: Iterable[Sequence[str | None]],
    *,
    extent: Extent | None = None,
    requests: str = "requests",
    name: str = "rates",
    now: datetime | None = None,
    rates: bool = False,
) -> RateTable:
    """The rates of the given (provider, model, service_tier, region) keys, and `priced` over them.

    `extent` says what the store holds, for a shorter text; `now` is when requests without a time are priced; `rates`
    adds the columns of RATES.
    """
    moment, held = now or datetime.now(UTC).replace(tzinfo=None), extent or Extent()
    found = {key: book.resolve(key.provider, key.model) for key in dict.fromkeys(_key(k) for k in keys)}
    rows = {key: tuple(rate_rows(book, key, hit, held, moment)) for key, hit in found.items()}
    shape = _shape(rows, held, RATED if rates else frozenset())
    columns = _columns(shape)
    return RateTable(
        name=name,
        columns=tuple((column, kind) for column, kind, _ in columns),
        rows=tuple(_values(columns, rows, shape)),
        priced_sql=_priced_sql(shape, requests, name, held.cache_hits, moment, rates),
        resolutions=tuple(found.values()),
        priced_columns=(
            "cost_usd",
            *(("cost_list_usd",) if shape.discounted else ()),
            *(RATES if rates else ()),
            "price_status",
            "price_id",
        ),
    )


def _key(values: Sequence[str | None]) -> Key:
    provider, model, tier, region = (*values, None, None, None)[:4]
    return Key(provider, model or "unknown", tier, region)


def _shape(rows: dict[Key, tuple[RateRow, ...]], held: Extent, asked: frozenset[str]) -> _Shape:
    """`asked`: kinds of tokens whose rates are wanted even where no request has any of them."""

    def counts(bucket: str) -> bool:
        return bucket in asked or held.counts(TOKENS[bucket])

    flat = [row for group in rows.values() for row in group]
    schedules = tuple(dict.fromkeys(row.schedule for row in flat if row.schedule))
    known = [row.known_from for row in flat if row.known_from]
    return _Shape(
        keys=_needed_keys(rows),
        dated=any(len({(r.starts, r.ends) for r in group}) > 1 for group in rows.values()),
        banded=any(row.over >= 0 for row in flat),
        schedules=schedules,
        terms=tuple(b for i, b in enumerate(BUCKETS) if i < 2 or (counts(b) and any(r.listed[i] for r in flat))),
        lacks=tuple(b for b in NEEDS_OWN if counts(b) and any(b in row.lacks for row in flat)),
        discounted=any(row.net != row.listed for row in flat),
        extrapolated=bool(known) and held.first < max(known),
        undated=any(row.dated for row in flat) and held.undated,
        unpriced=any(not group for group in rows.values()) or not rows,
        states=frozenset(row.status for row in flat),
    )


def _needed_keys(rows: dict[Key, tuple[RateRow, ...]]) -> tuple[str, ...]:
    """The fewest columns by which every key finds its own rates."""
    needed = ["provider", "service_tier", "region"]
    for column in ("region", "service_tier", "provider"):
        fewer = [name for name in needed if name != column]
        groups: dict[tuple[str | None, ...], set[tuple[RateRow, ...]]] = {}
        for key, group in rows.items():
            groups.setdefault((key.model, *(getattr(key, name) for name in fewer)), set()).add(group)
        if all(len(different) == 1 for different in groups.values()):
            needed = fewer
    return ("model", *needed)


Value = Callable[[Key, RateRow, tuple[bool, ...]], Any]


def _columns(shape: _Shape) -> list[tuple[str, str, Value]]:
    """Name, type and value of each column the rate table needs."""
    found = [(name, "VARCHAR", _of_key(name)) for name in shape.keys]
    if shape.dated:
        found += [("starts", "TIMESTAMP", _of_row("starts")), ("ends", "TIMESTAMP", _of_row("ends"))]
    found += [(f"peak_{i}", "INTEGER", _of_peaks(i)) for i in range(len(shape.schedules))]
    if shape.banded:
        found += [("over", "BIGINT", _of_row("over")), ("upto", "BIGINT", _of_row("upto"))]
    for bucket in shape.terms:
        found.append((f"net_{bucket}", RATE_TYPE, _of_rate("net", bucket)))
        if shape.discounted:
            found.append((f"list_{bucket}", RATE_TYPE, _of_rate("listed", bucket)))
    found += [(f"lacks_{bucket}", "BOOLEAN", _of_lack(bucket)) for bucket in shape.lacks]
    if shape.extrapolated:
        found.append(("known_from", "TIMESTAMP", _of_row("known_from")))
    if shape.undated:
        found.append(("dated", "BOOLEAN", _of_row("dated")))
    return [*found, ("status", "VARCHAR", _of_row("status")), ("price_id", "VARCHAR", _of_row("price_id"))]


def _of_key(name: str) -> Value:
    return lambda key, row, peaks: getattr(key, name)


def _of_row(name: str) -> Value:
    return lambda key, row, peaks: getattr(row, name)


def _of_rate(which: str, bucket: str) -> Value:
    index = BUCKETS.index(bucket)
    return lambda key, row, peaks: getattr(row, which)[index]


def _of_lack(bucket: str) -> Value:
    return lambda key, row, peaks: bucket in row.lacks


def _of_peaks(index: int) -> Value:
    return lambda key, row, peaks: int(peaks[index])


def _values(
    columns: list[tuple[str, str, Value]], rows: dict[Key, tuple[RateRow, ...]], shape: _Shape
) -> Iterable[tuple[Any, ...]]:
    """Each rate once for every state of the schedules it can meet; keys that share a rate share its rows."""
    seen: dict[tuple[Any, ...], None] = {}
    for key, group in rows.items():
        for row in group:
            for peaks in product((False, True), repeat=len(shape.schedules)):
                if row.schedule is None or peaks[shape.schedules.index(row.schedule)] == row.peak:
                    seen[tuple(value(key, row, peaks) for _, _, value in columns)] = None
    return seen


def _priced_sql(shape: _Shape, requests: str, name: str, cache_hits: bool, now: datetime, rates: bool) -> str:
    """The relation's text."""
    time = f"coalesce(r.started_at, timestamp '{now:%Y-%m-%d %H:%M:%S}')" if shape.undated else "r.started_at"
    lists = f",\n  {_cost('list', shape, cache_hits)} as cost_list_usd" if shape.discounted else ""
    each = token_rates(shape.terms, shape.lacks, cache_hits, RATE_TYPE) if rates else ""
    on = "\n  and ".join(_conditions(shape, time))
    return (
        f"select r.*,\n  {_cost('net', shape, cache_hits)} as cost_usd{lists}{each},\n"
        f"  {_status(shape, cache_hits)} as price_status,\n  p.price_id as price_id\n"
        f"from {requests} as r\nleft join {name} as p\n  on {on}"
    )


def _conditions(shape: _Shape, time: str) -> list[str]:
    """What a request and its one rate have in common."""
    found = ["r.model = p.model"]
    found += [f"r.{column} is not distinct from p.{column}" for column in shape.keys if column != "model"]
    found += [f"{_in_schedule(schedule, time)} = p.peak_{i}" for i, schedule in enumerate(shape.schedules)]
    if shape.dated:
        found += [f"{time} >= p.starts", f"{time} < p.ends"]
    if shape.banded:
        found += ["coalesce(r.input_tokens, 0) > p.over", "coalesce(r.input_tokens, 0) <= p.upto"]
    return found


def _in_schedule(schedule: Schedule, time: str) -> str:
    """1 inside the schedule's hours, else 0."""
    minute = f"(hour({time}) * 60 + minute({time}))"
    windows = []
    for start, end in schedule.windows:
        a, b = start.hour * 60 + start.minute, end.hour * 60 + end.minute
        windows.append(f"({minute} >= {a} {'and' if a < b else 'or'} {minute} < {b})")
    tests = [f"({' or '.join(windows)})"]
    if len(schedule.days) < 7:
        tests.append(f"isodow({time}) in ({', '.join(str(day) for day in schedule.days)})")
    if schedule.exceptions:
        dates = ", ".join(f"date '{day.isoformat()}'" for day in schedule.exceptions)
        tests.append(f"cast({time} as date) not in ({dates})")
    return f"case when {' and '.join(tests)} then 1 else 0 end"


def _cost(which: str, shape: _Shape, cache_hits: bool) -> str:
    """The sum of the terms; NULL where nothing was reported or no price is known."""
    terms = [
        f"cast(coalesce(r.{TOKENS[bucket]}, 0) as decimal(18, 0)) * p.{which}_{bucket}"
        if TOKENS[bucket]
        else f"p.{which}_{bucket}"
        for bucket in shape.terms
    ]
    total = "\n    + ".join(terms)
    cases = [f"when r.cache_hit then {NOTHING}"] if cache_hits else []
    cases.append(f"when {NO_USAGE} then null")
    if shape.unpriced:
        cases.append(f"when p.net_input is null then case when {_failed_for_nothing()} then {NOTHING} end")
    return f"case {' '.join(cases)}\n    else {total} end"


def _failed_for_nothing() -> str:
    """A failed request that reported tokens, and reported none."""
    return "r.status = 'error' and coalesce(r.input_tokens, 0) = 0 and coalesce(r.output_tokens, 0) = 0"


def _status(shape: _Shape, cache_hits: bool) -> str:
    """The first of the states of the docstring that holds."""
    cases = ["when r.cache_hit then 'free'"] if cache_hits else []
    cases.append(f"when {NO_USAGE} then 'no_usage'")
    if shape.unpriced:
        cases.append(f"when p.price_id is null and {_failed_for_nothing()} then 'free'")
    cases.append("when p.price_id is null then 'unpriced'")
    if shape.states & {"free", "local"}:
        cases.append("when p.status in ('free', 'local') then p.status")
    lacking = " or ".join(f"(p.lacks_{bucket} and r.{TOKENS[bucket]} > 0)" for bucket in shape.lacks)
    cases += [f"when {lacking} then 'partial'"] if lacking else []
    if "variant_missing" in shape.states:
        cases.append("when p.status = 'variant_missing' then p.status")
    if shape.extrapolated:
        cases.append("when r.started_at < p.known_from then 'extrapolated'")
    if shape.undated:
        cases.append("when r.started_at is null and p.dated then 'extrapolated'")
    return f"case {' '.join(cases)} else p.status end"
