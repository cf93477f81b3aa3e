"""Where coding agents keep their sessions on this machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from llmscope.errors import LlmscopeError, unknown_name


def claude_code() -> list[Path]:
    """CLAUDE_CONFIG_DIR, which may name several folders, else both folders it has had."""
    given = [part.strip() for part in os.environ.get("CLAUDE_CONFIG_DIR", "").split(",") if part.strip()]
    homes = [Path(part).expanduser() for part in given] or [config() / "claude", Path.home() / ".claude"]
    return [home if home.name == "projects" else home / "projects" for home in homes]


def codex() -> list[Path]:
    """The sessions in use and those put away."""
    home = folder_of("CODEX_HOME", Path.home() / ".codex")
    return [home / "sessions", home / "archived_sessions"]


def gemini_cli() -> list[Path]:
    """A folder of chats a project."""
    projects = Path.home() / ".gemini" / "tmp"
    return sorted(projects.glob("*/chats")) or [projects]


def opencode() -> list[Path]:
    """The messages as files, and the database that newer versions keep them in."""
    home = folder_of("XDG_DATA_HOME", Path.home() / ".local" / "share") / "opencode"
    return [home / "storage" / "message", home / "opencode.db"]


def llm() -> list[Path]:
    """simonw/llm's database."""
    return [folder_of("LLM_USER_PATH", app_folder("io.datasette.llm")) / "logs.db"]


def config() -> Path:
    """Where settings go by the XDG rules."""
    return folder_of("XDG_CONFIG_HOME", Path.home() / ".config")


def app_folder(name: str) -> Path:
    """Where a program's own files go on this system."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / name
    if sys.platform == "win32":
        return folder_of("APPDATA", Path.home() / "AppData" / "Roaming") / name
    return config() / name


def folder_of(variable: str, default: Path) -> Path:
    """The folder that an environment variable names."""
    given = os.environ.get(variable, "").strip()
    return Path(given).expanduser() if given else default


AGENTS: Mapping[str, Callable[[], list[Path]]] = {
    "claude-code": claude_code,
    "codex": codex,
    "gemini-cli": gemini_cli,
    "opencode": opencode,
    "llm": llm,
}


def sessions(name: str) -> list[Path]:
    """The folders and files in which this agent's sessions are, of those that exist.

    Raises:
        UsageError: no agent has that name.
        LlmscopeError: it has left nothing on this machine.
    """
    if name not in AGENTS:
        raise unknown_name("agent", name, AGENTS)
    places = AGENTS[name]()
    found = [place for place in places if holds_something(place)]
    if not found:
        looked = ", ".join(str(place) for place in places)
        raise LlmscopeError(
            f"no sessions of {name} on this machine: looked in {looked}",
            hint="name the folder or file itself: llmscope load PATH",
        )
    return found


def holds_something(place: Path) -> bool:
    """A file, or a folder that is not empty, of the person's own."""
    try:
        return place.is_file() or (place.is_dir() and any(place.iterdir()))
    except OSError:
        return False
