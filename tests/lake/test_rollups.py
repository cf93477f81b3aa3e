"""Daily rollups: the same totals as the rows, quantiles within 1 %, and what is left of forgotten days."""

from __future__ import annotations

import json
import math
import random
import shutil
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import llmscope
from llmscope.analyses._latency_sql import Asked, metric_of
from llmscope.analyses._rolled_latency import measured
from llmscope.analyses._slo import DEFAULTS
from llmscope.lake.lake import Lake
from llmscope.lake.loading import load_into
from llmscope.lake.rollup import make_missing
from llmscope.lake.tend import compact
from llmscope.load import LoadOptions
from llmscope.result import Result
from llmscope.rolled import METRICS, TIMES, bins_sql
from tests.conftest import Run
from tests.lake.conftest import START, put, requests

PEOPLE = ("users", "sessions", "cost_per_session_usd")
FROM_ROLLUPS = "from daily rollups"
COSTS: tuple[dict[str, Any], ...] = (
    {},
    {"by": "feature"},
    {"by": "model,provider,price_status", "over": "day"},
    {"by": "environment,status", "top": 2, "over": "week", "sort": "requests"},
    {"over": "month", "cost_source": "logged", "forecast": True},
    {"by": "template,cache_hit,error_class", "cost_source": "computed"},
)
LATENCIES: tuple[dict[str, Any], ...] = (
    {},
    {"by": "feature,model", "quantiles": "1,50,99.9"},
    {"by": "provider", "metric": "ttft", "over": "week", "top": 2},
    {"by": "environment", "include": "all"},
)


def varied(count: int, days: int = 12) -> list[dict[str, Any]]:
    """Requests of many kinds, skewed in time and cost; some log nothing of what others do."""
    rng = random.Random(count)
    found = []
    for n, row in enumerate(requests(count, each_s=days * 86_400 // count)):
        slow = round(rng.lognormvariate(7, 1.2), 3)
        model, provider = rng.choice([("gpt-4o", "openai"), ("claude-3-5-haiku-20241022", "anthropic"), ("own", None)])
        row |= {
            "feature": rng.choice(["chat", "[red]|<script>", "=1+1", None]),
            "model": model,
            "provider": provider,
            "template": f"t{n % 4}",
            "environment": rng.choice(["production", "staging", None]),
            "status": rng.choice(["ok"] * 8 + ["error", "cancelled"]),
            "operation": rng.choice(["chat"] * 9 + ["embeddings"]),
            "cache_hit": rng.random() < 0.1,
            "input_tokens": rng.choice([None, 0, rng.randrange(90_000)]),
            "output_tokens": rng.choice([None, 0, rng.randrange(5_000)]),
            "cache_read_tokens": rng.choice([None, 7]),
            "cost_logged_usd": rng.choice([None, 0, round(rng.random(), 6)]),
            "latency_ms": rng.choice([None, 0, slow, slow, slow]),
            "ttft_ms": rng.choice([None, slow / 3]),
            "user_id": f"u{n % 9}",
            "session_id": f"s{n % 40}",
        }
        found.append({key: value for key, value in row.items() if value is not None})
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake of twelve days in two loads, its rollups made after the first and by the second."""
    folder = tmp_path_factory.mktemp("rolled")
    rows = varied(3_000)
    for name, part in (("first", rows[::2]), ("second", rows[1::2])):
        put(folder / f"{name}.jsonl", part)
    lake = Lake.open(folder / "lake", create=True)
    load_into(lake, [str(folder / "first.jsonl")], LoadOptions())
    make_missing(lake)
    load_into(lake, [str(folder / "second.jsonl")], LoadOptions())
    return folder


@pytest.fixture
def lake(made: Path, here: Path) -> Path:
    """A copy of it, to be changed."""
    shutil.copytree(made, here, dirs_exist_ok=True)
    return here / "lake"


def ask(name: str, exact: bool = False, shared: Mapping[str, Any] | None = None, **options: Any) -> Result:
    """One answer of the lake in this folder."""
    with llmscope.open(store="lake", exact=exact, **(shared or {})) as logs:
        return logs.run(name, **options)


def is_rolled(result: Result) -> bool:
    """Whether an answer says that it is from rollups."""
    return any(note.startswith(FROM_ROLLUPS) for note in result.notes)


def plain(result: Result) -> dict[str, Any]:
    """An answer without people and without what is said of rollups."""
    rows = [*result.rows, result.totals or {}]
    kept = [{k: v for k, v in row.items() if k not in PEOPLE} for row in rows]
    told = [note for note in result.notes if not note.startswith(FROM_ROLLUPS)]
    return {"rows": kept, "notes": told, "found": [f.text for f in result.findings], "coverage": result.coverage}


def both(options: Mapping[str, Any], shared: Mapping[str, Any] | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
    """A cost from the rows and one from the rollups."""
    of_rows, rolled = ask("cost", True, shared, **options), ask("cost", False, shared, **options)

    assert (False, True) == (is_rolled(of_rows), is_rolled(rolled))
    return plain(of_rows), plain(rolled)


@pytest.mark.parametrize("options", COSTS, ids=str)
def test_costs_are_those_of_the_rows(lake: Path, options: dict[str, Any]) -> None:
    """Every sum, count and share from rollups is that of the rows, exactly, and so is the small print."""
    of_rows, rolled = both(options)

    assert of_rows == rolled


@pytest.mark.parametrize(
    "shared",
    [
        {"since": "2026-09-03", "until": "2026-09-08"},
        {"where": "feature = '=1+1' OR model LIKE 'gpt%'"},
        {"where": "status = 'ok' AND NOT cache_hit", "since": "2026-09-05"},
    ],
    ids=str,
)
def test_windows_and_conditions(lake: Path, shared: dict[str, Any]) -> None:
    """Whole days, and conditions on what is rolled, hold in rollups as in rows."""
    of_rows, rolled = both({"by": "feature", "over": "day"}, shared)

    assert of_rows == rolled


@pytest.mark.parametrize("options", LATENCIES, ids=str)
def test_latency_is_within_one_per_cent(lake: Path, options: dict[str, Any]) -> None:
    """Quantiles are within 1 % of the exact ones; counts, maxima and budgets the same, means to the last digits."""
    of_rows, rolled = ask("latency", True, **options), ask("latency", **options)

    assert is_rolled(rolled)
    words = [c.name for c in of_rows.columns if c.role in ("dimension", "time")]
    by_slice = {tuple(row[word] for word in words): row for row in rolled.rows}
    pairs = [(row, by_slice.pop(tuple(row[word] for word in words))) for row in of_rows.rows]

    assert not by_slice
    for exact, near in [*pairs, (of_rows.totals or {}, rolled.totals or {})]:
        assert exact.keys() == near.keys()
        for name, value in exact.items():
            is_quantile = name.removeprefix("ttft_").startswith("p") and name.endswith("_ms")
            least = 0.01 if is_quantile else 1e-9
            assert value == near[name] or math.isclose(value, near[name], rel_tol=least), (name, exact, near)
    assert [p.rows for p in of_rows.parts.values()] == [p.rows for p in rolled.parts.values()]
    assert list(of_rows.notes) == [n for n in rolled.notes if not n.startswith(FROM_ROLLUPS)]


def type_7(values: list[float], q: float) -> float:
    """A quantile of sorted values, interpolated linearly."""
    place = (len(values) - 1) * q
    low, high = values[math.floor(place)], values[math.ceil(place)]
    return low + (high - low) * (place - math.floor(place))


class Bins:
    """Stands where logs stand: rollups over listed times."""

    def __init__(self, times: list[float]) -> None:
        self.con = duckdb.connect()
        self.con.execute("CREATE TABLE times AS SELECT unnest($1)::DOUBLE AS latency_ms", [times])
        kept = "NULL::DOUBLE AS ttft_ms, TIMESTAMP '2026-09-01' AS started_at, 'ok' AS status, false AS cache_hit, "
        rest = "'f' AS feature, 'm' AS model, 'p' AS provider, 'e' AS environment, 'chat' AS operation, 'x' AS "
        self.con.execute(f"CREATE VIEW requests AS SELECT *, {kept}{rest}timing_quality FROM times")
        self.con.execute(f"CREATE VIEW rollup_bins AS {bins_sql()}")
        self.con.execute(
            "CREATE VIEW rollups AS SELECT count(*) AS latency_requests, sum(latency_ms) AS latency_sum_ms,"
            " 0::DOUBLE AS latency_squares, max(latency_ms) AS latency_max_ms, 0 AS ttft_requests,"
            " NULL::DOUBLE AS ttft_sum_ms FROM times"
        )

    def query(self, sql: str, by: Any, names: dict[str, str], **values: Any) -> list[dict[str, Any]]:
        rows = self.con.execute(sql.format(dimensions="", **names)).fetchall()
        columns = [d[0] for d in self.con.description or []]
        return [dict(zip(columns, row, strict=True)) for row in rows]


skewed = st.floats(-20, 25).map(math.exp)


@given(
    times=st.lists(st.one_of(skewed, st.just(0.0), skewed.map(lambda ms: -ms)), min_size=1, max_size=60),
    q=st.sampled_from([0.01, 0.1, 0.5, 0.9, 0.95, 0.99, 0.999]),
)
@settings(max_examples=40, deadline=None)
def test_a_quantile_lies_between_values_within_one_per_cent(times: list[float], q: float) -> None:
    """Whatever the times, a quantile is that of values each within 1 %: of positive ones it is within 1 % itself."""
    asked = Asked(Bins(times), metric_of("total"), "true")  # type: ignore[arg-type]
    found = measured(asked, {"q": q}, False, "true", "", {})[0]["q"]
    exact, size = type_7(sorted(times), q), type_7(sorted(abs(t) for t in times), 1.0)
    place = (len(times) - 1) * q
    around = sorted(times)[math.floor(place)], sorted(times)[math.ceil(place)]

    assert abs(found - exact) <= 0.01 * max(map(abs, around)) <= 0.01 * size
    if min(times) > 0:
        assert math.isclose(found, exact, rel_tol=0.01)


def test_a_better_record_and_merged_files(lake: Path, here: Path) -> None:
    """Rollups follow their rows: where a better record takes a row's place, and where files become one."""
    better = [{**row, "output_tokens": 10, "latency_ms": 5} for row in varied(3_000)[100:140]]
    load_into(Lake.open("lake"), [str(put(here / "better.jsonl", better))], LoadOptions())
    reloaded = both({"by": "feature", "over": "day"})
    load_into(Lake.open("lake"), [str(put(here / "more.jsonl", requests(50, 9_000)))], LoadOptions())
    held = Lake.open("lake")
    compact(held, timedelta(0))
    merged = both({"by": "model,status"})
    listed = [sorted(f.of for f in held.files("rollups")), sorted(f.path for f in held.files("requests"))]

    assert reloaded[0] == reloaded[1]
    assert merged[0] == merged[1]
    assert listed[0] == listed[1]
    assert len(listed[0]) == len(list(lake.glob("rollups/day=*/*.parquet")))


@pytest.mark.parametrize(
    ("options", "shared"),
    [
        ({"by": "user"}, {}),
        ({"by": "feature", "over": "hour"}, {}),
        ({"sort": "users"}, {}),
        ({}, {"since": "2026-09-03T12:00"}),
        ({}, {"tz": "Europe/Zurich"}),
        ({}, {"where": "input_tokens > 10"}),
        ({}, {"where": "cost_usd > 0.001"}),
    ],
    ids=str,
)
def test_what_rollups_cannot_tell_is_asked_of_the_rows(
    lake: Path, options: dict[str, Any], shared: dict[str, Any]
) -> None:
    """Other dimensions, hours, part of a day, another zone, conditions on single requests: the rows answer."""
    assert not is_rolled(ask("cost", False, shared, **options))
    assert not is_rolled(ask("latency", metric="tpot"))


def test_the_command_line(here: Path, run: Run, lake: Path) -> None:
    """--exact reads the rows, and so does a gate on a quantile or on people."""
    said = {
        name: FROM_ROLLUPS in run(*line.split(), "--store", "lake").out
        for name, line in {
            "cost": "cost", "exact": "cost --exact", "gate": "latency --fail-if p95_ms>1e12",
            "people": "cost --columns requests,users", "money": "cost --fail-if cost_usd>1e12",
        }.items()
    }  # fmt: skip

    assert {"cost": True, "exact": False, "gate": False, "people": False, "money": True} == said


def test_other_prices(here: Path, run: Run, lake: Path) -> None:
    """Under other prices the rows are asked, until `store rollup` has priced anew what these prices change."""
    (here / "pricing.toml").write_text('schema = 1\n[models."openai/gpt-4o"]\ninput = 100\noutput = 100\n')
    priced = ask("cost", by="model")
    ran = run("store", "rollup", "--store", "lake", "-f", "json")
    of_rows, rolled = both({"by": "model"})

    assert not is_rolled(priced)
    assert is_rolled(ask("latency"))
    assert 12 == json.loads(ran.out)["rows"][0]["made_days"]
    assert of_rows == rolled
    assert 0 == json.loads(run("store", "rollup", "--store", "lake", "-f", "json").out)["rows"][0]["made_days"]


def test_prices_of_another_time(here: Path, lake: Path) -> None:
    """A price that begins after these days makes no rollup of them old; one that begins on one of them does."""
    own = 'schema = 1\n[models."own"]\n[[models."own".price]]\ninput = 1\noutput = 2\n'
    later = own + '[[models."own".price]]\nfrom = {}\ninput = 3\noutput = 4\n'
    found = []
    (here / "pricing.toml").write_text(own)
    make_missing(Lake.open("lake"))
    for text in (own, later.format("2026-09-13"), later.format("2026-09-12")):
        (here / "pricing.toml").write_text(text)
        found.append(is_rolled(ask("cost", by="model")))

    assert [True, True, True] == found
    (here / "pricing.toml").write_text(later.format("2026-09-02"))
    assert not is_rolled(ask("cost", by="model"))


def test_forgotten_days(here: Path, run: Run, lake: Path) -> None:
    """What was forgotten stays in the totals of rollups, once, and every other answer says what it lacks."""
    before = {name: ask("cost", **o) for name, o in (("all", {}), ("days", {"by": "feature", "over": "day"}))}
    latency = ask("latency", by="model").column("p95_ms")
    assert run("store", "forget", "--before", "2026-09-05T12:00", "--store", "lake").code == 0
    for name in ("first", "second"):
        run("load", f"{name}.jsonl", "--map", "service=template", "--store", "lake")
    after = {name: ask("cost", **o) for name, o in (("all", {}), ("days", {"by": "feature", "over": "day"}))}
    held = Lake.open("lake")
    compact(held, timedelta(0))

    for name, result in after.items():
        assert plain(before[name])["rows"] == plain(result)["rows"]
        assert any("5 days are forgotten: only their rollups remain" in note for note in result.notes)
    assert latency == ask("latency", by="model").column("p95_ms")
    assert plain(before["days"])["rows"] == plain(ask("cost", by="feature", over="day"))["rows"]
    assert 5 == sum(file.of not in held.state.files for file in held.files("rollups"))
    for result in (ask("cost", by="user"), ask("cost", True), ask("errors")):
        assert any(note.startswith("not in these figures: 5 days") for note in result.notes)
    assert not any("forgotten" in note for note in ask("cost", shared={"since": "2026-09-07"}).notes)


def test_forgotten_days_under_other_prices(here: Path, run: Run, lake: Path) -> None:
    """Kept rows are priced anew; of the forgotten ones the prices of their time stand, and that is said."""
    whole = ask("cost", by="model", over="day")
    run("store", "forget", "--before", "2026-09-05", "--store", "lake")
    (here / "pricing.toml").write_text('schema = 1\n[models."openai/gpt-4o"]\ninput = 100\noutput = 100\n')
    mixed = ask("cost", by="model", over="day")
    anew = ask("cost", True, by="model", over="day")
    old = {(r["day"], r["model"]): r for r in whole.rows if r["day"] < "2026-09-05"}
    new = {(r["day"], r["model"]): r for r in anew.rows}

    assert all(r["cost_usd"] == (old | new)[r["day"], r["model"]]["cost_usd"] for r in mixed.rows)
    assert len(old) + len(new) == len(mixed.rows)
    assert any(note.endswith("at the prices of when they were made") for note in mixed.notes)
    assert any("requests without rollups at these prices were rolled up" in note for note in mixed.notes)


def test_rows_that_have_no_rollup(here: Path, run: Run) -> None:
    """Rows without a time or with a weight have none: where they are few they are rolled up on the way."""
    put(here / "log.jsonl", requests(400))
    put(here / "undated.jsonl", requests(9, 5_000, started_at=...))
    put(here / "thinned.jsonl", requests(9, 6_000, sample_weight=10))
    run("load", "log.jsonl", "undated.jsonl", "--store", "lake/")
    ran = run("store", "rollup", "--store", "lake")
    of_rows, rolled = both({"by": "feature"})
    run("load", "thinned.jsonl", "--store", "lake/")
    thinned = run("store", "rollup", "--store", "lake")

    assert "1 files have none" in ran.out
    assert of_rows == {**rolled, "notes": [n for n in rolled["notes"] if "rolled up for this answer" not in n]}
    assert "2 files have none" in thinned.out
    assert not is_rolled(ask("cost"))


def test_no_lake(here: Path, run: Run) -> None:
    """A store in one file, and a folder without a lake, are named; an empty lake has nothing to roll up."""
    put(here / "log.jsonl", requests(3))
    run("load", "log.jsonl")
    put(here / "none.jsonl", [])
    run("load", "none.jsonl", "--store", "empty/")

    assert 2 == run("store", "rollup").code
    assert 1 == run("store", "rollup", "--store", "nowhere/").code
    assert 0 == run("store", "rollup", "--store", "empty/").code
    assert 0 == run("cost", "--store", "empty/").code


def test_the_budgets_by_default_are_counted() -> None:
    """Rollups count what the budgets of latency by default allow."""
    limits = {METRICS[one.metric.word]: one.limit_ms for one in DEFAULTS if one.limit_ms is not None}

    assert limits == {name: limit for name, (_, limit) in TIMES.items()}


def test_days_are_of_utc() -> None:
    """The helper's first day is a midnight: windows of the tests are whole days."""
    assert (0, 0) == (START.hour, START.minute)
