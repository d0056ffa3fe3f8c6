"""granian: `serve` takes a `target_loader`, which each worker calls to get the application."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from lameduck.drain.instrument.wrapping import wrapped_asgi, wrapped_wsgi

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["instrument"]


def instrument(module: Any) -> None:
    """`module` is granian.server.common."""
    serve = module.AbstractServer.serve

    def serve_wrapped(
        self: Any, spawn_target: Any = None, target_loader: Any = None, wrap_loader: bool = True, **named: Any
    ) -> Any:
        interface = str(getattr(self.interface, "value", self.interface))
        if target_loader is None:
            load = partial(module.load_target, self.target, wd=self.working_dir, factory=self.factory)
        else:
            load = partial(target_loader, self.target) if wrap_loader else target_loader
        if interface in ("asgi", "asginl", "wsgi"):
            load = partial(load_wrapped, load, interface)
        return serve(self, spawn_target, load, wrap_loader=False, **named)

    module.AbstractServer.serve = serve_wrapped


def load_wrapped(load: Callable[[], Any], interface: str) -> Any:
    """In the worker: a function of a module, because it may have to be pickled."""
    return (wrapped_wsgi if interface == "wsgi" else wrapped_asgi)(load())
