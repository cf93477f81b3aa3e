"""Which request a score is about, as SQL for all questions that join scores to requests.

A score is about the request it names; one that names only a trace (or a step of it that is no request) or a session is
about the whole of it, and stands with the last answer of it: what the person saw.

    put_wholes(logs)
    logs.query(f'''
    WITH {ABOUT}, asked AS (
        SELECT {{dimensions}} request_id FROM requests
    )
    SELECT … FROM rated LEFT JOIN asked ON rated.about_id = asked.request_id WHERE {LOOSE} …
    ''', names={"loose": loose(logs)}, **within(logs))

A score belongs to the window its request belongs to, whenever it was given: `rated` is of all scores of the store, and
an inner join with `requests` (or `priced`) leaves those of the window and of --where. Scores of no known request are
judged by their own time: see `loose`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llmscope.logs import Logs

# Relation `scores` holds those given in the window, and labels often come later, or say no
# time at all.
EVERY = "all_scores"
# Labels that say yes or no in words, where a boolean score has no value.
YES = "('true', 'yes', 'y', 'pass', 'passed', 'ok', 'good', 'up', 'correct', '1')"
NO = "('false', 'no', 'n', 'fail', 'failed', 'bad', 'down', 'incorrect', 'wrong', '0')"
# The figure of a score: its value; of a boolean without one, what its label says. NULL for labels and texts.
FIGURE = (
    f"CASE WHEN data_type = 'boolean' AND value IS NULL THEN CASE WHEN lower(trim(label)) IN {YES} THEN 1.0 "
    f"WHEN lower(trim(label)) IN {NO} THEN 0.0 END WHEN abs(value) < 1e100 THEN value END"
)
# Users are many and give one thumb each: they are one rater; judges, people and programs are each their own.
RATER = "CASE WHEN rater_kind = 'user' THEN NULL ELSE rater END"
# One scale of one rater. Nothing is averaged over two of these.
KEYS = ("score", "data_type", "rater_kind", "rater", "rater_version")

# What is about a trace or a session as a whole stands with its last answer. A table each, made before: in one statement
# with all the rest both would read the requests, and the engine would hold all of them in memory.
LAST = """
SELECT {whole}, request_id FROM (
    SELECT r.{whole}, r.request_id, row_number() OVER (
        PARTITION BY r.{whole}
        ORDER BY CASE WHEN r.status = 'ok' THEN 0 ELSE 1 END, r.started_at DESC, r.request_id DESC
    ) AS place
    FROM all_requests AS r JOIN (
        SELECT {whole} FROM all_scores WHERE {named} AND {whole} IS NOT NULL GROUP BY {whole}
    ) AS t ON r.{whole} = t.{whole}
) AS of_whole WHERE place = 1
"""
WHOLES = {
    "scored_traces": ("trace_id", "request_id IS NULL"),
    "scored_sessions": ("session_id", "request_id IS NULL AND trace_id IS NULL"),
}
# The CTE rated, over the tables that `put_wholes` makes, a row a score: KEYS, and person (who of the users), value
# (FIGURE), label, created_at, score_id, sample_weight, about (request, trace, session, NULL), about_id (a request_id,
# if any).
ABOUT = f"""rated AS (
    SELECT s.score_id, s.name AS score, s.data_type, s.rater_kind, {RATER.replace(" rater ", " s.rater ")} AS rater,
        s.rater_version, s.rater AS person, {FIGURE} AS value, s.label, s.created_at,
        s.sample_weight,
        s.request_id AS named_id, s.trace_id AS named_trace, s.session_id AS named_session,
        CASE WHEN s.request_id IS NOT NULL THEN 'request' WHEN t.request_id IS NOT NULL THEN 'trace'
            WHEN n.request_id IS NOT NULL THEN 'session' END AS about,
        coalesce(s.request_id, t.request_id, n.request_id) AS about_id
    FROM {EVERY} AS s
    LEFT JOIN scored_traces AS t ON s.request_id IS NULL AND s.trace_id = t.trace_id
    LEFT JOIN scored_sessions AS n ON s.request_id IS NULL AND s.trace_id IS NULL AND s.session_id = n.session_id
)"""
# Which scores of no known request count too, for a WHERE after a LEFT JOIN: `asked` is the CTE of the requests.
LOOSE = "(asked.request_id IS NOT NULL OR {loose})"
IN_TIME = (
    "(cast($since AS TIMESTAMP) IS NULL OR rated.created_at >= cast($since AS TIMESTAMP)) AND "
    "(cast($until AS TIMESTAMP) IS NULL OR rated.created_at < cast($until AS TIMESTAMP))"
)
ANY_SQL = "SELECT count(*) AS requests FROM all_requests"


def put_wholes(logs: Logs) -> None:
    """Makes the temporary tables scored_traces and scored_sessions: the last answer of each that a score names."""
    for table, (whole, named) in WHOLES.items():
        logs.keep(table, LAST, names={"whole": whole, "named": named})


def loose(logs: Logs) -> str:
    """The hole of LOOSE: which scores count that meet no request of the window.

    Under --where none, as nothing is known of what they are about. Of a whole store all. Of a window those without
    any request (or all, where the store holds no requests) that were given in it.
    """
    if logs.where:
        return "false"
    if not (logs.window.since or logs.window.until):
        return "true"
    some = logs.query(ANY_SQL)[0]["requests"]
    return f"({IN_TIME} AND rated.about_id IS NULL)" if some else f"({IN_TIME})"


def within(logs: Logs) -> dict[str, Any]:
    """The values of LOOSE: the window; none where its hole names none."""
    timed = not logs.where and bool(logs.window.since or logs.window.until)
    return {"since": logs.window.since, "until": logs.window.until} if timed else {}
