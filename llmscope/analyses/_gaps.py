"""Why logged and computed costs differ: every hypothesis is tried on the requests that differ, the best is named."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llmscope.identifiers import quoted
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
# The requests that differ, or a sample of them, kept for the statements below. Names that a dimension may have too
# are others here.
KEPT = "kept_differing"
DIFFERING = (
    COMPARED
    + """
SELECT {dimensions} request_id AS of_request, started_at AS asked_at, model AS of_model, provider AS of_provider,
    service_tier AS of_tier, region AS of_region, price_id AS of_price, logged_usd, cost_usd AS computed_usd, gap_usd,
    coalesce(input_tokens, 0) AS taken, coalesce(output_tokens, 0) AS given, coalesce(reasoning_tokens, 0) AS reasoned,
    coalesce(cache_read_tokens, 0) AS cache_read, coalesce(cache_write_tokens, 0) AS cache_write,
    coalesce(cache_write_30m_tokens, 0) AS cache_write_30m, coalesce(cache_write_1h_tokens, 0) AS cache_write_1h,
    coalesce(cache_write_12h_tokens, 0) AS cache_write_12h,
    coalesce(audio_input_tokens, 0) AS input_audio, coalesce(image_input_tokens, 0) AS input_image,
    coalesce(audio_output_tokens, 0) AS output_audio, coalesce(image_output_tokens, 0) AS output_image,
    coalesce(web_searches, 0) AS web_search
FROM judged
WHERE NOT agrees AND {drawn}
"""
)
ALL_DRAWN, BY_HASH, BY_SIZE = "true", "md5(request_id) < $below", "true ORDER BY gap_usd DESC, request_id LIMIT $most"
SAMPLED = f"""
WITH differing AS (
    SELECT * FROM {KEPT}
)"""
LARGEST = f"""
WITH differing AS (
    SELECT * FROM {KEPT} ORDER BY gap_usd DESC, of_request LIMIT $most
)"""
# A hypothesis reproduces a request when it comes within the tolerance and leaves at most a fifth of the gap.
# Of several details of one hypothesis (other dates) the nearest counts.
TRIED = """, tried AS (
    SELECT differing.*, what_if.hypothesis, what_if.detail, what_if.rank AS place,
        CASE WHEN what_if.step_usd IS NULL THEN abs(logged_usd - (
            taken * what_if.input_usd
            + given * what_if.output_usd
            + cache_read * what_if.cache_read_usd
            + cache_write * what_if.cache_write_usd
            + cache_write_30m * what_if.cache_write_30m_usd
            + cache_write_1h * what_if.cache_write_1h_usd
            + cache_write_12h * what_if.cache_write_12h_usd
            + input_audio * what_if.input_audio_usd
            + input_image * what_if.input_image_usd
            + reasoned * what_if.reasoning_usd
            + output_audio * what_if.output_audio_usd
            + output_image * what_if.output_image_usd
            + web_search * what_if.web_search_usd
            + what_if.request_usd
        ))
        WHEN abs(logged_usd / what_if.step_usd - round(logged_usd / what_if.step_usd)) < 1e-6
            AND gap_usd < what_if.step_usd THEN 0
        ELSE gap_usd END AS residual_usd
    FROM differing
    JOIN what_if ON differing.of_price = what_if.price_id AND taken > what_if.over AND taken <= what_if.upto
), near AS (
    SELECT *, rank() OVER (PARTITION BY of_request, hypothesis ORDER BY residual_usd, place) AS nearness
    FROM tried
    WHERE residual_usd <= greatest(1e-6, $tolerance * abs(logged_usd)) AND residual_usd <= 0.2 * gap_usd
), reproduced AS (
    SELECT * FROM near WHERE nearness = 1
)"""

KEYS_SQL = f"""
SELECT of_price, of_provider, of_model, of_tier, of_region
FROM {KEPT}
WHERE of_price IS NOT NULL
GROUP BY ALL
ORDER BY ALL
"""
# What a token must have cost, solved from each pair of neighbours without cached tokens; the figures most pairs share.
FITS_SQL = f"""
WITH plain AS (
    SELECT of_price, asked_at, of_request,
        cast(taken AS DOUBLE) AS taken, cast(given AS DOUBLE) AS given, logged_usd * 1e6 AS micro_usd
    FROM {KEPT}
    WHERE of_price IS NOT NULL AND cache_read + cache_write = 0
), paired AS (
    SELECT *,
        lag(taken) OVER (PARTITION BY of_price ORDER BY asked_at, of_request) AS taken_before,
        lag(given) OVER (PARTITION BY of_price ORDER BY asked_at, of_request) AS given_before,
        lag(micro_usd) OVER (PARTITION BY of_price ORDER BY asked_at, of_request) AS micro_usd_before
    FROM plain
), solved AS (
    SELECT of_price,
        (micro_usd * given_before - micro_usd_before * given)
            / nullif(taken * given_before - taken_before * given, 0) AS input_usd,
        (taken * micro_usd_before - taken_before * micro_usd)
            / nullif(taken * given_before - taken_before * given, 0) AS output_usd
    FROM paired
), rounded AS (
    SELECT of_price, 2 AS places, round(input_usd, 2) AS input_usd, round(output_usd, 2) AS output_usd FROM solved
    UNION ALL
    SELECT of_price, 4 AS places, round(input_usd, 4) AS input_usd, round(output_usd, 4) AS output_usd FROM solved
), counted AS (
    SELECT of_price, places, input_usd, output_usd, count(*) AS pairs
    FROM rounded
    WHERE input_usd > 0 AND output_usd > 0
    GROUP BY ALL
    HAVING count(*) >= 3
), ordered AS (
    SELECT *, row_number() OVER (PARTITION BY of_price, places ORDER BY pairs DESC, input_usd, output_usd) AS place
    FROM counted
)
SELECT of_price, input_usd, output_usd FROM ordered WHERE place <= 3 ORDER BY of_price, place, places
"""
GAPS_SQL = f"""
SELECT {{columns}} sum(gap_usd) AS gap_usd
FROM {KEPT}
GROUP BY ALL
"""
REASONS_SQL = (
    SAMPLED
    + TRIED
    + """
SELECT {columns} hypothesis, detail, min(place) AS place, sum(gap_usd) AS explained_usd
FROM reproduced
GROUP BY ALL
"""
)
REQUESTS_SQL = (
    LARGEST
    + TRIED
    + """
SELECT differing.of_request AS request_id, differing.asked_at AS started_at, differing.of_model AS model,
    differing.logged_usd, differing.computed_usd AS cost_usd, differing.gap_usd,
    reproduced.hypothesis, reproduced.detail, reproduced.place
FROM differing
LEFT JOIN reproduced ON reproduced.of_request = differing.of_request
ORDER BY differing.gap_usd DESC, differing.of_request, reproduced.place
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


@dataclass(frozen=True, slots=True)
class Differing:
    """The requests that differ, of which a sample (all, where `sample` is EVERY) is looked at."""

    logs: Logs
    by: tuple[Dimension, ...]
    sample: str
    tolerance: float
    most: int

    def keep(self, by: Sequence[Dimension], drawn: str) -> None:
        """Makes the table of them; by tag a request is a row a tag."""
        values: dict[str, Any] = {"below": self.sample} if drawn == BY_HASH else {}
        values |= {"most": self.most} if drawn == BY_SIZE else {}
        self.logs.keep(KEPT, DIFFERING, by, {"drawn": drawn}, tolerance=self.tolerance, **values)

    def query(self, sql: str, **values: Any) -> list[Row]:
        columns = "".join(f"{quoted(d.word)}, " for d in self.by)
        return self.logs.query(sql, names={"columns": columns}, **values)


def explain(of: Differing) -> tuple[dict[Key, Reason], list[Row]]:
    """The reason of each slice that has a gap, and the requests that differ most."""
    drawn = ALL_DRAWN if of.sample == EVERY else BY_HASH
    tagged = any(d.unnests for d in of.by)
    of.keep(() if tagged else of.by, drawn)
    put_hypotheses(of)
    if tagged:
        of.keep(of.by, drawn)
    gaps = {tuple(row[d.word] for d in of.by): row["gap_usd"] for row in of.query(GAPS_SQL) if row["gap_usd"]}
    tried = of.query(REASONS_SQL, tolerance=of.tolerance)
    slices: dict[Key, list[Row]] = {}
    for row in tried:
        slices.setdefault(tuple(row[d.word] for d in of.by), []).append(row)
    found = {key: reason_of(together(slices.get(key, ())), gap) for key, gap in gaps.items()}
    if drawn != ALL_DRAWN or tagged:
        of.keep((), BY_SIZE)
    return found, largest(of, together(tried))


def put_hypotheses(of: Differing) -> None:
    """Makes the temporary table `what_if` for the prices at which something differs."""
    fits: dict[str, list[tuple[float, float]]] = {}
    for row in of.query(FITS_SQL):
        fits.setdefault(row["of_price"], []).append((row["input_usd"], row["output_usd"]))
    names = ("of_price", "of_provider", "of_model", "of_tier", "of_region")
    of.logs.put_what_if([tuple(row[name] for name in names) for row in of.query(KEYS_SQL)], fits)


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


def largest(of: Differing, likely: Sequence[Explained]) -> list[Row]:
    """The requests that differ most, each with the reason that reproduces it; the likeliest overall goes first."""
    most_usd = max((one.usd for one in likely), default=0.0) or 1.0
    overall = {one.hypothesis: round(one.usd / most_usd, 2) for one in likely}
    found: dict[str, list[Row]] = {}
    for row in of.query(REQUESTS_SQL, tolerance=of.tolerance, most=of.most):
        found.setdefault(row["request_id"], []).append(row)
    likeliest = (
        min(rows, key=lambda r: (-overall.get(r["hypothesis"], 0.0), r["place"] or 0)) for rows in found.values()
    )
    return [
        {**row, "reason": worded(row["hypothesis"], row["detail"]) if row["hypothesis"] else NONE_FOUND}
        for row in likeliest
    ]
