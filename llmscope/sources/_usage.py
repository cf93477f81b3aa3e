"""What a provider's `usage` object means, as SQL that reads any provider's.

Canonical input counts cache reads and writes, canonical output counts reasoning. Who counts otherwise is told, in this
order, by proof (more cached than input; a total that fits one reading only) and by the names of the keys. The rules
that hold on every row are made to hold here: cache_read + cache_write <= input, reasoning <= output, the times to live
sum to no more than cache_write.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from llmscope.schema import BY_NAME
from llmscope.sources import Field, quote
from llmscope.sources import _usage_keys as keys

Cache = Literal["by_key", "inclusive", "exclusive"]

# Everything `token_fields` takes. names: what the keys promise of cache, 'inclusive', 'exclusive' or 'unclear'.
# google: 'true' where a total equal to the input means an answer of no tokens.
PARTS: tuple[str, ...] = (*keys.SPELLINGS, "names", "google")

# A count is a number from 0 to 4,294,967,295; so sums stay far inside BIGINT. #part is its number, @part its text,
# $name another of these.
FORMULAS: Mapping[str, str] = {
    # As their provider counts. Times to live are the finer count: a cache_write below their sum is raised to it.
    "i": "(#input + coalesce(#tool_input, 0))",
    "o": "CASE WHEN @output IS NOT NULL THEN #output + coalesce(#thoughts, 0) ELSE #thoughts END",
    "ttl": "(coalesce(#ttl_5m, 0) + coalesce(#ttl_30m, 0) + coalesce(#ttl_1h, 0) + coalesce(#ttl_12h, 0))",
    "cw": "greatest(#cache_write, nullif($ttl, 0))",
    "cached": "(coalesce(#cache_read, 0) + coalesce($cw, 0))",
    "total": "nullif(#total, 0)",
    # What the total counts that input and output as listed do not, and reasoning that may not be in the output.
    "over": "($total - $i - coalesce($o, 0))",
    "beside": "CASE WHEN #thoughts IS NULL THEN coalesce(#reasoning, 0) ELSE 0 END",
    "proof": """CASE
        WHEN $cached = 0 THEN NULL
        WHEN $cached > $i THEN 'exclusive'
        WHEN $over = 0 THEN 'inclusive'
        WHEN $over IN ($cached, $cached + $beside) AND $over <> $beside THEN 'exclusive'
        WHEN $over = $beside AND $over <> $cached THEN 'inclusive' END""",
    "added": "CASE WHEN coalesce($proof, @names) = 'exclusive' THEN $cached ELSE 0 END",
    "rest": "($over - $added)",
    # What the total still counts is reasoning that is not listed; and listed reasoning may stand beside the output.
    "gain": """CASE WHEN $beside = 0 THEN greatest($rest, 0)
        WHEN $rest = $beside OR ($beside > $o AND $rest IS DISTINCT FROM 0) THEN $beside ELSE 0 END""",
    "input": "($i + $added)",
    "output": """CASE WHEN $o IS NOT NULL THEN $o + $gain
        WHEN @output IS NULL AND ($rest > 0 OR ($rest = 0 AND @google = 'true')) THEN $rest END""",
    "reasoning": """CASE WHEN $beside = 0 AND $o IS NOT NULL AND $rest > 0 THEN $rest + coalesce(#thoughts, 0)
        WHEN coalesce(#reasoning, #thoughts) IS NOT NULL THEN least(coalesce(#reasoning, #thoughts), $output) END""",
    "tier": """CASE WHEN lower(@speed) = 'fast' THEN 'fast' ELSE CASE lower(@tier)
        WHEN 'standard' THEN 'default' WHEN 'on_demand' THEN 'default' WHEN '1' THEN 'default'
        WHEN 'on_demand_priority' THEN 'priority' WHEN 'on_demand_flex' THEN 'flex'
        WHEN 'auto' THEN NULL WHEN '' THEN NULL ELSE lower(@tier) END END""",
    "semantics": """CASE
        WHEN $i IS NULL AND $o IS NULL THEN 'missing'
        WHEN $i = 0 AND coalesce($o, 0) = 0 AND $total IS NULL THEN 'missing'
        WHEN ($beside = 0 AND $rest > 0) OR ($beside > $o AND $rest IS DISTINCT FROM $beside) THEN 'guessed'
        WHEN $cached > 0 AND @names = 'unclear' AND $proof IS NULL THEN 'guessed'
        WHEN coalesce($proof, @names) = 'exclusive' THEN 'exclusive_fixed'
        ELSE 'inclusive' END""",
}

# Canonical column -> (SQL of its number, the part whose text stands where no number came of it).
COUNTS: Mapping[str, tuple[str, str]] = {
    "input_tokens": ("$input", "input"),
    "output_tokens": ("$output", "output"),
    "reasoning_tokens": ("$reasoning", "reasoning"),
    "cache_read_tokens": ("#cache_read", "cache_read"),
    "cache_write_tokens": ("$cw", "cache_write"),
    "cache_write_5m_tokens": ("#ttl_5m", "ttl_5m"),
    "cache_write_30m_tokens": ("#ttl_30m", "ttl_30m"),
    "cache_write_1h_tokens": ("#ttl_1h", "ttl_1h"),
    "cache_write_12h_tokens": ("#ttl_12h", "ttl_12h"),
    "audio_input_tokens": ("#audio_input", "audio_input"),
    "image_input_tokens": ("#image_input", "image_input"),
    "audio_output_tokens": ("#audio_output", "audio_output"),
    "image_output_tokens": ("#image_output", "image_output"),
    "web_searches": ("#searches", "searches"),
}
# Canonical column -> (SQL of its text, unit).
OTHERS: Mapping[str, tuple[str, str | None]] = {
    "service_tier": ("$tier", None),
    "cost_logged_usd": ("@cost", None),
    "queue_ms": ("@queue_s", "s"),
    "inference_ms": ("@inference_s", "s"),
    "usage_semantics": ("$semantics", None),
}


def usage_fields(
    usage: str, *, name: str = "_usage", cache: Cache = "by_key", raw_keys: Sequence[str] = ("usage",)
) -> tuple[dict[str, str], dict[str, Field]]:
    """The prepare and the fields of a reading, from SQL of the JSON of a usage object, any provider's.

    `cache` says how the source counts where it is known to bring every provider to one convention; proof still wins.
    No usage at all reads as "missing".
    """
    parsed = {f"{name}_{letter}": sql for letter, sql in keys.parsed(usage).items()}
    parts = keys.parts_of_usage(cache, {letter: f"{name}_{letter}" for letter in "UG"})
    prepare, fields = token_fields(parts, name=name, raw_keys=raw_keys)
    return {**parsed, **prepare}, fields


def token_fields(
    parts: Mapping[str, str], *, name: str = "_tokens", raw_keys: Sequence[str] = ()
) -> tuple[dict[str, str], dict[str, Field]]:
    """The same for a source whose counts are columns of their own: SQL of a text for any of PARTS."""
    unknown = set(parts) - set(PARTS)
    if unknown:
        raise ValueError(f"no part of a usage is called {', '.join(sorted(unknown))}")
    prepare = {f"{name}_{part}": sql for part, sql in parts.items()}
    for part in (part for part in keys.COUNTS if part in parts):
        prepare[f"{name}_n_{part}"] = f"try_cast(try_cast({quote(f'{name}_{part}')} AS UINTEGER) AS BIGINT)"
    # Each formula once: written out in full, the nested ones are 90 KB of SQL to plan.
    prepare |= {f"{name}_f_{formula}": _spelt(sql, name, parts) for formula, sql in FORMULAS.items()}
    texts = {column: (_counted(sql, part), None) for column, (sql, part) in COUNTS.items()}
    fields = {
        c: Field(_spelt(sql, name, parts), unit, tuple(raw_keys)) for c, (sql, unit) in {**texts, **OTHERS}.items()
    }
    return prepare, fields


def normalise(usages: Sequence[Any], *, cache: Cache = "by_key") -> list[dict[str, Any]]:
    """What these usage objects mean, by the very SQL that load runs; columns that would be NULL are left out."""
    import duckdb

    prepare, fields = usage_fields("usage", cache=cache)
    wanted = ", ".join(
        f"try_cast({f.sql} AS {BY_NAME['requests'][c].sql_type}){' * 1000' if f.unit == 's' else ''} AS {quote(c)}"
        for c, f in fields.items()
    )
    given = [list(range(len(usages))), [json.dumps(u) for u in usages]]
    with duckdb.connect() as con:
        con.execute("CREATE TABLE t AS SELECT unnest($1) AS i, CAST(unnest($2) AS JSON) AS usage", given)
        rows = con.execute(f"SELECT {wanted} FROM ({prepared_sql('FROM t', prepare)}) ORDER BY i").fetchall()
    return [{c: v for c, v in zip(fields, row, strict=True) if v is not None} for row in rows]


def prepared_sql(source: str, prepare: Mapping[str, str]) -> str:
    """A SELECT that adds what a reading prepares, one level for each step that needs an earlier one.

    One SELECT would do, by lateral aliases; but DuckDB writes those out in full and plans four times as long.
    """
    left = dict(prepare)
    while left:
        level = {name: sql for name, sql in left.items() if not any(quote(other) in sql for other in left)}
        added = ", ".join(f"{sql} AS {quote(name)}" for name, sql in level.items())
        source = f"SELECT *, {added} FROM ({source})"
        left = {name: sql for name, sql in left.items() if name not in level}
    return source


def _counted(sql: str, part: str) -> str:
    """A number as text; where a text was no count, that text, written so that load's cast fails and is counted."""
    text = f"CASE WHEN try_cast(@{part} AS DOUBLE) IS NULL THEN @{part} ELSE 'out of range: ' || @{part} END"
    return f"coalesce(CAST({sql} AS VARCHAR), {text})"


def _spelt(sql: str, name: str, parts: Mapping[str, str]) -> str:
    """A formula over the prepared columns; a part nobody gave is NULL."""
    sql = re.sub(r"\$(\w+)", lambda m: quote(f"{name}_f_{m[1]}"), sql)
    sql = re.sub(r"@(\w+)", lambda m: quote(f"{name}_{m[1]}") if m[1] in parts else "CAST(NULL AS VARCHAR)", sql)
    return re.sub(r"#(\w+)", lambda m: quote(f"{name}_n_{m[1]}") if m[1] in parts else "CAST(NULL AS BIGINT)", sql)
