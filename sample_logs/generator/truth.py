"""Measures, from the rows themselves, how big each story came out, and writes it into README.md between its markers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import fmean, median
from typing import Any

from generator import plan
from generator.calls import Row, cost_usd

Test = Callable[[Row], bool]


@dataclass(frozen=True)
class Figure:
    """One measured thing: its level outside the story and inside it."""

    story: int
    name: str
    before: float
    after: float
    digits: int


def _figure(story: int, name: str, levels: Sequence[float], digits: int) -> Figure:
    before, after = levels
    return Figure(story, name, before, after, digits)


def figures(rows: list[Row], said: list[dict[str, Any]]) -> list[Figure]:
    """Every figure of every story, in the order of README."""
    parts = (_growth(rows, said), _switch(rows), _rogue(rows), _slow(rows), _outage(rows), _cut(rows), _prefix(rows))
    return [f for part in (*parts, _judge(rows, said), _unpriced(rows), _logged(rows)) for f in part]


def _day(row: Mapping[str, Any]) -> date:
    started: datetime = row["started_at"]
    return started.date()


def _split(rows: Iterable[Row], inside: Test) -> tuple[list[Row], list[Row]]:
    found: tuple[list[Row], list[Row]] = ([], [])
    for row in rows:
        found[inside(row)].append(row)
    return found


def _share(rows: list[Row], test: Test) -> float:
    return sum(map(test, rows)) / len(rows)


def _cost(rows: Iterable[Row]) -> float:
    return sum(cost_usd(r) or 0.0 for r in rows)


def _growth(rows: list[Row], said: list[dict[str, Any]]) -> list[Figure]:
    mine = [r for r in rows if r["template"] == "summarise" and r["status"] == "ok"]
    v7, v8 = _split(mine, lambda r: r["template_version"] == "v8")
    judged = {s["request_id"]: s for s in said if s["name"] == "quality" and s.get("rater_version") == "1"}
    quality = [fmean(judged[r["request_id"]]["value"] for r in part if r["request_id"] in judged) for part in (v7, v8)]
    inputs = [[r["input_tokens"] for r in part] for part in (v7, v8)]
    return [
        Figure(1, "summarise_mean_input_tokens", fmean(inputs[0]), fmean(inputs[1]), 1),
        Figure(1, "summarise_median_input_tokens", median(inputs[0]), median(inputs[1]), 1),
        _figure(1, "summarise_quality_by_judge_version_1", quality, 2),
    ]


def _switch(rows: list[Row]) -> list[Figure]:
    mine = [r for r in rows if r["feature"] == "search" and r["status"] == "ok" and not r.get("item_id")]
    old, new = _split(mine, lambda r: _day(r) >= plan.SEARCH_SWITCH_FROM)
    gemini = [_share(part, lambda r: r["response_model"] == "gemini-2.5-flash") for part in (old, new)]
    priced = [[c for r in part if (c := cost_usd(r)) is not None] for part in (old, new)]
    latency = [median(r["latency_ms"] for r in part) for part in (old, new)]
    return [
        _figure(2, "search_share_on_gemini", gemini, 4),
        Figure(2, "search_cost_per_request_usd", fmean(priced[0]), fmean(priced[1]), 6),
        _figure(2, "search_median_latency_ms", latency, 1),
    ]


def _rogue(rows: list[Row]) -> list[Figure]:
    days = (plan.ROGUE_FROM.date(), plan.ROGUE_UNTIL.date())
    usual, wild = _split([r for r in rows if r["user_id"] == plan.ROGUE_USER], lambda r: _day(r) in days)
    everyone = [r for r in rows if _day(r) in days]
    other_days = (plan.LAST_DAY - plan.FIRST_DAY).days + 1 - len(days)
    return [
        Figure(3, "rogue_requests_a_day", len(usual) / other_days, len(wild) / 2, 1),
        Figure(3, "rogue_cost_a_day_usd", _cost(usual) / other_days, _cost(wild) / 2, 4),
        Figure(3, "rogue_share_of_all_cost", _cost(usual) / _cost(r for r in rows if _day(r) not in days),
               _cost(wild) / _cost(everyone), 4),
    ]  # fmt: skip


def _slow(rows: list[Row]) -> list[Figure]:
    mine = [
        r
        for r in rows
        if r["provider"] == plan.SLOW_PROVIDER and r["status"] == "ok" and r.get("cache_hit") is not True
    ]
    august = [r for r in mine if r["started_at"].month == 8]
    usual, slow = _split(august, lambda r: _day(r) == plan.SLOW_DAY)
    first = [[r["ttft_ms"] for r in part if r.get("ttft_ms") is not None] for part in (usual, slow)]
    return [
        Figure(
            4,
            "openai_median_latency_ms",
            median(r["latency_ms"] for r in usual),
            median(r["latency_ms"] for r in slow),
            1,
        ),
        Figure(4, "openai_median_ttft_ms", median(first[0]), median(first[1]), 1),
    ]


def _outage(rows: list[Row]) -> list[Figure]:
    october = [r for r in rows if r["started_at"].month == 10]
    hour = timedelta(hours=1)
    at_two = [r for r in october if r["started_at"].hour == 14 and _day(r).weekday() < 5]
    other, inside = _split(at_two, lambda r: plan.OUTAGE_FROM <= r["started_at"] < plan.OUTAGE_FROM + hour)
    weekdays = len({_day(r) for r in other})
    claude = [
        [r for r in part if r["request_model"].startswith("claude") and not r["fallback"]] for part in (other, inside)
    ]
    failed = [_share(part, lambda r: r["status"] == "error") for part in claude]
    fallbacks = [sum(r.get("fallback") is True for r in part) for part in (other, inside)]
    retries = [sum(r["attempt"] > 1 for r in part) for part in (other, inside)]
    return [
        _figure(5, "claude_error_share_of_attempts", failed, 4),
        Figure(5, "claude_attempts_an_hour", len(claude[0]) / weekdays, len(claude[1]), 1),
        Figure(5, "retries_an_hour", retries[0] / weekdays, retries[1], 2),
        Figure(5, "fallback_answers_an_hour", fallbacks[0] / weekdays, fallbacks[1], 2),
    ]


def _cut(rows: list[Row]) -> list[Figure]:
    mine = [r for r in rows if r["template"] == "contract-clauses" and r["status"] == "ok"]
    old, new = _split(mine, lambda r: _day(r) >= plan.CLAUSES_LIMIT_FROM)
    cut = [_share(part, lambda r: r["finish_reason"] == "length") for part in (old, new)]
    limits = [max(r["max_tokens"] for r in part) for part in (old, new)]
    return [_figure(6, "clauses_share_cut_off", cut, 4), _figure(6, "clauses_max_tokens", limits, 0)]


def _prefix(rows: list[Row]) -> list[Figure]:
    good = [r for r in rows if r["status"] == "ok" and r["response_model"] == plan.SONNET.name]
    chat, agent = ([r for r in good if r["template"] == name] for name in ("assistant", "agent-act"))
    read = [sum(r["cache_read_tokens"] for r in part) / sum(r["input_tokens"] for r in part) for part in (chat, agent)]
    smallest = [min(r["input_tokens"] for r in part) for part in (chat, agent)]
    spent = [
        plan.AGENT_PREFIX_TOKENS * len(agent) * usd / 1e6
        for usd in (plan.SONNET.cache_read_usd, plan.SONNET.input_usd or 0)
    ]
    return [
        _figure(7, "cache_read_share_of_input_assistant_against_agent_act", read, 4),
        _figure(7, "smallest_input_tokens_assistant_against_agent_act", smallest, 0),
        _figure(7, "agent_act_prefix_usd_if_read_from_cache_against_now", spent, 2),
    ]


def _judge(rows: list[Row], said: list[dict[str, Any]]) -> list[Figure]:
    quality = [s for s in said if s["name"] == "quality"]
    judge = {s["request_id"]: s for s in quality if s["rater_kind"] == "judge"}
    pairs = [(judge[s["request_id"]], s["value"]) for s in quality if s["rater_kind"] == "human"]
    old, new = ([(j["value"], h) for j, h in pairs if j["rater_version"] == version] for version in ("1", "2"))
    anchor = [s for s in said if s["name"] == "quality.anchor"]
    fixed = [fmean(s["value"] for s in anchor if s["rater_version"] == version) for version in ("1", "2")]
    return [
        Figure(8, "judge_minus_human_points", fmean(j - h for j, h in old), fmean(j - h for j, h in new), 2),
        Figure(8, "human_mean_points", fmean(h for _, h in old), fmean(h for _, h in new), 2),
        _figure(8, "judge_mean_points", _means(judge.values()), 2),
        _figure(8, "judge_mean_on_fixed_set_points", fixed, 2),
    ]


def _means(given: Iterable[dict[str, Any]]) -> tuple[float, float]:
    values = [(s["rater_version"], s["value"]) for s in given]
    first, second = (fmean(v for r, v in values if r == version) for version in ("1", "2"))
    return first, second


def _unpriced(rows: list[Row]) -> list[Figure]:
    others, acme = _split(rows, lambda r: r["request_model"] == plan.ACME.name)
    tokens = [
        sum((r.get("input_tokens") or 0) + (r.get("output_tokens") or 0) for r in part) for part in (others, acme)
    ]
    return [
        Figure(9, "requests_with_a_price_against_without", len(others), len(acme), 0),
        _figure(9, "tokens_with_a_price_against_without", tokens, 0),
    ]


def _logged(rows: list[Row]) -> list[Figure]:
    mine = [r for r in rows if r.get("cost_logged_usd") is not None]
    right, wrong = _split(mine, lambda r: r["started_at"].month == 9 and r["provider"] == plan.DOUBLE_CHARGE_PROVIDER)
    logged = sum(r["cost_logged_usd"] for r in wrong)
    return [
        Figure(10, "logged_over_computed_elsewhere_against_september_anthropic",
               sum(r["cost_logged_usd"] for r in right) / _cost(right), logged / _cost(wrong), 4),
        Figure(10, "september_anthropic_computed_against_logged_usd", _cost(wrong), logged, 4),
        Figure(10, "rows_with_logged_cost_elsewhere_against_september_anthropic", len(right), len(wrong), 0),
    ]  # fmt: skip


def fill(readme: str, counts: Mapping[str, int], found: list[Figure]) -> str:
    """README with its two tables made anew."""
    lines = [
        f"| {f.story} | {f.name} | {f.before:.{f.digits}f} | {f.after:.{f.digits}f} | {_change(f)} |" for f in found
    ]
    readme = _between(
        readme, "stories", ["| story | figure | before | after | change |", "|---|---|---|---|---|", *lines]
    )
    rows = [f"| {name} | {count} |" for name, count in counts.items()]
    return _between(readme, "files", ["| file | rows |", "|---|---|", *rows])


def _change(figure: Figure) -> str:
    """Shares and scores change by points, everything else by per cent; two things side by side do not change."""
    if "_against_" in figure.name or not (figure.before or "share" in figure.name):
        return ""
    if "share" in figure.name and max(figure.before, figure.after) <= 1:
        return f"{100 * (figure.after - figure.before):+.1f} pt"
    if "points" in figure.name or "quality" in figure.name:
        return f"{figure.after - figure.before:+.2f}"
    ratio = figure.after / figure.before
    return f"{ratio:.0f} times" if ratio > 5 else f"{100 * (ratio - 1):+.1f} %"


def _between(text: str, marker: str, lines: list[str]) -> str:
    opening, closing = f"<!-- {marker}: measured by generate.py -->", f"<!-- end of {marker} -->"
    pattern = re.compile(re.escape(opening) + ".*?" + re.escape(closing), re.DOTALL)
    return pattern.sub("\n".join([opening, *lines, closing]), text)
