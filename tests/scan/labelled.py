"""The labelled texts, and what the rules make of them: the figures that stand in data/safety_rules.toml."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from llmscope.scan import Scanner
from llmscope.scan.rules import Measured

PATH = Path(__file__).with_name("labelled.jsonl")
# Splits what a scanner of this repository would take for a real key.
GLUE = "{+}"


class Labelled(NamedTuple):
    """A text, the side it is on, and the names of the rules whose thing it holds."""

    text: str
    side: str
    holds: tuple[str, ...]


def labelled() -> Iterator[Labelled]:
    """Every text of the file."""
    for line in PATH.read_text(encoding="utf-8").splitlines():
        item = json.loads(line)
        yield Labelled(item["text"].replace(GLUE, ""), item["side"], tuple(item["holds"]))


def measured() -> dict[str, Measured]:
    """Of each rule, and of `injection` as a whole: fired, rightly so, texts that hold the thing, found.

    A rule of injection fires rightly on any attempt, whichever it is of; it is to find those of its own name.
    """
    scanner = Scanner()
    rules, texts = scanner.rules, list(labelled())
    hits = [set(scanner.scan(one.text, one.side)) for one in texts]
    injections = {rule.name for rule in rules.patterns}
    found = {}
    for name in [*rules.by_name, "injection"]:
        own = injections if name == "injection" else {name}
        right = injections if name in injections or name == "injection" else {name}
        fired = [bool(hit & own) for hit in hits]
        holds = [bool(set(one.holds) & own) for one in texts]
        rightly = [bool(set(one.holds) & right) for one in texts]
        found[name] = Measured(
            sum(fired),
            sum(f and r for f, r in zip(fired, rightly, strict=True)),
            sum(holds),
            sum(f and h for f, h in zip(fired, holds, strict=True)),
        )
    return found


def mistakes() -> Iterator[tuple[str, str, str]]:
    """(what, rule, text): what fired wrongly and what was missed."""
    scanner = Scanner()
    injections = {rule.name for rule in scanner.rules.patterns}
    for one in labelled():
        hit, holds = set(scanner.scan(one.text, one.side)), set(one.holds)
        for name in sorted(hit - holds):
            if not (name in injections and holds & injections):
                yield "false", name, one.text
        for name in sorted(holds - hit):
            yield "missed", name, one.text
