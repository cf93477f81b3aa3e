"""How names and times are spelled in SQL, for all who write it."""

from __future__ import annotations


def quoted(word: str) -> str:
    """A name as SQL writes it, whatever characters it has."""
    return '"' + word.replace('"', '""') + '"'


def local_time(tz: str, column: str = "started_at") -> str:
    """The wall-clock time of a column in the zone bound as $tz; UTC needs no conversion."""
    return column if tz == "UTC" else f"timezone($tz, timezone('UTC', {column}))"
