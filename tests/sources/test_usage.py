"""What each provider's usage object means; every figure worked by hand."""

from __future__ import annotations

import json
from typing import Any

import duckdb
import pytest

from llmscope.sources._usage import normalise, prepared_sql, token_fields, usage_fields

Usage = dict[str, Any]


def reads(usage: Any, **options: Any) -> Usage:
    [row] = normalise([usage], **options)
    return row


def test_openai_chat_counts_cache_and_reasoning_inside() -> None:
    """prompt_tokens has the cached ones, completion_tokens the reasoning."""
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 30,
        "total_tokens": 130,
        "prompt_tokens_details": {"cached_tokens": 64, "audio_tokens": 5, "image_tokens": 7, "cache_write_tokens": 8},
        "completion_tokens_details": {"reasoning_tokens": 20, "audio_tokens": 3},
        "service_tier": "flex",
    }
    expected = {
        "input_tokens": 100, "output_tokens": 30, "reasoning_tokens": 20, "cache_read_tokens": 64,
        "cache_write_tokens": 8, "audio_input_tokens": 5, "image_input_tokens": 7, "audio_output_tokens": 3,
        "service_tier": "flex", "usage_semantics": "inclusive",
    }  # fmt: skip

    assert expected == reads(usage)


def test_openai_responses_list_writes_by_time_to_live() -> None:
    """The finer count is the truth: 30 + 4 written, though cache_write_tokens says 30."""
    details = {"ttl_30m_tokens": 30, "ttl_12h_tokens": 4}
    usage = {
        "input_tokens": 90,
        "input_tokens_details": {
            "cached_tokens": 50, "cache_write_tokens": 30, "cache_write_tokens_details": details,
        },
        "output_tokens": 9,
        "output_tokens_details": {"reasoning_tokens": 2},
        "total_tokens": 99,
    }  # fmt: skip
    row = reads(usage)

    assert (90, 9, 2, 50) == tuple(row[f"{c}_tokens"] for c in ("input", "output", "reasoning", "cache_read"))
    assert (34, 30, 4) == tuple(row[f"cache_write{c}_tokens"] for c in ("", "_30m", "_12h"))


def test_embeddings_have_no_output() -> None:
    """A total equal to the prompt is not an answer of nothing: there is no answer."""
    assert {"input_tokens": 8, "usage_semantics": "inclusive"} == reads({"prompt_tokens": 8, "total_tokens": 8})


def test_anthropic_input_leaves_the_cache_out() -> None:
    """3 new + 40 written + 100 read = 143."""
    usage = {
        "input_tokens": 3,
        "cache_creation_input_tokens": 40,
        "cache_read_input_tokens": 100,
        "cache_creation": {"ephemeral_5m_input_tokens": 30, "ephemeral_1h_input_tokens": 10},
        "output_tokens": 20,
        "output_tokens_details": {"thinking_tokens": 12},
        "server_tool_use": {"web_search_requests": 2},
        "service_tier": "standard",
        "speed": "fast",
    }
    expected = {
        "input_tokens": 143, "output_tokens": 20, "reasoning_tokens": 12, "cache_read_tokens": 100,
        "cache_write_tokens": 40, "cache_write_5m_tokens": 30, "cache_write_1h_tokens": 10, "web_searches": 2,
        "service_tier": "fast", "usage_semantics": "exclusive_fixed",
    }  # fmt: skip

    assert expected == reads(usage)


def test_anthropic_iterations_bill_compaction_and_not_the_advisor() -> None:
    """Compaction 100 + 900 written, message 20 + 5: the top level shows the message alone; the advisor is another's."""
    part = {"cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}
    usage = {
        "input_tokens": 20,
        "output_tokens": 5,
        **part,
        "iterations": [
            {**part, "type": "compaction", "input_tokens": 100, "output_tokens": 8, "cache_creation_input_tokens": 900},
            {**part, "type": "advisor_message", "model": "other", "input_tokens": 7000, "output_tokens": 70},
            {**part, "type": "message", "input_tokens": 20, "output_tokens": 5},
        ],
    }
    row = reads(usage)

    assert (1020, 13, 900) == (row["input_tokens"], row["output_tokens"], row["cache_write_tokens"])


def test_gemini_answer_leaves_thoughts_out_and_prompt_leaves_tools_out() -> None:
    """Prompt 50 + tool results 10; candidates 7 + thoughts 30. A document is pictures of pages."""
    usage = {
        "promptTokenCount": 50,
        "toolUsePromptTokenCount": 10,
        "candidatesTokenCount": 7,
        "thoughtsTokenCount": 30,
        "cachedContentTokenCount": 40,
        "totalTokenCount": 97,
        "promptTokensDetails": [
            {"modality": "TEXT", "tokenCount": 20},
            {"modality": "AUDIO", "tokenCount": 12},
            {"modality": "IMAGE", "tokenCount": 10},
            {"modality": "DOCUMENT", "tokenCount": 8},
        ],
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 7}],
        "trafficType": "ON_DEMAND",
    }
    expected = {
        "input_tokens": 60, "output_tokens": 37, "reasoning_tokens": 30, "cache_read_tokens": 40,
        "audio_input_tokens": 12, "image_input_tokens": 18, "image_output_tokens": 7, "service_tier": "default",
        "usage_semantics": "inclusive",
    }  # fmt: skip

    assert expected == reads(usage)


def test_gemini_snake_case_is_the_same() -> None:
    """The Python SDK writes the same in snake case, its modalities as numbers."""
    usage = {
        "prompt_token_count": 50,
        "candidates_token_count": 7,
        "thoughts_token_count": 3,
        "total_token_count": 60,
        "prompt_tokens_details": [{"modality": "4", "token_count": 12}],
    }
    row = reads(usage)

    assert (50, 10, 3, 12) == tuple(row[f"{c}_tokens"] for c in ("input", "output", "reasoning", "audio_input"))


def test_gemini_blocked_answer_is_of_no_tokens() -> None:
    """Candidates are left out when empty; the total says 0."""
    assert reads({"promptTokenCount": 9, "totalTokenCount": 9})["output_tokens"] == 0


def test_gemini_behind_openai_names_shows_reasoning_in_the_total_alone() -> None:
    """109 - 35 - 12 = 62 tokens of thought."""
    row = reads({"prompt_tokens": 35, "completion_tokens": 12, "total_tokens": 109})

    assert (74, 62, "guessed") == (row["output_tokens"], row["reasoning_tokens"], row["usage_semantics"])


def test_xai_chat_counts_reasoning_beside_the_completion() -> None:
    """Total 10 + 5 + 40 proves it."""
    details = {"reasoning_tokens": 40}
    row = reads({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 55, "completion_tokens_details": details})

    assert (45, 40, "inclusive") == (row["output_tokens"], row["reasoning_tokens"], row["usage_semantics"])


@pytest.mark.parametrize(("total", "output", "reasoning"), [(53, 10, 10), (None, 21, 11), (64, 21, 11)])
def test_more_reasoning_than_answer(total: int | None, output: int, reasoning: int) -> None:
    """A total without it says the reasoning is miscounted; else it must stand beside the answer."""
    usage = {
        "prompt_tokens": 43, "completion_tokens": 10, "total_tokens": total,
        "completion_tokens_details": {"reasoning_tokens": 11},
    }  # fmt: skip
    row = reads(usage)

    assert (output, reasoning) == (row["output_tokens"], row["reasoning_tokens"])


def test_bedrock_converse_leaves_the_cache_out() -> None:
    """3 + 2,074 read + 297 written; the total agrees."""
    usage = {
        "inputTokens": 3, "outputTokens": 61, "totalTokens": 2435, "cacheReadInputTokens": 2074,
        "cacheWriteInputTokens": 297, "cacheDetails": [{"ttl": "5m", "inputTokens": 297}],
    }  # fmt: skip
    row = reads(usage)

    assert (2374, 297, "exclusive_fixed") == (
        row["input_tokens"], row["cache_write_5m_tokens"], row["usage_semantics"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("usage", "input_tokens", "cache_read"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 1, "prompt_cache_hit_tokens": 4}, 9, 4),
        ({"prompt_tokens": 9, "completion_tokens": 1, "num_cached_tokens": 5}, 9, 5),
        ({"prompt_tokens": 9, "completion_tokens": 1, "prompt_token_details": {"cached_tokens": 6}}, 9, 6),
        ({"tokens": {"input_tokens": 29}, "billed_units": {"input_tokens": 2}, "cached_tokens": 20}, 29, 20),
        ({"billed_units": {"input_tokens": 4, "image_tokens": 3}}, 7, None),
        ({"input_tokens": 9, "cached_input_tokens": 4, "output_tokens": 1, "reasoning_output_tokens": 1}, 9, 4),
        ({"inputTokens": 9, "outputTokens": 1, "totalTokens": 10, "cachedInputTokens": 4}, 9, 4),
        ({"input_tokens": 9, "input_token_details": {"cache_read": 4}, "output_tokens": 1}, 9, 4),
        ({"total_input_tokens": 9, "total_output_tokens": 1, "total_cached_tokens": 4, "total_tokens": 10}, 9, 4),
    ],
    ids=["deepseek", "mistral", "assistants", "cohere", "cohere embed", "codex", "vercel", "langchain", "interactions"],
)  # fmt: skip
def test_other_spellings_of_the_same(usage: Usage, input_tokens: int, cache_read: int | None) -> None:
    """All of these count the cache inside the input."""
    row = reads(usage)

    assert (input_tokens, cache_read) == (row["input_tokens"], row.get("cache_read_tokens"))


def test_openrouter_says_what_was_paid() -> None:
    """With one's own key the cost is the fee, and the model is paid upstream."""
    usage = {"prompt_tokens": 5, "completion_tokens": 1, "cost": 0.001}
    own_key = {**usage, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.02}}

    assert reads(usage)["cost_logged_usd"] == pytest.approx(0.001, rel=1e-12)
    assert reads(own_key)["cost_logged_usd"] == pytest.approx(0.021, rel=1e-12)
    assert reads({"prompt_tokens": 5, "cost": {"total_cost": 0.5}})["cost_logged_usd"] == 0.5


def test_groq_says_how_long_it_waited_and_worked() -> None:
    """Seconds, and the total leaves the queue out."""
    row = reads({"prompt_tokens": 5, "completion_tokens": 1, "queue_time": 0.25, "total_time": 1.5})

    assert (250.0, 1500.0) == (row["queue_ms"], row["inference_ms"])


@pytest.mark.parametrize(
    ("total", "input_tokens", "semantics"),
    [(None, 100, "guessed"), (110, 100, "inclusive"), (170, 160, "exclusive_fixed"), (7, 100, "guessed")],
)
def test_unclear_names_are_decided_by_the_total(total: int | None, input_tokens: int, semantics: str) -> None:
    """Input 100, output 10, cache 60: 110 counts it inside, 170 beside; no total, or a wrong one, proves nothing."""
    row = reads({"input_tokens": 100, "output_tokens": 10, "cache_read_tokens": 60, "total_tokens": total})

    assert (input_tokens, semantics) == (row["input_tokens"], row["usage_semantics"])


def test_more_cached_than_input_is_proof() -> None:
    """Whatever the names say: 60 cannot be inside 10."""
    row = reads({"prompt_tokens": 10, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 60}})

    assert (70, "exclusive_fixed") == (row["input_tokens"], row["usage_semantics"])


def test_a_total_overrules_names() -> None:
    """Anthropic's names, but somebody added the cache already."""
    usage = {"input_tokens": 100, "output_tokens": 10, "cache_read_input_tokens": 60, "total_tokens": 110}

    assert (100, "inclusive") == (reads(usage)["input_tokens"], reads(usage)["usage_semantics"])


def test_a_source_may_say_how_it_counts() -> None:
    """What a source is known for stands in for the names."""
    usage = {"input_tokens": 100, "output_tokens": 10, "cache_read_tokens": 60}

    assert reads(usage, cache="exclusive")["input_tokens"] == 160
    assert reads({**usage, "cache_read_input_tokens": 60}, cache="inclusive")["input_tokens"] == 100


@pytest.mark.parametrize("usage", [None, {}, 5, "x", [], {"totalTokenCount": 5}, {"other": 1}])
def test_no_usage_is_missing(usage: Any) -> None:
    """Nothing is made up."""
    assert reads(usage) == {"usage_semantics": "missing"}


def test_zeros_of_a_logger_that_had_no_usage_are_missing() -> None:
    """The zeros stay; the word says not to trust them."""
    row = reads({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0})

    assert {"input_tokens": 0, "output_tokens": 0, "usage_semantics": "missing"} == row


@pytest.mark.parametrize("bad", ["abc", -3, 1e18, True, {"a": 1}, [1]])
def test_what_is_no_count_stays_text_for_load_to_count(bad: Any) -> None:
    """Not silently absent: the field's text is there, and no cast takes it."""
    prepare, fields = usage_fields("usage")
    usage = json.dumps({"prompt_tokens": bad, "completion_tokens": 5, "total_tokens": 9})
    source = f"SELECT '{usage}'::JSON AS usage"
    sql = f"SELECT {fields['input_tokens'].sql}, {fields['output_tokens'].sql} FROM ({prepared_sql(source, prepare)})"
    text, output = duckdb.sql(sql).fetchall()[0]

    assert text
    assert duckdb.execute("SELECT TRY_CAST($1 AS BIGINT)", [text]).fetchall() == [(None,)]
    assert output == "5"


def test_counts_in_columns_of_their_own_are_read_alike() -> None:
    """A flat log's columns are parts; an unknown part is a mistake of the source."""
    prepare, fields = token_fields({"input": "'3'", "output": "'5'", "cache_read": "'7'", "names": "'unclear'"})
    wanted = ", ".join(fields[c].sql for c in ("input_tokens", "output_tokens", "usage_semantics"))
    row = duckdb.sql(f"SELECT {wanted} FROM ({prepared_sql('SELECT 1 AS one', prepare)})").fetchall()[0]

    assert row == ("10", "5", "exclusive_fixed")
    with pytest.raises(ValueError, match="bogus"):
        token_fields({"bogus": "1"})
