"""gunicorn: `BaseApplication.wsgi` answers the application; the class of the workers says of which kind it is."""

from __future__ import annotations

from typing import Any

from lameduck.drain.instrument.wrapping import wrapped_asgi, wrapped_wsgi

__all__ = ["instrument"]

ASGI_WORKERS = ("asgi", "uvicorn", "gasgi")


def instrument(module: Any) -> None:
    """`module` is gunicorn.app.base."""
    load = module.BaseApplication.wsgi

    def load_and_wrap(self: Any) -> Any:
        app = load(self)
        name = str(getattr(self.cfg, "worker_class_str", ""))
        self.callable = (wrapped_asgi if name.startswith(ASGI_WORKERS) else wrapped_wsgi)(app)
        return self.callable

    module.BaseApplication.wsgi = load_and_wrap
