"""What requests without usage will have used: from their texts or lengths, by this log's own rows where there are any.

An estimate is never a count: it stands in a part of its own, `estimated`, with what it rests on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from llmscope.analyses import _counted
from llmscope.analyses._recount_ratios import FEWEST_ROWS, Spread
from llmscope.analyses._recount_sample import LEFT_OUT, REPORTED, SIDES, Counters, Row, Sampled
from llmscope.result import Column, Part
from llmscope.tokens.ratios import CHARS_A_TOKEN, ROUGH

if TYPE_CHECKING:
    from llmscope.logs import Logs

# Tokens a character of the rows that have both, and how much the rows without tokens hold, by model. {counts}: whether
# a request counts; {reported}: whether its usage was reported.
SQL = """
WITH sized AS (
    SELECT model, input_tokens, output_tokens, {reported} AS reported,
        input_text IS NOT NULL AND length(input_text) > 0 AS input_told,
        output_text IS NOT NULL AND length(output_text) > 0 AS output_told,
        nullif(coalesce(input_chars, length(input_text)), 0) AS input_chars,
        nullif(coalesce(output_chars, length(output_text)), 0) AS output_chars
    FROM requests WHERE {counts}
)
SELECT model, count(*) AS requests,
    {sides}
FROM sized
GROUP BY model
"""
A_SIDE = """
    count(*) FILTER (WHERE {side}_tokens IS NULL) AS {side}_missing,
    count(*) FILTER (WHERE {side}_tokens IS NULL AND {side}_told) AS {side}_texts,
    sum({side}_chars) FILTER (WHERE {side}_tokens IS NULL AND {side}_told) AS {side}_text_chars,
    count({side}_chars) FILTER (WHERE {side}_tokens IS NULL AND NOT {side}_told) AS {side}_lengths,
    sum({side}_chars) FILTER (WHERE {side}_tokens IS NULL AND NOT {side}_told) AS {side}_length_chars,
    count({side}_tokens / {side}_chars) FILTER (WHERE reported) AS {side}_n,
    quantile_cont({side}_tokens / {side}_chars, 0.25) FILTER (WHERE reported) AS {side}_p25,
    quantile_cont({side}_tokens / {side}_chars, 0.5) FILTER (WHERE reported) AS {side}_p50,
    quantile_cont({side}_tokens / {side}_chars, 0.75) FILTER (WHERE reported) AS {side}_p75"""

COLUMNS = (
    Column("model", "text", "dimension"),
    Column("side", "text", "dimension"),
    Column("requests", "count"),
    Column("estimated_tokens", "tokens"),
    Column("low_tokens", "tokens", "low", "estimated_tokens"),
    Column("high_tokens", "tokens", "high", "estimated_tokens"),
    Column("method", "text"),
    Column("calibration_requests", "count", "n", "estimated_tokens", optional=True),
    Column("calibration_ratio", "rate", optional=True),
)
CALIBRATED, LENGTHS, FOUR = "calibrated on this log", "characters, calibrated on this log", "characters / 4"
STATED = {"exact": "tokenizer", "assumed": "tokenizer, assumed", "ratio": "stated ratio"}


def sized(logs: Logs, include: frozenset[str]) -> list[Row]:
    """By model: how many requests lack usage, and the tokens a character of those that have it."""
    sides = ",".join(A_SIDE.format(side=side) for side in SIDES)
    names = {"counts": _counted.condition(include, LEFT_OUT), "reported": REPORTED, "sides": sides}
    return sorted(logs.query(SQL, names=names), key=lambda row: (-row["requests"], str(row["model"])))


def estimated(
    models: Sequence[Row], texts: Sequence[Sampled], usual: Mapping[tuple[str, str], Spread], counters: Counters
) -> Part:
    """The part: a row a model, a side and a method."""
    rows = [row for model in models for side in SIDES for row in of_side(model, side, texts, usual, counters)]
    return Part(COLUMNS, tuple(rows))


def of_side(
    model: Row, side: str, texts: Sequence[Sampled], usual: Mapping[tuple[str, str], Spread], counters: Counters
) -> Iterable[Row]:
    """What is estimated from texts, and what from lengths alone."""
    base = {"model": model["model"], "side": side}
    own = [
        t for t in texts if t.model == model["model"] and t.row[f"{side}_tokens"] is None and t.base(side) is not None
    ]
    counted = [t for t in own if t.row[f"{side}_chars"]]
    if model[f"{side}_texts"] and counted:
        seen = sum(t.row[f"{side}_chars"] for t in counted)
        scale = float(model[f"{side}_text_chars"]) / seen
        figures = from_texts(counted, side, usual.get((model["model"], side)), scale, counters)
        yield {**base, "requests": model[f"{side}_texts"], **figures}
    if model[f"{side}_lengths"]:
        yield {**base, "requests": model[f"{side}_lengths"], **from_lengths(model, side)}


def from_texts(rows: Sequence[Sampled], side: str, usual: Spread | None, scale: float, counters: Counters) -> Row:
    """Counted texts times what this log's own rows of the model say, else what is stated of its family.

    scale: characters of all such texts over those of the sample; 1 where all were counted.
    """
    base = scale * sum(row.base(side) or 0 for row in rows)
    if usual is not None and usual.n >= FEWEST_ROWS:
        return figures(base, usual.median, usual.p25, usual.p75, CALIBRATED, usual.n)
    tokenizer = rows[0].tokenizer
    if tokenizer.method != "ratio":
        return figures(base, 1.0, None, None, STATED[tokenizer.method], 0)
    stated = [(*counters.stated(tokenizer, row.row[f"{side}_text"] or ""), row.base(side) or 0) for row in rows]
    whole = sum(tokens for *_, tokens in stated) or 1
    # Each text's own ratio and error, weighed by its tokens.
    middle = sum(ratio * tokens for ratio, _, tokens in stated) / whole
    off = sum(ratio * error * tokens for ratio, error, tokens in stated) / whole
    return figures(base, middle, middle - off, middle + off, STATED["ratio"], 0)


def from_lengths(model: Row, side: str) -> Row:
    """Characters times this log's own tokens a character, else a token for four of them."""
    chars, n = float(model[f"{side}_length_chars"]), model[f"{side}_n"]
    if n >= FEWEST_ROWS:
        p25, p50, p75 = (model[f"{side}_{p}"] for p in ("p25", "p50", "p75"))
        return figures(chars, p50, p25, p75, LENGTHS, n)
    usual = 1 / CHARS_A_TOKEN
    return figures(chars, usual, usual * (1 - ROUGH), usual * (1 + ROUGH), FOUR, 0)


def figures(base: float, ratio: float, low: float | None, high: float | None, method: str, n: int) -> Row:
    """The cells of an estimate."""
    return {
        "estimated_tokens": round(base * ratio),
        "low_tokens": None if low is None else round(base * low),
        "high_tokens": None if high is None else round(base * high),
        "method": method, "calibration_requests": n, "calibration_ratio": ratio,
    }  # fmt: skip


def notes(models: Sequence[Row], part: Part) -> list[str]:
    """What was estimated, what could not be, and that no total has it."""
    found = []
    if part.rows:
        found.append(
            "part estimated: tokens of requests that log none, in no total of llmscope; low and high are the quartiles "
            "of the calibration, or the stated error of the ratio"
        )
    for side in SIDES:
        lost = sum(m[f"{side}_missing"] - m[f"{side}_texts"] - m[f"{side}_lengths"] for m in models)
        if lost:
            said, whom = (f"{lost:,} requests log", "them") if lost != 1 else ("1 request logs", "it")
            found.append(
                f"{said} no {side} tokens, no {side} text and no length: nothing is estimated for {whom}; "
                f"--map {side}_chars=KEY if the log has it"
            )
    return found
