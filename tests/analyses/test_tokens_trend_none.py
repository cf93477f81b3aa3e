"""A trend of tokens of which there were none before: a cache switched on."""

from __future__ import annotations

from pathlib import Path

from tests.analyses.test_tokens_trend import answer, days, log
from tests.conftest import Run


def test_what_was_none_before_has_no_share(here: Path, run: Run) -> None:
    """A cache switched on after 30 days: 0 -> 500 a request. There is no ratio to 0: unknown, and no percentage."""
    records = [*days(30, 1000, cache_read_tokens=0), *days(30, 1000, 30, cache_read_tokens=500)]
    found = answer(run, log(here, records), "--metric", "cached")
    (row,), (text,) = found["rows"], [f["text"] for f in found["findings"]]

    assert ("rising", "2026-09-02", 0.0, 500.0, None, None, None) == tuple(
        row[n] for n in ("verdict", "changed_on", "before_tokens", "after_tokens", "change_ratio", "change_low_ratio",
                         "change_high_ratio")
    )  # fmt: skip
    assert text.startswith("Cached input tokens of all requests, none before, since 2026-09-02 (0 -> 500 a request)")
    assert None is found["parts"]["changes"]["rows"][0]["change_ratio"]
