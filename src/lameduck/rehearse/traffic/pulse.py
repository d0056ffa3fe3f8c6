"""Whether our own event loop keeps up: a client that stands still must not blame the server for it."""

import asyncio
import math
from collections import deque

from lameduck.pod.durations import Seconds

__all__ = ["STALL_S", "Lateness", "Pulse"]

BEAT_S = 0.01
STALL_S = Seconds(0.02)
"""A beat later than this is a stall: a FIN may have lain unread for that long, many times the distance of a cluster.

On an idle machine beats are 1 to 3 ms late; benchmarks/no_false_losses.py prints the largest lag and the p99.
"""
_REMEMBERED = 1000
_BINS = 1000


class Lateness:
    """How late things were: the maximum exactly, quantiles to the next whole millisecond, in constant space."""

    __slots__ = ("_bins", "_count", "max_s")

    def __init__(self) -> None:
        self._bins = [0] * (_BINS + 1)
        self._count = 0
        self.max_s = Seconds(0)

    def add(self, late_s: float) -> None:
        """Take note of one."""
        self._count += 1
        self._bins[min(_BINS, max(0, math.ceil(late_s * 1000)))] += 1
        if late_s > self.max_s:
            self.max_s = Seconds(late_s)

    def quantile(self, share: float) -> Seconds:
        """The lateness that `share` of all did not exceed; 0 of none."""
        wanted = share * self._count
        seen = 0
        for milliseconds, number in enumerate(self._bins):
            seen += number
            if seen >= wanted:
                return Seconds(min(milliseconds / 1000, self.max_s))
        return self.max_s


class Pulse:
    """A timer that beats every 10 ms; a late beat says that the loop stood still, and since when (in loop time)."""

    __slots__ = ("_due", "_loop", "_stall_s", "_stalls", "_timer", "lag")

    def __init__(self, loop: asyncio.AbstractEventLoop, stall_s: Seconds = STALL_S) -> None:
        self._loop = loop
        self._stall_s = stall_s
        self._stalls: deque[tuple[float, float]] = deque(maxlen=_REMEMBERED)
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self.lag = Lateness()

    def start(self) -> None:
        """Begin to beat. Twice is fine."""
        if self._timer is None:
            self._arm()

    def stop(self) -> None:
        """Beat no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def stalled_s(self, since: float, until: float) -> Seconds:
        """How much of a span of loop time the loop stood still, a stall that is not over yet included."""
        total = 0.0
        for begun, ended in self._with_the_present_one():
            total += max(0.0, min(ended, until) - max(begun, since))
        return Seconds(total)

    def _with_the_present_one(self) -> list[tuple[float, float]]:
        stalls = list(self._stalls)
        now = self._loop.time()
        if self._timer is not None and now - self._due > self._stall_s:
            stalls.append((self._due - BEAT_S, now))
        return stalls

    def _arm(self) -> None:
        self._due = self._loop.time() + BEAT_S
        self._timer = self._loop.call_at(self._due, self._beat)

    def _beat(self) -> None:
        now = self._loop.time()
        self.lag.add(now - self._due)
        if now - self._due > self._stall_s:
            self._stalls.append((self._due - BEAT_S, now))
        self._arm()
