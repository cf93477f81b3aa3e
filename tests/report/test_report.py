"""The command: windows, formats, gates, bad input, hostile names, and what GitHub is given."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Run
from tests.load.writing import lines, put, request, requests
from tests.report.reading import of_html, of_markdown

HOSTILE = [
    "=1+1", "[red]x[/red]", "<script>alert(1)</script>", "a|b", "line\nbreak", "`tick``s`", "\u202eevil", "שלום עולם",
    "\x1b[31mred", "http://evil.example www.evil.example", "![i](http://e/x.png) [l](javascript:1)", "# head",
    "::error::hi", "%0A", "日本語の名前", "~~s~~ _e_ *b*", "- [x] task", "1. one", "[^1]", "x" * 10_000,
    "@octocat", "fixes #12", "GH-7",
]  # fmt: skip


def month(number: int, count: int = 60, **changes: Any) -> list[dict[str, Any]]:
    """Requests spread over the 28 first days of a month of 2026."""
    return [
        request(number * 1000 + i, started_at=f"2026-{number:02d}-{1 + i % 28:02d}T10:00:00Z", **changes)
        for i in range(count)
    ]


@pytest.fixture
def log(here: Path) -> Path:
    """September and October whole, and a bit of November."""
    return put(here / "log.jsonl", lines([*month(9), *month(10, output_tokens=100), *month(11, 1)]))


def envelope(run: Run, *arguments: object) -> dict[str, Any]:
    done = run("report", *arguments, "-f", "json")
    assert 0 == done.code, done.err
    found: dict[str, Any] = json.loads(done.out)
    return found


def test_the_window_is_the_last_whole_month(run: Run, log: Path) -> None:
    """November has begun: October is reported, held against September."""
    found = envelope(run, log)

    assert "Monthly report, 2026-10" == found["title"]
    assert ("2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z") == (found["window"]["since"], found["window"]["until"])
    assert "2026-09-01T00:00:00Z" == found["baseline"]["since"]
    assert 60 == next(h["value"] for h in found["headlines"] if h["name"] == "Requests")


def test_without_a_whole_month_it_is_all(here: Path, run: Run) -> None:
    """And its title says of when."""
    found = envelope(run, put(here / "log.jsonl", lines(month(9, 20))))

    assert "Monthly report, 2026-09-01 to 2026-09-20" == found["title"]


@pytest.mark.parametrize(
    ("asked", "title"),
    [
        (("--month", "2026-09"), "Monthly report, 2026-09"),
        (("--since", "2026-09-05", "--until", "2026-09-06"), "Monthly report, 2026-09-05 to 2026-09-06"),
        (("--template", "weekly"), "Weekly report, 2026-10-26 to 2026-11-01"),
        (("--template", "incident"), "Incident report, 2026-11-01"),
        (("--month", "2026-10", "--baseline", "2026-09-01..2026-09-14"), "Monthly report, 2026-10"),
    ],
)
def test_windows_as_asked(run: Run, log: Path, asked: tuple[str, ...], title: str) -> None:
    """A month, other ends, or the template's own frame."""
    assert title == envelope(run, log, *asked)["title"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("--month", "October"), "is not a month"),
        (("--month", "2026-13"), "is not a month"),
        (("--month", "2026-10", "--since", "7d"), "--month does not go with"),
        (("-f", "csv"), "a report is no csv"),
        (("-f", "mdd"), "did you mean md"),
        (("--assets", "d", "-f", "json"), "--assets goes with Markdown"),
        (("--pictures", "gif"), "svg or png"),
        (("--template", "pr", "--against", "nosuch.jsonl", "-f", "md"), "no such file"),
        (("--fail-if", "cost_usd > 1"), "names no section"),
        (("--fail-if", "cost-by-featur: cost_usd > 1"), "did you mean cost-by-feature"),
        (("--fail-if", "cost-by-feature: cost > 1"), "unknown column"),
    ],
)
def test_what_is_asked_wrongly(run: Run, log: Path, asked: tuple[str, ...], said: str) -> None:
    """What is wrong and what to do; nothing on stdout."""
    done = run("report", log, *asked)

    assert done.code in (1, 2)
    assert said in done.err
    assert "Traceback" not in done.err
    assert "" == done.out


@pytest.mark.parametrize("form", ["md", "html", "json", "plain"])
@pytest.mark.parametrize(
    "records", [[], month(9, 1), [request(1, started_at=...)], month(9, 3, latency_ms="x")], ids=len
)
def test_little_data(here: Path, run: Run, records: list[dict[str, Any]], form: str) -> None:
    """No request, one, one without a time, some of wrong types: whole reports, in every format."""
    path = put(here / "log.jsonl", lines(records))

    assert 0 == run("report", path, "-f", form).code


def test_no_data_in_the_window(run: Run, log: Path) -> None:
    """Said at the top; a gate on it ends with 5."""
    done = run("report", log, "--month", "2025-01", "-f", "md")

    assert 0 == done.code
    assert "0 requests in 2025-01, none in the window before (2024-12): nothing can be said of change" in done.out
    assert "Not here: no requests are in this window" in done.out
    assert 5 == run("report", log, "--month", "2025-01", "--fail-if", "cost-by-feature: cost_usd > 1").code


def test_a_log_without_times(here: Path, run: Run) -> None:
    """All of it is one window, and nothing is before."""
    found = envelope(run, put(here / "log.jsonl", lines(requests(7, started_at=...))))

    assert 7 == next(h["value"] for h in found["headlines"] if h["name"] == "Requests")
    assert "7 requests, none of them with a time: there is no window before" == found["notes"][0]


# 60 requests of (10000 + i) tokens in at $10 and 100 out at $30 per million of gpt-4-turbo.
OCTOBER_USD = sum((10_000 + i) * 10 + 100 * 30 for i in range(60)) / 1e6
GATES = [
    (f"cost-by-feature totals: cost_usd > {OCTOBER_USD + 0.001}", 0),
    (f"cost-by-feature totals: cost_usd > {OCTOBER_USD - 0.001}", 3),
    ("cost-by-feature: cost_usd < 0", 0),
    ("Errors: errors > 0", 0),
    ("errors classes: errors > 0", 5),
    ("headlines: name = 'Requests' and value >= 60", 3),
    ("headlines: name = 'Spend' and value > 100", 0),
    ("quality: mean < 7", 5),
    ("health: what = 'requests in this window' and number < 60", 0),
]


@pytest.mark.parametrize(("condition", "code"), GATES, ids=[c for c, _ in GATES])
def test_gates(run: Run, log: Path, here: Path, condition: str, code: int) -> None:
    """Rows, totals and parts of a section, and the headlines; the report is written all the same."""
    (here / "t.toml").write_text('sections = ["cost-by-feature", "errors", "quality", "health"]\n')
    done = run("report", log, "--template", here / "t.toml", "-o", here / "report.md", "--fail-if", condition)

    assert code == done.code, done.err
    assert (here / "report.md").exists()
    assert code == 0 or condition in done.err


def test_ten_thousand_features(here: Path, run: Run) -> None:
    """The first twenty are shown, how many more there are is said with the command; JSON has all."""
    records = [request(i, started_at="2026-09-02T10:00:00Z", feature=f"f{i}") for i in range(10_000)]
    path = put(here / "log.jsonl", lines(records))
    template = here / "t.toml"
    template.write_text('sections = ["cost-by-feature"]\nwindow = "all"\n')
    text = run("report", path, "--template", template, "-f", "md").out

    assert (
        f"9,980 more rows: `llmscope cost --by feature --no-people --since 2026-09-02 --until 2026-09-02 {path}`"
        in text
    )
    assert len(text) < 20_000
    found = envelope(run, path, "--template", template)
    assert 10_000 == len(found["sections"][0]["answer"]["rows"])


@pytest.fixture
def hostile(here: Path) -> Path:
    """A log whose features, users, models and templates are what an attacker would choose."""
    records = [
        request(i, started_at=f"2026-09-{1 + i % 28:02d}T10:00:00Z", feature=name, template=name, user_id=name,
                request_model=name[:50] if i % 2 else "gpt-4-turbo", status="error" if i % 3 else "ok")
        for i, name in enumerate(HOSTILE * 4)
    ]  # fmt: skip
    return put(here / "hostile.jsonl", lines(records))


def test_hostile_names_stay_text(run: Run, hostile: Path) -> None:
    """In Markdown and HTML no name becomes a tag, a picture, a link, or a second line; both have the same cells."""
    md, html = (run("report", hostile, "-f", form).out for form in ("md", "html"))
    page, other = of_markdown(md), of_html(html)
    cells = {cell for table in page.tables for row in table for cell in row}

    assert [] == page.images
    assert "<script>alert(1)</script>" in cells
    assert "a|b" in cells
    assert "[red]x[/red]" in cells
    assert "line⏎break" in cells
    assert any(cell.startswith("xxxx") and cell.endswith("…") for cell in cells)
    assert re.search(r"long texts? cut at 120 characters", md)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u202e]", md + html.replace("\t", ""))
    assert "<script>alert" not in html
    assert {len(row) for row in page.tables[1]} == {len(row) for row in other.tables[0]}
    assert not re.search(r"(?<!\w)@\w|#\d|GH-\d", re.sub(r"`[^`]*`|&#\d+;", " ", md), re.IGNORECASE)
    assert {"@\u200boctocat", "fixes #\u200b12", "GH-\u200b7"} <= cells
    assert "http://evil.example" not in re.findall(r'href="?([^" >]*)', html)


def test_json_has_long_names_whole(run: Run, hostile: Path) -> None:
    """What readable formats cut."""
    rows = next(s for s in envelope(run, hostile)["sections"] if s["name"] == "cost-by-feature")["answer"]["rows"]

    assert set(HOSTILE) == {row["feature"] for row in rows}


def test_terminal(program: Run, log: Path) -> None:
    """Off a terminal it is text without one escape sequence, the figures first."""
    done = program("report", log, "-f", "table", "--width", "60", env={"NO_COLOR": "1"})

    assert 0 == done.code
    assert done.out.startswith("Monthly report, 2026-10\n")
    assert "\x1b" not in done.out
    assert max(map(len, done.out.split("Window before")[0].splitlines())) < 200


def test_pictures_lie_beside_markdown(here: Path, run: Run, log: Path) -> None:
    """--assets writes a file a chart, and the links lead there from where the report is."""
    pytest.importorskip("vl_convert")
    (here / "out").mkdir()
    done = run("report", log, "--template", "finance", "-o", here / "out" / "r.md", "--assets", here / "pictures")
    links = of_markdown((here / "out" / "r.md").read_text()).images

    assert 0 == done.code, done.err
    assert links
    assert all(link.startswith("../pictures/") and link.endswith(".svg") for link in links)
    assert sorted(Path(link).name for link in links) == sorted(p.name for p in (here / "pictures").iterdir())


def test_two_logs(here: Path, run: Run) -> None:
    """The pr template holds a log against main's: output twice as long costs more, and is named first."""
    main = put(here / "main.jsonl", lines(month(9, 280, input_tokens=1000, output_tokens=100)))
    branch = put(here / "pr.jsonl", lines(month(10, 280, input_tokens=1000, output_tokens=200)))
    found = envelope(run, branch, "--template", "pr", "--against", main)
    heads = {h["name"]: h for h in found["headlines"]}

    # 1000 x $10 + 100 x $30 per million, and 200 x $30.
    assert pytest.approx(0.013) == heads["Cost per request"]["before"]
    assert pytest.approx(0.016) == heads["Cost per request"]["value"]
    assert "compare" == found["findings"][0]["section"]
    assert 0 == next(s for s in found["sections"] if s["name"] == "errors-by-log")["answer"]["rows"][0]["errors"]


def test_two_logs_are_two(run: Run, log: Path) -> None:
    """Without --against the comparison is absent and says how to ask for it."""
    found = envelope(run, log, "--template", "pr")

    assert "--against A.jsonl" in found["sections"][0]["absent"]


def test_github_takes_it(here: Path, run: Run, monkeypatch: pytest.MonkeyPatch, hostile: Path) -> None:
    """The summary is appended to, annotations are at most ten, worst first, each on its line with GitHub's escapes."""
    summary = here / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    done = run("report", hostile, "--github")
    said = done.out.splitlines()
    ranks = [re.match(r"::(error|warning|notice) title=([^:,]*)::[^\r\n]*$", line) for line in said]

    assert 0 == done.code, done.err
    assert summary.read_text().startswith("before\n# Monthly report, ")
    assert 0 < len(said) <= 10
    assert all(ranks)
    order = [("error", "warning", "notice").index(found[1]) for found in ranks if found]
    assert order == sorted(order)


def test_github_cuts_three_mebibytes(here: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is there already counts; what was cut is said; the text ends with a whole line."""
    records = [request(i, started_at="2026-09-02T10:00:00Z", feature=f"{i:05d}-" + "wörd " * 20) for i in range(20_000)]
    path = put(here / "log.jsonl", lines(records))
    (here / "t.toml").write_text(
        'sections = ["cost-by-feature", "health"]\nwindow = "all"\n[[section]]\nname = "cost-by-feature"\ntop = 20000\n'
    )
    summary = here / "summary.md"
    summary.write_text("x" * 100_000)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    done = run("report", path, "--github", "--template", here / "t.toml", "-o", here / "whole.md")
    text = summary.read_bytes()

    assert 0 == done.code, done.err
    assert (here / "whole.md").stat().st_size > 3 << 20
    assert 1_000_000 < len(text) <= 1 << 20
    assert "Cut here: GitHub takes 1 MiB" in text.decode().splitlines()[-1]
    rows = [line for line in text.decode().splitlines() if line.startswith("| 0") or line.startswith("| 1")]
    assert len({line.count("|") for line in rows}) == 1


def test_github_outside_of_a_step(run: Run, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody reads a summary, that is an error, before anything is read."""
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    done = run("report", log, "--github")

    assert 2 == done.code
    assert "GITHUB_STEP_SUMMARY, which is not set" in done.err


def test_a_store_and_files_give_one_report(here: Path, run: Run, log: Path) -> None:
    """Save for the commands, which name the files."""
    files = run("report", log, "-f", "md").out.replace(f" {log}", "")
    run("load", log)
    stored = run("report", "-f", "md").out

    assert files.split("\n## How it")[0] == stored.split("\n## How it")[0]


@pytest.mark.parametrize("form", ["md", "html", "json"])
def test_the_same_input_gives_the_same_bytes(here: Path, program: Run, log: Path, form: str) -> None:
    """In another process, whose sets are in another order."""
    (here / "t.toml").write_text(
        'sections = ["cost-by-feature", "cost-over-time", "errors", "tokens", "health", "method"]'
    )
    asked = ("report", log, "--template", here / "t.toml", "-f", form)

    assert program(*asked, env={"PYTHONHASHSEED": "1"}).out == program(*asked, env={"PYTHONHASHSEED": "2"}).out
