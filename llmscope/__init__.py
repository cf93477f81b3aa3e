"""llmscope answers questions about LLM request logs: `llmscope.open("logs/").cost(by="feature")`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llmscope.logs import Logs


def open(*paths: str, **options: Any) -> Logs:
    """Logs from files, folders and globs, or (without paths) the store; see llmscope.opening.open."""
    from llmscope import opening

    return opening.open(*paths, **options)
