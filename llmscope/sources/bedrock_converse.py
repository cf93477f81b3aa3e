"""Amazon Bedrock's answers: Converse's own, alone or beside the request, and those of any model in a batch's output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from llmscope.sources import Reading, Sample, quote
from llmscope.sources import _bedrock as body
from llmscope.sources._beside import ASKED
from llmscope.sources._merge import converse
from llmscope.sources._pairs import Raw, raw
from llmscope.sources._raw import Own, finish, place_of

ABOUT = "Amazon Bedrock Converse responses, alone or as request/response pairs, and Bedrock batch output of any model"
RANK = 270
NEEDS = ("usage", "modelInput", "response", "result", "response_body")

ANSWER = {
    "id": "ResponseMetadata.RequestId",
    "date": "ResponseMetadata.HTTPHeaders.date",
    "finish": "stopReason",
    "latency": "metrics.latencyMs",
    "tier": "serviceTier.type",
    "streamed": "stream",
}
QUESTION = {
    "q_model": "modelId",
    "q_max": "inferenceConfig.maxTokens",
    "q_temperature": "inferenceConfig.temperature",
    "q_metadata": "requestMetadata",
    "q_user": "requestMetadata.user_id",
    "q_feature": "requestMetadata.feature",
    "q_tag": "requestMetadata.tag",
}
# The parameters of a batch's request are its model's own.
ASKED_OF_ANY = {
    "q_max": "max_tokens",
    "q_max_2": "inferenceConfig.maxTokens",
    "max": "textGenerationConfig.maxTokenCount",
}
BATCH = ("modelOutput",)
NOTE = "a Bedrock batch's output does not always name its model, and never the time"
SERVER_DATE = "%a, %d %b %Y %H:%M:%S GMT"


def mine(answer: Mapping[str, Any]) -> bool:
    """Converse's usage, with the latency or the answer that only it has beside."""
    usage, metrics, output = (answer.get(key) for key in ("usage", "metrics", "output"))
    timed = isinstance(metrics, Mapping) and "latencyMs" in metrics
    said = "stopReason" in answer and isinstance(output, Mapping) and "message" in output
    return isinstance(usage, Mapping) and "inputTokens" in usage and (timed or said)


def of_batch(record: Mapping[str, Any]) -> bool:
    """A line of a batch's output."""
    return isinstance(record.get("modelInput"), Mapping) and ("modelOutput" in record or "error" in record)


def detect(sample: Sample) -> bool:
    """Most records are Converse's answers or hold one, or are lines of a batch's output."""
    lines = sum(map(of_batch, sample.records))
    return (lines > 0 and 2 * lines >= len(sample.records)) or place_of(sample, mine) is not None


def readings(sample: Sample, mapping: Mapping[str, str]) -> tuple[Reading, ...]:
    """A request an answer."""
    if 2 * sum(map(of_batch, sample.records)) >= len(sample.records) > 0:
        return (batch_reading(sample),)
    place = place_of(sample, mine) or ()
    made = raw(sample, place, ANSWER, {**ASKED, **QUESTION}, converse)
    usage, date, latency = made.json("usage"), made.text("date"), made.text("latency")
    # The date is that of the answer, to the second.
    issued = (
        f"try_strptime({date}, '{SERVER_DATE}') - to_microseconds(coalesce(try_cast({latency} AS BIGINT), 0) * 1000)"
    )
    own = Own(
        usage=usage,
        operation="'chat'",
        answered=f"json_extract({usage}, '$.inputTokens') IS NOT NULL OR {made.text('finish')} IS NOT NULL",
        prompt=made.asked(*body.PROMPTS),
        said=made.lines("output", ".message.content[*].text"),
        provider="'aws.bedrock'",
        started=f"CAST({issued} AS VARCHAR)",
        tier=made.text("tier"),
        latency=latency,
    )
    return (finish(made, sample, own),)


def batch_reading(sample: Sample) -> Reading:
    """The answers have their models' own shapes; InvokeModel's bodies as well as Converse's."""
    made: Raw = raw(sample, BATCH, {}, {**ASKED, **ASKED_OF_ANY})
    body.read_answer(made, quote("_answer"))
    words = made.words
    own = Own(
        usage=body.usage_sql(made),
        operation=body.operation_sql(f"coalesce({words['model']}, '')", words["embedded"]),
        answered=f"{quote('_answer')} IS NOT NULL",
        prompt=made.asked(*body.PROMPTS),
        said=words["said"],
        provider="'aws.bedrock'",
        batch="true",
    )
    reading = finish(made, sample, own, (NOTE,))
    ended = replace(reading.fields["finish_reason"], sql=body.finish_sql(quote("_finish")))
    return replace(reading, fields={**reading.fields, "finish_reason": ended})
