"""Which attributes of a span say what: OpenTelemetry's GenAI conventions of three generations, OpenLLMetry's,
OpenInference's, the Vercel AI SDK's, vLLM's and Langfuse's. The first name that a span has is taken."""

from __future__ import annotations

from collections.abc import Mapping

# Asked of every span, to know which are calls and what is said of whole traces.
SPAN: Mapping[str, tuple[str, ...]] = {
    "operation_name": ("gen_ai.operation.name", "llm.request.type"),
    "inference_kind": ("openinference.span.kind",),
    "step_kind": ("traceloop.span.kind", "langfuse.observation.type"),
    "sdk_operation": ("ai.operationId",),
    "request_model": (
        "gen_ai.request.model", "llm.request.model_name", "llm.request.model", "ai.model.id",
        "langfuse.observation.model.name",
    ),
    "response_model": (
        "gen_ai.response.model", "llm.response.model_name", "llm.model_name", "embedding.model_name",
        "reranker.model_name", "llm.response.model", "ai.response.model",
    ),
    "input_tokens": (
        "gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt", "ai.usage.inputTokens",
        "ai.usage.promptTokens", "llm.usage.prompt_tokens", "ai.usage.tokens",
    ),
    "output_tokens": (
        "gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.token_count.completion",
        "ai.usage.outputTokens", "ai.usage.completionTokens", "llm.usage.completion_tokens",
    ),
    "session_id": (
        "gen_ai.conversation.id", "session.id", "langfuse.session.id", "traceloop.association.properties.session_id",
        "ai.telemetry.metadata.sessionId", "ai.telemetry.metadata.session_id",
    ),
    "user_id": (
        "user.id", "enduser.id", "gen_ai.user", "llm.user", "langfuse.user.id",
        "traceloop.association.properties.user_id", "ai.settings.context.userId", "ai.telemetry.metadata.userId",
        "ai.telemetry.metadata.user_id",
    ),
    "feature": (
        "traceloop.association.properties.feature", "ai.telemetry.metadata.feature", "feature",
        "ai.telemetry.functionId", "gen_ai.workflow.name", "traceloop.workflow.name", "langfuse.trace.name",
        "gen_ai.agent.name", "agent.name", "traceloop.entity.name",
    ),
    "tags": ("tag.tags", "langfuse.trace.tags", "ai.telemetry.metadata.tags"),
    "environment": ("langfuse.environment", "deployment.environment.name", "deployment.environment"),
    "release": ("langfuse.release", "service.version"),
    "error_type": ("error.type",),
    "level": ("langfuse.observation.level",),
    "level_message": ("langfuse.observation.status_message",),
    "http_status": ("http.response.status_code", "http.status_code"),
}  # fmt: skip

# Asked of calls only.
CALL: Mapping[str, tuple[str, ...]] = {
    "provider": ("gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system", "llm.vendor",
                 "ai.model.provider"),
    "host": ("server.address",),
    "response_id": ("gen_ai.response.id", "ai.response.id", "gen_ai.request.id", "llm.response.id"),
    "total_tokens": ("gen_ai.usage.total_tokens", "llm.usage.total_tokens", "llm.token_count.total",
                     "ai.usage.totalTokens"),
    "cache_read_tokens": (
        "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens",
        "gen_ai.usage.cache_read_tokens", "gen_ai.usage.details.cache_read_tokens",
        "llm.token_count.prompt_details.cache_read", "ai.usage.cachedInputTokens",
        "ai.usage.inputTokenDetails.cacheReadTokens",
    ),
    "cache_write_tokens": (
        "gen_ai.usage.cache_write.input_tokens", "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens", "gen_ai.usage.cache_write_tokens",
        "gen_ai.usage.details.cache_write_tokens", "llm.token_count.prompt_details.cache_write",
        "ai.usage.inputTokenDetails.cacheWriteTokens",
    ),
    "reasoning_tokens": (
        "gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens",
        "gen_ai.usage.details.reasoning_tokens", "llm.usage.reasoning_tokens",
        "llm.token_count.completion_details.reasoning", "ai.usage.reasoningTokens",
        "ai.usage.outputTokenDetails.reasoningTokens",
    ),
    "audio_input_tokens": ("gen_ai.usage.audio.input_tokens", "llm.token_count.prompt_details.audio"),
    "image_input_tokens": ("gen_ai.usage.image.input_tokens",),
    "audio_output_tokens": ("gen_ai.usage.audio.output_tokens", "llm.token_count.completion_details.audio"),
    "image_output_tokens": ("gen_ai.usage.image.output_tokens",),
    "cost": ("gen_ai.usage.cost", "llm.cost.total"),
    "service_tier": (
        "openai.response.service_tier", "gen_ai.openai.response.service_tier", "openai.request.service_tier",
        "gen_ai.openai.request.service_tier", "gen_ai.request.service_tier",
    ),
    "finish_reason": (
        "gen_ai.response.finish_reasons", "gen_ai.response.finish_reason", "gen_ai.completion.0.finish_reason",
        "llm.finish_reason", "llm.response.finish_reason", "ai.response.finishReason",
    ),
    "max_tokens": ("gen_ai.request.max_tokens", "gen_ai.request.max_completion_tokens", "llm.request.max_tokens",
                   "ai.settings.maxOutputTokens", "ai.settings.maxTokens"),
    "temperature": ("gen_ai.request.temperature", "llm.temperature", "ai.settings.temperature"),
    "stream": ("gen_ai.request.stream", "gen_ai.is_streaming", "llm.is_streaming"),
    "ttft_s": ("gen_ai.response.time_to_first_chunk", "gen_ai.latency.time_to_first_token",
               "gen_ai.server.time_to_first_token"),
    "ttft_ms": ("ai.response.msToFirstChunk",),
    "queue_s": ("gen_ai.latency.time_in_queue",),
    "inference_s": ("gen_ai.latency.time_in_model_inference",),
    "template": ("gen_ai.prompt.name", "traceloop.prompt.key", "langfuse.observation.prompt.name", "prompt.id"),
    "template_version": (
        "gen_ai.prompt.version", "traceloop.prompt.version", "langfuse.observation.prompt.version",
        "llm.prompt_template.version", "traceloop.prompt.version_hash",
    ),
    "parameters": ("llm.invocation_parameters", "embedding.invocation_parameters",
                   "langfuse.observation.model.parameters"),
    "metadata": ("metadata",),
    "input_text": ("gen_ai.input.messages", "ai.prompt.messages", "ai.prompt", "gen_ai.prompt", "input.value",
                   "gen_ai.prompt.0.content", "ai.value", "langfuse.observation.input"),
    "output_text": ("gen_ai.output.messages", "ai.response.text", "gen_ai.completion", "output.value",
                    "gen_ai.completion.0.content", "langfuse.observation.output"),
}  # fmt: skip

# Langfuse's SDK has its counts and costs in one attribute each, JSON of buckets that do not overlap, or a provider's.
BUCKETS, BUCKET_COSTS = "langfuse.observation.usage_details", "langfuse.observation.cost_details"

# Said of a call or a trace under any name: prefix -> the name is the rest.
METADATA = (
    "traceloop.association.properties.", "ai.telemetry.metadata.", "langfuse.trace.metadata.",
    "langfuse.observation.metadata.",
)  # fmt: skip

# gen_ai.operation.name and its predecessors -> ours. What is not here and has usage is `other`.
OPERATIONS: Mapping[str, tuple[str, ...]] = {
    "chat": ("chat", "responses", "messages", "completion_chat"),
    "text_completion": ("text_completion", "completion", "completions"),
    "generate_content": ("generate_content", "generatecontent"),
    "embeddings": ("embeddings", "embedding", "embed"),
    "rerank": ("rerank", "reranking"),
    "image": ("image", "image_generation", "generate_image", "images"),
    "audio": ("audio", "speech", "transcription", "text_to_speech", "speech_to_text"),
}
# Operations that are no call to a model, though they may repeat the usage of the calls below them.
STEPS: Mapping[str, tuple[str, ...]] = {
    "tool": ("execute_tool", "tool"),
    "retriever": ("retrieval", "retrieve"),
    "agent": ("invoke_agent", "create_agent", "agent"),
    "chain": ("invoke_workflow", "plan", "workflow", "task"),
}
# OpenInference's, OpenLLMetry's and Langfuse's kinds of span -> ours.
KINDS: Mapping[str, tuple[str, ...]] = {
    "llm": ("llm", "generation"),
    "embedding": ("embedding",),
    "reranker": ("reranker",),
    "tool": ("tool",),
    "retriever": ("retriever",),
    "agent": ("agent",),
    "chain": ("chain", "workflow", "task", "span"),
    "guardrail": ("guardrail",),
    "evaluator": ("evaluator",),
    "prompt": ("prompt",),
    "other": ("decision", "event"),
}

# Attributes that are texts of a prompt or an answer, may hold one, or a secret: never among those a span keeps.
TEXTUAL = (
    "(?i)(prompt|completion|message|content|stacktrace|args|argument|param|document|vector|instruction|definition"
    "|tools|header|query|statement|body|choice|schema|cookie|authorization|password|secret|credential|api_?key"
    r"|(^|[._])(text|token|value|input|output|result|toolcalls?|values|object|description|question|answer|response"
    r"|embeddings?|summary|label|explanation)$)"
)
# Names that look so and are labels. Figures are kept under any name.
TELLING = r"\.(key|version|name|id|role|finish_reason|mime_type|count)$|^gen_ai\.request\."
