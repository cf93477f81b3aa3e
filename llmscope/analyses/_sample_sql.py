"""The SQL of drawing items: seeded by md5 of the request's id, so many of each stratum, with their probability."""

from __future__ import annotations

from llmscope.analyses._errors_rows import FAILED
from llmscope.analyses._scored import ABOUT

# A number of hexadecimal digits that looks drawn by lot: of equal seeds and ids always the same. Read as text, it
# sorts as a number does.
LOT = "md5(concat_ws(chr(31), $seed, 'draw', request_id))"
# Strata up to this size are sorted whole; of larger ones only the rows whose lot is low enough to be drawn.
SORTED_WHOLE = 10_000

# {relation}: requests or priced. {stratum}: text over the dimensions. {priority}: a number, higher is wanted more.
# {scored}: the CTEs that give relation items, and {joined}: how it narrows the requests to those that were scored.
POOL = """
WITH {scored}pool AS (
    SELECT {dimensions} request_id, {stratum} AS key, {priority} AS priority,
        coalesce(sample_weight, 1) AS stands
    FROM {relation} {joined}
    WHERE {eligible}
),
"""
# All together, or a stratum a value; the least are one stratum, so that each has its two rows of the sample. $most: how
# many strata there may be.
BY_KEY = """
keys AS (SELECT key, count(*) AS size FROM pool GROUP BY key),
placed AS (SELECT key, size, row_number() OVER (ORDER BY size DESC, key) AS place, count(*) OVER () AS every FROM keys),
named AS (SELECT key, CASE WHEN every > $most AND place >= $most THEN $others ELSE key END AS stratum FROM placed),
drawn AS (
    SELECT pool.request_id, named.stratum, pool.stands FROM pool JOIN named ON pool.key = named.key
),
sizes AS (SELECT stratum, count(*) AS size, sum(stands) AS stands FROM drawn GROUP BY stratum),
least AS (SELECT stratum, size, least(size, $floor) AS ground FROM sizes),
room AS (
    SELECT sum(size)::BIGINT AS every, least($n, sum(size)::BIGINT) - least($n, sum(ground)::BIGINT) AS more,
        sum(size - ground)::BIGINT AS over_ground
    FROM least
),
portions AS (
    SELECT stratum, size, ground, more,
        coalesce(((size - ground) * more) % nullif(over_ground, 0), 0) AS remainder,
        coalesce(((size - ground) * more - ((size - ground) * more) % nullif(over_ground, 0))
            / nullif(over_ground, 0), 0)::BIGINT AS part
    FROM least, room
),
seats AS (
    SELECT *, more - sum(part) OVER ()::BIGINT AS open_seats,
        row_number() OVER (ORDER BY remainder DESC, stratum) AS turn
    FROM portions
),
strata AS (
    SELECT stratum, size, ground + part + CASE WHEN turn <= open_seats AND remainder > 0 THEN 1 ELSE 0 END AS taken
    FROM seats
)
"""
# The ones wanted most, with all that are wanted as much as the last of them; and the others. Each of both can be drawn.
BY_PRIORITY = """
wanted AS (SELECT priority, row_number() OVER (ORDER BY priority DESC) AS place FROM pool WHERE priority > 0),
bar AS (SELECT min(priority) AS lowest FROM wanted WHERE place <= $first),
drawn AS (
    SELECT request_id, stands,
        CASE WHEN priority > 0 AND priority >= bar.lowest THEN $wanted ELSE $others END AS stratum
    FROM pool, bar
),
sizes AS (SELECT stratum, count(*) AS size, sum(stands) AS stands FROM drawn GROUP BY stratum),
totals AS (SELECT sum(size)::BIGINT AS every FROM sizes),
strata AS (
    SELECT stratum, size,
        least(size, greatest(
            CASE WHEN stratum = $wanted THEN $first ELSE $n - $first END, $n - (every - size)
        )) AS taken
    FROM sizes, totals
)
"""
# Of a thinned log a row stands for as many requests as its weight says, and a stratum for the sum of its weights.
SIZES = """
SELECT strata.stratum, strata.size, strata.taken, sizes.stands
FROM strata JOIN sizes ON strata.stratum = sizes.stratum ORDER BY strata.size DESC, strata.stratum
"""
# {texts}: what else is shown of the request. $cut: a lot that is high enough for all that is drawn.
DRAW = f"""
, lots AS (
    SELECT drawn.request_id, drawn.stratum, strata.size, strata.taken, {LOT.replace("request_id", "drawn.request_id")} AS lot
    FROM drawn JOIN strata ON drawn.stratum = strata.stratum
    WHERE strata.size <= {SORTED_WHOLE} OR {LOT.replace("request_id", "drawn.request_id")} < $cut
),
turns AS (
    SELECT *, row_number() OVER (PARTITION BY stratum ORDER BY lot, request_id) AS turn FROM lots
),
chosen AS (SELECT request_id, stratum, lot, size::DOUBLE / taken AS weight FROM turns WHERE turn <= taken)
SELECT {{dimensions}} requests_of.request_id, requests_of.started_at, {{texts}}
    chosen.stratum, coalesce(requests_of.sample_weight, 1) * chosen.weight AS sample_weight, chosen.lot
FROM {{relation}} AS requests_of JOIN chosen ON requests_of.request_id = chosen.request_id
ORDER BY chosen.lot, requests_of.request_id
"""  # noqa: E501

ERRORS = f"CASE WHEN {FAILED} THEN 1.0 ELSE 0.0 END"
NOT_LISTED = "request_id NOT IN (SELECT request_id FROM listed_ids)"
LABELLED = """request_id NOT IN (
    SELECT request_id FROM all_scores WHERE rater_kind = 'human' AND request_id IS NOT NULL
)"""

# The scores there are, by name: what may be asked of, and on which scales.
NAMES = f"""
WITH {ABOUT}
SELECT score,
    count(*) FILTER (WHERE rater_kind = 'judge') AS judged,
    count(*) FILTER (WHERE rater_kind = 'human') AS labelled,
    min(value) FILTER (WHERE rater_kind = 'judge') AS judge_low,
    max(value) FILTER (WHERE rater_kind = 'judge') AS judge_high,
    min(value) FILTER (WHERE rater_kind = 'human') AS human_low,
    max(value) FILTER (WHERE rater_kind = 'human') AS human_high
FROM rated WHERE about_id IS NOT NULL
GROUP BY score
HAVING count(*) FILTER (WHERE rater_kind = 'judge') > 0
ORDER BY judged DESC, score
LIMIT 50
"""
# {how_far}: one of HOW_FAR. $shift and $scale take the people's figures to the judge's scale.
ITEMS = f"""{ABOUT},
items AS (
    SELECT about_id, {{how_far}} AS how_far FROM rated
    WHERE score = $score AND about_id IS NOT NULL AND rater_kind IN ('judge', 'human')
    GROUP BY about_id
),
"""
JUDGE, HUMAN = "FILTER (WHERE rater_kind = 'judge')", "FILTER (WHERE rater_kind = 'human')"
JUDGES_APART = f"max(value) {JUDGE} - min(value) {JUDGE}"
HOW_FAR = {
    "bar": f"1.0 / (1.0 + abs(avg(value) {JUDGE} - $bar))",
    "spread": f"CASE WHEN count(value) {JUDGE} > 1 THEN {JUDGES_APART} END",
    "apart": f"CASE WHEN count(value) {JUDGE} > 0 AND count(value) {HUMAN} > 0 "
    f"THEN abs(avg(value) {JUDGE} - ($shift + $scale * avg(value) {HUMAN})) "
    f"WHEN count(value) {JUDGE} > 1 THEN {JUDGES_APART} "
    "WHEN count(label) > 1 AND count(value) = 0 THEN CASE WHEN min(label) <> max(label) THEN 1.0 ELSE 0.0 END END",
}
SCORED = "JOIN items ON request_id = items.about_id AND items.how_far IS NOT NULL"
