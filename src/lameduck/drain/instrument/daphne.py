"""daphne: its server is made with the application."""

from __future__ import annotations

from typing import Any

from lameduck.drain.instrument.wrapping import wrapped_asgi

__all__ = ["instrument"]


def instrument(module: Any) -> None:
    """`module` is daphne.server."""
    make = module.Server.__init__

    def made(self: Any, application: Any, *rest: Any, **named: Any) -> None:
        make(self, wrapped_asgi(application), *rest, **named)

    module.Server.__init__ = made
