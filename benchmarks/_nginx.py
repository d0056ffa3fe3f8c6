"""nginx on loopback, as the target of a benchmark: quick, correct, and not ours."""

import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_CONFIG = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 15000; }}
http {{
  access_log off; keepalive_timeout {keepalive_timeout_s}s; keepalive_requests 1000000;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ return 200 "ok"; }} }}
}}
"""


@contextmanager
def nginx(keepalive_timeout_s: int = 75) -> Iterator[int]:
    """The port of an nginx that runs as long as the block."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/bin")
    if program is None:
        sys.exit("This benchmark needs nginx: install it (apt-get install nginx-light).")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "nginx.conf")
        config.write_text(_CONFIG.format(folder=folder, port=port, keepalive_timeout_s=keepalive_timeout_s))
        with subprocess.Popen([program, "-p", folder, "-c", str(config), "-e", f"{folder}/error.log"]) as server:
            try:
                _wait_until_it_listens(port, server)
                yield port
            finally:
                server.kill()


def _wait_until_it_listens(port: int, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if server.poll() is not None or time.monotonic() > deadline:
                sys.exit("nginx did not start.")
            time.sleep(0.02)
