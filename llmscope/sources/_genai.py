"""What the attributes of a span mean: which spans are calls to a model, and how a call becomes a request.

Two steps. `described` looks the attributes up by whatever `get` says (a list of pairs, a JSON object, columns of a
table) and gives a span's slots, columns named as in `_genai_names`. `request_fields` reads those slots, and beside them
the columns in SPAN_COLUMNS, which each source of spans fills.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from llmscope.sources import Field, literal, quote
from llmscope.sources._errors import arms, listed
from llmscope.sources._genai_names import BUCKET_COSTS, BUCKETS, CALL, KINDS, OPERATIONS, SPAN, STEPS
from llmscope.sources._reasons import error_class_sql, finish_reason_sql, provider_sql
from llmscope.sources._usage import token_fields

Get = Callable[[str], str]

# What a source of spans tells beside the slots; all text. started_at and ended_at in the source's own unit, code OTLP's
# (2 is an error) or its name, chunk_ms the first piece of a streamed answer after the start by the span's events.
SPAN_COLUMNS = (
    "trace_id", "span_id", "parent_span_id", "name", "started_at", "ended_at", "code", "message", "exception_type",
    "exception_message", "chunk_ms", "service",
)  # fmt: skip

PARAMETERS = (
    "$.temperature", "$.max_tokens", "$.max_completion_tokens", "$.max_output_tokens", "$.maxOutputTokens", "$.stream",
    "$.model", "$.service_tier", "$.maxTokens",
)  # fmt: skip
ANSWER = ("$.id", "$.service_tier")
P, A = quote("_parameters"), quote("_answer")

FAILED = ("2", "status_code_error", "error")
# An SDK's class of exception, and the HTTP status it stands for.
CLASSES: Mapping[str, tuple[str, ...]] = {
    "400": ("badrequesterror",),
    "401": ("authenticationerror",),
    "403": ("permissiondeniederror",),
    "404": ("notfounderror",),
    "409": ("conflicterror",),
    "413": ("requesttoolargeerror",),
    "422": ("unprocessableentityerror",),
    "429": ("ratelimiterror",),
    "500": ("internalservererror",),
    "503": ("serviceunavailableerror",),
    "529": ("overloadederror",),
}


def described(get: Get) -> dict[str, str]:
    """A span's slots, and what follows from them, as SQL for a `prepare`: what only a call has is asked of calls only.

    `is_call` and `has_usage` are what `_leaves` wants; `kind` is the span's.
    """
    slots = {slot: _first(get(name) for name in names) for slot, names in SPAN.items()}
    slots["_buckets"] = f"CASE WHEN starts_with({get(BUCKETS)}, chr(123)) THEN try_cast({get(BUCKETS)} AS JSON) END"
    slots["_b"] = f"map_entries(try_cast({quote('_buckets')} AS MAP(VARCHAR, VARCHAR)))"
    for side in ("input", "output"):
        slots[f"{side}_tokens"] = f"coalesce({slots[f'{side}_tokens']}, {_bucketed(side)})"
    slots["our_operation"] = _operation()
    slots["has_usage"] = "(coalesce(" + ", ".join(map(quote, ("input_tokens", "output_tokens"))) + ") IS NOT NULL)"
    slots["is_call"] = _is_call()
    slots["kind"] = _kind()
    asked = {slot: _first(get(name) for name in names) for slot, names in CALL.items()}
    for part in ("cache_read", "cache_write", "reasoning", "total"):
        asked[f"{part}_tokens"] = f"coalesce({asked[f'{part}_tokens']}, {_bucketed(part)})"
    paid = f"json_extract_string(try_cast({get(BUCKET_COSTS)} AS JSON), '$.total')"
    asked["cost"] = f"coalesce({asked['cost']}, CASE WHEN starts_with({get(BUCKET_COSTS)}, chr(123)) THEN {paid} END)"
    slots |= {slot: f"CASE WHEN {quote('is_call')} THEN {sql} END" for slot, sql in asked.items()}
    # OpenInference keeps the provider's own answer as a text; its id is nowhere else. An embedding's has none.
    answer = get("output.value")
    inside = f"json_extract_string(try_cast({answer} AS JSON), {_paths(ANSWER)})"
    slots["_answer"] = (
        f"CASE WHEN {quote('inference_kind')} = 'LLM' AND {quote('response_id')} IS NULL"
        f" AND starts_with({answer}, chr(123)) THEN {inside} END"
    )
    slots["_parameters"] = (
        f"CASE WHEN starts_with({quote('parameters')}, chr(123))"
        f" THEN json_extract_string(try_cast({quote('parameters')} AS JSON), {_paths(PARAMETERS)}) END"
    )
    # The one thing that tells the model of an OpenInference call that failed, where its parameters do not.
    asks = f"json_extract_string(try_cast({get('input.value')} AS JSON), '$.model')"
    slots["asked_model"] = (
        f"coalesce({P}[7], CASE WHEN {quote('inference_kind')} = 'LLM' AND {quote('request_model')} IS NULL"
        f" AND {quote('response_model')} IS NULL AND starts_with({get('input.value')}, chr(123)) THEN {asks} END)"
    )
    slots["counts"] = _counts(get)
    return slots


def wanted_names() -> list[str]:
    """Every attribute that `described` may ask for."""
    names = [name for slots in (SPAN, CALL) for found in slots.values() for name in found]
    return sorted({*names, "input.value", "output.value", BUCKETS, BUCKET_COSTS})


def staged_slots() -> dict[str, str]:
    """The columns to keep of what `described` prepares: their names, and SQL over it."""
    kept = {slot: quote(slot) for slot in (*SPAN, *CALL, "our_operation", "kind", "is_call", "has_usage", "counts")}
    for slot in (
        "operation_name",
        "inference_kind",
        "step_kind",
        "sdk_operation",
        "parameters",
        "host",
        "our_operation",
        "level",
        "level_message",
    ):
        del kept[slot]
    filled = {
        "temperature": f"{P}[1]", "max_tokens": f"{P}[2], {P}[3], {P}[4], {P}[5], {P}[9]", "stream": f"{P}[6]",
        "request_model": quote("asked_model"), "response_id": f"{A}[1]", "service_tier": f"{A}[2], {P}[8]",
    }  # fmt: skip
    kept |= {slot: f"coalesce({quote(slot)}, {more})" for slot, more in filled.items()}
    kept["operation"] = quote("our_operation")
    model = f"coalesce({quote('response_model')}, {quote('request_model')}, {quote('asked_model')})"
    provider = provider_sql(quote("provider"), model, quote("host"))
    kept["provider"] = f"CASE WHEN {quote('is_call')} THEN {provider} END"
    names = [f"CASE WHEN {quote('is_call')} THEN {quote('sdk_operation')} END"]
    kept["stream"] = f"coalesce({kept['stream']}, {_streamed(names[0])})"
    return kept


def request_fields(unit: str | None) -> tuple[dict[str, str], dict[str, Field]]:
    """The prepare and the fields of a request, over the slots and the columns of SPAN_COLUMNS."""
    prepare, fields = token_fields(
        {
            **{part: quote(f"{part}_tokens") for part in ("input", "output", "total", "cache_read", "cache_write")},
            **{part: quote(f"{part}_tokens") for part in ("reasoning", "audio_input", "image_input")},
            **{part: quote(f"{part}_tokens") for part in ("audio_output", "image_output")},
            "cost": quote("cost"), "tier": quote("service_tier"), "queue_s": quote("queue_s"),
            "inference_s": quote("inference_s"), "names": quote("counts"),
        },
        raw_keys=("input_tokens", "output_tokens"),
    )  # fmt: skip
    fields = {column: Field(f.sql, f.unit, TOKEN_KEYS.get(column, f.keys)) for column, f in fields.items()}
    prepare["_failed"] = failed_sql()
    failed = quote("_failed")
    prepare["_type"] = f"CASE WHEN {failed} THEN {_first(map(quote, ('error_type', 'exception_type')))} END"
    prepare["_message"] = f"CASE WHEN {failed} THEN {_first(map(quote, ('message', 'exception_message')))} END"
    kind, message = quote("_type"), quote("_message")
    prepare["_http"] = f"CASE WHEN {failed} THEN {http_status_sql(kind, message)} ELSE {quote('http_status')} END"
    classed = error_class_sql(quote("_http"), kind, message)
    prepare["_class"] = f"CASE WHEN {failed} THEN coalesce({classed}, 'other') END"
    prepare["_reason"] = first_reason_sql(quote("finish_reason"))
    reason, errors = quote("_reason"), ("code", "error_type", "message", "exception_type", "exception_message")
    plain = (
        "trace_id", "span_id", "parent_span_id", "session_id", "user_id", "feature", "service", "environment",
        "release", "request_model", "response_model", "response_id", "provider", "template", "template_version",
        "max_tokens", "temperature", "stream", "tags", "metadata", "input_text", "output_text",
    )  # fmt: skip
    fields |= {column: Field(quote(column), keys=(column,)) for column in plain}
    fields |= {
        "request_id": Field(request_id_sql(), keys=("span_id",)),
        "operation": Field(quote("operation"), keys=("operation",)),
        "started_at": Field(quote("started_at"), unit, ("started_at",)),
        "ended_at": Field(quote("ended_at"), unit, ("ended_at",)),
        "ttft_ms": Field(ttft_sql(), "ms", ("ttft_s", "ttft_ms", "chunk_ms")),
        "finish_reason": Field(finish_reason_sql(reason), keys=("finish_reason",)),
        "finish_reason_raw": Field(reason, keys=("finish_reason",)),
        "refusal": Field(f"CASE WHEN lower({reason}) = 'refusal' THEN 'true' END", keys=("finish_reason",)),
        "status": Field(
            f"CASE WHEN {quote('_class')} = 'cancelled' THEN 'cancelled' WHEN {failed} THEN 'error'"
            f" WHEN {quote('ended_at')} IS NOT NULL THEN 'ok' END",
            keys=("code", "ended_at"),
        ),
        "error_class": Field(quote("_class"), keys=errors),
        "error_type": Field(kind, keys=errors),
        "error_message": Field(message, keys=errors),
        "http_status": Field(quote("_http"), keys=("http_status", *errors)),
        "input_chars": Field(chars_sql(quote("input_text")), keys=("input_text",)),
        "output_chars": Field(chars_sql(quote("output_text")), keys=("output_text",)),
    }
    return prepare, fields


# A count that was not looked for costs nothing; those that make up another are kept together.
TOKEN_KEYS: Mapping[str, tuple[str, ...]] = {
    "reasoning_tokens": ("reasoning_tokens", "total_tokens"),
    "cache_read_tokens": ("cache_read_tokens",),
    "cache_write_tokens": ("cache_write_tokens",),
    **{f"cache_write_{ttl}_tokens": ("no such attribute",) for ttl in ("5m", "30m", "1h", "12h")},
    **{
        f"{kind}_{side}_tokens": (f"{kind}_{side}_tokens",)
        for kind in ("audio", "image")
        for side in ("input", "output")
    },
    "web_searches": ("no such attribute",),
    "service_tier": ("service_tier",),
    "cost_logged_usd": ("cost",),
    "queue_ms": ("queue_s",),
    "inference_ms": ("inference_s",),
}


def request_id_sql() -> str:
    """A span's own id is unique in its trace only."""
    return f"coalesce(nullif({quote('trace_id')}, '') || '-', '') || {quote('span_id')}"


def failed_sql() -> str:
    """Whether a span failed; an exception noted on the way to an answer is none."""
    return f"(coalesce(lower({quote('code')}) IN {listed(FAILED)}, false) OR {quote('error_type')} IS NOT NULL)"


def http_status_sql(kind: str, message: str) -> str:
    """The status as logged, else as an SDK puts it into its message, else that of its class of exception."""
    said = f"nullif(regexp_extract({message}, 'Error code: (\\d{{3}})', 1), '')"
    name = f"lower(split_part({kind}, '.', -1))"
    return f"coalesce({quote('http_status')}, {said}, CASE {arms(name, CLASSES)} END)"


def first_reason_sql(reasons: str) -> str:
    """The finish reason of the first answer."""
    of_list = f"json_extract_string(try_cast({reasons} AS JSON), '$[0]')"
    return f"CASE WHEN starts_with({reasons}, '[') THEN {of_list} ELSE {reasons} END"


def ttft_sql() -> str:
    """Milliseconds to the first piece of an answer; none where it was not streamed."""
    seconds = f"(try_cast({quote('ttft_s')} AS DOUBLE) * 1000)::VARCHAR"
    found = f"coalesce({seconds}, {quote('ttft_ms')}, {quote('chunk_ms')})"
    return f"CASE WHEN lower({quote('stream')}) = 'false' THEN NULL ELSE {found} END"


def chars_sql(text: str) -> str:
    """The length of a text, and of messages that of their contents; of an API's whole body it is not known."""
    body = f"try_cast({text} AS JSON)"
    parts = [f"json_extract_string({body}, {literal(path)})" for path in ("$[*].parts[*].content", "$[*].content")]
    inside = f"nullif(length(array_to_string(list_concat({', '.join(parts)}), '')), 0)"
    return f"(CASE left({text}, 1) WHEN '[' THEN {inside} WHEN chr(123) THEN NULL ELSE length({text}) END)::VARCHAR"


def _first(texts: Iterable[str]) -> str:
    found = list(texts)
    return found[0] if len(found) == 1 else f"coalesce({', '.join(found)})"


def _paths(paths: Iterable[str]) -> str:
    return "[" + ", ".join(literal(path) for path in paths) + "]"


def _counts(get: Get) -> str:
    """What a span promises of cache: today's conventions count it inside the input, their forerunners may not."""
    names = ("gen_ai.usage.input_tokens", "llm.token_count.prompt", BUCKETS)
    now = " OR ".join(f"{get(name)} IS NOT NULL" for name in names)
    return f"CASE WHEN {quote('is_call')} THEN CASE WHEN {now} THEN 'inclusive' ELSE 'unclear' END END"


# What a bucket counts, by the words of its key `e.key`; and where a provider's own usage has the finer counts.
BUCKET_WORDS: Mapping[str, str] = {
    "input": "regexp_matches(e.key, '^(input|prompt|cache)')",
    "output": "regexp_matches(e.key, '^(output|completion)')",
    "cache_read": "contains(e.key, 'cache') AND NOT regexp_matches(e.key, 'creation|write')",
    "cache_write": "contains(e.key, 'cache') AND regexp_matches(e.key, 'creation|write')",
    "reasoning": "contains(e.key, 'reasoning')",
    "total": "starts_with(e.key, 'total')",
}
FINER: Mapping[str, tuple[str, ...]] = {
    "cache_read": ("$.prompt_tokens_details.cached_tokens", "$.input_tokens_details.cached_tokens"),
    "reasoning": (
        "$.completion_tokens_details.reasoning_tokens", "$.output_tokens_details.reasoning_tokens",
    ),
}  # fmt: skip


def _bucketed(part: str) -> str:
    """What Langfuse's buckets of one kind come to, as text: cache and reasoning are then inside, as everywhere."""
    counts = f"[try_cast(e.value AS UINTEGER)::BIGINT FOR e IN {quote('_b')} IF {BUCKET_WORDS[part]}]"
    summed = f"list_sum({counts})::BIGINT::VARCHAR"
    finer = [f"json_extract_string({quote('_buckets')}, {literal(path)})" for path in FINER.get(part, ())]
    return f"CASE WHEN {quote('_b')} IS NOT NULL THEN {_first([summed, *finer])} END"


def _operation() -> str:
    """Ours, of a span that names a call; NULL where nothing says."""
    word, sdk, kind = f"lower({quote('operation_name')})", quote("sdk_operation"), f"upper({quote('inference_kind')})"
    return (
        f"CASE WHEN {quote('operation_name')} IS NOT NULL THEN CASE {arms(word, OPERATIONS)} END"
        f" WHEN {kind} = 'EMBEDDING' OR {quote('step_kind')} = 'embedding' THEN 'embeddings'"
        f" WHEN {kind} = 'RERANKER' THEN 'rerank'"
        f" WHEN starts_with({sdk}, 'ai.embed') THEN 'embeddings' WHEN starts_with({sdk}, 'ai.rerank') THEN 'rerank'"
        f" WHEN starts_with({sdk}, 'ai.generateImage') THEN 'image'"
        f" WHEN starts_with({sdk}, 'ai.generate') OR starts_with({sdk}, 'ai.stream') THEN 'chat' END"
    )


def _is_call() -> str:
    """Whether a span is a call to a model, so far as it says itself; `_leaves` knows which of them are wrappers."""
    steps = listed(word for words in STEPS.values() for word in words)
    telling = ("response_model", "request_model", "input_tokens", "output_tokens", "error_type")
    some = f"coalesce({', '.join(map(quote, telling))}) IS NOT NULL OR lower({quote('code')}) IN {listed(FAILED)}"
    return (
        f"coalesce(CASE WHEN lower({quote('operation_name')}) IN {steps} THEN false"
        f" WHEN {quote('operation_name')} IS NOT NULL AND {quote('our_operation')} IS NOT NULL THEN true"
        f" WHEN {quote('inference_kind')} IS NOT NULL"
        f" THEN upper({quote('inference_kind')}) IN ('LLM', 'EMBEDDING', 'RERANKER') AND ({some})"
        f" WHEN {quote('step_kind')} IS NOT NULL THEN lower({quote('step_kind')}) IN ('generation', 'embedding')"
        f" ELSE {quote('has_usage')} END, false)"
    )


def _kind() -> str:
    """A span's kind in our words."""
    word = f"lower(coalesce({quote('inference_kind')}, {quote('step_kind')}))"
    return (
        f"CASE WHEN lower({quote('operation_name')}) IS NOT NULL AND NOT {quote('is_call')}"
        f" THEN CASE {arms('lower(' + quote('operation_name') + ')', STEPS)} ELSE 'other' END"
        f" WHEN {quote('is_call')} THEN CASE {quote('our_operation')} WHEN 'embeddings' THEN 'embedding'"
        f" WHEN 'rerank' THEN 'reranker' ELSE 'llm' END"
        f" WHEN {word} IS NOT NULL THEN CASE {arms(word, KINDS)} ELSE 'other' END"
        f" WHEN starts_with({quote('sdk_operation')}, 'ai.toolCall') THEN 'tool'"
        f" WHEN {quote('sdk_operation')} IS NOT NULL THEN 'chain' ELSE 'other' END"
    )


def _streamed(sdk: str) -> str:
    """Whether the SDK's name of the operation, or a first piece's time, says that the answer was streamed."""
    return (
        f"CASE WHEN contains({sdk}, '.doStream') OR {quote('chunk_ms')} IS NOT NULL OR {quote('ttft_ms')} IS NOT NULL"
        f" THEN 'true' WHEN contains({sdk}, '.doGenerate') THEN 'false' END"
    )
