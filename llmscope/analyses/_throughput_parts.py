"""The busiest minutes, and what waiting was like at each concurrency: the further tables of `throughput`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from llmscope.analyses import _slices, _sweep
from llmscope.result import Column, Part

if TYPE_CHECKING:
    from llmscope.logs import Logs
    from llmscope.schema import Dimension

Row = dict[str, Any]
MINUTE_US = 60_000_000

# The calendar minutes in which most requests began.
BUSIEST_SQL = f"""
WITH begun AS (
    SELECT {{dimensions}} {_sweep.START} // {MINUTE_US} AS minute_number,
        count(*) AS requests,
        sum(input_tokens) AS input_tokens,
        sum(output_tokens) AS output_tokens
    FROM {{relation}}
    WHERE started_at IS NOT NULL
    GROUP BY ALL
)
SELECT * FROM begun
ORDER BY requests DESC, coalesce(input_tokens, 0) + coalesce(output_tokens, 0) DESC, minute_number, {{words}} 1
LIMIT $most
"""
# What was in flight in those minutes: a small sweep a minute. {near}: a request touches one of them. {minutes}: they.
NEAR_SQL = f"""
WITH every_one AS (
    SELECT {{dimensions}} {_sweep.START} AS start_us,
        {_sweep.END} AS end_us
    FROM {{relation}}
    WHERE started_at IS NOT NULL AND {_sweep.REACHED}
), timed AS (
    SELECT * FROM every_one WHERE {{near}}
), minutes AS (
    {{minutes}}
), near AS (
    SELECT {{words}} minutes.from_us, greatest(start_us, minutes.from_us) AS start_us,
        least(end_us, minutes.from_us + {MINUTE_US}) AS end_us,
        end_us > start_us AS lasts
    FROM timed JOIN minutes ON timed.start_us < minutes.from_us + {MINUTE_US}
        AND (timed.end_us > minutes.from_us OR (timed.end_us = timed.start_us AND timed.start_us >= minutes.from_us))
), moments AS (
    SELECT {{words}} from_us, start_us AS at_us, 1 AS step, 0 AS still, end_us - start_us AS held_us
    FROM near WHERE lasts
    UNION ALL
    SELECT {{words}} from_us, end_us AS at_us, -1 AS step, 0 AS still, 0 AS held_us FROM near WHERE lasts
    UNION ALL
    SELECT {{words}} from_us, start_us AS at_us, 0 AS step, count(*) AS still, 0 AS held_us
    FROM near WHERE NOT lasts GROUP BY ALL
), levels AS (
    SELECT {{words}} from_us, held_us, still + sum(step) OVER (
        PARTITION BY {{words}} from_us ORDER BY at_us RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS level
    FROM moments
)
SELECT {{words}} from_us, max(level) AS peak, sum(held_us) AS busy_us FROM levels GROUP BY ALL
"""
# In flight at a request's own start, itself included; bands double, so that a few hold any concurrency.
BANDS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
BAND = "CASE " + " ".join(f"WHEN level >= {low} THEN {low}" for low in reversed(BANDS)) + " ELSE 1 END"
QUEUE_SQL = f"""
WITH every_one AS (
    SELECT {{dimensions}} {_sweep.START} AS start_us,
        {_sweep.END} AS end_us, queue_ms, ttft_ms, latency_ms
    FROM {{relation}}
    WHERE started_at IS NOT NULL AND {_sweep.REACHED}
), timed AS (
    SELECT * FROM every_one WHERE end_us IS NOT NULL
), named AS (
    {{named}}
), slices AS (
    SELECT *, CAST(row_number() OVER (ORDER BY {{words}} nothing) AS INTEGER) AS slice FROM named
), flying AS (
    SELECT slices.slice, timed.start_us, timed.end_us, timed.queue_ms, timed.ttft_ms, timed.latency_ms
    FROM timed JOIN slices ON {{same}}
), steps AS (
    SELECT 1 AS step UNION ALL SELECT -1 AS step
), moments AS (
    SELECT flying.slice, steps.step,
        CASE WHEN steps.step = 1 THEN flying.start_us ELSE flying.end_us END AS at_us,
        CASE WHEN steps.step = 1 THEN flying.queue_ms END AS queue_ms,
        CASE WHEN steps.step = 1 THEN flying.ttft_ms END AS ttft_ms,
        CASE WHEN steps.step = 1 THEN flying.latency_ms END AS latency_ms
    FROM flying CROSS JOIN steps
    WHERE flying.end_us > flying.start_us
), levels AS (
    SELECT slice, step, queue_ms, ttft_ms, latency_ms,
        sum(step) OVER ({{partition}} ORDER BY at_us RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS level
    FROM moments
), banded AS (
    SELECT slice, {BAND} AS band, queue_ms, ttft_ms, latency_ms FROM levels
    WHERE step = 1 AND (queue_ms IS NOT NULL OR ttft_ms IS NOT NULL)
), summed AS (
    SELECT slice, band, count(*) AS requests,
        quantile_cont(queue_ms, 0.5) AS queue_p50_ms,
        quantile_cont(queue_ms, 0.95) AS queue_p95_ms,
        quantile_cont(ttft_ms, 0.5) AS ttft_p50_ms,
        quantile_cont(ttft_ms, 0.95) AS ttft_p95_ms,
        quantile_cont(latency_ms, 0.5) AS latency_p50_ms
    FROM banded
    GROUP BY slice, band
)
SELECT {{words}} band, requests, queue_p50_ms, queue_p95_ms, ttft_p50_ms, ttft_p95_ms, latency_p50_ms
FROM summed JOIN slices ON summed.slice = slices.slice
ORDER BY {{words}} band
"""
WAITS = ("queue_p50_ms", "queue_p95_ms", "ttft_p50_ms", "ttft_p95_ms")


def busiest(logs: Logs, by: Sequence[Dimension], most: int) -> Part:
    """The calendar minutes (UTC) in which most requests began."""
    found = logs.query(BUSIEST_SQL, by=by, names=_sweep.holes(by), most=most)
    flights = near(logs, by, sorted({int(row["minute_number"]) * MINUTE_US for row in found}))
    rows = []
    for row in found:
        from_us = int(row["minute_number"]) * MINUTE_US
        peak, busy_us = flights.get((from_us, *_sweep.key_of(row, by)), (None, None))
        rows.append({
            "minute": _sweep.moment_of(from_us),
            **{d.word: row[d.word] for d in by},
            "requests": row["requests"],
            **{n: None if row[n] is None else int(row[n]) for n in ("input_tokens", "output_tokens")},
            "mean_concurrency": None if busy_us is None else busy_us / MINUTE_US,
            "peak_concurrency": peak,
        })  # fmt: skip
    columns = (
        Column("minute", "time", "time"),
        *_slices.columns_of(by),
        Column("requests", "count"),
        Column("input_tokens", "tokens"),
        Column("output_tokens", "tokens"),
        Column("mean_concurrency", "rate"),
        Column("peak_concurrency", "count"),
    )
    return Part(columns, tuple(rows))


def near(logs: Logs, by: Sequence[Dimension], starts: Sequence[int]) -> dict[_sweep.Key, tuple[int, int]]:
    """The peak, and the sum of time in flight, of each of these minutes and slice."""
    names = {
        **_sweep.holes(by),
        "near": " OR ".join(f"(start_us < {start + MINUTE_US} AND end_us >= {start})" for start in starts),
        "minutes": " UNION ALL ".join(f"SELECT {start} AS from_us" for start in starts),
    }
    return {
        (int(row["from_us"]), *_sweep.key_of(row, by)): (int(row["peak"]), int(row["busy_us"]))
        for row in logs.query(NEAR_SQL, by=by, names=names)
    }


def queue(logs: Logs, by: Sequence[Dimension]) -> Part | None:
    """How long requests waited by how many were in flight as they began; None where no wait is logged."""
    rows = logs.query(QUEUE_SQL, by=by, names=_sweep.holes(by))
    if not rows:
        return None
    shown = [name for name in WAITS if any(row[name] is not None for row in rows)]
    columns = (
        *_slices.columns_of(by),
        Column("in_flight", "text", "dimension"),
        Column("requests", "count"),
        *(Column(name, "ms") for name in (*shown, "latency_p50_ms")),
    )
    found = [{c.name: row.get(c.name) for c in columns} | {"in_flight": band_name(row["band"])} for row in rows]
    return Part(columns, tuple(found))


def band_name(low: int) -> str:
    """`1`, `2-3`, `4-7`, … `1024+`."""
    if low == BANDS[-1]:
        return f"{low}+"
    return str(low) if low == 1 else f"{low}-{2 * low - 1}"
