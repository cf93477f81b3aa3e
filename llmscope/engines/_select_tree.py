"""A statement as DuckDB's own parser sees it: which SELECTs ask for quantiles, of what, by which groups."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

Node = dict[str, Any]
# Runs one statement of ours with the values bound in it and gives the rows.
Ask = Callable[..., list[tuple[Any, ...]]]
QUANTILE = "quantile_cont"
BY_ALL = "FORCE_AGGREGATES"
# What has rows of its own inside.
APART = ("SUBQUERY", "WINDOW")


@dataclass(frozen=True)
class Call:
    """One quantile asked for: of which expression, which share; and where it stands in the tree."""

    node: Node
    of: str
    share: str


@dataclass(frozen=True)
class Asking:
    """A SELECT with quantiles; the CTEs it may name; by what it groups, as SQL over its own relation."""

    node: Node
    ctes: Sequence[Node]
    keys: tuple[str, ...]
    calls: tuple[Call, ...]


def parsed(ask: Ask, sql: str) -> Node | None:
    """The tree of one SELECT; None of what is none."""
    tree = json.loads(ask("SELECT json_serialize_sql($statement)", statement=sql)[0][0])
    return None if tree["error"] else tree


def text_of(ask: Ask, tree: Node) -> str:
    """A tree as SQL again."""
    written: str = ask("SELECT json_deserialize_sql($tree::JSON)", tree=json.dumps(tree))[0][0]
    return written


def root(tree: Node) -> Node:
    """What the one statement of a tree selects."""
    found: Node = tree["statements"][0]["node"]
    return found


def aggregates(ask: Ask) -> set[str]:
    """The functions of many rows."""
    return {name for (name,) in ask("SELECT function_name FROM duckdb_functions() WHERE function_type = 'aggregate'")}


def read_again(ask: Ask, tree: Node) -> bool:
    """Has the CTEs that only choose rows and columns read as often as they are named, not kept; whether any was.

    What is named twice the engine keeps, with all its columns: of a whole log that is more than to read it again.
    """
    names, found = aggregates(ask), False
    for cte in (cte["value"] for node, _ in selects(root(tree), ()) for cte in node["cte_map"]["map"]):
        if plain(cte["query_node"], names):
            cte["materialized"], found = "CTE_MATERIALIZE_NEVER", True
    return found


def plain(node: Node, names: Collection[str]) -> bool:
    """Whether a SELECT only chooses rows and columns; `names` are those of aggregates."""
    if node["type"] != "SELECT_NODE" or node["group_expressions"] or node["aggregate_handling"] == BY_ALL:
        return False
    return (
        not node["modifiers"]
        and not has_windows(node)
        and not any(one["function_name"] in names for one in functions(node["select_list"]))
    )


def askings(ask: Ask, tree: Node) -> Iterator[Asking]:
    """The SELECTs of a statement that ask for quantiles, each before those that build on it."""
    names = aggregates(ask)
    for node, ctes in selects(root(tree), ()):
        calls = tuple(call_of(ask, one) for one in functions(node["select_list"]) if one["function_name"] == QUANTILE)
        if calls and all(calls):
            keys = keys_of(node, names)
            if keys is not None:
                whole = tuple(call for call in calls if call)
                yield Asking(node, ctes, tuple(expression(ask, key) for key in keys), whole)


def selects(node: Node, outer: Sequence[Node]) -> Iterator[tuple[Node, Sequence[Node]]]:
    """Each SELECT outside of subqueries, with the CTEs it may name."""
    own = node["cte_map"]["map"]
    for place, cte in enumerate(own):
        yield from selects(cte["value"]["query_node"], [*outer, *own[:place]])
    if node["type"] == "SELECT_NODE":
        yield node, [*outer, *own]
    elif node["type"] == "SET_OPERATION_NODE":
        for side in node["children"] or (node["left"], node["right"]):
            yield from selects(side, [*outer, *own])


def functions(part: Any) -> Iterator[Node]:
    """The functions called in an expression, not those of what has rows of its own."""
    if isinstance(part, list):
        for one in part:
            yield from functions(one)
    elif isinstance(part, dict) and part.get("class") not in APART:
        if part.get("class") == "FUNCTION":
            yield part
        for one in part.values():
            yield from functions(one)


def has_windows(part: Any) -> bool:
    """Whether anything in a part of a tree is worked out over windows."""
    if isinstance(part, list):
        return any(map(has_windows, part))
    return isinstance(part, dict) and (part.get("class") == "WINDOW" or any(map(has_windows, part.values())))


def call_of(ask: Ask, node: Node) -> Call | None:
    """One quantile of one expression, with its FILTER; None of other forms."""
    arguments = [one["expression"] for one in node["arguments"]]
    if len(arguments) != 2 or arguments[1]["class"] != "CONSTANT" or node["distinct"] or node["order_bys"]["orders"]:
        return None
    of, share = (expression(ask, one) for one in arguments)
    return Call(node, f"CASE WHEN {expression(ask, node['filter'])} THEN {of} END" if node["filter"] else of, share)


def keys_of(node: Node, aggregates: Collection[str]) -> list[Node] | None:
    """What a SELECT groups by; None where that is more than a list of expressions."""
    if len(node["group_sets"]) > 1 or any(one["class"] == "CONSTANT" for one in node["group_expressions"]):
        return None
    if node["aggregate_handling"] != BY_ALL:
        found: list[Node] = node["group_expressions"]
        return found
    return [one for one in node["select_list"] if not any(f["function_name"] in aggregates for f in functions(one))]


def expression(ask: Ask, node: Node) -> str:
    """One expression as SQL."""
    tree = parsed(ask, "SELECT 1")
    assert tree is not None  # noqa: S101
    root(tree)["select_list"] = [{**node, "alias": ""}]
    return text_of(ask, tree).removeprefix("SELECT ")


def rows_sql(ask: Ask, asking: Asking, listed: str) -> str:
    """The rows that a SELECT aggregates, with other columns."""
    tree = parsed(ask, f"SELECT {listed}")
    assert tree is not None  # noqa: S101
    select = root(tree)
    select["cte_map"] = {"map": list(asking.ctes)}
    select["from_table"], select["where_clause"] = asking.node["from_table"], asking.node["where_clause"]
    return text_of(ask, tree)


def join(ask: Ask, asking: Asking, found: str, columns: Sequence[str]) -> None:
    """Puts, in the tree, the columns of a table `found` (a row a group, keys k0, k1, ...) in the quantiles' places."""
    alike = " AND ".join(f"({key}) IS NOT DISTINCT FROM {found}.k{i}" for i, key in enumerate(asking.keys)) or "true"
    listed = ", ".join(f"any_value({found}.{column})" for column in columns)
    tree = parsed(ask, f"SELECT {listed} FROM {found} LEFT JOIN {found} ON ({alike})")
    assert tree is not None  # noqa: S101
    made = root(tree)
    made["from_table"]["left"] = asking.node["from_table"]
    asking.node["from_table"] = made["from_table"]
    for item in (item for item in asking.node["select_list"] if not item["alias"] and any(functions(item))):
        item["alias"] = expression(ask, item)
    for call, new in zip(asking.calls, made["select_list"], strict=True):
        alias = call.node["alias"]
        call.node.clear()
        call.node.update(new, alias=alias)
