"""`--where` and `--fail-if`: one predicate grammar. The engine parses, we walk its tree and write SQL of our own."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from llmscope.engines import duckdb as engine
from llmscope.errors import LlmscopeError, UsageError, unknown_name

COMPARISONS = {
    "COMPARE_EQUAL": "=", "COMPARE_NOTEQUAL": "<>", "COMPARE_LESSTHAN": "<", "COMPARE_GREATERTHAN": ">",
    "COMPARE_LESSTHANOREQUALTO": "<=", "COMPARE_GREATERTHANOREQUALTO": ">=",
    "COMPARE_DISTINCT_FROM": "IS DISTINCT FROM", "COMPARE_NOT_DISTINCT_FROM": "IS NOT DISTINCT FROM",
}  # fmt: skip
INFIX = {"~~": "LIKE", "!~~": "NOT LIKE", "~~*": "ILIKE", "!~~*": "NOT ILIKE",
         "+": "+", "-": "-", "*": "*", "/": "/", "%": "%", "->>": "->>"}  # fmt: skip
FUNCTIONS = frozenset(
    {"lower", "upper", "length", "abs", "round", "floor", "ceil", "coalesce", "nullif", "contains", "starts_with",
     "ends_with", "list_contains", "regexp_matches", "date_trunc", "greatest", "least", "trim", "substr", "substring"}
)  # fmt: skip
TYPES = frozenset(
    {
        "date",
        "timestamp",
        "timestamptz",
        "timestamp with time zone",
        "double",
        "integer",
        "bigint",
        "varchar",
        "boolean",
    }
)
EXTRAS = ("group_expressions", "modifiers", "having", "sample", "qualify")
Node = Mapping[str, Any]


@dataclass
class Predicate:
    """A checked condition: its SQL, in which every value is a parameter, the values, and the columns it names."""

    text: str
    sql: str
    values: dict[str, Any] = field(default_factory=dict)
    columns: set[str] = field(default_factory=set)


def parse(text: str, columns: Mapping[str, str], option: str, prefix: str = "w") -> Predicate:
    """Parses a condition over `columns` (name a person may write -> SQL of it).

    Raises:
        UsageError: not a condition, an unknown column (the nearest is named), or something other than plain
            comparisons: subqueries, functions outside the allow-list.
    """
    tree = where_tree(text, option)
    found = Predicate(text, "")
    found.sql = Walker(columns, found, option, prefix).sql(tree)
    return found


def where_tree(text: str, option: str) -> Node:
    """The engine's own parse of the condition, and nothing but a condition."""
    con = engine.connect()
    try:
        rows = engine.execute(con, "SELECT json_serialize_sql($text)", {"text": f"SELECT 1 WHERE {text}\n"})
    finally:
        con.close()
    parsed = json.loads(rows[0][0])
    if parsed.get("error"):
        raise UsageError(f"{option} {text!r}: {parsed.get('error_message', 'not a condition')}", hint=EXAMPLE)
    node = parsed["statements"][0]["node"]
    if len(parsed["statements"]) != 1 or node.get("type") != "SELECT_NODE" or any(node.get(k) for k in EXTRAS):
        raise UsageError(f"{option} {text!r}: more than a condition", hint=EXAMPLE)
    tree: Node | None = node.get("where_clause")
    if tree is None:
        raise UsageError(f"{option} {text!r}: not a condition", hint=EXAMPLE)
    return tree


EXAMPLE = "for example feature = 'chat' and input_tokens > 1000"


@dataclass
class Walker:
    """Turns the tree into SQL; whatever it does not know, it refuses."""

    columns: Mapping[str, str]
    found: Predicate
    option: str
    prefix: str

    def sql(self, node: Node) -> str:
        """One node and all below it, in brackets."""
        kind = str(node["class"]).lower()
        write: Callable[[Node], str] | None = getattr(self, f"_{kind}", None)
        if write is None:
            raise self.refused({"subquery": "a subquery", "window": "a window function"}.get(kind, kind))
        return write(node)

    def refused(self, what: str) -> UsageError:
        return UsageError(f"{self.option} {self.found.text!r}: {what} is not allowed in a condition", hint=EXAMPLE)

    def _all(self, nodes: Sequence[Node]) -> list[str]:
        return [self.sql(node) for node in nodes]

    def _conjunction(self, node: Node) -> str:
        word = " AND " if node["type"] == "CONJUNCTION_AND" else " OR "
        return "(" + word.join(self._all(node["children"])) + ")"

    def _comparison(self, node: Node) -> str:
        sign = COMPARISONS.get(node["type"])
        if sign is None:
            raise self.refused(str(node["type"]))
        return f"({self.sql(node['left'])} {sign} {self.sql(node['right'])})"

    def _between(self, node: Node) -> str:
        value, low, high = (self.sql(node[k]) for k in ("input", "lower", "upper"))
        return f"({value} BETWEEN {low} AND {high})"

    def _operator(self, node: Node) -> str:
        parts = self._all(node["children"])
        match node["type"]:
            case "OPERATOR_NOT":
                return f"(NOT {parts[0]})"
            case "OPERATOR_IS_NULL":
                return f"({parts[0]} IS NULL)"
            case "OPERATOR_IS_NOT_NULL":
                return f"({parts[0]} IS NOT NULL)"
            case "COMPARE_IN":
                return f"({parts[0]} IN ({', '.join(parts[1:])}))"
            case "COMPARE_NOT_IN":
                return f"({parts[0]} NOT IN ({', '.join(parts[1:])}))"
            case "OPERATOR_COALESCE":
                return f"coalesce({', '.join(parts)})"
        raise self.refused(str(node["type"]))

    def _function(self, node: Node) -> str:
        name = str(node["function_name"]).lower()
        parts = self._all([a.get("expression", a) for a in node.get("arguments", node.get("children", []))])
        if name in INFIX and len(parts) == 2:
            return f"({parts[0]} {INFIX[name]} {parts[1]})"
        if name in ("-", "+") and len(parts) == 1:
            return f"({name}{parts[0]})"
        if name not in FUNCTIONS:
            raise self.refused(f"the function {name}")
        return f"{name}({', '.join(parts)})"

    def _cast(self, node: Node) -> str:
        kind = str(node.get("type_expr", {}).get("type_name", "")).lower()
        if kind not in TYPES:
            raise self.refused(f"a cast to {kind or 'that type'}")
        word = "TRY_CAST" if node.get("try_cast") else "CAST"
        return f"{word}({self.sql(node['child'])} AS {kind})"

    def _constant(self, node: Node) -> str:
        literal = node.get("literal") or {}
        value, kind = literal.get("text"), literal.get("kind")
        if kind == "NULL_LITERAL":
            return "NULL"
        if kind == "BOOLEAN":
            return "true" if str(value).lower() == "true" else "false"
        name = f"{self.prefix}{len(self.found.values)}"
        self.found.values[name] = str(value) if kind == "STRING" else number(str(value))
        return f"${name}"

    def _column_ref(self, node: Node) -> str:
        name = ".".join(node["column_names"])
        folded = {known.lower(): known for known in self.columns}
        if name.lower() not in folded:
            head, _, key = name.partition(".")
            if head == "metadata" and key and "metadata" in self.columns:
                self.found.columns.add("metadata")
                return self._metadata(key)
            error = unknown_name("column", name, self.columns)
            if name == "tag":
                error.hint = "a request has several: list_contains(tags, 'x')"
            raise UsageError(f"{self.option} {self.found.text!r}: {error.message}", hint=error.hint)
        self.found.columns.add(folded[name.lower()])
        return self.columns[folded[name.lower()]]

    def _metadata(self, key: str) -> str:
        name = f"{self.prefix}{len(self.found.values)}"
        self.found.values[name] = key
        return f"json_extract_string(metadata, ${name})"


def number(text: str) -> int | float:
    """A literal figure as Python has it."""
    plain = text.replace("_", "")
    try:
        return int(plain)
    except ValueError:
        return float(plain)


def rows_matching(
    predicate: Predicate, types: Mapping[str, str], rows: Sequence[Mapping[str, Any]]
) -> list[bool | None]:
    """What a condition says of each of these rows: true, false, or None where it meets something unknown."""
    shape = json.dumps([dict(types)])
    data = json.dumps([{n: plain(row.get(n)) for n in types} for row in rows])
    sql = f"SELECT ({predicate.sql}) FROM (SELECT unnest(from_json($data, $shape), recursive := true))"
    con = engine.connect()
    try:
        found = engine.execute(con, sql, {"data": data, "shape": shape, **predicate.values})
    except LlmscopeError as error:
        raise UsageError(f"--fail-if {predicate.text!r}: {error.message}") from error
    finally:
        con.close()
    return [None if value is None else bool(value) for (value,) in found]


def plain(value: Any) -> Any:
    """A cell as JSON holds it."""
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
