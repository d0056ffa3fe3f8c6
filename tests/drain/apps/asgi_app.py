"""An ASGI application without a framework, for every server: plain, slow, streamed and socket answers.

`app` is bare, `drained` the same with the library around it.
"""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any

from lameduck import drain

SLOW_S = float(os.environ.get("APP_SLOW_S", "1.5"))
START_S = float(os.environ.get("APP_START_S", "0"))


async def app(scope: Any, receive: Any, send: Any) -> None:
    """`/` at once, `/slow` after SLOW_S, `/events` (server-sent) for ever, `/tokens` (POST, server-sent) 20 and its
    end, `/pid` the worker, `/block` holds the whole loop for SLOW_S, a WebSocket that echoes."""
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            print(message["type"], flush=True)
            if message["type"] == "lifespan.startup":
                await asyncio.sleep(START_S)
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    if scope["type"] == "websocket":
        await echo(receive, send)
    elif scope["path"] in ("/events", "/tokens"):
        await events(send, None if scope["path"] == "/events" else 20)
    else:
        if scope["path"] == "/slow":
            await asyncio.sleep(SLOW_S)
        elif scope["path"] == "/block":
            time.sleep(SLOW_S)  # noqa: ASYNC251  what no application should do, and many do
        body = str(os.getpid()).encode() if scope["path"] == "/pid" else b"ok"
        headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def echo(receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            print("websocket.disconnect", message.get("code"), flush=True)
            return
        await send({"type": "websocket.send", "text": message.get("text") or ""})


async def events(send: Any, count: int | None) -> None:
    headers = [(b"content-type", b"text/event-stream")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    number = 0
    while count is None or number < count:
        await send({"type": "http.response.body", "body": b"data: %d\n\n" % number, "more_body": True})
        number += 1
        await asyncio.sleep(0.1)
    await send({"type": "http.response.body", "body": b"", "more_body": False})


drained = drain.asgi(app, readiness="/readyz")


@drain.on_stop(within=2)
def flush() -> None:
    """What every service has to do at its end."""
    print("flushed", flush=True)
