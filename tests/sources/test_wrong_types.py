"""A value of the wrong type costs its own record at most: nothing raises, and all that stands beside it loads."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import re
import uuid
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from tests.sources.loading import Loaded, loaded

FIXTURES = Path(__file__).parent / "fixtures"
LOGS = sorted(p for p in FIXTURES.rglob("*") if p.suffix in (".jsonl", ".json", ".csv"))
WRONG: tuple[Any, ...] = (None, -1.5, "{[\"'\\\u0000", ["x"], {"x": {"y": 1}})
# A NUL makes a CSV file a binary one.
WRONG_CELLS = ("", "-1.5", "{[\"'\\", '["x"]', '{"x": {"y": 1}}')
# Of a key that stands in many records, as many are made wrong; of what stands in a list, more.
MOST, MOST_LISTED = 1, 6

Place = tuple[str | int, ...]


def places(value: Any, path: Place = ()) -> Iterator[Place]:
    """Every place in a record, also inside a string of JSON; of a list the first items."""
    inner = inside(value)
    if isinstance(inner, dict):
        for key in inner:
            yield (*path, key)
            yield from places(inner[key], (*path, key))
    elif isinstance(inner, list):
        for at in range(min(len(inner), 40)):
            yield (*path, at)
            yield from places(inner[at], (*path, at))


def inside(value: Any) -> Any:
    """The value, or the JSON that it is the text of."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def replaced(value: Any, path: Place, wrong: Any) -> Any:
    """A copy of the value with another one at a place."""
    if not path:
        return wrong
    made = inside(deepcopy(value))
    made[path[0]] = replaced(made[path[0]], path[1:], wrong)
    return json.dumps(made) if isinstance(value, str) else made


def ids(value: Any, name: str = "") -> Iterator[str | int]:
    """What stands under keys that are called an id."""
    inner = inside(value)
    if isinstance(inner, dict):
        for key, one in inner.items():
            yield from ids(one, key)
    elif isinstance(inner, list):
        for one in inner:
            yield from ids(one, name)
    elif isinstance(inner, str | int) and inner and re.search(r"(id|Id|ID)$", name):
        yield inner


def renamed(value: Any, names: dict[str | int, Any]) -> Any:
    """The value, its ids others; so that it is no second version of what it was copied from."""
    inner = inside(value)
    if isinstance(inner, dict):
        inner = {key: renamed(one, names) for key, one in inner.items()}
    elif isinstance(inner, list):
        inner = [renamed(one, names) for one in inner]
    elif isinstance(inner, str):
        for old, new in names.items():
            inner = new if inner == old else inner.replace(str(old), str(new)) if len(str(old)) > 8 else inner
    elif not isinstance(inner, float):
        inner = names.get(inner, inner)
    return json.dumps(inner) if isinstance(value, str) and not isinstance(inner, str) else inner


def other_id(old: str | int, salt: int) -> str | int:
    """Another id of the same kind."""
    if isinstance(old, int):
        return old + salt * 1_000_000
    digest = hashlib.sha256(f"{salt} {old}".encode())
    if re.fullmatch(r"(0x)?[0-9a-fA-F]{16,64}", old):
        return "0x" * old.startswith("0x") + digest.hexdigest()[: len(old.removeprefix("0x"))]
    if re.fullmatch(r"[A-Za-z0-9+/]{10,30}={1,2}", old):
        return base64.b64encode(digest.digest()[: len(base64.b64decode(old))]).decode()
    if re.fullmatch(r"[0-9a-f-]{36}", old):
        return str(uuid.UUID(bytes=digest.digest()[:16]))
    return f"{old}-{salt}"


def wronged(records: list[Any], values: tuple[Any, ...]) -> Iterator[Any]:
    """Copies of the records, each with one wrong value, under ids of their own."""
    met: Counter[Place] = Counter()
    salt = 0
    for record in records:
        for path in places(record):
            shape = tuple("*" if isinstance(step, int) else step for step in path)
            met[shape] += 1
            if met[shape] > (MOST_LISTED if "*" in shape else MOST):
                continue
            for wrong in values:
                salt += 1
                names = {one: other_id(one, salt) for one in ids(record)}
                yield replaced(renamed(record, names), path, wrong)


def records_of(path: Path) -> list[Any]:
    """The records of a fixture, one JSON value each."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".csv":
        return list(csv.DictReader(text.splitlines()))
    if path.suffix == ".jsonl":
        return [value for line in text.splitlines() if isinstance(value := inside(line), dict)]
    value = json.loads(text)
    return value if isinstance(value, list) else next((v for k, v in value.items() if k in ("data", "events")), [value])


def write(path: Path, records: list[Any]) -> Path:
    """The records as a file of the kind that the name says."""
    with path.open("w", encoding="utf-8", newline="") as file:
        if path.suffix == ".csv":
            table = csv.DictWriter(file, list(records[0]))
            table.writeheader()
            table.writerows(records)
        else:
            file.writelines(json.dumps(record) + "\n" for record in records)
    return path


def rows(found: Loaded) -> Counter[str]:
    """All rows, without what only says where they stand."""
    tables = {"requests": found.requests, "spans": found.spans, "scores": found.scores, "traces": found.traces}
    made = [
        {k: str(v) for k, v in row.items() if k != "source_line" and not str(v).startswith("row:")} | {"table": table}
        for table, of in tables.items()
        for row in of
    ]
    return Counter(json.dumps(row, sort_keys=True) for row in made)


@pytest.mark.parametrize("log", LOGS, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_what_stands_beside_a_wrong_value_loads_as_ever(log: Path, tmp_path: Path) -> None:
    records = records_of(log)
    suffix = ".csv" if log.suffix == ".csv" else ".jsonl"
    alone = loaded(write(tmp_path / f"alone{suffix}", records))
    wrong = wronged(records, WRONG_CELLS if suffix == ".csv" else WRONG)
    beside = loaded(write(tmp_path / f"beside{suffix}", [*records, *wrong]))

    assert rows(alone) - rows(beside) == Counter()
