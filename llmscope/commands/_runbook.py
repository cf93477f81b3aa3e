"""What each class of failure means, what to look at in the log, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """One class: what it means; command lines and what each shows; what to do at once, and so that it stays away."""

    meaning: str
    check: tuple[tuple[str, str], ...]
    now: tuple[str, ...]
    later: tuple[str, ...]


def among(name: str, options: str) -> str:
    """The share of one class: its failures beside the requests that were answered."""
    return f"llmscope errors --where \"status = 'ok' OR error_class = '{name}'\" {options}"


def messages(name: str) -> str:
    """What the providers said, most frequent first."""
    return (
        "llmscope sql \"SELECT error_message, count(*) AS errors FROM requests WHERE error_class = '"
        f"{name}' GROUP BY ALL ORDER BY errors DESC LIMIT 10\""
    )


def ends(condition: str, options: str) -> str:
    """The answers that ended in one way, by what may explain it."""
    return f'llmscope sql "SELECT {options}, count(*) AS answers, count(*) FILTER (WHERE {condition}) AS failures' + (
        " FROM requests WHERE status = 'ok' GROUP BY ALL ORDER BY failures DESC LIMIT 10\""
    )


ENTRIES: dict[str, Entry] = {
    "input_validation": Entry(
        "The provider refused the request as it was written: an unknown model or field, a value out of range, a broken "
        "schema, a file it does not read. The same request will be refused again.",
        (
            ("which model and feature send it, and since when", among("input_validation", "--by model,feature")),
            ("whether it began with a release", among("input_validation", "--by release")),
            ("the words of the refusal", messages("input_validation")),
        ),
        ("Do not retry: it only costs time.", "Undo the release, template or model name it began with."),
        (
            "Check requests against the provider's schema in a test, once for each model in use.",
            "Follow the provider's list of retired models; a name that is gone looks like this.",
        ),
    ),
    "authentication": Entry(
        "The provider does not know the key, or the key may not do this: wrong, expired, of another project, without "
        "the right to this model or region.",
        (
            ("which service and provider are shut out", among("authentication", "--by provider,service")),
            ("when it began", among("authentication", "--over day")),
            ("whether a key, a right or a model is meant", messages("authentication")),
        ),
        (
            "Stop retrying: some providers lock a key after many attempts.",
            "Put the right key in place, or give it the right.",
        ),
        (
            "Renew keys before they expire and alert on the first 401.",
            "Keep one key a service, so that one can be replaced.",
        ),
    ),
    "rate_limit": Entry(
        "More requests or tokens were sent in a minute (or a day) than the account may send to this model. It passes "
        "by itself, and comes back as long as the traffic stays.",
        (
            ("which model and feature meet it", among("rate_limit", "--by model,feature")),
            ("at what hours", among("rate_limit", "--over hour")),
            ("who sends the most", "llmscope cost --by user --sort requests --top 10"),
            ("which limit it is: requests or tokens, a minute or a day", messages("rate_limit")),
        ),
        (
            "Wait as long as the answer's retry-after says, then longer each time, with some chance in it.",
            "Move batches and evaluations to another hour; stop a user or script that floods.",
        ),
        (
            "Keep a budget of tokens a minute on your side, and queue what is above it.",
            "Ask for a higher limit, spread over regions or keys, cache the prompt's fixed part, or send less of it.",
        ),
    ),
    "quota": Entry(
        "The money or the allowance is used up: credits, a monthly spending limit, a gateway's budget, a quota. "
        "Waiting a minute does not help.",
        (
            ("which provider is closed", among("quota", "--by provider,model")),
            ("what used it up", "llmscope cost --by feature,user --top 10"),
            ("where the month will end", "llmscope cost --forecast"),
            ("which limit is meant", messages("quota")),
        ),
        ("Add credit or raise the limit; send what matters to another provider until then.", "Stop retries."),
        ("Set an alert well under the limit.", "Give each feature a budget, so that one cannot use up what all need."),
    ),
    "context_length": Entry(
        "The prompt, or the prompt and the answer asked for, is longer than the model reads. The same prompt will "
        "fail again.",
        (
            ("which feature and template", among("context_length", "--by feature,template")),
            (
                "how long prompts are in each template",
                'llmscope sql "SELECT template, count(*) AS requests, quantile_cont(input_tokens, 0.5) AS p50_tokens, '
                'max(input_tokens) AS max_tokens FROM requests GROUP BY ALL ORDER BY max_tokens DESC LIMIT 10"',
            ),
            ("by how much they are too long", messages("context_length")),
        ),
        ("Do not retry as it is: shorten the history or the documents, or take a model with a longer window.",),
        (
            "Count tokens before sending, and leave room for the answer (max_tokens counts too).",
            "Summarise long conversations; retrieve fewer and shorter passages.",
        ),
    ),
    "content_safety": Entry(
        "The provider's filter, a guardrail or a policy stopped the request before or instead of an answer. The prompt "
        "did it, not the load.",
        (
            ("which feature and template", among("content_safety", "--by feature,template")),
            ("whether few users do it", among("content_safety", "--by user --top 10")),
            ("which rule is named", messages("content_safety")),
        ),
        ("Tell the user that this cannot be answered; do not send it again unchanged.",),
        (
            "Read a sample of what was stopped: a template may trip the filter with harmless words.",
            "Check prompts yourself first where users write freely; ask for other filter settings if the use is fair.",
        ),
    ),
    "timeout": Entry(
        "No answer came in the time your client, a gateway or the provider allows. The work may have been done, and "
        "charged, all the same.",
        (
            ("which model and feature", among("timeout", "--by model,feature")),
            ("at what hours", among("timeout", "--over hour")),
            (
                "after how long it is given up, and how long answers take",
                'llmscope sql "SELECT model, status, count(*) AS requests, quantile_cont(latency_ms, 0.5) AS p50_ms, '
                "quantile_cont(latency_ms, 0.99) AS p99_ms FROM requests WHERE status = 'ok' OR error_class = 'timeout'"
                ' GROUP BY ALL ORDER BY model, status"',
            ),
        ),
        ("Retry once at most while a provider is slow: retries make it slower.", "Fall back to a faster model."),
        (
            "Set the limit above the p99 of that feature, not one limit for all; stream long answers.",
            "Ask for shorter answers (max_tokens) where a person waits.",
        ),
    ),
    "overloaded": Entry(
        "The provider has too much to do, for everybody: 503, 529, no capacity. Your own limits are not reached.",
        (
            ("which provider, and which hour", among("overloaded", "--by provider --over hour")),
            ("what retries came to", "llmscope errors --by attempt"),
            ("how much a fallback answered", "llmscope cost --by fallback,model"),
        ),
        (
            "Look at the provider's status page. Wait longer after each failure, and stop after few attempts.",
            "Send what cannot wait to another model or provider; what can, later.",
        ),
        (
            "Have a fallback that is tried before it is needed, and a switch that stops retries when most fail.",
            "Buy reserved capacity for what must not stop.",
        ),
    ),
    "inference": Entry(
        "The model's own machine failed, or the model could not make what was asked: out of memory, a dead engine, a "
        "tool call or JSON that does not fit its schema.",
        (
            ("which model", among("inference", "--by model,feature")),
            ("what broke", messages("inference")),
            (
                "whether long prompts do it",
                'llmscope sql "SELECT error_class, count(*) AS requests, quantile_cont(input_chars, 0.5) AS p50_chars '
                "FROM requests WHERE status = 'ok' OR error_class = 'inference' GROUP BY ALL\"",
            ),
        ),
        ("On your own machine: restart the engine, take fewer requests at once, or shorter ones.", "Retry once."),
        (
            "Give it less of the memory's limit (batch size, context length), and let it refuse instead of dying.",
            "For tool calls and JSON: a simpler schema, or a model that keeps to it.",
        ),
    ),
    "network": Entry(
        "The connection broke or never stood: name lookup, refused, reset, TLS, a stream cut off.",
        (
            ("which service and region", among("network", "--by service,region")),
            ("at what hours", among("network", "--over hour")),
            ("which kind", messages("network")),
        ),
        ("Retry soon: most of these pass.", "Look at your own side first: proxy, firewall, DNS, a deployment."),
        ("Keep connections open and reuse them; let idle ones go before the other side does.",),
    ),
    "server": Entry(
        "The provider failed inside (500, 502) and does not say why.",
        (
            ("which provider and model", among("server", "--by provider,model")),
            ("at what hours", among("server", "--over hour")),
            ("whether always the same request does it", messages("server")),
        ),
        ("Retry with a pause; if most fail for minutes, treat it as an outage and fall back.",),
        ("Keep the provider's request ids of what failed: its support asks for them.",),
    ),
    "cancelled": Entry(
        "Whoever asked went away or stopped it: a closed page, a client's own limit, a job ended. It is no error and "
        "not in the error rate, but what was made until then is charged.",
        (
            ("which feature", "llmscope errors --by feature --sort cancelled"),
            ("what it cost", "llmscope cost --where \"status = 'cancelled'\" --by feature"),
            (
                "after how long people give up",
                'llmscope sql "SELECT feature, count(*) AS requests, quantile_cont(latency_ms, 0.5) AS p50_ms FROM '
                "requests WHERE status = 'cancelled' GROUP BY ALL ORDER BY requests DESC\"",
            ),
        ),
        ("None, unless it suddenly grows: then answers have become slow.",),
        ("Show the first words sooner (stream); stop the request at the provider when the user leaves.",),
    ),
    "other": Entry(
        "It failed, and neither the status, the type nor the message says why in words that are known here.",
        (
            ("what was logged", messages("other")),
            ("from where", among("other", "--by source_format,provider")),
            ("which keys of the log are read", "llmscope sources list"),
        ),
        ("Read a few of the messages.", "If the log has a status or type under another key: --map error_type=KEY."),
        ("Log the exception's class and the HTTP status with every failure.",),
    ),
    "truncated": Entry(
        "The answer reached max_tokens and was cut off (finish reason length). Its status is ok; its end is missing.",
        (
            ("which template", "llmscope errors --silent --by template"),
            ("under which limit", ends("finish_reason = 'length'", "template, max_tokens")),
            (
                "since when",
                "llmscope errors --silent --over week --where \"finish_reason = 'length' OR finish_reason = 'stop'\"",
            ),
        ),
        ("Raise max_tokens for the template, or put back the value it had.",),
        ("Ask for shorter answers in the prompt, and treat length as a failure where the answer is parsed.",),
    ),
    "refused": Entry(
        "The model declined to answer: a polite no, under a status of ok.",
        (
            ("which feature and template", "llmscope errors --silent --by feature,template"),
            ("which model", ends("refusal", "model")),
            ("whether a version of the template did it", ends("refusal", "template, template_version")),
        ),
        ("Read some of them: was the no right?", "If not, undo the change of prompt or model it began with."),
        ("Say in the prompt what is allowed and why; keep refused prompts as a test set.",),
    ),
    "empty": Entry(
        "The answer has no text and calls no tool, yet its status is ok. Often a filter, a stop word, or reasoning "
        "that used up max_tokens.",
        (
            ("which feature and template", "llmscope errors --silent --by feature,template"),
            ("how they ended", ends("output_tokens = 0 OR output_chars = 0", "model, finish_reason")),
            ("whether they were streamed", ends("output_tokens = 0 OR output_chars = 0", "stream, service")),
        ),
        ("Retry once; show the user a sentence instead of nothing.",),
        ("Treat an empty answer as a failure in the client; give reasoning models more max_tokens.",),
    ),
    "content_filter": Entry(
        "The answer began and was stopped or emptied by a filter (finish reason content_filter), under a status of ok.",
        (
            ("which feature and template", "llmscope errors --silent --by feature,template"),
            ("which model", ends("finish_reason = 'content_filter'", "provider, model")),
            ("whether few users do it", ends("finish_reason = 'content_filter'", "user_id")),
        ),
        ("Tell the user; do not show half an answer as a whole one.",),
        ("Read a sample; change the template where harmless requests are stopped, or the filter's level.",),
    ),
}
