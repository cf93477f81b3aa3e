"""W&B Weave feedback on its own: rows of feedback/query, each of which names the call that it is about."""

from __future__ import annotations

from collections.abc import Mapping

from llmscope.sources import Field, Reading, Sample, require
from llmscope.sources._weave_feedback import SAYS, fields, prepared

ABOUT = "W&B Weave feedback: rows of feedback/query"
RANK = 112
NEEDS = ("feedback_type",)

COLUMNS: Mapping[str, str] = {
    "id": "VARCHAR", "feedback_type": "VARCHAR", "weave_ref": "VARCHAR", "creator": "VARCHAR", "created_at": "VARCHAR",
    "wb_user_id": "VARCHAR", "payload": "JSON",
}  # fmt: skip
CALL = "nullif(regexp_extract(weave_ref, '/call/([^/:]+)', 1), '')"


def detect(sample: Sample) -> bool:
    """Most records are feedback on something of Weave's."""
    mine = sum("feedback_type" in r and "weave_ref" in r and "payload" in r for r in sample.records)
    return 2 * mine >= len(sample.records) > 0


def readings(sample: Sample, mapping: Mapping[str, str]) -> tuple[Reading, ...]:
    """A score a piece of feedback on a call; that on objects and datasets is about no request."""
    require(sample, "Weave feedback", "feedback_type", "weave_ref", "payload")
    made = {"score_id": Field("id", keys=("id",)), "span_id": Field(f"lower({CALL})", keys=("weave_ref",))}
    payload = "CASE WHEN json_type(payload) = 'VARCHAR' THEN try_cast(json_extract_string(payload, '$') AS JSON)" \
              " ELSE payload END"  # fmt: skip
    prepare = {"_payload": payload} | prepared('"_payload"')
    return (
        Reading(
            "scores", COLUMNS, made | fields(), prepare, f"{CALL} IS NOT NULL AND {SAYS}",
            mine="weave_ref IS NOT NULL", aside="about no call",
        ),
    )  # fmt: skip
