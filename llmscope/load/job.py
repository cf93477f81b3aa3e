"""What is asked of one file, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from llmscope.errors import LlmscopeError
from llmscope.load.logfile import LogFile
from llmscope.load.mapping import Map
from llmscope.load.read import OBJECT_BYTES
from llmscope.sources import Reading, Unfolding

if TYPE_CHECKING:
    from llmscope.load.rows import KeepText
    from llmscope.load.settle import Settled

Outcome = Literal["loaded", "grown", "replaced", "skipped", "empty", "unknown", "failed"]
COUNTS = ("lines", "loaded", "set_aside", "duplicates", "rejected", "blank")


@dataclass
class FileReport:
    """What became of one file: lines = loaded + set_aside + duplicates + rejected + blank.

    linked: its records carry the provider's ids of the answers, by which another source's log of them is known.
    of_requests: what is counted as loaded are requests, not scores or traces. waiting: vectors without their request.
    """

    path: str
    source: str | None = None
    outcome: Outcome = "loaded"
    lines: int = 0
    loaded: int = 0
    set_aside: int = 0
    duplicates: int = 0
    rejected: int = 0
    blank: int = 0
    faults: int = 0
    notes: list[str] = field(default_factory=list)
    error: LlmscopeError | None = None
    asked: bool = True
    linked: bool = False
    of_requests: bool = True
    waiting: int = 0

    def take(self, load_id: int, settled: Settled, notes: bool = True) -> None:
        """Takes over what became of this load's rows after they had come in."""
        self.duplicates += settled.duplicates[load_id]
        self.set_aside += settled.set_aside[load_id]
        self.loaded -= settled.duplicates[load_id] + settled.set_aside[load_id]
        self.notes += settled.notes if notes else []

    def check(self) -> None:
        """Every line is accounted for.

        Raises:
            LlmscopeError: it is not; nothing of the file is kept.
        """
        parts = self.loaded + self.set_aside + self.duplicates + self.rejected + self.blank
        if self.lines != parts or self.set_aside < 0:
            raise LlmscopeError(
                f"{self.path}: {self.lines} lines read, but {parts} accounted for; nothing of it was loaded",
                hint="this is a fault of llmscope; please report it with the file's first lines",
            )


@dataclass(frozen=True, slots=True)
class Limits:
    """What is refused: any bad line or value (strict), or more than `max_bad` per cent bad lines."""

    strict: bool = False
    max_bad: float | None = None


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """How files are read: the same for `load` and for a question asked straight of files.

    tables: only files that fill one of these are read; a question asked of files needs no more than its own.
    unread: columns of requests that the question never looks at.
    """

    maps: tuple[Map, ...] = ()
    source: str | None = None
    source_tz: str = "UTC"
    keep_text: KeepText = False
    limits: Limits = field(default_factory=Limits)
    tables: tuple[str, ...] | None = None
    unread: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Job:
    """One file, how it is read, and under what mapping its content is remembered.

    unfolding: the source's SQL where one value of the file is not one record. derived: the records are first written
    as JSON lines, because Python unfolds them or because the file is no JSON at all. mixed: it holds records of several
    sources, and each line goes to its own. anew: a file that has grown is read whole again. room: how many times the
    memory that its SQL is thought to need.

    copy, as_text, object_bytes and seen change when a first try shows that they must: the file grew while it was read,
    a record is larger than the reader's buffer, a figure may be none, or a key turned up that the first records lack.
    whole: every key the source knows is looked for from the start, as pays where nothing is kept. end: where to stop,
    before a CSV's half-written line.
    """

    file: LogFile
    source: str
    readings: tuple[Reading, ...]
    mapping: str
    keep_text: KeepText = False
    source_tz: str = "UTC"
    limits: Limits = Limits()
    copy: bool = False
    end: int | None = None
    as_text: bool = False
    object_bytes: int = OBJECT_BYTES
    seen: frozenset[str] = frozenset()
    whole: bool = False
    unfolding: Unfolding | None = None
    derived: bool = False
    mixed: bool = False
    anew: bool = False
    part: bool = False
    linked: bool = False
    asked: bool = True
    room: int = 1
    options: LoadOptions = LoadOptions()


class Again(Exception):
    """This try is undone; the next one is made with these changes to the job."""

    def __init__(self, **changes: object) -> None:
        super().__init__(changes)
        self.changes = changes
