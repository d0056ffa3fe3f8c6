"""The service that the library's benchmarks end: `/` takes milliseconds, `/slow` seconds. Bare and drained."""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any

from lameduck import drain

SHORT_S = float(os.environ.get("APP_SHORT_S", "0.005"))
SLOW_S = float(os.environ.get("APP_SLOW_S", "1.5"))


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    """ASGI."""
    if scope["type"] == "lifespan":
        while True:
            kind = (await receive())["type"]
            await send({"type": kind + ".complete"})
            if kind == "lifespan.shutdown":
                return
    seconds = SLOW_S if scope["path"] == "/slow" else SHORT_S
    if seconds:
        await asyncio.sleep(seconds)
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


def wsgi(environ: Any, start_response: Any) -> list[bytes]:
    """WSGI."""
    time.sleep(SLOW_S if environ["PATH_INFO"] == "/slow" else SHORT_S)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"ok"]


def aiohttp_app() -> Any:
    """aiohttp."""
    from aiohttp import web

    async def answer(request: web.Request) -> web.Response:
        await asyncio.sleep(SLOW_S if request.path == "/slow" else SHORT_S)
        return web.Response(text="ok")

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    return app


async def hello_asgi(scope: Any, receive: Any, send: Any) -> None:
    """The least that an ASGI application can do."""
    if scope["type"] != "http":
        return await asgi(scope, receive, send)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})
    return None


def hello_wsgi(_environ: Any, start_response: Any) -> list[bytes]:
    """The least that a WSGI application can do."""
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]


if os.environ.get("APP_BARE") != "1":  # a wrapped application is enough to have some servers watched over
    drained_asgi = drain.asgi(asgi)
    drained_hello_asgi = drain.asgi(hello_asgi)


def __getattr__(name: str) -> Any:
    """`drained_` and a name of the WSGI ones: wrapped when a server asks, since that takes SIGTERM for this process."""
    if name not in ("drained_wsgi", "drained_hello_wsgi"):
        raise AttributeError(name)
    found = globals()[name] = drain.wsgi(globals()[name.removeprefix("drained_")])
    return found
