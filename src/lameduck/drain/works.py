"""The account of what is in flight: exact under threads, tasks, exceptions and cancellation, and next to free.

Each piece of work is one entry in a dict, put there and taken away by single operations of the interpreter: no lock,
and nothing that a signal handler or a cancelled task could leave half done.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

__all__ = ["InFlight", "Stream", "Work", "Works"]


class InFlight(Protocol):
    """One piece of work under way."""

    since: float
    """When it began, on the monotonic clock, in seconds."""

    @property
    def name(self) -> str:
        """What a person calls it: `GET /orders/17`, `job 17`."""

    @property
    def endless(self) -> bool:
        """It goes on until it is told to end: a WebSocket, a stream of events. Nobody waits for it."""

    def cancel(self) -> None:
        """Its time is over. Called from any thread; may do nothing where the work cannot be stopped."""


class Stream:
    """Work that goes on until it is told to end. Put into `works` and `streams`, at id(stream)."""

    since: float
    name: str

    def tell(self) -> None:
        """The server goes away: say goodbye. Any thread; at most once."""
        raise NotImplementedError


class Works:
    """All work in flight."""

    def __init__(self) -> None:
        self.all: dict[int, InFlight] = {}
        """By identity. Adapters put their own records in and take them out, at id(record)."""
        self.elsewhere: list[Callable[[], Sequence[InFlight]]] = []
        """Asked for work that a task queue keeps the account of itself."""

    def __len__(self) -> int:
        return len(self.all) + sum(len(ask()) for ask in self.elsewhere)

    def listed(self) -> list[InFlight]:
        """The oldest first. A copy: the others go on meanwhile."""
        while True:
            try:
                found = list(self.all.values())
            except RuntimeError:  # it changed while it was read: only without the interpreter's lock
                continue
            for ask in self.elsewhere:
                found += ask()
            return sorted(found, key=lambda work: work.since)

    def finite(self) -> list[InFlight]:
        """Those that will end by themselves, the oldest first."""
        return [work for work in self.listed() if not work.endless]


class Work:
    """`with drain.work("job 17"):`, also with `async with`. One object for one piece of work."""

    __slots__ = ("endless", "name", "on_cancel", "since", "works")

    def __init__(self, works: Works, name: str, *, endless: bool = False) -> None:
        self.works = works
        self.name = name
        self.endless = endless
        self.since = 0.0
        self.on_cancel: object = None

    def __enter__(self) -> Work:
        self.since = time.monotonic()
        self.works.all[id(self)] = self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.works.all.pop(id(self), None)

    async def __aenter__(self) -> Work:
        """Unless something else is to be done when its time is over, the task is cancelled."""
        import asyncio

        task = asyncio.current_task()
        if self.on_cancel is None and task is not None:
            loop = task.get_loop()

            def cancel() -> None:
                if self.works.all.get(id(self)) is self:  # else it has ended since, and the task does something else
                    task.cancel()

            self.on_cancel = lambda: None if loop.is_closed() else loop.call_soon_threadsafe(cancel)
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, where)

    def cancel(self) -> None:
        """Call what `on_cancel` names, if anything."""
        if callable(self.on_cancel):
            self.on_cancel()
