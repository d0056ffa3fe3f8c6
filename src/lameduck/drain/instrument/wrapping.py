"""Put the library around an application, once."""

from __future__ import annotations

from typing import Any

from lameduck.drain.servers.asgi import asgi, is_asgi
from lameduck.drain.servers.wsgi import WSGI

__all__ = ["wrapped_asgi", "wrapped_wsgi"]


def wrapped_asgi(app: Any) -> Any:
    """The ASGI application with the library around it."""
    return app if is_drained(app) else asgi(app)


def wrapped_wsgi(app: Any) -> Any:
    """The WSGI application with the library around it."""
    return app if is_drained(app) else WSGI(app)


def is_drained(app: Any) -> bool:
    """Whether its author has put the library around it."""
    return is_asgi(app) or isinstance(app, WSGI)
