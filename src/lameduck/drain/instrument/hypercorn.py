"""hypercorn: its two wrappers hold the application, and are made wherever one is loaded."""

from __future__ import annotations

from typing import Any

from lameduck.drain.instrument.wrapping import wrapped_asgi, wrapped_wsgi

__all__ = ["instrument"]


def instrument(module: Any) -> None:
    """`module` is hypercorn.app_wrappers."""
    asgi, wsgi = module.ASGIWrapper.__init__, module.WSGIWrapper.__init__

    def hold_asgi(self: Any, app: Any, *rest: Any, **named: Any) -> None:
        asgi(self, wrapped_asgi(app), *rest, **named)

    def hold_wsgi(self: Any, app: Any, *rest: Any, **named: Any) -> None:
        wsgi(self, wrapped_wsgi(app), *rest, **named)

    module.ASGIWrapper.__init__ = hold_asgi
    module.WSGIWrapper.__init__ = hold_wsgi
