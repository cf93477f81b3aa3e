"""What latency measures and how: a metric's SQL, the quantiles asked for, and the figures of each slice."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from llmscope.analyses import _rolled_latency
from llmscope.errors import UsageError, unknown_name
from llmscope.identifiers import quoted

if TYPE_CHECKING:
    from llmscope.logs import Logs
    from llmscope.schema import Dimension

Row = dict[str, Any]
MOST_QUANTILES = 20


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure of a request: its SQL over `requests` (NULL where it is not known), its unit and its words."""

    word: str
    sql: str
    said: str
    unit: Literal["ms", "tokens_per_second"] = "ms"
    remedy: str = ""

    def column(self, figure: str) -> str:
        """`p95` is `p95_ms`; its interval's `p95_low` is `p95_low_ms`."""
        return f"{figure}_{self.unit}"

    @property
    def kind(self) -> Literal["ms", "rate"]:
        return "ms" if self.unit == "ms" else "rate"


# After the first token, that is: of a stream whose first token is known, and that has more than one.
AFTER_FIRST = "output_tokens > 1 AND latency_ms > ttft_ms"
METRICS: dict[str, Metric] = {
    metric.word: metric
    for metric in (
        Metric("total", "latency_ms", "latency", remedy="--map latency_ms=KEY or ended_at=KEY"),
        Metric("ttft", "ttft_ms", "time to first token", remedy="only streams have one; --map ttft_ms=KEY"),
        Metric(
            "tpot",
            f"CASE WHEN {AFTER_FIRST} THEN (latency_ms - ttft_ms) / (output_tokens - 1) END",
            "time per output token after the first",
            remedy="it takes latency, time to first token and two output tokens or more",
        ),
        Metric("queue", "queue_ms", "time in a queue", remedy="--map queue_ms=KEY"),
        Metric("network", "network_ms", "time on the wire", remedy="--map network_ms=KEY"),
        Metric("inference", "inference_ms", "time in the model", remedy="--map inference_ms=KEY"),
        Metric("postprocess", "postprocess_ms", "time after the model", remedy="--map postprocess_ms=KEY"),
        Metric(
            "tokens-per-second",
            f"CASE WHEN {AFTER_FIRST} THEN 1000.0 * (output_tokens - 1) / (latency_ms - ttft_ms) "
            "WHEN ttft_ms IS NULL AND output_tokens > 0 "
            "THEN 1000.0 * output_tokens / nullif(coalesce(inference_ms, latency_ms), 0) END",
            "output tokens per second",
            "tokens_per_second",
            "it takes latency and output tokens",
        ),
    )
}
PARTS = ("queue_ms", "network_ms", "inference_ms", "postprocess_ms")

# {value}: a metric. {counts}: which requests count, see _counted. {only}: true, or a further condition.
# {columns}: the dimensions by name. {figures}: a quantile a column. {others}: true, or what keeps the kept slices out.
SQL = """
WITH counted AS (
    SELECT *, {value} AS measured FROM {relation} WHERE ({counts}) AND {only}
), sliced AS (
    SELECT {dimensions} measured, {beside} AS beside FROM counted
)
SELECT {columns}
    {figures}
FROM sliced
WHERE {others}
GROUP BY ALL
"""
FIGURES = """count(measured) AS requests,
    {quantiles}
    avg(measured) AS mean_figure,
    stddev_samp(measured) AS stddev_figure,
    max(measured) AS max_figure"""
BESIDE = """,
    count(beside) AS beside_requests,
    {quantiles}
    avg(beside) AS beside_mean"""
# One look at all that is there: what is left out and why, and what the requests that count carry.
OVERVIEW_SQL = """
WITH judged AS (
    SELECT *, {reason} AS reason, {value} AS measured FROM {relation} WHERE {only}
)
SELECT reason,
    count(*) AS requests,
    count(measured) AS measured,
    count(ttft_ms) AS first_tokens,
    count(*) FILTER (WHERE measured < 0) AS negative,
    count(*) FILTER (WHERE started_at IS NULL) AS timeless,
    count(*) FILTER (WHERE ttft_ms IS NULL AND measured IS NOT NULL) AS whole
FROM judged
GROUP BY reason
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """What of the requests is measured: the metric, who counts, under which further condition, by which dimensions."""

    logs: Logs
    metric: Metric
    counts: str
    groups: tuple[Dimension, ...] = ()
    only: str = "true"
    values: tuple[tuple[str, Any], ...] = ()
    rolled: bool = False

    @property
    def relation(self) -> str:
        """`priced` only where a dimension is about prices: it costs a join."""
        return "priced" if any(d.priced for d in self.groups) else "requests"

    @property
    def names(self) -> dict[str, str]:
        """The holes that every statement has."""
        return {
            "value": self.metric.sql,
            "counts": self.counts,
            "only": self.only,
            "relation": self.relation,
            "columns": "".join(f"{quoted(d.word)}, " for d in self.groups),
        }

    def query(self, sql: str, names: Mapping[str, str], **values: Any) -> list[Row]:
        return self.logs.query(
            sql, by=self.groups, names={**self.names, **names}, **dict(self.values), **values
        )  # fmt: skip


def metric_of(word: str) -> Metric:
    """The metric of that name.

    Raises:
        UsageError: there is none; the nearest is named.
    """
    if word not in METRICS:
        raise unknown_name("metric", word, METRICS)
    return METRICS[word]


def quantiles_of(text: str) -> dict[str, float]:
    """`50,99.9` as {"p50": 0.5, "p99_9": 0.999}, in the order asked for.

    Raises:
        UsageError: something that is no percentage between 0 and 100.
    """
    found: dict[str, float] = {}
    for word in (w.strip() for w in text.split(",")):
        if not word:
            continue
        share = percentage(word.removeprefix("p"))
        found[name_of(share).replace(".", "_")] = share
    if not found or len(found) > MOST_QUANTILES:
        raise UsageError(f"--quantiles takes 1 to {MOST_QUANTILES} percentages, as in 50,95,99.9")
    return found


def percentage(word: str) -> float:
    """`99.9` as 0.999.

    Raises:
        UsageError: no number between 0 and 100.
    """
    try:
        number = float(word)
    except ValueError:
        number = math.nan
    share = round(number / 100, 12) if 0 < number < 100 else 0.0
    if not 0 < share < 1:
        raise UsageError(f"{word!r} is no quantile: a percentage between 0 and 100, as in 50,95,99.9")
    return share


def name_of(share: float) -> str:
    """0.999 as people say it: `p99.9`; never with an exponent, as columns are named so."""
    return "p" + f"{share * 100:.10f}".rstrip("0").rstrip(".")


def quantile_sql(quantiles: Mapping[str, float], of: str, prefix: str = "") -> str:
    """One column a quantile: linear interpolation (type 7)."""
    return "\n    ".join(f"quantile_cont({of}, {q!r}) AS {prefix}{name}," for name, q in quantiles.items())


def measured(
    asked: Asked,
    quantiles: Mapping[str, float],
    beside: bool = False,
    others: str = "true",
    others_are: str | None = None,
    over: str | None = None,
    **values: Any,
) -> list[Row]:
    """One row a slice: n, quantiles, mean, standard deviation (n - 1) and the largest; time to first token beside.

    Args:
        others: which slices, as SQL over their columns.
        others_are: all of these as one slice of this name (a bucket of --over).
    """
    columns = asked.names["columns"] if others_are is None else f"{quoted(over)}, " if over else ""
    if asked.rolled:
        rows = _rolled_latency.measured(asked, quantiles, beside, others, columns, values)
    else:
        rows = of_rows(asked, quantiles, beside, others, columns, values)
    if others_are is not None:
        rows = [{**{d.word: others_are for d in asked.groups if d.word != over}, **row} for row in rows]
    return rows


def of_rows(
    asked: Asked, quantiles: Mapping[str, float], beside: bool, others: str, columns: str, values: Mapping[str, Any]
) -> list[Row]:
    """The figures of each slice from its requests."""
    figures = FIGURES.format(quantiles=quantile_sql(quantiles, "measured"))
    if beside:
        figures += BESIDE.format(quantiles=quantile_sql(quantiles, "beside", "beside_"))
    names = {"figures": figures, "others": others, "beside": "ttft_ms" if beside else "cast(NULL AS DOUBLE)"}
    return asked.query(SQL, {**names, "columns": columns}, **values)


def kept_sql(keys: Sequence[tuple[Any, ...]], slices: Sequence[Dimension]) -> tuple[str, dict[str, Any]]:
    """Whether a slice is none of `keys`, as SQL with each value bound."""
    values: dict[str, Any] = {}
    alike = []
    for i, key in enumerate(keys):
        tests = []
        for j, (dimension, value) in enumerate(zip(slices, key, strict=True)):
            values[f"kept_{i}_{j}"] = value
            tests.append(f"{quoted(dimension.word)} IS NOT DISTINCT FROM $kept_{i}_{j}")
        alike.append("(" + " AND ".join(tests) + ")")
    return f"NOT ({' OR '.join(alike)})", values
