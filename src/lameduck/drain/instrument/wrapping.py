"""Put the library around an application, once."""

from __future__ import annotations

from typing import Any

from lameduck.drain.servers.asgi import ASGI
from lameduck.drain.servers.wsgi import WSGI

__all__ = ["wrapped_asgi", "wrapped_wsgi"]


def wrapped_asgi(app: Any) -> Any:
    """The ASGI application with the library around it."""
    return app if isinstance(app, ASGI | WSGI) else ASGI(app)


def wrapped_wsgi(app: Any) -> Any:
    """The WSGI application with the library around it."""
    return app if isinstance(app, ASGI | WSGI) else WSGI(app)
