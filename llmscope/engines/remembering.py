"""An engine that runs no statement twice: many questions of one opening share some."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from llmscope.engines import Engine


class Remembering:
    """Another engine, and what it answered. A statement is known by its text, its values, and the tables put for it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.known: dict[Any, tuple[list[str], list[tuple[Any, ...]]]] = {}
        self.made: dict[str, Any] = {}

    def beside(self, engine: Engine) -> Remembering:
        """The same for another connection to the same rows: what one was answered the other knows."""
        found = Remembering(engine)
        found.known = self.known
        return found

    def rows(self, sql: str, values: Mapping[str, Any]) -> tuple[list[str], list[tuple[Any, ...]]]:
        """The columns and rows of one SELECT, run the first time it is asked."""
        key = self.identity(sql, values)
        if key not in self.known:
            self.known[key] = self.engine.rows(sql, values)
        return self.known[key]

    def identity(self, sql: str, values: Mapping[str, Any]) -> Any:
        """What tells a statement from all others."""
        rests_on = [(name, made) for name, made in self.made.items() if re.search(rf"\b{re.escape(name)}\b", sql)]
        return sql, tuple(sorted((name, repr(value)) for name, value in values.items())), tuple(rests_on)

    def keep(self, name: str, sql: str, values: Mapping[str, Any]) -> None:
        """Makes a temporary table, unless it stands as it would be made."""
        earlier = self.made.pop(name, None)
        made = self.identity(sql, values)
        if made != earlier:
            self.engine.keep(name, sql, values)
        self.made[name] = made

    def put(self, name: str, columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[Any]]) -> None:
        """Makes a temporary table of our own, unless it stands as it would be made."""
        made = (tuple(columns), tuple(map(tuple, rows)))
        if self.made.get(name) != made:
            self.engine.put(name, columns, rows)
        self.made[name] = made

    def show(self, name: str, table: str, files: Sequence[tuple[Any, str]]) -> None:
        """Makes a relation of chosen files of a lake."""
        self.engine.show(name, table, files)
        self.made[name] = tuple(url for _, url in files)

    def view(self, table: Any, since: datetime | None, until: datetime | None) -> str:
        """The relation of a table's rows of a window."""
        return self.engine.view(table, since, until)

    def write(self, path: Path, suffix: str, sql: str, values: Mapping[str, Any]) -> None:
        """Writes what a SELECT gives to one file."""
        self.engine.write(path, suffix, sql, values)

    def close(self) -> None:
        """Lets go of what was made."""
        self.engine.close()
