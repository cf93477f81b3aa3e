"""Whether a judge may be trusted at a bar: above, below, or not to be told from so few labels."""

from __future__ import annotations

from typing import Any

from llmscope.analyses._judge_statistics import STATISTICS, Measured, valued
from llmscope.errors import UsageError, unknown_name
from llmscope.result import Column, Part
from llmscope.stats import agreement as stats

COLUMNS = (
    Column("statistic", "text", "dimension"),
    Column("bar", "rate"),
    Column("value", "rate"),
    Column("value_low", "rate", "low", "value"),
    Column("value_high", "rate", "high", "value"),
    Column("items", "count", "n"),
    Column("verdict", "text"),
    Column("more_items", "count"),
)
DEFAULT = "agreement"
ORDINARY = tuple(s for s in STATISTICS if s != "mean_difference")


def checked(bar: float | None, statistic: str | None) -> None:
    """That bar and statistic go together.

    Raises:
        UsageError: --statistic is unknown or has no --bar; a bar above 1.
    """
    if statistic is not None and statistic not in ORDINARY:
        raise unknown_name("statistic", statistic, ORDINARY)
    if statistic is not None and bar is None:
        raise UsageError("--statistic goes with --bar", hint=f"for example --bar 0.85 --statistic {statistic}")
    if bar is not None and not -1 <= bar <= 1:
        raise UsageError(f"--bar {bar:g} is no agreement", hint="a share such as 0.85")


def gate(found: Measured, bar: float, statistic: str) -> tuple[Part, str]:
    """The verdict as a table of one row and as a sentence."""
    one, n = found.found.get(statistic, stats.Estimate(None)), found.n[statistic]
    verdict = stats.verdict(one, bar)
    needed = stats.labels_to_decide(one, n, bar) if verdict == "cannot tell" else None
    more = needed - n if needed is not None else None
    row: dict[str, Any] = {"statistic": statistic, "bar": bar, **valued(one), "items": n, "verdict": verdict,
                           "more_items": more}  # fmt: skip
    return Part(COLUMNS, (row,)), sentence(row, one.why or found.about.get(statistic, ""))


def sentence(row: dict[str, Any], why: str) -> str:
    """Above, below or cannot tell, with the interval, n, and how many more labels would decide."""
    name, bar = row["statistic"].replace("_", " "), f"{row['bar']:g}"
    if row["value"] is None:
        return f"cannot tell whether {name} is above {bar}: {why or 'nothing to measure it by'}"
    interval = f" [{row['value_low']:.2f}, {row['value_high']:.2f}]" if row["value_low"] is not None else ""
    figure = f"{name} {row['value']:.2f}{interval} on {row['items']:,} items"
    if row["verdict"] != "cannot tell":
        return f"{row['verdict']} the bar of {bar}: {figure}"
    if row["value_low"] is None:
        return f"cannot tell whether {name} is above {bar}: {figure}; {why}"
    if row["more_items"] is None:
        return f"cannot tell whether {name} is above {bar}: {figure}; at the bar itself no number of labels decides"
    more = f"about {row['more_items']:,} more would decide, if it stays"
    return f"cannot tell whether {name} is above {bar}: {figure}; {more}"
