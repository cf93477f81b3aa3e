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
        "routerratelimiterror", "rateexceeded",
    ),
    "quota": (
        "insufficientquota", "quotaexceeded", "billinghardlimitreached", "billingerror", "insufficientbalance",
        "servicequotaexceededexception", "paymentrequired", "402", "budgetexceeded", "budgetexceedederror", "quota",
        "creditbalancetoolow", "usagelimitreached", "usagelimitexceeded", "insufficientcredits", "insufficientfunds",
    ),
    "context_length": (
        "contextlengthexceeded", "contextwindowexceedederror", "contextlength", "stringabovemaxlength",
        "requesttoolarge", "contextwindowexceeded", "maxcontextlengthexceeded", "413",
    ),
    "content_safety": (
        "contentfilter", "contentpolicyviolation", "contentpolicyviolationerror", "contentsafety",
        "responsibleaipolicyviolation", "safety", "moderationblocked", "guardrailintervened", "prohibitedcontent",
        "contentfiltered", "contentfiltererror", "cyberpolicy", "contentfilterfinishreasonerror", "blocklist",
    ),
    "authentication": (
        "authenticationerror", "authentication", "invalidapikey", "permissiondeniederror", "permissionerror",
        "permissiondenied", "unauthorized", "unauthenticated", "forbidden", "401", "403", "accessdenied",
        "accessdeniedexception", "unrecognizedclientexception", "invalidauthentication", "expiredtokenexception",
        "invalidsignatureexception", "apikeyinvalid", "incorrectapikey", "authorizationerror", "notauthorized",
    ),
    "timeout": (
        "timeout", "timeouterror", "apitimeouterror", "readtimeout", "connecttimeout", "deadlineexceeded", "408",
        "gatewaytimeout", "504", "requesttimeout", "modeltimeoutexception", "asynciotimeouterror", "timeoutexception",
        "pooltimeout", "writetimeout", "readtimeouterror", "connecttimeouterror", "apiconnectiontimeouterror",
        "etimedout", "esockettimedout", "timeoutexpired",
    ),
    "overloaded": (
        "overloadederror", "overloaded", "serviceunavailable", "serviceunavailableerror", "unavailable", "503", "529",
        "serviceunavailableexception", "modelnotreadyexception", "slowdown", "engineoverloaded", "serveroverloaded",
        "capacityexceeded", "nocapacity", "servicetiercapacityexceeded", "flextiercapacityexceeded",
    ),
    "network": (
        "apiconnectionerror", "connectionerror", "connecterror", "networkerror", "sslerror", "dnserror", "econnreset",
        "econnrefused", "connectionreseterror", "remoteprotocolerror", "readerror", "clientconnectorerror",
        "connectionrefusederror", "proxyerror", "network", "connection", "endpointconnectionerror", "enotfound",
        "serverdisconnectederror", "clientpayloaderror", "clientoserror", "clientconnectionerror", "brokenpipeerror",
        "midstreamfallbackerror", "chunkedencodingerror", "incompleteread", "protocolerror", "writeerror", "epipe",
        "eaiagain", "remotedisconnected", "connectionclosederror", "newconnectionerror", "gaierror",
    ),
    "cancelled": (
        "cancelled", "canceled", "cancellederror", "aborted", "aborterror", "clientdisconnect", "499",
        "apiuseraborterror",
        "asynciocancellederror", "clientdisconnected", "usercancelled",
    ),
    "inference": (
        "inferenceerror", "outofmemory", "outofmemoryerror", "cudaerror", "oom", "modelerror", "engineerror",
        "modelerrorexception", "modelstreamerrorexception", "torchcudaoutofmemoryerror", "generationerror",
        "toolusefailed", "cudaoutofmemory", "enginedeaderror", "inference", "memoryerror", "generation",
        "jsonvalidatefailed",
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
        "decimalabovemaxvalue", "integerbelowminvalue", "invalidprompt",
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
    "overloaded": ("503", "529", "498"),
    "input_validation": ("400", "404", "405", "406", "409", "410", "411", "412", "414", "415", "416", "422", "431"),
    "server": ("424", "500", "501", "502", "505", "507", "508", "520", "521", "522", "523", "525", "526", "530"),
}

# Words of a message that say more than the status and the type do: 400 is also a prompt too long, or refused.
# "Too many tokens per day" and a quota that opens again in a minute are limits of rate, and no prompt too long.
PACED: Mapping[str, tuple[str, ...]] = {
    "rate_limit": (
        "per min", "per_min", "perminute", "per day", "per_day", "perday", "per hour", "per second",
        "(?s:(?:quota|limit).*(?:retry|try again) in )",
    ),
}  # fmt: skip
FINER: Mapping[str, tuple[str, ...]] = {
    **PACED,
    "context_length": (
        "context length", "context_length", "context window", "context limit", "maximum context", "prompt is too long",
        "too many tokens", "input is too long", "exceeds the maximum number of tokens", "too many input tokens",
        "token count exceeds", "maximum allowed number of tokens", "max_tokens must be at most",
        "exceeds the available context", "reduce the length", "max_new_tokens. must be", "string too long",
    ),
    "content_safety": (
        "content filter", "content_filter", "content management policy", "content policy", "safety system",
        "usage policies", "usage policy", "flagged", "guardrail", "blocked by safety", "responsible ai",
        "violating our policy",
    ),
    "quota": (
        "exceeded your current quota", "insufficient_quota", "credit balance", "billing", "insufficient balance",
        "insufficient credits", "spending limit", "budget has been exceeded", "payment required", "more credits",
        "credits are depleted", "available credits", "api usage limits",
    ),
    "inference": (
        "out of memory", "cuda error", "engine is dead", "enginedead", "enginecore", "nccl", "did not call a tool",
        "tool call validation failed", "failed to generate json", "failed to call a function",
        "runner process has terminated", "illegal memory access", "during generation",
    ),
}  # fmt: skip
# What else a type or status that only repeats that something failed may hide.
HIDDEN: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "input_validation": {
        **FINER,
        "authentication": (
            "incorrect api key", "invalid api key", "invalid x-api-key", "api key not valid", "api key expired",
            "provide an api key",
        ),
    },
    "server": {
        **FINER,
        "overloaded": ("overloaded", "at capacity", "too busy", "high demand", "unavailable"),
    },
    "rate_limit": {word: FINER[word] for word in ("rate_limit", "quota")},
    "authentication": {
        "content_safety": ("flagged", "moderation"), "quota": ("credit balance", "insufficient credits", "billing"),
    },
    "context_length": PACED,
}  # fmt: skip
# The same for messages that come with neither.
COARSER: Mapping[str, tuple[str, ...]] = {
    "rate_limit": (
        "rate limit", "rate_limit", "rate-limit", "ratelimit", "too many requests", "throttl",
    ),
    "authentication": (
        "api key", "api_key", "unauthorized", "access denied", "permission", "forbidden", "authenticat",
    ),
    "timeout": ("timed out", "timeout", "deadline exceeded"),
    "overloaded": (
        "overloaded", "service unavailable", "temporarily unavailable", "at capacity", "too busy", "high demand",
    ),
    "network": (
        "connection error", "connection reset", "connection refused", "connection aborted", "name resolution",
        "connection closed", "ssl", "dns", "broken pipe", "fetch failed", "socket hang up", "could not connect",
        "service not known", "disconnected",
    ),
    "cancelled": ("cancelled", "canceled", "aborted", "client disconnected"),
    "server": (
        "internal server error", "internal error", "bad gateway", "server error", "server had an error",
    ),
    "input_validation": (
        "not found", "does not exist", "invalid", "unsupported", "not supported", "doesn't support",
        "does not support", "required", "malformed", "not permitted", "does not match", "was removed", "deprecated",
        "unknown parameter", "cannot fetch", "while downloading", "unable to submit", "use a valid",
    ),
}  # fmt: skip
# A status and an exception's name as a message has them: "Error code: 429 - ...", "litellm.RateLimitError: ...".
CODE = r"(?:error code:? |status[ _]?code:? |http(?:/[0-9.]+)? |^)([45][0-9][0-9])\b"
NAME = r"([a-z]+(?:exception|error|timeout|exhausted))\b"
# Types that say of everything that it failed know less than the status, or than a name in the message.
VAGUE = ("input_validation", "server")

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
    given = f"[{{'text': lower(left({message}, 2000)), 'type': {lookup(_folded(kind), TYPES)}, 'code': {status}}}]"
    code = f"coalesce(nullif(left(given.code, 3), ''), regexp_extract(given.text, {literal(CODE)}, 1))"
    named = lookup(f"regexp_extract(given.text, {literal(NAME)}, 1)", TYPES)
    told = f"{{'text': given.text, 'type': given.type, 'status': {lookup(code, STATUSES)}, 'named': {named}}}"
    word = (
        f"CASE WHEN told.type IN {listed(VAGUE)} THEN coalesce(told.status, told.named, told.type)"
        " ELSE coalesce(told.type, told.status, told.named) END"
    )
    known = f"{{'text': told.text, 'word': {word}}}"
    hidden = " ".join(f"WHEN {literal(word)} THEN {_said('known.text', table)}" for word, table in HIDDEN.items())
    finer = f"CASE WHEN known.word IS NULL THEN {_said('known.text', FINER)} ELSE CASE known.word {hidden} END END"
    said = f"coalesce({finer}, known.word, {_said('known.text', COARSER)}, 'other')"
    steps = f"list_transform({given}, lambda given: {told})"
    steps = f"list_transform(list_transform({steps}, lambda told: {known}), lambda known: {said})"
    failed = f"nullif({kind}, '') IS NOT NULL OR nullif({message}, '') IS NOT NULL OR left({status}, 1) IN ('4', '5')"
    return f"CASE WHEN {failed} THEN ({steps})[1] END"


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


def _said(text: str, table: Mapping[str, Iterable[str]]) -> str:
    """The class whose words a message in lower case has."""
    cases = (f"WHEN regexp_matches({text}, {literal('|'.join(words))}) THEN {literal(ours)}"
             for ours, words in table.items())  # fmt: skip
    return f"CASE {' '.join(cases)} END"
