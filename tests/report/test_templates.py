"""Templates: the ready ones hold, one's own are checked, and [report] of llmscope.toml chooses, reorders and adds."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import pytest

from llmscope.questions import analyses, analysis
from llmscope.report.needs import NEEDS
from llmscope.report.template import OWN, library, names, template_of
from tests.conftest import Run
from tests.load.writing import lines, put, requests


@pytest.fixture
def log(here: Path) -> Path:
    """Forty requests of one day."""
    return put(here / "log.jsonl", lines(requests(40, user_id="u")))


def sections(run: Run, *arguments: object) -> list[dict[str, Any]]:
    """The sections of a report."""
    done = run("report", *arguments, "-f", "json")
    assert 0 == done.code, done.err
    found: list[dict[str, Any]] = json.loads(done.out)["sections"]
    return found


@pytest.mark.parametrize("name", names())
def test_ready_templates_name_only_what_there_is(name: str) -> None:
    """Every section asks a known analysis for options it has, and needs what is known."""
    template = template_of(name, {}, None)

    assert name == template.name
    assert template.sections
    for one in template.sections:
        assert one.analysis in (*analyses(), *OWN)
        known = set() if one.analysis in OWN else set(inspect.signature(analysis(one.analysis)).parameters)
        assert set(one.options) <= known
        assert set(one.needs) <= NEEDS.keys()
        assert one.caption


def test_the_ready_templates_are_five() -> None:
    """As the command's help says."""
    assert ("finance", "incident", "monthly", "pr", "weekly") == names()
    assert {one.name for one in template_of("monthly", {}, None).sections} <= library().keys()


def test_settings_choose_and_reorder(here: Path, run: Run, log: Path) -> None:
    """`sections` of [report] lists what is shown, in that order; pages stay together."""
    (here / "llmscope.toml").write_text('[report]\nsections = ["cost-by-model", "errors", "cost-by-feature"]\n')

    assert ["cost-by-model", "cost-by-feature", "errors"] == [s["name"] for s in sections(run, log)]


def test_settings_add_and_caption(here: Path, run: Run, log: Path) -> None:
    """A [[report.section]] of a known name changes it, another is added."""
    (here / "llmscope.toml").write_text(
        '[report]\ntitle = "Ours"\nsections = ["cost-by-model", "by-status"]\n'
        '[[report.section]]\nname = "cost-by-model"\ncaption = "Ours."\n'
        '[[report.section]]\nname = "by-status"\nanalysis = "cost"\noptions = { by = "status" }\n'
    )
    found = {s["name"]: s for s in sections(run, log)}

    assert "Ours." == found["cost-by-model"]["caption"]
    assert "Cost by model" == found["cost-by-model"]["title"]
    assert 40 == found["by-status"]["answer"]["rows"][0]["requests"]
    assert "# Ours, " in run("report", log, "-f", "md").out


def test_settings_name_the_template(here: Path, run: Run, log: Path) -> None:
    """--template is above it."""
    (here / "llmscope.toml").write_text('[report]\ntemplate = "finance"\n')

    assert "Cost report" in run("report", log, "-f", "md").out
    assert "Weekly report" in run("report", log, "--template", "weekly", "-f", "md").out


def test_a_file_is_a_template(here: Path, run: Run, log: Path) -> None:
    """Its own sections and those of the library, under its own title."""
    path = here / "mine.toml"
    path.write_text(
        'title = "Mine"\nwindow = "all"\nsections = ["cost-by-feature", "days"]\n'
        '[[section]]\nname = "days"\npage = "Money"\nanalysis = "cost"\n'
        'options = { over = "day", cost_source = "computed" }\n'
    )
    found = sections(run, log, "--template", path)

    assert ["cost-by-feature", "days"] == [s["name"] for s in found]
    assert (
        f"llmscope cost --over day --cost-source computed --since 2026-09-01 --until 2026-09-01 {log}"
        == found[1]["command"]
    )


WRONG = [
    ('sections = ["cost-by-feture"]', "unknown section 'cost-by-feture'", "cost-by-feature"),
    ('titel = "x"', "unknown key 'titel'", "title"),
    ('window = "monthly"', "unknown window 'monthly'", "month"),
    ('[[section]]\nname = "x"\nanalysis = "costs"', "unknown analysis 'costs'", "cost"),
    ('[[section]]\nname = "x"\nanalysis = "cost"\noptions = { bye = "f" }', "unknown option of cost 'bye'", "by"),
    ('[[section]]\nname = "x"\nanalysis = "cost"\noptions = { by = 3 }', "option by = 3 is no str", ""),
    ('[[section]]\nname = "x"\nanalysis = "cost"\ncapton = "f"', "unknown key of a section 'capton'", "caption"),
    ('[[section]]\nname = "x"\nanalysis = "cost"\nneeds = ["score"]', "unknown need 'score'", "scores"),
    ('[[section]]\nname = "X Y"\nanalysis = "cost"', "a section has a name of small letters", ""),
    ('[[section]]\nname = "x"\nanalysis = "cost"\ntop = "3"', "top = '3' is not a whole number", ""),
    ('[[section]]\nname = "x"\nanalysis = "cost"\ntop = 0', "top takes a number of 1 or more", ""),
    ('[[section]]\nname = "x"\nanalysis = "cost"\nnews = "all"', "unknown news 'all'", ""),
    ('sections = ["errors", "errors"]', "section 'errors' stands there twice", ""),
    ("sections = []", "sections is a list of names", ""),
    ("title = [", "not valid TOML", ""),
    ("title = 3", "title = 3 is not text", ""),
]


@pytest.mark.parametrize(("text", "said", "near"), WRONG, ids=[said for _, said, _ in WRONG])
def test_what_a_template_gets_wrong_is_named(here: Path, run: Run, log: Path, text: str, said: str, near: str) -> None:
    """The file, what is wrong, the nearest name; exit 2."""
    (here / "mine.toml").write_text(text + "\n")
    done = run("report", log, "--template", here / "mine.toml")

    assert 2 == done.code
    assert "mine.toml" in done.err
    assert said in done.err
    assert near in done.err


def test_what_settings_get_wrong_is_named(here: Path, run: Run, log: Path) -> None:
    """So is it in llmscope.toml."""
    (here / "llmscope.toml").write_text("[report]\nsektions = ['errors']\n")
    done = run("report", log)

    assert 2 == done.code
    assert "llmscope.toml" in done.err
    assert "did you mean sections" in done.err


def test_a_section_that_cannot_be_asked_is_absent(here: Path, run: Run, log: Path) -> None:
    """Its reason stands in its place and in data health, and the report stays whole; a gate on it does not pass."""
    (here / "mine.toml").write_text(
        'sections = ["bad", "cost-by-model", "quality", "health"]\n'
        '[[section]]\nname = "bad"\nanalysis = "cost"\noptions = { by = "featur" }\n'
    )
    found = {s["name"]: s for s in sections(run, log, "--template", here / "mine.toml")}
    gate = run("report", log, "--template", here / "mine.toml", "--fail-if", "bad: cost_usd > 1")

    assert "unknown dimension 'featur'" in found["bad"]["absent"]
    assert found["bad"]["answer"] is None
    assert "no scores are logged; llmscope load labels.csv brings them" == found["quality"]["absent"]
    assert 40 == found["cost-by-model"]["answer"]["rows"][0]["requests"]
    assert ["Bad", "Scores"] == [row["section"] for row in found["health"]["answer"]["parts"]["not asked"]["rows"]]
    assert 5 == gate.code
