"""A value that cannot be true is unknown and counted, never silently wrong; units and zones are told apart."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from llmscope.load import LoadOptions, load
from llmscope.store import Store
from tests.load.writing import Record, lines, load_bytes, parquet, put, request, rows

BASE = (
    '{"request_id":"a","started_at":"2026-09-01T10:00:00Z","request_model":"m","input_tokens":7,"output_tokens":%s}\n'
)
FLAT = {"ts": "2026-09-01T10:00:00Z", "model": "gpt-4-turbo", "prompt_tokens": 1, "completion_tokens": 1}


def one(folder: Path, record: Record, **options: Any) -> tuple[Record, list[str]]:
    """The row that a record becomes, and what is said of its file."""
    report, found = load_bytes(folder, lines([record]), **options)
    assert 1 == len(found)
    return found[0], report.notes


@pytest.mark.parametrize(
    "value",
    [
        "-1",
        "12.7",
        "true",
        "false",
        '"many"',
        "NaN",
        "Infinity",
        "1e400",
        "-1e400",
        '"12.7"',
        "[1]",
        '{"a":1}',
        "99999999999999999999",
        "1e18",
        '""',
    ],
)
@pytest.mark.parametrize("column", ["output_tokens", "reasoning_tokens"])
def test_tokens_that_cannot_be_are_unknown(tmp_path: Path, value: str, column: str) -> None:
    """NULL and one counted value, or a rejected line; the rest of the row stays. An empty text is no value at all."""
    report, found = load_bytes(
        tmp_path, ((BASE % "5") + (BASE % value)).replace('"a"', '"b"', 1).replace("output_tokens", column).encode()
    )

    if report.rejected:
        assert (1, 1) == (report.rejected, report.loaded)
        return
    assert 2 == report.loaded
    assert [5] == [r[column] for r in found if column in r]
    assert [7, 7] == [r["input_tokens"] for r in found]
    assert value == '""' or any(f"{column}: 1 value of the wrong type" in n for n in report.notes)


@pytest.mark.parametrize(
    ("value", "expected"), [("12", 12), ('"12"', 12), ("12.0", 12), ("0", 0), ("1e3", 1000), ('" 12 "', 12)]
)
def test_tokens_written_another_way_are_tokens(tmp_path: Path, value: str, expected: int) -> None:
    """Strings for numbers, whole floats; zero is zero."""
    report, found = load_bytes(tmp_path, (BASE % value).encode())

    assert [expected] == [r["output_tokens"] for r in found]
    assert 0 == report.faults


def test_null_and_absent_are_unknown_and_no_fault(tmp_path: Path) -> None:
    """NULL means "not reported"."""
    report, found = load_bytes(tmp_path, (BASE % "null").encode() + lines([request(1, output_tokens=...)]))

    assert not any("output_tokens" in r for r in found)
    assert 0 == report.faults


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("latency_ms", -5),
        ("latency_ms", "fast"),
        ("latency_ms", True),
        ("latency_ms", 1e15),
        ("cost_logged_usd", "free"),
        ("cost_logged_usd", -0.01),
        ("temperature", "hot"),
        ("http_status", 200.5),
        ("stream", "maybe"),
        ("started_at", "yesterday"),
        ("started_at", "0001-01-01"),
        ("started_at", "9999-12-31"),
        ("started_at", "2026-02-30"),
        ("started_at", -5),
        ("started_at", True),
        ("started_at", 0),
    ],
)
def test_other_values_that_cannot_be_are_unknown(tmp_path: Path, column: str, value: Any) -> None:
    """Durations, money, dates, flags: NULL with a counted note."""
    report, found = load_bytes(tmp_path, lines([request(1), request(2, **{column: value})]))

    assert 2 == report.loaded
    assert column not in found[1]
    assert any(f"{column}: 1 value" in n for n in report.notes)


@pytest.mark.parametrize("count", [1, 300, 5000])
def test_a_wrong_value_is_found_wherever_it_stands(tmp_path: Path, count: int) -> None:
    """Also far behind the first records, after thousands of good ones."""
    data = (
        lines(request(i) for i in range(1, count + 1))
        + (BASE % "12.7").encode()
        + (BASE % "-3").replace('"a"', '"b"').encode()
    )
    report, found = load_bytes(tmp_path, data)

    assert count + 2 == len(found)
    assert count == sum(r.get("output_tokens", 0) for r in found)
    assert any("output_tokens: 2 values" in n for n in report.notes)


def test_parquet_values_that_cannot_be(tmp_path: Path) -> None:
    """Floats with NaN, infinity and fractions in a token column."""
    records = [request(i, output_tokens=v) for i, v in enumerate([5.0, float("nan"), float("inf"), 12.7, -1.0])]
    store = Store(None)
    report = load(store, [str(parquet(tmp_path / "log.parquet", records))], LoadOptions()).files[0]

    assert [5] == [r["output_tokens"] for r in rows(store) if "output_tokens" in r]
    assert any("output_tokens: 4 values" in n for n in report.notes)


TEN = datetime(2026, 9, 1, 10)
# 2026-09-01T10:00:00Z is 1788256800 seconds after 1970.
SECONDS = 1_788_256_800


TIMES = [
    ("2026-09-01T10:00:00Z", TEN),
    ("2026-09-01T12:00:00+02:00", TEN),
    ("2026-09-01T05:30:00-04:30", TEN),
    ("2026-09-01 10:00:00", TEN),
    ("2026-09-01T10:00:00.123456Z", TEN.replace(microsecond=123456)),
    ("2026-09-01T10:00:00.1234567Z", TEN.replace(microsecond=123456)),
    ("2026-09-01", datetime(2026, 9, 1)),
    (SECONDS, TEN),
    (str(SECONDS), TEN),
    (SECONDS + 0.25, TEN.replace(microsecond=250000)),
    (SECONDS * 1000, TEN),
    (SECONDS * 1000 + 7, TEN.replace(microsecond=7000)),
    (SECONDS * 10**6 + 1, TEN.replace(microsecond=1)),
    (SECONDS * 10**9 + 123_456_789, TEN.replace(microsecond=123456)),
    (str(SECONDS * 10**9 + 999_999_999), TEN.replace(microsecond=999999)),
    ((SECONDS + 62_135_596_800) * 10**7, TEN),
]


@pytest.mark.parametrize("flat", [True, False], ids=["flat", "canonical"])
def test_times(tmp_path: Path, flat: bool) -> None:
    """ISO with and without offset; an epoch in s, ms, us, ns or .NET ticks by its size, nanoseconds exact."""
    records = [
        {**FLAT, "id": f"r{i:02d}", "ts": value} if flat else request(1, request_id=f"r{i:02d}", started_at=value)
        for i, (value, _) in enumerate(TIMES)
    ]
    _, found = load_bytes(tmp_path, lines(records))

    assert TIMES == [(value, row["started_at"]) for (value, _), row in zip(TIMES, found, strict=True)]


def test_a_time_without_zone_is_in_source_tz(tmp_path: Path) -> None:
    """10:00 in Zurich in September is 08:00 UTC; what has a zone keeps it."""
    naive, _ = one(tmp_path, request(1, started_at="2026-09-01T10:00:00"), source_tz="Europe/Zurich")
    zoned, _ = one(tmp_path, request(1, started_at="2026-09-01T10:00:00Z"), source_tz="Europe/Zurich")
    epoch, _ = one(tmp_path, request(1, started_at=SECONDS), source_tz="Europe/Zurich")

    assert [TEN.replace(hour=8), TEN, TEN] == [r["started_at"] for r in (naive, zoned, epoch)]


def test_offsets_count_from_zero(tmp_path: Path) -> None:
    """`--map started_at=KEY:offset_ms`: 1,500 ms after the start is not 1970."""
    data = lines([{**FLAT, "ts": 0}, {**FLAT, "ts": 1500}])
    _, found = load_bytes(tmp_path, data, maps=["started_at=ts:offset_ms"])
    first, second = sorted(r["started_at"] for r in found)

    assert 1.5 == (second - first).total_seconds()


def test_an_end_before_the_start_is_no_duration(tmp_path: Path) -> None:
    """Then the log's own figure counts, and where there is none nothing does."""
    row, _ = one(tmp_path, request(1, ended_at="2026-09-01T09:00:00Z"))

    assert "latency_ms" not in row


def test_latency_is_end_minus_start(tmp_path: Path) -> None:
    """Rather than what was logged: 2,500 ms."""
    row, _ = one(
        tmp_path, request(1, started_at="2026-09-01T10:00:00Z", ended_at="2026-09-01T10:00:02.5Z", latency_ms=9)
    )

    assert 2500 == row["latency_ms"]


@pytest.mark.parametrize(
    ("key", "values", "expected", "said"),
    [
        ("latency", [0.5, 1.25], [500, 1250], "latency taken as seconds"),
        ("latency", [812, 95], [812, 95], "latency taken as milliseconds"),
        ("duration", [150.5, 2300.25], [150.5, 2300.25], "duration taken as milliseconds"),
        ("latency_ms", [0.5, 1.25], [0.5, 1.25], ""),
        ("latency_s", [3, 4], [3000, 4000], ""),
        ("duration_us", [1500, 2500], [1.5, 2.5], ""),
        ("elapsed_ns", [2_000_000, 3_000_000], [2, 3], ""),
    ],
)
def test_units_of_durations(tmp_path: Path, key: str, values: list[float], expected: list[float], said: str) -> None:
    """By the name's suffix; without one by size, and then it is said, with the way to say otherwise."""
    report, found = load_bytes(tmp_path, lines({**FLAT, key: v, "id": f"r{i}"} for i, v in enumerate(values)))

    assert expected == [pytest.approx(r["latency_ms"]) for r in found]
    assert bool(said) == any("taken as" in n for n in report.notes)
    assert not said or any(said in n and f"--map latency_ms={key}:" in n for n in report.notes)


def test_more_cached_than_input_is_exclusive(tmp_path: Path) -> None:
    """The parts of a total are never more than it: 10 + 90 read + 5 written."""
    row, _ = one(tmp_path, request(1, input_tokens=10, cache_read_tokens=90, cache_write_tokens=5))

    assert (105, "exclusive_fixed") == (row["input_tokens"], row["usage_semantics"])


def test_text_is_not_kept_unless_asked(tmp_path: Path) -> None:
    """And then without the address in it."""
    record = request(1, input_text="write to jane@example.com", output_text="done")
    without, _ = one(tmp_path, record)
    kept, _ = one(tmp_path, record, keep_text=True)

    assert not {"input_text", "output_text"} & without.keys()
    assert "done" == kept["output_text"]
    assert "jane@example.com" not in kept["input_text"]
    assert kept["input_text"].startswith("write to ")


def test_two_files_whose_types_disagree(tmp_path: Path) -> None:
    """One logs tokens as numbers, the other as text, one metadata as an object, the other as a word."""
    store = Store(None)
    a = put(tmp_path / "a.jsonl", lines([request(1, metadata={"team": "red"})]))
    b = put(tmp_path / "b.jsonl", lines([request(2, input_tokens="2", metadata="red", tags="x", http_status="200")]))
    c = put(tmp_path / "c.jsonl", lines([request(3, tags=["y"], http_status=[1])]))
    report = load(store, [str(p) for p in (a, b, c)], LoadOptions())

    assert [None] * 3 == [f.error for f in report.files]
    assert [1, 2, 3] == [r["input_tokens"] for r in rows(store)]
    assert [["x"], ["y"]] == [r["tags"] for r in rows(store)[1:]]
    assert {"team": "red"} == json.loads(rows(store)[0]["metadata"])


def test_duplicate_keys_are_said_and_the_first_counts(tmp_path: Path) -> None:
    """A key named twice in one record."""
    data = b'{"started_at":"2026-09-01","input_tokens":1,"input_tokens":2}\n'
    report, found = load_bytes(tmp_path, data)

    assert [1] == [r["input_tokens"] for r in found]
    assert any("twice" in n for n in report.notes)
