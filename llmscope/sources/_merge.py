"""What `_events` does in Python, as SQL: a list of a stream's events becomes the answer in one piece.

Each function takes SQL of a JSON list and gives SQL of JSON; a list that is no stream gives its last item.
"""

from __future__ import annotations

from collections.abc import Callable

from llmscope.sources import literal

Merge = Callable[[str], str]
MAP = literal('"MAP(VARCHAR,JSON)"')
NO_MAP = "CAST(MAP {} AS MAP(VARCHAR, JSON))"
WITHOUT = '{"usage":null,"usageMetadata":null,"usage_metadata":null}'
STREAMED = """CAST('{"stream":true}' AS JSON)"""


def opened(sql: str) -> str:
    """JSON, out of a string that holds it; of a string of server-sent events the list of them."""
    text = f"json_extract_string({sql}, '$')"
    value = "trim(line[6:])"
    lines = f"string_split(replace({text}, chr(13), ''), chr(10))"
    data = f"[{value} FOR line IN {lines} IF starts_with(line, 'data:') AND json_valid({value})]"
    return (
        f"CASE WHEN NOT starts_with(CAST({sql} AS VARCHAR), '\"') THEN {sql}"
        f" WHEN left(ltrim({text}), 1) NOT IN ('{{', '[') AND contains({text}, 'data:')"
        f" THEN try_cast('[' || array_to_string({data}, ',') || ']' AS JSON)"
        f" ELSE try_cast({text} AS JSON) END"
    )


def last_item(events: str) -> str:
    """The last of a list, as it is."""
    return f"json_extract({events}, '$[#-1]')"


def message(events: str) -> str:
    """Anthropic's: the start has the input, the last delta the totals."""
    start = f"json_extract({events}, '$[*].message')[1]"
    stop, text = _last(events, "delta.stop_reason"), _joined(events, "$[*].delta.text")
    body = (
        f"json_object('usage', {message_usage(events)}, 'stop_reason', {stop}, 'stream', true, 'error',"
        f" {_last_json(events, 'error')}, 'content', json_array(json_object('type', 'text', 'text', {text})))"
    )
    return f"CASE WHEN {_is_object(start)} THEN {_patched(start, body)} ELSE {last_item(events)} END"


def message_usage(events: str) -> str:
    """The start's counts, with what the last delta says laid over them."""
    return laid_over(f"json_extract({events}, '$[*].message.usage')[1]", f"json_extract({events}, '$[*].usage')[-1]")


def laid_over(start: str, told: str) -> str:
    """A usage with what was told later over it, but for a zero over a count; without that the output is not known."""
    given, later = f"from_json({start}, {MAP})", f"from_json({told}, {MAP})"
    known = f"[e FOR e IN map_entries({given}) IF e.key <> 'output_tokens' OR {later} IS NOT NULL]"
    fresh = (
        f"[e FOR e IN map_entries({later}) IF CAST(e.value AS VARCHAR) <> 'null'"
        f" AND (CAST(e.value AS VARCHAR) <> '0' OR coalesce(CAST({given}[e.key] AS VARCHAR), '0') IN ('0', 'null'))]"
    )
    both = f"map_concat(map_from_entries({known}), coalesce(map_from_entries({fresh}), {NO_MAP}))"
    return f"to_json({both})"


def completion(events: str) -> str:
    """OpenAI's chunks: the usage on whichever has it last, often one without choices."""
    usage = f"coalesce({_last_json(events, 'usage')}, {_last_json(events, 'x_groq.usage')})"
    finish = _last(events, "choices[0].finish_reason")
    text = _joined(events, "$[*].choices[0].delta.content")
    choice = f"json_object('finish_reason', {finish}, 'message', json_object('content', {text}))"
    body = (
        f"json_object('object', 'chat.completion', 'usage', {usage}, 'choices', json_array({choice}), 'stream', true,"
        f" 'service_tier', {_last(events, 'service_tier')}, 'error', {_last_json(events, 'error')})"
    )
    first = f"json_extract({events}, '$[0]')"
    pieces = f"json_extract_string({events}, '$[0].object') = 'chat.completion.chunk'"
    delta = f"json_extract({events}, '$[0].choices[0].delta') IS NOT NULL"
    return f"CASE WHEN {pieces} OR {delta} THEN {_patched(first, body)} ELSE {last_item(events)} END"


def response(events: str) -> str:
    """The Responses API repeats the whole answer in its last event."""
    whole = _last_json(events, "response")
    merged = f"json_merge_patch({whole}, {STREAMED})"
    return f"CASE WHEN {_is_object(whole)} THEN {merged} ELSE {last_item(events)} END"


def gemini(events: str) -> str:
    """Google's chunks are whole answers each with a piece of the text; the last usage holds."""
    last = last_item(events)
    finish = f"coalesce({_last(events, 'candidates[0].finishReason')}, {_last(events, 'candidates[0].finish_reason')})"
    text = _joined(events, "$[*].candidates[0].content.parts[*].text")
    parts = f"json_object('parts', json_array(json_object('text', {text})))"
    body = (
        f"json_object('candidates', json_array(json_object('finishReason', {finish}, 'content', {parts})),"
        f" 'usageMetadata', {_last_json(events, 'usageMetadata')},"
        f" 'usage_metadata', {_last_json(events, 'usage_metadata')}, 'stream', true)"
    )
    return f"CASE WHEN {_is_object(last)} THEN {_patched(last, body)} END"


def converse(events: str) -> str:
    """Bedrock's: the usage and the latency come last, as metadata."""
    text = _joined(events, "$[*].contentBlockDelta.delta.text")
    output = f"json_object('message', json_object('content', json_array(json_object('text', {text}))))"
    body = (
        f"json_object('usage', {_last_json(events, 'metadata.usage')}, 'metrics',"
        f" {_last_json(events, 'metadata.metrics')}, 'stopReason', {_last(events, 'messageStop.stopReason')},"
        f" 'output', {output}, 'stream', true)"
    )
    known = f"json_extract({events}, '$[*].messageStart')[1] IS NOT NULL"
    return f"CASE WHEN {known} THEN {body} ELSE {last_item(events)} END"


def _is_object(sql: str) -> str:
    return f"starts_with(CAST({sql} AS VARCHAR), '{{')"


def _patched(base: str, body: str) -> str:
    """The body's keys over those of `base`; a merge goes into objects, so the old usage is taken out first."""
    return f"json_merge_patch({base}, CAST({literal(WITHOUT)} AS JSON), {body})"


def _last_json(events: str, path: str) -> str:
    """The last of the containers at a path of each event; NULL when no event has one."""
    found = f"json_extract({events}, {literal('$[*].' + path)})"
    return f"[c FOR c IN {found} IF CAST(c AS VARCHAR) <> 'null'][-1]"


def _last(events: str, path: str) -> str:
    """The last of the texts at a path of each event."""
    found = f"json_extract_string({events}, {literal('$[*].' + path)})"
    return f"[c FOR c IN {found} IF c IS NOT NULL][-1]"


def _joined(events: str, path: str) -> str:
    return f"nullif(array_to_string(json_extract_string({events}, {literal(path)}), ''), '')"
