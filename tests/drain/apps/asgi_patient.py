"""The ASGI test application in a process that waits long for the first byte of those who have just connected."""

from __future__ import annotations

from lameduck.drain import idle
from tests.drain.apps.asgi_app import drained

__all__ = ["drained"]

idle.REQUESTS_FOLLOW_WITHIN_S = 5.0
