"""What is asked: for every feature and day the calls people make, before anything happens to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from random import Random

from generator import plan, texts, weather

BLOCK_TOKENS = 512
CACHE_LIFE = timedelta(minutes=5)


@dataclass
class Ask:
    """One call to a model as its program meant it; `output_tokens` is what the model would write without a limit."""

    at: datetime
    user: plan.User
    template: plan.Template
    input_tokens: int
    output_tokens: int
    trace_id: str
    reasoning_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    session_id: str | None = None
    prompt_hash: str | None = None
    prefix_hashes: list[str] | None = None
    input_text: str | None = None
    output_text: str | None = None
    item_id: str | None = None
    tags: list[str] = field(default_factory=list)
    environment: str = "production"
    span_id: str | None = None
    parent_span_id: str | None = None
    calls_tool: bool = False
    gateway_hit: bool | None = None
    pace: float = 1.0


def hex_id(rng: Random, digits: int) -> str:
    """A random hexadecimal id."""
    return f"{rng.getrandbits(4 * digits):0{digits}x}"


def tokens(rng: Random, median: float, spread: float) -> int:
    """A lognormal number of tokens, at least one."""
    return max(1, round(median * rng.lognormvariate(0, spread)))


def someone(feature: str, rng: Random) -> plan.User:
    """Whoever asks: few people ask most of it."""
    return rng.choices(plan.USERS, [u.activity * u.taste[feature] for u in plan.USERS])[0]


def _ask(template: plan.Template, at: datetime, user: plan.User, rng: Random, **more: object) -> Ask:
    ask = Ask(
        at, user, template, 0, 0, hex_id(rng, 32), environment="staging" if rng.random() < 0.025 else "production"
    )
    return replace(ask, **more)  # type: ignore[arg-type]


def chat(day: date, rng: Random) -> Iterator[Ask]:
    """Conversations whose context grows with every turn."""
    template = plan.ASSISTANT
    if day >= plan.ASSISTANT_V13_FROM:
        template = replace(template, version="v13")
    left = weather.count("chat", day, rng)
    while left > 0:
        turns = min(left, 1 + int(rng.expovariate(1 / 3.2)), 16)
        left -= turns
        yield from _conversation(template, day, turns, rng)


def _conversation(template: plan.Template, day: date, turns: int, rng: Random) -> Iterator[Ask]:
    user, at, session = someone("chat", rng), weather.moment(day, rng), "chat-" + hex_id(rng, 12)
    pace, context = rng.lognormvariate(0, 0.2), plan.ASSISTANT_PREFIX_TOKENS
    environment = "staging" if rng.random() < 0.02 else "production"
    for _ in range(turns):
        context += tokens(rng, 60, 0.7) + (tokens(rng, 700, 0.6) if rng.random() < 0.07 else 0)
        answer = tokens(rng, 215 * weather.LENGTH[day], 0.65)
        ask = _ask(template, at, user, rng, input_tokens=context, output_tokens=answer, session_id=session, pace=pace)
        yield replace(ask, environment=environment, prefix_hashes=_blocks("assistant", 4, session, context))
        context += min(answer, template.max_tokens)
        at += timedelta(seconds=18 + 60 * rng.lognormvariate(0, 0.9))


def _blocks(prefix: str, constant: int, rest: str, input_tokens: int) -> list[str]:
    """The ids of a prompt's whole blocks: the first are the template's, the others the conversation's own."""
    names = [(prefix if n < constant else rest, n) for n in range(input_tokens // BLOCK_TOKENS)]
    return [plan.short_hash(*name, digits=8) for name in names]


def fill_chat_cache(asks: list[Ask]) -> None:
    """Sets what each turn of chat reads from and writes to a five-minute cache; `asks` are in time order."""
    prefix_used: datetime | None = None
    sessions: dict[str, tuple[datetime, int]] = {}
    for ask in asks:
        if ask.template.name != plan.ASSISTANT.name or ask.session_id is None:
            continue
        used, known = sessions.get(ask.session_id, (None, 0))
        cacheable = ask.input_tokens - 4
        if used is not None and ask.at - used < CACHE_LIFE:
            read = known
        elif prefix_used is not None and ask.at - prefix_used < CACHE_LIFE:
            read = plan.ASSISTANT_PREFIX_TOKENS
        else:
            read = 0
        ask.cache_read_tokens, ask.cache_write_tokens = read, cacheable - read
        sessions[ask.session_id] = (ask.at, cacheable)
        prefix_used = ask.at


def summarise(day: date, rng: Random) -> Iterator[Ask]:
    """Documents (whose template grows by 30 % in September) and mail threads (whose template does not)."""
    for _ in range(weather.count("summarise", day, rng)):
        at, user = weather.moment(day, rng), someone("summarise", rng)
        answer = tokens(rng, 330 * weather.LENGTH[day], 0.4)
        if rng.random() < 0.6:
            grown = day >= plan.SUMMARISE_V8_FROM
            template = replace(plan.SUMMARISE, version="v8") if grown else plan.SUMMARISE
            prompt = tokens(rng, 3100 * (plan.SUMMARISE_V8_GROWTH if grown else 1), 0.33)
        else:
            template, prompt = plan.SUMMARISE_THREAD, tokens(rng, 1900, 0.45)
        yield _ask(template, at, user, rng, input_tokens=prompt, output_tokens=answer, pace=rng.lognormvariate(0, 0.15))


def extract(day: date, rng: Random) -> Iterator[Ask]:
    """Invoices, a third of them by a nightly job, and contract clauses, whose limit is set too low in October."""
    for _ in range(weather.count("extract", day, rng)):
        at, user = weather.moment(day, rng), someone("extract", rng)
        if rng.random() < 0.45:
            limit = plan.CLAUSES_LIMIT if day >= plan.CLAUSES_LIMIT_FROM else plan.CLAUSES.max_tokens
            template = replace(plan.CLAUSES, max_tokens=limit)
            prompt, answer = tokens(rng, 5200, 0.4), tokens(rng, 315 * weather.LENGTH[day], 0.45)
            yield _ask(template, at, user, rng, input_tokens=prompt, output_tokens=answer)
            continue
        nightly = rng.random() < 0.33
        if nightly:
            at = at.replace(hour=2, minute=at.minute // 2)
        prompt, answer = tokens(rng, 1350, 0.35), tokens(rng, 170 * weather.LENGTH[day], 0.35)
        tags = ["batch", "nightly"] if nightly else []
        yield _ask(plan.INVOICE, at, user, rng, input_tokens=prompt, output_tokens=answer, tags=tags)


def search(day: date, rng: Random) -> Iterator[Ask]:
    """Questions over documents; few questions are asked often. The model is switched in October."""
    for _ in range(weather.count("search", day, rng)):
        at, user = weather.moment(day, rng), someone("search", rng)
        question = min(499, int(rng.paretovariate(0.7)))
        model = plan.FLASH if day >= plan.SEARCH_SWITCH_FROM else plan.GPT_4O
        ask = _question(question, model, at, user, rng)
        ask.session_id = "web-" + plan.short_hash("search", user.user_id, day, digits=12)
        ask.output_tokens = round(ask.output_tokens * weather.LENGTH[day])
        yield ask


def _question(number: int, model: plan.Model, at: datetime, user: plan.User, rng: Random) -> Ask:
    prompt = 1150 + tokens(plan.stream("question", number), 1500, 0.35)
    answer = tokens(rng, 240, 0.5)
    cached = 1024 if rng.random() < 0.55 else 0
    ask = _ask(replace(plan.ANSWER, model=model), at, user, rng, input_tokens=prompt, output_tokens=answer)
    ask.prompt_hash = plan.short_hash("question", number)
    ask.cache_read_tokens = cached
    return ask


def evaluation() -> Iterator[Ask]:
    """Before the switch, the same questions went to both models, in staging."""
    rng, engineer = plan.stream("evaluation"), next(u for u in plan.USERS if u.team == "platform")
    for item in range(plan.EVAL_ITEMS):
        for model in (plan.GPT_4O, plan.FLASH):
            at = plan.EVAL_AT + timedelta(seconds=9 * item, milliseconds=rng.randrange(900))
            ask = _question(item, model, at, engineer, rng)
            yield replace(ask, environment="staging", item_id=f"eval-{item + 1:03d}", tags=["eval"])


def classify(day: date, rng: Random) -> Iterator[Ask]:
    """Support tickets; two in five go to the company's own model, which nobody has a price for."""
    for _ in range(weather.count("classify", day, rng)):
        at, user = weather.moment(day, rng), someone("classify", rng)
        text, length, label = texts.ticket(rng)
        template = plan.TRIAGE
        if rng.random() < 0.4:
            template = replace(template, model=plan.ACME)
            length = round(length * texts.ACME_TOKENS_PER_O200K)
        ask = _ask(template, at, user, rng, input_tokens=length + texts.CHAT_FORMAT_TOKENS, output_tokens=1)
        ask.prompt_hash = plan.short_hash(text)
        ask.gateway_hit = rng.random() < 0.03
        if rng.random() < 0.5:
            ask.input_text, ask.output_text = text, label
        yield ask


def agent_runs(day: date, rng: Random) -> Iterator[list[Ask]]:
    """Runs of the agent: a plan by the reasoning model, then steps that each carry the whole prefix, never cached."""
    for _ in range(weather.count("agent", day, rng)):
        user, at = someone("agent", rng), weather.moment(day, rng)
        yield _run(user, at, rng)


def _run(user: plan.User, at: datetime, rng: Random) -> list[Ask]:
    first = _ask(plan.AGENT_PLAN, at, user, rng, session_id="run-" + hex_id(rng, 12))
    first.input_tokens = 1250 + tokens(rng, 420, 0.5)
    first.reasoning_tokens = 64 * max(1, round(tokens(rng, 620, 0.6) / 64))
    first.output_tokens = first.reasoning_tokens + tokens(rng, 150, 0.35)
    first.cache_read_tokens = 1152 if rng.random() < 0.6 else 0
    steps, context = [first], plan.AGENT_PREFIX_TOKENS + tokens(rng, 450, 0.5)
    count = rng.choices((2, 3, 4, 5), (30, 35, 25, 10))[0]
    for n in range(count):
        answer = tokens(rng, 190 if n < count - 1 else 340, 0.4)
        blocks = _blocks("agent-act", 6, first.trace_id, context)
        step = replace(
            first, template=plan.AGENT_ACT, input_tokens=context, output_tokens=answer, reasoning_tokens=None
        )
        steps.append(replace(step, cache_read_tokens=0, cache_write_tokens=0, prefix_hashes=blocks))
        steps[-1].calls_tool = n < count - 1
        context += answer + tokens(rng, 380, 0.6)
    return steps


def rogue_loop() -> Iterator[Ask]:
    """A script that never got its answer: one person's agent step, sent again and again for a day and a half."""
    rng, user = plan.stream("rogue"), next(u for u in plan.USERS if u.user_id == plan.ROGUE_USER)
    at, session = plan.ROGUE_FROM, "run-" + hex_id(rng, 12)
    while at < plan.ROGUE_UNTIL:
        ask = _ask(plan.AGENT_ACT, at, user, rng, input_tokens=4630, output_tokens=tokens(rng, 260, 0.45))
        blocks = _blocks("agent-act", 6, session, 4630)
        more = {"session_id": session, "prompt_hash": plan.short_hash(session), "prefix_hashes": blocks}
        yield replace(ask, environment="production", cache_read_tokens=0, cache_write_tokens=0, tags=["cron"], **more)  # type: ignore[arg-type]
        at += timedelta(seconds=95 + 90 * rng.random())


SINGLE = {"chat": chat, "summarise": summarise, "extract": extract, "search": search, "classify": classify}
