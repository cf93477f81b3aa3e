"""Two threads answer the sections of one report: in order, all of them, and what one raises is raised."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import llmscope
from llmscope.logs import Logs
from llmscope.report.ask import Asking
from llmscope.report.side_by_side import side_by_side
from llmscope.report.template import Wanted, template_of
from tests.conftest import Run
from tests.load.writing import lines, put, requests

SECTIONS = template_of(None, {}, None).sections


@pytest.fixture
def asking(here: Path, run: Run) -> Iterator[Asking]:
    """A store of twenty requests, opened."""
    run("load", put(here / "log.jsonl", lines(requests(20))))
    with llmscope.open(store=here / "llmscope.duckdb") as logs:
        yield Asking(logs, logs.pair(None), ())


def threads_of(logs: Logs, both: threading.Barrier) -> str:
    """The thread that asks, once both have a section; each counts on its own connection."""
    both.wait(20)
    assert [{"n": 20}] == logs.query("SELECT count(*) AS n FROM requests")
    return threading.current_thread().name


def test_two_at_a_time(asking: Asking) -> None:
    """Two sections are asked at once, each by a thread of its own."""
    both = threading.Barrier(2)
    names = side_by_side(asking, SECTIONS[:2], lambda asking, one: threads_of(asking.logs, both))

    assert 2 == len(set(names))


def test_in_order(asking: Asking) -> None:
    """However they were shared out, the answers stand in the order of the sections."""
    assert [one.name for one in SECTIONS] == side_by_side(asking, SECTIONS, lambda asking, one: one.name)


@pytest.mark.parametrize("beside", [True, False])
def test_what_fails_is_raised(asking: Asking, beside: bool) -> None:
    """An error of either thread ends the report, and the store can be asked again."""
    both = threading.Barrier(2)
    main = threading.current_thread()

    def answer(asking: Asking, one: Wanted) -> str:
        both.wait(20)
        if beside == (threading.current_thread() is not main):
            raise RuntimeError("no disk")
        return one.name

    with pytest.raises(RuntimeError, match="no disk"):
        side_by_side(asking, SECTIONS[:2], answer)
    assert [{"n": 20}] == asking.logs.query("SELECT count(*) AS n FROM requests")
