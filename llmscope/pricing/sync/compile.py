"""`run_sync`: reads the two lists, merges, keeps whatever vanished upstream, and says what changed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Literal

from llmscope.errors import LlmscopeError, UsageError, nearest
from llmscope.pricing.catalogue import CATALOGUE_FILE, DATA, read_catalogue, user_folder, write_catalogue
from llmscope.pricing.context import WINDOWS_FILE, listed_windows, write_windows
from llmscope.pricing.entry import Entry, Price
from llmscope.pricing.figures import to_plain
from llmscope.pricing.sync import dated, genai
from llmscope.pricing.sync.merge import Conflict, merge

CONFLICTS_FILE = "conflicts.tsv"
ORIGINS = ("both", "genai-prices", "model-prices")


@dataclass(frozen=True, slots=True)
class Change:
    """One model that came, went or changed its price of today."""

    what: Literal["added", "retired", "changed"]
    key: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Synced:
    """What a sync wrote and where."""

    path: Path
    entries: int
    changes: tuple[Change, ...]
    conflicts: tuple[Conflict, ...]


def run_sync(origin: str = "both", folder: Path | None = None) -> Synced:
    """Compiles the catalogue into `folder`: the package's data in a source tree, else the user's own folder.

    `origin` is one of ORIGINS, or the path of a catalogue file made elsewhere.
    """
    entries, conflicts, as_of = _compiled(origin)
    target = folder or sync_folder()
    target.mkdir(parents=True, exist_ok=True)
    path = target / CATALOGUE_FILE
    before = {e.key: e for e in (read_catalogue(path).entries() if path.exists() else [])}
    kept = [_carried(entry, before.get(entry.key), as_of) for entry in entries]
    names = {entry.key for entry in entries}
    kept += [_retired(entry, as_of) for key, entry in before.items() if key not in names]
    write_catalogue(path, kept)
    _write_conflicts(target / CONFLICTS_FILE, conflicts)
    if origin in ("both", "genai-prices"):  # the only list that names context windows
        write_windows(target / WINDOWS_FILE, listed_windows())
    return Synced(path, len(kept), tuple(_diff(before, {e.key: e for e in kept}, names, as_of)), tuple(conflicts))


def sync_folder() -> Path:
    """The package's data in a source tree (a pricing.toml beside the package), else the user's folder."""
    return DATA if (DATA.parent.parent / "pricing.toml").exists() else user_folder()


def _compiled(origin: str) -> tuple[list[Entry], list[Conflict], date]:
    if origin not in ORIGINS:
        return _read(Path(origin)), [], datetime.now(UTC).date()
    try:
        breadth, breadth_day, owner = genai.entries() if origin != "model-prices" else ([], date.min, lambda *_: None)
        history, history_day = dated.models() if origin != "genai-prices" else ([], date.min)
    except ModuleNotFoundError as missing:
        raise LlmscopeError(
            f"pricing sync needs the package {missing.name}", hint='pip install "llmscope-toolkit[sync]"'
        ) from missing
    entries, conflicts = merge(breadth, history, owner, max(breadth_day, history_day), history_day)
    return entries, conflicts, max(breadth_day, history_day)


def _read(path: Path) -> list[Entry]:
    if not path.exists():
        close = nearest(str(path), ORIGINS, 1)
        hint = f"did you mean {close[0]}?" if close else f"--from takes {', '.join(ORIGINS)} or a catalogue file"
        raise UsageError(f"there is no catalogue {path}", hint=hint)
    try:
        return read_catalogue(path).entries()
    except (OSError, EOFError, ValueError, KeyError) as error:
        raise UsageError(f"{path} is not a catalogue of prices: {error}") from error


def _carried(entry: Entry, before: Entry | None, as_of: date) -> Entry:
    """The new entry with the history the lists have lost since: a new price is dated, never written over the old."""
    if before is None or before.retired or len(entry.prices) > 1 or _same(entry.prices[-1], before.prices[-1]):
        return entry
    if entry.prices[0].starts is not None:
        return entry
    dated_now = replace(entry.prices[0], starts=datetime.combine(as_of, time()))
    known = min(filter(None, (entry.known_from, before.known_from)), default=None)
    return replace(entry, prices=(*before.prices, dated_now), known_from=known)


def _retired(entry: Entry, as_of: date) -> Entry:
    return entry if entry.retired else replace(entry, retired=as_of)


def _same(one: Price, other: Price) -> bool:
    return to_plain(one.figures) == to_plain(other.figures)


def _diff(before: dict[str, Entry], after: dict[str, Entry], current: set[str], as_of: date) -> list[Change]:
    """Changes by key."""
    now = datetime.combine(as_of, time())
    changes = []
    for key in sorted(after):
        new, old = after[key], before.get(key)
        if old is None:
            changes.append(Change("added", key, "", _summary(new, now)))
        elif key not in current and not old.retired:
            changes.append(Change("retired", key, _summary(old, now), ""))
        elif _summary(old, now) != _summary(new, now):
            changes.append(Change("changed", key, _summary(old, now), _summary(new, now)))
    return changes


def _summary(entry: Entry, now: datetime) -> str:
    return " ".join(f"{bucket}={value}" for bucket, value in to_plain(entry.price_at(now).figures).items())


def _write_conflicts(path: Path, conflicts: list[Conflict]) -> None:
    lines = ["model\tgenai-prices\tmodel-prices\tstands"]
    lines += [f"{c.key}\t{c.genai}\t{c.dated}\t{c.stands}" for c in conflicts]
    path.write_text("\n".join(lines) + "\n")
