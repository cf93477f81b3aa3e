"""Spark gives every analysis's answer as DuckDB does, to 1e-9."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import llmscope
from llmscope.errors import LlmscopeError
from llmscope.questions import analyses
from tests.spark.asked import ASKED, SHARED, Options
from tests.spark.same import differences

# A statement takes Spark half a second whatever its size: the small log is asked the first set of each analysis, and
# every other set, the sample logs too, where LLMSCOPE_SPARK=all is said (by hand, about a quarter of an hour).
EVERY = os.environ.get("LLMSCOPE_SPARK") == "all"
CASES = [(name, at) for name in analyses() for at in range(len(ASKED.get(name, ()))) if EVERY or at == 0]


def answer(lake: Path, name: str, options: Options, **engine: Any) -> Any:
    """What an analysis answers, or the error it ends with."""
    shared = {key: value for key, value in options.items() if key in SHARED}
    own = {key: value for key, value in options.items() if key not in SHARED}
    with llmscope.open(store=str(lake), **shared, **engine) as logs:
        try:
            return logs.run(name, **own)
        except LlmscopeError as error:
            return type(error).__name__, error.message


def test_every_analysis_is_asked() -> None:
    """The analyses compared are those of the package: a new one has to be put into the table."""
    assert list(analyses()) == sorted(ASKED)


@pytest.mark.parametrize(("name", "at"), CASES, ids=[f"{name}-{at}" for name, at in CASES])
def test_small_log(lakes: dict[str, Path], spark: str, name: str, at: int) -> None:
    """Rows, parts, findings and notes are the same, ties and unknown values included."""
    assert [] == differing(lakes["small"], spark, name, ASKED[name][at])


@pytest.mark.skipif(not EVERY, reason="LLMSCOPE_SPARK=all asks everything: a quarter of an hour")
@pytest.mark.parametrize("name", analyses())
def test_sample_logs(lakes: dict[str, Path], spark: str, name: str) -> None:
    """The same of the sample logs; tests/bench/spark_equal.py asks them everything, and a million rows."""
    assert [] == differing(lakes["sample"], spark, name, ASKED[name][0])


def differing(lake: Path, url: str, name: str, options: Options, **more: Any) -> list[str]:
    """Where DuckDB's answer and Spark's differ: the first places."""
    expected = answer(lake, name, options)
    actual = answer(lake, name, options, engine="spark", spark_url=url, **more)
    return list(differences(expected, actual))[:5]
