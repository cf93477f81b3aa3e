"""A load of a log with 100 bad lines against the same log without, paired.

By hand: python tests/bench/bench_bad.py LOG [ROUNDS].
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

from bench_load import run

BAD = ['{"request_id": "cut', "[1, 2]", "not json", "42", '{"a": }']


def spoil(log: Path, target: Path, every: int = 10_000) -> None:
    """The log with a bad line after every 10,000 good ones, and some blank ones."""
    with log.open("rb") as source, target.open("wb") as out:
        for number, line in enumerate(source):
            out.write(line)
            if number % every == 0:
                out.write(BAD[number // every % len(BAD)].encode() + (b"\n\n" if number % (every * 5) == 0 else b"\n"))


def main() -> None:
    log, rounds = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 5
    with tempfile.TemporaryDirectory() as folder:
        bad = Path(folder) / "bad.jsonl"
        spoil(log, bad)
        clean: list[float] = []
        spoilt: list[float] = []
        for i in range(rounds):
            for source, times in ((log, clean), (bad, spoilt)):
                store = f"{folder}/{i}-{source.stem}.duckdb"
                times.append(run([sys.executable, "-m", "llmscope", "load", str(source), "--store", store, "-q"])[0])
                Path(store).unlink()
        ratio = statistics.median(b / c for b, c in zip(spoilt, clean, strict=True))
        print(f"clean {statistics.median(clean):.2f} s  bad {statistics.median(spoilt):.2f} s  ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
