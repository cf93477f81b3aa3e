"""The one family of errors: each kind carries its exit code; cli.py is the only place that catches them."""

from __future__ import annotations

from collections.abc import Iterable


class LlmscopeError(Exception):
    """Something could not be read or run. The message says what, where, and what to do."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(LlmscopeError):
    """The command line or a configuration file asks for something that does not exist."""

    exit_code = 2


class GateBreached(LlmscopeError):
    """A `--fail-if`, a budget or an alert was breached."""

    exit_code = 3


class DataRefused(LlmscopeError):
    """`--strict`, `--max-bad` or `--min-coverage` refused the data."""

    exit_code = 4


class NothingMatched(LlmscopeError):
    """A gate was asked of no data; a gate on no data never passes."""

    exit_code = 5


class StoreLocked(LlmscopeError):
    """The store stayed locked by another process for longer than `--wait`."""

    exit_code = 75


class PipeClosed(LlmscopeError):
    """The reader of our pipe went away: nothing is wrong, and nothing is said."""

    exit_code = 141


def nearest(name: str, known: Iterable[str], count: int = 3) -> list[str]:
    """The known names most like `name`, best first; empty when nothing is like it."""
    from difflib import get_close_matches

    by_fold = {candidate.casefold(): candidate for candidate in known}
    hits = get_close_matches(name.casefold(), list(by_fold), n=count, cutoff=0.6)
    return [by_fold[hit] for hit in hits]


def unknown_name(what: str, name: str, known: Iterable[str]) -> UsageError:
    """A UsageError that names the nearest known names, or lists them all when nothing is near."""
    everything = sorted(known)
    close = nearest(name, everything)
    hint = f"did you mean {' or '.join(close)}?" if close else f"known: {', '.join(everything)}"
    return UsageError(f"unknown {what} {name!r}", hint=hint)
