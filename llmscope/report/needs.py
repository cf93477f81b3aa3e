"""What a section may need of a log, and what to say where the log has it not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llmscope.logs import Logs

# A short closed list: each with the reason that stands in a section's place.
NEEDS: dict[str, str] = {
    "requests": "no requests are in this window",
    "before": "no requests are in the window before this one",
    "two-files": "two logs are compared: llmscope report B.jsonl --template pr --against A.jsonl",
    "users": "no request names its user; --map user_id=KEY if one is logged",
    "features": "no request names its feature; --map feature=KEY if one is logged",
    "templates": "no request names its template; --map template=KEY if one is logged",
    "sessions": "no request names its session; --map session_id=KEY if one is logged",
    "latency": "no latency is logged; --map latency_ms=KEY or ended_at=KEY",
    "ttft": "no time to the first token is logged; --map ttft_ms=KEY",
    "usage": "no request reports its tokens; --map input_tokens=KEY, --map output_tokens=KEY",
    "logged-cost": "no request logs what it cost; --map cost_logged_usd=KEY if one is logged",
    "spans": "no spans are logged: only traces have steps",
    "scores": "no scores are logged; llmscope load labels.csv brings them",
    "judge": "no item is scored both by a judge and by people; llmscope sample writes one to label",
    "text": "no prompts or answers are stored; llmscope load --keep-text keeps them",
    "vectors": "no vectors are logged",
    "slo": "no budgets are set; [slo] in llmscope.toml sets them",
    "expectations": "no expectations are set; [tokens] in llmscope.toml sets them",
}
SQL = """
SELECT count(*) AS requests, count(user_id) AS users, count(feature) AS features, count(template) AS templates,
    count(session_id) AS sessions, count(latency_ms) AS latency, count(ttft_ms) AS ttft,
    count(coalesce(input_tokens, output_tokens)) AS usage, count(cost_logged_usd) AS logged_cost,
    count(coalesce(input_text, output_text)) AS text, count(embedding) AS vectors
FROM requests
"""
SPANS_SQL = "SELECT count(*) AS spans FROM spans"
SCORES_SQL = """
SELECT count(*) AS scores, count(*) FILTER (WHERE rater_kind = 'human') AS people,
    count(*) FILTER (WHERE rater_kind = 'judge') AS judges
FROM scores
"""


def lacking(logs: Logs, before: int, files: int) -> dict[str, str]:
    """The needs that are not met, each with its reason. `before`: requests of the window before; `files`: LOGS."""
    held: dict[str, Any] = logs.query(SQL)[0] | logs.query(SPANS_SQL)[0] | logs.query(SCORES_SQL)[0]
    held["logged-cost"] = held["logged_cost"]
    held["judge"] = min(held["people"], held["judges"])
    held |= {"before": before, "two-files": files == 2, "slo": logs.config.slo, "expectations": logs.config.tokens}
    return {need: why for need, why in NEEDS.items() if not held[need]}
