"""Sources and analyses of third parties: entry points, looked for without the cost of reading every package's own."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import Any


@cache
def plugins(group: str) -> dict[str, Any]:
    """The entry points of a group ("llmscope.sources" or "llmscope.analyses") by name.

    importlib.metadata takes 15 ms to import and to ask every package; a look for our name in their files takes one.
    """
    if not any(mentions(Path(folder), group) for folder in sys.path if folder):
        return {}
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=group)}


def mentions(folder: Path, group: str) -> bool:
    """Whether a package in this folder has entry points of the group."""
    if not folder.is_dir():
        return False
    wanted = f"[{group}]".encode()
    return any(wanted in path.read_bytes() for path in folder.glob("*-info/entry_points.txt"))
