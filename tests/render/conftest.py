"""One answer made by hand, with all that a renderer has to draw."""

from __future__ import annotations

from datetime import datetime

import pytest

from llmscope.result import Column, Coverage, Finding, Part, Result, Series, Window

COLUMNS = (
    Column("feature", "text", "dimension"),
    Column("month", "time", "time"),
    Column("first_seen", "time"),
    Column("requests", "count", "n"),
    Column("cost_usd", "usd"),
    Column("cost_share_ratio", "ratio"),
    Column("p95_ms", "ms", optional=True),
    Column("p95_low_ms", "ms", "low", "p95_ms", optional=True),
    Column("p95_high_ms", "ms", "high", "p95_ms", optional=True),
    Column("input_tokens", "tokens", optional=True),
    Column("over_budget", "flag", optional=True),
)
VALUES = (
    ("summaries", "2026-09", datetime(2026, 8, 31, 23, 30), 1234, 1834.5, 0.75, 842.0, 801.5, 4250.0, 1234567, True),
    ("chat", "2026-09", datetime(2026, 9, 2, 6, 0), 56, 611.5, 0.25, 12345.6, None, None, 8900, False),
    (None, "2026-09", None, 7, None, None, None, None, None, 0, None),
)


@pytest.fixture
def answer() -> Result:
    rows = tuple(dict(zip([c.name for c in COLUMNS], values, strict=True)) for values in VALUES)
    return Result(
        command="cost",
        columns=COLUMNS,
        rows=rows,
        totals={"requests": 1297, "cost_usd": 2446.0, "cost_share_ratio": 1.0, "input_tokens": 1243467},
        title="Where the money goes",
        window=Window(datetime(2026, 8, 31, 22), datetime(2026, 9, 30, 22), "Europe/Zurich"),
        parts={
            "by model": Part(
                (Column("model", "text", "dimension"), Column("cost_usd", "usd")),
                ({"model": "gpt-5-mini", "cost_usd": 0.000216}, {"model": "gpt-5", "cost_usd": 0.0432}),
                {"cost_usd": 0.043416},
            )
        },
        series=(
            Series("cost a week", ("2026-W36", "2026-W37", "2026-W38", "2026-W39"), (10.0, 20.0, None, 40.0), "usd"),
        ),
        findings=(Finding("budget", "breach", "summaries is 22 % over its budget of $1,500.00.", (rows[0],)),),
        notes=(
            "7 requests to 1 model have no price: llama-x. Add it to pricing.toml; the total is at least $2,446.00.",
        ),
        coverage=Coverage(1297, 1290, 0.9998, 2, 1),
        sql=("select feature,\n  sum(cost_usd)\nfrom priced\ngroup by feature",),
    )
