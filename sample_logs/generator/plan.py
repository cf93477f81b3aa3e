"""The plan: the calendar with its planted stories, the people, the templates and the models with their list prices."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from random import Random

SEED = 7
FIRST_DAY = date(2026, 8, 1)
LAST_DAY = date(2026, 11, 10)

# The stories. README.md says what each is; truth.py measures what became of it.
SUMMARISE_V8_FROM = date(2026, 9, 14)
SUMMARISE_V8_GROWTH = 1.30
SEARCH_SWITCH_FROM = date(2026, 10, 5)
ROGUE_USER = "user-23"
ROGUE_FROM = datetime(2026, 9, 22, 6, 10, tzinfo=UTC)
ROGUE_UNTIL = datetime(2026, 9, 23, 19, 40, tzinfo=UTC)
SLOW_DAY = date(2026, 8, 19)
SLOW_PROVIDER = "openai"
SLOW_FACTOR = 1.8
OUTAGE_FROM = datetime(2026, 10, 20, 14, tzinfo=UTC)
OUTAGE_UNTIL = OUTAGE_FROM + timedelta(hours=1)
OUTAGE_PROVIDER = "anthropic"
CLAUSES_LIMIT_FROM = date(2026, 10, 12)
CLAUSES_LIMIT = 300
AGENT_PREFIX_TOKENS = 3072
ASSISTANT_PREFIX_TOKENS = 2400
JUDGE_V2_FROM = date(2026, 10, 1)
JUDGE_V2_INFLATION = 0.8
DOUBLE_CHARGE_MONTH = (2026, 9)
DOUBLE_CHARGE_PROVIDER = "anthropic"

# Not stories: a version that changes nothing, and an evaluation run in staging.
ASSISTANT_V13_FROM = date(2026, 8, 24)
EVAL_AT = datetime(2026, 9, 30, 17, 5, tzinfo=UTC)
EVAL_ITEMS = 120


@dataclass(frozen=True)
class Model:
    """One model: how fast it is, and USD per million tokens (None: nobody has a price)."""

    name: str
    provider: str
    first_token_ms: float
    per_1k_input_ms: float
    per_output_ms: float
    input_usd: float | None = None
    output_usd: float = 0.0
    cache_read_usd: float = 0.0
    cache_write_usd: float = 0.0


# List prices as of 2026-11-21 (the providers' pages, as genai-prices 0.2.3 has them).
MODELS: dict[str, Model] = {
    m.name: m
    for m in (
        Model("gpt-4o-2024-08-06", "openai", 430, 45, 12.5, 2.50, 10.00, 1.25, 2.50),
        Model("gpt-4o-mini-2024-07-18", "openai", 340, 30, 8.5, 0.15, 0.60, 0.075, 0.15),
        Model("o4-mini-2025-04-16", "openai", 520, 40, 8.0, 1.10, 4.40, 0.275, 1.10),
        Model("claude-haiku-4-5-20251001", "anthropic", 480, 40, 7.5, 1.00, 5.00, 0.10, 1.25),
        Model("claude-sonnet-4-5-20250929", "anthropic", 820, 70, 15.5, 3.00, 15.00, 0.30, 3.75),
        Model("gemini-2.5-flash", "gcp.gemini", 310, 25, 5.5, 0.30, 2.50, 0.03, 0.30),
        Model("acme-internal-llm-7b", "acme", 150, 60, 18.0),
    )
}
GPT_4O, GPT_4O_MINI, O4_MINI, HAIKU, SONNET, FLASH, ACME = MODELS.values()
FALLBACK_MODEL = GPT_4O


@dataclass(frozen=True)
class Template:
    """One prompt template: whose it is and the request parameters it is sent with."""

    name: str
    feature: str
    service: str
    version: str
    model: Model
    max_tokens: int
    temperature: float | None
    stream: bool = False


ASSISTANT = Template("assistant", "chat", "assistant-web", "v12", SONNET, 1024, 0.7, stream=True)
AGENT_PLAN = Template("agent-plan", "agent", "assistant-web", "v2", O4_MINI, 8192, None)
AGENT_ACT = Template("agent-act", "agent", "assistant-web", "v5", SONNET, 2048, 0.2)
SUMMARISE = Template("summarise", "summarise", "docs-api", "v7", HAIKU, 2048, 0.3)
SUMMARISE_THREAD = Template("summarise-thread", "summarise", "docs-api", "v3", HAIKU, 2048, 0.3)
INVOICE = Template("invoice-fields", "extract", "docs-api", "v2", GPT_4O_MINI, 1024, 0.0)
CLAUSES = Template("contract-clauses", "extract", "docs-api", "v3", FLASH, 2048, 0.0)
ANSWER = Template("answer-with-sources", "search", "search-api", "v4", GPT_4O, 1500, 0.2, stream=True)
TRIAGE = Template("ticket-triage", "classify", "triage-worker", "v9", GPT_4O_MINI, 16, 0.0)

# Requests (chat, agent: see asks.py) on an ordinary weekday.
WEEKDAY_VOLUME: dict[str, float] = {
    "chat": 128,
    "summarise": 78,
    "search": 86,
    "extract": 54,
    "classify": 52,
    "agent": 9,
}


@dataclass(frozen=True)
class User:
    """One of the forty-four, and how much of each feature is theirs."""

    user_id: str
    team: str
    region: str
    language: str
    activity: float
    taste: dict[str, float] = field(hash=False)


def stream(*names: object) -> Random:
    """A random stream of its own for every purpose, so that a change to one leaves the others as they were."""
    return Random("/".join(str(n) for n in (SEED, *names)))


def short_hash(*names: object, digits: int = 16) -> str:
    """A stable hexadecimal name for what `names` say."""
    return hashlib.sha256("/".join(str(n) for n in names).encode()).hexdigest()[:digits]


def days() -> Iterator[date]:
    """Every day of the logs."""
    for n in range((LAST_DAY - FIRST_DAY).days + 1):
        yield FIRST_DAY + timedelta(days=n)


TEAMS = ("support", "growth", "legal", "finance", "platform")
FAVOURITES = {
    "support": "classify",
    "growth": "search",
    "legal": "extract",
    "finance": "summarise",
    "platform": "agent",
}


def _user(number: int, activity: float) -> User:
    rng = stream("user", number)
    team = TEAMS[number % len(TEAMS)]
    taste = {f: rng.lognormvariate(0, 0.4) * (3 if FAVOURITES[team] == f else 1) for f in WEEKDAY_VOLUME}
    language = rng.choices(("en", "de", "fr", "es"), (70, 15, 10, 5))[0]
    region = "us-east-1" if language == "en" and rng.random() < 0.6 else "eu-west-1"
    return User(f"user-{number:02d}", team, region, language, activity, taste)


def _users() -> list[User]:
    activities = [1 / (rank + 2) ** 0.9 for rank in range(1, 45)]
    stream("activity").shuffle(activities)
    return [_user(number, activity) for number, activity in enumerate(activities, 1)]


USERS: list[User] = _users()
