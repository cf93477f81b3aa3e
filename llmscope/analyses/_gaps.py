"""Why logged and computed costs differ: every hypothesis is tried on the requests that differ, the best is named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llmscope.schema import Dimension

if TYPE_CHECKING:
    from llmscope.logs import Logs

Row = dict[str, Any]
Key = tuple[Any, ...]

# A logged 0 for a request that costs something, or has no price and used tokens, is unknown and not "free".
# agrees: NULL unless both figures are known.
COMPARED = """
WITH known AS (
    SELECT *,
        cost_logged_usd = 0
            AND coalesce(cost_usd, coalesce(input_tokens, 0) + coalesce(output_tokens, 0)) > 0 AS logged_zero
    FROM priced
), compared AS (
    SELECT *,
        CASE WHEN NOT logged_zero THEN cost_logged_usd END AS logged_usd,
        CASE WHEN NOT logged_zero THEN abs(cost_logged_usd - cast(cost_usd AS DOUBLE)) END AS gap_usd
    FROM known
), judged AS (
    SELECT *, gap_usd <= greatest(1e-6, $tolerance * abs(logged_usd)) AS agrees FROM compared
)"""
SAMPLE = """, differing AS (
    SELECT * FROM judged WHERE NOT agrees AND md5(request_id) < $below
)"""
LARGEST = """, differing AS (
    SELECT * FROM judged WHERE NOT agrees ORDER BY gap_usd DESC, request_id LIMIT $most
)"""
# A hypothesis reproduces a request when it comes within the tolerance and leaves at most a fifth of the gap.
# Of several details of one hypothesis (other dates) the nearest counts.
TRIED = """, tried AS (
    SELECT differing.*, what_if.hypothesis, what_if.detail, what_if.rank AS place,
        CASE WHEN what_if.step_usd IS NULL THEN abs(logged_usd - (
            coalesce(input_tokens, 0) * what_if.input_usd
            + coalesce(output_tokens, 0) * what_if.output_usd
            + coalesce(cache_read_tokens, 0) * what_if.cache_read_usd
            + coalesce(cache_write_tokens, 0) * what_if.cache_write_usd
            + coalesce(cache_write_30m_tokens, 0) * what_if.cache_write_30m_usd
            + coalesce(cache_write_1h_tokens, 0) * what_if.cache_write_1h_usd
            + coalesce(cache_write_12h_tokens, 0) * what_if.cache_write_12h_usd
            + coalesce(audio_input_tokens, 0) * what_if.input_audio_usd
            + coalesce(image_input_tokens, 0) * what_if.input_image_usd
            + coalesce(reasoning_tokens, 0) * what_if.reasoning_usd
            + coalesce(audio_output_tokens, 0) * what_if.output_audio_usd
            + coalesce(image_output_tokens, 0) * what_if.output_image_usd
            + coalesce(web_searches, 0) * what_if.web_search_usd
            + what_if.request_usd
        ))
        WHEN abs(logged_usd / what_if.step_usd - round(logged_usd / what_if.step_usd)) < 1e-6
            AND gap_usd < what_if.step_usd THEN 0
        ELSE gap_usd END AS residual_usd
    FROM differing
    JOIN what_if ON differing.price_id = what_if.price_id
        AND coalesce(input_tokens, 0) > what_if.over AND coalesce(input_tokens, 0) <= what_if.upto
), near AS (
    SELECT *, rank() OVER (PARTITION BY request_id, hypothesis ORDER BY residual_usd, place) AS nearness
    FROM tried
    WHERE residual_usd <= greatest(1e-6, $tolerance * abs(logged_usd)) AND residual_usd <= 0.2 * gap_usd
), reproduced AS (
    SELECT * FROM near WHERE nearness = 1
)"""

KEYS_SQL = (
    COMPARED
    + """
SELECT price_id, provider, model, service_tier, region
FROM judged
WHERE NOT agrees AND price_id IS NOT NULL
GROUP BY ALL
ORDER BY ALL
"""
)
# What a token must have cost, solved from each pair of neighbours without cached tokens; the figures most pairs share.
FITS_SQL = (
    COMPARED
    + SAMPLE
    + """, plain AS (
    SELECT price_id, started_at, request_id,
        cast(input_tokens AS DOUBLE) AS taken, cast(output_tokens AS DOUBLE) AS given, logged_usd * 1e6 AS micro_usd
    FROM differing
    WHERE price_id IS NOT NULL AND coalesce(cache_read_tokens, 0) + coalesce(cache_write_tokens, 0) = 0
), paired AS (
    SELECT *,
        lag(taken) OVER (PARTITION BY price_id ORDER BY started_at, request_id) AS taken_before,
        lag(given) OVER (PARTITION BY price_id ORDER BY started_at, request_id) AS given_before,
        lag(micro_usd) OVER (PARTITION BY price_id ORDER BY started_at, request_id) AS micro_usd_before
    FROM plain
), solved AS (
    SELECT price_id,
        (micro_usd * given_before - micro_usd_before * given)
            / nullif(taken * given_before - taken_before * given, 0) AS input_usd,
        (taken * micro_usd_before - taken_before * micro_usd)
            / nullif(taken * given_before - taken_before * given, 0) AS output_usd
    FROM paired
), rounded AS (
    SELECT price_id, 2 AS places, round(input_usd, 2) AS input_usd, round(output_usd, 2) AS output_usd FROM solved
    UNION ALL
    SELECT price_id, 4 AS places, round(input_usd, 4) AS input_usd, round(output_usd, 4) AS output_usd FROM solved
), counted AS (
    SELECT price_id, places, input_usd, output_usd, count(*) AS pairs
    FROM rounded
    WHERE input_usd > 0 AND output_usd > 0
    GROUP BY ALL
    HAVING count(*) >= 3
), ordered AS (
    SELECT *, row_number() OVER (PARTITION BY price_id, places ORDER BY pairs DESC, input_usd, output_usd) AS place
    FROM counted
)
SELECT price_id, input_usd, output_usd FROM ordered WHERE place <= 3 ORDER BY price_id, place, places
"""
)
REASONS_SQL = (
    COMPARED
    + SAMPLE
    + TRIED
    + """
SELECT {dimensions} hypothesis, detail, min(place) AS place, sum(gap_usd) AS explained_usd
FROM reproduced
GROUP BY ALL
"""
)
REQUESTS_SQL = (
    COMPARED
    + LARGEST
    + TRIED
    + """
SELECT differing.request_id, differing.started_at, differing.model, differing.logged_usd, differing.cost_usd,
    differing.gap_usd, reproduced.hypothesis, reproduced.detail, reproduced.place
FROM differing
LEFT JOIN reproduced ON reproduced.request_id = differing.request_id
ORDER BY differing.gap_usd DESC, differing.request_id, reproduced.place
"""
)
# Hypotheses are tried on at most about this many requests, drawn by a hash of their id.
MOST_TRIED = 200_000
EVERY = "g"  # sorts after every hexadecimal digit
ENOUGH, WORTH_SAYING, ALIKE = 0.8, 0.2, 0.02
NONE_FOUND = "no single reason found"


@dataclass(frozen=True, slots=True)
class Reason:
    """The likeliest reason of a gap, in words, and the share of the gap it explains; None where none explains it."""

    text: str
    explained_ratio: float | None = None


@dataclass(frozen=True, slots=True)
class Explained:
    """How much of a gap one hypothesis explains."""

    hypothesis: str
    detail: str
    place: int
    usd: float


def below(differing: int) -> str:
    """What the md5 of a request's id must sort before, for it to be in the sample."""
    return EVERY if differing <= MOST_TRIED else f"{int(MOST_TRIED / differing * 16**8):08x}"


def explain(
    logs: Logs, by: Sequence[Dimension], gaps: Mapping[Key, float], sample: str, tolerance: float, most: int
) -> tuple[dict[Key, Reason], list[Row]]:
    """The reason of each slice that has a gap (`gaps`: its size in the sample), and the requests that differ most."""
    put_hypotheses(logs, sample, tolerance)
    tried = logs.query(REASONS_SQL, by=by, tolerance=tolerance, below=sample)
    slices: dict[Key, list[Row]] = {}
    for row in tried:
        slices.setdefault(tuple(row[d.word] for d in by), []).append(row)
    found = {key: reason_of(together(slices.get(key, ())), gap) for key, gap in gaps.items()}
    return found, largest(logs, most, together(tried), tolerance)


def put_hypotheses(logs: Logs, sample: str, tolerance: float) -> None:
    """Makes the temporary table `what_if` for the prices at which something differs."""
    keys = logs.query(KEYS_SQL, tolerance=tolerance)
    fits: dict[str, list[tuple[float, float]]] = {}
    for row in logs.query(FITS_SQL, tolerance=tolerance, below=sample):
        fits.setdefault(row["price_id"], []).append((row["input_usd"], row["output_usd"]))
    names = ("price_id", "provider", "model", "service_tier", "region")
    logs.put_what_if([tuple(row[name] for name in names) for row in keys], fits)


def together(rows: Iterable[Row]) -> list[Explained]:
    """Each hypothesis once, with the detail that explains most of what it does."""
    found: dict[str, Explained] = {}
    for row in sorted(rows, key=lambda r: (-r["explained_usd"], r["place"], r["detail"])):
        one = found.get(row["hypothesis"])
        usd = row["explained_usd"] + (one.usd if one else 0.0)
        detail, place = (one.detail, one.place) if one else (row["detail"], row["place"])
        found[row["hypothesis"]] = Explained(row["hypothesis"], detail, place, usd)
    return list(found.values())


def reason_of(tried: Sequence[Explained], gap_usd: float) -> Reason:
    """The hypothesis that explains most; of those that explain about as much, the most plausible."""
    if not tried or not gap_usd:
        return Reason(NONE_FOUND)
    most = max(one.usd for one in tried)
    best = min((one for one in tried if one.usd >= most - ALIKE * gap_usd), key=lambda one: (one.place, one.hypothesis))
    share = min(1.0, best.usd / gap_usd)
    says = f"{worded(best.hypothesis, best.detail)} (explains {int(100 * share + 1e-6)} %)"
    if share >= ENOUGH:
        return Reason(says, share)
    return Reason(f"{NONE_FOUND}; the most: {says}" if share >= WORTH_SAYING else NONE_FOUND)


def worded(hypothesis: str, detail: str) -> str:
    return f"{hypothesis}: {detail}" if detail else hypothesis


def largest(logs: Logs, most: int, likely: Sequence[Explained], tolerance: float) -> list[Row]:
    """The requests that differ most, each with the reason that reproduces it; the likeliest overall goes first."""
    most_usd = max((one.usd for one in likely), default=0.0) or 1.0
    overall = {one.hypothesis: round(one.usd / most_usd, 2) for one in likely}
    found: dict[str, list[Row]] = {}
    for row in logs.query(REQUESTS_SQL, tolerance=tolerance, most=most):
        found.setdefault(row["request_id"], []).append(row)
    likeliest = (
        min(rows, key=lambda r: (-overall.get(r["hypothesis"], 0.0), r["place"] or 0)) for rows in found.values()
    )
    return [
        {**row, "reason": worded(row["hypothesis"], row["detail"]) if row["hypothesis"] else NONE_FOUND}
        for row in likeliest
    ]
