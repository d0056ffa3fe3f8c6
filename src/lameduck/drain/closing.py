"""From the end of the lame duck to the server's stop: nobody new is let in, and all who were let in are waited for.

A server that stops takes a connection on which nothing has come for an idle one, and resets it. So it is told to stop
only when the accept queue is empty, and the requests of those who came last are here.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from lameduck.drain import idle, listeners
from lameduck.drain.server import Accepting
from lameduck.drain.states import State

if TYPE_CHECKING:
    from lameduck.drain.process import Process
    from lameduck.drain.server import Server

__all__ = ["Closing", "stop_server"]

LOOKS_EVERY_S = 0.005
ROUNDS_FROM_ACCEPT_TO_REQUEST = 6
"""Of asyncio's loop: accept, make the transport, tell the protocol, listen to it, read. One to spare."""


class Closing:
    """The closing of one process's listeners, in one stop."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.held: listeners.Held | None = None
        """Listeners that let nobody in any more, while their queues are served. Then the server is told to stop."""
        self.look_took_s = 0.0
        """The last look for those who are not in yet: long where a process has thousands of connections."""

    def begin(self, *, at_once: bool) -> None:
        """The lame duck is over, or there was none. With `at_once` nobody is waited for: a person is impatient."""
        process = self.process
        shared = process.serving.end()
        if not at_once:
            self.held = listeners.let_nobody_in(process.clock(), but=frozenset(process.own_ports), shared=shared)
            if self.held is None and shared:
                self.held = self.leave_to_others()
        if self.held is None:
            stop_server(process)

    def step(self, now: float) -> None:
        """Tell the server to stop when all are in, or when there is no more time."""
        stop = self.process.stop
        if self.held is None or stop is None:
            return
        if stop.state is not State.DRAINING:
            self.held = None  # the server has left by itself
        elif self.all_are_in(self.held, now) or now >= stop.cancel_at:
            self.held = None
            stop_server(self.process)

    def hurry(self) -> None:
        """Wait for nobody any more; the server is told by whoever hurries."""
        self.held = None

    def next_at(self, now: float) -> float:
        """When to look again. The looks take their time from the requests that are to be finished: a third at most."""
        return float("inf") if self.held is None else now + max(LOOKS_EVERY_S, 2 * self.look_took_s)

    def all_are_in(self, held: listeners.Held, now: float) -> bool:
        """Whether nobody waits to be accepted, and the requests of all who were accepted just now are here."""
        # Others may be accepted all the time by a worker that could not let go of its listener.
        requests_are_here = now >= held.since + 2 * idle.REQUESTS_FOLLOW_WITHIN_S
        all_are_in = held.is_empty(now) and (requests_are_here or not idle.is_expecting(held.all_ports))
        self.look_took_s = self.process.clock() - now
        return all_are_in

    def leave_to_others(self) -> listeners.Held | None:
        """Accept no more from listeners that others go on with; where the server can do that without stopping."""
        process = self.process
        server, loop = process.server, process.loop
        if not isinstance(server, Accepting) or loop is None:
            return None
        left = listeners.ports() - process.own_ports
        with contextlib.suppress(RuntimeError):  # closed: the server has left by itself
            loop.call_soon_threadsafe(server.accept_no_more)
        return listeners.Held((), process.clock(), left=left)


def stop_server(process: Process) -> None:
    """Tell the server to stop; in its loop, where it has one."""
    server, loop = process.server, process.loop
    if server is None:
        return
    if loop is not None:
        with contextlib.suppress(RuntimeError):  # closed: the server has left, or had another
            loop.call_soon_threadsafe(stop_in_loop, process, server, ROUNDS_FROM_ACCEPT_TO_REQUEST)
            return
    server.stop()


def stop_in_loop(process: Process, server: Server, rounds: int) -> None:
    """When the loop has read what it has accepted."""
    if rounds:
        process.loop.call_soon(stop_in_loop, process, server, rounds - 1)
    else:
        server.stop()
