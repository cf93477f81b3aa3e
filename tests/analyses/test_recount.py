"""Logged tokens against counted ones, on logs whose texts have a number of tokens that anybody can tell.

" hello" is one token of cl100k and of o200k, so "hello hello ... hello" has as many tokens as words. A chat of one
message of the user has 7 more: 3 for the message, 1 for the role, 3 for the reply (openai-cookbook).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import llmscope
from llmscope.analyses._recount_anatomy import apportioned
from llmscope.analyses._recount_ratios import spread_of
from llmscope.errors import UsageError
from llmscope.result import Result
from tests.conftest import Run
from tests.load.writing import lines, put, request

Row = dict[str, Any]


def hello(tokens: int) -> str:
    return " ".join(["hello"] * tokens)


def chat(number: int, prompt: int, answer: int, times: float = 1, **changes: Any) -> Row:
    """A request of gpt-4o whose texts have `prompt` and `answer` tokens, logged as `times` as many."""
    record = {
        "request_model": "gpt-4o", "status": "ok", "input_text": hello(prompt), "output_text": hello(answer),
        "input_tokens": round((prompt + 7) * times), "output_tokens": round(answer * times), **changes,
    }  # fmt: skip
    return request(number, **record)


def log(here: Path, *records: Row) -> Path:
    return put(here / "log.jsonl", lines(records))


def asked(path: Path, **options: Any) -> Result:
    with llmscope.open(str(path), keep_text=True) as logs:
        return logs.recount(**options)


def cells(rows: Any, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[n] for n in names) for row in rows]


def test_exact_log_has_ratio_one(here: Path) -> None:
    """12 prompts of 100 + 7 tokens and answers of 50, logged as counted: 12 x 107 = 1,284 and 600."""
    found = asked(log(here, *(chat(i, 100, 50) for i in range(12))))

    assert [("gpt-4o", "input", 12, 1.0, 1284, 1284), ("gpt-4o", "output", 12, 1.0, 600, 600)] == cells(
        found.rows, "model", "side", "requests", "ratio", "logged_tokens", "counted_tokens"
    )
    assert () == found.findings


def test_messages_are_counted_with_their_frame(here: Path) -> None:
    """Two messages of 60 tokens: (3 + 1 + 60) x 2 + 3 = 131; 262 logged are twice that."""
    prompt = json.dumps([{"role": "system", "content": hello(60)}, {"role": "user", "content": hello(60)}])
    found = asked(log(here, *(chat(i, 1, 1, input_text=prompt, input_tokens=262) for i in range(3))))

    assert [("input", 3, 2.0, 393)] == cells(found.rows, "side", "requests", "ratio", "counted_tokens")


def test_too_few_for_an_interval(here: Path) -> None:
    """Nine requests have a median and nothing more."""
    row = asked(log(here, *(chat(i, 100, 50) for i in range(9)))).rows[0]

    assert (1.0, None, None, None) == (row["ratio"], row["low_ratio"], row["high_ratio"], row["p25_ratio"])


def test_model_that_is_another(here: Path) -> None:
    """gpt-4o-mini logged with 1.2 times its tokens, 25 times over; gpt-4o as it should be."""
    right = [chat(i, 100, 100) for i in range(25)]
    wrong = [chat(100 + i, 100, 100, 1.2, request_model="gpt-4o-mini") for i in range(25)]
    (finding,) = asked(log(here, *right, *wrong)).findings

    assert finding.text.startswith("gpt-4o-mini is not counted as gpt-4o-mini")
    assert "1.20 times" in finding.text
    assert "Claude 3 to 4.6" in finding.text


@pytest.mark.parametrize(
    "ratios",
    [[1.08] * 40, [1.2] * 19, [1.0, 1.6] * 20, [1.0] * 30 + [3.0] * 5],
    ids=["near", "few", "spread", "outliers"],
)
def test_model_that_is_not_accused(here: Path, ratios: list[float]) -> None:
    """Under 10 % off, fewer than 20 answers, a wide spread, or a few that are far off accuse nobody."""
    found = asked(log(here, *(chat(i, 100, 100, r) for i, r in enumerate(ratios))))

    assert () == found.findings


def test_estimated_tokenizer_is_never_accused(here: Path) -> None:
    """A Claude at 1.2 is a calibration, not a finding."""
    rows = [chat(i, 100, 100, 1.2, request_model="claude-sonnet-4-5") for i in range(25)]
    found = asked(log(here, *rows))

    assert () == found.findings
    assert [("ratio", 1.2)] == cells(found.rows, "method", "ratio")[1:]


def test_outliers_are_named(here: Path) -> None:
    """One answer of 100 tokens logged as 300 among twenty that agree."""
    path = log(here, *(chat(i, 100, 100) for i in range(20)), chat(99, 100, 100, output_tokens=300))
    found = asked(path)

    assert [("r99", "output", 300, 100, 3.0)] == cells(
        found.parts["outliers"].rows, "request_id", "side", "logged_tokens", "counted_tokens", "ratio"
    )
    assert [0, 1] == [r["outliers"] for r in found.rows]


def test_what_is_not_compared_is_counted(here: Path) -> None:
    """Reasoning is taken off (150 - 100 = 50); tool calls, placeholders and short texts are left out and said."""
    records = [
        chat(1, 100, 50, output_tokens=150, reasoning_tokens=100),
        chat(2, 100, 50, finish_reason="tool_calls"),
        chat(3, 100, 50, input_text=hello(100) + " bob@example.com"),
        chat(4, 100, 5),
    ]
    found = asked(log(here, *records))

    assert [("input", 3, 1.0), ("output", 2, 1.0)] == cells(found.rows, "side", "requests", "ratio")
    for said in ("1 texts are calls of tools", "1 texts hold placeholders", "1 texts have fewer than 20 tokens"):
        assert any(note.startswith(said) for note in found.notes), said


def test_estimates_from_texts_calibrated_on_the_log(here: Path) -> None:
    """Ten rows of a model at twice its count: a prompt of 207 + an answer of 90 without usage are 414 and 180."""
    known = [chat(i, 100, 50, 2, request_model="in-house") for i in range(10)]
    lost = chat(99, 200, 90, request_model="in-house", input_tokens=..., output_tokens=...)
    part = asked(log(here, *known, lost)).parts["estimated"]

    assert [("input", 1, 414, 414, 414, 10), ("output", 1, 180, 180, 180, 10)] == cells(
        part.rows, "side", "requests", "estimated_tokens", "low_tokens", "high_tokens", "calibration_requests"
    )
    assert {"calibrated on this log"} == {row["method"] for row in part.rows}


def test_estimates_by_the_stated_ratio(here: Path) -> None:
    """No row of a Claude has usage: 93 + 7 tokens of o200k times 1.2, 6 % either way: 120, 112.8 to 127.2."""
    lost = chat(1, 93, 50, request_model="claude-sonnet-4-5", input_tokens=..., output_tokens=...)
    part = asked(log(here, lost)).parts["estimated"]

    assert [("input", 120, 113, 127, "stated ratio"), ("output", 60, 56, 64, "stated ratio")] == cells(
        part.rows, "side", "estimated_tokens", "low_tokens", "high_tokens", "method"
    )


def test_estimates_from_lengths(here: Path) -> None:
    """Ten rows of 500 tokens in 2,000 characters (0.25 each): 4,000 characters are 1,000; else 4 characters a token."""
    bare = {"input_text": ..., "output_text": ..., "output_tokens": 1}
    known = [chat(i, 1, 1, **bare, input_chars=2000) | {"input_tokens": 500} for i in range(10)]
    lost = [chat(20, 1, 1, **bare, input_chars=4000, input_tokens=...)]
    other = [chat(21, 1, 1, **bare, input_chars=800, input_tokens=..., request_model="x")]
    part = asked(log(here, *known, *lost, *other)).parts["estimated"]

    assert [
        ("gpt-4o", 1, 1000, 1000, 1000, "characters, calibrated on this log", 10),
        ("x", 1, 200, 120, 280, "characters / 4", 0),
    ] == cells(
        part.rows,
        "model",
        "requests",
        "estimated_tokens",
        "low_tokens",
        "high_tokens",
        "method",
        "calibration_requests",
    )


def test_estimates_of_more_texts_than_are_counted(here: Path) -> None:
    """Of four lost texts one is counted, and stands for all by its characters: 4 x (93 + 7) = 400."""
    lost = [chat(i, 93, 50, input_tokens=..., output_tokens=50) for i in range(4)]
    part = asked(log(here, *lost), sample=1).parts["estimated"]

    assert [("input", 4, 400, None, "tokenizer")] == cells(
        part.rows, "side", "requests", "estimated_tokens", "low_tokens", "method"
    )


def test_nothing_is_estimated_from_nothing(here: Path) -> None:
    """A request with neither usage nor text nor length stays unknown, and is counted."""
    bare = {"input_text": ..., "output_text": ..., "input_tokens": ..., "output_tokens": 3}
    found = asked(log(here, chat(1, 1, 1, **bare)))

    assert "estimated" not in found.parts
    (note,) = [n for n in found.notes if n.startswith("1 request logs no input tokens, no input text")]
    assert "nothing is estimated for it;" in note


PROMPT = [
    {"role": "system", "content": hello(10)},
    {"role": "user", "content": hello(20)},
    {"role": "assistant", "content": hello(26)},
    {"role": "user", "content": hello(36)},
]


def test_anatomy_adds_up_to_the_providers_count(here: Path) -> None:
    """Each message has 4 more tokens: 14, 24 + 30 and 40, of 108; 216 logged are 28, 108 and 80."""
    path = log(here, chat(1, 1, 1, input_text=json.dumps(PROMPT), input_tokens=216))
    (row,) = asked(path, anatomy=True).rows

    assert ("chat", 1, 216, 28, 108, 0, 0, 80) == tuple(
        row[n] for n in ("feature", "requests", "input_tokens", "system_tokens", "history_tokens", "context_tokens",
                         "tools_tokens", "user_tokens")
    )  # fmt: skip
    assert pytest.approx(0.5) == row["history_ratio"]


def test_anatomy_leaves_out_what_it_cannot_see(here: Path) -> None:
    """Plain text, and a prompt of which the log shows less than half: 111 tokens of 5,000."""
    path = log(here, chat(1, 100, 1), chat(2, 1, 1, input_text=json.dumps(PROMPT), input_tokens=5000))
    found = asked(path, anatomy=True)

    assert () == found.rows
    assert any(note.startswith("2 prompts cannot be taken apart") for note in found.notes)


def test_anatomy_of_redacted_prompts_says_so(here: Path, run: Run) -> None:
    """A store keeps placeholders: shares of them are not those of what was sent. Files have none."""
    asks = [*PROMPT[:3], {"role": "user", "content": "jane.doe@example.com" + hello(40)}]
    path = log(here, chat(1, 1, 1, input_text=json.dumps(asks), input_tokens=130))
    run("load", path, "--store", "full.duckdb", "--keep-text")
    places = ["--store", "full.duckdb"], [path]
    kept, read = (json.loads(run("recount", "--anatomy", "-f", "json", *of).out) for of in places)

    assert [1, 1] == [len(kept["rows"]), len(read["rows"])]
    assert any("anatomy: up to 1 of its prompts holds placeholders" in note for note in kept["notes"])
    assert not any("placeholders" in note for note in read["notes"])


@given(st.integers(0, 10**9), st.lists(st.integers(0, 10**6), min_size=1, max_size=6).filter(any))
def test_apportioned_adds_up(whole: int, weights: list[int]) -> None:
    """The parts are the whole, and each is within one of its share."""
    found = apportioned(whole, weights)

    assert found is not None
    assert whole == sum(found)
    assert all(abs(n * sum(weights) - whole * w) < sum(weights) for n, w in zip(found, weights, strict=True))


def test_spread() -> None:
    """R's quantile(1:10, type = 7): 3.25, 5.5, 7.75; the median's interval is the 2nd and the 9th of ten (97.9 %)."""
    found = spread_of([float(i) for i in range(10, 0, -1)])

    assert found is not None
    assert (10, 3.25, 5.5, 7.75, 2.0, 9.0) == (found.n, found.p25, found.median, found.p75, found.low, found.high)


def test_a_rare_model_is_sampled_too(here: Path) -> None:
    """Of 200 and 3 requests, ten are drawn: three of the rare model, seven of the other, the same each time."""
    rows = [chat(i, 100, 50) for i in range(200)] + [chat(300 + i, 100, 50, request_model="gpt-4.1") for i in range(3)]
    path = log(here, *rows)
    first, again, other = asked(path, sample=10), asked(path, sample=10), asked(path, sample=10, seed=1)

    assert {("gpt-4o", 7), ("gpt-4.1", 3)} == set(cells(first.rows, "model", "requests"))
    assert first.rows == again.rows
    assert set(cells(first.rows, "model", "requests")) == set(cells(other.rows, "model", "requests"))


def test_by_a_dimension(here: Path) -> None:
    """A row a feature, model and side; a request with two tags stands under both."""
    path = log(here, chat(1, 100, 50, tags=["a", "b"]), chat(2, 100, 50, tags=["b"], feature="other"))

    assert {("chat", 1), ("other", 1)} == set(cells(asked(path, by="feature").rows, "feature", "requests"))
    assert {("a", 1), ("b", 2)} == set(cells(asked(path, by="tag").rows, "tag", "requests"))


def test_model_named_by_hand(here: Path) -> None:
    """A deployment's own name is counted as the model it is said to be."""
    path = log(here, *(chat(i, 100, 50, request_model="prod-eu-1") for i in range(3)))

    assert [("prod-eu-1", "exact")] * 2 == cells(asked(path, model="gpt-4o").rows, "model", "method")


@pytest.mark.parametrize("options", [{"sample": 0}, {"sample": 10**9}, {"by": "price_status"}, {"by": "nope"}])
def test_refused_options(here: Path, options: dict[str, Any]) -> None:
    """What cannot be asked is refused."""
    with pytest.raises(UsageError):
        asked(log(here, chat(1, 100, 50)), **options)


def test_texts_of_files_are_read_and_not_of_a_store_without(here: Path, run: Run) -> None:
    """From files the texts are read unasked; a store without them says what to do; one loaded with them has them."""
    path = log(here, *(chat(i, 100, 50) for i in range(3)))
    of_file = json.loads(run("recount", path, "-f", "json").out)
    run("load", path, "--store", "bare.duckdb")
    bare = json.loads(run("recount", "--store", "bare.duckdb", "-f", "json").out)
    run("load", path, "--store", "full.duckdb", "--keep-text")
    full = json.loads(run("recount", "--store", "full.duckdb", "-f", "json").out)

    assert 2 == len(of_file["rows"])
    assert [] == bare["rows"]
    assert any("--keep-text" in note for note in bare["notes"])
    assert of_file["rows"] == full["rows"]


@pytest.mark.parametrize("records", [[], [request(1)], [request(1, status="error", input_tokens=...)]])
def test_little_to_say(here: Path, run: Run, records: list[Row]) -> None:
    """An empty log, one without texts and one of failures say so and end well."""
    ran = run("recount", log(here, *records), "-f", "json")

    assert 0 == ran.code, ran.err
    assert [] == json.loads(ran.out)["rows"]


def test_gates(here: Path, run: Run) -> None:
    """A ratio or an estimate can be a gate."""
    path = log(here, *(chat(i, 100, 50, 2) for i in range(12)))

    assert [3, 0] == [run("recount", path, "--fail-if", f"ratio > {n}").code for n in (1.5, 2.5)]


def test_hostile_texts(here: Path, run: Run) -> None:
    """Special tokens, lone surrogates, huge runs of blanks and broken JSON are text like any other."""
    texts = ["<|endoftext|>" * 30, "\ud800" * 50, " " * 1_200_000 + "x", '[{"role": "user"', "[" * 5000]
    path = log(here, *(chat(i, 1, 1, input_text=t, output_text=t) for i, t in enumerate(texts)))

    assert 0 == run("recount", path, "-f", "json").code


def test_files_are_read_with_their_texts_as_they_are(here: Path, run: Run) -> None:
    """An address in a prompt is counted as it was sent, not as the placeholder a store would keep; none is shown.

    "Write to jane.doe@example.com please, it is about the order of last week and the week before it." is 23 tokens of
    o200k (checked with tiktoken by hand), 26 with what a message adds, and 29 with the priming of the reply.
    """
    text = "Write to jane.doe@example.com please, it is about the order of last week and the week before it."
    record = {"model": "gpt-4o", "input_text": text, "input_tokens": 29, "output_tokens": 1}
    found = json.loads(run("recount", put(here / "log.jsonl", lines([request(1, **record)])), "-f", "json").out)

    assert [("input", 1)] == [(row["side"], row["requests"]) for row in found["rows"]]
    assert not any("placeholder" in note for note in found["notes"])
    assert "jane.doe" not in json.dumps(found)
