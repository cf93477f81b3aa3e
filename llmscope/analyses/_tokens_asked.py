"""What was asked of `tokens`, the same for each of its answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llmscope.logs import Logs


@dataclass(frozen=True)
class Asked:
    """The options of `tokens` as given; None where the person was silent, so that each answer has its own default."""

    logs: Logs
    by: str | None = None
    over: str | None = None
    top: int | None = None
    sort: str | None = None
    metric: str | None = None
    include: str | None = None
