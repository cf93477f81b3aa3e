"""Context windows: how many tokens of prompt and answer together a model can hold, as genai-prices lists it.

The bundled text is gzipped, a line a model: `host TAB name TAB tokens`, sorted. A logged name is found as its price
is: by the entry that prices it, else by the spellings of its name at the host and at the maker it resells.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from llmscope.pricing.book import PriceBook
from llmscope.pricing.catalogue import DATA, user_folder
from llmscope.pricing.names import FALLBACK, candidates, is_local

WINDOWS_FILE = "context_windows.tsv.gz"
Windows = Mapping[tuple[str, str], int]


def context_windows(
    book: PriceBook, pairs: Iterable[tuple[str | None, str]], windows: Windows | None = None
) -> dict[tuple[str | None, str], int | None]:
    """Each (provider, model) as logged, and its window in tokens; None where the catalogue names none.

    Of one's own machine it is None too: how much a local server holds is its own setting, whatever the model could.
    """
    listed = bundled_windows() if windows is None else windows
    return {pair: _window(book, *pair, listed) for pair in pairs}


def _window(book: PriceBook, provider: str | None, model: str, listed: Windows) -> int | None:
    if is_local(provider, model):
        return None
    return next((listed[key] for key in _keys(book, provider, model) if key in listed), None)


def _keys(book: PriceBook, provider: str | None, model: str) -> Iterator[tuple[str, str]]:
    """(host, name) to look for, nearest first."""
    entry = book.resolve(provider, model).entry
    if entry:
        yield entry.host or "", entry.name
    names = candidates(provider, model)
    if names[0].host == "openrouter":  # it names the maker before the model
        names += candidates(None, names[0].name.removeprefix("openrouter/"))
    moved = [replace(name, host=maker) for name in names for maker in FALLBACK.get(name.host or "", ())]
    for name in (*names, *moved):
        if name.host:
            yield name.host, name.name
        found = book.catalogue.find(name.host, name.name)
        if found:
            yield found.host or "", found.name


def bundled_windows() -> Windows:
    """The windows `pricing sync` wrote for this user, else those that ship; empty when there are neither."""
    for path in (user_folder() / WINDOWS_FILE, DATA / WINDOWS_FILE):
        if path.exists():
            return _read(path, path.stat().st_mtime_ns)
    return {}


@lru_cache(maxsize=2)
def _read(path: Path, _changed: int) -> Windows:
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    return {(host, name): int(tokens) for host, name, tokens in (line.split("\t") for line in lines)}


def write_windows(path: Path, windows: Windows) -> None:
    """Writes the file; the same windows give the same bytes."""
    text = "".join(f"{host}\t{name}\t{tokens}\n" for (host, name), tokens in sorted(windows.items()))
    path.write_bytes(gzip.compress(text.encode(), 9, mtime=0))


def listed_windows() -> Windows:
    """What genai-prices says of every model; of the extra [sync].

    Raises:
        ModuleNotFoundError: genai-prices is not installed.
    """
    from genai_prices.data import providers

    return {
        (provider.id, model.id.lower()): int(model.context_window)
        for provider in providers
        for model in provider.models
        if model.context_window
    }
