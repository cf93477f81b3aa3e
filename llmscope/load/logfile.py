"""One file to read, as it was found: its container, its compression, its first records."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from llmscope.load.content import Compression
from llmscope.sources import Container, Sample


@dataclass(frozen=True, slots=True)
class LogFile:
    """One file to read. `shown` is the name for people; `path` may be a spooled copy of standard input.

    unwrap: for container "json": "[]" an array, "" one object, else the key of the envelope that holds the records.
    duplicate_keys: how many of the first records name a key twice.
    size: bytes of a file that is one JSON value. together: all the files that one statement reads as if they were one.
    single: the whole file is one JSON object.
    loose: a JSON array with a comma too many at its end, as exporters leave it that write record by record.
    mixed_line_ends: a CSV in which LF and CRLF, or a lone CR, stand side by side.
    """

    path: Path
    shown: str
    compression: Compression
    container: Container
    sample: Sample
    unwrap: str = "[]"
    delimiter: str = ","
    duplicate_keys: int = 0
    bom: bool = False
    together: tuple[Path, ...] = ()
    size: int = 0
    mixed_line_ends: bool = False
    single: bool = False
    loose: bool = False
