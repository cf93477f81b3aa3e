"""Which tokenizer a model has: by its name as logs write it, whoever serves it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Method = Literal["exact", "assumed", "ratio"]
CL100K, O200K = "cl100k_base", "o200k_base"

# What stands before a name: a host and its folders, a Bedrock region, a maker.
REGION = re.compile(r"^(?:us-gov|us|eu|apac|ap|jp|au|ca|in|sa|me|af|global|regional)\.(?=[a-z0-9-]+\.)")
MAKER = re.compile(r"^(?:anthropic|openai|meta|mistral|deepseek|cohere|amazon|google|moonshotai|qwen|zai)\.")
TUNED = re.compile(r"^ft:([^:]+).*$")
# What stands after it: a date, a version of the host's, -latest, a context marker.
TAIL = re.compile(
    r"(?:@(?:latest|default|\d{8}|\d{3})|:(?:thinking|free|beta|nitro)|\[\d+[km]\]|(?<!claude)-v\d+:\d+(?::\d+k)?|-latest"
    r"|[-:]\d{4}-\d{2}-\d{2}|[-:](?:19|20)\d{6})$"
)

# tiktoken's own table (model.py) without its prefixes of hosts, and o1, o3 and o4 in all their sizes.
EXACT: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?:chatgpt-4o|gpt-4o|gpt-4\.1|gpt-4\.5|gpt-5|gpt-oss|o1|o3|o4)(?![a-z0-9])"), O200K),
    (re.compile(r"(?:gpt-4|gpt-3\.5|text-embedding-3|text-embedding-ada-002|davinci-002|babbage-002)(?![a-z0-9])"),
     CL100K),
)  # fmt: skip
# OpenAI's later and other models, for which no source names a tokenizer.
ASSUMED = re.compile(r"(?:gpt-(?:[6-9]|[1-9]\d)(?!\d)|gpt-(?:realtime|audio|image)|o[5-9](?![a-z0-9])|codex-mini)")
# A deployment that somebody named after its model: gpt-4o-prod is exact, my-gpt-4o is not known to be.
NAMED_AFTER = re.compile(r"(?<![a-z0-9])(?:gpt-4o|gpt-4\.1|gpt-4\.5|gpt-5|gpt-oss|gpt-4|gpt-3\.5)(?![a-z0-9])")

CLAUDE = re.compile(r"claude")
CLAUDE_VERSION = re.compile(r"claude(?:-(?!instant)[a-z]+)?-v?(\d{1,2})(?:[.-](\d{1,2})(?!\d))?")
FAMILIES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"llama[-.]?v?3|distill-llama"), "Llama 3"),
    (re.compile(r"qwen[-.]?[23]|qwen-(?:max|plus|turbo|flash)|qwq|distill-qwen"), "Qwen"),
    (re.compile(r"deepseek"), "DeepSeek"),
    (re.compile(r"gemini"), "Gemini"),
)


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """How a model's tokens are counted: the encoding, how sure that is, and the family whose ratio is taken."""

    encoding: str
    method: Method
    family: str = "OpenAI"


@lru_cache(maxsize=4096)
def tokenizer_of(model: str) -> Tokenizer:
    """The tokenizer of a model by its name as logged; of an unknown one o200k, as a rough guess."""
    name = plain(model)
    for pattern, encoding in EXACT:
        if pattern.match(name):
            return Tokenizer(encoding, "exact")
    if ASSUMED.match(name):
        return Tokenizer(O200K, "assumed")
    family = family_of(name)
    if family is None and (found := NAMED_AFTER.search(name)):
        return Tokenizer(next(e for p, e in EXACT if p.match(found[0])), "assumed")
    return Tokenizer(O200K, "ratio", family or "unknown")


def plain(model: str) -> str:
    """The name alone: openrouter/openai/gpt-4o-2024-08-06 and "GPT 4o" are gpt-4o."""
    name = re.sub(r"[\s_]+", "-", model.strip().lower().rsplit("/", 1)[-1])
    name = TUNED.sub(r"\1", name)
    name = MAKER.sub("", REGION.sub("", name)).replace("gpt-35", "gpt-3.5").replace("gpt4", "gpt-4")
    for _ in range(3):
        name = TAIL.sub("", name)
    return name


def family_of(name: str) -> str | None:
    """The family whose ratio to o200k was measured; None of any other."""
    if CLAUDE.search(name):
        return claude_of(name)
    return next((family for pattern, family in FAMILIES if pattern.search(name)), None)


def claude_of(name: str) -> str:
    """Claude's three tokenizers: of 2, of 3 to 4.6, and from 4.7 on; a name without a version may be any."""
    if "instant" in name:
        return "Claude 2"
    found = CLAUDE_VERSION.search(name)
    if found is None:
        return "Claude"
    version = (int(found[1]), int(found[2] or 0))
    return "Claude 2" if version < (3, 0) else "Claude 3 to 4.6" if version < (4, 7) else "Claude 4.7 and later"
