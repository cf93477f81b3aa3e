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
    """The names of all analyses."""
    own = {p.stem for p in FOLDER.glob("*.py") if not p.stem.startswith("_")}
    return tuple(sorted({*own, *plugins(GROUP)}))


def analysis(name: str) -> Callable[..., Result]:
    """The function of one analysis.

    Raises:
        UsageError: none is called that.
    """
    if name not in analyses():
        raise unknown_name("analysis", name, analyses())
    if (FOLDER / f"{name}.py").exists():
        found: Callable[..., Result] = getattr(import_module(f"llmscope.analyses.{name}"), name)
        return found
    loaded: Callable[..., Result] = plugins(GROUP)[name].load()
    return loaded
