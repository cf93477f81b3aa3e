"""Real calls with real logged costs: our sums against the published ones, and our prices against the log's.

Run by hand:  python tests/bench/aider_check.py ../shared/data/aider/calls.jsonl

Checks the counts of data/README.md (requests, tokens, logged cost by month and by edit format); that under list
prices `reconcile` names why deepseek-chat and claude-3-5-haiku differ; and that under their dated histories computed
equals logged to 1e-6 USD on every row of theirs but three, whose cached tokens the log does not hold.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import llmscope

MAPS = [
    "model=properties.main_model",
    "feature=properties.edit_format",
    "cost_logged_usd=properties.cost",
    "input_tokens=properties.prompt_tokens",
    "output_tokens=properties.completion_tokens",
    "user_id=user_id",
    "started_at=time:s",
]
HISTORIES = """schema = 1
[models."deepseek/deepseek-chat"]
[[models."deepseek/deepseek-chat".price]]
input = 0.14
output = 0.28
[[models."deepseek/deepseek-chat".price]]
from = 2025-03-24
input = 0.27
output = 1.10
[models."anthropic/claude-3-5-haiku-20241022"]
[[models."anthropic/claude-3-5-haiku-20241022".price]]
input = 1
output = 5
[[models."anthropic/claude-3-5-haiku-20241022".price]]
from = 2025-03-22
input = 0.8
output = 4
"""
TWO = ("deepseek-chat", "claude-3-5-haiku-20241022")
BY_MONTH = {
    "2024-08": 0.2495, "2024-09": None, "2024-10": 0.7604, "2024-11": 25.4207, "2024-12": 31.6657, "2025-01": 7.9022,
    "2025-02": 9.6211, "2025-03": 80.9187, "2025-04": 6.5914,
}  # fmt: skip
BY_FORMAT = {
    "diff": 118.78, "ask": 30.0529, "context": 11.1648, "architect": 0.9454, "str-replace": 0.5297, "whole": 0.4533,
    None: 0.1917,
}  # fmt: skip
DIFFER_SQL = """
SELECT model, request_id, started_at, input_tokens, output_tokens, cost_logged_usd, cost_usd
FROM priced
WHERE request_model IN ('deepseek/deepseek-chat', 'claude-3-5-haiku-20241022') AND cost_logged_usd > 0
    AND abs(cost_logged_usd - cost_usd) > 1e-6
ORDER BY started_at, request_id
"""
COMPARED_SQL = """
SELECT count(*) AS requests
FROM priced
WHERE request_model IN ('deepseek/deepseek-chat', 'claude-3-5-haiku-20241022') AND cost_logged_usd > 0
    AND cost_usd IS NOT NULL
"""
failures = 0


def main(path: str) -> None:
    """Prints every check, and ends 1 when one fails."""
    with llmscope.open(path, map=MAPS) as logs:
        sums(logs)
        reasons(logs)
    with tempfile.TemporaryDirectory() as folder:
        prices = Path(folder) / "prices.toml"
        prices.write_text(HISTORIES)
        with llmscope.open(path, map=MAPS, pricing=str(prices)) as logs:
            histories(logs)
    sys.exit(1 if failures else 0)


def check(what: str, found: Any, expected: Any, within: float = 0) -> None:
    """One line, and a mark where it is not as expected."""
    global failures
    fine = found == expected or (None not in (found, expected) and abs(found - expected) <= within)
    failures += not fine
    print(f"{'ok  ' if fine else 'FAIL'} {what}: {found} (expected {expected})")


def sums(logs: Any) -> None:
    """Counts and logged costs of the published description, rounded there to four places."""
    totals = logs.cost(by="feature").totals
    check("requests", totals["requests"], 4991)
    check("input tokens", totals["input_tokens"], 63_232_331)
    check("output tokens", totals["output_tokens"], 2_529_283)
    check("logged cost", totals["cost_logged_usd"], 163.1296, 5e-5)
    months = {row["month"]: row["cost_logged_usd"] for row in logs.cost(over="month").rows}
    for month, usd in BY_MONTH.items():
        check(f"logged in {month}", months.get(month), usd, 5.1e-5)
    formats = {row["feature"]: row["cost_logged_usd"] for row in logs.cost(by="feature").rows}
    for name, usd in BY_FORMAT.items():
        check(f"logged by {name}", formats.get(name), usd, 5.1e-5 if name != "diff" else 5.1e-3)


def reasons(logs: Any) -> None:
    """What reconcile says under list prices."""
    rows = {row["model"]: row for row in logs.reconcile().rows}
    for model in TWO:
        reason = rows[model]["reason"] or ""
        print(f"     {model}: {reason}")
        check(f"{model} named as another date's price", "another date's" in reason and "no single" not in reason, True)


def histories(logs: Any) -> None:
    """What differs under the dated histories."""
    for row in logs.query(DIFFER_SQL):
        print("     differs:", ", ".join(f"{name} {value}" for name, value in row.items()))
    check("compared", logs.query(COMPARED_SQL)[0]["requests"], 397 + 67)
    check("rows that differ by more than 1e-6 USD", len(logs.query(DIFFER_SQL)), 3)
    for row in logs.reconcile(tolerance=0).rows:
        if row["model"] in TWO:
            names = ("requests", "cost_logged_usd", "cost_usd", "agreeing_ratio", "reason")
            print("    ", row["model"], ", ".join(f"{name} {row[name]}" for name in names))


if __name__ == "__main__":
    main(sys.argv[1])
