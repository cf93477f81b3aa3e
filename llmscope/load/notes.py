"""What loading has to say under a result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llmscope.load import FileReport, LoadReport

# Notes that more files share are said once.
MOST_NAMED = 3


def load_notes(report: LoadReport) -> list[str]:
    """What loading has to say under a result: files left out, values not understood, guesses made."""
    from llmscope.redact import redact

    notes = [redact(f.error.message) for f in report.failed if f.error]
    unknown = [f.path for f in report.files if f.outcome == "unknown"]
    if unknown:
        what = "file is no log" if len(unknown) == 1 else "files are no logs"
        notes.append(f"{len(unknown)} {what} llmscope knows: {', '.join(unknown[:3])}; see llmscope sources detect")
    empty = [f.path for f in report.files if f.outcome == "empty"]
    if empty:
        notes.append(f"{len(empty)} file{'s' * (len(empty) != 1)} empty: {', '.join(empty[:3])}")
    notes += gathered([f for f in report.files if f.outcome not in ("unknown", "empty")])
    told = sum(f.set_aside for f in report.files if any(" set aside: " in note for note in f.notes))
    aside = report.total("set_aside") - told
    if aside:
        said = "record that is no request was" if aside == 1 else "records that are no requests were"
        notes.append(f"{aside:,} {said} set aside")
    return notes


def gathered(files: Sequence[FileReport]) -> Iterator[str]:
    """What the files have to say; what many say alike is said once, with its counts summed."""
    said: dict[tuple[str, bool], list[tuple[str, str]]] = {}
    for file in files:
        for note in file.notes:
            count, _, rest = note.partition(" ")
            counted = count.replace(",", "").isdigit()
            said.setdefault((rest if counted else note, counted), []).append((file.path, count if counted else ""))
    for (text, counted), places in said.items():
        if len(places) <= MOST_NAMED:
            yield from (f"{path}: {f'{count} ' * counted}{text}" for path, count in places)
        else:
            total = sum(int(count.replace(",", "")) for _, count in places) if counted else 0
            yield f"{f'{total:,} ' * counted}{text} (in {len(places):,} files, the first {places[0][0]})"
