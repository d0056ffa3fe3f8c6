"""aiohttp's own server (read: 3.14), under web.run_app or an AppRunner: `app = drain.aiohttp(app)`.

By itself web.run_app stops accepting on SIGTERM at once, closes idle connections, and waits for handlers up to
shutdown_timeout (60 s, longer than the default grace): WebSockets and event streams hold it up until SIGKILL, since
nobody tells them. An AppRunner leaves the signals to its program.

Documented hooks are used: a middleware around every handler, on_startup to stand in front of the signal handlers,
on_response_prepare for the connection's end, and on_cleanup, first of all, for the on_stop hooks. What is a stream: a
WebSocket, and a response to GET of text/event-stream. A WebSocket is closed with 1001; the handler of an event stream
is cancelled where it waits, and its response is ended properly.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from typing import TYPE_CHECKING, Any, TypeVar

from lameduck.drain import here
from lameduck.drain.arrivals import PROBE
from lameduck.drain.farewells import HEEDS_THE_END_WITHIN_S, TRY_AGAIN, WEBSOCKET_GOING_AWAY
from lameduck.drain.once import first_time
from lameduck.drain.works import Stream

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from lameduck.drain.process import Process

__all__ = ["aiohttp"]

Application = TypeVar("Application")

LOOKS_AFTER_S, LOOKS_UNTIL_S = 0.02, 5.0
"""A program with an AppRunner installs its own handlers some time after the application has started."""


def aiohttp(app: Application, *, readiness: str | None = None, streams: bool = True) -> Application:
    """Have an aiohttp.web.Application end without dropping work; the same application. Before it is run.

    `readiness` is a path that answers 200 while serving and 503 from the stop on; `streams=False` leaves WebSockets
    and event streams alone, up to the deadline.
    """
    if not first_time(app):
        return app
    draining = Draining(here(), readiness, streams)
    it: Any = app
    it.middlewares.insert(0, draining.middleware())
    it.on_startup.insert(0, draining.starting)
    it.on_startup.append(draining.started)
    it.on_response_prepare.append(draining.prepare)
    it.on_cleanup.insert(0, draining.cleanup)
    return app


class Request(Stream):
    """One request in flight; a stream once its response turns out to be one."""

    __slots__ = ("cancelled", "endless", "loop", "request", "response", "since", "task", "told", "under_way")

    def __init__(self, request: Any) -> None:
        self.request = request
        self.since = time.monotonic()
        self.endless = False
        self.response: Any = None
        self.told = False
        self.cancelled = False
        self.under_way = True
        self.task = asyncio.current_task()
        self.loop = asyncio.get_running_loop()

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"{self.request.method} {self.request.path}"

    def tell(self) -> None:
        if not self.told:
            self.told = True
            self.in_loop(self.end)

    def cancel(self) -> None:
        self.in_loop(self.cancel_here)

    def in_loop(self, call: Callable[[], object]) -> None:
        with contextlib.suppress(RuntimeError):  # closed: there is nobody left to tell
            self.loop.call_soon_threadsafe(call)

    def end(self) -> None:
        """In the loop."""
        if is_websocket(self.response):
            closing = self.loop.create_task(self.close())
            closing.add_done_callback(lambda _: None)
            self.loop.call_later(HEEDS_THE_END_WITHIN_S, self.cancel_here)
        else:
            self.cancel_here()

    async def close(self) -> None:
        with contextlib.suppress(ConnectionError, RuntimeError):  # the client has left meanwhile
            await self.response.close(code=WEBSOCKET_GOING_AWAY, message=b"going away")

    def cancel_here(self) -> None:
        if self.under_way and self.task is not None:
            self.cancelled = True
            self.task.cancel()

    def was_cancelled(self) -> bool:
        """Whether a cancellation is ours: it is taken, and the task goes on to end its response."""
        if self.cancelled and self.task is not None:
            self.task.uncancel()
        return self.cancelled


class Draining:
    """What is around one application."""

    def __init__(self, process: Process, readiness: str | None, streams: bool) -> None:
        self.process = process
        self.readiness = readiness
        self.streams = streams

    async def starting(self, _app: Any) -> None:
        """on_startup: the runner has installed its handlers, if it is to."""
        self.process.starting = True
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            from lameduck.drain.plain import stand

            stand(self.process)
        else:
            self.process.stand()
        self.stay_in_front(asyncio.get_running_loop())

    async def started(self, _app: Any) -> None:
        self.process.starting = False

    def stay_in_front(self, loop: asyncio.AbstractEventLoop, after_s: float = LOOKS_AFTER_S) -> None:
        def look() -> None:
            interposed = self.process.interposed
            if interposed is not None and self.process.stop is None:
                interposed.stand_before(tuple(interposed.theirs))
                self.process.serving.begin()
                if after_s < LOOKS_UNTIL_S:
                    self.stay_in_front(loop, after_s * 2)

        loop.call_later(after_s, look)

    async def cleanup(self, _app: Any) -> None:
        """on_cleanup: all handlers are done; the application's own clean-up comes after the hooks."""
        await self.process.finish_here()

    def middleware(self) -> Any:
        """A function, as aiohttp wants it: it marks new middlewares by an attribute."""
        from aiohttp import web

        @web.middleware
        async def drain(request: Any, handler: Callable[[Any], Awaitable[Any]]) -> Any:
            if self.readiness is not None and request.path == self.readiness:
                return self.answer_readiness()
            return await self.answer(request, handler)

        return drain

    async def answer(self, request: Any, handler: Callable[[Any], Awaitable[Any]]) -> Any:
        process = self.process
        work = Request(request)
        key = id(request)
        process.works.all[key] = work
        if process.leaving:
            self.arrived(request)
        try:
            return await handler(request)
        except asyncio.CancelledError:
            if not work.was_cancelled():
                raise
            if work.response is None:
                return self.unavailable()
            if not work.told:
                raise  # half a response: only the end of its connection tells the client
            return work.response
        finally:
            work.under_way = False
            process.works.all.pop(key, None)
            process.streams.pop(key, None)

    async def prepare(self, request: Any, response: Any) -> None:
        """on_response_prepare: the response begins."""
        process = self.process
        work = process.works.all.get(id(request))
        upgrade = is_websocket(response)
        if isinstance(work, Request):
            work.response = response
            stream = upgrade or (request.method == "GET" and response.content_type == "text/event-stream")
            if stream and self.streams:
                work.endless = True
                process.streams[id(request)] = work
        if process.leaving and not upgrade:
            response.force_close()
            response.headers["Connection"] = "close"

    def arrived(self, request: Any) -> None:
        """Somebody came while we leave; the kubelet's probes do not count."""
        if not request.headers.get("User-Agent", "").startswith(PROBE):
            peer = None if request.transport is None else request.transport.get_extra_info("peername")
            self.process.arrived(peer[:2] if isinstance(peer, tuple) else None)

    def answer_readiness(self) -> Any:
        from aiohttp import web

        from lameduck.drain.readiness import answer

        status, body = answer(self.process)
        return web.Response(status=status, body=body, content_type="text/plain")

    def unavailable(self) -> Any:
        from aiohttp import web

        return web.Response(status=503, text=TRY_AGAIN, headers={"Retry-After": "0"})


def is_websocket(response: Any) -> bool:
    from aiohttp import web

    return isinstance(response, web.WebSocketResponse)
