"""The two sides of a comparison: two conditions, two values of a dimension, or two files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from llmscope.errors import UsageError, unknown_name

if TYPE_CHECKING:
    from llmscope.logs import Logs
    from llmscope.schema import Dimension

WAYS = "--where-a EXPR --where-b EXPR, or --by model --a X --b Y, or two files: llmscope compare main.jsonl pr.jsonl"
PRICED = frozenset({"cost_usd", "price_status", "price_id"})
MOST_VALUES = 1_000

# {value}: a dimension as text.
VALUES_SQL = """
SELECT {value} AS named, count(*) AS requests
FROM {relation}
WHERE {value} IS NOT NULL
GROUP BY ALL
ORDER BY requests DESC, named
LIMIT $most
"""


@dataclass(frozen=True)
class Sides:
    """What makes a request A's or B's: SQL over `priced` with bound values, and how each is called.

    dimension: the word of --by, where the sides are two of its values. priced: the conditions look at prices.
    """

    a: str
    b: str
    names: tuple[str, str]
    texts: tuple[str, str]
    values: Mapping[str, Any] = field(default_factory=dict)
    dimension: str | None = None
    priced: bool = False

    @property
    def relation(self) -> str:
        return "priced" if self.priced else "requests"


def sides_of(
    logs: Logs, where_a: str | None, where_b: str | None, by: str | None, a: str | None, b: str | None
) -> Sides:
    """The sides asked for; two LOGS and no side are A and B.

    Raises:
        UsageError: no side, one side, or sides named twice.
    """
    conditions, named = (where_a, where_b), (a, b)
    if any(conditions) and any(value is not None for value in named):
        raise UsageError("--where-a and --where-b do not go with --a and --b", hint=WAYS)
    if any(conditions):
        if not (where_a and where_b):
            raise UsageError(f"--where-{'b' if where_a else 'a'} is missing: there are two sides", hint=WAYS)
        return of_conditions(logs, where_a, where_b)
    if any(value is not None for value in named):
        if a is None or b is None:
            raise UsageError(f"--{'b' if a is not None else 'a'} is missing: there are two sides", hint=WAYS)
        if not by:
            raise UsageError("--a and --b are values of a dimension: --by model --a X --b Y", hint=WAYS)
        return of_dimension(by, a, b, logs)
    if len(logs.paths) == 2:
        return of_files(logs)
    raise UsageError("which two sides?", hint=WAYS)


def of_conditions(logs: Logs, where_a: str, where_b: str) -> Sides:
    """Each side by a condition, as --where has it."""
    first, second = logs.condition(where_a, "--where-a", "a"), logs.condition(where_b, "--where-b", "b")
    priced = bool((first.columns | second.columns) & PRICED)
    return Sides(
        first.sql, second.sql, ("A", "B"), (where_a, where_b), {**first.values, **second.values}, priced=priced
    )


def of_dimension(by: str, a: str, b: str, logs: Logs) -> Sides:
    """Each side one value of a dimension."""
    from llmscope.schema import dimension

    if "," in by:
        raise UsageError(f"--by {by!r}: the sides are values of one dimension", hint=WAYS)
    if a == b:
        raise UsageError(f"--a and --b are both {a!r}")
    found = dimension(by.strip())
    values: dict[str, Any] = {"side_a": a, "side_b": b} | ({"side_key": found.value} if found.value else {})
    if found.unnests:
        inside = "list_contains(tags, $side_{})"
        return Sides(inside.format("a"), inside.format("b"), (a, b), (a, b), values, found.word)
    text = text_of(found, logs)
    return Sides(f"{text} = $side_a", f"{text} = $side_b", (a, b), (a, b), values, found.word, found.priced)


def text_of(found: Dimension, logs: Logs) -> str:
    """A dimension as text, as people write its values."""
    sql = found.sql.format(value="$side_key") if found.value else logs.dimension_sql(found, 0)
    return f"cast({sql} AS VARCHAR)"


def of_files(logs: Logs) -> Sides:
    """Each side the files behind one of the two LOGS."""
    first, second = (logs.files_of(path) for path in logs.paths)
    if set(first) & set(second):
        raise UsageError(f"{logs.paths[0]} and {logs.paths[1]} hold the same file", hint=WAYS)
    values = {f"a_file_{i}": name for i, name in enumerate(first)}
    values |= {f"b_file_{i}": name for i, name in enumerate(second)}
    a, b = (among("source_file", [name for name in values if name.startswith(side)]) for side in ("a_", "b_"))
    paths = logs.paths[0], logs.paths[1]
    return Sides(a, b, paths, paths, values, "source_file")


def among(column: str, names: list[str]) -> str:
    """Whether a column is one of the values bound under these names."""
    return f"{column} IN ({', '.join(f'${name}' for name in names)})" if names else "false"


def missing_side(logs: Logs, sides: Sides, counts: Mapping[str, int]) -> UsageError | None:
    """What to say of a value of --by that no request has; the nearest that one has is named."""
    from llmscope.schema import dimension

    lacking = [name for side, name in zip("ab", sides.names, strict=True) if not counts.get(side)]
    if sides.dimension in (None, "source_file") or not lacking or not any(counts.values()):
        return None
    found = dimension(sides.dimension)
    sql = "tag" if found.unnests else text_of(found, logs)
    names = {"value": sql, "relation": sides.relation}
    bound: dict[str, Any] = {"side_key": found.value} if found.value else {}
    rows = logs.query(VALUES_SQL, by=(found,) if found.unnests else (), names=names, most=MOST_VALUES, **bound)
    known = [str(row["named"]) for row in rows]
    begins = [name for name in known if name.startswith(lacking[0])][:3]
    if begins:
        return UsageError(f"unknown {sides.dimension} {lacking[0]!r}", hint=f"did you mean {' or '.join(begins)}?")
    return unknown_name(sides.dimension, lacking[0], known)
