"""The lake: a folder or an object store's prefix of Parquet by day, which many loaders and readers share."""

from __future__ import annotations

from pathlib import Path


def is_lake(name: str | Path) -> bool:
    """Whether a store's name means a lake: a URL, a folder, or a folder to be made; any other path is one file."""
    text = str(name)
    return "://" in text or text.endswith("/") or Path(text).is_dir()
