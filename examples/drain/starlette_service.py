"""Starlette, with the library as a middleware: `uvicorn starlette_service:app`.

A subscriber's stream of events is ended between two events, at a time of its own, so that the subscribers do not all
come back at once.
"""

import asyncio
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from lameduck import drain


async def home(request: Request) -> Response:
    return PlainTextResponse("ok")


async def ticks() -> AsyncIterator[str]:
    number = 0
    while True:
        yield f"id: {number}\ndata: tick\n\n"
        number += 1
        await asyncio.sleep(0.2)


async def events(request: Request) -> Response:
    return StreamingResponse(ticks(), media_type="text/event-stream")


app = Starlette(
    routes=[Route("/", home), Route("/events", events)],
    middleware=[Middleware(drain.asgi, readiness="/readyz")],
)
