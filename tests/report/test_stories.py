"""The first page's items: findings of one fact become one story, and what is left out is counted."""

from __future__ import annotations

from typing import Any

import pytest

from llmscope.report.first import MOST, MOST_OF_A_KIND, told
from llmscope.report.stories import stories
from llmscope.report.story_words import one_of
from llmscope.report.template import Wanted
from llmscope.reported import Section, Told
from llmscope.result import Finding, Result


def drift(metric: str, feature: str = "(all)", began: str | None = "2026-10-05", change: float = -0.5) -> Told:
    """A figure that moved."""
    mix = metric.endswith("_mix")
    row = {
        "metric": metric, "feature": feature, "verdict": "DRIFT", "before": "2", "after": "1",
        "change": "40 % moved" if mix else f"{100 * change:+.0f} %", "interval": None if mix else "[-60, -40]",
        "began": began, "change_unit": "moved" if mix else "ratio", "change_value": abs(change) if mix else change,
        "said": metric.replace("_", " "), "told": "a 60 % to 20 %" if mix else None,
    }  # fmt: skip
    return Told("drift", "info", f"{metric} of {feature} moved.", (row,), "drift")


def finding(kind: str, section: str, row: dict[str, Any], text: str = "") -> Told:
    return Told(kind, "warning", text or f"{kind} found", (row,) if row else (), section)


def texts(*found: Told, **of_template: str) -> list[str]:
    return [one_of(story).text for story in stories(found, of_template)]


def test_figures_of_one_slice_that_moved_together_are_one_sentence() -> None:
    """The mix, a cause, comes first; the slice and the day are said once."""
    found = texts(drift("cost_per_request", "search"), drift("model_mix", "search", "2026-10-06"))

    parts = "model mix moved (a 60 % to 20 %); cost per request fell 50 % [-60, -40], 2 to 1"
    assert [f"search, since about 2026-10-05: {parts}"] == found


@pytest.mark.parametrize(
    "other",
    [drift("latency", "chat"), drift("latency", "search", "2026-10-20"), drift("latency", "search", None)],
    ids=["another slice", "another day", "no day"],
)
def test_what_did_not_move_together_stays_apart(other: Told) -> None:
    """Another slice, or another day."""
    assert 2 == len(texts(drift("cost", "search"), other))


def test_the_whole_is_part_of_the_slice_that_moved_it() -> None:
    """In the same figure and direction, within a week; else it is a story of its own."""
    slice_ = drift("latency", "search")

    assert 1 == len(texts(drift("latency", began="2026-10-09"), slice_))
    assert "of all requests latency fell 50 %, 2 to 1" in texts(drift("latency"), slice_)[0]
    assert 2 == len(texts(drift("latency", change=0.5), slice_))
    assert 2 == len(texts(drift("cost"), slice_))
    assert 2 == len(texts(drift("latency", began="2026-10-20"), slice_))


def test_the_one_that_names_the_cause_tells_it() -> None:
    """Truncation leads; drift adds its figures, errors a pointer; the gravest severity and all sections are kept."""
    found = [
        drift("truncation_rate", "extract", "2026-10-12", 0.5),
        finding("silent", "errors", {"feature": "extract", "template": "t", "failure": "truncated"}),
        finding("truncation", "truncation", {"feature": "extract", "template": "t"}, "cut since max_tokens is 300"),
    ]
    made = [one_of(story) for story in stories(found, {})]

    assert 1 == len(made)
    assert (
        "cut since max_tokens is 300; with it truncation rate of extract rose 50 % [-60, -40], 2 to 1" == made[0].text
    )
    assert ("warning", "truncation", ("drift", "errors")) == (made[0].severity, made[0].section, made[0].also)
    assert 3 == len(made[0].rows)


def test_a_template_of_one_feature_lends_its_name() -> None:
    """A growth of the template's prompts explains the drift of its feature, and of no other."""
    growth = finding("token_growth", "trend", {"template": "t8", "since": "2026-10-05"})

    assert 1 == len(texts(growth, drift("input_tokens", "search"), t8="search"))
    assert 2 == len(texts(growth, drift("input_tokens", "search"), t8="chat"))
    assert 2 == len(texts(growth, drift("input_tokens", "search")))


def test_an_outage_and_its_storm_of_retries_are_one_story() -> None:
    """Where their hours meet."""
    outage = finding(
        "outage", "errors", {"provider": "p", "first_hour": "2026-10-20T14:00", "last_hour": "2026-10-20T14:00"}
    )
    row = {"hits": 50, "requests": 89, "attempts": 4, "fallbacks": 0}
    storm = finding("retry_storm", "errors", {**row, "first_hour": "2026-10-20T14:00", "last_hour": "2026-10-20T15:00"})
    later = finding("retry_storm", "errors", {**row, "first_hour": "2026-10-21T14:00", "last_hour": "2026-10-21T15:00"})

    assert ["outage found; a storm of retries, 50 of 89 requests, up to 4 attempts a call"] == texts(outage, storm)
    assert 2 == len(texts(outage, later))


def test_findings_without_rows_stand_alone() -> None:
    """What has no figures joins nothing, whatever its kind."""
    assert 3 == len(texts(*(finding(kind, "x", {}) for kind in ("outage", "retry_storm", "drift"))))


def test_what_is_left_out_is_counted_by_section() -> None:
    """A few of a kind, at most fifteen in all, and where the others stand."""
    pairs = []
    for name in ("one", "two", "three", "four"):
        findings = tuple(Finding("alarm", "warning", f"{name} {n}") for n in range(8))
        result = Result("safety", (), (), findings=findings)
        pairs.append((Wanted(name, "safety"), Section(name, name.title(), "", result)))

    made = told(pairs, {})

    assert MOST + 1 == len(made)
    assert MOST_OF_A_KIND == sum(one.section == "one" for one in made[:-1])
    assert "17 more stand in their sections: One (2), Two (2), Three (5), Four (8)" == made[-1].text
    assert (made[-1].section, made[-1].also) == ("one", ("two", "three", "four"))
