"""Exact quantiles in little memory: count values by narrow bins, then look only into the bins that hold the ranks.

quantile_cont keeps every value of a group in memory, which cannot spill. Here a first pass counts them by bins: a
value's bin is the sign, the exponent and the leading bits of its fraction, so that bins are in the order of the values
and some thousands hold them all. The bins' counts tell in which of them each rank lies; a second pass counts the
single values of those bins. The two values a quantile lies between are handed to quantile_cont itself, which draws the
line between them as it always does, to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

from llmscope.engines._select_tree import Ask, Asking, askings, has_windows, join, parsed, read_again, rows_sql, text_of

# Of a double's 64 bits: the sign, 11 of the exponent and 10 of the fraction. A bin is at most a thousandth wide.
BITS_LEFT_OUT = 42
# By the beginning of a type's name, its place on the line of numbers.
AS_DOUBLE = {
    "TIMESTAMP": "CAST(epoch_us({v}) AS DOUBLE)", "DATE": "CAST(epoch_us({v}) AS DOUBLE)",
    **dict.fromkeys(
        ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT",
         "UHUGEINT", "FLOAT", "DOUBLE", "DECIMAL"),
        "CAST({v} AS DOUBLE)",
    ),
}  # fmt: skip
BIN = (
    "CASE WHEN isnan({d}) THEN 9223372036854775807 WHEN signbit({d}) "
    "THEN (-9223372036854775808 - CAST(CAST({d} AS BIT) AS BIGINT)) >> {bits} "
    "ELSE CAST(CAST({d} AS BIT) AS BIGINT) >> {bits} END"
)
# {keys}: k0, k1, ... of a group. {v}: the values. {bin}: a value's bin.
BINS = """
SELECT {keys}, {bin} AS bin, count(*) AS n, min({v}) AS low, max({v}) AS high
FROM {rows} AS every
WHERE {v} IS NOT NULL
GROUP BY ALL
"""
# The bins that hold a rank asked for. {shares}: each quantile's number and share.
WANTED = """
WITH asked(place, share) AS (
    VALUES {shares}
), spread AS (
    SELECT *, CAST(sum(n) OVER (PARTITION BY {keys} ORDER BY bin ROWS UNBOUNDED PRECEDING) - n AS BIGINT) AS below,
        CAST(sum(n) OVER (PARTITION BY {keys}) AS BIGINT) AS every
    FROM {name}_bins
), ranked AS (
    SELECT spread.*, asked.place, (every - 1) * asked.share AS rank FROM spread CROSS JOIN asked
)
SELECT {keys}, place, rank - floor(rank) AS between, CAST(floor(rank) AS BIGINT) AS lower,
    CAST(ceil(rank) AS BIGINT) AS upper, bin, below, n, low, high
FROM ranked
WHERE ceil(rank) >= below AND floor(rank) < below + n
"""
# Single values by their first rank: of a bin that holds one value only without a look at the rows.
SINGLE = """
WITH open AS (
    SELECT DISTINCT {keys}, bin, below FROM {name}_wanted WHERE low IS DISTINCT FROM high
), near AS (
    SELECT {open_keys}, open.below, {v} AS v, count(*) AS n
    FROM {rows} AS every
    JOIN open ON {alike_open} AND {bin} = open.bin
    GROUP BY ALL
)
SELECT {keys}, CAST(below + sum(n) OVER (PARTITION BY {keys}, below ORDER BY v ROWS UNBOUNDED PRECEDING) - n AS BIGINT)
    AS first_rank, n, v
FROM near
UNION ALL
SELECT DISTINCT {keys}, below AS first_rank, n, low AS v FROM {name}_wanted WHERE low IS NOT DISTINCT FROM high
"""
# The two values that each quantile lies between.
ENDS = """
WITH ranks AS (
    SELECT DISTINCT {keys}, place, between, lower, upper FROM {name}_wanted
)
SELECT {rank_keys}, place, between,
    max(v) FILTER (WHERE lower >= first_rank AND lower < first_rank + n) AS low,
    max(v) FILTER (WHERE upper >= first_rank AND upper < first_rank + n) AS high
FROM ranks
JOIN {name}_single AS single ON {alike_single} AND upper >= first_rank AND lower < first_rank + n
GROUP BY ALL
"""
# {drawn}: for each place between two values the line drawn there.
FIGURES = """
SELECT {keys}, place, CASE between {drawn} END AS figure FROM {ends} WHERE between BETWEEN {first} AND {last}
"""
DRAWN_AT_ONCE = 200
_numbers = count()


@dataclass(frozen=True)
class Passes:
    """Where the quantiles of one SELECT are worked out.

    name: what its tables begin with. keys: the columns that tell groups apart. rows: the relation with the keys and a
    column a value, v0, v1, ... kinds: their types. shares: what is asked of each value.
    """

    ask: Ask
    name: str
    keys: tuple[str, ...]
    rows: str
    kinds: tuple[str, ...]
    shares: tuple[tuple[str, ...], ...]

    @property
    def listed(self) -> str:
        """The keys as columns."""
        return self.columns("")

    def columns(self, of: str) -> str:
        """The keys as columns of one relation."""
        return ", ".join(of + key for key in self.keys)

    def alike(self, left: str, right: str) -> str:
        """Whether two rows are of one group; an unknown key is a group too."""
        return " AND ".join(f"{left}.{key} IS NOT DISTINCT FROM {right}.{key}" for key in self.keys)

    def put(self, table: str, select: str) -> None:
        """Makes one of its tables."""
        self.ask(f"CREATE OR REPLACE TEMP TABLE {self.name}_{table} AS\n{select}")


@contextmanager
def in_passes(ask: Ask, sql: str) -> Iterator[str | None]:
    """The statement with its quantiles looked up in temporary tables, which stand meanwhile; None where it has none."""
    made: list[str] = []
    try:
        yield mended(ask, sql, made)
    finally:
        for name in made:
            named = f"temporary AND starts_with(table_name, '{name}_')"
            for (table,) in ask(f"SELECT table_name FROM duckdb_tables() WHERE {named}"):
                ask(f"DROP TABLE temp.{table}")


def mended(ask: Ask, sql: str, made: list[str]) -> str | None:
    """The statement that reads quantiles from temporary tables; `made` is told what their names begin with."""
    tree = parsed(ask, sql)
    if tree is None:
        return None
    changed = read_again(ask, tree)
    for asking in askings(ask, tree):
        made.append(f"quantiles_{next(_numbers)}")
        measure(ask, asking, made[-1])
    return text_of(ask, tree) if made or changed else None


def measure(ask: Ask, asking: Asking, name: str) -> None:
    """Works out all quantiles of one SELECT and puts them in their places, unless their type has none."""
    shares: dict[str, dict[str, None]] = {}
    for call in asking.calls:
        shares.setdefault(call.of, {})[call.share] = None
    keys = tuple(f"k{i}" for i in range(len(asking.keys))) or ("k0",)
    listed = [f"{sql} AS k{i}" for i, sql in enumerate(asking.keys or ("true",))]
    rows = rows_sql(ask, asking, ", ".join([*listed, *(f"{sql} AS v{i}" for i, sql in enumerate(shares))]))
    # To read the requests again takes less than to spill their values, but not where windows are worked out.
    kept = has_windows([asking.ctes, asking.node["from_table"]])
    ask(f"CREATE OR REPLACE TEMP TABLE {name}_values AS {rows}{'' if kept else ' WITH NO DATA'}")
    types: dict[str, str] = dict(
        ask(f"SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = '{name}_values'")
    )
    kinds = tuple(types[f"v{i}"] for i in range(len(shares)))
    if any(place_sql(kind) is None for kind in kinds):
        return
    rows = f"{name}_values" if kept else f"({rows})"
    passes = Passes(ask, name, keys, rows, kinds, tuple(tuple(part) for part in shares.values()))
    for i in range(len(shares)):
        narrow(passes, i)
        draw(passes, i)
    columns = together(passes)
    places = {(of, share): columns[i, j] for i, of in enumerate(shares) for j, share in enumerate(shares[of])}
    join(ask, asking, f"{name}_found", [places[call.of, call.share] for call in asking.calls])


def place_sql(kind: str) -> str | None:
    """A value's place on the line of numbers, as SQL; None of a type that has none."""
    return next((sql for name, sql in AS_DOUBLE.items() if kind.startswith(name)), None)


def narrow(passes: Passes, i: int) -> None:
    """Finds the two values that each quantile of one column lies between: table NAME_ends."""
    v, shares = f"v{i}", enumerate(passes.shares[i])
    holes = {
        "name": passes.name, "rows": passes.rows, "keys": passes.listed, "v": v,
        "bin": BIN.format(d=(place_sql(passes.kinds[i]) or "").format(v=v), bits=BITS_LEFT_OUT),
        "shares": ", ".join(f"({place}, CAST({share} AS DOUBLE))" for place, share in shares),
        "open_keys": passes.columns("open."), "alike_open": passes.alike("every", "open"),
        "rank_keys": passes.columns("ranks."), "alike_single": passes.alike("ranks", "single"),
    }  # fmt: skip
    for table, statement in {"bins": BINS, "wanted": WANTED, "single": SINGLE, "ends": ENDS}.items():
        passes.put(table, statement.format(**holes))


def draw(passes: Passes, i: int) -> None:
    """Interpolates between the ends of one column, some places at a time: table NAME_figures_I."""
    ends, figures = f"{passes.name}_ends", f"{passes.name}_figures_{i}"
    between = [share for (share,) in passes.ask(f"SELECT DISTINCT between FROM {ends} ORDER BY between")] or [0.0]
    for at in range(0, len(between), DRAWN_AT_ONCE):
        part = [f"{share:.17e}" for share in between[at : at + DRAWN_AT_ONCE]]
        drawn = " ".join(f"WHEN {share} THEN list_aggregate([low, high], 'quantile_cont', {share})" for share in part)
        select = FIGURES.format(ends=ends, keys=passes.listed, drawn=drawn, first=part[0], last=part[-1])
        if at:
            passes.ask(f"INSERT INTO {figures} {select}")
        else:
            passes.put(f"figures_{i}", select)


def together(passes: Passes) -> dict[tuple[int, int], str]:
    """A row a group with all quantiles of a SELECT, table NAME_found; the columns by value and share."""
    columns = {(i, j): f"q{i}_{j}" for i, part in enumerate(passes.shares) for j in range(len(part))}
    each = " UNION ALL BY NAME ".join(
        f"SELECT {passes.listed}, figure AS {column} FROM {passes.name}_figures_{i} WHERE place = {j}"
        for (i, j), column in columns.items()
    )
    listed = ", ".join(f"any_value({column}) AS {column}" for column in columns.values())
    passes.put("found", f"SELECT {passes.listed}, {listed} FROM ({each}) GROUP BY {passes.listed}")
    return columns
