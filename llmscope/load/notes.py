"""What loading has to say under a result."""

from __future__ import annotations

from llmscope.load import LoadReport


def load_notes(report: LoadReport) -> list[str]:
    """What loading has to say under a result: files left out, values not understood, guesses made."""
    from llmscope.redact import redact

    notes = [redact(f.error.message) for f in report.failed if f.error]
    unknown = [f.path for f in report.files if f.outcome == "unknown"]
    if unknown:
        notes.append(
            f"{len(unknown)} files are no logs llmscope knows: {', '.join(unknown[:3])}; see llmscope sources detect"
        )
    empty = [f.path for f in report.files if f.outcome == "empty"]
    if empty:
        notes.append(f"{len(empty)} file{'s' * (len(empty) != 1)} empty: {', '.join(empty[:3])}")
    said: dict[str, list[str]] = {}
    for file in report.files:
        for note in file.notes if file.outcome not in ("unknown", "empty") else ():
            said.setdefault(note, []).append(file.path)
    notes += [
        f"{paths[0]}{f' and {len(paths) - 1} more' if len(paths) > 1 else ''}: {note}" for note, paths in said.items()
    ]
    aside = report.total("set_aside")
    if aside:
        notes.append(f"{aside:,} records that are no requests were set aside")
    return notes
