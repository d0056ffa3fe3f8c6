"""An application of aiohttp, run in the ways in which it is run: `python -m tests.drain.apps.aiohttp_app HOW PORT`.

It answers what asgi_app answers; APP_BARE=1 leaves the library out.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from aiohttp import WSMsgType, web

from lameduck import drain

SLOW_S = float(os.environ.get("APP_SLOW_S", "1.5"))


async def at_once(_request: web.Request) -> web.Response:
    return web.Response(text="ok")


async def slow(_request: web.Request) -> web.Response:
    print("slow begins", flush=True)
    await asyncio.sleep(SLOW_S)
    return web.Response(text="ok")


async def events(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    number = 0
    try:
        while request.method == "GET" or number < 20:
            await response.write(b"data: %d\n\n" % number)
            number += 1
            await asyncio.sleep(0.1)
    finally:
        print("events end", flush=True)
    return response


async def echo(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            await socket.send_str(message.data)
    print("websocket ends", socket.close_code, flush=True)
    return socket


async def root(request: web.Request) -> web.StreamResponse:
    return await (echo(request) if request.headers.get("Upgrade") else at_once(request))


async def tell_cleanup(_app: web.Application) -> None:
    print("cleanup", flush=True)


def application() -> web.Application:
    app = web.Application()
    app.router.add_get("/", root)
    app.router.add_get("/slow", slow)
    app.router.add_get("/events", events)
    app.router.add_post("/tokens", events)
    app.on_cleanup.append(tell_cleanup)
    return app if os.environ.get("APP_BARE") == "1" else drain.aiohttp(app, readiness="/readyz")


@drain.on_stop(within=2)
async def flush() -> None:
    print("flushed", flush=True)


async def with_runner(port: int, *, handler: bool) -> None:
    """As programs do that have more to run than a server; with a signal handler of their own, or without any."""
    runner = web.AppRunner(application())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    stop = asyncio.Event()
    if handler:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    try:
        await stop.wait()
    finally:
        await runner.cleanup()


def main(how: str, port: int) -> None:
    if how == "run-app":
        web.run_app(application(), host="127.0.0.1", port=port, print=None)
    else:
        asyncio.run(with_runner(port, handler=how == "runner"))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
