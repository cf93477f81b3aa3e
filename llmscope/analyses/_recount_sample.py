"""Which rows `recount` looks at: a sample drawn by hash, the same every time, and each row's texts counted once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llmscope.analyses import _counted
from llmscope.tokens import Counter, Message, Tokenizer, messages_of, tokenizer_of
from llmscope.tokens.ratios import CHARS_A_TOKEN, by_characters, ratio_of, script_of

if TYPE_CHECKING:
    from llmscope.logs import Logs
    from llmscope.schema import Dimension

Row = dict[str, Any]
SIDES = ("input", "output")
# Failed requests, the gateway's own answers and embeddings have no prompt and answer that both were paid for.
LEFT_OUT = ("failed", "cached", "embeddings")
# What redaction leaves in a text; its tokens are not those of what stood there.
PLACED = re.compile(r"\[(?:EMAIL|PHONE|CARD|IBAN|IP|KEY|TOKEN|PASSWORD)\]")
# The usage was reported: not guessed by the log itself.
REPORTED = "usage_semantics NOT IN ('estimated', 'missing')"
WITH_USAGE = (
    f"{REPORTED} AND ((input_text IS NOT NULL AND input_tokens IS NOT NULL)"
    " OR (output_text IS NOT NULL AND output_tokens IS NOT NULL))"
)
WITHOUT_USAGE = (
    "((input_text IS NOT NULL AND input_tokens IS NULL) OR (output_text IS NOT NULL AND output_tokens IS NULL))"
)

# One of each model before the second of any, so that a rare model is looked at too. {counts}: whether a request counts;
# {wanted}: whether it has what is asked.
IDS_SQL = """
WITH hashed AS (
    SELECT request_id, model, md5(concat(request_id, $seed)) AS drawn FROM requests WHERE {counts} AND {wanted}
), placed AS (
    SELECT request_id, drawn, row_number() OVER (PARTITION BY model ORDER BY drawn, request_id) AS place FROM hashed
)
SELECT request_id FROM placed WHERE place <= $most ORDER BY place, drawn, request_id LIMIT {most}
"""
# {ids}: a bound value for each request drawn.
ROWS_SQL = """
SELECT {dimensions} request_id, model, operation, input_text, output_text, input_tokens, output_tokens,
    reasoning_tokens, coalesce(image_input_tokens, 0) + coalesce(audio_input_tokens, 0) AS media_tokens,
    coalesce(finish_reason, '') = 'tool_calls' AS calls_tools,
    coalesce(input_chars, length(input_text)) AS input_chars,
    coalesce(output_chars, length(output_text)) AS output_chars
FROM requests
WHERE request_id IN ({ids})
"""


@dataclass(frozen=True)
class Sampled:
    """One request of the sample: its row, the dimensions asked for, its prompt as messages, and its texts' tokens.

    input_base, output_base: tokens of the encoding itself, None without a text.
    """

    row: Row
    slice: tuple[Any, ...]
    tokenizer: Tokenizer
    messages: tuple[Message, ...] = ()
    input_base: int | None = None
    output_base: int | None = None

    @property
    def model(self) -> str:
        return str(self.row["model"])

    def base(self, side: str) -> int | None:
        return self.input_base if side == "input" else self.output_base

    def logged(self, side: str) -> int | None:
        """The tokens that the text stands for: of an answer those that were not its reasoning."""
        found: int | None = self.row[f"{side}_tokens"]
        hidden = self.row["reasoning_tokens"] or 0
        return found - hidden if side == "output" and found is not None else found

    def flaw(self, side: str) -> str | None:
        """Why the two figures may differ without either being wrong."""
        if PLACED.search(self.row[f"{side}_text"] or ""):
            return "redacted"
        if side == "output":
            return "tools" if self.row["calls_tools"] else None
        return "media" if self.row["media_tokens"] or any(m.media for m in self.messages) else None


@dataclass
class Counters:
    """A counter an encoding, so that a text that several models were sent is counted once."""

    named: str | None = None
    _made: dict[str, Counter] | None = None

    def tokenizer(self, model: str) -> Tokenizer:
        """The model's, or that of the model it is said to be."""
        return tokenizer_of(self.named or model)

    def of(self, encoding: str) -> Counter:
        self._made = self._made or {}
        return self._made.setdefault(encoding, Counter(Tokenizer(encoding, "exact")))

    def prompt(self, encoding: str, text: str, messages: Sequence[Message], operation: str) -> int:
        """A prompt's tokens; a text without messages is taken for one message of the user where it was a chat."""
        counter = self.of(encoding)
        if messages:
            return counter.framed(messages)
        if operation in ("chat", "generate_content"):
            return counter.framed([Message("user", ((None, text),))])
        return counter.tokens(text)

    def stated(self, tokenizer: Tokenizer, text: str) -> tuple[float, float]:
        """The ratio that is stated for a model's family and this text's script, and its error as a share of it."""
        script = script_of(text)
        found = ratio_of(tokenizer.family, script)
        base = self.of(tokenizer.encoding).tokens(text)
        if by_characters(tokenizer.family, script) and base:
            return len(text) / CHARS_A_TOKEN / base, found.error
        return found.ratio, found.error


def sample(
    logs: Logs, wanted: str, counted: frozenset[str], most: int, seed: str, by: Sequence[Dimension], counters: Counters
) -> list[Sampled]:
    """At most `most` requests with what is wanted, their texts counted."""
    names = {"counts": _counted.condition(counted, LEFT_OUT), "wanted": wanted, "most": str(most)}
    ids = [row["request_id"] for row in logs.query(IDS_SQL, names=names, seed=seed, most=most)]
    if not ids:
        return []
    bound = {f"id{i}": value for i, value in enumerate(ids)}
    listed = ", ".join(f"${name}" for name in bound)
    rows = logs.query(ROWS_SQL, by=by, names={"ids": listed}, **bound)
    logs.ran[-1] = logs.ran[-1].replace(listed, "…")
    place = {value: i for i, value in enumerate(ids)}
    rows.sort(key=lambda row: (place[row["request_id"]], *(str(row[d.word]) for d in by)))
    return [counted_row(row, tuple(row[d.word] for d in by), counters) for row in rows]


def counted_row(row: Row, cells: tuple[Any, ...], counters: Counters) -> Sampled:
    """A row with its texts counted."""
    tokenizer = counters.tokenizer(row["model"])
    asked, said = row["input_text"], row["output_text"]
    messages = tuple(messages_of(asked) or ()) if asked else ()
    prompt = counters.prompt(tokenizer.encoding, asked, messages, row["operation"]) if asked is not None else None
    answer = counters.of(tokenizer.encoding).tokens(answered(said)) if said is not None else None
    return Sampled(row, cells, tokenizer, messages, prompt, answer)


def answered(text: str) -> str:
    """The words of an answer that was logged as a message."""
    messages = messages_of(text) or messages_of(f"[{text}]") if text[:1] in "[{" else None
    return "\n".join(t for m in messages for _, t in m.texts) if messages else text
