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

ROUNDS_TO_THE_END = 20
"""From the application's startup the first run goes on for a few rounds of the loop. What a loop was to call in its
next round it calls first when it is run again."""
LOOKS_AFTER_S = 0.005
LOOKS_UNTIL_S = 20.0
"""For a first run that goes on for longer."""


def stay_in_front(process: Process, loop: Any, after_s: float = 0.0) -> None:
    """In the loop, when the application has started: look at ever longer distances who has the signals.

    asyncio's own loops leave the descriptor alone when they are run again.
    """
    if type(loop).__module__.startswith("asyncio."):
        return

    def look_each_round(rounds: int) -> None:
        stand()
        if rounds:
            loop.call_soon(look_each_round, rounds - 1)

    def stand() -> None:
        if process.interposed is not None:
            process.interposed.stand_before(tuple(process.interposed.theirs))

    def look() -> None:
        stand()
        if after_s < LOOKS_UNTIL_S:
            stay_in_front(process, loop, after_s * 2 or LOOKS_AFTER_S)

    if not after_s:
        loop.call_soon(look_each_round, ROUNDS_TO_THE_END)
    loop.call_later(after_s, look)
