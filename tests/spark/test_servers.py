"""A standalone master with two workers, and a Spark Connect server: real ones, on loopback."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

pyspark = pytest.importorskip("pyspark", reason="the extra llmscope-toolkit[spark] is not installed")
pytestmark = [
    pytest.mark.skipif(not shutil.which("java"), reason="Spark runs on Java, and there is none here"),
    pytest.mark.skipif(
        os.environ.get("LLMSCOPE_SPARK") != "all", reason="LLMSCOPE_SPARK=all starts Spark's servers: some minutes"
    ),
]
HOME = Path(pyspark.__file__).parent
UP_S = 90
# A Spark of one's own has begun with a question of half a minute by then; it must end well before that, too.
IN_A_QUERY_S = 12
ROOT = Path(__file__).parents[2]
# A process has one Spark for good, so each server is asked by one of its own.
COMPARE = """
import sys
from pathlib import Path
from tests.spark.asked import ASKED
from tests.spark.test_equal import differing
lake, url, *names = sys.argv[1:]
print([place for name in names for place in differing(Path(lake), url, name, ASKED[name][1], wait_s=200)])
"""
DIES = """
import sys
import llmscope
from llmscope.errors import LlmscopeError
lake, url = sys.argv[1:]
with llmscope.open(store=lake, engine="spark", spark_url=url, wait_s=200) as logs:
    print(len(logs.run("cost").rows), flush=True)
    sys.stdin.readline()
    try:
        print(logs.run("latency").rows)
    except LlmscopeError as error:
        print(error.message)
"""


@contextmanager
def running(log: Path, *command: object) -> Iterator[subprocess.Popen[bytes]]:
    """A server of Spark's in a process group of its own, ended with the test."""
    quick = {"SPARK_LOCAL_IP": "127.0.0.1", "SPARK_DAEMON_JAVA_OPTS": "-XX:TieredStopAtLevel=1"}
    with log.open("wb") as out:
        server = subprocess.Popen(
            [str(part) for part in command], cwd=log.parent, env=os.environ | quick, stdout=out, stderr=out,
            start_new_session=True,
        )  # fmt: skip
    try:
        yield server
    finally:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(ready: Callable[[], bool], what: str) -> None:
    """Waits for a server to be up."""
    end = time.monotonic() + UP_S
    while not ready():
        assert time.monotonic() < end, f"{what} is not up"
        time.sleep(0.2)


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a master that has two workers."""
    folder, port = tmp_path_factory.mktemp("cluster"), free_port()
    start, url = HOME / "bin/spark-class", f"spark://127.0.0.1:{port}"
    log, at = folder / "master.log", ("--host", "127.0.0.1", "--port")
    with ExitStack() as servers:
        servers.enter_context(
            running(log, start, "org.apache.spark.deploy.master.Master", *at, port, "--webui-port", 0)
        )
        until(lambda: is_listening(port), "the master")
        for number in range(2):
            options = ("--host", "127.0.0.1", "--webui-port", 0, "-c", 1, "-m", "1g", "-d", folder / f"work{number}")
            worker = ("org.apache.spark.deploy.worker.Worker", *options, url)
            servers.enter_context(running(folder / f"worker{number}.log", start, *worker))
        until(lambda: log.read_text().count("Registering worker") == 2, "a worker")
        yield url


Served = tuple[str, subprocess.Popen[bytes], Path]


@contextmanager
def served(folder: Path) -> Iterator[Served]:
    """The URL of a Spark Connect server, its process and its log."""
    port, log = free_port(), folder / "log"
    options = {
        "spark.connect.grpc.binding.port": port, "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.ui.enabled": "false", "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
    }  # fmt: skip
    given = [part for name, value in options.items() for part in ("--conf", f"{name}={value}")]
    submit = (HOME / "bin/spark-submit", "--master", "local[2]")
    server = "org.apache.spark.sql.connect.service.SparkConnectServer"
    with running(log, *submit, "--class", server, *given, "spark-internal") as process:
        until(lambda: is_listening(port), "Spark Connect")
        yield f"sc://127.0.0.1:{port}", process, log


@pytest.fixture(scope="module")
def connect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A Spark Connect server."""
    with served(tmp_path_factory.mktemp("connect")) as server:
        yield server


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[Served]:
    """A Spark Connect server to be killed."""
    with served(tmp_path) as server:
        yield server


def python(code: str, *arguments: object) -> subprocess.Popen[str]:
    """A Python that finds the program and its tests."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_standalone(lakes: dict[str, Path], master: str) -> None:
    """Two workers of a standalone master give DuckDB's answers."""
    out, err = python(COMPARE, lakes["small"], master, "cost", "latency").communicate()

    assert ("[]", "") == (out.strip(), err)


def test_connect(lakes: dict[str, Path], connect: Served) -> None:
    """A Spark Connect server gives DuckDB's answers."""
    out, err = python(COMPARE, lakes["small"], connect[0], "cost", "judge estimate").communicate()

    assert ("[]", "") == (out.strip(), err)


def test_spark_dies(lakes: dict[str, Path], connect: Served) -> None:
    """A Spark that dies under a question is an error that says so, and nothing is answered."""
    url, server, _ = connect
    asking = python(DIES, lakes["small"], url)
    assert asking.stdout
    assert "1\n" == asking.stdout.readline()
    os.killpg(server.pid, signal.SIGKILL)
    server.wait()
    out, err = asking.communicate("go on\n")

    assert "Spark went away before it had answered" in out
    assert "" == err


def test_spark_dies_within_a_query(lakes: dict[str, Path], mortal: Served) -> None:
    """A Spark killed while it reads the lake: exit code 1, what happened, and not a line of an answer."""
    url, server, log = mortal
    command = ("drift", "--store", str(lakes["sample"]), "--engine", "spark", "--spark-url", url, "--wait", "100")
    asking = python("from llmscope.cli import main; import sys; main(sys.argv[1:])", *command)
    until(lambda: "Reading File path" in log.read_text(), "a query")
    os.killpg(server.pid, signal.SIGKILL)
    server.wait()
    out, err = asking.communicate(timeout=120)

    assert (1, "") == (asking.returncode, out)
    assert "Spark went away before it had answered" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(lakes: dict[str, Path], number: int) -> None:
    """Ctrl-C and SIGTERM end a question put to a Spark of its own, without a word of Java's."""
    command = ("drift", "--store", str(lakes["sample"]), "--engine", "spark", "--spark-url", "local[2]")
    asking = python("from llmscope.cli import main; import sys; main(sys.argv[1:])", *command)
    until(lambda: b"SparkSubmit" in children_of(asking.pid), "its Spark")
    time.sleep(IN_A_QUERY_S)
    asking.send_signal(number)
    out, err = asking.communicate(timeout=120)

    assert ({signal.SIGINT: 130, signal.SIGTERM: 143}[number], "", "") == (asking.returncode, out, err)


def children_of(pid: int) -> bytes:
    """The command lines of the processes that a process started, and of those they started."""
    found = b""
    for each in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in each.read_text().split():
            found += Path(f"/proc/{child}/cmdline").read_bytes() + children_of(int(child))
    return found
