"""Several sources in one store, one folder, one file: each record to its own source, each request once."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmscope.load import LoadOptions, load
from llmscope.store import Store
from tests.load.writing import lines, request

Record = dict[str, Any]


def claude(number: int, **changes: Any) -> Record:
    """One assistant line of a Claude Code session: 10 in, 5 read from the cache, `number` out."""
    usage = {
        "input_tokens": 10,
        "cache_read_input_tokens": 5,
        "cache_creation_input_tokens": 0,
        "output_tokens": number,
    }
    message = {"id": f"msg_{number}", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5"}
    return {
        "type": "assistant", "uuid": f"u{number}", "parentUuid": None, "sessionId": "s1", "requestId": f"req_{number}",
        "timestamp": f"2026-09-02T11:00:{number:02d}.000Z", "cwd": "/home/me/shop", "version": "2.0.1",
        "isSidechain": False, "userType": "external", "message": {**message, "content": [], "usage": usage}, **changes,
    }  # fmt: skip


def payload(number: int, **changes: Any) -> Record:
    """One LiteLLM payload: 100 in, `number` out, a second long."""
    return {
        "id": f"chatcmpl-{number}", "litellm_call_id": f"call-{number}", "trace_id": f"t{number}",
        "call_type": "acompletion", "stream": None, "response_cost": 0.5, "status": "success",
        "custom_llm_provider": "openai", "model": "gpt-4o-mini", "model_group": "small", "model_map_information": {},
        "startTime": 1788345600.0 + number, "endTime": 1788345601.0 + number,
        "completionStartTime": 1788345601.0 + number, "prompt_tokens": 100, "completion_tokens": number,
        "total_tokens": 100 + number, "metadata": {}, "hidden_params": {}, "request_tags": [], "model_parameters": {},
        **changes,
    }  # fmt: skip


def observation(number: int, **changes: Any) -> Record:
    """One Langfuse generation: 7 in, `number` out."""
    return {
        "id": f"obs-{number}", "traceId": f"trace-{number}", "type": "GENERATION", "name": "answer",
        "parentObservationId": None, "startTime": f"2026-09-03T12:00:{number:02d}.000Z",
        "endTime": f"2026-09-03T12:01:{number:02d}.000Z", "model": "gpt-4o-mini", "modelParameters": {},
        "usageDetails": {"input": 7, "output": number, "total": 7 + number}, "level": "DEFAULT", **changes,
    }  # fmt: skip


def trace(number: int) -> Record:
    return {
        "id": f"trace-{number}", "timestamp": f"2026-09-03T12:00:{number:02d}.000Z", "name": "support", "userId": "ada",
        "sessionId": "visit-1", "tags": ["beta"], "release": "r9", "environment": "production", "metadata": {},
        "projectId": "p", "public": False, "bookmarked": False,
    }  # fmt: skip


def score(number: int) -> Record:
    return {
        "id": f"score-{number}", "traceId": f"trace-{number}", "observationId": f"obs-{number}", "name": "helpful",
        "value": 1, "dataType": "NUMERIC", "source": "ANNOTATION", "timestamp": f"2026-09-03T13:00:{number:02d}.000Z",
    }  # fmt: skip


def rows(folder: Path, *names: str, sql: str, options: LoadOptions | None = None) -> list[tuple[Any, ...]]:
    """Loads the files one after the other into a store of their own, and asks it."""
    store = Store(None)
    try:
        for name in names:
            report = load(store, [str(folder / name)], options or LoadOptions())
            for one in report.files:
                if one.error:
                    raise one.error
                one.check()
        return store.execute(sql)
    finally:
        store.close()


BY_SOURCE = (
    "SELECT source_format, count(*), sum(input_tokens)::BIGINT, sum(output_tokens)::BIGINT"
    " FROM requests GROUP BY 1 ORDER BY 1"
)
# claude: 10 + 5 in each. Two of each source: 1 + 2 out.
THREE = [("claude_code", 2, 30, 3), ("langfuse", 2, 14, 3), ("litellm", 2, 200, 3)]


def three_sources() -> list[Record]:
    return [record for n in (1, 2) for record in (claude(n), payload(n), observation(n))]


def test_records_of_three_sources_in_one_file_go_each_to_its_own(tmp_path: Path) -> None:
    (tmp_path / "all.jsonl").write_bytes(lines(three_sources()))
    assert rows(tmp_path, "all.jsonl", sql=BY_SOURCE) == THREE


def test_one_file_of_three_sources_is_the_three_files_one_by_one(tmp_path: Path) -> None:
    made = three_sources()
    for i, name in enumerate(("a", "b", "c")):
        (tmp_path / f"{name}.jsonl").write_bytes(lines(made[i::3]))
    assert rows(tmp_path, "a.jsonl", "b.jsonl", "c.jsonl", sql=BY_SOURCE) == THREE


def test_a_mixed_file_accounts_for_bad_and_blank_lines_by_their_places(tmp_path: Path) -> None:
    text = lines([claude(1)]) + b"\n{broken\n" + lines([payload(1)]) + b"[1]\n"
    (tmp_path / "all.jsonl").write_bytes(text)
    store = Store(None)
    (one,) = load(store, [str(tmp_path / "all.jsonl")], LoadOptions()).files
    assert (one.lines, one.loaded, one.rejected, one.blank, one.set_aside) == (5, 2, 2, 1, 0)
    assert one.source == "claude_code + litellm"
    assert store.execute("SELECT line FROM rejects ORDER BY 1") == [(3,), (5,)]
    store.close()


def test_logs_put_one_behind_the_other_are_told_apart(tmp_path: Path) -> None:
    """The second format begins far behind the first records."""
    (tmp_path / "all.jsonl").write_bytes(lines([request(n, pad="x" * 500) for n in range(900)] + [payload(7)]))
    found = rows(tmp_path, "all.jsonl", sql="SELECT source_format, count(*) FROM requests GROUP BY 1 ORDER BY 1")
    assert found[-1] == ("litellm", 1)
    assert sum(n for _, n in found) == 901


def test_a_stranger_in_the_middle_of_a_session_is_found_by_what_is_left_over(tmp_path: Path) -> None:
    first = [
        claude(1, uuid=f"a{i}", message={**claude(1)["message"], "id": f"m{i}"}, pad="x" * 900) for i in range(500)
    ]
    middle = [observation(3)] * 1
    (tmp_path / "all.jsonl").write_bytes(lines(first[:400] + middle + first[400:]))
    found = rows(tmp_path, "all.jsonl", sql="SELECT source_format, count(*) FROM requests GROUP BY 1 ORDER BY 1")
    assert found == [("claude_code", 500), ("langfuse", 1)]


def test_a_mixed_file_that_grew_is_read_again_whole(tmp_path: Path) -> None:
    log = tmp_path / "all.jsonl"
    log.write_bytes(lines([claude(1), payload(1)]))
    store = Store(None)
    load(store, [str(log)], LoadOptions())
    log.write_bytes(lines([claude(1), payload(1), payload(2)]))
    (one,) = load(store, [str(log)], LoadOptions()).files
    assert (one.outcome, one.loaded) == ("replaced", 3)
    (one,) = load(store, [str(log)], LoadOptions()).files
    assert one.outcome == "skipped"
    assert store.execute("SELECT count(*) FROM requests") == [(3,)]
    store.close()


def test_a_source_named_by_the_person_reads_every_line(tmp_path: Path) -> None:
    (tmp_path / "all.jsonl").write_bytes(lines([payload(1), claude(2)]))
    options = LoadOptions(source="litellm")
    found = rows(tmp_path, "all.jsonl", sql="SELECT DISTINCT source_format FROM requests", options=options)
    assert found == [("litellm",)]


FILES: dict[str, Callable[[], list[Record]]] = {
    "observations.jsonl": lambda: [observation(1), observation(2)],
    "traces.jsonl": lambda: [trace(1), trace(2)],
    "scores.jsonl": lambda: [score(1)],
}
JOINED = (
    "SELECT r.request_id, r.user_id, r.session_id, r.feature, r.release, s.name, s.rater_kind FROM requests AS r"
    " LEFT JOIN scores AS s USING (request_id) ORDER BY 1"
)


@pytest.mark.parametrize("order", list(itertools.permutations(FILES)))
def test_traces_and_scores_find_their_requests_in_any_order(tmp_path: Path, order: tuple[str, ...]) -> None:
    for name, made in FILES.items():
        (tmp_path / name).write_bytes(lines(made()))
    assert rows(tmp_path, *order, sql=JOINED) == [
        ("obs-1", "ada", "visit-1", "support", "r9", "helpful", "human"),
        ("obs-2", "ada", "visit-1", "support", "r9", None, None),
    ]


def answer(number: int) -> Record:
    """The same answer as payload(number), as the provider gave it: no user, no cost, no times but its second."""
    return {
        "id": f"chatcmpl-{number}", "object": "chat.completion", "created": 1788345600 + number, "model": "gpt-4o-mini",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hi"}}],
        "usage": {"prompt_tokens": 100, "completion_tokens": number, "total_tokens": 100 + number},
    }  # fmt: skip


@pytest.mark.parametrize("order", [("gateway.jsonl", "provider.jsonl"), ("provider.jsonl", "gateway.jsonl")])
def test_a_request_that_two_systems_logged_counts_once_and_the_richer_record_stays(
    tmp_path: Path, order: tuple[str, ...]
) -> None:
    (tmp_path / "gateway.jsonl").write_bytes(lines([payload(1), payload(2)]))
    (tmp_path / "provider.jsonl").write_bytes(lines([answer(2), answer(3)]))
    store = Store(None)
    reports = [load(store, [str(tmp_path / name)], LoadOptions()).files[0] for name in order]
    found = store.execute("SELECT response_id, source_format FROM requests ORDER BY 1")
    store.close()
    assert found == [("chatcmpl-1", "litellm"), ("chatcmpl-2", "litellm"), ("chatcmpl-3", "openai_chat")]
    assert any("1 request stood in another source's log too" in note for note in reports[1].notes)
    for one in reports:
        one.check()


def test_two_requests_answered_out_of_a_cache_are_not_merged(tmp_path: Path) -> None:
    """A gateway's cache gives the same answer, with its id, twice: two requests of one source."""
    (tmp_path / "gateway.jsonl").write_bytes(lines([payload(1), payload(1, litellm_call_id="call-b", cache_hit=True)]))
    assert rows(tmp_path, "gateway.jsonl", sql="SELECT count(*) FROM requests") == [(2,)]


def test_documents_one_after_another_are_records(tmp_path: Path) -> None:
    (tmp_path / "many.json").write_text("\n".join(json.dumps(payload(n), indent=2) for n in (1, 2, 3)))
    assert rows(tmp_path, "many.json", sql=BY_SOURCE) == [("litellm", 3, 300, 6)]


def test_an_array_with_a_comma_too_many_is_read(tmp_path: Path) -> None:
    (tmp_path / "many.json").write_text("[\n" + "".join(json.dumps(payload(n)) + ",\n" for n in (1, 2)) + "]\n")
    assert rows(tmp_path, "many.json", sql=BY_SOURCE) == [("litellm", 2, 200, 3)]


def test_protobuf_of_the_collector_is_refused_with_the_way_out(tmp_path: Path) -> None:
    body = b"\x0a\x20" + bytes(range(32))
    (tmp_path / "traces.json").write_bytes(len(body).to_bytes(4, "big") + body)
    (one,) = load(Store(None), [str(tmp_path / "traces.json")], LoadOptions()).files
    assert one.error is not None
    assert "protobuf" in one.error.message
    assert "format: json" in (one.error.hint or "")


@pytest.mark.parametrize("order", list(itertools.permutations("abc")), ids="".join)
def test_one_answers_id_in_three_sources_is_as_many_requests_as_one_of_them_says(
    tmp_path: Path, order: tuple[str, ...]
) -> None:
    """An answer out of a cache keeps its id: two in a, one in b and c. The loads' counts add up to what is there."""
    (tmp_path / "a").write_bytes(lines([payload(1, id="X"), payload(2, id="X"), payload(3, id="Y")]))
    own = {**claude(1)["message"], "id": "X"}
    (tmp_path / "b").write_bytes(lines([claude(1, message=own), claude(5)]))
    (tmp_path / "c").write_bytes(lines([request(1, response_id="X"), request(4, response_id=None)]))
    sql = "SELECT count(*) FILTER (response_id = 'X'), count(*), (SELECT sum(loaded)::BIGINT FROM loads) FROM requests"
    assert rows(tmp_path, *order, sql=sql) == [(2, 5, 5)]
