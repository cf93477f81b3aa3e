"""llmscope.toml: the project's own settings over the person's; flags and environment lie over both."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from llmscope.errors import UsageError, unknown_name

FILE = "llmscope.toml"
# A setting's type in TOML's own words.
IN_WORDS = {
    "str": "text", "int": "a whole number", "float": "a number", "bool": "true or false", "dict": "a table",
    "tuple": "a list of texts",
}  # fmt: skip
STORE = "llmscope.duckdb"


@dataclass(frozen=True, slots=True)
class Config:
    """All settings a file may hold; None where it is silent."""

    store: str | None = None
    pricing: str | None = None
    tz: str | None = None
    source: str | None = None
    source_tz: str | None = None
    format: str | None = None
    where: str | None = None
    by: str | None = None
    top: int | None = None
    wait: float | None = None
    memory: str | None = None
    threads: int | None = None
    temp: str | None = None
    engine: str | None = None
    spark_url: str | None = None
    exact: bool | None = None
    min_coverage: float | None = None
    max_bad: float | None = None
    strict: bool | None = None
    keep_text: bool | None = None
    cost_source: str | None = None
    fail_if: tuple[str, ...] = ()
    map: tuple[str, ...] = ()
    slo: dict[str, Any] = field(default_factory=dict)
    tokens: dict[str, Any] = field(default_factory=dict)
    drift: dict[str, Any] = field(default_factory=dict)
    safety: dict[str, Any] = field(default_factory=dict)
    report: dict[str, Any] = field(default_factory=dict)
    path: Path | None = None


def user_folder() -> Path:
    """Where a person's own settings are kept."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "llmscope"


def read_config(named: Path | None = None, start: Path | None = None) -> Config:
    """The settings of `named`, else of llmscope.toml here or in a folder above, over the user's own.

    Raises:
        UsageError: the file named does not exist, is no TOML, or has an unknown key; the nearest is named.
    """
    if named is not None and not named.is_file():
        raise UsageError(f"{named}: no such configuration file")
    own = read_file(user_folder() / "config.toml")
    project = named or nearest_file(start or Path.cwd())
    merged = {**own, **(read_file(project) if project else {})}
    return Config(**merged, path=project)


def nearest_file(start: Path) -> Path | None:
    """llmscope.toml in this folder or the closest one above it, not beyond a repository's root."""
    for folder in (start, *start.parents):
        if (folder / FILE).is_file():
            return folder / FILE
        if (folder / ".git").exists():
            return None
    return None


def read_file(path: Path) -> dict[str, Any]:
    """One file's settings, checked; empty where there is none."""
    if not path.is_file():
        return {}
    try:
        with path.open("rb") as stream:
            data = tomllib.load(stream)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not valid TOML: {error}") from error
    known = {f.name: f for f in fields(Config) if f.name != "path"}
    settings = {}
    for key, value in data.items():
        name = key.replace("-", "_")
        if name not in known:
            unknown = unknown_name("setting", key, known)
            raise UsageError(f"{path}: {unknown.message}", hint=unknown.hint)
        settings[name] = checked(path, name, value, str(known[name].type))
    return settings


def checked(path: Path, name: str, value: Any, kind: str) -> Any:
    """A setting's value if it is of the setting's type."""
    if name == "map" and isinstance(value, dict):
        return tuple(f"{column}={key}" for column, key in value.items())
    if kind.startswith("tuple"):
        texts = [value] if isinstance(value, str) else value
        if isinstance(texts, list) and all(isinstance(t, str) for t in texts):
            return tuple(texts)
    expected: dict[str, tuple[type, ...]] = {
        "str": (str,),
        "int": (int,),
        "float": (int, float),
        "bool": (bool,),
        "dict": (dict,),
    }
    for word, types in expected.items():
        if kind.startswith(word) and isinstance(value, types) and (word == "bool" or not isinstance(value, bool)):
            return value
    raise UsageError(f"{path}: {name} = {value!r} is not {IN_WORDS[kind.split(' ')[0].split('[')[0]]}")
