"""A Redis of the test's own, on a free port of the loopback."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from tests.drain.served import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ANSWERS_WITHIN_S = 20.0


@contextlib.contextmanager
def redis_server(directory: Path) -> Iterator[str]:
    """Its URL. It keeps nothing on disk, and is ended by its process id."""
    program = shutil.which("redis-server")
    if program is None:
        missing = "redis-server is missing: apt-get install redis-server (or brew install redis)"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    port = free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(directory)]
    with (directory / "redis.log").open("wb") as log:
        server = subprocess.Popen([program, *options], stdout=log, stderr=log, start_new_session=True)
    try:
        ends = time.monotonic() + ANSWERS_WITHIN_S
        while not answers(port):
            assert server.poll() is None, (directory / "redis.log").read_text()
            assert time.monotonic() < ends, "redis-server does not answer"
            time.sleep(0.02)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.kill()
        server.wait()


def answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as asking:
        asking.sendall(b"PING\r\n")
        return asking.recv(7) == b"+PONG\r\n"
    return False
