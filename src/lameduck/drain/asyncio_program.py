"""A plain asyncio program: `asyncio.run(drain.program(main()))`.

Left alone, asyncio has no handler of SIGTERM: the process dies in the middle of what its tasks do. Here main() may
look at `drain.stopping` and return; if it does not, it is cancelled like by Ctrl-C, but only once no work is in flight,
be it in main() or in other tasks. The hooks of on_stop then run in the same loop, where their connections live.
"""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Any, TypeVar

from lameduck.drain.plain import LOOKS_EVERY_S, is_connected_to

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from lameduck.drain.process import Process

__all__ = ["Program", "program"]

T = TypeVar("T")


class Program:
    """A main coroutine, as a task."""

    name = "asyncio"

    def __init__(self, process: Process, task: asyncio.Task[Any]) -> None:
        self.process = process
        self.task = task
        self.loop = asyncio.get_running_loop()
        self.stopped = False
        """Whether it was this that cancelled the task."""
        self.waiting: asyncio.Task[None] | None = None

    def stop(self) -> None:
        interposed = self.process.interposed
        assert interposed is not None
        if interposed.default(signal.SIGTERM):
            self.in_loop(self.begin)
        else:
            interposed.let_through(signal.SIGTERM)

    def hurry(self) -> None:
        self.in_loop(self.cancel)

    def in_loop(self, call: Any) -> None:
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(call)

    def begin(self) -> None:
        self.waiting = self.loop.create_task(self.cancel_when_idle())

    def cancel(self) -> None:
        self.stopped = True
        self.task.cancel()

    async def cancel_when_idle(self) -> None:
        await self.idle()
        self.cancel()

    async def idle(self) -> None:
        while not self.process.nothing_to_wait_for():  # noqa: ASYNC110
            await asyncio.sleep(LOOKS_EVERY_S)  # work ends in any thread, and takes no lock to tell of it


async def program(process: Process, main: Coroutine[Any, Any, T]) -> T | None:
    """Run main() to its end, or to the stop's; what it returned, None if the stop cancelled it.

    Raises what main() raises, after the hooks have run.
    """
    task = asyncio.ensure_future(main)
    runs = Program(process, task)
    process.has_clients = lambda: is_connected_to(process)
    process.stand(runs)
    try:
        return await task
    except asyncio.CancelledError:
        if not runs.stopped:
            raise
        return None
    finally:
        if process.leaving:
            await runs.idle()
        if runs.waiting is not None:
            runs.waiting.cancel()
        await process.finish_here()
