"""Places where SQL runs; everything an engine spells otherwise is mended in its own file here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol


class Engine(Protocol):
    """What a question's own SQL is put to."""

    def view(self, table: Any, since: datetime | None, until: datetime | None) -> str:
        """The name, in schema `main`, of a relation that holds a table's rows of a window, and maybe others'."""

    def show(self, name: str, table: str, files: Sequence[tuple[Any, str]]) -> None:
        """Makes relation `name` in schema `main` of chosen files of a lake's table, each with its URL."""

    def rows(self, sql: str, values: Mapping[str, Any]) -> tuple[list[str], list[tuple[Any, ...]]]:
        """The columns and rows of one SELECT; of the values, those it names are bound."""

    def put(self, name: str, columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[Any]]) -> None:
        """Makes a temporary table of a few rows of our own, each column with its type."""

    def keep(self, name: str, sql: str, values: Mapping[str, Any]) -> None:
        """Makes a temporary table of what one SELECT gives, for the statements after it."""

    def write(self, path: Path, suffix: str, sql: str, values: Mapping[str, Any]) -> None:
        """Writes what a SELECT gives to one file; the suffix says how."""

    def close(self) -> None:
        """Lets go of what was made for this question."""
