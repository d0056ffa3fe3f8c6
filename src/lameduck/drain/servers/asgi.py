"""Around an ASGI application, whatever server runs it.

A request costs little while serving: an entry in a dict and a plain function in front of `send`; and next to nothing
where so many come that even this would be felt (asgi_pace.py). From the stop signal on, HTTP/1 responses ask for the
connection's end, WebSockets are closed with 1001 and streams of events are ended, each at its own time; the server's
own signal handling is left until the lame duck is over.

What is a stream: a WebSocket, and a response to GET of text/event-stream (an EventSource can do nothing else). The same
answer to a POST is one that has an end, such as tokens from a model, and is finished like any other work.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from lameduck.drain import here
from lameduck.drain.arrivals import PROBE
from lameduck.drain.servers.asgi_pace import Pace
from lameduck.drain.servers.asgi_streams import GoingAway, Request, WebSocket
from lameduck.drain.servers.finding import find_server, prepare
from lameduck.drain.servers.granian import heed_early_signal
from lameduck.drain.servers.running_again import stay_in_front

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from lameduck.drain.process import Process

    Scope = MutableMapping[str, Any]
    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    Application = Callable[[Scope, Receive, Send], Awaitable[None]]

__all__ = ["ASGI", "GoingAway", "asgi", "is_asgi"]

PROBE_BYTES = PROBE.encode()
WANTS_EVENTS = (b"accept", b"text/event-stream")


def asgi(app: Application, *, readiness: str | None = None, streams: bool = True) -> Application:
    """`app = drain.asgi(app)`, or `app.add_middleware(drain.asgi)`.

    `readiness` is a path that answers 200 while serving and 503 from the stop on, before the application is asked;
    `streams=False` leaves WebSockets and event streams alone, up to the deadline.
    """
    attended = ASGI(app, readiness=readiness, streams=streams)

    pass_on = 0  # so many of the next requests

    # Not a method: calling an object is what would cost most here.
    async def drained(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal pass_on
        if (
            pass_on > 0
            and scope["type"] == "http"
            and WANTS_EVENTS not in scope["headers"]
            and (readiness is None or scope["path"] != readiness)
        ):
            pass_on -= 1
            try:
                await app(scope, receive, send)
            except BaseException as error:
                await pace.failed(error)
        else:
            if pass_on <= 0:
                pass_on = pace.look()
            await attended(scope, receive, send)

    def attend() -> None:
        nonlocal pass_on
        pass_on = 0

    pace = Pace(attended.process, drained.__code__, ASGI.__call__.__code__, attend)
    return drained


def is_asgi(app: object) -> bool:
    """Whether the library is around it already."""
    return getattr(app, "__module__", None) == __name__


class ASGI:
    """The application with everything attended to."""

    def __init__(self, app: Application, *, readiness: str | None = None, streams: bool = True) -> None:
        self.app = app
        self.readiness = readiness
        self.streams = streams
        self.process = here()
        self.works = self.process.works.all
        self.stood = False
        prepare(self.process)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "http":
            if not self.stood:
                self.stand()
            if self.readiness is not None and scope["path"] == self.readiness:
                await self.answer_readiness(send)
                return
            # Here, and not in a method of its own: one more coroutine would cost as much as all the rest.
            process = self.process
            request = Request(scope, send, process, self.streams)
            key = id(request)
            self.works[key] = request
            if process.leaving:
                arrival(process, scope)
            try:
                await self.app(scope, receive, request.pass_on)
            except BaseException as error:
                await request.failed(error)
            finally:
                self.works.pop(key, None)
                if request.endless:
                    process.streams.pop(key, None)
                    await request.farewell_is_said()
        elif kind == "websocket":
            if not self.stood:
                self.stand()
            await self.websocket(scope, receive, send)
        elif kind == "lifespan":
            self.stand(receive)
            await self.lifespan(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def stand(self, receive: Receive | None = None) -> None:
        """The server's handlers are in place by now: stand before them."""
        self.stood = True
        process = self.process
        process.stand(find_server(process, receive))

    async def websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        process = self.process
        if process.leaving:
            arrival(process, scope)
        if not self.streams:
            await self.app(scope, receive, send)
            return
        socket = WebSocket(scope, send)
        key = id(socket)
        process.works.all[key] = socket
        process.streams[key] = socket
        try:
            await self.app(scope, receive, socket.pass_on)
        except BaseException as error:
            await socket.failed(error)
        finally:
            process.works.all.pop(key, None)
            process.streams.pop(key, None)
            await socket.farewell_is_said()

    async def lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on, and run the hooks between the server's end and the application's own shutdown.

        For an application that knows no lifespan we answer ourselves: it is where the hooks belong.
        """
        process = self.process
        asked = False
        told_to_stop = False

        async def receive_after_hooks() -> Message:
            nonlocal asked, told_to_stop
            asked = True
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                told_to_stop = True
                if running_loop() is None:
                    process.finish()
                else:
                    await process.finish_here()
            return message

        async def send_when_started(message: Message) -> None:
            nonlocal told_to_stop
            if process.starting:
                self.started()
            told_to_stop = told_to_stop or message["type"] == "lifespan.startup.failed"
            await send(message)

        process.starting = True
        heed_early_signal(process)
        try:
            await self.app(scope, receive_after_hooks, send_when_started)
        except BaseException as error:
            if asked or not isinstance(error, Exception):
                raise
        finally:
            process.starting = False
        while not asked or not told_to_stop:
            message = await receive_after_hooks()
            await send_when_started({"type": message["type"] + ".complete"})

    def started(self) -> None:
        """The application has started up: it serves from now on."""
        process = self.process
        process.starting = False
        # Servers may put their handlers in front again, or get their listeners now.
        self.stood = False
        process.loop = running_loop()
        if process.loop is not None:
            stay_in_front(process, process.loop)

    async def answer_readiness(self, send: Send) -> None:
        from lameduck.drain.readiness import answer

        status, body = answer(self.process)
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def running_loop() -> asyncio.AbstractEventLoop | None:
    """asyncio's; None under trio."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def arrival(process: Process, scope: Scope) -> None:
    """Somebody came while we leave; the kubelet's probes do not count."""
    for name, value in scope["headers"]:
        if name == b"user-agent":
            if value.startswith(PROBE_BYTES):
                return
            break
    client = scope.get("client")
    process.arrived(None if client is None else (client[0], client[1]))
