"""The small print and the findings in words: what the figures rest on, and what was left out."""

from __future__ import annotations

from datetime import datetime, tzinfo

from llmscope.render._times import local, zone_named
from llmscope.result import Coverage, Finding, Result, Window

NOTHING_MATCHED = "No rows: nothing matched."
_WORDS = {"breach": "BREACH", "warning": "Warning", "info": "Note"}


def label(finding: Finding) -> str:
    """The word for how grave a finding is, since colour alone says nothing to some readers."""
    return _WORDS[finding.severity]


def title(result: Result) -> str:
    return result.title or f"llmscope {result.command}"


def small_print(result: Result) -> list[str]:
    """The window, what was counted, and the result's own notes."""
    lines = [*_window(result), *_coverage(result.coverage), *result.notes]
    return [line for line in lines if line.strip()]


def _window(result: Result) -> list[str]:
    """Nothing is said of the window by an answer that is not about requests."""
    window = result.window
    if window.since is None and window.until is None:
        return [f"Window: all times, shown in {window.tz}."] if result.coverage else []
    return [f"Window: {window_words(window)}."]


def window_words(window: Window) -> str:
    """`from 2026-10-01 up to, not including, 2026-11-01 (UTC)`."""
    if window.since is None and window.until is None:
        return f"all times, shown in {window.tz}"
    zone = zone_named(window.tz)
    since = f"from {_moment(window.since, zone)}" if window.since else ""
    until = f"up to, not including, {_moment(window.until, zone)}" if window.until else ""
    return f"{' '.join(filter(None, (since, until)))} ({window.tz})"


def _moment(moment: datetime, zone: tzinfo) -> str:
    shown = local(moment, zone)
    if not (shown.hour or shown.minute or shown.second):
        return f"{shown:%Y-%m-%d}"
    return f"{shown:%Y-%m-%d %H:%M:%S}".removesuffix(":00")


def _coverage(coverage: Coverage | None) -> list[str]:
    if coverage is None:
        return []
    said = [_counted(coverage.requests, "request")]
    if coverage.priced_requests is not None:
        said.append(f"{coverage.priced_requests:,} priced")
    if coverage.priced_tokens_ratio is not None:
        said.append(f"{_percent(coverage.priced_tokens_ratio)} of tokens priced")
    if coverage.rejected_lines:
        said.append(f"{_counted(coverage.rejected_lines, 'line')} rejected")
    if coverage.duplicates:
        said.append(f"{_counted(coverage.duplicates, 'duplicate')} left out")
    return [f"Counted: {', '.join(said)}."]


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _percent(ratio: float) -> str:
    """100 % is said only of all of them."""
    return "100 %" if ratio >= 1 else f"{min(ratio * 100, 99.9):.1f} %"
