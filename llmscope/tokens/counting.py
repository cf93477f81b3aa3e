"""Counting: a text's tokens by a model's tokenizer, each distinct text once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from llmscope.tokens.messages import REPLY, Message, framing, strings
from llmscope.tokens.models import Method, Tokenizer, tokenizer_of
from llmscope.tokens.ranks import encoding
from llmscope.tokens.ratios import CHARS_A_TOKEN, ROUGH, by_characters, ratio_of, script_of

if TYPE_CHECKING:
    from collections.abc import Callable

# tiktoken's expressions give up, with words on stderr, at white space of about a million characters (of two kinds in
# turn, at half a million). A longer run is cut here: a multiple of 128 spaces, which are one token.
LONGEST_RUN = 256_000
RUN = re.compile(rf"\s{{{LONGEST_RUN}}}")
# The counts of so many distinct texts are remembered.
REMEMBERED = 200_000


@dataclass(frozen=True, slots=True)
class Count:
    """A text's tokens. encoding: the tokenizer that counted them; the rest is of an estimate alone.

    ratio: to the tokens of the encoding; low, high: where the tokens lie by its stated error.
    """

    tokens: int
    method: Method
    encoding: str
    ratio: float | None = None
    low: int | None = None
    high: int | None = None


@dataclass
class Counter:
    """Counts texts as one model does, each distinct text once."""

    tokenizer: Tokenizer
    _known: dict[str, int] = field(default_factory=dict, repr=False)

    @cached_property
    def _encode(self) -> Callable[[str], list[int]]:
        return encoding(self.tokenizer.encoding).encode_ordinary

    def tokens(self, text: str) -> int:
        """The tokens of the encoding itself; text that spells a special token, <|endoftext|>, is text."""
        known = self._known.get(text)
        if known is None:
            known = self.encoded(text)
            if len(self._known) < REMEMBERED:
                self._known[text] = known
        return known

    def encoded(self, text: str) -> int:
        """Counted anew."""
        if len(text) <= LONGEST_RUN or not RUN.search(text):
            return len(self._encode(text))
        return sum(len(self._encode(piece)) for piece in cut(text))

    def count(self, text: str) -> Count:
        """A text's tokens as the model counts them; an estimate with its bounds where its tokenizer is not known."""
        own = self.tokenizer
        if own.method != "ratio":
            return Count(self.tokens(text), own.method, own.encoding)
        script = script_of(text)
        if by_characters(own.family, script):
            return estimate(len(text) / CHARS_A_TOKEN, 1.0, ROUGH, "characters / 4")
        found = ratio_of(own.family, script)
        return estimate(self.tokens(text), found.ratio, found.error, own.encoding)

    def counts(self, texts: Iterable[str]) -> list[Count]:
        """The counts of many texts, in their order."""
        known: dict[str, Count] = {}
        return [known[t] if t in known else known.setdefault(t, self.count(t)) for t in texts]

    def framed(self, messages: Sequence[Message]) -> int:
        """Tokens of chat messages in the encoding itself: their texts and what frames them.

        OpenAI's count (openai-cookbook, How_to_count_tokens_with_tiktoken): 3 a message, 1 a name, 3 for the reply.
        """
        return sum(self.tokens(s) for m in messages for s in strings(m)) + sum(map(framing, messages)) + REPLY

    def count_messages(self, messages: Sequence[Message]) -> Count:
        """The tokens of chat messages as a prompt; the frame of OpenAI is taken for everybody's."""
        own = self.tokenizer
        frame = sum(map(framing, messages)) + REPLY
        counted = self.counts([s for m in messages for s in strings(m)])
        tokens = sum(c.tokens for c in counted) + frame
        if own.method != "ratio":
            return Count(tokens, own.method, own.encoding)
        plain = tokens - frame
        low, high = (sum(getattr(c, bound) for c in counted) + frame for bound in ("low", "high"))
        base = sum(c.tokens / c.ratio for c in counted if c.ratio)
        named = next((c.encoding for c in counted), own.encoding)
        return Count(tokens, "ratio", named, plain / base if base else None, low, high)


def estimate(base: float, ratio: float, error: float, named: str) -> Count:
    """`base` tokens times a ratio that may be off by `error` of itself."""
    value = base * ratio
    return Count(round(value), "ratio", named, ratio, round(value * (1 - error)), round(value * (1 + error)))


def cut(text: str) -> list[str]:
    """The text in pieces none of which has too long a run of white space."""
    pieces, at = [], 0
    while found := RUN.search(text, at):
        pieces.append(text[at : found.end()])
        at = found.end()
    return [*pieces, text[at:]]


def counter(model: str) -> Counter:
    """A counter for many texts of one model."""
    return Counter(tokenizer_of(model))


def count(text: str, model: str) -> Count:
    """The tokens of one text as this model counts them."""
    return counter(model).count(text)
