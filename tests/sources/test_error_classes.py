"""What failed, in our classes: sentences of every provider's kind, written for this test, in the shapes they have."""

from __future__ import annotations

import duckdb
import pytest

from llmscope.sources._errors import error_class_sql

# provider or SDK, HTTP status, type or code, message, our class. The sentences are our own, of the providers' kinds.
CASES: tuple[tuple[str, str | None, str | None, str | None, str], ...] = (
    # OpenAI: {"error": {"message", "type", "code"}}; the code says more than the type.
    ("openai", "429", "rate_limit_exceeded", "Rate limit reached for m on requests per min (RPM): 500.", "rate_limit"),
    ("openai", "429", "tokens",
     "Request too large for m on tokens per min (TPM): Limit 9, Requested 99.", "rate_limit"),
    ("openai", "429", "tokens", "Too many tokens per day (TPD): Limit 90000, Used 89999.", "rate_limit"),
    ("openai", "429", "insufficient_quota", "You exceeded your current quota, check your plan.", "quota"),
    ("openai", "429", "RateLimitError", "Error code: 429 - {'error': {'code': 'insufficient_quota'}}", "quota"),
    ("openai", "400", "billing_hard_limit_reached", "Billing hard limit has been reached", "quota"),
    ("openai", "400", "context_length_exceeded",
     "This model's maximum context length is 8192 tokens.", "context_length"),
    ("openai", "400", "invalid_request_error",
     "maximum context length is 8192 tokens, you asked 9000", "context_length"),
    ("openai", "400", "string_above_max_length", "Invalid 'input': string too long.", "context_length"),
    ("openai", "400", "content_policy_violation", "Rejected as a result of our safety system.", "content_safety"),
    ("openai", "400", "invalid_prompt",
     "Your prompt was flagged as potentially violating our policy.", "content_safety"),
    ("openai", "400", "invalid_prompt", "Invalid prompt: expected an array of messages.", "input_validation"),
    ("openai", "401", "invalid_api_key", "Incorrect API key provided: sk-made-up.", "authentication"),
    ("openai", "401", "invalid_request_error", "You didn't provide an API key.", "authentication"),
    ("openai", "403", "unsupported_country_region_territory", "Country not supported", "authentication"),
    ("openai", "403", "model_not_found", "Project has no access to model m", "authentication"),
    ("openai", "404", "model_not_found",
     "The model m does not exist or you do not have access to it.", "input_validation"),
    ("openai", "400", "unknown_parameter", "Unknown parameter: 'shine'.", "input_validation"),
    ("openai", "400", None, "Timeout must be a positive number", "input_validation"),
    ("openai", "500", "server_error", "The server had an error while processing your request.", "server"),
    ("openai", "503", "server_error", "The engine is currently overloaded, please try again later", "overloaded"),
    ("openai", "503", "slow_down", "Slow down", "overloaded"),
    ("openai", None, "server_error", "The model is overloaded with other requests.", "overloaded"),
    ("openai", None, "rate_limit_exceeded", None, "rate_limit"),
    ("openai", None, "APITimeoutError", "Request timed out.", "timeout"),
    ("openai", None, "openai.APIConnectionError", "Connection error.", "network"),
    ("openai", None, "openai.BadRequestError",
     "Error code: 400 - prompt is longer than the context window", "context_length"),
    ("openai", None, "ContentFilterFinishReasonError", "Could not parse response content: filtered", "content_safety"),
    # Azure OpenAI: codes of its own, and a filter.
    ("azure", "400", "content_filter", "The response was filtered by the content management policy.", "content_safety"),
    ("azure", "401", "401", "Access denied due to a wrong subscription key.", "authentication"),
    ("azure", "401", "PermissionDenied", "Principal lacks the data action", "authentication"),
    ("azure", "404", "DeploymentNotFound", "The API deployment does not exist.", "input_validation"),
    ("azure", "429", "429", "Requests have exceeded call rate limit of your current pricing tier.", "rate_limit"),
    ("azure", "429", "RateLimitReached", "exceeded token rate limit of your current AIServices S0 tier", "rate_limit"),
    ("azure", "408", None, None, "timeout"),
    ("azure", "429", "NoCapacity", "The system is currently experiencing high demand", "overloaded"),
    ("azure", "424", None, "Failed dependency", "server"),
    # Anthropic: {"type": "error", "error": {"type", "message"}}.
    ("anthropic", "429", "rate_limit_error",
     "This would exceed the rate limit of 400 input tokens per minute", "rate_limit"),
    ("anthropic", "400", "invalid_request_error", "prompt is too long: 201 tokens > 200 maximum", "context_length"),
    ("anthropic", "400", "invalid_request_error",
     "input length and `max_tokens` exceed context limit: 9 > 8", "context_length"),
    ("anthropic", "413", "request_too_large", "Request exceeds the maximum size", "context_length"),
    ("anthropic", "400", "invalid_request_error", "Your credit balance is too low to access the API", "quota"),
    ("anthropic", "402", "billing_error", "There is an issue with your payment details", "quota"),
    ("anthropic", "400", "invalid_request_error", "You have reached your specified API usage limits.", "quota"),
    ("anthropic", "400", "invalid_request_error", "Output blocked by content filtering policy", "content_safety"),
    ("anthropic", "400", "invalid_request_error", "messages.1: tool_use ids without tool_result", "input_validation"),
    ("anthropic", "401", "authentication_error", "invalid x-api-key", "authentication"),
    ("anthropic", "403", "permission_error", "Your key may not use this resource", "authentication"),
    ("anthropic", "404", "not_found_error", "model: m-9", "input_validation"),
    ("anthropic", "500", "api_error", "Internal server error", "server"),
    ("anthropic", "529", "overloaded_error", "Overloaded", "overloaded"),
    ("anthropic", None, "overloaded_error", "Overloaded", "overloaded"),
    ("anthropic", "504", "timeout_error", "The request timed out", "timeout"),
    ("anthropic", None, "InternalServerError", "Error code: 529 - {'type': 'overloaded_error'}", "overloaded"),
    ("anthropic", None, "APIStatusError", "{'type': 'error', 'error': {'type': 'overloaded_error'}}", "overloaded"),
    # Google: {"error": {"code", "message", "status"}}.
    ("gemini", "429", "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota).", "rate_limit"),
    ("gemini", "429", "RESOURCE_EXHAUSTED",
     "You exceeded your current quota, please check your plan. Quota exceeded for metric: requests_per_minute, "
     "limit: 10. Please retry in 31s.", "rate_limit"),
    ("gemini", "429", "RESOURCE_EXHAUSTED",
     "You exceeded your current quota, please check your plan and billing details. Quota exceeded for metric: "
     "requests, limit: 0", "quota"),
    ("gemini", "429", "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted.", "quota"),
    ("gemini", "400", "INVALID_ARGUMENT",
     "The input token count (9) exceeds the maximum number of tokens", "context_length"),
    ("gemini", "400", "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", "authentication"),
    ("gemini", "400", "API_KEY_INVALID", "API key expired.", "authentication"),
    ("gemini", "400", "INVALID_ARGUMENT", "Please use a valid role: user, model.", "input_validation"),
    ("gemini", "400", "FAILED_PRECONDITION", "User location is not supported for the API use.", "input_validation"),
    ("gemini", "403", "PERMISSION_DENIED", "Consumer has been suspended", "authentication"),
    ("gemini", "500", "INTERNAL", "An internal error has occurred", "server"),
    ("gemini", "503", "UNAVAILABLE", "The model is overloaded.", "overloaded"),
    ("gemini", "504", "DEADLINE_EXCEEDED", "The request timed out", "timeout"),
    ("gemini", "499", "CANCELLED", "The operation was cancelled.", "cancelled"),
    ("gemini", None, "google.api_core.exceptions.ResourceExhausted", "429 Too many requests", "rate_limit"),
    ("gemini", None, "google.genai.errors.ServerError", "503 UNAVAILABLE. {'error': {'code': 503}}", "overloaded"),
    ("gemini", None, "google.genai.errors.ClientError", "429 RESOURCE_EXHAUSTED. {'error': {}}", "rate_limit"),
    ("gemini", None, "ClientError", "400 INVALID_ARGUMENT. {'error': {'message': 'bad role'}}", "input_validation"),
    # Bedrock: exception names, often without a status, and botocore's own words.
    ("bedrock", "429", "ThrottlingException", "Too many tokens, please wait before trying again.", "rate_limit"),
    ("bedrock", "429", "ThrottlingException",
     "Too many tokens per day, please wait before trying again.", "rate_limit"),
    ("bedrock", "400", "ValidationException", "Input is too long for requested model.", "context_length"),
    ("bedrock", "400", "ValidationException", "The provided model identifier is invalid.", "input_validation"),
    ("bedrock", None, "AccessDeniedException", "You don't have access to the model", "authentication"),
    ("bedrock", None, "ExpiredTokenException", "The security token included is expired", "authentication"),
    ("bedrock", None, "ModelTimeoutException", "Model took too long", "timeout"),
    ("bedrock", None, "ModelNotReadyException", "Not ready for inference", "overloaded"),
    ("bedrock", None, "ModelErrorException", "The model failed", "inference"),
    ("bedrock", None, "ServiceQuotaExceededException", "Your service quota is exceeded", "quota"),
    ("bedrock", None, "ServiceUnavailableException", "Too many connections", "overloaded"),
    ("bedrock", None, "InternalServerException", "Internal", "server"),
    ("bedrock", None, "botocore.exceptions.EndpointConnectionError", "Could not connect to the endpoint", "network"),
    ("bedrock", None, "ReadTimeoutError", "Read timeout on endpoint", "timeout"),
    ("bedrock", None, "ClientError",
     "An error occurred (ThrottlingException) when calling the Converse operation: slow down", "rate_limit"),
    ("bedrock", None, "ClientError",
     "An error occurred (ValidationException) when calling the Converse operation: bad tool", "input_validation"),
    # Groq, Mistral, Cohere, DeepSeek, xAI, Together, OpenRouter.
    ("groq", "413", "rate_limit_exceeded",
     "Request too large on tokens per minute (TPM): Limit 6, Requested 7", "rate_limit"),
    ("groq", "413", None, "Request too large on tokens per minute (TPM): Limit 6, Requested 7", "rate_limit"),
    ("groq", "400", "tool_use_failed", "Failed to call a function.", "inference"),
    ("groq", "400", "json_validate_failed", "Failed to generate JSON.", "inference"),
    ("groq", "498", None, "Flex tier capacity exceeded", "overloaded"),
    ("mistral", "422", None, "Input should be a valid list", "input_validation"),
    ("mistral", "429", "service_tier_capacity_exceeded", "Capacity of this tier exceeded", "overloaded"),
    ("mistral", "401", None, "Unauthorized", "authentication"),
    ("mistral", "400", "3051",
     "Prompt contains 40 tokens, too large for model with 32 maximum context length", "context_length"),
    ("cohere", "404", None, "model 'm' was removed on a day in September", "input_validation"),
    ("cohere", "429", None, "You are using a trial key, which is limited to 10 calls a minute", "rate_limit"),
    ("cohere", "400", None, "too many tokens: total of the prompt exceeds 4081", "context_length"),
    ("deepseek", "402", "unknown_error", "Insufficient Balance", "quota"),
    ("deepseek", "503", None, "Service is too busy", "overloaded"),
    ("xai", "400", "Client specified an invalid argument", "Incorrect API key provided", "authentication"),
    ("xai", "429", None, "Your team has used all available credits or reached its monthly spending limit", "quota"),
    ("together", "422", None, "`inputs` tokens + `max_new_tokens` must be <= 4097", "context_length"),
    ("openrouter", "402", None, "This request requires more credits, or fewer max_tokens", "quota"),
    ("openrouter", "403", None, "The input was flagged by moderation", "content_safety"),
    ("openrouter", "429", "429", "Provider returned error", "rate_limit"),
    ("openrouter", "502", "502", "Provider returned error", "server"),
    ("openrouter", "408", "408", "Request timed out", "timeout"),
    # One's own machines: vLLM, TGI, Ollama, Triton.
    ("vllm", "400", "BadRequestError",
     "maximum context length is 4096 tokens. Please reduce the length", "context_length"),
    ("vllm", "500", "InternalServerError", "CUDA out of memory. Tried to allocate 1.16 GiB", "inference"),
    ("vllm", "500", None, "EngineCore encountered an issue: engine is dead", "inference"),
    ("vllm", None, "torch.OutOfMemoryError", "HIP out of memory", "inference"),
    ("vllm", None, "RuntimeError", "CUDA error: device-side assert triggered", "inference"),
    ("vllm", None, "MemoryError", None, "inference"),
    ("tgi", "429", "overloaded", "Model is overloaded", "overloaded"),
    ("tgi", "424", "generation", "Request failed during generation", "inference"),
    ("ollama", "500", None, "llama runner process has terminated", "inference"),
    ("ollama", "404", None, "model 'm' not found, try pulling it first", "input_validation"),
    # SDKs and gateways: litellm, httpx, aiohttp, requests, Node.
    ("litellm", None, "litellm.exceptions.ContextWindowExceededError", "too long", "context_length"),
    ("litellm", None, "litellm.ContentPolicyViolationError", "violates", "content_safety"),
    ("litellm", None, "litellm.BudgetExceededError", "Budget has been exceeded! Current cost: 10.1", "quota"),
    ("litellm", None, "litellm.Timeout", "Timeout Error", "timeout"),
    ("litellm", None, "litellm.MidStreamFallbackError", "stream broke", "network"),
    ("litellm", None, "litellm.APIError", "litellm.RateLimitError: too quick", "rate_limit"),
    ("litellm", "400", "litellm.UnsupportedParamsError", "m does not support tools", "input_validation"),
    ("litellm", None, "litellm.RouterRateLimitError",
     "No deployments available, try again in 60 seconds", "rate_limit"),
    ("httpx", None, "httpx.ReadTimeout", None, "timeout"),
    ("httpx", None, "httpx.PoolTimeout", None, "timeout"),
    ("httpx", None, "httpx.ConnectError", "[Errno -2] Name or service not known", "network"),
    ("httpx", None, "httpx.RemoteProtocolError",
     "peer closed connection without sending complete message body", "network"),
    ("aiohttp", None, "aiohttp.ClientPayloadError", "Response payload is not completed", "network"),
    ("aiohttp", None, "ServerDisconnectedError", "Server disconnected", "network"),
    ("asyncio", None, "asyncio.exceptions.CancelledError", None, "cancelled"),
    ("asyncio", None, "asyncio.exceptions.TimeoutError", None, "timeout"),
    ("requests", None, "requests.exceptions.SSLError", "certificate verify failed", "network"),
    ("node", None, "ECONNRESET", "socket hang up", "network"),
    ("node", None, "ETIMEDOUT", "connect ETIMEDOUT", "timeout"),
    ("node", None, "AbortError", "This operation was aborted", "cancelled"),
    ("node", None, "TypeError", "fetch failed", "network"),
    ("node", None, "APIUserAbortError", "Request was aborted.", "cancelled"),
    ("node", None, "AI_RetryError", "Failed after 3 attempts. Last error: Overloaded", "overloaded"),
    # Traces without a type: the sentence is all there is.
    ("langfuse", None, None, "RateLimitError: Error code: 429 - too quick", "rate_limit"),
    ("langsmith", None, None,
     "AuthenticationError('Error code: 401 - who are you')Traceback (most recent call", "authentication"),
    ("langsmith", None, None, "BadRequestError('Error code: 400 - no such field')Traceback", "input_validation"),
    ("langsmith", None, None, "InternalServerError('Error code: 500')Traceback", "server"),
    ("langsmith", None, None, "ReadTimeout('')Traceback (most recent call last)", "timeout"),
    ("langsmith", None, None, "KeyError('answer')Traceback (most recent call last)", "other"),
    ("own", None, None, "HTTP 503 from upstream", "overloaded"),
    ("own", None, None, "got status code 429", "rate_limit"),
    ("own", None, None, "it did not work", "other"),
    ("own", None, "Mystery", None, "other"),
    # Our own words, as some logs hold them.
    *(("own", None, c, None, c) for c in ("rate_limit", "quota", "context_length", "content_safety", "timeout",
      "authentication", "overloaded", "network", "cancelled", "inference", "server", "input_validation")),
)  # fmt: skip


@pytest.fixture(scope="module")
def classes() -> dict[int, str | None]:
    """What the table makes of every case, in one statement as load asks it."""
    con = duckdb.connect()
    con.execute("CREATE TABLE cases (n INTEGER, status VARCHAR, kind VARCHAR, message VARCHAR)")
    con.executemany("INSERT INTO cases VALUES (?, ?, ?, ?)", [(i, *case[1:4]) for i, case in enumerate(CASES)])
    return dict(con.execute(f"SELECT n, {error_class_sql('status', 'kind', 'message')} FROM cases").fetchall())


@pytest.mark.parametrize("n", range(len(CASES)), ids=lambda n: f"{CASES[n][0]}-{n}")
def test_every_kind_of_sentence_has_its_class(n: int, classes: dict[int, str | None]) -> None:
    """The class a person would give it."""
    assert CASES[n][4] == classes[n], CASES[n]


def test_what_did_not_fail_has_no_class() -> None:
    """A status of 200 with neither type nor message is no failure; nothing known is none either."""
    sql = error_class_sql("s", "NULL::VARCHAR", "NULL::VARCHAR")

    assert [None, None] == [r[0] for r in duckdb.sql(f"SELECT {sql} FROM (VALUES ('200'), (NULL)) AS t(s)").fetchall()]
