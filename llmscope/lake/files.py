"""What a lake consists of: its data files, and the commits that say which of them count."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from llmscope.errors import LlmscopeError
from llmscope.rolled import BINS, SUMS

VERSION = 1
OWN = "_llmscope"
FORMAT = f"{OWN}/format.json"
LATEST = f"{OWN}/latest.json"
REMOVED = f"{OWN}/removed"
WHOLE = "put the file back from a backup: the lake is read from its commits"
NO_DAY = "__HIVE_DEFAULT_PARTITION__"
CHECKPOINT_EVERY = 16
# Small tables that lie beside the commits; the others lie by day.
KEPT_BESIDE = ("loads", "rejects")
# Rollup -> the files beside the commits that hold those of a month together.
GATHERED = {SUMS: "gathered_rollups", BINS: "gathered_bins"}
PriceKey = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class DataFile:
    """One Parquet file: of which table and day, what is in it, and how many of its rows have no request yet."""

    table: str
    path: str
    day: str | None
    rows: int
    bytes: int
    columns: tuple[str, ...]
    since: str | None = None
    until: str | None = None
    waiting: int = 0
    of: str = ""  # of a rollup: the data file it was made from
    holds: tuple[str, ...] = ()  # of gathered rollups: those in it, whose first day is `day`


@dataclass(frozen=True, slots=True)
class Change:
    """What one commit does. price_keys: those it adds, or with `all_price_keys` all there are from now on."""

    kind: str
    added: tuple[DataFile, ...] = ()
    removed: tuple[str, ...] = ()
    price_keys: tuple[PriceKey, ...] = ()
    all_price_keys: bool = False
    forgotten_before: str | None = None
    loader: int = 0
    swept: tuple[str, ...] = ()
    rollups: bool = False  # from now on every load makes them


@dataclass(frozen=True, slots=True)
class State:
    """The lake as of one commit. removed: files that no longer count and when they stopped to."""

    version: int = 0
    files: Mapping[str, DataFile] = field(default_factory=dict)
    removed: Mapping[str, str] = field(default_factory=dict)
    price_keys: frozenset[PriceKey] = frozenset()
    forgotten_before: str | None = None
    loader: int = 0
    rollups: bool = False

    def of(self, table: str) -> list[DataFile]:
        """A table's files, by day."""
        found = (file for file in self.files.values() if file.table == table)
        return sorted(found, key=lambda file: (file.day or "", file.path))

    def after(self, change: Change, at: str) -> State:
        """The lake with one commit more."""
        kept = {path: file for path, file in self.files.items() if path not in set(change.removed)}
        gone = {**self.removed, **dict.fromkeys(change.removed, at)}
        for path in change.swept:
            gone.pop(path, None)
        known = frozenset() if change.all_price_keys else self.price_keys
        return State(
            self.version + 1,
            {**kept, **{file.path: file for file in change.added}},
            gone,
            known | frozenset(change.price_keys),
            max(filter(None, (self.forgotten_before, change.forgotten_before)), default=None),
            max(self.loader, change.loader),
            self.rollups or change.rollups,
        )


def commit_name(version: int) -> str:
    """Where the commit of that number lies; whoever creates it has committed."""
    return f"{OWN}/commits/{version:020d}.json"


def checkpoint_name(version: int) -> str:
    """Where the whole state after that commit may lie."""
    return f"{OWN}/checkpoints/{version:020d}.json"


def data_name(table: str, day: str | None, name: str) -> str:
    """Where a data file lies: by day as Hive does it, or beside the commits."""
    if table in KEPT_BESIDE or table in GATHERED.values():
        return f"{OWN}/{table}/{name}.parquet"
    return f"{table}/day={day or NO_DAY}/{name}.parquet"


def now() -> str:
    """This moment in UTC, as commits write it."""
    return datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")


def write_change(version: int, change: Change, at: str, by: Mapping[str, Any]) -> bytes:
    """A commit's bytes."""
    return as_json({"version": version, "at": at, "by": dict(by), **asdict(change)})


def read_change(data: bytes, shown: str) -> tuple[Change, str]:
    """A commit, and when it was made.

    Raises:
        LlmscopeError: it is no commit of ours.
    """
    try:
        found = json.loads(data)
        change = Change(
            **{
                **{name: found[name] for name in ("kind", "all_price_keys", "forgotten_before", "loader")},
                "added": files_of(found["added"]),
                "removed": tuple(found["removed"]),
                "price_keys": tuple(map(tuple, found["price_keys"])),
                "swept": tuple(found["swept"]),
                "rollups": bool(found.get("rollups")),
            }
        )
        return change, str(found["at"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LlmscopeError(f"{shown}: not a commit of a lake, or cut short", hint=WHOLE) from error


def write_state(state: State) -> bytes:
    """A checkpoint's bytes."""
    keys = sorted(state.price_keys, key=repr)
    files = [asdict(file) for file in state.files.values()]
    rest = {"forgotten_before": state.forgotten_before, "loader": state.loader, "rollups": state.rollups}
    return as_json(
        {"version": state.version, "files": files, "removed": dict(state.removed), "price_keys": keys, **rest}
    )


def read_state(data: bytes, shown: str) -> State:
    """A checkpoint.

    Raises:
        LlmscopeError: it is none of ours.
    """
    try:
        found = json.loads(data)
        files = {file.path: file for file in files_of(found["files"])}
        keys = frozenset(map(tuple, found["price_keys"]))
        rest = (found["forgotten_before"], found["loader"], bool(found.get("rollups")))
        return State(int(found["version"]), files, found["removed"], keys, *rest)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LlmscopeError(f"{shown}: not a checkpoint of a lake, or cut short", hint=WHOLE) from error


def files_of(found: Iterable[Mapping[str, Any]]) -> tuple[DataFile, ...]:
    """Data files as commits and checkpoints write them.

    Raises:
        ValueError: a path leads out of the lake.
    """
    files = tuple(
        DataFile(**{**one, "columns": tuple(one["columns"]), "holds": tuple(one.get("holds", ()))}) for one in found
    )
    for file in files:
        if file.path.startswith("/") or ".." in file.path.split("/"):
            raise ValueError(file.path)
    return files


def between(files: Iterable[DataFile], since: datetime | None, until: datetime | None) -> list[DataFile]:
    """Those of the files whose day is in the window; of one without a window all."""
    if since is None and until is None:
        return list(files)
    first = since.date() if since else date.min
    last = (until - timedelta(microseconds=1)).date() if until else date.max
    return [file for file in files if file.day and first <= date.fromisoformat(file.day) <= last]


def renamed(file: DataFile, path: str) -> DataFile:
    """The same file at another place."""
    return replace(file, path=path)


def as_json(value: object) -> bytes:
    return (json.dumps(value, ensure_ascii=True, separators=(",", ":")) + "\n").encode()
