"""The sample logs keep the rules of the canonical record, and hold README.md's stories at the size it gives."""

from __future__ import annotations

import gzip
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from llmscope.schema import TABLES, Table

FOLDER = Path(__file__).parents[2] / "sample_logs"
MONTHS = ("requests-2026-08.jsonl.gz", "requests-2026-09.jsonl.gz", "requests-2026-10.parquet")
NOVEMBER = ("requests-2026-11.jsonl.gz", "nightly-2026-11-10.jsonl")
FILES = (*MONTHS, *NOVEMBER, "spans.jsonl.gz", "scores.jsonl.gz")

# USD per million tokens, by hand from the providers' price pages of 2026-11-21: input, output, cache read, cache write.
PRICES = """
    create table prices as from (values
        ('gpt-4o-2024-08-06',          2.50, 10.00, 1.25,  NULL),
        ('gpt-4o-mini-2024-07-18',     0.15,  0.60, 0.075, NULL),
        ('o4-mini-2025-04-16',         1.10,  4.40, 0.275, NULL),
        ('claude-haiku-4-5-20251001',  1.00,  5.00, 0.10,  1.25),
        ('claude-sonnet-4-5-20250929', 3.00, 15.00, 0.30,  3.75),
        ('gemini-2.5-flash',           0.30,  2.50, 0.03,  NULL)
    ) as p(model, input_usd, output_usd, read_usd, write_usd)
"""
PRICED = """
    create table priced as
    select r.*, case when coalesce(cache_hit, false) then 0 else (
            (input_tokens - coalesce(cache_read_tokens, 0) - coalesce(cache_write_tokens, 0)) * input_usd::double
            + coalesce(cache_read_tokens, 0) * read_usd::double
            + coalesce(cache_write_tokens, 0) * coalesce(write_usd, 0)::double
            + output_tokens * output_usd::double) / 1e6 end as cost_usd
    from requests r left join prices p on p.model = coalesce(response_model, request_model)
"""

# Every figure of README.md's table: the level before and after, from the words under it.
FIGURES: dict[str, str] = {
    "summarise_mean_input_tokens": """
        select avg(input_tokens) filter (template_version = 'v7'), avg(input_tokens) filter (template_version = 'v8')
        from priced where template = 'summarise' and status = 'ok'""",
    "summarise_median_input_tokens": """
        select median(input_tokens) filter (template_version = 'v7'),
               median(input_tokens) filter (template_version = 'v8')
        from priced where template = 'summarise' and status = 'ok'""",
    "summarise_quality_by_judge_version_1": """
        select avg(value) filter (template_version = 'v7'), avg(value) filter (template_version = 'v8')
        from scores join priced using (request_id)
        where template = 'summarise' and status = 'ok' and name = 'quality' and rater_version = '1'""",
    "search_share_on_gemini": """
        select avg((provider = 'gcp.gemini')::int) filter (started_at < '2026-10-05'),
               avg((provider = 'gcp.gemini')::int) filter (started_at >= '2026-10-05')
        from priced where feature = 'search' and status = 'ok' and item_id is null""",
    "search_cost_per_request_usd": """
        select avg(cost_usd) filter (started_at < '2026-10-05'), avg(cost_usd) filter (started_at >= '2026-10-05')
        from priced where feature = 'search' and status = 'ok' and item_id is null""",
    "search_median_latency_ms": """
        select median(latency_ms) filter (started_at < '2026-10-05'),
               median(latency_ms) filter (started_at >= '2026-10-05')
        from priced where feature = 'search' and status = 'ok' and item_id is null""",
    "rogue_requests_a_day": """
        select count(*) filter (not wild) / 100, count(*) filter (wild) / 2
        from (select started_at::date in ('2026-09-22', '2026-09-23') as wild from priced where user_id = 'user-23')""",
    "rogue_cost_a_day_usd": """
        select sum(cost_usd) filter (not wild) / 100, sum(cost_usd) filter (wild) / 2
        from (select *, started_at::date in ('2026-09-22', '2026-09-23') as wild from priced)
        where user_id = 'user-23'""",
    "rogue_share_of_all_cost": """
        select sum(cost_usd) filter (user_id = 'user-23' and not wild) / sum(cost_usd) filter (not wild),
               sum(cost_usd) filter (user_id = 'user-23' and wild) / sum(cost_usd) filter (wild)
        from (select *, started_at::date in ('2026-09-22', '2026-09-23') as wild from priced)""",
    "openai_median_latency_ms": """
        select median(latency_ms) filter (started_at::date <> '2026-08-19'),
               median(latency_ms) filter (started_at::date = '2026-08-19')
        from priced where provider = 'openai' and status = 'ok' and not coalesce(cache_hit, false)
            and started_at < '2026-09-01'""",
    "openai_median_ttft_ms": """
        select median(ttft_ms) filter (started_at::date <> '2026-08-19'),
               median(ttft_ms) filter (started_at::date = '2026-08-19')
        from priced where provider = 'openai' and status = 'ok' and started_at < '2026-09-01'""",
    "claude_error_share_of_attempts": """
        select avg((status = 'error')::int) filter (day <> 20), avg((status = 'error')::int) filter (day = 20)
        from two_o_clock where provider = 'anthropic'""",
    "claude_attempts_an_hour": """
        select count(*) filter (day <> 20) / 21, count(*) filter (day = 20)
        from two_o_clock where provider = 'anthropic'""",
    "retries_an_hour": """
        select count(*) filter (day <> 20) / 21, count(*) filter (day = 20) from two_o_clock where attempt > 1""",
    "fallback_answers_an_hour": """
        select count(*) filter (day <> 20) / 21, count(*) filter (day = 20) from two_o_clock where fallback""",
    "clauses_share_cut_off": """
        select avg((finish_reason = 'length')::int) filter (started_at < '2026-10-12'),
               avg((finish_reason = 'length')::int) filter (started_at >= '2026-10-12')
        from priced where template = 'contract-clauses' and status = 'ok'""",
    "clauses_max_tokens": """
        select max(max_tokens) filter (started_at < '2026-10-12'), max(max_tokens) filter (started_at >= '2026-10-12')
        from priced where template = 'contract-clauses'""",
    "cache_read_share_of_input_assistant_against_agent_act": """
        select max(share) filter (template = 'assistant'), max(share) filter (template = 'agent-act')
        from (select template, sum(cache_read_tokens) / sum(input_tokens) as share from priced
              where status = 'ok' and response_model = 'claude-sonnet-4-5-20250929' group by 1)""",
    "smallest_input_tokens_assistant_against_agent_act": """
        select min(input_tokens) filter (template = 'assistant'), min(input_tokens) filter (template = 'agent-act')
        from priced where status = 'ok' and response_model = 'claude-sonnet-4-5-20250929'""",
    "agent_act_prefix_usd_if_read_from_cache_against_now": """
        select count(*) * 3072 * 0.30::double / 1e6, count(*) * 3072 * 3.00::double / 1e6
        from priced
        where template = 'agent-act' and status = 'ok' and response_model = 'claude-sonnet-4-5-20250929'""",
    "judge_minus_human_points": """
        select avg(judge - human) filter (version = '1'), avg(judge - human) filter (version = '2') from pairs""",
    "human_mean_points": """
        select avg(human) filter (version = '1'), avg(human) filter (version = '2') from pairs""",
    "judge_mean_points": """
        select avg(value) filter (rater_version = '1'), avg(value) filter (rater_version = '2')
        from scores where name = 'quality' and rater_kind = 'judge'""",
    "judge_mean_on_fixed_set_points": """
        select avg(value) filter (rater_version = '1'), avg(value) filter (rater_version = '2')
        from scores where name = 'quality.anchor'""",
    "requests_with_a_price_against_without": """
        select count(*) filter (request_model <> 'acme-internal-llm-7b'),
               count(*) filter (request_model = 'acme-internal-llm-7b')
        from priced""",
    "tokens_with_a_price_against_without": """
        select sum(input_tokens + output_tokens) filter (request_model <> 'acme-internal-llm-7b'),
               sum(input_tokens + output_tokens) filter (request_model = 'acme-internal-llm-7b')
        from priced""",
    "logged_over_computed_elsewhere_against_september_anthropic": """
        select sum(cost_logged_usd) filter (not september) / sum(cost_usd) filter (not september),
               sum(cost_logged_usd) filter (september) / sum(cost_usd) filter (september)
        from logged""",
    "september_anthropic_computed_against_logged_usd": """
        select sum(cost_usd) filter (september), sum(cost_logged_usd) filter (september) from logged""",
    "rows_with_logged_cost_elsewhere_against_september_anthropic": """
        select count(*) filter (not september), count(*) filter (september) from logged""",
}
VIEWS = (
    """create view two_o_clock as select *, day(started_at) as day from priced
       where month(started_at) = 10 and hour(started_at) = 14 and isodow(started_at) < 6""",
    """create view pairs as select j.value as judge, h.value as human, j.rater_version as version
       from scores j join scores h using (request_id)
       where j.name = 'quality' and h.name = 'quality' and j.rater_kind = 'judge' and h.rater_kind = 'human'""",
    """create view logged as select *, month(started_at) = 9 and provider = 'anthropic' as september
       from priced where cost_logged_usd is not null""",
)

# Rules that no row may break: what the query finds is wrong.
RULES: dict[str, str] = {
    "a request has an id, a time, a model and a status": """
        select * from requests where request_id is null or started_at is null or request_model is null
            or status not in ('ok', 'error', 'cancelled')""",
    "request ids are unique": "select request_id from requests group by 1 having count(*) > 1",
    "cached tokens are part of the input": """
        select * from requests
        where coalesce(cache_read_tokens, 0) + coalesce(cache_write_tokens, 0) > coalesce(input_tokens, 0)""",
    "writes by time to live are part of the writes": """
        select * from requests where coalesce(cache_write_5m_tokens, 0) > coalesce(cache_write_tokens, 0)""",
    "reasoning is part of the output": """
        select * from requests where reasoning_tokens > coalesce(output_tokens, 0)""",
    "an answer ends by length only at its limit": """
        select * from requests where output_tokens > max_tokens
            or (finish_reason = 'length' and output_tokens <> max_tokens)""",
    "end minus start is the latency": """
        select * from requests
        where ended_at < started_at or latency_ms <> date_diff('millisecond', started_at, ended_at)""",
    "the parts of latency fit into it": """
        select * from requests where latency_ms < coalesce(queue_ms, 0) + coalesce(network_ms, 0)
            + coalesce(inference_ms, 0) + coalesce(postprocess_ms, 0) or ttft_ms > latency_ms""",
    "only streams have a first token": "select * from requests where ttft_ms is not null and not stream",
    "a failure has a class and no answer, an answer has neither error nor class": """
        select * from requests where (status <> 'ok') <> (error_class is not null)
            or (status <> 'ok') <> (error_type is not null) or (status = 'error' and output_tokens is not null)
            or (status = 'ok' and finish_reason is null)""",
    "a retry shares its trace with the attempt before it": """
        select * from requests r where attempt > 1 and not exists (
            from requests b where b.trace_id = r.trace_id and b.attempt = r.attempt - 1 and b.status = 'error'
                and b.ended_at <= r.started_at and b.template = r.template)""",
    "a fallback is answered by another model": """
        select * from requests where fallback and (attempt = 1 or response_model = request_model)""",
    "a span has its parent, and lies within the trace": """
        select * from spans s where ended_at < started_at
            or duration_ms <> date_diff('millisecond', started_at, ended_at)
            or (parent_span_id is not null and not exists (
                from spans p where p.span_id = s.parent_span_id and p.trace_id = s.trace_id
                    and p.started_at <= s.started_at and p.ended_at >= s.ended_at))""",
    "span ids are unique": "select span_id from spans group by 1 having count(*) > 1",
    "a span of a model is a request, and a request with a span id has one": """
        select * from (from spans where kind = 'llm') s
        full join (from requests where span_id is not null) r on s.request_id = r.request_id and s.span_id = r.span_id
        where s.request_id is null or r.request_id is null or s.duration_ms <> r.latency_ms""",
    "a score is of something known, later than it": """
        select * from scores s where not exists (
            from requests r where (r.request_id = s.request_id or (s.request_id is null and r.trace_id = s.trace_id))
                and r.ended_at <= s.created_at)""",
    "score ids are unique": "select score_id from scores group by 1 having count(*) > 1",
    "points lie on the scale, flags are 0 or 1": """
        select * from scores where not case data_type when 'numeric' then value in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
            when 'boolean' then value in (0, 1) else false end""",
    "nobody has an e-mail address for a name": "select * from requests where user_id not similar to 'user-[0-9]{2}'",
}


def _columns(table: Table) -> str:
    return "{" + ", ".join(f"'{c.name}': '{c.sql_type}'" for c in TABLES[table]) + "}"


@pytest.fixture(scope="module")
def logs() -> Iterator[duckdb.DuckDBPyConnection]:
    """Tables requests, spans, scores and priced, read from the files by DuckDB alone."""
    con = duckdb.connect()
    lines = [str(FOLDER / name) for name in (*MONTHS, *NOVEMBER) if not name.endswith(".parquet")]
    con.execute(f"create table requests as from read_json({lines!r}, columns = {_columns('requests')})")
    con.execute(f"insert into requests by name from read_parquet('{FOLDER / MONTHS[2]}')")
    for table in ("spans", "scores"):
        con.execute(f"create table {table} as from read_json('{FOLDER / table}.jsonl.gz', columns = {_columns(table)})")
    for statement in (PRICES, PRICED, *VIEWS):
        con.execute(statement)
    yield con
    con.close()


def _table(marker: str) -> list[list[str]]:
    """The cells of one of README's measured tables."""
    text = (FOLDER / "README.md").read_text()
    part = re.search(f"<!-- {marker}: .*?-->\n(.*?)<!-- end of {marker} -->", text, re.DOTALL)
    assert part is not None
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in part[1].splitlines()[2:]]


def test_the_files_are_those_of_readme_and_small() -> None:
    """The folder holds the logs README lists and no others, under 8 MB with everything."""
    logs = [p.name for p in FOLDER.iterdir() if p.is_file() and p.suffix not in (".py", ".md")]

    assert sorted(FILES) == sorted(logs)
    assert list(FILES) == [name for name, _ in _table("files")]
    assert sum(p.stat().st_size for p in FOLDER.rglob("*") if p.suffix != ".pyc") < 8_000_000


def test_rows_are_as_many_as_readme_says() -> None:
    """README's counts are the files'."""
    con = duckdb.connect()
    found = {}
    for name in FILES:
        reader = "read_parquet" if name.endswith(".parquet") else "read_ndjson_objects"
        found[name] = con.execute(f"select count(*) from {reader}('{FOLDER / name}')").fetchall()[0][0]

    assert {name: int(count) for name, count in _table("files")} == found
    assert all(found[name] >= 10_000 for name in MONTHS)


@pytest.mark.parametrize("name", FILES)
def test_every_key_is_a_canonical_column(name: str) -> None:
    """A row names its columns as the canonical record does."""
    table: Table = "spans" if name.startswith("spans") else "scores" if name.startswith("scores") else "requests"
    path = FOLDER / name
    if name.endswith(".parquet"):
        keys = set(pq.read_schema(path).names)
    else:
        sql = f"select distinct unnest(json_keys(json)) from read_ndjson_objects('{path}')"
        keys = {key for (key,) in duckdb.connect().execute(sql).fetchall()}

    assert keys - {c.name for c in TABLES[table]} == set()


@pytest.mark.parametrize("rule", RULES)
def test_no_row_breaks_a_rule(logs: duckdb.DuckDBPyConnection, rule: str) -> None:
    """The rules of the canonical record hold on every row."""
    assert logs.execute(RULES[rule]).fetchmany(3) == []


def test_every_figure_of_readme_is_checked() -> None:
    """This file computes the figures README gives, all of them."""
    assert [row[1] for row in _table("stories")] == list(FIGURES)


@pytest.mark.parametrize("row", _table("stories"), ids=lambda row: row[1])
def test_a_story_is_as_big_as_readme_says(logs: duckdb.DuckDBPyConnection, row: list[str]) -> None:
    """The levels before and after are README's, to its last digit."""
    found = logs.execute(FIGURES[row[1]]).fetchall()[0]
    digits = len(row[2].partition(".")[2])

    assert [float(row[2]), float(row[3])] == pytest.approx(found, abs=0.5001 * 10**-digits, rel=0)


def test_the_stories_are_the_size_they_were_planned(logs: duckdb.DuckDBPyConnection) -> None:
    """A generator gone wrong would keep README true and the stories gone."""
    told = {row[1]: (float(row[2]), float(row[3])) for row in _table("stories")}
    ratio = {name: after / before if before else float("inf") for name, (before, after) in told.items()}
    points = {name: after - before for name, (before, after) in told.items()}

    assert ratio["summarise_mean_input_tokens"] == pytest.approx(1.3, abs=0.02)
    assert points["summarise_quality_by_judge_version_1"] == pytest.approx(0, abs=0.1)
    assert told["search_share_on_gemini"] == (0, 1)
    assert ratio["rogue_requests_a_day"] > 50
    assert ratio["openai_median_latency_ms"] == pytest.approx(1.8, abs=0.1)
    assert told["claude_error_share_of_attempts"][1] > 0.8
    assert told["clauses_share_cut_off"][1] > 0.5
    assert told["cache_read_share_of_input_assistant_against_agent_act"][1] == 0
    assert points["judge_minus_human_points"] == pytest.approx(0.8, abs=0.1)
    assert points["human_mean_points"] == pytest.approx(0, abs=0.2)
    assert told["logged_over_computed_elsewhere_against_september_anthropic"][0] == 1


def test_logged_costs_are_right_but_where_the_story_is(logs: duckdb.DuckDBPyConnection) -> None:
    """Every logged cost outside the story equals the list price to ten places; inside it, cached tokens are added."""
    sql = """
        select september, max(abs(cost_logged_usd - cost_usd
            - if(september, (cache_read_tokens + cache_write_tokens) * 3.00::double / 1e6, 0)))
        from logged group by 1 order by 1"""

    assert [(False, pytest.approx(0, abs=1e-10)), (True, pytest.approx(0, abs=1e-10))] == logs.execute(sql).fetchall()


def test_all_kinds_of_life_are_in_it(logs: duckdb.DuckDBPyConnection) -> None:
    """Users, features, models, providers, error classes and traces are as many as promised."""
    sql = """
        select count(distinct user_id), count(distinct feature), count(distinct response_model),
               count(distinct provider), count(distinct error_class), count(distinct started_at::date)
        from requests"""

    assert logs.execute(sql).fetchall() == [(44, 6, 7, 4, 11, 102)]
    assert logs.execute("select count(distinct trace_id) between 250 and 500 from spans").fetchall() == [(True,)]
    labels = "select count(*) > 300, list_sort(list(distinct rater)) from scores where rater_kind = 'human'"
    assert logs.execute(labels).fetchall() == [(True, ["alice", "bob"])]


def test_the_generator_makes_the_same_files_again(tmp_path: Path) -> None:
    """The committed files are what the committed generator makes (gzip compared unpacked: zlibs differ)."""
    subprocess.run([sys.executable, "-B", FOLDER / "generate.py", tmp_path], check=True)

    for name in (*FILES, "README.md"):
        made, kept = (folder / name for folder in (tmp_path, FOLDER))
        if name.endswith(".gz"):
            assert gzip.decompress(made.read_bytes()) == gzip.decompress(kept.read_bytes()), name
            assert made.read_bytes()[4:8] == b"\0\0\0\0"
        elif name.endswith(".parquet"):
            assert pq.read_table(made).equals(pq.read_table(kept)), name
        else:
            assert made.read_bytes() == kept.read_bytes(), name
