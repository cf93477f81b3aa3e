"""Has this month changed from last? What moved between two windows, by how much, since when, and what did not.

Windows: the log's last whole month against the month before it, else its later half against the earlier in whole weeks.
--since and --until set the later one; the one before is of equal length, on the same weekdays. --baseline 12w, 2026-09
or 2026-08-01..2026-08-31 names the earlier one.

Metrics (--metric picks, by these names or their first words): latency and ttft (the typical level, as a ratio of
geometric means, and _p50, _p95, _p99), input_tokens, output_tokens, cost_per_request, cost and requests (a day),
error_rate, truncation_rate, refusal_rate, fallback_rate, score (each by who scores, in which version), and what the
traffic is made of: model_mix, feature_mix, template_mix, finish_reason_mix, language_mix.

Verdicts: DRIFT, a real change at or beyond the margin; SMALL, a real one within it; STABLE, a change beyond the margin
is ruled out; INCONCLUSIVE, neither (with the smallest change that would have been seen); too few to say. A change is
real when the day test, corrected for all tests of the report, and the week test both say so; a level that is new only
since a day inside the later window is compared with all before that day. Margins: [drift] in llmscope.toml.
--fail-if "verdict == 'DRIFT'" fails a build (exit 3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from llmscope.analyses import _counted, _slices
from llmscope.errors import UsageError
from llmscope.result import Result

if TYPE_CHECKING:
    from llmscope.logs import Logs
    from llmscope.schema import Dimension

# The tables it asks; of log files, only those that fill them are read.
TABLES = ("requests", "scores", "vectors")
# Columns it never looks at: of log files they are not read unless --by or --where names them.
UNREAD = (
    "response_id", "trace_id", "span_id", "parent_span_id", "finish_reason_raw", "error_message", "error_type",
    "prompt_hash", "prefix_hashes", "tags", "metadata", "queue_ms", "network_ms", "inference_ms", "postprocess_ms",
    "temperature", "input_chars", "sample_weight", "template_version", "service", "environment", "release", "item_id",
    "attempt", "max_tokens", "http_status", "source_line",
)  # fmt: skip
MOST_SLICES = 20
# Each slice is a bit of one number, where sessions are counted.
LARGEST_TOP = 60


def drift(
    logs: Logs,
    by: Annotated[str | None, "dimensions to slice by, comma-separated; the whole is always judged"] = None,
    baseline: Annotated[str | None, "the earlier window: 12w, 2026-09 or 2026-08-01..2026-08-31"] = None,
    metric: Annotated[str | None, "only these metrics, comma-separated"] = None,
    top: Annotated[int | None, "the N largest slices (default 20); the others are in the whole only"] = None,
    distances: Annotated[bool, "PSI, Jensen-Shannon, Wasserstein and KS, each with the band of noise"] = False,
    dependent: Annotated[bool, "correct for many tests under any dependence (Benjamini-Yekutieli)"] = False,
    include: Annotated[str | None, "count these too: failed, cached, embeddings, inferred, or all"] = None,
) -> Result:
    """What moved between two windows; see the module's words."""
    from llmscope.analyses import _drift_asked, _drift_report

    back = _counted.included(include)
    if top is not None and not 1 <= top <= LARGEST_TOP:
        raise UsageError(f"--top takes a number from 1 to {LARGEST_TOP}", hint="--where looks at others by themselves")
    groups = groups_of(by)
    wanted = _drift_asked.wanted(metric)
    windows = logs.pair(baseline)
    asked = _drift_asked.Asked(logs, windows, groups, wanted, back, top or MOST_SLICES, dependent, distances)
    return _drift_report.answer(asked)


def groups_of(by: str | None) -> tuple[Dimension, ...]:
    """The dimensions of --by.

    Raises:
        UsageError: an unknown one, or a time: windows are what times are compared by.
    """
    from llmscope.schema import BUCKETS

    groups = _slices.grouping(by, None)
    for one in groups:
        if one.word in BUCKETS:
            raise UsageError(f"--by {one.word} is a time", hint="--since, --until and --baseline set the two windows")
    return groups
