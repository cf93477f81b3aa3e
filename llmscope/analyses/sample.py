"""Which items shall a person label? A sample with its weights, ready for a spreadsheet; or a thinner log to keep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from llmscope.analyses import _sample_keep, _slices
from llmscope.analyses._sample_draw import Drawn, Plan, Row, draw
from llmscope.analyses._sample_judged import plan_of_scores
from llmscope.analyses._sample_sql import LABELLED, NOT_LISTED
from llmscope.errors import UsageError, unknown_name
from llmscope.result import Column, Coverage, Part, Result

if TYPE_CHECKING:
    from llmscope.logs import Logs
    from llmscope.schema import Dimension

# The tables it asks; of log files, only those that fill them are read.
TABLES = ("requests", "scores")
# Columns that a sample never looks at; --keep writes them all.
UNREAD = (
    "finish_reason_raw", "error_message", "prefix_hashes", "embedding", "tags", "metadata", "queue_ms", "network_ms",
    "inference_ms", "postprocess_ms", "temperature", "input_chars", "output_chars",
)  # fmt: skip
BRINGS = {"keep": UNREAD}
# The option that has texts read from log files, redacted; and the one under which -o is a file of rows kept.
KEEPS_TEXT = "with_text"
WRITES = "keep"

HOW = ("random", "stratified", "errors", "disagreement", "uncertain")
MOST_ROWS = 10_000
WORDS_ALREADY = "labelled"
# What a person fills in.
TO_FILL = (Column("score", "text"), Column("label", "text"), Column("rater", "text"), Column("comment", "text"))


@dataclass(frozen=True)
class Asked:
    """What to draw, from what."""

    n: int
    how: str
    groups: tuple[Dimension, ...]
    seed: int
    exclude: tuple[str, ...]
    texts: bool


def sample(
    logs: Logs,
    n: Annotated[int, "how many items"] = 200,
    how: Annotated[str, "random, stratified, errors, disagreement or uncertain"] = "random",
    by: Annotated[str | None, "dimensions shown beside each item; the strata of --how stratified"] = None,
    seed: Annotated[int, "another number draws another sample"] = 0,
    exclude: Annotated[
        list[str] | None, "a file of an earlier sample whose items are left out (repeatable); or: labelled"
    ] = None,
    score: Annotated[str | None, "the score to be labelled, or the one that judges differ in"] = None,
    bar: Annotated[float | None, "with --how uncertain: the score next to which a judge is in doubt"] = None,
    with_text: Annotated[bool, "prompts and answers too, where they are stored; redacted"] = False,
    keep: Annotated[str | None, "thin the log instead: errors=100%, success=10%, gpt-4o-mini=5%"] = None,
    out: Annotated[str | None, "the file to write, as -o; with --keep .jsonl, .jsonl.gz or .parquet"] = None,
) -> Result:
    """Items to label, or the rows of a log to keep, each with 1/probability; see the module's words."""
    if keep is not None:
        return _sample_keep.thinned(logs, keep, out, str(seed))
    asked = Asked(n, how, _slices.grouping(by, None), seed, tuple(exclude or ()), with_text)
    check(asked, bar)
    plan = plan_of(logs, asked, score, bar)
    eligible, notes = left_out(logs, asked)
    drawn = draw(logs, plan, asked.groups, eligible, seed=str(seed), n=n, texts=with_text)
    columns = columns_of(asked)
    rows = tuple(finish(row, columns, plan.score) for row in drawn.rows)
    parts = {"strata": Part(STRATA, drawn.strata)} if len(drawn.strata) > 1 else {}
    notes = [*plan.notes, *small_print(asked, rows, drawn), *notes]
    coverage = Coverage(drawn.every)
    return Result("sample", columns, rows, parts=parts, notes=tuple(notes), coverage=coverage, weighted=True)


STRATA = (
    Column("stratum", "text", "dimension"), Column("requests", "count"), Column("drawn", "count"),
    Column("weight", "rate"),
)  # fmt: skip


def check(asked: Asked, bar: float | None) -> None:
    """Refuses what cannot be drawn.

    Raises:
        UsageError: what is wrong with it.
    """
    if asked.how not in HOW:
        raise unknown_name("way to draw", asked.how, HOW)
    least = 1 if asked.how in ("random", "stratified") else 2
    if not least <= asked.n <= MOST_ROWS:
        raise UsageError(f"--n takes a number from {least} to {MOST_ROWS:,}")
    if any(d.unnests for d in asked.groups):
        raise UsageError("--by tag: a request has several tags and would be drawn under each", hint="use --where")
    if asked.how == "stratified" and not asked.groups:
        raise UsageError("--how stratified needs --by", hint="sample --how stratified --by model,feature")
    if bar is not None and asked.how != "uncertain":
        raise UsageError("--bar goes with --how uncertain")


def plan_of(logs: Logs, asked: Asked, score: str | None, bar: float | None) -> Plan:
    """How the items are put into strata, and what has to be joined for it."""
    if asked.how == "errors":
        return Plan("priority", "errors", score=score, failures=True)
    if asked.how in ("disagreement", "uncertain"):
        return plan_of_scores(logs, asked.how, score, bar)
    return Plan("keys" if asked.how == "stratified" else "one", "", score=score)


def left_out(logs: Logs, asked: Asked) -> tuple[list[str], list[str]]:
    """The conditions that --exclude puts on the requests, and what is said of it."""
    files = [Path(name) for name in asked.exclude if name != WORDS_ALREADY]
    conditions, notes = [], []
    if files:
        listed = logs.put_ids(files)
        conditions.append(NOT_LISTED)
        named = ", ".join(map(str, files))
        notes.append(f"{listed:,} items of {named} are not drawn again, nor do the weights stand for them")
    if WORDS_ALREADY in asked.exclude:
        conditions.append(LABELLED)
        notes.append("requests that a person has scored are not drawn, nor do the weights stand for them")
    return conditions, notes


def columns_of(asked: Asked) -> tuple[Column, ...]:
    """The item, what is told of it, and the empty cells."""
    texts = (Column("input_text", "text"), Column("output_text", "text")) if asked.texts else ()
    return (
        Column("request_id", "text", "dimension"),
        Column("started_at", "time", "dimension", optional=True),
        *_slices.columns_of(asked.groups),
        *texts,
        *TO_FILL,
        Column("name", "text", optional=True),
        *((Column("stratum", "text", optional=True),) if asked.how != "random" else ()),
        Column("sample_weight", "rate"),
    )


def finish(row: Row, columns: Sequence[Column], score: str | None) -> Row:
    """A row with the cells that are to be filled in empty."""
    done = {**row, **dict.fromkeys(c.name for c in TO_FILL), "name": score}
    return {column.name: done[column.name] for column in columns}


def small_print(asked: Asked, rows: Sequence[Row], drawn: Drawn) -> list[str]:
    """What the sample stands for, and how it comes back."""
    strata, every = drawn.strata, drawn.every
    if not rows and asked.how == "uncertain":
        return ["nothing to draw from: no item was judged twice; --bar takes those whose score is nearest to it"]
    if not rows:
        return ["nothing to draw from"]
    thinned = abs(drawn.stand_for - every) > 1e-6 * every
    all_of_them = f"the about {drawn.stand_for:,.0f} that these stand for" if thinned else f"all {every:,}"
    found = [
        f"{len(rows):,} of {every:,} requests drawn with seed {asked.seed}: the same log and seed draw the same; "
        f"sample_weight is how many requests a row stands for (a weighted mean is of {all_of_them}, a plain one of "
        "the rows)",
    ]
    if len(strata) > 1:
        sizes = [f"{s['stratum']} {s['drawn']:,} of {s['requests']:,}" for s in strata[:8]]
        more = f" and {len(strata) - 8} more" if len(strata) > 8 else ""
        found.append(f"strata: {'; '.join(sizes)}{more}")
    if len(rows) < asked.n:
        found.append(f"there {'is' if len(rows) == 1 else 'are'} only {len(rows):,} to draw")
    if asked.texts and not any(row["input_text"] or row["output_text"] for row in rows):
        found.append("no text of these is stored: llmscope load --keep-text keeps it, redacted")
    found.append("fill in score or label, and rater; llmscope load FILE reads it back, and again after an edit")
    return found
