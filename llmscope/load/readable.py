"""What the engine is pointed at: the log itself, or a copy of a part of it."""

from __future__ import annotations

from pathlib import Path

from llmscope.load.content import chunks
from llmscope.load.job import Job
from llmscope.load.logfile import LogFile
from llmscope.load.read import header_line


def readable(job: Job, folder: Path, start: int, size: int | None) -> Path:
    """The path the engine reads: the log itself, a copy of a part of it, or a link where its name means a pattern."""
    file = job.file
    if start or job.copy or file.bom:
        return copy_range(file, folder, start, size)
    if is_pattern(file.path):
        link = folder / "log"
        link.symlink_to(file.path.resolve())
        return link
    return file.path


def is_pattern(path: Path) -> bool:
    """Whether the engine would take a file's name for more than a name."""
    return str(path).startswith("~") or any(c in str(path) for c in "*?[]{}")


def copy_range(file: LogFile, folder: Path, start: int, size: int | None) -> Path:
    """A plain copy of the bytes from `start`, with the header line if it is a CSV, without a byte-order mark."""
    target = folder / "part"
    with target.open("wb") as out:
        if file.container == "csv" and start:
            out.write(header_line(file))
        for i, piece in enumerate(chunks(file.path, file.compression, start, size)):
            out.write(piece.removeprefix(b"\xef\xbb\xbf") if not i and not start else piece)
    return target
