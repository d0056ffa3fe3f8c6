"""Which server runs the application in this process."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from lameduck.drain.servers import uvicorn

if TYPE_CHECKING:
    from lameduck.drain.process import Process
    from lameduck.drain.server import Server

__all__ = ["find_server"]

FINDERS = (uvicorn.find,)
"""Each looks at the handler of SIGTERM, and knows its own server's."""


def find_server(process: Process) -> Server | None:
    """The server whose signal handler is installed; None if it is none that has to be told in another way."""
    there = signal.getsignal(signal.SIGTERM)
    if process.interposed is not None and there == process.interposed.handle:
        there = process.interposed.theirs.get(signal.SIGTERM)
    for find in FINDERS:
        server = find(there)
        if server is not None:
            return server
    return None
