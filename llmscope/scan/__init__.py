"""Attempts at injection, personal data and secrets in texts, by the rules of data/safety_rules.toml; nothing is stored.

Personal data and secrets are found by llmscope.redact: what it would take out of a text is what the text holds. A text
that was redacted when it was loaded holds placeholders, which count as what stood there.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from llmscope.redact import KINDS, redact
from llmscope.scan.rules import Rule, Rules, read_rules
from llmscope.tokens import messages_of

__all__ = ["Rule", "Rules", "Scanner", "read_rules"]

PLACED = re.compile(rf"\[({'|'.join(KINDS)})\]")
ZERO_WIDTH = re.compile("[\u200b-\u200d\u2060-\u2064\ufeff\u00ad]")
# Whose words are no attempt at injection: those of the house and of the model.
OWN_ROLES = ("system", "developer", "assistant", "model", "ai", "tools")
# Texts whose findings are kept, so that one that comes again is not scanned again; at most some 60 MB.
MOST_KEPT = 200_000
# Around what was found, and what is masked there because redact may not know it for a secret.
REACH = 60
OPAQUE = re.compile(r"(?<!\[)\b(?=[^\s]{0,200}[0-9])[A-Za-z0-9_+/=-]{16,200}|[0-9](?:[ .-]?[0-9]){6,40}")
Hits = tuple[str, ...]


@dataclass
class Scanner:
    """The rules, and what they found in the texts seen last."""

    rules: Rules = field(default_factory=read_rules)
    characters: int = 0
    distinct: int = 0
    _kept: dict[bytes, Hits] = field(default_factory=dict)

    def scan(self, text: str, side: str) -> Hits:
        """The names of the rules that a text meets.

        Args:
            side: input (a prompt, where attempts at injection are looked for too) or output.
        """
        digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16, person=side.encode()).digest()
        found = self._kept.get(digest)
        if found is None:
            found = self._scanned(text, side)
            self.characters += len(text)
            self.distinct += 1
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            self._kept[digest] = found
        return found

    def _scanned(self, text: str, side: str) -> Hits:
        whole, asked = said_in(text)
        seen = folded(asked) if side == "input" else ""
        found = [rule.name for rule in self.rules.patterns if seen and meets(rule, asked, seen)]
        placed = {match[1] for match in PLACED.finditer(redact(whole))}
        return (*found, *(rule.name for rule in self.rules.placeholders if rule.placeholder in placed))

    def excerpt(self, text: str, rule: Rule) -> str:
        """What stands around the first thing a rule finds, personal data and secrets taken out."""
        whole, asked = said_in(text)
        safe = shown(asked if rule.pattern else whole)
        if rule.pattern is None:
            match = re.search(re.escape(f"[{rule.placeholder}]"), safe)
        elif rule.raw:  # what nobody sees is not shown: the place where it stood
            found = rule.pattern.search(asked)
            match = re.compile("").search(safe, len(shown(asked[: found.start()]))) if found else None
        else:
            match = rule.pattern.search(folded(safe))
        start, end = match.span() if match else (0, 0)
        return cut(safe, max(start - REACH, 0), min(end, start + 2 * REACH) + REACH)


def said_in(text: str) -> tuple[str, str]:
    """All that a text says, and of it what is neither the system's nor the model's: of a chat, by its messages."""
    messages = messages_of(text)
    if not messages:
        return text, text
    every: list[str] = [said for message in messages for _, said in message.texts]
    asked: Sequence[str] = [said for m in messages if m.role not in OWN_ROLES for _, said in m.texts]
    return "\n".join(every), "\n".join(asked)


def meets(rule: Rule, text: str, seen: str) -> bool:
    """Whether a rule's pattern is in a text; `seen` is the text as `folded` makes it."""
    if rule.pattern is None:
        return False
    if rule.raw:
        return not text.isascii() and rule.pattern.search(text) is not None
    if not all(any(hint in seen for hint in group) for group in rule.hints):
        return False
    return rule.pattern.search(seen) is not None


def folded(text: str) -> str:
    """Lower case; full-width and other letters of compatibility made plain, zero-width ones taken out."""
    plain = text if text.isascii() else ZERO_WIDTH.sub("", unicodedata.normalize("NFKC", text))
    return plain.lower().replace("\u2019", "'")


def shown(text: str) -> str:
    """A text on one line, personal data and secrets taken out: also those that letters nobody sees, wide ones or line
    ends hide from `redact`."""
    plain = text
    if not text.isascii():
        plain = "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
    return OPAQUE.sub("[…]", redact(" ".join(redact(plain).split())))


def cut(text: str, start: int, end: int) -> str:
    """A part of a text on one line, never through a placeholder, with … where something is left out."""
    for match in PLACED.finditer(text):
        if match.start() < start < match.end():
            start = match.start()
        if match.start() < end < match.end():
            end = match.end()
    part = " ".join(text[start:end].split())
    return ("… " if start > 0 else "") + part + (" …" if end < len(text) else "")
