"""What went wrong, in our classes, from an HTTP status, the provider's own name for it and its message. All as SQL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from llmscope.sources import literal

# Provider's error type or code, or SDK's exception class, in lower case without - _ . and space -> our class.
TYPES: Mapping[str, tuple[str, ...]] = {
    "rate_limit": (
        "ratelimiterror", "ratelimit", "ratelimited", "ratelimitexceeded", "toomanyrequests", "429",
        "throttlingexception", "throttling", "throttled", "requestlimitexceeded", "ratelimitreached",
        "toomanyrequestsexception", "toomanyrequestserror", "resourceexhausted", "requests", "tokens",
    ),
    "quota": (
        "insufficientquota", "quotaexceeded", "billinghardlimitreached", "billingerror", "insufficientbalance",
        "servicequotaexceededexception", "paymentrequired", "402", "budgetexceeded", "budgetexceedederror", "quota",
        "creditbalancetoolow",
    ),
    "context_length": (
        "contextlengthexceeded", "contextwindowexceedederror", "contextlength", "stringabovemaxlength",
        "requesttoolarge", "contextwindowexceeded", "maxcontextlengthexceeded", "413",
    ),
    "content_safety": (
        "contentfilter", "contentpolicyviolation", "contentpolicyviolationerror", "contentsafety",
        "responsibleaipolicyviolation", "safety", "moderationblocked", "guardrailintervened", "prohibitedcontent",
        "contentfiltered", "contentfiltererror", "cyberpolicy", "invalidprompt",
    ),
    "authentication": (
        "authenticationerror", "authentication", "invalidapikey", "permissiondeniederror", "permissionerror",
        "permissiondenied", "unauthorized", "unauthenticated", "forbidden", "401", "403", "accessdenied",
        "accessdeniedexception", "unrecognizedclientexception", "invalidauthentication", "expiredtokenexception",
        "invalidsignatureexception",
    ),
    "timeout": (
        "timeout", "timeouterror", "apitimeouterror", "readtimeout", "connecttimeout", "deadlineexceeded", "408",
        "gatewaytimeout", "504", "requesttimeout", "modeltimeoutexception", "asynciotimeouterror", "timeoutexception",
    ),
    "overloaded": (
        "overloadederror", "overloaded", "serviceunavailable", "serviceunavailableerror", "unavailable", "503", "529",
        "serviceunavailableexception", "modelnotreadyexception", "slowdown", "engineoverloaded", "serveroverloaded",
        "capacityexceeded",
    ),
    "network": (
        "apiconnectionerror", "connectionerror", "connecterror", "networkerror", "sslerror", "dnserror", "econnreset",
        "econnrefused", "connectionreseterror", "remoteprotocolerror", "readerror", "clientconnectorerror",
        "connectionrefusederror", "proxyerror", "network", "connection",
    ),
    "cancelled": (
        "cancelled", "canceled", "cancellederror", "aborted", "aborterror", "clientdisconnect", "499",
        "asynciocancellederror", "clientdisconnected", "usercancelled",
    ),
    "inference": (
        "inferenceerror", "outofmemory", "outofmemoryerror", "cudaerror", "oom", "modelerror", "engineerror",
        "modelerrorexception", "modelstreamerrorexception", "torchcudaoutofmemoryerror", "generationerror",
        "toolusefailed", "cudaoutofmemory", "enginedeaderror", "inference",
    ),
    "server": (
        "internalservererror", "internalerror", "apierror", "servererror", "internal", "500", "502", "badgateway",
        "internalserverexception", "internalfailure", "unknownerror", "server",
    ),
    "input_validation": (
        "badrequesterror", "badrequest", "invalidrequest", "invalidrequesterror", "validationerror",
        "validationexception", "invalidargument", "unprocessableentityerror", "notfounderror", "400", "404", "422",
        "notfound", "modelnotfound", "deploymentnotfound", "invalidvalue", "invalidtype", "unsupportedvalue",
        "unsupportedfile", "unknownparameter", "missingrequiredparameter", "invalidimageurl",
        "resourcenotfoundexception", "unsupportedparameter", "notfoundexception", "failedprecondition", "outofrange",
        "invalidparameter", "inputvalidation", "unsupportedparamserror", "decimalbelowminvalue",
        "decimalabovemaxvalue", "integerbelowminvalue",
    ),
}  # fmt: skip

# What a status means when nothing finer is said.
STATUSES: Mapping[str, tuple[str, ...]] = {
    "rate_limit": ("429",),
    "quota": ("402",),
    "context_length": ("413",),
    "authentication": ("401", "403", "407"),
    "timeout": ("408", "504", "524"),
    "cancelled": ("499",),
    "overloaded": ("503", "529"),
    "input_validation": ("400", "404", "405", "406", "409", "410", "411", "412", "414", "415", "416", "422", "431"),
    "server": ("500", "501", "502", "505", "507", "508", "520", "521", "522", "523", "525", "526", "530"),
}

# Words of a message that say more than the status and the type do: 400 is also a prompt too long, or refused.
FINER: Mapping[str, tuple[str, ...]] = {
    "context_length": (
        "context length", "context_length", "context window", "maximum context", "prompt is too long",
        "too many tokens", "input is too long", "exceeds the maximum number of tokens", "too many input tokens",
        "token count exceeds", "maximum allowed number of tokens", "max_tokens must be at most",
        "exceeds the available context", "reduce the length",
    ),
    "content_safety": (
        "content filter", "content_filter", "content management policy", "content policy", "safety system",
        "usage policies", "usage policy", "flagged as", "flagged for", "guardrail", "blocked by safety",
        "responsible ai",
    ),
    "quota": (
        "exceeded your current quota", "insufficient_quota", "credit balance", "billing", "insufficient balance",
        "insufficient credits", "spending limit", "budget has been exceeded", "payment required",
    ),
    "inference": (
        "out of memory", "cuda error", "engine is dead", "enginedead", "nccl", "did not call a tool",
        "tool call validation failed", "failed to generate json", "failed to call a function",
    ),
}  # fmt: skip
# The same for messages that come with neither.
COARSER: Mapping[str, tuple[str, ...]] = {
    "rate_limit": (
        "rate limit", "rate_limit", "rate-limit", "ratelimit", "too many requests", "throttl", "error code: 429",
    ),
    "authentication": (
        "api key", "api_key", "unauthorized", "access denied", "permission", "forbidden", "authenticat",
        "error code: 401", "error code: 403",
    ),
    "timeout": ("timed out", "timeout", "deadline exceeded"),
    "overloaded": (
        "overloaded", "service unavailable", "temporarily unavailable", "at capacity", "error code: 503",
        "error code: 529",
    ),
    "network": (
        "connection error", "connection reset", "connection refused", "connection aborted", "name resolution",
        "connection closed", "ssl", "dns", "broken pipe",
    ),
    "cancelled": ("cancelled", "canceled", "aborted", "client disconnected"),
    "server": (
        "internal server error", "internal error", "bad gateway", "error code: 500", "error code: 502", "server error",
        "server had an error",
    ),
    "input_validation": (
        "not found", "does not exist", "invalid", "unsupported", "not supported", "doesn't support",
        "does not support", "required", "malformed", "not permitted", "error code: 400", "error code: 404",
        "error code: 422", "does not match", "was removed", "deprecated", "unknown parameter", "cannot fetch",
        "while downloading", "unable to submit", "use a valid",
    ),
}  # fmt: skip
# A type that only repeats that the request failed: the message may say more.
VAGUE = ("input_validation", "server", "rate_limit")

OK_WORDS = ("ok", "success", "succeeded", "successful", "completed", "complete", "true", "done", "finished",
            "incomplete", "status_code_ok", "status_code_unset", "unset", "pass", "passed")  # fmt: skip
ERROR_WORDS = ("error", "failed", "failure", "false", "fail", "exception", "status_code_error", "timeout", "rejected",
               "rate_limited", "errored")  # fmt: skip
CANCELLED_WORDS = ("cancelled", "canceled", "aborted", "interrupted", "cancel", "stopped")


def listed(words: Iterable[str]) -> str:
    """Words as IN takes them."""
    return f"({', '.join(literal(word) for word in words)})"


def arms(word: str, table: Mapping[str, Iterable[str]]) -> str:
    """The WHENs of a CASE that look a word up."""
    return " ".join(f"WHEN {word} IN {listed(words)} THEN {literal(ours)}" for ours, words in table.items())


def error_class_sql(status: str, kind: str, message: str) -> str:
    """Our class of failure; NULL where nothing failed, as a status of 2xx with neither type nor message shows.

    What several arms ask for is bound in a lambda: written out, it takes six times as long to plan.
    """
    by_type, by_status = lookup(_folded(kind), TYPES), lookup(f"left({status}, 3)", STATUSES)
    both = f"[{{'type': {by_type}, 'status': {by_status}}}]"
    # A type that says "invalid request" of everything, a wrong key too, knows less than the status.
    known = "CASE WHEN told.type = 'input_validation' THEN coalesce(told.status, told.type) ELSE told.type END"
    known = f"list_transform({both}, lambda told: {{'word': coalesce({known}, told.status)}})"
    finer = f"CASE WHEN known.word IS NULL OR known.word IN {listed(VAGUE)} THEN {_said(message, FINER)} END"
    # "Too many tokens per day" is no prompt too long.
    finer = f"CASE WHEN known.word = 'rate_limit' THEN nullif({finer}, 'context_length') ELSE {finer} END"
    said = f"coalesce({finer}, known.word, {_said(message, COARSER)}, 'other')"
    failed = f"nullif({kind}, '') IS NOT NULL OR nullif({message}, '') IS NOT NULL OR left({status}, 1) IN ('4', '5')"
    return f"CASE WHEN {failed} THEN list_transform({known}, lambda known: {said})[1] END"


def status_sql(status: str, http_status: str = "NULL", error: str = "NULL") -> str:
    """ok, error or cancelled, by a word, else an HTTP status, else an error's presence; NULL when nothing says."""
    word = f"lower({status})"
    code = f"CASE WHEN length({status}) = 3 THEN {status} ELSE {http_status} END"
    return (
        f"CASE WHEN {word} IN {listed(OK_WORDS)} THEN 'ok' WHEN {word} IN {listed(ERROR_WORDS)} THEN 'error'"
        f" WHEN {word} IN {listed(CANCELLED_WORDS)} THEN 'cancelled'"
        f" WHEN {code} = '499' THEN 'cancelled' WHEN left({code}, 1) IN ('4', '5') THEN 'error'"
        f" WHEN nullif({error}, '') IS NOT NULL THEN 'error' WHEN left({code}, 1) IN ('2', '3') THEN 'ok' END"
    )


def _folded(kind: str) -> str:
    """An error's name without its case, its separators and the modules before a class."""
    return f"lower(translate(split_part({kind}, '.', -1), '-_ ', ''))"


def lookup(word: str, table: Mapping[str, Iterable[str]]) -> str:
    """Looks a word up in a map that DuckDB makes once: planning takes no longer for a long table."""
    pairs = [(word, ours) for ours, words in table.items() for word in words]
    known, ours = ("|".join(column) for column in zip(*pairs, strict=True))
    return f"map(string_split({literal(known)}, '|'), string_split({literal(ours)}, '|'))[{word}]"


def _said(message: str, table: Mapping[str, Iterable[str]]) -> str:
    """The class whose words a message has."""
    text = f"lower(left({message}, 2000))"
    cases = (f"WHEN regexp_matches({text}, {literal('|'.join(words))}) THEN {literal(ours)}"
             for ours, words in table.items())  # fmt: skip
    return f"CASE {' '.join(cases)} END"
