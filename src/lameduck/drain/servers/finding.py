"""Which server runs the application in this process."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

from lameduck.drain.servers import hypercorn, uvicorn

if TYPE_CHECKING:
    from lameduck.drain.process import Process
    from lameduck.drain.server import Server

__all__ = ["find_server", "prepare"]

GUNICORN = "gunicorn.workers.base"
"""Loaded in its arbiter and in its workers. These run other servers too, uvicorn's: they are asked first."""
DAPHNE = "daphne.server"
GRANIAN = "granian.server.common"
FINDERS = (uvicorn.find,)
"""Each looks at the handler of SIGTERM, and knows its own server's."""


def find_server(process: Process, receive: object = None) -> Server | None:
    """The server whose signal handler is installed; None if it is none that has to be told in another way.

    `receive` is the server's own part of ASGI's lifespan, which tells those that handle no signal.
    """
    there = signal.getsignal(signal.SIGTERM)
    if process.interposed is not None and there == process.interposed.handle:
        there = process.interposed.theirs.get(signal.SIGTERM)
    if GUNICORN in sys.modules:
        from lameduck.drain.servers import gunicorn_worker

        worker = gunicorn_worker.find(there, process)
        if worker is not None:
            return worker
    if DAPHNE in sys.modules:
        from lameduck.drain.servers import daphne

        reactor = daphne.find(there, process)
        if reactor is not None:
            return reactor
    for find in FINDERS:
        server = find(there, process)
        if server is not None:
            return server
    return hypercorn.find(receive, process)


def prepare(process: Process, *, threads: bool = False) -> bool:
    """When an application is made: some servers have to be known before they serve. Whether one of them is loaded.

    `threads` tells that the main thread will not call the application.
    """
    if GUNICORN in sys.modules:
        from lameduck.drain.servers import gunicorn_worker

        gunicorn_worker.prepare(process)
        return True
    if DAPHNE in sys.modules:
        from lameduck.drain.servers import daphne

        daphne.prepare(process)
        return True
    if GRANIAN in sys.modules:
        from lameduck.drain.servers import granian

        granian.prepare(process)
        if threads:
            granian.stand_when_ready(process)
        return True
    return False
