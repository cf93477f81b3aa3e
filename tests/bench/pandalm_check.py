"""The published agreement of PandaLM's annotators and of gpt-3.5-turbo, by the command.

By hand: python tests/bench/pandalm_check.py FOLDER, the folder that holds labels.jsonl. Ends with 1 where a figure is
not the published one: kappas of the three annotators .8520, .8789, .8617; the majority's labels 105, 422, 472;
gpt-3.5-turbo against the majority, Tie and garbage as 0, accuracy .7107 and kappa .4958.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import llmscope

KAPPAS = {("annotator1", "annotator2"): 0.8520, ("annotator1", "annotator3"): 0.8789,
          ("annotator2", "annotator3"): 0.8617}  # fmt: skip
COUNTS = [105, 422, 472]
JUDGE = {"agreement": 0.7107, "kappa": 0.4958}


def main() -> int:
    path = Path(sys.argv[1]) / "labels.jsonl"
    with llmscope.open(str(path)) as logs:
        found: Any = logs.judge_calibrate(judge="gpt-3.5-turbo", equal="Tie=0,garbage=0")
    pairs = {(r["rater"], r["other_rater"]): r for r in found.parts["raters"].rows}
    wrong = 0
    for key, published in KAPPAS.items():
        row = pairs[key]
        print(f"{' and '.join(key)}: kappa {row['kappa']:.4f} [{row['kappa_low']:.4f}, {row['kappa_high']:.4f}]")
        wrong += round(row["kappa"], 4) != published
    counts = [r["items"] for r in found.parts["confusion"].rows]
    print(f"majority: {counts}")
    rows = {r["statistic"]: r for r in found.rows}
    for name, published in JUDGE.items():
        row = rows[name]
        print(f"gpt-3.5-turbo: {name} {row['value']:.4f} [{row['value_low']:.4f}, {row['value_high']:.4f}]")
        wrong += round(row["value"], 4) != published
    return int(bool(wrong) or counts != COUNTS)


if __name__ == "__main__":
    sys.exit(main())
