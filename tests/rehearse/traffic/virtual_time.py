"""A loop whose clock moves only when a test moves it."""

import asyncio
import heapq
from collections.abc import Callable
from itertools import count
from typing import Any, cast


class _Handle:
    def __init__(self, callback: Callable[..., object], args: tuple[Any, ...]) -> None:
        self.callback, self.args, self.cancelled = callback, args, False

    def cancel(self) -> None:
        self.cancelled = True


class VirtualLoop:
    """`time`, `call_at`, `call_later` and `call_soon` of an event loop, in virtual time."""

    def __init__(self) -> None:
        self.now = 0.0
        self._timers: list[tuple[float, int, _Handle]] = []
        self._numbers = count()

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[..., object], *args: Any) -> _Handle:
        handle = _Handle(callback, args)
        heapq.heappush(self._timers, (when, next(self._numbers), handle))
        return handle

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any) -> _Handle:
        return self.call_at(self.now + delay, callback, *args)

    def call_soon(self, callback: Callable[..., object], *args: Any) -> _Handle:
        return self.call_at(self.now, callback, *args)

    def advance(self, to: float) -> None:
        """Move on to a time, running each timer when it is due."""
        while self._timers and self._timers[0][0] <= to:
            when, _, handle = heapq.heappop(self._timers)
            self.now = max(self.now, when)
            if not handle.cancelled:
                handle.callback(*handle.args)
        self.now = max(self.now, to)

    def stand_still(self, until: float) -> None:
        """Let time pass without running anything; what is due then runs late."""
        self.now = until

    def as_loop(self) -> asyncio.AbstractEventLoop:
        """This, for those who want an event loop."""
        return cast(asyncio.AbstractEventLoop, self)
