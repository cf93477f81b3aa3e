"""Where in a price file something stands, and the checks of type that complain with file, line and nearest name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, NoReturn

from llmscope.errors import UsageError, nearest


@dataclass(frozen=True, slots=True)
class Place:
    """A table of one file: `section` is its header as written."""

    path: str
    content: str
    section: str = ""

    def within(self, section: str) -> Place:
        """A table of the same file."""
        return replace(self, section=section)

    def fail(self, message: str, key: str | None = None, hint: str | None = None) -> NoReturn:
        """Refuses the file."""
        line = self._line(key)
        where = f"{self.path}:{line}" if line else self.path
        what = f"[{self.section}] {message}" if self.section else message
        raise UsageError(f"{where}: {what}", hint=hint)

    def only(self, table: Mapping[str, Any], known: Sequence[str]) -> None:
        """Refuses a key that means nothing here."""
        for key in table:
            if key not in known:
                close = nearest(key, known, 1)
                hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"
                self.fail(f"unknown key {key!r}", key=key, hint=hint)

    def table(self, parent: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        """A table, empty when absent."""
        value = parent.get(key, {})
        if not isinstance(value, dict):
            self.fail(f"{key} must be a table", key=key)
        return value

    def tables(self, parent: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
        """A list of tables, empty when absent."""
        value = parent.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self.fail(f"{key} must be a list of tables", key=key)
        return value

    def flag(self, table: Mapping[str, Any], key: str) -> bool:
        """true or false, false when absent."""
        value = table.get(key, False)
        if not isinstance(value, bool):
            self.fail(f"{key} must be true or false", key=key)
        return value

    def maybe_text(self, table: Mapping[str, Any], key: str) -> str | None:
        """Text, or nothing."""
        value = table.get(key)
        if value is not None and (not isinstance(value, str) or not value.strip()):
            self.fail(f"{key} must be text", key=key)
        return value

    def text(self, table: Mapping[str, Any], key: str) -> str:
        """Text that must be there."""
        value = self.maybe_text(table, key)
        if value is None:
            self.fail(f"{key} is missing")
        return value

    def texts(self, table: Mapping[str, Any], key: str) -> list[str]:
        """A list of texts, empty when absent."""
        value = table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            self.fail(f"{key} must be a list of texts", key=key)
        return value

    def number(self, table: Mapping[str, Any], key: str) -> Decimal:
        """A finite number, not negative."""
        value = table.get(key)
        if value is None:
            self.fail(f"{key} is missing")
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            self.fail(f"{key} must be a number", key=key)
        found = Decimal(value)
        if not found.is_finite() or found < 0:
            self.fail(f"{key} = {value} must be a finite number, 0 or more", key=key)
        return found

    def moment(self, table: Mapping[str, Any], key: str) -> datetime | None:
        """A date or time, as naive UTC; a time without a zone is UTC."""
        value = table.get(key)
        if value is not None and not isinstance(value, date):
            self.fail(f"{key} must be a date like 2026-08-25, without quotes", key=key)
        if isinstance(value, datetime):
            return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
        return datetime.combine(value, time()) if value else None

    def day(self, table: Mapping[str, Any], key: str) -> date | None:
        """A date."""
        found = self.moment(table, key)
        return found.date() if found else None

    def _line(self, key: str | None) -> int | None:
        """The line of `key` below this section's header, else of the header."""
        lines = self.content.splitlines()
        start = 0
        if self.section:
            headers = (f"[{self.section}]", f"[[{self.section}]]", f"[[{self.section}.")
            start = next((n for n, line in enumerate(lines) if line.strip().startswith(headers)), 0)
        if key is not None:
            for number, line in enumerate(lines[start:], start + 1):
                if line.strip().split("=")[0].strip() == key or f" {key} " in line.split("#")[0]:
                    return number
        return start + 1 if self.section else None
