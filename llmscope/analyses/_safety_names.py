"""What a logged name is about, what its labels mean, and at which share a kind sets off an alarm."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llmscope.errors import UsageError, unknown_name

if TYPE_CHECKING:
    from llmscope.scan.rules import Rules

# What a check's name ends in and says nothing by.
ENDINGS = ("score", "flag", "flags", "check", "checker", "detector", "detection", "filter", "scanner", "rate", "guard")
FLAG_AT = "flag_at"
MIDDLE = 0.5


@dataclass(frozen=True, slots=True)
class Named:
    """A logged name: its kind, whether its high or true values are the good ones, and where figures are flagged."""

    name: str
    kind: str
    good: bool
    bar: float | None = None


def named(name: str, rules: Rules, guardrail: bool = False) -> Named | None:
    """What a name is about; None if not about safety. guardrail: it is the name of one, so it is."""
    whole = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    start = next((s for s in rules.starts if whole == s or whole.startswith(f"{s}_")), None)
    rest = whole[len(start) + 1 :] if start and whole != start else whole
    for ending in ENDINGS:
        rest = rest.removesuffix(f"_{ending}")
    for found, part in ((a, b) for a in (str.__eq__, contains if start or guardrail else str.__eq__) for b in (rest,)):
        for kind in rules.kinds.values():
            for words, good in ((kind.good, True), (kind.names, False)):
                if any(found(part, word) for word in words):
                    return Named(name, kind.name, good)
    if start or guardrail:
        return Named(name, "other", rest.split("_")[-1] in rules.good_endings)
    return None


def contains(name: str, word: str) -> bool:
    """Whether a name has these words among its own."""
    return f"_{word}_" in f"_{name}_"


def scaled(one: Named, least: float | None, most: float | None, flag_at: Mapping[str, float]) -> Named:
    """The name with the figure at which it is flagged: as configured, else 0.5 on a scale of 0 to 1, else unknown."""
    bar = flag_at.get(one.name)
    if bar is None and least is not None and most is not None and least >= 0 and most <= 1:
        bar = MIDDLE
    return Named(one.name, one.kind, one.good, bar)


def listed(words: Sequence[str]) -> str:
    """Words of the rules file as SQL writes a list."""
    return "(" + ", ".join("'" + word.replace("'", "''") + "'" for word in words) + ")"


def of_words(sql: str, rules: Rules, good: str = "false") -> str:
    """Whether a word says flagged, as SQL that is NULL where it is none of ours; good: whether yes is the good one."""
    words = rules.words
    return (
        f"WHEN {sql} IN {listed(words['flagged'])} THEN true WHEN {sql} IN {listed(words['clear'])} THEN false "
        f"WHEN {sql} IN {listed(words['yes'])} THEN NOT {good} WHEN {sql} IN {listed(words['no'])} THEN {good}"
    )


def holes(names: Sequence[Named], rules: Rules) -> tuple[dict[str, str], dict[str, Any]]:
    """The holes of the SQL over scores, and the names they bind."""
    values: dict[str, Any] = {f"name{i}": one.name for i, one in enumerate(names)}
    kinds = " ".join(f"WHEN $name{i} THEN '{one.kind}'" for i, one in enumerate(names))
    good = [f"$name{i}" for i, one in enumerate(names) if one.good]
    is_good = f"(rated.score IN ({', '.join(good)}))" if good else "false"
    bars = " ".join(f"WHEN $name{i} THEN {one.bar!r}" for i, one in enumerate(names) if one.bar is not None)
    bar = f"(CASE rated.score {bars} END)" if bars else "cast(NULL AS DOUBLE)"
    word = "lower(trim(rated.label))"
    flagged = (
        f"CASE {of_words(word, rules, is_good)} WHEN rated.label IS NOT NULL AND rated.value IS NULL THEN NULL "
        f"WHEN {is_good} THEN rated.value < {bar} ELSE rated.value >= {bar} END"
    )
    return {
        "kind": f"CASE rated.score {kinds} END",
        "flagged": flagged,
        "names": ", ".join(f"$name{i}" for i in range(len(names))),
    }, values


def alarms_of(config: Mapping[str, Any], asked: str | None, rules: Rules) -> tuple[dict[str, float | None], set[str]]:
    """Each kind's alarm, and the kinds whose alarm is the program's own default: --alarm over [safety] over rules.

    Raises:
        UsageError: an unknown kind, or no share from 0 to 1.
    """
    found = {name: kind.alarm for name, kind in rules.kinds.items()}
    given = {k: (v, f"llmscope.toml: [safety] {k}") for k, v in config.items() if k.replace("-", "_") != FLAG_AT}
    for part in (asked or "").split(","):
        if part.strip():
            kind, _, text = part.partition("=")
            given[kind.strip()] = (text.strip(), f"--alarm {part.strip()}")
    for kind, (said, where) in given.items():
        if kind not in found:
            error = unknown_name("kind", kind, found)
            raise UsageError(f"{where}: {error.message}", hint=error.hint)
        found[kind] = share_of(said, where)
    return found, {kind for kind in found if kind not in given}


def share_of(said: object, where: str) -> float | None:
    """0.02, `2%`, `any` (0) or `none`.

    Raises:
        UsageError: none of these.
    """
    text = str(said).strip().lower()
    if said is False or text == "none":
        return None
    if text == "any":
        return 0.0
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if said is True or not 0 <= share <= 1:
        raise UsageError(f"{where}: {said!r} is no share", hint="such as 0.02, 2%, any or none")
    return share


def flag_bars(config: Mapping[str, Any]) -> dict[str, float]:
    """[safety.flag_at]: from which figure on a score is flagged (below it, for a score whose high values are good).

    Raises:
        UsageError: not a table of numbers.
    """
    found = config.get(FLAG_AT, {})
    if not isinstance(found, Mapping) or not all(type(v) in (int, float) for v in found.values()):
        raise UsageError('llmscope.toml: [safety.flag_at] holds names and numbers, such as "safety.toxicity" = 4')
    return {name: float(value) for name, value in found.items()}
