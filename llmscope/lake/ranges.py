"""Objects as an engine reads them: by ranges, without asking the store for what the commits say already."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from fsspec.spec import AbstractBufferedFile, AbstractFileSystem

if TYPE_CHECKING:
    from llmscope.lake.remote import Bucket


class KnownFile(AbstractBufferedFile):  # type: ignore[misc]
    """One object; each read is one request for its range."""

    def _fetch_range(self, start: int, end: int) -> bytes:
        bucket: Bucket = self.fs.bucket
        try:
            return bytes(bucket.fs.cat_file(self.path, start=start, end=end))
        except Exception as error:
            bucket.broken = error  # an engine passes on its text alone
            raise


class KnownFiles(AbstractFileSystem):  # type: ignore[misc]
    """The objects whose sizes are known; no other can be opened, and none can be written."""

    cachable = False

    def __init__(self, bucket: Bucket, sizes: Mapping[str, int]) -> None:
        super().__init__()
        self.bucket, self.sizes = bucket, sizes
        self.protocol = bucket.scheme

    def _strip_protocol(self, path: str) -> str:
        return str(path).removeprefix(f"{self.protocol}://")

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Name and size."""
        key = self._strip_protocol(path)
        if key not in self.sizes:
            raise FileNotFoundError(path)
        return {"name": key, "size": self.sizes[key], "type": "file"}

    def exists(self, path: str, **_: Any) -> bool:
        """Whether the commits know it."""
        return self._strip_protocol(path) in self.sizes

    def glob(self, path: str, **_: Any) -> list[str]:
        """No pattern: what is read is listed."""
        key = self._strip_protocol(path)
        return [key] if key in self.sizes else []

    def modified(self, path: str) -> datetime:
        """A data file never changes once it is there."""
        return datetime(2026, 1, 1, tzinfo=UTC)

    def _open(self, path: str, mode: str = "rb", **_: Any) -> KnownFile:
        if mode != "rb":
            raise PermissionError(path)
        key = self._strip_protocol(path)
        return KnownFile(self, key, mode, cache_type="none", size=self.info(path)["size"])


def known_files(bucket: Bucket, sizes: Mapping[str, int]) -> KnownFiles:
    """The filesystem to register with an engine."""
    return KnownFiles(bucket, sizes)
