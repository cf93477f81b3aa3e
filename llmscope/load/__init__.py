"""Files to canonical rows to store: discover, decompress, detect, map, reject, dedupe, commit."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from llmscope.errors import LlmscopeError
from llmscope.load.assign import job_of
from llmscope.load.discover import inspect
from llmscope.load.find import find, inside, named
from llmscope.load.job import COUNTS, FileReport, Job, Limits, LoadOptions
from llmscope.load.mapping import Map, unseen
from llmscope.load.one import load_one
from llmscope.load.together import groups, load_together
from llmscope.store import Store

__all__ = ["COUNTS", "FileReport", "Limits", "LoadOptions", "LoadReport", "Map", "job_of", "load"]


@dataclass
class LoadReport:
    """What became of every file."""

    files: list[FileReport] = field(default_factory=list)

    def total(self, name: str) -> int:
        """A count of COUNTS, summed over the files."""
        return sum(getattr(f, name) for f in self.files)

    @property
    def may_overlap(self) -> bool:
        """Whether two sources brought answers' ids: the same request may stand in both."""
        return len({f.source for f in self.files if f.linked and f.loaded}) > 1

    @property
    def failed(self) -> list[FileReport]:
        """Files of which nothing was loaded because of an error."""
        return [f for f in self.files if f.error is not None]


MOST_TOGETHER = 500
Progress = Callable[[str, int, int], None]


def load(store: Store, paths: Sequence[str], options: LoadOptions, progress: Progress | None = None) -> LoadReport:
    """Loads every file behind `paths` into the store, each in a transaction of its own.

    A file that cannot be read is reported and the others go on; what was asked for by name and is not a log is an
    error, what merely lies in a folder is noted.

    Raises:
        LlmscopeError: a path does not exist.
        StoreLocked: another process held the store for too long.
        DataRefused: --strict or --max-bad refused a file.
    """
    report = LoadReport()
    with tempfile.TemporaryDirectory(prefix="llmscope-") as folder:
        files = named(find(paths, Path(folder)))
        hollow = [text for text in paths if text != "-" and Path(text).is_dir() and not inside(Path(text))]
        report.files += [FileReport(text, None, "empty", notes=["a folder with no log in it"]) for text in hollow]
        sizes = [path.stat().st_size if path.exists() else 0 for path, _, _ in files]
        early = load_clean(store, files, options) if options.tables and store.path is None else {}
        for i, (path, shown, asked) in enumerate(files):
            if progress:
                progress(shown, sum(sizes[:i]), sum(sizes))
            report.files.append(early.get(shown) or load_path(store, path, shown, asked, options))
            store.breathe()
        if progress:
            progress("", sum(sizes), sum(sizes))
    return report


def load_clean(store: Store, files: Sequence[tuple[Path, str, bool]], options: LoadOptions) -> dict[str, FileReport]:
    """The files that could be read side by side; what is special about the others is said when their turn comes."""
    found: dict[str, FileReport] = {}
    lines = [f for f in files if f[0].suffix != ".parquet"]
    if len(lines) > MOST_TOGETHER:
        return found
    jobs = []
    for path, shown, asked in lines:
        with suppress(LlmscopeError):
            file = inspect(path, shown)
            job = job_of(file, options, asked) if file else None
            jobs += [job] if job else []
    for i, group in enumerate(groups(jobs)):
        reports = load_together(store, group, 1_000_000 + i) or []
        for job, one in zip(group, reports, strict=False):
            one.notes += notes_of(job, options)
            one.linked = job.linked
            found[job.file.shown] = one
    return found


def load_path(store: Store, path: Path, shown: str, asked: bool, options: LoadOptions) -> FileReport:
    """One file, its errors kept in its report; locks and refusals are everybody's."""
    try:
        file = inspect(path, shown, store.con if store.path is None else None)
        if file is None:
            return FileReport(shown, None, "empty", notes=["empty"])
        job = job_of(file, options, asked)
        if job is None:
            return FileReport(shown, None, "unknown", notes=["not a log llmscope knows; left out"])
        if not job.readings:
            return FileReport(shown, job.source, "skipped")
        found = load_one(store, job)
    except LlmscopeError as error:
        if error.exit_code != 1:
            raise
        return FileReport(shown, None, "failed", error=error, asked=asked)
    found.linked = job.linked
    if found.outcome != "skipped":
        found.notes += notes_of(job, options)
    return found


def notes_of(job: Job, options: LoadOptions) -> list[str]:
    """The guesses made about a file."""
    notes = [note for r in job.readings for note in r.notes] + unseen(options.maps, job.file.sample)
    if job.file.duplicate_keys:
        notes.append(f"{job.file.duplicate_keys} of its first records name a key twice: the first one counts")
    return notes
