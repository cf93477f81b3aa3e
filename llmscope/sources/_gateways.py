"""What gateways that keep the request and the answer as they passed through have in common. All as SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from llmscope.sources import Field, literal, quote
from llmscope.sources import _bodies as bodies
from llmscope.sources._errors import error_class_sql, status_sql
from llmscope.sources._reasons import finish_reason_sql, refusal_sql

# What a path ends in, or holds, and the operation it calls; the first that fits counts.
PATHS: Mapping[str, str] = {
    "/embeddings": "embeddings", ":embedcontent": "embeddings", ":batchembedcontents": "embeddings",
    "/rerank": "rerank", "/images/": "image", "/audio/": "audio", "generatecontent": "generate_content",
    "/chat/completions": "chat", "/messages": "chat", "/responses": "chat", "/completions": "text_completion",
}  # fmt: skip
ASKED = {**bodies.ASKED, "q_type": ("$._type",)}
SAID = {
    **bodies.SAID,
    "r_kind": ("$.error.code", "$.error.type", "$.error.status"),
    "r_why": ("$.error.message", "$.message"),
}


def body_prepare(request: str, response: str) -> dict[str, str]:
    """The request and the answer read in one go each: `_asked_*` and `_said_*`, and the answer's usage."""
    question, answer = quote("_question"), quote("_answer")
    asked, asked_words = bodies.words(question, ASKED)
    said, said_words = bodies.words(answer, SAID)
    usage = ", ".join(bodies.some(f"json_extract({answer}, {literal(path)})") for path in bodies.USAGE)
    names = {f"_{word}": sql.replace("@", quote("_asked")) for word, sql in asked_words.items()}
    names |= {f"_{word}": sql.replace("@", quote("_said")) for word, sql in said_words.items()}
    return {
        "_question": bodies.opened(quote(request)),
        "_answer": bodies.opened(quote(response)),
        "_asked": asked,
        "_said": said,
        "_body_usage": f"coalesce({usage})",
        "_prompt": bodies.prompt_sql(question),
        "_text": f"CASE WHEN {quote('_r_why')} IS NULL THEN {bodies.answer_sql(answer)} END",
        **names,
    }


def body_fields(request: str, response: str) -> dict[str, Field]:
    """What the bodies alone say."""
    finish, asked, said = quote("_r_finish"), (request,), (response,)
    prompt, text = quote("_prompt"), quote("_text")
    return {
        "response_id": Field(quote("_r_id"), keys=said),
        "finish_reason": Field(finish_reason_sql(finish), keys=said),
        "finish_reason_raw": Field(finish, keys=said),
        "refusal": Field(refusal_sql(finish), keys=said),
        "max_tokens": Field(quote("_q_max"), keys=asked),
        "temperature": Field(quote("_q_temperature"), keys=asked),
        "input_text": Field(prompt, keys=asked),
        "output_text": Field(text, keys=said),
        "input_chars": Field(f"CAST(length({prompt}) AS VARCHAR)", keys=asked),
        "output_chars": Field(f"CAST(length({text}) AS VARCHAR)", keys=said),
        "prompt_hash": Field(f"md5({prompt})", keys=asked),
    }


def outcome_prepare(status: str) -> dict[str, str]:
    """`_http`, an HTTP status among what else a gateway may write there; the error's words, of failures alone."""
    failed = f"left({quote('_http')}, 1) IN ('4', '5')"
    return {
        "_http": f"CASE WHEN try_cast({status} AS INTEGER) BETWEEN 100 AND 599 THEN {status} END",
        "_type": f"CASE WHEN {failed} THEN {quote('_r_kind')} END",
        "_message": f"CASE WHEN {failed} THEN {quote('_r_why')} END",
    }


def outcome(word: str, *keys: str) -> dict[str, Field]:
    """Status and error; `word` is the gateway's own, where it has one."""
    http, kind, message = quote("_http"), quote("_type"), quote("_message")
    return {
        "status": Field(f"coalesce({status_sql(http)}, {status_sql(word)})", keys=keys),
        "http_status": Field(http, keys=keys),
        "error_type": Field(kind, keys=keys),
        "error_message": Field(message, keys=keys),
        "error_class": Field(error_class_sql(http, kind, message), keys=keys),
    }


def operation_sql(place: str) -> str:
    """The operation, by the path of the API that was called."""
    arms = " ".join(
        f"WHEN contains(lower({place}), {literal(part)}) THEN {literal(ours)}" for part, ours in PATHS.items()
    )
    return f"CASE {arms} END"


def host_sql(url: str) -> str:
    """The host of a URL."""
    return f"split_part(split_part({url}, '://', 2), '/', 1)"


def first_of(container: str, keys: Sequence[str]) -> str:
    """The first of these keys that a container of texts has."""
    paths = ", ".join(literal('$."' + key + '"') for key in keys)
    found = f"json_extract_string({container}, [{paths}])"
    return f"list_filter({found}, lambda x: x <> '')[1]"
