"""What prompts are made of: system, history, retrieved context, tools, user; scaled to what the provider counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llmscope.analyses._recount_sample import Counters, Row, Sampled
from llmscope.result import Column, Part
from llmscope.tokens import parts_of
from llmscope.tokens.messages import PARTS, framing

# Of a prompt of which the log shows less than half, the shares would be a guess.
MOSTLY_SHOWN = 0.5
COLUMNS = (
    Column("requests", "count", "n"),
    Column("input_tokens", "tokens"),
    *(Column(f"{part}_ratio", "ratio") for part in PARTS),
    *(Column(f"{part}_tokens", "tokens", optional=True) for part in PARTS),
)


def anatomy(rows: Sequence[Sampled], words: Sequence[str], columns: Sequence[Column], counters: Counters) -> Part:
    """A row a slice, those with the most tokens first."""
    groups: dict[tuple[Any, ...], list[list[int]]] = {}
    for row in rows:
        if (shares := parts(row, counters)) is not None:
            groups.setdefault(row.slice, []).append(shares)
    found = [row_of(dict(zip(words, cells, strict=True)), group) for cells, group in groups.items()]
    found.sort(key=lambda row: (-row["input_tokens"], *(str(row[word]) for word in words)))
    return Part((*columns, *COLUMNS), tuple(found))


def row_of(cells: Row, group: Sequence[Sequence[int]]) -> Row:
    """The sums of a slice and their shares."""
    sums = [sum(column) for column in zip(*group, strict=True)]
    whole = sum(sums)
    return {
        **cells, "requests": len(group), "input_tokens": whole,
        **{f"{part}_ratio": n / whole if whole else None for part, n in zip(PARTS, sums, strict=True)},
        **{f"{part}_tokens": n for part, n in zip(PARTS, sums, strict=True)},
    }  # fmt: skip


def parts(row: Sampled, counters: Counters) -> list[int] | None:
    """A prompt's tokens by part, adding up to the provider's count; None where that or the messages are not known.

    Nor where the log shows less than half of what the provider counted.
    """
    logged = row.row["input_tokens"]
    if logged is None or not row.messages or row.flaw("input") == "media":
        return None
    if not MOSTLY_SHOWN <= (row.input_base or 0) / max(logged, 1) <= 1 / MOSTLY_SHOWN:
        return None
    counter = counters.of(row.tokenizer.encoding)
    counted = dict.fromkeys(PARTS, 0)
    framed: set[int] = set()
    for part, message, text in parts_of(row.messages):
        counted[part] += counter.tokens(text)
        if id(message) not in framed:  # what the format adds to a message goes with its first text
            framed.add(id(message))
            counted[part] += framing(message) + counter.tokens(message.role) + counter.tokens(message.name or "")
    return apportioned(logged, [counted[part] for part in PARTS])


def notes(rows: Sequence[Sampled], made: Part) -> list[str]:
    """That placeholders stand for what was redacted, where prompts with them were taken apart."""
    n = len({row.row["request_id"] for row in rows if row.messages and row.flaw("input") == "redacted"})
    if not made.rows or not n:
        return []
    return [
        f"anatomy: up to {n:,} of its prompts hold{'s' * (n == 1)} placeholders of redacted personal data: their "
        "shares are near, not exact; recount of the log files themselves reads the texts as they are"
    ]


def apportioned(whole: int, weights: Sequence[int]) -> list[int] | None:
    """`whole` in whole numbers in proportion to the weights: by largest remainders, the first of equals first."""
    total = sum(weights)
    if total <= 0:
        return None
    floors = [whole * weight // total for weight in weights]
    by_rest = sorted(range(len(weights)), key=lambda i: (-(whole * weights[i] % total), i))
    for i in by_rest[: whole - sum(floors)]:
        floors[i] += 1
    return floors
