"""Words that every provider spells its own way: how an answer ended, who gave it, what went wrong. All as SQL.

Each function takes SQL of a text (NULL where the source has none) and gives SQL of our word for it. They run on every
row of a load, so they compare and never match patterns, but for the few rows that carry an error message.
"""

from __future__ import annotations

from collections.abc import Mapping

from llmscope.sources import literal
from llmscope.sources._errors import arms, error_class_sql, listed, lookup, status_sql

NOTHING = "CAST(NULL AS VARCHAR)"

__all__ = ["error_class_sql", "finish_reason_sql", "provider_sql", "refusal_sql", "status_sql"]

FINISH: Mapping[str, tuple[str, ...]] = {
    "stop": (
        "stop", "end_turn", "stop_sequence", "complete", "completed", "eos", "eos_token", "end", "end_of_turn",
        "finish", "finished", "done", "success", "1",
    ),
    "length": (
        "length", "max_tokens", "max_output_tokens", "max_completion_tokens", "max_length", "max_new_tokens",
        "model_length", "model_context_window_exceeded", "token_limit", "truncated", "2",
    ),
    "tool_calls": ("tool_calls", "tool_use", "tool_call", "tool-calls", "function_call", "function_calls"),
    "content_filter": (
        "content_filter", "content-filter", "content_filtered", "contentfilter", "safety", "recitation", "refusal",
        "prohibited_content", "blocklist", "spii", "guardrail_intervened", "guardrails", "model_armor", "sensitive",
        "error_toxic", "image_safety", "image_prohibited_content", "image_recitation", "jailbreak", "3", "4",
    ),
    "error": (
        "error", "failed", "failure", "network_error", "malformed_function_call", "unexpected_tool_call",
        "malformed_response", "malformed_model_output", "malformed_tool_use", "too_many_tool_calls",
        "missing_thought_signature", "insufficient_system_resource", "error_limit", "timeout", "invalid_tool_call",
    ),
}  # fmt: skip
NO_FINISH = ("", "null", "none", "finish_reason_unspecified", "0")
REFUSED = ("refusal",)

PROVIDERS: Mapping[str, tuple[str, ...]] = {
    "openai": (
        "openai", "open_ai", "openai-chat", "openai.chat", "openai.responses", "openai_chat", "openai.completion",
        "openai_responses", "openai.embedding", "api.openai.com",
    ),
    "anthropic": ("anthropic", "anthropic.messages", "claude", "api.anthropic.com"),
    "gcp.gemini": (
        "gcp.gemini", "gemini", "google_ai_studio", "google-ai-studio", "google.generative-ai", "google-gla",
        "google_genai", "google_ai", "generativelanguage.googleapis.com", "googleai", "google_generativeai",
    ),
    "gcp.vertex_ai": (
        "gcp.vertex_ai", "vertex_ai", "vertexai", "vertex", "vertex ai", "google-vertex", "google.vertex",
        "google_vertexai", "vertex_ai_beta", "aiplatform.googleapis.com", "google_vertex", "vertex-ai",
    ),
    "gcp.gen_ai": ("gcp.gen_ai", "google", "gcp"),
    "aws.bedrock": (
        "aws.bedrock", "bedrock", "aws_bedrock", "aws-bedrock", "amazon-bedrock", "amazon_bedrock", "amazon bedrock",
        "bedrock_converse", "bedrock-runtime", "aws", "amazon",
    ),
    "azure.ai.openai": (
        "azure.ai.openai", "az.ai.openai", "azure", "azure_openai", "azure-openai", "azureopenai", "azure openai",
        "azure.openai", "openai_azure",
    ),
    "azure.ai.inference": ("azure.ai.inference", "az.ai.inference", "azure_ai", "azure_ai_inference", "azure-ai"),
    "x_ai": ("x_ai", "xai", "x-ai", "x.ai", "grok", "api.x.ai"),
    "mistral_ai": ("mistral_ai", "mistral", "mistralai", "mistral-ai", "api.mistral.ai"),
    "groq": ("groq", "api.groq.com"),
    "deepseek": ("deepseek", "deepseek-ai", "deepseek_ai", "api.deepseek.com"),
    "cohere": ("cohere", "cohere_chat", "cohere-ai", "api.cohere.com", "api.cohere.ai"),
    "perplexity": ("perplexity", "perplexity-ai", "api.perplexity.ai"),
    "openrouter": ("openrouter", "open_router", "openrouter.ai"),
    "together": ("together", "together_ai", "together-ai", "togetherai", "api.together.xyz", "api.together.ai"),
    "fireworks": ("fireworks", "fireworks_ai", "fireworks-ai", "api.fireworks.ai"),
    "huggingface": ("huggingface", "hugging_face", "hf", "huggingface_hub", "router.huggingface.co"),
    "cerebras": ("cerebras", "api.cerebras.ai"),
    "moonshot_ai": ("moonshot_ai", "moonshot", "moonshotai", "kimi", "api.moonshot.ai", "api.moonshot.cn"),
    "ibm.watsonx.ai": ("ibm.watsonx.ai", "watsonx", "watsonx.ai", "ibm"),
    "ollama": ("ollama", "ollama_chat", "localhost:11434", "127.0.0.1:11434"),
    "vllm": ("vllm", "hosted_vllm"),
}  # fmt: skip
# What is written where a provider belongs and is none: a framework, a gateway, OpenTelemetry's word for anyone else.
NO_PROVIDER = ("", "_other", "unknown", "gcp.vertex.agent", "langchain", "litellm")
HOST_ENDS: Mapping[str, str] = {
    ".openai.azure.com": "azure.ai.openai",
    ".services.ai.azure.com": "azure.ai.inference",
    ".cognitiveservices.azure.com": "azure.ai.openai",
    "aiplatform.googleapis.com": "gcp.vertex_ai",
}

# How a model's name begins (where no path before it names the host) and who makes it.
MODEL_STARTS: Mapping[str, str] = {
    "gpt": "openai", "chatgpt": "openai", "o1": "openai", "o3": "openai", "o4": "openai",
    "text-embedding-3": "openai", "text-embedding-ada": "openai", "text-davinci": "openai", "dall-e": "openai",
    "davinci": "openai", "babbage": "openai", "whisper": "openai", "tts-": "openai", "ft:gpt": "openai",
    "codex": "openai", "omni-moderation": "openai", "claude": "anthropic", "gemini": "gcp.gemini",
    "models/gemini": "gcp.gemini", "anthropic.": "aws.bedrock", "us.": "aws.bedrock", "eu.": "aws.bedrock",
    "apac.": "aws.bedrock", "global.": "aws.bedrock", "jp.": "aws.bedrock", "amazon.": "aws.bedrock",
    "meta.llama": "aws.bedrock", "cohere.": "aws.bedrock", "mistral.": "aws.bedrock", "arn:aws:bedrock": "aws.bedrock",
    "grok": "x_ai", "deepseek-chat": "deepseek", "deepseek-reasoner": "deepseek", "deepseek-v4": "deepseek",
    "mistral-": "mistral_ai", "codestral": "mistral_ai", "ministral": "mistral_ai", "magistral": "mistral_ai",
    "pixtral": "mistral_ai", "devstral": "mistral_ai", "command-": "cohere", "embed-": "cohere", "rerank-": "cohere",
    "sonar": "perplexity", "kimi": "moonshot_ai", "moonshot": "moonshot_ai",
}  # fmt: skip
# Anyone may host these, so the maker before the name is not the provider.
OPEN_WEIGHTS = ("gpt-oss", "gemma", "mistralai/", "deepseek-ai/")


def finish_reason_sql(raw: str) -> str:
    """stop, length, tool_calls, content_filter, error or other; NULL when none is given. A list of one is that one."""
    word = f"lower(trim({raw}, '[]\" '))"
    none = f"WHEN {raw} IS NULL OR {word} IN {listed(NO_FINISH)} THEN NULL"
    return f"CASE {arms(word, FINISH)} {none} ELSE 'other' END"


def refusal_sql(finish_raw: str) -> str:
    """Whether the reason says that the model declined; NULL when there is no reason."""
    return f"CASE WHEN {finish_raw} IS NOT NULL THEN CAST(lower({finish_raw}) IN {listed(REFUSED)} AS VARCHAR) END"


def provider_sql(raw: str, model: str, host: str = NOTHING) -> str:
    """OpenTelemetry's name of the provider: as named, else by the host called, else by the model's name."""
    known = {NOTHING, "NULL", "NULL::VARCHAR"}
    ways = [way(sql) for way, sql in ((_by_name, raw), (_by_host, host), (_by_model, model)) if sql not in known]
    return f"coalesce({', '.join([*ways, NOTHING])})"


def _by_name(raw: str) -> str:
    """A name in our spelling; one we do not know stays."""
    word = f"lower({raw})"
    return f"CASE {arms(word, PROVIDERS)} WHEN {word} IN {listed(NO_PROVIDER)} THEN NULL ELSE {word} END"


def _by_host(host: str) -> str:
    """Whose server it is; a gateway's tells nothing."""
    place = f"lower({host})"
    ends = " ".join(f"WHEN ends_with({place}, {literal(end)}) THEN {literal(who)}" for end, who in HOST_ENDS.items())
    ends += f" WHEN starts_with({place}, 'bedrock') AND contains({place}, 'amazonaws.com') THEN 'aws.bedrock'"
    return f"CASE WHEN {host} IS NOT NULL THEN coalesce({lookup(place, PROVIDERS)}, CASE {ends} END) END"


def _by_model(model: str) -> str:
    """The provider a model's name tells of: the path before it, else its maker."""
    name = f"lower({model})"
    path = lookup(f"split_part({name}, '/', 1)", PROVIDERS)
    weights = " OR ".join(f"contains({name}, {literal(word)})" for word in OPEN_WEIGHTS)
    starts = " ".join(
        f"WHEN starts_with({name}, {literal(start)}) THEN {literal(who)}" for start, who in MODEL_STARTS.items()
    )
    return f"CASE WHEN {weights} THEN NULL WHEN contains({model}, '/') AND {path} IS NOT NULL THEN {path} {starts} END"
