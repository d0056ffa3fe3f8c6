"""An ASGI application that knows only HTTP, as Django's: it fails on the lifespan's scope."""

from __future__ import annotations

from typing import Any

from lameduck import drain


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        raise ValueError(f"only HTTP, not {scope['type']}")
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


drained = drain.asgi(app)


@drain.on_stop
async def flush() -> None:
    print("flushed", flush=True)
