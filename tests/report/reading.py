"""Reports read back: the tables and the first page of Markdown and of HTML, as their readers see them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

from markdown_it import MarkdownIt

UNITS = {"ms": 1.0, "s": 1e3, "min": 6e4, "h": 3.6e6, "%": 0.01}
NUMBER = re.compile(r"^(?P<bound>[<>]?)(?P<sign>-?)\$?(?P<bare>[\d,]+(?:\.(?P<decimals>\d+))?) ?(?P<unit>[a-zA-Z%]*)$")
VOID = ("br", "hr", "img", "input", "meta", "link", "col")


@dataclass
class Page:
    """The tables of a document, header and foot with the rows, and its text in order."""

    tables: list[list[list[str]]] = field(default_factory=list)
    first: str = ""
    images: list[str] = field(default_factory=list)


class Reader(HTMLParser):
    """Takes cells and texts out of HTML; scripts, styles and pictures hold none."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page, self.cell, self.muted, self.texts = Page(), None, 0, []
        self.row: list[str] | None = None
        self.inside_first = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in ("script", "style", "svg"):
            self.muted += 1
        if tag == "section":
            self.inside_first = given.get("id") == "first"
        if tag == "img":
            self.page.images.append(given.get("src") or "")
        if tag == "table":
            self.page.tables.append([])
        if tag == "tr":
            self.row = []
        if tag in ("td", "th"):
            self.cell = ""

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style", "svg"):
            self.muted -= 1
        if tag == "section":
            self.inside_first = False
        if tag in ("td", "th") and self.row is not None and self.cell is not None:
            self.row.append(" ".join(self.cell.split()))
            self.cell = None
        if tag == "tr" and self.row is not None:
            self.page.tables[-1].append(self.row)
            self.row = None

    def handle_data(self, data: str) -> None:
        if self.muted:
            return
        if self.cell is not None:
            self.cell += data
        if self.inside_first:
            self.texts.append(data)


def of_html(text: str) -> Page:
    """An HTML report; its first page is the section of that name."""
    reader = Reader()
    reader.feed(text)
    reader.page.first = " ".join("".join(reader.texts).split())
    return reader.page


def of_markdown(text: str) -> Page:
    """A Markdown report as GitHub's dialect reads it; its first page ends where the contents begin."""
    page = of_html(MarkdownIt("commonmark").enable("table").enable("strikethrough").render(text))
    page.first = unescaped(text.split("\n## Contents")[0])
    return page


def unescaped(text: str) -> str:
    """Markdown's signs as people read them."""
    plain = re.sub(r"\\([\\`*_{}\[\]#~!^|+\-=.)$])", r"\1", text)
    for entity, sign in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"), ("&#58;", ":"), ("&#46;", ".")):
        plain = plain.replace(entity, sign)
    return plain


def says(cell: str, raw: object, kind: str) -> bool:
    """Whether a cell shows this raw figure, to the digits it shows."""
    if raw is None:
        return cell in ("–", "", "(none)")
    found = NUMBER.match(cell)
    if not isinstance(raw, (int, float)) or isinstance(raw, bool) or not found:
        return True
    unit = UNITS.get(found["unit"], 1.0)
    shown = float(found["bare"].replace(",", "")) * unit * (-1 if found["sign"] else 1)
    last = unit * 10.0 ** -len(found["decimals"] or "")
    if found["bound"]:
        return abs(raw) < abs(shown) or kind == "text"
    return abs(shown - raw) <= 0.5000001 * last + 1e-12
