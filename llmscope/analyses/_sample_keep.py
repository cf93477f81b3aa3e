"""Thins a log for cheaper storage: each row is kept by lot at the rate of its rule, and carries 1/rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmscope.analyses._errors_rows import FAILED
from llmscope.analyses._sample_draw import below
from llmscope.errors import UsageError, unknown_name
from llmscope.result import Column, Coverage, Result

if TYPE_CHECKING:
    from llmscope.logs import Logs

Row = dict[str, Any]
ERRORS = ("errors", "error")
SUCCESSES = ("success", "successes", "ok")
# A row that carries a weight was thinned before: its lot is another than the one it came through.
LOT = "md5(concat_ws(chr(31), $seed, 'keep', coalesce(sample_weight, 1)::VARCHAR, request_id))"

# {rule}: the number of the rule that a row falls under. {cut}, {weight}: of each rule, bound as $cut0, $weight0, …
RULED = f"""
WITH ruled AS (SELECT *, {{rule}} AS rule FROM requests),
lots AS (SELECT *, {LOT} < {{cut}} AS kept, {{weight}} AS times FROM ruled)
"""
COUNTS = """
SELECT rule, count(*) AS requests, count(*) FILTER (WHERE kept) AS kept,
    sum(coalesce(sample_weight, 1)) AS before, sum(coalesce(sample_weight, 1) * times) FILTER (WHERE kept) AS stands_for
FROM lots GROUP BY rule ORDER BY rule
"""
# {columns}: those of schema.py that some log has brought.
ROWS = "SELECT {columns}, coalesce(sample_weight, 1) * times AS sample_weight FROM lots WHERE kept"
MODELS = "SELECT model, count(*) AS requests FROM requests GROUP BY model ORDER BY requests DESC, model LIMIT 1000"
# Where a row stood before says nothing of where it stands now.
OF_A_FILE = ("source_format", "source_file", "source_line", "sample_weight")

COLUMNS = (
    Column("rule", "text", "dimension"), Column("rate_ratio", "ratio"), Column("requests", "count"),
    Column("kept", "count"), Column("sample_weight", "rate"), Column("stands_for", "rate", optional=True),
)  # fmt: skip


@dataclass(frozen=True)
class Rule:
    """What is kept at which rate; `model` is a model's name, else the rule is of errors or of all the rest."""

    word: str
    rate: float
    model: str | None = None


def thinned(logs: Logs, text: str, out: str | None, seed: str) -> Result:
    """Writes the rows kept and tells of each rule how many they are.

    Raises:
        UsageError: a rule is none, a model is unknown, or no file was named.
    """
    from llmscope.rowfiles import suffix_of

    rules = rules_of(text, logs)
    if out is None:
        raise UsageError("--keep writes the rows kept: where?", hint="-o kept.parquet, or -o kept.jsonl")
    suffix_of(Path(out))
    names, values = holes(rules), {"seed": seed, **bound(rules)}
    counts = {row["rule"]: row for row in logs.query(RULED + COUNTS, names=names, **values)}
    names["columns"] = ", ".join(c for c in logs.columns if c not in OF_A_FILE)
    logs.write(Path(out), RULED + ROWS, names, **values)
    rows = tuple(finish(rule, counts.get(place)) for place, rule in enumerate(rules))
    every, kept = sum(r["requests"] for r in rows), sum(r["kept"] for r in rows)
    totals = {**dict.fromkeys(c.name for c in COLUMNS), "requests": every, "kept": kept,
              "stands_for": sum(r["stands_for"] for r in rows)}  # fmt: skip
    notes = (
        f"{kept:,} of {every:,} requests written to {out} with their sample_weight; cost and errors weigh them, other "
        "answers are of the rows kept and say so",
        "each request is kept or not by itself: a trace, a session or the retries of a call may lack some; spans and "
        "scores are not in the file (a score finds its request again where that was kept)",
    )
    return Result("sample", COLUMNS, rows, totals, notes=notes, coverage=Coverage(every), weighted=True)


def rules_of(text: str, logs: Logs) -> list[Rule]:
    """The rules, errors first and all the rest last: `errors=1, ok=0.1, gpt-4o-mini=0.5`.

    Raises:
        UsageError: a rule is none, is there twice, or names a model that no request has.
    """
    given: dict[str, Rule] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        rule = rule_of(part)
        if rule.word in given:
            raise UsageError(f"--keep: {rule.word} is there twice")
        given[rule.word] = rule
    if not given:
        raise UsageError("--keep: nothing said", hint="--keep 'errors=100%, success=10%, gpt-4o-mini=5%'")
    known = [row["model"] for row in logs.query(MODELS)] if any(r.model for r in given.values()) else []
    for rule in given.values():
        if rule.model and rule.model not in known:
            raise unknown_name("model", rule.model, [*known, "errors", "success"])
    models = [rule for rule in given.values() if rule.model]
    return [given.get("errors", Rule("errors", 1.0)), *models, given.get("success", Rule("success", 1.0))]


def rule_of(part: str) -> Rule:
    """One `NAME=RATE`; a rate is a share above 0, or a percentage.

    Raises:
        UsageError: it is none.
    """
    word, equals, said = (s.strip() for s in part.rpartition("="))
    try:
        rate = float(said.removesuffix("%")) / (100 if said.endswith("%") else 1)
    except ValueError:
        rate = -1.0
    if not (equals and word and 0 < rate <= 1):
        raise UsageError(
            f"--keep: {part!r} is no rule",
            hint="NAME=RATE, with errors, success or a model, and a rate above 0 up to 1 (or 100%), as in errors=100%, "
            "success=10%; what is to be left out altogether: --where",
        )
    if word.lower() in ERRORS:
        return Rule("errors", rate)
    return Rule("success", rate) if word.lower() in SUCCESSES else Rule(word, rate, word)


def holes(rules: Sequence[Rule]) -> dict[str, str]:
    """Each row's rule, and each rule's cut and weight; values are bound by the rule's number."""
    models = "".join(f" WHEN model = $model{i} THEN {i}" for i, rule in enumerate(rules) if rule.model)
    return {
        "rule": f"CASE WHEN {FAILED} THEN 0{models} ELSE {len(rules) - 1} END",
        "cut": f"CASE rule {' '.join(f'WHEN {i} THEN $cut{i}' for i in range(len(rules)))} END",
        "weight": f"CASE rule {' '.join(f'WHEN {i} THEN $weight{i}' for i in range(len(rules)))} END",
    }


def bound(rules: Sequence[Rule]) -> dict[str, Any]:
    """The values that `holes` names."""
    found: dict[str, Any] = {}
    for i, rule in enumerate(rules):
        found |= {f"cut{i}": below(rule.rate), f"weight{i}": 1 / rule.rate}
        found |= {f"model{i}": rule.model} if rule.model else {}
    return found


def finish(rule: Rule, row: Row | None) -> Row:
    """A rule and what became of its rows."""
    found = row or {"requests": 0, "kept": 0, "stands_for": 0.0}
    return {
        "rule": rule.word, "rate_ratio": rule.rate, "requests": found["requests"], "kept": found["kept"],
        "sample_weight": 1 / rule.rate, "stands_for": float(found["stands_for"] or 0),
    }  # fmt: skip
