"""The rules that hold on every row, whatever a usage object says."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmscope.sources._usage import normalise
from llmscope.sources._usage_keys import SPELLINGS

COUNT = st.one_of(
    st.integers(0, 60),
    st.integers(0, 2**31),
    st.none(),
    st.integers(-5, 2**70),
    st.sampled_from(["7", "x", "", "1e3", True]),
)


@st.composite
def usages(draw: st.DrawFn) -> dict[str, Any]:
    """Any mix of the keys of all providers."""
    paths = draw(st.lists(st.sampled_from(sorted(p for places in SPELLINGS.values() for p in places)), max_size=9))
    usage: dict[str, Any] = {}
    for path in paths:
        *parents, last = path.split(".")
        inner = usage
        for parent in parents:
            found = inner.setdefault(parent, {})
            inner = found if isinstance(found, dict) else {}
        inner[last] = draw(COUNT)
    return usage


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(usages(), min_size=20, max_size=60))
def test_rules_hold_for_any_usage(many: list[dict[str, Any]]) -> None:
    """cache <= input, reasoning <= output, times to live <= written, and nothing is negative."""
    for usage, row in zip(many, normalise(many), strict=True):
        get = lambda name, row=row: row.get(f"{name}_tokens", 0)  # noqa: E731
        written = [get(f"cache_write_{ttl}") for ttl in ("5m", "30m", "1h", "12h")]
        holds = [
            "input_tokens" not in row or get("cache_read") + get("cache_write") <= row["input_tokens"],
            "output_tokens" not in row or get("reasoning") <= row["output_tokens"],
            sum(written) <= get("cache_write"),
            all(value >= 0 for name, value in row.items() if name.endswith("_tokens")),
            row["usage_semantics"] in ("inclusive", "exclusive_fixed", "guessed", "missing"),
        ]

        assert all(holds), (usage, row, holds)
