"""One ASGI request or WebSocket in flight: how it is counted, told to end, and cancelled.

A stream is ended by ourselves: we send its last message in the application's place, between two of its own. Its next
send then fails as if the client had left, which frameworks know how to handle, and its receive says so.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from asyncio import current_task
from time import monotonic
from typing import TYPE_CHECKING, Any

from lameduck.drain import here
from lameduck.drain.farewells import HEEDS_THE_END_WITHIN_S, TRY_AGAIN, WEBSOCKET_GOING_AWAY
from lameduck.drain.works import Stream

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from lameduck.drain.process import Process

    Scope = MutableMapping[str, Any]
    Message = MutableMapping[str, Any]
    Send = Callable[[Message], Awaitable[None]]

__all__ = ["GoingAway", "Request", "WebSocket"]

CLOSE = (b"connection", b"close")
EVENT_ENDS = (b"\n\n", b"\r\n\r\n", b"\r\r")
"""Server-sent events, 9.2.5 of the HTML standard: an empty line ends an event."""
DISCONNECTS = frozenset({"ClientDisconnect", "WebSocketDisconnect", "ClientDisconnected"})
"""What frameworks make of it."""


class GoingAway(OSError):
    """Raised in an application that sends to a stream after it was ended: as if the client had left (ASGI, `send`)."""


class Told(Stream):
    """What requests and WebSockets share: the task they run in, and the end that we give them."""

    # Of the class until they change: one is made for each request, and what it costs is all that a request costs.
    endless = False
    told = False
    ended = False
    sending = False
    cancelled = False
    ending: asyncio.Task[None] | None = None
    task: asyncio.Task[Any] | None = None
    """None under trio: nothing can be told from a thread, and the server's own ending has to do."""
    scope: Scope
    send: Send

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        if self.task is None:
            return None
        try:
            return self.task.get_loop()
        except RuntimeError:
            return here().loop  # type: ignore[no-any-return]  # granian --task-impl rust: all share one that has none

    def tell(self) -> None:
        """End the stream as soon as it is between two of its messages."""
        if not self.told:
            self.told = True
            self.in_loop(self.end_if_whole)

    def cancel(self) -> None:
        """The time is over."""
        self.cancelled = True
        if self.task is not None:
            self.in_loop(self.task.cancel)

    def in_loop(self, call: Callable[[], object]) -> None:
        loop = self.loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # closed: there is nobody left to tell
                loop.call_soon_threadsafe(call)

    def end_if_whole(self) -> None:
        """In the loop."""
        if self.told and not self.ended and not self.sending and self.is_whole():
            self.ended = True
            self.ending = asyncio.ensure_future(self.end())

    def is_whole(self) -> bool:
        raise NotImplementedError

    def last_message(self) -> Message:
        raise NotImplementedError

    async def end(self) -> None:
        try:
            await self.send(self.last_message())
        except Exception:  # the client has left meanwhile, or the server does not take the message
            self.end_otherwise()
        if self.task is not None and self.loop is not None:
            self.loop.call_later(HEEDS_THE_END_WITHIN_S, self.insist)

    def end_otherwise(self) -> None:
        """Where the server has another way to end it."""

    async def farewell_is_said(self) -> None:
        """The application has left: a server closes what it finds unfinished then, so our last message goes first."""
        if self.ending is not None and not self.ending.done():
            await asyncio.wait({self.ending}, timeout=HEEDS_THE_END_WITHIN_S)

    def insist(self) -> None:
        if self.task is not None and not self.task.done():
            self.cancelled = True
            self.task.cancel()

    async def failed(self, error: BaseException) -> None:
        """The application left with an error: raise it again, unless it is only the end that we gave it."""
        if isinstance(error, asyncio.CancelledError):
            if not (self.cancelled and self.ended):
                raise error
            if self.task is not None:
                self.task.uncancel()  # taken: the server's own task goes on
            return
        if not (self.ended and comes_from_farewell(error)):
            raise error


class Request(Told):
    """One HTTP request; a stream once its response turns out to be one."""

    response: Message | None = None
    whole = True

    def __init__(self, scope: Scope, send: Send, process: Process, streams: bool) -> None:
        self.scope = scope
        self.send = send
        self.process = process
        self.streams = streams
        self.since = monotonic()
        try:
            self.task = current_task()
        except RuntimeError:
            self.task = None

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"{self.scope['method']} {self.scope['path']}"

    def pass_on(self, message: Message) -> Awaitable[None]:
        """In front of the server's send. A plain function: one coroutine less for every message."""
        if self.response is None:
            if message["type"] == "http.response.start":
                self.response = message
                if self.process.leaving and self.scope["http_version"][0] == "1":
                    message = closing(message)
            return self.send(message)
        if not self.endless and not (message.get("more_body") and self.begins_stream()):
            return self.send(message)
        return self.send_piece(message)

    def begins_stream(self) -> bool:
        """Whether this response goes on until it is told: at its first piece, and never asked again if it is not."""
        if not self.streams or self.scope["method"] != "GET" or not is_event_stream(self.response):
            self.streams = False
            return False
        self.endless = True
        self.process.streams[id(self)] = self
        return True

    async def send_piece(self, message: Message) -> None:
        if self.ended:
            raise GoingAway("this server goes away: the stream has been ended")
        self.sending = True
        try:
            await self.send(message)
        finally:
            self.sending = False
        body = message.get("body", b"")
        if body:
            self.whole = body.endswith(EVENT_ENDS)
        if not message.get("more_body", False):
            self.ended = True
        self.end_if_whole()

    def is_whole(self) -> bool:
        return self.whole

    def last_message(self) -> Message:
        return {"type": "http.response.body", "body": b"", "more_body": False}

    async def failed(self, error: BaseException) -> None:
        if self.cancelled and self.response is None and isinstance(error, asyncio.CancelledError):
            # The client is told, instead of being cut off.
            if self.task is not None:
                self.task.uncancel()
            body = TRY_AGAIN.encode()
            headers = [
                (b"content-type", b"text/plain; charset=utf-8"),
                (b"content-length", b"%d" % len(body)),
                (b"retry-after", b"0"),
            ]
            start: Message = {"type": "http.response.start", "status": 503, "headers": headers}
            await self.pass_on(start)
            await self.send({"type": "http.response.body", "body": body})
            return
        await super().failed(error)


class WebSocket(Told):
    """One WebSocket."""

    endless = True
    accepted = False

    def __init__(self, scope: Scope, send: Send) -> None:
        self.scope = scope
        self.send = send
        self.since = monotonic()
        with contextlib.suppress(RuntimeError):
            self.task = current_task()

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"WebSocket {self.scope['path']}"

    async def pass_on(self, message: Message) -> None:
        if self.ended:
            raise GoingAway("this server goes away: the WebSocket has been closed")
        self.sending = True
        try:
            await self.send(message)
        finally:
            self.sending = False
        kind = message["type"]
        if kind == "websocket.accept":
            self.accepted = True
        elif kind == "websocket.close":
            self.ended = True
        self.end_if_whole()

    def is_whole(self) -> bool:
        return self.accepted

    def last_message(self) -> Message:
        return {"type": "websocket.close", "code": WEBSOCKET_GOING_AWAY, "reason": "going away"}

    def end_otherwise(self) -> None:
        if "daphne.server" in sys.modules:
            from lameduck.drain.servers.daphne import close

            close(self.send, WEBSOCKET_GOING_AWAY)


def closing(message: Message) -> Message:
    """The start of a response that asks for the connection's end (RFC 9112, 9.6)."""
    headers = [header for header in message.get("headers", ()) if header[0].lower() != b"connection"]
    return {**message, "headers": [*headers, CLOSE]}


def is_event_stream(response: Message | None) -> bool:
    for name, value in () if response is None else response.get("headers", ()):
        if name.lower() == b"content-type":
            return bool(value.startswith(b"text/event-stream"))
    return False


def comes_from_farewell(error: BaseException | None) -> bool:
    """Whether an error is ours, wraps it, or is what a framework makes of a client that has left."""
    for _ in range(10):
        if error is None:
            return False
        if isinstance(error, GoingAway) or type(error).__name__ in DISCONNECTS:
            return True
        if isinstance(error, BaseExceptionGroup):
            return all(comes_from_farewell(part) for part in error.exceptions)
        error = error.__cause__ or error.__context__
    return False
