"""`drain.stopping`: the stop as a flag, an event, something to await; and loops that end with it."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import asyncio
    import queue
    from collections.abc import AsyncIterator, Callable, Generator, Iterator

__all__ = ["Stopping", "until_stopping", "until_stopping_async"]

T = TypeVar("T")
LOOKS_EVERY_S = 0.1
"""How soon a loop over a queue sees the stop."""


class Stopping:
    """False while serving, True from the stop signal on.

    `if drain.stopping:`, `drain.stopping.wait(5)` in a thread, `await drain.stopping` in a task.
    """

    def __init__(self) -> None:
        self.flag = threading.Event()
        self.callbacks: dict[int, Callable[[], None]] = {}
        self.looked = float("-inf")
        """When the main thread last looked, and saw the stop: on the monotonic clock. It knows, and may be leaving."""

    def __bool__(self) -> bool:
        return self.flag.is_set() and self.seen()

    def seen(self) -> bool:
        if threading.current_thread() is threading.main_thread():
            self.looked = time.monotonic()
        return True

    def is_set(self) -> bool:
        """As threading.Event has it."""
        return bool(self)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the stop, for `timeout` seconds at most; whether it is here. Blocks the thread, not for tasks."""
        return self.flag.wait(timeout) and self.seen()

    def __await__(self) -> Generator[None, None, bool]:
        return self.arrival().__await__()

    async def arrival(self) -> bool:
        """Wait for the stop in a task; True."""
        import asyncio

        loop = asyncio.get_running_loop()
        here: asyncio.Future[None] = loop.create_future()

        def release() -> None:
            if not here.done():
                here.set_result(None)

        def wake() -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(release)

        key = id(here)
        self.callbacks[key] = wake
        try:
            if not self.flag.is_set():  # looked at after the callback is there, so no stop falls between
                await here
        finally:
            self.callbacks.pop(key, None)
        return True

    def begin(self) -> None:
        """The stop is here: wake all who wait. Not from a signal handler: Event's lock may be held below it."""
        self.flag.set()
        for wake in list(self.callbacks.values()):
            wake()

    def take_back(self) -> None:
        """No stop followed."""
        self.flag.clear()

    def forked(self) -> None:
        """In a child: its stop has not come, and nobody waits here."""
        self.flag = threading.Event()
        self.callbacks.clear()


def until_stopping(stopping: Stopping, source: queue.Queue[T]) -> Iterator[T]:
    """The items of a queue until the stop. What is not taken stays in the queue."""
    from queue import Empty

    while not stopping:
        try:
            item = source.get(timeout=LOOKS_EVERY_S)
        except Empty:
            continue
        yield item


async def until_stopping_async(stopping: Stopping, source: asyncio.Queue[T]) -> AsyncIterator[T]:
    """The same for an asyncio.Queue. No item is lost between the queue and the loop's body."""
    import asyncio

    here = asyncio.ensure_future(stopping.arrival())
    try:
        while not stopping:
            getting = asyncio.ensure_future(source.get())
            try:
                await asyncio.wait({here, getting}, return_when=asyncio.FIRST_COMPLETED)
            except asyncio.CancelledError:
                put_back(source, getting)
                raise
            if getting.done():
                yield getting.result()
            else:
                put_back(source, getting)
    finally:
        here.cancel()


def put_back(source: asyncio.Queue[T], getting: asyncio.Future[T]) -> None:
    """Take an unused get away. asyncio.Queue.get loses no item when it is cancelled before it is done."""
    if getting.done() and not getting.cancelled():
        source.put_nowait(getting.result())
    else:
        getting.cancel()
