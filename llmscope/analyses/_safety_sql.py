"""The SQL of `safety`: flags of scores, guardrails and providers, added up by day so that days can be clusters."""

from __future__ import annotations

from collections.abc import Sequence

from llmscope.analyses._errors_rows import FAILED, GENERATED, SILENT, TOLD
from llmscope.analyses._scored import ABOUT, EVERY, LOOSE
from llmscope.identifiers import quoted

# A day of a check in each slice. {sliced}: what names a slice; {by_check}: how rows are put into slices and checks.
DAILY = """dated AS (
    SELECT *, cast(date_trunc('day', seen_at) AS DATE) AS on_day FROM flags
), daily AS (
    SELECT {sliced} kind, source, name, rater, on_day,
        count(flagged) AS n,
        count(*) FILTER (WHERE flagged) AS hits,
        count(*) FILTER (WHERE flagged IS NULL) AS untold,
        min(seen_at) FILTER (WHERE flagged) AS first_seen,
        max(seen_at) FILTER (WHERE flagged) AS last_seen
    FROM dated
    GROUP BY {by_check}
), """
# Sums over the days of a slice; «»: what the columns of a check begin with.
SUMS = """count(*) FILTER (WHERE «»n > 0) AS «»days,
        cast(sum(«»n) AS BIGINT) AS «»n,
        cast(sum(«»hits) AS BIGINT) AS «»hits,
        cast(sum(«»untold) AS BIGINT) AS «»untold,
        cast(sum(«»hits * «»hits) AS BIGINT) AS «»hits_squared,
        cast(sum(«»hits * «»n) AS BIGINT) AS «»hits_by_count,
        cast(sum(«»n * «»n) AS BIGINT) AS «»count_squared,
        min(«»first_seen) AS «»first_seen,
        max(«»last_seen) AS «»last_seen"""
SUMMED_NAMES = (
    "days", "n", "hits", "untold", "hits_squared", "hits_by_count", "count_squared", "first_seen", "last_seen",
)  # fmt: skip
# {keys}: the columns that name a slice.
SUMMED = f"""summed AS (
    SELECT {{keys}} kind, source, name, rater,
        {SUMS.replace("«»", "")}
    FROM daily
    GROUP BY ALL
), """
# A row a slice and check, those that are asked for.
ANSWERED = """weighed AS (
    SELECT *, sum(CASE WHEN n >= $least THEN 1 ELSE 0 END) OVER (
        PARTITION BY {partition} kind, source, name, rater
    ) AS looked_at
    FROM summed
)
SELECT * FROM weighed WHERE {kept} ORDER BY {first}hits DESC, n DESC, kind, source, name, rater{limit}
"""
OF_A_CHECK = "kind, source, name, rater, on_day"
UNITED = "\n    UNION ALL\n    "


def together(words: Sequence[str]) -> dict[str, str]:
    """The holes of DAILY and SUMMED for slices of all dimensions together."""
    listed = "".join(f"{quoted(word)}, " for word in words)
    return {
        "sliced": listed, "by_check": "ALL", "by_day": "ALL", "keys": listed, "partition": "",
        "kept": "hits >= $fewest", "first": "", "limit": "",
    }  # fmt: skip


def apart(words: Sequence[str], most: int) -> dict[str, str]:
    """The same for each dimension by itself (its place), and for the whole (''), in one pass over the log.

    Never by all of them together: slices of user, feature and template are nearly as many as requests.

    Of the slices only those with `fewest` flagged are answered, at most `most` in all, the most flagged first.
    """
    names = [quoted(word) for word in words]
    places = " ".join(f"WHEN grouping({name}) = 0 THEN '{i}'" for i, name in enumerate(names))
    value = ", ".join(f"cast({name} AS VARCHAR)" for name in names)
    return {
        "sliced": f"CASE {places} ELSE '' END AS dimension, coalesce({value}) AS value, ",
        "by_check": sets(names, OF_A_CHECK),
        "by_day": sets(names, "on_day"),
        "keys": "dimension, value, ",
        "partition": "dimension, ",
        "kept": "dimension = '' OR hits >= $fewest",
        "first": "CASE WHEN dimension = '' THEN 0 ELSE 1 END, ",
        "limit": f" LIMIT {most}",
    }


def sets(names: Sequence[str], of: str) -> str:
    """GROUP BY each of the columns by itself, and none of them, beside what all are grouped by."""
    return f"GROUPING SETS (({of}), {', '.join(f'({name}, {of})' for name in names)})"


# The examples of each check, the latest first.
LATEST = """placed AS (
    SELECT *, row_number() OVER (
        PARTITION BY kind, source, name, rater ORDER BY seen_at DESC, request_id, trace_id
    ) AS place
    FROM flags WHERE flagged
)
SELECT kind, source, name, rater, request_id, trace_id, user_id, feature, seen_at FROM placed WHERE place <= $most
ORDER BY kind, source, name, rater, place
"""

# The names of scores, with their scale, and the labels they come with.
NAMES_SQL = f"""
SELECT name, count(*) AS scores, count(*) FILTER (WHERE data_type = 'numeric') AS figures, min(value) AS least,
    max(value) AS largest
FROM {EVERY} WHERE data_type <> 'text' GROUP BY name ORDER BY scores DESC, name LIMIT 5000
"""
# {names}: bound. {kind}, {flagged}: see _safety_names.holes.
FLAGS = f"""
WITH {ABOUT}, asked AS (
    SELECT {{dimensions}} request_id, started_at AS asked_at FROM requests
), flags AS (
    SELECT {{words}} {{kind}} AS kind, rated.rater_kind AS source, rated.score AS name, rated.rater AS rater,
        coalesce(asked.asked_at, rated.created_at) AS seen_at, {{flagged}} AS flagged
        {{more}}
    FROM rated LEFT JOIN asked ON rated.about_id = asked.request_id
    WHERE {LOOSE} AND rated.score IN ({{names}})
), """
SCORES_SQL = FLAGS + DAILY + SUMMED + ANSWERED
# What an example says of its request; {{more}} of FLAGS. `asked` then has these columns as well.
MORE = ", rated.about_id AS request_id, rated.named_trace AS trace_id, asked.user_id, asked.feature"
SCORED_SQL = FLAGS.replace("{dimensions}", "user_id, feature,").replace("{words}", "") + LATEST

GUARDRAILS_SQL = """
SELECT name, count(*) AS spans FROM spans WHERE kind = 'guardrail' GROUP BY name ORDER BY spans DESC, name LIMIT 200
"""
# A guardrail stands with the last request of its trace. {said}: what its attributes or its error say, NULL for
# nothing; where some of a name say it, the others that ended well found nothing. {joined}: whether a span counts that
# no request goes with.
GUARDS = """
WITH guards AS (
    SELECT name, trace_id, status, started_at, {said} AS said FROM spans
    WHERE kind = 'guardrail' AND name IN ({names})
), guarded AS (
    SELECT trace_id FROM guards WHERE trace_id IS NOT NULL GROUP BY trace_id
), asked AS (
    SELECT {dimensions} request_id, r.trace_id AS asked_trace, started_at AS asked_at
    FROM requests AS r JOIN guarded ON r.trace_id = guarded.trace_id
), lasts AS (
    SELECT * FROM (
        SELECT *, row_number() OVER (PARTITION BY asked_trace ORDER BY asked_at DESC, request_id DESC) AS place
        FROM asked
    ) AS of_trace WHERE place = 1
), flags AS (
    SELECT {words} {kind} AS kind, 'guardrail' AS source, guards.name AS name, cast(NULL AS VARCHAR) AS rater,
        guards.started_at AS seen_at,
        CASE WHEN said IS NOT NULL THEN said
            WHEN status = 'ok' AND max(CASE WHEN said IS NOT NULL THEN 1 ELSE 0 END) OVER (PARTITION BY guards.name) = 1
            THEN false END AS flagged
        {more}
    FROM guards LEFT JOIN lasts ON guards.trace_id = lasts.asked_trace
    WHERE {joined}
), """
SPANS_SQL = GUARDS + DAILY + SUMMED + ANSWERED
SPAN_MORE = ", request_id, guards.trace_id AS trace_id, user_id, feature"
GUARDED_SQL = GUARDS.replace("{dimensions}", "user_id, feature,").replace("{words}", "") + LATEST

# What the provider did: of the requests of which the log says how they ended.
STOPPED = f"({FAILED} AND coalesce(error_class, '') = 'content_safety')"
HIT = {
    "content_filter": f"({SILENT['content_filter']} OR {STOPPED})",
    "refusal": f"coalesce({SILENT['refused']}, false)",
}
OF = {
    "content_filter": f"({TOLD['content_filter']} OR {STOPPED})",
    "refusal": f"({GENERATED} AND (refusal IS NOT NULL OR finish_reason IS NOT NULL))",
}
LOGGED = {"content_filter": "finish_reason, error_class", "refusal": "refusal"}
COUNTED = """count({check}_flagged) AS {check}_n, count(*) FILTER (WHERE {check}_flagged) AS {check}_hits,
        0 AS {check}_untold, min(started_at) FILTER (WHERE {check}_flagged) AS {check}_first_seen,
        max(started_at) FILTER (WHERE {check}_flagged) AS {check}_last_seen"""
OF_CHECK = """SELECT {{keys}} '{check}' AS kind, 'provider' AS source, '{logged}' AS name,
        cast(NULL AS VARCHAR) AS rater, {sums}
    FROM totals"""
PROVIDER_SQL = (
    """
WITH asked AS (
    SELECT {dimensions} started_at, cast(date_trunc('day', started_at) AS DATE) AS on_day,
        """
    + ",\n        ".join(f"CASE WHEN {OF[check]} THEN {HIT[check]} END AS {check}_flagged" for check in HIT)
    + """
    FROM requests
), provided AS (
    SELECT {sliced} on_day,
        """
    + ",\n        ".join(COUNTED.format(check=check) for check in HIT)
    + """
    FROM asked
    GROUP BY {by_day}
), totals AS (
    SELECT {keys} """
    + ",\n        ".join(SUMS.replace("«»", f"{check}_") for check in HIT)
    + """
    FROM provided
    GROUP BY ALL
), summed AS (
    """
    + UNITED.join(
        OF_CHECK.format(
            check=check, logged=LOGGED[check], sums=", ".join(f"{check}_{name} AS {name}" for name in SUMMED_NAMES)
        )
        for check in HIT
    )
    + """
), """
    + ANSWERED
)
# {hit}, {of}: of one of the two; {check}: its name.
PROVIDED_SQL = (
    """
WITH flags AS (
    SELECT '{check}' AS kind, 'provider' AS source, '{logged}' AS name, cast(NULL AS VARCHAR) AS rater, request_id,
        trace_id, user_id, feature, started_at AS seen_at, {of} AND {hit} AS flagged
    FROM requests
), """
    + LATEST
)
REQUESTS_SQL = """
SELECT count(*) AS requests, count(input_text) AS prompts, count(output_text) AS answers,
    count(*) FILTER (WHERE input_text IS NOT NULL OR output_text IS NOT NULL) AS texts
FROM requests
"""
