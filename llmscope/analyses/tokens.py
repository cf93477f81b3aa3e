"""What uses the tokens, do prompts grow, are answers cut off, what do conversations cost, is the cache working?

Without a flag: how many tokens of each kind, in all and a request, by any dimension. One flag asks one thing more:
- --trend: tokens a request over time, the day a level changed, and what changed with it.
- --truncation: answers ended by their length, how near answers come to max_tokens and prompts to the context window.
- --sessions: tokens and cost by turn of a conversation, and the conversations that cost most.
- --caching: what the provider's prompt cache read and wrote, what it saved, and the prefixes that are never cached.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Annotated

from llmscope.analyses._tokens_asked import Asked
from llmscope.errors import UsageError
from llmscope.result import Result

if TYPE_CHECKING:
    from llmscope.logs import Logs

# The tables it asks; of log files, only those that fill them are read.
TABLES = ("requests",)
# Columns it never looks at: of log files they are not read unless --by or --where names them.
UNREAD = (
    "response_id", "trace_id", "span_id", "parent_span_id", "finish_reason_raw", "error_message", "error_type",
    "prompt_hash", "prefix_hashes", "embedding", "tags", "metadata", "temperature",
    "sample_weight", "service", "environment", "release", "language", "item_id", "attempt", "fallback", "source_line",
    "ttft_ms", "queue_ms", "network_ms", "inference_ms", "postprocess_ms", "input_text", "output_text",
)  # fmt: skip
# What an option looks at besides: tables, and columns of UNREAD.
BRINGS = {
    "sessions": ("attempt",),
    "trend": ("scores", "trace_id", "response_id", "span_id"),
    "caching": ("prefix_hashes", "prompt_hash"),
}
FLAGS = ("trend", "truncation", "sessions", "caching")


def tokens(
    logs: Logs,
    by: Annotated[str | None, "dimensions to group by, comma-separated"] = None,
    over: Annotated[str | None, "hour, day, week or month: a row a bucket"] = None,
    top: Annotated[int | None, "only the first N slices in the order of --sort; the rest together as (other)"] = None,
    sort: Annotated[str | None, "column to sort by"] = None,
    metric: Annotated[str | None, "of --trend: input (default), output, total, cached, reasoning"] = None,
    trend: Annotated[bool, "tokens a request over time: slope, day of a change, cause"] = False,
    truncation: Annotated[bool, "answers cut off, and how near the limits are"] = False,
    sessions: Annotated[bool, "by turn of a conversation, and the dearest conversations"] = False,
    caching: Annotated[bool, "the provider's prompt cache: hits, savings, prefixes never cached"] = False,
    include: Annotated[str | None, "count these too: failed, cached, embeddings, or all"] = None,
) -> Result:
    """Tokens by dimension; with a flag, their trend, truncation, sessions or caching; see the module's words."""
    if top is not None and top < 1:
        raise UsageError("--top takes a number of 1 or more")
    flags = {"trend": trend, "truncation": truncation, "sessions": sessions, "caching": caching}
    given = [name for name in FLAGS if flags[name]]
    if len(given) > 1:
        raise UsageError(f"--{given[0]} and --{given[1]} are two questions", hint="ask one at a time")
    if metric and given != ["trend"]:
        raise UsageError("--metric goes with --trend")
    asked = Asked(logs, by, over, top, sort, metric, include)
    return answers(given[0] if given else "use")(asked)


def answers(which: str) -> Callable[[Asked], Result]:
    """The room that answers one flag, imported when it is asked."""
    module = import_module(f"llmscope.analyses._tokens_{which}")
    found: Callable[[Asked], Result] = module.answer
    return found
