"""Finds the log files behind the paths a person gives."""

from __future__ import annotations

import glob
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from llmscope.errors import LlmscopeError, nearest

SUFFIXES = {".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet", ".log", ".sse", ".db", ".sqlite"}
PACKED = {".gz", ".gzip", ".zst", ".zstd", ".out"}


def find(
    paths: Sequence[str], stdin_folder: Path | None = None, stdin: Path | None = None
) -> Iterator[tuple[Path, str, bool]]:
    """The files behind paths, folders, globs and `-`: (path, name to show, asked for by name).

    `stdin` is where standard input was put already.

    Raises:
        LlmscopeError: a path does not exist; its nearest sibling is in the hint.
    """
    for text in paths:
        if text == "-":
            yield stdin or spool(stdin_folder), "-", True
            continue
        try:
            yield from behind(text)
        except OSError as error:
            raise LlmscopeError(f"{text[:200]}: {error.strerror}") from error


def behind(text: str) -> Iterator[tuple[Path, str, bool]]:
    """The files behind one path, folder or glob."""
    path = Path(text)
    if path.is_dir():
        yield from ((p, str(p), False) for p in inside(path))
    elif path.exists():
        yield path, text, True
    else:
        matches = sorted(glob.glob(text, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern
        matches = [m for m in matches if Path(m).exists()]  # a broken link matches itself
        if not matches:
            raise missing(path)
        yield from find(matches)


def shown_behind(text: str, shown: Iterable[str]) -> list[str]:
    """Those of the names shown that lie behind one path, folder or glob; `-` is itself alone."""
    if text == "-":
        return [name for name in shown if name == "-"]
    files = {path.resolve() for path, _, _ in behind(text)}
    return [name for name in shown if name != "-" and Path(name).resolve() in files]


def inside(folder: Path) -> list[Path]:
    """The log files in a folder and below, by suffix, hidden ones left out."""
    found = (p for p in folder.rglob("*") if p.is_file() and looks_like_log(p))
    return sorted(p for p in found if not any(part.startswith(".") for part in p.relative_to(folder).parts))


def looks_like_log(path: Path) -> bool:
    """By suffix alone, also under `.gz`, `.zst` and a rotation's `.1`."""
    kinds = [s.split("-")[0] for s in path.suffixes if not s[1:].replace("-", "").isdigit()]
    return bool(kinds) and (kinds[-1] in SUFFIXES or (kinds[-1] in PACKED and len(kinds) > 1 and kinds[-2] in SUFFIXES))


def missing(path: Path) -> LlmscopeError:
    """No such file, and what was probably meant."""
    siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
    close = nearest(path.name, siblings)
    hint = f"did you mean {path.parent / close[0]}?" if close else None
    return LlmscopeError(f"{path}: no such file or folder", hint=hint)


def spool(folder: Path | None) -> Path:
    """Standard input as a file: it is read twice, to detect and to load."""
    with tempfile.NamedTemporaryFile(prefix="stdin-", suffix=".log", dir=folder, delete=False) as copy:
        shutil.copyfileobj(sys.stdin.buffer, copy, 1 << 20)
    return Path(copy.name)


def named(files: Iterable[tuple[Path, str, bool]]) -> list[tuple[Path, str, bool]]:
    """Each file once, in the order found."""
    seen: dict[Path, tuple[Path, str, bool]] = {}
    for path, shown, asked in files:
        seen.setdefault(path.resolve(), (path, shown, asked))
    return list(seen.values())


def size_of(path: str) -> int:
    """Bytes behind a path, roughly: what decides whether a question asked of files is answered from memory."""
    found = Path(path)
    with suppress(OSError):
        return (
            sum(p.stat().st_size for p in found.rglob("*") if p.is_file()) if found.is_dir() else found.stat().st_size
        )
    return 0
