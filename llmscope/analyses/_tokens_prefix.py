"""Templates whose requests open alike and are not read from the cache: how long the opening is, what caching it saves.

How long: where prefix_hashes are stored, the blocks that all requests of a template's version on a model have in
common (what the least and the greatest list share, all lists share). Else at most the smallest input: no constant
opening can be longer than the shortest request. What it would cost: a request reads the opening if another of the same
version and model began within the cache's life before it, else writes it, each at the rates of its date.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from llmscope.analyses._tokens_caching_found import PREMIUM, SAVED, Found, a_month, days_of, named
from llmscope.result import TOO_FEW, Column, Finding, Part

if TYPE_CHECKING:
    from llmscope.logs import Logs

KEPT = "kept_openings"
GROUPS_SQL = """
WITH named AS (
    SELECT template AS of_template, template_version AS of_version, model AS of_model FROM requests GROUP BY ALL
)
SELECT *, CAST(row_number() OVER (ORDER BY of_template, of_version, of_model) AS INTEGER) AS place FROM named
"""
# Rates of all requests of a group are summed, so that a prefix of any length is priced by one product. Requests of the
# same moment are ordered by their rates: that is all of them that is looked at. Groups are numbered, since a sort by
# one number takes half as long as one by three names.
SQL = """
WITH counted AS (
    SELECT template, template_version, model, started_at, input_tokens, cache_read_tokens,
        input_rate_usd, cache_read_rate_usd, cache_write_rate_usd, cache_write_1h_rate_usd,
        coalesce({saved}, 0) - {premium} AS net_usd
    FROM priced
    WHERE {counts} AND input_tokens > 0
), placed AS (
    SELECT place, started_at, input_tokens, cache_read_tokens,
        input_rate_usd, cache_read_rate_usd, cache_write_rate_usd, cache_write_1h_rate_usd, net_usd
    FROM counted JOIN kept_openings ON template IS NOT DISTINCT FROM of_template
        AND template_version IS NOT DISTINCT FROM of_version AND model = of_model
), spaced AS (
    SELECT *,
        lag(started_at) OVER (
            PARTITION BY place ORDER BY started_at, input_rate_usd, cache_write_rate_usd
        ) AS before_at
    FROM placed
), summed AS (
    SELECT place, cache_read_tokens IS NOT NULL AS told,
        count(*) AS requests,
        count(started_at) AS timed,
        count(input_rate_usd) AS priced_requests,
        count(cache_read_rate_usd) AS readable,
        count(*) FILTER (WHERE cache_write_1h_rate_usd > cache_write_rate_usd) AS hour_priced,
        min(input_tokens) AS least_tokens,
        sum(input_tokens)::BIGINT AS input_tokens,
        sum(input_tokens) FILTER (WHERE cache_read_tokens IS NOT NULL)::BIGINT AS judged_tokens,
        sum(cache_read_tokens)::BIGINT AS cache_read_tokens,
        count(*) FILTER (WHERE started_at <= before_at + INTERVAL 5 MINUTE) AS within_5m,
        count(*) FILTER (WHERE started_at <= before_at + INTERVAL 1 HOUR) AS within_1h,
        sum(input_rate_usd) AS fresh_usd,
        sum(cache_read_rate_usd) AS read_usd,
        sum(CASE WHEN started_at <= before_at + INTERVAL 5 MINUTE THEN cache_read_rate_usd
            ELSE cache_write_rate_usd END) AS kept_5m_usd,
        sum(CASE WHEN started_at <= before_at + INTERVAL 1 HOUR THEN cache_read_rate_usd
            ELSE cache_write_1h_rate_usd END) AS kept_1h_usd,
        sum(net_usd) AS net_usd
    FROM spaced
    GROUP BY ALL
)
SELECT of_template AS template, of_version AS template_version, of_model AS model, summed.*
FROM summed JOIN kept_openings ON summed.place = kept_openings.place
"""
# A block holds between input / (blocks + 1) and input / blocks tokens where only full blocks have an id, and between
# input / blocks and input / (blocks - 1) where the last may be partial.
HASHES_SQL = """
SELECT template, template_version, model, cache_read_tokens IS NOT NULL AS told,
    count(*) AS hashed,
    min(prefix_hashes) AS least,
    max(prefix_hashes) AS greatest,
    max(input_tokens * 1.0 / (array_length(prefix_hashes) + 1)) AS above_full,
    min(input_tokens * 1.0 / array_length(prefix_hashes)) AS upto_full,
    max(input_tokens * 1.0 / array_length(prefix_hashes)) AS from_partial,
    min(input_tokens * 1.0 / nullif(array_length(prefix_hashes) - 1, 0)) AS below_partial,
    quantile_cont(input_tokens * 1.0 / array_length(prefix_hashes), 0.5) AS middle
FROM requests
WHERE {counts} AND input_tokens > 0 AND array_length(prefix_hashes) > 0
GROUP BY ALL
"""
COLUMNS = (
    Column("template", "text", "dimension"),
    Column("model", "text", "dimension"),
    Column("requests", "count"),
    Column("prefix_tokens", "tokens"),
    Column("known_by", "text", optional=True),
    Column("hit_ratio", "ratio"),
    Column("within_5m_ratio", "ratio", optional=True),
    Column("within_1h_ratio", "ratio", optional=True),
    Column("now_usd", "usd", optional=True),
    Column("all_read_usd", "usd", optional=True),
    Column("cached_usd", "usd", optional=True),
    Column("saving_usd", "usd"),
    Column("saving_per_month_usd", "usd"),
    Column("verdict", "text"),
)
# The shortest prefix a provider caches, and whether it does so unasked. Where sources disagree the longer is taken.
# Anthropic: its prompt caching guide (Opus 4.5 and Haiku 4.5 on: 4,096; Sonnet 4.6: 1,024 or 2,048; Haiku 3 and 3.5:
# 2,048; else 1,024). OpenAI: prompt caching guide, 1,024. Google: Gemini API context caching, 2.5: 2,048, later 4,096
# (read 2026-11). DeepSeek: context caching guide, 64. Of other families nothing is known: 1,024 is supposed.
FAMILIES: tuple[tuple[str, int, bool], ...] = (
    (r"claude-(opus|haiku)-4-[5-9]", 4096, False),
    (r"claude-sonnet-4-[6-9]", 2048, False),
    (r"claude-(3-haiku|3-5-haiku|haiku-3)", 2048, False),
    (r"claude", 1024, False),
    (r"gemini-2\.5", 2048, True),
    (r"gemini", 4096, True),
    (r"deepseek", 64, True),
    (r"(gpt-|chatgpt-|o[134](-|$))", 1024, True),
)
SUPPOSED = (1024, False)
EXACT, AT_MOST = "prefix hashes", "smallest input, at most"
LOW_HIT, SIBLING_HIT, FEWEST = 0.2, 0.2, 20
WORTH_A_MONTH_USD, MOST_FOUND, MOST_SHOWN = 0.10, 5, 20
NEVER, SHORT = "not cached", "too short"
SUMMED = ("requests", "timed", "priced_requests", "readable", "hour_priced", "input_tokens", "judged_tokens",
          "cache_read_tokens", "within_5m", "within_1h")  # fmt: skip
Row = dict[str, Any]


def prefixes(logs: Logs, counts: str, whole: Mapping[str, Any]) -> Found:
    """A row a template and model with its opening and what caching it would save; a sentence where that is certain."""
    if not whole["judged_requests"]:
        return Found()
    logs.keep(KEPT, GROUPS_SQL)
    rows = logs.query(SQL, names={"counts": counts, "saved": SAVED, "premium": PREMIUM})
    hashed = logs.query(HASHES_SQL, names={"counts": counts}) if whole["hashed"] else []
    size, days = block_size(hashed), days_of(whole)
    versions: dict[Any, list[Row]] = {}
    for row in rows:
        versions.setdefault((row["template"], row["model"]), []).append(row)
    by_key = {key_of(row): row for row in hashed}
    judged = [judge(telling(group), by_key, size, days) for group in versions.values()]
    shown = sorted(judged, key=lambda r: (-(r["saving_usd"] or 0), -r["requests"], str(r["template"]), r["model"]))
    part = Part(COLUMNS, tuple({c.name: r[c.name] for c in COLUMNS} for r in shown[:MOST_SHOWN]))
    return Found({"prefixes": part}, findings(shown, days), notes(shown))


def telling(versions: Sequence[Row]) -> Sequence[Row]:
    """Those of the requests that report what was read: others may be cached too; all where none reports it."""
    return [row for row in versions if row["told"]] or versions


def judge(
    versions: Sequence[Mapping[str, Any]], hashes: Mapping[Any, Mapping[str, Any]], size: int | None, days: float | None
) -> Row:
    """One template on one model: its opening, what it costs now and cached, and why it can or cannot be saved.

    The versions of a template may open differently: each has its own opening, and their money is added up.
    """
    main = max(versions, key=lambda row: (row["requests"], str(row["template_version"])))
    total = {n: sum(row[n] or 0 for row in versions) for n in SUMMED}
    often = [row for row in versions if row["requests"] >= FEWEST] or [main]
    opened = [(row, opening(row, hashes.get(key_of(row)), size)) for row in often]
    long = [(row, opens) for row, opens in opened if opens[0] >= minimum(main["model"])[0]] or opened
    fresh, read = (priced(long, name) for name in ("fresh_usd", "read_usd"))
    kept = {name: usd for name in kept_names(total, main["model"]) if (usd := priced(long, name)) is not None}
    life = min(kept, key=lambda name: kept[name]) if kept and total["timed"] else None
    saving = None
    if life and fresh is not None and total["readable"] == total["requests"]:
        saving = max(fresh - kept[life] - float(sum(row["net_usd"] or 0 for row, _ in long)), 0.0)
    row = {
        **total,
        "template": main["template"],
        "model": main["model"],
        "known_by": opening(main, hashes.get(key_of(main)), size)[1],
        "prefix_tokens": next((opens[0] for row, opens in long if row is main), long[0][1][0]),
        "all_prefixes": sorted({opens[0] for _, opens in long}),
        "life": life,
        "hit_ratio": total["cache_read_tokens"] / total["judged_tokens"] if total["judged_tokens"] else None,
        "within_5m_ratio": total["within_5m"] / total["timed"] if total["timed"] else None,
        "within_1h_ratio": total["within_1h"] / total["timed"] if total["timed"] else None,
        "now_usd": fresh,
        "all_read_usd": read if total["readable"] == total["requests"] else None,
        "cached_usd": kept[life] if saving is not None and life else None,
        "saving_usd": saving,
        "saving_per_month_usd": None if saving is None else a_month(saving, days),
        "opening_requests": sum(row["requests"] for row, _ in long),
    }
    said = verdict(row)
    if said.startswith(SHORT):
        row |= dict.fromkeys(("all_read_usd", "cached_usd", "saving_usd", "saving_per_month_usd"))
    return {**row, "verdict": said}


def key_of(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a row of both statements is of."""
    return row["template"], row["template_version"], row["model"], row["told"]


def priced(opened: Sequence[tuple[Mapping[str, Any], tuple[int, str]]], name: str) -> float | None:
    """Tokens of each version's opening at the sum of its requests' rates; None where one is unknown."""
    parts = [row[name] * tokens if row[name] is not None else None for row, (tokens, _) in opened]
    return None if None in parts else float(sum(part for part in parts if part is not None))


def kept_names(total: Mapping[str, Any], model: str) -> tuple[str, ...]:
    """The lives a cache of this model may have: an hour where it is not automatic and keeping so long has a price."""
    hour = not minimum(model)[1] and total["hour_priced"] == total["requests"]
    return ("kept_5m_usd", "kept_1h_usd") if hour else ("kept_5m_usd",)


def opening(row: Mapping[str, Any], hashed: Mapping[str, Any] | None, size: int | None) -> tuple[int, str]:
    """How many tokens all requests open with, and how that is known.

    Where the size of a block cannot be told from the log, the middle of input / blocks stands for it.
    """
    least = int(row["least_tokens"])
    if hashed is None or hashed["hashed"] < row["requests"]:
        return least, AT_MOST
    shared = in_common(hashed["least"], hashed["greatest"])
    return min(least, round(shared * (size or hashed["middle"]))), EXACT


def in_common(left: Sequence[str], right: Sequence[str]) -> int:
    """How many first elements two lists share."""
    return next((i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right)))


def block_size(rows: Sequence[Mapping[str, Any]]) -> int | None:
    """Tokens of a block where one size fits every request; of several, the one most divisible by 2."""
    if not rows:
        return None
    above, upto = max(r["above_full"] for r in rows), min(r["upto_full"] for r in rows)
    start, end = int(above) + 1, int(upto)
    if start > end:
        limits = [r["below_partial"] for r in rows if r["below_partial"] is not None]
        start = -int(-max(r["from_partial"] for r in rows) // 1)
        end = -int(-min(limits) // 1) - 1 if limits else start
    sizes = range(start, min(end, start + 4096) + 1)
    return max(sizes, key=lambda n: (n & -n, -n), default=None)


def minimum(model: str) -> tuple[int, bool]:
    """The shortest prefix that is cached, and whether caching is automatic."""
    for pattern, tokens, automatic in FAMILIES:
        if re.search(rf"(^|[./]){pattern}", model):
            return tokens, automatic
    return SUPPOSED


def verdict(row: Mapping[str, Any]) -> str:
    """In a word or two, what is to be made of it."""
    least, _ = minimum(row["model"])
    if row["priced_requests"] < row["requests"]:
        return "no price"
    if row["readable"] < row["requests"]:
        return "no cached price"
    if row["prefix_tokens"] < least:
        return f"{SHORT} (under {least:,})"
    if row["requests"] < FEWEST:
        return TOO_FEW
    if row["hit_ratio"] is None:
        return "not reported"
    if not row["timed"]:
        return "no times"
    if row["cache_read_tokens"] >= LOW_HIT * row["prefix_tokens"] * row["requests"]:
        return "cached"
    if not row["saving_usd"]:
        return "too far apart"
    if row["known_by"] == AT_MOST and row["cache_read_tokens"]:
        return "perhaps: partly cached"
    return NEVER if row["known_by"] == EXACT else f"{NEVER}, at most this"


def findings(rows: Sequence[Row], days: float | None) -> tuple[Finding, ...]:
    """Openings that are surely there, or at most so long on a model that is seen to cache, and worth money."""
    found = []
    for row in rows:
        other = sibling(row, rows)
        certain = row["known_by"] == EXACT or (other is not None and row["template"] is not None)
        a_month_usd = row["saving_per_month_usd"]
        worth = a_month_usd is None or a_month_usd >= WORTH_A_MONTH_USD
        if row["verdict"].startswith(NEVER) and certain and worth:
            found.append(Finding("uncached_prefix", "warning", sentence(row, other, days)))
    return tuple(found[:MOST_FOUND])


def sibling(row: Row, rows: Sequence[Row]) -> Row | None:
    """The template on the same model that reads most of its input from the cache."""
    others = [
        r for r in rows
        if r["model"] == row["model"] and r is not row and r["template"] is not None
        and (r["hit_ratio"] or 0) >= SIBLING_HIT and r["requests"] >= FEWEST
    ]  # fmt: skip
    return max(others, key=lambda r: (r["hit_ratio"], r["requests"]), default=None)


def sentence(row: Row, other: Row | None, days: float | None) -> str:
    """Who, how many tokens, how often, what it costs and would cost, why it can be cached."""
    exact = row["known_by"] == EXACT
    tokens = " to ".join(f"{n:,}" for n in dict.fromkeys((row["all_prefixes"][0], row["all_prefixes"][-1])))
    opens = f"the same {tokens} tokens" if exact else f"at most {tokens} equal tokens"
    read = "reads none of its input" if not row["cache_read_tokens"] else f"reads {100 * row['hit_ratio']:.1f} % of it"
    most = "" if exact else "at most "
    over = f" over {days:,.0f} days" if days is not None and days >= 1 else ""
    life = "1 hour" if row["life"] == "kept_1h_usd" else "5 minutes"
    within = row["within_1h_ratio"] if row["life"] == "kept_1h_usd" else row["within_5m_ratio"]
    month = row["saving_per_month_usd"]
    saves = f"{row['saving_usd']:,.2f} USD" if month is None else f"{month:,.2f} USD a month"
    also = f"; {other['template']}, on the same model, reads {100 * other['hit_ratio']:.1f} %" if other else ""
    return (
        f"{named(row)} opens each of {row['opening_requests']:,} requests with {opens} and {read} from the "
        f"cache{also}: that opening cost {most}{row['now_usd']:,.2f} USD{over}, {most}{row['all_read_usd']:,.2f} if "
        f"all of it were read; a cache kept {life} ({100 * within:.0f} % of requests follow another so soon, the "
        f"others write) saves {most}{saves}"
    )


def notes(rows: Sequence[Row]) -> tuple[str, ...]:
    """What a prefix is here, and what its money rests on."""
    if not rows:
        return ()
    found = [
        "prefixes: saving is against fresh input and what caching already nets, of requests that follow another of the "
        "same template and model within the cache's life; the others pay for writing",
    ]
    if any(row["known_by"] == AT_MOST for row in rows):
        found.append(
            "prefixes known by the smallest input are upper bounds, not measurements: the constant part may be "
            "shorter; --map prefix_hashes=KEY (one id a prompt block) tells it exactly"
        )
    return tuple(found)
