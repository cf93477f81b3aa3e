"""Folders of any small files, loaded in any way, hold the requests that a plain reading of their lines finds."""

from __future__ import annotations

import gzip
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from llmscope.load import FileReport, LoadOptions, load
from llmscope.store import Store
from tests.load.test_joined_sources import claude, observation, payload
from tests.load.writing import request

KINDS: dict[str, Callable[[int], dict[str, Any]]] = {
    "claude_code": claude, "litellm": payload, "langfuse": observation, "canonical": request
}  # fmt: skip
INPUT = {"claude_code": 15, "litellm": 100, "langfuse": 7}
BROKEN, BLANK = "{broken", ""
ROWS = (
    "SELECT source_format, count(*), sum(input_tokens)::BIGINT, sum(output_tokens)::BIGINT"
    " FROM requests GROUP BY 1 ORDER BY 1"
)


@dataclass(frozen=True)
class Log:
    """One file: its records (kind, number), lines that are none, and how it is written."""

    lines: tuple[tuple[str, int] | str, ...]
    packed: bool
    ended: bool
    indented: bool

    @property
    def records(self) -> list[tuple[str, int]]:
        return [line for line in self.lines if not isinstance(line, str)]

    def write(self, folder: Path, number: int) -> Path:
        texts = [one if isinstance(one, str) else json.dumps(KINDS[one[0]](one[1])) for one in self.lines]
        whole = len(self.lines) == 1 and self.indented
        text = json.dumps(json.loads(texts[0]), indent=1) if whole else "\n".join(texts) + "\n" * self.ended
        path = folder / f"{number}.json{'' if whole else 'l'}{'.gz' if self.packed else ''}"
        path.write_bytes(gzip.compress(text.encode()) if self.packed else text.encode())
        return path


def logs() -> st.SearchStrategy[Log]:
    """A file begins with a record, so that it is known, and ends with one."""
    number = st.integers(1, 40)

    def of(kinds: Sequence[str]) -> st.SearchStrategy[tuple[Any, ...]]:
        record = st.tuples(st.sampled_from(kinds), number)
        middle = st.lists(record | st.sampled_from([BROKEN, BLANK]), max_size=4).map(tuple)
        more = st.tuples(st.tuples(record), middle, st.tuples(record)).map(lambda parts: sum(parts, ()))
        return more | st.tuples(record)

    one = st.sampled_from([(kind,) for kind in KINDS] + [tuple(INPUT)])
    return st.builds(Log, one.flatmap(of), st.booleans(), st.booleans(), st.booleans())


def expected(made: Sequence[Log]) -> list[tuple[str, int, int, int]]:
    """By source: each number once; the tokens as the makers of the records say."""
    numbers: dict[str, set[int]] = {}
    for log in made:
        for kind, number in log.records:
            numbers.setdefault(kind, set()).add(number)
    return [
        (kind, len(found), sum(INPUT.get(kind, n) for n in found), len(found) if kind == "canonical" else sum(found))
        for kind, found in sorted(numbers.items())
    ]


def accounted(log: Log, report: FileReport) -> None:
    """Every line of the file, and nothing else."""
    report.check()
    assert report.error is None
    if report.outcome == "loaded":
        assert len(log.lines) == report.lines
        assert log.lines.count(BROKEN) == report.rejected
        assert log.lines.count(BLANK) == report.blank


@settings(deadline=None, max_examples=10, database=None)
@given(st.lists(logs(), min_size=2, max_size=6))
def test_any_folder_loaded_in_any_way(made: list[Log]) -> None:
    """Together, one by one, backwards and again: the same requests, every line accounted for."""
    with tempfile.TemporaryDirectory() as name:
        paths = [str(log.write(Path(name), i)) for i, log in enumerate(made)]
        by_path = dict(zip(paths, made, strict=True))
        for loads in ([[name]], [[p] for p in paths], [paths[::-1]], [paths[:1], [name]]):
            store = Store(Path(name) / "store.duckdb")
            reports = [report for asked in loads for report in load(store, asked, LoadOptions()).files]
            for report in reports:
                accounted(by_path[report.path], report)

            assert expected(made) == store.execute(ROWS)
            assert load(store, [name], LoadOptions()).total("loaded") == 0
            assert expected(made) == store.execute(ROWS)
            store.close()
            (Path(name) / "store.duckdb").unlink()
