"""Decides what of a file is new: by its content, whatever it is called and however it is packed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import xxhash

from llmscope.engines.duckdb import execute
from llmscope.load.content import Content, head_digest
from llmscope.load.job import Job, Outcome
from llmscope.load.logfile import LogFile
from llmscope.load.rejects import reason_of

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class Earlier:
    """A load of a file that began with the same bytes."""

    load_id: int
    end: int
    digest: str
    ends_in_newline: bool
    mapping: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Where to start reading, and which earlier loads this one stands in for."""

    outcome: Outcome
    start: int = 0
    replaces: tuple[int, ...] = ()


def earlier_loads(con: duckdb.DuckDBPyConnection, head: bytes) -> list[Earlier]:
    """Loads whose content may be this file's beginning: the same first bytes, or all they had is in them."""
    return earlier_loads_of(con, [head])[0]


def earlier_loads_of(con: duckdb.DuckDBPyConnection, heads: Sequence[bytes]) -> list[list[Earlier]]:
    """The same of many files at once."""
    most = max(map(len, heads), default=0)
    ends = execute(con, "SELECT DISTINCT end_byte FROM loads WHERE end_byte BETWEEN 1 AND $size", {"size": most})
    own = [head_digest(head) for head in heads]
    short = [{xxhash.xxh3_128(head[:end]).hexdigest() for (end,) in ends if end <= len(head)} for head in heads]
    rows = execute(
        con,
        "SELECT head, load_id, end_byte, digest, ends_in_newline, mapping FROM loads"
        " WHERE head IN (SELECT unnest($heads))"
        " OR (end_byte <= $size AND digest IN (SELECT unnest($short))) ORDER BY load_id",
        {"heads": own, "size": most, "short": sorted(set().union(*short))},
    )
    found: dict[str, list[Earlier]] = {}
    for head, *row in rows:
        for key in {head, row[2]}:
            found.setdefault(key, []).append(Earlier(*row))
    return [together(found, name, sums) for name, sums in zip(own, short, strict=True)]


def together(found: Mapping[str, list[Earlier]], head: str, short: Collection[str]) -> list[Earlier]:
    """The loads of one file, each once, oldest first: those of its first bytes, and of less than these."""
    loads = {e.load_id: e for key in (head, *short) for e in found.get(key, ())}
    return [loads[load_id] for load_id in sorted(loads)]


def plan_read(job: Job, known: Sequence[Earlier], content: Content | None, newest: int = 0) -> Plan:
    """Skip what was loaded, read on where a grown file was left, replace what was read under another mapping.

    newest: the last load of this path, where what was loaded and edited since may have been put back.
    """
    same = [e for e in known if content is not None and content.digests.get(e.end) == e.digest]
    if content is None or not same:
        return Plan("loaded")
    if any(e.mapping != job.mapping for e in same):
        return Plan("replaced", replaces=tuple(e.load_id for e in same))
    last = max(same, key=lambda e: e.end)
    if last.end == content.size or (last.end == content.end and not complete(job.file, content.rest)):
        if newest > max(e.load_id for e in same):
            return Plan("replaced", replaces=tuple(e.load_id for e in same))
        return Plan("skipped")
    if job.anew:
        return Plan("replaced", replaces=tuple(e.load_id for e in same))
    if job.file.container == "jsonl" or (job.file.container == "csv" and last.ends_in_newline):
        return Plan("grown", start=last.end)
    return Plan("replaced", replaces=tuple(e.load_id for e in same))


def complete(file: LogFile, rest: bytes) -> bool:
    """Whether an unterminated last line is a whole record: a half-written one waits for the next load."""
    if not rest.strip():
        return False
    if file.container == "jsonl":
        return not reason_of(rest.strip(b" \t\r\n\xef\xbb\xbf"))
    if file.container == "csv":
        delimiter = file.delimiter.encode()
        return ends_a_quoted_field(rest, delimiter) or rest.count(delimiter) >= len(file.sample.columns) - 1
    return True


def ends_a_quoted_field(rest: bytes, delimiter: bytes) -> bool:
    """Whether a CSV's last line is the end of a field that began on an earlier one, by where its odd quote stands."""
    if rest.count(b'"') % 2 == 0:
        return False
    before, _, after = rest.partition(b'"')
    return (bool(before) and not before.endswith(delimiter)) or not after or after.startswith(delimiter)
