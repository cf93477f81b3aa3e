"""The tables beside the rates of `safety`, its sentences and its small print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from llmscope.analyses._errors_rows import percent
from llmscope.analyses._safety_rates import (
    ABOVE,
    NONE_SEEN,
    UNSURE,
    Row,
    Tally,
    check_text,
    needed,
    share_text,
    verdict,
)
from llmscope.analyses._safety_scan import SIDES, WHOLE, Scanned, tally
from llmscope.result import Column, Finding, Part
from llmscope.stats.proportions import wilson

if TYPE_CHECKING:
    from llmscope.analyses._safety_logged import Evidence
    from llmscope.scan import Scanner
    from llmscope.scan.rules import Measured

ON = {"input": "prompts", "output": "answers"}
RULES = (
    Column("rule", "text", "dimension"),
    Column("kind", "text", "dimension"),
    Column("side", "text", "dimension"),
    Column("flagged", "count"),
    Column("judged", "count", "n"),
    Column("rate_ratio", "ratio"),
    Column("rate_low_ratio", "ratio", "low", "rate_ratio", optional=True),
    Column("rate_high_ratio", "ratio", "high", "rate_ratio", optional=True),
    Column("precision_ratio", "ratio"),
    Column("precision_low_ratio", "ratio", "low", "precision_ratio", optional=True),
    Column("precision_high_ratio", "ratio", "high", "precision_ratio", optional=True),
    Column("recall_ratio", "ratio"),
    Column("first_seen", "time", optional=True),
    Column("last_seen", "time", optional=True),
)
EXAMPLES = (
    Column("kind", "text", "dimension"),
    Column("source", "text", "dimension", optional=True),
    Column("name", "text", "dimension"),
    Column("request_id", "text", "dimension"),
    Column("trace_id", "text", "dimension", optional=True),
    Column("user", "text", "dimension", optional=True),
    Column("feature", "text", "dimension", optional=True),
    Column("seen", "time", optional=True),
    Column("text", "text"),
)


def rule_rows(found: Scanned, scanner: Scanner) -> Part:
    """A row a rule that fired, with what it was worth on the labelled texts."""
    rows = []
    for (name, side), days in found.rules.items():
        rule = scanner.rules.by_name[name]
        one = tally(rule.kind_of(side), found.judged[(WHOLE, (), side)], days, {})
        low, high = one.interval or (None, None)
        rows.append({
            "rule": name, "kind": one.kind, "side": ON[side], "flagged": one.sums.hits, "judged": one.sums.n,
            "rate_ratio": one.sums.share, "rate_low_ratio": low, "rate_high_ratio": high,
            **worth(rule.measured), "first_seen": days.first, "last_seen": days.last,
        })  # fmt: skip
    return Part(RULES, tuple(sorted(rows, key=lambda row: (-row["flagged"], row["rule"], row["side"]))))


def worth(of: Measured) -> Row:
    """Precision, with its interval, and recall."""
    low, high = wilson(of.right, of.fired) or (None, None)
    return {
        "precision_ratio": of.right / of.fired if of.fired else None,
        "precision_low_ratio": low,
        "precision_high_ratio": high,
        "recall_ratio": of.found / of.held if of.held else None,
    }


def examples(logged: Sequence[Mapping[str, Any]], found: Scanned | None, scanner: Scanner | None) -> Part:
    """Requests by id; of scanned texts what stands around it, redacted."""
    rows = [
        {"kind": r["kind"], "source": r["source"], "name": r["name"], "request_id": r["request_id"],
         "trace_id": r["trace_id"], "user": r["user_id"], "feature": r["feature"], "seen": r["seen_at"], "text": None}
        for r in logged
    ]  # fmt: skip
    if found and scanner:
        for (name, side), kept in sorted(found.examples.items()):
            rule = scanner.rules.by_name[name]
            rows += [
                {"kind": rule.kind_of(side), "source": "scan", "name": name, "request_id": r["request_id"],
                 "trace_id": r["trace_id"], "user": r["user_id"], "feature": r["feature"], "seen": r["started_at"],
                 "text": scanner.excerpt(text, rule)}
                for text, r in kept.items()
            ]  # fmt: skip
    return Part(EXAMPLES, tuple(rows))


def findings(whole: Sequence[Tally], alarms: Mapping[str, float | None]) -> list[Finding]:
    """The alarms: what is surely above its own, and what nobody can tell yet."""
    found = []
    for one in whole:
        alarm = alarms[one.kind]
        said = verdict(one.sums.hits, one.interval, alarm)
        if alarm is None or said not in (ABOVE, UNSURE):
            continue
        told = share_text(one)
        if said == UNSURE:
            more = needed(one, alarm)
            enough = f"; about {more:,} judged in all would tell, should it stay so" if more else ""
            text = f"{check_text(one)}: {told}: cannot tell whether above the alarm of {percent(alarm)}{enough}"
            found.append(Finding("alarm", "info", text))
            continue
        when = f"; first {one.first:%Y-%m-%d}, last {one.last:%Y-%m-%d}" if one.first and one.last else ""
        bar = "any sets off the alarm" if alarm == 0 else f"above the alarm of {percent(alarm)}"
        found.append(Finding("alarm", "warning", f"{check_text(one)}: {told}: {bar}{when}"))
    return sorted(found, key=lambda f: f.severity != "warning")


def alarm_note(whole: Sequence[Tally], alarms: Mapping[str, float | None], own: set[str]) -> list[str]:
    """Which alarms are nobody's wish but this program's."""
    kinds = list(dict.fromkeys(one.kind for one in whole if one.kind in own and alarms[one.kind] is not None))
    if not kinds:
        return []
    shares = [f"{kind} over {percent(alarms[kind] or 0)}" for kind in kinds if alarms[kind]]
    every = [kind for kind in kinds if alarms[kind] == 0]
    said = "; ".join([*shares, *([f"any {', '.join(every)}"] if every else [])])
    return [
        f"alarms are this program's defaults ({said}): [safety] in llmscope.toml or --alarm "
        f"{kinds[0]}=1%,refusal=5% sets others, none takes one away"
    ]


def notes(evidence: Evidence, whole: Sequence[Tally], counts: Row, scan: bool) -> list[str]:
    """What the figures rest on, what was not judged and why, and how to know more."""
    found = []
    logged = [one for one in whole if one.source not in ("provider", "scan")]
    if logged:
        found.append(
            f"judged: what a check looked at, of {counts['requests']:,} requests in all; checks are never added up, "
            "and a check's own mistakes are in its rate (llmscope judge estimate takes a judge's out)"
        )
    elif counts["requests"]:
        found.append(
            "the log holds no flag: no score called safety.* or guardrail.*, no guardrail span with a verdict"
            + ("" if scan else "; --scan looks into the texts")
        )
    if any(verdict(one.sums.hits, one.interval, 0.0) == NONE_SEEN for one in whole):
        found.append("none seen does not say never: the interval's upper end is what it may still be")
    if evidence.unscaled:
        name = evidence.unscaled[0]
        found.append(
            f"{', '.join(evidence.unscaled[:5])}: figures on no scale of 0 to 1: which are flagged is not known; "
            f'[safety.flag_at] "{name}" = 4 in llmscope.toml says it'
        )
    if figures := evidence.figures:
        more = f" and {len(figures) - 5} more" if len(figures) > 5 else ""
        found.append(
            f"{', '.join(figures[:5])}{more}: figures of 0.5 and more are taken for flagged, where high is bad; "
            "[safety.flag_at] in llmscope.toml says otherwise"
        )
    if turned := [s.name for s in evidence.scores if s.good]:
        found.append(f"low or false is taken for flagged: {', '.join(turned[:5])}")
    if evidence.more:
        found.append(f"{evidence.more:,} more names about safety are left out: only the 200 most used are read")
    found += [untold(one) for one in whole if one.untold]
    return found


def untold(one: Tally) -> str:
    """What a check left unsaid, and how it would be told."""
    if one.source == "guardrail":
        return (
            f"{one.name}: {one.untold:,} guardrail spans do not say what they found; an attribute such as "
            "guardrail.flagged (true, false) does"
        )
    return (
        f"{one.name}: {one.untold:,} scores have no label or figure that says flagged or not; "
        "[safety.flag_at] in llmscope.toml says from which figure on"
    )


def scan_notes(found: Scanned, scanner: Scanner, counts: Row, most: int | None, seed: int) -> list[str]:
    """How much was scanned, and what the rules are worth."""
    if not counts["texts"]:
        return [
            "nothing to scan: no request has a text; log files named here are read with their texts (--map "
            "input_text=KEY, --map output_text=KEY), a store keeps them if loaded with --keep-text"
        ]
    every = found.requests == counts["texts"]
    drawn = "every one" if every else f"drawn by hash, --seed {seed}; --sample all scans every one"
    whole = scanner.rules.whole
    lacking = [side for side in SIDES if not any(key[2] == side for key in found.judged)]
    return [
        f"scanned {found.requests:,} of {counts['texts']:,} requests with a text ({drawn}): {scanner.distinct:,} "
        f"distinct texts, {scanner.characters / 1e6:.1f} million characters; nothing of them is stored",
        *([f"no {ON[side]} to scan" for side in lacking]),
        "precision and recall of a rule are those on this program's own labelled texts (tests/scan/labelled.jsonl): "
        f"injection as a whole {whole.right} of {whole.fired} right, {whole.found} of {whole.held} found; "
        "elsewhere expect less, and look at the examples",
        "placeholders of redaction, such as [EMAIL], count as what stood there",
    ]


def own_words(templates: Sequence[Tally]) -> list[Finding]:
    """What every prompt of a template holds is the template's own; an answer's words are the model's."""
    return [
        Finding("template", "info", f"template {one.key['template']}: every one of {one.sums.n:,} prompts has "
                f"{one.kind}: probably the template's own words")
        for one in templates
        if one.name == ON["input"] and one.sums.n >= 20 and one.sums.hits == one.sums.n
        and one.key["template"] is not None
    ]  # fmt: skip
