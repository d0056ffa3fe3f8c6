"""A Dramatiq broker; `BARE=1` leaves the library out."""

from __future__ import annotations

import os

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from lameduck import drain
from tests.drain.apps import jobs

broker = RedisBroker(url=os.environ["REDIS_URL"])  # type: ignore[no-untyped-call]
if not os.environ.get("BARE"):
    drain.dramatiq(broker)
dramatiq.set_broker(broker)


@dramatiq.actor
def nap(number: int, seconds: float) -> None:
    jobs.nap(number, seconds)


@drain.on_stop(within=1)
def flush() -> None:
    print("flushed", flush=True)
