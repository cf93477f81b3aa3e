"""Is it safe? Hallucination, attempts at injection, harmful content, personal data and secrets: how often, and where.

Read from what was logged: scores and labels whose names say so (safety.*, guardrail.*, toxicity …), guardrail spans,
content filters and refusals of providers. Each check is a row, with its interval (days as clusters) and whether it is
surely above its alarm. --scan looks into the texts by the rules of data/safety_rules.toml: stored ones, or those of log
files as they are read; examples are shown by id, redacted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

from llmscope.analyses import _slices
from llmscope.errors import UsageError
from llmscope.result import Coverage, Finding, Part, Result, Series

if TYPE_CHECKING:
    from llmscope.analyses._safety_rates import Row, Tally
    from llmscope.analyses._safety_scan import Scanned
    from llmscope.logs import Logs
    from llmscope.schema import Dimension

# Of log files the texts are read as well where this option asks for it.
NEEDS_TEXT = "scan"
# Columns it never looks at: of log files they are not read unless --by or --where names them.
UNREAD = (
    "finish_reason_raw", "prompt_hash", "prefix_hashes", "embedding", "tags", "metadata", "ended_at", "latency_ms",
    "ttft_ms", "queue_ms", "network_ms", "inference_ms", "postprocess_ms", "temperature", "sample_weight", "service",
    "environment", "release", "language", "attempt", "fallback", "source_line", "cost_logged_usd", "input_text",
    "output_text",
)  # fmt: skip
BRINGS = {"scan": ("input_text", "output_text")}
STANDING = "user,feature,template"
# A slice is tested from so many flagged and judged on, and of each source the so many most flagged.
FEWEST, LEAST, MOST = LOOKED_AT = (3, 20, 3000)
# What came of a request says nothing of where it is unsafe, and time has --over.
OUTCOMES = (
    "status", "error_class", "error_type", "http_status", "finish_reason", "refusal", "hour", "day", "week", "month",
)  # fmt: skip


def safety(
    logs: Logs,
    by: Annotated[str | None, "dimensions to group by, comma-separated"] = None,
    over: Annotated[str | None, "hour, day, week or month: a row a bucket"] = None,
    top: Annotated[int | None, "only the N slices with the most flagged"] = None,
    alarm: Annotated[str | None, "other alarms, such as hallucination=1%,injection=none,refusal=5%"] = None,
    scan: Annotated[bool, "look into the texts: injection, personal data, secrets"] = False,
    sample: Annotated[str, "of --scan: how many requests, drawn by hash, or all"] = "10000",
    seed: Annotated[int, "of --scan: another number draws other requests"] = 0,
    examples: Annotated[int, "how many requests are named for each check and rule"] = 3,
) -> Result:
    """Flags, guardrails, filters and the scan; see the module's words."""
    from llmscope.analyses import _safety_names, _safety_rates, _safety_scan, _safety_words
    from llmscope.analyses._safety_logged import evidence as held
    from llmscope.analyses._safety_sql import REQUESTS_SQL
    from llmscope.scan import Scanner

    if (top is not None and top < 1) or examples < 0:
        raise UsageError("--top takes a number of 1 or more, --examples of 0 or more")
    groups, most = _slices.grouping(by, over), _safety_scan.wanted_sample(sample)
    scanner = Scanner()
    alarms, own = _safety_names.alarms_of(logs.config.safety, alarm, scanner.rules)
    each = standing(by)
    evidence, counts = held(logs, scanner.rules), logs.query(REQUESTS_SQL)[0]
    found = _safety_scan.scanned(logs, scanner, most, seed, groups, each, examples) if scan else None
    logged, apart = evidence.apart(each, *LOOKED_AT)
    whole = [*logged, *of_scan(found, _safety_scan.WHOLE, ())]
    words = [d.word for d in groups]
    sliced = [*evidence.tallies(groups), *of_scan(found, _safety_scan.GROUPS, words)] if groups else whole
    kinds = list(alarms)
    rows = shown(
        [_safety_rates.row_of(one, alarms[one.kind]) for one in sliced if one.sums.n], kinds, groups, over, top
    )
    judged = [one for one in whole if one.sums.n]
    judged.sort(key=lambda one: (kinds.index(one.kind), one.source, one.name, str(one.rater)))
    outstanding, stories = stands_out(apart, found, whole)
    parts = {"stands_out": outstanding}
    if found:
        parts["rules"] = _safety_words.rule_rows(found, scanner)
    if examples:
        parts["examples"] = _safety_words.examples(evidence.examples(examples), found, scanner)
    return Result(
        "safety",
        (*_slices.columns_of(groups), *_safety_rates.CHECK, *_safety_rates.MEASURES),
        tuple(rows),
        parts={name: part for name, part in parts.items() if part.rows},
        series=series(rows, over) if over and len(words) == 1 else (),
        findings=(*_safety_words.findings(judged, alarms), *stories),
        notes=(
            *_safety_words.notes(evidence, whole, counts, scan),
            *(_safety_words.scan_notes(found, scanner, counts, most, seed) if found else ()),
            *_safety_words.alarm_note(judged, alarms, own),
        ),
        coverage=Coverage(requests=counts["requests"]),
    )  # fmt: skip


def shown(
    rows: list[Row], kinds: Sequence[str], groups: Sequence[Dimension], over: str | None, top: int | None
) -> list[Row]:
    """The rows in order, with --top those of the slices with the most flagged, and with buckets without a request."""
    words = [d.word for d in groups]
    if top is not None:
        rows = of_top(rows, [w for w in words if w != over], top)
    rows = ordered(rows, kinds, over)
    return filled(rows, groups, over) if over and len(words) == 1 else rows


def standing(by: str | None) -> list[Dimension]:
    """The dimensions whose values may stand out, each by itself: those asked for, else who, what for, which prompt."""
    from llmscope.schema import dimensions

    asked = [d for d in dimensions(by or STANDING) if d.word not in OUTCOMES and not d.unnests and not d.priced]
    return asked or list(dimensions(STANDING))


def of_scan(found: Scanned | None, scope: str, words: Sequence[str]) -> list[Tally]:
    """The scan's tallies of a scope: every kind, on the side it is looked for on."""
    if found is None:
        return []
    sided = [(f"{kind}_{side}", side) for kind in ("pii", "secrets") for side in ("input", "output")]
    return found.tallies(scope, words, [("injection", "input"), *sided])


def stands_out(
    apart: Mapping[str, Sequence[Tally]], found: Scanned | None, whole: Sequence[Tally]
) -> tuple[Part, tuple[Finding, ...]]:
    """The slices that stand out, as a part and as sentences; apart: those of each dimension by itself."""
    from llmscope.analyses import _safety_standing as standing_
    from llmscope.analyses._safety_words import own_words

    of, tests = {one.check: one for one in whole}, 0
    sliced: list[standing_.Sliced] = []
    own: list[Tally] = []
    for word, logged in apart.items():
        scanned = of_scan(found, word, (word,))
        tests += sum({one.check: one.looked_at for one in logged}.values())
        tests += sum(one.sums.n >= LEAST for one in scanned)
        sliced += [standing_.Sliced(word, one, of[one.check]) for one in (*logged, *scanned)]
        own += scanned if word == "template" else []
    part = standing_.standing_out(sliced, tests, FEWEST, LEAST)
    return part, (*standing_.findings(sliced, part), *own_words(own))


def of_top(rows: Sequence[Row], words: Sequence[str], top: int) -> list[Row]:
    """The rows of the slices with the most flagged, over all checks and buckets together."""
    totals: dict[tuple[object, ...], int] = {}
    for row in rows:
        key = tuple(row[w] for w in words)
        totals[key] = totals.get(key, 0) + row["flagged"]
    kept = set(sorted(totals, key=lambda key: (-totals[key], str(key)))[:top])
    return [row for row in rows if tuple(row[w] for w in words) in kept]


def ordered(rows: Sequence[Row], kinds: Sequence[str], over: str | None) -> list[Row]:
    """By kind and check, then in time, or the most flagged first."""

    def key(row: Row) -> tuple[object, ...]:
        check = (kinds.index(row["kind"]), row["source"], row["name"], str(row["rater"]))
        bucket = (row[over] is None, str(row[over])) if over else ()
        return (*check, *bucket, -row["flagged"], -row["judged"], str(list(row.values())))

    return sorted(rows, key=key)


def filled(rows: Sequence[Row], groups: Sequence[Dimension], over: str) -> list[Row]:
    """The rows of each check with the buckets in which it judged nothing."""
    checks: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        checks.setdefault((row["kind"], row["source"], row["name"], row["rater"]), []).append(row)
    found = []
    for of in checks.values():
        same = {name: of[0][name] for name in ("kind", "source", "name", "rater", "alarm_ratio")}
        empty = {**dict.fromkeys(of[0]), **same, "flagged": 0, "judged": 0}
        every = _slices.with_empty_buckets(of, groups, over, {k: v for k, v in empty.items() if k != over})
        found += sorted(every, key=lambda row: (row[over] is None, str(row[over])))
    return found


def series(rows: Sequence[Row], over: str) -> tuple[Series, ...]:
    """Each check's rate over time, for a plot."""
    lines: dict[str, list[Row]] = {}
    for row in rows:
        if row[over] is not None:
            lines.setdefault(f"{row['kind']} ({row['source']})", []).append(row)
    return tuple(
        Series(name, tuple(r[over] for r in of), tuple(r["rate_ratio"] for r in of), "ratio")
        for name, of in lines.items()
        if len(of) > 1
    )
