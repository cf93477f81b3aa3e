"""Makes the sample logs again, byte for byte: `python sample_logs/generate.py [FOLDER]` (by default this folder)."""

from __future__ import annotations

import sys
from datetime import date, datetime
from itertools import chain
from pathlib import Path
from typing import Any

from generator import asks, files, plan, scores, traces, truth
from generator.calls import Row, attempts

HERE = Path(__file__).parent
LAST_NIGHT = date(2026, 11, 10)


def main(folder: Path) -> None:
    """Writes every log file and README's tables of what is in them."""
    rows, spans = requests_and_spans()
    said = scores.all_scores(rows)
    written = {
        "requests-2026-08.jsonl.gz": [r for r in rows if r["started_at"].month == 8],
        "requests-2026-09.jsonl.gz": [r for r in rows if r["started_at"].month == 9],
        "requests-2026-10.parquet": [r for r in rows if r["started_at"].month == 10],
        "requests-2026-11.jsonl.gz": [r for r in rows if r["started_at"].month == 11 and _before(r)],
        f"nightly-{LAST_NIGHT}.jsonl": [r for r in rows if not _before(r)],
        "spans.jsonl.gz": spans,
        "scores.jsonl.gz": said,
    }
    for name, content in written.items():
        write = files.write_parquet if name.endswith(".parquet") else files.write_jsonl
        write(folder / name, content)
    readme = (HERE / "README.md").read_text()
    counts = {name: len(content) for name, content in written.items()}
    (folder / "README.md").write_text(truth.fill(readme, counts, truth.figures(rows, said)))


def requests_and_spans() -> tuple[list[Row], list[dict[str, Any]]]:
    """Every attempt and every recorded span, in order of time."""
    rows: list[Row] = []
    spans: list[dict[str, Any]] = []
    singles = chain.from_iterable(
        make(d, plan.stream(name, d)) for d in plan.days() for name, make in asks.SINGLE.items()
    )
    wanted = sorted([*singles, *asks.evaluation(), *asks.rogue_loop()], key=lambda a: (a.at, a.trace_id))
    asks.fill_chat_cache(wanted)
    for ask in (a for a in wanted if a.at.date() <= plan.LAST_DAY):
        more, around = _single(ask)
        rows += more
        spans += around
    for day in plan.days():
        for number, steps in enumerate(asks.agent_runs(day, plan.stream("agent", day))):
            more, around = traces.run(steps, plan.stream("run", day, number))
            rows += more
            spans += around
    rows.sort(key=lambda r: (r["started_at"], r["request_id"]))
    spans.sort(key=lambda s: (s["started_at"], s["ended_at"], s["span_id"]))
    return rows, spans


def _single(ask: asks.Ask) -> tuple[list[Row], list[dict[str, Any]]]:
    rng = plan.stream("call", ask.trace_id)
    recorded = ask.template.feature == "search" and rng.random() < traces.TRACED_SEARCHES
    if recorded:
        ask.span_id, ask.parent_span_id = asks.hex_id(rng, 16), asks.hex_id(rng, 16)
    rows = attempts(ask, rng)
    return rows, traces.search_spans(ask, rows, rng) if recorded else []


def _before(row: dict[str, Any]) -> bool:
    started: datetime = row["started_at"]
    return started.date() < LAST_NIGHT


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
