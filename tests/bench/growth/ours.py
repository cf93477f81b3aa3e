"""llmscope's own commands: load into a DuckDB file and into a lake, then the questions, from each and by Spark."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from growth import logs
from growth.measure import Run, run
from growth.results import LONG_S, ROUNDS, Results, figures, kept, paired

QUESTIONS: Mapping[str, tuple[str, ...]] = {
    "cost": ("cost", "--by", "feature"),
    "latency": ("latency", "--by", "feature"),
    "drift": ("drift",),
    "report": ("report",),
}
PRICES = Path(__file__).parent / "prices.toml"
MOST_S = 1800.0
SPARK_TO = LOADED_TO = 10_000_000


@dataclass(frozen=True)
class Place:
    """Where the program is, where logs and stores are kept, and the options that every command is given."""

    root: Path
    work: Path
    options: tuple[str, ...] = ()
    spark: str = "local[2]"
    questions: tuple[str, ...] = tuple(QUESTIONS)
    sources: tuple[str, ...] = ("file", "lake", "spark")

    def file(self, size: int) -> Path:
        return self.work / f"store-{size}.duckdb"

    def lake(self, size: int) -> Path:
        return self.work / f"lake-{size}"

    def llmscope(self, *words: str | Path, seconds: float = MOST_S) -> Run:
        """One llmscope command, as a user runs it."""
        alone = {"PYTHONPATH": str(self.root), "LLMSCOPE_PRICING": str(PRICES), "NO_COLOR": "1"}
        command = [sys.executable, "-m", "llmscope", *words, *self.options]
        return run(command, cwd=self.work, env=alone, seconds=seconds)

    def knows(self, *words: str) -> bool:
        """Whether the program has such a command or option."""
        found = self.llmscope(*[w for w in words if not w.startswith("--")], "--help")
        return found.end == "ok" and all(w in found.said for w in words if w.startswith("--"))


def added(runs: list[Run]) -> Run:
    """The runs of one load in pieces as one: seconds added, the largest memory."""
    worst = next((r for r in runs if r.end != "ok"), runs[-1])
    wall, cpu, peak = sum(r.wall_s for r in runs), sum(r.cpu_s for r in runs), max(r.peak_mib for r in runs)
    return Run(wall, cpu, peak, worst.end, worst.said, worst.complaint)


def bytes_of(path: Path) -> int:
    """What a file or all files of a folder take."""
    files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    return sum(p.stat().st_size for p in files)


def remove(path: Path) -> None:
    """Takes a file or a folder away, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def load_once(place: Place, size: int) -> tuple[dict[str, Run], int]:
    """Loads a log, piece after piece, into a new file and a new lake in turn; the JSONL's bytes.

    From LOADED_TO on the lake is written by export from the file, once, and not loaded.
    """
    targets = {"file": str(place.file(size)), "lake": f"{place.lake(size)}/"}
    for target in targets.values():
        remove(Path(target))
    if size > LOADED_TO:
        del targets["lake"]
    took: dict[str, list[Run]] = {name: [] for name in targets}
    written, cut = 0, logs.pieces(size)
    for first, last in cut:
        piece = place.work / (f"log-{size}.jsonl" if len(cut) == 1 else "piece.jsonl")
        log = logs.write(first, last, size, piece)
        written += log.stat().st_size
        for name, target in targets.items():
            took[name].append(place.llmscope("load", log, "--store", target))
        if len(cut) > 1:
            log.unlink()
    return {name: added(runs) for name, runs in took.items()} | {"export": export(place, size)}, written


def export(place: Place, size: int) -> Run:
    """The file written out as a lake, which is kept where none was loaded."""
    kept = size > LOADED_TO
    target = place.lake(size) if kept else place.work / "exported"
    remove(target)
    taken = place.llmscope("export", "--to", f"{target}/", "--store", place.file(size))
    if not kept:
        remove(target)
    return taken


def load(results: Results, place: Place, size: int) -> None:
    """Part load: all three, three times, or once where one takes more than a minute."""
    took: dict[str, list[Run]] = {}
    for _ in range(ROUNDS):
        once, written = load_once(place, size)
        for name, one in once.items():
            took.setdefault(name, []).append(one)
        if any(one.end != "ok" or one.wall_s > LONG_S for one in once.values()):
            break
    sizes = {"file": bytes_of(place.file(size)), "lake": bytes_of(place.lake(size))}
    for name, runs in took.items():
        weight = sizes["file" if name == "file" else "lake"]
        found = figures(runs) | {"bytes": weight, "jsonl_bytes": written, "pieces": len(logs.pieces(size))}
        results.put("load", name, size, **found)


def sources(place: Place, size: int) -> dict[str, tuple[str, ...]]:
    """The stores that are there, as options."""
    found: dict[str, tuple[str, ...]] = {}
    if place.file(size).exists():
        found["file"] = ("--store", str(place.file(size)))
    if place.lake(size).exists():
        found["lake"] = ("--store", f"{place.lake(size)}/")
        if size <= SPARK_TO and place.knows("cost", "--engine"):
            found["spark"] = (*found["lake"], "--engine", "spark", "--spark-url", place.spark)
    return {name: store for name, store in found.items() if name in place.sources}


def ask(results: Results, place: Place, size: int) -> None:
    """Part ask: each question of each source in turn; all sources must tell the same dollars."""
    stores = sources(place, size)
    for question in place.questions:
        if question == "report" and not place.knows("report"):
            continue
        words = QUESTIONS[question]
        form = () if question == "report" else ("--format", "json")
        commands: dict[str, Callable[[], Run]] = {
            f"{question}, {name}": partial(place.llmscope, *words, *store, *form) for name, store in stores.items()
        }
        taken = paired(commands, ROUNDS if size <= LOADED_TO else 1)
        kept(results, "ask", size, taken)
        if question == "cost":
            same({name: dollars(runs[-1]) for name, runs in taken.items() if runs[-1].end == "ok"})


def dollars(one: Run) -> dict[str, float]:
    """What llmscope's JSON says each feature or model cost."""
    rows = json.loads(one.said)["rows"]
    return {row.get("feature") or row.get("model"): row["cost_usd"] for row in rows}


def same(answers: Mapping[str, Mapping[str, float]]) -> None:
    """Stops where two answers differ by more than 1e-9."""
    first, *others = answers.items() or [("nobody", {})]
    for name, costs in others:
        worst = max(abs(costs.get(k, 0.0) - v) / max(abs(v), 1e-12) for k, v in first[1].items())
        if set(costs) != set(first[1]) or worst > 1e-9:
            raise SystemExit(f"{name} says {costs}, but {first[0]} {first[1]}")


def within(results: Results, place: Place, size: int) -> None:
    """Part memory: a load and the questions held to 1 GB, from file and lake."""
    if not (place.knows("cost", "--memory") and place.knows("load", "--memory")):
        print("memory: this program has no --memory", flush=True)
        return
    held = Place(place.root, place.work, ("--memory", "1GB"))
    log = logs.write(0, min(size, logs.PIECE), size, place.work / "piece.jsonl")
    for name, target in {"file": place.work / "held.duckdb", "lake": place.work / "held"}.items():
        taken = held.llmscope("load", log, "--store", f"{target}/" if name == "lake" else target)
        results.put("memory", f"load {min(size, logs.PIECE):,} rows, {name}", size, **figures([taken]))
        remove(target)
    log.unlink()
    for question, words in QUESTIONS.items():
        for name, store in sources(place, size).items():
            if name != "spark" and (question != "report" or place.knows("report")):
                taken = held.llmscope(*words, *store)
                results.put("memory", f"{question}, {name}", size, **figures([taken]))


def room(place: Place) -> int:
    """Bytes free where logs and stores are kept."""
    place.work.mkdir(parents=True, exist_ok=True)
    stat = os.statvfs(place.work)
    return stat.f_bavail * stat.f_frsize
