"""`llmscope sources detect`: what a file was taken for, which key became which column, and three rows of it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from llmscope.asked import Asked
from llmscope.commands._keys import Keys, keys_of
from llmscope.errors import LlmscopeError
from llmscope.result import Column, Finding, Part, Result

if TYPE_CHECKING:
    from llmscope.load import LoadOptions
    from llmscope.load.job import Job
    from llmscope.load.logfile import LogFile
    from llmscope.sources import Reading
    from llmscope.store import Store

ROWS = 3
MOST_IN_DETAIL = 3
MOST_KEYS = 40
# Beside the texts: what is the same in every row of a file, or says nothing to a reader.
NOT_SHOWN = ("load_id", "faults", "source_file", "source_format", "embedding")
FILES = (
    Column("file", "text", "dimension"),
    Column("source", "text"),
    Column("container", "text"),
    Column("compression", "text"),
    Column("records_seen", "count"),
    Column("keys", "count"),
    Column("keys_not_kept", "count", optional=True),
)
MAPPING = (
    Column("column", "text", "dimension"),
    Column("key", "text"),
    Column("unit", "text"),
    Column("filled_ratio", "ratio"),
)
TABLE = Column("table", "text")
KEYS = (Column("key", "text", "dimension"), Column("type", "text"), Column("seen_ratio", "ratio"))
NEAR = Column("near", "text")
NOT_KEPT = "what is not kept: --map metadata.NAME=KEY keeps it, --map COLUMN=KEY says what it is"
OWN_UNITS = {"ms": "ms", "usd": "USD"}


@dataclass
class Detected:
    """What is to be said of one file."""

    row: dict[str, Any]
    parts: dict[str, Part] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    failed: str | None = None
    about: str = ""


def detect_files(asked: Asked, files: Annotated[list[str], "log files, folders, globs or -"]) -> Result:
    """What a file is taken for: source, mapping, keys left out, and three rows as they would load."""
    from llmscope.load.find import find, named

    with tempfile.TemporaryDirectory(prefix="llmscope-") as folder:
        found = named(find(files, Path(folder)))
        seen = [detected(path, shown, asked.load_options, len(found) > 1, by_name) for path, shown, by_name in found]
    parts = {
        (name if len(seen) == 1 else f"{name} of {one.row['file']}"): part
        for one in seen[:MOST_IN_DETAIL]
        for name, part in one.parts.items()
    }
    findings = tuple(Finding("failed", "warning", one.failed) for one in seen if one.failed)
    notes = [note if len(seen) == 1 else f"{one.row['file']}: {note}" for one in seen for note in one.notes]
    if len(seen) == 1:
        notes = [*filter(None, [seen[0].about]), *notes]
    if len(seen) > MOST_IN_DETAIL:
        notes.append(f"mapping and rows are shown of the first {MOST_IN_DETAIL} files; name a file to see its own")
    rows = tuple(one.row for one in seen)
    return Result("sources detect", FILES, rows, parts=parts, findings=findings, notes=tuple(notes))


def detected(path: Path, shown: str, options: LoadOptions, several: bool, by_name: bool) -> Detected:
    """One file; what is wrong with one of several does not hide the others, and a stray one in a folder is no fault.

    Raises:
        LlmscopeError: it cannot be read, and it is the only one.
    """
    from llmscope.load.discover import inspect

    row: dict[str, Any] = {c.name: None for c in FILES} | {"file": shown}
    try:
        file = inspect(path, shown)
        found = described(file, options) if file else Detected(row, notes=["empty"])
    except LlmscopeError as error:
        if not several or error.exit_code != 1:
            raise
        found = Detected(row, failed=error.message)
    return found if by_name or not found.failed else Detected(found.row, {}, ["not a log llmscope knows"])


def described(file: LogFile, options: LoadOptions) -> Detected:
    """A file that could be opened: known or not."""
    from llmscope.load import job_of
    from llmscope.sources import detect

    keys = keys_of(file.sample)
    row = {
        "file": file.shown, "source": None, "container": file.container, "compression": file.compression,
        "records_seen": len(file.sample.records), "keys": len(file.sample.columns), "keys_not_kept": None,
    }  # fmt: skip
    try:
        job = job_of(file, options)
    except LlmscopeError as error:
        name = options.source or detect(file.sample)
        if error.exit_code != 1 or name:
            raise
        job = None
    if job is None:
        return unknown(file, row, keys)
    return known(job, row, keys, options)


def unknown(file: LogFile, row: dict[str, Any], keys: Keys) -> Detected:
    """A file that nobody knows: its keys, and what each could be mapped to."""
    listed = tuple(key_row(keys, path) | {"near": keys.near(path)} for path in keys.leaves()[:MOST_KEYS])
    said = f"{file.shown}: no source knows this {file.container} file; say which key is which: --map model=KEY "
    said += "--map input_tokens=KEY --map output_tokens=KEY --map started_at=KEY"
    return Detected(row, {"keys": Part((*KEYS, NEAR), listed)}, cut_note(keys.leaves()), said)


def known(job: Job, row: dict[str, Any], keys: Keys, options: LoadOptions) -> Detected:
    """A file with a source: loaded, as far as its first records go, into a store that is thrown away."""
    from llmscope.load.strangers import mixture
    from llmscope.sources import load_source

    left = keys.not_kept(job.readings)
    others = mixture(job.file.sample, job.source) if job.mixed else set()
    row |= {"source": " + ".join([job.source, *sorted(others)]), "keys_not_kept": len(left)}
    about = f"{job.source}: {load_source(job.source).ABOUT}{' (asked for with --source)' if options.source else ''}"
    notes = [f"records of {', '.join(sorted(others))} stand among them; each goes to its own source"] if others else []
    if job.file.container == "json" and job.file.unwrap not in ("", "[]"):
        notes.append(f"the records stand under {job.file.unwrap!r}")
    with tempfile.TemporaryDirectory(prefix="llmscope-") as folder, loaded(job, options, Path(folder)) as (store, said):
        mapping = [m for reading in job.readings for m in mapping_rows(store, reading, keys)]
        parts = {"mapping": Part((*MAPPING, TABLE) if len(job.readings) > 1 else MAPPING, tuple(mapping))}
        if left:
            parts["not kept"] = Part(KEYS, tuple(key_row(keys, path) for path in left[:MOST_KEYS]))
            notes += [NOT_KEPT, *cut_note(left)]
        for place, reading in enumerate(job.readings):
            parts[f"rows of {reading.table}" if place else "rows"] = sample_rows(store, reading)
    return Detected(row, parts, notes + said, about=about)


def cut_note(paths: Sequence[str]) -> list[str]:
    return [f"the first {MOST_KEYS} of {len(paths)} keys are listed"] if len(paths) > MOST_KEYS else []


def key_row(keys: Keys, path: str) -> dict[str, Any]:
    return {"key": path, "type": keys.kinds[path], "seen_ratio": keys.seen[path] / max(keys.records, 1)}


@contextmanager
def loaded(job: Job, options: LoadOptions, folder: Path) -> Iterator[tuple[Store, list[str]]]:
    """The first records of a file in a store in memory, by load's own code; and what load had to say."""
    from llmscope.load import Limits, load_path
    from llmscope.store import Store

    store = Store(None)
    try:
        chosen = options.source if job.mixed else job.source
        how = replace(options, source=chosen, limits=Limits(), keep_text=False)
        report = load_path(store, head_of_file(job.file, folder), job.file.shown, True, how)
        if report.error:
            raise report.error
        bad = [f"{report.rejected} of its first lines cannot be read"] if report.rejected else []
        yield store, report.notes + bad
    finally:
        store.close()


def head_of_file(file: LogFile, folder: Path) -> Path:
    """A small file of the same container that begins as the log does."""
    target = folder / "head"
    if file.container == "sqlite":
        return file.path
    if file.container == "parquet":
        parquet_head(file, target)
    elif file.container == "json":
        records = list(file.sample.records)
        value: Any = records if file.unwrap == "[]" else {file.unwrap: records} if file.unwrap else records[0]
        target.write_text(json.dumps(value, default=str), encoding="utf-8")
    else:
        from llmscope.load.discover import peek

        head, whole = peek(file.path, file.compression)
        target.write_bytes(head if whole else head[: head.rfind(b"\n") + 1] or head)
    return target


def parquet_head(file: LogFile, target: Path) -> None:
    """The first rows of a Parquet file as another."""
    from llmscope.engines import duckdb as engine
    from llmscope.sources import literal

    con = engine.connect()
    try:
        rows = f"SELECT * FROM read_parquet({literal(str(file.path))}) LIMIT {len(file.sample.records)}"
        engine.execute(con, f"COPY ({rows}) TO {literal(str(target))} (FORMAT parquet)")
    finally:
        con.close()


def mapping_rows(store: Store, reading: Reading, keys: Keys) -> Iterator[dict[str, Any]]:
    """The columns this file fills: from which key, where one key says it, in which unit, and how often."""
    from llmscope.load.rows import TEXTS
    from llmscope.schema import TABLES

    filled = filled_ratios(store, reading)
    for column in TABLES[reading.table]:
        found = reading.fields.get(column.name)
        paths = list(dict.fromkeys(path for key in found.keys if (path := keys.path_of(key)))) if found else []
        if found is None or (column.name not in TEXTS and not filled.get(column.name)):
            continue
        is_text = column.name in TEXTS
        yield {
            "column": column.name,
            "key": ", ".join(paths) or None,
            "unit": "only with --keep-text" if is_text else found.unit or OWN_UNITS.get(column.kind),
            "filled_ratio": None if is_text else filled.get(column.name, 0.0),
            "table": reading.table,
        }


def filled_ratios(store: Store, reading: Reading) -> Mapping[str, float]:
    """Column -> the share of rows that have a value in it."""
    from llmscope.store import present_columns, rows_table

    present = sorted(present_columns(store.con, reading.table))
    counts = ", ".join(f"count({name})" for name in present)
    every, *found = store.execute(f"SELECT count(*), {counts} FROM {rows_table(reading.table)}")[0]
    return {name: n / every for name, n in zip(present, found, strict=True)} if every else {}


def sample_rows(store: Store, reading: Reading) -> Part:
    """Three rows as they would load, a line a column: what is NULL in all of them and the texts are left out."""
    from llmscope.load.rows import TEXTS
    from llmscope.schema import TABLES
    from llmscope.store import present_columns, rows_table

    present = present_columns(store.con, reading.table) - {*TEXTS, *NOT_SHOWN}
    names = [c.name for c in TABLES[reading.table] if c.name in present]
    rows = store.execute(f"SELECT {', '.join(names)} FROM {rows_table(reading.table)} ORDER BY rowid LIMIT {ROWS}")
    columns = (Column("column", "text", "dimension"), *(Column(f"row_{i}", "json") for i in range(1, len(rows) + 1)))
    values = zip(names, zip(*rows, strict=True), strict=True) if rows else ()
    return Part(
        columns,
        tuple(
            {"column": name, **{f"row_{i}": v for i, v in enumerate(row, 1)}}
            for name, row in values
            if any(v is not None for v in row)
        ),
    )
