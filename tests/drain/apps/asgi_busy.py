"""asgi_app as one that gets so many requests that they are only passed on: all of them, after the first."""

from __future__ import annotations

from lameduck.drain.servers import asgi_pace

asgi_pace.BUSY_FROM_PER_S = 0.0
asgi_pace.LOOKS_EVERY = 2

from tests.drain.apps.asgi_app import drained  # noqa: E402  it is to be made with these

__all__ = ["drained"]
