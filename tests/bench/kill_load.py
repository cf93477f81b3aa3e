"""By hand: kills `llmscope load` twenty times at random moments; afterwards the totals are those of one clean load.

python tests/bench/kill_load.py [LOGS] [KILLS]
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

TOTALS = """
SELECT count(*), sum(input_tokens), sum(output_tokens), count(DISTINCT request_id),
    sum(cost_logged_usd::DECIMAL(38, 12)), (SELECT count(*) FROM spans), (SELECT count(*) FROM scores),
    (SELECT sum(lines) FROM loads), (SELECT count(*) FROM rejects)
FROM requests
"""


def command(logs: Path, store: Path) -> list[str]:
    """The load, as typed."""
    return [sys.executable, "-m", "llmscope", "load", str(logs), "--store", str(store)]


def totals(store: Path) -> tuple[object, ...]:
    """What a store holds."""
    with duckdb.connect(str(store), read_only=True) as con:
        return tuple(con.execute(TOTALS).fetchall()[0])


def main(logs: Path, kills: int) -> int:
    """One clean load, one that was killed `kills` times; 1 when they differ."""
    with tempfile.TemporaryDirectory() as folder:
        clean, killed = Path(folder) / "clean.duckdb", Path(folder) / "killed.duckdb"
        begun = time.monotonic()
        subprocess.run(command(logs, clean), check=True, capture_output=True)
        seconds, chance, landed, ended = time.monotonic() - begun, random.Random(20), 0, 0
        while landed < kills:
            process = subprocess.Popen(command(logs, killed), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(chance.uniform(0.1, seconds * 0.9))
            process.kill()
            landed += process.wait() != 0
            if process.returncode == 0:
                if totals(killed) != totals(clean):
                    break
                ended += 1
                killed.unlink()
        subprocess.run(command(logs, killed), check=True, capture_output=True)
        print(f"clean load {seconds:.2f} s; {landed} kills landed during a load, {ended} loads ended between them")
        print("clean :", totals(clean))
        print("killed:", totals(killed))
        return int(totals(clean) != totals(killed))


if __name__ == "__main__":
    given = sys.argv[1:]
    sys.exit(main(Path(given[0] if given else "sample_logs"), int(given[1]) if len(given) > 1 else 20))
