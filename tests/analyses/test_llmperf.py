"""The published figures of one host of ray-project/llmperf-leaderboard (Apache-2.0), where its log is at hand.

The log is not ours to copy, so the check is left out where it is not given; the figures are the authors' own, of
summary/groq_70b.json, in seconds. tests/bench/llmperf_check.py does the same for every host.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import llmscope

LOG = Path(__file__).parents[3] / "shared" / "data" / "llmperf" / "individual" / "groq_70b.json"
FIGURES = {
    "total": {
        "p25": 0.7649436835199594, "p50": 0.8051837999373674, "p75": 0.8556924778968096, "p90": 0.9329087149351835,
        "p95": 0.9415189569815994, "p99": 0.9922714155726133, "mean": 0.8151081097126007,
        "stddev": 0.07176030445752668, "max": 1.0057721510529518,
    },
    "ttft": {
        "p25": 0.1860195565968752, "p50": 0.2218883791938424, "p75": 0.24066938273608685, "p90": 0.298818383552134,
        "p95": 0.30373927168548104, "p99": 0.3500269545800982, "mean": 0.22786034579078357,
        "stddev": 0.04545771907205833, "max": 0.3630785904824734,
    },
}  # fmt: skip


@pytest.mark.skipif(not LOG.exists(), reason="the log is not at hand")
@pytest.mark.parametrize("metric", sorted(FIGURES))
def test_published_figures_of_one_host_are_reproduced(metric: str) -> None:
    maps = ["latency_ms=end_to_end_latency_s:s", "ttft_ms=ttft_s:s"]
    with llmscope.open(str(LOG), map=maps) as logs:
        (row,) = logs.latency(metric=metric, quantiles="25,50,75,90,95,99").rows
    assert row["requests"] == 150
    for name, seconds in FIGURES[metric].items():
        assert row[f"{name}_ms"] == pytest.approx(1000 * seconds, rel=1e-12)
