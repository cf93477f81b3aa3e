"""How much data a question needs: the design's own figures, and what is refused."""

from __future__ import annotations

from math import ceil, log

import pytest
from scipy.stats import norm

from tests.commands.conftest import Run

Z = norm.ppf(0.975) + norm.ppf(0.8)


def test_a_score(run: Run) -> None:
    """0.3 points of 1.5 at 80 %: 2 x 2.8016^2 x 25 = 392.4, so 393 rows a side; if rows go in threes 1,178."""
    row = run("plan", "judge", "--sd", "1.5", "--detect", "0.3", "-f", "json").rows[0]
    thrice = run("plan", "judge", "--sd", "1.5", "--detect", "0.3", "--design-effect", "3", "-f", "json").rows[0]

    assert (393, 1178) == (row["rows_a_side"], thrice["rows_a_side"])


def test_with_200_the_smallest_change_is_42_hundredths(run: Run) -> None:
    """2.8016 x 1.5 x sqrt(2 / 200) = .42: the rule of 0.3 points is below the noise of 200 judged rows."""
    notes = run("plan", "judge", "--sd", "1.5", "--detect", "0.3", "-f", "json").json["notes"]

    assert any("200 judged rows a side the smallest change seen is 0.42" in note for note in notes)


def test_a_rate(run: Run) -> None:
    """2 % to 3 %: Fleiss' formula with m = 2.5 %, (1.96 sqrt(.04875) + .8416 sqrt(.0487))^2 / .0001 = 3825.3.

    1.959964 x .220794 + .841621 x .220681 = .432749 + .185730 = .618479; squared .382516.
    """
    one = run("plan", "compare", "--rate", "2%", "--detect", "1%", "--design-effect", "1", "-f", "json").rows[0]
    three = run("plan", "compare", "--rate", "2%", "--detect", ".01", "--per-day", "500", "-f", "json").rows[0]

    assert (3826, None) == (one["rows_a_side"], one["days"])
    assert (11476, 23, 3.0) == (three["rows_a_side"], three["days"], three["design_effect"])


def test_latency(run: Run) -> None:
    """+10 % under a log-sd of .74: 2 (2.8016 x .74 / ln 1.1)^2 x 3."""
    row = run("plan", "compare", "--latency", "--detect", "10%", "-f", "json").rows[0]

    assert ceil(6 * (Z * 0.74 / log(1.1)) ** 2) == row["rows_a_side"]


def test_more_power_takes_more(run: Run) -> None:
    """And the sentence says what was asked."""
    arguments = ("plan", "compare", "--sd", "2", "--detect", "0.5", "--design-effect", "1", "-f", "json")
    usual, sure = run(*arguments), run(*arguments, "--power", "95%")

    assert usual.rows[0]["rows_a_side"] < sure.rows[0]["rows_a_side"]
    assert "95 % of the times it is so" in sure.json["findings"][0]["text"]


def test_agreement(run: Run) -> None:
    """85 % within 5 points: the fewest labels whose Wilson interval is no wider; 200 give .794 to .893 (D8)."""
    from llmscope.stats.proportions import wilson

    found = run("plan", "judge", "--agreement", ".85", "--interval", ".05", "-f", "json")
    n = found.rows[0]["labels"]
    widths = []
    for labels in (n - 1, n):
        ends = wilson(0.85 * labels, labels)
        assert ends is not None
        widths.append(ends[1] - ends[0])

    assert widths[1] <= 0.05 < widths[0]
    assert any("79.39 % to 89.29 %" in note for note in found.json["notes"])


def test_every_answer_says_what_it_takes_for_granted(run: Run) -> None:
    """Equal sides, 5 %, the design effect."""
    notes = " ".join(run("plan", "compare", "--rate", "2%", "--detect", "1%", "-f", "json").json["notes"])

    assert all(word in notes for word in ("equal size", "5 %", "design effect", "--per-day"))


@pytest.mark.parametrize("arguments", [
    ("compare",),
    ("compare", "--rate", "2%"),
    ("compare", "--rate", "2%", "--sd", "1", "--detect", "1"),
    ("compare", "--rate", "200%", "--detect", "1%"),
    ("compare", "--rate", "90%", "--detect", "20%"),
    ("compare", "--rate", "x", "--detect", "1%"),
    ("compare", "--sd", "-1", "--detect", "1"),
    ("compare", "--sd", "1", "--detect", "0"),
    ("compare", "--sd", "1", "--detect", "nan"),
    ("compare", "--sd", "1", "--detect", ".5", "--design-effect", "0.5"),
    ("compare", "--sd", "1", "--detect", ".5", "--per-day", "0"),
    ("compare", "--sd", "1", "--detect", ".5", "--power", "100%"),
    ("judge",),
    ("judge", "--sd", "1"),
    ("judge", "--agreement", ".85"),
    ("judge", "--sd", "1", "--agreement", ".85"),
])  # fmt: skip
def test_wrong_command_lines(arguments: tuple[str, ...], run: Run) -> None:
    """Exit 2 and a word on what is missing."""
    done = run("plan", *arguments)

    assert (2, True) == (done.code, "llmscope: " in done.err)


@pytest.mark.parametrize("form", ["table", "plain", "md", "html", "csv", "jsonl", "json"])
def test_every_format(form: str, run: Run) -> None:
    """Both commands."""
    for arguments in (
        ("compare", "--rate", "2%", "--detect", "1%"),
        ("judge", "--agreement", ".85", "--interval", ".1"),
    ):
        assert 0 == run("plan", *arguments, "-f", form).code
