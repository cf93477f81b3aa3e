"""What do conversations cost, turn by turn, and which cost most?

A row a turn: how many sessions have it, the tokens of its requests, how much its prompt has grown since the turn before
(the median over sessions, where both are of one template), and what it costs. Tables beside it: per_session, by feature
or by the dimensions asked for; dearest, the sessions that cost most (--top of them).

A turn is what is asked once: its retries and fallbacks (attempt above 1) belong to it. Turns are numbered over all that
was asked in a session, answered or not; the figures are of the answered ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from llmscope.analyses import _counted, _slices, _tokens_counted
from llmscope.analyses._tokens_asked import Asked
from llmscope.analyses._tokens_counted import many
from llmscope.analyses._tokens_slices import Slice, shown, sorted_by
from llmscope.result import Column, Coverage, Finding, Part, Result

if TYPE_CHECKING:
    from llmscope.schema import Dimension

Row = dict[str, Any]
# Turns shown one by one; those after are one row.
MOST_TURNS = 20
DEAREST = 10
# Sessions with a turn, for a sentence about it; from what factor on a late turn is dear; a session apart from the mean.
FEWEST, MUCH_DEARER, APART = 30, 1.2, 30

ASKED = "(session_id IS NOT NULL AND operation <> 'embeddings')"
FIRST = "coalesce(attempt, 1) <= 1"
ONCE, APART_SQL = " AND tag IS NOT DISTINCT FROM tags[1]", ", request_id, tag IS DISTINCT FROM tags[1]"
# Requests of one moment are put in an order by what they used, which costs less than by their ids.
TIED = "asked_at, asked, input_tokens, output_tokens, cost_usd"
# {counts}: which requests count; the others number the turns all the same. {once}, {apart}: by tag a request is a row
# a tag, and only its first row begins a turn.
TURNS_SQL = f"""
WITH numbered AS (
    SELECT {{dimensions}} session_id AS of_session, started_at AS asked_at,
        coalesce(template, '(none)') AS of_template, {{counts}} AS counted, input_tokens, output_tokens,
        cast(cost_usd AS DOUBLE) AS cost_usd, price_status = 'unpriced' AS unpriced,
        sum(CASE WHEN {FIRST}{{once}} THEN 1 ELSE 0 END)
            OVER (PARTITION BY session_id ORDER BY started_at, coalesce(attempt, 1), input_tokens, output_tokens,
                priced.cost_usd{{apart}} ROWS UNBOUNDED PRECEDING) AS asked
    FROM priced
    WHERE {ASKED} AND started_at IS NOT NULL
), turns AS (
    SELECT *, greatest(asked, 1) AS of_turn,
        lag(greatest(asked, 1)) OVER (PARTITION BY {{columns}} of_session ORDER BY {TIED})
            AS turn_before,
        lag(of_template) OVER (PARTITION BY {{columns}} of_session ORDER BY {TIED})
            AS template_before,
        lag(input_tokens) OVER (PARTITION BY {{columns}} of_session ORDER BY {TIED})
            AS input_before
    FROM numbered
    WHERE counted
), grown AS (
    SELECT *,
        least(of_turn, {MOST_TURNS + 1}) > least(coalesce(turn_before, 0), {MOST_TURNS + 1}) AS first_of_turn,
        CASE WHEN turn_before = of_turn - 1 AND of_template = template_before THEN input_tokens - input_before END
            AS growth
    FROM turns
)
SELECT {{columns}} least(of_turn, {MOST_TURNS + 1})::BIGINT AS of_turn,
    count(*) FILTER (WHERE first_of_turn) AS sessions,
    count(*) AS requests,
    avg(input_tokens) AS input_mean_tokens,
    avg(output_tokens) AS output_mean_tokens,
    quantile_cont(growth, 0.5) AS growth_p50_tokens,
    count(growth) AS growth_sessions,
    sum(cost_usd) AS cost_usd,
    avg(cost_usd) AS cost_per_request_usd,
    count(*) FILTER (WHERE unpriced) AS unpriced_requests
FROM grown
GROUP BY ALL
"""
# A row a session of each slice, kept while the answer is made. Its cost is exact: equal ones stay equal, however they
# are added up.
KEPT = "kept_sessions"
EACH = f"""
SELECT {{dimensions}} session_id AS of_session, count(*) FILTER (WHERE {{counts}}) AS requests,
    count(*) FILTER (WHERE {FIRST}) AS begun,
    sum(input_tokens) FILTER (WHERE {{counts}}) AS input_tokens,
    sum(output_tokens) FILTER (WHERE {{counts}}) AS output_tokens,
    sum(cost_usd) FILTER (WHERE {{counts}}) AS cost_usd,
    count(*) FILTER (WHERE {{counts}} AND price_status = 'unpriced') AS unpriced,
    min(feature) AS first_feature, max(feature) AS last_feature,
    min(user_id) AS first_user, max(user_id) AS last_user,
    min(started_at) AS first_at, max(started_at) AS last_at
FROM priced
WHERE {ASKED}
GROUP BY ALL
"""
# A session whole, whatever slices it falls into.
WHOLE = f"""
WITH sessions AS (
    SELECT of_session, sum(requests) AS requests, sum(begun) AS begun, sum(input_tokens) AS input_tokens,
        sum(output_tokens) AS output_tokens, cast(sum(cost_usd) AS DOUBLE) AS cost_usd, sum(unpriced) AS unpriced,
        min(first_feature) AS first_feature, max(last_feature) AS last_feature,
        min(first_user) AS first_user, max(last_user) AS last_user,
        min(first_at) AS first_at, max(last_at) AS last_at
    FROM {KEPT}
    GROUP BY of_session
)"""
OF_SLICES = f"""
WITH sessions AS (
    SELECT {{columns}} requests, begun, input_tokens, output_tokens, cast(cost_usd AS DOUBLE) AS cost_usd, unpriced
    FROM {KEPT}
)"""
MEASURED = """
SELECT {columns}
    count(*) AS sessions,
    sum(requests)::BIGINT AS requests,
    sum(requests) / count(*)::DOUBLE AS requests_per_session,
    avg(greatest(begun, 1)) AS turns_per_session,
    quantile_cont(greatest(begun, 1), 0.95) AS turns_p95,
    avg(input_tokens + coalesce(output_tokens, 0)) AS mean_tokens,
    sum(cost_usd) AS cost_usd,
    avg(cost_usd) AS cost_mean_usd,
    quantile_cont(cost_usd, 0.95) AS cost_p95_usd,
    count(cost_usd) AS costed_sessions,
    sum(unpriced)::BIGINT AS unpriced_requests
FROM sessions
WHERE requests > 0
GROUP BY ALL
"""
SESSIONS_SQL, PER_SLICE_SQL = WHOLE + MEASURED, OF_SLICES + MEASURED
DEAREST_SQL = f"""{WHOLE}
SELECT of_session AS session, requests::BIGINT AS requests, greatest(begun, 1)::BIGINT AS turns,
    input_tokens::BIGINT AS input_tokens, output_tokens::BIGINT AS output_tokens, cost_usd,
    unpriced::BIGINT AS unpriced_requests, first_at, last_at,
    CASE WHEN first_feature = last_feature THEN first_feature END AS feature,
    CASE WHEN first_user = last_user THEN first_user END AS user
FROM sessions
WHERE requests > 0
ORDER BY cost_usd DESC NULLS LAST, coalesce(input_tokens, 0) + coalesce(output_tokens, 0) DESC, of_session
LIMIT $most
"""
WITHOUT_SQL = """
SELECT count(*) AS requests,
    count(*) FILTER (WHERE session_id IS NULL) AS alone,
    count(*) FILTER (WHERE session_id IS NOT NULL AND started_at IS NULL) AS timeless,
    count(cost_usd) AS priced,
    count(*) FILTER (WHERE price_status <> 'no_usage') AS ought
FROM priced
WHERE {counts}
"""
MEASURES = (
    Column("turn", "text", "dimension"),
    Column("sessions", "count", "n"),
    Column("requests", "count"),
    Column("input_mean_tokens", "tokens"),
    Column("output_mean_tokens", "tokens"),
    Column("growth_p50_tokens", "tokens"),
    Column("growth_sessions", "count", "n", "growth_p50_tokens", optional=True),
    Column("cost_usd", "usd"),
    Column("cost_per_request_usd", "usd"),
)
UNPRICED = Column("unpriced_requests", "count", optional=True)
PER_SESSION = (
    Column("sessions", "count", "n"),
    Column("requests", "count", optional=True),
    Column("requests_per_session", "rate"),
    Column("turns_per_session", "rate", optional=True),
    Column("turns_p95", "rate", optional=True),
    Column("mean_tokens", "tokens"),
    Column("cost_usd", "usd"),
    Column("cost_mean_usd", "usd"),
    Column("cost_p95_usd", "usd"),
)
OF_SESSION = (
    Column("session", "text", "dimension"),
    Column("feature", "text", optional=True),
    Column("user", "text", optional=True),
    Column("turns", "count"),
    Column("requests", "count", optional=True),
    Column("input_tokens", "tokens"),
    Column("output_tokens", "tokens", optional=True),
    Column("cost_usd", "usd"),
    Column("first_at", "time", "measure"),
    Column("last_at", "time", "measure", optional=True),
)


def answer(asked: Asked) -> Result:
    """The answer to --sessions."""
    include = _counted.included(asked.include)
    every = Slice(asked.logs, (), _tokens_counted.condition(include))
    seen = _tokens_counted.overview(asked.logs, include)
    groups = _slices.grouping(asked.by, asked.over)
    sliced = replace(every, groups=groups or features())
    tagged = any(d.unnests for d in groups)  # a request of two tags is in two slices
    (every if tagged else sliced).keep(KEPT, EACH)
    whole = every.query(SESSIONS_SQL)
    totals = whole[0] if whole and whole[0]["sessions"] else None
    extra = (UNPRICED,) if totals and totals["unpriced_requests"] else ()
    dearest = shown(every.query(DEAREST_SQL, most=asked.top or DEAREST), (*OF_SESSION, *extra))
    if tagged:
        sliced.keep(KEPT, EACH)
    columns = (*_slices.columns_of(groups), *MEASURES, *extra)
    order = sorted_by(asked, columns, "turn")
    rows = turns(replace(every, groups=groups), order) if totals and asked.logs.shows("") else []
    without = every.query(WITHOUT_SQL)[0]
    if asked.over and rows:
        rows = with_empty_buckets(rows, groups, asked.over)
    parts = {
        "per_session": per_session(sliced, extra),
        "dearest": Part((*OF_SESSION, *extra), dearest),
    }
    coverage = Coverage(_tokens_counted.requests_of(seen), without["priced"], ought_to_be_priced=without["ought"])
    return Result(
        "tokens",
        columns,
        shown(rows, columns),
        {c.name: (totals or {}).get(c.name) for c in columns[len(groups) + 1 :]} if totals else None,
        parts={name: part for name, part in parts.items() if part.rows},
        findings=findings(rows, dearest, totals) if not groups else (),
        notes=(*_tokens_counted.notes(seen), *notes(asked, without, totals, groups)),
        coverage=coverage,
    )


def features() -> tuple[Dimension, ...]:
    """What sessions are told apart by where nothing was asked."""
    from llmscope.schema import dimensions

    return dimensions("feature")


def turns(of: Slice, order: str) -> list[Row]:
    """A row a turn (of each slice), in their order, the last row for all turns after the twentieth."""
    tagged = any(d.unnests for d in of.groups)
    rows = of.query(TURNS_SQL, {"once": ONCE if tagged else "", "apart": APART_SQL if tagged else ""})
    for row in rows:
        row["turn"] = f"{row['of_turn']}+" if row["of_turn"] > MOST_TURNS else str(row["of_turn"])
    names = [d.word for d in of.groups]
    rows.sort(key=lambda row: ([(row[w] is None, str(row[w])) for w in names], row["of_turn"]))
    if order == "turn":
        return rows
    return sorted(rows, key=lambda row: sorting(row[order]))


def sorting(value: Any) -> tuple[bool, Any, str]:
    """Largest first, the unknown last."""
    figure = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value is None, -value if figure else 0, "" if figure else str(value)


def with_empty_buckets(rows: Sequence[Row], groups: Sequence[Dimension], over: str) -> list[Row]:
    """With a row for each bucket in which no session was; bucket by bucket."""
    filled = _slices.with_empty_buckets(rows, groups, over, {"sessions": 0, "requests": 0})
    return sorted(filled, key=lambda row: (row[over] is None, str(row[over])))


def per_session(of: Slice, extra: Sequence[Column]) -> Part:
    """By feature, or by what was asked for: how many sessions, and what one takes and costs."""
    columns = (*_slices.columns_of(of.groups), *PER_SESSION, *extra)
    rows = [row for row in of.query(PER_SLICE_SQL) if row["sessions"]]
    return Part(columns, shown(_slices.ordered(rows, of.groups, "cost_usd", None), columns))


def findings(rows: Sequence[Row], dearest: Sequence[Mapping[str, Any]], totals: Row | None) -> tuple[Finding, ...]:
    """How much a turn adds to the prompt, what the later turns cost beside the first, and a session apart."""
    found = []
    known = [row for row in rows if row["sessions"] >= FEWEST and row["of_turn"] <= MOST_TURNS]
    later = [row for row in known if row["growth_sessions"] >= FEWEST and (row["growth_p50_tokens"] or 0) > 0]
    if known and later and known[0]["of_turn"] == 1:
        first, last = known[0], later[-1]
        added = [row["growth_p50_tokens"] for row in later]
        text = (
            f"a turn adds {min(added):,.0f} to {max(added):,.0f} tokens of context "
            f"(medians, turns {later[0]['turn']} to {last['turn']})"
        )
        times = (last["cost_per_request_usd"] or 0) / (first["cost_per_request_usd"] or 1)
        if first["cost_per_request_usd"] and times >= MUCH_DEARER:
            text += f"; a request of turn {last['turn']} costs {times:.1f} times one of turn 1"
        found.append(Finding("sessions", "info", text))
    if totals and dearest and totals["costed_sessions"] >= FEWEST and dearest[0]["cost_usd"]:
        top = dearest[0]
        share, times = top["cost_usd"] / totals["cost_usd"], top["cost_usd"] / totals["cost_mean_usd"]
        if times >= APART:
            text = (
                f"session {top['session']} alone cost {100 * share:.1f} % of all {totals['sessions']:,} sessions: "
                f"{times:,.0f} times the mean, in {many(top['requests'])}"
            )
            found.append(Finding("sessions", "warning", text, (top,)))
    return tuple(found)


def notes(asked: Asked, without: Row, totals: Row | None, groups: Sequence[Dimension]) -> list[str]:
    """The small print of this answer."""
    found = []
    if without["alone"]:
        found.append(
            f"without a session: {without['alone']:,} of {many(without['requests'])}, left out; "
            "--map session_id=KEY if the log has it"
        )
    if not totals:
        return found
    if without["timeless"]:
        found.append(
            f"no time is logged by {many(without['timeless'])} of sessions: they are in no turn; --map started_at=KEY"
        )
    if totals["unpriced_requests"]:
        found.append(
            f"costs are at least so much: no price for {many(totals['unpriced_requests'])}; llmscope pricing unpriced"
        )
    if asked.logs.window.since:
        found.append("a session begun before the window is numbered from its first request in it")
    if groups:
        found.append("a session that falls into several slices is counted in each, with what it has there")
    return [*found, *asked.logs.price_notes()]
