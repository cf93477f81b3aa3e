"""The comparison as sentences: what B is against A, what must not be believed of it, and the small print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llmscope.analyses._compare_evidence import Evidence
from llmscope.analyses._compare_rows import Compared
from llmscope.analyses._compare_table import COLUMNS, OPEN, SAME, SMALL
from llmscope.analyses._compare_words import within
from llmscope.result import TOO_FEW, Finding

Row = dict[str, Any]
MOVED = ("better", "worse", "higher", "lower")
MOST_NAMED = 8
FOUR_WEEKS = 28
WAYS = {
    "days": "both sides answered on the same {days} days: each day's difference counts once, so that what a day does "
    "to both cancels; the levels are of all days together",
    "sessions": "both sides answered on the same {days} day{s}: sessions are taken for independent within a day, and "
    "nothing is known of other days",
    "apart": "the sides answered at different times: whatever else changed in between is in the difference too",
}


def headline(names: tuple[str, str], rows: Sequence[Compared], written: Sequence[Row]) -> Finding:
    """B against A in one sentence: what moved, what is no different, what cannot be told."""
    said = [f"{in_words(row)} ({row['verdict']})" for row in written if row["verdict"] in MOVED]
    more = f" and {len(said) - MOST_NAMED} more" if len(said) > MOST_NAMED else ""
    judged = any(row["verdict"] not in (OPEN, TOO_FEW) for row in written)
    none = "nothing moved beyond its margin" if judged else "nothing could be judged"
    pieces = [", ".join(said[:MOST_NAMED]) + more] if said else [none]
    same = [
        f"{row['metric']} (within {within(of.margin, of.relative, of.metric.unit)}, n {min(of.n):,})"
        for of, row in zip(rows, written, strict=True)
        if row["verdict"] == SAME
    ]
    if same:
        pieces.append("no difference beyond the margin in " + ", ".join(same))
    small = [in_words(row) for row in written if row["verdict"] == SMALL]
    if small:
        pieces.append("real but under the margin: " + ", ".join(small))
    counts = {word: sum(row["verdict"] == word for row in written) for word in (OPEN, TOO_FEW)}
    if any(counts.values()):
        listed = " and ".join(f"{n} {word}" for word, n in counts.items() if n)
        pieces.append(f"of {len(written)} rows {listed}")
    worse = [row for row in written if row["verdict"] == "worse"]
    text = f"{names[1]} against {names[0]}: {'; '.join(pieces)}."
    return Finding("compare", "warning" if worse else "info", text, tuple(worse))


def in_words(row: Row) -> str:
    return f"{row['metric']} {row['change']} {row['interval']}"


def flipped(rows: Sequence[Compared], written: Sequence[Row], kinds: str) -> list[Finding]:
    """Simpson's paradox, where it is, and differences that are nothing but the mix."""
    return [
        Finding(
            "simpson" if of.flips and (of.adjusted is None or of.adjusted.p <= 0.05) else "mix", "warning",
            f"{in_words(row)} in all, but {row['adjusted_change']} among requests alike in {kinds}: the sides were "
            "given different kinds of requests, and the verdict goes by those alike",
            (row,),
        )
        for of, row in zip(rows, written, strict=True)
        if of.of_mix
    ]  # fmt: skip


def other_raters(found: Evidence) -> list[Finding]:
    """Scores that different raters, or different versions of one, gave to the two sides."""
    raters: dict[tuple[str, str], dict[str, set[str]]] = {}
    for (name, kind, rater, version), rows in found.scores.items():
        who = " ".join(str(part) for part in (rater or kind, version) if part is not None)
        for row in rows:
            if row["value_n"]:
                raters.setdefault((name, kind), {"a": set(), "b": set()})[row["side"]].add(who)
    return [
        Finding(
            "raters", "warning",
            f"{name} of A is by {', '.join(sorted(sides['a']))}, of B by {', '.join(sorted(sides['b']))}: "
            "not to be compared",
        )
        for (name, _), sides in sorted(raters.items())
        if sides["a"] and sides["b"] and not sides["a"] & sides["b"]
    ]  # fmt: skip


def notes(found: Evidence, rows: Sequence[Compared], written: Sequence[Row], kinds: str, paired: str) -> list[str]:
    """What the figures rest on and what was left out."""
    counts, asked = found.counts, found.asked
    a, b = asked.sides.texts
    sides = [f"{side.upper()}: {name}, {counts.get(side, 0):,} requests" for side, name in (("a", a), ("b", b))]
    said = ["; ".join(sides) + side_counts(found)]
    way = "no request has a time: sessions are taken for independent" if found.timeless else WAYS[found.design].format(
        days=len(asked.days or ()), s="" if len(asked.days or ()) == 1 else "s"
    )  # fmt: skip
    said.append(paired or way)
    if found.design == "days" and len(asked.days or ()) < FOUR_WEEKS:
        said.append(
            "fewer than four weeks: where days hang together by more than .5 (day_correlation), up to 13 % of such "
            "tests are false alarms rather than 5 %"
        )
    if any(row["method"] == "sessions" for row in written) and found.design == "apart" and not found.timeless:
        said.append("too few days for a test by days: sessions are taken for independent and days for alike")
    if any(row["method"] == "exact" for row in written):
        of = "" if "no session ids" in side_counts(found) else " of sessions with at least one"
        said.append(f"fewer than 10 events a side: exact tests{of}, which take days for alike")
    if counts.get("both"):
        said.append(f"{counts['both']:,} requests are on both sides and count on neither")
    if counts.get("neither"):
        said.append(f"{counts['neither']:,} requests are on neither side")
    if any(of.metric.word == "latency" and of.of_mix for of in rows):
        said.append("quantiles cannot be had at one mix, and are not judged where the mix decides about latency")
    failures = next((row for row in rows if row.metric.word == "error_rate"), None)
    if failures and not any(failures.values):
        said.append("neither side logs a failure: the log may hold nothing but answers")
    if found.left_out:
        n = sum(found.left_out.values())
        said.append(f"{n:,} requests of days on which only one side answered are left out")
    tests = sum(of.crude is not None for of in rows)
    if tests:
        said.append(
            f"{tests} tests, counted together (Benjamini-Hochberg); intervals 95 %; no difference: a change beyond the "
            "margin is ruled out at 95 %"
        )
    said += adjustment(rows, kinds)
    more = ", ".join(column.name for column in COLUMNS if column.detail)
    said.append(f"more of each row in --format json and csv, and with --columns: {more}")
    return said


def side_counts(found: Evidence) -> str:
    """Sessions of the two sides, where the log has them."""
    if not any(row.get("in_sessions") for row in found.whole.values()):
        return "" if not found.whole else "; no session ids: requests are taken for sessions of one"
    pairs = (f"{found.whole[side]['sessions']:,}" for side in "ab")
    return f"; sessions {' and '.join(pairs)}"


def adjustment(rows: Sequence[Compared], kinds: str) -> list[str]:
    """How much of each side the adjusted figures rest on."""
    if not kinds or all(row.kept is None for row in rows):
        return []
    least = min((min(row.kept) for row in rows if row.kept and row.adjusted_effect is not None), default=None)
    if least is None:
        return [f"fewer than half of the requests have one alike on the other side in {kinds}: nothing is adjusted"]
    of_each = f"at least {100 * least:.0f} % of each side's" if least < 0.995 else "nearly all"
    return [
        f"adjusted: the same mix of {kinds} on both sides (direct standardisation; Mantel-Haenszel for rates), "
        f"over {of_each} requests"
    ]


def duplicates(found: Evidence) -> list[Finding]:
    """Requests that two files hold under one id: they count once, on one side."""
    report = found.asked.logs.report
    n = report.total("duplicates") if report and found.asked.sides.dimension == "source_file" else 0
    if not n:
        return []
    text = (
        f"{n:,} requests of the two files share an id with another and count once only: the sides are not whole; "
        "give each run ids of its own"
    )
    return [Finding("duplicates", "warning", text)]


def too_little(counts: Mapping[str, int], names: tuple[str, str]) -> str:
    """Which side has no requests."""
    lacking = [f"{side.upper()} ({name})" for side, name in zip("ab", names, strict=True) if not counts.get(side)]
    return f"no requests on side {' and '.join(lacking)}: nothing to compare"
