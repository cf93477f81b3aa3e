"""The Markdown tables of what was measured: table.md, and the same between the marks of README.md."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path

from growth.results import Entry, middle

BEGIN, END = "<!-- measured by tests/bench/growth.py -->", "<!-- end of what was measured -->"
LOADS = {"file": "load, file", "lake": "load, lake", "export": "export, file to lake"}
STOPS = {
    "time": "more than {:.0f} s of processor",
    "memory": "more than 8 GiB",
    "failed": "failed",
    "foreseen": "not run: about {:.0f} s of processor",
}
QUESTIONS, SOURCES = ("cost", "latency", "drift", "report"), ("file", "lake", "spark")


def number(value: float) -> str:
    """Three digits are as many as a run repeats."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def power(size: int) -> str:
    exponent = len(str(size)) - 1
    head = size // 10**exponent
    return ("" if head == 1 else f"{head}·") + f"10{str(exponent).translate(str.maketrans('0123456789', '⁰¹²³⁴⁵⁶⁷⁸⁹'))}"


def lines(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    right = "|".join(["---", *["---:"] * (len(head) - 1)])
    return [f"| {' | '.join(head)} |", f"|{right}|", *(f"| {' | '.join(row)} |" for row in rows), ""]


def sizes(entries: Iterable[Entry]) -> list[int]:
    return sorted({entry["size"] for entry in entries})


def took(entry: Entry | None) -> str:
    """Wall seconds, processor seconds and MiB of one entry; one run says so with a star."""
    if entry is None:
        return ""
    if entry["end"] == "failed" and entry.get("said"):
        return f"stopped, and says: {entry['said'].strip()}"
    if entry["end"] != "ok":
        return STOPS[entry["end"]].format(middle(entry, "cpu_s"))
    star = "*" if len(entry["wall_s"]) == 1 else ""
    figures = (number(middle(entry, "wall_s")) + star, number(middle(entry, "cpu_s")))
    return f"{figures[0]} / {figures[1]} / {middle(entry, 'peak_mib'):,.0f}"


def found(entries: Iterable[Entry], name: str, size: int) -> Entry | None:
    return next((e for e in entries if e["name"] == name and e["size"] == size), None)


def ours(entries: list[Entry]) -> list[str]:
    """Load and the questions, a column a size."""
    of = [e for e in entries if e["part"] in ("load", "ask")]
    named = [{**e, "name": LOADS[e["name"]]} if e["part"] == "load" else e for e in of]
    wanted = [*LOADS.values()] + [f"{q}, {s}" for q in QUESTIONS for s in SOURCES]
    cols = sizes(named)
    rows = [[f"`{name}`", *(took(found(named, name, size)) for size in cols)] for name in wanted]
    return lines(["command, where", *map(power, cols)], [row for row in rows if any(row[1:])])


def stored(entries: list[Entry]) -> list[str]:
    """Bytes on disk."""
    of = [e for e in entries if e["part"] == "load"]
    rows = []
    for size in sizes(of):
        by_name = {e["name"]: e for e in of if e["size"] == size}
        lake = by_name.get("lake") or by_name.get("export") or {"bytes": 0}
        if "file" in by_name:
            every = [by_name["file"]["jsonl_bytes"], by_name["file"]["bytes"], lake["bytes"]]
            rows.append([power(size), *(f"{b / 1e6:,.1f} MB ({b / size:.1f})" if b else "" for b in every)])
    return lines(["rows", "JSONL (bytes a row)", "DuckDB file", "lake"], rows)


def ratio(entry: Entry, base: Entry, key: str = "wall_s") -> str:
    """How many times the base's seconds, the median of paired runs."""
    pairs = list(zip(entry[key], base[key], strict=False))
    times = statistics.median(a / b for a, b in pairs)
    return f"{'over ' if entry['end'] != 'ok' else ''}{number(times)}×"


def peers(entries: list[Entry], base: str = "llmscope, JSONL") -> list[str]:
    """The same answer by other means, and how many times llmscope's seconds straight from the JSONL."""
    of = [e for e in entries if e["part"] == "peers"]
    cols = sizes(of)
    known = {e["name"]: min(e2["size"] for e2 in of if e2["name"] == e["name"] and e2["end"] != "ok") for e in of
             if e["end"] != "ok"}  # fmt: skip
    rows = []
    for name in sorted({e["name"] for e in of}, key=lambda n: (n.rpartition(", ")[2], not n.startswith("llmscope"), n)):
        row = [name]
        for size in cols:
            entry, first = found(of, name, size), found(of, base, size)
            if entry is None or first is None:
                row.append("not run: stopped before" if size > known.get(name, 10**12) else "")
            elif entry["end"] != "ok":
                row.append(took(entry))
            else:
                both = f"{ratio(entry, first)}, cpu {ratio(entry, first, 'cpu_s')}"
                row.append(took(entry) if name == base else f"{took(entry)} ({both})")
        rows.append(row)
    return lines(["way", *map(power, cols)], rows)


def tools(entries: list[Entry]) -> list[str]:
    """The tools of the field, and whether they counted all calls."""
    of = [e for e in entries if e["part"] == "tools"]
    rows = []
    for entry in sorted(
        of, key=lambda e: (e["name"].partition(":")[0], e["size"], ": llmscope" not in e["name"], e["name"])
    ):
        kind, _, name = entry["name"].partition(": ")
        base = found(of, f"{kind}: llmscope", entry["size"])
        cost = entry.get("cost_usd")
        counted = f"{entry['calls']:,}" if entry.get("calls") is not None else "not told"
        rows.append([kind, name, f"{entry['true_calls']:,}", f"{entry['jsonl_bytes'] / 1e6:,.0f}", took(entry),
                     f"{ratio(entry, base)}, cpu {ratio(entry, base, 'cpu_s')}" if base and base is not entry else "",
                     counted,
                     f"{cost:,.4f}" if cost is not None else "not told"])  # fmt: skip
    head = ["format", "tool", "calls", "MB", "wall s / cpu s / MiB", "× llmscope", "calls told", "USD told"]
    return lines(head, rows)


def memory(entries: list[Entry]) -> list[str]:
    of = [e for e in entries if e["part"] == "memory"]
    rows = [[e["name"], power(e["size"]), took(e)] for e in of]
    return lines(["held to 1 GB", "rows", "wall s / cpu s / MiB"], rows)


def rollups(entries: list[Entry]) -> list[str]:
    of = [e for e in entries if e["part"] == "rollup" and e["name"] == "histograms"]
    rows = []
    for e in of:
        both = (e["errors_all_days"], e["errors_by_day"])
        worst = [f"{max(found[q]['worst'] for found in both):.3%}" for q in ("p50", "p95", "p99")]
        mean = [f"{both[0][q]['mean']:.2%}" for q in ("p50", "p95", "p99")]
        took_s = e["seconds"]
        rows.append([power(e["size"]), f"{e['bin_rows']:,}", f"{e['bin_bytes'] / 1e6:.2f} MB",
                     f"{e['sum_bytes'] / 1e6:.2f} MB", number(took_s["make_bins"]),
                     f"{took_s['from_bins_feature_model']:.3f} / {took_s['exact_feature_model']:.3f}",
                     ", ".join(worst), ", ".join(mean)])  # fmt: skip
    head = ["rows", "bins", "Parquet", "sums", "s to make", "quantiles by bins / rows, s", "worst error p50, p95, p99",
            "mean error"]  # fmt: skip
    return lines(head, rows)


def shuffles(entries: list[Entry]) -> list[str]:
    of = [e for e in entries if e["part"] == "shuffle"]
    rows = [[power(e["size"]), f"{e['exact_bytes']:,} ({e['exact_bytes'] / e['size']:.1f})", number(e["exact_s"]),
             f"{e['bins_bytes']:,}", number(e["bins_s"])] for e in of]  # fmt: skip
    return lines(["rows", "three exact quantiles: bytes (a row)", "s", "bins: bytes", "s"], rows)


def columns(entries: list[Entry]) -> list[str]:
    rows = []
    for e in (e for e in entries if e["part"] == "columns"):
        for name, of_one in e.items():
            if isinstance(of_one, dict):
                known = (
                    f"{e['files']:,}",
                    f"{e['row_groups']:,}",
                    f"{of_one['bytes_a_row']:.1f}",
                    f"{of_one['chunks']:,}",
                )
                rows.append([name, e["name"] if e["name"] != "lake" else power(e["size"]), *known])
    return lines(["columns of", "lake of", "files", "row groups", "bytes a row", "column chunks"], rows)


def simulated(entries: list[Entry]) -> list[str]:
    """The two that have one size: each figure by its name."""
    shown = []
    for e in entries:
        if (e["part"], e["name"]) in (("rollup", "merge"), ("listing", "open")):
            kept = {k: v for k, v in e.items() if k not in ("part", "name", "size", "at", "end", "load", "seconds")}
            kept |= {f"{k}_s": v for k, v in e.get("seconds", {}).items()}
            shown += lines(
                [f"{e['part']}: {e['name']}", ""],
                [[k, f"{v:,}" if not isinstance(v, list) else str(v[0])] for k, v in kept.items()],
            )
    return shown


def text(folder: Path) -> str:
    """All tables."""
    known = json.loads((folder / "results.json").read_text())
    entries = known["entries"]
    machine = ", ".join(f"{v}" if k in ("cpu", "ram", "system") else f"{k} {v}" for k, v in known["machine"].items())
    parts = [
        ("Load and questions (wall s / cpu s / peak MiB)", ours(entries)),
        ("Bytes on disk", stored(entries)),
        (
            "The same answer by other means: cost by feature (wall s / cpu s / peak MiB, × llmscope's from JSONL)",
            peers(entries),
        ),
        ("Tools of the field, on the files they read", tools(entries)),
        ("Held to 1 GB", memory(entries)),
        ("Daily histograms in place of rows (simulated)", rollups(entries)),
        ("What a question reads of a lake", columns(entries)),
        ("What Spark shuffles for quantiles by six features, local[2]", shuffles(entries)),
        ("A year of histograms merged, and ten years of a lake opened (simulated)", simulated(entries)),
    ]
    body = [line for title, rows in parts if len(rows) > 3 for line in (f"### {title}", "", *rows)]
    return "\n".join([f"Machine: {machine}. An asterisk marks a single run.", "", *body])


def write(folder: Path) -> None:
    """table.md, and README.md between its marks."""
    made, readme = text(folder), folder / "README.md"
    (folder / "table.md").write_text(made)
    if readme.exists() and BEGIN in (old := readme.read_text()):
        head, rest = old.split(BEGIN, 1)
        readme.write_text(f"{head}{BEGIN}\n{made}{END}{rest.split(END, 1)[1]}")
