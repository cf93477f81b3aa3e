"""What Spark spells otherwise: a statement written for DuckDB as Spark is to run it. One mend a difference."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError

from llmscope.errors import LlmscopeError

KEPT_TEXTS = 512
# Whatever would answer nearly: nothing that Spark is given may name it.
NEARLY = re.compile(r"\bapprox|_approx\b|_sketch|\btablesample\b|\bapproximate\b", re.IGNORECASE)
TIME_PATTERNS = {"%Y-%m-%dT%H:00": "yyyy-MM-dd'T'HH:00", "%Y-%m-%d": "yyyy-MM-dd", "%Y-%m": "yyyy-MM"}
ISO_WEEK = "%G-W%V"
WHOLE_TYPES = (exp.DataType.Type.BIGINT, exp.DataType.Type.INT)
NO_ESCAPE = "\x01"


@dataclass(frozen=True)
class Spelled:
    """One statement as Spark spells it, the store's relations it names, and the values that are JSON paths."""

    text: str
    relations: frozenset[str]
    paths: frozenset[str]


@lru_cache(KEPT_TEXTS)
def spelled(sql: str, prefix: str = "", put: frozenset[str] = frozenset()) -> Spelled:
    """The statement in Spark's words; `main.x` and the small tables in `put` become views called `prefix` and x.

    Raises:
        LlmscopeError: it cannot be read, or something in it would be answered nearly.
    """
    try:
        tree = parse_one(sql, read="duckdb")
        relations = frozenset(renamed(tree, prefix, put))
        paths = frozenset(mended(tree))
        text = tree.sql(dialect="spark")
    except (SqlglotError, RecursionError) as error:
        raise LlmscopeError(f"this question cannot be put to Spark: {first_line(error)}", hint=f"SQL: {sql}") from error
    return Spelled(exact(text), relations, paths)


def first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def exact(text: str) -> str:
    """The text, if nothing in it is answered nearly; what stands in quotes is data and not looked at."""
    found = NEARLY.search(re.sub(r"'(?:[^'\\]|\\.)*'", "''", text))
    if found:
        raise LlmscopeError(f"Spark would answer this only nearly ({found[0]})", hint="an error of llmscope: report it")
    return text


def renamed(tree: exp.Expr, prefix: str, put: frozenset[str]) -> set[str]:
    """Gives the store's own relations, and the small tables, the names of this session's views."""
    found = set()
    for table in tree.find_all(exp.Table):
        if table.db == "main":
            found.add(table.name)
        elif table.db or table.name not in put:
            continue
        if not table.alias:
            table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name)))
        table.set("this", exp.to_identifier(prefix + table.name))
        table.set("db", None)
    return found


def mended(tree: exp.Expr) -> set[str]:
    """Mends every difference in place; gives the names of the values that are JSON paths."""
    paths: set[str] = set()
    for extraction in tree.find_all(exp.JSONExtractScalar):
        if isinstance(extraction.expression, exp.Placeholder):
            paths.add(extraction.expression.name)
    for kind, mend in MENDS.items():
        for node in list(tree.find_all(kind)):
            new = mend(node)
            if new is not node:
                node.replace(new)
    return paths


def call(name: str, *arguments: exp.Expression) -> exp.Expression:
    return exp.Anonymous(this=name, expressions=list(arguments))


def text_of(value: str) -> exp.Expression:
    return exp.Literal.string(value)


def cast(of: exp.Expression, kind: str) -> exp.Expression:
    return exp.Cast(this=of, to=exp.DataType.build(kind, dialect="spark"))


def quantile(node: exp.PercentileCont) -> exp.Expression:
    """Spark's `percentile` is exact and takes the values as ours does; its percentile_cont wants WITHIN GROUP."""
    within_group = node.args.get("expression") is None  # sqlglot makes percentile_approx of that, which is refused
    return node if within_group else call("percentile", node.this, node.expression)


def item(node: exp.Bracket) -> exp.Expression:
    """One of several quantiles worked out together: after a function the reader leaves our count from 1."""
    if isinstance(node.this, exp.Anonymous) and node.this.name == "percentile":
        return call("try_element_at", node.this, node.expressions[0])
    return call("get", node.this, node.expressions[0]) if len(node.expressions) == 1 and not is_slice(node) else node


def is_slice(node: exp.Bracket) -> bool:
    return isinstance(node.expressions[0], exp.Slice)


def divided(node: exp.Div) -> exp.Expression:
    """`/` of decimals is a double here, and a decimal of few digits there."""
    node.set("this", cast(node.this, "double"))
    node.set("typed", False)
    node.set("safe", False)
    return node


def mean(node: exp.Avg) -> exp.Expression:
    """The mean of decimals is a double here, and a decimal of few digits there."""
    inner = node.this
    inside = inner.expressions[0] if isinstance(inner, exp.Distinct) else inner
    inside.replace(cast(inside.copy(), "double"))
    return node


def rounded(node: exp.Cast) -> exp.Expression:
    """A cast to a whole number rounds here (half to even) and cuts off there."""
    plain = isinstance(node.this, (exp.Predicate, exp.Boolean, exp.Null, exp.Placeholder, exp.Count, exp.RowNumber))
    if type(node) is exp.Cast and node.to.this in WHOLE_TYPES and not plain and not is_text(node.this):
        node.set("this", call("bround", node.this))
    return node


def is_text(node: exp.Expression) -> bool:
    return isinstance(node, exp.Literal) and bool(node.is_string)


def named(node: exp.Anonymous) -> exp.Expression:
    """Functions of DuckDB's that the reader knows by name only."""
    mend = BY_NAME.get(node.name.lower())
    return mend(node) if mend else node


def wall_clock(node: exp.Anonymous) -> exp.Expression:
    """timezone(zone, timezone('UTC', moment)): what the clocks of the zone showed."""
    zone, inner = node.expressions
    if not (isinstance(inner, exp.Anonymous) and inner.name.lower() == "timezone"):
        return node
    origin, moment = inner.expressions
    utc = moment if origin.name == "UTC" else call("to_utc_timestamp", moment, origin)
    return cast(call("from_utc_timestamp", utc, zone), "timestamp_ntz")


def truncated(node: exp.TimestampTrunc | exp.DateTrunc) -> exp.Expression:
    """date_trunc gives a moment with a zone there; our times have none."""
    return cast(node.copy(), "timestamp_ntz")


def counted(node: exp.DateDiff) -> exp.Expression:
    """date_diff counts the ends of units passed here, and whole units there; of microseconds both are one."""
    unit = node.text("unit") or "DAY"
    if unit.upper() == "MICROSECOND":
        return node
    for part in ("this", "expression"):
        node.set(part, call("date_trunc", text_of(unit), node.args[part]))
    return node


def formatted(node: exp.TimeToStr) -> exp.Expression:
    """Spark quotes plain letters in a pattern, and has no pattern for the weeks of ISO 8601."""
    pattern = node.args["format"].name
    if pattern in TIME_PATTERNS:
        return call("date_format", node.this, text_of(TIME_PATTERNS[pattern]))
    if pattern != ISO_WEEK:
        return node
    week = call("lpad", cast(call("weekofyear", node.this.copy()), "string"), exp.Literal.number(2), text_of("0"))
    return call("concat", cast(call("date_part", text_of("YEAROFWEEK"), node.this), "string"), text_of("-W"), week)


def json_text(node: exp.JSONExtractScalar) -> exp.Expression:
    """Spark's JSON paths cannot spell every key, so an object is read as a map and asked for the key itself."""
    path: exp.Expression = node.expression
    found: exp.Expression = node.this
    parts = path.expressions if isinstance(path, exp.JSONPath) else [path]
    for part in (p for p in parts if not isinstance(p, exp.JSONPathRoot)):
        key = text_of(str(part.this)) if isinstance(part, exp.JSONPathKey) else part
        found = call("try_element_at", call("from_json", found, text_of("map<string,string>")), key)
    return found


def by_extreme(node: exp.ArgMin | exp.ArgMax) -> exp.Expression:
    """arg_min and arg_max pass over rows whose argument is unknown; min_by and max_by give them."""
    known = exp.Not(this=exp.Is(this=node.this.copy(), expression=exp.Null()))
    node.set("expression", exp.Case().when(known, node.expression))
    return node


def any_known(node: exp.AnyValue) -> exp.Expression:
    """any_value gives a known value where there is one; Spark's may give an unknown one."""
    return call("any_value", node.this, exp.true())


def unescaped(node: exp.Like | exp.ILike) -> exp.Expression:
    """LIKE knows no escape here, and a backslash there: so one that no pattern has."""
    if isinstance(node.parent, exp.Escape):
        return node
    return exp.Escape(this=node.copy(), expression=text_of(NO_ESCAPE))


def listed(node: exp.ArrayAgg) -> exp.Expression:
    """list(x ORDER BY y): Spark gathers in any order and drops unknowns, so pairs are sorted and the keys taken off."""
    if not isinstance(node.this, exp.Order):
        return node
    keys = [ordered.this for ordered in node.this.expressions]
    pair = call("struct", *(key.copy() for key in keys), node.this.this)
    last = exp.Identifier(this=f"col{len(keys) + 1}")
    taken = exp.Lambda(this=exp.Dot(this=exp.column("x"), expression=last), expressions=[exp.to_identifier("x")])
    return call("transform", call("array_sort", call("collect_list", pair)), taken)


def sliced(node: exp.Anonymous) -> exp.Expression:
    """list_slice names the last item it gives; Spark's slice how many."""
    of, first, last = node.expressions
    count = exp.Add(
        this=exp.Sub(this=exp.Paren(this=last), expression=exp.Paren(this=first)), expression=exp.Literal.number(1)
    )
    return call("slice", of, first.copy(), call("greatest", count, exp.Literal.number(0)))


BY_NAME: dict[str, Callable[[exp.Anonymous], exp.Expression]] = {
    "timezone": wall_clock,
    "list_slice": sliced,
    "list_extract": lambda node: call("try_element_at", *node.expressions),
}
MENDS: Mapping[type[exp.Expression], Callable[[Any], exp.Expression]] = {
    exp.PercentileCont: quantile,
    exp.Bracket: item,
    exp.Div: divided,
    exp.Cast: rounded,
    exp.Avg: mean,
    exp.Anonymous: named,
    exp.TimestampTrunc: truncated,
    exp.DateTrunc: truncated,
    exp.DateDiff: counted,
    exp.TimeToStr: formatted,
    exp.JSONExtractScalar: json_text,
    exp.ArgMin: by_extreme,
    exp.ArgMax: by_extreme,
    exp.AnyValue: any_known,
    exp.Like: unescaped,
    exp.ILike: unescaped,
    exp.ArrayAgg: listed,
}
