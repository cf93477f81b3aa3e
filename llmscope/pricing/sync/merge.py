"""One catalogue out of two lists: genai-prices for breadth, model-prices where it knows a maker's history better.

For each model both know, each span of time is compared on input, output and cache_read:
  - they agree: genai-prices' figures stand (they have more kinds of token);
  - model-prices does not know that far back, or they differ for under three days, or for at most a month beside a
    change both know, and model-prices only has the day somebody committed it: genai-prices' figure stands;
  - else model-prices' dated, sourced figure stands, and where it is the price of today, the case is a conflict,
    listed for a person to decide by a line in pricing.toml.
Hosts that resell (Bedrock, Azure, OpenRouter, ...) come from genai-prices alone, and so does any price that
genai-prices dates later than model-prices was made. A maker's hours of the day come from model-prices.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from llmscope.pricing.entry import Entry, Price
from llmscope.pricing.figures import Figures, to_plain
from llmscope.pricing.sync.dated import DatedModel
from llmscope.pricing.sync.genai import Owner, same_figures

COMPARED = ("input", "output", "cache_read")
MADE = ("output", "output_image", "output_audio", "output_video_mtok")
DATED_BUCKETS = ("input", "output", "cache_read", "cache_write", "cache_write_1h")
LAG = timedelta(days=31)
SLIP = timedelta(days=3)
RESELLERS = ("aws",)


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two figures for the price of today, and which one stands."""

    key: str
    genai: str
    dated: str
    stands: str


def merge(
    genai: list[Entry], dated: list[DatedModel], owner: Owner, today: date, dated_as_of: date
) -> tuple[list[Entry], list[Conflict]]:
    """The merged entries and the conflicts."""
    by_name = {(e.host, name): e for e in genai for name in (*e.aliases, e.name)}
    merged = {(e.host, e.name): e for e in genai}
    moved: dict[tuple[str | None, str], set[str]] = {}
    joined: dict[tuple[str | None, str], set[str]] = {}
    conflicts: list[Conflict] = []
    now = datetime.combine(today, datetime.min.time())
    for model in dated:
        entry, listed = by_name.get((model.host, model.name)), True
        if entry is None:
            listed, entry = False, by_name.get((model.host, owner(model.host, model.name) or ""))
        conflict = _conflict(entry, model, now) if entry else None
        if entry is None or (conflict and not listed):
            merged[model.host, model.name] = _alone(model)
            continue
        if model.host in RESELLERS:
            continue
        conflicts += [conflict] if conflict else []
        own = _merged(entry, model, dated_as_of)
        if model.name == entry.name:
            merged[model.host, model.name] = replace(own, aliases=merged[entry.host, entry.name].aliases)
        elif _shape(own) != _shape(entry):
            merged[model.host, model.name] = replace(own, name=model.name, aliases=())
            moved.setdefault((entry.host, entry.name), set()).add(model.name)
        elif not listed:
            joined.setdefault((entry.host, entry.name), set()).add(model.name)
    result = [_named(e, joined.get(key, set()), moved.get(key, set())) for key, e in merged.items()]
    return _with_dated_aliases(result, dated), sorted(conflicts, key=lambda c: c.key)


def _alone(model: DatedModel) -> Entry:
    return Entry(model.host, model.name, model.prices, model.aliases, model.known_from, origin="model-prices")


def _merged(entry: Entry, model: DatedModel, dated_as_of: date) -> Entry:
    """The entry with every span decided."""
    edges = {p.starts for p in (*entry.prices, *model.prices) if p.starts is not None} | {model.known_from}
    starts: list[datetime | None] = [None, *sorted(edges)]
    ends = [*starts[1:], None]
    horizon = datetime.combine(dated_as_of, datetime.min.time())
    prices = [_span(entry, model, s, e, horizon) for s, e in zip(starts, ends, strict=True)]
    known_from = min(filter(None, (entry.known_from, model.known_from)))
    return replace(entry, prices=tuple(_changes(prices)), known_from=known_from)


def _span(entry: Entry, model: DatedModel, start: datetime | None, end: datetime | None, horizon: datetime) -> Price:
    """The price that stands from `start` to `end`."""
    at = start or datetime.min
    g, m = entry.price_at(at), _dated_at(model, at)
    tiers = {**m.tiers, **g.tiers}
    if g.schedule is None and m.schedule is None:
        same = _agree(g, m)
        later = g.starts is not None and g.starts > horizon
        unknown = start is None or start < model.known_from
        if same or later or unknown or _is_slip(entry, model, start, end):
            source = f"{g.source}; {m.source}" if same else g.source
            return replace(g, starts=start, tiers=tiers, source=source)
    extras = {b: f for b, f in g.figures.items() if b not in DATED_BUCKETS}
    kept = {t: f for t, f in m.tiers.items() if f}
    return replace(m, starts=start, figures={**extras, **m.figures}, tiers=kept)


def _dated_at(model: DatedModel, at: datetime) -> Price:
    begun = [p for p in model.prices if p.starts is None or p.starts <= at]
    return begun[-1]


def _is_slip(entry: Entry, model: DatedModel, start: datetime | None, end: datetime | None) -> bool:
    """A difference of days only, or of a month at most beside a change both know; dated by somebody's commit."""
    if start is None or end is None or end - start > LAG or start in model.documented or end in model.documented:
        return False
    m = _dated_at(model, start)
    before, after = entry.price_at(start - timedelta(seconds=1)), entry.price_at(end)
    return end - start < SLIP or any(_agree(g, m) for g in (before, after))


def _agree(g: Price, m: Price) -> bool:
    """One price in both lists; model-prices knows one output price, which may be that of images, sound or film."""
    made = {g.figures[b][0][1] for b in MADE if b in g.figures}
    output = m.figures["output"][0][1]
    return same_figures(g.figures, m.figures, ("input", "cache_read")) and (not made or output in made)


def _conflict(entry: Entry, model: DatedModel, now: datetime) -> Conflict | None:
    g, m = entry.price_at(now), _dated_at(model, now)
    if _agree(g, m) and (g.schedule is None) == (m.schedule is None):
        return None
    later = g.starts is not None and m.as_of is not None and g.starts.date() > m.as_of
    return Conflict(f"{model.host}/{model.name}", _text(g), _text(m), "genai-prices" if later else "model-prices")


def _text(price: Price) -> str:
    plain = to_plain({b: price.figures[b][:1] for b in COMPARED if b in price.figures})
    windows = price.schedule.windows if price.schedule else ()
    hours = f" (another at {', '.join(f'{s:%H:%M}-{e:%H:%M}' for s, e in windows)})" if windows else ""
    return " ".join(f"{bucket}={value}" for bucket, value in plain.items()) + hours


def _shape(entry: Entry) -> list[tuple[Figures, object, object]]:
    """What an entry charges; equal shapes need no entry of their own."""
    return [(p.figures, p.schedule, p.starts) for p in entry.prices]


def _changes(prices: list[Price]) -> list[Price]:
    """Prices that differ from the one before them in more than where in its list they stand."""

    def shape(p: Price) -> object:
        return p.figures, p.tiers, p.schedule, p.peak, (p.source or "").split(" ")[0]

    return [p for i, p in enumerate(prices) if i == 0 or shape(p) != shape(prices[i - 1])]


def _named(entry: Entry, more: set[str], less: set[str]) -> Entry:
    return replace(entry, aliases=tuple(sorted({*entry.aliases, *more} - less)))


def _with_dated_aliases(entries: list[Entry], dated: list[DatedModel]) -> list[Entry]:
    """model-prices' other names for a model, where no entry of the host has that name yet."""
    known = {(e.host, name) for e in entries for name in (e.name, *e.aliases)}
    extra: dict[tuple[str | None, str], set[str]] = {}
    for model in dated:
        new = {a for a in model.aliases if (model.host, a) not in known}
        if new:
            extra.setdefault((model.host, model.name), set()).update(new)
    return [replace(e, aliases=tuple(sorted({*e.aliases, *extra.get((e.host, e.name), set())}))) for e in entries]
