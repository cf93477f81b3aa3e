"""The analyses by name: a file in analyses/ each, and those of plug-ins; imported only when asked."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path

from llmscope.errors import unknown_name
from llmscope.plugins import plugins
from llmscope.result import Result

FOLDER = Path(__file__).parent / "analyses"
GROUP = "llmscope.analyses"


@cache
def analyses() -> tuple[str, ...]:
    """The names of all analyses; one of a group is `group name`."""
    own = {p.stem for p in FOLDER.glob("*.py") if not p.stem.startswith("_")}
    grouped = {f"{p.parent.name} {p.stem}" for p in FOLDER.glob("*/*.py") if not p.stem.startswith("_")}
    return tuple(sorted({*own, *grouped, *plugins(GROUP)}))


def groups() -> tuple[str, ...]:
    """The groups: folders of analyses, each a command with subcommands."""
    return tuple(sorted({name.split(" ")[0] for name in analyses() if " " in name}))


def analysis(name: str) -> Callable[..., Result]:
    """The function of one analysis: it bears its file's name, with an underscore where that is a word of Python's.

    Raises:
        UsageError: none is called that.
    """
    if name not in analyses():
        raise unknown_name("analysis", name, analyses())
    plugin = plugins(GROUP).get(name)
    if plugin:
        loaded: Callable[..., Result] = plugin.load()
        return loaded
    module, last = import_module(f"llmscope.analyses.{name.replace(' ', '.')}"), name.split(" ")[-1]
    found: Callable[..., Result] = getattr(module, last, None) or getattr(module, f"{last}_")
    return found
