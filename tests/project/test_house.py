"""The house stands as the plan draws it: floors, siblings, file sizes, and what README shows is what comes out."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "llmscope"
ROOMS = ("analyses", "sources", "render", "engines")
SHOWN = re.compile(r"<!-- output: (?P<command>.*?) -->\n```text\n(?P<text>.*?)```\n<!-- end of output -->", re.DOTALL)


def imports_of(path: Path) -> set[str]:
    """Every module a file imports, also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_siblings_do_not_import_each_other(room: str) -> None:
    """A format, a question, an output or an engine can be deleted without touching another."""
    files = [p for p in (PACKAGE / room).glob("*.py") if not p.stem.startswith("_")]
    names = {f"llmscope.{room}.{p.stem}" for p in files}

    for path in files:
        assert imports_of(path) & (names - {f"llmscope.{room}.{path.stem}"}) == set(), path


def test_no_file_is_long() -> None:
    """A file of more than 350 lines is two files."""
    long = {str(p.relative_to(ROOT)): n for p in PACKAGE.rglob("*.py") if (n := len(p.read_text().splitlines())) > 350}

    assert long == {}


@pytest.mark.parametrize("shown", SHOWN.findall((ROOT / "README.md").read_text()), ids=lambda pair: pair[0])
def test_readme_shows_what_comes_out(shown: tuple[str, str]) -> None:
    """An output in README is the program's own, to the letter."""
    command, text = shown
    run = [sys.executable, "-m", *command.split()]
    answer = subprocess.run(run, check=True, capture_output=True, text=True, cwd=ROOT)

    assert [line.rstrip() for line in answer.stdout.strip().splitlines()] == text.strip().splitlines()


def test_readme_is_short() -> None:
    """README is read from top to bottom: it shows an output once, and has fewer than 800 lines."""
    text = (ROOT / "README.md").read_text()

    assert len(text.splitlines()) < 800
    assert text.count("<!-- output:") == len(SHOWN.findall(text))


def test_every_command_is_in_readme() -> None:
    """README names every command."""
    from llmscope.cli import command_names

    text = (ROOT / "README.md").read_text()

    assert [name for name in command_names() if f"llmscope {name}" not in text] == []
