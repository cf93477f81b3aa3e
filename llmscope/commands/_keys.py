"""The keys of a file's first records: where they stand, what kind of value they hold, and which nobody reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from llmscope.errors import nearest
from llmscope.schema import BY_NAME
from llmscope.sources import Reading, Sample

MOST_PATHS = 2_000
MOST_RECORDS = 100
DEEPEST = 5


@dataclass
class Keys:
    """Path -> kind of its values, and how many records have a value there. A step into a list is written `[]`."""

    records: int
    kinds: dict[str, str] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)

    def leaves(self) -> list[str]:
        """The paths that hold a value and not more keys."""
        return [path for path, kind in self.kinds.items() if kind not in ("object", "empty")]

    def path_of(self, key: str) -> str | None:
        """Where a key that a source reads stands in this file: the shortest path that ends in it."""
        if key in self.kinds:
            return key
        ending = [path for path in self.kinds if path.endswith(f".{key}")]
        return min(ending, key=len) if ending else None

    def not_kept(self, readings: Sequence[Reading]) -> list[str]:
        """The keys with a value that no reading looks at: unknown ones, and what is beside a key that is picked out."""
        columns = {name.casefold() for reading in readings for name in reading.columns}
        read = {path for r in readings for f in r.fields.values() for key in f.keys if (path := self.path_of(key))}
        dotted = {
            key for r in readings for f in r.fields.values() for key in f.keys if "." in key and key in self.kinds
        }
        picked = {key.partition(".")[0] for key in dotted} - read
        return [
            path for path, kind in self.kinds.items() if kind != "empty" and self._idle(path, columns, read, picked)
        ]

    def _idle(self, path: str, columns: set[str], read: set[str], picked: set[str]) -> bool:
        """Nobody looks at this path, nor at what it stands in."""
        top, _, rest = path.partition(".")
        if not rest:
            return top.casefold() not in columns and path not in read
        return top in picked and self.kinds[path] != "object" and not touched(path, read)

    def near(self, path: str) -> str | None:
        """The canonical column whose name is most like a key's."""
        close = nearest(path.rpartition(".")[2], BY_NAME["requests"], 1)
        return close[0] if close else None


def touched(path: str, read: set[str]) -> bool:
    """Whether a path is read, stands inside of what is read, or holds it."""
    return any(path == r or path.startswith(f"{r}.") or r.startswith(f"{path}.") for r in read)


def keys_of(sample: Sample) -> Keys:
    """The keys of the first records."""
    records = sample.records[:MOST_RECORDS]
    keys = Keys(len(records))
    for name in sample.columns:
        keys.kinds[name], keys.seen[name] = "empty", 0
    for record in records:
        for path, kind in dict(walk(record, "", 1)).items():
            if path in keys.kinds or len(keys.kinds) < MOST_PATHS:
                keys.seen[path] = keys.seen.get(path, 0) + 1
                keys.kinds[path] = kind if keys.kinds.get(path, "empty") in ("empty", kind) else "mixed"
    return keys


def walk(value: Mapping[str, Any], prefix: str, depth: int) -> list[tuple[str, str]]:
    """(path, kind) of every key with a value."""
    found: list[tuple[str, str]] = []
    for key, inner in value.items():
        if inner is None or inner == "":
            continue
        path = f"{prefix}{key}"
        found.append((path, kind_of(inner)))
        first = inner[0] if isinstance(inner, list) and inner else inner
        if isinstance(first, Mapping) and depth < DEEPEST:
            found += walk(first, f"{path}{'[]' if isinstance(inner, list) else ''}.", depth + 1)
    return found


def kind_of(value: Any) -> str:
    """What a value is, in a word."""
    if isinstance(value, Mapping):
        return "object"
    if isinstance(value, (list, tuple)):
        return "list"
    if isinstance(value, bool):
        return "true or false"
    return "number" if isinstance(value, (int, float)) else "text"
