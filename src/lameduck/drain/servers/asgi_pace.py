"""When requests come so fast that even the account of them is felt, they are only passed on.

What the library does for a request costs some microseconds: nothing beside the request's own work, but a tenth of what
the fastest servers need for a hello-world. From BUSY_FROM_PER_S on, a request therefore leaves no more behind than its
coroutine's frame, from which the account is made when somebody asks for it, and above all when the stop begins.

What is different for requests that were passed on: their age is counted from when they were found; a response that
had begun is cut at the deadline, as they all are, but one that was passed on does not ask for its connection's end
(the next on that connection does); and a stream of events is known by its request's `Accept: text/event-stream`
(which every EventSource sends; HTML standard, 9.2.2) instead of by its response.
"""

from __future__ import annotations

import asyncio
import contextlib
from time import monotonic
from typing import TYPE_CHECKING, Any

from lameduck.drain.servers.asgi_streams import Request
from lameduck.drain.states import State

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping, Sequence
    from types import CodeType

    from lameduck.drain.process import Process

__all__ = ["Pace", "Passed"]

BUSY_FROM_PER_S = 2000.0
"""Requests per second and process. Below it the account costs less than a hundredth of a core."""
LOOKS_EVERY = 256
"""Requests between two looks at the clock."""


class Passed(Request):
    """A request that was passed on, as it was found later."""

    def __init__(self, scope: MutableMapping[str, Any], send: Any, process: Process, task: asyncio.Task[Any]) -> None:
        # Not what a new request does: its response may have begun, and it runs in another task than this.
        self.scope = scope
        self.send = send
        self.process = process
        self.streams = False
        self.since = process.clock()
        self.task = task

    async def failed(self, error: BaseException) -> None:
        try:
            await super().failed(error)
        except BaseException:
            raise error from None  # its response had begun: there is no other answer to be given


class Pace:
    """How fast requests come, and which are under way of those that were passed on. For one application."""

    def __init__(self, process: Process, code: CodeType, attending: CodeType, attend: Callable[[], None]) -> None:
        self.process = process
        self.code = code
        """Of the coroutine that passes requests on; its locals are `scope`, `send` and `pace`."""
        self.attending = attending
        """Of the coroutine that it waits for where it does not."""
        self.attend = attend
        """Passes no more requests on. In the loop."""
        self.count = 0
        self.looked = monotonic()
        self.loop: asyncio.AbstractEventLoop | None = None
        """None while no request has been passed on."""
        self.found: dict[asyncio.Task[Any], Passed] = {}
        self.all_found = False
        """Whether no more can be found: none is passed on any more."""
        process.works.elsewhere.append(self.in_flight)
        process.on_state.append(self.entered)

    def look(self) -> int:
        """How many of the next requests to pass on. Asked with each that is not."""
        self.count += 1
        if self.count < LOOKS_EVERY:
            return 0
        now = monotonic()
        fast = (now - self.looked) * BUSY_FROM_PER_S < LOOKS_EVERY
        self.looked = now
        if fast and self.can_be_found():
            return LOOKS_EVERY
        self.count = 0
        return 0

    def can_be_found(self) -> bool:
        """Whether what is passed on now would be found again, and nobody has to be told anything."""
        process = self.process
        try:
            task = asyncio.current_task()
        except RuntimeError:  # trio, or a server's own kind of tasks
            return False
        if process.leaving or process.interposed is None or not isinstance(task, asyncio.Task):
            return False
        if self.loop is not None and self.loop is not task.get_loop() and not self.loop.is_closed():
            return False  # several loops in as many threads
        self.loop = task.get_loop()
        self.all_found = False
        return True

    def entered(self, state: State) -> None:
        """The stop goes on. In the watching thread."""
        if state is State.SERVING:
            self.found.clear()
            self.all_found = False
            return
        if self.loop is not None and not self.all_found:
            with contextlib.suppress(RuntimeError):  # closed: nothing is under way there
                self.loop.call_soon_threadsafe(self.find_all)

    def find_all(self) -> None:
        """In the loop, where no task runs meanwhile."""
        self.attend()
        self.find()
        self.all_found = True

    def find(self) -> None:
        if self.loop is None:
            return
        for task in asyncio.all_tasks(self.loop):
            if task not in self.found:
                local = self.locals_in(task.get_coro())
                if local is not None and local["pace"] is self:
                    self.found[task] = Passed(local["scope"], local["send"], self.process, task)
        self.found = {task: request for task, request in self.found.items() if not task.done()}

    def in_flight(self) -> Sequence[Passed]:
        """Any thread. Until all are found, without one that runs at this very moment."""
        if not self.all_found:
            self.find()
        return [request for task, request in list(self.found.items()) if not task.done()]

    async def failed(self, error: BaseException) -> None:
        """In the task of a request that was passed on, and that the application has left with an error."""
        request = self.found.get(asyncio.current_task()) if self.found else None  # type: ignore[arg-type]
        if request is None:
            raise error
        await request.failed(error)

    def locals_in(self, coroutine: Any) -> dict[str, Any] | None:
        """Of the frame that has passed a request on, among those that wait for each other from this coroutine on."""
        while coroutine is not None:
            waits_for = (
                getattr(coroutine, "cr_await", None)
                or getattr(coroutine, "gi_yieldfrom", None)
                or getattr(coroutine, "ag_await", None)
            )
            if getattr(coroutine, "cr_code", None) is self.code:
                frame = coroutine.cr_frame
                if frame is None or getattr(waits_for, "cr_code", None) is self.attending:
                    return None
                return dict(frame.f_locals)
            coroutine = waits_for
        return None
