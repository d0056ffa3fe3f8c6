"""A time-out in our own waking time: while our event loop stands still, no server can answer us."""

import asyncio
from collections.abc import Callable

from lameduck.pod.durations import Seconds
from lameduck.rehearse.traffic.pulse import Pulse

__all__ = ["Deadline"]


class Deadline:
    """Calls `passed` after `allowed_s` in which the loop ran. What it stood still is added on."""

    __slots__ = ("_begun", "_granted_s", "_loop", "_passed", "_pulse", "_timer")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, pulse: Pulse, allowed_s: Seconds, passed: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._pulse = pulse
        self._passed = passed
        self._granted_s = 0.0
        self._begun = loop.time()
        self._timer = loop.call_at(self._begun + allowed_s, self._due)

    def cancel(self) -> None:
        """Never mind. Twice is fine."""
        self._timer.cancel()

    def _due(self) -> None:
        now = self._loop.time()
        missed_s = self._pulse.stalled_s(self._begun, now) - self._granted_s
        if missed_s > 0:
            self._granted_s += missed_s
            self._timer = self._loop.call_at(now + missed_s, self._due)
        else:
            self._passed()
