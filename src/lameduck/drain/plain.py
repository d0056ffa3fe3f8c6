"""A plain program: threads, a pool of processes, a loop over jobs, with or without a handler of SIGTERM.

Its own handler gets the signal when the lame duck is over. Where there is none, the kernel's default action would kill
it, or, as PID 1, do nothing at all (T54): it gets SystemExit in the main thread instead, when no work is in flight. A
program whose main thread looks at `drain.stopping` is left to leave by itself: an exception can come at a bad moment.

A lame duck is for those with whom others connect. Where nothing listens, there is none: jobs are fetched, and who no
longer fetches gets none.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from typing import TYPE_CHECKING

from lameduck.drain import listeners
from lameduck.drain.idle import is_sending

if TYPE_CHECKING:
    from types import FrameType

    from lameduck.drain.process import Process

__all__ = ["Plain", "is_connected_to", "stand"]

LOOKS_EVERY_S = 0.05
IDLE_FOR_S = 0.2
"""A loop takes its next piece of work sooner than that, or leaves."""
LEAVES_BY_ITSELF_WITHIN_S = 2.0
"""What a main thread that has seen the stop is given, from the last time it looked."""


def stand(process: Process, signals: tuple[int, ...] = (signal.SIGTERM, signal.SIGINT)) -> bool:
    """In front of the program's handlers; see above for what follows."""
    if process.server is None:
        process.has_clients = lambda: is_connected_to(process)
        stands = process.stand(plain := Plain(process), signals)
        if process.interposed is not None:
            process.interposed.in_place_of_default = plain.leave
        return stands
    return process.stand(signals=signals)


def is_connected_to(process: Process) -> bool:
    """Whether anybody can connect: a TCP port is listened on, other than the probes'. True where nobody can tell."""
    return sys.platform != "linux" or not listeners.ports() <= process.own_ports


class Plain:
    """A program that is no server, or one that nobody knows."""

    name = "plain"

    def __init__(self, process: Process) -> None:
        self.process = process
        self.left = False

    def stop(self) -> None:
        interposed = self.process.interposed
        assert interposed is not None
        if interposed.default(signal.SIGTERM):
            self.process.hands.lend(self.leave_when_idle, "lameduck leaving")
        else:
            interposed.let_through(signal.SIGTERM)

    def hurry(self) -> None:
        assert self.process.interposed is not None
        self.process.interposed.let_through(signal.SIGTERM)

    def leave_when_idle(self) -> None:
        """In a thread, because a signal handler cannot wait."""
        process, interposed = self.process, self.process.interposed
        assert interposed is not None
        idle_since = None
        ports = listeners.ports()
        while not self.left:
            now = time.monotonic()
            # The signal may have come while the program started.
            if not interposed.default(signal.SIGTERM):
                interposed.let_through(signal.SIGTERM)
                return
            if not listeners.ports() <= ports:
                ports = listeners.ports()
                listeners.let_nobody_in(now, but=frozenset(process.own_ports), shared=process.serving.end())
            # A server may still send what the application has long done with (waitress keeps up to 16 MB).
            if not process.nothing_to_wait_for() or (not self.is_late() and is_sending(ports)):
                idle_since = None
            elif idle_since is None:
                idle_since = now
            elif now >= idle_since + IDLE_FOR_S and (self.is_late() or not self.leaves_by_itself(now)):
                interposed.let_through(signal.SIGTERM)
            time.sleep(LOOKS_EVERY_S)

    def leaves_by_itself(self, now: float) -> bool:
        return now < self.process.stopping.looked + LEAVES_BY_ITSELF_WITHIN_S

    def is_late(self) -> bool:
        return self.process.stop is not None and self.process.stop.cancelled

    def leave(self, frame: FrameType | None) -> None:
        """In the main thread, from the signal handler: as if the program had called sys.exit. Once."""
        # The main thread may have begun another piece of work since somebody looked.
        if not self.left and self.process.nothing_to_wait_for():
            self.left = True
            if not is_over(frame):
                sys.exit(0)


def is_over(frame: FrameType | None) -> bool:
    """Whether the main program has ended, and the interpreter waits for its threads or calls what atexit has: an
    exception would only make it stop doing that."""
    if not threading.main_thread().is_alive():
        return True
    # The threads of executors are waited for before that (threading._shutdown).
    while frame is not None and frame.f_back is not None:
        frame = frame.f_back
    if frame is None:
        return False
    return frame.f_globals.get("__name__") == "threading" or frame.f_code.co_name in ("at_exit", "_exit_function")
