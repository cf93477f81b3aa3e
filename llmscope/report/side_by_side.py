"""Sections answered two at a time: while one waits for Python, the other has the engine."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from threading import Thread
from typing import TypeVar

from llmscope.engines.duckdb import DuckDB
from llmscope.engines.remembering import Remembering
from llmscope.logs import Logs
from llmscope.report.ask import Asking
from llmscope.report.template import Wanted

T = TypeVar("T")


def side_by_side(asking: Asking, wanted: Sequence[Wanted], answer: Callable[[Asking, Wanted], T]) -> list[T]:
    """What `answer` gives for each section, in their order.

    Raises:
        Exception: what a section raised.
    """
    left, found = deque(enumerate(wanted)), dict[int, T]()
    failed: list[BaseException] = []
    twin = twin_of(asking.logs)

    def work(asking: Asking) -> None:
        while not failed and (next_one := taken(left)):
            place, one = next_one
            found[place] = answer(asking, one)

    def work_beside(asking: Asking) -> None:
        try:
            work(asking)
        except BaseException as error:
            failed.append(error)

    thread = Thread(target=work_beside, args=(replace(asking, logs=twin),), daemon=True) if twin else None
    if thread:
        thread.start()
    try:
        work(asking)
    except BaseException:
        left.clear()
        if twin:
            twin.con.interrupt()
        raise
    finally:
        if thread:
            thread.join()
        if twin:
            twin.close()
    if failed:
        raise failed[0]
    return [found[place] for place in range(len(wanted))]


def twin_of(logs: Logs) -> Logs | None:
    """The same logs on a connection of their own; None where questions are asked one by one. What one remembers the
    other knows."""
    store = logs.store.twin() if logs.asked_engine is None else None
    if store is None:
        return None
    found = replace(logs, store=store, ran=[], _folder=None)
    if isinstance(logs.engine, Remembering):
        found.engine = logs.engine.beside(DuckDB(store))
    return found


def taken(left: deque[tuple[int, Wanted]]) -> tuple[int, Wanted] | None:
    """The next one, if there is any: two threads take from the same."""
    try:
        return left.popleft()
    except IndexError:
        return None
