"""One command run: seconds on the wall, seconds of processor, the largest memory of all its processes, how it ended.

The process that measures must stay small: on Linux a child's largest memory begins with its parent's.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
PAGE_MIB = os.sysconf("SC_PAGE_SIZE") / 2**20
EVERY_S = 0.05


@dataclass(frozen=True)
class Run:
    """What one command took; `end` is ok, time, memory or failed."""

    wall_s: float
    cpu_s: float
    peak_mib: float
    end: str
    said: str
    complaint: str


@dataclass
class Watched:
    """What is known of a process and those it started, and why it was ended."""

    peak_mib: float = 0.0
    ended_for: str = ""

    def __post_init__(self) -> None:
        self.cpu: dict[int, float] = {}


def descendants(pid: int) -> Iterator[int]:
    """A process and all it started, as far as they live."""
    yield pid
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from descendants(int(child))


def look(pid: int, watched: Watched) -> None:
    """Adds up the memory of the processes, and keeps the processor seconds of each."""
    resident = 0.0
    for each in list(descendants(pid)):
        with contextlib.suppress(OSError, IndexError):
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
            watched.cpu[each] = (int(fields[11]) + int(fields[12])) / TICK
            resident += int(fields[21]) * PAGE_MIB
    watched.peak_mib = max(watched.peak_mib, resident)


def watch(
    process: subprocess.Popen[bytes], watched: Watched, done: threading.Event, limits: tuple[float, float]
) -> None:
    """Looks at the processes until they are done, and ends them when they pass a limit.

    The limits are seconds of processor, which other work on the machine hardly changes, and MiB.
    """
    seconds, mebibytes = limits
    while not done.wait(EVERY_S):
        look(process.pid, watched)
        over = "memory" if watched.peak_mib > mebibytes else "time" if sum(watched.cpu.values()) > seconds else ""
        if over and not watched.ended_for:
            watched.ended_for = over
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def run(
    command: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    seconds: float = float("inf"),
    mebibytes: float = float("inf"),
) -> Run:
    """Runs a command to its end, or to a limit."""
    watched, done = Watched(), threading.Event()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = time.perf_counter()
        process = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=cwd,
            env=os.environ | dict(env or {}), start_new_session=True,
        )  # fmt: skip
        watcher = threading.Thread(target=watch, args=(process, watched, done, (seconds, mebibytes)))
        watcher.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        done.set()
        watcher.join()
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
    # A child that nobody waited for (Spark's JVM) is in what was seen, not in the usage.
    cpu = max(usage.ru_utime + usage.ru_stime, sum(watched.cpu.values()))
    peak = max(usage.ru_maxrss / 1024, watched.peak_mib)
    end = watched.ended_for or ("ok" if process.returncode == 0 else "failed")
    return Run(wall, cpu, peak, end, texts[0], texts[1])
