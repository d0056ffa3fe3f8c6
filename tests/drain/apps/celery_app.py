"""A Celery app; `BARE=1` leaves the library out."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery

from lameduck import drain
from tests.drain.apps import jobs

app: Any = Celery("naps", broker=os.environ["REDIS_URL"])
if not os.environ.get("BARE"):
    drain.celery(app)


@app.task(name="nap")  # type: ignore[untyped-decorator]
def nap(number: int, seconds: float) -> None:
    jobs.nap(number, seconds)


@app.task(name="once", acks_late=False)  # type: ignore[untyped-decorator]
def once(number: int, seconds: float) -> None:
    """One that must never be begun twice."""
    jobs.nap(number, seconds)


@drain.on_stop(within=1)
def flush() -> None:
    print("flushed", flush=True)
