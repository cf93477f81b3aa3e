"""Personal data and secrets out of text: each is replaced by a typed placeholder such as [EMAIL] or [KEY].

Shapes are found by linear regular expressions here; what a shape alone cannot say is asked of a kept library, imported
when the first candidate turns up: python-stdnum (Luhn, IBAN), phonenumbers (phone numbers), ipaddress. detect-secrets
costs 0.17 s and requests + PyYAML to import, its keyword rules want quoted source code and its entropy rules flag
request ids; presidio brings spaCy and a model. Both are left out, and key prefixes live in a table here.
Where in doubt between a leak and a placeholder too many: the placeholder, unless it would eat ids, dates or counts.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import NamedTuple

from llmscope.redact._checks import authorization_of, card_of, cookie_of, email_of, iban_of, ip_of, kind_of, phone_of
from llmscope.redact._shapes import (
    ASSIGNED,
    AUTHORIZATION,
    CARD,
    COOKIE,
    EMAIL,
    IBAN,
    IPV4,
    IPV6,
    JWT,
    KEY,
    KEY_STARTS,
    KINDS,
    NAME_END,
    NAME_ENDS,
    NAMED,
    PEM,
    PHONE,
    PHONE_NAMED,
    PLACED,
    SLACK_HOOK,
    UNIT,
    USERINFO,
)

__all__ = ["KINDS", "redact", "redact_head", "redact_many"]

# Zero-width letters, the soft hyphen, full-width digits, letters, full stop and @.
HIDING = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufeff\uff0e\uff10-\uff19\uff20-\uff3a\uff41-\uff5a]")
PASSES = 8  # what a placeholder uncovers beside it is looked at again: twice is usual, more is hostile


def redact(text: str) -> str:
    """The text with e-mail, phone, card, IBAN, IP, keys, tokens and passwords replaced; twice changes nothing.

    Letters that nobody sees, and wide ones, hide none of these: where the text without them has some, that is the text.
    """
    text = _redacted(text)
    if text.isascii() or not HIDING.search(text):
        return text
    plain = "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
    bare = _redacted(plain)
    return text if bare == plain else bare


def _redacted(text: str) -> str:
    """Until nothing more is found."""
    for _ in range(PASSES):
        before, text = text, _once(text)
        if text == before:
            break
    return text


def redact_many(texts: Sequence[str | None]) -> list[str | None]:
    """`redact` for a column; nulls stay null."""
    return [None if text is None else redact(text) for text in texts]


def redact_head(raw: bytes, limit: int = 200) -> str:
    """The first `limit` characters of a raw line, redacted before the cut, control characters as visible escapes."""
    window = 4 * limit + 4096
    text = redact(_decoded(raw[:window]))
    if len(raw) > window:  # what the window cut through could not be recognised
        text = text[:-512]
    head, used = [], 0
    for unit in UNIT.finditer(text.rstrip("\r\n")):
        shown = unit[0] if unit[0].isprintable() else unit[0].encode("unicode_escape").decode("ascii")
        used += len(shown)
        if used > limit:
            break
        head.append(shown)
    return "".join(head)


def _decoded(raw: bytes) -> str:
    """Bytes as text without ever failing; UTF-16 by its mark or its NULs, so that it is not shown letter by letter."""
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return raw.decode("utf-16", errors="replace")
    if len(raw) >= 8 and (nul_ratio := raw.count(0) / len(raw)) > 0.3 and nul_ratio < 0.7:
        return raw.decode("utf-16-be" if raw[0] == 0 else "utf-16-le", errors="replace")
    return raw.decode("utf-8", errors="replace")


def _once(text: str) -> str:
    return _applied(SHAPES, _without_assigned(_applied(HEADERS, text)))


def _applied(rules: Sequence[_Rule], text: str) -> str:
    folded = text.lower()
    for rule in rules:
        searched = folded if rule.folds else text
        started = not rule.starts or any(start in searched for start in rule.starts)
        if started and (rule.hint is None or rule.hint.search(text)):
            text = rule.shape.sub(rule.replacement, text)
    return text


def _without_assigned(text: str) -> str:
    """A fast search for names, then the slow shape at each of them."""
    folded = text.replace("\u0130", "i").lower()  # the one letter that lower() makes longer: places stay the same
    if not any(end in folded for end in NAME_ENDS) or not NAME_END.search(folded):
        return text
    pieces: list[str] = []
    done = at = 0
    while hint := NAMED.search(folded, at):
        at = hint.start() + 1
        if match := ASSIGNED.match(text, hint.start()):
            value = match["quoted"] if match["quote"] else match["bare"].rstrip(")]}.!?")
            at = start = match.start("quoted" if match["quote"] else "bare")
            if PLACED.match(text, start):
                continue
            if kind := kind_of(match, value):
                pieces += [text[done:start], f"[{kind}]"]
                at = done = start + len(value)
            elif match["bare"] and len(value) > 256:
                at = match.end()
    return "".join([*pieces, text[done:]])


class _Rule(NamedTuple):
    """A shape, what it becomes, and the literals without one of which the text cannot hold it."""

    shape: re.Pattern[str]
    replacement: str | Callable[[re.Match[str]], str]
    starts: tuple[str, ...] = ()
    folds: bool = False
    hint: re.Pattern[str] | None = None


HEADERS = (
    _Rule(PEM, "[KEY]", ("-----BEGIN",)),
    _Rule(USERINFO, r"\1[PASSWORD]", ("://",)),
    _Rule(COOKIE, cookie_of, ("cookie", "sessid=", "sessionid=", "connect.sid="), folds=True),
    _Rule(AUTHORIZATION, authorization_of, ("authorization", "bearer", "basic"), folds=True),
)
SHAPES = (
    _Rule(KEY, "[KEY]", KEY_STARTS),
    _Rule(SLACK_HOOK, "[KEY]", ("hooks.slack.com",)),
    _Rule(JWT, "[TOKEN]", ("eyJ", "ya29.")),
    _Rule(EMAIL, email_of, ("@", "%40")),
    _Rule(IBAN, iban_of, hint=re.compile(r"[0-9](?<=[A-Za-z]{2}.)[0-9]")),
    _Rule(CARD, card_of),
    _Rule(IPV6, ip_of, (":",), hint=re.compile(r":[0-9A-Fa-f]{0,4}:")),
    _Rule(IPV4, ip_of, (".",)),
    _Rule(PHONE_NAMED, r"\1[PHONE]", ("phone", "tel", "mobile", "whatsapp", "fax"), folds=True),
    _Rule(PHONE, phone_of),
)
