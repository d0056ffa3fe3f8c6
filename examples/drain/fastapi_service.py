"""FastAPI, with one line of the library: `uvicorn fastapi_service:app`.

Requests in flight are finished, the WebSocket is closed with 1001, the pool is closed after the last request.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

from lameduck import drain


class Pool:
    """Stands for a database's pool of connections."""

    def __init__(self) -> None:
        self.open = True

    async def close(self) -> None:
        self.open = False
        print("pool closed", flush=True)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.pool = Pool()
    yield
    await app.state.pool.close()


api = FastAPI(lifespan=lifespan)


@api.get("/")
async def read() -> dict[str, bool]:
    return {"open": api.state.pool.open}


@api.get("/slow")
async def slow() -> dict[str, bool]:
    await asyncio.sleep(1)
    return {"open": api.state.pool.open}


@api.websocket("/ws")
async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    try:
        while True:
            await websocket.send_text(await websocket.receive_text())
    except WebSocketDisconnect as left:
        print(f"left with {left.code}", flush=True)


@drain.on_stop(within=2)
async def flush() -> None:
    # The requests are over, and the pool is still open.
    print(f"flushed, pool open: {api.state.pool.open}", flush=True)


app = drain.asgi(api, readiness="/readyz")
