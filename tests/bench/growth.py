"""How cost grows with the log: seconds, memory and bytes against rows, for llmscope and its peers.

By hand: python tests/bench/growth.py [--sizes 1e4,1e5,…] [--only load,ask,…] [--out DIR]; --help names all parts.
What was measured is kept in DIR/results.json by part, name and size, so that parts can run at different times; the
table and the picture are made anew each time. Logs and stores stand in --work (about 25 GB at 1e7 rows) and stay there.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

BENCH = Path(__file__).parent
sys.path.insert(0, str(BENCH))

PARTS = ("load", "ask", "peers", "tools", "memory", "rollup", "shuffle", "columns", "listing")


def asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="1e4,1e5,1e6", help="rows, comma-separated: 1e4,1e5,1e6,1e7,5e7")
    parser.add_argument("--only", default="load,ask,peers", help=f"of {','.join(PARTS)}; none: table and picture alone")
    parser.add_argument("--out", type=Path, default=BENCH / "growth", help="where results.json, table and picture go")
    parser.add_argument("--work", type=Path, default=Path("/tmp/llmscope-growth"), help="logs and stores stand here")
    parser.add_argument("--root", type=Path, default=BENCH.parents[1], help="the llmscope that is measured")
    parser.add_argument("--questions", default="cost,latency,drift,report", help="of part ask")
    parser.add_argument("--sources", default="file,lake,spark", help="of part ask: where the questions go")
    parser.add_argument("--spark-url", default="local[2]")
    parser.add_argument("--peers", type=Path, help="where --install-peers put the tools of the field")
    parser.add_argument(
        "--install-peers", type=Path, metavar="DIR", help="install them there with pip and npm, and stop"
    )
    return parser.parse_args()


def measure(options: argparse.Namespace) -> None:
    """The parts asked for, from the smallest size to the largest."""
    from growth import ours, peers, results, simulate, tools

    found = results.Results(options.out)
    asks = (tuple(options.questions.split(",")), tuple(options.sources.split(",")))
    place = ours.Place(options.root.resolve(), options.work.resolve(), (), options.spark_url, *asks)
    only = [part for part in options.only.split(",") if part in PARTS]
    print(f"{ours.room(place) / 1e9:.0f} GB free in {place.work}", flush=True)
    for size in sorted(int(float(size)) for size in options.sizes.split(",")):
        parts = {"load": ours.load, "ask": ours.ask, "peers": peers.compare, "memory": ours.within}
        for part in (name for name in parts if name in only):
            parts[part](found, place, size)
        if "tools" in only and options.peers:
            tools.compare(found, place, size, options.peers.resolve())
        simulations = {"rollup": simulate.rollup, "shuffle": simulate.shuffle, "columns": simulate.columns}
        for part in (name for name in simulations if name in only):
            simulations[part](found, place, size)
    if "listing" in only:
        simulate.listing(found, place)


def main() -> None:
    options = asked()
    if options.install_peers:
        from growth import tools

        return tools.install(options.install_peers)
    measure(options)
    from growth import picture, table

    table.write(options.out)
    return picture.write(options.out)


if __name__ == "__main__":
    main()
