"""Logs of nothing but failed calls: an HTTP status beside the error body that a provider answered with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmscope.sources import Field, Sample, quote
from llmscope.sources._errors import error_class_sql
from llmscope.sources._reasons import NOTHING, provider_sql

BODIES = ("response", "response_body", "body", "error")
STATUSES = ("status", "status_code", "http_status", "code")
ADDRESSES = ("uri", "url", "request_url", "endpoint")
# Where providers put what went wrong, and what kind of thing it is, in the order of how much each says.
MESSAGES = ("$.error.message", "$.message", "$.detail[0].msg", "$.error_message", "$.detail", "$.error", "$.msg")
TYPES = ("$.error.type", "$.error.code", "$.error.status", "$.__type", "$.code", "$.type")


def failures(sample: Sample) -> tuple[str, str] | None:
    """The keys of the body and of the status, where most records are failures and nothing else is known of them."""
    for body in (key for key in BODIES if key in sample.columns):
        for status in (key for key in STATUSES if key in sample.columns):
            failed = sum(is_failure(r.get(body), r.get(status)) for r in sample.records)
            if failed and 2 * failed >= len(sample.records):
                return body, status
    return None


def is_failure(body: Any, status: Any) -> bool:
    """An error's body under an HTTP status of 4xx or 5xx."""
    if isinstance(status, bool) or not str(status).isdigit() or not 400 <= int(status) <= 599:
        return False
    return isinstance(body, Mapping) and any(key in body for key in ("error", "message", "detail", "error_message"))


def failure_fields(sample: Sample, body: str, status: str) -> tuple[dict[str, str], dict[str, str], dict[str, Field]]:
    """Columns, prepare and fields of such a log."""
    address = next((key for key in ADDRESSES if key in sample.columns), None)
    columns = {body: "JSON", status: "VARCHAR"} | ({address: "VARCHAR"} if address else {})
    paths = ", ".join(f"'{path}'" for path in (*MESSAGES, *TYPES, "$.model", "$.error.request_id", "$.request_id"))
    prepare = {"_failure": f"json_extract_string({quote(body)}, [{paths}])"}
    at = [f"{quote('_failure')}[{i + 1}]" for i in range(len(MESSAGES) + len(TYPES))]
    message, kind = f"coalesce({', '.join(at[: len(MESSAGES)])})", f"coalesce({', '.join(at[len(MESSAGES) :])})"
    code = quote(status)
    host = f"regexp_extract({quote(address)}, '^[a-z]+://([^/:]+)', 1)" if address else NOTHING
    fields = {
        "http_status": Field(code, keys=(status,)),
        "status": Field(f"CASE WHEN left({code}, 1) IN ('4', '5') THEN 'error' END", keys=(status,)),
        "error_type": Field(kind, keys=(body,)),
        "error_message": Field(message, keys=(body,)),
        "error_class": Field(error_class_sql(code, kind, message), keys=(body, status)),
        "provider": Field(provider_sql(NOTHING, NOTHING, host), keys=(address,) if address else ()),
    }
    return columns, prepare, fields
