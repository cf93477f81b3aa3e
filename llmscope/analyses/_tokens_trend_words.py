"""What a trend of tokens is called: verdicts, causes and the sentence of a finding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite, log1p
from typing import Any

from llmscope.analyses._tokens_mix import LENGTH, Effect
from llmscope.analyses._tokens_trend_days import Slope, Step
from llmscope.analyses._tokens_trend_read import Metric
from llmscope.result import TOO_FEW, Finding

Row = Mapping[str, Any]
# A change of level under this is none worth naming, nor a slope a week under that (statistics.md, section 2).
MARGIN_RATIO, MARGIN_WEEKLY_RATIO = 0.05, 0.01
RISING, FALLING, STEADY = "rising", "falling", "steady"
# Of a change, a part smaller than this is not named, and one larger than that is all of it.
NAMED, ALL = 0.1, 0.95


def real(step: Step, q: float) -> bool:
    """Whether a change of level is surely one, among all that was tested, and of a size worth a word."""
    return q <= 0.05 and abs(step.ratio) >= MARGIN_RATIO


def verdict(slope: Slope | None, q: float, found: Sequence[Step]) -> str:
    """Rising, falling, steady or too few to say.

    Args:
        q: of the slope. found: the real changes of level; where they come to something, they speak.
    """
    net = sum(log1p(max(step.ratio, -0.999999)) for step in found)
    if abs(net) >= log1p(MARGIN_RATIO):
        return RISING if net > 0 else FALLING
    if slope is None:
        return TOO_FEW
    if max(abs(slope.low), abs(slope.high)) <= MARGIN_WEEKLY_RATIO:
        return STEADY
    if q <= 0.05 and (slope.low > 0 or slope.high < 0):
        return RISING if slope.ratio > 0 else FALLING
    return TOO_FEW


def slice_name(key: Sequence[Any]) -> str:
    """All requests, a feature, or a template of a feature."""
    if not key:
        return "all requests"
    if tuple(key) == (None, None):
        return "requests without feature and template"
    feature = "requests without a feature" if key[0] is None else f"feature {key[0]}"
    if len(key) == 1:
        return feature
    if key[1] is None:
        return f"{feature} without a template"
    return f"template {key[1]}" + ("" if key[0] in (None, key[1]) else f" of {feature}")


def named(value: Any) -> str:
    return "(none)" if value is None else str(value)


def swapped(effect: Effect) -> str:
    """`v7 -> v8`."""
    return f"{', '.join(map(named, effect.gone[:2])) or '…'} -> {', '.join(map(named, effect.came[:2])) or '…'}"


def effect_words(effect: Effect) -> str:
    """What one part of a change is, of its template: `v7 -> v8`, `24 % -> 5 % of requests`, `longer`."""
    if effect.gone or effect.came:
        return swapped(effect)
    if effect.kind == LENGTH:
        return "longer" if (effect.after_mean or 0) >= (effect.before_mean or 0) else "shorter"
    return f"{100 * effect.before_share:.0f} % -> {100 * effect.after_share:.0f} % of requests"


def effect_name(effect: Effect, metric: Metric) -> str:
    """The same in a sentence, with the template named."""
    template, words = slice_name(effect.key[:2]), effect_words(effect)
    if effect.kind == "version":
        return f"{template} {words}"
    if effect.kind == "model":
        return f"another model for {template}: {words}"
    if effect.kind == "max_tokens":
        return f"max_tokens {words} of {template}"
    if effect.kind == LENGTH and tuple(effect.key[:2]) == (None, None):
        return f"{words} {metric.length}, of what kind is not logged (no feature, no template)"
    if effect.kind == LENGTH:
        version = f" {effect.key[3]}" if len(effect.key) > 3 and effect.key[3] is not None else ""
        return f"{words} {metric.length} in the same {template}{version}"
    return f"another mix of requests ({template} {words})"


def cause_text(found: Sequence[Effect], metric: Metric) -> str:
    """`all of it template summarise v7 -> v8`; the parts by size, mix as one; empty where nothing is known."""
    total = sum(effect.tokens for effect in found)
    mix = [effect for effect in found if effect.kind == "mix"]
    parts = [(effect.tokens, effect_name(effect, metric)) for effect in found if effect.kind != "mix"]
    if mix:
        widest = max(mix, key=lambda e: abs(e.after_share - e.before_share))
        parts.append((sum(e.tokens for e in mix), effect_name(widest, metric)))
    if not total:
        return ""
    large = sorted(((tokens / total, name) for tokens, name in parts if tokens / total >= NAMED), reverse=True)[:3]
    if not large:
        return "many small causes"
    if large[0][0] >= ALL:
        return f"all of it {large[0][1]}"
    return ", ".join(f"{100 * share:.0f} % of it {name}" for share, name in large)


def quality_text(rows: Sequence[Row]) -> str:
    """What the raters with the most scores say of it; empty without any."""
    told = [row for row in rows if row["change_low"] is not None][:2]
    return "; ".join(
        f"{row['score']} by {' '.join(str(row[w]) for w in ('rater_kind', 'rater', 'rater_version') if row[w])} "
        f"{row['quality']} ({row['change']:+.2f} [{row['change_low']:+.2f}, {row['change_high']:+.2f}], "
        f"n {row['before_scores']:,} and {row['after_scores']:,})"
        for row in told
    )


def finding_of(
    name: str, metric: Metric, step: Step, where: Mapping[str, Any], causes: Sequence[Effect] = (),
    quality: Sequence[Row] = (),
) -> Finding:  # fmt: skip
    """`Input tokens of template summarise +29.4 % [+27 %, +32 %] since 2026-09-14 (…): all of it …; quality …`."""
    grew, cause = step.ratio > 0 and metric.judged, cause_text(causes, metric)
    mix = sum(effect.tokens for effect in causes if effect.kind == "mix")
    longer = abs(mix) < abs(sum(effect.tokens for effect in causes)) / 2
    size = f" {100 * step.ratio:+.1f} % [{100 * step.low:+.1f} %, {100 * step.high:+.1f} %]"
    if not isfinite(step.ratio):
        size = ", none before,"
    between = "" if step.first == step.last else f", between {step.first} and {step.last},"
    means = f"({step.before_tokens:,.0f} -> {step.after_tokens:,.0f} a request)"
    parts = [f"{metric.title} of {name}{size} since {step.since}{between} {means}"]
    text = parts[0] + (f": {cause}" if cause else "")
    told = quality_text(quality)
    text += f"; {told}" if told else ""
    words = [row["quality"] for row in quality if row["change_low"] is not None]
    if grew and longer and words and "higher" not in words:
        shown = "no better" if {"unchanged", "lower"} & set(words) else "not shown to be better"
        text += f": longer {metric.length}, answers {shown}"
    row = {
        **where, "metric": metric.title, "since": step.since, "before_tokens": step.before_tokens,
        "after_tokens": step.after_tokens, "change_ratio": step.ratio if isfinite(step.ratio) else None,
    }  # fmt: skip
    return Finding("token_growth" if step.ratio > 0 else "token_drop", "warning" if grew else "info", text, (row,))
