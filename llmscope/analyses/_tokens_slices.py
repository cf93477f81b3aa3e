"""Slices of `tokens`: which rows, by which dimensions, and the rest of --top measured from its own rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from llmscope.analyses import _slices
from llmscope.analyses._latency_sql import kept_sql
from llmscope.analyses._tokens_asked import Asked
from llmscope.errors import unknown_name
from llmscope.identifiers import quoted

if TYPE_CHECKING:
    from llmscope.logs import Logs
    from llmscope.result import Column
    from llmscope.schema import Dimension

Row = dict[str, Any]
Measured = Callable[["Slice"], list[Row]]


@dataclass(frozen=True, slots=True)
class Slice:
    """Which requests, by which dimensions: each slice apart, or all but those that --top keeps as one.

    Attributes:
        counts: whether a row counts, as SQL.
        others: which slices, as SQL over their columns; {others} of a statement.
        listed: what a statement selects and groups by where that is not every dimension; {columns} of it.
    """

    logs: Logs
    groups: tuple[Dimension, ...]
    counts: str
    others: str = "true"
    listed: str | None = None
    values: Mapping[str, Any] | None = None

    def query(self, sql: str, names: Mapping[str, str] | None = None, **values: Any) -> list[Row]:
        """The rows of one statement with the holes relation, counts, columns and others; `priced` costs a join."""
        named = self.holes | dict(names or {})
        return self.logs.query(sql, by=self.groups, names=named, **(self.values or {}), **values)

    def keep(self, name: str, sql: str, names: Mapping[str, str] | None = None) -> None:
        """Makes a temporary table of what one statement with the same holes gives."""
        self.logs.keep(name, sql, by=self.groups, names=self.holes | dict(names or {}), **(self.values or {}))

    @property
    def holes(self) -> dict[str, str]:
        """What stands in a statement's holes."""
        return {
            "relation": "priced" if any(d.priced for d in self.groups) else "requests",
            "counts": self.counts,
            "columns": "".join(f"{quoted(d.word)}, " for d in self.groups) if self.listed is None else self.listed,
            "others": self.others,
        }

    def key(self, row: Row) -> tuple[Any, ...]:
        """What names a row among those of one statement; of the rest of --top, its bucket."""
        return tuple(row.get(d.word) for d in self.groups if self.listed is None or quoted(d.word) in self.listed)


def sorted_by(asked: Asked, columns: Sequence[Column], default: str) -> str:
    """The column to sort by.

    Raises:
        UsageError: there is none of that name; or --top by an end of an interval, which (other) may not have.
    """
    order = asked.sort or default
    if order not in {c.name for c in columns}:
        raise unknown_name("column", order, [c.name for c in columns])
    return order


def cut(every: Slice, asked: Asked, order: str, measured: Measured) -> list[Row]:
    """Every slice; with --top the first of them, and the requests of all others together (in each bucket)."""
    slices = tuple(d for d in every.groups if d.word != asked.over)
    rows = measured(every)
    if asked.top is None or not slices:
        return rows
    ranked = measured(replace(every, groups=slices)) if asked.over else rows
    keys = [tuple(row[d.word] for d in slices) for row in _slices.ordered(ranked, slices, order, None)]
    if len(keys) <= asked.top:
        return rows
    kept = keys[: asked.top]
    others, values = kept_sql(kept, slices)
    bucket = f"{quoted(asked.over)}, " if asked.over else ""
    rest = measured(replace(every, others=others, values={**(every.values or {}), **values}, listed=bucket))
    for row in rest:
        row |= {d.word: _slices.OTHER for d in slices}
    return [row for row in rows if tuple(row[d.word] for d in slices) in set(kept)] + rest


def arranged(rows: Sequence[Row], groups: Sequence[Dimension], over: str | None, order: str) -> list[Row]:
    """By bucket, then by the column asked for, the rest of --top last."""
    slices = [d.word for d in groups if d.word != over]

    def last(row: Row) -> tuple[Any, ...]:
        bucket = (row[over] is None, str(row[over])) if over else ()
        return (bucket, bool(slices) and all(row[word] == _slices.OTHER for word in slices))

    return sorted(_slices.ordered(rows, groups, order, over), key=last)


def shown(rows: Sequence[Row], columns: Sequence[Column]) -> tuple[Row, ...]:
    """The rows with the columns of the result and no others."""
    return tuple({c.name: row.get(c.name) for c in columns} for row in rows)


def named(key: Sequence[Any], words: Sequence[str]) -> str:
    """A slice in words: `feature extract, template contract-clauses`."""
    return ", ".join(f"{w} {'(none)' if v is None else v}" for w, v in zip(words, key, strict=True)) or "all requests"
