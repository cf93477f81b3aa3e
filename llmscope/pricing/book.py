"""The price book: layers of prices, the uppermost word wins, and the entry behind a logged name.

Layers: --pricing FILE, the project's ./pricing.toml, the user's, and what ships (pricing.toml over the catalogue).
A whole entry is replaced by a layer above unless it says `inherit = true`. In a layer: [[alias]] by exact name, by
glob, then for each spelling of the name an entry of that host, then one for any host. Of what ships, any host is
asked last when the log names one: a price that names the host is nearer to the truth.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from llmscope.errors import UsageError, nearest
from llmscope.pricing.catalogue import DATA, LABS, Catalogue, bundled_catalogue, user_folder
from llmscope.pricing.entry import Entry
from llmscope.pricing.figures import PARENT, is_free
from llmscope.pricing.names import FALLBACK, Candidate, candidates, host_of, is_local
from llmscope.pricing.pricefile import Discount, PriceFile, read_pricefile, split_key

Status = Literal["exact", "alias", "stripped", "fallback_host", "free", "local", "unpriced"]
FILE = "pricing.toml"


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a logged name is priced as, how it was found, and for what is not priced, why and what is near."""

    provider: str | None
    model: str
    price_status: Status
    entry: Entry | None = None
    key: str | None = None
    match_kind: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Layer:
    """One price file, indexed by the names it knows."""

    file: PriceFile

    @cached_property
    def index(self) -> dict[tuple[str | None, str], tuple[Entry, bool]]:
        """(host, name) to the entry, and whether the name is an alias of it."""
        found: dict[tuple[str | None, str], tuple[Entry, bool]] = {}
        for entry in self.file.entries:
            host = host_of(entry.host)
            found.update({(host, alias): (entry, True) for alias in entry.aliases})
        return found | {(host_of(e.host), e.name): (e, False) for e in self.file.entries}

    @cached_property
    def hosts(self) -> dict[str, list[str]]:
        """The hosts that list a name, makers first."""
        found: dict[str, list[str]] = {}
        for host, name in self.index:
            if host:
                found.setdefault(name, []).append(host)
        return {name: sorted(hosts, key=lambda h: (h not in LABS, h)) for name, hosts in found.items()}


@dataclass(frozen=True)
class PriceBook:
    """Open it once; resolving a name is remembered."""

    layers: tuple[Layer, ...]
    shipped: Layer | None
    catalogue: Catalogue
    _known: dict[tuple[str | None, str], Resolution] = field(default_factory=dict, compare=False)

    @classmethod
    def open(cls, pricing_file: Path | None = None, start: Path | None = None) -> PriceBook:
        """Reads the layers above `start` (the working directory) down to the first that says extends = "none"."""
        layers: list[Layer] = []
        for path in _layer_paths(pricing_file, start or Path.cwd()):
            layers.append(Layer(read_pricefile(path)))
            if not layers[-1].file.extends:
                return cls(tuple(layers), None, Catalogue(""))
        shipped = shipped_file()
        return cls(tuple(layers), Layer(read_pricefile(shipped)) if shipped else None, bundled_catalogue())

    @property
    def files(self) -> tuple[PriceFile, ...]:
        """Every price file read, uppermost first."""
        return tuple(layer.file for layer in (*self.layers, *([self.shipped] if self.shipped else [])))

    @property
    def discounts(self) -> tuple[Discount, ...]:
        """Of the uppermost file that states any."""
        return next((file.discounts for file in self.files if file.discounts), ())

    def default(self, name: str) -> Any:
        """A [defaults] value, from the uppermost file that states it."""
        builtin = {"stale_after_days": 120, "missing_cache_read": "input", "on_unpriced": "report"}
        return next((f.defaults[name] for f in self.files if name in f.defaults), builtin.get(name))

    def resolve(self, provider: str | None, model: str) -> Resolution:
        """The entry that prices `model` as served by `provider`."""
        key = (provider, model)
        if key not in self._known:
            self._known[key] = self._resolve(provider, model)
        return self._known[key]

    def known_names(self) -> list[str]:
        """Every key and name that has a price."""
        names = {entry.key for file in self.files for entry in file.entries}
        names |= {alias for file in self.files for entry in file.entries for alias in entry.aliases}
        return sorted(names | {f"{host}/{name}" for host, name in self.catalogue.names()})

    def suggest(self, model: str, count: int = 3) -> list[str]:
        """The nearest names that have a price: for a person to choose from, never priced by."""
        name = model.rsplit("/", 1)[-1].lower()
        if name in ("", "none", "unknown", "redacted"):
            return []
        names = sorted(self.known_names(), key=lambda n: (n.split("/", 1)[0] not in LABS, n))
        keys = {n.rsplit("/", 1)[-1]: n for n in reversed(names)}
        return [keys[hit] for hit in nearest(name, keys, count)]

    def entries(self) -> list[Entry]:
        """Every entry in force: the files' over the catalogue's."""
        found: dict[str, Entry] = {}
        for entry in (*(e for file in self.files for e in file.entries), *self.catalogue.entries()):
            found.setdefault(entry.key, entry)
        return [found[key] for key in sorted(found)]

    def _resolve(self, provider: str | None, model: str) -> Resolution:
        if not model or model.lower() in ("unknown", "none", "null"):
            return Resolution(provider, model or "", "unpriced", reason="the log names no model")
        names = candidates(provider, model)
        for layer in self.layers:
            found = self._in_layer(layer, provider, model, names)
            if found:
                return found
        return self._in_shipped(provider, model, names) or Resolution(
            provider, model, "unpriced", reason=self._why(provider, model)
        )

    def _in_layer(
        self, layer: Layer, provider: str | None, model: str, names: tuple[Candidate, ...]
    ) -> Resolution | None:
        use = _alias_of(layer.file, provider, model)
        if use:
            return self._used(layer, provider, model, use)
        found = _look(layer, names, any_host=True)
        if found is None:
            return _whole_host(layer, provider, model, names)
        entry, kind = found
        return _resolution(provider, model, self._inherited(layer, entry), kind)

    def _in_shipped(self, provider: str | None, model: str, names: tuple[Candidate, ...]) -> Resolution | None:
        """What ships: pricing.toml and the catalogue as one layer, a named host before any host."""
        own = _look(self.shipped, names, any_host=False) if self.shipped else None
        listed = own or self._listed(names)
        if listed:
            return _resolution(provider, model, *listed)
        for moved in _elsewhere(names):
            fallen = (_look(self.shipped, moved, any_host=False) if self.shipped else None) or self._listed(moved)
            if fallen:
                return _resolution(provider, model, fallen[0], "fallback_host")
        loose = _look(self.shipped, names, any_host=True) if self.shipped else None
        if loose is None:
            return None
        return _resolution(provider, model, loose[0], loose[1] if names[0].host is None else "fallback_host")

    def _listed(self, names: tuple[Candidate, ...]) -> tuple[Entry, str] | None:
        for name in names:
            entry = self.catalogue.find(name.host, name.name)
            if entry:
                same = name.kind == "exact" and entry.name == name.name
                return entry, "exact" if same else "alias" if name.kind == "exact" else "stripped"
        return None

    def _used(self, layer: Layer, provider: str | None, model: str, use: str) -> Resolution:
        """The entry an [[alias]] points at, looked for in every layer below and in its own."""
        host, name = split_key(use)
        below = replace(self, layers=self.layers[self.layers.index(layer) :], _known={})
        stripped = replace(layer.file, aliases=())
        below = replace(below, layers=(Layer(stripped), *below.layers[1:]))
        found = below.resolve(host, name)
        if found.entry is None:
            raise UsageError(
                f'{layer.file.path}: [[alias]] use = "{use}" names no price', hint=_did_you_mean(self.suggest(use))
            )
        return _resolution(provider, model, found.entry, "alias")

    def _inherited(self, layer: Layer, entry: Entry) -> Entry:
        """An entry that says `inherit`, laid over the one the layers below have for its name."""
        if not entry.inherit:
            return entry
        place = self.layers.index(layer)
        below = replace(self, layers=self.layers[place + 1 :], _known={}).resolve(entry.host, entry.name).entry
        if below is None:
            raise UsageError(f'{layer.file.path}: [models."{entry.key}"] has nothing below it to inherit from')
        own = entry.prices[0]
        prices = tuple(
            replace(
                p,
                figures={**p.figures, **own.figures},
                tiers={**p.tiers, **own.tiers},
                regions={**p.regions, **own.regions},
                source=own.source or p.source,
                as_of=own.as_of or p.as_of,
            )
            for p in below.prices
        )
        return replace(entry, prices=prices, known_from=below.known_from)

    def _why(self, provider: str | None, model: str) -> str:
        if model.lower().startswith("ft:") or ".ft-" in model:
            return "a fine-tune whose price is not listed; it is not the price of its base"
        if is_local(provider, model):
            return "runs on your own machine; say free = true for it in pricing.toml"
        if "redacted" in model.lower():
            return "the log hides the model's name"
        return "no price under this name"


def shipped_file() -> Path | None:
    """The pricing.toml of the wheel, else that of the source tree."""
    for path in (DATA / FILE, DATA.parent.parent / FILE):
        if path.exists():
            return path
    return None


def _layer_paths(pricing_file: Path | None, start: Path) -> Iterator[Path]:
    """The files a person or a project wrote, uppermost first, each once, without the one that ships."""
    shipped = shipped_file()
    seen = {shipped.resolve()} if shipped else set()
    if pricing_file is not None:
        if not pricing_file.exists():
            raise UsageError(f"there is no price file {pricing_file}")
        yield pricing_file
        seen.add(pricing_file.resolve())
    for path in (_project_file(start), user_folder() / FILE):
        if path is not None and path.exists() and path.resolve() not in seen:
            seen.add(path.resolve())
            yield path


def _project_file(start: Path) -> Path | None:
    """./pricing.toml, else the one at the root of the repository that `start` lies in."""
    if (start / FILE).exists():
        return start / FILE
    root = next((folder for folder in (start, *start.parents) if (folder / ".git").exists()), None)
    return root / FILE if root else None


def _alias_of(file: PriceFile, provider: str | None, model: str) -> str | None:
    """What an [[alias]] says a name is: exact ones first, then globs in the order written."""
    host, name = host_of(provider), model.lower()
    fitting = [a for a in file.aliases if a.provider is None or host is None or host_of(a.provider) == host]
    exact = next((a.use for a in fitting if a.match.lower() == name), None)
    return exact or next((a.use for a in fitting if fnmatchcase(name, a.match.lower())), None)


def _elsewhere(names: tuple[Candidate, ...]) -> Iterator[tuple[Candidate, ...]]:
    """The same names at the makers whose price the host passes on: OpenRouter names the maker before the model."""
    host = next((name.host for name in names if name.host), None)
    if host == "openrouter":
        yield candidates(None, names[0].name.removeprefix("openrouter/"))
    for maker in FALLBACK.get(host or "", ()):
        yield tuple(replace(name, host=maker) for name in names)


def _look(layer: Layer, names: tuple[Candidate, ...], any_host: bool) -> tuple[Entry, str] | None:
    """The first spelling the layer has an entry for: at its host, else for any host."""
    for name in names:
        hosts = [name.host] if name.host else layer.hosts.get(name.name, [])[:1]
        for host in (*hosts, *([None] if any_host or name.host is None else [])):
            hit = layer.index.get((host, name.name))
            if hit:
                entry, is_alias = hit
                return entry, "stripped" if name.kind == "stripped" else "alias" if is_alias else "exact"
    return None


def _whole_host(layer: Layer, provider: str | None, model: str, names: tuple[Candidate, ...]) -> Resolution | None:
    """An entry "host/*": every model of that host."""
    for host in dict.fromkeys(name.host for name in names):
        hit = layer.index.get((host, "*")) if host else None
        if hit:
            return _resolution(provider, model, hit[0], "exact")
    return None


def _resolution(provider: str | None, model: str, entry: Entry, kind: str) -> Resolution:
    status: Any = kind
    if not any(bucket in price.figures for price in entry.prices for bucket in PARENT):
        units = sorted({unit for price in entry.prices for unit in price.figures})
        reason = f"priced by {', '.join(units)}, not by tokens" if units else "listed without a price"
        return Resolution(provider, model, "unpriced", None, entry.key, kind, reason)
    if entry.free or all(is_free(price.figures) for price in entry.prices):
        status = "local" if is_local(provider, model) else "free"
    return Resolution(provider, model, status, entry, entry.key, kind)


def _did_you_mean(names: list[str]) -> str | None:
    return f"did you mean {', '.join(names)}?" if names else None
