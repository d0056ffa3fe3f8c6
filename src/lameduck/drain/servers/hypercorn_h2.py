"""hypercorn's HTTP/2 connections are told in the lame duck that they get no more: GOAWAY (RFC 9113, 6.8).

By itself hypercorn (read: 0.18) resets the streams of requests that come after its stop, and its library, h2, cannot
say GOAWAY and serve on. So the frame is sent beside it, naming no last stream: what still comes is served, the client
takes a new connection for the next request, and h2 says its own GOAWAY at the very end.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from random import uniform
from typing import TYPE_CHECKING, Any

from lameduck.drain.states import State

if TYPE_CHECKING:
    from lameduck.drain.process import Process

__all__ = ["GOAWAY", "Farewells"]

GOAWAY = b"\x00\x00\x08\x07\x00" + bytes(4) + b"\x7f\xff\xff\xff" + bytes(4)
"""8 bytes, type 7, no flags, stream 0; the last stream is 2**31-1, the error is NO_ERROR."""
LOOKS_EVERY_S = 0.5
"""For connections that are new in the lame duck."""
IDLE_WITHIN_S = 1.0
"""How long a busy connection is waited for."""
LOOKS_IF_IDLE_EVERY_S = 0.02


class Farewells:
    """Who has been told, and who will be."""

    def __init__(self, process: Process, loop: asyncio.AbstractEventLoop) -> None:
        self.process = process
        self.loop = loop
        self.known: set[Any] = set()
        """Connections, as hypercorn has them, with a time at which they are told."""
        self.told: set[Any] = set()
        self.sending: set[asyncio.Future[None]] = set()
        process.on_state.append(self.entered)

    def entered(self, state: State) -> None:
        """Any thread."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: there are no connections any more
            if state is State.LAME_DUCK:
                self.loop.call_soon_threadsafe(self.look)
            elif state is State.DRAINING:
                self.loop.call_soon_threadsafe(self.tell_all)

    def look(self) -> None:
        """Give those connections a time that have none; spread, so that not all clients come back at once."""
        if self.process.state is not State.LAME_DUCK or self.process.stop is None:
            return
        now = self.process.clock()
        unseen_s = self.process.settings.lame_duck.unseen_s
        until = min(self.process.stop.began + unseen_s, self.process.stop.lame_duck_ends_by)
        for connection in connections(self.loop) - self.known:
            self.known.add(connection)
            after_s = uniform(0.0, max(0.0, until - now) / 2)
            self.loop.call_later(after_s, self.tell, connection, now + after_s + IDLE_WITHIN_S)
        self.loop.call_later(LOOKS_EVERY_S, self.look)

    def tell_all(self) -> None:
        for connection in connections(self.loop):
            self.send(connection)

    def tell(self, connection: Any, by: float) -> None:
        """Between two requests if there is such a moment: some clients give up what is under way when they hear it."""
        if connection.idle or self.process.clock() >= by:
            self.send(connection)
        elif not connection.closed:
            self.loop.call_later(LOOKS_IF_IDLE_EVERY_S, self.tell, connection, by)

    def send(self, connection: Any) -> None:
        if connection.closed or connection in self.told:
            return
        self.told.add(connection)
        event = sys.modules["hypercorn.events"].RawData(data=GOAWAY)
        sending = asyncio.ensure_future(connection.send(event))
        self.sending.add(sending)
        sending.add_done_callback(self.sending.discard)


def connections(loop: asyncio.AbstractEventLoop) -> set[Any]:
    """Those of HTTP/2: each has a task that sends for it."""
    found = set()
    for task in asyncio.all_tasks(loop):
        its: Any = task.get_coro()
        if getattr(its, "__qualname__", "") == "H2Protocol.send_task" and its.cr_frame is not None:
            found.add(its.cr_frame.f_locals["self"])
    return found
