"""Writes a file's records as JSON lines where the engine cannot read them as they stand: unfolded by a source's Python,
merged from a stream's events, fetched from a database, or each line of a mixed file to its own source."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from llmscope.errors import LlmscopeError
from llmscope.load.assign import as_source
from llmscope.load.content import opened
from llmscope.load.discover import inspect
from llmscope.load.documents import closed, whole_text
from llmscope.load.job import Job
from llmscope.load.logfile import LogFile
from llmscope.load.rejects import MOST_HEADS, Reject, numbered_lines, reason_of, redacted
from llmscope.load.strangers import signature, whose
from llmscope.sources import GENERAL, detect, load_source


@dataclass
class Derived:
    """The pieces a file became, and what of it is in none of them.

    beyond: values that gave no record of their own; they are set aside.
    """

    parts: list[Job] = field(default_factory=list)
    beyond: int = 0
    blank: int = 0
    rejected: int = 0
    refused: list[Reject] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def refuse(self, line: int, byte: int, text: bytes, reason: str) -> None:
        """Counts a line that is no record; the first ones are kept."""
        self.rejected += 1
        if len(self.refused) < MOST_HEADS:
            self.refused.append(Reject(line, byte, reason, redacted(text)))


def derive(job: Job, folder: Path, end: int | None) -> Derived:
    """The file's records as files of JSON lines in `folder`, one a source; `end` is where the last whole line ends."""
    made = Derived()
    if job.mixed:
        split(job, folder, end, made)
        return made
    taken = Counted(values(job.file, end, made))
    source: Any = load_source(job.source)
    records = source.unfold(taken) if hasattr(source, "unfold") else taken
    target = folder / f"{len(list(folder.iterdir()))}.jsonl"
    count = write(target, records)
    made.beyond = max(taken.count - count, 0)
    add_part(made, job, target, job.source, unfolded=hasattr(source, "unfold"))
    return made


class Counted:
    """Values, counted as they are taken."""

    def __init__(self, values: Iterable[Any]) -> None:
        self.values, self.count = values, 0

    def __iter__(self) -> Iterator[Any]:
        for value in self.values:
            self.count += 1
            yield value


def write(target: Path, records: Iterable[Any]) -> int:
    """Writes records as JSON lines; gives their number."""
    count = 0
    with target.open("w", encoding="utf-8") as out:
        for record in records:
            out.write(json.dumps(record, ensure_ascii=True, default=str) + "\n")
            count += 1
    return count


def add_part(made: Derived, job: Job, path: Path, name: str, unfolded: bool = False) -> None:
    """One more file to load, unless there is nothing in it."""
    file = inspect(path, job.file.shown)
    if file is not None:
        made.parts.append(as_source(file, name, job.options, part=True, unfolded=unfolded))


def values(file: LogFile, end: int | None, made: Derived) -> Iterator[Any]:
    """The JSON values of a file, in order: its lines, the items of its array or envelope, or what it translates to."""
    if file.container == "jsonl":
        for line, byte, text in numbered_lines(file.path, file.compression, 0, end or 1 << 62, 1):
            yield from parsed(text, line, byte, made)
    elif file.container == "sse":
        from llmscope.load.sse import Seen, bodies

        seen = Seen()
        with opened(file.path, file.compression) as stream:
            yield from bodies(stream, seen)
        if seen.strange:
            made.notes.append(f"{seen.strange:,} of {seen.events:,} events are of no known kind and say nothing here")
    elif file.container == "sqlite":
        from llmscope.load.sqlite import rows

        yield from rows(file.path)
    elif file.container == "json":
        yield from documents(file)
    else:
        raise LlmscopeError(f"{file.shown}: this format is not known as {file.container}", hint="export it as JSON")


def parsed(text: bytes, line: int, byte: int, made: Derived) -> Iterator[Any]:
    """One line's value, if it is a JSON object."""
    stripped = text.strip(b" \t\r\n\xef\xbb\xbf" if byte == 0 else b" \t\r\n")
    if not stripped:
        made.blank += 1
        return
    try:
        value = json.loads(stripped, strict=False)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict):
        yield value
    else:
        made.refuse(line, byte, stripped, reason_of(stripped) or "not an object")


def documents(file: LogFile) -> Iterator[Any]:
    """The records of a file that is one JSON value, or several one after the other.

    Raises:
        LlmscopeError: it is larger than may be read whole.
    """
    data = whole_text(file.path, file.shown, file.compression)
    text = closed(data.strip()).decode("utf-8", "replace").strip()
    decoder, place = json.JSONDecoder(strict=False), 0
    while place < len(text):
        value, place = decoder.raw_decode(text, place)
        while place < len(text) and text[place].isspace():
            place += 1
        found = value.get(file.unwrap) if isinstance(value, dict) and file.unwrap not in ("", "[]") else value
        yield from found if isinstance(found, list) else [found]


def split(job: Job, folder: Path, end: int | None, made: Derived) -> None:
    """Each line of a mixed file into the file of its own source."""
    sources: dict[Any, str] = {}
    paths: dict[str, Path] = {}
    counts: Counter[str] = Counter()
    with ExitStack() as files:
        outs: dict[str, IO[bytes]] = {}

        def out(name: str) -> IO[bytes]:
            paths[name] = folder / f"{len(paths)}-{name}.jsonl"
            return files.enter_context(paths[name].open("wb"))

        for line, byte, text in numbered_lines(job.file.path, job.file.compression, 0, end or 1 << 62, 1):
            for value in parsed(text, line, byte, made):
                shape = signature(value)
                if shape not in sources:
                    sources[shape] = whose(job.file.sample, value, job.source)
                name = sources[shape]
                if name not in outs:
                    outs[name] = out(name)
                counts[name] += 1
                outs[name].write(text.strip(b" \t\r\n\xef\xbb\xbf") + b"\n")
    for name, path in paths.items():
        if name in GENERAL and unlike_requests(path, job):
            made.beyond += (lines := counts[name])
            made.notes.append(f"{lines:,} set aside: a line of no format that llmscope knows, among those of others")
        else:
            add_part(made, job, path, name)


def unlike_requests(path: Path, job: Job) -> bool:
    """Whether what no source of the mixed file claimed has nothing of a request in it either."""
    file = inspect(path, job.file.shown)
    return file is None or detect(file.sample) not in GENERAL
