"""Settings of arq's workers; `BARE=1` leaves the library out."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from arq.connections import RedisSettings

from lameduck import drain
from tests.drain.apps import jobs


async def nap(_context: dict[str, Any], number: int, seconds: float) -> None:
    again = jobs.begun(number)
    jobs.tell("begin", number)
    if not again:
        await asyncio.sleep(seconds)
    jobs.tell("end", number)


async def closed(_context: dict[str, Any]) -> None:
    print("closed", flush=True)


class Settings:
    functions = (nap,)
    redis_settings = RedisSettings.from_dsn(os.environ["REDIS_URL"])
    on_shutdown = closed
    max_jobs = 2


if not os.environ.get("BARE"):
    drain.arq(Settings)


@drain.on_stop(within=1)
async def flush() -> None:
    print("flushed", flush=True)
