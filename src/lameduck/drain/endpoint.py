"""`/-/drain`: the state of this process for people, sidecars and PID 1s, and a way to ask for the lame duck.

Off unless it is asked for, and on loopback unless another address is named: whoever reaches it can make a process leave
its service. It shares its port with `/readyz`. The words are docs/protocol.md's.
"""

from __future__ import annotations

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from lameduck.drain.readiness import answer

if TYPE_CHECKING:
    from lameduck.drain.process import Process

__all__ = ["serve"]

DRAIN, READY = "/-/drain", "/readyz"


def serve(process: Process, address: str) -> int:
    """Listen on `9902`, `127.0.0.1:9902` or `[::1]:9902` until the process ends; the port. Raises OSError."""
    host, _, port = address.rpartition(":")
    host = host.strip("[]") or "127.0.0.1"

    class Answering(Handler):
        its = process

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

    server = Server((host, int(port)), Answering)
    bound: int = server.server_address[1]
    process.own_ports.add(bound)
    threading.Thread(target=server.serve_forever, name="lameduck endpoint", daemon=True).start()
    return bound


class Handler(BaseHTTPRequestHandler):
    """One question."""

    its: Process
    timeout = 5.0
    server_version = "lameduck"
    sys_version = ""

    def do_GET(self) -> None:
        """The state; readiness."""
        path = self.path.partition("?")[0]
        if path == DRAIN:
            self.reply(200, json.dumps(self.its.snapshot()).encode() + b"\n", "application/json")
        elif path == READY:
            status, body = answer(self.its)
            self.reply(status, body, "text/plain")
        else:
            self.reply(404, b"ask for /-/drain or /readyz\n", "text/plain")

    def do_POST(self) -> None:
        """Begin the lame duck, if none has begun; with `?wait` answer when it is over."""
        path, _, query = self.path.partition("?")
        if path != DRAIN:
            self.reply(404, b"post to /-/drain\n", "text/plain")
            return
        process = self.its
        process.begin("asked at /-/drain", signalled=False)
        if "wait" in query:
            process.lame_duck_over.wait(process.settings.grace_s)
        self.reply(200 if "wait" in query else 202, json.dumps(process.snapshot()).encode() + b"\n", "application/json")

    def reply(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the service's log is its own."""
