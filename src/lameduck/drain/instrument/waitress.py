"""waitress: `serve` is given the application, also by its command."""

from __future__ import annotations

from typing import Any

from lameduck.drain.instrument.wrapping import wrapped_wsgi

__all__ = ["instrument"]


def instrument(module: Any) -> None:
    """`module` is waitress."""
    serve = module.serve
    module.serve = lambda app, **settings: serve(wrapped_wsgi(app), **settings)
