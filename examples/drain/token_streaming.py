"""Tokens streamed from a model, one request at a time on the device: `uvicorn token_streaming:app`.

An answer that is streamed to a POST has an end, so a stop waits for it like for any other request, also while it is
still queued. What is not done when the time is over says so in its last event, instead of breaking off.
"""

import asyncio
import json
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from lameduck import drain

TOKEN_S = 0.02
STOPS_EARLY_S = 1.0
"""Before work in flight is cancelled, an answer is ended with what there is."""
device = asyncio.Lock()


async def tokens(prompt: str, count: int) -> AsyncIterator[str]:
    """Stands for the model."""
    async with device:
        for number in range(count):
            await asyncio.sleep(TOKEN_S)
            yield f"{prompt}-{number}"


async def answer(prompt: str, count: int) -> AsyncIterator[str]:
    finish = "stop"
    async for token in tokens(prompt, count):
        yield f"data: {json.dumps({'token': token})}\n\n"
        if drain.stopping and drain.remaining_s() < STOPS_EARLY_S:
            finish = "server-stopping"  # the client can go on elsewhere from here
            break
    yield f"data: {json.dumps({'finish': finish})}\n\n"


async def complete(request: Request) -> Response:
    asked = await request.json()
    return StreamingResponse(answer(asked["prompt"], asked["count"]), media_type="text/event-stream")


app = drain.asgi(Starlette(routes=[Route("/complete", complete, methods=["POST"])]), readiness="/readyz")
