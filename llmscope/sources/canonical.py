"""llmscope's own columns: what `export` writes, and what a log has that names its fields as llmscope does."""

from __future__ import annotations

from collections.abc import Mapping

from llmscope.schema import BY_NAME, KEYS, TABLES, Table
from llmscope.sources import Field, Reading, Sample, quote
from llmscope.sources._errors import error_class_sql

ABOUT = "llmscope's own columns: requests, spans and scores"
RANK = 290

# The columns that tell a record of each table; the first table that has all of one set is meant.
TELLING: dict[Table, tuple[frozenset[str], ...]] = {
    "scores": (frozenset({"name", "value", "rater_kind"}), frozenset({"name", "label", "rater_kind"})),
    "spans": (frozenset({"span_id", "kind", "name", "started_at"}),),
    "requests": (
        frozenset({"started_at", "input_tokens"}),
        frozenset({"started_at", "request_model"}),
        frozenset({"started_at", "latency_ms", "status"}),
    ),
}
OURS_AT_LEAST = 0.8


def detect(sample: Sample) -> bool:
    """Nearly all keys are our names, and they tell a table."""
    return table_of(sample) is not None


def table_of(sample: Sample) -> Table | None:
    """The table these records belong to."""
    keys = set(sample.columns)
    for table, sets in TELLING.items():
        known = keys & BY_NAME[table].keys()
        if len(known) >= OURS_AT_LEAST * len(keys) and any(some <= keys for some in sets):
            return table
    return None


def readings(sample: Sample, mapping: Mapping[str, str]) -> tuple[Reading, ...]:
    """Every column of the table is read, so that one that first appears late is not lost."""
    table = table_of(sample) or "requests"
    own = {"load_id", "faults"}
    columns = {c.name: "JSON" if c.kind == "json" else "VARCHAR" for c in TABLES[table] if c.name not in own}
    columns = {n: t for n, t in columns.items() if n not in ("source_file", "source_format")}
    fields = {n: Field(f"{quote(n)}::VARCHAR" if t == "JSON" else quote(n), keys=(n,)) for n, t in columns.items()}
    logged = next((k for k in ("cost_usd", "cost") if k in sample.columns), None)
    if table == "requests" and logged and "cost_logged_usd" not in sample.columns:
        columns[logged] = "VARCHAR"
        fields["cost_logged_usd"] = Field(quote(logged), keys=(logged,))
    if table == "requests" and "error_class" not in sample.columns:  # a log that names only what the provider said
        told = ("http_status", "error_type", "error_message")
        classed = f"coalesce(error_class, {error_class_sql(*(quote(name) for name in told))})"
        fields["error_class"] = Field(classed, keys=("error_class", *told))
    if KEYS[table] not in sample.columns:
        fields.pop(KEYS[table])
    return (Reading(table, columns, fields),)
