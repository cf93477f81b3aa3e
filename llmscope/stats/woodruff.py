"""The interval of a quantile from that of the share of rows beyond it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llmscope.stats.daily import Shift


def quantile_bounds(q: float, exceeding: Shift) -> tuple[float | None, float | None]:
    """Which quantiles of the later window bound its quantile q, 95 %, the earlier window's error counted in.

    Args:
        q: in [0, 1]. exceeding: the shift of the share of rows over the earlier window's quantile q.

    Method: Woodruff (JASA 47, 1952) for two windows: the half width of the share's interval is taken off q and added,
    and turned back into values by the later window's own quantiles. None where the interval leaves the sample. Divided
    by the earlier quantile, both ends bound the ratio; it misses 1 exactly when the share's interval misses 0.
    """
    reach = (exceeding.high - exceeding.low) / 2
    return (q - reach if q > reach else None), (q + reach if q + reach < 1 else None)
