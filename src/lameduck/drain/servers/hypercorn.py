"""hypercorn (read: 0.18), from its command line or inside a program; HTTP/1 and HTTP/2, asyncio and uvloop.

Its command line always starts a parent, which has the signal. It sets an event that all workers look at ten times a
second, and sends SIGTERM to those who are left when the first of them has ended. A worker that sees the event stops
accepting at once, and cancels what has not been answered within graceful_timeout, which is 3 s (the client gets 500).

Here the worker's own copy of the event answers when the lame duck is over, and graceful_timeout is what is left of the
grace. Inside a program (`hypercorn.asyncio.serve`) the signal itself is what is held back. Under trio streams cannot be
told: where there are any, graceful_timeout stays as it is and ends them.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import TYPE_CHECKING, Any

from lameduck.drain import listeners

if TYPE_CHECKING:
    from types import FrameType

    from lameduck.drain.process import Process

__all__ = ["Hypercorn", "find"]

LIFESPANS = {"hypercorn.asyncio.lifespan": True, "hypercorn.trio.lifespan": False}
"""The modules of hypercorn's part of the lifespan protocol, and whether their tasks are asyncio's."""


class Hypercorn:
    """The worker of this process."""

    name = "hypercorn"

    def __init__(self, process: Process, config: Any, event: Any, *, is_asyncio: bool) -> None:
        self.process = process
        self.config = config
        self.event = event
        """The parent's, as this process has it; None where there is no parent."""
        self.is_asyncio = is_asyncio
        self.seen = False
        self.looked = False
        self.over = False
        self.signalled = False
        if is_asyncio:
            from lameduck.drain.servers.hypercorn_h2 import Farewells

            self.farewells = Farewells(process, asyncio.get_running_loop())
        if event is not None:
            self.event_is_set = event.is_set
            event.is_set = self.is_set
            if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
                # A terminal's Ctrl-C reaches the workers too, and says what the event does not: nobody wants to wait.
                signal.signal(signal.SIGINT, self.interrupted)

    def is_set(self) -> bool:
        """In the place of the event's own: whether the worker shall stop now."""
        if not self.seen and self.event_is_set():
            self.seen = True
            if not self.looked:
                # It was set while the application started up: no endpoint is known. But the worker accepts by now.
                self.process.starting = self.process.accepts_in_start = True
            assert self.process.interposed is not None
            self.process.interposed.pretend(signal.SIGTERM)
        self.looked = True
        return self.over

    def interrupted(self, _signum: int, _frame: FrameType | None) -> None:
        """What hypercorn does on SIGINT in a worker: nothing."""

    def counts(self, signum: int) -> bool:
        """The event is one SIGTERM. Another is the parent's, which follows as soon as another worker has ended."""
        if self.event is None or signum != signal.SIGTERM:
            return True
        first, self.signalled = not self.signalled, True
        return first

    def stops_alone(self) -> bool:
        """Under a reloader each change of a file ends all workers, and a person waits for the next."""
        return bool(self.config.use_reloader)

    def accept_no_more(self) -> None:
        """asyncio's own loop watches the listener as any other descriptor. uvloop cannot be told; nor can trio."""
        if self.is_asyncio:
            loop = asyncio.get_running_loop()
            for fd in listeners.listening():
                loop.remove_reader(fd)

    def stop(self) -> None:
        if self.over:
            return
        if self.is_asyncio or not self.process.streams:
            self.config.graceful_timeout = max(self.config.graceful_timeout, self.process.remaining_s())
        if self.event is None:
            assert self.process.interposed is not None
            self.process.interposed.let_through(signal.SIGTERM)
        self.over = True

    def hurry(self) -> None:
        """Work in flight is cancelled at the same time: without it the worker leaves soon."""
        self.stop()


def find(receive: object, process: Process) -> Hypercorn | None:
    """The worker whose lifespan's `receive` this is; the one known before, once it is known."""
    if isinstance(process.server, Hypercorn):
        return process.server
    lifespan = getattr(receive, "__self__", None)
    is_asyncio = LIFESPANS.get(type(lifespan).__module__)
    if lifespan is None or is_asyncio is None:
        return None
    return Hypercorn(process, lifespan.config, event_of_parent(), is_asyncio=is_asyncio)


def event_of_parent() -> Any:
    """What the parent started this process with, by the name of `shutdown_event`."""
    multiprocessing = sys.modules.get("multiprocessing.process")
    if multiprocessing is None:
        return None
    return getattr(multiprocessing.current_process(), "_kwargs", {}).get("shutdown_event")
