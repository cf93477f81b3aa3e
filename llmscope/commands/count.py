"""How many tokens has this text? Files or standard input, counted offline by each model's own tokenizer."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from llmscope.errors import LlmscopeError, UsageError
from llmscope.result import Column, Result

if TYPE_CHECKING:
    from llmscope.tokens import Counter, Message

MODEL = Column("model", "text", "dimension")
COLUMNS = (
    Column("tokens", "tokens"),
    Column("low_tokens", "tokens", "low", "tokens"),
    Column("high_tokens", "tokens", "high", "tokens"),
    Column("method", "text"),
    Column("encoding", "text", optional=True),
    Column("ratio_to_o200k", "rate", optional=True),
    Column("messages", "count", optional=True),
    Column("characters", "count", optional=True),
    Column("bytes", "bytes", optional=True),
)
# Bytes that say how a text is written; UTF-8 where none of them does.
MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
PACKED = {b"\x1f\x8b": "gzip -dc", b"\x28\xb5\x2f\xfd": "zstd -dc"}
Row = dict[str, Any]


def count(
    texts: Annotated[list[str], "text files, or - for standard input"],
    model: Annotated[list[str] | None, "count as this model does (repeatable); default: cl100k and o200k"] = None,
) -> Result:
    """Tokens of each text by each model's tokenizer; see the module's words."""
    from llmscope.tokens import counter

    counters = [(name, counter(name)) for name in dict.fromkeys(model)] if model else plain_counters()
    places = list(dict.fromkeys(texts))  # standard input can be read once; a file named twice is one
    held: list[str] = []
    rows = [row for place in places for row in rows_of(place, counters, held)]
    several = len(places) > 1
    columns = (
        Column("file", "text", "dimension"),
        *([MODEL] if model else []),
        *(c for c in COLUMNS if is_told(c, rows)),
    )
    totals = None
    if several and len(counters) == 1:
        totals = {c.name: sum(r[c.name] for r in rows) if c.name in ("tokens", "characters", "bytes") else None
                  for c in columns}  # fmt: skip
    return Result("count", columns, tuple(rows), totals, notes=tuple(notes(rows, counters, held)))


def plain_counters() -> list[tuple[str, Counter]]:
    """Both encodings, where no model was named."""
    from llmscope.tokens import CL100K, O200K, Counter, Tokenizer

    return [(name, Counter(Tokenizer(name, "exact"))) for name in (CL100K, O200K)]


def is_told(column: Column, rows: Sequence[Row]) -> bool:
    """Whether a column says anything here: bounds and messages are of some texts only."""
    return column.name not in ("low_tokens", "high_tokens", "ratio_to_o200k", "messages") or any(
        row[column.name] is not None for row in rows
    )


def rows_of(place: str, counters: Sequence[tuple[str, Counter]], held: list[str]) -> Iterator[Row]:
    """A row a model of one text; what holds images or sound is added to `held`."""
    from llmscope.tokens import messages_of

    data = bytes_of(place)
    text = text_of(data, shown(place))
    messages = messages_of(text)
    held += [shown(place)] * any(message.media for message in messages or ())
    for name, by in counters:
        yield {
            "file": shown(place),
            "model": name,
            **counted(by, text, messages),
            "characters": len(text),
            "bytes": len(data),
        }


def counted(by: Counter, text: str, messages: Sequence[Message] | None) -> Row:
    """The cells of one count."""
    found = by.count_messages(messages) if messages else by.count(text)
    return {
        "tokens": found.tokens, "low_tokens": found.low, "high_tokens": found.high, "method": found.method,
        "encoding": found.encoding, "ratio_to_o200k": found.ratio, "messages": len(messages) if messages else None,
    }  # fmt: skip


def shown(place: str) -> str:
    return "standard input" if place == "-" else place


def bytes_of(place: str) -> bytes:
    """A file's bytes, or those of standard input.

    Raises:
        LlmscopeError: it cannot be read.
        UsageError: standard input is a terminal.
    """
    if place == "-":
        if sys.stdin.isatty():
            raise UsageError(
                "nothing is piped into standard input", hint="llmscope count FILE, or … | llmscope count -"
            )
        return sys.stdin.buffer.read()
    if not place:
        raise UsageError("a file without a name", hint="llmscope count FILE, or … | llmscope count -")
    try:
        return Path(place).read_bytes()
    except IsADirectoryError as error:
        raise LlmscopeError(f"{place}: is a folder", hint=f"name its files: llmscope count {place}/*") from error
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise LlmscopeError(f"{place}: {why}") from error


def text_of(data: bytes, name: str) -> str:
    """The text that the bytes are.

    Raises:
        LlmscopeError: they are none.
    """
    for magic, command in PACKED.items():
        if data.startswith(magic):
            raise LlmscopeError(f"{name}: is compressed", hint=f"{command} FILE | llmscope count -")
    coding = next((coding for mark, coding in MARKS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(coding)
    except UnicodeDecodeError as error:
        byte = f"0x{data[error.start]:02x}"
        raise LlmscopeError(
            f"{name}: not text: byte {byte} at offset {error.start:,} is no {coding.removesuffix('-sig').upper()}",
            hint="a text in another encoding: iconv -f latin1 -t utf-8 FILE | llmscope count -",
        ) from error
    if "\0" in text:
        raise LlmscopeError(f"{name}: not text: it holds NUL characters", hint="count takes text, not binary files")
    return text


def notes(rows: Sequence[Row], counters: Sequence[tuple[str, Counter]], held: Sequence[str]) -> Iterator[str]:
    """How it was counted, and how far that can be trusted."""
    if chats := dict.fromkeys(row["file"] for row in rows if row["messages"]):
        yield (
            f"{listed(list(chats))}: chat messages, counted as a prompt: their roles, names and texts, and OpenAI's 3 "
            "tokens a message, 1 a name and 3 for the reply; tools add some of their own"
        )
    if held:
        yield f"{listed(held)}: images or sound are in no count: a provider counts them by size, not by text"
    if assumed := [name for name, by in counters if by.tokenizer.method == "assumed"]:
        yield f"assumed: no source names the tokenizer of {', '.join(assumed)}; that of the models before it is taken"
    for name, by in counters:
        if by.tokenizer.method == "ratio":
            yield estimated(name, by.tokenizer.family)


def listed(names: Sequence[str]) -> str:
    """The first three, and how many more."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def estimated(name: str, family: str) -> str:
    """What an estimate rests on."""
    better = "llmscope recount calibrates on logs that have texts and usage"
    if family == "unknown":
        return f"ratio: {name} has no known tokenizer: the tokens of o200k, give or take 40 %; {better}"
    if family == "Gemini":
        return f"ratio: {name} publishes no tokenizer: about 4 characters a token, give or take 40 %; {better}"
    return f"ratio: {name}: tokens of o200k times what was measured for {family} and this script; {better}"
