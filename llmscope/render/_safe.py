"""Log text made harmless: what a terminal or an editor would obey, or would hide, becomes a visible escape."""

from __future__ import annotations

import re
import unicodedata

# Controls, bidi marks, invisible fillers, selectors that can smuggle text, noncharacters, lone surrogates.
_OBEYED_OR_HIDDEN = (
    "\x00-\x1f\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufdd0-\ufdef\ufe00-\ufe0d\ufeff\uffa0"
    "\ufff0-\ufffb\ufffe\uffff\U000110bd\U000110cd\U00013430-\U0001345f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
) + "".join(f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0x10000, 0x110000, 0x10000))
_UNSAFE = re.compile(f"[{_OBEYED_OR_HIDDEN}]")
_LINE_END = re.compile("\r\n|\r|\n")
_SURROGATE = re.compile("[\ud800-\udfff]")
# A bar over time, as analyses draw it: before the step, beside the critical path, on it.
_BAR = re.compile("[·▒█]+")
_BAR_IN_ASCII = str.maketrans("·▒█", ".-#")
_FORMULA_STARTS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def _escaped(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def one_line(text: str, unicode: bool = True) -> str:
    """`text` on one line: line ends become a sign, tabs a space, everything dangerous an escape."""
    if text.isascii() and text.isprintable():
        return text
    flat = _LINE_END.sub("⏎" if unicode else " ", text).replace("\t", " ")
    return ascii_only(_UNSAFE.sub(_escaped, flat), unicode)


def is_bar(text: str) -> bool:
    """`text` is a bar over time and nothing else."""
    return _BAR.fullmatch(text) is not None


def many_lines(text: str, unicode: bool = True) -> list[str]:
    """The lines of `text`, each harmless; for SQL, whose layout is worth keeping."""
    return [one_line(line.replace("\t", "    "), unicode).rstrip() for line in _LINE_END.split(text.strip("\r\n"))]


def ascii_only(text: str, unicode: bool) -> str:
    """`text` for a terminal that may know only ASCII, so that printing it cannot fail."""
    if not unicode and is_bar(text):
        return text.translate(_BAR_IN_ASCII)
    return text if unicode else text.encode("ascii", "backslashreplace").decode("ascii")


def csv_text(text: str) -> str:
    """`text` for a spreadsheet: a leading apostrophe keeps it from being a formula; line ends and tabs stay."""
    kept = _LINE_END.sub("\n", text)
    harmless = _UNSAFE.sub(lambda m: m.group() if m.group() in "\n\t" else _escaped(m), kept)
    is_formula = text.startswith(("\t", "\r")) or text.lstrip().startswith(_FORMULA_STARTS)
    return f"'{harmless}" if is_formula else harmless


def json_text(text: str) -> str:
    """`text` as it is; a lone surrogate, which is no character, becomes U+FFFD so that strict readers go on."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def cells_wide(text: str) -> int:
    """How many terminal cells `text` takes: two for wide East Asian letters and emoji, none for combining marks."""
    if text.isascii():
        return len(text)
    return sum(_cell(character) for character in text)


def _cell(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
