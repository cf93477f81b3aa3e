"""Files to canonical rows to store: discover, decompress, detect, map, reject, dedupe, commit."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from llmscope.errors import LlmscopeError
from llmscope.load.assign import job_of
from llmscope.load.batch import MOST_FILES, Bytes, batches, content_of, load_batch, size_of, suited
from llmscope.load.discover import PEEK_BYTES, inspect
from llmscope.load.find import find, inside, named
from llmscope.load.job import COUNTS, FileReport, Job, Limits, LoadOptions
from llmscope.load.links import waiting
from llmscope.load.mapping import Map, unseen
from llmscope.load.one import load_one
from llmscope.load.room import check_room
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
        linked = (f.source for f in self.files if f.linked and f.loaded and f.source)
        return len({name for names in linked for name in names.split(" + ")}) > 1

    @property
    def failed(self) -> list[FileReport]:
        """Files of which nothing was loaded because of an error."""
        return [f for f in self.files if f.error is not None]


# What of the first records of how many files is held before any of them is loaded.
MOST_HELD_BYTES = 6 << 20
# A folder holds many databases that are no logs; one named by a person is another matter.
DATABASES = (".db", ".sqlite")
LogPath = tuple[Path, str, bool]
Progress = Callable[[str, int, int], None]


def load(
    store: Store,
    paths: Sequence[str],
    options: LoadOptions,
    progress: Progress | None = None,
    stdin: Path | None = None,
) -> LoadReport:
    """Loads every file behind `paths` into the store, each in a transaction of its own.

    A file that cannot be read is reported and the others go on; what was asked for by name and is not a log is an
    error, what merely lies in a folder is noted. `stdin` is where standard input was put already.

    Raises:
        LlmscopeError: a path does not exist.
        StoreLocked: another process held the store for too long.
        DataRefused: --strict or --max-bad refused a file.
    """
    report = LoadReport()
    with tempfile.TemporaryDirectory(prefix="llmscope-") as folder:
        files = named(find(paths, Path(folder), stdin))
        hollow = [text for text in paths if text != "-" and Path(text).is_dir() and not inside(Path(text))]
        report.files += [FileReport(text, None, "empty", notes=["a folder with no log in it"]) for text in hollow]
        sizes = [size_of(path) for path, _, _ in files]
        check_room(store, [path for path, _, _ in files], sizes)
        done = 0
        for window in windows(files, sizes):
            looked, early = look_together(store, window, options)
            for found in looked:
                shown = found.file.shown if isinstance(found, Job) else found.path
                if progress:
                    progress(shown, done, sum(sizes))
                report.files.append(early.get(shown) or (load_job(store, found) if isinstance(found, Job) else found))
                done += sizes[len(report.files) - len(hollow) - 1]
                store.breathe()
        if progress:
            progress("", sum(sizes), sum(sizes))
    tell_waiting(store, report)
    return report


def tell_waiting(store: Store, report: LoadReport) -> None:
    """How many vectors have no request, once all files are in: one that follows may bring it."""
    brought = [f for f in report.files if f.source and "vectors" in f.source.split(" + ") and f.loaded]
    found = waiting(store.con) if brought else {}
    for file in brought:
        if n := found.get(file.path, 0):
            file.waiting = n
            said = "vector is of a request that is not" if n == 1 else "vectors are of requests that are not"
            file.notes.append(f"{n:,} {said} loaded: kept until {'it comes' if n == 1 else 'they come'}")


def look_together(
    store: Store, window: Sequence[LogPath], options: LoadOptions
) -> tuple[list[Job | FileReport], dict[str, FileReport]]:
    """What each file is; and the reports of those that could be loaded many at once.

    The files' bytes are counted on one core while their first records are looked at on another.
    """
    looked: list[Job | FileReport] = []
    sharing: list[Job] = []
    contents: list[Future[Bytes]] = []
    with ThreadPoolExecutor() as beside:
        for file in window:
            looked.append(found := look(store, *file, options))
            if isinstance(found, Job) and len(window) > 1 and suited(found, store.path is not None):
                sharing.append(found)
                contents.append(beside.submit(content_of, found))
        return looked, together(store, sharing, contents)


def windows(files: Sequence[LogPath], sizes: Sequence[int]) -> Iterator[list[LogPath]]:
    """Files to look at before they are loaded: as many as their first records may fill memory with."""
    window: list[LogPath] = []
    held = 0
    for file, size in zip(files, sizes, strict=True):
        if window and (held + min(size, PEEK_BYTES) > MOST_HELD_BYTES or len(window) >= MOST_FILES):
            yield window
            window, held = [], 0
        window.append(file)
        held += min(size, PEEK_BYTES)
    if window:
        yield window


def look(store: Store, path: Path, shown: str, asked: bool, options: LoadOptions) -> Job | FileReport:
    """What a file is, or why nothing will be read of it."""
    try:
        # A store that is open anyway reads a Parquet file's schema; for others it need not be ready yet.
        file = inspect(path, shown, store.con if store.path is None and path.suffix == ".parquet" else None)
        if file is None:
            return FileReport(shown, None, "empty", notes=["empty"])
        job = job_of(file, options, asked)
    except LlmscopeError as error:
        if error.exit_code != 1:
            raise
        if not asked and path.suffix in DATABASES:
            return FileReport(shown, None, "unknown", notes=["not a log llmscope knows; left out"])
        return FileReport(shown, None, "failed", error=error, asked=asked)
    if job is None:
        return FileReport(shown, None, "unknown", notes=["not a log llmscope knows; left out"])
    if not job.readings:
        return FileReport(shown, job.source, "skipped")
    return replace(job, asked=asked)


def together(store: Store, jobs: Sequence[Job], contents: Sequence[Future[Bytes]]) -> dict[str, FileReport]:
    """The small files that could be loaded many at once; the others follow one by one."""
    found: dict[str, FileReport] = {}
    for places in batches(jobs):
        reports = load_batch(store, [jobs[i] for i in places], [contents[i] for i in places])
        found |= {one.path: finished(one, jobs[i]) for i in places if (one := reports.get(jobs[i].file.shown))}
        store.breathe()
    return found


def load_job(store: Store, job: Job) -> FileReport:
    """One file, its errors kept in its report; locks and refusals are everybody's."""
    try:
        found = load_one(store, job)
    except LlmscopeError as error:
        if error.exit_code != 1:
            raise
        return FileReport(job.file.shown, None, "failed", error=error, asked=job.asked)
    return finished(found, job)


def finished(report: FileReport, job: Job) -> FileReport:
    """A file's report with what holds whatever became of it."""
    report.linked = job.linked
    report.of_requests = job.mixed or job.readings[0].table == "requests"
    report.notes += notes_of(job) if report.outcome != "skipped" else []
    return report


def load_path(store: Store, path: Path, shown: str, asked: bool, options: LoadOptions) -> FileReport:
    """One file by itself."""
    found = look(store, path, shown, asked, options)
    return load_job(store, found) if isinstance(found, Job) else found


def notes_of(job: Job) -> list[str]:
    """The guesses made about a file."""
    # Of a mixed file each piece has said what it guessed.
    notes = [note for r in job.readings for note in r.notes if not job.mixed]
    notes += unseen(job.options.maps, job.file.sample)
    if job.file.duplicate_keys:
        notes.append(f"{job.file.duplicate_keys} of its first records name a key twice: the first one counts")
    return notes
