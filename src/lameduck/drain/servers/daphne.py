"""daphne (read: 4.2), from its command line.

By itself it cancels every request in flight on SIGTERM, and leaves. It knows no lifespan, so an application first hears
of it with its first request. Twisted's documented hooks are used: triggers around its startup to stand in front of the
reactor's handlers before a signal can reach them, and one before its shutdown for the on_stop hooks, which so run in
its loop. The signal is let through when all work is done and sent; those who would still come are held back in the
kernel meanwhile.

Applications may close a WebSocket with 1000 or 3000 to 4999 only; 1001 is sent in daphne's own way, of which a test
sees that it is still there.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from lameduck.drain import idle, listeners

if TYPE_CHECKING:
    from lameduck.drain.process import Process

__all__ = ["Daphne", "find", "prepare"]

LOOKS_EVERY_S = 0.02
IDLE_FOR_S = 0.2
"""A request that has been accepted is with the application sooner than that."""
prepared = False


class Daphne:
    """The reactor of this process, which runs daphne."""

    name = "daphne"

    def __init__(self, process: Process) -> None:
        self.process = process

    def stop(self) -> None:
        threading.Thread(target=self.leave_when_done, name="lameduck leaving", daemon=True).start()

    def hurry(self) -> None:
        self.let_through()

    def let_through(self) -> None:
        assert self.process.interposed is not None
        self.process.interposed.let_through(signal.SIGTERM)

    def leave_when_done(self) -> None:
        ports = listeners.ports()
        idle_since = time.monotonic()
        while time.monotonic() < idle_since + IDLE_FOR_S:
            if (len(self.process.works) and not self.is_late()) or idle.is_sending(ports):
                idle_since = time.monotonic()
            time.sleep(LOOKS_EVERY_S)
        self.let_through()

    def is_late(self) -> bool:
        """Whether the time for work in flight is over."""
        return self.process.stop is not None and self.process.stop.cancelled


def find(handler: object, process: Process) -> Daphne | None:
    """The reactor whose bound method handles the signal."""
    if isinstance(process.server, Daphne):
        return process.server
    reactor = getattr(handler, "__self__", None)
    return Daphne(process) if type(reactor).__module__.startswith("twisted.internet.") else None


def prepare(process: Process) -> None:
    """When the application is made, by daphne's command line: the reactor is there, and does not run yet."""
    global prepared
    reactor: Any = sys.modules.get("twisted.internet.reactor")
    if prepared or reactor is None:
        return
    prepared = True

    def finish() -> Any:
        from importlib import import_module

        finishing = asyncio.ensure_future(process.finish_here())
        return import_module("twisted.internet.defer").Deferred.fromFuture(finishing)

    def starting() -> None:
        # Threads that begin meanwhile would have it blocked, and so their children; ours have begun by then.
        if stands:
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})

    def started() -> None:
        # Its handlers are not installed where somebody else has the signals.
        if find(signal.getsignal(signal.SIGTERM), process) is not None:
            process.stand(Daphne(process))
            reactor.addSystemEventTrigger("before", "shutdown", finish)
        if process.interposed is not None:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})

    # daphne listens before its reactor starts: whoever sees that may end it from there on.
    stands = process.stand(signals=(signal.SIGTERM,))
    # The reactor installs its handlers between these two, as the first thing during its startup.
    reactor.addSystemEventTrigger("before", "startup", starting)
    reactor.addSystemEventTrigger("during", "startup", started)


def close(send: Any, code: int) -> None:
    """Close a WebSocket, whose `send` this is, with a code that daphne takes from no application (1001), but uses
    itself in the same way. In the loop; not where another middleware is between us and daphne."""
    protocol: Any = next(iter(getattr(send, "args", ())), None)
    if hasattr(protocol, "sendCloseFrame"):
        with contextlib.suppress(Exception):  # autobahn raises nothing narrower; the connection is gone
            protocol.sendCloseFrame(code=code)
