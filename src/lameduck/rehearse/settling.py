"""When programs have come to rest: a program that nobody probes is ready when it starts, long before it has its signal
handlers, and how long it takes until then is the machine's affair."""

import asyncio
from collections.abc import Sequence

from lameduck.pod.durations import Seconds
from lameduck.rehearse import proc

__all__ = ["at_rest"]

_LOOK_S = 0.1
_QUIET_LOOKS = 3
"""In so many looks in a row nothing ran: a program that starts does not sleep for so long, unless it waits."""
_IDLE_SHARE = 0.2
"""Of a processor's time: whoever takes less ticks along, and does not start."""


async def at_rest(roots: Sequence[int], *, most_s: Seconds) -> bool:
    """Wait until these processes and all below them sleep, at most so long: some never do. Whether they have.

    Where there is no /proc nobody can tell, and nothing is waited for.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + most_s
    quiet, looked, used = 0, loop.time(), Seconds(0)
    while proc.available() and quiet < _QUIET_LOOKS:
        if loop.time() >= deadline:
            return False
        await asyncio.sleep(_LOOK_S)
        load = proc.load([pid for root in roots for pid in (root, *proc.descendants(root))])
        now = loop.time()
        busy = load.runnable or load.processor_s - used > _IDLE_SHARE * (now - looked)
        quiet = 0 if busy else quiet + 1
        looked, used = now, load.processor_s
    return True
