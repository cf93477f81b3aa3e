"""MB/s of redact on generated texts. By hand: python tests/bench/bench_redact.py"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from llmscope.redact import _checks, redact_many

WORDS = """the quick brown fox jumps over a lazy dog when Response of model prompts; please summarise this, thanks in
2024 Customer's order: 42 items were shipped on Monday and total 1,234.50 euro. tokens key facts why is it so (see
3)?""".split()  # noqa: SIM905
SECRETS = (
    "bob@example.com",
    "+1 212 555 0147",
    "020 7946 0958",
    "password=hunter2",
    "4111 1111 1111 1111",
    "192.168.1.10",
    "sk-" + "proj-" + "A1b2C3d4E5f6G7h8",
)
JSON = '{"id": "req_01%016x", "ts": "2024-08-06T12:%02d:00.%06dZ", "input_tokens": %d, "cost_usd": %.6f}'


def prose(rng: random.Random, secret_ratio: float) -> str:
    words = rng.choices(WORDS, k=rng.randint(40, 400))
    if rng.random() < secret_ratio:
        words.insert(rng.randrange(len(words)), rng.choice(SECRETS))
    return " ".join(words)


def json_line(rng: random.Random) -> str:
    return JSON % (
        rng.getrandbits(64),
        rng.randrange(60),
        rng.randrange(10**6),
        rng.randrange(10**5),
        rng.random(),
    )


def measure(name: str, texts: list[str]) -> None:
    size, start = sum(map(len, texts)) / 1e6, time.process_time()
    redact_many(list(texts))
    seconds = time.process_time() - start
    print(f"{name:<34} {len(texts):>7} texts {size:6.1f} MB {size / seconds:8.1f} MB/s")


def column(make: Callable[[random.Random], str], megabytes: float) -> list[str]:
    rng, texts, size = random.Random(1), [], 0
    while size < megabytes * 1e6:
        texts.append(make(rng))
        size += len(texts[-1])
    return texts


def main() -> None:
    redact_many(list(SECRETS))
    _checks._is_phone.cache_clear()
    measure("prose, clean", column(lambda rng: prose(rng, 0), 5))
    measure("prose, a secret in 5 % of texts", column(lambda rng: prose(rng, 0.05), 5))
    measure("prose, a secret in every text", column(lambda rng: prose(rng, 1), 5))
    measure("JSON log lines, clean", column(json_line, 3))
    measure("words of 20 characters", column(lambda rng: "a few words, " + rng.choice(WORDS), 1))
    measure(
        "distinct +1 numbers only",
        column(lambda rng: f"+1 212 {rng.randrange(200, 1000)} {rng.randrange(10**4):04}", 0.2),
    )


if __name__ == "__main__":
    main()
