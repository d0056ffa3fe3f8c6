"""werkzeug's development server, and so Flask's `app.run` and `flask run`: `run_simple` is given the application."""

from __future__ import annotations

from typing import Any

from lameduck.drain.instrument.wrapping import wrapped_wsgi

__all__ = ["instrument"]


def instrument(module: Any) -> None:
    """`module` is werkzeug.serving."""
    run = module.run_simple

    def run_wrapped(hostname: str, port: int, application: Any, *rest: Any, **named: Any) -> Any:
        return run(hostname, port, wrapped_wsgi(application), *rest, **named)

    module.run_simple = run_wrapped
