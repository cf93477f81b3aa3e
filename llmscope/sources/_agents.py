"""What coding agents' sessions have in common."""

from __future__ import annotations

from collections.abc import Mapping

from llmscope.sources import literal


def folder_name_sql(path: str) -> str:
    """The last folder of a path, Unix's or Windows': the path itself names its owner."""
    return f"nullif(regexp_extract({path}, '([^/\\\\]+)[/\\\\]*$', 1), '')"


def folder_name(path: object) -> str | None:
    """The same, of a value."""
    if not isinstance(path, str):
        return None
    return path.replace("\\", "/").rstrip("/").rpartition("/")[2] or None


def metadata_sql(values: Mapping[str, str]) -> str:
    """An object of texts, without those that are empty or unknown; NULL when none is left."""
    pairs = ", ".join(f"{literal(name)}, nullif({sql}, '')" for name, sql in values.items())
    return f"nullif(CAST(json_merge_patch('{{}}', json_object({pairs})) AS VARCHAR), '{{}}')"


def text(value: object) -> str | None:
    """A value that is a text, and not an empty one."""
    return value if isinstance(value, str) and value else None


def counts(usage: object) -> dict[str, int] | None:
    """The counts of a usage object that are numbers."""
    if not isinstance(usage, dict):
        return None
    return {k: n for k, n in usage.items() if isinstance(n, int) and not isinstance(n, bool)} or None


def number_sql(text: str) -> str:
    """A count from 0 to 4,294,967,295; NULL where the text is none."""
    return f"try_cast(try_cast({text} AS UINTEGER) AS BIGINT)"


def counted_sql(count: str, text: str) -> str:
    """A count as text; where a text was none, that text, written so that load's cast fails and is counted."""
    return f"coalesce(CAST({count} AS VARCHAR), 'no count: ' || {text})"
