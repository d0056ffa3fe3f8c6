"""The distance between clients and pods: what goes in at one end comes out at the other, later and in order.

The kernel can do the same (netem), but not on every machine and not without privileges. The delay is the same for
all connections, so one line per direction serves them all: one queue, one timer. asyncio's timers on Linux end at
the next whole millisecond (epoll), so a delay is never shorter than asked and up to about 1 ms longer.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from lameduck.pod.durations import Seconds

__all__ = ["DelayLine", "NoDelay"]


class DelayLine:
    """One direction. At a delay of 0 what goes in still comes out in order, and not before its caller has returned."""

    __slots__ = ("_delay_s", "_loop", "_queue", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop, delay_s: Seconds) -> None:
        self._loop = loop
        self._delay_s = delay_s
        self._queue: deque[tuple[float, Callable[[Any], None], Any]] = deque()
        self._timer: asyncio.Handle | None = None

    def put(self, deliver: Callable[[Any], None], what: Any) -> None:
        """Call `deliver(what)` after the delay. What was put before it is delivered before it."""
        due = self._loop.time() + self._delay_s
        self._queue.append((due, deliver, what))
        if self._timer is None:
            self._arm(due)

    def close(self) -> None:
        """Lose all that is still on the way."""
        self._queue.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, due: float) -> None:
        if self._delay_s > 0:
            self._timer = self._loop.call_at(due, self._deliver_due)
        else:
            self._timer = self._loop.call_soon(self._deliver_due)

    def _deliver_due(self) -> None:
        queue = self._queue
        now = self._loop.time()
        try:
            while queue and queue[0][0] <= now:
                _, deliver, what = queue.popleft()
                deliver(what)
        finally:
            self._timer = None
            if queue:
                self._arm(queue[0][0])


class NoDelay:
    """The way back at no distance: told at once, in the loop's reading of its sockets.

    One turn of the loop later would be too late: requests that are due in the same turn, which on a busy machine may be
    many, would be sent on connections whose FIN had been read.
    """

    __slots__ = ()

    def put(self, deliver: Callable[[Any], None], what: Any) -> None:
        """Call `deliver(what)`."""
        deliver(what)

    def close(self) -> None:
        """Nothing is ever on the way."""
