"""Is B different from A? Two models, templates, versions or files side by side: cost, latency, quality, failures.

Sides are two conditions (--where-a, --where-b), two values of a dimension (--by model --a X --b Y), or two files
(`llmscope compare main.jsonl pr.jsonl`). A request on both sides, or on neither, is counted and left out.

A row is a metric: its level on each side, the change with a 95 % interval, and a verdict by the margin of [drift] in
llmscope.toml: better, worse (higher, lower where neither is good), small (real, under the margin), no difference (a
change beyond the margin is ruled out), inconclusive, or too few. Levels: latency and time to first token are geometric
means; cost and tokens arithmetic means, of answers; rates are of the requests in which they are known.

Evidence: days, not requests. Where both sides answered on eight days or more, each day's difference counts once; on
fewer days, sessions within a day; at different times it is as `drift` compares two windows. Where both sides answered
the same items (item_id, prompt_hash), the paired differences stand in the part `pairs`, and in the rows themselves
where nearly all requests are such. Adjusted changes are at one mix of feature and prompt size (--adjust); where they
turn the sign, or rule out the difference, a warning says so and the verdict goes by requests alike.

--fail-if "verdict = 'worse'" fails a build (exit 3); where a gate is asked and every row is too few to say, exit 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

from llmscope.errors import UsageError
from llmscope.result import Coverage, Finding, Part, Result

if TYPE_CHECKING:
    from llmscope.analyses._compare_evidence import Evidence
    from llmscope.analyses._compare_rows import Compared
    from llmscope.logs import Logs
    from llmscope.schema import Dimension
    from llmscope.stats.verdicts import Margins

# Columns it never looks at: of log files they are not read unless an option names them.
UNREAD = (
    "finish_reason_raw", "error_message", "error_type", "prefix_hashes", "embedding", "tags", "metadata", "queue_ms",
    "network_ms", "inference_ms", "postprocess_ms", "temperature", "input_chars", "sample_weight", "template",
    "template_version", "service", "environment", "release", "language", "attempt", "max_tokens", "source_line",
)  # fmt: skip
Row = dict[str, Any]
# From this share of both sides' requests on, the pairs are the comparison.
MOSTLY_PAIRED = 0.8
SIZE = "size"


def compare(
    logs: Logs,
    where_a: Annotated[str | None, "side A: a condition, as --where has it"] = None,
    where_b: Annotated[str | None, "side B: a condition"] = None,
    by: Annotated[str | None, "one dimension, of which --a and --b are two values"] = None,
    a: Annotated[str | None, "the value that is side A"] = None,
    b: Annotated[str | None, "the value that is side B"] = None,
    adjust: Annotated[str, "kinds of requests to hold equal: dimensions and size, or none"] = "feature,size",
    pairs: Annotated[str, "what tells that both were asked the same: auto, item_id, prompt_hash or none"] = "auto",
    peek: Annotated[bool, "intervals and evidence that may be looked at at any time"] = False,
    share: Annotated[str | None, "with --peek: the part of the traffic that B was to get, such as 10%"] = None,
) -> Result:
    """Every metric of B against A; see the module's words."""
    from llmscope.analyses import _compare_evidence, _compare_findings, _compare_peek, _compare_sides, _compare_sql
    from llmscope.stats.verdicts import Margins

    margins = Margins.of(logs.config.drift)
    part = share_of(share, peek)
    sides = _compare_sides.sides_of(logs, where_a, where_b, by, a, b)
    kinds, sized = kinds_of(adjust, sides.dimension)
    found = _compare_evidence.evidence_of(_compare_sql.Asked(logs, sides), kinds, sized)
    if missing := _compare_sides.missing_side(logs, sides, found.counts):
        raise missing
    if not (found.counts.get("a") and found.counts.get("b")):
        return answered(found).with_notes(_compare_findings.too_little(found.counts, sides.names))
    alike = " and ".join([*(d.word for d in kinds), *(["prompt size"] if sized else [])])
    result = told(found, margins, alike, pairs)
    if peek:
        looked, more = _compare_peek.peeked(found.asked, part)
        result = replace(result.with_notes(*more), parts={**result.parts, "peek": looked})
    return result


def answered(found: Evidence) -> Result:
    """The answer's frame: its columns, and how many requests it is of."""
    from llmscope.analyses._compare_table import COLUMNS

    return Result("compare", COLUMNS, (), title="Compared", coverage=Coverage(requests=sum(found.counts.values())))


def told(found: Evidence, margins: Margins, alike: str, pairs: str) -> Result:
    """The rows, the pairs beside or instead of them, and what is said of both; alike: what is held equal, in words."""
    from llmscope.analyses import _compare_findings, _compare_rows, _compare_table

    rows = _compare_rows.compared_metrics(found, margins, bool(alike))
    rows += _compare_rows.compared_scores(found, margins, bool(alike))
    paired, whole = paired_rows(found, pairs, margins)
    note = ""
    if paired and whole:
        instead = {one.metric.word: one for one in paired if one.crude}
        rows = [instead.get(row.metric.word, row) for row in rows]
        note = f"nearly every request has one of the same {whole} on the other side: rows are differences of pairs"
        note += ", quantiles those of all requests" if any(row.metric.quantile for row in rows) else ""
    family = rows if whole else [*rows, *paired]
    every = _compare_table.written(family)
    written, of_pairs = every[: len(rows)], every[len(rows) :]
    findings = [
        _compare_findings.headline(found.asked.sides.names, rows, written),
        *([of_same_items(paired, of_pairs)] if of_pairs else []),
        *_compare_findings.flipped(rows, written, alike),
        *_compare_findings.other_raters(found),
        *_compare_findings.duplicates(found),
    ]
    return replace(
        answered(found),
        rows=tuple(written),
        parts={"pairs": Part(_compare_table.COLUMNS, tuple(of_pairs))} if of_pairs else {},
        findings=tuple(findings),
        notes=tuple(_compare_findings.notes(found, family, written, alike, note)),
    )


def kinds_of(adjust: str, side: str | None) -> tuple[tuple[Dimension, ...], bool]:
    """The dimensions held equal, without the one that tells the sides apart, and whether the prompt's size is.

    Raises:
        UsageError: an unknown dimension, or one that a request has several of.
    """
    from llmscope.schema import dimensions

    named = [word.strip() for word in adjust.split(",") if word.strip()]
    if named == ["none"]:
        return (), False
    found = dimensions(",".join(word for word in named if word != SIZE))
    unfit = [d.word for d in found if d.unnests or d.kind == "time"]
    if unfit:
        raise UsageError(f"--adjust {unfit[0]}: not a kind of request", hint="for example --adjust feature,size")
    return tuple(d for d in found if d.word != side), SIZE in named


def share_of(text: str | None, peek: bool) -> float | None:
    """--share as a part of one.

    Raises:
        UsageError: no share, or no --peek.
    """
    if text is None:
        return None
    if not peek:
        raise UsageError("--share goes with --peek")
    try:
        found = float(text.strip().removesuffix("%")) / (100 if text.strip().endswith("%") else 1)
    except ValueError:
        found = 0.0
    if not 0 < found < 1:
        raise UsageError(f"--share {text!r} is no part of the traffic", hint="for example 10% or 0.1")
    return found


def paired_rows(found: Evidence, way: str, margins: Margins) -> tuple[list[Compared], str]:
    """A row a metric of the items both sides answered; and by what, where these are nearly all requests."""
    from llmscope.analyses import _compare_evidence, _compare_pairs, _compare_rows
    from llmscope.stats.paired import by_pairs

    item = _compare_pairs.item_of(way, found.whole)
    if item is None:
        return [], ""
    sums = _compare_pairs.pairs_of(found.asked, item)
    if not sums["pairs"] or sums["pairs"] < _compare_pairs.FEWEST:
        return [], ""
    rows = []
    for metric in (m for m in _compare_pairs.LEVELS if _compare_rows.is_known(found, m)):
        known = _compare_pairs.pairs_in(sums, metric.word)
        if known:
            crude = by_pairs(known, ratio=metric.scale == "ratio")
            rows.append(_compare_rows.of_pairs(metric, known, crude, margins))
    for row in _compare_pairs.score_pairs(found.asked, item):
        key = (row["name"], row["rater_kind"], row["rater"], row["rater_version"])
        of_key, known = found.scores.get(key), _compare_pairs.pairs_in(row, "value")
        if of_key and known:
            metric = _compare_evidence.score_metric(key, of_key)
            share = _compare_evidence.is_share(of_key)
            rows.append(_compare_rows.of_pairs(metric, known, by_pairs(known), margins, share))
    covered = min(sums[f"requests_{side}"] / found.whole[side]["requests"] for side in "ab")
    return rows, item if covered >= MOSTLY_PAIRED else ""


def of_same_items(rows: Sequence[Compared], written: Sequence[Row]) -> Finding:
    """The sentence of the pairs."""
    from llmscope.analyses import _compare_findings

    found = _compare_findings.headline(("A", "B"), rows, written)
    pairs = max(min(row.n) for row in rows)
    text = f"Asked the same {pairs:,} items, {found.text.replace(' against A:', ' against A has', 1)}"
    return replace(found, kind="pairs", severity="info", text=text.replace("has nothing moved", "shows nothing moved"))
