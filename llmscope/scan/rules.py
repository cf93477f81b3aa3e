"""data/safety_rules.toml as typed objects: kinds, the names logs give them, and the rules of the scan."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

PATH = Path(__file__).parents[1] / "data" / "safety_rules.toml"


@dataclass(frozen=True, slots=True)
class Kind:
    """What can be wrong: the alarm is a share, 0 for any, None for none; good: names whose true values are good."""

    name: str
    meaning: str
    alarm: float | None
    names: tuple[str, ...]
    good: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """On the labelled texts: fired, of which rightly; texts that hold the thing, of which it was found in."""

    fired: int
    right: int
    held: int
    found: int


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the scan: a pattern of its own, or the placeholder that redact puts for it.

    hints: a text without one of each cannot match.
    """

    name: str
    kind: str
    meaning: str
    pattern: re.Pattern[str] | None
    placeholder: str | None
    hints: tuple[tuple[str, ...], ...]
    raw: bool
    measured: Measured

    def kind_of(self, side: str) -> str:
        """injection, or pii and secrets with the side they are on."""
        return self.kind if self.kind == "injection" else f"{self.kind}_{side}"


@dataclass(frozen=True, slots=True)
class Rules:
    """The whole file."""

    kinds: Mapping[str, Kind]
    starts: tuple[str, ...]
    good_endings: tuple[str, ...]
    words: Mapping[str, tuple[str, ...]]
    attributes: Mapping[str, tuple[str, ...]]
    patterns: tuple[Rule, ...]
    placeholders: tuple[Rule, ...]
    whole: Measured

    @property
    def by_name(self) -> dict[str, Rule]:
        return {rule.name: rule for rule in (*self.patterns, *self.placeholders)}


@cache
def read_rules() -> Rules:
    """The rules file, read once."""
    with PATH.open("rb") as stream:
        found = tomllib.load(stream)
    rules = tuple(rule_of(item) for item in found["rule"])
    return Rules(
        kinds={item["name"]: kind_of(item) for item in found["kind"]},
        starts=tuple(found["names"]["starts"]),
        good_endings=tuple(found["names"]["good_endings"]),
        words={name: tuple(words) for name, words in found["words"].items()},
        attributes={name: tuple(keys) for name, keys in found["attributes"].items()},
        patterns=tuple(rule for rule in rules if rule.pattern),
        placeholders=tuple(rule for rule in rules if rule.placeholder),
        whole=Measured(**found["whole"]["injection"]),
    )


def kind_of(item: Mapping[str, Any]) -> Kind:
    """One [[kind]]."""
    names, good = tuple(item.get("names", ())), tuple(item.get("good", ()))
    return Kind(item["name"], item["meaning"], item.get("alarm"), names, good)


def rule_of(item: Mapping[str, Any]) -> Rule:
    """One [[rule]]; a pattern is written with spaces and line ends that mean nothing."""
    raw = bool(item.get("raw", False))
    pattern = re.compile(item["pattern"], 0 if raw else re.VERBOSE) if "pattern" in item else None
    hints = tuple(tuple(group) for group in item.get("hints", ()))
    return Rule(
        item["name"], item["kind"], item["meaning"], pattern, item.get("placeholder"), hints, raw,
        Measured(**item["measured"]),
    )  # fmt: skip
