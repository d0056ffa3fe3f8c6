"""uvicorn inside a program of its own: `await Server(...).serve()`."""

from __future__ import annotations

import asyncio
import sys

import uvicorn

from tests.drain.apps.asgi_app import drained


async def main(port: int) -> None:
    await uvicorn.Server(uvicorn.Config(drained, port=port)).serve()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
