"""Puts the relations an analysis asks of, already filtered, in front of its SQL."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Protocol

from llmscope.identifiers import local_time
from llmscope.predicate import Predicate
from llmscope.result import Window
from llmscope.rolled import ROLLED
from llmscope.schema import BY_NAME, DIMENSION_COLUMNS, TABLES, Dimension, Table

# The requests before a condition on their price; without one they are `requests` themselves.
BASE = "every_request"
RELATIONS = ("requests", "priced", "spans", "scores", "vectors", "all_requests", "all_scores")
# Whatever the window and --where: what a score is about, or how far the log reaches, is asked of all there is.
WHOLE: dict[str, Table] = {"all_requests": "requests", "all_scores": "scores"}
BUCKET_FORMATS = {"hour": "%Y-%m-%dT%H:00", "day": "%Y-%m-%d", "week": "%G-W%V", "month": "%Y-%m"}
# Stands for `priced` with the rates of its tokens, which no other statement has to carry.
RATED = "rated"
TIMED = {"requests": "started_at", "spans": "started_at", "scores": "created_at"}


class Filtered(Protocol):
    """What a relation is filtered by."""

    window: Window
    where: Predicate | None

    def view(self, table: str, window: Window) -> str: ...

    @property
    def lacking(self) -> Mapping[str, Collection[str]]: ...

    @property
    def where_is_priced(self) -> bool: ...

    def rolled_steps(self, name: str, conditions: str) -> list[tuple[str, str]]: ...

    @property
    def priced_sql(self) -> str: ...

    @property
    def rated_sql(self) -> str: ...


def relations(sql: str, logs: Filtered, tagged: bool = False) -> str:
    """The statement with a CTE for each relation it names.

    `requests`, `priced`, `spans` and `scores` are those of the window (and --where); `vectors`, `all_requests` and
    `all_scores` all that the store holds.
    """
    found = steps(named_in(sql), logs, tagged)
    text = sql.strip()
    rest = re.sub(r"^WITH\s+", "", text, flags=re.IGNORECASE)
    joint = ",\n" if rest != text else "\n"
    if not found:
        return text
    return "WITH " + ",\n".join(f"{name} AS (\n    {body}\n)" for name, body in found) + joint + rest


def named_in(sql: str) -> set[str]:
    """The relations a statement names."""
    rolled = {name for name in ROLLED if re.search(rf"\b(FROM|JOIN) {name}\b", sql, re.IGNORECASE)}
    if rolled:
        return rolled
    found = {name for name in RELATIONS if re.search(rf"\b{name}\b", sql, re.IGNORECASE)}
    return found | {RATED} if "priced" in found and re.search(r"\w_rate_usd\b", sql, re.IGNORECASE) else found


def steps(wanted: set[str], logs: Filtered, tagged: bool = False, origin: str = "main") -> list[tuple[str, str]]:
    """The relations wanted and what they rest on, each as its name and its SELECT, in the order they build on another.

    `origin` is the schema of the store's own relations.
    """
    found = []
    if wanted & ROLLED.keys():
        # They stand for requests: nothing else is asked beside them.
        conditions = window_sql(logs.window, "started_at") + ([logs.where.sql] if logs.where else [])
        return [
            step for name in sorted(wanted & ROLLED.keys()) for step in logs.rolled_steps(name, where_sql(conditions))
        ]
    if wanted & {"requests", "priced"}:
        found.append((BASE if logs.where_is_priced else "requests", requests_sql(logs, tagged, origin)))
    if "priced" in wanted or ("requests" in wanted and logs.where_is_priced):
        condition = f"\n    WHERE {logs.where.sql}" if logs.where and logs.where_is_priced else ""
        priced_sql = logs.rated_sql if RATED in wanted else logs.priced_sql
        found.append(("priced", f"SELECT * FROM ({priced_sql}){condition}"))
    if "requests" in wanted and logs.where_is_priced:
        found.append(("requests", "SELECT * FROM priced"))
    tables: tuple[Table, ...] = ("scores", "spans")
    for name in (name for name in tables if name in wanted):
        found.append(
            (name, f"{select(name, logs, origin, window=logs.window)}{where_sql(window_sql(logs.window, TIMED[name]))}")
        )
    for whole in sorted(wanted & WHOLE.keys()):
        found.append((whole, select(WHOLE[whole], logs, origin)))
    if "vectors" in wanted:  # of every window: their time is their request's
        found.append(("vectors", f"SELECT * FROM {origin}.vectors"))
    return found


def requests_sql(logs: Filtered, tagged: bool, origin: str = "main") -> str:
    """The requests of the window; one row a tag where something is grouped by tag."""
    conditions = window_sql(logs.window, "started_at")
    if logs.where and not logs.where_is_priced:
        conditions.append(logs.where.sql)
    tag = ", unnest(coalesce(nullif(tags, []), [NULL])) AS tag" if tagged else ""
    return f"{select('requests', logs, origin, tag, logs.window)}{where_sql(conditions)}"


def select(table: Table, logs: Filtered, origin: str = "main", more: str = "", window: Window | None = None) -> str:
    """All columns of a table; those that an older store has not are unknown. `window`: no row of another is needed."""
    unknown = "".join(
        f", NULL::{c.sql_type} AS {c.name}" for c in TABLES[table] if c.name in logs.lacking.get(table, ())
    )
    return f"SELECT *{unknown}{more} FROM {origin}.{logs.view(table, window) if window else table}"


def where_sql(conditions: list[str]) -> str:
    return "\n    WHERE " + " AND ".join(conditions) if conditions else ""


def where_columns() -> dict[str, str]:
    """What --where may name: canonical columns, what prices add, and the words of --by."""
    columns = {name: name for name in BY_NAME["requests"]} | {n: n for n in ("cost_usd", "price_status", "price_id")}
    return columns | {word: column for word, column in DIMENSION_COLUMNS.items() if word not in columns}


def window_sql(window: Window, column: str) -> list[str]:
    """Half open: since <= column < until."""
    found = []
    if window.since:
        found.append(f"{column} >= {literal_time(window.since)}")
    if window.until:
        found.append(f"{column} < {literal_time(window.until)}")
    return found


def literal_time(moment: datetime) -> str:
    """A moment as SQL writes it; UTC."""
    return f"TIMESTAMP '{moment:%Y-%m-%d %H:%M:%S.%f}'"


def dimension_sql(dimension: Dimension, place: int, tz: str) -> str:
    """A dimension's SQL; a bucket becomes the text people write, in the zone asked for. `place` names its bound key."""
    if dimension.kind == "time" and dimension.word in BUCKET_FORMATS:
        return f"strftime(date_trunc('{dimension.word}', {local_time(tz)}), '{BUCKET_FORMATS[dimension.word]}')"
    return dimension.sql.format(value=f"$key{place}")


def key_path(key: str) -> str:
    """A JSON path to one key, whatever characters it has."""
    return '$."' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'
