"""How much data does a question need? Rows a side for a comparison, labels for a judge; no log is read."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import Annotated, Any

from llmscope.errors import UsageError
from llmscope.result import Column, Finding, Result

# The standard deviation of the logarithm of latency that llmscope's simulations take: one request in six over twice
# the typical one.
LATENCY_SD = 0.74
POWER, DESIGN = "80%", 3.0
MEASURE = (
    Column("question", "text", "dimension"),
    Column("rows_a_side", "count"),
    Column("days", "count"),
    Column("detect", "text"),
    Column("power_ratio", "ratio"),
    Column("design_effect", "rate"),
)
LABELS = (
    Column("question", "text", "dimension"),
    Column("labels", "count"),
    Column("from", "text"),
    Column("interval", "text"),
)
JUDGED = (
    Column("question", "text", "dimension"),
    Column("rows_a_side", "count"),
    Column("detect", "text"),
    Column("power_ratio", "ratio"),
    Column("design_effect", "rate"),
)
ALIKE = "a design effect of N: N rows of one session or day are worth one independent row; 1 where rows are independent"
WANDER = "days that wander together need whole weeks besides: under two weeks a side llmscope assumes days alike"
# No log has more; and a test of two sides alarms in 5 of 100 anyhow, so that less is no chance to find anything.
MOST_ROWS, LEAST_POWER = 10**12, 0.05
# The largest rise of latency planned for: eleven times as slow.
MOST_SLOWER = 10.0
Row = dict[str, Any]


def plan_compare(
    rate: Annotated[str | None, "a rate as it is now, such as 2%"] = None,
    sd: Annotated[float | None, "the standard deviation of a score or other figure"] = None,
    latency: Annotated[bool, "a change of latency, in per cent"] = False,
    detect: Annotated[str | None, "the smallest change worth finding: 1% points of a rate, 0.3 of a score"] = None,
    per_day: Annotated[int | None, "rows a day and side, for the days it takes"] = None,
    power: Annotated[str, "the chance to find it"] = POWER,
    design_effect: Annotated[float, "rows worth one independent row"] = DESIGN,
) -> Result:
    """Rows a side to see a change of a rate, a score or latency, and the days that takes."""
    from math import log

    from llmscope.stats.power import rows_for_means, rows_for_rates

    one_of(rate is not None, sd is not None, latency)
    wanted, likely, effect = detected(detect), chance_of(power), design_of(design_effect)
    if per_day is not None and per_day < 1:
        raise UsageError("--per-day takes a number of 1 or more")
    if rate is not None:
        before, points = share_of(rate, "--rate"), share_of(wanted, "--detect")
        if before + points >= 1:
            raise UsageError(f"--rate {rate} and --detect {wanted} add up to 100 % or more")
        found = sensible(lambda: rows_for_rates(before, before + points, effect, power=likely))
        question, text = f"a rate of {percent(before)}", f"{percent(before)} to {percent(before + points)}"
        aim = f"a rate rise from {percent(before)} to {percent(before + points)}"
        notes = [f"a fall of {percent(points)} from the same rate takes fewer rows: a rise is planned for"]
    elif latency:
        change = share_of(wanted, "--detect", MOST_SLOWER)
        found = sensible(lambda: rows_for_means(LATENCY_SD, log(1 + change), effect, power=likely))
        question, text = "latency, the typical level", f"+{percent(change)}"
        aim = f"latency rise by {percent(change)}"
        notes = [f"the logarithm of latency is taken to have a standard deviation of {LATENCY_SD}; "
                 "--sd with --detect, both of the logarithm, states another"]  # fmt: skip
    else:
        spread, points = positive(sd, "--sd"), figure_of(wanted, "--detect")
        found = sensible(lambda: rows_for_means(spread, points, effect, power=likely))
        question, text = f"a mean with a standard deviation of {spread:g}", f"{points:g}"
        aim, notes = f"a mean move by {points:g} (standard deviation {spread:g})", []
    days = ceil(found / per_day) if per_day else None
    row = {"question": question, "rows_a_side": found, "days": days, "detect": text, "power_ratio": likely,
           "design_effect": effect}  # fmt: skip
    notes += ["two sides of equal size, a two-sided test at 5 %; both sides are served at the same time", ALIKE, WANDER]
    if per_day is None:
        notes.append("--per-day N gives the days it takes")
    return Result("plan compare", MEASURE, (row,), title="To compare", notes=tuple(notes), findings=(said(aim, row),))


def said(aim: str, row: Row) -> Finding:
    """The answer as a sentence."""
    days = row.get("days")
    long = f", {days:,} day{'' if days == 1 else 's'} at that traffic" if days else ""
    often = percent(row["power_ratio"])
    text = f"To see {aim}, {often} of the times it is so, takes {row['rows_a_side']:,} rows a side{long}."
    return Finding("plan", "info", text)


def plan_judge(
    sd: Annotated[float | None, "the standard deviation of the judge's scores"] = None,
    detect: Annotated[str | None, "the smallest change of the mean worth finding"] = None,
    agreement: Annotated[str | None, "agreement of judge and people expected, such as .85"] = None,
    interval: Annotated[str | None, "how wide its 95 % interval may be, such as .05"] = None,
    power: Annotated[str, "the chance to find the change"] = POWER,
    design_effect: Annotated[float, "judged rows worth one independent row"] = 1.0,
) -> Result:
    """Judged rows to see a change of the mean score, or labels to know a judge's agreement."""
    from llmscope.stats.power import detectable_mean, rows_for_means

    scores, agrees = sd is not None or detect is not None, agreement is not None or interval is not None
    if scores == agrees:
        raise UsageError(
            "--sd with --detect, or --agreement with --interval",
            hint="for example plan judge --sd 1.5 --detect 0.3, or plan judge --agreement .85 --interval .05",
        )
    if agrees:
        return for_agreement(agreement, interval)
    spread, points = positive(sd, "--sd"), figure_of(detected(detect), "--detect")
    likely, effect = chance_of(power), design_of(design_effect)
    found = sensible(lambda: rows_for_means(spread, points, effect, power=likely))
    row = {
        "question": f"a mean score with a standard deviation of {spread:g}", "rows_a_side": found,
        "detect": f"{points:g}", "power_ratio": likely, "design_effect": effect,
    }  # fmt: skip
    aim = f"the mean score move by {points:g} (standard deviation {spread:g})"
    seen = detectable_mean(spread, (200, 200), effect, power=likely) or 0.0
    notes = [
        f"with 200 judged rows a side the smallest change seen is {seen:.2f}",
        "a two-sided test at 5 %; rows drawn at random, judged by one version of one judge",
        ALIKE,
    ]
    return Result("plan judge", JUDGED, (row,), title="To judge", notes=tuple(notes), findings=(said(aim, row),))


def for_agreement(agreement: str | None, interval: str | None) -> Result:
    """Labels until Wilson's interval of an agreement is as narrow as asked."""
    from llmscope.stats.proportions import wilson

    if agreement is None or interval is None:
        raise UsageError(f"--{'interval' if agreement else 'agreement'} is missing",
                         hint="for example plan judge --agreement .85 --interval .05")  # fmt: skip
    share, narrow = share_of(agreement, "--agreement"), share_of(interval, "--interval")
    low, high = 1, 2
    while span(share, high) > narrow:
        low, high = high, 2 * high
        if low > MOST_ROWS:
            raise too_fine()
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if span(share, middle) > narrow else (low, middle)
    ends = wilson(share * high, high) or (0.0, 1.0)
    between = f"{percent(ends[0])} to {percent(ends[1])}"
    row = {"question": f"an agreement of {percent(share)}", "labels": high, "from": "people", "interval": between}
    text = f"To know an agreement near {percent(share)} takes {high:,} labels for {100 * narrow:.4g} points: {between}."
    at_200 = wilson(share * 200, 200) or (0.0, 1.0)
    notes = (
        f"with 200 labels it would be {percent(at_200[0])} to {percent(at_200[1])}",
        "Wilson's 95 % interval; answers drawn at random, one label each; agreement by chance is not taken off: where "
        "nearly all answers are good, high agreement shows little, and kappa stands beside it",
    )
    return Result(
        "plan judge", LABELS, (row,), title="To judge", notes=notes, findings=(Finding("plan", "info", text),)
    )


def span(share: float, n: int) -> float:
    """The width of Wilson's interval."""
    from llmscope.stats.proportions import wilson

    low, high = wilson(share * n, n) or (0.0, 1.0)
    return high - low


def one_of(*given: bool) -> None:
    """Refuses none and several."""
    if sum(given) != 1:
        raise UsageError(
            "one of --rate, --sd and --latency says what is compared",
            hint="for example plan compare --rate 2% --detect 1%, or plan compare --latency --detect 10%",
        )


def detected(text: str | None) -> str:
    if text is None:
        raise UsageError("--detect is missing: the smallest change worth finding")
    return text


def sensible(rows: Callable[[], int | None]) -> int:
    """Rows a side: no fewer than llmscope judges, and no more than there are.

    Raises:
        UsageError: a change too small for any log to show.
    """
    from llmscope.stats.daily import FEWEST_ROWS

    try:
        found = rows()
    except (OverflowError, ZeroDivisionError):
        found = None
    if found is None or found > MOST_ROWS:
        raise too_fine()
    return max(found, FEWEST_ROWS)


def too_fine() -> UsageError:
    return UsageError(f"that takes more than {MOST_ROWS:,} rows", hint="a larger --detect or --interval takes fewer")


def chance_of(text: str) -> float:
    """--power: over the chance to call a change where there is none."""
    found = share_of(text, "--power")
    if found <= LEAST_POWER:
        raise UsageError(
            f"--power {text!r} is no more than chance alone gives, 5 %", hint=f"for example --power {POWER}"
        )
    return found


def share_of(text: str, option: str, most: float = 1.0) -> float:
    """2%, 0.02 or .02; above 1, where that is allowed, as per cent only.

    Raises:
        UsageError: not between 0 and `most`, ends left out.
    """
    plain = text.strip()
    percents = plain.endswith("%")
    try:
        found = float(plain.removesuffix("%")) / (100 if percents else 1)
    except ValueError:
        found = 0.0
    if not 0 < found < (most if percents else 1):
        example = POWER if option == "--power" else "2%"
        raise UsageError(
            f"{option} {text!r} is not between 0 and {percent(most)}", hint=f"for example {option} {example}"
        )
    return found


def figure_of(text: str, option: str) -> float:
    """A plain number over 0."""
    try:
        return positive(float(text), option)
    except ValueError as error:
        raise UsageError(f"{option} {text!r} is not a number", hint=f"for example {option} 0.3") from error


def positive(value: float | None, option: str) -> float:
    if value is None:
        raise UsageError(f"{option} is missing")
    if not 0 < value < float("inf"):
        raise UsageError(f"{option} takes a number over 0")
    return value


def design_of(value: float) -> float:
    if not 1 <= value < float("inf"):
        raise UsageError("--design-effect takes a number of 1 or more")
    return value


def percent(share: float) -> str:
    return f"{100 * share:.4g} %"


COMMANDS: dict[str, Any] = {"compare": plan_compare, "judge": plan_judge}
