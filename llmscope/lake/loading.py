"""Loads log files into a lake: read as into a store, then brought in by one commit."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from llmscope.errors import LlmscopeError
from llmscope.lake.bring import Brought, ReadAgain, bring
from llmscope.lake.lake import Lake
from llmscope.lake.staging import staging
from llmscope.load import LoadOptions, LoadReport, Progress, load
from llmscope.load.find import find, named, size_of, spool
from llmscope.load.room import check_room
from llmscope.store import Store

MOST_READS = 8


def load_into(
    lake: Lake,
    paths: Sequence[str],
    options: LoadOptions,
    progress: Progress | None = None,
    memory: str | None = None,
    say: Callable[[str], None] | None = None,
) -> LoadReport:
    """Loads every file behind `paths`, all in one commit; a file that another loader brought meanwhile is skipped.

    Raises:
        LlmscopeError: a path does not exist, or the lake cannot be written.
        DataRefused: --strict or --max-bad refused a file.
    """
    with tempfile.TemporaryDirectory(prefix="llmscope-") as folder:
        stdin = spool(Path(folder)) if "-" in paths else None
        for _ in range(MOST_READS):
            with staging(lake, memory) as store:
                check_disk(store, lake, paths, stdin)
                report = load(store, paths, options, progress, stdin)
                try:
                    tell(report, bring(store, lake, say=say))
                    return report
                except ReadAgain:
                    lake.refresh()
    raise LlmscopeError(f"{lake.shown}: others keep loading the same files; nothing was loaded", hint="try again later")


def check_disk(store: Store, lake: Lake, paths: Sequence[str], stdin: Path | None) -> None:
    """Refuses a load that the disk of a lake in a folder cannot hold.

    Raises:
        LlmscopeError: the disk is short, or a path does not exist.
    """
    if folder := lake.place.folder:
        files = [path for path, _, _ in named(find(paths, None, stdin))]
        check_room(store, files, [size_of(str(path)) for path in files], folder)


def tell(report: LoadReport, brought: Brought) -> None:
    """Corrects the files' counts by what the lake had already."""
    for file in report.files:
        n = min(brought.gone.pop(file.path, 0), file.loaded) if file.outcome != "skipped" else 0
        file.loaded -= n
        file.duplicates += n
    if report.files:
        report.files[-1].notes += brought.notes
