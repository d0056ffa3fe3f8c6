"""The thread that keeps a stop's time: it takes signals, sees what is due, and has it done.

Every server's loop or main thread may be busy or stuck just when a stop comes. This one sleeps in the kernel until the
interpreter writes a signal's number into its pipe.
"""

from __future__ import annotations

import select
import signal
from typing import TYPE_CHECKING

from lameduck.drain.closing import stop_server
from lameduck.drain.states import State

if TYPE_CHECKING:
    import socket

    from lameduck.drain.interposing import Interposed
    from lameduck.drain.process import Process

__all__ = ["watch"]

SEES_ARRIVALS_EVERY_S = 0.1


def watch(process: Process, interposed: Interposed) -> None:
    """Until another one stands before the signals."""
    poll = select.poll()
    poll.register(interposed.read_end, select.POLLIN)
    run = process.run
    if run is not None:
        poll.register(run, select.POLLIN)
    try:
        while process.interposed is interposed:
            for fd, _ in poll.poll(patience_ms(process)):
                if run is not None and fd == run.fileno() and not heard(process, run):
                    poll.unregister(run)
            for signum in dict.fromkeys(interposed.read()):
                process.signalled(signum)
            if process.stop is not None:
                process.step()
    except Exception as fault:
        # Whatever it was, the signals must not end here.
        process.tell_fault(fault)
        let_all_through(process, interposed, poll)


def patience_ms(process: Process) -> float | None:
    """How long nothing is due, in milliseconds; None: until a signal comes."""
    stop = process.stop
    if stop is None:
        return None
    now = process.clock()
    until = stop.wake_after(now, process.sight())
    if stop.state is State.LAME_DUCK:
        # Arrivals and new streams wake nobody, and change what is due next.
        until = min(until, process.farewells.next_at(), now + SEES_ARRIVALS_EVERY_S)
    until = min(until, process.closing.next_at(now))
    if stop.state is State.STOPPED:
        until = stop.deadline if not stop.left else float("inf")
    return None if until == float("inf") else max(1.0, (until - now) * 1000)


def heard(process: Process, run: socket.socket) -> bool:
    """What `lameduck run` says: a preStop hook asks for the lame duck. False when it is gone."""
    try:
        word = run.recv(64)
    except BlockingIOError:
        return True
    except OSError:
        return False
    if word:
        process.begin("lameduck prestop", signalled=False)
    return bool(word)


def let_all_through(process: Process, interposed: Interposed, poll: select.poll) -> None:
    """What is left to do when something in it has failed: the signals, and the deadline."""
    if process.stop is not None:
        try:
            stop_server(process)
        except Exception as fault:
            process.tell_fault(fault)
            interposed.let_through(signal.SIGTERM)
    while process.interposed is interposed:
        poll.poll(None if process.stop is None else 1000 * process.seconds_to_deadline())
        for signum in interposed.read():
            interposed.let_through(signum)
        if process.asked and process.seconds_to_deadline() == 0:
            process.leave_now("the deadline is here")
