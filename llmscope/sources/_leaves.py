"""Which spans are requests: a call whose tokens a call below it reports too is a wrapper, not a second request.

Frameworks, gateways and SDKs each write a span round the same call, and the outer ones repeat the usage of the inner.
A call below a tool is made on the way to an answer, and is no part of the call above the tool. A source that has spans
makes them a CTE with the columns

    trace_id, span_id, parent_span_id   VARCHAR; trace_id '' where there are no traces
    is_call, has_usage                  BOOLEAN, never NULL
    operation                           VARCHAR, ours (chat, embeddings, rerank, ...) or NULL

(and any others), and asks for the wrappers among them:

    WITH RECURSIVE spans AS MATERIALIZED (...), {leaf_ctes("spans")}
    SELECT spans.*, is_call AND wrapper.span_id IS NULL AS is_leaf
    FROM spans LEFT JOIN leaf_wrappers AS wrapper USING (trace_id, span_id)

`leaf_wrappers` holds each wrapper's (trace_id, span_id) once, so the join adds no row; a span that was delivered twice
may stand in `spans` twice. The text has no braces, so it can stand in an Unfolding's SQL as it is.
"""

from __future__ import annotations

# A wrapper stands near what it wraps. Also what ends the walk where parents form a circle.
LEVELS = 100

# Calls of one kind repeat each other's usage; an embedding made on the way to an answer is no part of it.
OWN_KINDS = ("embeddings", "rerank", "image", "audio")

CTES = """
leaf_calls AS MATERIALIZED (
    SELECT trace_id, span_id, any_value(parent_span_id) AS parent_span_id, bool_or(has_usage) AS has_usage,
           any_value(CASE WHEN operation IN {own_kinds} THEN operation ELSE 'answer' END) AS kind
    FROM {spans} WHERE is_call GROUP BY trace_id, span_id
),
-- Only what has something below it can be above anything.
leaf_above AS MATERIALIZED (
    SELECT s.trace_id, s.span_id, any_value(s.parent_span_id) AS parent_span_id, bool_or(s.is_call) AS is_call
    FROM {spans} AS s
    SEMI JOIN {spans} AS below ON below.trace_id = s.trace_id AND below.parent_span_id = s.span_id
    WHERE NOT coalesce({between}, false)
    GROUP BY s.trace_id, s.span_id
),
-- From every call upwards; `call` is where the walk began, at `level` 0.
leaf_walk AS (
    SELECT trace_id, span_id AS call, parent_span_id AS span_id, has_usage, kind, 1 AS level FROM leaf_calls
    UNION ALL
    SELECT w.trace_id, w.call, a.parent_span_id, w.has_usage, w.kind, w.level + 1
    FROM leaf_walk AS w
    JOIN leaf_above AS a ON a.trace_id = w.trace_id AND a.span_id = w.span_id
    WHERE a.parent_span_id IS NOT NULL AND w.span_id <> w.call AND w.level < {levels}
),
-- A call without usage repeats whatever call it is above: two spans of one failure are one failure.
leaf_wrappers AS MATERIALIZED (
    SELECT DISTINCT c.trace_id, c.span_id
    FROM leaf_walk AS w
    JOIN leaf_calls AS c ON c.trace_id = w.trace_id AND c.span_id = w.span_id AND c.kind = w.kind
    WHERE w.call <> c.span_id AND (w.has_usage OR NOT c.has_usage)
)
"""


def leaf_ctes(spans: str, between: str = "false") -> str:
    """The CTEs, to follow `WITH RECURSIVE` and that of the spans, whose name is given; the last is leaf_wrappers.

    between: a predicate over a span `s` that holds where the calls below are not those of the calls above.
    """
    own = "(" + ", ".join(f"'{kind}'" for kind in OWN_KINDS) + ")"
    return CTES.format(spans=spans, own_kinds=own, levels=LEVELS, between=between).strip()
