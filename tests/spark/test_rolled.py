"""Daily rollups answer the same on Spark as on DuckDB, those of forgotten days among them."""

from __future__ import annotations

import os
import shutil
from datetime import datetime, time
from pathlib import Path
from typing import Any

import pytest

import llmscope
from llmscope.lake.lake import Lake
from llmscope.lake.rollup import make_missing
from llmscope.lake.tend import forget
from tests.spark.same import differences

ASKED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("cost", {"by": "feature,price_status", "over": "month", "forecast": True}),
    ("latency", {"by": "model"}),
)
PRICES = 'schema = 1\n[models."openai/gpt-4o"]\ninput = 100\noutput = 100\n'


@pytest.fixture(scope="module")
def rolled(lakes: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small lake with rollups, the older half of its days forgotten."""
    folder = tmp_path_factory.mktemp("rolled") / "lake"
    shutil.copytree(lakes["small"], folder)
    lake = Lake.open(folder)
    make_missing(lake)
    days = sorted({file.day for file in lake.files("requests") if file.day})
    forget(lake, datetime.combine(datetime.fromisoformat(days[len(days) // 2]), time(12)))
    return folder


@pytest.mark.skipif(os.environ.get("LLMSCOPE_SPARK") != "all", reason="LLMSCOPE_SPARK=all asks rollups too")
@pytest.mark.parametrize("prices", ["", PRICES], ids=["as made", "others"])
def test_the_same_on_both(rolled: Path, spark: str, prices: str, tmp_path: Path) -> None:
    """Rollups as they are, and with the rows kept rolled up anew at other prices."""
    (tmp_path / "prices.toml").write_text(prices or "schema = 1\n")
    shared = {"store": str(rolled), "pricing": str(tmp_path / "prices.toml"), "since": "2000-01-01"}
    for name, options in ASKED:
        with llmscope.open(**shared) as ours, llmscope.open(**shared, engine="spark", spark_url=spark) as theirs:
            one, other = ours.run(name, **options), theirs.run(name, **options)

        assert any(note.startswith("from daily rollups") for note in one.notes)
        assert list(differences(one, other)) == []
        if name == "cost":
            assert bool(prices) == any("rolled up for this answer" in note for note in one.notes)
