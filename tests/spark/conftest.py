"""Lakes for Spark to read, and one Spark on this machine."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.spark import small_log

SAMPLE_LOGS = Path(__file__).parents[2] / "sample_logs"
# A small machine's settings: no more partitions than cores, and a compiler that is quick rather than thorough.
DEFAULTS = """
spark.driver.extraJavaOptions -XX:TieredStopAtLevel=1 -XX:+UseSerialGC
"""


@pytest.fixture(scope="session")
def lakes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The sample logs and the small log, each as a lake."""
    from llmscope.cli import main

    folder = tmp_path_factory.mktemp("lakes")
    logs = {"sample": SAMPLE_LOGS, "small": small_log.write(folder / "logs")}
    for name, of in logs.items():
        with pytest.raises(SystemExit) as ended:
            main(["load", str(of), "--keep-text", "--store", f"{folder / name}/", "-q"])
        assert 0 == ended.value.code
    return {name: folder / name for name in logs}


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Spark in this process; skipped without Java or the extra."""
    pytest.importorskip("pyspark", reason="the extra llmscope-toolkit[spark] is not installed")
    if not shutil.which("java"):
        pytest.skip("Spark runs on Java, and there is none here")
    settings = tmp_path_factory.mktemp("spark")
    (settings / "spark-defaults.conf").write_text(DEFAULTS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARK_CONF_DIR", str(settings))
        # What a question put to a Spark Connect server leaves behind in this process.
        for name in ("SPARK_CONNECT_MODE_ENABLED", "SPARK_REMOTE", "SPARK_LOCAL_REMOTE"):
            patch.delenv(name, raising=False)
        from llmscope.engines._spark_session import closed, session

        found = session("local[2]", 30.0)
        yield "local[2]"
        closed(found)
        session.cache_clear()
