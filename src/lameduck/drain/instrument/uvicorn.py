"""uvicorn: `Config.load` makes `loaded_app`, an ASGI 3 application whatever it was before."""

from __future__ import annotations

from typing import Any

from lameduck.drain.instrument.wrapping import wrapped_asgi

__all__ = ["instrument"]


def instrument(module: Any) -> None:
    """`module` is uvicorn.config."""
    load = module.Config.load

    def load_and_wrap(self: Any) -> None:
        load(self)
        self.loaded_app = wrapped_asgi(self.loaded_app)

    module.Config.load = load_and_wrap
