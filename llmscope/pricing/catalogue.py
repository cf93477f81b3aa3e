"""The bundled catalogue: every model two open price lists know, as gzipped text read a line at a time.

The text has two halves parted by an empty line: `host TAB name TAB number` for every name, sorted, and then one
`host TAB name TAB json` line an entry. A name without a host belongs to the laboratory that makes the model.
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterable
from functools import cached_property, lru_cache
from pathlib import Path

from llmscope.pricing.entry import Entry, entry_from_plain, entry_to_plain

# Whose model a bare name is: the makers, in the order asked. Hosts that resell are never guessed.
LABS = (
    "anthropic", "openai", "google", "mistral", "deepseek", "x-ai", "cohere", "moonshotai", "zai", "alibaba",
    "minimax", "perplexity", "voyageai", "meta", "xiaomi", "stepfun-ai", "ai21", "upstage", "inception",
)  # fmt: skip
CATALOGUE_FILE = "catalogue.tsv.gz"
DATA = Path(__file__).resolve().parent.parent / "data"


class Catalogue:
    """Names are looked up in one dict; an entry's JSON is parsed the first time it is asked for."""

    def __init__(self, text: str, origin: str = "bundled catalogue") -> None:
        names, _, entries = text.partition("\n\n")
        self.origin = origin
        self._names = names
        self._lines = entries.splitlines()
        self._parsed: dict[int, Entry] = {}

    @cached_property
    def _index(self) -> dict[str, str]:
        return dict(line.rsplit("\t", 1) for line in self._names.splitlines())

    def find(self, host: str | None, name: str) -> Entry | None:
        """The entry `host` lists under exactly `name`; without a host, the maker's own."""
        number = self._index.get(f"{host or ''}\t{name.lower()}")
        return None if number is None else self._entry(int(number))

    def names(self) -> list[tuple[str, str]]:
        """Every (host, name), aliases included."""
        pairs = (line.rsplit("\t", 1)[0].split("\t") for line in self._names.splitlines())
        return [(host, name) for host, name in pairs if host]

    def hosts(self) -> set[str]:
        """Every host that has an entry."""
        return {line.split("\t", 1)[0] for line in self._lines}

    def entries(self) -> list[Entry]:
        """All of it, parsed; for lists and checks, not for pricing."""
        return [self._entry(number) for number in range(len(self._lines))]

    def keys(self) -> list[tuple[str, str]]:
        """(host, name) of every entry, without parsing."""
        return [(host, name) for host, name, _ in (line.split("\t", 2) for line in self._lines)]

    def _entry(self, number: int) -> Entry:
        if number not in self._parsed:
            host, name, plain = self._lines[number].split("\t", 2)
            self._parsed[number] = entry_from_plain(host, name, json.loads(plain), self.origin)
        return self._parsed[number]


def compile_text(entries: Iterable[Entry]) -> str:
    """The catalogue's text: sorted, so equal entries give equal bytes."""
    ordered = sorted(entries, key=lambda entry: (entry.host or "", entry.name))
    index: dict[str, int] = {}
    for number, entry in enumerate(ordered):
        index[f"{entry.host}\t{entry.name.lower()}"] = number
    for number, entry in enumerate(ordered):
        for name in entry.aliases:
            index.setdefault(f"{entry.host}\t{name.lower()}", number)
    for key, number in _without_maker(index).items():
        index.setdefault(key, number)
    for lab in LABS:
        for key, number in [item for item in index.items() if item[0].startswith(f"{lab}\t")]:
            index.setdefault("\t" + key.split("\t", 1)[1], number)
    names = "\n".join(f"{key}\t{index[key]}" for key in sorted(index))
    lines = "\n".join(
        f"{entry.host}\t{entry.name}\t{json.dumps(entry_to_plain(entry), separators=(',', ':'), sort_keys=True)}"
        for entry in ordered
    )
    return f"{names}\n\n{lines}\n"


def _without_maker(index: dict[str, int]) -> dict[str, int]:
    """Names of a host that write the maker before the model, without it, where that leaves no doubt."""
    owners: dict[str, set[int]] = {}
    for key, number in index.items():
        host, name = key.split("\t", 1)
        if "/" in name:
            owners.setdefault(f"{host}\t{name.rsplit('/', 1)[1]}", set()).add(number)
    return {key: numbers.pop() for key, numbers in owners.items() if len(numbers) == 1}


def write_catalogue(path: Path, entries: Iterable[Entry]) -> None:
    """Writes the catalogue; the same entries give the same bytes."""
    path.write_bytes(gzip.compress(compile_text(entries).encode(), 9, mtime=0))


def read_catalogue(path: Path) -> Catalogue:
    """Opens a catalogue file."""
    return Catalogue(gzip.decompress(path.read_bytes()).decode(), origin=path.name)


def user_folder() -> Path:
    """Where a person's own pricing.toml and catalogue lie."""
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "llmscope"


def bundled_catalogue() -> Catalogue:
    """The catalogue `pricing sync` wrote for this user, else the one that ships; empty when there is neither."""
    for path in (user_folder() / CATALOGUE_FILE, DATA / CATALOGUE_FILE):
        if path.exists():
            return _cached(path, path.stat().st_mtime_ns)
    return Catalogue("")


@lru_cache(maxsize=2)
def _cached(path: Path, _changed: int) -> Catalogue:
    return read_catalogue(path)
