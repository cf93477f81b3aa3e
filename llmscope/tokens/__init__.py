"""Token counting, offline: a text or chat messages as a model's tokenizer counts them, or how near one can come.

exact: the model's own tokenizer, by tiktoken. assumed: that of its predecessors, which no source confirms. ratio: the
tokens of o200k times what was measured for the model's family, with the error of that; see ratios.py.
"""

from llmscope.tokens.counting import Count, Counter, count, counter
from llmscope.tokens.messages import Message, messages_of, parts_of
from llmscope.tokens.models import CL100K, O200K, Tokenizer, tokenizer_of

__all__ = [
    "CL100K", "O200K", "Count", "Counter", "Message", "Tokenizer", "count", "counter", "messages_of", "parts_of",
    "tokenizer_of",
]  # fmt: skip
