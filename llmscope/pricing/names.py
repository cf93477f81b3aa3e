"""Names: a logged provider and model become the exact names a price may stand under, most literal first.

Nothing here is fuzzy. A name is only ever respelled by known conventions: the host written before it, a Bedrock
region or ARN, a Vertex @date, a dated or -latest suffix, a context marker, a display name. A fine-tune is never
taken for the model it was tuned from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Kind = Literal["exact", "stripped"]

# What logs call a host, and what the catalogue does.
HOSTS = {
    "openai": "openai", "text-completion-openai": "openai", "openai_like": "", "codex": "openai",
    "anthropic": "anthropic", "claude": "anthropic",
    "google": "google", "gemini": "google", "vertex_ai": "google", "vertex-ai": "google", "vertexai": "google",
    "vertex": "google", "vertex_ai_beta": "google", "gcp.gemini": "google", "gcp.vertex_ai": "google",
    "gcp.gen_ai": "google", "google_genai": "google", "google-genai": "google", "google-gla": "google",
    "google-vertex": "google", "google_vertexai": "google", "google-ai": "google", "palm": "google",
    "vertex_ai-language-models": "google", "vertex_ai-anthropic_models": "google",
    "aws": "aws", "aws.bedrock": "aws", "bedrock": "aws", "amazon": "aws", "amazon-bedrock": "aws",
    "amazon_bedrock": "aws", "bedrock_converse": "aws", "aws_bedrock": "aws", "anthropic-bedrock": "aws",
    "azure": "azure", "azure_openai": "azure", "azure-openai": "azure", "azure_ai": "azure",
    "azure.ai.openai": "azure", "azure.ai.inference": "azure", "az.ai.openai": "azure", "az.ai.inference": "azure",
    "azure_text": "azure", "azureopenai": "azure", "azure-ai": "azure",
    "mistral": "mistral", "mistral_ai": "mistral", "mistralai": "mistral", "codestral": "mistral",
    "x-ai": "x-ai", "x_ai": "x-ai", "xai": "x-ai", "grok": "x-ai",
    "deepseek": "deepseek", "cohere": "cohere", "cohere_chat": "cohere", "groq": "groq", "perplexity": "perplexity",
    "openrouter": "openrouter", "together": "together", "together_ai": "together", "together-ai": "together",
    "togetherai": "together", "fireworks": "fireworks", "fireworks_ai": "fireworks", "fireworks-ai": "fireworks",
    "moonshotai": "moonshotai", "moonshot": "moonshotai", "moonshot_ai": "moonshotai", "kimi": "moonshotai",
    "zai": "zai", "z-ai": "zai", "z.ai": "zai", "zhipuai": "zhipuai", "zhipu": "zhipuai", "bigmodel": "zhipuai",
    "alibaba": "alibaba", "dashscope": "alibaba", "qwen": "alibaba", "minimax": "minimax", "cerebras": "cerebras",
    "novita": "novita", "novita-ai": "novita", "cloudflare": "cloudflare", "workers-ai": "cloudflare",
    "databricks": "databricks", "baseten": "baseten", "github": "github", "github_copilot": "github-copilot",
    "github-copilot": "github-copilot", "copilot": "github-copilot", "voyage": "voyageai", "voyageai": "voyageai",
    "ovhcloud": "ovhcloud", "meta": "meta", "meta_llama": "meta", "avian": "avian", "arcee": "arcee",
    "ai21": "ai21", "elevenlabs": "elevenlabs", "huggingface": "huggingface", "deepinfra": "deepinfra",
    "nebius": "huggingface_nebius", "hyperbolic": "huggingface_hyperbolic", "sambanova": "huggingface_sambanova",
    "volcengine": "volcengine", "xiaomi": "xiaomi", "xiaomi_mimo": "xiaomi", "upstage": "upstage",
    "ollama": "ollama", "ollama_chat": "ollama", "lm_studio": "lm_studio", "lmstudio": "lm_studio",
    "vllm": "vllm", "hosted_vllm": "vllm", "llamafile": "llamafile", "llama.cpp": "llama.cpp", "llama_cpp": "llama.cpp",
    "localai": "localai", "xinference": "xinference", "triton": "triton", "oobabooga": "oobabooga",
}  # fmt: skip
LOCAL = frozenset(
    ("ollama", "lm_studio", "vllm", "llamafile", "llama.cpp", "localai", "xinference", "triton", "oobabooga")
)
# Gateways in whose name logs are written: the model's own prefix says who served it.
GATEWAYS = frozenset(("litellm", "litellm_proxy", "gateway", "proxy", "portkey", "helicone", "langfuse", "custom"))
# A host that serves another's models at that maker's own price when it lists none itself.
FALLBACK = {"azure": ("openai", "anthropic", "deepseek", "x-ai", "moonshotai"), "google": ("anthropic",)}

REGIONS = "us-gov|us|eu|apac|ap|jp|au|ca|in|sa|me|af|global"
ARN = re.compile(r"arn:aws[\w-]*:bedrock:([\w-]*):\d*:(?:foundation-model|inference-profile)/(.+)", re.IGNORECASE)
VERTEX_PATH = re.compile(r"(?:projects/[^/]+/)?(?:locations/[^/]+/)?publishers/([^/]+)/models/(.+)", re.IGNORECASE)
BEDROCK_VERSION = re.compile(r"(?:-v\d+)?(?::\d+)?(?::\d+k)?$")
BEDROCK_REGION = re.compile(rf"(?:{REGIONS})\.(?=[a-z0-9]+\.)")
MAKER_DOT = re.compile(r"(?:anthropic|openai|meta|mistral|deepseek|cohere|amazon|google|moonshotai|zai)\.")
SUFFIXES = tuple(
    re.compile(pattern)
    for pattern in (
        r"\[\d+[km]\]$",
        r":thinking$",
        r":\d{8}(-v\d+)?$",
        r":\d{4}-\d{2}-\d{2}(-v\d+)?$",
        r"@(latest|default|\d{8}|\d{3})$",
        r"-latest$",
        r"-\d{4}-\d{2}-\d{2}$",
        r"-(?:19|20)\d{6}$",
        r"(?<=-preview)-\d{2}-\d{2}$",
        r"(?<=-preview)-\d{2}-\d{4}$",
        r"(?<=-pro|lash|h-8b|lite)-00\d$",
    )
)
COMPACT_DATE = re.compile(r"-(20\d{2})(\d{2})(\d{2})$")
DASHED_DATE = re.compile(r"-(20\d{2})-(\d{2})-(\d{2})$")
CLAUDE_ORDER = re.compile(r"claude-(\d+)(?:-(\d+))?-(opus|sonnet|haiku)(.*)$")
CLAUDE_NEW = re.compile(r"claude-(opus|sonnet|haiku)-(\d+)(?:-(\d+))?(.*)$")
TUNED = re.compile(r"(ft:[\w.-]+?)(?::.*)?$")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One name to look for at one host (None: whoever makes the model)."""

    host: str | None
    name: str
    kind: Kind


def host_of(provider: str | None) -> str | None:
    """The catalogue's word for a logged provider; an unknown one stands for itself, a gateway for nobody."""
    if not provider or not provider.strip():
        return None
    word = provider.strip().lower()
    if word in GATEWAYS:
        return None
    if word not in HOSTS and word.split(".")[0] in ("openai", "anthropic", "groq", "mistral"):
        word = word.split(".")[0]
    return HOSTS.get(word, word) or None


def is_local(provider: str | None, model: str) -> bool:
    """Whether it ran on one's own machine."""
    prefix = model.split("/", 1)[0] if "/" in model else None
    return host_of(provider) in LOCAL or host_of(prefix) in LOCAL


@lru_cache(maxsize=4096)
def candidates(provider: str | None, model: str) -> tuple[Candidate, ...]:
    """Every spelling to look for, most literal first, each once."""
    seen: dict[tuple[str | None, str], Candidate] = {}
    for host, name in _placed(provider, model.strip()):
        for spelling, kind in _spellings(host, name):
            seen.setdefault((host, spelling), Candidate(host, spelling, kind))
    return tuple(sorted(seen.values(), key=lambda c: c.kind != "exact"))


def _placed(provider: str | None, text: str) -> Iterator[tuple[str | None, str]]:
    """(host, name) readings of a logged name: whole at the logged provider, then without the host before it."""
    host = host_of(provider)
    arn, path = ARN.fullmatch(text), VERTEX_PATH.fullmatch(text)
    if arn:
        yield "aws", arn[2].lower()
        return
    if path:
        text, host = path[2], host or "google"
    name = text.lower()
    if host is None and (BEDROCK_REGION.match(name) or MAKER_DOT.match(name)):
        host = "aws"
    yield host, name
    while "/" in name:
        prefix, rest = name.split("/", 1)
        named = "google" if prefix == "models" else host_of(prefix)
        if (
            prefix in ("models", "accounts", "converse", "invoke")
            or prefix in HOSTS
            or prefix in GATEWAYS
            or named == host
        ):
            host = host or named
            yield host, rest
        elif re.fullmatch(rf"(?:{REGIONS})-[a-z]+-\d", prefix):
            yield host, rest
        elif host is None:
            return
        name = rest


def _spellings(host: str | None, name: str) -> Iterator[tuple[str, Kind]]:
    """The name itself, then each respelling of it."""
    yield name, "exact"
    if host is None and "/" in name:
        return
    if name.startswith("ft:"):
        yield from ((tuned, "stripped") for tuned in _tuned(name))
        return
    if ".ft-" in name or ":ft-" in name:
        return
    plain = _plain(name)
    bases = [name, plain, *_claude(plain), plain.replace("gpt-35", "gpt-3.5")]
    if host == "aws" or BEDROCK_REGION.match(name) or MAKER_DOT.match(name):
        bases = [*_bedrock(host, name), *bases]
    for base in dict.fromkeys(bases):
        yield base, "stripped"
        yield from ((other, "stripped") for other in _redated(base))
    for base in dict.fromkeys(bases):
        yield from ((shorter, "stripped") for shorter in _shortened(base))


def _plain(name: str) -> str:
    """A display name as an id: "Claude 3.5 Haiku (beta)" is claude-3.5-haiku-beta."""
    return re.sub(r"[\s_]+", "-", re.sub(r"[()]", "", name)).strip("-")


def _claude(name: str) -> list[str]:
    """Both orders of a Claude name, with hyphens and with dots in its version."""
    maker, slash, name = name.rpartition("/")
    if not name.startswith("claude-"):
        return []
    dashed = re.sub(r"(?<=\d)\.(?=\d)", "-", name)
    found = [dashed]
    if match := CLAUDE_ORDER.match(dashed):
        major, minor, family, rest = match.groups()
        found.append("-".join(filter(None, ("claude", family, major, minor))) + rest)
    elif (match := CLAUDE_NEW.match(dashed)) and int(match[2]) < 4:
        family, major, minor, rest = match.groups()
        found.append("-".join(filter(None, ("claude", major, minor, family))) + rest)
    dotted = [re.sub(r"(?<=-\d)-(?=\d(?:-|$))", ".", spelling) for spelling in found]
    return [maker + slash + spelling for spelling in (*found, *dotted)]


def _bedrock(host: str | None, name: str) -> list[str]:
    """Bedrock ids without version or region; us., eu. and the like are one regional price, global. another."""
    bare = BEDROCK_VERSION.sub("", name)
    found = [bare]
    region = BEDROCK_REGION.match(bare)
    rest = bare[region.end() :] if region else bare
    maker = MAKER_DOT.match(rest)
    if not (region and region[0] == "global."):
        found += [f"regional.{rest}", rest]
        if maker:
            found.append(rest[maker.end() :])
    return found


def _redated(name: str) -> list[str]:
    """The same date with and without hyphens."""
    if COMPACT_DATE.search(name):
        return [COMPACT_DATE.sub(r"-\1-\2-\3", name)]
    return [DASHED_DATE.sub(r"-\1\2\3", name)] if DASHED_DATE.search(name) else []


def _shortened(name: str) -> Iterator[str]:
    """The name without its suffixes, one after the other, each also under -latest."""
    shorter = name
    for _ in range(3):
        cut = next((pattern.sub("", shorter) for pattern in SUFFIXES if pattern.search(shorter)), shorter)
        if cut == shorter:
            break
        shorter = cut
        yield shorter
    if shorter.startswith("claude-"):
        yield from (shorter + ending for ending in ("-latest", "-0"))


def _tuned(name: str) -> list[str]:
    """ft:BASE:ORG:SUFFIX:ID as the price lists name a fine-tune: by its base alone, dated or not."""
    match = TUNED.match(name)
    if match is None:
        return []
    base = match[1]
    return list(dict.fromkeys((base, DASHED_DATE.sub("", base), re.sub(r"-\d{4}$", "", base))))
