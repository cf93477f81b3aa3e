"""The files of a relation as Spark reads them; those that another tool wrote anew are cast as DuckDB casts them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

TYPES = {
    "VARCHAR": "string", "TIMESTAMP": "timestamp_ntz", "DOUBLE": "double", "BIGINT": "bigint", "INTEGER": "int",
    "BOOLEAN": "boolean", "VARCHAR[]": "array<string>", "JSON": "string", "FLOAT[]": "array<float>",
}  # fmt: skip
# What a file may have in their place, by DuckDB's name for it. Nanoseconds come as a number, by NANOS.
OTHERS = {
    "FLOAT": "float", "SMALLINT": "smallint", "TINYINT": "tinyint", "UINTEGER": "bigint", "UBIGINT": "decimal(20,0)",
    "DATE": "date", "TIMESTAMP WITH TIME ZONE": "timestamp", "TIMESTAMP_MS": "timestamp_ntz", "TIMESTAMP_NS": "bigint",
}  # fmt: skip
NANOS = "spark.sql.legacy.parquet.nanosAsLong"
WHOLE, FRACTIONS = ("bigint", "int"), ("double", "float", "decimal")
# Column -> the type it has in a file, in DuckDB's words.
Kinds = Mapping[str, str]


def spark_type(kind: str) -> str:
    """A type of DuckDB's as Spark calls it."""
    return TYPES.get(kind) or OTHERS.get(kind) or kind.lower()


def spark_url(path: str) -> str:
    """A file's place in the words of Hadoop's file systems."""
    return re.sub(r"^s3://", "s3a://", path)


def frame_of(session: Any, types: Mapping[str, str], urls: Sequence[str], inside: Mapping[str, Kinds]) -> Any:
    """The rows of files by these columns: one that a file has not is unknown. `inside`: what is known of the files."""
    schema = {name: spark_type(kind) for name, kind in types.items()}
    if not urls:
        return session.createDataFrame([], ddl(schema))
    groups: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for url in urls:
        groups.setdefault(unlike(types, inside.get(url, {})), []).append(spark_url(url))
    frames = []
    for odd, paths in groups.items():
        own = schema | {name: spark_type(kind) for name, kind in odd}
        read = session.read.schema(ddl(own)).option("__globPaths__", "false").parquet(*paths)
        casts = {name: as_ours(name, kind, schema[name]) for name, kind in odd}
        frames.append(read.selectExpr(*(casts.get(name, f"`{name}`") for name in schema)) if casts else read)
    return reduce(lambda one, other: one.unionAll(other), frames)


def ddl(schema: Mapping[str, str]) -> str:
    return ", ".join(f"`{name}` {kind}" for name, kind in schema.items())


def unlike(types: Mapping[str, str], kinds: Kinds) -> tuple[tuple[str, str], ...]:
    """The columns of a file that are of another type than ours, and their own."""
    known = ((name, kind) for name, kind in kinds.items() if name in types)
    return tuple(sorted((name, kind) for name, kind in known if spark_type(kind) != spark_type(types[name])))


def as_ours(name: str, kind: str, wanted: str) -> str:
    """A column of another type as ours: what has a fraction is rounded half to even, where Spark would cut it off."""
    column, has = f"`{name}`", spark_type(kind)
    if kind == "TIMESTAMP_NS":
        column = f"timestamp_micros({column} div 1000)"
    elif wanted in WHOLE and has == "string":
        column = f"bround(cast({column} as decimal(38, 10)))"
    elif wanted in WHOLE and has.startswith(FRACTIONS):
        column = f"bround({column})"
    return f"cast({column} as {wanted}) as `{name}`"
