"""What a call is priced at: list, show, check and sync the prices, and the models that have none."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from itertools import takewhile
from pathlib import Path
from typing import Annotated, Any

from llmscope.commands._unpriced import unpriced
from llmscope.errors import UsageError
from llmscope.pricing.book import PriceBook, Resolution
from llmscope.pricing.catalogue import DATA
from llmscope.pricing.entry import Entry, Price, Schedule, iso
from llmscope.pricing.figures import BUCKETS, FEES, PARENT, Figures, at, bands
from llmscope.pricing.names import host_of
from llmscope.result import Column, Finding, Part, Result

DAYS = ("", "mon", "tue", "wed", "thu", "fri", "sat", "sun")
PROVIDER = "only this provider"
LISTED = ("input", "output", "cache_read")


def list_prices(
    provider: Annotated[str | None, PROVIDER] = None,
    search: Annotated[str | None, "only models whose name contains this"] = None,
    pricing: Annotated[Path | None, "price file"] = None,
) -> Result:
    """Every model that has a price, and its price of today."""
    book = PriceBook.open(pricing)
    now = _now()
    host, word = host_of(provider), (search or "").lower()
    kept = [
        e for e in book.entries() if (host is None or e.host == host) and any(word in n for n in (e.key, *e.aliases))
    ]
    columns = (
        Column("model", "text", "dimension"),
        *(Column(_column(bucket), "usd") for bucket in LISTED),
        Column("since", "text"),
        Column("tiers", "text", optional=True),
        Column("source", "text", optional=True),
        Column("as_of", "text", optional=True),
    )
    rows = tuple(_list_row(entry, entry.price_at(now)) for entry in kept)
    notes = ("USD per 1,000,000 tokens. llmscope pricing show MODEL has every dated price.",)
    if not rows:
        close = book.suggest(search or "") if search else []
        notes = (f"nothing matches; near: {', '.join(close)}" if close else "nothing matches",)
    return Result("pricing list", columns, rows, title="Prices", notes=notes)


def _list_row(entry: Entry, price: Price) -> dict[str, Any]:
    figures = {_column(bucket): _usd(price.figures, bucket) for bucket in LISTED}
    earlier = entry.prices[: entry.prices.index(price) + 1][::-1]
    same = list(takewhile(lambda p: all(p.figures.get(b) == price.figures.get(b) for b in LISTED), earlier))
    return {
        "model": entry.key,
        **figures,
        "since": iso(same[-1].starts),
        "tiers": ", ".join(price.tiers) or None,
        "source": price.source or entry.origin,
        "as_of": price.as_of.isoformat() if price.as_of else None,
    }


def show_price(
    model: Annotated[str, "a model, as a log names it"],
    provider: Annotated[str | None, "who served it"] = None,
    at: Annotated[str | None, "only the price in force at this ISO date or time"] = None,
    pricing: Annotated[Path | None, "price file"] = None,
) -> Result:
    """Every price of one model: by date, service tier, size of prompt and hour of the day."""
    book = PriceBook.open(pricing)
    found = book.resolve(provider, model)
    entry = found.entry
    if entry is None:
        close = book.suggest(model)
        hint = f"did you mean {', '.join(close)}?" if close else "llmscope pricing list --search WORD"
        raise UsageError(f"{model} has no price: {found.reason}", hint=hint)
    prices = entry.prices if at is None else (entry.price_at(_moment(at)),)
    rows = tuple(row for price in prices for row in _show_rows(price))
    used = [bucket for bucket in _all_buckets(prices) if any(row.get(_column(bucket)) is not None for row in rows)]
    columns = (
        Column("from", "text", "time"),
        Column("tier", "text", "dimension"),
        Column("over_input_tokens", "tokens", "dimension"),
        Column("hours", "text", "dimension"),
        *(Column(_column(bucket), "usd") for bucket in used),
        Column("source", "text", optional=True),
        Column("as_of", "text", optional=True),
    )
    return Result("pricing show", columns, rows, title=entry.key, notes=tuple(_show_notes(entry, found)))


def _show_rows(price: Price) -> Iterator[dict[str, Any]]:
    """The standard price, then each tier, each in its bands, then at peak."""
    kinds: list[tuple[str, str | None, Figures]] = [("default", None, price.figures)]
    kinds += [(tier, None, {**price.figures, **figures}) for tier, figures in price.tiers.items()]
    if price.schedule:
        kinds.append(("default", _hours(price.schedule), {**price.figures, **price.peak}))
    for region, multiplier in price.regions.items():
        scaled = {b: tuple((o, p * multiplier) for o, p in f) for b, f in price.figures.items() if b in PARENT}
        kinds.append((f"default, {region}", None, {**price.figures, **scaled}))
    for tier, hours, figures in kinds:
        for over in bands(figures):
            yield {
                "from": iso(price.starts),
                "tier": tier,
                "over_input_tokens": over or None,
                "hours": hours,
                **{_column(bucket): _usd(figures, bucket, over) for bucket in figures},
                "source": price.source,
                "as_of": price.as_of.isoformat() if price.as_of else None,
            }


def _show_notes(entry: Entry, found: Resolution) -> Iterator[str]:
    yield "USD per 1,000,000 tokens; fees per 1,000 uses. Over a size, the whole request is repriced."
    how = {"exact": "by its own name", "alias": "by another of its names", "stripped": "by respelling the name"}
    how["fallback_host"] = "at its maker's price, since the host lists none"
    yield f"{found.model} is priced as {entry.key}, {how.get(found.match_kind, found.match_kind)} ({entry.origin})."
    if entry.aliases:
        yield f"also called {', '.join(entry.aliases[:8])}{', …' if len(entry.aliases) > 8 else ''}"
    if entry.known_from:
        yield f"known from {iso(entry.known_from)} on; earlier requests are extrapolated"
    if entry.retired:
        yield f"gone from the lists since {entry.retired}"


def check_prices(
    file: Annotated[Path | None, "a price file", "argument"] = None,
    pricing: Annotated[Path | None, "price file"] = None,
) -> Result:
    """Are the price files right? Errors stop at once; what deserves a look is listed."""
    book = PriceBook.open(file or pricing)
    problems = [*_file_problems(book), *_alias_problems(book), *_conflicts()]
    columns = (
        Column("problem", "text", "dimension"),
        Column("model", "text", "dimension"),
        Column("detail", "text"),
        Column("file", "text", optional=True),
    )
    files = ", ".join(read.path for read in book.files)
    finding = Finding("pricing", "warning", f"{len(problems)} things to look at", tuple(problems))
    return Result(
        "pricing check",
        columns,
        tuple(problems),
        title="Price files",
        findings=(finding,) if problems else (),
        notes=(f"read: {files}; catalogue: {len(book.catalogue.keys())} models",),
    )


def _file_problems(book: PriceBook) -> Iterator[dict[str, Any]]:
    """Prices without a source or a day, and prices that are old."""
    limit = int(book.default("stale_after_days"))
    today = _now().date()
    for read in book.files:
        for entry in read.entries:
            last = entry.prices[-1]
            missing = [word for word, value in (("source", last.source), ("as_of", last.as_of)) if not value]
            if missing and not entry.free:
                yield _problem("not sourced", entry.key, f"no {' and no '.join(missing)}", read.path)
            if last.as_of and (today - last.as_of).days > limit:
                age = (today - last.as_of).days
                yield _problem("stale", entry.key, f"as of {last.as_of}, {age} days ago (limit {limit})", read.path)
            if last.as_of and last.as_of > today:
                yield _problem("future", entry.key, f"as of {last.as_of}", read.path)


def _alias_problems(book: PriceBook) -> Iterator[dict[str, Any]]:
    """An [[alias]] that points at nothing stops the check; one that nobody reaches is listed."""
    for layer in book.layers:
        for alias in layer.file.aliases:
            name = alias.match.replace("*", "x").replace("?", "x")
            found = book.resolve(alias.provider, name)
            if found.match_kind != "alias":
                yield _problem("hidden alias", alias.match, f"{name} is priced as {found.key}", layer.file.path)


def _conflicts() -> Iterator[dict[str, Any]]:
    """Where the two lists behind the catalogue give another price for today."""
    path = DATA / "conflicts.tsv"
    if not path.exists():
        return
    for line in path.read_text().splitlines()[1:]:
        model, genai, dated, stands = line.split("\t")
        yield _problem(
            "lists disagree", model, f"genai-prices {genai}; model-prices {dated}; {stands} stands", path.name
        )


def sync_prices(
    from_: Annotated[str, "both, genai-prices, model-prices, or a catalogue file"] = "both",
) -> Result:
    """Compile the bundled catalogue anew and show what changed; a model that vanished keeps its last price."""
    from llmscope.pricing.sync import run_sync

    done = run_sync(from_)
    columns = (
        Column("change", "text", "dimension"),
        Column("model", "text", "dimension"),
        Column("before", "text"),
        Column("after", "text"),
    )
    rows = tuple(
        {"change": c.what, "model": c.key, "before": c.before or None, "after": c.after or None} for c in done.changes
    )
    disagreements = tuple(
        {"model": c.key, "genai_prices": c.genai, "model_prices": c.dated, "stands": c.stands} for c in done.conflicts
    )
    names = ("model", "genai_prices", "model_prices", "stands")
    part = Part(tuple(Column(n, "text", "dimension" if n == "model" else "measure") for n in names), disagreements)
    return Result(
        "pricing sync",
        columns,
        rows,
        title="Catalogue",
        parts={"conflicts": part} if disagreements else {},
        notes=(
            f"{done.entries} models written to {done.path}",
            f"{len(done.conflicts)} prices on which the lists disagree",
        ),
    )


COMMANDS = {
    "list": list_prices,
    "show": show_price,
    "unpriced": unpriced,
    "check": check_prices,
    "sync": sync_prices,
}


def _problem(problem: str, model: str, detail: str, file: str) -> dict[str, Any]:
    return {"problem": problem, "model": model, "detail": detail, "file": file}


def _column(bucket: str) -> str:
    """A result column that says its unit."""
    if bucket in FEES:
        return f"{bucket}_usd_per_1k"
    return f"{bucket}_usd_per_1m" if bucket in PARENT else f"{bucket}_usd"


def _usd(figures: Figures, bucket: str, over: int = 0) -> float | None:
    figure = figures.get(bucket)
    return None if figure is None else float(Decimal(at(figure, over)))


def _all_buckets(prices: tuple[Price, ...]) -> list[str]:
    """Every bucket some price or tier has, ours first."""
    used = {b for p in prices for figures in (p.figures, p.peak, *p.tiers.values()) for b in figures}
    return [b for b in BUCKETS if b in used] + sorted(used - set(BUCKETS))


def _hours(schedule: Schedule) -> str:
    """A schedule in words."""
    text = ", ".join(f"{start:%H:%M}-{end:%H:%M}" for start, end in schedule.windows) + " UTC"
    if len(schedule.days) < 7:
        text += f" {DAYS[schedule.days[0]]}-{DAYS[schedule.days[-1]]}"
    return text + (f", not on {len(schedule.exceptions)} dates" if schedule.exceptions else "")


def _moment(text: str) -> datetime:
    """A naive UTC time out of an ISO date or time."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"--at {text!r} is not a date like 2026-08-25 or a time like 2026-08-25T10:00") from error
    return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
