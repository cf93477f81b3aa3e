"""What every analysis is asked on both engines: by its name, several sets of its own options."""

from __future__ import annotations

from typing import Any

Options = dict[str, Any]
SHARED = ("since", "until", "tz", "where")
# Those in SHARED belong to the window. An error is compared as an answer is.
ASKED: dict[str, tuple[Options, ...]] = {
    "compare": (
        {"by": "model", "a": "gpt-4o-2024-08-06", "b": "gemini-2.5-flash", "where": "feature = 'search'"},
        {"by": "release", "a": "2026.40.0", "b": "2026.41.0", "peek": True, "share": "50%"},
        {"where_a": "model = 'gpt-4o-mini'", "where_b": "stream AND price_status = 'exact'", "adjust": "none"},
        {"by": "environment", "a": "production", "b": "staging", "pairs": "item_id"},
        {"by": "template_version", "a": "v1", "b": "v2", "pairs": "prompt_hash", "adjust": "feature,model"},
    ),
    "cost": (
        {},
        {"by": "feature,model", "over": "month"},
        {"by": "tag,metadata.team,price_status", "top": 3},
        {"by": "user", "over": "week", "top": 2, "tz": "Europe/Zurich", "since": "2026-09", "until": "2026-10"},
        {"forecast": True, "since": "2026-11"},
        {"by": "provider", "cost_source": "logged", "sort": "requests", "where": "cost_usd > 0.001"},
        {"over": "hour", "since": "2026-10-01", "until": "2026-10-02", "where": "output_tokens IS NOT NULL"},
    ),
    "drift": (
        {},
        {"since": "2026-10", "until": "2026-10", "by": "feature,model", "distances": True},
        {"since": "2026-10-10", "baseline": "4w", "metric": "latency,cost_per_request", "dependent": True},
        {"by": "language", "top": 2, "include": "all", "tz": "America/New_York", "distances": True},
    ),
    "errors": (
        {},
        {"by": "feature,model", "silent": True},
        {"by": "provider", "over": "week", "sort": "requests", "top": 2},
        {"over": "day", "by": "error_class", "where": "attempt > 1"},
    ),
    "judge calibrate": (
        {},
        {"bar": 0.85, "statistic": "agreement", "by": "model,feature"},
        {"judge": "gpt-judge@2", "reference": "mean", "tolerance": 1.0, "top": 3},
    ),
    "judge drift": ({}, {"over": "quarter", "bar": 0.7, "same_scale": True}),
    "judge estimate": ({}, {"passing": 7.0, "score": "quality"}),
    "latency": (
        {},
        {"by": "feature,model", "quantiles": "50,95,99.9", "ci": True},
        {"metric": "ttft", "by": "provider", "over": "day"},
        {"metric": "tpot", "hist": True, "by": "model", "top": 3},
        {"metric": "tokens-per-second", "over": "week", "include": "all"},
        {"breakdown": True, "by": "model"},
        {"slo": ["chat=2s", "summarise=p99:30s", "chat=ttft:500ms"]},
    ),
    "quality": (
        {},
        {"by": "feature,month", "below": "7", "score": "quality"},
        {"by": "model", "over": "week", "rater": "human,judge"},
        {"by": "tag", "top": 3, "where": "feature = 'chat'"},
    ),
    "reconcile": ({}, {"by": "feature,day", "top": 3, "tolerance": 0.0}, {"by": "model", "sort": "requests"}),
    "recount": (
        {},
        {"by": "feature,model", "sample": 20, "seed": 3},
        {"anatomy": True},
        {"anatomy": True, "by": "template", "include": "all"},
    ),
    "safety": (
        {},
        {"by": "feature", "over": "week", "top": 2},
        {"scan": True, "sample": "all"},
        {"scan": True, "by": "model", "sample": "20", "alarm": "injection=none,refusal=5%"},
    ),
    "sample": (
        {},
        {"how": "stratified", "by": "model,feature", "n": 40, "seed": 7, "score": "quality"},
        {"how": "errors", "n": 20},
        {"how": "disagreement", "n": 20},
        {"how": "uncertain", "score": "quality", "bar": 7.0, "n": 20},
        {"exclude": ["labelled"], "score": "quality", "with_text": True, "n": 10},
    ),
    "throughput": (
        {},
        {"by": "provider", "limit": ["openai=10000rpm,2000000tpm"], "per": "second"},
        {"by": "model", "over": "day", "busiest": 5, "since": "2026-10-01", "until": "2026-10-07"},
    ),
    "tokens": (
        {},
        {"by": "feature,template", "over": "month", "top": 2},
        {"trend": True},
        {"trend": True, "by": "feature", "metric": "output", "over": "week"},
        {"truncation": True},
        {"truncation": True, "by": "model"},
        {"sessions": True},
        {"sessions": True, "by": "feature"},
        {"caching": True},
        {"caching": True, "by": "model,feature"},
        {"trend": True, "metric": "reasoning", "by": "model"},
    ),
    "trace list": ({}, {"sort": "cost", "top": 5}, {"sort": "errors"}, {"sort": "duration"}, {"sort": "tokens"}),
    "trace show": ({"id": "9a07955"}, {"id": "t-2", "text": True}, {"id": "chat-000"}),
    "trace slow": ({}, {"metric": "ttft", "top": 5, "include": "all"}),
    "trace steps": ({}, {"sort": "step"}, {"top": 3, "where": "feature = 'agent'"}),
}
