"""What moved the bill: the cost of each feature, model, user and template in two windows, in one scan.

And what the two windows, those of `logs.pair`, add up to. A window before of another length is taken to the length of
the later one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from llmscope.analyses import _counted, _movers_shared
from llmscope.analyses._drift_words import digits
from llmscope.analyses._errors_rows import FAILED, JUDGED
from llmscope.result import Column, Finding, Result, Window

if TYPE_CHECKING:
    from llmscope.logs import Logs

Row = dict[str, Any]
WORDS = {"feature": "feature", "model": "model", "user_id": "user", "template": "template"}
# {chosen}: one of cost's own ways to choose between the computed and the logged cost. {side}: before or after.
SIDED = """WITH sided AS (
    SELECT *, {chosen} AS chosen_usd,
        {side} AS side
    FROM priced
)"""
SIDE = """CASE WHEN started_at >= $after_since AND started_at < $after_until THEN 'after'
            WHEN started_at >= $before_since AND started_at < $before_until THEN 'before' END"""
# Of a log without times there is one window.
ONE_SIDE = "'after'"
TOTALS_SQL = (
    SIDED
    + """
SELECT side,
    count(*) AS requests,
    sum(chosen_usd) AS cost_usd,
    count(*) FILTER (WHERE {unpriced}) AS unpriced_requests,
    count(*) FILTER (WHERE {judged}) AS judged_requests,
    count(*) FILTER (WHERE {failed}) AS failed_requests,
    avg(input_tokens) FILTER (WHERE {counts}) AS input_tokens,
    avg(output_tokens) FILTER (WHERE {counts}) AS output_tokens
FROM sided
WHERE side IS NOT NULL
GROUP BY side
"""
)
MOVERS_SQL = (
    SIDED
    + """, summed AS (
    SELECT CASE WHEN grouping(feature) = 0 THEN 'feature' WHEN grouping(model) = 0 THEN 'model'
            WHEN grouping(user_id) = 0 THEN 'user_id' ELSE 'template' END AS of_what,
        CASE WHEN grouping(feature) = 0 THEN feature WHEN grouping(model) = 0 THEN model
            WHEN grouping(user_id) = 0 THEN user_id ELSE template END AS named,
        sum(chosen_usd) FILTER (WHERE side = 'before') AS before_usd,
        sum(chosen_usd) FILTER (WHERE side = 'after') AS after_usd,
        count(*) FILTER (WHERE side = 'before') AS before_requests,
        count(*) FILTER (WHERE side = 'after') AS after_requests
    FROM sided
    WHERE side IS NOT NULL
    GROUP BY GROUPING SETS ((feature), (model), (user_id), (template))
), moved AS (
    SELECT *, coalesce(after_usd, 0) - $scale * coalesce(before_usd, 0) AS change_usd,
        count(named) OVER (PARTITION BY of_what) AS names
    FROM summed
    WHERE before_usd IS NOT NULL OR after_usd IS NOT NULL
), placed AS (
    SELECT *, row_number() OVER (PARTITION BY of_what ORDER BY abs(change_usd) DESC, named) AS place FROM moved
)
SELECT of_what, named, before_usd, after_usd, change_usd, before_requests, after_requests, place
FROM placed
WHERE names > 0 AND place <= $most
ORDER BY abs(change_usd) DESC, of_what, named
"""
)
COLUMNS = (
    Column("dimension", "text", "dimension"),
    Column("name", "text", "dimension"),
    Column("change_usd", "usd"),
    Column("before_usd", "usd"),
    Column("after_usd", "usd"),
    Column("relative_change_ratio", "ratio"),
    Column("before_requests", "count", "n"),
    Column("after_requests", "count", "n"),
)
MOVERS_SHARED_SQL = SIDED + _movers_shared.SHARED_SQL
MOST_EACH, MOST_SAID, MOST_SAID_EACH = 10, 6, 2
# Part of the larger bill from which a change is worth a sentence; lengths of windows that are taken for equal.
WORTH_SAYING, ALIKE = 0.05, 0.12


def ends_of(windows: tuple[Window, Window]) -> dict[str, Any]:
    """The two windows' ends, to be bound."""
    before, after = windows
    return {"before_since": before.since, "before_until": before.until,
            "after_since": after.since, "after_until": after.until}  # fmt: skip


def both(windows: tuple[Window, Window]) -> Window:
    """From the beginning of the earlier window to the end of the later."""
    return Window(windows[0].since, windows[1].until, windows[1].tz)


def totals(logs: Logs, windows: tuple[Window, Window], chosen: str, unpriced: str) -> Mapping[str, Row]:
    """By side, what both windows add up to."""
    counts = _counted.condition((), ("failed", "cached", "embeddings"))
    timed = windows[0].since is not None
    side = SIDE if timed else ONE_SIDE
    names = {"side": side, "chosen": chosen, "unpriced": unpriced, "judged": JUDGED, "failed": FAILED, "counts": counts}
    window, ends = (both(windows), ends_of(windows)) if timed else (None, {})
    rows = logs.query(TOTALS_SQL, names=names, window=window, **ends)
    return {row["side"]: row for row in rows}


def scale_of(windows: tuple[Window, Window]) -> float:
    """By what the window before is multiplied to be as long as the later; months count as equally long."""
    before, after = (w.until - w.since if w.until and w.since else timedelta(1) for w in windows)
    times = after / before
    return 1.0 if abs(times - 1) <= ALIKE else times


def movers(logs: Logs, windows: tuple[Window, Window], chosen: str, worth: float) -> Result:
    """The changes of cost that are largest in dollars; `worth`: the larger of the two bills, at equal length."""
    scale = scale_of(windows)
    names, bound = {"side": SIDE, "chosen": chosen}, {**ends_of(windows), "scale": scale}
    found = logs.query(MOVERS_SQL, names=names, window=both(windows), **bound, most=MOST_EACH)
    rows = tuple(row_of(row, scale) for row in found)
    large = worth_saying(rows, worth)
    cells: list[Row] = []
    if len(large) > 1:
        columns = {word: column for column, word in WORDS.items()}
        flags, values = _movers_shared.holes([columns[r["dimension"]] for r in large], [r["name"] for r in large])
        cells = logs.query(MOVERS_SHARED_SQL, names={**names, **flags}, window=both(windows), **bound, **values)
    stories = _movers_shared.together(large, cells)
    said = tuple(Finding("mover", "info", sentence(story), tuple(story)) for story in stories[:MOST_SAID])
    notes = ["change_usd is this window's cost less that of the window before; groups overlap, and so do their changes"]
    if scale != 1.0:
        notes.append(f"the window before is of another length: its cost is multiplied by {digits(scale)}")
    return Result("movers", COLUMNS, rows, findings=said, notes=tuple(notes))


def row_of(row: Row, scale: float) -> Row:
    """One slice's cells; the window before at the length of the later one."""
    before = None if row["before_usd"] is None else float(row["before_usd"]) * scale
    after = None if row["after_usd"] is None else float(row["after_usd"])
    change = float(row["change_usd"])
    return {"dimension": WORDS[row["of_what"]], "name": row["named"], "before_usd": before, "after_usd": after,
            "change_usd": change, "relative_change_ratio": change / before if before else None,
            "before_requests": row["before_requests"], "after_requests": row["after_requests"]}  # fmt: skip


def worth_saying(rows: Sequence[Row], worth: float) -> list[Row]:
    """The largest movers, a few of each kind."""
    told: dict[str, int] = {}
    kept = []
    for row in rows:
        told[row["dimension"]] = told.get(row["dimension"], 0) + 1
        if abs(row["change_usd"]) >= WORTH_SAYING * worth and told[row["dimension"]] <= MOST_SAID_EACH:
            kept.append(row)
    return kept


def sentence(story: Sequence[Mapping[str, Any]]) -> str:
    """`feature agent cost $18.47 more: …; the same money: user user-23 cost $17.80 more ($18.60 in …)`."""
    first, *others = story
    same = ", ".join(f"{moved(row)} ({now_and_before(row)})" for row in others)
    return f"{moved(first)}: {now_and_before(first)} the window before" + (f"; the same money: {same}" if same else "")


def moved(row: Mapping[str, Any]) -> str:
    """`user user-23 cost $17.80 more`."""
    name = "without a name" if row["name"] is None else row["name"]
    more = "more" if row["change_usd"] > 0 else "less"
    return f"{row['dimension']} {name} cost {dollars(abs(row['change_usd']))} {more}"


def now_and_before(row: Mapping[str, Any]) -> str:
    """`$18.60 in 1,089 requests, $0.80 in 120`."""
    before, after = (dollars(row[f"{side}_usd"]) for side in ("before", "after"))
    return f"{after} in {row['after_requests']:,} requests, {before} in {row['before_requests']:,}"


def dollars(value: float | None) -> str:
    return "nothing" if not value else f"${value:,.2f}" if value >= 1 else f"${digits(value)}"
