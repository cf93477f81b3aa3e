"""Says which source reads a file, and how: told by its first records, or named by the person."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from llmscope.errors import LlmscopeError
from llmscope.load.job import Job, LoadOptions
from llmscope.load.logfile import LogFile
from llmscope.load.mapping import apply
from llmscope.load.rows import is_seen
from llmscope.load.strangers import mixture
from llmscope.sources import GENERAL, Reading, detect, load_source

# Containers that hold no JSON: their records are written out as JSON lines before the engine reads them.
TRANSLATED = ("sse", "sqlite")
# What tells that a request stands in two logs: always kept, except by sources that are read for a question only.
LINKING = frozenset({"response_id", "trace_id", "span_id", "parent_span_id", "user_id", "session_id", "feature"})


def without(reading: Reading, unread: frozenset[str]) -> Reading:
    """The reading less the columns that nobody will look at."""
    if reading.table != "requests" or not unread:
        return reading
    return replace(reading, fields={n: f for n, f in reading.fields.items() if n not in unread})


def job_of(file: LogFile, options: LoadOptions, asked: bool = True) -> Job | None:
    """How a file is read: its source, or the one the person named; None for a stray file in a folder.

    Raises:
        LlmscopeError: no source knows it.
    """
    if file.container == "sse" and not file.sample.records:
        raise LlmscopeError(
            f"{file.shown}: an event stream without a whole event of a provider's", hint="is the file cut short?"
        )
    name = options.source or detect(file.sample) or ("flat" if options.maps else None)
    if name is None:
        if not asked:
            return None
        keys = ", ".join(list(file.sample.columns)[:8])
        raise LlmscopeError(
            f"{file.shown}: a {file.container} file with none of the keys llmscope knows (it has: {keys[:160]})",
            hint="say which key is which, for example --map model=KEY --map input_tokens=KEY;"
            " llmscope sources detect shows what was seen",
        )
    return as_source(file, name, options)


def as_source(file: LogFile, name: str, options: LoadOptions, part: bool = False, unfolded: bool = False) -> Job:
    """The file read by this source. `part`: load made it of another file. `unfolded`: by the source's own Python."""
    source: Any = load_source(name)
    try:
        readings: tuple[Reading, ...] = source.readings(file.sample, {m.column: m.key for m in options.maps})
    except LlmscopeError as error:
        looks = detect(file.sample) if options.source else None
        hint = f"it looks like {looks}: leave out --source" if looks and looks != name else error.hint
        raise LlmscopeError(error.message, hint=hint) from error
    evidence = getattr(source, "EVIDENCE", ())
    readings = (apply(readings[0], options.maps, file.sample, evidence), *readings[1:])
    answer = readings[0].fields.get("response_id")
    linked = answer is not None and (name not in GENERAL or any(is_seen(k, file.sample.columns) for k in answer.keys))
    unread = options.unread if name in GENERAL else options.unread - LINKING
    readings = tuple(without(r, unread) for r in readings if wanted(r, options))
    text = {True: "text", "raw": "raw text"}.get(options.keep_text, "")
    said = [name, options.source_tz, text, *sorted(map(str, options.maps))]
    unfolds = hasattr(source, "unfold") and not unfolded
    unfolding = source.unfolding(file.sample) if hasattr(source, "unfolding") and not unfolded else None
    mixed = not part and options.source is None and bool(mixture(file.sample, name))
    derived = mixed or unfolds or file.loose or file.container in TRANSLATED
    return Job(
        file, name, readings, "|".join(said), options.keep_text, options.source_tz, options.limits,
        whole=part or options.tables is not None or unfolding is not None, as_text=part or unfolding is not None,
        unfolding=unfolding, derived=derived, mixed=mixed, anew=derived or getattr(source, "WHOLE", False),
        part=part, linked=linked, options=options,
    )  # fmt: skip


def wanted(reading: Reading, options: LoadOptions) -> bool:
    """Whether the question asks of this table; what traces say goes into their requests."""
    tables = options.tables
    return tables is None or reading.table in tables or (reading.table == "traces" and "requests" in tables)
