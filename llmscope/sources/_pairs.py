"""A provider's own answer, as its SDK or API gave it: alone on a line, or beside the request that it answers.

A raw source names the paths it wants inside the answer and inside the request; this says in which columns they are.
Where the answer was streamed and its events were kept, as a list or as the text of the stream, they are merged first.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from llmscope.sources import Sample, literal, quote
from llmscope.sources._events import merged, payloads
from llmscope.sources._merge import Merge, last_item, opened

# Where an answer may stand in a record, and a request. Batch results wrap once more.
ANSWERS: tuple[tuple[str, ...], ...] = (
    ("response", "body"), ("result", "message"), ("response_body", "body"), ("response",), ("response_body",),
)  # fmt: skip
QUESTIONS: tuple[tuple[str, ...], ...] = (("request", "body"), ("request",), ("request_body",), ("modelInput",))

# Of a bare answer the whole record is the logger's too: these keys are read beside, whoever wrote them.
SHARED = ("user", "metadata")

NOTHING = "CAST(NULL AS VARCHAR)"

# What a piece of a prompt says: itself, or the texts among its parts. Pictures are no text.
TEXT = (
    "nullif(CASE WHEN starts_with(CAST(c AS VARCHAR), '[') THEN"
    " array_to_string(json_extract_string(c, '$[*].text'), chr(10)) ELSE json_extract_string(c, '$') END, '')"
)


@dataclass(slots=True)
class Raw:
    """The columns and prepared texts of one file; each word a source asked for is SQL of a text."""

    columns: dict[str, str] = field(default_factory=dict)
    prepare: dict[str, str] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    answer: str = ""
    question: str = ""

    def text(self, *words: str) -> str:
        """The first of these words that the record has."""
        found = [self.words.get(word, NOTHING) for word in words]
        return found[0] if len(found) == 1 else f"coalesce({', '.join(found)})"

    def beside(self, *keys: str) -> str:
        """The first of these keys that stands at the top of the record, whoever wrote it."""
        for key in keys:
            self.columns.setdefault(key, "VARCHAR")
        found = [f"json_extract_string({quote(k)}, '$')" if self.columns[k] == "JSON" else quote(k) for k in keys]
        return found[0] if len(found) == 1 else f"coalesce({', '.join(found)})"

    def json(self, key: str) -> str:
        """A container inside the answer, as JSON."""
        if self.answer:
            return f"json_extract({quote(self.answer)}, {literal('$.' + key)})"
        self.columns[key] = "JSON"
        return quote(key)

    def lines(self, key: str, rest: str) -> str:
        """All the texts at a path with wildcards inside the answer, a line each; NULL when there are none."""
        if self.answer:
            found = f"json_extract_string({quote(self.answer)}, {literal('$.' + key + rest)})"
        else:
            self.columns[key] = "JSON"
            found = f"json_extract_string({quote(key)}, {literal('$' + rest)})"
        return f"nullif(array_to_string({found}, chr(10)), '')"

    def asked(self, *paths: str) -> str:
        """The texts at some paths with wildcards inside the request, a line each; of a list of parts, its texts."""
        if not self.question:
            return NOTHING
        pieces = [f"json_extract({quote(self.question)}, {literal(path)})" for path in paths]
        lists = [piece if "[*]" in path else f"[{piece}]" for path, piece in zip(paths, pieces, strict=True)]
        found = [f"[{TEXT} FOR c IN {one}]" for one in lists]
        return f"nullif(array_to_string(list_concat({', '.join(found)}), chr(10)), '')"


def answers(record: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """The objects of a record that may be a provider's answer, and where they stand; the record itself last."""
    for place in ANSWERS:
        found = _at(record, place)
        if found is not None:
            yield place, found
    yield (), record


def raw(
    sample: Sample,
    place: tuple[str, ...],
    answer: Mapping[str, str],
    question: Mapping[str, str],
    merge: Merge = last_item,
) -> Raw:
    """Reads `answer`, words and their paths, where `place` says the answers stand, and `question` in the request.

    merge: how the provider's events make an answer; only used where the first records hold any.
    """
    made = Raw()
    if place:
        made.answer = "_answer"
        streamed = any(_is_streamed(record, place) for record in sample.records)
        _open(made, "_answer", place, merge if streamed else last_item)
        _extract(made, "_a", quote("_answer"), {word: "$." + path for word, path in answer.items()})
    else:
        _spread(made, {word: path for word, path in answer.items() if word not in SHARED})
    asked = next((p for p in QUESTIONS if any(_at(record, p) is not None for record in sample.records)), None)
    if asked:
        made.question = "_question"
        _open(made, "_question", asked)
        _extract(made, "_q", quote("_question"), {word: "$." + path for word, path in question.items()})
    return made


def _at(record: Mapping[str, Any], place: tuple[str, ...]) -> Mapping[str, Any] | None:
    """The object at a place, also where it was written as a string of JSON; of a stream's events the answer."""
    found = _found(record, place)
    if isinstance(found, list):
        found = merged(found) or (found[-1] if found else None)
    return found if isinstance(found, Mapping) else None


def _found(record: Mapping[str, Any], place: tuple[str, ...]) -> Any:
    """What stands at a place: an object, or a list of events."""
    found: Any = record
    for key in place:
        if isinstance(found, list):
            found = found[-1] if found else None
        found = _read(found.get(key)) if isinstance(found, Mapping) else None
    return found


def _read(value: Any) -> Any:
    """JSON out of a string that holds it; of a stream's text the list of its events."""
    if not isinstance(value, str):
        return value
    start = value.lstrip()
    if start[:1] in ("{", "["):
        try:
            return json.loads(start)
        except (ValueError, RecursionError):
            return None
    if start.startswith(("data:", "event:", ":")):
        return [event for event in payloads(start.splitlines()) if isinstance(event, Mapping)]
    return value


def _is_streamed(record: Mapping[str, Any], place: tuple[str, ...]) -> bool:
    return isinstance(_found(record, place), list)


def _open(made: Raw, name: str, place: tuple[str, ...], merge: Merge = last_item) -> None:
    """Prepares the object at a place, a step at a time."""
    made.columns[place[0]] = "JSON"
    inner = quote(place[0])
    if len(place) > 1:
        made.prepare[f"{name}_outer"] = opened_object(inner)
        inner = f"json_extract({quote(f'{name}_outer')}, {literal('$.' + place[1])})"
    if merge is last_item:
        made.prepare[name] = opened_object(inner)
    else:
        made.prepare[f"{name}_events"] = opened(inner)
        events = quote(f"{name}_events")
        is_list = f"starts_with(CAST({events} AS VARCHAR), '[')"
        made.prepare[name] = f"CASE WHEN {is_list} THEN {merge(events)} ELSE {events} END"


def opened_object(sql: str) -> str:
    """JSON as an object: out of a string that holds it, and of a list of chunks the last."""
    inner = f"try_cast(json_extract_string({sql}, '$') AS JSON)"
    return (
        f"CASE WHEN starts_with(CAST({sql} AS VARCHAR), '\"') THEN {inner}"
        f" WHEN starts_with(CAST({sql} AS VARCHAR), '[') THEN json_extract({sql}, '$[#-1]') ELSE {sql} END"
    )


def _extract(made: Raw, name: str, column: str, paths: Mapping[str, str]) -> None:
    """Prepares all the texts of one JSON column in one go, and says which word is which."""
    if not paths:
        return
    made.prepare[name] = f"json_extract_string({column}, [{', '.join(literal(path) for path in paths.values())}])"
    made.words |= {word: f"{quote(name)}[{i}]" for i, word in enumerate(paths, start=1)}


def _spread(made: Raw, answer: Mapping[str, str]) -> None:
    """An answer that is the record itself: its first keys are columns."""
    inner: dict[str, dict[str, str]] = {}
    for word, path in answer.items():
        end = min((path + ".").index("."), (path + "[").index("["))
        inner.setdefault(path[:end], {})[word] = "$" + path[end:]
    for key, paths in inner.items():
        if list(paths.values()) == ["$"]:
            made.columns[key] = "VARCHAR"
            made.words[next(iter(paths))] = quote(key)
        else:
            made.columns[key] = "JSON"
            _extract(made, f"_a_{key}", quote(key), paths)
