"""Tools of the field on the formats they read, and llmscope on the very same files, offline."""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from growth import logs
from growth.measure import Run, run
from growth.ours import Place
from growth.peers import MOST_MIB, MOST_S, PASSED
from growth.results import Results, figures, paired

PYTHON = ("frugon==0.2.6", "llm-usage-report==0.1.1", "tracecost==0.1.0")
# ccusage and bun are native programs behind a small script; npm finds no optional dependency of ccusage's newest.
NPM = ("ccusage@20.0.24", "@ccusage/ccusage-{system}-{machine}@20.0.24", "tokscale@1.4.3", "bun@1.4.4")
CALLS_A_MB = 46
LARGEST = {"claude-code": 100_000, "openai": 1_000_000, "otlp": 100_000}
OFFLINE = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"), "")
PRICES = {  # USD per 1,000,000 tokens: input, output, cache write, cache read
    "claude-sonnet-4-5-20250929": (3.0, 15.0, 3.75, 0.30),
    "claude-opus-4-5-20251101": (5.0, 25.0, 6.25, 0.50),
    "claude-haiku-4-5-20251001": (1.0, 5.0, 1.25, 0.10),
    "gpt-4o-2024-08-06": (2.5, 10.0, 0.0, 1.25),
    "gpt-4o-mini-2024-07-18": (0.15, 0.60, 0.0, 0.075),
    "gpt-4.1-2025-04-14": (2.0, 8.0, 0.0, 0.50),
}


def install(folder: Path) -> None:
    """Puts the tools into a virtual environment and a folder of npm's."""
    if not (folder / "venv").exists():
        venv.create(folder / "venv", with_pip=True)
    subprocess.run([folder / "venv/bin/pip", "install", "-q", *PYTHON], check=True)
    names = {"system": platform.system().lower(), "machine": {"x86_64": "x64", "aarch64": "arm64"}[platform.machine()]}
    (folder / "npm").mkdir(parents=True, exist_ok=True)
    wanted = [name.format(**names) for name in NPM]
    subprocess.run(["npm", "install", "--no-audit", "--no-fund", *wanted], cwd=folder / "npm", check=True)


def home_of(work: Path) -> Path:
    """A home folder with prices where tokscale keeps those it fetched: it does not run without."""
    home = work / "home"
    cache = home / ".cache/tokscale"
    cache.mkdir(parents=True, exist_ok=True)
    keys = ("input_cost_per_token", "output_cost_per_token", "cache_creation_input_token_cost",
            "cache_read_input_token_cost")  # fmt: skip
    prices = {model: dict(zip(keys, (p / 1e6 for p in four), strict=True)) for model, four in PRICES.items()}
    for name, known in (("litellm", prices), ("openrouter", {})):
        (cache / f"pricing-{name}.json").write_text(json.dumps({"timestamp": int(time.time()), "data": known}))
    listed = {m: {"input": p[0], "output": p[1], "cache_read": p[3]} for m, p in PRICES.items()}
    (home / "prices.json").write_text(json.dumps(listed))
    return home


def ours(place: Place, log: Path) -> dict[str, Callable[[], Run]]:
    """llmscope on the files, and on a store that they were loaded into once."""
    store = place.work / f"{log.parent.name}.duckdb"
    if not store.exists():
        taken = place.llmscope("load", log, "--store", store)
        if taken.end != "ok":
            raise SystemExit(taken.complaint)
    bundled = Place(place.root, place.work, ("--pricing", str(place.root / "pricing.toml"), "--format", "json"))
    ask = partial(bundled.llmscope, "cost", "--by", "model")
    return {"llmscope": partial(ask, log), "llmscope, loaded": partial(ask, "--store", store)}


def ways(kind: str, folder: Path, peers: Path, place: Place) -> dict[str, Callable[[], Run]]:
    """llmscope and the tools that read this format."""
    home, npm, bin_ = home_of(place.work), peers / "npm/node_modules", peers / "venv/bin"
    env = OFFLINE | {"HOME": str(home), "CLAUDE_CONFIG_DIR": str(folder)}
    other = partial(run, env=env, seconds=MOST_S, mebibytes=MOST_MIB, cwd=home)
    if kind == "claude-code":
        link = home / ".claude/projects"
        link.parent.mkdir(exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(folder / "projects")
        ccusage = ["node", npm / "ccusage/src/cli.js", "claude", "daily", "--offline", "--json"]
        tokscale = [npm / ".bin/bun", npm / "tokscale/bin.js", "models", "--claude", "--json"]
        prices = json.dumps(PRICES)
        duckdb = [sys.executable, Path(__file__).parent / "cost_claude_code_duckdb.py", folder / "projects", prices]
        named = {"ccusage": ccusage, "tokscale": tokscale, "DuckDB by hand": duckdb}
        return ours(place, folder / "projects") | {name: partial(other, words) for name, words in named.items()}
    if kind == "openai":
        log = folder / "calls.jsonl"
        report = [bin_ / "llm-usage-report", log, "--format", "json", "--pricing", home / "prices.json"]
        frugon = [bin_ / "frugon", "analyze", log, "--no-report", "--no-progress"]
        return ours(place, log) | {"llm-usage-report": partial(other, report), "frugon": partial(other, frugon)}
    spans = folder / "spans.jsonl"
    tracecost = [bin_ / "tracecost", "cost", spans, "--by", "model", "--format", "json"]
    return ours(place, spans) | {"tracecost": partial(other, tracecost)}


def told(name: str, one: Run) -> dict[str, Any]:
    """How many calls a tool counted, and what it says they cost."""
    if name == "frugon":
        found = re.search(r"Analyzed\s+([\d,]+) calls", one.said)
        return {"calls": int(found[1].replace(",", "")) if found else None, "cost_usd": None}
    answer = json.loads(one.said[one.said.index("[" if one.said.lstrip().startswith("[") else "{") :])
    readers: Mapping[str, Callable[[Any], tuple[Any, Any]]] = {
        "llmscope": lambda a: (a["totals"]["requests"], a["totals"]["cost_usd"]),
        "ccusage": lambda a: (None, a["totals"]["totalCost"]),
        "tokscale": lambda a: (a["totalMessages"], a["totalCost"]),
        "DuckDB by hand": lambda a: (a["calls"], a["cost_usd"]),
        "llm-usage-report": usage_report,
        "tracecost": trace_cost,
    }
    calls, cost = readers[name.partition(",")[0]](answer)
    return {"calls": calls, "cost_usd": cost}


def usage_report(answer: Any) -> tuple[Any, Any]:
    rows = answer if isinstance(answer, list) else answer["rows"]
    return sum(r["requests"] for r in rows), sum(r["estimated_cost_usd"] for r in rows)


def trace_cost(answer: Any) -> tuple[Any, Any]:
    return answer["total"]["llm_calls"], answer["total"]["cost"]


def compare(results: Results, place: Place, size: int, peers: Path) -> None:
    """Part tools: each format at `size` calls (Claude Code's at about as many), in turn, medians."""
    results.machine |= versions()
    for kind, largest in LARGEST.items():
        if size > largest:
            continue
        amount = max(1, size // CALLS_A_MB) if kind == "claude-code" else size
        folder = logs.made(kind, amount, place.work)
        calls, weight = logs.calls_in(folder), sum(p.stat().st_size for p in folder.rglob("*.jsonl"))
        stopped = {e["name"] for e in results.of("tools") if e["size"] < size and e["end"] in PASSED}
        every = ways(kind, folder, peers, place)
        taken = paired({n: w for n, w in every.items() if f"{kind}: {n}" not in stopped})
        for name, runs in taken.items():
            answer = told(name, runs[-1]) if runs[-1].end == "ok" else {}
            found = figures(runs) | answer | {"true_calls": calls, "jsonl_bytes": weight}
            results.put("tools", f"{kind}: {name}", size, **found)


def versions() -> dict[str, str]:
    """What is installed by `install`."""
    named = (re.split("==|@", name) for name in (*PYTHON, NPM[0], *NPM[2:]))
    return {pair[0]: pair[1] for pair in named}


if __name__ == "__main__":
    install(Path(sys.argv[1]))
