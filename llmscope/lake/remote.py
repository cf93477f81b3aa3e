"""A lake in an object store, through fsspec: S3 and what speaks like it, Google's and Azure's."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from llmscope.errors import LlmscopeError, UsageError

# Scheme -> the extra that brings its filesystem.
EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs", "az": "azure", "abfs": "azure", "abfss": "azure"}
# A hanging endpoint is given up after 7 s, twice.
CONNECT_S, READ_S, TRIES = 4, 7, 2
FROM_ENVIRONMENT = {
    "s3": "AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
    "gcs": "GOOGLE_APPLICATION_CREDENTIALS",
    "azure": "AZURE_STORAGE_CONNECTION_STRING, or AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
}


class Bucket:
    """A lake's files under one prefix; names are relative to it."""

    def __init__(self, url: str) -> None:
        self.shown = url.rstrip("/")
        self.scheme, _, rest = self.shown.partition("://")
        if self.scheme not in EXTRAS or not rest.strip("/"):
            raise UsageError(f"{url}: no place for a lake", hint="a folder, or s3://bucket/prefix (also gs://, az://)")
        self.root = rest.strip("/")
        self.extra = EXTRAS[self.scheme]
        self.fs = filesystem(self.scheme, self.extra, self.shown)
        self.known: dict[str, int] = {}
        self.broken: Exception | None = None

    @property
    def folder(self) -> Path | None:
        """Where on this machine's disks it lies: nowhere."""
        return None

    def url(self, name: str) -> str:
        """What an engine opens."""
        return f"{self.scheme}://{self.key(name)}"

    def key(self, name: str) -> str:
        """The object's bucket and key."""
        return f"{self.root}/{name}"

    def read(self, name: str) -> bytes | None:
        """An object's bytes; None where there is none."""
        try:
            with self.failing(name):
                return bytes(self.fs.cat_file(self.key(name)))
        except LlmscopeError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return None
            raise

    def create(self, name: str, data: bytes) -> bool:
        """A conditional put (If-None-Match): false where the object is there already."""
        with self.failing(name):
            try:
                self.fs.pipe_file(self.key(name), data, mode="create")
            except FileExistsError:
                return False
            except Exception as error:
                if refused_condition(error):
                    return False
                raise
        return True

    def write(self, name: str, data: bytes) -> None:
        """Puts an object over whatever is there."""
        with self.failing(name):
            self.fs.pipe_file(self.key(name), data)

    def workplace(self) -> Path:
        """A folder on this machine's disk to write data files in."""
        return Path(tempfile.mkdtemp(prefix="llmscope-lake-"))

    def put(self, source: Path, name: str) -> None:
        """Uploads a whole file; it is there at once or not at all."""
        with self.failing(name):
            self.fs.put_file(str(source), self.key(name))

    def move(self, name: str, to: str) -> None:
        """Copies an object inside the store and deletes it; one that is gone already stays gone."""
        with self.failing(name):
            try:
                self.fs.cp_file(self.key(name), self.key(to))
                self.fs.rm_file(self.key(name))
            except FileNotFoundError:
                return

    def delete(self, name: str) -> None:
        """Deletes an object, if it is there."""
        with self.failing(name):
            try:
                self.fs.rm_file(self.key(name))
            except FileNotFoundError:
                return

    def names(self, folder: str) -> Iterator[tuple[str, float]]:
        """Every object under a prefix, and when it was written."""
        self.fs.invalidate_cache()
        with self.failing(folder):
            try:
                found = self.fs.find(self.key(folder), detail=True)
            except FileNotFoundError:
                found = {}
        for key, about in sorted(found.items()):
            moment = about.get("LastModified") or about.get("last_modified") or about.get("mtime")
            written = moment.timestamp() if isinstance(moment, datetime) else datetime.now(UTC).timestamp()
            yield key.removeprefix(f"{self.root}/"), written

    def exists(self, name: str) -> bool:
        """Whether an object is there."""
        with self.failing(name):
            self.fs.invalidate_cache()
            return bool(self.fs.exists(self.key(name)))

    def size(self, name: str) -> int:
        """An object's bytes."""
        with self.failing(name):
            return int(self.fs.info(self.key(name))["size"])

    def register(self, con: Any, sizes: Mapping[str, int]) -> None:
        """Lets an engine read the objects of which the commits say how large they are, and no other."""
        from llmscope.lake.ranges import known_files

        self.known |= {self.key(name): size for name, size in sizes.items()}
        if not con.filesystem_is_registered(self.scheme):
            con.register_filesystem(known_files(self, self.known))

    def explained(self, error: Exception) -> LlmscopeError | None:
        """What went wrong in the storage behind an engine's error."""
        behind, self.broken = self.broken, None
        if behind is None:
            return None
        found = in_words(behind, self.shown, self.extra)
        found.__cause__ = behind
        return found

    @contextmanager
    def failing(self, name: str) -> Iterator[None]:
        """Turns the filesystem's errors into ours, without its own words: they may carry what nobody should read."""
        try:
            yield
        except LlmscopeError:
            raise
        except Exception as error:
            raise in_words(error, self.url(name), self.extra) from error


def filesystem(scheme: str, extra: str, shown: str) -> Any:
    """The fsspec filesystem, with time-outs and few retries.

    Raises:
        LlmscopeError: the library that speaks to this store is not installed.
    """
    try:
        import fsspec

        options: dict[str, Any] = {"skip_instance_cache": True, "use_listings_cache": False}
        if extra == "s3":
            retries = {"total_max_attempts": TRIES, "mode": "standard"}
            times = {"connect_timeout": CONNECT_S, "read_timeout": READ_S}
            options["config_kwargs"] = {**times, "retries": retries}
        found = fsspec.filesystem("s3" if extra == "s3" else scheme, **options)
    except ImportError as error:
        install = f"pip install 'llmscope-toolkit[{extra}]'"
        raise LlmscopeError(f"{shown}: nothing here speaks to this store", hint=install) from error
    except Exception as error:
        raise in_words(error, shown, extra) from error
    found.retries = 1  # the client below retries already
    return found


def refused_condition(error: BaseException | None) -> bool:
    """Whether a put was refused because the object is there, or another put of it was under way."""
    while error is not None:
        answer = getattr(error, "response", None)
        code = answer.get("Error", {}).get("Code") if isinstance(answer, dict) else None
        if code in ("PreconditionFailed", "ConditionalRequestConflict") or getattr(error, "status", None) == 412:
            return True
        error = error.__cause__
    return False


def in_words(error: Exception, where: str, extra: str) -> LlmscopeError:
    """What an object store's error means, and what to do."""
    hint = f"access is told by the environment: {FROM_ENVIRONMENT[extra]}"
    names = {kind.__name__ for kind in type(error).__mro__}
    if isinstance(error, PermissionError):
        return LlmscopeError(f"{where}: access refused: wrong credentials, or they do not reach this far", hint=hint)
    if isinstance(error, FileNotFoundError):
        return LlmscopeError(f"{where}: no such bucket or object", hint="make the bucket first, or correct the name")
    if names & {"NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "ProfileNotFound"}:
        return LlmscopeError(f"{where}: no credentials found", hint=hint)
    if names & {"ReadTimeoutError", "ConnectTimeoutError", "TimeoutError", "FSTimeoutError"}:
        return LlmscopeError(f"{where}: the object store does not answer; nothing was changed", hint="try again later")
    if names & {"EndpointConnectionError", "HTTPClientError", "ConnectionError", "ConnectionClosedError"}:
        return LlmscopeError(f"{where}: the object store cannot be reached; nothing was changed", hint=hint)
    return LlmscopeError(f"{where}: the object store refused: {type(error).__name__}", hint="-v shows its own words")
