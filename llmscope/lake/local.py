"""A lake in a folder: what an exclusive create and a rename are there."""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from llmscope.errors import LlmscopeError
from llmscope.lake.files import OWN

UNLINKED = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)


class Folder:
    """A lake's files under one folder; names are relative to it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._begin = str(root.absolute())

    @property
    def shown(self) -> str:
        """The lake's name as people write it."""
        return str(self.root)

    @property
    def folder(self) -> Path | None:
        """Where on this machine's disks it lies."""
        return self.root

    def url(self, name: str) -> str:
        """What an engine opens."""
        return f"{self._begin}/{name}" if name else self._begin

    def read(self, name: str) -> bytes | None:
        """A file's bytes; None where there is none."""
        try:
            with self.failing(name):
                return (self.root / name).read_bytes()
        except LlmscopeError as error:
            if isinstance(error.__cause__, FileNotFoundError | NotADirectoryError):
                return None
            raise

    def create(self, name: str, data: bytes) -> bool:
        """Creates a file whole or not at all; false where it is there already."""
        target = self.root / name
        beside = target.with_name(f".{uuid.uuid4().hex}")
        with self.failing(name):
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                with beside.open("wb") as out:
                    out.write(data)
                    out.flush()
                    os.fsync(out.fileno())
                link(beside, target)
            except FileExistsError:
                return False
            finally:
                beside.unlink(missing_ok=True)
            sync_folder(target.parent)
        return True

    def write(self, name: str, data: bytes) -> None:
        """Writes a file over whatever is there."""
        target = self.root / name
        beside = target.with_name(f".{uuid.uuid4().hex}")
        with self.failing(name):
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                beside.write_bytes(data)
                beside.replace(target)
            finally:
                beside.unlink(missing_ok=True)

    def workplace(self) -> Path:
        """A folder to write data files in, on the same disk, so that putting them in place is a rename."""
        place = self.root / OWN / "new" / uuid.uuid4().hex
        with self.failing(str(place.relative_to(self.root))):
            place.mkdir(parents=True)
        return place

    def put(self, source: Path, name: str) -> None:
        """Puts a whole file in its place at once."""
        target = self.root / name
        with self.failing(name):
            target.parent.mkdir(parents=True, exist_ok=True)
            with source.open("rb") as done:
                os.fsync(done.fileno())
            source.replace(target)
            sync_folder(target.parent)

    def move(self, name: str, to: str) -> None:
        """Moves a file; one that is gone already stays gone."""
        target = self.root / to
        with self.failing(name):
            target.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):
                (self.root / name).replace(target)
            with suppress(OSError):  # a day that has no file any more
                (self.root / name).parent.rmdir()

    def delete(self, name: str) -> None:
        """Deletes a file, if it is there."""
        with self.failing(name):
            (self.root / name).unlink(missing_ok=True)
            with suppress(OSError):
                (self.root / name).parent.rmdir()

    def names(self, folder: str) -> Iterator[tuple[str, float]]:
        """Every file under a folder, and when it was last written."""
        for path in sorted((self.root / folder).rglob("*")):
            with suppress(FileNotFoundError):
                if path.is_file():
                    yield path.relative_to(self.root).as_posix(), path.stat().st_mtime

    def exists(self, name: str) -> bool:
        """Whether a file is there."""
        return (self.root / name).is_file()

    def size(self, name: str) -> int:
        """A file's bytes."""
        return (self.root / name).stat().st_size

    def register(self, con: Any, sizes: Mapping[str, int]) -> None:
        """The engine opens files of a folder by itself."""

    def explained(self, error: Exception) -> LlmscopeError | None:
        """What went wrong in the storage behind an engine's error; the engine's own words say it here."""
        return None

    @contextmanager
    def failing(self, name: str) -> Iterator[None]:
        """Turns the system's errors into ours."""
        try:
            yield
        except OSError as error:
            reason = error.strerror or str(error)
            hint = "free some space and try again" if error.errno == errno.ENOSPC else None
            raise LlmscopeError(f"{self.root / name}: {reason}", hint=hint) from error


def link(made: Path, target: Path) -> None:
    """Gives a whole file its name, if nobody has it yet.

    Raises:
        FileExistsError: somebody has.
    """
    try:
        os.link(made, target)
    except OSError as error:
        if error.errno not in UNLINKED:
            raise
        with target.open("xb") as out:  # a disk without hard links: exclusive, though not whole at once
            out.write(made.read_bytes())
            out.flush()
            os.fsync(out.fileno())


def sync_folder(folder: Path) -> None:
    """Makes a new name last through a power cut, where the system can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
