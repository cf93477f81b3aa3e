"""One lake: its state by the commits, and the exclusive create of the next commit that decides who made it."""

from __future__ import annotations

import json
import os
import socket
import uuid
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from llmscope.errors import LlmscopeError
from llmscope.lake.files import (
    CHECKPOINT_EVERY,
    FORMAT,
    LATEST,
    OWN,
    REMOVED,
    VERSION,
    WHOLE,
    Change,
    DataFile,
    State,
    as_json,
    between,
    checkpoint_name,
    commit_name,
    now,
    read_change,
    read_state,
    write_change,
    write_state,
)
from llmscope.lake.local import Folder
from llmscope.lake.remote import Bucket

if TYPE_CHECKING:
    from llmscope.pricing import PriceBook

AT_ONCE = 8
MAKE = "make one: llmscope load LOGS --store {0}/ or llmscope export --to {0}/"


class Lake:
    """A lake as of the last commit that was looked at."""

    def __init__(self, place: Folder | Bucket) -> None:
        self.place = place
        self.state = State()
        self.pricing_file: Path | None = None  # what rollups are priced by, over all other prices
        self.prices: PriceBook | None = None

    @classmethod
    def open(cls, name: str | Path, create: bool = False) -> Lake:
        """The lake of that name, in its latest state.

        Raises:
            LlmscopeError: there is none, a newer program wrote it, or the place cannot be reached.
        """
        text = str(name)
        lake = cls(Bucket(text) if "://" in text else Folder(Path(text)))
        found = lake.place.read(FORMAT)
        if found is None:
            if not create:
                raise no_lake(lake.place.shown)
            make(lake.place)
        else:
            check_version(found, lake.place.shown)
        lake.refresh()
        return lake

    @property
    def shown(self) -> str:
        """Its name as people write it."""
        return self.place.shown

    def files(self, table: str, since: datetime | None = None, until: datetime | None = None) -> list[DataFile]:
        """A table's committed files; with a window those of its days, the others and those of no day left out."""
        return between(self.state.of(table), since, until)

    def columns(self, table: str) -> frozenset[str]:
        """The columns that any committed file of a table has."""
        return frozenset().union(*(file.columns for file in self.state.of(table)))

    def url(self, file: DataFile) -> str:
        """What an engine opens to read a data file."""
        return self.place.url(file.path)

    def refresh(self) -> State:
        """Reads the commits made since, on from the latest checkpoint known: those before it may be swept up."""
        latest = self.checkpointed()
        if latest > self.state.version:
            name = checkpoint_name(latest)
            self.state = read_state(self.place.read(name) or b"", self.place.url(name))
        while (data := self.place.read(commit_name(self.state.version + 1))) is not None:
            change, at = read_change(data, self.place.url(commit_name(self.state.version + 1)))
            self.state = self.state.after(change, at)
        return self.state

    def checkpointed(self) -> int:
        """The commit up to which the latest checkpoint stands for all; 0 where there is none."""
        found = self.place.read(LATEST)
        return 0 if found is None else version_in(found, self.place.url(LATEST))

    def commit(self, change: Change) -> bool:
        """Makes a change the next commit, and so everybody's; false where another was first: nothing has changed."""
        at, version = now(), self.state.version + 1
        if version <= self.checkpointed():  # others' commit of that number may be swept up
            return False
        by = {"host": socket.gethostname(), "pid": os.getpid(), "commit": uuid.uuid4().hex}
        if not self.created(commit_name(version), write_change(version, change, at, by)):
            return False
        self.state = self.state.after(change, at)
        with suppress(LlmscopeError):  # committed it is; what is left to tidy, compact does
            if version % CHECKPOINT_EVERY == 0:
                self.place.create(checkpoint_name(version), write_state(self.state))
                if version > self.checkpointed():
                    self.place.write(LATEST, as_json({"version": version}))
            self.put_aside(change.removed)
        return True

    def created(self, name: str, data: bytes) -> bool:
        """Whether a file is there and is ours: an answer that was lost on the way does not tell."""
        try:
            if self.place.create(name, data):
                return True
        except LlmscopeError:
            if self.place.read(name) == data:
                return True
            raise
        return self.place.read(name) == data

    def put_aside(self, names: Iterable[str]) -> None:
        """Takes files that no longer count out of the way of those who list folders; who reads them finds them."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda name: self.place.move(name, aside(name)), names))

    def loader(self) -> int:
        """A number that no other loader of this lake has."""
        number = self.state.loader + 1
        while not self.place.create(f"{OWN}/loaders/{number:010d}.json", as_json({"at": now(), "pid": os.getpid()})):
            number += 1
        return number


def aside(name: str) -> str:
    """Where a data file lies once it counts no more."""
    return f"{REMOVED}/{name}"


def make(place: Folder | Bucket) -> None:
    """Begins a lake in an empty or new place.

    Raises:
        LlmscopeError: something else is there, or the store does not keep conditional puts.
    """
    if isinstance(place, Folder) and place.root.exists() and not place.root.is_dir():
        raise LlmscopeError(f"{place.shown}: a file, not a folder", hint="name a folder for the lake")
    strange = place.root.is_dir() and any(place.root.iterdir()) if isinstance(place, Folder) else False
    if strange and not place.exists(OWN) and not (Path(place.root) / OWN).is_dir():
        raise LlmscopeError(
            f"{place.shown}: a folder with other things in it, and no lake", hint="name a new or an empty folder"
        )
    text = as_json({"lake": "llmscope", "version": VERSION})
    made = place.create(FORMAT, text)
    if made and isinstance(place, Bucket) and place.create(FORMAT, text):
        place.delete(FORMAT)
        raise LlmscopeError(
            f"{place.shown}: this object store does not keep conditional puts (If-None-Match),"
            " so two loaders would overwrite each other",
            hint="use one that does, or a lake in a folder",
        )


def no_lake(shown: str) -> LlmscopeError:
    """Nothing of ours is there."""
    return LlmscopeError(f"{shown}: no lake there", hint=MAKE.format(shown.rstrip("/")))


def version_in(data: bytes, shown: str) -> int:
    """The checkpoint to begin with.

    Raises:
        LlmscopeError: it is not told.
    """
    try:
        return int(json.loads(data)["version"])
    except (ValueError, KeyError, TypeError) as error:
        raise LlmscopeError(f"{shown}: does not name a checkpoint", hint=WHOLE) from error


def check_version(found: bytes, shown: str) -> None:
    """Whether this program can read the lake.

    Raises:
        LlmscopeError: it cannot.
    """
    try:
        about: Mapping[str, object] = json.loads(found)
        version = int(str(about["version"]))
    except (ValueError, KeyError, TypeError) as error:
        raise LlmscopeError(f"{shown}/{FORMAT}: not the mark of a lake") from error
    if version > VERSION:
        raise LlmscopeError(
            f"{shown}: written by a newer llmscope (lake version {version}, this program knows {VERSION})",
            hint="pip install --upgrade llmscope-toolkit",
        )
