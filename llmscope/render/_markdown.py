"""Markdown's signs: text in which nothing acts, code behind fences, and rows of a table."""

from __future__ import annotations

import re
from collections.abc import Sequence

from llmscope.render._safe import many_lines, one_line

_PUNCTUATION = re.compile(r"[\\`*\[\]{}|#~!^]|(?<![^\W_])_|_(?![^\W_])|\$(?!\d)|(?<=[a-zA-Z]):(?=//)|(?<=www)\.")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_TAGS = str.maketrans({"&": "&amp;", "<": "&lt;"})
_BLOCK_START = re.compile(r"^([-+=]|\d+(?=[.)]))")
# Without a sign of no width in it, GitHub tells the person of that name, and links the issue of that number.
_MENTION = re.compile(r"(?<![\w`])@(?=\w)|(?<!&)#(?=\d)|(?<=\bGH-)(?=\d)", re.IGNORECASE)
_APART = "&#8203;"

# What acts in a sentence or a cell of ours: a bracket alone is none, only what makes a link or a footnote of it.
_ACTING = re.compile(
    r"[\\`*|#~]|!(?=\[)|\[(?=\^)|\](?=[(\[:])|(?<![^\W_])_|_(?![^\W_])|\$(?!\d)|(?<=[a-zA-Z]):(?=//)|(?<=www)\."
)
_TASK = re.compile(r"^\[(?=[ xX]\])")


def readable(text: str, begins: bool = False) -> str:
    """`text` on one line, escaped no more than it must be; `begins`: it stands where a block may begin."""
    escaped = _TASK.sub(r"\\[", _ACTING.sub(_escaped, one_line(text).translate(_TAGS)).strip())
    escaped = unlinked(escaped)
    if not begins:
        return escaped
    escaped = escaped if not escaped.startswith(">") else f"\\{escaped}"
    return _numbered(_BLOCK_START.sub(r"\\\1", escaped) if not escaped[:1].isdigit() else escaped)


def harmless(text: str) -> str:
    """`text` on one line with every sign that Markdown or HTML would act on escaped."""
    escaped = unlinked(_PUNCTUATION.sub(_escaped, one_line(text).translate(_ENTITIES)).strip())
    return _BLOCK_START.sub(r"\\\1", escaped) if not escaped[:1].isdigit() else _numbered(escaped)


def unlinked(escaped: str) -> str:
    """`@name`, `#12` and `GH-12` as text: GitHub reads them in rendered text, where a backslash is gone."""
    return _MENTION.sub(lambda found: found.group() + _APART, escaped)


def _escaped(match: re.Match[str]) -> str:
    """A backslash, save in addresses, where only an entity keeps GitHub from making a link."""
    sign = match.group()
    return f"&#{ord(sign)};" if sign in ":." else f"\\{sign}"


def _numbered(text: str) -> str:
    """`1. so` would begin a list."""
    return re.sub(r"^(\d+)([.)])(?=\s|$)", r"\1\\\2", text)


def row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def fenced(sql: str) -> str:
    """SQL behind a fence longer than any run of backticks in it."""
    body = "\n".join(many_lines(sql))
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", body)), default=0))
    return f"\n{fence}sql\n{body}\n{fence}\n"
