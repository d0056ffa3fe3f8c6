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

        here: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def release() -> None:
            if not here.done():
                here.set_result(None)

        with called_in_loop(self, release):
            await here
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
    """The same for an asyncio.Queue.

    The queue's own get is waited for, in the task that asks: it loses no item when it is cancelled, be it by the stop
    or by somebody else, and none has to be put back, which would change their order and count them twice for join().
    """
    import asyncio

    while not stopping:
        if source.empty():
            try:
                async with asyncio.timeout(None) as waiting:
                    with called_in_loop(stopping, lambda: expire(waiting)):
                        item = await source.get()
            except TimeoutError:
                return
        else:
            item = source.get_nowait()
        yield item


def expire(waiting: asyncio.Timeout) -> None:
    """End the waiting now. In its loop."""
    import asyncio

    with contextlib.suppress(RuntimeError):  # it has ended by itself
        waiting.reschedule(asyncio.get_running_loop().time())


@contextlib.contextmanager
def called_in_loop(stopping: Stopping, call: Callable[[], object]) -> Iterator[None]:
    """Have something called in the running loop when the stop comes, at once if it is here already."""
    import asyncio

    loop = asyncio.get_running_loop()

    def wake() -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(call)

    key = id(call)
    stopping.callbacks[key] = wake
    try:
        if stopping:  # looked at after the callback is there, so no stop falls between
            loop.call_soon(call)
        yield
    finally:
        stopping.callbacks.pop(key, None)
