"""scipy, imported beside the SQL that comes before it: a quarter of a second in which the engine needs no Python."""

from __future__ import annotations

from importlib import import_module
from threading import Thread


def make_ready() -> None:
    """Begins to import what the statistics need; who needs it sooner waits for the rest."""
    Thread(target=import_module, args=("scipy.special",), daemon=True).start()
