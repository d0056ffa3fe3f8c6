"""Event loops that are run more than once, and take the signals back each time.

granian (read: 2.8) runs its worker's loop once for the application's startup, and once more to serve. uvloop, which it
takes where that is installed, puts its own descriptor back as the interpreter's wake-up descriptor whenever it is run,
and so hears a signal that was to be held back: the worker refused new connections at once. We stand in front again, in
the second run. Nothing else is peculiar to granian's workers: the held signal is what stops them in the end, and their
parent has passed it on to each of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lameduck.drain.process import Process

__all__ = ["stay_in_front"]

LOOKS_AFTER_S = 0.005
LOOKS_UNTIL_S = 20.0
"""The second run begins as soon as the worker listens: after some milliseconds, but nobody says when."""


def stay_in_front(process: Process, loop: Any, after_s: float = 0.0) -> None:
    """In the loop, when the application has started: look at ever longer distances who has the signals.

    asyncio's own loops leave the descriptor alone when they are run again.
    """
    if type(loop).__module__.startswith("asyncio."):
        return

    def look() -> None:
        if process.interposed is not None:
            process.interposed.stand_before(tuple(process.interposed.theirs))
        if after_s < LOOKS_UNTIL_S:
            stay_in_front(process, loop, after_s * 2 or LOOKS_AFTER_S)

    loop.call_later(after_s, look)
