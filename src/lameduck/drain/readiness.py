"""The answer to a readiness probe, honest in every state; as a route of the service, or on a small port of its own.

A pod that is being deleted is no longer ready in its EndpointSlice by itself (T77). The probe's answer is for what
looks at it directly: load balancers with health checks of their own, service registries, people.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lameduck.drain.process import Process

__all__ = ["answer", "serve"]

READY, NOT_READY = 200, 503
REASONS = {READY: "OK", NOT_READY: "Service Unavailable"}
ASKS_WITHIN_S = 2.0
AFTER_A_FAILURE_S = 0.05


def answer(process: Process) -> tuple[int, bytes]:
    """Status and body."""
    if process.leaving and not process.alone:
        return NOT_READY, f"{process.state.value}\n".encode()
    return READY, b"serving\n"


def serve(process: Process, port: int, host: str = "0.0.0.0") -> int:
    """Answer probes on a port of its own, until the end of the process; the port. Raises OSError: it is taken.

    Anything that is asked is answered: probes ask GET. It speaks enough HTTP/1.0 for that, and nothing else.
    """
    listening = socket.create_server((host, port), reuse_port=False)
    bound: int = listening.getsockname()[1]
    process.own_ports.add(bound)

    def work() -> None:
        while True:
            try:
                asking, _ = listening.accept()
            except OSError:  # the process has no descriptor left for it, or the client is gone
                time.sleep(AFTER_A_FAILURE_S)
                continue
            # Each in a thread: whoever connects and says nothing would hold the others up, for longer than the
            # second that the kubelet waits.
            if not process.hands.lend(partial(tell, asking, process), "lameduck probe"):
                tell(asking, process)

    threading.Thread(target=work, name="lameduck readiness", daemon=True).start()
    return bound


def tell(asking: socket.socket, process: Process) -> None:
    """Answer one client."""
    with asking, contextlib.suppress(OSError):
        asking.settimeout(ASKS_WITHIN_S)
        asking.recv(4096)
        status, body = answer(process)
        head = f"HTTP/1.0 {status} {REASONS[status]}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n"
        asking.sendall(head.encode() + body)
