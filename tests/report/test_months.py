"""The sample logs' three months: every planted story with its size on the first page, and all formats agree."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

import llmscope
from llmscope.render import View, render_report
from llmscope.render._report_md import LONGEST
from llmscope.report.compose import compose
from llmscope.report.template import template_of
from llmscope.reported import Report
from llmscope.windows import window_of
from tests.report.reading import of_html, of_markdown, says

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "sample_logs"
MONTHS = ("2026-08", "2026-09", "2026-10")
FORMATS = ("md", "html", "json")
PREFIX_USD = 3072 * 3 / 1e6  # 3,072 tokens at $3 per million of claude-sonnet-4-5, by hand


@pytest.fixture(scope="module")
def reports() -> dict[str, Report]:
    """The monthly report of each month, of one opening of the files."""
    found = {}
    with llmscope.open(str(SAMPLES)) as logs:
        for month in MONTHS:
            logs.window = window_of(month, month)
            found[month] = compose(logs, template_of(None, {}, None), None, ("sample_logs",), "auto")
    return found


@pytest.fixture(scope="module")
def written(reports: dict[str, Report]) -> dict[tuple[str, str], str]:
    """Each of them in each format."""
    return {(m, f): "".join(render_report(one, f, View())) for m, one in reports.items() for f in FORMATS}


def first_page(month: str, form: str, written: dict[tuple[str, str], str]) -> str:
    """What stands on the first page."""
    text = written[month, form]
    if form == "md":
        return of_markdown(text).first
    if form == "html":
        return of_html(text).first
    return "\n".join(finding["text"] for finding in json.loads(text)["findings"])


# Story, month, what names it and its size; the figure of sample_logs/README.md, and how far a month's may be off it.
STORIES = [
    (1, "2026-09", r"template summarise \+([\d.]+) % .*since 2026-09-14 .*summarise v7 -> v8", 29.4, 3),
    (2, "2026-10", r"search, since about 2026-10-05: .*cost per request fell ([\d.]+) %", 84.8, 1),
    (2, "2026-10", r"search, since about 2026-10-05: .*latency fell ([\d.]+) %", 50.6, 6),
    (3, "2026-09", r"user user-23 cost \$([\d.]+) more", 2 * (8.91 - 0.027), 0.4),
    (4, "2026-08", r"2026-08-19, gpt-4o-2024-08-06: latency .*?([\d.]+) times", 1.78, 0.1),
    (5, "2026-10", r"2026-10-20 14:00 to 15:00, provider anthropic: failed \d+ of 60 \(([\d.]+) %", 83.33, 0.05),
    (5, "2026-10", r"2026-10-20 14:00 to 15:00, .* a storm of retries, (\d+) of 89", 50, 0),
    (6, "2026-10", r"template contract-clauses, .*?: ([\d.]+) % .*since 2026-10-12, when max_tokens went from 2,048",
     52.6, 3),
    (7, "2026-08", r"agent-act on .*? the same ([\d,]+) tokens and reads none .*assistant, .* reads 74", 3072, 0),
    (7, "2026-09", r"agent-act on .*? the same ([\d,]+) tokens and reads none .*assistant, .* reads 74", 3072, 0),
    (7, "2026-10", r"agent-act on .*? the same ([\d,]+) tokens and reads none .*assistant, .* reads 75", 3072, 0),
    (8, "2026-10", r"version 2 scores quality ([\d.]+) points higher .*people's labels show no move", 0.81, 0.1),
    (10, "2026-09", r"claude-sonnet-4-5-20250929: logged ([\d.]+) USD, .*cached tokens charged twice", 76.5355, 0.001),
    (10, "2026-09", r"logged 76.5355 USD, computed ([\d.]+) USD", 47.2478, 0.001),
]  # fmt: skip


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("story", STORIES, ids=lambda s: f"{s[0]}-{s[1]}-{s[3]}")
def test_every_story_stands_on_the_first_page_with_its_size(
    story: tuple[int, str, str, float, float], form: str, written: dict[tuple[str, str], str]
) -> None:
    """In the report of its month, in every format; the size is the one README of the sample logs measured."""
    _, month, words, size, margin = story

    found = re.search(words, first_page(month, form, written))

    assert found, words
    assert size == pytest.approx(float(found[1].replace(",", "")), abs=margin)


@pytest.mark.parametrize("month", MONTHS)
def test_the_model_without_a_price_is_named(month: str, written: dict[tuple[str, str], str]) -> None:
    """Story 9: as many requests as plain SQL counts in the files."""
    files = [str(p) for p in sorted(SAMPLES.glob(f"requests-{month}.*"))]
    reader = "read_parquet" if files[0].endswith("parquet") else "read_json"
    asked = f"select count(*) from {reader}({files}) where request_model = 'acme-internal-llm-7b'"
    asked += " and input_tokens > 0 and not coalesce(cache_hit, false)"  # the gateway's own answers cost nothing
    expected = duckdb.sql(asked).fetchall()[0][0]

    for form in FORMATS:
        assert f"acme-internal-llm-7b ({expected:,};" in first_page(month, form, written)


@pytest.mark.parametrize("month", MONTHS)
def test_the_price_of_the_opening_that_is_never_cached(month: str, written: dict[tuple[str, str], str]) -> None:
    """Story 7: the dollars are 3,072 tokens of each request at the list price."""
    text = first_page(month, "md", written)

    found = re.search(r"opens each of ([\d,]+) requests .* that opening cost ([\d.]+) USD", text)

    assert found
    assert float(found[2]) == pytest.approx(int(found[1].replace(",", "")) * PREFIX_USD, abs=0.005)


@pytest.mark.parametrize("month", MONTHS)
def test_headlines_are_what_the_sections_say(month: str, reports: dict[str, Report]) -> None:
    """Spend, requests, p95, error rate and tokens are those of cost, latency, errors and tokens."""
    report = reports[month]
    values = {one.name: one.value for one in report.headlines}
    results = {s.name: s.result for s in report.sections if s.result}
    cost, latency, tokens = (results[n].totals for n in ("cost-by-feature", "latency-by-feature", "tokens"))
    assert None not in (cost, latency, tokens)

    assert values["Spend"] == pytest.approx(cost["cost_usd"])
    assert values["Requests"] == cost["requests"]
    assert values["p95 latency"] == pytest.approx(latency["p95_ms"])
    assert values["Error rate"] == pytest.approx(results["errors"].rows[0]["error_rate_ratio"])
    assert values["Input tokens per request"] == pytest.approx(tokens["input_mean_tokens"], abs=0.5)
    assert values["Output tokens per request"] == pytest.approx(tokens["output_mean_tokens"], abs=0.5)


def test_before_is_what_now_was_a_month_ago(reports: dict[str, Report]) -> None:
    """Each figure of October's window before is that of September's report."""
    october, september = ({one.name: one for one in reports[m].headlines} for m in ("2026-10", "2026-09"))

    for name in ("Spend", "Requests", "p95 latency", "Error rate", "Input tokens per request"):
        assert october[name].before == pytest.approx(september[name].value)


def test_a_month_without_one_before_says_so(reports: dict[str, Report], written: dict[tuple[str, str], str]) -> None:
    """August is the log's first month: no figure has a change, and the bill's movers are not here."""
    august = reports["2026-08"]

    assert {"no window before"} == {one.change for one in august.headlines}
    assert "no requests are in the window before this one" == next(
        s.absent for s in august.sections if s.name == "movers"
    )
    assert "nothing can be said of change" in first_page("2026-08", "md", written)


@pytest.mark.parametrize("month", MONTHS)
def test_markdown_and_html_agree_cell_for_cell(month: str, written: dict[tuple[str, str], str]) -> None:
    """Every table of a section has the same cells in both; the headlines are a table in one and tiles in the other."""
    of_md = of_markdown(written[month, "md"]).tables[1:]
    html = of_html(written[month, "html"])

    assert len(of_md) == len(html.tables)
    for ours, theirs in zip(of_md, html.tables, strict=True):
        assert len(ours) == len(theirs)
        for row, other in zip(ours[1:], theirs[1:], strict=True):
            assert row == [cell if len(cell) <= LONGEST else cell[: LONGEST - 1].rstrip() + "…" for cell in other]
    for row in of_markdown(written[month, "md"]).tables[0][1:]:
        assert all(cell in html.first for cell in row[:4] if cell not in ("–", "", "Figure"))


@pytest.mark.parametrize("month", MONTHS)
def test_markdown_and_json_agree_cell_for_cell(month: str, written: dict[tuple[str, str], str]) -> None:
    """Every figure of Markdown is JSON's raw figure, to the digits shown."""
    tables = iter(of_markdown(written[month, "md"]).tables[1:])
    compared = 0
    for section in json.loads(written[month, "json"])["sections"]:
        for columns, rows, totals in shown_tables(section):
            table = next(tables)
            lines = [*rows[: section["top"] or len(rows)], *([totals] if totals else [])]
            assert len(columns) == len(table[0])
            assert len(lines) == len(table) - 1
            for raw, cells in zip(lines, table[1:], strict=True):
                for column, cell in zip(columns, cells, strict=True):
                    if column["name"] in raw and cell != "total":
                        assert says(cell, raw[column["name"]], column["kind"]), (section["name"], column, cell, raw)
                        compared += 1

    assert compared > 1_500
    assert next(tables, None) is None


def shown_tables(section: dict[str, Any]) -> Iterator[tuple[list[dict[str, Any]], list[Any], Any]]:
    """The tables of a section that readable formats show, by its own `parts` and `columns`."""
    answer = section["answer"]
    if answer is None:
        return
    every = {"": answer, **answer["parts"]}
    wanted = section["parts"] if section["parts"] is not None else list(every)
    for name in (n for n in wanted if n in every):
        table = every[name]
        columns = {c["name"]: c for c in table["columns"]}
        names = [n for n in section["columns"] or [] if n in columns]
        if len(wanted) > 1:
            names = [n for n in columns if n in names]
        if columns and (table["rows"] or table["totals"]):
            assert names or section["columns"] is None or name
            yield [columns[n] for n in names] if names else list(columns.values()), table["rows"], table["totals"]


def test_json_holds_to_its_schema(written: dict[tuple[str, str], str]) -> None:
    """The committed schema describes all of it, and nothing besides."""
    from jsonschema import Draft202012Validator

    schema = json.loads((ROOT / "llmscope" / "data" / "report.schema.json").read_text())

    for month in MONTHS:
        assert [] == [e.message for e in Draft202012Validator(schema).iter_errors(json.loads(written[month, "json"]))]


@pytest.mark.parametrize("month", MONTHS)
def test_markdown_is_aligned_and_without_html(month: str, written: dict[tuple[str, str], str]) -> None:
    """Every row of a table has its bars where the row above has them, and no line holds a tag."""
    lines = written[month, "md"].splitlines()
    bars = [[i for i, sign in enumerate(line) if sign == "|" and line[i - 1] != "\\"] for line in lines]

    for above, below, line in zip(bars, bars[1:], lines[1:], strict=False):
        assert not (above and below) or above == below, line
    assert not re.search(r"<[a-zA-Z/!]", re.sub(r"`[^`]*`|\]\(<[^>]*>\)", "", written[month, "md"]))


@pytest.mark.parametrize("month", MONTHS)
def test_links_lead_to_headings(month: str, written: dict[tuple[str, str], str]) -> None:
    """Every pointer of the first page is the anchor that GitHub gives a heading."""
    text = written[month, "md"]
    slugs = [re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in re.findall(r"^#+ (.*)$", text, re.MULTILINE)]

    assert set(re.findall(r"\]\(#([^)]*)\)", text)) <= set(slugs)


def test_each_section_is_given_again_by_its_command(reports: dict[str, Report]) -> None:
    """The command under a section is a command line that asks the same window."""
    commands = {s.name: s.again for s in reports["2026-10"].sections}

    assert (
        "llmscope cost --by feature --no-people --since 2026-10 --until 2026-10 sample_logs"
        == commands["cost-by-feature"]
    )
    assert "llmscope judge drift --since 2026-09 --until 2026-10 sample_logs" == commands["judge-drift"]
