"""Commands about the tool's own tables: a file each, found by name; a file with COMMANDS is a group."""

from __future__ import annotations

from pathlib import Path


def names() -> list[str]:
    """The commands there are."""
    return sorted(p.stem for p in Path(__file__).parent.glob("*.py") if not p.stem.startswith("_"))
