"""Files of a lake that another tool wrote anew, or that are damaged: Spark reads or refuses them as DuckDB does."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

import llmscope
from llmscope.errors import LlmscopeError
from tests.spark.same import differences

# Each in a file of its own.
ANEW = (
    "* REPLACE (input_tokens::VARCHAR AS input_tokens, started_at::TIMESTAMP_NS AS started_at)",
    "* EXCLUDE (user_id) REPLACE (output_tokens + 0.5::DOUBLE AS output_tokens)",
    "* REPLACE (started_at::TIMESTAMPTZ AS started_at, latency_ms::DECIMAL(12, 3) AS latency_ms)",
)


@pytest.fixture
def lake(lakes: dict[str, Path], tmp_path: Path) -> Path:
    """The small lake, to be spoilt."""
    return Path(shutil.copytree(lakes["small"], tmp_path / "lake"))


def files(lake: Path) -> list[Path]:
    return sorted(lake.glob("requests/*/*.parquet"))


def written_anew(path: Path, columns: str) -> None:
    """Another tool writes a file: the same rows with other columns."""
    rows = f"SELECT {columns} FROM read_parquet('{path}', hive_partitioning = false)"
    duckdb.sql(f"COPY ({rows}) TO '{path}.new' (FORMAT parquet)")
    Path(f"{path}.new").replace(path)


def test_columns_that_are_missing_or_of_another_type(lake: Path, spark: str) -> None:
    """Text, fractions, nanoseconds and zones are cast as DuckDB casts them; a column left out is unknown."""
    for path, columns in zip(files(lake)[2:], ANEW, strict=False):
        written_anew(path, columns)
    for question in ("cost", "latency"):
        with llmscope.open(store=str(lake)) as ours, llmscope.open(
            store=str(lake), engine="spark", spark_url=spark
        ) as theirs:  # fmt: skip
            one, other = ours.run(question, by="day"), theirs.run(question, by="day")

        assert len(one.rows) > 5
        assert list(differences(one, other)) == []


def test_what_cannot_be_read(lake: Path, spark: str) -> None:
    """A value that does not fit, and half a file, are named, by the same words on either engine."""
    one, other = files(lake)[:2]
    written_anew(one, "* REPLACE ('[red]' || input_tokens AS input_tokens)")
    refused(lake, spark, rf"{one.name}: column input_tokens is VARCHAR and holds '\[red\]")
    shutil.copy(other, one)
    other.write_bytes(other.read_bytes()[:1_000])
    refused(lake, spark, rf"{other.name}: not a whole Parquet file")


def refused(lake: Path, spark: str, said: str) -> None:
    """Spark is asked, and gives no answer."""
    with (
        llmscope.open(store=str(lake), engine="spark", spark_url=spark) as logs,
        pytest.raises(LlmscopeError, match=said),
    ):
        logs.run("cost")
