"""Are the logged tokens right? Texts counted anew: ratios by model, what is far off, missing usage, prompts by part.

A sample of the requests that have a text and usage is counted offline by each model's own tokenizer, or by o200k where
it publishes none: there the ratio calibrates, and part `estimated` uses it for requests that log no usage. Log files
are read with their texts, of which nothing is stored or shown; a store has texts if it was loaded --keep-text.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from llmscope.analyses import _counted, _slices
from llmscope.errors import UsageError
from llmscope.result import Coverage, Result

if TYPE_CHECKING:
    from llmscope.analyses._recount_ratios import Compared
    from llmscope.analyses._recount_sample import Row, Sampled
    from llmscope.logs import Logs
    from llmscope.schema import Dimension

# The tables it asks; of log files, only those that fill them are read.
TABLES = ("requests",)
# Of log files the texts are read as well.
NEEDS_TEXT = True
# Columns it never looks at: of log files they are not read unless --by or --where names them.
UNREAD = (
    "response_id", "trace_id", "span_id", "parent_span_id", "finish_reason_raw", "error_message", "error_type",
    "prompt_hash", "prefix_hashes", "embedding", "tags", "metadata", "ended_at", "latency_ms", "ttft_ms", "queue_ms",
    "network_ms", "inference_ms", "postprocess_ms", "temperature", "sample_weight", "service", "environment", "release",
    "language", "item_id", "attempt", "fallback", "source_line", "cost_logged_usd",
)  # fmt: skip
MOST = 20_000
WHY_NOT = {
    "redacted": "hold placeholders of redacted personal data, whose tokens are not those of what stood there",
    "tools": "are calls of tools, which their text does not show",
    "media": "hold images or sound",
    "short": "have fewer than 20 tokens, of which one more or less is too large a share",
}


def recount(
    logs: Logs,
    by: Annotated[str | None, "dimensions to group by, comma-separated"] = None,
    sample: Annotated[int, "how many requests are counted, drawn by hash"] = 1000,
    seed: Annotated[int, "another number draws other requests"] = 0,
    model: Annotated[str | None, "count as this model does, whatever name a deployment was given"] = None,
    anatomy: Annotated[bool, "only what prompts are made of: a row a slice (default by feature)"] = False,
    include: Annotated[str | None, "count these too: failed, cached, embeddings, or all"] = None,
) -> Result:
    """Logged tokens against counted ones; see the module's words."""
    from llmscope.analyses import _recount_anatomy, _recount_estimates, _recount_ratios
    from llmscope.analyses._recount_sample import LEFT_OUT, WITH_USAGE, WITHOUT_USAGE, Counters
    from llmscope.analyses._recount_sample import sample as drawn

    groups = checked(by, sample, anatomy)
    of_parts = groups or _slices.grouping("feature", None)
    counted, counters = _counted.included(include), Counters(model)
    models = _recount_estimates.sized(logs, counted)
    having = drawn(logs, WITH_USAGE, counted, sample, str(seed), of_parts, counters)
    texts, flaws = _recount_ratios.compared(having)
    usual = _recount_ratios.by_model(texts)
    made = _recount_anatomy.anatomy(having, [d.word for d in of_parts], _slices.columns_of(of_parts), counters)
    near = _recount_anatomy.notes(having, made)
    left_out = _counted.notes(_counted.left_out(logs, counted, LEFT_OUT))
    small = [*notes(having, flaws, sample), *left_out]
    requests = sum(m["requests"] for m in models)
    if anatomy:
        lost = len({r.row["request_id"] for r in having}) - sum(r["requests"] for r in made.rows)
        return Result(
            "recount", made.columns, made.rows, notes=(*small, *anatomy_notes(len(made.rows), lost), *near),
            coverage=Coverage(requests=requests),
        )  # fmt: skip
    lacking = drawn(logs, WITHOUT_USAGE, counted, sample, str(seed), (), counters)
    estimated = _recount_estimates.estimated(models, lacking, usual, counters)
    rows = rows_of(texts, groups)
    parts = {
        "outliers": _recount_ratios.outliers(texts, usual),
        "estimated": estimated,
        "anatomy": made,
    }
    return Result(
        "recount",
        (*_slices.columns_of(groups), *_recount_ratios.MEASURES),
        tuple(rows),
        parts={name: part for name, part in parts.items() if part.rows},
        findings=tuple(_recount_ratios.findings(texts, usual)),
        notes=(*small, *ratio_notes(rows), *_recount_estimates.notes(models, estimated), *near),
        coverage=Coverage(requests=requests),
    )


def checked(by: str | None, sample: int, anatomy: bool) -> tuple[Dimension, ...]:
    """The dimensions of --by; the model is one already.

    Raises:
        UsageError: a sample of none or of too many, or a dimension about prices.
    """
    if not 1 <= sample <= MOST:
        raise UsageError(f"--sample takes a number from 1 to {MOST:,}")
    groups = tuple(d for d in _slices.grouping(by, None) if d.word != "model" or anatomy)
    if any(d.priced for d in groups):
        raise UsageError("recount does not group by price", hint="llmscope cost --by price_status does")
    return groups


def rows_of(texts: Sequence[Compared], groups: Sequence[Dimension]) -> list[Row]:
    """A row a slice, model and side, the models with the most logged tokens first."""
    from llmscope.analyses._recount_ratios import row_of

    slices: dict[tuple[object, ...], dict[str, Compared]] = {}
    for text in texts:
        cells = text.of.slice[: len(groups)] if groups else ()
        slices.setdefault((*cells, text.of.model, text.side), {})[text.of.row["request_id"]] = text
    words = [d.word for d in groups]
    rows = [row_of(dict(zip(words, key, strict=False)), list(group.values())) for key, group in slices.items()]
    weights = Tally[tuple[object, ...]]()
    for row in rows:
        weights[(*(row[w] for w in words), row["model"])] += row["logged_tokens"]

    def key(row: Row) -> tuple[object, ...]:
        cells = (*(row[w] for w in words), row["model"])
        return (-weights[cells], *map(str, cells), row["side"])

    return sorted(rows, key=key)


def notes(having: Sequence[Sampled], flaws: Tally[str], most: int) -> list[str]:
    """What was drawn, and which texts were not compared."""
    n = len({row.row["request_id"] for row in having})
    if not n:
        return [
            "no request has both a text and usage: log files named here are read with their texts (--map "
            "input_text=KEY, --map output_text=KEY; in Python, open(…, keep_text=True)); a store keeps them only if "
            "loaded with --keep-text"
        ]
    drawn = f", drawn by hash, evenly from each model (--sample {min(10 * most, MOST)} for more)" if n >= most else ""
    found = [f"{n:,} request{'s' * (n != 1)} with a text and usage counted{drawn}"]
    return [*found, *(f"{count:,} texts {WHY_NOT[flaw]}: not compared" for flaw, count in sorted(flaws.items()))]


def ratio_notes(rows: Sequence[Row]) -> list[str]:
    """What a ratio is, and where it is a calibration."""
    found = []
    if rows:
        found.append(
            "ratio: logged tokens over counted ones, the median; a prompt's count has OpenAI's 3 tokens a message and "
            "3 for the reply, and no tool definitions the log does not show; of an answer its reasoning is taken off"
        )
    if others := sorted({row["model"] for row in rows if row["method"] != "exact"}):
        named = ", ".join(others[:3]) + (f" and {len(others) - 3} more" if len(others) > 3 else "")
        found.append(f"{named}: no public tokenizer known, counted by o200k: the ratio is a calibration, no check")
    if any(row["low_ratio"] is None for row in rows):
        found.append("a ratio without an interval rests on too few requests to say more")
    return found


def anatomy_notes(slices: int, lost: int) -> list[str]:
    """How a prompt was taken apart, and how many were not."""
    found = []
    if slices:
        found.append(
            "prompts of chat messages taken apart and scaled so that the parts are the provider's count; user: the "
            "user's last message; context: documents, passages between tags or under a heading such as Context:"
        )
    if lost > 0:
        found.append(
            f"{lost:,} prompt{'s' * (lost != 1)} cannot be taken apart: no JSON list of messages, no usage, images, or "
            "the log shows less than half of what was counted"
        )
    return found
