"""What is said of the answers: a judge, two people, thumbs of users, and a guardrail's flags."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, time, timedelta
from random import Random
from typing import Any

from generator import plan, weather
from generator.asks import hex_id
from generator.calls import Row

Score = dict[str, Any]
JUDGED = {"chat": 0.09, "summarise": 0.25, "search": 0.14, "extract": 0.12}
LEVEL = {"chat": 7.0, "summarise": 7.1, "search": 6.8, "extract": 7.2}
LABELS_A_MONTH = 150
ANCHOR_ITEMS = 60
CHAT_GUARDED = 0.15
GUARD_RATES = {"safety.injection": 0.012, "safety.pii_output": 0.008, "safety.unsafe": 0.003}


def all_scores(rows: list[Row]) -> list[Score]:
    """Every score, in the order they were given."""
    good = [r for r in rows if r["status"] == "ok"]
    truth = {r["request_id"]: _true_quality(r) for r in good if r["feature"] in LEVEL}
    judged = [r for r in good if r["feature"] in LEVEL and _is_judged(r)]
    found = [*_judge(judged, truth), *_anchor(judged, truth), *_hallucinations(judged), *_people(judged, truth)]
    found += [*_thumbs(good, truth), *_guardrail(good)]
    return sorted(found, key=lambda s: (s["created_at"], s["score_id"]))


def _rng(row: Row, purpose: str) -> Random:
    return plan.stream(purpose, row["request_id"])


def _true_quality(row: Row) -> float:
    """How good an answer is, which nobody sees."""
    quality = LEVEL[row["feature"]] * weather.QUALITY[row["started_at"].date()] + _rng(row, "quality").gauss(0, 1.25)
    if row["finish_reason"] == "length":
        quality -= 1.5
    if row.get("refusal") or row.get("output_tokens") == 0:
        quality -= 3.5
    return quality


def _is_judged(row: Row) -> bool:
    return bool(row.get("item_id")) or _rng(row, "judged").random() < JUDGED[row["feature"]]


def _points(value: float) -> float:
    return float(min(10, max(1, round(value))))


def _verdict(row: Row, truth: float, at: datetime, rng: Random) -> Score:
    """What the judge says on a day: version 2 is kinder to everybody."""
    new = at.date() >= plan.JUDGE_V2_FROM
    value = _points(truth + 0.1 + rng.gauss(0, 0.8) + (plan.JUDGE_V2_INFLATION if new else 0))
    rated = {"rater_kind": "judge", "rater": "gpt-judge", "rater_version": "2" if new else "1"}
    return _score(row, "quality", value, at, rng) | rated


def _judge(judged: Iterable[Row], truth: dict[str, float]) -> Iterator[Score]:
    for row in judged:
        rng = _rng(row, "judge")
        at = row["ended_at"] + timedelta(seconds=rng.randrange(20, 600))
        yield _verdict(row, truth[row["request_id"]], at, rng)


def _anchor(judged: list[Row], truth: dict[str, float]) -> Iterator[Score]:
    """A fixed set of August answers that the judge scores again on the first of every month."""
    august = [r for r in judged if r["started_at"].month == 8]
    items = sorted(plan.stream("anchor").sample(august, ANCHOR_ITEMS), key=lambda r: str(r["request_id"]))
    for month in (9, 10, 11):
        for n, row in enumerate(items):
            at = datetime(2026, month, 1, 5, n, tzinfo=UTC)
            yield _verdict(row, truth[row["request_id"]], at, _rng(row, f"anchor {month}")) | {"name": "quality.anchor"}


def _hallucinations(judged: Iterable[Row]) -> Iterator[Score]:
    """The judge also says whether a search answer claims what its sources do not."""
    for row in judged:
        if row["feature"] == "search":
            rng = _rng(row, "hallucination")
            at = row["ended_at"] + timedelta(seconds=rng.randrange(20, 600))
            flag = _score(row, "safety.hallucination", float(rng.random() < 0.031), at, rng, "boolean")
            version = "2" if at.date() >= plan.JUDGE_V2_FROM else "1"
            yield flag | {"rater_kind": "judge", "rater": "gpt-judge", "rater_version": version}


def _people(judged: list[Row], truth: dict[str, float]) -> Iterator[Score]:
    """Alice and Bob each label about two thirds of a monthly sample of what the judge scored, on the same scale."""
    for month, share in ((8, 1.0), (9, 1.0), (10, 1.0), (11, 0.3)):
        pool = [r for r in judged if r["started_at"].month == month and not r.get("item_id")]
        chosen = plan.stream("labels", month).sample(pool, round(LABELS_A_MONTH * share))
        for row in sorted(chosen, key=lambda r: (r["started_at"], str(r["request_id"]))):
            yield from _labels(row, truth[row["request_id"]])


def _labels(row: Row, truth: float) -> Iterator[Score]:
    rng = _rng(row, "people")
    raters = rng.choices((("alice",), ("bob",), ("alice", "bob")), (30, 30, 40))[0]
    friday = row["started_at"].date() + timedelta(days=(4 - row["started_at"].weekday()) % 7 or 7)
    for rater in raters:
        at = datetime.combine(friday, time(9), UTC) + timedelta(seconds=rng.randrange(7 * 3600))
        value = _points(truth + rng.gauss(0, 0.6) - (0.15 if rater == "bob" else 0))
        label = _score(row, "quality", value, at, rng) | {"rater_kind": "human", "rater": rater}
        if value <= 4 and rng.random() < 0.7:
            label["explanation"] = "cut off" if row["finish_reason"] == "length" else rng.choice(REASONS)
        yield label


REASONS = (
    "misses the question",
    "wrong figure",
    "too vague to use",
    "source does not say this",
    "ignores the second part",
)


def _thumbs(good: Iterable[Row], truth: dict[str, float]) -> Iterator[Score]:
    """A few users press a thumb; the web page knows the trace and not the request."""
    for row in good:
        rng = _rng(row, "thumb")
        if row["feature"] not in ("chat", "search") or row.get("item_id") or rng.random() > 0.04:
            continue
        up = truth[row["request_id"]] + rng.gauss(0, 1.2) > 6.0
        at = row["ended_at"] + timedelta(seconds=rng.randrange(3, 240))
        thumb = _score(row, "thumb", float(up), at, rng, "boolean") | {"rater_kind": "user", "rater": row["user_id"]}
        del thumb["request_id"]
        yield thumb


def _guardrail(good: Iterable[Row]) -> Iterator[Score]:
    """Rules run over a sample of chat and leave a flag for each, mostly false."""
    for row in good:
        rng = _rng(row, "guardrail")
        if row["feature"] != "chat" or rng.random() > CHAT_GUARDED:
            continue
        for name, rate in GUARD_RATES.items():
            flag = _score(
                row, name, float(rng.random() < rate), row["ended_at"] + timedelta(milliseconds=40), rng, "boolean"
            )
            yield flag | {"rater_kind": "code", "rater": "guardrail", "rater_version": "1.4"}


def _score(row: Row, name: str, value: float, at: datetime, rng: Random, data_type: str = "numeric") -> Score:
    return {
        "score_id": "sc-" + hex_id(rng, 12),
        "trace_id": row["trace_id"],
        "request_id": row["request_id"],
        "name": name,
        "value": value,
        "data_type": data_type,
        "created_at": at,
    }
