"""The wheel is whole: prices and catalogue inside, and it prices a request where no source tree is near."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REQUEST = {
    "request_id": "r1", "started_at": "2026-10-01T12:00:00Z", "provider": "anthropic", "status": "ok",
    "request_model": "claude-3-opus", "input_tokens": 500, "output_tokens": 100,
}  # fmt: skip


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, cwd=folder)
    return next(folder.glob("*.whl"))


def test_wheel_carries_prices_and_licences(wheel: Path) -> None:
    """pricing.toml, the catalogue and the licences of its sources are in the wheel."""
    names = zipfile.ZipFile(wheel).namelist()

    assert wheel.name.startswith("llmscope_toolkit-")
    for name in (
        "pricing.toml", "catalogue.tsv.gz", "context_windows.tsv.gz",
        "cl100k_base.tiktoken.gz", "o200k_base.tiktoken.gz",
        "LICENSE.genai-prices", "LICENSE.model-prices", "LICENSE.tiktoken",
        "vega.js.gz", "LICENSE.vega", "report.css", "report.js",
    ):  # fmt: skip
        assert f"llmscope/data/{name}" in names


def test_installed_wheel_prices_a_request(wheel: Path, tmp_path: Path) -> None:
    """Claude 3 Opus at 15/75: 500 x 15e-6 + 100 x 75e-6 = 0.0075 + 0.0075 = 0.015 USD."""
    place = tmp_path / "venv"
    venv.create(place, with_pip=False)
    python = place / "bin" / "python"
    target = next((place / "lib").glob("python*")) / "site-packages"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target), str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    log = tmp_path / "log.jsonl"
    log.write_text(json.dumps(REQUEST) + "\n")
    # The libraries come from this environment; llmscope itself from the wheel, which stands first on the path.
    libraries = os.pathsep.join([str(target), *[p for p in sys.path if p.endswith("site-packages")]])
    environment = {**os.environ, "PYTHONPATH": libraries, "HOME": str(tmp_path)}

    where = [str(python), "-c", "import llmscope; print(llmscope.__file__)"]
    found = subprocess.run(where, check=True, capture_output=True, text=True, cwd=tmp_path, env=environment)
    command = [str(python), "-m", "llmscope", "cost", str(log), "-f", "json"]
    answer = subprocess.run(command, check=True, capture_output=True, text=True, cwd=tmp_path, env=environment)

    assert found.stdout.startswith(str(target))
    assert json.loads(answer.stdout)["rows"][0]["cost_usd"] == 0.015
