"""The bytes of a log file: decompression, the digest that tells a file again, line counts and complete lines."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, cast

import xxhash

from llmscope.errors import LlmscopeError

Compression = Literal["none", "gzip", "zstd"]
MAGIC: dict[bytes, Compression] = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
CHUNK_BYTES = 1 << 22
HEAD_BYTES = 4096


def compression_of(head: bytes) -> Compression:
    """Told by content, not by name."""
    return next((kind for magic, kind in MAGIC.items() if head.startswith(magic)), "none")


@contextmanager
def opened(path: Path, compression: Compression) -> Iterator[IO[bytes]]:
    """The file's decompressed bytes as a stream.

    Raises:
        LlmscopeError: the file cannot be read, or its compressed data is damaged or cut short.
    """
    try:
        with _stream(path, compression) as stream:
            yield stream
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise cut_short(path, compression) from error
    except OSError as error:
        if compression != "none" and error.errno is None:
            raise cut_short(path, compression) from error
        raise LlmscopeError(f"{path}: {error.strerror or error}") from error


def _stream(path: Path, compression: Compression) -> IO[bytes]:
    if compression == "gzip":
        return cast(IO[bytes], gzip.open(path, "rb"))
    if compression == "zstd":
        import pyarrow

        return io.BufferedReader(pyarrow.input_stream(str(path), compression="zstd"))
    return path.open("rb")


def cut_short(path: Path, compression: Compression) -> LlmscopeError:
    """A compressed file that ends too early, or whose checksum is wrong."""
    return LlmscopeError(
        f"{path}: the {compression} data is damaged or cut short; nothing of it was loaded",
        hint="copy the file again, or decompress what is left of it by hand",
    )


def chunks(path: Path, compression: Compression, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """The decompressed bytes [start, end) in pieces."""
    with opened(path, compression) as stream:
        skip(stream, start)
        left = None if end is None else end - start
        while left is None or left > 0:
            piece = stream.read(CHUNK_BYTES if left is None else min(CHUNK_BYTES, left))
            if not piece:
                return
            left = None if left is None else left - len(piece)
            yield piece


def skip(stream: IO[bytes], count: int) -> None:
    """Moves `count` decompressed bytes on; a compressed stream can only be read through."""
    while count > 0:
        piece = stream.read(min(CHUNK_BYTES, count))
        if not piece:
            return
        count -= len(piece)


@dataclass(frozen=True, slots=True)
class Content:
    """What was read of a file: where its last complete line ends, how many lines, and the digest up to there.

    `lines` counts the complete lines of [start, end); `rest` is what follows the last newline.
    `digests` are those of the first n bytes, for the n that were asked about.
    """

    start: int
    end: int
    lines: int
    digest: str
    rest: bytes
    digests: dict[int, str]

    @property
    def size(self) -> int:
        """All bytes seen, the unfinished line included."""
        return self.end + len(self.rest)


def read_content(
    path: Path, compression: Compression, start: int = 0, marks: Sequence[int] = (), limit: int | None = None
) -> Content:
    """One pass over a file's bytes: digest from byte 0, lines from `start`.

    Args:
        marks: byte counts whose digests are wanted, to tell whether an earlier, shorter state is this file's head.
        limit: bytes at which to stop, so that a file which grows while it is read is seen as it was.
    """
    digest, digests, waiting = xxhash.xxh3_128(), {0: xxhash.xxh3_128(b"").hexdigest()}, sorted(set(marks) - {0})
    position, lines, rest = 0, 0, b""
    for piece in chunks(path, compression, 0, limit):
        cut = piece.rfind(b"\n") + 1
        for mark in [m for m in waiting if position <= m <= position + len(rest) + len(piece)]:
            ahead = digest.copy()
            ahead.update((rest + piece)[: mark - position])
            digests[mark] = ahead.hexdigest()
        if not cut:
            rest += piece
            continue
        digest.update(rest)
        digest.update(memoryview(piece)[:cut])
        position += len(rest)
        lines += count_lines(piece, cut, max(start - position, 0))
        position, rest = position + cut, piece[cut:]
    return Content(start, position, lines, digest.hexdigest(), rest, digests)


def count_lines(data: bytes, end: int, start: int) -> int:
    """The newlines in data[start:end]."""
    return data.count(b"\n", start, end) if start < end else 0


def digest_with(content: Content, path: Path, compression: Compression) -> str:
    """The digest of the file with its unterminated last line included."""
    if not content.rest:
        return content.digest
    whole = xxhash.xxh3_128()
    for piece in chunks(path, compression, 0, content.size):
        whole.update(piece)
    return whole.hexdigest()


def head_of(path: Path, compression: Compression) -> bytes:
    """The first decompressed bytes."""
    with opened(path, compression) as stream:
        return stream.read(HEAD_BYTES)


def head_digest(head: bytes) -> str:
    """Names a log by its first bytes, whatever it is called."""
    return xxhash.xxh3_128(head).hexdigest()
