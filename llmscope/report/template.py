"""Templates: which answers a report is made of, in TOML; the ready ones, a file's, and what llmscope.toml changes."""

from __future__ import annotations

import inspect
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, cast

from llmscope.errors import UsageError, unknown_name
from llmscope.questions import analyses, analysis
from llmscope.report.needs import NEEDS

HERE = Path(__file__).parent
FOLDER, LIBRARY = HERE / "templates", HERE / "sections.toml"
# Answers that only a report has: they are about its other answers.
OWN = ("movers", "health", "method")
WINDOWS = ("month", "week", "day", "all")
NEWS = ("info", "warning", "none")
OVER = ("this", "both")
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
Frame = Literal["month", "week", "day", "all"]


@dataclass(frozen=True)
class Wanted:
    """One section as a template asks for it.

    `news`: the least severity of its findings that stands on the first page. `window`: the report's own, or both the
    one before and this. `needs`: what the log must hold for it.
    """

    name: str
    analysis: str
    title: str = ""
    caption: str = ""
    page: str = "More"
    options: Mapping[str, Any] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    parts: tuple[str, ...] | None = None
    columns: tuple[str, ...] | None = None
    top: int | None = None
    charts: bool = True
    news: str = "warning"
    window: str = "this"


@dataclass(frozen=True)
class Template:
    """A report's title, which window it is of where none is asked for, and its sections in order."""

    name: str
    title: str
    sections: tuple[Wanted, ...]
    window: Frame = "month"


def names() -> tuple[str, ...]:
    """The ready templates."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def template_of(asked: str | None, settings: Mapping[str, Any], place: Path | None) -> Template:
    """The template asked for (a ready one's name, or a file), as the `[report]` table of llmscope.toml changes it.

    Raises:
        UsageError: no such template, or one that asks for what there is not.
    """
    own = dict(settings)
    named = asked or text_of(own.pop("template", None), "template", place) or "monthly"
    own.pop("template", None)
    made = ready(named) if named in names() else of_file(named)
    return changed(made, own, place) if own else made


@cache
def ready(name: str) -> Template:
    """One of the ready templates."""
    path = FOLDER / f"{name}.toml"
    return made_of(name, read(path), path)


def of_file(named: str) -> Template:
    """A template of one's own."""
    path = Path(named)
    if path.suffix != ".toml":
        raise unknown_name("template", named, names())
    if not path.is_file():
        raise UsageError(f"{named}: no such template file", hint=f"ready ones: {', '.join(names())}")
    return made_of(path.stem, read(path), path)


def read(path: Path) -> dict[str, Any]:
    """A TOML file.

    Raises:
        UsageError: it is none.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not valid TOML: {error}") from error
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from error


@cache
def library() -> Mapping[str, Wanted]:
    """The sections that ready templates share."""
    return {one.name: one for one in (wanted(table, LIBRARY) for table in read(LIBRARY)["section"])}


def made_of(name: str, table: Mapping[str, Any], place: Path) -> Template:
    """A template file's content."""
    check_keys(table, ("title", "window", "sections", "section"), place, "key")
    blank = Template(name, text_of(table.get("title"), "title", place) or name, (), frame_of(table, place))
    return with_sections(blank, table, place)


def frame_of(table: Mapping[str, Any], place: Path) -> Frame:
    found = text_of(table.get("window"), "window", place) or "month"
    if found not in WINDOWS:
        raise at(place, unknown_name("window", found, WINDOWS))
    return cast("Frame", found)


def changed(made: Template, table: Mapping[str, Any], place: Path | None) -> Template:
    """A template with what `[report]` says besides."""
    where = place or Path("[report]")
    check_keys(table, ("title", "window", "sections", "section"), where, "key of [report]")
    title = text_of(table.get("title"), "title", where) or made.title
    frame = frame_of(table, where) if "window" in table else made.window
    return with_sections(replace(made, title=title, window=frame), table, where)


def with_sections(made: Template, table: Mapping[str, Any], place: Path) -> Template:
    """The sections named, in that order, of the template, the library and the tables; those of a table are changed."""
    known = {**library(), **{one.name: one for one in made.sections}}
    tables = table.get("section", [])
    if not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
        raise UsageError(f"{place}: a section is a table: [[section]]")
    fresh = []
    for one in tables:
        found = wanted(one, place, known.get(str(one.get("name"))))
        known[found.name] = found
        fresh.append(found.name)
    listed = table.get("sections")
    if listed is None:
        order = [one.name for one in made.sections]
        listed = [*order, *(name for name in fresh if name not in order)]
    elif not isinstance(listed, list) or not listed or not all(isinstance(name, str) for name in listed):
        raise UsageError(f"{place}: sections is a list of names", hint=f"known: {', '.join(sorted(known))}")
    for name in listed:
        if name not in known:
            raise at(place, unknown_name("section", name, known))
        if listed.count(name) > 1:
            raise UsageError(f"{place}: section {name!r} stands there twice")
    return replace(made, sections=tuple(by_page([known[name] for name in listed])))


def by_page(sections: Sequence[Wanted]) -> list[Wanted]:
    """Sections of one page together, pages in the order in which they are first met."""
    pages = list(dict.fromkeys(one.page for one in sections))
    return sorted(sections, key=lambda one: pages.index(one.page))


def wanted(table: Mapping[str, Any], place: Path, base: Wanted | None = None) -> Wanted:
    """One section's table, checked against the analysis it asks.

    Raises:
        UsageError: an unknown key, analysis, option or need; the file, and the nearest name, are said.
    """
    check_keys(table, [f.name for f in fields(Wanted)], place, "key of a section")
    name = table.get("name")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise UsageError(f"{place}: a section has a name of small letters, digits and -", hint="not " + repr(name))
    where = f"{place}: section {name}"
    found = {key: checked(key, value, where) for key, value in table.items()}
    made = replace(base, **found) if base else Wanted(**{"analysis": name, **found})
    check_words(made, Path(where))
    check_options(made, Path(where))
    return made if made.title else replace(made, title=name.replace("-", " ").capitalize())


def check_words(made: Wanted, where: Path) -> None:
    """What stands for one of a few words is one of them."""
    for need in made.needs:
        if need not in NEEDS:
            raise at(where, unknown_name("need", need, NEEDS))
    for what, word, known in (("news", made.news, NEWS), ("window", made.window, OVER)):
        if word not in known:
            raise at(where, unknown_name(what, word, known))
    if made.top is not None and made.top < 1:
        raise UsageError(f"{where}: top takes a number of 1 or more")


def check_options(made: Wanted, where: Path) -> None:
    """The analysis exists and has the options asked of it."""
    if made.analysis in OWN:
        known: Mapping[str, Any] = {}
    elif made.analysis not in analyses():
        raise at(where, unknown_name("analysis", made.analysis, [*analyses(), *OWN]))
    else:
        known = {n: p for n, p in inspect.signature(analysis(made.analysis)).parameters.items() if n != "logs"}
    for option, value in made.options.items():
        if option not in known:
            raise at(where, unknown_name(f"option of {made.analysis}", option, known))
        check_type(option, value, str(known[option].annotation), where)


def check_type(option: str, value: Any, annotation: str, where: Path) -> None:
    """An option's value is of the type its analysis asks for."""
    kinds = {"str": str, "int": int, "float": (int, float), "bool": bool, "list[str]": list}
    inner = annotation.removeprefix("Annotated[").split(",")[0].split("|")[0].strip()
    kind = kinds.get(inner)
    if kind and (not isinstance(value, kind) or (isinstance(value, bool) and inner != "bool")):  # type: ignore[arg-type]
        raise UsageError(f"{where}: option {option} = {value!r} is no {inner}")


KINDS: dict[str, tuple[type, str]] = {
    "options": (dict, "a table"), "charts": (bool, "true or false"), "top": (int, "a whole number"),
}  # fmt: skip


def checked(key: str, value: Any, where: str) -> Any:
    """A key's value if it is of the key's type; lists become tuples."""
    if key in ("needs", "parts", "columns"):
        listed = [value] if isinstance(value, str) else value
        if isinstance(listed, list) and all(isinstance(one, str) for one in listed):
            return tuple(listed)
        raise UsageError(f"{where}: {key} = {value!r} is not a list of texts")
    kind, said = KINDS.get(key, (str, "text"))
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise UsageError(f"{where}: {key} = {value!r} is not {said}")
    return value


def text_of(value: Any, key: str, place: Path | None) -> str | None:
    if value is not None and not isinstance(value, str):
        raise UsageError(f"{place or '[report]'}: {key} = {value!r} is not text")
    return value


def check_keys(table: Mapping[str, Any], known: Sequence[str], place: Path, what: str) -> None:
    for key in table:
        if key not in known:
            raise at(place, unknown_name(what, key, known))


def at(place: Path, error: UsageError) -> UsageError:
    """An error with the file it is in."""
    return UsageError(f"{place}: {error.message}", hint=error.hint)
