"""OTLP's JSON in SQL: attribute lists as two lists, keys and texts; identifiers; the list of what is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from llmscope.sources import FIRST, Sample, literal, quote
from llmscope.sources._genai_names import METADATA, TELLING, TEXTUAL

LONGEST_KEPT = 1000
# What a span's request says in columns of its own.
TOLD = ("gen_ai.usage.", "gen_ai.request.", "gen_ai.response.", "llm.token_count.", "llm.usage.")


def named(name: str, snake: bool) -> str:
    """A field of the protocol in camel case, or as a naive writer leaves it, in snake case."""
    return "".join("_" + c.lower() if c.isupper() else c for c in name) if snake else name


def text_of(value: str, snake: bool = False) -> str:
    """An AnyValue as text; a list as a JSON list of texts. No attribute that we ask for is an object."""
    plain = [f"{value}.{named(n, snake)}" for n in ("stringValue", "intValue", "doubleValue", "boolValue")]
    return f"coalesce({', '.join(plain)}, {list_of(f'{value}.' + named('arrayValue', snake))})"


def list_of(held: str) -> str:
    """An arrayValue as JSON text; its items are AnyValues themselves."""
    return f"CASE WHEN {held} IS NOT NULL THEN to_json(json_extract_string({held}, '$.values[*].*'))::VARCHAR END"


def one_of(pairs: str, key: str, snake: bool = False) -> str:
    """The text of one attribute of a short list."""
    return f"list_filter({pairs}, lambda a: a.key = {literal(key)})[1].value.{named('stringValue', snake)}"


def kept_sql(pairs: str, snake: bool = False) -> str:
    """The attributes a span keeps, as JSON text: figures, and short texts whose names are not those of prompts."""
    text, whole, real, flag, held = (
        f"a.value.{named(n, snake)}" for n in ("stringValue", "intValue", "doubleValue", "boolValue", "arrayValue")
    )
    number = f"CASE WHEN isfinite(try_cast({real} AS DOUBLE)) THEN try_cast({real} AS DOUBLE) END"
    truth = f"try_cast({flag} AS BOOLEAN)::VARCHAR"
    figure = f"coalesce(try_cast({whole} AS BIGINT)::VARCHAR, ({number})::VARCHAR, {truth})"
    textual = f"regexp_matches(a.key, {literal(TEXTUAL)})"
    some = f"CASE WHEN {textual} THEN regexp_matches(a.key, {literal(TELLING)}) ELSE true END"
    short = f"length(coalesce({text}, {held}::VARCHAR)) <= {LONGEST_KEPT}"
    shown = (
        f"CASE WHEN coalesce({text}, {held}::VARCHAR) IS NULL THEN {figure}"
        f" WHEN {short} THEN CASE WHEN {some} THEN coalesce(to_json({text})::VARCHAR, {list_of(held)}) END END"
    )
    items = f"[to_json(a.key)::VARCHAR || ':' || {shown} FOR a IN {pairs} IF NOT {told_sql('a.key')}]"
    return f"chr(123) || array_to_string({items}, ',') || chr(125)"


def told_sql(key: str) -> str:
    """Whether an attribute is one that a request has a column for."""
    return "(" + " OR ".join(f"starts_with({key}, {literal(prefix)})" for prefix in TOLD) + ")"


def labels_sql(pairs: str, snake: bool = False) -> str:
    """What a program says of its requests under names of its own, as a JSON object; NULL when it says nothing."""
    rests = " ".join(f"WHEN starts_with(a.key, {literal(p)}) THEN substr(a.key, {len(p) + 1})" for p in METADATA)
    some = " OR ".join(f"starts_with(a.key, {literal(prefix)})" for prefix in METADATA)
    text = f"to_json({text_of('a.value', snake)})::VARCHAR"
    items = f"[to_json(CASE {rests} END)::VARCHAR || ':' || {text} FOR a IN {pairs} IF {some}]"
    return f"chr(123) || nullif(array_to_string({items}, ','), '') || chr(125)"


def labelled(kept: str) -> str:
    """Whether a span's kept attributes have any of these labels; which are kept, but for those named like a text."""
    return "(" + " OR ".join(f"contains({kept}, {literal(prefix)})" for prefix in METADATA) + ")"


def id_sql(text: str, size: int) -> str:
    """A trace's or span's id in lower-case hex; writers that know no OTLP leave its bytes in base64."""
    whole = f"regexp_matches({text}, '^[A-Za-z0-9+/]+=+$')"
    return (
        f"CASE WHEN length({text}) <> {size} AND {whole} THEN lower(hex(try(from_base64({text}))))"
        f" ELSE lower(nullif({text}, '')) END"
    )


@dataclass(frozen=True, slots=True)
class Batches:
    """How one file spells the batches of a line: resources, in them scopes, in them spans or log records."""

    top: str
    scopes: str
    items: str
    snake: bool

    @classmethod
    def of(cls, sample: Sample, tops: tuple[str, ...], scopes: tuple[str, ...], items: str) -> Batches:
        """As the first records have it; in camel case and by today's names where they do not say."""
        top = next((top for top in tops if top in sample.columns), tops[0])
        snake = "_" in top
        found = [r for record in sample.records if isinstance(record.get(top), list) for r in record[top]]
        keys = {key for r in found if isinstance(r, Mapping) for key in r}
        held = next((name for name in scopes if named(name, snake) in keys), scopes[0])
        return cls(top, named(held, snake), named(items, snake), snake)

    @property
    def pairs(self) -> str:
        """The type of an attribute list."""
        value = [f"{named(n, self.snake)} VARCHAR" for n in ("stringValue", "intValue", "doubleValue", "boolValue")]
        value.append(f"{named('arrayValue', self.snake)} JSON")
        return f"STRUCT(key VARCHAR, value STRUCT({', '.join(value)}))[]"

    def type(self, item: str) -> str:
        """The type of the batches of a line, of the members of an item; what does not fit it is NULL."""
        return (
            f"STRUCT(resource STRUCT(attributes {self.pairs}), {self.scopes} STRUCT({self.items} STRUCT({item})[])[])[]"
        )

    def found(self, columns: Mapping[str, str]) -> str:
        """A row an item: `columns`, SQL over the item `s`, and what its resource says.

        A value without any item gives one row, in which all that is of an item is NULL.
        """
        of = "r.resource.attributes"
        said = {
            "service": [one_of(of, "service.name", self.snake)],
            "environment_of": [one_of(of, f"deployment.environment{n}", self.snake) for n in (".name", "")],
            "release_of": [one_of(of, "service.version", self.snake)],
        }
        resource = ", ".join(f"coalesce({', '.join(sql)}) AS {name}" for name, sql in said.items())
        kept, first = ", ".join(said), quote(FIRST)
        lines = f"SELECT {_some(quote(self.top))} AS l FROM {{values}}"
        resources = f"SELECT unnest(l) AS r, generate_subscripts(l, 1) = 1 AS f FROM ({lines})"
        held = f"SELECT {resource}, {_some(f'r.{self.scopes}')} AS l, f FROM ({resources})"
        scopes = f"SELECT {kept}, unnest(l) AS ss, f AND generate_subscripts(l, 1) = 1 AS f FROM ({held})"
        items = f"SELECT {kept}, {_some(f'ss.{self.items}')} AS l, f FROM ({scopes})"
        flat = f"SELECT {kept}, unnest(l) AS s, f AND generate_subscripts(l, 1) = 1 AS {first} FROM ({items})"
        own = ", ".join(f"{sql} AS {name}" for name, sql in columns.items())
        return f"SELECT {first}, {kept}, {own} FROM ({flat}) WHERE s IS NOT NULL OR {first}"


def _some(items: str) -> str:
    """A list that has at least one item, so that what is empty is not lost."""
    return f"CASE WHEN len({items}) > 0 THEN {items} ELSE [NULL] END"
